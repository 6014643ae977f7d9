//! The real agent, in this process, against the real server.

use crate::{Cast, newest, sha256};
use coffer_testkit::{both, random};

both! {
    async fn the_page_s_pipeline_runs_green_and_leaves_nothing_behind(server) {
        let (developer, engineer) = (server.developer().await, server.release_engineer().await);
        let content = coffer_testkit::certificate("Stage CA");
        let file = engineer.upload("myCACertificate.pem", &content).await;
        let store = server.scratch("certs");
        // The shape of the documentation's example; its own folder in place of the system's.
        let yaml = format!(
            "steps:\n\
             - task: DownloadSecureFile@1\n  name: caCertificate\n  displayName: 'Download CA certificate'\n  inputs:\n    secureFile: 'myCACertificate.pem'\n\n\
             - script: |\n    echo Installing $(caCertificate.secureFilePath) to the trusted CA directory...\n    \
             chmod 600 $(caCertificate.secureFilePath)\n    \
             ln -s -t {store}/ $(caCertificate.secureFilePath)\n    \
             sha256sum < {store}/myCACertificate.pem\n  displayName: 'Install certificate'\n",
            store = store.display()
        );
        let pipeline = developer.pipeline("page", &yaml).await;
        let run = developer.run(&pipeline).await;
        engineer.permit(&file, &pipeline, true).await.unwrap();
        let work = server.run_agent("real").await;

        let ended = developer.run_now(&run).await;
        let log = developer.log(&run).await;
        assert_eq!(
            (ended.state.as_str(), ended.result.as_deref()),
            ("completed", Some("succeeded")),
            "{log}"
        );
        assert!(
            log.contains(&sha256(&content)),
            "the script saw the exact bytes: {log}"
        );
        assert!(log.contains("to the trusted CA directory..."), "{log}");
        assert_eq!(left(&work), [".agent.json", ".anchor.json", ".credentials", ".lock"]);
        let link = store.join("myCACertificate.pem");
        assert!(
            link.is_symlink() && !link.exists(),
            "the link is there, and what it shows is gone"
        );
        let timeline = developer
            .client
            .builds(coffer_testkit::PROJECT)
            .timeline(run.id)
            .await
            .unwrap();
        let tasks: Vec<_> = timeline
            .records
            .iter()
            .filter(|record| record.kind == "Task")
            .collect();
        assert!(
            tasks
                .iter()
                .all(|record| record.result.as_deref() == Some("succeeded")),
            "{tasks:?}"
        );
        assert!(
            tasks
                .iter()
                .any(|record| record.name == "Install certificate")
        );
        let events = server.administrator().audit().await;
        let used = newest(&events, "SecureFile.Downloaded");
        assert_eq!((used.outcome.as_str(), used.run), ("allowed", Some(run.id)));
    }

    async fn nothing_secret_reaches_the_log_also_when_it_is_asked_for(server) {
        let cast = Cast::of(&server).await;
        let (said, canary) = (server.scratch("said"), sha256(&random(8)));
        let yaml = format!(
            "variables:\n  System.Debug: true\nsteps:\n\
             - task: DownloadSecureFile@1\n  name: ca\n  inputs:\n    secureFile: ca.pem\n\
             - bash: |\n    printf %s '$(System.AccessToken)' > {said}/token\n    env\n    echo \"token $(System.AccessToken)\"\n    \
             echo '$(System.AccessToken)' | base64 -w0\n    echo\n    echo '##vso[task.setvariable variable=hidden;issecret=true]{canary}'\n\
             - bash: |\n    echo \"hidden: $(hidden)\"\n    echo '##vso[task.logissue type=warning]$(hidden)'\n    ls -laR \"$(Agent.TempDirectory)\"\n",
            said = said.display()
        );
        let pipeline = cast.developer.pipeline("talk", &yaml).await;
        let run = cast.developer.run(&pipeline).await;
        cast.engineer
            .permit(&cast.file, &pipeline, true)
            .await
            .unwrap();
        let tap = server.tap().await;
        let work = server.run_agent_at("real", &tap.url()).await;
        assert_eq!(left(&work), [".agent.json", ".anchor.json", ".credentials", ".lock"]);

        let log = cast.developer.log(&run).await;
        assert_eq!(
            cast.developer.run_now(&run).await.result.as_deref(),
            Some("succeeded"),
            "{log}"
        );
        let token = std::fs::read_to_string(said.join("token")).unwrap();
        assert!(
            token.starts_with("cof_job_"),
            "the script had the real token"
        );
        let tickets = tap.json_strings("ticket");
        assert_eq!(tickets.len(), 1, "the job message had one ticket");
        assert!(
            log.contains("hidden: ***") && log.contains("token ***"),
            "{log}"
        );
        assert!(log.contains("##[debug]"), "{log}");
        for secret in [&token, &tickets[0]] {
            assert!(!log.contains(secret.as_str()), "{log}");
            let found = server.grep_everything(secret.as_bytes()).await;
            assert!(found.is_empty(), "{found:?}");
        }
        // The canary is in the pipeline's own text, which is stored; in the log, only where the command named it.
        assert!(!log.contains(&format!("hidden: {canary}")), "{log}");
        let build = server.grep_stored_and_logged(canary.as_bytes()).await;
        assert!(
            build.iter().all(|place| !place.contains("the log")),
            "{build:?}"
        );
    }

    async fn a_failing_script_fails_the_run_and_still_wipes(server) {
        let cast = Cast::of(&server).await;
        let yaml = "steps:\n- task: DownloadSecureFile@1\n  name: ca\n  inputs:\n    secureFile: ca.pem\n- bash: exit 3\n- bash: test -f '$(ca.secureFilePath)' && echo still there\n  condition: always()\n";
        let pipeline = cast.developer.pipeline("fails", yaml).await;
        let run = cast.developer.run(&pipeline).await;
        cast.engineer
            .permit(&cast.file, &pipeline, true)
            .await
            .unwrap();
        let work = server.run_agent("real").await;
        let log = cast.developer.log(&run).await;
        assert_eq!(
            cast.developer.run_now(&run).await.result.as_deref(),
            Some("failed"),
            "{log}"
        );
        assert!(log.contains("still there"), "{log}");
        assert_eq!(left(&work), [".agent.json", ".anchor.json", ".credentials", ".lock"]);
    }
}

fn left(work: &std::path::Path) -> Vec<String> {
    let mut left: Vec<String> = std::fs::read_dir(work)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    left
}
