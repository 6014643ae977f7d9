//! `tfx`, the command line for extensions and tasks.

use super::compat::Compat;
use super::node::Node;
use crate::harness::{Done, Site};
use serde_json::Value;
use std::path::Path;

const TFX: &str = "tfx-cli";
const DOWNLOAD: &str = "2a6ca863-f2ce-4f4d-8bcb-15e64608ec4b";

/// Runs `tfx` at a home, asking nobody.
async fn tfx(node: &Node, home: &Path, words: &[&str]) -> Done {
    let mut command = node.script("node_modules/tfx-cli/_build/tfx-cli.js", home);
    command.args(words).args(["--no-prompt", "--no-color"]);
    Done::of(command).await
}

#[tokio::test]
async fn tfx_signs_in_and_lists_the_tasks() {
    let story = "tfx_signs_in_and_lists_the_tasks";
    let Some(node) = Node::find(story) else {
        return;
    };
    let compat = Compat::new(story, TFX, &node.version(TFX));
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let (home, url, token) = (site.folder("tfx"), server.url.as_str(), ada.token());

    let wrong = token.replace("cof_pat_", "cof_pat_x");
    let login = [
        "login",
        "--auth-type",
        "pat",
        "--service-url",
        url,
        "--token",
    ];
    let refused = tfx(&node, &home, &[&login[..], &[&wrong]].concat()).await;
    assert_ne!(refused.code, 0, "{}", refused.out);
    refused.says("Invalid credentials").says("TF400813");
    compat.refused("`tfx login` with a wrong token");
    tfx(&node, &home, &[&login[..], &[&token]].concat())
        .await
        .ends(0)
        .shows("Logged in successfully");
    compat.works("`tfx login --auth-type pat`");

    // From here on it uses what it kept.
    let list = ["build", "tasks", "list", "--service-url", url];
    let shown = tfx(&node, &home, &list).await.ends(0);
    let shown = shown.shows("DownloadSecureFile").shows("Bash");
    assert!(!shown.out.contains("Checkout"), "{}", shown.out);
    let listed = tfx(&node, &home, &[&list[..], &["--json"]].concat()).await;
    let listed = listed.ends(0).json();
    let find = |task: &&Value| task["id"] == DOWNLOAD;
    let task = listed.as_array().unwrap().iter().find(find).unwrap();
    assert_eq!(task["name"], "DownloadSecureFile");
    assert_eq!(task["inputs"][0]["type"], "secureFile");
    assert!(task["version"]["major"].is_u64());
    compat.works("`tfx build tasks list`");

    let task = &node.file("download-task");
    let upload = [
        "build",
        "tasks",
        "upload",
        "--service-url",
        url,
        "--task-path",
        task,
    ];
    let delete = [
        "build",
        "tasks",
        "delete",
        "--service-url",
        url,
        "--task-id",
        DOWNLOAD,
    ];
    for (words, call) in [
        (&upload, "`tfx build tasks upload`"),
        (&delete, "`tfx build tasks delete`"),
    ] {
        let done = tfx(&node, &home, words).await;
        assert_ne!(done.code, 0, "{}", done.out);
        done.says("does not serve that method");
        compat.not_yet(call, "tasks are those that are built in");
    }
    assert!(!server.process.said().contains(&token));
}
