//! The page of a secure file and its dialogs, as forms that a browser sends: who sees what, who changes what, and that what
//! is done there is on record as it is when the API does it.

use crate::{Cast, newest, reason};
use coffer_testkit::{
    Answer, Browser, From, PROJECT, TestServer, User, both, form_token, group, random_guid,
};
use coffer_wire::coffer::AuditEvent;
use coffer_wire::paths::{fill, pages as at};
use serde_json::{Value, json};

const PASSWORD: &str = "a long enough password";
const EVIL: &str = "http://evil.example";

/// A new person, by the API and in a browser.
pub(crate) async fn window(server: &TestServer, name: &str, groups: &[&str]) -> (User, Browser) {
    let user = server.person_with_password(name, groups, PASSWORD).await;
    let mut browser = server.browser();
    let fields = [("name", name), ("password", PASSWORD), ("return", "/")];
    browser.fill("/signin", "/signin", &fields).await.ok();
    (user, browser)
}

/// A page below the organization.
pub(crate) fn path(template: &str, rest: &[&str]) -> String {
    let mut values = vec![PROJECT];
    values.extend(rest);
    format!("/DefaultCollection/{}", fill(template, &values))
}

pub(crate) async fn look(browser: &mut Browser, path: &str) -> Answer {
    let url = browser.here(path);
    browser.go(From::SameSite, &url).await
}

/// What an event says, with the details of these names.
pub(crate) fn told(event: &AuditEvent, kept: impl Fn(&str) -> bool) -> Value {
    let details = event.details.iter().filter(|(name, _)| kept(name));
    let details: Vec<String> = details
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    json!([
        event.action,
        event.outcome,
        event.actor.name,
        event.resource_type,
        details
    ])
}

/// Whether a detail says more than when, by which credential and about which file.
fn is_about_the_act(name: &str) -> bool {
    !matches!(
        name,
        "credential" | "session" | "activity" | "changes" | "token" | "userAgent"
    )
}

/// What went on record since there were so many events.
async fn since(server: &TestServer, mark: usize) -> Vec<Value> {
    let events = server.administrator().audit().await;
    let events = events[mark..]
        .iter()
        .filter(|event| !event.action.starts_with("AuditLog."));
    events.map(|event| told(event, is_about_the_act)).collect()
}

async fn mark(server: &TestServer) -> usize {
    server.administrator().audit().await.len()
}

/// The sentence of a problem, or of a field.
#[track_caller]
pub(crate) fn says(answer: &Answer, text: &str) {
    let page = answer.text();
    assert!(page.contains(text), "{answer}: no «{text}» in {page}");
}

#[track_caller]
pub(crate) fn says_not(answer: &Answer, text: &str) {
    let page = answer.text();
    assert!(!page.contains(text), "{answer}: «{text}» in {page}");
}

