//! `vsts` for Python: the only Python client that knows secure files.

use super::compat::Compat;
use super::driven::{Driven, Program};
use crate::harness::{Chance, PROJECT, Person, Site, sha256};
use crate::job::{Hand, downloads, token};
use serde_json::{Value, json};

const MOST: u64 = 10_485_760;
/// The sample that the driver makes: this byte again and again.
const SEVEN: u8 = 7;

async fn library(client: &mut Driven, method: &str, arguments: Value) -> super::driven::Came {
    let mut arguments = arguments;
    arguments["project"] = PROJECT.into();
    client.call("task_agent", method, arguments).await
}

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    let mut names: Vec<&str> = list.map(|file| file["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn vsts_keeps_a_library() {
    let story = "vsts::vsts_keeps_a_library";
    let Some(program) = Program::python(story, "COFFER_TEST_PYTHON_VSTS") else {
        return;
    };
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let mut client = program.of(&site, &ada).await;
    let compat = Compat::new(story, &client.package, &client.version);

    let came = library(&mut client, "get_secure_files", json!({})).await;
    assert_eq!(came.result(), &json!([]));
    let mut ids = Vec::new();
    let small = site.file("small", Chance::new(3).bytes(1200));
    for (name, stream) in [
        ("empty.txt", json!({"$bytes": 0})),
        ("ca ü.pem", json!({"$file": small})),
        ("largest.p12", json!({"$bytes": MOST})),
    ] {
        let arguments = json!({"name": name, "upload_stream": stream});
        let came = library(&mut client, "upload_secure_file", arguments).await;
        let file = came.result();
        assert_eq!(
            (&file["name"], &file["properties"]),
            (&name.into(), &json!({}))
        );
        assert_eq!(file["created_by"]["display_name"], "ada");
        assert_eq!(file["ticket"], Value::Null);
        ids.push(file["id"].as_str().unwrap().to_owned());
    }
    compat.works("`upload_secure_file`, from 0 to 10,485,760 bytes, streamed");
    let arguments = json!({"name": "over.p12", "upload_stream": {"$bytes": MOST + 1}});
    let came = library(&mut client, "upload_secure_file", arguments).await;
    assert_eq!(came.key(), "ContentTooLargeException");
    assert!(
        came.raised().contains("at most 10485760 bytes"),
        "{}",
        came.raised()
    );
    let arguments = json!({"name": "CA Ü.PEM", "upload_stream": {"$bytes": 1}});
    let came = library(&mut client, "upload_secure_file", arguments).await;
    assert_eq!(came.key(), "SecureFileExistsException");
    compat.refused("`upload_secure_file`, one byte too many, or a name that is taken");

    let all = ["ca ü.pem", "empty.txt", "largest.p12"];
    for (arguments, expected) in [
        (json!({}), &all[..]),
        (json!({"include_download_tickets": true}), &all),
        (json!({"name_pattern": "*.P12"}), &["largest.p12"]),
        (
            json!({"name_pattern": "ca ü*", "action_filter": "use"}),
            &["ca ü.pem"],
        ),
        (json!({"action_filter": "manage"}), &all),
    ] {
        let came = library(&mut client, "get_secure_files", arguments).await;
        assert_eq!(names(came.result()), expected);
        for file in came.result().as_array().unwrap() {
            assert_eq!(file["ticket"], Value::Null, "a person gets no ticket");
        }
    }
    compat.works("`get_secure_files`, all, by name_pattern and by action_filter");
    compat.refused("`get_secure_files`, a person's include_download_tickets: no file has a ticket");
    let arguments = json!({"secure_file_ids": [ids[2], ids[0]]});
    let came = library(&mut client, "get_secure_files_by_ids", arguments).await;
    assert_eq!(names(came.result()), ["empty.txt", "largest.p12"]);
    compat.works(&came.call);
    let arguments = json!({"secure_file_id": ids[1], "include_download_ticket": true});
    let came = library(&mut client, "get_secure_file", arguments).await;
    assert_eq!(came.result()["id"], ids[1].as_str());
    assert_eq!(
        came.result()["ticket"],
        Value::Null,
        "a person gets no ticket"
    );
    let made = came.result()["created_on"].as_str().unwrap();
    assert!(made.ends_with("+00:00"), "the client read a date: {made}");
    compat.works(&came.call);

    let properties = json!({"team": "mobile", "devices": "2"});
    let file = json!({"$model": "SecureFile", "id": ids[1], "name": "root-ca.pem", "properties": properties});
    let arguments = json!({"secure_file_id": ids[1], "secure_file": file});
    let came = library(&mut client, "update_secure_file", arguments).await;
    assert_eq!(
        (&came.result()["name"], &came.result()["properties"]),
        (&json!("root-ca.pem"), &properties)
    );
    compat.works(&came.call);
    let change = |id: &str, name: &str, team: &str| json!({"$model": "SecureFile", "id": id, "name": name, "properties": {"team": team}});
    let arguments = json!({"secure_files": [change(&ids[0], "placeholder.txt", "web"), change(&ids[2], "largest.p12", "mobile")]});
    let came = library(&mut client, "update_secure_files", arguments).await;
    assert_eq!(names(came.result()), ["largest.p12", "placeholder.txt"]);
    compat.works(&came.call);
    let arguments = json!({"secure_files": [change(&ids[0], "other.txt", "x"), change(&ids[2], "root-ca.pem", "x")]});
    let came = library(&mut client, "update_secure_files", arguments).await;
    assert_eq!(came.key(), "SecureFileExistsException");
    let came = library(
        &mut client,
        "get_secure_file",
        json!({"secure_file_id": ids[0]}),
    )
    .await;
    assert_eq!(came.result()["name"], "placeholder.txt", "all or none");
    compat.refused("`update_secure_files`, one name taken: none is changed");

    for (condition, pattern, expected) in [
        (
            "eq(property('team'), 'MOBILE')",
            Value::Null,
            &["largest.p12", "root-ca.pem"][..],
        ),
        (
            "and(eq(property('team'), 'mobile'), in(property('devices'), '1', '2'))",
            Value::Null,
            &["root-ca.pem"],
        ),
        (
            "ne(property('team'), 'mobile')",
            Value::Null,
            &["placeholder.txt"],
        ),
        (
            "eq(property('team'), 'mobile')",
            json!("*.p12"),
            &["largest.p12"],
        ),
        ("eq(property('none'), 'x')", Value::Null, &[]),
    ] {
        let arguments = json!({"condition": condition, "name_pattern": pattern});
        let came = library(&mut client, "query_secure_files_by_properties", arguments).await;
        assert_eq!(names(came.result()), expected, "{condition}");
    }
    compat.works("`query_secure_files_by_properties`, also with name_pattern");
    let arguments = json!({"condition": "eq(property('team'), "});
    let came = library(&mut client, "query_secure_files_by_properties", arguments).await;
    assert!(came.raised().len() > 20, "{}", came.raised());
    compat.refused("`query_secure_files_by_properties`, a condition that is none");

    let arguments = json!({"secure_file_id": ids[1]});
    let came = library(&mut client, "delete_secure_file", arguments.clone()).await;
    assert_eq!(came.result(), &Value::Null);
    compat.works(&came.call);
    let came = library(&mut client, "get_secure_file", arguments).await;
    assert_eq!(came.key(), "SecureFileNotFoundException");
    assert!(came.raised().contains("was not found"), "{}", came.raised());
    compat.refused("`get_secure_file`, what is not there");
    let came = library(&mut client, "get_secure_files", json!({})).await;
    assert_eq!(names(came.result()), ["largest.p12", "placeholder.txt"]);
}

#[tokio::test]
async fn vsts_reads_content_in_a_job_and_for_nobody() {
    let story = "vsts::vsts_reads_content_in_a_job_and_for_nobody";
    let Some(program) = Program::python(story, "COFFER_TEST_PYTHON_VSTS") else {
        return;
    };
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let content = vec![SEVEN; 200_000];
    let path = site.file("upload", &content);
    let words = [
        "file",
        "upload",
        &path,
        "--name",
        "signing.p12",
        "--authorize-all-pipelines",
    ];
    ada.coffer(&words).await.ends(0);
    ada.pipeline("download", &downloads(["signing.p12"])).await;
    ada.queue("download").await;
    let hand = Hand::register(&ada, "hand").await;
    let job = hand.job().await;
    let file = &job.resources.secure_files[0];
    let id = file.id.to_string();

    let mut client = program.start(&site, &ada, token(&job)).await;
    let compat = Compat::new(story, &client.package, &client.version);
    let arguments = json!({"secure_file_id": id, "include_download_ticket": true});
    let came = library(&mut client, "get_secure_file", arguments).await;
    let ticket = came.result()["ticket"].as_str().unwrap().to_owned();
    compat.works("`get_secure_file` with include_download_ticket, as a job");
    let came = library(
        &mut client,
        "get_secure_files",
        json!({"include_download_tickets": true}),
    )
    .await;
    assert!(
        came.result()[0]["ticket"].is_string(),
        "{:?}",
        came.result()
    );
    compat.works("`get_secure_files` with include_download_tickets, as a job");
    for ticket in [&file.ticket, &ticket] {
        for download in [json!(null), json!(true), json!(false)] {
            let arguments = json!({"secure_file_id": id, "ticket": ticket, "download": download});
            let came = library(&mut client, "download_secure_file", arguments).await;
            let expected = json!({"length": content.len(), "sha256": sha256(&content)});
            assert_eq!(came.result(), &expected);
        }
    }
    compat.works("`download_secure_file`, as a job");

    // The same ticket in the hands of people of every role.
    let readers = site.person(&ada, &server, "rea", &["Main/Readers"]).await;
    let contributors = site
        .person(&ada, &server, "dev", &["Main/Contributors"])
        .await;
    let administrators = site
        .person(&ada, &server, "pat", &["Main/Project Administrators"])
        .await;
    for person in [&ada, &readers, &contributors, &administrators] {
        refused(&program, &site, person, &id, &file.ticket).await;
    }
    compat.refused("`download_secure_file`, as people of every role, with a job's ticket");

    hand.finish(&job, "succeeded").await;
    let arguments = json!({"secure_file_id": id, "ticket": file.ticket, "download": true});
    let came = library(&mut client, "download_secure_file", arguments).await;
    assert!(came.raised().contains("TF400813"), "{}", came.raised());
    compat.refused("`download_secure_file`, after the job has ended");
    let said = server.process.said();
    assert!(!said.contains(&file.ticket) && !said.contains(token(&job)));
}

/// Somebody asks for the content and is told why not.
async fn refused(program: &Program, site: &Site, person: &Person, id: &str, ticket: &str) {
    let mut client = program.of(site, person).await;
    let arguments = json!({"secure_file_id": id, "ticket": ticket, "download": true});
    let came = library(&mut client, "download_secure_file", arguments).await;
    assert!(came.raised().len() > 20, "{}", came.raised());
    assert!(!came.raised().contains(ticket), "{}", came.raised());
}
