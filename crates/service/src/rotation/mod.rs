//! Rotation of keys at every deployment: who begins it, who goes on with it, and what happens when it cannot.
//!
//! Each node looks whether a deployment waits, one node does the rotation under a lease, and the steps are those of
//! [`coffer_model::rotation`]. A rotation that fails is put off and never stops serving. File contents are not touched:
//! only what wraps their keys is made anew. Nothing here knows which key provider it is.

mod engine;
mod horizon;
mod report;
mod standing;
mod view;

pub use standing::RotationStanding;
pub(crate) use standing::finding;
pub use view::{GenerationView, RotationView};

use crate::KeyOptions;
use crate::Service;
use crate::error::{Error, Result, chain};
use coffer_model::EventId;
use coffer_model::act::{FailRotation, StartRotation};
use coffer_model::rotation::{Due, GenerationState, due};
use coffer_seal::KeyError;
use coffer_store::{NewRotation, Refusal, Stop};
use engine::{Engine, Halt};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
pub(crate) use horizon::left_behind;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often a node looks whether there is anything to do.
const EVERY: Duration = Duration::from_secs(1);
/// Looks between two at the horizon.
const HORIZON_EVERY: u32 = 3;
/// The same after a failure.
const HORIZON_AGAIN: u32 = 60;
/// The first pause after a failure, seconds. Each further one is twice as long.
const FIRST_PAUSE: i64 = 5;
/// The longest.
const LONGEST_PAUSE: i64 = 300;
/// The longest text of an error that is kept.
const MOST_ERROR: usize = 400;

/// What the rotations of a service share.
pub(crate) struct Rotation {
    pub(crate) horizon_days: u32,
    /// Calls of the key provider: what its quota leaves beside daily work.
    pub(crate) limit: DefaultDirectRateLimiter,
}

impl Rotation {
    pub(crate) fn new(options: &KeyOptions) -> Self {
        let rate = NonZeroU32::new(options.rotation_rate).unwrap_or(NonZeroU32::MIN);
        Self {
            horizon_days: options.horizon_days,
            limit: RateLimiter::direct(Quota::per_second(rate)),
        }
    }
}

/// Rotations of keys, for people.
pub struct Rotations<'a>(pub(crate) &'a Service);

/// Rotates and ends generations until told to stop.
pub(crate) async fn run(service: &Service, stop: CancellationToken) {
    // On SQLite there is no other node: a restart goes on at once.
    let node = if service.store().is_one_node() {
        Uuid::nil()
    } else {
        EventId::random(service.entropy()).0
    };
    if let Err(error) = service.elsewhere().await {
        tracing::debug!(%error, "looking where root keys are failed");
    }
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut looks = 0_u32;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        // Of rotations that another node ended.
        service.learn_reports().await;
        // What is under way may be dropped at any point: it is taken up again from the database.
        tokio::select! {
            () = stop.cancelled() => {}
            turned = service.rotate(node, &stop) => if let Err(error) = turned {
                tracing::warn!(error = %error, "looking whether keys are to be rotated failed; it is tried again");
            }
        }
        if looks == 0 {
            looks = tokio::select! {
                () = stop.cancelled() => 1,
                well = service.end_generations() => if well { HORIZON_EVERY } else { HORIZON_AGAIN },
            };
        }
        looks -= 1;
        if stop.is_cancelled() {
            let_go(service, node).await;
            return;
        }
    }
}

/// Lets another node go on at once with what this one had under way.
async fn let_go(service: &Service, node: Uuid) {
    let released = service
        .store()
        .write("rotation.release", move |tx| {
            Box::pin(async move { tx.rotation_release(node).await })
        })
        .await;
    if let Err(error) = released {
        tracing::debug!(%error, "the rotation is left to the end of its lease");
    }
}

impl Service {
    pub(crate) fn new_rotation(&self, cause: &'static str) -> NewRotation {
        NewRotation {
            cause,
            deployment: self.deployment().label.clone(),
            scale_unit: self.store().scale_unit().to_owned(),
            provider: self.keys().active_provider().name().to_owned(),
        }
    }

    /// Says once, at the start, what an operator who moved to another provider may not expect: that keys stay where they
    /// are, or that nobody ends the root keys of a provider that is not configured any more.
    async fn elsewhere(&self) -> Result<()> {
        let new = self.new_rotation("deployment");
        let mut read = self.store().read().await?;
        let look = read
            .rotation_look(&new.deployment, &new.provider, Uuid::nil())
            .await?;
        let all = read.generations().await?;
        drop(read);
        let active = all.iter().find(|row| row.state == GenerationState::Active);
        if look.known
            && !look.waiting
            && !look.running
            && let Some(active) = active.filter(|active| active.provider != new.provider)
        {
            tracing::warn!(
                configured = new.provider,
                holds = active.provider,
                deployment = new.deployment,
                "keys stay with the provider that holds them: this deployment was there before with the configured one, and is \
                 not rotated back. To move, set deployment.id to a value that was not used yet and start again"
            );
        }
        let unit = self.store().scale_unit();
        for (provider, generations) in left_behind(&all, unit, self.keys().providers()) {
            tracing::warn!(
                provider,
                generations,
                "retired root keys are held by a provider that is not configured: this server does not destroy them. Name it in \
                 keys.also until keys.horizon_days are over, or destroy them in the key service"
            );
        }
        Ok(())
    }

