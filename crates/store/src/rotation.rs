//! Rotations: the deployments that wait for one, the one that is under way, and who does it.
//!
//! What a rotation changes, it changes by its [`RotationLease`]: one node has it, by the database's clock, and each unit
//! asks for it anew. That it began, failed and ended is on record. What it does to keys is in `rotation_keys`.

use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::{Grant, Seen};
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::Timestamp;
use coffer_model::act::{FailRotation, FinishRotation, SignRecord, StartRotation, ViewKeys};
use coffer_model::record::{Kind, Signed};
use coffer_model::tree::Tree;
use uuid::Uuid;

macro_rules! columns {
    () => {
        "number, cause, state, deployment, scale_unit, provider, from_generation, generation_id, kept, keys_made, wraps, \
         secrets, keys_retired, generations_retired, stuck, began_at, ended_at, record, failures, failing_since, last_error, \
         retry_at"
    };
}

statements! {
    SEEN = "insert into deployment (id, provider, seen_at) values ($1, $2, $3) on conflict (id, provider) do nothing";
    BEGAN_WITH = "insert into deployment (id, provider, seen_at, rotation) values ($1, $2, $3, 0)
        on conflict (id, provider) do nothing";
    LOOK = "select (select count(*) from deployment where id = $1 and provider = $2) as known,
            (select count(*) from deployment where rotation is null) as waiting,
            (select count(*) from rotation where state = 'running') as running,
            (select count(*) from rotation where state = 'running' and retry_at <= $3
                and (lease_until <= $3 or lease_owner = $4)) as free";
    WAITING = "select id from deployment where rotation is null order by seen_at desc, id";
    TAKE_WAITING = "update deployment set rotation = $1 where rotation is null";
    OF = "select id from deployment where rotation = $1 group by id order by min(seen_at), id";
    LAST = "select coalesce(max(number), 0) as n from rotation";
    ACTIVE_GENERATION = "select coalesce((select id from root_generation where state = 'active'
            order by created_at desc, id desc limit 1), '') as n";
    BEGIN = "insert into rotation (number, cause, state, deployment, scale_unit, provider, from_generation, kept, keys_made,
            wraps, secrets, keys_retired, generations_retired, stuck, began_at, failures, retry_at, lease_until)
        values ($1, $2, 'running', $3, $4, $5, $6, '', 0, 0, 0, 0, 0, 0, $7, 0, 0, 0) on conflict do nothing";
    LEASE = "update rotation set lease_owner = $1, lease_until = $2
        where state = 'running' and retry_at <= $3 and (lease_until <= $3 or lease_owner = $1)";
    RUNNING = concat!("select ", columns!(), " from rotation where state = 'running'");
    FAILED = "update rotation set failures = failures + 1, failing_since = coalesce(failing_since, $3), last_error = $4,
            retry_at = $5, lease_owner = null, lease_until = 0
        where number = $1 and state = 'running' and lease_owner = $2";
    RELEASE = "update rotation set lease_owner = null, lease_until = 0 where state = 'running' and lease_owner = $1";
    FINISH = "update rotation set state = 'done', ended_at = $2, record = $3, stuck = $4, failures = 0, failing_since = null,
            last_error = null, lease_owner = null, lease_until = 0
        where number = $1 and state = 'running'";
    NEWEST = concat!("select ", columns!(), " from rotation order by number desc limit $1");
    ONE = concat!("select ", columns!(), " from rotation where number = $1");
    LEFT = "select (select count(*) from project_key where state = 'active' and rotation < $1) as keys,
            (select count(*) from project_key k join wrapped_key w on w.project_key_id = k.id
                where k.state = 'draining') as wraps,
            (select count(*) from root_generation g join signing_key s on s.generation_id = g.id
                where g.state = 'draining') as secrets";
}

/// A rotation as stored.
#[derive(Clone, Debug)]
pub struct RotationRow {
    /// Its number, from 1.
    pub number: i64,
    /// Why it is: `deployment`, `request`, `move`.
    pub cause: String,
    /// Whether it is under way.
    pub running: bool,
    /// The deployment that new keys are made for.
    pub deployment: String,
    /// The scale unit that keys are made for.
    pub scale_unit: String,
    /// The provider that wraps them.
    pub provider: String,
    /// The generation that was active when it began.
    pub from: String,
    /// The generation that wraps new project keys; none until it is settled.
    pub generation: Option<String>,
    /// Why the generation stays as it was; empty when it does not.
    pub kept: String,
    /// Project keys made.
    pub keys_made: i64,
    /// Keys wrapped again.
    pub wraps: i64,
    /// Secrets of our own wrapped again.
    pub secrets: i64,
    /// Versions retired.
    pub keys_retired: i64,
    /// Generations retired.
    pub generations_retired: i64,
    /// Wrapped keys that do not open.
    pub stuck: i64,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The number of its signed report.
    pub record: Option<i64>,
    /// How often it failed since it last went on.
    pub failures: i64,
    /// Since when it only fails.
    pub failing_since: Option<Timestamp>,
    /// Why. Holds no secret.
    pub last_error: Option<String>,
    /// Not tried before.
    pub retry_at: Timestamp,
}

