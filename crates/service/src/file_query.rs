//! What narrows a list of files that the caller may see already: a pattern of names, a condition on properties. It sees
//! nothing else, so it can tell nothing of files that are not seen.

use crate::error::{Error, Kind, Result};
use coffer_model::library::SecureFile;
use coffer_model::name;
use coffer_pipeline::query::{MAX_WORK, PropertyQuery};

/// The longest pattern, bytes: a name has 255.
const MAX_PATTERN: usize = 1024;
/// Files looked at before others get their turn.
const AT_ONCE: usize = 200;

/// A pattern of names.
pub(crate) struct Pattern(Vec<char>);

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_PATTERN {
            return Err(Error::invalid(format!(
                "A pattern of names has at most {MAX_PATTERN} bytes, and this one has {}.",
                text.len()
            )));
        }
        Ok(Self(name::key(text).chars().collect()))
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        matches(&self.0, &name::key(name).chars().collect::<Vec<_>>())
    }
}

/// A condition on properties, compiled.
pub(crate) struct Condition {
    query: PropertyQuery,
    /// The keys of the properties that it reads.
    keys: Vec<String>,
}

impl Condition {
    /// Reads a condition.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let query = PropertyQuery::parse(text).map_err(|wrong| {
            let functions: Vec<&str> = PropertyQuery::functions().collect();
            let error = Error::new(
                Kind::Invalid,
                "secure_file.condition_invalid",
                format!(
                    "The condition is not one, {wrong}. A condition is made of the functions {}, of property('name'), and of \
                     text in single quotes, numbers, true, false and null: and(eq(property('team'), 'mobile'), \
                     not(property('retired'))).",
                    functions.join(", ")
                ),
            );
            match wrong.hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
        })?;
        let names = query.properties().iter();
        Ok(Self {
            keys: names.map(|wanted| name::key(wanted)).collect(),
            query,
        })
    }

    /// The files that it is true of.
    pub(crate) async fn filter(&self, files: Vec<SecureFile>) -> Result<Vec<SecureFile>> {
        let mut found = Vec::new();
        for (number, file) in files.into_iter().enumerate() {
            if number % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            if self.matches(&file)? {
                found.push(file);
            }
        }
        Ok(found)
    }

    fn matches(&self, file: &SecureFile) -> Result<bool> {
        let mut values = vec![None; self.keys.len()];
        for (name, value) in &file.properties {
            let key = name::key(name);
            if let Some(at) = self.keys.iter().position(|wanted| *wanted == key) {
                values[at] = Some(value.as_str());
            }
        }
        self.query.matches(&values).map_err(|_| {
            Error::new(
                Kind::Invalid,
                "secure_file.condition_invalid",
                format!(
                    "The condition takes more than {MAX_WORK} steps for one file: a step for each part, and for each byte that \
                     is compared. Make it shorter."
                ),
            )
        })
    }
}

/// Whether a name fits a pattern. It goes back to the last `*` only, so its steps are at most the product of both lengths.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_people_expect() {
        let fits = |pattern: &str, name: &str| {
            matches(
                &pattern.chars().collect::<Vec<_>>(),
                &name.chars().collect::<Vec<_>>(),
            )
        };
        for (pattern, name) in [
            ("*", ""),
            ("*.pem", "ca.pem"),
            ("ca*", "ca.pem"),
            ("c?.pem", "ca.pem"),
            ("*a*b*", "xaxbx"),
            ("a", "a"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("", "a"),
            ("*.pem", "ca.p12"),
            ("c?.pem", "c.pem"),
            ("a", "ab"),
            ("*b", "ba"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
