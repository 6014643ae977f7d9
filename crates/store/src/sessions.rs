//! Browser sessions: digests only, each with its owner, how the owner signed in, and its two ends (idle and absolute).
//! It must not know cookies.

use crate::audit::fixed;
use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::Grant;
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::{EndOwnSession, EndSessionsOf, StartSession};
use coffer_model::{CredentialId, IdentityId, Timestamp};
use uuid::Uuid;

/// A session's last use is written down at most this often, seconds.
const SEEN_EVERY: i64 = 60;

statements! {
    INSERT = "insert into session (id, hash, write_hash, identity_id, method, address, created_at, signed_in_at, seen_at,
            expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $9, $7, $8)";
    // An ended or forgotten session, or one of a disabled identity, is the same as none.
    FIND = "select s.id, s.write_hash, s.identity_id, i.display_name, s.method, s.signed_in_at, s.seen_at
        from session s join identity i on i.id = s.identity_id
        where s.hash = $1 and s.ended_at is null and s.expires_at > $2 and s.seen_at > $3 and i.disabled_at is null";
    OF_IDENTITY = "select id, method, address, signed_in_at, seen_at from session
        where identity_id = $1 and ended_at is null and expires_at > $2 and seen_at > $3 order by signed_in_at desc";
    SEEN = "update session set seen_at = $1 where id = $2 and seen_at < $3 and ended_at is null";
    REPLACED = "update session set ended_at = $1 where hash = $2 and ended_at is null returning id";
    END_OWN = "update session set ended_at = $1 where id = $2 and identity_id = $3 and ended_at is null";
    END_OF = "update session set ended_at = $1 where identity_id = $2 and ended_at is null returning id";
    END_OTHERS = "update session set ended_at = $1 where identity_id = $2 and id <> $3 and ended_at is null returning id";
}

/// A session to store.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// SHA-256 of the cookie that reads.
    pub hash: [u8; 32],
    /// SHA-256 of the cookie that every write needs besides.
    pub write_hash: [u8; 32],
    /// How its owner signed in, for lists.
    pub method: &'static str,
    /// When its owner showed who it is, if that was before now.
    pub signed_in: Option<Timestamp>,
    /// Where from.
    pub address: String,
    /// How long it lives at most, seconds.
    pub seconds: i64,
    /// SHA-256 of the session that the same browser had before, which ends now.
    pub replaces: Option<[u8; 32]>,
}

/// A live session.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Its id.
    pub id: CredentialId,
    /// SHA-256 of the cookie that every write needs.
    pub write_hash: [u8; 32],
    /// Whose it is.
    pub identity: IdentityId,
    /// The owner's name.
    pub name: String,
    /// How the owner signed in.
    pub method: String,
    /// When.
    pub signed_in: Timestamp,
    /// When its use was last written down.
    pub seen: Timestamp,
}

/// A live session in a list of its owner's.
#[derive(Clone, Debug)]
pub struct SessionListed {
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

#[derive(sqlx::FromRow)]
struct FoundRow {
    id: Uuid,
    write_hash: Vec<u8>,
    identity_id: Uuid,
    display_name: String,
    method: String,
    signed_in_at: i64,
    seen_at: i64,
}

impl Tx {
    /// Stores a session for whom the grant names. Answers with the one that it replaces, which is over.
    pub async fn session_insert(
        &mut self,
        grant: Grant<StartSession>,
        new: &NewSession,
    ) -> Result<(), Stop> {
        let (act, caller) = grant.redeem(self)?;
        if act.identity.0 != caller {
            return Err(StoreError::ForeignGrant.into());
        }
        if let Some(old) = &new.replaces {
            let ended: Option<(Uuid,)> = self.maybe(&REPLACED, args![self.now.0, old]).await?;
            if let Some((ended,)) = ended {
                self.change(&facts::no_session(ended));
            }
        }
        self.run_one(
            &INSERT,
            args![
                act.session.0,
                &new.hash,
                &new.write_hash,
                caller,
                new.method,
                &new.address,
                self.now.0,
                self.now.plus_seconds(new.seconds).0,
                new.signed_in.map_or(self.now.0, |at| at.0.min(self.now.0)),
            ],
        )
        .await?;
        self.change(&facts::session(act.session.0, caller, &new.hash));
        Ok(())
    }

