//! Copies of a server's database, as an operator makes them, and putting them back.

use super::TestServer;
use crate::anchor::TestPlace;
use crate::engine::Database;
use coffer_keys::os_entropy;
use coffer_service::{Error, KeyOptions};
use coffer_store::Store;
use std::sync::Arc;

impl TestServer {
    /// A copy of the database of a stopped server.
    pub async fn copy_database(&self) -> Database {
        assert!(self.running.is_none(), "copied while it is stopped");
        self.database.copy().await
    }

    /// Puts a database in place of the stopped server's own. Answers with the one that was there.
    pub fn put_database(&mut self, database: Database) -> Database {
        assert!(self.running.is_none(), "put back while it is stopped");
        std::mem::replace(&mut self.database, database)
    }

    /// A new, empty database.
    pub async fn empty_database(&self) -> Database {
        Database::create(self.engine, &self.scratch(&self.unique("empty"))).await
    }

    /// Starts the server again, if it wants to. With a reason, it goes on with a database that is behind its anchor.
    ///
    /// # Errors
    /// Why it does not start.
    pub async fn try_start(&mut self, accept: Option<&str>) -> Result<(), Error> {
        self.try_run(accept).await
    }

    /// What `coffer doctor` finds, while the server is stopped.
    pub async fn examined(&self) -> Vec<coffer_service::Finding> {
        let (store, keys) = self.offline().await;
        let found = coffer_service::examine(
            &store,
            &keys.providers,
            None,
            &[],
            store.read().await.unwrap().now().0,
        );
        let found = found.await.unwrap();
        store.close().await;
        found
    }

    /// As `coffer key enable`, while the server is stopped.
    pub async fn enable_key(&self, generation: &str) {
        let (store, keys) = self.offline().await;
        coffer_service::enable_generation(&store, &keys.providers, generation)
            .await
            .unwrap();
        store.close().await;
    }

    async fn offline(&self) -> (Store, KeyOptions) {
        assert!(self.running.is_none(), "looked at while it is stopped");
        let store = Store::open(coffer_store::Options {
            database: self.database.place(),
            blobs: self.blobs(),
            scale_unit: "unit-a".into(),
            entropy: Arc::new(os_entropy),
        })
        .await
        .unwrap();
        (store, self.keys())
    }

    /// Where its anchor is kept, when it is set up to have one.
    pub fn anchor(&self) -> &TestPlace {
        &self.anchor
    }
}
