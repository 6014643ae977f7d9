//! Texts that make a plan, and what is in it.

use uuid::Uuid;

use super::{CERTIFICATE, Lazy, PROFILE, check, good, inputs, run, shown, source, unindent};
use crate::{Need, Plan, Refusal, SecureFileReference, condition::Condition, plan, tasks};

/// The example of the documentation, under `steps:`.
const EXAMPLE: &str = r"
steps:
- task: DownloadSecureFile@1
  name: caCertificate
  displayName: 'Download CA certificate'
  inputs:
    secureFile: 'myCACertificate.pem'

- script: |
    echo Installing $(caCertificate.secureFilePath) to the trusted CA directory...
    sudo chown root:root $(caCertificate.secureFilePath)
    sudo chmod a+r $(caCertificate.secureFilePath)
    sudo ln -s -t /etc/ssl/certs/ $(caCertificate.secureFilePath)
";

#[test]
fn the_example_of_the_documentation_makes_a_plan() {
    let plan = good(EXAMPLE);
    assert!(plan.warnings.is_empty());
    assert_eq!(plan.secure_files(), [CERTIFICATE]);
    let job = &plan.stages[0].jobs[0];
    assert_eq!(
        (job.identifier.as_str(), job.display_name.as_str()),
        ("__default.__default", "Job")
    );
    assert_eq!(job.secure_files, [CERTIFICATE]);
    assert_eq!(
        job.demands[0].to_string(),
        "Agent.Version -gtVersion 2.182.1"
    );

    let [download, script] = job.steps.as_slice() else {
        panic!("two steps, not {}", job.steps.len())
    };
    assert_eq!(download.reference_name, "caCertificate");
    assert_eq!(download.display_name, "Download CA certificate");
    assert_eq!(download.task.id, tasks::DOWNLOAD_SECURE_FILE);
    assert_eq!(
        download.inputs.get("SECUREFILE"),
        Some(CERTIFICATE.to_string().as_str()),
        "the id, not the name"
    );
    assert_eq!(download.secure_file_inputs[0].files, [CERTIFICATE]);

    assert_eq!(script.task.id, tasks::CMD_LINE);
    assert_eq!(script.reference_name, "CmdLine");
    assert_eq!(script.display_name, "Command Line Script");
    assert!(script.secure_files.is_empty(), "a script is given no file");
    let text = script.inputs.get("script").expect("script");
    assert!(
        text.starts_with("echo Installing $(caCertificate.secureFilePath) to"),
        "run-time macros stay"
    );
    assert_eq!(text.lines().count(), 4);
}

#[test]
fn line_ends_and_a_byte_order_mark_change_nothing_but_places() {
    let windows = format!("\u{feff}{}", EXAMPLE.replace('\n', "\r\n"));
    assert_eq!(good(&windows), good(EXAMPLE));
}

#[test]
fn the_same_text_gives_the_same_bytes_and_they_can_be_read_again() {
    let (one, two) = (good(EXAMPLE), good(EXAMPLE));
    assert_eq!(one.canonical_json(), two.canonical_json());
    let read: Plan = serde_json::from_str(&one.canonical_json()).expect("a plan");
    assert_eq!(read, one);
    let changed = good(&EXAMPLE.replace("chmod a+r", "chmod a+rw"));
    assert_ne!(changed.canonical_json(), one.canonical_json());
}

#[test]
fn warnings_are_no_part_of_the_digest() {
    let plain = good("variables: {a: 2}\nsteps: [script: x]");
    let twice = good("variables: {A: 1, a: 2}\nsteps: [script: x]\ntrigger: none\n");
    assert!(plain.warnings.is_empty() && !twice.warnings.is_empty());
    assert_eq!(plain.canonical_json(), twice.canonical_json());
    let refused = good("steps: [{script: x, target: {commands: restricted}}]");
    assert!(!refused.refusals.is_empty());
    assert!(!refused.canonical_json().contains("cannot restrict"));
}

