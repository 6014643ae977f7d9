//! The purge report: which deleted files no copy opens any more, and from when on for the rest.
//!
//! The dates follow from the audit log and from what became of the root generations, and for those that were destroyed
//! the key service is asked: some keep what was deleted for a while, and their operators can bring it back.

use crate::error::{Result, chain};
use crate::{Providers, Service};
use coffer_model::Timestamp;
use coffer_model::purge::{Beyond, Gone, Lived, beyond};
use coffer_model::record;
use coffer_model::rotation::{GenerationState, Horizon};
use coffer_seal::GenerationId;
use coffer_store::{DeletedFile, GenerationRow, Store};

/// Files read at once.
const PIECE: i64 = 1000;
/// What was destroyed longer ago is not asked for any more: no service keeps deleted keys for longer than 90 days.
const ASKED_DAYS: i64 = 120;

/// A deleted file, and when it is beyond recovery.
#[derive(Clone, Debug)]
pub struct Purged {
    /// The file.
    pub file: DeletedFile,
    /// When no copy anywhere opens it.
    pub beyond: Beyond,
}

/// A root generation that was destroyed, and what its provider says of it.
#[derive(Clone, Debug)]
pub struct Destroyed {
    /// Its id.
    pub id: String,
    /// Its provider.
    pub provider: String,
    /// When it was destroyed.
    pub time: Option<Timestamp>,
    /// What the provider says.
    pub gone: Gone,
    /// Why the provider says nothing, where it does not.
    pub why: Option<String>,
}

/// The purge report.
#[derive(Clone, Debug)]
pub struct PurgeReport {
    /// Deleted files, oldest first, as far as the audit log is kept.
    pub files: Vec<Purged>,
    /// Destroyed root generations that a provider may still keep, oldest first.
    pub destroyed: Vec<Destroyed>,
}

impl Service {
    /// The purge report of the database that is served.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn purge_report(&self) -> Result<PurgeReport> {
        let days = self.0.rotation.horizon_days;
        purge_report(self.store(), Ok(self.keys().providers()), days).await
    }

    /// Signs what a destroyed generation took with it.
    pub(crate) async fn sign_purge(&self, row: &GenerationRow) -> Result<()> {
        let report = self.purge_report().await?;
        let files = report.files.iter();
        let gone = files.filter(|one| matches!(one.beyond, Beyond::Since(_)));
        let told = report.destroyed.iter().find(|one| one.id == row.id);
        let told = match told.map(|one| one.gone) {
            Some(Gone::ForGood) => "for-good".to_owned(),
            Some(Gone::Until(until)) => format!("recoverable-until {}", until.0),
            Some(Gone::There) => "still-there".to_owned(),
            Some(Gone::NotTold) | None => "not-told".to_owned(),
        };
        let text = format!(
            "generation {}\nprovider {}\nunit {}\ngone {told}\nbeyond-recovery {}\n",
            row.id,
            row.provider,
            row.scale_unit,
            gone.count()
        );
        self.sign(record::Kind::Purge, &text, None).await?;
        Ok(())
    }
}

/// The purge report. Without providers, for the reason given, no service is asked.
///
/// # Errors
/// When the database cannot be read. A provider that does not answer is in the report.
pub async fn purge_report(
    store: &Store,
    providers: std::result::Result<&Providers, String>,
    horizon_days: u32,
) -> Result<PurgeReport> {
    let horizon = Horizon {
        grace_seconds: 0,
        seconds: i64::from(horizon_days) * 86_400,
    };
    let destroyed = destroyed(store, providers).await?;
    let mut read = store.read().await?;
    let generations = read.generations().await?;
    let generations: Vec<Lived> = generations
        .iter()
        .map(|row| {
            let asked = destroyed.iter().find(|one| one.id == row.id);
            Lived {
                created: row.created,
                state: row.state,
                retired: row.retired,
                destroyed: row.ended,
                gone: asked.map_or(Gone::NotTold, |asked| asked.gone),
            }
        })
        .collect();
    let mut files = Vec::new();
    let mut after = 0;
    loop {
        let page = read.deleted_files(after, PIECE).await?;
        let Some(last) = page.last() else {
            return Ok(PurgeReport { files, destroyed });
        };
        after = last.place;
        files.extend(page.into_iter().map(|file| Purged {
            beyond: beyond(file.time, &generations, horizon),
            file,
        }));
    }
}

/// What the providers say of the generations that were destroyed lately.
pub(crate) async fn destroyed(
    store: &Store,
    providers: std::result::Result<&Providers, String>,
) -> Result<Vec<Destroyed>> {
    let mut read = store.read().await?;
    let since = read.now().plus_seconds(-ASKED_DAYS * 86_400);
    let rows = read.generations().await?;
    drop(read);
    let lately = rows.into_iter().filter(|row| {
        row.state == GenerationState::Destroyed && row.ended.is_none_or(|ended| ended >= since)
    });
    let mut all = Vec::new();
    for row in lately {
        let told = match &providers {
            Ok(providers) => ask(providers, &row).await,
            Err(why) => Err(why.clone()),
        };
        let (gone, why) = match told {
            Ok(gone) => (gone, None),
            Err(why) => (Gone::NotTold, Some(why)),
        };
        all.push(Destroyed {
            id: row.id,
            provider: row.provider,
            time: row.ended,
            gone,
            why,
        });
    }
    Ok(all)
}

async fn ask(providers: &Providers, row: &GenerationRow) -> std::result::Result<Gone, String> {
    let provider = providers
        .find(&row.provider)
        .ok_or("its provider is not configured: name it in keys.also")?;
    let lifecycle = provider
        .lifecycle()
        .ok_or("no credential is configured that may look after destroyed keys")?;
    let told = lifecycle.gone(&GenerationId(row.id.clone())).await;
    match told.map_err(|error| chain(&error))? {
        coffer_seal::Gone::ForGood => Ok(Gone::ForGood),
        coffer_seal::Gone::There => Ok(Gone::There),
        coffer_seal::Gone::Until(seconds) => {
            Ok(Gone::Until(Timestamp(seconds.saturating_mul(1_000_000))))
        }
    }
}
