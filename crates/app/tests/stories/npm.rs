//! Clients that others wrote, unmodified from npm, against the real server.

use crate::harness::{Chance, Done, PATH, PROJECT, Person, Site, command, sha256, skip, told};
use crate::job::{Hand, downloads, token};
use coffer_wire::agent::{Job, JobSecureFile};
use serde_json::Value;
use std::path::{Path, PathBuf};

const MOST: usize = 10_485_760;

/// Node, and the folder of the clients.
struct Node {
    program: String,
    clients: PathBuf,
}

impl Node {
    fn find(test: &str) -> Option<Self> {
        let (node, clients) = (told("COFFER_TEST_NODE"), told("COFFER_TEST_NODE_MODULES"));
        let (Some(program), Some(clients)) = (node, clients) else {
            skip(
                test,
                "COFFER_TEST_NODE or COFFER_TEST_NODE_MODULES is not set",
            );
            return None;
        };
        let clients = clients.into();
        Some(Self { program, clients })
    }

    fn script(&self, name: &str, home: &Path) -> tokio::process::Command {
        let mut node = command(&self.program, home);
        node.arg(self.clients.join(name)).current_dir(home);
        node
    }

    /// One operation of `library.mjs`, and what it printed.
    async fn library(&self, person: &Person, words: &[&str]) -> Value {
        let mut node = self.script("library.mjs", &person.home);
        node.args(words)
            .env("COFFER_URL", &person.url)
            .env("COFFER_TOKEN", person.token())
            .env("COFFER_PROJECT", PROJECT);
        Done::of(node).await.ends(0).json()
    }

    /// The result of an operation that must succeed.
    async fn result(&self, person: &Person, words: &[&str]) -> Value {
        let answer = self.library(person, words).await;
        assert_eq!(answer["ok"], true, "{answer}");
        answer["result"].clone()
    }
}

fn names(list: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn azure_devops_node_api_keeps_a_library() {
    let Some(node) = Node::find("npm::azure_devops_node_api_keeps_a_library") else {
        return;
    };
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let mut chance = Chance::new(17);

    assert_eq!(node.result(&ada, &["list"]).await, serde_json::json!([]));
    let mut ids = Vec::new();
    for (name, size) in [("empty.txt", 0), ("ca.pem", 1200), ("largest.p12", MOST)] {
        let path = site.file(name, chance.bytes(size));
        let file = node.result(&ada, &["upload", name, &path]).await;
        assert_eq!(file["name"], name, "{file}");
        assert_eq!(file["size"], size, "{file}");
        assert_eq!(file["ticket"], Value::Null);
        assert_eq!(file["createdBy"]["displayName"], "ada");
        ids.push(file["id"].as_str().unwrap().to_owned());
    }
    let path = site.file("over.p12", chance.bytes(MOST + 1));
    let refused = node.library(&ada, &["upload", "over.p12", &path]).await;
    assert_eq!(refused["ok"], false, "{refused}");
    assert!(
        refused["message"].as_str().unwrap().contains("10"),
        "{refused}"
    );

    let all = ["ca.pem", "empty.txt", "largest.p12"];
    for (words, expected) in [
        (vec!["list"], &all[..]),
        (vec!["list", "--tickets"], &all),
        (vec!["list", "--pattern", "*.p12"], &["largest.p12"]),
        (vec!["list", "--pattern", "none*"], &[]),
        (
            vec!["list", "--name", "CA.PEM", "--name", "empty.txt"],
            &["ca.pem", "empty.txt"],
        ),
        (
            vec!["list", "--id", &ids[2], "--id", &ids[0]],
            &["empty.txt", "largest.p12"],
        ),
        (vec!["list", "--action", "2"], &all),
        (vec!["list", "--action", "16"], &all),
    ] {
        let found = node.result(&ada, &words).await;
        assert_eq!(names(&found), expected, "{words:?}");
        for file in found.as_array().unwrap() {
            assert_eq!(file["ticket"], Value::Null, "a person gets no ticket");
        }
    }

    let found = node.result(&ada, &["get", &ids[1], "--tickets"]).await;
    assert_eq!(
        (&found["name"], &found["ticket"]),
        (&"ca.pem".into(), &Value::Null)
    );
    let dates = ["createdOn", "modifiedOn"].map(|field| found[field].as_str().unwrap().len());
    assert!(
        dates.iter().all(|length| *length >= 20),
        "dates survive the client: {found}"
    );
    let renamed = node.result(&ada, &["rename", &ids[1], "root-ca.pem"]).await;
    assert_eq!(
        (&renamed["name"], &renamed["id"]),
        (&"root-ca.pem".into(), &ids[1].clone().into())
    );

    // A person with every role asks for the content.
    let target = site.path("stolen");
    let target = target.to_str().unwrap();
    for ticket in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let answer = node
            .library(&ada, &["download", &ids[1], ticket, target])
            .await;
        if answer["ok"] == true {
            // Without a ticket the route answers with what is known of the file.
            assert_eq!(ticket, "", "{answer}");
            let text = std::fs::read_to_string(target).unwrap();
            let shown: Value = serde_json::from_str(&text).expect("metadata, not content");
            assert_eq!(shown["name"], "root-ca.pem");
            std::fs::remove_file(target).unwrap();
        } else {
            let status = answer["status"].as_i64().unwrap();
            assert!((400..500).contains(&status), "{answer}");
            assert!(!Path::new(target).exists());
        }
    }

    node.result(&ada, &["delete", &ids[1]]).await;
    assert_eq!(node.result(&ada, &["get", &ids[1]]).await, Value::Null);
    assert_eq!(
        names(&node.result(&ada, &["list"]).await),
        ["empty.txt", "largest.p12"]
    );
}

