//! One-time codes that are good for a token: of the first start, and of people who lost theirs. Digests only.

use crate::error::{Refusal, Stop, StoreError};
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::{IdentityId, Timestamp};
use uuid::Uuid;

statements! {
    FORGET_FIRST = "delete from one_time_code where identity_id is null";
    PUT = "insert into one_time_code (digest, identity_id, created_at, expires_at) values ($1, $2, $3, $4)";
    FORGET = "delete from one_time_code where identity_id = $1 or expires_at <= $2";
    OWNER = "select identity_id from one_time_code where digest = $1 and (expires_at is null or expires_at > $2)";
    SPEND = "delete from one_time_code where digest = $1";
    PENDING_FIRST = "select count(*) as n from one_time_code where identity_id is null";
}

/// What a one-time code is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CodeOwner {
    /// For making the first administrator.
    First,
    /// For a token of this person.
    Person(IdentityId),
}

impl Tx {
    /// Keeps the digest of the one-time code that makes the first administrator, instead of an older one.
    pub async fn first_sign_in_put(&mut self, digest_hex: &str) -> Result<(), Stop> {
        self.run(&FORGET_FIRST, Vec::new()).await?;
        let nobody: Option<Uuid> = None;
        let never: Option<i64> = None;
        Ok(self
            .run_one(&PUT, args![digest_hex, nobody, self.now.0, never])
            .await?)
    }

    /// Keeps the digest of a person's one-time code, instead of an older one. What has expired goes as well.
    pub(crate) async fn code_put(
        &mut self,
        digest_hex: &str,
        person: IdentityId,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        self.run(&FORGET, args![person.0, self.now.0]).await?;
        self.run_one(&PUT, args![digest_hex, person.0, self.now.0, until.0])
            .await
    }

    /// Takes a one-time code away, if it is one that is good now, and says what for. It works once.
    pub async fn code_spend(&mut self, digest_hex: &str) -> Result<CodeOwner, Stop> {
        let row: Option<(Option<Uuid>,)> =
            self.maybe(&OWNER, args![digest_hex, self.now.0]).await?;
        let (owner,) = row.ok_or(Refusal::CodeSpent)?;
        self.run_one(&SPEND, args![digest_hex]).await?;
        Ok(owner.map_or(CodeOwner::First, |person| {
            CodeOwner::Person(IdentityId(person))
        }))
    }
}

impl ReadTx {
    /// Whether the first administrator is still to be made.
    pub async fn first_sign_in_pending(&mut self) -> Result<bool, StoreError> {
        Ok(self.conn.one::<(i64,)>(&PENDING_FIRST, Vec::new()).await?.0 > 0)
    }
}
