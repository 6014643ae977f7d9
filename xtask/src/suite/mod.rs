//! `cargo xtask test`: everything that has to hold, in one command and one line at the end.
//!
//! A part that cannot run never makes the result better: with `CI=true` it fails, elsewhere it
//! is a skip that is counted and explained.

mod compat;
mod key_services;
mod options;
mod postgres;
mod tally;
mod tools;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

pub(crate) use options::selection;
use options::{HELP, Options, Part};
use postgres::Postgres;
use tally::{Runner, Tally};
use tools::Tools;

use crate::process::{cargo_command, quietly, stream};
use crate::rules;
use crate::workspace::Workspace;

/// Runs the command line; true when nothing failed.
pub(crate) fn main(arguments: &[String]) -> anyhow::Result<bool> {
    let options = Options::parse(arguments)?;
    if options.help {
        println!("{HELP}");
        return Ok(true);
    }
    let mut run = Run {
        workspace: Workspace::find()?,
        options,
        strict: matches!(std::env::var("CI").as_deref(), Ok("true" | "1")),
        total: Tally::default(),
        table: Vec::new(),
        notes: Vec::new(),
    };
    for part in Part::ALL {
        if run.options.wants(part) {
            run.part(part);
        }
    }
    Ok(run.report())
}

/// Starts what tests need and returns the environment that tells them; keep it until they ended.
pub(crate) struct Surroundings {
    /// Name and value, for the test command.
    pub(crate) environment: Vec<(&'static str, String)>,
    missing: Vec<(&'static str, String)>,
    skips: PathBuf,
    compat: PathBuf,
    _postgres: Option<Postgres>,
}

impl Surroundings {
    /// Installs and starts; what is missing is told, not an error.
    pub(crate) fn start(workspace: &Workspace) -> anyhow::Result<Self> {
        let tools = Tools::install(workspace);
        let mut environment = Vec::new();
        let mut missing = Vec::new();
        let postgres = match tools.postgres.and_then(|()| Postgres::start()) {
            Ok(postgres) => {
                environment.push(("COFFER_TEST_POSTGRES", postgres.url()));
                Some(postgres)
            }
            Err(error) => {
                missing.push((tools::POSTGRES, format!("{error:#}")));
                None
            }
        };
        for thing in tools.others {
            match thing.at {
                Ok(path) => environment.push((thing.variable, path.display().to_string())),
                Err(error) => missing.push((thing.what, format!("{error:#}"))),
            }
        }
        let skips = workspace.own("skips.txt");
        if let Some(folder) = skips.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&skips, "")?;
        environment.push(("COFFER_TEST_SKIPS", skips.display().to_string()));
        let compat = workspace.own("compat");
        tools::start_afresh(&compat)?;
        environment.push(("COFFER_COMPAT", compat.display().to_string()));
        let screenshots = workspace.own("screenshots");
        tools::start_afresh(&screenshots)?;
        environment.push(("COFFER_TEST_SCREENSHOTS", screenshots.display().to_string()));
        Ok(Self {
            environment,
            missing,
            skips,
            compat,
            _postgres: postgres,
        })
    }

    /// What tests wrote down when they could not run, each once.
    fn skipped(&self) -> BTreeSet<String> {
        let text = std::fs::read_to_string(&self.skips).unwrap_or_default();
        let lines = text.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

/// Writes down that a test could not run, as every crate's tests do.
#[cfg(test)]
fn skipped(name: &str, reason: &str) {
    use std::io::Write as _;
    if let Some(path) = std::env::var_os("COFFER_TEST_SKIPS") {
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        file.write_all(format!("{name}: {reason}\n").as_bytes())
            .unwrap();
    }
}

/// Runs one `cargo test` command to its end and counts: passed, failed, skipped.
pub(crate) fn counted(command: Command) -> (usize, usize, usize) {
    let tally = count(command, Runner::Cargo);
    (tally.passed, tally.failed, tally.skipped)
}

/// A command that fails without a failed test (it did not build, it found no test) is one failure.
fn count(command: Command, runner: Runner) -> Tally {
    let mut tally = Tally::default();
    let ended = stream(command, &mut |line| {
        if let Some(more) = runner.closing_line(line) {
            tally.add(more);
        }
    });
    let well = ended.unwrap_or_else(|error| {
        println!("{error:#}");
        false
    });
    if !well && tally.failed == 0 {
        tally.failed += 1;
    }
    tally
}

/// One run of the command.
struct Run {
    workspace: Workspace,
    options: Options,
    /// What is missing is a failure.
    strict: bool,
    total: Tally,
    table: Vec<String>,
    notes: Vec<String>,
}

impl Run {
    fn part(&mut self, part: Part) {
        let name = part.name();
        println!("\n=== {name} ===");
        let start = Instant::now();
        let outcome = match part {
            Part::Fmt => self.cargo(&["fmt", "--all", "--check"], &[]),
            Part::Deps => self.deps(),
            Part::Clippy => {
                let selection = self.options.selection();
                self.cargo(
                    &["clippy", "--all-targets"],
                    &[&selection[..], &strings(&["--", "-D", "warnings"])].concat(),
                )
            }
            Part::Deny => self.deny(),
            Part::Tests => self.tests(),
            Part::Docs => Ok(Some(self.examples_in_docs())),
        };
        let seconds = start.elapsed().as_secs_f32();
        let told = match outcome {
            Ok(Some(tally)) => {
                self.total.add(tally);
                if tally.failed > 0 {
                    self.notes.push(format!("failed: {name}"));
                }
                tally.to_string()
            }
            Ok(None) => "not installed, not counted".to_owned(),
            Err(error) => {
                self.total.add(Tally::of(false));
                self.notes.push(format!("failed: {name}: {error:#}"));
                format!("could not run: {error:#}")
            }
        };
        println!("--- {name}: {told} ({seconds:.1} s)");
        self.table
            .push(format!("{name:<8}{seconds:>8.1} s  {told}"));
    }

    /// One check by cargo, worth one in the count.
    fn cargo(&self, arguments: &[&str], more: &[String]) -> anyhow::Result<Option<Tally>> {
        let mut command = cargo_command(&self.workspace.root);
        command.args(arguments).args(more);
        Ok(Some(Tally::of(stream(command, &mut |_| {})?)))
    }

    fn deps(&self) -> anyhow::Result<Option<Tally>> {
        let breaches = rules::check(&self.workspace)?;
        for breach in &breaches {
            println!("{breach}");
        }
        Ok(Some(Tally::of(breaches.is_empty())))
    }

    /// Licences, sources and banned crates, where the tool is installed.
    fn deny(&self) -> anyhow::Result<Option<Tally>> {
        if quietly(Command::new("cargo-deny").arg("--version")).is_err() {
            println!("cargo-deny is not installed; this part is not counted");
            return Ok(None);
        }
        self.cargo(
            &["deny", "--offline", "check", "bans", "licenses", "sources"],
            &[],
        )
    }

    /// The examples in the documentation. Only a library can have some.
    fn examples_in_docs(&self) -> Tally {
        let libraries = self.workspace.libraries();
        let mut packages = self.options.packages.clone();
        packages.retain(|package| libraries.contains(package));
        if packages.is_empty() && !self.options.packages.is_empty() {
            println!("no library is among the packages");
            return Tally::default();
        }
        let mut command = cargo_command(&self.workspace.root);
        command
            .args(["test", "--doc", "--no-fail-fast"])
            .args(selection(&packages));
        count(command, Runner::Cargo)
    }

    fn tests(&mut self) -> anyhow::Result<Option<Tally>> {
        println!("installing what is missing, starting PostgreSQL");
        let surroundings = Surroundings::start(&self.workspace)?;
        let mut tally = Tally::default();
        for (what, reason) in &surroundings.missing {
            let missing = format!("missing: {what}: {reason}");
            println!("{missing}");
            self.notes.push(missing);
            tally.passed += 1;
            tally.take_back(1, self.strict);
        }

        let mut command = cargo_command(&self.workspace.root);
        let nextest = quietly(cargo_command(&self.workspace.root).args(["nextest", "--version"]));
        let runner = if nextest.is_ok() {
            command.args(["nextest", "run", "--profile", "ci"]);
            Runner::Nextest
        } else {
            command.args(["test", "--no-fail-fast", "--tests"]);
            Runner::Cargo
        };
        command.args(self.options.selection());
        if !self.options.filters.is_empty() {
            command.arg("--").args(&self.options.filters);
        }
        command.envs(
            surroundings
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        );
        if self.strict {
            command.env("INSTA_UPDATE", "no");
        }
        tally.add(count(command, runner));

        let skipped = surroundings.skipped();
        for line in &skipped {
            self.notes.push(format!("skipped: {line}"));
        }
        tally.take_back(skipped.len(), self.strict);
        if compat::complete(&self.options) {
            tally.add(self.compatibility(&surroundings, &skipped, tally.failed > 0)?);
        }
        Ok(Some(tally))
    }

    /// The page of what clients did, worth one in the count. Stories that failed or were not played leave rows out:
    /// then the page cannot be compared, and the run says so.
    fn compatibility(
        &mut self,
        surroundings: &Surroundings,
        skipped: &BTreeSet<String>,
        failed: bool,
    ) -> anyhow::Result<Tally> {
        if failed || skipped.iter().any(|name| compat::is_story(name)) {
            let note = "skipped: docs/compatibility.md: not every story with a client was played";
            self.notes.push(note.to_owned());
            let mut tally = Tally::of(true);
            tally.take_back(1, self.strict);
            return Ok(tally);
        }
        let update = !self.strict && std::env::var_os("COFFER_UPDATE").is_some();
        let same = compat::check(&self.workspace.root, &surroundings.compat, update)?;
        if !same {
            let note = "failed: docs/compatibility.md is not what the clients did";
            self.notes.push(note.to_owned());
        }
        Ok(Tally::of(same))
    }

    /// Prints the end of the report; true when nothing failed and something ran.
    fn report(&self) -> bool {
        println!("\n=== report ===");
        for line in self.table.iter().chain(&self.notes) {
            println!("{line}");
        }
        println!("\n{}", self.total);
        self.total.failed == 0 && self.total.passed > 0
    }
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}
