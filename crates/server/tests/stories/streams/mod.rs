//! The log is sent to its targets: all of it, in order, whatever the targets and the nodes go through.

mod targets;

use coffer_testkit::client::AuditQuery;
use coffer_testkit::{Setup, StoreFault, TestServer, User, both, eventually};
use coffer_wire::coffer::AuditEntry;
use coffer_wire::streams::{
    AuditStream, AuditStreamChange, CreatedAuditStream, NewAuditStream, StreamOptions,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use targets::{Heard, Mood, Target};

fn new(kind: &str, url: String) -> NewAuditStream {
    NewAuditStream {
        name: kind.into(),
        kind: kind.into(),
        url,
        from_start: true,
        ..NewAuditStream::default()
    }
}

async fn webhook(server: &TestServer, target: &Target) -> CreatedAuditStream {
    let url = format!("http://127.0.0.1:{}/in", target.port);
    let streams = server.administrator().client.streams();
    streams.create(&new("webhook", url)).await.unwrap()
}

async fn splunk(server: &TestServer, target: &Target, acknowledge: bool) -> AuditStream {
    let new = NewAuditStream {
        secret: Some("hec-t0ken-5ecret".into()),
        options: StreamOptions {
            index: Some("audit".into()),
            acknowledge,
            ..StreamOptions::default()
        },
        ..new("splunk", format!("http://127.0.0.1:{}/", target.port))
    };
    let streams = server.administrator().client.streams();
    streams.create(&new).await.unwrap().stream
}

async fn state(server: &TestServer, stream: &AuditStream) -> AuditStream {
    let streams = server.administrator().client.streams();
    streams.get(&stream.id.to_string()).await.unwrap()
}

/// Things happen that the log records.
async fn happen(user: &User, server: &TestServer, count: usize) {
    for _ in 0..count {
        let name = server.unique("file");
        user.upload(&name, b"some content").await;
    }
}

/// Waits until the target has accepted all there is, and answers with how much that is.
async fn all_delivered(server: &TestServer, stream: &AuditStream) -> i64 {
    eventually("everything is delivered", || async {
        let now = state(server, stream).await;
        now.lag == 0 && now.failures == 0 && unlinked(server).await == 0
    })
    .await;
    state(server, stream).await.delivered
}

async fn unlinked(server: &TestServer) -> i64 {
    let database = server.database();
    database
        .number("select count(*) from audit_event where sequence is null")
        .await
}

/// Waits until the stream fails, and lets the pause before the next try pass.
async fn fails_then_time_passes(server: &mut TestServer, stream: &AuditStream) -> String {
    eventually("the stream fails", || async {
        state(server, stream).await.failures > 0
    })
    .await;
    let failing = state(server, stream).await;
    assert!(failing.failed_on.is_some() && failing.next_try_on.is_some());
    server.advance_clock(301);
    failing.last_error.unwrap()
}

/// Entries of a call's body, as JSON.
fn entries(heard: &Heard) -> Vec<Value> {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    if heard.path.contains("/services/collector") {
        return heard
            .body
            .lines()
            .map(|line| read(line)["event"].clone())
            .collect();
    }
    if !heard.path.is_empty() {
        return heard.body.lines().map(read).collect();
    }
    let mut found = Vec::new();
    let mut rest = heard.body.as_str();
    while let Some((length, after)) = rest.split_once(' ') {
        let (message, next) = after.split_at(length.parse().unwrap());
        found.push(read(message.splitn(8, ' ').nth(7).unwrap()));
        rest = next;
    }
    assert_eq!(rest, "");
    found
}

/// What the target accepted is the whole log, in order, with repetitions only where a batch was sent again. Answers
/// with how many places came twice.
async fn assert_whole(server: &TestServer, target: &Target, upto: i64) -> usize {
    let coffer = server.administrator().client.coffer();
    let mut lines = coffer.audit(&AuditQuery::default()).await.unwrap();
    let mut export = Vec::new();
    while let Some(entry) = lines.next::<AuditEntry>().await.unwrap() {
        export.push(serde_json::to_value(entry).unwrap());
    }
    let (mut last, mut twice) = (0, 0);
    for heard in target.accepted() {
        for (at, entry) in entries(&heard).into_iter().enumerate() {
            let sequence = entry["sequence"].as_i64().unwrap();
            if sequence <= last {
                twice += 1;
                assert_eq!(
                    sequence,
                    last - (last - sequence),
                    "{sequence} after {last}"
                );
            } else {
                assert_eq!(
                    sequence,
                    last + 1,
                    "place {at} of a batch: nothing is left out"
                );
                last = sequence;
            }
            let exported = &export[usize::try_from(sequence).unwrap() - 1];
            assert_eq!(&entry, exported, "it is what an export says");
        }
    }
    assert!(last >= upto, "{last} of {upto}");
    twice
}

/// HMAC-SHA-256 over timestamp, dot and body, as a receiver checks it.
fn signature(secret: &str, heard: &Heard) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let text = format!("{}.{}", heard.headers["coffer-timestamp"], heard.body);
    let tag = aws_lc_rs::hmac::sign(&key, text.as_bytes());
    let hex: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("v1={hex}")
}

