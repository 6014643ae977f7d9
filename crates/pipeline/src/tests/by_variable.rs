//! Secure files that a variable names which is known only later: what is planned when the pipeline may name some so.

use super::{CERTIFICATE, Loaded, PROFILE, inputs, shown, source, unindent};
use crate::{Plan, Refusal, ResolvedFile, plan};

fn listed(text: &str, ids: &[uuid::Uuid]) -> Result<Plan, Refusal> {
    let by_variable = ids.iter().map(|id| ResolvedFile {
        id: *id,
        name: "listed".to_owned(),
    });
    let resolver = Loaded {
        by_variable: by_variable.collect(),
        ..Loaded::default()
    };
    plan(&source(&unindent(text)), &inputs(), &resolver)
}

const LATER: &str = "
    jobs:
    - job: J
      variables: {which: myCACertificate.pem}
      steps:
      - task: DownloadSecureFile@1
        inputs: {secureFile: $(which)}
";

#[test]
fn without_a_list_such_a_variable_is_an_error_that_says_how_to_get_one() {
    let told = shown(&listed(LATER, &[]));
    assert!(
        told.contains("secure file $(which) which could not be found"),
        "{told}"
    );
    assert!(told.contains("--by-variable"), "{told}");
}

#[test]
fn with_a_list_the_stage_waits_for_all_of_it_and_the_job_has_none_yet() {
    let plan = listed(LATER, &[CERTIFICATE, PROFILE]).expect("a plan");
    let stage = &plan.stages[0];
    let job = &stage.jobs[0];
    assert_eq!(stage.secure_files, [CERTIFICATE, PROFILE]);
    assert_eq!(job.secure_files, [CERTIFICATE, PROFILE]);
    assert_eq!(job.files_by_variable(), [CERTIFICATE, PROFILE]);
    let step = &job.steps[0];
    assert_eq!(step.inputs.get("secureFile"), Some("$(which)"));
    let input = &step.secure_file_inputs[0];
    assert!(input.files.is_empty());
    assert_eq!(input.by_variable, [CERTIFICATE, PROFILE]);
    assert_ne!(
        plan.canonical_json(),
        listed(LATER, &[CERTIFICATE])
            .expect("a plan")
            .canonical_json(),
        "what a variable may name decides what runs"
    );
}

#[test]
fn what_is_known_is_resolved_now_beside_what_is_not() {
    let text = "
        variables: {known: myCACertificate.pem}
        steps:
        - task: SignThings@4
          inputs: {what: x, keystore: '$(known), $(later),$(known)'}
        - task: DownloadSecureFile@1
          inputs: {secureFile: $(known)}
    ";
    let plan = listed(text, &[CERTIFICATE, PROFILE]).expect("a plan");
    let job = &plan.stages[0].jobs[0];
    let value = job.steps[0].inputs.get("keystore").map(str::to_owned);
    assert_eq!(value, Some(format!("{CERTIFICATE},$(later)")));
    assert_eq!(job.steps[0].secure_file_inputs[0].files, [CERTIFICATE]);
    assert!(job.steps[1].secure_file_inputs[0].by_variable.is_empty());
    assert_eq!(
        job.files_by_variable(),
        [PROFILE],
        "the other one is given in any case"
    );
}

#[test]
fn a_name_that_is_no_variable_is_looked_up_as_ever() {
    let text = LATER.replace("$(which)", "missing");
    let told = shown(&listed(&text, &[CERTIFICATE]));
    assert!(
        told.contains("secure file missing which could not be found"),
        "{told}"
    );
    let text = LATER.replace("$(which)", "$(System.TeamProject)");
    let told = shown(&listed(&text, &[CERTIFICATE]));
    assert!(
        told.contains("secure file Fabrikam which could not be found"),
        "{told}"
    );
}
