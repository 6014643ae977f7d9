//! Who is calling: tokens of every kind, agents' signatures, and requests that a browser was made to send.

use crate::Cast;
use coffer_testkit::{PROJECT, both};
use coffer_wire::coffer::TokenRequest;
use serde_json::json;

const WHO: &str = "_apis/connectionData";

both! {
    async fn a_token_comes_as_basic_or_bearer(server) {
        let engineer = server.release_engineer().await;
        let me =
            |answer: coffer_testkit::Answer| answer.ok().json()["authenticatedUser"].to_string();
        let basic = |name: &str| {
            use base64::Engine as _;
            let pair = format!("{name}:{}", engineer.token());
            format!(
                "Basic {}",
                base64::engine::general_purpose::STANDARD.encode(pair)
            )
        };
        for value in [
            basic(""),
            basic("PAT"),
            basic("rel"),
            basic("ä b"),
            format!("Bearer {}", engineer.token()),
            format!("bearer {}", engineer.token()),
        ] {
            let answer = server
                .nobody()
                .call("GET", WHO)
                .header("Authorization", &value)
                .send()
                .await;
            assert!(me(answer).contains("rel"), "{value}");
        }
        let last = engineer.token().chars().last().unwrap();
        let wrong = engineer
            .token()
            .replace(last, if last == 'A' { "B" } else { "A" });
        for value in [
            "Bearer x".to_owned(),
            "Basic !".into(),
            "Basic eDp5".into(),
            "Bearer ".into(),
            "Negotiate abc".into(),
            "garbage".into(),
            format!("Bearer {wrong}"),
            format!("Bearer {}", engineer.token().to_uppercase()),
            format!("Bearer {}x", engineer.token()),
        ] {
            let answer = server
                .nobody()
                .call("GET", WHO)
                .header("Authorization", &value)
                .send()
                .await;
            let envelope = answer.refused(401);
            assert!(
                envelope.message.starts_with("TF400813:"),
                "{}",
                envelope.message
            );
            let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
            assert_eq!(challenges, ["Basic realm=\"coffer\"", "Bearer"], "{value}");
        }
        let answer = server.nobody().get(WHO).await;
        answer.refused(401);
        // Cookies are not looked at.
        let cookie = format!("UserAuthentication={}", engineer.token());
        server
            .nobody()
            .call("GET", WHO)
            .header("Cookie", &cookie)
            .send()
            .await
            .refused(401);
        let twice = engineer
            .call("GET", WHO)
            .header("Authorization", &format!("Bearer {}", engineer.token()))
            .send()
            .await;
        twice.refused(400);
        let twice = engineer
            .call("GET", WHO)
            .header("Authorization", &engineer.basic())
            .send()
            .await;
        twice.refused(400);
    }

    async fn a_token_ends_when_it_is_revoked_or_out_of_time(mut server) {
        let engineer = server.release_engineer().await;
        let coffer = engineer.client.coffer();
        let request = TokenRequest {
            label: "short".into(),
            days: 1,
            user: None,
            kind: None, scope: None };
        let token = coffer.create_token(&request).await.unwrap();
        let holder = server.holder(&token.token);
        holder.get(WHO).await.ok();
        coffer.revoke_token(&token.id.to_string()).await.unwrap();
        holder.get(WHO).await.refused(401);
        holder
            .call("POST", &holder.files_path("?name=a"))
            .body("application/octet-stream", "x")
            .send()
            .await
            .refused(401);
        let listed = coffer.tokens().await.unwrap();
        assert!(
            listed
                .iter()
                .any(|record| record.id == token.id && record.revoked_on.is_some())
        );
        let developer = server.developer().await;
        let token = coffer.create_token(&request).await.unwrap();
        let foreign = developer
            .client
            .coffer()
            .revoke_token(&token.id.to_string())
            .await
            .unwrap_err();
        assert!(matches!(foreign.status(), Some(403 | 404)), "{foreign}");
        let holder = server.holder(&token.token);
        holder.get(WHO).await.ok();
        server.advance_clock(24 * 3600 - 60);
        holder.get(WHO).await.ok();
        server.advance_clock(61);
        holder.get(WHO).await.refused(401);
        for days in [0, 366] {
            let answer = engineer
                .call("POST", "_apis/coffer/tokens")
                .json(&json!({"label": "x", "days": days}))
                .send()
                .await;
            answer.refused(400);
        }
        let other = TokenRequest {
            user: Some("dev".into()),
            ..request
        };
        let refused = coffer.create_token(&other).await.err().unwrap();
        assert_eq!(
            refused.status(),
            Some(403),
            "only administrators make tokens for others"
        );
    }

    async fn a_registration_token_registers_and_nothing_else(server) {
        let cast = Cast::of(&server).await;
        let token = server.agent_token().await;
        let holder = server.holder(&token);
        for path in [
            holder.files_path(""),
            holder.file_path(&cast.file.id, ""),
            holder.file_path(&cast.file.id, "?ticket=x"),
            "Pay%20Desk/_apis/pipelines".into(),
            "Pay%20Desk/_apis/build/builds".into(),
            "_apis/coffer/users".into(),
            "_apis/coffer/audit".into(),
        ] {
            let answer = holder.get(&path).await;
            assert!(
                answer.status == 403 || answer.status == 404 || answer.json()["count"] == 0,
                "{answer}: {}",
                answer.text()
            );
            assert!(!answer.text().contains("ca.pem"), "{answer}");
        }
        let uploads = holder
            .call("POST", &holder.files_path("?name=a"))
            .body("application/octet-stream", "x")
            .send()
            .await;
        assert!(uploads.status == 403 || uploads.status == 404, "{uploads}");
        let tokens = holder
            .call("POST", "_apis/coffer/tokens")
            .json(&json!({"label": "x", "days": 1}))
            .send()
            .await;
        tokens.refused(403);
        // And a person's token registers no agent.
        let body = json!({"name": "a", "version": "4.260.0", "publicKey": "A".repeat(43)});
        cast.engineer
            .call("POST", "_apis/coffer/agents")
            .json(&body)
            .send()
            .await
            .refused(403);
        holder
            .call("POST", "_apis/coffer/agents")
            .json(&body)
            .send()
            .await
            .ok();
        cast.developer
            .call("POST", "_apis/coffer/tokens")
            .json(&json!({"label": "x", "days": 1, "kind": "agent"}))
            .send()
            .await
            .refused(403);
    }

    async fn a_job_s_token_does_little(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (run, job) = cast.job(&agent).await;
        let user = job.user(&server);
        user.get(WHO).await.ok();
        let name = format!("?name={}", server.unique("new"));
        let attempts = [
            user.call("POST", &user.files_path(&name))
                .body("application/octet-stream", "x")
                .send()
                .await,
            user.call("DELETE", &user.file_path(&cast.file.id, ""))
                .send()
                .await,
            user.call("PATCH", &user.file_path(&cast.file.id, ""))
                .json(&json!({"name": "x"}))
                .send()
                .await,
            user.call("POST", "_apis/coffer/tokens")
                .json(&json!({"label": "x", "days": 1}))
                .send()
                .await,
            user.call("POST", "_apis/coffer/users")
                .json(&json!({"uniqueName": "x"}))
                .send()
                .await,
            user.get("_apis/coffer/audit").await,
            user.call(
                "POST",
                &format!("Pay%20Desk/_apis/pipelines/{}/runs", cast.pipeline.id),
            )
            .json(&json!({}))
            .send()
            .await,
            user.call(
                "PATCH",
                &format!(
                    "Pay%20Desk/_apis/pipelines/pipelinepermissions/securefile/{}",
                    cast.file.id
                ),
            )
            .json(&json!({"allPipelines": {"authorized": true}}))
            .send()
            .await,
            user.call(
                "PATCH",
                &format!("Pay%20Desk/_apis/build/builds/{}", run.id),
            )
            .json(&json!({"status": "cancelling"}))
            .send()
            .await,
        ];
        for answer in attempts {
            assert!(
                answer.status == 403 || answer.status == 404,
                "{answer}: {}",
                answer.text()
            );
            answer.refused(answer.status);
        }
        let tokens = cast.developer.client.coffer().tokens().await.unwrap();
        assert!(tokens.iter().all(|token| token.kind == "pat"));
    }

    async fn the_first_code_works_once(mut server) {
        let code = server.first_code().to_owned();
        let body = |code: &str| json!({"code": code, "uniqueName": "eve", "label": "x"});
        for code in [code.as_str(), "wrong", ""] {
            let answer = server
                .nobody()
                .call("POST", "_apis/coffer/signin")
                .json(&body(code))
                .send()
                .await;
            assert!((400..500).contains(&answer.status), "{answer}");
            answer.refused(answer.status);
        }
        server.restart().await;
        assert_eq!(
            server.first_code(),
            code,
            "no new code after somebody signed in"
        );
        let users = server
            .administrator()
            .client
            .coffer()
            .users()
            .await
            .unwrap();
        assert_eq!(users.len(), 1);
    }

    async fn a_browser_cannot_be_made_to_write(server) {
        let engineer = server.release_engineer().await;
        let path = engineer.files_path("?name=a.pem");
        for (name, value) in [
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            ("Origin", "https://evil.example"),
            ("Origin", "null"),
        ] {
            let answer = engineer
                .call("POST", &path)
                .body("application/octet-stream", "x")
                .header(name, value)
                .send()
                .await;
            assert_eq!(answer.code(403), "cross_site", "{name}: {value}");
            engineer
                .call("GET", WHO)
                .header(name, value)
                .send()
                .await
                .ok();
        }
        assert_eq!(engineer.file_names().await, Vec::<String>::new());
        let own = format!("http://{}", server.address());
        engineer
            .call("POST", &path)
            .body("application/octet-stream", "x")
            .header("Origin", &own)
            .send()
            .await
            .ok();
    }

    async fn an_agent_s_signature_is_good_for_one_message_now(mut server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let other = server.agent("other").await;
        let (path, body) = (agent.lease_path(), b"{\"waitSeconds\":0}".as_slice());
        let now = now();
        let good = agent.sign("POST", &path, body, now);
        assert_eq!(
            agent.signed("POST", &path, body, &good).send().await.status,
            204
        );
        let refused = async |what: &str, call: coffer_testkit::Call| {
            let answer = call.send().await;
            assert_eq!(answer.status, 401, "{what}: {answer}: {}", answer.text());
            answer.refused(401);
        };
        refused("sent again", agent.signed("POST", &path, body, &good)).await;
        let fresh = || agent.sign("POST", &path, body, now);
        refused(
            "another body",
            agent.signed("POST", &path, b"{\"waitSeconds\":1}", &fresh()),
        )
        .await;
        let mut digest = fresh();
        digest.content_digest = agent.sign("POST", &path, b"{}", now).content_digest;
        refused(
            "another digest",
            agent.signed("POST", &path, b"{}", &digest),
        )
        .await;
        refused(
            "another path",
            agent.signed("POST", &other.lease_path(), body, &fresh()),
        )
        .await;
        refused(
            "too old",
            agent.signed(
                "POST",
                &path,
                body,
                &agent.sign("POST", &path, body, now - 70),
            ),
        )
        .await;
        refused(
            "of the future",
            agent.signed(
                "POST",
                &path,
                body,
                &agent.sign("POST", &path, body, now + 70),
            ),
        )
        .await;
        let mut key = fresh();
        key.signature = other.sign("POST", &path, body, now).signature;
        refused("another's key", agent.signed("POST", &path, body, &key)).await;
        let mut created = fresh();
        created.signature_input = created
            .signature_input
            .replace(&now.to_string(), &(now + 1).to_string());
        refused(
            "altered parameters",
            agent.signed("POST", &path, body, &created),
        )
        .await;
        refused(
            "no signature",
            server
                .nobody()
                .call("POST", &path)
                .body("application/json", body.to_vec()),
        )
        .await;
        refused(
            "a token instead",
            cast.engineer
                .call("POST", &path)
                .body("application/json", body.to_vec()),
        )
        .await;
        // One agent calls another's routes with its own good signature.
        let foreign = other.sign("POST", &path, body, now);
        other
            .signed("POST", &path, body, &foreign)
            .send()
            .await
            .refused(403);
        // Replay after a restart: memory of nonces may be gone, the window is not.
        let old = agent.sign("POST", &path, body, now);
        server.advance_clock(65);
        refused(
            "its window is over",
            agent.signed("POST", &path, body, &old),
        )
        .await;
        drop(cast);
    }

    async fn one_agent_cannot_touch_another_s_job(server) {
        let cast = Cast::permitted(&server).await;
        let (agent, other) = (server.agent("hand").await, server.agent("other").await);
        let (run, job) = cast.job(&agent).await;
        for end in [
            other.renew(&job).await.map(drop),
            other.finish(&job, "failed").await,
        ] {
            assert!(matches!(end.unwrap_err().status(), Some(403 | 404 | 409)));
        }
        let mut forged = coffer_testkit::LeasedJob {
            job: job.job.clone(),
        };
        forged.job.lease_token = "x".repeat(job.job.lease_token.len());
        assert_eq!(agent.renew(&forged).await.unwrap_err().status(), Some(409));
        assert!(agent.finish(&forged, "succeeded").await.is_err());
        assert_eq!(cast.developer.run_now(&run).await.state, "inProgress");
        assert!(!agent.renew(&job).await.unwrap());
        assert_eq!(
            cast.developer
                .client
                .builds(PROJECT)
                .get(run.id)
                .await
                .unwrap()
                .status,
            "inProgress"
        );
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a signature says when it was made; this is the agent's side of the wire"
)]
fn now() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    i64::try_from(since.as_secs()).unwrap()
}
