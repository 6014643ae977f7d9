//! Signing in by password, and setting one: with an administrator's one-time code, or knowing the one before.
//!
//! A name that nobody has takes the same way as a wrong password, through the same statements and as much work, to the
//! same answer.

use crate::error::{Error, Kind, PERSON, Result};
use crate::sign_in::{Proof, Shown, refused_sign_in};
use crate::{Service, tokens};
use coffer_model::act::{ChangeOwnPassword, FailSignIn, InvitePerson, SetPasswordByCode};
use coffer_model::library::Person;
use coffer_model::{Authentication, Caller, IdentityId, Timestamp, name};
use coffer_store::{PasswordRow, Refusal, Stop};
use std::net::IpAddr;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The shortest password, characters.
pub const MIN_PASSWORD: usize = 12;
/// The longest, bytes.
const MAX_PASSWORD: usize = 1024;
/// How long a one-time code is good, seconds: long enough for a weekend.
const CODE_SECONDS: i64 = 72 * 3600;

/// Passwords.
pub struct Passwords<'a>(pub(crate) &'a Service);

/// Who signs in, as typed. No `Debug`: it holds secrets.
pub struct Typed {
    /// The sign-in name.
    pub name: String,
    /// The password.
    pub password: Zeroizing<String>,
    /// A code of the second factor, or a recovery code; empty when there is none.
    pub code: Zeroizing<String>,
}

/// A one-time code for setting a password, shown once.
pub struct PasswordCode {
    /// Whose.
    pub person: Person,
    /// The code.
    pub code: Zeroizing<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// One form for one password, however a keyboard composes its letters.
fn canonical(password: &str) -> Zeroizing<String> {
    Zeroizing::new(name::composed(password))
}

/// A new password that is fit to be one.
fn fit(password: &str) -> Result<Zeroizing<String>> {
    let password = canonical(password);
    if password.chars().count() < MIN_PASSWORD {
        return Err(Error::new(
            Kind::Invalid,
            "password.too_short",
            format!(
                "The password is too short: it needs at least {MIN_PASSWORD} characters. Several words are easy to \
                 remember and hard to guess; there are no other rules."
            ),
        ));
    }
    if password.len() > MAX_PASSWORD {
        return Err(Error::new(
            Kind::Invalid,
            "password.too_long",
            format!("The password is too long: at most {MAX_PASSWORD} bytes."),
        ));
    }
    Ok(password)
}

impl Passwords<'_> {
    /// Shows by name and password (and code) who signs in.
    pub async fn show(&self, typed: Typed, address: Option<IpAddr>) -> Result<Shown> {
        let service = self.0;
        let mut read = service.store().read().await?;
        let row = read.password_named(&typed.name).await?;
        drop(read);
        let password = if typed.password.len() > MAX_PASSWORD {
            Zeroizing::new(String::new())
        } else {
            canonical(&typed.password)
        };
        let stored = row.as_ref().and_then(|row| row.hash.clone());
        let compared = service
            .hasher()
            .compare(password, stored.clone(), service.salt())
            .await?;
        let cause = match &row {
            None => Some("name"),
            Some(_) if !compared.same => Some("password"),
            Some(_) => None,
        };
        let (Some(row), None) = (row.as_ref(), cause) else {
            return Err(self
                .failed(row.as_ref(), cause.unwrap_or("name"), address)
                .await);
        };
        if let (Some(old), Some(new)) = (stored, compared.anew) {
            let identity = row.person.id;
            service
                .store()
                .write("password.rehash", move |tx| {
                    let (old, new) = (old.clone(), new.clone());
                    Box::pin(async move { tx.password_rehash(identity, &old, &new).await })
                })
                .await?;
        }
        Ok(service
            .sign_in()
            .shown(&row.person, "password", address, Proof::None))
    }

    /// Puts a failed sign-in on record, and answers with the one text there is for it.
    async fn failed(
        &self,
        row: Option<&PasswordRow>,
        cause: &'static str,
        address: Option<IpAddr>,
    ) -> Error {
        let (identity, who) = match row {
            Some(row) => (row.person.id, row.person.unique_name.clone()),
            // What was typed there may be a password.
            None => (IdentityId(Uuid::nil()), "(unknown)".to_owned()),
        };
        let caller = self.0.nobody(address);
        let recorded = self
            .0
            .store()
            .write("sign_in.fail", move |tx| {
                let (caller, who) = (caller.clone(), who.clone());
                Box::pin(async move {
                    let details = [
                        ("name", who),
                        ("method", "password".to_owned()),
                        ("cause", cause.to_owned()),
                    ];
                    tx.authorize_with(&caller, FailSignIn { identity }, &details)
                        .await
                        .map(drop)
                })
            })
            .await;
        match recorded {
            Ok(()) | Err(Stop::Denied { .. }) => refused_sign_in(),
            Err(stop) => stop.into(),
        }
    }

