//! What the public documentation of templates, template expressions and their security shows, each in files of our own.

use super::{expands, expands_with};

/// A template that takes no scripts: those that are handed over run something else.
const NO_SCRIPTS: &str = "
    parameters:
    - name: own
      type: stepList
      default: []
    steps:
    - ${{ each step in parameters.own }}:
      - ${{ if not(or(startsWith(step.task, 'Bash'), startsWith(step.task, 'CmdLine'), startsWith(step.task, 'PowerShell'))) }}:
        - ${{ step }}
      - ${{ else }}:
        - ${{ each pair in step }}:
            ${{ if eq(pair.key, 'inputs') }}:
              inputs:
                ${{ each input in pair.value }}:
                  ${{ if eq(input.key, 'script') }}:
                    script: echo taken out
                  ${{ else }}:
                    ${{ input.key }}: ${{ input.value }}
            ${{ elseif ne(pair.key, 'displayName') }}:
              ${{ pair.key }}: ${{ pair.value }}
          displayName: 'Not allowed: ${{ step.displayName }}'
    ";

#[test]
fn a_template_sees_scripts_as_the_tasks_that_they_are() {
    expands(
        "
        extends:
          template: no-scripts.yml
          parameters:
            own:
            - checkout: self
            - script: one
              displayName: One
            - bash: two
              failOnStderr: true
            - powershell: three
            - pwsh: four
              workingDirectory: src
            - task: CmdLine@2
              inputs: {script: five}
            - template: six.yml
        ",
        &[
            ("no-scripts.yml", NO_SCRIPTS),
            ("six.yml", "steps:\n- bash: six"),
        ],
        "
        steps:
        - checkout: self
        - task: CmdLine@2
          inputs:
            script: echo taken out
          displayName: 'Not allowed: One'
        - task: Bash@3
          inputs:
            targetType: inline
            script: echo taken out
            failOnStderr: true
          displayName: 'Not allowed: '
        - task: PowerShell@2
          inputs:
            targetType: inline
            script: echo taken out
          displayName: 'Not allowed: '
        - task: PowerShell@2
          inputs:
            targetType: inline
            pwsh: true
            script: echo taken out
            workingDirectory: src
          displayName: 'Not allowed: '
        - task: CmdLine@2
          inputs:
            script: echo taken out
          displayName: 'Not allowed: '
        - task: Bash@3
          inputs:
            targetType: inline
            script: echo taken out
          displayName: 'Not allowed: '
        ",
    );
}

#[test]
fn so_do_lists_of_jobs_and_stages_and_single_steps() {
    expands(
        "
        extends:
          template: base.yml
          parameters:
            stages:
            - stage: S
              jobs:
              - job: J
                steps: [bash: x]
              - deployment: D
                environment: e
                strategy: {runOnce: {deploy: {steps: [bash: y]}}}
            step: {bash: z}
        ",
        &[(
            "base.yml",
            "
            parameters:
            - {name: stages, type: stageList}
            - {name: step, type: step}
            stages:
            - ${{ each stage in parameters.stages }}:
              - stage: Look
                jobs:
                - job: A
                  steps:
                  - script: ${{ stage.jobs[0].steps[0].task }}
                  - script: ${{ stage.jobs[1].strategy.runOnce.deploy.steps[0].inputs.script }}
                  - script: ${{ parameters.step.task }}
            ",
        )],
        "
        stages:
        - stage: Look
          jobs:
          - job: A
            steps:
            - script: Bash@3
            - script: y
            - script: Bash@3
        ",
    );
}

#[test]
fn a_template_refuses_a_step_by_an_error_of_its_own() {
    expands(
        "
        extends:
          template: base.yml
          parameters:
            own:
            - bash: fine
            - task: CmdLine@2
              inputs: {script: not this}
        ",
        &[(
            "base.yml",
            "
            parameters:
            - name: own
              type: stepList
            steps:
            - ${{ each step in parameters.own }}:
              - ${{ each pair in step }}:
                  ${{ if ne(pair.value, 'CmdLine@2') }}:
                    ${{ pair.key }}: ${{ pair.value }}
                  ${{ if eq(pair.value, 'CmdLine@2') }}:
                    '${{ pair.value }}': error
            ",
        )],
        "
        a.yml:6:13: Unexpected value 'CmdLine@2': there is no step of this kind
          hint: known here: task, script, bash, pwsh, powershell, checkout, download, downloadBuild, getPackage, publish, upload, reviewApp, template
        ",
    );
}

#[test]
fn jobs_are_told_apart_by_their_context_for_templates() {
    expands(
        "
        extends:
          template: tests.yml
          parameters:
            set:
            - job: Good
              templateContext: {expected: 200, url: /fine}
              steps: [script: call]
            - job: Bad
              templateContext: {expected: 500}
              steps: [script: call]
        ",
        &[(
            "tests.yml",
            "
            parameters:
            - name: set
              type: jobList
            jobs:
            - ${{ each test in parameters.set }}:
              - ${{ if eq(test.templateContext.expected, 200) }}:
                - job: ${{ test.job }}
                  steps:
                  - script: curl ${{ test.templateContext.url }}
                  - ${{ test.steps }}
              - ${{ if eq(test.templateContext.expected, 500) }}:
                - job: ${{ test.job }}
                  steps: ${{ test.steps }}
            ",
        )],
        "
        jobs:
        - job: Good
          steps:
          - script: curl /fine
          - task: CmdLine@2
            inputs:
              script: call
        - job: Bad
          steps:
          - task: CmdLine@2
            inputs:
              script: call
        ",
    );
}

