//! The use cases: the only place that sees store, seal and pipeline together.
//!
//! A handler makes one call here; a use case asks the gate, does the act, and says what happened in words a person
//! can use. Nothing here knows HTTP, the wire's shapes, or a terminal.

mod access;
mod again;
mod agents;
mod anchor;
mod attempts;
mod audit;
mod audit_export;
mod audit_retain;
mod backup;
mod break_glass;
mod by_variable;
mod checks;
mod content;
mod credentials;
mod directory;
mod doctor;
mod download;
mod enable;
mod error;
mod file_access;
mod file_changes;
mod file_page;
mod file_pages;
mod file_query;
mod file_tickets;
mod file_uses;
mod files;
mod first_start;
mod freezes;
mod groups;
mod guidance;
mod hashing;
mod job_variables;
mod jobs;
mod keys;
mod lease;
mod may;
mod named_files;
mod new_files;
mod organization;
mod passwords;
mod people;
mod permissions;
mod pipeline_text;
mod pipelines;
mod planning;
mod projects;
mod provider;
mod provider_rules;
mod purge;
mod reason;
mod recover;
mod reencrypt;
mod roles;
mod rotation;
mod run_pages;
mod run_views;
mod runs;
mod sealing;
mod second_factor;
mod sessions;
mod sign_in;
mod signing;
mod standing;
mod starting;
mod streams;
mod tally;
mod tasks;
mod token_uses;
mod tokens;
mod totp;
mod unit_move;
mod upload;
mod waits;

pub use access::Access;
pub use again::Again;
pub use agents::Agents;
pub use anchor::AgentAnchor;
pub use anchor::{AnchorPlace, Anchoring, BoxFuture, Found, NotePlace, Witness, witnesses};
pub use audit::{Audit, AuditQuery, AuditRow, Reconciliation, Verification};
pub use audit_export::{Export, Header, Piece};
pub use audit_retain::Retained;
pub use backup::back_up;
pub use break_glass::{Asked as BreakGlassAsked, BreakGlass, Exported};
pub use coffer_oidc::{Answer as ProviderAnswer, Settings as ProviderSettings};
pub use coffer_pipeline::tasks::{CommandMode, Phase, TaskDefinition};
pub use coffer_store::ATTEMPT_SECONDS;
pub use coffer_store::AuditFilter;
pub use credentials::{NewToken, TokenKind, TokenView, TokenWish};
pub use directory::{Directory, IdentityPage};
pub use doctor::{Finding, Health, examine};
pub use download::Download;
pub use enable::enable_generation;
pub use error::{Error, Kind, Problem, Result};
pub use file_access::{AccessView, Permits, PersonAccess, PipelineAccess, Reach};
pub use file_changes::FileChange;
pub use file_page::{FilePage, FilePageFrom};
pub use file_pages::{FileRow, MAX_PAGE};
pub use file_uses::{FileDependents, Newest};
pub use files::{FileFilter, FileView, Files, MAX_LISTED};
pub use first_start::FirstStart;
pub use freezes::Freezes;
pub use groups::Groups;
pub use guidance::Guided;
pub use jobs::{IssueView, Jobs, LineBatch, NewAgent, RecordUpdate, Registered};
pub use keys::calls::CallCounts;
pub use keys::keyring::KeyCounts;
pub use keys::providers::{Clock, KeyOptions, Providers, SameName, monotonic};
pub use lease::{JobVariable, LeasedFile, LeasedJob, LeasedStep};
pub use may::{FileMay, LibraryMay, PipelineMay, PipelinesMay};
pub use named_files::{NamedFile, NamedPermit, Names};
pub use new_files::CheckedName;
pub use organization::{OrganizationView, Organizations};
pub use passwords::{MIN_PASSWORD, PasswordCode, PasswordForm, Passwords, Typed};
pub use people::{People, UserView};
pub use permissions::{
    PermissionChange, Permissions, PermissionsView, PermitChange, PermittedFile,
};
pub use pipeline_text::PipelineText;
pub use pipelines::{Authorization, PipelineView, Pipelines};
pub use projects::Projects;
pub use provider::{ProviderSignedIn, ProviderStart};
pub use provider_rules::{Admit, GroupRule, ProviderOptions};
pub use purge::{Destroyed, PurgeReport, Purged, purge_report};
pub use recover::{Recovery, recover};
pub use roles::{Assignment, Assignments, Held, RoleChanges, RoleSheet, Roles, SheetRow, Whose};
pub use rotation::{GenerationView, RotationStanding, RotationView, Rotations};
pub use run_pages::{PipelineLine, RunLine, RunPage};
pub use run_views::{
    LogText, LogView, PreviewView, RecordView, RunInput, RunView, TimelineView, Waiting,
};
pub use runs::Runs;
pub use second_factor::{Enrolment, SecondFactor, SecondFactorState};
pub use sessions::{
    FoundSession, NewSession, SessionLife, SessionView, Sessions, form_token, is_form_token,
};
pub use sign_in::{Shown, SignIn};
pub use signing::RecordKeeper;
pub use standing::{Metrics, Standing};
pub use streams::{CreatedStream, NewStream, StreamChange, StreamOptions, StreamView, Streams};
pub use tasks::Tasks;
pub use unit_move::begin_move;
pub use upload::Upload;

