//! What an older version wrote is still there, and still opens, after its schema is brought up to date.

use super::home::{Home, Raw};
use coffer_model::{IdentityId, StreamId};
use sqlx::migrate::Migrator;
use std::borrow::Cow;
use uuid::Uuid;

/// Brings an empty database to an older schema, as a program of that time would have.
async fn older(home: &Home, last: i64) {
    let upto = |mut migrator: Migrator| {
        let kept = migrator
            .iter()
            .filter(|migration| migration.version <= last)
            .cloned()
            .collect();
        migrator.migrations = Cow::Owned(kept);
        migrator
    };
    match &mut home.raw().await {
        Raw::Sqlite(conn) => upto(sqlx::migrate!("migrations/sqlite"))
            .run(conn)
            .await
            .unwrap(),
        Raw::Postgres(conn) => upto(sqlx::migrate!("migrations/postgres"))
            .run(conn)
            .await
            .unwrap(),
    }
}

/// A literal of bytes for either engine.
fn bytes(home: &Home, hex: &str) -> String {
    if home.is_postgres() {
        format!("'\\x{hex}'")
    } else {
        format!("x'{hex}'")
    }
}

/// A literal of an id for either engine.
fn id(home: &Home, id: Uuid) -> String {
    if home.is_postgres() {
        format!("'{id}'")
    } else {
        format!("x'{}'", id.simple())
    }
}

both! {
    async fn second_factors_and_streams_move_into_the_one_hierarchy(home) {
        older(&home, 9).await;
        let (who, key, stream) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let (who_id, key_id, stream_id) = (id(&home, who), id(&home, key), id(&home, stream));
        let of = |hex: &str| bytes(&home, &hex.repeat(32));
        home.sql(&format!(
            "insert into identity (id, kind, unique_key, unique_name, display_name, created_at)
                values ({who_id}, 1, 'ada', 'ada', 'Ada', 0);
             insert into root_generation (id, scale_unit, provider, state, created_at) values ('g1', 'unit-a', 'file', 'active', 0);
             insert into organization_key (id, version, scale_unit, generation_id, state, wrapped, commitment, deployment, created_at)
                values ({key_id}, 1, 'unit-a', 'g1', 'active', {}, {}, 'd1', 5);
             insert into second_factor (identity_id, organization_key_id, wrapped, sealed, created_at, confirmed_at, last_step)
                values ({who_id}, {key_id}, {}, {}, 6, 7, 8);
             insert into audit_stream (id, name, name_key, kind, url, options, enabled, cursor, failures, retry_at, lease_until,
                    generation_id, wrapped, commitment, wrapped_key, sealed_secret, created_by, created_at, modified_by, modified_at)
                values ({stream_id}, 'S', 's', 'webhook', 'https://sink.test', '{{}}', 1, 4, 0, 0, 0,
                    'g1', {}, {}, {}, {}, {who_id}, 1, {who_id}, 2)",
            of("a1"), of("a2"), of("a3"), of("a4"), of("b1"), of("b2"), of("b3"), of("b4"),
        )).await;

        let store = home.open().await;
        let mut read = store.read().await.unwrap();
        let factor = read.second_factor(IdentityId(who)).await.unwrap().unwrap();
        assert!(factor.confirmed && factor.last_step == 8);
        assert_eq!((factor.key.wrapped, factor.sealed), (vec![0xa3; 32], vec![0xa4; 32]));
        let parent = factor.key.project_key;
        assert_eq!((parent.id.0, parent.scope, parent.version), (key, crate::KeyScope::ORGANIZATION, 1));
        assert_eq!((parent.wrapped, parent.commitment, parent.frozen), (vec![0xa1; 32], [0xa2; 32], false));
        drop(read);

        // An old stream's parent key keeps its own scope: its derivation names the stream.
        let seen = unit!(store, (), |tx| tx.stream(StreamId(stream)).await).await.unwrap();
        let secret = seen.secret.unwrap();
        assert_eq!((secret.key.wrapped, secret.sealed), (vec![0xb3; 32], vec![0xb4; 32]));
        let parent = secret.key.project_key;
        assert_eq!((parent.scope, parent.version, parent.generation.as_str()), (crate::KeyScope(stream), 1, "g1"));
        assert_eq!((parent.wrapped, parent.commitment), (vec![0xb1; 32], [0xb2; 32]));
        assert_eq!((seen.cursor, seen.setting.url.as_str()), (4, "https://sink.test"));
    }
}
