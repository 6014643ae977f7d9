//! The server is killed at random moments of a busy time. What it had acknowledged holds; nothing is half there.

use crate::harness::{Chance, PROJECT, Person, Server, Site, eventually, sha256, told};
use crate::job::Hand;
use coffer_client::{AuditQuery, Body, Client, ErrorKind, Filter, Upload};
use coffer_testkit::Engine;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

/// Who uploads, deletes and lists at once.
const WORKERS: u64 = 6;
/// Files that one job asks for.
const IN_ONE_JOB: usize = 40;

/// What is known of a name.
#[derive(Clone, Debug, PartialEq)]
enum State {
    /// Sent, not answered.
    Uploading,
    /// Acknowledged.
    Stored { id: String },
    /// A deletion is sent, not answered.
    Deleting { id: String },
    /// Acknowledged.
    Deleted,
}

#[derive(Clone, Debug)]
struct Known {
    sha256: String,
    size: u64,
    state: State,
    /// Opened with its digest after a restart.
    opened: bool,
}

#[derive(Default)]
struct Counts {
    uploads: usize,
    deletes: usize,
    in_doubt: usize,
    in_doubt_kept: usize,
    opened: usize,
    rotations: usize,
}

/// What the workers wrote down, and whether the server is being killed.
#[derive(Default)]
struct Record {
    files: Mutex<BTreeMap<String, Known>>,
    dying: AtomicBool,
}

impl Record {
    fn set(&self, name: &str, state: State) {
        self.files.lock().unwrap().get_mut(name).unwrap().state = state;
    }

    /// A request may fail only because the server was killed under it.
    fn failed(&self, what: &str, error: &coffer_client::ClientError) {
        let broken = error.kind() == ErrorKind::Unreachable;
        assert!(
            broken && self.dying.load(Ordering::SeqCst),
            "{what}: {error} {:?}",
            error.kind()
        );
    }
}

/// Uploads, deletes and lists until the server is gone.
async fn work(client: Client, record: Arc<Record>, prefix: String, mut chance: Chance) {
    let files = client.secure_files(PROJECT);
    let mut number = 0;
    while !record.dying.load(Ordering::SeqCst) {
        match chance.between(0, 10) {
            0..=5 => {
                number += 1;
                let name = format!("{prefix}-{number}.bin");
                let size =
                    1 + chance.between(0, 18) * chance.between(0, 18) * chance.between(1, 1000);
                let content = chance.bytes(size as usize);
                let known = Known {
                    sha256: sha256(&content),
                    size,
                    state: State::Uploading,
                    opened: false,
                };
                record.files.lock().unwrap().insert(name.clone(), known);
                let upload = Upload {
                    size: (chance.between(0, 2) == 0).then_some(size),
                    authorize_pipelines: true,
                    ..Upload::named(&name)
                };
                match files.upload(upload, Body::from_bytes(content)).await {
                    Ok(file) => record.set(&name, State::Stored { id: file.id }),
                    Err(error) => record.failed("upload", &error),
                }
            }
            6..=7 => {
                let chosen = {
                    let all = record.files.lock().unwrap();
                    let mine = all.iter().filter_map(|(name, known)| match &known.state {
                        State::Stored { id } if name.starts_with(&prefix) => {
                            Some((name.clone(), id.clone()))
                        }
                        _ => None,
                    });
                    let mine: Vec<_> = mine.collect();
                    match mine.len() as u64 {
                        0 => continue,
                        count => mine[chance.between(0, count) as usize].clone(),
                    }
                };
                let (name, id) = chosen;
                record.set(&name, State::Deleting { id: id.clone() });
                match files.delete(&id).await {
                    Ok(()) => record.set(&name, State::Deleted),
                    Err(error) => record.failed("delete", &error),
                }
            }
            _ => {
                if let Err(error) = files.list(&Filter::default()).await {
                    record.failed("list", &error);
                }
            }
        }
    }
}

/// Compares what the restarted server shows with what was written down, and settles what was in doubt.
async fn settle(client: &Client, record: &Record, counts: &mut Counts) {
    let listed = client
        .secure_files(PROJECT)
        .list(&Filter::default())
        .await
        .unwrap();
    let listed: BTreeMap<_, _> = listed
        .into_iter()
        .map(|file| (file.name.clone(), file))
        .collect();
    let mut files = record.files.lock().unwrap();
    let strangers: Vec<_> = listed
        .keys()
        .filter(|name| !files.contains_key(*name))
        .collect();
    assert!(strangers.is_empty(), "nobody sent {strangers:?}");
    for (name, known) in files.iter_mut() {
        let now = listed.get(name);
        if let Some(file) = now {
            assert_eq!(
                file.size,
                Some(known.size),
                "{name} is visible and not whole"
            );
        }
        match (known.state.clone(), now) {
            (State::Stored { id }, Some(file)) => assert_eq!(id, file.id, "{name}"),
            (State::Stored { .. }, None) => panic!("{name} was acknowledged and is not there"),
            (State::Deleted, Some(_)) => panic!("{name} was deleted and is there again"),
            (State::Deleted, None) => {}
            (State::Uploading | State::Deleting { .. }, file) => {
                counts.in_doubt += 1;
                known.state = match file {
                    Some(file) => {
                        counts.in_doubt_kept += 1;
                        State::Stored {
                            id: file.id.clone(),
                        }
                    }
                    None => State::Deleted,
                };
            }
        }
    }
}

