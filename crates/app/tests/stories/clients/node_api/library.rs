//! The library: every call for secure files but those that read content.

use super::{Scene, names};
use crate::harness::{Chance, PROJECT};
use serde_json::{Value, json};

const MOST: usize = 10_485_760;

pub(super) async fn keeps_a_library(mut scene: Scene) {
    let mut chance = Chance::new(17);
    let nothing = scene
        .ask("TaskAgent", "getSecureFiles", json!([PROJECT]))
        .await;
    assert_eq!(nothing, json!([]));

    let mut ids = Vec::new();
    for (name, size) in [("empty.txt", 0), ("ca.pem", 1200), ("largest ü.p12", MOST)] {
        let path = scene.site.file("upload", chance.bytes(size));
        let arguments = json!([{}, {"$file": path}, PROJECT, name]);
        let file = scene.ask("TaskAgent", "uploadSecureFile", arguments).await;
        assert_eq!((&file["name"], &file["size"]), (&name.into(), &size.into()));
        assert_eq!(file["ticket"], Value::Null);
        assert_eq!(file["createdBy"]["displayName"], "ada");
        ids.push(file["id"].as_str().unwrap().to_owned());
        scene
            .compat
            .works(&format!("`uploadSecureFile`, a stream of {size} bytes"));
    }
    let path = scene.site.file("upload", chance.bytes(MOST + 1));
    let arguments = json!([{}, {"$file": path}, PROJECT, "over.p12"]);
    let came = scene.call("TaskAgent", "uploadSecureFile", arguments).await;
    assert!(
        came.raised().contains("at most 10485760 bytes"),
        "{}",
        came.raised()
    );
    scene.compat.refused("`uploadSecureFile`, one byte more");
    let path = scene.site.file("upload", "x");
    let arguments = json!([{}, {"$file": path}, PROJECT, "CA.PEM"]);
    let came = scene.call("TaskAgent", "uploadSecureFile", arguments).await;
    assert_eq!(came.key(), "SecureFileExistsException");
    scene
        .compat
        .refused("`uploadSecureFile`, a name that is taken");

    lists(&mut scene, &ids).await;
    changes(&mut scene, &ids).await;

    let arguments = json!([PROJECT, ids[1]]);
    scene
        .ask("TaskAgent", "deleteSecureFile", arguments.clone())
        .await;
    let gone = scene.ask("TaskAgent", "getSecureFile", arguments).await;
    assert_eq!(gone, Value::Null);
    let left = scene
        .ask("TaskAgent", "getSecureFiles", json!([PROJECT]))
        .await;
    assert_eq!(names(&left), ["empty.txt", "largest ü.p12"]);
    scene
        .compat
        .works("`deleteSecureFile`, and `getSecureFile` of what is gone: null");
}

async fn lists(scene: &mut Scene, ids: &[String]) {
    let all = ["ca.pem", "empty.txt", "largest ü.p12"];
    let by_ids = json!([PROJECT, [ids[2], ids[0]]]);
    let by_names = json!([PROJECT, ["CA.PEM", "largest ü.p12"]]);
    for (method, how, arguments, expected) in [
        ("getSecureFiles", "all", json!([PROJECT]), &all[..]),
        (
            "getSecureFiles",
            "with tickets: none for a person",
            json!([PROJECT, null, true]),
            &all,
        ),
        (
            "getSecureFiles",
            "by pattern",
            json!([PROJECT, "*.P12"]),
            &["largest ü.p12"],
        ),
        (
            "getSecureFiles",
            "by a pattern of none",
            json!([PROJECT, "none*"]),
            &[],
        ),
        (
            "getSecureFiles",
            "that may be managed",
            json!([PROJECT, null, null, 2]),
            &all,
        ),
        (
            "getSecureFiles",
            "that may be used",
            json!([PROJECT, null, null, 16]),
            &all,
        ),
        (
            "getSecureFilesByNames",
            "in any case",
            by_names,
            &["ca.pem", "largest ü.p12"],
        ),
        (
            "getSecureFilesByIds",
            "",
            by_ids,
            &["empty.txt", "largest ü.p12"],
        ),
    ] {
        let found = scene.ask("TaskAgent", method, arguments).await;
        assert_eq!(names(&found), expected, "{method} {how}");
        for file in found.as_array().unwrap() {
            assert_eq!(file["ticket"], Value::Null, "a person gets no ticket");
        }
        let comma = if how.is_empty() { "" } else { ", " };
        scene.compat.works(&format!("`{method}`{comma}{how}"));
    }
}

