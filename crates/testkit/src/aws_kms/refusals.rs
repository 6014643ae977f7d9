//! What the service refuses and moto does: by the state of a key
//! (docs.aws.amazon.com/kms/latest/developerguide/key-state.html), by parameters that do not go together, and because it was
//! only tried (`DryRun`, …/testing-permissions.html). Must not know rights: they are looked at before.

use super::{Shared, TARGET, ask, error};
use axum::body::Bytes;
use axum::response::Response;
use http::HeaderMap;
use serde_json::{Value, json};

/// The refusal, if there is a reason for one.
pub(super) async fn refused(
    shared: &Shared,
    operation: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Option<Response> {
    let asked: Value = serde_json::from_slice(body).ok()?;
    if operation == "CreateKey" {
        let symmetric =
            asked["KeySpec"].as_str().unwrap_or("SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT";
        let text =
            "The key usage SIGN_VERIFY is not compatible with the key spec SYMMETRIC_DEFAULT";
        return (symmetric && asked["KeyUsage"] == "SIGN_VERIFY")
            .then(|| error("ValidationException", text));
    }
    if !matches!(
        operation,
        "Encrypt"
            | "Decrypt"
            | "CreateGrant"
            | "EnableKey"
            | "DisableKey"
            | "ScheduleKeyDeletion"
            | "CancelKeyDeletion"
    ) {
        return None;
    }
    if let Some(refused) = by_state(shared, operation, headers, &asked).await {
        return Some(refused);
    }
    if asked["DryRun"] != true {
        return None;
    }
    if operation != "CreateGrant" {
        let (status, _) = ask(shared, "/", headers, body.clone()).await;
        if !status.is_success() {
            return None; // moto says why
        }
    }
    let text = "The request would have succeeded, but the DryRun option is set.";
    Some(error("DryRunOperationException", text))
}

async fn by_state(
    shared: &Shared,
    operation: &str,
    headers: &HeaderMap,
    asked: &Value,
) -> Option<Response> {
    let mut describe = headers.clone();
    let target = format!("{TARGET}DescribeKey");
    describe.insert("x-amz-target", target.parse().unwrap());
    let question = json!({"KeyId": asked["KeyId"]}).to_string();
    let (_, answer) = ask(shared, "/", &describe, question.into()).await;
    let answer: Value = serde_json::from_slice(&answer).ok()?;
    let key = &answer["KeyMetadata"];
    let arn = key["Arn"].as_str().unwrap_or_default();
    let uses = matches!(operation, "Encrypt" | "Decrypt" | "CreateGrant");
    match (key["KeyState"].as_str()?, operation) {
        ("Disabled", _) if uses => Some(error("DisabledException", &format!("{arn} is disabled."))),
        ("PendingDeletion", "CancelKeyDeletion") => None,
        ("PendingDeletion", _) => {
            let text = format!("{arn} is pending deletion.");
            Some(error("KMSInvalidStateException", &text))
        }
        (_, "CancelKeyDeletion") => {
            let text = format!("{arn} is not pending deletion.");
            Some(error("KMSInvalidStateException", &text))
        }
        _ => None,
    }
}
