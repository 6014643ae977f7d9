//! A look at everything from the host, before or beside a server: what is well, what is not, and what to do about it.
//!
//! It asks the key provider about each root generation that the data needs, by opening what that generation wrapped: so it
//! is known before anything starts which files a copy still opens. Changes nothing.

mod wraps;

use crate::Providers;
use crate::anchor::{AnchorPlace, Found, said, witnesses};
use crate::error::Result;
use crate::purge::{Destroyed, destroyed};
use crate::rotation::{finding, left_behind};
use crate::signing::{RecordKeeper, opened};
use coffer_model::purge::Gone;
use coffer_model::rotation::GenerationState;
use coffer_seal::{
    GenerationId, KeyError, KeyProvider, ProjectKey, ProjectKeyContext, ProjectKeySecret,
    os_entropy,
};
use coffer_store::{NeededKey, Store};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far two clocks may be apart, microseconds.
const APART: i64 = 60_000_000;

/// How something is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Health {
    /// As it should be.
    Well,
    /// Worth knowing.
    Note,
    /// Not as it should be, and nothing is lost by it yet.
    Warning,
    /// Something does not work, or is lost.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What was looked at, in a word or two.
    pub check: &'static str,
    /// How it is.
    pub health: Health,
    /// What was found, and what it means.
    pub what: String,
    /// What to do; empty when there is nothing to do.
    pub next: String,
}

impl Finding {
    /// A finding.
    pub fn new(check: &'static str, health: Health, what: impl Into<String>) -> Self {
        Self {
            check,
            health,
            what: what.into(),
            next: String::new(),
        }
    }

    /// With what to do.
    #[must_use]
    pub fn next(mut self, text: impl Into<String>) -> Self {
        self.next = text.into();
        self
    }
}

/// Looks at database, keys, blobs and anchors. `clock` is this process's own, microseconds since 1970.
///
/// # Errors
/// When the database cannot be read. All else is a finding.
pub async fn examine(
    store: &Store,
    providers: &Providers,
    keeper: Option<&Arc<dyn RecordKeeper>>,
    places: &[Arc<dyn AnchorPlace>],
    clock: i64,
) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    keys(store, providers, &mut found).await?;
    ended(store, providers, &mut found).await?;
    let mut read = store.read().await?;
    let running = read.rotation_running().await?;
    found.push(finding(running.as_ref(), read.now()));
    drop(read);
    blobs(store, &mut found).await?;
    clocks(store, clock, &mut found).await?;
    for witness in witnesses(store, providers, keeper, places).await? {
        found.push(anchor(&witness.place, &witness.found));
    }
    if keeper.is_none() && places.is_empty() {
        found.push(
            Finding::new(
                "anchor",
                Health::Warning,
                "nothing outside the database says how new it is: an old copy is not noticed",
            )
            .next("set keys.anchor_file, best on another machine's disk"),
        );
    }
    Ok(found)
}

/// What one root generation wraps.
#[derive(Default)]
struct Needs<'a> {
    provider: &'a str,
    keys: usize,
    files: i64,
    others: i64,
    /// One key, to be opened.
    sample: Option<&'a NeededKey>,
    retired: i64,
}

