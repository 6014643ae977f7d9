//! Root keys go from one key provider to another by the steps of docs/keys/providers.md: from a file to OpenBao, to a PKCS#11
//! token and back to the file, while files are uploaded and downloaded and no request fails. What an operator can get wrong
//! is refused at the start, with what to do.

use crate::busy::{Busy, content, upload};
use crate::harness::{Done, PROJECT, Server, Site, coffer, eventually};
use crate::job::Hand;
use crate::key_services::{token, vault};
use crate::shelf::Shelf;
use coffer_model::statement::RotationReport;
use coffer_testkit::{Database, Engine, OpenBao, SoftHsm};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::process::Command;

/// Files that one job asks for.
const IN_ONE_JOB: usize = 30;

struct Host<'a> {
    site: &'a Site,
    database: &'a Database,
    /// Where the module finds the token.
    hsm: PathBuf,
    /// The sections of both key services.
    services: String,
}

impl Host<'_> {
    /// The server with these providers, and the deployment that the operator names, if one.
    fn command(&self, listen: &str, provider: &str, also: &[&str], deployment: &str) -> Command {
        let words = ["serve", "--listen", listen, "--config"];
        let config = self.config(provider, also, deployment);
        let words: Vec<&str> = words.into_iter().chain([config.as_str()]).collect();
        self.configured(&words)
    }

    fn configured(&self, words: &[&str]) -> Command {
        let mut command = coffer(&self.site.folder("server"), words);
        command.env("SOFTHSM2_CONF", &self.hsm);
        // One job downloads to the end, and nobody renews its lease.
        command.env("COFFER_JOBS__LEASE_SECONDS", "3600");
        command
    }

    fn config(&self, provider: &str, also: &[&str], deployment: &str) -> String {
        let path = |name: &str| self.site.path(name).display().to_string();
        let deployment = match deployment {
            "" => String::new(),
            id => format!("[deployment]\nid = {id:?}\n"),
        };
        let text = format!(
            "[storage]\ndata = {:?}\ndatabase = {:?}\n{deployment}\
             [keys]\nprovider = {provider:?}\nalso = {also:?}\nscale_unit = \"prod\"\nkey_file = {:?}\n{}",
            path("data"),
            self.database.url().unwrap_or_default(),
            path("key/root.key"),
            self.services,
        );
        self.site.file("coffer.toml", text)
    }

    async fn start(&self, listen: &str, provider: &str, also: &[&str], deployment: &str) -> Server {
        let command = self.command(listen, provider, also, deployment);
        self.site.start(command).await
    }

    /// How many rotations have ended.
    async fn rotations(&self) -> i64 {
        let ended = "select count(*) from rotation where state <> 'running'";
        self.database.number(ended).await
    }

    /// Nothing in the database needs a root key of another provider, and the signed report says where it went.
    async fn all_is_with(&self, [from, to]: [&str; 2]) {
        let of = |table: &str| {
            format!(
                "(select count(*) from {table} k join root_generation g on g.id = k.generation_id where g.provider <> '{to}'"
            )
        };
        let wraps =
            "select count(*) from wrapped_key w join project_key k on k.id = w.project_key_id
            join root_generation g on g.id = k.generation_id";
        let left = format!(
            "select ({wraps} where g.provider <> '{to}') + {} and k.state <> 'retired') + {})
                + (select count(*) from root_generation where provider <> '{to}' and state in ('active', 'draining'))",
            of("project_key"),
            of("signing_key")
        );
        assert_eq!(self.database.number(&left).await, 0);
        let reports = "select body from signed_record where kind = 'rotation' order by number desc";
        let report = RotationReport::read(&self.database.texts(reports).await[0]).unwrap();
        assert_eq!((&*report.from_provider, &*report.provider), (from, to));
        assert_eq!((report.left, report.not_rotated), (0, Vec::new()));
        assert!(report.keys > 0 && report.wraps > 0 && report.secrets == 1);
    }
}

