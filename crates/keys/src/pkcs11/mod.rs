//! PKCS#11: root generations are AES keys of a token, such as a hardware module, which never leave it.
//!
//! One thread owns the session. A generation is a key object of its own, named by its label. Disabling one takes its
//! rights to encrypt and decrypt away, which the token enforces; destroying one destroys the object. A wrap is bound to
//! its whole context by the associated data of AES-GCM. Must not know the database or when to rotate.

mod objects;
mod rights;
mod settings;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;

use coffer_seal::{
    BoxFuture, Entropy, GenerationId, Gone, KeyError, KeyLifecycle, KeyNotes, KeyProvider,
    KeyRights, NOTE_MAX, ProjectKeySecret, WrapContext,
};
use cryptoki::session::Session;
use zeroize::Zeroizing;

use crate::binding::associated_data;
use crate::names;
use objects::Found;
pub use settings::Settings;
use worker::{Failure, Token};

const LABEL: &str = "coffer/root-wrap/pkcs11/v1";
/// Nonce, 32 bytes, tag.
const WRAP_LEN: usize = 12 + 32 + 16;

/// Root generations in a token. See the module for what it promises.
pub struct Pkcs11Provider {
    token: Token,
    module: PathBuf,
    prefix: String,
    lifecycle: bool,
    entropy: Arc<Entropy>,
}

/// Ready to use a token. Nothing is called yet: a token that is away now may be there when it is needed.
///
/// # Errors
///
/// [`KeyError`] when the settings cannot be meant so.
pub fn connect(settings: &Settings, entropy: Arc<Entropy>) -> Result<Pkcs11Provider, KeyError> {
    if !settings.module.is_absolute() {
        return Err(KeyError::refused(
            "the PKCS#11 module is named by its whole path; correct the configuration",
        ));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if settings.prefix.is_empty() || !settings.prefix.bytes().all(plain) {
        return Err(KeyError::refused(
            "the prefix of labels is made of letters, digits, - and _; correct the configuration",
        ));
    }
    Ok(Pkcs11Provider {
        token: Token::new(settings)?,
        module: settings.module.clone(),
        prefix: settings.prefix.clone(),
        lifecycle: settings.lifecycle,
        entropy,
    })
}

impl Pkcs11Provider {
    /// The label of a generation that must be of this unit.
    fn of_unit(&self, generation: &GenerationId, scale_unit: &str) -> Result<String, KeyError> {
        let label = self.known(generation)?;
        match label.starts_with(&names::prefix(&self.prefix, scale_unit)) {
            true => Ok(label),
            false => Err(KeyError::OtherScaleUnit {
                generation: generation.0.clone(),
            }),
        }
    }

    fn known(&self, generation: &GenerationId) -> Result<String, KeyError> {
        let ours = generation.0.strip_prefix(&self.prefix);
        match ours.is_some_and(|rest| rest.starts_with('.')) {
            true => Ok(generation.0.clone()),
            false => Err(unknown(&generation.0)),
        }
    }

    async fn set_active(&self, generation: &GenerationId, active: bool) -> Result<(), KeyError> {
        let label = self.known(generation)?;
        self.token
            .run(move |session| {
                let found = objects::find(session, &label)?.ok_or_else(|| unknown(&label))?;
                objects::set_active(session, &found, active)
            })
            .await
    }
}

fn unknown(label: &str) -> KeyError {
    KeyError::UnknownGeneration {
        generation: label.to_owned(),
    }
}

/// The key of a generation that is in use.
fn active(session: &Session, label: &str) -> Result<Found, Failure> {
    let found = objects::find(session, label)?.ok_or_else(|| unknown(label))?;
    if found.is_active() {
        return Ok(found);
    }
    Err(KeyError::Disabled {
        generation: label.to_owned(),
    }
    .into())
}

impl KeyProvider for Pkcs11Provider {
    fn name(&self) -> &'static str {
        "pkcs11"
    }

    fn newest_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<Option<GenerationId>, KeyError>> {
        let prefix = names::prefix(&self.prefix, scale_unit);
        Box::pin(self.token.run(move |session| {
            let labels = objects::labels(session)?;
            for label in names::newest_first(labels.iter().map(String::as_str), &prefix) {
                match objects::find(session, label)? {
                    Some(found) if found.is_active() && found.leaves() => {
                        return Err(KeyError::refused(format!(
                            "the key labelled {label} can be taken out of the token; make one with the set-up in docs/keys/pkcs11.md"
                        ))
                        .into());
                    }
                    Some(found) if found.is_active() => {
                        return Ok(Some(GenerationId(label.to_owned())));
                    }
                    _ => {}
                }
            }
            Ok(None)
        }))
    }

    fn wrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        secret: &'a ProjectKeySecret,
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<Vec<u8>, KeyError>> {
        Box::pin(async move {
            let label = self.of_unit(generation, &context.scale_unit)?;
            let bound = associated_data(LABEL, generation, context);
            let secret = Zeroizing::new(*secret.as_bytes());
            let entropy = self.entropy.clone();
            self.token
                .run(move |session| {
                    let key = active(session, &label)?;
                    let wrapped =
                        objects::encrypt(session, &key, &*secret, &bound, entropy.as_ref())?;
                    match wrapped.len() {
                        WRAP_LEN => Ok(wrapped),
                        _ => Err(KeyError::refused(
                            "the token's AES-GCM adds no tag of 16 bytes; it cannot be used",
                        )
                        .into()),
                    }
                })
                .await
        })
    }

    fn unwrap<'a>(
        &'a self,
        generation: &'a GenerationId,
        wrapped: &'a [u8],
        context: &'a WrapContext,
    ) -> BoxFuture<'a, Result<ProjectKeySecret, KeyError>> {
        Box::pin(async move {
            let label = self.of_unit(generation, &context.scale_unit)?;
            if wrapped.len() != WRAP_LEN {
                return Err(KeyError::Damaged);
            }
            let bound = associated_data(LABEL, generation, context);
            let wrapped = wrapped.to_vec();
            let entropy = self.entropy.clone();
            self.token
                .run(move |session| {
                    let key = active(session, &label)?;
                    let plain =
                        objects::decrypt(session, &key, &wrapped, &bound, entropy.as_ref())?;
                    match <&[u8; 32]>::try_from(plain.as_slice()) {
                        Ok(bytes) => Ok(ProjectKeySecret::from_bytes(bytes)),
                        Err(_) => Err(KeyError::Damaged.into()),
                    }
                })
                .await
        })
    }

    /// The token has one user: what this may do is a word of the configuration, not a right of the token.
    fn lifecycle(&self) -> Option<&dyn KeyLifecycle> {
        self.lifecycle.then_some(self)
    }

    fn notes(&self) -> Option<&dyn KeyNotes> {
        Some(self)
    }

    fn rights<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<Option<KeyRights>, KeyError>> {
        let prefix = names::prefix(&self.prefix, scale_unit);
        let module = self.module.clone();
        Box::pin(async move {
            let looked = self
                .token
                .run(move |session| rights::look(session, &module, &prefix));
            Ok(Some(looked.await?))
        })
    }
}

