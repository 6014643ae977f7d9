//! Forgetting what ended long ago: tokens, sessions, one-time codes. What is over stays over; this only makes room.

use crate::StoreError;
use crate::error::Stop;
use crate::facts;
use crate::gate::Grant;
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::SweepEnded;
use coffer_model::change::Change;
use uuid::Uuid;

/// How long ended tokens stay in lists, so that people find what they had, seconds.
const KEPT: i64 = 30 * 86_400;

statements! {
    TOKENS = "delete from credential where kind <> 'job' and (expires_at < $1 or revoked_at < $1) returning id";
    WAITING = "select (select count(*) from credential where kind <> 'job' and (expires_at < $1 or revoked_at < $1))
            + (select count(*) from session where expires_at < $1 or ended_at < $1)
            + (select count(*) from password_code where expires_at < $1)
            + (select count(*) from sign_in_failure where first_at < $1)
            + (select count(*) from sign_in_place where seen_at < $1) as n";
    SESSIONS = "delete from session where expires_at < $1 or ended_at < $1 returning id";
    CODES = "delete from password_code where expires_at < $1 returning identity_id";
}

/// What is on record of something that is gone.
type Gone = fn(Uuid) -> Change;

impl Tx {
    /// Removes what ended more than 30 days ago. Answers with how much there was.
    pub async fn sweep_ended(&mut self, grant: Grant<SweepEnded>) -> Result<u64, Stop> {
        grant.redeem(self)?;
        let before = self.now.plus_seconds(-KEPT);
        let mut removed = 0;
        let gone: [(_, Gone); 3] = [
            (&TOKENS, facts::no_token),
            (&SESSIONS, facts::no_session),
            (&CODES, |who| facts::no_sign_in(facts::PASSWORD_CODE, who)),
        ];
        for (statement, gone) in gone {
            for (id,) in self.all::<(Uuid,)>(statement, args![before.0]).await? {
                self.change(&gone(id));
                removed += 1;
            }
        }
        self.attempts_sweep().await?;
        Ok(removed)
    }
}

impl ReadTx {
    /// How much there is for [`Tx::sweep_ended`] to remove.
    pub async fn ended_waiting(&mut self) -> Result<i64, StoreError> {
        let before = self.now.plus_seconds(-KEPT);
        Ok(self.conn.one::<(i64,)>(&WAITING, args![before.0]).await?.0)
    }
}
