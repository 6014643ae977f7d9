//! Requests to break glass. What one says never changes; its state goes one way. The gate reads the row in the same
//! unit, so that of two exports one is refused.

use crate::error::{Refusal, Stop, StoreError};
use crate::facts;
use crate::gate::{Grant, Seen};
use crate::permissions::frozen_count;
use crate::secure_files::SealedBody;
use crate::sql::{Conn, args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::{
    ApproveBreakGlass, ExpireBreakGlass, ExportBreakGlass, ReadMetrics, RequestBreakGlass,
    ViewKeys, WithdrawBreakGlass,
};
use coffer_model::break_glass::{APPROVE_SECONDS, EXPORT_SECONDS, GlassFacts, State, Wish};
use coffer_model::change::Change;
use coffer_model::library::Person;
use coffer_model::{FileId, IdentityId, ProjectId, Timestamp};
use uuid::Uuid;

macro_rules! columns {
    () => {
        "g.id, g.project_id, p.name as project_name, g.file_id, g.file_name, g.reason, g.recipient, g.requested_by,
            g.requested_at, g.state, g.until_at, g.approved_by, g.approved_digest, r.unique_name, r.display_name,
            a.unique_name as approver_name, a.display_name as approver_display"
    };
}

macro_rules! joined {
    () => {
        " from break_glass_request g join project p on p.id = g.project_id join identity r on r.id = g.requested_by
            left join identity a on a.id = g.approved_by "
    };
}

statements! {
    INSERT = "insert into break_glass_request (id, project_id, file_id, file_name, reason, recipient, requested_by,
            requested_at, state, until_at) values ($1, $2, $3, $4, $5, $6, $7, $8, 'requested', $9)";
    NAME = "select name from secure_file where id = $1 and project_id = $2";
    APPROVE = "update break_glass_request set state = 'approved', approved_by = $1, approved_at = $2, approved_digest = $3,
            until_at = $4 where id = $5 and state = 'requested'";
    END = "update break_glass_request set state = $1, ended_by = $2, ended_at = $3
        where id = $4 and state in ('requested', 'approved')";
    EXPIRE = "update break_glass_request set state = 'expired', ended_at = $1
        where id = $2 and state in ('requested', 'approved') and until_at <= $1";
    OVERDUE = concat!("select ", columns!(), joined!(), "where g.state in ('requested', 'approved') and g.until_at <= $1
        order by g.until_at, g.id limit $2");
    COUNT = "select state, count(*) as n from break_glass_request group by state";
    ONE = concat!("select ", columns!(), joined!(), "where g.id = $1");
    LIST = concat!("select ", columns!(), joined!(), "order by g.requested_at desc, g.id");
    FROZEN = concat!("select ", frozen_count!("$1", "$2"), " as frozen");
    TARGET = "select p.id, f.id from project p left join secure_file f on f.project_id = p.id and (f.name_key = $3 or f.id = $4)
        where p.name_key = $1 or p.id = $2";
}

/// A request, as officers see it.
#[derive(Clone, Debug)]
pub struct BreakGlassRow {
    /// What it says.
    pub wish: Wish,
    /// The project's name now.
    pub project: String,
    /// The file's name when it was asked for.
    pub file: String,
    /// Who asked.
    pub by: Person,
    /// How far it is now.
    pub state: State,
    /// Until when its state lasts, if it waits.
    pub until: Timestamp,
    /// Who agreed.
    pub approved_by: Option<Person>,
    approved: Option<[u8; 32]>,
    /// The state as it is stored: what is over by its time alone is not noted yet.
    stored: State,
}

impl BreakGlassRow {
    /// How far it was when something was last noted of it.
    pub fn noted(&self) -> State {
        self.stored
    }

    /// What an audit event tells of it, and what the row must say for ever after.
    pub(crate) fn fact(&self) -> Change {
        let approved_by = self.approved_by.as_ref().map(|person| person.id);
        facts::break_glass(&self.wish, self.stored, approved_by)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    project_id: Uuid,
    project_name: String,
    file_id: Uuid,
    file_name: String,
    reason: String,
    recipient: String,
    requested_by: Uuid,
    requested_at: i64,
    state: String,
    until_at: i64,
    approved_by: Option<Uuid>,
    approved_digest: Option<Vec<u8>>,
    unique_name: String,
    display_name: String,
    approver_name: Option<String>,
    approver_display: Option<String>,
}

impl Row {
    fn into_request(self, now: Timestamp) -> Result<BreakGlassRow, StoreError> {
        let corrupt = |column| StoreError::corrupt("break_glass_request", column);
        let state = State::from_word(&self.state).ok_or(corrupt("state"))?;
        let until = Timestamp(self.until_at);
        let by = IdentityId(self.requested_by);
        Ok(BreakGlassRow {
            wish: Wish {
                request: self.id,
                project: ProjectId(self.project_id),
                file: FileId(self.file_id),
                reason: self.reason,
                recipient: self.recipient,
                by,
                at: Timestamp(self.requested_at),
            },
            project: self.project_name,
            file: self.file_name,
            by: Person {
                id: by,
                unique_name: self.unique_name,
                display_name: self.display_name,
            },
            state: state.at(now, until),
            stored: state,
            until,
            approved_by: self.approved_by.map(|id| Person {
                id: IdentityId(id),
                unique_name: self.approver_name.unwrap_or_default(),
                display_name: self.approver_display.unwrap_or_default(),
            }),
            approved: match self.approved_digest {
                Some(digest) => Some(digest.try_into().map_err(|_| corrupt("approved_digest"))?),
                None => None,
            },
        })
    }
}

async fn one(
    conn: &mut Conn,
    now: Timestamp,
    request: Uuid,
) -> Result<Option<BreakGlassRow>, StoreError> {
    let row: Option<Row> = conn.maybe(&ONE, args![request]).await?;
    row.map(|row| row.into_request(now)).transpose()
}

/// Every request as it is stored, for reconciling.
pub(crate) async fn stored(conn: &mut Conn) -> Result<Vec<BreakGlassRow>, StoreError> {
    let rows: Vec<Row> = conn.all(&LIST, Vec::new()).await?;
    rows.into_iter()
        .map(|row| row.into_request(Timestamp(0)))
        .collect()
}

/// What the gate decides on: about a file, and about the request for it if there must be one. None where the request is
/// not there, or is for another file.
pub(crate) async fn facts(
    conn: &mut Conn,
    now: Timestamp,
    place: (ProjectId, FileId),
    request: Option<Uuid>,
    administers: bool,
) -> Result<Option<GlassFacts>, StoreError> {
    let (project, file) = place;
    let (frozen,): (i64,) = conn.one(&FROZEN, args![file.0, project.0]).await?;
    let frozen = frozen > 0;
    let Some(request) = request else {
        return Ok(Some(GlassFacts {
            administers,
            frozen,
            state: State::Requested,
            by: IdentityId(Uuid::nil()),
            approved_by: None,
            digest: [0; 32],
            approved: None,
        }));
    };
    let found = one(conn, now, request).await?;
    Ok(found
        .filter(|row| (row.wish.project, row.wish.file) == place)
        .map(|row| GlassFacts {
            administers,
            frozen,
            state: row.state,
            by: row.wish.by,
            approved_by: row.approved_by.as_ref().map(|person| person.id),
            digest: row.wish.digest(),
            approved: row.approved,
        }))
}

impl Tx {
    /// Stores a request; it names the caller as who asks. Its id is that of the event.
    pub async fn break_glass_insert(
        &mut self,
        grant: Grant<RequestBreakGlass>,
        reason: &str,
        recipient: &str,
    ) -> Result<Uuid, Stop> {
        let request = grant.event().0;
        let (act, by) = grant.redeem(self)?;
        let until = self.now.plus_seconds(APPROVE_SECONDS);
        let named: Option<(String,)> = self.maybe(&NAME, args![act.file.0, act.project.0]).await?;
        let (name,) = named.ok_or(Refusal::NotFound)?;
        let values = args![
            request,
            act.project.0,
            act.file.0,
            name,
            reason,
            recipient,
            by,
            self.now.0,
            until.0
        ];
        self.run_one(&INSERT, values).await?;
        self.break_glass_told(request).await?;
        Ok(request)
    }

    /// Keeps that a second officer agreed with what the digest names.
    pub async fn break_glass_approve(
        &mut self,
        grant: Grant<ApproveBreakGlass>,
    ) -> Result<(), Stop> {
        let (act, by) = grant.redeem(self)?;
        let until = self.now.plus_seconds(EXPORT_SECONDS);
        let values = args![by, self.now.0, &act.digest[..], until.0, act.request];
        match self.run(&APPROVE, values).await? {
            1 => self.break_glass_told(act.request).await,
            _ => Err(Refusal::State.into()),
        }
    }

    /// Spends the request, and gives what is needed to open the file.
    pub async fn break_glass_export(
        &mut self,
        grant: Grant<ExportBreakGlass>,
    ) -> Result<SealedBody, Stop> {
        let (act, by) = grant.redeem(self)?;
        self.break_glass_end(act.request, State::Exported, by)
            .await?;
        self.sealed_body_of(act.project, act.file).await
    }

    /// Takes a request back.
    pub async fn break_glass_withdraw(
        &mut self,
        grant: Grant<WithdrawBreakGlass>,
    ) -> Result<(), Stop> {
        let (act, by) = grant.redeem(self)?;
        self.break_glass_end(act.request, State::Withdrawn, by)
            .await
    }

    async fn break_glass_end(&mut self, request: Uuid, state: State, by: Uuid) -> Result<(), Stop> {
        let values = args![state.word(), by, self.now.0, request];
        match self.run(&END, values).await? {
            1 => self.break_glass_told(request).await,
            _ => Err(Refusal::State.into()),
        }
    }

    /// Notes that a request's time ran out. Refused when it did not, or when that is noted.
    pub async fn break_glass_expire(&mut self, grant: Grant<ExpireBreakGlass>) -> Result<(), Stop> {
        let (act, _) = grant.redeem(self)?;
        match self.run(&EXPIRE, args![self.now.0, act.request]).await? {
            1 => self.break_glass_told(act.request).await,
            _ => Err(Refusal::State.into()),
        }
    }

    /// The event of a step tells what the row says after it.
    async fn break_glass_told(&mut self, request: Uuid) -> Result<(), Stop> {
        let now = self.now;
        if let Some(row) = one(&mut self.conn, now, request).await? {
            self.change(&row.fact());
        }
        Ok(())
    }
}

impl ReadTx {
    /// All requests, newest first.
    pub async fn break_glass_requests(
        &mut self,
        _seen: &Seen<ViewKeys>,
    ) -> Result<Vec<BreakGlassRow>, StoreError> {
        let now = self.now();
        let rows: Vec<Row> = self.conn.all(&LIST, Vec::new()).await?;
        rows.into_iter().map(|row| row.into_request(now)).collect()
    }

    /// Requests whose time ran out and of which that is not noted yet, so many at most.
    pub async fn break_glass_overdue(
        &mut self,
        top: i64,
    ) -> Result<Vec<BreakGlassRow>, StoreError> {
        let now = self.now();
        let rows: Vec<Row> = self.conn.all(&OVERDUE, args![now.0, top]).await?;
        rows.into_iter().map(|row| row.into_request(now)).collect()
    }

    /// How many requests there are in each state that was noted.
    pub async fn break_glass_counts(
        &mut self,
        _seen: &Seen<ReadMetrics>,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        self.conn.all(&COUNT, Vec::new()).await
    }

    /// One request.
    pub async fn break_glass_request(
        &mut self,
        _seen: &Seen<ViewKeys>,
        request: Uuid,
    ) -> Result<Option<BreakGlassRow>, StoreError> {
        let now = self.now();
        one(&mut self.conn, now, request).await
    }

    /// What a request says, whoever asks: for asking the gate about it, which grants nothing.
    pub async fn break_glass_wish(&mut self, request: Uuid) -> Result<Option<Wish>, StoreError> {
        let now = self.now();
        let found = one(&mut self.conn, now, request).await?;
        Ok(found.map(|row| row.wish))
    }

    /// A file by id or name in a project by id or name, whoever asks: for asking the gate about it, which grants nothing.
    pub async fn break_glass_target(
        &mut self,
        project: &str,
        file: &str,
    ) -> Result<(ProjectId, FileId), StoreError> {
        let id = |text: &str| Uuid::parse_str(text).unwrap_or_default();
        let key = coffer_model::name::key;
        let values = args![key(project), id(project), key(file), id(file)];
        let row: Option<(Uuid, Option<Uuid>)> = self.conn.maybe(&TARGET, values).await?;
        let (found, named) = row.map_or((None, None), |(project, file)| (Some(project), file));
        // What is not there is on record as it was asked for.
        Ok((
            ProjectId(found.unwrap_or_else(|| id(project))),
            FileId(named.unwrap_or_else(|| id(file))),
        ))
    }
}
