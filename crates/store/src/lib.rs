//! The database, the blobs and the gate: one concrete store on two engines, SQLite and PostgreSQL.
//!
//! There are two ways in. [`Store::write`] runs a named unit of work; inside it, [`Tx::authorize`] asks the gate and
//! returns a [`Grant`], the only key to change, use or content. [`Store::read`] gives a [`ReadTx`] for metadata,
//! filtered by what the caller may see. Nothing else of this crate is public, so skipping the gate does not compile.
//!
//! This crate knows no HTTP, no key and no plaintext: what it stores is sealed already.

mod access;
mod access_below;
mod access_list;
mod access_lists;
mod agents;
mod attempts;
mod audit;
mod backup;
mod blobs;
mod break_glass;
mod codes;
mod counts;
mod credentials;
mod doctor;
mod engine;
mod error;
mod facts;
#[cfg(any(test, feature = "testing"))]
mod faults;
mod file_access;
mod file_history;
mod file_lists;
mod file_pages;
mod file_uses;
mod freezes;
mod gate;
mod groups;
mod guidance;
mod hold;
mod identities;
mod identity_search;
mod jobs;
mod key_list;
mod keys;
mod logs;
mod organization;
mod page;
mod passwords;
mod people;
mod permissions;
mod pipeline_files;
mod pipelines;
mod projects;
mod provider;
mod purge;
mod reconcile;
mod records;
mod rotation;
mod rotation_keys;
mod runs;
mod second_factor;
mod secure_files;
mod sessions;
mod settings;
mod sql;
mod stages;
mod standing;
mod streams;
mod sweep;
mod timeline;
mod unit;
mod unit_move;

pub use access_list::{AccessList, AccessRow};
pub use access_lists::AccessChange;
pub use agents::{AgentRow, AgentSummary, NewAgent};
pub use attempts::Failures;
pub use audit::{AuditFilter, AuditPage, LinkedEvent};
pub use backup::Copied;
pub use blobs::{BlobReader, BlobWriter, PlacedBlob, SWEEP_AFTER_SECONDS};
pub use break_glass::BreakGlassRow;
pub use codes::CodeOwner;
pub use counts::Count;
pub use credentials::{
    CredentialKind, CredentialListed, CredentialRow, JobCredential, NewCredential, TokenUse,
};
pub use doctor::{BlobCheck, NeededKey};
pub use engine::{Database, Look, Options, Store, look};
pub use error::{Refusal, Stop, StoreError};
#[cfg(any(test, feature = "testing"))]
pub use faults::{Fault, Faults};
pub use file_access::FileAccess;
pub use file_history::FileEvent;
pub use file_lists::FileQuery;
pub use file_pages::{FilePageQuery, FileSort};
pub use file_uses::{FileUse, FileUseJob, PipelineUse, UsesBefore};
pub use gate::{Grant, Seen};
pub use groups::NewGroup;
pub use guidance::Guidance;
pub use hold::Hold;
pub use identities::{GroupMembership, Home, IdentityFilter, NewIdentity};
pub use identity_search::IdentitySearch;
pub use jobs::{JobRow, Lease, NewJob};
pub use key_list::GenerationUse;
pub use keys::{KeyScope, NewProjectKey, ProjectKeyRow, RootGeneration, WrappedKey, WrappedKind};
pub use logs::{LogPage, SealedPage};
pub use page::{COUNTED, Counted, Page, PageFrom};
pub use passwords::{PasswordRow, SetsPassword};
pub use pipeline_files::{PipelineFile, files_digest};
pub use pipelines::{PipelineRow, PipelineText};
pub use projects::ProjectRow;
pub use provider::{ATTEMPT_SECONDS, BoundPerson, NewAttempt, TakenAttempt};
pub use purge::DeletedFile;
pub use reconcile::Reconciled;
pub use records::{RemovesEvents, SigningKeyRow};
pub use rotation::{NewRotation, RotationLease, RotationLeft, RotationLook, RotationRow};
pub use rotation_keys::{GenerationRow, NewWrap, OldWrap};
pub use runs::{NewRun, NewStage, NumberPart, RunRow};
pub use second_factor::SecondFactorRow;
pub use secure_files::{FileChange, NewFile, Placement, Resealed, SealedBody, TicketedFile};
pub use sessions::{NewSession, SessionListed, SessionRow};
pub use stages::{Missing, StageRow, Why};
pub use standing::Standing;
pub use streams::{MOST_STREAMS, NewSecret, SealedSecret, StreamRow, StreamSetting};
pub use timeline::{RecordRow, RecordWrite};
pub use unit::{BoxFuture, ReadTx, Tx};

#[cfg(test)]
mod tests;
