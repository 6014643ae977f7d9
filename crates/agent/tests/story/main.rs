//! Whole jobs, from the lease to the last record, against a small server that speaks the wire protocol.

#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on is a failed story"
)]

mod conditions;
mod downloads;
mod jobs;
mod life;
mod server;

use coffer_agent::{AgentOptions, Grace};
use coffer_wire::agent::Job;
use jobs::{CONTENT, FILE, StepExt as _, bash, download, job, script, step};
use server::Server;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zeroize::Zeroizing;

fn options(server: &Server, work: &Path) -> AgentOptions {
    let mut options = AgentOptions::new(&server.url, "tester", work);
    options.registration_token = Some(Zeroizing::new("cof_agent_sample".into()));
    options.once = true;
    options.grace = Grace {
        interrupt: Duration::from_secs(2),
        terminate: Duration::from_millis(500),
        output: Duration::from_secs(1),
    };
    // A minute of the job's time-outs takes this long.
    options.minute = Some(Duration::from_millis(600));
    options
}

/// A server with the sample file, and a work folder.
async fn stage() -> (Server, tempfile::TempDir) {
    let server = Server::start().await;
    server.set(|told| told.content = CONTENT.to_vec());
    (server, tempfile::tempdir().unwrap())
}

/// Runs one job to its end; answers with its result.
async fn run(server: &Server, work: &Path, job: Job) -> String {
    server.queue(job);
    coffer_agent::run(options(server, work), CancellationToken::new())
        .await
        .unwrap();
    assert_nothing_left(work);
    assert_eq!(server.told().refused, Vec::<String>::new());
    server.told().finished.pop().unwrap().result
}

fn assert_nothing_left(work: &Path) {
    let mut left: Vec<String> = std::fs::read_dir(work)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, [".agent.json", ".credentials", ".lock"]);
}

fn assert_no_secret_left_the_job(server: &Server) {
    let heard = &server.told().heard;
    for secret in [
        "token-of-the-job",
        "ticket&of",
        "correct horse",
        "masked-by-the-server",
        "correct%20horse",
    ] {
        assert!(!heard.contains(secret), "{secret} in {heard}");
    }
}

#[tokio::test]
async fn the_page_s_job_downloads_the_file_and_uses_it() {
    let (server, work) = stage().await;
    let install = script(concat!(
        "echo Installing $(caCertificate.secureFilePath) to the trusted CA directory...\n",
        "stat -c '%a %n' \"$(caCertificate.secureFilePath)\" \"$(Agent.TempDirectory)\"\n",
        "sha256sum < \"$CACERTIFICATE_SECUREFILEPATH\"\n",
        "echo \"home $HOME\"; umask\n",
        "test $(Agent.TempDirectory)/ca.pem = $(caCertificate.secureFilePath) && echo same path\n",
    ))
    .named("Install certificate");
    // The download stands second in the YAML, and happens before everything else.
    let result = run(
        &server,
        work.path(),
        job(vec![
            script("echo first").named("First"),
            download(),
            install,
        ]),
    )
    .await;
    let told = server.told();
    let log = told.log();
    assert_eq!(result, "succeeded", "{log}");
    assert_eq!(
        told.results(),
        [
            "Initialize job: succeeded",
            "Pre-job: Download CA certificate: succeeded",
            "First: succeeded",
            "Install certificate: succeeded",
            "Finalize job: succeeded",
        ]
    );
    let temp = work.path().canonicalize().unwrap().join("_temp");
    let temp = temp.display();
    assert!(
        log.contains(&format!(
            "Installing {temp}/ca.pem to the trusted CA directory..."
        )),
        "{log}"
    );
    assert!(
        log.contains(&format!("600 {temp}/ca.pem\n700 {temp}\n")),
        "{log}"
    );
    assert!(log.contains(&format!("home {temp}/.home-")), "{log}");
    assert!(log.contains("0077\n"), "{log}");
    assert!(log.contains("same path"), "{log}");
    let digest: String = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, CONTENT)
        .as_ref()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert!(
        log.contains(&format!("{digest}  -")),
        "the script read the file's exact bytes: {log}"
    );
    assert_eq!(
        told.downloads,
        [format!(
            "My Project {FILE} false application/octet-stream;api-version=7.2-preview.1"
        )]
    );
    assert_eq!(told.registered, ["tester 4.260.0"]);
    assert!(
        told.lines
            .values()
            .flatten()
            .all(|line| line.as_bytes()[19] == b'.' && line.as_bytes()[27] == b'Z')
    );
    drop(told);
    assert_no_secret_left_the_job(&server);
}

