//! A file's page and its dialogs: what a person does there, with a mouse, with the keyboard alone, and without a script.

use coffer_testkit::chromium::{button, css, dialog, field, heading, link, row, status};
use coffer_testkit::{PROJECT, Page, TestServer, User, browser, group};
use coffer_wire::paths::{fill, pages as at};
use coffer_wire::pipelines::Pipeline;
use coffer_wire::secure_files::SecureFile;
use serde_json::json;

const YAML: &str = "steps:\n- task: DownloadSecureFile@1\n  inputs:\n    secureFile: 'ca.pem'\n";
const LONG: &str = "a-name-without-any-place-to-break-it-that-goes-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on.mobileprovision";

fn page(file: &SecureFile) -> String {
    format!(
        "/DefaultCollection/{}",
        fill(at::FILE, &[PROJECT, &file.id])
    )
}

/// A file and a pipeline that asks for it.
async fn stage(server: &TestServer) -> (User, SecureFile, Pipeline) {
    let keeper = server.release_engineer().await;
    let file = keeper.upload("ca.pem", b"content").await;
    let developer = server.developer().await;
    let pipeline = developer.pipeline("build", YAML).await;
    (keeper, file, pipeline)
}

/// Opens a dialog by its button on the page of a file.
async fn open(window: &Page, name: &str, title: &str) {
    window.click(link(name)).await;
    window.see(dialog(title)).await;
    window.see(heading(title)).await;
}

