//! What a person gets to read about stages and jobs: names, what waits for what, keys, limits. The texts
//! are the product here, so they stand in full.

use super::check;

#[test]
fn names_are_unique_whatever_their_case() {
    check(
        r"
        stages:
        - stage: A
          jobs:
          - job: J
            steps: [script: x]
          - job: j
            steps: [script: x]
        - stage: a
          jobs: [{job: J, steps: [script: x]}]
        ",
        r"
        a.yml:6:5: Stage A: The job name j appears more than once. Job names must be unique within a stage. The first is at 4:5
          hint: give this one another name; names ignore case
        a.yml:8:3: The stage name a appears more than once. Stage names must be unique within a pipeline. The first is at 2:3
          hint: give this one another name; names ignore case
        ",
    );
    check(
        r"
        jobs:
        - job: J
          steps: [script: x]
        - deployment: j
          environment: e
          strategy: {runOnce: {deploy: {steps: [script: x]}}}
        ",
        r"
        a.yml:4:3: The job name j appears more than once. Job names must be unique within a pipeline. The first is at 2:3
          hint: give this one another name; names ignore case
        ",
    );
}

#[test]
fn what_a_stage_or_job_waits_for_must_be_there() {
    check(
        r"
        stages:
        - stage: Build
          jobs:
          - job: Compile
            steps: [script: x]
          - job: Test
            dependsOn: [compile, Complie, Compile]
            steps: [script: x]
        - stage: Ship
          dependsOn:
          - Built
          - nowhere
          jobs:
          - job: Send
            dependsOn: Build
            steps: [script: x]
        ",
        r"
        a.yml:7:26: Job Test depends on unknown job Complie.
          hint: did you mean `Compile`?
        a.yml:11:5: Stage Ship depends on unknown stage Built.
          hint: did you mean `Build`?
        a.yml:12:5: Stage Ship depends on unknown stage nowhere.
          hint: name a stage of this pipeline; `[]` is no dependency
        a.yml:14:5: Stage Ship must contain at least one job with no dependencies.
          hint: write `dependsOn: []` for the job that runs first
        a.yml:15:16: Job Send depends on unknown job Build.
          hint: name a job of the same stage; for a job of another stage, let the stages depend on each other
        ",
    );
}

#[test]
fn circles_are_shown_as_a_path() {
    check(
        r"
        stages:
        - stage: Begin
          jobs: [{job: J, steps: [script: x]}]
        - stage: A
          dependsOn: [Begin, C]
          jobs: [{job: J, steps: [script: x]}]
        - stage: B
          dependsOn: A
          jobs: [{job: J, steps: [script: x]}]
        - stage: C
          dependsOn: B
          jobs: [{job: J, steps: [script: x]}]
        ",
        r"
        a.yml:5:22: Stage A depends on stage C which creates a cycle in the dependency graph. Each of these waits for the next: A → C → B → A
          hint: remove one of these dependencies
        ",
    );
    check(
        r"
        jobs:
        - job: A
          dependsOn: B
          steps: [script: x]
        - job: B
          dependsOn: A
          steps: [script: x]
        ",
        r"
        a.yml:3:14: The pipeline must contain at least one job with no dependencies. Each of these waits for the next: A → B → A
          hint: remove one of these dependencies
        ",
    );
    check(
        r"
        stages:
        - stage: S
          jobs:
          - job: A
            dependsOn: Elsewhere
            steps: [script: x]
        ",
        r"
        a.yml:4:5: Stage S must contain at least one job with no dependencies.
          hint: write `dependsOn: []` for the job that runs first
        a.yml:5:16: Job A depends on unknown job Elsewhere.
          hint: name a job of the same stage; for a job of another stage, let the stages depend on each other
        ",
    );
}

#[test]
fn forms_of_depends_on() {
    check(
        r"
        stages:
        - stage: A
          dependsOn: {a: b}
          jobs: [{job: J, steps: [script: x]}]
        - stage: B
          dependsOn: [[A], '', A]
          jobs: [{job: J, steps: [script: x]}]
        ",
        r"
        a.yml:3:14: A mapping was not expected: dependsOn must be a name or a list of names, not a mapping
          hint: check the indentation; docs/yaml.md shows the form
        a.yml:6:15: A sequence was not expected: a name in dependsOn must be a text, not a list
          hint: check the indentation; docs/yaml.md shows the form
        a.yml:6:20: Unexpected value '': a name in dependsOn may not be empty
          hint: write it, or remove the key
        ",
    );
}

