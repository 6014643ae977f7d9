//! Freezing and unfreezing. The gate reads the row, so every node refuses at once; what a node is giving out at that
//! moment breaks off there at once, and on the other nodes with their next look, within two seconds.

use crate::error::{Error, FILE, PROJECT, Result};
use crate::reason::reason;
use crate::{Service, checks};
use coffer_model::act::{
    FreezeEverything, FreezeFile, FreezeProject, UnfreezeEverything, UnfreezeFile, UnfreezeProject,
    ViewFile, ViewFreezes, ViewOrganization,
};
use coffer_model::library::{Freeze, FreezeTarget};
use coffer_model::{Caller, FileId, ProjectId};
use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

/// What this node knows to be frozen.
#[derive(Default)]
pub(crate) struct Frozen(RwLock<HashSet<FreezeTarget>>);

impl Frozen {
    /// Whether a file is frozen, itself, with its project or with everything.
    pub(crate) fn holds(&self, project: ProjectId, file: FileId) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        !known.is_empty()
            && [
                FreezeTarget::Everything,
                FreezeTarget::Project(project),
                FreezeTarget::File(file),
            ]
            .iter()
            .any(|target| known.contains(target))
    }

    fn replace(&self, targets: HashSet<FreezeTarget>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = targets;
    }
}

impl Service {
    /// Looks what is frozen now, and forgets the keys of it.
    pub(crate) async fn look_for_freezes(&self) -> Result<()> {
        let targets = self.store().read().await?.freeze_targets().await?;
        for target in &targets {
            match target {
                FreezeTarget::Everything => self.keys().evict(None),
                FreezeTarget::Project(project) => self.keys().evict(Some(*project)),
                // A project's key opens its other files too; the file's own key is never kept.
                FreezeTarget::File(_) => {}
            }
        }
        self.frozen().replace(targets.into_iter().collect());
        Ok(())
    }
}

/// Freezes.
pub struct Freezes<'a>(pub(crate) &'a Service);

impl Freezes<'_> {
    /// The freezes that hold a file: its own, its project's, that of everything.
    pub async fn of_file(
        &self,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
    ) -> Result<Vec<Freeze>> {
        let mut read = self.0.store().read().await?;
        let seen = read
            .look(caller, ViewFile { project, file })
            .await
            .map_err(|stop| Error::from(stop).about(&FILE))?;
        Ok(read.freezes_of_file(&seen).await?)
    }

    /// The freezes of a project, of everything, and of the project's files that the caller may see.
    pub async fn of_project(&self, caller: &Caller, project: ProjectId) -> Result<Vec<Freeze>> {
        let mut read = self.0.store().read().await?;
        let seen = read
            .look(caller, ViewFreezes { project })
            .await
            .map_err(|stop| Error::from(stop).about(&PROJECT))?;
        Ok(read.freezes_of_project(caller, &seen).await?)
    }

    /// The freeze of everything, if there is one.
    pub async fn of_everything(&self, caller: &Caller) -> Result<Vec<Freeze>> {
        let organization = self.0.organization().id;
        let mut read = self.0.store().read().await?;
        let seen = read.look(caller, ViewOrganization { organization }).await?;
        Ok(read.freezes_of_everything(&seen).await?)
    }

    /// Freezes. From the commit on nobody is given content of what the target holds, and the tokens of jobs whose runs
    /// use it are worth nothing.
    pub async fn freeze(
        &self,
        caller: &Caller,
        project: Option<ProjectId>,
        target: FreezeTarget,
        why: &str,
    ) -> Result<()> {
        let (asked, why) = (caller.clone(), reason("A freeze", why)?);
        let organization = self.0.organization().id;
        self.0
            .store()
            .write("freeze.put", move |tx| {
                let (caller, why) = (asked.clone(), why.clone());
                Box::pin(async move {
                    let details = [("why", why.clone())];
                    match target {
                        FreezeTarget::File(file) => {
                            let project = in_project(project)?;
                            let act = FreezeFile { project, file };
                            let grant = tx.authorize_with(&caller, act, &details).await?;
                            tx.freeze_file(grant, &why).await
                        }
                        FreezeTarget::Project(project) => {
                            let act = FreezeProject { project };
                            let grant = tx.authorize_with(&caller, act, &details).await?;
                            tx.freeze_project(grant, &why).await
                        }
                        FreezeTarget::Everything => {
                            let act = FreezeEverything { organization };
                            let grant = tx.authorize_with(&caller, act, &details).await?;
                            tx.freeze_everything(grant, &why).await
                        }
                    }
                })
            })
            .await
            .map_err(|stop| about(stop, target))?;
        self.0.look_for_freezes().await
    }

    /// Lifts one freeze, and starts the stages that waited for it. Others that hold the same files stay.
    pub async fn unfreeze(
        &self,
        caller: &Caller,
        project: Option<ProjectId>,
        target: FreezeTarget,
    ) -> Result<()> {
        let asked = caller.clone();
        let organization = self.0.organization().id;
        self.0
            .store()
            .write("freeze.remove", move |tx| {
                let caller = asked.clone();
                Box::pin(async move {
                    match target {
                        FreezeTarget::File(file) => {
                            let project = in_project(project)?;
                            let grant = tx
                                .authorize(&caller, UnfreezeFile { project, file })
                                .await?;
                            tx.unfreeze_file(grant).await?;
                        }
                        FreezeTarget::Project(project) => {
                            let grant = tx.authorize(&caller, UnfreezeProject { project }).await?;
                            tx.unfreeze_project(grant).await?;
                        }
                        FreezeTarget::Everything => {
                            let act = UnfreezeEverything { organization };
                            let grant = tx.authorize(&caller, act).await?;
                            tx.unfreeze_everything(grant).await?;
                        }
                    }
                    checks::freeze_changed(tx, target).await
                })
            })
            .await
            .map_err(|stop| about(stop, target))?;
        self.0.look_for_freezes().await?;
        self.0.jobs_may_be_ready();
        Ok(())
    }
}

fn in_project(project: Option<ProjectId>) -> std::result::Result<ProjectId, coffer_store::Stop> {
    project.ok_or_else(|| coffer_store::Refusal::NotFound.into())
}

fn about(stop: coffer_store::Stop, target: FreezeTarget) -> Error {
    Error::from(stop).about(match target {
        FreezeTarget::File(_) => &FILE,
        FreezeTarget::Project(_) | FreezeTarget::Everything => &PROJECT,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn what_is_frozen_is_frozen_with_all_below_it() {
        let (here, there) = (ProjectId(Uuid::from_u128(1)), ProjectId(Uuid::from_u128(2)));
        let (one, two) = (FileId(Uuid::from_u128(3)), FileId(Uuid::from_u128(4)));
        let known = Frozen::default();
        assert!(!known.holds(here, one));
        known.replace(HashSet::from([FreezeTarget::File(one)]));
        assert!(known.holds(here, one) && !known.holds(here, two));
        known.replace(HashSet::from([FreezeTarget::Project(here)]));
        assert!(known.holds(here, two) && !known.holds(there, one));
        known.replace(HashSet::from([FreezeTarget::Everything]));
        assert!(known.holds(there, two));
        known.replace(HashSet::new());
        assert!(!known.holds(here, one));
    }
}
