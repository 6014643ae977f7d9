//! Places outside the database that keep the newest anchor, and what they hold.
//!
//! A place with room also keeps the signing key as the key provider wrapped it: so the anchor can be proved without
//! believing the database. Knows neither when anchors are written nor what follows from them.

use crate::Providers;
use coffer_model::anchor::Claim;
pub use coffer_seal::BoxFuture;
use coffer_seal::KeyProvider;
use coffer_store::SigningKeyRow;
use std::io;
use std::sync::Arc;

/// A place. It keeps one text, and gives it back as it was.
pub trait AnchorPlace: Send + Sync {
    /// What messages call it.
    fn name(&self) -> String;

    /// What it keeps; none when it never kept anything.
    fn read(&self) -> BoxFuture<'_, io::Result<Option<String>>>;

    /// Keeps a text in place of what it kept, durably.
    fn write<'a>(&'a self, text: &'a str) -> BoxFuture<'a, io::Result<()>>;

    /// Whether it keeps a few hundred bytes more than the anchor.
    fn has_room(&self) -> bool;

    /// Whether nobody writes there but who holds the credential of the key provider. What cannot be proved there is
    /// not passed over.
    fn is_guarded(&self) -> bool;

    /// Seconds that must be between two writes.
    fn pause(&self) -> i64;
}

/// The note that a key provider keeps beside its generations.
pub struct NotePlace {
    provider: Arc<dyn KeyProvider>,
    scale_unit: String,
}

impl NotePlace {
    /// The notes of a scale unit, of each provider that keeps one.
    pub fn all(providers: &Providers, scale_unit: &str) -> Vec<Self> {
        let keeping = providers
            .shared()
            .filter(|provider| provider.notes().is_some());
        keeping
            .map(|provider| Self {
                provider,
                scale_unit: scale_unit.to_owned(),
            })
            .collect()
    }
}

fn no_notes() -> io::Error {
    io::Error::other("the key provider keeps no notes any more")
}

impl AnchorPlace for NotePlace {
    fn name(&self) -> String {
        format!("the note at the key provider ({})", self.provider.name())
    }

    fn read(&self) -> BoxFuture<'_, io::Result<Option<String>>> {
        Box::pin(async move {
            let notes = self.provider.notes().ok_or_else(no_notes)?;
            notes.note(&self.scale_unit).await.map_err(io::Error::other)
        })
    }

    fn write<'a>(&'a self, text: &'a str) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            let notes = self.provider.notes().ok_or_else(no_notes)?;
            notes
                .put_note(&self.scale_unit, text)
                .await
                .map_err(io::Error::other)
        })
    }

    fn has_room(&self) -> bool {
        false
    }

    fn is_guarded(&self) -> bool {
        true
    }

    /// A key service counts its calls, and whoever watches it wants to see keys used.
    fn pause(&self) -> i64 {
        60
    }
}

const KEY: &str = "key ";
const UNIT: &str = "unit ";

/// The text for a place.
pub(super) fn written(anchor: &str, unit: &str, key: &SigningKeyRow, room: bool) -> String {
    if !room {
        return anchor.to_owned();
    }
    format!(
        "# The newest state of a Coffer database, so that an older copy is noticed. Not secret. Written by Coffer.\n\
         {UNIT}{unit}\n{anchor}\n{KEY}{} {} {} {} {} {}\n",
        key.version,
        key.provider,
        key.made_for,
        hex::encode(key.generation.as_bytes()),
        hex::encode(key.public_key),
        hex::encode(&key.wrapped),
    )
}

/// What a place's text says.
pub(super) struct Kept {
    pub(super) claim: Claim,
    /// The key that is said to have signed it, wrapped.
    pub(super) key: Option<SigningKeyRow>,
}

/// Reads a text. The error is what is wrong with it.
pub(super) fn parse(text: &str, scale_unit: &str) -> Result<Kept, String> {
    let (mut claim, mut key) = (None, None);
    for line in text.lines() {
        if let Some(unit) = line.strip_prefix(UNIT) {
            if unit != scale_unit {
                return Err(format!("it is of the scale unit '{unit}'"));
            }
        } else if let Some(line) = line.strip_prefix(KEY) {
            key = key_line(line, scale_unit);
        } else if !line.starts_with('#') {
            claim = claim.or_else(|| Claim::parse(line.trim(), scale_unit));
        }
    }
    let claim = claim.ok_or("it holds no anchor that can be read")?;
    Ok(Kept { claim, key })
}

fn key_line(line: &str, scale_unit: &str) -> Option<SigningKeyRow> {
    let parts: Vec<&str> = line.split(' ').collect();
    let [version, provider, made_for, generation, public, wrapped] = parts[..] else {
        return None;
    };
    let public_key: [u8; 32] = hex::decode(public).ok()?.try_into().ok()?;
    Some(SigningKeyRow {
        id: coffer_model::record::key_id(&public_key),
        version: version.parse().ok()?,
        provider: provider.to_owned(),
        generation: String::from_utf8(hex::decode(generation).ok()?).ok()?,
        public_key,
        wrapped: hex::decode(wrapped).ok()?,
        scale_unit: scale_unit.to_owned(),
        made_for: made_for.to_owned(),
    })
}
