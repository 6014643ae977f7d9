//! `azure-pipelines-tasks-securefiles-common`: what tasks download their files with, inside a job.
//!
//! Two versions: the newest one, and the last that took any answer for the file. Each brings the `azure-pipelines-task-lib`
//! that it was made with.

use super::compat::Compat;
use super::node::Node;
use super::way::{Fault, Way};
use crate::harness::{Chance, Done, PATH, Person, Server, Site, sha256};
use crate::job::{Hand, downloads, token};
use crate::tls;
use base64::Engine as _;
use coffer_wire::agent::{Job, JobSecureFile};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

const MOST: usize = 10_485_760;
const NEWEST: &str = "azure-pipelines-tasks-securefiles-common";
const OLDER: &str = "azure-pipelines-tasks-securefiles-common-2.219";
const SUCCEEDED: &str = "##vso[task.complete result=Succeeded;]";
const FAILED: &str = "##vso[task.complete result=Failed;]";

/// One version of the library, in the task of `e2e/node/download-task`.
struct Library {
    node: Node,
    package: &'static str,
    compat: Compat,
    steps: AtomicUsize,
}

impl Library {
    fn find(story: &str, package: &'static str) -> Option<Self> {
        let node = Node::find(story)?;
        let compat = Compat::new(story, NEWEST, &node.version(package));
        Some(Self {
            node,
            package,
            compat,
            steps: AtomicUsize::new(0),
        })
    }

    /// A step of the job that downloads this file to a folder of its own, with more in its environment.
    async fn step(&self, scene: &Scene, file: &JobSecureFile, more: &[(&str, &str)]) -> Step {
        let number = self.steps.fetch_add(1, Ordering::Relaxed);
        let temp = scene.site.folder(&format!("temp-{number}"));
        let mut task = self.node.script("download-task/download.js", &temp);
        task.envs(environment(&scene.job, file, &temp))
            .env("COFFER_CLIENT", self.package)
            .env("PATH", PATH)
            .envs(more.iter().copied());
        Step {
            done: Done::of(task).await,
            path: temp.join(&file.name),
        }
    }
}

/// What came of a step.
struct Step {
    done: Done,
    path: PathBuf,
}

impl Step {
    /// It succeeded, and these bytes are where the file should be.
    #[track_caller]
    fn downloaded(&self, content: &[u8]) {
        assert!(self.done.out.contains(SUCCEEDED), "{}", self.done.out);
        assert_eq!(self.done.code, 0, "{}", self.done.err);
        let found = std::fs::read(&self.path).unwrap();
        assert_eq!(sha256(&found), sha256(content));
    }

    /// It failed, for a reason that it tells; and the content is not there.
    #[track_caller]
    fn failed(&self, content: &[u8]) -> &str {
        let mut lines = self.done.out.lines();
        let line = lines.find_map(|line| line.strip_prefix(FAILED));
        let left = std::fs::read(&self.path).unwrap_or_default();
        assert!(content.is_empty() || sha256(&left) != sha256(content));
        line.unwrap_or_else(|| panic!("it did not fail: {}", self.done.out))
    }
}

/// A server, and a job in the hands of the story that may download these files.
struct Scene {
    site: Site,
    server: Server,
    ada: Person,
    hand: Hand,
    job: Job,
}

impl Scene {
    async fn plain(files: &[(&str, &[u8])]) -> Self {
        let site = Site::new();
        let server = site.serve().await;
        Self::set(site, server, files).await
    }

    /// The server speaks TLS with a certificate of an authority that nobody knows but this machine.
    async fn private(files: &[(&str, &[u8])]) -> Self {
        let (site, authority) = (Site::new(), tls::Authority::new());
        let (host, _) = site.listen().rsplit_once(':').unwrap();
        authority.install(&site, host, 2100);
        site.file("authority.pem", authority.pem());
        let mut command = site.serve_command(site.listen(), &[]);
        command.args(tls::flags(&site));
        let server = site.start(command).await;
        assert!(server.url.starts_with("https://"), "{}", server.url);
        Self::set(site, server, files).await
    }

    async fn set(site: Site, server: Server, files: &[(&str, &[u8])]) -> Self {
        let ada = site.administrator(&server).await;
        for (name, content) in files {
            let path = site.file("upload", content);
            let upload = ["file", "upload", &path, "--name", name];
            let open = ["--authorize-all-pipelines"];
            ada.coffer(&[&upload[..], &open].concat()).await.ends(0);
        }
        ada.pipeline("download", &downloads(files.iter().map(|(name, _)| *name)))
            .await;
        let hand = Hand::register(&ada, "hand").await;
        let job = next(&ada, &hand).await;
        Self {
            site,
            server,
            ada,
            hand,
            job,
        }
    }

