//! The command line as people use it, word for word.

use crate::harness::{Done, PROJECT, Site, coffer};
use std::os::unix::fs::PermissionsExt as _;

const CONTRIBUTORS: &str = "Main/Contributors";

#[tokio::test]
async fn somebody_keeps_files() {
    let site = Site::new();
    let server = site.serve().await;
    let stranger = site.somebody("stranger", &server);
    stranger
        .coffer(&["file", "list"])
        .await
        .ends(2)
        .says("hint: sign in with `coffer login URL`");
    stranger
        .coffer(&["whoami", "--url", &server.url])
        .await
        .ends(4);
    let ada = site.administrator(&server).await;
    ada.coffer(&["whoami"])
        .await
        .ends(0)
        .shows("ada")
        .shows(&server.url);

    let file = site.file("signing.p12", "a key, or so");
    ada.coffer(&["file", "list"]).await.ends(0).shows("NAME");
    let done = ada.coffer(&["file", "upload", &file]).await.ends(0);
    let done = done
        .says("Uploaded signing.p12.")
        .says("coffer file permit NAME PIPELINE");
    assert!(
        done.out.contains("signing.p12") && done.out.contains("ada"),
        "{}",
        done.out
    );
    let standard_input = coffer(
        &ada.home,
        &["file", "upload", "-", "--name", "deploy-key.pem"],
    );
    Done::with_input(standard_input, b"from a pipe")
        .await
        .ends(0);

    ada.coffer(&["file", "upload", &file])
        .await
        .ends(5)
        .says("error: ")
        .says("signing.p12");
    ada.coffer(&["file", "upload", "-"])
        .await
        .ends(2)
        .says("--name");
    let absent = site.path("absent.pem");
    ada.coffer(&["file", "upload", absent.to_str().unwrap()])
        .await
        .ends(3)
        .says("absent.pem");
    let large = site.file("large.bin", vec![7; 10_485_761]);
    ada.coffer(&["file", "upload", &large])
        .await
        .ends(6)
        .says("10");

    let listed = ada
        .coffer(&["file", "list", "*.p12", "--output", "json"])
        .await
        .ends(0)
        .json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed[0]["name"], "signing.p12");
    assert_eq!(listed[0]["size"], 12);
    let table = ada.coffer(&["file", "list"]).await.ends(0).out;
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 3, "{table}");
    assert!(
        rows[0].starts_with("NAME") && rows[0].ends_with("ID"),
        "{table}"
    );

    let shown = ada.coffer(&["file", "show", "SIGNING.P12"]).await.ends(0);
    let digest = crate::harness::sha256(b"a key, or so");
    shown.shows(&digest).shows("Pipelines:").shows("none");
    let shown = ada
        .coffer(&["file", "show", "signing.p12", "-o", "json"])
        .await
        .ends(0)
        .json();
    assert_eq!(shown["secureFile"]["sha256"], digest);
    assert_eq!(shown["secureFile"].get("ticket"), None);
    ada.coffer(&["file", "show", "signing.p1"])
        .await
        .ends(3)
        .says("signing.p12");

    ada.coffer(&["file", "delete", "signing.p12"])
        .await
        .ends(2)
        .says("--yes");
    ada.coffer(&["file", "delete", "signing.p12", "--yes"])
        .await
        .ends(0)
        .says("Deleted");
    ada.coffer(&["file", "show", "signing.p12"]).await.ends(3);
    ada.coffer(&["file", "lsit"]).await.ends(2).says("list");
}

