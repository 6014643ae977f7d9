//! The language as a whole: every function, time and limit. Knows nothing of who evaluates expressions.

mod contexts;
mod functions;
mod limits;
mod properties;
mod templates;

use super::*;

/// Contexts with something of everything.
fn contexts() -> Contexts {
    contexts_at(Time::Template)
}

fn contexts_at(time: Time) -> Contexts {
    let fruit = |name: &str, colors: &[&str]| {
        Value::from(Object::from_iter([
            ("name", Value::from(name)),
            ("colors", colors.iter().copied().collect()),
        ]))
    };
    let parameters = Object::from_iter([
        ("list", ["a", "B", "", "c"].into_iter().collect::<Value>()),
        ("numbers", [1.0, 2.5].into_iter().collect()),
        ("empty", Vec::new().into()),
        ("nothing", Object::default().into()),
        ("flag", true.into()),
        ("count", 8.0.into()),
        (
            "fruits",
            vec![
                fruit("apple", &["red", "green"]),
                fruit("lemon", &["yellow"]),
            ]
            .into(),
        ),
        (
            "map",
            Object::from_iter([
                ("first", fruit("plum", &["blue"])),
                ("second", "text".into()),
            ])
            .into(),
        ),
        ("my key", "spaces".into()),
    ]);
    let variables = Object::from_iter([
        ("Build.SourceBranch", "refs/heads/main"),
        ("a", "x"),
        ("number", "1,234.5"),
        ("version", "1.10.2"),
        ("blank", ""),
    ]);
    let pipeline =
        Object::from_iter([("startTime", Value::Time(Timestamp::new(1_709_221_507, 0)))]);
    Contexts::new(time)
        .with("parameters", parameters)
        .with("variables", variables)
        .with("pipeline", pipeline)
}

fn evaluated(text: &str) -> Result<Value, EvaluationError> {
    let tree = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    evaluate(&tree, &contexts(), &mut Budget::default())
}

/// The value as JSON in one line, which shows its kind.
fn shown(text: &str) -> String {
    let value = evaluated(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    json_of(&value).to_string()
}

fn json_of(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Boolean(value) => (*value).into(),
        Value::Number(value) => (*value).into(),
        Value::Text(text) => (**text).into(),
        Value::Version(parts) => parts.to_string().into(),
        Value::Time(time) => time.to_string().into(),
        Value::Array(items) => items.iter().map(json_of).collect(),
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| (key.to_owned(), json_of(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}
