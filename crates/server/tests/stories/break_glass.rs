//! Breaking glass: two officers have one file's content encrypted to somebody, once, and everything that does not go.

use crate::{Cast, newest};
use age::x25519::Identity;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coffer_testkit::{Answer, PROJECT, TestServer, User, both, group};
use serde_json::{Value, json};
use std::io::Read as _;

const PASSWORD: &str = "a long enough password";
const GLASS: &str = "_apis/coffer/breakglass";

/// Officers, and what they are after.
struct Officers {
    cast: Cast,
    vera: User,
    wim: User,
    recipient: Identity,
}

async fn officers(server: &TestServer) -> Officers {
    let cast = Cast::of(server).await;
    let groups = [group::BREAK_GLASS_OFFICERS];
    Officers {
        cast,
        vera: server.person_with_password("vera", &groups, PASSWORD).await,
        wim: server.person_with_password("wim", &groups, PASSWORD).await,
        recipient: Identity::generate(),
    }
}

impl Officers {
    fn wish(&self) -> Value {
        json!({
            "project": PROJECT, "file": self.cast.file.name, "reason": "incident 7",
            "recipient": self.recipient.to_public().to_string(), "password": PASSWORD,
        })
    }

    /// Vera asks.
    async fn asked(&self) -> Value {
        send(&self.vera, GLASS, &self.wish()).await.ok().json()
    }
}

async fn send(user: &User, path: &str, body: &Value) -> Answer {
    user.call("POST", path).json(body).send().await
}

fn at(request: &Value, step: &str) -> String {
    format!("{GLASS}/{}/{step}", request["id"].as_str().unwrap())
}

fn step(request: &Value) -> Value {
    json!({ "digest": request["digest"], "password": PASSWORD })
}

async fn approved(officers: &Officers) -> Value {
    let request = officers.asked().await;
    let answer = send(&officers.wim, &at(&request, "approve"), &step(&request)).await;
    answer.ok().json()
}

/// It is refused, with this code, and on record with this reason.
async fn refused(server: &TestServer, answer: Answer, status: u16, action: &str, reason: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let events = server.administrator().audit().await;
    let event = newest(&events, action);
    assert_eq!(event.outcome, "denied", "{event:?}");
    assert_eq!(event.details["reason"], reason, "{event:?}");
}

