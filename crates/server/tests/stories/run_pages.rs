//! Pipelines and runs in a browser: reading, starting, what a run waits for, permitting, canceling, logs; who may not, and
//! pages of others.

use crate::{newest, reason, yaml};
use coffer_testkit::{
    Answer, Browser, From, LeasedJob, PROJECT, TestServer, User, both, form_token, group,
};
use coffer_wire::agent::Feed;
use coffer_wire::pipelines::{Pipeline, Run};
use coffer_wire::secure_files::SecureFile;
use serde_json::json;

const PASSWORD: &str = "a long enough password";
const EVIL: &str = "http://evil.example";
const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=alert(1)>";

/// Somebody new, and a browser in which they are signed in.
pub(crate) async fn somebody(server: &TestServer, name: &str, groups: &[&str]) -> (User, Browser) {
    let user = server.person_with_password(name, groups, PASSWORD).await;
    let mut browser = server.browser();
    sign_in(&mut browser, name).await;
    (user, browser)
}

async fn sign_in(browser: &mut Browser, name: &str) {
    let fields = [("name", name), ("password", PASSWORD)];
    browser.fill("/signin", "/signin", &fields).await.ok();
    assert!(browser.at.ends_with('/'), "{}", browser.at);
}

/// A page of the first project, by its part of the address after `_build`.
fn at(rest: &str) -> String {
    let project = PROJECT.replace(' ', "%20");
    format!("/DefaultCollection/{project}/_build{rest}")
}

async fn page(browser: &mut Browser, rest: &str) -> Answer {
    let url = browser.here(&at(rest));
    browser.go(From::SameSite, &url).await
}

/// Sends a form that stands on one page to another.
async fn send(browser: &mut Browser, from: &str, to: &str, fields: &[(&str, &str)]) -> Answer {
    browser.fill(&at(from), &at(to), fields).await
}

/// Sends a form that none of our pages shows to this person, with a token of theirs.
async fn force(browser: &mut Browser, to: &str, fields: &[(&str, &str)]) -> Answer {
    browser.fill("/account", &at(to), fields).await
}

#[track_caller]
fn says(answer: &Answer, wanted: &[&str]) {
    let text = answer.text();
    for wanted in wanted {
        assert!(text.contains(wanted), "no {wanted:?}: {answer}: {text}");
    }
}

#[track_caller]
fn says_not(answer: &Answer, unwanted: &[&str]) {
    let text = answer.text();
    for unwanted in unwanted {
        assert!(!text.contains(unwanted), "{unwanted:?}: {answer}: {text}");
    }
}

/// Grace, who administers a file, and Dev, whose pipeline asks for it.
struct Scene {
    grace: User,
    at_grace: Browser,
    dev: User,
    at_dev: Browser,
    file: SecureFile,
    pipeline: Pipeline,
}

impl Scene {
    async fn of(server: &TestServer) -> Self {
        let (grace, at_grace) = somebody(server, "Grace", &[group::RELEASE_ADMINISTRATORS]).await;
        let (dev, at_dev) = somebody(server, "Dev", &[group::CONTRIBUTORS]).await;
        let file = grace.upload("ca.pem", b"content").await;
        let pipeline = dev.pipeline("build", &yaml(&["ca.pem"])).await;
        Self {
            grace,
            at_grace,
            dev,
            at_dev,
            file,
            pipeline,
        }
    }
}

fn review_of(run: &Run) -> String {
    format!("/results/review?buildId={}", run.id)
}

fn feed(job: &LeasedJob, first: i64, lines: &[String], end: Option<&str>) -> Feed {
    let step = job.step("Say it");
    let body = json!({
        "leaseToken": "",
        "records": [{
            "id": step, "name": HOSTILE, "order": 2, "startTime": 1_000_000, "finishTime": end.map(|_| 3_000_000),
            "state": if end.is_some() { "completed" } else { "inProgress" }, "result": end,
            "errorCount": 12, "issues": [{"type": "error", "category": "General", "message": format!("{HOSTILE}\n2")}],
        }],
        "lines": [{ "recordId": step, "firstLine": first, "lines": lines }],
    });
    serde_json::from_value(body).unwrap()
}

