//! What is handed to templates may use templates itself, and templates that declare nothing take everything: the ways in
//! which large public sets of templates are written.

use super::expands;

#[test]
fn steps_that_are_handed_over_may_use_templates_of_their_own_file() {
    expands(
        "
        extends:
          template: /ci/base.yml
          parameters:
            stages:
            - stage: Build
              jobs:
              - job: One
                steps:
                - template: ci/steps.yml
                  parameters: {word: mine}
              - template: ci/jobs.yml
        ",
        &[
            (
                "ci/base.yml",
                "
                parameters:
                - name: stages
                  type: stageList
                stages:
                - ${{ each stage in parameters.stages }}:
                  - ${{ each pair in stage }}:
                      ${{ if ne(pair.key, 'jobs') }}:
                        ${{ pair.key }}: ${{ pair.value }}
                    jobs:
                    - ${{ each job in stage.jobs }}:
                      - job: Checked${{ job.job }}
                        steps:
                        - script: scan
                        - ${{ job.steps }}
                ",
            ),
            (
                "ci/steps.yml",
                "parameters: {word: ''}\nsteps:\n- script: say ${{ parameters.word }}",
            ),
            (
                "ci/jobs.yml",
                "jobs:\n- job: Two\n  steps:\n  - template: steps.yml",
            ),
        ],
        "
        stages:
        - stage: Build
          jobs:
          - job: CheckedOne
            steps:
            - script: scan
            - task: CmdLine@2
              inputs:
                script: say mine
          - job: CheckedTwo
            steps:
            - script: scan
            - task: CmdLine@2
              inputs:
                script: 'say '
        ",
    );
}

#[test]
fn templates_in_untyped_lists_are_put_in_where_the_list_is_used() {
    expands(
        "
        jobs:
        - template: ci/job.yml
          parameters:
            one: {template: ../more/one.yml, parameters: {word: first}}
            steps:
            - script: written
            - template: more/one.yml
        ",
        &[
            (
                "ci/job.yml",
                "
                parameters: {one: '', steps: [], rest: {}}
                jobs:
                - job: J
                  steps:
                  - ${{ each step in parameters.steps }}:
                    - ${{ step }}
                  - ${{ coalesce(parameters.one, '') }}
                ",
            ),
            (
                "more/one.yml",
                "parameters: {word: none}\nsteps:\n- script: one ${{ parameters.word }}",
            ),
            ("ci/more/one.yml", "steps:\n- script: not this one"),
        ],
        "
        jobs:
        - job: J
          steps:
          - script: written
          - script: one none
          - script: one first
        ",
    );
}

#[test]
fn whole_jobs_and_variables_are_looked_through_for_templates() {
    expands(
        "
        stages:
        - template: stage.yml
          parameters:
            job:
              job: J
              variables:
              - template: vars.yml
              steps:
              - template: steps.yml
            strategy:
              runOnce: {deploy: {steps: [template: steps.yml]}}
        ",
        &[
            (
                "stage.yml",
                "
                parameters: {job: {}, strategy: {}}
                stages:
                - stage: S
                  jobs:
                  - ${{ parameters.job }}
                  - deployment: D
                    environment: e
                    strategy: ${{ parameters.strategy }}
                ",
            ),
            ("vars.yml", "variables: {level: 7}"),
            (
                "steps.yml",
                "steps:\n- script: level ${{ variables.level }}.",
            ),
        ],
        "
        stages:
        - stage: S
          jobs:
          - job: J
            variables:
            - name: level
              value: 7
            steps:
            - script: level 7.
          - deployment: D
            environment: e
            strategy:
              runOnce:
                deploy:
                  steps:
                  - script: level .
        ",
    );
}

#[test]
fn what_is_wrong_with_a_template_that_was_handed_over_is_said_where_it_was_written() {
    expands(
        "
        steps:
        - template: t.yml
          parameters:
            steps:
            - template: missing.yml
            - template: other.yml
              paramters: {}
        ",
        &[(
            "t.yml",
            "parameters:\n- name: steps\n  type: stepList\nsteps:\n- ${{ parameters.steps }}",
        )],
        "
        a.yml:5:17: File missing.yml not found
          hint: paths lead from the file that names them, or with `/` from the root of the repository; case counts
        a.yml:7:7: Unexpected value 'paramters': beside `template` only `parameters` may stand
          hint: did you mean `parameters`?
        ",
    );
}

