//! The library: what goes in comes out for a job, unchanged; names, lists, properties, deletion.

use crate::{sha256, yaml};
use coffer_testkit::client::{Body, Filter, Upload};
use coffer_testkit::{PROJECT, TestServer, User, both, group, random, random_guid};
use coffer_wire::secure_files::SecureFileUpdate;
use serde_json::json;
use std::collections::BTreeMap;

const LIMIT: usize = 10_485_760;

/// What a job gets of these files.
async fn contents(server: &TestServer, owner: &User, names: &[&str]) -> Vec<Vec<u8>> {
    let pipeline = server
        .administrator()
        .pipeline(&server.unique("reader"), &yaml(names))
        .await;
    for name in names {
        let file = owner
            .client
            .secure_files(PROJECT)
            .find(name)
            .await
            .unwrap()
            .unwrap();
        owner.permit(&file, &pipeline, true).await.unwrap();
    }
    server.administrator().run(&pipeline).await;
    let agent = server.agent(&server.unique("agent")).await;
    let job = agent.job().await;
    let mut contents = Vec::new();
    for name in names {
        let file = job
            .job
            .resources
            .secure_files
            .iter()
            .find(|file| file.name == *name)
            .unwrap();
        let answer = job
            .download(server, &file.id.to_string(), &file.ticket)
            .await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert!(answer.whole, "{name}");
        assert_eq!(answer.body.len() as u64, file.length, "{name}");
        assert_eq!(sha256(&answer.body), file.sha256, "{name}");
        contents.push(answer.body);
    }
    agent.finish(&job, "succeeded").await.unwrap();
    contents
}