#[test]
fn facts_are_asked_for_round_by_round() {
    let text = unindent(
        "
        steps:
        - task: DownloadSecureFile@1
          inputs: {secureFile: MYCACERTIFICATE.pem}
        - task: SignThings@4
          inputs: {what: a.jar, keystoreFile: 22222222-2222-4333-8444-ABCDEFABCDEF}
        ",
    );
    let mut resolver = Lazy::default();
    let mut rounds = Vec::new();
    let plan = loop {
        match plan(&source(&text), &inputs(), &resolver) {
            Err(Refusal::Needs(needs)) => {
                rounds.push(needs.clone());
                resolver.load(needs);
            }
            other => break other.expect("a plan"),
        }
    };
    let file = |reference| Need::SecureFile(reference);
    assert_eq!(
        rounds,
        [
            vec![
                file(SecureFileReference::Name("MYCACERTIFICATE.pem".to_owned())),
                Need::Task {
                    name: "SignThings".to_owned(),
                    version: "4".to_owned()
                },
            ],
            vec![file(SecureFileReference::Id(PROFILE))],
        ]
    );
    assert_eq!(plan.secure_files(), [CERTIFICATE, PROFILE]);
}

#[test]
fn errors_wait_until_the_facts_are_there_so_that_all_are_seen_at_once() {
    let text = "steps:\n- task: DownloadSecureFile@1\n  inputs: {secureFile: nope}\n- bash: x\n  enabled: maybe\n";
    let mut resolver = Lazy::default();
    let first = plan(&source(text), &inputs(), &resolver);
    let Err(Refusal::Needs(needs)) = first else {
        panic!("{first:?}")
    };
    resolver.load(needs);
    let Err(Refusal::Invalid(errors)) = plan(&source(text), &inputs(), &resolver) else {
        panic!("errors")
    };
    assert_eq!(
        errors.iter().map(|error| error.line).collect::<Vec<_>>(),
        [3, 5]
    );
}

#[test]
fn a_task_of_an_administrator_is_pinned_with_canonical_inputs() {
    let plan = good(
        "steps:\n- task: signthings@4.1.7\n  inputs:\n    What: $(Build.SourcesDirectory)/a.jar\n    keystoreFile: ' myCACertificate.pem , Профиль.mobileprovision,'\n",
    );
    let step = &plan.stages[0].jobs[0].steps[0];
    assert_eq!(
        (
            step.task.name.as_str(),
            step.task.version.to_string().as_str()
        ),
        ("SignThings", "4.1.7")
    );
    let names: Vec<&str> = step.inputs.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["what", "keystore"]);
    assert_eq!(
        step.inputs.get("keystore"),
        Some(format!("{CERTIFICATE},{PROFILE}").as_str())
    );
    assert_eq!(step.secure_files, [CERTIFICATE, PROFILE]);
    assert_eq!(step.display_name, "Sign $(Build.SourcesDirectory)/a.jar");
    let demands: Vec<String> = plan.stages[0].jobs[0]
        .demands
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(demands, ["JDK", "Agent.Version -gtVersion 3.220.0"]);
}

#[test]
fn root_variables_and_predefined_ones_name_a_file_and_others_do_not() {
    let with = |scope: &str| {
        format!(
            "variables: {{suffix: pem, file: myCACertificate.$(SUFFIX)}}\njobs:\n- job: A\n  variables: {{inner: myCACertificate.pem}}\n  steps:\n  - task: DownloadSecureFile@1\n    inputs: {{secureFile: {scope}}}\n"
        )
    };
    assert_eq!(good(&with("$(File)")).secure_files(), [CERTIFICATE]);
    for unknown in [
        "$(inner)",
        "$(queued)",
        "$(step.out)",
        "$(Build.SourceBranchName).pem",
    ] {
        let text = shown(&run(&with(unknown)));
        assert!(
            text.contains("which could not be found"),
            "{unknown}: {text}"
        );
    }
}

#[test]
fn reference_names_follow_the_original() {
    let names = |steps: &str| -> Vec<String> {
        let plan = good(&format!("steps:\n{steps}"));
        plan.stages[0].jobs[0]
            .steps
            .iter()
            .map(|step| step.reference_name.clone())
            .collect()
    };
    let download = "- {task: DownloadSecureFile@1, inputs: {secureFile: twin1}}\n"
        .replace("twin1", &CERTIFICATE.to_string());
    assert_eq!(names(&download), ["DownloadSecureFile"]);
    assert_eq!(
        names(&download.repeat(3)),
        [
            "DownloadSecureFile1",
            "DownloadSecureFile2",
            "DownloadSecureFile3"
        ]
    );
    assert_eq!(
        names("- script: a\n- bash: b\n- bash: c\n"),
        ["CmdLine", "Bash1", "Bash2"]
    );
    let taken = "- {script: a, name: cmdline1}\n- script: b\n- script: c\n";
    assert_eq!(names(taken), ["cmdline1", "CmdLine2", "CmdLine3"]);
    assert_eq!(
        names("- {script: a, name: CmdLine}\n- script: b\n"),
        ["CmdLine", "CmdLine1"]
    );
    assert_eq!(
        names("- {script: a, enabled: no}\n- script: b\n"),
        ["CmdLine"],
        "disabled steps are not counted"
    );
}

