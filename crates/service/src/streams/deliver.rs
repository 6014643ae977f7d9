//! Sends the log to its streams: one node a stream, in the order of the chain, at least once.
//!
//! A batch is read after the cursor, sent, and only when it was accepted the cursor moves, by whoever still has the
//! lease. A failure waits longer each time. Nothing of the product waits for a target: each stream has a task of its
//! own, and the units of work are short.

use super::send::NotAccepted;
use super::{body, opened};
use crate::Service;
use crate::error::Result;
use coffer_model::act::DisableFailingStream;
use coffer_model::{Entropy, StreamId, Timestamp};
use coffer_store::StreamRow;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often streams are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Longer than a batch can take.
const LEASE_SECONDS: i64 = 60;
/// Events of a batch at most.
const MOST_EVENTS: i64 = 200;
/// Bytes of a batch at most, unless one event alone is longer.
const MOST_BYTES: usize = 512 * 1024;
/// The longest pause after a failure, seconds.
const LONGEST_PAUSE: i64 = 300;
/// A stream that has only failed for this long is switched off.
const GIVE_UP_SECONDS: i64 = 7 * 24 * 3600;
/// The longest text of an error that is kept.
const MOST_ERROR: usize = 400;
/// What is under way when the server stops has this long.
const AT_THE_END: Duration = Duration::from_secs(5);

/// Sends until told to stop.
pub(crate) async fn run(service: &Service, stop: CancellationToken) {
    // On SQLite there is no other node: a restart goes on at once.
    let node = if service.store().is_one_node() {
        Uuid::nil()
    } else {
        coffer_model::EventId::random(service.entropy()).0
    };
    let mut tasks: HashMap<StreamId, JoinHandle<()>> = HashMap::new();
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {}
        }
        tasks.retain(|_, task| !task.is_finished());
        let due = async { service.store().read().await?.streams_due(node).await };
        match due.await {
            Ok(due) => {
                for stream in due {
                    tasks.entry(stream).or_insert_with(|| {
                        let (service, stop) = (service.clone(), stop.clone());
                        tokio::spawn(async move { drain(&service, stream, node, &stop).await })
                    });
                }
            }
            Err(error) => {
                tracing::warn!(error = %error, "looking at audit streams failed; it is tried again");
            }
        }
    }
    let handles: Vec<_> = tasks.values().map(JoinHandle::abort_handle).collect();
    let ended = futures_util::future::join_all(tasks.into_values());
    if tokio::time::timeout(AT_THE_END, ended).await.is_err() {
        tracing::debug!("a batch of an audit stream was under way; it is sent again");
        handles.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

/// Sends what there is to a stream, batch by batch.
async fn drain(service: &Service, stream: StreamId, node: Uuid, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match batch(service, stream, node).await {
            Ok(Step::More) => {}
            Ok(Step::Enough) => return,
            Err(error) => {
                tracing::warn!(stream = %stream, error = %error, "an audit stream could not be sent to; it is tried again");
                return;
            }
        }
    }
}

enum Step {
    /// There may be more.
    More,
    /// Nothing more now, or it is somebody else's, or it failed.
    Enough,
}

async fn batch(service: &Service, stream: StreamId, node: Uuid) -> Result<Step> {
    let leased = service
        .store()
        .write("audit_stream.lease", move |tx| {
            Box::pin(async move { tx.stream_lease(stream, node, LEASE_SECONDS).await })
        })
        .await?;
    let Some(row) = leased else {
        return Ok(Step::Enough);
    };
    let mut read = service.store().read().await?;
    let now = read.now();
    let events = read.audit_linked(row.cursor, MOST_EVENTS).await?;
    drop(read);
    let mut entries: Vec<Value> = Vec::with_capacity(events.len());
    let (mut bytes, mut last) = (0, None);
    for event in &events {
        let entry = body::entry(event);
        bytes += entry.to_string().len();
        if bytes > MOST_BYTES && !entries.is_empty() {
            break;
        }
        entries.push(entry);
        last = event.sequence;
    }
    // Events that retention has removed are not sent: then the cursor goes over them.
    let Some(last) = last else {
        advance(service, stream, node, row.head).await?;
        return Ok(Step::Enough);
    };
    let sent = match opened(service, &row).await {
        Ok(target) => target.send(service.outgoing(), &entries, now).await,
        Err(error) => Err(NotAccepted {
            text: format!("its secret cannot be opened: {}", error.message),
            after: None,
        }),
    };
    match sent {
        Ok(()) => {
            let mine = advance(service, stream, node, last).await?;
            Ok(if mine && last < row.head {
                Step::More
            } else {
                Step::Enough
            })
        }
        Err(refused) => {
            failed(service, &row, node, refused, now).await?;
            Ok(Step::Enough)
        }
    }
}

