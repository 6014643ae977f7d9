//! `azure-pipelines-tasks-securefiles-common`: what tasks download their files with, inside a job.

use super::compat::Compat;
use super::node::Node;
use crate::harness::{Chance, Done, PATH, Site, sha256};
use crate::job::{Hand, downloads, token};
use coffer_wire::agent::{Job, JobSecureFile};
use std::path::Path;

const MOST: usize = 10_485_760;

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
    let story = "the_tasks_own_library_downloads_inside_a_job";
    let Some(node) = Node::find(story) else {
        return;
    };
    let package = "azure-pipelines-tasks-securefiles-common";
    let compat = Compat::new(story, package, &node.version(package));
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
        compat.works(&format!(
            "`downloadSecureFile` in a job, {} bytes",
            content.len()
        ));
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

    compat.refused("`downloadSecureFile` with another ticket");

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
    compat.refused("`downloadSecureFile` after the job");
}
