//! Bytes that are hardly HTTP, and texts that one database would not take: an answer in the envelope, or the end of the
//! connection, and never more work than a bound.

use coffer_testkit::{Answer, StoreFault, TestServer, User, both};
use serde_json::json;

/// What is answered to bytes.
async fn told(server: &TestServer, bytes: impl AsRef<[u8]>) -> Option<Answer> {
    let mut wire = server.wire().await;
    wire.send(bytes).await;
    let answer = wire.answer().await;
    assert!(
        wire.is_closed().await,
        "who speaks so is not listened to any longer"
    );
    answer
}

fn get(user: &User, more: &str) -> String {
    format!(
        "GET /DefaultCollection/_apis/connectionData HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n{more}\r\n",
        user.basic()
    )
}

both! {
    async fn what_is_hardly_http_is_answered_in_the_envelope(server) {
        let engineer = server.release_engineer().await;
        let long = "x".repeat(300_000);
        let many: String = (0..200).map(|n| format!("X-H{n}: y\r\n")).collect();
        for (bytes, status) in [
            ("nonsense\r\n\r\n".to_owned(), 400),
            ("GET /\r\n\r\n".to_owned(), 400),
            ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
            ("G\u{1}T / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
            ("GET /\u{1} HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
            (get(&engineer, "No Colon\r\n"), 400),
            (get(&engineer, "X-Nul: a\0b\r\n"), 400),
            (get(&engineer, "Content-Length: many\r\n"), 400),
            (get(&engineer, "Content-Length: -1\r\n"), 400),
            (get(&engineer, "Content-Length: 1\r\nContent-Length: 2\r\n"), 400),
            (get(&engineer, "Content-Length: 99999999999999999999999\r\n"), 400),
            (get(&engineer, "Transfer-Encoding: gzip\r\n"), 400),
            (get(&engineer, &format!("X-Long: {long}\r\n")), 431),
            (get(&engineer, &many), 431),
            (format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"), 431),
        ] {
            let shown: String = bytes.chars().take(200).collect();
            let answer = told(&server, bytes).await.unwrap_or_else(|| panic!("no answer to {shown}"));
            let refused = answer.refused(status);
            assert!(refused.message.contains("request"), "{shown}: {}", refused.message);
            assert!(!answer.header("activityid").is_empty(), "{shown}");
        }
        engineer.get("_apis/connectionData").await.ok();
    }

    async fn every_refusal_has_the_envelope_and_a_broken_statement_too(server) {
        let engineer = server.release_engineer().await;
        for (method, path, kind, status) in [
            ("GET", "_apis/nowhere/at/all", "", 404),
            ("DELETE", "Pay%20Desk/_apis/distributedtask/securefiles", "", 405),
            ("POST", "Pay%20Desk/_apis/distributedtask/securefiles?name=x", "text/plain", 415),
            ("PATCH", "_apis/projects/x", "application/xml", 415),
            ("OPTIONS", "Pay%20Desk/_apis/distributedtask/securefiles", "", 405),
        ] {
            let call = engineer.call(method, path);
            let call = if kind.is_empty() { call } else { call.body(kind, "x") };
            let answer = call.send().await;
            answer.refused(status);
            assert_eq!(answer.header("allow").is_empty(), status != 405, "{answer}");
        }
        server.faults().at(1, StoreFault::Panic);
        let answer = engineer.call("POST", &engineer.files_path("?name=a.pem"));
        let answer = answer.body("application/octet-stream", "x").send().await;
        server.faults().disarm();
        // Where a database has a thread of its own, it is that which ends; the answer is one all the same.
        assert!(matches!(answer.status, 500 | 503), "{answer}");
        let message = answer.refused(answer.status).message;
        assert!(!message.contains("on purpose"), "{message}");
        assert!(engineer.file_names().await.is_empty());
    }

    async fn an_answer_before_is_whole_whatever_comes_after(server) {
        let engineer = server.release_engineer().await;
        let mut wire = server.wire().await;
        wire.send(get(&engineer, "")).await;
        assert_eq!(wire.answer().await.unwrap().ok().json()["deploymentType"], "onPremises");
        wire.send("nonsense\r\n\r\n").await;
        wire.answer().await.unwrap().refused(400);
        assert!(wire.is_closed().await);
    }

    async fn a_body_that_is_no_http_is_answered_and_one_without_end_is_bounded(server) {
        let engineer = server.release_engineer().await;
        let file = engineer.upload("kept.pem", b"x").await;
        let head = format!(
            "PATCH /DefaultCollection/{} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\
             Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
            engineer.file_path(&file.id, ""),
            engineer.basic()
        );
        for chunk in ["zzz\r\n", "-1\r\nx\r\n", "fffffffffffffffff\r\n", "1\r\nxx\r\n"] {
            let answer = told(&server, format!("{head}{chunk}")).await.unwrap();
            assert_eq!(answer.code(400), "body.broken", "{chunk:?}");
        }
        // A client that never ends gets to see why, and is not read for ever.
        let mut wire = server.wire().await;
        wire.send(&head).await;
        let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
        let mut sent = 0;
        while sent < 200 && wire.send(&chunk).await {
            sent += 1;
        }
        assert!(sent < 64, "{sent} MiB were read of a body that may have one");
        assert_eq!(engineer.file_names().await, ["kept.pem"]);
    }

    async fn texts_that_a_database_would_not_take_never_get_there(server) {
        let engineer = server.release_engineer().await;
        let file = engineer.upload("kept.pem", b"x").await;
        let item = engineer.file_path(&file.id, "");
        for (body, status) in [
            (r#"{"name":"a\u0000b"}"#, 400),
            (r#"{"properties":{"a\u0000":"b"}}"#, 400),
            (r#"{"properties":{"a":"\ud800"}}"#, 400),
            (r#"{"properties":{"a":"b","a":"c"}}"#, 400),
            (r#"{"name":"a","name":"b"}"#, 400),
            ("{\"properties\":{\"a\":\"\u{fffe}\u{10ffff}\u{202e}\"}}", 200),
            ("\u{feff}{\"properties\":{\"a\":\"b\"}}", 200),
        ] {
            let answer = engineer.call("PATCH", &item).body("application/json", body).send().await;
            assert_eq!(answer.status, status, "{body}: {}", answer.text());
        }
        let yaml = "steps:\n- script: echo\n";
        for body in [
            json!({"name": "a\u{0}", "configuration": {"type": "yaml", "path": "a.yml", "yaml": yaml}}),
            json!({"name": "a", "configuration": {"type": "yaml", "path": "a.yml", "yaml": "steps: [\u{0}]"}}),
        ] {
            engineer.call("POST", "Pay%20Desk/_apis/pipelines").json(&body).send().await.refused(400);
        }
        let named = engineer.files_path("?name=a%00b");
        engineer.call("POST", &named).body("application/octet-stream", "x").send().await.refused(400);
        engineer.get(&engineer.files_path("?namePattern=%00")).await.refused(400);
        let kept: serde_json::Value = engineer.get(&item).await.ok().json();
        assert_eq!((&kept["name"], &kept["properties"]), (&json!("kept.pem"), &json!({"a": "b"})));
    }

    async fn what_a_program_printed_may_hold_a_nul(server) {
        let cast = crate::Cast::permitted(&server).await;
        let agent = server.agent("worker").await;
        let (run, job) = cast.job(&agent).await;
        let step = job.step("Say it");
        let feed = json!({
            "leaseToken": "",
            "records": [{"id": step, "name": "Say\u{0} it", "order": 1, "state": "InProgress",
                "issues": [{"type": "Error", "message": "no\u{0}thing"}]}],
            "lines": [{"recordId": step, "firstLine": 1, "lines": ["a\u{0}b"]}],
        });
        agent.feed(&job, serde_json::from_value(feed).unwrap()).await.unwrap();
        agent.finish(&job, "succeeded").await.unwrap();
        let log = cast.developer.log(&run).await;
        assert!(log.contains("a\u{0}b"), "{log:?}");
    }
}