impl KeyLifecycle for Pkcs11Provider {
    fn new_generation<'a>(
        &'a self,
        scale_unit: &'a str,
    ) -> BoxFuture<'a, Result<GenerationId, KeyError>> {
        Box::pin(async move {
            if !names::is_scale_unit(scale_unit) {
                return Err(KeyError::refused(
                    "a scale unit's name is 1 to 128 bytes; correct the configuration",
                ));
            }
            let prefix = names::prefix(&self.prefix, scale_unit);
            let entropy = self.entropy.clone();
            self.token
                .run(move |session| {
                    let labels = objects::labels(session)?;
                    let labels = labels.iter().map(String::as_str);
                    let label = names::next(labels, &prefix, entropy.as_ref());
                    objects::generate(session, &label)?;
                    Ok(GenerationId(label))
                })
                .await
        })
    }

    fn disable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(self.set_active(generation, false))
    }

    fn enable<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(self.set_active(generation, true))
    }

    fn destroy<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            let label = self.known(generation)?;
            self.token
                .run(move |session| match objects::find(session, &label)? {
                    None => Ok(()),
                    Some(found) if found.is_active() => Err(crate::still_active().into()),
                    Some(found) => objects::destroy(session, &found),
                })
                .await
        })
    }

    fn gone<'a>(&'a self, generation: &'a GenerationId) -> BoxFuture<'a, Result<Gone, KeyError>> {
        Box::pin(async move {
            let label = self.known(generation)?;
            self.token
                .run(move |session| {
                    Ok(match objects::find(session, &label)? {
                        Some(_) => Gone::There,
                        None => Gone::ForGood,
                    })
                })
                .await
        })
    }
}

/// Notes are data objects of the token.
impl KeyNotes for Pkcs11Provider {
    fn put_note<'a>(
        &'a self,
        scale_unit: &'a str,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(async move {
            if text.len() > NOTE_MAX || !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                return Err(KeyError::refused("a note is short, printable ASCII"));
            }
            let (prefix, unit, text) =
                (self.prefix.clone(), scale_unit.to_owned(), text.to_owned());
            self.token
                .run(move |session| objects::put_note(session, &prefix, &unit, &text))
                .await
        })
    }

    fn note<'a>(&'a self, scale_unit: &'a str) -> BoxFuture<'a, Result<Option<String>, KeyError>> {
        let (prefix, unit) = (self.prefix.clone(), scale_unit.to_owned());
        Box::pin(
            self.token
                .run(move |session| objects::note(session, &prefix, &unit)),
        )
    }
}
