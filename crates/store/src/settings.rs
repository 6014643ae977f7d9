//! Single values of the deployment: the scale unit, the organization's id, the one-time code's digest.

use crate::error::{Refusal, Stop, StoreError};
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};

statements! {
    CLAIM = "insert into meta (key, value) values ($1, $2) on conflict (key) do nothing";
    READ = "select value from meta where key = $1";
    SPEND = "delete from meta where key = $1 and value = $2";
    PUT = "insert into meta (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value";
}

impl Tx {
    /// Sets a value unless it is set, and returns the one that stands.
    pub(crate) async fn claim_setting(
        &mut self,
        key: &str,
        value: &str,
    ) -> Result<String, StoreError> {
        self.run(&CLAIM, args![key, value]).await?;
        Ok(self.conn.one::<(String,)>(&READ, args![key]).await?.0)
    }

    /// A value, if it is set.
    pub(crate) async fn setting(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = self.maybe(&READ, args![key]).await?;
        Ok(row.map(|(value,)| value))
    }

    /// Keeps the digest of the one-time code that makes the first administrator.
    pub async fn first_sign_in_put(&mut self, digest_hex: &str) -> Result<(), Stop> {
        Ok(self
            .run_one(&PUT, args!["first_sign_in", digest_hex])
            .await?)
    }

    /// Takes the one-time code away, if it is the one. It works once.
    pub async fn first_sign_in_spend(&mut self, digest_hex: &str) -> Result<(), Stop> {
        match self.run(&SPEND, args!["first_sign_in", digest_hex]).await? {
            1 => Ok(()),
            _ => Err(Refusal::CodeSpent.into()),
        }
    }
}

impl ReadTx {
    /// Whether the first administrator is still to be made.
    pub async fn first_sign_in_pending(&mut self) -> Result<bool, StoreError> {
        Ok(self
            .conn
            .maybe::<(String,)>(&READ, args!["first_sign_in"])
            .await?
            .is_some())
    }
}
