//! `coffer agent` as a process: what survives when it, or the server, is killed.

use crate::harness::{Person, Running, Site, eventually};
use std::path::Path;

/// A script that stays for a while, without being told how long a test takes.
const STAY: &str = "for i in $(seq 1200); do sleep 0.1; done";

/// Whether a process is there and has not ended.
fn is_alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        let state = stat.rsplit_once(") ").map(|(_, rest)| rest.chars().next());
        state.flatten() != Some('Z')
    })
}

async fn content(path: &Path) -> String {
    eventually(&format!("{}", path.display()), async || {
        let text = std::fs::read_to_string(path).ok()?;
        text.ends_with('\n').then(|| text.trim().to_owned())
    })
    .await
}

async fn result(person: &Person, run: &str) -> String {
    let shown = person
        .coffer(&["run", "show", run, "-o", "json"])
        .await
        .ends(0)
        .json();
    shown["result"].as_str().unwrap_or("none").to_owned()
}

#[tokio::test]
async fn a_killed_agent_leaves_nothing_after_its_next_start_and_its_run_ends() {
    let site = Site::new();
    let mut command = site.serve_command(site.listen(), &[]);
    command.env("COFFER_JOBS__LEASE_SECONDS", "15");
    let server = site.start(command).await;
    let ada = site.administrator(&server).await;
    let file = site.file("ca.pem", "a certificate");
    ada.coffer(&["file", "upload", &file, "--authorize-all-pipelines"])
        .await
        .ends(0);
    let pid = site.path("pid");
    let yaml = format!(
        "steps:\n- task: DownloadSecureFile@1\n  inputs: {{ secureFile: ca.pem }}\n- script: |\n    echo left > \"$AGENT_TEMPDIRECTORY/left\"\n    echo left > \"$AGENT_TOOLSDIRECTORY/left\"\n    echo $$ > '{}'\n    {STAY}\n",
        pid.display()
    );
    ada.pipeline("stay", &yaml).await;
    ada.pipeline(
        "quick",
        "steps:\n- script: ls -A \"$AGENT_TEMPDIRECTORY\" \"$AGENT_TOOLSDIRECTORY\"\n",
    )
    .await;
    let run = ada.queue("stay").await;
    let mut agent = site.agent(&ada, "builder").await;
    let pid = content(&pid).await;
    let temp = site.path("builder/_temp");
    assert_eq!(
        std::fs::read(temp.join("ca.pem")).unwrap(),
        b"a certificate"
    );
    agent.kill().await;
    assert!(
        temp.join("ca.pem").exists(),
        "a killed process cleans nothing up"
    );
    assert!(is_alive(&pid), "its job's process goes on");

    // The next start needs no token, for the key is there.
    std::fs::remove_file(site.path("builder.token")).unwrap();
    let mut again = crate::harness::coffer(
        &ada.home,
        &["agent", "--url", &ada.url, "--name", "builder"],
    );
    again.arg("--work").arg(site.path("builder"));
    let agent: Running = site.start_agent(again).await;
    assert!(
        !temp.exists() && !site.path("builder/_tool").exists(),
        "wiped at the start"
    );
    assert!(!is_alive(&pid), "and what the job had started is ended");

    // Nobody renews the lease: the run ends by itself.
    let watched = ada.watch(&run).await.ends(8);
    watched.says("nothing was heard of its agent 'builder' any more");
    assert_eq!(result(&ada, &run).await, "failed");
    let shown = ada.coffer(&["run", "show", &run]).await.ends(0);
    shown.shows("abandoned").shows("builder");
    let quick = ada.queue("quick").await;
    ada.watch(&quick).await.ends(0);
    drop(agent);
}

