//! Which pipelines may use which files, freezing, and who can use a file: on the command line.

use crate::harness::Site;

#[tokio::test]
async fn permissions_are_listed_given_for_refs_and_taken_back() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let file = site.file("signing.p12", b"a key, or so");
    ada.coffer(&["file", "upload", &file]).await.ends(0);
    let yaml = "steps:\n- task: DownloadSecureFile@1\n  inputs:\n    secureFile: signing.p12\n";
    let text = site.file("release.yml", yaml);
    ada.coffer(&["pipeline", "add", &text])
        .await
        .ends(0)
        .says("It may use signing.p12.");
    ada.coffer(&["permission", "list", "signing.p12"])
        .await
        .ends(0)
        .shows("release");

    let revoke = ["permission", "revoke", "signing.p12", "release"];
    ada.coffer(&revoke).await.ends(0).says("may not use");
    let permit = ["permission", "permit", "signing.p12", "release", "--refs"];
    let some = [&permit[..], &["refs/heads/main,refs/tags/*"]].concat();
    ada.coffer(&some)
        .await
        .ends(0)
        .says("for refs/heads/main, refs/tags/*")
        .says("covers none of its runs");
    ada.coffer(&["file", "show", "signing.p12"])
        .await
        .ends(0)
        .shows("release for refs/heads/main, refs/tags/*");
    let bad = [&permit[..], &["main"]].concat();
    ada.coffer(&bad).await.ends(6).says("refs/heads/main");
    let both = [&some[..], &["--all-refs"]].concat();
    ada.coffer(&both).await.ends(2);
    let waits = ["run", "start", "release", "--watch", "--fail-if-waiting"];
    ada.coffer(&waits)
        .await
        .ends(7)
        .says("not for the ref of this run");
    ada.coffer(&["permission", "permit", "signing.p12", "release"])
        .await
        .ends(0)
        .says("now.");
    let listed = ["permission", "list", "--pipeline", "release", "-o", "json"];
    let listed = ada.coffer(&listed).await.ends(0).json();
    assert_eq!(listed[0]["name"], "signing.p12");
    assert_eq!(listed[0].get("refs"), None, "stored text has no ref: all");

    ada.coffer(&["permission", "open", "signing.p12"])
        .await
        .ends(0)
        .shows("all of the project");
    ada.coffer(&["permission", "list"])
        .await
        .ends(0)
        .shows("signing.p12");
    ada.coffer(&["permission", "restrict", "signing.p12"])
        .await
        .ends(0);
    let access = ["file", "access", "signing.p12"];
    let shown = ada.coffer(&access).await.ends(0);
    shown.shows("ada").shows("Administrator").shows("release");
}

#[tokio::test]
async fn a_freeze_is_shown_where_it_matters_and_lifted() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let file = site.file("signing.p12", b"a key, or so");
    ada.coffer(&["file", "upload", &file]).await.ends(0);
    let yaml = "steps:\n- task: DownloadSecureFile@1\n  inputs:\n    secureFile: signing.p12\n";
    let text = site.file("release.yml", yaml);
    ada.coffer(&["pipeline", "add", &text]).await.ends(0);

    let freeze = ["freeze", "file", "signing.p12"];
    ada.coffer(&freeze).await.ends(2).says("--reason");
    let freeze = [&freeze[..], &["--reason", "may have leaked"]].concat();
    ada.coffer(&freeze).await.ends(0).says("is frozen");
    ada.coffer(&freeze).await.ends(5);
    ada.coffer(&["freeze", "everything", "--reason", "incident 7"])
        .await
        .ends(0);
    ada.coffer(&["freeze", "list"])
        .await
        .ends(0)
        .shows("may have leaked")
        .shows("incident 7");
    ada.coffer(&["file", "show", "signing.p12"])
        .await
        .ends(0)
        .shows("may have leaked");
    let waits = ["run", "start", "release", "--watch", "--fail-if-waiting"];
    let done = ada.coffer(&waits).await.ends(7);
    let done = done.says("may have leaked").says("incident 7");
    assert!(!done.err.contains("coffer run permit"), "{}", done.err);

    ada.coffer(&["unfreeze", "file", "signing.p12"])
        .await
        .ends(0)
        .says("stays frozen");
    ada.coffer(&["unfreeze", "file", "signing.p12"])
        .await
        .ends(3);
    ada.coffer(&["unfreeze", "everything"]).await.ends(0);
    ada.coffer(&["freeze", "project", "--reason", "incident 8"])
        .await
        .ends(0);
    ada.coffer(&["unfreeze", "project"]).await.ends(0);
    let listed = ada.coffer(&["freeze", "list", "-o", "json"]).await.ends(0);
    assert_eq!(listed.json().as_array().unwrap().len(), 0);
}
