//! The second factor: an authenticator app, and recovery codes for when it is lost. Its secret is sealed under the
//! organization's key, each code works once, and only its owner's fresh session sets it up or takes it away.

use crate::error::{Error, Kind, PERSON, Result};
use crate::keys::{SECOND_FACTOR, TRIES};
use crate::sign_in::Proof;
use crate::{Service, tokens, totp};
use coffer_model::act::{EnrolSecondFactor, RemoveOwnSecondFactor, ResetSecondFactor};
use coffer_model::{Caller, IdentityId, ProjectId, ProjectKeyId};
use coffer_seal::{FileKey, open_bytes, seal_bytes};
use coffer_store::{KeyScope, Refusal, SecondFactorRow, Stop};
use uuid::Uuid;
use zeroize::Zeroizing;

/// How many recovery codes somebody gets.
const RECOVERY_CODES: usize = 10;
/// Random bytes of each: 16 letters and digits.
const RECOVERY_BYTES: usize = 10;

/// The second factor.
pub struct SecondFactor<'a>(pub(crate) &'a Service);

/// Whether somebody has a second factor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SecondFactorState {
    /// It is asked for at each sign-in.
    pub on: bool,
    /// Recovery codes that are left.
    pub recovery_codes: i64,
}

/// A new secret, shown once. No `Debug`.
pub struct Enrolment {
    /// The secret, to type into an app.
    pub secret: Zeroizing<String>,
    /// The same as a link that apps open.
    pub link: Zeroizing<String>,
}

fn already_on() -> Error {
    Error::new(
        Kind::Conflict,
        "second_factor.on",
        "You have a second factor already. Remove it first, then set up another one.",
    )
}

fn wrong_code() -> Error {
    Error::new(
        Kind::Invalid,
        "second_factor.code",
        "The code is not right. See that your device's clock is, and type the code that the app shows now.",
    )
}

/// A recovery code as it is compared: letters and digits only.
fn canonical(typed: &str) -> Zeroizing<String> {
    Zeroizing::new(
        typed
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_uppercase())
            .collect(),
    )
}