#[tokio::test]
async fn no_secret_reaches_a_log() {
    let (server, work) = stage().await;
    let mut told_all = job(vec![
        download(),
        script(concat!(
            "env; echo '$(password)' masked-by-the-server; echo '$(System.AccessToken)' | base64\n",
            "echo '##vso[task.setvariable variable=plain;isoutput=true]value with $(password)'\n",
            "echo '##vso[task.setvariable variable=hidden;isoutput=true;issecret=true]zzz-secret'\n",
            "echo '##vso[task.logissue type=error]it is $(password)'\n",
            "echo 'x $(password)' | base64; echo ' $(password)' | base64 -w0; echo '$(password)' | xxd -p 2>/dev/null || true\n",
        ))
        .named("Show $(password)")
        .env("ASKED", "$(password)"),
        bash("test -z \"$SECRET_PASSWORD$INPUT_SCRIPT$PASSWORD$SYSTEM_ACCESSTOKEN\" && echo clean; env | grep -c TICKET_"),
    ]);
    told_all
        .variables
        .get_mut("System.TeamProject")
        .unwrap()
        .value = "P".into();
    let debug = coffer_wire::agent::Variable {
        value: "true".into(),
        is_secret: false,
        is_read_only: false,
    };
    told_all.variables.insert("System.Debug".into(), debug);
    // `grep -c` finds nothing and fails: the last exit code decides.
    let result = run(&server, work.path(), told_all).await;
    assert_eq!(result, "failed");
    assert_no_secret_left_the_job(&server);
    let told = server.told();
    let log = told.log();
    assert!(
        log.contains("ASKED=***") && log.contains("clean\n0\n"),
        "{log}"
    );
    assert!(
        told.results().contains(&"Show ***: succeeded".to_owned()),
        "{:?}",
        told.results()
    );
    for spelling in [
        "zzz-secret",
        "IGNvcnJlY3QgaG9yc2U",
        "eCBjb3JyZWN0IGhvcnNl",
        "636f727265637420686f727365",
    ] {
        assert!(!told.heard.contains(spelling), "{spelling}");
    }
    drop(told);
}

#[tokio::test]
async fn outputs_go_to_the_server_without_their_secrets() {
    let (server, work) = stage().await;
    let mut say = script(concat!(
        "echo '##vso[task.setvariable variable=plain;isoutput=true]with $(password)'\n",
        "echo '##vso[task.setvariable variable=hidden;isoutput=true;issecret=true]zzz-secret'\n",
    ));
    say.name = "say".into();
    server.queue(job(vec![download(), say]));
    coffer_agent::run(options(&server, work.path()), CancellationToken::new())
        .await
        .unwrap();
    let told = server.told();
    let outputs = &told.finished[0].outputs;
    assert_eq!(
        outputs.keys().collect::<Vec<_>>(),
        ["caCertificate.secureFilePath", "say.plain"]
    );
    assert_eq!(outputs["say.plain"], "with ***");
}

#[tokio::test]
async fn a_failure_skips_what_needs_success_and_runs_what_does_not() {
    let (server, work) = stage().await;
    let mut tolerated = bash("exit 3").named("Tolerated");
    tolerated.continue_on_error = true;
    let result = run(
        &server,
        work.path(),
        job(vec![
            tolerated,
            bash("echo \"status $AGENT_JOBSTATUS\"").named("After issues"),
            bash("false; true").named("Middle failure"),
            bash("exit 7").named("Fails"),
            bash("echo never").named("Skipped"),
            bash("echo \"failed $AGENT_JOBSTATUS\"")
                .named("On failure")
                .when("failed()"),
            bash("echo always").named("Always").when("always()"),
            bash("x").named("Wrong condition").when("eq(1"),
        ]),
    )
    .await;
    assert_eq!(result, "failed");
    let told = server.told();
    assert_eq!(
        told.results()[1..9],
        [
            "Tolerated: succeededWithIssues",
            "After issues: succeeded",
            "Middle failure: succeeded",
            "Fails: failed",
            "Skipped: skipped",
            "On failure: succeeded",
            "Always: succeeded",
            "Wrong condition: failed",
        ]
    );
    let log = told.log();
    for text in [
        "status SucceededWithIssues",
        "failed Failed",
        "##[error]Bash exited with code '7'.",
        "Result: False",
    ] {
        assert!(log.contains(text), "{text}: {log}");
    }
    assert!(!log.contains("never\n"));
}

