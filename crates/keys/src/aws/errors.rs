//! What the service's and the SDK's errors mean to us.
//!
//! Codes: docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html and the errors of each operation there.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use coffer_seal::KeyError;

use crate::asked::{Doing, chain};

/// KMS says that it had too many calls, and not for how long: its quotas are per second.
const PAUSE: Duration = Duration::from_secs(2);
/// Nobody is left alone for longer than this on the word of what stands before it, such as an endpoint of the network's own.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// An answer that KMS does not give.
pub(super) fn strange() -> KeyError {
    KeyError::Unavailable {
        hint: "the answer of AWS KMS is not understood; check the configured endpoint".into(),
        source: None,
    }
}

pub(super) fn told<E>(error: &SdkError<E>, doing: Doing<'_>, credential: &str) -> KeyError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let not_signed_in = || KeyError::Forbidden {
        right: "sign in",
        hint: format!(
            "the {credential} credential is not accepted, or there is none; check the profile, the role and that it has \
             not expired"
        ),
    };
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let pause = answer
                .raw()
                .headers()
                .get("retry-after")
                .and_then(|seconds| seconds.parse().ok())
                .map_or(PAUSE, |seconds| {
                    Duration::from_secs(seconds).min(LONGEST_PAUSE)
                });
            match answer.err().code().unwrap_or_default() {
                "UnrecognizedClientException"
                | "InvalidClientTokenId"
                | "ExpiredTokenException"
                | "InvalidSignatureException"
                | "SignatureDoesNotMatch"
                | "IncompleteSignature"
                | "MissingAuthenticationToken"
                | "OptInRequired" => not_signed_in(),
                code => service(code, (status, pause), doing, credential),
            }
        }
        SdkError::TimeoutError(_) => KeyError::Unavailable {
            hint: "AWS KMS did not answer in time".into(),
            source: None,
        },
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            None => not_signed_in(),
            // Nothing was sent when there was nothing to sign it with.
            Some(error) => match credentials(error) {
                None => {
                    let hint = "AWS KMS cannot be reached; check the network";
                    KeyError::unavailable(hint, chain(error))
                }
                Some(
                    CredentialsError::ProviderTimedOut(_)
                    | CredentialsError::ProviderError(_)
                    | CredentialsError::Unhandled(_),
                ) => KeyError::Unavailable {
                    hint: format!(
                        "AWS does not hand out the {credential} credential; check its role, and the service that knows it"
                    ),
                    source: None,
                },
                Some(_) => not_signed_in(),
            },
        },
        SdkError::ConstructionFailure(_) => not_signed_in(),
        _ => strange(),
    }
}

fn service(
    code: &str,
    (status, pause): (u16, Duration),
    doing: Doing<'_>,
    credential: &str,
) -> KeyError {
    if status < 400 {
        return strange();
    }
    match code {
        "AccessDeniedException" | "AccessDenied" => KeyError::Forbidden {
            right: doing.right,
            hint: format!(
                "give the {credential} credential the action `{}` in its policy and in the key's",
                doing.permission
            ),
        },
        "ThrottlingException"
        | "Throttling"
        | "RequestLimitExceeded"
        | "TooManyRequestsException" => KeyError::Throttled { retry_after: pause },
        "DisabledException" => KeyError::Disabled {
            generation: doing.generation(),
        },
        // Scheduled for deletion: for everybody but its operators it is gone.
        "NotFoundException" | "KMSInvalidStateException" => KeyError::UnknownGeneration {
            generation: doing.generation(),
        },
        "InvalidCiphertextException" | "IncorrectKeyException" => KeyError::Damaged,
        "LimitExceededException" => KeyError::refused(
            "the account has as many KMS keys or aliases as its quota allows; have the quota raised",
        ),
        "KMSInternalException"
        | "DependencyTimeoutException"
        | "KeyUnavailableException"
        | "InternalFailure"
        | "ServiceUnavailable" => unavailable(status),
        _ if status >= 500 || status == 408 => unavailable(status),
        _ if status == 429 => KeyError::Throttled { retry_after: pause },
        code => {
            // A name of the service, and no more than a name.
            let name: String = code
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .take(64)
                .collect();
            KeyError::refused(format!(
                "AWS KMS answers {status} {name} when asked to {}",
                doing.right
            ))
        }
    }
}

fn unavailable(status: u16) -> KeyError {
    KeyError::Unavailable {
        hint: format!("AWS KMS answers {status}"),
        source: None,
    }
}

/// Why there are no credentials, if that is why.
fn credentials<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CredentialsError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}
