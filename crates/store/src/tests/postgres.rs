//! What only PostgreSQL does: conflicts and retries, abandoned units, several nodes on one database.

use super::home::{Home, Raw, eventually};
use super::world::World;
use crate::sql::{Statement, args};
use crate::{Stop, StoreError};
use coffer_model::act::CreateKey;
use coffer_model::audit;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Barrier, Semaphore};

const COUNT_ON: Statement = Statement {
    name: "on",
    sqlite: "",
    postgres: "select count(*) from meta where value = 'on'",
};
const SWITCH_OFF: Statement = Statement {
    name: "off",
    sqlite: "",
    postgres: "update meta set value = 'off' where key = $1",
};
const NOT_THERE: Statement = Statement {
    name: "not there",
    sqlite: "",
    postgres: "select 1 / 0::bigint",
};
const IDLE_IN_TRANSACTION: &str =
    "select count(*) from pg_stat_activity where datname = current_database()
    and state like 'idle in transaction%'";
/// The audit row of whoever does something to `slow` waits after it is written.
const HOLD_THE_SLOW: &str = "
    create function hold() returns trigger language plpgsql as $$
        begin perform pg_advisory_xact_lock(4711); return null; end $$;
    create trigger hold after insert on audit_event for each row when (new.resource_id = 'slow') execute function hold()";
const WAITS_FOR_US: &str =
    "select count(*) from pg_locks where locktype = 'advisory' and objid = 4711 and not granted";

/// Makes a test of each story.
macro_rules! on_postgres {
    ($(async fn $name:ident($home:ident) $body:block)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            async fn story($home: Home) $body
            if let Some(home) = Home::postgres(concat!(module_path!(), "::", stringify!($name))).await {
                home.tell(story).await;
            }
        }
    )*};
}

