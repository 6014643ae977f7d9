//! What an officer does with the audit log: look things up, take an export away, hold the server to what it signed,
//! find rights that nobody gave, and let go of what is old.

use crate::Cast;
use coffer_model::record::{Kind, Signed};
use coffer_testkit::{
    AuditQuery, Engine, ExportFormat, PROJECT, TestServer, User, both, eventually, group,
};
use coffer_wire::audit::{ExportLine, Finding, SignedRecord};
use coffer_wire::coffer::AuditEntry;
use coffer_wire::secure_files::SecureFileUpdate;
use serde_json::{Value, json};

const PASSWORD: &str = "a long enough password";
const GLASS: &str = "_apis/coffer/breakglass";
/// Of an identity that nobody has.
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

/// What a query finds: action and resource, in the order of the answer.
async fn found(officer: &User, query: AuditQuery) -> Vec<(String, String)> {
    let mut lines = officer.client.coffer().audit(&query).await.unwrap();
    let mut found = Vec::new();
    while let Some(entry) = lines.next::<AuditEntry>().await.unwrap() {
        let event = entry.event.unwrap();
        found.push((event.action, event.resource_id.unwrap_or_default()));
    }
    found
}

/// One detail of each event that a query finds.
async fn details(officer: &User, query: AuditQuery, name: &str) -> Vec<String> {
    let mut lines = officer.client.coffer().audit(&query).await.unwrap();
    let mut found = Vec::new();
    while let Some(entry) = lines.next::<AuditEntry>().await.unwrap() {
        found.push(entry.event.unwrap().details[name].clone());
    }
    found
}

async fn exported(officer: &User, query: &AuditQuery, breaks: &[i64]) -> Vec<String> {
    officer.audit_settled().await;
    let client = officer.client.coffer();
    let mut lines = client
        .audit_export(query, ExportFormat::JsonLines, breaks)
        .await
        .unwrap();
    let mut all = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        all.push(line);
    }
    all
}

/// What reconciliation finds: what it is, and of which kind.
async fn reconciled(server: &TestServer) -> Vec<(String, String)> {
    let found = server
        .administrator()
        .client
        .coffer()
        .audit_reconcile()
        .await;
    let found = found.unwrap();
    assert_eq!(found.explained, found.count == 0);
    assert!(found.facts > 20 && found.events > 0, "{found:?}");
    let pair = |finding: Finding| (finding.what, finding.kind);
    found.findings.into_iter().map(pair).collect()
}

async fn planted(server: &TestServer, sql: &str, what: &str, kind: &str) {
    server.database().sql(sql).await;
    let found = reconciled(server).await;
    assert!(
        found.contains(&(what.into(), kind.into())),
        "{sql}: {found:?}"
    );
}

