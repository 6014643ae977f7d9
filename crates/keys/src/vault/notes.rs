//! Notes, beside the keys: secrets of a KV engine of version 2, one for each unit. Must not know what they say.

use coffer_seal::{BoxFuture, KeyError, KeyNotes, NOTE_MAX};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::http::Failure;
use super::session::json;
use super::{Data, VaultProvider};
use crate::names;

impl KeyNotes for VaultProvider {
    fn put_note<'a>(
        &'a self,
        scale_unit: &'a str,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), KeyError>> {
        #[derive(Serialize)]
        struct Put {
            data: Note,
        }
        Box::pin(async move {
            if text.len() > NOTE_MAX || !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                return Err(KeyError::refused("a note is short, printable ASCII"));
            }
            let body = json(&Put {
                data: Note {
                    note: text.to_owned(),
                },
            });
            let path = self.note_path(scale_unit)?;
            let called = self
                .daily
                .call("keep notes", Method::POST, &path, Some(body))
                .await?;
            called.map(drop).map_err(KeyError::from)
        })
    }

    fn note<'a>(&'a self, scale_unit: &'a str) -> BoxFuture<'a, Result<Option<String>, KeyError>> {
        Box::pin(async move {
            let path = self.note_path(scale_unit)?;
            let called = self
                .daily
                .call("read notes", Method::GET, &path, None)
                .await?;
            match called {
                Ok(answer) => {
                    let said: Data<Data<Note>> = answer.read()?;
                    Ok(Some(said.data.data.note))
                }
                Err(Failure::Missing) => Ok(None),
                Err(other) => Err(other.into()),
            }
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Note {
    note: String,
}

impl VaultProvider {
    pub(super) fn note_path(&self, scale_unit: &str) -> Result<String, KeyError> {
        let mount = self
            .notes_mount
            .as_ref()
            .ok_or_else(|| KeyError::refused("no mount for notes is configured"))?;
        let unit = names::unit_part(scale_unit);
        Ok(format!("{mount}/data/{}/{unit}", self.prefix))
    }
}
