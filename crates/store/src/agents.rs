//! Registered agents: their keys and what they offer.

use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::{Grant, Seen};
use crate::identities::NewIdentity;
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::{RegisterAgent, RemoveAgent, ViewAgents};
use coffer_model::library::IdentityKind;
use coffer_model::{AgentId, IdentityId, Timestamp, name};
use uuid::Uuid;

statements! {
    KNOWN = "select id, identity_id from agent where pool = $1 and name_key = $2";
    INSERT = "insert into agent (id, pool, name, name_key, version, coffer_version, public_key, capabilities, identity_id,
            registered_at, last_seen_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
        on conflict (pool, name_key) do update set name = excluded.name, version = excluded.version,
            coffer_version = excluded.coffer_version, public_key = excluded.public_key,
            capabilities = excluded.capabilities, registered_at = excluded.registered_at,
            last_seen_at = excluded.last_seen_at";
    LIST = "select id, pool, name, version, coffer_version, registered_at from agent order by pool, name_key";
    REMOVE = "delete from agent where id = $1 returning identity_id";
    DISABLE = "update identity set disabled_at = $1 where id = $2 returning kind, unique_name";
    END_LEASES = "update job set lease_until = $1 where agent_id = $2 and state = 'leased' and lease_until > $1";
    GET = "select id, pool, name, version, public_key, capabilities, identity_id from agent where id = $1";
}

/// An agent to register.
#[derive(Clone, Debug)]
pub struct NewAgent {
    /// Its pool.
    pub pool: String,
    /// Its name, unique in the pool.
    pub name: String,
    /// `Agent.Version`.
    pub version: String,
    /// Coffer's version.
    pub coffer_version: String,
    /// Its Ed25519 public key.
    pub public_key: [u8; 32],
    /// What it offers, as the text the caller chose for it.
    pub capabilities: String,
}

/// A registered agent.
#[derive(Clone, Debug)]
pub struct AgentRow {
    /// Its id.
    pub id: AgentId,
    /// Its pool.
    pub pool: String,
    /// Its name.
    pub name: String,
    /// `Agent.Version`.
    pub version: String,
    /// Its Ed25519 public key.
    pub public_key: [u8; 32],
    /// What it offers.
    pub capabilities: String,
    /// The identity it acts as.
    pub identity: IdentityId,
}

/// An agent, for lists.
#[derive(Clone, Debug)]
pub struct AgentSummary {
    /// Its id.
    pub id: AgentId,
    /// Its pool.
    pub pool: String,
    /// Its name.
    pub name: String,
    /// `Agent.Version`.
    pub version: String,
    /// Coffer's version.
    pub coffer_version: String,
    /// When it was registered, or got its newest key.
    pub registered_at: Timestamp,
}

impl Tx {
    /// The id of a registered agent of that name.
    pub async fn agent_named(
        &mut self,
        pool: &str,
        agent: &str,
    ) -> Result<Option<AgentId>, StoreError> {
        let row: Option<(Uuid, Uuid)> = self.maybe(&KNOWN, args![pool, name::key(agent)]).await?;
        Ok(row.map(|(id, _)| AgentId(id)))
    }

    /// Registers an agent, or gives a known one a new key.
    pub async fn agent_put(
        &mut self,
        grant: Grant<RegisterAgent>,
        new: &NewAgent,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let known: Option<(Uuid, Uuid)> = self
            .maybe(&KNOWN, args![&new.pool, name::key(&new.name)])
            .await?;
        let identity = match known {
            Some((id, _)) if id != act.agent.0 => return Err(Refusal::NameTaken.into()),
            Some((_, identity)) => identity,
            None => {
                let identity = NewIdentity {
                    id: IdentityId::random(self.entropy()),
                    kind: IdentityKind::Service,
                    project: None,
                    unique_name: format!("Agent\\{}", act.agent),
                    display_name: new.name.clone(),
                };
                self.identity_insert(&identity).await?;
                identity.id.0
            }
        };
        let values = args![
            act.agent.0,
            &new.pool,
            &new.name,
            name::key(&new.name),
            &new.version,
            &new.coffer_version,
            &new.public_key,
            &new.capabilities,
            identity,
            self.now.0,
        ];
        self.run_one(&INSERT, values).await?;
        self.change(&facts::agent(act.agent.0, &new.public_key));
        Ok(())
    }
}

impl Tx {
    /// Removes an agent. Its signature is worth nothing from now on; its leases end now, so that its jobs are ended as
    /// those of any lost agent.
    pub async fn agent_remove(&mut self, grant: Grant<RemoveAgent>) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let row: Option<(Uuid,)> = self.maybe(&REMOVE, args![act.agent.0]).await?;
        let Some((identity,)) = row else {
            return Err(Refusal::NotFound.into());
        };
        let (kind, name): (i64, String) =
            self.conn.one(&DISABLE, args![self.now.0, identity]).await?;
        self.change(&facts::gone(facts::agent(act.agent.0, &[])));
        self.change(&facts::identity(identity, kind, &name, true));
        self.run(&END_LEASES, args![self.now.0, act.agent.0])
            .await?;
        Ok(())
    }
}

impl ReadTx {
    /// The agents of the organization.
    pub async fn agents(
        &mut self,
        _seen: &Seen<ViewAgents>,
    ) -> Result<Vec<AgentSummary>, StoreError> {
        type Row = (Uuid, String, String, String, String, i64);
        let rows: Vec<Row> = self.conn.all(&LIST, Vec::new()).await?;
        Ok(rows
            .into_iter()
            .map(
                |(id, pool, name, version, coffer_version, registered_at)| AgentSummary {
                    id: AgentId(id),
                    pool,
                    name,
                    version,
                    coffer_version,
                    registered_at: Timestamp(registered_at),
                },
            )
            .collect())
    }

    /// A registered agent.
    pub async fn agent(&mut self, id: AgentId) -> Result<Option<AgentRow>, StoreError> {
        type Row = (Uuid, String, String, String, Vec<u8>, String, Uuid);
        let row: Option<Row> = self.conn.maybe(&GET, args![id.0]).await?;
        row.map(
            |(id, pool, name, version, public_key, capabilities, identity)| {
                Ok(AgentRow {
                    id: AgentId(id),
                    pool,
                    name,
                    version,
                    public_key: crate::audit::fixed(public_key, "agent", "public_key")?,
                    capabilities,
                    identity: IdentityId(identity),
                })
            },
        )
        .transpose()
    }
}
