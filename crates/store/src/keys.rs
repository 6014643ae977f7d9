//! Root generations, the keys of scopes, and the one table of what they wrap. Wraps only: nothing here can be opened.
//!
//! A project key belongs to a scope: a project, or the organization for what belongs to no project.

use crate::error::{Refusal, Stop, StoreError};
use crate::gate::Grant;
use crate::sql::{Conn, args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::CreateKey;
use coffer_model::{ProjectId, ProjectKeyId};
use uuid::Uuid;

macro_rules! key_columns {
    () => {
        // A freeze is of projects: the organization's own key serves sign-ins also then.
        "k.id, k.scope_id, k.version, k.scale_unit, k.generation_id, k.state, k.wrapped, k.commitment,
            (select g.provider from root_generation g where g.id = k.generation_id) as provider,
            (select count(*) from content_freeze z join project p on p.id = k.scope_id
                where z.target_kind = 'everything' or (z.target_kind = 'project' and z.target_id = p.id)) as frozen"
    };
}
pub(crate) use key_columns;

statements! {
    GENERATION_ACTIVE = "select id, provider from root_generation where scale_unit = $1 and state = 'active'
        order by created_at desc limit 1";
    GENERATION_INSERT = "insert into root_generation (id, scale_unit, provider, state, created_at)
        values ($1, $2, $3, 'active', $4)";
    ACTIVE = concat!("select ", key_columns!(), " from project_key k
        where k.scope_id = $1 and k.state = 'active' order by k.version desc limit 1");
    BY_ID = concat!("select ", key_columns!(), " from project_key k where k.id = $1");
    // A rotation that has not settled its generation yet has every key that is made meanwhile before it.
    INSERT = "insert into project_key (id, scope_id, version, scale_unit, generation_id, state, wrapped, commitment,
            deployment, created_at, rotation)
        values ($1, $2, $3, $4, $5, 'active', $6, $7, $8, $9,
            (select coalesce(max(number), 0) from rotation where generation_id is not null))
        on conflict (scope_id, version) do nothing";
    GENERATION_STILL_ACTIVE = "select count(*) as n from root_generation where id = $1 and state = 'active'";
    STILL_ACTIVE = "select count(*) as n from project_key where id = $1 and scope_id = $2 and state = 'active'";
    WRAP_INSERT = "insert into wrapped_key (kind, owner_id, project_key_id, wrapped) values ($1, $2, $3, $4)";
    WRAP = concat!("select ", key_columns!(), ", w.wrapped as key_wrapped
        from wrapped_key w join project_key k on k.id = w.project_key_id where w.kind = $1 and w.owner_id = $2");
    NEWEST_VERSION = "select max(version) as n from project_key where scope_id = $1";
    WRAP_FORGET = "delete from wrapped_key where kind = $1 and owner_id = $2";
}

/// What a project key serves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct KeyScope(pub Uuid);

impl KeyScope {
    /// What belongs to the organization and to no project. No project has this id.
    pub const ORGANIZATION: Self = Self(Uuid::nil());

    /// The project, unless it is the organization.
    pub fn project(self) -> Option<ProjectId> {
        (self != Self::ORGANIZATION).then_some(ProjectId(self.0))
    }
}

impl From<ProjectId> for KeyScope {
    fn from(project: ProjectId) -> Self {
        Self(project.0)
    }
}

/// A root generation as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootGeneration {
    /// The opaque id.
    pub id: String,
    /// The name of the provider that holds it.
    pub provider: String,
}

/// A project key as stored: wrapped by a root generation.
#[derive(Clone, Debug)]
pub struct ProjectKeyRow {
    /// Its id.
    pub id: ProjectKeyId,
    /// What it serves.
    pub scope: KeyScope,
    /// Its version, from 1.
    pub version: i64,
    /// The scale unit.
    pub scale_unit: String,
    /// The root generation that wrapped it.
    pub generation: String,
    /// The name of the provider that holds that generation.
    pub provider: String,
    /// `active`, `draining` or `retired`.
    pub state: String,
    /// The wrapped secret.
    pub wrapped: Vec<u8>,
    /// Commitment to the derived key.
    pub commitment: [u8; 32],
    /// The scope is a project, and it or everything is frozen: the key is not to be kept in memory.
    pub frozen: bool,
}

/// A project key to store.
#[derive(Clone, Debug)]
pub struct NewProjectKey {
    /// Its id.
    pub id: ProjectKeyId,
    /// What it serves.
    pub scope: KeyScope,
    /// Its version.
    pub version: i64,
    /// The root generation that wrapped it.
    pub generation: String,
    /// The wrapped secret.
    pub wrapped: Vec<u8>,
    /// Commitment to the derived key.
    pub commitment: [u8; 32],
    /// The deployment it was made for.
    pub deployment: String,
}

/// What a wrapped key opens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WrappedKind {
    /// A secure file; the owner is the file.
    SecureFile,
    /// The log of a job; the owner is the job.
    JobLog,
    /// The secret of an authenticator app; the owner is the identity.
    SecondFactor,
    /// The secret of an audit stream; the owner is the stream.
    AuditStream,
}

