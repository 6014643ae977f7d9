//! What tests are made of: servers on both engines, people to act as, agents, sample files, and a search for leaks.
//!
//! A [`TestServer`] is the real server on a real socket of the loopback interface, with a data folder and a key folder
//! of its own. A [`User`] acts through the typed client, or sends any request there is ([`Call`]); a [`Wire`] sends any
//! bytes. [`both!`] makes two tests of a story, one for each engine. A [`Page`] is what somebody sees in [`Chromium`]; [`browser!`]
//! makes a test of such a story. A [`FaultProxy`] makes the services that we call fail.
//!
//! Knows nothing of what a story is about. Everything here panics rather than answering with an error: a story that
//! cannot go on is a failed story.

#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on is a failed story"
)]

mod agent;
mod anchor;
mod authenticator;
mod aws_kms;
pub mod azure_vault;
mod browser;
mod call;
pub mod chromium;
mod cost;
mod engine;
mod faults;
mod keys;
mod log_buffer;
mod logs;
mod nginx;
mod openbao;
mod provider;
mod samples;
mod search;
mod server;
mod softhsm;
mod tap;
mod user;
mod wire;

pub use agent::{LeasedJob, RunningAgent, TestAgent};
pub use anchor::TestPlace;
pub use authenticator::Authenticator;
pub use aws_kms::{AwsKms, KmsFault};
pub use browser::{Browser, From, form_token};
pub use call::{Answer, Call};
pub use chromium::{Chromium, Page};
pub use coffer_client as client;
pub use coffer_client::Frozen;
pub use coffer_client::{AuditQuery, ExportFormat};
pub use coffer_seal::Gone;
pub use coffer_store::{Fault as StoreFault, Faults};
pub use cost::server_time;
pub use engine::{Database, Engine, skip, told};
pub use faults::{FaultProxy, SeenCall, Trouble};
pub use keys::{KeyFault, KeyFaults};
pub use log_buffer::LogBuffer;
pub use nginx::Nginx;
pub use openbao::{Kubernetes, OpenBao, Signing};
pub use provider::{CLIENT, Endpoint, FakeProvider, Fault, Signer, Token, provider_options};
pub use samples::{Authority, certificate, random, random_guid};
pub use server::{Node, PROJECT, Setup, TestServer, eventually};
pub use softhsm::SoftHsm;
pub use tap::Tap;
pub use user::{User, group};
pub use wire::Wire;

/// Makes two tests of each story, `…::sqlite` and `…::postgres`. The second is skipped, and the skip counted, where
/// there is no PostgreSQL.
///
/// ```ignore
/// both! {
///     async fn the_story(server) { … }
///     async fn another(server, Setup { lease_seconds: 10, ..Setup::default() }) { … }
/// }
/// ```
#[macro_export]
macro_rules! both {
    ($($(#[$attribute:meta])* async fn $name:ident($server:pat_param $(, $setup:expr)?) $body:block)*) => {$(
        mod $name {
            use super::*;

            $(#[$attribute])*
            async fn story($server: $crate::TestServer) $body

            async fn on(engine: $crate::Engine) {
                if !engine.is_there(concat!(module_path!())) {
                    return;
                }
                // The last one counts: the usual set-up, or the story's own.
                let setups = [$crate::Setup::default(), $($setup)?];
                let setup = setups.into_iter().next_back().unwrap_or_default();
                let server = $crate::TestServer::start_with(engine, setup).await;
                Box::pin(story(server)).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                on($crate::Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                on($crate::Engine::Postgres).await;
            }
        }
    )*};
}
