//! What people and monitors are shown of root generations: how much still sits under each.
//!
//! Counts only: no wrapped key leaves by this, and nobody's name.

use crate::error::StoreError;
use crate::sql::{args, statements};
use crate::unit::ReadTx;
use std::collections::BTreeMap;

statements! {
    USES = "select g.id,
            (select count(*) from project_key k where k.generation_id = g.id and k.state in ('active', 'draining')) as keys,
            (select count(*) from project_key k join wrapped_key w on w.project_key_id = k.id
                where k.generation_id = g.id) as wraps,
            (select count(*) from signing_key s where s.generation_id = g.id) as secrets
        from root_generation g";
}

/// What still sits under a root generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GenerationUse {
    /// Project keys that it opens: active and draining ones.
    pub keys: i64,
    /// Keys of files, logs and secrets that those wrap.
    pub wraps: i64,
    /// Secrets of our own that it wraps itself.
    pub secrets: i64,
}

impl ReadTx {
    /// What still sits under each root generation, by its id.
    pub async fn generation_uses(&mut self) -> Result<BTreeMap<String, GenerationUse>, StoreError> {
        let rows: Vec<(String, i64, i64, i64)> = self.conn.all(&USES, args![]).await?;
        Ok(rows
            .into_iter()
            .map(|(id, keys, wraps, secrets)| {
                let used = GenerationUse {
                    keys,
                    wraps,
                    secrets,
                };
                (id, used)
            })
            .collect())
    }
}
