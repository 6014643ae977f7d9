//! The REST interface of the double: who may, what fails, and the answers. The shapes of errors are those of the service:
//! learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses and …/rest-error-codes.

use super::keys::{Key, Refusal, Version};
use super::{RESOURCE, Shared, State, TENANT, VaultFault, identity, now};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State as Extract;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

/// What the SDK asks for; another version may have other shapes.
const API_VERSION: &str = "2025-07-01";
/// Keys on a page of a list: few, so that clients have to turn pages.
const PAGE: usize = 5;
/// How long a deleted key can be recovered.
const RECOVERABLE: i64 = 90 * 24 * 3600;

/// Longest body that is read.
const MOST: usize = 64 * 1024;

pub(super) async fn answer(
    Extract(shared): Extract<Arc<Shared>>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MOST).await else {
        return error(
            StatusCode::BAD_REQUEST,
            "BadParameter",
            "the body is too long",
            None,
        );
    };
    let path = parts.uri.path().to_owned();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let operation = operation(&parts.method, &segments);
    shared.state().asked.push(operation.to_owned());
    match take_fault(&shared, operation) {
        None => {}
        Some(VaultFault::CutAfter) => {
            let _lost = done(
                &shared,
                operation,
                &segments,
                &parts.uri,
                &parts.headers,
                &body,
            );
            return cut();
        }
        Some(VaultFault::Slow(time)) => tokio::time::sleep(time).await,
        Some(VaultFault::Hangs) => std::future::pending().await,
        Some(VaultFault::CutBefore) => return cut(),
        Some(VaultFault::Babbles) => return (StatusCode::OK, "<html>").into_response(),
        Some(VaultFault::Broken) => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return error(
                status,
                "InternalServerError",
                "An unexpected error occurred.",
                None,
            );
        }
        Some(VaultFault::Throttled(seconds)) => {
            let text = "Request was not processed because too many requests were received.";
            let inner = Some("VaultRequestTypeLimitReached");
            let response = error(StatusCode::TOO_MANY_REQUESTS, "Throttled", text, inner);
            return retry_after(response, Some(seconds));
        }
        Some(VaultFault::Busy(seconds)) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let response = error(status, "ServiceUnavailable", "The service is busy.", None);
            return retry_after(response, seconds);
        }
    }
    done(
        &shared,
        operation,
        &segments,
        &parts.uri,
        &parts.headers,
        &body,
    )
}

/// The right that a call needs, or `token`.
fn operation(method: &Method, segments: &[&str]) -> &'static str {
    match (method.as_str(), segments) {
        ("POST", [_, "oauth2", "v2.0", "token"]) => "token",
        ("POST", ["keys", _, "create"]) => "create",
        ("GET", ["keys"] | ["keys", _, "versions"] | ["deletedkeys"]) => "list",
        ("GET", ["keys" | "deletedkeys", ..]) => "get",
        ("PATCH", ["keys", ..]) => "update",
        ("DELETE", ["keys", _]) => "delete",
        ("DELETE", ["deletedkeys", _]) => "purge",
        ("POST", ["deletedkeys", _, "recover"]) => "recover",
        ("POST", ["keys", _, "backup"]) => "backup",
        ("POST", ["keys", _, _, "wrapkey"]) => "wrapKey",
        ("POST", ["keys", _, _, "unwrapkey"]) => "unwrapKey",
        ("POST", ["keys", _, _, "sign"]) => "sign",
        _ => "unknown",
    }
}

fn take_fault(shared: &Shared, operation: &str) -> Option<VaultFault> {
    let mut state = shared.state();
    let planned = state.faults.iter_mut().find(|planned| {
        let any = planned.operation.is_empty() && operation != "token";
        planned.times > 0 && (any || planned.operation == operation)
    })?;
    if planned.after > 0 {
        planned.after -= 1;
        return None;
    }
    planned.times -= 1;
    Some(planned.fault)
}

/// Headers, and then nothing: the connection ends.
pub(crate) fn cut() -> Response {
    let ends = Err::<Bytes, _>(std::io::Error::other("cut"));
    let stream = futures_util::stream::iter([ends]);
    Response::new(Body::from_stream(stream))
}

