//! Behind a real nginx, with the configuration that the repository ships: everything works, and nothing of a secure file
//! or of who asked for it stays with the proxy.

use crate::{sha256, yaml};
use coffer_testkit::client::{Body, Upload};
use coffer_testkit::{
    Answer, Nginx, PROJECT, Setup, TestServer, User, both, eventually, group, random,
};
use futures_util::stream;
use std::io;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const LIMIT: usize = 10_485_760;
const WHO: &str = "_apis/connectionData";

fn proxied() -> Setup {
    Setup {
        trusted_proxies: "127.0.0.1",
        public_url: Some(Nginx::choose_url().leak()),
        ..Setup::default()
    }
}

/// nginx before the server; none where it is not installed.
async fn nginx(
    server: &TestServer,
    test: &str,
    change: impl Fn(String) -> String,
) -> Option<Nginx> {
    if !Nginx::is_there(&format!("nginx::{test}")) {
        return None;
    }
    let url = server.public_url().unwrap();
    Some(Nginx::start(url, server.address(), change).await)
}

fn replaced(from: &'static str, to: &'static str) -> impl Fn(String) -> String {
    move |config| {
        assert!(config.contains(from), "{from}");
        config.replace(from, to)
    }
}

/// The largest file there may be, with the canary in every part of it.
fn large(canary: &[u8]) -> Vec<u8> {
    let mut content = random(LIMIT);
    for part in content.chunks_mut(16 * 1024) {
        part[100..100 + canary.len()].copy_from_slice(canary);
    }
    content
}

/// An upload that stops in the middle until it is told to go on.
struct Halted {
    rest: mpsc::Sender<Vec<u8>>,
    content: Vec<u8>,
    upload: JoinHandle<()>,
}

impl Halted {
    async fn begin(user: &User, name: &str, content: Vec<u8>) -> Self {
        let (rest, mut pieces) = mpsc::channel::<Vec<u8>>(4);
        let body = Body::from_stream(stream::poll_fn(move |context| {
            pieces
                .poll_recv(context)
                .map(|piece| piece.map(|piece| io::Result::Ok(piece.into())))
        }));
        let (client, upload) = (user.client.clone(), Upload::named(name));
        let upload = tokio::spawn(async move {
            client
                .secure_files(PROJECT)
                .upload(upload, body)
                .await
                .unwrap();
        });
        rest.send(content[..LIMIT / 2].to_vec()).await.unwrap();
        Self {
            rest,
            content,
            upload,
        }
    }

    async fn go_on(self) {
        self.rest
            .send(self.content[LIMIT / 2..].to_vec())
            .await
            .unwrap();
        drop(self.rest);
        self.upload.await.unwrap();
    }
}

async fn eventually_holds(nginx: &Nginx, needle: &[u8], what: &str) {
    eventually(what, || async { !nginx.holds(needle).is_empty() }).await;
}

async fn page(user: &User, authorization: Option<&str>) -> Answer {
    // Pages stand beside the organization.
    let call = user.unsigned("GET", "../signin");
    match authorization {
        Some(value) => call.header("Authorization", value).send().await,
        None => call.send().await,
    }
}

/// `proxyuser:open-sesame`, whom the proxy knows.
const PROXY_USER: &str = "Basic cHJveHl1c2VyOm9wZW4tc2VzYW1l";

fn with_sign_in(config: String) -> String {
    let config = replaced("# auth_basic \"Tools\"", "auth_basic \"Tools\"")(config);
    replaced("# auth_basic_user_file", "auth_basic_user_file")(config)
}

