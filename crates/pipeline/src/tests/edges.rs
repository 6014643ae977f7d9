//! The last that is read, and the first that is not.

use super::{check, good, run, shown};

/// A stage with a list so deep, the levels above it counted.
fn deep(levels: usize) -> String {
    let (open, close) = ("[".repeat(levels - 3), "]".repeat(levels - 3));
    format!(
        "stages:\n- stage: S\n  templateContext: {open}{close}\n  jobs: [{{job: J, steps: [script: x]}}]"
    )
}

#[test]
fn sixty_four_levels() {
    assert_eq!(shown(&run(&deep(64))), "fine");
    let told = shown(&run(&deep(65)));
    assert!(
        told.contains("mappings and lists may be 64 levels deep"),
        "{told}"
    );
}

#[test]
fn a_hundred_thousand_values() {
    let text = |values: usize| {
        let items = "a,".repeat(values);
        format!(
            "stages:\n- stage: S\n  templateContext: [{items}]\n  jobs: [{{job: J, steps: [script: x]}}]"
        )
    };
    // Beside the items there are 18 values.
    assert_eq!(shown(&run(&text(100_000 - 18))), "fine");
    let told = shown(&run(&text(100_000 - 17)));
    assert!(told.contains("a file may have 100000 values"), "{told}");
}

#[test]
fn what_is_decorated_is_told_once() {
    check(
        "
        steps:
        - script: x
          timeoutInMinutes: !word abc
        ",
        "
        a.yml:3:21: YAML tags (`!name`) are not supported
          hint: remove the tag; quote the value if it begins with `!`
        ",
    );
}

#[test]
fn marks_and_line_ends_are_no_characters() {
    let told = shown(&run("\u{feff}stpes: []"));
    assert!(told.starts_with("a.yml:1:1: "), "{told}");
    let told = shown(&run("a: b\r\nc: \0"));
    assert!(told.starts_with("a.yml:2:4: the character"), "{told}");
}

#[test]
fn a_hundred_warnings() {
    let keys: String = (0..150).map(|n| format!("k{n}: x, ")).collect();
    let plan = good(&format!("pool: {{{keys}}}\nsteps: [script: x]"));
    assert_eq!(plan.warnings.len(), 100);
}

#[test]
fn a_hundred_refusals() {
    let jobs: String = (0..150)
        .map(|n| format!("- {{job: J{n}, container: image, steps: [script: x]}}\n"))
        .collect();
    assert_eq!(good(&format!("jobs:\n{jobs}")).refusals.len(), 100);
}

#[test]
fn line_separators_are_quoted() {
    let told = shown(&run("a\u{2028}b: 1\nsteps: [script: x]"));
    assert!(
        told.contains("a\\u{2028}b") && !told.contains('\u{2028}'),
        "{told}"
    );
}