async fn keys(store: &Store, providers: &Providers, found: &mut Vec<Finding>) -> Result<()> {
    let mut read = store.read().await?;
    let organization = read.organization().await?;
    let needed = read.needed_keys().await?;
    let recorded = read.generations().await?;
    let signing = read.signing_keys().await?;
    drop(read);
    let Some((organization, _)) = organization else {
        found.push(Finding::new(
            "keys",
            Health::Note,
            "the database is new: nothing is sealed yet",
        ));
        return Ok(());
    };
    let mut generations: BTreeMap<&str, Needs<'_>> = BTreeMap::new();
    for row in &recorded {
        if matches!(
            row.state,
            GenerationState::Active | GenerationState::Draining
        ) {
            // Also one that wraps nothing yet: a rotation goes on with it.
            generations.entry(&row.id).or_default().provider = &row.provider;
        }
    }
    let mut versions: BTreeMap<&str, (usize, i64)> = BTreeMap::new();
    for row in &needed {
        let state = versions.entry(&row.key.state).or_default();
        state.0 += 1;
        state.1 += row.files + row.others;
        // What wraps nothing and never will is not needed.
        if row.key.state == "retired" && row.files + row.others == 0 {
            continue;
        }
        let needs = generations.entry(&row.key.generation).or_default();
        needs.provider = &row.key.provider;
        needs.keys += 1;
        needs.files += row.files;
        needs.others += row.others;
        needs.sample = needs.sample.or(Some(row));
        if row.key.state == "retired" {
            needs.retired += row.files + row.others;
        }
    }
    for (state, (keys, wraps)) in versions {
        let text = format!(
            "{keys} project keys are {state}; they wrap {wraps} keys of files, logs and secrets"
        );
        found.push(Finding::new("key versions", Health::Well, text));
    }
    for (generation, needs) in &generations {
        found.push(
            generation_of(
                providers,
                organization.0,
                generation,
                needs,
                store.scale_unit(),
            )
            .await,
        );
        if needs.retired > 0 {
            found.push(
                Finding::new(
                    "key versions",
                    Health::Problem,
                    format!("{} keys are wrapped by retired versions under {generation}, which are not used any more", needs.retired),
                )
                .next("this must not be: keep a copy of the database as it is, and report it"),
            );
        }
    }
    for (provider, retired) in left_behind(&recorded, store.scale_unit(), providers) {
        found.push(
            Finding::new(
                "root key",
                Health::Warning,
                format!("{retired} retired root keys are at {provider}, which is not configured: the server does not destroy them, and what was deleted opens from older copies as long as they are there"),
            )
            .next(format!("name {provider} in keys.also until keys.horizon_days are over, or destroy them in the key service")),
        );
    }
    wraps::look(store, providers, organization.0, &needed, found).await?;
    for row in signing {
        let opened = match providers.find(&row.provider) {
            Some(provider) => opened(provider, organization.0, &row).await,
            None => Err(KeyError::refused(
                "its provider is not configured: name it in keys.also",
            )),
        };
        if let Ok(key) = &opened {
            wraps::reports(store, key.public_key(), &needed, found).await?;
        }
        found.push(match opened {
            Ok(_) => Finding::new(
                "signing key",
                Health::Well,
                format!("version {} opens", row.version),
            ),
            Err(error) => Finding::new(
                "signing key",
                Health::Problem,
                format!("version {} does not open: {error}", row.version),
            )
            .next("without it nothing new is signed; what was signed stays valid"),
        });
    }
    Ok(())
}

/// A secret wrapped and unwrapped, and not kept.
async fn round_trip(
    provider: &dyn KeyProvider,
    generation: &GenerationId,
    unit: &str,
    organization: uuid::Uuid,
) -> std::result::Result<(), KeyError> {
    let secret = ProjectKeySecret::generate(&os_entropy);
    let context = ProjectKeyContext {
        scale_unit: unit.to_owned(),
        organization,
        project: uuid::Uuid::nil(),
        version: 0,
    };
    let wrapped = provider.wrap(generation, &secret, &context).await?;
    provider
        .unwrap(generation, &wrapped, &context)
        .await
        .map(drop)
}

async fn generation_of(
    providers: &Providers,
    organization: uuid::Uuid,
    generation: &str,
    needs: &Needs<'_>,
    unit: &str,
) -> Finding {
    let what = format!(
        "{generation} at {}: {} files, {} logs and secrets, {} project keys",
        needs.provider, needs.files, needs.others, needs.keys
    );
    let Some(provider) = providers.find(needs.provider) else {
        return Finding::new(
            "root key",
            Health::Problem,
            format!("{what}; this provider is not configured"),
        )
        .next(format!(
            "set keys.provider to {0}, or name {0} in keys.also",
            needs.provider
        ));
    };
    let id = GenerationId(generation.to_owned());
    let opened = match needs.sample {
        Some(sample) => {
            let row = &sample.key;
            let context = ProjectKeyContext {
                scale_unit: row.scale_unit.clone(),
                organization,
                project: row.scope.0,
                version: row.version.unsigned_abs(),
            };
            let unwrapped = provider.unwrap(&id, &row.wrapped, &context).await;
            unwrapped
                .and_then(|secret| ProjectKey::open(&secret, context, &row.commitment).map(drop))
        }
        None => round_trip(provider, &id, unit, organization).await,
    };
    let Err(error) = opened else {
        return Finding::new("root key", Health::Well, format!("{what}; it opens"));
    };
    let lost = format!("these {} files cannot be opened any more", needs.files);
    match error {
        KeyError::Disabled { .. } => Finding::new(
            "root key",
            Health::Problem,
            format!("{what}; it is disabled: it was retired, and nothing opens under it until it is enabled"),
        )
        .next("`coffer key enable`, or enable it in the key service itself; then start the server, which rotates away from it"),
        KeyError::UnknownGeneration { .. } => Finding::new(
            "root key",
            Health::Problem,
            format!("{what}; the provider does not have it: it was destroyed, or this is another key. If it was destroyed, {lost}"),
        )
        .next("put the right key file back, or name the right key service. What was destroyed does not come back: use a newer backup"),
        KeyError::Damaged | KeyError::Commitment => Finding::new(
            "root key",
            Health::Problem,
            format!("{what}; what it wrapped does not open: {error}"),
        )
        .next("somebody may have changed the database: compare it with another backup"),
        error if error.is_passing() => Finding::new(
            "root key",
            Health::Warning,
            format!("{what}; it cannot be told now: {error}"),
        )
        .next("look again when the key service answers"),
        error => Finding::new("root key", Health::Problem, format!("{what}; {error}"))
            .next("give the credential the right to unwrap under it"),
    }
}

