//! People with different roles, side by side on the same pages.

use crate::places::{LIBRARY, Places, file_page};
use coffer_testkit::chromium::{button, css, field, heading, link, row, sheet};
use coffer_testkit::{PROJECT, TestServer, browser, group};

/// What changes without an act of somebody: the record, and notes of when something was used.
pub(crate) const NOT_ACTS: &[&str] = &[
    "audit_event",
    "audit_link",
    "signed_record",
    "signing_key",
    "audit_snapshot",
    "sqlite_sequence",
    "credential.last_used_at",
    "credential.last_used_address",
];

/// Everything that is stored, but what changes without an act.
pub(crate) async fn state(server: &TestServer) -> Vec<String> {
    server.database().contents(NOT_ACTS).await
}

browser! {
    async fn a_reader_sees_what_an_administrator_does_and_does_none_of_it(server, browser) {
        let rosa = browser.person(server, "Rosa", &[group::PROJECT_ADMINISTRATORS]).await;
        let grace = browser.person(server, "Grace", &[group::READERS]).await;
        let places = Places::of(&rosa.user).await;
        let file = rosa.user.client.secure_files(PROJECT).find("ca.pem").await.unwrap().unwrap();
        for page in [&rosa, &grace] {
            page.goto(&file_page(&file.id)).await;
            page.see(heading("ca.pem")).await;
        }
        rosa.see(link("Delete")).await;
        rosa.see(button("Save")).await;
        grace.see("Its digest is shown to who may use it").await;
        for held_back in [link("Delete"), button("Save"), css("#sha256")] {
            grace.gone(held_back).await;
        }
        grace.accessible("a file for who may only read").await;
        grace.picture("file-reader").await;
        grace.click(link("Security")).await;
        grace.see(sheet().find("may not change it")).await;
        grace.see(sheet().find(row("Release Administrators"))).await;
        grace.gone(sheet().find(button("Save changes"))).await;
        grace.accessible("roles for who may only read").await;
        grace.picture("security-reader").await;

        // What is not shown is not what holds: every form of ours, sent from her own page with her own token.
        grace.goto(&file_page(&file.id)).await;
        let before = state(server).await;
        let fields = [
            ("name", "mine.pem"), ("stamp", "1"), ("key.0", "owner"), ("value.0", "grace"), ("step", "save"), ("act", "open"),
            ("pipeline", "1"), ("confirm", "ca.pem"), ("inherits", "off"), ("buildId", "1"), ("definitionId", "1"), ("file", &file.id),
        ];
        let fields = serde_json::to_string(&fields).unwrap();
        let mut sent = 0;
        for path in places.all("POST").into_iter().filter(|path| path.contains("DefaultCollection")) {
            let forged = format!(
                "fetch({path:?}, {{ method: 'POST', redirect: 'manual', body: new URLSearchParams({fields}), headers: {{ \
                 'x-coffer-form-token': document.querySelector('meta[name=form-token]').content }} }}).then((answer) => answer.status)"
            );
            let status = grace.ask(&forged).await;
            assert!(status.as_u64().is_some_and(|status| (400..500).contains(&status)), "{path}: {status}");
            sent += 1;
        }
        assert!(sent >= 5, "{sent}");
        assert_eq!(state(server).await, before);
    }

    async fn a_role_that_is_taken_away_counts_on_a_page_that_is_open(server, browser) {
        let rosa = browser.person(server, "Rosa", &[group::RELEASE_ADMINISTRATORS]).await;
        let other = server.release_engineer().await;
        let file = other.upload("ca.pem", b"x").await;
        server.developer().await.pipeline("build", "steps:\n- script: echo\n").await;
        let second = rosa.another_tab().await;
        rosa.goto(&file_page(&file.id)).await;
        rosa.click(link("Pipeline permissions")).await;
        rosa.click(link("+ Add pipeline")).await;
        rosa.see(sheet().find(row("build"))).await;
        second.goto(&file_page(&file.id)).await;
        second.see(link("Delete")).await;

        let graph = server.administrator().client.graph();
        let subjects = graph.groups(None).await.unwrap().into_iter().chain(graph.users().await.unwrap());
        let named = |name: &str| subjects.clone().find(|one| one.principal_name.ends_with(name)).unwrap().descriptor;
        let (member, group) = (named("Rosa"), named("Release Administrators"));
        graph.join(&member, &named("]\\Readers")).await.unwrap();
        graph.leave(&member, &group).await.unwrap();

        let before = state(server).await;
        rosa.click(sheet().find(row("build")).find(css("button"))).await;
        rosa.see(sheet().find(css("[role=alert]"))).await;
        rosa.accessible("a refusal in a dialog").await;
        rosa.picture("refused-in-a-dialog").await;
        second.fill(field("Name of property 1"), "owner").await;
        second.click(button("Save")).await;
        second.see(css("[role=alert]")).await;
        second.picture("refused").await;
        assert_eq!(state(server).await, before);
        second.goto(&file_page(&file.id)).await;
        second.see(heading("ca.pem")).await;
        second.gone(link("Delete")).await;
    }

    async fn the_library_shows_each_what_they_may_do(server, browser) {
        let rosa = browser.person(server, "Rosa", &[group::RELEASE_ADMINISTRATORS]).await;
        let grace = browser.person(server, "Grace", &[group::READERS]).await;
        rosa.user.upload("ca.pem", b"x").await;
        for page in [&rosa, &grace] {
            page.goto(LIBRARY).await;
            page.see(row("ca.pem")).await;
        }
        rosa.see(row("ca.pem").find(link("Delete ca.pem"))).await;
        rosa.see(link("Secure file")).await;
        grace.gone(link("Delete ca.pem")).await;
        grace.gone(link("Secure file")).await;
        grace.see("You cannot upload files here").await;
        grace.picture("library-reader").await;
        let forged = format!(
            "fetch('{LIBRARY}/files?name=forged.pem', {{ method: 'POST', body: 'x', headers: {{ 'content-type': 'application/octet-stream', \
             'x-coffer-form-token': document.querySelector('meta[name=form-token]').content }} }}).then((answer) => answer.status)"
        );
        assert_eq!(grace.ask(&forged).await, 403);
        assert_eq!(rosa.ask(&forged).await, 201);
        assert_eq!(rosa.user.file_names().await.len(), 2);
    }

    async fn a_first_page_is_light(server, browser) {
        let rosa = browser.person(server, "Rosa", &[group::RELEASE_ADMINISTRATORS]).await;
        for number in 0..60 {
            rosa.user.upload(&format!("cert-{number:02}.pem"), b"x").await;
        }
        let fresh = browser.nobody(server).await;
        fresh.goto("/signin").await;
        let first = fresh.weight().await;
        assert!(first < 100_000, "{first} bytes");
        // Whoever comes by a link to the Library for the first time.
        let grace = browser.person(server, "Grace", &[group::READERS]).await;
        grace.goto(LIBRARY).await;
        grace.see(row("cert-00.pem")).await;
        let next = grace.weight().await;
        assert!(next < 60_000, "{next} bytes: what was loaded once is loaded again");
    }
}