#[test]
fn a_template_that_is_handed_to_itself_ends() {
    expands(
        "
        steps:
        - template: t.yml
          parameters:
            steps:
            - template: t.yml
              parameters:
                steps:
                - script: x
        ",
        &[(
            "t.yml",
            "parameters:\n- name: steps\n  type: stepList\n  default: []\nsteps:\n- ${{ parameters.steps }}\n- script: t",
        )],
        "
        steps:
        - task: CmdLine@2
          inputs:
            script: x
        - task: CmdLine@2
          inputs:
            script: t
        - script: t
        ",
    );
}

#[test]
fn a_template_without_parameters_or_with_the_old_form_takes_what_it_is_given() {
    let main = "
        steps:
        - template: t.yml
          parameters:
            Word: mine
            list: [a, b]
        ";
    for declared in ["", "parameters: {word: yours}\n"] {
        let text = format!(
            "{declared}steps:\n- ${{{{ each item in parameters.list }}}}:\n  - script: ${{{{ item }}}} ${{{{ parameters.word }}}} ${{{{ coalesce(parameters.other.deeper, 'nothing') }}}}\n- ${{{{ if not(parameters.other) }}}}:\n  - script: ${{{{ convertToJson(parameters.list) }}}}\n"
        );
        expands(
            main,
            &[("t.yml", text.as_str())],
            "
            steps:
            - script: a mine nothing
            - script: b mine nothing
            - script: |-
                [
                  \"a\",
                  \"b\"
                ]
            ",
        );
    }
    // Everything can be handed on.
    expands(
        main,
        &[
            (
                "t.yml",
                "
                steps:
                - template: u.yml
                  parameters:
                    first: 1
                    ${{ each pair in parameters }}:
                      ${{ if ne(pair.key, 'list') }}:
                        ${{ pair.key }}: ${{ pair.value }}
                ",
            ),
            (
                "u.yml",
                "steps:\n- ${{ each pair in parameters }}:\n  - script: ${{ pair.key }}=${{ pair.value }}",
            ),
        ],
        "
        steps:
        - script: first=1
        - script: Word=mine
        ",
    );
    expands(
        "
        steps:
        - template: t.yml
          parameters: {a: 1, A: 2}
        ",
        &[("t.yml", "steps:\n- script: x")],
        "
        a.yml:3:22: the parameter 'A' is given twice; names ignore case
          hint: remove one of the two
        ",
    );
}

#[test]
fn a_template_of_a_pipeline_may_bring_repositories_and_both_count() {
    expands(
        "
        resources:
          containers:
          - container: tools
            image: tools:1
          repositories:
          - repository: own
            type: git
            name: Own
        extends:
          template: resources.yml
          parameters:
            stages:
            - template: deploy.yml@shared
        ",
        &[
            (
                "resources.yml",
                "
                parameters:
                - name: stages
                  type: stageList
                stages:
                - ${{ parameters.stages }}
                resources:
                  repositories:
                  - repository: shared
                    type: git
                    name: Shared
                  pipelines:
                  - pipeline: up
                    source: Nightly
                ",
            ),
            (
                "deploy.yml@shared",
                "stages:\n- stage: S\n  jobs:\n  - job: J\n    steps:\n    - checkout: shared\n    - checkout: own\n    - download: up",
            ),
        ],
        "
        resources:
          containers:
          - container: tools
            image: tools:1
          repositories:
          - repository: own
            type: git
            name: Own
          - repository: shared
            type: git
            name: Shared
          pipelines:
          - pipeline: up
            source: Nightly
        stages:
        - stage: S
          jobs:
          - job: J
            steps:
            - checkout: shared
            - checkout: own
            - download: up
        ",
    );
}
