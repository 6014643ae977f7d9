//! Queries by properties: the condition language over the wire, what it answers when it is wrong, and what it must not
//! tell.

use crate::pats::narrow;
use crate::roles::project_id;
use coffer_testkit::{Answer, PROJECT, TestServer, User, both};
use coffer_wire::secure_files::{SecureFile, SecureFileUpdate};
use serde_json::json;
use std::collections::BTreeMap;

/// A file with properties.
async fn file(owner: &User, name: &str, properties: &[(&str, &str)]) -> SecureFile {
    let file = owner.upload(name, b"x").await;
    let change = SecureFileUpdate {
        properties: Some(
            properties
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
        ),
        ..SecureFileUpdate::default()
    };
    let files = owner.client.secure_files(PROJECT);
    files.update(&file.id, &change).await.unwrap()
}

/// A query with any body.
async fn post(user: &User, query: &str, body: impl Into<String>) -> Answer {
    user.call("POST", &user.files_path(query))
        .body(
            "application/json; charset=utf-8; api-version=7.1-preview.1",
            body.into(),
        )
        .send()
        .await
}

/// The names that a condition finds.
async fn found(user: &User, query: &str, condition: &str) -> Vec<String> {
    names(&post(user, query, json!(condition).to_string()).await.ok())
}