#[test]
fn every_key_of_a_step_reaches_the_plan() {
    let plan = good(&unindent(
        "
        steps:
        - bash: make $(target)
          name: build
          displayName: Build $(target)
          env:
            TOKEN: $(secretToken)
            EMPTY:
          condition: SucceededOrFailed()
          continueOnError: Yes
          timeoutInMinutes: 7
          retryCountOnTaskFailure: 10
          workingDirectory: src
          failOnStderr: ON
        - checkout: none
        - script: echo
          enabled: off
        ",
    ));
    let steps = &plan.stages[0].jobs[0].steps;
    assert_eq!(steps.len(), 2, "the disabled one is gone");
    let build = &steps[0];
    let inputs: Vec<_> = build.inputs.iter().collect();
    assert_eq!(
        inputs,
        [
            ("targetType", "inline"),
            ("script", "make $(target)"),
            ("workingDirectory", "src"),
            ("failOnStderr", "true")
        ]
    );
    assert_eq!(
        build.env.iter().collect::<Vec<_>>(),
        [("TOKEN", "$(secretToken)"), ("EMPTY", "")]
    );
    assert_eq!(build.condition, "SucceededOrFailed()".parse().unwrap());
    assert_eq!(
        (
            build.continue_on_error,
            build.timeout_in_minutes,
            build.retry_count
        ),
        (true, Some(7), 10)
    );
    assert_eq!(
        (build.reference_name.as_str(), build.display_name.as_str()),
        ("build", "Build $(target)")
    );
    assert_eq!(
        (steps[1].task.id, steps[1].display_name.as_str()),
        (tasks::CHECKOUT, "Checkout none")
    );
}

#[test]
fn one_stage_with_one_job_keeps_its_names_scopes_and_demands() {
    let plan = good(&unindent(
        "
        name: $(Date:yyyyMMdd).$(Rev:r)
        trigger: {branches: {include: [main]}, batch: true}
        pr: none
        schedules:
        - cron: '0 0 * * *'
        pool: {vmImage: ubuntu-latest, demands: never}
        variables:
        - {name: a, value: root}
        - {name: b, value: root, readonly: true}
        stages:
        - stage: Ship
          displayName: Ship it
          dependsOn: []
          variables: {A: stage, c: stage}
          jobs:
          - job: Sign
            condition: always()
            pool:
              demands: [xcode, Agent.OS -equals Darwin]
            timeoutInMinutes: 0
            cancelTimeoutInMinutes: 2
            continueOnError: true
            variables: {C: job}
            steps: [script: x]
        ",
    ));
    assert_eq!(plan.name.as_deref(), Some("$(Date:yyyyMMdd).$(Rev:r)"));
    let names = |variables: &[crate::Variable]| -> Vec<(String, String, bool)> {
        variables
            .iter()
            .map(|v| {
                (
                    v.name.clone(),
                    v.text().unwrap_or("$[ ]").to_owned(),
                    v.read_only,
                )
            })
            .collect()
    };
    let pair = |name: &str, value: &str, fixed| (name.to_owned(), value.to_owned(), fixed);
    assert_eq!(
        names(&plan.variables),
        [
            pair("queued", "at start", false),
            pair("a", "root", false),
            pair("b", "root", true)
        ]
    );
    let stage = &plan.stages[0];
    let job = &stage.jobs[0];
    assert_eq!(
        names(&stage.variables),
        [pair("A", "stage", false), pair("c", "stage", false)]
    );
    assert_eq!(names(&job.variables), [pair("C", "job", false)]);
    assert_eq!(
        (
            stage.name.as_str(),
            stage.display_name.as_str(),
            job.identifier.as_str()
        ),
        ("Ship", "Ship it", "Ship.Sign")
    );
    assert_eq!(
        (
            job.timeout_in_minutes,
            job.cancel_timeout_in_minutes,
            job.continue_on_error
        ),
        (Some(0), Some(2), true)
    );
    assert_eq!(job.condition, Condition::always());
    let demands: Vec<String> = job.demands.iter().map(ToString::to_string).collect();
    assert_eq!(
        demands,
        ["xcode", "Agent.OS -equals Darwin"],
        "the inner pool replaces the outer one"
    );
    assert_eq!(plan.warnings.len(), 1, "{:?}", plan.warnings);
}

