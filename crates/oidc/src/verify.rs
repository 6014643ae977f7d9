//! Whether an ID token holds. The library checks issuer, audience, algorithm, signature, end and nonce; the rest is
//! here. It must not fetch anything.

use crate::claims::{Verified, seconds};
use crate::provider::Provider;
use crate::refused::{Reason, Refused};
use crate::settings::Settings;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError as E, ClientId, Nonce,
    SignatureVerificationError as S,
};
use serde_json::{Map, Value};
use std::time::{Duration, UNIX_EPOCH};

/// How old a token may be that comes straight from the token endpoint, seconds.
const OLDEST: i64 = 600;

pub(crate) fn id_token(
    settings: &Settings,
    provider: &Provider,
    token: &CoreIdToken,
    access: &AccessToken,
    nonce: &Nonce,
    since: Option<i64>,
    now: i64,
) -> Result<Verified, Refused> {
    let skew = i64::from(settings.skew_seconds);
    // Without a secret no symmetric signature is ever tried, whatever the token says.
    let verifier = CoreIdTokenVerifier::new_public_client(
        ClientId::new(settings.client_id.clone()),
        provider.issuer.clone(),
        provider.keys.clone(),
    )
    .set_allowed_algs(settings.allowed())
    // Other audiences are a matter of the authorized party, below.
    .set_other_audience_verifier_fn(|_| true)
    // The library knows no skew: a clock that goes after by it comes to the same.
    .set_time_fn(move || (UNIX_EPOCH + Duration::from_secs(after(now - skew))).into())
    .set_issue_time_verifier_fn(move |issued| {
        let issued = issued.timestamp();
        if issued > now + skew || issued < now - OLDEST - skew {
            return Err(ISSUED.into());
        }
        Ok(())
    });
    let claims = token
        .claims(&verifier, nonce)
        .map_err(|error| reason(&error))?;
    let raw = payload(token)?;
    if raw.get("iss").and_then(Value::as_str) != Some(settings.issuer.as_str()) {
        return Err(Reason::Issuer.into());
    }
    party(settings, claims.audiences().len(), raw.get("azp"))?;
    match raw.get("nbf").map(seconds) {
        None => {}
        Some(Some(from)) if from <= now + skew => {}
        Some(_) => return Err(Reason::NotYetValid.into()),
    }
    if let Some(said) = claims.access_token_hash() {
        let unreadable = |_| Refused::from(Reason::AccessTokenHash);
        let key = token
            .signing_key(&verifier)
            .map_err(|_| Reason::KeyUnknown)?;
        let algorithm = token.signing_alg().map_err(|_| Reason::Algorithm)?;
        let ours = AccessTokenHash::from_token(access, algorithm, key).map_err(unreadable)?;
        if ours != *said {
            return Err(Reason::AccessTokenHash.into());
        }
    }
    let verified = Verified::new(&settings.issuer, claims.subject().as_str(), &raw, settings);
    if let Some(since) = since
        && verified.auth_time.is_none_or(|at| at < since - skew)
    {
        return Err(Reason::NotAnew.into());
    }
    Ok(verified)
}

const ISSUED: &str = "issued at";

/// The audience is us; where there are others, the token says that it was issued to us.
fn party(settings: &Settings, audiences: usize, azp: Option<&Value>) -> Result<(), Refused> {
    match azp {
        None if audiences == 1 => Ok(()),
        None => Err(Reason::Audience.into()),
        Some(azp) if azp.as_str() == Some(&settings.client_id) => Ok(()),
        Some(_) => Err(Reason::AuthorizedParty.into()),
    }
}

/// The claims of a token whose signature holds, all of them.
fn payload(token: &CoreIdToken) -> Result<Map<String, Value>, Refused> {
    let text = token.to_string();
    text.split('.')
        .nth(1)
        .and_then(|part| URL_SAFE_NO_PAD.decode(part).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| Reason::Malformed.into())
}

fn reason(error: &E) -> Refused {
    let reason = match error {
        E::Expired(why) if why == ISSUED => Reason::IssuedAt,
        E::Expired(_) => Reason::Expired,
        E::InvalidAudience(_) => Reason::Audience,
        E::InvalidIssuer(_) => Reason::Issuer,
        E::InvalidNonce(_) => Reason::Nonce,
        E::SignatureVerification(error) => match error {
            S::NoSignature | S::DisallowedAlg(_) | S::UnsupportedAlg(_) => Reason::Algorithm,
            S::NoMatchingKey | S::AmbiguousKeyId(_) => Reason::KeyUnknown,
            _ => Reason::Signature,
        },
        _ => Reason::Malformed,
    };
    reason.into()
}

/// Seconds since 1970; a moment before counts as then.
fn after(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0)
}