pub use coffer_store::{AccessChange, AccessList, AccessRow, AgentSummary, BreakGlassRow, Why};
pub use coffer_store::{Counted, FilePageQuery, FileSort, Home, Page, PageFrom, ProjectRow};
pub use coffer_store::{FileEvent, FileUse, FileUseJob, PipelineUse, UsesBefore};

use coffer_model::{Authentication, Caller, Entropy, IdentityId, OrganizationId};
use coffer_outgoing::Outgoing;
use coffer_store::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How to open the service.
pub struct Options {
    /// The store.
    pub store: Store,
    /// How keys are kept.
    pub keys: KeyOptions,
    /// Randomness.
    pub entropy: Arc<Entropy>,
    /// Name of the organization, used at the first start.
    pub organization: String,
    /// Name of the first project, used at the first start.
    pub project: String,
    /// The deployment: the configured value, else build version and commit.
    pub deployment: String,
    /// How long a job's lease lives without renewal, seconds.
    pub lease_seconds: u32,
    /// The way out to addresses that people configure.
    pub outgoing: Outgoing,
    /// How long browser sessions live.
    pub sessions: SessionLife,
    /// Where people sign in besides.
    pub sign_in_provider: Option<ProviderOptions>,
    /// Where signed records of the audit log are kept outside the database.
    pub keeper: Option<Arc<dyn RecordKeeper>>,
    /// Where the newest state of the database is anchored outside it.
    pub anchoring: Anchoring,
    /// Days that audit events are kept; 0 for ever.
    pub audit_retention_days: u32,
    /// Sign-in names of those who may break glass, two together; nobody when empty.
    pub break_glass_officers: Vec<String>,
}

/// The organization served.
#[derive(Clone, Debug)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
}

/// This deployment.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its id as a GUID, made from the organization's.
    pub id: Uuid,
    /// The configured value, else build version and commit.
    pub label: String,
}

struct Inner {
    store: Store,
    keys: keys::Keys,
    entropy: Arc<Entropy>,
    organization: Organization,
    deployment: Deployment,
    lease_seconds: u32,
    outgoing: Outgoing,
    provider: Option<provider::Provider>,
    nonces: sign_in::Nonces,
    refusals: tally::Tally<sign_in::RefusedToken>,
    provider_refusals: tally::Tally<provider::RefusedAnswer>,
    failures: tally::Tally<passwords::Failed>,
    token_uses: token_uses::TokenUses,
    attempts: attempts::Attempts,
    sessions: SessionLife,
    hasher: hashing::Hasher,
    log_keys: jobs::LogKeys,
    frozen: freezes::Frozen,
    rotation: rotation::Rotation,
    signing: signing::Signing,
    keeper: Option<Arc<dyn RecordKeeper>>,
    guard: anchor::Guard,
    audit_retention_days: u32,
    break_glass_officers: Vec<String>,
    /// Told when a job may have become ready on this node.
    ready: tokio::sync::Notify,
}

/// The use cases, grouped. Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

