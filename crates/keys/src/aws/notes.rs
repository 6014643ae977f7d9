//! Notes as the tag of a key that is for nothing else, one for each scale unit.

use std::sync::PoisonError;

use aws_sdk_kms::types::Tag;
use coffer_seal::{BoxFuture, KeyError, KeyNotes};

use super::AwsProvider;
use super::errors;
use super::keys::{self, NOTES, tag};
use super::lifecycle::{create, lead};
use crate::asked::Doing;

impl AwsProvider {
    /// The id of the key that carries a unit's note: tags are read and written by id only.
    async fn note_key(&self, scale_unit: &str) -> Result<Option<String>, KeyError> {
        let lock = || self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(scale_unit) {
            return Ok(Some(known.clone()));
        }
        let alias = keys::alias(NOTES, scale_unit);
        let Some(key) = keys::aliased(self.asking(), &alias).await? else {
            return Ok(None);
        };
        lock().insert(scale_unit.to_owned(), key.key_id.clone());
        Ok(Some(key.key_id))
    }

    /// Makes it, or finds one whose alias was not made any more.
    async fn new_note_key(&self, scale_unit: &str) -> Result<String, KeyError> {
        let left_behind = keys::list(self.asking(), NOTES, scale_unit).await?;
        let key = match left_behind.into_iter().next() {
            Some(key) => key.id,
            None => create(self.asking(), NOTES, scale_unit, &[]).await?,
        };
        lead(self.asking(), &keys::alias(NOTES, scale_unit), &key).await?;
        Ok(key)
    }
}

impl KeyNotes for AwsProvider {
    fn put_note<'a>(
        &'a self,
        scale_unit: &'a str,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            crate::check_note(text)?;
            if !keys::fits_tag(text) {
                return Err(KeyError::refused(
                    "AWS KMS keeps a note as a tag, of letters, digits, spaces and _.:/=+-@ only",
                ));
            }
            let key = match self.note_key(scale_unit).await? {
                Some(key) => key,
                None => self.new_note_key(scale_unit).await?,
            };
            let note = Tag::builder().tag_key(tag::NOTE).tag_value(text).build();
            let note = note.map_err(|_| errors::strange())?;
            let call = self
                .asking()
                .kms
                .tag_resource()
                .key_id(key)
                .tags(note)
                .send();
            let doing = Doing::anything("keep notes", "kms:TagResource");
            self.asking().call(doing, call).await.map(drop)
        })
    }

    fn note<'a>(&'a self, scale_unit: &'a str) -> BoxFuture<'a, Result<Option<String>, KeyError>> {
        Box::pin(async move {
            let Some(key) = self.note_key(scale_unit).await? else {
                return Ok(None);
            };
            let doing = Doing::anything("read notes", "kms:ListResourceTags");
            let mut tags = keys::tags(self.asking(), doing, &key).await?;
            Ok(tags.remove(tag::NOTE))
        })
    }
}
