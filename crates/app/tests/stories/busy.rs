//! Uploads and downloads that go on while a story does something to a server, or to what is behind it.
//!
//! Every answer is looked at: a file is the one that was uploaded, and a request fails only where the story lets it, and
//! then with a clear refusal. Must not know what is done to the server.

use crate::harness::eventually;
use crate::job::Hand;
use coffer_client::{Body, Client, ClientError, Filter, Upload};
use coffer_wire::agent::Job;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{RwLock, RwLockWriteGuard};
use tokio::task::JoinSet;

/// Who uploads, and who downloads.
const WORKERS: usize = 2;
/// More of something is so many.
const MORE: usize = 5;

/// What a file of this name holds: now and then more than one segment.
pub(crate) fn content(name: &str) -> Vec<u8> {
    let number = name.bytes().map(usize::from).sum::<usize>();
    let size = if number % 5 == 0 { 100_000 } else { 1_000 };
    name.bytes().cycle().take(size).collect()
}

/// Uploads a file that all pipelines may have.
pub(crate) async fn upload(client: &Client, project: &str, name: &str) -> Result<(), ClientError> {
    let upload = Upload {
        authorize_pipelines: true,
        ..Upload::named(name)
    };
    let body = Body::from_bytes(content(name));
    let done = client.secure_files(project).upload(upload, body).await;
    done.map(drop)
}

/// Downloads every file of a job.
pub(crate) async fn download(hand: &Hand, job: &Job) -> Result<(), ClientError> {
    for file in &job.resources.secure_files {
        let got = hand.download(job, file).await?;
        assert!(got == content(&file.name), "a wrong answer: {}", file.name);
    }
    Ok(())
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// A clear refusal is no failure now.
    lenient: AtomicBool,
    /// Uploads and downloads that were done.
    done: [AtomicUsize; 2],
    /// The same, refused.
    refused: [AtomicUsize; 2],
    /// Names of what was acknowledged.
    stored: Mutex<Vec<String>>,
    /// Held while a request is under way.
    gate: RwLock<()>,
}

impl Shared {
    fn count(&self, what: usize, answer: Result<(), ClientError>) -> bool {
        let Err(error) = answer else {
            self.done[what].fetch_add(1, Ordering::SeqCst);
            return true;
        };
        let clear = error.status() == Some(503)
            && matches!(error.code(), Some("keys.unavailable" | "keys.throttled"));
        assert!(
            clear && self.lenient.load(Ordering::SeqCst),
            "{} failed: {error}: {:?}",
            ["an upload", "a download"][what],
            error.code()
        );
        self.refused[what].fetch_add(1, Ordering::SeqCst);
        false
    }
}

pub(crate) struct Busy {
    shared: Arc<Shared>,
    workers: JoinSet<()>,
    client: Client,
    project: &'static str,
}

impl Busy {
    /// Begins to upload as this client, and to download the files of a job, which [`upload`] made.
    pub(crate) fn begin(client: Client, hand: &Arc<Hand>, job: &Arc<Job>) -> Self {
        let project = hand.project;
        let shared = Arc::new(Shared::default());
        let mut workers = JoinSet::new();
        for worker in 0..WORKERS {
            let (client, ours) = (client.clone(), shared.clone());
            workers.spawn(async move {
                let mut number = 0;
                while !ours.stop.load(Ordering::SeqCst) {
                    let _open = ours.gate.read().await;
                    number += 1;
                    let name = format!("busy-{worker}-{number}.bin");
                    let answer = upload(&client, project, &name).await;
                    if ours.count(0, answer) {
                        ours.stored.lock().unwrap().push(name);
                    }
                }
            });
            let (hand, job, ours) = (hand.clone(), job.clone(), shared.clone());
            workers.spawn(async move {
                while !ours.stop.load(Ordering::SeqCst) {
                    let _open = ours.gate.read().await;
                    ours.count(1, download(&hand, &job).await);
                }
            });
        }
        Self {
            shared,
            workers,
            client,
            project,
        }
    }

    /// Waits until more was uploaded and downloaded.
    pub(crate) async fn more(&mut self) {
        self.grow("more of both", |shared| &shared.done).await;
    }

    /// Waits until both were refused, from now on.
    #[cfg(all(feature = "key-azure", feature = "key-aws"))]
    pub(crate) async fn refused(&mut self) {
        self.grow("refusals of both", |shared| &shared.refused)
            .await;
    }

    async fn grow(&mut self, what: &str, of: impl Fn(&Shared) -> &[AtomicUsize; 2]) {
        let now = || [0, 1].map(|what| of(&self.shared)[what].load(Ordering::SeqCst));
        let before = now();
        eventually(what, async || {
            if let Some(ended) = self.workers.try_join_next() {
                ended.unwrap();
            }
            let now = [0, 1].map(|what| of(&self.shared)[what].load(Ordering::SeqCst));
            (now[0] > before[0] + MORE && now[1] > before[1] + MORE).then_some(())
        })
        .await;
    }

    /// From now on a clear refusal is no failure, or is one again.
    #[cfg(all(feature = "key-azure", feature = "key-aws"))]
    pub(crate) fn may_be_refused(&self, lenient: bool) {
        self.shared.lenient.store(lenient, Ordering::SeqCst);
    }

    /// What is under way ends, and nothing begins, until this is dropped: the server can be started again.
    pub(crate) async fn pause(&self) -> RwLockWriteGuard<'_, ()> {
        self.shared.gate.write().await
    }

    /// Ends it. What is listed is what was acknowledged, and nothing else. Answers with its names.
    pub(crate) async fn end(mut self) -> Vec<String> {
        self.shared.stop.store(true, Ordering::SeqCst);
        while let Some(worker) = self.workers.join_next().await {
            worker.unwrap();
        }
        let files = self.client.secure_files(self.project);
        let listed = files.list(&Filter::default()).await.unwrap().into_iter();
        let mut listed: Vec<String> = listed
            .map(|file| file.name)
            .filter(|name| name.starts_with("busy-"))
            .collect();
        let mut stored = std::mem::take(&mut *self.shared.stored.lock().unwrap());
        let in_order = stored.clone();
        listed.sort();
        stored.sort();
        assert!(listed == stored, "what is there is not what was stored");
        in_order
    }
}
