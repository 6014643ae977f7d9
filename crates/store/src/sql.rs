//! SQL as constant text: one statement for both engines, named, with its arguments as values.
//!
//! Every statement is a constant (sqlx refuses anything else) and is listed in its module's `ALL`, so that one test
//! prepares each of them against both engines. Where the dialects differ, a statement carries a second text.
//! This module knows no table.

use crate::StoreError;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{FromRow, Postgres, Sqlite};
use uuid::Uuid;

/// A named statement.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) name: &'static str,
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

/// Declares a module's statements as constants, and `ALL` of them.
macro_rules! statements {
    ($($name:ident = $text:expr $(, postgres: $postgres:expr)?;)*) => {
        $(
            const $name: crate::sql::Statement = crate::sql::Statement {
                name: concat!(module_path!(), "::", stringify!($name)),
                sqlite: $text,
                postgres: crate::sql::first(&[$($postgres,)? $text]),
            };
        )*

        /// Every statement of this module, for the test that prepares them.
        #[cfg(test)]
        pub(crate) const ALL: &[&crate::sql::Statement] = &[$(&$name),*];
    };
}
pub(crate) use statements;

/// The first of at least one text.
pub(crate) const fn first(texts: &[&'static str]) -> &'static str {
    texts[0]
}

/// A bound value. Nulls keep their type, which PostgreSQL wants to know.
#[derive(Clone)]
pub(crate) enum Value {
    Uuid(Option<Uuid>),
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

macro_rules! values {
    ($($type:ty => |$v:ident| $value:expr;)*) => {$(
        impl From<$type> for Value {
            fn from($v: $type) -> Self { $value }
        }
    )*};
}

values! {
    Uuid => |v| Value::Uuid(Some(v));
    Option<Uuid> => |v| Value::Uuid(v);
    i64 => |v| Value::Int(Some(v));
    Option<i64> => |v| Value::Int(v);
    &str => |v| Value::Text(Some(v.to_owned()));
    Option<&str> => |v| Value::Text(v.map(str::to_owned));
    String => |v| Value::Text(Some(v));
    &String => |v| Value::Text(Some(v.clone()));
    Option<String> => |v| Value::Text(v);
    Vec<u8> => |v| Value::Bytes(Some(v));
    &[u8] => |v| Value::Bytes(Some(v.to_vec()));
    &[u8; 32] => |v| Value::Bytes(Some(v.to_vec()));
    [u8; 32] => |v| Value::Bytes(Some(v.to_vec()));
    Option<Vec<u8>> => |v| Value::Bytes(v);
}

/// The arguments of a statement, in order.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$(crate::sql::Value::from($value)),*] };
}
pub(crate) use args;

/// A row type that both drivers can make.
pub(crate) trait Row:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{}

/// A connection of one of the engines.
#[derive(Debug)]
pub(crate) enum Conn {
    /// The writer's own connection.
    Sqlite(SqliteConnection),
    /// A pooled reader.
    SqliteReader(sqlx::pool::PoolConnection<Sqlite>),
    /// A pooled connection.
    Postgres(sqlx::pool::PoolConnection<Postgres>),
}

fn sqlite<'q>(
    statement: &Statement,
    args: Vec<Value>,
) -> sqlx::query::Query<'q, Sqlite, <Sqlite as sqlx::Database>::Arguments> {
    args.into_iter()
        .fold(sqlx::query(statement.sqlite), |query, value| match value {
            Value::Uuid(v) => query.bind(v),
            Value::Int(v) => query.bind(v),
            Value::Text(v) => query.bind(v),
            Value::Bytes(v) => query.bind(v),
        })
}

fn postgres<'q>(
    statement: &Statement,
    args: Vec<Value>,
) -> sqlx::query::Query<'q, Postgres, <Postgres as sqlx::Database>::Arguments> {
    args.into_iter().fold(
        sqlx::query(statement.postgres),
        |query, value| match value {
            Value::Uuid(v) => query.bind(v),
            Value::Int(v) => query.bind(v),
            Value::Text(v) => query.bind(v),
            Value::Bytes(v) => query.bind(v),
        },
    )
}

/// Names a statement in the trace, never its arguments: what an answer was made from can be compared.
fn note(s: &Statement) {
    tracing::trace!(target: "coffer::sql", statement = s.name);
}

/// A statement that tests may break.
macro_rules! breakable {
    ($conn:ident, $name:expr, $statement:expr) => {{
        #[cfg(any(test, feature = "testing"))]
        let fault = crate::faults::before($conn, $name).await?;
        let done = $statement.await?;
        #[cfg(any(test, feature = "testing"))]
        crate::faults::after($name, fault)?;
        Ok(done)
    }};
}

impl Conn {
    fn as_sqlite(&mut self) -> Result<&mut SqliteConnection, &mut PgConnection> {
        match self {
            Self::Sqlite(conn) => Ok(conn),
            Self::SqliteReader(conn) => Ok(conn),
            Self::Postgres(conn) => Err(conn),
        }
    }

