//! The PowerShell module VSTeam: the version in the query, its own spelling of the path, both members at once.

use super::{Caller, page};
use crate::harness::Site;
use serde_json::json;

#[tokio::test]
async fn vsteam_authorizes_pipelines() {
    let story = "replay::vsteam_authorizes_pipelines";
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
                "Mozilla/5.0 (Linux; Debian GNU/Linux 12) PowerShell/7.4.2 VSTeam",
            ),
            ("Accept", "*/*"),
        ],
    );
    let compat = page(story, "VSTeam");
    let file = ada.file("ca.pem", "a certificate").await;
    let pipeline = ada.pipeline("build", "steps:\n- script: echo\n").await;

    let json_type = [("Content-Type", "application/json; charset=utf-8")];
    let target = format!(
        "/DefaultCollection/Main/_apis/Pipelines/pipelinePermissions/SecureFile/{file}?api-version=7.1-preview.1"
    );
    for all in [true, false] {
        let body = json!({
            "resource": {"type": "SecureFile", "id": file},
            "allPipelines": {"authorized": all, "authorizedBy": null, "authorizedOn": null},
            "pipelines": [{"id": pipeline, "authorized": true}],
        });
        let set = client
            .send("PATCH", &target, &json_type, &body.to_string())
            .await
            .json();
        assert_eq!(set["pipelines"][0]["id"], pipeline);
        assert_eq!(
            set.get("allPipelines").is_some(),
            all,
            "scripts look whether it is there"
        );
    }
    compat.works("`Set-VSTeamPipelineAuthorization -ResourceType SecureFile`: all and one at once, in its own spelling");
}
