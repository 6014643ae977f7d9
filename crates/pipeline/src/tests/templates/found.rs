//! What the fuzzer, the property of hidden pipelines and broken guards found: each once, in words.

use super::{expands, made, stops};
use crate::tests::inputs;

#[test]
fn variables_stay_where_they_are_written() {
    expands(
        "
        parameters:
        - {name: n, default: a}
        ${{ if false }}:
          name: x
        ${{ else }}:
          name: y
        variables:
          ${{ parameters.n }}: 1
        steps:
        - script: ${{ variables.a }}
        ",
        &[],
        "
        name: y
        variables:
          a: 1
        steps:
        - script: '1'
        ",
    );
}

/// Loops within loops around something: a million rounds. `dash` begins an item of a list.
fn rounds(dash: &str, inner: &str) -> String {
    let mut text = String::new();
    for level in 0..6 {
        let indent = "  ".repeat(level);
        text += &format!("{indent}{dash}${{{{ each x{level} in parameters.l }}}}:\n");
    }
    text + &"  ".repeat(6) + inner
}

#[test]
fn too_much_is_told_once_and_nothing_else() {
    let list = "parameters:\n- name: l\n  type: object\n  default: [0,1,2,3,4,5,6,7,8,9]\n";
    let nothing = rounds("- ", "- ${{ if false }}: x");
    let used = rounds("- ", "- template: t.yml");
    let keys = rounds("", "${{ if false }}: x");
    let large = format!(
        "parameters: {{p: x, x: [{}]}}\nsteps:\n- script: x",
        "a,".repeat(90_000)
    );
    let uses = "- template: t.yml\n  parameters: {p: y}\n".repeat(7);
    for (main, file) in [
        (format!("{list}steps:\n{nothing}"), ""),
        (
            format!("{list}steps:\n{used}"),
            "steps:\n- ${{ if false }}: x",
        ),
        (
            "steps:\n- template: t.yml".to_owned(),
            &*format!("{list}{keys}\nsteps:\n- script: x"),
        ),
        (format!("steps:\n{uses}"), &*large),
    ] {
        let Err(crate::Refusal::Invalid(errors)) = made(&main, &[("t.yml", file)], &inputs())
        else {
            panic!("it must not be valid")
        };
        let told: Vec<_> = errors.iter().map(|error| &error.message).collect();
        assert_eq!(told.len(), 1, "{told:?}");
    }
}

#[test]
fn a_template_is_given_a_thousand_parameters_at_most() {
    let given: String = (0..1001).map(|n| format!("p{n}: 1, ")).collect();
    stops(
        &format!("steps:\n- template: t.yml\n  parameters: {{{given}}}"),
        &[("t.yml", "steps:\n- script: x")],
        "a.yml:2:3: a template may be given 1000 parameters",
    );
}

#[test]
fn a_file_declares_a_thousand_parameters_at_most() {
    let declared = |count: usize| {
        let list: String = (0..count)
            .map(|n| format!("- {{name: p{n}, default: x}}\n"))
            .collect();
        format!("parameters:\n{list}steps:\n- script: x")
    };
    stops(
        &declared(1001),
        &[],
        "a.yml:2:3: a file may declare 1000 parameters",
    );
    assert!(made(&declared(1000), &[], &inputs()).is_ok());
}

#[test]
fn a_pool_is_short() {
    stops(
        &format!("pool: {}\nsteps:\n- script: x", "x".repeat(1001)),
        &[],
        "a.yml:1:7: the name of a pool or image may have 1000 bytes",
    );
    for demands in ["a,".repeat(51), "b".repeat(4001)] {
        stops(
            &format!("pool: {{demands: [{demands}]}}\nsteps:\n- script: x"),
            &[],
            "a pool may have 50 demands, of 4000 bytes together",
        );
    }
    let most = format!(
        "pool: {{name: {}, demands: [{}]}}\nsteps:\n- script: x",
        "x".repeat(1000),
        "a,".repeat(50)
    );
    assert!(made(&most, &[], &inputs()).is_ok());
}

