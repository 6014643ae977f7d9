//! What a person changes of their own.

use coffer_testkit::chromium::{PASSWORD, button, css, field, heading, link, row, status};
use coffer_testkit::{Authenticator, browser, group};

browser! {
    async fn a_token_is_seen_once(server, browser) {
        let grace = browser.person(server, "Grace", &[group::READERS]).await;
        grace.goto("/account").await;
        grace.accessible("the account").await;
        grace.fill(field("What it is for"), "from a page").await;
        grace.click(button("Make it")).await;
        grace.see(status("The token is made")).await;
        grace.accessible("a new token").await;
        let token = grace.text_of(css("code")).await;
        let me = server.holder(token.trim()).client.coffer().connection_data().await.unwrap();
        assert_eq!(me.authenticated_user.provider_display_name, "Grace");
        grace.goto("/account").await;
        let page = grace.call_page("content", serde_json::json!([])).await;
        assert!(!page.as_str().unwrap().contains(token.trim()), "seen twice");
    }

    async fn a_new_password_ends_the_other_sessions(server, browser) {
        let grace = browser.person(server, "Grace", &[group::READERS]).await;
        grace.goto("/account").await;
        let elsewhere = browser.nobody(server).await;
        elsewhere.goto("/account").await;
        elsewhere.sign_in("grace", PASSWORD).await;
        elsewhere.see(heading("Your account")).await;

        let new = "another long password";
        grace.fill(field("Current password"), PASSWORD).await;
        grace.fill(field("New password"), new).await;
        grace.fill(field("The same again"), new).await;
        grace.click(button("Change it")).await;
        grace.see(status("The password is changed")).await;
        grace.click(link("Your account")).await;
        grace.see(heading("Your account")).await;

        elsewhere.reload().await;
        elsewhere.see(heading("Sign in")).await;
        elsewhere.sign_in("grace", PASSWORD).await;
        elsewhere.see(status("Name, password or code is not right")).await;
        elsewhere.sign_in("grace", new).await;
        elsewhere.see(heading("Your account")).await;

        // One session ends the other by its button.
        grace.reload().await;
        let other = row("127.0.0.1").without("this one");
        grace.see(other.clone()).await;
        grace.click(other.clone().find(button("End it"))).await;
        grace.gone(other).await;
        grace.see(heading("Your account")).await;
        elsewhere.reload().await;
        elsewhere.see(heading("Sign in")).await;
    }

    async fn a_second_factor_is_set_up_and_asked_for(server, browser) {
        let grace = browser.person(server, "Grace", &[group::READERS]).await;
        grace.goto("/account").await;
        grace.click(button("Set it up")).await;
        grace.accessible("setting up the second factor").await;
        grace.picture("second-factor").await;
        let mut app = Authenticator::typed(grace.text_of(css("#secret")).await.trim());
        grace.fill(field("The code that the app shows now"), &app.code()).await;
        grace.click(button("Switch it on")).await;
        grace.see(status("The second factor is on")).await;
        grace.accessible("the recovery codes").await;
        grace.click(link("Your account")).await;
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