both! {
    async fn each_role_sees_its_part_of_a_file(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (run, job) = cast.job(&agent).await;
        job.download_own(&server).await.ok();
        agent.finish(&job, "succeeded").await.unwrap();
        let page = path(at::FILE, &[&cast.file.id]);
        let sha256 = crate::sha256(&cast.content);

        let (_, mut keeper) = window(&server, "Grace", &[group::RELEASE_ADMINISTRATORS]).await;
        let seen = look(&mut keeper, &page).await.ok();
        for text in ["ca.pem", &sha256, "Pipeline permissions", "Security", "Delete", "1 permitted", "name=\"key.2\"",
            "secureFile: &#39;ca.pem&#39;", &run.name, "build", "dev", "given once", "Content given to a job", "allowed"] {
            says(&seen, text);
        }
        says_not(&seen, "Approvals and checks");
        cast.assert_no_content(&seen);

        let (user, mut one) = window(&server, "Ursula", &[group::READERS]).await;
        give(&cast, &user, "User").await;
        let seen = look(&mut one, &page).await.ok();
        for text in [&sha256, "Pipeline permissions", "Security", "1 permitted"] {
            says(&seen, text);
        }
        for text in ["/delete\"", "name=\"key.0\"", "id=\"audit\""] {
            says_not(&seen, text);
        }

        let (_, mut reader) = window(&server, "Rita", &[group::READERS]).await;
        let seen = look(&mut reader, &page).await.ok();
        for text in [sha256.as_str(), "/delete\"", "name=\"key.0\"", "id=\"audit\""] {
            says_not(&seen, text);
        }
        says(&seen, "Its digest is shown to who may use it");
    }

    async fn what_is_foreign_hidden_or_absent_gets_one_answer_on_every_page(server) {
        let cast = Cast::of(&server).await;
        let (foreign, mut browser) = window(&server, "Mallory", &[]).await;
        let (_, mut reader) = window(&server, "Rita", &[group::READERS]).await;
        let hidden = hidden_file(&server).await;
        let (absent, other) = (random_guid().to_string(), "no-guid".to_owned());
        for template in [at::FILE, at::FILE_DELETE, at::FILE_PERMISSIONS, at::FILE_PERMISSIONS_ADD, at::FILE_PERMISSIONS_OPEN,
            at::FILE_SECURITY] {
            let of = async |browser: &mut Browser, id: &str| {
                let answer = look(browser, &path(template, &[id])).await;
                let text = answer.text();
                let token = text.split("name=\"form-token\" content=\"").nth(1).unwrap().split('"').next().unwrap();
                (answer.status, text.replace(token, "").replace(id, ""))
            };
            assert_eq!(of(&mut browser, &cast.file.id).await, of(&mut browser, &absent).await, "{template}");
            let (status, text) = of(&mut reader, &absent).await;
            assert_eq!((status, text.clone()), of(&mut reader, &hidden).await, "{template}");
            assert_eq!(status, 404);
            assert_eq!(of(&mut reader, &other).await.0, 404, "{template}");
            assert!(!text.contains("ca.pem"));
        }
        drop(foreign);
        // Nobody is sent to sign in, whatever is there.
        let mut nobody = server.browser();
        look(&mut nobody, &path(at::FILE, &[&cast.file.id])).await.ok();
        assert!(nobody.at.contains("/signin"), "{}", nobody.at);
    }

    async fn name_and_properties_are_saved_and_on_record_as_by_the_api(server) {
        let cast = Cast::of(&server).await;
        let (grace, mut browser) = window(&server, "Grace", &[group::RELEASE_ADMINISTRATORS]).await;
        let other = cast.engineer.upload("other.pem", b"x").await;
        let page = path(at::FILE, &[&cast.file.id]);
        let stamp = async |browser: &mut Browser| {
            let shown = look(browser, &page).await.ok().text();
            shown.split("name=\"stamp\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
        };
        let now = stamp(&mut browser).await;
        let start = mark(&server).await;
        let fields = [("stamp", now.as_str()), ("step", "save"), ("name", "ca.pem"), ("key.0", "owner"), ("value.0", "mobile"),
            ("key.1", ""), ("value.1", "")];
        let saved = browser.fill(&page, &page, &fields).await.ok();
        says(&saved, "The changes are saved.");
        let by_page = since(&server, start).await;
        let start = mark(&server).await;
        let body = json!({"properties": {"owner": "mobile"}});
        grace.call("PATCH", &grace.file_path(&other.id, "")).json(&body).send().await.ok();
        assert_eq!(by_page, since(&server, start).await);
        assert_eq!(by_page.len(), 1, "{by_page:?}");

        // What was sent from a page that is out of date changes nothing; both are shown, and what was typed stays.
        let fields = [("stamp", now.as_str()), ("step", "save"), ("name", "mine.pem"), ("key.0", "owner"), ("value.0", "web & <b>")];
        let stale = browser.fill(&page, &page, &fields).await;
        assert_eq!(stale.status, 409);
        for text in ["changed this meanwhile", "value=\"mine.pem\"", "web &amp; &lt;b&gt;", "mobile"] {
            says(&stale, text);
        }
        let file = grace.get(&grace.file_path(&cast.file.id, "")).await.ok().json();
        assert_eq!((&file["name"], &file["properties"]["owner"]), (&json!("ca.pem"), &json!("mobile")));

        // Bad names are told at the field.
        let now = stamp(&mut browser).await;
        for (name, status, text) in [("OTHER.pem", 409, "exists already"), ("a/b.pem", 400, "has a meaning in paths"), ("", 400, "The name is empty")] {
            let fields = [("stamp", now.as_str()), ("step", "save"), ("name", name), ("key.0", "kept"), ("value.0", "typed")];
            let refused = browser.fill(&page, &page, &fields).await;
            assert_eq!(refused.status, status, "{name}");
            for text in [text, "id=\"file-name-problem\"", "value=\"kept\"", "value=\"typed\""] {
                says(&refused, text);
            }
        }
        let long = "x".repeat(1025);
        for rows in [vec![("key.0", ""), ("value.0", "lonely")], vec![("key.0", "a"), ("key.1", "A")], vec![("key.0", long.as_str())]] {
            let mut fields = vec![("stamp", now.as_str()), ("step", "save"), ("name", "ca.pem")];
            fields.extend(rows);
            let refused = browser.fill(&page, &page, &fields).await;
            assert_eq!(refused.status, 400);
            says(&refused, "Nothing was saved.");
        }
        // More rows are no change.
        let start = mark(&server).await;
        let fields = [("stamp", now.as_str()), ("step", "more"), ("name", "typed.pem"), ("key.0", "a"), ("value.0", "b")];
        let more = browser.fill(&page, &page, &fields).await.ok();
        for text in ["value=\"typed.pem\"", "name=\"key.3\""] {
            says(&more, text);
        }
        assert!(since(&server, start).await.is_empty());

        // All hundred properties at their longest fit into the form.
        let long = "ä".repeat(512);
        let rows: Vec<_> = (0..100).map(|n| (format!("key.{n}"), format!("value.{n}"), format!("{n:03}{}", &long[..1020]))).collect();
        let mut fields = vec![("stamp", now.as_str()), ("step", "save"), ("name", "ca.pem")];
        for (key, value, text) in &rows {
            fields.extend([(key.as_str(), text.as_str()), (value.as_str(), long.as_str())]);
        }
        let saved = browser.fill(&page, &page, &fields).await.ok();
        says(&saved, "The changes are saved.");

        // Who only reads is refused by the gate, on record, whatever the page shows.
        let (_, mut reader) = window(&server, "Rita", &[group::READERS]).await;
        let now = stamp(&mut browser).await;
        let forged = forge(&mut reader, &page, &[("stamp", &now), ("step", "save"), ("name", "mine.pem")]).await;
        assert_eq!(forged.status, 403, "{}", forged.text());
        let events = server.administrator().audit().await;
        let denied = newest(&events, "SecureFile.PropertiesChanged");
        assert_eq!((denied.outcome.as_str(), denied.actor.name.as_str()), ("denied", "Rita"));
        let seen = look(&mut browser, &page).await.ok();
        for text in ["denied", "Rita", "Change of name or properties"] {
            says(&seen, text);
        }
    }

    async fn only_the_typed_name_deletes_a_file(server) {
        let cast = Cast::permitted(&server).await;
        let other = cast.engineer.upload("other.pem", b"x").await;
        let agent = server.agent("hand").await;
        let (run, job) = cast.job(&agent).await;
        agent.finish(&job, "succeeded").await.unwrap();
        let (grace, mut browser) = window(&server, "Grace", &[group::RELEASE_ADMINISTRATORS]).await;
        let dialog = path(at::FILE_DELETE, &[&cast.file.id]);
        let shown = look(&mut browser, &dialog).await.ok();
        assert_eq!(shown.header("coffer-page"), "dialog");
        for text in ["cannot be undone", "build", "its newest run uses it", "permitted", &run.name] {
            says(&shown, text);
        }
        let start = mark(&server).await;
        for wrong in ["", "CA.pem", "ca.pem ", "other.pem", "ca"] {
            let refused = browser.fill(&dialog, &dialog, &[("confirm", wrong)]).await;
            assert_eq!(refused.status, 400, "{wrong}");
            says(&refused, "Nothing was deleted.");
        }
        assert!(since(&server, start).await.is_empty());
        assert!(grace.file_names().await.contains(&"ca.pem".to_owned()));

        // Who may not is refused, even with the name.
        let (_, mut reader) = window(&server, "Rita", &[group::READERS]).await;
        let shown = look(&mut reader, &dialog).await.ok();
        says_not(&shown, "name=\"confirm\"");
        let forged = forge(&mut reader, &dialog, &[("confirm", "ca.pem")]).await;
        assert_eq!(forged.status, 403);

        let start = mark(&server).await;
        let back = browser.fill(&dialog, &dialog, &[("confirm", "ca.pem")]).await.ok();
        says(&back, "The file is deleted.");
        assert!(browser.at.contains("/_library?") && browser.at.contains("done=deleted"), "{}", browser.at);
        assert_eq!(grace.file_names().await, ["other.pem"]);
        let by_page = since(&server, start).await;
        let start = mark(&server).await;
        grace.call("DELETE", &grace.file_path(&other.id, "")).send().await;
        assert_eq!(by_page, since(&server, start).await);
        // A second time there is nothing to delete.
        let gone = look(&mut browser, &dialog).await;
        assert_eq!(gone.status, 404);
    }

    async fn pipelines_are_permitted_and_revoked_and_a_file_is_opened_and_restricted(server) {
        let cast = Cast::of(&server).await;
        let other = cast.engineer.upload("other.pem", b"x").await;
        let run = cast.developer.run(&cast.pipeline).await;
        assert_eq!(run.waiting_for.len(), 1);
        let (grace, mut browser) = window(&server, "Grace", &[group::RELEASE_ADMINISTRATORS]).await;
        let dialog = path(at::FILE_PERMISSIONS, &[&cast.file.id]);
        let picker = path(at::FILE_PERMISSIONS_ADD, &[&cast.file.id]);
        let warning = path(at::FILE_PERMISSIONS_OPEN, &[&cast.file.id]);
        let id = cast.pipeline.id.to_string();
        says(&look(&mut browser, &dialog).await.ok(), "No pipeline is permitted");
        let shown = look(&mut browser, &format!("{picker}?search=BUI")).await.ok();
        says(&shown, &format!("name=\"pipeline\" value=\"{id}\""));
        says(&look(&mut browser, &format!("{picker}?search=nothing")).await.ok(), "No pipeline");

        let by_api = async |body: Value| {
            let start = mark(&server).await;
            let path = fill(coffer_wire::paths::permissions::ITEM, &[PROJECT, "securefile", &other.id]);
            grace.call("PATCH", &path).json(&body).send().await.ok();
            since(&server, start).await
        };
        let pipelines = |authorized: bool| json!({"pipelines": [{"id": cast.pipeline.id, "authorized": authorized}]});
        let all = |authorized: bool| json!({"allPipelines": {"authorized": authorized}});

        let start = mark(&server).await;
        let done = browser.fill(&picker, &dialog, &[("act", "permit"), ("pipeline", &id)]).await.ok();
        says(&done, "The pipeline is permitted.");
        says(&done, "Grace");
        assert_eq!(since(&server, start).await, by_api(pipelines(true)).await);
        assert!(cast.developer.run_now(&run).await.waiting_for.is_empty(), "the run that waited goes on");
        says(&look(&mut browser, &picker).await.ok(), "permitted already");

        let start = mark(&server).await;
        says(&look(&mut browser, &warning).await.ok(), "also those that are made later");
        let done = browser.fill(&warning, &dialog, &[("act", "open")]).await.ok();
        says(&done, "Open access.");
        assert_eq!(since(&server, start).await, by_api(all(true)).await);
        says(&look(&mut browser, &path(at::FILE, &[&cast.file.id])).await.ok(), "open to every pipeline");
        // The list is kept meanwhile.
        says(&done, "Revoke");
        let start = mark(&server).await;
        let done = browser.fill(&dialog, &dialog, &[("act", "restrict")]).await.ok();
        says(&done, "Only the pipelines below");
        says_not(&done, "Open access.</strong>");
        assert_eq!(since(&server, start).await, by_api(all(false)).await);

        let start = mark(&server).await;
        let done = browser.fill(&dialog, &dialog, &[("act", "revoke"), ("pipeline", &id)]).await.ok();
        says(&done, "No pipeline is permitted");
        assert_eq!(since(&server, start).await, by_api(pipelines(false)).await);

        // What is not there, or no change at all.
        for (fields, status) in [
            (vec![("act", "permit"), ("pipeline", "987654")], 404),
            (vec![("act", "permit"), ("pipeline", "0")], 404),
            (vec![("act", "permit"), ("pipeline", "x")], 404),
            (vec![("act", "permit")], 404),
            (vec![("act", "burn")], 400),
            (vec![], 400),
        ] {
            let refused = browser.fill(&dialog, &dialog, &fields).await;
            assert_eq!(refused.status, status, "{fields:?}: {}", refused.text());
        }
    }

    async fn a_permit_for_some_refs_is_shown_and_not_widened_by_a_page_that_is_out_of_date(server) {
        let cast = Cast::of(&server).await;
        let (grace, mut browser) = window(&server, "Grace", &[group::RELEASE_ADMINISTRATORS]).await;
        let dialog = path(at::FILE_PERMISSIONS, &[&cast.file.id]);
        let permissions = grace.client.permissions(PROJECT);
        let refs = Some(vec!["refs/heads/main".to_owned()]);
        permissions.permit("securefile", &cast.file.id, cast.pipeline.id, refs).await.unwrap();
        let id = cast.pipeline.id.to_string();
        let answer = browser.fill(&dialog, &dialog, &[("act", "permit"), ("pipeline", &id)]).await.ok();
        says(&answer, "refs/heads/main");
        for (act, by_variable, told) in [
            ("by-variable", true, "may also name the file by a variable"),
            ("by-name", false, "may name the file only as it is called"),
        ] {
            let answer = browser.fill(&dialog, &dialog, &[("act", act), ("pipeline", &id)]).await.ok();
            says(&answer, told);
            let state = permissions.get("securefile", &cast.file.id).await.unwrap();
            assert_eq!(state.pipelines[0].by_variable, by_variable, "{act}");
            assert_eq!(state.pipelines[0].refs.as_deref(), Some(&["refs/heads/main".to_owned()][..]));
        }
        permissions.set_pipeline("securefile", &cast.file.id, cast.pipeline.id, false).await.unwrap();
        let refused = browser.fill(&dialog, &dialog, &[("act", "by-variable"), ("pipeline", &id)]).await;
        assert_eq!(refused.status, 400);
        says(&refused, "not permitted any more");
    }

    async fn who_may_not_permit_or_open_is_told_and_refused(mut server) {
        let cast = Cast::permitted(&server).await;
        let dialog = path(at::FILE_PERMISSIONS, &[&cast.file.id]);
        let id = cast.pipeline.id.to_string();
        let (_, mut reader) = window(&server, "Rita", &[group::READERS]).await;
        let shown = look(&mut reader, &dialog).await.ok();
        says(&shown, "build");
        says(&shown, "role User or Administrator");
        says_not(&shown, "name=\"act\"");
        for act in ["permit", "revoke", "open", "restrict", "by-variable"] {
            let forged = forge(&mut reader, &dialog, &[("act", act), ("pipeline", &id)]).await;
            // A permit that is there already is nothing to do, for anybody.
            assert_eq!(forged.status, if act == "permit" { 200 } else { 403 }, "{act}");
        }
        let (user, mut one) = window(&server, "Ursula", &[group::READERS]).await;
        give(&cast, &user, "User").await;
        let shown = look(&mut one, &dialog).await.ok();
        says(&shown, "value=\"revoke\"");
        says_not(&shown, "permissions/open");
        let forged = forge(&mut one, &dialog, &[("act", "open")]).await;
        assert_eq!(forged.status, 403);
        let events = server.administrator().audit().await;
        assert_eq!(reason(newest(&events, "Pipelines.ResourceAuthorizedForProject")), "role_missing");
        one.fill(&dialog, &dialog, &[("act", "revoke"), ("pipeline", &id)]).await.ok();

        // Permitting wants a fresh sign-in; revoking does not wait for one.
        server.advance_clock(16 * 60);
        let old = one.fill(&dialog, &dialog, &[("act", "permit"), ("pipeline", &id)]).await;
        assert_eq!(old.status, 403);
        says(&old, "Sign in again");
        let events = server.administrator().audit().await;
        assert_eq!(reason(newest(&events, "Pipelines.ResourceAuthorizedForPipeline")), "sign_in_not_fresh");
        one.fill(&dialog, &dialog, &[("act", "revoke"), ("pipeline", &id)]).await.ok();
    }

    async fn no_other_page_and_no_stale_form_changes_a_file(server) {
        let cast = Cast::of(&server).await;
        let (grace, mut browser) = window(&server, "Grace", &[group::RELEASE_ADMINISTRATORS]).await;
        let (_, mut other) = window(&server, "Linus", &[group::RELEASE_ADMINISTRATORS]).await;
        let id = cast.pipeline.id.to_string();
        let foreign = form_token(&look(&mut other, &path(at::FILE, &[&cast.file.id])).await);
        let start = mark(&server).await;
        for (template, fields) in [
            (at::FILE, vec![("name", "mine.pem"), ("step", "save")]),
            (at::FILE_DELETE, vec![("confirm", "ca.pem")]),
            (at::FILE_PERMISSIONS, vec![("act", "permit"), ("pipeline", &id)]),
            (at::FILE_PERMISSIONS, vec![("act", "open")]),
            (at::FILE_SECURITY, vec![("step", "save"), ("inherited", "on"), ("inherits", "off")]),
        ] {
            let page = path(template, &[&cast.file.id]);
            let url = browser.here(&page);
            let good = form_token(&look(&mut browser, &page).await);
            for (from, token) in [(From::SameSite, ""), (From::SameSite, foreign.as_str()), (From::Other(EVIL), good.as_str()),
                (From::Typed, good.as_str())] {
                let mut all = fields.clone();
                all.push(("form_token", token));
                let refused = browser.submit(from, &url, &all).await;
                assert_eq!(refused.status, 403, "{template} from {from:?}: {}", refused.text());
            }
        }
        assert!(since(&server, start).await.is_empty());
        assert_eq!(grace.file_names().await, ["ca.pem"]);
    }
}

/// A file that only its creator sees.
async fn hidden_file(server: &TestServer) -> String {
    let owner = server.person("hider", &[group::CONTRIBUTORS]).await;
    let file = owner.upload("hidden.pem", b"x").await;
    let project = owner.client.coffer().projects().await.unwrap()[0]
        .id
        .unwrap();
    let path = format!(
        "_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{project}%24{}?inheritPermissions=false",
        file.id
    );
    owner.call("PATCH", &path).send().await.ok();
    file.id
}

/// A role at the cast's file.
async fn give(cast: &Cast, user: &User, role: &str) {
    let project = cast.engineer.client.coffer().projects().await.unwrap()[0]
        .id
        .unwrap();
    let me = user
        .client
        .coffer()
        .connection_data()
        .await
        .unwrap()
        .authenticated_user
        .id;
    let path = format!(
        "_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{project}%24{}",
        cast.file.id
    );
    let body = json!([{"userId": me, "roleName": role}]);
    cast.engineer
        .call("PUT", &path)
        .json(&body)
        .send()
        .await
        .ok();
}

/// Sends a form that the page does not show, with the token of the person's own session.
pub(crate) async fn forge(browser: &mut Browser, action: &str, fields: &[(&str, &str)]) -> Answer {
    let shown = look(browser, "/account").await;
    let token = form_token(&shown);
    let mut all = vec![("form_token", token.as_str())];
    all.extend_from_slice(fields);
    let url = browser.here(action);
    browser.submit(From::SameSite, &url, &all).await
}
