//! Pipelines and runs: what waits is permitted by keyboard, and a page follows a run while a real agent works on it.

use coffer_testkit::chromium::{button, css, field, heading, link, row, sheet, status};
use coffer_testkit::{PROJECT, browser, group};
use serde_json::json;

/// A page of the first project, by its part of the address after `_build`.
fn at(rest: &str) -> String {
    format!(
        "/DefaultCollection/{}/_build{rest}",
        PROJECT.replace(' ', "%20")
    )
}

const WANTS: &str = "steps:\n- task: DownloadSecureFile@1\n  inputs:\n    secureFile: ca.pem\n";

browser! {
    async fn what_a_run_waits_for_is_permitted_without_a_mouse_and_it_goes_on(server, browser) {
        let grace = browser.person(server, "Grace", &[group::RELEASE_ADMINISTRATORS]).await;
        let linus = browser.person(server, "Linus", &[group::CONTRIBUTORS]).await;
        grace.user.upload("ca.pem", b"content").await;

        // Linus starts a run, and sees what it waits for and who may permit it.
        linus.goto(&at("")).await;
        linus.see(heading("No pipeline yet")).await;
        linus.accessible("a project without pipelines").await;
        linus.picture("no-pipelines").await;
        linus.user.pipeline("build", WANTS).await;
        linus.goto(&at("")).await;
        linus.click(link("build")).await;
        linus.see(heading("build")).await;
        linus.accessible("a pipeline").await;
        linus.picture("pipeline").await;
        linus.tab_to(button("Run pipeline")).await;
        linus.press("Enter").await;
        linus.see("needs permission to use 1 resource before this run can continue").await;
        linus.accessible("a run that waits").await;
        linus.picture("run-waits").await;
        linus.click(link("View")).await;
        linus.see(sheet().find(heading("Waiting for review"))).await;
        linus.see("You may not permit it.").await;
        linus.see("Grace").await;
        linus.accessible("what a run waits for").await;
        linus.picture("review-refused").await;
        linus.press("Escape").await;
        linus.gone(heading("Waiting for review")).await;
        linus.ask("window.stayed = true").await;

        grace.goto(&at("/results?buildId=1")).await;
        grace.tab_to(link("View")).await;
        grace.press("Enter").await;
        grace.see(sheet().find(heading("Waiting for review"))).await;
        grace.tab_to(link("Permit the use of ca.pem")).await;
        grace.picture("review").await;
        grace.press("Enter").await;
        grace.see(sheet().find(heading("Permit the pipeline"))).await;
        grace.see("all its runs, now and later").await;
        grace.accessible("the question before a permission").await;
        grace.picture("permit").await;
        grace.tab_to(button("Permit")).await;
        grace.press("Enter").await;
        grace.see(status("Permission is given, and the run goes on.")).await;
        grace.gone(link("View")).await;
        grace.picture("run-permitted").await;

        // Linus sees it without doing anything, and hears it.
        linus.see(status("Run 1: Queued")).await;
        linus.gone(link("View")).await;
        assert_eq!(linus.ask("window.stayed").await, true);

        linus.tab_to(link("Cancel run")).await;
        linus.press("Enter").await;
        linus.see(sheet().find(heading("Cancel the run"))).await;
        linus.accessible("the question before a run is canceled").await;
        linus.tab_to(button("Cancel the run")).await;
        linus.press("Enter").await;
        linus.see(status("The run is being canceled.")).await;
        linus.goto(&at("?definitionId=1")).await;
        linus.see(row("1").with("Canceled")).await;
    }

    async fn a_page_follows_a_run_and_does_not_move_under_its_reader(server, browser) {
        let linus = browser.person(server, "Linus", &[group::CONTRIBUTORS]).await;
        let gate = server.scratch("gate").join("open");
        let yaml = format!(
            "steps:\n- script: |\n    echo \"##[section]Getting ready\"\n    for i in $(seq 1 120); do echo line $i of many; done\n    \
             echo '<img src=x onerror=canary(1)>'\n    until [ -e '{0}1' ]; do sleep 0.1; done\n    echo first gate\n    \
             until [ -e '{0}2' ]; do sleep 0.1; done\n    echo second gate\n    \
             echo \"##vso[task.logissue type=warning]<b>careful</b>\"\n  displayName: Wait for the gate\n",
            gate.display()
        );
        let open = |number: u8| std::fs::write(format!("{}{number}", gate.display()), "").unwrap();
        let pipeline = linus.user.pipeline("build", &yaml).await;
        let run = linus.user.run(&pipeline).await;
        linus.goto(&at(&format!("/results?buildId={}", run.id))).await;
        linus.see("Queued").await;
        linus.ask("window.stayed = true").await;
        let reads = async {
            linus.see(status("Running")).await;
            linus.see(link("Wait for the gate")).await;
            // The page goes along with what runs, as long as nobody chose a step.
            linus.see(heading("Wait for the gate")).await;
            linus.see("line 120 of many").await;
            assert_eq!(linus.ask("window.stayed").await, true, "all that came by itself");

            linus.click(link("Wait for the gate")).await;
            linus.see("<img src=x onerror=canary(1)>").await;
            linus.accessible("a run that goes on").await;
            linus.picture("run-goes-on").await;
            // Who reads above is not moved; who reads the end is taken along.
            linus.ask("(window.stayed = true, scrollTo(0, 0))").await;
            open(1);
            linus.see("first gate").await;
            assert_eq!(linus.ask("scrollY").await, 0);
            let end = "document.documentElement.scrollHeight - scrollY - innerHeight < 48";
            linus.ask("scrollTo(0, document.documentElement.scrollHeight)").await;
            assert_eq!(linus.ask(end).await, true);
            // A reader's place on the keyboard stays as well.
            linus.ask("document.querySelector('[aria-current=true][id^=step]').focus({preventScroll: true})").await;
            open(2);
            linus.see("second gate").await;
            linus.see(status("Succeeded")).await;
            assert_eq!(linus.ask(end).await, true);
            assert!(linus.focused().await.contains("Wait for the gate"));
            linus.gone(link("Cancel run")).await;
            linus.see("Warning: <b>careful</b>").await;
            assert_eq!(linus.ask("window.stayed").await, true);
            let numbers = "(() => { const ids = [...document.querySelectorAll('#log > li')].map((line) => Number(line.id.slice(1)));\
                           return ids.every((id, at) => id === at + 1); })()";
            assert_eq!(linus.ask(numbers).await, true, "no line twice, none left out");
            linus.accessible("a run that is over").await;
            linus.picture("run-over").await;
        };
        // The agent works while somebody looks.
        tokio::join!(server.run_agent("bob"), reads);
    }

    async fn a_run_is_read_and_permitted_without_a_script(server, browser) {
        let options = json!({"javaScriptEnabled": false});
        let grace = browser.person_with(server, "Grace", &[group::RELEASE_ADMINISTRATORS, group::CONTRIBUTORS], options).await;
        grace.user.upload("ca.pem", b"content").await;
        grace.user.pipeline("other", "steps:\n- script: echo\n").await;
        server.person("Linus", &[group::CONTRIBUTORS]).await;
        let linus = server.holder(&server.person_token("Linus").await.unwrap());
        linus.pipeline("build", WANTS).await;
        grace.goto(&at("")).await;
        grace.fill(field("Search pipelines by name"), "BUI").await;
        grace.click(button("Search")).await;
        grace.gone("other").await;
        grace.click(link("build")).await;
        grace.click(button("Run pipeline")).await;
        grace.see(link("Load again")).await;
        grace.click(link("View")).await;
        grace.see(heading("Waiting for review")).await;
        grace.click(link("Permit the use of ca.pem")).await;
        grace.click(button("Permit")).await;
        grace.see(status("Permission is given, and the run goes on.")).await;
        let agent = server.agent("hand").await;
        let job = agent.job().await;
        agent.finish(&job, "succeeded").await.unwrap();
        grace.click(link("Load again")).await;
        grace.see(css("h1").with("Succeeded")).await;
        grace.gone(link("Load again")).await;
    }
}
