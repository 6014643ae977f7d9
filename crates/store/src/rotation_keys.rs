//! What a rotation does to keys: new versions, wraps replaced page by page, versions and generations retired, and what
//! the horizon does to generations later.
//!
//! Every guard is in the unit that writes: a wrap is replaced only if it is as it was read and its new key is active, a
//! key retires only when it wraps nothing, a generation only when nothing needs it.

use crate::error::{Refusal, Stop, StoreError};
use crate::gate::Grant;
use crate::keys::{KeyRow, NewProjectKey, ProjectKeyRow, WrappedKind, key_columns};
use crate::records::{SigningKeyRow, StoredKey};
use crate::rotation::{RotationLease, RotationRow};
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::{CreateKey, DestroyGeneration, DisableGeneration, RetireGeneration};
use coffer_model::rotation::{Facts, GenerationState};
use coffer_model::{ProjectKeyId, Timestamp};
use uuid::Uuid;

statements! {
    OLD_SCOPES = concat!("select ", key_columns!(), " from project_key k
        where k.state = 'active' and (k.rotation < $1 or k.generation_id <> $3)
        order by k.rotation, k.id limit $2");
    DRAINING = concat!("select ", key_columns!(), " from project_key k
        where k.state = 'draining' and k.id > $1
            and exists (select 1 from wrapped_key w where w.project_key_id = k.id)
        order by k.id limit 1");
    OLD_WRAPS = "select count(*) as n from (select 1 from project_key k join wrapped_key w on w.project_key_id = k.id
        where k.state = 'draining' limit $1) t";
    OLD_SECRETS = "select count(*) as n from (select 1 from root_generation g join signing_key s on s.generation_id = g.id
        where g.state <> 'active' limit $1) t";
    EMPTY_KEYS = "select count(*) as n from (select 1 from project_key k where k.state = 'draining'
        and not exists (select 1 from wrapped_key w where w.project_key_id = k.id) limit 1) t";
    EMPTY_GENERATIONS = "select g.id from root_generation g where g.state = 'draining'
        and not exists (select 1 from project_key k where k.generation_id = g.id and k.state in ('active', 'draining'))
        and not exists (select 1 from signing_key s where s.generation_id = g.id) order by g.id";
    PAGE = "select w.kind, w.owner_id, w.wrapped, f.preamble from wrapped_key w
            left join secure_file f on w.kind = 'securefile' and f.id = w.owner_id
        where w.project_key_id = $1 and (w.kind, w.owner_id) > ($2, $3) order by w.kind, w.owner_id limit $4";
    SECRETS = "select s.id, s.version, s.generation_id, g.provider, s.public_key, s.wrapped, s.scale_unit,
            coalesce((select value from meta where key = 'signing_unit'), s.scale_unit) as made_for
        from signing_key s join root_generation g on g.id = s.generation_id
        where g.state <> 'active' order by s.version";
    KNOWN = "select count(*) as n from root_generation where id = $1";
    GENERATION_OF = "select id from root_generation where scale_unit = $1 and provider = $2 and state = 'active'
        order by created_at desc limit 1";
    NEEDS = "select (select count(*) from project_key k where k.generation_id = $1 and k.state in ('active', 'draining'))
            + (select count(*) from signing_key s where s.generation_id = $1) as n";
    WRAPS_OF = "select count(*) as n from wrapped_key where project_key_id = $1";
    ASTRAY_WRAPS = "select count(*) as n from wrapped_key w join project_key k on k.id = w.project_key_id
        where k.state = 'retired'";
    SETTLE = "update rotation set generation_id = $2, provider = $4, kept = $3, failures = 0, failing_since = null, last_error = null
        where number = $1 and generation_id is null";
    DRAIN_OTHERS = "update root_generation set state = 'draining' where state = 'active' and id <> $1";
    ADOPT = "insert into root_generation (id, scale_unit, provider, state, created_at) values ($1, $2, $3, 'active', $4)
        on conflict (id) do nothing";
    GENERATION_STATE = "select state from root_generation where id = $1";
    DRAIN_SCOPE = "update project_key set state = 'draining' where scope_id = $1 and state = 'active' and id <> $2";
    KEYS_MADE = "update rotation set keys_made = keys_made + $2, failures = 0, failing_since = null, last_error = null
        where number = $1";
    STILL_ACTIVE = "select count(*) as n from project_key where id = $1 and scope_id = $2 and state = 'active'";
    REWRAP = "update wrapped_key set project_key_id = $1, wrapped = $2
        where kind = $3 and owner_id = $4 and project_key_id = $5 and wrapped = $6";
    WRAPS = "update rotation set wraps = wraps + $2, failures = 0, failing_since = null, last_error = null where number = $1";
    REWRAP_SECRET = "update signing_key set generation_id = $1, wrapped = $2, scale_unit = $5 where id = $3 and wrapped = $4
        and exists (select 1 from root_generation where id = $1 and state = 'active')";
    SECRETS_MADE = "update rotation set secrets = secrets + $2 where number = $1";
    RETIRE_KEYS = "update project_key set state = 'retired', retired_at = $1 where id in (
            select k.id from project_key k where k.state = 'draining'
                and not exists (select 1 from wrapped_key w where w.project_key_id = k.id) limit $2)";
    KEYS_RETIRED = "update rotation set keys_retired = keys_retired + $2 where number = $1";
    RETIRE_GENERATION = "update root_generation set state = 'retired', retired_at = $1 where id = $2 and state = 'draining'
        and not exists (select 1 from project_key k where k.generation_id = root_generation.id
            and k.state in ('active', 'draining'))
        and not exists (select 1 from signing_key s where s.generation_id = root_generation.id)";
    GENERATIONS_RETIRED = "update rotation set generations_retired = generations_retired + 1 where number = $1";
    GENERATIONS = "select id, scale_unit, provider, state, created_at, retired_at, ended_at from root_generation
        order by created_at, id";
    END_GENERATION = "update root_generation set state = $1, ended_at = $2 where id = $3 and state = $4
        and not exists (select 1 from project_key k where k.generation_id = root_generation.id
            and k.state in ('active', 'draining'))
        and not exists (select 1 from signing_key s where s.generation_id = root_generation.id)";
    FORGET_KEYS = "delete from project_key where generation_id = $1 and state = 'retired'
        and not exists (select 1 from wrapped_key w where w.project_key_id = project_key.id)";
}

