//! Keys are rotated at every deployment: every file opens before, during and after, whatever happens meanwhile, and
//! nothing is left under an old key.

use crate::{Cast, newest, sha256, yaml};
use coffer_service::RotationView;
use coffer_testkit::{
    Engine, Frozen, LeasedJob, PROJECT, StoreFault, TestAgent, TestServer, both, eventually, random,
};
use coffer_wire::pipelines::Pipeline;
use coffer_wire::secure_files::SecureFile;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub(crate) const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const PASSWORD: &str = "a long enough password";

/// Files of all sizes, and a pipeline that may use them all.
pub(crate) struct Shelf {
    pub(crate) cast: Cast,
    pub(crate) files: Vec<(SecureFile, Vec<u8>)>,
    pipeline: Pipeline,
    pub(crate) agent: TestAgent,
}

impl Shelf {
    pub(crate) async fn of(server: &TestServer) -> Self {
        let cast = Cast::permitted(server).await;
        let mut files = vec![(cast.file.clone(), cast.content.clone())];
        for size in [0, 1, 65_536, 300_000] {
            let (name, content) = (format!("of-{size}.bin"), random(size));
            files.push((cast.engineer.upload(&name, &content).await, content));
        }
        let names: Vec<_> = files.iter().map(|(file, _)| file.name.as_str()).collect();
        let pipeline = cast.developer.pipeline("all", &yaml(&names)).await;
        for (file, _) in &files {
            cast.engineer.permit(file, &pipeline, true).await.unwrap();
        }
        let agent = server.agent("hand").await;
        Self {
            cast,
            files,
            pipeline,
            agent,
        }
    }

    /// A job that has a ticket for every file.
    pub(crate) async fn job(&self) -> LeasedJob {
        let run = self.cast.developer.run(&self.pipeline).await;
        let job = self.agent.job().await;
        assert_eq!(job.job.run_id, run.id);
        job
    }

    /// What a job gets is what was uploaded.
    pub(crate) async fn opens(&self, server: &TestServer, job: &LeasedJob) {
        for told in &job.job.resources.secure_files {
            let (_, content) = self
                .files
                .iter()
                .find(|(file, _)| file.id == told.id.to_string())
                .unwrap();
            let answer = job
                .download(server, &told.id.to_string(), &told.ticket)
                .await;
            assert_eq!(answer.status, 200, "{}: {answer}", told.name);
            assert!(answer.body == *content, "{} is another file now", told.name);
            assert_eq!(told.sha256, sha256(content));
        }
    }

    /// Every file opens for a new job.
    pub(crate) async fn open(&self, server: &TestServer) {
        let job = self.job().await;
        assert_eq!(job.job.resources.secure_files.len(), self.files.len());
        self.opens(server, &job).await;
        self.agent.finish(&job, "succeeded").await.unwrap();
    }
}

async fn rotations(server: &TestServer) -> Vec<RotationView> {
    let admin = server.caller(server.administrator()).await;
    server.service().rotations().list(&admin).await.unwrap()
}

pub(crate) async fn request(server: &TestServer) -> i64 {
    let admin = server.caller(server.administrator()).await;
    server
        .service()
        .rotations()
        .request(&admin, "a story")
        .await
        .unwrap()
}

/// Waits until so many rotations have ended. Answers with the newest.
pub(crate) async fn rotated(server: &TestServer, number: i64) -> RotationView {
    eventually("the keys are rotated", || async {
        let all = rotations(server).await;
        all.iter()
            .any(|view| view.row.number == number && !view.row.running)
    })
    .await;
    let all = rotations(server).await;
    all.into_iter()
        .find(|view| view.row.number == number)
        .unwrap()
}

pub(crate) async fn count(server: &TestServer, what: &str) -> i64 {
    server
        .database()
        .number(&format!("select count(*) from {what}"))
        .await
}

