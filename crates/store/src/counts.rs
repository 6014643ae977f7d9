//! Numbers that a pipeline counts up, in the unit that queues the run: what is rolled back was never counted, and no two
//! runs get the same. It must not know what the numbers are for.

use crate::error::StoreError;
use crate::gate::Grant;
use crate::sql::{args, statements};
use crate::unit::Tx;
use coffer_model::PipelineId;
use coffer_model::act::QueueRun;

statements! {
    NEXT = "insert into pipeline_count (pipeline_id, kind, name, last) values ($1, $2, $3, $4)
        on conflict (pipeline_id, kind, name) do update set last = pipeline_count.last + 1 returning last";
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Runs whose numbers are otherwise the same: `$(Rev:r)`.
    Revision,
    /// Values of the function `counter`, by their prefix.
    Counter,
}

impl Count {
    fn word(self) -> &'static str {
        match self {
            Self::Revision => "revision",
            Self::Counter => "counter",
        }
    }
}

impl Tx {
    /// The next number of a name, for the run that the grant lets be queued: `first` when nothing was counted under it
    /// before. Names are compared as they are.
    pub async fn next_count(
        &mut self,
        grant: &Grant<QueueRun>,
        count: Count,
        name: &str,
        first: i64,
    ) -> Result<i64, StoreError> {
        let pipeline = grant.held(self)?.pipeline;
        self.count_up(pipeline, count, name, first).await
    }

    pub(crate) async fn count_up(
        &mut self,
        pipeline: PipelineId,
        count: Count,
        name: &str,
        first: i64,
    ) -> Result<i64, StoreError> {
        let values = args![pipeline.0, count.word(), name, first];
        Ok(self.conn.one::<(i64,)>(&NEXT, values).await?.0)
    }
}
