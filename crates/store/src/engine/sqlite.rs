//! SQLite: one writer that commits in groups, and readers beside it.
//!
//! The writer takes the units that wait, runs each under a savepoint, links their audit rows into the chain, commits
//! them together and answers them all. So durable writes per second grow with concurrency, one unit's failure undoes
//! nothing of its neighbours, and nobody is answered before the disk has it.

use super::{Admit, clock, look, migration_error};
use crate::error::{Stop, StoreError};
use crate::sql::Conn;
use crate::unit::{BoxFuture, Shared, Tx, Verdict, next_unit};
use coffer_model::Timestamp;
use futures_util::FutureExt;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// At most this many units share a commit.
const GROUP: usize = 128;
/// Units that may wait before callers wait to queue.
const QUEUE: usize = 1024;
/// Reader connections.
const READERS: u32 = 8;

type Run = Box<dyn for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Verdict> + Send>;

/// Tells whoever asked how a unit ended.
type Answer = oneshot::Sender<Result<(), StoreError>>;

/// A unit in the writer's queue.
struct Unit {
    name: &'static str,
    run: Run,
    committed: Answer,
}

enum Message {
    Unit(Unit),
    Close(oneshot::Sender<()>),
}

pub(crate) struct Sqlite {
    queue: mpsc::Sender<Message>,
    readers: SqlitePool,
}

impl Sqlite {
    pub(crate) async fn open(
        path: &Path,
        shared: Arc<Shared>,
        admit: Admit,
    ) -> Result<Self, StoreError> {
        let open = |source| StoreError::Open {
            what: format!("SQLite file {}", path.display()),
            source: Some(source),
        };
        create_private(path).map_err(|error| open(sqlx::Error::Io(error)))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .pragma("temp_store", "memory")
            .disable_statement_logging();
        let migrations = sqlx::migrate!("migrations/sqlite");
        let mut writer = Conn::Sqlite(options.connect().await.map_err(open)?);
        let seen = look::at(&mut writer, &migrations).await?;
        admit(&seen, &shared.scale_unit)?;
        if let Conn::Sqlite(writer) = &mut writer {
            migrations.run(writer).await.map_err(migration_error)?;
        }
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true))
            .await
            .map_err(open)?;
        let (queue, units) = mpsc::channel(QUEUE);
        let tx = Tx {
            conn: writer,
            unit: 0,
            now: Timestamp(0),
            shared,
            pending: Vec::new(),
            untold: Vec::new(),
            current: std::sync::atomic::AtomicUsize::new(0),
        };
        tokio::spawn(Writer { tx, units }.run());
        Ok(Self { queue, readers })
    }

    pub(crate) async fn reader(&self) -> Result<Conn, StoreError> {
        let conn = self
            .readers
            .acquire()
            .await
            .map_err(|source| StoreError::statement("reader", source))?;
        Ok(Conn::SqliteReader(conn))
    }

    pub(crate) async fn write<T, F>(&self, name: &'static str, mut unit: F) -> Result<T, Stop>
    where
        T: Send + 'static,
        F: for<'a> FnMut(&'a mut Tx) -> BoxFuture<'a, Result<T, Stop>> + Send + 'static,
    {
        let slot = Arc::new(Mutex::new(None));
        let answer = slot.clone();
        let run = boxed(move |tx| {
            Box::pin(async move {
                let result = unit(tx).await;
                let verdict = Verdict::of(&result);
                *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                verdict
            })
        });
        let (committed, done) = oneshot::channel();
        let closed = |_| Stop::Failed(StoreError::Closed);
        self.queue
            .send(Message::Unit(Unit {
                name,
                run,
                committed,
            }))
            .await
            .map_err(|_| closed(()))?;
        done.await.map_err(|_| closed(()))?.map_err(Stop::Failed)?;
        let result = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        result.unwrap_or(Err(Stop::Failed(StoreError::Panicked(name))))
    }

    pub(crate) async fn close(&self) {
        // Readers first: the last connection to close folds the write-ahead log into the database file.
        self.readers.close().await;
        let (done, closed) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            // An error means that the writer is gone already, which is what was asked for.
            let _ = closed.await;
        }
    }
}

/// Makes the file if it is not there, for its owner only. SQLite gives the files beside it the same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map(drop)
}

/// Gives the closure the type that inference alone does not find.
fn boxed<F>(run: F) -> Run
where
    F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Verdict> + Send + 'static,
{
    Box::new(run)
}

struct Writer {
    tx: Tx,
    units: mpsc::Receiver<Message>,
}

