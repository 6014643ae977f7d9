//! One-time codes that are good for a token: of the first start, and of people who lost theirs. Digests only.

use crate::error::{Refusal, Stop, StoreError};
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};

statements! {
    FORGET_FIRST = "delete from one_time_code where identity_id is null";
    PUT = "insert into one_time_code (digest, identity_id, created_at, expires_at) values ($1, $2, $3, $4)";
    SPEND_FIRST = "delete from one_time_code where digest = $1 and identity_id is null";
    PENDING_FIRST = "select count(*) as n from one_time_code where identity_id is null";
}

impl Tx {
    /// Keeps the digest of the one-time code that makes the first administrator, instead of an older one.
    pub async fn first_sign_in_put(&mut self, digest_hex: &str) -> Result<(), Stop> {
        self.run(&FORGET_FIRST, Vec::new()).await?;
        let nobody: Option<uuid::Uuid> = None;
        let never: Option<i64> = None;
        Ok(self
            .run_one(&PUT, args![digest_hex, nobody, self.now.0, never])
            .await?)
    }

    /// Takes the one-time code away, if it is the one. It works once.
    pub async fn first_sign_in_spend(&mut self, digest_hex: &str) -> Result<(), Stop> {
        match self.run(&SPEND_FIRST, args![digest_hex]).await? {
            1 => Ok(()),
            _ => Err(Refusal::CodeSpent.into()),
        }
    }
}

impl ReadTx {
    /// Whether the first administrator is still to be made.
    pub async fn first_sign_in_pending(&mut self) -> Result<bool, StoreError> {
        Ok(self.conn.one::<(i64,)>(&PENDING_FIRST, Vec::new()).await?.0 > 0)
    }
}
