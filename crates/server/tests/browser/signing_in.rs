//! Coming in and going out.

use coffer_testkit::chromium::{PASSWORD, button, field, heading, link, status};
use coffer_testkit::{FakeProvider, browser, group, provider_options};

const ANN: &str = "ann@example.com";

browser! {
    async fn a_person_comes_in_and_goes_out_without_a_mouse(server, browser) {
        server.person_with_password("Grace", &[group::READERS], PASSWORD).await;
        let page = browser.nobody(server).await;
        assert_eq!(page.goto("/account").await, 200);
        page.arrive("/signin").await;
        page.accessible("the page for signing in").await;
        page.picture("sign-in").await;

        // The focus is where the work begins, and a wrong password is told where it is seen.
        assert_eq!(page.focused().await, "- textbox \"Name\"");
        page.types("grace").await;
        page.tab_to(field("Password")).await;
        page.types("not this one at all").await;
        page.press("Enter").await;
        page.see(status("Name, password or code is not right")).await;
        page.accessible("a sign-in that was refused").await;
        page.picture("sign-in-refused").await;

        page.tab_to(field("Name")).await;
        page.press("Control+a").await;
        page.types("grace").await;
        page.tab_to(field("Password")).await;
        page.types(PASSWORD).await;
        page.tab_to(button("Sign in")).await;
        page.press("Enter").await;
        // It leads to where the person was going.
        page.arrive("/account").await;
        page.see("Grace").await;

        page.tab_to(button("Sign out")).await;
        page.press("Space").await;
        page.see(heading("Sign in")).await;
        page.goto("/account").await;
        page.arrive("/signin").await;
    }

    async fn a_new_person_sets_a_password_by_code(server, browser) {
        server.person("Grace", &[group::READERS]).await;
        let code = server.invitation("grace").await;
        let page = browser.nobody(server).await;
        page.goto("/signin").await;
        page.click(link("I have a one-time code for setting a password")).await;
        page.see(heading("Set a password")).await;
        page.accessible("the page for setting a password").await;
        page.picture("set-password").await;
        page.fill(field("One-time code"), &code).await;
        page.fill(field("New password"), "elevenchars").await;
        page.fill(field("The same again"), "elevenchars").await;
        page.click(button("Set the password")).await;
        page.see(status("at least 12 characters")).await;
        page.fill(field("One-time code"), &code).await;
        page.fill(field("New password"), PASSWORD).await;
        page.fill(field("The same again"), PASSWORD).await;
        page.click(button("Set the password")).await;
        page.see(status("is set")).await;
        page.click(link("Sign in")).await;
        page.sign_in("Grace", PASSWORD).await;
        page.see(heading("Projects")).await;
    }

    async fn two_people_have_windows_of_their_own(server, browser) on Postgres {
        let grace = browser.person(server, "Grace", &[group::READERS]).await;
        let linus = browser.person(server, "Linus", &[group::READERS]).await;
        for page in [&grace, &linus] {
            page.goto("/account").await;
        }
        grace.see(link("Your account: Grace")).await;
        linus.see(link("Your account: Linus")).await;
        linus.click(button("Sign out")).await;
        linus.see(heading("Sign in")).await;
        // Another window of hers is hers, and ends with her.
        let second = grace.another_tab().await;
        second.goto("/account").await;
        second.see("Grace").await;
        grace.click(button("Sign out")).await;
        grace.see(heading("Sign in")).await;
        second.reload().await;
        second.see(heading("Sign in")).await;
    }

    async fn a_person_comes_in_by_the_provider_of_the_organization(server, browser) {
        let provider = FakeProvider::start().await;
        server.use_provider(provider_options(&provider.issuer())).await;
        server.person(ANN, &[group::READERS]).await;
        let page = browser.nobody(server).await;
        page.allow(&provider.issuer()).await;
        page.goto("/account").await;
        page.accessible("signing in with a provider").await;
        page.picture("sign-in-provider").await;
        page.click(link("Sign in with Example")).await;
        page.see("who are you?").await;
        // The provider's page sends the browser back.
        let back = provider.agree(&page.at().await);
        page.ask(&format!("void (location.href = {back:?})")).await;
        page.see(heading("Your account")).await;
        page.see(ANN).await;
        // A way back that nobody began here is refused.
        page.ask(&format!("void (location.href = {back:?})")).await;
        page.gone(heading("Your account")).await;
        assert_eq!(page.goto("/account").await, 200);
        page.see(heading("Your account")).await;
    }
}
