//! Who a client is: the sign-in with a secret or with a federated token, and the metadata service of a machine. Must not
//! know keys.

use super::{DAILY, FEDERATED_TOKEN, LIFECYCLE, RESOURCE, Shared, TENANT, now, unique};
use axum::extract::State as Extract;
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

/// How long a token is good, in seconds.
const LIFE: i64 = 3600;

fn token_for(shared: &Shared, client: &str) -> String {
    let token = unique();
    let mut state = shared.state();
    state.tokens.insert(token.clone(), client.to_owned());
    token
}

fn answer(status: StatusCode, value: &Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, headers, value.to_string()).into_response()
}

/// `POST /{tenant}/oauth2/v2.0/token`: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
pub(super) fn token(shared: &Shared, tenant: &str, body: &[u8]) -> Response {
    let form = crate::provider::fields(&String::from_utf8_lossy(body));
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let refused = |number: u32, text: &str| {
        answer(
            StatusCode::UNAUTHORIZED,
            &json!({
                "error": "invalid_client", "error_description": format!("AADSTS{number}: {text}"),
                "error_codes": [number], "timestamp": "2026-01-01 00:00:00Z",
                "trace_id": unique(), "correlation_id": unique(),
            }),
        )
    };
    if tenant != TENANT || field("grant_type") != "client_credentials" {
        return refused(90002, "The tenant or the grant is not known.");
    }
    if field("scope") != format!("{RESOURCE}/.default") {
        return refused(500_011, "The resource was not found in the tenant.");
    }
    let id = field("client_id");
    let known = [DAILY, LIFECYCLE].into_iter().find(|(name, _)| *name == id);
    let Some((client, secret)) = known else {
        return refused(700_016, "The application was not found in the tenant.");
    };
    let by_token = field("client_assertion_type")
        == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        && field("client_assertion") == FEDERATED_TOKEN;
    if field("client_secret") != secret && !by_token {
        return refused(7_000_215, "The client's secret or assertion is not valid.");
    }
    let token = token_for(shared, client);
    answer(
        StatusCode::OK,
        &json!({"token_type": "Bearer", "expires_in": LIFE, "ext_expires_in": LIFE, "access_token": token}),
    )
}

/// `GET /metadata/identity/oauth2/token`: learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
pub(super) async fn metadata(
    Extract(shared): Extract<Arc<Shared>>,
    request: Request<axum::body::Body>,
) -> Response {
    let query = crate::provider::fields(request.uri().query().unwrap_or_default());
    let field = |name: &str| query.get(name).map_or("", String::as_str);
    let asked_right = request.uri().path() == "/metadata/identity/oauth2/token"
        && request
            .headers()
            .get("metadata")
            .is_some_and(|value| value == "true")
        && field("resource") == RESOURCE;
    shared.state().asked.push("metadata".into());
    let client = match field("client_id") {
        "" => DAILY.0,
        id if id == DAILY.0 || id == LIFECYCLE.0 => id,
        _ => "",
    };
    if !asked_right || client.is_empty() {
        let error = json!({"error": "invalid_request", "error_description": "Identity not found"});
        return answer(StatusCode::BAD_REQUEST, &error);
    }
    let token = token_for(&shared, client);
    answer(
        StatusCode::OK,
        &json!({
            "access_token": token, "client_id": client, "expires_in": LIFE.to_string(),
            "expires_on": (now() + LIFE).to_string(), "resource": RESOURCE, "token_type": "Bearer",
        }),
    )
}