async fn advance(service: &Service, stream: StreamId, node: Uuid, to: i64) -> Result<bool> {
    Ok(service
        .store()
        .write("audit_stream.advance", move |tx| {
            Box::pin(async move { tx.stream_advance(stream, node, to).await })
        })
        .await?)
}

async fn failed(
    service: &Service,
    row: &StreamRow,
    node: Uuid,
    refused: NotAccepted,
    now: Timestamp,
) -> Result<()> {
    let stream = row.id;
    let text: String = refused.text.chars().take(MOST_ERROR).collect();
    tracing::warn!(stream = %stream, error = text, failures = row.failures + 1, "an audit stream's target did not accept");
    let after = pause(row.failures, refused.after, service.entropy());
    service
        .store()
        .write("audit_stream.failed", move |tx| {
            let text = text.clone();
            Box::pin(async move { tx.stream_failed(stream, node, &text, after).await })
        })
        .await?;
    let given_up = row
        .failing_since
        .is_some_and(|since| since.plus_seconds(GIVE_UP_SECONDS) < now);
    if given_up {
        switch_off(service, row).await?;
    }
    Ok(())
}

async fn switch_off(service: &Service, row: &StreamRow) -> Result<()> {
    let (stream, name) = (row.id, row.setting.name.clone());
    let caller = service.duty("send audit streams");
    service
        .store()
        .write("audit_stream.switch_off", move |tx| {
            let (caller, name) = (caller.clone(), name.clone());
            Box::pin(async move {
                let act = DisableFailingStream { stream };
                let grant = tx.authorize_with(&caller, act, &[("name", name)]).await?;
                tx.stream_switch_off(grant, stream).await
            })
        })
        .await?;
    Ok(())
}

/// Seconds until the next try: twice as long each time, up to five minutes, a random half of it; longer if the target
/// asks. It is kept in the database, for a restart and for other nodes, which is why no library in memory does it.
fn pause(failures: i64, asked: Option<i64>, entropy: &Entropy) -> i64 {
    let most = 1_i64 << failures.clamp(1, 9);
    let most = most.min(LONGEST_PAUSE);
    let mut random = [0; 2];
    entropy(&mut random);
    let half = (most / 2).max(1);
    let jitter = i64::from(u16::from_be_bytes(random)) % (half + 1);
    (half + jitter).max(asked.unwrap_or(0).clamp(0, LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_stay_within_bounds_and_follow_the_target() {
        let least = |buffer: &mut [u8]| buffer.fill(0);
        let most = |buffer: &mut [u8]| buffer.fill(0xff);
        assert_eq!(pause(0, None, &least), 1);
        assert!(pause(3, None, &most) > pause(2, None, &least));
        for failures in 0..100 {
            for entropy in [&least as &Entropy, &most] {
                let seconds = pause(failures, None, entropy);
                assert!(
                    (1..=LONGEST_PAUSE).contains(&seconds),
                    "{failures}: {seconds}"
                );
            }
        }
        assert_eq!(pause(0, Some(120), &least), 120);
        assert_eq!(pause(0, Some(i64::MAX), &least), LONGEST_PAUSE);
        assert_eq!(pause(0, Some(-5), &least), 1);
    }
}
