//! Random histories of roles, rights, groups, disabling, files and permits, against a naive model of what should hold.
//!
//! The model is written from the rules as people know them, one question at a time, and shares no code with
//! `access::effective` or with SQL. After each step it says how the step ends; at the end it says what everybody sees.

use super::home::{Home, entropy};
use super::world::{World, person, small_file};
use crate::gate::Seen;
use crate::sql::{Statement, args};
use crate::{
    AccessChange, FileQuery, NewIdentity, NewJob, NewProjectKey, NewRun, NewStage, PipelineText,
    Refusal, Stop,
};
use coffer_model::access::{Bits, Role, Scope, library};
use coffer_model::act::{
    CheckAccess, CreateFile, CreateKey, CreatePipeline, CreateProject, DeleteFile, PermitPipeline,
    QueueRun, RevokePipeline, ViewAccess,
};
use coffer_model::library::IdentityKind;
use coffer_model::policy::Denied;
use coffer_model::{Caller, FileId, IdentityId, JobId, PipelineId, ProjectId, ProjectKeyId};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::collections::{BTreeMap, BTreeSet};

/// 0 is the administrator of everything, 1 to 3 are people; then groups.
const PEOPLE: usize = 4;
/// Project Administrators, with 0 in it; Project Valid Users, with that group in it; two that start empty.
const ADMINISTRATORS: usize = 4;
const VALID_USERS: usize = 5;
const IDENTITIES: usize = 8;

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
    sqlite: "delete from access_entry where namespace_id = $1 and token = $2 and identity_id not in ($3, $4)",
    postgres: "delete from access_entry where namespace_id = $1 and token = $2 and identity_id not in ($3, $4)",
};

/// Where: the library, or the file that was made as the n-th (counted in a circle).
#[derive(Clone, Copy, Debug)]
enum At {
    Library,
    File(usize),
}

#[derive(Clone, Debug)]
enum Step {
    Role(usize, At, usize, Role),
    Rights(usize, At, usize, Bits, bool),
    Remove(usize, At, usize),
    Inherit(usize, usize, bool),
    Join(usize, usize),
    Leave(usize, usize),
    Disable(usize, bool),
    Create(usize),
    Delete(usize, usize),
    Permit(usize, usize, bool),
    Use(usize),
}

fn at() -> impl Strategy<Value = At> {
    prop_oneof![2 => Just(At::Library), 3 => (0..4_usize).prop_map(At::File)]
}

