//! The client side of OpenID Connect: from an issuer's answers to claims that hold.
//!
//! The library `openidconnect` speaks the protocol and checks signatures; this crate adds what it leaves to its users
//! (docs/adr/0009-openid-connect.md): skew, `nbf`, `azp`, `at_hash`, the exact issuer, `iss` in the response, a bounded
//! cache of keys. It knows no people, no database, no browser and no HTTP client: it is handed a way to [`Fetch`], the
//! time, and the secret of an [`Attempt`].

mod attempt;
mod claims;
mod provider;
mod refused;
mod settings;
mod verify;

pub use attempt::Attempt;
pub use claims::Verified;
pub use refused::{Reason, Refused};
pub use settings::{ALGORITHMS, Settings, SettingsError};

use openidconnect::core::{CoreAuthPrompt, CoreIdToken, CoreResponseType, CoreTokenResponse};
use openidconnect::{
    AccessToken, AuthenticationFlow, AuthorizationCode, CsrfToken, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse,
};
use provider::{Cache, Provider};
use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// A provider's own session may be so old at an ordinary sign-in. Asked for, so that the provider says how old it is.
const SESSION_AGE: Duration = Duration::from_secs(12 * 60 * 60);
/// The longest code or state that is looked at.
const LONGEST: usize = 4096;

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends one request. Follows no redirect, caps time and size, and reaches only what it may reach.
pub trait Fetch: Send + Sync {
    /// Sends it.
    fn fetch(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> BoxFuture<'_, Result<http::Response<Vec<u8>>, FetchError>>;
}

/// Why a request got no answer. The text names no secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);

/// What the provider sent the browser back with.
#[derive(Default)]
pub struct Answer {
    /// `state`.
    pub state: Option<String>,
    /// `code`.
    pub code: Option<Zeroizing<String>>,
    /// `iss` (RFC 9207).
    pub iss: Option<String>,
    /// `error`.
    pub error: Option<String>,
}

/// One issuer, and what is known of it.
pub struct OpenId {
    settings: Settings,
    fetch: Arc<dyn Fetch>,
    cache: Cache,
}

impl OpenId {
    /// A client of the issuer that the settings name. Asks nothing yet.
    pub fn new(settings: Settings, fetch: Arc<dyn Fetch>) -> Self {
        Self {
            settings,
            fetch,
            cache: Cache::default(),
        }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where to send the browser. `again`: the person shall show who they are, whatever session the provider has.
    /// `now` is in seconds since 1970.
    ///
    /// # Errors
    /// The provider cannot be asked, or is not fit.
    pub async fn begin(
        &self,
        attempt: &Attempt,
        redirect_uri: &str,
        again: bool,
        now: i64,
    ) -> Result<String, Refused> {
        let provider = self.cache.get(&self.settings, &self.fetch, now).await?;
        let (state, nonce) = (attempt.state(), attempt.nonce());
        let verifier = PkceCodeVerifier::new(attempt.verifier());
        let mut request = provider
            .client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .set_redirect_uri(Cow::Owned(redirect(redirect_uri)?));
        for scope in self.settings.scopes.iter().filter(|s| *s != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        request = if again {
            request
                .add_prompt(CoreAuthPrompt::Login)
                .set_max_age(Duration::ZERO)
        } else {
            request.set_max_age(SESSION_AGE)
        };
        Ok(request.url().0.to_string())
    }

    /// Whom the provider's answer shows. `since`: the person must have shown who they are after this moment.
    ///
    /// # Errors
    /// Everything that does not hold. The caller makes sure that an attempt is tried once.
    pub async fn finish(
        &self,
        attempt: &Attempt,
        redirect_uri: &str,
        answer: Answer,
        since: Option<i64>,
        now: i64,
    ) -> Result<Verified, Refused> {
        if !attempt.is_state(answer.state.as_deref().unwrap_or_default()) {
            return Err(Reason::State.into());
        }
        let provider = self.cache.get(&self.settings, &self.fetch, now).await?;
        self.right_issuer(&provider, answer.iss.as_deref())?;
        if let Some(error) = &answer.error {
            return Err(Refused::with(Reason::ProviderSaidNo, refused::word(error)));
        }
        let code = answer
            .code
            .filter(|code| !code.is_empty() && code.len() <= LONGEST)
            .ok_or(Reason::NoCode)?;
        let tokens = self
            .exchange(&provider, attempt, redirect_uri, &code)
            .await?;
        let token = tokens.id_token().ok_or(Reason::NoIdToken)?;
        let access = tokens.access_token();
        let verified = self
            .verified(provider.clone(), token, access, attempt, since, now)
            .await?;
        self.completed(&provider, verified, access).await
    }

    fn right_issuer(&self, provider: &Provider, iss: Option<&str>) -> Result<(), Refused> {
        match iss {
            Some(iss) if iss == self.settings.issuer => Ok(()),
            None if !provider.announces_iss => Ok(()),
            _ => Err(Reason::Issuer.into()),
        }
    }

    async fn exchange(
        &self,
        provider: &Provider,
        attempt: &Attempt,
        redirect_uri: &str,
        code: &str,
    ) -> Result<CoreTokenResponse, Refused> {
        let http = provider::http(&self.settings, &self.fetch);
        provider
            .client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|_| Refused::with(Reason::Unfit, "no token endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier()))
            .set_redirect_uri(Cow::Owned(redirect(redirect_uri)?))
            .request_async(&http)
            .await
            .map_err(|error| match error {
                // What it cannot read it quotes, and that may be a token: only the kind is kept.
                RequestTokenError::ServerResponse(said) => {
                    Refused::with(Reason::CodeRefused, refused::word(said.error().as_ref()))
                }
                RequestTokenError::Request(error) => {
                    Refused::with(Reason::Unreachable, error.to_string())
                }
                RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                    Refused::with(Reason::Malformed, "the answer of the token endpoint")
                }
            })
    }

    /// Verifies the token, with keys fetched anew if none of the known ones is its key.
    async fn verified(
        &self,
        provider: Arc<Provider>,
        token: &CoreIdToken,
        access: &AccessToken,
        attempt: &Attempt,
        since: Option<i64>,
        now: i64,
    ) -> Result<Verified, Refused> {
        let check = |provider: &Provider| {
            verify::id_token(
                &self.settings,
                provider,
                token,
                access,
                &Nonce::new(attempt.nonce()),
                since,
                now,
            )
        };
        match check(&provider) {
            Err(refused) if matches!(refused.reason, Reason::KeyUnknown | Reason::Signature) => {
                match self
                    .cache
                    .newer_keys(&self.settings, &self.fetch, &provider, now)
                    .await
                {
                    Some(newer) => check(&newer),
                    None => Err(refused),
                }
            }
            other => other,
        }
    }

    /// Adds what the ID token leaves to the UserInfo endpoint.
    async fn completed(
        &self,
        provider: &Provider,
        mut verified: Verified,
        access: &AccessToken,
    ) -> Result<Verified, Refused> {
        let Some(url) = provider.userinfo.as_ref() else {
            return Ok(verified);
        };
        if verified.has_all(&self.settings) {
            return Ok(verified);
        }
        let claims = provider::user_info(&self.settings, &self.fetch, url, access).await?;
        if claims.get("sub").and_then(|sub| sub.as_str()) != Some(verified.subject.as_str()) {
            return Err(Reason::OtherSubject.into());
        }
        verified.complete(&self.settings, &claims);
        Ok(verified)
    }
}

fn redirect(uri: &str) -> Result<RedirectUrl, Refused> {
    RedirectUrl::new(uri.to_owned())
        .map_err(|_| Refused::with(Reason::Unfit, "our own address is no URL"))
}
