//! Breaking glass: the one way by which the content of a file reaches people. Two officers agree, each with a sign-in in the
//! call itself; then the content of one file leaves once, encrypted to whom the request names. Never a key, never in the
//! clear, never to a disk.
//!
//! Who may and when is the gate's decision. Every step is on record, allowed or denied, and a warning in the log.

use crate::Service;
use crate::again::{Again, Proven};
use crate::download::Download;
use crate::error::{BREAK_GLASS, Error, FILE, Kind, Noun, Result};
use crate::reason::reason;
use age::x25519::Recipient;
use coffer_model::act::{
    Act, ApproveBreakGlass, ExpireBreakGlass, ExportBreakGlass, RequestBreakGlass, ViewKeys,
    WithdrawBreakGlass,
};
use coffer_model::break_glass::Wish;
use coffer_model::policy::Denied;
use coffer_model::{Authentication, Caller, FileId, IdentityId, ProjectId, name};
use coffer_store::{BoxFuture, BreakGlassRow, Grant, Refusal, Stop, Tx};
use std::io::Write as _;
use uuid::Uuid;

/// The longest recipient, bytes: an age public key has 62.
const MAX_RECIPIENT: usize = 100;
/// Requests ended in one round.
const MOST_EXPIRED: i64 = 100;

/// Breaking glass.
pub struct BreakGlass<'a>(pub(crate) &'a Service);

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The project, by name or id.
    pub project: String,
    /// The file, by name or id.
    pub file: String,
    /// Why.
    pub reason: String,
    /// Whom to encrypt the content to: an age public key.
    pub recipient: String,
}

/// What was had.
pub struct Exported {
    /// The file's name.
    pub name: String,
    /// The content as an age file.
    pub sealed: Vec<u8>,
}

/// Who acts, and whether the configuration names them.
struct Officer {
    proven: Proven,
    listed: bool,
}

/// The file of nothing: what a request that is not there is for.
const NOWHERE: (ProjectId, FileId) = (ProjectId(Uuid::nil()), FileId(Uuid::nil()));

fn invalid(text: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, "argument.invalid", text)
}

