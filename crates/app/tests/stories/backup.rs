//! The restore drill: the commands of docs/backup.md, as they stand there, and a job that uses a file afterwards.

use crate::anchor::copy;
use crate::harness::{Chance, Done, PATH, Person, Server, Site, command, skip, told, tree};
use crate::job::{Hand, downloads};
use crate::kill::administer;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tokio::process::Command;

const PAGE: &str = include_str!("../../../../docs/backup.md");

/// The commands of the page under this name.
fn drill(name: &str) -> &'static str {
    let head = format!("```sh\n# drill: {name}\n");
    let from = PAGE
        .find(&head)
        .unwrap_or_else(|| panic!("the page has no drill {name}"))
        + head.len();
    let length = PAGE[from..].find("```").unwrap();
    &PAGE[from..from + length]
}

/// Somebody's machine, with the server's key and an anchor that outlive its disk.
struct Place {
    site: Site,
    database: Option<String>,
}

impl Place {
    fn configured(&self, mut command: Command, data: &Path) -> Command {
        command.env("COFFER_STORAGE__DATA", data);
        command.env("COFFER_KEYS__KEY_FILE", self.site.path("key/root.key"));
        command.env(
            "COFFER_KEYS__ANCHOR_FILE",
            self.site.folder("elsewhere").join("anchor"),
        );
        if let Some(database) = &self.database {
            command.env("COFFER_STORAGE__DATABASE", database);
        }
        command
    }

    async fn serve(&self, listen: &str, data: &Path) -> Server {
        let command =
            crate::harness::coffer(&self.site.folder("server"), &["serve", "--listen", listen]);
        self.site.start(self.configured(command, data)).await
    }

    /// Types the commands of the page.
    async fn type_in(&self, name: &str, data: &Path, backup: &Path) -> Done {
        let mut shell = command("sh", &self.site.folder("server"));
        let program = PathBuf::from(env!("CARGO_BIN_EXE_coffer"));
        let path = format!("{}:{PATH}", program.parent().unwrap().display());
        shell.args(["-eu", "-c", drill(name)]);
        shell.env("DATA", data).env("BACKUP", backup);
        if let Some(database) = &self.database {
            shell.env("DATABASE", database);
        }
        let mut shell = self.configured(shell, data);
        shell.env("PATH", path);
        Done::of(shell).await.ends(0)
    }
}

/// A small file, a long one, and a pipeline that uses both.
async fn filled(place: &Place, server: &Server) -> Person {
    let site = &place.site;
    let ada = administrator(site, server, &site.data()).await;
    for (name, size) in [("small.pem", 1_000), ("long.bin", 300_000)] {
        let path = site.file(name, content(name, size));
        ada.coffer(&["file", "upload", &path, "--authorize-all-pipelines"])
            .await
            .ends(0);
    }
    ada.pipeline("use", &downloads(["small.pem", "long.bin"]))
        .await;
    ada
}

pub(crate) async fn administrator(site: &Site, server: &Server, data: &Path) -> Person {
    let code = crate::harness::eventually("the code", async || {
        let text = std::fs::read_to_string(data.join("first-sign-in.txt")).ok()?;
        text.ends_with('\n').then(|| text.trim().to_owned())
    })
    .await;
    let ada = site.somebody("ada", server);
    ada.coffer(&["login", &server.url, "--code", &code, "--name", "ada"])
        .await
        .ends(0);
    ada
}

pub(crate) fn content(name: &str, size: usize) -> Vec<u8> {
    name.bytes().cycle().take(size).collect()
}

/// A job downloads both files.
async fn used(ada: &Person, hand: &Hand) {
    ada.queue("use").await;
    let job = hand.job().await;
    for file in &job.resources.secure_files {
        let got = hand.download(&job, file).await.unwrap();
        let size = if file.name == "small.pem" {
            1_000
        } else {
            300_000
        };
        assert_eq!(got, content(&file.name, size), "{}", file.name);
    }
    hand.finish(&job, "succeeded").await;
}

async fn ended(mut server: Server) {
    assert!(
        server.process.terminate().await.success(),
        "{}",
        server.process.said()
    );
}

