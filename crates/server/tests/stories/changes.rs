//! Changes of several files at once, all or nothing; and uploads at their edges: refused before the body, with the reason.

use crate::pats::narrow;
use coffer_testkit::{Answer, PROJECT, TestServer, User, both, group, random_guid};
use coffer_wire::coffer::AuditEvent;
use coffer_wire::secure_files::SecureFile;
use serde_json::{Value, json};

async fn patch(user: &User, body: Value) -> Answer {
    user.call("PATCH", &user.files_path(""))
        .json(&body)
        .send()
        .await
}

async fn one(user: &User, id: &str, body: Value) -> Answer {
    user.call("PATCH", &user.file_path(id, ""))
        .json(&body)
        .send()
        .await
}

/// `name: outcome` of each change on record, oldest first.
fn changes(events: &[AuditEvent]) -> Vec<String> {
    let mine = |event: &&AuditEvent| event.action == "SecureFile.PropertiesChanged";
    events
        .iter()
        .filter(mine)
        .map(|event| {
            format!(
                "{}: {}",
                event.details.get("name").map_or("", String::as_str),
                event.outcome
            )
        })
        .collect()
}

async fn upload_all(user: &User, names: &[&str]) -> Vec<SecureFile> {
    let mut files = Vec::new();
    for name in names {
        files.push(user.upload(name, b"x").await);
    }
    files
}

/// The first lines of an upload on the wire.
fn upload_head(user: &User, query: &str, lines: &[&str]) -> String {
    let mut head = format!(
        "POST /DefaultCollection/{} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n",
        user.files_path(query),
        user.basic()
    );
    for line in lines {
        head.push_str(&format!("{line}\r\n"));
    }
    head + "\r\n"
}

/// What the server says to an upload whose body waits for a word.
async fn expecting(server: &TestServer, user: &User, query: &str, lines: &[&str]) -> Answer {
    let mut wire = server.wire().await;
    let lines = [lines, &["Expect: 100-continue"]].concat();
    wire.send(upload_head(user, query, &lines)).await;
    wire.answer().await.expect("an answer")
}

const BYTES: &str = "Content-Type: application/octet-stream";

