//! Our own double of Azure Key Vault, with the sign-in of Entra ID and the metadata service that hands out managed
//! identities: real RSA and elliptic curves, keys with versions, attributes and tags, soft delete, rights for each
//! client, and every way to fail that a story asks for.
//!
//! Written from the public REST description, version 2025-07-01 (learn.microsoft.com/rest/api/keyvault/keys), and from
//! what the published crate `azure_security_keyvault_keys` sends. It speaks TLS with a certificate of an authority made
//! for it, as the SDK sends no token over plain HTTP. Knows nothing of what Coffer keeps in a vault.

mod identity;
mod keys;
mod listen;
mod requests;

use crate::samples::{Authority, random};
use keys::{Key, Pair};
pub(crate) use listen::accept;
pub(crate) use requests::cut;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// The tenant that the double's clients belong to.
pub const TENANT: &str = "11111111-2222-3333-4444-555555555555";
/// Who does daily work: the client's id and its secret.
pub const DAILY: (&str, &str) = (
    "aaaaaaaa-0000-0000-0000-000000000001",
    "daily~secret~of~a~test",
);
/// Who may make and destroy keys: the client's id and its secret.
pub const LIFECYCLE: (&str, &str) = (
    "aaaaaaaa-0000-0000-0000-000000000002",
    "lifecycle~secret~of~a~test",
);
/// What a workload shows instead of a secret.
pub const FEDERATED_TOKEN: &str = "header.federated-token-of-a-test.signature";

const VAULT_HOST: &str = "coffer.vault.localhost";
const LOGIN_HOST: &str = "login.localhost";
const RESOURCE: &str = "https://vault.localhost";

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VaultFault {
    /// 429, with so many seconds of Retry-After.
    Throttled(u32),
    /// 503, with so many seconds of Retry-After, or without.
    Busy(Option<u32>),
    /// What it should, after so long.
    Slow(Duration),
    /// 500, nothing more.
    Broken,
    /// It never answers.
    Hangs,
    /// The connection ends before anything was done.
    CutBefore,
    /// It is done, and the connection ends before the answer is there.
    CutAfter,
    /// 200, and what comes is not JSON.
    Babbles,
}

struct State {
    keys: BTreeMap<String, Key>,
    /// With the time of the deletion, and how often it is still looked for in vain.
    deleted: BTreeMap<String, (Key, i64, usize)>,
    rights: HashMap<String, BTreeSet<String>>,
    /// Access tokens and whose they are.
    tokens: HashMap<String, String>,
    faults: Vec<Planned>,
    asked: Vec<String>,
    purge_protection: bool,
    /// How often a deleted key is looked for before it is there.
    deletion: usize,
}

/// A fault that is to come.
struct Planned {
    operation: String,
    /// Calls that go well before.
    after: usize,
    times: usize,
    fault: VaultFault,
}

struct Shared {
    state: Mutex<State>,
    address: SocketAddr,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn url(&self) -> String {
        format!("https://{VAULT_HOST}:{}", self.address.port())
    }
}

/// A running vault. It ends when it is dropped.
pub struct AzureVault {
    shared: Arc<Shared>,
    authority: Authority,
    pair: [String; 2],
    metadata: SocketAddr,
    serving: Mutex<Vec<JoinHandle<()>>>,
    folder: TempDir,
}

impl Drop for AzureVault {
    fn drop(&mut self) {
        self.stop();
    }
}

impl AzureVault {
    /// Starts one on ports of the system's choosing. [`DAILY`] and [`LIFECYCLE`] have the rights that the documentation
    /// asks for.
    pub async fn start() -> Self {
        let authority = Authority::new();
        let pair = authority.issue(&[VAULT_HOST, LOGIN_HOST], [2020, 2100]);
        let secure = listen::bind("127.0.0.1:0".parse().unwrap()).await;
        let plain = listen::bind("127.0.0.1:0".parse().unwrap()).await;
        let metadata = plain.local_addr().unwrap();
        let shared = Arc::new(Shared {
            address: secure.local_addr().unwrap(),
            state: Mutex::new(State {
                keys: BTreeMap::new(),
                deleted: BTreeMap::new(),
                rights: HashMap::new(),
                tokens: HashMap::new(),
                faults: Vec::new(),
                asked: Vec::new(),
                purge_protection: false,
                deletion: 0,
            }),
        });
        let folder = tempfile::tempdir().unwrap();
        let vault = Self {
            serving: Mutex::new(listen::serve(&shared, secure, plain, &pair)),
            shared,
            authority,
            pair,
            metadata,
            folder,
        };
        vault.grant(DAILY.0, &["get", "list", "wrapKey", "unwrapKey", "sign"]);
        let lifecycle = ["get", "list", "create", "update", "delete", "purge"];
        vault.grant(LIFECYCLE.0, &lifecycle);
        vault
    }

    /// Its address, as the configuration names it.
    pub fn url(&self) -> String {
        self.shared.url()
    }

