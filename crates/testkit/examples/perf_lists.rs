//! How long lists and queries take in a library of 10,000 files with three properties each, on both engines (PostgreSQL
//! where `COFFER_TEST_POSTGRES` names one). Reports numbers and asserts nothing.
//!
//! `cargo run --release -p coffer-testkit --example perf_lists [FILES]`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a measurement takes time and tells it"
)]

use coffer_testkit::{Engine, Setup, TestServer, User};
use serde_json::{Value, json};
use std::time::Instant;

const FILES: usize = 10_000;
const CLIENTS: usize = 16;
const ROUNDS: u32 = 5;

#[tokio::main(flavor = "multi_thread", worker_threads = 4)]
async fn main() -> anyhow::Result<()> {
    let count = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => FILES,
    };
    println!("{count} files, ms for each call, mean of {ROUNDS}");
    for engine in Engine::both() {
        if engine.is_there("perf_lists") {
            let setup = Setup {
                logs: false,
                ..Setup::default()
            };
            measure(TestServer::start_with(engine, setup).await, count).await;
        }
    }
    Ok(())
}

async fn measure(server: TestServer, count: usize) {
    println!("\n{:?}", server.engine());
    let owner = server.release_engineer().await;
    let ids = fill(&server, &owner, count).await;
    // Somebody whose rights come through groups, as most people's do.
    let reader = server.developer().await;
    let one = format!("?secureFileNames=file{}.p12", count / 2);
    let some: Vec<String> = (0..500).map(|n| format!("file{n}.p12")).collect();
    let names = format!("?secureFileNames={}", some.join(","));
    let listed = format!("?secureFileIds={}", ids[..500.min(ids.len())].join(","));
    let condition = "and(in(property('team'), 'web', 'mobile'), gt(property('expires'), '2026'), not(property('retired')))";
    for (what, query, body) in [
        ("all", "", None),
        ("all that may be used", "?actionFilter=use", None),
        ("by a pattern", "?namePattern=file1*9.p12", None),
        ("one by name", one.as_str(), None),
        ("500 by names", &names, None),
        ("500 by ids", &listed, None),
        ("query", "", Some(condition)),
        (
            "query and pattern",
            "?namePattern=*77*",
            Some("eq(property('team'), 'web')"),
        ),
    ] {
        let mut found = 0;
        let started = Instant::now();
        for _ in 0..ROUNDS {
            found = ask(&reader, query, body).await;
        }
        let each = started.elapsed() / ROUNDS;
        println!(
            "{:>8.1}  {what} ({found} files)",
            each.as_secs_f64() * 1000.0
        );
    }
}

async fn ask(user: &User, query: &str, condition: Option<&str>) -> u64 {
    let path = user.files_path(query);
    let call = match condition {
        Some(condition) => user.call("POST", &path).json(&json!(condition)),
        None => user.call("GET", &path),
    };
    call.send().await.ok().json()["count"].as_u64().unwrap()
}

/// Files, and their properties in batches.
async fn fill(server: &TestServer, owner: &User, count: usize) -> Vec<String> {
    let started = Instant::now();
    let mut work = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let user = server.holder(owner.token());
        work.spawn(async move {
            let mut ids = Vec::new();
            for number in (client..count).step_by(CLIENTS) {
                ids.push((
                    number,
                    user.upload(&format!("file{number}.p12"), b"x").await.id,
                ));
            }
            ids
        });
    }
    let mut ids: Vec<(usize, String)> = work.join_all().await.concat();
    ids.sort_unstable();
    println!("{:>8.1}  s to upload them", started.elapsed().as_secs_f64());
    let started = Instant::now();
    for batch in ids.chunks(500) {
        let changes: Vec<Value> = batch
            .iter()
            .map(|(number, id)| {
                let team = ["web", "mobile", "desk"][number % 3];
                let expires = format!("20{:02}-01-31", 20 + number % 12);
                json!({"id": id, "properties": {"team": team, "expires": expires, "number": number.to_string()}})
            })
            .collect();
        let call = owner.call("PATCH", &owner.files_path(""));
        call.json(&Value::from(changes)).send().await.ok();
    }
    println!(
        "{:>8.1}  s to give them properties, 500 in a call",
        started.elapsed().as_secs_f64()
    );
    ids.into_iter().map(|(_, id)| id).collect()
}