impl Service {
    /// Opens the service; at the first start, makes the organization, a project and the one-time code.
    pub async fn open(options: Options) -> Result<(Self, Option<FirstStart>)> {
        // Another's key would look like another's database: said first, before anything is written.
        let sealed = keys::check(&options).await?;
        let found = anchor::at_start(&options).await?;
        let (organization, first) = first_start::prepare(&options).await?;
        let deployment = Deployment {
            id: Uuid::new_v5(&organization.id.0, b"deployment"),
            label: options.deployment.clone(),
        };
        let guard = anchor::Guard::new(&options.anchoring.places);
        let accept = options.anchoring.accept.clone();
        let keys = keys::Keys::new(&options, organization.id, guard.halt.clone());
        if !sealed {
            keys.prepare().await?;
        }
        let signing = signing::Signing::new(options.store.read().await?.now());
        let rotation = rotation::Rotation::new(&options.keys);
        let inner = Inner {
            store: options.store,
            keys,
            entropy: options.entropy,
            organization,
            deployment,
            lease_seconds: options.lease_seconds.max(5),
            provider: options
                .sign_in_provider
                .map(|rules| provider::Provider::new(rules, &options.outgoing)),
            outgoing: options.outgoing,
            nonces: sign_in::Nonces::default(),
            refusals: tally::Tally::new(("others", None)),
            provider_refusals: tally::Tally::new(("others", None)),
            failures: tally::Tally::new(passwords::Failed::others()),
            token_uses: token_uses::TokenUses::default(),
            attempts: attempts::Attempts::default(),
            sessions: options.sessions,
            hasher: hashing::Hasher::default(),
            log_keys: jobs::LogKeys::default(),
            frozen: freezes::Frozen::default(),
            rotation,
            signing,
            keeper: options.keeper,
            guard,
            audit_retention_days: options.audit_retention_days,
            break_glass_officers: options.break_glass_officers,
            ready: tokio::sync::Notify::new(),
        };
        let service = Self(Arc::new(inner));
        service.look_for_freezes().await?;
        service.baseline().await?;
        service.anchors_found(&found);
        service.learn_reports().await;
        if let Some(reason) = accept {
            service.accept_rollback(&found, &reason).await?;
        }
        if service.0.guard.has_places() {
            // From the first moment: what is served is anchored.
            service.watch_anchors(true).await?;
        }
        Ok((service, first))
    }

