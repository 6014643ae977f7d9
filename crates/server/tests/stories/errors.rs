//! Requests that make no sense: the right status, and always the envelope.

use coffer_testkit::both;
use serde_json::json;

both! {
    async fn what_makes_no_sense_is_answered_in_the_envelope(server) {
        let engineer = server.release_engineer().await;
        let file = engineer.upload("a.pem", b"x").await;
        let item = engineer.file_path(&file.id, "");
        let runs = "Pay%20Desk/_apis/pipelines/1/runs";
        for (method, path, status) in [
            ("GET", "nowhere/at/all", 404),
            ("GET", "_apis/nowhere/else", 404),
            ("GET", "_apis/distributedtask", 405),
            ("GET", "Pay%20Desk/_apis/git/repositories", 404),
            (
                "GET",
                "Pay%20Desk/_apis/distributedtask/securefiles/x/y",
                404,
            ),
            ("GET", "No%20Such/_apis/distributedtask/securefiles", 404),
            (
                "GET",
                "Pay%20Desk/_apis/distributedtask/securefiles/not-a-guid",
                404,
            ),
            ("GET", "Pay%20Desk/_apis/pipelines/abc", 404),
            ("GET", "Pay%20Desk/_apis/pipelines/999", 404),
            (
                "GET",
                "Pay%20Desk/_apis/pipelines/99999999999999999999",
                404,
            ),
            ("GET", "Pay%20Desk/_apis/build/builds/-1", 404),
            ("GET", "Pay%20Desk/_apis/build/builds/1/logs/x", 404),
            ("DELETE", "_apis/coffer/tokens/x", 404),
            (
                "DELETE",
                "Pay%20Desk/_apis/distributedtask/securefiles",
                405,
            ),
            ("PUT", "Pay%20Desk/_apis/distributedtask/securefiles", 405),
            ("DELETE", "_apis/connectionData", 405),
            ("TRACE", "_apis/connectionData", 405),
            ("BREW", "_apis/connectionData", 405),
            ("GET", "_apis/coffer/signin", 405),
            (
                "GET",
                "Pay%20Desk/_apis/distributedtask/securefiles?includeDownloadTickets=perhaps",
                400,
            ),
            ("GET", "_apis/connectionData?api-version=x", 400),
            ("GET", "_apis/connectionData?api-version=99.0", 400),
        ] {
            let answer = engineer.call(method, path).send().await;
            let envelope = answer.refused(status);
            assert!(!envelope.message.contains("panick"), "{answer}");
            if status == 405 {
                assert!(!answer.header("allow").is_empty(), "{answer}");
            }
        }
        let deep = "[".repeat(100_000);
        for body in [
            "{",
            "nonsense",
            "[1]",
            "{\"name\":1}",
            "{\"name\":\"x\"",
            "\u{feff}{",
            &deep,
            "{\"properties\":{\"a\":{}}}",
        ] {
            let answer = engineer
                .call("PATCH", &item)
                .body("application/json", body.to_owned())
                .send()
                .await;
            answer.refused(400);
        }
        engineer
            .call("PATCH", &item)
            .body("application/json", vec![0xff, 0xfe])
            .send()
            .await
            .refused(400);
        engineer
            .call("PATCH", &item)
            .body("text/plain", "{}")
            .send()
            .await
            .refused(415);
        let huge = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
        engineer
            .call("PATCH", &item)
            .body("application/json", huge)
            .send()
            .await
            .refused(413);
        engineer
            .call("PATCH", &item)
            .json(&json!({"id": "other"}))
            .send()
            .await
            .refused(400);
        engineer
            .call("POST", runs)
            .json(&json!({"variables": 1}))
            .send()
            .await
            .refused(400);
        assert_eq!(engineer.file_names().await, ["a.pem"]);
    }

    async fn a_path_has_one_meaning_however_it_is_spelled(server) {
        let engineer = server.release_engineer().await;
        let file = engineer.upload("a.pem", b"x").await;
        let ask = async |path: &str| {
            let mut wire = server.wire().await;
            let authorization = format!("Authorization: {}", engineer.basic());
            wire.head(&[
                &format!("GET {path} HTTP/1.1"),
                "Host: localhost",
                &authorization,
            ])
            .await;
            wire.answer().await.expect("an answer")
        };
        let id = &file.id;
        for path in [
            format!("/DefaultCollection/Pay%20Desk/_apis/distributedtask/securefiles/{id}"),
            format!("//DefaultCollection//Pay%20Desk/_apis//distributedtask/securefiles/{id}/"),
            format!("/defaultcollection/pay%20desk/_APIS/DistributedTask/SecureFiles/{id}"),
            format!(
                "/DefaultCollection/Pay%20Desk/%5Fapis/distributedtask/%73ecurefiles/{}",
                id.to_uppercase()
            ),
        ] {
            let answer = ask(&path).await;
            assert_eq!(
                (answer.status, answer.json()["name"].as_str()),
                (200, Some("a.pem")),
                "{path}: {}",
                answer.text()
            );
        }
        for path in [
            format!(
                "/DefaultCollection/Pay%20Desk/_apis/distributedtask/../distributedtask/securefiles/{id}"
            ),
            format!(
                "/DefaultCollection/x/%2e%2e/Pay%20Desk/_apis/distributedtask/securefiles/{id}"
            ),
            format!("/DefaultCollection/Pay%20Desk/_apis/distributedtask/securefiles/..%2f{id}"),
            "/DefaultCollection/Pay%20Desk/_apis/distributedtask/securefiles/%2e".to_owned(),
            format!("/DefaultCollection/Pay%20Desk/_apis/distributedtask/securefiles/{id}%00"),
            format!(
                "/DefaultCollection/Pay%20Desk/_apis/distributedtask/securefiles/{id}%0d%0aX:%20y"
            ),
            "/DefaultCollection/%ff/_apis/distributedtask/securefiles".to_owned(),
        ] {
            ask(&path).await.refused(400);
        }
        for path in [
            format!("/DefaultCollection/Pay%20Desk%2F_apis/distributedtask/securefiles/{id}"),
            format!("/DefaultCollection/Pay%2520Desk/_apis/distributedtask/securefiles/{id}"),
            format!("/Other/Pay%20Desk/_apis/distributedtask/securefiles/{id}"),
        ] {
            ask(&path).await.refused(404);
        }
        let absolute = format!(
            "http://localhost/DefaultCollection/Pay%20Desk/_apis/distributedtask/securefiles/{id}"
        );
        assert_eq!(ask(&absolute).await.status, 200);
        let mut wire = server.wire().await;
        wire.send("nonsense\r\n\r\n").await;
        if let Some(answer) = wire.answer().await {
            assert_eq!(answer.status, 400);
        }
        assert!(wire.is_closed().await);
        // A server that was sent nonsense still serves.
        engineer.get("_apis/connectionData").await.ok();
    }
}
