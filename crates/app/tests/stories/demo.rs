//! `coffer demo`: what a newcomer sees first.

use crate::harness::{Done, PROJECT, Site, coffer, tree};
use coffer_client::{Client, ClientOptions};
use coffer_wire::coffer::NewPassword;
use coffer_wire::pipelines::RunRequest;
use std::os::unix::fs::PermissionsExt as _;

#[tokio::test]
async fn the_demo_tells_the_whole_story_and_touches_nothing_outside_its_folder() {
    let site = Site::new();
    let (home, here, temporary) = (site.folder("home"), site.folder("here"), site.folder("tmp"));
    let folder = site.folder("demo");
    let mut command = coffer(&home, &["demo", "--exit", "--dir"]);
    command
        .arg(&folder)
        .current_dir(&here)
        .env("TMPDIR", &temporary);
    let done = Done::of(command).await.ends(0);

    let told: Vec<&str> = done
        .out
        .lines()
        .filter(|line| line.get(2..4) == Some(". "))
        .collect();
    for (number, line) in told.iter().enumerate() {
        assert!(line.starts_with(&format!("{:>2}. ", number + 1)), "{line}");
    }
    for (number, text) in [
        (1, "a release engineer and a developer"),
        (2, "uploads it as myCACertificate.pem"),
        (3, "is not the certificate"),
        (5, "waits for permission"),
        (6, "may not"),
        (7, "permits it"),
        (8, "Now it is gone"),
    ] {
        assert!(told[number - 1].contains(text), "{number}: {}", done.out);
    }
    assert!((9..=13).contains(&told.len()), "a dozen lines: {told:#?}");
    assert!(told.last().unwrap().contains("The audit log verifies"));
    for action in [
        "SecureFile.Created",
        "SecureFile.TicketIssued",
        "SecureFile.Downloaded",
    ] {
        assert!(done.out.contains(action), "{action} in {}", done.out);
    }

    let key = folder.join("key/root.key");
    assert!(folder.join("data/coffer.db").is_file() && key.is_file());
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    for outside in [home, here, temporary] {
        assert_eq!(
            std::fs::read_dir(&outside).unwrap().count(),
            0,
            "{outside:?}"
        );
    }
    let left = tree(&folder.join("agent"));
    assert!(
        left.iter()
            .all(|path| path.components().all(|part| part.as_os_str() != "_temp")),
        "the job left nothing: {left:?}"
    );
}

#[tokio::test]
async fn after_the_story_people_come_in_and_an_agent_works() {
    let site = Site::new();
    let folder = site.folder("demo");
    let mut command = coffer(&site.folder("home"), &["demo", "--dir"]);
    command.arg(&folder);
    let mut demo = site.run(command);
    let told = demo
        .says("how to come in", |said| {
            said.contains("coffer file list").then(|| said.to_owned())
        })
        .await;
    let after = |mark: &str| {
        let (_, rest) = told
            .split_once(mark)
            .unwrap_or_else(|| panic!("{mark}: {told}"));
        rest.split_whitespace().next().unwrap().to_owned()
    };
    let page = after("In a browser: ");
    let server = page.strip_suffix("/signin/password").unwrap();
    let url = after("COFFER_URL=");
    assert_eq!(url, format!("{server}/DefaultCollection"));
    let token = std::fs::read_to_string(folder.join("developer.token")).unwrap();
    let developer = Client::new(ClientOptions {
        organization_url: url,
        token: Some(token.into()),
        ca_file: None,
        user_agent: "stories".into(),
    })
    .unwrap();
    // The codes are good: each sets the password of whom it names, and that signs in.
    for name in ["release-engineer", "developer"] {
        let new = NewPassword {
            code: after(&format!("\n    {name} ")),
            password: "a long enough password".into(),
        };
        developer.coffer().set_password(&new).await.unwrap();
    }
    let pipelines = developer.pipelines(PROJECT);
    let run = pipelines.run(1, &RunRequest::default()).await.unwrap();
    crate::harness::eventually("an agent takes the next run", async || {
        let now = pipelines.get_run(1, run.id).await.unwrap();
        (now.result.as_deref() == Some("succeeded")).then_some(())
    })
    .await;
    assert!(demo.terminate().await.success());
}

#[tokio::test]
async fn the_demo_without_a_folder_removes_the_one_it_made() {
    let site = Site::new();
    let temporary = site.folder("tmp");
    let mut command = coffer(&site.folder("home"), &["demo", "--exit"]);
    command.env("TMPDIR", &temporary);
    Done::of(command)
        .await
        .ends(0)
        .shows("The audit log verifies");
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
}

#[tokio::test]
async fn the_demo_refuses_a_folder_that_holds_something() {
    let site = Site::new();
    let folder = site.folder("mine");
    std::fs::write(folder.join("thesis.txt"), "years of work").unwrap();
    let mut command = coffer(&site.folder("home"), &["demo", "--exit", "--dir"]);
    command.arg(&folder);
    Done::of(command)
        .await
        .ends(5)
        .says("is not empty")
        .says("hint: ");
    assert_eq!(tree(&folder), [folder.join("thesis.txt")]);
}
