//! What takes time counts as values do: each of these would be no more than some hundred conditions otherwise.

use std::fmt::Write as _;

use super::{made, stops};
use crate::tests::inputs;

/// Declares `l`, a list of so many items.
fn list(count: usize) -> String {
    let items: String = (0..count).map(|n| format!("{n},")).collect();
    format!("parameters:\n- name: l\n  type: object\n  default: [{items}]\n")
}

/// More parameters, and a step for each item.
fn each(count: usize, more: &str, value: &str) -> String {
    let list = list(count);
    format!(
        "{list}{more}steps:\n- ${{{{ each x in parameters.l }}}}:\n  - script: \"${{{{ {value} }}}}\""
    )
}

#[track_caller]
fn counts(more: &str, value: &str, enough: usize, too_many: usize) {
    assert!(
        made(&each(enough, more, value), &[], &inputs()).is_ok(),
        "{enough} fit"
    );
    let told = "templates may make 500000 values, conditions counted";
    stops(&each(too_many, more, value), &[], told);
}

#[test]
fn long_expressions() {
    let value = format!("and(false, '{}')", "x".repeat(16_000));
    counts("", &value, 450, 520);
}

#[test]
fn all_variables_and_all_parameters() {
    let mut variables = "variables:\n".to_owned();
    for n in 0..1000 {
        let _ = writeln!(variables, "  v{n}: x");
    }
    counts(&variables, "eq(variables, 1)", 450, 510);
    let mut parameters = String::new();
    for n in 0..999 {
        let _ = writeln!(parameters, "- {{name: p{n}, default: x}}");
    }
    counts(&parameters, "eq(parameters, 1)", 450, 510);
}

#[test]
fn names_among_many() {
    let mut variables = "variables:\n".to_owned();
    for n in 0..1000 {
        let _ = writeln!(variables, "  v{n}: x");
    }
    let names = format!("and(false, {}1)", "variables.v1, ".repeat(99));
    counts(&variables, &names, 200, 400);
}

#[test]
fn parts_of_what_is_handed_over() {
    let items = "a,".repeat(5000);
    let object = |inner: &str| format!("- name: big\n  type: object\n  default: {{x: {inner}}}\n");
    let branch = object(&format!("[{items}]"));
    // What an expression compares is copied no more often than what is put in.
    let condition = "parameters.big.x";
    let main = |count| {
        let list = list(count);
        format!(
            "{list}{branch}steps:\n- script: y\n- ${{{{ each x in parameters.l }}}}:\n  - ${{{{ if {condition} }}}}:\n    - ${{{{ if false }}}}: x"
        )
    };
    assert!(made(&main(80), &[], &inputs()).is_ok());
    stops(
        &main(110),
        &[],
        "templates may make 500000 values, conditions counted",
    );
    let text = object(&format!("'{}'", "a".repeat(900_000)));
    let main = |count| {
        let list = list(count);
        format!(
            "{list}{text}steps:\n- script: y\n- ${{{{ each x in parameters.l }}}}:\n  - ${{{{ if {condition} }}}}:\n    - ${{{{ if false }}}}: x"
        )
    };
    assert!(made(&main(400), &[], &inputs()).is_ok());
    stops(
        &main(620),
        &[],
        "templates may make 500000 values, conditions counted",
    );
}

#[test]
fn what_an_expression_makes() {
    let list_of = |count: usize| list(count);
    let many = format!(
        "- {{name: t, type: object, default: [{}]}}\n",
        "a,".repeat(5000)
    );
    let main = |count| {
        let list = list_of(count);
        format!(
            "{list}{many}steps:\n- ${{{{ each x in parameters.l }}}}:\n  - ${{{{ iif(true, parameters.t, '') }}}}"
        )
    };
    stops(
        &main(110),
        &[],
        "templates may make 500000 values, conditions counted",
    );
    let text = format!("- {{name: t, default: '{}'}}\n", "x".repeat(1_000_000));
    let value = "iif(true, parameters.t, '')";
    let told = "templates may make 10 MiB of text";
    assert!(made(&each(10, &text, value), &[], &inputs()).is_ok());
    stops(&each(11, &text, value), &[], told);
    // As deep as a file may be, in what is as deep.
    let deep = format!("{}x{}", "{a: ".repeat(55), "}".repeat(55));
    let inner = format!(
        "{}\"${{{{ iif(true, parameters.t, '') }}}}\"{}",
        "{a: ".repeat(55),
        "}".repeat(55)
    );
    let twice = format!(
        "parameters:\n- {{name: t, type: object, default: {deep}}}\nsteps:\n- template: t.yml\n  parameters: {{t: {inner}}}"
    );
    let file = format!("parameters: {{t: ''}}\nsteps:\n- script: x\n  env: {inner}");
    let told = "expanded mappings and lists may be 128 levels deep";
    stops(&twice, &[("t.yml", &file)], told);
}

#[test]
fn an_expression_that_took_all_there_is_ends_the_rest() {
    let text = format!("- {{name: t, default: '{}'}}\n", "x".repeat(10_000));
    let main = each(5, &text, "replace(parameters.t, 'x', parameters.t)");
    let Err(crate::Refusal::Invalid(errors)) = made(&main, &[], &inputs()) else {
        panic!("it must not be valid")
    };
    assert_eq!(errors.len(), 1, "{errors:?}");
    let uses = "- script: ${{ replace(parameters.t, 'x', parameters.t) }}\n".repeat(2);
    let main = format!("parameters:\n{text}steps:\n{uses}");
    let Err(crate::Refusal::Invalid(errors)) = made(&main, &[], &inputs()) else {
        panic!("it must not be valid")
    };
    assert_eq!(errors.len(), 1, "{errors:?}");
}
