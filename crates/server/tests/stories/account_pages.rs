//! What somebody does with what is their own, and how a new server tells its first people what to do.

use crate::newest;
use crate::run_pages::somebody;
use coffer_testkit::{Answer, Browser, From, both, group};
use coffer_wire::coffer::TokenRequest;

async fn page(browser: &mut Browser, path: &str) -> Answer {
    let url = browser.here(path);
    browser.go(From::SameSite, &url).await
}

/// The token that a page shows this once.
#[track_caller]
fn token_in(answer: &Answer) -> String {
    let text = answer.text();
    let (_, rest) = text
        .split_once("id=\"new-token\">")
        .unwrap_or_else(|| panic!("{answer}: {text}"));
    rest.split('<').next().unwrap().to_owned()
}

both! {
    async fn a_token_is_good_for_what_was_chosen_and_is_shown_once(server) {
        let (_, mut browser) = somebody(&server, "Grace", &[group::CONTRIBUTORS]).await;
        let form = page(&mut browser, "/account/tokens").await.ok().text();
        for word in ["vso.securefiles_read", "vso.build_execute", "vso.auditlog", "app_token"] {
            assert!(form.contains(&format!("value=\"{word}\"")), "{word}: {form}");
        }
        let make = [("label", "<b>for a script"), ("days", "7"), ("scope", "vso.securefiles_read"), ("scope", "vso.build")];
        let made = browser.fill("/account/tokens", "/account/tokens", &make).await.ok();
        let token = token_in(&made);
        let text = made.text();
        assert!(text.contains("see secure files") && text.contains("see pipelines and runs"), "{text}");
        let holder = server.holder(&token);
        holder.get(&holder.files_path("")).await.ok();
        let denied = holder.call("GET", "_apis/coffer/tokens").send().await;
        assert_eq!(denied.status, 403, "{}", denied.text());
        let shown = page(&mut browser, "/account").await.ok().text();
        assert!(!shown.contains(&token), "it was shown once");
        assert!(shown.contains("&lt;b&gt;for a script") && !shown.contains("<b>for"), "{shown}");
        assert!(shown.contains("see secure files") && shown.contains("127.0.0.1"), "last use, and where from: {shown}");

        // Nothing chosen is nothing made; what nobody knows is nothing either.
        for (scope, status) in [("", 400), ("vso.unheard_of", 400)] {
            let mut fields = vec![("label", "x"), ("days", "7")];
            if !scope.is_empty() {
                fields.push(("scope", scope));
            }
            let refused = browser.fill("/account/tokens", "/account/tokens", &fields).await;
            assert_eq!(refused.status, status, "{scope}: {}", refused.text());
        }
        for (days, label) in [("x", "x"), ("0", "x"), ("-1", "x"), ("99999", "x"), ("1", ""), ("1", "a/b")] {
            let fields = [("label", label), ("days", days), ("scope", "vso.build")];
            let refused = browser.fill("/account/tokens", "/account/tokens", &fields).await;
            assert_eq!(refused.status, 400, "{days} {label}: {}", refused.text());
        }
        let everything = [("label", "all"), ("days", "7"), ("scope", "vso.build"), ("scope", "app_token")];
        let made = browser.fill("/account/tokens", "/account/tokens", &everything).await.ok();
        let mine = server.holder(&token_in(&made)).client.coffer().tokens().await.unwrap();
        assert_eq!(mine.iter().filter(|token| token.label == "x").count(), 0);
        assert_eq!(mine.iter().find(|token| token.label == "all").unwrap().scope, "app_token");
    }

    async fn a_token_is_revoked_by_its_owner_after_a_question(server) {
        let (grace, mut browser) = somebody(&server, "Grace", &[group::READERS]).await;
        let (_, mut mallory) = somebody(&server, "Mallory", &[group::READERS]).await;
        let request = TokenRequest { label: "laptop".into(), days: 3, user: None, kind: None, scope: None };
        let made = grace.client.coffer().create_token(&request).await.unwrap();
        let id = made.id.to_string();
        let question = format!("/account/tokens/revoke?id={id}");
        assert!(page(&mut browser, "/account").await.ok().text().contains(&question));
        assert!(page(&mut browser, &question).await.ok().text().contains("laptop"));
        let holder = server.holder(&made.token);
        holder.client.coffer().connection_data().await.unwrap();

        let foreign = page(&mut mallory, &question).await;
        let absent = page(&mut mallory, &format!("/account/tokens/revoke?id={}", coffer_testkit::random_guid())).await;
        assert_eq!((foreign.status, absent.status), (404, 404));
        assert_eq!(foreign.text(), absent.text());
        let refused = mallory.fill("/account", "/account/tokens/revoke", &[("id", &id)]).await;
        assert!((400..500).contains(&refused.status), "{}", refused.text());
        holder.client.coffer().connection_data().await.unwrap();

        let shown = browser.fill(&question, "/account/tokens/revoke", &[("id", &id)]).await.ok().text();
        assert!(browser.at.contains("/account?done=revoked"), "{}", browser.at);
        assert!(shown.contains("The token is revoked.") && shown.contains(">revoked</span>"), "{shown}");
        assert_eq!(holder.client.coffer().connection_data().await.unwrap_err().status(), Some(401));
        let events = server.administrator().audit().await;
        let event = newest(&events, "Token.PatRevoked");
        assert_eq!((event.actor.name.as_str(), event.actor.authentication.as_str()), ("Grace", "session"));
    }

    async fn what_wants_a_fresh_sign_in_says_so_before_anything_is_typed(mut server) {
        let (_, mut browser) = somebody(&server, "Grace", &[group::READERS]).await;
        for path in ["/account/tokens", "/account/second-factor"] {
            assert!(!page(&mut browser, path).await.ok().text().contains("fresh sign-in"), "{path}");
        }
        server.advance_clock(16 * 60);
        for path in ["/account/tokens", "/account/second-factor"] {
            let text = page(&mut browser, path).await.ok().text();
            let link = format!("/signin?return={}", path.replace('/', "%2F").replace('-', "%2D"));
            assert!(text.contains(&link) && text.contains("fresh sign-in"), "{path}: {text}");
            assert!(!text.contains("<button class=\"primary\">"), "{path}: {text}");
        }
        let form = page(&mut browser, "/signin?return=%2Faccount%2Ftokens").await.ok().text();
        assert!(form.contains("You are signed in as"), "{form}");
        let fields = [("name", "grace"), ("password", "a long enough password"), ("return", "/account/tokens")];
        let back = browser.fill("/signin", "/signin", &fields).await.ok().text();
        assert!(browser.at.ends_with("/account/tokens") && back.contains("Make the token"), "{back}");
    }

    async fn a_new_server_tells_how_people_come_in(server) {
        let mut browser = server.browser();
        let text = page(&mut browser, "/signin").await.ok().text();
        assert!(text.contains("Nobody has a password here yet") && text.contains("coffer user invite"), "{text}");
        somebody(&server, "Grace", &[]).await;
        let text = page(&mut browser, "/signin").await.ok().text();
        assert!(!text.contains("Nobody has a password here yet"), "{text}");
        // What was typed as a name comes back as text, and the password does not.
        let fields = [("name", "\"><script>x"), ("password", "a wrong long password")];
        let refused = browser.fill("/signin", "/signin", &fields).await;
        let text = refused.text();
        assert!(refused.status == 401 && text.contains("value=\"&quot;&gt;&lt;script&gt;x\""), "{text}");
        assert!(!text.contains("a wrong long password") && !text.contains("<script>x"), "{text}");
        // Where passwords are switched off, nobody is asked for one.
        let off = serde_json::json!({"passwordSignInAllowed": false});
        server.administrator().call("PATCH", "_apis/coffer/organization").json(&off).send().await.ok();
        let text = page(&mut browser, "/signin").await.ok().text();
        assert!(text.contains("switched off") && !text.contains("type=\"password\""), "{text}");
    }
}
