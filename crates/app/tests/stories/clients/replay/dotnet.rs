//! The .NET client: where it looks for locations, how it uploads, and how it finds the class of an error.

use super::{Caller, one, page, text};
use crate::harness::{Person, Server, Site, sha256};
use serde_json::json;

const FILES: &str = "/DefaultCollection/Main/_apis/distributedtask/securefiles";
/// The version stands in `Accept`, and in the content type as well.
const ACCEPT: (&str, &str) = ("Accept", "application/json; api-version=5.1-preview.1");
const JSON: (&str, &str) = (
    "Content-Type",
    "application/json; charset=utf-8; api-version=5.1-preview.1",
);

fn dotnet(server: &Server, person: &Person) -> Caller {
    Caller::new(
        server,
        person,
        "",
        &[
            (
                "User-Agent",
                "VSServices/16.205.33122.1 (NetStandard; Linux 6.1.0-13-amd64)",
            ),
            ("Accept-Language", "en-US"),
            ("X-TFS-FedAuthRedirect", "Suppress"),
            (
                "X-TFS-Session",
                "5a0f6b1b-8c3a-4c4a-919d-7c3f0a3f7e9a, List",
            ),
            ("X-VSS-E2EID", "b7b6e6a0-1111-4c4a-919d-7c3f0a3f7e9a"),
            ("Accept-Encoding", "gzip"),
        ],
    )
}

#[tokio::test]
async fn dotnet_connects_and_finds_its_way() {
    let story = "replay::dotnet_connects_and_finds_its_way";
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let client = dotnet(&server, &ada);
    let compat = page(story, ".NET client");

    // No version here.
    let plain = [("Accept", "application/json")];
    let target = "/DefaultCollection/_apis/connectionData?connectOptions=1&lastChangeId=-1&lastChangeId64=-1";
    let data = client.call("GET", target, &plain).await.json();
    for id in [
        &data["authenticatedUser"]["id"],
        &data["authorizedUser"]["id"],
        &data["instanceId"],
        &data["deploymentId"],
    ] {
        assert!(uuid::Uuid::parse_str(text(id)).is_ok(), "{id}");
    }
    let (kind, _) = text(&data["authenticatedUser"]["descriptor"])
        .split_once(';')
        .unwrap();
    assert!(
        kind.starts_with("Microsoft."),
        "an identity descriptor: {kind}"
    );
    let owner = text(&data["locationServiceData"]["serviceOwner"]);
    assert_eq!(
        owner,
        uuid::Uuid::nil().to_string(),
        "or it goes looking for other hosts"
    );
    assert_eq!(data["deploymentType"], "onPremises");
    compat.works("`connectionData` without a version: no other host is named");
    let rows = client
        .call("OPTIONS", "/DefaultCollection/_apis/", &plain)
        .await
        .list();
    let files = one(&rows, "id", "adcfd8bc-b184-43ba-bd84-7c8c6a2ff421");
    assert_eq!(
        files["routeTemplate"],
        "{project}/_apis/{area}/{resource}/{secureFileId}"
    );
    assert_eq!(
        (
            &files["minVersion"],
            &files["maxVersion"],
            &files["releasedVersion"]
        ),
        (&json!("3.2"), &json!("7.2"), &json!("0.0"))
    );
    compat.works("`OPTIONS _apis/`, with the slash");
}

#[tokio::test]
async fn dotnet_keeps_a_library() {
    let story = "replay::dotnet_keeps_a_library";
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let client = dotnet(&server, &ada);
    let compat = page(story, ".NET client");

    // A stream: pieces without a length, sent when the server says so.
    let target = format!("{FILES}?name=signing.p12&authorizePipelines=True");
    let headers = [
        ACCEPT,
        (
            "Content-Type",
            "application/octet-stream; api-version=5.1-preview.1",
        ),
        ("Expect", "100-continue"),
        ("Transfer-Encoding", "chunked"),
    ];
    let mut connection = client.open().await;
    connection
        .write(client.head("POST", &target, &headers))
        .await;
    assert_eq!(
        connection.head().await.lines().next(),
        Some("HTTP/1.1 100 Continue")
    );
    for piece in ["sign", "ed content"] {
        connection
            .write(format!("{:x}\r\n{piece}\r\n", piece.len()))
            .await;
    }
    connection.write("0\r\n\r\n").await;
    let reply = connection.reply("POST").await;
    let kind = reply.header("content-type").to_owned();
    assert!(kind.contains("api-version=5.1-preview.1"), "{kind}");
    let file = reply.json();
    assert_eq!(file["sha256"], sha256(b"signed content"));
    let id = text(&file["id"]).to_owned();
    compat.works("upload of a stream, with `Expect: 100-continue` and `authorizePipelines=True`");

    for filter in ["Use", "Manage,%20Use", "18", "None"] {
        let target = format!(
            "{FILES}?namePattern=signing*&includeDownloadTickets=False&actionFilter={filter}"
        );
        let listed = client.call("GET", &target, &[ACCEPT]).await.list();
        assert_eq!(listed.len(), 1, "{filter}");
        assert_eq!(text(&listed[0]["id"]), id);
        assert!(listed[0].get("ticket").is_none());
    }
    compat.works("list with `actionFilter` as `Use`, `Manage, Use`, `18`");
    let target = format!("{FILES}/{id}?includeDownloadTicket=True");
    let read = client.call("GET", &target, &[ACCEPT]).await.json();
    assert_eq!(read["name"], "signing.p12");
    assert!(read.get("ticket").is_none());
    compat.works("get with `includeDownloadTicket=True`: no ticket for a person");
    let body =
        json!({"id": id, "name": "release.p12", "properties": {"Team": "mobile"}}).to_string();
    let target = format!("{FILES}/{id}");
    let changed = client
        .send("PATCH", &target, &[ACCEPT, JSON], &body)
        .await
        .json();
    assert_eq!(
        (&changed["name"], &changed["properties"]["Team"]),
        (&json!("release.p12"), &json!("mobile"))
    );
    compat.works("update, with the version in the content type");
    let target = "/DefaultCollection/Main/_apis/build/authorizedresources";
    let body =
        json!([{"type": "securefile", "id": id, "name": "release.p12", "authorized": false}])
            .to_string();
    assert!(
        client
            .send("PATCH", target, &[ACCEPT, JSON], &body)
            .await
            .list()
            .is_empty()
    );
    compat.works("`authorizedresources`");

    // The class of an exception is found by its key and its full name.
    let target = format!("{FILES}/11111111-1111-1111-1111-111111111111");
    let gone = client.call("GET", &target, &[ACCEPT]).await.refused(404);
    assert_eq!(
        gone["typeName"],
        "Microsoft.TeamFoundation.DistributedTask.WebApi.SecureFileNotFoundException, Microsoft.TeamFoundation.DistributedTask.WebApi"
    );
    compat.refused("get, what is not there: the class of the exception is found");
    let target = format!("{FILES}/{id}");
    assert_eq!(client.call("DELETE", &target, &[ACCEPT]).await.status, 204);
    compat.works("delete");
}
