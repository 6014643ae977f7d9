//! Agents as witnesses: each remembers the newest anchor that it was given, and says so when it calls.
//!
//! An agent is nobody to be believed. What it hands over counts for the scale unit's signature on it and for nothing
//! else: it brings no key of its own, and what is not proved is passed over. It is asked before it is given anything, so
//! that a database which was put back does not overwrite what an agent knows of the newer one.

use super::witness::{Found, Judge};
use crate::error::Result;
use crate::{Service, lease};
use coffer_model::{Caller, anchor};

/// Longer than any anchor, and than any scale unit's name.
const LONGEST: usize = 256;

/// An anchor in the hands of an agent.
#[derive(Clone, Debug)]
pub struct AgentAnchor {
    /// The scale unit that it is said to be of.
    pub scale_unit: String,
    /// Its text.
    pub text: String,
}

impl Service {
    /// Judges what an agent remembers, and gives it what to remember from now on; nothing while nothing can be signed.
    ///
    /// # Errors
    /// `anchor.behind` when the database is older than what the agent was given, or known to be older than it was.
    pub(crate) async fn testimony(
        &self,
        caller: &Caller,
        remembered: Option<AgentAnchor>,
    ) -> Result<Option<AgentAnchor>> {
        let agent = lease::agent_of(self, caller).await?;
        let halt = &self.0.guard.halt;
        halt.check()?;
        // Without the key nothing is proved, and what is not judged must not be overwritten.
        let key = match self.signing_key().await {
            Ok(key) => key,
            Err(error) => {
                tracing::debug!(error = %error, "an agent's anchor cannot be judged now");
                return Ok(None);
            }
        };
        if let Some(told) = remembered {
            let providers = self.keys().providers();
            let judge = Judge::knowing(self.store(), providers, *key.public_key()).await?;
            match judge.testimony(&told).await? {
                Found::Behind { why, .. } => {
                    halt.set(format!("the agent {}: {why}", agent.name));
                    halt.check()?;
                }
                Found::Ignored(why) => tracing::warn!(
                    agent = agent.name,
                    why,
                    "what an agent remembers of the database is not believed"
                ),
                Found::Nothing | Found::Unreachable(_) | Found::Fits { .. } | Found::Accepted => {}
            }
        }
        // What this node has seen itself may show the same.
        if let Some(why) = self.went_back().await? {
            halt.set(why);
            halt.check()?;
        }
        let (signed, _) = self.anchor_now().await?;
        Ok(Some(AgentAnchor {
            scale_unit: self.store().scale_unit().to_owned(),
            text: anchor::text(&signed),
        }))
    }
}

impl Judge<'_> {
    /// What an agent says. Unlike a place it brings no key, and what is unproved speaks neither for nor against.
    async fn testimony(&self, told: &AgentAnchor) -> Result<Found> {
        if told.text.len() > LONGEST || told.scale_unit.len() > LONGEST {
            return Ok(Found::Ignored("it is too long".into()));
        }
        if told.scale_unit != self.scale_unit() {
            return Ok(Found::Ignored("it is of another scale unit".into()));
        }
        self.claimed(&told.text).await
    }
}
