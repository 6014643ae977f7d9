//! The two engines, and a database of a server's own on either.

use crate::samples::random;
use coffer_store::Database as Place;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;
use uuid::Uuid;

/// Where PostgreSQL is: the URL of a database from which others may be created.
const POSTGRES: &str = "COFFER_TEST_POSTGRES";
/// A file that gets a line for each test that was skipped.
const SKIPS: &str = "COFFER_TEST_SKIPS";

/// A database engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    /// A file in the data folder.
    Sqlite,
    /// A fresh database on the server that the environment names.
    Postgres,
}

impl Engine {
    /// Both.
    pub fn both() -> [Self; 2] {
        [Self::Sqlite, Self::Postgres]
    }

    /// Whether tests can run on it here. If not, the skip is counted under the test's name.
    pub fn is_there(self, test: &str) -> bool {
        if self == Self::Sqlite || variable(POSTGRES).is_some() {
            return true;
        }
        skip(test, &format!("{POSTGRES} is not set"));
        false
    }
}

/// Counts a test as skipped: it cannot run here.
pub fn skip(test: &str, reason: &str) {
    let Some(path) = variable(SKIPS) else {
        return;
    };
    use std::io::Write as _;
    let mut skips = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    // One write: many tests append at once.
    let line = format!("{test}: {reason}\n");
    skips.write_all(line.as_bytes()).unwrap();
}

