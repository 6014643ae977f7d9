//! What the vault's and the SDK's errors mean to us. Bodies of answers do not go into messages: some hold keys.
//!
//! Codes: learn.microsoft.com/azure/key-vault/general/rest-error-codes; inner codes as the service answers them.

use std::time::Duration;

use azure_core::error::{Error, ErrorKind};
use azure_core::http::StatusCode;
use azure_core::http::headers::RETRY_AFTER;
use azure_core::http::response::RawResponse;
use coffer_seal::KeyError;
use serde_json::Value;

use crate::asked::{Doing, chain};

/// When the service says that it is busy and not for how long.
const PAUSE: Duration = Duration::from_secs(10);
/// Nobody is left alone for longer than this on the service's word.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// An answer that no vault gives.
pub(super) fn strange() -> KeyError {
    KeyError::Unavailable {
        hint: "the vault's answer is not understood; check that the address is a key vault's"
            .into(),
        source: None,
    }
}

pub(super) fn told(error: &Error, doing: Doing<'_>, credential: &str, vault: &str) -> KeyError {
    match error.kind() {
        ErrorKind::HttpResponse {
            status,
            raw_response,
            ..
        } => answered(*status, raw_response.as_deref(), doing, credential, vault),
        ErrorKind::Credential => no_token(error, credential),
        ErrorKind::Connection | ErrorKind::Io => KeyError::unavailable(
            format!("{vault} cannot be reached; check the network and the vault's firewall"),
            chain(error),
        ),
        _ => match error.downcast_ref::<Error>() {
            // The pipeline puts sentences around what went wrong.
            Some(inner) => told(inner, doing, credential, vault),
            None => strange(),
        },
    }
}

fn answered(
    status: StatusCode,
    answer: Option<&RawResponse>,
    doing: Doing<'_>,
    credential: &str,
    vault: &str,
) -> KeyError {
    let pause = answer.and_then(|answer| {
        let seconds = answer.headers().get_optional_str(&RETRY_AFTER)?.parse();
        Some(Duration::from_secs(seconds.ok()?).min(LONGEST_PAUSE))
    });
    let code = inner_code(answer);
    match (u16::from(status), code.as_deref()) {
        (429, _) => KeyError::Throttled {
            retry_after: pause.unwrap_or(PAUSE),
        },
        (503, _) if pause.is_some() => KeyError::Throttled {
            retry_after: pause.unwrap_or(PAUSE),
        },
        (403, Some("KeyDisabled")) => KeyError::Disabled {
            generation: doing.generation(),
        },
        (403, Some("KeyExpired" | "KeyNotYetValid")) => KeyError::refused(format!(
            "the root generation {} is outside of the time that its key is valid for; take `exp` and `nbf` off the key \
             in {vault}, Coffer ends keys itself",
            doing.generation()
        )),
        (403, Some("ForbiddenByFirewall" | "ForbiddenByConnection")) => KeyError::Forbidden {
            right: doing.right,
            hint: format!(
                "the firewall of {vault} does not let this machine in; add its address or a private endpoint"
            ),
        },
        // The SDK keeps a token until it expires.
        (401, _) => KeyError::Forbidden {
            right: "sign in",
            hint: format!(
                "{vault} does not take the access token of the {credential} credential; check that the vault trusts its \
                 tenant, and restart Coffer if its access was withdrawn and given back"
            ),
        },
        (403, _) => KeyError::Forbidden {
            right: doing.right,
            hint: format!(
                "give the {credential} credential the key permission `{}` in {vault}",
                doing.permission
            ),
        },
        (404, _) => KeyError::UnknownGeneration {
            generation: doing.generation(),
        },
        (409, Some("ObjectIsDeletedButRecoverable")) => KeyError::refused(format!(
            "a deleted key of this name waits in {vault}; recover or purge it"
        )),
        (409, _) | (408 | 500.., _) => KeyError::Unavailable {
            hint: format!("{vault} answers {}", u16::from(status)),
            source: None,
        },
        (400, _) if doing.permission == "unwrapKey" => KeyError::Damaged,
        _ => KeyError::refused(format!(
            "{vault} answers {} when asked to {}; check the vault's log",
            u16::from(status),
            doing.right
        )),
    }
}

/// The innermost code of an error's body.
fn inner_code(answer: Option<&RawResponse>) -> Option<String> {
    let body: Value = serde_json::from_slice(answer?.body().as_ref()).ok()?;
    let mut error = &body["error"];
    while error["innererror"].is_object() {
        error = &error["innererror"];
    }
    error["code"].as_str().map(str::to_owned)
}

/// No access token was to be had.
fn no_token(error: &Error, credential: &str) -> KeyError {
    let refused = || KeyError::Forbidden {
        right: "sign in",
        hint: format!(
            "the {credential} credential is not accepted; check its tenant, its client id and that its secret or token \
             has not expired"
        ),
    };
    let Some(inner) = innermost(error) else {
        return refused();
    };
    match inner.kind() {
        ErrorKind::HttpResponse { status, .. } => match u16::from(*status) {
            429 => KeyError::Throttled { retry_after: PAUSE },
            408 | 500.. => KeyError::Unavailable {
                hint: format!("the sign-in of the {credential} credential answers {status}"),
                source: None,
            },
            _ => refused(),
        },
        ErrorKind::Connection | ErrorKind::Io => KeyError::unavailable(
            format!("the sign-in of the {credential} credential cannot be reached"),
            chain(inner),
        ),
        _ => refused(),
    }
}

/// The SDK's own error that is farthest inside.
fn innermost(error: &Error) -> Option<&Error> {
    let mut inner = error.downcast_ref::<Error>()?;
    while let Some(next) = inner.downcast_ref::<Error>() {
        inner = next;
    }
    Some(inner)
}
