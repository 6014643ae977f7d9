//! Signing in by password, and setting one: with an administrator's one-time code, or knowing the one before.
//!
//! A name that nobody has takes the same way as a wrong password, through the same statements and as much work, to the
//! same answer.

use crate::error::{Error, Kind, PERSON, Result};
use crate::sign_in::{Proof, Shown, refused_sign_in};
use crate::{Service, attempts, tokens};
use coffer_model::act::{
    ChangeOwnPassword, FailSignIn, InvitePerson, LockSignIn, RehashPassword, SetPasswordByCode,
};
use coffer_model::library::Person;
use coffer_model::{Authentication, Caller, IdentityId, Timestamp, name};
use coffer_store::{Refusal, Stop};
use std::net::IpAddr;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The shortest password, characters.
pub const MIN_PASSWORD: usize = 12;
/// The longest, bytes.
const MAX_PASSWORD: usize = 1024;
/// How long a one-time code is good, seconds: long enough for a weekend.
const CODE_SECONDS: i64 = 72 * 3600;

/// Failures that count are not older than this, seconds.
const COUNTED_SECONDS: i64 = 15 * 60;
/// So many failures of a name from one address lock it out there.
const MOST_HERE: i64 = 5;
/// For so long, seconds.
const LOCKED_HERE: i64 = 15 * 60;
/// So many failures of a name from everywhere lock it out, but for where it signed in lately.
const MOST_EVERYWHERE: i64 = 50;
/// For so long, seconds: short, so that a guesser is slowed and an owner is not kept out.
const LOCKED_EVERYWHERE: i64 = 5 * 60;

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

/// What the form for signing in needs to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PasswordForm {
    /// Whether the organization lets people sign in by password.
    pub allowed: bool,
    /// Whether nobody has set a password yet: the server was just started for the first time.
    pub first: bool,
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

/// A failed attempt of somebody to show who it is, to be counted and put on record.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Failed {
    identity: IdentityId,
    /// The name as its owner spells it; a fixed text for one that nobody has, since what was typed may be a password.
    name: String,
    address: Option<IpAddr>,
    method: &'static str,
    cause: &'static str,
}

impl Failed {
    /// All those that are too many to be told apart.
    pub(crate) fn others() -> Self {
        Self {
            identity: IdentityId(Uuid::nil()),
            name: "(others)".to_owned(),
            address: None,
            method: "password",
            cause: "others",
        }
    }

    fn of(
        person: Option<&Person>,
        address: Option<IpAddr>,
        method: &'static str,
        cause: &'static str,
    ) -> Self {
        Self {
            identity: person.map_or(IdentityId(Uuid::nil()), |person| person.id),
            name: person.map_or_else(|| "(unknown)".to_owned(), |p| p.unique_name.clone()),
            address,
            method,
            cause,
        }
    }
}

/// What failures are counted by: the digest of the canonical name, whoever has it, if anybody has.
fn principal(typed: &str) -> [u8; 32] {
    // Nobody's name is longer than names are.
    let typed = typed.get(..name::MAX_BYTES + 1).unwrap_or(typed);
    tokens::hash(&name::key(typed.trim()))
}

