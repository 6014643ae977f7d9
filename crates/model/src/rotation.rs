//! Rotation of keys: the states of versions and generations, and what is to be done next. Pure.
//!
//! Whoever rotates asks the database for [`Facts`], does the one [`Step`] that [`next`] names, and asks again. So a
//! rotation that was killed goes on where it stood, on whichever node, and nothing is remembered between two steps.
//! It must not know SQL, key services, nor how a key is wrapped.

use crate::Timestamp;

/// Declares a state with the word that the database keeps.
macro_rules! states {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $about:literal])* $state:ident $word:literal),* $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[doc = $about])* $state),* }

        impl $name {
            /// Every state, in the order in which they follow one another.
            pub const ALL: &[Self] = &[$(Self::$state),*];

            /// The word that the database keeps.
            pub fn word(self) -> &'static str {
                match self { $(Self::$state => $word),* }
            }

            /// The state of a word.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|state| state.word() == word)
            }

            /// Whether this state may follow another: one after the other, and never back.
            pub fn follows(self, before: Self) -> bool {
                self as u8 == before as u8 + 1
            }
        }
    };
}

states! {
    /// What a version of a project's key is good for.
    KeyState {
        /// New keys are wrapped by it.
        Active "active",
        /// It opens what it wrapped, until that is wrapped by the active one.
        Draining "draining",
        /// It wraps nothing any more, and nothing is opened with it.
        Retired "retired",
    }
}

states! {
    /// What a root generation is good for.
    GenerationState {
        /// New project keys are wrapped by it.
        Active "active",
        /// It opens the project keys that it wrapped.
        Draining "draining",
        /// Nothing in the database needs it.
        Retired "retired",
        /// The key service refuses it, until somebody enables it again to restore a backup.
        Disabled "disabled",
        /// It is gone for ever, and with it whatever only it could open.
        Destroyed "destroyed",
    }
}

/// What a deployment is due to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// It has been rotated for, or keys began with it.
    Nothing,
    /// A rotation is to begin: it is for every deployment that waits.
    Begin,
    /// Another rotation is under way. It ends first; then one is begun for all that came meanwhile.
    Wait,
}

/// What a deployment is due to: `rotated` says whether it was rotated for, `running` whether a rotation is under way.
///
/// A deployment that was rotated for stays so: a node of an older build that starts late does not rotate back.
pub fn due(rotated: bool, running: bool) -> Due {
    match (rotated, running) {
        (true, _) => Due::Nothing,
        (false, true) => Due::Wait,
        (false, false) => Due::Begin,
    }
}

/// What the database says to the rotation that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// It is settled which generation wraps the new project keys.
    pub settled: bool,
    /// A scope's active key is older than the rotation, or wrapped by another generation than the settled one.
    pub old_scopes: bool,
    /// A draining key wraps something, other than what was found not to open.
    pub old_wraps: bool,
    /// A draining generation wraps a secret of our own, other than what was found not to open.
    pub old_secrets: bool,
    /// A draining key wraps nothing any more.
    pub empty_keys: bool,
    /// A draining generation wraps neither an active nor a draining project key, nor a secret of our own.
    pub empty_generations: bool,
}

/// What is to be done next. Each may be done again: what is done already is found so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Settle the generation: one that is prepared or that an interrupted rotation made, else a new one, else the one
    /// that there is. The others drain from then on.
    Settle,
    /// Give a scope a new active key. The one before drains from then on.
    Renew,
    /// Wrap a page of what draining keys wrap by the active key of its scope, each if it is still as it was read.
    Rewrap,
    /// Wrap a secret of our own by the settled generation, if it is still as it was read.
    RewrapSecret,
    /// Retire draining keys that wrap nothing, in the transaction that finds so.
    RetireKeys,
    /// Retire draining generations that wrap nothing, in the transaction that finds so.
    RetireGenerations,
    /// Sign the report; the rotation has ended.
    Report,
}

/// The next step of a rotation.
pub fn next(facts: &Facts) -> Step {
    if !facts.settled {
        Step::Settle
    } else if facts.old_scopes {
        Step::Renew
    } else if facts.old_wraps {
        Step::Rewrap
    } else if facts.old_secrets {
        Step::RewrapSecret
    } else if facts.empty_keys {
        Step::RetireKeys
    } else if facts.empty_generations {
        Step::RetireGenerations
    } else {
        Step::Report
    }
}

/// How long generations outlive their use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Horizon {
    /// A retired generation is disabled after this, seconds: what was read before it retired has been opened by then.
    pub grace_seconds: i64,
    /// It is destroyed after this, seconds: no backup that needs it is restored any more.
    pub seconds: i64,
}

/// What is to be done with a generation that nothing needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Have the key service refuse it. Can be taken back.
    Disable,
    /// Have it destroyed. Cannot.
    Destroy,
}

/// What the horizon asks of a generation now, counted from its retirement. Disabled always comes before destroyed.
pub fn end(
    state: GenerationState,
    retired: Option<Timestamp>,
    now: Timestamp,
    horizon: Horizon,
) -> Option<End> {
    let retired = retired?;
    match state {
        GenerationState::Retired if now >= retired.plus_seconds(horizon.grace_seconds) => {
            Some(End::Disable)
        }
        GenerationState::Disabled if now >= retired.plus_seconds(horizon.seconds) => {
            Some(End::Destroy)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_follow_one_another_and_never_go_back() {
        for (at, before) in GenerationState::ALL.iter().enumerate() {
            assert_eq!(GenerationState::from_word(before.word()), Some(*before));
            for (to, after) in GenerationState::ALL.iter().enumerate() {
                assert_eq!(after.follows(*before), to == at + 1, "{before:?} {after:?}");
            }
        }
        assert!(KeyState::Retired.follows(KeyState::Draining));
        assert!(!KeyState::Active.follows(KeyState::Draining));
        assert_eq!(KeyState::from_word("gone"), None);
    }

    #[test]
    fn a_deployment_is_rotated_for_once() {
        assert_eq!(due(true, false), Due::Nothing);
        assert_eq!(due(true, true), Due::Nothing);
        assert_eq!(due(false, false), Due::Begin);
        assert_eq!(due(false, true), Due::Wait);
    }

    #[test]
    fn a_generation_is_disabled_before_it_is_destroyed_and_only_after_it_retired() {
        let horizon = Horizon {
            grace_seconds: 10,
            seconds: 100,
        };
        let at = |seconds: i64| Timestamp(0).plus_seconds(seconds);
        let asked = |state, now| end(state, Some(at(1000)), at(now), horizon);
        assert_eq!(asked(GenerationState::Retired, 1009), None);
        assert_eq!(asked(GenerationState::Retired, 1010), Some(End::Disable));
        // However late it is: first disabled, and destroyed only from there.
        assert_eq!(asked(GenerationState::Retired, 9999), Some(End::Disable));
        assert_eq!(asked(GenerationState::Disabled, 1099), None);
        assert_eq!(asked(GenerationState::Disabled, 1100), Some(End::Destroy));
        for state in [
            GenerationState::Active,
            GenerationState::Draining,
            GenerationState::Destroyed,
        ] {
            assert_eq!(asked(state, 9999), None);
        }
        assert_eq!(end(GenerationState::Retired, None, at(9999), horizon), None);
    }
}