    /// Ends one of the caller's own sessions.
    pub async fn session_end_own(&mut self, grant: Grant<EndOwnSession>) -> Result<(), Stop> {
        let (act, caller) = grant.redeem(self)?;
        match self
            .run(&END_OWN, args![self.now.0, act.session.0, caller])
            .await?
        {
            1 => {
                self.change(&facts::no_session(act.session.0));
                Ok(())
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }

    /// Ends every session of somebody. Answers with how many there were.
    pub async fn sessions_end_of(&mut self, grant: Grant<EndSessionsOf>) -> Result<u64, Stop> {
        let (act, _) = grant.redeem(self)?;
        Ok(self.sessions_end(act.identity).await?)
    }

    /// Ends every session of an identity, as part of what was granted: it is disabled, or its password was set anew.
    pub(crate) async fn sessions_end(&mut self, identity: IdentityId) -> Result<u64, StoreError> {
        let ended: Vec<(Uuid,)> = self.all(&END_OF, args![self.now.0, identity.0]).await?;
        for (session,) in &ended {
            self.change(&facts::no_session(*session));
        }
        Ok(ended.len() as u64)
    }

    /// As [`Tx::sessions_end`], but for the session that asks for it.
    pub(crate) async fn sessions_end_others(
        &mut self,
        identity: Uuid,
        but: CredentialId,
    ) -> Result<(), StoreError> {
        let values = args![self.now.0, identity, but.0];
        for (session,) in self.all::<(Uuid,)>(&END_OTHERS, values).await? {
            self.change(&facts::no_session(session));
        }
        Ok(())
    }

    /// Notes that a session is in use. Gives nothing: a session that is over stays over.
    pub async fn session_seen(&mut self, id: CredentialId) -> Result<(), Stop> {
        let before = self.now.plus_seconds(-SEEN_EVERY);
        self.run(&SEEN, args![self.now.0, id.0, before.0]).await?;
        Ok(())
    }
}

impl SessionRow {
    /// Whether its use should be written down again.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.seen < now.plus_seconds(-SEEN_EVERY)
    }
}

impl ReadTx {
    /// The live session with a digest, unless nobody used it for `idle_seconds`.
    pub async fn session(
        &mut self,
        hash: &[u8; 32],
        idle_seconds: i64,
    ) -> Result<Option<SessionRow>, StoreError> {
        let since = self.now.plus_seconds(-idle_seconds);
        let row: Option<FoundRow> = self
            .conn
            .maybe(&FIND, args![hash, self.now.0, since.0])
            .await?;
        row.map(|row| {
            Ok(SessionRow {
                id: CredentialId(row.id),
                write_hash: fixed(row.write_hash, "session", "write_hash")?,
                identity: IdentityId(row.identity_id),
                name: row.display_name,
                method: row.method,
                signed_in: Timestamp(row.signed_in_at),
                seen: Timestamp(row.seen_at),
            })
        })
        .transpose()
    }

    /// An identity's live sessions, newest first.
    pub async fn sessions_of(
        &mut self,
        identity: IdentityId,
        idle_seconds: i64,
    ) -> Result<Vec<SessionListed>, StoreError> {
        let since = self.now.plus_seconds(-idle_seconds);
        let rows: Vec<(Uuid, String, String, i64, i64)> = self
            .conn
            .all(&OF_IDENTITY, args![identity.0, self.now.0, since.0])
            .await?;
        Ok(rows
            .into_iter()
            .map(|(id, method, address, signed_in, seen)| SessionListed {
                id: CredentialId(id),
                method,
                address,
                signed_in: Timestamp(signed_in),
                seen: Timestamp(seen),
            })
            .collect())
    }
}
