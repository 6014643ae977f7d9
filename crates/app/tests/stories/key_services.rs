//! Root keys in a key service, as an operator configures it, and what its end does to uploads and downloads.

use crate::busy::{Busy, download, upload};
use crate::harness::{Done, PROJECT, Server, Site, eventually};
use crate::job::Hand;
use crate::kill::rotated;
use coffer_testkit::{FaultProxy, OpenBao, SoftHsm, Trouble};
use coffer_wire::agent::Job;
use serde_json::Value;
use std::fmt::Write as _;
use std::sync::Arc;

/// What the documentation tells operators to set up.
pub(crate) const PAGE: &str = include_str!("../../../../docs/keys/vault.md");

/// The part of `coffer.toml` that names the provider.
fn provider(name: &str) -> String {
    format!("[keys]\nprovider = {name:?}\nscale_unit = \"prod\"\n\n")
}

/// The section of a token.
pub(crate) fn token(hsm: &SoftHsm) -> String {
    format!(
        "[keys.pkcs11]\nmodule = {:?}\ntoken = {:?}\npin_file = {:?}\nlifecycle = true\ndeadline_seconds = 20\n",
        hsm.module().display(),
        hsm.label(),
        hsm.pin_file().display()
    )
}

/// The sections of a vault with both policies of the page, by AppRole.
pub(crate) async fn vault(bao: &OpenBao) -> String {
    let mut policies = PAGE.split("```hcl\n").skip(1);
    let mut config = format!(
        "[keys.vault]\naddress = {:?}\nnotes_mount = \"coffer-notes\"\ndeadline_seconds = 20\n",
        bao.url()
    );
    for (name, section) in [
        ("coffer-daily", ""),
        ("coffer-lifecycle", "\n[keys.vault.lifecycle]\n"),
    ] {
        let policy = policies.next().unwrap().split("```").next().unwrap();
        bao.policy(name, policy).await;
        let [role, secret] = bao.app_role(name, name, "1h", "2h").await;
        let file = bao.file(name, &secret);
        _ = write!(
            config,
            "{section}auth = \"approle\"\nrole = {role:?}\nsecret_file = {:?}\n",
            file.display()
        );
    }
    config
}

