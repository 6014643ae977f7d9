//! What a backup opens, and what nothing opens any more: a file is deleted, keys rotate, and the horizon passes.

use crate::Cast;
use coffer_model::Timestamp;
use coffer_model::purge::{self, Beyond};
use coffer_service::Health;
use coffer_testkit::{Database, Gone, PROJECT, TestServer, both, eventually};

const DAY: i64 = 86_400;

/// Rotates, and waits for the end of it. Answers with the generation that retired.
async fn rotate(server: &TestServer) -> String {
    let active = "select id from root_generation where state = 'active'";
    let old = server.database().texts(active).await.remove(0);
    let admin = server.caller(server.administrator()).await;
    let rotations = server.service().rotations();
    rotations.request(&admin, "a story").await.unwrap();
    eventually("the old root key is retired", || async {
        let question = format!("root_generation where id = '{old}' and retired_at is not null");
        count(server, &question).await == 1
    })
    .await;
    old
}

/// So many seconds pass since root keys retired.
async fn pass(server: &TestServer, seconds: i64) {
    let earlier = "update root_generation set retired_at = retired_at - ";
    let text = format!("{earlier}{seconds} * cast(1000000 as bigint)");
    server.database().sql(&text).await;
}

async fn count(server: &TestServer, what: &str) -> i64 {
    let question = format!("select count(*) from {what}");
    server.database().number(&question).await
}

/// What the key file says of a generation; none when it is not there any more.
fn state(server: &TestServer, generation: &str) -> Option<String> {
    let all = server.generations().into_iter();
    all.filter(|(id, _)| id == generation)
        .map(|(_, state)| state)
        .next()
}

async fn ends(server: &TestServer, generation: &str, wanted: &str) {
    eventually("the old root key ends", || async {
        state(server, generation).unwrap_or_else(|| "destroyed".into()) == wanted
    })
    .await;
    let noted = format!("root_generation where id = '{generation}' and state = '{wanted}'");
    eventually("that is noted", || async {
        count(server, &noted).await == 1
    })
    .await;
}

async fn beyond(server: &TestServer, file: &str) -> Beyond {
    let report = server.service().purge_report().await.unwrap();
    report
        .files
        .into_iter()
        .find(|one| one.file.file == file)
        .unwrap()
        .beyond
}

/// A server with a permitted file, and a backup of it.
async fn backed_up(server: &mut TestServer) -> (Cast, Database) {
    let cast = Cast::permitted(server).await;
    server.stop().await;
    let backup = server.copy_database().await;
    server.try_start(None).await.unwrap();
    (cast, backup)
}

