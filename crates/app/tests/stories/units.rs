//! `coffer key move`: the data goes to another scale unit's keys and back, killed on the way and taken up again, and no
//! file is rewritten.

use crate::harness::{Done, Site, coffer, eventually, tree};
use crate::shelf::Shelf;
use coffer_testkit::{Database, Engine};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::process::Command;

/// A database with a configuration for each of two scale units.
struct Host {
    site: Site,
    database: Database,
    a: String,
    b: String,
}

impl Host {
    async fn new(engine: Engine, test: &str) -> Option<Self> {
        let site = Site::new();
        let database = site.database(engine, test).await?;
        let url = database.url().unwrap_or_default();
        let folder = |name: &str| site.path(name).display().to_string();
        let config = |unit: &str| {
            format!(
                "[storage]\ndata = \"{}\"\ndatabase = \"{url}\"\n[keys]\nscale_unit = \"{unit}\"\nkey_file = \"{}\"\nanchor_file = \"{}\"\n[audit]\ncheckpoints = \"{}\"\n",
                folder("data"),
                folder(&format!("{unit}/root.key")),
                folder("elsewhere/anchor"),
                folder("elsewhere/checkpoints"),
            )
        };
        site.folder("elsewhere");
        let [a, b] =
            ["unit-a", "unit-b"].map(|unit| site.file(&format!("{unit}.toml"), config(unit)));
        Some(Self {
            site,
            database,
            a,
            b,
        })
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

    fn config(&self, unit: &str) -> &str {
        if unit == "unit-a" { &self.a } else { &self.b }
    }

    /// Neither unit serves it now.
    async fn half_moved(&self, [from, to]: [&str; 2], address: &str) {
        let moving = "select value from meta where key = 'moving_from'";
        assert_eq!(self.database.texts(moving).await, [from]);
        Done::of(self.serve(self.config(to), address))
            .await
            .ends(6)
            .says("the move has not ended");
        Done::of(self.serve(self.config(from), address))
            .await
            .ends(6)
            .says(&format!("it belongs to the scale unit '{to}'"));
    }

    /// The command goes on where it stood, and the former unit has nothing any more.
    async fn moved(&self, [from, to]: [&str; 2], address: &str) {
        Done::of(self.moving(self.config(from), self.config(to)))
            .await
            .ends(0)
            .says("Start the server with the new configuration");
        let old = format!("{from}-");
        let named = tree(&self.site.data()).into_iter();
        let named = named.filter(|path| path.display().to_string().contains(&old));
        assert_eq!(named.count(), 0);
        let left = format!(
            "select (select count(*) from project_key where scale_unit = '{from}' and state <> 'retired') \
             + (select count(*) from signing_key where scale_unit = '{from}')"
        );
        assert_eq!(self.database.number(&left).await, 0);
        Done::of(self.serve(self.config(from), address))
            .await
            .ends(6)
            .says(&format!("it belongs to the scale unit '{to}'"));
    }

    /// What was signed before a move and what is signed now is one series, and nothing is there that no event explains.
    async fn agrees(&self, shelf: &Shelf) {
        let checkpoints = self.site.path("elsewhere/checkpoints");
        let checkpoints = checkpoints.to_str().unwrap();
        for words in [
            &["checkpoint"][..],
            &["verify"],
            &["verify", "--trusted-checkpoint", checkpoints],
            &["reconcile"],
        ] {
            let words: Vec<&str> = ["audit"].iter().chain(words).copied().collect();
            shelf.ada.coffer(&words).await.ends(0);
        }
    }

    async fn anchored(&self, config: &str) {
        let show = ["anchor", "show", "--config", config];
        let shown = coffer(&self.site.folder("server"), &show);
        Done::of(shown).await.ends(0).shows("fits");
    }

    fn doctor(&self, config: &str) -> Command {
        coffer(&self.site.folder("server"), &["doctor", "--config", config])
    }
}

/// Everything that is sealed, wherever it lies, and what is known of it.
async fn sealed(host: &Host) -> Vec<String> {
    let tables = host.database.contents(&[]).await.into_iter();
    let files = ["secure_file: ", "blob_segment: "];
    tables
        .filter(|table| files.iter().any(|name| table.starts_with(name)))
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

async fn story(engine: Engine, test: &str) {
    let Some(host) = Host::new(engine, test).await else {
        return;
    };
    let site = &host.site;
    let server = site.start(host.serve(&host.a, site.listen())).await;
    let address = server.address().to_owned();
    let shelf = Shelf::filled(site, &server).await;
    shelf.used().await;
    let (files, long) = (sealed(&host).await, blobs(site));
    assert!(!files.is_empty());
    // Not while it is served, not to where it is, and not from where it is not.
    Done::of(host.moving(&host.a, &host.b))
        .await
        .ends(5)
        .says("a server has the database open");
    server.ended().await;
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
    host.half_moved(["unit-a", "unit-b"], &address).await;
    Done::of(host.moving(&host.b, &host.a)).await.ends(6);
    let mut killed = site.run(host.moving(&host.a, &host.b));
    killed.kill().await;
    host.moved(["unit-a", "unit-b"], &address).await;
    assert_eq!(sealed(&host).await, files, "no payload is rewritten");
    assert_eq!(blobs(site), long, "none is lost");

    // The old unit's key is not needed any more.
    let (key, away) = (site.path("unit-a/root.key"), site.path("unit-a/away.key"));
    std::fs::rename(&key, &away).unwrap();
    Done::of(host.doctor(&host.b)).await.ends(0);
    Done::of(host.moving(&host.a, &host.b))
        .await
        .ends(0)
        .says("already");
    let server = site.start(host.serve(&host.b, &address)).await;
    shelf.used().await;
    shelf.ada.file("new.pem", "new").await;
    host.agrees(&shelf).await;
    server.ended().await;
    host.anchored(&host.b).await;

    // And back, with the key that the first unit still has. It is killed while some keys are of one unit, some of the other.
    std::fs::rename(&away, &key).unwrap();
    let files = sealed(&host).await;
    let mut slow = host.moving(&host.b, &host.a);
    slow.env("COFFER_KEYS__ROTATION_RATE", "1");
    let mut killed = site.run(slow);
    eventually("some keys are moved, and not all", async || {
        let units = "select distinct scale_unit from project_key where state <> 'retired'";
        (host.database.texts(units).await.len() == 2).then_some(())
    })
    .await;
    killed.kill().await;
    host.half_moved(["unit-b", "unit-a"], &address).await;
    host.moved(["unit-b", "unit-a"], &address).await;
    assert_eq!(sealed(&host).await, files, "no payload is rewritten");
    assert_eq!(blobs(site), long, "none is lost");
    // What the unit's first keys opened, nobody wraps by them again: it has new ones.
    let states =
        "select state from root_generation where scale_unit = 'unit-a' order by created_at";
    let states = host.database.texts(states).await;
    assert_eq!(states.first().map(String::as_str), Some("retired"));
    assert_eq!(states.iter().filter(|state| *state == "active").count(), 1);

    let server = site.start(host.serve(&host.a, &address)).await;
    shelf.used().await;
    shelf.ada.file("newer.pem", "newer").await;
    host.agrees(&shelf).await;
    let moves =
        "select details from audit_event where action = 'Database.UnitMoved' order by ordinal";
    let moves = host.database.texts(moves).await.into_iter();
    let moves: Vec<Value> = moves
        .map(|row| serde_json::from_str(&row).unwrap())
        .collect();
    let ways = moves
        .iter()
        .map(|row| [&row["from"], &row["to"], &row["ended"]]);
    let (a, b, ended, none) = (json!("unit-a"), json!("unit-b"), json!("true"), Value::Null);
    let end = [&none, &none, &ended];
    assert!(
        ways.eq([[&a, &b, &none], end, [&b, &a, &none], end]),
        "{moves:?}"
    );
    server.ended().await;
    host.anchored(&host.a).await;
}

#[tokio::test]
async fn data_moves_to_another_units_keys_and_back_and_no_file_is_rewritten() {
    let test = "units::data_moves_to_another_units_keys_and_back_and_no_file_is_rewritten";
    story(Engine::Sqlite, test).await;
}

#[tokio::test]
async fn data_in_postgres_moves_to_another_units_keys_and_back() {
    let test = "units::data_in_postgres_moves_to_another_units_keys_and_back";
    story(Engine::Postgres, test).await;
}
