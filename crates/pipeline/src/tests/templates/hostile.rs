//! Texts that ask for endless work or memory. Each ends with an error that says where.

use std::fmt::Write as _;

use super::{made, stops};
use crate::tests::inputs;

#[test]
fn a_template_that_uses_itself() {
    stops(
        "steps:\n- template: t.yml",
        &[("t.yml", "steps:\n- script: x\n- template: t.yml")],
        "t.yml:3:3: templates may use each other 20 levels deep",
    );
}

#[test]
fn a_hundred_files_and_one_more() {
    let mut main = "steps:\n".to_owned();
    for _ in 0..100 {
        main.push_str("- template: t.yml\n");
    }
    let files = [("t.yml", "steps:\n- script: x")];
    assert!(made(&main, &files, &inputs()).is_ok());
    main.push_str("- template: t.yml\n");
    stops(
        &main,
        &files,
        "a.yml:102:3: a pipeline may use 100 template files",
    );
}

#[test]
fn loops_within_loops() {
    let mut main =
        "parameters:\n- name: l\n  type: object\n  default: [0,1,2,3,4,5,6,7,8,9]\nsteps:\n"
            .to_owned();
    for level in 0..12 {
        let indent = "  ".repeat(level);
        writeln!(main, "{indent}- ${{{{ each x{level} in parameters.l }}}}:").expect("text");
    }
    let indent = "  ".repeat(12);
    stops(
        &format!("{main}{indent}- script: x"),
        &[],
        "templates may make 500000 values, conditions counted",
    );
    // Without a single value at the end.
    stops(
        &format!("{main}{indent}- ${{{{ if false }}}}:\n{indent}  - script: x"),
        &[],
        "templates may make 500000 values, conditions counted",
    );
}

#[test]
fn a_billion_laughs() {
    let mut files = vec![(
        "0.yml".to_owned(),
        "parameters: {x: []}\nsteps:\n- ${{ parameters.x }}".to_owned(),
    )];
    for level in 1..20 {
        let last = level - 1;
        let doubled = "- ${{ parameters.x }}\n    ".repeat(4);
        files.push((
            format!("{level}.yml"),
            format!(
                "parameters: {{x: []}}\nsteps:\n- template: {last}.yml\n  parameters:\n    x:\n    {}",
                doubled.trim_end()
            ),
        ));
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    stops(
        "steps:\n- template: 19.yml\n  parameters:\n    x:\n    - script: ha",
        &files,
        "templates may make 500000 values, conditions counted",
    );
}

#[test]
fn text_that_doubles() {
    let mut main = "variables:\n- name: v0\n  value: 0123456789\n".to_owned();
    for n in 1..40 {
        let last = n - 1;
        writeln!(
            main,
            "- name: v{n}\n  value: ${{{{ variables.v{last} }}}}${{{{ variables.v{last} }}}}"
        )
        .expect("text");
    }
    main.push_str("steps:\n- script: x");
    stops(&main, &[], "templates may make 10 MiB of text");
}

#[test]
fn nesting_that_grows_from_template_to_template() {
    let deep = |inner: &str| format!("{}{inner}{}", "{a: ".repeat(50), "}".repeat(50));
    let one = format!(
        "parameters: {{x: ''}}\nsteps:\n- template: two.yml\n  parameters:\n    x: {}",
        deep("\"${{ parameters.x }}\"")
    );
    let two = format!(
        "parameters: {{x: ''}}\nsteps:\n- template: three.yml\n  parameters:\n    x: {}",
        deep("\"${{ parameters.x }}\"")
    );
    stops(
        &format!(
            "steps:\n- template: one.yml\n  parameters:\n    x: {}",
            deep("b")
        ),
        &[
            ("one.yml", &one),
            ("two.yml", &two),
            (
                "three.yml",
                "parameters: {x: ''}\nsteps:\n- script: x\n  env: ${{ parameters.x }}",
            ),
        ],
        "expanded mappings and lists may be 128 levels deep",
    );
}

#[test]
fn what_is_inserted_counts_from_where_it_stands() {
    let deep = |inner: &str| format!("{}{inner}{}", "{a: ".repeat(50), "}".repeat(50));
    let inserted = deep("\"${{ parameters.x }}\"");
    let one = format!(
        "parameters: {{x: ''}}\nsteps:\n- template: two.yml\n  parameters:\n    x: {inserted}"
    );
    let two = format!("parameters: {{x: ''}}\nsteps:\n- script: x\n  env: {inserted}");
    stops(
        &format!(
            "steps:\n- template: one.yml\n  parameters:\n    x: {}",
            deep("b")
        ),
        &[("one.yml", &one), ("two.yml", &two)],
        "expanded mappings and lists may be 128 levels deep",
    );
}

#[test]
fn a_thousand_variables_that_look_at_each_other() {
    let mut main = "variables:\n- name: v0\n  value: a\n".to_owned();
    for n in 1..1000 {
        let last = n - 1;
        writeln!(main, "- name: v{n}\n  value: ${{{{ variables.v{last} }}}}").expect("text");
    }
    main.push_str("steps:\n- script: ${{ variables.v999 }}");
    assert!(made(&main, &[], &inputs()).is_ok(), "that is no attack");
}