impl WrappedKind {
    const ALL: [Self; 4] = [
        Self::SecureFile,
        Self::JobLog,
        Self::SecondFactor,
        Self::AuditStream,
    ];

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::SecureFile => "securefile",
            Self::JobLog => "joblog",
            Self::SecondFactor => "secondfactor",
            Self::AuditStream => "auditstream",
        }
    }
}

/// A key wrapped by a project key.
#[derive(Clone, Debug)]
pub struct WrappedKey {
    /// The project key that wrapped it.
    pub project_key: ProjectKeyRow,
    /// The wrap.
    pub wrapped: Vec<u8>,
}

#[derive(sqlx::FromRow)]
pub(crate) struct KeyRow {
    id: Uuid,
    scope_id: Uuid,
    version: i64,
    scale_unit: String,
    generation_id: String,
    state: String,
    wrapped: Vec<u8>,
    commitment: Vec<u8>,
    provider: String,
    frozen: i64,
}

#[derive(sqlx::FromRow)]
struct WrapRow {
    #[sqlx(flatten)]
    key: KeyRow,
    key_wrapped: Vec<u8>,
}

impl KeyRow {
    pub(crate) fn into_key(self) -> Result<ProjectKeyRow, StoreError> {
        Ok(ProjectKeyRow {
            id: ProjectKeyId(self.id),
            scope: KeyScope(self.scope_id),
            version: self.version,
            scale_unit: self.scale_unit,
            generation: self.generation_id,
            provider: self.provider,
            state: self.state,
            wrapped: self.wrapped,
            // One of another length is nobody's: like any that was changed, it makes this key fail and no other.
            commitment: self.commitment.try_into().unwrap_or_default(),
            frozen: self.frozen > 0,
        })
    }
}

impl WrapRow {
    fn into_wrapped(self) -> Result<WrappedKey, StoreError> {
        Ok(WrappedKey {
            project_key: self.key.into_key()?,
            wrapped: self.key_wrapped,
        })
    }
}

impl Tx {
    /// Records a root generation that the provider has made.
    pub async fn generation_insert(
        &mut self,
        grant: Grant<CreateKey>,
        generation: &str,
        provider: &str,
    ) -> Result<(), Stop> {
        grant.redeem(self)?;
        let unit = self.shared.scale_unit.clone();
        self.run_one(
            &GENERATION_INSERT,
            args![generation, unit, provider, self.now.0],
        )
        .await?;
        Ok(())
    }

    /// Stores the first project key of a scope. Refused when another node was quicker with that version, and when a
    /// rotation has put another generation in the place of the one that wrapped it.
    pub async fn project_key_insert(
        &mut self,
        grant: Grant<CreateKey>,
        new: &NewProjectKey,
    ) -> Result<(), Stop> {
        let unit = self.shared.scale_unit.clone();
        self.project_key_put(grant, &unit, new).await
    }

    pub(crate) async fn project_key_put(
        &mut self,
        grant: Grant<CreateKey>,
        unit: &str,
        new: &NewProjectKey,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        match act.project {
            Some(project) if new.scope == project.into() => {}
            None if new.scope == KeyScope::ORGANIZATION => {}
            _ => return Err(StoreError::ForeignGrant.into()),
        }
        self.generation_still_active(&new.generation).await?;
        let done = self
            .run(
                &INSERT,
                args![
                    new.id.0,
                    new.scope.0,
                    new.version,
                    unit,
                    &new.generation,
                    new.wrapped.clone(),
                    &new.commitment,
                    &new.deployment,
                    self.now.0,
                ],
            )
            .await?;
        if done == 1 {
            Ok(())
        } else {
            Err(Refusal::State.into())
        }
    }

