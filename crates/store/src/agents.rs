//! Registered agents: their keys and what they offer.

use crate::error::{Refusal, Stop, StoreError};
use crate::gate::Grant;
use crate::identities::NewIdentity;
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::RegisterAgent;
use coffer_model::library::IdentityKind;
use coffer_model::{AgentId, IdentityId, name};
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
        Ok(())
    }
}

impl ReadTx {
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
