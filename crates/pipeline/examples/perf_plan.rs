//! What planning costs: a pipeline of about 2,000 lines with 50 templates (milliseconds, instructions, memory), and how the
//! cost grows from 10 to 1,000 jobs. Reports numbers and asserts nothing.
//!
//! `cargo xtask perf plan`. Instructions are counted by valgrind, where it is installed.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a measurement takes time and tells it"
)]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use coffer_pipeline::{
    FileReference, Lookup, PlanInputs, Planned, ResolvedFile, Resolver, SecureFileReference,
    Source, SourceText, planned, tasks::TaskDefinition,
};
use uuid::Uuid;

const TEMPLATES: usize = 50;
const ROUNDS: usize = 30;

struct Files(BTreeMap<String, Arc<str>>);

impl Resolver for Files {
    fn secure_file(&self, reference: &SecureFileReference) -> Lookup<ResolvedFile> {
        match reference {
            SecureFileReference::Name(name) => Lookup::Found(ResolvedFile {
                id: Uuid::from_u128(1),
                name: name.clone(),
            }),
            SecureFileReference::Id(_) => Lookup::Missing,
        }
    }

    fn task(&self, _name: &str, _version: &str) -> Lookup<Arc<TaskDefinition>> {
        Lookup::Missing
    }

    fn file(&self, file: &FileReference) -> Lookup<SourceText> {
        self.0
            .get(&file.to_string())
            .map_or(Lookup::Missing, |text| {
                Lookup::Found(SourceText {
                    text: text.clone(),
                    commit: None,
                })
            })
    }
}

/// A template with parameters, a condition, a loop and a secure file: about 24 lines.
fn template(number: usize) -> String {
    format!(
        "parameters:
- name: target
  type: string
- name: signed
  type: boolean
  default: true
- name: flavours
  type: object
  default: [debug, release]
steps:
- ${{{{ if parameters.signed }}}}:
  - task: DownloadSecureFile@1
    name: key{number}
    inputs:
      secureFile: signing-{number}.p12
- ${{{{ each flavour in parameters.flavours }}}}:
  - script: |
      ./build --target ${{{{ parameters.target }}}} --flavour ${{{{ flavour }}}} \\
        --level ${{{{ coalesce(variables.level, 'none') }}}}
    displayName: Build ${{{{ upper(flavour) }}}} for ${{{{ parameters.target }}}}
    env:
      ${{{{ if eq(flavour, 'release') }}}}:
        RELEASE: yes
      BUILD: $(Build.BuildId)
"
    )
}

/// Jobs that use the templates in turn, and some lines of their own.
fn pipeline(jobs: usize) -> String {
    let mut text = "variables:\n  level: all\njobs:\n".to_owned();
    for job in 0..jobs {
        let template = job % TEMPLATES;
        write!(
            text,
            "- job: Job{job}
  displayName: Job number {job}
  variables:
    own: {job}
  steps:
  - script: echo start {job}
    displayName: Start
    condition: and(succeeded(), ne(variables['own'], ''))
  - template: ci/t{template}.yml
    parameters:
      target: target-{job}
      signed: {signed}
  - script: echo end {job}
    displayName: End
    env:
      JOB: ${{{{ variables.own }}}}
",
            signed = job % 2 == 0
        )
        .unwrap();
    }
    text
}

/// The same jobs without templates.
fn flat(jobs: u32) -> String {
    let mut text = "jobs:\n".to_owned();
    for job in 0..jobs {
        write!(
            text,
            "- job: Job{job}\n  steps:\n  - script: echo {job}\n  - script: echo again\n"
        )
        .unwrap();
    }
    text
}

fn files() -> Files {
    Files(
        (0..TEMPLATES)
            .map(|number| (format!("ci/t{number}.yml"), template(number).into()))
            .collect(),
    )
}

fn make(text: &str, files: &Files) -> Planned {
    let source = Source {
        path: "azure-pipelines.yml".to_owned(),
        text: text.to_owned(),
    };
    planned(&source, &PlanInputs::default(), files).unwrap_or_else(|refusal| panic!("{refusal:?}"))
}

fn best(text: &str, files: &Files) -> Duration {
    (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            std::hint::black_box(make(text, files));
            started.elapsed()
        })
        .min()
        .unwrap_or_default()
}

/// Most memory so far, KiB.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Instructions of a run of this program with an argument.
fn instructions(argument: &str) -> Option<u64> {
    let program = std::env::current_exe().ok()?;
    let told = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .arg(argument)
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    let line = told.lines().find(|line| line.contains("Collected :"))?;
    line.split_whitespace().next_back()?.parse().ok()
}

fn main() {
    let files = files();
    let whole = pipeline(TEMPLATES);
    match std::env::args().nth(1).as_deref() {
        Some("none") => return,
        Some("once") => {
            std::hint::black_box(make(&whole, &files));
            return;
        }
        _ => {}
    }
    let lines = |text: &str| text.lines().count();
    let templates: usize = files.0.values().map(|text| lines(text)).sum();
    let before = peak();
    let made = make(&whole, &files);
    let after = peak();
    let final_yaml = made.final_yaml();
    println!(
        "{} lines and {} in {TEMPLATES} templates make {} lines and a plan of {} KiB",
        lines(&whole),
        templates,
        lines(&final_yaml),
        made.plan.canonical_json().len() >> 10
    );
    println!("plan: {:.2} ms", best(&whole, &files).as_secs_f64() * 1e3);
    match (before, after) {
        (Some(before), Some(after)) => println!("memory at the most: {} KiB more", after - before),
        _ => println!("memory: the kernel does not tell"),
    }
    match (instructions("once"), instructions("none")) {
        (Some(once), Some(none)) => {
            println!("instructions: {:.1} million", (once - none) as f64 / 1e6);
        }
        _ => println!("instructions: install valgrind to have them counted"),
    }
    println!("growth: jobs, ms, us a job, against 10 jobs");
    let mut first = None;
    for jobs in [10, 30, 100, 300, 1000] {
        let took = best(&flat(jobs), &files).as_secs_f64();
        let each = took / f64::from(jobs) * 1e6;
        let first = *first.get_or_insert(each);
        println!(
            "{jobs:>6} {:>8.2} {each:>8.1} {:>6.2}",
            took * 1e3,
            each / first
        );
    }
}
