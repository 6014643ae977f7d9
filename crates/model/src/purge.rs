//! When a deleted file is beyond recovery: from what is live at once, from every copy when the root generations that were
//! there while it lived are destroyed. Pure.

use crate::Timestamp;
use crate::rotation::{GenerationState, Horizon};

/// A root generation, as far as this asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lived {
    /// When it was made.
    pub created: Timestamp,
    /// What it is good for now.
    pub state: GenerationState,
    /// When it retired.
    pub retired: Option<Timestamp>,
    /// When it was destroyed.
    pub destroyed: Option<Timestamp>,
    /// What its key service says of that.
    pub gone: Gone,
}

/// What a key service says of a generation that it was told to destroy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gone {
    /// Nobody brings it back.
    ForGood,
    /// The service's operators can bring it back until then.
    Until(Timestamp),
    /// The service has it.
    There,
    /// It was not asked, or did not answer. What it did when it was told to destroy is believed.
    NotTold,
}

/// When no copy anywhere opens a file any more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Beyond {
    /// Since then.
    Since(Timestamp),
    /// From then on, if the key service does as it is told.
    From(Timestamp),
    /// Not before the keys are rotated and the horizon has passed.
    AfterRotation,
    /// Not while the key service has a key that it was told to destroy.
    NotWhileThere,
}

/// The same for a file that was deleted then.
///
/// Any generation that was there before may have wrapped its key in some copy. One that was made later never did.
pub fn beyond(deleted: Timestamp, generations: &[Lived], horizon: Horizon) -> Beyond {
    let lived = generations.iter().filter(|one| one.created <= deleted);
    lived
        .map(|one| match (one.state, one.retired) {
            (GenerationState::Destroyed, retired) => match one.gone {
                Gone::ForGood | Gone::NotTold => {
                    Beyond::Since(one.destroyed.or(retired).unwrap_or(deleted).max(deleted))
                }
                Gone::Until(until) => Beyond::From(until),
                Gone::There => Beyond::NotWhileThere,
            },
            (GenerationState::Retired | GenerationState::Disabled, Some(retired)) => {
                Beyond::From(retired.plus_seconds(horizon.seconds))
            }
            _ => Beyond::AfterRotation,
        })
        .max()
        .unwrap_or(Beyond::Since(deleted))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HORIZON: Horizon = Horizon {
        grace_seconds: 10,
        seconds: 100,
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    fn generation(
        created: i64,
        state: GenerationState,
        retired: Option<i64>,
        destroyed: Option<i64>,
    ) -> Lived {
        Lived {
            created: at(created),
            state,
            retired: retired.map(at),
            destroyed: destroyed.map(at),
            gone: Gone::ForGood,
        }
    }

    #[test]
    fn what_the_key_service_still_keeps_is_not_beyond_recovery() {
        use GenerationState::Destroyed;
        let told = |gone| Lived {
            gone,
            ..generation(0, Destroyed, Some(50), Some(160))
        };
        let of = |gone| beyond(at(30), &[told(gone)], HORIZON);
        assert_eq!(of(Gone::Until(at(900))), Beyond::From(at(900)));
        assert_eq!(of(Gone::There), Beyond::NotWhileThere);
        assert_eq!(of(Gone::NotTold), Beyond::Since(at(160)));
        // The worst of all decides.
        let active = generation(10, GenerationState::Active, None, None);
        let both = [told(Gone::There), active];
        assert_eq!(beyond(at(30), &both, HORIZON), Beyond::NotWhileThere);
    }

    #[test]
    fn the_last_generation_that_may_have_wrapped_it_decides() {
        use GenerationState::{Active, Destroyed, Disabled, Draining, Retired};
        let old = generation(0, Destroyed, Some(50), Some(160));
        let mid = generation(40, Disabled, Some(200), None);
        let new = generation(190, Active, None, None);
        let all = [old, mid, new];
        // Deleted while only the first was there.
        assert_eq!(beyond(at(30), &all, HORIZON), Beyond::Since(at(160)));
        // The second was there as well.
        assert_eq!(beyond(at(60), &all, HORIZON), Beyond::From(at(300)));
        assert_eq!(beyond(at(195), &all, HORIZON), Beyond::AfterRotation);
        for state in [Active, Draining] {
            let still = generation(0, state, None, None);
            assert_eq!(beyond(at(30), &[still], HORIZON), Beyond::AfterRotation);
        }
        let retired = generation(0, Retired, Some(50), None);
        assert_eq!(beyond(at(30), &[retired], HORIZON), Beyond::From(at(150)));
        // Destroyed before it was deleted: no copy opened then already, but what was live did.
        assert_eq!(beyond(at(170), &[old], HORIZON), Beyond::Since(at(170)));
    }
}