#[test]
fn twenty_levels_and_one_more() {
    let files: Vec<(String, String)> = (1..=21)
        .map(|level| {
            let next = level + 1;
            let inner = format!("- template: {next}.yml");
            let last = "- script: x".to_owned();
            let steps = if level == 21 { last } else { inner };
            (format!("{level}.yml"), format!("steps:\n{steps}"))
        })
        .collect();
    let mut files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let main = "steps:\n- template: 1.yml";
    stops(
        main,
        &files,
        "20.yml:2:3: templates may use each other 20 levels deep",
    );
    files[19].1 = "steps:\n- script: x";
    assert!(made(main, &files, &inputs()).is_ok());
}

#[test]
fn a_text_that_is_handed_over_counts_each_time() {
    let text = "x".repeat(1_000_000);
    let uses = "- script: ${{ parameters.p }}\n".repeat(11);
    stops(
        &format!("parameters: [{{name: p, default: {text}}}]\nsteps:\n{uses}"),
        &[],
        "a.yml:13:14: templates may make 10 MiB of text",
    );
}

#[test]
fn a_path_of_any_length_is_none() {
    let long = format!("{}.yml", "x".repeat(1000));
    stops(
        &format!("steps:\n- template: {long}"),
        &[(&long, "steps:\n- script: x")],
        "… is invalid",
    );
}

#[test]
fn numbers_are_decimal_and_finite() {
    let given = |value: &str| {
        format!(
            "parameters:\n- name: n\n  type: number\n  default: {value}\nsteps:\n- script: ${{{{ parameters.n }}}}"
        )
    };
    assert!(made(&given("-1.50"), &[], &inputs()).is_ok());
    for wrong in ["1e5", "inf", "nan", "0x10", &"9".repeat(400)] {
        stops(&given(wrong), &[], "is not a valid Number");
    }
}

#[test]
fn what_a_declaration_says_wrong_is_told_once() {
    let errors = |declared: &str| {
        let main = format!("parameters:\n- {declared}\nsteps:\n- script: x");
        match made(&main, &[], &inputs()) {
            Err(crate::Refusal::Invalid(errors)) => errors,
            other => panic!("it must not be valid: {other:?}"),
        }
    };
    for declared in [
        "{name: n, type: number, default: '${{ 1 }}'}",
        "{name: n, type: number, default: ['${{ 1 }}']}",
    ] {
        let errors = errors(declared);
        assert_eq!(errors.len(), 1, "{errors:?}");
        let told = "A template expression is not allowed in this context";
        assert_eq!(errors[0].message, told);
    }
    let long = format!("{{name: {}, default: x}}", "n".repeat(101));
    assert!(
        errors(&long)[0]
            .message
            .starts_with("a parameter may not be called")
    );
}

#[test]
fn a_template_sees_no_loop_of_its_user() {
    stops(
        "parameters: [{name: l, type: object, default: [a]}]\nsteps:\n- ${{ each x in parameters.l }}:\n  - template: t.yml",
        &[("t.yml", "steps:\n- script: ${{ x }}")],
        "t.yml:2:",
    );
}

#[test]
fn conditions_beside_variables_see_them() {
    expands(
        "
        ${{ if eq(variables.a, '1') }}:
          name: y
        variables:
          a: 1
        steps:
        - script: x
        ",
        &[],
        "
        name: y
        variables:
          a: 1
        steps:
        - script: x
        ",
    );
}

#[test]
fn the_word_of_what_is_extended_stands() {
    expands(
        "
        name: own
        extends: {template: t.yml}
        ",
        &[("t.yml", "name: theirs\nsteps:\n- script: x")],
        "
        name: theirs
        steps:
        - script: x
        ",
    );
}

#[test]
fn a_warning_is_told_once_however_often_a_template_is_used() {
    let file = "jobs:\n- job: J${{ parameters.n }}\n  pool: {name: p}\n  steps: [script: x]";
    let file = format!("parameters: {{n: 1}}\n{file}");
    let main = "jobs:\n- template: t.yml\n- template: t.yml\n  parameters: {n: 2}";
    let planned = made(main, &[("t.yml", &file)], &inputs());
    let warnings = planned.map(|planned| planned.plan.warnings);
    assert_eq!(warnings.map(|warnings| warnings.len()), Ok(1));
}
