//! What a plan is as data: its bytes, what they depend on, and that old ones can be read.

use proptest::prelude::*;
use uuid::Uuid;

use super::{CERTIFICATE, Loaded, PROFILE, good, inputs, run, shown, source, unindent};
use crate::{Plan, PlanInputs, plan};

/// All of a small plan, as it is stored and as a digest is made of it.
const STORED: &str = r#"{"schema":2,"name":null,"source":"azure-pipelines.yml","variables":[{"name":"queued","value":"at start","readOnly":false},{"name":"a","value":"b","readOnly":false}],"stages":[{"name":"S","displayName":"S","condition":"succeeded()","secureFiles":["11111111-2222-4333-8444-abcdefabcdef"],"jobs":[{"name":"J","displayName":"J","identifier":"S.J","condition":"succeeded()","continueOnError":false,"timeoutInMinutes":null,"cancelTimeoutInMinutes":null,"variables":[],"strategy":{"legs":{"named":[{"name":"leg","displayName":"J leg","identifier":"S.J.leg","variables":[{"name":"v","value":"1","readOnly":false}]}]},"maxParallel":"variables.n"},"pool":{"agents":{}},"demands":["hsm","Agent.Version -gtVersion 2.182.1"],"secureFiles":["11111111-2222-4333-8444-abcdefabcdef"],"steps":[{"referenceName":"DownloadSecureFile","displayName":"Download secure file","task":{"id":"2a6ca863-f2ce-4f4d-8bcb-15e64608ec4b","name":"DownloadSecureFile","version":"1.274.0"},"inputs":{"secureFile":"11111111-2222-4333-8444-abcdefabcdef"},"env":{},"condition":"succeeded()","continueOnError":false,"timeoutInMinutes":null,"retryCount":0,"secureFiles":["11111111-2222-4333-8444-abcdefabcdef"],"secureFileInputs":[{"input":"secureFile","files":["11111111-2222-4333-8444-abcdefabcdef"]}]}]}]}]}"#;

#[test]
fn the_stored_form_is_this_one() {
    let plan = good(&unindent(
        "
        variables: {a: b}
        stages:
        - stage: S
          jobs:
          - job: J
            pool: {demands: hsm}
            strategy: {matrix: {leg: {v: 1}}, maxParallel: '$[variables.n]'}
            steps:
            - task: DownloadSecureFile@1
              inputs: {secureFile: myCACertificate.pem}
        ",
    ));
    assert_eq!(plan.canonical_json(), STORED);
    let read: Plan = serde_json::from_str(STORED).expect("a plan");
    assert_eq!(read.canonical_json(), STORED);
}

/// As version 1 stored it.
const FIRST: &str = r#"{"schema":1,"name":null,"source":"a.yml","variables":[{"name":"a","value":"b","readOnly":false}],"stages":[{"name":"__default","displayName":"Stage","condition":"succeeded()","jobs":[{"name":"__default","displayName":"Job","identifier":"__default.__default","condition":"always()","continueOnError":false,"timeoutInMinutes":null,"cancelTimeoutInMinutes":null,"variables":[],"demands":["Agent.Version -gtVersion 2.182.1"],"secureFiles":["11111111-2222-4333-8444-abcdefabcdef"],"steps":[{"referenceName":"DownloadSecureFile","displayName":"Download secure file","task":{"id":"2a6ca863-f2ce-4f4d-8bcb-15e64608ec4b","name":"DownloadSecureFile","version":"1.274.0"},"inputs":{"secureFile":"11111111-2222-4333-8444-abcdefabcdef"},"env":{},"condition":"succeeded()","continueOnError":false,"timeoutInMinutes":null,"retryCount":0,"secureFiles":["11111111-2222-4333-8444-abcdefabcdef"],"secureFileInputs":[{"input":"secureFile","files":["11111111-2222-4333-8444-abcdefabcdef"]}],"line":2}]}]}],"warnings":[]}"#;

