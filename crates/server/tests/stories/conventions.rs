//! What every client takes for granted: the forms that an answer can have, words however they are written, versions.

use crate::Cast;
use coffer_testkit::{Answer, Setup, both};
use serde_json::json;

/// What a browser extension sends, with one of its parameters.
fn accept(parameter: &str) -> String {
    format!("application/json;api-version=7.2-preview.1;excludeUrls=true;{parameter}=true")
}

fn strict() -> Setup {
    Setup {
        strict_api_version: true,
        ..Setup::default()
    }
}

/// The version that an answer says it is of.
fn version(answer: &Answer) -> String {
    let kind = answer.header("content-type");
    let version = kind.strip_prefix("application/json; charset=utf-8; api-version=");
    version
        .unwrap_or_else(|| panic!("{answer}: {kind}"))
        .to_owned()
}

both! {
    async fn an_extension_gets_bare_arrays_and_dictionaries_also_from_writes(server) {
        let cast = Cast::of(&server).await;
        let (engineer, id) = (&cast.engineer, &cast.file.id);
        let bare = accept("noArrayWrap");
        let listed = engineer.call("GET", &engineer.files_path("")).header("Accept", &bare).send().await.ok();
        assert_eq!(listed.json()[0]["name"], "ca.pem");
        let patched = engineer
            .call("PATCH", &engineer.files_path(""))
            .header("Accept", &bare)
            .json(&json!([{"id": id, "properties": {"team": "mobile"}}]))
            .send()
            .await
            .ok();
        assert_eq!(patched.json()[0]["properties"]["team"], "mobile");
        let me = engineer.client.coffer().connection_data().await.unwrap().authenticated_user;
        let lookup = json!({"lookupKeys": [{"descriptor": me.subject_descriptor}]});
        let looked = engineer.call("POST", "_apis/graph/subjectlookup").json(&lookup);
        let looked = looked.header("Accept", &bare).send().await.ok().json();
        assert_eq!(looked[&me.subject_descriptor]["displayName"], json!(me.provider_display_name));
        // Everybody else gets the wrapper, and so does who says false.
        for other in ["application/json", "application/json;noArrayWrap=false", "*/*"] {
            let wrapped = engineer.call("GET", &engineer.files_path("")).header("Accept", other);
            assert_eq!(wrapped.send().await.ok().json()["count"], 1, "{other}");
        }
        let looked = engineer.call("POST", "_apis/graph/subjectlookup").json(&lookup).send().await.ok().json();
        assert_eq!(looked["count"], 1);
        assert_eq!(looked["value"][&me.subject_descriptor]["subjectKind"], "user");
    }

    async fn enums_are_numbers_and_dates_are_milliseconds_for_who_asks(server) {
        let cast = Cast::permitted(&server).await;
        let run = cast.developer.run(&cast.pipeline).await;
        let path = format!("Pay%20Desk/_apis/build/builds/{}", run.id);
        let ask = async |parameter: &str| {
            let call = cast.developer.call("GET", &path).header("Accept", &accept(parameter));
            call.send().await.ok()
        };
        let build = ask("enumsAsNumbers").await.json();
        assert_eq!(
            (&build["status"], &build["reason"], &build["priority"], &build["definition"]["type"]),
            (&json!(32), &json!(1), &json!(3), &json!(2))
        );
        assert_eq!((&build["project"]["state"], &build["project"]["visibility"]), (&json!(1), &json!(0)));
        let queued = build["queueTime"].as_str().unwrap().to_owned();
        let answer = ask("msDateFormat").await;
        assert_eq!(answer.json()["status"], "notStarted", "each parameter stands for itself");
        // JSON readers drop the backslashes, and old ones look for them.
        let time: jiff::Timestamp = queued.parse().unwrap();
        let wanted = format!(r#""queueTime":"\/Date({})\/""#, time.as_millisecond());
        assert!(answer.text().contains(&wanted), "{wanted} in {}", answer.text());
        assert!(!answer.text().contains(r"http:\/\/"), "other slashes stay as they are");
    }

    async fn words_are_read_however_they_are_written(server) {
        let cast = Cast::permitted(&server).await;
        let engineer = &cast.engineer;
        for filter in ["use", "Use", "16", "Manage,%20Use", "18", "none", "0", ""] {
            let path = engineer.files_path(&format!("?actionFilter={filter}"));
            assert_eq!(engineer.get(&path).await.ok().json()["count"], 1, "{filter}");
        }
        let run = cast.developer.run(&cast.pipeline).await;
        let builds = "Pay%20Desk/_apis/build/builds";
        for (query, count) in [
            ("statusFilter=NotStarted", 1),
            ("statusFilter=32", 1),
            ("statusFilter=33", 1),
            ("statusFilter=completed,%20notstarted", 1),
            ("statusFilter=completed", 0),
            ("statusFilter=all&queryOrder=QueueTimeAscending", 1),
            ("queryOrder=4&reasonFilter=manual", 1),
            ("reasonFilter=schedule", 0),
            ("deletedFilter=onlyDeleted", 0),
            ("resultFilter=failed", 0),
        ] {
            let listed = cast.developer.get(&format!("{builds}?{query}")).await.ok();
            assert_eq!(listed.json()["count"], count, "{query}");
        }
        for (path, word) in [
            (engineer.files_path("?actionFilter=view"), "manage"),
            (format!("{builds}?statusFilter=begun"), "notStarted"),
            (format!("{builds}?queryOrder=1"), "finishTimeAscending"),
            ("_apis/projects?stateFilter=fine".into(), "wellFormed"),
            ("_apis/identities?searchFilter=shoe&filterValue=x".into(), "displayName"),
            ("_apis/graph/memberships/x?direction=left".into(), "down"),
        ] {
            let refused = cast.developer.get(&path).await.refused(400);
            assert!(refused.message.contains(word), "{path}: {}", refused.message);
        }
        let build = format!("{builds}/{}", run.id);
        let refused = cast.developer.call("PATCH", &build).json(&json!({"status": "halting"})).send().await;
        let message = refused.refused(400).message;
        assert!(message.contains("cancelling") && !message.contains("halting"), "{message}");
        let cancelled = cast.developer.call("PATCH", &build).json(&json!({"status": 4})).send().await.ok();
        assert_ne!(cancelled.json()["status"], "notStarted");
        for (visibility, status) in [(json!(0), 202), (json!("Private"), 202), (json!("public"), 400), (json!("mine"), 400)] {
            let body = json!({"name": server.unique("Team"), "visibility": visibility});
            let made = server.administrator().call("POST", "_apis/projects").json(&body).send().await;
            assert_eq!(made.status, status, "{visibility}");
        }
    }

    async fn the_answer_says_its_version_whatever_its_status(server) {
        let (ada, engineer) = (server.administrator(), server.release_engineer().await);
        let query = "?api-version=7.1-preview.1";
        let got = engineer.get(&engineer.files_path(query)).await.ok();
        assert_eq!(version(&got), "7.1-preview.1");
        let accepted = ada.call("POST", "_apis/projects").header("Accept", "text/html, application/json;api-version=6.0");
        let accepted = accepted.json(&json!({"name": "Team"})).send().await;
        assert_eq!((accepted.status, version(&accepted).as_str()), (202, "6.0"));
        let created = ada.call("POST", "_apis/graph/groups").body("application/json; api-version=5.0-preview.1", r#"{"displayName":"Crew"}"#);
        let created = created.send().await;
        assert_eq!((created.status, version(&created).as_str()), (201, "5.0-preview.1"));
        // The query counts most.
        let both = engineer.call("GET", &engineer.files_path("?api-version=5.1-preview.1"));
        let both = both.header("Accept", ";api-version=7.2-preview.1").send().await.ok();
        assert_eq!(version(&both), "5.1-preview.1");
        for bad in ["7.3", "8.0-preview", "seven", ""] {
            engineer.get(&engineer.files_path(&format!("?api-version={bad}"))).await.refused(400);
            let file = engineer.upload(&server.unique("kept"), b"x").await;
            let item = engineer.file_path(&file.id, &format!("?api-version={bad}"));
            engineer.call("DELETE", &item).send().await.refused(400);
        }
        assert_eq!(engineer.file_names().await.len(), 4, "nothing was deleted");
    }

    async fn a_strict_server_wants_versions_as_the_original_does(server, strict()) {
        let engineer = server.release_engineer().await;
        let file = engineer.upload("kept.pem", b"x").await;
        let files = |query: &str| engineer.files_path(query);
        for (method, path, type_key) in [
            ("PATCH", files(""), "VssVersionNotSpecifiedException"),
            ("DELETE", engineer.file_path(&file.id, ""), "VssVersionNotSpecifiedException"),
            ("POST", "_apis/projects".into(), "VssVersionNotSpecifiedException"),
            ("GET", files("?api-version=7.1"), "VssInvalidPreviewVersionException"),
            ("DELETE", engineer.file_path(&file.id, "?api-version=7.0"), "VssInvalidPreviewVersionException"),
            ("GET", files("?api-version=3.0-preview.1"), "VssVersionOutOfRangeException"),
            ("GET", "_apis/projects?api-version=7.2".into(), "VssInvalidPreviewVersionException"),
            ("GET", "_apis/connectionData?api-version=5.0".into(), "VssInvalidPreviewVersionException"),
        ] {
            let refused = engineer.call(method, &path).send().await.refused(400);
            assert_eq!(refused.type_key, type_key, "{method} {path}");
            let namespace = "Microsoft.VisualStudio.Services.WebApi";
            assert_eq!(refused.type_name, format!("{namespace}.{type_key}, {namespace}"));
            assert!(refused.message.contains("version"), "{}", refused.message);
        }
        assert_eq!(engineer.file_names().await, ["kept.pem"]);
        // What clients send is fine, and so is a look without a version. So are our own routes, which have no versions.
        for path in [
            files("?api-version=3.2-preview.1"),
            files("?api-version=7.2-preview"),
            files(""),
            "_apis/connectionData".into(),
            "_apis/projects?api-version=7.1".into(),
            "_apis/coffer/organization".into(),
        ] {
            engineer.get(&path).await.ok();
        }
        let gone = engineer.call("DELETE", &engineer.file_path(&file.id, "?api-version=7.1-preview.1"));
        assert_eq!(gone.send().await.status, 204);
    }
}
