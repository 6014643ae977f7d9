//! The one binary: configuration, the command line, and the place where the server is put together.
//!
//! Only here are the process environment, the terminal and the exit code known.

mod anchor_file;
mod checkpoints;
mod cli;
mod commands;
mod config;
mod context;
mod credentials;
mod docs;
mod error;
mod host;
mod memory;
mod output;
mod signals;
mod telemetry;
mod tls;

use clap::Parser as _;
use cli::{Cli, Command, ServeArgs};
use context::Context;
use error::{CommandError, Exit, Result};
use output::Out;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Version, and commit where the build knows it.
const BUILD: &str = match option_env!("COFFER_BUILD") {
    Some(build) => build,
    None => env!("CARGO_PKG_VERSION"),
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let environment = environment();
    let out = Out::new(cli.global.output, &environment);
    let context = Context {
        out,
        global: cli.global,
        environment,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(Box::pin(run(cli.command, &context))),
        Err(error) => {
            Err(CommandError::new(Exit::Internal, "no threads can be started").because(&error))
        }
    };
    match done {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) if error.broken_pipe => ExitCode::SUCCESS,
        Err(error) => {
            out.error(&error);
            ExitCode::from(error.exit as u8)
        }
    }
}

async fn run(command: Command, context: &Context) -> Result<Exit> {
    match command {
        Command::Serve(args) => {
            let loaded = load(&args, context)?;
            Box::pin(commands::serve::run(context, loaded.config)).await?;
        }
        Command::Demo(args) => Box::pin(commands::demo::run(context, args)).await?,
        Command::Agent(args) => commands::agent::run(context, args).await?,
        Command::Login(args) => commands::login::login(context, args).await?,
        Command::Logout => commands::login::logout(context)?,
        Command::Whoami => commands::login::whoami(context).await?,
        Command::File(command) => commands::file::run(context, command).await?,
        Command::Pipeline(command) => commands::pipeline::run(context, command).await?,
        Command::Permission(command) => commands::permission::run(context, command).await?,
        Command::Freeze(command) => commands::freeze::freeze(context, command).await?,
        Command::Unfreeze(command) => commands::freeze::unfreeze(context, command).await?,
        Command::Run(command) => return commands::run::run(context, command).await,
        Command::Audit(command) => return commands::audit::run(context, command).await,
        Command::Anchor(command) => return commands::anchor::run(context, command).await,
        Command::Doctor(args) => return commands::doctor::run(context, args).await,
        Command::PurgeReport(args) => commands::purge_report::run(context, args).await?,
        Command::Backup(args) => commands::backup::run(context, args).await?,
        Command::User(command) => commands::user::run(context, command).await?,
        Command::Group(command) => commands::group::run(context, command).await?,
        Command::Token(command) => commands::token::run(context, command).await?,
        Command::Role(command) => commands::role::run(context, command).await?,
        Command::Project(command) => commands::project::run(context, command).await?,
        Command::Organization(command) => commands::organization::run(context, command).await?,
        Command::Key(command) => return commands::key::run(context, command).await,
        Command::Config(command) => return commands::config::run(context, command),
        Command::Completion { shell } => commands::completion::run(context, shell)?,
        Command::DocsCli => context.out.text(&docs::page())?,
        Command::DocsConfig => context.out.text(&config::reference::page())?,
    }
    Ok(Exit::Success)
}

/// The server's configuration, out of all its layers.
fn load(args: &ServeArgs, context: &Context) -> Result<config::Loaded> {
    Ok(config::load(&inputs(args, context)?)?)
}

/// The layers, not yet laid over one another.
fn inputs(args: &ServeArgs, context: &Context) -> Result<config::Inputs> {
    let inputs = config::Inputs::of_process(
        context.environment.clone(),
        args.config.as_deref(),
        args.flags(),
        BUILD.to_owned(),
    )?;
    Ok(inputs)
}

/// The environment, as far as it is text.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
