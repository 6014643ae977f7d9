//! What the issuer says of itself and its keys, kept for a while. Asks rarely and never twice at once, whoever makes us
//! ask. It must not know what the keys are used for.

use crate::refused::{Reason, Refused};
use crate::settings::Settings;
use crate::{Fetch, FetchError};
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AccessToken, AdditionalProviderMetadata, AsyncHttpClient, AuthType, ClientId, ClientSecret,
    DiscoveryError, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    IssuerUrl, JsonWebKeySetUrl, ProviderMetadata,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::sync::Mutex;

/// How long what an issuer said counts, seconds. A key that it has taken away is good for as long.
const LIFE: i64 = 600;
/// How long after a look for new keys none is taken again, seconds.
const COOL_DOWN: i64 = 60;
/// How long after a failure nothing is asked, seconds.
const PAUSE: i64 = 5;

/// What the library leaves out.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Announced {
    authorization_response_iss_parameter_supported: Option<bool>,
    code_challenge_methods_supported: Option<Vec<String>>,
}

impl AdditionalProviderMetadata for Announced {}

type Metadata = ProviderMetadata<
    Announced,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// An issuer as it is now.
#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) client: Client,
    pub(crate) issuer: IssuerUrl,
    pub(crate) keys: CoreJsonWebKeySet,
    pub(crate) userinfo: Option<String>,
    /// Whether every answer carries `iss`.
    pub(crate) announces_iss: bool,
    jwks: JsonWebKeySetUrl,
}

#[derive(Default)]
struct State {
    known: Option<(Arc<Provider>, i64)>,
    failed: Option<(Refused, i64)>,
    looked: Option<i64>,
}

/// What is known of the issuer. The lock is held while it is asked: others wait for the one answer.
#[derive(Default)]
pub(crate) struct Cache(Mutex<State>);

impl Cache {
    pub(crate) async fn get(
        &self,
        settings: &Settings,
        fetch: &Arc<dyn Fetch>,
        now: i64,
    ) -> Result<Arc<Provider>, Refused> {
        let mut state = self.0.lock().await;
        if let Some((provider, at)) = &state.known
            && (*at..*at + LIFE).contains(&now)
        {
            return Ok(provider.clone());
        }
        if let Some((refused, at)) = &state.failed
            && (*at..*at + PAUSE).contains(&now)
        {
            return Err(refused.clone());
        }
        match discover(settings, fetch).await {
            Ok(provider) => {
                let provider = Arc::new(provider);
                state.known = Some((provider.clone(), now));
                state.failed = None;
                Ok(provider)
            }
            Err(refused) => {
                state.known = None;
                state.failed = Some((refused.clone(), now));
                Err(refused)
            }
        }
    }

    /// The issuer with keys newer than those of `stale`; none while the last look is too short ago.
    pub(crate) async fn newer_keys(
        &self,
        settings: &Settings,
        fetch: &Arc<dyn Fetch>,
        stale: &Arc<Provider>,
        now: i64,
    ) -> Option<Arc<Provider>> {
        let mut state = self.0.lock().await;
        let (known, at) = state.known.clone()?;
        if !Arc::ptr_eq(&known, stale) {
            return Some(known);
        }
        if let Some(looked) = state.looked
            && (looked..looked + COOL_DOWN).contains(&now)
        {
            return None;
        }
        state.looked = Some(now);
        let keys = CoreJsonWebKeySet::fetch_async(&known.jwks, &http(settings, fetch))
            .await
            .ok()?;
        let newer = Arc::new(Provider {
            keys,
            ..Provider::clone(&known)
        });
        state.known = Some((newer.clone(), at));
        Some(newer)
    }
}