    fn file(&self, name: &str) -> &JobSecureFile {
        let mut all = self.job.resources.secure_files.iter();
        all.find(|file| file.name == name).unwrap()
    }
}

/// The job of a new run of the pipeline.
async fn next(ada: &Person, hand: &Hand) -> Job {
    let run = ada.queue("download").await;
    let job = hand.job().await;
    assert_eq!(job.run_id.to_string(), run);
    job
}

/// Plays a story with both versions.
macro_rules! with_both {
    ($($story:ident, $older:ident = $play:path;)*) => {$(
        #[tokio::test]
        async fn $story() {
            if let Some(library) = Library::find(stringify!($story), NEWEST) {
                $play(&library).await;
            }
        }

        #[tokio::test]
        async fn $older() {
            if let Some(library) = Library::find(stringify!($older), OLDER) {
                $play(&library).await;
            }
        }
    )*};
}

with_both! {
    the_tasks_own_library_downloads_inside_a_job,
    the_tasks_older_library_downloads_inside_a_job = downloads_inside_a_job;
    the_tasks_own_library_goes_on_after_bad_luck,
    the_tasks_older_library_goes_on_after_bad_luck = goes_on_after_bad_luck;
    the_tasks_own_library_trusts_a_private_authority,
    the_tasks_older_library_trusts_a_private_authority = trusts_a_private_authority;
}

async fn downloads_inside_a_job(library: &Library) {
    // Text that compresses well and bytes that no text encoding leaves alone; the largest there may be; nothing.
    let mut text = b"-----BEGIN CERTIFICATE-----\r\n".repeat(4000);
    text.extend((0..=255).rev());
    let files = [
        ("ca with space & ü.pem", &text[..]),
        ("largest.p12", &Chance::new(5).bytes(MOST)),
        ("empty.txt", &[]),
    ];
    let scene = Scene::plain(&files).await;
    let (job, compat) = (&scene.job, &library.compat);

    // What it asks, in this order, and no more.
    let way = Way::open(scene.server.address(), &[]).await;
    let url = way.url();
    let by_way = [("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", url.as_str())];
    let file = scene.file(files[0].0);
    let step = library.step(&scene, file, &by_way).await;
    step.downloaded(files[0].1);
    let content = format!(
        "GET /DefaultCollection/Main/_apis/distributedtask/securefiles/{}",
        file.id
    );
    assert_eq!(
        way.asked(),
        [
            "OPTIONS /DefaultCollection/_apis/Location",
            "GET /DefaultCollection/_apis/ResourceAreas",
            "OPTIONS /DefaultCollection/_apis/distributedtask",
            &content,
        ]
    );
    let password = base64::engine::general_purpose::STANDARD.encode(format!("PAT:{}", token(job)));
    for head in way.heads() {
        let head = head.to_lowercase();
        let basic = format!("authorization: basic {}", password.to_lowercase());
        assert!(
            head.contains(&basic),
            "the user is PAT, the password the token"
        );
        assert!(head.contains("x-tfs-fedauthredirect: suppress"));
    }
    let last = way.heads().pop().unwrap();
    // The client of the older one leaves out what is false.
    let (query, version) = if library.package == NEWEST {
        ("&download=false", "7.2-preview.1")
    } else {
        ("", "6.0-preview.1")
    };
    let target = format!("{content}?ticket={}{query} HTTP/1.1\r\n", file.ticket);
    assert!(last.starts_with(&target), "{last}");
    let accept = format!("accept: application/octet-stream;api-version={version}\r\n");
    assert!(last.to_lowercase().contains(&accept), "{last}");
    compat.works("the four requests of a download, in their order");

    for (name, content) in &files {
        let step = library.step(&scene, scene.file(name), &[]).await;
        step.downloaded(content);
        let size = content.len();
        compat.works(&format!("`downloadSecureFile` in a job, {size} bytes"));
    }

    // The ticket and the token end with their job, for this client as for every other.
    let ended = file.clone();
    scene.hand.finish(job, "succeeded").await;
    let step = library.step(&scene, &ended, &[]).await;
    let reason = step.failed(files[0].1);
    assert!(reason.starts_with("TF400813"), "{reason}");
    compat.refused("`downloadSecureFile` after the job: the step fails");

    // A live job with the ticket that another had for the same file, and with one that nobody had.
    let scene = Scene {
        job: next(&scene.ada, &scene.hand).await,
        ..scene
    };
    let mut made_up = scene.file(files[0].0).clone();
    made_up.ticket = format!("{}x", made_up.ticket);
    for (whose, file) in [("another job's", &ended), ("a made-up", &made_up)] {
        let step = library.step(&scene, file, &[]).await;
        let call = format!("`downloadSecureFile` with {whose} ticket");
        if library.package == NEWEST {
            let reason = step.failed(files[0].1);
            let quotes = reason.starts_with("Failed to download secure file. HTTP 400")
                && reason.contains("TF15004");
            assert!(quotes, "{reason}");
            let result = "refused, as it should be: the step fails and quotes status and answer";
            compat.saw(&call, result);
        } else {
            // It does not look at the status. What it keeps for the file is short, and plainly none.
            assert!(step.done.out.contains(SUCCEEDED), "{}", step.done.out);
            let kept = std::fs::read(&step.path).unwrap();
            let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
            assert_eq!(kept["typeKey"], "DownloadTicketValidationException");
            let result = "refused; this version goes on and keeps the answer, JSON, for the file";
            compat.saw(&call, result);
        }
        assert!(!step.done.err.contains(&file.ticket));
    }
    let said = scene.server.process.said();
    assert!(!said.contains(&ended.ticket) && !said.contains(token(&scene.job)));
}

