//! However many things a request names, the database is asked with the same statements.

use super::world::Tenant;
use coffer_testkit::{PROJECT, TestServer};
use coffer_wire::paths::{fill, secure_files};
use serde_json::json;

/// How often they are compared before they count as different: what the product does by itself may come between.
const TRIES: usize = 3;

pub(super) async fn walk(server: TestServer) {
    let agent = server.agent("walker").await;
    let own = Tenant::of(&server, PROJECT, &agent).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(own.value(&server, "secureFileId", true).await);
    }
    let path = |query: &str| fill(secure_files::COLLECTION, &[PROJECT]) + query;
    let listed = own.keeper.get(&path("")).await.ok().json();
    let names: Vec<String> = listed["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["name"].as_str().unwrap().to_owned())
        .collect();
    let statements = async |query: &str, condition: Option<&str>| {
        let mark = server.log_mark();
        let path = path(query);
        let call = match condition {
            Some(condition) => own.keeper.call("POST", &path).json(&json!(condition)),
            None => own.keeper.call("GET", &path),
        };
        call.send().await.ok();
        server.statements_since(mark)
    };
    let few_ids = format!("?secureFileIds={}", ids[0]);
    let many_ids = format!("?secureFileIds={}", ids.join(","));
    let few_names = format!("?secureFileNames={}", names[0]);
    let many_names = format!("?secureFileNames={},absent", names.join(","));
    let many_words = "or(property('a'), property('b'), property('c'), property('d'))";
    for (few, many, condition) in [
        (few_ids.as_str(), many_ids.as_str(), None),
        (&few_names, &many_names, None),
        ("?namePattern=f*", "?namePattern=*", None),
        (
            "?includeDownloadTickets=true",
            "?includeDownloadTickets=false",
            None,
        ),
        ("", "?namePattern=*", Some(many_words)),
    ] {
        let mut outcomes = None;
        for _ in 0..TRIES {
            let one = statements(few, condition.map(|_| "property('a')")).await;
            let other = statements(many, condition).await;
            assert!(
                one.iter().any(|name| name.contains("file_lists")),
                "{one:?}"
            );
            let same = one == other;
            outcomes = Some((one, other));
            if same {
                break;
            }
        }
        let (one, other) = outcomes.unwrap();
        assert_eq!(one, other, "{few} and {many}");
    }
}
