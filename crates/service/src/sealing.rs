//! Sealing a stream of bytes to where they are stored: one segment stays in memory for its row, longer ones go to the
//! blob store as they come. Shared by uploads and re-encryption.

use crate::Service;
use crate::error::Result;
use coffer_seal::{FileKey, PREAMBLE_LEN, SEGMENT, SealedContext, Sealer, Summary, TAG_LEN};
use coffer_store::{BlobWriter, Placement, Store};

/// Sealed bytes that still fit the row: one segment.
const IN_ROW: usize = PREAMBLE_LEN + SEGMENT + TAG_LEN;
/// Sealed bytes gathered before they go to the blob store.
const PIECE: usize = 256 * 1024;

/// Bytes being sealed. Dropping it abandons them: nothing is stored.
pub(crate) struct Sealing {
    store: Store,
    sealer: Option<Sealer>,
    sealed: Vec<u8>,
    blob: Option<BlobWriter>,
}

impl Sealing {
    pub(crate) fn new(service: &Service, key: &FileKey, context: SealedContext) -> Self {
        Self {
            store: service.store().clone(),
            sealer: Some(Sealer::new(key, context, service.entropy())),
            sealed: Vec::new(),
            blob: None,
        }
    }

    /// Seals bytes.
    pub(crate) async fn push(&mut self, bytes: &[u8]) -> Result<()> {
        // In small steps, so that a large buffer of the transport does not become a large buffer here.
        for step in bytes.chunks(SEGMENT) {
            if let Some(sealer) = &mut self.sealer {
                sealer.push(step, &mut self.sealed);
            }
            self.drain(false).await?;
        }
        Ok(())
    }

    /// Seals the end, and says where everything is. It is durable, and waits for its row.
    pub(crate) async fn finish(&mut self) -> Result<(Summary, Placement)> {
        let sealer = self.sealer.take().expect("only the end takes it");
        let summary = sealer.finish(&mut self.sealed);
        self.drain(true).await?;
        let placement = match self.blob.take() {
            Some(blob) => Placement::Blob(blob.finish().await?),
            None => Placement::Row(std::mem::take(&mut self.sealed)),
        };
        Ok((summary, placement))
    }

    /// Gives up what was written, now.
    pub(crate) async fn abandon(&mut self) {
        if let Some(blob) = self.blob.take() {
            blob.abandon().await;
        }
    }

    async fn drain(&mut self, last: bool) -> Result<()> {
        if self.blob.is_none() && self.sealed.len() > IN_ROW {
            self.blob = Some(self.store.blob_begin().await?);
        }
        if let Some(blob) = &mut self.blob
            && (last || self.sealed.len() >= PIECE)
        {
            blob.write(&self.sealed).await?;
            self.sealed.clear();
        }
        Ok(())
    }
}

impl Drop for Sealing {
    /// What broke off goes at once, not with the sweep.
    fn drop(&mut self) {
        if let Some(blob) = self.blob.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(blob.abandon());
        }
    }
}

impl Service {
    /// Leaves sealed bytes whose row was refused to the next sweep.
    pub(crate) async fn give_up(&self, placement: &Placement) {
        if let Placement::Blob(blob) = placement
            && let Err(error) = self.store().blob_give_up(blob).await
        {
            tracing::debug!(%error, "refused sealed bytes are left to the sweep");
        }
    }
}
