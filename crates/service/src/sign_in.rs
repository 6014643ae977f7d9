//! Signing in: tokens, agents' signatures, and one-time codes.
//!
//! One answer for every kind of wrong: nobody learns whether a token was unknown, expired, revoked or mistyped.

use crate::credentials::{NewToken, TokenKind, days_from};
use crate::directory::is_name;
use crate::error::{Error, Kind, Result};
use crate::{Service, attempts, tokens};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use coffer_model::act::{CreateFirstAdministrator, ShowToken, UseRecoveryCode};
use coffer_model::library::{IdentityKind, Person};
use coffer_model::policy::Denied;
use coffer_model::{AgentId, Authentication, Caller, IdentityId, Timestamp, TokenScopes};
use coffer_store::{CodeOwner, CredentialKind, NewIdentity, ReadTx, Refusal, Stop, Tx};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// Clocks of agent and database may differ by this many seconds.
const WINDOW_SECONDS: i64 = 60;
/// Days that the first administrator's token lives.
const FIRST_TOKEN_DAYS: u32 = 90;

/// Signatures seen within the window, so that none is good twice on this node.
#[derive(Default)]
pub(crate) struct Nonces(Mutex<HashMap<(AgentId, String), i64>>);

impl Nonces {
    /// Whether the nonce is new; forgets those whose time is over.
    fn take(&self, agent: AgentId, nonce: &str, created: i64, now: i64) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, created| *created + 2 * WINDOW_SECONDS > now);
        seen.insert((agent, nonce.to_owned()), created).is_none()
    }
}

/// Signing in.
pub struct SignIn<'a>(pub(crate) &'a Service);

/// Somebody who showed just now who it is: what a session, or a token, is made from. Made by sign-in use cases only.
#[derive(Clone)]
pub struct Shown {
    pub(crate) caller: Caller,
    proof: Proof,
    /// The digest of the name that was typed, to forget its failures at this place.
    principal: Option<[u8; 32]>,
    /// When it was shown, where that was not just now and not here.
    pub(crate) elsewhere: Option<Timestamp>,
}

/// What is used up, with whatever is made from it, in one unit of work.
#[derive(Clone)]
pub(crate) enum Proof {
    /// Nothing: what was shown may be shown again.
    None,
    /// The code of an authenticator app, by its step.
    Code(i64),
    /// A recovery code, by its digest.
    Recovery([u8; 32]),
}

/// A refused token, to be counted: its kind, and where it came from.
pub(crate) type RefusedToken = (&'static str, Option<IpAddr>);

impl Shown {
    /// Who it is.
    pub fn identity(&self) -> IdentityId {
        self.caller.identity
    }

    /// The same, shown elsewhere and at a moment of its own: a sign-in there may be older than the one here.
    pub(crate) fn elsewhere(self, at: Timestamp) -> Self {
        Self {
            elsewhere: Some(at),
            ..self
        }
    }

    /// How it was shown.
    pub(crate) fn method(&self) -> &'static str {
        match self.caller.authentication {
            Authentication::SignIn { method } => method,
            _ => "",
        }
    }

    /// Where from, as text; empty when it is not known.
    pub(crate) fn address_text(&self) -> String {
        let address = self.caller.address;
        address.map_or_else(String::new, |address| address.to_string())
    }

    /// Uses up what can be shown only once, and forgets the failures before it.
    pub(crate) async fn spend(&self, tx: &mut Tx) -> std::result::Result<(), Stop> {
        let identity = self.caller.identity;
        match &self.proof {
            Proof::None => {}
            Proof::Code(step) => tx.second_factor_spend(identity, *step).await?,
            Proof::Recovery(hash) => tx.recovery_code_spend(identity, hash).await?,
        }
        if let Some(principal) = &self.principal {
            let place = attempts::place(self.caller.address).to_string();
            tx.sign_in_succeeded(principal, &place).await?;
        }
        Ok(())
    }

    /// The same, whose name was typed.
    pub(crate) fn typed_as(mut self, principal: [u8; 32]) -> Self {
        self.principal = Some(principal);
        self
    }
}

/// One answer for every kind of wrong.
pub(crate) fn refused_sign_in() -> Error {
    Error::from(Denied::SignInRefused)
        .hint("Who forgot the password asks an administrator for a one-time code (`coffer user invite NAME`).")
}

fn refused() -> Error {
    Error::new(
        Kind::Unauthenticated,
        "token.invalid",
        "The token is not valid: it is unknown, expired or revoked.",
    )
    .hint("Make a new token with `coffer token create`, or sign in again with `coffer login`.")
}

