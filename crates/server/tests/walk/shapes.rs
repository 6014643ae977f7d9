//! However many things a request names, a page shows, or a run waits for, the database is asked with the same statements.

use super::world::Tenant;
use coffer_model::RunId;
use coffer_service::{FilePageQuery, FileSort, PageFrom};
use coffer_testkit::{PROJECT, TestServer};
use coffer_wire::paths::{fill, secure_files};
use serde_json::json;

/// How often they are compared before they count as different: what the product does by itself may come between.
const TRIES: usize = 3;

/// Compares what two questions ask of the database, a few times.
async fn assert_same<A, B>(
    server: &TestServer,
    what: &str,
    few: impl Fn() -> A,
    many: impl Fn() -> B,
) where
    A: Future<Output = ()>,
    B: Future<Output = ()>,
{
    let mut outcomes = (Vec::new(), Vec::new());
    for _ in 0..TRIES {
        let mark = server.log_mark();
        few().await;
        let one = server.statements_since(mark);
        let mark = server.log_mark();
        many().await;
        outcomes = (one, server.statements_since(mark));
        if outcomes.0 == outcomes.1 {
            break;
        }
    }
    assert!(!outcomes.0.is_empty(), "{what}");
    assert_eq!(outcomes.0, outcomes.1, "{what}");
}

/// Pages, and what is asked again and again while a run waits.
pub(super) async fn pages(server: TestServer) {
    let (developer, engineer) = (server.developer().await, server.release_engineer().await);
    let (mut yaml, mut runs) = (String::from("steps:\n"), Vec::new());
    for n in 0..5 {
        engineer.upload(&format!("f{n}.p12"), b"x").await;
        yaml.push_str(&format!(
            "- task: DownloadSecureFile@1\n  inputs:\n    secureFile: f{n}.p12\n"
        ));
        if n == 0 || n == 4 {
            let pipeline = developer.pipeline(&format!("p{n}"), &yaml).await;
            let run = developer.run(&pipeline).await;
            assert_eq!(run.waiting_for.len(), n + 1);
            runs.push(run.id);
        }
    }
    let timeline = |run: i64| {
        let builds = developer.client.builds(PROJECT);
        async move { drop(builds.timeline(run).await.unwrap()) }
    };
    let (one, five) = (runs[0], runs[1]);
    assert_same(&server, "a timeline", || timeline(one), || timeline(five)).await;

    let caller = server.caller(&developer).await;
    let service = server.service();
    let project = service.projects().find(&caller, PROJECT).await.unwrap().id;
    let show = async |run| {
        let shown = service.runs().show(&caller, project, RunId(run)).await;
        shown.unwrap();
    };
    assert_same(&server, "a run", || show(one), || show(five)).await;
    let listed = async |top| {
        let page = service.runs().page(&caller, project, None, None, top).await;
        page.unwrap();
    };
    assert_same(&server, "runs", || listed(1), || listed(50)).await;
    let pipelines = async |skip| {
        let pipelines = service.pipelines();
        let page = pipelines.page(&caller, project, "p", skip, 50).await;
        assert!(!page.unwrap().items.is_empty());
    };
    assert_same(&server, "pipelines", || pipelines(1), || pipelines(0)).await;
    let files = async |skip| {
        let query = FilePageQuery {
            search: None,
            sort: FileSort::Name,
            descending: false,
            from: PageFrom::Start(skip),
            top: 50,
        };
        let page = service.files().page(&caller, project, query).await;
        assert!(!page.unwrap().items.is_empty());
    };
    assert_same(&server, "files", || files(4), || files(0)).await;
}

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
