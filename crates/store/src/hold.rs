//! Who has a database in use: servers hold it together, what must be alone holds it alone.
//!
//! SQLite: a lock on a file beside the database, which the system lets go when the process ends. PostgreSQL: an advisory
//! lock of a session. Neither says anything about readers.

use crate::engine::Store;
use crate::error::StoreError;
use crate::sql::{Conn, args, statements};
use sqlx::{Connection as _, PgConnection};
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Coffer's lock among those of a PostgreSQL database.
const LOCK: i64 = 4_841_369;

statements! {
    TOGETHER = "select 1 as held where $1 = 0",
        postgres: "select case when pg_try_advisory_lock_shared($1) then 1 else 0 end::bigint as held";
    UNLOCK = "select 1 as done", postgres: "select pg_advisory_unlock_all()";
    ALONE = "select 1 as held where $1 = 0",
        postgres: "select case when pg_try_advisory_lock($1) then 1 else 0 end::bigint as held";
}

/// Holds the database until it is released or dropped.
#[derive(Debug)]
pub struct Hold(Held);

#[derive(Debug)]
enum Held {
    File { _file: File },
    // Not of the pool, which would wait for it when it is closed.
    Session(PgConnection),
}

impl Hold {
    /// Lets go at once. A dropped one is let go when the database notices.
    pub async fn release(self) {
        if let Held::Session(mut conn) = self.0 {
            // An error means that the session is gone, and what it held with it.
            let _ = sqlx::query(UNLOCK.postgres).execute(&mut conn).await;
            let _ = conn.close().await;
        }
    }
}

impl Store {
    /// Holds the database as one of several servers, or alone. None when that cannot be now.
    ///
    /// # Errors
    /// When it cannot be told.
    pub async fn hold(&self, alone: bool) -> Result<Option<Hold>, StoreError> {
        if let Some(path) = self.file() {
            return file(path, alone).map_err(StoreError::blob("locking the database"));
        }
        let mut conn = self.read().await?.conn;
        let statement = if alone { &ALONE } else { &TOGETHER };
        let (held,): (i64,) = conn.one(statement, args![LOCK]).await?;
        Ok(match conn {
            Conn::Postgres(conn) if held == 1 => Some(Hold(Held::Session(conn.detach()))),
            _ => None,
        })
    }
}

fn file(database: &Path, alone: bool) -> std::io::Result<Option<Hold>> {
    let mut name = database.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(database.with_file_name(name))?;
    let locked = match alone {
        true => file.try_lock(),
        false => file.try_lock_shared(),
    };
    match locked {
        Ok(()) => Ok(Some(Hold(Held::File { _file: file }))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
