//! What a page of ours may not do itself: the Content-Security-Policy and Trusted Types, as Chromium holds our pages to them.

use coffer_testkit::{browser, group};

/// Ways of making script out of text.
const SCRIPT: &[&str] = &[
    "eval('canary(1)')",
    "new Function('canary(2)')()",
    "new Promise((done) => { setTimeout('canary(3)', 0); setTimeout(done, 50); })",
    "document.head.append(Object.assign(document.createElement('script'), { text: 'canary(4)' }))",
    "document.head.append(Object.assign(document.createElement('script'), { src: '/elsewhere.js' }))",
    "document.head.append(Object.assign(document.createElement('script'), { src: 'data:text/javascript,canary(5)' }))",
    "document.body.setAttribute('onclick', 'canary(6)')",
    "document.body.append(Object.assign(document.createElement('a'), { href: 'javascript:canary(7)' })) ?? document.body.lastChild.click()",
    "location.href = 'javascript:canary(8)'",
    "import('data:text/javascript,canary(9)')",
    "new Worker('data:text/javascript,0')",
];

/// What reaches out, and what refuses it.
const REACH: &[(&str, &str)] = &[
    ("fetch('http://localhost:9/').catch(() => 0)", "connect-src"),
    (
        "new Promise((done) => { const i = new Image(); i.onerror = done; i.src = 'http://localhost:9/x.png'; })",
        "img-src",
    ),
    (
        "document.body.append(Object.assign(document.createElement('iframe'), { src: 'http://localhost:9/' }))",
        "frame-src",
    ),
    (
        "document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: 'http://localhost:9/x.css' }))",
        "style-src",
    ),
    (
        "document.head.append(Object.assign(document.createElement('style'), { textContent: 'body { color: red }' }))",
        "style-src",
    ),
    (
        "document.head.append(Object.assign(document.createElement('base'), { href: 'http://localhost:9/' }))",
        "base-uri",
    ),
    (
        "(() => { const f = document.createElement('form'); f.action = 'http://localhost:9/'; f.method = 'post'; document.body.append(f); f.submit(); })()",
        "form-action",
    ),
];

browser! {
    async fn no_text_becomes_script(server, browser) {
        let grace = browser.person(server, "Grace", &[group::READERS]).await;
        for way in SCRIPT {
            grace.goto("/account").await;
            let tried = format!("(async () => {{ try {{ await ({way}); return 'done'; }} catch (error) {{ return error.name; }} }})()");
            grace.ask_under_policy(&tried).await;
            let said = grace.complained("policy: ").await;
            let by_policy = |text: &String| ["script-src", "worker-src", "trusted-types"].iter().any(|by| text.contains(by));
            assert!(said.iter().all(by_policy), "{way}: {said:?}");
            // Chromium says it once more in words of its own; that no script ran is what is left to say.
            grace.take_back("Content Security Policy").await;
            grace.take_back("rusted").await;
        }
    }

    async fn no_page_reaches_out(server, browser) {
        let grace = browser.person(server, "Grace", &[group::READERS]).await;
        grace.allow("http://localhost:9").await;
        for (way, by) in REACH {
            grace.goto("/account").await;
            grace.ask_under_policy(&format!("Promise.resolve({way}).then(() => 0)")).await;
            let said = grace.complained("policy: ").await;
            assert!(said.iter().all(|text| text.contains(by)), "{way}: {said:?}");
            grace.take_back("").await;
        }
    }
}
