//! The reference of the API: open to everybody, whole, and nothing of this server in it.

use coffer_testkit::{Answer, TestServer, User, both};
use std::collections::BTreeSet;

/// What a page may weigh, as it is sent.
const MOST: usize = 200 * 1024;

async fn get(who: &User, path: &str) -> Answer {
    who.call("GET", &format!("../docs/api{path}")).send().await
}

/// Links of a page to other pages of the reference, without the part after `#`.
fn links(page: &Answer) -> BTreeSet<String> {
    page.text()
        .split("href=\"/docs/api")
        .skip(1)
        .filter_map(|rest| rest.split(['"', '#', '?']).next())
        .map(str::to_owned)
        .collect()
}

async fn pages(server: &TestServer) -> Vec<Answer> {
    let nobody = server.nobody();
    let first = get(&nobody, "").await.ok();
    let mut pages = Vec::new();
    for link in links(&first) {
        pages.push(get(&nobody, &link).await.ok());
    }
    pages
}

both! {
    async fn everybody_reads_the_reference_and_learns_nothing_of_this_server(server) {
        let engineer = server.release_engineer().await;
        engineer.upload("unheard-of.pem", b"x").await;
        let mut shown = String::new();
        for page in pages(&server).await {
            assert!(page.header("set-cookie").is_empty(), "{page}");
            let text = page.text();
            assert!(!text.contains("unheard-of") && !text.contains("ada.admin"), "{page}");
            if page.header("content-type").starts_with("text/html") {
                assert!(page.body.len() < MOST, "{page}: {} bytes", page.body.len());
                let policy = page.header("content-security-policy");
                assert!(policy.starts_with("default-src 'none'; style-src 'self'; form-action 'self'"), "{policy}");
                assert!(!text.contains("<script") && !text.contains("<style") && !text.contains(" style="), "{page}");
                shown.push_str(&text);
            }
        }
        for route in coffer_server::route_list() {
            let path = format!("{}</span> <code>/<wbr>{}</code>", route.method, route.template.replace('/', "/<wbr>"));
            let is_page = route.is_page();
            assert_eq!(shown.contains(&path), !is_page, "{} {}", route.method, route.template);
        }
        // Whoever holds a session or a token sees the same.
        assert_eq!(get(&engineer, "/secure-files").await.text(), get(&server.nobody(), "/secure-files").await.text());
    }

    async fn a_word_finds_calls_and_is_no_markup(server) {
        let nobody = server.nobody();
        let found = get(&nobody, "?q=Upload+file").await.ok().text();
        assert!(found.contains("#uploadSecureFile") && !found.contains("#listGroups"), "{found}");
        let page = get(&nobody, "?q=%3Cb%20title=%22x%22%3E").await.ok().text();
        assert!(page.contains("0 calls have") && page.contains("&lt;b title=&quot;x&quot;&gt;") && !page.contains("<b "));
    }

    async fn the_document_names_this_server_and_the_style_is_kept(server) {
        let nobody = server.nobody();
        let document = get(&nobody, "/openapi.json").await.ok().json();
        assert_eq!(document["servers"][0]["url"], server.url());
        assert_eq!(document["paths"], coffer_server::openapi()["paths"]);

        let style = get(&nobody, "/style.css").await.ok();
        let tag = style.header("etag").to_owned();
        assert!(style.header("cache-control").contains("immutable") && tag.len() > 10);
        let again = nobody.call("GET", "../docs/api/style.css").header("If-None-Match", &tag).send().await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        let page = get(&nobody, "").await.text();
        assert!(page.contains(&format!("/docs/api/style.css?v={}", tag.trim_matches('"'))));
        assert_eq!(get(&nobody, "/nosuch").await.status, 404);
    }
}
