//! Counters: which number a run gets, how often one is drawn, and what names one.

use super::*;

const JOB: &str = "__default";

/// The next run of the same pipeline.
fn next(world: &mut World) {
    world.counters = Counters::default();
}

#[test]
fn a_prefix_counts_from_its_seed_once_for_each_run() {
    let mut world = World::of(
        "
        variables:
          major: 1
          minor: $[ counter(variables['major'], 100) ]
          again: $[ counter('1', 5) ]
        jobs:
        - job: J
          variables:
            own: $[counter('1')]
            other: $[ counter(format('{0:yyyyMMdd}', pipeline.startTime), 7) ]
            bare: $[ counter() ]
            text: v$(major).$(minor)
            version: $[ variables.text ]
          steps: [script: x]
        ",
    );
    for run in 0..3 {
        next(&mut world);
        assert!(world.stage(JOB).unwrap().runs);
        for _again in 0..2 {
            for (name, wanted) in [
                ("minor", format!("{}", 100 + run)),
                ("again", format!("{}", 100 + run)),
                ("own", format!("{}", 100 + run)),
                ("other", format!("{}", 7 + run)),
                ("bare", format!("{run}")),
                ("version", format!("v1.{}", 100 + run)),
            ] {
                assert_eq!(
                    world.variable(JOB, "J", name),
                    wanted,
                    "{name} of run {run}"
                );
            }
        }
    }
    assert_eq!(world.drawn.len(), 3, "{:?}", world.drawn);
}

#[test]
fn a_counter_that_names_a_counter_waits_for_its_number() {
    let mut world = World::of(
        "
        variables:
          a: $[ counter('a', 5) ]
          b: $[ counter(variables.a, 10) ]
          text: $(b)!
          c: $[ counter(variables.text, 20) ]
          all: $[ iif(contains(convertToJson(variables), '20'), counter('yes', 1), counter('no', 2)) ]
        steps: [script: x]
        ",
    );
    world.plan.stages[0].jobs[0].condition = "eq(variables.c, '20')".parse().expect("a condition");
    assert!(world.job(JOB, JOB).unwrap().choice.runs);
    let drawn: Vec<&str> = world.drawn.keys().map(String::as_str).collect();
    assert_eq!(
        drawn,
        ["10!", "5", "a", "yes"],
        "and none that what was not known yet would name"
    );
}

#[test]
fn what_is_not_evaluated_counts_nothing() {
    let mut world = World::of(
        "
        stages:
        - stage: A
          condition: false
          jobs:
          - job: J
            variables: {n: \"$[ counter('x', 1) ]\"}
            steps: [script: x]
        - stage: B
          dependsOn: []
          jobs:
          - job: J
            variables:
              n: $[ iif(eq(variables.none, 'x'), counter('x', 1), 'no number') ]
            steps: [script: x]
        ",
    );
    assert!(!world.stage("A").unwrap().runs);
    assert_eq!(world.variable("B", "J", "n"), "no number");
    assert!(world.drawn.is_empty(), "{:?}", world.drawn);
}

#[test]
fn names_and_seeds_that_are_none_are_told() {
    let long = format!("counter('{}', 1)", "x".repeat(401));
    for (expression, wanted) in [
        (
            "counter('x', 'many')",
            "the seed of `counter` is a whole number of up to 2147483647",
        ),
        (
            "counter('x', 1.5)",
            "the seed of `counter` is a whole number",
        ),
        (
            "counter('x', 3000000000)",
            "the seed of `counter` is a whole number",
        ),
        (
            "counter('x', split('a', 'b'))",
            "the seed of `counter` is a whole number",
        ),
        (
            "counter(split('a', 'b'), 1)",
            "the prefix of `counter` is a text, and not of the kind Array",
        ),
        (
            &long,
            "the prefix of `counter` is one line of at most 400 bytes",
        ),
    ] {
        let mut world = World::of(&format!(
            "variables: {{n: \"$[ {expression} ]\"}}\nsteps: [script: x]\n"
        ));
        let wrong = told(world.copy(JOB, JOB, None));
        assert!(wrong.contains(wanted), "{expression}: {wrong}");
        assert!(
            wrong.starts_with("azure-pipelines.yml:1:16: the variable n of the run"),
            "{wrong}"
        );
    }
    // Nothing is a name and a number.
    for expression in [
        "counter()",
        "counter('')",
        "counter(null, null)",
        "counter(variables.none, '')",
    ] {
        let mut world = World::of(&format!(
            "variables: {{n: \"$[ {expression} ]\"}}\nsteps: [script: x]\n"
        ));
        assert_eq!(world.variable(JOB, JOB, "n"), "0", "{expression}");
        assert_eq!(world.drawn.keys().collect::<Vec<_>>(), [""]);
    }
    // Below zero, and by their exact letters.
    let mut world = World::of(
        "variables: {n: \"$[ counter('Main', -3) ]\", m: \"$[ counter('main', 4) ]\"}\nsteps: [script: x]\n",
    );
    assert_eq!(world.variable(JOB, JOB, "n"), "-3");
    assert_eq!(world.variable(JOB, JOB, "m"), "4");
}

#[test]
fn a_run_has_a_bounded_number_of_them() {
    let many: String = (0..51)
        .map(|n| format!("  v{n}: $[ counter('{n}') ]\n"))
        .collect();
    let mut world = World::of(&format!("variables:\n{many}steps: [script: x]\n"));
    let wrong = told(world.copy(JOB, JOB, None));
    assert!(wrong.contains("a run may have 50 counters"), "{wrong}");
    // Also when each is asked for in a round of its own.
    let chain: String = (0..51)
        .map(|n| {
            format!(
                "  v{n}: $[ counter(format('{n}-{{0}}', variables.v{})) ]\n",
                (n + 50) % 51
            )
        })
        .collect();
    let mut world = World::of(&format!("variables:\n{chain}steps: [script: x]\n"));
    let wrong = told(world.copy(JOB, JOB, None));
    assert!(wrong.contains("a run may have 50 counters"), "{wrong}");
    assert_eq!(world.drawn.len(), 50);
}

#[test]
fn no_secret_names_a_counter() {
    let mut world = World::of(
        "
        jobs:
        - job: A
          steps: [script: x]
        - job: B
          dependsOn: A
          variables: {n: \"$[ counter(lower(dependencies.A.outputs['s.key'])) ]\"}
          steps: [script: x]
        ",
    );
    let output = Output {
        value: "KEY".to_owned(),
        secret: true,
    };
    world
        .outcomes
        .outputs(JOB, "A", Instance::Job, [("s.key".to_owned(), output)]);
    world.outcomes.job_ended(JOB, "A", NodeResult::Succeeded);
    let wrong = told(world.copy(JOB, "B", None));
    assert!(
        wrong.contains("the variable n of the job B names a counter, and a secret beside it"),
        "{wrong}"
    );
    assert!(!wrong.to_lowercase().contains("key"), "{wrong}");
}
