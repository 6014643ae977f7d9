//! Excerpts and the ways through templates, as programs see them.

use super::made;
use crate::{Code, Excerpt, Location, Refusal, tests::inputs};

#[test]
fn an_error_carries_its_line_and_the_way_there() {
    let files = [("t.yml", "steps:\n- script: x\n  dipslayName: y")];
    let Err(Refusal::Invalid(errors)) = made("steps:\n- template: t.yml", &files, &inputs()) else {
        panic!("it must not be valid")
    };
    let [error] = errors.as_slice() else {
        panic!("one error, not {errors:?}")
    };
    assert_eq!(error.code, Code::UnknownKey);
    let excerpt = Excerpt {
        text: "  dipslayName: y".to_owned(),
        caret: 2,
    };
    assert_eq!(error.excerpt, Some(excerpt));
    let used = Location {
        file: "a.yml".to_owned(),
        line: 2,
        column: 3,
    };
    assert_eq!(error.used_at, [used]);
}

#[test]
fn a_long_line_is_cut_around_its_place() {
    let text = format!(
        "steps: [{}{{script: ok, nmae: x}}]",
        "{script: ok}, ".repeat(40)
    );
    let Err(Refusal::Invalid(errors)) = made(&text, &[], &inputs()) else {
        panic!("it must not be valid")
    };
    for error in errors {
        let excerpt = error.excerpt.expect("a line");
        assert!(excerpt.text.chars().count() <= 122, "{excerpt:?}");
        let at: String = excerpt
            .text
            .chars()
            .skip(usize::try_from(excerpt.caret).expect("small"))
            .take(4)
            .collect();
        assert_eq!(at, "nmae", "{excerpt:?}");
    }
}
