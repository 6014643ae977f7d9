//! Names and functions exist at some times and not at others, and what does not exist is said before anything is evaluated.

use super::*;

#[test]
fn names_exist_at_their_times_only() {
    let all = [
        "parameters",
        "variables",
        "resources",
        "templateContext",
        "dependencies",
        "stageDependencies",
        "pipeline",
    ];
    for (time, known) in [
        (Time::Template, "11....."),
        (Time::Runtime, ".11.111"),
        (Time::Start, ".11.111"),
        (Time::Stage, ".1..111"),
        (Time::Job, ".1..111"),
        (Time::Step, ".1....."),
        (Time::Query, "......."),
    ] {
        let row: String = all
            .iter()
            .map(|name| {
                let tree = parse(&name.to_ascii_uppercase()).unwrap();
                if check(&tree, time, &[]).is_ok() {
                    '1'
                } else {
                    '.'
                }
            })
            .collect();
        assert_eq!(row, known, "{time:?}");
    }
}

#[test]
fn functions_exist_at_their_times_only() {
    let times = [
        Time::Template,
        Time::Runtime,
        Time::Stage,
        Time::Job,
        Time::Step,
        Time::Query,
    ];
    for signature in FUNCTIONS {
        let known = match signature.name {
            "always" | "canceled" | "failed" | "succeeded" | "succeededOrFailed" => "..111.",
            "counter" => ".1....",
            "property" => ".....1",
            "containsValue" | "convertToJson" | "format" | "join" | "replace" | "split" => "11111.",
            _ => "111111",
        };
        let arguments = vec!["'a'"; signature.least].join(", ");
        let tree = parse(&format!("{}({arguments})", signature.name.to_uppercase())).unwrap();
        let row: String = times
            .iter()
            .map(|time| match check(&tree, *time, &[]) {
                Ok(()) => '1',
                Err(_) => '.',
            })
            .collect();
        assert_eq!(row, known, "{}", signature.name);
    }
}

#[test]
fn a_mistake_counts_also_where_evaluation_would_not_get_to() {
    for (text, start, message, hint) in [
        (
            "or(true, nope.a)",
            9,
            "there is no value `nope` in `${{ }}`",
            "known here: parameters, variables, each1; text stands in single quotes",
        ),
        (
            "iif(true, 1, each2)",
            13,
            "there is no value `each2` in `${{ }}`",
            "did you mean `each1`?",
        ),
        (
            "and(false, succeeded())",
            11,
            "the function `succeeded` does not exist in `${{ }}`",
            "`succeeded` exists only in conditions of stages, jobs and steps, which are no `${{ }}`",
        ),
        (
            "variables[counter('a', 1)]",
            10,
            "the function `counter` does not exist in `${{ }}`",
            "`counter` exists only where a variable is defined, in `$[ ]`",
        ),
        (
            "and(false, contians('a', 'b'))",
            11,
            "there is no function `contians`",
            "did you mean `contains`?",
        ),
        (
            "and(false, eq(1))",
            11,
            "`eq` takes 2 argument(s) and has 1",
            "look at the commas and brackets",
        ),
        (
            "dependencies.A.result",
            0,
            "there is no value `dependencies` in `${{ }}`",
            "`dependencies` exists only in `$[ ]`, the condition of a stage, the condition of a job",
        ),
    ] {
        let tree = parse(text).unwrap();
        let scope = Contexts::new(Time::Template)
            .with("variables", Value::Null)
            .with("each1", "x");
        let wrong = evaluate(&tree, &scope, &mut Budget::default()).expect_err(text);
        assert_eq!(
            (wrong.span.start, &*wrong.message, wrong.hint.as_deref()),
            (start, message, Some(hint)),
            "{text}"
        );
    }
}

#[test]
fn variables_of_loops_hide_contexts_and_each_other() {
    let scope = Contexts::new(Time::Template)
        .with("item", "outer")
        .with("Item", Object::from_iter([("key", "inner")]))
        .with("parameters", "mine");
    let value = |text: &str| evaluate(&parse(text).unwrap(), &scope, &mut Budget::default());
    assert_eq!(value("ITEM.key"), Ok("inner".into()));
    assert_eq!(value("parameters"), Ok("mine".into()));
    assert_eq!(
        value("variables.a"),
        Ok(Value::Null),
        "it exists, and is empty"
    );
}

#[test]
fn the_context_answers_what_depends_on_it() {
    /// Counts up, and has a context that is made when it is asked.
    struct Lazy;
    impl Scope for Lazy {
        fn time(&self) -> Time {
            Time::Runtime
        }

        fn value(&self, _: &str) -> Option<Value> {
            panic!("only members are asked for")
        }

        fn member(&self, name: &str, key: &str) -> Option<Value> {
            Some(format!("{name}:{key}").into())
        }

        fn call(&self, function: Function, arguments: &[Value]) -> Result<Value, String> {
            assert_eq!(function, Function::Counter);
            match arguments.first() {
                Some(prefix) => Ok(format!("{}#1", prefix.to_text().unwrap()).into()),
                None => Err("a counter needs a prefix here".to_owned()),
            }
        }
    }
    let value = |text: &str| evaluate(&parse(text).unwrap(), &Lazy, &mut Budget::default());
    assert_eq!(
        value("counter(variables['a b'])"),
        Ok("variables:a b#1".into())
    );
    let wrong = value("format('{0}', counter())").unwrap_err();
    assert_eq!(
        (wrong.span.start, wrong.message.as_str()),
        (14, "a counter needs a prefix here")
    );
    // A scope that knows no such function says so.
    let tree = parse("counter('a', 1)").unwrap();
    let wrong = evaluate(&tree, &Contexts::new(Time::Runtime), &mut Budget::default());
    assert_eq!(
        wrong.unwrap_err().message,
        "the function `counter` is not available here"
    );
}
