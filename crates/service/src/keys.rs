//! Project keys: made on first use, unwrapped by the provider, kept in memory for a bounded time.
//!
//! A remote provider is called once per project and cache lifetime, never per file. A cached key is used only if the
//! row read now still names it, so retiring a key works at once on every node. While a project is frozen, its keys are
//! not kept. While a provider does not answer, keys in memory serve until their time is up; then it is a clear refusal.

mod cache;
pub(crate) mod calls;
pub(crate) mod keyring;
pub(crate) mod providers;
pub(crate) mod settled;
mod units;
pub(crate) mod unverified;

use crate::anchor::Halt;
use crate::error::{Error, Result};
use crate::{Options, Providers, duty_caller};
use coffer_model::act::CreateKey;
use coffer_model::{Entropy, OrganizationId, ProjectId, ProjectKeyId};
use coffer_seal::{
    Contents, FileKey, GenerationId, KeyError, KeyProvider, ProjectKey, ProjectKeyContext,
    ProjectKeySecret, SealedContext,
};
use coffer_store::{
    KeyScope, NewProjectKey, ProjectKeyRow, Refusal, RootGeneration, Stop, Store, WrappedKey,
    WrappedKind,
};
use keyring::{KeyCounts, Keyring, Making};
use settled::Settled;
use std::sync::Arc;
use unverified::{Unverified, not_believed};

/// How often a wrap is made again when a rotation comes between it and its unit of work.
pub(crate) const TRIES: u32 = 4;

/// The label of job-log keys among our own wrapped keys.
pub(crate) const JOB_LOG: &str = "job log";
/// The label of the keys of second factors' secrets.
pub(crate) const SECOND_FACTOR: &str = "second factor";
/// The label of the keys of audit streams' secrets.
pub(crate) const AUDIT_STREAM: &str = "audit stream";

/// The label of our own keys of a kind; none for files, which have their own wrap.
pub(crate) fn label(kind: WrappedKind) -> Option<&'static str> {
    match kind {
        WrappedKind::SecureFile => None,
        WrappedKind::JobLog => Some(JOB_LOG),
        WrappedKind::SecondFactor => Some(SECOND_FACTOR),
        WrappedKind::AuditStream => Some(AUDIT_STREAM),
    }
}

pub(crate) struct Keys {
    store: Store,
    ring: Keyring,
    entropy: Arc<Entropy>,
    organization: OrganizationId,
    deployment: String,
    /// Once the database is known to be behind its anchor, no key is used.
    halt: Halt,
    /// What rotations have replaced.
    settled: Settled,
    unverified: unverified::Tally,
}

/// Whether the provider really has the root generation that the data is sealed under, and whether any is. Writes nothing.
pub(crate) async fn check(options: &Options) -> Result<bool> {
    let unit = options.store.scale_unit().to_owned();
    let mut read = options.store.read().await?;
    let sealed = read.generation_active(&unit).await?.is_some();
    drop(read);
    if sealed {
        // A probe belongs to nobody.
        let nobody = OrganizationId(uuid::Uuid::nil());
        Keys::new(options, nobody, Halt::default())
            .prepare()
            .await?;
    }
    Ok(sealed)
}

impl Keys {
    pub(crate) fn new(options: &Options, organization: OrganizationId, halt: Halt) -> Self {
        Self {
            store: options.store.clone(),
            ring: Keyring::new(&options.keys, options.entropy.clone()),
            entropy: options.entropy.clone(),
            organization,
            deployment: options.deployment.clone(),
            halt,
            settled: Settled::default(),
            unverified: unverified::Tally::default(),
        }
    }

