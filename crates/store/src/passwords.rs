//! Passwords as Argon2id hashes, and the one-time codes by which people set them. It must not know how a hash is made.

use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::Grant;
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::{Act, ChangeOwnPassword, InvitePerson, RehashPassword, SetPasswordByCode};
use coffer_model::library::Person;
use coffer_model::{Authentication, Caller, IdentityId, Timestamp, name};
use uuid::Uuid;

statements! {
    // One question for a name that somebody has and for one that nobody has.
    BY_NAME = "select i.id, i.unique_name, i.display_name, p.hash,
            (select count(*) from second_factor f where f.identity_id = i.id and f.confirmed_at is not null) as second
        from identity i left join password p on p.identity_id = i.id
        where i.unique_key = $1 and i.kind = 1 and i.disabled_at is null";
    ANY = "select count(*) from (select 1 from password limit 1) any_password";
    OF = "select hash from password where identity_id = $1";
    PUT = "insert into password (identity_id, hash, changed_at) values ($1, $2, $3)
        on conflict (identity_id) do update set hash = excluded.hash, changed_at = excluded.changed_at";
    REHASH = "update password set hash = $1 where identity_id = $2 and hash = $3";
    CODE_PUT = "insert into password_code (identity_id, hash, created_at, expires_at) values ($1, $2, $3, $4)
        on conflict (identity_id) do update set hash = excluded.hash, created_at = excluded.created_at,
            expires_at = excluded.expires_at";
    CODE_SPEND = "delete from password_code where hash = $1 and expires_at > $2 returning identity_id";
    CODE_FORGET = "delete from password_code where identity_id = $1";
    CODE_OWNER = "select i.id, i.unique_name, i.display_name from password_code c join identity i on i.id = c.identity_id
        where c.hash = $1 and c.expires_at > $2";
}

/// What a sign-in by password compares with.
#[derive(Clone, Debug)]
pub struct PasswordRow {
    /// Who has the name.
    pub person: Person,
    /// The hash; none for somebody who never set a password.
    pub hash: Option<String>,
    /// Whether a second factor is asked for.
    pub second_factor: bool,
}

#[derive(sqlx::FromRow)]
struct NamedRow {
    id: Uuid,
    unique_name: String,
    display_name: String,
    hash: Option<String>,
    second: i64,
}

/// Acts that set a password, always the caller's own.
pub trait SetsPassword: Act {
    /// Whose.
    fn owner(&self) -> IdentityId;
}

impl SetsPassword for SetPasswordByCode {
    fn owner(&self) -> IdentityId {
        self.identity
    }
}

impl SetsPassword for ChangeOwnPassword {
    fn owner(&self) -> IdentityId {
        self.identity
    }
}

impl Tx {
    /// Sets the caller's password, and ends the caller's other sessions.
    pub async fn password_put<A: SetsPassword>(
        &mut self,
        grant: Grant<A>,
        caller: &Caller,
        hash: &str,
    ) -> Result<(), Stop> {
        let (act, by) = grant.redeem(self)?;
        if act.owner().0 != by || caller.identity.0 != by {
            return Err(StoreError::ForeignGrant.into());
        }
        self.run_one(&PUT, args![by, hash, self.now.0]).await?;
        self.run(&CODE_FORGET, args![by]).await?;
        self.change(&facts::sign_in(facts::PASSWORD, by, hash.as_bytes()));
        self.change(&facts::no_sign_in(facts::PASSWORD_CODE, by));
        match caller.authentication {
            Authentication::Session { session, .. } => {
                self.sessions_end_others(by, session).await?;
            }
            _ => {
                self.sessions_end(act.owner()).await?;
            }
        }
        Ok(())
    }

    /// The same password under newer parameters, unless it was changed meanwhile. Gives nothing to anybody.
    pub async fn password_rehash(
        &mut self,
        grant: Grant<RehashPassword>,
        old: &str,
        new: &str,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        match self.run(&REHASH, args![new, act.identity.0, old]).await? {
            1 => {
                let new = facts::sign_in(facts::PASSWORD, act.identity.0, new.as_bytes());
                self.change(&new);
                Ok(())
            }
            _ => Err(Refusal::State.into()),
        }
    }

    /// Keeps the digest of somebody's one-time code; one from before is worth nothing any more.
    pub async fn password_code_put(
        &mut self,
        grant: Grant<InvitePerson>,
        hash: &[u8; 32],
        seconds: i64,
    ) -> Result<Timestamp, Stop> {
        let (act, _) = grant.redeem(self)?;
        let until = self.now.plus_seconds(seconds);
        self.run_one(&CODE_PUT, args![act.identity.0, hash, self.now.0, until.0])
            .await?;
        self.change(&facts::sign_in(facts::PASSWORD_CODE, act.identity.0, hash));
        Ok(until)
    }

    /// Takes a one-time code away, if it is good now.
    pub async fn password_code_spend(&mut self, hash: &[u8; 32]) -> Result<(), Stop> {
        let found: Option<(Uuid,)> = self.maybe(&CODE_SPEND, args![hash, self.now.0]).await?;
        let (identity,) = found.ok_or(Refusal::CodeSpent)?;
        self.change(&facts::no_sign_in(facts::PASSWORD_CODE, identity));
        Ok(())
    }
}

impl ReadTx {
    /// Who has a sign-in name, and what the password is compared with. Names are canonical first.
    pub async fn password_named(
        &mut self,
        unique_name: &str,
    ) -> Result<Option<PasswordRow>, StoreError> {
        let row: Option<NamedRow> = self
            .conn
            .maybe(&BY_NAME, args![name::key(unique_name)])
            .await?;
        Ok(row.map(|row| PasswordRow {
            person: Person {
                id: IdentityId(row.id),
                unique_name: row.unique_name,
                display_name: row.display_name,
            },
            hash: row.hash,
            second_factor: row.second > 0,
        }))
    }

    /// An identity's own hash.
    pub async fn password_of(
        &mut self,
        identity: IdentityId,
    ) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = self.conn.maybe(&OF, args![identity.0]).await?;
        Ok(row.map(|(hash,)| hash))
    }

    /// Whether anybody has set a password.
    pub async fn password_any(&mut self) -> Result<bool, StoreError> {
        let (count,): (i64,) = self.conn.one(&ANY, args![]).await?;
        Ok(count > 0)
    }

    /// Whose one-time code it is, while it is good.
    pub async fn password_code_owner(
        &mut self,
        hash: &[u8; 32],
    ) -> Result<Option<Person>, StoreError> {
        let row: Option<(Uuid, String, String)> = self
            .conn
            .maybe(&CODE_OWNER, args![hash, self.now.0])
            .await?;
        Ok(row.map(|(id, unique_name, display_name)| Person {
            id: IdentityId(id),
            unique_name,
            display_name,
        }))
    }
}
