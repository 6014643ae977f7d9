//! The anchor against roll-back: an older copy of the database is put back, by an operator or by somebody else, and the
//! server notices, at its start and while it serves.

use coffer_testkit::{Setup, TestServer, both, eventually};
use coffer_wire::coffer::AuditEvent;

fn anchored_setup() -> Setup {
    Setup {
        anchored: true,
        ..Setup::default()
    }
}

async fn events(server: &TestServer, action: &str) -> Vec<AuditEvent> {
    let mut all = server.administrator().audit().await;
    all.retain(|event| event.action == action);
    all
}

/// Waits until the anchor knows every event there is. Events are linked a moment after they are stored.
async fn is_anchored(server: &TestServer) {
    let count = async |question| server.database().number(question).await;
    eventually("anchored", async || {
        count("select count(*) from audit_event where sequence is null").await == 0
            && anchored(server) >= count("select max(sequence) from audit_link").await
    })
    .await;
}

/// An older copy in place of the database, which has gone on.
async fn put_back(server: &mut TestServer) {
    let ada = server.administrator();
    ada.upload("before.pem", b"before").await;
    server.stop().await;
    let old = server.copy_database().await;
    server.try_start(None).await.unwrap();
    server.administrator().upload("after.pem", b"after").await;
    is_anchored(server).await;
    server.stop().await;
    server.put_database(old);
}

async fn is_refused(server: &mut TestServer) -> String {
    let error = server.try_start(None).await.unwrap_err();
    assert_eq!(error.code, "anchor.behind", "{error:?}");
    format!("{error} {}", error.hints.join(" "))
}

