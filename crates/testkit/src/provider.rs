//! An OpenID Connect provider that can be made to misbehave: it signs whatever a story wants, with whatever key. A story
//! plays the person at it; it has no pages.

use crate::samples::random;
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coffer_service::{Admit, GroupRule, ProviderOptions, ProviderSettings};
use http::StatusCode;
use http::header::{CONTENT_TYPE, LOCATION};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Our client's name and secret there.
pub const CLIENT: (&str, &str) = ("coffer", "the-client-secret");

/// The usual rules for signing in at a provider.
pub fn provider_options(issuer: &str) -> ProviderOptions {
    ProviderOptions {
        settings: ProviderSettings {
            issuer: issuer.into(),
            client_id: CLIENT.0.into(),
            client_secret: Some(CLIENT.1.to_owned().into()),
            scopes: vec!["profile".into(), "email".into(), "groups".into()],
            name_claim: "email".into(),
            groups_claim: "groups".into(),
            wants_groups: true,
            algorithms: vec!["RS256".into(), "ES256".into()],
            skew_seconds: 60,
        },
        label: "Example".into(),
        admit: Admit::Known,
        bind_known: true,
        groups: vec![GroupRule {
            claim: "staff".into(),
            project: Some(crate::PROJECT.into()),
            group: crate::group::CONTRIBUTORS.into(),
        }],
        patience: Duration::from_secs(10),
    }
}

/// What signs a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signer {
    /// The RSA key, published as `rsa`.
    Rsa,
    /// The key that takes its place.
    NewRsa,
    /// The key on P-256, published as `ec`.
    Ec,
    /// HMAC with the bytes of the RSA key that everybody knows.
    PublicKeyAsSecret,
    /// HMAC with the client's secret.
    ClientSecret,
    /// Nothing: the signature is empty.
    Nobody,
}

/// Which endpoint misbehaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Endpoint {
    /// What it says of itself.
    Discovery,
    /// Its keys.
    Keys,
    /// Where codes are traded.
    Token,
    /// More claims.
    UserInfo,
}

/// How.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It sends elsewhere.
    Redirects,
    /// It answers with more than anybody wants to read.
    Floods,
    /// It never answers.
    Hangs,
    /// It answers with what is not JSON.
    Babbles,
}

/// An ID token before it is signed.
pub struct Token {
    /// The header.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
    /// Who signs it.
    pub signer: Signer,
}

impl Token {
    /// Sets a claim.
    pub fn claim(&mut self, name: &str, value: impl Into<Value>) {
        self.claims.insert(name.into(), value.into());
    }

    /// Sets a field of the header.
    pub fn header(&mut self, name: &str, value: impl Into<Value>) {
        self.header.insert(name.into(), value.into());
    }

    /// Shifts a moment that is there, by seconds.
    pub fn shift(&mut self, name: &str, seconds: i64) {
        let at = self.claims[name].as_i64().unwrap();
        self.claim(name, at + seconds);
    }
}

type Change = Box<dyn FnOnce(&mut Token) + Send>;

struct Inner {
    issuer: String,
    published: Vec<Signer>,
    person: Map<String, Value>,
    userinfo: Option<Map<String, Value>>,
    announces_iss: bool,
    change: Option<Change>,
    fault: Option<(Endpoint, Fault)>,
    codes: HashMap<String, (String, String)>,
    asked: HashMap<&'static str, usize>,
    clock: i64,
}

type Shared = Arc<Mutex<Inner>>;