both! {
    async fn events_are_found_by_who_what_where_and_when(server) {
        let cast = Cast::of(&server).await;
        let officer = server.administrator();
        let run = cast.developer.run(&cast.pipeline).await;
        cast.developer.permit(&cast.file, &cast.pipeline, true).await.unwrap_err();
        officer.audit_settled().await;
        let by = |change: fn(&mut AuditQuery)| {
            let mut query = AuditQuery::default();
            change(&mut query);
            found(officer, query)
        };
        let denied = by(|q| { q.actor = Some("dev".into()); q.outcome = Some("denied".into()); }).await;
        assert_eq!(denied, [("Pipelines.ResourceAuthorizedForPipeline".into(), cast.file.id.clone())]);
        let mut query = AuditQuery { resource: Some(cast.file.id.clone()), ..AuditQuery::default() };
        let oldest = found(officer, query.clone()).await;
        assert_eq!(oldest[0].0, "SecureFile.Created");
        query.newest_first = true;
        let mut newest = found(officer, query).await;
        newest.reverse();
        assert_eq!(newest, oldest);
        let agent = server.agent("hand").await;
        cast.engineer.permit(&cast.file, &cast.pipeline, true).await.unwrap();
        let job = agent.job().await;
        officer.audit_settled().await;
        let in_run = found(officer, AuditQuery { run: Some(run.id), ..AuditQuery::default() }).await;
        assert!(in_run.contains(&("SecureFile.TicketIssued".into(), cast.file.id.clone())), "{in_run:?}");
        // The ticket says for which steps it is.
        let tickets = AuditQuery { run: Some(run.id), action: Some("SecureFile.TicketIssued".into()), ..AuditQuery::default() };
        assert_eq!(details(officer, tickets, "steps").await, ["file0"]);
        agent.finish(&job, "succeeded").await.unwrap();
        let mut query = AuditQuery { project: Some(PROJECT.into()), action: Some("Pipelines.RunQueued".into()), ..AuditQuery::default() };
        assert_eq!(found(officer, query.clone()).await.len(), 1);
        query.resource_type = Some("securefile".into());
        assert!(found(officer, query).await.is_empty());
        // Times: everything is after 2001 and before 2100.
        let all = by(|q| q.action = Some("SecureFile.Created".into())).await;
        assert_eq!(by(|q| { q.since = Some("2001-01-01T00:00:00Z".into()); q.until = Some("2100-01-01T00:00:00Z".into()); q.action = Some("SecureFile.Created".into()); }).await, all);
        for (since, until) in [(Some("2100-01-01T00:00:00Z"), None), (None, Some("2001-01-01T00:00:00Z"))] {
            for newest_first in [false, true] {
                let query = AuditQuery {
                    since: since.map(str::to_owned),
                    until: until.map(str::to_owned),
                    newest_first,
                    ..AuditQuery::default()
                };
                assert!(found(officer, query).await.is_empty());
            }
        }
        // The newest come first, and pages go on where they ended.
        let top = |newest_first, top| found(officer, AuditQuery { newest_first, top: Some(top), ..AuditQuery::default() });
        assert_eq!(top(true, 1).await[0].0, "AuditLog.AccessLog");
        assert_eq!(top(false, 3).await.len(), 3);
        for wrong in ["outcome=maybe", "since=yesterday", "order=random", "run=x"] {
            officer.get(&format!("_apis/coffer/audit?{wrong}")).await.refused(400);
        }
        // What joins an event with the line of the access log about the same request.
        let answer = cast.engineer.get(&cast.engineer.files_path("/x")).await;
        let activity = answer.headers["activityid"].to_str().unwrap().to_owned();
        let deleted = cast.engineer.call("DELETE", &cast.engineer.file_path(&cast.file.id, "")).send().await.ok();
        let of_deletion = deleted.headers["activityid"].to_str().unwrap().to_owned();
        assert_ne!(activity, of_deletion);
        let events = officer.audit().await;
        let deletion = crate::newest(&events, "SecureFile.Deleted");
        assert_eq!(deletion.details["activity"], of_deletion);
        assert!(server.logged(&of_deletion));
    }

    async fn an_export_holds_what_was_asked_for_and_what_stands_for_the_rest(server) {
        let cast = Cast::of(&server).await;
        let officer = server.administrator();
        let query = AuditQuery { action: Some("SecureFile.Created".into()), ..AuditQuery::default() };
        let lines = exported(officer, &query, &[7]).await;
        let kind = |line: &String| line[2..].split('"').next().unwrap().to_owned();
        let kinds: Vec<_> = lines.iter().map(kind).collect();
        assert_eq!((kinds[0].as_str(), kinds.last().unwrap().as_str()), ("export", "record"));
        assert_eq!(kinds.iter().filter(|kind| *kind == "sequence").count(), 1);
        assert!(kinds.len() < 8, "digests of subtrees, not of rows: {kinds:?}");
        assert!(lines.iter().any(|line| line.contains("\"through\":7,")), "a place to compare");
        assert!(lines.concat().contains(&cast.file.id));
        assert!(!lines.concat().contains("Pipelines.PipelineCreated"));
        let ExportLine::Record(end) = serde_json::from_str(lines.last().unwrap()).unwrap() else { panic!() };
        assert_eq!(end.kind, "export");
        let key = officer.client.coffer().audit_key().await.unwrap();
        assert_eq!(key.key_id, end.key_id);
        // The table for people: no formula, and it says what it is.
        let change = SecureFileUpdate { name: Some("=cmd|' /C calc'!A0".into()), ..SecureFileUpdate::default() };
        cast.engineer.client.secure_files(PROJECT).update(&cast.file.id, &change).await.ok();
        let table = officer.get("_apis/coffer/audit/export?format=csv").await.ok();
        assert!(table.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
        let text = table.text();
        assert!(text.starts_with("sequence,time,action,outcome,actor,"), "{text}");
        assert!(text.trim_end().ends_with("the JSON Lines export can.\""), "{text}");
        assert!(!text.contains("\n=") && !text.contains(",=") && !text.contains(",\"="), "{text}");
        // Only who reads the audit log exports it.
        cast.engineer.get("_apis/coffer/audit/export").await.refused(403);
        officer.get("_apis/coffer/audit/export?format=pdf").await.refused(400);
        officer.get("_apis/coffer/audit/export?checkpoint=x").await.refused(400);
        let events = officer.audit().await;
        crate::newest(&events, "AuditLog.DownloadLog");
    }

    async fn the_server_is_held_to_what_it_signed(mut server) {
        let cast = Cast::of(&server).await;
        let coffer = async |server: &TestServer| server.administrator().client.coffer().audit_checkpoint().await.unwrap();
        server.administrator().audit_settled().await;
        let first = coffer(&server).await;
        assert_eq!((first.kind.as_str(), first.number), ("checkpoint", 1));
        cast.developer.run(&cast.pipeline).await;
        server.administrator().audit_settled().await;
        let second = coffer(&server).await;
        assert_eq!(second.number, 2);
        assert!(second.sequence > first.sequence && second.root != first.root);
        let signed = of(&second);
        assert_eq!(signed.record.previous, of(&first).record.digest());
        let key = server.administrator().client.coffer().audit_key().await.unwrap();
        let public: [u8; 32] = hex::decode(&key.public_key).unwrap().try_into().unwrap();
        assert!(signed.is_by(&public) && of(&first).is_by(&public));
        let found = server.administrator().client.coffer().audit_verify().await.unwrap();
        assert!(found.intact && !found.proved.is_empty() && !found.not_proved.is_empty(), "{found:?}");
        // The key outlives the process, and the end of a process is signed.
        server.restart().await;
        let after = server.administrator().client.coffer().audit_key().await.unwrap();
        assert_eq!(after.public_key, key.public_key);
        assert!(after.newest.unwrap().number > 2, "signed at the end");
        // Whoever changes what was signed is found out.
        for (change, back) in [
            ("update signed_record set time = time + 1 where number = 1", "update signed_record set time = time - 1 where number = 1"),
            ("update signed_record set number = 100 where number = 2", "update signed_record set number = 2 where number = 100"),
            ("update signed_record set body = 'x' where number = 2", "update signed_record set body = '' where number = 2"),
        ] {
            server.database().sql(change).await;
            let found = server.administrator().client.coffer().audit_verify().await.unwrap();
            assert!(!found.intact && found.proved.is_empty(), "{change}");
            server.database().sql(back).await;
            let found = server.administrator().client.coffer().audit_verify().await.unwrap();
            assert!(found.intact, "{back}: {:?}", found.problems);
        }
        // The end of the log is cut off, with its events: the record that was signed then tells.
        let cut = "delete from audit_event where sequence > 12; delete from audit_link where sequence > 12";
        server.database().sql(cut).await;
        let found = server.administrator().client.coffer().audit_verify().await.unwrap();
        assert!(!found.intact, "{found:?}");
    }

    async fn what_nobody_gave_is_found(server) {
        let cast = Cast::of(&server).await;
        cast.engineer.permit(&cast.file, &cast.pipeline, true).await.unwrap();
        let change = SecureFileUpdate { name: Some("ca2.pem".into()), ..SecureFileUpdate::default() };
        cast.engineer.client.secure_files(PROJECT).update(&cast.file.id, &change).await.unwrap();
        cast.engineer.upload("other.pem", b"x").await;
        assert_eq!(reconciled(&server).await, [], "everything so far is explained");
        // Only who administers the organization sees all of it.
        cast.engineer.get("_apis/coffer/audit/reconcile").await.refused(403);
        let zero = if server.engine() == Engine::Sqlite { "zeroblob(16)" } else { "'00000000-0000-0000-0000-000000000000'::uuid" };
        let bytes = if server.engine() == Engine::Sqlite { "zeroblob(32)" } else { "'\\x00'::bytea" };
        for (sql, what, kind) in [
            (format!("insert into identity (id, kind, unique_name, unique_key, display_name, created_at) values ({zero}, 1, 'eve', 'eve', 'Eve', 1)"), "unexplained", "identity"),
            (format!("insert into membership (group_id, member_id) select group_id, {zero} from membership limit 1"), "unexplained", "member"),
            (format!("insert into access_entry (namespace_id, token, identity_id, allow_bits, deny_bits) select namespace_id, token, {zero}, 19, 0 from access_entry limit 1"), "unexplained", "entry"),
            ("update access_entry set allow_bits = allow_bits + 256 where allow_bits = 1".into(), "different", "entry"),
            (format!("insert into credential (id, kind, hash, identity_id, label, created_at, expires_at) select {zero}, 'pat', {bytes}, id, 'x', 1, 9000000000000000 from identity where kind = 1 limit 1"), "unexplained", "token"),
            (format!("update credential set hash = {bytes} || {bytes} where label = 'test' and identity_id = (select id from identity where unique_key = 'dev')"), "different", "token"),
            (format!("insert into pipeline_permission (resource_kind, resource_id, pipeline_id, project_id, authorized_by, authorized_at) select 'securefile', '{}', 0, project_id, created_by, 1 from secure_file limit 1", cast.file.id), "unexplained", "permit"),
            ("insert into access_list (namespace_id, token, inherits) select namespace_id, token, 0 from access_entry limit 1".into(), "unexplained", "inherits"),
            ("update secure_file set name = 'ca3.pem', name_key = 'ca3.pem' where name = 'ca2.pem'".into(), "different", "file"),
            ("update pipeline_revision set yaml = 'steps: []'".into(), "different", "pipeline"),
            ("delete from pipeline_permission where pipeline_id <> 0".into(), "missing", "permit"),
            ("update identity set disabled_at = null, unique_name = 'dev2' where unique_name = 'dev'".into(), "different", "identity"),
            ("update audit_event set details = replace(details, 'dev', 'deu') where details like '%dev%'".into(), "changed", "event"),
        ] {
            planted(&server, &sql, what, kind).await;
        }
    }

    async fn what_officers_and_key_operators_did_is_explained_and_nothing_else_is(mut server) {
        let cast = Cast::of(&server).await;
        let vera = server.person_with_password("vera", &[group::BREAK_GLASS_OFFICERS], PASSWORD).await;
        let wim = server.person_with_password("wim", &[group::BREAK_GLASS_OFFICERS], PASSWORD).await;
        let wish = json!({
            "project": PROJECT, "file": cast.file.name, "reason": "incident 7", "recipient": RECIPIENT, "password": PASSWORD,
        });
        let ask = async || vera.call("POST", GLASS).json(&wish).send().await.ok().json();
        let (first, second, third) = (ask().await, ask().await, ask().await);
        let step = json!({ "digest": first["digest"], "password": PASSWORD });
        let at = |request: &Value, step: &str| format!("{GLASS}/{}{step}", request["id"].as_str().unwrap());
        wim.call("POST", &at(&first, "/approve")).json(&step).send().await.ok();
        assert_eq!(reconciled(&server).await, [], "one is approved, and two wait");
        vera.call("POST", &at(&first, "/export")).json(&step).send().await.ok();
        assert_eq!(wim.call("DELETE", &at(&second, "")).send().await.status, 204);
        let rotations = "_apis/coffer/keys/rotations";
        let administrator = server.administrator();
        let asked = administrator.call("POST", rotations).json(&json!({ "reason": "incident 7" }));
        asked.send().await.ok();
        eventually("the keys are rotated", || async {
            administrator.get(rotations).await.ok().json()["value"][0]["state"] == "done"
        })
        .await;
        server.advance_clock(3601);
        server.service().expire_break_glass().await.unwrap();
        assert_eq!(third["state"], "requested");
        assert_eq!(reconciled(&server).await, [], "exported, withdrawn, expired, rotated");

        let columns = "project_id, file_id, file_name, reason, recipient, requested_by, requested_at, state, until_at";
        let zero = if server.engine() == Engine::Sqlite { "zeroblob(16)" } else { "'00000000-0000-0000-0000-000000000000'::uuid" };
        for (sql, what, kind) in [
            ("update break_glass_request set recipient = 'age1mallory' where state = 'exported'".to_owned(), "different", "breakglass"),
            ("update break_glass_request set state = 'withdrawn' where state = 'exported'".to_owned(), "different", "breakglass"),
            (format!("insert into break_glass_request (id, {columns}) select {zero}, {columns} from break_glass_request where state = 'expired'"), "unexplained", "breakglass"),
            ("delete from break_glass_request where state = 'expired'".to_owned(), "missing", "breakglass"),
            ("update rotation set cause = 'deployment'".to_owned(), "different", "rotation"),
            ("update rotation set number = 7".to_owned(), "unexplained", "rotation"),
            ("delete from rotation".to_owned(), "missing", "rotation"),
        ] {
            planted(&server, &sql, what, kind).await;
        }
        // An upgrade from a version that told nothing of these takes them as given, says so, and explains nothing else away.
        planted(&server, "update pipeline_revision set yaml = 'steps: []'", "different", "pipeline").await;
        server.database().sql("update meta set value = '1' where key = 'audit_changes'").await;
        let given = async |server: &TestServer| {
            let found = server.administrator().client.coffer().audit_reconcile().await.unwrap();
            found.taken_as_given.len()
        };
        assert_eq!(given(&server).await, 0);
        server.restart().await;
        assert_eq!(given(&server).await, 1);
        let left = reconciled(&server).await;
        assert!(left.contains(&("different".into(), "pipeline".into())), "{left:?}");
        assert!(left.contains(&("missing".into(), "rotation".into())), "{left:?}");
        assert!(left.iter().all(|(what, _)| what != "unexplained"), "{left:?}");
    }

    async fn old_events_go_and_a_tombstone_stays(mut server) {
        let cast = Cast::of(&server).await;
        let officer = server.administrator().client.coffer();
        officer.audit_retain("2100-01-01T00:00:00Z").await.unwrap_err();
        let nothing = officer.audit_retain("2001-01-01T00:00:00Z").await.unwrap();
        assert_eq!((nothing.removed, nothing.tombstones), (0, 0));
        server.administrator().audit_settled().await;
        let before = officer.audit_checkpoint().await.unwrap();
        server.advance_clock(3 * 86_400);
        let day = days_ago(&server, 2).await;
        let done = server.administrator().client.coffer().audit_retain(&day).await.unwrap();
        assert!(done.removed > 15 && done.through >= before.sequence && done.tombstones == 1, "{done:?}");
        assert!(server.administrator().audit().await.iter().all(|event| event.action != "SecureFile.Created"));
        let found = server.administrator().client.coffer().audit_verify().await.unwrap();
        assert!(found.intact, "{found:?}");
        assert!(found.proved.iter().any(|line| line.contains("were removed")), "{found:?}");
        assert_eq!(reconciled(&server).await, [], "what the removed events explained is still explained");
        // Life goes on, and a second time begins where the first ended.
        cast.engineer.upload("later.pem", b"x").await;
        cast.engineer.client.secure_files(PROJECT).delete(&cast.file.id).await.unwrap();
        assert_eq!(reconciled(&server).await, []);
        server.advance_clock(3 * 86_400);
        let day = days_ago(&server, 2).await;
        let again = server.administrator().client.coffer().audit_retain(&day).await.unwrap();
        assert!(again.removed > 0 && again.through > done.through, "{again:?}");
        assert_eq!(reconciled(&server).await, []);
        let events = server.administrator().audit().await;
        let event = crate::newest(&events, "AuditLog.EventsRemoved");
        assert_eq!(event.details["through"], again.through.to_string());
        // An export tells of the removal; the checkpoint from before still fits.
        let lines = exported(server.administrator(), &AuditQuery::default(), &[before.sequence]).await;
        assert_eq!(lines.iter().filter(|line| line.contains("\"tombstone\"")).count(), 2);
        assert!(lines.iter().any(|line| line.contains(&format!("\"through\":{},", before.sequence))));
        // A removal that no tombstone tells is found, and so are a tombstone and a snapshot that were changed.
        let verify = async |server: &TestServer| server.administrator().client.coffer().audit_verify().await.unwrap().intact;
        assert!(verify(&server).await);
        server.database().sql(&format!("delete from audit_event where sequence = {}", again.through + 1)).await;
        assert!(!verify(&server).await);
        server.database().sql("update audit_snapshot set facts = replace(facts, ' active', ' disabled')").await;
        assert!(reconciled(&server).await.contains(&("changed".into(), "snapshot".into())));
        server.database().sql("delete from signed_record where kind = 'tombstone'").await;
        assert!(!verify(&server).await);
        eventually("the server still answers", || async { server.administrator().get("_apis/coffer/audit?top=1").await.status == 200 }).await;
    }
}

/// The day so many days before the server's now, RFC 3339.
async fn days_ago(server: &TestServer, days: i64) -> String {
    let events = server.administrator().audit().await;
    let now = events.iter().map(|event| event.time).max().unwrap();
    let day = jiff::Timestamp::from_microsecond(now - days * 86_400_000_000);
    day.unwrap().to_string()
}

/// A record as its signature is checked.
fn of(line: &SignedRecord) -> Signed {
    let digest = |text: &str| -> [u8; 32] { hex::decode(text).unwrap().try_into().unwrap() };
    Signed {
        record: coffer_model::record::Record {
            kind: Kind::from_word(&line.kind).unwrap(),
            scale_unit: line.scale_unit.clone(),
            organization: line.organization,
            number: line.number,
            previous: digest(&line.previous),
            time: line.time,
            key: digest(&line.key_id),
            sequence: line.sequence,
            head: digest(&line.head),
            root: digest(&line.root),
            payload: coffer_model::record::payload(&line.text),
        },
        text: line.text.clone(),
        signature: hex::decode(&line.signature).unwrap(),
    }
}