    /// Begins a rotation if a deployment waits for one, and goes on with what is under way, if that is this node's.
    pub(crate) async fn rotate(&self, node: Uuid, stop: &CancellationToken) -> Result<()> {
        let new = self.new_rotation("deployment");
        let mut read = self.store().read().await?;
        let mut look = read
            .rotation_look(&new.deployment, &new.provider, node)
            .await?;
        drop(read);
        if !look.known {
            let seen = new.clone();
            self.store()
                .write("deployment.seen", move |tx| {
                    let seen = seen.clone();
                    Box::pin(
                        async move { tx.deployment_seen(&seen.deployment, &seen.provider).await },
                    )
                })
                .await?;
            look.waiting = true;
        }
        match due(!look.waiting, look.running) {
            Due::Begin => self.begin_rotation(new).await?,
            Due::Nothing | Due::Wait if !look.free => return Ok(()),
            Due::Nothing | Due::Wait => {}
        }
        self.drive(node, stop).await
    }

    pub(crate) async fn begin_rotation(&self, new: NewRotation) -> Result<()> {
        let duty = self.duty("rotate keys");
        let begun = self
            .store()
            .write("rotation.begin", move |tx| {
                let (duty, new) = (duty.clone(), new.clone());
                Box::pin(async move {
                    let rotation = tx.rotation_next().await?;
                    let details = [
                        ("cause", new.cause.to_owned()),
                        ("deployment", new.deployment.clone()),
                        ("provider", new.provider.clone()),
                    ];
                    let grant = tx
                        .authorize_with(&duty, StartRotation { rotation }, &details)
                        .await?;
                    tx.rotation_begin(grant, &new).await
                })
            })
            .await;
        match begun {
            // Another node was quicker.
            Ok(()) | Err(Stop::Refused(Refusal::State)) => Ok(()),
            Err(stop) => Err(stop.into()),
        }
    }

    /// Goes on with the rotation until it ends, fails, or is another node's.
    pub(crate) async fn drive(&self, node: Uuid, stop: &CancellationToken) -> Result<()> {
        let mut engine = Engine::new(self, node);
        while !stop.is_cancelled() {
            match engine.step().await {
                Ok(true) => {}
                Ok(false) | Err(Halt::Lost) => return Ok(()),
                Err(Halt::Failed(error)) => return self.put_off(node, &error).await,
            }
        }
        Ok(())
    }

    /// A rotation that cannot go on now is tried again later, by any node.
    async fn put_off(&self, node: Uuid, error: &Error) -> Result<()> {
        let Some(row) = self.store().read().await?.rotation_running().await? else {
            return Ok(());
        };
        let text: String = chain(error).chars().take(MOST_ERROR).collect();
        let pause = pause(row.failures, error);
        tracing::warn!(
            rotation = row.number,
            error = text,
            failures = row.failures + 1,
            again_in_seconds = pause,
            "keys could not be rotated now; serving goes on, and the rotation goes on later"
        );
        let duty = self.duty("rotate keys");
        let (number, first) = (row.number, row.failures == 0);
        let noted = self
            .store()
            .write("rotation.failed", move |tx| {
                let (duty, text) = (duty.clone(), text.clone());
                Box::pin(async move {
                    let grant = if first {
                        let act = FailRotation { rotation: number };
                        let details = [("error", text.clone())];
                        Some(tx.authorize_with(&duty, act, &details).await?)
                    } else {
                        None
                    };
                    tx.rotation_failed(grant, number, node, &text, pause).await
                })
            })
            .await;
        match noted {
            // Another node has it by now.
            Ok(()) | Err(Stop::Refused(Refusal::State)) => Ok(()),
            Err(stop) => Err(stop.into()),
        }
    }
}

/// Seconds until it is tried again: longer each time, and as long as the key service wants.
fn pause(failures: i64, error: &Error) -> i64 {
    let pause = FIRST_PAUSE.saturating_mul(1_i64 << failures.clamp(0, 10));
    let wanted = error.of_keys().map_or(0, |error| match error {
        KeyError::Throttled { retry_after } => i64::try_from(retry_after.as_secs()).unwrap_or(0),
        _ => 0,
    });
    pause.min(LONGEST_PAUSE).max(wanted)
}
