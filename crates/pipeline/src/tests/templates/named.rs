//! What is known of a pipeline before a run: the templates that its texts name in any branch, the secure files, and the
//! parameters that must be given.

use super::folder;
use crate::tests::{CERTIFICATE, unindent};
use crate::{
    Code, Known, Lookup, PlanInputs, Refusal, ResolvedFile, Resolver, SecureFileReference, Source,
    SourceText, TemplateFile, known, planned, tasks::TaskDefinition, templates_named,
};
use std::sync::Arc;

fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: unindent(text),
    }
}

fn named(path: &str, text: &str) -> Vec<String> {
    templates_named(&source(path, text))
        .into_iter()
        .map(|named| {
            let place = format!("{}:{}", named.at.line, named.at.column);
            match named.file {
                TemplateFile::Own(path) => format!("{place} {path}"),
                TemplateFile::Elsewhere(written) => format!("{place} elsewhere {written}"),
                TemplateFile::Computed(written) => format!("{place} computed {written}"),
            }
        })
        .collect()
}

#[test]
fn templates_are_named_in_every_branch_and_wherever_lists_are() {
    let found = named(
        "/ci/build.yml",
        "
        variables:
        - template: vars.yml
        stages:
        - ${{ if eq(parameters.kind, 'a') }}:
          - template: /stages/a.yml@self
        - ${{ else }}:
          - template: ../stages/b.yml
        - stage: S
          jobs:
          - deployment: D
            strategy:
              runOnce:
                deploy:
                  steps:
                  - template: steps.yml
                    parameters:
                      before:
                      - template: before.yml
          - template: shared.yml@tools
          - template: jobs/${{ parameters.kind }}.yml
        ",
    );
    assert_eq!(
        found,
        [
            "2:13 ci/vars.yml",
            "5:15 stages/a.yml",
            "7:15 stages/b.yml",
            "15:23 ci/steps.yml",
            "18:27 ci/before.yml",
            "19:15 elsewhere shared.yml@tools",
            "20:15 computed jobs/${{ parameters.kind }}.yml",
        ]
    );
}

#[test]
fn the_template_of_a_whole_pipeline_may_stand_below_conditions() {
    let found = named(
        "a.yml",
        "
        extends:
          ${{ if parameters.small }}:
            template: small.yml
          ${{ else }}:
            template: large.yml
        ",
    );
    assert_eq!(found, ["3:15 small.yml", "5:15 large.yml"]);
    let found = named("a.yml", "extends: {template: t.yml}");
    assert_eq!(found, ["1:21 t.yml"]);
}

#[test]
fn what_is_no_template_is_not_taken_for_one() {
    let found = named(
        "a.yml",
        "
        steps:
        - task: Deploy@1
          inputs: {template: infrastructure.yml}
        - template: ../../out.yml
        - template: ''
        - template: {a: b}
        - template
        ",
    );
    assert_eq!(found, [""; 0]);
    assert_eq!(named("a.yml", "steps: ["), [""; 0]);
}

fn knows(text: &str, inputs: &PlanInputs) -> Result<Known, Refusal> {
    known(&source("a.yml", text), inputs, &folder(&[]))
}

const TAKES: &str = "
    parameters:
    - name: environment
      values: [test, production]
    - name: store
    steps:
    - task: DownloadSecureFile@1
      inputs: {secureFile: myCACertificate.pem}
    - task: DownloadSecureFile@1
      inputs: {secureFile: '${{ parameters.store }}'}
    - task: DownloadSecureFile@1
      inputs: {secureFile: '${{ parameters.store }}twin'}
    - ${{ if ne(parameters.environment, 'test') }}:
      - task: DownloadSecureFile@1
        inputs: {secureFile: 'nothing.pem'}
    - ${{ else }}:
      - script: ${{ format('{0}!', parameters.store) }}
    ";

#[test]
fn what_depends_on_a_value_that_is_given_later_names_nothing() {
    let found = knows(TAKES, &PlanInputs::default()).unwrap();
    assert_eq!(found.secure_files, [CERTIFICATE]);
    assert_eq!(found.parameters, ["environment", "store"]);
    let given = PlanInputs {
        parameters: [
            ("environment", "production"),
            ("store", "myCACertificate.pem"),
        ]
        .map(|(name, value)| (name.to_owned(), value.into()))
        .to_vec(),
        ..PlanInputs::default()
    };
    let wrong = knows(TAKES, &given);
    assert!(matches!(wrong, Err(Refusal::Invalid(_))), "{wrong:?}");
}

#[test]
fn a_parameter_to_be_given_is_named_for_programs_and_told_with_its_values() {
    let refused = planned(
        &source("a.yml", TAKES),
        &PlanInputs::default(),
        &folder(&[]),
    );
    let Err(Refusal::Invalid(errors)) = refused else {
        panic!("{refused:?}");
    };
    let told: Vec<_> = errors
        .iter()
        .map(|error| (error.code, error.subject.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            (Code::ParameterRequired, Some("environment")),
            (Code::ParameterRequired, Some("store"))
        ]
    );
    assert_eq!(errors[0].code.to_string(), "parameter-required");
    let hint = errors[0].hint.as_deref().unwrap_or_default();
    assert!(
        hint.ends_with("It takes one of: test, production"),
        "{hint}"
    );
}

#[test]
fn any_other_mistake_makes_nothing_known() {
    let text = format!("{TAKES}- scrip: x");
    let refused = knows(&text, &PlanInputs::default());
    assert!(matches!(refused, Err(Refusal::Invalid(_))), "{refused:?}");
}

/// A place without files that says what to do.
struct Advised;

impl Resolver for Advised {
    fn secure_file(&self, _: &SecureFileReference) -> Lookup<ResolvedFile> {
        Lookup::Missing
    }

    fn task(&self, _: &str, _: &str) -> Lookup<Arc<TaskDefinition>> {
        Lookup::Missing
    }

    fn file(&self, _: &crate::FileReference) -> Lookup<SourceText> {
        Lookup::Missing
    }

    fn advice(&self, missing: &crate::FileReference) -> Option<String> {
        Some(format!("store {missing}"))
    }
}

#[test]
fn who_keeps_the_files_says_what_to_do_about_a_missing_one() {
    let text = source("ci/a.yml", "steps:\n- template: t.yml");
    let Err(Refusal::Invalid(errors)) = planned(&text, &PlanInputs::default(), &Advised) else {
        panic!("it has no such file");
    };
    assert_eq!(errors[0].message, "File ci/t.yml not found");
    assert_eq!(errors[0].hint.as_deref(), Some("store ci/t.yml"));
}
