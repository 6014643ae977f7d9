//! Opening the store, and what the engines share.

mod look;
mod postgres;
mod sqlite;

pub use look::{Look, look};

#[cfg(test)]
pub(crate) use look::ALL as LOOK_STATEMENTS;
#[cfg(test)]
pub(crate) use postgres::ALL as POSTGRES_STATEMENTS;

use crate::blobs::Blobs;
use crate::error::{Stop, StoreError};
use crate::sql::{Conn, statements};
use crate::unit::{BoxFuture, ReadTx, Shared, Tx};
use coffer_model::{Entropy, Timestamp};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Which database.
#[derive(Clone, Debug)]
pub enum Database {
    /// A SQLite file. Created if it is not there.
    Sqlite(PathBuf),
    /// A PostgreSQL URL.
    Postgres(String),
}

/// How to open a store.
pub struct Options {
    /// Which database.
    pub database: Database,
    /// Folder for sealed files longer than a segment. Not used with PostgreSQL.
    pub blobs: PathBuf,
    /// The scale unit: refused if the database belongs to another.
    pub scale_unit: String,
    /// Randomness for ids and salts.
    pub entropy: Arc<Entropy>,
}

enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

struct Inner {
    engine: Engine,
    shared: Arc<Shared>,
    blobs: Blobs,
    /// The file, on SQLite.
    file: Option<PathBuf>,
}

/// What decides whether a database may be opened.
type Admit = fn(&Look, &str) -> Result<(), StoreError>;

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

statements! {
    CLOCK = "select cast((julianday('now') - 2440587.5) * 86400000000 as integer) as now",
        postgres: "select (extract(epoch from clock_timestamp()) * 1000000)::bigint as now";
}

/// The database's clock, for PostgreSQL; this process's for SQLite, which has no other.
pub(crate) async fn clock(conn: &mut Conn, shared: &Shared) -> Result<Timestamp, StoreError> {
    let now = if conn.is_postgres() {
        conn.one::<(i64,)>(&CLOCK, Vec::new()).await?.0
    } else {
        process_clock()
    };
    Ok(Timestamp(now + shared.clock_offset.load(Ordering::Relaxed)))
}

#[expect(
    clippy::disallowed_methods,
    reason = "SQLite runs in this process: its clock is this process's clock"
)]
fn process_clock() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
        })
}

impl Store {
    /// Opens the database, brings its schema up to date, and starts what runs behind it.
    ///
    /// # Errors
    /// [`StoreError::Open`] when the database cannot be reached, is newer than this program, or is another scale unit's.
    /// It is not changed then.
    pub async fn open(options: Options) -> Result<Self, StoreError> {
        let store = Self::open_as(options, Look::admit).await?;
        store.claim_scale_unit().await?;
        store.complete().await?;
        Ok(store)
    }

