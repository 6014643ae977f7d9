//! What used a secure file, what would miss it, and what happened to it. Of runs and pipelines that the caller may not see
//! nothing is told; who may delete the file hears how many such pipelines would miss it.

use crate::error::{Error, FILE, Result, unless_denied};
use crate::file_pages::MAX_PAGE;
use crate::files::Files;
use coffer_model::access::Scope;
use coffer_model::act::{DeleteFile, ViewFile, ViewFileHistory, ViewPermissions};
use coffer_model::{Caller, FileId, ProjectId};
use coffer_store::{FileEvent, FileUse, PipelineUse, Stop, UsesBefore};

/// A part of a list that is read from its newest end, and where the next part begins.
#[derive(Clone, Debug)]
pub struct Newest<T, C> {
    /// What is on it, newest first.
    pub items: Vec<T>,
    /// What the next part is before; none after the last.
    pub next: Option<C>,
}

impl<T, C> Newest<T, C> {
    /// Of one more than fit.
    pub(crate) fn cut(mut items: Vec<T>, top: u32, place: impl Fn(&T) -> C) -> Self {
        let holds = usize::try_from(top).unwrap_or(usize::MAX);
        let more = items.len() > holds;
        items.truncate(holds);
        let next = items.last().filter(|_| more).map(place);
        Self { items, next }
    }
}

/// What would break without a file.
#[derive(Clone, Debug)]
pub struct FileDependents {
    /// Whether every pipeline of the project may use it, in force or suspended.
    pub open: bool,
    /// Pipelines that are permitted, whose newest run names it, or that used it within 90 days: the last first, at most 500.
    pub pipelines: Vec<PipelineUse>,
    /// How many more there are that the caller may not see; 0 for who may not delete the file.
    pub hidden: usize,
}

fn about(stop: Stop) -> Error {
    Error::from(stop).about(&FILE)
}

impl Files<'_> {
    /// Stages of runs whose plans name the file, newest first, of the runs that the caller may see. At most 200.
    pub async fn usage(
        &self,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
        before: Option<UsesBefore>,
        top: u32,
    ) -> Result<Newest<FileUse, UsesBefore>> {
        let top = top.clamp(1, MAX_PAGE);
        let mut read = self.0.store().read().await?;
        let seen = read.look(caller, ViewFile { project, file }).await;
        let seen = seen.map_err(about)?;
        let uses = read.file_uses(caller, &seen, before, i64::from(top) + 1);
        Ok(Newest::cut(uses.await?, top, |used| UsesBefore {
            run: used.run,
            stage: used.stage_ordinal,
        }))
    }

    /// The pipelines that would miss the file if it were deleted.
    pub async fn pipelines_using(
        &self,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
    ) -> Result<FileDependents> {
        let mut read = self.0.store().read().await?;
        let standing = read.standing(caller, Scope::File(project, file)).await?;
        let seen = standing.look(ViewFile { project, file }).map_err(about)?;
        let (pipelines, hidden) = read.pipelines_using(caller, &seen).await?;
        let open = match unless_denied(standing.look(ViewPermissions { project, file }))? {
            Some(seen) => {
                let permissions = read.permissions(&seen).await?;
                permissions.all.or(permissions.all_suspended).is_some()
            }
            None => false,
        };
        Ok(FileDependents {
            open,
            pipelines,
            hidden: if standing.may(&DeleteFile { project, file }) {
                hidden
            } else {
                0
            },
        })
    }

    /// What the audit log says about the file, newest first, for who administers it: no right on the audit log is needed,
    /// and nothing about anything else is told. At most 200.
    pub async fn history(
        &self,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
        before: Option<i64>,
        top: u32,
    ) -> Result<Newest<FileEvent, i64>> {
        let top = top.clamp(1, MAX_PAGE);
        let mut read = self.0.store().read().await?;
        let seen = read.look(caller, ViewFileHistory { project, file }).await;
        let seen = seen.map_err(about)?;
        let events = read.file_history(&seen, before, i64::from(top) + 1);
        Ok(Newest::cut(events.await?, top, |event| event.place))
    }
}