    /// Where clients sign in.
    pub fn sign_in(&self) -> String {
        format!("https://{LOGIN_HOST}:{}", self.shared.address.port())
    }

    /// An HTTP client that trusts it, finds its names, and reaches its metadata service.
    pub fn client(&self) -> reqwest::Client {
        let trusted = reqwest::Certificate::from_pem(self.authority.pem().as_bytes()).unwrap();
        // The SDK's address of the metadata service is fixed; plain HTTP goes there by way of a proxy.
        let metadata = reqwest::Proxy::http(format!("http://{}", self.metadata)).unwrap();
        reqwest::Client::builder()
            .tls_certs_only([trusted])
            .redirect(reqwest::redirect::Policy::none())
            .resolve(VAULT_HOST, self.shared.address)
            .resolve(LOGIN_HOST, self.shared.address)
            .proxy(metadata)
            .build()
            .unwrap()
    }

    /// A file with this text, as secrets and tokens are handed out.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Gives a client exactly these rights, named as key permissions: `get`, `wrapKey`, …
    pub fn grant(&self, client: &str, rights: &[&str]) {
        let rights = rights.iter().map(|right| (*right).to_owned()).collect();
        self.shared.state().rights.insert(client.into(), rights);
    }

    /// The next calls of an operation fail; an empty name means any. Operations are named as rights are; `token` is the
    /// sign-in.
    pub fn fault(&self, operation: &str, fault: VaultFault, times: usize) {
        self.plan(operation, 0, fault, times);
    }

    /// So many calls of an operation go well, and then one fails.
    pub fn fault_later(&self, operation: &str, after: usize, fault: VaultFault) {
        self.plan(operation, after, fault, 1);
    }

    fn plan(&self, operation: &str, after: usize, fault: VaultFault, times: usize) {
        self.shared.state().faults.push(Planned {
            operation: operation.into(),
            after,
            times,
            fault,
        });
    }

    /// All is well again.
    pub fn heal(&self) {
        self.shared.state().faults.clear();
    }

    /// How often an operation was asked for.
    pub fn asked(&self, operation: &str) -> usize {
        let state = self.shared.state();
        let same = state.asked.iter().filter(|asked| *asked == operation);
        same.count()
    }

    /// Whether deleted keys may be purged before their time.
    pub fn protect_from_purge(&self, protect: bool) {
        self.shared.state().purge_protection = protect;
    }

    /// From now on a deletion takes so long that a deleted key is looked for so often in vain.
    pub fn delete_slowly(&self, looks: usize) {
        self.shared.state().deletion = looks;
    }

    /// What an operator does with the vault's own tools: brings a deleted key back.
    pub fn recover(&self, name: &str) {
        let mut state = self.shared.state();
        let (key, ..) = state.deleted.remove(name).unwrap();
        state.keys.insert(name.to_owned(), key);
    }

    /// All access tokens that were handed out stop being good.
    pub fn revoke_tokens(&self) {
        self.shared.state().tokens.clear();
    }

    /// The access tokens that are good, for a search in logs.
    pub fn tokens(&self) -> Vec<String> {
        self.shared.state().tokens.keys().cloned().collect()
    }

    /// The names of its keys.
    pub fn names(&self) -> Vec<String> {
        self.shared.state().keys.keys().cloned().collect()
    }

    /// The names of keys that were deleted and can be recovered.
    pub fn deleted(&self) -> Vec<String> {
        self.shared.state().deleted.keys().cloned().collect()
    }

    /// The tags of a key.
    pub fn tags(&self, name: &str) -> BTreeMap<String, String> {
        self.shared.state().keys[name].newest().tags.clone()
    }

    /// Sets when a key expires, in seconds since 1970.
    pub fn expire(&self, name: &str, at: i64) {
        let mut state = self.shared.state();
        state.keys.get_mut(name).unwrap().newest_mut().expires = Some(at);
    }

    /// What anybody can do who knows the public part of an RSA key: encrypt for it.
    pub fn encrypt_for(&self, name: &str, secret: &[u8]) -> Vec<u8> {
        match &self.shared.state().keys[name].newest().pair {
            Pair::Rsa(key) => key.encrypt(secret),
            Pair::Ec(_) => panic!("{name} does not encrypt"),
        }
    }

    /// Ends it in the middle of whatever it does. Its keys stay.
    pub fn stop(&self) {
        let mut serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        for task in serving.drain(..) {
            task.abort();
        }
    }

    /// Starts it again at its old addresses.
    pub async fn start_again(&self) {
        let secure = listen::bind(self.shared.address).await;
        let plain = listen::bind(self.metadata).await;
        let tasks = listen::serve(&self.shared, secure, plain, &self.pair);
        let mut serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        serving.extend(tasks);
    }
}

/// A name that nobody has.
fn unique() -> String {
    hex::encode(random(16))
}

/// Seconds since 1970.
fn now() -> i64 {
    let elapsed = std::time::UNIX_EPOCH
        .elapsed()
        .expect("the clock is after 1970");
    i64::try_from(elapsed.as_secs()).unwrap()
}
