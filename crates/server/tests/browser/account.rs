//! What a person changes of their own.

use coffer_testkit::chromium::{PASSWORD, button, css, field, heading, link, row, sheet, status};
use coffer_testkit::{Authenticator, browser, group};
use serde_json::json;

browser! {
    async fn a_token_is_seen_once_and_revoked(server, browser) {
        let grace = browser.person(server, "Grace", &[group::READERS]).await;
        grace.goto("/account").await;
        grace.accessible("the account").await;
        grace.picture("account").await;
        grace.click(link("New token")).await;
        grace.see(sheet().find(heading("New token"))).await;
        grace.accessible("the dialog for a token").await;
        grace.picture("new-token").await;
        grace.fill(field("What it is for"), "from a page").await;
        // Nothing is chosen for the person: a token is good for nothing until they say for what.
        grace.click(button("Make the token")).await;
        grace.see("Choose what the token is good for").await;
        grace.tick(css("input[value=app_token]"), true).await;
        grace.click(button("Make the token")).await;
        grace.see(status("The token is made")).await;
        grace.accessible("a new token").await;
        grace.picture("token-made").await;
        let token = grace.text_of(css("#new-token")).await.trim().to_owned();
        let me = server.holder(&token).client.coffer().connection_data().await.unwrap();
        assert_eq!(me.authenticated_user.provider_display_name, "Grace");

        grace.goto("/account").await;
        let page = grace.call_page("content", json!([])).await;
        assert!(!page.as_str().unwrap().contains(&token), "seen twice");
        grace.click(link("Revoke from a page")).await;
        grace.see(sheet().find(heading("Revoke a token"))).await;
        grace.accessible("revoking a token").await;
        grace.click(button("Revoke it")).await;
        grace.see(status("The token is revoked.")).await;
        grace.gone(link("Revoke from a page")).await;
        let gone = server.holder(&token).get("_apis/connectionData").await;
        assert_eq!(gone.status, 401);
    }

    async fn a_token_is_made_without_a_mouse_and_copied(server, browser) {
        let options = json!({"permissions": ["clipboard-read", "clipboard-write"]});
        let grace = browser.person_with(server, "Grace", &[group::READERS], options).await;
        grace.goto("/account").await;
        grace.tab_to(link("New token")).await;
        grace.press("Enter").await;
        grace.see(sheet().find(heading("New token"))).await;
        assert!(grace.focused().await.contains("What it is for"));
        grace.types("from a page").await;
        // Nothing chosen: it is told where it is seen, and what was typed stays.
        grace.press("Enter").await;
        grace.see(sheet().find(status("Choose what the token is good for"))).await;
        assert_eq!(grace.value_of(field("What it is for")).await, "from a page");
        grace.tab_to(field("See secure files, never their content")).await;
        grace.press("Space").await;
        grace.tab_to(button("Make the token")).await;
        grace.press("Enter").await;
        grace.see(status("The token is made")).await;
        grace.tab_to(button("Copy")).await;
        grace.press("Enter").await;
        grace.see(status("Copied.")).await;
        let token = grace.text_of(css("#new-token")).await.trim().to_owned();
        assert_eq!(grace.ask("navigator.clipboard.readText()").await, token);
        grace.click(link("Done")).await;
        grace.see(row("from a page").with("see secure files")).await;
        // A dialog that is left gives the focus back.
        grace.tab_to(link("Revoke from a page")).await;
        grace.press("Enter").await;
        grace.see(sheet().find(heading("Revoke a token"))).await;
        grace.press("Escape").await;
        grace.gone(heading("Revoke a token")).await;
        assert!(grace.focused().await.contains("Revoke from a page"));
        server.holder(&token).get("_apis/connectionData").await.ok();
    }

    async fn a_new_password_ends_the_other_sessions(server, browser) {
        let grace = browser.person(server, "Grace", &[group::READERS]).await;
        grace.goto("/account").await;
        let elsewhere = browser.nobody(server).await;
        elsewhere.goto("/account").await;
        elsewhere.sign_in("grace", PASSWORD).await;
        elsewhere.see(heading("Your account")).await;

        let new = "another long password";
        grace.click(link("Change the password")).await;
        grace.see(sheet().find(heading("Change the password"))).await;
        grace.accessible("changing the password").await;
        grace.picture("password").await;
        for (current, why) in [("not this one at all", "not right"), (PASSWORD, "")] {
            grace.fill(field("Current password"), current).await;
            grace.fill(field("New password"), new).await;
            grace.fill(field("The same again"), new).await;
            grace.click(button("Change it")).await;
            if !why.is_empty() {
                grace.see(sheet().find(status(why))).await;
            }
        }
        grace.see(status("The password is changed")).await;

        elsewhere.reload().await;
        elsewhere.see(heading("Sign in")).await;
        elsewhere.sign_in("grace", PASSWORD).await;
        elsewhere.see(status("Name, password or code is not right")).await;
        elsewhere.sign_in("grace", new).await;
        elsewhere.see(heading("Your account")).await;

        // One session ends the other by its button.
        grace.reload().await;
        let other = row("127.0.0.1").without("this one");
        grace.click(other.find(css("button"))).await;
        grace.see(status("The session is over.")).await;
        elsewhere.reload().await;
        elsewhere.see(heading("Sign in")).await;
    }

    async fn a_second_factor_is_set_up_and_asked_for(server, browser) {
        let grace = browser.person(server, "Grace", &[group::READERS]).await;
        grace.goto("/account").await;
        grace.click(link("Set up a second factor")).await;
        grace.click(button("Set it up")).await;
        grace.see(sheet().find(css("#secret"))).await;
        grace.accessible("setting up the second factor").await;
        grace.picture("second-factor").await;
        let mut app = Authenticator::typed(grace.text_of(css("#secret")).await.trim());
        grace.fill(field("The code that the app shows now"), &app.code()).await;
        grace.click(button("Switch it on")).await;
        grace.see(status("The second factor is on")).await;
        grace.accessible("the recovery codes").await;
        grace.picture("recovery-codes").await;
        grace.click(link("Done")).await;
        grace.see("Recovery codes left: 10").await;
        grace.click(button("Sign out")).await;

        grace.goto("/account").await;
        grace.sign_in("grace", PASSWORD).await;
        grace.see(status("code is not right")).await;
        app.wait(server);
        grace.fill(field("Name"), "grace").await;
        grace.fill(field("Password"), PASSWORD).await;
        grace.fill(field("Code of your authenticator app"), &app.code()).await;
        grace.click(button("Sign in")).await;
        grace.see(heading("Your account")).await;
    }
}
