//! What each place outside says of the database, judged against what the database holds.
//!
//! Nothing that a place holds is believed before a key proves it, and no key is believed for standing in the database:
//! its secret is unwrapped by the key provider. Looks only; what follows is for others.

use super::place::{self, AnchorPlace, Kept};
use super::said;
use crate::Providers;
use crate::error::{Result, chain};
use crate::signing::{RecordKeeper, opened};
use coffer_model::anchor::{Claim, State};
use coffer_model::record;
use coffer_store::{SigningKeyRow, Store};
use std::sync::Arc;

/// What a place says.
#[derive(Clone, Debug)]
pub struct Witness {
    /// The place.
    pub place: String,
    /// What was found there.
    pub found: Found,
}

/// What was found at a place.
#[derive(Clone, Debug)]
pub enum Found {
    /// It keeps nothing yet.
    Nothing,
    /// It cannot be read now, and why.
    Unreachable(String),
    /// What it keeps is not believed, and why. It neither stops the database nor speaks for it.
    Ignored(String),
    /// The database holds what it says.
    Fits {
        /// Rows of the log.
        rows: i64,
        /// When it was signed, microseconds since 1970.
        time: i64,
    },
    /// The database is behind it, and somebody accepted that.
    Accepted,
    /// The database is behind it.
    Behind {
        /// In words: what the place says and what the database has.
        why: String,
        /// What it says.
        claim: State,
        /// The text that says so.
        text: String,
        /// Whether a key proved it.
        proved: bool,
    },
}

impl Witness {
    /// Whether the database is behind what this place says.
    pub fn is_behind(&self) -> bool {
        matches!(self.found, Found::Behind { .. })
    }
}

/// Compares the database with each place, and with the records that are kept outside.
///
/// # Errors
/// When the database cannot be read. What is wrong with a place is in the answer.
pub async fn witnesses(
    store: &Store,
    providers: &Providers,
    keeper: Option<&Arc<dyn RecordKeeper>>,
    places: &[Arc<dyn AnchorPlace>],
) -> Result<Vec<Witness>> {
    let judge = Judge::new(store, providers).await?;
    let mut found = Vec::new();
    for place in places {
        found.push(Witness {
            place: place.name(),
            found: judge.place(&**place).await?,
        });
    }
    if let Some(keeper) = keeper {
        let keeper = keeper.clone();
        let newest = crate::signing::blocking(move || keeper.newest()).await;
        let verdict = match newest {
            Err(error) => Found::Unreachable(error.to_string()),
            Ok(None) => Found::Nothing,
            Ok(Some(signed)) => judge.record(&signed).await?,
        };
        found.push(Witness {
            place: "the file of checkpoints".into(),
            found: verdict,
        });
    }
    Ok(found)
}

/// The database as far as anchors speak of it, and the keys that are proved to be the scale unit's.
pub(super) struct Judge<'a> {
    store: &'a Store,
    providers: &'a Providers,
    keys: Vec<[u8; 32]>,
    /// Why keys cannot be proved now, where the key provider does not answer.
    later: Option<String>,
    accepted: Option<Acceptance>,
}

/// What was accepted last: anchors of these texts, and all that are not newer.
struct Acceptance {
    through: i64,
    digests: Vec<String>,
}

impl<'a> Judge<'a> {
    pub(super) async fn new(store: &'a Store, providers: &'a Providers) -> Result<Self> {
        let mut read = store.read().await?;
        let organization = read.organization().await?.map(|(id, _)| id.0);
        let rows = read.signing_keys().await?;
        drop(read);
        let mut this = Self {
            store,
            providers,
            keys: Vec::new(),
            later: None,
            accepted: None,
        };
        for row in &rows {
            match this.proved(row, organization.unwrap_or_default()).await {
                Ok(key) => this.keys.extend(key),
                Err(later) => this.later = Some(later),
            }
        }
        this.with_acceptance().await
    }

    /// With a key that was proved before: a running node does not ask its provider each time.
    pub(super) async fn knowing(
        store: &'a Store,
        providers: &'a Providers,
        key: [u8; 32],
    ) -> Result<Self> {
        let this = Self {
            store,
            providers,
            keys: vec![key],
            later: None,
            accepted: None,
        };
        this.with_acceptance().await
    }

    async fn with_acceptance(mut self) -> Result<Self> {
        let accepted = self.store.read().await?.rollback_accepted().await?;
        if let Some(signed) = accepted
            && self.keys.iter().any(|key| signed.is_by(key))
        {
            self.accepted = acceptance(&signed.text);
        }
        Ok(self)
    }

    /// The public key of a row, if the provider's secret makes it. The error says why that cannot be told now.
    async fn proved(
        &self,
        row: &SigningKeyRow,
        organization: uuid::Uuid,
    ) -> std::result::Result<Option<[u8; 32]>, String> {
        let Some(provider) = self.providers.find(&row.provider) else {
            tracing::warn!(
                provider = row.provider,
                "a signing key is of a key provider that is not configured"
            );
            return Ok(None);
        };
        match opened(provider, organization, row).await {
            Ok(key) => Ok(Some(*key.public_key())),
            Err(error) if error.is_passing() => Err(format!(
                "it cannot be proved while the key provider does not answer: {}",
                chain(&error)
            )),
            Err(error) => {
                tracing::warn!(error = %error, "a signing key is not proved by the key provider");
                Ok(None)
            }
        }
    }

