//! All that the page of one secure file shows, as far as the caller may see it.

use crate::error::Result;
use crate::file_access::Permits;
use crate::file_uses::Newest;
use crate::files::{FileView, Files};
use crate::may::FileMay;
use coffer_model::library::Freeze;
use coffer_model::{Caller, FileId, ProjectId};
use coffer_store::{FileEvent, FileUse, UsesBefore};

/// A secure file with what surrounds it.
#[derive(Debug)]
pub struct FilePage {
    /// Metadata, with the digest for whom it is.
    pub view: FileView,
    /// What the caller may do with it.
    pub may: FileMay,
    /// Which pipelines may use it, for whom that is.
    pub permits: Option<Permits>,
    /// The freezes that hold it.
    pub freezes: Vec<Freeze>,
    /// What used it, newest first.
    pub uses: Newest<FileUse, UsesBefore>,
    /// What happened to it, newest first, for who administers it.
    pub history: Option<Newest<FileEvent, i64>>,
}

/// How much of the two lists is asked for, and from where.
#[derive(Clone, Copy, Debug, Default)]
pub struct FilePageFrom {
    /// Uses before this one.
    pub uses: Option<UsesBefore>,
    /// Events before this one.
    pub history: Option<i64>,
    /// At most so many of each.
    pub top: u32,
}

impl Files<'_> {
    /// All that the page of a file shows.
    pub async fn show(
        &self,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
        from: FilePageFrom,
    ) -> Result<FilePage> {
        let view = self.get(caller, project, file, 0, false).await?;
        let may = self.0.may_file(caller, project, file).await?;
        let permits = match may.see_permits {
            true => {
                let permissions = self.0.permissions();
                Some(permissions.permits(caller, project, file).await?)
            }
            false => None,
        };
        let history = match may.see_history {
            true => {
                let events = self.history(caller, project, file, from.history, from.top);
                Some(events.await?)
            }
            false => None,
        };
        Ok(FilePage {
            view,
            may,
            permits,
            freezes: self.0.freezes().of_file(caller, project, file).await?,
            uses: self
                .usage(caller, project, file, from.uses, from.top)
                .await?,
            history,
        })
    }
}