/// Whether root keys that were destroyed are gone.
async fn ended(store: &Store, providers: &Providers, found: &mut Vec<Finding>) -> Result<()> {
    let mut for_good = 0;
    for Destroyed {
        id,
        provider,
        gone,
        why,
        ..
    } in destroyed(store, Ok(providers)).await?
    {
        let say = |health, text: String| {
            let text = format!("{id} at {provider} was destroyed; {text}");
            Finding::new("destroyed key", health, text)
        };
        found.push(match gone {
            Gone::ForGood => {
                for_good += 1;
                continue;
            }
            Gone::Until(until) => say(
                Health::Note,
                format!(
                    "whoever operates the key service can bring it back until {}",
                    said(until.0)
                ),
            ),
            Gone::There => say(
                Health::Problem,
                "the key service has it: what it wrapped in older copies can be opened".into(),
            )
            .next("find out who brought it back; then disable and destroy it in the key service"),
            Gone::NotTold => say(
                Health::Note,
                format!(
                    "whether it is gone is not known: {}",
                    why.unwrap_or_default()
                ),
            ),
        });
    }
    if for_good > 0 {
        let text = format!("{for_good} that were destroyed lately are gone for good");
        found.push(Finding::new("destroyed key", Health::Well, text));
    }
    Ok(())
}

async fn blobs(store: &Store, found: &mut Vec<Finding>) -> Result<()> {
    let check = store.blob_check().await?;
    found.push(match check.missing {
        0 => Finding::new(
            "long files",
            Health::Well,
            "each one that is named is there",
        ),
        missing => Finding::new(
            "long files",
            Health::Problem,
            format!("the content of {missing} is missing or was cut"),
        )
        .next("restore blobs/ from the same backup as the database"),
    });
    if check.unknown > 0 {
        found.push(Finding::new(
            "long files",
            Health::Note,
            format!(
                "{} files in blobs/ are named by nothing; they are left alone",
                check.unknown
            ),
        ));
    }
    let expired = store.read().await?.expired_intents().await?;
    if expired > 0 {
        found.push(Finding::new(
            "uploads",
            Health::Note,
            format!(
                "{expired} were given up; the server sweeps them within ten minutes of its start"
            ),
        ));
    }
    Ok(())
}

async fn clocks(store: &Store, clock: i64, found: &mut Vec<Finding>) -> Result<()> {
    let mut read = store.read().await?;
    let (now, newest) = (read.now().0, read.audit_newest_time().await?);
    let apart = (now - clock).abs();
    found.push(if newest - now > APART {
        Finding::new(
            "clock",
            Health::Warning,
            format!(
                "the newest event is {} s ahead of the database's clock",
                (newest - now) / 1_000_000
            ),
        )
        .next("set the clock right: leases, tokens and horizons follow it")
    } else if apart > APART {
        Finding::new(
            "clock",
            Health::Warning,
            format!(
                "this machine and the database are {} s apart",
                apart / 1_000_000
            ),
        )
        .next("set the clocks right: agents sign by the time, leases follow the database")
    } else {
        Finding::new(
            "clock",
            Health::Well,
            "this machine, the database and the newest event agree",
        )
    });
    Ok(())
}

fn anchor(place: &str, found: &Found) -> Finding {
    let said = |health, text: String| Finding::new("anchor", health, format!("{place}: {text}"));
    match found {
        Found::Nothing => said(Health::Note, "it keeps nothing yet".into()),
        Found::Fits { rows, .. } => said(
            Health::Well,
            format!("the database holds the {rows} rows that it says"),
        ),
        Found::Accepted => said(
            Health::Note,
            "the database is behind it, and that was accepted".into(),
        ),
        Found::Unreachable(why) => said(Health::Warning, format!("it cannot be read: {why}"))
            .next("make it reachable; until then an old database is not noticed by it"),
        Found::Ignored(why) => said(
            Health::Warning,
            format!("what it keeps is not believed: {why}"),
        )
        .next("find out who else writes there"),
        Found::Behind { why, .. } => said(Health::Problem, why.clone())
            .next("put the newer database back, or `coffer anchor accept --reason TEXT`"),
    }
}
