//! The Security dialogs of a file and of the Library, as forms that a browser sends.

use crate::file_page::{forge, look, path, says, says_not, told, window};
use crate::roles::{group_id, id_of, project_id};
use crate::{Cast, newest};
use coffer_testkit::{Answer, Browser, TestServer, User, both, group};
use coffer_wire::paths::pages as at;
use serde_json::{Value, json};

/// The hidden fields of the form on a page, and what its lists of choices say.
fn fields(page: &Answer) -> Vec<(String, String)> {
    let text = page.text();
    let form = text
        .split("data-draft>")
        .nth(1)
        .unwrap_or_else(|| panic!("{page}: no form in {text}"));
    let form = form.split("</form>").next().unwrap();
    let attribute = |tag: &str, name: &str| {
        let value = tag
            .split(&format!(" {name}=\""))
            .nth(1)?
            .split('"')
            .next()?;
        Some(value.to_owned())
    };
    let mut found = Vec::new();
    for tag in form.split('<').skip(1) {
        if tag.starts_with("input type=\"hidden\"") {
            found.push((
                attribute(tag, "name").unwrap(),
                attribute(tag, "value").unwrap(),
            ));
        }
        if tag.starts_with("select name=\"role.") {
            found.push((attribute(tag, "name").unwrap(), String::new()));
        }
        if tag.starts_with("option")
            && tag.contains(" selected")
            && let Some((name, value)) = found.last_mut()
            && name.starts_with("role.")
        {
            *value = attribute(tag, "value").unwrap();
        }
    }
    found
}

/// Sends the form of a page, with some of its fields otherwise.
async fn send(
    browser: &mut Browser,
    action: &str,
    page: &Answer,
    changed: &[(&str, &str)],
) -> Answer {
    let mut all = fields(page);
    for (name, value) in changed {
        match all.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => (*value).clone_into(known),
            None => all.push(((*name).to_owned(), (*value).to_owned())),
        }
    }
    let all: Vec<_> = all
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let url = browser.here(action);
    browser
        .submit(coffer_testkit::From::SameSite, &url, &all)
        .await
}

