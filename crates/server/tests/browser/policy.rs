//! What a page of ours may not do itself: the Content-Security-Policy and Trusted Types, as Chromium holds our pages to them.

use coffer_testkit::chromium::css;
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
    // Another policy that would let it through, by another name or by the same.
    "trustedTypes.createPolicy('mine', { createScript: (text) => text })",
    "trustedTypes.createPolicy('default', { createScript: (text) => text })",
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
    async fn markup_of_our_own_is_let_through_and_nothing_in_it_runs(server, browser) {
        let grace = browser.person(server, "Grace", &[group::READERS]).await;
        let made = grace.ask_under_policy("(() => { const e = document.createElement('div'); e.innerHTML = '<b>x</b>'; return e.firstChild.localName; })()");
        assert_eq!(made.await, "b");
        for what in ["createScript", "createScriptURL"] {
            let made = format!("(() => {{ try {{ return trustedTypes.defaultPolicy.{what}('x'); }} catch (error) {{ return error.name; }} }})()");
            assert_eq!(grace.ask_under_policy(&made).await, "TypeError");
        }
        // What htmx would put on the page if a text were not escaped.
        let hostile = "<img src=x onerror=canary(1)><svg onload=canary(2)></svg><script>canary(3)</script>\
             <a href=javascript:canary(4) id=way>way</a><iframe srcdoc='<script>parent.canary(5)</script>'></iframe>\
             <div hx-get=/account hx-trigger=load hx-on::load=canary(6) hx-on:click=canary(7) id=div>div</div>\
             <button data-hx-on-click=canary(8) id=button>button</button>\
             <form hx-vals='js:{x: canary(9)}' hx-get=/account hx-trigger=load></form>";
        grace.ask_under_policy(&format!("(() => {{ const page = document.getElementById('page');
            htmx.swap(page, {hostile:?}, {{ swapStyle: 'innerHTML' }}, {{ eventInfo: {{ target: page }} }}); }})()")).await;
        for id in ["way", "div", "button"] {
            grace.click(css(&format!("#{id}"))).await;
        }
        grace.complained("policy: script-src").await;
        grace.take_back("policy: ").await;
        grace.take_back("Content Security Policy").await;
        grace.take_back("htmx:evalDisallowedError").await;
        grace.take_back("answer: 404").await;
    }

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
