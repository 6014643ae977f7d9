//! Too much, too slow, cut off, at the same moment: a clear error, nothing stored, and nobody else waits.

use coffer_server::Limits;
use coffer_testkit::client::{Body, Upload};
use coffer_testkit::{PROJECT, Setup, TestServer, User, both, eventually, random};
use std::time::Duration;

const LIMIT: usize = 10_485_760;

/// Longer than an upload keeps its place.
const DAY: i64 = 24 * 3600;

/// No file and no key; and when the places that broken uploads kept expire, no sealed byte either.
async fn assert_nothing_is_stored(server: &mut TestServer, who: &User, files: &[&str]) {
    assert_eq!(who.file_names().await, files);
    for table in ["secure_file", "wrapped_key"] {
        let count = format!("select count(*) from {table}");
        assert_eq!(
            server.database().number(&count).await,
            files.len() as i64,
            "{table}"
        );
    }
    server.advance_clock(DAY);
    server.restart().await;
    eventually("no sealed byte is left", || async {
        let database = server.database();
        let mut left = 0;
        for table in ["upload_intent", "blob_trash"] {
            left += database.number(&format!("select count(*) from {table}")).await;
        }
        // Every blob that is there belongs to a file.
        left += database.number("select count(*) from blob_segment where blob_id not in (select blob_id from secure_file where blob_id is not null)").await;
        let named = database.number("select count(*) from secure_file where blob_id is not null").await;
        left == 0 && (server.blob_names().len() as i64) <= named
    })
    .await;
    assert_eq!(who.file_names().await, files);
}

fn slow() -> Setup {
    let limits = Limits {
        head: Duration::from_millis(700),
        body_idle: Duration::from_millis(500),
        upload_total: Duration::from_millis(1500),
        linger: Duration::from_millis(500),
        ..Limits::default()
    };
    Setup {
        limits,
        ..Setup::default()
    }
}

fn head(user: &User, name: &str, length: &str) -> String {
    let path = user.files_path(&format!("?name={name}"));
    format!(
        "POST /DefaultCollection/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\
         Content-Type: application/octet-stream\r\n{length}\r\n\r\n",
        user.basic()
    )
}

