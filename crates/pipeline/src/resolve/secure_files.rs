//! Secure file inputs: which files a value names. Only what is known when the plan is made takes part, and a file that
//! exists is enough here: whether it may be used is asked later, and the run waits.

use std::collections::BTreeSet;

use super::Context;
use crate::{
    Lookup, Need, SecureFileInput, SecureFileReference,
    diagnostic::{Code, Place, quotable},
    read::Known,
};

/// Most different secure files that one pipeline may name.
const MAX_FILES: usize = 100;
/// Most times it may name one.
const MAX_MENTIONS: usize = 1000;
/// What names are made of, and the files looked up so far.
pub(super) struct Files {
    known: Known,
    references: BTreeSet<SecureFileReference>,
    mentions: usize,
}

impl Files {
    pub(super) fn new(known: Known) -> Self {
        Self {
            known,
            references: BTreeSet::new(),
            mentions: 0,
        }
    }
}

/// Who names a file, for errors.
pub(super) struct User<'a> {
    pub(super) job: &'a str,
    pub(super) step: &'a str,
    pub(super) input: &'a str,
    pub(super) place: Place,
}

impl Context<'_> {
    /// The files of a value, and the value with their ids; `None` when one of them is not found or not loaded.
    pub(super) fn secure_files(
        &mut self,
        user: &User<'_>,
        value: &str,
    ) -> Option<(String, SecureFileInput)> {
        if value.split(',').all(|part| part.trim().is_empty()) {
            let message = format!("the input `{}` names no secure file", quotable(user.input));
            self.report.error(
                Code::Missing,
                user.place,
                message,
                "write the name of a file; several with commas between",
            );
            return None;
        }
        let mut files = Vec::new();
        let mut by_variable = Vec::new();
        let mut texts: Vec<String> = Vec::new();
        let mut complete = true;
        for part in value
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            self.files.mentions += 1;
            if self.files.mentions > MAX_MENTIONS {
                let message = format!("a pipeline may name secure files {MAX_MENTIONS} times");
                self.report
                    .error(Code::Limit, user.place, message, "split the pipeline");
                return None;
            }
            let expanded = self.files.known.expand(part);
            let text = expanded.trim();
            if text.is_empty() {
                complete = false;
                self.empty(user, part);
                continue;
            }
            let may = self.resolver.files_by_variable();
            if macro_in(text).is_some() && !may.is_empty() {
                by_variable = may.iter().map(|file| file.id).collect();
                texts.push(text.to_owned());
                continue;
            }
            let reference = SecureFileReference::parse(text);
            if !self.count(user, &reference) {
                return None;
            }
            match self.resolver.secure_file(&reference) {
                Lookup::Found(file) => {
                    if !files.contains(&file.id) {
                        files.push(file.id);
                        texts.push(file.id.to_string());
                    }
                    continue;
                }
                Lookup::Unknown => {
                    self.needs.insert(Need::SecureFile(reference));
                }
                Lookup::Unchecked => {}
                Lookup::Missing => self.not_found(user, text),
                Lookup::Ambiguous => self.ambiguous(user, text),
            }
            complete = false;
        }
        (complete && !texts.is_empty()).then(|| {
            let input = SecureFileInput {
                input: user.input.to_owned(),
                files,
                by_variable,
            };
            (texts.join(","), input)
        })
    }

    fn count(&mut self, user: &User<'_>, reference: &SecureFileReference) -> bool {
        if self.files.references.contains(reference) {
            return true;
        }
        if self.files.references.len() >= MAX_FILES {
            let message = format!("a pipeline may use {MAX_FILES} secure files");
            self.report
                .error(Code::Limit, user.place, message, "split the pipeline");
            return false;
        }
        self.files.references.insert(reference.clone());
        true
    }

    fn empty(&mut self, user: &User<'_>, part: &str) {
        let message = format!(
            "the input `{}` is empty once `{}` is replaced",
            quotable(user.input),
            quotable(part)
        );
        self.report.error(
            Code::Missing,
            user.place,
            message,
            "give the variable a value at the root of the YAML",
        );
    }

    fn ambiguous(&mut self, user: &User<'_>, text: &str) {
        let message = format!(
            "Job {}: Step {} input {} references secure file {}, and several secure files have this name.",
            quotable(user.job),
            user.step,
            quotable(user.input),
            quotable(text)
        );
        self.report.error(
            Code::SecureFileAmbiguous,
            user.place,
            message,
            "name the file by its id",
        );
    }

    fn not_found(&mut self, user: &User<'_>, text: &str) {
        let message = format!(
            "Job {}: Step {} input {} references secure file {} which could not be found. The secure file does not \
             exist or has not been authorized for use.",
            quotable(user.job),
            user.step,
            quotable(user.input),
            quotable(text)
        );
        let hint = match macro_in(text) {
            Some(name) => format!(
                "`$({})` is not known when the plan is made: only variables at the root of the YAML and predefined ones \
                 are; write the name of the file, set the variable there, or let the pipeline name files by variables: \
                 `coffer permission permit FILE PIPELINE --by-variable`",
                quotable(name)
            ),
            None => {
                "check the spelling, or upload the file in the library of this project".to_owned()
            }
        };
        self.report
            .error(Code::SecureFileNotFound, user.place, message, hint);
    }
}

/// The name in the first `$(name)` that stayed.
fn macro_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("$(")?;
    rest.split_once(')').map(|(name, _)| name)
}
