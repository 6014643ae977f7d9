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
