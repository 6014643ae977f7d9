//! `az devops`, which refuses any host but the original's, so that it is not run: what it sends under such a name.

use super::{Caller, page, text};
use crate::harness::Site;
use serde_json::json;

/// Python sends it on every call but `OPTIONS`, also where there is no body.
const KIND: (&str, &str) = ("Content-Type", "application/json; charset=utf-8");

#[tokio::test]
async fn az_devops_logs_in_and_invokes() {
    let story = "replay::az_devops_logs_in_and_invokes";
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let client = Caller::new(
        &server,
        &ada,
        "",
        &[
            (
                "User-Agent",
                "python/3.11.8 (Linux-6.1.0-x86_64) msrest/0.7.1 azure-devops/6.0.0b4 devOpsCli/1.0.1",
            ),
            ("Accept-Encoding", "gzip, deflate"),
            ("Connection", "keep-alive"),
            ("X-TFS-FedAuthRedirect", "Suppress"),
            ("X-VSS-ForceMsaPassThrough", "true"),
            ("X-TFS-Session", "0f6b1b8c-3a1c-4a71-9d7c-3f0a3f7e9a11"),
        ],
    );
    let compat = page(story, "az devops");

    let accept = |version: &'static str| ("Accept", version);
    let preview = accept("application/json;api-version=5.0-preview.1");
    let data = client
        .call(
            "GET",
            "/DefaultCollection/_apis/connectionData",
            &[KIND, preview],
        )
        .await
        .json();
    let id = text(&data["authenticatedUser"]["id"]);
    assert_ne!(
        id, "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
        "that is nobody: a failed login"
    );
    let released = accept("application/json;api-version=5.0");
    let target = "/DefaultCollection/_apis/projects?stateFilter=All&%24top=1";
    assert_eq!(
        client
            .call("GET", target, &[KIND, released])
            .await
            .list()
            .len(),
        1
    );
    compat.works(
        "`az devops login`: who am I, and one project; a content type on a call without a body",
    );
    let mut wrong = Caller::new(&server, &ada, "", &[]);
    wrong.headers[0].1 = "Basic Ondyb25n".into();
    let refused = wrong
        .call(
            "GET",
            "/DefaultCollection/_apis/connectionData",
            &[KIND, preview],
        )
        .await;
    refused.refused(401);
    compat.refused("`az devops login` with a wrong token: 401, not the answer about nobody");

    let target = "/defaultcollection/_apis?allHostTypes=True";
    let rows = client
        .call("OPTIONS", target, &[("Accept", "application/json")])
        .await
        .list();
    let found = |area: &str, resource: &str| {
        let mut rows = rows.iter();
        let same = |one: &serde_json::Value, other: &str| text(one).eq_ignore_ascii_case(other);
        let row = rows.find(|row| same(&row["area"], area) && same(&row["resourceName"], resource));
        text(&row.unwrap()["routeTemplate"]).to_owned()
    };
    assert_eq!(
        found("distributedtask", "securefiles"),
        "{project}/_apis/{area}/{resource}/{secureFileId}"
    );
    assert_eq!(
        found("pipelinepermissions", "pipelinepermissions"),
        "{project}/_apis/pipelines/{resource}/{resourceType}/{resourceId}"
    );
    compat.works(
        "`az devops invoke`: `OPTIONS _apis?allHostTypes=True`, area and resource in any case",
    );

    let path = site.file("ca.pem", "a certificate");
    ada.coffer(&["file", "upload", &path]).await.ends(0);
    let preview = accept("application/json;api-version=7.1-preview.1");
    let target = "/DefaultCollection/Main/_apis/distributedtask/securefiles";
    let files = client.call("GET", target, &[KIND, preview]).await.list();
    let file = text(&files[0]["id"]);
    compat.works("`az devops invoke --area distributedtask --resource securefiles`");
    let target =
        format!("/DefaultCollection/Main/_apis/pipelines/pipelinePermissions/securefile/{file}");
    let body = json!({"allPipelines": {"authorized": true}}).to_string();
    let set = client
        .send("PATCH", &target, &[KIND, preview], &body)
        .await
        .json();
    assert_eq!(set["allPipelines"]["authorized"], true);
    compat.works("`az devops invoke --http-method PATCH` of pipeline permissions");
    // A download without a ticket, as people try it first.
    let target = format!("/DefaultCollection/Main/_apis/distributedtask/securefiles/{file}");
    let bytes = accept("application/octet-stream;api-version=7.1-preview.1");
    let read = client.call("GET", &target, &[KIND, bytes]).await.json();
    assert_eq!(read["name"], "ca.pem");
    compat.saw(
        "`az devops invoke --accept-media-type application/octet-stream` without a ticket",
        "what is known of the file, as JSON, as in the original",
    );
}