both! {
    async fn a_library_and_a_job_work_and_nothing_stays_there(mut server, proxied()) {
        let Some(nginx) = nginx(&server, "a_library_and_a_job_work_and_nothing_stays_there", |config| config).await else {
            return;
        };
        let (url, ca) = (nginx.url().to_owned(), nginx.ca_file());
        let developer = server.developer().await;
        let engineer = server.release_engineer().await.at(&url, &ca);
        let developer = developer.at(&url, &ca);
        let canary = random(32);
        let small = [b"-----BEGIN-----\n".as_slice(), &canary, b"\n-----END-----"].concat();
        engineer.upload("small.p12", &small).await;
        // Half an upload is with the server before its other half is sent: nobody on the way collects it.
        let content = large(&canary);
        let halted = Halted::begin(&engineer, "large.p12", content.clone()).await;
        eventually("the server has the beginning", || async {
            server.database().number("select count(*) from upload_intent").await == 1
        })
        .await;
        assert_eq!(nginx.holds(&canary), Vec::<String>::new(), "during the upload");
        halted.go_on().await;
        // The server's own words for what is too large arrive.
        let path = engineer.files_path("?name=huge.p12");
        let huge = engineer.call("POST", &path).body("application/octet-stream", vec![7; LIMIT + 1]);
        assert_eq!(huge.send().await.code(413), "secure_file.too_large");

        let pipeline = developer.pipeline("build", &yaml(&["small.p12", "large.p12"])).await;
        // An agent that waits gets the job of a run that starts meanwhile.
        let agent = server.agent_at("hand", &url, &ca).await;
        let waiting = { let client = agent.client.clone(); tokio::spawn(async move { client.lease(40).await.unwrap() }) };
        let run = developer.run(&pipeline).await;
        for waits in &run.waiting_for {
            let file = engineer.client.secure_files(PROJECT).get(&waits.resource.id).await.unwrap();
            engineer.permit(&file, &pipeline, true).await.unwrap();
        }
        let job = coffer_testkit::LeasedJob { job: waiting.await.unwrap().expect("a job") };
        assert!(job.job.resources.endpoints[0].url.starts_with(&url), "a job is told the public address");
        let mut secrets = vec![job.token().to_owned(), job.job.lease_token.clone(), engineer.token().to_owned()];
        for file in &job.job.resources.secure_files {
            secrets.push(file.ticket.clone());
            let mut download = agent.client.download_secure_file(PROJECT, file.id, &file.ticket, job.token()).await.unwrap();
            let mut arrived = download.chunk().await.unwrap().unwrap().to_vec();
            assert_eq!(nginx.holds(&canary), Vec::<String>::new(), "during the download");
            while let Some(piece) = download.chunk().await.unwrap() {
                arrived.extend_from_slice(&piece);
            }
            assert_eq!(sha256(&arrived), file.sha256);
        }
        agent.finish(&job, "succeeded").await.unwrap();
        // The real agent, its tasks and all.
        let second = developer.run(&pipeline).await;
        server.run_agent_with("builder", &url, |options| options.ca_file = Some(ca.clone())).await;
        assert_eq!(developer.run_now(&second).await.result.as_deref(), Some("succeeded"));
        // A client that names somebody else is not believed.
        let forged = engineer.call("POST", &engineer.files_path("?name=f"))
            .header("X-Forwarded-For", "6.6.6.6").header("X-Forwarded-Host", "evil.example");
        let made = forged.body("application/octet-stream", "x").send().await.ok();
        assert!(!made.text().contains("evil.example"));
        let events = server.administrator().audit().await;
        assert!(events.iter().all(|event| event.actor.address.as_deref() != Some("6.6.6.6")));
        // What fails on the way is where nginx would tell most.
        server.stop().await;
        let ticket = secrets.last().unwrap().clone();
        let late = engineer.get(&engineer.file_path(&job.job.resources.secure_files[0].id.to_string(), &format!("?ticket={ticket}"))).await;
        assert_eq!(late.status, 502);

        assert_eq!(nginx.holds(&canary), Vec::<String>::new(), "afterwards");
        for secret in &secrets {
            assert_eq!(nginx.holds(secret.as_bytes()), Vec::<String>::new());
        }
        // It writes its log after the answer.
        eventually("the failed call is in the log", async || nginx.log().contains(" 502 ")).await;
        let log = nginx.log();
        assert!(log.contains("_apis/distributedtask/securefiles"), "{log}");
        for part in ["ticket=", "name=", "?"] {
            assert!(!log.contains(part), "{part} in {log}");
        }
    }

    async fn with_buffering_and_queries_in_the_log_the_search_finds_them(server, proxied()) {
        let careless = |config| {
            let config = replaced("proxy_request_buffering off;", "")(config);
            let config = replaced("proxy_buffering off;", "")(config);
            let config = replaced("proxy_max_temp_file_size 0;", "")(config);
            replaced("$uri", "$request_uri")(config)
        };
        let Some(nginx) = nginx(&server, "with_buffering_and_queries_in_the_log_the_search_finds_them", careless).await else {
            return;
        };
        let (url, ca) = (nginx.url().to_owned(), nginx.ca_file());
        let engineer = server.release_engineer().await.at(&url, &ca);
        let canary = random(32);
        let halted = Halted::begin(&engineer, "large.p12", large(&canary)).await;
        eventually_holds(&nginx, &canary, "the upload lies on nginx's disk").await;
        halted.go_on().await;
        assert_eq!(nginx.holds(&canary), Vec::<String>::new(), "and is gone afterwards, which hides it");
        let developer = server.developer().await;
        let pipeline = developer.pipeline("build", &yaml(&["large.p12"])).await;
        let run = developer.run(&pipeline).await;
        let file = engineer.client.secure_files(PROJECT).get(&run.waiting_for[0].resource.id).await.unwrap();
        engineer.permit(&file, &pipeline, true).await.unwrap();
        let agent = server.agent_at("hand", &url, &ca).await;
        let job = agent.job().await;
        let file = job.file();
        let mut download = agent.client.download_secure_file(PROJECT, file.id, &file.ticket, job.token()).await.unwrap();
        download.chunk().await.unwrap().unwrap();
        eventually_holds(&nginx, &canary, "the download lies on nginx's disk").await;
        drop(download);
        eventually_holds(&nginx, file.ticket.as_bytes(), "the ticket is in the log").await;
    }

    async fn a_sign_in_of_the_proxy_stands_before_the_pages_only(server, proxied()) {
        let Some(nginx) = nginx(&server, "a_sign_in_of_the_proxy_stands_before_the_pages_only", with_sign_in).await else {
            return;
        };
        let engineer = server.person("rel", &[group::RELEASE_ADMINISTRATORS]).await.at(nginx.url(), &nginx.ca_file());
        let closed = page(&engineer, None).await;
        assert_eq!((closed.status, closed.header("www-authenticate")), (401, "Basic realm=\"Tools\""));
        let open = page(&engineer, Some(PROXY_USER)).await.ok();
        assert!(open.text().contains("action=\"/coffer/signin"), "{}", open.text());
        engineer.get(WHO).await.ok();
        let refused = engineer.unsigned("GET", WHO).send().await;
        assert_eq!(refused.header("www-authenticate"), "Basic realm=\"coffer\"");
        assert_eq!(refused.code(401), "token.missing");
        let health = engineer.unsigned("GET", "../healthz").send().await.ok();
        assert_eq!(health.json(), serde_json::json!({"status": "ok"}));
        // On the plain port nobody is led on.
        let mut wire = coffer_testkit::Wire::to(nginx.plain).await;
        wire.head(&["GET /coffer/DefaultCollection/_apis/connectionData HTTP/1.1", "Host: x"]).await;
        let answer = wire.answer().await.unwrap();
        assert_eq!((answer.status, answer.header("location")), (400, ""));
        assert!(answer.json()["message"].as_str().unwrap().contains("https://"));
    }

    async fn a_sign_in_of_the_proxy_before_the_api_is_told_from_a_wrong_token(server, proxied()) {
        let mistaken = |config| replaced("auth_basic off;", "auth_basic \"Tools\"; auth_basic_user_file /etc/nginx/tools.htpasswd;")(with_sign_in(config));
        let Some(nginx) = nginx(&server, "a_sign_in_of_the_proxy_before_the_api_is_told_from_a_wrong_token", mistaken).await else {
            return;
        };
        let engineer = server.release_engineer().await.at(nginx.url(), &nginx.ca_file());
        // The proxy refuses the token by itself, and the answer is none of ours.
        let theirs = engineer.get(WHO).await;
        assert_eq!((theirs.status, theirs.header("activityid")), (401, ""));
        let ours = engineer.unsigned("GET", WHO).header("Authorization", PROXY_USER).send().await;
        let message = ours.refused(401).message;
        assert_eq!(ours.code(401), "token.foreign");
        assert!(message.contains("the sign-in of a proxy has replaced it"), "{message}");
        assert!(!ours.text().contains("sesame"), "{message}");
    }

    async fn a_proxy_that_takes_the_token_away_is_named(server, proxied()) {
        let greedy = replaced("proxy_set_header Via \"\";", "proxy_set_header Authorization \"\";");
        let Some(nginx) = nginx(&server, "a_proxy_that_takes_the_token_away_is_named", greedy).await else {
            return;
        };
        let engineer = server.release_engineer().await.at(nginx.url(), &nginx.ca_file());
        let refused = engineer.get(WHO).await;
        assert_eq!(refused.code(401), "token.missing");
        assert!(refused.text().contains("the proxy took the Authorization header away"), "{}", refused.text());
    }
}
