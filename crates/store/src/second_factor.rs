//! The second factor: sealed secrets of authenticator apps, what was used of them, recovery codes as digests, and the key
//! of what belongs to the organization and to no project. Wraps only: nothing here can be opened.

use crate::audit::fixed;
use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::Grant;
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use crate::{NewProjectKey, ProjectKeyRow};
use coffer_model::act::{CreateKey, EnrolSecondFactor, RemoveOwnSecondFactor, ResetSecondFactor};
use coffer_model::{IdentityId, ProjectId, ProjectKeyId};
use uuid::Uuid;

statements! {
    KEY_ACTIVE = "select id, version, scale_unit, generation_id, state, wrapped, commitment from organization_key
        where scale_unit = $1 and state = 'active' order by version desc limit 1";
    KEY_INSERT = "insert into organization_key (id, version, scale_unit, generation_id, state, wrapped, commitment,
            deployment, created_at)
        values ($1, $2, $3, $4, 'active', $5, $6, $7, $8) on conflict (version) do nothing";
    KEY_STILL_ACTIVE = "select count(*) as n from organization_key where id = $1 and state = 'active'";
    OF = "select k.id, k.version, k.scale_unit, k.generation_id, k.state, k.wrapped, k.commitment,
            f.wrapped as factor_wrapped, f.sealed, f.confirmed_at, f.last_step
        from second_factor f join organization_key k on k.id = f.organization_key_id where f.identity_id = $1";
    BEGIN = "insert into second_factor (identity_id, organization_key_id, wrapped, sealed, created_at, last_step)
        values ($1, $2, $3, $4, $5, 0)
        on conflict (identity_id) do update set organization_key_id = excluded.organization_key_id,
            wrapped = excluded.wrapped, sealed = excluded.sealed, created_at = excluded.created_at
        where second_factor.confirmed_at is null";
    CONFIRM = "update second_factor set confirmed_at = $1, last_step = $2 where identity_id = $3 and confirmed_at is null
        returning sealed";
    SPEND = "update second_factor set last_step = $1
        where identity_id = $2 and last_step < $1 and confirmed_at is not null";
    FORGET = "delete from second_factor where identity_id = $1";
    RECOVERY_PUT = "insert into recovery_code (hash, identity_id, created_at) values ($1, $2, $3)";
    RECOVERY_THERE = "select count(*) as n from recovery_code where hash = $1 and identity_id = $2";
    RECOVERY_COUNT = "select count(*) as n from recovery_code where identity_id = $1";
    RECOVERY_SPEND = "delete from recovery_code where hash = $1 and identity_id = $2";
    RECOVERY_FORGET = "delete from recovery_code where identity_id = $1";
}

/// A sealed second factor.
#[derive(Clone, Debug)]
pub struct SecondFactorRow {
    /// The key that wrapped its key. Its project is nil: it is the organization's.
    pub key: ProjectKeyRow,
    /// Its key, wrapped.
    pub wrapped: Vec<u8>,
    /// Its secret, sealed.
    pub sealed: Vec<u8>,
    /// Whether its owner has shown a code of it.
    pub confirmed: bool,
    /// A code of this step or an earlier one is used up.
    pub last_step: i64,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: Uuid,
    version: i64,
    scale_unit: String,
    generation_id: String,
    state: String,
    wrapped: Vec<u8>,
    commitment: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct FactorRow {
    #[sqlx(flatten)]
    key: KeyRow,
    factor_wrapped: Vec<u8>,
    sealed: Vec<u8>,
    confirmed_at: Option<i64>,
    last_step: i64,
}

impl KeyRow {
    fn into_key(self) -> Result<ProjectKeyRow, StoreError> {
        Ok(ProjectKeyRow {
            id: ProjectKeyId(self.id),
            project: ProjectId(Uuid::nil()),
            version: self.version,
            scale_unit: self.scale_unit,
            generation: self.generation_id,
            state: self.state,
            wrapped: self.wrapped,
            commitment: fixed(self.commitment, "organization_key", "commitment")?,
            // A freeze is of a project: the organization's own key serves sign-ins also then.
            frozen: false,
        })
    }
}

impl Tx {
    /// Stores the organization's key. Another node may have been quicker.
    pub async fn organization_key_insert(
        &mut self,
        grant: Grant<CreateKey>,
        new: &NewProjectKey,
    ) -> Result<(), Stop> {
        grant.redeem(self)?;
        let unit = self.scale_unit().to_owned();
        let done = self
            .run(
                &KEY_INSERT,
                args![
                    new.id.0,
                    new.version,
                    unit,
                    &new.generation,
                    new.wrapped.clone(),
                    new.commitment,
                    &new.deployment,
                    self.now.0,
                ],
            )
            .await?;
        match done {
            1 => Ok(()),
            _ => Err(Refusal::State.into()),
        }
    }

