//! Does the steps of a rotation. Between two units of work nothing is remembered that the database does not say, but
//! which wrapped keys did not open.
//!
//! Each unit takes the lease anew and asks its own guards, so that a node that slept, or two nodes at once, do no harm.
//! After each page the engine rests as long as the page took, so that what people do goes first.

use super::report;
use crate::Service;
use crate::error::{Error, Kind, Result};
use crate::keys::label;
use crate::keys::unverified::Unverified;
use coffer_model::act::{CreateKey, RetireGeneration};
use coffer_model::rotation::{Step, next};
use coffer_model::{ProjectId, ProjectKeyId};
use coffer_seal::{GenerationId, KeyError, KeyProvider, ProjectKey, SigningKey};
use coffer_store::{
    NewProjectKey, NewWrap, OldWrap, ProjectKeyRow, Refusal, RotationRow, Stop, WrappedKind,
};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Longer than anything that happens between two units, and what another node waits when this one dies.
pub(super) const LEASE_SECONDS: i64 = 30;
/// Wrapped keys replaced in one unit.
const PAGE: i64 = 200;
/// Scopes that get a new key in one unit.
const SCOPES: i64 = 5;
/// The longest rest after a page.
const LONGEST_REST: Duration = Duration::from_millis(250);

/// Why the engine does not go on.
pub(super) enum Halt {
    /// The rotation is another node's by now, or has ended.
    Lost,
    /// It cannot go on now.
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<KeyError> for Halt {
    fn from(error: KeyError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<coffer_store::StoreError> for Halt {
    fn from(error: coffer_store::StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        match stop {
            // Another node was quicker: what there is to do is read again.
            Stop::Refused(Refusal::State | Refusal::KeyNotActive) => Self::Lost,
            stop => Self::Failed(stop.into()),
        }
    }
}

/// Runs one unit of work under the rotation's lease.
macro_rules! leased {
    ($engine:expr, $name:literal, ($($kept:ident),*), |$tx:ident, $lease:ident| $work:expr) => {{
        let node = $engine.node;
        $engine.service.store().write($name, move |$tx| {
            $(let $kept = $kept.clone();)*
            Box::pin(async move {
                match $tx.rotation_lease(node, LEASE_SECONDS).await? {
                    Some($lease) => $work.await.map(Some),
                    None => Ok(None),
                }
            })
        }).await.map_err(Halt::from)?.ok_or(Halt::Lost)?
    }};
}

/// A node's part in a rotation.
pub(super) struct Engine<'a> {
    pub(super) service: &'a Service,
    pub(super) node: Uuid,
    /// Wrapped keys, and secrets of our own, that were found not to open.
    pub(super) stuck: (i64, i64),
}

impl<'a> Engine<'a> {
    pub(super) fn new(service: &'a Service, node: Uuid) -> Self {
        Self {
            service,
            node,
            stuck: (0, 0),
        }
    }

    /// Does the next step. False when there is nothing to do any more.
    pub(super) async fn step(&mut self) -> std::result::Result<bool, Halt> {
        leased!(self, "rotation.lease", (), |tx, lease| async move {
            let _held = (&tx, lease);
            Ok(())
        });
        let mut read = self.service.store().read().await?;
        let Some(rotation) = read.rotation_running().await? else {
            return Ok(false);
        };
        let facts = read.rotation_facts(&rotation, self.stuck).await?;
        drop(read);
        let rotation = Arc::new(rotation);
        match next(&facts) {
            Step::Settle => self.settle(rotation).await?,
            Step::Renew => self.renew(rotation).await?,
            Step::Rewrap => self.rewrap().await?,
            Step::RewrapSecret => self.rewrap_secrets(&rotation).await?,
            Step::RetireKeys => {
                leased!(self, "rotation.retire", (), |tx, lease| tx
                    .rotation_retire_keys(&lease));
            }
            Step::RetireGenerations => self.retire_generations().await?,
            Step::Report => {
                report::finish(self, &rotation).await?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits until the key service's quota has a place for a call.
    async fn call(&self) {
        self.service.0.rotation.limit.until_ready().await;
    }

    /// The provider that wraps this rotation's keys.
    fn provider(&self, rotation: &RotationRow) -> Result<&dyn KeyProvider> {
        self.service.keys().provider(&rotation.provider)
    }

    async fn settle(&self, rotation: Arc<RotationRow>) -> std::result::Result<(), Halt> {
        let providers = self.service.keys().providers();
        // One that was taken out again before it had a key holds nothing up: nothing depends on it yet.
        let provider = providers
            .find(&rotation.provider)
            .unwrap_or_else(|| providers.active());
        let unit = &rotation.scale_unit;
        self.call().await;
        let newest = provider.newest_generation(unit).await?;
        let mut read = self.service.store().read().await?;
        let unknown = match newest {
            Some(newest) => (!read.generation_known(&newest.0).await?).then_some(newest),
            None => None,
        };
        let there = read.generation_active_of(unit, provider.name()).await?;
        drop(read);
        // One that a rotation replaced is not kept, whoever called it active again.
        let there = there.filter(|there| !self.service.keys().settled().replaced(there));
        let (generation, made, kept) = match (unknown, provider.lifecycle()) {
            (Some(prepared), _) => (prepared.0, true, String::new()),
            (None, Some(lifecycle)) => {
                self.call().await;
                match lifecycle.new_generation(unit).await {
                    Ok(made) => (made.0, true, String::new()),
                    // The credential is there, and too narrow: the same as none.
                    Err(error @ KeyError::Forbidden { .. }) => (
                        there.ok_or_else(|| no_generation(provider, unit))?,
                        false,
                        error.to_string(),
                    ),
                    Err(error) => return Err(error.into()),
                }
            }
            (None, None) => (
                there.ok_or_else(|| no_generation(provider, unit))?,
                false,
                "no credential is configured that may make root generations".to_owned(),
            ),
        };
        // Nothing depends on it yet: one that does not work is found now.
        self.call().await;
        let id = GenerationId(generation.clone());
        self.service.keys().probe(provider, &id, unit).await?;
        let duty = self.service.duty("rotate keys");
        let name = provider.name();
        leased!(
            self,
            "rotation.settle",
            (rotation, generation, kept, duty),
            |tx, lease| async move {
                let grant = if made {
                    let act = CreateKey {
                        project: None,
                        version: generation.clone(),
                    };
                    let details = [("rotation", rotation.number.to_string())];
                    Some(tx.authorize_with(&duty, act, &details).await?)
                } else {
                    None
                };
                tx.rotation_settle(&lease, &rotation, grant, (&generation, name), &kept)
                    .await
            }
        );
        Ok(())
    }

    /// New keys for some scopes.
    async fn renew(&self, rotation: Arc<RotationRow>) -> std::result::Result<(), Halt> {
        let provider = self.provider(&rotation)?;
        let generation = rotation.generation.clone().unwrap_or_default();
        let mut read = self.service.store().read().await?;
        let old = read.rotation_old_scopes(&rotation, SCOPES).await?;
        drop(read);
        let keys = self.service.keys();
        let mut made: Vec<NewProjectKey> = Vec::with_capacity(old.len());
        let mut kept = Vec::with_capacity(old.len());
        for row in old {
            // A scope has one active key, unless somebody called another one so: one new key drains them all.
            if made.iter().any(|new| new.scope == row.scope) {
                continue;
            }
            let mut read = self.service.store().read().await?;
            let newest = read.project_key_newest_version(row.scope).await?;
            drop(read);
            let version = newest.unwrap_or(0).max(row.version).checked_add(1);
            let version = version.ok_or_else(|| Error::from(Refusal::State))?;
            // It is wrapped, and opened again.
            self.call().await;
            self.call().await;
            let mut key = keys
                .made(
                    provider,
                    &generation,
                    row.scope,
                    version,
                    &rotation.scale_unit,
                )
                .await?;
            key.new.deployment.clone_from(&rotation.deployment);
            made.push(key.new.clone());
            if !row.frozen {
                kept.push(key);
            }
        }
        let duty = self.service.duty("rotate keys");
        let made = Arc::new(made);
        leased!(
            self,
            "rotation.renew",
            (rotation, made, duty),
            |tx, lease| async move {
                for new in made.iter() {
                    let act = CreateKey {
                        project: new.scope.project(),
                        version: new.version.to_string(),
                    };
                    let details = [("rotation", rotation.number.to_string())];
                    let grant = tx.authorize_with(&duty, act, &details).await?;
                    tx.rotation_renew(&lease, grant, &rotation.scale_unit, new)
                        .await?;
                }
                Ok(())
            }
        );
        for key in kept {
            keys.keep(key);
        }
        Ok(())
    }

    /// Goes once through everything that draining keys wrap.
    async fn rewrap(&mut self) -> std::result::Result<(), Halt> {
        let mut stuck = 0;
        let mut after = ProjectKeyId(Uuid::nil());
        loop {
            let mut read = self.service.store().read().await?;
            let Some(from) = read.rotation_draining(after).await? else {
                break;
            };
            let to = read.project_key_active(from.scope).await?;
            drop(read);
            after = from.id;
            let Some(to) = to else {
                // A scope never lacks one by itself. What would take its place is nobody's to guess: it is counted.
                let why = "it is draining, and its scope has no active key";
                self.service
                    .keys()
                    .note(Unverified::key(from.scope, from.id.0, why))
                    .await;
                stuck += self.service.store().read().await?.wraps_of(from.id).await?;
                continue;
            };
            let old = match self.opened(&from).await {
                Ok(old) => Some(old),
                Err(error) if error.of_keys().is_some_and(is_lost) => {
                    tracing::error!(
                        scope = %from.scope.0, version = from.version,
                        error = &error as &dyn std::error::Error,
                        "a project key does not open; what it wraps is left as it is"
                    );
                    None
                }
                Err(error) => return Err(error.into()),
            };
            let new = self.opened(&to).await?;
            stuck += self
                .rewrap_all(Arc::new(from), old.as_deref(), &to, &new)
                .await?;
        }
        self.stuck.0 = stuck;
        Ok(())
    }

    /// Replaces what one key wraps. Says how much does not open.
    async fn rewrap_all(
        &self,
        from: Arc<ProjectKeyRow>,
        old: Option<&ProjectKey>,
        to: &ProjectKeyRow,
        new: &ProjectKey,
    ) -> std::result::Result<i64, Halt> {
        let mut stuck = 0;
        let mut cursor = None;
        loop {
            let mut read = self.service.store().read().await?;
            let after = cursor
                .as_ref()
                .map(|(kind, owner): &(String, Uuid)| (kind.as_str(), *owner));
            let page = read.rotation_page(from.id, after, PAGE).await?;
            drop(read);
            let Some(last) = page.last() else {
                if stuck > 0 && old.is_some() {
                    let thing = Unverified {
                        what: "what a project key wraps",
                        project: from.scope.project(),
                        id: from.id.0.to_string(),
                        why: "a rotation found wraps that do not open; its report counts them",
                    };
                    self.service.keys().note(thing).await;
                }
                return Ok(stuck);
            };
            cursor = Some((last.word.clone(), last.owner));
            let began = tokio::time::Instant::now();
            let mut wraps = Vec::with_capacity(page.len());
            for wrap in page {
                match old.and_then(|old| self.wrapped_again(&from, old, new, &wrap)) {
                    Some((kind, wrapped)) => wraps.push(NewWrap {
                        kind,
                        owner: wrap.owner,
                        was: wrap.wrapped,
                        wrapped,
                    }),
                    None => {
                        stuck += 1;
                        tracing::error!(
                            owner = %wrap.owner, kind = wrap.word,
                            "a wrapped key does not open; it is left as it is"
                        );
                    }
                }
            }
            let (wraps, id) = (Arc::new(wraps), to.id);
            let from = from.clone();
            leased!(
                self,
                "rotation.rewrap",
                (from, wraps),
                |tx, lease| async move { tx.rotation_rewrap(&lease, &from, id, &wraps).await }
            );
            tokio::time::sleep(began.elapsed().min(LONGEST_REST)).await;
        }
    }

    fn wrapped_again(
        &self,
        from: &ProjectKeyRow,
        old: &ProjectKey,
        new: &ProjectKey,
        wrap: &OldWrap,
    ) -> Option<(WrappedKind, Vec<u8>)> {
        let entropy = self.service.entropy();
        let kind = wrap.kind?;
        let wrapped = match kind {
            WrappedKind::SecureFile => {
                let context = self
                    .service
                    .keys()
                    .context(ProjectId(from.scope.0), wrap.owner);
                let preamble = wrap.preamble.as_deref()?;
                old.rewrap_file_key(&wrap.wrapped, preamble, context, new, entropy)
                    .ok()
            }
            kind => old
                .rewrap_own_key(label(kind)?, wrap.owner, &wrap.wrapped, new, entropy)
                .ok(),
        };
        Some((kind, wrapped?))
    }

    /// A project key, unwrapped: from memory where it is kept.
    async fn opened(&self, row: &ProjectKeyRow) -> Result<Arc<ProjectKey>> {
        if !self.service.keys().holds(row) {
            self.call().await;
        }
        self.service.keys().of(row).await
    }

    /// Signing keys stay as they are: what wraps them is made anew.
    async fn rewrap_secrets(
        &mut self,
        rotation: &Arc<RotationRow>,
    ) -> std::result::Result<(), Halt> {
        let provider = self.provider(rotation)?;
        let generation = rotation.generation.clone().unwrap_or_default();
        let old = self
            .service
            .store()
            .read()
            .await?
            .rotation_secrets()
            .await?;
        let mut stuck = 0;
        for old in old {
            let version = old.version;
            let from = self.service.keys().provider(&old.provider)?;
            self.call().await;
            let secret = self.service.signing_secret(from, &old).await;
            let secret = match secret {
                Ok(secret) => secret,
                // Without it nothing is signed, so a rotation that needs it is put off at its report.
                Err(error) if is_lost(&error) || matches!(error, KeyError::Disabled { .. }) => {
                    tracing::error!(
                        version,
                        error = &error as &dyn std::error::Error,
                        "a signing key does not open; it is left as it is"
                    );
                    stuck += 1;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            self.call().await;
            let id = GenerationId(generation.clone());
            let unit = rotation.scale_unit.clone();
            let organization = self.service.organization().id.0;
            let context = SigningKey::context(&unit, organization, version.unsigned_abs());
            let wrapped = provider.wrap(&id, &secret, &context).await?;
            let (key, to) = (Arc::new(old), (id.0, unit));
            leased!(
                self,
                "rotation.secret",
                (key, to, wrapped),
                |tx, lease| async move {
                    tx.rotation_rewrap_secret(&lease, &key, (&to.0, &to.1), &wrapped)
                        .await
                }
            );
        }
        self.stuck.1 = stuck;
        Ok(())
    }

    async fn retire_generations(&self) -> std::result::Result<(), Halt> {
        let duty = self.service.duty("rotate keys");
        leased!(
            self,
            "rotation.retire_generations",
            (duty),
            |tx, lease| async move {
                for generation in tx.generations_empty().await? {
                    let details = [("rotation", lease.number().to_string())];
                    let act = RetireGeneration { generation };
                    let grant = tx.authorize_with(&duty, act, &details).await?;
                    tx.rotation_retire_generation(&lease, grant).await?;
                }
                Ok(())
            }
        );
        Ok(())
    }
}

/// Whether no repetition and no operator brings it back, short of a backup.
fn is_lost(error: &KeyError) -> bool {
    matches!(
        error,
        KeyError::Damaged | KeyError::Commitment | KeyError::UnknownGeneration { .. }
    )
}

fn no_generation(provider: &dyn KeyProvider, unit: &str) -> Error {
    Error::new(
        Kind::Unavailable,
        "keys.no_generation",
        format!(
            "The key provider {} has no root generation for the scale unit {}, and no credential is configured that may make one.",
            provider.name(),
            unit
        ),
    )
}
