//! A running node's own watch: it keeps anchors up to date, and notices when the database goes back under it.
//!
//! What it has seen itself is the first witness; places outside are asked before each write. Once the database is known
//! to be behind, nothing is written any more and no key is used, until a start has decided.

use super::place::{AnchorPlace, written};
use super::witness::{Found, Judge};
use super::{BEHIND, Witness, said};
use crate::Service;
use crate::error::{Error, Kind, Result, chain};
use coffer_model::anchor;
use coffer_model::audit::Digest;
use coffer_model::record::Signed;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Seconds after which an anchor is written again although nothing happened: a place may have lost it.
const AGAIN: i64 = 300;

/// Whether keys may be used. Set once, and for as long as the process lives.
#[derive(Clone, Default)]
pub(crate) struct Halt(Arc<OnceLock<String>>);

impl Halt {
    /// # Errors
    /// `anchor.behind` once the database is known to be behind.
    pub(crate) fn check(&self) -> Result<()> {
        match self.0.get() {
            None => Ok(()),
            Some(_) => Err(Error::new(
                Kind::Unavailable,
                "anchor.behind",
                "The server does not use its keys: its database is older than it was. An operator finds more in its log.",
            )),
        }
    }

    pub(super) fn set(&self, why: String) {
        if self.0.set(why).is_ok() {
            tracing::error!(
                why = self.0.get().map(String::as_str),
                "{BEHIND} This server opens and seals nothing until it is started again; the start says what to do"
            );
        }
    }
}

/// The watch.
pub(crate) struct Guard {
    places: Vec<Place>,
    /// The newest state of the log that this process has seen.
    seen: Mutex<Option<(i64, Digest)>>,
    due: AtomicBool,
    pub(crate) halt: Halt,
}

struct Place {
    place: Arc<dyn AnchorPlace>,
    /// Rows and time of what was written last, and whether it failed since.
    last: Mutex<Last>,
}

#[derive(Clone, Copy, Default)]
struct Last {
    rows: i64,
    time: i64,
    failing: bool,
}

impl Guard {
    pub(crate) fn new(places: &[Arc<dyn AnchorPlace>]) -> Self {
        let places = places.iter().map(|place| Place {
            place: place.clone(),
            last: Mutex::default(),
        });
        Self {
            places: places.collect(),
            seen: Mutex::default(),
            due: AtomicBool::new(false),
            halt: Halt::default(),
        }
    }

    /// Asks for an anchor at the next look, whatever the pauses.
    pub(crate) fn due(&self) {
        self.due.store(true, Ordering::Relaxed);
    }

    /// Whether there is anywhere to write to.
    pub(crate) fn has_places(&self) -> bool {
        !self.places.is_empty()
    }
}

impl Place {
    fn last(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// Looks whether the database went back, and brings the anchors outside up to date where it is time.
    ///
    /// `now` writes whatever the pauses, as at the end of a process.
    pub(crate) async fn watch_anchors(&self, now: bool) -> Result<()> {
        let guard = &self.0.guard;
        if guard.halt.0.get().is_some() {
            return Ok(());
        }
        if let Some(why) = self.went_back().await? {
            guard.halt.set(why);
            return Ok(());
        }
        let now = guard.due.swap(false, Ordering::Relaxed) || now;
        for place in &guard.places {
            let time = self.store().read().await?.now().0 / 1_000_000;
            let (rows, last) = (self.seen_rows(), *place.last());
            let waited = time - last.time;
            let pause = if last.failing {
                place.place.pause().max(10)
            } else {
                place.place.pause()
            };
            let wanted = (rows > last.rows || last.failing) && waited >= pause;
            if !(wanted || now || waited >= AGAIN) {
                continue;
            }
            match self.anchor(&*place.place).await {
                Ok(Some(rows)) => {
                    *place.last() = Last {
                        rows,
                        time,
                        failing: false,
                    };
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    if !last.failing {
                        tracing::warn!(
                            place = place.place.name(),
                            error,
                            "an anchor could not be written; it is tried again"
                        );
                    }
                    *place.last() = Last {
                        time,
                        failing: true,
                        ..last
                    };
                }
            }
        }
        Ok(())
    }

    fn seen_rows(&self) -> i64 {
        let seen = self
            .0
            .guard
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        seen.map_or(0, |(rows, _)| rows)
    }

    /// Compares the log with what this process saw last, and remembers how it is now.
    pub(super) async fn went_back(&self) -> Result<Option<String>> {
        let seen = *self
            .0
            .guard
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut read = self.store().read().await?;
        if let Some((rows, head)) = seen
            && rows > 0
            && read.audit_chain_at(rows).await? != Some(head)
        {
            let (there, _) = read.audit_head().await?;
            return Ok(Some(format!(
                "this server saw {rows} rows of the audit log, and the database has {there}, or others"
            )));
        }
        let head = read.audit_head().await?;
        *self
            .0
            .guard
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(head);
        Ok(None)
    }

    /// Writes the newest state to a place, unless what it keeps shows that the database is behind. Answers with the
    /// rows written, or none when it is.
    async fn anchor(&self, place: &dyn AnchorPlace) -> std::result::Result<Option<i64>, String> {
        let failed = |error: Error| chain(&error);
        let key = *self.signing_key().await.map_err(failed)?.public_key();
        let judge = Judge::knowing(self.store(), self.keys().providers(), key)
            .await
            .map_err(failed)?;
        match judge.place(place).await.map_err(failed)? {
            Found::Behind { why, .. } => {
                let why = format!("{}: {why}", place.name());
                self.0.guard.halt.set(why);
                return Ok(None);
            }
            Found::Unreachable(error) => return Err(error),
            Found::Ignored(why) => tracing::error!(
                place = place.name(),
                why,
                "what a place of the anchor holds is not believed, and is replaced"
            ),
            Found::Nothing | Found::Fits { .. } | Found::Accepted => {}
        }
        let (signed, row) = self.anchor_now().await.map_err(failed)?;
        let unit = self.store().scale_unit();
        let text = written(&anchor::text(&signed), unit, &row, place.has_room());
        place.write(&text).await.map_err(|error| chain(&error))?;
        Ok(Some(signed.record.sequence))
    }

    /// The newest state, signed.
    pub(super) async fn anchor_now(&self) -> Result<(Signed, coffer_store::SigningKeyRow)> {
        let key = self.signing_key().await?;
        let mut read = self.store().read().await?;
        let (sequence, head) = read.audit_head().await?;
        let number = read
            .record_last()
            .await?
            .map_or(0, |last| last.record.number);
        let time = read.now().0;
        let rows = read.signing_keys().await?;
        drop(read);
        let row = rows
            .into_iter()
            .find(|row| row.public_key == *key.public_key())
            .ok_or_else(|| Error::from(coffer_store::Refusal::KeyNotActive))?;
        let state = anchor::State {
            scale_unit: self.store().scale_unit().to_owned(),
            organization: self.organization().id.0,
            number,
            sequence,
            head,
            time,
        };
        let record = state.record(key.public_key());
        let signature = key.sign(&record.bytes());
        let text = String::new();
        Ok((
            Signed {
                record,
                text,
                signature,
            },
            row,
        ))
    }

    /// What is known at a start: what the places say counts from the first moment.
    pub(crate) fn anchors_found(&self, found: &[Witness]) {
        for witness in found {
            if let Found::Fits { rows, time } = &witness.found {
                tracing::info!(
                    place = witness.place,
                    rows,
                    signed = said(*time),
                    "the database holds what its anchor says"
                );
            }
        }
    }
}
