//! Legs, slices and containers from expressions: what is made of them, and what is refused as it would be in the YAML.

use super::*;

const JOB: &str = "__default";

/// A job whose matrix, slices or container is an expression over an output of another one.
fn after(output: &str, secret: bool, keys: &str) -> World {
    let mut world = World::of(&format!(
        "
resources:
  containers:
  - {{container: box, image: 'registry/box:1', options: --init}}
jobs:
- job: A
  steps: [script: x]
- job: B
  displayName: Build
  dependsOn: A
  variables: {{mine: job}}
  {keys}
  steps: [script: x]
"
    ));
    let output = Output {
        value: output.to_owned(),
        secret,
    };
    world
        .outcomes
        .outputs(JOB, "A", Instance::Job, [("m.legs".to_owned(), output)]);
    world.outcomes.job_ended(JOB, "A", NodeResult::Succeeded);
    world
}

const MATRIX: &str = "strategy: {matrix: \"$[ dependencies.A.outputs['m.legs'] ]\"}";

fn matrix(text: &str) -> Result<Vec<String>, StartError> {
    let legs = after(text, false, MATRIX)
        .job(JOB, "B")?
        .legs
        .expect("legs");
    let shown = legs.iter().map(|leg| {
        let variables = leg.variables.iter();
        let variables: Vec<String> = variables
            .map(|known| format!("{}={}", known.name, known.text().unwrap_or_default()))
            .collect();
        format!(
            "{} \"{}\" {} {}",
            leg.identifier,
            leg.display_name,
            leg.name,
            variables.join(" ")
        )
    });
    Ok(shown.collect())
}