    /// The key that new wraps of a scope are made with. Makes it if the scope has none.
    pub(crate) async fn active(
        &self,
        scope: impl Into<KeyScope>,
    ) -> Result<(ProjectKeyId, Arc<ProjectKey>)> {
        let scope = scope.into();
        // Another node may make the first key at the same moment, or a rotation put another generation in its place.
        for tried in 1..=TRIES {
            let row = self.store.read().await?.project_key_active(scope).await?;
            let Some(row) = row else {
                self.create(scope).await?;
                continue;
            };
            match self.settled.check(&row.generation) {
                Ok(()) => return Ok((row.id, self.unwrapped(&row).await?)),
                // It may have been replaced since it was read.
                Err(_) if tried < TRIES => {}
                Err(error) => {
                    if error.kind == crate::Kind::Internal {
                        let why = "a rotation has replaced it, or nobody can say which is in force";
                        self.note(Unverified::key(scope, row.id.0, why)).await;
                    }
                    return Err(error);
                }
            }
        }
        let mut read = self.store.read().await?;
        if read.project_key_newest_version(scope).await?.is_none() {
            return Err(Error::from(Refusal::KeyNotActive));
        }
        drop(read);
        let why = "the scope has keys, and none of them is active";
        self.note(Unverified::key(scope, scope.0, why)).await;
        Err(not_believed(
            "The database names no key that new content may be sealed under. Nothing was changed.",
        ))
    }

    /// The file key and what its wrap says of the file.
    pub(crate) async fn open_file_key(
        &self,
        wrapped: &WrappedKey,
        preamble: &[u8],
        context: SealedContext,
    ) -> Result<(FileKey, Contents)> {
        let key = self.of(&wrapped.project_key).await?;
        match key.unwrap_file_key(&wrapped.wrapped, preamble, context) {
            Ok(opened) => Ok(opened),
            Err(error) => {
                let project = Some(ProjectId(context.project));
                Err(self
                    .does_not_open("wrapped key of a file", project, context.file, error)
                    .await)
            }
        }
    }

    /// A key of our own.
    pub(crate) async fn open_own_key(
        &self,
        wrapped: &WrappedKey,
        label: &'static str,
        owner: uuid::Uuid,
    ) -> Result<FileKey> {
        let row = &wrapped.project_key;
        let key = self.of(row).await?;
        match key.unwrap_own_key(label, owner, &wrapped.wrapped) {
            Ok(opened) => Ok(opened),
            Err(error) => {
                let what = match label {
                    JOB_LOG => "wrapped key of a job's log",
                    SECOND_FACTOR => "wrapped key of a second factor",
                    _ => "wrapped key of an audit stream",
                };
                Err(self
                    .does_not_open(what, row.scope.project(), owner, error)
                    .await)
            }
        }
    }

    /// The sealing context of something in a project.
    pub(crate) fn context(&self, project: ProjectId, file: uuid::Uuid) -> SealedContext {
        SealedContext {
            organization: self.organization.0,
            project: project.0,
            file,
        }
    }

    /// The key of a row, unless it is retired.
    pub(crate) async fn of(&self, row: &ProjectKeyRow) -> Result<Arc<ProjectKey>> {
        if row.state == "retired" {
            self.ring.forget(row.id);
            // A key retires in the transaction that finds that it wraps nothing: this wrap was put there by hand.
            let why = "it is retired, and something is wrapped by it all the same";
            self.note(Unverified::key(row.scope, row.id.0, why)).await;
            return Err(not_believed(
                "What this needs is wrapped by a key that was retired. Nothing was changed.",
            ));
        }
        self.unwrapped(row).await
    }

    /// Forgets the unwrapped keys of a project, or of all.
    pub(crate) fn evict(&self, project: Option<ProjectId>) {
        self.ring
            .evict(|scope| project.is_none_or(|project| scope == project.into()));
    }

    /// Forgets the unwrapped keys whose time is up.
    pub(crate) fn sweep(&self) {
        self.ring.sweep();
    }

    /// Whether the key providers answered when they were asked last.
    pub(crate) fn answer(&self) -> bool {
        self.ring.answers()
    }

    pub(crate) fn counts(&self) -> KeyCounts {
        KeyCounts {
            unverified: self.unverified.total(),
            ..self.ring.counts()
        }
    }

    /// What rotations have replaced.
    pub(crate) fn settled(&self) -> &Settled {
        &self.settled
    }

    /// Makes a call to a provider, unless it is to be left alone now: after a failure, or because of its quota.
    pub(crate) async fn call<T>(
        &self,
        provider: &dyn KeyProvider,
        call: impl Future<Output = std::result::Result<T, KeyError>>,
    ) -> Result<T> {
        self.ring.call(provider, call).await
    }

