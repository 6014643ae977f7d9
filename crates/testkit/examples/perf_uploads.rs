//! Durable uploads per second at one and at sixteen clients, and the server's processor time for each.
//!
//! SQLite in the default configuration: an upload is answered when its commit is on the disk. The server has threads of
//! its own, so that their time can be told from the clients'. Reports numbers and asserts nothing.
//!
//! `cargo run --release -p coffer-testkit --example perf_uploads`; `TMPDIR` says on which disk.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement takes time and tells it"
)]

use coffer_testkit::{Engine, Setup, TestServer, User, random, server_time};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

const CONTENT: usize = 4096;
const LONG: Duration = Duration::from_secs(10);
const WARM: Duration = Duration::from_secs(1);

fn runtime(name: &str) -> anyhow::Result<Runtime> {
    Ok(Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(name)
        .enable_all()
        .build()?)
}

fn main() -> anyhow::Result<()> {
    let (served, clients) = (runtime("server")?, runtime("client")?);
    println!("clients  uploads/s  ms each  server CPU ms each");
    for count in [1, 16] {
        let setup = Setup {
            logs: false,
            ..Setup::default()
        };
        let server = served.block_on(TestServer::start_with(Engine::Sqlite, setup));
        clients.block_on(upload(&server, count, WARM, "warm"));
        let (before, started) = (server_time(), Instant::now());
        let done = clients.block_on(upload(&server, count, LONG, "file"));
        let (spent, took) = (server_time() - before, started.elapsed());
        let rate = done as f64 / took.as_secs_f64();
        let each = took.as_secs_f64() * 1000.0 * f64::from(count) / done as f64;
        let cpu = spent.as_secs_f64() * 1000.0 / done as f64;
        println!("{count:>7}  {rate:>9.1}  {each:>7.2}  {cpu:>18.2}");
        served.block_on(async move { drop(server) });
    }
    Ok(())
}

/// Uploads from so many clients for so long. Answers how many were acknowledged.
async fn upload(server: &TestServer, clients: u32, long: Duration, prefix: &str) -> u64 {
    let next = Arc::new(AtomicU64::new(0));
    let ends = Instant::now() + long;
    let mut work = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (next, prefix) = (next.clone(), prefix.to_owned());
        let user: User = server.holder(server.administrator().token());
        work.spawn(async move {
            while Instant::now() < ends {
                let number = next.fetch_add(1, Ordering::Relaxed);
                user.upload(&format!("{prefix}{number}"), &random(CONTENT))
                    .await;
            }
        });
    }
    work.join_all().await;
    next.load(Ordering::Relaxed)
}
