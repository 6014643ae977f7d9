//! `coffer doctor`, on a healthy host and on sick ones: it says what is wrong, what it means and what to do, and changes
//! nothing.

use crate::harness::{Done, Site, coffer, tree};
use coffer_keys::{FileProvider, GenerationId, KeyProvider as _, os_entropy};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tokio::process::Command;

fn doctor(site: &Site) -> Command {
    doctor_as(site, "json")
}

fn doctor_as(site: &Site, format: &str) -> Command {
    let mut command = coffer(&site.folder("server"), &["doctor", "--output", format]);
    command.arg("--data").arg(site.data());
    command.arg("--key-file").arg(site.path("key/root.key"));
    command.env(
        "COFFER_KEYS__ANCHOR_FILE",
        site.folder("elsewhere").join("anchor"),
    );
    command
}

/// Health and text of each finding of this name.
fn found(report: &Value, check: &str) -> Vec<(String, String)> {
    let rows = report.as_array().unwrap().iter();
    rows.filter(|row| row["check"] == check)
        .map(|row| {
            let [health, what, next] =
                ["health", "what", "next"].map(|name| row[name].as_str().unwrap());
            (health.to_owned(), format!("{what} | {next}"))
        })
        .collect()
}

/// A stopped server with a short and a long file.
async fn filled() -> Site {
    let site = Site::new();
    let mut command = site.serve_command(site.listen(), &[]);
    command.env(
        "COFFER_KEYS__ANCHOR_FILE",
        site.folder("elsewhere").join("anchor"),
    );
    let mut server = site.start(command).await;
    let ada = site.administrator(&server).await;
    for (name, size) in [("small.pem", 100), ("long.bin", 200_000)] {
        let path = site.file(name, vec![7; size]);
        ada.coffer(&["file", "upload", &path]).await.ends(0);
    }
    // Beside a running server it says the same, and how that one keeps its keys.
    let report = Done::of(doctor(&site)).await.ends(0).json();
    let memory = found(&report, "memory");
    for text in [
        "the server that runs (process ",
        "for keys locked",
        "writes no cores",
    ] {
        let told = memory.iter().any(|(_, what)| what.contains(text));
        assert!(told, "{text}: {memory:?}");
    }
    assert!(!found(&report, "swap").is_empty(), "{report}");
    assert!(server.process.terminate().await.success());
    site
}

#[tokio::test]
async fn a_healthy_host_is_well_and_left_as_it_is() {
    let site = filled().await;
    let report = Done::of(doctor(&site)).await.ends(0).json();
    for check in [
        "data folder",
        "database",
        "root key",
        "key versions",
        "signing key",
        "long files",
        "clock",
        "anchor",
    ] {
        let found = found(&report, check);
        assert!(!found.is_empty(), "{check} is looked at: {report}");
        assert!(
            found
                .iter()
                .all(|(health, _)| health != "problem" && health != "warning"),
            "{found:?}"
        );
    }
    let memory = found(&report, "memory");
    assert!(memory[0].1.contains("no server was found"), "{memory:?}");
    let keys = found(&report, "root key");
    assert!(
        keys.iter().any(|(health, text)| health == "well"
            && text.contains("2 files")
            && text.contains("it opens")),
        "{keys:?}"
    );
    // For people as a table.
    Done::of(doctor_as(&site, "table"))
        .await
        .ends(0)
        .shows("CHECK");
}

#[tokio::test]
async fn what_is_sick_is_named_with_what_to_do() {
    let site = filled().await;
    let data = site.data();
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o755)).unwrap();
    let report = Done::of(doctor(&site)).await.ends(0).json();
    let folder = found(&report, "data folder");
    assert!(
        folder[0].0 == "warning" && folder[0].1.contains("change its mode to 700"),
        "{folder:?}"
    );
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o700)).unwrap();

    let blob = tree(&data.join("blobs")).pop().unwrap();
    std::fs::rename(&blob, data.join("blobs/stray")).unwrap();
    let report = Done::of(doctor(&site)).await.ends(10).json();
    let blobs = found(&report, "long files");
    assert!(
        blobs[0].0 == "problem" && blobs[0].1.contains("content of 1 is missing"),
        "{blobs:?}"
    );
    assert!(
        blobs[1].0 == "note" && blobs[1].1.contains("left alone"),
        "{blobs:?}"
    );
    assert!(data.join("blobs/stray").exists());
    std::fs::rename(data.join("blobs/stray"), &blob).unwrap();

    let mut other = doctor(&site);
    other.env("COFFER_KEYS__SCALE_UNIT", "elsewhere");
    let report = Done::of(other).await.ends(10).json();
    let database = found(&report, "database");
    assert!(
        database[0].0 == "problem" && database[0].1.contains("coffer key move"),
        "{database:?}"
    );

    let mut nothing = coffer(
        &site.folder("server"),
        &["doctor", "--output", "json", "--data"],
    );
    nothing
        .arg(site.folder("empty"))
        .arg("--key-file")
        .arg(site.path("no.key"));
    let report = Done::of(nothing).await.ends(10).json();
    assert_eq!(found(&report, "database")[0].0, "problem", "{report}");
    assert!(
        tree(&site.folder("empty")).is_empty() && !site.path("no.key").exists(),
        "nothing was made"
    );
}

#[tokio::test]
async fn what_the_keys_open_and_what_is_lost_is_told_before_anything_starts() {
    let site = filled().await;
    let path = site.path("key/root.key");
    let (keys, _) = FileProvider::open_or_create(&path, Arc::new(os_entropy)).unwrap();
    let mut generations = keys.generations().unwrap();
    let generation = GenerationId(generations.pop().unwrap().id);
    let lifecycle = keys.lifecycle().unwrap();

    lifecycle.disable(&generation).await.unwrap();
    let report = Done::of(doctor(&site)).await.ends(10).json();
    let disabled = found(&report, "root key");
    assert!(
        disabled.iter().any(|(health, text)| health == "problem"
            && text.contains("disabled")
            && text.contains("enable it")),
        "{disabled:?}"
    );
    lifecycle.enable(&generation).await.unwrap();
    Done::of(doctor(&site)).await.ends(0);

    lifecycle.disable(&generation).await.unwrap();
    lifecycle.destroy(&generation).await.unwrap();
    let report = Done::of(doctor(&site)).await.ends(10).json();
    let gone = found(&report, "root key");
    assert!(
        gone.iter().any(|(health, text)| health == "problem"
            && text.contains("these 2 files cannot be opened any more")),
        "{gone:?}"
    );

    std::fs::remove_file(&path).unwrap();
    let report = Done::of(doctor(&site)).await.ends(10).json();
    let missing = found(&report, "key provider");
    assert!(
        missing[0].1.contains("restore it from your backup"),
        "{missing:?}"
    );
    assert!(!path.exists(), "no key was made");
}
