//! Pipeline permissions: which pipelines may use a protected resource. Pipeline 0 is open access.

use crate::access::{file_has_bit, member_of};
use crate::access_below::holders_below;
use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::{Grant, Seen};
use crate::sql::{Conn, args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::access::{LIBRARY, file_token, library, library_token};
use coffer_model::act::{
    Act, OpenAccess, PermitPipeline, RestrictAccess, RevokePipeline, ViewFile, ViewPermissions,
};
use coffer_model::library::{PermitTerms, Person, PipelinePermissions, PipelinePermit};
use coffer_model::policy::{Facts, decide};
use coffer_model::refs::AllowedRefs;
use coffer_model::source::{Permit, RunSource};
use coffer_model::{Caller, FileId, IdentityId, PipelineId, ProjectId, Timestamp};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A condition on `p`, an open access: the organization's switch lets it count.
macro_rules! open_counts {
    () => {
        "not exists (select 1 from organization_setting o join project q on q.organization_id = o.organization_id
            where q.id = p.project_id and o.name = 'open_access_allowed' and o.value = 'false')"
    };
}

pub(crate) use open_counts;

/// What the permissions of a resource say of the run `r`: open access, the pipeline's own permit, and its refs. Kind and
/// id are SQL. Read into [`PermitFacts`].
macro_rules! permit_columns {
    ($kind:literal, $id:literal) => {
        concat!(
            "(select count(*) from pipeline_permission p where p.resource_kind = ", $kind, " and p.resource_id = ", $id, "
                and p.project_id = r.project_id and p.pipeline_id = 0
                and ", $crate::permissions::open_counts!(), ") as open_access,
            (select count(*) from pipeline_permission p where p.resource_kind = ", $kind, " and p.resource_id = ", $id, "
                and p.project_id = r.project_id and p.pipeline_id = r.pipeline_id) as permits,
            (select p.refs from pipeline_permission p where p.resource_kind = ", $kind, " and p.resource_id = ", $id, "
                and p.project_id = r.project_id and p.pipeline_id = r.pipeline_id) as permit_refs"
        )
    };
}
pub(crate) use permit_columns;

