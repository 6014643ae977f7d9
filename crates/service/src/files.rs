//! Secure files: list, get, change, delete, and the way into upload and download.

use crate::download::Download;
use crate::error::{Error, FILE, Kind, Result, unless_denied};
use crate::upload::Upload;
use crate::{Service, tokens};
use coffer_model::act::{ChangeFile, DeleteFile, IssueTicket, UseFile, ViewFile};
use coffer_model::library::SecureFile;
use coffer_model::name::{self, FileName};
use coffer_model::policy::in_scope;
use coffer_model::{Authentication, Caller, FileId, ProjectId, TokenScopes};
use coffer_store::FileQuery;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Properties of one file at most.
const MAX_PROPERTIES: usize = 100;
/// The longest name and value of a property, bytes.
const MAX_PROPERTY: usize = 1024;

/// Secure files.
pub struct Files<'a>(pub(crate) &'a Service);

/// Which files to list. What is none does not limit.
#[derive(Clone, Debug, Default)]
pub struct FileFilter {
    /// Names that match: `*` is any run of characters, `?` is one. Ignores case.
    pub pattern: Option<String>,
    /// These names.
    pub names: Option<Vec<String>>,
    /// These ids; unknown ones are left out.
    pub ids: Option<Vec<FileId>>,
    /// Only files on which the caller holds these bits: 0, 2 (manage), 16 (use).
    pub action: i64,
}

/// A file as a caller sees it.
#[derive(Debug)]
pub struct FileView {
    /// Its metadata.
    pub file: SecureFile,
    /// A ticket, for a live job whose plan holds the file, when it asked.
    pub ticket: Option<Zeroizing<String>>,
    /// SHA-256 of the content in hex, for callers whose role includes Use.
    pub sha256: Option<String>,
}

/// A change of name or properties; what is none stays.
#[derive(Clone, Debug)]
pub struct FileChange {
    /// Which file.
    pub file: FileId,
    /// New name.
    pub name: Option<String>,
    /// New properties, instead of all old ones.
    pub properties: Option<BTreeMap<String, String>>,
}

impl From<SecureFile> for FileView {
    fn from(file: SecureFile) -> Self {
        Self {
            file,
            ticket: None,
            sha256: None,
        }
    }
}

