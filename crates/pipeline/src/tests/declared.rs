//! What a person gets to read about strategies, deployments, resources and triggers. The texts are the product here, so they
//! stand in full.

use super::check;

#[test]
fn strategies() {
    check(
        r"
        jobs:
        - job: A
          strategy: {matrix: {one: {a: 1}}, parallel: 2}
          steps: [script: x]
        - job: B
          strategy: {maxParallel: 2}
          steps: [script: x]
        - job: C
          strategy: {matrix: {a.b: {v: 1}, X: {v: [1]}, x: {'in put': 1}}}
          steps: [script: x]
        - job: D
          strategy: {parallel: 0}
          steps: [script: x]
        - job: E
          strategy: {parallel: 257}
          steps: [script: x]
        - job: F
          strategy: {matrix: nothing}
          steps: [script: x]
        - job: G
          strategy: {matrix: {}, legs: 3}
          steps: [script: x]
        - job: H
          strategy: {matrix: '$[ nope( ]'}
          steps: [script: x]
        - job: I
          strategy: [a]
          steps: [script: x]
        ",
        r"
        a.yml:3:47: a strategy has either `matrix` or `parallel`, not both
          hint: remove one of the two
        a.yml:6:13: a strategy has a `matrix` or a number of `parallel` slices
          hint: write for example `parallel: 2`
        a.yml:9:23: a leg of a matrix may not be called `a.b`
          hint: use letters, digits, `_` and `-`, at most 100 characters
        a.yml:9:43: A sequence was not expected: the value of the variable `v` must be a text, not a list
          hint: check the indentation; docs/yaml.md shows the form
        a.yml:9:49: a leg of this matrix is already called `x`
          hint: give this one another name; names ignore case
        a.yml:9:53: a variable may not be called `in put`
          hint: use letters, digits, `.`, `_` and `-`
        a.yml:12:24: `parallel: 0` would be no job at all
          hint: write at least 1
        a.yml:15:24: Unexpected value '257': parallel must be a whole number from 0 to 256
          hint: write the number in digits
        a.yml:18:22: Unexpected value 'nothing': matrix must be a mapping (`leg: {variable: value}`) or `$[ expression ]`, not a text
          hint: check the indentation; docs/yaml.md shows the form
        a.yml:21:22: a matrix has 1 to 256 legs and this one has 0
          hint: write `name: {variable: value}` for each leg
        a.yml:21:26: Unexpected value 'legs': a strategy has no such key
          hint: known here: matrix, maxParallel, parallel
        a.yml:24:31: the expression ends too early
          hint: between `$[` and `]` stands one expression, for example `$[variables.name]`
        a.yml:27:13: A sequence was not expected: a strategy must be a mapping (`key: value`), not a list
          hint: write `name: value` below it, without dashes
        ",
    );
}

#[test]
fn deployments() {
    check(
        r"
        jobs:
        - deployment: A
        - deployment: B
          environment: e
          strategy: {}
        - deployment: C
          environment: {resourceName: x, kind: y}
          strategy:
            runOnce: {deploy: {steps: [script: x], env: {}}, predeploy: {}}
            canary: {}
        - deployment: D
          environment: e
          strategy: {rolling: {maxParallel: lots, deploy: {steps: []}}}
        - deployment: E
          environment: e
          strategy: {canary: {increments: [10, 200], on: {fail: {}}}}
        - deployment: F
          environment: e
          steps: [script: x]
          strategy: {runTwice: {}}
        ",
        r"
        a.yml:2:3: this deployment names no environment
          hint: add `environment: name`
        a.yml:2:3: this deployment has no strategy
          hint: write `strategy:`, `runOnce:`, `deploy:` and `steps:`, each below the one before
        a.yml:7:16: an environment needs `name`
          hint: add `name: …`
        a.yml:7:34: Unexpected value 'kind': an environment has no such key
          hint: known here: name, resourceName, resourceId, resourceType, tags
        a.yml:9:44: Unexpected value 'env': deploy has no such key
          hint: known here: steps, pool
        a.yml:9:54: Unexpected value 'predeploy': runOnce has no such key
          hint: did you mean `preDeploy`?
        a.yml:10:5: a strategy is either `runOnce` or `canary`, not both
          hint: remove one of the two
        a.yml:13:37: Unexpected value 'lots': maxParallel must be a number, or a percentage up to 100%
          hint: write for example `2` or `25%`
        a.yml:13:59: `steps` has no entry
          hint: add at least one below `steps:`, beginning with `- `
        a.yml:16:40: Unexpected value '200': an entry of increments must be a whole number from 0 to 100
          hint: write the number in digits
        a.yml:16:51: Unexpected value 'fail': on has no such key
          hint: did you mean `failure`?
        a.yml:19:3: Unexpected value 'steps': a deployment has no such key
          hint: they stand below `strategy:`, `runOnce:` and `deploy:`
        a.yml:20:14: Unexpected value 'runTwice': the strategy of a deployment has no such key
          hint: did you mean `runOnce`?
        ",
    );
    check(
        r"
        jobs:
        - deployment: A
          environment: e
          strategy: {runOnce: {}}
        ",
        r"
        a.yml:4:23: `runOnce` has no hook
          hint: write `deploy:` and `steps:` below it
        ",
    );
}

