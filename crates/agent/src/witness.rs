//! The agent as a witness of how new the server's database is: it remembers the newest anchor it was given, and says so
//! whenever it connects, and once a minute.
//!
//! It believes an anchor by the scale unit's key that it learned when it was registered, and takes none that is not
//! newer than what it has. So neither somebody in the server's place nor a database that was put back makes it forget.
//! Nothing of this holds up a job. Must not know what an anchor is good for.

use crate::identity::{self, IdentityError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coffer_client::agent::AgentClient;
use coffer_client::anchor::signed_at;
use coffer_wire::agent::{Anchor, Testimony};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const FILE: &str = ".anchor.json";
/// How often it says what it remembers.
const EVERY: Duration = Duration::from_secs(60);
/// How soon it tries again when it could not.
const AGAIN: Duration = Duration::from_secs(5);
/// The first call is made before the first job is asked for, and no longer waited for than this.
const FIRST: Duration = Duration::from_secs(10);

/// What is remembered. Nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Memory {
    /// The scale unit's public key, base64url.
    unit_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remembered: Option<Anchor>,
}

/// A witness.
pub(crate) struct Witness {
    work: PathBuf,
    key: [u8; 32],
    memory: Memory,
}

/// Ends the witness with the agent.
pub(crate) struct Keeping(JoinHandle<()>);

impl Drop for Keeping {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What was learned when the agent was registered. An earlier memory was of another server, or of an earlier life there.
pub(crate) fn learn(work: &Path, unit_key: Option<String>) -> Result<(), IdentityError> {
    match unit_key {
        Some(unit_key) => {
            let remembered = None;
            identity::put(
                work,
                FILE,
                &Memory {
                    unit_key,
                    remembered,
                },
            )
        }
        None => match std::fs::remove_file(work.join(FILE)) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                let path = work.join(FILE);
                Err(IdentityError::File { path, source })
            }
            _ => Ok(()),
        },
    }
}

impl Witness {
    /// The witness that a work folder makes; none where it learned no key.
    pub(crate) fn open(work: &Path) -> Option<Self> {
        let text = std::fs::read(work.join(FILE)).ok()?;
        let memory: Option<Memory> = serde_json::from_slice(&text).ok();
        let key = memory.as_ref().and_then(|memory| {
            let key = URL_SAFE_NO_PAD.decode(&memory.unit_key).ok()?;
            key.try_into().ok()
        });
        let (Some(memory), Some(key)) = (memory, key) else {
            tracing::warn!(
                "{FILE} is damaged: this agent is no witness of the server's database until it is registered again"
            );
            return None;
        };
        Some(Self {
            work: work.to_owned(),
            key,
            memory,
        })
    }

    /// Says what it remembers, and goes on doing so.
    pub(crate) async fn begin(mut self, client: AgentClient, stop: CancellationToken) -> Keeping {
        let first = tokio::select! {
            first = tokio::time::timeout(FIRST, self.call(&client)) => first.unwrap_or(false),
            () = stop.cancelled() => true,
        };
        Keeping(tokio::spawn(async move {
            let mut pause = if first { EVERY } else { AGAIN };
            loop {
                tokio::time::sleep(pause).await;
                pause = match self.call(&client).await {
                    true => EVERY,
                    false => AGAIN,
                };
            }
        }))
    }

    /// One call. Says whether it was answered.
    async fn call(&mut self, client: &AgentClient) -> bool {
        let testimony = Testimony {
            remembered: self.memory.remembered.clone(),
        };
        match client.witness(&testimony).await {
            Ok(answer) => {
                if let Some(given) = answer.remember
                    && let Err(error) = self.hear(given)
                {
                    tracing::warn!(error = %error, "the newest anchor could not be kept");
                }
                true
            }
            Err(error) => {
                tracing::warn!(error = %error, "the server did not take this agent's testimony of its database");
                error.status().is_some()
            }
        }
    }

    /// Remembers an anchor, if it is the unit's own and newer.
    fn hear(&mut self, given: Anchor) -> Result<(), IdentityError> {
        let Some(time) = signed_at(&given, &self.key) else {
            tracing::warn!(
                "the server gave an anchor that its scale unit's key did not sign; it is not kept"
            );
            return Ok(());
        };
        let kept = self.memory.remembered.as_ref();
        let kept = kept.and_then(|kept| signed_at(kept, &self.key));
        if kept.is_some_and(|kept| time <= kept) {
            return Ok(());
        }
        self.memory.remembered = Some(given);
        identity::put(&self.work, FILE, &self.memory)
    }
}

#[cfg(test)]
#[path = "witness_tests.rs"]
mod tests;