impl Files<'_> {
    /// The files that the caller may see and the filter names, by name.
    pub async fn list(
        &self,
        caller: &Caller,
        project: ProjectId,
        filter: FileFilter,
        tickets: bool,
    ) -> Result<Vec<FileView>> {
        in_scope(caller, TokenScopes::SECURE_FILES_READ)?;
        let mut read = self.0.store().read().await?;
        let queries = match (&filter.names, &filter.ids) {
            (Some(names), _) => names.iter().cloned().map(FileQuery::Name).collect(),
            (None, Some(ids)) => ids.iter().copied().map(FileQuery::Id).collect(),
            (None, None) => vec![FileQuery::All],
        };
        let mut files: Vec<SecureFile> = Vec::new();
        for query in &queries {
            for file in read
                .files_visible(caller, project, filter.action, query)
                .await?
            {
                if !files.iter().any(|known| known.id == file.id) {
                    files.push(file);
                }
            }
        }
        drop(read);
        if let Some(pattern) = &filter.pattern {
            let pattern: Vec<char> = name::key(pattern).chars().collect();
            files.retain(|file| {
                matches(&pattern, &name::key(&file.name).chars().collect::<Vec<_>>())
            });
        }
        let mut views: Vec<FileView> = files.into_iter().map(FileView::from).collect();
        if tickets {
            for view in &mut views {
                view.ticket = self.ticket(caller, project, view.file.id).await?;
            }
        }
        Ok(views)
    }

    /// One file. Its digest is there when the caller may use the file.
    pub async fn get(
        &self,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
        action: i64,
        ticket: bool,
    ) -> Result<FileView> {
        in_scope(caller, TokenScopes::SECURE_FILES_READ)?;
        let mut read = self.0.store().read().await?;
        let mut found = read
            .files_visible(caller, project, action, &FileQuery::Id(file))
            .await?;
        let found = found
            .pop()
            .ok_or_else(|| Error::from(coffer_model::policy::Denied::NotFound).about(&FILE))?;
        let seen = unless_denied(read.look(caller, UseFile { project, file }).await)?;
        let mut view = FileView::from(found);
        if let Some(seen) = seen {
            let (key, preamble) = read.file_key(&seen).await?;
            drop(read);
            let context = self.0.keys().context(project, file.0);
            let (_, contents) = self
                .0
                .keys()
                .open_file_key(&key, &preamble, context)
                .await?;
            view.sha256 = Some(contents.sha256.to_hex());
        } else {
            drop(read);
        }
        if ticket {
            view.ticket = self.ticket(caller, project, file).await?;
        }
        Ok(view)
    }

    /// Begins an upload: looks at role and name before any byte is read.
    pub async fn upload(
        &self,
        caller: &Caller,
        project: ProjectId,
        name: &str,
        authorize_pipelines: bool,
        declared_length: Option<u64>,
    ) -> Result<Upload> {
        Upload::begin(
            self.0,
            caller,
            project,
            name,
            authorize_pipelines,
            declared_length,
        )
        .await
    }

    /// Opens a file for a job that shows its ticket. Nobody else gets content, whatever the role.
    pub async fn open(
        &self,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
        ticket: &str,
    ) -> Result<Download> {
        Download::open(self.0, caller, project, file, ticket).await
    }

    /// Changes names and properties, all or nothing.
    pub async fn update(
        &self,
        caller: &Caller,
        project: ProjectId,
        changes: Vec<FileChange>,
    ) -> Result<Vec<FileView>> {
        let ids: Vec<FileId> = changes.iter().map(|change| change.file).collect();
        let checked = changes
            .into_iter()
            .map(|change| {
                let name = change.name.as_deref().map(parse_name).transpose()?;
                if let Some(properties) = &change.properties {
                    check_properties(properties)?;
                }
                Ok((
                    change.file,
                    coffer_store::FileChange {
                        name,
                        properties: change.properties,
                    },
                ))
            })
            .collect::<Result<Vec<_>>>()?;
        let asked = caller.clone();
        self.0
            .store()
            .write("secure_file.change", move |tx| {
                let (caller, checked) = (asked.clone(), checked.clone());
                Box::pin(async move {
                    for (file, change) in &checked {
                        let details: Vec<(&str, String)> = change
                            .name
                            .iter()
                            .map(|name| ("name", name.as_str().to_owned()))
                            .chain(change.properties.iter().map(|properties| {
                                (
                                    "properties",
                                    properties.keys().cloned().collect::<Vec<_>>().join(", "),
                                )
                            }))
                            .collect();
                        let grant = tx
                            .authorize_with(
                                &caller,
                                ChangeFile {
                                    project,
                                    file: *file,
                                },
                                &details,
                            )
                            .await?;
                        tx.file_change(grant, change).await?;
                    }
                    Ok(())
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&FILE))?;
        let mut views = Vec::with_capacity(ids.len());
        let mut read = self.0.store().read().await?;
        for id in ids {
            let seen = read.look(caller, ViewFile { project, file: id }).await?;
            views.push(FileView::from(read.file(caller, &seen).await?));
        }
        Ok(views)
    }

    /// Deletes a file. Its content is unreadable from then on.
    pub async fn delete(&self, caller: &Caller, project: ProjectId, file: FileId) -> Result<()> {
        let caller = caller.clone();
        self.0
            .store()
            .write("secure_file.delete", move |tx| {
                let caller = caller.clone();
                Box::pin(async move {
                    let grant = tx.authorize(&caller, DeleteFile { project, file }).await?;
                    tx.file_delete(grant).await
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&FILE))
    }

    /// A ticket for a live job that asks for one of its own files; for everybody else none, without a word.
    async fn ticket(
        &self,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
    ) -> Result<Option<Zeroizing<String>>> {
        let Authentication::Job { job, run, .. } = caller.authentication else {
            return Ok(None);
        };
        let ticket = tokens::secret(self.0.entropy());
        let (hash, caller) = (tokens::hash(&ticket), caller.clone());
        let issued = self
            .0
            .store()
            .write("ticket.issue", move |tx| {
                let caller = caller.clone();
                Box::pin(async move {
                    let grant = tx
                        .authorize(
                            &caller,
                            IssueTicket {
                                project,
                                file,
                                run,
                                job,
                            },
                        )
                        .await?;
                    tx.ticket_insert(grant, &hash).await.map(drop)
                })
            })
            .await;
        Ok(unless_denied(issued)?.map(|()| ticket))
    }
}

pub(crate) fn parse_name(name: &str) -> Result<FileName> {
    FileName::parse(name).map_err(|problem| {
        Error::new(
            Kind::Invalid,
            "secure_file.name_invalid",
            problem.to_string(),
        )
    })
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
    let mut keys = std::collections::BTreeSet::new();
    for name in properties.keys() {
        if name.trim().is_empty() || !keys.insert(name::key(name)) {
            return Err(Error::invalid(
                "Names of properties are not empty, and differ in more than case.",
            ));
        }
    }
    Ok(())
}

/// Whether a name fits a pattern. Linear in both: it goes back to the last `*` only.
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