/// What a node sees when it looks whether there is anything to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RotationLook {
    /// The node's own deployment is on record.
    pub known: bool,
    /// Some deployment waits for its rotation.
    pub waiting: bool,
    /// A rotation is under way.
    pub running: bool,
    /// It is this node's to go on with, now.
    pub free: bool,
}

/// What a rotation that is under way has still to do. What does not open is in it until the rotation ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RotationLeft {
    /// Scopes whose key is to be made anew.
    pub keys: i64,
    /// Keys of files, logs and secrets that draining keys wrap.
    pub wraps: i64,
    /// Secrets of our own that draining generations wrap.
    pub secrets: i64,
}

/// A rotation to begin.
#[derive(Clone, Debug)]
pub struct NewRotation {
    /// Why: `deployment`, `request`, `move`.
    pub cause: &'static str,
    /// The deployment of the node that begins it.
    pub deployment: String,
    /// The scale unit that keys are to be made for.
    pub scale_unit: String,
    /// The provider that is to wrap them.
    pub provider: String,
}

/// Proof that a node does the rotation, in this unit of work.
#[derive(Debug)]
pub struct RotationLease {
    number: i64,
    unit: u64,
}

impl RotationLease {
    /// The rotation's number.
    pub fn number(&self) -> i64 {
        self.number
    }