/// Nothing is wrapped by a version, and no version by a generation, that is not active.
pub(crate) async fn nothing_is_old(server: &TestServer) {
    let wraps =
        "wrapped_key w join project_key k on k.id = w.project_key_id where k.state <> 'active'";
    assert_eq!(count(server, wraps).await, 0);
    assert_eq!(
        count(server, "project_key where state = 'draining'").await,
        0
    );
    assert_eq!(
        count(server, "root_generation where state = 'draining'").await,
        0
    );
    let keys = "project_key k join root_generation g on g.id = k.generation_id where k.state = 'active' and g.state <> 'active'";
    assert_eq!(count(server, keys).await, 0);
    let secrets =
        "signing_key s join root_generation g on g.id = s.generation_id where g.state <> 'active'";
    assert_eq!(count(server, secrets).await, 0);
}

/// The failure that a story made is over: it is tried again, and by whoever is left. The clock stays: agents sign with it.
async fn try_again(server: &TestServer) {
    server.key_faults().away(false);
    server
        .database()
        .sql("update rotation set retry_at = 0, lease_until = 0 where state = 'running'")
        .await;
}

/// So many seconds pass for generations that have retired.
pub(crate) async fn pass(server: &TestServer, seconds: i64) {
    let moved = format!(
        "update root_generation set retired_at = retired_at - {seconds} * cast(1000000 as bigint)"
    );
    server.database().sql(&moved).await;
}

