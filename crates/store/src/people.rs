//! The life of a person here: added, renamed, shut out, let in again, recovered.

use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::Grant;
use crate::identities::NewIdentity;
use crate::sql::{args, statements};
use crate::unit::Tx;
use coffer_model::act::{
    AddPerson, ChangeMembership, ChangePerson, CreateFirstAdministrator, DisablePerson,
    EnablePerson, EndSessionsOf, RecoverPerson, RevokeTokenOf,
};
use coffer_model::library::{Identity, IdentityKind};
use coffer_model::{Caller, EventId, IdentityId, OrganizationId, access, name};
use uuid::Uuid;

statements! {
    RENAME = "update identity set display_name = $1, display_key = $2 where id = $3 and kind = 1";
    DISABLE = "update identity set disabled_at = $1 where id = $2 and kind = 1 and disabled_at is null";
    LIVE_TOKENS = "select id, kind from credential where identity_id = $1 and kind <> 'job' and revoked_at is null
        order by created_at, id";
    REVOKE = "update credential set revoked_at = $1 where id = $2 and revoked_at is null";
    FORGET_CODES = "delete from one_time_code where identity_id = $1";
    ENABLE = "update identity set disabled_at = null where id = $1 and kind = 1 and disabled_at is not null";
}

impl Tx {
    /// Adds a person, and puts the person into groups.
    pub async fn person_insert(
        &mut self,
        grant: Grant<AddPerson>,
        caller: &Caller,
        new: &NewIdentity,
        groups: &[IdentityId],
    ) -> Result<(), Stop> {
        let because = grant.event();
        let (act, _) = grant.redeem(self)?;
        if act.person != new.id {
            return Err(StoreError::ForeignGrant.into());
        }
        let everybody = self.person_alone(new).await?;
        let joins = self.joins(act.organization, everybody, new.id).await?;
        self.follow(because, caller, &joins, &joins.details())
            .await?;
        let person = self.person_row(new.id).await?;
        for group in groups {
            let found = self.identity_row(*group).await?.ok_or(Refusal::NotFound)?;
            self.joining_is_sound(&found, &person).await?;
            self.membership_insert(*group, new.id).await?;
            let joins = self.joins(act.organization, *group, new.id).await?;
            self.follow(because, caller, &joins, &joins.details())
                .await?;
        }
        Ok(())
    }

    /// Adds the first administrator.
    pub async fn first_administrator_insert(
        &mut self,
        grant: Grant<CreateFirstAdministrator>,
        caller: &Caller,
        new: &NewIdentity,
    ) -> Result<(), Stop> {
        let because = grant.event();
        let (act, _) = grant.redeem(self)?;
        if act.identity != new.id {
            return Err(StoreError::ForeignGrant.into());
        }
        let everybody = self.person_alone(new).await?;
        let administrators = self.administrators().await?;
        self.membership_insert(administrators, new.id).await?;
        for group in [everybody, administrators] {
            let joins = self.joins(caller.organization, group, new.id).await?;
            self.follow(because, caller, &joins, &joins.details())
                .await?;
        }
        Ok(())
    }

    /// A person in the group of everybody and in no other. Answers with that group.
    pub(crate) async fn person_alone(&mut self, new: &NewIdentity) -> Result<IdentityId, Stop> {
        self.identity_insert(new).await?;
        let everybody = self.everybody().await?;
        self.membership_insert(everybody, new.id).await?;
        Ok(everybody)
    }

    /// The act of joining, for the record.
    pub(crate) async fn joins(
        &mut self,
        organization: OrganizationId,
        group: IdentityId,
        member: IdentityId,
    ) -> Result<ChangeMembership, StoreError> {
        Ok(ChangeMembership {
            organization,
            project: self.group_home(group).await?,
            group,
            member,
            joins: true,
        })
    }

    async fn administrators(&mut self) -> Result<IdentityId, StoreError> {
        self.group_named(None, access::COLLECTION_ADMINISTRATORS)
            .await?
            .ok_or(StoreError::Missing {
                statement: "administrators",
            })
    }

    async fn person_row(&mut self, id: IdentityId) -> Result<Identity, Stop> {
        let found = self.identity_row(id).await?;
        let found = found.filter(|found| found.kind == IdentityKind::User);
        Ok(found.ok_or(Refusal::NotFound)?)
    }

