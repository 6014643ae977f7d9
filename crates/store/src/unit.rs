//! Units of work: the transaction a unit sees, and the plain reader.

use crate::error::{Stop, StoreError};
use crate::sql::{Conn, Row, Statement, Value};
use coffer_model::audit::Event;
use coffer_model::change::{self, Change};
use coffer_model::{Entropy, Timestamp};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What every transaction and reader knows of its store.
pub(crate) struct Shared {
    pub(crate) entropy: Arc<Entropy>,
    pub(crate) scale_unit: String,
    /// Microseconds by which tests move the clock.
    pub(crate) clock_offset: AtomicI64,
    /// What tests pretend that new runs come from.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) pretended_source: std::sync::Mutex<Option<coffer_model::source::RunSource>>,
    /// What tests break.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) faults: crate::faults::Faults,
    /// Commits of the writer that groups units, for the tests that count them.
    #[cfg(test)]
    pub(crate) commits: AtomicU64,
}

#[cfg(any(test, feature = "testing"))]
impl Shared {
    pub(crate) fn pretended_source(&self) -> Option<coffer_model::source::RunSource> {
        self.pretended_source
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

static UNITS: AtomicU64 = AtomicU64::new(0);

/// A number for a unit of work that no other unit of this process has, of whichever store.
pub(crate) fn next_unit() -> u64 {
    UNITS.fetch_add(1, Ordering::Relaxed) + 1
}

/// The transaction of a unit of work.
pub struct Tx {
    pub(crate) conn: Conn,
    /// Distinguishes units, so that a grant of one is worth nothing in another.
    pub(crate) unit: u64,
    pub(crate) now: Timestamp,
    pub(crate) shared: Arc<Shared>,
    /// Audit events of allowed acts, written when the unit ends well.
    pub(crate) pending: Vec<Event>,
    /// Changes before the first act was allowed.
    pub(crate) untold: Vec<String>,
    /// Which of them the grant is for that was used last.
    pub(crate) current: AtomicUsize,
}

/// A reader of metadata. Writes nothing; what it returns is filtered by what the caller may see.
pub struct ReadTx {
    pub(crate) conn: Conn,
    pub(crate) now: Timestamp,
}

fn tell(event: &mut Event, line: &str) {
    let lines = event.details.entry(change::DETAIL.to_owned()).or_default();
    if !lines.is_empty() {
        lines.push('\n');
    }
    lines.push_str(line);
}

impl Tx {
    /// The database's clock when the unit began.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The scale unit of this store.
    pub fn scale_unit(&self) -> &str {
        &self.shared.scale_unit
    }

    pub(crate) fn entropy(&self) -> &Entropy {
        &*self.shared.entropy
    }

    /// Puts a change of a right, a name or a way in on record, with the act whose grant was used last.
    ///
    /// Before any was allowed, it waits for the first.
    pub(crate) fn change(&mut self, change: &Change) {
        let current = self.current.load(Ordering::Relaxed);
        match self.pending.get_mut(current) {
            Some(event) => tell(event, &change.line()),
            None => self.untold.push(change.line()),
        }
    }

    /// Takes the event of an act that is allowed: it is written when the unit ends well.
    pub(crate) fn allowed(&mut self, mut event: Event) -> usize {
        for line in std::mem::take(&mut self.untold) {
            tell(&mut event, &line);
        }
        let place = self.pending.len();
        self.pending.push(event);
        self.current.store(place, Ordering::Relaxed);
        place
    }

    /// Forgets what another unit left.
    pub(crate) fn fresh(&mut self) {
        self.current = AtomicUsize::new(0);
        self.pending.clear();
        self.untold.clear();
    }

    /// Writes the records of the unit's acts: the last thing it does.
    ///
    /// # Errors
    /// [`StoreError::Unrecorded`] when something changed and no act was allowed: then nothing may change.
    pub(crate) async fn record(&mut self) -> Result<(), StoreError> {
        if !self.untold.is_empty() {
            return Err(StoreError::Unrecorded);
        }
        for event in std::mem::take(&mut self.pending) {
            self.audit_insert(&event).await?;
        }
        Ok(())
    }

    pub(crate) async fn all<T: Row>(
        &mut self,
        s: &Statement,
        args: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        self.conn.all(s, args).await
    }

    pub(crate) async fn maybe<T: Row>(
        &mut self,
        s: &Statement,
        args: Vec<Value>,
    ) -> Result<Option<T>, StoreError> {
        self.conn.maybe(s, args).await
    }

    pub(crate) async fn run(&mut self, s: &Statement, args: Vec<Value>) -> Result<u64, StoreError> {
        self.conn.run(s, args).await
    }

    pub(crate) async fn run_one(
        &mut self,
        s: &Statement,
        args: Vec<Value>,
    ) -> Result<(), StoreError> {
        self.conn.run_one(s, args).await
    }
}

impl ReadTx {
    /// The database's clock when the reader was opened.
    pub fn now(&self) -> Timestamp {
        self.now
    }
}

/// What a unit's end means for what it changed.
pub(crate) enum Verdict {
    /// Commit it.
    Keep,
    /// Undo it, and record the denial if there is one.
    Undo(Option<Box<Event>>),
    /// Undo it, and run it again: the database asks for it.
    Again,
}

impl Verdict {
    pub(crate) fn of<T>(result: &Result<T, Stop>) -> Self {
        match result {
            Ok(_) => Self::Keep,
            Err(Stop::Denied { event, .. }) => Self::Undo(event.clone()),
            Err(Stop::Failed(error)) if error.is_serialization_failure() => Self::Again,
            Err(_) => Self::Undo(None),
        }
    }
}
