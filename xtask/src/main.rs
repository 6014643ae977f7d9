//! The project's own chores: `cargo xtask test`, `deps`, `soak` and `perf`.
//!
//! It knows the workspace from the outside only, through cargo and the files in the checkout,
//! and must depend on no crate of ours: it has to work when none of them compiles.

#![expect(
    clippy::disallowed_methods,
    reason = "a task runner starts commands, reads its environment and tells how long they took"
)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner talks to a person"
)]

mod effort;
mod fuzz;
mod process;
mod rules;
mod suite;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

const HELP: &str = "\
The project's chores.

Usage: cargo xtask COMMAND

  test    install what the tests need, then check and test everything
  deps    check crate edges and the rules about files
  soak    run the tests that have a long form, for minutes instead of moments, and the fuzz targets
  perf    run the measurements and print them; never a pass or a failure

`cargo xtask COMMAND --help` tells more.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    let outcome = match command {
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(true)
        }
        "test" => suite::main(rest),
        "deps" => deps(rest),
        "soak" => effort::soak(rest),
        "perf" => effort::perf(rest),
        other => Err(anyhow::anyhow!(
            "there is no chore named {other}; `cargo xtask help` lists them"
        )),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs the rules alone; true when nothing breaks them.
fn deps(arguments: &[String]) -> anyhow::Result<bool> {
    if let Some(argument) = arguments.first() {
        let help = matches!(argument.as_str(), "--help" | "-h");
        anyhow::ensure!(help, "`deps` takes no argument, and was given {argument}");
        println!(
            "Checks which crate may depend on which, and the rules about files.\n\n\
             Usage: cargo xtask deps\n\n\
             The rules and their reasons: docs/style.md."
        );
        return Ok(true);
    }
    let breaches = rules::check(&Workspace::find()?)?;
    for breach in &breaches {
        println!("{breach}");
    }
    match breaches.len() {
        0 => println!("edges and files follow the rules"),
        count => println!("{count} to put right"),
    }
    Ok(breaches.is_empty())
}
