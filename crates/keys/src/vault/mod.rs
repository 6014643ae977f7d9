//! Vault and OpenBao: root generations are keys of the Transit engine, which never leave it.
//!
//! A generation is a key of its own, of type `aes256-gcm96`, used in its first version only. Disabling one raises the
//! lowest version that its key may use, which the vault enforces in both directions and takes back; destroying one
//! deletes its key. One key with a version per generation would not do: the lowest version is a floor, so that
//! disabling a generation would disable all before it, and the newest could not be disabled at all (ADR 0014).
//!
//! A wrap is bound to its whole context by the engine's associated data. Must not know the database or when to rotate.

mod http;
mod lifecycle;
mod notes;
mod rights;
mod session;
mod settings;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coffer_seal::{
    BoxFuture, Entropy, GenerationId, KeyError, KeyLifecycle, KeyNotes, KeyProvider, KeyRights,
    ProjectKeySecret, WrapContext,
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::binding::associated_data;
use crate::names;
use http::{Answer, Failure, Http};
use session::{Session, json};
use settings::check_part;
pub use settings::{Settings, SignIn};

const LABEL: &str = "coffer/root-wrap/vault/v1";
/// What the engine puts before what it encrypts with the first version of a key.
const FIRST: &str = "vault:v1:";
const KEY_TYPE: &str = "aes256-gcm96";
/// Nonce, 32 bytes, tag.
const WRAP_LEN: usize = 12 + 32 + 16;

/// Root generations in a Transit engine. See the module for what it promises.
pub struct VaultProvider {
    mount: String,
    prefix: String,
    notes_mount: Option<String>,
    daily: Identity,
    lifecycle: Option<Identity>,
    entropy: Arc<Entropy>,
}

/// Ready to call a vault. Nothing is called yet: a vault that is away now may be there when it is needed.
///
/// Must be called within a Tokio runtime: tokens are renewed by a task of its own.
///
/// # Errors
///
/// [`KeyError`] when the settings cannot be meant so, or the file of authorities cannot be used.
pub fn connect(settings: &Settings, entropy: Arc<Entropy>) -> Result<VaultProvider, KeyError> {
    check_part("mount", &settings.mount, true)?;
    check_part("prefix", &settings.prefix, false)?;
    if let Some(mount) = &settings.notes_mount {
        check_part("mount of notes", mount, true)?;
    }
    let http = Http::new(settings)?;
    let identity = |sign_in: &SignIn| -> Result<Identity, KeyError> {
        if let SignIn::AppRole { mount, .. }
        | SignIn::Kubernetes { mount, .. }
        | SignIn::Jwt { mount, .. } = sign_in
        {
            check_part("mount of its sign-in", mount, true)?;
        }
        Ok(Identity {
            http: http.clone(),
            session: Session::new(http.clone(), sign_in.clone()),
        })
    };
    Ok(VaultProvider {
        mount: settings.mount.clone(),
        prefix: settings.prefix.clone(),
        notes_mount: settings.notes_mount.clone(),
        daily: identity(&settings.daily)?,
        lifecycle: settings.lifecycle.as_ref().map(identity).transpose()?,
        entropy,
    })
}

/// One who calls.
struct Identity {
    http: Http,
    session: Session,
}

impl Identity {
    /// Calls with the token that is held. One that the vault would not take is replaced once, if that may help.
    /// `right` is what the caller may lack.
    async fn call(
        &self,
        right: &'static str,
        method: Method,
        path: &str,
        body: Option<Zeroizing<Vec<u8>>>,
    ) -> Result<Result<Answer, Failure>, KeyError> {
        let mut token = self.session.token().await?;
        for _ in 0..2 {
            let called = self
                .http
                .call(method.clone(), path, Some(&token), body.clone())
                .await;
            match called {
                Err(Failure::Forbidden) => match self.session.instead_of(&token).await? {
                    Some(other) => token = other,
                    None => break,
                },
                other => return Ok(other),
            }
        }
        Err(KeyError::Forbidden {
            right,
            hint: format!(
                "allow {path} in a policy of who signs in by {}, or renew what is in it",
                self.session.file().display()
            ),
        })
    }
}

/// What the engine says of a key.
#[derive(Deserialize)]
struct Key {
    #[serde(rename = "type")]
    kind: String,
    latest_version: u64,
    min_decryption_version: u64,
    #[serde(default)]
    min_encryption_version: u64,
    #[serde(default)]
    exportable: bool,
    #[serde(default)]
    allow_plaintext_backup: bool,
    #[serde(default)]
    deletion_allowed: bool,
    #[serde(default)]
    derived: bool,
    #[serde(default)]
    soft_deleted: bool,
}

impl Key {
    fn is_active(&self) -> bool {
        self.min_decryption_version <= 1 && self.min_encryption_version <= 1 && !self.soft_deleted
    }