/// One leg, by the operator's steps. Answers with the server, which knows only the new provider.
async fn leg(
    host: &Host<'_>,
    busy: &mut Busy,
    mut server: Server,
    [from, to]: [&str; 2],
    deployment: &str,
) -> Server {
    let address = server.address().to_owned();
    let before = host.rotations().await;
    busy.more().await;

    // Without the former provider in `keys.also` it does not start: its keys are needed.
    let paused = busy.pause().await;
    server.ended().await;
    Done::of(host.command(&address, to, &[], deployment))
        .await
        .ends(6)
        .says(&format!(
            "root key of the provider `{from}`, which is not configured"
        ))
        .says("name it in keys.also");
    let mut slow = host.command(&address, to, &[from], deployment);
    slow.env("COFFER_KEYS__ROTATION_RATE", "1");
    server = host.site.start(slow).await;
    drop(paused);
    eventually(
        "new keys are made by the new provider, and old ones are there",
        async || {
            let draining = "select count(*) from root_generation where state = 'draining'";
            (host.database.number(draining).await > 0).then_some(())
        },
    )
    .await;

    // It is taken out too early: a rotation away from it is under way.
    let paused = busy.pause().await;
    server.ended().await;
    assert_eq!(host.rotations().await, before, "the rotation has not ended");
    Done::of(host.command(&address, to, &[], deployment))
        .await
        .ends(6)
        .says(&format!(
            "still sealed under a root key of the provider `{from}`"
        ))
        .says(&format!(
            "name `{from}` in keys.also again until the rotation away from it has ended"
        ));
    server = host.start(&address, to, &[from], deployment).await;
    drop(paused);
    eventually("the rotation has ended", async || {
        (host.rotations().await == before + 1).then_some(())
    })
    .await;
    busy.more().await;
    host.all_is_with([from, to]).await;

    // As long as it is configured, its root keys end in their time; those of a provider that is gone are left alone.
    let passes = |seconds: i64, of: &str| {
        format!(
            "update root_generation set retired_at = retired_at - {seconds}000000
                where retired_at is not null and {of}"
        )
    };
    let gone = format!("provider not in ('{from}', '{to}')");
    host.database.sql(&passes(40 * 86_400, &gone)).await;
    let former = format!("provider = '{from}'");
    host.database.sql(&passes(7_200, &former)).await;
    eventually("the former root keys are disabled", async || {
        let of = format!(
            "select count(*) from root_generation where provider = '{from}' and state = 'retired'"
        );
        (host.database.number(&of).await == 0).then_some(())
    })
    .await;
    let said = server.process.said();
    assert!(!said.contains("could not be"), "{said}");

    // Now it can go.
    let paused = busy.pause().await;
    server.ended().await;
    server = host.start(&address, to, &[], deployment).await;
    drop(paused);
    busy.more().await;
    let told = format!("provider=\"{from}\"");
    server
        .process
        .says("who ends the former provider's root keys", |said| {
            let mut lines = said
                .lines()
                .filter(|line| line.contains("this server does not destroy them"));
            lines.any(|line| line.contains(&told)).then_some(())
        })
        .await;
    let config = host.config(to, &[], deployment);
    let looked = host.configured(&["doctor", "--config", &config]);
    Done::of(looked).await.ends(0).shows(&format!(
        "retired root keys are at {from}, which is not configured"
    ));
    assert_eq!(
        host.rotations().await,
        before + 1,
        "nothing is rotated back"
    );
    server
}

