//! Name and properties of a file in a form: what was typed stays, whatever is wrong with it. It must not know what a good name
//! is: the service says that.

use crate::error::ApiError;
use crate::pages::guard::Form;
use coffer_model::library::SecureFile;
use coffer_model::{FileId, Timestamp};
use coffer_service::FileChange;
use std::collections::BTreeMap;

/// Empty rows below those that are there.
const SPARE: usize = 3;
/// Rows of one form at most.
const MOST: usize = 200;

/// A row of the form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Ticked to be taken away.
    pub(crate) dropped: bool,
    pub(crate) problem: Option<String>,
}

impl Row {
    fn is_empty(&self) -> bool {
        self.name.is_empty() && self.value.is_empty()
    }

    /// Whether a text wants a field of several lines.
    pub(crate) fn has_lines(&self) -> bool {
        self.name.contains(['\n', '\r']) || self.value.contains(['\n', '\r'])
    }
}

/// The form.
#[derive(Clone, Debug)]
pub(crate) struct Properties {
    pub(crate) name: String,
    pub(crate) name_problem: Option<String>,
    pub(crate) rows: Vec<Row>,
    /// What is wrong with the properties as a whole.
    pub(crate) problem: Option<String>,
    /// What the file was when the form was made.
    pub(crate) stamp: i64,
    /// What it is now, when somebody else changed it meanwhile.
    pub(crate) meanwhile: Option<SecureFile>,
}

/// Browsers send every end of a line as two characters.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

impl Properties {
    /// As the file is.
    pub(crate) fn of(file: &SecureFile) -> Self {
        let rows = file.properties.iter().map(|(name, value)| Row {
            name: name.clone(),
            value: value.clone(),
            ..Row::default()
        });
        let mut form = Self {
            name: file.name.clone(),
            name_problem: None,
            rows: rows.collect(),
            problem: None,
            stamp: file.modified_at.0,
            meanwhile: None,
        };
        form.more();
        form
    }

    /// As it was typed.
    pub(crate) fn read(form: &Form, file: &SecureFile) -> Self {
        let mut rows: BTreeMap<usize, Row> = BTreeMap::new();
        for (field, typed) in form.fields() {
            let Some((part, number)) = field.split_once('.') else {
                continue;
            };
            let number: usize = match number.parse() {
                Ok(number) if number < MOST => number,
                _ => continue,
            };
            let row = rows.entry(number).or_default();
            match part {
                "key" => row.name = typed.to_owned(),
                "value" => row.value = typed.to_owned(),
                "drop" => row.dropped = true,
                _ => {}
            }
        }
        let mut rows: Vec<Row> = rows.into_values().filter(|row| !row.is_empty()).collect();
        for row in &mut rows {
            row.untouched(file);
        }
        Self {
            name: form.field("name").to_owned(),
            name_problem: None,
            rows,
            problem: None,
            stamp: form.field("stamp").parse().unwrap_or_default(),
            meanwhile: None,
        }
    }

    /// Adds empty rows.
    pub(crate) fn more(&mut self) {
        self.rows.extend((0..SPARE).map(|_| Row::default()));
    }

    /// What is to be saved: nothing where nothing was changed, and none where a row cannot be a property.
    pub(crate) fn change(&mut self, file: FileId, now: &SecureFile) -> Option<FileChange> {
        let mut wanted = BTreeMap::new();
        let mut good = true;
        for row in self
            .rows
            .iter_mut()
            .filter(|row| !row.dropped && !row.is_empty())
        {
            let problem = if row.name.trim().is_empty() {
                Some("This value has no name.")
            } else if wanted.contains_key(&row.name) {
                Some("Another row has this name too.")
            } else {
                None
            };
            row.problem = problem.map(str::to_owned);
            good &= problem.is_none();
            wanted.insert(row.name.clone(), row.value.clone());
        }
        good.then(|| FileChange {
            file,
            name: (self.name != now.name).then(|| self.name.clone()),
            properties: (wanted != now.properties).then_some(wanted),
            unchanged_since: Some(Timestamp(self.stamp)),
        })
    }