#[tokio::test]
async fn a_backup_of_a_running_server_is_restored_and_its_files_are_used() {
    let place = Place {
        site: Site::new(),
        database: None,
    };
    let (data, backup, fresh) = (
        place.site.data(),
        place.site.path("backup"),
        place.site.path("fresh"),
    );
    let server = place.serve(place.site.listen(), &data).await;
    let ada = filled(&place, &server).await;
    let hand = Hand::register(&ada, "hand").await;
    used(&ada, &hand).await;
    place
        .type_in("sqlite-backup", &data, &backup)
        .await
        .says("The root key is not in it");
    assert_eq!(
        backup.metadata().unwrap().permissions().mode() & 0o777,
        0o700
    );
    for file in tree(&backup) {
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o077,
            0,
            "{}",
            file.display()
        );
    }
    assert!(!tree(&backup).iter().any(|file| file.ends_with("root.key")));
    // What comes after it is lost with the disk.
    ada.file("lost.pem", "lost").await;
    ada.coffer(&[
        "audit",
        "list",
        "--action",
        "Database.BackedUp",
        "--output",
        "json",
    ])
    .await
    .ends(0)
    .shows("Database.BackedUp");
    let address = server.address().to_owned();
    ended(server).await;
    std::fs::remove_dir_all(&data).unwrap();

    let refused = {
        copy(&backup, &place.site.path("careless"));
        let words = ["serve", "--listen", &address];
        let careless = crate::harness::coffer(&place.site.folder("server"), &words);
        Done::of(place.configured(careless, &place.site.path("careless"))).await
    };
    refused.ends(6).says("coffer anchor accept");
    place.type_in("sqlite-restore", &fresh, &backup).await;
    let server = place.serve(&address, &fresh).await;
    let list = ada
        .coffer(&["file", "list"])
        .await
        .ends(0)
        .shows("long.bin");
    assert!(!list.out.contains("lost.pem"));
    used(&ada, &hand).await;
    ada.coffer(&["audit", "verify"]).await.ends(0);
    ended(server).await;
}

#[tokio::test]
async fn a_cold_copy_is_restored_where_no_anchor_knows_better() {
    let place = Place {
        site: Site::new(),
        database: None,
    };
    let (data, backup, fresh) = (
        place.site.data(),
        place.site.path("backup"),
        place.site.path("fresh"),
    );
    let server = place.serve(place.site.listen(), &data).await;
    let ada = filled(&place, &server).await;
    let hand = Hand::register(&ada, "hand").await;
    let address = server.address().to_owned();
    ended(server).await;
    place.type_in("sqlite-cold", &data, &backup).await;
    std::fs::remove_dir_all(&data).unwrap();
    place
        .type_in("sqlite-restore", &fresh, &backup)
        .await
        .says("not behind any anchor");
    let server = place.serve(&address, &fresh).await;
    used(&ada, &hand).await;
    ended(server).await;
}

#[tokio::test]
async fn a_dump_of_postgres_is_restored_and_its_files_are_used() {
    let Some(server) = told("COFFER_TEST_POSTGRES") else {
        return skip(
            "backup::a_dump_of_postgres_is_restored_and_its_files_are_used",
            "COFFER_TEST_POSTGRES is not set",
        );
    };
    let random = Chance::new(Chance::seed() ^ u64::from(std::process::id())).next();
    let (base, query) = server.split_once('?').unwrap_or((&server, ""));
    let (base, _) = base.rsplit_once('/').unwrap();
    let [old, new] = ["old", "new"].map(|which| format!("coffer_drill_{which}_{random:x}"));
    for name in [&old, &new] {
        administer(&server, &format!("create database {name}")).await;
    }
    let url = |name: &str| Some(format!("{base}/{name}?{query}"));

    let mut place = Place {
        site: Site::new(),
        database: url(&old),
    };
    let (data, backup) = (place.site.data(), place.site.path("backup.dump"));
    let running = place.serve(place.site.listen(), &data).await;
    let ada = filled(&place, &running).await;
    let hand = Hand::register(&ada, "hand").await;
    place.type_in("postgres-backup", &data, &backup).await;
    ada.file("lost.pem", "lost").await;
    let address = running.address().to_owned();
    ended(running).await;

    let words = ["backup", "--to", "anywhere"];
    let backup_here = crate::harness::coffer(&place.site.folder("server"), &words);
    Done::of(place.configured(backup_here, &data))
        .await
        .ends(5)
        .says("pg_dump");
    place.database = url(&new);
    place.type_in("postgres-restore", &data, &backup).await;
    let running = place.serve(&address, &data).await;
    let list = ada
        .coffer(&["file", "list"])
        .await
        .ends(0)
        .shows("long.bin");
    assert!(!list.out.contains("lost.pem"));
    used(&ada, &hand).await;
    ended(running).await;
    for name in [&old, &new] {
        administer(&server, &format!("drop database {name} with (force)")).await;
    }
}
