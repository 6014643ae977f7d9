//! `coffer user recover`: a lost administrator, with the server running and with the server stopped.

use crate::harness::{Done, Site, coffer, holds};
use std::os::unix::fs::PermissionsExt as _;

/// Makes a code on the host. Answers with it.
async fn recover(site: &Site, name: &str) -> String {
    let data = site.data();
    let arguments = [
        "user",
        "recover",
        name,
        "--data",
        data.to_str().unwrap(),
        "--output",
        "json",
    ];
    let done = Done::of(coffer(&site.folder("server"), &arguments))
        .await
        .ends(0);
    let shown = done.json();
    assert_eq!(shown["user"].as_str().unwrap(), name.to_lowercase());
    let file = std::path::PathBuf::from(shown["codeFile"].as_str().unwrap());
    assert!(file.starts_with(&data));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let code = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    assert!(!done.out.contains(&code) && !done.err.contains(&code));
    code
}

#[tokio::test]
async fn a_lost_administrator_comes_back_beside_a_running_server() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    // Grace was one and is shut out; Ada loses her token.
    let administrators = ["--group", "Project Collection Administrators"];
    let add = [&["user", "add", "grace"], &administrators[..]].concat();
    ada.coffer(&add).await.ends(0);
    ada.coffer(&["user", "disable", "grace"])
        .await
        .ends(0)
        .shows("disabled");
    ada.coffer(&["user", "disable", "ada"])
        .await
        .ends(5)
        .says("administer the organization");

    let code = recover(&site, "grace").await;
    let grace = site.somebody("grace", &server);
    let login = ["login", &server.url, "--code", &code, "--name", "whoever"];
    grace.coffer(&login).await.ends(0).says("as grace");
    grace.coffer(&["user", "disable", "ada"]).await.ends(0);
    grace.coffer(&login).await.ends(4);
    assert!(!site.logs().contains(&code));
    // Only its own file holds the code.
    let holding = holds(&site.data(), code.as_bytes());
    assert_eq!(holding, [site.data().join("recovery-code.txt")]);
    let log = grace
        .coffer(&["audit", "list", "--output", "json"])
        .await
        .ends(0);
    for action in [
        "Identity.RecoveryBegun",
        "Identity.Enabled",
        "Identity.Recovered",
    ] {
        assert!(log.out.contains(action), "{action}");
    }
    grace.coffer(&["audit", "verify"]).await.ends(0);
}

#[tokio::test]
async fn a_stopped_server_is_no_obstacle_and_a_newer_code_replaces_the_older() {
    let site = Site::new();
    let mut server = site.serve().await;
    site.administrator(&server).await;
    assert!(server.process.terminate().await.success());
    let (old, new) = (recover(&site, "ada").await, recover(&site, "ADA").await);
    let data = site.data();
    let recover = |name: &str, more: &[&str]| {
        let arguments = [
            &["user", "recover", name, "--data", data.to_str().unwrap()],
            more,
        ]
        .concat();
        Done::of(coffer(&site.folder("server"), &arguments))
    };
    recover("nobody", &[]).await.ends(3);
    let taken = site.file("taken", "x");
    recover("ada", &["--code-file", &taken]).await.ends(5);
    let empty = site.folder("empty");
    let elsewhere = ["user", "recover", "ada", "--data", empty.to_str().unwrap()];
    Done::of(coffer(&site.folder("server"), &elsewhere))
        .await
        .ends(3)
        .says("there is no database");
    assert!(!empty.join("coffer.db").exists());

    let server = site.serve_again(server.address()).await;
    let ada = site.somebody("late", &server);
    ada.coffer(&["login", &server.url, "--code", &old])
        .await
        .ends(4);
    ada.coffer(&["login", &server.url, "--code", &new])
        .await
        .ends(0)
        .says("as ada");
}