#[test]
fn resources() {
    check(
        r"
        resources:
          repositories:
          - repository: tools
            type: git
            nmae: x
          - repository: Tools
          - name: x
          - repository: 'a b'
          pipelines:
          - pipeline: p
            trigger: {branch: [main]}
          containers:
          - container: c
          - container: d
            image: ubuntu
            mountReadOnly: {work: maybe, all: true}
          packages: [{package: k}]
          builds:
          webhooks: [{webhook: w, connection: c, filters: [{path: x}]}]
          things: []
        steps: [script: x]
        ",
        r"
        a.yml:5:5: Unexpected value 'nmae': an entry of repositories has no such key
          hint: did you mean `name`?
        a.yml:6:17: a repository is already called `Tools` at 3:17
          hint: give this one another name; names ignore case
        a.yml:7:5: an entry of repositories needs `repository`
          hint: add `repository: …`
        a.yml:8:17: a repository may not be called `a b`
          hint: use letters, digits, `-`, `_` and `.`, at most 100 characters
        a.yml:11:15: Unexpected value 'branch': a trigger has no such key
          hint: did you mean `branches`?
        a.yml:13:5: the container `c` has no `image`
          hint: add `image: name:tag`
        a.yml:16:27: Unexpected value 'maybe': work must be true or false
          hint: write `true` or `false`
        a.yml:16:34: Unexpected value 'all': mountReadOnly has no such key
          hint: known here: work, externals, tools, tasks
        a.yml:17:14: an entry of packages needs `type`
          hint: add `type: …`
        a.yml:17:14: an entry of packages needs `connection`
          hint: add `connection: …`
        a.yml:17:14: an entry of packages needs `name`
          hint: add `name: …`
        a.yml:18:9: `builds` has no entry
          hint: add at least one below `builds:`, beginning with `- `
        a.yml:19:52: a filter needs `value`
          hint: add `value: …`
        a.yml:20:3: Unexpected value 'things': resources has no such key
          hint: known here: repositories, pipelines, containers, packages, builds, webhooks
        ",
    );
    check(
        r"
        resources:
        - repo: other
        steps: [script: x]
        ",
        r"
        a.yml:2:9: Unexpected value 'other': repo must be self
          hint: declare others below `resources:` and `repositories:`
        ",
    );
}

#[test]
fn names_of_resources_in_steps() {
    check(
        r"
        resources:
          repositories: [{repository: tools}]
          pipelines: [{pipeline: upstream}]
        steps:
        - checkout: tols
        - checkout: git://Project/Repo@refs/heads/main
        - download: upstram
        - downloadBuild: x
        - getPackage: y
        - checkout:
        - download: none
        - script: x
          target: [host]
        - script: x
          target: {container: host, commands: some, settable: none}
        ",
        r"
        a.yml:5:13: there is no repository `tols`
          hint: did you mean `tools`?
        a.yml:7:13: there is no pipeline `upstram`
          hint: did you mean `upstream`?
        a.yml:8:18: there is no build `x`
          hint: declare it below `resources:` and `builds:`
        a.yml:9:15: there is no package `y`
          hint: declare it below `resources:` and `packages:`
        a.yml:10:3: this `checkout` step says nothing
          hint: write the value after the colon
        a.yml:13:11: A sequence was not expected: target must be a mapping (`key: value`), not a list
          hint: write `name: value` below it, without dashes
        a.yml:15:39: Unexpected value 'some': commands must be any or restricted
          hint: known here: any, restricted
        a.yml:15:45: Unexpected value 'settable': target has no such key
          hint: did you mean `settableVariables`?
        ",
    );
}

#[test]
fn triggers() {
    check(
        r"
        trigger: all
        pr: {branches: main, autoCancel: perhaps, batch: true}
        schedules:
        - cron: '0 3 * *'
          branches: {includes: [main]}
        - displayName: x
        steps: [script: x]
        ",
        r"
        a.yml:1:10: Unexpected value 'all': trigger must be `none`, a list of branches or a mapping, not a text
          hint: check the indentation; docs/yaml.md shows the form
        a.yml:2:16: Unexpected value 'main': branches must be a mapping (`key: value`), not a text
          hint: check the indentation; docs/yaml.md shows the form
        a.yml:2:34: Unexpected value 'perhaps': autoCancel must be true or false
          hint: write `true` or `false`
        a.yml:2:43: Unexpected value 'batch': pr has no such key
          hint: known here: autoCancel, branches, paths, drafts, enabled
        a.yml:4:9: a cron line has 5 parts and this one has 4
          hint: write minute, hour, day of the month, month, day of the week: `0 3 * * Mon-Fri`
        a.yml:5:14: Unexpected value 'includes': branches has no such key
          hint: did you mean `include`?
        a.yml:6:3: a schedule needs `cron`
          hint: add `cron: …`
        ",
    );
    check(
        r"
        trigger: {batch: true, branches: {include: [main], exclude: []}, path: {}}
        schedules: {cron: x}
        steps: [script: x]
        ",
        r"
        a.yml:1:66: Unexpected value 'path': trigger has no such key
          hint: did you mean `paths`?
        a.yml:2:12: A mapping was not expected: schedules must be a list (`- item`), not a mapping
          hint: begin each entry with `- `
        ",
    );
}

#[test]
fn run_numbers() {
    check(
        r"
        name: $(version)_$(given)_$(Build.SourceBranchName)$(Rev:.r)
        variables: {version: 1}
        steps: [script: x]
        ",
        r"
        a.yml:1:18: there is no variable `given` at the root: `$(given)` stays in the run number as it is
          hint: set it in `variables:` at the root; those of stages and jobs, and outputs of steps, come too late for a run number
        ",
    );
    check(
        r"
        name: 'a$(Rev:x)'
        stages:
        - stage: A
          jobs: nothing
        ",
        r"
        a.yml:1:9: `$(Rev:x)` does not say where the revision goes
          hint: write `$(Rev:r)`, or `$(Rev:rr)` for at least two digits
        a.yml:4:9: Unexpected value 'nothing': jobs must be a list (`- item`), not a text
          hint: write it as an entry, beginning with `- `
        ",
    );
    assert_eq!(super::good("name: ''\nsteps: [script: x]\n").name, None);
}
