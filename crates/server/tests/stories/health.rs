//! Whether it lives, and whether it can serve: for whoever watches it, without a token and without a secret.

use coffer_testkit::{Answer, TestServer, both};

async fn ask(server: &TestServer, path: &str) -> Answer {
    let mut wire = server.wire().await;
    let line = format!("GET {path} HTTP/1.1");
    wire.head(&[&line, "Host: anything"]).await;
    wire.answer().await.unwrap()
}

both! {
    async fn it_lives_and_is_ready_until_its_database_is_not_there(server) {
        let health = ask(&server, "/healthz").await.ok();
        assert_eq!(health.text(), r#"{"status":"ok"}"#);
        let ready = ask(&server, "/readyz").await.ok();
        assert_eq!(ready.text(), r#"{"status":"ready"}"#);
        server.database().sql("alter table root_generation rename to gone").await;
        ask(&server, "/healthz").await.ok();
        let refused = ask(&server, "/readyz").await;
        let message = refused.refused(503).message;
        assert_eq!(message, "The server is not ready. Its log says why.");
        assert!(!refused.header("retry-after").is_empty());
        assert!(server.logged("the server is not ready"));
        server.database().sql("alter table gone rename to root_generation").await;
        ask(&server, "/readyz/").await.ok();
    }
}
