//! Vault: the common suite before a real OpenBao, and what is particular to a vault. The policies are those that
//! `docs/keys/vault.md` gives to operators.

#![cfg(feature = "vault")]
#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "../conformance/mod.rs"]
mod conformance;
mod rights;
mod signing_in;
mod troubles;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use coffer_keys::vault::{Settings, SignIn, VaultProvider, connect};
use coffer_seal::{
    GenerationId, KeyError, KeyLifecycle, KeyProvider, ProjectKeyContext, ProjectKeySecret,
    os_entropy,
};
use coffer_testkit::{Authority, FaultProxy, OpenBao, Signing, Trouble, eventually};
use serde_json::{Value, json};
use uuid::Uuid;

const PAGE: &str = include_str!("../../../../docs/keys/vault.md");

/// The policies of the page: of the daily and of the lifecycle credential.
pub(crate) fn policies() -> [String; 2] {
    let blocks: Vec<_> = PAGE
        .split("```hcl\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect();
    blocks.try_into().unwrap()
}

/// A vault with both policies, as they stand on the page.
pub(crate) async fn set_up(bao: &OpenBao) {
    let [daily, lifecycle] = policies();
    bao.policy("coffer-daily", &daily).await;
    bao.policy("coffer-lifecycle", &lifecycle).await;
}

pub(crate) async fn token(bao: &OpenBao, policy: &str) -> SignIn {
    let token = bao.token(policy, "1h").await;
    SignIn::Token {
        file: bao.file(&format!("token-of-{policy}"), &token),
    }
}

pub(crate) async fn app_role(bao: &OpenBao, policy: &str) -> SignIn {
    short_app_role(bao, policy, "1h", "2h").await
}

pub(crate) async fn short_app_role(bao: &OpenBao, policy: &str, ttl: &str, max: &str) -> SignIn {
    let [role_id, secret] = bao.app_role(policy, policy, ttl, max).await;
    SignIn::AppRole {
        mount: "approle".into(),
        role_id,
        secret_id_file: bao.file(&format!("secret-of-{policy}"), &format!("{secret}\n")),
    }
}

/// Settings of the page. The machine may be busy: what is slow is no failure here.
pub(crate) fn settings(url: &str, daily: SignIn, lifecycle: Option<SignIn>) -> Settings {
    Settings {
        notes_mount: Some("coffer-notes".into()),
        deadline: Duration::from_secs(20),
        lifecycle,
        ..Settings::new(url, daily)
    }
}

pub(crate) fn provider(settings: &Settings) -> VaultProvider {
    connect(settings, Arc::new(os_entropy)).unwrap()
}

pub(crate) fn context() -> ProjectKeyContext {
    ProjectKeyContext {
        scale_unit: "prod".into(),
        organization: Uuid::from_u128(1),
        project: Uuid::from_u128(2),
        version: 1,
    }
}

pub(crate) fn manage(provider: &VaultProvider) -> &dyn KeyLifecycle {
    provider.lifecycle().unwrap()
}

pub(crate) fn secret() -> ProjectKeySecret {
    ProjectKeySecret::generate(&os_entropy)
}

/// A vault, its provider by AppRole through a proxy, and a generation.
pub(crate) struct World {
    pub(crate) bao: OpenBao,
    pub(crate) proxy: FaultProxy,
    provider: VaultProvider,
    generation: GenerationId,
}

pub(crate) async fn world() -> World {
    let bao = OpenBao::start().await;
    set_up(&bao).await;
    let proxy = FaultProxy::http(bao.address()).await;
    let daily = app_role(&bao, "coffer-daily").await;
    let lifecycle = app_role(&bao, "coffer-lifecycle").await;
    let provider = provider(&settings(&proxy.url(), daily, Some(lifecycle)));
    let generation = manage(&provider).new_generation("prod").await.unwrap();
    World {
        bao,
        proxy,
        provider,
        generation,
    }
}

impl World {
    pub(crate) async fn wrap(&self) -> Result<Vec<u8>, KeyError> {
        let (generation, context) = (&self.generation, context());
        self.provider.wrap(generation, &secret(), &context).await
    }

    pub(crate) async fn unwrap(&self, wrapped: &[u8]) -> Result<ProjectKeySecret, KeyError> {
        let (generation, context) = (&self.generation, context());
        self.provider.unwrap(generation, wrapped, &context).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    if !OpenBao::is_there("vault::conforms") {
        return;
    }
    let bao = OpenBao::start().await;
    let [daily, lifecycle] = policies().map(|policy| {
        // The suite has units of its own.
        policy
            .replace("coffer.prod.*", "coffer.*")
            .replace("coffer/prod", "coffer/*")
    });
    bao.policy("daily", &daily).await;
    bao.policy("lifecycle", &lifecycle).await;
    let settings = settings(
        bao.url(),
        token(&bao, "daily").await,
        Some(token(&bao, "lifecycle").await),
    );
    let provider = provider(&settings);
    assert!(provider.notes().is_some() && provider.lifecycle().is_some());
    conformance::suite(Arc::new(provider)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policies_of_the_page_are_enough_and_no_more() {
    if !OpenBao::is_there("vault::policies") {
        return;
    }
    let world = world().await;
    let (provider, generation) = (&world.provider, &world.generation);
    assert!(generation.0.starts_with("transit/coffer.prod.00000001-"));
    assert_eq!(
        provider.newest_generation("prod").await.unwrap().as_ref(),
        Some(generation)
    );
    let wrapped = world.wrap().await.unwrap();
    world.unwrap(&wrapped).await.unwrap();
    let notes = provider.notes().unwrap();
    notes.put_note("prod", "noted").await.unwrap();
    assert_eq!(notes.note("prod").await.unwrap().unwrap(), "noted");
    manage(provider).disable(generation).await.unwrap();
    manage(provider).enable(generation).await.unwrap();
    world.unwrap(&wrapped).await.unwrap();

    // Neither may do the other's work, nor anything with another unit's keys or with keys that leave the vault.
    let name = generation.0.strip_prefix("transit/").unwrap();
    let bao = &world.bao;
    let daily = bao.token("coffer-daily", "1h").await;
    let lifecycle = bao.token("coffer-lifecycle", "1h").await;
    let plain = json!({ "plaintext": "AAAA" });
    for (token, method, path, body) in [
        (
            &daily,
            "POST",
            format!("transit/keys/{name}/rotate"),
            json!({}),
        ),
        (
            &daily,
            "POST",
            format!("transit/keys/{name}/config"),
            json!({"deletion_allowed": true}),
        ),
        (
            &daily,
            "DELETE",
            format!("transit/keys/{name}"),
            Value::Null,
        ),
        (
            &daily,
            "GET",
            format!("transit/export/encryption-key/{name}"),
            Value::Null,
        ),
        (
            &daily,
            "POST",
            "transit/encrypt/coffer.prod-2.00000001-00000000".into(),
            plain.clone(),
        ),
        (
            &daily,
            "GET",
            "coffer-notes/data/coffer/prod-2".into(),
            Value::Null,
        ),
        (&lifecycle, "POST", format!("transit/encrypt/{name}"), plain),
        (
            &lifecycle,
            "POST",
            format!("transit/decrypt/{name}"),
            json!({"ciphertext": "vault:v1:AAAA"}),
        ),
        (
            &lifecycle,
            "POST",
            format!("transit/keys/{name}/config"),
            json!({"exportable": true}),
        ),
        (
            &lifecycle,
            "POST",
            "transit/keys/coffer.prod.x".into(),
            json!({"exportable": true}),
        ),
        (
            &lifecycle,
            "POST",
            "transit/keys/coffer.prod-2.x".into(),
            json!({}),
        ),
        (
            &lifecycle,
            "GET",
            format!("transit/export/encryption-key/{name}"),
            Value::Null,
        ),
    ] {
        let (status, said) = bao.call(method, &path, &body, token).await;
        assert_eq!(status, 403, "{method} {path}: {said}");
    }

    // Who may only update does not bring a destroyed key back by wrapping with it.
    manage(provider).disable(generation).await.unwrap();
    manage(provider).destroy(generation).await.unwrap();
    let gone = world.wrap().await.unwrap_err();
    assert!(
        matches!(
            gone,
            KeyError::UnknownGeneration { .. } | KeyError::Forbidden { .. }
        ),
        "{gone}"
    );
    let path = format!("transit/keys/{name}");
    let (status, _) = bao.call("GET", &path, &Value::Null, &lifecycle).await;
    assert_eq!(status, 404, "the key is there again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_lifecycle_a_prepared_generation_serves_and_what_is_unfit_does_not() {
    if !OpenBao::is_there("vault::prepared") {
        return;
    }
    let bao = OpenBao::start().await;
    set_up(&bao).await;
    let provider = provider(&Settings {
        notes_mount: None,
        ..settings(bao.url(), token(&bao, "coffer-daily").await, None)
    });
    assert!(provider.lifecycle().is_none() && provider.notes().is_none());
    assert_eq!(provider.newest_generation("prod").await.unwrap(), None);
    let first = "transit/keys/coffer.prod.00000001-00000000";
    bao.ask("POST", first, json!({"type": "aes256-gcm96"}))
        .await;
    let newest = provider.newest_generation("prod").await.unwrap().unwrap();
    let wrapped = provider.wrap(&newest, &secret(), &context()).await.unwrap();
    for (number, unfit) in [
        (2, json!({"type": "aes256-gcm96", "exportable": true})),
        (3, json!({"type": "chacha20-poly1305"})),
        (4, json!({"type": "aes256-gcm96", "derived": true})),
    ] {
        let path = format!("transit/keys/coffer.prod.0000000{number}-00000000");
        bao.ask("POST", &path, unfit).await;
        let refused = provider.newest_generation("prod").await.unwrap_err();
        assert!(matches!(refused, KeyError::Refused { .. }), "{refused}");
    }
    // Disabled by hand is disabled.
    bao.ask("POST", &format!("{first}/rotate"), json!({})).await;
    let floor = json!({"min_decryption_version": 2});
    bao.ask("POST", &format!("{first}/config"), floor).await;
    let refused = provider.unwrap(&newest, &wrapped, &context()).await.err();
    assert!(
        matches!(refused, Some(KeyError::Disabled { .. })),
        "{refused:?}"
    );
    let elsewhere = GenerationId("other/coffer.prod.00000001-00000000".into());
    let unknown = provider
        .unwrap(&elsewhere, &wrapped, &context())
        .await
        .err();
    assert!(matches!(unknown, Some(KeyError::UnknownGeneration { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vault_itself_binds_a_wrap_to_its_place() {
    if !OpenBao::is_there("vault::bound") {
        return;
    }
    let world = world().await;
    let wrapped = world.wrap().await.unwrap();
    let elsewhere = ProjectKeyContext {
        project: Uuid::from_u128(3),
        ..context()
    };
    let provider = &world.provider;
    let opened = provider
        .unwrap(&world.generation, &wrapped, &elsewhere)
        .await;
    assert!(matches!(opened, Err(KeyError::Damaged)));
    let other_unit = ProjectKeyContext {
        scale_unit: "prod-2".into(),
        ..context()
    };
    let opened = provider
        .unwrap(&world.generation, &wrapped, &other_unit)
        .await;
    assert!(matches!(opened, Err(KeyError::OtherScaleUnit { .. })));
}
