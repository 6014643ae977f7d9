//! Methods of signing in that OpenBao is told to believe, and who signs for them. Must not know what is done then.

use super::OpenBao;
use crate::samples::Authority;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Signs JSON web tokens, as an issuer of workload identities does.
pub struct Signing {
    key: EcdsaKeyPair,
    public: String,
}

impl Signing {
    /// With a key of its own.
    pub fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        Self {
            public: key.public_key_pem(),
            key: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der())
                .unwrap(),
        }
    }

    /// A token with these claims, and the times they lack.
    pub fn token(&self, mut claims: Value) -> String {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        for (name, at) in [("iat", now), ("nbf", now), ("exp", now + 3600)] {
            if claims.get(name).is_none() {
                claims[name] = at.into();
            }
        }
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let header = json!({ "alg": "ES256", "typ": "JWT" });
        let text = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self
            .key
            .sign(&SystemRandom::new(), text.as_bytes())
            .unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl Default for Signing {
    fn default() -> Self {
        Self::new()
    }
}

/// What a cluster of Kubernetes says about the tokens of its service accounts. Ends when it is dropped.
pub struct Kubernetes {
    signing: Signing,
    reviews: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Kubernetes {
    /// The token that a pod of this service account finds in its file system.
    pub fn token(&self, namespace: &str, name: &str) -> String {
        self.signing.token(json!({
            "iss": "https://kubernetes.default.svc",
            "sub": format!("system:serviceaccount:{namespace}:{name}"),
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": { "name": name, "uid": "3f1c5b6e-0000-4000-8000-000000000001" },
            },
        }))
    }

    /// How often it was asked about a token.
    pub fn reviews(&self) -> usize {
        self.reviews.load(Ordering::SeqCst)
    }
}

/// Answers a TokenReview as the API server does: by the token's own subject.
async fn review(State(reviews): State<Arc<AtomicUsize>>, body: String) -> String {
    reviews.fetch_add(1, Ordering::SeqCst);
    let asked: Value = serde_json::from_str(&body).unwrap();
    let token = asked["spec"]["token"].as_str().unwrap();
    let claims = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let user = json!({
        "username": claims["sub"],
        "uid": claims["kubernetes.io"]["serviceaccount"]["uid"],
        "groups": ["system:serviceaccounts"],
    });
    json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "status": { "authenticated": true, "user": user },
    })
    .to_string()
}

impl OpenBao {
    /// An AppRole with one policy, whose tokens end after `ttl` and are never older than `max`: its id and a secret id.
    pub async fn app_role(&self, name: &str, policy: &str, ttl: &str, max: &str) -> [String; 2] {
        self.method("approle").await;
        let role = format!("auth/approle/role/{name}");
        let wanted = json!({ "token_policies": [policy], "token_ttl": ttl, "token_max_ttl": max });
        self.ask("POST", &role, wanted).await;
        let id = self
            .ask("GET", &format!("{role}/role-id"), Value::Null)
            .await;
        let secret = self
            .ask("POST", &format!("{role}/secret-id"), json!({}))
            .await;
        [&id["data"]["role_id"], &secret["data"]["secret_id"]]
            .map(|text| text.as_str().unwrap().to_owned())
    }

    /// A role for tokens of `signing` whose subject is `subject` and audience `coffer`.
    pub async fn jwt_role(&self, name: &str, policy: &str, signing: &Signing, subject: &str) {
        self.method("jwt").await;
        let keys = json!({ "jwt_validation_pubkeys": [signing.public] });
        self.ask("POST", "auth/jwt/config", keys).await;
        let role = json!({
            "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["coffer"], "bound_subject": subject,
            "token_policies": [policy], "token_ttl": "1h",
        });
        self.ask("POST", &format!("auth/jwt/role/{name}"), role)
            .await;
    }

    /// A role for a service account of a cluster, which answers what OpenBao asks it.
    pub async fn kubernetes_role(
        &self,
        name: &str,
        policy: &str,
        account: [&str; 2],
    ) -> Kubernetes {
        self.method("kubernetes").await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        let reviews = Arc::new(AtomicUsize::new(0));
        let router = Router::new()
            .route("/apis/authentication.k8s.io/v1/tokenreviews", post(review))
            .with_state(reviews.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let cluster = Kubernetes {
            signing: Signing::new(),
            reviews,
            serving,
        };
        let config = json!({
            "kubernetes_host": host, "disable_local_ca_jwt": true,
            "kubernetes_ca_cert": Authority::new().pem(),
            "token_reviewer_jwt": cluster.token("kube-system", "reviewer"),
        });
        self.ask("POST", "auth/kubernetes/config", config).await;
        let role = json!({
            "bound_service_account_names": [account[1]], "bound_service_account_namespaces": [account[0]],
            "token_policies": [policy], "token_ttl": "1h",
        });
        self.ask("POST", &format!("auth/kubernetes/role/{name}"), role)
            .await;
        cluster
    }

    /// Turns a method on, unless it is on.
    async fn method(&self, name: &str) {
        let on = self.ask("GET", "sys/auth", Value::Null).await;
        if on["data"].get(format!("{name}/")).is_none() {
            self.ask("POST", &format!("sys/auth/{name}"), json!({ "type": name }))
                .await;
        }
    }
}
