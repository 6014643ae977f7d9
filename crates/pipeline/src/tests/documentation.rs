//! The forms that the public documentation of the YAML shows, each in a pipeline of our own, and the plan it makes.

use super::check_plan as check;

#[test]
fn stages_wait_for_the_one_before_unless_they_say_otherwise() {
    check(
        r"
        name: $(Date:yyyyMMdd)$(Rev:.r)
        lockBehavior: sequential
        stages:
        - stage: Compile
          displayName: Compile everything
          jobs:
          - job: Linux
            steps: [script: make]
          - job: Windows
            steps: [script: nmake]
        - stage: Test
          jobs:
          - job:
            steps: [script: make test]
        - stage: Lint
          dependsOn: []
          lockBehavior: runLatest
          isSkippable: false
          jobs: [{job: L, steps: [script: lint]}]
        - stage: Docs
          dependsOn: ''
          trigger: manual
          jobs: [{job: D, steps: [script: docs]}]
        - stage: Release
          dependsOn: [test, Lint]
          condition: succeededOrFailed()
          jobs: [{job: R, steps: [script: release]}]
        ",
        r#"
        name $(Date:yyyyMMdd)$(Rev:.r)
        lock Sequential
        queued = "at start"
        stage Compile 'Compile everything'
          job Compile.Linux 'Linux'
            step CmdLine CmdLine@2 script="make"
          job Compile.Windows 'Windows'
            step CmdLine CmdLine@2 script="nmake"
        stage Test 'Test' after Compile
          job Test.__default '__default'
            step CmdLine CmdLine@2 script="make test"
        stage Lint 'Lint', lock RunLatest, not skippable
          job Lint.L 'L'
            step CmdLine CmdLine@2 script="lint"
        stage Docs 'Docs', by hand
          job Docs.D 'D'
            step CmdLine CmdLine@2 script="docs"
        stage Release 'Release' after Test, Lint, when succeededOrFailed()
          job Release.R 'R'
            step CmdLine CmdLine@2 script="release"
        "#,
    );
}

#[test]
fn jobs_run_beside_each_other_unless_they_wait() {
    check(
        r"
        jobs:
        - job: Prepare
          timeoutInMinutes: 10
          workspace: {clean: all}
          steps: [bash: prepare]
        - job: Left
          dependsOn: Prepare
          condition: failed()
          steps: [bash: left]
        - job: Right
          dependsOn: [Prepare]
          continueOnError: true
          steps: [bash: right]
        - job: Join
          dependsOn:
          - Left
          - right
          steps: [bash: join]
        ",
        r#"
        queued = "at start"
        stage __default 'Stage'
          job __default.Prepare 'Prepare', 10 min, clean All
            step Bash Bash@3 targetType="inline" script="prepare"
          job __default.Left 'Left' after Prepare, when failed()
            step Bash Bash@3 targetType="inline" script="left"
          job __default.Right 'Right' after Prepare
            step Bash Bash@3 targetType="inline" script="right"
          job __default.Join 'Join' after Left, Right
            step Bash Bash@3 targetType="inline" script="join"
        "#,
    );
}

#[test]
fn pools_are_inherited_and_replaced() {
    check(
        r"
        variables: {poolName: Build Machines}
        pool: $(poolName)
        stages:
        - stage: A
          jobs:
          - job: OfRoot
            steps: [script: x]
          - job: Own
            pool: {vmImage: macos-14}
            steps: [script: x]
        - stage: B
          pool:
            name: Signing
            demands:
            - hsm
            - Agent.OS -equals Linux
          jobs:
          - job: OfStage
            steps: [script: x]
          - job: NoAgent
            pool: server
            steps: [script: x]
        ",
        r#"
        queued = "at start"
        poolName = "Build Machines"
        stage A 'A'
          job A.OfRoot 'OfRoot', pool Build Machines
            step CmdLine CmdLine@2 script="x"
          job A.Own 'Own', pool macos-14
            step CmdLine CmdLine@2 script="x"
        stage B 'B' after A
          job B.OfStage 'OfStage', pool Signing, demands hsm, demands Agent.OS -equals Linux
            step CmdLine CmdLine@2 script="x"
          job B.NoAgent 'NoAgent', on the server
            step CmdLine CmdLine@2 script="x"
        "#,
    );
}