fn bad_signature() -> Error {
    Error::new(
        Kind::Unauthenticated,
        "signature.invalid",
        "The request's signature is not valid: the agent is not registered, its clock is off by more than a minute, or \
         the request was sent twice.",
    )
    .hint("Check the agent's clock; register it again with a registration token.")
}

impl SignIn<'_> {
    /// The caller behind a token of any kind.
    pub async fn token(&self, token: Zeroizing<String>, address: Option<IpAddr>) -> Result<Caller> {
        // What never was a token of anybody's is no event.
        let kind = tokens::recognise(&token).ok_or_else(refused)?;
        let hash = tokens::hash(&token);
        let mut read = self.0.store().read().await?;
        let now = read.now();
        match self.holder(&mut read, &hash, address).await? {
            Some(caller) => {
                if let Authentication::Token { credential, .. }
                | Authentication::AgentRegistration { credential } = caller.authentication
                {
                    let uses = &self.0.0.token_uses;
                    uses.count(caller.identity, credential, address, now);
                }
                Ok(caller)
            }
            None => {
                drop(read);
                let row = self.0.0.refusals.take((kind.word(), address), now);
                if let Some(row) = row {
                    self.record_refusal(row).await?;
                }
                self.0.attempts().token(address, now)?;
                Err(refused())
            }
        }
    }

    /// Who holds the token; none when it is not good now.
    async fn holder(
        &self,
        read: &mut ReadTx,
        hash: &[u8; 32],
        address: Option<IpAddr>,
    ) -> Result<Option<Caller>> {
        let Some(row) = read.credential(hash).await? else {
            return Ok(None);
        };
        let authentication = match (row.kind, row.job) {
            (CredentialKind::Pat, _) => Authentication::Token {
                credential: row.id,
                scopes: row.scopes,
            },
            (CredentialKind::Agent, _) => Authentication::AgentRegistration { credential: row.id },
            (CredentialKind::Job, Some(job)) => {
                let Some(job) = read.job_behind(job).await? else {
                    return Ok(None);
                };
                Authentication::Job {
                    credential: row.id,
                    job: job.job,
                    run: job.run,
                    pipeline: job.pipeline,
                    project: job.project,
                }
            }
            (CredentialKind::Job, None) => return Ok(None),
        };
        Ok(Some(self.caller(
            row.identity,
            row.name,
            authentication,
            address,
        )))
    }

    /// Puts on record what waits since its minute is over; at the end, whatever waits.
    pub(crate) async fn record_due(&self, all: bool) -> Result<()> {
        let now = self.0.store().read().await?.now();
        for row in self.0.0.refusals.due(now, all) {
            self.record_refusal(row).await?;
        }
        for (failed, count) in self.0.0.failures.due(now, all) {
            self.0.passwords().record_failure(failed, count).await?;
        }
        for (row, count) in self.0.0.provider_refusals.due(now, all) {
            self.record_answers(row, count, "").await?;
        }
        Ok(())
    }

    /// Puts refused tokens on record: one row per address, kind and minute.
    async fn record_refusal(&self, ((kind, address), count): (RefusedToken, u64)) -> Result<()> {
        let caller = self.0.nobody(address);
        let recorded = self
            .0
            .store()
            .write("token.refuse", move |tx| {
                let caller = caller.clone();
                Box::pin(async move {
                    let details = [("since the last record", count.to_string())];
                    tx.authorize_with(&caller, ShowToken { kind }, &details)
                        .await
                        .map(drop)
                })
            })
            .await;
        match recorded {
            Ok(()) | Err(Stop::Denied { .. }) => Ok(()),
            Err(stop) => Err(stop.into()),
        }
    }

    /// The agent behind a signed request. `base` is what was signed, `created` seconds since 1970.
    pub async fn agent_signature(
        &self,
        agent: AgentId,
        base: &[u8],
        signature: &[u8],
        created: i64,
        nonce: &str,
        address: Option<IpAddr>,
    ) -> Result<Caller> {
        let mut read = self.0.store().read().await?;
        let now = read.now().0 / 1_000_000;
        let row = read.agent(agent).await?.ok_or_else(bad_signature)?;
        drop(read);
        if (now - created).abs() > WINDOW_SECONDS {
            return Err(bad_signature());
        }
        UnparsedPublicKey::new(&ED25519, row.public_key)
            .verify(base, signature)
            .map_err(|_| bad_signature())?;
        // After the signature: a stranger must not be able to use up nonces.
        if !self.0.0.nonces.take(agent, nonce, created, now) {
            return Err(bad_signature());
        }
        Ok(self.caller(
            row.identity,
            row.name,
            Authentication::Agent { agent },
            address,
        ))
    }

    /// Somebody who showed just now who it is.
    pub(crate) fn shown(
        &self,
        person: &Person,
        method: &'static str,
        address: Option<IpAddr>,
        proof: Proof,
    ) -> Shown {
        let authentication = Authentication::SignIn { method };
        Shown {
            caller: self.caller(
                person.id,
                person.display_name.clone(),
                authentication,
                address,
            ),
            proof,
            principal: None,
            elsewhere: None,
        }
    }

    /// A secret for the forms of who is not signed in yet.
    pub fn form_secret(&self) -> Zeroizing<String> {
        tokens::secret(self.0.entropy())
    }

    /// Trades a one-time code for a token: that of the first start makes the first administrator, any other is for a
    /// person who is here already. A code works once.
    pub async fn first(
        &self,
        code: Zeroizing<String>,
        unique_name: &str,
        label: &str,
        address: Option<IpAddr>,
    ) -> Result<NewToken> {
        if !is_name(unique_name) {
            return Err(Error::invalid(
                "The name of a person is visible text of at most 255 bytes, without slashes, and not an id.",
            ));
        }
        let service = self.0;
        let now = service.store().read().await?.now();
        service.attempts().sign_in(address, now)?;
        let digest = hex::encode(tokens::hash(&code));
        let person = NewIdentity {
            id: IdentityId::random(service.entropy()),
            kind: IdentityKind::User,
            project: None,
            unique_name: unique_name.to_owned(),
            display_name: unique_name.to_owned(),
        };
        let token = tokens::mint(CredentialKind::Pat, service.entropy());
        let new = crate::credentials::credential(
            service,
            &token,
            TokenKind::Pat,
            label,
            TokenScopes::FULL,
        );
        let mut caller = service.duty("first sign-in");
        caller.address = address;
        let id = new.id;
        let (identity, expires_at) = service
            .store()
            .write("first_sign_in", move |tx| {
                let (caller, person, digest) = (caller.clone(), person.clone(), digest.clone());
                let mut new = new.clone();
                Box::pin(async move {
                    let organization = caller.organization;
                    let most = tx.organization_settings(organization).await?.max_token_days;
                    new.expires_at = days_from(tx.now(), FIRST_TOKEN_DAYS.min(most));
                    let owner = tx.code_spend(&digest).await?;
                    let identity = match owner {
                        CodeOwner::First => person.id,
                        CodeOwner::Person(identity) => identity,
                    };
                    let details = [
                        ("owner", identity.to_string()),
                        ("token", new.id.to_string()),
                        ("kind", new.kind.word().to_owned()),
                    ];
                    match owner {
                        CodeOwner::First => {
                            let act = CreateFirstAdministrator { identity };
                            let named = [
                                ("identity", identity.to_string()),
                                ("name", person.unique_name.clone()),
                                ("display_name", person.display_name.clone()),
                            ];
                            let grant = tx.authorize_with(&caller, act.clone(), &named).await?;
                            tx.first_administrator_insert(grant, &caller, &person)
                                .await?;
                            let grant = tx.authorize_with(&caller, act, &details).await?;
                            tx.credential_insert(grant, &new).await?;
                        }
                        CodeOwner::Person(_) => {
                            let act = UseRecoveryCode { identity };
                            let grant = tx.authorize_with(&caller, act, &details).await?;
                            tx.credential_insert(grant, &new).await?;
                        }
                    }
                    let found = tx.identity_row(identity).await?;
                    let found = found.filter(|found| !found.disabled);
                    let found = found.ok_or(Stop::Refused(Refusal::CodeSpent))?;
                    Ok((found.person(), new.expires_at))
                })
            })
            .await?;
        Ok(NewToken {
            id,
            token,
            expires_at,
            scopes: TokenScopes::FULL.words(),
            identity,
        })
    }

    fn caller(
        &self,
        identity: IdentityId,
        name: String,
        authentication: Authentication,
        address: Option<IpAddr>,
    ) -> Caller {
        Caller {
            organization: self.0.organization().id,
            identity,
            name,
            authentication,
            address,
            request: coffer_model::Request::default(),
        }
    }
}