/// Keys retired in one unit at most.
const MOST_RETIRED: i64 = 1000;

/// A wrapped key to be wrapped again.
#[derive(Clone, Debug)]
pub struct OldWrap {
    /// What it opens; none for a word that this build does not know.
    pub kind: Option<WrappedKind>,
    /// The word for it, as stored.
    pub word: String,
    /// Whose it is.
    pub owner: Uuid,
    /// The wrap.
    pub wrapped: Vec<u8>,
    /// Header and commitment of the sealed bytes, if it is a file's.
    pub preamble: Option<Vec<u8>>,
}

/// The same, wrapped by the scope's active key.
#[derive(Clone, Debug)]
pub struct NewWrap {
    /// What it opens.
    pub kind: WrappedKind,
    /// Whose it is.
    pub owner: Uuid,
    /// The wrap that is to be replaced.
    pub was: Vec<u8>,
    /// The new one.
    pub wrapped: Vec<u8>,
}

/// A root generation as stored.
#[derive(Clone, Debug)]
pub struct GenerationRow {
    /// Its id, which only its provider understands.
    pub id: String,
    /// Its scale unit.
    pub scale_unit: String,
    /// The provider that has it.
    pub provider: String,
    /// What it is good for.
    pub state: GenerationState,
    /// When it was recorded.
    pub created: Timestamp,
    /// When it retired.
    pub retired: Option<Timestamp>,
    /// When it was disabled, or destroyed.
    pub ended: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct StoredGeneration {
    id: String,
    scale_unit: String,
    provider: String,
    state: String,
    created_at: i64,
    retired_at: Option<i64>,
    ended_at: Option<i64>,
}

impl Tx {
    /// Settles which generation, of which provider, wraps the rotation's keys: it is made active, if it is not known yet,
    /// and all others drain. `kept` says why it is the one that there was, if it is.
    ///
    /// Refused when that is settled already, or the generation is one that drains.
    pub async fn rotation_settle(
        &mut self,
        lease: &RotationLease,
        rotation: &RotationRow,
        grant: Option<Grant<CreateKey>>,
        (generation, provider): (&str, &str),
        kept: &str,
    ) -> Result<(), Stop> {
        let number = lease.check(self)?;
        if number != rotation.number {
            return Err(Refusal::State.into());
        }
        if let Some(grant) = grant {
            if grant.redeem(self)?.0.version != generation {
                return Err(StoreError::ForeignGrant.into());
            }
            let values = args![generation, &rotation.scale_unit, provider, self.now.0];
            self.run(&ADOPT, values).await?;
        }
        let state: Option<(String,)> = self.maybe(&GENERATION_STATE, args![generation]).await?;
        if state.is_none_or(|(state,)| state != GenerationState::Active.word()) {
            return Err(Refusal::State.into());
        }
        if self
            .run(&SETTLE, args![number, generation, kept, provider])
            .await?
            != 1
        {
            return Err(Refusal::State.into());
        }
        self.run(&DRAIN_OTHERS, args![generation]).await?;
        Ok(())
    }

