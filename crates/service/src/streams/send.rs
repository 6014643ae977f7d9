//! One batch to one target. Accepted means: the target said so, or (syslog, which cannot) took every byte and closed.
//!
//! What goes wrong is told in words without a path, a query, a secret, or anything of the answer but its status.

use super::body;
use super::target::Target;
use aws_lc_rs::hmac;
use coffer_model::{StreamId, Timestamp};
use coffer_outgoing::Outgoing;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zeroize::Zeroizing;

/// A batch takes this long at most, all in all. The node's lease is longer.
const WHOLE: Duration = Duration::from_secs(40);
/// An indexer has this long to acknowledge.
const ACKNOWLEDGE: Duration = Duration::from_secs(20);
/// A syslog target has this long to take what was written and to close.
const DRAIN: Duration = Duration::from_secs(10);

/// Why a batch was not accepted.
#[derive(Debug)]
pub(super) struct NotAccepted {
    /// What happened.
    pub(super) text: String,
    /// What the target asked for, seconds.
    pub(super) after: Option<i64>,
}

impl NotAccepted {
    fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            after: None,
        }
    }
}

impl From<coffer_outgoing::Error> for NotAccepted {
    fn from(error: coffer_outgoing::Error) -> Self {
        Self::new(error.whole_text())
    }
}

/// A stream's target with its secret opened.
pub(super) struct Opened {
    pub(super) stream: StreamId,
    pub(super) target: Target,
    pub(super) secret: Option<Zeroizing<String>>,
}

impl Opened {
    /// Sends entries and waits until they are accepted.
    pub(super) async fn send(
        &self,
        outgoing: &Outgoing,
        entries: &[Value],
        now: Timestamp,
    ) -> Result<(), NotAccepted> {
        let sending = async {
            match &self.target {
                Target::Webhook { url, array } => {
                    self.webhook(outgoing, url, body::webhook(entries, *array), *array, now)
                        .await
                }
                Target::Splunk { .. } => self.splunk(outgoing, entries).await,
                Target::Syslog { host, port, tls } => {
                    syslog(outgoing, (host, *port, *tls), entries).await
                }
            }
        };
        match tokio::time::timeout(WHOLE, sending).await {
            Ok(result) => result,
            Err(_) => Err(NotAccepted::new("the target took too long")),
        }
    }

    fn secret(&self) -> Result<&str, NotAccepted> {
        match &self.secret {
            Some(secret) => Ok(secret),
            None => Err(NotAccepted::new("the stream has no secret")),
        }
    }

    async fn webhook(
        &self,
        outgoing: &Outgoing,
        url: &str,
        body: Vec<u8>,
        array: bool,
        now: Timestamp,
    ) -> Result<(), NotAccepted> {
        let seconds = now.0.div_euclid(1_000_000).to_string();
        let signature = sign(self.secret()?, &seconds, &body);
        let kind = if array {
            "application/json"
        } else {
            "application/x-ndjson"
        };
        let request = Request::post(url)
            .header(CONTENT_TYPE, kind)
            .header("coffer-stream", self.stream.to_string())
            .header("coffer-timestamp", seconds)
            .header("coffer-signature", signature)
            .body(body)
            .map_err(|_| NotAccepted::new("the URL cannot be called"))?;
        accepted(&outgoing.send(request).await?)
    }

    async fn splunk(&self, outgoing: &Outgoing, entries: &[Value]) -> Result<(), NotAccepted> {
        let Target::Splunk { base, options } = &self.target else {
            return Err(NotAccepted::new("the stream has another kind"));
        };
        let (index, sourcetype) = (options.index.as_deref(), options.sourcetype.as_deref());
        let body = body::splunk(entries, index, sourcetype);
        let answer = self
            .collector(outgoing, &format!("{base}/services/collector/event"), body)
            .await?;
        accepted(&answer)?;
        if !options.acknowledge {
            return Ok(());
        }
        let read: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let Some(id) = read["ackId"].as_u64() else {
            return Err(NotAccepted::new(
                "the collector gave no acknowledgement id: switch acknowledgement on for its token, or off here",
            ));
        };
        let asking = async {
            loop {
                let body = json!({ "acks": [id] }).to_string().into_bytes();
                let url = format!("{base}/services/collector/ack");
                let answer = self.collector(outgoing, &url, body).await?;
                accepted(&answer)?;
                let read: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
                if read["acks"][id.to_string()] == true {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        match tokio::time::timeout(ACKNOWLEDGE, asking).await {
            Ok(result) => result,
            Err(_) => Err(NotAccepted::new("the indexer did not acknowledge in time")),
        }
    }

    async fn collector(
        &self,
        outgoing: &Outgoing,
        url: &str,
        body: Vec<u8>,
    ) -> Result<Response<Vec<u8>>, NotAccepted> {
        let mut token = HeaderValue::try_from(format!("Splunk {}", self.secret()?))
            .map_err(|_| NotAccepted::new("the token cannot be sent"))?;
        token.set_sensitive(true);
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, token)
            .header("x-splunk-request-channel", self.stream.to_string())
            .body(body)
            .map_err(|_| NotAccepted::new("the URL cannot be called"))?;
        Ok(outgoing.send(request).await?)
    }
}

/// `v1=` and HMAC-SHA-256 over timestamp, a dot and the body, hex.
fn sign(secret: &str, seconds: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(seconds.as_bytes());
    context.update(b".");
    context.update(body);
    format!("v1={}", hex::encode(context.sign()))
}

fn accepted(answer: &Response<Vec<u8>>) -> Result<(), NotAccepted> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let waits = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    let after = answer
        .headers()
        .get(RETRY_AFTER)
        .filter(|_| waits.contains(&status))
        .and_then(|value| value.to_str().ok()?.parse().ok());
    Err(NotAccepted {
        text: format!("the target answered {}", status.as_u16()),
        after,
    })
}

/// One connection a batch. Syslog acknowledges nothing, so the end of the connection has to: we end our side, and a
/// target that has read everything ends its own. A target that died with unread bytes resets instead.
async fn syslog(
    outgoing: &Outgoing,
    (host, port, tls): (&str, u16, bool),
    entries: &[Value],
) -> Result<(), NotAccepted> {
    let broken = |error: std::io::Error| {
        NotAccepted::new(format!("the connection to {host} broke off: {error}"))
    };
    let body = body::syslog(entries, crate::streams::date);
    let mut connection = outgoing.connect(host, port, tls).await?;
    connection.write_all(&body).await.map_err(broken)?;
    connection.flush().await.map_err(broken)?;
    connection.shutdown().await.map_err(broken)?;
    let drained = async {
        let mut ignored = [0; 256];
        loop {
            match connection.read(&mut ignored).await {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                // Many end TLS without saying so. The bytes before were theirs all the same, and the chain shows a gap.
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(broken(error)),
            }
        }
    };
    match tokio::time::timeout(DRAIN, drained).await {
        Ok(result) => result,
        Err(_) => Err(NotAccepted::new(format!(
            "{host} did not close the connection after the last message"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_time_and_body() {
        // RFC 4231 has no case with our layout; this one was made with another implementation.
        let signature = sign("key", "1", b"body");
        assert_eq!(
            signature,
            "v1=91b5374b153842ad05b2c4eab9349b8321b14703165bd3fb8b034dfb8be98ae5"
        );
    }
}
