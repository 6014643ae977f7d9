//! Which keys of an account are ours and what for: ids, tags, aliases, the list. Must not know wraps.

use std::collections::HashMap;

use aws_sdk_kms::types::{KeyMetadata, KeyState, Tag};
use coffer_seal::{GenerationId, KeyError};

use super::connection::Connection;
use super::errors;
use crate::asked::{Doing, is_absent};
use crate::checks::{is_plain, slug};

/// Tags of our keys. A key without them is somebody else's.
pub(super) mod tag {
    /// The scale unit.
    pub(crate) const UNIT: &str = "coffer:unit";
    /// What the key is for: one of the words below.
    pub(crate) const KIND: &str = "coffer:kind";
    /// Counts a unit's generations.
    pub(crate) const NUMBER: &str = "coffer:number";
    /// The text of a note.
    pub(crate) const NOTE: &str = "coffer:note";
}

pub(super) const ROOT: &str = "root";
pub(super) const NOTES: &str = "notes";

/// The id comes from the database. An ARN would lead to any account's keys, an alias to any key: only ids are taken.
pub(super) fn check_id(generation: &GenerationId) -> Result<(), KeyError> {
    let id = &generation.0;
    if is_plain(id, 64) {
        Ok(())
    } else {
        Err(KeyError::UnknownGeneration {
            generation: id.clone(),
        })
    }
}

/// A tag's value has letters, digits, spaces and `_.:/=+-@`.
pub(super) fn fits_tag(text: &str) -> bool {
    text.chars()
        .all(|sign| sign.is_ascii_alphanumeric() || " _.:/=+-@".contains(sign))
}

/// The alias of a scale unit: readable, and its own by the digits at the end.
pub(super) fn alias(kind: &str, scale_unit: &str) -> String {
    let slug = slug(scale_unit);
    // FNV-1a: only to keep apart what the slug makes alike; the tags decide.
    let digits = scale_unit
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    format!("alias/coffer-{kind}-{slug}-{digits:016x}")
}

/// The tags that a new key gets.
pub(super) fn new_tags(kind: &str, scale_unit: &str, more: &[(&str, &str)]) -> Vec<Tag> {
    let ours = [(tag::KIND, kind), (tag::UNIT, scale_unit)];
    let all = ours.iter().chain(more);
    all.filter_map(|(name, value)| {
        // Both are given, so this does not fail.
        Tag::builder().tag_key(*name).tag_value(*value).build().ok()
    })
    .collect()
}

pub(super) async fn tags(
    connection: &Connection,
    doing: Doing<'_>,
    key: &str,
) -> Result<HashMap<String, String>, KeyError> {
    let call = connection.kms.list_resource_tags().key_id(key).send();
    let answer = connection.call(doing, call).await?;
    let pairs = answer.tags.unwrap_or_default().into_iter();
    Ok(pairs.map(|tag| (tag.tag_key, tag.tag_value)).collect())
}

/// The scale unit of a root key.
pub(super) fn root_unit(tags: &HashMap<String, String>) -> Option<String> {
    (tags.get(tag::KIND)? == ROOT).then(|| tags.get(tag::UNIT).cloned())?
}

/// What the service says of a key, by id or alias.
pub(super) async fn describe(
    connection: &Connection,
    doing: Doing<'_>,
    key: &str,
) -> Result<KeyMetadata, KeyError> {
    let call = connection.kms.describe_key().key_id(key).send();
    let answer = connection.call(doing, call).await?;
    answer.key_metadata.ok_or_else(errors::strange)
}

/// The key that an alias leads to.
pub(super) async fn aliased(
    connection: &Connection,
    alias: &str,
) -> Result<Option<KeyMetadata>, KeyError> {
    let doing = Doing::anything("read keys", "kms:DescribeKey");
    match describe(connection, doing, alias).await {
        Ok(key) => Ok(Some(key)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn is_enabled(key: &KeyMetadata) -> bool {
    key.key_state == Some(KeyState::Enabled)
}

/// A key of ours in the list.
pub(super) struct Ours {
    pub(super) id: String,
    pub(super) number: u64,
}

/// All keys of a kind and scale unit, the newest first. One call for each key of the account.
pub(super) async fn list(
    connection: &Connection,
    kind: &str,
    scale_unit: &str,
) -> Result<Vec<Ours>, KeyError> {
    let doing = Doing::anything("list keys", "kms:ListKeys");
    let mut ids = Vec::new();
    let mut marker = None;
    loop {
        let call = connection.kms.list_keys().set_marker(marker).send();
        let page = connection.call(doing, call).await?;
        let keys = page.keys.unwrap_or_default().into_iter();
        ids.extend(keys.filter_map(|key| key.key_id));
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
    }
    let doing = Doing::anything("read tags", "kms:ListResourceTags");
    let mut ours = Vec::new();
    for id in ids {
        let tags = match tags(connection, doing, &id).await {
            Ok(tags) => tags,
            // Another's key, whose tags are not for us.
            Err(KeyError::Forbidden {
                right: "read tags", ..
            }) => continue,
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Err(error),
        };
        let is = |name, value: &str| tags.get(name).is_some_and(|tag| tag == value);
        if is(tag::KIND, kind) && is(tag::UNIT, scale_unit) {
            let number = tags.get(tag::NUMBER).and_then(|text| text.parse().ok());
            ours.push(Ours {
                id,
                number: number.unwrap_or(0),
            });
        }
    }
    ours.sort_by_key(|key| std::cmp::Reverse(key.number));
    Ok(ours)
}

/// The first of a list that is enabled.
pub(super) async fn first_enabled(
    connection: &Connection,
    ours: &[Ours],
) -> Result<Option<GenerationId>, KeyError> {
    for key in ours {
        let doing = Doing::anything("read keys", "kms:DescribeKey");
        match describe(connection, doing, &key.id).await {
            Ok(found) if is_enabled(&found) => return Ok(Some(GenerationId(key.id.clone()))),
            Ok(_) => {}
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Where the alias leads; the list only when it leads nowhere, or to a key that cannot wrap.
pub(super) async fn newest(
    connection: &Connection,
    scale_unit: &str,
) -> Result<Option<GenerationId>, KeyError> {
    if let Some(key) = aliased(connection, &alias(ROOT, scale_unit)).await?
        && is_enabled(&key)
    {
        let doing = Doing::anything("read tags", "kms:ListResourceTags");
        let tags = tags(connection, doing, &key.key_id).await?;
        if root_unit(&tags).as_deref() == Some(scale_unit) {
            return Ok(Some(GenerationId(key.key_id)));
        }
    }
    let ours = list(connection, ROOT, scale_unit).await?;
    first_enabled(connection, &ours).await
}
