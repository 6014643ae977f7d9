//! The agent's own life: registering, losing its lease or its server, being stopped, being killed.

use crate::jobs::{CONTENT, StepExt as _, bash, download, job};
use crate::server::Server;
use crate::{assert_nothing_left, options, run, stage};
use coffer_agent::{AgentError, AgentOptions};
use std::path::Path;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

#[tokio::test]
async fn a_lost_lease_ends_and_wipes_the_job_at_once() {
    let (server, work) = stage().await;
    server.queue(job(vec![
        download(),
        bash("trap '' INT TERM; (setsid sleep 1000 &) ; echo ready; sleep 1000"),
    ]));
    let running = tokio::spawn(coffer_agent::run(
        options(&server, work.path()),
        CancellationToken::new(),
    ));
    server.until_line("ready").await;
    server.set(|told| told.lease_lost = true);
    running.await.unwrap().unwrap();
    assert_nothing_left(work.path());
    assert_eq!(server.told().finished.len(), 0);
}

#[tokio::test]
async fn answers_that_get_lost_neither_lose_nor_double_a_line() {
    let (server, work) = stage().await;
    server.set(|told| told.lose_answers = 3);
    assert_eq!(
        run(
            &server,
            work.path(),
            job(vec![bash("for i in $(seq 1 5000); do echo line $i; done")])
        )
        .await,
        "succeeded"
    );
    let log = server.told().log();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.starts_with("line "))
        .collect();
    let expected: Vec<String> = (1..=5000).map(|i| format!("line {i}")).collect();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn what_a_job_leaves_running_is_ended() {
    let (server, work) = stage().await;
    let steps = vec![bash("setsid sleep 1000 >/dev/null 2>&1 & echo pid $!")];
    assert_eq!(run(&server, work.path(), job(steps)).await, "succeeded");
    let told = server.told();
    let log = told.log();
    assert!(log.contains("that the job had left running"), "{log}");
}

#[tokio::test]
async fn a_second_start_needs_no_token_and_an_unknown_agent_is_told_so() {
    let (server, work) = stage().await;
    run(&server, work.path(), job(vec![bash("true")])).await;
    let again = || AgentOptions {
        registration_token: None,
        ..options(&server, work.path())
    };
    server.queue(job(vec![bash("true")]));
    coffer_agent::run(again(), CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(server.told().registered.len(), 1);

    server.set(|told| told.agents.clear());
    let refused = coffer_agent::run(again(), CancellationToken::new()).await;
    assert!(
        matches!(refused, Err(AgentError::NotAccepted { .. })),
        "{refused:?}"
    );

    let elsewhere = tempfile::tempdir().unwrap();
    let nobody = AgentOptions {
        work: elsewhere.path().to_owned(),
        ..again()
    };
    let refused = coffer_agent::run(nobody, CancellationToken::new()).await;
    assert!(
        matches!(refused, Err(AgentError::NotRegistered)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_agent_killed_in_the_middle_wipes_at_its_next_start() {
    let (server, work) = stage().await;
    server.queue(job(vec![
        download(),
        bash("setsid sleep 1000 >/dev/null 2>&1 & echo pid=$!; echo ready; sleep 1000"),
    ]));
    let agent = spawn_agent(&server, work.path());
    server.until_line("ready").await;
    let temp = work.path().join("_temp");
    assert_eq!(std::fs::read(temp.join("ca.pem")).unwrap(), CONTENT);
    drop(agent);
    assert!(temp.join("ca.pem").exists(), "nobody was left to remove it");
    let log = server.told().log();
    let pid = log
        .lines()
        .find_map(|line| line.strip_prefix("pid="))
        .unwrap()
        .to_owned();

    let _agent = spawn_agent(&server, work.path());
    server
        .until("the agent asks for a job again", |told| {
            (told.leases == 2).then_some(())
        })
        .await;
    assert_nothing_left(work.path());
    server.queue(job(vec![bash(
        "ls \"$AGENT_TEMPDIRECTORY\" | grep -c pem; echo second job",
    )]));
    server.until_line("second job").await;
    assert!(server.told().log().contains("\n0\nsecond job"));
    server.until_finished().await;
    let stat =
        std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_else(|_| ") Z ".into());
    assert!(
        stat.contains(") Z "),
        "what the killed agent's job left running is ended: {stat}"
    );
}

#[tokio::test]
async fn a_stopped_agent_cancels_its_job_and_reports_it() {
    let (server, work) = stage().await;
    server.queue(job(vec![bash("echo ready; sleep 1000").named("Long")]));
    let stop = CancellationToken::new();
    let running = tokio::spawn(coffer_agent::run(
        options(&server, work.path()),
        stop.clone(),
    ));
    server.until_line("ready").await;
    stop.cancel();
    assert_eq!(server.until_finished().await, "canceled");
    running.await.unwrap().unwrap();
    assert_nothing_left(work.path());
}

/// An agent in a process of its own, which SIGKILL ends when this is dropped.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const URL: &str = "COFFER_TEST_AGENT_URL";
const WORK: &str = "COFFER_TEST_AGENT_WORK";

/// The agent as a process of its own: this test binary once more, with only the next test, which finds its arguments in
/// the environment.
#[expect(clippy::disallowed_methods, reason = "the test kills a whole agent")]
fn spawn_agent(server: &Server, work: &Path) -> Killed {
    let mut agent = std::process::Command::new(std::env::current_exe().unwrap());
    agent
        .args(["--exact", "life::an_agent_needs_a_url_that_it_can_use"])
        .env(URL, &server.url)
        .env(WORK, work)
        .stdout(std::process::Stdio::null());
    Killed(agent.spawn().unwrap())
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the arguments of the agent that another test kills"
)]
async fn an_agent_needs_a_url_that_it_can_use() {
    if let (Ok(url), Ok(work)) = (std::env::var(URL), std::env::var(WORK)) {
        let mut options = AgentOptions::new(url, "killed", work);
        options.registration_token = Some(Zeroizing::new("cof_agent_sample".into()));
        coffer_agent::run(options, CancellationToken::new())
            .await
            .unwrap();
        return;
    }
    let work = tempfile::tempdir().unwrap();
    for url in ["", "ftp://h/Acme", "http://me:secret@h/Acme"] {
        let mut options = AgentOptions::new(url, "tester", work.path());
        options.registration_token = Some(Zeroizing::new("cof_agent_sample".into()));
        let refused = coffer_agent::run(options, CancellationToken::new()).await;
        assert!(matches!(refused, Err(AgentError::Client(_))), "{refused:?}");
    }
}
