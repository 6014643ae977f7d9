//! A database of a test's own, on either engine, and a way around the store into it.

use crate::{Database, Options, Store, StoreError};
use coffer_model::Entropy;
use futures_util::FutureExt;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Row};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The scale unit of every test's database.
pub(super) const SCALE_UNIT: &str = "unit-a";

/// A test's own database. Cheap to clone.
#[derive(Clone)]
pub(super) struct Home(Arc<Inner>);

struct Inner {
    folder: TempDir,
    database: Database,
    /// The server's address and the database's name, on PostgreSQL.
    server: Option<(String, String)>,
}

/// A connection past the store, for looking and for tampering.
pub(super) enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

pub(super) fn entropy() -> Arc<Entropy> {
    Arc::new(|buffer: &mut [u8]| aws_lc_rs::rand::fill(buffer).expect("the system has randomness"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where PostgreSQL is"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Home {
    pub(super) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("coffer.db"));
        Self(Arc::new(Inner {
            folder,
            database,
            server: None,
        }))
    }

    /// None, and a line in the list of skipped tests, when there is no PostgreSQL.
    pub(super) async fn postgres(test: &str) -> Option<Self> {
        let Some(server) = variable("COFFER_TEST_POSTGRES") else {
            if let Some(path) = variable("COFFER_TEST_SKIPS") {
                use std::io::Write;
                let mut skips = std::fs::OpenOptions::new()
                    .append(true)
                    .create(true)
                    .open(path)
                    .unwrap();
                skips
                    .write_all(format!("{test}: COFFER_TEST_POSTGRES is not set\n").as_bytes())
                    .unwrap();
            }
            return None;
        };
        let mut random = [0; 8];
        entropy()(&mut random);
        let name = format!("coffer_{:x}", u64::from_be_bytes(random));
        administer(&server, &format!("create database {name}")).await;
        let (address, query) = server.split_once('?').unwrap_or((&server, ""));
        let (address, _) = address.rsplit_once('/').unwrap();
        let database = Database::Postgres(format!("{address}/{name}?{query}"));
        let folder = tempfile::tempdir().unwrap();
        Some(Self(Arc::new(Inner {
            folder,
            database,
            server: Some((server.clone(), name)),
        })))
    }

    /// Tells the story, and removes the database however it ended.
    pub(super) async fn tell<F: Future<Output = ()>>(self, story: impl FnOnce(Self) -> F) {
        let told = AssertUnwindSafe(story(self.clone())).catch_unwind().await;
        if let Some((server, name)) = &self.0.server {
            administer(server, &format!("drop database {name} with (force)")).await;
        }
        if let Err(panic) = told {
            std::panic::resume_unwind(panic);
        }
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.0.server.is_some()
    }

    /// Where long files go on SQLite.
    pub(super) fn blobs(&self) -> PathBuf {
        self.0.folder.path().join("blobs")
    }

    /// The names in the blob folder, sorted.
    pub(super) fn blob_names(&self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.blobs()) else {
            return Vec::new();
        };
        let mut names: Vec<_> = folder
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub(super) fn options(&self) -> Options {
        Options {
            database: self.0.database.clone(),
            blobs: self.blobs(),
            scale_unit: SCALE_UNIT.into(),
            entropy: entropy(),
        }
    }

    pub(super) async fn try_open(&self) -> Result<Store, StoreError> {
        Store::open(self.options()).await
    }

    pub(super) async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }

    pub(super) async fn raw(&self) -> Raw {
        match &self.0.database {
            Database::Sqlite(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .foreign_keys(false)
                    .busy_timeout(Duration::from_secs(20));
                Raw::Sqlite(SqliteConnection::connect_with(&options).await.unwrap())
            }
            Database::Postgres(url) => Raw::Postgres(PgConnection::connect(url).await.unwrap()),
        }
    }

    /// Runs any SQL.
    pub(super) async fn sql(&self, text: &str) {
        match self.raw().await {
            Raw::Sqlite(mut conn) => {
                sqlx::raw_sql(AssertSqlSafe(text))
                    .execute(&mut conn)
                    .await
                    .unwrap();
                conn.close().await.unwrap();
            }
            Raw::Postgres(mut conn) => {
                sqlx::raw_sql(AssertSqlSafe(text))
                    .execute(&mut conn)
                    .await
                    .unwrap();
                conn.close().await.unwrap();
            }
        }
    }

    /// The first column of every row, as numbers.
    pub(super) async fn numbers(&self, text: &str) -> Vec<i64> {
        match self.raw().await {
            Raw::Sqlite(mut conn) => {
                let rows = sqlx::query(AssertSqlSafe(text))
                    .fetch_all(&mut conn)
                    .await
                    .unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
            Raw::Postgres(mut conn) => {
                let rows = sqlx::query(AssertSqlSafe(text))
                    .fetch_all(&mut conn)
                    .await
                    .unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    /// How SQLite would run a statement.
    pub(super) async fn plan(&self, statement: &str) -> Vec<String> {
        let Raw::Sqlite(mut conn) = self.raw().await else {
            return Vec::new();
        };
        let text = format!("explain query plan {statement}");
        let rows = sqlx::query(AssertSqlSafe(text))
            .fetch_all(&mut conn)
            .await
            .unwrap();
        rows.iter().map(|row| row.get("detail")).collect()
    }

    /// The first column of the first row.
    pub(super) async fn number(&self, text: &str) -> i64 {
        self.numbers(text).await[0]
    }

    /// The first column of every row, as texts.
    pub(super) async fn texts(&self, text: &str) -> Vec<String> {
        match self.raw().await {
            Raw::Sqlite(mut conn) => {
                let rows = sqlx::query(AssertSqlSafe(text))
                    .fetch_all(&mut conn)
                    .await
                    .unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
            Raw::Postgres(mut conn) => {
                let rows = sqlx::query(AssertSqlSafe(text))
                    .fetch_all(&mut conn)
                    .await
                    .unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }
}

async fn administer(server: &str, text: &str) {
    let mut conn = PgConnection::connect_with(&PgConnectOptions::from_str(server).unwrap())
        .await
        .unwrap();
    sqlx::raw_sql(AssertSqlSafe(text))
        .execute(&mut conn)
        .await
        .unwrap();
    conn.close().await.unwrap();
}

/// Waits for something that happens behind the store. Gives up after a time no healthy machine needs.
pub(super) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}
