//! Making, disabling and destroying generations, as who may. Must not wrap.

use coffer_seal::{BoxFuture, GenerationId, Gone, KeyError, KeyLifecycle};
use reqwest::Method;
use serde::Serialize;

use super::session::json;
use super::{Identity, KEY_TYPE, VaultProvider, unknown};
use crate::names;

#[derive(Serialize)]
struct Floor {
    min_decryption_version: u64,
    min_encryption_version: u64,
}

#[derive(Serialize)]
struct Nothing {}

impl VaultProvider {
    fn manager(&self) -> Result<&Identity, KeyError> {
        self.lifecycle
            .as_ref()
            .ok_or_else(|| KeyError::refused("no lifecycle credential is configured"))
    }

    /// Changes a key as who may.
    async fn change(
        &self,
        right: &'static str,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<(), KeyError> {
        let path = format!("{}/keys/{path}", self.mount);
        let body = (method == Method::POST).then(|| json(body));
        let called = self.manager()?.call(right, method, &path, body).await?;
        called.map(drop).map_err(KeyError::from)
    }
}

impl KeyLifecycle for VaultProvider {
    fn new_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<GenerationId, KeyError>> {
        #[derive(Serialize)]
        struct New {
            #[serde(rename = "type")]
            kind: &'static str,
        }
        Box::pin(async move {
            if !names::is_scale_unit(scale_unit) {
                return Err(KeyError::refused(
                    "a scale unit's name is 1 to 128 bytes; correct the configuration",
                ));
            }
            let names = self.list(self.manager()?).await?;
            let prefix = names::prefix(&self.prefix, scale_unit);
            let names = names.iter().map(String::as_str);
            let name = names::next(names, &prefix, self.entropy.as_ref());
            let new = New { kind: KEY_TYPE };
            self.change("make keys", Method::POST, &name, &new).await?;
            Ok(GenerationId(format!("{}/{name}", self.mount)))
        })
    }

    fn disable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            let name = self.known(generation)?;
            let found = self.look(self.manager()?, name).await?;
            let key = found.ok_or_else(|| unknown(generation))?;
            if key.min_decryption_version >= 2 && key.min_encryption_version >= 2 {
                return Ok(());
            }
            if key.latest_version < 2 {
                // A floor needs a version to stand on. Nothing is ever wrapped with this one.
                let path = format!("{name}/rotate");
                self.change("disable keys", Method::POST, &path, &Nothing {})
                    .await?;
            }
            let floor = Floor {
                min_decryption_version: 2,
                min_encryption_version: 2,
            };
            let path = format!("{name}/config");
            self.change("disable keys", Method::POST, &path, &floor)
                .await
        })
    }

    fn enable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            let name = self.known(generation)?;
            let found = self.look(self.manager()?, name).await?;
            if found.ok_or_else(|| unknown(generation))?.is_active() {
                return Ok(());
            }
            let floor = Floor {
                min_decryption_version: 1,
                min_encryption_version: 0,
            };
            let path = format!("{name}/config");
            self.change("enable keys", Method::POST, &path, &floor)
                .await
        })
    }

    /// Deletes the key. Snapshots of the vault's own storage are out of reach.
    fn destroy<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        #[derive(Serialize)]
        struct Deletion {
            deletion_allowed: bool,
        }
        Box::pin(async move {
            let name = self.known(generation)?;
            match self.look(self.manager()?, name).await? {
                None => return Ok(()),
                Some(key) if key.min_decryption_version < 2 => {
                    return Err(crate::still_active());
                }
                Some(_) => {}
            }
            let allowed = Deletion {
                deletion_allowed: true,
            };
            let config = format!("{name}/config");
            let right = "destroy keys";
            let mut done = self.change(right, Method::POST, &config, &allowed).await;
            if done.is_ok() {
                done = self.change(right, Method::DELETE, name, &Nothing {}).await;
            }
            match done {
                // Somebody else may have been faster.
                Err(error @ KeyError::Refused { .. }) => {
                    match self.look(self.manager()?, name).await? {
                        None => Ok(()),
                        Some(_) => Err(error),
                    }
                }
                other => other,
            }
        })
    }

    fn gone<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<Gone, KeyError>> {
        Box::pin(async move {
            let name = self.known(generation)?;
            Ok(match self.look(self.manager()?, name).await? {
                Some(_) => Gone::There,
                None => Gone::ForGood,
            })
        })
    }
}