    /// Refuses what another generation than the active one has wrapped.
    pub(crate) async fn generation_still_active(&mut self, generation: &str) -> Result<(), Stop> {
        let (active,): (i64,) = self
            .conn
            .one(&GENERATION_STILL_ACTIVE, args![generation])
            .await?;
        match active {
            0 => Err(Refusal::KeyNotActive.into()),
            _ => Ok(()),
        }
    }

    /// Stores a wrap, if the project key that made it is the scope's and still active.
    pub(crate) async fn wrapped_key_insert(
        &mut self,
        kind: WrappedKind,
        owner: Uuid,
        scope: KeyScope,
        project_key: ProjectKeyId,
        wrapped: &[u8],
    ) -> Result<(), Stop> {
        if self
            .conn
            .one::<(i64,)>(&STILL_ACTIVE, args![project_key.0, scope.0])
            .await?
            .0
            == 0
        {
            return Err(Refusal::KeyNotActive.into());
        }
        self.run_one(
            &WRAP_INSERT,
            args![kind.word(), owner, project_key.0, wrapped],
        )
        .await?;
        Ok(())
    }

    pub(crate) async fn wrapped_key(
        &mut self,
        kind: WrappedKind,
        owner: Uuid,
    ) -> Result<WrappedKey, StoreError> {
        let row: WrapRow = self.conn.one(&WRAP, args![kind.word(), owner]).await?;
        row.into_wrapped()
    }

    pub(crate) async fn wrapped_key_forget(
        &mut self,
        kind: WrappedKind,
        owner: Uuid,
    ) -> Result<(), StoreError> {
        self.run(&WRAP_FORGET, args![kind.word(), owner])
            .await
            .map(drop)
    }
}

impl ReadTx {
    /// The root generation that new project keys are wrapped by.
    pub async fn generation_active(
        &mut self,
        scale_unit: &str,
    ) -> Result<Option<RootGeneration>, StoreError> {
        let row: Option<(String, String)> = self
            .conn
            .maybe(&GENERATION_ACTIVE, args![scale_unit])
            .await?;
        Ok(row.map(|(id, provider)| RootGeneration { id, provider }))
    }

    /// The key of a scope that new wraps are made with.
    pub async fn project_key_active(
        &mut self,
        scope: impl Into<KeyScope>,
    ) -> Result<Option<ProjectKeyRow>, StoreError> {
        let row: Option<KeyRow> = self.conn.maybe(&ACTIVE, args![scope.into().0]).await?;
        row.map(KeyRow::into_key).transpose()
    }

    /// A project key by id.
    pub async fn project_key(
        &mut self,
        id: ProjectKeyId,
    ) -> Result<Option<ProjectKeyRow>, StoreError> {
        let row: Option<KeyRow> = self.conn.maybe(&BY_ID, args![id.0]).await?;
        row.map(KeyRow::into_key).transpose()
    }

    /// The newest version that a scope's key has had, whatever its state.
    pub async fn project_key_newest_version(
        &mut self,
        scope: KeyScope,
    ) -> Result<Option<i64>, StoreError> {
        let (version,): (Option<i64>,) = self.conn.one(&NEWEST_VERSION, args![scope.0]).await?;
        Ok(version)
    }

    /// The wrapped key of a secure file, for showing its digest to those who may use it.
    pub async fn file_key(
        &mut self,
        seen: &crate::gate::Seen<coffer_model::act::UseFile>,
    ) -> Result<(WrappedKey, Vec<u8>), StoreError> {
        let wrap: WrapRow = self
            .conn
            .one(&WRAP, args![WrappedKind::SecureFile.word(), seen.0.file.0])
            .await?;
        let preamble = self.file_preamble(seen.0.file).await?;
        Ok((wrap.into_wrapped()?, preamble))
    }

    pub(crate) async fn wrapped_key_of_log(
        &mut self,
        job: Uuid,
    ) -> Result<Option<WrappedKey>, StoreError> {
        wrapped(&mut self.conn, WrappedKind::JobLog, job).await
    }
}

/// What is wrapped for an owner, if anything is.
pub(crate) async fn wrapped(
    conn: &mut Conn,
    kind: WrappedKind,
    owner: Uuid,
) -> Result<Option<WrappedKey>, StoreError> {
    let row: Option<WrapRow> = conn.maybe(&WRAP, args![kind.word(), owner]).await?;
    row.map(WrapRow::into_wrapped).transpose()
}
