//! A key service below a whole server dies in the middle of uploads, downloads and a rotation, comes back, is slow, has a
//! quota and disables a key. One story for every service that can be killed, each by its own SDK or client.
//!
//! The server is in this process, so that time passes for keys in memory when the story says so.

use crate::busy::{Busy, content, upload};
use crate::job::{Hand, token};
use crate::key_services::PAGE;
use coffer_keys::aws::Credential as AwsCredential;
use coffer_keys::azure::Credential as AzureCredential;
use coffer_keys::vault::SignIn;
use coffer_keys::{GenerationId, KeyProvider, aws, azure, os_entropy, vault};
use coffer_testkit::azure_vault::{AzureVault, DAILY, LIFECYCLE, TENANT, VaultFault};
use coffer_testkit::{
    Answer, AwsKms, Engine, FaultProxy, OpenBao, PROJECT, Setup, TestServer, Trouble, eventually,
};
use coffer_wire::agent::Job;
use std::sync::Arc;
use std::time::Duration;

/// Longer than a key stays in memory, and than nobody calls after failures.
const LONG: Duration = Duration::from_secs(3600);
/// Longer than nobody calls after failures; keys in memory stay.
const PAUSE: Duration = Duration::from_secs(60);
/// Who asks at once.
const CROWD: usize = 24;
/// What a quota asks for.
const QUOTA: u32 = 600;

/// A service, what makes it fail, and the way to it.
enum Service {
    Vault(Box<OpenBao>, FaultProxy),
    Aws(AwsKms, FaultProxy),
    Azure(AzureVault),
}

struct Below {
    service: Service,
    provider: Arc<dyn KeyProvider>,
}

impl Below {
    async fn vault(test: &str) -> Option<Self> {
        if !OpenBao::is_there(test) {
            return None;
        }
        let bao = OpenBao::start().await;
        let mut policies = PAGE.split("```hcl\n").skip(1);
        let mut sign_ins = Vec::new();
        for name in ["coffer-daily", "coffer-lifecycle"] {
            let policy = policies.next().unwrap().split("```").next().unwrap();
            // The page's unit is another than this server's.
            bao.policy(name, &policy.replace("prod", "unit-a")).await;
            let file = bao.file(name, &bao.token(name, "1h").await);
            sign_ins.push(SignIn::Token { file });
        }
        let proxy = FaultProxy::http(bao.address()).await;
        let settings = vault::Settings {
            lifecycle: sign_ins.pop(),
            ..vault::Settings::new(proxy.url(), sign_ins.remove(0))
        };
        let provider = vault::connect(&settings, Arc::new(os_entropy)).unwrap();
        Some(Self {
            service: Service::Vault(Box::new(bao), proxy),
            provider: Arc::new(provider),
        })
    }

    async fn aws(test: &str) -> Option<Self> {
        if !AwsKms::is_there(test) {
            return None;
        }
        let kms = AwsKms::start().await;
        let proxy = FaultProxy::http(kms.address()).await;
        let settings = aws::Settings {
            region: Some(AwsKms::REGION.into()),
            endpoint: Some(proxy.url()),
            daily: AwsCredential::Chain,
            lifecycle: Some(AwsCredential::Profile("lifecycle".into())),
            credentials_file: Some(kms.credentials_file()),
            patience: Duration::from_secs(20),
        };
        let provider = aws::connect(&settings, Arc::new(os_entropy)).await;
        Some(Self {
            service: Service::Aws(kms, proxy),
            provider: Arc::new(provider.unwrap()),
        })
    }

    async fn azure() -> Self {
        let vault = AzureVault::start().await;
        let credential = |(client, secret): (&str, &str)| AzureCredential::ClientSecret {
            tenant: TENANT.into(),
            client_id: client.into(),
            secret_file: vault.file(client, secret),
        };
        let settings = azure::Settings {
            vault: vault.url(),
            daily: credential(DAILY),
            lifecycle: Some(credential(LIFECYCLE)),
            authority: Some(vault.sign_in()),
            ca_file: None,
            key_size: 2048,
            hardware: false,
            patience: Duration::from_secs(20),
        };
        let provider = azure::connect_over(&settings, Arc::new(os_entropy), &vault.client());
        Self {
            service: Service::Azure(vault),
            provider: Arc::new(provider.unwrap()),
        }
    }

    /// It dies in the middle of whatever it does.
    fn kill(&mut self) {
        match &mut self.service {
            Service::Vault(bao, _) => bao.kill(),
            Service::Aws(kms, _) => kms.kill(),
            Service::Azure(vault) => vault.stop(),
        }
    }

