//! Rotation: each guard is in the unit that writes, whoever asks and however late.

use super::home::{Home, entropy};
use super::world::{World, small_file};
use crate::{
    NewProjectKey, NewRotation, NewWrap, Placement, ProjectKeyRow, Refusal, Resealed,
    RotationLease, SigningKeyRow, Stop, Tx, WrappedKind,
};
use coffer_model::act::{
    CreateKey, DestroyGeneration, DisableGeneration, ReencryptFile, RetireGeneration, StartRotation,
};
use coffer_model::rotation::{Facts, GenerationState, Step, next};
use coffer_model::{Authentication, FileId, ProjectId, ProjectKeyId};
use uuid::Uuid;

const NODE: Uuid = Uuid::from_u128(1);
const OTHER_NODE: Uuid = Uuid::from_u128(2);

fn refusal<T: std::fmt::Debug>(result: Result<T, Stop>) -> Refusal {
    match result {
        Err(Stop::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn new(cause: &'static str) -> NewRotation {
    NewRotation {
        cause,
        deployment: "d2".into(),
        scale_unit: "unit-a".into(),
        provider: "file".into(),
    }
}

async fn lease(tx: &mut Tx) -> Result<RotationLease, Stop> {
    Ok(tx.rotation_lease(NODE, 60).await?.expect("it is free"))
}

/// A rotation in the hands of one node, step by step.
struct Story {
    world: World,
}

impl Story {
    async fn new(home: &Home) -> Self {
        let world = World::new(home).await;
        Self { world }
    }

    async fn seen(&self, deployment: &'static str) {
        unit!(self.world.store, (), |tx| tx
            .deployment_seen(deployment, "file")
            .await)
        .await
        .unwrap();
    }

    async fn begin(&self, cause: &'static str) -> Result<i64, Stop> {
        let (duty, new) = (self.world.duty(), new(cause));
        unit!(self.world.store, (duty, new), |tx| {
            let rotation = tx.rotation_next().await?;
            let grant = tx.authorize(&duty, StartRotation { rotation }).await?;
            tx.rotation_begin(grant, &new).await?;
            Ok(rotation)
        })
        .await
    }

    async fn facts(&self) -> Facts {
        let mut read = self.world.store.read().await.unwrap();
        let rotation = read.rotation_running().await.unwrap().unwrap();
        read.rotation_facts(&rotation, (0, 0)).await.unwrap()
    }

    async fn step(&self) -> Step {
        next(&self.facts().await)
    }

    async fn settle(&self, generation: &'static str) -> Result<(), Stop> {
        let duty = self.world.duty();
        let mut read = self.world.store.read().await.unwrap();
        let rotation = read.rotation_running().await.unwrap().unwrap();
        drop(read);
        unit!(self.world.store, (duty, rotation), |tx| {
            let lease = lease(tx).await?;
            let act = CreateKey {
                project: None,
                version: generation.into(),
            };
            let grant = tx.authorize(&duty, act).await?;
            tx.rotation_settle(&lease, &rotation, Some(grant), (generation, "file"), "")
                .await
        })
        .await
    }

    async fn renew(
        &self,
        project: ProjectId,
        id: ProjectKeyId,
        version: i64,
        generation: &'static str,
    ) -> Result<(), Stop> {
        let duty = self.world.duty();
        unit!(self.world.store, (duty), |tx| {
            let lease = lease(tx).await?;
            let act = CreateKey {
                project: Some(project),
                version: version.to_string(),
            };
            let grant = tx.authorize(&duty, act).await?;
            let new = NewProjectKey {
                id,
                scope: project.into(),
                version,
                generation: generation.into(),
                wrapped: vec![5; 48],
                commitment: [6; 32],
                deployment: "d2".into(),
            };
            tx.rotation_renew(&lease, grant, "unit-a", &new).await
        })
        .await
    }

    /// New keys for both projects, under a new generation.
    async fn renewed(&self) -> ProjectKeyId {
        self.seen("d2").await;
        self.begin("deployment").await.unwrap();
        self.settle("g2").await.unwrap();
        let (one, two) = (id(), id());
        self.renew(self.world.project, one, 2, "g2").await.unwrap();
        self.renew(self.world.other, two, 2, "g2").await.unwrap();
        one
    }

    async fn row(&self, key: ProjectKeyId) -> ProjectKeyRow {
        let mut read = self.world.store.read().await.unwrap();
        read.project_key(key).await.unwrap().unwrap()
    }

    async fn rewrap(
        &self,
        from: ProjectKeyId,
        to: ProjectKeyId,
        file: FileId,
        was: &[u8],
    ) -> Result<i64, Stop> {
        let row = self.row(from).await;
        let wraps = vec![NewWrap {
            kind: WrappedKind::SecureFile,
            owner: file.0,
            was: was.to_vec(),
            wrapped: vec![77; 48],
        }];
        unit!(self.world.store, (row, wraps), |tx| {
            let lease = lease(tx).await?;
            tx.rotation_rewrap(&lease, &row, to, &wraps).await
        })
        .await
    }

    /// What a key wraps: the wraps as they are.
    async fn wraps(&self, key: ProjectKeyId) -> Vec<Vec<u8>> {
        let mut read = self.world.store.read().await.unwrap();
        let page = read.rotation_page(key, None, 100).await.unwrap();
        page.into_iter().map(|wrap| wrap.wrapped).collect()
    }

    async fn retire(&self) -> i64 {
        unit!(self.world.store, (), |tx| {
            let lease = lease(tx).await?;
            tx.rotation_retire_keys(&lease).await
        })
        .await
        .unwrap()
    }

    async fn retire_generation(&self, generation: &'static str) -> Result<(), Stop> {
        let duty = self.world.duty();
        unit!(self.world.store, (duty), |tx| {
            let lease = lease(tx).await?;
            let act = RetireGeneration {
                generation: generation.into(),
            };
            let grant = tx.authorize(&duty, act).await?;
            tx.rotation_retire_generation(&lease, grant).await
        })
        .await
    }

    async fn disable(&self, generation: &'static str) -> Result<(), Stop> {
        let duty = self.world.duty();
        unit!(self.world.store, (duty), |tx| {
            let act = DisableGeneration {
                generation: generation.into(),
            };
            let grant = tx.authorize(&duty, act).await?;
            tx.generation_disabled(grant).await
        })
        .await
    }

    async fn destroy(&self, generation: &'static str) -> Result<(), Stop> {
        let duty = self.world.duty();
        unit!(self.world.store, (duty), |tx| {
            let act = DestroyGeneration {
                generation: generation.into(),
            };
            let grant = tx.authorize(&duty, act).await?;
            tx.generation_destroyed(grant).await
        })
        .await
    }
}

fn id() -> ProjectKeyId {
    ProjectKeyId::random(&*entropy())
}

both! {
    async fn versions_and_generations_go_from_active_to_destroyed(home) {
        let story = Story::new(&home).await;
        let world = &story.world;
        let (file, old) = (world.upload("a.pem").await, world.key);
        story.seen("d2").await;
        story.begin("deployment").await.unwrap();
        assert_eq!(story.step().await, Step::Settle);
        story.settle("g2").await.unwrap();
        assert_eq!(refusal(story.retire_generation("g2").await), Refusal::State, "it wraps nothing yet, and is active");
        assert_eq!(story.step().await, Step::Renew);
        let (new, beta) = (id(), id());
        story.renew(world.project, new, 2, "g2").await.unwrap();
        assert_eq!(story.step().await, Step::Renew, "the other project has none yet");
        story.renew(world.other, beta, 2, "g2").await.unwrap();
        assert_eq!(story.step().await, Step::Rewrap);
        assert_eq!((story.row(old).await.state.as_str(), story.row(new).await.state.as_str()), ("draining", "active"));

        assert_eq!(story.retire().await, 1, "the other project's wraps nothing");
        assert_eq!(refusal(story.retire_generation("g1").await), Refusal::State, "a draining key needs it");
        let was = story.wraps(old).await.remove(0);
        assert_eq!(story.rewrap(old, new, file, &was).await.unwrap(), 1);
        assert_eq!(story.wraps(new).await, [vec![77; 48]]);
        assert_eq!(story.step().await, Step::RetireKeys);
        assert_eq!(story.retire().await, 1);
        assert_eq!(story.row(old).await.state, "retired");
        assert_eq!(story.step().await, Step::RetireGenerations);
        assert_eq!(refusal(story.retire_generation("g2").await), Refusal::State, "it is active");
        story.retire_generation("g1").await.unwrap();
        assert_eq!(story.step().await, Step::Report);

        assert_eq!(refusal(story.destroy("g1").await), Refusal::State, "not before it is disabled");
        story.disable("g1").await.unwrap();
        assert_eq!(refusal(story.disable("g1").await), Refusal::State, "once");
        story.destroy("g1").await.unwrap();
        let mut read = world.store.read().await.unwrap();
        assert!(read.project_key(old).await.unwrap().is_none(), "nothing opens it any more");
        let states: Vec<_> = read.generations().await.unwrap().into_iter().map(|row| row.state).collect();
        assert_eq!(states, [GenerationState::Destroyed, GenerationState::Active]);
    }

    async fn nothing_is_wrapped_by_a_version_that_is_not_active(home) {
        let story = Story::new(&home).await;
        let world = &story.world;
        let (file, old) = (world.upload("a.pem").await, world.key);
        let new = story.renewed().await;
        let late = world.upload_as(&world.admin, world.project, small_file("late.pem", old)).await;
        assert_eq!(refusal(late), Refusal::KeyNotActive);
        world.upload_as(&world.admin, world.project, small_file("new.pem", new)).await.unwrap();
        let was = story.wraps(old).await.remove(0);
        // Back to the old one, or to another project's: no.
        assert_eq!(refusal(story.rewrap(old, old, file, &was).await), Refusal::KeyNotActive);
        let beta = world.store.read().await.unwrap().project_key_active(world.other).await.unwrap().unwrap();
        assert_eq!(refusal(story.rewrap(old, beta.id, file, &was).await), Refusal::KeyNotActive);
        // A project key that was made before, and comes late.
        assert_eq!(refusal(world.project_key(world.project, id(), 3).await), Refusal::KeyNotActive);
        assert_eq!(refusal(story.renew(world.project, id(), 3, "g1").await), Refusal::KeyNotActive);
        assert_eq!(refusal(story.renew(world.project, id(), 2, "g2").await), Refusal::State, "that version is there");
    }

    async fn a_wrap_is_replaced_only_as_it_was_read(home) {
        let story = Story::new(&home).await;
        let world = &story.world;
        let (file, gone, old) = (world.upload("a.pem").await, world.upload("b.pem").await, world.key);
        let new = story.renewed().await;
        let was = story.wraps(old).await.remove(0);
        world.delete(gone).await.unwrap();
        assert_eq!(story.rewrap(old, new, gone, &was).await.unwrap(), 0, "what was deleted stays deleted");
        assert_eq!(story.rewrap(old, new, file, &[1, 2, 3]).await.unwrap(), 0);
        assert_eq!(story.wraps(old).await, std::slice::from_ref(&was));
        assert_eq!(story.rewrap(old, new, file, &was).await.unwrap(), 1);
        assert_eq!(story.rewrap(old, new, file, &was).await.unwrap(), 0, "once");
        let mut read = world.store.read().await.unwrap();
        assert_eq!(read.rotation_running().await.unwrap().unwrap().wraps, 1);
    }

    async fn one_rotation_runs_and_later_deployments_share_the_next(home) {
        let story = Story::new(&home).await;
        let world = &story.world;
        assert_eq!(refusal(story.begin("deployment").await), Refusal::State, "nothing waits");
        let first = story.begin("request").await.unwrap();
        for deployment in ["d2", "d3", "d2"] {
            story.seen(deployment).await;
        }
        assert_eq!(refusal(story.begin("deployment").await), Refusal::State, "one is under way");
        let look = world.store.read().await.unwrap().rotation_look("d2", "file", NODE).await.unwrap();
        assert!(look.known && look.waiting && look.running && look.free, "{look:?}");
        home.sql("update rotation set state = 'done'").await;
        let second = story.begin("deployment").await.unwrap();
        assert_eq!((first, second), (1, 2));
        let mut read = world.store.read().await.unwrap();
        assert_eq!(read.rotation_deployments(second).await.unwrap(), ["d2", "d3"]);
        assert_eq!(read.rotation_running().await.unwrap().unwrap().deployment, "d3", "keys say the newest");
        drop(read);
        home.sql("update rotation set state = 'done'").await;
        // A node of the older build starts late.
        story.seen("d2").await;
        assert_eq!(refusal(story.begin("deployment").await), Refusal::State);
        let other = world.store.read().await.unwrap().rotation_look("d3", "vault", NODE).await.unwrap();
        assert!(!other.known, "with another provider it is another deployment");
    }

    async fn one_node_has_the_rotation_until_its_time_is_over(home) {
        let story = Story::new(&home).await;
        let world = &story.world;
        story.seen("d2").await;
        story.begin("deployment").await.unwrap();
        let take = |node: Uuid| async move {
            unit!(world.store, (), |tx| Ok(tx.rotation_lease(node, 60).await?.is_some())).await.unwrap()
        };
        assert!(take(NODE).await);
        assert!(!take(OTHER_NODE).await);
        assert!(take(NODE).await, "it keeps it");
        world.store.advance_clock(61);
        assert!(take(OTHER_NODE).await);
        assert!(!take(NODE).await, "the first was too late");
        unit!(world.store, (), |tx| tx.rotation_failed(None, 1, OTHER_NODE, "away", 30).await).await.unwrap();
        assert!(!take(NODE).await && !take(OTHER_NODE).await, "it is not to be tried yet");
        let late = unit!(world.store, (), |tx| tx.rotation_failed(None, 1, NODE, "late", 0).await).await;
        assert_eq!(refusal(late), Refusal::State, "who does not have it puts nothing off");
        let row = world.store.read().await.unwrap().rotation_running().await.unwrap().unwrap();
        assert_eq!((row.failures, row.last_error.as_deref()), (1, Some("away")));
        world.store.advance_clock(31);
        assert!(take(NODE).await);
        unit!(world.store, (), |tx| tx.rotation_release(NODE).await).await.unwrap();
        assert!(take(OTHER_NODE).await, "let go, it is free at once");
    }

    async fn a_lease_is_good_in_its_own_unit_only(home) {
        let story = Story::new(&home).await;
        story.seen("d2").await;
        story.begin("deployment").await.unwrap();
        let old = unit!(story.world.store, (), |tx| lease(tx).await).await.unwrap();
        let old = std::sync::Arc::new(old);
        let used = unit!(story.world.store, (old), |tx| tx.rotation_retire_keys(&old).await).await;
        assert!(matches!(used, Err(Stop::Failed(crate::StoreError::ForeignGrant))), "{used:?}");
    }

    async fn a_generation_is_settled_once(home) {
        let story = Story::new(&home).await;
        story.seen("d2").await;
        story.begin("deployment").await.unwrap();
        story.settle("g2").await.unwrap();
        assert_eq!(refusal(story.settle("g3").await), Refusal::State);
        let mut read = story.world.store.read().await.unwrap();
        assert!(!read.generation_known("g3").await.unwrap(), "nothing of it is left");
        let active = read.generation_active_of("unit-a", "file").await.unwrap();
        assert_eq!(active.as_deref(), Some("g2"));
        drop(read);
        home.sql("update rotation set state = 'done'").await;
        story.begin("request").await.unwrap();
        assert_eq!(refusal(story.settle("g1").await), Refusal::State, "one that drains does not come back");
    }

    async fn a_signing_key_is_wrapped_anew_as_it_was_read_and_keeps_its_generation_until_then(home) {
        let story = Story::new(&home).await;
        let world = &story.world;
        let signing = |version: i64, generation: &str| SigningKeyRow {
            id: [u8::try_from(version).unwrap(); 32],
            version,
            generation: generation.into(),
            provider: "file".into(),
            public_key: [3; 32],
            wrapped: vec![4; 48],
            scale_unit: "unit-a".into(),
            made_for: "unit-a".into(),
        };
        let insert = async |row: SigningKeyRow| {
            let duty = world.duty();
            unit!(world.store, (duty, row), |tx| {
                let act = CreateKey { project: None, version: "signing".into() };
                let grant = tx.authorize(&duty, act).await?;
                tx.signing_key_insert(grant, &row).await
            })
            .await
        };
        insert(signing(1, "g1")).await.unwrap();
        let new = story.renewed().await;
        assert_eq!(refusal(insert(signing(2, "g1")).await), Refusal::KeyNotActive, "made before, and late");
        assert!(world.store.read().await.unwrap().project_key(new).await.unwrap().is_some());
        story.retire().await;
        assert_eq!(story.step().await, Step::RewrapSecret);
        assert_eq!(refusal(story.retire_generation("g1").await), Refusal::State, "the signing key needs it");
        let rewrap = async |was: Vec<u8>, generation: &'static str| {
            let row = SigningKeyRow { wrapped: was, ..signing(1, "g1") };
            unit!(world.store, (row), |tx| {
                let lease = lease(tx).await?;
                tx.rotation_rewrap_secret(&lease, &row, (generation, "unit-a"), &[9; 48]).await
            })
            .await
            .unwrap()
        };
        assert!(!rewrap(vec![1; 48], "g2").await, "it is not any more as it was read");
        assert!(!rewrap(vec![4; 48], "g1").await, "that one drains");
        assert!(rewrap(vec![4; 48], "g2").await);
        let keys = world.store.read().await.unwrap().signing_keys().await.unwrap();
        assert_eq!((keys[0].generation.as_str(), keys[0].wrapped.as_slice()), ("g2", [9; 48].as_slice()));
        story.retire_generation("g1").await.unwrap();
    }

    async fn a_file_is_sealed_again_only_as_it_was_read_and_under_an_active_key(home) {
        let story = Story::new(&home).await;
        let world = &story.world;
        let (file, old) = (world.upload("a.pem").await, world.key);
        let was = preamble_of(world, file).await;
        let new = story.renewed().await;
        let reseal = async |was: Vec<u8>, key: ProjectKeyId| {
            let (mut admin, project) = (world.admin.clone(), world.project);
            if let Authentication::Token { credential, scopes } = admin.authentication {
                let method = "token and password";
                admin.authentication = Authentication::Shown { credential, scopes, method };
            }
            let new = Resealed {
                was,
                preamble: vec![8; 97],
                placement: Placement::Row(vec![8; 120]),
                sealed_length: 120,
                sealed_sha256: [8; 32],
                project_key: key,
                wrapped: vec![88; 48],
            };
            unit!(world.store, (admin, new), |tx| {
                let grant = tx.authorize(&admin, ReencryptFile { project, file }).await?;
                tx.file_reseal(grant, new).await
            })
            .await
        };
        assert_eq!(refusal(reseal(vec![7; 97], new).await), Refusal::ChangedMeanwhile);
        assert_eq!(refusal(reseal(was.clone(), old).await), Refusal::KeyNotActive);
        assert_eq!(preamble_of(world, file).await, was, "and nothing of it is left");
        reseal(was.clone(), new).await.unwrap();
        assert_eq!((story.wraps(old).await.len(), story.wraps(new).await), (0, vec![vec![88; 48]]));
        assert_eq!(refusal(reseal(was, new).await), Refusal::ChangedMeanwhile, "once");
        world.delete(file).await.unwrap();
        assert!(reseal(vec![8; 97], new).await.is_err());
    }
}

/// Header and commitment of a file, as stored.
async fn preamble_of(world: &World, file: FileId) -> Vec<u8> {
    let mut read = world.store.read().await.unwrap();
    read.file_preamble(file).await.unwrap()
}