#[test]
fn a_plan_of_the_first_format_can_be_read_for_a_run_that_was_queued_before_the_server_was_updated()
{
    let plan: Plan = serde_json::from_str(FIRST).expect("a plan");
    assert_eq!(plan.schema, 1);
    assert_eq!(plan.variables[0].text(), Some("b"));
    let job = &plan.stages[0].jobs[0];
    assert_eq!(job.secure_files, [CERTIFICATE]);
    assert_eq!(job.steps[0].reference_name, "DownloadSecureFile");
    assert!(plan.refusals.is_empty() && job.strategy.is_none());
}

const FILES: &str = "
stages:
- stage: A
  jobs:
  - job: Never
    condition: false
    strategy: {matrix: {one: {file: other}, two: {file: another}}}
    steps:
    - task: DownloadSecureFile@1
      condition: false
      inputs: {secureFile: myCACertificate.pem}
  - job: Other
    steps: [script: x]
- stage: B
  condition: false
  jobs:
  - deployment: D
    environment: e
    strategy:
      runOnce:
        deploy: {steps: [script: x]}
        on:
          failure:
            steps:
            - task: SignThings@4
              inputs: {what: x, keystore: 'Профиль.mobileprovision, myCACertificate.pem'}
";

#[test]
fn files_of_all_jobs_legs_and_hooks_are_gathered_whatever_the_conditions() {
    let plan = good(FILES);
    let [a, b] = plan.stages.as_slice() else {
        panic!("two stages")
    };
    assert_eq!(a.secure_files, [CERTIFICATE]);
    assert_eq!(a.jobs[0].secure_files, [CERTIFICATE]);
    assert!(a.jobs[1].secure_files.is_empty(), "a job has its own alone");
    assert_eq!(b.secure_files, [PROFILE, CERTIFICATE]);
    let deployment = b.jobs[0].deployment.as_ref().expect("a deployment");
    assert_eq!(deployment.hooks[0].secure_files, [PROFILE, CERTIFICATE]);
    assert_eq!(plan.secure_files(), [CERTIFICATE, PROFILE]);
}

#[test]
fn a_file_that_does_not_exist_is_an_error_wherever_it_is_named() {
    for (from, to) in [
        ("secureFile: myCACertificate.pem", "secureFile: missing"),
        ("Профиль.mobileprovision", "missing"),
    ] {
        let text = shown(&run(&FILES.replace(from, to)));
        assert!(
            text.contains("secure file missing which could not be found"),
            "{text}"
        );
    }
}

#[test]
fn variables_of_stages_jobs_and_legs_and_expressions_name_no_file() {
    let text = |root: &str, name: &str| {
        format!(
            "variables: {{{root}}}\nstages:\n- stage: S\n  variables: {{ofStage: myCACertificate.pem}}\n  jobs:\n  - job: J\n    variables: {{ofJob: myCACertificate.pem}}\n    strategy: {{matrix: {{l: {{ofLeg: myCACertificate.pem}}}}}}\n    steps:\n    - task: DownloadSecureFile@1\n      inputs: {{secureFile: $({name})}}\n"
        )
    };
    assert_eq!(
        good(&text("ofRoot: myCACertificate.pem", "ofRoot")).secure_files(),
        [CERTIFICATE]
    );
    for (root, name) in [
        ("", "ofStage"),
        ("", "ofJob"),
        ("", "ofLeg"),
        ("later: '$[variables.ofRoot]'", "later"),
    ] {
        let told = shown(&run(&text(root, name)));
        assert!(
            told.contains(&format!("secure file $({name}) which could not be found")),
            "{told}"
        );
    }
}