async fn story(engine: Engine, test: &str) {
    let site = Site::new();
    if !OpenBao::is_there(test) {
        return;
    }
    let (Some(database), Some(hsm)) = (
        site.database(engine, test).await,
        SoftHsm::for_programs(test),
    ) else {
        return;
    };
    let bao = OpenBao::start().await;
    let host = Host {
        site: &site,
        database: &database,
        hsm: hsm.config(),
        services: vault(&bao).await + &token(&hsm),
    };
    let server = host.start(site.listen(), "file", &[], "").await;
    let address = server.address().to_owned();
    let shelf = Shelf::filled(&site, &server).await;
    let client = shelf.ada.client();
    upload(&client, PROJECT, "first.bin").await.unwrap();
    let hand = Arc::new(Hand::register(&shelf.ada, "other").await);
    let job = Arc::new(hand.takes(&client, "busy", ["first.bin"]).await);
    let mut busy = Busy::begin(client.clone(), &hand, &job);

    let server = leg(&host, &mut busy, server, ["file", "vault"], "").await;
    let server = leg(&host, &mut busy, server, ["vault", "pkcs11"], "").await;

    // This build was there with the file before: it stays where it is, and says what to do.
    let paused = busy.pause().await;
    server.ended().await;
    let mut server = host.start(&address, "file", &["pkcs11"], "").await;
    drop(paused);
    server
        .process
        .says("why nothing moves", |said| {
            let mut lines = said
                .lines()
                .filter(|line| line.contains("keys stay with the provider that holds them"));
            lines
                .any(|line| line.contains("set deployment.id to a value that was not used yet"))
                .then_some(())
        })
        .await;
    busy.more().await;
    assert_eq!(host.rotations().await, 2);
    host.all_is_with(["vault", "pkcs11"]).await;
    let server = leg(
        &host,
        &mut busy,
        server,
        ["pkcs11", "file"],
        "back-to-the-file",
    )
    .await;

    // What was stored on the way opens, from the first to the last.
    let stored = busy.end().await;
    hand.finish(&job, "succeeded").await;
    let some = stored.iter().step_by(stored.len().div_ceil(IN_ONE_JOB));
    let job = hand.takes(&client, "all", some.map(String::as_str)).await;
    for file in &job.resources.secure_files {
        let got = hand.download(&job, file).await.unwrap();
        assert!(
            got == content(&file.name),
            "{} is another file now",
            file.name
        );
    }
    shelf.used().await;
    shelf.ada.coffer(&["audit", "verify"]).await.ends(0);
    assert!(!site.logs().contains(hsm.pin()), "the PIN is in the log");
    server.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_go_from_provider_to_provider_and_no_request_fails() {
    let test = "migration::keys_go_from_provider_to_provider_and_no_request_fails";
    story(Engine::Sqlite, test).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_go_from_provider_to_provider_on_postgres() {
    let test = "migration::keys_go_from_provider_to_provider_on_postgres";
    story(Engine::Postgres, test).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_never_answered_is_given_up_by_the_former_configuration() {
    let site = Site::new();
    let database = site.database(Engine::Sqlite, "migration").await.unwrap();
    let secret = site.file("secret", "of nobody");
    let host = Host {
        site: &site,
        database: &database,
        hsm: PathBuf::new(),
        // Nobody listens there.
        services: format!(
            "[keys.vault]\naddress = \"http://127.0.0.1:1\"\nauth = \"approle\"\nrole = \"none\"\nsecret_file = {secret:?}\n"
        ),
    };
    let server = host.start(site.listen(), "file", &[], "").await;
    let address = server.address().to_owned();
    let shelf = Shelf::filled(&site, &server).await;
    server.ended().await;
    let server = host.start(&address, "vault", &["file"], "").await;
    eventually("the rotation is put off", async || {
        let failed = "select count(*) from rotation where state = 'running' and failures > 0";
        (database.number(failed).await == 1).then_some(())
    })
    .await;
    shelf.used().await;
    server.ended().await;

    // As if there had never been another; nobody waits for the time that the rotation was put off.
    database.sql("update rotation set retry_at = 0").await;
    let server = host.start(&address, "file", &[], "").await;
    eventually(
        "the rotation goes on with the provider that is there",
        async || (host.rotations().await == 1).then_some(()),
    )
    .await;
    host.all_is_with(["file", "file"]).await;
    shelf.used().await;
    server.ended().await;
}
