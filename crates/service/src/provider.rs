//! Signing in at the provider of the organization, by OpenID Connect: who comes back is found, let in or refused, and
//! put into the groups that the provider names.
//!
//! A person is who the issuer's subject is bound to, never who has an e-mail address. Every refusal gets one text; the
//! audit log has the reason. It must not know how a token is verified, or a browser.

use crate::error::{Error, Kind, Result};
use crate::provider_rules::{ProviderOptions, Reader};
use crate::sign_in::{Proof, Shown};
use crate::{Service, SignIn};
use coffer_model::act::{
    AddPersonOfProvider, BindToProvider, FailSignIn, JoinGroupByProvider, LeaveGroupByProvider,
};
use coffer_model::library::{IdentityKind, Person};
use coffer_model::policy::FRESH_SECONDS;
use coffer_model::{Caller, IdentityId, Timestamp, access};
use coffer_oidc::{Answer, Attempt, BoxFuture, Fetch, FetchError, OpenId, Refused, Verified};
use coffer_outgoing::Outgoing;
use coffer_store::{NewAttempt, NewIdentity, Refusal, Stop, TakenAttempt, Tx};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use zeroize::Zeroizing;

/// How the log and lists of sessions call this way of signing in.
const METHOD: &str = "openid connect";

/// The provider and the rules for who comes from it.
pub(crate) struct Provider {
    pub(crate) rules: ProviderOptions,
    openid: OpenId,
}

impl Provider {
    pub(crate) fn new(rules: ProviderOptions, outgoing: &Outgoing) -> Self {
        let way = Arc::new(Way(outgoing.clone(), rules.patience));
        let openid = OpenId::new(rules.settings.clone(), way);
        Self { rules, openid }
    }
}

/// The one way out, with the patience that a person has who waits for a page.
struct Way(Outgoing, Duration);

impl Fetch for Way {
    fn fetch(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> BoxFuture<'_, std::result::Result<http::Response<Vec<u8>>, FetchError>> {
        Box::pin(async move {
            match tokio::time::timeout(self.1, self.0.send(request)).await {
                Ok(answer) => answer.map_err(|error| FetchError(error.whole_text())),
                Err(_) => Err(FetchError("it took too long to answer".into())),
            }
        })
    }
}

/// An attempt that began: where the browser goes, and what it keeps meanwhile. No `Debug`: it holds a secret.
pub struct ProviderStart {
    /// The provider's address.
    pub url: String,
    /// For the browser's cookie.
    pub cookie: Zeroizing<String>,
}

/// Somebody who came back.
pub struct ProviderSignedIn {
    /// Who.
    pub shown: Shown,
    /// The local path that was asked for.
    pub return_to: String,
}

/// Why somebody is not let in.
struct Out {
    because: &'static str,
    detail: String,
    /// Whom it is about, where that is known.
    identity: Option<IdentityId>,
}

impl Out {
    fn new(because: &'static str) -> Self {
        Self {
            because,
            detail: String::new(),
            identity: None,
        }
    }

    fn of(because: &'static str, identity: IdentityId) -> Self {
        Self {
            identity: Some(identity),
            ..Self::new(because)
        }
    }
}

impl From<Refused> for Out {
    fn from(refused: Refused) -> Self {
        Self {
            because: refused.reason.code(),
            detail: refused.detail,
            identity: None,
        }
    }
}

type Found = std::result::Result<(IdentityId, String), Out>;

