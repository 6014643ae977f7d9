//! What evaluating may take: bytes that are made, and work. A hostile expression ends with an error instead of taking the
//! machine's memory or time. It must not know expressions.

/// Most bytes that the results within one evaluation may take together: the public limit of templates, 10 MB.
pub const MAX_BYTES: usize = 10 << 20;
/// Most work of one evaluation: one for each part that is evaluated and each member that is looked at, and one for each
/// byte that is read.
pub const MAX_WORK: usize = 20_000_000;

/// What is left to be taken.
#[derive(Clone, Debug)]
pub struct Budget {
    bytes: usize,
    work: usize,
    most_bytes: usize,
    most_work: usize,
}

/// Why an evaluation ended: what is wrong, in words, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// The budget is used up: trying further parts is in vain.
    pub(crate) exhausted: bool,
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            exhausted: false,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn exhausted(message: String) -> Self {
        Self {
            exhausted: true,
            ..Self::new(message).hint("make the expression, or what it works on, smaller")
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::of(MAX_BYTES, MAX_WORK)
    }
}

impl Budget {
    /// So many bytes and so much work.
    #[must_use]
    pub fn of(bytes: usize, work: usize) -> Self {
        Self {
            bytes,
            work,
            most_bytes: bytes,
            most_work: work,
        }
    }

    /// Bytes made so far.
    #[must_use]
    pub fn bytes_made(&self) -> usize {
        self.most_bytes - self.bytes
    }

    /// Work done so far.
    #[must_use]
    pub fn work_done(&self) -> usize {
        self.most_work - self.work
    }

    /// Before so many bytes are made.
    pub(crate) fn make(&mut self, bytes: usize) -> Result<(), Fault> {
        let Some(left) = self.bytes.checked_sub(bytes) else {
            return Err(Fault::exhausted(format!(
                "the results of this expression take more than {} bytes",
                self.most_bytes
            )));
        };
        self.bytes = left;
        self.look(bytes)
    }

    /// Before so much is looked at.
    pub(crate) fn look(&mut self, work: usize) -> Result<(), Fault> {
        let Some(left) = self.work.checked_sub(work) else {
            return Err(Fault::exhausted(format!(
                "this expression takes more than {} steps: one for each part, and one for each byte that is read",
                self.most_work
            )));
        };
        self.work = left;
        Ok(())
    }
}
