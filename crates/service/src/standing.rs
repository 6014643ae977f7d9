//! How it stands with a server: whether it can serve, and the numbers by which keys and breaking glass are watched.

use crate::error::{Error, KEYS, Kind, Result};
use crate::rotation::RotationStanding;
use crate::{KeyCounts, Service};
use coffer_model::Caller;
use coffer_model::act::ReadMetrics;
use coffer_model::break_glass::State;
use coffer_model::rotation::GenerationState;
use coffer_store::RotationLeft;

/// How it stands with a server that can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether each key provider answered when it was asked last. If not, what needs a key that is not in memory is
    /// refused.
    pub keys_answer: bool,
    /// The rotation of keys.
    pub rotation: RotationStanding,
}

/// Numbers for whoever watches a server. They name nobody, no file and no key.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// As [`Standing`] has it.
    pub standing: Standing,
    /// What the rotation that is under way has still to do.
    pub left: RotationLeft,
    /// How often keys were used, and their providers asked, since this node's start.
    pub keys: KeyCounts,
    /// Root generations in each state.
    pub generations: Vec<(GenerationState, i64)>,
    /// Break-glass requests in each state.
    pub break_glass: Vec<(State, i64)>,
}

impl Service {
    /// Whether requests can be served: the database answers, and says which root generation new keys are wrapped by. The
    /// key provider is not asked: keys in memory serve on while it is away, and all nodes would go at once. Whether it
    /// answered when it was asked last is told, and whether a rotation does not go on: neither keeps from serving.
    ///
    /// # Errors
    /// When the database does not answer, holds no generation, or is behind its anchor.
    pub async fn ready(&self) -> Result<Standing> {
        self.0.guard.halt.check()?;
        let unit = self.store().scale_unit().to_owned();
        let mut read = self.store().read().await?;
        if read.generation_active(&unit).await?.is_none() {
            return Err(Error::new(
                Kind::Unavailable,
                "not_ready",
                "There is no root generation yet.",
            ));
        }
        let running = read.rotation_running().await?;
        Ok(Standing {
            keys_answer: self.keys().answer(),
            rotation: RotationStanding::of(running.as_ref(), read.now()),
        })
    }

    /// The numbers by which keys and breaking glass are watched.
    pub async fn metrics(&self, caller: &Caller) -> Result<Metrics> {
        let organization = self.organization().id;
        let mut read = self.store().read().await?;
        let looked = read.look(caller, ReadMetrics { organization }).await;
        let seen = looked.map_err(|stop| Error::from(stop).about(&KEYS))?;
        let running = read.rotation_running().await?;
        let left = match &running {
            Some(row) => read.rotation_left(row.number).await?,
            None => RotationLeft::default(),
        };
        let rows = read.generations().await?;
        let of = |state| rows.iter().filter(|row| row.state == state).count();
        let generations = GenerationState::ALL
            .iter()
            .map(|state| (*state, i64::try_from(of(*state)).unwrap_or(i64::MAX)))
            .collect();
        let counts = read.break_glass_counts(&seen).await?;
        let break_glass = State::ALL.map(|state| {
            let found = counts.iter().find(|(word, _)| word == state.word());
            (state, found.map_or(0, |(_, count)| *count))
        });
        Ok(Metrics {
            standing: Standing {
                keys_answer: self.keys().answer(),
                rotation: RotationStanding::of(running.as_ref(), read.now()),
            },
            left,
            keys: self.key_counts(),
            generations,
            break_glass: break_glass.to_vec(),
        })
    }

    /// How often keys were used, and their provider asked, since the start.
    pub fn key_counts(&self) -> KeyCounts {
        self.keys().counts()
    }
}