fn names(answer: &Answer) -> Vec<String> {
    let list = answer.json();
    let names: Vec<String> = list["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(list["count"], names.len());
    names
}

async fn shelf(server: &TestServer) -> User {
    let engineer = server.release_engineer().await;
    file(
        &engineer,
        "app.p12",
        &[("team", "Mobile"), ("Expires", "2026")],
    )
    .await;
    file(
        &engineer,
        "old.p12",
        &[("team", "mobile"), ("retired", "yes"), ("expires", "999")],
    )
    .await;
    file(
        &engineer,
        "web.pem",
        &[("TEAM", "web"), ("version", "1.10.2")],
    )
    .await;
    file(&engineer, "bare.pem", &[]).await;
    engineer
}

both! {
    async fn files_are_found_by_their_properties(server) {
        let engineer = shelf(&server).await;
        for (condition, wanted) in [
            ("and(eq(property('team'),'mobile'))", &["app.p12", "old.p12"][..]),
            ("and(eq(property('team'), 'MOBILE'), not(property('retired')))", &["app.p12"]),
            ("in(property('Team'), 'web', 'desk')", &["web.pem"]),
            ("notIn(property('team'), 'web', 'desk')", &["app.p12", "bare.pem", "old.p12"]),
            ("ne(property('team'), 'mobile')", &["bare.pem", "web.pem"]),
            ("eq(property('team'), null)", &["bare.pem"]),
            ("startsWith(property('team'), 'mob')", &["app.p12", "old.p12"]),
            ("contains(property('team'), 'E')", &["app.p12", "old.p12", "web.pem"]),
            // The right side becomes what the left side is: text, and then a number.
            ("gt(property('expires'), 2025)", &["app.p12", "old.p12"]),
            ("lt(2025, property('expires'))", &["app.p12"]),
            ("gt(1.11.0, property('version'))", &["web.pem"]),
            ("or(property('retired'), eq(property('team'), 'web'))", &["old.p12", "web.pem"]),
            ("true", &["app.p12", "bare.pem", "old.p12", "web.pem"]),
            ("", &["app.p12", "bare.pem", "old.p12", "web.pem"]),
            ("false", &[]),
        ] {
            assert_eq!(found(&engineer, "", condition).await, wanted, "{condition}");
        }
        let team = "eq(property('team'), 'mobile')";
        assert_eq!(found(&engineer, "?namePattern=APP*", team).await, ["app.p12"]);
        assert_eq!(found(&engineer, "?namePattern=%2A.pem", team).await, Vec::<String>::new());
        // No condition, in each way that clients leave it out.
        for body in ["null", "", " ", "\"\"", "\"  \""] {
            assert_eq!(names(&post(&engineer, "?namePattern=*.pem", body).await.ok()), ["bare.pem", "web.pem"], "{body:?}");
        }
        let one = post(&engineer, "", json!(team).to_string()).await.ok().json();
        assert_eq!(one["value"][0]["properties"], json!({"team": "Mobile", "Expires": "2026"}));
        assert!(one["value"][0].get("ticket").is_none());
        // The caller's own way to ask for a bare array counts here too.
        let bare = engineer
            .call("POST", &engineer.files_path(""))
            .header("Accept", "application/json;api-version=7.2-preview.1;noArrayWrap=true")
            .json(&json!(team))
            .send()
            .await
            .ok()
            .json();
        assert_eq!(bare.as_array().map(Vec::len), Some(2));
        // A query is a look: nothing went on record for it.
        let events = server.administrator().audit().await;
        assert!(events.iter().all(|event| event.action != "SecureFile.Viewed"));
    }

    async fn a_condition_that_is_none_is_refused_with_its_place(server) {
        let engineer = shelf(&server).await;
        let deep = format!("{}true{}", "not(".repeat(60), ")".repeat(60));
        let wide = format!("or({})", vec!["0"; 300].join(","));
        let long = format!("eq('{}', 'a')", "x".repeat(5000));
        for (condition, place, what) in [
            ("eq(property('team'), 'mobile'", "character 3", "`(` is never closed"),
            ("and(eqq(property('team'), 'mobile'))", "character 5", "there is no function `eqq`"),
            ("eq(property('team'), mobile)", "character 22", "text stands in single quotes"),
            ("eq(property(\"team\"), 'mobile')", "character 13", "single quotes"),
            ("property('team') == 'mobile'", "character 18", "eq(a, b)"),
            ("and(succeeded(), eq(property('a'), 'b'))", "character 5", "of pipelines means nothing here"),
            ("eq(variables['a'], 'b')", "character 4", "only property('name') reads something"),
            ("eq(property('team'))", "character 1", "takes 2 argument(s) and has 1"),
            (&deep, "character", "50 levels deep"),
            (&wide, "character", "more than 256 parts"),
            (&long, "character", "4096 bytes"),
        ] {
            let answer = post(&engineer, "", json!(condition).to_string()).await;
            let refused = answer.refused(400);
            assert_eq!(answer.code(400), "secure_file.condition_invalid");
            assert!(refused.message.contains(place), "{condition}: {}", refused.message);
            assert!(refused.message.contains(what), "{condition}: {}", refused.message);
            assert!(refused.message.contains("startsWith"), "what is accepted: {}", refused.message);
        }
        for body in ["eq(property('team'), 'mobile')", "{}", "[\"true\"]", "1", "\"true", "\"true\" x", "{\"condition\":\"true\"}"] {
            let refused = post(&engineer, "", body).await.refused(400);
            assert!(refused.message.contains("JSON string"), "{body}: {}", refused.message);
        }
        let huge = format!("\"{}\"", " ".repeat(70_000));
        post(&engineer, "", huge).await.refused(413);
        // As much work for one file as there may be, and more.
        let value = "v".repeat(1024);
        file(&engineer, "heavy.p12", &[("a", &value), ("b", &format!("{}w", &value[1..]))]).await;
        let heavy = format!("or({})", vec!["eq(property('a'), property('b'))"; 50].join(","));
        let refused = post(&engineer, "", json!(heavy).to_string()).await.refused(400);
        assert!(refused.message.contains("100000 steps"), "{}", refused.message);
        let lighter = format!("or({})", vec!["eq(property('a'), property('b'))"; 40].join(","));
        assert_eq!(found(&engineer, "?namePattern=heavy*", &lighter).await, Vec::<String>::new());
    }

    async fn what_is_not_seen_is_not_queried(server) {
        let engineer = shelf(&server).await;
        let developer = server.developer().await;
        let project = project_id(&server).await;
        assert_eq!(found(&developer, "", "eq(property('team'), 'web')").await, ["web.pem"]);
        // Nobody but its owner sees this one, and a look at its property would end in an error.
        let value = "v".repeat(1024);
        let other = format!("{}w", &value[1..]);
        let hidden = file(&engineer, "hidden.p12", &[("team", "secret"), ("a", &value), ("b", &other)]).await;
        let path = format!("_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{project}${}?inheritPermissions=false", hidden.id);
        engineer.call("PATCH", &path).send().await.ok();
        assert_eq!(found(&engineer, "", "eq(property('team'), 'secret')").await, ["hidden.p12"]);
        let heavy = format!("or({})", vec!["eq(property('a'), property('b'))"; 50].join(","));
        for condition in ["eq(property('team'), 'secret')", "contains(property('team'), 's')", &heavy] {
            let seen = found(&developer, "?namePattern=h*", condition).await;
            assert_eq!(seen, Vec::<String>::new(), "{condition}");
        }
        post(&engineer, "", json!(heavy).to_string()).await.refused(400);
        assert_eq!(found(&developer, "", "not(property('team'))").await, ["bare.pem"]);

        // Who sees nothing hears nothing, whatever the condition; a token must be good for looking.
        let stranger = server.person("stranger", &[]).await;
        let nothing = post(&stranger, "", "\"true\"").await.refused(404);
        assert_eq!(nothing.message, post(&stranger, "", "null").await.refused(404).message);
        server.nobody().call("POST", &engineer.files_path("")).json(&json!("true")).send().await.refused(401);
        let blind = narrow(&server, &engineer, "vso.build").await;
        let refused = post(&blind, "", "\"true\"").await;
        assert_eq!(refused.code(403), "token.scope");
        assert!(refused.refused(403).message.contains("vso.securefiles_read"), "{}", refused.text());
        let reading = narrow(&server, &engineer, "vso.securefiles_read").await;
        assert_eq!(found(&reading, "", "eq(property('team'), 'web')").await, ["web.pem"]);
    }

    async fn long_lists_of_names_and_ids_have_an_end(server) {
        let engineer = server.release_engineer().await;
        let comma = engineer.upload("a,b.pem", b"x").await;
        let mut ids = vec![comma.id.clone()];
        for name in ["a", "b.pem", "c.pem"] {
            ids.push(engineer.upload(name, b"x").await.id);
        }
        let listed = async |query: String| names(&engineer.get(&engineer.files_path(&query)).await.ok());
        // The whole is tried as one name first, then its parts.
        assert_eq!(listed("?secureFileNames=A,B.pem".into()).await, ["a,b.pem"]);
        assert_eq!(listed("?secureFileNames=b.pem,a".into()).await, ["a", "b.pem"]);
        assert_eq!(listed("?secureFileNames=a,b.pem,c.pem".into()).await, ["a", "b.pem", "c.pem"]);
        assert_eq!(listed("?secureFileNames=%20c.pem%20,,nothing,C.PEM".into()).await, ["c.pem"]);
        let nul = engineer.get(&engineer.files_path("?secureFileNames=a%00b,c.pem")).await;
        assert!(nul.refused(400).message.contains("NUL"), "{}", nul.text());
        // Names before ids before the pattern.
        assert_eq!(listed(format!("?namePattern=c*&secureFileIds={}&secureFileNames=b.pem", ids[1])).await, ["b.pem"]);
        assert_eq!(listed(format!("?namePattern=c*&secureFileIds={}", ids[1].to_uppercase())).await, ["a"]);
        assert_eq!(listed("?namePattern=?,*&secureFileNames=&secureFileIds=".into()).await, ["a,b.pem"]);
        for filter in ["16", "Use", "USE, manage", "manage,use", "18", "2", "Manage", "none", "0", ""] {
            let filter = filter.replace(' ', "%20");
            assert_eq!(listed(format!("?actionFilter={filter}&namePattern=c*")).await, ["c.pem"], "{filter}");
        }
        for filter in ["1", "32", "-1", "all", "use;manage"] {
            engineer.get(&engineer.files_path(&format!("?actionFilter={filter}"))).await.refused(400);
        }
        let repeated = |count: usize| vec![ids[1].as_str(); count].join(",");
        assert_eq!(listed(format!("?secureFileIds={}", repeated(1000))).await, ["a"]);
        let many = engineer.get(&engineer.files_path(&format!("?secureFileIds={}", repeated(1001)))).await.refused(400);
        assert!(many.message.contains("at most 1000 ids") && many.message.contains("1001"), "{}", many.message);
        let many = vec!["n"; 1001].join(",");
        let many = engineer.get(&engineer.files_path(&format!("?secureFileNames={many}"))).await.refused(400);
        assert!(many.message.contains("at most 1000 names"), "{}", many.message);
        engineer.get(&engineer.files_path(&format!("?namePattern={}", "*".repeat(1025)))).await.refused(400);
        let head = engineer.call("HEAD", &engineer.files_path("?secureFileNames=a")).send().await;
        assert_eq!((head.status, head.body.len()), (200, 0));

    }
}
