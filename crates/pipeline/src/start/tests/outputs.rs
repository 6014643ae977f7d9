//! Outputs of other jobs and stages, by the names that the public documentation gives them, and results.

use super::*;
use crate::HookName;

const TWO_STAGES: &str = "
    stages:
    - stage: A
      jobs:
      - job: J
        steps: [script: x]
      - job: K
        dependsOn: J
        condition: eq(dependencies.J.outputs['s.v'], 'yes')
        variables:
          plain: $[ dependencies.J.outputs['s.v'] ]
          leg: $[ dependencies.J.outputs['one.s.v'] ]
          slice: $[ dependencies.J.outputs['job2.s.v'] ]
          deployed: $[ dependencies.J.outputs['J.s.v'] ]
          resource: $[ dependencies.J.outputs['Deploy_vm1.s.v'] ]
          canary: $[ dependencies.J.outputs['PostRouteTraffic_10.s.v'] ]
          before: $[ dependencies.J.outputs['PreDeploy.s.v'] ]
          result: $[ dependencies.J.result ]
          none: $[ dependencies.J.outputs['s.w'] ]
          stranger: $[ dependencies.Nobody.outputs['s.v'] ]
        steps: [script: x]
    - stage: B
      condition: eq(dependencies.A.outputs['J.s.v'], 'yes')
      variables:
        outer: $[ stageDependencies.A.J.outputs['s.v'] ]
      jobs:
      - job: L
        condition: eq(stageDependencies.A.J.outputs['s.v'], 'yes')
        variables:
          inner: $[ stageDependencies.A.J.outputs['s.v'] ]
          result: $[ stageDependencies.A.J.result ]
          sibling: $[ dependencies.J.outputs['s.v'] ]
        steps: [script: x]
    - stage: C
      condition: eq(dependencies.A.outputs['J.s.v'], 'yes')
      jobs:
      - job: M
        variables: {far: \"$[ stageDependencies.A.J.outputs['s.v'] ]\"}
        steps: [script: x]
";

#[test]
fn each_way_to_name_an_output_finds_it() {
    let hook = |name, target| Instance::Hook { name, target };
    for (instance, variable) in [
        (Instance::Job, "plain"),
        (Instance::Leg("one"), "leg"),
        (Instance::Leg("job2"), "slice"),
        (hook(HookName::Deploy, None), "deployed"),
        (hook(HookName::Deploy, Some("vm1")), "resource"),
        (hook(HookName::PostRouteTraffic, Some("10")), "canary"),
        (hook(HookName::PreDeploy, None), "before"),
    ] {
        let mut world = World::of(TWO_STAGES);
        world.ends("A", "J", instance, "yes");
        for other in [
            "plain", "leg", "slice", "deployed", "resource", "canary", "before",
        ] {
            let wanted = if other == variable { "yes" } else { "" };
            assert_eq!(
                world.variable("A", "K", other),
                wanted,
                "{instance:?} as {other}"
            );
        }
        assert_eq!(world.variable("A", "K", "result"), "Succeeded");
        assert_eq!(world.variable("A", "K", "none"), "");
        assert_eq!(world.variable("A", "K", "stranger"), "");
        // The condition of a job, by the same name.
        let runs = world.job("A", "K").unwrap().choice.runs;
        assert_eq!(runs, instance == Instance::Job);
    }
}

#[test]
fn outputs_of_another_stage_have_two_names() {
    let mut world = World::of(TWO_STAGES);
    world.ends("A", "J", Instance::Job, "yes");
    world.outcomes.stage_ended("A", NodeResult::Succeeded);
    assert!(
        world.stage("B").unwrap().runs,
        "in the condition of a stage"
    );
    assert!(
        world.job("B", "L").unwrap().choice.runs,
        "in the condition of a job"
    );
    assert_eq!(
        world.variable("B", "L", "inner"),
        "yes",
        "in a job's variables"
    );
    assert_eq!(
        world.variable("B", "L", "outer"),
        "yes",
        "in a stage's variables, for its jobs"
    );
    assert_eq!(world.variable("B", "L", "result"), "Succeeded");
    assert_eq!(
        world.variable("B", "L", "sibling"),
        "",
        "`dependencies` of a job are of its stage"
    );
    // Only what is named in `dependsOn`: C waits for A by way of B alone.
    world.outcomes.stage_ended("B", NodeResult::Succeeded);
    assert!(!world.stage("C").unwrap().runs);
    assert_eq!(world.variable("C", "M", "far"), "");
}

#[test]
fn a_deployment_of_another_stage_is_named_twice_in_a_condition() {
    let mut world = World::of(
        "
        stages:
        - stage: A
          jobs:
          - deployment: J
            environment: e
            strategy: {runOnce: {deploy: {steps: [script: x]}}}
        - stage: B
          condition: eq(dependencies.A.outputs['J.J.s.v'], 'yes')
          jobs:
          - job: L
            variables: {v: \"$[ stageDependencies.A.J.outputs['J.s.v'] ]\"}
            steps: [script: x]
        ",
    );
    let deploy = Instance::Hook {
        name: HookName::Deploy,
        target: None,
    };
    world.ends("A", "J", deploy, "yes");
    world.outcomes.stage_ended("A", NodeResult::Succeeded);
    assert!(world.stage("B").unwrap().runs);
    assert_eq!(world.variable("B", "L", "v"), "yes");
}

#[test]
fn results_decide_for_whom_comes_after() {
    use NodeResult::{Canceled, Failed, Skipped, Succeeded, SucceededWithIssues};
    let yaml = |condition: &str| {
        format!(
            "
            stages:
            - stage: A
              jobs: [{{job: J, steps: [script: x]}}]
            - stage: B
              jobs: [{{job: J, steps: [script: x]}}]
            - stage: C
              condition: {condition}
              jobs: [{{job: J, steps: [script: x]}}]
            "
        )
    };
    // What holds when A, which C waits for by way of B, ended so and B succeeded.
    for (condition, wanted) in [
        ("succeeded()", [true, true, false, false, false]),
        ("succeeded('B')", [true, true, true, true, true]),
        ("succeeded('a')", [true, true, false, false, false]),
        ("failed()", [false, false, false, true, false]),
        ("failed('A')", [false, false, false, true, false]),
        ("succeededOrFailed()", [true; 5]),
        ("always()", [true; 5]),
        ("canceled()", [false; 5]),
        ("eq(dependencies.B.result, 'Succeeded')", [true; 5]),
        ("eq(dependencies.A.result, 'Succeeded')", [false; 5]),
    ] {
        for (result, wanted) in [Succeeded, SucceededWithIssues, Skipped, Failed, Canceled]
            .into_iter()
            .zip(wanted)
        {
            let mut world = World::of(&yaml(condition));
            world.outcomes.stage_ended("A", result);
            world.outcomes.stage_ended("B", Succeeded);
            let choice = world.stage("C").unwrap();
            assert_eq!(
                choice.runs, wanted,
                "{condition} after {result:?}: {:?}",
                choice.lines
            );
        }
    }
    // After a cancel of the run.
    for (condition, wanted) in [
        ("succeeded()", false),
        ("canceled()", true),
        ("always()", true),
    ] {
        let mut world = World::of(&yaml(condition));
        world.outcomes.stage_ended("A", Succeeded);
        world.outcomes.stage_ended("B", Succeeded);
        world.canceled = true;
        assert_eq!(world.stage("C").unwrap().runs, wanted, "{condition}");
    }
}

#[test]
fn jobs_see_results_of_jobs_that_they_wait_for_also_by_way_of_others() {
    let mut world = World::of(
        "
        jobs:
        - {job: A, steps: [script: x]}
        - {job: B, dependsOn: A, condition: always(), steps: [script: x]}
        - {job: C, dependsOn: B, steps: [script: x]}
        - {job: D, dependsOn: B, condition: failed('A'), steps: [script: x]}
        - {job: E, dependsOn: A, condition: failed('B'), steps: [script: x]}
        ",
    );
    world
        .outcomes
        .job_ended("__default", "A", NodeResult::Failed);
    world
        .outcomes
        .job_ended("__default", "B", NodeResult::Succeeded);
    assert!(
        !world.job("__default", "C").unwrap().choice.runs,
        "A failed"
    );
    assert!(world.job("__default", "D").unwrap().choice.runs);
    assert!(
        !world.job("__default", "E").unwrap().choice.runs,
        "E does not wait for B, whatever B did"
    );
}

#[test]
fn nothing_starts_before_what_it_waits_for_has_ended() {
    let mut world = World::of(TWO_STAGES);
    assert_eq!(
        told(world.job("A", "K")),
        "the job K cannot start: J has not ended, and it waits for that\nstart it when that has ended"
    );
    world.outcomes.stage_ended("B", NodeResult::Succeeded);
    let wrong = told(world.stage("C"));
    assert!(
        wrong.starts_with("the stage C cannot start: A has not ended"),
        "{wrong}"
    );
}

#[test]
fn the_worst_part_is_the_result_of_the_whole() {
    use NodeResult::{Canceled, Failed, Skipped, Succeeded, SucceededWithIssues};
    for (parts, wanted) in [
        (vec![], None),
        (vec![Skipped, Skipped], Some(Skipped)),
        (vec![Skipped, Succeeded], Some(Succeeded)),
        (
            vec![Succeeded, SucceededWithIssues],
            Some(SucceededWithIssues),
        ),
        (
            vec![SucceededWithIssues, Canceled, Succeeded],
            Some(Canceled),
        ),
        (vec![Canceled, Failed, Skipped], Some(Failed)),
    ] {
        assert_eq!(NodeResult::worst(parts.clone()), wanted, "{parts:?}");
    }
}

#[test]
fn a_secret_output_stays_one_for_whoever_reads_it_and_is_shown_nowhere() {
    const KEY: &str = "open-sesame";
    let mut world = World::of(
        "
        jobs:
        - job: A
          steps: [script: x]
        - job: B
          dependsOn: A
          condition: eq(dependencies.A.outputs['s.key'], 'x')
          variables:
            key: $[ dependencies.A.outputs['s.key'] ]
            upper: $[ upper(dependencies.A.outputs['s.key']) ]
            from: $[ format('{0}!', variables.key) ]
            later: $[ variables.text ]
            text: <$(key)>
            whole: $[ convertToJson(dependencies.A) ]
            each: $[ join(',', dependencies.A.outputs.*) ]
            unread: $[ iif(true, 'a', dependencies.A.outputs['s.key']) ]
            plain: $[ dependencies.A.outputs['s.plain'] ]
            none: $[ dependencies.A.outputs['s.empty'] ]
          steps: [script: x]
        ",
    );
    let output = |value: &str, secret| Output {
        value: value.to_owned(),
        secret,
    };
    let outputs = [
        ("s.key".to_owned(), output(KEY, true)),
        ("s.empty".to_owned(), output("", true)),
        ("s.plain".to_owned(), output("open", false)),
    ];
    let shown = format!("{outputs:?}");
    world
        .outcomes
        .outputs("__default", "A", Instance::Job, outputs);
    world
        .outcomes
        .job_ended("__default", "A", NodeResult::Succeeded);
    for (name, wanted) in [
        ("key", "open-sesame (secret)"),
        ("upper", "OPEN-SESAME (secret)"),
        ("from", "open-sesame! (secret)"),
        ("later", "<open-sesame> (secret)"),
        ("unread", "a"),
        ("plain", "open"),
        ("none", ""),
    ] {
        assert_eq!(world.variable("__default", "B", name), wanted, "{name}");
    }
    for name in ["whole", "each"] {
        let value = world.variable("__default", "B", name);
        assert!(value.ends_with("(secret)"), "{name}: {value}");
    }
    let start = world.job("__default", "B").unwrap();
    assert_eq!(
        start.choice.lines,
        [
            "Evaluating: eq(dependencies.A.outputs['s.key'], 'x')",
            "Expanded: eq('***', 'x')",
            "Result: False"
        ]
    );
    let copy = world.copy("__default", "B", None).unwrap();
    let everything = format!("{shown} {:?} {start:?} {copy:?}", world.outcomes);
    assert!(!everything.to_lowercase().contains(KEY), "{everything}");
}