impl Writer {
    async fn run(mut self) {
        while let Some(message) = self.units.recv().await {
            let mut waiting = Vec::new();
            let mut close = None;
            match message {
                Message::Unit(unit) => waiting.push(unit),
                Message::Close(done) => close = Some(done),
            }
            while close.is_none() && waiting.len() < GROUP {
                match self.units.try_recv() {
                    Ok(Message::Unit(unit)) => waiting.push(unit),
                    Ok(Message::Close(done)) => close = Some(done),
                    Err(_) => break,
                }
            }
            #[cfg(any(test, feature = "testing"))]
            {
                let faults = self.tx.shared.faults.clone();
                faults.around(self.group(waiting)).await;
                faults.heal(&mut self.tx.conn).await;
            }
            #[cfg(not(any(test, feature = "testing")))]
            self.group(waiting).await;
            if let Some(done) = close {
                if let Conn::Sqlite(conn) = self.tx.conn
                    && let Err(error) = conn.close().await
                {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "closing the database failed"
                    );
                }
                let _ = done.send(());
                return;
            }
        }
    }

    /// Runs the units of one group, commits them together, and answers them.
    async fn group(&mut self, units: Vec<Unit>) {
        if units.is_empty() {
            return;
        }
        let mut answers = Vec::with_capacity(units.len());
        let outcome = match self.tx.conn.control("begin immediate").await {
            Ok(()) => self.work(units, &mut answers).await,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the database refused to begin a group"
                );
                for unit in units {
                    // Whoever asked may be gone.
                    let _ = unit
                        .committed
                        .send(Err(StoreError::Missing { statement: "begin" }));
                }
                return;
            }
        };
        let outcome = match outcome {
            Ok(()) => self.tx.conn.control("commit").await,
            Err(error) => Err(error),
        };
        #[cfg(test)]
        self.tx
            .shared
            .commits
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if let Err(error) = &outcome {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "a group of writes was not committed"
            );
            if let Err(error) = self.tx.conn.control("rollback").await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "rolling a group back failed"
                );
            }
        }
        for (answer, own) in answers {
            let result = match (&outcome, own) {
                (_, Err(error)) => Err(error),
                (Ok(()), Ok(())) => Ok(()),
                (Err(_), Ok(())) => Err(StoreError::Missing {
                    statement: "commit",
                }),
            };
            // Whoever asked may be gone; the work is done all the same.
            let _ = answer.send(result);
        }
    }

    /// An error here ends the whole group; a unit's own failure does not.
    async fn work(
        &mut self,
        units: Vec<Unit>,
        answers: &mut Vec<(Answer, Result<(), StoreError>)>,
    ) -> Result<(), StoreError> {
        let mut broken = None;
        for unit in units {
            if broken.is_some() {
                answers.push((unit.committed, Ok(())));
                continue;
            }
            match self.unit(unit.name, unit.run).await {
                Ok(own) => answers.push((unit.committed, own)),
                Err(error) => {
                    answers.push((unit.committed, Ok(())));
                    broken = Some(error);
                }
            }
        }
        match broken {
            Some(error) => Err(error),
            None => self.tx.conn.link_audit_events(i64::MAX).await.map(drop),
        }
    }

    /// Runs one unit under its savepoint. The inner result is the unit's own.
    ///
    /// The outer error ends the group. A savepoint that is gone means that SQLite has rolled everything back, as it
    /// may when the disk is full: a unit after it would begin, and commit, a transaction of its own.
    async fn unit(
        &mut self,
        name: &'static str,
        run: Run,
    ) -> Result<Result<(), StoreError>, StoreError> {
        let tx = &mut self.tx;
        tx.unit = next_unit();
        tx.fresh();
        tx.now = clock(&mut tx.conn, &tx.shared).await?;
        tx.conn.control("savepoint unit").await?;
        let verdict = match AssertUnwindSafe(run(tx)).catch_unwind().await {
            Ok(verdict) => verdict,
            Err(_) => {
                tracing::error!(unit = name, "a unit of work panicked");
                Verdict::Undo(None)
            }
        };
        let denial = match verdict {
            Verdict::Keep => match tx.record().await {
                Ok(()) => return tx.conn.control("release unit").await.map(Ok),
                // No record, no act.
                Err(error) => {
                    tx.conn.control("rollback to unit").await?;
                    tx.conn.control("release unit").await?;
                    return Ok(Err(error));
                }
            },
            Verdict::Undo(denial) => denial,
            // SQLite has one writer: nothing to run again for.
            Verdict::Again => None,
        };
        tx.conn.control("rollback to unit").await?;
        let mut own = Ok(());
        if let Some(event) = denial {
            own = tx.audit_insert(&event).await;
            if own.is_err() {
                tx.conn.control("rollback to unit").await?;
            }
        }
        tx.conn.control("release unit").await?;
        Ok(own)
    }
}
