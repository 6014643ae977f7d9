//! How many attempts are taken: of signing in and of wrong tokens, by address. Lock-outs by name are in the database,
//! because several nodes share them; these limits are each node's own. It must not know whether an attempt was good.

use crate::error::{Error, Kind, Result};
use coffer_model::Timestamp;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Attempts of signing in at once, from one address.
const SIGN_INS: u32 = 60;
/// One more after so long.
const SIGN_IN_EVERY: Duration = Duration::from_secs(3);
/// Wrong tokens at once, from one address.
const TOKENS: u32 = 240;
/// One more after so long.
const TOKEN_EVERY: Duration = Duration::from_millis(250);
/// Addresses remembered at once.
const MOST: usize = 10_000;

/// A clock that is told the time: the database's.
#[derive(Clone, Default)]
struct Told(Arc<AtomicU64>);

impl Told {
    fn tell(&self, now: Timestamp) {
        let nanos = u64::try_from(now.0).unwrap_or(0).saturating_mul(1000);
        self.0.fetch_max(nanos, Ordering::Relaxed);
    }
}

impl Clock for Told {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(self.0.load(Ordering::Relaxed))
    }
}

type Limiter = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, Told, NoOpMiddleware<Nanos>>;

/// The limits of this node.
pub(crate) struct Attempts {
    clock: Told,
    sign_ins: Limiter,
    tokens: Limiter,
}

impl Default for Attempts {
    fn default() -> Self {
        let clock = Told::default();
        let limiter = |burst: u32, every: Duration| {
            let one = NonZeroU32::MIN;
            let quota = Quota::with_period(every).unwrap_or(Quota::per_second(one));
            let quota = quota.allow_burst(NonZeroU32::new(burst).unwrap_or(one));
            RateLimiter::new(quota, HashMapStateStore::default(), clock.clone())
        };
        Self {
            sign_ins: limiter(SIGN_INS, SIGN_IN_EVERY),
            tokens: limiter(TOKENS, TOKEN_EVERY),
            clock,
        }
    }
}

/// Where an attempt comes from: an address, or the network that one customer has of IPv6.
pub(crate) fn place(address: Option<IpAddr>) -> IpAddr {
    match address {
        Some(IpAddr::V6(v6)) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        },
        Some(v4) => v4,
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

impl Attempts {
    /// Takes an attempt of signing in, or says when the next one is taken.
    pub(crate) fn sign_in(&self, address: Option<IpAddr>, now: Timestamp) -> Result<()> {
        self.take(&self.sign_ins, address, now)
    }

    /// Takes a wrong token.
    pub(crate) fn token(&self, address: Option<IpAddr>, now: Timestamp) -> Result<()> {
        self.take(&self.tokens, address, now)
    }

    fn take(&self, limiter: &Limiter, address: Option<IpAddr>, now: Timestamp) -> Result<()> {
        self.clock.tell(now);
        if limiter.len() >= MOST {
            limiter.retain_recent();
        }
        limiter.check_key(&place(address)).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            let seconds =
                u32::try_from(wait.as_secs()).map_or(u32::MAX, |wait| wait.saturating_add(1));
            let mut error = Error::new(
                Kind::TooMany,
                "rate.limited",
                format!("Too many attempts from this address. Try again in {seconds} seconds."),
            );
            error.retry_after = NonZeroU32::new(seconds);
            error
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp((1_800_000_000 + seconds) * 1_000_000)
    }

    #[test]
    fn an_address_is_told_when_to_come_back_and_others_do_not_wait_for_it() {
        let attempts = Attempts::default();
        let one: Option<IpAddr> = Some([192, 0, 2, 1].into());
        for _ in 0..SIGN_INS {
            attempts.sign_in(one, at(0)).unwrap();
        }
        let error = attempts.sign_in(one, at(0)).unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::TooMany, "rate.limited"));
        let wait = i64::from(error.retry_after.unwrap().get());
        assert!((1..=4).contains(&wait), "{wait}");
        attempts
            .sign_in(Some([192, 0, 2, 2].into()), at(0))
            .unwrap();
        attempts.token(one, at(0)).unwrap();
        attempts.sign_in(one, at(wait)).unwrap();
    }

    #[test]
    fn a_network_of_ipv6_is_one_place() {
        let of = |text: &str| place(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
