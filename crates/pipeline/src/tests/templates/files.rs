//! Template files: where they are found, what kinds there are, `extends`, and other repositories.

use super::{expands, made};
use crate::tests::inputs;

#[test]
fn every_kind_of_list_takes_templates() {
    expands(
        "
        variables:
        - template: ci/vars.yml
          parameters: {n: 5}
        - name: own
          value: x
        stages:
        - template: ci/stages.yml
        ",
        &[
            (
                "ci/vars.yml",
                "parameters: {n: 0}\nvariables:\n  level: ${{ parameters.n }}",
            ),
            (
                "ci/stages.yml",
                "stages:\n- stage: A\n  jobs:\n  - template: jobs/one.yml",
            ),
            (
                "ci/jobs/one.yml",
                "jobs:\n- job: J\n  steps:\n  - template: ../steps.yml\n  - template: /root.yml",
            ),
            (
                "ci/steps.yml",
                "steps:\n- script: level ${{ variables.level }}",
            ),
            ("root.yml", "steps:\n- script: own ${{ variables.own }}"),
        ],
        "
        variables:
        - name: level
          value: 5
        - name: own
          value: x
        stages:
        - stage: A
          jobs:
          - job: J
            steps:
            - script: level 5
            - script: own x
        ",
    );
}

#[test]
fn a_pipeline_extends_a_template() {
    expands(
        "
        trigger: none
        variables:
          a: 1
        extends:
          template: base.yml
          parameters:
            steps:
            - script: mine
        ",
        &[(
            "base.yml",
            "
            parameters:
            - name: steps
              type: stepList
            variables:
              b: 2
            stages:
            - stage: Build
              jobs:
              - job: Build
                steps:
                - script: check ${{ variables.a }}
                - ${{ parameters.steps }}
            ",
        )],
        "
        trigger: none
        variables:
        - name: a
          value: 1
        - name: b
          value: 2
        stages:
        - stage: Build
          jobs:
          - job: Build
            steps:
            - script: check 1
            - task: CmdLine@2
              inputs:
                script: mine
        ",
    );
    expands(
        "
        extends:
          template: base.yml
        steps:
        - script: beside it
        ",
        &[("base.yml", "steps:\n- script: base")],
        "
        a.yml:3:1: Unexpected value 'steps': a pipeline that extends a template does not say itself what runs
          hint: hand `steps` to the template as a parameter, or remove `extends`
        ",
    );
}

#[test]
fn templates_come_from_other_repositories() {
    let files = [
        (
            "t/one.yml@shared",
            "steps:\n- template: two.yml\n- template: a-step.yml@self",
        ),
        ("t/two.yml@shared", "steps:\n- script: two"),
        ("a-step.yml", "steps:\n- script: own"),
    ];
    let main = "
        resources:
          repositories:
          - repository: shared
            type: git
            name: Fabrikam/Shared
        steps:
        - template: t/one.yml@SHARED
        ";
    expands(
        main,
        &files,
        "
        resources:
          repositories:
          - repository: shared
            type: git
            name: Fabrikam/Shared
        steps:
        - script: two
        - script: own
        ",
    );
    let again = made(main, &files, &inputs()).expect("a plan");
    let once = made(main, &files, &inputs()).expect("a plan");
    assert_eq!(again.plan.canonical_json(), once.plan.canonical_json());
    assert_eq!(
        once.plan.repositories[0].commit.as_deref(),
        Some("c0ffee"),
        "what the templates were read at is part of the digest"
    );
}

#[test]
fn what_is_wrong_with_a_file_is_said_and_the_rest_is_read() {
    expands(
        "
        steps:
        - template: missing.yml
        - template: x.yml@shraed
        - template: ../../etc/passwd
        - template: jobs.yml
        - template: broken.yml
        - template: t.yml
          paramters: {a: b}
        - template: [a]
        - script: ${{ nope }}
        - template:
        resources:
          repositories:
          - repository: shared
            type: git
            name: Shared
        ",
        &[
            ("jobs.yml", "jobs:\n- job: a"),
            ("broken.yml", "steps:\n- script: 'x"),
            ("t.yml", "steps:\n- script: x"),
        ],
        "
        a.yml:2:13: File missing.yml not found
          hint: paths lead from the file that names them, or with `/` from the root of the repository; case counts
        a.yml:3:13: No repository found by name shraed: `resources.repositories` has none
          hint: did you mean `shared`?
        a.yml:4:13: The file path ../../etc/passwd is invalid
          hint: paths lead from this file, or with `/` from the root of the repository, and never out of it
        a.yml:8:3: Unexpected value 'paramters': beside `template` only `parameters` may stand
          hint: did you mean `parameters`?
        a.yml:9:13: template must be the path of a file
          hint: write `- template: path.yml`, and `parameters:` with `name: value` below it
        a.yml:10:15: there is no value `nope` in `${{ }}`
          hint: known here: parameters, variables; text stands in single quotes
        a.yml:11:11: `template` names no file
          hint: paths lead from this file, or with `/` from the root of the repository, and never out of it
        jobs.yml:1:1: Unexpected value 'jobs': a template that is used among `steps` holds `steps` and `parameters`
          hint: use this template where `jobs` are listed, or make it hold `steps`
          used at a.yml:5:3
        broken.yml:2:11: this is not valid YAML: while scanning a quoted scalar, found unexpected end of stream
          hint: the quote that opens here is not closed
          used at a.yml:6:3
        ",
    );
}

#[test]
fn an_error_inside_templates_shows_the_way_there() {
    expands(
        "
        steps:
        - template: one.yml
        ",
        &[
            ("one.yml", "steps:\n- script: fine\n- template: two.yml"),
            ("two.yml", "steps:\n- script: x\n  dipslayName: y"),
        ],
        "
        two.yml:3:3: Unexpected value 'dipslayName': a `script` step has no such key
          hint: did you mean `displayName`?
          used at one.yml:3:3
          used at a.yml:2:3
        ",
    );
}

#[test]
fn an_error_in_what_was_handed_over_is_said_where_it_was_written() {
    expands(
        "
        steps:
        - template: one.yml
          parameters:
            steps:
            - scritp: mine
        ",
        &[(
            "one.yml",
            "parameters:\n- name: steps\n  type: stepList\nsteps:\n- ${{ each s in parameters.steps }}:\n  - ${{ s }}",
        )],
        "
        a.yml:5:7: Unexpected value 'scritp': there is no step of this kind
          hint: did you mean `script`?
        ",
    );
}

#[test]
fn a_template_may_choose_what_it_holds() {
    for (kind, script) in [("a", "one"), ("b", "two")] {
        expands(
            &format!("steps:\n- template: t.yml\n  parameters: {{kind: {kind}}}"),
            &[(
                "t.yml",
                "
                parameters: {kind: ''}
                ${{ if eq(parameters.kind, 'a') }}:
                  steps:
                  - script: one
                ${{ else }}:
                  steps:
                  - script: two
                ",
            )],
            &format!("steps:\n- script: {script}"),
        );
    }
}