    pub(super) async fn place(&self, place: &dyn AnchorPlace) -> Result<Found> {
        let text = match place.read().await {
            Ok(None) => return Ok(Found::Nothing),
            Ok(Some(text)) if text.trim().is_empty() => return Ok(Found::Nothing),
            Ok(Some(text)) => text,
            Err(error) => return Ok(Found::Unreachable(chain(&error))),
        };
        let Kept { claim, key } = match place::parse(&text, self.store.scale_unit()) {
            Ok(kept) => kept,
            Err(why) => return Ok(Found::Ignored(why)),
        };
        let mut known = self.keys.iter().find(|key| claim.names(key)).copied();
        if known.is_none()
            && let Some(row) = key.filter(|row| claim.names(&row.public_key))
        {
            // A database that lost its key, or never had one, does not make its anchor worthless.
            match self.proved(&row, claim.state.organization).await {
                Ok(key) => known = key,
                Err(later) => return Ok(Found::Unreachable(later)),
            }
        }
        if known.is_none()
            && let Some(later) = &self.later
        {
            return Ok(Found::Unreachable(later.clone()));
        }
        match known {
            Some(public) if claim.is_by(&public) => {
                self.compare(&claim.state, claim.state.head, &text, true)
                    .await
            }
            Some(_) => Ok(Found::Ignored(
                "its signature is not that of the scale unit's key".into(),
            )),
            None if place.is_guarded() => {
                let why = format!(
                    "it says that the database had {} rows at {}, signed by a key that this database does not have",
                    claim.state.sequence,
                    said(claim.state.time)
                );
                Ok(self.unless_accepted(why, claim.state, text, false))
            }
            None => Ok(Found::Ignored(
                "it is signed by a key that is not known to be the scale unit's".into(),
            )),
        }
    }

    pub(super) fn scale_unit(&self) -> &str {
        self.store.scale_unit()
    }

    /// A text alone, which a known key has to prove.
    pub(super) async fn claimed(&self, text: &str) -> Result<Found> {
        let Some(claim) = Claim::parse(text, self.store.scale_unit()) else {
            return Ok(Found::Ignored("it is no anchor that can be read".into()));
        };
        if !self.keys.iter().any(|key| claim.is_by(key)) {
            return Ok(Found::Ignored(
                "its signature is not that of the scale unit's key".into(),
            ));
        }
        self.compare(&claim.state, claim.state.head, text, true)
            .await
    }

    /// A record that was kept outside.
    async fn record(&self, signed: &record::Signed) -> Result<Found> {
        let record = &signed.record;
        if record.scale_unit != self.store.scale_unit() {
            return Ok(Found::Ignored(format!(
                "it is of the scale unit '{}'",
                record.scale_unit
            )));
        }
        if !self.keys.iter().any(|key| signed.is_by(key)) {
            return Ok(Found::Ignored(
                "its signature is not that of a key that is known to be the scale unit's".into(),
            ));
        }
        let state = State {
            scale_unit: record.scale_unit.clone(),
            organization: record.organization,
            number: record.number,
            sequence: record.sequence,
            head: record.head,
            time: record.time,
        };
        let text = hex::encode(record.digest());
        self.compare(&state, record.head, &text, true).await
    }

    async fn compare(
        &self,
        state: &State,
        head: [u8; 32],
        text: &str,
        proved: bool,
    ) -> Result<Found> {
        let mut read = self.store.read().await?;
        let (rows, _) = read.audit_head().await?;
        let here = match state.sequence {
            0 => Some(coffer_model::audit::start()),
            at => read.audit_chain_at(at).await?,
        };
        drop(read);
        let when = said(state.time);
        let why = match here {
            Some(here) if here == head => {
                return Ok(Found::Fits {
                    rows: state.sequence,
                    time: state.time,
                });
            }
            Some(_) => format!(
                "it says what row {} of the audit log was at {when}, and the database has another row there: it was put back \
                 and went on",
                state.sequence
            ),
            None => format!(
                "it says that the audit log had {} rows at {when}, and the database has {rows}",
                state.sequence
            ),
        };
        Ok(self.unless_accepted(why, state.clone(), text.to_owned(), proved))
    }

    fn unless_accepted(&self, why: String, claim: State, text: String, proved: bool) -> Found {
        if let Some(accepted) = &self.accepted
            && ((proved && claim.time <= accepted.through)
                || accepted.digests.contains(&hex::encode(digest(&text))))
        {
            return Found::Accepted;
        }
        Found::Behind {
            why,
            claim,
            text,
            proved,
        }
    }
}

/// What an acceptance names a text by.
pub(super) fn digest(text: &str) -> [u8; 32] {
    record::payload(text)
}

fn acceptance(text: &str) -> Option<Acceptance> {
    let mut found = Acceptance {
        through: 0,
        digests: Vec::new(),
    };
    for line in text.lines() {
        match line.split_once(' ')? {
            ("through", time) => found.through = time.parse().ok()?,
            ("anchor", digest) => found.digests.push(digest.to_owned()),
            _ => {}
        }
    }
    Some(found)
}
