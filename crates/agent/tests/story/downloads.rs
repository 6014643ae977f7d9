//! What can go wrong on a secure file's way to the job.

use crate::jobs::{CONTENT, StepExt as _, bash, download, job, script};
use crate::{run, stage};
use axum::http::StatusCode;

#[tokio::test]
async fn a_download_survives_a_server_that_is_away_for_a_moment() {
    let (server, work) = stage().await;
    server.set(|told| {
        let away = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::BAD_GATEWAY];
        told.refuse.extend(away);
    });
    assert_eq!(
        run(
            &server,
            work.path(),
            job(vec![
                download(),
                script("cat $(caCertificate.secureFilePath)")
            ])
        )
        .await,
        "succeeded"
    );
    assert_eq!(server.told().downloads.len(), 3);
    assert!(server.told().log().contains("sample certificate of a test"));
}

#[tokio::test]
async fn a_refused_download_fails_with_the_code_and_the_server_s_words_only() {
    let (server, work) = stage().await;
    server.set(|told| told.refuse.push_back(StatusCode::FORBIDDEN));
    let look = bash("ls -A \"$AGENT_TEMPDIRECTORY\" | grep -v -e home -e .sh; echo looked")
        .when("always()");
    assert_eq!(
        run(&server, work.path(), job(vec![download(), look])).await,
        "failed"
    );
    let told = server.told();
    let log = told.log();
    assert!(
        log.contains("HTTP 403: Forbidden. Error content: Come back later, ***."),
        "{log}"
    );
    assert!(
        log.contains("===\n[command]") && log.contains("\nlooked\n") && !log.contains("ca.pem\n"),
        "no file is left: {log}"
    );
    assert_eq!(told.downloads.len(), 1, "a refusal is final");
}

#[tokio::test]
async fn content_that_is_not_the_file_is_discarded() {
    for content in [
        b"something else".to_vec(),
        CONTENT[..20].to_vec(),
        [CONTENT, b"more"].concat(),
        {
            let mut same_length = CONTENT.to_vec();
            same_length[3] ^= 1;
            same_length
        },
    ] {
        let (server, work) = stage().await;
        server.set(|told| told.content = content);
        let look = bash("ls -A \"$AGENT_TEMPDIRECTORY\" | sed 's/^/left /'").when("always()");
        assert_eq!(
            run(&server, work.path(), job(vec![download(), look])).await,
            "failed"
        );
        let log = server.told().log();
        assert!(log.contains("What arrived is not the file"), "{log}");
        assert!(
            !log.contains("left ca.pem") && !log.contains(".part"),
            "{log}"
        );
    }
}

#[tokio::test]
async fn a_name_that_leaves_the_folder_is_refused_by_the_agent_too() {
    let (server, work) = stage().await;
    for name in ["../escaped", "/tmp/escaped", "a\\b", ".."] {
        let mut evil = job(vec![download()]);
        evil.resources.secure_files[0].name = name.into();
        assert_eq!(run(&server, work.path(), evil).await, "failed");
    }
    assert_eq!(
        server.told().downloads,
        Vec::<String>::new(),
        "not even asked for"
    );
}

#[tokio::test]
async fn a_fork_gets_no_file() {
    let (server, work) = stage().await;
    let mut fork = job(vec![
        download(),
        bash("test -z \"$CACERTIFICATE_SECUREFILEPATH\""),
    ]);
    let yes = coffer_wire::agent::Variable {
        value: "True".into(),
        is_secret: false,
        is_read_only: true,
    };
    fork.variables
        .insert("system.restrictSecrets".into(), yes.clone());
    fork.variables
        .insert("system.pullRequest.isFork".into(), yes);
    assert_eq!(run(&server, work.path(), fork).await, "succeeded");
    assert_eq!(
        server.told().results()[1],
        "Pre-job: Download CA certificate: skipped"
    );
    assert_eq!(server.told().downloads, Vec::<String>::new());
}
