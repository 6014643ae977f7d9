//! Variables with `$[ ]`: what an expression sees, in which order, what is too large, and what is told.

use super::*;
use crate::tests::check;
use proptest::prelude::*;

const JOB: &str = "__default";

fn values(yaml: &str) -> Vec<String> {
    let mut world = World::of(yaml);
    let copy = world.copy(JOB, JOB, None).unwrap_or_else(|e| panic!("{e}"));
    let shown = copy.variables.iter();
    shown
        .map(|known| format!("{}={}", known.name, known.value))
        .collect()
}

#[test]
fn an_expression_sees_what_is_outside_all_texts_beside_it_and_expressions_before_it() {
    let mut world = World::of(
        "
        variables:
          early: $[ format('{0}|{1}|{2}', variables.text, variables.late, variables.queued) ]
          text: root
          late: $[ 'late' ]
        stages:
        - stage: S
          variables:
            text: stage
            outer: $[ variables.text ]
            from: $[ variables.early ]
          jobs:
          - job: J
            variables:
              late: $[ format('{0}!', variables.LATE) ]
              inner: $[ variables.text ]
              text: job
              twice: $[ format('{0}{0}', variables.late) ]
              server: $[ variables['build.reason'] ]
              moment: $[ format('{0:yyyyMMdd}', pipeline.startTime) ]
            steps: [script: x]
        ",
    );
    for (name, wanted) in [
        ("early", "root||at start"),
        ("outer", "stage"),
        ("from", "root||at start"),
        ("late", "late!"),
        ("inner", "job"),
        ("text", "job"),
        ("twice", "late!late!"),
        ("server", "Manual"),
        ("moment", "20240229"),
    ] {
        assert_eq!(world.variable("S", "J", name), wanted, "{name}");
    }
    // The stage alone has not the job's.
    let stage = world.stage("S").unwrap();
    assert!(stage.runs);
}

#[test]
fn nothing_refers_to_itself_in_a_circle() {
    assert_eq!(
        values(
            "
            variables:
              a: $[ format('a{0}', variables.b) ]
              b: $[ format('b{0}', variables.a) ]
              self: $[ format('s{0}', variables.self) ]
              text: $(text)$(c)
              c: $[ variables.text ]
            steps: [script: x]
            "
        ),
        [
            "a=a",
            "b=ba",
            "c=$(text)$(c)$(c)",
            "queued=at start",
            "self=s",
            "text=$(text)$(c)"
        ]
    );
}

#[test]
fn texts_are_replaced_where_an_expression_reads_them_and_stay_for_the_agent() {
    assert_eq!(
        values(
            "
            variables:
              who: world
              text: hello $(who) $(Build.Reason) $(later.output)
              read: $[ upper(variables.text) ]
            steps: [script: x]
            "
        ),
        [
            "queued=at start",
            "read=HELLO WORLD MANUAL $(LATER.OUTPUT)",
            "text=hello $(who) $(Build.Reason) $(later.output)",
            "who=world"
        ]
    );
}

#[test]
fn values_become_texts_as_expressions_print_them() {
    assert_eq!(
        values(
            "
            variables:
              yes: $[ eq(1, 1) ]
              number: $[ 1.50 ]
              version: $[ 1.2.3 ]
              nothing: $[ null ]
              json: $[ convertToJson(split('a,b', ',')) ]
            steps: [script: x]
            "
        ),
        [
            "json=[\n  \"a\",\n  \"b\"\n]",
            "nothing=",
            "number=1.5",
            "queued=at start",
            "version=1.2.3",
            "yes=True"
        ]
    );
}

#[test]
fn declared_repositories_and_containers_are_seen() {
    assert_eq!(
        values(
            "
            resources:
              repositories:
              - {repository: shared, type: git, name: Fabrikam/shared, ref: refs/tags/v1}
              containers:
              - {container: box, image: 'registry/box:1', env: {A: b}}
            variables:
              from: $[ format('{0} {1} {2}', resources.repositories.Shared.ref, resources.repositories.shared.name, resources.repositories.shared.type) ]
              image: $[ resources.containers.box.image ]
              none: $[ resources.pipelines.other.runID ]
            steps: [script: x]
            "
        ),
        [
            "from=refs/tags/v1 Fabrikam/shared git",
            "image=registry/box:1",
            "none=",
            "queued=at start"
        ]
    );
}

