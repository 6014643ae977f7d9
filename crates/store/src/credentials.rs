//! Stored tokens: digests only, each with its kind, owner and end.

use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::{Grant, Seen};
use crate::jobs::Lease;
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::{
    Act, CountTokenUses, CreateAgentToken, CreateFirstAdministrator, CreateOwnToken,
    CreateTokenAtSignIn, CreateTokenFor, RevokeOwnToken, RevokeTokenOf, UseRecoveryCode,
    ViewOwnTokens, ViewTokens,
};
use coffer_model::library::Person;
use coffer_model::{
    CredentialId, IdentityId, JobId, PipelineId, ProjectId, RunId, Timestamp, TokenScopes,
};
use uuid::Uuid;

/// What lists show of a token.
macro_rules! listed_columns {
    () => {
        "c.id, c.kind, c.identity_id, i.display_name, i.unique_name, c.label, c.scopes, c.created_at, c.expires_at,
            c.revoked_at, c.last_used_at, c.last_used_address"
    };
}

statements! {
    INSERT = "insert into credential (id, kind, hash, identity_id, job_id, label, created_at, expires_at, scopes)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    // A revoked or expired token, or one of a disabled identity, is the same as none.
    FIND = "select c.id, c.kind, c.identity_id, i.display_name, c.job_id, c.scopes from credential c
        join identity i on i.id = c.identity_id
        where c.hash = $1 and c.revoked_at is null and c.expires_at > $2 and i.disabled_at is null";
    JOB = "select j.id, j.run_id, r.pipeline_id, r.project_id from job j join run r on r.id = j.run_id
        where j.id = $1 and j.state = 'leased' and j.lease_until > $2";
    OF_IDENTITY = concat!("select ", listed_columns!(), " from credential c join identity i on i.id = c.identity_id
        where c.identity_id = $1 and c.kind <> 'job' order by c.created_at desc");
    OF_EVERYBODY = concat!("select ", listed_columns!(), " from credential c join identity i on i.id = c.identity_id
        where c.kind <> 'job' order by i.unique_key, c.created_at desc");
    USED = "update credential set last_used_at = $1, last_used_address = $2
        where id = $3 and (last_used_at is null or last_used_at < $1)";
    REVOKE_OWN = "update credential set revoked_at = $1 where id = $2 and identity_id = $3 and revoked_at is null";
    REVOKE = "update credential set revoked_at = $1 where id = $2 and kind <> 'job' and revoked_at is null";
    OWNER = "select identity_id from credential where id = $1";
    END_OF_JOB = "delete from credential where job_id = $1";
}

/// What a token is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CredentialKind {
    /// A person's.
    Pat,
    /// Registers agents, nothing else.
    Agent,
    /// A job's.
    Job,
}

impl CredentialKind {
    /// The word in the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pat => "pat",
            Self::Agent => "agent",
            Self::Job => "job",
        }
    }

    fn from_word(word: &str) -> Result<Self, StoreError> {
        [Self::Pat, Self::Agent, Self::Job]
            .into_iter()
            .find(|kind| kind.word() == word)
            .ok_or(StoreError::corrupt("credential", "kind"))
    }
}

/// A token to store.
#[derive(Clone, Debug)]
pub struct NewCredential {
    /// Its id.
    pub id: CredentialId,
    /// What it is good for.
    pub kind: CredentialKind,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// What the owner calls it.
    pub label: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What it is good for, as words; see [`TokenScopes`].
    pub scopes: String,
}

/// A use of a token.
#[derive(Clone, Debug)]
pub struct TokenUse {
    /// Which.
    pub id: CredentialId,
    /// When.
    pub at: Timestamp,
    /// Where from; empty when it is not known.
    pub address: String,
}

/// A token in a list, without its digest.
#[derive(Clone, Debug)]
pub struct CredentialListed {
    /// Its id.
    pub id: CredentialId,
    /// What it is good for.
    pub kind: CredentialKind,
    /// Whose it is.
    pub owner: Person,
    /// What the owner calls it.
    pub label: String,
    /// Its scopes, as words.
    pub scopes: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Where from.
    pub last_used_address: Option<String>,
}

