//! curl: what people write by hand, and get wrong by hand.

use super::compat::Compat;
use crate::harness::{Chance, Done, PROJECT, Person, Site, command, sha256, skip, told};
use crate::job::{Hand, downloads, token};
use serde_json::{Value, json};

const BYTES: &str = "Content-Type: application/octet-stream";
const JSON: &str = "Content-Type: application/json";
/// What PowerShell's `Invoke-RestMethod` makes of a JSON body.
const JSON_UTF8: &str = "Content-Type: application/json; charset=utf-8";

/// curl in somebody's hands.
struct Curl<'a> {
    program: String,
    site: &'a Site,
    person: &'a Person,
}

/// What came back.
struct Answer {
    status: u16,
    /// Of the last answer, in lower case.
    head: String,
    body: Vec<u8>,
    /// Interim answers `100 Continue` before it.
    continued: bool,
}

impl Curl<'_> {
    /// With the token as people give it: an empty user name.
    async fn run(&self, words: &[&str]) -> Answer {
        let signed = format!(":{}", self.person.token());
        self.bare(&[&["-u", &signed][..], words].concat()).await
    }

    /// Without a credential. `{}` in a word stands for the organization's URL.
    async fn bare(&self, words: &[&str]) -> Answer {
        let [head, body] = ["curl-head", "curl-body"].map(|name| self.site.path(name));
        std::fs::write(&body, "").unwrap();
        let mut curl = command(&self.program, &self.person.home);
        curl.args([
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--dump-header",
        ]);
        curl.arg(&head).arg("--output").arg(&body);
        curl.args(
            words
                .iter()
                .map(|word| word.replace("{}", &self.person.url)),
        );
        Done::of(curl).await.ends(0);
        let text = std::fs::read_to_string(&head).unwrap().to_lowercase();
        let heads: Vec<&str> = text.trim_end().split("\r\n\r\n").collect();
        let last = *heads.last().unwrap();
        Answer {
            status: last.split(' ').nth(1).unwrap().parse().unwrap(),
            head: last.to_owned(),
            body: std::fs::read(&body).unwrap(),
            continued: heads[0].starts_with("http/1.1 100"),
        }
    }
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// Refused in the envelope, with these words in its message.
    #[track_caller]
    fn refused(&self, status: u16, words: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        assert!(
            self.head.contains("content-type: application/json"),
            "{}",
            self.head
        );
        let envelope = self.json();
        let message = envelope["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
        assert!(envelope["typeKey"].is_string(), "{envelope}");
    }
}

/// curl, and the page's rows. The version is the system's own, so it stands on no page.
fn curl<'a>(story: &str, site: &'a Site, person: &'a Person) -> Option<(Curl<'a>, Compat)> {
    let Some(program) = told("COFFER_TEST_CURL") else {
        skip(&format!("clients::{story}"), "COFFER_TEST_CURL is not set");
        return None;
    };
    let curl = Curl {
        program,
        site,
        person,
    };
    Some((curl, Compat::new(story, "curl", "the system's")))
}

const FILES: &str = "{}/Main/_apis/distributedtask/securefiles";