#[tokio::test]
async fn a_hostile_name_does_not_act_on_the_terminal() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let hostile = site.file("evil\u{1b}[31m\u{1b}]0;owned\u{7}.pem", "x");
    let done = ada.coffer(&["file", "upload", &hostile]).await.ends(6);
    assert!(!done.err.contains(['\u{1b}', '\u{7}']), "{:?}", done.err);
    assert!(done.err.contains("\\u{1b}[31m"), "{:?}", done.err);

    // What the library takes and a terminal would not show as it is.
    for name in ["a\u{301}\u{2028}b.pem", "pad\u{200b}ded.pem", "sp ace.pem"] {
        let file = site.file("plain", "x");
        ada.coffer(&["file", "upload", &file, "--name", name]).await;
    }
    let table = ada.coffer(&["file", "list"]).await.ends(0).out;
    for row in table.lines().skip(1) {
        assert!(
            row.contains(".pem") && row.contains("ada"),
            "one row for each file: {table:?}"
        );
    }
    assert!(
        !table.contains(['\u{2028}', '\u{200b}', '\u{1b}']),
        "{table:?}"
    );

    ada.pipeline(
        "loud",
        "steps:\n- script: printf '\\033]0;owned\\007\\033[2Jplain\\n'\n",
    )
    .await;
    let run = ada.queue("loud").await;
    let mut agent = site.agent_command(&ada, "builder").await;
    agent.arg("--once");
    assert!(site.run(agent).end().await.success());
    let log = ada.coffer(&["run", "log", &run]).await.ends(0).out;
    assert!(log.contains("plain"), "{log:?}");
    assert!(!log.contains(['\u{1b}', '\u{7}']), "{log:?}");
}

#[tokio::test]
async fn a_developer_waits_for_a_permission_and_is_told_what_to_type() {
    let site = Site::new();
    let server = site.serve().await;
    let engineer = site.administrator(&server).await;
    let developer = site
        .person(&engineer, &server, "grace", &[CONTRIBUTORS])
        .await;
    let file = site.file("ca.pem", "a certificate of two lines\nand no more\n");
    engineer.coffer(&["file", "upload", &file]).await.ends(0);

    let wrong = site.file(
        "wrong.yml",
        "steps:\n- task: DownloadSecureFile@1\n  input:\n    secureFile: ca.pem\n",
    );
    let unknown = site.file(
        "unknown.yml",
        "steps:\n- task: DownloadSecureFile@1\n  inputs:\n    secureFile: ca.pme\n",
    );
    for (file, name, place, what) in [
        (wrong, "wrong", "wrong.yml:3:3", "inputs"),
        (unknown, "unknown", "unknown.yml:4:17", "ca.pme"),
    ] {
        let added = developer.coffer(&["pipeline", "add", &file]).await.ends(0);
        added
            .says("It cannot run yet:")
            .says(place)
            .says(what)
            .says("coffer pipeline update");
        let refused = developer.coffer(&["run", "start", name]).await.ends(6);
        refused.says(place).says(what);
    }
    let mended = site.file("mended.yml", "steps:\n- script: echo\n");
    let mended = developer
        .coffer(&["pipeline", "update", "unknown", &mended])
        .await
        .ends(0);
    let mended = mended.says("revision 2");
    assert!(!mended.err.contains("cannot run"), "{}", mended.err);

    let yaml = "steps:\n- task: DownloadSecureFile@1\n  name: ca\n  inputs:\n    secureFile: ca.pem\n- script: |\n    sha256sum $(ca.secureFilePath)\n    stat -c 'mode %a' $(ca.secureFilePath)\n  displayName: Look at it\n";
    developer.pipeline("release", yaml).await;
    developer
        .coffer(&["pipeline", "show", "release", "--yaml"])
        .await
        .ends(0)
        .shows(yaml);
    let waits = ["run", "start", "release", "--watch", "--fail-if-waiting"];
    developer
        .coffer(&waits)
        .await
        .ends(7)
        .says("waiting for permission");
    let timed = ["run", "start", "release", "--watch", "--timeout", "1"];
    developer
        .coffer(&timed)
        .await
        .ends(7)
        .says("coffer run watch 2");

    let mut watch = site.run(coffer(
        &developer.home,
        &["run", "start", "release", "--watch"],
    ));
    let line = watch
        .says("what to type", |said| {
            let line = said
                .lines()
                .find(|line| line.contains("coffer run permit"))?;
            said.contains("secure file 'ca.pem'")
                .then(|| line.to_owned())
        })
        .await;
    assert!(
        line.starts_with("  Whoever may permit it types: "),
        "{line}"
    );
    let (_, typed) = line.split_once("types: ").unwrap();
    assert_eq!(typed, format!("coffer run permit 3 --project {PROJECT}"));
    developer.types(typed).await.ends(4);
    developer
        .coffer(&["run", "show", "3"])
        .await
        .ends(0)
        .shows("waiting for permission");
    engineer
        .types(typed)
        .await
        .ends(0)
        .says("Pipeline release may use secure file 'ca.pem' now.");
    engineer.types(typed).await.ends(5).says("does not wait");
    let agent = site.agent(&engineer, "builder").await;
    let ended = watch.end().await;
    assert_eq!(ended.code(), Some(0), "{}", watch.said());
    let digest = crate::harness::sha256(b"a certificate of two lines\nand no more\n");
    for text in [digest.as_str(), "mode 600", "== Look at it ==", "Run 3"] {
        assert!(watch.said().contains(text), "no {text} in {}", watch.said());
    }

    developer
        .coffer(&["run", "log", "3", "--step", "look at it"])
        .await
        .ends(0)
        .shows(&digest);
    developer
        .coffer(&["run", "log", "3", "--step", "nothing"])
        .await
        .ends(3)
        .says("Look at it");
    // The permission stays: the other runs, which waited as well, go on, and a new one does not ask.
    for run in ["1", "2"] {
        developer.watch(run).await.ends(0);
    }
    let again = ["run", "start", "release", "--watch", "--fail-if-waiting"];
    developer.coffer(&again).await.ends(0).says("succeeded");
    developer
        .coffer(&["run", "list"])
        .await
        .ends(0)
        .shows("succeeded");
    engineer
        .coffer(&["pipeline", "permissions", "release"])
        .await
        .ends(0)
        .shows("ca.pem");
    engineer
        .coffer(&["file", "revoke", "ca.pem", "release"])
        .await
        .ends(0);
    developer.coffer(&again).await.ends(7);
    developer.coffer(&["run", "cancel", "5"]).await.ends(0);
    developer.watch("5").await.ends(8);

    developer
        .pipeline("broken", "steps:\n- script: exit 3\n  displayName: Break\n")
        .await;
    let broken = ["run", "start", "broken", "--watch", "--var", "a=b"];
    developer.coffer(&broken).await.ends(8).says("Break");
    developer.coffer(&["run", "show", "99"]).await.ends(3);
    developer
        .coffer(&["run", "start", "relaese"])
        .await
        .ends(3)
        .says("release");
    drop(agent);
}