    /// Makes the one-time code by which somebody sets a password: an invitation, or help for who forgot it.
    pub async fn invite(&self, caller: &Caller, who: &str) -> Result<PasswordCode> {
        let service = self.0;
        let code = tokens::secret(service.entropy());
        let (hash, who) = (tokens::hash(&code), who.to_owned());
        let (caller, organization) = (caller.clone(), service.organization().id);
        let (person, expires_at) = service
            .store()
            .write("password.invite", move |tx| {
                let (caller, who) = (caller.clone(), who.clone());
                Box::pin(async move {
                    let found = tx.identity_named(&who).await?;
                    let identity = found
                        .as_ref()
                        .map_or(IdentityId(Uuid::nil()), |person| person.id);
                    let act = InvitePerson {
                        organization,
                        identity,
                    };
                    let grant = tx.authorize(&caller, act).await?;
                    let person = found.ok_or(Stop::Refused(Refusal::NotFound))?;
                    let until = tx.password_code_put(grant, &hash, CODE_SECONDS).await?;
                    Ok((person, until))
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&PERSON))?;
        Ok(PasswordCode {
            person,
            code,
            expires_at,
        })
    }

    /// Sets a password with a one-time code. Every session of the person ends.
    pub async fn set_by_code(
        &self,
        code: &str,
        password: &str,
        address: Option<IpAddr>,
    ) -> Result<Person> {
        let service = self.0;
        let password = fit(password)?;
        let digest = tokens::hash(code.trim());
        let mut read = service.store().read().await?;
        let owner = read.password_code_owner(&digest).await?;
        drop(read);
        let Some(person) = owner else {
            return Err(self
                .failed(None, "one-time code", address)
                .await
                .into_code());
        };
        let hash = service.hasher().hash(password, service.salt()).await?;
        let caller = service
            .sign_in()
            .shown(&person, "one-time code", address, Proof::None)
            .caller;
        service
            .store()
            .write("password.set", move |tx| {
                let (caller, hash) = (caller.clone(), hash.clone());
                Box::pin(async move {
                    let act = SetPasswordByCode {
                        identity: caller.identity,
                    };
                    let grant = tx.authorize(&caller, act).await?;
                    tx.password_code_spend(&digest).await?;
                    tx.password_put(grant, &caller, &hash).await
                })
            })
            .await
            .map_err(|stop| Error::from(stop).into_code())?;
        Ok(person)
    }

    /// Changes the caller's own password. The caller's other sessions end.
    pub async fn change(&self, caller: &Caller, current: &str, new: &str) -> Result<()> {
        let service = self.0;
        let new = fit(new)?;
        let mut read = service.store().read().await?;
        let stored = read.password_of(caller.identity).await?;
        drop(read);
        let compared = service
            .hasher()
            .compare(canonical(current), stored, service.salt())
            .await?;
        if !compared.same {
            return Err(Error::new(
                Kind::Forbidden,
                "password.wrong",
                "The current password is not right. Nothing was changed.",
            )
            .hint("An administrator can make a one-time code for setting a new one: `coffer user invite NAME`."));
        }
        let hash = service.hasher().hash(new, service.salt()).await?;
        let caller = caller.clone();
        service
            .store()
            .write("password.change", move |tx| {
                let (caller, hash) = (caller.clone(), hash.clone());
                Box::pin(async move {
                    let act = ChangeOwnPassword {
                        identity: caller.identity,
                    };
                    let grant = tx.authorize(&caller, act).await?;
                    tx.password_put(grant, &caller, &hash).await
                })
            })
            .await?;
        Ok(())
    }
}

impl Service {
    /// Nobody, from an address.
    pub(crate) fn nobody(&self, address: Option<IpAddr>) -> Caller {
        Caller {
            organization: self.organization().id,
            identity: IdentityId(Uuid::nil()),
            name: "nobody".into(),
            authentication: Authentication::Anonymous,
            address,
        }
    }

    /// Sixteen fresh bytes for a hash.
    pub(crate) fn salt(&self) -> [u8; 16] {
        let mut salt = [0; 16];
        self.entropy()(&mut salt);
        salt
    }
}
