//! What is planned and cannot be run: a warning for whoever looks, a refusal for whoever starts a run. The texts are the
//! product here, so they stand in full.

use super::{check, good};

#[test]
fn more_than_one_job_or_stage() {
    check(
        r"
        stages:
        - stage: A
          jobs:
          - job: J
            steps: [script: x]
          - job: K
            steps: [script: x]
        - stage: B
          trigger: manual
          jobs: [{job: J, steps: [script: x]}]
        ",
        r"
        refused: a.yml:6:5: this server runs stages with one job, and here are 2
          hint: its plan can be looked at; put the steps into one job to run them
        refused: a.yml:8:3: this server runs pipelines with one stage, and this one has 2
          hint: its plan can be looked at; stages that wait for each other come later
        refused: a.yml:9:12: this server does not run stages that wait to be started by hand
          hint: remove `trigger: manual`
        ",
    );
}

#[test]
fn strategies_containers_and_agentless_jobs() {
    check(
        r"
        strategy: {parallel: 2}
        container: ubuntu:22.04
        services: {db: postgres}
        steps: [script: x]
        ",
        r"
        refused: a.yml:1:11: this server does not multiply jobs yet (`matrix` or `parallel`)
          hint: write the job out once for each leg
        refused: a.yml:2:12: this server does not run jobs in containers (`container`)
          hint: remove `container`, or let the steps call the container engine of the agent
        refused: a.yml:3:11: this server does not run containers beside jobs (`services`)
          hint: remove `services`, or let the steps call the container engine of the agent
        ",
    );
    check(
        r"
        pool: server
        steps: [script: x]
        ",
        r"
        refused: a.yml:1:7: this server does not run jobs without an agent (`pool: server`)
          hint: give the job a pool of agents
        ",
    );
    check(
        r"
        phases:
        - phase: A
          queue: {name: q, demands: [x], parallel: 2, container: c, timeoutInMinutes: 5}
          steps: [script: x]
        - phase: B
          server: true
          dependsOn: A
          steps: [script: x]
        ",
        r"
        a.yml:2:3: `phases` is an old form
          hint: write `jobs:`, and `job:` for each `phase:`
        refused: a.yml:3:10: this server does not multiply jobs yet (`matrix` or `parallel`)
          hint: write the job out once for each leg
        refused: a.yml:3:58: this server does not run jobs in containers (`container`)
          hint: remove `container`, or let the steps call the container engine of the agent
        refused: a.yml:5:3: this server runs stages with one job, and here are 2
          hint: its plan can be looked at; put the steps into one job to run them
        refused: a.yml:6:11: this server does not run jobs without an agent (`pool: server`)
          hint: give the job a pool of agents
        ",
    );
}

#[test]
fn deployments_beyond_run_once() {
    check(
        r"
        jobs:
        - deployment: A
          environment: web.vm1
          strategy:
            rolling:
              maxParallel: 25%
              preDeploy: {steps: [script: x]}
              deploy: {pool: {demands: gpu}, steps: [script: x]}
              on: {failure: {steps: [script: x]}, success: {steps: [script: x]}}
        ",
        r"
        refused: a.yml:3:16: this server knows no resources of environments
          hint: name the environment alone
        refused: a.yml:5:5: this server does not run deployments with `rolling`
          hint: use `runOnce`
        refused: a.yml:7:7: this server runs the `deploy` hook of a deployment alone, and not `preDeploy`
          hint: move its steps to `deploy`
        refused: a.yml:9:12: this server runs the `deploy` hook of a deployment alone, and not `failure`
          hint: move its steps to `deploy`
        refused: a.yml:9:43: this server runs the `deploy` hook of a deployment alone, and not `success`
          hint: move its steps to `deploy`
        ",
    );
}

#[test]
fn groups_targets_and_tasks_that_are_not_installed() {
    check(
        r"
        variables:
        - group: secrets
        steps:
        - pwsh: x
        - powershell: x
          errorActionPreference: stop
        - task: PowerShell@2
          inputs: {targetType: filePath, filePath: a.ps1}
        - download: current
          artifact: drop
        - publish: out
          artifact: drop
        - upload: out
        - reviewApp: app
        - task: SignThings@4
          inputs: {what: x, service: y}
        - script: x
          target: box
        - script: x
          target: {container: host, commands: restricted, settableVariables: [a]}
        - script: x
          target: host
        ",
        r"
        refused: a.yml:2:10: this server has no variable groups (`secrets`)
          hint: write the variables out: `- name: …` and `value: …`
        refused: a.yml:4:3: the task `PowerShell@2` is not installed here
          hint: have an administrator install the task, or use `script` or `bash`
        refused: a.yml:5:3: the task `PowerShell@2` is not installed here
          hint: have an administrator install the task, or use `script` or `bash`
        refused: a.yml:7:9: the task `PowerShell@2` is not installed here
          hint: have an administrator install the task, or use `script` or `bash`
        refused: a.yml:9:3: the task `DownloadPipelineArtifact@2` is not installed here
          hint: have an administrator install the task, or use `script` or `bash`
        refused: a.yml:11:3: the task `PublishPipelineArtifact@1` is not installed here
          hint: have an administrator install the task, or use `script` or `bash`
        refused: a.yml:13:3: the task `PublishPipelineArtifact@1` is not installed here
          hint: have an administrator install the task, or use `script` or `bash`
        refused: a.yml:14:3: the task `ReviewApp@0` is not installed here
          hint: have an administrator install the task, or use `script` or `bash`
        refused: a.yml:16:30: this server has no service connections (input `service`)
          hint: remove the input, or use a task without it
        refused: a.yml:18:11: this server does not run steps in containers (`target`)
          hint: remove `target`, or name `host`
        refused: a.yml:20:11: this server cannot restrict what a step's output may do (`commands`, `settableVariables`)
          hint: remove them from `target`
        ",
    );
}

#[test]
fn a_deployment_that_runs_once_with_deploy_alone_runs() {
    let plan = good(
        "jobs:\n- deployment: Ship\n  environment: production\n  strategy:\n    runOnce:\n      deploy:\n        steps: [script: x]\n",
    );
    assert!(plan.refusals.is_empty(), "{:?}", plan.refusals);
    assert_eq!(plan.stages[0].jobs[0].steps.len(), 1);
}

#[test]
fn a_refusal_is_never_lost_among_warnings() {
    let noise: String = (0..300)
        .map(|n| format!("- {{task: SignThings@4, inputs: {{what: x, odd{n}: y}}}}\n"))
        .collect();
    let plan = good(&format!("steps:\n{noise}- pwsh: x\n"));
    assert_eq!((plan.warnings.len(), plan.refusals.len()), (100, 1));
}
