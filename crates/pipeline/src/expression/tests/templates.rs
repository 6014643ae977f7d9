//! `${{ }}` within texts, and values that are `$[ ]`.

use super::*;

#[test]
fn texts_are_divided_at_their_expressions() {
    let pieces = |text: &'static str| -> Vec<String> {
        let parts = segments(text).unwrap().into_iter();
        parts
            .map(|part| match part {
                Segment::Literal(text) => text.to_owned(),
                Segment::Expression {
                    text: inner_text,
                    inner,
                    outer,
                } => {
                    assert_eq!(&text[inner.start..inner.end], inner_text);
                    format!("<{}>", &text[outer.start..outer.end])
                }
            })
            .collect()
    };
    for (text, wanted) in [
        ("", &[][..]),
        ("plain $(a) $[b] }} {{", &["plain $(a) $[b] }} {{"]),
        ("${{ a }}", &["<${{ a }}>"]),
        (
            "é${{a}}-${{ b }}!",
            &["é", "<${{a}}>", "-", "<${{ b }}>", "!"],
        ),
        ("${{ '}}' }}x", &["<${{ '}}' }}>", "x"]),
        ("${{ 'it''s }}' }}}}", &["<${{ 'it''s }}' }}>", "}}"]),
        ("${{ '${{' }}", &["<${{ '${{' }}>"]),
        ("$${{ a }}", &["$", "<${{ a }}>"]),
    ] {
        assert_eq!(pieces(text), wanted, "{text}");
        assert_eq!(has_expression(text), text.contains("${{"));
    }
    for (text, offset) in [("a ${{ b", 2), ("${{ 'x }}", 0), ("${{ a }} ${{ b }", 9)] {
        let wrong = segments(text).unwrap_err();
        assert_eq!(
            (wrong.offset, wrong.message.as_str()),
            (offset, "this `${{` is never closed"),
            "{text}"
        );
    }
}

#[test]
fn only_a_whole_value_is_a_runtime_expression() {
    for (value, expected) in [
        ("$[variables.a]", Some(("variables.a", 2))),
        ("  $[ counter('x', 1) ]  ", Some(("counter('x', 1)", 5))),
        ("$[a['b']]", Some(("a['b']", 2))),
        ("$[]", Some(("", 2))),
        ("x $[a]", None),
        ("$[a] x", None),
        ("$[a", None),
        ("$(a)", None),
    ] {
        assert_eq!(in_brackets(value), expected, "{value:?}");
    }
    let tree = runtime(" $[ variables.none ]").unwrap().unwrap();
    assert_eq!(tree.span, Span { start: 4, end: 18 });
    let value = evaluate(&tree, &Contexts::new(Time::Runtime), &mut Budget::default());
    assert_eq!(value.unwrap().to_text().as_deref(), Some(""));
    assert_eq!(runtime("$[ eq( ]").unwrap().unwrap_err().offset, 6);
}