/// A running provider. It stops when it is dropped.
pub struct FakeProvider {
    shared: Shared,
    serving: JoinHandle<()>,
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, Inner> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeProvider {
    /// Starts one on a port of the system's choosing. Its person is `ann@example.com`, verified.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let person = json!({
            "sub": "subject-1", "email": "ann@example.com", "email_verified": true, "name": "Ann", "groups": ["staff"]
        });
        let shared = Arc::new(Mutex::new(Inner {
            issuer,
            published: vec![Signer::Rsa, Signer::Ec],
            person: person.as_object().unwrap().clone(),
            userinfo: None,
            announces_iss: true,
            change: None,
            fault: None,
            codes: HashMap::new(),
            asked: HashMap::new(),
            clock: 0,
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/authorize", get(|| async { "who are you?" }))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .route("/elsewhere", get(|| async { "elsewhere" }))
            .with_state(shared.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, serving }
    }

    /// Its issuer.
    pub fn issuer(&self) -> String {
        lock(&self.shared).issuer.clone()
    }

    /// Sets a claim of its person.
    pub fn person(&self, name: &str, value: impl Into<Value>) {
        lock(&self.shared).person.insert(name.into(), value.into());
    }

    /// Takes a claim of its person away.
    pub fn person_lacks(&self, name: &str) {
        lock(&self.shared).person.remove(name);
    }

    /// What its UserInfo endpoint says; none: there is no such endpoint.
    pub fn userinfo(&self, claims: Option<Value>) {
        lock(&self.shared).userinfo = claims.map(|claims| claims.as_object().unwrap().clone());
    }

    /// Whether its answers carry `iss`, and it says so.
    pub fn announces_iss(&self, announces: bool) {
        lock(&self.shared).announces_iss = announces;
    }

    /// Which keys it publishes.
    pub fn publishes(&self, keys: &[Signer]) {
        lock(&self.shared).published = keys.to_vec();
    }

    /// Changes the next token before it is signed.
    pub fn next_token(&self, change: impl FnOnce(&mut Token) + Send + 'static) {
        lock(&self.shared).change = Some(Box::new(change));
    }

    /// Makes an endpoint misbehave; none: all are well again.
    pub fn fault(&self, fault: Option<(Endpoint, Fault)>) {
        lock(&self.shared).fault = fault;
    }

    /// Moves its clock, by seconds.
    pub fn advance_clock(&self, seconds: i64) {
        lock(&self.shared).clock += seconds;
    }

    /// How often an endpoint was asked: `discovery`, `jwks`, `token` or `userinfo`.
    pub fn asked(&self, endpoint: &str) -> usize {
        lock(&self.shared).asked.get(endpoint).copied().unwrap_or(0)
    }

    /// Plays the person who was sent to `url` and shows who it is. Answers with where the browser is sent back to.
    pub fn agree(&self, url: &str) -> String {
        let (_, query) = url.split_once('?').unwrap();
        let query = fields(query);
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], CLIENT.0);
        assert_eq!(query["code_challenge_method"], "S256");
        assert!(query["scope"].split(' ').any(|scope| scope == "openid"));
        let code = hex::encode(random(16));
        let mut inner = lock(&self.shared);
        let bound = (query["nonce"].clone(), query["code_challenge"].clone());
        inner.codes.insert(code.clone(), bound);
        let mut back = format!(
            "{}?code={code}&state={}",
            query["redirect_uri"], query["state"]
        );
        if inner.announces_iss {
            back.push_str("&iss=");
            back.push_str(&inner.issuer);
        }
        back
    }
}

/// The fields of a query or form.
pub(crate) fn fields(text: &str) -> HashMap<String, String> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced)
            .decode_utf8()
            .unwrap()
            .into_owned()
    };
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Counts the call, and misbehaves if the endpoint is told to.
async fn misbehave(shared: &Shared, endpoint: Endpoint, name: &'static str) -> Option<Response> {
    let fault = {
        let mut inner = lock(shared);
        *inner.asked.entry(name).or_default() += 1;
        inner.fault.filter(|(at, _)| *at == endpoint)
    };
    Some(match fault?.1 {
        Fault::Redirects => (
            StatusCode::FOUND,
            [(LOCATION, format!("{}/elsewhere", lock(shared).issuer))],
        )
            .into_response(),
        Fault::Floods => (
            [(CONTENT_TYPE, "application/json")],
            vec![b' '; 4 * 1024 * 1024],
        )
            .into_response(),
        Fault::Hangs => std::future::pending().await,
        Fault::Babbles => ([(CONTENT_TYPE, "application/json")], "<html>").into_response(),
    })
}

fn answer(status: StatusCode, value: &Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json")];
    (status, headers, value.to_string()).into_response()
}

async fn discovery(State(shared): State<Shared>) -> Response {
    if let Some(fault) = misbehave(&shared, Endpoint::Discovery, "discovery").await {
        return fault;
    }
    let inner = lock(&shared);
    let issuer = &inner.issuer;
    let mut said = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        // It claims to know what nobody should take.
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": inner.announces_iss,
    });
    if inner.userinfo.is_some() {
        said["userinfo_endpoint"] = format!("{issuer}/userinfo").into();
    }
    answer(StatusCode::OK, &said)
}

async fn jwks(State(shared): State<Shared>) -> Response {
    if let Some(fault) = misbehave(&shared, Endpoint::Keys, "jwks").await {
        return fault;
    }
    let published = lock(&shared).published.clone();
    let keys: Vec<_> = published.into_iter().map(public_key).collect();
    answer(StatusCode::OK, &json!({ "keys": keys }))
}

async fn userinfo(State(shared): State<Shared>) -> Response {
    if let Some(fault) = misbehave(&shared, Endpoint::UserInfo, "userinfo").await {
        return fault;
    }
    let claims = lock(&shared).userinfo.clone().unwrap_or_default();
    answer(StatusCode::OK, &claims.into())
}

