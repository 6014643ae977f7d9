//! A project in the store and its model side by side: each step is taken in both, and how it ends is compared.

use super::model::{End, Model, Where};
use super::{ADMINISTRATORS, At, PEOPLE, Step, VALID_USERS};
use crate::facts;
use crate::gate::Seen;
use crate::sql::{Statement, args};
use crate::tests::home::entropy;
use crate::tests::world::{World, person, small_file};
use crate::{
    AccessChange, FileQuery, NewIdentity, NewJob, NewProjectKey, NewRun, NewStage, PipelineText,
    Stop,
};
use coffer_model::access::{Bits, Scope, library};
use coffer_model::act::{
    CheckAccess, CreateFile, CreateKey, CreatePipeline, CreateProject, DeleteFile, PermitPipeline,
    QueueRun, RevokePipeline, TakeBaseline, ViewAccess,
};
use coffer_model::library::{IdentityKind, PermitTerms};
use coffer_model::policy::Denied;
use coffer_model::source::RunSource;
use coffer_model::{Caller, FileId, IdentityId, JobId, PipelineId, ProjectId, ProjectKeyId};
use proptest::prop_assert_eq;
use proptest::test_runner::TestCaseError;
use std::collections::{BTreeMap, BTreeSet};

const LEAVE: Statement = Statement {
    name: "leave",
    sqlite: "delete from membership where group_id = $1 and member_id = $2",
    postgres: "delete from membership where group_id = $1 and member_id = $2",
};
const DISABLE: Statement = Statement {
    name: "disable",
    sqlite: "update identity set disabled_at = $2 where id = $1",
    postgres: "update identity set disabled_at = $2 where id = $1",
};
const CLEAR: Statement = Statement {
    name: "clear",
    sqlite: "delete from access_entry where namespace_id = $1 and token = $2 and identity_id not in ($3, $4) returning identity_id",
    postgres: "delete from access_entry where namespace_id = $1 and token = $2 and identity_id not in ($3, $4) returning identity_id",
};

/// A project in the store, beside its model.
pub(super) struct Story<'a> {
    world: &'a World,
    project: ProjectId,
    key: ProjectKeyId,
    pipeline: PipelineId,
    ids: Vec<IdentityId>,
    files: Vec<FileId>,
    model: Model,
}

fn end(result: Result<(), Stop>) -> End {
    match result {
        Ok(()) => End::Done,
        Err(Stop::Denied { reason, .. }) => End::Denied(match reason {
            Denied::NotFound => "not_found",
            Denied::Lacks { .. } => "role_missing",
            other => other.code(),
        }),
        Err(Stop::Refused(refusal)) => End::Refused(refusal),
        Err(Stop::Failed(error)) => panic!("{error:?}"),
    }
}

impl<'a> Story<'a> {
    async fn begin(world: &'a World) -> Self {
        let random = entropy();
        let project = ProjectId::random(&*random);
        let key = ProjectKeyId::random(&*random);
        let name = project.to_string();
        let (admin, duty, organization) = (world.admin.clone(), world.duty(), world.organization);
        let mut ids = vec![admin.identity];
        ids.extend((1..PEOPLE).map(|_| IdentityId::random(&*random)));
        let made = ids.clone();
        let (groups, pipeline) = unit!(world.store, (admin, duty, made, name), |tx| {
            let act = CreateProject {
                organization,
                project,
            };
            let grant = tx.authorize(&admin, act).await?;
            tx.project_insert(grant, &admin, &name).await?;
            let act = CreateKey {
                project: Some(project),
                version: "1".into(),
            };
            let grant = tx.authorize(&duty, act).await?;
            let new = NewProjectKey {
                id: key,
                scope: project.into(),
                version: 1,
                generation: "g1".into(),
                wrapped: vec![5; 48],
                commitment: [6; 32],
                deployment: "d1".into(),
            };
            tx.project_key_insert(grant, &new).await?;
            let administrators = tx
                .group_named(Some(&name), "Project Administrators")
                .await?
                .unwrap();
            let everybody = tx
                .group_named(Some(&name), "Project Valid Users")
                .await?
                .unwrap();
            let mut groups = vec![administrators, everybody];
            for id in &made[1..] {
                let new = identity(*id, IdentityKind::User);
                tx.identity_insert(&new).await?;
            }
            for _ in 0..2 {
                let id = IdentityId::random(tx.entropy());
                tx.identity_insert(&identity(id, IdentityKind::Group))
                    .await?;
                groups.push(id);
            }
            // The other default groups are empty, and no part of the model.
            let place = Scope::Library(project).place();
            let values = args![
                place.namespace.0,
                &place.token,
                administrators.0,
                everybody.0
            ];
            for (gone,) in tx.all::<(uuid::Uuid,)>(&CLEAR, values).await? {
                let entry = facts::entry(place.namespace, &place.token, gone, 0, 0);
                tx.change(&facts::gone(entry));
            }
            let text = PipelineText {
                name: "build".into(),
                folder: "\\".into(),
                path: "azure-pipelines.yml".into(),
                yaml: "steps: []".into(),
                files: Vec::new(),
            };
            let grant = tx.authorize(&admin, CreatePipeline { project }).await?;
            Ok((groups, tx.pipeline_insert(grant, &text).await?))
        })
        .await
        .unwrap();
        ids.extend(groups);
        Self {
            world,
            project,
            key,
            pipeline,
            ids,
            files: Vec::new(),
            model: Model::new(),
        }
    }

