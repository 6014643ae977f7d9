//! The log of `coffer serve`, as whoever collects logs gets it: what stands in it, and what never does.

use crate::harness::{Done, Site, coffer};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends one request, and reads the answer to its end.
async fn ask(address: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request =
        format!("{head}\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A server that closes early has said what it wanted.
    let _end = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Every place of a request that can hold something secret, each with a secret of its own.
const REQUESTS: [(&str, &str); 12] = [
    (
        "GET /DefaultCollection/_apis/connectionData HTTP/1.1\r\nAuthorization: Bearer cof_pat_canarybearer",
        "",
    ),
    // x:canarybasic
    (
        "GET /DefaultCollection/_apis/connectionData HTTP/1.1\r\nAuthorization: Basic eDpjYW5hcnliYXNpYw==",
        "",
    ),
    (
        "GET /DefaultCollection/_apis/connectionData HTTP/1.1\r\nAuthorization: Negotiate canarynegotiate",
        "",
    ),
    (
        "GET /DefaultCollection/canaryproject/_apis/distributedtask/securefiles/canaryfile?ticket=canaryticket&download=true HTTP/1.1\r\nAuthorization: Bearer {token}",
        "",
    ),
    (
        "POST /DefaultCollection/Main/_apis/distributedtask/securefiles?name=canaryname HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/octet-stream",
        "canarycontent",
    ),
    (
        "POST /DefaultCollection/Main/_apis/distributedtask/securefiles HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json",
        "\"canaryjson",
    ),
    (
        "POST /DefaultCollection/_apis/coffer/signin/password HTTP/1.1\r\nContent-Type: application/json",
        "{\"user\":\"canaryuser\",\"password\":\"canarypassword\",\"secondFactor\":\"canaryfactor\",\"label\":\"x\"}",
    ),
    (
        "POST /DefaultCollection/_apis/coffer/signin HTTP/1.1\r\nContent-Type: application/json",
        "{\"code\":\"canarycode\",\"uniqueName\":\"canaryuser\",\"label\":\"x\"}",
    ),
    (
        "GET /account HTTP/1.1\r\nCookie: __Host-coffer-session=canarysession; __Host-coffer-write=canarywrite",
        "",
    ),
    (
        "POST /signin HTTP/1.1\r\nOrigin: http://h\r\nCookie: __Host-coffer-form=canaryformcookie\r\nContent-Type: application/x-www-form-urlencoded",
        "name=canaryuser&password=canarypassword&form_token=canaryform",
    ),
    (
        "GET /canarypath/%ff?canaryquery=1 HTTP/1.1\r\nX-Forwarded-For: canaryheader\r\nUser-Agent: canaryagent\r\nX-TFS-Session: canarytfs",
        "",
    ),
    (
        "CANARYMETHOD /DefaultCollection/_apis/connectionData HTTP/1.1\r\nReferer: http://h/canaryreferer",
        "",
    ),
];

#[tokio::test]
async fn no_part_of_a_request_but_method_and_route_is_in_the_log() {
    for format in ["json", "text"] {
        let site = Site::new();
        let mut command = site.serve_command(
            site.listen(),
            &["--log-format", format, "--log-level", "trace"],
        );
        // Libraries write headers at this level, and are not asked to.
        command.env("RUST_LOG", "trace");
        let mut server = site.start(command).await;
        let ada = site.administrator(&server).await;
        let before = server.process.said().lines().count();
        for (head, body) in REQUESTS {
            let head = head.replace("{token}", &ada.token());
            let answer = ask(server.address(), &head, body).await;
            assert!(answer.starts_with("HTTP/1.1 "), "{head}: {answer}");
        }
        assert!(server.process.terminate().await.success());
        let said = server.process.said();
        let found: Vec<_> = said
            .lines()
            .filter(|line| line.to_lowercase().contains("canary"))
            .collect();
        assert!(found.is_empty(), "{found:#?}");
        for part in [
            ada.token().as_str(),
            "eDpjYW5hcnliYXNpYw",
            "ticket=",
            "Bearer ",
            "Basic ",
        ] {
            assert!(!said.contains(part), "{part} in {said}");
        }
        let lines: Vec<_> = said.lines().skip(before).collect();
        let access: Vec<_> = lines
            .iter()
            .filter(|line| line.contains("coffer::access"))
            .collect();
        assert_eq!(access.len(), REQUESTS.len(), "a line a request: {said}");
        for library in ["hyper", "rustls", "sqlx", "mio", "h2", "tower"] {
            let theirs = lines
                .iter()
                .any(|line| line.contains(&format!("{library}::")));
            assert!(!theirs, "{library} in {said}");
        }
        if format == "json" {
            // One object a line, for programs.
            for line in access {
                let line: Value = serde_json::from_str(line).unwrap();
                for (field, good) in [
                    ("method", line["method"].is_string()),
                    ("route", line["route"].is_string()),
                    ("status", line["status"].is_u64()),
                    ("ms", line["ms"].is_u64()),
                    ("activity", line["activity"].is_string()),
                ] {
                    assert!(good, "{field} of {line}");
                }
            }
            let upload = "{project}/_apis/distributedtask/securefiles";
            assert!(said.contains(upload), "routes are named: {said}");
        }
    }
}

#[tokio::test]
async fn over_tls_every_kind_of_token_is_used_and_none_is_in_the_log() {
    let (site, authority) = (Site::new(), crate::tls::Authority::new());
    authority.install(&site, crate::tls::host(&site), 2100);
    let mut command = site.serve_command(
        site.listen(),
        &["--log-format", "json", "--log-level", "trace"],
    );
    command
        .args(crate::tls::flags(&site))
        .env("RUST_LOG", "trace");
    let mut server = site.start(command).await;
    let ca = site.file("ca.pem", authority.pem());
    let ada = site.somebody("ada", &server);
    let code = site.code().await;
    let trusting = async |words: &[&str], input: &[u8]| {
        let mut command = coffer(&ada.home, words);
        command
            .env("COFFER_CA_FILE", &ca)
            .env("COFFER_NEW_PASSWORD", "unused");
        Done::with_input(command, input).await.ends(0)
    };
    trusting(
        &["login", &server.url, "--name", "ada", "--code", &code],
        b"",
    )
    .await;
    let canary = "canary-0b1c2d3e4f5a69788796a5b4c3d2e1f0";
    let file = site.file("canary.txt", canary);
    trusting(&["file", "upload", &file, "--authorize-all-pipelines"], b"").await;
    let yaml = site.file("p.yml", crate::job::downloads(["canary.txt"]));
    trusting(&["pipeline", "add", &yaml], b"").await;
    trusting(&["user", "add", "grace"], b"").await;
    let invited = trusting(&["user", "invite", "grace", "--output", "json"], b"").await;
    let invitation = invited.json()["code"].as_str().unwrap().to_owned();
    let person = trusting(&["token", "create", "t", "--user", "grace"], b"")
        .await
        .out;
    let registration = trusting(&["token", "create", "a", "--kind", "agent"], b"")
        .await
        .out;
    let token = site.file("agent.token", &registration);
    trusting(&["run", "start", "p"], b"").await;
    let mut agent = coffer(
        &site.folder("home-agent"),
        &["agent", "--url", &server.url, "--name", "b", "--once"],
    );
    agent
        .args([
            "--log-level",
            "trace",
            "--ca-file",
            &ca,
            "--token-file",
            &token,
            "--work",
        ])
        .arg(site.path("work"));
    agent.env("RUST_LOG", "trace");
    let mut agent = site.run(agent);
    assert!(agent.end().await.success(), "{}", agent.said());
    assert!(server.process.terminate().await.success());
    let said = format!("{}{}", server.process.said(), agent.said());
    assert!(said.contains("coffer::access"));
    for (what, secret) in [
        ("the content", canary),
        ("the code", code.as_str()),
        ("the administrator's token", ada.token().as_str()),
        ("a person's token", person.trim()),
        ("an invitation", invitation.as_str()),
        ("the registration token", registration.trim()),
        ("a token of any job", "cof_job_"),
        ("a private key", "PRIVATE KEY"),
        ("a query", "ticket="),
    ] {
        assert!(
            !secret.is_empty() && !said.contains(secret),
            "{what} is in a log"
        );
    }
}