    /// Stores a scope's new active key. The one before drains from now on.
    pub async fn rotation_renew(
        &mut self,
        lease: &RotationLease,
        grant: Grant<CreateKey>,
        scale_unit: &str,
        new: &NewProjectKey,
    ) -> Result<(), Stop> {
        let number = lease.check(self)?;
        self.project_key_put(grant, scale_unit, new).await?;
        self.run(&DRAIN_SCOPE, args![new.scope.0, new.id.0]).await?;
        self.run_one(&KEYS_MADE, args![number, 1]).await?;
        Ok(())
    }

    /// Replaces wraps of `from` by wraps of `to`, each if it is still as it was read. Says how many were.
    ///
    /// Refused when `to` is not active any more, or of another scope.
    pub async fn rotation_rewrap(
        &mut self,
        lease: &RotationLease,
        from: &ProjectKeyRow,
        to: ProjectKeyId,
        wraps: &[NewWrap],
    ) -> Result<i64, Stop> {
        let number = lease.check(self)?;
        let active: (i64,) = self
            .conn
            .one(&STILL_ACTIVE, args![to.0, from.scope.0])
            .await?;
        if active.0 == 0 {
            return Err(Refusal::KeyNotActive.into());
        }
        let mut done = 0;
        for wrap in wraps {
            let values = args![
                to.0,
                wrap.wrapped.as_slice(),
                wrap.kind.word(),
                wrap.owner,
                from.id.0,
                wrap.was.as_slice()
            ];
            done += i64::try_from(self.run(&REWRAP, values).await?).unwrap_or(0);
        }
        self.run_one(&WRAPS, args![number, done]).await?;
        Ok(done)
    }

    /// Replaces the wrap of a signing key's secret, if it is still as it was read and the generation is active.
    pub async fn rotation_rewrap_secret(
        &mut self,
        lease: &RotationLease,
        was: &SigningKeyRow,
        (generation, scale_unit): (&str, &str),
        wrapped: &[u8],
    ) -> Result<bool, Stop> {
        let number = lease.check(self)?;
        let values = args![
            generation,
            wrapped,
            &was.id,
            was.wrapped.as_slice(),
            scale_unit
        ];
        let done = self.run(&REWRAP_SECRET, values).await? == 1;
        self.run_one(&SECRETS_MADE, args![number, i64::from(done)])
            .await?;
        Ok(done)
    }

