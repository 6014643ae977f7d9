//! One question however many ask, whoever gives up; what is kept and what is not.

use super::*;
use crate::keys::providers::KeyOptions;
use coffer_seal::{BoxFuture, KeyLifecycle, ProjectKeySecret, WrapContext, os_entropy};
use futures_util::poll;
use std::pin::Pin;
use std::sync::atomic::AtomicU32;
use std::task::Poll;
use tokio::sync::Semaphore;
use uuid::Uuid;

const LIFE: Duration = Duration::from_secs(100);

/// A provider that answers when it is let, with what it is told.
#[derive(Default)]
struct Slow {
    calls: AtomicU64,
    let_through: Option<Semaphore>,
    away: Mutex<Option<Duration>>,
    failing: AtomicU32,
}

/// What it wraps with: nothing. The wrap is the secret.
impl KeyProvider for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn newest_generation<'a>(
        &'a self,
        _: &'a str,
    ) -> BoxFuture<'a, std::result::Result<Option<GenerationId>, KeyError>> {
        Box::pin(async { Ok(None) })
    }

    fn wrap<'a>(
        &'a self,
        _: &'a GenerationId,
        secret: &'a ProjectKeySecret,
        _: &'a WrapContext,
    ) -> BoxFuture<'a, std::result::Result<Vec<u8>, KeyError>> {
        Box::pin(async { Ok(secret.as_bytes().to_vec()) })
    }

    fn unwrap<'a>(
        &'a self,
        _: &'a GenerationId,
        wrapped: &'a [u8],
        _: &'a WrapContext,
    ) -> BoxFuture<'a, std::result::Result<ProjectKeySecret, KeyError>> {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            if let Some(room) = &self.let_through {
                room.acquire().await.unwrap().forget();
            }
            let quota = *self.away.lock().unwrap();
            if let Some(retry_after) = quota {
                return Err(KeyError::Throttled { retry_after });
            }
            if self.failing.load(Ordering::SeqCst) > 0 {
                return Err(KeyError::Unavailable {
                    hint: "away".into(),
                    source: None,
                });
            }
            let bytes: [u8; 32] = wrapped.try_into().map_err(|_| KeyError::Damaged)?;
            Ok(ProjectKeySecret::from_bytes(&bytes))
        })
    }

    fn lifecycle(&self) -> Option<&dyn KeyLifecycle> {
        None
    }
}

struct Story {
    provider: Arc<Slow>,
    ring: Keyring,
    now: Arc<Mutex<Duration>>,
}

impl Story {
    fn new(provider: Slow) -> Self {
        let provider = Arc::new(provider);
        let now = Arc::new(Mutex::new(Duration::ZERO));
        let time = now.clone();
        let options = KeyOptions {
            cache: LIFE,
            clock: Arc::new(move || *time.lock().unwrap()),
            ..KeyOptions::new(Providers::new(provider.clone()))
        };
        Self {
            ring: Keyring::new(&options, Arc::new(os_entropy)),
            provider,
            now,
        }
    }

    fn held() -> Self {
        Self::new(Slow {
            let_through: Some(Semaphore::new(0)),
            ..Slow::default()
        })
    }

    fn at(&self, seconds: u64) {
        *self.now.lock().unwrap() = Duration::from_secs(seconds);
    }

    fn let_through(&self, calls: usize) {
        self.provider
            .let_through
            .as_ref()
            .unwrap()
            .add_permits(calls);
    }

    fn calls(&self) -> u64 {
        self.provider.calls.load(Ordering::SeqCst)
    }

    async fn open(&self, row: &ProjectKeyRow) -> Result<Arc<ProjectKey>> {
        self.ring.open(row, context(row)).await
    }
}

fn context(row: &ProjectKeyRow) -> ProjectKeyContext {
    ProjectKeyContext {
        scale_unit: row.scale_unit.clone(),
        organization: Uuid::from_u128(1),
        project: row.scope.0,
        version: row.version.unsigned_abs(),
    }
}

fn row(project: u128) -> ProjectKeyRow {
    let secret = ProjectKeySecret::generate(&os_entropy);
    let mut row = ProjectKeyRow {
        id: ProjectKeyId(Uuid::from_u128(project)),
        scope: KeyScope(Uuid::from_u128(project)),
        version: 1,
        scale_unit: "unit".into(),
        generation: "g".into(),
        provider: "slow".into(),
        state: "active".into(),
        wrapped: secret.as_bytes().to_vec(),
        commitment: [0; 32],
        frozen: false,
    };
    row.commitment = ProjectKey::create(&secret, context(&row)).1;
    row
}