    /// Every row.
    pub(crate) async fn all<T: Row>(
        &mut self,
        s: &Statement,
        args: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        breakable!(self, s.name, self.all_rows(s, args))
    }

    async fn all_rows<T: Row>(
        &mut self,
        s: &Statement,
        args: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        note(s);
        let wrap = |source| StoreError::statement(s.name, source);
        match self.as_sqlite() {
            Ok(conn) => {
                let rows = sqlite(s, args).fetch_all(conn).await.map_err(wrap)?;
                rows.iter()
                    .map(T::from_row)
                    .collect::<Result<_, _>>()
                    .map_err(wrap)
            }
            Err(conn) => {
                let rows = postgres(s, args).fetch_all(conn).await.map_err(wrap)?;
                rows.iter()
                    .map(T::from_row)
                    .collect::<Result<_, _>>()
                    .map_err(wrap)
            }
        }
    }

    /// The row, if there is one.
    pub(crate) async fn maybe<T: Row>(
        &mut self,
        s: &Statement,
        args: Vec<Value>,
    ) -> Result<Option<T>, StoreError> {
        breakable!(self, s.name, self.maybe_row(s, args))
    }

    async fn maybe_row<T: Row>(
        &mut self,
        s: &Statement,
        args: Vec<Value>,
    ) -> Result<Option<T>, StoreError> {
        note(s);
        let wrap = |source| StoreError::statement(s.name, source);
        match self.as_sqlite() {
            Ok(conn) => {
                let row = sqlite(s, args).fetch_optional(conn).await.map_err(wrap)?;
                row.map(|row| T::from_row(&row)).transpose().map_err(wrap)
            }
            Err(conn) => {
                let row = postgres(s, args).fetch_optional(conn).await.map_err(wrap)?;
                row.map(|row| T::from_row(&row)).transpose().map_err(wrap)
            }
        }
    }

    /// The row that must be there.
    pub(crate) async fn one<T: Row>(
        &mut self,
        s: &Statement,
        args: Vec<Value>,
    ) -> Result<T, StoreError> {
        self.maybe(s, args)
            .await?
            .ok_or(StoreError::Missing { statement: s.name })
    }

    /// Executes, and says how many rows it changed.
    pub(crate) async fn run(&mut self, s: &Statement, args: Vec<Value>) -> Result<u64, StoreError> {
        breakable!(self, s.name, self.execute(s, args))
    }

    async fn execute(&mut self, s: &Statement, args: Vec<Value>) -> Result<u64, StoreError> {
        note(s);
        let wrap = |source| StoreError::statement(s.name, source);
        match self.as_sqlite() {
            Ok(conn) => sqlite(s, args)
                .execute(conn)
                .await
                .map(|done| done.rows_affected())
                .map_err(wrap),
            Err(conn) => postgres(s, args)
                .execute(conn)
                .await
                .map(|done| done.rows_affected())
                .map_err(wrap),
        }
    }

    /// Executes a statement that must change exactly one row.
    pub(crate) async fn run_one(
        &mut self,
        s: &Statement,
        args: Vec<Value>,
    ) -> Result<(), StoreError> {
        match self.run(s, args).await? {
            1 => Ok(()),
            _ => Err(StoreError::Missing { statement: s.name }),
        }
    }

    /// Transaction control and other fixed text without arguments.
    pub(crate) async fn control(&mut self, text: &'static str) -> Result<(), StoreError> {
        breakable!(self, text, self.execute_text(text))
    }

    async fn execute_text(&mut self, text: &'static str) -> Result<(), StoreError> {
        let wrap = |source| StoreError::statement(text, source);
        match self.as_sqlite() {
            Ok(conn) => sqlx::query(text)
                .execute(conn)
                .await
                .map(drop)
                .map_err(wrap),
            Err(conn) => sqlx::query(text)
                .execute(conn)
                .await
                .map(drop)
                .map_err(wrap),
        }
    }

    /// Commits, unless a statement of the transaction has failed.
    ///
    /// PostgreSQL answers the commit of a failed transaction with a rollback and no error. The statement before it
    /// makes an error of that, so that a unit which overlooked a failure is not told that its work is durable.
    pub(crate) async fn commit_if_whole(&mut self) -> Result<(), StoreError> {
        breakable!(self, "commit", self.commit())
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        const WHOLE_THEN_COMMIT: &str = "select 1; commit";
        match self {
            Self::Postgres(conn) => sqlx::raw_sql(WHOLE_THEN_COMMIT)
                .execute(&mut **conn)
                .await
                .map(drop)
                .map_err(|source| StoreError::statement("commit", source)),
            Self::Sqlite(_) | Self::SqliteReader(_) => self.execute_text("commit").await,
        }
    }

    /// Whether this is PostgreSQL.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}
