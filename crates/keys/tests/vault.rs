//! Vault: the common suite before a real OpenBao, and what is particular to a vault. The policies are those that
//! `docs/keys/vault.md` gives to operators.

#![cfg(feature = "vault")]
#![expect(clippy::unwrap_used, reason = "a test")]

mod conformance;

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

const PAGE: &str = include_str!("../../../docs/keys/vault.md");

/// The policies of the page: of the daily and of the lifecycle credential.
fn policies() -> [String; 2] {
    let blocks: Vec<_> = PAGE
        .split("```hcl\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect();
    blocks.try_into().unwrap()
}

/// A vault with both policies, as they stand on the page.
async fn set_up(bao: &OpenBao) {
    let [daily, lifecycle] = policies();
    bao.policy("coffer-daily", &daily).await;
    bao.policy("coffer-lifecycle", &lifecycle).await;
}

async fn token(bao: &OpenBao, policy: &str) -> SignIn {
    let token = bao.token(policy, "1h").await;
    SignIn::Token {
        file: bao.file(&format!("token-of-{policy}"), &token),
    }
}

async fn app_role(bao: &OpenBao, policy: &str) -> SignIn {
    short_app_role(bao, policy, "1h", "2h").await
}

async fn short_app_role(bao: &OpenBao, policy: &str, ttl: &str, max: &str) -> SignIn {
    let [role_id, secret] = bao.app_role(policy, policy, ttl, max).await;
    SignIn::AppRole {
        mount: "approle".into(),
        role_id,
        secret_id_file: bao.file(&format!("secret-of-{policy}"), &format!("{secret}\n")),
    }
}

/// Settings of the page. The machine may be busy: what is slow is no failure here.
fn settings(url: &str, daily: SignIn, lifecycle: Option<SignIn>) -> Settings {
    Settings {
        notes_mount: Some("coffer-notes".into()),
        deadline: Duration::from_secs(20),
        lifecycle,
        ..Settings::new(url, daily)
    }
}

fn provider(settings: &Settings) -> VaultProvider {
    connect(settings, Arc::new(os_entropy)).unwrap()
}

fn context() -> ProjectKeyContext {
    ProjectKeyContext {
        scale_unit: "prod".into(),
        organization: Uuid::from_u128(1),
        project: Uuid::from_u128(2),
        version: 1,
    }
}

fn manage(provider: &VaultProvider) -> &dyn KeyLifecycle {
    provider.lifecycle().unwrap()
}

fn secret() -> ProjectKeySecret {
    ProjectKeySecret::generate(&os_entropy)
}

/// A vault, its provider by AppRole through a proxy, and a generation.
struct World {
    bao: OpenBao,
    proxy: FaultProxy,
    provider: VaultProvider,
    generation: GenerationId,
}

async fn world() -> World {
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
    async fn wrap(&self) -> Result<Vec<u8>, KeyError> {
        let (generation, context) = (&self.generation, context());
        self.provider.wrap(generation, &secret(), &context).await
    }

    async fn unwrap(&self, wrapped: &[u8]) -> Result<ProjectKeySecret, KeyError> {
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
async fn every_way_of_signing_in_leads_to_the_keys() {
    if !OpenBao::is_there("vault::sign_in") {
        return;
    }
    let bao = OpenBao::start().await;
    set_up(&bao).await;
    let signing = Signing::new();
    bao.jwt_role("coffer", "coffer-daily", &signing, "coffer@prod")
        .await;
    let cluster = bao
        .kubernetes_role("coffer", "coffer-daily", ["tools", "coffer"])
        .await;
    let claims = |subject| json!({ "sub": subject, "aud": "coffer", "iss": "issuer" });
    let jwt = |name, token: String| SignIn::Jwt {
        mount: "jwt".into(),
        role: "coffer".into(),
        token_file: bao.file(name, &token),
    };
    let kubernetes = |name, token: String| SignIn::Kubernetes {
        mount: "kubernetes".into(),
        role: "coffer".into(),
        token_file: bao.file(name, &token),
    };
    for good in [
        token(&bao, "coffer-daily").await,
        app_role(&bao, "coffer-daily").await,
        jwt("jwt", signing.token(claims("coffer@prod"))),
        kubernetes("account", cluster.token("tools", "coffer")),
    ] {
        let shown = format!("{good:?}");
        let provider = provider(&settings(bao.url(), good, None));
        let newest = provider.newest_generation("prod").await;
        assert_eq!(newest.unwrap(), None, "{shown}");
    }
    assert!(cluster.reviews() > 0, "nobody asked the cluster");
    let SignIn::AppRole { role_id, .. } = app_role(&bao, "coffer-daily").await else {
        panic!("not an AppRole");
    };
    for (bad, right) in [
        (
            jwt("other-jwt", signing.token(claims("mallory"))),
            "sign in",
        ),
        (
            jwt("forged-jwt", Signing::new().token(claims("coffer@prod"))),
            "sign in",
        ),
        (
            kubernetes("other-account", cluster.token("tools", "mallory")),
            "sign in",
        ),
        (
            SignIn::AppRole {
                mount: "approle".into(),
                role_id,
                secret_id_file: bao.file("wrong", "wrong"),
            },
            "sign in",
        ),
        (
            SignIn::Token {
                file: bao.file("no-token", "s.wrong"),
            },
            "list keys",
        ),
    ] {
        let shown = format!("{bad:?}");
        let provider = provider(&settings(bao.url(), bad, None));
        let error = provider.newest_generation("prod").await.unwrap_err();
        assert!(
            matches!(error, KeyError::Forbidden { right: found, .. } if found == right),
            "{shown}: {error}"
        );
    }
    let nothing = SignIn::Token {
        file: "/nowhere/token".into(),
    };
    let provider = provider(&settings(bao.url(), nothing, None));
    assert!(
        provider
            .newest_generation("prod")
            .await
            .unwrap_err()
            .is_passing()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_killed_in_the_middle_of_calls_is_a_passing_trouble() {
    if !OpenBao::is_there("vault::killed") {
        return;
    }
    let mut world = world().await;
    let kept = secret();
    let context = context();
    let wrapped = world
        .provider
        .wrap(&world.generation, &kept, &context)
        .await
        .unwrap();
    let daily = Arc::new(provider(&settings(
        world.bao.url(),
        app_role(&world.bao, "coffer-daily").await,
        None,
    )));
    let (done, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..6)
        .map(|_| {
            let (daily, generation, wrapped) =
                (daily.clone(), world.generation.clone(), wrapped.clone());
            let (done, failed, stop) = (done.clone(), failed.clone(), stop.clone());
            let (context, expected) = (context.clone(), *kept.as_bytes());
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let fresh = secret();
                    let called = match daily.wrap(&generation, &fresh, &context).await {
                        Ok(_) => daily.unwrap(&generation, &wrapped, &context).await,
                        Err(error) => Err(error),
                    };
                    match called {
                        Ok(opened) => {
                            assert_eq!(opened.as_bytes(), &expected, "a wrong answer");
                            done.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(error) => {
                            assert!(error.is_passing(), "a lasting error: {error}");
                            failed.fetch_add(1, Ordering::SeqCst);
                            tokio::task::yield_now().await;
                        }
                    }
                }
            })
        })
        .collect();
    let more = async |count: &AtomicUsize| {
        let now = count.load(Ordering::SeqCst);
        eventually("more calls end so", || async {
            count.load(Ordering::SeqCst) > now + 6
        })
        .await;
    };
    more(&done).await;
    world.bao.kill();
    more(&failed).await;
    world.bao.start_again().await; // sealed
    more(&failed).await;
    let sealed = daily.newest_generation("prod").await.unwrap_err();
    assert!(
        sealed.is_passing() && sealed.to_string().contains("sealed"),
        "{sealed}"
    );
    world.bao.unseal().await;
    more(&done).await;
    world.bao.seal().await;
    more(&failed).await;
    world.bao.unseal().await;
    more(&done).await;
    stop.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_is_replaced_and_a_missing_right_is_told() {
    if !OpenBao::is_there("vault::revoked") {
        return;
    }
    let world = world().await;
    let wrapped = world.wrap().await.unwrap();
    let logins = world.proxy.calls_to("approle/login");
    world.bao.revoke_all("approle").await;
    world.unwrap(&wrapped).await.unwrap();
    assert_eq!(world.proxy.calls_to("approle/login"), logins + 1);

    // A token in a file is what it is, until somebody replaces it.
    let bao = &world.bao;
    let (first, second) = (
        bao.token("coffer-daily", "1h").await,
        bao.token("coffer-daily", "1h").await,
    );
    let file = bao.file("token", &first);
    let by_file = provider(&settings(
        bao.url(),
        SignIn::Token { file: file.clone() },
        None,
    ));
    by_file.newest_generation("prod").await.unwrap();
    bao.revoke(&first).await;
    let error = by_file.newest_generation("prod").await.unwrap_err();
    assert!(matches!(error, KeyError::Forbidden { .. }), "{error}");
    write(&file, &second);
    eventually("the new token is taken", || async {
        by_file.newest_generation("prod").await.is_ok()
    })
    .await;

    // A right that is taken away is named, and nobody signs in again for it.
    bao.policy(
        "coffer-daily",
        "path \"transit/keys\" {\n capabilities = [\"list\"]\n}",
    )
    .await;
    let logins = world.proxy.calls_to("approle/login");
    for _ in 0..3 {
        let error = world.unwrap(&wrapped).await.err().unwrap();
        assert!(
            matches!(
                error,
                KeyError::Forbidden {
                    right: "unwrap",
                    ..
                }
            ),
            "{error}"
        );
        assert!(
            error.to_string().contains("transit/decrypt/coffer.prod."),
            "{error}"
        );
    }
    assert_eq!(world.proxy.calls_to("approle/login"), logins);
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_renewed_before_it_ends_and_an_old_token_is_followed_by_another() {
    if !OpenBao::is_there("vault::renewal") {
        return;
    }
    let bao = OpenBao::start().await;
    set_up(&bao).await;
    let proxy = FaultProxy::http(bao.address()).await;
    let short = short_app_role(&bao, "coffer-daily", "3s", "7s").await;
    let provider = provider(&settings(&proxy.url(), short, None));
    provider.newest_generation("prod").await.unwrap();
    // Nobody calls meanwhile.
    eventually("it is renewed", || async {
        proxy.calls_to("renew-self") > 0
    })
    .await;
    eventually("it is followed by another", || async {
        proxy.calls_to("approle/login") > 1
    })
    .await;
    provider.newest_generation("prod").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_sign_in_once_whether_it_works_or_not() {
    if !OpenBao::is_there("vault::stampede") {
        return;
    }
    let bao = OpenBao::start().await;
    set_up(&bao).await;
    let mut proxy = FaultProxy::http(bao.address()).await;
    let daily = app_role(&bao, "coffer-daily").await;
    for (trouble, works) in [(None, true), (Some(Trouble::answers(503)), false)] {
        let provider = Arc::new(provider(&settings(&proxy.url(), daily.clone(), None)));
        if let Some(trouble) = trouble {
            proxy.trouble_for(trouble, "login", 1000).await;
        }
        let before = proxy.calls_to("login");
        proxy.pause();
        let callers: Vec<_> = (0..20)
            .map(|_| {
                let provider = provider.clone();
                tokio::spawn(async move { provider.newest_generation("prod").await.is_ok() })
            })
            .collect();
        eventually("one waits at the vault", || async { proxy.waiting() > 0 }).await;
        proxy.resume();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), works);
        }
        assert_eq!(proxy.calls_to("login") - before, 1);
    }
    proxy.end_trouble().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_trouble_is_told_for_what_it_is() {
    if !OpenBao::is_there("vault::troubles") {
        return;
    }
    let mut world = world().await;
    let wrapped = world.wrap().await.unwrap();
    for trouble in [
        Trouble::Refuses,
        Trouble::Cuts,
        Trouble::answers(500),
        Trouble::answers(503),
    ] {
        world.proxy.trouble(trouble.clone()).await;
        let error = world.unwrap(&wrapped).await.err().unwrap();
        assert!(
            matches!(error, KeyError::Unavailable { .. }),
            "{trouble:?}: {error}"
        );
    }
    world.proxy.trouble(Trouble::throttles(7)).await;
    let error = world.unwrap(&wrapped).await.err().unwrap();
    let wanted = Duration::from_secs(7);
    assert!(
        matches!(error, KeyError::Throttled { retry_after } if retry_after == wanted),
        "{error}"
    );
    world
        .proxy
        .trouble(Trouble::Slow(Duration::from_millis(20)))
        .await;
    world.unwrap(&wrapped).await.unwrap();
    world.proxy.end_trouble().await;
    world.unwrap(&wrapped).await.unwrap();

    world.proxy.trouble(Trouble::Hangs).await;
    let impatient = Settings {
        deadline: Duration::from_millis(200),
        ..settings(
            &world.proxy.url(),
            token(&world.bao, "coffer-daily").await,
            None,
        )
    };
    let error = provider(&impatient)
        .newest_generation("prod")
        .await
        .unwrap_err();
    assert!(
        error.is_passing() && error.to_string().contains("in time"),
        "{error}"
    );

    // What is no vault is no vault.
    let page = Trouble::Answers {
        status: http::StatusCode::OK,
        headers: vec![],
        body: "<html>".into(),
    };
    world.proxy.trouble(page).await;
    let error = world.unwrap(&wrapped).await.err().unwrap();
    assert!(error.to_string().contains("check the address"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_carried_to_the_configured_address_only() {
    if !OpenBao::is_there("vault::redirect") {
        return;
    }
    let mut world = world().await;
    let elsewhere = FaultProxy::http(world.bao.address()).await;
    let wrapped = world.wrap().await.unwrap();
    for status in [301, 302, 307, 308] {
        world
            .proxy
            .trouble(Trouble::Answers {
                status: http::StatusCode::from_u16(status).unwrap(),
                headers: vec![("location", format!("{}/v1/sys/health", elsewhere.url()))],
                body: String::new(),
            })
            .await;
        assert!(world.unwrap(&wrapped).await.is_err());
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_authority_is_believed_when_it_is_named() {
    if !OpenBao::is_there("vault::tls") {
        return;
    }
    let authority = Authority::new();
    let bao = OpenBao::start_tls(&authority).await;
    set_up(&bao).await;
    let daily = token(&bao, "coffer-daily").await;
    let with = |ca_file| Settings {
        ca_file,
        ..settings(bao.url(), daily.clone(), None)
    };
    provider(&with(Some(bao.ca_file())))
        .newest_generation("prod")
        .await
        .unwrap();
    let other = bao.file("other.pem", Authority::new().pem());
    for unknown in [None, Some(other)] {
        let error = provider(&with(unknown))
            .newest_generation("prod")
            .await
            .unwrap_err();
        assert!(
            error.is_passing() && error.to_string().contains("certificate"),
            "{error}"
        );
    }
    let nothing = connect(&with(Some(bao.file("empty.pem", ""))), Arc::new(os_entropy));
    assert!(nothing.is_err());
}
