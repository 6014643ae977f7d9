//! Conditions on the properties of secure files: `and(eq(property('team'), 'mobile'), not(property('old')))`. The
//! expression language of pipelines, with the functions that say something of a file. Compiled once, evaluated for each
//! file, within limits of text, depth, parts and work. It must not know files, nor who may see them.

use crate::expression::{
    self, Budget, EvaluationError, Expression, FUNCTIONS, Function, Home, Kind, Scope, Time, Value,
};
use crate::words;
use std::fmt;

/// Longest condition, in bytes.
pub const MAX_TEXT: usize = 4096;
/// Most parts: functions, values and names of properties.
pub const MAX_PARTS: usize = 256;
/// Most work for one file: one for each part that is evaluated, and one for each byte that is looked at.
pub const MAX_WORK: usize = 100_000;

/// A condition, compiled.
#[derive(Clone, Debug)]
pub struct PropertyQuery {
    /// Names of properties are their numbers here.
    tree: Expression,
    properties: Vec<String>,
}

/// The text is no condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// What is wrong, in words.
    pub message: String,
    /// Which character of the text, from 1.
    pub character: usize,
    /// What was perhaps meant.
    pub hint: Option<String>,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.character, self.message)
    }
}

impl std::error::Error for QueryError {}

/// A condition that takes more work for one file than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the condition takes too much work for one file")]
pub struct TooMuchWork;

impl PropertyQuery {
    /// Reads a condition.
    ///
    /// # Errors
    ///
    /// [`QueryError`] with the place: for malformed text, for what means nothing for a file, and beyond the limits.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let error = |message: String, offset: usize, hint| QueryError {
            character: text
                .get(..offset)
                .map_or(1, |before| before.chars().count() + 1),
            message,
            hint,
        };
        if text.len() > MAX_TEXT {
            let message = format!(
                "a condition may have {MAX_TEXT} bytes and this one has {}",
                text.len()
            );
            return Err(error(message, 0, None));
        }
        let mut tree =
            expression::parse(text).map_err(|wrong| error(wrong.message, wrong.offset, None))?;
        let mut reader = Reader::default();
        reader
            .part(&mut tree)
            .map_err(|(message, offset)| error(message, offset, None))?;
        expression::check(&tree, Time::Query, &[]).map_err(
            |EvaluationError {
                 message,
                 hint,
                 span,
                 ..
             }| {
                // Only a suggestion is worth its place in one line.
                let hint = hint.filter(|hint| hint.starts_with("did you mean"));
                error(message, span.start, hint)
            },
        )?;
        let properties = reader.properties;
        Ok(Self { tree, properties })
    }

    /// The names of the properties that it reads, each once. They ignore case.
    pub fn properties(&self) -> &[String] {
        &self.properties
    }

    /// Whether a file matches whose properties have these values, in the order of [`PropertyQuery::properties`].
    ///
    /// # Errors
    ///
    /// [`TooMuchWork`] beyond [`MAX_WORK`].
    pub fn matches(&self, values: &[Option<&str>]) -> Result<bool, TooMuchWork> {
        let mut budget = Budget::of(MAX_WORK, MAX_WORK);
        expression::evaluate_checked(&self.tree, &File(values), &mut budget, None)
            .map(|value| value.truthy())
            .map_err(|_| TooMuchWork)
    }

    /// The functions that it may call, for messages and documents.
    pub fn functions() -> impl Iterator<Item = &'static str> {
        let known = FUNCTIONS.iter();
        known
            .filter(|known| known.home == Home::Everywhere)
            .map(|known| known.name)
    }
}

/// Counts parts, and puts numbers in the place of names of properties.
#[derive(Default)]
struct Reader {
    parts: usize,
    properties: Vec<String>,
}