    pub(crate) fn check(&self, tx: &Tx) -> Result<i64, StoreError> {
        if self.unit == tx.unit {
            Ok(self.number)
        } else {
            Err(StoreError::ForeignGrant)
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    number: i64,
    cause: String,
    state: String,
    deployment: String,
    scale_unit: String,
    provider: String,
    from_generation: String,
    generation_id: Option<String>,
    kept: String,
    keys_made: i64,
    wraps: i64,
    secrets: i64,
    keys_retired: i64,
    generations_retired: i64,
    stuck: i64,
    began_at: i64,
    ended_at: Option<i64>,
    record: Option<i64>,
    failures: i64,
    failing_since: Option<i64>,
    last_error: Option<String>,
    retry_at: i64,
}

impl From<Row> for RotationRow {
    fn from(row: Row) -> Self {
        Self {
            number: row.number,
            cause: row.cause,
            running: row.state == "running",
            deployment: row.deployment,
            scale_unit: row.scale_unit,
            provider: row.provider,
            from: row.from_generation,
            generation: row.generation_id,
            kept: row.kept,
            keys_made: row.keys_made,
            wraps: row.wraps,
            secrets: row.secrets,
            keys_retired: row.keys_retired,
            generations_retired: row.generations_retired,
            stuck: row.stuck,
            began: Timestamp(row.began_at),
            ended: row.ended_at.map(Timestamp),
            record: row.record,
            failures: row.failures,
            failing_since: row.failing_since.map(Timestamp),
            last_error: row.last_error,
            retry_at: Timestamp(row.retry_at),
        }
    }
}

impl Tx {
    /// Puts a deployment on record that nothing is to be rotated for: keys begin with it.
    pub async fn deployment_began_with(
        &mut self,
        deployment: &str,
        provider: &str,
    ) -> Result<(), Stop> {
        self.run(&BEGAN_WITH, args![deployment, provider, self.now.0])
            .await?;
        Ok(())
    }

    /// Puts a deployment on record. One that is not known yet waits for its rotation.
    pub async fn deployment_seen(&mut self, deployment: &str, provider: &str) -> Result<(), Stop> {
        self.run(&SEEN, args![deployment, provider, self.now.0])
            .await?;
        Ok(())
    }

    /// The number of the rotation that would begin next.
    pub async fn rotation_next(&mut self) -> Result<i64, Stop> {
        Ok(self.conn.one::<(i64,)>(&LAST, args![]).await?.0 + 1)
    }

    /// Begins a rotation, for every deployment that waits. Refused while another is under way, and when it is for
    /// deployments and none waits any more.
    pub async fn rotation_begin(
        &mut self,
        grant: Grant<StartRotation>,
        new: &NewRotation,
    ) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        let number = act.rotation;
        let waiting: Vec<(String,)> = self.all(&WAITING, args![]).await?;
        if waiting.is_empty() && new.cause == "deployment" {
            return Err(Refusal::State.into());
        }
        let deployment = waiting.first().map_or(&new.deployment, |(newest,)| newest);
        let from: (String,) = self.conn.one(&ACTIVE_GENERATION, args![]).await?;
        let values = args![
            number,
            new.cause,
            deployment,
            &new.scale_unit,
            &new.provider,
            from.0,
            self.now.0
        ];
        if self.run(&BEGIN, values).await? != 1 {
            return Err(Refusal::State.into());
        }
        self.run(&TAKE_WAITING, args![number]).await?;
        self.change(&facts::rotation(number, new.cause, &new.provider, None));
        Ok(())
    }

    /// Takes or keeps the rotation that is under way, until so many seconds from now. None when it is another node's,
    /// is not to be tried yet, or there is none.
    pub async fn rotation_lease(
        &mut self,
        node: Uuid,
        seconds: i64,
    ) -> Result<Option<RotationLease>, Stop> {
        let until = self.now.plus_seconds(seconds);
        let values = args![node, until.0, self.now.0];
        if self.run(&LEASE, values).await? != 1 {
            return Ok(None);
        }
        let row: Row = self.conn.one(&RUNNING, args![]).await?;
        Ok(Some(RotationLease {
            number: row.number,
            unit: self.unit,
        }))
    }

    /// Puts a rotation off that cannot go on, and lets it go.
    pub async fn rotation_failed(
        &mut self,
        grant: Option<Grant<FailRotation>>,
        number: i64,
        node: Uuid,
        text: &str,
        after_seconds: i64,
    ) -> Result<(), Stop> {
        if let Some(grant) = grant
            && grant.redeem(self)?.0.rotation != number
        {
            return Err(StoreError::ForeignGrant.into());
        }
        let retry = self.now.plus_seconds(after_seconds);
        let values = args![number, node, self.now.0, text, retry.0];
        match self.run(&FAILED, values).await? {
            1 => Ok(()),
            _ => Err(Refusal::State.into()),
        }
    }

    /// Lets a rotation go that this node does not go on with, so that another one can.
    pub async fn rotation_release(&mut self, node: Uuid) -> Result<(), Stop> {
        self.run(&RELEASE, args![node]).await?;
        Ok(())
    }

    /// Ends a rotation with its signed report. Refused when another node took the record's number.
    pub async fn rotation_finish(
        &mut self,
        lease: RotationLease,
        grant: Grant<FinishRotation>,
        sign: Grant<SignRecord>,
        signed: &Signed,
        tree: &Tree,
        stuck: i64,
    ) -> Result<(), Stop> {
        let number = lease.check(self)?;
        let (act, _) = grant.redeem(self)?;
        if act.rotation != number || signed.record.kind != Kind::Rotation {
            return Err(StoreError::ForeignGrant.into());
        }
        let row: Row = self.conn.one(&ONE, args![number]).await?;
        let record = signed.record.number;
        self.run_one(&FINISH, args![number, self.now.0, record, stuck])
            .await?;
        let fact = facts::rotation(number, &row.cause, &row.provider, Some(record));
        self.change(&fact);
        self.record_insert(sign, signed, tree).await
    }
}

impl ReadTx {
    /// Whether there is anything to do for a node of a deployment.
    pub async fn rotation_look(
        &mut self,
        deployment: &str,
        provider: &str,
        node: Uuid,
    ) -> Result<RotationLook, StoreError> {
        let values = args![deployment, provider, self.now.0, node];
        let (known, waiting, running, free): (i64, i64, i64, i64) =
            self.conn.one(&LOOK, values).await?;
        Ok(RotationLook {
            known: known > 0,
            waiting: waiting > 0,
            running: running > 0,
            free: free > 0,
        })
    }

    /// The rotation that is under way, for whoever does it.
    pub async fn rotation_running(&mut self) -> Result<Option<RotationRow>, StoreError> {
        let row: Option<Row> = self.conn.maybe(&RUNNING, args![]).await?;
        Ok(row.map(RotationRow::from))
    }

    /// The deployments that a rotation is for.
    pub async fn rotation_deployments(&mut self, number: i64) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = self.conn.all(&OF, args![number]).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// What a rotation that is under way has still to do.
    pub async fn rotation_left(&mut self, number: i64) -> Result<RotationLeft, StoreError> {
        let (keys, wraps, secrets) = self.conn.one(&LEFT, args![number]).await?;
        Ok(RotationLeft {
            keys,
            wraps,
            secrets,
        })
    }

    /// One rotation.
    pub async fn rotation(
        &mut self,
        _seen: &Seen<ViewKeys>,
        number: i64,
    ) -> Result<Option<RotationRow>, StoreError> {
        let row: Option<Row> = self.conn.maybe(&ONE, args![number]).await?;
        Ok(row.map(RotationRow::from))
    }

    /// The newest rotations, newest first.
    pub async fn rotations(
        &mut self,
        _seen: &Seen<ViewKeys>,
        top: i64,
    ) -> Result<Vec<RotationRow>, StoreError> {
        let rows: Vec<Row> = self.conn.all(&NEWEST, args![top]).await?;
        Ok(rows.into_iter().map(RotationRow::from).collect())
    }
}