#[test]
fn a_leg_has_its_variables_and_they_win() {
    let mut world = World::of(
        "
        jobs:
        - job: J
          variables:
            own: $[ variables.mine ]
            mine: $[ 'the job' ]
            both: job
          strategy: {matrix: {one: {mine: leg, both: leg}}}
          steps: [script: x]
        ",
    );
    let legs = world.job(JOB, "J").unwrap().legs.expect("legs");
    let copy = world.copy(JOB, "J", Some(&legs[0])).unwrap();
    let shown: Vec<String> = copy.variables.iter().map(|v| format!("{v:?}")).collect();
    assert_eq!(
        shown,
        ["both=leg", "mine=leg", "own=leg", "queued=at start"]
    );
    assert_eq!(world.variable(JOB, "J", "mine"), "the job", "without a leg");
}

#[test]
fn what_fails_names_the_variable_its_place_and_what_to_do() {
    for (value, wanted) in [
        (
            "$[ gt(1, 'x') ]",
            "azure-pipelines.yml:3:10: the variable odd of the run could not be evaluated: `gt` is unable to convert its \
             right side from String to Number, which its left side is\nthe right side becomes what the left side is: change \
             the sides, or test with eq() first",
        ),
        (
            "$[ split('a', ',') ]",
            "azure-pipelines.yml:3:10: the variable odd of the run is no text, but of the kind Array\npick a value from it \
             (`.name`, `[0]`), or make text of it with join() or convertToJson()",
        ),
    ] {
        let yaml = format!("variables:\n- name: odd\n  value: \"{value}\"\nsteps: [script: x]\n");
        let mut world = World::of(&yaml);
        assert_eq!(told(world.copy(JOB, JOB, None)), wanted);
        assert_eq!(told(world.stage(JOB)), wanted, "the stage sees it too");
    }
    // After the plan was stored the place is gone; the name is not.
    let mut world = World::of("variables: {odd: \"$[gt(1, 'x')]\"}\nsteps: [script: x]\n");
    let stored = world.plan.canonical_json();
    let read: Plan = serde_json::from_str(&stored).expect("a plan");
    assert_eq!(read, world.plan);
    world.plan = read;
    let wrong = told(world.copy(JOB, JOB, None));
    assert!(
        wrong.starts_with("the variable odd of the run could not be evaluated: `gt`"),
        "{wrong}"
    );
}

#[test]
fn a_comment_changes_no_plan() {
    let text = "variables: {a: '$[ 1 ]'}\nsteps: [script: x]\n";
    assert_eq!(
        good(text).canonical_json(),
        good(&format!("# a comment\n{text}")).canonical_json()
    );
}

#[test]
fn mistakes_are_told_when_the_plan_is_made() {
    check(
        r"
        variables:
          a: $[ nonsense('x') ]
          b: $[ parameters.x ]
        strategy:
          matrix: $[ counter('x') ]
          maxParallel: $[ counter('x') ]
        steps: [script: x]
        ",
        r"
        a.yml:2:9: there is no function `nonsense`
          hint: known here: and, coalesce, contains, containsValue, convertToJson, counter, endsWith, eq, format, ge, gt, iif, in, join, le, length, lower, lt, ne, not, notIn, or, replace, split, startsWith, trim, upper, xor
        a.yml:3:9: there is no value `parameters` in `$[ ]`
          hint: `parameters` exists only in `${{ }}`
        a.yml:5:14: the function `counter` does not exist in `$[ ]` outside of variables
          hint: `counter` exists only where a variable is defined, in `$[ ]`
        a.yml:6:19: the function `counter` does not exist in `$[ ]` outside of variables
          hint: `counter` exists only where a variable is defined, in `$[ ]`
        ",
    );
}

