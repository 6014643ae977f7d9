//! An organization with two projects, people, files, pipelines and agents, made through the gate.

use super::home::{Home, entropy};
use crate::{
    AgentRow, JobRow, NewAgent, NewFile, NewIdentity, NewJob, NewProjectKey, NewRun, NewStage,
    PipelineText, Placement, Stop, Store,
};
use coffer_model::act::{
    AddPerson, CreateFile, CreateFirstAdministrator, CreateKey, CreateOrganization, CreatePipeline,
    CreateProject, DeleteFile, PermitPipeline, QueueRun, RegisterAgent, RevokePipeline, ViewFile,
};
use coffer_model::audit::Event;
use coffer_model::library::{IdentityKind, PermitTerms};
use coffer_model::name::FileName;
use coffer_model::source::RunSource;
use coffer_model::{
    AgentId, Authentication, Caller, CredentialId, FileId, IdentityId, JobId, OrganizationId,
    PipelineId, ProjectId, ProjectKeyId, RunId,
};
use uuid::Uuid;

/// The projects' names.
pub(super) const ALPHA: &str = "Alpha";
pub(super) const BETA: &str = "Beta";

#[derive(Clone)]
pub(super) struct World {
    pub(super) store: Store,
    pub(super) organization: OrganizationId,
    /// The project [`ALPHA`] and its key.
    pub(super) project: ProjectId,
    pub(super) key: ProjectKeyId,
    /// The project [`BETA`] and its key.
    pub(super) other: ProjectId,
    pub(super) other_key: ProjectKeyId,
    /// Administers everything.
    pub(super) admin: Caller,
}

/// The product itself.
pub(super) fn system(organization: OrganizationId) -> Caller {
    Caller {
        organization,
        identity: IdentityId(Uuid::nil()),
        name: "coffer".into(),
        authentication: Authentication::System { duty: "test" },
        address: None,
        request: coffer_model::Request::default(),
    }
}

pub(super) fn person(organization: OrganizationId, identity: IdentityId, name: &str) -> Caller {
    Caller {
        organization,
        identity,
        name: name.into(),
        authentication: Authentication::Token {
            credential: CredentialId::random(&*entropy()),
            scopes: coffer_model::TokenScopes::FULL,
        },
        address: Some([192, 0, 2, 7].into()),
        request: coffer_model::Request::default(),
    }
}

/// A file of one segment.
pub(super) fn small_file(name: &str, key: ProjectKeyId) -> NewFile {
    NewFile {
        name: FileName::parse(name).unwrap(),
        size: 5,
        preamble: vec![1; 40],
        placement: Placement::Row(vec![2; 60]),
        sealed_length: 60,
        sealed_sha256: [3; 32],
        project_key: key,
        wrapped: vec![4; 48],
    }
}

impl World {
    pub(super) async fn new(home: &Home) -> Self {
        let random = entropy();
        let store = home.open().await;
        let organization = OrganizationId::random(&*random);
        let (project, other) = (ProjectId::random(&*random), ProjectId::random(&*random));
        let identity = IdentityId::random(&*random);
        let duty = system(organization);
        let admin = person(organization, identity, "ada");
        unit!(store, (duty, admin), |tx| {
            let act = CreateOrganization { organization };
            let grant = tx.authorize(&duty, act.clone()).await?;
            tx.organization_insert(grant, "DefaultCollection").await?;
            let grant = tx.authorize(&duty, act).await?;
            tx.first_project_insert(grant, project, ALPHA).await?;
            let grant = tx
                .authorize(&duty, CreateFirstAdministrator { identity })
                .await?;
            tx.first_administrator_insert(grant, &duty, &user(identity, "ada"))
                .await?;
            let grant = tx
                .authorize(
                    &admin,
                    CreateProject {
                        organization,
                        project: other,
                    },
                )
                .await?;
            tx.project_insert(grant, &admin, BETA).await?;
            let grant = tx
                .authorize(
                    &duty,
                    CreateKey {
                        project: None,
                        version: "g1".into(),
                    },
                )
                .await?;
            tx.generation_insert(grant, "g1", "file").await
        })
        .await
        .unwrap();
        let world = Self {
            store,
            organization,
            project,
            key: ProjectKeyId::random(&*random),
            other,
            other_key: ProjectKeyId::random(&*random),
            admin,
        };
        world
            .project_key(world.project, world.key, 1)
            .await
            .unwrap();
        world
            .project_key(world.other, world.other_key, 1)
            .await
            .unwrap();
        world
    }