impl Reader {
    /// The recursion is as deep as the tree, which the parser has limited.
    fn part(&mut self, tree: &mut Expression) -> Result<(), (String, usize)> {
        let offset = tree.span.start;
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err((format!("there are more than {MAX_PARTS} parts"), offset));
        }
        match &mut tree.kind {
            Kind::Call { name, arguments } if Function::named(name) == Some(Function::Property) => {
                self.parts += 1;
                let [argument] = &mut **arguments else {
                    return Err((ONE_NAME.to_owned(), offset));
                };
                let Kind::Text(name) = &argument.kind else {
                    return Err((ONE_NAME.to_owned(), offset));
                };
                let mut known = self.properties.iter();
                let number = known.position(|known| words::same(known, name));
                let number = number.unwrap_or_else(|| {
                    self.properties.push(name.to_string());
                    self.properties.len() - 1
                });
                argument.kind = Kind::Number(number as f64);
                Ok(())
            }
            Kind::Call { arguments, .. } => {
                arguments.iter_mut().try_for_each(|part| self.part(part))
            }
            _ => Ok(()),
        }
    }
}

const ONE_NAME: &str = "`property` takes one name in single quotes";

/// The values of one file's properties.
struct File<'a>(&'a [Option<&'a str>]);

impl Scope for File<'_> {
    fn time(&self) -> Time {
        Time::Query
    }

    fn value(&self, _: &str) -> Option<Value> {
        None
    }

    fn call(&self, function: Function, arguments: &[Value]) -> Result<Value, String> {
        debug_assert_eq!(function, Function::Property);
        let number = arguments.first().and_then(Value::to_number);
        let found = number.and_then(|number| self.0.get(number as usize));
        Ok(found.copied().flatten().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether a file with these properties matches.
    fn holds(text: &str, properties: &[(&str, &str)]) -> bool {
        let query = PropertyQuery::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let values: Vec<Option<&str>> = query
            .properties()
            .iter()
            .map(|wanted| {
                let found = properties
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                found.map(|(_, value)| *value)
            })
            .collect();
        query.matches(&values).unwrap()
    }

    const FILE: &[(&str, &str)] = &[
        ("team", "Mobile"),
        ("Expires", "2026"),
        ("version", "1.10.2"),
        ("empty", ""),
        ("note", "  it's here  "),
    ];

    #[test]
    fn files_are_found_by_what_is_written_on_them() {
        for text in [
            "and(eq(property('team'),'mobile'))",
            "eq(property('TEAM'), 'MOBILE')",
            "EQ(Property('team'), 'mobile')",
            "and(eq(property('team'), 'mobile'), not(property('old')))",
            "or(false, property('team'))",
            "or(property('team'))",
            "xor(property('team'), property('old'))",
            "in(property('team'), 'web', 'mobile')",
            "notIn(property('team'), 'web', 'desk')",
            "ne(property('team'), 'web')",
            "gt(property('expires'), 2025)",
            "lt(2025, property('expires'))",
            "ge(property('expires'), '2026')",
            "le(2026.0, property('expires'))",
            "lt(1.9.9, property('version'))",
            "contains(property('note'), 'IT''S')",
            "startsWith(property('team'), 'mob')",
            "endsWith(property('team'), 'ILE')",
            "eq(property('absent'), null)",
            "eq(null, property('empty'))",
            "eq(property('empty'), '')",
            "eq(coalesce(property('absent'), property('empty'), 'none'), 'none')",
            "eq(iif(property('old'), 'old', 'new'), 'new')",
            "eq(trim(property('note')), 'it''s here')",
            "eq(length(property('team')), 6)",
            "eq(lower(property('team')), upper('mobile'))",
            "property('team')",
            "true",
            "not(gt(5, property('team')))",
            "not(lt(5, property('team')))",
            "not(ge(property('absent'), null))",
        ] {
            assert!(holds(text, FILE), "{text}");
        }
        for text in [
            "eq(property('team'), 'web')",
            "and(property('team'), property('old'))",
            "not(property('team'))",
            "property('absent')",
            "property('empty')",
            "in(property('absent'), 'a', 'b')",
            "gt(property('absent'), 1)",
            "eq(property('note'), 'it''s here')",
            "false",
            "null",
            "''",
            "0",
        ] {
            assert!(!holds(text, FILE), "{text}");
        }
    }

    #[test]
    fn a_property_is_read_once_however_often_it_is_named() {
        let query = PropertyQuery::parse("or(eq(property('a'), property('B')), property('A'))");
        assert_eq!(query.unwrap().properties(), ["a", "B"]);
    }

    #[test]
    fn what_is_no_condition_is_refused_at_its_place() {
        for (text, character, message) in [
            ("", 1, "an expression is expected here"),
            ("eq(property('a')", 3, "this `(` is never closed"),
            ("eq(property('a'), 'b'))", 23, "this `)` closes nothing"),
            (
                "and(eqq(property('a'), 'b'))",
                5,
                "there is no function `eqq`",
            ),
            (
                "eq(property('é'), b)",
                19,
                "`b` is no value here: text stands in single quotes, and only property('name') reads something",
            ),
            ("eq(property('a'))", 1, "`eq` takes 2 argument(s) and has 1"),
            ("and()", 1, "`and` takes at least 1 argument(s) and has 0"),
            (
                "and(succeeded(), property('a'))",
                5,
                "the function `succeeded` of pipelines means nothing here",
            ),
            (
                "eq(format('{0}', 1), '1')",
                4,
                "the function `format` of pipelines means nothing here",
            ),
            (
                "eq(variables['a'], 'b')",
                4,
                "there is nothing to look into here: only property('name') reads something",
            ),
            (
                "eq(variables.a, 'b')",
                4,
                "there is nothing to look into here: only property('name') reads something",
            ),
            (
                "property(1)",
                1,
                "`property` takes one name in single quotes",
            ),
            (
                "property(property('a'))",
                1,
                "`property` takes one name in single quotes",
            ),
            (
                "property()",
                1,
                "`property` takes one name in single quotes",
            ),
            (
                "property('a') == 'b'",
                15,
                "there is no operator `=`: use functions, for example eq(a, b), and(a, b), not(a)",
            ),
        ] {
            let wrong = PropertyQuery::parse(text).expect_err(text);
            assert_eq!(
                (wrong.character, wrong.message.as_str()),
                (character, message),
                "{text}"
            );
        }
        let wrong = PropertyQuery::parse("contians(property('a'), 'b')").unwrap_err();
        assert_eq!(wrong.hint.as_deref(), Some("did you mean `contains`?"));
    }

    #[test]
    fn text_depth_parts_and_work_have_an_end() {
        let long = format!("eq('{}', '')", "x".repeat(MAX_TEXT));
        assert!(PropertyQuery::parse(&long).is_err());
        let deep = |n: usize| format!("{}true{}", "not(".repeat(n), ")".repeat(n));
        assert!(PropertyQuery::parse(&deep(expression::MAX_DEPTH - 1)).is_ok());
        assert!(PropertyQuery::parse(&deep(expression::MAX_DEPTH)).is_err());
        let wide = |n: usize| format!("or({})", vec!["0"; n].join(","));
        assert!(PropertyQuery::parse(&wide(MAX_PARTS - 1)).is_ok());
        let wrong = PropertyQuery::parse(&wide(MAX_PARTS)).unwrap_err();
        assert!(wrong.message.contains("256"), "{wrong}");

        let value = "x".repeat(1024);
        let heavy = format!(
            "or({})",
            vec!["eq(property('a'),property('b'))"; 50].join(",")
        );
        let query = PropertyQuery::parse(&heavy).unwrap();
        let other = format!("{}y", &value[1..]);
        assert_eq!(
            query.matches(&[Some(&value), Some(&other)]),
            Err(TooMuchWork)
        );
        assert_eq!(query.matches(&[Some("x"), Some("y")]), Ok(false));
        assert_eq!(
            query.matches(&[Some(&value), Some(&value)]),
            Ok(true),
            "what need not be looked at costs nothing"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_soup_of_words_gets_an_answer(parts in proptest::collection::vec(prop_oneof![
            Just("and("), Just("not("), Just("eq("), Just("in("), Just("iif("), Just("coalesce("), Just("length("), Just(")"), Just(","),
            Just("'a'"), Just("null"), Just("true"), Just("1.5"), Just("-3"), Just("1.2.3"), Just("property('a')"),
            Just("property("), Just("variables"), Just("["), Just("'"), Just("é"), Just("."),
        ], 0..40), value in proptest::option::of("\\PC{0,20}")) {
            let text = parts.concat();
            match PropertyQuery::parse(&text) {
                Ok(query) => {
                    let values = vec![value.as_deref(); query.properties().len()];
                    let once = query.matches(&values);
                    prop_assert_eq!(once, query.matches(&values));
                }
                Err(wrong) => prop_assert!(wrong.character >= 1 && wrong.character <= text.chars().count() + 1),
            }
        }
    }
}