#[tokio::test]
async fn the_audit_log_can_be_checked_without_the_server() {
    let site = Site::new();
    let mut server = site.serve().await;
    let ada = site.administrator(&server).await;
    let file = site.file("ca.pem", "a certificate");
    ada.coffer(&["file", "upload", &file]).await.ends(0);
    ada.coffer(&["file", "delete", "ca.pem", "--yes"])
        .await
        .ends(0);
    let reader = site
        .person(&ada, &server, "reader", &["Main/Contributors"])
        .await;
    reader.coffer(&["audit", "list"]).await.ends(4);

    ada.coffer(&["audit", "list"])
        .await
        .ends(0)
        .shows("SecureFile.Created")
        .shows("SecureFile.Deleted");
    let only = [
        "audit",
        "list",
        "--action",
        "SecureFile.Deleted",
        "-o",
        "json",
    ];
    let only = ada.coffer(&only).await.ends(0).json();
    assert_eq!(only.as_array().unwrap().len(), 1, "{only}");
    ada.coffer(&["audit", "verify"]).await.ends(0).shows("yes");
    let export = site.path("audit.jsonl");
    let export = export.to_str().unwrap();
    ada.coffer(&["audit", "export", "--to", export])
        .await
        .ends(0);
    ada.coffer(&["audit", "export", "--to", export])
        .await
        .ends(5)
        .says("File exists");
    let filtered = site.path("filtered.jsonl");
    let filtered = filtered.to_str().unwrap();
    let words = [
        "audit",
        "export",
        "--action",
        "SecureFile.Deleted",
        "--to",
        filtered,
    ];
    ada.coffer(&words).await.ends(0);
    server.process.kill().await;

    let nobody = site.somebody("nobody", &server);
    for file in [export, filtered] {
        let check = ["audit", "verify", file];
        nobody.coffer(&check).await.ends(0).shows("yes");
    }
    let text = std::fs::read_to_string(export).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let deleted = lines
        .iter()
        .position(|line| line.contains("SecureFile.Deleted"))
        .unwrap();
    let without = [&lines[..deleted], &lines[deleted + 1..]].concat();
    let swapped = {
        let mut lines = lines.clone();
        lines.swap(1, 2);
        lines
    };
    for (what, tampered) in [
        (
            "another action",
            text.replace("SecureFile.Deleted", "SecureFile.Viewed"),
        ),
        ("another person", text.replacen("\"ada\"", "\"bob\"", 1)),
        ("a missing row", without.join("\n")),
        ("another order", swapped.join("\n")),
    ] {
        assert_ne!(tampered, text, "{what}");
        let file = site.file("tampered.jsonl", tampered);
        let done = nobody.coffer(&["audit", "verify", &file]).await;
        assert_eq!(done.code, 10, "{what}: {}{}", done.out, done.err);
    }
    // Rows cut off at the end show only in the head. The newest may not be linked yet.
    let whole = nobody
        .coffer(&["audit", "verify", export, "-o", "json"])
        .await
        .json();
    let head = whole["head"].as_str().unwrap();
    let cut = site.file("cut.jsonl", lines[..lines.len() - 4].join("\n"));
    nobody
        .coffer(&["audit", "verify", export, "--head", head])
        .await
        .ends(0);
    nobody
        .coffer(&["audit", "verify", &cut, "--head", head])
        .await
        .ends(10);
    ada.coffer(&["audit", "list"])
        .await
        .ends(9)
        .says("cannot reach the server");
}