async fn discover(settings: &Settings, fetch: &Arc<dyn Fetch>) -> Result<Provider, Refused> {
    let issuer = IssuerUrl::new(settings.issuer.clone())
        .map_err(|_| Refused::with(Reason::Unfit, "the issuer is no URL"))?;
    let metadata = Metadata::discover_async(issuer.clone(), &http(settings, fetch))
        .await
        .map_err(|error| match error {
            DiscoveryError::Request(error) => Refused::with(Reason::Unreachable, error.to_string()),
            DiscoveryError::Response(status, ..) => {
                Refused::with(Reason::Unreachable, format!("status {}", status.as_u16()))
            }
            DiscoveryError::Validation(_) => Refused::with(
                Reason::Unfit,
                "it writes its issuer otherwise than configured",
            ),
            _ => Refused::with(Reason::Malformed, "what it says of itself cannot be read"),
        })?;
    if metadata.issuer().as_str() != settings.issuer {
        return Err(Refused::with(
            Reason::Unfit,
            "it writes its issuer otherwise than configured",
        ));
    }
    let endpoints = [
        Some(metadata.authorization_endpoint().as_str()),
        metadata.token_endpoint().map(|url| url.as_str()),
        metadata.userinfo_endpoint().map(|url| url.as_str()),
        Some(metadata.jwks_uri().as_str()),
    ];
    if !endpoints.iter().flatten().all(|url| settings.fits(url)) {
        return Err(Refused::with(Reason::Unfit, "an endpoint is not https"));
    }
    if metadata.token_endpoint().is_none() {
        return Err(Refused::with(Reason::Unfit, "it has no token endpoint"));
    }
    let announced = metadata.additional_metadata();
    if let Some(methods) = &announced.code_challenge_methods_supported
        && !methods.iter().any(|method| method == "S256")
    {
        return Err(Refused::with(
            Reason::Unfit,
            "it does not know PKCE with S256",
        ));
    }
    let announces_iss = announced.authorization_response_iss_parameter_supported == Some(true);
    let by_body = metadata
        .token_endpoint_auth_methods_supported()
        .is_some_and(|methods| {
            methods.contains(&CoreClientAuthMethod::ClientSecretPost)
                && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
        });
    let keys = metadata.jwks().clone();
    let jwks = metadata.jwks_uri().clone();
    let userinfo = metadata.userinfo_endpoint().map(|url| url.to_string());
    let secret = settings
        .client_secret
        .as_ref()
        .map(|secret| ClientSecret::new(secret.as_str().to_owned()));
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(settings.client_id.clone()),
        secret,
    )
    .set_auth_type(if by_body {
        AuthType::RequestBody
    } else {
        AuthType::BasicAuth
    });
    Ok(Provider {
        client,
        issuer,
        keys,
        userinfo,
        announces_iss,
        jwks,
    })
}

/// The way to fetch, in the library's terms. A redirect is an error: it could lead anywhere.
pub(crate) struct Http<'a> {
    settings: &'a Settings,
    fetch: &'a Arc<dyn Fetch>,
}

pub(crate) fn http<'a>(settings: &'a Settings, fetch: &'a Arc<dyn Fetch>) -> Http<'a> {
    Http { settings, fetch }
}

impl<'c> AsyncHttpClient<'c> for Http<'_> {
    type Error = FetchError;
    type Future = crate::BoxFuture<'c, Result<HttpResponse, FetchError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            if !self.settings.fits(&request.uri().to_string()) {
                return Err(FetchError("an address that is not https".into()));
            }
            let response = self.fetch.fetch(request).await?;
            if response.status().is_redirection() {
                return Err(FetchError("it answers with a redirect".into()));
            }
            Ok(response)
        })
    }
}

/// The claims of the UserInfo endpoint, as JSON.
pub(crate) async fn user_info(
    settings: &Settings,
    fetch: &Arc<dyn Fetch>,
    url: &str,
    access: &AccessToken,
) -> Result<Map<String, Value>, Refused> {
    let malformed = || Refused::with(Reason::Malformed, "the answer of the UserInfo endpoint");
    let request = http::Request::get(url)
        .header(ACCEPT, "application/json")
        .header(AUTHORIZATION, format!("Bearer {}", access.secret()))
        .body(Vec::new())
        .map_err(|_| malformed())?;
    let response = http(settings, fetch)
        .call(request)
        .await
        .map_err(|error| Refused::with(Reason::Unreachable, error.to_string()))?;
    let json = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json"));
    if response.status() != StatusCode::OK || !json {
        return Err(malformed());
    }
    serde_json::from_slice(response.body()).map_err(|_| malformed())
}
