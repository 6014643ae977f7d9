//! The second factor: sealed secrets of authenticator apps, what was used of them, and recovery codes as digests. Nothing
//! here can be opened.

use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::Grant;
use crate::keys::{KeyScope, WrappedKey, WrappedKind, wrapped};
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::{EnrolSecondFactor, RemoveOwnSecondFactor, ResetSecondFactor};
use coffer_model::{IdentityId, ProjectKeyId};

statements! {
    OF = "select sealed, confirmed_at, last_step from second_factor where identity_id = $1";
    BEGIN = "insert into second_factor (identity_id, sealed, created_at, last_step) values ($1, $2, $3, 0)
        on conflict (identity_id) do update set sealed = excluded.sealed, created_at = excluded.created_at
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

/// What the error of a second factor without its key names.
const WRAP_OF_FACTOR: &str = "the wrap of a second factor";

/// A sealed second factor.
#[derive(Clone, Debug)]
pub struct SecondFactorRow {
    /// Its key, wrapped.
    pub key: WrappedKey,
    /// Its secret, sealed.
    pub sealed: Vec<u8>,
    /// Whether its owner has shown a code of it.
    pub confirmed: bool,
    /// A code of this step or an earlier one is used up.
    pub last_step: i64,
}

impl Tx {
    /// Keeps a new secret that its owner has not shown a code of yet. One that is in use stays.
    pub async fn second_factor_begin(
        &mut self,
        grant: Grant<EnrolSecondFactor>,
        key: ProjectKeyId,
        wrapped: &[u8],
        sealed: &[u8],
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let owner = act.identity.0;
        if self.run(&BEGIN, args![owner, sealed, self.now.0]).await? != 1 {
            return Err(Refusal::State.into());
        }
        let kind = WrappedKind::SecondFactor;
        self.wrapped_key_forget(kind, owner).await?;
        self.wrapped_key_insert(kind, owner, KeyScope::ORGANIZATION, key, wrapped)
            .await
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
        self.wrapped_key_forget(WrappedKind::SecondFactor, identity.0)
            .await?;
        match self.run(&FORGET, args![identity.0]).await? {
            1 => Ok(()),
            _ => Err(Refusal::NotFound.into()),
        }
    }
}

impl ReadTx {
    /// An identity's second factor, also one that is not confirmed yet.
    pub async fn second_factor(
        &mut self,
        identity: IdentityId,
    ) -> Result<Option<SecondFactorRow>, StoreError> {
        let found: Option<(Vec<u8>, Option<i64>, i64)> =
            self.conn.maybe(&OF, args![identity.0]).await?;
        let Some((sealed, confirmed_at, last_step)) = found else {
            return Ok(None);
        };
        let key = wrapped(&mut self.conn, WrappedKind::SecondFactor, identity.0).await?;
        Ok(Some(SecondFactorRow {
            key: key.ok_or(StoreError::Missing {
                statement: WRAP_OF_FACTOR,
            })?,
            sealed,
            confirmed: confirmed_at.is_some(),
            last_step,
        }))
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
