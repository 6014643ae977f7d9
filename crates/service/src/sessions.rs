//! Browser sessions: begun by who showed just now who it is, found again by a cookie's secret, ended by their owner, by
//! an administrator, by time, or with their owner.
//!
//! A session has two secrets. The first reads. A write also needs the second, which browsers send only from our own
//! pages, and the form's token, which is made from the first and stands in our own pages only.

use crate::error::{Error, PERSON, Result};
use crate::sign_in::Shown;
use crate::{Service, tokens};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coffer_model::act::{EndOwnSession, EndSessionsOf, StartSession, SweepEnded};
use coffer_model::policy::FRESH_SECONDS;
use coffer_model::{Authentication, Caller, CredentialId, IdentityId, Timestamp};
use coffer_store::Refusal;
use std::net::IpAddr;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What form tokens are made for, so that no other digest of a session's secret is one.
const FORM: &[u8] = b"coffer/form-token/v1\0";

/// How long browser sessions live.
#[derive(Clone, Copy, Debug)]
pub struct SessionLife {
    /// A session that nobody uses for so long is over, seconds.
    pub idle_seconds: i64,
    /// A session is over after so long, seconds.
    pub seconds: i64,
}

impl Default for SessionLife {
    fn default() -> Self {
        Self {
            idle_seconds: 60 * 60,
            seconds: 12 * 60 * 60,
        }
    }
}

/// Sessions.
pub struct Sessions<'a>(pub(crate) &'a Service);

/// A session that began just now. No `Debug`: it holds secrets.
pub struct NewSession {
    /// Its id.
    pub id: CredentialId,
    /// The secret that reads.
    pub secret: Zeroizing<String>,
    /// The secret that every write needs besides.
    pub write_secret: Zeroizing<String>,
}

/// A live session, found by its secret.
#[derive(Clone)]
pub struct FoundSession {
    /// Its owner as a caller.
    pub caller: Caller,
    /// Its id.
    pub id: CredentialId,
    /// How its owner signed in, such as `password`.
    pub method: String,
    /// When its owner last showed who it is.
    pub signed_in: Timestamp,
    /// Whether that is so short ago that grave acts need no new sign-in. The gate itself decides at the act.
    pub fresh: bool,
    /// The database's clock when it was looked up.
    pub now: Timestamp,
    /// What the forms of its pages carry.
    pub form_token: String,
    write_hash: [u8; 32],
}

impl FoundSession {
    /// Whether a write comes from one of this session's own pages.
    pub fn may_write(&self, write_secret: &str, form_token: &str) -> bool {
        let own = verify_slices_are_equal(&tokens::hash(write_secret), &self.write_hash);
        let form = verify_slices_are_equal(form_token.as_bytes(), self.form_token.as_bytes());
        own.is_ok() && form.is_ok()
    }
}

/// The form token that belongs to a secret.
pub fn form_token(secret: &str) -> String {
    let whole = Zeroizing::new([FORM, secret.as_bytes()].concat());
    URL_SAFE_NO_PAD.encode(digest(&SHA256, &whole).as_ref())
}

/// Whether a form token belongs to a secret.
pub fn is_form_token(secret: &str, token: &str) -> bool {
    verify_slices_are_equal(form_token(secret).as_bytes(), token.as_bytes()).is_ok()
}

/// A live session in a list of its owner's.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// Its id.
    pub id: CredentialId,
    /// How its owner signed in.
    pub method: String,
    /// Where from.
    pub address: String,
    /// When.
    pub signed_in: Timestamp,
    /// When it was last used, to the minute.
    pub seen: Timestamp,
}