/// How many freezes hold a file of a project. Both are SQL.
macro_rules! frozen_count {
    ($file:literal, $project:literal) => {
        concat!(
            "(select count(*) from content_freeze z where z.target_kind = 'everything'
                or (z.target_kind = 'project' and z.target_id = ",
            $project,
            ")
                or (z.target_kind = 'file' and z.target_id = ",
            $file,
            "))"
        )
    };
}
pub(crate) use frozen_count;

/// What the permissions of a resource say of a run, as [`permit_columns`] reads it.
#[derive(sqlx::FromRow)]
pub(crate) struct PermitFacts {
    open_access: i64,
    permits: i64,
    permit_refs: Option<String>,
}

impl PermitFacts {
    /// What that means for a run of this source.
    pub(crate) fn of(&self, source: &RunSource) -> Permit {
        let refs = self.permit_refs.as_deref().map(AllowedRefs::from_stored);
        let own = (self.permits > 0).then_some(refs.as_ref());
        source.permit(self.open_access > 0, own)
    }
}

/// A permit as stored.
#[derive(sqlx::FromRow)]
struct PermitRow {
    pipeline_id: i64,
    authorized_by: Uuid,
    unique_name: String,
    display_name: String,
    authorized_at: i64,
    refs: Option<String>,
    by_variable: i64,
}

statements! {
    PUT = "insert into pipeline_permission (resource_kind, resource_id, pipeline_id, project_id, authorized_by,
            authorized_at, refs, by_variable)
        values ('securefile', $1, $2, $3, $4, $5, $6, $7) on conflict (resource_kind, resource_id, pipeline_id)
        do update set refs = excluded.refs, by_variable = excluded.by_variable, authorized_by = excluded.authorized_by,
            authorized_at = excluded.authorized_at
            where coalesce(pipeline_permission.refs, '') <> coalesce(excluded.refs, '')
                or pipeline_permission.by_variable <> excluded.by_variable";
    OPEN_ALLOWED = concat!("select count(*) as n from (select id as project_id from project where id = $1) p where ", open_counts!());
    REMOVE = "delete from pipeline_permission where resource_kind = 'securefile' and resource_id = $1 and pipeline_id = $2";
    OF = "select p.pipeline_id, p.authorized_by, i.unique_name, i.display_name, p.authorized_at, p.refs, p.by_variable
        from pipeline_permission p join identity i on i.id = p.authorized_by
        where p.resource_kind = 'securefile' and p.resource_id = $1 order by p.pipeline_id";
    PERMITTED = concat!(member_of!(), " select f.id, f.name, p.refs from pipeline_permission p
        join secure_file f on f.project_id = p.project_id and f.access_token = $6 || p.resource_id
        where p.resource_kind = 'securefile' and p.project_id = $5 and p.pipeline_id = $7
            and (p.pipeline_id <> 0 or ", open_counts!(), ") and ", file_has_bit!(), " order by f.name_key");
    BY_VARIABLE = "select f.id, f.name from pipeline_permission p
        join secure_file f on f.project_id = p.project_id and f.access_token = $1 || p.resource_id
        where p.resource_kind = 'securefile' and p.project_id = $2 and p.pipeline_id = $3 and p.by_variable = 1
        order by f.name_key";
    OPEN_NOW = concat!("select count(*) as n from pipeline_permission p where p.resource_kind = 'securefile'
        and p.resource_id = $1 and p.project_id = $2 and p.pipeline_id = 0 and ", open_counts!());
    PIPELINE_OF = "select count(*) as n from pipeline where id = $1 and project_id = $2";
}

impl Tx {
    /// Permits one pipeline of the same project, on these terms. Permitted already, its terms become these.
    pub async fn permission_put(
        &mut self,
        grant: Grant<PermitPipeline>,
        terms: &PermitTerms,
    ) -> Result<(), Stop> {
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
        self.put(act.file, act.pipeline.0, act.project, caller, terms)
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
        self.taken(act.file, act.pipeline.0)
    }

    /// Opens the file to every pipeline of its project.
    ///
    /// # Errors
    /// [`Refusal::OpenAccessOff`] when the organization does not allow it.
    pub async fn permission_open(&mut self, grant: Grant<OpenAccess>) -> Result<(), Stop> {
        let (act, caller) = grant.redeem(self)?;
        let allowed = self.conn.one::<(i64,)>(&OPEN_ALLOWED, args![act.project.0]);
        if allowed.await?.0 == 0 {
            return Err(Refusal::OpenAccessOff.into());
        }
        let terms = PermitTerms::default();
        self.put(act.file, 0, act.project, caller, &terms).await
    }

    /// Ends open access. Pipelines permitted one by one stay.
    pub async fn permission_restrict(&mut self, grant: Grant<RestrictAccess>) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        self.run(&REMOVE, args![act.file.to_string(), 0_i64])
            .await?;
        self.taken(act.file, 0)
    }

    fn taken(&mut self, file: FileId, pipeline: i64) -> Result<(), Stop> {
        let gone = facts::permit(
            "securefile",
            &file.to_string(),
            pipeline,
            Uuid::nil(),
            None,
            false,
        );
        self.change(&facts::gone(gone));
        Ok(())
    }

    async fn put(
        &mut self,
        file: FileId,
        pipeline: i64,
        project: ProjectId,
        by: Uuid,
        terms: &PermitTerms,
    ) -> Result<(), Stop> {
        let refs = terms.refs.as_ref().map(AllowedRefs::stored);
        let resource = file.to_string();
        let permit = facts::permit(
            "securefile",
            &resource,
            pipeline,
            project.0,
            refs.as_deref(),
            terms.by_variable,
        );
        self.change(&permit);
        let by_variable = i64::from(terms.by_variable);
        let values = args![
            resource,
            pipeline,
            project.0,
            by,
            self.now.0,
            refs,
            by_variable
        ];
        self.run(&PUT, values).await?;
        Ok(())
    }

    /// The files that a pipeline may name by a variable now, whoever asks.
    pub async fn files_by_variable(
        &mut self,
        project: ProjectId,
        pipeline: PipelineId,
    ) -> Result<Vec<(FileId, String)>, StoreError> {
        by_variable(&mut self.conn, project, pipeline).await
    }
}

async fn by_variable(
    conn: &mut Conn,
    project: ProjectId,
    pipeline: PipelineId,
) -> Result<Vec<(FileId, String)>, StoreError> {
    let above = format!("{}/SecureFile/", library_token(project));
    let rows: Vec<(Uuid, String)> = conn
        .all(&BY_VARIABLE, args![above, project.0, pipeline.0])
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, name)| (FileId(id), name))
        .collect())
}

