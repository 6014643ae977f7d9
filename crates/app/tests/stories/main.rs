//! Stories with the program as people run it: each starts `coffer` as processes of its own, and looks from outside at
//! what it says, what it keeps and what it leaves behind.
//!
//! What a story may know of the inside is what the documentation says. The server's rules have stories of their own,
//! over HTTP, beside the server.

#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on is a failed story"
)]

mod agent;
mod anchor;
mod backup;
mod break_glass;
#[cfg(all(feature = "key-vault", feature = "key-pkcs11"))]
mod busy;
mod cli;
mod clients;
mod demo;
mod doctor;
mod harness;
mod job;
mod key;
#[cfg(all(
    feature = "key-vault",
    feature = "key-pkcs11",
    feature = "key-azure",
    feature = "key-aws"
))]
mod key_outage;
mod key_rotate;
#[cfg(all(feature = "key-vault", feature = "key-pkcs11"))]
mod key_services;
mod kill;
mod log;
mod memory;
#[cfg(all(feature = "key-vault", feature = "key-pkcs11"))]
mod migration;
mod page;
mod password;
mod permission;
mod properties;
mod recover;
mod serve;
mod shelf;
mod stored;
mod tls;
mod units;
mod validate;