#[test]
fn a_matrix_has_a_leg_for_each_entry() {
    check(
        r"
        jobs:
        - job: Build
          displayName: Build it
          strategy:
            maxParallel: 2
            matrix:
              linux_x64: {os: linux, arch: x64}
              mac_arm:
                os: mac
                arch: arm64
              bare:
          variables: {os: none, deep: $(os)}
          steps:
          - script: build --for $(os)
        - job: Slices
          strategy: {parallel: 3}
          steps: [script: test --slice $(System.JobPositionInPhase)]
        - job: Later
          dependsOn: Build
          strategy:
            matrix: $[ dependencies.Build.outputs['plan.legs'] ]
            maxParallel: $[ variables.most ]
          steps: [script: x]
        ",
        r#"
        queued = "at start"
        stage __default 'Stage'
          job __default.Build 'Build it'
            os = "none"
            deep = "$(os)"
            at most 2 at once
            leg __default.Build.linux_x64 'Build it linux_x64'
              os = "linux"
              arch = "x64"
            leg __default.Build.mac_arm 'Build it mac_arm'
              os = "mac"
              arch = "arm64"
            leg __default.Build.bare 'Build it bare'
            step CmdLine CmdLine@2 script="build --for $(os)"
          job __default.Slices 'Slices'
            leg __default.Slices.job1 'Slices job1'
            leg __default.Slices.job2 'Slices job2'
            leg __default.Slices.job3 'Slices job3'
            step CmdLine CmdLine@2 script="test --slice $(System.JobPositionInPhase)"
          job __default.Later 'Later' after Build
            at most $[variables.most] at once
            legs of $[dependencies.Build.outputs['plan.legs']]
            step CmdLine CmdLine@2 script="x"
        "#,
    );
}

#[test]
fn a_root_of_steps_may_carry_the_keys_of_its_job() {
    check(
        r"
        resources:
          containers:
          - container: tools
            image: registry.example.org/tools:3
            options: --init
            env: {A: b}
        strategy: {matrix: {a: {v: 1}, b: {v: 2}}}
        container: tools
        services:
          cache: redis:7
          db: {image: 'postgres:16', ports: ['5432:5432']}
        workspace: {clean: outputs}
        continueOnError: true
        steps: [script: x]
        ",
        r#"
        container tools {"image":"registry.example.org/tools:3","options":"--init","env":{"A":"b"}}
        queued = "at start"
        stage __default 'Stage'
          job __default.__default 'Job', clean Outputs, in registry.example.org/tools:3 {"options":"--init","env":{"A":"b"}}, beside cache = redis:7, beside db = postgres:16 {"ports":["5432:5432"]}
            leg __default.__default.a 'Job a'
              v = "1"
            leg __default.__default.b 'Job b'
              v = "2"
            step CmdLine CmdLine@2 script="x"
        "#,
    );
}

#[test]
fn a_deployment_that_runs_once() {
    check(
        r"
        variables: {target: production}
        jobs:
        - deployment: Web
          displayName: Deploy the web
          environment: $(target)
          pool: {demands: net}
          strategy:
            runOnce:
              preDeploy:
                steps: [script: fetch]
              deploy:
                pool: {demands: gpu}
                steps: [script: install]
              routeTraffic:
                steps: [script: route]
              postRouteTraffic:
                pool: server
                steps: [script: watch]
              on:
                success: {steps: [script: tell]}
                failure: {steps: [script: undo]}
        ",
        r#"
        queued = "at start"
        target = "production"
        stage __default 'Stage'
          job __default.Web 'Deploy the web', demands gpu, to production once
            step CmdLine CmdLine@2 script="install"
            hook PreDeploy, demands net
            step CmdLine CmdLine@2 script="fetch"
            hook RouteTraffic, demands net
            step CmdLine CmdLine@2 script="route"
            hook PostRouteTraffic, on the server
            step CmdLine CmdLine@2 script="watch"
            hook OnFailure, demands net
            step CmdLine CmdLine@2 script="undo"
            hook OnSuccess, demands net
            step CmdLine CmdLine@2 script="tell"
        "#,
    );
}

