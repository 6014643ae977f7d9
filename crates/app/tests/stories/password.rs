//! People with passwords at the command line: invited, signed in, and helped when a device is lost.

use crate::harness::{Done, Site, coffer};

#[tokio::test]
async fn somebody_is_invited_sets_a_password_and_works() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    ada.coffer(&["user", "add", "grace", "--group", "Main/Contributors"])
        .await
        .ends(0);
    let code = ada.coffer(&["user", "invite", "grace"]).await.ends(0);
    let code = code.says("shown this once").out.trim().to_owned();
    let grace = site.somebody("grace", &server);
    let login = |more: &[&str]| {
        let mut words = vec!["login", &server.url, "--user", "grace", "--password-stdin"];
        words.extend(more);
        coffer(&grace.home, &words)
    };
    Done::with_input(login(&["--invitation", &code]), b"too short\n")
        .await
        .ends(6)
        .says("at least 12 characters");
    Done::with_input(login(&["--invitation", &code]), b"a long enough password\n")
        .await
        .ends(0)
        .says("Signed in to");
    Done::with_input(login(&["--invitation", &code]), b"a long enough password\n")
        .await
        .ends(4)
        .says("one-time code is not valid");
    grace.coffer(&["whoami"]).await.ends(0).shows("grace");
    Done::with_input(login(&[]), b"a wrong long password\n")
        .await
        .ends(4)
        .says("Name, password or code is not right");
    // What was kept is the token from before, and no password.
    grace.coffer(&["whoami"]).await.ends(0);
    assert!(crate::harness::holds(&grace.home, b"a long enough password").is_empty());
    assert!(crate::harness::holds(&site.data(), b"a long enough password").is_empty());

    let narrow = grace
        .coffer(&[
            "token",
            "create",
            "reports",
            "--scope",
            "vso.securefiles_read",
            "--scope",
            "vso.build",
            "-o",
            "json",
        ])
        .await
        .ends(0)
        .json();
    assert_eq!(narrow["scope"], "vso.securefiles_read vso.build");
    grace
        .coffer(&["token", "create", "x", "--scope", "vso.unheard_of"])
        .await
        .ends(6)
        .says("app_token");
    grace
        .coffer(&["token", "list"])
        .await
        .ends(0)
        .shows("coffer login")
        .shows("vso.build");
    grace.coffer(&["token", "list", "--all"]).await.ends(4);
    ada.coffer(&["token", "list", "--all"])
        .await
        .ends(0)
        .shows("grace")
        .shows("ada");
    let id = narrow["id"].as_str().unwrap().to_owned();
    ada.coffer(&["token", "revoke", &id]).await.ends(0);
    ada.coffer(&["user", "reset-second-factor", "grace"])
        .await
        .ends(3);
    ada.coffer(&["user", "sign-out", "grace"]).await.ends(0);
    grace.coffer(&["user", "invite", "ada"]).await.ends(4);
}