browser! {
    async fn a_pipeline_is_permitted_and_the_file_opened_and_restricted(server, browser) {
        let (_, file, _) = stage(server).await;
        let grace = browser.person(server, "Grace", &[group::RELEASE_ADMINISTRATORS, group::CONTRIBUTORS]).await;
        grace.goto(&page(&file)).await;
        grace.see(heading("ca.pem")).await;
        grace.accessible("the page of a file").await;
        grace.picture("file").await;
        let title = "Pipeline permissions: ca.pem";
        open(&grace, "Pipeline permissions", title).await;
        grace.accessible("no permission").await;
        grace.picture("permissions-empty").await;

        grace.click(link("+ Add pipeline")).await;
        grace.see(heading("Permit a pipeline to use ca.pem")).await;
        grace.accessible("choosing a pipeline").await;
        grace.picture("permissions-add").await;
        grace.fill(field("Pipelines whose name holds"), "nothing").await;
        grace.see("No pipeline's name holds").await;
        grace.fill(field("Pipelines whose name holds"), "buil").await;
        grace.click(button("Permit build")).await;
        grace.see(status("The pipeline is permitted")).await;
        grace.see(row("build")).await;
        grace.picture("permissions").await;

        grace.click(link("Open access …")).await;
        grace.see(heading("Open access to ca.pem?")).await;
        grace.see("also those that are made later").await;
        grace.accessible("opening a file").await;
        grace.picture("permissions-open-asks").await;
        grace.click(button("Open access")).await;
        grace.see(status("open to every pipeline")).await;
        grace.see(row("build")).await;
        grace.accessible("an open file").await;
        grace.picture("permissions-open").await;
        grace.click(button("Restrict access")).await;
        grace.see(status("Only the pipelines below")).await;
        grace.click(button("Revoke the permission of build")).await;
        grace.see(heading("No pipeline is permitted")).await;
        // Closed, the page below says what was done.
        grace.press("Escape").await;
        grace.gone(dialog(title)).await;
        grace.see("none permitted").await;
    }

    async fn roles_are_given_by_search_and_saved_together(server, browser) {
        let (_, file, _) = stage(server).await;
        let grace = browser.person(server, "Grace", &[group::RELEASE_ADMINISTRATORS]).await;
        server.person("Linus", &[group::READERS]).await;
        grace.goto(&page(&file)).await;
        let title = "Security: ca.pem";
        open(&grace, "Security", title).await;
        grace.accessible("roles").await;
        grace.picture("security").await;
        grace.click(button("+ Add")).await;
        grace.fill(field("Person or group"), "linu").await;
        grace.see(css("#sec-found input")).await;
        grace.accessible("looking for somebody").await;
        grace.picture("security-add").await;
        grace.tick(css("#sec-found input"), true).await;
        grace.select(css("#sec-role"), "User").await;
        grace.click(button("Add")).await;
        grace.see(row("Linus").with("not saved yet")).await;
        grace.picture("security-draft").await;
        // Reset, nothing of it is left.
        grace.click(link("Reset changes")).await;
        grace.gone(row("Linus")).await;

        grace.click(button("+ Add")).await;
        grace.fill(field("Person or group"), "linu").await;
        grace.tick(css("#sec-found input"), true).await;
        grace.click(button("Add")).await;
        grace.select(css("select[aria-label='Role of Linus']"), "Administrator").await;
        grace.click(button("Switch it off")).await;
        grace.see("Inheritance is off").await;
        grace.click(button("Remove Project Valid Users")).await;
        grace.see("removed when saved").await;
        grace.accessible("roles that wait to be saved").await;
        grace.click(button("Save changes")).await;
        grace.see(status("The roles are saved")).await;
        grace.gone(row("Project Valid Users")).await;
        grace.see(row("Linus").with("Administrator")).await;
        grace.press("Escape").await;
        grace.gone(dialog(title)).await;

        // Linus has been made one who may.
        let linus = browser.person(server, "Nora", &[group::READERS]).await;
        linus.goto(&page(&file)).await;
        linus.gone(heading("ca.pem")).await;
    }

    async fn roles_that_somebody_else_changed_are_shown(server, browser) {
        let (keeper, file, _) = stage(server).await;
        let grace = browser.person(server, "Grace", &[group::RELEASE_ADMINISTRATORS]).await;
        let linus = server.person("Linus", &[group::READERS]).await;
        let id = linus.client.coffer().connection_data().await.unwrap().authenticated_user.id;
        let project = keeper.client.coffer().projects().await.unwrap()[0].id.unwrap();
        let list = format!("_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{project}%24{}", file.id);
        let give = async |role: &str| {
            let body = json!([{"userId": id, "roleName": role}]);
            keeper.call("PUT", &list).json(&body).send().await.ok();
        };
        give("Reader").await;
        grace.goto(&page(&file)).await;
        open(&grace, "Security", "Security: ca.pem").await;
        grace.select(css("select[aria-label='Role of Linus']"), "Administrator").await;
        give("User").await;
        grace.click(button("Save changes")).await;
        grace.see(status("Somebody else changed the roles meanwhile")).await;
        grace.see(row("Linus").with("was Reader, is now User")).await;
        grace.accessible("roles that changed meanwhile").await;
        grace.picture("security-meanwhile").await;
        grace.click(button("Save changes")).await;
        grace.see(status("The roles are saved")).await;
    }

    async fn a_file_is_deleted_by_its_name_and_without_a_mouse(server, browser) {
        let (keeper, file, pipeline) = stage(server).await;
        keeper.permit(&file, &pipeline, true).await.unwrap();
        let grace = browser.person(server, "Grace", &[group::RELEASE_ADMINISTRATORS]).await;
        grace.goto(&page(&file)).await;
        grace.tab_to(link("Delete")).await;
        grace.press("Enter").await;
        grace.see(heading("Delete ca.pem?")).await;
        grace.accessible("deleting a file").await;
        grace.picture("delete").await;
        // The field has the focus: this is what there is to do.
        grace.types("CA.pem").await;
        grace.press("Enter").await;
        grace.see(status("Upper and lower case count here")).await;
        grace.accessible("a name that is not the file's").await;
        grace.picture("delete-refused").await;
        // Escape leaves, and the focus is where it was.
        grace.press("Escape").await;
        grace.gone(heading("Delete ca.pem?")).await;
        assert_eq!(keeper.file_names().await, ["ca.pem"]);
    }

    async fn properties_are_changed_with_and_without_a_script(server, browser) {
        let (_, file, _) = stage(server).await;
        for (name, scripts) in [("Grace", true), ("Linus", false)] {
            let options = json!({"javaScriptEnabled": scripts});
            let window = browser.person_with(server, name, &[group::RELEASE_ADMINISTRATORS], options).await;
            window.goto(&page(&file)).await;
            let number = if scripts { 1 } else { 2 };
            window.fill(css(&format!("[aria-label='Name of property {number}']")), &format!("owner {name}")).await;
            window.fill(css(&format!("[aria-label='Value of property {number}']")), "mobile <b>team</b>").await;
            window.click(button("Save")).await;
            window.see(status("The changes are saved")).await;
            let kept = window.value_of(css(&format!("[aria-label='Value of property {number}']"))).await;
            assert_eq!(kept, "mobile <b>team</b>");
            window.fill(field("Name").number(0), "a:b").await;
            window.click(button("Save")).await;
            window.see("has a meaning in paths").await;
            assert_eq!(window.value_of(css("#file-name")).await, "a:b");
            if scripts {
                window.accessible("a name that is refused").await;
                window.picture("file-name-refused").await;
            } else {
                // The dialogs are pages.
                window.goto(&page(&file)).await;
                window.click(link("Security")).await;
                window.see(heading("Security: ca.pem")).await;
                window.click(button("+ Add")).await;
                window.fill(css("#sec-search"), "Readers").await;
                window.click(button("Search")).await;
                window.tick(css("#sec-found input").number(0), true).await;
                window.click(button("Add")).await;
                window.see("1 change not saved yet").await;
                window.click(button("Save changes")).await;
                window.see(status("The roles are saved")).await;
            }
        }
    }

    async fn the_yaml_that_is_copied_is_a_plan_whatever_the_name_holds(server, browser) {
        let keeper = server.release_engineer().await;
        let options = json!({"permissions": ["clipboard-read", "clipboard-write"]});
        let grace = browser.person_with(server, "Grace", &[group::RELEASE_ADMINISTRATORS], options).await;
        let developer = server.developer().await;
        for (number, name) in [
            "ca.pem", "Ann's key #1 - {x} & [y]", "a,b.txt", "$(Build.BuildId).p12", "${{ x }}", "5b0f3a52-0e94-4a0d-9a1f-3c6f3ab1c9d0",
            "true", "'\u{5de}\u{5e4}\u{5ea}\u{5d7}'.p12", "%@`!&~", LONG,
        ].into_iter().enumerate() {
            let file = keeper.upload(name, b"x").await;
            grace.goto(&page(&file)).await;
            grace.click(button("Copy the YAML")).await;
            grace.see(status("Copied.")).await;
            let copied = grace.ask("navigator.clipboard.readText()").await;
            let pipeline = developer.pipeline(&format!("p{number}"), copied.as_str().unwrap()).await;
            let named = pipeline.authorization.unwrap_or_default();
            let named = named.permitted.into_iter().chain(named.waiting.into_iter().map(|waiting| waiting.resource));
            let ids: Vec<String> = named.map(|resource| resource.id).collect();
            assert_eq!(ids, [file.id], "{name}: {copied}");
            if number == 3 || name == LONG || number == 7 {
                grace.picture(&format!("file-named-{number}")).await;
            }
        }
    }

    async fn who_only_reads_sees_and_changes_nothing(server, browser) {
        let (keeper, file, pipeline) = stage(server).await;
        keeper.permit(&file, &pipeline, true).await.unwrap();
        let rita = browser.person(server, "Rita", &[group::READERS]).await;
        rita.goto(&page(&file)).await;
        rita.see(heading("ca.pem")).await;
        rita.accessible("the page of a file to a reader").await;
        rita.picture("file-reader").await;
        assert_eq!(rita.count(link("Delete")).await, 0);
        open(&rita, "Pipeline permissions", "Pipeline permissions: ca.pem").await;
        rita.see(row("build")).await;
        rita.accessible("permissions to a reader").await;
        rita.picture("permissions-reader").await;
        rita.press("Escape").await;
        open(&rita, "Security", "Security: ca.pem").await;
        rita.see("may not change it").await;
        rita.accessible("roles to a reader").await;
        rita.picture("security-reader").await;
    }
}