    /// Puts on record whether a person is shut out.
    fn tell_state(&mut self, person: &Identity, disabled: bool) {
        let kind = IdentityKind::User.code();
        let state = facts::identity(person.id.0, kind, &person.unique_name, disabled);
        self.change(&state);
    }

    /// Changes the name that people see.
    pub async fn person_rename(
        &mut self,
        grant: Grant<ChangePerson>,
        display_name: &str,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let values = args![display_name, name::key(display_name), act.person.0];
        match self.run(&RENAME, values).await? {
            1 => Ok(()),
            _ => Err(Refusal::NotFound.into()),
        }
    }

    /// Shuts a person out: sessions end, tokens are revoked for good, in this unit of work. Once more changes nothing.
    pub async fn person_disable(
        &mut self,
        grant: Grant<DisablePerson>,
        caller: &Caller,
    ) -> Result<(), Stop> {
        let because = grant.event();
        let (act, _) = grant.redeem(self)?;
        let person = self.person_row(act.person).await?;
        self.tell_state(&person, true);
        self.run(&DISABLE, args![self.now.0, act.person.0]).await?;
        self.sign_ins_end(because, caller, act.person).await?;
        self.keep_an_administrator(act.organization).await
    }

    /// Ends everything by which somebody is signed in: browser sessions, tokens, one-time codes. A running job's token is
    /// not a person's, and goes on.
    pub(crate) async fn sign_ins_end(
        &mut self,
        because: EventId,
        caller: &Caller,
        identity: IdentityId,
    ) -> Result<(), StoreError> {
        let organization = caller.organization;
        let sessions = self.sessions_end(identity).await?;
        if sessions > 0 {
            let ends = EndSessionsOf {
                organization,
                identity,
            };
            let details = [("sessions", sessions.to_string())];
            self.follow(because, caller, &ends, &details).await?;
        }
        let tokens: Vec<(Uuid, String)> = self.all(&LIVE_TOKENS, args![identity.0]).await?;
        for (token, kind) in tokens {
            self.run_one(&REVOKE, args![self.now.0, token]).await?;
            self.change(&facts::no_token(token));
            let revokes = RevokeTokenOf {
                organization,
                token: token.to_string(),
            };
            let details = [
                ("token", token.to_string()),
                ("kind", kind),
                ("owner", identity.to_string()),
            ];
            self.follow(because, caller, &revokes, &details).await?;
        }
        self.run(&FORGET_CODES, args![identity.0]).await?;
        Ok(())
    }

    /// Lets a person in again. What ended stays ended: the person signs in anew.
    pub async fn person_enable(&mut self, grant: Grant<EnablePerson>) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let person = self.person_row(act.person).await?;
        self.tell_state(&person, false);
        self.run(&ENABLE, args![act.person.0]).await?;
        Ok(())
    }

    /// Makes a person an administrator who can sign in, and keeps the digest of the one-time code for it.
    pub async fn person_recover(
        &mut self,
        grant: Grant<RecoverPerson>,
        caller: &Caller,
        digest_hex: &str,
        seconds: i64,
    ) -> Result<(), Stop> {
        let because = grant.event();
        let (act, _) = grant.redeem(self)?;
        let person = self.person_row(act.identity).await?;
        if person.disabled {
            self.run_one(&ENABLE, args![person.id.0]).await?;
            self.tell_state(&person, false);
            let enables = EnablePerson {
                organization: caller.organization,
                person: person.id,
            };
            self.follow(
                because,
                caller,
                &enables,
                &[("identity", person.id.to_string())],
            )
            .await?;
        }
        let administrators = self.administrators().await?;
        self.membership_insert(administrators, person.id).await?;
        let joins = self
            .joins(caller.organization, administrators, person.id)
            .await?;
        self.follow(because, caller, &joins, &joins.details())
            .await?;
        let until = self.now.plus_seconds(seconds);
        self.code_put(digest_hex, person.id, until).await?;
        // What a deny takes away, no group gives back: better said now than after the code is spent.
        self.keep_an_administrator(caller.organization).await
    }
}
