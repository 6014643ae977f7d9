//! The purge report: which deleted files no copy opens any more, and from when on for the rest.
//!
//! Needs the database alone: the dates follow from the audit log and from what became of the root generations.

use crate::Service;
use crate::error::Result;
use coffer_model::purge::{Beyond, Lived, beyond};
use coffer_model::record;
use coffer_model::rotation::Horizon;
use coffer_store::{DeletedFile, GenerationRow, Store};

/// Files read at once.
const PIECE: i64 = 1000;

/// A deleted file, and when it is beyond recovery.
#[derive(Clone, Debug)]
pub struct Purged {
    /// The file.
    pub file: DeletedFile,
    /// When no copy anywhere opens it.
    pub beyond: Beyond,
}

/// What the report asks of a stored generation.
pub(crate) fn lived(row: &GenerationRow) -> Lived {
    Lived {
        created: row.created,
        state: row.state,
        retired: row.retired,
        destroyed: row.ended,
    }
}

impl Service {
    /// The purge report of the database that is served.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn purge_report(&self) -> Result<Vec<Purged>> {
        purge_report(self.store(), self.0.rotation.horizon_days).await
    }

    /// Signs what a destroyed generation took with it.
    pub(crate) async fn sign_purge(&self, row: &GenerationRow) -> Result<()> {
        let gone = self.purge_report().await?;
        let gone = gone
            .iter()
            .filter(|one| matches!(one.beyond, Beyond::Since(_)));
        let text = format!(
            "generation {}\nprovider {}\nunit {}\nbeyond-recovery {}\n",
            row.id,
            row.provider,
            row.scale_unit,
            gone.count()
        );
        self.sign(record::Kind::Purge, &text, None).await?;
        Ok(())
    }
}

/// All deleted files, oldest first, as far as the audit log is kept.
///
/// # Errors
/// When the database cannot be read.
pub async fn purge_report(store: &Store, horizon_days: u32) -> Result<Vec<Purged>> {
    let horizon = Horizon {
        grace_seconds: 0,
        seconds: i64::from(horizon_days) * 86_400,
    };
    let mut read = store.read().await?;
    let generations: Vec<Lived> = read.generations().await?.iter().map(lived).collect();
    let mut report = Vec::new();
    let mut after = 0;
    loop {
        let files = read.deleted_files(after, PIECE).await?;
        let Some(last) = files.last() else {
            return Ok(report);
        };
        after = last.place;
        report.extend(files.into_iter().map(|file| Purged {
            beyond: beyond(file.time, &generations, horizon),
            file,
        }));
    }
}
