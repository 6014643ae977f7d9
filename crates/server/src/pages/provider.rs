//! `/signin/oidc` and its callback: out to the provider of the organization, and back. It must not know what makes an
//! answer good.

use super::guard::Session;
use super::html::{local_path, see_other};
use super::sign_in::{HOME, begin};
use crate::App;
use crate::auth::Address;
use crate::cookies::{self, SameSite, cookie};
use crate::error::{ApiError, Result};
use crate::params::Params;
use axum::extract::State;
use axum::response::Response;
use coffer_service::{ATTEMPT_SECONDS, ProviderAnswer};
use coffer_wire::paths;
use http::HeaderMap;
use zeroize::Zeroizing;

/// Our own address, as the provider has it on its list.
fn callback(app: &App) -> Result<String> {
    if app.service.sign_in().provider().is_none() {
        return Err(ApiError::no_route());
    }
    let own = app.urls.public().ok_or_else(|| {
        ApiError::unavailable(
            "The server does not know its own address, so no provider could send anybody back. Start it with --public-url.",
        )
    })?;
    Ok(format!("{own}{}", paths::pages::PROVIDER_CALLBACK))
}

/// `GET /signin/oidc?return=PATH&again=true`.
pub(crate) async fn leave(
    State(app): State<App>,
    Address(address): Address,
    session: Option<Session>,
    params: Params,
) -> Result<Response> {
    let callback = callback(&app)?;
    let back = params.filled("return").and_then(local_path).unwrap_or(HOME);
    let again = session
        .filter(|_| params.filled("again") == Some("true"))
        .map(|Session(session)| session.caller.identity);
    let start = app
        .service
        .sign_in()
        .provider_begin(&callback, back, again, address)
        .await?;
    let mut response = see_other(&start.url);
    cookies::set_for(
        response.headers_mut(),
        cookies::PROVIDER,
        &start.cookie,
        SameSite::Lax,
        ATTEMPT_SECONDS,
    );
    Ok(response)
}

/// `GET /signin/oidc/callback`.
pub(crate) async fn come_back(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    params: Params,
) -> Result<Response> {
    let callback = callback(&app)?;
    let one = |name: &str| params.once(name).map(str::to_owned);
    let answer = ProviderAnswer {
        state: one("state"),
        code: one("code").map(Zeroizing::new),
        iss: one("iss"),
        error: one("error"),
    };
    let secret = cookie(&headers, cookies::PROVIDER);
    let secret = secret.as_ref().map(|secret| secret.as_str());
    let found = app
        .service
        .sign_in()
        .provider_finish(&callback, secret, answer, address)
        .await?;
    let mut response = begin(&app, found.shown, &headers, &found.return_to).await?;
    cookies::clear(response.headers_mut(), cookies::PROVIDER);
    Ok(response)
}