both! {
    async fn files_of_every_size_come_back_as_they_went_in(server) {
        let engineer = server.release_engineer().await;
        let sizes = [0, 1, 65_535, 65_536, 65_537, 131_072, 1_000_000, LIMIT];
        let names: Vec<String> = sizes.iter().map(|size| format!("{size}.bin")).collect();
        let mut sent = Vec::new();
        for (size, name) in sizes.iter().zip(&names) {
            let content = random(*size);
            // Every second one goes chunked, without a length.
            let mut upload = Upload::named(name);
            upload.size = (size % 2 == 0).then_some(*size as u64);
            let body = Body::from_bytes(content.clone());
            let file = engineer
                .client
                .secure_files(PROJECT)
                .upload(upload, body)
                .await
                .unwrap();
            assert_eq!(
                (file.name.as_str(), file.size),
                (name.as_str(), Some(*size as u64))
            );
            assert_eq!(file.sha256.as_deref(), Some(sha256(&content).as_str()));
            assert_eq!(file.created_by.unique_name, "rel");
            sent.push(content);
        }
        // One byte at a time, too: pieces of the transport are not pieces of the content.
        let drip = random(1000);
        let pieces: Vec<_> = drip
            .iter()
            .map(|byte| Ok(bytes::Bytes::copy_from_slice(&[*byte])))
            .collect();
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        engineer
            .client
            .secure_files(PROJECT)
            .upload(Upload::named("drip.bin"), body)
            .await
            .unwrap();
        sent.push(drip);
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.push("drip.bin");
        let got = contents(&server, &engineer, &names).await;
        for ((name, sent), got) in names.iter().zip(&sent).zip(&got) {
            assert!(sent == got, "{name}");
        }
    }

    async fn what_was_acknowledged_is_there_after_a_restart(mut server) {
        let engineer = server.release_engineer().await;
        let (small, large) = (random(2000), random(300_000));
        engineer.upload("small", &small).await;
        engineer.upload("large", &large).await;
        server.restart().await;
        assert_eq!(engineer.file_names().await, ["large", "small"]);
        assert!(contents(&server, &engineer, &["small", "large"]).await == [small, large]);
    }

    async fn lists_answer_in_all_forms(server) {
        let engineer = server.release_engineer().await;
        let mut ids = Vec::new();
        for name in ["alpha.pem", "Beta.pem", "gamma, with comma.p12"] {
            ids.push(engineer.upload(name, b"x").await.id);
        }
        let names = async |query: &str| -> Vec<String> {
            let answer = engineer.get(&engineer.files_path(query)).await.ok().json();
            let list = answer["value"].as_array().unwrap();
            assert_eq!(answer["count"], list.len());
            list.iter()
                .map(|file| file["name"].as_str().unwrap().to_owned())
                .collect()
        };
        let all = ["alpha.pem", "Beta.pem", "gamma, with comma.p12"];
        assert_eq!(names("").await, all);
        assert_eq!(names("?namePattern=*.pem").await, all[..2]);
        assert_eq!(names("?namePattern=BETA*").await, all[1..2]);
        assert_eq!(names("?namePattern=").await, all);
        assert_eq!(names("?secureFileNames=ALPHA.PEM").await, all[..1]);
        assert_eq!(
            names("?secureFileNames=alpha.pem,beta.pem,nothing").await,
            all[..2]
        );
        assert_eq!(
            names("?secureFileNames=gamma,%20with%20comma.p12").await,
            all[2..]
        );
        assert_eq!(
            names(&format!("?secureFileIds={},{}", ids[1], random_guid())).await,
            all[1..2]
        );
        assert_eq!(names("?actionFilter=manage").await, all);
        assert_eq!(names("?ACTIONFILTER=Use").await, all);
        engineer
            .get(&engineer.files_path("?secureFileIds=x"))
            .await
            .refused(400);
        engineer
            .get(&engineer.files_path("?actionFilter=everything"))
            .await
            .refused(400);
        let first = engineer
            .get(&engineer.files_path("?namePattern=alpha*"))
            .await
            .json()["value"][0]
            .clone();
        assert!(
            first.get("ticket").is_none() && first.get("sha256").is_none(),
            "{first}"
        );
        assert_eq!(first["id"], ids[0]);

        let developer = server.developer().await;
        let seen = developer
            .get(&developer.files_path("?actionFilter=use"))
            .await
            .ok()
            .json();
        assert_eq!(seen["count"], 0, "a reader of the library may not use");
        let one = developer
            .get(&developer.file_path(&ids[0], ""))
            .await
            .ok()
            .json();
        assert!(
            one.get("sha256").is_none(),
            "the digest is for those who may use the file: {one}"
        );
        let one = engineer
            .get(&engineer.file_path(&ids[0], ""))
            .await
            .ok()
            .json();
        assert_eq!(one["sha256"], sha256(b"x"));
    }

    async fn names_and_properties_change_and_content_does_not(server) {
        let engineer = server.release_engineer().await;
        let content = random(5000);
        let file = engineer.upload("old.pem", &content).await;
        let other = engineer.upload("other.pem", b"x").await;
        let files = engineer.client.secure_files(PROJECT);
        let properties = BTreeMap::from([("team".to_owned(), "pay".to_owned())]);
        let change = SecureFileUpdate {
            id: None,
            name: Some("new.pem".into()),
            properties: Some(properties.clone()),
        };
        let changed = files.update(&file.id, &change).await.unwrap();
        assert_eq!(
            (changed.name.as_str(), &changed.properties),
            ("new.pem", &properties)
        );
        assert_eq!(
            (changed.id.as_str(), changed.size),
            (file.id.as_str(), Some(5000))
        );
        let renamed = SecureFileUpdate {
            name: Some("NEW.pem".into()),
            ..SecureFileUpdate::default()
        };
        let changed = files.update(&file.id, &renamed).await.unwrap();
        assert_eq!(
            (changed.name.as_str(), &changed.properties),
            ("NEW.pem", &properties),
            "its own name in another case"
        );
        let taken = SecureFileUpdate {
            name: Some("OTHER.pem".into()),
            ..SecureFileUpdate::default()
        };
        assert_eq!(
            files.update(&file.id, &taken).await.unwrap_err().code(),
            Some("secure_file.name_taken")
        );

        // Several at once: all or none.
        let both = json!([{"id": other.id, "name": "third.pem"}, {"id": file.id, "name": "../x"}]);
        engineer
            .call("PATCH", &engineer.files_path(""))
            .json(&both)
            .send()
            .await
            .refused(400);
        let both = json!([{"id": other.id, "name": "third.pem"}, {"id": random_guid().to_string(), "name": "y"}]);
        engineer
            .call("PATCH", &engineer.files_path(""))
            .json(&both)
            .send()
            .await
            .refused(404);
        assert_eq!(engineer.file_names().await, ["NEW.pem", "other.pem"]);

        // Who may only see may not change.
        let developer = server.developer().await;
        let path = developer.file_path(&file.id, "");
        assert_eq!(
            developer
                .call("PATCH", &path)
                .json(&json!({"name": "mine"}))
                .send()
                .await
                .code(403),
            "access.denied"
        );
        assert_eq!(
            developer.call("DELETE", &path).send().await.code(403),
            "access.denied"
        );

        // No way in for other bytes.
        for method in ["PUT", "POST"] {
            let answer = engineer
                .call(method, &path)
                .body("application/octet-stream", "other")
                .send()
                .await;
            answer.refused(405);
            assert!(
                !answer.header("allow").contains(method),
                "{}",
                answer.header("allow")
            );
        }
        let again = engineer
            .call("POST", &engineer.files_path("?name=new.PEM"))
            .body("application/octet-stream", "other")
            .send()
            .await;
        assert_eq!(again.code(409), "secure_file.name_taken");
        engineer
            .call("DELETE", &engineer.files_path(""))
            .send()
            .await
            .refused(405);
        assert!(contents(&server, &engineer, &["NEW.pem"]).await[0] == content);

        files.delete(&file.id).await.unwrap();
        assert_eq!(
            files.get(&file.id).await.unwrap_err().code(),
            Some("secure_file.not_found")
        );
        assert_eq!(
            files.delete(&file.id).await.unwrap_err().status(),
            Some(404)
        );
        assert_eq!(engineer.file_names().await, ["other.pem"]);
        let again = engineer.upload("new.pem", b"y").await;
        assert_ne!(again.id, file.id, "an id is never used again");
    }

    async fn names_follow_the_rules_or_are_refused(server) {
        let engineer = server.release_engineer().await;
        let long = "n".repeat(256);
        for bad in [
            "",
            "%20",
            ".",
            "..",
            "a%2Fb",
            "a%5Cb",
            "..%2F..%2Fetc%2Fpasswd",
            "a%00b",
            "a%0d%0ab",
            "a%0ab",
            "c:d",
            "a*",
            "a%3Fb",
            "%22a%22",
            "a%3Cb",
            "a%7Cb",
            "a.",
            "%20a",
            "a%20",
            "%E2%80%AEexe.pem",
            "e%CC%81",
            "a%E2%80%8Bb",
            "%FF",
            &long,
        ] {
            let path = engineer.files_path(&format!("?name={bad}"));
            let answer = engineer
                .call("POST", &path)
                .body("application/octet-stream", "x")
                .send()
                .await;
            answer.refused(400);
            let decoded = bad.len() > 6 && bad.len() < 100;
            assert!(
                !decoded || !answer.text().contains(bad),
                "{bad} is repeated: {}",
                answer.text()
            );
        }
        engineer
            .call("POST", &engineer.files_path(""))
            .body("application/octet-stream", "x")
            .send()
            .await
            .refused(400);
        assert_eq!(engineer.file_names().await, Vec::<String>::new());
        let longest = "n".repeat(255);
        for good in [
            "a b.pem",
            "ä.pem",
            "證書.p12",
            "name;with=signs&more+.key",
            "'quoted'",
            "100%.pem",
            &longest,
        ] {
            let file = engineer.upload(good, b"x").await;
            assert_eq!(file.name, good);
        }
        assert_eq!(engineer.file_names().await.len(), 7);
        // The name stands in the header of a download, and splits nothing.
        let got = contents(&server, &engineer, &["name;with=signs&more+.key", "ä.pem"]).await;
        assert_eq!(got, [b"x", b"x"]);
        let ü = engineer.client.secure_files(PROJECT);
        let found = ü
            .list(&Filter {
                name_pattern: Some("Ä*".into()),
                ..Filter::default()
            })
            .await
            .unwrap();
        assert_eq!(found.len(), 1, "case is ignored beyond ASCII");
    }

    async fn uploads_of_another_kind_are_refused(server) {
        let engineer = server.release_engineer().await;
        let path = engineer.files_path("?name=a.pem");
        for kind in [
            "multipart/form-data; boundary=x",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/octet-streams",
        ] {
            let answer = engineer.call("POST", &path).body(kind, "x").send().await;
            assert_eq!(answer.code(415), "content_type.unsupported", "{kind}");
        }
        engineer.call("POST", &path).send().await.refused(415);
        let query = engineer
            .call("POST", &path)
            .json(&json!({"condition": "x"}))
            .send()
            .await;
        query.refused(400);
        assert_eq!(engineer.file_names().await, Vec::<String>::new());
        let fine = engineer
            .call("POST", &path)
            .body("Application/Octet-Stream; charset=binary", "x")
            .send()
            .await;
        assert_eq!(fine.status, 200, "{}", fine.text());
    }

    async fn a_contributor_owns_what_they_upload(server) {
        let developer = server.developer().await;
        let reader = server.person("reader", &[group::READERS]).await;
        let mine = developer.upload("mine.pem", b"x").await;
        let files = developer.client.secure_files(PROJECT);
        let change = SecureFileUpdate {
            name: Some("still mine.pem".into()),
            ..SecureFileUpdate::default()
        };
        files.update(&mine.id, &change).await.unwrap();
        let pipeline = developer.pipeline("own", &yaml(&["still mine.pem"])).await;
        developer.permit(&mine, &pipeline, true).await.unwrap();
        assert_eq!(
            reader
                .try_upload("no.pem", b"x")
                .await
                .unwrap_err()
                .status(),
            Some(403)
        );
        files.delete(&mine.id).await.unwrap();
    }
}
