//! PostgreSQL: every unit in its own serializable transaction, run again on conflict; a linker for the audit chain.

use super::{Admit, clock, look, migration_error};
use crate::error::{Stop, StoreError};
use crate::sql::{Conn, statements};
use crate::unit::{BoxFuture, Shared, Tx, Verdict, next_unit};
use futures_util::FutureExt;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use std::panic::AssertUnwindSafe;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Connections of a node.
const CONNECTIONS: u32 = 16;
/// A unit that conflicts this often fails. Many, since PostgreSQL's test for conflicts is coarse while tables are
/// small: on every try some unit wins, but not always the same one.
const TRIES: u32 = 40;
/// The linker looks at least this often.
const LINK_EVERY: Duration = Duration::from_millis(250);
/// Rows linked in one transaction.
const LINK_AT_MOST: i64 = 1000;

statements! {
    LINKER_LOCK = "select 1 as locked",
        postgres: "select case when pg_try_advisory_xact_lock(4841368) then 1 else 0 end::bigint as locked";
}

pub(crate) struct Postgres {
    pool: PgPool,
    shared: Arc<Shared>,
    linker: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

impl Postgres {
    pub(crate) async fn open(
        url: &str,
        shared: Arc<Shared>,
        admit: Admit,
    ) -> Result<Self, StoreError> {
        let pool = pool(url).await?;
        let migrations = sqlx::migrate!("migrations/postgres");
        let seen = look::at(&mut connection(&pool).await?, &migrations).await?;
        admit(&seen, &shared.scale_unit)?;
        migrations.run(&pool).await.map_err(migration_error)?;
        let linker = Arc::new(Notify::new());
        let task = tokio::spawn(link(pool.clone(), linker.clone()));
        Ok(Self {
            pool,
            shared,
            linker,
            task,
        })
    }

    pub(crate) async fn connection(&self) -> Result<Conn, StoreError> {
        connection(&self.pool).await
    }

    pub(crate) async fn write<T, F>(&self, name: &'static str, unit: F) -> Result<T, Stop>
    where
        T: Send + 'static,
        F: for<'a> FnMut(&'a mut Tx) -> BoxFuture<'a, Result<T, Stop>> + Send + 'static,
    {
        // In a task of its own: a caller that goes away must not leave an open transaction in the pool.
        let (pool, shared) = (self.pool.clone(), self.shared.clone());
        #[cfg(any(test, feature = "testing"))]
        let work = {
            let faults = shared.faults.clone();
            async move { faults.around(work(pool, shared, name, unit)).await }
        };
        #[cfg(not(any(test, feature = "testing")))]
        let work = work(pool, shared, name, unit);
        let result = tokio::spawn(work).await;
        self.linker.notify_one();
        result.unwrap_or(Err(Stop::Failed(StoreError::Panicked(name))))
    }

    pub(crate) async fn close(&self) {
        self.task.abort();
        self.pool.close().await;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connections to the database.
pub(super) async fn pool(url: &str) -> Result<PgPool, StoreError> {
    let open = |what: &str, source| StoreError::Open {
        what: what.to_owned(),
        source: Some(source),
    };
    let options = PgConnectOptions::from_str(url)
        .map_err(|source| open("the PostgreSQL URL cannot be read", source))?
        .application_name("coffer")
        .disable_statement_logging();
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(Duration::from_secs(10))
        .after_connect(|conn, _| {
            Box::pin(async move {
                // Our statements take milliseconds: compiling them takes longer than any saves.
                sqlx::query("set jit = off").execute(conn).await.map(drop)
            })
        })
        .connect_with(options)
        .await
        .map_err(|source| {
            open(
                "PostgreSQL cannot be reached. Check storage.database",
                source,
            )
        })
}

pub(super) async fn connection(pool: &PgPool) -> Result<Conn, StoreError> {
    let conn = pool
        .acquire()
        .await
        .map_err(|source| StoreError::statement("connection", source))?;
    Ok(Conn::Postgres(conn))
}

async fn work<T, F>(
    pool: PgPool,
    shared: Arc<Shared>,
    name: &'static str,
    mut unit: F,
) -> Result<T, Stop>
where
    F: for<'a> FnMut(&'a mut Tx) -> BoxFuture<'a, Result<T, Stop>> + Send + 'static,
{
    for attempt in 1.. {
        let mut conn = connection(&pool).await?;
        let now = clock(&mut conn, &shared).await?;
        conn.control("begin isolation level serializable").await?;
        let mut tx = Tx {
            conn,
            unit: next_unit(),
            now,
            shared: shared.clone(),
            pending: Vec::new(),
            untold: Vec::new(),
            current: std::sync::atomic::AtomicUsize::new(0),
        };
        let result = match AssertUnwindSafe(unit(&mut tx)).catch_unwind().await {
            Ok(result) => result,
            Err(_) => {
                tracing::error!(unit = name, "a unit of work panicked");
                Err(Stop::Failed(StoreError::Panicked(name)))
            }
        };
        let result = match Verdict::of(&result) {
            Verdict::Keep => match whole(&mut tx).await {
                Ok(()) => return result,
                Err(error) => Err(Stop::Failed(error)),
            },
            Verdict::Again => result,
            Verdict::Undo(denial) => {
                tx.conn.control("rollback").await?;
                if let Some(event) = denial {
                    // One statement is its own transaction.
                    tx.audit_insert(&event).await?;
                }
                return result;
            }
        };
        // A failed commit has ended the transaction already; another rollback is only a warning then.
        tx.conn.control("rollback").await?;
        let again = matches!(&result, Err(Stop::Failed(error)) if error.is_serialization_failure());
        if !again || attempt >= TRIES {
            return result;
        }
        drop(tx);
        tracing::debug!(
            unit = name,
            attempt,
            "running a unit of work again after a conflict"
        );
        tokio::time::sleep(pause(attempt, &shared)).await;
    }
    Err(Stop::Failed(StoreError::Closed))
}

/// Writes the unit's records and commits.
async fn whole(tx: &mut Tx) -> Result<(), StoreError> {
    tx.record().await?;
    tx.conn.commit_if_whole().await
}

/// A random pause that grows with the attempts, so that two units do not meet again at once.
fn pause(attempt: u32, shared: &Shared) -> Duration {
    let mut random = [0; 2];
    (shared.entropy)(&mut random);
    let most = 1_u64 << attempt.min(7);
    Duration::from_micros(u64::from(u16::from_be_bytes(random)) % (most * 1000) + 500)
}

/// Links committed audit rows into the chain. Any node may; one at a time does.
async fn link(pool: PgPool, wake: Arc<Notify>) {
    loop {
        // Either is a reason to look.
        let _ = tokio::time::timeout(LINK_EVERY, wake.notified()).await;
        loop {
            match link_once(&pool).await {
                Ok(linked) if linked == LINK_AT_MOST => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "linking audit rows failed; it is tried again"
                    );
                    break;
                }
            }
            if pool.is_closed() {
                return;
            }
        }
        if pool.is_closed() {
            return;
        }
    }
}

async fn link_once(pool: &PgPool) -> Result<i64, StoreError> {
    let mut conn = connection(pool).await?;
    conn.control("begin").await?;
    let result = async {
        if conn.one::<(i64,)>(&LINKER_LOCK, Vec::new()).await?.0 == 0 {
            return Ok(0);
        }
        conn.link_audit_events(LINK_AT_MOST).await
    }
    .await;
    conn.control(if result.is_ok() { "commit" } else { "rollback" })
        .await?;
    result
}
