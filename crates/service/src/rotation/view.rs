//! Keys for people: root generations with what still sits under each, rotations with how far they are and the report they
//! ended in, and rotating by hand.

use super::Rotations;
use crate::error::{Error, KEYS, Kind, ROTATION, Result};
use crate::reason::reason;
use coffer_model::act::{RequestRotation, StartRotation, ViewKeys};
use coffer_model::record::Signed;
use coffer_model::rotation::GenerationState;
use coffer_model::{Caller, Timestamp};
use coffer_store::{
    GenerationRow, GenerationUse, ReadTx, Refusal, RotationLeft, RotationRow, Stop,
};

/// Rotations listed.
const MOST_LISTED: i64 = 50;

/// A rotation, as people see it.
#[derive(Clone, Debug)]
pub struct RotationView {
    /// What is stored of it.
    pub row: RotationRow,
    /// The deployments it is for.
    pub deployments: Vec<String>,
    /// What it has still to do, while it is under way.
    pub left: Option<RotationLeft>,
    /// Its signed report, once it has ended.
    pub report: Option<Signed>,
}

/// A root generation, as people see it.
#[derive(Clone, Debug)]
pub struct GenerationView {
    /// What is stored of it.
    pub row: GenerationRow,
    /// What still sits under it.
    pub used: GenerationUse,
    /// It is destroyed after this, if it has retired and is not destroyed yet.
    pub destroyed_after: Option<Timestamp>,
    /// Whether the server has the credential to end it. If not, somebody does it in the key service.
    pub ended_here: bool,
}

impl Rotations<'_> {
    /// Has all keys rotated now, without a new deployment. It goes on in the background; answers with its number.
    pub async fn request(&self, caller: &Caller, why: &str) -> Result<i64> {
        let service = self.0;
        let why = reason("A rotation by hand", why)?;
        let (caller, duty) = (caller.clone(), service.duty("rotate keys"));
        let organization = service.organization().id;
        let new = service.new_rotation("request");
        service
            .store()
            .write("rotation.request", move |tx| {
                let (caller, duty, new) = (caller.clone(), duty.clone(), new.clone());
                let details = [("why", why.clone())];
                Box::pin(async move {
                    let asked = tx
                        .authorize_with(&caller, RequestRotation { organization }, &details)
                        .await?;
                    let rotation = tx.rotation_next().await?;
                    let details = [
                        ("cause", new.cause.to_owned()),
                        ("provider", new.provider.clone()),
                        ("follows", asked.event().to_string()),
                    ];
                    let grant = tx
                        .authorize_with(&duty, StartRotation { rotation }, &details)
                        .await?;
                    tx.rotation_begin(grant, &new).await?;
                    Ok(rotation)
                })
            })
            .await
            .map_err(|stop| match stop {
                Stop::Refused(Refusal::State) => Error::new(
                    Kind::Conflict,
                    "keys.rotating",
                    "Keys are being rotated already. Ask again when that has ended.",
                )
                .hint("`coffer key list` shows how far it is."),
                stop => Error::from(stop).about(&KEYS),
            })
    }

    /// The newest rotations, newest first.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<RotationView>> {
        let organization = self.0.organization().id;
        let mut read = self.0.store().read().await?;
        let looked = read.look(caller, ViewKeys { organization }).await;
        let seen = looked.map_err(|stop| Error::from(stop).about(&KEYS))?;
        let rows = read.rotations(&seen, MOST_LISTED).await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            views.push(view(&mut read, row).await?);
        }
        Ok(views)
    }

    /// One rotation.
    pub async fn one(&self, caller: &Caller, number: i64) -> Result<RotationView> {
        let organization = self.0.organization().id;
        let mut read = self.0.store().read().await?;
        let looked = read.look(caller, ViewKeys { organization }).await;
        let seen = looked.map_err(|stop| Error::from(stop).about(&ROTATION))?;
        let row = read.rotation(&seen, number).await?;
        let row = row.ok_or_else(|| Error::from(Refusal::NotFound).about(&ROTATION))?;
        view(&mut read, row).await
    }

    /// Every root generation there was, newest first.
    pub async fn generations(&self, caller: &Caller) -> Result<Vec<GenerationView>> {
        let service = self.0;
        let organization = service.organization().id;
        let mut read = service.store().read().await?;
        let looked = read.look(caller, ViewKeys { organization }).await;
        looked.map_err(|stop| Error::from(stop).about(&KEYS))?;
        let mut uses = read.generation_uses().await?;
        let mut rows = read.generations().await?;
        rows.reverse();
        Ok(rows
            .into_iter()
            .map(|row| GenerationView {
                used: uses.remove(&row.id).unwrap_or_default(),
                destroyed_after: row
                    .retired
                    .filter(|_| row.state != GenerationState::Destroyed)
                    .map(|retired| retired.plus_seconds(service.horizon().seconds)),
                ended_here: row.scale_unit == service.store().scale_unit()
                    && service
                        .keys()
                        .provider(&row.provider)
                        .is_ok_and(|provider| provider.lifecycle().is_some()),
                row,
            })
            .collect())
    }
}

async fn view(read: &mut ReadTx, row: RotationRow) -> Result<RotationView> {
    let deployments = read.rotation_deployments(row.number).await?;
    let left = match row.running {
        true => Some(read.rotation_left(row.number).await?),
        false => None,
    };
    let report = match row.record {
        Some(record) => read.record(record).await?,
        None => None,
    };
    Ok(RotationView {
        row,
        deployments,
        left,
        report,
    })
}