both! {
    async fn a_copy_that_was_put_back_is_refused_until_somebody_accepts_it(server, anchored_setup()) {
        let mut server = server;
        put_back(&mut server).await;
        let said = is_refused(&mut server).await;
        for text in ["the story's place: it says that the audit log had", "the database has", "coffer anchor accept", "revoked"] {
            assert!(said.contains(text), "no {text} in {said}");
        }
        // Nothing was changed by being refused.
        is_refused(&mut server).await;

        server.try_start(Some("the disk broke\nyesterday")).await.unwrap();
        let ada = server.administrator();
        assert_eq!(ada.file_names().await, ["before.pem"]);
        let accepted = events(&server, "Database.RollbackAccepted").await;
        assert_eq!(accepted.len(), 1);
        assert_eq!(accepted[0].details["reason"], "the disk broke yesterday");
        assert!(accepted[0].details["anchors"].contains("the story's place"), "{accepted:?}");
        let whole = ada.client.coffer().audit_verify().await.unwrap();
        assert!(whole.intact, "{whole:?}");
        // From here on this history is the one.
        server.restart().await;
        let copy = { server.stop().await; server.copy_database().await };
        server.try_start(None).await.unwrap();
        server.administrator().upload("later.pem", b"later").await;
        is_anchored(&server).await;
        server.stop().await;
        server.put_database(copy);
        is_refused(&mut server).await;
    }

    async fn a_history_that_went_on_elsewhere_is_refused(server, anchored_setup()) {
        let mut server = server;
        put_back(&mut server).await;
        // It goes on where nobody looks, and is longer by then.
        let text = server.anchor().text();
        server.anchor().put(None);
        server.try_start(None).await.unwrap();
        for number in 0..8 {
            server.administrator().upload(&format!("{number}.pem"), b"x").await;
        }
        server.stop().await;
        server.anchor().put(text);
        let said = is_refused(&mut server).await;
        assert!(said.contains("another row there"), "{said}");
    }

    async fn a_new_database_beside_an_anchor_is_refused(server, anchored_setup()) {
        let mut server = server;
        server.administrator().upload("before.pem", b"before").await;
        server.stop().await;
        let new = server.empty_database().await;
        let old = server.put_database(new);
        let said = is_refused(&mut server).await;
        assert!(said.contains("and the database has 0"), "{said}");
        server.put_database(old);
        server.try_start(None).await.unwrap();
    }

    async fn a_database_that_lost_its_signing_key_is_refused_too(server, anchored_setup()) {
        let mut server = server;
        put_back(&mut server).await;
        // Otherwise the anchor would be one of nobody's.
        server.database().sql("delete from signed_record; delete from signing_key").await;
        is_refused(&mut server).await;
        // A place that only holds the anchor is not passed over either, when only the key's owner writes there.
        let anchor = server.anchor().text().unwrap();
        let alone = anchor.lines().find(|line| line.starts_with("a1.")).unwrap().to_owned();
        server.anchor().put(Some(alone.clone()));
        server.anchor().guard(true);
        let said = is_refused(&mut server).await;
        assert!(said.contains("a key that this database does not have"), "{said}");
        server.try_start(Some("known")).await.unwrap();
        assert!(server.anchor().text().unwrap() != alone);
        server.restart().await;
    }

    async fn what_somebody_else_wrote_neither_stops_a_server_nor_speaks_for_it(server, anchored_setup()) {
        let mut server = server;
        let mine = server.anchor().text().unwrap();
        let other = TestServer::start_with(server.engine(), anchored_setup()).await;
        for _ in 0..20 {
            other.administrator().upload(&other.unique("x"), b"x").await;
        }
        let foreign = other.anchor().text().unwrap();
        let line = mine.lines().find(|line| line.starts_with("a1.")).unwrap();
        let (rows, changed) = (line.split('.').nth(2).unwrap(), "99999");
        let forged = mine.replacen(&format!(".{rows}."), &format!(".{changed}."), 1);
        assert_ne!(forged, mine);
        for planted in ["nonsense".to_owned(), foreign, forged, mine.replace("unit unit-a", "unit unit-b")] {
            server.stop().await;
            server.anchor().put(Some(planted.clone()));
            server.try_start(None).await.unwrap();
            assert!(server.logged("what a place of the anchor holds is not believed"));
            // It is replaced by the server's own.
            assert_ne!(server.anchor().text().unwrap(), planted);
        }
        // And it does not hide an older database: what it says is no word for it.
        put_back(&mut server).await;
        is_refused(&mut server).await;
    }

    async fn a_running_server_notices_and_uses_no_key_any_more(server, anchored_setup()) {
        let ada = server.administrator();
        let rows = server.database().number("select max(sequence) from audit_link").await;
        ada.upload("before.pem", b"before").await;
        ada.upload("long.bin", &vec![7; 200_000]).await;
        ada.audit_settled().await;
        let newest = || server.database().number("select max(sequence) from audit_link");
        let there = newest().await;
        eventually("anchored", async || anchored(&server) >= there).await;
        // An older copy is put back under it.
        server.database().sql(&format!("delete from audit_event where sequence > {rows};
            delete from audit_link where sequence > {rows};")).await;
        eventually("not ready", async || {
            server.service().ready().await.is_err()
        }).await;
        let kept = server.anchor().text();
        let refused = ada.try_upload("later.pem", b"later").await.unwrap_err();
        assert_eq!(refused.code(), Some("anchor.behind"), "{refused:?}");
        assert!(server.logged("opens and seals nothing until it is started again"));
        // The anchor goes on to say how it was.
        assert_eq!(server.anchor().text(), kept);
        let mut server = server;
        server.stop().await;
        assert_eq!(server.anchor().text(), kept);
        is_refused(&mut server).await;
    }

    async fn another_place_that_is_ahead_stops_a_running_server(server, anchored_setup()) {
        let mut server = server;
        put_back(&mut server).await;
        let ahead = server.anchor().text();
        // Away until it says more: nothing that is being written meanwhile comes after that.
        server.anchor().away(true);
        server.try_start(None).await.unwrap();
        server.anchor().put(ahead.clone());
        server.anchor().away(false);
        server.person("late", &[]).await;
        eventually("not ready", async || server.service().ready().await.is_err()).await;
        assert_eq!(server.anchor().text(), ahead);
    }

    async fn a_place_that_is_away_is_a_warning_and_is_caught_up_with(server, anchored_setup()) {
        let mut server = server;
        server.anchor().away(true);
        server.restart().await;
        assert!(server.logged("a place of the anchor cannot be read"));
        let kept = anchored(&server);
        server.administrator().upload("meanwhile.pem", b"x").await;
        server.anchor().away(false);
        server.restart().await;
        assert!(anchored(&server) > kept);
    }

    async fn a_place_that_must_be_there_is(server, Setup { anchor_required: true, ..anchored_setup() }) {
        let mut server = server;
        server.stop().await;
        server.anchor().away(true);
        let error = server.try_start(None).await.unwrap_err();
        assert_eq!(error.code, "anchor.unreachable");
        server.anchor().away(false);
        server.try_start(None).await.unwrap();
    }
}

/// Rows that the anchor speaks of.
fn anchored(server: &TestServer) -> i64 {
    let text = server.anchor().text().unwrap();
    let line = text.lines().find(|line| line.starts_with("a1.")).unwrap();
    line.split('.').nth(2).unwrap().parse().unwrap()
}