both! {
    async fn a_webhook_gets_the_whole_log_signed_through_kill_and_restart(server) {
        let mut server = server;
        let mut target = Target::http().await;
        let created = webhook(&server, &target).await;
        let secret = created.secret.unwrap();
        let stream = created.stream;
        let engineer = server.release_engineer().await;
        happen(&engineer, &server, 3).await;
        all_delivered(&server, &stream).await;
        target.kill().await;
        happen(&engineer, &server, 3).await;
        let error = fails_then_time_passes(&mut server, &stream).await;
        assert!(error.contains("127.0.0.1 cannot be reached"), "{error}");
        // The product did not wait for it.
        happen(&engineer, &server, 2).await;
        target.begin().await;
        let upto = all_delivered(&server, &stream).await;
        assert_eq!(assert_whole(&server, &target, upto).await, 0, "nothing was unclear");
        for heard in target.accepted() {
            assert_eq!(heard.path, "/in");
            assert_eq!(heard.headers["content-type"], "application/x-ndjson");
            assert_eq!(heard.headers["coffer-stream"], stream.id.to_string());
            assert_eq!(heard.headers["coffer-signature"], signature(&secret, &heard));
        }
    }

    async fn whatever_a_target_answers_nothing_is_lost_and_order_is_kept(server) {
        let mut server = server;
        let elsewhere = Target::http().await;
        let target = Target::http().await;
        let stream = webhook(&server, &target).await.stream;
        let engineer = server.release_engineer().await;
        for (mood, says) in [
            (Mood::Status(500), "the target answered 500"),
            (Mood::Status(400), "the target answered 400"),
            (Mood::Status(401), "the target answered 401"),
            (Mood::Wait(120), "the target answered 429"),
            (Mood::Elsewhere(elsewhere.port), "the target answered 307"),
            (Mood::HangUp, "127.0.0.1"),
            (Mood::Reset, "127.0.0.1"),
            (Mood::Half, "127.0.0.1"),
        ] {
            all_delivered(&server, &stream).await;
            target.will(&[mood]);
            happen(&engineer, &server, 1).await;
            let error = fails_then_time_passes(&mut server, &stream).await;
            assert!(error.contains(says), "{mood:?}: {error}");
        }
        let upto = all_delivered(&server, &stream).await;
        assert_eq!(assert_whole(&server, &target, upto).await, 0);
        assert_eq!(target.refused(), 8);
        assert_eq!(elsewhere.accepted().len(), 0, "redirects are not followed");
    }

    async fn a_target_that_asks_for_time_gets_it(server) {
        let mut server = server;
        let target = Target::http().await;
        let stream = webhook(&server, &target).await.stream;
        all_delivered(&server, &stream).await;
        target.will(&[Mood::Wait(200)]);
        let engineer = server.release_engineer().await;
        happen(&engineer, &server, 1).await;
        eventually("the stream fails", || async { state(&server, &stream).await.failures > 0 }).await;
        let due = "select (retry_at - failed_at) / 1000000 from audit_stream";
        assert_eq!(server.database().number(due).await, 200);
        server.advance_clock(201);
        all_delivered(&server, &stream).await;
    }

    async fn splunk_gets_its_wrapper_and_token_and_is_asked_to_acknowledge(server) {
        let mut server = server;
        let target = Target::http().await;
        target.acknowledges(&[false, true]);
        let stream = splunk(&server, &target, true).await;
        let engineer = server.release_engineer().await;
        happen(&engineer, &server, 2).await;
        all_delivered(&server, &stream).await;
        target.will(&[Mood::Status(503), Mood::Reset]);
        happen(&engineer, &server, 1).await;
        let error = fails_then_time_passes(&mut server, &stream).await;
        assert!(error.contains("503"), "{error}");
        eventually("it fails again", || async { target.refused() == 2 }).await;
        fails_then_time_passes(&mut server, &stream).await;
        let upto = all_delivered(&server, &stream).await;
        assert_eq!(assert_whole(&server, &target, upto).await, 0);
        for heard in target.accepted() {
            assert_eq!(heard.path, "/services/collector/event");
            assert_eq!(heard.headers["authorization"], "Splunk hec-t0ken-5ecret");
            assert_eq!(heard.headers["x-splunk-request-channel"], stream.id.to_string());
            for line in heard.body.lines() {
                let wrapped: Value = serde_json::from_str(line).unwrap();
                assert_eq!((&wrapped["index"], &wrapped["sourcetype"]), (&json!("audit"), &json!("coffer:audit")));
                let micros = wrapped["event"]["event"]["time"].as_i64().unwrap();
                assert_eq!(wrapped["time"], format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000));
            }
        }
    }

    async fn syslog_gets_every_message_through_resets_and_restarts(server) {
        let mut server = server;
        let mut target = Target::syslog().await;
        let url = format!("tcp://127.0.0.1:{}", target.port);
        let streams = server.administrator().client.streams();
        let stream = streams.create(&new("syslog", url)).await.unwrap().stream;
        let engineer = server.release_engineer().await;
        happen(&engineer, &server, 2).await;
        all_delivered(&server, &stream).await;
        target.will(&[Mood::Reset]);
        happen(&engineer, &server, 2).await;
        let error = fails_then_time_passes(&mut server, &stream).await;
        assert!(error.contains("broke off"), "{error}");
        all_delivered(&server, &stream).await;
        target.kill().await;
        happen(&engineer, &server, 2).await;
        fails_then_time_passes(&mut server, &stream).await;
        target.begin().await;
        let upto = all_delivered(&server, &stream).await;
        assert_eq!(assert_whole(&server, &target, upto).await, 0);
        let text = target.accepted()[0].body.clone();
        let (_, message) = text.split_once(' ').unwrap();
        assert!(message.starts_with("<110>1 20"), "{message}");
    }

    async fn a_node_that_dies_before_it_writes_down_what_was_accepted_sends_it_again(server) {
        let mut server = server;
        let target = Target::http().await;
        let stream = webhook(&server, &target).await.stream;
        all_delivered(&server, &stream).await;
        let before = target.accepted().len();
        server.faults().named("streams::ADVANCE", StoreFault::Before);
        let engineer = server.release_engineer().await;
        happen(&engineer, &server, 1).await;
        eventually("a batch is accepted", || async { target.accepted().len() > before }).await;
        // The next node waits for the lease; on SQLite the same node goes on at once.
        server.advance_clock(61);
        happen(&engineer, &server, 1).await;
        let upto = all_delivered(&server, &stream).await;
        assert!(server.faults().disarm().0, "it did break");
        let twice = assert_whole(&server, &target, upto).await;
        assert!(twice > 0, "what was not written down came again");
        let again: Vec<_> = target.accepted()[before..].iter().map(|heard| entries(heard)[0]["sequence"].clone()).collect();
        assert_eq!(again[0], again[1], "from where it had been written down");
    }

    async fn a_paused_stream_waits_and_loses_nothing_and_one_that_only_fails_is_switched_off(server) {
        let mut server = server;
        let target = Target::http().await;
        let stream = webhook(&server, &target).await.stream;
        let id = stream.id.to_string();
        let engineer = server.release_engineer().await;
        all_delivered(&server, &stream).await;
        let streams = server.administrator().client.streams();
        let switch = |on| AuditStreamChange { enabled: Some(on), ..AuditStreamChange::default() };
        assert!(!streams.change(&id, &switch(false)).await.unwrap().enabled);
        let before = target.accepted().len();
        happen(&engineer, &server, 2).await;
        eventually("the log goes on", || async { state(&server, &stream).await.lag > 2 }).await;
        assert_eq!(target.accepted().len(), before);
        streams.change(&id, &switch(true)).await.unwrap();
        all_delivered(&server, &stream).await;
        target.will(&[Mood::Status(500), Mood::Status(500)]);
        happen(&engineer, &server, 1).await;
        eventually("it fails", || async { target.refused() == 1 && state(&server, &stream).await.failures == 1 }).await;
        server.advance_clock(7 * 24 * 3600 + 1);
        eventually("it is switched off", || async { !state(&server, &stream).await.enabled }).await;
        let streams = server.administrator().client.streams();
        streams.change(&id, &switch(true)).await.unwrap();
        let upto = all_delivered(&server, &stream).await;
        assert_eq!(assert_whole(&server, &target, upto).await, 0);
        streams.delete(&id).await.unwrap();
        let actions: Vec<_> = server.administrator().audit().await.into_iter()
            .filter(|event| event.resource_id.as_deref() == Some(&id))
            .map(|event| event.action)
            .collect();
        assert_eq!(actions, [
            "AuditLog.StreamCreated", "AuditLog.StreamDisabledByUser", "AuditLog.StreamEnabled",
            "AuditLog.StreamDisabledBySystem", "AuditLog.StreamEnabled", "AuditLog.StreamDeleted",
        ]);
    }

    async fn only_who_manages_streams_sees_them_and_nobody_sees_a_secret_again(server) {
        let target = Target::http().await;
        let made = webhook(&server, &target).await;
        let made_secret = made.secret.unwrap();
        let (collector, id) = (splunk(&server, &target, false).await, made.stream.id.to_string());
        all_delivered(&server, &collector).await;
        let developer = server.developer().await;
        let base = "_apis/coffer/audit/streams";
        assert_eq!(developer.get(base).await.code(403), "access.denied");
        assert_eq!(developer.get(&format!("{base}/{id}")).await.code(403), "access.denied");
        let body = json!({"name": "mine", "kind": "webhook", "url": "https://hooks.example/"});
        assert_eq!(developer.call("POST", base).json(&body).send().await.code(403), "access.denied");
        let paused = developer.call("PATCH", &format!("{base}/{id}")).json(&json!({"enabled": false})).send().await;
        assert_eq!(paused.code(403), "access.denied");
        assert_eq!(developer.call("DELETE", &format!("{base}/{id}")).send().await.code(403), "access.denied");
        let events = server.administrator().audit().await;
        for action in ["StreamCreated", "StreamDisabledByUser", "StreamDeleted"] {
            let denied = events.iter().filter(|event| event.action == format!("AuditLog.{action}") && event.outcome == "denied");
            assert_eq!(denied.count(), 1, "{action}");
        }
        server.administrator().get(base).await.ok();
        let test = server.administrator().call("POST", &format!("{base}/{id}/test")).send().await.ok().json();
        assert_eq!(test["accepted"], true);
        let trial: Value = serde_json::from_str(target.accepted().last().unwrap().body.trim()).unwrap();
        assert_eq!(trial["test"], true);
        for secret in [made_secret.as_bytes(), b"hec-t0ken-5ecret"] {
            assert_eq!(server.grep_everything(secret).await, Vec::<String>::new());
        }
        let absent = "_apis/coffer/audit/streams/3f0a1c7e-5f5b-4c8e-9f1e-2f6d7a8b9c0d";
        assert_eq!(server.administrator().get(absent).await.code(404), "audit_stream.not_found");
    }

    async fn a_target_is_judged_before_it_is_stored_and_streams_are_few(server, Setup { calls_this_machine: false, ..Setup::default() }) {
        let administrator = server.administrator();
        let base = "_apis/coffer/audit/streams";
        for (kind, url) in [
            ("webhook", "http://hooks.example/"),
            ("webhook", "https://127.0.0.1/"),
            ("webhook", "https://0x7f.1/"),
            ("webhook", "https://169.254.169.254/latest"),
            ("webhook", "https://[::ffff:10.0.0.1]/"),
            ("webhook", "https://user:pass@hooks.example/"),
            ("webhook", "file:///etc/passwd"),
            ("splunk", "https://10.0.0.1:8088"),
            ("syslog", "tcp://logs.example:514"),
            ("syslog", "tls://192.168.0.1:514"),
            ("syslog", "udp://logs.example"),
            ("kafka", "https://hooks.example/"),
        ] {
            let mut body = json!({"name": "x", "kind": kind, "url": url});
            if kind == "splunk" {
                body["secret"] = json!("a-collector-token");
            }
            let answer = administrator.call("POST", base).json(&body).send().await;
            assert_eq!(answer.code(400), "audit_stream.target", "{url}");
        }
        let add = |name: String, secret: Option<&str>| {
            let body = json!({"name": name, "kind": "webhook", "url": "https://hooks.invalid/", "secret": secret});
            administrator.call("POST", base).json(&body).send()
        };
        assert_eq!(add("short".into(), Some("short")).await.code(400), "audit_stream.target");
        add("one".into(), Some("a-secret-of-their-own")).await.ok();
        assert_eq!(add("ONE".into(), None).await.code(409), "audit_stream.name_taken");
        for n in 2..=8 {
            add(n.to_string(), None).await.ok();
        }
        assert_eq!(add("9".into(), None).await.code(409), "too_many");
        // A change is judged as well.
        let id = administrator.get(base).await.ok().json()["value"][0]["id"].as_str().unwrap().to_owned();
        let worse = json!({"url": "https://10.0.0.1/"});
        let changed = administrator.call("PATCH", &format!("{base}/{id}")).json(&worse).send().await;
        assert_eq!(changed.code(400), "audit_stream.target");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_deliver_once_and_in_order() {
    let engine = coffer_testkit::Engine::Postgres;
    if !engine.is_there(concat!(
        module_path!(),
        "::two_nodes_deliver_once_and_in_order"
    )) {
        return;
    }
    let server = TestServer::start_with(engine, Setup::default()).await;
    let target = Target::http().await;
    let stream = webhook(&server, &target).await.stream;
    let engineer = server.release_engineer().await;
    let other = server.another_node().await;
    for _ in 0..6 {
        happen(&engineer, &server, 5).await;
    }
    all_delivered(&server, &stream).await;
    other.stop().await;
    // And when a node goes without a word, the other one goes on.
    let third = server.another_node().await;
    happen(&engineer, &server, 5).await;
    third.kill().await;
    let mut server = server;
    server.advance_clock(61);
    let upto = all_delivered(&server, &stream).await;
    let twice = assert_whole(&server, &target, upto).await;
    let batches: BTreeSet<_> = target
        .accepted()
        .iter()
        .map(|heard| heard.body.clone())
        .collect();
    let repeated = target.accepted().len() - batches.len();
    assert!(
        repeated <= 1,
        "at most what the killed node had under way: {repeated}, {twice} events"
    );
}
