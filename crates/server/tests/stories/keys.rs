//! Keys by hand: who sees them and what they see, a rotation that somebody asks for, one that keeps failing, and a new key for
//! one file.

use crate::{Cast, newest};
use coffer_service::Health;
use coffer_testkit::{Answer, Engine, PROJECT, TestServer, User, both, eventually, group};
use serde_json::{Value, json};

const PASSWORD: &str = "a long enough password";
const ROTATIONS: &str = "_apis/coffer/keys/rotations";
const GENERATIONS: &str = "_apis/coffer/keys/generations";
const METRICS: &str = "_apis/coffer/metrics";

async fn operator(server: &TestServer) -> User {
    server.person("kim", &[group::KEY_OPERATORS]).await
}

async fn asked(user: &User, reason: &str) -> Answer {
    let call = user.call("POST", ROTATIONS);
    call.json(&json!({ "reason": reason })).send().await
}

/// The newest rotation.
async fn latest(user: &User) -> Value {
    user.get(ROTATIONS).await.ok().json()["value"][0].clone()
}

async fn done(user: &User, number: i64) -> Value {
    let path = format!("{ROTATIONS}/{number}");
    eventually("the keys are rotated", || async {
        user.get(&path).await.ok().json()["state"] == "done"
    })
    .await;
    user.get(&path).await.ok().json()
}

async fn ready(server: &TestServer) -> String {
    let mut wire = server.wire().await;
    wire.head(&["GET /readyz HTTP/1.1", "Host: anything"]).await;
    wire.answer().await.unwrap().ok().text()
}

/// A value of the metrics, by its whole name.
fn metric(text: &str, name: &str) -> i64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
        .parse()
        .unwrap()
}

/// Seals a file again, by its administrator.
async fn re_encrypt(user: &User, file: &str, body: Value) -> Answer {
    let path = format!("{PROJECT}/_apis/coffer/securefiles/{file}/reencrypt");
    user.call("POST", &path).json(&body).send().await
}

