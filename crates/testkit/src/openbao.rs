//! A real OpenBao: a vault with a Transit engine, on loopback, with its storage in a folder of its own, so that it comes
//! back after it was killed.
//!
//! Knows nothing of who uses it: a story gives it policies and identities as an operator does.

mod methods;

pub use methods::{Kubernetes, Signing};

use crate::samples::{Authority, random};
use crate::server::eventually;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running OpenBao, unsealed. Ends when it is dropped.
pub struct OpenBao {
    folder: TempDir,
    program: String,
    process: Option<Child>,
    address: SocketAddr,
    url: String,
    client: reqwest::Client,
    unseal_key: String,
    root: String,
}

impl OpenBao {
    /// Whether there is one; else the skip is written down.
    pub fn is_there(test: &str) -> bool {
        let there = crate::told("COFFER_TEST_OPENBAO").is_some();
        if !there {
            crate::skip(test, "COFFER_TEST_OPENBAO is not set");
        }
        there
    }

    /// Starts one that speaks plain HTTP, with a Transit engine at `transit` and a KV engine of version 2 at `coffer-notes`.
    pub async fn start() -> Self {
        Self::begin(None).await
    }

    /// The same over TLS, with a certificate of this authority.
    pub async fn start_tls(authority: &Authority) -> Self {
        Self::begin(Some(authority)).await
    }

    async fn begin(authority: Option<&Authority>) -> Self {
        let program = crate::told("COFFER_TEST_OPENBAO").expect("a story asks before");
        // An address of its own: nobody takes its ports while it is down.
        let bytes = random(3);
        let ip = IpAddr::from([127, bytes[0].max(1), bytes[1], bytes[2].clamp(1, 254)]);
        let free = || {
            let listener = TcpListener::bind((ip, 0)).unwrap();
            listener.local_addr().unwrap()
        };
        let (address, cluster) = (free(), free());
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::create_dir(at("data")).unwrap();
        let mut client = reqwest::Client::builder().no_proxy();
        let tls = match authority {
            None => String::from("tls_disable = true"),
            Some(authority) => {
                let [certificate, key] = authority.issue(&[&ip.to_string()], [2020, 2100]);
                std::fs::write(at("certificate.pem"), certificate).unwrap();
                std::fs::write(at("key.pem"), key).unwrap();
                std::fs::write(at("ca.pem"), authority.pem()).unwrap();
                let root = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
                client = client.tls_certs_only([root]);
                format!(
                    "tls_cert_file = {:?}\n tls_key_file = {:?}",
                    at("certificate.pem"),
                    at("key.pem")
                )
            }
        };
        let scheme = if authority.is_some() { "https" } else { "http" };
        let config = format!(
            "api_addr = \"{scheme}://{address}\"\ncluster_addr = \"https://{cluster}\"\n\
             storage \"raft\" {{\n path = {:?}\n node_id = \"one\"\n performance_multiplier = 1\n}}\n\
             listener \"tcp\" {{\n address = \"{address}\"\n cluster_address = \"{cluster}\"\n {tls}\n}}\n",
            at("data")
        );
        std::fs::write(at("bao.hcl"), config).unwrap();
        let mut bao = Self {
            folder,
            program,
            process: None,
            address,
            url: format!("{scheme}://{address}"),
            client: client.build().unwrap(),
            unseal_key: String::new(),
            root: String::new(),
        };
        bao.run().await;
        let keys = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let (status, made) = bao.call("PUT", "sys/init", &keys, "").await;
        assert_eq!(status, 200, "{made}");
        bao.unseal_key = made["keys_base64"][0].as_str().unwrap().to_owned();
        bao.root = made["root_token"].as_str().unwrap().to_owned();
        bao.unseal().await;
        bao.ask("POST", "sys/mounts/transit", json!({ "type": "transit" }))
            .await;
        bao.ask(
            "POST",
            "sys/mounts/coffer-notes",
            json!({ "type": "kv", "options": { "version": "2" } }),
        )
        .await;
        bao
    }

    /// Starts the program and waits until it answers.
    #[expect(
        clippy::disallowed_methods,
        reason = "the story is about this very program"
    )]
    async fn run(&mut self) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .unwrap();
        let process = Command::new(&self.program)
            .arg("server")
            .arg(format!(
                "-config={}",
                self.folder.path().join("bao.hcl").display()
            ))
            .env_clear()
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(process);
        let bao = &*self;
        eventually("OpenBao answers", || async {
            let health = bao.client.get(format!("{}/v1/sys/health", bao.url));
            health.send().await.is_ok()
        })
        .await;
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The authority's certificate that clients of one with TLS have to trust.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A file in its folder, such as one with a token.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// All it has written.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// A call with any token, below `v1/`: the status and what was said.
    pub async fn call(&self, method: &str, path: &str, body: &Value, token: &str) -> (u16, Value) {
        let method = method.parse().unwrap();
        let mut request = self
            .client
            .request(method, format!("{}/v1/{path}", self.url));
        if !token.is_empty() {
            request = request.header("x-vault-token", token);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// A call as its operator, which must go well.
    pub async fn ask(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, said) = self.call(method, path, &body, &self.root).await;
        assert!((200..300).contains(&status), "{path}: {status} {said}");
        said
    }

    /// Makes a policy.
    pub async fn policy(&self, name: &str, text: &str) {
        let path = format!("sys/policies/acl/{name}");
        self.ask("POST", &path, json!({ "policy": text })).await;
    }

    /// A token with one policy, that ends after so long unless it is renewed.
    pub async fn token(&self, policy: &str, ttl: &str) -> String {
        let wanted = json!({ "policies": [policy], "ttl": ttl });
        let made = self.ask("POST", "auth/token/create", wanted).await;
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    /// Ends a token.
    pub async fn revoke(&self, token: &str) {
        self.ask("POST", "auth/token/revoke", json!({ "token": token }))
            .await;
    }

    /// Ends all tokens that a method of signing in gave out.
    pub async fn revoke_all(&self, method: &str) {
        let path = format!("sys/leases/revoke-prefix/auth/{method}");
        self.ask("POST", &path, json!({})).await;
    }

    /// Makes it forget how to decrypt its own storage.
    pub async fn seal(&self) {
        self.ask("POST", "sys/seal", Value::Null).await;
    }

    /// Opens it, and waits until it is ready for work.
    pub async fn unseal(&self) {
        let key = json!({ "key": self.unseal_key });
        let (status, said) = self.call("POST", "sys/unseal", &key, "").await;
        assert_eq!(status, 200, "{said}");
        eventually("OpenBao is unsealed and active", || async {
            let health = self.client.get(format!("{}/v1/sys/health", self.url));
            matches!(health.send().await, Ok(answer) if answer.status() == 200)
        })
        .await;
    }

    /// Kills it: it has no time for anything.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts it again after it was killed. It comes up sealed.
    pub async fn start_again(&mut self) {
        assert!(self.process.is_none(), "it was not killed");
        self.run().await;
    }
}

impl Drop for OpenBao {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself; either way it is gone afterwards.
            let _ended = process.kill();
            let _status = process.wait();
        }
    }
}