impl Sessions<'_> {
    /// Begins a session. `replaces` is the secret of the session that the browser had until now: it ends, whoever's it
    /// was, so that no secret from before a sign-in is worth anything after it.
    pub async fn begin(&self, shown: Shown, replaces: Option<&str>) -> Result<NewSession> {
        let service = self.0;
        let secret = tokens::secret(service.entropy());
        let write_secret = tokens::secret(service.entropy());
        let id = CredentialId::random(service.entropy());
        let new = coffer_store::NewSession {
            hash: tokens::hash(&secret),
            write_hash: tokens::hash(&write_secret),
            method: shown.method(),
            signed_in: shown.elsewhere,
            address: shown.address_text(),
            seconds: service.session_life().seconds,
            replaces: replaces.map(tokens::hash),
        };
        let started = shown.clone();
        let stored = service
            .store()
            .write("session.start", move |tx| {
                let (shown, new) = (started.clone(), new.clone());
                Box::pin(async move {
                    let act = StartSession {
                        identity: shown.caller.identity,
                        session: id,
                    };
                    let details = [("session", id.to_string())];
                    let grant = tx.authorize_with(&shown.caller, act, &details).await?;
                    shown.spend(tx).await?;
                    tx.session_insert(grant, &new).await
                })
            })
            .await;
        service.passwords().unless_replayed(&shown, stored).await?;
        Ok(NewSession {
            id,
            secret,
            write_secret,
        })
    }

    /// The live session with this secret.
    pub async fn find(
        &self,
        secret: &str,
        address: Option<IpAddr>,
    ) -> Result<Option<FoundSession>> {
        let service = self.0;
        if secret.len() > tokens::SECRET_LENGTH {
            return Ok(None);
        }
        let hash = tokens::hash(secret);
        let mut read = service.store().read().await?;
        let Some(row) = read
            .session(&hash, service.session_life().idle_seconds)
            .await?
        else {
            return Ok(None);
        };
        let (due, now) = (row.is_due(read.now()), read.now());
        drop(read);
        if due {
            let id = row.id;
            service
                .store()
                .write("session.seen", move |tx| {
                    Box::pin(async move { tx.session_seen(id).await })
                })
                .await?;
        }
        Ok(Some(FoundSession {
            caller: Caller {
                organization: service.organization().id,
                identity: row.identity,
                name: row.name,
                authentication: Authentication::Session {
                    session: row.id,
                    signed_in: row.signed_in,
                },
                address,
                request: coffer_model::Request::default(),
            },
            id: row.id,
            method: row.method,
            signed_in: row.signed_in,
            now,
            fresh: now < row.signed_in.plus_seconds(FRESH_SECONDS),
            form_token: form_token(secret),
            write_hash: row.write_hash,
        }))
    }

    /// The caller's live sessions, newest first.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<SessionView>> {
        let mut read = self.0.store().read().await?;
        let rows = read
            .sessions_of(caller.identity, self.0.session_life().idle_seconds)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| SessionView {
                id: row.id,
                method: row.method,
                address: row.address,
                signed_in: row.signed_in,
                seen: row.seen,
            })
            .collect())
    }

    /// Ends one of the caller's own sessions.
    pub async fn end(&self, caller: &Caller, session: CredentialId) -> Result<()> {
        let caller = caller.clone();
        self.0
            .store()
            .write("session.end", move |tx| {
                let caller = caller.clone();
                Box::pin(async move {
                    let act = EndOwnSession {
                        identity: caller.identity,
                        session,
                    };
                    let grant = tx.authorize(&caller, act).await?;
                    tx.session_end_own(grant).await
                })
            })
            .await?;
        Ok(())
    }

    /// Forgets tokens, sessions and codes that ended long ago. Answers with how much there was.
    pub(crate) async fn sweep(&self) -> Result<u64> {
        let waiting = self.0.store().read().await?.ended_waiting().await?;
        if waiting == 0 {
            return Ok(0);
        }
        let organization = self.0.organization().id;
        let caller = self.0.duty("forget what ended");
        let removed = self
            .0
            .store()
            .write("sign_in.sweep", move |tx| {
                let caller = caller.clone();
                Box::pin(async move {
                    let act = SweepEnded { organization };
                    let details = [("waiting", waiting.to_string())];
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    tx.sweep_ended(grant).await
                })
            })
            .await?;
        Ok(removed)
    }

    /// Ends every session of somebody. Answers with how many there were.
    pub async fn end_all(&self, caller: &Caller, who: &str) -> Result<u64> {
        let (caller, who, organization) =
            (caller.clone(), who.to_owned(), self.0.organization().id);
        self.0
            .store()
            .write("session.end_all", move |tx| {
                let (caller, who) = (caller.clone(), who.clone());
                Box::pin(async move {
                    let found = tx.identity_named(&who).await?.map(|person| person.id);
                    let identity = found.unwrap_or(IdentityId(Uuid::nil()));
                    let act = EndSessionsOf {
                        organization,
                        identity,
                    };
                    let grant = tx.authorize(&caller, act).await?;
                    if found.is_none() {
                        return Err(Refusal::NotFound.into());
                    }
                    tx.sessions_end_of(grant).await
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&PERSON))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_token_belongs_to_one_secret() {
        let token = form_token("secret");
        assert!(is_form_token("secret", &token));
        assert!(!is_form_token("Secret", &token));
        assert!(!is_form_token("secret", &token[1..]));
        assert!(!is_form_token("secret", ""));
        assert_ne!(token, URL_SAFE_NO_PAD.encode(tokens::hash("secret")));
    }
}
