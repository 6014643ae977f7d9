//! The Library as people use it: looking for files, choosing and dropping new ones, and what is told when one will not do.

use coffer_testkit::chromium::{button, checkbox, css, field, heading, item, link, row, status};
use coffer_testkit::{PROJECT, browser, group, random};
use serde_json::json;

const LIBRARY: &str = "/DefaultCollection/Pay%20Desk/_library?itemType=SecureFiles";
const LIMIT: usize = 10_485_760;

browser! {
    async fn a_first_file_is_chosen_and_uploaded_by_keyboard_alone(server, browser) {
        let grace = browser.person(server, "Grace", &[group::CONTRIBUTORS]).await;
        grace.goto("/").await;
        grace.accessible("one project").await;
        grace.picture("one-project").await;
        grace.tab_to(link("Open the Library")).await;
        grace.press("Enter").await;
        grace.see(heading("Library")).await;
        grace.see("No person can read it").await;
        grace.accessible("the empty Library").await;
        grace.picture("library-empty").await;
        grace.tab_to(link("Upload the first file")).await;
        grace.press("Enter").await;
        grace.see(heading("Upload secure files")).await;
        grace.accessible("the upload dialog").await;
        grace.picture("upload-empty").await;
        // The browser's own dialog for files is no part of the page: what it gives is.
        grace.tab_to(css("#upload-files")).await;
        grace.choose(css("#upload-files"), &[("signing.p12", b"certificate")]).await;
        grace.see(button("Upload 1 file")).await;
        grace.tab_to(field("Name in the Library of signing.p12")).await;
        grace.press("Control+A").await;
        grace.types("release.p12").await;
        grace.see(button("Upload 1 file")).await;
        grace.tab_to(button("Upload 1 file")).await;
        grace.press("Enter").await;
        grace.see(status("1 file stored in the Library.")).await;
        grace.see("What arrived is what was chosen.").await;
        grace.accessible("after an upload").await;
        grace.picture("upload-done").await;
        grace.tab_to(css("#dialog [data-close]")).await;
        grace.press("Enter").await;
        grace.see(row("release.p12")).await;
        grace.accessible("a list of one").await;
        assert_eq!(grace.user.file_names().await, ["release.p12"]);
    }

    async fn several_files_are_dropped_and_each_has_its_own_result(server, browser) {
        let grace = browser.person(server, "Grace", &[group::CONTRIBUTORS]).await;
        grace.user.upload("taken.pem", b"first").await;
        grace.goto(LIBRARY).await;
        let large = vec![7; LIMIT + 1];
        let most = random(LIMIT);
        grace.drop_files(css("main"), &[
            ("a.pem", b"a"),
            ("Taken.pem", b"second"),
            ("large.bin", &large),
            ("most.bin", &most),
            ("A.PEM", b"the same name"),
            ("empty.pem", b""),
            ("gpj\u{202e}exe.p12", b"turned around"),
        ]).await;
        grace.see(heading("Upload secure files")).await;
        grace.see(button("Upload 3 files")).await;
        grace.see(status("3 files ready, 4 with a problem.")).await;
        grace.see(item("exists already").find("Names ignore case.")).await;
        grace.see("The file has 10,485,761 bytes.").await;
        grace.see("Another of these files has this name").await;
        grace.see("invisible or control character U+202E").await;
        grace.see("The file is empty.").await;
        grace.accessible("files with problems").await;
        grace.picture("upload-problems").await;
        grace.click(button("Upload 3 files")).await;
        grace.see(status("3 files stored in the Library.")).await;
        // What was wrong is put right, and goes too.
        grace.fill(field("Name in the Library of Taken.pem"), "other.pem").await;
        grace.click(button("Upload 1 file")).await;
        grace.see(status("4 files stored in the Library.")).await;
        grace.picture("upload-mixed").await;
        grace.click(button("Remove large.bin")).await;
        grace.gone("The file has 10,485,761 bytes.").await;
        grace.click(css("#dialog [data-close]")).await;
        grace.see(row("other.pem")).await;
        assert_eq!(grace.user.file_names().await, ["a.pem", "empty.pem", "most.bin", "other.pem", "taken.pem"]);
        // Dropped again, into the open dialog this time; to all pipelines, which is said with its warning.
        grace.click(link("Secure file")).await;
        grace.see(heading("Upload secure files")).await;
        grace.drop_files(css(".drop"), &[("open.pem", b"x")]).await;
        grace.see(button("Upload 1 file")).await;
        grace.see("whoever can change a pipeline").await;
        grace.tick(checkbox("Permit all pipelines of the project"), true).await;
        grace.click(button("Upload 1 file")).await;
        grace.see(status("1 file stored in the Library.")).await;
        let events = server.administrator().audit().await;
        assert!(events.iter().any(|event| event.action == "Pipelines.ResourceAuthorizedForProject"));
    }

    async fn who_closes_while_files_are_on_their_way_stays_and_can_cancel(server, browser) {
        let grace = browser.person(server, "Grace", &[group::CONTRIBUTORS]).await;
        grace.goto(LIBRARY).await;
        grace.click(link("Upload the first file")).await;
        grace.see(heading("Upload secure files")).await;
        grace.slow_sending(100_000).await;
        let large = random(LIMIT);
        grace.choose(css("#upload-files"), &[("slow.bin", &large)]).await;
        grace.click(button("Upload 1 file")).await;
        grace.see(status("Uploading. 0 of 1 file stored.")).await;
        grace.see(css("progress")).await;
        grace.picture("upload-running").await;
        grace.press("Escape").await;
        grace.see(status("Files are on their way.")).await;
        grace.click(button("Close")).await;
        grace.see(heading("Upload secure files")).await;
        grace.click(button("Cancel slow.bin")).await;
        grace.see("Cancelled. Nothing was stored.").await;
        grace.slow_sending(0).await;
        grace.click(button("Try again slow.bin")).await;
        grace.see(status("1 file stored in the Library.")).await;
        assert_eq!(grace.user.file_names().await, ["slow.bin"]);
    }

    async fn a_session_that_ended_loses_no_chosen_file(server, browser) {
        let grace = browser.person(server, "Grace", &[group::CONTRIBUTORS]).await;
        grace.goto(LIBRARY).await;
        grace.click(link("Upload the first file")).await;
        grace.choose(css("#upload-files"), &[("a.pem", b"a")]).await;
        grace.see(button("Upload 1 file")).await;
        let second = grace.another_tab().await;
        second.goto("/account").await;
        second.click(button("Sign out")).await;
        second.see(heading("Sign in")).await;
        grace.click(button("Upload 1 file")).await;
        grace.see("Your session is over. Nothing was changed.").await;
        grace.accessible("an upload without a session").await;
        grace.click(button("Try again a.pem")).await;
        grace.see("You are not signed in yet.").await;
        second.sign_in("Grace", coffer_testkit::chromium::PASSWORD).await;
        second.see(heading("Projects")).await;
        grace.click(button("Try again a.pem")).await;
        grace.see(status("1 file stored in the Library.")).await;
        // Signed in anew meanwhile: the page finds its new token by itself.
        second.goto("/signin").await;
        second.sign_in("Grace", coffer_testkit::chromium::PASSWORD).await;
        second.see(heading("Projects")).await;
        grace.choose(css("#upload-files"), &[("b.pem", b"b")]).await;
        grace.click(button("Upload 1 file")).await;
        grace.see(status("2 files stored in the Library.")).await;
    }

    async fn a_long_list_is_looked_through(server, browser) {
        let engineer = server.release_engineer().await;
        for number in 0..60 {
            engineer.upload(&format!("file-{number:02}.pem"), b"x").await;
        }
        let long = format!("{}.mobileprovision", "a-name-without-any-place-to-break-it-".repeat(6));
        engineer.upload(&long, b"x").await;
        engineer.upload("מפתח חתימה של החברה.p12", b"x").await;
        let reader = browser.person(server, "Reader", &[group::READERS]).await;
        reader.goto(LIBRARY).await;
        reader.see("1–50 of 62").await;
        reader.see("You cannot upload files here.").await;
        reader.accessible("a long list").await;
        reader.picture("library-full").await;
        reader.fill(field("Search files by name"), "E-4").await;
        reader.see(status("10 files")).await;
        reader.arrive("search=E-4").await;
        reader.fill(field("Search files by name"), "nowhere").await;
        reader.see(heading("Nothing found")).await;
        reader.picture("library-nothing-found").await;
        reader.click(link("Show all files")).await;
        reader.see("1–50 of 62").await;
        reader.click(link("Next")).await;
        reader.see("51–62 of 62").await;
        reader.click(link("Name")).await;
        reader.see(css("th[aria-sort=descending]")).await;
        reader.see(row("מפתח חתימה")).await;
        reader.goto("/DefaultCollection/Pay%20Desk/_library?itemType=VariableGroups").await;
        reader.see(heading("Variable groups are not here yet")).await;
        reader.accessible("variable groups").await;
        reader.picture("variable-groups").await;
        // Dropping is for who may upload: nothing opens, and the browser stays where it is.
        reader.goto(LIBRARY).await;
        reader.drop_files(css("main"), &[("a.pem", b"a")]).await;
        reader.see("1–50 of 62").await;
        assert_eq!(reader.goto("/DefaultCollection/Nowhere/_library").await, 404);
        reader.see(heading("Not found")).await;
        reader.accessible("no such project").await;
        reader.picture("no-such-project").await;
    }

    async fn without_a_script_the_library_is_read_and_the_dialog_says_how_to_upload(server, browser) {
        let plain = json!({"javaScriptEnabled": false});
        let engineer = server.release_engineer().await;
        engineer.upload("ca.pem", b"x").await;
        let grace = browser.person_with(server, "Grace", &[group::CONTRIBUTORS], plain).await;
        grace.goto(LIBRARY).await;
        grace.fill(field("Search files by name"), "CA").await;
        grace.click(button("Search")).await;
        grace.see(row("ca.pem")).await;
        grace.click(link("Secure file")).await;
        grace.see(heading("Upload secure files")).await;
        grace.see("coffer file upload").await;
        assert_eq!(grace.count(button("Upload")).await, 0);
        grace.click(link("Library")).await;
        grace.see(row("ca.pem")).await;
        assert!(grace.at().await.contains("Pay%20Desk"), "{PROJECT}");
    }
}