both! {
    /// Also in a project where the old key wrapped nothing any more, so that nothing was wrapped anew.
    async fn the_first_use_after_a_rotation_asks_the_key_service_nothing(server) {
        let shelf = Shelf::of(&server).await;
        let calls = || server.key_faults().calls();
        for file in &shelf.files {
            shelf.cast.engineer.client.secure_files(PROJECT).delete(&file.0.id).await.unwrap();
        }
        let left = "wrapped_key w join project_key k on k.id = w.project_key_id where w.kind = 'securefile'";
        assert_eq!(count(&server, left).await, 0);
        let number = request(&server).await;
        rotated(&server, number).await;
        let before = calls();
        shelf.cast.engineer.upload("first.pem", b"first").await;
        assert_eq!(calls(), before, "the new key is in memory");
    }

    async fn a_deployment_rotates_every_key_once(mut server) {
        let shelf = Shelf::of(&server).await;
        let job = shelf.job().await;
        let before = server.database().texts("select state from root_generation").await;
        assert_eq!(before, ["active"]);
        server.restart().await;
        assert!(rotations(&server).await.is_empty(), "the same build again is no deployment");

        shelf.opens(&server, &job).await;
        server.deploy("build-2").await;
        let view = rotated(&server, 1).await;
        assert_eq!((view.row.cause.as_str(), view.deployments.as_slice()), ("deployment", ["build-2".to_owned()].as_slice()));
        assert_eq!((view.row.stuck, view.row.generations_retired), (0, 1));
        assert!(view.row.wraps >= 6 && view.row.keys_made >= 1 && view.row.secrets == 1, "{view:?}");
        assert_eq!(view.row.keys_made, view.row.keys_retired);
        nothing_is_old(&server).await;
        // A ticket from before is as good as ever.
        shelf.opens(&server, &job).await;
        shelf.agent.finish(&job, "succeeded").await.unwrap();
        shelf.open(&server).await;

        let events = server.administrator().audit().await;
        for action in ["Key.RotationStarted", "Key.GenerationRetired", "Key.RotationFinished"] {
            assert_eq!(newest(&events, action).outcome, "allowed");
        }
        let found = server.administrator().client.coffer().audit_verify().await.unwrap();
        assert!(found.intact, "{found:?}");
        let reports = server.database().texts("select body from signed_record where kind = 'rotation'").await;
        let report = coffer_model::statement::RotationReport::read(&reports[0]).unwrap();
        assert_eq!((report.wraps, report.left, reports.len()), (view.row.wraps, 0, 1));
        assert_eq!(report.not_rotated, Vec::<String>::new());

        // An older build that starts late does not rotate back.
        server.deploy("test").await;
        server.deploy("build-2").await;
        shelf.open(&server).await;
        assert_eq!(rotations(&server).await.len(), 1);
        assert_eq!(server.generations().len(), 2);
    }

    async fn under_load_no_request_fails(server) {
        let shelf = Arc::new(Shelf::of(&server).await);
        let job = Arc::new(shelf.job().await);
        let server = Arc::new(server);
        let (over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut load = tokio::task::JoinSet::new();
        for worker in 0..3 {
            let (shelf, over, done) = (shelf.clone(), over.clone(), done.clone());
            load.spawn(async move {
                let mut number = 0;
                while !over.load(Ordering::SeqCst) {
                    number += 1;
                    let name = format!("load-{worker}-{number}.bin");
                    shelf.cast.engineer.upload(&name, &random(number % 1000)).await;
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for _ in 0..2 {
            let (shelf, job, server, over, done) = (shelf.clone(), job.clone(), server.clone(), over.clone(), done.clone());
            load.spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    shelf.opens(&server, &job).await;
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for number in 1..=3 {
            assert_eq!(request(&server).await, number);
            let view = rotated(&server, number).await;
            assert_eq!(view.row.stuck, 0);
        }
        over.store(true, Ordering::SeqCst);
        while let Some(ended) = load.join_next().await {
            ended.unwrap();
        }
        assert!(done.load(Ordering::SeqCst) > 10);
        nothing_is_old(&server).await;
        shelf.agent.finish(&job, "succeeded").await.unwrap();
        shelf.open(&server).await;
    }

    async fn an_interruption_anywhere_is_gone_on_from(server) {
        let shelf = Shelf::of(&server).await;
        let mut number = 0;
        for (name, fault) in [
            ("rotation::BEGIN", StoreFault::After),
            ("rotation_keys::SETTLE", StoreFault::Before),
            ("rotation_keys::DRAIN_OTHERS", StoreFault::After),
            ("rotation_keys::DRAIN_SCOPE", StoreFault::Panic),
            ("rotation_keys::REWRAP", StoreFault::After),
            ("rotation_keys::WRAPS", StoreFault::ConnectionLost),
            ("rotation_keys::REWRAP_SECRET", StoreFault::Before),
            ("rotation_keys::RETIRE_KEYS", StoreFault::After),
            ("rotation_keys::RETIRE_GENERATION", StoreFault::Panic),
            ("rotation::FINISH", StoreFault::Before),
        ] {
            number += 1;
            server.faults().named(name, fault);
            // Asked for past the gate that people have: the fault is for the duty.
            server.database().sql(&format!("insert into deployment (id, provider, seen_at) values ('build {number}', 'file', 0)")).await;
            eventually("the fault strikes", || async { server.faults().fired() }).await;
            shelf.open(&server).await;
            try_again(&server).await;
            rotated(&server, number).await;
            nothing_is_old(&server).await;
            shelf.open(&server).await;
        }
        assert_eq!(server.generations().len() as i64, number + 1, "each rotation has made one generation");
        assert_eq!(count(&server, "signed_record where kind = 'rotation'").await, number);
    }

    async fn an_outage_in_the_middle_is_waited_for(server) {
        let shelf = Shelf::of(&server).await;
        shelf.open(&server).await;
        // Of the calls that a rotation makes, each in turn is the first that is not answered.
        for (number, calls) in (1..).zip([0, 1, 3, 4, 6]) {
            server.key_faults().away_after(calls);
            request(&server).await;
            eventually("it is put off", || async { rotations(&server).await[0].row.failures > 0 }).await;
            let view = &rotations(&server).await[0];
            assert!(view.row.running && view.row.last_error.as_deref().unwrap().contains("away"), "{view:?}");
            server.key_faults().away(true);
            // What is in memory serves on.
            if calls < 3 {
                shelf.open(&server).await;
                shelf.cast.engineer.upload(&format!("in-{number}.bin"), b"meanwhile").await;
            }
            try_again(&server).await;
            rotated(&server, number).await;
            nothing_is_old(&server).await;
            shelf.open(&server).await;
            let events = server.administrator().audit().await;
            assert!(newest(&events, "Key.RotationFailed").details["error"].contains("away"));
        }
    }

    async fn a_generation_whose_answer_was_lost_is_taken(server) {
        let shelf = Shelf::of(&server).await;
        server.key_faults().lose_generations(true);
        request(&server).await;
        eventually("it is put off", || async { rotations(&server).await[0].row.failures > 0 }).await;
        server.key_faults().lose_generations(false);
        try_again(&server).await;
        rotated(&server, 1).await;
        assert_eq!(server.key_faults().generations(), 2, "the first one, and one more");
        nothing_is_old(&server).await;
        shelf.open(&server).await;
    }

    async fn what_is_deleted_or_frozen_meanwhile_stays_so(server) {
        let shelf = Shelf::of(&server).await;
        let (gone, _) = &shelf.files[2];
        server.key_faults().away_after(4);
        request(&server).await;
        eventually("it is put off", || async { rotations(&server).await[0].row.failures > 0 }).await;
        shelf.cast.engineer.client.secure_files(PROJECT).delete(&gone.id).await.unwrap();
        server.administrator().client.freezes().freeze(Frozen::Project(PROJECT), "an incident").await.unwrap();
        try_again(&server).await;
        let view = rotated(&server, 1).await;
        assert_eq!(view.row.stuck, 0);
        nothing_is_old(&server).await;
        assert_eq!(count(&server, "wrapped_key w left join secure_file f on f.id = w.owner_id where w.kind = 'securefile' and f.id is null").await, 0);
        assert!(shelf.agent.lease().await.is_none());
        server.administrator().client.freezes().unfreeze(Frozen::Project(PROJECT)).await.unwrap();
        let (_, job) = shelf.cast.job(&shelf.agent).await;
        assert_eq!(job.download_own(&server).await.body, shelf.cast.content);
    }

    async fn without_the_right_to_make_generations_project_keys_rotate(mut server) {
        let shelf = Shelf::of(&server).await;
        server.key_faults().without_lifecycle();
        server.deploy("build-2").await;
        let view = rotated(&server, 1).await;
        assert!(view.row.kept.contains("no credential"), "{view:?}");
        assert_eq!((view.row.generations_retired, view.row.keys_made > 0), (0, true));
        let wraps = "wrapped_key w join project_key k on k.id = w.project_key_id where k.state <> 'active'";
        assert_eq!(count(&server, wraps).await, 0);
        let report = server.database().texts("select body from signed_record where kind = 'rotation'").await;
        assert!(report[0].contains("not-rotated root generation: no credential"), "{}", report[0]);
        assert_eq!(server.generations().len(), 1);
        shelf.open(&server).await;
    }

    async fn what_does_not_open_is_left_and_reported_and_the_rest_goes_on(server) {
        let shelf = Shelf::of(&server).await;
        let damage = match server.engine() {
            Engine::Sqlite => "zeroblob(100)",
            Engine::Postgres => "decode(repeat('00', 100), 'hex')",
        };
        let which = "(select id from secure_file where name = 'of-1.bin')";
        server.database().sql(&format!("update wrapped_key set wrapped = {damage} where owner_id = {which}")).await;
        request(&server).await;
        let view = rotated(&server, 1).await;
        assert_eq!((view.row.stuck, view.row.generations_retired), (1, 0));
        assert_eq!(count(&server, "project_key where state = 'draining'").await, 1, "it still wraps something");
        let report = server.database().texts("select body from signed_record where kind = 'rotation'").await;
        assert!(report[0].contains("left 1\n") && report[0].contains("not-rotated 1 wrapped keys"), "{}", report[0]);
        let (_, job) = shelf.cast.job(&shelf.agent).await;
        assert_eq!(job.download_own(&server).await.body, shelf.cast.content);
        shelf.agent.finish(&job, "succeeded").await.unwrap();
        // Once that file is gone, nothing keeps the old version.
        let (broken, _) = shelf.files.iter().find(|(file, _)| file.name == "of-1.bin").unwrap();
        shelf.cast.engineer.client.secure_files(PROJECT).delete(&broken.id).await.unwrap();
        request(&server).await;
        rotated(&server, 2).await;
        nothing_is_old(&server).await;
    }

    async fn a_project_key_that_does_not_open_keeps_no_rotation_from_its_end(mut server) {
        let shelf = Shelf::of(&server).await;
        let damage = match server.engine() {
            Engine::Sqlite => "zeroblob(100)",
            Engine::Postgres => "decode(repeat('00', 100), 'hex')",
        };
        server.database().sql(&format!("update project_key set wrapped = {damage} where scope_id in (select id from project)")).await;
        // A key in memory would still open it all.
        server.restart().await;
        let lost = count(&server, "wrapped_key w join project_key k on k.id = w.project_key_id join project p on p.id = k.scope_id").await;
        request(&server).await;
        let view = rotated(&server, 1).await;
        assert_eq!((view.row.stuck, view.row.failures), (lost, 0));
        let content = random(1000);
        let file = shelf.cast.engineer.upload("after.pem", &content).await;
        shelf.cast.engineer.permit(&file, &shelf.cast.pipeline, true).await.unwrap();
        let new = "project_key k join project p on p.id = k.scope_id where k.state = 'active' and k.version = 2";
        assert_eq!(count(&server, new).await, 1);
    }

    async fn a_retired_key_opens_nothing_whoever_puts_its_wrap_back(server) {
        let shelf = Shelf::of(&server).await;
        let (_, job) = shelf.cast.job(&shelf.agent).await;
        assert_eq!(job.download_own(&server).await.status, 200, "the key is in memory");
        server.database().sql("create table stolen as select * from wrapped_key").await;
        request(&server).await;
        rotated(&server, 1).await;
        server.database().sql("delete from wrapped_key; insert into wrapped_key select * from stolen; drop table stolen").await;
        let refused = job.download_own(&server).await;
        assert_ne!(refused.status, 200);
        shelf.cast.assert_no_content(&refused);
    }

    async fn generations_are_disabled_and_destroyed_when_their_time_comes(server) {
        let shelf = Shelf::of(&server).await;
        let first = server.generations()[0].0.clone();
        let state = |server: &TestServer| server.generations().into_iter().find(|(id, _)| *id == first).map(|(_, state)| state);
        request(&server).await;
        rotated(&server, 1).await;
        assert_eq!(state(&server).as_deref(), Some("active"), "what was read before is still opened");
        pass(&server, HOUR + 1).await;
        eventually("it is disabled", || async { state(&server).as_deref() == Some("disabled") }).await;
        shelf.open(&server).await;
        pass(&server, 35 * DAY).await;
        eventually("it is destroyed", || async { state(&server).is_none_or(|state| state == "destroyed") }).await;
        eventually("that is noted", || async { count(&server, "root_generation where state = 'destroyed'").await == 1 }).await;
        assert_eq!(count(&server, "project_key where state = 'retired'").await, 0, "nothing could open them");
        shelf.open(&server).await;
        let events = server.administrator().audit().await;
        for action in ["Key.GenerationRetired", "Key.GenerationDisabled", "Key.GenerationDestroyed"] {
            assert_eq!(newest(&events, action).outcome, "allowed");
        }
    }

    async fn keys_are_rotated_for_key_operators_and_for_nobody_else(server) {
        let cast = Cast::of(&server).await;
        let engineer = server.caller(&cast.engineer).await;
        let refused = server.service().rotations().request(&engineer, "a story").await.unwrap_err();
        assert_eq!(refused.kind, coffer_service::Kind::NotFound);
        assert!(server.service().rotations().list(&engineer).await.is_err());
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Key.RotationRequested").outcome, "denied");
        assert!(rotations(&server).await.is_empty());
    }

    async fn a_file_whose_key_may_be_known_is_sealed_again(server) {
        let shelf = Shelf::of(&server).await;
        let job = shelf.job().await;
        server.set_password("rel", PASSWORD).await;
        server.set_password("dev", PASSWORD).await;
        let engineer = server.caller(&shelf.cast.engineer).await;
        let project = project_of(&server).await;
        let before = preambles(&server).await;
        for (file, _) in &shelf.files {
            let id = coffer_model::FileId(file.id.parse().unwrap());
            server.service().files().re_encrypt(&engineer, project, id, again()).await.unwrap();
        }
        let after = preambles(&server).await;
        assert_eq!(before.len(), after.len());
        assert!(before.iter().all(|old| !after.contains(old)), "every file has a new key and a new seal");
        assert_eq!(count(&server, "blob_trash").await, count(&server, "secure_file where blob_id is not null").await);
        // The ticket from before opens what is there now.
        shelf.opens(&server, &job).await;
        shelf.agent.finish(&job, "succeeded").await.unwrap();
        shelf.open(&server).await;
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "SecureFile.Reencrypted").details["step"], "done");
        let developer = server.caller(&shelf.cast.developer).await;
        let id = coffer_model::FileId(shelf.cast.file.id.parse().unwrap());
        let refused = server.service().files().re_encrypt(&developer, project, id, again()).await.unwrap_err();
        assert_eq!(refused.kind, coffer_service::Kind::Forbidden);
    }
}

/// What the caller shows in the call itself.
fn again() -> coffer_service::Again {
    coffer_service::Again {
        password: PASSWORD.to_owned().into(),
        ..Default::default()
    }
}

async fn project_of(server: &TestServer) -> coffer_model::ProjectId {
    let mut ids = server
        .service()
        .projects()
        .list(&server.caller(server.administrator()).await)
        .await
        .unwrap();
    coffer_model::ProjectId(ids.remove(0).id.0)
}

async fn preambles(server: &TestServer) -> Vec<String> {
    let hex = match server.engine() {
        Engine::Sqlite => "hex(preamble)",
        Engine::Postgres => "encode(preamble, 'hex')",
    };
    server
        .database()
        .texts(&format!("select {hex} from secure_file"))
        .await
}

/// PostgreSQL only: SQLite has one node.
mod nodes {
    use super::*;

    async fn server(name: &str) -> Option<TestServer> {
        if Engine::Postgres.is_there(name) {
            Some(TestServer::start(Engine::Postgres).await)
        } else {
            None
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn several_nodes_rotate_once_and_an_upgrade_rolls() {
        let Some(mut server) = server(concat!(
            module_path!(),
            "::several_nodes_rotate_once_and_an_upgrade_rolls"
        ))
        .await
        else {
            return;
        };
        let shelf = Shelf::of(&server).await;
        // Node by node the new build comes, while the old one serves.
        let (first, second) = tokio::join!(
            server.another_node_of("build-2"),
            server.another_node_of("build-2")
        );
        let view = rotated(&server, 1).await;
        assert_eq!(view.deployments, ["build-2"]);
        shelf.open(&server).await;
        let late = server.another_node_of("test").await;
        server.deploy("build-2").await;
        shelf.open(&server).await;
        assert_eq!(
            rotations(&server).await.len(),
            1,
            "nobody rotates back, and nobody twice"
        );
        assert_eq!(server.generations().len(), 2);
        nothing_is_old(&server).await;
        for node in [first, second, late] {
            node.stop().await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_node_that_dies_in_the_middle_is_gone_on_from_by_another() {
        let name = concat!(
            module_path!(),
            "::a_node_that_dies_in_the_middle_is_gone_on_from_by_another"
        );
        let Some(server) = server(name).await else {
            return;
        };
        let shelf = Shelf::of(&server).await;
        for number in 1..=4 {
            // Its start takes some of these calls, and the rotation the others.
            server.key_faults().away_after(number + 2);
            let node = server.another_node_of(&format!("build {number}")).await;
            eventually("somebody is at it", || async {
                rotations(&server).await.len() as i64 == number
            })
            .await;
            node.kill().await;
            server.key_faults().away(false);
            shelf.open(&server).await;
            // The dead node's lease ends.
            try_again(&server).await;
            rotated(&server, number).await;
            nothing_is_old(&server).await;
            shelf.open(&server).await;
        }
    }
}
