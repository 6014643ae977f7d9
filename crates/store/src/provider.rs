//! Sign-in at a provider: attempts under way, whom a provider's subject is here, and memberships that a provider gave.
//! It must not know what a provider says or how it is asked.

use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::Grant;
use crate::identities::NewIdentity;
use crate::sql::{args, statements};
use crate::unit::Tx;
use coffer_model::act::{
    AddPersonOfProvider, BindToProvider, JoinGroupByProvider, LeaveGroupByProvider,
};
use coffer_model::{IdentityId, Timestamp, name};
use uuid::Uuid;

/// How long a person may take at the provider, seconds.
pub const ATTEMPT_SECONDS: i64 = 600;
/// Attempts under way from one address.
const MOST_OF_ADDRESS: i64 = 100;
/// Attempts under way at all.
const MOST: i64 = 10_000;

statements! {
    FORGET = "delete from sign_in_attempt where expires_at <= $1";
    PENDING = "select count(*), count(case when address = $1 then 1 end) from sign_in_attempt";
    BEGIN = "insert into sign_in_attempt (hash, return_to, identity_id, address, started_at, expires_at)
        values ($1, $2, $3, $4, $5, $6)";
    TAKE = "delete from sign_in_attempt where hash = $1
        returning return_to, identity_id, started_at, expires_at";
    BOUND = "select i.id, i.display_name, i.disabled_at from provider_identity p join identity i on i.id = p.identity_id
        where p.issuer = $1 and p.subject = $2";
    NAMED = "select id, display_name, disabled_at from identity where unique_key = $1 and kind = 1";
    IS_BOUND = "select subject from provider_identity where issuer = $1 and identity_id = $2";
    BIND = "insert into provider_identity (issuer, subject, identity_id, bound_at) values ($1, $2, $3, $4)
        on conflict do nothing";
    GIVEN = "select group_id from provider_membership where member_id = $1 and issuer = $2";
    GIVE = "insert into provider_membership (group_id, member_id, issuer) values ($1, $2, $3)";
    IS_MEMBER = "select count(*) as n from membership where group_id = $1 and member_id = $2";
    OTHERS = "select count(*) as n from membership m join identity i on i.id = m.member_id
        where m.group_id = $1 and m.member_id <> $2 and i.kind = 1 and i.disabled_at is null";
    LEAVE = "delete from membership where group_id = $1 and member_id = $2
        and exists (select 1 from provider_membership p where p.group_id = $1 and p.member_id = $2)";
}

/// An attempt to store.
#[derive(Clone, Debug)]
pub struct NewAttempt {
    /// SHA-256 of the browser's secret.
    pub hash: [u8; 32],
    /// The local path to return to.
    pub return_to: String,
    /// Who signs in again.
    pub again: Option<IdentityId>,
    /// Where from.
    pub address: String,
}

/// An attempt that was under way.
#[derive(Clone, Debug)]
pub struct TakenAttempt {
    /// The local path to return to.
    pub return_to: String,
    /// Who signs in again.
    pub again: Option<IdentityId>,
    /// When it began.
    pub started_at: Timestamp,
}

/// Whom a provider's subject is here.
#[derive(Clone, Debug)]
pub struct BoundPerson {
    /// Who.
    pub id: IdentityId,
    /// The name people see.
    pub name: String,
    /// Whether the person may not act.
    pub disabled: bool,
}

fn bound((id, name, disabled): (Uuid, String, Option<i64>)) -> BoundPerson {
    BoundPerson {
        id: IdentityId(id),
        name,
        disabled: disabled.is_some(),
    }
}

type AttemptRow = (String, Option<Uuid>, i64, i64);

impl Tx {
    /// Stores an attempt; forgets those whose time is over. False when too many are under way. It gives nobody
    /// anything, so no grant is asked for.
    pub async fn attempt_begin(&mut self, new: &NewAttempt) -> Result<bool, Stop> {
        self.run(&FORGET, args![self.now.0]).await?;
        let (all, own): (i64, i64) = self.conn.one(&PENDING, args![&new.address]).await?;
        if all >= MOST || own >= MOST_OF_ADDRESS {
            return Ok(false);
        }
        self.run_one(
            &BEGIN,
            args![
                &new.hash,
                &new.return_to,
                new.again.map(|identity| identity.0),
                &new.address,
                self.now.0,
                self.now.plus_seconds(ATTEMPT_SECONDS).0,
            ],
        )
        .await?;
        Ok(true)
    }