    fn caller(&self, who: usize) -> Caller {
        person(self.world.organization, self.ids[who], "somebody")
    }

    /// A file's number among those made so far.
    fn number(&self, n: usize) -> Option<usize> {
        (!self.files.is_empty()).then(|| n % self.files.len())
    }

    /// The place of a step: none when it speaks of a file and there is none.
    fn place(&self, at: At) -> Option<Where> {
        match at {
            At::Library => Some(None),
            At::File(n) => self.number(n).map(Some),
        }
    }

    fn scope(&self, place: Where) -> Scope {
        match place {
            None => Scope::Library(self.project),
            Some(file) => Scope::File(self.project, self.files[file]),
        }
    }

    async fn change(&self, who: usize, place: Where, change: AccessChange) -> End {
        let (caller, scope) = (self.caller(who), self.scope(place));
        let changes = vec![change];
        end(unit!(self.world.store, (caller, changes), |tx| {
            tx.access_change(&caller, scope, &changes).await
        })
        .await)
    }

    /// Takes a step, and compares how it ends.
    async fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let (done, expected) = match step {
            Step::Role(who, at, whose, role) => {
                let Some(place) = self.place(*at) else {
                    return Ok(());
                };
                let Some(allow) = role.bits_at(&self.scope(place)) else {
                    return Ok(());
                };
                let change = AccessChange::Put {
                    identity: self.ids[*whose],
                    bits: Bits::allowing(allow),
                    role: Some(*role),
                };
                let done = self.change(*who, place, change).await;
                (done, self.model.write(*who, place, *whose, (allow, 0)))
            }
            Step::Rights(who, at, whose, bits, merge) => {
                let Some(place) = self.place(*at) else {
                    return Ok(());
                };
                let (identity, bits) = (self.ids[*whose], *bits);
                let old = self.model.rows.get(&(place, *whose)).copied();
                let (change, row) = if *merge {
                    let (allow, deny) = old.unwrap_or_default();
                    let row = (
                        (allow & !bits.deny) | bits.allow,
                        (deny & !bits.allow) | bits.deny,
                    );
                    (AccessChange::Merge { identity, bits }, row)
                } else {
                    let role = None;
                    let change = AccessChange::Put {
                        identity,
                        bits,
                        role,
                    };
                    (change, (bits.allow, bits.deny))
                };
                let done = self.change(*who, place, change).await;
                (done, self.model.write(*who, place, *whose, row))
            }
            Step::Remove(who, at, whose) => {
                let Some(place) = self.place(*at) else {
                    return Ok(());
                };
                let identity = self.ids[*whose];
                let done = self
                    .change(*who, place, AccessChange::Remove { identity })
                    .await;
                (done, self.model.write(*who, place, *whose, (0, 0)))
            }
            Step::Inherit(who, n, on) => {
                let Some(file) = self.number(*n) else {
                    return Ok(());
                };
                let done = self
                    .change(*who, Some(file), AccessChange::Inherit(*on))
                    .await;
                (done, self.model.inherit(*who, file, *on))
            }
            Step::Join(member, group) if member != group => {
                let (m, g) = (self.ids[*member], self.ids[*group]);
                let (duty, organization) = (self.world.duty(), self.world.organization);
                unit!(self.world.store, (duty), |tx| {
                    tx.authorize(&duty, TakeBaseline { organization }).await?;
                    tx.membership_insert(g, m).await?;
                    Ok(())
                })
                .await
                .unwrap();
                self.model.members.insert((*member, *group));
                return Ok(());
            }
            Step::Leave(member, group)
                if (*member, *group) != (ADMINISTRATORS, VALID_USERS)
                    && (*member, *group) != (0, ADMINISTRATORS) =>
            {
                let values = args![self.ids[*group].0, self.ids[*member].0];
                let gone = facts::gone(facts::member(self.ids[*group].0, self.ids[*member].0));
                let (duty, organization) = (self.world.duty(), self.world.organization);
                unit!(self.world.store, (duty, values, gone), |tx| {
                    tx.authorize(&duty, TakeBaseline { organization }).await?;
                    tx.change(&gone);
                    tx.run(&LEAVE, values).await?;
                    Ok(())
                })
                .await
                .unwrap();
                self.model.members.remove(&(*member, *group));
                return Ok(());
            }
            Step::Join(..) | Step::Leave(..) => return Ok(()),
            Step::Disable(who, off) => {
                let values = args![self.ids[*who].0, off.then_some(1_i64)];
                let name = identity(self.ids[*who], IdentityKind::User).unique_name;
                let state = facts::identity(self.ids[*who].0, 1, &name, *off);
                let (duty, organization) = (self.world.duty(), self.world.organization);
                unit!(self.world.store, (duty, values, state), |tx| {
                    tx.authorize(&duty, TakeBaseline { organization }).await?;
                    tx.change(&state);
                    tx.run(&DISABLE, values).await?;
                    Ok(())
                })
                .await
                .unwrap();
                if *off {
                    self.model.disabled.insert(*who);
                } else {
                    self.model.disabled.remove(who);
                }
                return Ok(());
            }
            Step::Create(who) => (self.create(*who).await, self.created(*who)),
            Step::Delete(who, n) => {
                let Some(file) = self.number(*n) else {
                    return Ok(());
                };
                (self.delete(*who, file).await, self.deleted(*who, file))
            }
            Step::Permit(who, n, on) => {
                let Some(file) = self.number(*n) else {
                    return Ok(());
                };
                let no = self.model.no(*who, Some(file), library::USE, library::VIEW);
                if no.is_none() {
                    if *on {
                        self.model.permits.insert(file);
                    } else {
                        self.model.permits.remove(&file);
                    }
                }
                (self.permit(*who, file, *on).await, no.unwrap_or(End::Done))
            }
            Step::Use(n) => {
                let Some(file) = self.number(*n) else {
                    return Ok(());
                };
                let runs = self.run(file).await;
                let permitted = self.model.exists(Some(file)) && self.model.permits.contains(&file);
                prop_assert_eq!(runs, permitted, "whether a run with file {} starts", file);
                return Ok(());
            }
        };
        prop_assert_eq!(done, expected, "{:?}", step);
        Ok(())
    }

    async fn create(&mut self, who: usize) -> End {
        let (caller, project) = (self.caller(who), self.project);
        let file = FileId::random(&*entropy());
        let new = small_file(&format!("{file}.pem"), self.key);
        let done = end(unit!(self.world.store, (caller, new), |tx| {
            let grant = tx.authorize(&caller, CreateFile { project, file }).await?;
            tx.file_insert(grant, new).await
        })
        .await);
        if done == End::Done {
            self.files.push(file);
        }
        done
    }

    fn created(&mut self, who: usize) -> End {
        if let Some(no) = self.model.no(who, None, library::CREATE, 0) {
            return no;
        }
        let file = self.model.files.len();
        self.model.files.push(Some(who));
        let administrator = library::VIEW | library::USE | library::ADMINISTER;
        let row = (administrator | library::OWNER, 0);
        self.model.rows.insert((Some(file), who), row);
        End::Done
    }

    async fn delete(&self, who: usize, file: usize) -> End {
        let (caller, project, file) = (self.caller(who), self.project, self.files[file]);
        end(unit!(self.world.store, (caller), |tx| {
            let grant = tx.authorize(&caller, DeleteFile { project, file }).await?;
            tx.file_delete(grant).await
        })
        .await)
    }

    fn deleted(&mut self, who: usize, file: usize) -> End {
        let no = self
            .model
            .no(who, Some(file), library::ADMINISTER, library::VIEW);
        if let Some(no) = no {
            return no;
        }
        self.model.files[file] = None;
        self.model.rows.retain(|(place, _), _| *place != Some(file));
        self.model.alone.remove(&file);
        self.model.permits.remove(&file);
        End::Done
    }

    async fn permit(&self, who: usize, file: usize, on: bool) -> End {
        let (caller, project) = (self.caller(who), self.project);
        let (file, pipeline) = (self.files[file], self.pipeline);
        end(unit!(self.world.store, (caller), |tx| {
            if on {
                let act = PermitPipeline {
                    project,
                    file,
                    pipeline,
                };
                let grant = tx.authorize(&caller, act).await?;
                tx.permission_put(grant, &PermitTerms::default()).await
            } else {
                let act = RevokePipeline {
                    project,
                    file,
                    pipeline,
                };
                let grant = tx.authorize(&caller, act).await?;
                tx.permission_remove(grant).await
            }
        })
        .await)
    }

    /// Whether a run that uses the file starts at once.
    async fn run(&self, file: usize) -> bool {
        let (admin, project, pipeline) = (self.world.admin.clone(), self.project, self.pipeline);
        let files = vec![self.files[file]];
        let run = NewRun {
            revision: 1,
            source: RunSource::Stored,
            number: Vec::new(),
            plan: "{}".into(),
            plan_digest: [0; 32],
            stages: vec![NewStage {
                name: "build".into(),
                display_name: "Build".into(),
                files: files.clone(),
                jobs: vec![NewJob {
                    id: JobId::random(&*entropy()),
                    name: "job".into(),
                    display_name: "Job".into(),
                    files,
                    deferred: Vec::new(),
                    skipped: false,
                    values: Vec::new(),
                    continue_on_error: false,
                }],
            }],
        };
        unit!(self.world.store, (admin, run), |tx| {
            let grant = tx.authorize(&admin, QueueRun { project, pipeline }).await?;
            let run = tx.run_insert(grant, &run).await?;
            tx.stage_evaluate(run, 1).await
        })
        .await
        .unwrap()
    }

    /// What everybody sees, by lists and by looks, and what the lists of rights say.
    async fn compare(&self) -> Result<(), TestCaseError> {
        let bits = [library::VIEW, library::USE, library::ADMINISTER];
        let mut read = self.world.store.read().await.unwrap();
        for who in 0..PEOPLE {
            let caller = self.caller(who);
            for bit in bits {
                let expected: BTreeSet<FileId> = (0..self.files.len())
                    .filter(|file| {
                        self.model.sees(who, Some(*file)) && self.model.has(who, Some(*file), bit)
                    })
                    .map(|file| self.files[file])
                    .collect();
                let listed = read
                    .files_visible(&caller, self.project, bit, &FileQuery::All)
                    .await
                    .unwrap();
                let listed: BTreeSet<FileId> = listed.into_iter().map(|file| file.id).collect();
                prop_assert_eq!(&listed, &expected, "the list of {} with {}", who, bit);
                for (n, file) in self.files.iter().enumerate() {
                    let scope = Scope::File(self.project, *file);
                    let bits = bit | library::VIEW;
                    let may = read
                        .may(&caller, &CheckAccess { scope, bits })
                        .await
                        .unwrap();
                    prop_assert_eq!(
                        may,
                        expected.contains(file),
                        "the look of {} at {} with {}",
                        who,
                        n,
                        bit
                    );
                }
            }
            let scope = Scope::Library(self.project);
            for bit in [library::VIEW, library::CREATE, library::ADMINISTER] {
                let may = read
                    .may(&caller, &CheckAccess { scope, bits: bit })
                    .await
                    .unwrap();
                prop_assert_eq!(
                    may,
                    self.model.has(who, None, bit),
                    "{} at the library with {}",
                    who,
                    bit
                );
            }
        }
        let places = std::iter::once(None).chain((0..self.files.len()).map(Some));
        for place in places.filter(|place| self.model.exists(*place)) {
            let scope = self.scope(place);
            let list = read.access_list(&Seen(ViewAccess { scope })).await.unwrap();
            let alone = place.is_none_or(|file| self.model.alone.contains(&file));
            prop_assert_eq!(list.inherits, !alone, "inheritance at {:?}", place);
            let number = |id: IdentityId| self.ids.iter().position(|known| *known == id);
            let own: BTreeMap<usize, (i64, i64)> = list
                .rows
                .iter()
                .filter_map(|row| Some((number(row.identity.id)?, row.own?)))
                .map(|(who, bits)| (who, (bits.allow, bits.deny)))
                .collect();
            let expected: BTreeMap<usize, (i64, i64)> = self
                .model
                .rows
                .iter()
                .filter(|((at, _), _)| *at == place)
                .map(|((_, who), row)| (*who, *row))
                .collect();
            prop_assert_eq!(own, expected, "the rows at {:?}", place);
        }
        Ok(())
    }

    pub(super) async fn tell(world: &World, steps: &[Step]) -> Result<(), TestCaseError> {
        let mut story = Story::begin(world).await;
        for step in steps {
            story.step(step).await?;
        }
        story.compare().await
    }
}

fn identity(id: IdentityId, kind: IdentityKind) -> NewIdentity {
    NewIdentity {
        id,
        kind,
        project: None,
        unique_name: id.to_string(),
        display_name: id.to_string(),
    }
}