fn recipient(text: &str) -> Result<Recipient> {
    let wrong = || {
        invalid("The recipient is not an age public key. It begins with age1 and has 62 characters.")
            .hint("`age-keygen` makes a pair; the public key goes into the request, the other stays with the recipient.")
    };
    let text = text.trim();
    if text.len() > MAX_RECIPIENT {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

fn over(stop: Stop, about: &Noun) -> Error {
    match stop {
        Stop::Refused(Refusal::State) => Error::new(
            Kind::Conflict,
            "break_glass.over",
            "Somebody else was quicker: the request is not what it was a moment ago.",
        )
        .hint("`coffer key break-glass list` shows how far it is."),
        stop => Error::from(stop).about(about),
    }
}

impl BreakGlass<'_> {
    /// All requests, newest first, for officers.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<BreakGlassRow>> {
        let organization = self.0.organization().id;
        let mut read = self.0.store().read().await?;
        let looked = read.look(caller, ViewKeys { organization }).await;
        let seen = looked.map_err(|stop| over(stop, &BREAK_GLASS))?;
        Ok(read.break_glass_requests(&seen).await?)
    }

    /// Asks, as the first officer.
    pub async fn request(
        &self,
        caller: &Caller,
        asked: &Asked,
        again: Again,
    ) -> Result<BreakGlassRow> {
        let why = reason("Breaking glass", &asked.reason)?;
        let recipient = recipient(&asked.recipient)?.to_string();
        let officer = self.officer(caller, again).await?;
        let mut read = self.0.store().read().await?;
        let target = read.break_glass_target(&asked.project, &asked.file).await?;
        drop(read);
        let (project, file) = target;
        let (organization, listed) = (self.0.organization().id, officer.listed);
        let act = RequestBreakGlass {
            organization,
            project,
            file,
            listed,
        };
        let proven = officer.proven.clone();
        let stored = self
            .0
            .store()
            .write("break_glass.request", move |tx| {
                let (proven, act) = (proven.clone(), act.clone());
                let (why, recipient) = (why.clone(), recipient.clone());
                Box::pin(async move {
                    let details = [("recipient", recipient.clone()), ("why", why.clone())];
                    let grant = tx.authorize_with(&proven.caller, act, &details).await?;
                    proven.spend(tx).await?;
                    tx.break_glass_insert(grant, &why, &recipient).await
                })
            })
            .await;
        let request = stored.as_ref().map_or(Uuid::nil(), |request| *request);
        self.done(&officer, "request", request, stored).await?;
        self.one(caller, request).await
    }

    /// Agrees, as the second officer. `digest` names what the officer saw.
    pub async fn approve(
        &self,
        caller: &Caller,
        request: Uuid,
        digest: [u8; 32],
        again: Again,
    ) -> Result<BreakGlassRow> {
        let officer = self.officer(caller, again).await?;
        let (_, (project, file)) = self.wish(request).await?;
        let act = ApproveBreakGlass {
            organization: self.0.organization().id,
            project,
            file,
            listed: officer.listed,
            request,
            digest,
        };
        let stored = self
            .step(
                &officer,
                "break_glass.approve",
                act,
                named(request, &digest),
                |tx, grant| Box::pin(tx.break_glass_approve(grant)),
            )
            .await;
        self.done(&officer, "approve", request, stored).await?;
        self.one(caller, request).await
    }

    /// Takes a request back. Any officer may, without another sign-in: it only makes less possible.
    pub async fn withdraw(&self, caller: &Caller, request: Uuid) -> Result<()> {
        let officer = self.officer(caller, Again::default()).await?;
        let (_, (project, file)) = self.wish(request).await?;
        let act = WithdrawBreakGlass {
            organization: self.0.organization().id,
            project,
            file,
            listed: officer.listed,
            request,
        };
        let stored = self
            .step(
                &officer,
                "break_glass.withdraw",
                act,
                [("request", request.to_string())],
                |tx, grant| Box::pin(tx.break_glass_withdraw(grant)),
            )
            .await;
        self.done(&officer, "withdraw", request, stored).await
    }

    /// The content, once, encrypted to whom the request names.
    ///
    /// The request is spent with the record, before anything is opened: what fails after that needs a new request.
    pub async fn export(
        &self,
        caller: &Caller,
        request: Uuid,
        digest: [u8; 32],
        again: Again,
    ) -> Result<Exported> {
        let officer = self.officer(caller, again).await?;
        let (wish, (project, file)) = self.wish(request).await?;
        let act = ExportBreakGlass {
            organization: self.0.organization().id,
            project,
            file,
            listed: officer.listed,
            request,
            digest,
        };
        let stored = self
            .step(
                &officer,
                "break_glass.export",
                act,
                named(request, &digest),
                |tx, grant| Box::pin(tx.break_glass_export(grant)),
            )
            .await;
        let body = self.done(&officer, "export", request, stored).await?;
        // The gate compared the stored row with this digest; so this is the same row.
        let wish = wish
            .filter(|wish| wish.digest() == digest)
            .ok_or(Denied::RequestChanged)?;
        let recipient = recipient(&wish.recipient)?;
        let mut plain = Download::of(self.0, body, project, file).await?;
        let name = plain.name().to_owned();
        let recipient: &dyn age::Recipient = &recipient;
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(%request, %error, "the content could not be encrypted");
            Error::new(
                Kind::Internal,
                "internal",
                "The content could not be encrypted.",
            )
        };
        let encryptor = age::Encryptor::with_recipients(std::iter::once(recipient))
            .map_err(|error| failed(&error))?;
        let mut sealed = Vec::new();
        let mut writer = encryptor
            .wrap_output(&mut sealed)
            .map_err(|error| failed(&error))?;
        while let Some(piece) = plain.next().await? {
            writer.write_all(&piece).map_err(|error| failed(&error))?;
        }
        writer.finish().map_err(|error| failed(&error))?;
        Ok(Exported { name, sealed })
    }

    /// The caller as an officer: with what was shown in this call, if anything was, and whether the configuration names it.
    async fn officer(&self, caller: &Caller, again: Again) -> Result<Officer> {
        let mut listed = false;
        if matches!(caller.authentication, Authentication::Token { .. }) {
            let own = self.0.people().me(caller).await?.person();
            let key = name::key(&own.unique_name);
            let officers = &self.0.0.break_glass_officers;
            listed = officers.iter().any(|named| name::key(named) == key);
        }
        Ok(Officer {
            proven: again.of(self.0, caller).await?,
            listed,
        })
    }

    /// What the request says, and the file that it is for: that of nothing when there is no request.
    async fn wish(&self, request: Uuid) -> Result<(Option<Wish>, (ProjectId, FileId))> {
        let mut read = self.0.store().read().await?;
        let wish = read.break_glass_wish(request).await?;
        let place = wish
            .as_ref()
            .map_or(NOWHERE, |wish| (wish.project, wish.file));
        Ok((wish, place))
    }

    async fn one(&self, caller: &Caller, request: Uuid) -> Result<BreakGlassRow> {
        let organization = self.0.organization().id;
        let mut read = self.0.store().read().await?;
        let seen = read.look(caller, ViewKeys { organization }).await?;
        let found = read.break_glass_request(&seen, request).await?;
        found.ok_or_else(|| Error::from(Refusal::NotFound))
    }

    /// One step about a request that is there already, in one unit: on record, what was shown used up, done.
    async fn step<A: Act + Clone + Send + Sync + 'static, T: Send + 'static, const N: usize>(
        &self,
        officer: &Officer,
        name: &'static str,
        act: A,
        details: [(&'static str, String); N],
        then: Then<A, T>,
    ) -> std::result::Result<T, Stop> {
        let proven = officer.proven.clone();
        self.0
            .store()
            .write(name, move |tx| {
                let (proven, act, details) = (proven.clone(), act.clone(), details.clone());
                Box::pin(async move {
                    let grant = tx.authorize_with(&proven.caller, act, &details).await?;
                    proven.spend(tx).await?;
                    then(tx, grant).await
                })
            })
            .await
    }

    /// What came of a step. Loud: whoever watches the log must see that glass is broken, or that somebody tried.
    async fn done<T>(
        &self,
        officer: &Officer,
        step: &'static str,
        request: Uuid,
        stored: std::result::Result<T, Stop>,
    ) -> Result<T> {
        let outcome = match &stored {
            Ok(_) => "done",
            Err(Stop::Denied { .. }) => "denied",
            Err(_) => "failed",
        };
        let IdentityId(by) = officer.proven.caller.identity;
        tracing::warn!(%request, step, outcome, %by, "break-glass");
        let stored = officer.proven.unless_replayed(self.0, stored).await?;
        let about = if step == "request" {
            &FILE
        } else {
            &BREAK_GLASS
        };
        stored.map_err(|stop| over(stop, about))
    }
}

impl Service {
    /// Puts on record that time ran out for requests: nobody agreed, or nobody had the content. The gate refuses them from
    /// that moment on whether it is on record or not.
    pub async fn expire_break_glass(&self) -> Result<()> {
        let overdue = self
            .store()
            .read()
            .await?
            .break_glass_overdue(MOST_EXPIRED)
            .await?;
        for row in overdue {
            let (duty, wish) = (self.duty("end break-glass requests"), row.wish.clone());
            let details = [
                ("request", wish.request.to_string()),
                ("digest", hex::encode(wish.digest())),
                ("was", row.noted().word().to_owned()),
                ("until", row.until.0.to_string()),
            ];
            let noted = self
                .store()
                .write("break_glass.expire", move |tx| {
                    let (duty, details) = (duty.clone(), details.clone());
                    let act = ExpireBreakGlass {
                        project: wish.project,
                        file: wish.file,
                        request: wish.request,
                    };
                    Box::pin(async move {
                        let grant = tx.authorize_with(&duty, act, &details).await?;
                        tx.break_glass_expire(grant).await
                    })
                })
                .await;
            match noted {
                Ok(()) => {
                    tracing::warn!(request = %row.wish.request, step = "expire", outcome = "done", "break-glass");
                }
                // Another node noted it, or an officer was quicker.
                Err(Stop::Refused(Refusal::State)) => {}
                Err(stop) => return Err(stop.into()),
            }
        }
        Ok(())
    }
}

/// What a step does once it is granted.
type Then<A, T> = for<'t> fn(&'t mut Tx, Grant<A>) -> BoxFuture<'t, std::result::Result<T, Stop>>;

fn named(request: Uuid, digest: &[u8; 32]) -> [(&'static str, String); 2] {
    [
        ("request", request.to_string()),
        ("digest", hex::encode(digest)),
    ]
}
