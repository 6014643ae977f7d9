//! `azure-devops-extension-api`: no locations, parameters in `Accept` that change what an answer looks like.

use super::{page, text};
use crate::harness::Site;
use serde_json::{Value, json};

const FILES: &str = "/DefaultCollection/Main/_apis/distributedtask/securefiles";
const ACCEPT: (&str, &str) = (
    "Accept",
    "application/json;api-version=7.2-preview.1;excludeUrls=true;enumsAsNumbers=true;msDateFormat=true;noArrayWrap=true",
);

#[tokio::test]
async fn a_browser_extension_gets_bare_lists() {
    let story = "replay::a_browser_extension_gets_bare_lists";
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let mut client = super::Caller::new(
        &server,
        &ada,
        "",
        &[
            (
                "User-Agent",
                "Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0.0.0",
            ),
            ("X-VSS-ReauthenticationAction", "Suppress"),
            ("X-TFS-FedAuthRedirect", "Suppress"),
            ("X-TFS-Session", "0f6b1b8c-3a1c-4a71-9d7c-3f0a3f7e9a11"),
        ],
    );
    client.headers[0].1 = format!("Bearer {}", ada.token());
    let compat = page(story, "azure-devops-extension-api");

    let empty = client.call("GET", FILES, &[ACCEPT]).await.json();
    assert_eq!(empty, json!([]), "the client does not unwrap");
    let target = format!("{FILES}?name=ca.pem&authorizePipelines=true");
    let bytes = ("Content-Type", "application/octet-stream");
    let made = client
        .send("POST", &target, &[ACCEPT, bytes], "a certificate")
        .await
        .json();
    let id = text(&made["id"]).to_owned();
    let list = client.call("GET", FILES, &[ACCEPT]).await.json();
    assert_eq!(list[0]["id"], id.as_str());
    compat.works("list and upload, a bare array with `noArrayWrap=true`");
    for date in ["createdOn", "modifiedOn"] {
        let date = text(&list[0][date]);
        let number = date
            .strip_prefix("/Date(")
            .and_then(|rest| rest.strip_suffix(")/"));
        assert!(
            number.is_some_and(|number| number.parse::<i64>().is_ok()),
            "{date}"
        );
    }
    compat.works("dates as `/Date(…)/` with `msDateFormat=true`");
    let projects = client
        .call("GET", "/DefaultCollection/_apis/projects", &[ACCEPT])
        .await
        .json();
    assert_eq!(
        (&projects[0]["state"], &projects[0]["visibility"]),
        (&json!(1), &json!(0))
    );
    compat.works("enums as numbers with `enumsAsNumbers=true`");
    let target = "/DefaultCollection/Main/_apis/build/authorizedresources";
    let json_type = ("Content-Type", "application/json");
    let body = json!([{"type": "securefile", "id": id, "authorized": true}]).to_string();
    let set = client
        .send("PATCH", target, &[ACCEPT, json_type], &body)
        .await
        .json();
    assert_eq!(set[0]["authorized"], true);
    compat.works("`authorizedresources`, a bare array");
    let gone = client
        .call(
            "GET",
            &format!("{FILES}/11111111-1111-1111-1111-111111111111"),
            &[ACCEPT],
        )
        .await;
    assert_eq!(gone.status, 404);
    let envelope: Value = serde_json::from_slice(&gone.body).unwrap();
    assert!(envelope["message"].is_string(), "{envelope}");
    compat.refused("get, what is not there");
}
