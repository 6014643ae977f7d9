//! What we do with the objects of a token, within one session. Must not know threads or deadlines.

use coffer_seal::{Entropy, KeyError};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use zeroize::Zeroizing;

use super::worker::Failure;
use crate::names;

const IV_LEN: usize = 12;
const TAG_BITS: u64 = 128;
const KEY_LEN: u64 = 32;
/// Whose data objects these are.
const APPLICATION: &[u8] = b"coffer";

type Result<T> = std::result::Result<T, Failure>;

/// A root key and what it may do now.
pub(super) struct Found {
    key: ObjectHandle,
    encrypts: bool,
    decrypts: bool,
    leaves: bool,
}

impl Found {
    pub(super) fn is_active(&self) -> bool {
        self.encrypts && self.decrypts
    }

    /// Whether it may do one of the two.
    pub(super) fn is_of_use(&self) -> bool {
        self.encrypts || self.decrypts
    }

    pub(super) fn encrypts(&self) -> bool {
        self.encrypts
    }

    pub(super) fn decrypts(&self) -> bool {
        self.decrypts
    }

    pub(super) fn key(&self) -> ObjectHandle {
        self.key
    }

    /// Whether it can be taken out of the token.
    pub(super) fn leaves(&self) -> bool {
        self.leaves
    }
}

fn all_keys() -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(true),
    ]
}

/// The labels of all AES keys.
pub(super) fn labels(session: &Session) -> Result<Vec<String>> {
    let mut labels = Vec::new();
    for key in session.find_objects(&all_keys())? {
        for attribute in session.get_attributes(key, &[AttributeType::Label])? {
            if let Attribute::Label(label) = attribute {
                labels.extend(String::from_utf8(label));
            }
        }
    }
    Ok(labels)
}

/// The key of this label; none: there is none.
pub(super) fn find(session: &Session, label: &str) -> Result<Option<Found>> {
    let mut template = all_keys();
    template.push(Attribute::Label(label.into()));
    let [key] = session.find_objects(&template)?[..] else {
        return match session.find_objects(&template)?.len() {
            0 => Ok(None),
            _ => Err(KeyError::refused(format!(
                "two keys are labelled {label}; destroy the one that Coffer did not make"
            ))
            .into()),
        };
    };
    let mut found = Found {
        key,
        encrypts: false,
        decrypts: false,
        leaves: true,
    };
    let (mut sensitive, mut extractable) = (false, true);
    let wanted = [
        AttributeType::Encrypt,
        AttributeType::Decrypt,
        AttributeType::Sensitive,
        AttributeType::Extractable,
    ];
    for attribute in session.get_attributes(key, &wanted)? {
        match attribute {
            Attribute::Encrypt(may) => found.encrypts = may,
            Attribute::Decrypt(may) => found.decrypts = may,
            Attribute::Sensitive(is) => sensitive = is,
            Attribute::Extractable(is) => extractable = is,
            _ => {}
        }
    }
    found.leaves = !sensitive || extractable;
    Ok(Some(found))
}

/// Makes a key that never leaves the token.
pub(super) fn generate(session: &Session, label: &str) -> Result<()> {
    let template = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Modifiable(true),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
        Attribute::ValueLen(KEY_LEN.into()),
        Attribute::Label(label.into()),
        Attribute::Id(label.into()),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template)?;
    Ok(())
}

/// Makes the token refuse, or serve, both directions.
pub(super) fn set_active(session: &Session, found: &Found, active: bool) -> Result<()> {
    let template = [Attribute::Encrypt(active), Attribute::Decrypt(active)];
    Ok(session.update_attributes(found.key, &template)?)
}

pub(super) fn destroy(session: &Session, found: &Found) -> Result<()> {
    Ok(session.destroy_object(found.key)?)
}

/// Nonce, ciphertext, tag.
pub(super) fn encrypt(
    session: &Session,
    found: &Found,
    plain: &[u8],
    associated_data: &[u8],
    entropy: &Entropy,
) -> Result<Vec<u8>> {
    let mut iv = [0; IV_LEN];
    entropy(&mut iv);
    let parameters = GcmParams::new(&mut iv, associated_data, TAG_BITS.into())?;
    let sealed = session.encrypt(&Mechanism::AesGcm(parameters), found.key, plain)?;
    // Some modules put a nonce of their own there.
    let mut wrapped = iv.to_vec();
    wrapped.extend(sealed);
    Ok(wrapped)
}

