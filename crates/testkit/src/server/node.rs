//! Another node on a server's database. It does its duties and answers nobody.

use super::{ORGANIZATION, PROJECT, TestServer};
use coffer_keys::os_entropy;
use coffer_service::{Service, SessionLife};
use coffer_store::Store;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A node that answers nobody. It must be stopped before its server is dropped.
pub struct Node {
    service: Service,
    stop: CancellationToken,
    duties: JoinHandle<()>,
}

impl Node {
    /// Stops it in order.
    pub async fn stop(self) {
        self.stop.cancel();
        self.duties.await.unwrap();
        self.service.close().await;
    }

    /// Ends it in the middle of whatever it does, without a word to the database.
    pub async fn kill(self) {
        self.duties.abort();
        // An error says that it was aborted, which is what was asked for.
        let _ = self.duties.await;
        self.service.close().await;
    }
}

impl TestServer {
    /// Another node on the same database, which does its duties and answers nobody. PostgreSQL only.
    pub async fn another_node(&self) -> Node {
        self.another_node_of(&self.deployment).await
    }

    /// The same, of another build.
    pub async fn another_node_of(&self, deployment: &str) -> Node {
        let entropy = Arc::new(os_entropy);
        let store = Store::open(coffer_store::Options {
            database: self.database.place(),
            blobs: self.blobs(),
            scale_unit: "unit-a".into(),
            entropy: entropy.clone(),
        })
        .await
        .unwrap();
        store.advance_clock(self.clock);
        let (service, _) = Service::open(coffer_service::Options {
            store,
            keys: self.keys(),
            entropy,
            organization: ORGANIZATION.into(),
            project: PROJECT.into(),
            deployment: deployment.into(),
            lease_seconds: self.setup.lease_seconds,
            outgoing: self.outgoing(),
            sessions: SessionLife::default(),
            sign_in_provider: self.provider.clone(),
            audit_retention_days: 0,
            break_glass_officers: super::OFFICERS.map(str::to_owned).to_vec(),
            keeper: None,
            anchoring: self.anchoring(None),
        })
        .await
        .unwrap();
        let stop = CancellationToken::new();
        let (served, until) = (service.clone(), stop.clone());
        let duties = tokio::spawn(async move { served.run_duties(until).await });
        Node {
            service,
            stop,
            duties,
        }
    }
}
