//! Faults on purpose, for the tests of what a unit of work leaves behind when something breaks in the middle.
//!
//! Compiled for tests only. The engines put a [`Faults`] around the units of an armed store, and every statement asks
//! it. Knows no table and no unit.

use crate::error::StoreError;
use crate::sql::Conn;
use std::sync::{Arc, Mutex, PoisonError};

/// What breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The statement is not executed, and fails.
    Before,
    /// The statement is executed, and its answer is lost.
    After,
    /// The connection is cut by the database before the statement. PostgreSQL only; elsewhere as [`Fault::Before`].
    ConnectionLost,
    /// The database cannot grow from the statement on. SQLite only; elsewhere as [`Fault::Before`].
    DiskFull,
    /// The code panics before the statement.
    Panic,
}

#[derive(Default)]
struct State {
    plan: Option<Plan>,
    seen: Vec<String>,
    fired: bool,
}

enum Plan {
    /// The statement of this number, counted from 1 since it was armed.
    At(u64, Fault),
    /// The next statement whose name ends so.
    Named(&'static str, Fault),
}

/// The faults of one store.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

tokio::task_local! {
    static CURRENT: Faults;
}

impl Faults {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Breaks the `n`th statement of units from now on, counted from 1.
    pub fn at(&self, n: u64, fault: Fault) {
        *self.lock() = State {
            plan: Some(Plan::At(n, fault)),
            ..State::default()
        };
    }

    /// Breaks the next statement whose name ends so, once.
    pub fn named(&self, name: &'static str, fault: Fault) {
        *self.lock() = State {
            plan: Some(Plan::Named(name, fault)),
            ..State::default()
        };
    }

    /// Whether something was broken since it was armed.
    pub fn fired(&self) -> bool {
        self.lock().fired
    }

    /// Breaks nothing any more. Says whether something was broken, and the statements since it was armed.
    pub fn disarm(&self) -> (bool, Vec<String>) {
        let state = std::mem::take(&mut *self.lock());
        (state.fired, state.seen)
    }

    /// Runs a group of units, or one unit, under these faults.
    pub(crate) async fn around<T>(&self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self.clone(), work).await
    }

    /// Lets a database of SQLite grow again, after something was broken.
    pub(crate) async fn heal(&self, conn: &mut Conn) {
        if self.lock().fired
            && let Conn::Sqlite(conn) = conn
        {
            let _ = sqlx::raw_sql("pragma max_page_count = 1073741823")
                .execute(conn)
                .await;
        }
    }

    fn next(&self, name: &str) -> Option<Fault> {
        let mut state = self.lock();
        state.plan.as_ref()?;
        state.seen.push(name.to_owned());
        let count = state.seen.len() as u64;
        let fault = match state.plan {
            Some(Plan::At(n, fault)) if n == count => fault,
            Some(Plan::Named(wanted, fault)) if !state.fired && name.ends_with(wanted) => fault,
            _ => return None,
        };
        state.fired = true;
        Some(fault)
    }
}

fn broken(name: &'static str) -> StoreError {
    StoreError::statement(
        name,
        sqlx::Error::Io(std::io::Error::other("broken on purpose")),
    )
}

/// Asked before each statement. The answer is given back to [`after`].
pub(crate) async fn before(
    conn: &mut Conn,
    name: &'static str,
) -> Result<Option<Fault>, StoreError> {
    let Ok(Some(fault)) = CURRENT.try_with(|faults| faults.next(name)) else {
        return Ok(None);
    };
    match (fault, &mut *conn) {
        (Fault::Panic, _) => panic!("broken on purpose at {name}"),
        (Fault::After, _) => Ok(Some(fault)),
        (Fault::ConnectionLost, Conn::Postgres(conn)) => {
            const CUT: &str = "select pg_terminate_backend(pg_backend_pid())";
            // It fails, since its connection goes; the statement finds out for itself.
            let _ = sqlx::raw_sql(CUT).execute(&mut **conn).await;
            Ok(None)
        }
        (Fault::DiskFull, Conn::Sqlite(conn)) => {
            // A bound below what there is counts as what there is.
            let full = sqlx::raw_sql("pragma max_page_count = 1")
                .execute(&mut *conn)
                .await;
            full.map(|_| None)
                .map_err(|source| StoreError::statement(name, source))
        }
        (Fault::Before | Fault::ConnectionLost | Fault::DiskFull, _) => Err(broken(name)),
    }
}

/// Asked after each statement that succeeded.
pub(crate) fn after(name: &'static str, fault: Option<Fault>) -> Result<(), StoreError> {
    match fault {
        Some(_) => Err(broken(name)),
        None => Ok(()),
    }
}