/// Lets tasks go on until `done`, without a clock.
async fn until(done: impl Fn() -> bool) {
    while !done() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn many_at_once_are_one_call_and_who_gives_up_takes_nothing_from_the_others() {
    let story = Story::held();
    let row = row(7);
    let mut waiting: Vec<Pin<Box<_>>> = (0..50).map(|_| Box::pin(story.open(&row))).collect();
    for one in &mut waiting {
        assert!(poll!(one).is_pending());
    }
    until(|| story.calls() == 1).await;
    // The first, who caused the call, is the first to go.
    drop(waiting.remove(0));
    story.let_through(1);
    for one in waiting {
        one.await.unwrap();
    }
    story.open(&row).await.unwrap();
    assert_eq!(story.calls(), 1);
    let counts = story.ring.counts();
    assert_eq!((counts.used, counts.kept, counts.calls.made), (51, 1, 1));
}

#[tokio::test]
async fn a_key_that_was_evicted_while_it_was_asked_for_is_not_kept() {
    let story = Story::held();
    let row = row(7);
    let mut one = Box::pin(story.open(&row));
    assert!(poll!(&mut one).is_pending());
    story.ring.evict(|scope| scope == row.scope);
    story.let_through(2);
    one.await.unwrap();
    assert_eq!(story.ring.counts().kept, 0);
    story.open(&row).await.unwrap();
    assert_eq!(story.calls(), 2);
}

#[tokio::test]
async fn a_frozen_project_s_key_is_asked_for_each_time() {
    let story = Story::new(Slow::default());
    let mut row = row(7);
    story.open(&row).await.unwrap();
    row.frozen = true;
    for _ in 0..3 {
        story.open(&row).await.unwrap();
        assert_eq!(story.ring.counts().kept, 0);
    }
    assert_eq!(story.calls(), 4);
}

#[tokio::test]
async fn an_outage_is_not_seen_until_the_key_s_time_is_up_and_then_costs_few_calls() {
    let story = Story::new(Slow::default());
    let row = row(7);
    story.open(&row).await.unwrap();
    story.provider.failing.store(1, Ordering::SeqCst);
    let mut before = 0;
    for second in 0..100 {
        story.at(second);
        story.open(&row).await.unwrap();
        tokio::task::yield_now().await;
        before = story.calls();
    }
    assert!(
        (2..15).contains(&before),
        "{before} calls to renew it in vain"
    );
    assert!(!story.ring.answers());
    for second in 100..400 {
        story.at(second);
        let refused = story.open(&row).await.err().unwrap();
        assert_eq!(
            (refused.kind, refused.code),
            (crate::Kind::Unavailable, "keys.unavailable")
        );
        assert!(refused.retry_after.is_some());
    }
    let during = story.calls() - before;
    assert!(during < 30, "{during} calls in five minutes");

    // It is back, and many come at once: one goes first.
    story.provider.failing.store(0, Ordering::SeqCst);
    story.at(1_000);
    story.open(&row).await.unwrap();
    assert!(story.ring.answers());
}

#[tokio::test]
async fn nobody_calls_before_a_quota_lets() {
    let story = Story::new(Slow::default());
    *story.provider.away.lock().unwrap() = Some(Duration::from_secs(60));
    let rows: Vec<_> = (1..20).map(row).collect();
    let refused = story.open(&rows[0]).await.err().unwrap();
    assert_eq!(refused.code, "keys.throttled");
    *story.provider.away.lock().unwrap() = None;
    for second in [1, 30, 59] {
        story.at(second);
        for row in &rows {
            let refused = story.open(row).await.err().unwrap();
            assert_eq!(refused.code, "keys.throttled");
            let wait = u64::from(refused.retry_after.unwrap().get());
            assert!(second + wait >= 60, "told to come back too early");
        }
    }
    assert_eq!(story.calls(), 1);
    story.at(100);
    for row in &rows {
        story.open(row).await.unwrap();
    }
}

#[tokio::test]
async fn a_key_that_is_not_its_record_s_is_refused_for_good_and_not_kept() {
    let story = Story::new(Slow::default());
    let mut planted = row(7);
    planted.commitment = row(8).commitment;
    for _ in 0..2 {
        let refused = story.open(&planted).await.err().unwrap();
        assert_eq!(
            (refused.kind, refused.code),
            (crate::Kind::Internal, "keys.refused")
        );
    }
    assert_eq!(story.ring.counts().kept, 0);
    assert!(story.ring.answers(), "the service did answer");
}

#[tokio::test]
async fn a_row_that_changes_under_a_kept_key_is_another_key() {
    let story = Story::new(Slow::default());
    let good = row(7);
    story.open(&good).await.unwrap();
    for change in [
        |row: &mut ProjectKeyRow| row.version = 2,
        |row: &mut ProjectKeyRow| row.scope = KeyScope(Uuid::from_u128(9)),
        |row: &mut ProjectKeyRow| row.scale_unit = "other".into(),
        |row: &mut ProjectKeyRow| row.commitment = [1; 32],
        |row: &mut ProjectKeyRow| row.provider = "elsewhere".into(),
    ] {
        let mut changed = good.clone();
        change(&mut changed);
        assert!(story.open(&changed).await.is_err());
    }
    let Poll::Ready(kept) = poll!(Box::pin(story.open(&good))) else {
        panic!("it was kept");
    };
    kept.unwrap();
}
