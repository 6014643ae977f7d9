//! Hostile expressions end with an error, and take little before they do.

use super::*;

/// Evaluates with a parameter `big`, a text of a megabyte.
fn hostile(text: &str) -> (Result<Value, EvaluationError>, Budget) {
    let big: Value = "x".repeat(1 << 20).into();
    let many: Value = vec![big.clone(); 1000].into();
    let parameters = Object::from_iter([("big", big), ("many", many), ("laughs", laughs(40))]);
    let scope = Contexts::new(Time::Template).with("parameters", parameters);
    let mut budget = Budget::default();
    let tree = parse(text).unwrap_or_else(|e| panic!("{e}"));
    let value = evaluate(&tree, &scope, &mut budget);
    (value, budget)
}

/// A list that holds a list twice, which holds a list twice …
fn laughs(depth: usize) -> Value {
    (0..depth).fold("ha".into(), |inner: Value, _| vec![inner; 10].into())
}

fn wrapped(times: usize, open: &str, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(times), close.repeat(times))
}

#[test]
fn results_that_grow_end_at_the_bytes_they_may_take() {
    let stars = format!("parameters.laughs{}", ".*".repeat(40));
    for text in [
        "join('', parameters.many)",
        "join(parameters.big, split('aaaaaaaaaaaaaaaaaaaa', 'a'))",
        "replace(parameters.big, 'x', parameters.big)",
        &wrapped(40, "replace(", "'x'", ", 'x', 'xxxxxxxxxx')"),
        &wrapped(40, "format('{0}{0}{0}{0}', ", "'x'", ")"),
        &format!("format('{}', parameters.big)", "{0}".repeat(1000)),
        "split(parameters.big, 'x')",
        "convertToJson(parameters.many)",
        "convertToJson(parameters.laughs)",
        &wrapped(40, "convertToJson(", "'\"'", ")"),
        &stars,
        &format!(
            "format('{}', {})",
            "x",
            vec!["upper(parameters.big)"; 20].join(", ")
        ),
    ] {
        let (result, budget) = hostile(text);
        let wrong = result.expect_err(text);
        assert_eq!(
            wrong.message,
            "the results of this expression take more than 10485760 bytes"
        );
        assert!(wrong.exhausted && wrong.hint.is_some());
        assert!(budget.bytes_made() <= MAX_BYTES);
    }
}

#[test]
fn work_ends_too() {
    let eq = "eq(parameters.big, parameters.big), ".repeat(300);
    for text in [
        format!("and({eq}true)"),
        format!("in('y', {}1)", "parameters.big, ".repeat(900)),
        format!(
            "or({}1)",
            "containsValue(parameters.many, 'y'), ".repeat(20)
        ),
        format!("or({}1)", "contains(parameters.big, 'y'), ".repeat(400)),
    ] {
        let (result, budget) = hostile(&text);
        let wrong = result.expect_err("too much");
        assert_eq!(
            wrong.message,
            "this expression takes more than 20000000 steps: one for each part, and one for each byte that is read"
        );
        assert!(wrong.exhausted);
        assert!(budget.work_done() <= MAX_WORK);
    }
}

#[test]
fn a_budget_serves_several_expressions() {
    let mut budget = Budget::of(10, 1000);
    let tree = parse("format('12345')").unwrap();
    let scope = Contexts::new(Time::Template);
    assert!(evaluate(&tree, &scope, &mut budget).is_ok());
    assert!(evaluate(&tree, &scope, &mut budget).is_ok());
    assert_eq!(budget.bytes_made(), 10);
    assert!(evaluate(&tree, &scope, &mut budget).unwrap_err().exhausted);
}

#[test]
fn deep_values_and_trees_end_before_the_stack_does() {
    let deep = (0..300).fold(Value::Null, |inner, _| vec![inner].into());
    let scope = Contexts::new(Time::Template).with("parameters", Object::from_iter([("a", deep)]));
    let tree = parse("convertToJson(parameters.a)").unwrap();
    let wrong = evaluate(&tree, &scope, &mut Budget::default()).unwrap_err();
    assert_eq!(
        wrong.message,
        "`convertToJson` writes 100 levels, and this value is deeper"
    );
    // Trees that no parser made.
    let tree = (0..300).fold(parse("true").unwrap(), |inner, _| Expression {
        kind: Kind::Call {
            name: "not".to_owned(),
            arguments: vec![inner],
        },
        span: Span::default(),
    });
    let scope = Contexts::new(Time::Template);
    let too_deep = "expressions may be 50 levels deep";
    let wrong = check(&tree, Time::Template, &[]).unwrap_err();
    assert_eq!(wrong.message, too_deep);
    let wrong = evaluate_checked(&tree, &scope, &mut Budget::default(), None).unwrap_err();
    assert_eq!(wrong.message, too_deep);
    // The deepest tree that is read is evaluated.
    let deepest = wrapped(MAX_DEPTH - 1, "not(", "true", ")");
    assert!(evaluated(&deepest).is_ok());
}

#[test]
fn the_longest_expression_is_read_and_evaluated() {
    let most = format!("or({}0)", "0,".repeat((MAX_LENGTH - 5) / 2));
    assert_eq!(shown(&most), "false");
    assert!(parse(&format!("{most}  ")).is_err());
}
