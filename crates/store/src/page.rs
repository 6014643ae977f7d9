//! Pages of lists: from the beginning or from the end, and counted as far as that is cheap. It must not know what the
//! lists are of.

use crate::error::StoreError;
use crate::sql::{Statement, Value, args};
use crate::unit::ReadTx;

/// As far as lists are counted: beyond it a page says that there are more.
pub const COUNTED: i64 = 10_000;

/// Where a page is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageFrom {
    /// After so many from the beginning.
    Start(u64),
    /// Before so many from the end: 0 is the last page. What it holds is in the same order.
    End(u64),
}

impl Default for PageFrom {
    fn default() -> Self {
        Self::Start(0)
    }
}

/// How many there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counted {
    /// So many.
    pub count: u64,
    /// Or more: counting ended at [`COUNTED`].
    pub or_more: bool,
}

impl Counted {
    /// What a count that was limited to one more than [`COUNTED`] says.
    fn of(count: i64) -> Self {
        Self {
            count: count.min(COUNTED).unsigned_abs(),
            or_more: count > COUNTED,
        }
    }
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: Counted,
    /// How many come before it; none on a page from the end of a list that was not counted to its end.
    pub before: Option<u64>,
    /// Whether any come before it.
    pub is_after: bool,
    /// Whether any come after it.
    pub is_before: bool,
}

impl<T> Page<T> {
    /// Of nothing.
    pub(crate) fn empty() -> Self {
        Self {
            items: Vec::new(),
            total: Counted::default(),
            before: Some(0),
            is_after: false,
            is_before: false,
        }
    }

    /// The same page of something else.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(change).collect(),
            total: self.total,
            before: self.before,
            is_after: self.is_after,
            is_before: self.is_before,
        }
    }
}

/// What is asked of the database for a page: one more than it holds.
pub(crate) struct Window {
    pub(crate) backwards: bool,
    pub(crate) skip: i64,
    pub(crate) top: i64,
}

pub(crate) fn window(from: PageFrom, top: u32) -> Window {
    let (backwards, skip) = match from {
        PageFrom::Start(skip) => (false, skip),
        PageFrom::End(skip) => (true, skip),
    };
    Window {
        backwards,
        skip: i64::try_from(skip).unwrap_or(i64::MAX),
        top: i64::from(top.max(1)) + 1,
    }
}

/// How many there are, where the page shows it: it ends before its end, and begins after something.
fn counted(window: &Window, rows: usize) -> Option<Counted> {
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let whole = rows < window.top && (rows > 0 || window.skip == 0);
    let total = window.skip.saturating_add(rows);
    whole.then(|| Counted {
        count: total.unsigned_abs(),
        or_more: false,
    })
}

impl ReadTx {
    /// How many there are, of which a page took `rows`: asked of the database only where the page does not show it, and no
    /// further than [`COUNTED`]. The statement has its limit as its last value.
    pub(crate) async fn total(
        &mut self,
        window: &Window,
        rows: usize,
        count: &Statement,
        mut values: Vec<Value>,
    ) -> Result<Counted, StoreError> {
        if let Some(total) = counted(window, rows) {
            return Ok(total);
        }
        values.extend(args![COUNTED + 1]);
        let (count,) = self.conn.one::<(i64,)>(count, values).await?;
        Ok(Counted::of(count))
    }
}

impl Window {
    /// The rows of the page in the list's order, and whether there are more in the direction asked.
    pub(crate) fn cut<R>(&self, mut rows: Vec<R>) -> (bool, Vec<R>) {
        let holds = usize::try_from(self.top - 1).unwrap_or(usize::MAX);
        let more = rows.len() > holds;
        rows.truncate(holds);
        if self.backwards {
            rows.reverse();
        }
        (more, rows)
    }

    pub(crate) fn page<T>(&self, items: Vec<T>, more: bool, total: Counted) -> Page<T> {
        let skip = self.skip.unsigned_abs();
        let held = u64::try_from(items.len()).unwrap_or(u64::MAX);
        if self.backwards {
            let before = total.count.saturating_sub(skip.saturating_add(held));
            Page {
                items,
                total,
                before: (!total.or_more).then_some(before),
                is_after: more,
                is_before: skip > 0,
            }
        } else {
            Page {
                items,
                total,
                before: Some(skip),
                is_after: skip > 0,
                is_before: more,
            }
        }
    }
}
