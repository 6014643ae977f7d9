//! Changes of names and properties of secure files, one or several, all or nothing. Content never changes.

use crate::error::{Error, FILE, Result, Which};
use crate::files::{FileView, Files, parse_name};
use coffer_model::act::ChangeFile;
use coffer_model::{Caller, FileId, ProjectId, Timestamp, name};
use coffer_store::FileQuery;
use std::collections::{BTreeMap, BTreeSet};

/// Files changed in one call at most.
const MAX_CHANGES: usize = 1000;
/// Properties of one file at most.
const MAX_PROPERTIES: usize = 100;
/// The longest name and value of a property, bytes.
const MAX_PROPERTY: usize = 1024;

/// A change of name or properties; what is none stays.
#[derive(Clone, Debug)]
pub struct FileChange {
    /// Which file.
    pub file: FileId,
    /// New name.
    pub name: Option<String>,
    /// New properties, instead of all old ones.
    pub properties: Option<BTreeMap<String, String>>,
    /// Only if nobody changed either after this moment, which the file said.
    pub unchanged_since: Option<Timestamp>,
}

impl Files<'_> {
    /// Changes names and properties, all or nothing. Two files may change names with each other.
    pub async fn update(
        &self,
        caller: &Caller,
        project: ProjectId,
        changes: Vec<FileChange>,
    ) -> Result<Vec<FileView>> {
        let ids: Vec<FileId> = changes.iter().map(|change| change.file).collect();
        let checked = checked(changes)?;
        let which = Which::default();
        let (asked, place) = (caller.clone(), which.clone());
        self.0
            .store()
            .write("secure_file.change", move |tx| {
                let (caller, checked, place) = (asked.clone(), checked.clone(), place.clone());
                Box::pin(async move {
                    let mut grants = Vec::with_capacity(checked.len());
                    for (number, (file, change)) in checked.iter().enumerate() {
                        place.is(number);
                        let file = *file;
                        let act = ChangeFile { project, file };
                        grants.push(tx.authorize_with(&caller, act, &details(change)).await?);
                    }
                    let renamed: Vec<_> = grants
                        .iter()
                        .zip(&checked)
                        .filter_map(|(grant, (_, change))| change.name.as_ref().map(|_| grant))
                        .collect();
                    if renamed.len() > 1 {
                        tx.file_names_set_aside(&renamed).await?;
                    }
                    for (number, (grant, (_, change))) in
                        grants.into_iter().zip(&checked).enumerate()
                    {
                        place.is(number);
                        tx.file_change(grant, change).await?;
                    }
                    Ok(())
                })
            })
            .await
            .map_err(|stop| {
                let error = Error::from(stop).about(&FILE);
                which.name(error, &ids)
            })?;
        let query = FileQuery::Ids(ids.clone());
        let mut read = self.0.store().read().await?;
        let files = read.files_visible(caller, project, 0, &query).await?;
        let mut files: BTreeMap<_, _> = files.into_iter().map(|file| (file.id.0, file)).collect();
        ids.iter()
            .map(|id| {
                // Deleted since, or not seen any more.
                let gone = || Error::from(coffer_model::policy::Denied::NotFound).about(&FILE);
                files.remove(&id.0).map(FileView::from).ok_or_else(gone)
            })
            .collect()
    }
}

fn checked(changes: Vec<FileChange>) -> Result<Vec<(FileId, coffer_store::FileChange)>> {
    if changes.len() > MAX_CHANGES {
        return Err(Error::invalid(format!(
            "At most {MAX_CHANGES} secure files are changed in one call, and this one has {}. Nothing was changed.",
            changes.len()
        )));
    }
    let (several, mut seen) = (changes.len() > 1, BTreeSet::new());
    changes
        .into_iter()
        .map(|change| {
            let id = change.file.to_string();
            if !seen.insert(change.file.0) {
                return Err(Error::invalid(format!(
                    "The secure file {id} is there twice. Name each file once. Nothing was changed."
                )));
            }
            let problem = |error: Error| match several {
                true => error.of_several(&id),
                false => error,
            };
            let name = change.name.as_deref().map(parse_name).transpose();
            let name = name.map_err(problem)?;
            if let Some(properties) = &change.properties {
                check_properties(properties).map_err(problem)?;
            }
            let checked = coffer_store::FileChange {
                name,
                properties: change.properties,
                unchanged_since: change.unchanged_since,
            };
            Ok((change.file, checked))
        })
        .collect()
}

/// What goes on record of a change: the new name, and the names of properties.
fn details(change: &coffer_store::FileChange) -> Vec<(&'static str, String)> {
    let name = change.name.iter();
    let properties = change.properties.iter();
    name.map(|name| ("name", name.as_str().to_owned()))
        .chain(properties.map(|properties| {
            let names: Vec<String> = properties.keys().cloned().collect();
            ("properties", names.join(", "))
        }))
        .collect()
}

fn check_properties(properties: &BTreeMap<String, String>) -> Result<()> {
    let long = |text: &String| text.len() > MAX_PROPERTY;
    if properties.len() > MAX_PROPERTIES
        || properties
            .iter()
            .any(|(name, value)| long(name) || long(value))
    {
        return Err(Error::invalid(format!(
            "A file has at most {MAX_PROPERTIES} properties, each name and value at most {MAX_PROPERTY} bytes."
        )));
    }
    let mut keys = BTreeSet::new();
    for (name, value) in properties {
        if name.contains('\0') || value.contains('\0') {
            return Err(Error::invalid(
                "Names and values of properties are text without the character U+0000.",
            ));
        }
        if name.trim().is_empty() || !keys.insert(name::key(name)) {
            return Err(Error::invalid(
                "Names of properties are not empty, and differ in more than case.",
            ));
        }
    }
    Ok(())
}
