//! Calls to one key provider: few at once, none while it wants to be left alone, one to see whether it is back.
//!
//! After a call that failed in passing nobody calls for a while, twice as long each time; then one call goes first, and
//! only its success lets the others through. So an outage costs a few calls, and its end no rush. What a quota asks for
//! is kept to. Time is an argument. Must not know what the calls are for.

use coffer_seal::KeyError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Calls at once.
const AT_ONCE: usize = 8;
/// A call that takes longer has failed. Providers give up sooner by themselves.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first pause, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// The longest that a quota is believed.
const MOST: Duration = Duration::from_secs(3600);

/// How it stands with the provider.
#[derive(Default)]
struct Gate {
    /// Calls that failed in passing, one after the other.
    failures: u32,
    /// Nobody calls before.
    closed_until: Duration,
    /// The service named that time itself.
    throttled: bool,
    /// One call is on its way to see whether it is back.
    probing: bool,
}

/// How a call ended.
enum End {
    /// It was answered, with whatever.
    Answered,
    /// Not now.
    Passing,
    /// Not before this is over.
    Throttled(Duration),
}

impl Gate {
    /// Whether a call may go now, and whether it is the one that goes first.
    fn may(&mut self, now: Duration) -> Result<bool, KeyError> {
        let wait = self.closed_until.saturating_sub(now);
        if !wait.is_zero() {
            return Err(match self.throttled {
                true => KeyError::Throttled { retry_after: wait },
                false => resting("it did not answer a moment ago and is left alone for a while"),
            });
        }
        if self.failures == 0 {
            return Ok(false);
        }
        if self.probing {
            return Err(resting("one call is finding out whether it answers again"));
        }
        self.probing = true;
        Ok(true)
    }

    /// Notes how a call ended. `spread`, of 0 to 255, lengthens a pause by up to half.
    fn ended(&mut self, now: Duration, first: bool, end: &End, spread: u8) {
        if first {
            self.probing = false;
        }
        let longer = |pause: Duration| pause + pause * u32::from(spread) / 512;
        let (pause, throttled) = match end {
            End::Answered => {
                // Calls that began before an outage say nothing of its end.
                if first || self.failures == 0 {
                    self.failures = 0;
                    self.throttled = false;
                }
                return;
            }
            End::Passing => {
                let doubled = PAUSES.0 * 2_u32.saturating_pow(self.failures.min(10));
                (longer(doubled.min(PAUSES.1)), false)
            }
            End::Throttled(wanted) => (longer((*wanted).clamp(PAUSES.0, MOST)), true),
        };
        // Of calls that fail together the first counts.
        if first || self.failures == 0 || throttled {
            self.failures = self.failures.saturating_add(1);
            if now + pause > self.closed_until {
                self.closed_until = now + pause;
                self.throttled = throttled;
            }
        }
    }
}

fn resting(hint: &str) -> KeyError {
    KeyError::Unavailable {
        hint: hint.to_owned(),
        source: None,
    }
}

/// What was asked of a provider since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Calls that were made.
    pub made: u64,
    /// Those of them that failed in passing.
    pub failed: u64,
    /// Calls that were not made, because the provider was left alone.
    pub spared: u64,
}

/// The way to one provider.
pub(super) struct Calls {
    gate: Mutex<Gate>,
    room: Semaphore,
    made: AtomicU64,
    failed: AtomicU64,
    spared: AtomicU64,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            gate: Mutex::default(),
            room: Semaphore::new(AT_ONCE),
            made: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            spared: AtomicU64::new(0),
        }
    }
}

impl Calls {
    /// Makes a call, unless the provider is to be left alone now.
    pub(super) async fn make<T>(
        &self,
        clock: &(dyn Fn() -> Duration + Send + Sync),
        spread: u8,
        call: impl Future<Output = Result<T, KeyError>>,
    ) -> Result<T, KeyError> {
        let Ok(_turn) = self.room.acquire().await else {
            return Err(resting("the server is stopping"));
        };
        let first = self.lock().may(clock()).inspect_err(|_| {
            self.spared.fetch_add(1, Ordering::Relaxed);
        })?;
        let mut going = Going { calls: self, first };
        self.made.fetch_add(1, Ordering::Relaxed);
        let answer = tokio::time::timeout(PATIENCE, call)
            .await
            .unwrap_or_else(|late| Err(KeyError::unavailable("it did not answer in time", late)));
        let end = match &answer {
            Err(KeyError::Throttled { retry_after }) => End::Throttled(*retry_after),
            Err(error) if error.is_passing() => End::Passing,
            _ => End::Answered,
        };
        if !matches!(end, End::Answered) {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        let was_first = std::mem::take(&mut going.first);
        self.lock().ended(clock(), was_first, &end, spread);
        answer
    }

    /// How long nobody calls from now on.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        self.lock().closed_until.saturating_sub(now)
    }

