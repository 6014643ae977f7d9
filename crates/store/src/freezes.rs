//! Freezes: a row stops the contents of a file, of a project, or of everything, on every node at once. The gate reads it
//! in the statement that loads a job's facts.

use crate::access::{file_has_bit, member_of};
use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::{Grant, Seen};
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::access::{LIBRARY, library, library_token};
use coffer_model::act::{
    FreezeEverything, FreezeFile, FreezeProject, UnfreezeEverything, UnfreezeFile, UnfreezeProject,
    ViewFile, ViewFreezes, ViewOrganization,
};
use coffer_model::library::{Freeze, FreezeTarget, Person};
use coffer_model::{Caller, FileId, IdentityId, OrganizationId, ProjectId, Timestamp};
use uuid::Uuid;

macro_rules! freeze_columns {
    () => {
        "z.target_kind, z.target_id, z.reason, z.frozen_by, i.unique_name, i.display_name, z.frozen_at"
    };
}

statements! {
    PUT = "insert into content_freeze (target_kind, target_id, reason, frozen_by, frozen_at) values ($1, $2, $3, $4, $5)
        on conflict (target_kind, target_id) do nothing";
    REMOVE = "delete from content_freeze where target_kind = $1 and target_id = $2";
    // Jobs of every run that uses a file that the target holds.
    JOBS = "select j.id from job j join run r on r.id = j.run_id where j.state = 'leased'
        and ($1 = 'everything' or r.project_id = $2)
        and exists (select 1 from stage_resource x where x.run_id = j.run_id and x.resource_kind = 'securefile'
            and ($1 <> 'file' or x.resource_id = $3))";
    OF_FILE = concat!("select ", freeze_columns!(), " from content_freeze z join identity i on i.id = z.frozen_by
        where z.target_kind = 'everything' or (z.target_kind = 'project' and z.target_id = $1)
            or (z.target_kind = 'file' and z.target_id = $2) order by z.target_kind");
    OF_FILES = concat!("select ", freeze_columns!(), " from content_freeze z join identity i on i.id = z.frozen_by
        where z.target_kind = 'everything' or (z.target_kind = 'project' and z.target_id = $1)
            or z.target_kind = 'file' order by z.target_kind");
    OF_PROJECT = concat!(member_of!(), " select ", freeze_columns!(), " from content_freeze z join identity i on i.id = z.frozen_by
        where z.target_kind = 'everything' or (z.target_kind = 'project' and z.target_id = $5)
            or (z.target_kind = 'file' and exists (select 1 from secure_file f
                where f.id = z.target_id and f.project_id = $5 and ", file_has_bit!(), "))
        order by z.target_kind, z.frozen_at");
    OF_EVERYTHING = concat!("select ", freeze_columns!(), " from content_freeze z join identity i on i.id = z.frozen_by
        where z.target_kind = 'everything'");
    TARGETS = "select target_kind, target_id from content_freeze";
}

#[derive(sqlx::FromRow)]
struct Row {
    target_kind: String,
    target_id: Uuid,
    reason: String,
    frozen_by: Uuid,
    unique_name: String,
    display_name: String,
    frozen_at: i64,
}

fn target(kind: &str, id: Uuid) -> Result<FreezeTarget, StoreError> {
    match kind {
        "everything" => Ok(FreezeTarget::Everything),
        "project" => Ok(FreezeTarget::Project(ProjectId(id))),
        "file" => Ok(FreezeTarget::File(FileId(id))),
        _ => Err(StoreError::corrupt("content_freeze", "target_kind")),
    }
}

impl Row {
    fn into_freeze(self) -> Result<Freeze, StoreError> {
        Ok(Freeze {
            target: target(&self.target_kind, self.target_id)?,
            by: Person {
                id: IdentityId(self.frozen_by),
                unique_name: self.unique_name,
                display_name: self.display_name,
            },
            at: Timestamp(self.frozen_at),
            reason: self.reason,
        })
    }
}

fn freezes(rows: Vec<Row>) -> Result<Vec<Freeze>, StoreError> {
    rows.into_iter().map(Row::into_freeze).collect()
}

/// The id in the row of a freeze.
fn row_id(target: FreezeTarget, organization: OrganizationId) -> Uuid {
    match target {
        FreezeTarget::Everything => organization.0,
        FreezeTarget::Project(project) => project.0,
        FreezeTarget::File(file) => file.0,
    }
}

impl Tx {
    /// Freezes a file; the tokens and tickets of jobs whose runs use it end.
    pub async fn freeze_file(
        &mut self,
        grant: Grant<FreezeFile>,
        reason: &str,
    ) -> Result<(), Stop> {
        let (act, by) = grant.redeem(self)?;
        let target = FreezeTarget::File(act.file);
        self.freeze(target, act.file.0, act.project.0, by, reason)
            .await
    }

    /// Freezes a project's files; the tokens and tickets of jobs whose runs use any end.
    pub async fn freeze_project(
        &mut self,
        grant: Grant<FreezeProject>,
        reason: &str,
    ) -> Result<(), Stop> {
        let (act, by) = grant.redeem(self)?;
        let target = FreezeTarget::Project(act.project);
        self.freeze(target, act.project.0, act.project.0, by, reason)
            .await
    }

    /// Freezes every file; the tokens and tickets of jobs whose runs use any end.
    pub async fn freeze_everything(
        &mut self,
        grant: Grant<FreezeEverything>,
        reason: &str,
    ) -> Result<(), Stop> {
        let (act, by) = grant.redeem(self)?;
        let id = row_id(FreezeTarget::Everything, act.organization);
        self.freeze(FreezeTarget::Everything, id, Uuid::nil(), by, reason)
            .await
    }

    /// Lifts a file's freeze. Those of its project and of everything stay.
    pub async fn unfreeze_file(&mut self, grant: Grant<UnfreezeFile>) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        self.unfreeze(FreezeTarget::File(act.file), act.file.0)
            .await
    }

    /// Lifts a project's freeze. Those of its files and of everything stay.
    pub async fn unfreeze_project(&mut self, grant: Grant<UnfreezeProject>) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        self.unfreeze(FreezeTarget::Project(act.project), act.project.0)
            .await
    }

    /// Lifts the freeze of everything. Those of projects and files stay.
    pub async fn unfreeze_everything(
        &mut self,
        grant: Grant<UnfreezeEverything>,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let id = row_id(FreezeTarget::Everything, act.organization);
        self.unfreeze(FreezeTarget::Everything, id).await
    }

    async fn freeze(
        &mut self,
        target: FreezeTarget,
        id: Uuid,
        project: Uuid,
        by: Uuid,
        reason: &str,
    ) -> Result<(), Stop> {
        let values = args![target.word(), id, reason, by, self.now.0];
        if self.run(&PUT, values).await? != 1 {
            return Err(Refusal::Frozen.into());
        }
        self.change(&facts::freeze(target.word(), id));
        let file = match target {
            FreezeTarget::File(file) => file.to_string(),
            _ => String::new(),
        };
        let jobs: Vec<(Uuid,)> = self.all(&JOBS, args![target.word(), project, file]).await?;
        for (job,) in jobs {
            self.job_disarm(job).await?;
        }
        Ok(())
    }

    async fn unfreeze(&mut self, target: FreezeTarget, id: Uuid) -> Result<(), Stop> {
        if self.run(&REMOVE, args![target.word(), id]).await? == 1 {
            self.change(&facts::gone(facts::freeze(target.word(), id)));
            Ok(())
        } else {
            Err(Refusal::NotFrozen.into())
        }
    }
}

impl ReadTx {
    /// The freezes that hold a file the caller may see.
    pub async fn freezes_of_file(
        &mut self,
        seen: &Seen<ViewFile>,
    ) -> Result<Vec<Freeze>, StoreError> {
        let values = args![seen.0.project.0, seen.0.file.0];
        freezes(self.conn.all(&OF_FILE, values).await?)
    }

    /// The freezes that hold any of some files of a project that the caller may see.
    pub async fn freezes_of_files(
        &mut self,
        project: ProjectId,
        seen: &[Seen<ViewFile>],
    ) -> Result<Vec<Freeze>, StoreError> {
        let mut found = freezes(self.conn.all(&OF_FILES, args![project.0]).await?)?;
        let shown = |file| {
            let act = ViewFile { project, file };
            seen.iter().any(|seen| seen.0 == act)
        };
        found.retain(|freeze| match freeze.target {
            FreezeTarget::File(file) => shown(file),
            FreezeTarget::Everything | FreezeTarget::Project(_) => true,
        });
        Ok(found)
    }

    /// The freezes of a project, of everything, and of those of its files that the caller may see.
    pub async fn freezes_of_project(
        &mut self,
        caller: &Caller,
        seen: &Seen<ViewFreezes>,
    ) -> Result<Vec<Freeze>, StoreError> {
        let project = seen.0.project;
        let values = args![
            caller.identity.0,
            library::VIEW,
            LIBRARY.0,
            library_token(project),
            project.0
        ];
        freezes(self.conn.all(&OF_PROJECT, values).await?)
    }

    /// The freeze of everything, if there is one.
    pub async fn freezes_of_everything(
        &mut self,
        _seen: &Seen<ViewOrganization>,
    ) -> Result<Vec<Freeze>, StoreError> {
        freezes(self.conn.all(&OF_EVERYTHING, Vec::new()).await?)
    }

    /// What is frozen now, for this node's own watch over what it is giving out. Reaches no caller.
    pub async fn freeze_targets(&mut self) -> Result<Vec<FreezeTarget>, StoreError> {
        let rows: Vec<(String, Uuid)> = self.conn.all(&TARGETS, Vec::new()).await?;
        rows.into_iter()
            .map(|(kind, id)| target(&kind, id))
            .collect()
    }
}
