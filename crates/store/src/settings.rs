//! Single values of the deployment, such as the scale unit.

use crate::error::StoreError;
use crate::sql::{args, statements};
use crate::unit::Tx;

statements! {
    CLAIM = "insert into meta (key, value) values ($1, $2) on conflict (key) do nothing";
    READ = "select value from meta where key = $1";
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
}