fn rights() -> impl Strategy<Value = Bits> {
    let some = || {
        prop::collection::vec(
            prop::sample::select(vec![
                library::VIEW,
                library::ADMINISTER,
                library::CREATE,
                library::USE,
            ]),
            0..3,
        )
        .prop_map(|bits| bits.into_iter().fold(0, |all, bit| all | bit))
    };
    let mark = prop_oneof![30 => Just(0), 1 => Just(library::OWNER)];
    (some(), prop_oneof![2 => Just(0), 1 => some()], mark).prop_map(|(allow, deny, mark)| Bits {
        allow: (allow | mark) & !deny,
        deny,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let who = || prop_oneof![2 => Just(0), 3 => 0..PEOPLE];
    let any = || 0..IDENTITIES;
    let role = prop::sample::select(vec![
        Role::Reader,
        Role::User,
        Role::Creator,
        Role::Administrator,
        Role::Administrator,
    ]);
    prop_oneof![
        6 => (who(), at(), any(), role).prop_map(|(a, b, c, d)| Step::Role(a, b, c, d)),
        5 => (who(), at(), any(), rights(), prop::bool::ANY)
            .prop_map(|(a, b, c, d, e)| Step::Rights(a, b, c, d, e)),
        4 => (who(), at(), any()).prop_map(|(a, b, c)| Step::Remove(a, b, c)),
        4 => (who(), 0..4_usize, prop::bool::ANY).prop_map(|(a, b, c)| Step::Inherit(a, b, c)),
        4 => (any(), PEOPLE..IDENTITIES).prop_map(|(a, b)| Step::Join(a, b)),
        2 => (any(), PEOPLE..IDENTITIES).prop_map(|(a, b)| Step::Leave(a, b)),
        1 => (1..PEOPLE, prop::bool::weighted(0.7)).prop_map(|(a, b)| Step::Disable(a, b)),
        4 => who().prop_map(Step::Create),
        1 => (who(), 0..4_usize).prop_map(|(a, b)| Step::Delete(a, b)),
        3 => (who(), 0..4_usize, prop::bool::weighted(0.7)).prop_map(|(a, b, c)| Step::Permit(a, b, c)),
        1 => (0..4_usize).prop_map(Step::Use),
    ]
}

/// How a step ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Done,
    Denied(&'static str),
    Refused(Refusal),
}

/// Where, with a file's number in the order of making; `None` when there is none to speak of.
type Where = Option<usize>;

/// What should hold.
#[derive(Clone, Default)]
struct Model {
    /// Member, group.
    members: BTreeSet<(usize, usize)>,
    disabled: BTreeSet<usize>,
    /// By place (the library is `None`) and identity: allowed, denied.
    rows: BTreeMap<(Where, usize), (i64, i64)>,
    /// Files that do not inherit.
    alone: BTreeSet<usize>,
    /// Who made each file; a deleted one is nobody's.
    files: Vec<Option<usize>>,
    permits: BTreeSet<usize>,
}

impl Model {
    fn new() -> Self {
        let mut model = Self::default();
        model.members.insert((0, ADMINISTRATORS));
        model.members.insert((ADMINISTRATORS, VALID_USERS));
        model
            .rows
            .insert((None, ADMINISTRATORS), (1 | 2 | 4 | 16, 0));
        model.rows.insert((None, VALID_USERS), (1, 0));
        model
    }

    /// Whether somebody is an identity, or in it by some way.
    fn is(&self, who: usize, identity: usize, passed: &mut BTreeSet<usize>) -> bool {
        who == identity
            || passed.insert(who)
                && self
                    .members
                    .iter()
                    .filter(|(member, _)| *member == who)
                    .any(|(_, group)| self.is(*group, identity, passed))
    }

    /// The row that counts for an identity at a place.
    fn row(&self, place: Where, identity: usize) -> Option<(i64, i64)> {
        if let Some(row) = self.rows.get(&(place, identity)) {
            return Some(*row);
        }
        match place {
            Some(file) if !self.alone.contains(&file) => self.rows.get(&(None, identity)).copied(),
            _ => None,
        }
    }

    fn has(&self, who: usize, place: Where, bit: i64) -> bool {
        if self.disabled.contains(&who) {
            return false;
        }
        let mut allowed = false;
        for identity in 0..IDENTITIES {
            if !self.is(who, identity, &mut BTreeSet::new()) {
                continue;
            }
            if let Some((allow, deny)) = self.row(place, identity) {
                if deny & bit != 0 {
                    return false;
                }
                allowed |= allow & bit != 0;
            }
        }
        allowed
    }

    fn exists(&self, place: Where) -> bool {
        place.is_none_or(|file| self.files[file].is_some())
    }

    fn sees(&self, who: usize, place: Where) -> bool {
        self.exists(place) && self.has(who, place, library::VIEW)
    }

    /// The no that the gate gives, if it gives one.
    fn no(&self, who: usize, place: Where, bit: i64, view: i64) -> Option<End> {
        if self.disabled.contains(&who) {
            Some(End::Denied("identity_disabled"))
        } else if !self.exists(place) || (view != 0 && !self.has(who, place, view)) {
            Some(End::Denied("not_found"))
        } else if self.has(who, place, bit) {
            None
        } else {
            Some(End::Denied("role_missing"))
        }
    }

    fn somebody_administers(&self, place: Where) -> bool {
        (0..PEOPLE).any(|who| {
            self.has(who, place, library::VIEW) && self.has(who, place, library::ADMINISTER)
        })
    }

    /// Places of which nobody is Administrator.
    fn deserted(&self) -> BTreeSet<Where> {
        let files = (0..self.files.len()).map(Some);
        std::iter::once(None)
            .chain(files)
            .filter(|place| self.exists(*place) && !self.somebody_administers(*place))
            .collect()
    }

    fn owner(&self, place: Where, who: usize) -> bool {
        self.rows
            .get(&(place, who))
            .is_some_and(|(allow, _)| allow & library::OWNER != 0)
    }

    /// Changes rows, if somebody is left afterwards whom the change did not take away.
    fn settle(&mut self, next: Self, here: Where) -> End {
        let (before, after) = (self.deserted(), next.deserted());
        if after.contains(&here) || after.difference(&before).next().is_some() {
            return End::Refused(Refusal::LastAdministrator);
        }
        *self = next;
        End::Done
    }

    fn write(&mut self, who: usize, place: Where, whose: usize, row: (i64, i64)) -> End {
        let removes = row == (0, 0);
        if let Some(no) = self.no(who, place, library::ADMINISTER, library::VIEW) {
            return no;
        }
        let own = self.rows.get(&(place, whose)).copied();
        if self.owner(place, whose) && own != Some(row) {
            return End::Refused(Refusal::CreatorFixed);
        }
        if (row.0 | row.1) & library::OWNER != 0 && own != Some(row) {
            return End::Refused(Refusal::OwnerMark);
        }
        let above = match place {
            Some(file) if !self.alone.contains(&file) => self.rows.get(&(None, whose)).copied(),
            _ => None,
        };
        if let Some((allow, deny)) = above {
            let lowered = [library::VIEW, library::ADMINISTER, library::USE]
                .into_iter()
                .any(|bit| {
                    let had = allow & bit != 0 && deny & bit == 0;
                    let has = row.0 & bit != 0 && row.1 & bit == 0;
                    had && !has
                });
            if (removes && own.is_none()) || (!removes && lowered) {
                return End::Refused(Refusal::Inherited);
            }
        }
        let mut next = self.clone();
        if removes {
            next.rows.remove(&(place, whose));
        } else {
            next.rows.insert((place, whose), row);
        }
        self.settle(next, place)
    }

    fn inherit(&mut self, who: usize, file: usize, on: bool) -> End {
        if let Some(no) = self.no(who, Some(file), library::ADMINISTER, library::VIEW) {
            return no;
        }
        let mut next = self.clone();
        if on {
            next.alone.remove(&file);
            for identity in 0..IDENTITIES {
                if self.rows.contains_key(&(None, identity)) && !self.owner(Some(file), identity) {
                    next.rows.remove(&(Some(file), identity));
                }
            }
        } else {
            next.alone.insert(file);
        }
        self.settle(next, Some(file))
    }
}

/// A project in the store, beside its model.
struct Story<'a> {
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
            tx.project_insert(grant, &name).await?;
            let act = CreateKey {
                project: Some(project),
                version: "1".into(),
            };
            let grant = tx.authorize(&duty, act).await?;
            let new = NewProjectKey {
                id: key,
                project,
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
            tx.run(&CLEAR, values).await?;
            let text = PipelineText {
                name: "build".into(),
                folder: "\\".into(),
                path: "azure-pipelines.yml".into(),
                yaml: "steps: []".into(),
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
                unit!(self.world.store, (), |tx| {
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
                unit!(self.world.store, (values), |tx| {
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
                unit!(self.world.store, (values), |tx| {
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
                tx.permission_put(grant).await
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
            name: None,
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
                    skipped: false,
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

    async fn tell(world: &World, steps: &[Step]) -> Result<(), TestCaseError> {
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

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says how long, and which seed"
)]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// As many histories as `cases`, each in a project of its own of one database.
fn histories(cases: u32, home: Home) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(home.tell(|home| async move {
        let world = World::new(&home).await;
        let handle = tokio::runtime::Handle::current();
        let seed = told("COFFER_TEST_SEED").and_then(|seed| seed.parse::<u64>().ok());
        let seed = seed.unwrap_or_else(|| {
            let mut bytes = [0; 8];
            entropy()(&mut bytes);
            u64::from_be_bytes(bytes)
        });
        let mut long = [0; 32];
        long[..8].copy_from_slice(&seed.to_be_bytes());
        let config = Config {
            cases,
            failure_persistence: None,
            max_shrink_iters: 400,
            ..Config::default()
        };
        tokio::task::block_in_place(|| {
            let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &long);
            let mut runner = TestRunner::new_with_rng(config, rng);
            let steps = prop::collection::vec(step(), 4..28);
            let result = runner.run(&steps, |steps| handle.block_on(Story::tell(&world, &steps)));
            if let Err(error) = result {
                panic!("seed {seed}: {error}");
            }
        });
        println!("{cases} histories, seed {seed}");
    }));
}

/// How many histories: `usual`, or for a soak as many as fit into its minutes, about.
fn cases(usual: u32, per_minute: u32) -> u32 {
    if told("COFFER_EFFORT").as_deref() != Some("soak") {
        return usual;
    }
    let minutes = told("COFFER_SOAK_MINUTES").and_then(|minutes| minutes.parse::<u32>().ok());
    minutes.unwrap_or(1).saturating_mul(per_minute)
}

#[test]
fn soak_histories_end_as_the_model_says_on_sqlite() {
    histories(cases(60, 900), Home::sqlite());
}

#[test]
fn soak_histories_end_as_the_model_says_on_postgres() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let name = concat!(
        module_path!(),
        "::soak_histories_end_as_the_model_says_on_postgres"
    );
    if let Some(home) = runtime.block_on(Home::postgres(name)) {
        histories(cases(10, 120), home);
    }
}
