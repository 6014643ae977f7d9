//! The language as a whole.

mod functions;