#[test]
fn a_file_that_exists_is_enough_whoever_may_use_it() {
    // The resolver knows no permissions at all: there is nothing in this crate that could grant or refuse one.
    let by_id = format!(
        "steps: [{{task: DownloadSecureFile@1, inputs: {{secureFile: '{{{CERTIFICATE}}}'}}}}]"
    );
    assert_eq!(good(&by_id).secure_files(), [CERTIFICATE]);
    assert_eq!(
        SecureFileReference::parse("11111111222243338444abcdefabcdef"),
        { SecureFileReference::Name("11111111222243338444abcdefabcdef".to_owned()) }
    );
    assert_eq!(
        SecureFileReference::parse(&Uuid::nil().to_string()),
        SecureFileReference::Id(Uuid::nil())
    );
}

#[test]
fn warnings_say_what_has_no_effect() {
    check(
        "
        pool: Default
        variables: {a: 1, A: 2}
        steps:
        - task: DownloadSecureFile@1
          inputs: {secureFile: myCACertificate.pem, retrycounts: 3}
        - script: 'echo \u{202e}gnihton'
        - ${{ if eq(1, 2) }}:
          script: always
        - ${{ if eq(1, 1) }}:
        - script: after
        ",
        r"
        a.yml:1:7: the names of pools have no effect yet: any agent that meets the demands may run a job
          hint: use `demands` to choose an agent
        a.yml:2:19: the variable `A` is set twice; this value is used
          hint: remove one of the two; names ignore case
        a.yml:5:45: the task `DownloadSecureFile` has no input `retrycounts`; it is passed on
          hint: did you mean `retryCount`?
        a.yml:6:17: the invisible character `\u{202e}` changes the order in which text is shown
          hint: remove it, or check that the file does what it seems to do
        a.yml:7:3: nothing stands below this: the lines after it count whether or not it holds
          hint: indent what belongs to it further than the `$`
        ",
    );
}

#[test]
fn what_says_nothing_here_is_passed_over_with_a_warning() {
    check(
        r"
        pool: {vmimage: macos-14, image: x, queue: y}
        variables:
        - {name: a, value: 1, readonly: true}
        jobs:
        - job: A
          pool: {name: other}
          variables: {a: 2}
          steps: [script: x]
        ",
        r"
        a.yml:1:8: the names of pools have no effect yet: any agent that meets the demands may run a job
          hint: use `demands` to choose an agent
        a.yml:1:27: a pool has no key `image`: it has no effect
          hint: did you mean `vmImage`?
        a.yml:1:37: a pool has no key `queue`: it has no effect
          hint: known here: name, vmImage, demands
        a.yml:7:15: the variable `a` is read-only outside of this, and set anew here: this value is used
          hint: give this one another name
        ",
    );
}

#[test]
fn tasks_that_yaml_has_words_for_know_all_their_inputs() {
    check(
        r"
        steps:
        - task: PublishPipelineArtifact@1
          inputs: {targetPath: out, artifact: site, publishLocation: pipeline, parallel: true}
        - task: DownloadPipelineArtifact@2
          inputs: {buildType: specific, project: p, definition: 7, buildVersionToDownload: latest, targetPath: in}
        - task: DownloadBuildArtifacts@1
          inputs: {buildType: current, downloadType: single, artifactName: a, downloadPath: in}
        ",
        "
        refused: a.yml:2:9: the task `PublishPipelineArtifact@1` is not installed here
          hint: have an administrator install the task, or use `script` or `bash`
        refused: a.yml:4:9: the task `DownloadPipelineArtifact@2` is not installed here
          hint: have an administrator install the task, or use `script` or `bash`
        refused: a.yml:6:9: the task `DownloadBuildArtifacts@1` is not installed here
          hint: have an administrator install the task, or use `script` or `bash`
        ",
    );
}

