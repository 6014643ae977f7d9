//! Pipelines: names, and their YAML kept with every revision; the files beside it are in `pipeline_files`.

use crate::access::{member_of, pipeline_has_bit};
use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::{Grant, Seen, could};
use crate::page::{Page, PageFrom, window};
use crate::pipeline_files::PipelineFile;
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::access::{Scope, build};
use coffer_model::act::{CreatePipeline, EditPipeline, ViewPipeline, ViewPipelines};
use coffer_model::change::Change;
use coffer_model::{Caller, PipelineId, ProjectId, name};

/// A page of pipelines: `$6` search, `$7` how many, `$8` after how many.
macro_rules! page {
    ($contains:literal) => {
        concat!(
            member_of!(),
            " select p.id, p.name, p.folder, p.revision, r.path, '' as yaml, p.default_ref from pipeline p
            join pipeline_revision r on r.pipeline_id = p.id and r.revision = p.revision
            where p.project_id = $5 and (cast($6 as text) = '' or ",
            $contains,
            ") and ",
            pipeline_has_bit!(),
            " order by p.name_key, p.id limit $7 offset $8"
        )
    };
}

macro_rules! count {
    ($contains:literal) => {
        concat!(
            member_of!(),
            " select count(*) as n from (select 1 as one from pipeline p
            where p.project_id = $5 and (cast($6 as text) = '' or ",
            $contains,
            ") and ",
            pipeline_has_bit!(),
            " limit $7) x"
        )
    };
}

statements! {
    INSERT = "insert into pipeline (project_id, name, name_key, folder, revision, created_by, created_at)
        values ($1, $2, $3, $4, 1, $5, $6) on conflict (project_id, folder, name_key) do nothing returning id";
    REVISION_INSERT = "insert into pipeline_revision (pipeline_id, revision, path, yaml, created_by, created_at)
        values ($1, $2, $3, $4, $5, $6)";
    TAKEN = "select count(*) as n from pipeline where project_id = $1 and folder = $2 and name_key = $3 and id <> $4";
    UPDATE = "update pipeline set name = $1, name_key = $2, folder = $3, revision = revision + 1
        where id = $4 and project_id = $5 returning revision";
    VISIBLE = concat!(member_of!(), "
        select p.id, p.name, p.folder, p.revision, r.path, '' as yaml, p.default_ref from pipeline p
        join pipeline_revision r on r.pipeline_id = p.id and r.revision = p.revision
        where p.project_id = $5 and ", pipeline_has_bit!(), " order by p.id");
    PAGE = page!("instr(p.name_key, $6) > 0"), postgres: page!("strpos(p.name_key, $6) > 0");
    COUNT = count!("instr(p.name_key, $6) > 0"), postgres: count!("strpos(p.name_key, $6) > 0");
    GET = "select p.id, p.name, p.folder, p.revision, r.path, r.yaml, p.default_ref from pipeline p
        join pipeline_revision r on r.pipeline_id = p.id and r.revision = p.revision
        where p.project_id = $1 and p.id = $2";
}

/// A pipeline as stored, with the text of its newest revision.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct PipelineRow {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: String,
    /// Its newest revision.
    pub revision: i64,
    /// The path shown in errors.
    pub path: String,
    /// The YAML; empty in lists.
    pub yaml: String,
    /// The ref that a permit is proposed for; none for stored text.
    pub default_ref: Option<String>,
}

/// Name, folder and text of a pipeline.
#[derive(Clone, Debug)]
pub struct PipelineText {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: String,
    /// The path shown in errors.
    pub path: String,
    /// The YAML.
    pub yaml: String,
    /// The files beside it.
    pub files: Vec<PipelineFile>,
}

impl PipelineText {
    /// The fact of a revision with this text.
    fn fact(&self, pipeline: i64, project: ProjectId, revision: i64) -> Change {
        facts::pipeline(
            pipeline,
            project.0,
            revision,
            (&self.path, &self.yaml),
            &self.files,
        )
    }
}

impl Tx {
    /// Stores a pipeline with its first revision.
    pub async fn pipeline_insert(
        &mut self,
        grant: Grant<CreatePipeline>,
        new: &PipelineText,
    ) -> Result<PipelineId, Stop> {
        let (act, caller) = grant.redeem(self)?;
        let row: Option<(i64,)> = self
            .maybe(
                &INSERT,
                args![
                    act.project.0,
                    &new.name,
                    name::key(&new.name),
                    &new.folder,
                    caller,
                    self.now.0
                ],
            )
            .await?;
        let Some((id,)) = row else {
            return Err(Refusal::NameTaken.into());
        };
        self.run_one(
            &REVISION_INSERT,
            args![id, 1_i64, &new.path, &new.yaml, caller, self.now.0],
        )
        .await?;
        self.pipeline_files_insert(id, 1, &new.files).await?;
        self.change(&new.fact(id, act.project, 1));
        Ok(PipelineId(id))
    }

    /// Stores a new revision.
    pub async fn pipeline_update(
        &mut self,
        grant: Grant<EditPipeline>,
        new: &PipelineText,
    ) -> Result<i64, Stop> {
        let (act, caller) = grant.redeem(self)?;
        let key = name::key(&new.name);
        let taken = args![act.project.0, &new.folder, &key, act.pipeline.0];
        if self.conn.one::<(i64,)>(&TAKEN, taken).await?.0 > 0 {
            return Err(Refusal::NameTaken.into());
        }
        let values = args![&new.name, &key, &new.folder, act.pipeline.0, act.project.0];
        let row: Option<(i64,)> = self.maybe(&UPDATE, values).await?;
        let Some((revision,)) = row else {
            return Err(Refusal::NotFound.into());
        };
        let values = args![
            act.pipeline.0,
            revision,
            &new.path,
            &new.yaml,
            caller,
            self.now.0
        ];
        self.run_one(&REVISION_INSERT, values).await?;
        self.pipeline_files_insert(act.pipeline.0, revision, &new.files)
            .await?;
        self.change(&new.fact(act.pipeline.0, act.project, revision));
        Ok(revision)
    }
}

impl ReadTx {
    /// The pipelines of a project that the caller may see, without their texts. Filtered in SQL; says of each what the
    /// gate would say.
    pub async fn pipelines_visible(
        &mut self,
        caller: &Caller,
        project: ProjectId,
    ) -> Result<Vec<PipelineRow>, StoreError> {
        if !could(caller, &ViewPipelines { project }) {
            return Ok(Vec::new());
        }
        let above = Scope::Pipelines(project).place();
        let values = args![
            caller.identity.0,
            build::VIEW_DEFINITION,
            above.namespace.0,
            above.token,
            project.0
        ];
        self.conn.all(&VISIBLE, values).await
    }

    /// A page of the pipelines that the caller may see, by name: those whose names hold a text, ignoring case.
    pub async fn pipelines_page(
        &mut self,
        caller: &Caller,
        project: ProjectId,
        search: &str,
        skip: u64,
        top: u32,
    ) -> Result<Page<PipelineRow>, StoreError> {
        let search = name::key(search.trim());
        if !could(caller, &ViewPipelines { project }) || search.contains('\0') {
            return Ok(Page::empty());
        }
        let above = Scope::Pipelines(project).place();
        let window = window(PageFrom::Start(skip), top);
        let mut values = args![
            caller.identity.0,
            build::VIEW_DEFINITION,
            above.namespace.0,
            above.token,
            project.0,
            search
        ];
        let counted = values.clone();
        values.extend(args![window.top, window.skip]);
        let rows: Vec<PipelineRow> = self.conn.all(&PAGE, values).await?;
        let total = self.total(&window, rows.len(), &COUNT, counted).await?;
        let (more, rows) = window.cut(rows);
        Ok(window.page(rows, more, total))
    }

    /// One pipeline with its text.
    pub async fn pipeline(
        &mut self,
        seen: &Seen<ViewPipeline>,
    ) -> Result<Option<PipelineRow>, StoreError> {
        self.pipeline_of(seen.0.project, seen.0.pipeline).await
    }

    async fn pipeline_of(
        &mut self,
        project: ProjectId,
        pipeline: PipelineId,
    ) -> Result<Option<PipelineRow>, StoreError> {
        self.conn.maybe(&GET, args![project.0, pipeline.0]).await
    }
}
