//! The forms in which the public documentation of the YAML shows resources, triggers, containers and checkouts.

use super::check_plan as check;

#[test]
fn pipelines_builds_packages_and_webhooks() {
    check(
        r"
        resources:
          pipelines:
          - pipeline: nightly
            project: Tools
            source: Nightly build
            version: 20.1
            branch: main
            tags: [good, signed]
          - pipeline: any
            source: Any
            trigger: true
          - pipeline: never
            source: Never
            trigger: none
          - pipeline: listed
            source: Listed
            trigger:
              branches: [main, releases/*]
              stages: [Build]
              tags: [good]
          - pipeline: chosen
            source: Chosen
            trigger:
              enabled: true
              branches:
                include: [main]
                exclude: [users/*]
          builds:
          - build: jenkins
            type: Jenkins
            connection: ci
            source: job
            version: 5
            branch: main
            trigger: true
          packages:
          - package: library
            type: NuGet
            connection: feed
            name: team/library
            version: 1.2.3
            trigger: true
          webhooks:
          - webhook: hook
            connection: incoming
            type: Generic
            filters:
            - path: repositoryName
              value: tools
        steps: [script: x]
        ",
        r#"
        pipeline nightly {"project":"Tools","source":"Nightly build","version":"20.1","branch":"main","tags":["good","signed"]}
        pipeline any {"source":"Any"}
        pipeline never {"source":"Never"}
        pipeline listed {"source":"Listed"}
        pipeline chosen {"source":"Chosen"}
        package library {"type":"NuGet","connection":"feed","name":"team/library","version":"1.2.3"}
        build jenkins {"type":"Jenkins","connection":"ci","source":"job","version":"5","branch":"main"}
        webhook hook {"connection":"incoming","type":"Generic","filters":[{"path":"repositoryName","value":"tools"}]}
        queued = "at start"
        stage __default 'Stage'
          job __default.__default 'Job'
            step CmdLine CmdLine@2 script="x"
        "#,
    );
}

#[test]
fn repositories_and_how_they_are_checked_out() {
    check(
        r"
        resources:
          repositories:
          - repository: near
            type: git
            name: Tools/near
            ref: refs/heads/main
            trigger:
              branches: {include: [main], exclude: [old/*]}
              paths: {include: [src], exclude: [docs]}
              tags: {include: [v*]}
          - repository: far
            type: github
            name: owner/far
            endpoint: hub
            trigger: none
          - repository: listed
            type: git
            name: listed
            trigger: [main]
        jobs:
        - job: Options
          steps:
          - checkout: self
            clean: true
            fetchDepth: 0
            fetchFilter: blob:none
            fetchTags: false
            lfs: true
            submodules: recursive
            path: s/own
            persistCredentials: true
            sparseCheckoutDirectories: src docs
            workspaceRepo: true
          - checkout: near
          - checkout: far
            submodules: true
          - checkout: git://Tools/other@refs/heads/main
        - job: None
          steps:
          - checkout: none
        - job: Used
          uses: {repositories: [near], pools: [Machines]}
          steps: [script: x]
        ",
        r#"
        repository near = Tools/near at refs/heads/main
        repository far = owner/far at default branch
        repository listed = listed at default branch
        queued = "at start"
        stage __default 'Stage'
          job __default.Options 'Options'
            step Checkout1 Checkout@1 repository="self" clean="true" fetchDepth="0" fetchFilter="blob:none" fetchTags="false" lfs="true" path="s/own" persistCredentials="true" sparseCheckoutDirectories="src docs" submodules="recursive" workspaceRepo="true"
            step Checkout2 Checkout@1 repository="near"
            step Checkout3 Checkout@1 repository="far" submodules="true"
            step Checkout4 Checkout@1 repository="git://Tools/other@refs/heads/main"
          job __default.None 'None'
            step Checkout Checkout@1 repository="none"
          job __default.Used 'Used'
            step CmdLine CmdLine@2 script="x"
        "#,
    );
}

#[test]
fn containers_of_jobs_services_and_steps() {
    check(
        r"
        resources:
          containers:
          - container: plain
            image: ubuntu:24.04
          - container: full
            image: registry.example/tools:1
            endpoint: registry
            env: {A: b}
            options: --hostname here
            ports: ['8080:80', 6379]
            volumes: ['/a:/b']
            mapDockerSocket: false
            mountReadOnly: {externals: true, tasks: true, tools: true, work: false}
            localImage: true
          - container: azure
            type: ACR
            azureSubscription: subscription
            resourceGroup: group
            registry: registry
            repository: hello
            trigger: {tags: {include: [production*], exclude: [old*]}}
          - container: any
            image: any
            trigger: true
          - container: listed
            image: listed
            trigger: {enabled: true, tags: [a, b]}
        jobs:
        - job: Named
          container: full
          services: {cache: plain}
          steps:
          - script: a
          - script: b
            target: host
          - script: c
            target: {container: plain, commands: restricted, settableVariables: [one, two]}
          - script: d
            target: {settableVariables: none}
        - job: Here
          container: ubuntu:22.04
          steps: [script: x]
        - job: Written
          container:
            image: ubuntu:22.04
            options: --privileged
            env: {A: b}
          services:
            data:
              image: postgres
              ports: ['5432:5432']
          steps: [script: x]
        - job: Legs
          strategy:
            matrix:
              old: {image: ubuntu:20.04}
              new: {image: ubuntu:24.04}
          container: $[ variables['image'] ]
          steps: [script: x]
        ",
        r#"
        container plain {"image":"ubuntu:24.04"}
        container full {"image":"registry.example/tools:1","endpoint":"registry","env":{"A":"b"},"options":"--hostname here","ports":["8080:80","6379"],"volumes":["/a:/b"],"mapDockerSocket":"false","mountReadOnly":{"externals":"true","tasks":"true","tools":"true","work":"false"},"localImage":"true"}
        container azure {"type":"ACR","azureSubscription":"subscription","resourceGroup":"group","registry":"registry","repository":"hello"}
        container any {"image":"any"}
        container listed {"image":"listed"}
        queued = "at start"
        stage __default 'Stage'
          job __default.Named 'Named', in registry.example/tools:1 {"endpoint":"registry","env":{"A":"b"},"options":"--hostname here","ports":["8080:80","6379"],"volumes":["/a:/b"],"mapDockerSocket":"false","mountReadOnly":{"externals":"true","tasks":"true","tools":"true","work":"false"},"localImage":"true"}, beside cache = ubuntu:24.04
            step CmdLine1 CmdLine@2 script="a"
            step CmdLine2 CmdLine@2 script="b", target Target { container: Some("host"), restricted: false, settable_variables: None }
            step CmdLine3 CmdLine@2 script="c", target Target { container: Some("plain"), restricted: true, settable_variables: Some(["one", "two"]) }
            step CmdLine4 CmdLine@2 script="d", target Target { container: None, restricted: false, settable_variables: Some([]) }
          job __default.Here 'Here', in ubuntu:22.04
            step CmdLine CmdLine@2 script="x"
          job __default.Written 'Written', in ubuntu:22.04 {"options":"--privileged","env":{"A":"b"}}, beside data = postgres {"ports":["5432:5432"]}
            step CmdLine CmdLine@2 script="x"
          job __default.Legs 'Legs', in $[variables['image']]
            leg __default.Legs.old 'Legs old'
              image = "ubuntu:20.04"
            leg __default.Legs.new 'Legs new'
              image = "ubuntu:24.04"
            step CmdLine CmdLine@2 script="x"
        "#,
    );
}

#[test]
fn triggers_of_every_form() {
    let triggers = [
        "trigger: none",
        "trigger: [main, develop]",
        "trigger:\n- main",
        "trigger:\n  batch: true\n  branches: {include: [releases/*], exclude: [releases/old*]}",
        "trigger:\n  tags: {include: [v2.*], exclude: [v2.0]}\n  paths: {include: [src/*], exclude: [docs]}",
        "pr: none",
        "pr: [main]",
        "pr:\n  autoCancel: false\n  drafts: false\n  branches: {include: [main]}\n  paths: {exclude: [README.md]}",
        "schedules:\n- cron: '0 0 * * *'\n  displayName: Every night\n  branches: {include: [main]}\n  batch: true\n  always: true",
        "schedules:\n- cron: '*/30 1-5,8 1 Jan Mon-Fri'\n  branches: {include: [main], exclude: [old]}",
        "appendCommitMessageToRunName: false",
    ];
    for trigger in triggers {
        check(
            &format!("{trigger}\nsteps: [script: x]"),
            r#"
            queued = "at start"
            stage __default 'Stage'
              job __default.__default 'Job'
                step CmdLine CmdLine@2 script="x"
            "#,
        );
    }
}

#[test]
fn the_rest_of_a_job_and_of_its_steps() {
    check(
        r"
        stages:
        - stage: A
          variables:
          - group: shared
          - name: own
            value: a
            readonly: true
          pool: {vmImage: ubuntu-latest}
          jobs:
          - job: Full
            displayName: All of it
            timeoutInMinutes: 0
            cancelTimeoutInMinutes: 2
            workspace: {clean: outputs}
            strategy: {parallel: 2, maxParallel: 1}
            steps:
            - task: CmdLine@2
              name: named
              displayName: Say it
              condition: and(succeeded(), eq(variables['own'], 'a'))
              continueOnError: true
              enabled: true
              retryCountOnTaskFailure: 3
              timeoutInMinutes: 4
              env: {A: $(own)}
              inputs: {script: x}
          - deployment: Ship
            environment:
              name: production
              resourceName: machine
              resourceType: virtualMachine
            strategy:
              runOnce:
                preDeploy: {pool: server, steps: [script: before]}
                deploy: {steps: [script: deploy]}
                routeTraffic: {steps: [script: route]}
                postRouteTraffic: {steps: [script: watch]}
                on:
                  failure: {steps: [script: back]}
                  success: {steps: [script: done]}
        ",
        r#"
        queued = "at start"
        stage A 'A'
          group shared
          own = "a", read-only
          job A.Full 'All of it', pool ubuntu-latest, 0 min, clean Outputs
            at most 1 at once
            leg A.Full.job1 'All of it job1'
            leg A.Full.job2 'All of it job2'
            step named CmdLine@2 script="x", when and(succeeded(), eq(variables['own'], 'a'))
          job A.Ship 'Ship', pool ubuntu-latest, to production/machine/virtualMachine once
            step CmdLine CmdLine@2 script="deploy"
            hook PreDeploy, on the server
            step CmdLine CmdLine@2 script="before"
            hook RouteTraffic, pool ubuntu-latest
            step CmdLine CmdLine@2 script="route"
            hook PostRouteTraffic, pool ubuntu-latest
            step CmdLine CmdLine@2 script="watch"
            hook OnFailure, pool ubuntu-latest
            step CmdLine CmdLine@2 script="back"
            hook OnSuccess, pool ubuntu-latest
            step CmdLine CmdLine@2 script="done"
        "#,
    );
}