#[test]
fn what_is_known_too_late_is_said() {
    let plan = good(&unindent(
        r"
        variables:
          later: $[ variables.x ]
          macro: $(Build.BuildId)
          kind: a
        steps:
        - ${{ if eq(variables['Agent.OS'], 'Linux') }}:
          - script: never
        - ${{ elseif or(eq(variables.later, '1'), eq(variables.macro, '1')) }}:
          - script: never
        - ${{ elseif eq(variables.kind, 'a') }}:
          - script: $[ 1 + 2 ]
            displayName: $[ variables.kind ]
            env: {A: '$[ variables.kind ]'}
        - task: CmdLine@2
          inputs: {script: x, workingDirectory: '$[ variables.kind ]'}
        ",
    ));
    let told: Vec<_> = plan
        .warnings
        .iter()
        .map(|warning| (warning.line, warning.column, warning.message.as_str()))
        .collect();
    let text = "`$[ ]` is not evaluated here: it stays this text";
    assert_eq!(
        told,
        [
            (
                6,
                23,
                "the variable `Agent.OS` is known when the job runs: here it is empty"
            ),
            (
                8,
                30,
                "the variable `later` gets its value when the job runs: here it is the text `$[ variables.x ]`"
            ),
            (12, 18, text),
            (13, 14, text),
            (15, 41, text),
        ]
    );
}

#[test]
fn what_looks_at_others_than_those_waited_for_is_said() {
    let plan = good(&unindent(
        r"
        stages:
        - stage: Build
          jobs:
          - job: Make
            steps: [script: make]
          - job: Tell
            dependsOn: Make
            condition: and(succeeded('Make'), failed('Mkae'), eq(dependencies.Make.result, 'Failed'))
            variables:
              seen: $[ dependencies.Make.outputs['a.b'] ]
            steps: [script: tell]
          - job: Last
            dependsOn: Tell
            condition: or(succeeded('make'), eq(dependencies.Make.result, 'Failed'))
            variables:
            - name: other
              value: $[ dependencies['Build'].outputs['a.b'] ]
            steps: [script: last]
        - stage: Test
          variables:
            inner: $[ stageDependencies.Build.Make.outputs['a.b'] ]
          jobs:
          - job: Unit
            condition: eq(stageDependencies.Build.Make.outputs['a.b'], 'x')
            steps: [script: unit]
        - stage: Release
          condition: >-
            and(succeeded('build'),
            eq(dependencies.Test.outputs['Unit.a.b'], 'x'), dependencies.Build.result)
          jobs:
          - deployment: Ship
            environment: production
            variables:
              far: $[ stageDependencies.Build.Make.outputs['a.b'] ]
              none: $[ stageDependencies.Biuld.Make.outputs['a.b'] ]
            strategy: {runOnce: {deploy: {steps: [script: ship]}}}
        ",
    ));
    let told: Vec<_> = plan
        .warnings
        .iter()
        .map(|warning| {
            let place = format!("{}:{}", warning.line, warning.column);
            format!(
                "{place}: {} ({})",
                warning.message,
                warning.hint.as_deref().unwrap_or_default()
            )
        })
        .collect();
    let add = "by way of others is not enough here";
    let known = [
        "8:46: `Mkae` counts as skipped here: there is no job `Mkae` beside this one (did you mean `Make`?)".to_owned(),
        format!("14:54: `dependencies.Make` is null here: job `Last` does not wait for it (add `Make` to `dependsOn`: {add})"),
        "17:30: `dependencies.Build` is null here: there is no job `Build` beside this one (a job of another stage is \
         `stageDependencies.Stage.Job`)"
            .to_owned(),
        format!("28:5: `dependencies.Build` is null here: stage `Release` does not wait for it (add `Build` to `dependsOn`: {add})"),
        format!("34:33: `stageDependencies.Build` is null here: stage `Release` does not wait for it (add `Build` to `dependsOn`: {add})"),
        "35:34: `stageDependencies.Biuld` is null here: there is no stage `Biuld` (did you mean `Build`?)".to_owned(),
    ];
    assert_eq!(told, known);
}