/// A live token, without its digest.
#[derive(Clone, Debug)]
pub struct CredentialRow {
    /// Its id.
    pub id: CredentialId,
    /// What it is good for.
    pub kind: CredentialKind,
    /// Whose it is.
    pub identity: IdentityId,
    /// The owner's name.
    pub name: String,
    /// What it may be used for.
    pub scopes: TokenScopes,
    /// Its job.
    pub job: Option<JobId>,
}

/// The job behind a job's token.
#[derive(Clone, Copy, Debug)]
pub struct JobCredential {
    /// The job.
    pub job: JobId,
    /// Its run.
    pub run: RunId,
    /// The run's pipeline.
    pub pipeline: PipelineId,
    /// The run's project.
    pub project: ProjectId,
}

/// Acts that make a token, and for whom.
pub trait MakesToken: Act {
    /// The only kind of token it makes.
    const KIND: CredentialKind = CredentialKind::Pat;

    /// Whose the token is; none when it is the caller's own.
    fn owner(&self) -> Option<IdentityId>;
}

impl MakesToken for CreateOwnToken {
    fn owner(&self) -> Option<IdentityId> {
        None
    }
}

impl MakesToken for CreateTokenFor {
    fn owner(&self) -> Option<IdentityId> {
        Some(self.identity)
    }
}

impl MakesToken for UseRecoveryCode {
    fn owner(&self) -> Option<IdentityId> {
        Some(self.identity)
    }
}

impl MakesToken for CreateAgentToken {
    const KIND: CredentialKind = CredentialKind::Agent;

    fn owner(&self) -> Option<IdentityId> {
        None
    }
}

impl MakesToken for CreateTokenAtSignIn {
    fn owner(&self) -> Option<IdentityId> {
        None
    }
}

impl MakesToken for CreateFirstAdministrator {
    fn owner(&self) -> Option<IdentityId> {
        Some(self.identity)
    }
}

/// What is revoked must be what the grant, and with it the audit log, names.
fn same(granted: &str, id: CredentialId) -> Result<(), StoreError> {
    if granted == id.to_string() {
        Ok(())
    } else {
        Err(StoreError::ForeignGrant)
    }
}

#[derive(sqlx::FromRow)]
struct FoundRow {
    id: Uuid,
    kind: String,
    identity_id: Uuid,
    display_name: String,
    job_id: Option<Uuid>,
    scopes: String,
}

#[derive(sqlx::FromRow)]
struct ListedRow {
    id: Uuid,
    kind: String,
    identity_id: Uuid,
    display_name: String,
    unique_name: String,
    label: String,
    scopes: String,
    created_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
    last_used_address: Option<String>,
}

impl ListedRow {
    fn into_listed(self) -> Result<CredentialListed, StoreError> {
        Ok(CredentialListed {
            id: CredentialId(self.id),
            kind: CredentialKind::from_word(&self.kind)?,
            owner: Person {
                id: IdentityId(self.identity_id),
                unique_name: self.unique_name,
                display_name: self.display_name,
            },
            label: self.label,
            scopes: self.scopes,
            created_at: Timestamp(self.created_at),
            expires_at: Timestamp(self.expires_at),
            revoked_at: self.revoked_at.map(Timestamp),
            last_used_at: self.last_used_at.map(Timestamp),
            last_used_address: self.last_used_address,
        })
    }
}

impl Tx {
    /// Stores a token. A person's token never gets the kind of a job's.
    pub async fn credential_insert<A: MakesToken>(
        &mut self,
        grant: Grant<A>,
        new: &NewCredential,
    ) -> Result<(), Stop> {
        let (act, caller) = grant.redeem(self)?;
        if new.kind != A::KIND {
            return Err(StoreError::ForeignGrant.into());
        }
        let owner = act.owner().map_or(caller, |owner| owner.0);
        self.credential_put(new, owner, None).await
    }

    /// Stores the token of a job that is being leased. It acts as the project's build service.
    pub async fn job_credential_insert(
        &mut self,
        lease: &Lease,
        new: &NewCredential,
        identity: IdentityId,
    ) -> Result<(), Stop> {
        lease.check(self)?;
        if new.kind != CredentialKind::Job {
            return Err(StoreError::ForeignGrant.into());
        }
        self.credential_put(new, identity.0, Some(lease.job()))
            .await
    }