    /// Keeps a new secret that its owner has not shown a code of yet. One that is in use stays.
    pub async fn second_factor_begin(
        &mut self,
        grant: Grant<EnrolSecondFactor>,
        key: ProjectKeyId,
        wrapped: &[u8],
        sealed: &[u8],
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let active: (i64,) = self.conn.one(&KEY_STILL_ACTIVE, args![key.0]).await?;
        if active.0 == 0 {
            return Err(Refusal::KeyNotActive.into());
        }
        match self
            .run(
                &BEGIN,
                args![act.identity.0, key.0, wrapped, sealed, self.now.0],
            )
            .await?
        {
            1 => Ok(()),
            _ => Err(Refusal::State.into()),
        }
    }

    /// Puts the secret to use, the code of `step` used up, with these recovery codes.
    pub async fn second_factor_confirm(
        &mut self,
        grant: Grant<EnrolSecondFactor>,
        step: i64,
        recovery: &[[u8; 32]],
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let owner = act.identity.0;
        let values = args![self.now.0, step, owner];
        let Some((sealed,)) = self.maybe::<(Vec<u8>,)>(&CONFIRM, values).await? else {
            return Err(Refusal::State.into());
        };
        self.change(&facts::sign_in(facts::SECOND_FACTOR, owner, &sealed));
        self.run(&RECOVERY_FORGET, args![owner]).await?;
        self.change(&facts::no_recovery_codes(owner));
        for hash in recovery {
            self.change(&facts::recovery_code(owner, hash));
            self.run_one(&RECOVERY_PUT, args![hash, owner, self.now.0])
                .await?;
        }
        Ok(())
    }

    /// Uses a code up: of an app by its step. A code works once, on whichever node.
    pub async fn second_factor_spend(
        &mut self,
        identity: IdentityId,
        step: i64,
    ) -> Result<(), Stop> {
        match self.run(&SPEND, args![step, identity.0]).await? {
            1 => Ok(()),
            _ => Err(Refusal::CodeSpent.into()),
        }
    }

    /// Uses a recovery code up.
    pub async fn recovery_code_spend(
        &mut self,
        identity: IdentityId,
        hash: &[u8; 32],
    ) -> Result<(), Stop> {
        match self.run(&RECOVERY_SPEND, args![hash, identity.0]).await? {
            1 => {
                self.change(&facts::gone(facts::recovery_code(identity.0, hash)));
                Ok(())
            }
            _ => Err(Refusal::CodeSpent.into()),
        }
    }

    /// Removes the caller's own second factor.
    pub async fn second_factor_remove(
        &mut self,
        grant: Grant<RemoveOwnSecondFactor>,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        self.second_factor_forget(act.identity).await
    }

    /// Removes somebody's second factor.
    pub async fn second_factor_reset(
        &mut self,
        grant: Grant<ResetSecondFactor>,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        self.second_factor_forget(act.identity).await
    }

    async fn second_factor_forget(&mut self, identity: IdentityId) -> Result<(), Stop> {
        self.run(&RECOVERY_FORGET, args![identity.0]).await?;
        self.change(&facts::no_recovery_codes(identity.0));
        self.change(&facts::no_sign_in(facts::SECOND_FACTOR, identity.0));
        match self.run(&FORGET, args![identity.0]).await? {
            1 => Ok(()),
            _ => Err(Refusal::NotFound.into()),
        }
    }
}

impl ReadTx {
    /// The organization's key that new wraps are made with.
    pub async fn organization_key_active(
        &mut self,
        scale_unit: &str,
    ) -> Result<Option<ProjectKeyRow>, StoreError> {
        let row: Option<KeyRow> = self.conn.maybe(&KEY_ACTIVE, args![scale_unit]).await?;
        row.map(KeyRow::into_key).transpose()
    }

    /// An identity's second factor, also one that is not confirmed yet.
    pub async fn second_factor(
        &mut self,
        identity: IdentityId,
    ) -> Result<Option<SecondFactorRow>, StoreError> {
        let row: Option<FactorRow> = self.conn.maybe(&OF, args![identity.0]).await?;
        row.map(|row| {
            Ok(SecondFactorRow {
                key: row.key.into_key()?,
                wrapped: row.factor_wrapped,
                sealed: row.sealed,
                confirmed: row.confirmed_at.is_some(),
                last_step: row.last_step,
            })
        })
        .transpose()
    }

    /// Whether a recovery code is one of an identity's, not used yet.
    pub async fn recovery_code(
        &mut self,
        identity: IdentityId,
        hash: &[u8; 32],
    ) -> Result<bool, StoreError> {
        let n: (i64,) = self
            .conn
            .one(&RECOVERY_THERE, args![hash, identity.0])
            .await?;
        Ok(n.0 > 0)
    }

    /// How many recovery codes an identity has left.
    pub async fn recovery_codes_left(&mut self, identity: IdentityId) -> Result<i64, StoreError> {
        Ok(self
            .conn
            .one::<(i64,)>(&RECOVERY_COUNT, args![identity.0])
            .await?
            .0)
    }
}
