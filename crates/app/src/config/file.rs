//! Reads a `coffer.toml`: values with their places, and every unknown or ill-typed key.

use super::keys::{self, Key, Kind};
use super::{Problem, layers::Found};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What a configuration file says. `name` is what problems call it.
pub(super) fn read(name: &str, text: &str, problems: &mut Vec<Problem>) -> Vec<Found> {
    let mut reader = Reader {
        name,
        text,
        problems,
        found: Vec::new(),
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let place = reader.place(&error.span().unwrap_or(0..0));
        reader.problem(place, error.message().to_owned(), None);
    }
    reader.table("", table.get_ref());
    reader.found
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    problems: &'a mut Vec<Problem>,
    found: Vec<Found>,
}

impl Reader<'_> {
    /// A table and the tables in it. `outer` is the name of the section it is, with a dot at its end.
    fn table(&mut self, outer: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let place = self.place(&name.span());
            let name = format!("{outer}{}", name.get_ref());
            let prefix = format!("{name}.");
            match value.get_ref() {
                DeValue::Table(inner) if keys::all().any(|k| k.name.starts_with(&prefix)) => {
                    self.table(&prefix, inner);
                }
                DeValue::Table(_) => {
                    let near = keys::all()
                        .map(|key| keys::split(key.name).0)
                        .map(|known| (strsim::damerau_levenshtein(&name, known), known))
                        .min()
                        .filter(|(distance, _)| *distance <= 2)
                        .map(|(_, known)| format!("did you mean `[{known}]`?"));
                    self.problem(place, format!("unknown section `[{name}]`"), near);
                }
                _ => self.entry(&name, place, value),
            }
        }
    }

    fn entry(&mut self, name: &str, place: String, value: &Spanned<DeValue<'_>>) {
        let file_variant = keys::find_file_variant(name);
        let Some(key) = file_variant.or_else(|| keys::find(name)) else {
            let hint = keys::nearest(name).map(|near| format!("did you mean `{near}`?"));
            self.problem(place, format!("unknown key `{name}`"), hint);
            return;
        };
        let kind = if file_variant.is_some() {
            Kind::Path
        } else {
            key.kind
        };
        match as_text(kind, value.get_ref()) {
            Some(text) => self.found.push(Found {
                key,
                in_file: file_variant.is_some(),
                text: text.into(),
                source: place,
            }),
            None => self.wrong_type(key, kind, value),
        }
    }

    fn wrong_type(&mut self, key: &Key, kind: Kind, value: &Spanned<DeValue<'_>>) {
        let wanted = match kind {
            Kind::Text | Kind::Path | Kind::Choice(_) => "a text in quotes",
            Kind::Boolean => "`true` or `false`, without quotes",
            Kind::Integer { .. } => "a whole number, without quotes",
            Kind::List(_) => "a list of texts in quotes",
        };
        let is = value.get_ref().type_str();
        let place = self.place(&value.span());
        self.problem(
            place,
            format!("`{}` must be {wanted}, not {is}", key.name),
            None,
        );
    }

    fn problem(&mut self, place: String, message: String, hint: Option<String>) {
        self.problems.push(Problem {
            place,
            message,
            hint,
        });
    }

    /// `file:line:column` of the start of a span, both counted from 1.
    fn place(&self, span: &Range<usize>) -> String {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before[start..].chars().count() + 1;
        format!("{}:{line}:{column}", self.name)
    }
}

fn as_text(kind: Kind, value: &DeValue<'_>) -> Option<String> {
    match (kind, value) {
        (Kind::Text | Kind::Path | Kind::Choice(_), DeValue::String(text)) => {
            Some(text.clone().into_owned())
        }
        (Kind::Boolean, DeValue::Boolean(value)) => Some(value.to_string()),
        (Kind::Integer { .. }, DeValue::Integer(value)) => {
            i64::from_str_radix(value.as_str(), value.radix())
                .ok()
                .map(|number| number.to_string())
        }
        (Kind::List(_), DeValue::Array(values)) => {
            let words: Option<Vec<&str>> = values
                .iter()
                .map(|value| match value.get_ref() {
                    // A comma would make two of one.
                    DeValue::String(word) if !word.contains(',') => Some(word.as_ref()),
                    _ => None,
                })
                .collect();
            words.map(|words| words.join(", "))
        }
        _ => None,
    }
}
