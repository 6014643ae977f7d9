//! What the commands have in common that work on the server's host, beside the server or while it is stopped: which
//! configuration is meant.

use crate::cli::ServeArgs;
use crate::config::Config;
use crate::context::Context;
use crate::error::Result;
use clap::Args;
use std::path::PathBuf;

/// Where the server's data is.
#[derive(Args)]
pub(crate) struct DataArgs {
    /// Configuration file [default: coffer.toml in this folder, if there is one]
    #[arg(
        long,
        value_name = "FILE",
        env = "COFFER_CONFIG",
        hide_env_values = true
    )]
    config: Option<PathBuf>,
    /// Data folder [default: ./coffer-data]
    #[arg(long, value_name = "FOLDER")]
    data: Option<String>,
    /// SQLite file, or URL of a PostgreSQL database without password [default: coffer.db in the data folder]
    #[arg(long, value_name = "PATH|URL", conflicts_with = "database_file")]
    database: Option<String>,
    /// File that holds the database URL with its password
    #[arg(long, value_name = "FILE")]
    database_file: Option<String>,
}

/// Where the server's things are: data and keys.
#[derive(Args)]
pub(crate) struct HostArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Root key file [default: coffer/root.key in your configuration folder]
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
}

impl DataArgs {
    /// The configuration that they amount to.
    pub(crate) fn load(self, context: &Context) -> Result<Config> {
        load(self, None, context)
    }
}

impl HostArgs {
    /// The configuration that they amount to.
    pub(crate) fn load(self, context: &Context) -> Result<Config> {
        load(self.data, self.key_file, context)
    }
}

fn load(data: DataArgs, key_file: Option<String>, context: &Context) -> Result<Config> {
    let serve = ServeArgs {
        config: data.config,
        data: data.data,
        key_file,
        database: data.database,
        database_file: data.database_file,
        ..ServeArgs::default()
    };
    Ok(crate::load(&serve, context)?.config)
}