#[test]
fn a_matrix_is_read_from_json_in_its_order() {
    assert_eq!(
        matrix(r#" {"two": {"b": 1, "a": "x", "B": true}, "one_1": {}, "three": null, "four": {"n": -1.50, "z": null}} "#)
            .unwrap(),
        [
            r#"__default.B.two "Build two" two B=True a=x"#,
            r#"__default.B.one_1 "Build one_1" one_1 "#,
            r#"__default.B.three "Build three" three "#,
            r#"__default.B.four "Build four" four n=-1.5 z="#,
        ]
    );
}

#[test]
fn a_matrix_may_be_a_mapping_that_an_expression_has() {
    let yaml = "strategy: {matrix: '$[ stageDependencies ]'}";
    let wrong = told(after("", false, yaml).job(JOB, "B"));
    assert!(
        wrong.contains("the matrix of the job B has 1 to 256 legs, and here are 0"),
        "{wrong}"
    );
    let yaml = "strategy: {matrix: '$[ dependencies ]'}";
    let wrong = told(after("x", false, yaml).job(JOB, "B"));
    assert!(
        wrong.contains("the matrix of the job B has a leg that is no mapping of texts: A"),
        "outputs are no text: {wrong}"
    );
}

#[test]
fn what_is_no_matrix_is_told_with_its_place() {
    let many = |count: usize| {
        let legs: Vec<String> = (0..count).map(|n| format!("\"l{n}\": {{}}")).collect();
        format!("{{{}}}", legs.join(","))
    };
    assert_eq!(matrix(&many(256)).unwrap().len(), 256);
    let deep = "{\"a\":".repeat(100_000);
    let wide: Vec<String> = (0..1100).map(|n| format!("\"v{n}\": 1")).collect();
    let wide = format!("{{\"a\": {{{}}}}}", wide.join(","));
    let long = format!("{{\"a\": {{\"b\": \"{}\"}}}}", "x".repeat(1 << 20));
    for (text, wanted) in [
        ("", "the matrix of the job B is empty"),
        ("{}", "has 1 to 256 legs, and here are 0"),
        (&many(257), "has 1 to 256 legs, and here are 257"),
        (&many(5000), "a mapping has too many keys"),
        (
            "[1]",
            "cannot be read: invalid type: sequence, expected a mapping",
        ),
        ("nonsense", "cannot be read"),
        (
            r#"{"a": {"b": {}}}"#,
            "cannot be read: invalid type: map, expected a text, a number or a boolean",
        ),
        (r#"{"a": 1}"#, "expected a mapping"),
        (&deep, "cannot be read"),
        (&wide, "a mapping has too many keys"),
        (&long, "is longer than 1048576 bytes"),
        (r#"{"a.b": {}}"#, "has a leg that may not be called `a.b`"),
        (r#"{"": {}}"#, "has a leg that may not be called ``"),
        (r#"{"a": {}, "A": {}}"#, "has two legs called `A`"),
        (
            r#"{"a": {"secret.x": 1}}"#,
            "in the leg a: a variable may not be called `secret.x`",
        ),
        (
            r#"{"a": {"system.x": 1}}"#,
            "the variable `system.x` is set by the server",
        ),
        (
            r#"{"a": {"Build.Reason": 1}}"#,
            "the variable `Build.Reason` is set by the server",
        ),
        (
            r#"{"a": {"x": "\u0000"}}"#,
            "has a null character in the leg a",
        ),
    ] {
        let wrong = told(matrix(text));
        let shown: String = text.chars().take(60).collect();
        assert!(wrong.contains(wanted), "{shown}: {wrong}");
        assert!(
            wrong.starts_with("azure-pipelines.yml:11:22: the matrix of the job B"),
            "{shown}: {wrong}"
        );
    }
}

#[test]
fn what_is_skipped_has_no_legs_to_evaluate() {
    let keys = format!("condition: false\n  {MATRIX}");
    let start = after("nonsense", false, &keys).job(JOB, "B").unwrap();
    assert_eq!((start.choice.runs, start.legs), (false, None));
}

#[test]
fn slices_and_how_many_run_at_once_are_whole_numbers() {
    let keys = "strategy: {parallel: \"$[ dependencies.A.outputs['m.legs'] ]\", maxParallel: \"$[ variables.most ]\"}";
    let start = |slices: &str, most: &str| {
        let mut world = after(slices, false, keys);
        world
            .plan
            .variables
            .push(crate::read::plain("most", most.to_owned()));
        world.job(JOB, "B")
    };
    let found = start("3", "2").unwrap();
    let names: Vec<String> = found
        .legs
        .into_iter()
        .flatten()
        .map(|leg| leg.identifier)
        .collect();
    assert_eq!(
        names,
        ["__default.B.job1", "__default.B.job2", "__default.B.job3"]
    );
    assert_eq!(found.max_parallel, 2);
    assert_eq!(
        start("256", "").unwrap().max_parallel,
        0,
        "no number is no bound"
    );
    for bad in ["", "0", "257", "1.5", "-1", "many"] {
        let wrong = told(start(bad, "1"));
        let wanted = "the number of slices of the job B must be a whole number from 1 to 256";
        assert!(wrong.contains(wanted), "{bad}: {wrong}");
    }
    for bad in ["257", "1.5", "-1", "many"] {
        let wrong = told(start("2", bad));
        let wanted = "`maxParallel` of the job B must be a whole number from 0 to 256";
        assert!(wrong.contains(wanted), "{bad}: {wrong}");
    }
}

#[test]
fn legs_are_made_of_variables_outside_of_the_job() {
    let mut world = World::of(
        "
        variables: {legs: '{\"a\": {}}'}
        jobs:
        - job: J
          variables: {legs: '{\"b\": {}}'}
          strategy: {matrix: '$[ variables.legs ]'}
          steps: [script: x]
        ",
    );
    let legs = world.job(JOB, "J").unwrap().legs.expect("legs");
    assert_eq!(
        legs[0].name, "a",
        "variables of a job are those of each of its legs"
    );
}

#[test]
fn a_container_is_named_by_a_leg() {
    let mut world = World::of(
        "
        resources:
          containers:
          - {container: box, image: 'registry/box:1', options: --init}
        jobs:
        - job: J
          strategy:
            matrix:
              declared: {where: BOX}
              image: {where: 'ubuntu:22.04'}
              host: {}
          container: $[ variables.where ]
          services: {db: '$[ variables.where ]'}
          steps: [script: x]
        ",
    );
    let legs = world.job(JOB, "J").unwrap().legs.expect("legs");
    let shown: Vec<String> = legs
        .iter()
        .map(|leg| {
            let copy = world.copy(JOB, "J", Some(leg)).unwrap();
            let services = copy.services.len();
            match copy.container {
                Some(Container::Image { image, options }) => {
                    format!(
                        "{image} {} {services}",
                        serde_json::to_string(&options).expect("JSON")
                    )
                }
                other => format!("{other:?} {services}"),
            }
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#"registry/box:1 {"options":"--init"} 1"#,
            "ubuntu:22.04 {} 1",
            "None 0"
        ]
    );
}

#[test]
fn what_there_is_of_a_job_comes_from_no_secret() {
    let keys = "container: \"$[ dependencies.A.outputs['m.legs'] ]\"";
    let wrong = told(after("box", true, keys).copy(JOB, "B", None));
    assert!(
        wrong.contains("the container of the job B comes from a secret"),
        "{wrong}"
    );
    let wrong = told(after("{\"a\": {}}", true, MATRIX).job(JOB, "B"));
    assert!(
        wrong.contains("the matrix of the job B comes from a secret"),
        "{wrong}"
    );
}