    /// Why it must not be used, whoever made it.
    fn unfit(&self) -> Option<&'static str> {
        if self.kind != KEY_TYPE || self.derived {
            Some("is not of type aes256-gcm96 without derivation")
        } else if self.exportable || self.allow_plaintext_backup {
            Some("can be taken out of the vault")
        } else {
            None
        }
    }
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

impl VaultProvider {
    /// The name of the key of a generation; `None` when another vault, mount or prefix gave it out.
    fn key<'a>(&self, generation: &'a GenerationId) -> Option<&'a str> {
        let name = generation.0.strip_prefix(&self.mount)?.strip_prefix('/')?;
        let ours = name.strip_prefix(&self.prefix)?.strip_prefix('.')?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (!ours.is_empty() && ours.bytes().all(plain)).then_some(name)
    }

    fn known<'a>(&self, generation: &'a GenerationId) -> Result<&'a str, KeyError> {
        self.key(generation).ok_or_else(|| unknown(generation))
    }

    /// The same for a generation that must be of this unit.
    fn of_unit<'a>(
        &self,
        generation: &'a GenerationId,
        scale_unit: &str,
    ) -> Result<&'a str, KeyError> {
        let name = self.known(generation)?;
        match name.starts_with(&names::prefix(&self.prefix, scale_unit)) {
            true => Ok(name),
            false => Err(KeyError::OtherScaleUnit {
                generation: generation.0.clone(),
            }),
        }
    }

    async fn list(&self, identity: &Identity) -> Result<Vec<String>, KeyError> {
        #[derive(Deserialize)]
        struct Keys {
            keys: Vec<String>,
        }
        let path = format!("{}/keys?list=true", self.mount);
        match identity.call("list keys", Method::GET, &path, None).await? {
            Ok(answer) => Ok(answer.read::<Data<Keys>>()?.data.keys),
            Err(Failure::Missing) => Ok(Vec::new()),
            Err(other) => Err(other.into()),
        }
    }

    /// The key of this name; none: there is none.
    async fn look(&self, identity: &Identity, name: &str) -> Result<Option<Key>, KeyError> {
        let path = format!("{}/keys/{name}", self.mount);
        match identity.call("read keys", Method::GET, &path, None).await? {
            Ok(answer) => Ok(Some(answer.read::<Data<Key>>()?.data)),
            Err(Failure::Missing) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    /// Why the engine declines to use a key: by what the key is, not by the engine's words.
    async fn declined(
        &self,
        generation: &GenerationId,
        name: &str,
        told: String,
        by_itself: KeyError,
    ) -> KeyError {
        match self.look(&self.daily, name).await {
            Ok(None) => unknown(generation),
            Ok(Some(key)) if !key.is_active() => KeyError::Disabled {
                generation: generation.0.clone(),
            },
            Ok(Some(key)) => match key.unfit() {
                Some(why) => KeyError::refused(format!("the vault's key {name} {why}: {told}")),
                None => by_itself,
            },
            Err(error) if error.is_passing() || matches!(error, KeyError::Forbidden { .. }) => {
                error
            }
            Err(_) => by_itself,
        }
    }
}

fn unknown(generation: &GenerationId) -> KeyError {
    KeyError::UnknownGeneration {
        generation: generation.0.clone(),
    }
}

impl KeyProvider for VaultProvider {
    fn name(&self) -> &'static str {
        "vault"
    }

    fn newest_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<Option<GenerationId>, KeyError>> {
        Box::pin(async move {
            let names = self.list(&self.daily).await?;
            let prefix = names::prefix(&self.prefix, scale_unit);
            for name in names::newest_first(names.iter().map(String::as_str), &prefix) {
                let key = self.look(&self.daily, name).await?;
                let Some(key) = key.filter(Key::is_active) else {
                    continue;
                };
                if let Some(why) = key.unfit() {
                    return Err(KeyError::refused(format!(
                        "the vault's key {name} {why}; delete it, and make one with the set-up in docs/keys/vault.md"
                    )));
                }
                return Ok(Some(GenerationId(format!("{}/{name}", self.mount))));
            }
            Ok(None)
        })
    }

    fn wrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        secret: &'a ProjectKeySecret,
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<Vec<u8>, KeyError>> {
        #[derive(Serialize)]
        struct Encrypt<'a> {
            plaintext: &'a str,
            associated_data: &'a str,
            key_version: u64,
        }
        #[derive(Deserialize)]
        struct Encrypted<'a> {
            ciphertext: &'a str,
        }
        Box::pin(async move {
            let name = self.of_unit(generation, &context.scale_unit)?;
            let plaintext = Zeroizing::new(STANDARD.encode(secret.as_bytes()));
            let body = json(&Encrypt {
                plaintext: &plaintext,
                associated_data: &STANDARD.encode(associated_data(LABEL, generation, context)),
                key_version: 1,
            });
            let path = format!("{}/encrypt/{name}", self.mount);
            let called = self
                .daily
                .call("wrap", Method::POST, &path, Some(body))
                .await?;
            let answer = match called {
                Ok(answer) => answer,
                Err(Failure::Refused(told)) => {
                    let as_it_says = KeyError::refused(told.clone());
                    return Err(self.declined(generation, name, told, as_it_says).await);
                }
                Err(other) => return Err(other.into()),
            };
            let said: Data<Encrypted<'_>> = answer.read()?;
            let wrapped = said
                .data
                .ciphertext
                .strip_prefix(FIRST)
                .and_then(|text| STANDARD.decode(text).ok());
            match wrapped {
                Some(wrapped) if wrapped.len() == WRAP_LEN => Ok(wrapped),
                _ => Err(KeyError::refused(format!(
                    "the vault's key {name} does not wrap as a key of type {KEY_TYPE} does"
                ))),
            }
        })
    }

    fn unwrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        wrapped: &'a [u8],
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<ProjectKeySecret, KeyError>> {
        #[derive(Serialize)]
        struct Decrypt<'a> {
            ciphertext: &'a str,
            associated_data: &'a str,
        }
        #[derive(Deserialize)]
        struct Decrypted<'a> {
            plaintext: &'a str,
        }
        Box::pin(async move {
            let name = self.of_unit(generation, &context.scale_unit)?;
            if wrapped.len() != WRAP_LEN {
                return Err(KeyError::Damaged);
            }
            let body = json(&Decrypt {
                ciphertext: &format!("{FIRST}{}", STANDARD.encode(wrapped)),
                associated_data: &STANDARD.encode(associated_data(LABEL, generation, context)),
            });
            let path = format!("{}/decrypt/{name}", self.mount);
            let called = self
                .daily
                .call("unwrap", Method::POST, &path, Some(body))
                .await?;
            let answer = match called {
                Ok(answer) => answer,
                Err(Failure::Refused(told)) => {
                    return Err(self
                        .declined(generation, name, told, KeyError::Damaged)
                        .await);
                }
                Err(other) => return Err(other.into()),
            };
            let said: Data<Decrypted<'_>> = answer.read()?;
            let mut secret = Zeroizing::new([0; 33]); // what decodes to 32 bytes may need room for 33
            let length = STANDARD.decode_slice(said.data.plaintext, secret.as_mut_slice());
            match (length, secret.first_chunk::<32>()) {
                (Ok(32), Some(bytes)) => Ok(ProjectKeySecret::from_bytes(bytes)),
                _ => Err(KeyError::Damaged),
            }
        })
    }

    fn lifecycle(&self) -> Option<&dyn KeyLifecycle> {
        self.lifecycle.is_some().then_some(self)
    }

    fn notes(&self) -> Option<&dyn KeyNotes> {
        self.notes_mount.is_some().then_some(self)
    }

    fn rights<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<Option<KeyRights>, KeyError>> {
        Box::pin(async move { self.all_rights(scale_unit).await.map(Some) })
    }
}