    /// Whether the last calls were answered.
    pub(super) fn answers(&self) -> bool {
        self.lock().failures == 0
    }

    pub(super) fn counts(&self) -> CallCounts {
        CallCounts {
            made: self.made.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            spared: self.spared.load(Ordering::Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call on its way. When nobody waits for it any more, another may go first.
struct Going<'a> {
    calls: &'a Calls,
    first: bool,
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        if self.first {
            self.calls.lock().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn call(gate: &mut Gate, now: Duration, end: &End) {
        let first = gate.may(now).expect("it may call");
        gate.ended(now, first, end, 0);
    }

    #[test]
    fn an_outage_costs_few_calls_and_its_end_lets_one_go_first() {
        let mut gate = Gate::default();
        let mut calls = 0;
        for now in (0..600_000).step_by(10).map(ms) {
            if let Ok(first) = gate.may(now) {
                calls += 1;
                gate.ended(now, first, &End::Passing, 255);
            }
        }
        assert!((15..30).contains(&calls), "{calls} calls in ten minutes");

        let back = ms(700_000);
        let first = gate.may(back).unwrap();
        assert!(first);
        for _ in 0..5 {
            assert!(gate.may(back).is_err(), "others wait for the first");
        }
        gate.ended(back, first, &End::Answered, 0);
        for _ in 0..5 {
            assert!(!gate.may(back).unwrap());
        }
    }

    #[test]
    fn what_a_quota_asks_for_is_kept_to() {
        let mut gate = Gate::default();
        call(&mut gate, ms(0), &End::Throttled(ms(7_000)));
        for now in [0, 3_000, 6_999] {
            let refused = gate.may(ms(now)).unwrap_err();
            let KeyError::Throttled { retry_after } = refused else {
                panic!("{refused}");
            };
            assert_eq!(retry_after, ms(7_000 - now));
        }
        assert!(gate.may(ms(7_000)).unwrap());
    }

    #[test]
    fn a_shorter_pause_does_not_open_what_a_quota_closed() {
        let mut gate = Gate::default();
        let (one, two) = (gate.may(ms(0)).unwrap(), gate.may(ms(0)).unwrap());
        gate.ended(ms(1), one, &End::Throttled(ms(9_000)), 0);
        gate.ended(ms(2), two, &End::Passing, 0);
        assert!(gate.may(ms(8_999)).is_err());
    }

    #[test]
    fn a_lasting_answer_is_an_answer() {
        let mut gate = Gate::default();
        for now in 0..5 {
            call(&mut gate, ms(now), &End::Answered);
        }
        assert_eq!(gate.failures, 0);
    }

    #[tokio::test]
    async fn a_first_call_that_nobody_waits_for_lets_another_go_first() {
        let calls = Calls::default();
        let now = Mutex::new(ms(0));
        let clock = || *now.lock().unwrap();
        let failed: Result<(), _> = calls.make(&clock, 0, async { Err(resting("x")) }).await;
        assert!(failed.is_err());
        *now.lock().unwrap() = ms(60_000);
        {
            let mut hanging =
                Box::pin(calls.make(&clock, 0, std::future::pending::<Result<(), KeyError>>()));
            assert!(futures_util::poll!(&mut hanging).is_pending());
            assert!(calls.make(&clock, 0, async { Ok(()) }).await.is_err());
        }
        calls.make(&clock, 0, async { Ok(()) }).await.unwrap();
        assert!(calls.answers());
        let counts = calls.counts();
        assert_eq!((counts.made, counts.failed, counts.spared), (3, 1, 1));
    }
}