impl Passwords<'_> {
    /// What the form for signing in needs to know. Asked by nobody in particular: it says nothing about anybody.
    pub async fn form(&self) -> Result<PasswordForm> {
        let mut read = self.0.store().read().await?;
        let organization = self.0.organization().id;
        let settings = read.organization_settings(organization).await?;
        Ok(PasswordForm {
            allowed: settings.password_sign_in_allowed,
            first: !read.password_any().await?,
        })
    }

    /// Shows by name and password (and code) who signs in.
    pub async fn show(&self, typed: Typed, address: Option<IpAddr>) -> Result<Shown> {
        let service = self.0;
        let principal = principal(&typed.name);
        let place = attempts::place(address).to_string();
        let mut read = service.store().read().await?;
        let now = read.now();
        let settings = read
            .organization_settings(service.organization().id)
            .await?;
        let row = read.password_named(typed.name.trim()).await?;
        let locked = read.sign_in_locked(&principal, &place).await?;
        drop(read);
        service.attempts().sign_in(address, now)?;
        if !settings.password_sign_in_allowed {
            return Err(switched_off());
        }
        // Whatever is known by now, the same work is done.
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
        let person = row.as_ref().map(|row| &row.person);
        let failed = |cause| Failed::of(person, address, "password", cause);
        if locked {
            // Not counted: a lock-out must end although somebody goes on trying.
            return Err(self.refuse(failed("locked")).await);
        }
        let (Some(row), true) = (row.as_ref(), compared.same) else {
            let cause = if person.is_some() { "password" } else { "name" };
            self.count(person, &principal, &place).await?;
            return Err(self.refuse(failed(cause)).await);
        };
        let identity = row.person.id;
        let proof = if row.second_factor {
            let second = service.second_factor();
            match second.proof(identity, &typed.code).await? {
                Some(proof) => proof,
                None => {
                    self.count(person, &principal, &place).await?;
                    return Err(self.refuse(failed("code")).await);
                }
            }
        } else {
            Proof::None
        };
        if let (Some(old), Some(new)) = (stored, compared.anew) {
            let duty = service.duty("keep passwords under newer parameters");
            let done = service
                .store()
                .write("password.rehash", move |tx| {
                    let (duty, old, new) = (duty.clone(), old.clone(), new.clone());
                    Box::pin(async move {
                        let grant = tx.authorize(&duty, RehashPassword { identity }).await?;
                        tx.password_rehash(grant, &old, &new).await
                    })
                })
                .await;
            match done {
                // Changed meanwhile: then there is nothing to keep.
                Ok(()) | Err(Stop::Refused(Refusal::State)) => {}
                Err(stop) => return Err(stop.into()),
            }
        }
        let method = match proof {
            Proof::None => "password",
            Proof::Code(_) => "password and code",
            Proof::Recovery(_) => "password and recovery code",
        };
        let shown = service.sign_in().shown(&row.person, method, address, proof);
        Ok(shown.typed_as(principal))
    }

    /// Counts a failure of a name, and locks out whoever failed too often.
    async fn count(
        &self,
        person: Option<&Person>,
        principal: &[u8; 32],
        place: &str,
    ) -> Result<()> {
        let identity = person.map_or(IdentityId(Uuid::nil()), |person| person.id);
        let name = person.map_or_else(|| "(unknown)".to_owned(), |p| p.unique_name.clone());
        let (principal, place) = (*principal, place.to_owned());
        let duty = self.0.duty("lock out guessers");
        self.0
            .store()
            .write("sign_in.count_failure", move |tx| {
                let (duty, place, name) = (duty.clone(), place.clone(), name.clone());
                Box::pin(async move {
                    let failures = tx
                        .sign_in_failed(&principal, &place, COUNTED_SECONDS)
                        .await?;
                    for (count, most, address, seconds) in [
                        (failures.here, MOST_HERE, Some(place.as_str()), LOCKED_HERE),
                        (
                            failures.everywhere,
                            MOST_EVERYWHERE,
                            None,
                            LOCKED_EVERYWHERE,
                        ),
                    ] {
                        if count < most {
                            continue;
                        }
                        let details = [
                            ("name", name.clone()),
                            ("address", address.unwrap_or("everywhere").to_owned()),
                            ("failures", count.to_string()),
                            ("seconds", seconds.to_string()),
                        ];
                        let act = LockSignIn { identity };
                        let grant = tx.authorize_with(&duty, act, &details).await?;
                        tx.sign_in_lock(grant, &principal, address, seconds).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        Ok(())
    }

    /// Puts a failed attempt on record, once a minute for each kind, and answers with the one text there is for it.
    async fn refuse(&self, failed: Failed) -> Error {
        let now = match self.0.store().read().await {
            Ok(read) => read.now(),
            Err(error) => return error.into(),
        };
        match self.0.0.failures.take(failed, now) {
            None => refused_sign_in(),
            Some((failed, count)) => match self.record_failure(failed, count).await {
                Ok(()) => refused_sign_in(),
                Err(error) => error,
            },
        }
    }

    pub(crate) async fn record_failure(&self, failed: Failed, count: u64) -> Result<()> {
        let caller = self.0.nobody(failed.address);
        let recorded = self
            .0
            .store()
            .write("sign_in.fail", move |tx| {
                let (caller, failed) = (caller.clone(), failed.clone());
                Box::pin(async move {
                    let details = [
                        ("name", failed.name),
                        ("method", failed.method.to_owned()),
                        ("cause", failed.cause.to_owned()),
                        ("since the last record", count.to_string()),
                    ];
                    let act = FailSignIn {
                        identity: failed.identity,
                    };
                    tx.authorize_with(&caller, act, &details).await.map(drop)
                })
            })
            .await;
        match recorded {
            Ok(()) | Err(Stop::Denied { .. }) => Ok(()),
            Err(stop) => Err(stop.into()),
        }
    }

    /// What came of a unit that uses up what was shown: a code that somebody else used up first is a failed sign-in.
    pub(crate) async fn unless_replayed<T>(
        &self,
        shown: &Shown,
        stored: std::result::Result<T, Stop>,
    ) -> Result<T> {
        match stored {
            Ok(value) => Ok(value),
            Err(Stop::Refused(Refusal::CodeSpent)) => {
                let person = self.0.people().me(&shown.caller).await?;
                let address = shown.caller.address;
                let failed = Failed::of(Some(&person.person()), address, "password", "code");
                Err(self.refuse(failed).await)
            }
            Err(stop) => Err(stop.into()),
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
                    let found = tx.person_enabled(&who).await?;
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
        let now = read.now();
        let settings = read
            .organization_settings(service.organization().id)
            .await?;
        let owner = read.password_code_owner(&digest).await?;
        drop(read);
        service.attempts().sign_in(address, now)?;
        if !settings.password_sign_in_allowed {
            return Err(switched_off());
        }
        let Some(person) = owner else {
            let failed = Failed::of(None, address, "one-time code", "code");
            return Err(self.refuse(failed).await.into_code());
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
        let now = read.now();
        let stored = read.password_of(caller.identity).await?;
        drop(read);
        service.attempts().sign_in(caller.address, now)?;
        let compared = service
            .hasher()
            .compare(canonical(current), stored, service.salt())
            .await?;
        if !compared.same {
            let person = service.people().me(caller).await?;
            let address = caller.address;
            let failed = Failed::of(
                Some(&person.person()),
                address,
                "current password",
                "password",
            );
            self.refuse(failed).await;
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

/// The organization does not want passwords. The same answer for every name.
fn switched_off() -> Error {
    Error::new(
        Kind::Forbidden,
        "password.switched_off",
        "Signing in by password is switched off in this organization.",
    )
    .hint("Sign in as your organization tells you, or with a token: `coffer login URL --token-file FILE`.")
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
            request: coffer_model::Request::default(),
        }
    }

    /// Sixteen fresh bytes for a hash.
    pub(crate) fn salt(&self) -> [u8; 16] {
        let mut salt = [0; 16];
        self.entropy()(&mut salt);
        salt
    }
}
