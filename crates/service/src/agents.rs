//! The agents of the organization, for people: which there are, and removing one. It must not know the agent protocol.

use crate::Service;
use crate::error::{AGENT, Error, Result};
use coffer_model::act::{RemoveAgent, ViewAgents};
use coffer_model::{AgentId, Caller};
use coffer_store::AgentSummary;

/// Agents, for people.
pub struct Agents<'a>(pub(crate) &'a Service);

impl Agents<'_> {
    /// The agents there are.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<AgentSummary>> {
        let organization = self.0.organization().id;
        let mut read = self.0.store().read().await?;
        let seen = read.look(caller, ViewAgents { organization }).await?;
        Ok(read.agents(&seen).await?)
    }

    /// Removes an agent. A job that it runs is lost, as when the agent dies.
    pub async fn remove(&self, caller: &Caller, agent: AgentId) -> Result<()> {
        let (asked, organization) = (caller.clone(), self.0.organization().id);
        self.0
            .store()
            .write("agent.remove", move |tx| {
                let caller = asked.clone();
                Box::pin(async move {
                    let act = RemoveAgent {
                        organization,
                        agent,
                    };
                    let grant = tx.authorize(&caller, act).await?;
                    tx.agent_remove(grant).await
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&AGENT))
    }
}