/// A refused answer that nobody had begun, to be counted: why, and where it came from.
pub(crate) type RefusedAnswer = (&'static str, Option<IpAddr>);

/// The one answer.
fn refused() -> Error {
    Error::new(
        Kind::Unauthenticated,
        "sign_in.provider",
        "Signing in at the provider of your organization did not succeed. Try it again from the start.",
    )
    .hint("If it goes on, an administrator finds the reason in the audit log.")
}

impl SignIn<'_> {
    /// The name of the provider, for the page; none where there is no provider.
    pub fn provider(&self) -> Option<&str> {
        let provider = self.0.provider()?;
        Some(&provider.rules.label)
    }

    fn known_provider(&self) -> Result<&Provider> {
        self.0.provider().ok_or_else(|| {
            Error::new(
                Kind::NotFound,
                "sign_in.no_provider",
                "This server has no sign-in provider.",
            )
        })
    }

    /// Begins an attempt. `again`: the person of the session, who shall show anew who it is.
    pub async fn provider_begin(
        &self,
        redirect_uri: &str,
        return_to: &str,
        again: Option<IdentityId>,
        address: Option<IpAddr>,
    ) -> Result<ProviderStart> {
        let provider = self.known_provider()?;
        let read = self.0.store().read().await?;
        let now = read.now();
        drop(read);
        self.0.attempts().sign_in(address, now)?;
        let now = now.0 / 1_000_000;
        let attempt = Attempt::new(|bytes| (self.0.entropy())(bytes));
        let url = provider
            .openid
            .begin(&attempt, redirect_uri, again.is_some(), now)
            .await;
        let url = match url {
            Ok(url) => url,
            Err(error) => return Err(self.refuse_without_attempt(error.into(), address).await),
        };
        let new = NewAttempt {
            hash: attempt.hash(),
            return_to: return_to.to_owned(),
            again,
            address: address.map_or_else(String::new, |address| address.to_string()),
        };
        let begun = self
            .0
            .store()
            .write("sign_in.attempt", move |tx| {
                let new = new.clone();
                Box::pin(async move { tx.attempt_begin(&new).await })
            })
            .await?;
        if !begun {
            let error = Out::new("too_many_attempts");
            return Err(self.refuse_without_attempt(error, address).await);
        }
        Ok(ProviderStart {
            url,
            cookie: attempt.cookie(),
        })
    }

    /// Takes the provider's answer. `cookie` is what [`SignIn::provider_begin`] gave to this browser.
    pub async fn provider_finish(
        &self,
        redirect_uri: &str,
        cookie: Option<&str>,
        answer: Answer,
        address: Option<IpAddr>,
    ) -> Result<ProviderSignedIn> {
        let provider = self.known_provider()?;
        // Without the browser that began it, an answer is somebody else's.
        let Some(attempt) = cookie.and_then(Attempt::from_cookie) else {
            let out = Out::new("attempt_unknown");
            return Err(self.refuse_without_attempt(out, address).await);
        };
        let hash = attempt.hash();
        let taken = self
            .0
            .store()
            .write("sign_in.answer", move |tx| {
                Box::pin(async move { tx.attempt_take(&hash).await })
            })
            .await?;
        let Some(taken) = taken else {
            let out = Out::new("attempt_unknown");
            return Err(self.refuse_without_attempt(out, address).await);
        };
        let now = self.seconds().await?;
        let since = taken.again.map(|_| taken.started_at.0 / 1_000_000);
        let verified = provider
            .openid
            .finish(&attempt, redirect_uri, answer, since, now)
            .await;
        let verified = match verified {
            Ok(verified) => verified,
            Err(error) => return Err(self.refuse(error.into(), None, &taken, address).await),
        };
        let (id, display_name) = match self.let_in(provider, &verified, &taken, address).await? {
            Ok(found) => found,
            Err(out) => return Err(self.refuse(out, Some(&verified), &taken, address).await),
        };
        let person = Person {
            id,
            unique_name: String::new(),
            display_name,
        };
        // A provider with a session of its own may send somebody back who typed nothing: such a sign-in is as old as the
        // provider says, and where it says nothing, too old to be fresh.
        let signed_in = verified.auth_time.unwrap_or(now - FRESH_SECONDS);
        let signed_in = Timestamp(signed_in.clamp(0, now) * 1_000_000);
        Ok(ProviderSignedIn {
            shown: self
                .shown(&person, METHOD, address, Proof::None)
                .elsewhere(signed_in),
            return_to: taken.return_to,
        })
    }

    async fn seconds(&self) -> Result<i64> {
        Ok(self.0.store().read().await?.now().0 / 1_000_000)
    }

    /// Who it is here, with the groups brought up to date; one unit of work.
    async fn let_in(
        &self,
        provider: &Provider,
        verified: &Verified,
        taken: &TakenAttempt,
        address: Option<IpAddr>,
    ) -> Result<Found> {
        let mut caller = self.0.duty("sign-in at the provider");
        caller.address = address;
        let new = NewIdentity {
            id: IdentityId::random(self.0.entropy()),
            kind: IdentityKind::User,
            project: None,
            unique_name: String::new(),
            display_name: String::new(),
        };
        let unit = Unit {
            caller,
            rules: provider.rules.clone(),
            verified: verified.clone(),
            new,
            again: taken.again,
        };
        let unit = Arc::new(unit);
        let done = self
            .0
            .store()
            .write("sign_in.provider", move |tx| {
                let unit = unit.clone();
                Box::pin(async move {
                    let found = unit.find(tx).await?;
                    if let Ok((person, _)) = &found {
                        unit.bring_groups(tx, *person).await?;
                    }
                    Ok(found)
                })
            })
            .await;
        match done {
            Err(Stop::Refused(Refusal::NameTaken)) => Ok(Err(Out::new("name_taken"))),
            done => Ok(done?),
        }
    }

    /// Puts a refusal on record: a row for each attempt, and attempts are few.
    async fn refuse(
        &self,
        out: Out,
        verified: Option<&Verified>,
        taken: &TakenAttempt,
        address: Option<IpAddr>,
    ) -> Error {
        let mut details = vec![("cause", out.because.to_owned())];
        if !out.detail.is_empty() {
            details.push(("detail", out.detail));
        }
        if let Some(verified) = verified {
            details.push(("issuer", verified.issuer.clone()));
            details.push(("subject", verified.subject.clone()));
        }
        let identity = out.identity.or(taken.again);
        match self.record(identity, details, address).await {
            Ok(()) => refused(),
            Err(error) => error,
        }
    }

    /// As [`Self::refuse`] where nobody had begun: one row per address, reason and minute.
    async fn refuse_without_attempt(&self, out: Out, address: Option<IpAddr>) -> Error {
        let now = match self.0.store().read().await {
            Ok(read) => read.now(),
            Err(error) => return error.into(),
        };
        tracing::warn!(because = out.because, detail = %out.detail, "a sign-in at the provider was refused");
        let row = (out.because, address);
        let Some((row, count)) = self.0.0.provider_refusals.take(row, now) else {
            return refused();
        };
        match self.record_answers(row, count, &out.detail).await {
            Ok(()) => refused(),
            Err(error) => error,
        }
    }

    /// Puts refusals on record that nobody had begun.
    pub(crate) async fn record_answers(
        &self,
        (cause, address): RefusedAnswer,
        count: u64,
        detail: &str,
    ) -> Result<()> {
        let mut details = vec![
            ("cause", cause.to_owned()),
            ("since the last record", count.to_string()),
        ];
        if !detail.is_empty() {
            details.push(("detail", detail.to_owned()));
        }
        self.record(None, details, address).await
    }

    async fn record(
        &self,
        identity: Option<IdentityId>,
        mut details: Vec<(&'static str, String)>,
        address: Option<IpAddr>,
    ) -> Result<()> {
        details.push(("method", METHOD.to_owned()));
        let identity = identity.unwrap_or(IdentityId(Uuid::nil()));
        let caller = self.0.nobody(address);
        let recorded = self
            .0
            .store()
            .write("sign_in.refuse", move |tx| {
                let (caller, details) = (caller.clone(), details.clone());
                Box::pin(async move {
                    tx.authorize_with(&caller, FailSignIn { identity }, &details)
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
}

/// What the unit of work is about.
struct Unit {
    caller: Caller,
    rules: ProviderOptions,
    verified: Verified,
    new: NewIdentity,
    again: Option<IdentityId>,
}

impl Unit {
    async fn find(&self, tx: &mut Tx) -> std::result::Result<Found, Stop> {
        let (issuer, subject) = (&self.verified.issuer, &self.verified.subject);
        let reader = Reader::of(&self.rules, &self.verified);
        let bound = tx.provider_person(issuer, subject).await?;
        if let (Some(again), bound) = (self.again, &bound)
            && bound.as_ref().map(|person| person.id) != Some(again)
        {
            // Signing in again is for the person of the session; somebody else signs in from the start.
            return Ok(Err(Out::of("other_person", again)));
        }
        if let Some(person) = bound {
            return Ok(if person.disabled {
                Err(Out::of("identity_disabled", person.id))
            } else if !reader.still_admitted() {
                Err(Out::of("not_admitted", person.id))
            } else {
                Ok((person.id, person.name))
            });
        }
        if !reader.still_admitted() {
            return Ok(Err(Out::new("not_admitted")));
        }
        let Some(name) = reader.name() else {
            return Ok(Err(Out::new("name_unfit")));
        };
        match tx.person_named(name).await? {
            Some(person) => {
                if person.disabled {
                    return Ok(Err(Out::of("identity_disabled", person.id)));
                }
                if !reader.binds_known() {
                    return Ok(Err(Out::of("not_bound", person.id)));
                }
                // The lesson of others: an address that the provider has not verified makes nobody.
                if !reader.is_verified_address(name) {
                    return Ok(Err(Out::of("email_not_verified", person.id)));
                }
                if tx.provider_knows(issuer, person.id).await? {
                    return Ok(Err(Out::of("bound_to_another_subject", person.id)));
                }
                self.bind(tx, person.id).await?;
                Ok(Ok((person.id, person.name)))
            }
            None => {
                if let Err(because) = reader.admits_new(name) {
                    return Ok(Err(Out::new(because)));
                }
                let new = NewIdentity {
                    unique_name: name.to_owned(),
                    display_name: reader.display_name(name),
                    ..self.new.clone()
                };
                let details = [("name", new.unique_name.clone())];
                let act = AddPersonOfProvider { identity: new.id };
                let grant = tx.authorize_with(&self.caller, act, &details).await?;
                let everybody = tx.everybody().await?;
                tx.provider_person_insert(grant, &new, everybody).await?;
                self.bind(tx, new.id).await?;
                Ok(Ok((new.id, new.display_name)))
            }
        }
    }

    async fn bind(&self, tx: &mut Tx, identity: IdentityId) -> std::result::Result<(), Stop> {
        let (issuer, subject) = (&self.verified.issuer, &self.verified.subject);
        let details = [("issuer", issuer.clone()), ("subject", subject.clone())];
        let act = BindToProvider { identity };
        let grant = tx.authorize_with(&self.caller, act, &details).await?;
        tx.provider_bind(grant, issuer, subject).await
    }

    /// Puts a person into the groups that the provider names, and out of those that it named and does not any more.
    /// Memberships that somebody here gave stay as they are.
    async fn bring_groups(&self, tx: &mut Tx, member: IdentityId) -> std::result::Result<(), Stop> {
        let issuer = &self.verified.issuer;
        let mut wanted = Vec::new();
        for rule in Reader::of(&self.rules, &self.verified).groups() {
            match tx.group_named(rule.project.as_deref(), &rule.group).await? {
                Some(group) => wanted.push(group),
                None => {
                    tracing::warn!(
                        group = rule.group,
                        "oidc.groups names a group that is not there"
                    );
                }
            }
        }
        let given = tx.provider_groups(issuer, member).await?;
        let details = |group: IdentityId| {
            [
                ("group", group.to_string()),
                ("member", member.to_string()),
                ("issuer", issuer.clone()),
            ]
        };
        let administrators = tx
            .group_named(None, access::COLLECTION_ADMINISTRATORS)
            .await?;
        for group in given.iter().copied().filter(|id| !wanted.contains(id)) {
            if Some(group) == administrators && !tx.has_other_people(group, member).await? {
                tracing::warn!(
                    "the provider does not name the last administrator's group any more; the membership stays"
                );
                continue;
            }
            let act = LeaveGroupByProvider { group, member };
            let grant = tx
                .authorize_with(&self.caller, act, &details(group))
                .await?;
            tx.provider_leave(grant).await?;
        }
        for group in wanted {
            if given.contains(&group) || tx.is_direct_member(group, member).await? {
                continue;
            }
            let act = JoinGroupByProvider { group, member };
            let grant = tx
                .authorize_with(&self.caller, act, &details(group))
                .await?;
            tx.provider_join(grant, issuer).await?;
        }
        Ok(())
    }
}

impl Service {
    pub(crate) fn provider(&self) -> Option<&Provider> {
        self.0.provider.as_ref()
    }
}