    /// Puts a refusal beside what it is about. Gives it back where it is about something else.
    pub(crate) fn refused(&mut self, error: ApiError) -> Result<http::StatusCode, ApiError> {
        let text = [vec![error.message.clone()], error.hints().to_vec()]
            .concat()
            .join(" ");
        match error.code() {
            "secure_file.name_invalid" | "secure_file.name_taken" => self.name_problem = Some(text),
            "argument.invalid" => self.problem = Some(text),
            _ => return Err(error),
        }
        Ok(error.status)
    }

    /// Whether anything was refused.
    pub(crate) fn has_problem(&self) -> bool {
        self.name_problem.is_some()
            || self.problem.is_some()
            || self.rows.iter().any(|row| row.problem.is_some())
    }
}

impl Row {
    /// A text that differs only in how its lines end is the one that was there: a form cannot say it otherwise.
    fn untouched(&mut self, file: &SecureFile) {
        let (name, value) = (lines(&self.name), lines(&self.value));
        let known = file
            .properties
            .iter()
            .find(|(known, _)| lines(known) == name);
        match known {
            Some((known, stored)) => {
                self.name.clone_from(known);
                self.value = match lines(stored) == value {
                    true => stored.clone(),
                    false => value,
                };
            }
            None => (self.name, self.value) = (name, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_model::library::Person;
    use coffer_model::{IdentityId, ProjectId};
    use uuid::Uuid;

    fn file(properties: &[(&str, &str)]) -> SecureFile {
        let person = Person {
            id: IdentityId(Uuid::nil()),
            unique_name: "ann".to_owned(),
            display_name: "Ann".to_owned(),
        };
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        SecureFile {
            id: FileId(Uuid::nil()),
            project: ProjectId(Uuid::nil()),
            name: "ca.pem".to_owned(),
            size: 3,
            properties: properties.iter().map(pair).collect(),
            created_by: person.clone(),
            created_at: Timestamp(1),
            modified_by: person,
            modified_at: Timestamp(2),
        }
    }

    fn typed(body: &str, file: &SecureFile) -> Properties {
        Properties::read(&Form::read(body.as_bytes()).unwrap(), file)
    }

    fn wanted(form: &mut Properties, file: &SecureFile) -> Option<FileChange> {
        form.change(file.id, file)
    }

    #[test]
    fn what_was_not_touched_is_not_changed_however_its_lines_end() {
        let file = file(&[("a", "1\n2"), ("b", "1\r2\r\n3"), ("c", "")]);
        let mut form = typed(
            "name=ca.pem&stamp=2&key.0=a&value.0=1%0D%0A2&key.1=b&value.1=1%0D%0A2%0D%0A3&key.2=c&value.2=&key.3=&value.3=",
            &file,
        );
        let change = wanted(&mut form, &file).unwrap();
        assert!(change.name.is_none() && change.properties.is_none());
        assert_eq!(change.unchanged_since, Some(Timestamp(2)));
    }

    #[test]
    fn rows_are_added_changed_and_dropped() {
        let file = file(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let mut form = typed(
            "name=new.pem&stamp=2&key.0=a&value.0=9&key.1=b&value.1=2&drop.1=on&key.2=&value.2=&key.7=d&value.7=4",
            &file,
        );
        let change = wanted(&mut form, &file).unwrap();
        assert_eq!(change.name.as_deref(), Some("new.pem"));
        let properties: Vec<_> = change.properties.unwrap().into_iter().collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(properties, [pair("a", "9"), pair("d", "4")]);
    }

    #[test]
    fn a_row_that_cannot_be_a_property_says_so_and_everything_typed_stays() {
        let file = file(&[]);
        let mut form = typed(
            "name=x&key.0=&value.0=lonely&key.1=a&value.1=1&key.2=a&value.2=2",
            &file,
        );
        assert!(wanted(&mut form, &file).is_none());
        let problems: Vec<_> = form.rows.iter().map(|row| row.problem.is_some()).collect();
        assert_eq!(problems, [true, false, true]);
        assert_eq!(form.rows[0].value, "lonely");
        assert!(form.has_problem());
    }
}
