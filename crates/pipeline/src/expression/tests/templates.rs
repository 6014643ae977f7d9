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
fn an_expression_alone_keeps_its_kind_and_others_become_text() {
    for (text, value) in [
        ("${{ parameters.list }}", r#"["a","B","","c"]"#),
        ("${{ parameters.flag }}", "true"),
        (" ${{ parameters.flag }}", "\" True\""),
        ("${{ parameters.none }}", "null"),
        ("a${{ parameters.none }}b", "\"ab\""),
        ("${{ variables.a }}${{ parameters.count }}", "\"x8\""),
        ("a ${{ '${{' }} b", "\"a ${{ b\""),
        ("no expression", "\"no expression\""),
    ] {
        let template = Template::parse(text).unwrap();
        let value_of = template.evaluate(&contexts(), &mut Budget::default());
        assert_eq!(json_of(&value_of.unwrap()).to_string(), value, "{text}");
    }
}

#[test]
fn places_are_counted_in_the_whole_text() {
    let wrong = Template::parse("ab ${{ eq(1, }}").unwrap_err();
    assert_eq!(
        (wrong.offset, &*wrong.message),
        (13, "the expression ends too early")
    );
    let wrong = Template::parse("ab ${{ }}").unwrap_err();
    assert_eq!(
        (wrong.offset, &*wrong.message),
        (6, "an expression is expected here")
    );
    for (text, start, message) in [
        (
            "ab ${{ trim(nope) }}",
            12,
            "there is no value `nope` in `${{ }}`",
        ),
        (
            "ab ${{ parameters.list }}",
            7,
            "unable to convert from Array to String",
        ),
    ] {
        let template = Template::parse(text).unwrap();
        let wrong = template
            .evaluate(&contexts(), &mut Budget::default())
            .unwrap_err();
        assert_eq!((wrong.span.start, &*wrong.message), (start, message));
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
