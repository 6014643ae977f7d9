//! One SQL text, two engines: statements, migrations, and whose database it is.

use super::home::{Home, Raw};
use crate::sql::Statement;
use crate::{Options, StoreError};
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};
use std::collections::BTreeSet;

/// Every module that declares statements. A module that is forgotten here has an unused `ALL`, which the compiler tells.
const ALL: &[&[&Statement]] = &[
    crate::access::ALL,
    crate::access_below::ALL,
    crate::access_lists::ALL,
    crate::file_pages::ALL,
    crate::file_uses::ALL,
    crate::file_history::ALL,
    crate::agents::ALL,
    crate::attempts::ALL,
    crate::audit::ALL,
    crate::backup::ALL,
    crate::blobs::ALL,
    crate::break_glass::ALL,
    crate::codes::ALL,
    crate::counts::ALL,
    crate::credentials::ALL,
    crate::doctor::ALL,
    crate::engine::ALL,
    crate::engine::LOOK_STATEMENTS,
    crate::engine::POSTGRES_STATEMENTS,
    crate::facts::ALL,
    crate::file_access::ALL,
    crate::freezes::ALL,
    crate::gate::ALL,
    crate::groups::ALL,
    crate::identities::ALL,
    crate::identity_search::ALL,
    crate::jobs::ALL,
    crate::key_list::ALL,
    crate::keys::ALL,
    crate::logs::ALL,
    crate::organization::ALL,
    crate::passwords::ALL,
    crate::people::ALL,
    crate::permissions::ALL,
    crate::pipeline_files::ALL,
    crate::pipelines::ALL,
    crate::projects::ALL,
    crate::provider::ALL,
    crate::hold::ALL,
    crate::purge::ALL,
    crate::records::ALL,
    crate::rotation::ALL,
    crate::rotation_keys::ALL,
    crate::runs::ALL,
    crate::second_factor::ALL,
    crate::secure_files::ALL,
    crate::file_lists::ALL,
    crate::guidance::ALL,
    crate::sessions::ALL,
    crate::settings::ALL,
    crate::sweep::ALL,
    crate::stages::ALL,
    crate::standing::ALL,
    crate::streams::ALL,
    crate::timeline::ALL,
    crate::unit_move::ALL,
];