async fn token(State(shared): State<Shared>, body: Bytes) -> Response {
    if let Some(fault) = misbehave(&shared, Endpoint::Token, "token").await {
        return fault;
    }
    let form = fields(std::str::from_utf8(&body).unwrap());
    let mut inner = lock(&shared);
    let refused = || answer(StatusCode::BAD_REQUEST, &json!({"error": "invalid_grant"}));
    // A code is good once, and only for who holds the verifier.
    let Some((nonce, challenge)) = inner.codes.remove(&form["code"]) else {
        return refused();
    };
    let verifier = digest::digest(&digest::SHA256, form["code_verifier"].as_bytes());
    if URL_SAFE_NO_PAD.encode(verifier) != challenge {
        return refused();
    }
    let now = i64::try_from(
        std::time::UNIX_EPOCH
            .elapsed()
            .expect("the clock is after 1970")
            .as_secs(),
    )
    .unwrap()
        + inner.clock;
    let access = hex::encode(random(16));
    let half = &digest::digest(&digest::SHA256, access.as_bytes());
    let mut token = Token {
        header: Map::from_iter([("alg".into(), "RS256".into()), ("kid".into(), "rsa".into())]),
        claims: inner.person.clone(),
        signer: Signer::Rsa,
    };
    for (name, value) in [
        ("iss", inner.issuer.as_str().into()),
        ("aud", CLIENT.0.into()),
        ("nonce", nonce.into()),
        ("iat", now.into()),
        ("auth_time", now.into()),
        ("exp", (now + 300).into()),
        (
            "at_hash",
            Value::from(URL_SAFE_NO_PAD.encode(&half.as_ref()[..16])),
        ),
    ] {
        token.claim(name, value);
    }
    if let Some(change) = inner.change.take() {
        change(&mut token);
    }
    answer(
        StatusCode::OK,
        &json!({
            "access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": signed(&token)
        }),
    )
}

fn signed(token: &Token) -> String {
    let encode = |part: &Map<String, Value>| {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).expect("a map is JSON"))
    };
    let text = format!("{}.{}", encode(&token.header), encode(&token.claims));
    let mac = |secret: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
    };
    let rsa = |key: &RsaKeyPair| {
        let mut signature = vec![0; key.public_modulus_len()];
        let random = SystemRandom::new();
        key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
            .unwrap();
        signature
    };
    let signature = match token.signer {
        Signer::Rsa => rsa(&keys().rsa),
        Signer::NewRsa => rsa(&keys().new_rsa),
        Signer::Ec => keys()
            .ec
            .sign(&SystemRandom::new(), text.as_bytes())
            .unwrap()
            .as_ref()
            .to_vec(),
        Signer::PublicKeyAsSecret => mac(&public_der(&keys().rsa)),
        Signer::ClientSecret => mac(CLIENT.1.as_bytes()),
        Signer::Nobody => Vec::new(),
    };
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

struct Keys {
    rsa: RsaKeyPair,
    new_rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

/// Making RSA keys takes a moment: they serve every provider of the process.
fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys {
        rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
        new_rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
        ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
    })
}

fn public_der(key: &RsaKeyPair) -> Vec<u8> {
    let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    der.as_ref().to_vec()
}

fn public_key(signer: Signer) -> Value {
    let rsa = |key: &RsaKeyPair, id: &str| {
        let (n, e) = numbers(key.public_key().as_ref());
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "RSA", "use": "sig", "kid": id, "n": encode(n), "e": encode(e)})
    };
    match signer {
        Signer::Rsa => rsa(&keys().rsa, "rsa"),
        Signer::NewRsa => rsa(&keys().new_rsa, "new"),
        Signer::Ec => {
            let point = keys().ec.public_key().as_ref();
            let (x, y) = point[1..].split_at(32);
            json!({
                "kty": "EC", "use": "sig", "kid": "ec", "crv": "P-256",
                "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)
            })
        }
        other => panic!("{other:?} has no public key"),
    }
}

/// Modulus and exponent out of a PKCS #1 public key: a sequence of two integers.
pub(crate) fn numbers(der: &[u8]) -> (&[u8], &[u8]) {
    fn element(der: &[u8]) -> (&[u8], &[u8]) {
        let (length, start) = match der[1] {
            long if long & 0x80 != 0 => {
                let count = usize::from(long & 0x7f);
                let length = der[2..2 + count]
                    .iter()
                    .fold(0, |length, byte| length << 8 | usize::from(*byte));
                (length, 2 + count)
            }
            short => (usize::from(short), 2),
        };
        der[start..].split_at(length)
    }
    let (inside, _) = element(der);
    let (n, rest) = element(inside);
    let (e, _) = element(rest);
    (n.strip_prefix(&[0]).unwrap_or(n), e)
}