#[test]
fn keys_of_stages_and_jobs() {
    check(
        r"
        lockBehavior: parallel
        appendCommitMessageToRunName: perhaps
        stages:
        - stage: A
          isSkipable: false
          lockBehavior: RunLatest
          trigger: Manual
          isSkippable: maybe
          jobs:
          - job: J
            dependOn: A
            workspace: {clean: everything}
            uses: {repositories: [other], repos: []}
            timeoutInMinutes: $(unknown)
            templateContext: {any: [thing]}
            steps: [script: x]
        - displayName: B
        - stage: C
          jobs:
          - displayName: x
        ",
        r"
        a.yml:1:15: Unexpected value 'parallel': lockBehavior must be sequential or runLatest
          hint: known here: sequential, runLatest
        a.yml:2:31: Unexpected value 'perhaps': appendCommitMessageToRunName must be true or false
          hint: write `true` or `false`
        a.yml:5:3: Unexpected value 'isSkipable': a stage has no such key
          hint: did you mean `isSkippable`?
        a.yml:6:17: Unexpected value 'RunLatest': lockBehavior must be sequential or runLatest
          hint: did you mean `runLatest`?
        a.yml:7:12: Unexpected value 'Manual': trigger must be automatic or manual
          hint: did you mean `manual`?
        a.yml:8:16: Unexpected value 'maybe': isSkippable must be true or false
          hint: write `true` or `false`
        a.yml:11:5: Unexpected value 'dependOn': a job has no such key
          hint: did you mean `dependsOn`?
        a.yml:12:24: Unexpected value 'everything': clean must be outputs or resources or all
          hint: known here: outputs, resources, all
        a.yml:13:26: there is no repository `other`
          hint: declare it below `resources:` and `repositories:`
        a.yml:13:35: Unexpected value 'repos': uses has no such key
          hint: did you mean `repositories`?
        a.yml:14:23: Unexpected value '$(unknown)': timeoutInMinutes must be a whole number from 0 to 2147483647
          hint: write the number in digits
        a.yml:17:3: a stage begins with `stage:` and its name
          hint: write `- stage: name`
        a.yml:20:5: a job begins with `job:` and its name, or with `deployment:`
          hint: write `- job: name`
        ",
    );
}

#[test]
fn keys_at_the_root_that_belong_to_the_job() {
    check(
        r"
        strategy: {parallel: 2}
        container: x
        stages:
        - stage: A
          jobs: [{job: J, steps: [script: x]}]
        ",
        r"
        a.yml:1:1: Unexpected value 'strategy': a pipeline with `stages` has no such key
          hint: `strategy` may stand here with `steps` only; move it to the job
        a.yml:2:1: Unexpected value 'container': a pipeline with `stages` has no such key
          hint: `container` may stand here with `steps` only; move it to the job
        ",
    );
}

#[test]
fn runtime_expressions_are_read_where_they_stand() {
    check(
        r"
        variables:
          a: $[ counter('x', 1) ]
          b: $[ nope( ]
          c: '$[ ]'
        jobs:
        - job: A
          strategy: {maxParallel: '$[variables.n]', parallel: '$[ ) ]'}
          steps: [script: x]
        ",
        r"
        a.yml:3:14: the expression ends too early
          hint: between `$[` and `]` stands one expression, for example `$[variables.name]`
        a.yml:4:10: an expression is expected here
          hint: between `$[` and `]` stands one expression, for example `$[variables.name]`
        a.yml:7:59: a value or a function is expected here
          hint: between `$[` and `]` stands one expression, for example `$[variables.name]`
        ",
    );
}

#[test]
fn limits_are_told_before_anything_is_made() {
    let many = |n: usize, line: fn(usize) -> String| -> String { (0..n).map(line).collect() };
    let stages = many(1001, |n| format!("- {{stage: s{n}, jobs: []}}\n"));
    check(
        &format!("stages:\n{stages}"),
        r"
        a.yml:1002:3: there may be 1000 stages in one place and here are 1001
          hint: split the pipeline
        ",
    );
    let jobs = many(1001, |n| format!("- {{job: j{n}, steps: []}}\n"));
    check(
        &format!("jobs:\n{jobs}"),
        r"
        a.yml:1002:3: there may be 1000 jobs in one place and here are 1001
          hint: split the stage
        ",
    );
    let legs = many(257, |n| format!("l{n}: {{}}, "));
    check(
        &format!("strategy: {{matrix: {{{legs}}}}}\nsteps: [script: x]"),
        r"
        a.yml:1:20: a matrix has 1 to 256 legs and this one has 257
          hint: write `name: {variable: value}` for each leg
        ",
    );
    let jobs = many(41, |n| {
        format!("- {{job: j{n}, strategy: {{parallel: 256}}, steps: [script: x]}}\n")
    });
    check(
        &format!("jobs:\n{jobs}"),
        r"
        a.yml:41:24: a pipeline may have 10000 jobs, each leg counted
          hint: split the pipeline
        ",
    );
}
