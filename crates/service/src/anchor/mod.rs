//! The anchor against roll-back: a database that is older than it was is noticed, at the start and while it is served.
//!
//! After commits the newest state of the audit log is signed and written to places outside the database. A start
//! compares the database with them and refuses one that is behind, unless somebody with the host accepted it; a running
//! node compares too, with what it has seen itself and with what agents remember as well, and stops using keys. `docs/keys/anchor.md` has the rules.
//! What is signed is in `model::anchor`; where it is kept, the places know.

mod guard;
mod place;
mod testimony;
mod witness;

pub use place::{AnchorPlace, BoxFuture, NotePlace};
pub use testimony::AgentAnchor;
pub use witness::{Found, Witness, witnesses};

pub(crate) use guard::{Guard, Halt};

use crate::error::{Error, Kind, Result};
use crate::{Options, Service};
use coffer_model::Timestamp;
use coffer_model::act::AcceptRollback;
use coffer_model::record;
use std::sync::Arc;

/// How a database is anchored.
#[derive(Clone, Default)]
pub struct Anchoring {
    /// Where anchors are kept.
    pub places: Vec<Arc<dyn AnchorPlace>>,
    /// Whether a start is refused when a place cannot be read.
    pub required: bool,
    /// Goes on with a database that is behind, for this reason.
    pub accept: Option<String>,
}

/// What the administrator is told in every case of a database that is behind.
pub(crate) const BEHIND: &str = "The database is behind its anchor: it is older than it was, so it lacks what happened since. Either a backup \
     was put back, or somebody undid history.";

/// The error of a start.
pub(crate) fn refused(witnesses: &[Witness]) -> Error {
    let mut error = Error::new(Kind::Conflict, "anchor.behind", BEHIND);
    for witness in witnesses {
        if let Found::Behind { why, .. } = &witness.found {
            error = error.hint(format!("{}: {why}", witness.place));
        }
    }
    error
        .hint("Find out why first: `coffer anchor show` compares, and `coffer audit verify --trusted-checkpoint` tells where histories part.")
        .hint(
            "Put the newer database back if there is one. If going on with this one is meant, say so on this host: `coffer anchor accept \
             --reason TEXT`. What was revoked since has to be revoked again.",
        )
}

/// Compares the database with its anchors before anything is made of it.
///
/// # Errors
/// `anchor.behind` unless the options accept that; `anchor.unreachable` when every place is required.
pub(crate) async fn at_start(options: &Options) -> Result<Vec<Witness>> {
    let found = witnesses(
        &options.store,
        &options.keys.providers,
        options.keeper.as_ref(),
        &options.anchoring.places,
    )
    .await?;
    for witness in &found {
        match &witness.found {
            Found::Unreachable(error) if options.anchoring.required => {
                return Err(Error::new(
                    Kind::Unavailable,
                    "anchor.unreachable",
                    format!(
                        "{} cannot be read, and keys.anchor_required is set.",
                        witness.place
                    ),
                )
                .hint("Make the place reachable, or set keys.anchor_required to false until it is.")
                .caused_by(std::io::Error::other(error.clone())));
            }
            Found::Unreachable(error) => tracing::warn!(
                place = witness.place,
                error,
                "a place of the anchor cannot be read: an older database is not noticed by it"
            ),
            Found::Ignored(why) => tracing::error!(
                place = witness.place,
                why,
                "what a place of the anchor holds is not believed: somebody else may have written it"
            ),
            Found::Behind { why, .. } => {
                tracing::error!(
                    place = witness.place,
                    why,
                    "the database is behind its anchor"
                );
            }
            Found::Nothing | Found::Fits { .. } | Found::Accepted => {}
        }
    }
    let behind = found.iter().any(Witness::is_behind);
    if behind && options.anchoring.accept.is_none() {
        return Err(refused(&found));
    }
    Ok(found)
}

impl Service {
    /// Puts on record that the database is behind and that this is meant, and anchors it as it is. Where no place says so,
    /// agents did: what they remember cannot be asked for, and is outdated by the time of this.
    pub(crate) async fn accept_rollback(&self, found: &[Witness], reason: &str) -> Result<()> {
        let behind: Vec<&Witness> = found.iter().filter(|witness| witness.is_behind()).collect();
        let now = self.store().read().await?.now().0;
        let mut through = now;
        let mut text = String::new();
        let mut told = Vec::new();
        for Witness { place, found } in behind {
            let Found::Behind {
                text: anchor,
                claim,
                proved,
                ..
            } = found
            else {
                continue;
            };
            if *proved {
                through = through.max(claim.time);
            }
            text.push_str(&format!(
                "anchor {}\n",
                hex::encode(witness::digest(anchor))
            ));
            told.push(format!(
                "{place}: {} rows at {}",
                claim.sequence,
                said(claim.time)
            ));
        }
        if told.is_empty() {
            told.push("none that a place keeps: what agents remember up to now".into());
        }
        let reason: String = reason
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let text = format!("through {through}\nreason {reason}\n{text}");
        let (caller, organization) = (self.duty("accept a roll-back"), self.organization().id);
        let details = [("reason", reason), ("anchors", told.join("; "))];
        self.store()
            .write("anchor.accept", move |tx| {
                let (caller, details) = (caller.clone(), details.clone());
                Box::pin(async move {
                    let act = AcceptRollback { organization };
                    tx.authorize_with(&caller, act, &details).await.map(drop)
                })
            })
            .await?;
        self.sign(record::Kind::Rollback, &text, None).await?;
        Ok(())
    }
}

/// A time for people.
pub(crate) fn said(micros: i64) -> String {
    let time = Timestamp(micros);
    jiff::Timestamp::from_microsecond(time.0)
        .map_or_else(|_| micros.to_string(), |time| format!("{time:.0}"))
}