#[tokio::test]
async fn a_cancelled_job_ends_its_step_and_still_cleans_up() {
    let (server, work) = stage().await;
    let steps = vec![
        download(),
        bash("trap 'echo asked to stop; exit 1' INT; echo ready; while :; do sleep 0.05; done")
            .named("Long"),
        bash("echo never").named("Skipped"),
        bash("echo cleaning").named("Clean up").when("always()"),
    ];
    server.queue(job(steps));
    let running = tokio::spawn(coffer_agent::run(
        options(&server, work.path()),
        CancellationToken::new(),
    ));
    server.until_line("ready").await;
    server.set(|told| told.cancel = true);
    running.await.unwrap().unwrap();
    assert_nothing_left(work.path());
    let told = server.told();
    assert_eq!(told.finished[0].result, "canceled");
    assert_eq!(
        told.results()[2..5],
        ["Long: canceled", "Skipped: skipped", "Clean up: succeeded"]
    );
    assert!(told.log().contains("asked to stop") && told.log().contains("cleaning"));
}

#[tokio::test]
async fn a_step_that_takes_too_long_fails() {
    let (server, work) = stage().await;
    let mut slow = bash("sleep 1000").named("Slow");
    slow.timeout_in_minutes = 1;
    slow.retry_count_on_task_failure = 3;
    let result = run(&server, work.path(), job(vec![slow])).await;
    assert_eq!(result, "failed");
    let log = server.told().log();
    assert_eq!(
        log.matches("The task has timed out").count(),
        1,
        "not repeated: {log}"
    );
}

#[tokio::test]
async fn a_job_that_takes_too_long_is_cancelled() {
    let (server, work) = stage().await;
    let mut slow = job(vec![bash("sleep 1000"), bash("echo last").when("always()")]);
    slow.timeout_in_minutes = 1;
    assert_eq!(run(&server, work.path(), slow).await, "canceled");
    let log = server.told().log();
    assert!(
        log.contains("The job ran longer than its 1 minute(s)") && log.contains("last\n"),
        "{log}"
    );
}

#[tokio::test]
async fn a_failing_step_is_tried_again() {
    let (server, work) = stage().await;
    let mut flaky = bash("test -e mark && echo found || { touch mark; exit 1; }").named("Flaky");
    flaky.retry_count_on_task_failure = 2;
    assert_eq!(
        run(&server, work.path(), job(vec![flaky])).await,
        "succeeded"
    );
    let told = server.told();
    assert!(told.log().contains("found"));
    let record = told
        .records
        .values()
        .find(|record| record.name == "Flaky")
        .unwrap();
    assert_eq!(
        record.error_count, 0,
        "issues of a try that was repeated are forgotten"
    );
}

#[tokio::test]
async fn a_task_that_is_not_built_in_fails_before_anything_runs() {
    let (server, work) = stage().await;
    let foreign = step(Uuid::from_u128(99), "InstallSSHKey", "0.274.0", &[]);
    let id = foreign.id;
    assert_eq!(
        run(&server, work.path(), job(vec![bash("echo never"), foreign])).await,
        "failed"
    );
    let told = server.told();
    assert_eq!(
        told.results()[1..3],
        ["InstallSSHKey: failed", "Bash: skipped"]
    );
    assert_eq!(told.records[&id].error_count, 1);
    assert!(
        told.log()
            .contains("cannot run the task InstallSSHKey@0.274.0")
    );
}

#[tokio::test]
async fn a_job_that_asks_for_more_than_the_agent_is_fails_before_anything_runs() {
    for (demand, said) in [
        ("Agent.Version -gtVersion 99.1.0", "99.1.0"),
        ("unheard-of-tool", "unheard-of-tool"),
        ("two words", "'two words'"),
    ] {
        let (server, work) = stage().await;
        let mut job = job(vec![
            download(),
            script("echo always there").named("Always").when("always()"),
        ]);
        job.demands = vec!["Agent.Version -gtVersion 2.182.1".into(), demand.into()];
        assert_eq!(run(&server, work.path(), job).await, "failed");
        let told = server.told();
        assert_eq!(
            told.results(),
            [
                "Initialize job: failed",
                "Pre-job: Download CA certificate: skipped",
                "Always: skipped",
                "Finalize job: succeeded",
            ]
        );
        let log = told.log();
        assert!(log.contains(said), "{log}");
        assert!(!log.contains("always there"), "{log}");
        assert_eq!(told.downloads, Vec::<String>::new());
    }
}