#[test]
fn stages_are_made_of_a_list_and_wait_for_each_other() {
    expands(
        "
        parameters:
        - name: environments
          type: object
          default:
          - {name: dev, reviewers: []}
          - {name: prod, reviewers: [ann, bob], after: [dev]}
        stages:
        - ${{ each environment in parameters.environments }}:
          - stage: deploy_${{ environment.name }}
            ${{ if environment.after }}:
              dependsOn:
              - ${{ each name in environment.after }}:
                - deploy_${{ name }}
            ${{ else }}:
              dependsOn: []
            variables:
              ${{ if eq(environment.name, 'prod') }}:
                tier: gold
              ${{ elseif eq(environment.name, 'test') }}:
                tier: silver
              ${{ else }}:
                tier: none
            jobs:
            - deployment: D
              displayName: ${{ format('{0} for {1}',
                upper(environment.name),
                join(' and ', environment.reviewers)) }}
              environment: ${{ environment.name }}
              pool:
                name: p
                demands:
                - ${{ if eq(environment.name, 'prod') }}:
                  - hsm
                - agent.os -equals Linux
              condition: and(succeeded(), ${{ eq(environment.name, 'prod') }})
              strategy:
                runOnce:
                  deploy:
                    steps:
                    - script: to ${{ variables.tier }}
                      env:
                        ${{ each pair in environment }}:
                          ${{ if notIn(pair.key, 'reviewers', 'after') }}:
                            IN_${{ upper(pair.key) }}: ${{ pair.value }}
        ",
        &[],
        "
        stages:
        - stage: deploy_dev
          dependsOn: []
          variables:
            tier: none
          jobs:
          - deployment: D
            displayName: 'DEV for '
            environment: dev
            pool:
              name: p
              demands:
              - agent.os -equals Linux
            condition: and(succeeded(), False)
            strategy:
              runOnce:
                deploy:
                  steps:
                  - script: to none
                    env:
                      IN_NAME: dev
        - stage: deploy_prod
          dependsOn:
          - deploy_dev
          variables:
            tier: gold
          jobs:
          - deployment: D
            displayName: PROD for ann and bob
            environment: prod
            pool:
              name: p
              demands:
              - hsm
              - agent.os -equals Linux
            condition: and(succeeded(), True)
            strategy:
              runOnce:
                deploy:
                  steps:
                  - script: to gold
                    env:
                      IN_NAME: prod
        ",
    );
}

#[test]
fn a_matrix_is_made_of_two_lists() {
    expands(
        "
        parameters:
        - {name: systems, type: object, default: [linux, mac]}
        - {name: versions, type: object, default: ['3.11', '3.12']}
        jobs:
        - job: J
          strategy:
            matrix:
              ${{ each system in parameters.systems }}:
                ${{ each version in parameters.versions }}:
                  ${{ system }}_${{ replace(version, '.', '_') }}:
                    version: ${{ version }}
                    ${{ if eq(system, 'mac') }}:
                      image: macos-14
          steps: [script: x]
        ",
        &[],
        "
        jobs:
        - job: J
          strategy:
            matrix:
              linux_3_11:
                version: '3.11'
              linux_3_12:
                version: '3.12'
              mac_3_11:
                version: '3.11'
                image: macos-14
              mac_3_12:
                version: '3.12'
                image: macos-14
          steps:
          - script: x
        ",
    );
}

#[test]
fn each_type_of_parameter_takes_what_it_says_and_nothing_else() {
    let (list, mapping) = ("a list", "a mapping");
    for (kind, good, bad, wanted) in [
        ("string", "text", "[a]", "a text"),
        ("environment", "prod", "[a]", "a text"),
        ("filePath", "a/b.txt", "[a]", "a text"),
        ("pool", "Default", "[a]", "a text"),
        ("secureFile", "a.p12", "[a]", "a text"),
        ("serviceConnection", "hub", "[a]", "a text"),
        ("number", "-1.5", "one", "a number"),
        ("boolean", "FALSE", "1", "true or false"),
        ("stringList", "[a, b]", "a", list),
        ("step", "{script: x}", "[a]", mapping),
        ("stepList", "[{script: x}]", "a", list),
        ("job", "{job: A}", "[a]", mapping),
        ("jobList", "[{job: A}]", "{a: b}", list),
        ("deployment", "{deployment: A}", "[a]", mapping),
        ("deploymentList", "[{deployment: A}]", "a", list),
        ("stage", "{stage: A}", "[a]", mapping),
        ("stageList", "[{stage: A}]", "{a: b}", list),
    ] {
        let with = |value: &str| {
            format!(
                "parameters:\n- name: p\n  type: {}\n  default: {value}\nsteps:\n- script: x",
                kind.to_ascii_uppercase()
            )
        };
        expands(&with(good), &[], "steps:\n- script: x");
        let refused = super::made(&with(bad), &[], &crate::tests::inputs());
        let text = super::shown(&refused);
        assert!(
            text.contains("a.yml:4:12: The 'p' parameter value")
                && text.contains(&format!("hint: it must be {wanted};")),
            "{kind}: {text}"
        );
    }
    // An object is anything.
    for value in ["text", "[a]", "{a: b}", "1"] {
        expands(
            &format!(
                "parameters: [{{name: p, type: object, default: {value}}}]\nsteps:\n- script: x"
            ),
            &[],
            "steps:\n- script: x",
        );
    }
}

#[test]
fn values_limit_what_is_given_and_what_is_the_default() {
    let main = "
        parameters:
        - name: image
          default: small
          values: [small, LARGE]
        - name: count
          type: number
          default: 3
          values: [1, 2]
        steps:
        - script: ${{ parameters.image }}
        ";
    expands_with(
        main,
        &[("image", "large".into())],
        "
        a.yml:7:12: The 'count' parameter value '3' is not a valid value
          hint: known here: 1, 2
        ",
    );
}