/// The environment that a task of a job sees, as far as the libraries look at it.
fn environment(job: &Job, file: &JobSecureFile, temp: &Path) -> Vec<(String, String)> {
    let name = |text: &str| text.to_uppercase().replace(['.', ' '], "_");
    let mut all: Vec<(String, String)> = Vec::new();
    let mut secret = Vec::new();
    let mut public = Vec::new();
    for (key, variable) in &job.variables {
        if variable.is_secret {
            secret.push(key);
            all.push((format!("SECRET_{}", name(key)), variable.value.clone()));
        } else {
            public.push(key);
            all.push((name(key), variable.value.clone()));
        }
    }
    all.push((
        "VSTS_SECRET_VARIABLES".into(),
        serde_json::to_string(&secret).unwrap(),
    ));
    all.push((
        "VSTS_PUBLIC_VARIABLES".into(),
        serde_json::to_string(&public).unwrap(),
    ));
    for endpoint in &job.resources.endpoints {
        let id = name(&endpoint.name);
        all.push((format!("ENDPOINT_URL_{id}"), endpoint.url.clone()));
        all.push((
            format!("ENDPOINT_AUTH_SCHEME_{id}"),
            endpoint.scheme.clone(),
        ));
        for (key, value) in &endpoint.parameters {
            all.push((
                format!("ENDPOINT_AUTH_PARAMETER_{id}_{}", name(key)),
                value.clone(),
            ));
        }
    }
    let temp = temp.to_str().unwrap();
    for (key, value) in [
        (format!("SECUREFILE_NAME_{}", file.id), file.name.as_str()),
        (format!("SECUREFILE_TICKET_{}", file.id), &file.ticket),
        ("INPUT_SECUREFILE".into(), &file.id.to_string()),
        ("AGENT_TEMPDIRECTORY".into(), temp),
        ("AGENT_WORKFOLDER".into(), temp),
        ("AGENT_VERSION".into(), "4.260.0"),
        ("TF_BUILD".into(), "True"),
    ] {
        all.push((key, value.to_owned()));
    }
    all
}

#[tokio::test]
async fn the_tasks_own_library_downloads_inside_a_job() {
    let Some(node) = Node::find("npm::the_tasks_own_library_downloads_inside_a_job") else {
        return;
    };
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    // Text that compresses well and bytes that no text encoding leaves alone; the largest there may be; nothing.
    let mut text = b"-----BEGIN CERTIFICATE-----\r\n".repeat(4000);
    text.extend((0..=255).rev());
    let files = [
        ("ca with space & ü.pem", text),
        ("largest.p12", Chance::new(5).bytes(MOST)),
        ("empty.txt", Vec::new()),
    ];
    for (name, content) in &files {
        let path = site.file("upload", content);
        let words = [
            "file",
            "upload",
            &path,
            "--name",
            name,
            "--authorize-all-pipelines",
        ];
        ada.coffer(&words).await.ends(0);
    }
    ada.pipeline("download", &downloads(files.iter().map(|(name, _)| *name)))
        .await;
    let run = ada.queue("download").await;
    let hand = Hand::register(&ada, "hand").await;
    let job = hand.job().await;
    assert_eq!(job.run_id.to_string(), run);

    for (name, content) in &files {
        let all = &job.resources.secure_files;
        let file = all.iter().find(|file| file.name == *name).unwrap();
        let temp = site.folder(&format!("temp-{}", file.id));
        let mut task = node.script("download-task/download.js", &temp);
        task.envs(environment(&job, file, &temp)).env("PATH", PATH);
        let done = Done::of(task).await.ends(0);
        assert!(
            done.out.contains("##vso[task.complete result=Succeeded;]"),
            "{name}"
        );
        assert!(
            done.out.contains(&format!("({} bytes)", content.len())),
            "{name}"
        );
        let arrived = std::fs::read(temp.join(name)).unwrap();
        assert_eq!(sha256(&arrived), sha256(content), "{name}");
    }

    // Another ticket gets nothing, and the answer does not repeat it.
    let mut all = job.resources.secure_files.iter();
    let file = all.find(|file| file.length > 0).unwrap();
    let mut wrong = file.clone();
    wrong.ticket = format!("{}x", file.ticket);
    let temp = site.folder("wrong");
    let mut task = node.script("download-task/download.js", &temp);
    task.envs(environment(&job, &wrong, &temp))
        .env("PATH", PATH);
    let done = Done::of(task).await;
    let failure = done
        .out
        .lines()
        .find(|line| line.starts_with("##vso[task.complete result=Failed;]"))
        .expect("the task fails");
    assert!(
        failure.contains("Failed to download secure file. HTTP 4"),
        "{failure}"
    );
    assert!(!failure.contains(&file.ticket), "{failure}");

    // The ticket and the token end with their job, for this client as for every other.
    let temp = site.folder("late");
    hand.finish(&job, "succeeded").await;
    let mut task = node.script("download-task/download.js", &temp);
    task.envs(environment(&job, file, &temp)).env("PATH", PATH);
    let done = Done::of(task).await;
    assert!(
        done.out
            .contains("##vso[task.complete result=Failed;]TF400813"),
        "{}",
        done.code
    );
    let left = std::fs::read(temp.join(&file.name)).unwrap_or_default();
    let content = &files.iter().find(|(name, _)| *name == file.name).unwrap().1;
    assert_ne!(sha256(&left), sha256(content));
    let said = server.process.said();
    assert!(!said.contains(&file.ticket) && !said.contains(token(&job)));
}
