//! The end of a rotation: its report, signed like every statement about the log, and stored with the end itself.

use super::engine::{Engine, Halt, LEASE_SECONDS};
use crate::error::Error;
use crate::signing::state;
use coffer_model::act::{FinishRotation, SignRecord};
use coffer_model::record::Kind;
use coffer_model::rotation::GenerationState;
use coffer_model::statement::RotationReport;
use coffer_store::{GenerationRow, Refusal, RotationRow, Stop};
use std::sync::Arc;

/// Other nodes may take a record's number first; this often is enough.
const TRIES: usize = 8;

/// Signs the report and ends the rotation.
pub(super) async fn finish(engine: &Engine<'_>, rotation: &RotationRow) -> Result<(), Halt> {
    let service = engine.service;
    for _ in 0..TRIES {
        let mut read = service.store().read().await?;
        let time = read.now().0;
        let generations = read.generations().await?;
        let from = generations.iter().find(|row| row.id == rotation.from);
        let astray = read.rotation_astray().await?;
        let stuck = engine.stuck.0 + astray;
        let report = Arc::new(RotationReport {
            rotation: rotation.number,
            cause: rotation.cause.clone(),
            deployments: read.rotation_deployments(rotation.number).await?,
            provider: rotation.provider.clone(),
            from: rotation.from.clone(),
            from_provider: from.map_or_else(String::new, |from| from.provider.clone()),
            generation: rotation.generation.clone().unwrap_or_default(),
            keys: rotation.keys_made,
            wraps: rotation.wraps,
            secrets: rotation.secrets,
            retired_keys: rotation.keys_retired,
            retired_generations: rotation.generations_retired,
            left: stuck,
            not_rotated: not_rotated(engine, rotation, astray, &generations),
            began: rotation.began.0,
            ended: time,
        });
        let state = state(&mut read).await?;
        drop(read);
        let signed = Arc::new(
            service
                .draft(Kind::Rotation, &report.text(), &state, time)
                .await?,
        );
        let tree = Arc::new(state.tree);
        let duty = service.duty("rotate keys");
        let node = engine.node;
        let (told, stored) = (report.clone(), signed.clone());
        let ended = service
            .store()
            .write("rotation.finish", move |tx| {
                let (duty, signed, tree, report) =
                    (duty.clone(), stored.clone(), tree.clone(), told.clone());
                Box::pin(async move {
                    let Some(lease) = tx.rotation_lease(node, LEASE_SECONDS).await? else {
                        return Ok(false);
                    };
                    let act = FinishRotation {
                        rotation: report.rotation,
                    };
                    let details = [
                        ("generation", report.generation.clone()),
                        ("keys", report.keys.to_string()),
                        ("wraps", report.wraps.to_string()),
                        ("retiredKeys", report.retired_keys.to_string()),
                        ("left", report.left.to_string()),
                        ("record", signed.record.number.to_string()),
                    ];
                    let grant = tx.authorize_with(&duty, act, &details).await?;
                    let act = SignRecord {
                        kind: Kind::Rotation.word(),
                        number: signed.record.number,
                    };
                    let details = [
                        ("kind", act.kind.to_owned()),
                        ("rows", signed.record.sequence.to_string()),
                        ("root", hex::encode(signed.record.root)),
                    ];
                    let sign = tx.authorize_with(&duty, act, &details).await?;
                    tx.rotation_finish(lease, grant, sign, &signed, &tree, stuck)
                        .await?;
                    Ok(true)
                })
            })
            .await;
        match ended {
            Ok(true) => {
                service.0.guard.due();
                // From now on, what it replaced wraps nothing new on this node.
                service.learn_reports().await;
                tracing::info!(
                    rotation = report.rotation,
                    generation = report.generation,
                    keys = report.keys,
                    wraps = report.wraps,
                    left = report.left,
                    record = signed.record.number,
                    "keys are rotated"
                );
                // The places outside learn of it now, and not only when they are due.
                if let Err(error) = service.watch_anchors(true).await {
                    tracing::warn!(%error, "anchoring the rotation failed; it is tried again");
                }
                return Ok(());
            }
            Ok(false) => return Err(Halt::Lost),
            // Another node signed something meanwhile.
            Err(Stop::Refused(Refusal::State)) => {}
            Err(stop) => return Err(stop.into()),
        }
    }
    Err(Halt::Failed(Error::from(Refusal::State)))
}

/// What is left as it was, and why.
fn not_rotated(
    engine: &Engine<'_>,
    rotation: &RotationRow,
    astray: i64,
    generations: &[GenerationRow],
) -> Vec<String> {
    let mut left = Vec::new();
    if !rotation.kept.is_empty() {
        left.push(format!("root generation: {}", rotation.kept));
    }
    if engine.stuck.0 > 0 {
        left.push(format!(
            "{} wrapped keys: they do not open, so their versions drain on",
            engine.stuck.0
        ));
    }
    if engine.stuck.1 > 0 {
        left.push(format!(
            "{} signing keys: they do not open, or are another scale unit's",
            engine.stuck.1
        ));
    }
    if astray > 0 {
        left.push(format!(
            "{astray} wrapped keys: they were put under versions that are retired, which open nothing"
        ));
    }
    for generation in generations {
        if generation.state == GenerationState::Draining {
            left.push(format!(
                "root generation {}: something still needs it",
                generation.id
            ));
        }
    }
    left
}