#[tokio::test]
async fn curl_uploads_lists_and_changes_as_people_write_it() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let story = "curl::curl_uploads_lists_and_changes_as_people_write_it";
    let Some((curl, compat)) = curl(story, &site, &ada) else {
        return;
    };
    let content = Chance::new(8).bytes(2_500_000);
    let data = format!("@{}", site.file("big.p12", &content));
    let at = format!("{FILES}?name=big.p12&api-version=7.1-preview.1");
    let answer = curl
        .run(&["-X", "POST", "-H", BYTES, "--data-binary", &data, &at])
        .await;
    let file = answer.ok();
    assert_eq!(
        (&file["name"], &file["sha256"]),
        (&json!("big.p12"), &json!(sha256(&content)))
    );
    assert!(
        answer.continued,
        "curl waits for leave to send more than 1 MB"
    );
    assert!(
        answer.head.contains("api-version=7.1-preview.1"),
        "{}",
        answer.head
    );
    compat
        .works("`--data-binary @file` with `application/octet-stream`, and `Expect: 100-continue`");
    let id = file["id"].as_str().unwrap().to_owned();
    let one = format!("{FILES}/{id}");

    let at = format!("{FILES}?name=unversioned.pem");
    curl.run(&["-H", BYTES, "--data-binary", "@/dev/null", &at])
        .await
        .ok();
    let listed = curl.run(&[FILES]).await.ok();
    assert_eq!(listed["count"], 2);
    compat.works("any call without `api-version`");
    let at = format!("{FILES}?api-version=7.1");
    assert_eq!(curl.run(&[&at]).await.ok()["count"], 2);
    compat.works("`api-version=7.1`, without the flag of a preview");
    let at = format!("{FILES}?api-version=9.9");
    curl.run(&[&at])
        .await
        .refused(400, "The newest it speaks is 7.2");
    compat.refused("`api-version=9.9`");

    let small = format!("@{}", site.file("small.pem", "a certificate"));
    let at = format!("{FILES}?name=wrong.pem&api-version=7.1-preview.1");
    let form = format!("file={small}");
    for words in [
        vec!["--data-binary", small.as_str(), &at],
        vec!["-F", &form, &at],
        vec!["-H", "Content-Type:", "--data-binary", &small, &at],
    ] {
        let answer = curl.run(&words).await;
        answer.refused(415, "Content-Type: application/octet-stream");
    }
    assert_eq!(
        curl.run(&[FILES]).await.ok()["count"],
        2,
        "nothing was stored"
    );
    compat.refused("an upload with curl's own content type, as a form, or with none: the answer says which to send");
    let at = format!("{FILES}?api-version=7.1-preview.1");
    curl.run(&["-H", BYTES, "--data-binary", &small, &at])
        .await
        .refused(400, "'name'");
    compat.refused("an upload without `name`");
    let over = format!("@{}", site.file("over", vec![0; 10_485_761]));
    let at = format!("{FILES}?name=over");
    let answer = curl.run(&["-H", BYTES, "--data-binary", &over, &at]).await;
    answer.refused(413, "10485760 bytes");
    assert!(!answer.continued, "it is told before it sends anything");
    compat.refused("an upload of one byte too many, before it is sent");

    let answer = curl
        .run(&[
            "--get",
            "--data-urlencode",
            "namePattern=*.P12",
            "--data-urlencode",
            "api-version=7.1-preview.1",
            FILES,
        ])
        .await;
    assert_eq!(answer.ok()["value"][0]["id"], id.as_str());
    let answer = curl
        .run(&[
            "--get",
            "--data-urlencode",
            "secureFileNames=big.p12,unversioned.pem",
            FILES,
        ])
        .await;
    assert_eq!(answer.ok()["count"], 2);
    compat.works("`--get --data-urlencode`, by pattern and by names");
    let answer = curl.run(&["--head", FILES]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-length: "), "{}", answer.head);
    // What curl writes down of it are the headers.
    assert!(!answer.text().contains('{'), "{}", answer.text());
    compat.works("`--head`");
    let body = r#"{"name":"größer.p12","properties":{"team":"mobile"}}"#;
    let renamed = curl
        .run(&["-X", "PATCH", "-H", JSON_UTF8, "-d", body, &one])
        .await
        .ok();
    assert_eq!(
        (&renamed["name"], &renamed["properties"]["team"]),
        (&json!("größer.p12"), &json!("mobile"))
    );
    compat.works("`PATCH` with `application/json; charset=utf-8`, as PowerShell sends it");
    let body = r#"[{"id":"ID","name":"big.p12"}]"#.replace("ID", &id);
    let changed = curl
        .run(&["-X", "PATCH", "-H", JSON, "-d", &body, FILES])
        .await
        .ok();
    assert_eq!(changed["value"][0]["name"], "big.p12");
    compat.works("`PATCH` of several files");
    let answer = curl
        .run(&["-X", "PATCH", "-d", r#"{"name":"x"}"#, &one])
        .await;
    answer.refused(415, "application/json");
    compat.refused("`PATCH` with curl's own content type");
    curl.run(&["-X", "DELETE", FILES])
        .await
        .refused(405, "method");
    compat.refused("`DELETE` without an id");

    // There is no overwriting: scripts look the name up, delete, and upload again.
    let look = format!("{FILES}?secureFileNames=big.p12");
    let old = curl.run(&[&look]).await.ok()["value"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let at = format!("{FILES}?name=big.p12");
    let taken = curl.run(&["-H", BYTES, "--data-binary", &small, &at]).await;
    taken.refused(409, "exists already");
    let gone = curl.run(&["-X", "DELETE", &format!("{FILES}/{old}")]).await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    let new = curl
        .run(&["-H", BYTES, "--data-binary", &small, &at])
        .await
        .ok();
    assert_ne!(new["id"], old.as_str());
    assert_eq!(new["size"], 13);
    compat.works("the script that lists by name, deletes and uploads again");
}

#[tokio::test]
async fn curl_signs_in_in_every_way_and_is_never_sent_elsewhere() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let story = "curl::curl_signs_in_in_every_way_and_is_never_sent_elsewhere";
    let Some((curl, compat)) = curl(story, &site, &ada) else {
        return;
    };
    let token = ada.token();
    let bearer = format!("Authorization: Bearer {token}");
    for words in [
        ["-u", &format!(":{token}")],
        ["-u", &format!("anything:{token}")],
        ["-u", &format!("ada@example.com:{token}")],
        ["-H", &bearer],
    ] {
        let all = [&words[..], &["{}/_apis/connectionData"]].concat();
        let who = curl.bare(&all).await.ok();
        assert_eq!(who["authenticatedUser"]["providerDisplayName"], "ada");
    }
    compat.works("`-u :TOKEN`, `-u anything:TOKEN`, `Authorization: Bearer TOKEN`");
    for words in [
        vec!["{}/_apis/projects"],
        vec!["-u", ":wrong", "{}/_apis/projects"],
        vec!["-H", "Authorization: Bearer wrong", "{}/_apis/projects"],
        vec!["-H", "Accept: text/html", "{}/_apis/projects"],
        vec!["-L", "{}/Main/_apis/distributedtask/securefiles"],
        vec!["-X", "OPTIONS", "{}/_apis"],
    ] {
        let answer = curl.bare(&words).await;
        answer.refused(401, "TF400813");
        assert!(
            answer.head.contains("www-authenticate: basic realm="),
            "{}",
            answer.head
        );
        assert!(!answer.head.contains("location:"), "{}", answer.head);
    }
    compat.refused("no token, or a wrong one: 401 with the envelope, never a redirect or a page");

    // Names that need encoding, `$` as shells and scripts leave it, slashes as they happen.
    ada.coffer(&["project", "create", "Größe und Maß"])
        .await
        .ends(0);
    let encoded = "Gr%C3%B6%C3%9Fe%20und%20Ma%C3%9F";
    let at = format!("{{}}/{encoded}/_apis/distributedtask/securefiles?name=%C3%A4.pem");
    let file = curl
        .run(&["-H", BYTES, "--data-binary", "x", &at])
        .await
        .ok();
    assert_eq!(file["name"], "ä.pem");
    let at = format!("{{}}//{encoded}/_APIS/DistributedTask//SecureFiles/");
    assert_eq!(curl.run(&[&at]).await.ok()["count"], 1);
    compat.works("a project's name with spaces and umlauts, any case, double and trailing slashes");
    let projects = curl.run(&["{}/_apis/projects"]).await.ok();
    let list = projects["value"].as_array().unwrap();
    let project = list
        .iter()
        .find(|project| project["name"] == PROJECT)
        .unwrap()["id"]
        .as_str()
        .unwrap();
    for dollar in ["$", "%24"] {
        let at = format!(
            "{{}}/_apis/securityroles/scopes/distributedtask.library/roleassignments/resources/{project}{dollar}0"
        );
        assert!(curl.run(&[&at]).await.ok()["count"].as_i64().unwrap() >= 1);
        let at = format!("{{}}/_apis/projects?{dollar}top=1");
        assert_eq!(curl.run(&[&at]).await.ok()["count"], 1);
    }
    compat.works("`$` raw and as `%24`, in paths and queries");
}

#[tokio::test]
async fn curl_downloads_in_a_job_only() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let story = "curl::curl_downloads_in_a_job_only";
    let Some((curl, compat)) = curl(story, &site, &ada) else {
        return;
    };
    // What would compress well.
    let content = "-----BEGIN CERTIFICATE-----\n".repeat(4000);
    let path = site.file("ca.pem", &content);
    ada.coffer(&["file", "upload", &path, "--authorize-all-pipelines"])
        .await
        .ends(0);
    ada.pipeline("download", &downloads(["ca.pem"])).await;
    ada.queue("download").await;
    let hand = Hand::register(&ada, "hand").await;
    let job = hand.job().await;
    let file = &job.resources.secure_files[0];
    let plain = format!("{FILES}/{}?download=true", file.id);
    let with = format!("{plain}&ticket={}", file.ticket);
    let signed = format!("x:{}", token(&job));
    for accept in [
        "Accept: */*",
        "Accept: application/json",
        "Accept: application/octet-stream",
    ] {
        let words = [
            "-u",
            &signed,
            "-H",
            accept,
            "-H",
            "Accept-Encoding: gzip, br",
            &with,
        ];
        let answer = curl.bare(&words).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.body, content.as_bytes());
        assert!(
            answer
                .head
                .contains("content-type: application/octet-stream"),
            "{}",
            answer.head
        );
        assert!(!answer.head.contains("content-encoding"), "{}", answer.head);
        assert!(
            answer
                .head
                .contains(&format!("content-length: {}", content.len())),
            "{}",
            answer.head
        );
        assert!(
            answer.head.contains("content-disposition: attachment"),
            "{}",
            answer.head
        );
    }
    compat.works(
        "a download with a job's token and ticket, whatever `Accept` says, never compressed",
    );
    let words = [
        "-u",
        &signed,
        "-H",
        "Accept: application/octet-stream",
        &plain,
    ];
    let answer = curl.bare(&words).await;
    assert_eq!(answer.ok()["name"], "ca.pem");
    assert!(
        answer.head.contains("content-type: application/json"),
        "{}",
        answer.head
    );
    compat.saw(
        "a download without a ticket",
        "what is known of the file, as JSON, as in the original",
    );
    let answer = curl.run(&[&with]).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(!answer.text().contains("BEGIN"), "{}", answer.text());
    compat.refused("a download by a person, with the ticket of a job");
    let answer = curl.bare(&[&with]).await;
    answer.refused(401, "TF400813");
    compat.refused("a download with a ticket alone");
}
