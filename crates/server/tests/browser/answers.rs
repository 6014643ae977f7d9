//! Answers of the API that are opened as if they were pages: content is only ever a download, and nothing runs.

use coffer_testkit::{PROJECT, browser, group};
use coffer_wire::paths::fill;
use serde_json::json;

/// What a browser would like to show, and run.
const PAGE: &[u8] = b"<!doctype html><title>x</title><script>canary('content')</script><img src=x onerror=canary('image')>";
/// A name that tries to be a page's, and to begin a header.
const NAME: &str = "a'; filename=evil.html; x=\u{5de}\u{5e4} %0d%0aSet-Cookie%3A hostile=1.htm";
/// A name for what has no such rules as files have.
const MARKUP: &str = "<img src=x onerror=canary('name') data-hostile>";

browser! {
    async fn content_is_a_download_whatever_it_is(server, browser) {
        let (developer, engineer) = (server.developer().await, server.release_engineer().await);
        let file = engineer.upload(NAME, PAGE).await;
        let yaml = format!("steps:\n- task: DownloadSecureFile@1\n  inputs:\n    secureFile: {}\n", json!(NAME));
        let pipeline = developer.pipeline("build", &yaml).await;
        engineer.permit(&file, &pipeline, true).await.unwrap();
        developer.run(&pipeline).await;
        let job = server.agent("hand").await.job().await;
        let options = json!({"extraHTTPHeaders": {"authorization": format!("Bearer {}", job.token())}});
        let window = browser.nobody_with(server, options).await;
        let path = job.user(server).file_path(&file.id, &format!("?ticket={}&download=true", job.file().ticket));
        let saved = window.download(&format!("{}/{path}", server.url())).await;
        // Chromium writes what no file system takes in another way; it is one name, and no other part of the header.
        assert!(saved.starts_with("a'") && saved.ends_with(".htm"), "{saved}");
        assert!(saved.contains("filename=evil.html") && saved.contains("\u{5de}\u{5e4}"), "{saved}");
        window.goto("/signin").await;
        assert_eq!(window.ask("document.cookie").await, "");
    }

    async fn no_answer_of_the_api_is_a_page(server, browser) {
        let ada = server.administrator();
        ada.upload("x' onerror=canary(1).pem", PAGE).await;
        ada.pipeline(MARKUP, "steps:\n- script: echo\n").await;
        server.person("Grace", &[group::READERS]).await;
        let options = json!({"extraHTTPHeaders": {"authorization": ada.basic()}});
        let window = browser.nobody_with(server, options).await;
        let mut opened = 0;
        for route in coffer_server::route_list() {
            let lone = route.template.matches('{').count() == usize::from(route.template.starts_with("{project}"));
            if route.method != "GET" || route.template.starts_with('/') || !lone || !route.template.contains("_apis") {
                continue;
            }
            let path = match route.template.contains('{') {
                true => fill(route.template, &[PROJECT]),
                false => route.template.to_owned(),
            };
            // Waits for what comes next, which is nothing.
            if path.contains("streams") || path.contains("follow") {
                continue;
            }
            let status = window.goto(&format!("{}/{path}", server.url())).await;
            let kind = window.ask("document.contentType").await;
            assert_ne!(kind, "text/html", "{path}: {status}");
            assert_eq!(window.count(coffer_testkit::chromium::css("[data-hostile], [onerror]")).await, 0, "{path}");
            opened += 1;
        }
        assert!(opened > 15, "{opened}");
        window.take_back("answer: ").await;
    }
}