/// What [`encrypt`] made under the same key and associated data.
pub(super) fn decrypt(
    session: &Session,
    found: &Found,
    wrapped: &[u8],
    associated_data: &[u8],
    entropy: &Entropy,
) -> Result<Zeroizing<Vec<u8>>> {
    let Some((iv, sealed)) = wrapped.split_first_chunk::<IV_LEN>() else {
        return Err(KeyError::Damaged.into());
    };
    let mut iv = *iv;
    let parameters = GcmParams::new(&mut iv, associated_data, TAG_BITS.into())?;
    match session.decrypt(&Mechanism::AesGcm(parameters), found.key, sealed) {
        Ok(plain) => Ok(Zeroizing::new(plain)),
        Err(Error::Pkcs11(
            RvError::EncryptedDataInvalid
            | RvError::EncryptedDataLenRange
            | RvError::SignatureInvalid
            | RvError::SignatureLenRange,
            _,
        )) => Err(KeyError::Damaged.into()),
        // Modules have many words for a tag that does not fit, some of which they use for their own troubles too.
        // One that still does what it should is well, and the wrap is not.
        Err(error) => match works(session, found, associated_data, entropy) {
            true => Err(KeyError::Damaged.into()),
            false => Err(error.into()),
        },
    }
}

/// Whether the key seals and opens.
fn works(session: &Session, found: &Found, associated_data: &[u8], entropy: &Entropy) -> bool {
    let probe = [0; 32];
    let Ok(wrapped) = encrypt(session, found, &probe, associated_data, entropy) else {
        return false;
    };
    let (iv, sealed) = wrapped.split_at(IV_LEN);
    let mut iv = iv.to_vec();
    let Ok(parameters) = GcmParams::new(&mut iv, associated_data, TAG_BITS.into()) else {
        return false;
    };
    let opened = session.decrypt(&Mechanism::AesGcm(parameters), found.key, sealed);
    opened.is_ok_and(|opened| opened == probe)
}

fn note_label(prefix: &str, scale_unit: &str) -> Vec<Attribute> {
    let label = format!("{prefix}.{}.note", names::unit_part(scale_unit));
    vec![
        Attribute::Class(ObjectClass::DATA),
        Attribute::Token(true),
        Attribute::Label(label.into()),
    ]
}

/// All notes of a unit, the newest last: its number and the text.
fn notes(session: &Session, template: &[Attribute]) -> Result<Vec<(u64, String, ObjectHandle)>> {
    let mut notes = Vec::new();
    for object in session.find_objects(template)? {
        for attribute in session.get_attributes(object, &[AttributeType::Value])? {
            let Attribute::Value(value) = attribute else {
                continue;
            };
            let text = String::from_utf8(value).unwrap_or_default();
            if let Some((number, text)) = text.split_once(' ')
                && let Ok(number) = number.parse()
            {
                notes.push((number, text.to_owned(), object));
            }
        }
    }
    notes.sort_by_key(|(number, _, _)| *number);
    Ok(notes)
}

/// Adds the new note before it takes the old ones away: there is one at every moment.
pub(super) fn put_note(
    session: &Session,
    prefix: &str,
    scale_unit: &str,
    text: &str,
) -> Result<()> {
    let mut template = note_label(prefix, scale_unit);
    let before = notes(session, &template)?;
    let number = before.last().map_or(1, |(number, _, _)| number + 1);
    template.extend([
        Attribute::Private(true),
        Attribute::Application(APPLICATION.into()),
        Attribute::Value(format!("{number} {text}").into()),
    ]);
    session.create_object(&template)?;
    for (_, _, old) in before {
        session.destroy_object(old)?;
    }
    Ok(())
}

pub(super) fn note(session: &Session, prefix: &str, scale_unit: &str) -> Result<Option<String>> {
    let newest = notes(session, &note_label(prefix, scale_unit))?.pop();
    Ok(newest.map(|(_, text, _)| text))
}