both! {
    async fn two_officers_have_a_file_encrypted_to_somebody_once(server) {
        let officers = officers(&server).await;
        let request = officers.asked().await;
        assert_eq!(request["state"], "requested");
        assert_eq!(request["requestedBy"]["displayName"], "vera");
        // The other one sees all of it, and agrees with that.
        let listed = officers.wim.get(GLASS).await.ok().json();
        assert_eq!(listed["value"][0], request);
        let approved = send(&officers.wim, &at(&request, "approve"), &step(&request)).await.ok().json();
        assert_eq!((&approved["state"], &approved["digest"]), (&json!("approved"), &request["digest"]));
        let exported = send(&officers.vera, &at(&request, "export"), &step(&request)).await.ok();
        let body = exported.json();
        assert_eq!(body["file"], officers.cast.file.name.as_str());
        let sealed = STANDARD.decode(body["content"].as_str().unwrap()).unwrap();
        assert!(sealed.starts_with(b"age-encryption.org/v1"), "an age file");
        officers.cast.assert_no_content(&exported);
        // For the recipient, and for nobody else.
        let open = |identity: &Identity| {
            let opened = age::Decryptor::new(&sealed[..]).unwrap();
            opened.decrypt(std::iter::once(identity as &dyn age::Identity))
        };
        let mut plain = Vec::new();
        open(&officers.recipient).unwrap().read_to_end(&mut plain).unwrap();
        assert!(plain == officers.cast.content, "it is the content");
        assert!(open(&Identity::generate()).is_err());

        // Once.
        let again = send(&officers.vera, &at(&request, "export"), &step(&request)).await;
        refused(&server, again, 409, "BreakGlass.Exported", "request_over").await;
        let again = send(&officers.wim, &at(&request, "export"), &step(&request)).await;
        refused(&server, again, 409, "BreakGlass.Exported", "request_over").await;

        // Everything is on record, about the file.
        let events = server.administrator().audit().await;
        for (action, by) in [("BreakGlass.Requested", "vera"), ("BreakGlass.Approved", "wim"), ("BreakGlass.Exported", "vera")] {
            let allowed = events.iter().find(|event| event.action == action && event.outcome == "allowed").unwrap();
            assert_eq!(allowed.actor.name, by);
            assert_eq!(allowed.actor.authentication, "token and password");
            assert_eq!(allowed.resource_id.as_deref(), Some(officers.cast.file.id.as_str()));
            let named = match action {
                "BreakGlass.Requested" => allowed.id.to_string(),
                _ => allowed.details["request"].clone(),
            };
            assert_eq!(named, request["id"].as_str().unwrap());
        }
        assert_eq!(events.iter().find(|event| event.action == "BreakGlass.Requested").unwrap().details["why"], "incident 7");
        assert!(server.logged("break-glass"), "loud in the log");
    }

    async fn nobody_agrees_with_himself_and_what_changed_is_not_agreed_to(server) {
        let officers = officers(&server).await;
        let request = officers.asked().await;
        let own = send(&officers.vera, &at(&request, "approve"), &step(&request)).await;
        refused(&server, own, 403, "BreakGlass.Approved", "same_officer").await;
        // Not yet approved.
        let early = send(&officers.vera, &at(&request, "export"), &step(&request)).await;
        refused(&server, early, 409, "BreakGlass.Exported", "request_over").await;
        // What Wim was shown is something else.
        let other = json!({ "digest": "00".repeat(32), "password": PASSWORD });
        let changed = send(&officers.wim, &at(&request, "approve"), &other).await;
        refused(&server, changed, 409, "BreakGlass.Approved", "request_changed").await;
        send(&officers.wim, &at(&request, "approve"), &step(&request)).await.ok();
        // Whoever writes the database changes the recipient: neither digest fits any more.
        let mallory = Identity::generate().to_public().to_string();
        server.database().sql(&format!("update break_glass_request set recipient = '{mallory}'")).await;
        let shown = officers.vera.get(GLASS).await.ok().json()["value"][0].clone();
        assert_ne!(shown["digest"], request["digest"]);
        for seen in [&request, &shown] {
            let answer = send(&officers.vera, &at(&request, "export"), &step(seen)).await;
            refused(&server, answer, 409, "BreakGlass.Exported", "request_changed").await;
        }
    }

    async fn it_takes_a_sign_in_in_the_call_and_a_token_for_everything(server) {
        let officers = officers(&server).await;
        let mut wish = officers.wish();
        wish["password"] = json!("");
        let stale = send(&officers.vera, GLASS, &wish).await;
        refused(&server, stale, 403, "BreakGlass.Requested", "sign_in_not_fresh").await;
        wish["password"] = json!("a wrong long password");
        assert_eq!(send(&officers.vera, GLASS, &wish).await.status, 401);
        let request = officers.asked().await;
        let no_password = json!({ "digest": request["digest"] });
        let stale = send(&officers.wim, &at(&request, "approve"), &no_password).await;
        refused(&server, stale, 403, "BreakGlass.Approved", "sign_in_not_fresh").await;
        send(&officers.wim, &at(&request, "approve"), &step(&request)).await.ok();
        let stale = send(&officers.vera, &at(&request, "export"), &no_password).await;
        refused(&server, stale, 403, "BreakGlass.Exported", "sign_in_not_fresh").await;
        // Another one's password is none.
        let narrow = json!({"user": "vera", "password": PASSWORD, "label": "narrow", "scope": "vso.securefiles_manage"});
        let narrow = send(&server.nobody(), "_apis/coffer/signin/password", &narrow).await.ok().json();
        let narrow = server.holder(narrow["token"].as_str().unwrap());
        let answer = send(&narrow, &at(&request, "export"), &step(&request)).await;
        refused(&server, answer, 403, "BreakGlass.Exported", "scope_missing").await;
        send(&officers.vera, &at(&request, "export"), &step(&request)).await.ok();
    }

    async fn only_officers_who_administer_nothing_of_it_and_whom_the_configuration_names(server) {
        let officers = officers(&server).await;
        let stranger = server.person_with_password("sam", &[group::READERS], PASSWORD).await;
        let answer = send(&stranger, GLASS, &officers.wish()).await;
        refused(&server, answer, 404, "BreakGlass.Requested", "not_found").await;
        // In the group, and not in the configuration.
        let unnamed = server.person_with_password("uwe", &[group::BREAK_GLASS_OFFICERS], PASSWORD).await;
        let answer = send(&unnamed, GLASS, &officers.wish()).await;
        refused(&server, answer, 403, "BreakGlass.Requested", "officer_not_named").await;
        // In the configuration and not in the group.
        let xaver = server.person_with_password("xaver", &[], PASSWORD).await;
        let answer = send(&xaver, GLASS, &officers.wish()).await;
        refused(&server, answer, 404, "BreakGlass.Requested", "not_found").await;
        // Both, and an administrator of the project.
        let both = [group::BREAK_GLASS_OFFICERS, group::PROJECT_ADMINISTRATORS];
        let yan = server.person_with_password("yan", &both, PASSWORD).await;
        let answer = send(&yan, GLASS, &officers.wish()).await;
        refused(&server, answer, 403, "BreakGlass.Requested", "officer_administers").await;
        let request = officers.asked().await;
        let answer = send(&yan, &at(&request, "approve"), &step(&request)).await;
        refused(&server, answer, 403, "BreakGlass.Approved", "officer_administers").await;
        assert_eq!(stranger.get(GLASS).await.status, 404);
        // An officer who had no part in it gets nothing out of it.
        let zoe = server.person_with_password("zoe", &[group::BREAK_GLASS_OFFICERS], PASSWORD).await;
        send(&officers.wim, &at(&request, "approve"), &step(&request)).await.ok();
        let answer = send(&zoe, &at(&request, "export"), &step(&request)).await;
        refused(&server, answer, 403, "BreakGlass.Exported", "not_of_this_request").await;
    }

    async fn time_runs_out_and_officers_take_it_back(mut server) {
        let officers = officers(&server).await;
        let late = officers.asked().await;
        server.advance_clock(3601);
        let answer = send(&officers.wim, &at(&late, "approve"), &step(&late)).await;
        refused(&server, answer, 409, "BreakGlass.Approved", "request_over").await;
        let late = approved(&officers).await;
        server.advance_clock(3601);
        let answer = send(&officers.vera, &at(&late, "export"), &step(&late)).await;
        refused(&server, answer, 409, "BreakGlass.Exported", "request_over").await;
        assert_eq!(officers.vera.get(GLASS).await.ok().json()["value"][0]["state"], "expired");
        // Both ends are on record, once, as the product's own doing.
        for _ in 0..2 {
            server.service().expire_break_glass().await.unwrap();
        }
        let events = server.administrator().audit().await;
        let expired: Vec<_> = events.iter().filter(|event| event.action == "BreakGlass.Expired").collect();
        let was: Vec<_> = expired.iter().map(|event| event.details["was"].as_str()).collect();
        assert_eq!(was, ["requested", "approved"]);
        assert_eq!(expired[1].details["request"], late["id"].as_str().unwrap());
        assert_eq!(expired[1].details["digest"], late["digest"].as_str().unwrap());
        assert_eq!(expired[1].actor.authentication, "system");
        assert_eq!(expired[1].resource_id.as_deref(), Some(officers.cast.file.id.as_str()));
        let back = approved(&officers).await;
        let path = format!("{GLASS}/{}", back["id"].as_str().unwrap());
        assert_eq!(officers.wim.call("DELETE", &path).send().await.status, 204);
        let answer = send(&officers.vera, &at(&back, "export"), &step(&back)).await;
        refused(&server, answer, 409, "BreakGlass.Exported", "request_over").await;
        let answer = officers.wim.call("DELETE", &path).send().await;
        refused(&server, answer, 409, "BreakGlass.Withdrawn", "request_over").await;
        // What is over another way does not expire as well, and what waits does not yet.
        officers.asked().await;
        server.service().expire_break_glass().await.unwrap();
        let events = server.administrator().audit().await;
        assert_eq!(events.iter().filter(|event| event.action == "BreakGlass.Expired").count(), 2);
    }

    async fn what_is_frozen_or_gone_is_not_given_out_and_bad_wishes_are_no_requests(server) {
        let officers = officers(&server).await;
        let request = approved(&officers).await;
        let administrator = server.administrator();
        let freeze = administrator.call("PUT", "_apis/coffer/freeze").json(&json!({"reason": "all of it"}));
        freeze.send().await.ok();
        let answer = send(&officers.vera, &at(&request, "export"), &step(&request)).await;
        refused(&server, answer, 403, "BreakGlass.Exported", "frozen").await;
        administrator.call("DELETE", "_apis/coffer/freeze").send().await.ok();
        for (member, value) in [
            ("recipient", json!("age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq")),
            ("recipient", json!("ssh-ed25519 AAAA")),
            ("reason", json!("  ")),
            ("reason", json!("two\nlines")),
        ] {
            let mut wish = officers.wish();
            wish[member] = value;
            assert_eq!(send(&officers.vera, GLASS, &wish).await.status, 400, "{wish}");
        }
        let mut wish = officers.wish();
        wish["file"] = json!("not-there.pem");
        assert_eq!(send(&officers.vera, GLASS, &wish).await.status, 404);
        let bad = json!({ "digest": "xyz", "password": PASSWORD });
        assert_eq!(send(&officers.vera, &at(&request, "export"), &bad).await.status, 400);
        // The file goes before it was had.
        let path = officers.cast.engineer.file_path(&officers.cast.file.id, "");
        officers.cast.engineer.call("DELETE", &path).send().await.ok();
        let answer = send(&officers.vera, &at(&request, "export"), &step(&request)).await;
        refused(&server, answer, 404, "BreakGlass.Exported", "not_found").await;
    }
}
