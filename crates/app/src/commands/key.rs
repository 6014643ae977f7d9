//! `coffer key`: what officers do about keys.

use super::break_glass::{self, BreakGlassCommand};
use crate::context::Context;
use crate::error::Result;
use clap::Subcommand;

/// Verbs of `key`.
#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Have the content of one file encrypted to somebody: two officers together
    #[command(subcommand, name = "break-glass")]
    BreakGlass(BreakGlassCommand),
}

/// Runs `key`.
pub(crate) async fn run(context: &Context, command: KeyCommand) -> Result {
    match command {
        KeyCommand::BreakGlass(command) => Box::pin(break_glass::run(context, command)).await,
    }
}
