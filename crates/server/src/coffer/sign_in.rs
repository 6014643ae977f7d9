//! The first sign-in: a one-time code for a token.

use crate::App;
use crate::auth::Address;
use crate::body::JsonBody;
use crate::coffer::convert;
use crate::error::Result;
use crate::version::Asked;
use axum::extract::State;
use axum::response::Response;
use coffer_wire::coffer::FirstSignIn;
use zeroize::Zeroizing;

/// `POST coffer/signin`.
pub(crate) async fn first(
    State(app): State<App>,
    Address(address): Address,
    asked: Asked,
    JsonBody(body): JsonBody<FirstSignIn>,
) -> Result<Response> {
    let code = Zeroizing::new(body.code);
    let sign_in = app.service.sign_in();
    let token = sign_in
        .first(code, &body.unique_name, &body.label, address)
        .await?;
    Ok(asked.json(&convert::new_token(&token)))
}
