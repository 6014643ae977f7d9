//! Personal access tokens: scopes, the longest life, who sees and ends whose, and the record of their use.

use crate::{newest, reason};
use coffer_testkit::{TestServer, User, both, certificate, group};
use coffer_wire::coffer::{CreatedToken, TokenRequest};
use serde_json::json;

fn wish(label: &str, scope: Option<&str>) -> TokenRequest {
    TokenRequest {
        label: label.into(),
        days: 1,
        user: None,
        kind: None,
        scope: scope.map(str::to_owned),
    }
}

async fn make(user: &User, scope: &str) -> CreatedToken {
    user.client
        .coffer()
        .create_token(&wish("narrow", Some(scope)))
        .await
        .unwrap()
}

/// Somebody with a token that is good for this only.
pub(crate) async fn narrow(server: &TestServer, user: &User, scope: &str) -> User {
    server.holder(&make(user, scope).await.token)
}

both! {
    async fn a_token_does_what_its_scopes_say_and_its_owner_may(mut server) {
        let engineer = server.release_engineer().await;
        let file = engineer.upload("a.pem", &certificate("a")).await;
        let read = make(&engineer, "vso.securefiles_read").await;
        assert_eq!(read.scope, "vso.securefiles_read");
        let reader = server.holder(&read.token);
        assert_eq!(reader.file_names().await, ["a.pem"]);
        reader.get(&reader.file_path(&file.id, "")).await.ok();
        let upload = reader.call("POST", &reader.files_path("?name=b")).body("application/octet-stream", "x").send().await;
        assert_eq!(upload.code(403), "token.scope");
        let delete = reader.call("DELETE", &reader.file_path(&file.id, "")).send().await;
        assert_eq!(delete.code(403), "token.scope");
        for path in ["_apis/coffer/projects", "_apis/coffer/users", "_apis/coffer/tokens", "Pay%20Desk/_apis/pipelines"] {
            assert_eq!(reader.get(path).await.code(403), "token.scope", "{path}");
        }
        let events = server.administrator().audit().await;
        assert_eq!(reason(newest(&events, "SecureFile.Deleted")), "scope_missing");
        // Lists, too, where no act is decided on.
        let build = server.holder(&make(&engineer, "vso.build").await.token);
        assert_eq!(build.get(&build.files_path("")).await.code(403), "token.scope");
        assert_eq!(build.get(&build.file_path(&file.id, "")).await.code(403), "token.scope");
        build.get("Pay%20Desk/_apis/pipelines").await.ok();
        let project = server.holder(&make(&engineer, "vso.project vso.securefiles_manage").await.token);
        project.get("_apis/coffer/projects").await.ok();
        project.call("POST", &project.files_path("?name=b")).body("application/octet-stream", "x").send().await.ok();
        // A scope gives nothing that its owner may not do.
        let developer = server.developer().await;
        let manage = server.holder(&make(&developer, "vso.securefiles_manage").await.token);
        let foreign = manage.call("DELETE", &manage.file_path(&file.id, "")).send().await;
        assert_eq!(foreign.status, developer.call("DELETE", &developer.file_path(&file.id, "")).send().await.status);
        // It outlives a restart.
        server.restart().await;
        let reader = server.holder(&read.token);
        assert_eq!(reader.get("_apis/coffer/projects").await.code(403), "token.scope");
    }

    async fn no_token_makes_a_wider_one(server) {
        let engineer = server.release_engineer().await;
        let narrow = server.holder(&make(&engineer, "vso.tokens vso.build").await.token);
        for wider in [None, Some("app_token"), Some("vso.build_execute"), Some("vso.tokens vso.project")] {
            let body = serde_json::to_value(wish("wider", wider)).unwrap();
            let answer = narrow.call("POST", "_apis/coffer/tokens").json(&body).send().await;
            assert_eq!(answer.code(403), "token.scope", "{wider:?}");
        }
        make(&narrow, "vso.build").await;
        for unknown in ["vso.unheard_of", "", "vso.build;vso.tokens"] {
            let body = serde_json::to_value(wish("x", Some(unknown))).unwrap();
            let answer = engineer.call("POST", "_apis/coffer/tokens").json(&body).send().await;
            assert_eq!(answer.code(400), "argument.invalid", "{unknown}");
        }
    }

    async fn no_token_lives_longer_than_the_organization_wants(server) {
        let set = server.administrator().call("PATCH", "_apis/coffer/organization").json(&json!({"maxTokenDays": 7}));
        set.send().await.ok();
        let engineer = server.administrator();
        let ask = |days: u32| {
            let call = engineer.call("POST", "_apis/coffer/tokens").json(&json!({"label": "x", "days": days}));
            async move { call.send().await }
        };
        ask(7).await.ok();
        let answer = ask(8).await;
        assert!(answer.refused(400).message.contains("at most 7 days"), "{}", answer.text());
        ask(0).await.refused(400);
    }

    async fn an_administrator_sees_and_ends_everybodys_tokens_and_nobody_else_does(server) {
        let (engineer, developer) = (server.release_engineer().await, server.developer().await);
        let made = make(&engineer, "vso.build").await;
        let all = server.administrator().get("_apis/coffer/tokens?all=true").await.ok().json();
        let listed = all["value"].as_array().unwrap().iter().find(|token| token["id"] == made.id.to_string()).unwrap().clone();
        assert_eq!((listed["owner"]["uniqueName"].as_str(), listed["scope"].as_str()), (Some("rel"), Some("vso.build")));
        assert!(listed.get("token").is_none() && listed.get("hash").is_none());
        developer.get("_apis/coffer/tokens?all=true").await.refused(403);
        let own = developer.get("_apis/coffer/tokens").await.ok().json();
        assert!(own["value"].as_array().unwrap().iter().all(|token| token["owner"]["uniqueName"] == "dev"));
        let revoke = |user: &User| {
            let call = user.call("DELETE", &format!("_apis/coffer/tokens/{}", made.id));
            async move { call.send().await }
        };
        revoke(&developer).await.refused(403);
        let holder = server.holder(&made.token);
        holder.get("_apis/connectionData").await.ok();
        revoke(server.administrator()).await.ok();
        holder.get("_apis/connectionData").await.refused(401);
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Token.PatRevokedForOther").resource_id.as_deref(), Some(made.id.to_string().as_str()));
        let created = newest(&events, "Token.PatCreated");
        assert_eq!((created.details["scopes"].as_str(), created.details["token"].clone()), ("vso.build", made.id.to_string()));
    }

    async fn who_may_not_make_tokens_for_others_does_not_hear_who_there_is(server) {
        let developer = server.developer().await;
        server.person("Grace", &[group::READERS]).await;
        let ask = |name: &str| {
            let call = developer.call("POST", "_apis/coffer/tokens").json(&json!({"label": "x", "days": 1, "user": name}));
            async move { call.send().await }
        };
        let (there, absent) = (ask("grace").await, ask("nobody.has.this").await);
        assert_eq!((there.status, there.code(403)), (absent.status, absent.code(403)));
    }

    async fn what_ended_long_ago_is_forgotten(mut server) {
        let old = make(server.administrator(), "vso.build").await;
        server.advance_clock(25 * 86_400);
        let young = make(server.administrator(), "vso.build").await;
        let listed = |all: &serde_json::Value, made: &CreatedToken| all.to_string().contains(&made.id.to_string());
        let all = || async { server.administrator().get("_apis/coffer/tokens").await.ok().json() };
        let both = all().await;
        assert!(listed(&both, &old) && listed(&both, &young));
        server.advance_clock(20 * 86_400);
        server.restart().await;
        let all = || async { server.administrator().get("_apis/coffer/tokens").await.ok().json() };
        coffer_testkit::eventually("the token is forgotten", || async { !listed(&all().await, &old) }).await;
        // People still find what they had a while ago.
        assert!(listed(&all().await, &young));
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Token.EndedRemoved").actor.authentication, "system");
    }

    async fn uses_are_counted_by_person_and_minute_and_kept_at_the_end(mut server) {
        let engineer = server.release_engineer().await;
        let made = make(&engineer, "vso.build").await;
        let holder = server.holder(&made.token);
        for _ in 0..25 {
            holder.get("_apis/connectionData").await.ok();
        }
        server.restart().await;
        let administrator = server.administrator();
        let events = administrator.audit().await;
        let used: Vec<_> = events.iter().filter(|event| event.action == "Token.Used")
            .filter(|event| event.details["tokens"].contains(&made.id.to_string())).collect();
        assert!((1..=2).contains(&used.len()), "{}", used.len());
        assert!(used[0].details["tokens"].contains(&format!("{} (25)", made.id)), "{:?}", used[0].details);
        assert_eq!(used[0].details["addresses"], "127.0.0.1");
        assert_eq!(used[0].actor.authentication, "system");
        let all = administrator.get("_apis/coffer/tokens?all=true").await.ok().json();
        let listed = all["value"].as_array().unwrap().iter().find(|token| token["id"] == made.id.to_string()).unwrap().clone();
        assert_eq!(listed["lastUsedFrom"], "127.0.0.1");
        assert!(listed["lastUsedOn"].is_string());
    }
}
