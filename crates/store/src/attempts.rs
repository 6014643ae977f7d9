//! Failed sign-ins and the lock-outs that follow. It must not know how many are too many.
//!
//! Counted by the canonical name's digest, so that a name that nobody has is counted by the same statements, and by the
//! address. A lock-out of (name, address) stops a guesser; one of the name from everywhere stops many of them, and does
//! not count where the name signed in lately, so that nobody is kept out of the own account by others.

use crate::error::{Stop, StoreError};
use crate::gate::Grant;
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::LockSignIn;

/// The address that stands for all of them.
const EVERYWHERE: &str = "";
/// How long a place where somebody signed in is remembered, seconds.
const PLACE_SECONDS: i64 = 30 * 86_400;

statements! {
    LOCKED = "select (select count(*) from sign_in_failure where principal = $1 and address = $2 and locked_until > $3)
            + (select count(*) from sign_in_failure where principal = $1 and address = '' and locked_until > $3
                and not exists (select 1 from sign_in_place where principal = $1 and address = $2 and seen_at > $4)) as n";
    COUNT = "insert into sign_in_failure (principal, address, failures, first_at, locked_until) values ($1, $2, 1, $3, 0)
        on conflict (principal, address) do update set
            failures = case when sign_in_failure.first_at < $4 then 1 else sign_in_failure.failures + 1 end,
            first_at = case when sign_in_failure.first_at < $4 then excluded.first_at else sign_in_failure.first_at end
        returning failures";
    LOCK = "update sign_in_failure set locked_until = $1, failures = 0, first_at = $1 where principal = $2 and address = $3";
    CLEAR = "delete from sign_in_failure where principal = $1 and address = $2";
    PLACE = "insert into sign_in_place (principal, address, seen_at) values ($1, $2, $3)
        on conflict (principal, address) do update set seen_at = excluded.seen_at";
    SWEEP_FAILURES = "delete from sign_in_failure where first_at < $1 and locked_until < $1";
    SWEEP_PLACES = "delete from sign_in_place where seen_at < $1";
}

/// Failures within the time that counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failures {
    /// Of this name from this address.
    pub here: i64,
    /// Of this name from everywhere.
    pub everywhere: i64,
}

impl ReadTx {
    /// Whether sign-ins of a name are not taken from an address now.
    pub async fn sign_in_locked(
        &mut self,
        principal: &[u8; 32],
        address: &str,
    ) -> Result<bool, StoreError> {
        let known = self.now.plus_seconds(-PLACE_SECONDS);
        let n: (i64,) = self
            .conn
            .one(&LOCKED, args![principal, address, self.now.0, known.0])
            .await?;
        Ok(n.0 > 0)
    }
}

impl Tx {
    /// Counts a failed sign-in. Gives nothing to anybody.
    pub async fn sign_in_failed(
        &mut self,
        principal: &[u8; 32],
        address: &str,
        within_seconds: i64,
    ) -> Result<Failures, Stop> {
        let since = self.now.plus_seconds(-within_seconds).0;
        let mut counts = [0; 2];
        for (count, address) in counts.iter_mut().zip([address, EVERYWHERE]) {
            let row: Option<(i64,)> = self
                .maybe(&COUNT, args![principal, address, self.now.0, since])
                .await?;
            *count = row.map_or(0, |(failures,)| failures);
        }
        Ok(Failures {
            here: counts[0],
            everywhere: counts[1],
        })
    }

    /// Takes no sign-ins of a name for a while: from one address, or (none) from everywhere.
    pub async fn sign_in_lock(
        &mut self,
        grant: Grant<LockSignIn>,
        principal: &[u8; 32],
        address: Option<&str>,
        seconds: i64,
    ) -> Result<(), Stop> {
        grant.redeem(self)?;
        let until = self.now.plus_seconds(seconds).0;
        let address = address.unwrap_or(EVERYWHERE);
        self.run_one(&LOCK, args![until, principal, address])
            .await?;
        Ok(())
    }

    /// Forgets the failures of a name at an address, where it signed in now, and remembers the place.
    pub async fn sign_in_succeeded(
        &mut self,
        principal: &[u8; 32],
        address: &str,
    ) -> Result<(), Stop> {
        self.run(&CLEAR, args![principal, address]).await?;
        self.run_one(&PLACE, args![principal, address, self.now.0])
            .await?;
        Ok(())
    }

    pub(crate) async fn attempts_sweep(&mut self) -> Result<(), StoreError> {
        let day = self.now.plus_seconds(-86_400).0;
        self.run(&SWEEP_FAILURES, args![day]).await?;
        let place = self.now.plus_seconds(-PLACE_SECONDS).0;
        self.run(&SWEEP_PLACES, args![place]).await?;
        Ok(())
    }
}