#[test]
fn rolling_and_canary_deployments() {
    check(
        r"
        jobs:
        - deployment: Machines
          environment: {name: farm, resourceType: VirtualMachine, tags: 'web, eu'}
          strategy:
            rolling:
              maxParallel: 25%
              deploy: {steps: [script: one]}
        - deployment: Cluster
          environment: cluster.team
          strategy:
            canary:
              increments: [10, 20]
              deploy: {steps: [script: some]}
        ",
        r#"
        queued = "at start"
        stage __default 'Stage'
          job __default.Machines 'Machines', to farm/VirtualMachine tagged web+eu rolling Some("25%")
            step CmdLine CmdLine@2 script="one"
          job __default.Cluster 'Cluster', to cluster/team canary [10, 20]
            step CmdLine CmdLine@2 script="some"
        "#,
    );
}

#[test]
fn variables_of_every_place_with_groups_between() {
    check(
        r"
        variables:
        - name: a
          value: 1
        - group: Shared
        - name: b
          value: two
          readonly: true
        - name: A
          value: 3
        - name: build
          value: $[ counter(variables.b, 100) ]
        - group: Last
        stages:
        - stage: S
          variables:
          - group: OfStage
          - {name: c}
          jobs:
          - job: J
            variables:
              d: $[ dependencies.x.outputs['y.z'] ]
              e: ~
            steps: [script: x]
        ",
        r#"
        queued = "at start"
        group Shared
        b = "two", read-only
        A = "3"
        build = $[counter(variables.b, 100)]
        group Last
        stage S 'S'
          group OfStage
          c = ""
          job S.J 'J'
            d = $[dependencies.x.outputs['y.z']]
            e = ""
            step CmdLine CmdLine@2 script="x"
        "#,
    );
}

#[test]
fn every_kind_of_step() {
    check(
        r"
        resources:
          repositories: [{repository: tools, type: git, name: Team/tools, ref: refs/tags/v1}]
          pipelines: [{pipeline: upstream, source: Nightly, trigger: true}]
          builds: [{build: old, type: Jenkins, connection: c, source: s}]
          packages: [{package: lib, type: npm, connection: c, name: a/b}]
        steps:
        - checkout: self
          fetchDepth: 1
        - checkout: tools
        - download: none
        - download: current
          artifact: drop
          patterns: '**/*.zip'
        - download: upstream
        - downloadBuild: old
          path: in
        - getPackage: lib
          path: lib
        - script: echo
          workingDirectory: src
        - bash: echo
          failOnStderr: true
        - pwsh: Get-Item .
          errorActionPreference: stop
          ignoreLASTEXITCODE: true
        - powershell: Get-Item .
        - publish: out
          artifact: site
        - upload: out
        - reviewApp: web
        - task: SignThings@4
          target: {container: host, commands: any}
          inputs: {what: a.jar, keystoreFile: myCACertificate.pem}
        ",
        r#"
        repository tools = Team/tools at refs/tags/v1
        pipeline upstream {"source":"Nightly"}
        package lib {"type":"npm","connection":"c","name":"a/b"}
        build old {"type":"Jenkins","connection":"c","source":"s"}
        queued = "at start"
        stage __default 'Stage'
          job __default.__default 'Job', demands JDK, demands Agent.Version -gtVersion 3.220.0
            step Checkout1 Checkout@1 repository="self" fetchDepth="1"
            step Checkout2 Checkout@1 repository="tools"
            step DownloadPipelineArtifact1 DownloadPipelineArtifact@2 source="current" artifact="drop" patterns="**/*.zip"
            step DownloadPipelineArtifact2 DownloadPipelineArtifact@2 source="upstream"
            step DownloadBuildArtifacts DownloadBuildArtifacts@1 source="old" downloadPath="in"
            step DownloadPackage DownloadPackage@1 source="lib" downloadPath="lib"
            step CmdLine CmdLine@2 script="echo" workingDirectory="src"
            step Bash Bash@3 targetType="inline" script="echo" failOnStderr="true"
            step PowerShell1 PowerShell@2 targetType="inline" pwsh="true" script="Get-Item ." errorActionPreference="stop" ignoreLASTEXITCODE="true"
            step PowerShell2 PowerShell@2 targetType="inline" script="Get-Item ."
            step PublishPipelineArtifact1 PublishPipelineArtifact@1 path="out" artifactName="site"
            step PublishPipelineArtifact2 PublishPipelineArtifact@1 path="out"
            step ReviewApp ReviewApp@0 resourceName="web"
            step SignThings SignThings@4 what="a.jar" keystore="11111111-2222-4333-8444-abcdefabcdef", target Target { container: Some("host"), restricted: false, settable_variables: None }
        "#,
    );
}

