//! Keys from the command line: seen, rotated by hand, and a new key for one file.

use crate::break_glass::{PASSWORD, with_password};
use crate::harness::{Done, Site, coffer};

#[tokio::test]
async fn keys_are_seen_and_rotated_and_a_file_gets_a_new_key() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    ada.file("signing.pem", "the content of a story").await;
    let rel = with_password(&site, &ada, &server, ("rel", "Main/Release Administrators")).await;

    ada.coffer(&["key", "list"]).await.ends(0).shows("active");
    rel.coffer(&["key", "list"]).await.ends(3);
    ada.coffer(&["key", "rotate"])
        .await
        .ends(2)
        .says("--reason");
    rel.coffer(&["key", "rotate", "--reason", "curious"])
        .await
        .ends(3);
    let words = ["key", "rotate", "--reason", "incident 7", "--wait"];
    let rotated = ada
        .coffer(&[&words[..], &["--output", "json"]].concat())
        .await
        .ends(0)
        .says("Rotation 1 is done.")
        .says("coffer audit verify")
        .json();
    assert_eq!(
        (&rotated["state"], &rotated["number"]),
        (&"done".into(), &1.into())
    );
    assert_eq!(rotated["report"]["kind"], "rotation");
    assert!(rotated["done"]["wraps"].as_i64().unwrap() >= 1, "{rotated}");

    let listed = ada.coffer(&["key", "list"]).await.ends(0);
    let listed = listed.shows("active").shows("retired");
    let record = format!("record {}", rotated["report"]["number"]);
    listed.shows(&record);
    let json = ada.coffer(&["key", "list", "--output", "json"]).await;
    let json = json.ends(0).json();
    assert_eq!(json["generations"].as_array().unwrap().len(), 2, "{json}");
    assert_eq!(json["rotations"][0], rotated);
    ada.coffer(&["audit", "verify"]).await.ends(0);
    ada.coffer(&["audit", "reconcile"]).await.ends(0);
    ada.coffer(&["audit", "list", "--action", "Key.RotationRequested"])
        .await
        .ends(0)
        .shows("ada");

    let again = async |file: &str, password: &str| {
        let words = [
            "key",
            "re-encrypt",
            file,
            "--project",
            "Main",
            "--password-stdin",
        ];
        Done::with_input(coffer(&rel.home, &words), password.as_bytes()).await
    };
    again("signing.pem", "a wrong long password\n")
        .await
        .ends(4);
    again("nothing.pem", PASSWORD).await.ends(3);
    again("signing.pem", PASSWORD)
        .await
        .ends(0)
        .says("sealed with a new file key");
    ada.coffer(&["audit", "list", "--action", "SecureFile.Reencrypted"])
        .await
        .ends(0)
        .shows("rel");
}