    pub(super) fn duty(&self) -> Caller {
        system(self.organization)
    }

    pub(super) async fn project_key(
        &self,
        project: ProjectId,
        id: ProjectKeyId,
        version: i64,
    ) -> Result<(), Stop> {
        let duty = self.duty();
        unit!(self.store, (duty), |tx| {
            let act = CreateKey {
                project: Some(project),
                version: version.to_string(),
            };
            let grant = tx.authorize(&duty, act).await?;
            let new = NewProjectKey {
                id,
                scope: project.into(),
                version,
                generation: "g1".into(),
                wrapped: vec![5; 48],
                commitment: [6; 32],
                deployment: "d1".into(),
            };
            tx.project_key_insert(grant, &new).await
        })
        .await
    }

    /// Adds a person to groups of [`ALPHA`].
    pub(super) async fn person(
        &self,
        name: &'static str,
        groups: &'static [&'static str],
    ) -> Caller {
        let (organization, admin) = (self.organization, self.admin.clone());
        let identity = IdentityId::random(&*entropy());
        unit!(self.store, (admin), |tx| {
            let mut ids = Vec::new();
            for group in groups {
                ids.push(tx.group_named(Some(ALPHA), group).await?.unwrap());
            }
            let grant = tx
                .authorize(
                    &admin,
                    AddPerson {
                        organization,
                        person: identity,
                    },
                )
                .await?;
            tx.person_insert(grant, &admin, &user(identity, name), &ids)
                .await
        })
        .await
        .unwrap();
        person(organization, identity, name)
    }

    pub(super) async fn upload_as(
        &self,
        caller: &Caller,
        project: ProjectId,
        new: NewFile,
    ) -> Result<FileId, Stop> {
        let (caller, file) = (caller.clone(), FileId::random(&*entropy()));
        unit!(self.store, (caller, new), |tx| {
            let grant = tx.authorize(&caller, CreateFile { project, file }).await?;
            tx.file_insert(grant, new).await?;
            Ok(file)
        })
        .await
    }

    /// A small file in [`ALPHA`], by the administrator.
    pub(super) async fn upload(&self, name: &str) -> FileId {
        self.upload_as(&self.admin, self.project, small_file(name, self.key))
            .await
            .unwrap()
    }

    pub(super) async fn delete(&self, file: FileId) -> Result<(), Stop> {
        let (admin, project) = (self.admin.clone(), self.project);
        unit!(self.store, (admin), |tx| {
            let grant = tx.authorize(&admin, DeleteFile { project, file }).await?;
            tx.file_delete(grant).await
        })
        .await
    }

    pub(super) async fn pipeline_in(&self, project: ProjectId, name: &str) -> PipelineId {
        let admin = self.admin.clone();
        let text = PipelineText {
            name: name.into(),
            folder: "\\".into(),
            path: "azure-pipelines.yml".into(),
            yaml: "steps: []".into(),
            files: Vec::new(),
        };
        unit!(self.store, (admin, text), |tx| {
            let grant = tx.authorize(&admin, CreatePipeline { project }).await?;
            tx.pipeline_insert(grant, &text).await
        })
        .await
        .unwrap()
    }

    pub(super) async fn pipeline(&self, name: &str) -> PipelineId {
        self.pipeline_in(self.project, name).await
    }

    /// Queues a run of one stage whose jobs all use the files, and evaluates the stage. Says whether it runs.
    pub(super) async fn queue(
        &self,
        pipeline: PipelineId,
        jobs: usize,
        files: &[FileId],
    ) -> (RunId, bool) {
        let (admin, project) = (self.admin.clone(), self.project);
        let job = |n| NewJob {
            id: JobId::random(&*entropy()),
            name: format!("job{n}"),
            display_name: format!("Job {n}"),
            files: files.to_vec(),
            deferred: Vec::new(),
            skipped: false,
            values: Vec::new(),
            continue_on_error: false,
        };
        let run = NewRun {
            revision: 1,
            number: Vec::new(),
            plan: "{}".into(),
            plan_digest: [0; 32],
            source: RunSource::Stored,
            stages: vec![NewStage {
                name: "build".into(),
                display_name: "Build".into(),
                files: files.to_vec(),
                jobs: (0..jobs).map(job).collect(),
            }],
        };
        unit!(self.store, (admin, run), |tx| {
            let grant = tx.authorize(&admin, QueueRun { project, pipeline }).await?;
            let run = tx.run_insert(grant, &run).await?;
            let runs = tx.stage_evaluate(run, 1).await?;
            Ok((run, runs))
        })
        .await
        .unwrap()
    }

    pub(super) async fn permit(&self, file: FileId, pipeline: PipelineId) -> Result<(), Stop> {
        let (admin, project) = (self.admin.clone(), self.project);
        unit!(self.store, (admin), |tx| {
            let grant = tx
                .authorize(
                    &admin,
                    PermitPipeline {
                        project,
                        file,
                        pipeline,
                    },
                )
                .await?;
            tx.permission_put(grant, &PermitTerms::default()).await?;
            for (run, stage) in tx.stages_waiting_for(file).await? {
                tx.stage_evaluate(run, stage).await?;
            }
            Ok(())
        })
        .await
    }

    pub(super) async fn revoke(&self, file: FileId, pipeline: PipelineId) -> Result<(), Stop> {
        let (admin, project) = (self.admin.clone(), self.project);
        unit!(self.store, (admin), |tx| {
            let grant = tx
                .authorize(
                    &admin,
                    RevokePipeline {
                        project,
                        file,
                        pipeline,
                    },
                )
                .await?;
            tx.permission_remove(grant).await
        })
        .await
    }

    pub(super) async fn agent(&self, name: &str) -> (AgentRow, Caller) {
        let agent = AgentId::random(&*entropy());
        let registering = Caller {
            authentication: Authentication::AgentRegistration {
                credential: CredentialId::random(&*entropy()),
            },
            ..self.admin.clone()
        };
        let new = NewAgent {
            pool: "Default".into(),
            name: name.into(),
            version: "4.0.0".into(),
            coffer_version: "0.1.0".into(),
            public_key: [8; 32],
            capabilities: "{}".into(),
        };
        unit!(self.store, (registering, new), |tx| {
            let grant = tx.authorize(&registering, RegisterAgent { agent }).await?;
            tx.agent_put(grant, &new).await
        })
        .await
        .unwrap();
        let row = self
            .store
            .read()
            .await
            .unwrap()
            .agent(agent)
            .await
            .unwrap()
            .unwrap();
        let caller = Caller {
            identity: row.identity,
            name: name.into(),
            authentication: Authentication::Agent { agent },
            ..self.admin.clone()
        };
        (row, caller)
    }

    /// Claims a job for an agent for a minute. The lease's secret is the agent's id, for all that tests care.
    pub(super) async fn claim(&self, job: &JobRow, agent: &AgentRow) -> bool {
        let (id, name, job) = (agent.id, agent.name.clone(), job.clone());
        unit!(self.store, (job, name), |tx| {
            let until = tx.now().plus_seconds(60);
            Ok(tx
                .job_claim(&job, id, &name, &lease_hash(id), until)
                .await?
                .is_some())
        })
        .await
        .unwrap()
    }

    pub(super) async fn ready(&self) -> Vec<JobRow> {
        self.store
            .read()
            .await
            .unwrap()
            .jobs_ready(1000)
            .await
            .unwrap()
    }

    /// Whether the caller sees the file.
    pub(super) async fn sees(&self, caller: &Caller, file: FileId) -> bool {
        let act = ViewFile {
            project: self.project,
            file,
        };
        self.store
            .read()
            .await
            .unwrap()
            .look(caller, act)
            .await
            .is_ok()
    }

    /// Every audit event that is linked, once all are.
    pub(super) async fn events(&self) -> Vec<Event> {
        super::home::eventually("every audit row is linked", || async {
            self.store
                .read()
                .await
                .unwrap()
                .audit_unlinked()
                .await
                .unwrap()
                == 0
        })
        .await;
        let linked = self
            .store
            .read()
            .await
            .unwrap()
            .audit_linked(0, 100_000)
            .await
            .unwrap();
        linked.into_iter().map(|linked| linked.event).collect()
    }
}

/// The lease's digest that [`World::claim`] uses.
pub(super) fn lease_hash(agent: AgentId) -> [u8; 32] {
    let mut hash = [0; 32];
    hash[..16].copy_from_slice(agent.0.as_bytes());
    hash
}

fn user(id: IdentityId, name: &str) -> NewIdentity {
    NewIdentity {
        id,
        kind: IdentityKind::User,
        project: None,
        unique_name: name.into(),
        display_name: name.into(),
    }
}
