//! What the token's user may do with the newest root key, as the key's attributes, the token's mechanisms and its flags
//! say. Asks and changes nothing. Must not know threads or deadlines.

use std::path::Path;

use coffer_seal::{KeyRight, KeyRights, KeyTrait, May};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::{MechanismInfo, MechanismType};
use cryptoki::object::{Attribute, AttributeType};
use cryptoki::session::Session;
use cryptoki::slot::TokenInfo;

use super::objects::{self, Found};
use super::worker::{Failure, loaded};
use crate::names;

const NO_KEY: &str = "there is no root key yet";
const UNTOLD: &str = "the token does not tell this attribute of its keys";

/// What the key's attributes say; none where the token does not tell.
#[derive(Default)]
struct Told {
    sensitive: Option<bool>,
    extractable: Option<bool>,
    always_sensitive: Option<bool>,
    never_extractable: Option<bool>,
    modifiable: Option<bool>,
    destroyable: Option<bool>,
    local: Option<bool>,
    private: Option<bool>,
}

/// Looks at the unit's newest key that may encrypt or decrypt, and at the token.
pub(super) fn look(session: &Session, module: &Path, prefix: &str) -> Result<KeyRights, Failure> {
    let slot = session.get_session_info()?.slot_id();
    let context = loaded(module)?;
    let token = context.get_token_info(slot)?;
    let mechanism = |kind| match context.get_mechanism_info(slot, kind) {
        Ok(info) => Ok(Some(info)),
        Err(Error::Pkcs11(RvError::MechanismInvalid, _)) => Ok(None),
        Err(error) => Err(error),
    };
    let gcm = mechanism(MechanismType::AES_GCM)?;
    let makes = mechanism(MechanismType::AES_KEY_GEN)?;
    let mut newest = None;
    let labels = objects::labels(session)?;
    for label in names::newest_first(labels.iter().map(String::as_str), prefix) {
        if let Some(found) = objects::find(session, label)?
            && found.is_of_use()
        {
            newest = Some((told(session, &found)?, found));
            break;
        }
    }
    let newest = newest.as_ref();
    let writable = !token.write_protected();
    let of_key = |attribute: fn(&Told) -> Option<bool>| match newest {
        None => May::Unknown(NO_KEY),
        Some((told, _)) => attribute(told).map_or(May::Unknown(UNTOLD), May::from),
    };
    let used = |attribute: fn(&Found) -> bool, mechanism: fn(&MechanismInfo) -> bool| match newest {
        _ if !gcm.as_ref().is_some_and(mechanism) => May::No,
        None => May::Unknown(NO_KEY),
        Some((_, found)) => attribute(found).into(),
    };
    let changed = |may: May| if writable { may } else { May::No };
    let daily = vec![
        (KeyRight::Find, May::Yes),
        (
            KeyRight::Wrap,
            used(Found::encrypts, MechanismInfo::encrypt),
        ),
        (
            KeyRight::Unwrap,
            used(Found::decrypts, MechanismInfo::decrypt),
        ),
        (KeyRight::Note, writable.into()),
        (
            KeyRight::Make,
            (writable && makes.is_some_and(|info| info.generate())).into(),
        ),
        (KeyRight::Disable, changed(of_key(|told| told.modifiable))),
        (KeyRight::Destroy, changed(of_key(|told| told.destroyable))),
        (
            KeyRight::Export,
            newest.map_or(May::Unknown(NO_KEY), |(_, found)| found.leaves().into()),
        ),
    ];
    let mut traits = flags(&token);
    if let Some((told, _)) = newest {
        traits.extend(attributes(told));
    }
    if gcm.is_none() {
        traits.push(KeyTrait {
            what: "mechanisms",
            good: false,
            said: "the token has no AES-GCM: Coffer cannot use it".into(),
        });
    }
    Ok(KeyRights {
        daily,
        lifecycle: None,
        one_credential: Some("a token has one user for everything"),
        traits,
    })
}

fn told(session: &Session, found: &Found) -> Result<Told, Failure> {
    let wanted = [
        AttributeType::Sensitive,
        AttributeType::Extractable,
        AttributeType::AlwaysSensitive,
        AttributeType::NeverExtractable,
        AttributeType::Modifiable,
        AttributeType::Destroyable,
        AttributeType::Local,
        AttributeType::Private,
    ];
    let mut told = Told::default();
    for attribute in session.get_attributes(found.key(), &wanted)? {
        match attribute {
            Attribute::Sensitive(is) => told.sensitive = Some(is),
            Attribute::Extractable(is) => told.extractable = Some(is),
            Attribute::AlwaysSensitive(is) => told.always_sensitive = Some(is),
            Attribute::NeverExtractable(is) => told.never_extractable = Some(is),
            Attribute::Modifiable(is) => told.modifiable = Some(is),
            Attribute::Destroyable(is) => told.destroyable = Some(is),
            Attribute::Local(is) => told.local = Some(is),
            Attribute::Private(is) => told.private = Some(is),
            _ => {}
        }
    }
    Ok(told)
}

/// What is wrong with the newest root key, or that nothing is.
fn attributes(told: &Told) -> Vec<KeyTrait> {
    let faults = [
        (
            told.sensitive == Some(false),
            "not sensitive: its value can be read in the clear",
        ),
        (
            told.extractable == Some(true),
            "extractable: it can be wrapped under another key and taken out",
        ),
        (
            told.always_sensitive == Some(false),
            "was not always sensitive: its value may have been read before",
        ),
        (
            told.never_extractable == Some(false),
            "was extractable once: copies of it may be elsewhere",
        ),
        (
            told.local == Some(false),
            "was not made in the token: whoever brought it there may have kept it",
        ),
        (
            told.private == Some(false),
            "not private: it can be used without logging in",
        ),
        (
            told.modifiable == Some(false),
            "not modifiable: it cannot be disabled, and is destroyed only by the token's own tool",
        ),
    ];
    let said: Vec<&str> = faults
        .into_iter()
        .filter_map(|(is, said)| is.then_some(said))
        .collect();
    let history = [told.local, told.always_sensitive, told.never_extractable];
    let (good, said) = match said.is_empty() {
        true if history.contains(&None) => (
            true,
            "sensitive and not extractable; the token does not tell whether it always was".into(),
        ),
        true => (
            true,
            "made in the token, always sensitive, never extractable".to_owned(),
        ),
        false => (false, said.join("; ")),
    };
    vec![KeyTrait {
        what: "newest root key",
        good,
        said,
    }]
}

/// What is wrong with the token, if anything.
fn flags(token: &TokenInfo) -> Vec<KeyTrait> {
    let faults = [
        (
            token.write_protected(),
            "it is write-protected: nothing can be made, disabled or noted",
        ),
        (
            !token.login_required(),
            "it asks nobody to log in: every program on this machine can use its keys",
        ),
        (
            token.user_pin_count_low(),
            "a wrong PIN was given since the last right one",
        ),
        (
            token.user_pin_final_try(),
            "the next wrong PIN locks its user out",
        ),
        (
            token.user_pin_to_be_changed(),
            "its user's PIN is the one it came with: change it",
        ),
    ];
    let faults = faults.into_iter().filter(|(is, _)| *is);
    faults
        .map(|(_, said)| KeyTrait {
            what: "token",
            good: false,
            said: said.into(),
        })
        .collect()
}
