//! The restore drill: the commands of docs/backup.md, as they stand there, and a job that uses a file afterwards.

use crate::anchor::copy;
use crate::harness::{Done, PATH, Server, Site, command, tree};
use crate::shelf::Shelf;
use coffer_testkit::Engine;
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

    /// A server here for the first time, with two files.
    async fn filled(&self) -> (Server, Shelf) {
        let server = self.serve(self.site.listen(), &self.site.data()).await;
        let shelf = Shelf::filled(&self.site, &server).await;
        (server, shelf)
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

/// What was there at the time of the backup is there, and nothing else.
async fn as_it_was(shelf: &Shelf) {
    let list = shelf.ada.coffer(&["file", "list"]).await.ends(0);
    assert!(!list.shows("long.bin").out.contains("lost.pem"));
    shelf.used().await;
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
    let (server, shelf) = place.filled().await;
    shelf.used().await;
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
    shelf.ada.file("lost.pem", "lost").await;
    shelf
        .ada
        .coffer(&[
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
    server.ended().await;
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
    as_it_was(&shelf).await;
    shelf.ada.coffer(&["audit", "verify"]).await.ends(0);
    server.ended().await;
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
    let (server, shelf) = place.filled().await;
    let address = server.address().to_owned();
    server.ended().await;
    place.type_in("sqlite-cold", &data, &backup).await;
    std::fs::remove_dir_all(&data).unwrap();
    place
        .type_in("sqlite-restore", &fresh, &backup)
        .await
        .says("not behind any anchor");
    let server = place.serve(&address, &fresh).await;
    shelf.used().await;
    server.ended().await;
}

#[tokio::test]
async fn a_dump_of_postgres_is_restored_and_its_files_are_used() {
    let site = Site::new();
    let test = "backup::a_dump_of_postgres_is_restored_and_its_files_are_used";
    let Some(old) = site.database(Engine::Postgres, test).await else {
        return;
    };
    let new = site.database(Engine::Postgres, test).await.unwrap();
    let url = |database: &coffer_testkit::Database| database.url().map(str::to_owned);
    let mut place = Place {
        site,
        database: url(&old),
    };
    let (data, backup) = (place.site.data(), place.site.path("backup.dump"));
    let (running, shelf) = place.filled().await;
    place.type_in("postgres-backup", &data, &backup).await;
    shelf.ada.file("lost.pem", "lost").await;
    let address = running.address().to_owned();
    running.ended().await;

    let words = ["backup", "--to", "anywhere"];
    let backup_here = crate::harness::coffer(&place.site.folder("server"), &words);
    Done::of(place.configured(backup_here, &data))
        .await
        .ends(5)
        .says("pg_dump");
    place.database = url(&new);
    place.type_in("postgres-restore", &data, &backup).await;
    let running = place.serve(&address, &data).await;
    as_it_was(&shelf).await;
    running.ended().await;
}
