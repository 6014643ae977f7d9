//! A project key as somebody forges it who knows the format and every id, writes the database, and has no root key.

use super::TestServer;
use coffer_keys::{FileProvider, os_entropy};
use coffer_seal::{
    Digest, GenerationId, KeyProvider as _, ProjectKey, ProjectKeyContext, ProjectKeySecret,
};
use std::sync::Arc;
use uuid::Uuid;

/// A forged project key, as its row would hold it.
pub struct ForgedKey {
    /// A wrap made with a root key of the forger's own, under the name of the real one.
    pub wrapped: Vec<u8>,
    /// The commitment to the key that the forger knows.
    pub commitment: [u8; 32],
}

impl TestServer {
    /// Forges the key of a scope and version under a generation of this server's.
    pub async fn forged_key(&self, generation: &str, scope: Uuid, version: u64) -> ForgedKey {
        let organization = self.database.ids("organization").await;
        let context = ProjectKeyContext {
            scale_unit: "unit-a".into(),
            organization: organization[0],
            project: scope,
            version,
        };
        let file = self.scratch(&self.unique("forger")).join("own.key");
        let (provider, _) = FileProvider::open_or_create(&file, Arc::new(os_entropy)).unwrap();
        let own = provider.lifecycle().unwrap();
        let made = own.new_generation("unit-a").await.unwrap();
        // The real generation's name over a key of one's own.
        let text = std::fs::read_to_string(&file).unwrap();
        let (body, _) = text.rsplit_once("end generations=").unwrap();
        let body = body.replace(&made.0, generation);
        let end = format!(
            "end generations={} sha256={}\n",
            body.matches("generation id=").count(),
            Digest::of(body.as_bytes()).to_hex()
        );
        std::fs::write(&file, body + &end).unwrap();
        let (provider, _) = FileProvider::open_or_create(&file, Arc::new(os_entropy)).unwrap();
        let secret = ProjectKeySecret::generate(&os_entropy);
        let root = GenerationId(generation.to_owned());
        let wrapped = provider.wrap(&root, &secret, &context).await.unwrap();
        let (_, commitment) = ProjectKey::create(&secret, context);
        ForgedKey {
            wrapped,
            commitment,
        }
    }
}