on_postgres! {
    async fn two_units_that_read_what_the_other_writes_do_not_both_keep_their_view(home) {
        let store = home.open().await;
        home.sql("insert into meta (key, value) values ('ada', 'on'), ('bob', 'on')").await;
        // "Somebody stays on": each looks, sees two, and switches its own off. One must see the other's.
        let (together, tries) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU64::new(0)));
        let leave = |who: &'static str| {
            let first = Arc::new(AtomicU64::new(0));
            unit!(store, (together, tries, first), |tx| {
                tries.fetch_add(1, Ordering::SeqCst);
                let (on,): (i64,) = tx.conn.one(&COUNT_ON, Vec::new()).await?;
                if first.fetch_add(1, Ordering::SeqCst) == 0 {
                    together.wait().await;
                }
                if on == 2 {
                    tx.run_one(&SWITCH_OFF, args![who]).await?;
                }
                Ok(on == 2)
            })
        };
        let (ada, bob) = tokio::join!(leave("ada"), leave("bob"));
        assert_ne!(ada.unwrap(), bob.unwrap(), "exactly one left");
        assert_eq!(home.number("select count(*) from meta where value = 'on'").await, 1);
        assert!(tries.load(Ordering::SeqCst) >= 3, "one unit ran again");
    }

    async fn a_unit_whose_caller_went_away_ends_and_leaves_no_open_transaction(home) {
        let store = home.open().await;
        let (begun, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let caller = tokio::spawn({
            let (store, begun, go_on) = (store.clone(), begun.clone(), go_on.clone());
            async move {
                unit!(store, (begun, go_on), |tx| {
                    tx.claim_setting("left", "v").await?;
                    begun.add_permits(1);
                    go_on.acquire().await.expect("nobody closes it").forget();
                    Ok(())
                })
                .await
            }
        });
        begun.acquire().await.unwrap().forget();
        // The linker has one of its own at times.
        assert!(home.number(IDLE_IN_TRANSACTION).await >= 1, "the question finds open transactions");
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        go_on.add_permits(1);
        eventually("the unit ends", || async { home.number("select count(*) from meta where key = 'left'").await == 1 }).await;
        eventually("no transaction is open", || async { home.number(IDLE_IN_TRANSACTION).await == 0 }).await;
    }

    async fn a_panic_leaves_no_open_transaction(home) {
        let store = home.open().await;
        let end = unit!(store, (), |tx| {
            tx.claim_setting("left", "v").await?;
            if tx.unit > 0 {
                panic!("a unit of a test panics");
            }
            Ok(())
        })
        .await;
        assert!(matches!(end, Err(Stop::Failed(StoreError::Panicked("test")))));
        eventually("no transaction is open", || async { home.number(IDLE_IN_TRANSACTION).await == 0 }).await;
        assert_eq!(home.number("select count(*) from meta where key = 'left'").await, 0);
    }

    async fn a_unit_that_overlooks_a_failed_statement_is_not_told_that_it_was_committed(home) {
        let store = home.open().await;
        let end = unit!(store, (), |tx| {
            tx.claim_setting("lost", "v").await?;
            // The transaction is over now, and PostgreSQL would answer `commit` with a friendly `ROLLBACK`.
            tx.conn.one::<(i64,)>(&NOT_THERE, Vec::new()).await.unwrap_err();
            Ok(())
        })
        .await;
        assert!(matches!(end, Err(Stop::Failed(_))), "{end:?}");
        assert_eq!(home.number("select count(*) from meta where key = 'lost'").await, 0);
        unit!(store, (), |tx| Ok(tx.claim_setting("after", "v").await?)).await.unwrap();
    }

    async fn rows_committed_out_of_order_are_linked(home) {
        let world = World::new(&home).await;
        let before = world.events().await.len();
        // The slow one's row is written, and its commit waits for a lock of ours.
        home.sql(HOLD_THE_SLOW).await;
        let Raw::Postgres(mut lock) = home.raw().await else { panic!("this is PostgreSQL") };
        sqlx::raw_sql("select pg_advisory_lock(4711)").execute(&mut lock).await.unwrap();
        let slow = tokio::spawn({
            let world = world.clone();
            async move {
                let duty = world.duty();
                unit!(world.store, (duty), |tx| {
                    let act = CreateKey { project: None, version: "slow".into() };
                    let grant = tx.authorize(&duty, act).await?;
                    tx.generation_insert(grant, "slow", "file").await
                })
                .await
            }
        });
        eventually("the slow one waits", || async { home.number(WAITS_FOR_US).await == 1 }).await;
        let quick = world.upload("quick.p12").await;
        assert_eq!(world.events().await.len(), before + 1, "nobody waits for the slow one");
        sqlx::raw_sql("select pg_advisory_unlock(4711)").execute(&mut lock).await.unwrap();
        slow.await.unwrap().unwrap();
        let events = world.events().await;
        assert_eq!(events.len(), before + 2);
        assert_eq!(events[before].resource_id, quick.to_string());
        let ordinals = home.numbers("select ordinal from audit_event order by sequence").await;
        assert!(ordinals[before] > ordinals[before + 1], "the slow one's row was written first: {ordinals:?}");
        assert_eq!(super::chain::problems(&world.store).await, Vec::<String>::new());
    }

    async fn two_nodes_link_one_chain(home) {
        let world = World::new(&home).await;
        let second = World { store: home.open().await, ..world.clone() };
        let before = world.events().await.len();
        let mut writes = tokio::task::JoinSet::new();
        for n in 0..60 {
            let node = if n % 2 == 0 { world.clone() } else { second.clone() };
            writes.spawn(async move { node.upload(&format!("file{n}.p12")).await });
        }
        writes.join_all().await;
        assert_eq!(world.events().await.len(), before + 60);
        for node in [&world, &second] {
            assert_eq!(super::chain::problems(&node.store).await, Vec::<String>::new());
        }
        let chain = world.store.read().await.unwrap().audit_chain(0, 1000).await.unwrap();
        assert_eq!(chain.len(), before + 60);
        assert_eq!(chain[0].2, audit::link(&audit::start(), 1, &chain[0].1));
    }
}