#[test]
fn whatever_decides_what_runs_is_in_the_plan_and_nothing_else_is() {
    let text = "parameters:\n- {name: where, default: a}\nvariables: {v: 1}\nsteps:\n- task: SignThings@4\n  inputs: {keystore: twin1, what: '${{ parameters.where }}'}\n";
    let loaded = |id: Uuid, package: Option<&str>, description: &str| {
        let mut loaded = Loaded::default();
        loaded.files.push((id, "twin1"));
        let mut task = (*loaded.tasks[0]).clone();
        package.map(str::to_owned).clone_into(&mut task.package);
        description.clone_into(&mut task.description);
        loaded.tasks = vec![task.into()];
        loaded
    };
    let ids = [Uuid::from_u128(1), Uuid::from_u128(2)];
    let bytes = |text: &str, inputs: &PlanInputs, loaded: &Loaded| {
        let plan = plan(&source(text), inputs, loaded);
        plan.unwrap_or_else(|wrong| panic!("{}", shown(&Err(wrong))))
            .canonical_json()
    };
    let known = loaded(ids[0], Some("ab"), "");
    let with = |variables: &[(&str, &str)], parameter: &str| PlanInputs {
        variables: variables
            .iter()
            .map(|(n, v)| ((*n).into(), (*v).into()))
            .collect(),
        parameters: vec![("where".to_owned(), parameter.into())],
        ..inputs()
    };
    let plain = with(&[], "a");
    let first = bytes(text, &plain, &known);
    for (what, other) in [
        (
            "another file of that name",
            bytes(text, &plain, &loaded(ids[1], Some("ab"), "")),
        ),
        (
            "another package of that version",
            bytes(text, &plain, &loaded(ids[0], Some("cd"), "")),
        ),
        ("a parameter", bytes(text, &with(&[], "b"), &known)),
        (
            "a variable given",
            bytes(text, &with(&[("w", "1")], "a"), &known),
        ),
        (
            "a variable written",
            bytes(&text.replace("v: 1", "v: 2"), &plain, &known),
        ),
    ] {
        assert_ne!(other, first, "{what}");
    }
    for (what, same) in [
        (
            "a default that is left away",
            bytes(
                text,
                &PlanInputs {
                    parameters: vec![],
                    ..plain.clone()
                },
                &known,
            ),
        ),
        (
            "a comment",
            bytes(&format!("# why\n{text}"), &plain, &known),
        ),
        (
            "words of a task for people",
            bytes(text, &plain, &loaded(ids[0], Some("ab"), "x")),
        ),
    ] {
        assert_eq!(same, first, "{what}");
    }
}

/// Parts of pipelines, put together in any number and order.
fn job(n: usize, kind: u8, before: Option<usize>) -> String {
    let depends = before.map_or(String::new(), |before| {
        format!("    dependsOn: J{before}\n")
    });
    let strategy = match kind % 4 {
        0 => "",
        1 => "    strategy: {parallel: 3}\n",
        2 => "    strategy: {matrix: {x: {a: 1}, y: {b: 2}}}\n",
        _ => "    container: ubuntu\n",
    };
    format!(
        "  - job: J{n}\n{depends}{strategy}    steps:\n    - script: echo {kind}\n    - task: DownloadSecureFile@1\n      inputs: {{secureFile: myCACertificate.pem}}\n"
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_inputs_make_the_same_bytes_which_can_be_read_again(
        stages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..5), 1..5),
        given in "[a-z]{1,8}",
    ) {
        let mut text = "stages:\n".to_owned();
        for (number, jobs) in stages.iter().enumerate() {
            text += &format!("- stage: S{number}\n  jobs:\n");
            for (n, kind) in jobs.iter().enumerate() {
                let before = (n > 0 && kind % 3 == 0).then(|| n - 1);
                text += &job(n, *kind, before);
            }
        }
        let inputs = PlanInputs { variables: vec![("given".to_owned(), given)], ..inputs() };
        let once = plan(&source(&text), &inputs, &Loaded::default()).expect("a plan");
        let twice = plan(&source(&text), &inputs, &Loaded::default()).expect("a plan");
        let bytes = once.canonical_json();
        prop_assert_eq!(&bytes, &twice.canonical_json());
        let read: Plan = serde_json::from_str(&bytes).expect("a plan");
        prop_assert_eq!(read.canonical_json(), bytes);
        let jobs: usize = stages.iter().map(Vec::len).sum();
        let mut identifiers: Vec<&str> = Vec::new();
        for job in once.stages.iter().flat_map(|stage| &stage.jobs) {
            identifiers.push(&job.identifier);
            if let Some(crate::Strategy { legs: crate::Legs::Named(legs), .. }) = &job.strategy {
                identifiers.extend(legs.iter().map(|leg| leg.identifier.as_str()));
            }
        }
        prop_assert!(identifiers.len() >= jobs);
        let all = identifiers.len();
        identifiers.sort_unstable();
        identifiers.dedup();
        prop_assert_eq!(identifiers.len(), all, "every node has an identifier of its own");
    }
}
