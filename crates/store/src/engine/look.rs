//! What is looked at before a database is touched: whose it is, and which program wrote it.
//!
//! A database that is not ours to open is left exactly as it is, so nothing here writes.

use super::Database;
use crate::error::StoreError;
use crate::sql::{Conn, Statement, args, statements};
use sqlx::ConnectOptions as _;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use std::path::Path;

statements! {
    THERE = "select count(*) as n from sqlite_schema where type = 'table' and name = $1",
        postgres: "select count(*) as n from pg_tables where schemaname = current_schema() and tablename = $1";
    SCHEMA = "select max(version) as version from _sqlx_migrations";
    UNIT = "select value from meta where key = 'scale_unit'";
    MOVING = "select value from meta where key = 'moving_from'";
}

/// What a database says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Look {
    /// Its schema's version; none in an empty database.
    pub schema: Option<i64>,
    /// The newest version that this program knows.
    pub known: i64,
    /// The scale unit it belongs to; none in a new one.
    pub scale_unit: Option<String>,
    /// The unit that it is being moved from.
    pub moving_from: Option<String>,
}

impl Look {
    /// Refuses what this program must not open, as `scale_unit`'s.
    ///
    /// # Errors
    /// [`StoreError::Open`] with what to do.
    pub fn admit(&self, scale_unit: &str) -> Result<(), StoreError> {
        let refused = |what| Err(StoreError::Open { what, source: None });
        if let Some(schema) = self.schema.filter(|schema| *schema > self.known) {
            return refused(format!(
                "its schema has version {schema}, which is newer than this program: it knows versions up to {}. Start the \
                 version of Coffer that wrote it, or a newer one, or restore a backup that this one wrote. Nothing was changed",
                self.known
            ));
        }
        match &self.scale_unit {
            Some(found) if found != scale_unit => refused(format!(
                "it belongs to the scale unit '{found}', and this server is configured for '{scale_unit}'. Two scale units \
                 never share keys: set keys.scale_unit to '{found}', or name another database. To bring the data under the \
                 keys of '{scale_unit}', move it: `coffer key move`. Nothing was changed"
            )),
            _ => match &self.moving_from {
                Some(from) => refused(format!(
                    "it is being moved here from the scale unit '{from}', and the move has not ended. Run the same \
                     `coffer key move` again: it goes on where it stood"
                )),
                None => Ok(()),
            },
        }
    }

    /// Refuses what a move to `scale_unit` must not open.
    ///
    /// # Errors
    /// [`StoreError::Open`] with what to do.
    pub fn admit_move(&self, scale_unit: &str) -> Result<(), StoreError> {
        let plain = Self {
            scale_unit: None,
            moving_from: None,
            ..self.clone()
        };
        plain.admit(scale_unit)
    }
}

/// Looks at a database without changing it. A SQLite file that is not there is an error; so is a server.
///
/// # Errors
/// [`StoreError::Open`] when it cannot be reached, [`StoreError::Statement`] when it is none of ours.
pub async fn look(database: &Database) -> Result<Look, StoreError> {
    match database {
        Database::Sqlite(path) => {
            let conn = read_only(path).await?;
            let mut conn = Conn::Sqlite(conn);
            at(&mut conn, &sqlx::migrate!("migrations/sqlite")).await
        }
        Database::Postgres(url) => {
            let pool = super::postgres::pool(url).await?;
            let mut conn = super::postgres::connection(&pool).await?;
            let found = at(&mut conn, &sqlx::migrate!("migrations/postgres")).await;
            drop(conn);
            pool.close().await;
            found
        }
    }
}

async fn read_only(path: &Path) -> Result<sqlx::SqliteConnection, StoreError> {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .read_only(true)
        .disable_statement_logging()
        .connect()
        .await
        .map_err(|source| StoreError::Open {
            what: format!("SQLite file {}", path.display()),
            source: Some(source),
        })
}

impl super::Store {
    /// A connection that reads a SQLite file, whosever it is.
    pub(crate) async fn reader_of(path: &Path) -> Result<Conn, StoreError> {
        read_only(path).await.map(Conn::Sqlite)
    }
}

/// The same, of an open connection.
pub(super) async fn at(conn: &mut Conn, migrator: &Migrator) -> Result<Look, StoreError> {
    let known = migrator.iter().map(|migration| migration.version).max();
    let mut found = Look {
        schema: None,
        known: known.unwrap_or_default(),
        scale_unit: None,
        moving_from: None,
    };
    if there(conn, "_sqlx_migrations").await? {
        found.schema = one::<Option<i64>>(conn, &SCHEMA).await?.flatten();
    }
    if there(conn, "meta").await? {
        found.scale_unit = one(conn, &UNIT).await?;
        found.moving_from = one(conn, &MOVING).await?;
    }
    Ok(found)
}

async fn there(conn: &mut Conn, table: &str) -> Result<bool, StoreError> {
    Ok(conn.one::<(i64,)>(&THERE, args![table]).await?.0 > 0)
}

async fn one<T>(conn: &mut Conn, statement: &Statement) -> Result<Option<T>, StoreError>
where
    (T,): crate::sql::Row,
{
    let row: Option<(T,)> = conn.maybe(statement, Vec::new()).await?;
    Ok(row.map(|(value,)| value))
}