impl ReadTx {
    /// The files that a pipeline may name by a variable now, whoever asks.
    pub async fn files_by_variable(
        &mut self,
        project: ProjectId,
        pipeline: PipelineId,
    ) -> Result<Vec<(FileId, String)>, StoreError> {
        by_variable(&mut self.conn, project, pipeline).await
    }

    /// Who may use a file the caller may see. Open access that the organization's switch keeps from counting is apart.
    pub async fn permissions(
        &mut self,
        seen: &Seen<ViewPermissions>,
    ) -> Result<PipelinePermissions, StoreError> {
        let values = args![seen.0.file.to_string(), seen.0.project.0];
        let counts = self.conn.one::<(i64,)>(&OPEN_NOW, values).await?.0 > 0;
        let rows: Vec<PermitRow> = self.conn.all(&OF, args![seen.0.file.to_string()]).await?;
        let mut permissions = PipelinePermissions::default();
        for row in rows {
            let at = Timestamp(row.authorized_at);
            let by = Person {
                id: IdentityId(row.authorized_by),
                unique_name: row.unique_name,
                display_name: row.display_name,
            };
            match row.pipeline_id {
                0 if counts => permissions.all = Some((by, at)),
                0 => permissions.all_suspended = Some((by, at)),
                _ => permissions.pipelines.push(PipelinePermit {
                    pipeline: PipelineId(row.pipeline_id),
                    by,
                    at,
                    terms: PermitTerms {
                        refs: row.refs.as_deref().map(AllowedRefs::from_stored),
                        by_variable: row.by_variable != 0,
                    },
                }),
            }
        }
        Ok(permissions)
    }

    /// The files that the caller may see and a pipeline is permitted to use, with names and refs; for pipeline 0, those
    /// that are open to all. Filtered in SQL.
    pub async fn permitted_files(
        &mut self,
        caller: &Caller,
        project: ProjectId,
        pipeline: PipelineId,
    ) -> Result<Vec<(FileId, String, Option<AllowedRefs>)>, StoreError> {
        // Whatever the entries say, some ways of signing in are no good for looking at permissions.
        let all = Facts {
            exists: true,
            bits: i64::MAX,
            active: true,
            fresh: true,
            ..Facts::default()
        };
        let look = ViewPermissions {
            project,
            file: FileId(Uuid::nil()),
        };
        if decide(caller, &look.demand(), &all).is_err() {
            return Ok(Vec::new());
        }
        let library = library_token(project);
        let values = args![
            caller.identity.0,
            library::VIEW,
            LIBRARY.0,
            &library,
            project.0,
            format!("{library}/SecureFile/"),
            pipeline.0
        ];
        let rows: Vec<(Uuid, String, Option<String>)> = self.conn.all(&PERMITTED, values).await?;
        Ok(rows
            .into_iter()
            .map(|(id, name, refs)| {
                let refs = refs.as_deref().map(AllowedRefs::from_stored);
                (FileId(id), name, refs)
            })
            .collect())
    }

    /// Names of people and groups that may permit a pipeline to use files of a project, for each of those that `seen`
    /// shows.
    pub async fn who_may_permit(
        &mut self,
        project: ProjectId,
        seen: &[Seen<ViewFile>],
    ) -> Result<BTreeMap<FileId, Vec<String>>, StoreError> {
        let files = seen.iter().map(|seen| &seen.0);
        let tokens: BTreeMap<String, FileId> = files
            .filter(|act| act.project == project)
            .map(|act| (file_token(project, act.file), act.file))
            .collect();
        let asked: Vec<String> = tokens.keys().cloned().collect();
        let above = library_token(project);
        let found = holders_below(&mut self.conn, LIBRARY, &above, &asked, library::USE).await?;
        Ok(found
            .into_iter()
            .filter_map(|(token, names)| tokens.get(&token).map(|file| (*file, names)))
            .collect())
    }
}