#[tokio::test]
async fn a_job_goes_on_while_the_server_is_killed_and_started_again() {
    let site = Site::new();
    let mut server = site.serve().await;
    let address = server.address().to_owned();
    let ada = site.administrator(&server).await;
    let (there, go) = (site.path("there"), site.path("go"));
    let yaml = format!(
        "steps:\n- script: |\n    echo before the kill\n    echo yes > '{}'\n    for i in $(seq 900); do [ -e '{}' ] && break; sleep 0.1; done\n    echo after the kill\n- script: echo the last step\n",
        there.display(),
        go.display()
    );
    ada.pipeline("long", &yaml).await;
    let run = ada.queue("long").await;
    let mut agent = site.agent_command(&ada, "builder").await;
    agent.arg("--once");
    let mut agent = site.run(agent);
    content(&there).await;
    server.process.kill().await;
    // The step ends, and the next runs, while there is no server.
    std::fs::write(&go, "").unwrap();
    agent
        .says("the agent notices", |said| {
            said.contains("trying again").then_some(())
        })
        .await;
    let server = site.serve_again(&address).await;
    ada.watch(&run).await.ends(0).says("succeeded");
    let log = ada.coffer(&["run", "log", &run]).await.ends(0).out;
    for line in ["before the kill", "after the kill", "the last step"] {
        let count = log.lines().filter(|logged| logged.trim() == line).count();
        assert_eq!(count, 1, "{line}: {log}");
    }
    assert!(agent.end().await.success(), "{}", agent.said());
    ada.coffer(&["audit", "verify"]).await.ends(0);
    drop(server);
}

#[tokio::test]
async fn a_job_finds_nothing_of_the_one_before() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let file = site.file("ca.pem", "a certificate");
    ada.coffer(&["file", "upload", &file, "--authorize-all-pipelines"])
        .await
        .ends(0);
    ada.pipeline(
        "first",
        "steps:\n- task: DownloadSecureFile@1\n  inputs: { secureFile: ca.pem }\n- script: |\n    for d in \"$AGENT_TEMPDIRECTORY\" \"$AGENT_TOOLSDIRECTORY\" \"$PIPELINE_WORKSPACE\" \"$HOME\" .; do mkdir -p \"$d/deep\"; echo trace > \"$d/deep/trace\"; done\n    chmod 000 \"$AGENT_TEMPDIRECTORY/deep\"\n    sleep 1000 &\n    (setsid sleep 1000 &)\n",
    )
    .await;
    ada.pipeline(
        "second",
        "steps:\n- script: |\n    echo found $(find \"$AGENT_TEMPDIRECTORY\" \"$AGENT_TOOLSDIRECTORY\" \"$PIPELINE_WORKSPACE\" \"$HOME\" -name trace -o -name ca.pem | wc -l) traces\n",
    )
    .await;
    let agent = site.agent(&ada, "builder").await;
    let first = ada.queue("first").await;
    ada.watch(&first).await.ends(0);
    let second = ada.queue("second").await;
    ada.watch(&second).await.ends(0).shows("found 0 traces");
    let left = crate::harness::tree(&site.path("builder"));
    let left: Vec<_> = left.iter().filter(|path| path.ends_with("trace")).collect();
    assert!(left.is_empty(), "{left:?}");
    drop(agent);
}

#[tokio::test]
async fn a_job_that_asks_for_a_newer_agent_fails_with_both_numbers() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let yaml = "pool:\n  demands: Agent.Version -gtVersion 99.1.0\nsteps:\n- script: echo it ran\n";
    ada.pipeline("newer", yaml).await;
    let agent = site.agent(&ada, "builder").await;
    let run = ada.queue("newer").await;
    let watched = ada.watch(&run).await.ends(8);
    assert!(
        !watched.out.lines().any(|line| line.trim() == "it ran"),
        "{}",
        watched.out
    );
    let all = format!("{}{}", watched.out, watched.err);
    assert!(all.contains("99.1.0") && all.contains("4.260.0"), "{all}");
    drop(agent);
}

#[tokio::test]
async fn an_agent_without_a_good_token_or_with_a_taken_folder_says_so() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let home = site.folder("home-agent");
    let url = ["agent", "--url", &server.url];
    let bare = crate::harness::coffer(&home, &[&url[..], &["--work", "w"]].concat());
    let done = crate::harness::Done::of(bare).await.ends(4);
    done.says("coffer token create LABEL --kind agent");
    let mut person = crate::harness::coffer(&home, &[&url[..], &["--work", "w"]].concat());
    person.env("COFFER_AGENT_TOKEN", ada.token());
    let done = crate::harness::Done::of(person).await.ends(4);
    assert!(!done.err.contains(&ada.token()));
    let first = site.agent(&ada, "builder").await;
    let second = site.agent_command(&ada, "builder").await;
    crate::harness::Done::of(second)
        .await
        .ends(6)
        .says("another agent uses the work folder");
    drop(first);
}