both! {
    async fn a_run_is_started_waits_is_permitted_and_goes_on(server) {
        let mut scene = Scene::of(&server).await;
        let one = format!("?definitionId={}", scene.pipeline.id);
        let id = scene.pipeline.id.to_string();
        let shown = page(&mut scene.at_dev, &one).await.ok();
        says(&shown, &["Run pipeline", "secureFile: &#39;ca.pem&#39;", "Not permitted", "Grace", "It never ran."]);
        let shown = send(&mut scene.at_dev, &one, "/run", &[("definitionId", &id)]).await.ok();
        assert!(scene.at_dev.at.contains("/_build/results?buildId="), "{}", scene.at_dev.at);
        says(&shown, &["Permission needed.", "needs permission to use 1 resource before this run can continue", "Waiting"]);
        let runs = scene.dev.client.pipelines(PROJECT).runs(scene.pipeline.id).await.unwrap();
        let run = runs[0].clone();
        says(&page(&mut scene.at_dev, "").await.ok(), &[">build</bdi>", "Waiting"]);
        says(&page(&mut scene.at_dev, &one).await.ok(), &["Waiting"]);

        // Who may not permit sees who may, and is refused when asking nevertheless.
        let review = review_of(&run);
        let shown = page(&mut scene.at_dev, &review).await.ok();
        says(&shown, &["Waiting for review", "ca.pem", "You may not permit it.", "Grace"]);
        says_not(&shown, &["&permit=", "&amp;permit="]);
        let build = run.id.to_string();
        let fields = [("buildId", build.as_str()), ("file", scene.file.id.as_str())];
        let refused = force(&mut scene.at_dev, "/results/review", &fields).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
        let events = server.administrator().audit().await;
        let denied = newest(&events, "Pipelines.ResourceAuthorizedForPipeline");
        assert_eq!((denied.outcome.as_str(), denied.actor.name.as_str()), ("denied", "Dev"));
        assert_eq!(scene.dev.run_now(&run).await.waiting_for.len(), 1);

        // Who may is asked once more, and told what it means.
        let shown = page(&mut scene.at_grace, &review).await.ok();
        let link = format!("{review}&permit={}", scene.file.id);
        says(&shown, &[&at(&link).replace('&', "&amp;")]);
        let shown = page(&mut scene.at_grace, &link).await.ok();
        says(&shown, &["all its runs, now and later", "ca.pem", "build"]);
        let agent = server.agent("hand").await;
        assert!(agent.lease().await.is_none());
        let shown = send(&mut scene.at_grace, &link, "/results/review", &fields).await.ok();
        assert!(scene.at_grace.at.contains(&format!("/results?buildId={}", run.id)), "{}", scene.at_grace.at);
        says(&shown, &["Permission is given, and the run goes on.", "Queued"]);
        says_not(&shown, &["Permission needed."]);
        let events = server.administrator().audit().await;
        let by_page = newest(&events, "Pipelines.ResourceAuthorizedForPipeline").clone();
        assert_eq!((by_page.outcome.as_str(), by_page.actor.authentication.as_str()), ("allowed", "session"));
        // A second answer to the same question does no harm.
        let again = force(&mut scene.at_grace, "/results/review", &fields).await;
        assert_eq!(again.status, 200, "{}", again.text());

        // The same record as by the API.
        let other = scene.dev.pipeline("other", &yaml(&["ca.pem"])).await;
        scene.grace.permit(&scene.file, &other, true).await.unwrap();
        let events = server.administrator().audit().await;
        let by_api = newest(&events, "Pipelines.ResourceAuthorizedForPipeline");
        let shape = |event: &coffer_wire::coffer::AuditEvent| {
            // How the person showed who it is differs, and a test's browser has no name.
            let keys: Vec<_> = event.details.keys().filter(|key| !["session", "credential", "userAgent"].contains(&key.as_str())).cloned().collect();
            assert!(keys.contains(&"activity".to_owned()), "it is found in the access log: {keys:?}");
            (event.resource_type.clone(), event.resource_id.clone(), keys)
        };
        assert_eq!(shape(&by_page), shape(by_api));

        let job = agent.job().await;
        assert_eq!(job.job.run_id, run.id);
        let shown = page(&mut scene.at_dev, &format!("/results?buildId={}", run.id)).await.ok();
        says(&shown, &["Running", "hand"]);
        agent.finish(&job, "succeeded").await.unwrap();
        let shown = page(&mut scene.at_dev, &format!("/results?buildId={}", run.id)).await.ok();
        says(&shown, &["Succeeded", "data-over"]);
        says_not(&shown, &["Cancel run", "Load again"]);
        // The next run does not ask.
        let shown = send(&mut scene.at_dev, &one, "/run", &[("definitionId", &id)]).await.ok();
        says(&shown, &["Queued"]);
        says_not(&shown, &["Permission needed."]);
        says(&page(&mut scene.at_dev, &one).await.ok(), &["Permitted", "Succeeded", "Queued"]);
    }

    async fn a_reader_looks_and_changes_nothing_and_a_stranger_does_not_even_look(server) {
        let mut scene = Scene::of(&server).await;
        let run = scene.dev.run(&scene.pipeline).await;
        let (_, mut reader) = somebody(&server, "Rita", &[group::READERS]).await;
        let (build, id) = (run.id.to_string(), scene.pipeline.id.to_string());
        let (one, results) = (format!("?definitionId={id}"), format!("/results?buildId={build}"));
        says_not(&page(&mut reader, &one).await.ok(), &["Run pipeline"]);
        let shown = page(&mut reader, &results).await.ok();
        says(&shown, &["Permission needed.", "View"]);
        says_not(&shown, &["Cancel run"]);
        for (to, fields) in [
            ("/run", vec![("definitionId", id.as_str())]),
            ("/results/cancel", vec![("buildId", build.as_str())]),
            ("/results/review", vec![("buildId", build.as_str()), ("file", scene.file.id.as_str())]),
        ] {
            let refused = force(&mut reader, to, &fields).await;
            assert_eq!(refused.status, 403, "{to}: {}", refused.text());
        }
        assert_eq!(scene.dev.run_now(&run).await.waiting_for.len(), 1);

        // For a stranger, what is here is not here.
        let (_, mut stranger) = somebody(&server, "Sam", &[]).await;
        for there in ["", &one, &results, &review_of(&run), &format!("/results/cancel?buildId={build}")] {
            let shown = page(&mut stranger, there).await;
            assert_eq!(shown.status, 404, "{there}: {}", shown.text());
        }
        // And for who sees the project, a run of another project is as one that never was.
        let ada = server.administrator();
        ada.call("POST", "_apis/coffer/projects").json(&json!({"name": "Vault"})).send().await.ok();
        let there = ada.client.pipelines("Vault");
        let foreign = there.add("build", "a.yml", "steps:\n- script: echo\n").await.unwrap();
        let foreign_run = there.run(foreign.id, &Default::default()).await.unwrap();
        for page_of in ["/results?buildId=", "/results/review?buildId=", "/results/cancel?buildId=", "/results/log?t=x&buildId="] {
            let foreign = page(&mut scene.at_dev, &format!("{page_of}{}", foreign_run.id)).await;
            let absent = page(&mut scene.at_dev, &format!("{page_of}999999")).await;
            assert_eq!((foreign.status, absent.status), (404, 404), "{page_of}");
            assert_eq!(foreign.text(), absent.text(), "{page_of}");
        }
        let foreign_pipeline = page(&mut scene.at_dev, &format!("?definitionId={}", foreign.id)).await;
        let absent = page(&mut scene.at_dev, "?definitionId=999999").await;
        assert_eq!((foreign_pipeline.status, absent.status), (404, 404));
        assert_eq!(foreign_pipeline.text(), absent.text());
        for (to, name, foreign) in [("/run", "definitionId", foreign.id), ("/results/cancel", "buildId", foreign_run.id)] {
            let answer = force(&mut scene.at_dev, to, &[(name, &foreign.to_string())]).await;
            assert_eq!(answer.status, 404, "{to}: {}", answer.text());
        }
        assert_eq!(there.get_run(foreign.id, foreign_run.id).await.unwrap().state, "inProgress");
    }

    async fn a_form_that_is_not_ours_starts_permits_and_cancels_nothing(server) {
        let mut scene = Scene::of(&server).await;
        let run = scene.dev.run(&scene.pipeline).await;
        let (build, id) = (run.id.to_string(), scene.pipeline.id.to_string());
        let token = form_token(&page(&mut scene.at_grace, &format!("{}&permit={}", review_of(&run), scene.file.id)).await.ok());
        let dev_token = form_token(&page(&mut scene.at_dev, &format!("?definitionId={id}")).await.ok());
        let permit = [("buildId", build.as_str()), ("file", scene.file.id.as_str())];
        for (by_grace, token, to, fields) in [
            (true, &token, "/results/review", &permit[..]),
            (false, &dev_token, "/run", &[("definitionId", id.as_str())]),
            (false, &dev_token, "/results/cancel", &permit[..1]),
        ] {
            let browser = if by_grace { &mut scene.at_grace } else { &mut scene.at_dev };
            assert_eq!(token.len(), 43);
            let url = browser.here(&at(to));
            for (from, token) in [(From::Other(EVIL), token.as_str()), (From::SameSite, ""), (From::SameSite, "x")] {
                let mut all = vec![("form_token", token)];
                all.extend_from_slice(fields);
                let refused = browser.submit(from, &url, &all).await;
                assert_eq!(refused.status, 403, "{to} {from:?}: {}", refused.text());
                says(&refused, &["Nothing was changed"]);
            }
        }
        let now = scene.dev.run_now(&run).await;
        assert_eq!((now.state.as_str(), now.waiting_for.len()), ("inProgress", 1));
        let runs = scene.dev.client.pipelines(PROJECT).runs(scene.pipeline.id).await.unwrap();
        assert_eq!(runs.len(), 1);
    }

    async fn a_permission_wants_a_fresh_sign_in_and_the_page_leads_there_and_back(mut server) {
        let mut scene = Scene::of(&server).await;
        let run = scene.dev.run(&scene.pipeline).await;
        let build = run.id.to_string();
        let fields = [("buildId", build.as_str()), ("file", scene.file.id.as_str())];
        server.advance_clock(16 * 60);
        // She still is somebody who may: the question says what it takes.
        let link = format!("{}&permit={}", review_of(&run), scene.file.id);
        let shown = page(&mut scene.at_grace, &review_of(&run)).await.ok();
        says(&shown, &["Permit<"]);
        let shown = page(&mut scene.at_grace, &link).await.ok();
        says(&shown, &["fresh sign-in", "/signin?return=%2FDefaultCollection%2F"]);
        let refused = force(&mut scene.at_grace, "/results/review", &fields).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
        says(&refused, &["Sign in again"]);
        let events = server.administrator().audit().await;
        assert_eq!(reason(newest(&events, "Pipelines.ResourceAuthorizedForPipeline")), "sign_in_not_fresh");
        sign_in(&mut scene.at_grace, "Grace").await;
        let shown = send(&mut scene.at_grace, &link, "/results/review", &fields).await.ok();
        says(&shown, &["the run goes on"]);
    }

    async fn a_run_is_canceled_after_a_question(server) {
        let mut scene = Scene::of(&server).await;
        let run = scene.dev.run(&scene.pipeline).await;
        let (build, cancel) = (run.id.to_string(), format!("/results/cancel?buildId={}", run.id));
        says(&page(&mut scene.at_dev, &format!("/results?buildId={build}")).await.ok(), &[&at(&cancel)]);
        says(&page(&mut scene.at_dev, &cancel).await.ok(), &["Cancel the run"]);
        assert_eq!(scene.dev.run_now(&run).await.state, "inProgress");
        let shown = send(&mut scene.at_dev, &cancel, "/results/cancel", &[("buildId", &build)]).await.ok();
        says(&shown, &["The run is being canceled.", "Canceled"]);
        says(&page(&mut scene.at_dev, &cancel).await.ok(), &["is over"]);
        let ended = scene.dev.run_now(&run).await;
        assert_eq!(ended.result.as_deref(), Some("canceled"));
        let events = server.administrator().audit().await;
        let canceled = newest(&events, "Pipelines.RunCanceled");
        assert_eq!((canceled.actor.name.as_str(), canceled.actor.authentication.as_str()), ("Dev", "session"));
    }

    async fn what_else_a_run_waits_for_is_told_in_words(server) {
        let mut scene = Scene::of(&server).await;
        scene.grace.permit(&scene.file, &scene.pipeline, true).await.unwrap();
        let path = coffer_wire::paths::fill(coffer_wire::paths::access::FILE_FREEZE, &[PROJECT, &scene.file.id]);
        let reason = format!("lost {HOSTILE}");
        server.administrator().call("PUT", &path).json(&json!({"reason": reason})).send().await.ok();
        let run = scene.dev.run(&scene.pipeline).await;
        let shown = page(&mut scene.at_dev, &format!("/results?buildId={}", run.id)).await.ok();
        says(&shown, &["is frozen", "It is frozen by", "lost &lt;script&gt;"]);
        says_not(&shown, &["Permission needed.", HOSTILE]);
        let shown = page(&mut scene.at_grace, &review_of(&run)).await.ok();
        says(&shown, &["frozen", "lost &lt;script&gt;"]);
        says_not(&shown, &["&permit=", "&amp;permit=", HOSTILE]);
        // No permission lifts a freeze, and none is recorded.
        let build = run.id.to_string();
        let fields = [("buildId", build.as_str()), ("file", scene.file.id.as_str())];
        let before = server.administrator().audit().await.len();
        force(&mut scene.at_grace, "/results/review", &fields).await.ok();
        let events = server.administrator().audit().await;
        let written = events[before..].iter().filter(|event| event.action == "Pipelines.ResourceAuthorizedForPipeline");
        assert_eq!(written.count(), 0);
        assert_eq!(scene.dev.run_now(&run).await.waiting_for.len(), 1);
    }

    async fn the_page_and_the_log_grow_while_the_run_goes_on(server) {
        let mut scene = Scene::of(&server).await;
        scene.grace.permit(&scene.file, &scene.pipeline, true).await.unwrap();
        let run = scene.dev.run(&scene.pipeline).await;
        let agent = server.agent("hand").await;
        let job = agent.job().await;
        let step = job.step("Say it");
        let browser = &mut scene.at_dev;
        let here = format!("/results?buildId={}&t={step}", run.id);
        let log = format!("/results/log?buildId={}&t={step}", run.id);
        agent.feed(&job, feed(&job, 1, &[], None)).await.unwrap();
        let shown = page(browser, &here).await.ok();
        says(&shown, &["No lines yet."]);
        let mark = |page: &Answer| page.text().split_once("data-mark=\"").unwrap().1.split('"').next().unwrap().to_owned();
        let first = mark(&shown);
        assert_eq!(page(browser, &format!("{here}&mark={first}")).await.status, 204, "nothing has changed");
        assert_eq!(page(browser, &format!("{log}&from=1")).await.status, 204, "no line yet");

        let time = "2025-01-10T12:24:46.1066667Z ";
        let lines = [format!("{time}##[section]Starting"), format!("{time}{HOSTILE}"), format!("{time}\u{1b}[31mred\u{1b}[0m\u{202e}")];
        agent.feed(&job, feed(&job, 1, &lines, None)).await.unwrap();
        let shown = page(browser, &here).await.ok();
        says(&shown, &["id=\"L2\"", "class=\"section\">Starting", "&lt;script&gt;", "red&lt;U+202E&gt;", "11 more in the log"]);
        says_not(&shown, &[HOSTILE, "\u{1b}", "\u{202e}", "2025-01-10"]);
        // A part has lines and nothing around them, under the headers of every page.
        let part = page(browser, &format!("{log}&from=2")).await.ok();
        says(&part, &["id=\"L2\"", "id=\"L3\""]);
        says_not(&part, &["<html", "id=\"L1\"", HOSTILE]);
        assert!(part.header("content-security-policy").starts_with("default-src 'none'"));
        assert_eq!(part.header("cache-control"), "no-cache, no-store");
        assert_eq!(page(browser, &format!("{log}&from=4")).await.status, 204);
        // More lines are no change of the state, the end is.
        let second = mark(&shown);
        let more: Vec<_> = (4..=1500).map(|n| format!("{time}line {n} of many")).collect();
        for (n, lines) in more.chunks(500).enumerate() {
            agent.feed(&job, feed(&job, 4 + 500 * i64::try_from(n).unwrap(), lines, None)).await.unwrap();
        }
        assert_eq!(page(browser, &format!("{here}&mark={second}")).await.status, 204);
        // Of a long log its beginning and its end, and the way to what is between.
        let shown = page(browser, &here).await.ok();
        says(&shown, &["line 200 of many", "Show lines 201 to 700", "line 701 of many", "line 1500 of many"]);
        says_not(&shown, &["line 201 of many", "line 700 of many"]);
        let gap = page(browser, &format!("{log}&from=201&to=700")).await.ok();
        says(&gap, &["line 201 of many", "line 700 of many"]);
        says_not(&gap, &["line 701 of many", "Show lines"]);
        let wide = page(browser, &format!("{log}&from=1&to=1500")).await.ok();
        says(&wide, &["line 1000 of many", "Show lines 1001 to 1500"]);
        let middle = page(browser, &format!("{here}&from=201")).await.ok();
        says(&middle, &["Show lines 1 to 200", "line 201 of many", "line 1200 of many", "Show lines 1201 to 1500"]);
        for odd in ["from=x", "from=-5", "from=99999999999999999999", "from=2&to=1", "to=0"] {
            let answer = page(browser, &format!("{log}&{odd}")).await;
            assert!(answer.status < 500, "{odd}: {answer}");
        }
        agent.feed(&job, feed(&job, 1501, &[], Some("failed"))).await.unwrap();
        agent.finish(&job, "failed").await.unwrap();
        let shown = page(browser, &format!("{here}&mark={second}")).await.ok();
        says(&shown, &["data-over", "Failed", "2 s"]);
        says_not(&shown, &["data-grows"]);
        // Without a choice the page shows what failed.
        let shown = page(browser, &format!("/results?buildId={}", run.id)).await.ok();
        says(&shown, &["line 1500 of many"]);
        let other = page(browser, &format!("/results/log?buildId={}&t={}", run.id, coffer_testkit::random_guid())).await;
        assert_eq!(other.status, 404);
    }

    async fn pipelines_are_found_and_their_names_are_text(server) {
        let (dev, mut browser) = somebody(&server, "Dev", &[group::CONTRIBUTORS]).await;
        let (_, mut reader) = somebody(&server, "Rita", &[group::READERS]).await;
        says(&page(&mut browser, "").await.ok(), &["No pipeline yet", "coffer pipeline add", "Write the YAML"]);
        says(&page(&mut reader, "").await.ok(), &["No pipeline yet", "You may not add one here"]);
        let hostile = "<img src=x onerror=alert(1)>";
        let pipeline = dev.pipeline(hostile, &format!("steps:\n- scrpt: echo '{HOSTILE}'\n")).await;
        dev.pipeline("ship it", "steps:\n- script: echo\n").await;
        let shown = page(&mut browser, "").await.ok();
        says(&shown, &["&lt;img src=x", "ship it", "2 pipelines", "none"]);
        says_not(&shown, &[hostile]);
        let shown = page(&mut browser, "?search=SHIP").await.ok();
        says(&shown, &["ship it", "1 pipeline<"]);
        says_not(&shown, &["&lt;img"]);
        says(&page(&mut browser, "?search=%3Cscript%3E").await.ok(), &["No pipeline is called so", "&lt;script&gt;"]);
        // A pipeline that cannot run says why, and offers no run.
        let shown = page(&mut browser, &format!("?definitionId={}", pipeline.id)).await.ok();
        says(&shown, &["cannot run as it is", "azure-pipelines.yml:", "&lt;script&gt;"]);
        says_not(&shown, &["Run pipeline", hostile, HOSTILE]);
        let refused = force(&mut browser, "/run", &[("definitionId", &pipeline.id.to_string())]).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        // A new revision replaces the text that is shown.
        let pipelines = dev.client.pipelines(PROJECT);
        pipelines.update(pipeline.id, hostile, "azure-pipelines.yml", "steps:\n- script: echo better\n").await.unwrap();
        let shown = page(&mut browser, &format!("?definitionId={}", pipeline.id)).await.ok();
        says(&shown, &["echo better", "revision 2", "Run pipeline", "The YAML names none."]);
        for odd in ["?definitionId=x", "?definitionId=-1", "?skip=x", "?skip=99999999", "?skip=18446744073709551615"] {
            let answer = page(&mut browser, odd).await;
            assert!(answer.status < 500, "{odd}: {answer}");
        }
    }

    async fn runs_of_a_pipeline_are_paged(server) {
        let (dev, mut browser) = somebody(&server, "Dev", &[group::CONTRIBUTORS]).await;
        let pipeline = dev.pipeline("build", "steps:\n- script: echo\n").await;
        let mut runs = Vec::new();
        for _ in 0..53 {
            runs.push(dev.run(&pipeline).await.id);
        }
        let link = |id: &i64| format!("/results?buildId={id}\"");
        let one = format!("?definitionId={}", pipeline.id);
        let shown = page(&mut browser, &one).await.ok();
        says(&shown, &[&link(&runs[52]), &link(&runs[3]), "Older runs"]);
        says_not(&shown, &[&link(&runs[2]), "Newest runs"]);
        let older = page(&mut browser, &format!("{one}&before={}", runs[3])).await.ok();
        says(&older, &[&link(&runs[2]), &link(&runs[0]), "Newest runs"]);
        says_not(&older, &[&link(&runs[3]), "Older runs"]);
    }
}