#[test]
fn the_old_forms_make_the_same_plan() {
    check(
        r"
        resources:
        - repo: self
          clean: true
        phases:
        - phase: Build
          queue:
            name: Old
            demands: [make]
            timeoutInMinutes: 5
            parallel: 2
          steps: [script: make]
        - phase: Wait
          dependsOn: Build
          server: true
          steps: [script: x]
        ",
        r#"
        queued = "at start"
        stage __default 'Stage'
          job __default.Build 'Build', pool Old, demands make, 5 min
            leg __default.Build.job1 'Build job1'
            leg __default.Build.job2 'Build job2'
            step CmdLine CmdLine@2 script="make"
          job __default.Wait 'Wait' after Build, on the server
            step CmdLine CmdLine@2 script="x"
        "#,
    );
}

#[test]
fn old_phases_come_from_templates_too() {
    super::templates::expands(
        r"
        phases:
        - template: phase.yml
          parameters: {name: Left}
        - ${{ each name in split('Middle,Right', ',') }}:
          - template: phase.yml
            parameters:
              name: ${{ name }}
              steps:
              - template: more.yml
        ",
        &[
            (
                "phase.yml",
                "parameters: {name: '', steps: []}\nphases:\n- phase: ${{ parameters.name }}\n  queue: {name: Old}\n  \
                 steps:\n  - script: first\n  - ${{ parameters.steps }}",
            ),
            ("more.yml", "steps: [script: more]"),
        ],
        r"
        phases:
        - phase: Left
          queue:
            name: Old
          steps:
          - script: first
        - phase: Middle
          queue:
            name: Old
          steps:
          - script: first
          - script: more
        - phase: Right
          queue:
            name: Old
          steps:
          - script: first
          - script: more
        ",
    );
}

#[test]
fn jobs_without_names_are_counted() {
    check(
        r"
        jobs:
        - job:
          steps: [script: a]
        - job: job1
          steps: [script: b]
        - job:
          strategy: {parallel: 2}
          steps: [script: c]
        ",
        r#"
        queued = "at start"
        stage __default 'Stage'
          job __default.Job2 'Job2'
            step CmdLine CmdLine@2 script="a"
          job __default.job1 'job1'
            step CmdLine CmdLine@2 script="b"
          job __default.Job3 'Job3'
            leg __default.Job3.job1 'Job3 job1'
            leg __default.Job3.job2 'Job3 job2'
            step CmdLine CmdLine@2 script="c"
        "#,
    );
}
