//! The Library in the browser: who sees what, the list, and uploads by a page.

use crate::roles::{group_id, id_of, project_id};
use crate::{newest, reason, sha256};
use coffer_testkit::{
    Answer, Browser, From, PROJECT, TestServer, both, form_token, group, random, random_guid,
};
use http::header::LOCATION;

const PASSWORD: &str = "a long enough password";
const LIMIT: usize = 10_485_760;
const LIBRARY: &str = "/DefaultCollection/Pay%20Desk/_library";
const HOSTILE: &str = "\u{2067}<script>canary()<\u{2066}script>";

/// Somebody new of these groups, signed in.
async fn visitor(server: &TestServer, name: &str, groups: &[&str]) -> Browser {
    server.person_with_password(name, groups, PASSWORD).await;
    let mut browser = server.browser();
    let fields = [("name", name), ("password", PASSWORD)];
    browser.fill("/signin", "/signin", &fields).await.ok();
    browser
}

async fn look(browser: &mut Browser, path: &str) -> Answer {
    let url = browser.here(path);
    browser.go(From::SameSite, &url).await
}

async fn library(browser: &mut Browser, query: &str) -> String {
    look(browser, &format!("{LIBRARY}{query}"))
        .await
        .ok()
        .text()
}

/// The names in the list, in order.
fn names(page: &str) -> Vec<String> {
    let cells = page.split("<th scope=\"row\">").skip(1);
    let inner = |cell: &str| {
        let (_, rest) = cell.split_once("<bdi>").unwrap();
        rest.split("</bdi>").next().unwrap().to_owned()
    };
    cells.map(inner).collect()
}

/// What a link with this text leads to.
#[track_caller]
fn link(page: &str, text: &str) -> String {
    let (before, _) = page
        .split_once(&format!(">{text}</a>"))
        .unwrap_or_else(|| panic!("no link {text} in {page}"));
    let (_, href) = before.rsplit_once("href=\"").unwrap();
    href.split('"').next().unwrap().replace("&amp;", "&")
}

/// Uploads as the script of the page does.
async fn upload(browser: &mut Browser, name: &str, content: &[u8]) -> Answer {
    upload_to(browser, PROJECT, &format!("name={name}"), content).await
}

async fn upload_to(browser: &mut Browser, project: &str, query: &str, content: &[u8]) -> Answer {
    let token = meta_token(&look(browser, &format!("{LIBRARY}/upload")).await);
    let project = project.replace(' ', "%20");
    let url = browser.here(&format!(
        "/DefaultCollection/{project}/_library/files?{query}"
    ));
    browser
        .send_content(From::SameSite, &url, &token, content)
        .await
}

fn meta_token(page: &Answer) -> String {
    let text = page.text();
    let (_, rest) = text
        .split_once("<meta name=\"form-token\" content=\"")
        .unwrap();
    rest.split('"').next().unwrap().to_owned()
}

