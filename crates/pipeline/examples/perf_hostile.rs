//! What texts made to hurt cost: time and memory of each, in a process of its own. Reports numbers and asserts nothing.
//!
//! `cargo xtask perf hostile`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a measurement takes time and tells it"
)]

#[path = "../tests/promises/hostile.rs"]
mod hostile;

use std::{process::Command, sync::Arc, time::Instant};

use coffer_pipeline::{
    FileReference, Lookup, PlanInputs, Refusal, ResolvedFile, Resolver, SecureFileReference,
    Source, SourceText, planned, tasks::TaskDefinition,
};
use hostile::{Case, cases};

struct Files(Case);

impl Resolver for Files {
    fn secure_file(&self, _: &SecureFileReference) -> Lookup<ResolvedFile> {
        Lookup::Missing
    }

    fn task(&self, _: &str, _: &str) -> Lookup<Arc<TaskDefinition>> {
        Lookup::Missing
    }

    fn file(&self, file: &FileReference) -> Lookup<SourceText> {
        match self.0.files.get(file.path.as_str()) {
            Some(text) => Lookup::Found(SourceText {
                text: text.as_str().into(),
                commit: None,
            }),
            None => Lookup::Missing,
        }
    }
}

/// Most memory so far, KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or_default()
}

fn one(case: Case) {
    let name = case.name;
    let bytes = case.root.len() + case.files.values().map(String::len).sum::<usize>();
    let told = case.told;
    let source = Source {
        path: "azure-pipelines.yml".to_owned(),
        text: case.root.clone(),
    };
    let files = Files(case);
    let before = peak();
    let started = Instant::now();
    let outcome = planned(&source, &PlanInputs::default(), &files);
    let took = started.elapsed().as_secs_f64() * 1e3;
    let (answer, kept) = match &outcome {
        Ok(planned) => {
            let (text, plan) = (
                planned.final_yaml().len(),
                planned.plan.canonical_json().len(),
            );
            (
                String::new(),
                format!("{text} bytes of YAML, {plan} of plan"),
            )
        }
        Err(Refusal::Invalid(errors)) => {
            let shown: Vec<_> = errors.iter().map(ToString::to_string).collect();
            let shown = shown.join("\n");
            let kept = format!("{} errors, {} bytes", errors.len(), shown.len());
            (shown, kept)
        }
        Err(Refusal::Needs(needs)) => (format!("{needs:?}"), String::new()),
    };
    let more = (peak() - before) >> 10;
    let fits = answer.contains(told) && answer.is_empty() == told.is_empty();
    println!(
        "{took:>9.0} ms {more:>6} MiB  {:>5} KiB  {name}: {kept}",
        bytes >> 10
    );
    if !fits {
        let answer: String = answer.chars().take(600).collect();
        println!("    expected {told:?}, and was told: {answer}");
    }
}

fn main() {
    let wanted = std::env::args().nth(1);
    match wanted {
        Some(wanted) => cases()
            .into_iter()
            .filter(|case| case.name == wanted)
            .for_each(one),
        None => {
            println!("     time   memory    text  what");
            for case in cases() {
                let program = std::env::current_exe().unwrap();
                let ended = Command::new(program).arg(case.name).status().unwrap();
                if !ended.success() {
                    println!("    {}: {ended}", case.name);
                }
            }
        }
    }
}
