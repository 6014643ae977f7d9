//! What zeroing freed memory costs: the server's processor time for uploads, downloads and lists, with and without, in
//! turns within one process. On SQLite in the default configuration. Reports numbers and asserts nothing.
//!
//! `cargo run --release -p coffer-testkit --example perf_memory [ROUNDS]`.

#![expect(
    unsafe_code,
    reason = "an allocator that can be switched between the two, for this measurement alone"
)]
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement takes time and tells it"
)]

use coffer_testkit::{Engine, LeasedJob, Setup, TestAgent, TestServer, User, random, server_time};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::{Builder, Runtime};
use zeroizing_alloc::ZeroAlloc;

const FILES: usize = 1000;
const ROUNDS: usize = 12;

static ZEROES: AtomicBool = AtomicBool::new(false);

struct Switch;

// SAFETY: both sides take their memory from the system's allocator and give it back there.
unsafe impl GlobalAlloc for Switch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if ZEROES.load(Ordering::Relaxed) {
            // SAFETY: the caller's promise.
            unsafe { ZeroAlloc(System).dealloc(pointer, layout) }
        } else {
            // SAFETY: the caller's promise.
            unsafe { System.dealloc(pointer, layout) }
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if ZEROES.load(Ordering::Relaxed) {
            // SAFETY: the caller's promise.
            unsafe { ZeroAlloc(System).realloc(pointer, layout, size) }
        } else {
            // SAFETY: the caller's promise.
            unsafe { System.realloc(pointer, layout, size) }
        }
    }
}

#[global_allocator]
static ALLOCATOR: Switch = Switch;

fn runtime(name: &str) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).thread_name(name).enable_all();
    builder.build().unwrap()
}

/// What is done, and how often in a round.
const WORK: [(&str, usize); 5] = [
    ("upload of 4 KiB", 100),
    ("upload of 4 MiB", 10),
    ("download of 4 KiB", 200),
    ("download of 4 MiB", 20),
    ("list of 1,000 files", 20),
];

fn main() {
    let rounds = std::env::args()
        .nth(1)
        .map_or(ROUNDS, |text| text.parse().unwrap());
    let (served, clients) = (runtime("server"), runtime("client"));
    let setup = Setup {
        logs: false,
        ..Setup::default()
    };
    let server = served.block_on(TestServer::start_with(Engine::Sqlite, setup));
    let (owner, agent, job) = clients.block_on(prepare(&server));
    let mut spent: [[Vec<f64>; 2]; WORK.len()] = Default::default();
    for round in 0..=rounds {
        clients.block_on(agent.renew(&job)).unwrap();
        for (kind, (_, times)) in WORK.into_iter().enumerate() {
            // In turns, each first in every other round, so that a busy machine disturbs both alike.
            for zeroes in [round % 2 == 0, round % 2 != 0] {
                ZEROES.store(zeroes, Ordering::Relaxed);
                let before = server_time();
                clients.block_on(work(&server, &owner, &job, kind, times, round));
                let each = (server_time() - before).as_secs_f64() * 1e6 / times as f64;
                // The first round warms up.
                if round > 0 {
                    spent[kind][usize::from(zeroes)].push(each);
                }
            }
        }
    }
    println!("server CPU, microseconds each, median of {rounds} rounds");
    println!("  without      with   ratio");
    for ((what, _), [without, with]) in WORK.iter().zip(spent) {
        let (without, with) = (median(without), median(with));
        println!("{without:>9.0} {with:>9.0} {:>7.3}  {what}", with / without);
    }
    served.block_on(async move { drop(server) });
}

/// The files that are listed and downloaded, and a job that may take them.
async fn prepare(server: &TestServer) -> (User, TestAgent, LeasedJob) {
    let owner = server.release_engineer().await;
    let short = owner.upload("short.bin", &random(4 << 10)).await;
    let long = owner.upload("long.bin", &random(4 << 20)).await;
    for number in 2..FILES {
        owner.upload(&format!("file{number}.bin"), b"x").await;
    }
    let yaml = "steps:\n\
                - task: DownloadSecureFile@1\n  inputs:\n    secureFile: short.bin\n\
                - task: DownloadSecureFile@1\n  inputs:\n    secureFile: long.bin\n";
    let developer = server.developer().await;
    let pipeline = developer.pipeline("take", yaml).await;
    for file in [&short, &long] {
        owner.permit(file, &pipeline, true).await.unwrap();
    }
    developer.run(&pipeline).await;
    let agent = server.agent("perf").await;
    let job = agent.job().await;
    (owner, agent, job)
}

async fn work(
    server: &TestServer,
    owner: &User,
    job: &LeasedJob,
    kind: usize,
    times: usize,
    round: usize,
) {
    for time in 0..times {
        match kind {
            0 | 1 => {
                let content = random(if kind == 0 { 4 << 10 } else { 4 << 20 });
                let zeroes = ZEROES.load(Ordering::Relaxed);
                let file = owner
                    .upload(&format!("new{kind}-{round}-{time}-{zeroes}"), &content)
                    .await;
                // The list stays as long as it was; also deleting is the same on both sides.
                owner
                    .call("DELETE", &owner.file_path(&file.id, ""))
                    .send()
                    .await;
            }
            2 | 3 => {
                let file = &job.job.resources.secure_files[kind - 2];
                let answer = job
                    .download(server, &file.id.to_string(), &file.ticket)
                    .await;
                assert_eq!(answer.status, 200);
            }
            _ => {
                let answer = owner.get(&owner.files_path("")).await;
                assert_eq!(answer.status, 200);
            }
        }
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