both! {
    async fn everybody_sees_what_is_theirs_to_see_and_to_do(server) {
        let engineer = server.release_engineer().await;
        let file = engineer.upload("ca.pem", b"content").await;
        let mut reader = visitor(&server, "reader", &[group::READERS]).await;
        let page = library(&mut reader, "").await;
        assert_eq!(names(&page), ["ca.pem"]);
        assert!(page.contains(&format!("{LIBRARY}/files/{}\"", file.id)), "{page}");
        assert!(page.contains("7 B") && page.contains("<time datetime="), "{page}");
        // Nothing to do for a reader, and who can change that.
        assert!(!page.contains("_library/upload") && !page.contains("/delete\""), "{page}");
        assert!(page.contains("You cannot upload files here. It takes the role Creator on the library"), "{page}");
        assert!(page.contains("yours is Reader") && page.contains("coffer role assign Creator reader"), "{page}");
        let dialog = look(&mut reader, &format!("{LIBRARY}/upload")).await.ok().text();
        assert!(dialog.contains("It takes the role Creator") && !dialog.contains("data-uploader"), "{dialog}");

        let mut creator = visitor(&server, "creator", &[group::CONTRIBUTORS]).await;
        let page = library(&mut creator, "").await;
        assert!(page.contains("_library/upload") && !page.contains("/delete\""), "{page}");
        upload(&mut creator, "own.pem", b"mine").await.ok();
        let page = library(&mut creator, "").await;
        assert_eq!((names(&page).len(), page.matches("/delete\"").count()), (2, 1), "{page}");

        let mut administrator = visitor(&server, "keeper", &[group::PROJECT_ADMINISTRATORS]).await;
        let page = library(&mut administrator, "").await;
        assert_eq!((names(&page).len(), page.matches("/delete\"").count()), (2, 2), "{page}");
        assert!(page.contains("_library/security"), "{page}");

        // Who is in no project hears that it is not there, with what to do, and stays inside the frame.
        let mut stranger = visitor(&server, "stranger", &[]).await;
        for path in ["", "/upload", "/check?name=x"] {
            let answer = look(&mut stranger, &format!("{LIBRARY}{path}")).await;
            let text = answer.text();
            assert_eq!(answer.status, 404, "{text}");
            assert!(text.contains("There is no project &#39;Pay Desk&#39; here, or you may not see it."), "{text}");
            assert!(text.contains("Ask one of its administrators") || text.contains("ask one of its administrators"), "{text}");
            assert!(text.contains("stranger") && text.contains(">All projects</a>"), "{text}");
        }
        let refused = upload(&mut administrator, "fine.pem", b"x").await.ok();
        assert_eq!(refused.status, 201);
        let index = look(&mut stranger, "/").await.ok().text();
        assert!(index.contains("No project that you may see"), "{index}");
        // One project is a card with both ways; many are a list.
        let index = look(&mut reader, "/").await.ok().text();
        assert!(index.contains("Open the Library") && index.contains("Pipelines</a>"), "{index}");
        let mut nobody = server.browser();
        look(&mut nobody, LIBRARY).await.ok();
        assert!(nobody.at.contains("/signin?return="), "{}", nobody.at);
    }

    async fn who_may_see_nothing_of_a_library_is_told_so_and_sees_what_is_given_one_by_one(server) {
        let engineer = server.release_engineer().await;
        let (shown, _hidden) = (engineer.upload("shown.pem", b"x").await, engineer.upload("hidden.pem", b"x").await);
        let administrator = server.administrator();
        let project = project_id(&server).await;
        let roles = |scope: &str, resource: &str| {
            format!("_apis/securityroles/scopes/distributedtask.{scope}/roleassignments/resources/{project}${resource}")
        };
        let mut blind = visitor(&server, "blind", &[group::CONTRIBUTORS]).await;
        for name in ["Project Valid Users", group::CONTRIBUTORS] {
            let group = group_id(administrator, &project, name).await;
            let path = format!("{}/{group}", roles("library", "0"));
            administrator.call("DELETE", &path).send().await.ok();
        }
        let page = library(&mut blind, "").await;
        assert!(page.contains("You cannot see the secure files of this project"), "{page}");
        assert!(page.contains("Ask an administrator of the project.") && !page.contains(".pem"), "{page}");
        let found = library(&mut blind, "?search=hidden").await;
        assert!(found.contains("Nothing found") && !found.contains("hidden.pem"), "{found}");
        let token = server.person_token("blind").await.unwrap();
        let path = format!("{}/{}", roles("securefile", &shown.id), id_of(&server.holder(&token)).await);
        let reader = serde_json::json!({"roleName": "Reader"});
        administrator.call("PUT", &path).json(&reader).send().await.ok();
        assert_eq!(names(&library(&mut blind, "").await), ["shown.pem"]);
    }

    async fn the_tabs_and_addresses_of_the_original_lead_where_they_should(server) {
        let engineer = server.release_engineer().await;
        let file = engineer.upload("ca.pem", b"x").await;
        let mut reader = visitor(&server, "reader", &[group::READERS]).await;
        for query in ["?itemType=SecureFiles", "?ITEMTYPE=securefiles", "", "?itemType=Other"] {
            let page = library(&mut reader, query).await;
            assert_eq!(names(&page), ["ca.pem"], "{query}");
            assert!(page.contains("aria-current=\"page\">Secure files"), "{page}");
        }
        for query in ["?itemType=VariableGroups", "?itemtype=variablegroups", "?itemType=VariableGroups&view=VariableGroupView&variableGroupId=1"] {
            let page = library(&mut reader, query).await;
            assert!(page.contains("Variable groups are not here yet") && page.contains("aria-current=\"page\">Variable groups"), "{page}");
        }
        let spelt = format!("/defaultcollection/pay%20desk/_LIBRARY?itemType=SecureFiles&view=SecureFileView&secureFileId={}&path=ca.pem", file.id);
        let url = reader.here(&spelt);
        let answer = reader.step(From::SameSite, &url).await;
        let wanted = format!("{LIBRARY}/files/{}", file.id);
        assert_eq!((answer.status, answer.headers[LOCATION].to_str().unwrap()), (303, wanted.as_str()));
        let answer = look(&mut reader, &format!("{LIBRARY}?view=SecureFileView&secureFileId=7")).await;
        assert_eq!(answer.status, 404, "{}", answer.text());
    }

    async fn a_long_list_is_searched_sorted_and_shown_in_pages(server) {
        let engineer = server.release_engineer().await;
        for number in 0..120 {
            engineer.upload(&format!("File-{number:03}.pem"), b"x").await;
        }
        let mut reader = visitor(&server, "reader", &[group::READERS]).await;
        let first = library(&mut reader, "").await;
        let of = |range: std::ops::Range<usize>| -> Vec<String> {
            range.map(|number| format!("File-{number:03}.pem")).collect()
        };
        assert_eq!(names(&first), of(0..50));
        assert!(first.contains("1–50 of 120"), "{first}");
        assert!(!first.contains(">Previous</a>"), "{first}");
        let second = look(&mut reader, &link(&first, "Next")).await.ok().text();
        assert_eq!(names(&second), of(50..100));
        assert!(second.contains("51–100 of 120"), "{second}");
        let last = look(&mut reader, &link(&second, "Last")).await.ok().text();
        assert_eq!(names(&last), of(100..120));
        assert!(last.contains("101–120 of 120") && !last.contains(">Next</a>"), "{last}");
        let back = look(&mut reader, &link(&last, "Previous")).await.ok().text();
        assert_eq!(names(&back), of(50..100));
        let end = library(&mut reader, "?end=0").await;
        assert_eq!(names(&end), of(70..120));

        // Sorted the other way by the heading, and back.
        assert!(first.contains("aria-sort=\"ascending\"><a"), "{first}");
        let down = look(&mut reader, &link(&first, "Name")).await.ok().text();
        assert_eq!(names(&down)[..2], ["File-119.pem", "File-118.pem"]);
        assert!(down.contains("aria-sort=\"descending\"><a"), "{down}");
        let next = look(&mut reader, &link(&down, "Next")).await.ok().text();
        assert_eq!(names(&next)[0], "File-069.pem");
        let newest = look(&mut reader, &link(&first, "Created")).await.ok().text();
        assert_eq!(names(&newest)[0], "File-119.pem");

        // Found wherever it stands in the name, in any case; no character is special.
        let found = library(&mut reader, "?search=E-11").await;
        assert_eq!(names(&found), of(110..120));
        assert!(found.contains("10 files") && found.contains("value=\"E-11\""), "{found}");
        for nothing in ["%25", "_", "*", "File-000%00", "nowhere"] {
            let page = look(&mut reader, &format!("{LIBRARY}?search={nothing}")).await;
            if page.status == 200 {
                assert!(page.text().contains("Nothing found"), "{nothing}: {}", page.text());
                let all = look(&mut reader, &link(&page.text(), "Show all files")).await.ok().text();
                assert_eq!(names(&all), of(0..50));
            } else {
                assert_eq!((page.status, nothing), (400, "File-000%00"));
            }
        }
        assert_eq!(look(&mut reader, &format!("{LIBRARY}?skip=many")).await.status, 400);
        let beyond = library(&mut reader, "?skip=9000").await;
        assert!(beyond.contains("Nothing on this page"), "{beyond}");
    }

    async fn hostile_names_are_text(server) {
        let engineer = server.release_engineer().await;
        // What a file can be called at all.
        for name in ["&lt;img src=x&gt;.pem", "'onload='alert(1).pem", "{{7+7}}.pem", "מפתח חתימה.p12"] {
            engineer.upload(name, b"x").await;
        }
        let mut reader = visitor(&server, "reader", &[group::READERS]).await;
        let page = library(&mut reader, "").await;
        assert_eq!(names(&page).len(), 4);
        assert!(page.contains("&amp;lt;img src=x&amp;gt;.pem") && page.contains("&#39;onload=&#39;alert(1).pem"), "{page}");
        let encoded: String = HOSTILE.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let page = library(&mut reader, &format!("?search={encoded}")).await;
        assert!(page.contains("Nothing found") && !page.contains("<script>canary"), "{page}");
        assert!(page.contains("&lt;U+2067&gt;&lt;script&gt;canary()"), "{page}");
        assert!(!page.contains('\u{2067}'), "{page}");
    }

    async fn an_upload_by_a_page_is_the_upload_of_the_api(server) {
        let mut creator = visitor(&server, "Grace", &[group::CONTRIBUTORS]).await;
        let content = random(200_000);
        let answer = upload(&mut creator, "signing%20key.p12", &content).await.ok();
        assert_eq!(answer.status, 201);
        let told = answer.json();
        assert_eq!((told["name"].as_str(), told["size"].as_u64()), (Some("signing key.p12"), Some(200_000)));
        assert_eq!(told["sha256"], sha256(&content));
        let page = told["page"].as_str().unwrap().to_owned();
        assert!(page.starts_with(&format!("{LIBRARY}/files/")), "{page}");
        assert_eq!(names(&library(&mut creator, "").await), ["signing key.p12"]);

        let developer = server.developer().await;
        let by_api = developer.upload("other.p12", &content).await;
        let events = server.administrator().audit().await;
        let created: Vec<_> = events.iter().filter(|event| event.action == "SecureFile.Created").collect();
        let [page, api] = created[..] else { panic!("{created:?}") };
        assert_eq!((page.actor.name.as_str(), page.actor.authentication.as_str()), ("Grace", "session"));
        assert_eq!((api.actor.name.as_str(), api.actor.authentication.as_str()), ("dev", "token"));
        assert_eq!(api.resource_id.as_deref(), Some(by_api.id.as_str()));
        let keys = |event: &coffer_wire::coffer::AuditEvent| -> Vec<String> {
            event.details.keys().filter(|key| !["userAgent", "session", "credential"].contains(&key.as_str())).cloned().collect()
        };
        assert_eq!(keys(page), keys(api));
        assert_eq!(page.details["name"], "signing key.p12");
        assert!(page.details.contains_key("activity"), "{page:?}");
        let piece = &content[..64];
        assert!(server.grep_stored_and_logged(piece).await.is_empty());

        // Open to all pipelines with it, as far as the organization allows.
        let open = upload_to(&mut creator, PROJECT, "name=open.p12&authorizePipelines=true", b"x").await.ok();
        assert_eq!(open.status, 201);
        let events = server.administrator().audit().await;
        assert_eq!(newest(&events, "Pipelines.ResourceAuthorizedForProject").actor.name, "Grace");
    }

    async fn an_upload_by_a_page_has_the_limits_of_the_api(server) {
        let mut creator = visitor(&server, "Grace", &[group::CONTRIBUTORS]).await;
        upload(&mut creator, "most.bin", &random(LIMIT)).await.ok();
        let answer = upload(&mut creator, "more.bin", &random(LIMIT + 1)).await;
        assert_eq!(answer.code(413), "secure_file.too_large");
        upload(&mut creator, "empty.bin", b"").await.ok();
        // What is refused says so in words that the page shows.
        for (name, status, code) in [
            ("MOST.bin", 409, "secure_file.name_taken"),
            ("a%2Fb", 400, "secure_file.name_invalid"),
            ("gpj%E2%80%AEexe.p12", 400, "secure_file.name_invalid"),
            ("", 400, "argument.invalid"),
        ] {
            let answer = upload(&mut creator, name, b"x").await;
            assert_eq!(answer.code(status), code, "{name}");
        }
        assert_eq!(names(&library(&mut creator, "").await), ["empty.bin", "most.bin"]);
        let page = look(&mut creator, &format!("{LIBRARY}/upload")).await.ok().text();
        assert!(page.contains("data-limit=\"10485760\"") && page.contains("10 MB"), "{page}");
        assert!(page.contains("needs JavaScript") && page.contains("coffer file upload"), "{page}");
    }

    async fn names_are_looked_at_before_anything_is_sent(server) {
        let engineer = server.release_engineer().await;
        engineer.upload("Taken.pem", b"x").await;
        let mut creator = visitor(&server, "Grace", &[group::CONTRIBUTORS]).await;
        let long = "x".repeat(256);
        let query = format!("?name=fine.pem&name=TAKEN.pem&name=a%2Fb&name=&name={long}&name=FINE.PEM&name=a.");
        let answer = look(&mut creator, &format!("{LIBRARY}/check{query}")).await.ok();
        assert_eq!(answer.header("content-type"), "application/json");
        let told = answer.json();
        let told = told["names"].as_array().unwrap();
        let problem = |at: usize| told[at]["problem"].as_str().unwrap_or_default();
        assert_eq!(told.len(), 7);
        assert_eq!((problem(0), problem(5)), ("", ""));
        assert_eq!(told[0]["key"], told[5]["key"], "names ignore case");
        assert!(problem(1).contains("exists already"), "{}", problem(1));
        assert!(problem(2).contains("'/'") && problem(3).contains("empty"), "{told:?}");
        assert!(problem(4).contains("255 bytes") && problem(6).contains("ends with a dot"), "{told:?}");
        // Which names are taken is told to nobody who could not find out by uploading.
        let mut reader = visitor(&server, "reader", &[group::READERS]).await;
        let answer = look(&mut reader, &format!("{LIBRARY}/check?name=taken.pem")).await;
        assert_eq!(answer.status, 403);
        assert!(!answer.text().contains("exists already"), "{}", answer.text());
        let many = "name=x&".repeat(1001);
        let answer = look(&mut creator, &format!("{LIBRARY}/check?{many}")).await;
        assert_eq!(answer.status, 400);
    }

    async fn who_may_not_upload_does_not_and_it_is_on_record(server) {
        let mut reader = visitor(&server, "reader", &[group::READERS]).await;
        let answer = upload(&mut reader, "x.pem", b"x").await;
        let envelope = answer.refused(403);
        assert!(envelope.message.contains("It takes the role Creator"), "{}", envelope.message);
        let events = server.administrator().audit().await;
        let denied = newest(&events, "SecureFile.Created");
        assert_eq!((denied.actor.name.as_str(), reason(denied)), ("reader", "role_missing"));
        // Another project is as if it were not there, whoever asks.
        let other = server.administrator().client.coffer().add_project("Other").await.unwrap();
        let other_id = other.id.unwrap().to_string();
        let mut creator = visitor(&server, "Grace", &[group::CONTRIBUTORS]).await;
        for project in ["Other", "Absent", &other_id, &random_guid().to_string()] {
            let answer = upload_to(&mut creator, project, "name=x.pem", b"x").await;
            assert_eq!(answer.code(404), "project.not_found", "{project}");
            assert_eq!(look(&mut creator, &format!("/DefaultCollection/{project}/_library")).await.status, 404);
        }
        assert!(names(&library(&mut creator, "").await).is_empty());
    }

    async fn only_our_own_page_uploads(server) {
        let mut creator = visitor(&server, "Grace", &[group::CONTRIBUTORS]).await;
        let page = look(&mut creator, &format!("{LIBRARY}/upload")).await;
        let token = meta_token(&page);
        let url = creator.here(&format!("{LIBRARY}/files?name=x.pem"));
        let evil = From::Other("http://evil.example");
        assert_eq!(creator.send_content(evil, &url, &token, b"x").await.status, 403);
        for wrong in ["", "x", &token[1..]] {
            let answer = creator.send_content(From::SameSite, &url, wrong, b"x").await;
            assert_eq!(answer.code(403), "form.stale");
        }
        // Even with every cookie and the token: the origin says it.
        let cookies = ["__Host-coffer-session", "__Host-coffer-write"]
            .map(|name| format!("{name}={}", creator.cookie(name).unwrap()))
            .join("; ");
        for (name, value) in [("Origin", "http://evil.example"), ("Sec-Fetch-Site", "cross-site"), ("Accept", "*/*")] {
            let call = server.nobody().call("POST", &format!("{}/_library/files?name=x.pem", PROJECT.replace(' ', "%20")));
            let call = call.header("Cookie", &cookies).header("X-Coffer-Form-Token", &token).header(name, value);
            let answer = call.body("application/octet-stream", "x").send().await;
            assert_eq!(answer.code(403), "cross_site", "{name}");
        }
        // A form of another kind is not content.
        let form = creator.submit(From::SameSite, &url, &[("form_token", &token)]).await;
        assert_eq!(form.status, 403, "the token comes as a header");
        let write = creator.cookie("__Host-coffer-write").unwrap().to_owned();
        creator.drop_cookie("__Host-coffer-write");
        assert_eq!(creator.send_content(From::SameSite, &url, &token, b"x").await.code(403), "form.stale");
        creator.plant("__Host-coffer-write", &write);
        let session = creator.cookie("__Host-coffer-session").unwrap().to_owned();
        creator.drop_cookie("__Host-coffer-session");
        assert_eq!(creator.send_content(From::SameSite, &url, &token, b"x").await.code(403), "session.missing");
        creator.plant("__Host-coffer-session", &session);
        assert!(names(&library(&mut creator, "").await).is_empty());
        creator.send_content(From::SameSite, &url, &token, b"x").await.ok();
        // And the token of a form is the same.
        assert_eq!(form_token(&look(&mut creator, "/account").await), token);
    }

    async fn opening_to_all_pipelines_wants_a_fresh_sign_in_and_the_upload_does_not(mut server) {
        let mut creator = visitor(&server, "Grace", &[group::CONTRIBUTORS]).await;
        server.advance_clock(16 * 60);
        let answer = upload_to(&mut creator, PROJECT, "name=x.pem&authorizePipelines=true", b"x").await;
        assert_eq!(answer.code(403), "sign_in.not_fresh");
        assert!(names(&library(&mut creator, "").await).is_empty());
        upload(&mut creator, "x.pem", b"x").await.ok();
        // Where the organization does not allow it, the dialog does not offer it.
        let page = look(&mut creator, &format!("{LIBRARY}/upload")).await.ok().text();
        assert!(page.contains("Permit all pipelines") && page.contains("sign in again"), "{page}");
        let switch = serde_json::json!({"openAccessAllowed": false});
        let call = server.administrator().call("PATCH", "_apis/coffer/organization").json(&switch);
        call.send().await.ok();
        let page = look(&mut creator, &format!("{LIBRARY}/upload")).await.ok().text();
        assert!(!page.contains("Permit all pipelines"), "{page}");
    }
}
