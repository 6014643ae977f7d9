//! The fuzz targets, one after the other, within the minutes of a soak. It knows their names and what each may take; what they
//! promise stands in `fuzz/README.md`.

use std::process::Command;

use anyhow::Context as _;

use crate::process::{cargo_command, quietly, stream};
use crate::workspace::Workspace;

/// Name, longest input, dictionary, and its part of the time.
const TARGETS: &[(&str, u32, Option<&str>, u32)] = &[
    ("open", 100_000, None, 1),
    ("expression", 21_100, Some("expressions.dict"), 2),
    ("condition", 4096, Some("expressions.dict"), 1),
    ("query", 4096, Some("expressions.dict"), 1),
    ("yaml", 8192, Some("pipelines.dict"), 3),
    ("template", 4096, Some("pipelines.dict"), 4),
    ("hidden", 500, None, 4),
];

/// An input that takes longer than these seconds is a find, and so is one that takes more memory.
const LIMITS: &[&str] = &["-timeout=10", "-rss_limit_mb=1024", "-malloc_limit_mb=256"];

/// True when no target found anything, and when the machine cannot fuzz, which is told.
pub(crate) fn run(workspace: &Workspace, minutes: u32) -> anyhow::Result<bool> {
    if let Some(missing) = missing(workspace) {
        println!("\nnot fuzzed: {missing}");
        return Ok(true);
    }
    let parts: u32 = TARGETS.iter().map(|(.., part)| part).sum();
    let mut table = Vec::new();
    let mut well = true;
    for (name, longest, dictionary, part) in TARGETS {
        println!("\n=== fuzz {name} ===");
        let corpus = workspace.root.join("fuzz/corpus").join(name);
        std::fs::create_dir_all(&corpus)
            .with_context(|| format!("{} could not be made", corpus.display()))?;
        let seconds = (minutes * 60 * part / parts).max(1);
        let mut command = nightly(workspace);
        command
            .args(["fuzz", "run", "-O", "--debug-assertions", name])
            .args([
                format!("fuzz/corpus/{name}"),
                format!("fuzz/seeds/{name}"),
                "--".to_owned(),
                format!("-max_total_time={seconds}"),
                format!("-max_len={longest}"),
                "-print_final_stats=1".to_owned(),
            ])
            .args(LIMITS)
            .args(dictionary.map(|words| format!("-dict=fuzz/dictionaries/{words}")));
        let mut seen = Seen::default();
        let found_nothing = stream(command, &mut |line| seen.look(line))?;
        well &= found_nothing;
        let outcome = match (found_nothing, seen.executions.is_empty()) {
            (true, _) => "no find",
            (false, true) => "DID NOT RUN, OR A FIND AT ONCE",
            (false, false) => "A FIND",
        };
        table.push(format!(
            "{name:<12}{:>12} executions  seed {:<12}coverage {:<8}{outcome}",
            seen.executions, seen.seed, seen.coverage
        ));
    }
    println!("\n=== fuzzed ===");
    for line in table {
        println!("{line}");
    }
    if !well {
        println!("what was found lies in fuzz/artifacts; fuzz/README.md says what to do with it");
    }
    Ok(well)
}

/// What this machine lacks, and how to get it.
fn missing(workspace: &Workspace) -> Option<&'static str> {
    if quietly(nightly(workspace).arg("--version")).is_err() {
        return Some(
            "there is no nightly compiler; `rustup toolchain install nightly` installs it",
        );
    }
    if quietly(nightly(workspace).args(["fuzz", "--version"])).is_err() {
        return Some("there is no cargo-fuzz; `cargo install cargo-fuzz --locked` installs it");
    }
    None
}

/// Cargo of the nightly compiler. What runs us is a cargo of another one, and says so to its children.
fn nightly(workspace: &Workspace) -> Command {
    let known = cargo_command(&workspace.root);
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]);
    command.current_dir(&workspace.root);
    for (name, value) in known.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    for name in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    command
}

/// What libFuzzer tells on its way.
#[derive(Default)]
struct Seen {
    seed: String,
    executions: String,
    coverage: String,
}

impl Seen {
    fn look(&mut self, line: &str) {
        let word_after = |mark: &str| {
            let (_, rest) = line.split_once(mark)?;
            rest.split_whitespace().next().map(str::to_owned)
        };
        if let Some(seed) = word_after("INFO: Seed: ") {
            self.seed = seed;
        }
        if let Some(count) = word_after("stat::number_of_executed_units:") {
            self.executions = count;
        }
        if let Some(coverage) = word_after(" cov: ") {
            self.coverage = coverage;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_fuzzer_are_understood() {
        let mut seen = Seen::default();
        for line in [
            "INFO: Seed: 4089170834",
            "#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 30Mb",
            "#1128672\tDONE   cov: 2791 ft: 11945 corp: 1758/363Kb lim: 1289 exec/s: 4683 rss: 526Mb",
            "stat::number_of_executed_units: 1128672",
        ] {
            seen.look(line);
        }
        assert_eq!(
            (&*seen.seed, &*seen.executions, &*seen.coverage),
            ("4089170834", "1128672", "2791")
        );
    }

    #[test]
    fn every_target_is_run_and_has_seeds() {
        let fuzz = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz");
        let mut written: Vec<String> = std::fs::read_dir(format!("{fuzz}/fuzz_targets"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
            .collect();
        written.sort();
        let mut known: Vec<&str> = TARGETS.iter().map(|(name, ..)| *name).collect();
        known.sort_unstable();
        assert_eq!(written, known);
        let manifest = std::fs::read_to_string(format!("{fuzz}/Cargo.toml")).unwrap();
        for (name, _, dictionary, _) in TARGETS {
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
            assert!(
                std::fs::read_dir(format!("{fuzz}/seeds/{name}"))
                    .unwrap()
                    .count()
                    > 0
            );
            if let Some(words) = dictionary {
                assert!(std::fs::exists(format!("{fuzz}/dictionaries/{words}")).unwrap());
            }
        }
    }
}
