//! What the commands have in common that work on the server's host, beside the server or while it is stopped: which
//! configuration is meant.

use crate::cli::ServeArgs;
use crate::config::Config;
use crate::context::Context;
use crate::error::Result;
use clap::Args;
use std::path::PathBuf;

/// Where the server's things are.
#[derive(Args)]
pub(crate) struct HostArgs {
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
    /// Root key file [default: coffer/root.key in your configuration folder]
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
    /// SQLite file, or URL of a PostgreSQL database without password [default: coffer.db in the data folder]
    #[arg(long, value_name = "PATH|URL", conflicts_with = "database_file")]
    database: Option<String>,
    /// File that holds the database URL with its password
    #[arg(long, value_name = "FILE")]
    database_file: Option<String>,
}

impl HostArgs {
    /// The configuration that they amount to.
    pub(crate) fn load(self, context: &Context) -> Result<Config> {
        let serve = ServeArgs {
            config: self.config,
            data: self.data,
            key_file: self.key_file,
            database: self.database,
            database_file: self.database_file,
            ..ServeArgs::default()
        };
        Ok(crate::load(&serve, context)?.config)
    }
}
