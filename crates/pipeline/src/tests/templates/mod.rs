//! Templates: what a pipeline reads like once they are put in, and what a person is told when they cannot be.

mod counted;
mod directives;
mod documented;
mod errors;
mod expressions;
mod files;
mod found;
mod handed_over;
mod hostile;
mod named;
mod parameters;

use std::{collections::BTreeMap, sync::Arc};

use super::{Loaded, inputs, unindent};
use crate::{
    FileReference, Lookup, PlanInputs, Planned, Refusal, ResolvedFile, Resolver,
    SecureFileReference, Source, SourceText, planned, tasks::TaskDefinition,
};

/// A repository in memory: `path` or `path@alias`, and its text.
#[derive(Default)]
pub(crate) struct Folder {
    pub(crate) files: BTreeMap<String, String>,
    all: Loaded,
}

impl Resolver for Folder {
    fn secure_file(&self, reference: &SecureFileReference) -> Lookup<ResolvedFile> {
        self.all.secure_file(reference)
    }

    fn task(&self, name: &str, version: &str) -> Lookup<Arc<TaskDefinition>> {
        self.all.task(name, version)
    }

    fn file(&self, file: &FileReference) -> Lookup<SourceText> {
        match self.files.get(&file.to_string()) {
            Some(text) => Lookup::Found(SourceText {
                text: text.as_str().into(),
                commit: file.repository.as_ref().map(|_| "c0ffee".to_owned()),
            }),
            None => Lookup::Missing,
        }
    }
}

pub(crate) fn folder(files: &[(&str, &str)]) -> Folder {
    Folder {
        files: files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), unindent(text)))
            .collect(),
        ..Folder::default()
    }
}

/// The pipeline `main` beside some files, and what is given at its start.
pub(crate) fn made(
    main: &str,
    files: &[(&str, &str)],
    inputs: &PlanInputs,
) -> Result<Planned, Refusal> {
    let source = Source {
        path: "a.yml".to_owned(),
        text: unindent(main),
    };
    planned(&source, inputs, &folder(files))
}

fn shown(outcome: &Result<Planned, Refusal>) -> String {
    match outcome {
        Ok(planned) => planned.final_yaml(),
        Err(Refusal::Invalid(errors)) => errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
        Err(Refusal::Needs(needs)) => format!("needs {needs:?}"),
    }
}

#[track_caller]
fn equal(main: &str, actual: &str, expected: &str) {
    let (main, expected) = (unindent(main), unindent(expected));
    assert!(
        actual.trim() == expected.trim(),
        "for\n{main}\nexpected\n{expected}\nand got\n{actual}\n"
    );
}

/// What a pipeline reads like, or what is wrong with it.
#[track_caller]
pub(crate) fn expands(main: &str, files: &[(&str, &str)], expected: &str) {
    equal(main, &shown(&made(main, files, &inputs())), expected);
}

/// The same with parameters given at the start.
#[track_caller]
fn expands_with(main: &str, given: &[(&str, serde_json::Value)], expected: &str) {
    let inputs = PlanInputs {
        parameters: given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        ..inputs()
    };
    equal(main, &shown(&made(main, &[], &inputs)), expected);
}

/// Both make the same plan but for where things stand.
#[track_caller]
fn same_plan(main: &str, files: &[(&str, &str)], by_hand: &str) {
    let plan = |outcome: Result<Planned, Refusal>| match outcome {
        Ok(planned) => {
            let mut plan = serde_json::to_value(&planned.plan).expect("a plan");
            forget(&mut plan);
            plan
        }
        refused => panic!("{}", shown(&refused)),
    };
    let one = plan(made(main, files, &inputs()));
    let two = plan(made(by_hand, &[], &inputs()));
    assert_eq!(one, two);
}

/// Lines differ, and so do the commits of templates.
fn forget(plan: &mut serde_json::Value) {
    match plan {
        serde_json::Value::Object(members) => {
            for name in ["line", "parameters", "commit"] {
                members.remove(name);
            }
            members.values_mut().for_each(forget);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}

/// What is told holds a text.
#[track_caller]
fn stops(main: &str, files: &[(&str, &str)], expected: &str) {
    let text = shown(&made(main, files, &inputs()));
    assert!(text.contains(expected), "{}", &text[..text.len().min(2000)]);
}