/// `who role access` of each role at the file.
async fn rows(user: &User, project: &str, file: &str) -> Vec<String> {
    let path = format!(
        "_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{project}%24{file}"
    );
    let list = user.get(&path).await.ok().json();
    let words = |row: &Value| {
        let part = |value: &Value| value.as_str().unwrap().to_owned();
        format!(
            "{} {} {}",
            part(&row["identity"]["displayName"]),
            part(&row["role"]["name"]),
            part(&row["access"])
        )
    };
    list["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(words)
        .collect()
}

async fn events(server: &TestServer, mark: usize) -> Vec<Value> {
    let events = server.administrator().audit().await;
    let events = events[mark..]
        .iter()
        .filter(|event| event.action.starts_with("Security."));
    let kept = [
        "identity",
        "role",
        "allow",
        "deny",
        "removed",
        "inherits",
        "namespace",
    ];
    events
        .map(|event| told(event, |name| kept.contains(&name)))
        .collect()
}

both! {
    async fn roles_are_collected_and_saved_together_and_on_record_as_by_the_api(server) {
        let cast = Cast::of(&server).await;
        let other = cast.engineer.upload("other.pem", b"x").await;
        let project = project_id(&server).await;
        let (grace, mut browser) = window(&server, "Grace", &[group::RELEASE_ADMINISTRATORS]).await;
        let (linus, nora) = (server.person("Linus", &[group::READERS]).await, server.person("Nora", &[]).await);
        let (linus, nora) = (id_of(&linus).await, id_of(&nora).await);
        let dialog = path(at::FILE_SECURITY, &[&cast.file.id]);
        let first = look(&mut browser, &dialog).await.ok();
        assert_eq!(first.header("coffer-page"), "dialog");
        for text in ["Created the file: this role cannot be changed", "inherited", "Inheritance is on", "Project Valid Users"] {
            says(&first, text);
        }

        // Two are looked for and added, one of them is taken out again: nothing is saved yet.
        let search = send(&mut browser, &dialog, &first, &[("step", "add")]).await.ok();
        let found = send(&mut browser, &dialog, &search, &[("step", "search"), ("q", "LINU")]).await.ok();
        says(&found, &format!("name=\"pick\" value=\"{linus}\""));
        says_not(&found, &nora);
        let early = send(&mut browser, &dialog, &found, &[("step", "added"), ("q", "LINU")]).await;
        assert_eq!(early.status, 400);
        says(&early, "Choose whom to give a role");
        let added = send(&mut browser, &dialog, &found, &[("step", "added"), ("pick", &linus), ("pick-role", "User")]).await.ok();
        says(&added, "not saved yet");
        let added = send(&mut browser, &dialog, &added, &[("step", "added"), ("pick", &nora), ("pick-role", "Reader")]).await.ok();
        assert!(!rows(&grace, &project, &cast.file.id).await.iter().any(|row| row.starts_with("Linus")));
        says(&added, "2 changes not saved yet");

        let mark = server.administrator().audit().await.len();
        let nora_role = format!("role.{nora}");
        let saved = send(&mut browser, &dialog, &added, &[("step", "save"), (&nora_role, "Administrator")]).await.ok();
        says(&saved, "The roles are saved.");
        let by_page = events(&server, mark).await;
        let now = rows(&grace, &project, &cast.file.id).await;
        for row in ["Linus User assigned", "Nora Administrator assigned"] {
            assert!(now.iter().any(|found| found == row), "{now:?}");
        }
        let mark = server.administrator().audit().await.len();
        let list = format!("_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{project}%24{}", other.id);
        let mut roles = [(linus.clone(), "User"), (nora.clone(), "Administrator")];
        roles.sort();
        let body: Vec<_> = roles.iter().map(|(id, role)| json!({"userId": id, "roleName": role})).collect();
        grace.call("PUT", &list).json(&json!(body)).send().await.ok();
        let mut by_api = events(&server, mark).await;
        let mut by_page = by_page;
        by_api.sort_by_key(Value::to_string);
        by_page.sort_by_key(Value::to_string);
        assert_eq!(by_page, by_api);

        // Removed, kept, and removed for good, with the switch in one go.
        let shown = look(&mut browser, &dialog).await.ok();
        let (remove, keep) = (format!("remove.{linus}"), format!("keep.{linus}"));
        let gone = send(&mut browser, &dialog, &shown, &[("step", &remove)]).await.ok();
        says(&gone, "removed when saved");
        let kept = send(&mut browser, &dialog, &gone, &[("step", &keep)]).await.ok();
        says_not(&kept, "removed when saved");
        let gone = send(&mut browser, &dialog, &kept, &[("step", &remove)]).await.ok();
        let alone = send(&mut browser, &dialog, &gone, &[("step", "stand-alone")]).await.ok();
        says(&alone, "Inheritance is off");
        let mark = server.administrator().audit().await.len();
        send(&mut browser, &dialog, &alone, &[("step", "save")]).await.ok();
        let told = events(&server, mark).await;
        assert_eq!(told[0][0], "Security.ModifyAccessControlLists");
        assert!(told.iter().any(|event| event[0] == "Security.RemovePermission"));
        let now = rows(&grace, &project, &cast.file.id).await;
        assert!(!now.iter().any(|row| row.starts_with("Linus") || row.ends_with("inherited")), "{now:?}");
        assert!(now.iter().any(|row| row == "Project Valid Users Reader assigned"), "what was inherited stays: {now:?}");

        // With nothing to save, nothing is done.
        let mark = server.administrator().audit().await.len();
        let shown = look(&mut browser, &dialog).await.ok();
        let same = send(&mut browser, &dialog, &shown, &[("step", "save")]).await.ok();
        says(&same, "nothing to save");
        assert!(events(&server, mark).await.is_empty());
        // And switched on again, the file gives way to the Library.
        let shown = look(&mut browser, &dialog).await.ok();
        let on = send(&mut browser, &dialog, &shown, &[("step", "inherit")]).await.ok();
        send(&mut browser, &dialog, &on, &[("step", "save")]).await.ok();
        let now = rows(&grace, &project, &cast.file.id).await;
        assert!(now.iter().any(|row| row == "Project Valid Users Reader inherited"), "{now:?}");
    }

    async fn roles_that_changed_meanwhile_are_shown_and_nothing_is_lost(server) {
        let cast = Cast::of(&server).await;
        let project = project_id(&server).await;
        let (grace, mut browser) = window(&server, "Grace", &[group::RELEASE_ADMINISTRATORS]).await;
        let people = ["Linus", "Nora"];
        let mut ids = Vec::new();
        for name in people {
            ids.push(id_of(&server.person(name, &[group::READERS]).await).await);
        }
        let list = format!("_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{project}%24{}", cast.file.id);
        let give = async |id: &str, role: &str| {
            let body = json!([{"userId": id, "roleName": role}]);
            cast.engineer.call("PUT", &list).json(&body).send().await.ok();
        };
        give(&ids[0], "Reader").await;
        let dialog = path(at::FILE_SECURITY, &[&cast.file.id]);
        let shown = look(&mut browser, &dialog).await.ok();
        give(&ids[0], "Administrator").await;
        give(&ids[1], "User").await;
        let role = format!("role.{}", ids[0]);
        let stale = send(&mut browser, &dialog, &shown, &[("step", "save"), (&role, "User")]).await;
        assert_eq!(stale.status, 409);
        for text in ["Somebody else changed the roles meanwhile", "was Reader, is now Administrator", "was given User"] {
            says(&stale, text);
        }
        let now = rows(&grace, &project, &cast.file.id).await;
        assert!(now.iter().any(|row| row == "Linus Administrator assigned"), "{now:?}");
        // Saved again, with both before the eyes, it is done.
        send(&mut browser, &dialog, &stale, &[("step", "save")]).await.ok();
        let now = rows(&grace, &project, &cast.file.id).await;
        for row in ["Linus User assigned", "Nora User assigned"] {
            assert!(now.iter().any(|found| found == row), "{now:?}");
        }
    }

    async fn nobody_is_locked_out_and_rules_hold_for_pages_too(server) {
        let cast = Cast::of(&server).await;
        let project = project_id(&server).await;
        let (grace, mut browser) = window(&server, "Grace", &[group::PROJECT_ADMINISTRATORS]).await;
        // Every role of the Library that administers goes: refused, all of it.
        let dialog = path(at::LIBRARY_SECURITY, &[]);
        let shown = look(&mut browser, &dialog).await.ok();
        says_not(&shown, "Inheritance is");
        says(&shown, "value=\"Creator\"");
        let mut gone = shown;
        for name in ["Project Administrators", "Build Administrators", "Release Administrators"] {
            let id = group_id(&grace, &project, name).await;
            gone = send(&mut browser, &dialog, &gone, &[("step", &format!("remove.{id}"))]).await.ok();
        }
        let refused = send(&mut browser, &dialog, &gone, &[("step", "save")]).await;
        assert_eq!(refused.status, 409);
        says(&refused, "Nobody would be left who can see and administer this");
        says(&look(&mut browser, &dialog).await.ok(), "Build Administrators");

        // The creator's row is fixed, and an inherited one is not lowered, whatever a form says.
        let file = path(at::FILE_SECURITY, &[&cast.file.id]);
        let shown = look(&mut browser, &file).await.ok();
        let creator = id_of(&cast.engineer).await;
        let valid = group_id(&grace, &project, "Release Administrators").await;
        let (role, new) = (format!("role.{valid}"), format!("new.{valid}"));
        let lowered = send(&mut browser, &file, &shown, &[("step", "save"), (&role, "Reader"), (&new, "on")]).await;
        assert_eq!(lowered.status, 409);
        says(&lowered, "While inheritance is on it can be raised here");
        let fixed = send(&mut browser, &file, &shown, &[("step", "save"), (&format!("gone.{creator}"), "on")]).await.ok();
        says(&fixed, "nothing to save");
        // A role that is none, and a library's role at a file.
        for role in ["Owner", "Creator", "<b>"] {
            let nobody = server.person(&server.unique("who"), &[]).await;
            let id = id_of(&nobody).await;
            let (name, new) = (format!("role.{id}"), format!("new.{id}"));
            let refused = send(&mut browser, &file, &shown, &[("step", "save"), (&name, role), (&new, "on")]).await;
            assert_eq!(refused.status, 400, "{role}");
            says_not(&refused, "<b>");
        }
    }

    async fn who_may_not_administer_reads_and_is_refused(server) {
        let cast = Cast::of(&server).await;
        let project = project_id(&server).await;
        let (reader, mut browser) = window(&server, "Rita", &[group::READERS]).await;
        for dialog in [path(at::FILE_SECURITY, &[&cast.file.id]), path(at::LIBRARY_SECURITY, &[])] {
            let shown = look(&mut browser, &dialog).await.ok();
            says(&shown, "may not change it");
            says(&shown, "Release Administrators");
            for control in ["Save changes", "<select", "value=\"add\"", "value=\"inherit"] {
                says_not(&shown, control);
            }
            let group = group_id(&reader, &project, "Project Valid Users").await;
            let mut stamp = fields(&shown).into_iter().find(|(name, _)| name == "stamp").unwrap().1;
            for _ in 0..2 {
                let (role, new) = (format!("role.{group}"), format!("new.{group}"));
                let forged = [("step", "save"), ("stamp", &stamp), (role.as_str(), "Administrator"), (&new, "on")];
                let forged = forge(&mut browser, &dialog, &forged).await;
                assert_eq!(forged.status, 403, "{}", forged.text());
                // Nor is it told whether it would have been out of date.
                stamp = String::new();
            }
            let events = server.administrator().audit().await;
            let denied = newest(&events, "Security.ModifyPermission");
            assert_eq!((denied.outcome.as_str(), denied.actor.name.as_str()), ("denied", "Rita"));
        }
        // Who sees no library sees no dialog.
        let (_, mut stranger) = window(&server, "Mallory", &[]).await;
        assert_eq!(look(&mut stranger, &path(at::LIBRARY_SECURITY, &[])).await.status, 404);
    }
}
