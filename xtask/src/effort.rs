//! Long runs and measurements: `cargo xtask soak` and `cargo xtask perf`.
//!
//! A test with a long form has `soak_` in its name. `cargo xtask test` runs it with its small,
//! fixed effort; `soak` runs the same test with `COFFER_EFFORT=soak`, for about
//! `COFFER_SOAK_MINUTES`, and shows what it prints: its counts and its seed. Measurements are
//! examples of crates; they print, and assert no time.

use anyhow::{Context as _, bail, ensure};

use crate::fuzz;
use crate::process::{cargo_command, stream};
use crate::suite::{Surroundings, counted, selection};
use crate::workspace::Workspace;

const SOAK_HELP: &str = "\
Runs the tests that have a long form, in release, one after the other, and shows what they print; then the fuzz targets
(fuzz/README.md), where the nightly compiler and cargo-fuzz are installed.

Usage: cargo xtask soak --minutes N [--package NAME] [-- FILTER]

  --minutes N      how long each such test goes on, and all fuzz targets together
  --package NAME   the tests of this crate alone
  FILTER           the tests whose name contains it, without fuzzing; without it, those with `soak_` in their name
  -- fuzz          the fuzz targets alone";

const PERF_HELP: &str = "\
Runs the measurements and prints them. A time is never a pass or a failure.

Usage: cargo xtask perf [NAME]

  aead      how fast a file is sealed and opened, and its key wrapped
  uploads   how many durable uploads a second, by how many at once
  lists     how long lists and queries take among 10,000 files
  memory    what zeroing freed memory costs
  ui        what the pages cost among 10, 1,000 and 100,000 files
  keys      a rotation, a start and downloads among 100,000 files
  plan      what a plan of 2,000 lines with 50 templates costs, and how it grows
  hostile   what texts cost that ask for endless work";

/// Name, package and example.
const MEASUREMENTS: &[(&str, &str, &str)] = &[
    ("aead", "seal", "aead_bench"),
    ("uploads", "testkit", "perf_uploads"),
    ("lists", "testkit", "perf_lists"),
    ("memory", "testkit", "perf_memory"),
    ("ui", "testkit", "perf_ui"),
    ("keys", "testkit", "perf_keys"),
    ("plan", "pipeline", "perf_plan"),
    ("hostile", "pipeline", "perf_hostile"),
];

/// True when no test failed.
pub(crate) fn soak(arguments: &[String]) -> anyhow::Result<bool> {
    let mut minutes = None;
    let mut packages = Vec::new();
    let mut filter = None;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .with_context(|| format!("{argument} wants a value"))
        };
        match argument.as_str() {
            "--help" | "-h" => {
                println!("{SOAK_HELP}");
                return Ok(true);
            }
            "--minutes" => {
                let text = value()?;
                let number: u32 = text
                    .parse()
                    .with_context(|| format!("{text} is not a whole number of minutes"))?;
                ensure!(number > 0, "a soak of no minutes tests nothing");
                minutes = Some(number);
            }
            "--package" | "-p" => packages = vec![value()?.clone()],
            "--" => filter = Some(value()?.clone()),
            other => bail!("{other} is not understood; `cargo xtask soak --help` tells more"),
        }
    }
    let minutes = minutes.context("say how long: `cargo xtask soak --minutes 30`")?;

    let workspace = Workspace::find()?;
    if filter.as_deref() == Some("fuzz") {
        return fuzz::run(&workspace, minutes);
    }
    let wanted = filter.as_deref().unwrap_or("soak_");
    let surroundings = Surroundings::start(&workspace)?;
    let mut command = cargo_command(&workspace.root);
    command
        .args(["test", "--release", "--no-fail-fast", "--tests"])
        .args(selection(&packages))
        .args(["--", "--nocapture", "--test-threads=1", wanted])
        .env("COFFER_EFFORT", "soak")
        .env("COFFER_SOAK_MINUTES", minutes.to_string())
        .envs(
            surroundings
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        );
    let (passed, failed, skipped) = counted(command);
    println!("\n{passed} passed, {failed} failed, {skipped} skipped");
    ensure!(passed + failed > 0, "no test has `{wanted}` in its name");
    let fuzzed = filter.is_some() || !packages.is_empty() || fuzz::run(&workspace, minutes)?;
    Ok(failed == 0 && fuzzed)
}

/// True when each measurement that was asked for ran to its end.
pub(crate) fn perf(arguments: &[String]) -> anyhow::Result<bool> {
    let name = arguments.first().map(String::as_str);
    if matches!(name, Some("--help" | "-h")) {
        println!("{PERF_HELP}");
        return Ok(true);
    }
    ensure!(
        name.is_none_or(|name| MEASUREMENTS.iter().any(|(known, ..)| *known == name)),
        "there is no measurement named {}; `cargo xtask perf --help` lists them",
        name.unwrap_or_default()
    );
    let workspace = Workspace::find()?;
    let mut well = true;
    for (measurement, folder, example) in MEASUREMENTS {
        if name.is_some_and(|name| name != *measurement) {
            continue;
        }
        println!("\n=== {measurement} ===");
        let source = format!("crates/{folder}/examples/{example}.rs");
        if !workspace.root.join(&source).is_file() {
            println!("{source} is not there yet");
            well &= name.is_none();
            continue;
        }
        let mut command = cargo_command(&workspace.root);
        command
            .args(["run", "--quiet", "--release", "--package"])
            .arg(format!("coffer-{folder}"))
            .args(["--example", example]);
        well &= stream(command, &mut |_| {})?;
    }
    Ok(well)
}
