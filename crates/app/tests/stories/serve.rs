//! `coffer serve`, as an operator meets it.

use crate::harness::{Done, Running, Site, coffer, holds, told};
use crate::job::{Hand, downloads, token};
use std::os::unix::fs::PermissionsExt as _;

fn mode(path: &std::path::Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_first_start_says_what_to_keep_and_how_to_sign_in_and_the_next_does_not() {
    let site = Site::new();
    let mut server = site.serve().await;
    let (data, key) = (site.data(), site.path("key/root.key"));
    let code = site.code().await;
    let file = data.join("first-sign-in.txt");
    let said = server
        .process
        .says("how to sign in", |said| {
            said.contains("coffer login").then(|| said.to_owned())
        })
        .await;
    for text in [
        "Back up two things, apart from each other.",
        data.to_str().unwrap(),
        key.to_str().unwrap(),
        &format!(
            "coffer login {} --code \"$(cat {})\"",
            server.url,
            file.display()
        ),
    ] {
        assert!(said.contains(text), "no {text} in {said}");
    }
    assert!(!said.contains(&code), "the code goes to its file only");
    assert_eq!(
        (mode(&file), mode(&key), mode(&data)),
        (0o600, 0o600, 0o700)
    );
    assert!(!key.starts_with(&data));

    let ada = site.somebody("ada", &server);
    let login = ["login", &server.url, "--name", "ada", "--code"];
    // A code may begin with a hyphen, and is no flag then.
    for first in ["B", "-", "-V"] {
        let wrong = format!("{first}{}", "B".repeat(code.len() - first.len()));
        ada.coffer(&[&login[..], &[&wrong]].concat())
            .await
            .ends(4)
            .says("error: ");
    }
    ada.coffer(&[&login[..], &[&code]].concat())
        .await
        .ends(0)
        .says("as ada");
    let kept = ada.home.join(".config/coffer/login.json");
    assert_eq!(mode(&kept), 0o600);
    let second = site.somebody("mallory", &server);
    let done = second
        .coffer(&[&login[..], &[&code]].concat())
        .await
        .ends(4);
    assert!(!done.err.contains(&code), "{}", done.err);
    second.coffer(&["whoami"]).await.ends(2);

    let ended = server.process.terminate().await;
    assert!(ended.success(), "{}", server.process.said());
    let server = site.serve_again(server.address()).await;
    ada.coffer(&["whoami"]).await.ends(0).shows("ada");
    // `serve` tells before it answers: whoever is answered has been told.
    let said = server.process.said();
    assert!(
        !said.contains("Back up") && !said.contains("coffer login"),
        "{said}"
    );
    assert!(!file.exists(), "a spent code is not kept");
}

#[tokio::test]
async fn a_killed_first_start_can_still_be_signed_in_to() {
    let site = Site::new();
    let mut server = site.serve().await;
    let old = site.code().await;
    server.process.kill().await;
    let server = site.serve_again(server.address()).await;
    let ada = site.somebody("ada", &server);
    let fresh = crate::harness::eventually("a fresh code", async || {
        let fresh = site.code().await;
        (fresh != old).then_some(fresh)
    })
    .await;
    ada.coffer(&["login", &server.url, "--code", &old])
        .await
        .ends(4);
    ada.coffer(&["login", &server.url, "--code", &fresh])
        .await
        .ends(0);
}

#[tokio::test]
async fn a_configuration_that_cannot_hold_is_refused_with_its_place_and_what_to_do() {
    let site = Site::new();
    let file = site.file(
        "coffer.toml",
        "[server]\nlisten = \"127.0.0.1:0\"\n\n[log]\nlevl = \"debug\"\n",
    );
    let serve = site.serve_command(site.listen(), &["--config", &file]);
    Done::of(serve)
        .await
        .ends(6)
        .says("coffer.toml:5:1: unknown key `log.levl`")
        .says("did you mean `log.level`?");

    let refused = Done::of(site.serve_command("0.0.0.0:0", &[])).await.ends(6);
    refused.says("flag --listen").says("server.behind_proxy");

    let inside = site.data().join("root.key");
    let inside = ["--key-file", inside.to_str().unwrap()];
    let mut command = coffer(
        &site.folder("server"),
        &["serve", "--listen", "127.0.0.1:0", "--data"],
    );
    command.arg(site.data()).args(inside);
    Done::of(command)
        .await
        .ends(6)
        .says("lies inside the data folder");
    assert!(
        !site.data().exists() && !site.path("key").exists(),
        "nothing was made"
    );

    let home = site.folder("server");
    let check = coffer(&home, &["config", "check", "--config", &file]);
    Done::of(check)
        .await
        .ends(6)
        .shows("coffer.toml:2:")
        .says("unknown key `log.levl`");
    let mut check = coffer(&home, &["config", "check", "--listen", "127.0.0.1:9"]);
    check.env("COFFER_LOG__LEVEL", "debug");
    let done = Done::of(check)
        .await
        .ends(0)
        .says("The configuration is valid.");
    for (key, source) in [
        ("server.listen", "flag --listen"),
        ("log.level", "environment COFFER_LOG__LEVEL"),
        ("log.format", "default"),
    ] {
        let line = done.out.lines().find(|line| line.starts_with(key)).unwrap();
        assert!(line.contains(source), "{line}");
    }
}

#[tokio::test]
async fn behind_a_proxy_any_address_may_be_listened_on() {
    let site = Site::new();
    let mut command = site.serve_command("0.0.0.0:0", &["--behind-proxy"]);
    command.args(["--public-url", "https://coffer.example"]);
    let mut server = site.start(command).await;
    assert!(server.process.terminate().await.success());
}

#[tokio::test]
async fn the_data_of_another_scale_unit_or_another_key_is_not_opened() {
    let site = Site::new();
    let mut server = site.serve().await;
    let ada = site.administrator(&server).await;
    let file = site.file("ca.pem", "a certificate");
    ada.coffer(&["file", "upload", &file]).await.ends(0);
    server.process.terminate().await;

    let mut command = site.serve_command(site.listen(), &[]);
    command.env("COFFER_KEYS__SCALE_UNIT", "elsewhere");
    let refused = Done::of(command)
        .await
        .ends(6)
        .says("local")
        .says("elsewhere");
    assert!(!refused.err.contains("Coffer serves"), "{}", refused.err);

    // A key that was lost, and another machine's key.
    let other = Site::new();
    drop(other.serve().await);
    for (key, what) in [
        (site.path("lost.key"), "the root key file is missing"),
        (
            other.path("key/root.key"),
            "does not hold the key that the data is sealed under",
        ),
    ] {
        let mut command = coffer(
            &site.folder("server"),
            &["serve", "--listen", "127.0.0.1:0", "--data"],
        );
        command.arg(site.data()).arg("--key-file").arg(&key);
        Done::of(command)
            .await
            .ends(6)
            .says(what)
            .says("restore it from your backup");
    }
    assert!(!site.path("lost.key").exists(), "no new key was made");

    // None of it changed anything.
    let server = site.serve_again(server.address()).await;
    ada.coffer(&["file", "list"]).await.ends(0).shows("ca.pem");
    drop(server);
}

#[tokio::test]
async fn two_servers_do_not_share_a_port() {
    let site = Site::new();
    let server = site.serve().await;
    let other = Site::new();
    let command = other.serve_command(server.address(), &[]);
    Done::of(command)
        .await
        .ends(6)
        .says("cannot be listened on")
        .says("--listen");
}

#[tokio::test]
async fn what_is_secret_is_neither_in_the_logs_nor_in_the_data_folder() {
    let site = Site::new();
    let mut server = site
        .start(site.serve_command(site.listen(), &["--log-level", "trace"]))
        .await;
    let code = site.code().await;
    let ada = site.administrator(&server).await;
    let canary = "canary-7c0d1f5e9a3b48c2b6d4e8f0a1c3";
    let file = site.file("canary.txt", format!("before {canary} after"));
    ada.coffer(&["file", "upload", &file, "--authorize-all-pipelines"])
        .await
        .ends(0);
    let yaml = format!(
        "variables:\n  System.Debug: true\n{}- script: |\n    echo the token is $(System.AccessToken)\n    echo '##vso[task.debug]said to nobody else'\n",
        downloads(["canary.txt"])
    );
    ada.pipeline("use", &yaml).await;

    ada.queue("use").await;
    let hand = Hand::register(&ada, "hand").await;
    let job = hand.job().await;
    let file = &job.resources.secure_files[0];
    let content = hand.download(&job, file).await.unwrap();
    assert!(String::from_utf8(content).unwrap().contains(canary));
    let mut wrong = file.clone();
    wrong.ticket = format!("{}x", file.ticket);
    hand.download(&job, &wrong).await.unwrap_err();
    hand.finish(&job, "succeeded").await;
    hand.download(&job, file).await.unwrap_err();

    // The same with the real agent, which has its own log.
    let run = ada.queue("use").await;
    let mut command = site.agent_command(&ada, "builder").await;
    command.args(["--once", "--log-level", "trace"]);
    let registration = std::fs::read_to_string(site.path("builder.token")).unwrap();
    let mut agent: Running = site.run(command);
    assert!(agent.end().await.success(), "{}", agent.said());
    let log = ada.coffer(&["run", "log", &run]).await.ends(0).out;
    server.process.terminate().await;

    let person = ada.token();
    let secrets = [
        ("the canary", canary),
        ("the code", code.as_str()),
        ("a person's token", person.as_str()),
        ("the registration token", registration.trim()),
        ("the job's token", token(&job)),
        ("the ticket", file.ticket.as_str()),
        ("the lease's token", job.lease_token.as_str()),
        ("a token of any job", "cof_job_"),
    ];
    let logs = site.logs();
    assert!(logs.len() > 200, "there are logs");
    assert!(log.contains("the token is ***"), "{log}");
    assert!(log.contains("##[debug]said to nobody else"), "{log}");
    for (what, secret) in secrets {
        assert!(!logs.contains(secret), "{what} is in a log");
        assert!(!log.contains(secret), "{what} is in the run's log");
        let mut found = holds(&site.data(), secret.as_bytes());
        // The code's own file, spent by now, goes at the next start.
        found.retain(|path| what != "the code" || !path.ends_with("first-sign-in.txt"));
        assert!(found.is_empty(), "{what} is in {found:?}");
        let left = holds(&site.path("builder"), secret.as_bytes());
        assert!(left.is_empty(), "{what} is in {left:?}");
    }
    if told("COFFER_TEST_SHOW").is_some() {
        println!("{logs}");
    }
}
