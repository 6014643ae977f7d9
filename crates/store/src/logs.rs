//! Job logs: sealed pages, appended by the lease's holder, read by line.

use crate::error::{Stop, StoreError};
use crate::gate::Seen;
use crate::jobs::Lease;
use crate::keys::{WrappedKey, WrappedKind};
use crate::runs::RunRow;
use crate::sql::{args, statements};
use crate::unit::{ReadTx, Tx};
use coffer_model::act::ViewRun;
use coffer_model::{JobId, RecordId};
use uuid::Uuid;

statements! {
    LINES = "select log_id, log_lines from timeline_record where run_id = $1 and id = $2 and job_id = $3";
    NEXT_LOG = "update run set next_log = next_log + 1 where id = $1 returning next_log - 1";
    SET_LOG = "update timeline_record set log_id = $1 where run_id = $2 and id = $3";
    APPEND = "insert into log_page (run_id, record_id, first_line, line_count, page_id, job_id, sealed, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    COUNT = "update timeline_record set log_lines = $1 where run_id = $2 and id = $3";
    PAGES = "select p.record_id, p.first_line, p.line_count, p.page_id, p.job_id, p.sealed from log_page p
        join timeline_record t on t.run_id = p.run_id and t.id = p.record_id
        where p.run_id = $1 and t.log_id = $2 and p.first_line + p.line_count > $3 order by p.first_line limit $4";
}

/// A page to append.
#[derive(Clone, Debug)]
pub struct SealedPage {
    /// The page's own id: its context when sealed.
    pub page: Uuid,
    /// The record whose log it is.
    pub record: RecordId,
    /// Number of its first line, from 1.
    pub first_line: i64,
    /// How many lines.
    pub lines: i64,
    /// The sealed text.
    pub sealed: Vec<u8>,
}

/// A page as stored.
#[derive(Clone, Debug)]
pub struct LogPage {
    /// Number of its first line.
    pub first_line: i64,
    /// How many lines.
    pub lines: i64,
    /// Its id.
    pub page: Uuid,
    /// The job whose log key sealed it.
    pub job: JobId,
    /// The sealed text.
    pub sealed: Vec<u8>,
}

impl Tx {
    /// Lines that a record's log has. None when the record is not one of the lease's job.
    pub async fn log_lines(
        &mut self,
        lease: &Lease,
        record: RecordId,
    ) -> Result<Option<i64>, Stop> {
        lease.check(self)?;
        let row: Option<(Option<i64>, i64)> = self
            .maybe(&LINES, args![lease.run().0, record.0, lease.job().0])
            .await?;
        Ok(row.map(|(_, lines)| lines))
    }

    /// The key of the lease's log, if it has one.
    pub async fn log_key(&mut self, lease: &Lease) -> Result<WrappedKey, Stop> {
        lease.check(self)?;
        Ok(self.wrapped_key(WrappedKind::JobLog, lease.job().0).await?)
    }

    /// Appends a page. Refused as a mistake when it does not continue the log.
    pub async fn log_append(&mut self, lease: &Lease, page: &SealedPage) -> Result<(), Stop> {
        lease.check(self)?;
        let run = lease.run().0;
        let (log, lines): (Option<i64>, i64) = self
            .conn
            .one(&LINES, args![run, page.record.0, lease.job().0])
            .await?;
        if page.first_line != lines + 1 {
            return Err(StoreError::corrupt("log_page", "first_line").into());
        }
        if log.is_none() {
            let (next,): (i64,) = self.conn.one(&NEXT_LOG, args![run]).await?;
            self.run_one(&SET_LOG, args![next, run, page.record.0])
                .await?;
        }
        let values = args![
            run,
            page.record.0,
            page.first_line,
            page.lines,
            page.page,
            lease.job().0,
            page.sealed.clone(),
            self.now.0,
        ];
        self.run_one(&APPEND, values).await?;
        self.run_one(&COUNT, args![lines + page.lines, run, page.record.0])
            .await?;
        Ok(())
    }
}

impl ReadTx {
    /// Pages of a log of a run of the seen pipeline that hold lines from `from_line` on.
    pub async fn log_pages(
        &mut self,
        _seen: &Seen<ViewRun>,
        run: &RunRow,
        log: i64,
        from_line: i64,
        top: i64,
    ) -> Result<Vec<LogPage>, StoreError> {
        let rows: Vec<(Uuid, i64, i64, Uuid, Uuid, Vec<u8>)> = self
            .conn
            .all(&PAGES, args![run.id.0, log, from_line, top])
            .await?;
        Ok(rows
            .into_iter()
            .map(|(_, first_line, lines, page, job, sealed)| LogPage {
                first_line,
                lines,
                page,
                job: JobId(job),
                sealed,
            })
            .collect())
    }

    /// The key of the log of a job of a run of the seen pipeline.
    pub async fn log_key(
        &mut self,
        _seen: &Seen<ViewRun>,
        job: JobId,
    ) -> Result<Option<WrappedKey>, StoreError> {
        self.wrapped_key_of_log(job.0).await
    }
}
