//! `coffer key move`: the data goes to another scale unit's keys, killed on the way and taken up again, and no file is
//! rewritten.

use crate::backup::{administrator, content};
use crate::harness::{Chance, Done, Person, Server, Site, coffer, skip, told, tree};
use crate::job::{Hand, downloads};
use crate::kill::administer;
use std::collections::BTreeSet;
use tokio::process::Command;

/// A database with a configuration for each of two scale units.
struct Host {
    site: Site,
    a: String,
    b: String,
}

impl Host {
    fn new(database: &str) -> Self {
        let site = Site::new();
        let folder = |name: &str| site.path(name).display().to_string();
        let config = |unit: &str| {
            format!(
                "[storage]\ndata = \"{}\"\ndatabase = \"{database}\"\n[keys]\nscale_unit = \"{unit}\"\nkey_file = \"{}\"\nanchor_file = \"{}\"\n[audit]\ncheckpoints = \"{}\"\n",
                folder("data"),
                folder(&format!("{unit}/root.key")),
                folder("elsewhere/anchor"),
                folder("elsewhere/checkpoints"),
            )
        };
        site.folder("elsewhere");
        let [a, b] =
            ["unit-a", "unit-b"].map(|unit| site.file(&format!("{unit}.toml"), config(unit)));
        Self { site, a, b }
    }

    fn serve(&self, config: &str, listen: &str) -> Command {
        coffer(
            &self.site.folder("server"),
            &["serve", "--listen", listen, "--config", config],
        )
    }

    fn moving(&self, from: &str, to: &str) -> Command {
        coffer(
            &self.site.folder("server"),
            &["key", "move", "--config", from, "--to-config", to],
        )
    }

    fn doctor(&self, config: &str) -> Command {
        coffer(&self.site.folder("server"), &["doctor", "--config", config])
    }
}

async fn ended(mut server: Server) {
    assert!(
        server.process.terminate().await.success(),
        "{}",
        server.process.said()
    );
}

async fn used(ada: &Person, hand: &Hand) {
    ada.queue("use").await;
    let job = hand.job().await;
    for file in &job.resources.secure_files {
        let got = hand.download(&job, file).await.unwrap();
        assert_eq!(got, content(&file.name, got.len()), "{}", file.name);
        assert!(got.len() >= 1_000);
    }
    hand.finish(&job, "succeeded").await;
}

/// Digests of all that is sealed, wherever it lies.
async fn sealed(ada: &Person) -> String {
    let shown = ada
        .coffer(&["file", "list", "--output", "json"])
        .await
        .ends(0)
        .json();
    let rows = shown.as_array().unwrap().iter();
    rows.map(|row| format!("{} {}\n", row["name"], row["size"]))
        .collect()
}

/// The bytes of long files, whatever they are called.
fn blobs(site: &Site) -> BTreeSet<Vec<u8>> {
    let blobs = tree(&site.data().join("blobs"));
    blobs
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

async fn story(database: &str) {
    let host = Host::new(database);
    let site = &host.site;
    let server = site.start(host.serve(&host.a, site.listen())).await;
    let address = server.address().to_owned();
    let ada = administrator(site, &server, &site.data()).await;
    for (name, size) in [("small.pem", 1_000), ("long.bin", 300_000)] {
        let path = site.file(name, content(name, size));
        ada.coffer(&["file", "upload", &path, "--authorize-all-pipelines"])
            .await
            .ends(0);
    }
    ada.pipeline("use", &downloads(["small.pem", "long.bin"]))
        .await;
    let hand = Hand::register(&ada, "hand").await;
    used(&ada, &hand).await;
    let (files, long) = (sealed(&ada).await, blobs(site));
    // Not while it is served, not to where it is, and not from where it is not.
    Done::of(host.moving(&host.a, &host.b))
        .await
        .ends(5)
        .says("a server has the database open");
    ended(server).await;
    Done::of(host.moving(&host.a, &host.a))
        .await
        .ends(5)
        .says("both configurations are of the scale unit");
    Done::of(host.serve(&host.b, &address))
        .await
        .ends(6)
        .says("coffer key move");

    // A key service that is not there stops it half way; nobody serves what is half moved.
    let blocked = site.file("unit-b", "no folder for a key");
    Done::of(host.moving(&host.a, &host.b)).await.ends(6);
    std::fs::remove_file(blocked).unwrap();
    Done::of(host.serve(&host.b, &address))
        .await
        .ends(6)
        .says("the move has not ended");
    Done::of(host.serve(&host.a, &address))
        .await
        .ends(6)
        .says("it belongs to the scale unit 'unit-b'");
    Done::of(host.moving(&host.b, &host.a)).await.ends(6);
    let mut killed = site.run(host.moving(&host.a, &host.b));
    killed.kill().await;
    Done::of(host.moving(&host.a, &host.b))
        .await
        .ends(0)
        .says("Start the server with the new configuration");
    assert_eq!(
        blobs(site),
        long,
        "no payload is rewritten, and none is lost"
    );
    let old_names = tree(&site.data())
        .into_iter()
        .filter(|path| path.display().to_string().contains("unit-a-"))
        .count();
    assert_eq!(old_names, 0);

    Done::of(host.serve(&host.a, &address))
        .await
        .ends(6)
        .says("it belongs to the scale unit 'unit-b'");
    // The old unit's key is not needed any more.
    let (key, unreachable) = (site.path("unit-a/root.key"), site.path("unit-a/away.key"));
    std::fs::rename(&key, &unreachable).unwrap();
    Done::of(host.doctor(&host.b)).await.ends(0);
    Done::of(host.moving(&host.a, &host.b))
        .await
        .ends(0)
        .says("already");
    let server = site.start(host.serve(&host.b, &address)).await;
    assert_eq!(sealed(&ada).await, files);
    used(&ada, &hand).await;
    ada.file("new.pem", "new").await;
    // What was signed for the old unit and what is signed now is one series.
    ada.coffer(&["audit", "checkpoint"]).await.ends(0);
    ada.coffer(&["audit", "verify"]).await.ends(0);
    let checkpoints = site.path("elsewhere/checkpoints");
    ada.coffer(&[
        "audit",
        "verify",
        "--trusted-checkpoint",
        checkpoints.to_str().unwrap(),
    ])
    .await
    .ends(0);
    let log = ada
        .coffer(&[
            "audit",
            "list",
            "--action",
            "Database.UnitMoved",
            "--output",
            "json",
        ])
        .await
        .ends(0);
    assert!(
        log.out.contains("unit-a") && log.out.contains("unit-b"),
        "{}",
        log.out
    );
    ended(server).await;
    let shown = coffer(
        &site.folder("server"),
        &["anchor", "show", "--config", &host.b],
    );
    Done::of(shown).await.ends(0).shows("fits");
}

#[tokio::test]
async fn data_moves_to_another_units_keys_and_no_file_is_rewritten() {
    story("").await;
}

#[tokio::test]
async fn data_in_postgres_moves_to_another_units_keys() {
    let Some(server) = told("COFFER_TEST_POSTGRES") else {
        return skip(
            "units::data_in_postgres_moves_to_another_units_keys",
            "COFFER_TEST_POSTGRES is not set",
        );
    };
    let random = Chance::new(Chance::seed() ^ u64::from(std::process::id())).next();
    let name = format!("coffer_move_{random:x}");
    let (base, query) = server.split_once('?').unwrap_or((&server, ""));
    let (base, _) = base.rsplit_once('/').unwrap();
    administer(&server, &format!("create database {name}")).await;
    story(&format!("{base}/{name}?{query}")).await;
    administer(&server, &format!("drop database {name} with (force)")).await;
}