    async fn start_again(&mut self) {
        match &mut self.service {
            Service::Vault(bao, _) => {
                bao.start_again().await;
                bao.unseal().await;
            }
            Service::Aws(kms, _) => kms.start_again().await,
            Service::Azure(vault) => vault.start_again().await,
        }
    }

    /// Every call is refused by its quota, with the time after which to come back.
    async fn throttles(&mut self) {
        match &mut self.service {
            Service::Vault(_, proxy) | Service::Aws(_, proxy) => {
                proxy.trouble(Trouble::throttles(QUOTA.into())).await;
            }
            Service::Azure(vault) => vault.fault("", VaultFault::Throttled(QUOTA), usize::MAX),
        }
    }

    async fn is_slow(&mut self) {
        let time = Duration::from_millis(300);
        match &mut self.service {
            Service::Vault(_, proxy) | Service::Aws(_, proxy) => {
                proxy.trouble(Trouble::Slow(time)).await;
            }
            Service::Azure(vault) => vault.fault("", VaultFault::Slow(time), usize::MAX),
        }
    }

    async fn is_well(&mut self) {
        match &mut self.service {
            Service::Vault(_, proxy) | Service::Aws(_, proxy) => proxy.end_trouble().await,
            Service::Azure(vault) => vault.heal(),
        }
    }
}

/// A server over it, and somebody's job that downloads one file.
struct World {
    below: Below,
    server: TestServer,
    hand: Arc<Hand>,
    job: Arc<Job>,
}

impl World {
    async fn new(below: Below, engine: Engine) -> Self {
        let setup = Setup {
            lease_seconds: 900,
            ..Setup::default()
        };
        let server = TestServer::start_over(engine, setup, below.provider.clone()).await;
        let client = &server.administrator().client;
        upload(client, PROJECT, "first.bin").await.unwrap();
        let hand = Hand {
            client: server.agent("hand").await.client,
            project: PROJECT,
        };
        let job = hand.takes(client, "busy", ["first.bin"]).await;
        Self {
            below,
            hand: Arc::new(hand),
            job: Arc::new(job),
            server,
        }
    }

    /// Asks for the job's file.
    async fn download(&self) -> Answer {
        let holder = self.server.holder(token(&self.job));
        let file = &self.job.resources.secure_files[0];
        let query = format!("?ticket={}&download=true", file.ticket);
        holder
            .get(&holder.file_path(&file.id.to_string(), &query))
            .await
    }

    async fn crowd(&self) -> Vec<Answer> {
        futures_util::future::join_all((0..CROWD).map(|_| self.download())).await
    }

    /// What the server says of itself. Whether a rotation fails meanwhile is another story.
    async fn standing(&self) -> String {
        let mut wire = self.server.wire().await;
        wire.head(&["GET /readyz HTTP/1.1", "Host: anything"]).await;
        let told: serde_json::Value = wire.answer().await.unwrap().ok().json();
        told["status"].as_str().unwrap_or_default().to_owned()
    }

    /// It is the file, or there is none of it in the answer.
    fn is_file(&self, answer: &Answer) -> bool {
        let whole = answer.status == 200 && answer.body == content("first.bin");
        let none = answer.status >= 500 && !answer.text().contains("first.binfirst.bin");
        assert!(whole || none, "a wrong answer: {answer}");
        whole
    }

    async fn opens_again(&self) {
        eventually("downloads go on", || async {
            self.server.key_faults().later(PAUSE);
            self.is_file(&self.download().await)
        })
        .await;
    }

    async fn rotation(&self) -> i64 {
        let admin = self.server.caller(self.server.administrator()).await;
        let rotations = self.server.service().rotations();
        rotations.request(&admin, "a story").await.unwrap()
    }

    async fn rotated(&self, number: i64) {
        let database = self.server.database();
        eventually("the rotation goes on to its end", || async {
            let failed = "select coalesce(last_error, '') from rotation where state = 'running' and retry_at > 0";
            let failed = database.texts(failed).await;
            if !failed.is_empty() {
                // Nobody waits for the time that it is put off, nor for the pause after failures.
                self.server.key_faults().later(PAUSE);
                database.sql("update rotation set retry_at = 0").await;
            }
            let ended = format!("select count(*) from rotation where number = {number} and state <> 'running'");
            database.number(&ended).await == 1
        })
        .await;
        let old = "select (select count(*) from root_generation where state = 'draining')
            + (select count(*) from project_key where state = 'draining')
            + (select stuck from rotation order by number desc limit 1)";
        assert_eq!(database.number(old).await, 0);
    }

