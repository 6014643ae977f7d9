//! `coffer completion`.

use crate::cli::Cli;
use crate::context::Context;
use crate::error::Result;
use clap::CommandFactory as _;
use clap_complete::Shell;

/// Writes the script.
pub(crate) fn run(context: &Context, shell: Shell) -> Result {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "coffer", &mut script);
    context.out.text(&String::from_utf8_lossy(&script))
}
