//! SQLite's writer: units share commits, and nothing else.

use super::home::Home;
use super::world::World;
use crate::sql::Statement;
use crate::{Refusal, Stop, Store, StoreError};
use coffer_model::act::CreatePipeline;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Keeps the writer busy until a permit is added. Says with the other semaphore that it has begun.
fn blocker(
    store: &Store,
) -> (
    Arc<Semaphore>,
    Arc<Semaphore>,
    tokio::task::JoinHandle<Result<(), Stop>>,
) {
    let (begun, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let task = tokio::spawn({
        let (store, begun, go_on) = (store.clone(), begun.clone(), go_on.clone());
        async move {
            unit!(store, (begun, go_on), |_tx| {
                begun.add_permits(1);
                go_on.acquire().await.expect("nobody closes it").forget();
                Ok(())
            })
            .await
        }
    });
    (begun, go_on, task)
}

async fn acquire(semaphore: &Semaphore) {
    let waiting = tokio::time::timeout(Duration::from_secs(20), semaphore.acquire());
    waiting.await.expect("it is reached").unwrap().forget();
}

async fn set(store: Store, key: String) -> Result<String, Stop> {
    unit!(store, (key), |tx| Ok(tx.claim_setting(&key, "v").await?)).await
}

/// Polls a future once, so that its unit is in the writer's queue.
macro_rules! queue {
    ($future:expr) => {
        tokio::select! {
            biased;
            _ = &mut $future => panic!("it must wait"),
            () = std::future::ready(()) => {}
        }
    };
}

async fn settings(home: &Home) -> Vec<String> {
    home.texts("select key from meta where key not in ('scale_unit', 'audit_changes', 'organization_rights') order by key")
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_units_that_wait_share_one_commit() {
    let home = Home::sqlite();
    let store = home.open().await;
    let (begun, go_on, blocked) = blocker(&store);
    acquire(&begun).await;
    let before = store.commits();
    let mut writes = join_all((0..64).map(|n| Box::pin(set(store.clone(), format!("k{n}")))));
    queue!(writes);
    go_on.add_permits(1);
    assert!(writes.await.into_iter().all(|written| written.is_ok()));
    blocked.await.unwrap().unwrap();
    assert_eq!(
        store.commits() - before,
        2,
        "the blocker's and one for all the others"
    );
    assert_eq!(settings(&home).await.len(), 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_units_end_is_its_own() {
    let home = Home::sqlite();
    let world = World::new(&home).await;
    let stranger = world.person("sam", &[]).await;
    let (store, project, events) = (
        world.store.clone(),
        world.project,
        world.events().await.len(),
    );
    let (begun, go_on, blocked) = blocker(&store);
    acquire(&begun).await;
    let before = store.commits();
    let mut first = Box::pin(set(store.clone(), "first".into()));
    let mut refused = Box::pin(unit!(store, (), |tx| {
        tx.claim_setting("refused", "v").await?;
        Err::<(), Stop>(Refusal::State.into())
    }));
    let mut failed = Box::pin(unit!(store, (), |tx| {
        tx.claim_setting("failed", "v").await?;
        Err::<(), Stop>(StoreError::Closed.into())
    }));
    let mut panicked = Box::pin(unit!(store, (), |tx| {
        tx.claim_setting("panicked", "v").await?;
        if tx.unit > 0 {
            panic!("a unit of a test panics");
        }
        Ok(())
    }));
    let mut denied = Box::pin(unit!(store, (stranger), |tx| {
        tx.claim_setting("denied", "v").await?;
        tx.authorize(&stranger, CreatePipeline { project })
            .await
            .map(drop)
    }));
    let mut last = Box::pin(set(store.clone(), "last".into()));
    queue!(first);
    queue!(refused);
    queue!(failed);
    queue!(panicked);
    queue!(denied);
    queue!(last);
    go_on.add_permits(1);
    assert!(first.await.is_ok());
    assert!(matches!(refused.await, Err(Stop::Refused(Refusal::State))));
    assert!(matches!(
        failed.await,
        Err(Stop::Failed(StoreError::Closed))
    ));
    assert!(matches!(
        panicked.await,
        Err(Stop::Failed(StoreError::Panicked("test")))
    ));
    assert!(matches!(denied.await, Err(Stop::Denied { .. })));
    assert!(last.await.is_ok());
    blocked.await.unwrap().unwrap();
    assert_eq!(store.commits() - before, 2, "they were one group");
    assert_eq!(settings(&home).await, ["first", "last"]);
    let events = world.events().await.split_off(events);
    assert_eq!(
        events
            .iter()
            .map(|event| event.outcome.as_str())
            .collect::<Vec<_>>(),
        ["denied"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_answered_and_nothing_is_seen_before_the_commit() {
    let home = Home::sqlite();
    let store = home.open().await;
    let (begun, go_on, _blocked) = blocker(&store);
    acquire(&begun).await;
    let mut early = Box::pin(set(store.clone(), "early".into()));
    queue!(early);
    let (late_begun, late_go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let mut late = Box::pin(unit!(store, (late_begun, late_go_on), |_tx| {
        late_begun.add_permits(1);
        late_go_on
            .acquire()
            .await
            .expect("nobody closes it")
            .forget();
        Ok(())
    }));
    queue!(late);
    go_on.add_permits(1);
    acquire(&late_begun).await;
    // The early unit has run: the late one of its group is running.
    queue!(early);
    assert_eq!(settings(&home).await, Vec::<String>::new());
    late_go_on.add_permits(1);
    early.await.unwrap();
    assert_eq!(settings(&home).await, ["early"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_whose_caller_went_away_goes_on_to_its_end() {
    let home = Home::sqlite();
    let store = home.open().await;
    let (begun, go_on, blocked) = blocker(&store);
    acquire(&begun).await;
    let mut left = Box::pin(set(store.clone(), "left".into()));
    queue!(left);
    drop(left);
    blocked.abort();
    go_on.add_permits(1);
    set(store, "after".into()).await.unwrap();
    assert_eq!(settings(&home).await, ["after", "left"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_do_not_wait_for_the_writer() {
    let home = Home::sqlite();
    let store = home.open().await;
    let (begun, go_on, blocked) = blocker(&store);
    acquire(&begun).await;
    let reading = async {
        // One after the other and more than there are connections.
        for _ in 0..40 {
            let mut read = store.read().await.unwrap();
            assert_eq!(read.organization().await.unwrap(), None);
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .expect("readers go on");
    assert!(!blocked.is_finished());
    go_on.add_permits(1);
    blocked.await.unwrap().unwrap();
}

/// Runs three units in one group; the second is `bad`. Returns how each ended.
async fn group_with<F>(store: &Store, bad: F) -> [bool; 3]
where
    F: Future<Output = Result<(), Stop>>,
{
    let (begun, go_on, blocked) = blocker(store);
    acquire(&begun).await;
    let mut first = Box::pin(set(store.clone(), "first".into()));
    let mut bad = Box::pin(bad);
    let mut last = Box::pin(set(store.clone(), "last".into()));
    queue!(first);
    queue!(bad);
    queue!(last);
    go_on.add_permits(1);
    let ends = [first.await.is_ok(), bad.await.is_ok(), last.await.is_ok()];
    blocked.await.unwrap().expect("it was in the group before");
    ends
}

const ORPHAN: Statement = Statement {
    name: "orphan",
    sqlite: "insert into membership (group_id, member_id) values (x'00', x'01')",
    postgres: "",
};
const FILL: Statement = Statement {
    name: "fill",
    sqlite: "insert into blob_segment (blob_id, ordinal, data) values (x'00', 1, zeroblob(1000000))",
    postgres: "",
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_commit_fails_nobody_of_the_group_is_told_that_it_worked() {
    let home = Home::sqlite();
    let store = home.open().await;
    // A foreign key that is looked at by the commit only.
    let bad = unit!(store, (), |tx| {
        tx.conn.control("pragma defer_foreign_keys = on").await?;
        tx.run_one(&ORPHAN, Vec::new()).await?;
        Ok(())
    });
    assert_eq!(group_with(&store, bad).await, [false; 3]);
    assert_eq!(settings(&home).await, Vec::<String>::new());
    set(store, "after".into())
        .await
        .expect("the writer goes on");
    assert_eq!(settings(&home).await, ["after"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_disk_is_full_what_is_seen_is_what_was_answered() {
    let home = Home::sqlite();
    let store = home.open().await;
    unit!(store, (), |tx| Ok(tx
        .conn
        .control("pragma max_page_count = 1")
        .await?))
    .await
    .unwrap();
    let bad = unit!(store, (), |tx| {
        tx.run_one(&FILL, Vec::new()).await?;
        Ok(())
    });
    let [first, bad, last] = group_with(&store, bad).await;
    assert!(!bad, "there is no room");
    let mut told = Vec::new();
    told.extend(first.then_some("first"));
    told.extend(last.then_some("last"));
    assert_eq!(settings(&home).await, told);
    unit!(store, (), |tx| Ok(tx
        .conn
        .control("pragma max_page_count = 1000000")
        .await?))
    .await
    .unwrap();
    set(store, "after".into())
        .await
        .expect("the writer goes on once there is room");
}
