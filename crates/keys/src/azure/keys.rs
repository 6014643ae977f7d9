//! Which keys of a vault are ours and what for: names, tags, the list. Must not know wraps.

use std::collections::HashMap;

use azure_security_keyvault_keys::ResourceExt as _;
use azure_security_keyvault_keys::models::{Key, KeyClientGetKeyOptions, KeyProperties};
use coffer_seal::{GenerationId, KeyError};
use futures_util::TryStreamExt as _;

use super::connection::Connection;
use super::envelope::Point;
use super::errors;
use crate::asked::Doing;
use crate::checks::is_plain;

/// Tags of our keys. A key without them is somebody else's.
pub(super) mod tag {
    /// The scale unit.
    pub(crate) const UNIT: &str = "coffer-unit";
    /// What the key is for: one of the words below.
    pub(crate) const KIND: &str = "coffer-kind";
    /// Counts a unit's generations.
    pub(crate) const NUMBER: &str = "coffer-number";
    /// The version of the signing key that belongs to a root key.
    pub(crate) const SIGNER: &str = "coffer-signer";
    /// The text of a note.
    pub(crate) const NOTE: &str = "coffer-note";
}

pub(super) const ROOT: &str = "root";
pub(super) const SIGNER: &str = "signer";
pub(super) const NOTES: &str = "notes";

/// A generation's id in its parts: `NAME/VERSION`.
#[derive(Clone, Copy)]
pub(super) struct Name<'a> {
    pub(super) key: &'a str,
    pub(super) version: &'a str,
}

impl<'a> Name<'a> {
    /// The id comes from the database and goes into addresses: it is what a name can be, or unknown.
    pub(super) fn parse(generation: &'a GenerationId) -> Result<Self, KeyError> {
        match generation.0.split_once('/') {
            Some((key, version)) if is_plain(key, 127) && is_plain(version, 64) => {
                Ok(Self { key, version })
            }
            _ => Err(KeyError::UnknownGeneration {
                generation: generation.0.clone(),
            }),
        }
    }

    /// The name of the key that signs for this one.
    pub(super) fn signer(self) -> String {
        signer_of(self.key)
    }
}

pub(super) fn signer_of(key: &str) -> String {
    format!("{key}-sign")
}

/// What is kept of a generation.
pub(super) struct Known {
    pub(super) scale_unit: String,
    pub(super) signer_version: String,
    pub(super) signer: Point,
}

/// Asks for a key. Without a version, for its newest.
pub(super) async fn get(
    connection: &Connection,
    doing: Doing<'_>,
    key: &str,
    version: Option<&str>,
) -> Result<Key, KeyError> {
    connection
        .call(doing, async |client| {
            let options = KeyClientGetKeyOptions {
                key_version: version.map(str::to_owned),
                ..KeyClientGetKeyOptions::default()
            };
            client.get_key(key, Some(options)).await?.into_model()
        })
        .await
}

/// Asks for a generation's key and for its signer's public key.
pub(super) async fn ask(
    connection: &Connection,
    generation: &GenerationId,
    name: Name<'_>,
) -> Result<Known, KeyError> {
    let doing = Doing::new("read keys", "get", generation);
    let root = get(connection, doing, name.key, Some(name.version)).await?;
    let tags = root.tags.unwrap_or_default();
    let unknown = || KeyError::UnknownGeneration {
        generation: generation.0.clone(),
    };
    let [Some(kind), Some(unit), Some(version)] =
        [tag::KIND, tag::UNIT, tag::SIGNER].map(|name| tags.get(name))
    else {
        return Err(unknown());
    };
    let by = GenerationId(format!("{}/{version}", name.signer()));
    if kind != ROOT || Name::parse(&by).is_err() {
        return Err(unknown());
    }
    let signer = get(connection, doing, &name.signer(), Some(version)).await?;
    let jwk = signer.key.ok_or_else(errors::strange)?;
    let (Some(x), Some(y)) = (jwk.x, jwk.y) else {
        return Err(errors::strange());
    };
    let mut point = [4; 65];
    if x.len() != 32 || y.len() != 32 {
        return Err(errors::strange());
    }
    point[1..33].copy_from_slice(&x);
    point[33..].copy_from_slice(&y);
    Ok(Known {
        scale_unit: unit.clone(),
        signer_version: version.clone(),
        signer: point,
    })
}

/// A root key in the list.
pub(super) struct Root {
    pub(super) key: String,
    pub(super) enabled: bool,
    pub(super) number: u64,
    created: i64,
}

impl Root {
    /// What orders generations: the number, and where two were made at once, time and name.
    pub(super) fn age(&self) -> (u64, i64, &str) {
        (self.number, self.created, &self.key)
    }

    fn of(properties: KeyProperties, scale_unit: &str) -> Option<Self> {
        let key = properties.resource_id().ok()?.name;
        let tags: HashMap<String, String> = properties.tags?;
        if tags.get(tag::KIND)? != ROOT || tags.get(tag::UNIT)? != scale_unit {
            return None;
        }
        let attributes = properties.attributes?;
        Some(Self {
            key,
            enabled: attributes.enabled == Some(true),
            number: tags.get(tag::NUMBER)?.parse().ok()?,
            created: attributes.created.map_or(0, |at| at.unix_timestamp()),
        })
    }
}

/// All root keys of a scale unit, disabled ones too.
pub(super) async fn list(connection: &Connection, scale_unit: &str) -> Result<Vec<Root>, KeyError> {
    let doing = Doing::anything("list keys", "list");
    connection
        .call(doing, async |client| {
            let mut items = client.list_key_properties(None)?;
            let mut roots = Vec::new();
            while let Some(item) = items.try_next().await? {
                roots.extend(Root::of(item, scale_unit));
            }
            Ok(roots)
        })
        .await
}

/// The id of the newest version of a key: the only one, as we make them.
pub(super) async fn id_of(connection: &Connection, key: &str) -> Result<GenerationId, KeyError> {
    let doing = Doing::anything("read keys", "get");
    version_of(&get(connection, doing, key, None).await?)
        .map(|version| GenerationId(format!("{key}/{version}")))
}

/// The version in a key's own identifier.
pub(super) fn version_of(key: &Key) -> Result<String, KeyError> {
    let id = key.resource_id().map_err(|_| errors::strange())?;
    id.version.ok_or_else(errors::strange)
}
