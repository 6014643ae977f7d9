//! `coffer key`, as whoever runs the server meets it.

use crate::harness::{Done, Site, coffer};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const WORDS: &str = "correct horse battery";

fn words(path: &Path, text: &str) -> String {
    std::fs::write(path, format!("{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

async fn key(site: &Site, arguments: &[&str], passphrase: Option<&str>) -> Done {
    let mut command = coffer(&site.folder("server"), &["key"]);
    command.args(arguments);
    command.arg("--data").arg(site.data());
    command.arg("--key-file").arg(site.path("key/root.key"));
    if let Some(file) = passphrase {
        command.env("COFFER_KEYS__FILE__PASSPHRASE_FILE", file);
    }
    Done::of(command).await
}

#[tokio::test]
async fn providers_are_listed_and_proved_and_a_file_without_a_key_is_not_made() {
    let site = Site::new();
    key(&site, &["providers"], None)
        .await
        .ends(0)
        .shows("new keys")
        .shows("pkcs11");
    key(&site, &["test"], None)
        .await
        .ends(6)
        .says("the root key file is missing");
    assert!(!site.path("key/root.key").exists(), "looking makes nothing");

    let mut server = site.serve().await;
    server.process.terminate().await;
    let before = std::fs::read(site.path("key/root.key")).unwrap();
    let proved = key(&site, &["test"], None).await.ends(0);
    assert!(proved.out.contains("round trip"), "{}", proved.out);
    assert!(
        proved
            .out
            .contains("export, make, disable, destroy; a file has one credential"),
        "{}",
        proved.out
    );
    let after = std::fs::read(site.path("key/root.key")).unwrap();
    assert!(before == after, "a look changed the file");
    let whole = key(&site, &["test", "--lifecycle", "--output", "json"], None)
        .await
        .ends(0);
    for what in ["make", "disable", "enable", "destroy"] {
        assert!(whole.out.contains(&format!("\"{what}\"")), "{}", whole.out);
    }
    key(&site, &["test", "--lifecycle"], None).await.ends(0);
}

#[tokio::test]
async fn the_root_key_file_is_sealed_under_a_server_s_data_and_opened_with_its_passphrase() {
    let site = Site::new();
    let mut server = site.serve().await;
    let address = server.address().to_owned();
    let ada = site.administrator(&server).await;
    let file = site.file("ca.pem", "a certificate");
    ada.coffer(&["file", "upload", &file]).await.ends(0);
    server.process.terminate().await;

    let right = words(&site.path("words"), WORDS);
    let wrong = words(&site.path("other-words"), "another staple entirely");
    let weak = words(&site.path("weak-words"), "short");
    let to = |file| ["passphrase", "--new-passphrase-file", file];
    key(&site, &to(&weak), None)
        .await
        .ends(6)
        .says("fewer than 12");
    key(&site, &to(&right), None).await.ends(0).says("sealed");

    for (given, said) in [
        (None, "keys.file.passphrase_file"),
        (Some(wrong.as_str()), "does not open the root key file"),
    ] {
        let mut command = site.serve_command(site.listen(), &[]);
        if let Some(file) = given {
            command.env("COFFER_KEYS__FILE__PASSPHRASE_FILE", file);
        }
        Done::of(command).await.ends(6).says(said);
    }
    key(&site, &["test"], Some(&right)).await.ends(0);
    let mut command = site.serve_command(site.listen(), &[]);
    command.env("COFFER_KEYS__FILE__PASSPHRASE_FILE", &right);
    let mut server = site.start(command).await;
    server.process.terminate().await;

    key(&site, &["passphrase", "--remove"], Some(&right))
        .await
        .ends(0);
    let mut server = site.serve_again(&address).await;
    ada.coffer(&["file", "list"]).await.ends(0).shows("ca.pem");
    server.process.terminate().await;
}