both! {
    async fn a_key_operator_rotates_and_shows_what_became_of_it(server) {
        let cast = Cast::permitted(&server).await;
        let kim = operator(&server).await;
        let before = kim.get(GENERATIONS).await.ok().json();
        assert_eq!((&before["count"], &before["value"][0]["state"]), (&json!(1), &json!("active")));
        assert!(before["value"][0]["wraps"].as_i64().unwrap() >= 1, "{before}");

        let begun = asked(&kim, " incident 7 ").await.ok().json();
        assert_eq!((&begun["number"], &begun["cause"]), (&json!(1), &json!("request")));
        let ended = done(&kim, 1).await;
        assert_eq!(ended["from"], before["value"][0]["id"]);
        assert!(ended["done"]["wraps"].as_i64().unwrap() >= 1 && ended["left"].is_null(), "{ended}");
        assert_eq!(latest(&kim).await, ended, "the list says the same");

        // The report is the one that is signed in the log.
        let report = &ended["report"];
        assert_eq!(report["kind"], "rotation");
        let stated = coffer_model::statement::RotationReport::read(report["text"].as_str().unwrap()).unwrap();
        assert_eq!((stated.cause.as_str(), json!(stated.wraps)), ("request", ended["done"]["wraps"].clone()));
        let key = server.administrator().get("_apis/coffer/audit/key").await.ok().json();
        assert_eq!(report["keyId"], key["keyId"]);

        // The old root key: nothing is under it, and everybody sees until when it can be taken back.
        let after = kim.get(GENERATIONS).await.ok().json();
        let (new, old) = (&after["value"][0], &after["value"][1]);
        assert_eq!((&new["state"], &new["id"]), (&json!("active"), &ended["generation"]));
        assert_eq!((&old["id"], &old["projectKeys"], &old["wraps"], &old["secrets"]), (&ended["from"], &json!(0), &json!(0), &json!(0)));
        assert!(new["projectKeys"].as_i64().unwrap() >= 1 && new["wraps"].as_i64().unwrap() >= 1, "{new}");
        let time = |name: &str| old[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let (retired, ends) = (time("retiredOn"), time("destroyedAfter"));
        assert_eq!((ends.as_microsecond() - retired.as_microsecond()) / 1_000_000, 35 * 86_400);
        assert!(new["destroyedAfter"].is_null() && old["endedByServer"] == true);

        // Who asked, and why; and the rotation follows from that.
        let events = server.administrator().audit().await;
        let requested = newest(&events, "Key.RotationRequested");
        assert_eq!((requested.actor.name.as_str(), requested.details["why"].as_str()), ("kim", "incident 7"));
        assert_eq!(newest(&events, "Key.RotationStarted").details["follows"], requested.id.to_string());
        let explained = server.administrator().get("_apis/coffer/audit/reconcile").await.ok().json();
        assert_eq!(explained["findings"], json!([]));
        // And jobs notice nothing.
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        assert_eq!(job.download_own(&server).await.body, cast.content);
        agent.finish(&job, "succeeded").await.unwrap();
    }

    async fn who_may_look_sees_keys_and_only_operators_rotate(server) {
        let kim = operator(&server).await;
        let reader = server.person("sam", &[group::READERS]).await;
        for path in [GENERATIONS, ROTATIONS, METRICS, &format!("{ROTATIONS}/1")] {
            assert_eq!(reader.get(path).await.code(404), "keys.not_found", "{path}");
        }
        assert_eq!(asked(&reader, "curious").await.code(404), "keys.not_found");
        let officer = server.person("vera", &[group::BREAK_GLASS_OFFICERS]).await;
        officer.get(GENERATIONS).await.ok();
        officer.get(ROTATIONS).await.ok();
        assert_eq!(asked(&officer, "curious").await.code(403), "access.denied");
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Key.RotationRequested").outcome, "denied");
        for reason in ["", " \t ", "two\nlines", &"a".repeat(1001)] {
            assert_eq!(asked(&kim, reason).await.code(400), "argument.invalid", "{reason}");
        }
        for path in [format!("{ROTATIONS}/1"), format!("{ROTATIONS}/x"), format!("{ROTATIONS}/99999999999999999999")] {
            assert_eq!(kim.get(&path).await.code(404), "keys.not_found", "{path}");
        }
        assert_eq!(kim.get(ROTATIONS).await.ok().json()["count"], 0, "and nothing was rotated");
    }

    async fn a_rotation_that_keeps_failing_is_seen_by_whoever_watches(mut server) {
        let kim = operator(&server).await;
        assert_eq!(ready(&server).await, r#"{"status":"ready"}"#);
        server.key_faults().away(true);
        let begun = asked(&kim, "quarterly").await.ok().json();
        assert_eq!(begun["number"], 1);
        eventually("it fails", || async { latest(&kim).await["state"] == "failing" }).await;
        let failing = latest(&kim).await;
        let failure = &failing["failure"];
        assert!(failure["failures"].as_i64().unwrap() >= 1, "{failing}");
        assert!(failure["message"].as_str().unwrap().contains("away"), "{failing}");
        assert!(failure["since"].is_string() && failure["againOn"].is_string(), "{failing}");
        assert_eq!(asked(&kim, "again").await.code(409), "keys.rotating");

        // It is ready: a failed rotation never stops serving. And it says so.
        let standing = ready(&server).await;
        assert!(standing.contains(r#""rotation":"failing""#), "{standing}");
        // A monitor's token is good for this, and for nothing else.
        let wish = json!({ "label": "prometheus", "days": 30, "scope": "coffer.metrics" });
        let made = kim.call("POST", "_apis/coffer/tokens").json(&wish).send().await.ok().json();
        let monitor = server.holder(made["token"].as_str().unwrap());
        let text = monitor.get(METRICS).await.ok();
        assert_eq!(text.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
        let text = text.text();
        assert!(metric(&text, "coffer_key_rotation_failures") >= 1, "{text}");
        assert!(metric(&text, "coffer_key_rotation_failing_seconds") >= 0, "{text}");
        assert_eq!(metric(&text, "coffer_key_rotation_running"), 1);
        assert_eq!(metric(&text, r#"coffer_key_generations{state="active"}"#), 1);
        assert!(metric(&text, "coffer_key_provider_calls_total") >= 1, "{text}");
        assert_eq!(monitor.get(ROTATIONS).await.code(403), "token.scope");
        assert_eq!(asked(&monitor, "no").await.code(403), "token.scope");

        // The host's look finds it too, while nothing is served.
        server.stop().await;
        let found = server.examined().await;
        let warned = found.iter().find(|one| one.check == "rotation").unwrap();
        assert_eq!(warned.health, Health::Warning, "{warned:?}");
        assert!(warned.what.contains("away") && warned.next.contains("coffer key test"), "{warned:?}");
        server.key_faults().away(false);
        server.try_start(None).await.unwrap();

        server.database().sql("update rotation set retry_at = 0, lease_until = 0 where state = 'running'").await;
        let ended = done(&kim, 1).await;
        assert!(ended["failure"].is_null(), "{ended}");
        assert_eq!(ready(&server).await, r#"{"status":"ready"}"#);
        let text = monitor.get(METRICS).await.ok().text();
        assert_eq!(metric(&text, "coffer_key_rotation_failures"), 0);
        assert_eq!(metric(&text, "coffer_key_rotation_running"), 0);
        assert_eq!(metric(&text, r#"coffer_key_generations{state="retired"}"#), 1);
        server.stop().await;
        let found = server.examined().await;
        assert!(found.iter().any(|one| one.check == "rotation" && one.health == Health::Well), "{found:?}");
    }

    async fn a_new_file_key_needs_the_administrator_and_a_sign_in_in_the_call(server) {
        let cast = Cast::permitted(&server).await;
        let file = cast.file.id.as_str();
        for name in ["rel", "dev"] {
            server.set_password(name, PASSWORD).await;
        }
        let hex = match server.engine() {
            Engine::Sqlite => "select hex(preamble) from secure_file",
            Engine::Postgres => "select encode(preamble, 'hex') from secure_file",
        };
        let seal = || async { server.database().texts(hex).await };
        let before = seal().await;
        // A token alone, even one of everything, opens no file.
        let stale = re_encrypt(&cast.engineer, file, json!({})).await;
        assert_eq!(stale.code(403), "sign_in.not_fresh");
        assert_eq!(re_encrypt(&cast.engineer, file, json!({ "password": "a wrong long password" })).await.code(401), "sign_in.refused");
        let other = re_encrypt(&cast.developer, file, json!({ "password": PASSWORD })).await;
        assert_eq!(other.code(403), "access.denied");
        let stranger = server.person_with_password("sam", &[], PASSWORD).await;
        assert_eq!(re_encrypt(&stranger, file, json!({ "password": PASSWORD })).await.status, 404);
        let events = server.administrator().audit().await;
        let denied: Vec<_> = events
            .iter()
            .filter(|event| event.action == "SecureFile.Reencrypted")
            .map(|event| (event.outcome.as_str(), event.details["reason"].as_str()))
            .collect();
        assert!(denied.contains(&("denied", "sign_in_not_fresh")), "{denied:?}");
        assert!(denied.iter().all(|(outcome, _)| *outcome == "denied"), "{denied:?}");
        assert_eq!(seal().await, before, "nothing was changed");

        let sealed = re_encrypt(&cast.engineer, file, json!({ "password": PASSWORD })).await;
        assert_eq!((sealed.status, sealed.text()), (204, String::new()));
        assert_ne!(seal().await, before);
        let events = server.administrator().audit().await;
        let event = newest(&events, "SecureFile.Reencrypted");
        assert_eq!((event.details["step"].as_str(), event.actor.authentication.as_str()), ("done", "token and password"));
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        assert_eq!(job.download_own(&server).await.body, cast.content);
    }
}
