//! Another build of a server, and what its key service does.

use super::{Setup, TestServer};
use crate::engine::Engine;
use crate::keys::{KeyFaults, TestKeys};
use coffer_keys::{FileProvider, os_entropy};
use coffer_seal::KeyProvider;
use coffer_service::{KeyOptions, Providers};
use std::sync::Arc;

impl TestServer {
    /// A fresh server whose root keys are in this key service.
    pub async fn start_over(engine: Engine, setup: Setup, keys: Arc<dyn KeyProvider>) -> Self {
        Self::begin(engine, setup, Some(keys)).await
    }

    pub(super) fn keys(&self) -> KeyOptions {
        let inner = match &self.key_service {
            Some(service) => service.clone(),
            None => Arc::new(self.key_file()),
        };
        let faults = self.key_faults.clone();
        let mut keys = KeyOptions::new(Providers::new(Arc::new(TestKeys { inner, faults })));
        // A story does not wait for a quota that nobody has.
        keys.rotation_rate = 10_000;
        keys.clock = self.key_faults.clock();
        keys
    }

    /// Starts the server again, as another build of it.
    pub async fn deploy(&mut self, deployment: &str) {
        self.stop().await;
        self.deployment = deployment.into();
        self.run().await;
    }

    /// What goes wrong with the key service of this server and of the nodes beside it.
    pub fn key_faults(&self) -> &KeyFaults {
        &self.key_faults
    }

    /// What the key file says of its generations: id and state, oldest first.
    pub fn generations(&self) -> Vec<(String, String)> {
        let all = self.key_file().generations().unwrap().into_iter();
        all.map(|info| (info.id, format!("{:?}", info.state).to_lowercase()))
            .collect()
    }
    fn key_file(&self) -> FileProvider {
        let key = self.folder.path().join("key").join("root.key");
        let (provider, _) = FileProvider::open_or_create(&key, Arc::new(os_entropy)).unwrap();
        provider
    }
}