    /// Opens a database that is another unit's as this one's, to move it here. Whose it is stays as it was.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_to_move(options: Options) -> Result<Self, StoreError> {
        Self::open_as(options, Look::admit_move).await
    }

    async fn open_as(options: Options, admit: Admit) -> Result<Self, StoreError> {
        let file = match &options.database {
            Database::Sqlite(path) => Some(path.clone()),
            Database::Postgres(_) => None,
        };
        let shared = Arc::new(Shared {
            entropy: options.entropy,
            scale_unit: options.scale_unit,
            clock_offset: AtomicI64::new(0),
            #[cfg(any(test, feature = "testing"))]
            pretended_source: std::sync::Mutex::default(),
            #[cfg(any(test, feature = "testing"))]
            faults: crate::faults::Faults::default(),
            #[cfg(test)]
            commits: std::sync::atomic::AtomicU64::new(0),
        });
        let (engine, blobs) = match options.database {
            Database::Sqlite(path) => {
                let engine = sqlite::Sqlite::open(&path, shared.clone(), admit).await?;
                (Engine::Sqlite(engine), Blobs::folder(options.blobs)?)
            }
            Database::Postgres(url) => {
                let engine = postgres::Postgres::open(&url, shared.clone(), admit).await?;
                (Engine::Postgres(engine), Blobs::Rows)
            }
        };
        Ok(Self(Arc::new(Inner {
            engine,
            shared,
            blobs,
            file,
        })))
    }

    /// The database's file, on SQLite.
    pub(crate) fn file(&self) -> Option<&std::path::Path> {
        self.0.file.as_deref()
    }

    /// Fills in what a migration could not say in SQL.
    async fn complete(&self) -> Result<(), StoreError> {
        loop {
            let done = self
                .write("identity.complete", |tx| Box::pin(tx.identities_complete()))
                .await
                .map_err(|stop| failed(stop, "identity.complete"))?;
            if !done {
                return Ok(());
            }
        }
    }

    /// Runs a unit of work and commits it. `name` says what it is for, in traces and in error texts.
    ///
    /// The unit may be run again when PostgreSQL reports a conflict, so it must have no effect but on `tx`. It goes on
    /// to its end even if the returned future is dropped. When it returns [`Stop`], everything it did is undone; a
    /// denial is then recorded in the audit log, and if that fails the answer is an error instead.
    pub async fn write<T, F>(&self, name: &'static str, unit: F) -> Result<T, Stop>
    where
        T: Send + 'static,
        F: for<'a> FnMut(&'a mut Tx) -> BoxFuture<'a, Result<T, Stop>> + Send + 'static,
    {
        match &self.0.engine {
            Engine::Sqlite(engine) => engine.write(name, unit).await,
            Engine::Postgres(engine) => engine.write(name, unit).await,
        }
    }

    /// A reader. On SQLite it does not queue behind writers.
    pub async fn read(&self) -> Result<ReadTx, StoreError> {
        let mut conn = match &self.0.engine {
            Engine::Sqlite(engine) => engine.reader().await?,
            Engine::Postgres(engine) => engine.connection().await?,
        };
        let now = clock(&mut conn, &self.0.shared).await?;
        Ok(ReadTx { conn, now })
    }

    /// Whether no other process can have this database open for writing.
    pub fn is_one_node(&self) -> bool {
        matches!(self.0.engine, Engine::Sqlite(_))
    }

    /// The scale unit this store belongs to.
    pub fn scale_unit(&self) -> &str {
        &self.0.shared.scale_unit
    }

    /// The randomness the store was opened with.
    pub fn entropy(&self) -> Arc<Entropy> {
        self.0.shared.entropy.clone()
    }

    /// Moves this store's clock. For tests of expiry.
    #[cfg(any(test, feature = "testing"))]
    pub fn advance_clock(&self, seconds: i64) {
        self.0
            .shared
            .clock_offset
            .fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    /// Makes every run that is stored from now on come from this source; none ends that. For tests of forks and refs.
    #[cfg(any(test, feature = "testing"))]
    pub fn pretend_source(&self, source: Option<coffer_model::source::RunSource>) {
        *self
            .0
            .shared
            .pretended_source
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = source;
    }

    /// What breaks in units of this store. For tests of what is left then.
    #[cfg(any(test, feature = "testing"))]
    pub fn faults(&self) -> crate::faults::Faults {
        self.0.shared.faults.clone()
    }

    /// How often the writer that groups units has committed.
    #[cfg(test)]
    pub(crate) fn commits(&self) -> u64 {
        self.0.shared.commits.load(Ordering::Relaxed)
    }

    /// Commits what waits, and closes the database.
    pub async fn close(&self) {
        match &self.0.engine {
            Engine::Sqlite(engine) => engine.close().await,
            Engine::Postgres(engine) => engine.close().await,
        }
    }

    pub(crate) fn blobs(&self) -> &Blobs {
        &self.0.blobs
    }

    async fn claim_scale_unit(&self) -> Result<(), StoreError> {
        let mine = self.scale_unit().to_owned();
        let claim = mine.clone();
        let found = self
            .write("scale_unit.claim", move |tx| {
                let claim = claim.clone();
                Box::pin(async move { Ok(tx.claim_setting("scale_unit", &claim).await?) })
            })
            .await
            .map_err(|stop| failed(stop, "scale_unit.claim"))?;
        // Somebody else may have claimed an empty database since it was looked at.
        Look {
            schema: None,
            known: 0,
            scale_unit: Some(found),
            moving_from: None,
        }
        .admit(&mine)
    }
}

/// Why the store's own unit stopped: nobody refuses it anything.
fn failed(stop: Stop, unit: &'static str) -> StoreError {
    match stop {
        Stop::Failed(error) => error,
        Stop::Denied { .. } | Stop::Refused(_) => StoreError::Missing { statement: unit },
    }
}

/// What a failed migration means to an operator.
pub(crate) fn migration_error(error: sqlx::migrate::MigrateError) -> StoreError {
    use sqlx::migrate::MigrateError as E;
    let what = match &error {
        E::VersionMismatch(version) => {
            format!(
                "its schema (version {version}) is not the one this program knows by that number"
            )
        }
        _ => "its schema cannot be brought up to date".to_owned(),
    };
    let source = match error {
        E::Execute(source) | E::ExecuteMigration(source, _) => Some(source),
        _ => None,
    };
    StoreError::Open { what, source }
}