fn retry_after(mut response: Response, seconds: Option<u32>) -> Response {
    if let Some(seconds) = seconds {
        let value = HeaderValue::from(seconds);
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

fn json_answer(status: StatusCode, value: &Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, headers, value.to_string()).into_response()
}

fn error(status: StatusCode, code: &str, message: &str, inner: Option<&str>) -> Response {
    let mut error = json!({"code": code, "message": message});
    if let Some(inner) = inner {
        error["innererror"] = json!({"code": inner});
    }
    json_answer(status, &json!({"error": error}))
}

fn not_found(name: &str) -> Response {
    let message = format!(
        "A key with (name/id) {name} was not found in this key vault. If you recently deleted this key you may be \
         able to recover it using the correct recovery command."
    );
    error(StatusCode::NOT_FOUND, "KeyNotFound", &message, None)
}

fn done(
    shared: &Shared,
    operation: &'static str,
    segments: &[&str],
    uri: &http::Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    if operation == "token" {
        return identity::token(shared, segments[0], body);
    }
    let query = crate::provider::fields(uri.query().unwrap_or_default());
    let url = shared.url();
    let mut state = shared.state();
    let client = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .and_then(|token| state.tokens.get(token).cloned());
    let Some(client) = client else {
        let sign_in = format!("https://{}:{}", super::LOGIN_HOST, shared.address.port());
        let challenge =
            format!("Bearer authorization=\"{sign_in}/{TENANT}\", resource=\"{RESOURCE}\"");
        let mut response = error(
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            "AKV10000: Request is missing a Bearer or PoP token.",
            None,
        );
        let challenge = HeaderValue::from_str(&challenge).unwrap();
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        return response;
    };
    if query.get("api-version").map(String::as_str) != Some(API_VERSION) {
        let message = "The specified version is not recognized.";
        return error(StatusCode::BAD_REQUEST, "BadParameter", message, None);
    }
    let granted = state.rights.get(&client);
    if !granted.is_some_and(|rights| rights.contains(operation)) {
        let message = format!(
            "Caller is not authorized to perform action on resource. Caller: appid={client} \
             Action: 'Microsoft.KeyVault/vaults/keys/{operation}/action' Assignment: (not found)"
        );
        let inner = Some("ForbiddenByRbac");
        return error(StatusCode::FORBIDDEN, "Forbidden", &message, inner);
    }
    let asked: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    perform(&mut state, &url, operation, segments, &query, &asked)
}

fn perform(
    state: &mut State,
    url: &str,
    operation: &'static str,
    segments: &[&str],
    query: &std::collections::HashMap<String, String>,
    asked: &Value,
) -> Response {
    let protected = state.purge_protection;
    let name = segments.get(1).copied().unwrap_or_default();
    let id = format!("{url}/keys/{name}");
    let bad = |message: &str| error(StatusCode::BAD_REQUEST, "BadParameter", message, None);
    match (operation, segments) {
        ("create", _) => {
            let fits = |sign: char| sign.is_ascii_alphanumeric() || sign == '-';
            if name.is_empty() || name.len() > 127 || !name.chars().all(fits) {
                return bad("The request URI contains an invalid name.");
            }
            if state.deleted.contains_key(name) {
                let message = "Key is currently in a deleted but recoverable state, and its name cannot be reused; \
                               in this state, the key can only be recovered or purged.";
                let inner = Some("ObjectIsDeletedButRecoverable");
                return error(StatusCode::CONFLICT, "Conflict", message, inner);
            }
            match Version::create(asked) {
                Err(message) => bad(message),
                Ok(version) => {
                    let answer = version.bundle(&id, protected);
                    let key = state.keys.entry(name.to_owned());
                    let key = key.or_insert(Key {
                        versions: Vec::new(),
                    });
                    key.versions.push(version);
                    json_answer(StatusCode::OK, &answer)
                }
            }
        }
        ("list", ["keys"]) => {
            let from: usize = query
                .get("$skiptoken")
                .map_or(0, |token| token.parse().unwrap_or(0));
            let page: Vec<Value> = state
                .keys
                .iter()
                .skip(from)
                .take(PAGE)
                .map(|(name, key)| key.newest().item(&format!("{url}/keys/{name}"), protected))
                .collect();
            let next = from + PAGE;
            let link = (next < state.keys.len())
                .then(|| format!("{url}/keys?api-version={API_VERSION}&$skiptoken={next}"));
            json_answer(StatusCode::OK, &json!({"value": page, "nextLink": link}))
        }
        ("get", ["keys", _, ..]) => {
            let version = segments.get(2).copied().unwrap_or_default();
            match state.keys.get(name).and_then(|key| key.version(version)) {
                Some(version) => json_answer(StatusCode::OK, &version.bundle(&id, protected)),
                None => not_found(name),
            }
        }
        ("update", _) => {
            let version = segments.get(2).copied().unwrap_or_default();
            let key = state.keys.get_mut(name);
            match key.and_then(|key| key.version_mut(version)) {
                None => not_found(name),
                Some(version) => match version.change(asked) {
                    Ok(()) => json_answer(StatusCode::OK, &version.bundle(&id, protected)),
                    Err(message) => bad(message),
                },
            }
        }
        ("delete", _) => match state.keys.remove(name) {
            None => not_found(name),
            Some(key) => {
                let answer = deleted_bundle(url, name, &key, now(), protected);
                let waits = state.deletion;
                state.deleted.insert(name.to_owned(), (key, now(), waits));
                json_answer(StatusCode::OK, &answer)
            }
        },
        ("get", ["deletedkeys", _]) => match state.deleted.get_mut(name) {
            None => not_found(name),
            Some((_, _, waits)) if *waits > 0 => {
                *waits -= 1;
                not_found(name)
            }
            Some((key, at, _)) => json_answer(
                StatusCode::OK,
                &deleted_bundle(url, name, key, *at, protected),
            ),
        },
        ("purge", _) if protected => error(
            StatusCode::FORBIDDEN,
            "Forbidden",
            "Operation \"purge\" is not enabled for this vault.",
            None,
        ),
        ("purge", _)
            if state
                .deleted
                .get(name)
                .is_some_and(|(_, _, waits)| *waits > 0) =>
        {
            let message = format!("Key {name} is currently being deleted.");
            let inner = Some("ObjectIsBeingDeleted");
            error(StatusCode::CONFLICT, "Conflict", &message, inner)
        }
        ("purge", _) => match state.deleted.remove(name) {
            None => not_found(name),
            Some(_) => StatusCode::NO_CONTENT.into_response(),
        },
        ("backup", _) => match state.keys.contains_key(name) {
            false => not_found(name),
            true => json_answer(
                StatusCode::OK,
                &json!({"value": URL_SAFE_NO_PAD.encode(name)}),
            ),
        },
        ("recover", _) => match state.deleted.remove(name) {
            None => not_found(name),
            Some((key, ..)) => {
                let answer = key.newest().bundle(&id, protected);
                state.keys.insert(name.to_owned(), key);
                json_answer(StatusCode::OK, &answer)
            }
        },
        ("wrapKey" | "unwrapKey" | "sign", _) => {
            let Some(version) = state
                .keys
                .get(name)
                .and_then(|key| key.version(segments[2]))
            else {
                return not_found(name);
            };
            let value = asked["value"].as_str().unwrap_or_default();
            let Ok(value) = URL_SAFE_NO_PAD.decode(value.trim_end_matches('=')) else {
                return bad("value is not base64url");
            };
            let algorithm = asked["alg"].as_str().unwrap_or_default();
            match version.operate(operation, algorithm, &value) {
                Ok(result) => {
                    let kid = format!("{id}/{}", version.id);
                    let value = URL_SAFE_NO_PAD.encode(result);
                    json_answer(StatusCode::OK, &json!({"kid": kid, "value": value}))
                }
                Err(refusal) => refused(operation, &refusal),
            }
        }
        _ => {
            let message = format!("{operation} {} is not known here", segments.join("/"));
            error(StatusCode::BAD_REQUEST, "BadParameter", &message, None)
        }
    }
}

fn deleted_bundle(url: &str, name: &str, key: &Key, at: i64, protected: bool) -> Value {
    let mut bundle = key
        .newest()
        .bundle(&format!("{url}/keys/{name}"), protected);
    bundle["recoveryId"] = format!("{url}/deletedkeys/{name}").into();
    bundle["deletedDate"] = at.into();
    bundle["scheduledPurgeDate"] = (at + RECOVERABLE).into();
    bundle
}

fn refused(operation: &str, refusal: &Refusal) -> Response {
    let forbidden = |what: &str, inner: &str| {
        let message = format!("Operation {operation} is not allowed on {what}.");
        error(StatusCode::FORBIDDEN, "Forbidden", &message, Some(inner))
    };
    match refusal {
        Refusal::Disabled => forbidden("a disabled key", "KeyDisabled"),
        Refusal::Expired => forbidden("an expired key", "KeyExpired"),
        Refusal::NotYet => forbidden("a key that is not yet valid", "KeyNotYetValid"),
        Refusal::Operation => forbidden("this key", "KeyOperationForbidden"),
        Refusal::Parameter(message) => {
            error(StatusCode::BAD_REQUEST, "BadParameter", message, None)
        }
    }
}
