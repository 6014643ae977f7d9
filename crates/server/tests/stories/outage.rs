//! The key service goes away and comes back: what is in memory serves, the rest is a clear refusal, and nothing is lost.

use crate::Cast;
use coffer_testkit::client::{Body, Upload};
use coffer_testkit::{Answer, KeyFault, PROJECT, TestServer, both, random};
use futures_util::StreamExt as _;
use std::time::Duration;

/// Longer than a key stays in memory.
const LONG: Duration = Duration::from_secs(3600);

fn refused(answer: &Answer, code: &str) {
    assert_eq!(answer.code(503), code);
    let seconds: u32 = answer.header("retry-after").parse().unwrap();
    assert!(seconds >= 1);
    let message = answer.refused(503).message;
    assert!(
        message.contains("key service") && !message.contains("story"),
        "{message}"
    );
}

async fn standing(server: &TestServer) -> String {
    let mut wire = server.wire().await;
    wire.head(&["GET /readyz HTTP/1.1", "Host: anything"]).await;
    wire.answer().await.unwrap().ok().text()
}

async fn upload(cast: &Cast, name: &str, content: Vec<u8>) -> Answer {
    let path = cast
        .engineer
        .files_path(&format!("?api-version=7.1-preview.1&name={name}"));
    let call = cast.engineer.call("POST", &path);
    call.body("application/octet-stream", content).send().await
}

both! {
    async fn keys_in_memory_serve_through_an_outage_and_no_longer(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        assert_eq!(job.download_own(&server).await.body, cast.content);
        let calls = server.key_faults().calls();

        server.key_faults().away(true);
        for _ in 0..20 {
            assert_eq!(job.download_own(&server).await.body, cast.content);
        }
        cast.engineer.upload("during.bin", &random(100_000)).await;
        assert_eq!(server.key_faults().calls(), calls, "a use of a key is no call");

        // Its time is up.
        server.key_faults().later(LONG);
        let late = job.download_own(&server).await;
        cast.assert_no_content(&late);
        refused(&late, "keys.unavailable");
        let stored = cast.engineer.file_names().await;
        refused(&upload(&cast, "late.bin", random(100)).await, "keys.unavailable");
        assert_eq!(cast.engineer.file_names().await, stored, "nothing was stored half");
        assert_eq!(standing(&server).await, r#"{"status":"degraded"}"#);
        assert!(server.logged("it is away, as the story wants"), "the operator reads why");

        server.key_faults().away(false);
        server.key_faults().later(LONG);
        assert_eq!(job.download_own(&server).await.body, cast.content);
        cast.engineer.upload("late.bin", &random(100)).await;
        assert_eq!(standing(&server).await, r#"{"status":"ready"}"#);
    }

    async fn a_crowd_after_an_outage_is_one_call(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        server.key_faults().later(LONG);
        let calls = server.key_faults().calls();
        server.key_faults().hold(true);
        let crowd = async {
            let all = (0..24).map(|_| job.download_own(&server));
            futures_util::future::join_all(all).await
        };
        let release = async {
            server.key_faults().waiting(1).await;
            server.key_faults().hold(false);
        };
        let (answers, ()) = tokio::join!(crowd, release);
        for answer in answers {
            assert_eq!(answer.body, cast.content);
        }
        assert_eq!(server.key_faults().calls(), calls + 1);
    }

    async fn an_upload_that_loses_the_key_service_in_its_middle_stores_nothing(server) {
        let cast = Cast::permitted(&server).await;
        let stored = cast.engineer.file_names().await;
        let keys = server.key_faults().clone();
        // The first half goes with the key at hand; before the second its time is up and nobody answers.
        let halves = futures_util::stream::iter(0..2).map(move |half| {
            if half == 1 {
                keys.away(true);
                keys.later(LONG);
            }
            Ok(random(90_000).into())
        });
        let files = cast.engineer.client.secure_files(PROJECT);
        let broken = files.upload(Upload::named("half.bin"), Body::from_stream(halves)).await.unwrap_err();
        assert_eq!((broken.status(), broken.code()), (Some(503), Some("keys.unavailable")));
        assert_eq!(cast.engineer.file_names().await, stored);
        server.key_faults().away(false);
        server.key_faults().later(LONG);
        cast.engineer.upload("half.bin", &random(180_000)).await;
    }

    async fn a_quota_is_kept_to_and_a_refusal_is_no_outage(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        server.key_faults().later(LONG);
        server.key_faults().set(KeyFault::Throttled(Duration::from_secs(600)));
        refused(&job.download_own(&server).await, "keys.throttled");
        server.key_faults().set(KeyFault::None);
        let calls = server.key_faults().calls();
        for _ in 0..5 {
            let answer = job.download_own(&server).await;
            refused(&answer, "keys.throttled");
            let seconds: u32 = answer.header("retry-after").parse().unwrap();
            assert!(seconds > 500, "told to come back in {seconds} s");
        }
        assert_eq!(server.key_faults().calls(), calls, "nobody called before");
        server.key_faults().later(LONG);
        assert_eq!(job.download_own(&server).await.body, cast.content);

        server.key_faults().later(LONG);
        server.key_faults().set(KeyFault::Forbids);
        let answer = job.download_own(&server).await;
        cast.assert_no_content(&answer);
        assert_eq!(answer.code(500), "keys.refused");
        assert_eq!(standing(&server).await, r#"{"status":"ready"}"#);
        assert!(server.logged("may not unwrap"), "the operator reads which right");
        server.key_faults().set(KeyFault::None);
        assert_eq!(job.download_own(&server).await.body, cast.content);
        assert!(!cast.engineer.upload(PROJECT, &random(10)).await.id.is_empty());
    }
}
