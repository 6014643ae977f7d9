//! Properties of files on the command line, and refusals that say whom to ask.

use crate::harness::Site;

#[tokio::test]
async fn files_are_found_by_what_is_written_on_them() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    for name in ["app.p12", "web.pem", "bare.pem"] {
        let file = site.file(name, "x");
        ada.coffer(&["file", "upload", &file]).await.ends(0);
    }
    let table = ada.coffer(&["file", "list"]).await.ends(0).out;
    assert!(!table.contains("PROPERTIES"), "{table}");
    let set = ["file", "update", "app.p12", "--property", "team=Mobile"];
    ada.coffer(&[&set[..], &["--property", "expires=2027-01-31"]].concat())
        .await
        .ends(0)
        .says("Changed app.p12.")
        .shows("expires=2027-01-31, team=Mobile");
    ada.coffer(&["file", "update", "web.pem", "--property", "team=web=old"])
        .await
        .ends(0);

    let find = async |condition: &str| {
        let list = ["file", "list", "--where", condition, "-o", "json"];
        let found = ada.coffer(&list).await.ends(0).json();
        let names = found.as_array().unwrap().iter();
        names
            .map(|file| file["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(find("eq(property('TEAM'), 'mobile')").await, ["app.p12"]);
    assert_eq!(find("eq(property('team'), 'web=old')").await, ["web.pem"]);
    assert_eq!(find("not(property('team'))").await, ["bare.pem"]);
    ada.coffer(&["file", "list", "*.pem", "--where", "true"])
        .await
        .ends(0)
        .shows("PROPERTIES")
        .shows("team=web=old");
    ada.coffer(&["file", "list", "--where", "eqq(property('team'), 'x')"])
        .await
        .ends(6)
        .says("character 1")
        .says("eqq")
        .says("hint: did you mean `eq`?");

    // What is not named stays; a name in another case is the same one.
    let update = ["file", "update", "app.p12", "--name", "release.p12"];
    ada.coffer(
        &[
            &update[..],
            &["--property", "TEAM=desk", "--remove-property", "Expires"],
        ]
        .concat(),
    )
    .await
    .ends(0);
    ada.coffer(&["file", "show", "release.p12"])
        .await
        .ends(0)
        .shows("Property TEAM:")
        .shows("desk");
    let shown = ada.coffer(&["file", "show", "release.p12", "-o", "json"]);
    let shown = shown.await.ends(0).json();
    assert_eq!(
        shown["secureFile"]["properties"],
        serde_json::json!({"TEAM": "desk"})
    );
    ada.coffer(&["file", "update", "release.p12"])
        .await
        .ends(2)
        .says("--property");
    ada.coffer(&["file", "update", "release.p12", "--property", "team"])
        .await
        .ends(2)
        .says("team=mobile");
    ada.coffer(&["file", "update", "release.p12", "--name", "WEB.pem"])
        .await
        .ends(5)
        .says("exists already");

    let grace = site
        .person(&ada, &server, "grace", &["Main/Contributors"])
        .await;
    grace
        .coffer(&["file", "update", "release.p12", "--property", "a=b"])
        .await
        .ends(4)
        .says("the role Administrator on the secure file 'release.p12', and yours is Reader")
        .says("Who can give it to you: ada")
        .says("hint: they type: coffer role assign Administrator grace --file release.p12");
}