both! {
    async fn every_statement_fits_the_schema(home) {
        home.open().await.close().await;
        let mut wrong = Vec::new();
        let mut raw = home.raw().await;
        for statement in ALL.iter().copied().flatten() {
            let prepared = match &mut raw {
                Raw::Sqlite(conn) => conn.prepare(AssertSqlSafe(statement.sqlite).into_sql_str()).await.map(drop),
                Raw::Postgres(conn) => conn.prepare(AssertSqlSafe(statement.postgres).into_sql_str()).await.map(drop),
            };
            if let Err(error) = prepared {
                wrong.push(format!("{}: {error}", statement.name));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    async fn a_newer_schema_is_refused_with_both_versions(home) {
        home.open().await.close().await;
        let known = crate::look(&home.options().database).await.unwrap().known;
        home.sql("insert into _sqlx_migrations (version, description, success, checksum, execution_time)
            values (9998, 'from the future', true, '', 0), (9999, 'from its end', true, '', 0)").await;
        let before = home.texts("select cast(count(*) as text) from _sqlx_migrations").await;
        let Err(StoreError::Open { what, .. }) = home.try_open().await else { panic!("opened") };
        for text in ["version 9999", "newer than this program", &format!("up to {known}"), "restore a backup"] {
            assert!(what.contains(text), "no {text} in {what}");
        }
        assert_eq!(before, home.texts("select cast(count(*) as text) from _sqlx_migrations").await);
    }

    async fn another_scale_units_database_is_refused_and_not_touched(home) {
        home.open().await.close().await;
        // As an older program left it: opening it as its own unit would bring the schema up to date.
        home.sql("delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)").await;
        let older = crate::look(&home.options().database).await.unwrap();
        assert!(older.schema.unwrap() < older.known);
        let options = Options { scale_unit: "unit-b".into(), ..home.options() };
        let Err(StoreError::Open { what, .. }) = crate::Store::open(options).await else { panic!("opened") };
        for text in ["unit-a", "unit-b", "keys.scale_unit", "coffer key move"] {
            assert!(what.contains(text), "no {text} in {what}");
        }
        assert_eq!(crate::look(&home.options().database).await.unwrap(), older);
        assert_eq!(older.scale_unit.as_deref(), Some("unit-a"));
    }

    async fn what_is_looked_at_is_not_made(home) {
        let looked = crate::look(&home.options().database).await;
        if home.is_postgres() {
            let looked = looked.unwrap();
            assert_eq!((looked.schema, looked.scale_unit.clone()), (None, None));
            looked.admit("unit-a").unwrap();
        } else {
            assert!(matches!(looked, Err(StoreError::Open { .. })), "{looked:?}");
        }
    }

    async fn a_store_opened_again_finds_what_was_written(home) {
        let store = home.open().await;
        unit!(store, (), |tx| Ok(tx.claim_setting("colour", "green").await?)).await.unwrap();
        store.close().await;
        let store = home.open().await;
        let found = unit!(store, (), |tx| Ok(tx.claim_setting("colour", "red").await?)).await.unwrap();
        assert_eq!(found, "green");
        store.close().await;
        let after = unit!(store, (), |tx| Ok(tx.claim_setting("colour", "red").await?)).await;
        assert!(after.is_err(), "a closed store does not write");
    }
}

#[test]
fn both_folders_hold_the_same_migrations() {
    let numbers = |migrator: sqlx::migrate::Migrator| -> Vec<(i64, String)> {
        migrator
            .iter()
            .map(|migration| (migration.version, migration.description.to_string()))
            .collect()
    };
    let sqlite = numbers(sqlx::migrate!("migrations/sqlite"));
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, numbers(sqlx::migrate!("migrations/postgres")));
}

/// Tables, columns, and whether a column may be null.
async fn columns(home: &Home) -> BTreeSet<String> {
    let text = if home.is_postgres() {
        "select c.table_name || '.' || c.column_name || case c.is_nullable when 'NO' then ' not null' else '' end
            from information_schema.columns c where c.table_schema = 'public'"
    } else {
        // A primary key of SQLite is not null only where it says so; the other engine's always is.
        "select t.name || '.' || c.name || case when c.\"notnull\" = 1 or c.pk > 0 then ' not null' else '' end
            from sqlite_master t join pragma_table_info(t.name) c where t.type = 'table'"
    };
    let ours = |name: &String| !name.starts_with("_sqlx") && !name.starts_with("sqlite_");
    home.texts(text).await.into_iter().filter(ours).collect()
}

/// Indexes that we named, with their tables.
async fn indexes(home: &Home) -> BTreeSet<String> {
    let text = if home.is_postgres() {
        "select i.tablename || ' ' || i.indexname from pg_indexes i where i.schemaname = 'public'
            and i.indexname not in (select conname from pg_constraint)"
    } else {
        "select tbl_name || ' ' || name from sqlite_master where type = 'index' and sql is not null"
    };
    home.texts(text).await.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_engines_have_the_same_tables_columns_and_indexes() {
    let name = concat!(
        module_path!(),
        "::both_engines_have_the_same_tables_columns_and_indexes"
    );
    let Some(postgres) = Home::postgres(name).await else {
        return;
    };
    postgres
        .tell(|postgres| async move {
            let sqlite = Home::sqlite();
            sqlite.open().await.close().await;
            postgres.open().await.close().await;
            let (here, there) = (columns(&sqlite).await, columns(&postgres).await);
            assert!(here.len() > 100, "the question finds the columns: {here:?}");
            assert_eq!(
                here.difference(&there).collect::<Vec<_>>(),
                Vec::<&String>::new(),
                "on SQLite only"
            );
            assert_eq!(
                there.difference(&here).collect::<Vec<_>>(),
                Vec::<&String>::new(),
                "on PostgreSQL only"
            );
            assert_eq!(indexes(&sqlite).await, indexes(&postgres).await);
        })
        .await;
}