async fn opens(hand: &Hand, job: &Job) -> bool {
    download(hand, job).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_is_killed_in_the_middle_of_uploads_and_downloads() {
    if !OpenBao::is_there("key_services::vault") {
        return;
    }
    let mut bao = OpenBao::start().await;
    let site = Site::new();
    let config = site.file("coffer.toml", provider("vault") + &vault(&bao).await);
    let start = async |listen: &str| -> Server {
        let command = site.serve_command(listen, &["--config", &config]);
        site.start(command).await
    };
    let mut server = start(site.listen()).await;
    let ada = site.administrator(&server).await;
    upload(&ada.client(), PROJECT, "first.bin").await.unwrap();
    let hand = Arc::new(Hand::register(&ada, "hand").await);
    let first = Arc::new(hand.takes(&ada.client(), "opens", ["first.bin"]).await);
    assert!(opens(&hand, &first).await);
    assert!(
        !site.path("key/root.key").exists(),
        "a root key file was made besides"
    );

    // The project's key is in memory for its time: nothing fails while the vault is away.
    let mut busy = Busy::begin(ada.client(), &hand, &first);
    busy.more().await;
    bao.kill();
    busy.more().await;
    bao.start_again().await;
    busy.more().await;
    busy.end().await;

    // A server that starts while the vault is sealed has no keys, says so, and has them when it is opened.
    assert!(server.process.terminate().await.success());
    let server = start(server.address()).await;
    let refused = upload(&ada.client(), PROJECT, "refused.bin")
        .await
        .unwrap_err();
    assert_eq!(refused.status(), Some(503), "{refused}");
    assert!(!opens(&hand, &first).await);
    bao.unseal().await;
    eventually("downloads go on", async || {
        opens(&hand, &first).await.then_some(())
    })
    .await;
    upload(&ada.client(), PROJECT, "accepted.bin")
        .await
        .unwrap();
    ada.coffer(&["audit", "verify"]).await.ends(0);
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_holds_the_root_keys_of_a_server() {
    let Some(hsm) = SoftHsm::for_programs("key_services::a_token_holds_the_root_keys_of_a_server")
    else {
        return;
    };
    let site = Site::new();
    let config = provider("pkcs11") + &token(&hsm);
    let config = site.file("coffer.toml", config);
    let command = |listen: &str| {
        let mut command = site.serve_command(listen, &["--config", &config]);
        command.env("SOFTHSM2_CONF", hsm.config());
        command
    };
    let mut server = site.start(command(site.listen())).await;
    let ada = site.administrator(&server).await;
    upload(&ada.client(), PROJECT, "first.bin").await.unwrap();
    let hand = Hand::register(&ada, "hand").await;
    let first = hand.takes(&ada.client(), "opens", ["first.bin"]).await;
    assert!(opens(&hand, &first).await);
    assert!(server.process.terminate().await.success());
    let mut server = site.start(command(server.address())).await;
    assert!(opens(&hand, &first).await);
    assert!(server.process.terminate().await.success());
    assert!(!site.logs().contains(hsm.pin()), "the PIN is in the log");

    // Data of the token does not open with a file that knows nothing.
    let mut other = site.serve_command(server.address(), &[]);
    other.env("COFFER_KEYS__SCALE_UNIT", "prod");
    Done::of(other).await.ends(6).says("pkcs11");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_is_killed_in_the_middle_of_a_rotation() {
    if !OpenBao::is_there("key_services::rotation") {
        return;
    }
    let mut bao = OpenBao::start().await;
    let mut proxy = FaultProxy::http(bao.address()).await;
    let site = Site::new();
    let config = provider("vault") + &vault(&bao).await.replace(bao.url(), &proxy.url());
    let config = site.file("coffer.toml", config);
    let start = async |listen: &str, deployment: &str| -> Server {
        let mut command = site.serve_command(listen, &["--config", &config]);
        command.env("COFFER_DEPLOYMENT__ID", deployment);
        site.start(command).await
    };
    let mut server = start(site.listen(), "one").await;
    let ada = site.administrator(&server).await;
    upload(&ada.client(), PROJECT, "first.bin").await.unwrap();
    let hand = Hand::register(&ada, "hand").await;
    let first = hand.takes(&ada.client(), "opens", ["first.bin"]).await;
    assert!(server.process.terminate().await.success());

    // The new root key is made, but nobody hears of it; and then the vault is gone.
    let made = bao.ask("GET", "transit/keys?list=true", Value::Null).await;
    let names = |listed: &Value| -> Vec<String> {
        let keys = listed["data"]["keys"].as_array().unwrap().iter();
        keys.map(|key| key.as_str().unwrap().to_owned()).collect()
    };
    let next = format!("transit/keys/coffer.prod.{:08}-", names(&made).len() + 1);
    proxy.trouble_for(Trouble::Cuts, &next, 1).await;
    let mut server = start(server.address(), "two").await;
    eventually("the new root key is asked for", async || {
        (proxy.calls_to(&next) > 0).then_some(())
    })
    .await;
    bao.kill();
    bao.start_again().await;
    bao.unseal().await;
    rotated(&ada).await;
    let listed = bao.ask("GET", "transit/keys?list=true", Value::Null).await;
    let found = names(&listed);
    assert_eq!(found.len(), names(&made).len() + 1, "{found:?}");
    assert!(opens(&hand, &first).await);
    assert!(server.process.terminate().await.success());
    let server = start(server.address(), "two").await;
    assert!(opens(&hand, &first).await);
    ada.coffer(&["audit", "verify"]).await.ends(0);
    drop(server);
}
