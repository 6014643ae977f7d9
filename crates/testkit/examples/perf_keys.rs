//! What keys cost: a rotation among many files (how long, processor time a key, what downloads feel of it), stopping and
//! starting with many files, and how many downloads one call of the key service serves. SQLite, a key file, the default
//! configuration but for the rate of the key service. Reports numbers and asserts nothing.
//!
//! `cargo run --release -p coffer-testkit --example perf_keys [FILES]`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a measurement takes time and tells it"
)]

use coffer_testkit::{Engine, LeasedJob, Setup, TestServer, User, random, server_time};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

const FILES: usize = 100_000;
/// A certificate of usual size.
const CONTENT: usize = 3000;
const CLIENTS: usize = 32;
/// Jobs that download, one file after the other, each.
const DOWNLOADERS: usize = 4;
const LONG: Duration = Duration::from_secs(10);

fn runtime(name: &str) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).thread_name(name).enable_all();
    builder.build().unwrap()
}

fn main() {
    let asked = std::env::args().nth(1).map(|text| text.parse().unwrap());
    let files: usize = asked.unwrap_or(FILES);
    let (served, clients) = (runtime("server"), runtime("client"));
    let setup = Setup {
        logs: false,
        lease_seconds: 24 * 3600,
        ..Setup::default()
    };
    let mut server = served.block_on(TestServer::start_with(Engine::Sqlite, setup));

    let alone = timed(|| served.block_on(server.restart()));
    let (job, uploading) = clients.block_on(fill(&server, files));
    println!("{files} files uploaded in {:.0} s", uploading.as_secs_f64());
    let many = timed(|| served.block_on(server.restart()));
    println!(
        "stop and start: {} ms with one file, {} ms with all",
        ms(alone),
        ms(many)
    );

    let before = server.key_faults().calls();
    let quiet = clients.block_on(download(&server, &job, Until::Passed(LONG)));
    let calls = server.key_faults().calls() - before;
    println!("downloads, nothing else: {quiet}; {calls} calls of the key service");

    let (took, spent) = clients.block_on(rotate(&server));
    let each = spent.as_secs_f64() * 1e6 / files as f64;
    println!(
        "rotation, nothing else: {:.1} s, {each:.0} us of processor time a key",
        took.as_secs_f64()
    );

    let (busy, took) = clients.block_on(async {
        let done = Arc::new(AtomicBool::new(false));
        let downloading = download(&server, &job, Until::Said(done.clone()));
        let rotating = async {
            let (took, _) = rotate(&server).await;
            done.store(true, Ordering::Relaxed);
            took
        };
        tokio::join!(downloading, rotating)
    });
    println!("rotation among downloads: {:.1} s", took.as_secs_f64());
    println!("downloads meanwhile: {busy}");
    served.block_on(async move { drop(server) });
}

fn timed<T>(act: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    act();
    started.elapsed()
}

fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

/// Uploads the files. Answers with a job that may have one of them, and how long the uploads took.
async fn fill(server: &TestServer, files: usize) -> (LeasedJob, Duration) {
    let engineer = server.release_engineer().await;
    let (next, started) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let mut work = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let next = next.clone();
        let user: User = server.holder(engineer.token());
        work.spawn(async move {
            let content = random(CONTENT);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= files {
                    return;
                }
                user.upload(&format!("file{number}.p12"), &content).await;
            }
        });
    }
    work.join_all().await;
    let took = started.elapsed();

    let file = engineer.upload("signing.p12", &random(CONTENT)).await;
    let yaml = "steps:\n- task: DownloadSecureFile@1\n  inputs:\n    secureFile: signing.p12\n";
    let developer = server.developer().await;
    let pipeline = developer.pipeline("build", yaml).await;
    engineer.permit(&file, &pipeline, true).await.unwrap();
    let agent = server.agent("hand").await;
    developer.run(&pipeline).await;
    (agent.job().await, took)
}

enum Until {
    Passed(Duration),
    Said(Arc<AtomicBool>),
}

struct Waits(Vec<Duration>);

impl std::fmt::Display for Waits {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = |part: f64| {
            let last = self.0.len().saturating_sub(1) as f64;
            self.0
                .get((last * part) as usize)
                .copied()
                .unwrap_or_default()
        };
        write!(
            to,
            "{} of them, {} ms at the median, {} at p99, {} the longest",
            self.0.len(),
            ms(at(0.5)),
            ms(at(0.99)),
            ms(at(1.0))
        )
    }
}

/// Downloads the job's file, again and again.
async fn download(server: &TestServer, job: &LeasedJob, until: Until) -> Waits {
    let told = &job.job.resources.secure_files[0];
    let (file, ticket, started) = (told.id.to_string(), &told.ticket, Instant::now());
    let goes_on = || match &until {
        Until::Passed(long) => started.elapsed() < *long,
        Until::Said(done) => !done.load(Ordering::Relaxed),
    };
    let one = || async {
        let mut waits = Vec::new();
        while goes_on() {
            let asked = Instant::now();
            let answer = job.download(server, &file, ticket).await;
            waits.push(asked.elapsed());
            if answer.status != 200 {
                println!("a download was answered with {}", answer.status);
                break;
            }
        }
        waits
    };
    let all = futures_util::future::join_all((0..DOWNLOADERS).map(|_| one())).await;
    let mut waits: Vec<_> = all.into_iter().flatten().collect();
    waits.sort_unstable();
    Waits(waits)
}

/// Rotates, and waits for the end. Answers with how long it took, and the server's processor time meanwhile.
async fn rotate(server: &TestServer) -> (Duration, Duration) {
    let admin = server.caller(server.administrator()).await;
    let (before, started) = (server_time(), Instant::now());
    let number = server
        .service()
        .rotations()
        .request(&admin, "measured")
        .await
        .unwrap();
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let all = server.service().rotations().list(&admin).await.unwrap();
        if all
            .iter()
            .any(|view| view.row.number == number && !view.row.running)
        {
            break;
        }
    }
    let took = started.elapsed();
    (took, server_time().saturating_sub(before))
}