async fn goes_on_after_bad_luck(library: &Library) {
    let content = Chance::new(8).bytes(70_000);
    let scene = Scene::plain(&[("signing.p12", &content)]).await;
    let faults: &[Fault] = &[
        Fault::Status(503),
        Fault::Reset,
        Fault::Status(502),
        Fault::Status(504),
        Fault::Reset,
    ];
    let way = Way::open(scene.server.address(), faults).await;
    let url = way.url();
    let by_way = [("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", url.as_str())];
    let step = library
        .step(&scene, scene.file("signing.p12"), &by_way)
        .await;
    step.downloaded(&content);
    // Each of the four met every fault, and then got through.
    assert_eq!(
        way.asked().len(),
        4 * (faults.len() + 1),
        "{:?}",
        way.asked()
    );
    library
        .compat
        .works("each request again after 503, 502, 504 and two resets");
}

async fn trusts_a_private_authority(library: &Library) {
    let content = Chance::new(9).bytes(3000);
    let scene = Scene::private(&[("signing.p12", &content)]).await;
    let file = scene.file("signing.p12");
    let authority = scene.site.authority().unwrap();
    let authority = authority.to_str().unwrap();
    for (variable, name) in [
        ("NODE_EXTRA_CA_CERTS", "`NODE_EXTRA_CA_CERTS`"),
        ("AGENT_CAINFO", "`Agent.CAInfo`"),
    ] {
        let step = library.step(&scene, file, &[(variable, authority)]).await;
        step.downloaded(&content);
        library
            .compat
            .works(&format!("behind a private authority that {name} names"));
    }
    let step = library.step(&scene, file, &[]).await;
    let reason = step.failed(&content);
    assert!(reason.contains("certificate"), "{reason}");
    library
        .compat
        .refused("behind a private authority that nothing names");
}

/// The environment that a task of a job sees, as far as the libraries look at it.
fn environment(job: &Job, file: &JobSecureFile, temp: &Path) -> Vec<(String, String)> {
    let name = |text: &str| text.to_uppercase().replace(['.', ' '], "_");
    let mut all: Vec<(String, String)> = Vec::new();
    let mut secret = Vec::new();
    let mut public = Vec::new();
    for (key, variable) in &job.variables {
        if variable.is_secret {
            secret.push(key);
            all.push((format!("SECRET_{}", name(key)), variable.value.clone()));
        } else {
            public.push(key);
            all.push((name(key), variable.value.clone()));
        }
    }
    all.push((
        "VSTS_SECRET_VARIABLES".into(),
        serde_json::to_string(&secret).unwrap(),
    ));
    all.push((
        "VSTS_PUBLIC_VARIABLES".into(),
        serde_json::to_string(&public).unwrap(),
    ));
    for endpoint in &job.resources.endpoints {
        let id = name(&endpoint.name);
        all.push((format!("ENDPOINT_URL_{id}"), endpoint.url.clone()));
        all.push((
            format!("ENDPOINT_AUTH_SCHEME_{id}"),
            endpoint.scheme.clone(),
        ));
        for (key, value) in &endpoint.parameters {
            all.push((
                format!("ENDPOINT_AUTH_PARAMETER_{id}_{}", name(key)),
                value.clone(),
            ));
        }
    }
    let temp = temp.to_str().unwrap();
    for (key, value) in [
        (format!("SECUREFILE_NAME_{}", file.id), file.name.as_str()),
        (format!("SECUREFILE_TICKET_{}", file.id), &file.ticket),
        ("INPUT_SECUREFILE".into(), &file.id.to_string()),
        ("AGENT_TEMPDIRECTORY".into(), temp),
        ("AGENT_WORKFOLDER".into(), temp),
        ("AGENT_VERSION".into(), "4.260.0"),
        ("TF_BUILD".into(), "True"),
    ] {
        all.push((key, value.to_owned()));
    }
    all
}