#[test]
fn too_much_is_an_error_and_not_a_long_wait() {
    // Longer than any environment takes.
    let long = "x".repeat(100_000);
    let mut world = World::of(&format!(
        "variables: {{a: {long}, b: \"$[ format('{{0}}{{0}}', variables.a) ]\"}}\nsteps: [script: x]\n"
    ));
    let wrong = told(world.copy(JOB, JOB, None));
    assert!(
        wrong.contains("the variable b of the run is longer than 131072 bytes"),
        "{wrong}"
    );

    // Each reads all of the others, again and again.
    let many: String = (0..900)
        .map(|n| {
            format!(
                "  v{n}: $[ length(convertToJson(variables)) ]\n  t{n}: {}\n",
                "y".repeat(100)
            )
        })
        .take(450)
        .collect();
    let mut world = World::of(&format!("variables:\n{many}steps: [script: x]\n"));
    let wrong = told(world.copy(JOB, JOB, None));
    assert!(
        wrong.contains(
            "could not be evaluated, with all that was before it: this expression takes more than"
        ),
        "{wrong}"
    );

    // Doubling texts.
    let doubling: String = (0..60)
        .map(|n| format!("  v{n}: $(v{next})$(v{next})\n", next = n + 1))
        .collect();
    let reads: String = (0..200)
        .map(|n| format!("  r{n}: $[ eq(variables.v0, 1) ]\n"))
        .collect();
    let mut world = World::of(&format!(
        "variables:\n{doubling}{reads}steps: [script: x]\n"
    ));
    let wrong = told(world.copy(JOB, JOB, None));
    assert!(wrong.contains("take more than"), "{wrong}");
}

#[test]
fn a_null_character_ends_nowhere() {
    let mut world = World::of(
        "variables: {a: '$[ dependencies.A.outputs.x ]'}\njobs:\n- {job: A, steps: [script: x]}\n- {job: B, dependsOn: A, steps: [script: x]}\n",
    );
    let output = Output {
        value: "a\0b".to_owned(),
        secret: false,
    };
    world
        .outcomes
        .outputs(JOB, "A", Instance::Job, [("x".to_owned(), output)]);
    world.outcomes.job_ended(JOB, "A", NodeResult::Succeeded);
    let wrong = told(world.copy(JOB, "B", None));
    assert!(wrong.contains("holds a null character"), "{wrong}");
}

/// Texts and expressions that name each other at random.
fn variable() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", "d"]);
    prop_oneof![
        name.clone().prop_map(|name| format!("'<$({name})>'")),
        name.clone().prop_map(|name| format!("\"$[ format('[{{0}}]', variables.{name}) ]\"")),
        (name.clone(), name).prop_map(|(one, other)| {
            format!("\"$[ iif(eq(variables.{one}, ''), variables.{other}, counter(variables.{one}, 3)) ]\"")
        }),
        Just("\"$[ counter('x', 7) ]\"".to_owned()),
        Just("text".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_same_facts_give_the_same_answer(
        run in prop::collection::vec(variable(), 4),
        job in prop::collection::vec(variable(), 4),
    ) {
        let list = |values: &[String]| -> String {
            let named = ["a", "b", "c", "d"].iter().zip(values);
            named.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", ")
        };
        let yaml = format!(
            "variables: {{{}}}\njobs:\n- job: J\n  variables: {{{}}}\n  steps: [script: x]\n",
            list(&run), list(&job)
        );
        let mut world = World::of(&yaml);
        let first = world.copy(JOB, "J", None);
        // Once more, with the numbers that were drawn; and from the beginning.
        prop_assert_eq!(&first, &world.copy(JOB, "J", None));
        prop_assert_eq!(&first, &World::of(&yaml).copy(JOB, "J", None));
        // A stored plan starts the same.
        let stored = world.plan.canonical_json();
        world.plan = serde_json::from_str(&stored).expect("a plan");
        prop_assert_eq!(&first, &world.copy(JOB, "J", None));
    }
}
