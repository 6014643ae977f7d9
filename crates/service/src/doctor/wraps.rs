//! Whether each project key is what its record says, whether what it wraps opens, and whether what is called active may be.
//!
//! Wraps are opened and their keys dropped; no content is opened: that sealed bytes were changed shows when they are read.
//! Names ids, at most some of them.

use super::{Finding, Health};
use crate::Providers;
use crate::error::Result;
use crate::keys::label;
use crate::keys::settled::Settled;
use coffer_seal::{GenerationId, KeyError, ProjectKey, ProjectKeyContext, SealedContext};
use coffer_store::{NeededKey, OldWrap, ProjectKeyRow, Store};
use uuid::Uuid;

/// Wraps read at once.
const PIECE: i64 = 1000;
/// Ids named in one finding.
const NAMED: usize = 5;
/// What to do about something that somebody changed.
const CHANGED: &str =
    "somebody may have changed the database: compare it with a backup, and with the audit log";

/// Looks at every key that is used, and at everything that it wraps.
pub(super) async fn look(
    store: &Store,
    providers: &Providers,
    organization: Uuid,
    needed: &[NeededKey],
    found: &mut Vec<Finding>,
) -> Result<()> {
    let (mut wraps, mut bad) = (0_u64, Vec::new());
    for needed in needed {
        let row = &needed.key;
        if row.state != "active" && needed.files + needed.others == 0 {
            continue;
        }
        let key = match opened(providers, organization, row).await {
            Ok(Some(key)) => key,
            // It is told of the root key why nothing opens under it now.
            Ok(None) => continue,
            Err(error) => {
                let what = format!(
                    "version {} of {}, {}, does not open: {error}",
                    row.version,
                    scope(row),
                    row.id.0
                );
                found.push(Finding::new("project key", Health::Problem, what).next(CHANGED));
                continue;
            }
        };
        let mut after: Option<(String, Uuid)> = None;
        loop {
            let place = after.as_ref().map(|(kind, owner)| (kind.as_str(), *owner));
            let page = store
                .read()
                .await?
                .rotation_page(row.id, place, PIECE)
                .await?;
            let Some(last) = page.last() else { break };
            after = Some((last.word.clone(), last.owner));
            for wrap in page {
                wraps += 1;
                if !opens(&key, organization, row, &wrap) {
                    bad.push(format!("{} {}", wrap.word, wrap.owner));
                }
            }
        }
    }
    found.push(if bad.is_empty() {
        let what = format!("{wraps} keys of files, logs and secrets open");
        Finding::new("wrapped keys", Health::Well, what)
    } else {
        let what = format!("{} of {wraps} do not open: {}", bad.len(), named(&bad));
        Finding::new("wrapped keys", Health::Problem, what).next(CHANGED)
    });
    let missing = store.read().await?.files_without_key().await?;
    if !missing.is_empty() {
        let ids: Vec<_> = missing.iter().map(Uuid::to_string).collect();
        let what = format!("{} files have no wrapped key: {}", ids.len(), named(&ids));
        found.push(Finding::new("wrapped keys", Health::Problem, what).next(CHANGED));
    }
    Ok(())
}

/// Whether the reports of rotations are ours, and nothing active is under a root key that they say was replaced.
pub(super) async fn reports(
    store: &Store,
    public: &[u8; 32],
    needed: &[NeededKey],
    found: &mut Vec<Finding>,
) -> Result<()> {
    let reports = store.read().await?.rotation_reports(0).await?;
    let settled = Settled::default();
    let foreign = settled.learn(&reports, public);
    if !foreign.is_empty() {
        let numbers: Vec<_> = foreign.iter().map(i64::to_string).collect();
        let what = format!(
            "{} reports of rotations are not what the signing key signed: records {}",
            foreign.len(),
            named(&numbers)
        );
        found.push(Finding::new("rotation reports", Health::Problem, what).next(CHANGED));
    }
    for NeededKey { key, .. } in needed {
        if key.state == "active" && settled.replaced(&key.generation) {
            let what = format!(
                "version {} of {} is called active under {}, which a rotation has replaced; nothing new is sealed under it",
                key.version,
                scope(key),
                key.generation
            );
            found.push(Finding::new("project key", Health::Problem, what).next(
                "somebody may have changed the database; rotate the keys: `coffer key rotate`",
            ));
        }
    }
    Ok(())
}

/// The key of a row; none when its provider cannot say.
async fn opened(
    providers: &Providers,
    organization: Uuid,
    row: &ProjectKeyRow,
) -> std::result::Result<Option<ProjectKey>, KeyError> {
    let Some(provider) = providers.find(&row.provider) else {
        return Ok(None);
    };
    let context = ProjectKeyContext {
        scale_unit: row.scale_unit.clone(),
        organization,
        project: row.scope.0,
        version: row.version.unsigned_abs(),
    };
    let generation = GenerationId(row.generation.clone());
    let secret = provider.unwrap(&generation, &row.wrapped, &context).await;
    match secret.and_then(|secret| ProjectKey::open(&secret, context, &row.commitment)) {
        Ok(key) => Ok(Some(key)),
        Err(error) if crate::keys::unverified::why(&error).is_some() => Err(error),
        Err(_) => Ok(None),
    }
}

fn opens(key: &ProjectKey, organization: Uuid, row: &ProjectKeyRow, wrap: &OldWrap) -> bool {
    let context = SealedContext {
        organization,
        project: row.scope.0,
        file: wrap.owner,
    };
    match (wrap.kind, wrap.kind.and_then(label), &wrap.preamble) {
        (Some(_), Some(label), _) => key.unwrap_own_key(label, wrap.owner, &wrap.wrapped).is_ok(),
        (Some(_), None, Some(preamble)) => key
            .unwrap_file_key(&wrap.wrapped, preamble, context)
            .is_ok(),
        _ => false,
    }
}

fn scope(row: &ProjectKeyRow) -> String {
    match row.scope.project() {
        Some(project) => format!("the key of project {project}"),
        None => "the organization's key".to_owned(),
    }
}

fn named(all: &[String]) -> String {
    let mut text = all[..all.len().min(NAMED)].join(", ");
    if all.len() > NAMED {
        text.push_str(&format!(" and {} more", all.len() - NAMED));
    }
    text
}
