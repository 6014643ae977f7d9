//! What did not verify: a project key, a wrap, sealed bytes, the signing key, a signed report. Each is counted, logged and
//! on record, once a minute for each thing, so that who asks again and again fills neither log.
//!
//! A key service that is away, full or too strict is none of these: only what no repetition mends is. Names ids and what
//! is wrong, never a key. Must not know what the thing was wanted for.

use super::Keys;
use crate::error::{Error, Kind};
use coffer_model::act::NoteUnverified;
use coffer_model::{OrganizationId, ProjectId};
use coffer_seal::{KeyError, OpenError};
use coffer_store::KeyScope;
use std::sync::atomic::{AtomicU64, Ordering};

/// Something that did not verify.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Unverified {
    /// What it is, in words.
    pub(crate) what: &'static str,
    /// Its project, unless it belongs to none.
    pub(crate) project: Option<ProjectId>,
    /// The key, or whose wrap it is.
    pub(crate) id: String,
    /// What is wrong, in words.
    pub(crate) why: &'static str,
}

impl Unverified {
    /// A key of a scope.
    pub(crate) fn key(scope: KeyScope, id: impl ToString, why: &'static str) -> Self {
        Self {
            what: "project key",
            project: scope.project(),
            id: id.to_string(),
            why,
        }
    }
}

/// What did not verify on this node.
pub(super) struct Tally {
    rows: crate::tally::Tally<Unverified>,
    total: AtomicU64,
}

impl Default for Tally {
    fn default() -> Self {
        let others = Unverified {
            what: "others",
            project: None,
            id: String::new(),
            why: "there were too many to name",
        };
        Self {
            rows: crate::tally::Tally::new(others),
            total: AtomicU64::new(0),
        }
    }
}

impl Tally {
    /// How often since the start.
    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}

/// What is wrong with a key that did not open, if it is more than the service being away or the credential too narrow.
pub(crate) fn why(error: &KeyError) -> Option<&'static str> {
    Some(match error {
        KeyError::Damaged => "it was changed, or belongs to another place",
        KeyError::Commitment => "it opens, and is not the key that the record commits to",
        KeyError::OtherScaleUnit { .. } => "it is another scale unit's",
        KeyError::UnknownGeneration { .. } => "it names a root key that the provider does not have",
        _ => return None,
    })
}

impl Keys {
    /// Puts on record that something did not verify.
    pub(crate) async fn note(&self, thing: Unverified) {
        self.unverified.total.fetch_add(1, Ordering::Relaxed);
        let now = match self.store.read().await {
            Ok(read) => read.now(),
            Err(error) => {
                tracing::error!(?thing, %error, "something did not verify, and that cannot be put on record");
                return;
            }
        };
        if let Some((thing, times)) = self.unverified.rows.take(thing, now) {
            self.record(thing, times).await;
        }
    }

    /// Puts on record what waits since its minute is over; at the end, whatever waits.
    pub(crate) async fn record_unverified(&self, all: bool) -> crate::Result<()> {
        let now = self.store.read().await?.now();
        for (thing, times) in self.unverified.rows.due(now, all) {
            self.record(thing, times).await;
        }
        Ok(())
    }

    async fn record(&self, thing: Unverified, times: u64) {
        tracing::warn!(
            what = thing.what,
            id = thing.id,
            project = thing.project.map(|project| project.to_string()),
            why = thing.why,
            times,
            "did not verify, and was not used; somebody may have changed the database: run `coffer doctor`"
        );
        let caller = crate::duty_caller(OrganizationId(self.organization.0), "verify keys");
        let (project, id) = (thing.project, thing.id.clone());
        let (what, why) = (thing.what, thing.why);
        let noted = self
            .store
            .write("key.not_verified", move |tx| {
                let (caller, id) = (caller.clone(), id.clone());
                Box::pin(async move {
                    let details = [
                        ("what", what.to_owned()),
                        ("why", why.to_owned()),
                        ("times", times.to_string()),
                    ];
                    let act = NoteUnverified { project, id };
                    tx.authorize_with(&caller, act, &details).await.map(drop)
                })
            })
            .await;
        if let Err(stop) = noted {
            // What was asked for is refused all the same.
            let error = Error::from(stop);
            tracing::error!(%error, "what did not verify could not be put on record");
        }
    }

    /// The answer to who asked for a wrapped key, or for what is sealed under it.
    pub(crate) async fn does_not_open(
        &self,
        what: &'static str,
        project: Option<ProjectId>,
        owner: impl ToString,
        error: OpenError,
    ) -> Error {
        let why = match error {
            OpenError::Wrap => "it was changed, or belongs to something else",
            OpenError::OtherFile => "it is another one's",
            OpenError::WrongKey => "the key is not the one that it was sealed under",
            _ => "it was changed, cut or continued",
        };
        self.note(Unverified {
            what,
            project,
            id: owner.to_string(),
            why,
        })
        .await;
        Error::from(error)
    }
}

/// The answer to who needs a key that the database calls something that it cannot be.
pub(super) fn not_believed(message: &str) -> Error {
    Error::new(Kind::Internal, "keys.refused", message).hint(
        "Somebody may have changed the database. `coffer doctor` on the server's host says what.",
    )
}
