//! Secure files: list, query, get, delete, and the way into upload and download. Changes are in `file_changes`, tickets
//! in `file_tickets`.

use crate::Service;
use crate::download::Download;
use crate::error::{Error, FILE, Kind, Result, unless_denied};
use crate::file_query::{Condition, Pattern};
use crate::upload::Upload;
use coffer_model::act::{DeleteFile, UseFile};
use coffer_model::library::SecureFile;
use coffer_model::name::{self, FileName};
use coffer_model::policy::{Denied, in_scope};
use coffer_model::{Caller, FileId, ProjectId, TokenScopes};
use coffer_store::FileQuery;
use zeroize::Zeroizing;

/// Most names or ids in one request.
pub const MAX_LISTED: usize = 1000;

/// Secure files.
pub struct Files<'a>(pub(crate) &'a Service);

/// Which files to list. What is none does not limit. Of names, ids and pattern the first that is there counts.
#[derive(Clone, Debug, Default)]
pub struct FileFilter {
    /// These names, with commas between. A name may hold a comma: the whole is tried as one name first.
    pub names: Option<String>,
    /// These ids; unknown ones are left out.
    pub ids: Option<Vec<FileId>>,
    /// Names that match: `*` is any run of characters, `?` is one. Ignores case.
    pub pattern: Option<String>,
    /// Whose properties this condition is true of.
    pub condition: Option<String>,
    /// Only files on which the caller holds these bits: 0, 2 (manage), 16 (use).
    pub action: i64,
    /// Whether a live job wants tickets for those of its plan.
    pub tickets: bool,
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
    ) -> Result<Vec<FileView>> {
        in_scope(caller, TokenScopes::SECURE_FILES_READ)?;
        let condition = filter.condition.as_deref().map(Condition::parse);
        let condition = condition.transpose()?;
        let (mut pattern, mut whole) = (None, None);
        let query = match (filter.names, filter.ids, filter.pattern) {
            (Some(names), _, _) => {
                whole = Some(name::key(&names));
                FileQuery::Names(split(&names)?)
            }
            (None, Some(ids), _) => {
                few(ids.len(), "ids")?;
                FileQuery::Ids(ids)
            }
            (None, None, text) => {
                pattern = text.as_deref().map(Pattern::parse).transpose()?;
                FileQuery::All
            }
        };
        let mut read = self.0.store().read().await?;
        let mut files = read
            .files_visible(caller, project, filter.action, &query)
            .await?;
        drop(read);
        if let Some(whole) = whole
            && let Some(at) = files.iter().position(|file| name::key(&file.name) == whole)
        {
            files = vec![files.swap_remove(at)];
        }
        if let Some(pattern) = pattern {
            files.retain(|file| pattern.matches(&file.name));
        }
        if let Some(condition) = condition {
            files = condition.filter(files).await?;
        }
        let mut views: Vec<FileView> = files.into_iter().map(FileView::from).collect();
        if filter.tickets {
            self.add_tickets(caller, project, &mut views).await?;
        }
        Ok(views)
    }

    /// One file's metadata.
    pub async fn find(
        &self,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
    ) -> Result<SecureFile> {
        in_scope(caller, TokenScopes::SECURE_FILES_READ)?;
        let mut read = self.0.store().read().await?;
        let mut found = read
            .files_visible(caller, project, 0, &FileQuery::id(file))
            .await?;
        found
            .pop()
            .ok_or_else(|| Error::from(Denied::NotFound).about(&FILE))
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
            .files_visible(caller, project, action, &FileQuery::id(file))
            .await?;
        let found = found
            .pop()
            .ok_or_else(|| Error::from(Denied::NotFound).about(&FILE))?;
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
}

/// The whole, and where it holds commas its parts too. No name begins or ends with white space.
fn split(names: &str) -> Result<Vec<String>> {
    let mut wanted = vec![names.to_owned()];
    if names.contains(',') {
        let parts = names.split(',').map(str::trim);
        wanted.extend(parts.filter(|part| !part.is_empty()).map(str::to_owned));
        few(wanted.len() - 1, "names")?;
    }
    Ok(wanted)
}

pub(crate) fn few(count: usize, what: &str) -> Result<()> {
    if count <= MAX_LISTED {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "A request lists at most {MAX_LISTED} {what} of secure files, and this one has {count}. Ask in several, or list by pattern."
    )))
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