/// Opens files as jobs do, and compares their digests: all of them, or those not opened yet and some that were.
async fn open(
    ada: &Person,
    hand: &Hand,
    record: &Record,
    chance: &mut Chance,
    counts: &mut Counts,
    all: bool,
) {
    let chosen: Vec<(String, String)> = {
        let files = record.files.lock().unwrap();
        let there = files
            .iter()
            .filter(|(_, known)| matches!(known.state, State::Stored { .. }));
        there
            .filter(|(_, known)| all || !known.opened || chance.between(0, 64) == 0)
            .map(|(name, known)| (name.clone(), known.sha256.clone()))
            .collect()
    };
    for part in chosen.chunks(IN_ONE_JOB) {
        let pipeline = format!("open-{}", chance.next());
        let names = part.iter().map(|(name, _)| name.as_str());
        let job = hand.takes(&ada.client(), &pipeline, names).await;
        assert_eq!(job.resources.secure_files.len(), part.len());
        let expected: BTreeMap<_, _> = part.iter().cloned().collect();
        for file in &job.resources.secure_files {
            let content = hand.download(&job, file).await.unwrap();
            assert_eq!(sha256(&content), expected[&file.name], "{}", file.name);
            record
                .files
                .lock()
                .unwrap()
                .get_mut(&file.name)
                .unwrap()
                .opened = true;
            counts.opened += 1;
        }
        hand.finish(&job, "succeeded").await;
    }
}

/// Waits until every rotation that began has ended. Says how many there were.
pub(crate) async fn rotated(ada: &Person) -> usize {
    let of = async |action: &str| {
        let query = AuditQuery {
            action: Some(action.into()),
            ..AuditQuery::default()
        };
        let mut lines = ada.client().coffer().audit(&query).await.unwrap();
        let mut count = 0;
        while lines.next_line().await.unwrap().is_some() {
            count += 1;
        }
        count
    };
    eventually("keys are rotated", async || {
        let begun = of("Key.RotationStarted").await;
        (begun > 0 && begun == of("Key.RotationFinished").await).then_some(begun)
    })
    .await
}

/// Kills the server so often, on this engine.
#[expect(
    clippy::print_stdout,
    reason = "a long test prints its seed and its counts"
)]
async fn kills(engine: Engine, test: &str) {
    let site = Site::new();
    let Some(database) = site.database(engine, test).await else {
        return;
    };
    let kills = if told("COFFER_EFFORT").as_deref() == Some("soak") {
        200
    } else {
        12
    };
    let seed = Chance::seed();
    println!("seed {seed} (COFFER_TEST_SEED), {kills} kills");
    let mut chance = Chance::new(seed);
    // Each start is another deployment: keys are being rotated when the server is killed.
    let start = async |listen: &str, build: usize| -> Server {
        let mut command = site.serve_command(listen, &["--log-level", "warn"]);
        command.env("COFFER_DEPLOYMENT__ID", format!("build-{build}"));
        command.env("COFFER_KEYS__ROTATION_RATE", "200");
        if let Some(url) = database.url() {
            command.env("COFFER_STORAGE__DATABASE", url);
        }
        site.start(command).await
    };
    let mut server = start(site.listen(), 0).await;
    let address = server.address().to_owned();
    let ada = site.administrator(&server).await;
    let hand = Hand::register(&ada, "hand").await;
    let record = Arc::new(Record::default());
    let mut counts = Counts::default();
    for kill in 0..kills {
        let mut workers = JoinSet::new();
        for worker in 0..WORKERS {
            let own = Chance::new(chance.next());
            let prefix = format!("{kill}-{worker}");
            workers.spawn(work(ada.client(), Arc::clone(&record), prefix, own));
        }
        // A random moment is what this is about; nothing waits for anything here.
        tokio::time::sleep(Duration::from_millis(chance.between(20, 1200))).await;
        record.dying.store(true, Ordering::SeqCst);
        server.process.kill().await;
        while let Some(worker) = workers.join_next().await {
            worker.unwrap();
        }
        server = start(&address, kill + 1).await;
        record.dying.store(false, Ordering::SeqCst);
        settle(&ada.client(), &record, &mut counts).await;
        // At the end, everything once more.
        let all = kill + 1 == kills;
        open(&ada, &hand, &record, &mut chance, &mut counts, all).await;
        let verified = ada.client().coffer().audit_verify().await.unwrap();
        assert!(verified.intact, "{:?}", verified.problems);
    }
    counts.rotations = rotated(&ada).await;
    assert!(counts.rotations > 0, "keys were never rotated");
    open(&ada, &hand, &record, &mut chance, &mut counts, true).await;
    let names: BTreeSet<String> = {
        let files = record.files.lock().unwrap();
        counts.uploads = files.len();
        counts.deletes = files
            .values()
            .filter(|known| known.state == State::Deleted)
            .count();
        for (name, known) in files.iter() {
            let stored = matches!(known.state, State::Stored { .. });
            assert!(!stored || known.opened, "{name} was never opened");
        }
        files.keys().cloned().collect()
    };
    assert!(
        names.len() > 3 * kills,
        "the load was no load: {} uploads",
        names.len()
    );
    ada.coffer(&["audit", "verify"]).await.ends(0);
    println!(
        "{} uploads begun, {} gone by deletion or never there, {} in doubt at a kill ({} of them kept), {} opened with their digests, \
         {} rotations of keys",
        counts.uploads,
        counts.deletes,
        counts.in_doubt,
        counts.in_doubt_kept,
        counts.opened,
        counts.rotations
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_kill_minus_nine() {
    kills(Engine::Sqlite, "kill::soak_kill_minus_nine").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_kill_minus_nine_on_postgres() {
    kills(Engine::Postgres, "kill::soak_kill_minus_nine_on_postgres").await;
}