/// What whoever runs the tests says, such as where Node is.
pub fn told(name: &str) -> Option<String> {
    variable(name)
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where PostgreSQL is"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A server's own database, and a way around the server into it. Removed with the server.
pub struct Database {
    place: Place,
    /// The PostgreSQL server's address and the database's name.
    created: Option<(String, String)>,
}

/// A connection past the server.
enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Database {
    /// A new one: on SQLite the file of a server whose data folder this is, made by whoever opens it first.
    pub async fn create(engine: Engine, data: &Path) -> Self {
        match engine {
            Engine::Sqlite => Self {
                place: Place::Sqlite(data.join("coffer.db")),
                created: None,
            },
            Engine::Postgres => {
                let server = variable(POSTGRES).expect("PostgreSQL is there");
                let name = format!("coffer_{}", hex::encode(random(8)));
                administer(&server, &format!("create database {name}")).await;
                let (address, query) = server.split_once('?').unwrap_or((&server, ""));
                let (address, _) = address.rsplit_once('/').unwrap();
                Self {
                    place: Place::Postgres(format!("{address}/{name}?{query}")),
                    created: Some((server, name)),
                }
            }
        }
    }

    /// A copy of it, while nobody has it open.
    pub(crate) async fn copy(&self) -> Self {
        match &self.place {
            Place::Sqlite(path) => {
                let copy = path.with_file_name(format!("copy-{}.db", hex::encode(random(8))));
                let ending = |path: &Path, ending: &str| {
                    PathBuf::from(format!("{}{ending}", path.display()))
                };
                for file in ["", "-wal"] {
                    let from = ending(path, file);
                    if from.exists() {
                        std::fs::copy(from, ending(&copy, file)).unwrap();
                    }
                }
                Self {
                    place: Place::Sqlite(copy),
                    created: None,
                }
            }
            Place::Postgres(url) => {
                let (server, name) = self.created.as_ref().unwrap();
                let copy = format!("coffer_{}", hex::encode(random(8)));
                administer(server, &format!("create database {copy} template {name}")).await;
                Self {
                    place: Place::Postgres(url.replace(name, &copy)),
                    created: Some((server.clone(), copy)),
                }
            }
        }
    }

    pub(crate) fn place(&self) -> Place {
        match &self.place {
            Place::Sqlite(path) => Place::Sqlite(path.clone()),
            Place::Postgres(url) => Place::Postgres(url.clone()),
        }
    }

    /// Where it is, on PostgreSQL.
    pub fn url(&self) -> Option<&str> {
        match &self.place {
            Place::Sqlite(_) => None,
            Place::Postgres(url) => Some(url),
        }
    }

    /// The database file, on SQLite.
    pub fn file(&self) -> Option<PathBuf> {
        match &self.place {
            Place::Sqlite(path) => Some(path.clone()),
            Place::Postgres(_) => None,
        }
    }

    async fn raw(&self) -> Raw {
        match &self.place {
            Place::Sqlite(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .foreign_keys(false)
                    .busy_timeout(Duration::from_secs(20));
                Raw::Sqlite(SqliteConnection::connect_with(&options).await.unwrap())
            }
            Place::Postgres(url) => Raw::Postgres(PgConnection::connect(url).await.unwrap()),
        }
    }

    /// Runs any SQL, as somebody who has the database but not the server.
    pub async fn sql(&self, text: &str) {
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

    /// The first column of every row, as texts.
    pub async fn texts(&self, text: &str) -> Vec<String> {
        match self.raw().await {
            Raw::Sqlite(mut conn) => sqlx::raw_sql(AssertSqlSafe(text))
                .fetch_all(&mut conn)
                .await
                .unwrap()
                .iter()
                .map(|row| row.get::<Option<String>, _>(0).unwrap_or_default())
                .collect(),
            Raw::Postgres(mut conn) => sqlx::raw_sql(AssertSqlSafe(text))
                .fetch_all(&mut conn)
                .await
                .unwrap()
                .iter()
                .map(|row| row.get::<Option<String>, _>(0).unwrap_or_default())
                .collect(),
        }
    }

    /// The one number that a query answers with.
    pub async fn number(&self, text: &str) -> i64 {
        let text = format!("select cast(({text}) as text)");
        self.texts(&text).await[0].parse().unwrap()
    }

    /// Bytes as SQL of this engine spells them.
    pub fn bytes(&self, bytes: &[u8]) -> String {
        let hex = hex::encode(bytes);
        match self.place {
            Place::Sqlite(_) => format!("x'{hex}'"),
            Place::Postgres(_) => format!("decode('{hex}', 'hex')"),
        }
    }

    /// The ids of a table's rows.
    pub async fn ids(&self, table: &str) -> Vec<Uuid> {
        let column = match self.place {
            Place::Sqlite(_) => "hex(id)",
            Place::Postgres(_) => "cast(id as text)",
        };
        let texts = self.texts(&format!("select {column} from {table}")).await;
        let ids = texts.iter().map(|text| Uuid::try_parse(text).unwrap());
        ids.collect()
    }

    /// What every table holds, a text a table, rows in an order of their own. `without` names tables, or columns as
    /// `table.column`, that are left out. For comparing what was with what is.
    pub async fn contents(&self, without: &[&str]) -> Vec<String> {
        let sqlite = matches!(self.place, Place::Sqlite(_));
        let columns = if sqlite {
            "select m.name || '.' || c.name from sqlite_schema m join pragma_table_info(m.name) c where m.type = 'table'"
        } else {
            "select table_name || '.' || column_name from information_schema.columns where table_schema = 'public'"
        };
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in self.texts(columns).await {
            let (table, column) = name.split_once('.').unwrap();
            if !without.contains(&table) && !without.contains(&name.as_str()) {
                let row = if sqlite {
                    format!("quote(\"{column}\")")
                } else {
                    format!("coalesce(\"{column}\"::text, '-')")
                };
                tables.entry(table.to_owned()).or_default().push(row);
            }
        }
        let selects = tables.into_iter().map(|(table, columns)| {
            let row = columns.join(" || '|' || ");
            let all = if sqlite {
                format!("select group_concat(r, ' / ') from (select {row} as r from \"{table}\" order by 1)")
            } else {
                format!("select string_agg(r, ' / ' order by r) from (select {row} as r from \"{table}\") s")
            };
            format!("select '{table}: ' || coalesce(({all}), '')")
        });
        let selects: Vec<_> = selects.collect();
        self.texts(&selects.join(" union all ")).await
    }

    /// Everything stored, a text a row and column: bytes as lower-case hex, texts as they are.
    pub async fn dump(&self) -> Vec<(String, String)> {
        let (tables, sqlite) = match &self.place {
            Place::Sqlite(_) => ("select name from sqlite_schema where type = 'table'", true),
            Place::Postgres(_) => (
                "select table_name::text from information_schema.tables where table_schema = 'public'",
                false,
            ),
        };
        let mut dump = Vec::new();
        for table in self.texts(tables).await {
            let rows = if sqlite {
                let mut rows = Vec::new();
                let columns = format!("select name from pragma_table_info('{table}')");
                for column in self.texts(&columns).await {
                    rows.extend(self.texts(&format!(
                        "select case typeof(\"{column}\") when 'blob' then lower(hex(\"{column}\")) \
                         else cast(\"{column}\" as text) end from \"{table}\""
                    )).await);
                }
                rows
            } else {
                self.texts(&format!("select t::text from \"{table}\" t"))
                    .await
            };
            dump.extend(rows.into_iter().map(|row| (table.clone(), row)));
        }
        dump
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((server, name)) = self.created.take() else {
            return;
        };
        // Also when a story failed, and from inside a runtime that cannot be waited on.
        let removing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let drop = format!("drop database if exists {name} with (force)");
            runtime.block_on(administer(&server, &drop));
        });
        let _removed = removing.join();
    }
}

async fn administer(server: &str, text: &str) {
    let options = PgConnectOptions::from_str(server).unwrap();
    let mut conn = PgConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(text))
        .execute(&mut conn)
        .await
        .unwrap();
    conn.close().await.unwrap();
}