both! {
    async fn one_byte_too_many_is_refused_however_it_comes(mut server) {
        let engineer = server.release_engineer().await;
        let content = random(LIMIT + 1);
        for size in [Some(content.len() as u64), None] {
            let mut upload = Upload::named("large.bin");
            upload.size = size;
            let body = Body::from_bytes(content.clone());
            let error = engineer
                .client
                .secure_files(PROJECT)
                .upload(upload, body)
                .await
                .unwrap_err();
            assert_eq!(
                (error.status(), error.code()),
                (Some(413), Some("secure_file.too_large")),
                "{error}"
            );
            assert!(error.to_string().contains("10485760"), "{error}");
        }
        let path = engineer.files_path("?name=large.bin");
        let raw = engineer
            .call("POST", &path)
            .body("application/octet-stream", content)
            .send()
            .await;
        assert_eq!(raw.code(413), "secure_file.too_large");
        assert_nothing_is_stored(&mut server, &engineer, &[]).await;
        // The name was not taken by any of them.
        engineer.upload("large.bin", b"small").await;
    }

    async fn an_upload_cut_off_in_the_middle_leaves_nothing(mut server) {
        let engineer = server.release_engineer().await;
        for (length, sent) in [
            ("Content-Length: 300000", 200_000),
            ("Content-Length: 100", 50),
            ("Content-Length: 9", 0),
        ] {
            let mut wire = server.wire().await;
            assert!(wire.send(head(&engineer, "cut.bin", length)).await);
            wire.send(random(sent)).await;
            wire.end().await;
            if let Some(answer) = wire.answer().await {
                answer.refused(400);
            }
        }
        // Chunked, and the last chunk never comes; or is no chunk.
        for tail in ["", "zzz\r\n"] {
            let mut wire = server.wire().await;
            wire.send(head(&engineer, "cut.bin", "Transfer-Encoding: chunked"))
                .await;
            wire.send([b"186a0\r\n".as_slice(), &random(100_000), b"\r\n"].concat())
                .await;
            wire.send(tail).await;
            wire.end().await;
            if let Some(answer) = wire.answer().await {
                answer.refused(400);
            }
        }
        assert_nothing_is_stored(&mut server, &engineer, &[]).await;
        engineer.upload("cut.bin", b"whole").await;
    }

    async fn of_two_uploads_of_one_name_at_the_same_moment_one_wins(mut server) {
        let engineer = server.release_engineer().await;
        for size in [1, 100_000] {
            let name = format!("race{size}.bin");
            let mut uploads = tokio::task::JoinSet::new();
            for number in 0..6_u8 {
                let user = server.holder(engineer.token());
                // Spellings that mean the same name.
                let name = if number % 2 == 0 {
                    name.clone()
                } else {
                    name.to_uppercase()
                };
                uploads.spawn(async move { user.try_upload(&name, &vec![number; size]).await });
            }
            let ends = uploads.join_all().await;
            let won = ends.iter().filter(|end| end.is_ok()).count();
            assert_eq!(won, 1, "{size}");
            for lost in ends.into_iter().filter_map(Result::err) {
                assert_eq!(
                    (lost.status(), lost.code()),
                    (Some(409), Some("secure_file.name_taken")),
                    "{lost}"
                );
            }
        }
        assert_eq!(engineer.file_names().await.len(), 2);
        assert_eq!(
            server
                .database()
                .number("select count(*) from secure_file")
                .await,
            2
        );
        let names = engineer.file_names().await;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_nothing_is_stored(&mut server, &engineer, &names).await;
    }

    async fn a_sender_that_stands_still_is_told_so(server, slow()) {
        let engineer = server.release_engineer().await;
        let mut still = server.wire().await;
        still
            .send(head(&engineer, "still.bin", "Content-Length: 1000"))
            .await;
        still.send(b"x").await;
        // Others are not delayed: this whole exchange is over before the slow one is given up.
        engineer.upload("quick.bin", b"x").await;
        let answer = still.answer().await.expect("an answer, not silence");
        assert_eq!(answer.code(408), "body.timeout");
        assert!(still.is_closed().await);
        assert_eq!(engineer.file_names().await, ["quick.bin"]);
    }

    async fn a_sender_of_one_byte_now_and_then_is_ended_too(server, slow()) {
        let engineer = server.release_engineer().await;
        let mut drip = server.wire().await;
        drip.send(head(&engineer, "drip.bin", "Transfer-Encoding: chunked"))
            .await;
        let mut beat = tokio::time::interval(Duration::from_millis(50));
        let mut quick = 0;
        let answer = loop {
            tokio::select! {
                answer = drip.answer() => break answer,
                _ = beat.tick() => {}
            }
            drip.send(b"1\r\nx\r\n").await;
            engineer.upload(&format!("quick{quick}.bin"), b"x").await;
            quick += 1;
            assert!(quick < 400, "it is never ended");
        };
        assert_eq!(
            answer.expect("an answer, not silence").code(408),
            "body.timeout"
        );
        assert!(quick > 5, "others went on: {quick}");
        assert_eq!(engineer.file_names().await.len(), quick);
        assert_eq!(
            server
                .database()
                .number("select count(*) from secure_file where name_key = 'drip.bin'")
                .await,
            0
        );
    }

    async fn a_head_that_never_ends_is_closed(server, slow()) {
        let mut wire = server.wire().await;
        wire.send("GET /DefaultCollection/_apis HTTP/1.1\r\nHost: loc")
            .await;
        if let Some(answer) = wire.answer().await {
            assert!(answer.status >= 400);
        }
        assert!(wire.is_closed().await);
    }
}