#[tokio::test]
async fn users_and_tokens_come_and_go() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let grace = site.person(&ada, &server, "grace", &[CONTRIBUTORS]).await;
    grace.coffer(&["whoami"]).await.ends(0).shows("grace");
    ada.coffer(&["user", "add", "grace"]).await.ends(5);
    ada.coffer(&["user", "list"])
        .await
        .ends(0)
        .shows("grace")
        .shows("ada");
    grace.coffer(&["user", "add", "eve"]).await.ends(4);
    grace
        .coffer(&["token", "create", "x", "--user", "ada"])
        .await
        .ends(4);
    grace
        .coffer(&["token", "create", "x", "--kind", "agent"])
        .await
        .ends(4);

    let made = grace
        .coffer(&["token", "create", "laptop", "--days", "1"])
        .await
        .ends(0);
    let token = made.out.trim().to_owned();
    assert_eq!(made.out.lines().count(), 1, "the token alone");
    assert!(!made.err.contains(&token));
    let with = |token: &str| {
        let mut command = coffer(&site.folder("elsewhere"), &["whoami", "--url", &server.url]);
        command.env("COFFER_TOKEN", token);
        command
    };
    Done::of(with(&token)).await.ends(0).shows("grace");
    let listed = grace.coffer(&["token", "list", "-o", "json"]).await.ends(0);
    assert!(!listed.out.contains(&token));
    let listed = listed.json();
    let laptop = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["label"] == "laptop")
        .unwrap();
    let id = laptop["id"].as_str().unwrap();
    grace.coffer(&["token", "revoke", id]).await.ends(0);
    let refused = Done::of(with(&token)).await.ends(4);
    assert!(!refused.err.contains(&token), "{}", refused.err);
    grace
        .coffer(&["token", "create", "long", "--days", "366"])
        .await
        .ends(6);

    let login = grace.home.join(".config/coffer/login.json");
    assert_eq!(
        login.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    grace.coffer(&["logout"]).await.ends(0);
    assert!(!login.exists());
    grace.coffer(&["whoami"]).await.ends(2);

    ada.coffer(&["project", "add", "Mobile"]).await.ends(0);
    ada.coffer(&["file", "list"])
        .await
        .ends(2)
        .says("Mobile")
        .says("--project");
    ada.coffer(&["file", "list", "--project", "Mobile"])
        .await
        .ends(0);
}