    /// Retires draining keys that wrap nothing, so many at most. Says how many were.
    pub async fn rotation_retire_keys(&mut self, lease: &RotationLease) -> Result<i64, Stop> {
        let number = lease.check(self)?;
        let retired = self
            .run(&RETIRE_KEYS, args![self.now.0, MOST_RETIRED])
            .await?;
        let retired = i64::try_from(retired).unwrap_or(0);
        self.run_one(&KEYS_RETIRED, args![number, retired]).await?;
        Ok(retired)
    }

    /// Draining generations that nothing needs.
    pub async fn generations_empty(&mut self) -> Result<Vec<String>, Stop> {
        let rows: Vec<(String,)> = self.all(&EMPTY_GENERATIONS, args![]).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Retires a draining generation. Refused when something needs it.
    pub async fn rotation_retire_generation(
        &mut self,
        lease: &RotationLease,
        grant: Grant<RetireGeneration>,
    ) -> Result<(), Stop> {
        let number = lease.check(self)?;
        let (act, _) = grant.redeem(self)?;
        let values = args![self.now.0, &act.generation];
        if self.run(&RETIRE_GENERATION, values).await? != 1 {
            return Err(Refusal::State.into());
        }
        self.run_one(&GENERATIONS_RETIRED, args![number]).await?;
        Ok(())
    }

    /// Notes that the provider has disabled a retired generation.
    pub async fn generation_disabled(
        &mut self,
        grant: Grant<DisableGeneration>,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let (to, from) = (GenerationState::Disabled, GenerationState::Retired);
        self.generation_end(&act.generation, to, from).await
    }

    /// Notes that the provider has destroyed a disabled generation. The retired keys that only it opened go with it.
    pub async fn generation_destroyed(
        &mut self,
        grant: Grant<DestroyGeneration>,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let (to, from) = (GenerationState::Destroyed, GenerationState::Disabled);
        self.generation_end(&act.generation, to, from).await?;
        self.run(&FORGET_KEYS, args![&act.generation]).await?;
        Ok(())
    }

    async fn generation_end(
        &mut self,
        generation: &str,
        to: GenerationState,
        from: GenerationState,
    ) -> Result<(), Stop> {
        let values = args![to.word(), self.now.0, generation, from.word()];
        match self.run(&END_GENERATION, values).await? {
            1 => Ok(()),
            _ => Err(Refusal::State.into()),
        }
    }
}

impl ReadTx {
    /// What the rotation finds. The wraps and secrets that this node found not to open are left out.
    ///
    /// What comes after the first that is to be done is not asked for.
    pub async fn rotation_facts(
        &mut self,
        rotation: &RotationRow,
        stuck: (i64, i64),
    ) -> Result<Facts, StoreError> {
        let mut facts = Facts {
            settled: rotation.generation.is_some(),
            ..Facts::default()
        };
        if !facts.settled {
            return Ok(facts);
        }
        facts.old_scopes = !self.rotation_old_scopes(rotation, 1).await?.is_empty();
        if facts.old_scopes {
            return Ok(facts);
        }
        facts.old_wraps = self.more_than(&OLD_WRAPS, stuck.0).await?;
        if facts.old_wraps {
            return Ok(facts);
        }
        facts.old_secrets = self.more_than(&OLD_SECRETS, stuck.1).await?;
        let empty: (i64,) = self.conn.one(&EMPTY_KEYS, args![]).await?;
        facts.empty_keys = empty.0 > 0;
        let generations: Vec<(String,)> = self.conn.all(&EMPTY_GENERATIONS, args![]).await?;
        facts.empty_generations = !generations.is_empty();
        Ok(facts)
    }

    async fn more_than(
        &mut self,
        statement: &crate::sql::Statement,
        some: i64,
    ) -> Result<bool, StoreError> {
        let (there,): (i64,) = self.conn.one(statement, args![some + 1]).await?;
        Ok(there > some)
    }

