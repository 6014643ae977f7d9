//! TLS: clients with a private authority, what happens to those who speak the wrong language, and how it is renewed.

use crate::Cast;
use coffer_server::Limits;
use coffer_testkit::{Setup, both};
use std::time::Duration;

fn tls() -> Setup {
    Setup {
        tls: true,
        ..Setup::default()
    }
}

fn impatient() -> Setup {
    let limits = Limits {
        handshake: Duration::from_millis(400),
        ..Limits::default()
    };
    Setup { limits, ..tls() }
}

/// The beginning of a TLS handshake, as far as anybody looks at it.
const HELLO: [u8; 8] = [22, 3, 1, 2, 0, 1, 0, 1];

both! {
    async fn a_job_runs_over_tls_with_a_private_authority(server, tls()) {
        let cast = Cast::permitted(&server).await;
        let run = cast.developer.run(&cast.pipeline).await;
        server.run_agent("builder").await;
        let now = cast.developer.run_now(&run).await;
        assert_eq!(now.result.as_deref(), Some("succeeded"));
        // Links are those of the server as it is reached.
        let data = cast.developer.client.pipelines(coffer_testkit::PROJECT);
        let pipeline = data.list().await.unwrap().remove(0);
        assert!(pipeline.url.starts_with(&server.url()), "{}", pipeline.url);
        assert!(server.url().starts_with("https://"));
    }

    async fn plain_http_is_told_to_use_https_and_gets_nothing(server, tls()) {
        let engineer = server.release_engineer().await;
        let basic = format!("Authorization: {}", engineer.basic());
        for (lines, in_the_clear) in [
            (vec!["GET /DefaultCollection/_apis/connectionData HTTP/1.1", "Host: localhost"], false),
            (vec!["GET /DefaultCollection/_apis/connectionData HTTP/1.1", "Host: localhost", &basic], true),
            (vec!["POST /DefaultCollection/x HTTP/1.1", "Host: localhost", &basic, "Content-Length: 5", "", "hello"], true),
            (vec!["GET /healthz HTTP/1.0"], false),
        ] {
            let mut wire = server.wire().await;
            wire.head(&lines).await;
            let answer = wire.answer().await.unwrap();
            let message = answer.refused(400).message;
            assert_eq!(answer.code(400), "tls.required");
            assert!(message.contains("https://"), "{message}");
            assert_eq!(message.contains("revoke it"), in_the_clear, "{message}");
            assert_eq!((answer.header("location"), answer.header("connection")), ("", "close"));
            assert!(wire.is_closed().await);
        }
        assert!(server.logged("a credential crossed the network unencrypted"));
        // What is no HTTP either is not answered at length.
        let mut wire = server.wire().await;
        wire.send("SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
        let answer = wire.answer().await;
        assert!(answer.is_none_or(|answer| answer.status == 400));
        // The server is there for the others.
        engineer.get("_apis/connectionData").await.ok();
    }

    async fn tls_on_a_plain_port_is_closed_and_logged(server) {
        let mut wire = server.wire().await;
        wire.send(HELLO).await;
        assert!(wire.is_closed().await);
        assert!(server.logged("a client spoke TLS to a port that serves plain HTTP"));
        server.administrator().get("_apis/connectionData").await.ok();
    }

    async fn who_never_ends_a_handshake_is_let_go(server, impatient()) {
        for bytes in [&[][..], &HELLO, &HELLO[..1]] {
            let mut wire = server.wire().await;
            wire.send(bytes).await;
            assert!(wire.is_closed().await, "{bytes:?}");
        }
        // Once inside, the limits of HTTP count.
        server.administrator().get("_apis/connectionData").await.ok();
    }

    async fn a_new_certificate_is_for_new_connections_and_open_ones_stay(server, tls()) {
        let engineer = server.release_engineer().await;
        let before = engineer.get("_apis/connectionData").await.ok();
        assert!(!before.text().is_empty());
        // Another name: who connects anew with the old one is not served.
        server.tls().replace(server.pair(&["elsewhere.example"]));
        engineer.get("_apis/connectionData").await.ok();
        let stranger = server.holder(engineer.token());
        let refused = stranger.client.coffer().connection_data().await.unwrap_err();
        assert_eq!(refused.status(), None, "{refused}");
        server.tls().replace(server.pair(&["127.0.0.1"]));
        server.holder(engineer.token()).get("_apis/connectionData").await.ok();
        engineer.get("_apis/connectionData").await.ok();
    }

    async fn stopping_lets_a_request_end_and_drops_who_is_silent(mut server, tls()) {
        let mut silent = server.wire().await;
        let mut begun = server.wire().await;
        begun.send(HELLO).await;
        server.stop().await;
        assert!(silent.is_closed().await && begun.is_closed().await);
    }
}