impl SecondFactor<'_> {
    /// Whether the caller has one.
    pub async fn state(&self, caller: &Caller) -> Result<SecondFactorState> {
        let mut read = self.0.store().read().await?;
        let row = read.second_factor(caller.identity).await?;
        Ok(SecondFactorState {
            on: row.is_some_and(|row| row.confirmed),
            recovery_codes: read.recovery_codes_left(caller.identity).await?,
        })
    }

    /// Makes a secret for the caller's app. It counts from the first code on that its owner shows.
    pub async fn begin(&self, caller: &Caller) -> Result<Enrolment> {
        let service = self.0;
        let mut secret = Zeroizing::new([0_u8; totp::SECRET]);
        service.entropy()(&mut *secret);
        let file_key = FileKey::generate(service.entropy());
        let owner = caller.identity.0;
        let context = service.keys().context(ProjectId(Uuid::nil()), owner);
        let sealed = seal_bytes(&file_key, context, &*secret, service.entropy());
        for tried in 1.. {
            let (key_id, key) = service.keys().active(KeyScope::ORGANIZATION).await?;
            let wrapped = key.wrap_own_key(SECOND_FACTOR, owner, &file_key, service.entropy());
            match self.store(caller, key_id, wrapped, sealed.clone()).await {
                Ok(()) => break,
                // A rotation came between.
                Err(Stop::Refused(Refusal::KeyNotActive)) if tried < TRIES => {}
                Err(Stop::Refused(Refusal::State)) => return Err(already_on()),
                Err(stop) => return Err(stop.into()),
            }
        }
        let text = totp::base32(&*secret);
        let me = service.people().me(caller).await?;
        let encode = |text: &str| -> String {
            text.bytes()
                .map(|byte| match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                        char::from(byte).to_string()
                    }
                    byte => format!("%{byte:02X}"),
                })
                .collect()
        };
        let link = Zeroizing::new(format!(
            "otpauth://totp/Coffer:{}?secret={}&issuer=Coffer&algorithm=SHA1&digits=6&period=30",
            encode(&me.unique_name),
            text.as_str()
        ));
        Ok(Enrolment { secret: text, link })
    }

    async fn store(
        &self,
        caller: &Caller,
        key: ProjectKeyId,
        wrapped: Vec<u8>,
        sealed: Vec<u8>,
    ) -> std::result::Result<(), Stop> {
        let caller = caller.clone();
        self.0
            .store()
            .write("second_factor.begin", move |tx| {
                let (caller, wrapped, sealed) = (caller.clone(), wrapped.clone(), sealed.clone());
                Box::pin(async move {
                    let act = EnrolSecondFactor {
                        identity: caller.identity,
                    };
                    let details = [("step", "begun".to_owned())];
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    tx.second_factor_begin(grant, key, &wrapped, &sealed).await
                })
            })
            .await
    }

    /// Puts the secret to use, by its first code. Answers with recovery codes, which are shown this once.
    pub async fn confirm(&self, caller: &Caller, code: &str) -> Result<Vec<Zeroizing<String>>> {
        let service = self.0;
        let mut read = service.store().read().await?;
        let now = read.now();
        let row = read.second_factor(caller.identity).await?;
        drop(read);
        let row = row.ok_or_else(|| {
            Error::new(
                Kind::Conflict,
                "second_factor.not_begun",
                "There is no second factor to confirm. Begin to set one up.",
            )
        })?;
        if row.confirmed {
            return Err(already_on());
        }
        service.attempts().sign_in(caller.address, now)?;
        let secret = self.secret(caller.identity, &row).await?;
        let step = totp::step_of(&secret, code, now, row.last_step).ok_or_else(wrong_code)?;
        let codes: Vec<_> = (0..RECOVERY_CODES)
            .map(|_| {
                let mut random = Zeroizing::new([0_u8; RECOVERY_BYTES]);
                service.entropy()(&mut *random);
                totp::base32(&*random)
            })
            .collect();
        let hashes: Vec<_> = codes.iter().map(|code| tokens::hash(code)).collect();
        let caller = caller.clone();
        service
            .store()
            .write("second_factor.confirm", move |tx| {
                let (caller, hashes) = (caller.clone(), hashes.clone());
                Box::pin(async move {
                    let act = EnrolSecondFactor {
                        identity: caller.identity,
                    };
                    let details = [("step", "confirmed".to_owned())];
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    tx.second_factor_confirm(grant, step, &hashes).await
                })
            })
            .await
            .map_err(|stop| match stop {
                Stop::Refused(Refusal::State) => already_on(),
                stop => stop.into(),
            })?;
        Ok(codes
            .into_iter()
            .map(|code| {
                let groups: Vec<_> = code
                    .as_bytes()
                    .chunks(4)
                    .map(|group| String::from_utf8_lossy(group))
                    .collect();
                Zeroizing::new(groups.join("-"))
            })
            .collect())
    }

    /// Removes the caller's own.
    pub async fn remove(&self, caller: &Caller) -> Result<()> {
        let caller = caller.clone();
        self.0
            .store()
            .write("second_factor.remove", move |tx| {
                let caller = caller.clone();
                Box::pin(async move {
                    let act = RemoveOwnSecondFactor {
                        identity: caller.identity,
                    };
                    let grant = tx.authorize(&caller, act).await?;
                    tx.second_factor_remove(grant).await
                })
            })
            .await?;
        Ok(())
    }

    /// Removes somebody's, whose device is lost.
    pub async fn reset(&self, caller: &Caller, who: &str) -> Result<()> {
        let (caller, who, organization) =
            (caller.clone(), who.to_owned(), self.0.organization().id);
        self.0
            .store()
            .write("second_factor.reset", move |tx| {
                let (caller, who) = (caller.clone(), who.clone());
                Box::pin(async move {
                    let found = tx.person_enabled(&who).await?;
                    let identity = found.map_or(IdentityId(Uuid::nil()), |person| person.id);
                    let act = ResetSecondFactor {
                        organization,
                        identity,
                    };
                    let grant = tx.authorize(&caller, act).await?;
                    tx.second_factor_reset(grant).await
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&PERSON))
    }

    /// What a typed code uses up, if it is good now: one of the app, or a recovery code.
    pub(crate) async fn proof(&self, identity: IdentityId, typed: &str) -> Result<Option<Proof>> {
        let mut read = self.0.store().read().await?;
        let now = read.now();
        let Some(row) = read.second_factor(identity).await? else {
            return Ok(None);
        };
        let hash = tokens::hash(&canonical(typed));
        let recovery = read.recovery_code(identity, &hash).await?;
        drop(read);
        if recovery {
            return Ok(Some(Proof::Recovery(hash)));
        }
        let secret = self.secret(identity, &row).await?;
        let step = totp::step_of(&secret, typed, now, row.last_step);
        Ok(step.map(Proof::Code))
    }

    async fn secret(
        &self,
        identity: IdentityId,
        row: &SecondFactorRow,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let keys = self.0.keys();
        let key = keys
            .open_own_key(&row.key, SECOND_FACTOR, identity.0)
            .await?;
        let context = keys.context(ProjectId(Uuid::nil()), identity.0);
        match open_bytes(&key, context, &row.sealed) {
            Ok(secret) => Ok(secret),
            Err(error) => Err(keys
                .does_not_open("secret of a second factor", None, identity, error)
                .await),
        }
    }
}