    async fn credential_put(
        &mut self,
        new: &NewCredential,
        owner: Uuid,
        job: Option<JobId>,
    ) -> Result<(), Stop> {
        self.run_one(
            &INSERT,
            args![
                new.id.0,
                new.kind.word(),
                &new.hash,
                owner,
                job.map(|job| job.0),
                &new.label,
                self.now.0,
                new.expires_at.0,
                &new.scopes,
            ],
        )
        .await?;
        if job.is_none() {
            let hash = &new.hash;
            let token = facts::token(new.id.0, new.kind.word(), owner, hash, &new.scopes);
            self.change(&token);
        }
        Ok(())
    }

    /// Revokes one of the caller's own tokens.
    pub async fn credential_revoke_own(
        &mut self,
        grant: Grant<RevokeOwnToken>,
        id: CredentialId,
    ) -> Result<(), Stop> {
        let (act, caller) = grant.redeem(self)?;
        same(&act.token, id)?;
        match self
            .run(&REVOKE_OWN, args![self.now.0, id.0, caller])
            .await?
        {
            1 => {
                self.change(&facts::no_token(id.0));
                Ok(())
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }

    /// Revokes somebody's token.
    pub async fn credential_revoke(
        &mut self,
        grant: Grant<RevokeTokenOf>,
        id: CredentialId,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        same(&act.token, id)?;
        match self.run(&REVOKE, args![self.now.0, id.0]).await? {
            1 => {
                self.change(&facts::no_token(id.0));
                Ok(())
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }

    /// Notes when and from where tokens were used last.
    pub async fn token_uses_put(
        &mut self,
        grant: Grant<CountTokenUses>,
        uses: &[TokenUse],
    ) -> Result<(), Stop> {
        grant.redeem(self)?;
        for used in uses {
            self.run(&USED, args![used.at.0, &used.address, used.id.0])
                .await?;
        }
        Ok(())
    }

    /// Whose a token is.
    pub async fn credential_owner(
        &mut self,
        id: CredentialId,
    ) -> Result<Option<IdentityId>, StoreError> {
        let row: Option<(Uuid,)> = self.maybe(&OWNER, args![id.0]).await?;
        Ok(row.map(|(id,)| IdentityId(id)))
    }

    pub(crate) async fn job_credentials_end(&mut self, job: JobId) -> Result<(), StoreError> {
        self.run(&END_OF_JOB, args![job.0]).await.map(drop)
    }
}

impl ReadTx {
    /// The live token with a digest.
    pub async fn credential(
        &mut self,
        hash: &[u8; 32],
    ) -> Result<Option<CredentialRow>, StoreError> {
        let row: Option<FoundRow> = self.conn.maybe(&FIND, args![hash, self.now.0]).await?;
        row.map(|row| {
            Ok(CredentialRow {
                id: CredentialId(row.id),
                kind: CredentialKind::from_word(&row.kind)?,
                identity: IdentityId(row.identity_id),
                name: row.display_name,
                scopes: TokenScopes::parse(&row.scopes)
                    .ok_or(StoreError::corrupt("credential", "scopes"))?,
                job: row.job_id.map(JobId),
            })
        })
        .transpose()
    }

    /// The live job behind a job's token; none once its lease is over.
    pub async fn job_behind(&mut self, job: JobId) -> Result<Option<JobCredential>, StoreError> {
        let row: Option<(Uuid, i64, i64, Uuid)> =
            self.conn.maybe(&JOB, args![job.0, self.now.0]).await?;
        Ok(row.map(|(job, run, pipeline, project)| JobCredential {
            job: JobId(job),
            run: RunId(run),
            pipeline: PipelineId(pipeline),
            project: ProjectId(project),
        }))
    }

    /// An identity's own tokens, newest first.
    pub async fn credentials_of(
        &mut self,
        seen: &Seen<ViewOwnTokens>,
    ) -> Result<Vec<CredentialListed>, StoreError> {
        let rows: Vec<ListedRow> = self
            .conn
            .all(&OF_IDENTITY, args![seen.0.identity.0])
            .await?;
        rows.into_iter().map(ListedRow::into_listed).collect()
    }

    /// Everybody's tokens, by their owners.
    pub async fn credentials_of_everybody(
        &mut self,
        _seen: &Seen<ViewTokens>,
    ) -> Result<Vec<CredentialListed>, StoreError> {
        let rows: Vec<ListedRow> = self.conn.all(&OF_EVERYBODY, Vec::new()).await?;
        rows.into_iter().map(ListedRow::into_listed).collect()
    }
}
