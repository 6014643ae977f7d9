//! `azure-devops-node-api`: what scripts of teams are written with.

use super::compat::Compat;
use super::node::{Driver, Node};
use crate::harness::{Chance, Site};
use serde_json::Value;
use std::path::Path;

const MOST: usize = 10_485_760;

fn names(list: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    names
}

const NEWEST: &str = "azure-devops-node-api";
const OLDER: &str = "azure-devops-node-api-15";

/// One version of the client, in the hands of scripts.
struct NodeApi {
    node: Node,
    package: &'static str,
    compat: Compat,
}

impl NodeApi {
    fn find(story: &str, package: &'static str) -> Option<Self> {
        let node = Node::find(story)?;
        let compat = Compat::new(story, NEWEST, &node.version(package));
        Some(Self {
            node,
            package,
            compat,
        })
    }

    fn driver(&self, script: &'static str) -> Driver<'_> {
        Driver {
            node: &self.node,
            script,
            package: self.package,
        }
    }
}

#[tokio::test]
async fn azure_devops_node_api_17_keeps_a_library() {
    if let Some(api) = NodeApi::find("azure_devops_node_api_17_keeps_a_library", NEWEST) {
        keeps_a_library(&api).await;
    }
}

#[tokio::test]
async fn azure_devops_node_api_15_keeps_a_library() {
    if let Some(api) = NodeApi::find("azure_devops_node_api_15_keeps_a_library", OLDER) {
        keeps_a_library(&api).await;
    }
}

async fn keeps_a_library(api: &NodeApi) {
    let (compat, library) = (&api.compat, api.driver("library.mjs"));
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let mut chance = Chance::new(17);

    let nothing = library.result(&ada, &["list"]).await;
    assert_eq!(nothing, serde_json::json!([]));
    let mut ids = Vec::new();
    for (name, size) in [("empty.txt", 0), ("ca.pem", 1200), ("largest.p12", MOST)] {
        let path = site.file(name, chance.bytes(size));
        let file = library.result(&ada, &["upload", name, &path]).await;
        assert_eq!(file["name"], name, "{file}");
        assert_eq!(file["size"], size, "{file}");
        assert_eq!(file["ticket"], Value::Null);
        assert_eq!(file["createdBy"]["displayName"], "ada");
        ids.push(file["id"].as_str().unwrap().to_owned());
        compat.works(&format!("`uploadSecureFile`, a stream of {size} bytes"));
    }
    let path = site.file("over.p12", chance.bytes(MOST + 1));
    let refused = library.answer(&ada, &["upload", "over.p12", &path]).await;
    assert_eq!(refused["ok"], false, "{refused}");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("10"), "{refused}");
    compat.refused("`uploadSecureFile`, one byte more");

    let all = ["ca.pem", "empty.txt", "largest.p12"];
    for (call, words, expected) in [
        ("`getSecureFiles`", vec!["list"], &all[..]),
        (
            "`getSecureFiles` with tickets: none for a person",
            vec!["list", "--tickets"],
            &all,
        ),
        (
            "`getSecureFiles` by pattern",
            vec!["list", "--pattern", "*.p12"],
            &["largest.p12"],
        ),
        (
            "`getSecureFiles` by a pattern of no file",
            vec!["list", "--pattern", "none*"],
            &[],
        ),
        (
            "`getSecureFilesByNames`, in any case",
            vec!["list", "--name", "CA.PEM", "--name", "empty.txt"],
            &["ca.pem", "empty.txt"],
        ),
        (
            "`getSecureFilesByIds`",
            vec!["list", "--id", &ids[2], "--id", &ids[0]],
            &["empty.txt", "largest.p12"],
        ),
        (
            "`getSecureFiles` by action: manage",
            vec!["list", "--action", "2"],
            &all,
        ),
        (
            "`getSecureFiles` by action: use",
            vec!["list", "--action", "16"],
            &all,
        ),
        (
            "`querySecureFilesByProperties`",
            vec!["query", "not(property('team'))"],
            &all,
        ),
        (
            "`querySecureFilesByProperties` and a pattern",
            vec!["query", "not(property('team'))", "--pattern", "*.p12"],
            &["largest.p12"],
        ),
    ] {
        let found = library.result(&ada, &words).await;
        assert_eq!(names(&found), expected, "{words:?}");
        for file in found.as_array().unwrap() {
            assert_eq!(file["ticket"], Value::Null, "a person gets no ticket");
        }
        compat.works(call);
    }

    let query = ["query", "eq(property('team'), mobile)"];
    let answer = library.answer(&ada, &query).await;
    let refused = (&answer["ok"], &answer["status"]);
    assert_eq!(refused, (&false.into(), &400.into()), "{answer}");
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("character 22"), "{answer}");
    compat.refused("`querySecureFilesByProperties` with what is no condition");

    let found = library.result(&ada, &["get", &ids[1], "--tickets"]).await;
    let expected = (&"ca.pem".into(), &Value::Null);
    assert_eq!((&found["name"], &found["ticket"]), expected);
    let dates = ["createdOn", "modifiedOn"].map(|field| found[field].as_str().unwrap().len());
    let whole = dates.iter().all(|length| *length >= 20);
    assert!(whole, "dates survive the client: {found}");
    compat.works("`getSecureFile`");
    let words = ["rename", &ids[1], "root-ca.pem"];
    let renamed = library.result(&ada, &words).await;
    assert_eq!(renamed["name"], "root-ca.pem");
    assert_eq!(renamed["id"], ids[1]);
    compat.works("`updateSecureFile`: a new name");

    // A person with every role asks for the content.
    let target = site.path("stolen");
    let target = target.to_str().unwrap();
    for ticket in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let answer = library
            .answer(&ada, &["download", &ids[1], ticket, target])
            .await;
        if answer["ok"] == true {
            // Without a ticket the route answers with what is known of the file.
            assert_eq!(ticket, "", "{answer}");
            let text = std::fs::read_to_string(target).unwrap();
            let shown: Value = serde_json::from_str(&text).expect("metadata, not content");
            assert_eq!(shown["name"], "root-ca.pem");
            std::fs::remove_file(target).unwrap();
        } else {
            let status = answer["status"].as_i64().unwrap();
            assert!((400..500).contains(&status), "{answer}");
            assert!(!Path::new(target).exists());
        }
    }
    compat.refused("`downloadSecureFile` as a person");

    library.result(&ada, &["delete", &ids[1]]).await;
    let gone = library.result(&ada, &["get", &ids[1]]).await;
    assert_eq!(gone, Value::Null);
    let left = library.result(&ada, &["list"]).await;
    assert_eq!(names(&left), ["empty.txt", "largest.p12"]);
    compat.works("`deleteSecureFile`, and `getSecureFile` of what is gone: null");
}
