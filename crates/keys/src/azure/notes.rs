//! Notes as the tag of a key that is for nothing else, one for each scale unit.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use azure_security_keyvault_keys::models::{
    CreateKeyParameters, CurveName, KeyOperation, KeyType, UpdateKeyPropertiesParameters,
};
use coffer_seal::{BoxFuture, KeyError, KeyNotes};

use super::AzureProvider;
use super::keys::{self, NOTES, tag};
use crate::asked::{Doing, is_absent};

/// The key that carries a unit's note.
fn key_of(scale_unit: &str) -> String {
    let digest = digest(&SHA256, scale_unit.as_bytes());
    let short = &digest.as_ref()[..16];
    let hex: String = short.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("coffer-notes-{hex}")
}

impl KeyNotes for AzureProvider {
    fn put_note<'a>(
        &'a self,
        scale_unit: &'a str,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            crate::check_note(text)?;
            let key = key_of(scale_unit);
            let tags = || -> HashMap<String, String> {
                [
                    (tag::UNIT, scale_unit),
                    (tag::KIND, NOTES),
                    (tag::NOTE, text),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into()
            };
            let updated = self
                .asking()
                .call(Doing::anything("keep notes", "update"), async |client| {
                    let parameters = UpdateKeyPropertiesParameters {
                        tags: Some(tags()),
                        ..UpdateKeyPropertiesParameters::default()
                    };
                    client
                        .update_key_properties(&key, parameters.try_into()?, None)
                        .await?;
                    Ok(())
                })
                .await;
            match updated {
                Err(error) if is_absent(&error) => {}
                other => return other,
            }
            // The first note of this unit.
            self.asking()
                .call(Doing::anything("keep notes", "create"), async |client| {
                    let parameters = CreateKeyParameters {
                        kty: Some(KeyType::Ec),
                        curve: Some(CurveName::P256),
                        key_ops: Some(vec![KeyOperation::Verify]),
                        tags: Some(tags()),
                        ..CreateKeyParameters::default()
                    };
                    client
                        .create_key(&key, parameters.try_into()?, None)
                        .await?;
                    Ok(())
                })
                .await
        })
    }

    fn note<'a>(&'a self, scale_unit: &'a str) -> BoxFuture<'a, Result<Option<String>, KeyError>> {
        Box::pin(async move {
            let doing = Doing::anything("read notes", "get");
            let key = key_of(scale_unit);
            match keys::get(self.asking(), doing, &key, None).await {
                Ok(key) => Ok(key.tags.and_then(|mut tags| tags.remove(tag::NOTE))),
                Err(error) if is_absent(&error) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }
}