both! {
    async fn the_third_of_five_fails_and_none_is_changed(server) {
        let (developer, engineer) = (server.developer().await, server.release_engineer().await);
        let mine = upload_all(&developer, &["1.pem", "2.pem", "4.pem", "5.pem"]).await;
        let other = engineer.upload("3.pem", b"x").await;
        let taken = engineer.upload("taken.pem", b"x").await;
        let body = |third: &str, name: &str| {
            let mut list: Vec<Value> = mine.iter().map(|file| json!({"id": file.id, "name": format!("new-{}", file.name), "properties": {"a": "b"}})).collect();
            list.insert(2, json!({"id": third, "name": name}));
            Value::from(list)
        };
        let before = developer.get(&developer.files_path("")).await.ok().json();
        let absent = random_guid().to_string();
        let refused = patch(&developer, body(&other.id, "new-3.pem")).await.refused(403);
        assert!(refused.message.contains("'3.pem'") && refused.message.contains("Administrator"), "{}", refused.message);
        let refused = patch(&developer, body(&absent, "new-3.pem")).await.refused(404);
        assert!(refused.message.contains(&absent), "which one: {}", refused.message);
        for (third, name, status) in [(&mine[0].id, "../x", 400), (&mine[0].id, "new-3.pem", 400)] {
            let refused = patch(&developer, body(third, name)).await.refused(status);
            assert!(refused.message.contains(third.as_str()), "{}", refused.message);
        }
        // Two of the list, and one of the list and one that is there.
        let refused = patch(&engineer, json!([{"id": other.id, "name": "x"}, {"id": taken.id, "name": "1.PEM"}])).await;
        assert_eq!(refused.code(409), "secure_file.name_taken");
        assert!(refused.refused(409).message.contains(&taken.id), "{}", refused.text());
        let refused = patch(&engineer, json!([{"id": other.id, "name": "same"}, {"id": taken.id, "name": "SAME"}])).await;
        assert_eq!(refused.code(409), "secure_file.name_taken");
        for (what, bad) in [
            ("'id'", json!([{"name": "x"}])),
            ("GUID", json!([{"id": "x", "name": "x"}])),
            ("twice", json!([{"id": mine[0].id, "name": "x"}, {"id": mine[0].id.to_uppercase(), "name": "y"}])),
            ("At most 1000", Value::from(vec![json!({"id": mine[0].id}); 1001])),
        ] {
            let refused = patch(&developer, bad).await.refused(400);
            assert!(refused.message.contains(what), "{what}: {}", refused.message);
        }
        assert_eq!(developer.get(&developer.files_path("")).await.ok().json(), before, "nothing changed, dates neither");
        let events = server.administrator().audit().await;
        assert_eq!(changes(&events), ["new-3.pem: denied", "new-3.pem: denied"], "what was undone was not done");
        assert_eq!(events.iter().find(|event| event.outcome == "denied").unwrap().resource_id.as_deref(), Some(other.id.as_str()));

        let mut good = body(&absent, "x");
        good.as_array_mut().unwrap().remove(2);
        let done = patch(&developer, good).await.ok().json();
        let names: Vec<_> = done["value"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["new-1.pem", "new-2.pem", "new-4.pem", "new-5.pem"], "in the order they were sent");
        assert_eq!(patch(&developer, json!([])).await.ok().json()["count"], 0);
    }

    async fn files_change_names_with_each_other(server) {
        let engineer = server.release_engineer().await;
        let files = upload_all(&engineer, &["a.pem", "b.pem", "c.pem"]).await;
        let rename = |pairs: &[(usize, &str)]| {
            let list = pairs.iter().map(|(file, name)| json!({"id": files[*file].id, "name": name}));
            Value::from(list.collect::<Vec<_>>())
        };
        let names = async || {
            let mut names = Vec::new();
            for file in &files {
                names.push(engineer.get(&engineer.file_path(&file.id, "")).await.ok().json()["name"].as_str().unwrap().to_owned());
            }
            names
        };
        patch(&engineer, rename(&[(0, "b.pem"), (1, "a.pem")])).await.ok();
        assert_eq!(names().await, ["b.pem", "a.pem", "c.pem"]);
        patch(&engineer, rename(&[(0, "C.pem"), (2, "A.pem"), (1, "B.pem")])).await.ok();
        assert_eq!(names().await, ["C.pem", "B.pem", "A.pem"], "in a circle");
        patch(&engineer, rename(&[(0, "d.pem"), (1, "C.pem")])).await.ok();
        assert_eq!(names().await, ["d.pem", "C.pem", "A.pem"], "into a name that is just free");
        patch(&engineer, rename(&[(0, "D.PEM"), (1, "c.pem"), (2, "a.pem")])).await.ok();
        assert_eq!(names().await, ["D.PEM", "c.pem", "a.pem"], "another case of the same names");
        let taken = patch(&engineer, rename(&[(0, "x.pem"), (1, "a.pem")])).await;
        assert_eq!(taken.code(409), "secure_file.name_taken");
        assert_eq!(names().await, ["D.PEM", "c.pem", "a.pem"]);
        let listed = engineer.get(&engineer.files_path("?secureFileNames=d.pem,C.PEM,A.pem")).await.ok().json();
        assert_eq!(listed["count"], 3, "and by these names they are found");
        let explained = server.administrator().get("_apis/coffer/audit/reconcile").await.ok().json();
        assert_eq!(explained["findings"].as_array().map(Vec::len), Some(0), "{explained}");
    }

    async fn what_a_change_does_not_name_stays(server) {
        let engineer = server.release_engineer().await;
        let file = engineer.upload("a.pem", b"x").await;
        let (id, properties) = (file.id.as_str(), json!({"Team": "mobile", "env": "test"}));
        let now = async || {
            let file = engineer.get(&engineer.file_path(id, "")).await.ok().json();
            (file["name"].clone(), file["properties"].clone())
        };
        let full = json!({"id": id.to_uppercase(), "name": "b.pem", "properties": properties, "createdBy": {"id": "x"}, "ticket": "x", "size": 7, "modifiedOn": "never"});
        one(&engineer, id, full).await.ok();
        assert_eq!(now().await, (json!("b.pem"), properties.clone()));
        for nothing in [json!({}), json!({"id": id}), json!({"name": null, "properties": null})] {
            one(&engineer, id, nothing).await.ok();
            assert_eq!(now().await, (json!("b.pem"), properties.clone()));
        }
        one(&engineer, id, json!({"properties": {"only": "one"}})).await.ok();
        assert_eq!(now().await, (json!("b.pem"), json!({"only": "one"})), "the map as a whole");
        one(&engineer, id, json!({"properties": {}})).await.ok();
        assert_eq!(now().await, (json!("b.pem"), json!({})));
        let many: serde_json::Map<String, Value> = (0..101).map(|n| (format!("p{n}"), json!(""))).collect();
        for bad in [
            json!({"id": random_guid()}),
            json!({"id": "b.pem"}),
            json!({"properties": {"": "x"}}),
            json!({"properties": {"a": "x", "A": "y"}}),
            json!({"properties": {"a": 1}}),
            json!({"properties": {"a": null}}),
            json!({"properties": {"a\u{0}": "x"}}),
            json!({"properties": {"a": "x\u{0}"}}),
            json!({"properties": {"a": "v".repeat(1025)}}),
            json!({"properties": many}),
            json!({"name": ""}),
        ] {
            one(&engineer, id, bad).await.refused(400);
        }
        let longest = json!({"n".repeat(1024): "v".repeat(1024)});
        one(&engineer, id, json!({"properties": longest})).await.ok();
        assert_eq!(now().await, (json!("b.pem"), longest));
    }

    async fn what_is_no_upload_is_told_what_it_is(server) {
        let engineer = server.release_engineer().await;
        let path = engineer.files_path("?name=a.pem");
        for (kind, says) in [
            ("application/x-www-form-urlencoded", "--data-binary"),
            ("multipart/form-data; boundary=x", "-F in curl"),
            ("text/plain", "application/octet-stream"),
        ] {
            let refused = engineer.call("POST", &path).body(kind, "x").send().await.refused(415);
            assert!(refused.message.contains(says), "{kind}: {}", refused.message);
        }
        let refused = engineer.call("POST", &path).send().await.refused(415);
        assert!(refused.message.contains("no Content-Type"), "{}", refused.message);
        let query = engineer.call("POST", &path).body("application/json", "{\"not\": \"a query\"}").send().await.refused(400);
        assert!(query.message.contains("application/octet-stream"), "an upload by mistake: {}", query.message);
        for query in ["", "?name=", "?authorizePipelines=true"] {
            let refused = engineer.call("POST", &engineer.files_path(query)).body("application/octet-stream", "x").send().await.refused(400);
            assert!(refused.message.contains("'name'"), "{}", refused.message);
        }
        assert_eq!(engineer.file_names().await, Vec::<String>::new());
    }

    async fn who_is_refused_need_not_send_the_body(server) {
        let engineer = server.release_engineer().await;
        let reader = server.person("reader", &[group::READERS]).await;
        let stranger = server.person("stranger", &[]).await;
        engineer.upload("taken.pem", b"x").await;
        let closed = narrow(&server, &engineer, "vso.securefiles_manage").await;
        let large = "Content-Length: 10485761";
        let fits = "Content-Length: 10485760";
        for (what, who, query, lines, status) in [
            ("too large", &engineer, "?name=a", &[BYTES, large][..], 413),
            ("of another type", &engineer, "?name=a", &["Content-Type: text/plain", fits], 415),
            ("without a type", &engineer, "?name=a", &[fits], 415),
            ("without a name", &engineer, "", &[BYTES, fits], 400),
            ("with a bad name", &engineer, "?name=a%2Fb", &[BYTES, fits], 400),
            ("with a name that is taken", &engineer, "?name=TAKEN.pem", &[BYTES, fits], 409),
            ("by a reader", &reader, "?name=a", &[BYTES, fits], 403),
            ("by a stranger", &stranger, "?name=a", &[BYTES, fits], 404),
            ("by nobody", &server.nobody(), "?name=a", &[BYTES, fits], 401),
            ("open to all, with a token for files only", &closed, "?name=a&authorizePipelines=True", &[BYTES, fits], 403),
            ("open or not", &engineer, "?name=a&authorizePipelines=perhaps", &[BYTES, fits], 400),
        ] {
            let answer = expecting(&server, who, query, lines).await;
            assert_eq!(answer.status, status, "{what}: {}", answer.text());
        }
        assert_eq!(engineer.file_names().await, ["taken.pem"]);
        // Who may goes on, and the largest file fits.
        let mut wire = server.wire().await;
        let lines = [BYTES, fits, "Expect: 100-continue"];
        wire.send(upload_head(&engineer, "?name=largest.bin", &lines)).await;
        assert_eq!(wire.answer().await.unwrap().status, 100);
        wire.send(vec![7; 10_485_760]).await;
        let stored = wire.answer().await.unwrap().ok().json();
        assert_eq!(stored["size"], 10_485_760);
    }

    async fn opening_with_an_upload_takes_what_opening_by_hand_takes(server) {
        let engineer = server.release_engineer().await;
        let upload = async |user: &User, query: &str| {
            user.call("POST", &user.files_path(query)).body("application/octet-stream", "x").send().await
        };
        let closed = narrow(&server, &engineer, "vso.securefiles_manage").await;
        let refused = upload(&closed, "?name=a.pem&authorizePipelines=true").await;
        assert_eq!(refused.code(403), "token.scope");
        assert!(refused.refused(403).message.contains("vso.pipelineresources_manage"), "{}", refused.text());
        assert_eq!(engineer.file_names().await, Vec::<String>::new(), "no file, opened or not");
        let events = server.administrator().audit().await;
        let denied = crate::newest(&events, "Pipelines.ResourceAuthorizedForProject");
        assert_eq!(crate::reason(denied), "scope_missing");
        assert!(events.iter().all(|event| event.action != "SecureFile.Created"));

        upload(&closed, "?name=closed.pem").await.ok();
        let wide = narrow(&server, &engineer, "vso.securefiles_manage vso.pipelineresources_manage").await;
        let open = upload(&wide, "?name=open.pem&authorizePipelines=True").await.ok().json();
        let permissions = engineer.client.permissions(PROJECT);
        let state = permissions.get("securefile", open["id"].as_str().unwrap()).await.unwrap();
        assert!(state.all_pipelines.is_some_and(|all| all.authorized));
        let events = server.administrator().audit().await;
        let opened = crate::newest(&events, "Pipelines.ResourceAuthorizedForProject");
        assert_eq!((opened.outcome.as_str(), opened.resource_id.as_deref()), ("allowed", open["id"].as_str()));
    }
}
