//! Pipeline permissions: which pipelines may use a protected resource. Pipeline 0 is open access.

use crate::access;
use crate::error::{Refusal, Stop, StoreError};
use crate::gate::{Grant, Seen};
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::access::{Scope, library};
use coffer_model::act::{OpenAccess, PermitPipeline, RestrictAccess, RevokePipeline, ViewFile};
use coffer_model::library::{Person, PipelinePermissions};
use coffer_model::{FileId, IdentityId, PipelineId, ProjectId, Timestamp};
use uuid::Uuid;

statements! {
    PUT = "insert into pipeline_permission (resource_kind, resource_id, pipeline_id, project_id, authorized_by, authorized_at)
        values ('securefile', $1, $2, $3, $4, $5) on conflict (resource_kind, resource_id, pipeline_id) do nothing";
    REMOVE = "delete from pipeline_permission where resource_kind = 'securefile' and resource_id = $1 and pipeline_id = $2";
    OF = "select p.pipeline_id, p.authorized_by, i.unique_name, i.display_name, p.authorized_at
        from pipeline_permission p join identity i on i.id = p.authorized_by
        where p.resource_kind = 'securefile' and p.resource_id = $1 order by p.pipeline_id";
    PIPELINE_OF = "select count(*) as n from pipeline where id = $1 and project_id = $2";
}

impl Tx {
    /// Permits one pipeline of the same project.
    pub async fn permission_put(&mut self, grant: Grant<PermitPipeline>) -> Result<(), Stop> {
        let (act, caller) = grant.redeem(self)?;
        if self
            .conn
            .one::<(i64,)>(&PIPELINE_OF, args![act.pipeline.0, act.project.0])
            .await?
            .0
            == 0
        {
            return Err(Refusal::NotFound.into());
        }
        self.put(act.file, act.pipeline.0, act.project, caller)
            .await
    }

    /// Takes a pipeline's permission away. The next download is refused, running job or not.
    pub async fn permission_remove(&mut self, grant: Grant<RevokePipeline>) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        if act.pipeline.0 == 0 {
            // Open access is not a pipeline: ending it takes another right.
            return Err(Refusal::NotFound.into());
        }
        self.run(&REMOVE, args![act.file.to_string(), act.pipeline.0])
            .await?;
        Ok(())
    }

    /// Opens the file to every pipeline of its project.
    pub async fn permission_open(&mut self, grant: Grant<OpenAccess>) -> Result<(), Stop> {
        let (act, caller) = grant.redeem(self)?;
        self.put(act.file, 0, act.project, caller).await
    }

    /// Ends open access. Pipelines permitted one by one stay.
    pub async fn permission_restrict(&mut self, grant: Grant<RestrictAccess>) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        self.run(&REMOVE, args![act.file.to_string(), 0_i64])
            .await?;
        Ok(())
    }

    async fn put(
        &mut self,
        file: FileId,
        pipeline: i64,
        project: ProjectId,
        by: Uuid,
    ) -> Result<(), Stop> {
        self.run(
            &PUT,
            args![file.to_string(), pipeline, project.0, by, self.now.0],
        )
        .await?;
        Ok(())
    }
}

impl ReadTx {
    /// Who may use a file the caller may see.
    pub async fn permissions(
        &mut self,
        seen: &Seen<ViewFile>,
    ) -> Result<PipelinePermissions, StoreError> {
        let rows: Vec<(i64, Uuid, String, String, i64)> =
            self.conn.all(&OF, args![seen.0.file.to_string()]).await?;
        let mut permissions = PipelinePermissions::default();
        for (pipeline, by, unique_name, display_name, at) in rows {
            let by = Person {
                id: IdentityId(by),
                unique_name,
                display_name,
            };
            match pipeline {
                0 => permissions.all = Some((by, Timestamp(at))),
                _ => permissions
                    .pipelines
                    .push((PipelineId(pipeline), by, Timestamp(at))),
            }
        }
        Ok(permissions)
    }

    /// Names of people and groups that may permit a pipeline to use a file the caller may see.
    pub async fn who_may_permit(
        &mut self,
        seen: &Seen<ViewFile>,
    ) -> Result<Vec<String>, StoreError> {
        access::holders(
            &mut self.conn,
            &Scope::File(seen.0.project, seen.0.file).place(),
            library::USE,
        )
        .await
    }
}
