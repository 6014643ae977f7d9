//! What a refused caller may be told of a place it can see: its name, the caller's own rights, and who hands rights out.
//!
//! Asked after a refusal, or where a page shows somebody a place with what they may not do there, and only where they were
//! told that they lack a right: so it cannot be what tells apart things that are not there from things that are not seen.
//! It must not know words.

use crate::access_below::holders;
use crate::error::StoreError;
use crate::gate::bits;
use crate::sql::{args, statements};
use crate::unit::ReadTx;
use coffer_model::access::{Scope, build, library};
use coffer_model::act::{CheckAccess, ViewAccess, ViewFile, ViewPipeline};
use coffer_model::policy::in_scope;
use coffer_model::{Caller, FileId, ProjectId, RunId, TokenScopes};

statements! {
    FILE_NAME = "select name from secure_file where id = $1 and project_id = $2";
    RUN_AND_FILE = "select f.name, p.name from run r join pipeline p on p.id = r.pipeline_id
        join secure_file f on f.project_id = r.project_id where r.id = $1 and r.project_id = $2 and f.id = $3";
    PIPELINE_NAME = "select name from pipeline where id = $1 and project_id = $2";
}

/// What a caller may be told of a place.
#[derive(Clone, Debug)]
pub struct Guidance {
    /// The name of the file or pipeline; none for places without a name of their own.
    pub name: Option<String>,
    /// The name of its project.
    pub project: Option<String>,
    /// The caller's own rights there.
    pub bits: i64,
    /// Who hands out rights there, ten at most.
    pub who: Vec<String>,
}

impl ReadTx {
    /// What the caller may be told of a place; nothing about one that it cannot see, or not with this token.
    pub async fn guidance(
        &mut self,
        caller: &Caller,
        scope: &Scope,
    ) -> Result<Option<Guidance>, StoreError> {
        if !self.sees(caller, scope).await? {
            return Ok(None);
        }
        let name: Option<(String,)> = match scope {
            Scope::File(project, file) => {
                self.conn
                    .maybe(&FILE_NAME, args![file.0, project.0])
                    .await?
            }
            Scope::Pipeline(project, pipeline) => {
                let values = args![pipeline.0, project.0];
                self.conn.maybe(&PIPELINE_NAME, values).await?
            }
            _ => None,
        };
        let project = match scope.project() {
            Some(project) => self.project_name(project).await?,
            None => None,
        };
        let who = holders(&mut self.conn, &scope.place(), scope.description().write).await?;
        Ok(Some(Guidance {
            name: name.map(|(name,)| name),
            project,
            bits: bits(&mut self.conn, caller, scope).await?,
            who,
        }))
    }

    /// The names of a file and of the pipeline of a run, for a job of that run whose plan names the file.
    pub async fn run_and_file(
        &mut self,
        run: RunId,
        project: ProjectId,
        file: FileId,
    ) -> Result<Option<(String, String)>, StoreError> {
        let values = args![run.0, project.0, file.0];
        self.conn.maybe(&RUN_AND_FILE, values).await
    }

    async fn sees(&mut self, caller: &Caller, scope: &Scope) -> Result<bool, StoreError> {
        let good_for = |scopes| in_scope(caller, scopes).is_ok();
        match *scope {
            Scope::File(project, file) => self.may(caller, &ViewFile { project, file }).await,
            Scope::Pipeline(project, pipeline) => {
                self.may(caller, &ViewPipeline { project, pipeline }).await
            }
            Scope::Library(_) => {
                let (scope, bits) = (*scope, library::VIEW);
                let look = CheckAccess { scope, bits };
                Ok(good_for(TokenScopes::SECURE_FILES_READ) && self.may(caller, &look).await?)
            }
            Scope::Pipelines(_) => {
                let (scope, bits) = (*scope, build::VIEW_DEFINITION);
                let look = CheckAccess { scope, bits };
                Ok(good_for(TokenScopes::BUILD) && self.may(caller, &look).await?)
            }
            scope => self.may(caller, &ViewAccess { scope }).await,
        }
    }
}