async fn changes(scene: &mut Scene, ids: &[String]) {
    let file = scene
        .ask("TaskAgent", "getSecureFile", json!([PROJECT, ids[1], true]))
        .await;
    assert_eq!(
        (&file["name"], &file["ticket"]),
        (&"ca.pem".into(), &Value::Null)
    );
    for field in ["createdOn", "modifiedOn"] {
        // The client makes a date of it, and JSON makes text of that again.
        let date = file[field].as_str().unwrap();
        assert!(date.len() == 24 && date.ends_with('Z'), "{date}");
    }
    scene.compat.works("`getSecureFile`");

    let change = json!({"id": ids[1], "name": "root.pem", "properties": {"team": "mobile"}});
    let arguments = json!([change, PROJECT, ids[1]]);
    let changed = scene.ask("TaskAgent", "updateSecureFile", arguments).await;
    assert_eq!(
        (&changed["name"], &changed["id"]),
        (&"root.pem".into(), &ids[1].clone().into())
    );
    assert_eq!(changed["properties"], json!({"team": "mobile"}));
    scene
        .compat
        .works("`updateSecureFile`, name and properties");

    let several = json!([
        {"id": ids[0], "name": "empty.txt", "properties": {"team": "web"}},
        {"id": ids[1], "name": "ca.pem", "properties": {"team": "mobile", "kind": "ca"}},
    ]);
    let arguments = json!([several, PROJECT]);
    let changed = scene.ask("TaskAgent", "updateSecureFiles", arguments).await;
    assert_eq!(names(&changed), ["ca.pem", "empty.txt"]);
    scene.compat.works("`updateSecureFiles`");
    let taken = json!([
        {"id": ids[0], "name": "other.txt"},
        {"id": ids[1], "name": "largest ü.p12"},
    ]);
    let came = scene
        .call("TaskAgent", "updateSecureFiles", json!([taken, PROJECT]))
        .await;
    assert_eq!(came.key(), "SecureFileExistsException");
    let left = scene
        .ask("TaskAgent", "getSecureFiles", json!([PROJECT]))
        .await;
    assert_eq!(names(&left), ["ca.pem", "empty.txt", "largest ü.p12"]);
    scene
        .compat
        .refused("`updateSecureFiles`, one of them to a name that is taken: none is changed");

    let all = ["ca.pem", "empty.txt", "largest ü.p12"];
    for (condition, pattern, expected) in [
        (
            json!("and(eq(property('team'),'Mobile'))"),
            Value::Null,
            &["ca.pem"][..],
        ),
        (
            json!("or(eq(property('kind'),'ca'), in(property('team'),'a','web'))"),
            Value::Null,
            &all[..2],
        ),
        (
            json!("not(eq(property('team'),'mobile'))"),
            json!("*.p12"),
            &all[2..],
        ),
        (json!("ne(property('team'),'web')"), json!("*.txt"), &[]),
        (Value::Null, Value::Null, &all),
    ] {
        let arguments = json!([condition, PROJECT, pattern]);
        let found = scene
            .ask("TaskAgent", "querySecureFilesByProperties", arguments)
            .await;
        assert_eq!(names(&found), expected, "{condition}");
    }
    scene
        .compat
        .works("`querySecureFilesByProperties`, with a condition, a pattern, or neither");
    let arguments = json!(["eq(property('team')", PROJECT]);
    let came = scene
        .call("TaskAgent", "querySecureFilesByProperties", arguments)
        .await;
    assert!(!came.raised().is_empty());
    scene
        .compat
        .refused("`querySecureFilesByProperties`, a condition that does not parse");
}