    /// Active keys that are older than the rotation, so many at most.
    pub async fn rotation_old_scopes(
        &mut self,
        rotation: &RotationRow,
        top: i64,
    ) -> Result<Vec<ProjectKeyRow>, StoreError> {
        let generation = rotation.generation.clone().unwrap_or_default();
        let rows: Vec<KeyRow> = self
            .conn
            .all(&OLD_SCOPES, args![rotation.number, top, &generation])
            .await?;
        rows.into_iter().map(KeyRow::into_key).collect()
    }

    /// The next draining key that wraps something.
    pub async fn rotation_draining(
        &mut self,
        after: ProjectKeyId,
    ) -> Result<Option<ProjectKeyRow>, StoreError> {
        let row: Option<KeyRow> = self.conn.maybe(&DRAINING, args![after.0]).await?;
        row.map(KeyRow::into_key).transpose()
    }

    /// A page of what a key wraps, after a place.
    pub async fn rotation_page(
        &mut self,
        key: ProjectKeyId,
        after: Option<(&str, Uuid)>,
        top: i64,
    ) -> Result<Vec<OldWrap>, StoreError> {
        type Row = (String, Uuid, Vec<u8>, Option<Vec<u8>>);
        let (kind, owner) = after.unwrap_or(("", Uuid::nil()));
        let rows: Vec<Row> = self.conn.all(&PAGE, args![key.0, kind, owner, top]).await?;
        let wraps = rows
            .into_iter()
            .map(|(word, owner, wrapped, preamble)| OldWrap {
                kind: WrappedKind::from_word(&word),
                word,
                owner,
                wrapped,
                preamble,
            });
        Ok(wraps.collect())
    }

    /// Wraps of retired keys: what no rotation leaves behind, and none reaches.
    pub async fn rotation_astray(&mut self) -> Result<i64, StoreError> {
        Ok(self.conn.one::<(i64,)>(&ASTRAY_WRAPS, args![]).await?.0)
    }

    /// How much a key wraps.
    pub async fn wraps_of(&mut self, key: ProjectKeyId) -> Result<i64, StoreError> {
        Ok(self.conn.one::<(i64,)>(&WRAPS_OF, args![key.0]).await?.0)
    }

    /// Whether the database says that nothing needs a generation.
    pub async fn generation_unneeded(&mut self, generation: &str) -> Result<bool, StoreError> {
        Ok(self.conn.one::<(i64,)>(&NEEDS, args![generation]).await?.0 == 0)
    }

    /// Signing keys whose secrets another generation than the active one wraps: a draining one, unless somebody changed that.
    pub async fn rotation_secrets(&mut self) -> Result<Vec<SigningKeyRow>, StoreError> {
        let rows: Vec<StoredKey> = self.conn.all(&SECRETS, args![]).await?;
        rows.into_iter().map(StoredKey::into_key).collect()
    }

    /// Whether a generation is on record.
    pub async fn generation_known(&mut self, generation: &str) -> Result<bool, StoreError> {
        let (known,): (i64,) = self.conn.one(&KNOWN, args![generation]).await?;
        Ok(known > 0)
    }

    /// The active generation of a provider and scale unit.
    pub async fn generation_active_of(
        &mut self,
        scale_unit: &str,
        provider: &str,
    ) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = self
            .conn
            .maybe(&GENERATION_OF, args![scale_unit, provider])
            .await?;
        Ok(row.map(|(id,)| id))
    }

    /// Every root generation there was, oldest first.
    pub async fn generations(&mut self) -> Result<Vec<GenerationRow>, StoreError> {
        let rows: Vec<StoredGeneration> = self.conn.all(&GENERATIONS, args![]).await?;
        rows.into_iter()
            .map(|row| {
                Ok(GenerationRow {
                    state: GenerationState::from_word(&row.state)
                        .ok_or(StoreError::corrupt("root_generation", "state"))?,
                    id: row.id,
                    scale_unit: row.scale_unit,
                    provider: row.provider,
                    created: Timestamp(row.created_at),
                    retired: row.retired_at.map(Timestamp),
                    ended: row.ended_at.map(Timestamp),
                })
            })
            .collect()
    }
}
