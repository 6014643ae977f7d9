//! What the documentation's page tells, from beginning to end, by the people who do it.

use crate::places::{file_page, run_page};
use coffer_testkit::chromium::{button, css, field, heading, link, row, sheet, status};
use coffer_testkit::{PROJECT, Page, User, browser, eventually, group};
use coffer_wire::pipelines::Run;
use coffer_wire::secure_files::SecureFile;

const YAML: &str = "steps:\n- task: DownloadSecureFile@1\n  name: certificate\n  displayName: Get the certificate\n  inputs:\n    secureFile: ca.pem\n\
                    - script: echo it lies at $(certificate.secureFilePath)\n  displayName: Use it\n";

/// A run that waits for the permission of `ca.pem`.
async fn waiting(keeper: &User, developer: &User) -> (SecureFile, Run) {
    let file = keeper.upload("ca.pem", b"a certificate").await;
    let pipeline = developer.pipeline("build", YAML).await;
    (file, developer.run(&pipeline).await)
}

/// Opens a dialog by its link on the page.
async fn open(page: &Page, by: &str, title: &str) {
    page.click(link(by)).await;
    page.see(sheet().find(css("h1")).with(title)).await;
}

browser! {
    async fn a_run_waits_until_somebody_permits_it_and_goes_on(server, browser) {
        let rosa = browser.person(server, "Rosa", &[group::RELEASE_ADMINISTRATORS]).await;
        let linus = browser.person(server, "Linus", &[group::CONTRIBUTORS]).await;
        let (_, run) = waiting(&rosa.user, &linus.user).await;
        // Who may not permit it is told who may.
        linus.goto(&run_page(run.id)).await;
        linus.see("Permission needed.").await;
        linus.accessible("a run that waits").await;
        linus.picture("run-waits").await;
        open(&linus, "View", "Waiting for review").await;
        linus.see(sheet().find("You may not permit it. Who can")).await;
        linus.see(sheet().find("Release Administrators")).await;
        linus.accessible("what a run waits for").await;
        linus.picture("review-without-the-right").await;
        linus.gone(sheet().find(link("Permit"))).await;
        linus.press("Escape").await;

        rosa.goto(&run_page(run.id)).await;
        open(&rosa, "View", "Waiting for review").await;
        rosa.picture("review").await;
        rosa.click(sheet().find(css("a.button")).with("Permit")).await;
        rosa.see(sheet().find(css("h1")).with("Permit the pipeline")).await;
        rosa.accessible("permitting a pipeline").await;
        rosa.picture("permit").await;
        rosa.click(sheet().find(button("Permit"))).await;
        rosa.gone("Permission needed.").await;

        // The page that was open all the time says so by itself, and shows what the job writes.
        linus.gone("Permission needed.").await;
        server.run_agent("hand").await;
        linus.see(css("h1").with("Succeeded")).await;
        linus.click(link("Use it")).await;
        linus.see(css("#log").with("it lies at")).await;
        linus.accessible("a run that is over").await;
        linus.picture("run-over").await;
    }

    async fn pipelines_are_permitted_revoked_and_let_in_all_together(server, browser) {
        let rosa = browser.person(server, "Rosa", &[group::RELEASE_ADMINISTRATORS]).await;
        let linus = server.developer().await;
        let (file, _) = waiting(&rosa.user, &linus).await;
        linus.pipeline("nightly", YAML).await;
        rosa.goto(&file_page(&file.id)).await;
        rosa.see(heading("ca.pem")).await;
        rosa.see("none permitted").await;
        rosa.accessible("the page of a file").await;
        rosa.picture("file").await;
        open(&rosa, "Pipeline permissions", "Pipeline permissions").await;
        rosa.see(heading("No pipeline is permitted")).await;
        rosa.accessible("permissions of nobody").await;
        rosa.picture("permissions-empty").await;

        rosa.click(link("+ Add pipeline")).await;
        rosa.fill(field("Pipelines whose name holds"), "night").await;
        rosa.gone(sheet().find(row("build"))).await;
        rosa.accessible("choosing a pipeline").await;
        rosa.picture("permissions-add").await;
        rosa.click(sheet().find(row("nightly")).find(css("button"))).await;
        rosa.see(status("The pipeline is permitted")).await;
        rosa.see(sheet().find(row("nightly"))).await;
        rosa.accessible("permissions").await;
        rosa.picture("permissions").await;
        rosa.click(sheet().find(row("nightly")).find(css("button:not(.danger)"))).await;
        rosa.see(status("The pipeline may also name the file by a variable")).await;
        rosa.see(sheet().find(row("nightly").with("also by a variable"))).await;
        rosa.accessible("permissions by a variable").await;
        rosa.picture("permissions-by-variable").await;
        rosa.click(sheet().find(row("nightly")).find(css("button.danger"))).await;
        rosa.see(status("The permission is revoked")).await;
        rosa.see(heading("No pipeline is permitted")).await;

        rosa.click(css("dialog a").with("Open access")).await;
        rosa.see(sheet().find("Every pipeline of the project will be able to read this file")).await;
        rosa.accessible("opening a file to all").await;
        rosa.picture("permissions-open").await;
        let permissions = rosa.user.client.permissions(PROJECT);
        let is_open = async || permissions.get("securefile", &file.id).await.unwrap().all_pipelines.is_some();
        assert!(!is_open().await, "nothing is done before it is confirmed");
        rosa.click(sheet().find(button("Open access"))).await;
        rosa.see(status("The file is open to every pipeline")).await;
        assert!(is_open().await);
        rosa.picture("permissions-opened").await;
        rosa.click(sheet().find(button("Restrict access"))).await;
        rosa.see(status("Only the pipelines below may use the file again")).await;
        assert!(!is_open().await);
        rosa.press("Escape").await;
        rosa.see("none permitted").await;
    }

    async fn roles_are_given_changed_and_kept_apart_from_the_library(server, browser) {
        let rosa = browser.person(server, "Rosa", &[group::RELEASE_ADMINISTRATORS]).await;
        server.person("Grace", &[group::READERS]).await;
        let file = rosa.user.upload("ca.pem", b"x").await;
        rosa.goto(&file_page(&file.id)).await;
        open(&rosa, "Security", "Security").await;
        rosa.see(sheet().find(row("Release Administrators")).with("inherited")).await;
        rosa.accessible("roles of a file").await;
        rosa.picture("security").await;

        rosa.click(sheet().find(button("+ Add"))).await;
        rosa.fill(field("Person or group"), "grac").await;
        rosa.tick(css("dialog #sec-found input"), true).await;
        rosa.select(css("dialog #sec-role"), "User").await;
        rosa.accessible("adding to the roles").await;
        rosa.picture("security-add").await;
        rosa.click(sheet().find(button("Add"))).await;
        rosa.see(sheet().find(row("Grace")).with("not saved yet")).await;
        // Who closes now is told so once, and stays.
        rosa.press("Escape").await;
        rosa.see(status("Nothing of this is saved yet")).await;
        rosa.see(sheet().find(row("Grace")).with("not saved yet")).await;
        // Until it is saved it is thrown away at will.
        rosa.click(sheet().find(link("Reset changes"))).await;
        rosa.gone(sheet().find(row("Grace"))).await;

        rosa.click(sheet().find(button("+ Add"))).await;
        rosa.fill(field("Person or group"), "grac").await;
        rosa.tick(css("dialog #sec-found input"), true).await;
        rosa.select(css("dialog #sec-role"), "User").await;
        rosa.click(sheet().find(button("Add"))).await;
        rosa.click(sheet().find(button("Switch it off"))).await;
        rosa.see(sheet().find("Inheritance is off")).await;
        rosa.click(sheet().find(button("Save changes"))).await;
        rosa.see(status("The roles are saved")).await;
        rosa.gone(sheet().find(row("Release Administrators")).with("inherited")).await;
        rosa.see(sheet().find(row("Grace"))).await;
        rosa.accessible("roles that stand alone").await;
        rosa.picture("security-alone").await;

        rosa.select(sheet().find(css("select[aria-label='Role of Grace']")), "Administrator").await;
        rosa.click(sheet().find(button("Save changes"))).await;
        rosa.see(status("The roles are saved")).await;
        let project = server.administrator().client.graph().project(PROJECT).await.unwrap();
        eventually("the role is saved", async || {
            let roles = rosa.user.client.file_roles(&project.id, &file.id).list().await.unwrap();
            let grace = roles.iter().find(|one| one.identity.display_name == "Grace").unwrap();
            grace.role.display_name == "Administrator"
        })
        .await;
    }

    async fn a_file_is_deleted_by_its_name_and_what_would_break_is_told(server, browser) {
        let rosa = browser.person(server, "Rosa", &[group::RELEASE_ADMINISTRATORS]).await;
        let linus = server.developer().await;
        let (file, _) = waiting(&rosa.user, &linus).await;
        rosa.user.permit(&file, &run_pipeline(&linus).await, true).await.unwrap();
        // Without a mouse.
        rosa.goto(&file_page(&file.id)).await;
        rosa.tab_to(link("Delete")).await;
        rosa.press("Enter").await;
        rosa.see(sheet().find("This cannot be undone.")).await;
        rosa.see(sheet().find(row("build")).with("permitted")).await;
        rosa.accessible("deleting a file").await;
        rosa.picture("delete").await;
        assert!(rosa.focused().await.contains("Type the file's name"), "{}", rosa.focused().await);
        rosa.types("CA.pem").await;
        rosa.press("Enter").await;
        rosa.see("Nothing was deleted.").await;
        rosa.picture("delete-refused").await;
        rosa.fill(field("Type the file's name"), "ca.pem").await;
        rosa.tab_to(button("Delete the file")).await;
        rosa.press("Enter").await;
        rosa.gone(sheet()).await;
        rosa.arrive("/_library?").await;
        assert!(rosa.user.file_names().await.is_empty());
        assert_eq!(rosa.goto(&file_page(&file.id)).await, 404);
        rosa.picture("file-not-found").await;
    }

    async fn properties_are_kept_and_not_over_somebody_elses(server, browser) {
        let rosa = browser.person(server, "Rosa", &[group::RELEASE_ADMINISTRATORS]).await;
        let file = rosa.user.upload("ca.pem", b"x").await;
        let second = rosa.another_tab().await;
        for page in [&rosa, &second] {
            page.goto(&file_page(&file.id)).await;
            page.see(heading("ca.pem")).await;
        }
        rosa.fill(field("Name of property 1"), "owner").await;
        rosa.fill(field("Value of property 1"), "platform team").await;
        rosa.click(button("Save")).await;
        rosa.see(status("The changes are saved")).await;
        assert_eq!(rosa.value_of(field("Value of property 1")).await, "platform team");
        second.fill(field("Name of property 1"), "expires").await;
        second.fill(field("Value of property 1"), "2030").await;
        second.click(button("Save")).await;
        second.see(status("changed this meanwhile")).await;
        second.accessible("what somebody changed meanwhile").await;
        second.picture("file-meanwhile").await;
        assert_eq!(second.value_of(field("Value of property 1")).await, "2030");
    }
}

/// The one pipeline of a person.
async fn run_pipeline(user: &User) -> coffer_wire::pipelines::Pipeline {
    let pipelines = user.client.pipelines(PROJECT);
    pipelines.find("build").await.unwrap().unwrap()
}
