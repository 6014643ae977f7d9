//! Stories in a real browser: what a person sees and does on our pages, and what a hostile text or a foreign page does not
//! get. Pictures of the pages are kept by the test command.

#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on is a failed story"
)]

mod account;
mod answers;
mod files;
mod foreign;
mod hostile;
mod library;
mod page;
mod places;
mod policy;
mod roles;
mod runs;
mod signing_in;
