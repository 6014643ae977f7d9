//! An older copy of the data folder is put back, as operators do and as intruders may: the program says so.

use crate::harness::{Done, Person, Server, Site, coffer, tree};
use std::path::Path;
use tokio::process::Command;

/// `coffer serve` with the anchor, and the checkpoints, on another disk.
fn serve(site: &Site, listen: &str) -> Command {
    anchored(site, site.serve_command(listen, &[]))
}

fn anchored(site: &Site, mut command: Command) -> Command {
    command.env(
        "COFFER_KEYS__ANCHOR_FILE",
        site.folder("elsewhere").join("anchor"),
    );
    command.env(
        "COFFER_AUDIT__CHECKPOINTS",
        site.path("elsewhere/checkpoints.jsonl"),
    );
    command
}

/// A command on the server's host.
fn on_host(site: &Site, words: &[&str]) -> Command {
    let mut command = coffer(&site.folder("server"), words);
    command.arg("--data").arg(site.data());
    command.arg("--key-file").arg(site.path("key/root.key"));
    anchored(site, command)
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for path in tree(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&path, target).unwrap();
    }
}

async fn ended(server: &mut Server) {
    assert!(
        server.process.terminate().await.success(),
        "{}",
        server.process.said()
    );
}

/// A copy of the data folder in place of what has gone on since.
async fn put_back(site: &Site) -> (Person, String) {
    let mut server = site.start(serve(site, site.listen())).await;
    let address = server.address().to_owned();
    let ada = site.administrator(&server).await;
    ada.file("before.pem", "before").await;
    ended(&mut server).await;
    copy(&site.data(), &site.path("backup"));
    let mut server = site.start(serve(site, &address)).await;
    ada.file("after.pem", "after").await;
    ended(&mut server).await;
    std::fs::remove_dir_all(site.data()).unwrap();
    copy(&site.path("backup"), &site.data());
    (ada, address)
}

#[tokio::test]
async fn an_older_data_folder_is_refused_and_accepted_by_who_has_the_host() {
    let site = Site::new();
    let (ada, address) = put_back(&site).await;
    let refused = Done::of(serve(&site, &address)).await.ends(6);
    let refused = refused
        .says("The database is behind its anchor")
        .says("the anchor file")
        .says("the file of checkpoints")
        .says("coffer anchor accept");
    assert!(!refused.err.contains("Coffer serves"), "{}", refused.err);
    let shown = Done::of(on_host(&site, &["anchor", "show", "--output", "json"]))
        .await
        .ends(10)
        .json();
    let states: Vec<_> = shown
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["state"].clone())
        .collect();
    assert!(
        states.len() >= 2 && states.iter().all(|state| state == "behind"),
        "{shown}"
    );

    Done::of(on_host(&site, &["anchor", "accept", "--reason", " "]))
        .await
        .ends(2);
    let words = ["anchor", "accept", "--reason", "the disk broke"];
    Done::of(on_host(&site, &words))
        .await
        .ends(0)
        .says("Accepted, and on record");
    Done::of(on_host(&site, &["anchor", "show"]))
        .await
        .ends(0)
        .shows("fits");
    Done::of(on_host(&site, &words))
        .await
        .ends(0)
        .says("not behind any anchor");
    // Agents cannot be asked while no server runs.
    let words = ["anchor", "accept", "--reason", "agents said so", "--agents"];
    Done::of(on_host(&site, &words))
        .await
        .ends(0)
        .shows("what agents remember up to now");

    let mut server = site.start(serve(&site, &address)).await;
    let list = ada
        .coffer(&["file", "list"])
        .await
        .ends(0)
        .shows("before.pem");
    assert!(!list.out.contains("after.pem"));
    ada.coffer(&[
        "audit",
        "list",
        "--action",
        "Database.RollbackAccepted",
        "--output",
        "json",
    ])
    .await
    .ends(0)
    .shows("the disk broke");
    ada.coffer(&["audit", "verify"]).await.ends(0);
    ended(&mut server).await;
    // The records that are kept outside go on with the history that is the one now.
    let kept = std::fs::read_to_string(site.path("elsewhere/checkpoints.jsonl")).unwrap();
    let last = kept.lines().last().unwrap();
    assert!(
        kept.contains("\"rollback\"") && !last.contains("\"rollback\""),
        "{kept}"
    );
    site.start(serve(&site, &address)).await;
}

#[tokio::test]
async fn the_anchor_cannot_lie_with_the_data() {
    let site = Site::new();
    let mut command = site.serve_command(site.listen(), &[]);
    command.env("COFFER_KEYS__ANCHOR_FILE", site.data().join("anchor"));
    Done::of(command)
        .await
        .ends(6)
        .says("the file of the anchor")
        .says("lies inside the data folder");
}