both! {
    async fn a_deleted_file_is_beyond_recovery_when_the_last_key_that_opened_it_is_destroyed(server) {
        let mut server = server;
        let (cast, backup) = backed_up(&mut server).await;
        cast.engineer.client.secure_files(PROJECT).delete(&cast.file.id).await.unwrap();
        assert_eq!(count(&server, "wrapped_key where kind = 'securefile'").await, 0);
        assert_eq!(beyond(&server, &cast.file.id).await, Beyond::AfterRotation);
        let old = rotate(&server).await;
        let Beyond::From(day) = beyond(&server, &cast.file.id).await else { panic!("no date") };
        pass(&server, 2 * 3600).await;
        ends(&server, &old, "disabled").await;
        let day = Beyond::From(day.plus_seconds(-2 * 3600));
        assert_eq!(beyond(&server, &cast.file.id).await, day);
        pass(&server, 36 * DAY).await;
        ends(&server, &old, "destroyed").await;
        assert!(matches!(beyond(&server, &cast.file.id).await, Beyond::Since(_)));
        eventually("it is signed", || async {
            count(&server, "signed_record where kind = 'purge' and body like '%beyond-recovery 1%'").await == 1
        }).await;
        // What was not deleted is what it was.
        cast.engineer.upload("other.pem", b"other").await;

        // The backup, with the key file as it is now: neither starts nor opens, and it is told before.
        server.stop().await;
        server.put_database(backup);
        let found = server.examined().await;
        let lost = found.iter().find(|one| one.check == "root key" && one.health == Health::Problem).unwrap();
        assert!(lost.what.contains(&old) && lost.what.contains("these 1 files cannot be opened any more"), "{lost:?}");
        let error = server.try_start(Some("a restore")).await.unwrap_err();
        assert_eq!(error.code, "keys.unavailable");
    }

    async fn a_key_that_its_service_can_bring_back_is_not_said_to_be_gone(server) {
        let mut server = server;
        let (cast, _) = backed_up(&mut server).await;
        cast.engineer.client.secure_files(PROJECT).delete(&cast.file.id).await.unwrap();
        let old = rotate(&server).await;
        pass(&server, 2 * 3600).await;
        ends(&server, &old, "disabled").await;
        let until = 4_000_000_000;
        server.key_faults().gone(Gone::Until(until));
        pass(&server, 36 * DAY).await;
        ends(&server, &old, "destroyed").await;
        let until = Timestamp(until * 1_000_000);
        assert_eq!(beyond(&server, &cast.file.id).await, Beyond::From(until));
        let signed = format!("%gone recoverable-until {}_beyond-recovery 0%", until.0);
        eventually("it is signed", || async {
            count(&server, &format!("signed_record where kind = 'purge' and body like '{signed}'")).await == 1
        }).await;
        let found = |server: &TestServer| {
            let report = server.service().clone();
            let old = old.clone();
            async move {
                let report = report.purge_report().await.unwrap();
                report.destroyed.into_iter().find(|one| one.id == old).unwrap()
            }
        };
        assert_eq!(found(&server).await.gone, purge::Gone::Until(until));

        // Somebody brought it back, and the key service does not answer, and in the end it is gone.
        server.key_faults().gone(Gone::There);
        assert_eq!(beyond(&server, &cast.file.id).await, Beyond::NotWhileThere);
        server.key_faults().away(true);
        assert_eq!(found(&server).await.gone, purge::Gone::NotTold);
        assert!(found(&server).await.why.unwrap().contains("away"));
        server.key_faults().away(false);
        server.key_faults().gone(Gone::ForGood);
        assert!(matches!(beyond(&server, &cast.file.id).await, Beyond::Since(_)));
        server.stop().await;
        for (gone, health, said) in [
            (Gone::There, Health::Problem, "can be opened"),
            (Gone::Until(4_000_000_000), Health::Note, "can bring it back until 2096-"),
            (Gone::ForGood, Health::Well, "gone for good"),
        ] {
            server.key_faults().gone(gone);
            let all = server.examined().await;
            let one = all.iter().find(|one| one.check == "destroyed key").unwrap();
            assert!(one.health == health && one.what.contains(said), "{one:?}");
        }
    }

    async fn a_backup_within_the_horizon_is_restored_by_enabling_its_root_key(server) {
        let mut server = server;
        let (cast, backup) = backed_up(&mut server).await;
        let old = rotate(&server).await;
        pass(&server, 30 * DAY).await;
        ends(&server, &old, "disabled").await;
        server.stop().await;
        server.put_database(backup);
        let found = server.examined().await;
        let disabled = found.iter().find(|one| one.check == "root key" && one.health == Health::Problem).unwrap();
        assert!(disabled.what.contains(&old) && disabled.next.contains("coffer key enable"), "{disabled:?}");
        server.try_start(None).await.unwrap_err();
        server.enable_key(&old).await;
        let found = server.examined().await;
        assert!(found.iter().all(|one| one.check != "root key" || one.health == Health::Well), "{found:?}");
        server.try_start(None).await.unwrap();
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        let got = job.download_own(&server).await.ok();
        assert_eq!(got.body, cast.content);
        let enabled = server.administrator().audit().await;
        assert!(enabled.iter().any(|event| event.action == "Key.GenerationEnabled"));
        // And it goes on as any other.
        rotate(&server).await;
        agent.finish(&job, "succeeded").await.unwrap();
    }
}
