//! Pages of others that a signed-in person opens: they change nothing, learn nothing, and show nothing of ours.

use crate::places::Places;
use crate::roles::state;
use coffer_testkit::chromium::{Elsewhere, heading};
use coffer_testkit::{browser, group};

/// Fields that any of our forms may want, with values that would do something.
const FIELDS: &[(&str, &str)] = &[
    ("form_token", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ("name", "grace"),
    ("label", "made elsewhere"),
    ("days", "30"),
    ("step", "begin"),
    ("current", coffer_testkit::chromium::PASSWORD),
    ("new", "a password from elsewhere"),
    ("again", "a password from elsewhere"),
    ("password", coffer_testkit::chromium::PASSWORD),
    ("confirm", "ca.pem"),
];

browser! {
    async fn no_page_of_others_writes_here(server, browser) {
        let grace = browser.person(server, "Grace", &[group::PROJECT_ADMINISTRATORS]).await;
        let places = Places::of(&grace.user).await;
        let elsewhere = Elsewhere::start().await;
        let writes = places.all("POST");
        let inputs: String = FIELDS.iter().map(|(name, value)| format!("<input name={name} value='{value}'>")).collect();
        let before = state(server).await;
        for site in [elsewhere.other_site(), elsewhere.same_site()] {
            grace.allow(&site).await;
            // A form that sends itself, as a person who follows a link would see it.
            for path in &writes {
                let form = format!(
                    "<form method=post action='{}{path}'>{inputs}</form><script>document.forms[0].submit()</script>",
                    server.origin()
                );
                elsewhere.shows("/form", &form);
                grace.goto(&format!("{site}/form")).await;
                grace.arrive(path).await;
                grace.see("Nothing was changed").await;
            }
            // A script that sends it unseen, also with files and as text that looks like JSON.
            elsewhere.shows("/script", "<!doctype html><title>elsewhere</title>");
            grace.goto(&format!("{site}/script")).await;
            for path in writes.iter().map(String::as_str).chain(["/DefaultCollection/Pay%20Desk/_apis/distributedtask/securefiles?name=x.pem"]) {
                let url = format!("{}{path}", server.origin());
                let body = serde_json::to_string(FIELDS).unwrap();
                let sent = format!(
                    "(async () => {{
                        const send = (body, headers) => fetch({url:?}, {{ method: 'POST', mode: 'no-cors', credentials: 'include', body, headers }});
                        const form = new FormData();
                        form.append('file', new File(['x'], 'x.pem'));
                        const types = [];
                        for (const [body, kind] of [[new URLSearchParams({body}), null], [form, null], ['{{}}', 'text/plain']]) {{
                            const answer = await send(body, kind ? {{ 'content-type': kind }} : {{}});
                            types.push(answer.type);
                        }}
                        return types;
                    }})()"
                );
                // What comes back cannot be read either. Some browsers' answers do not come at all: the policy of resources.
                grace.ask(&format!("{sent}.catch((error) => error.name)")).await;
            }
            grace.take_back("").await;
        }
        assert_eq!(state(server).await, before);
        grace.goto("/account").await;
        grace.see(heading("Your account")).await;
    }

    async fn no_page_of_others_shows_ours_in_a_frame(server, browser) {
        let grace = browser.person(server, "Grace", &[group::PROJECT_ADMINISTRATORS]).await;
        let places = Places::of(&grace.user).await;
        let elsewhere = Elsewhere::start().await;
        let reads = places.all("GET");
        for site in [elsewhere.other_site(), elsewhere.same_site()] {
            grace.allow(&site).await;
            for tag in ["iframe src", "object data", "embed src"] {
                let frames: String = reads.iter()
                    .map(|path| format!("<{tag}='{}{path}' width=300 height=200></{}>", server.origin(), tag.split(' ').next().unwrap()))
                    .collect();
                elsewhere.shows("/frames", &format!("<!doctype html><title>elsewhere</title><h1>A game</h1>{frames}"));
                grace.goto(&format!("{site}/frames")).await;
                grace.see(heading("A game")).await;
                let shown = grace.frames().await;
                let ours: Vec<_> = shown.iter().filter(|(url, text)| url.starts_with(&server.origin()) && !text.is_empty() && !text.contains("route.not_found")).collect();
                assert!(ours.is_empty(), "{tag}: {ours:#?}");
            }
            grace.complained("frame").await;
            grace.take_back("").await;
        }
    }

    async fn no_page_of_others_learns_what_is_here(server, browser) {
        let grace = browser.person(server, "Grace", &[group::PROJECT_ADMINISTRATORS]).await;
        let elsewhere = Elsewhere::start().await;
        for site in [elsewhere.other_site(), elsewhere.same_site()] {
            grace.allow(&site).await;
            elsewhere.shows("/spy", "<!doctype html><title>elsewhere</title>");
            grace.goto(&format!("{site}/spy")).await;
            // The API goes by no cookie; with them, Chromium asks the person for a name and a password.
            for (path, cookies) in [
                ("/account", "include"),
                ("/docs/api/openapi.json", "include"),
                ("/DefaultCollection/_apis/projects", "omit"),
            ] {
                let url = format!("{}{path}", server.origin());
                let read = format!("fetch({url:?}, {{ credentials: '{cookies}' }}).then((answer) => answer.text(), (error) => error.name)");
                assert_eq!(grace.ask(&read).await, "TypeError", "{url}");
                if cookies == "omit" {
                    continue;
                }
                let loads = format!(
                    "new Promise((done) => {{ const script = document.createElement('script'); script.onload = () => done('loaded');
                    script.onerror = () => done('refused'); script.src = {url:?}; document.head.append(script); }})"
                );
                assert_eq!(grace.ask(&loads).await, "refused", "{url}");
            }
            // A window that it opens is out of its reach.
            let opened = format!(
                "(async () => {{ const other = window.open('{}/account'); await new Promise((done) => setTimeout(done, 0));
                while (performance.now() < 10000) {{ if (other === null || other.closed) return 'cut off'; await new Promise((done) => setTimeout(done, 20)); }} return 'in reach'; }})()",
                server.origin()
            );
            assert_eq!(grace.ask(&opened).await, "cut off");
            grace.take_back("").await;
        }
    }
}