    /// Signing in.
    pub fn sign_in(&self) -> SignIn<'_> {
        SignIn(self)
    }

    /// Browser sessions.
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions(self)
    }

    /// The second factor.
    pub fn second_factor(&self) -> SecondFactor<'_> {
        SecondFactor(self)
    }

    /// Passwords.
    pub fn passwords(&self) -> Passwords<'_> {
        Passwords(self)
    }

    /// Secure files.
    pub fn files(&self) -> Files<'_> {
        Files(self)
    }

    /// Pipeline permissions.
    pub fn permissions(&self) -> Permissions<'_> {
        Permissions(self)
    }

    /// Breaking glass.
    pub fn break_glass(&self) -> BreakGlass<'_> {
        BreakGlass(self)
    }

    /// Freezes.
    pub fn freezes(&self) -> Freezes<'_> {
        Freezes(self)
    }

    /// Roles of the Library.
    pub fn roles(&self) -> Roles<'_> {
        Roles(self)
    }

    /// Agents, for people.
    pub fn agents(&self) -> Agents<'_> {
        Agents(self)
    }

    /// Access control lists.
    pub fn access(&self) -> Access<'_> {
        Access(self)
    }

    /// Pipelines.
    pub fn pipelines(&self) -> Pipelines<'_> {
        Pipelines(self)
    }

    /// Tasks.
    pub fn tasks(&self) -> Tasks<'_> {
        Tasks(self)
    }

    /// Runs.
    pub fn runs(&self) -> Runs<'_> {
        Runs(self)
    }

    /// Jobs, for agents.
    pub fn jobs(&self) -> Jobs<'_> {
        Jobs(self)
    }

    /// People and tokens.
    pub fn people(&self) -> People<'_> {
        People(self)
    }

    /// People, groups and services.
    pub fn directory(&self) -> Directory<'_> {
        Directory(self)
    }

    /// Groups.
    pub fn groups(&self) -> Groups<'_> {
        Groups(self)
    }

    /// Projects.
    pub fn projects(&self) -> Projects<'_> {
        Projects(self)
    }

    /// The organization to its people.
    pub fn organizations(&self) -> Organizations<'_> {
        Organizations(self)
    }

    /// The audit log.
    pub fn audit(&self) -> Audit<'_> {
        Audit(self)
    }

    /// Rotations of keys.
    pub fn rotations(&self) -> Rotations<'_> {
        Rotations(self)
    }

    /// Audit streams.
    pub fn streams(&self) -> Streams<'_> {
        Streams(self)
    }

    /// The organization served.
    pub fn organization(&self) -> &Organization {
        &self.0.organization
    }

    /// This deployment.
    pub fn deployment(&self) -> &Deployment {
        &self.0.deployment
    }

    /// Does the product's own duties until told to stop: ends lost jobs, breaks off what was frozen elsewhere, skips
    /// stages and break-glass requests that waited too long, sweeps abandoned uploads, rotates keys, sends audit streams.
    pub async fn run_duties(&self, stop: CancellationToken) {
        tokio::join!(
            self.run_regular_duties(stop.clone()),
            rotation::run(self, stop.clone()),
            streams::deliver::run(self, stop)
        );
    }

    async fn run_regular_duties(&self, stop: CancellationToken) {
        let mut leases = tokio::time::interval(Duration::from_secs(2));
        let mut waits = tokio::time::interval(Duration::from_secs(60));
        let mut sweep = tokio::time::interval(Duration::from_secs(600));
        let mut counts = tokio::time::interval(Duration::from_secs(60));
        let mut records = tokio::time::interval(Duration::from_secs(10));
        let mut anchors = tokio::time::interval(Duration::from_secs(2));
        let mut old = tokio::time::interval(Duration::from_secs(3600));
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = leases.tick() => {
                    self.keys().sweep();
                    if let Err(error) = self.jobs().abandon_expired().await {
                        tracing::warn!(error = %error, "ending lost jobs failed; it is tried again");
                    }
                    if let Err(error) = self.look_for_freezes().await {
                        tracing::warn!(error = %error, "looking for freezes failed; it is tried again");
                    }
                }
                _ = waits.tick() => {
                    if let Err(error) = self.expire_break_glass().await {
                        tracing::warn!(error = %error, "ending break-glass requests failed; it is tried again");
                    }
                    if let Err(error) = self.skip_overdue().await {
                        tracing::warn!(error = %error, "skipping stages that waited too long failed; it is tried again");
                    }
                }
                _ = counts.tick() => self.record_counts(false).await,
                _ = records.tick() => {
                    if let Err(error) = self.keep_the_log(false).await {
                        tracing::warn!(error = %error, "signing the audit log failed; it is tried again");
                    }
                }
                _ = anchors.tick() => {
                    if let Err(error) = self.watch_anchors(false).await {
                        tracing::warn!(error = %error, "anchoring the database failed; it is tried again");
                    }
                }
                _ = old.tick() => {
                    if let Err(error) = self.expire_audit().await {
                        tracing::warn!(error = %error, "removing old audit events failed; it is tried again");
                    }
                }
                _ = sweep.tick() => {
                    if let Err(error) = self.sessions().sweep().await {
                        tracing::warn!(error = %error, "forgetting what ended failed; it is tried again");
                    }
                    if let Err(error) = self.store().blob_sweep().await {
                        tracing::warn!(error = %error, "sweeping abandoned uploads failed; it is tried again");
                    }
                }
            }
        }
    }

    /// Signs the audit log as it is, commits what waits and closes the store.
    pub async fn close(&self) {
        self.record_counts(true).await;
        if let Err(error) = self.keep_the_log(true).await {
            tracing::warn!(error = %error, "signing the audit log at the end failed");
        }
        if let Err(error) = self.watch_anchors(true).await {
            tracing::warn!(error = %error, "anchoring the database at the end failed");
        }
        self.store().close().await;
    }

    /// Signs a checkpoint if one is due, and brings what is kept outside up to date.
    async fn keep_the_log(&self, now: bool) -> Result<()> {
        if self.0.guard.halt.check().is_err() {
            // A history that must not be is not signed.
            return Ok(());
        }
        self.checkpoint(now).await?;
        self.keep_records().await
    }

    /// After an upgrade from a version whose events did not tell changes, takes what is there as given. Once.
    async fn baseline(&self) -> Result<()> {
        if self.store().read().await?.changes_told().await? {
            return Ok(());
        }
        let (caller, organization) = (self.duty("take a baseline"), self.organization().id);
        self.store()
            .write("audit.baseline", move |tx| {
                let caller = caller.clone();
                Box::pin(async move { tx.baseline(&caller, organization).await })
            })
            .await?;
        Ok(())
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn keys(&self) -> &keys::Keys {
        &self.0.keys
    }

    pub(crate) fn entropy(&self) -> &Entropy {
        &*self.0.entropy
    }

    /// The way out to addresses that people configure.
    pub(crate) fn outgoing(&self) -> &Outgoing {
        &self.0.outgoing
    }

    pub(crate) fn session_life(&self) -> SessionLife {
        self.0.sessions
    }

    pub(crate) fn attempts(&self) -> &attempts::Attempts {
        &self.0.attempts
    }

    pub(crate) fn hasher(&self) -> &hashing::Hasher {
        &self.0.hasher
    }

    pub(crate) fn log_keys(&self) -> &jobs::LogKeys {
        &self.0.log_keys
    }

    pub(crate) fn frozen(&self) -> &freezes::Frozen {
        &self.0.frozen
    }

    /// Wakes the agents that wait on this node. Those of other nodes look again by themselves.
    pub(crate) fn jobs_may_be_ready(&self) {
        self.0.ready.notify_waiters();
    }

    pub(crate) fn duty(&self, duty: &'static str) -> Caller {
        duty_caller(self.0.organization.id, duty)
    }
}

/// The product itself as a caller, for a named duty.
pub(crate) fn duty_caller(organization: OrganizationId, duty: &'static str) -> Caller {
    Caller {
        organization,
        identity: IdentityId(Uuid::nil()),
        name: "Coffer".into(),
        authentication: Authentication::System { duty },
        address: None,
        request: coffer_model::Request::default(),
    }
}