    /// It dies when the rotation, and whoever else, made so many calls; `early` is before there are new keys.
    async fn dies(&mut self, busy: &mut Busy, calls: i64, early: bool) {
        let keys = self.server.key_faults().clone();
        busy.more().await;
        busy.may_be_refused(!early);
        keys.hold_after(calls);
        let rotation = self.rotation().await;
        keys.waiting(1).await;
        self.below.kill();
        keys.hold(false);
        if early {
            // What is in memory serves.
            busy.more().await;
            busy.may_be_refused(true);
        }
        // And no longer than its time.
        keys.later(LONG);
        let before = keys.calls();
        busy.refused().await;
        let answer = self.download().await;
        assert!(!self.is_file(&answer));
        assert_eq!(answer.code(503), "keys.unavailable");
        assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
        assert_eq!(self.standing().await, "degraded");
        let outage = keys.calls() - before;
        assert!(
            outage < CROWD as u64,
            "{outage} calls to who does not answer"
        );

        // Its end is no rush.
        self.below.start_again().await;
        let before = keys.calls();
        keys.later(PAUSE);
        for answer in self.crowd().await {
            self.is_file(&answer);
        }
        let rush = keys.calls() - before;
        assert!(
            rush < CROWD as u64,
            "{rush} calls to who has just come back"
        );
        self.opens_again().await;
        busy.more().await;
        self.rotated(rotation).await;
        drop(busy.pause().await);
        busy.may_be_refused(false);
        busy.more().await;
        assert_eq!(self.standing().await, "ready");
    }

    /// Quota, slowness and a key that is disabled, one after the other.
    async fn fails_otherwise(&mut self) {
        let keys = self.server.key_faults().clone();
        keys.later(LONG);
        self.below.throttles().await;
        assert_eq!(self.download().await.code(503), "keys.throttled");
        self.below.is_well().await;
        let calls = keys.calls();
        for _ in 0..5 {
            let answer = self.download().await;
            assert_eq!(answer.code(503), "keys.throttled");
            let seconds: u32 = answer.header("retry-after").parse().unwrap();
            assert!(seconds > QUOTA / 2, "told to come back in {seconds} s");
        }
        assert_eq!(keys.calls(), calls, "nobody calls before");
        keys.later(LONG);
        assert!(self.is_file(&self.download().await));

        keys.later(LONG);
        self.below.is_slow().await;
        let calls = keys.calls();
        for answer in self.crowd().await {
            assert!(self.is_file(&answer));
        }
        assert_eq!(keys.calls(), calls + 1, "all wait for one call");
        self.below.is_well().await;

        let active = "select id from root_generation where state = 'active'";
        let active = GenerationId(self.server.database().texts(active).await.remove(0));
        let lifecycle = self.below.provider.lifecycle().unwrap();
        lifecycle.disable(&active).await.unwrap();
        assert!(
            self.is_file(&self.download().await),
            "what is in memory serves"
        );
        keys.later(LONG);
        let answer = self.download().await;
        assert!(!self.is_file(&answer));
        assert_eq!(answer.code(500), "keys.refused");
        assert_eq!(self.standing().await, "ready", "it answers");
        lifecycle.enable(&active).await.unwrap();
        self.opens_again().await;
    }
}

async fn story(below: Below, engine: Engine) {
    let mut world = World::new(below, engine).await;
    let client = world.server.administrator().client.clone();
    let mut busy = Busy::begin(client.clone(), &world.hand, &world.job);
    world.dies(&mut busy, 0, true).await;
    world.dies(&mut busy, 4, false).await;
    let stored = busy.end().await;
    world.fails_otherwise().await;

    // What was stored before, meanwhile and after opens, by a job of its own.
    let some = [
        &stored[0],
        &stored[stored.len() / 2],
        &stored[stored.len() - 1],
    ];
    let job = world
        .hand
        .takes(&client, "all", some.map(String::as_str))
        .await;
    crate::busy::download(&world.hand, &job).await.unwrap();
    assert!(client.coffer().audit_verify().await.unwrap().intact);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openbao_dies_below_a_server() {
    if let Some(below) = Below::vault("key_outage::openbao_dies_below_a_server").await {
        story(below, Engine::Sqlite).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aws_kms_dies_below_a_server() {
    if let Some(below) = Below::aws("key_outage::aws_kms_dies_below_a_server").await {
        story(below, Engine::Sqlite).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_key_vault_dies_below_a_server() {
    story(Below::azure().await, Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_key_vault_dies_below_a_server_on_postgres() {
    if Engine::Postgres.is_there("key_outage::azure_key_vault_dies_below_a_server_on_postgres") {
        story(Below::azure().await, Engine::Postgres).await;
    }
}