    async fn unwrapped(&self, row: &ProjectKeyRow) -> Result<Arc<ProjectKey>> {
        self.halt.check()?;
        let context = self.key_context(row.scope, row.version, &row.scale_unit);
        let opened = self.ring.open(row, context).await;
        if let Err(error) = &opened
            && let Some(why) = error.of_keys().and_then(unverified::why)
        {
            self.note(Unverified::key(row.scope, row.id.0, why)).await;
        }
        opened
    }

    fn key_context(&self, scope: KeyScope, version: i64, scale_unit: &str) -> ProjectKeyContext {
        ProjectKeyContext {
            scale_unit: scale_unit.to_owned(),
            organization: self.organization.0,
            project: scope.0,
            version: version.unsigned_abs(),
        }
    }

    /// Makes sure that there is a root generation and that its provider really has it.
    ///
    /// At the first start this makes it, so that a copy of the key taken then is worth something. A provider that does
    /// not answer now is no reason not to start: what needs no key is served meanwhile.
    pub(crate) async fn prepare(&self) -> Result<()> {
        let generation = self.generation().await?;
        let provider = self.provider(&generation.provider)?;
        let (id, unit) = (GenerationId(generation.id), self.store.scale_unit());
        match self.probe(provider, &id, unit).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_passing() => {
                tracing::error!(
                    provider = provider.name(),
                    error = %error,
                    "the key provider does not answer; nothing sealed can be opened until it does"
                );
                Ok(())
            }
            Err(error) => Err(Error::new(
                crate::Kind::Unavailable,
                "keys.unavailable",
                format!(
                    "The key provider `{}` does not hold the key that the data is sealed under, or does not let it be used. \
                     Nothing can be opened without it.",
                    provider.name()
                ),
            )
            .hint("restore it from your backup, or configure the provider that holds it")
            .caused_by(error)),
        }
    }

    /// Whether a key is in memory: then the provider is not asked for it.
    pub(crate) fn holds(&self, row: &ProjectKeyRow) -> bool {
        !row.frozen && self.ring.holds(row)
    }

    /// Whether the provider has this generation and lets it be used.
    pub(crate) async fn probe(
        &self,
        provider: &dyn KeyProvider,
        generation: &GenerationId,
        scale_unit: &str,
    ) -> std::result::Result<(), KeyError> {
        let secret = ProjectKeySecret::generate(&*self.entropy);
        let context = self.key_context(KeyScope::ORGANIZATION, 0, scale_unit);
        let wrap = provider.wrap(generation, &secret, &context);
        let wrapped = self.ring.call_raw(provider, wrap).await?;
        let unwrap = provider.unwrap(generation, &wrapped, &context);
        self.ring.call_raw(provider, unwrap).await.map(drop)
    }

    /// All key providers.
    pub(crate) fn providers(&self) -> &Providers {
        self.ring.providers()
    }

    /// The provider that a root generation names.
    pub(crate) fn provider(&self, name: &str) -> Result<&dyn KeyProvider> {
        self.ring.providers().of(name)
    }

    /// The active root generation. Makes it if there is none.
    pub(crate) async fn generation(&self) -> Result<RootGeneration> {
        let unit = self.store.scale_unit().to_owned();
        if let Some(generation) = self.store.read().await?.generation_active(&unit).await? {
            return Ok(generation);
        }
        let provider = self.ring.providers().active();
        let newest = self
            .call(provider, provider.newest_generation(&unit))
            .await?;
        // One that is known has had its time: the data was another unit's since.
        let known = match &newest {
            Some(newest) => self.store.read().await?.generation_known(&newest.0).await?,
            None => true,
        };
        let generation = match newest.filter(|_| !known) {
            Some(prepared) => prepared,
            None => {
                let lifecycle = provider.lifecycle().ok_or_else(no_generation)?;
                self.call(provider, lifecycle.new_generation(&unit)).await?
            }
        }
        .0;
        let name = provider.name();
        let (caller, made) = (self.duty(), generation.clone());
        let deployment = self.deployment.clone();
        self.store
            .write("key.generation", move |tx| {
                let (caller, made) = (caller.clone(), made.clone());
                let deployment = deployment.clone();
                Box::pin(async move {
                    let act = CreateKey {
                        project: None,
                        version: made.clone(),
                    };
                    let grant = tx.authorize(&caller, act).await?;
                    tx.generation_insert(grant, &made, name).await?;
                    tx.deployment_began_with(&deployment, name).await
                })
            })
            .await?;
        Ok(RootGeneration {
            id: generation,
            provider: name.to_owned(),
        })
    }

    fn duty(&self) -> coffer_model::Caller {
        duty_caller(self.organization, "make keys")
    }

    /// The provider that makes new root generations.
    pub(crate) fn active_provider(&self) -> &dyn KeyProvider {
        self.ring.providers().active()
    }

    /// A new key of a scope, wrapped by a generation, and opened again: nothing depends on a wrap that was never seen to
    /// open. Costs the provider two calls, and none when the key is used first, once it is [`Keys::keep`]t.
    pub(crate) async fn made(
        &self,
        provider: &dyn KeyProvider,
        generation: &str,
        scope: KeyScope,
        version: i64,
        scale_unit: &str,
    ) -> Result<MadeKey> {
        self.settled.check_replaced(generation)?;
        let making = self.ring.making();
        let secret = ProjectKeySecret::generate(&*self.entropy);
        let context = self.key_context(scope, version, scale_unit);
        let (_, commitment) = ProjectKey::create(&secret, context.clone());
        let root = GenerationId(generation.to_owned());
        let wrapped = self
            .call(provider, provider.wrap(&root, &secret, &context))
            .await?;
        drop(secret);
        let again = provider.unwrap(&root, &wrapped, &context);
        let again = self.call(provider, again).await?;
        let key = Arc::new(ProjectKey::open(&again, context, &commitment)?);
        Ok(MadeKey {
            new: NewProjectKey {
                id: ProjectKeyId::random(&*self.entropy),
                scope,
                version,
                generation: generation.to_owned(),
                wrapped,
                commitment,
                deployment: self.deployment.clone(),
            },
            scale_unit: scale_unit.to_owned(),
            key,
            making,
        })
    }

    /// Keeps a key in memory that was made and is stored by now. Not of a frozen project.
    pub(crate) fn keep(&self, made: MadeKey) {
        let MadeKey {
            new,
            scale_unit,
            key,
            making,
        } = made;
        self.ring.made(&new, &scale_unit, key, making);
    }

    async fn create(&self, scope: KeyScope) -> Result<()> {
        let generation = self.generation().await?;
        self.settled.check(&generation.id)?;
        let provider = self.provider(&generation.provider)?;
        let unit = self.store.scale_unit();
        let made = self.made(provider, &generation.id, scope, 1, unit).await?;
        let new = made.new.clone();
        let caller = self.duty();
        let stored = self
            .store
            .write("key.create", move |tx| {
                let (caller, new) = (caller.clone(), new.clone());
                Box::pin(async move {
                    let act = CreateKey {
                        project: scope.project(),
                        version: new.version.to_string(),
                    };
                    let grant = tx.authorize(&caller, act).await?;
                    tx.project_key_insert(grant, &new).await
                })
            })
            .await;
        match stored {
            Ok(()) => {
                self.keep(made);
                Ok(())
            }
            // Another node was quicker: its key is as good. Or a rotation came between: it is made again.
            Err(Stop::Refused(Refusal::State | Refusal::KeyNotActive)) => Ok(()),
            Err(stop) => Err(stop.into()),
        }
    }
}

/// A new key of a scope: what is to be stored of it, and itself.
pub(crate) struct MadeKey {
    pub(crate) new: NewProjectKey,
    scale_unit: String,
    key: Arc<ProjectKey>,
    making: Making,
}

fn no_generation() -> Error {
    Error::new(
        crate::Kind::Unavailable,
        "keys.no_generation",
        "The key provider has no root generation for this scale unit, and no credential is configured that may make one.",
    )
    .hint("Configure a lifecycle credential, or have the first generation made in the key service.")
}