    /// Takes an attempt away, whatever comes of it: it is tried once.
    pub async fn attempt_take(&mut self, hash: &[u8; 32]) -> Result<Option<TakenAttempt>, Stop> {
        let row: Option<AttemptRow> = self.maybe(&TAKE, args![hash]).await?;
        Ok(row.filter(|(.., expires_at)| *expires_at > self.now.0).map(
            |(return_to, identity, started_at, _)| TakenAttempt {
                return_to,
                again: identity.map(IdentityId),
                started_at: Timestamp(started_at),
            },
        ))
    }

    /// Whom a subject is here.
    pub async fn provider_person(
        &mut self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<BoundPerson>, StoreError> {
        let row: Option<(Uuid, String, Option<i64>)> =
            self.maybe(&BOUND, args![issuer, subject]).await?;
        Ok(row.map(bound))
    }

    /// The person with a sign-in name, also a disabled one; no group and no service.
    pub async fn person_named(
        &mut self,
        unique_name: &str,
    ) -> Result<Option<BoundPerson>, StoreError> {
        let row: Option<(Uuid, String, Option<i64>)> =
            self.maybe(&NAMED, args![name::key(unique_name)]).await?;
        Ok(row.map(bound))
    }

    /// Whether a person is known by some subject at the issuer.
    pub async fn provider_knows(
        &mut self,
        issuer: &str,
        identity: IdentityId,
    ) -> Result<bool, StoreError> {
        let row: Option<(String,)> = self.maybe(&IS_BOUND, args![issuer, identity.0]).await?;
        Ok(row.is_some())
    }

    /// Binds a person to a subject. Both must be free.
    pub async fn provider_bind(
        &mut self,
        grant: Grant<BindToProvider>,
        issuer: &str,
        subject: &str,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        match self
            .run(&BIND, args![issuer, subject, act.identity.0, self.now.0])
            .await?
        {
            1 => {
                self.change(&facts::bound(issuer, subject, act.identity.0));
                Ok(())
            }
            _ => Err(Refusal::NameTaken.into()),
        }
    }

    /// Adds a person for whom the provider vouches, to the group of everybody.
    pub async fn provider_person_insert(
        &mut self,
        grant: Grant<AddPersonOfProvider>,
        new: &NewIdentity,
        everybody: IdentityId,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        if act.identity != new.id {
            return Err(StoreError::ForeignGrant.into());
        }
        self.identity_insert(new).await?;
        Ok(self.membership_insert(everybody, new.id).await?)
    }

    /// The groups that the provider gave to a person.
    pub async fn provider_groups(
        &mut self,
        issuer: &str,
        member: IdentityId,
    ) -> Result<Vec<IdentityId>, StoreError> {
        let rows: Vec<(Uuid,)> = self.all(&GIVEN, args![member.0, issuer]).await?;
        Ok(rows.into_iter().map(|(id,)| IdentityId(id)).collect())
    }

    /// Whether somebody is in a group, directly.
    pub async fn is_direct_member(
        &mut self,
        group: IdentityId,
        member: IdentityId,
    ) -> Result<bool, StoreError> {
        let (found,): (i64,) = self.conn.one(&IS_MEMBER, args![group.0, member.0]).await?;
        Ok(found > 0)
    }

    /// Whether a group has other people in it, directly, who may act.
    pub async fn has_other_people(
        &mut self,
        group: IdentityId,
        member: IdentityId,
    ) -> Result<bool, StoreError> {
        let (found,): (i64,) = self.conn.one(&OTHERS, args![group.0, member.0]).await?;
        Ok(found > 0)
    }

    /// Puts a person into a group, marked as the provider's.
    pub async fn provider_join(
        &mut self,
        grant: Grant<JoinGroupByProvider>,
        issuer: &str,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        self.membership_insert(act.group, act.member).await?;
        Ok(self
            .run_one(&GIVE, args![act.group.0, act.member.0, issuer])
            .await?)
    }

    /// Takes a person out of a group that the provider had given. The mark goes with the membership.
    pub async fn provider_leave(&mut self, grant: Grant<LeaveGroupByProvider>) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        self.run_one(&LEAVE, args![act.group.0, act.member.0])
            .await?;
        let member = facts::member(act.group.0, act.member.0);
        self.change(&facts::gone(member));
        Ok(())
    }
}
