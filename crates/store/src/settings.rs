//! Single values of the deployment, such as the scale unit.

use crate::error::StoreError;
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::change::Kind;

statements! {
    CLAIM = "insert into meta (key, value) values ($1, $2) on conflict (key) do nothing";
    PUT = "insert into meta (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value";
    READ = "select value from meta where key = $1";
}

/// The setting that says which changes the audit events tell.
pub(crate) const CHANGES_TOLD: &str = "audit_changes";
/// Its value: raised when events begin to tell of something new that is there already, so that a baseline is taken.
pub(crate) const TOLD: &str = "2";

impl Tx {
    /// Notes that events tell every change from now on. Says which kinds they told nothing of so far; none if that was
    /// noted before.
    pub(crate) async fn take_changes_told(&mut self) -> Result<&'static [Kind], StoreError> {
        let known = self.setting(CHANGES_TOLD).await?;
        if known.as_deref() == Some(TOLD) {
            return Ok(&[]);
        }
        self.run_one(&PUT, args![CHANGES_TOLD, TOLD]).await?;
        Ok(Kind::since(known.as_deref()))
    }

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
}

impl ReadTx {
    pub(crate) async fn setting(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = self.conn.maybe(&READ, args![key]).await?;
        Ok(row.map(|(value,)| value))
    }
}
