//! What clients ask before their first call, as they ask it, and what they look for in the answers.

use coffer_testkit::{Answer, both};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Rows of the original, of what is served here: id, area, resource, template, resource version, oldest, released. Clients
/// have ids and placeholders built in, and Python keeps the whole for 12 hours.
const ROWS: &str = "\
e81700f7-3be2-46de-8624-2eb35882fcaa Location ResourceAreas _apis/{resource}/{areaId} 1 3.2 0.0
00d9565f-ed9c-4a06-9a50-00e7896ccab4 Location ConnectionData _apis/{resource} 1 1.0 0.0
adcfd8bc-b184-43ba-bd84-7c8c6a2ff421 distributedtask securefiles {project}/_apis/{area}/{resource}/{secureFileId} 1 3.2 0.0
60aac929-f0cd-4bc8-9ce4-6b30e8f1b1bd distributedtask tasks _apis/{area}/{resource}/{taskId}/{versionString} 1 1.0 7.1
b5b9a4a4-e6cd-4096-853c-ab7d8b0c4eb2 pipelinePermissions pipelinePermissions {project}/_apis/pipelines/{resource}/{resourceType}/{resourceId} 1 5.1 0.0
398c85bc-81aa-4822-947c-a194a05f0fef build authorizedresources {project}/_apis/{area}/{resource} 1 5.0 0.0
ea623316-1967-45eb-89ab-e9e6110cf2d6 build resources {project}/_apis/{area}/definitions/{definitionId}/{resource} 1 5.0 0.0
0cd358e1-9217-4d94-8269-1c1ee6f93dcf Build Builds {project}/_apis/build/{resource}/{buildId} 7 1.0 7.1
8baac422-4c6e-4de5-8532-db96d92acffa build Timeline {project}/_apis/{area}/builds/{buildId}/{resource}/{timelineId} 3 2.0 7.1
35a80daf-7f30-45fc-86e8-6b813d9c90df build logs {project}/_apis/{area}/builds/{buildId}/{resource}/{logId} 2 2.0 7.1
28e1305e-2afe-47bf-abaf-cbb0e6a91988 Pipelines pipelines {project}/_apis/{area}/{pipelineId} 1 5.1 7.1
7859261e-d2e9-4a68-b820-a5d84cc5bb3d Pipelines runs {project}/_apis/{area}/{pipelineId}/{resource}/{runId} 2 5.1 7.1
53df2d18-29ea-46a9-bee0-933540f80abf pipelines preview {project}/_apis/{area}/{pipelineId}/{resource} 2 5.1 7.1
603fe2ac-9723-48b9-88ad-09305aa6c6e1 core projects _apis/{resource}/{*projectId} 4 1.0 7.1
93878975-88c5-4e6a-8abb-7ddd77a8a7d8 core processes _apis/process/{resource}/{*processId} 1 1.0 7.1
9a1b74b4-2ca8-4a9f-8470-c2f2e6fdc949 operations operations _apis/{resource}/{operationId} 1 2.0 7.1
9461c234-c84c-4ed2-b918-2f0f92ad0a35 securityroles roleassignments _apis/{area}/scopes/{scopeId}/{resource}/resources/{resourceId}/{identityId} 1 2.2 0.0
f4cc9a86-453c-48d2-b44d-d3bd5c105f4f securityroles roledefinitions _apis/{area}/scopes/{scopeId}/{resource} 1 2.2 0.0
ac08c8ff-4323-4b08-af90-bcd018d380ce Security AccessControlEntries _apis/{resource}/{securityNamespaceId} 1 1.0 7.1
18a2ad18-7571-46ae-bec7-0c7da1495885 Security AccessControlLists _apis/{resource}/{securityNamespaceId} 1 1.0 7.1
dd3b8bd6-c7fc-4cbd-929a-933d9c011c9d Security Permissions _apis/{resource}/{securityNamespaceId}/{permissions} 2 1.0 7.1
cf1faa59-1b63-4448-bf04-13d981a46f5d Security PermissionEvaluationBatch _apis/{area}/{resource} 1 3.0 7.1
ce7b9f95-fde9-4be8-a86d-83b366f0b87a Security SecurityNamespaces _apis/{resource}/{securityNamespaceId} 1 1.0 7.1
ebbe6af8-0b91-4c13-8cf1-777c14858188 Graph Groups _apis/{area}/{resource}/{groupDescriptor} 1 1.0 0.0
005e26ec-6b77-4e4f-a986-b3827bf241f5 Graph Users _apis/{area}/{resource}/{userDescriptor} 1 1.0 0.0
048aee0a-7072-4cde-ab73-7af77b1e0b4e Graph Descriptors _apis/{area}/{resource}/{storageKey} 1 1.0 0.0
eb85f8cc-f0f6-4264-a5b1-ffe2e4d4801f Graph StorageKeys _apis/{area}/{resource}/{subjectDescriptor} 1 1.0 0.0
3fd2e6ca-fb30-443a-b579-95b19ed0934c Graph Memberships _apis/{area}/{resource}/{subjectDescriptor}/{containerDescriptor} 1 1.0 0.0
e34b6394-6b30-4435-94a9-409a5eef3e31 Graph MembershipsBatch _apis/{area}/Memberships/{subjectDescriptor} 1 1.0 0.0
1ffe5c94-1144-4191-907b-d0211cad36a8 Graph MembershipStates _apis/{area}/{resource}/{subjectDescriptor} 1 1.0 0.0
4dd4d168-11f2-48c4-83e8-756fa0de027c Graph SubjectLookup _apis/{area}/{resource} 1 1.0 0.0
05942c89-006a-48ce-bb79-baeb8abf99c6 Graph SubjectQuery _apis/{area}/{resource} 1 1.0 0.0
28010c54-d0c0-4c89-a5b0-1c9e188b9fb7 IMS Identities _apis/{resource}/{identityId} 1 1.0 7.1";

/// A row as text, in the form of the table.
fn shown(row: &Value) -> String {
    let text = |name: &str| row[name].as_str().unwrap_or("not a text").to_owned();
    assert_eq!(row["maxVersion"], "7.2", "{row}");
    assert_eq!(row.as_object().unwrap().len(), 8, "{row}");
    format!(
        "{} {} {} {} {} {} {}",
        text("id"),
        text("area"),
        text("resourceName"),
        text("routeTemplate"),
        row["resourceVersion"].as_i64().unwrap(),
        text("minVersion"),
        text("releasedVersion")
    )
}

fn rows(answer: &Answer) -> Vec<String> {
    let value = answer.json();
    let rows: Vec<_> = value["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(shown)
        .collect();
    assert_eq!(value["count"], rows.len());
    rows
}

both! {
    async fn the_rows_are_the_originals_however_they_are_asked_for(server) {
        let engineer = server.release_engineer().await;
        let mut wanted: Vec<_> = ROWS.lines().map(str::to_owned).collect();
        wanted.sort();
        for path in ["_apis", "_apis/", "_APIS?allHostTypes=True", "_apis?api-version=7.2-preview.1", "/_apis//"] {
            let mut found = rows(&engineer.call("OPTIONS", path).send().await.ok());
            found.sort();
            assert_eq!(found, wanted, "{path}");
        }
        let mut areas: BTreeMap<String, usize> = BTreeMap::new();
        for row in &wanted {
            *areas.entry(row.split(' ').nth(1).unwrap().to_lowercase()).or_default() += 1;
        }
        for (area, count) in areas {
            for spelling in [area.clone(), area.to_uppercase()] {
                let found = rows(&engineer.call("OPTIONS", &format!("_apis/{spelling}")).send().await.ok());
                assert_eq!(found.len(), count, "{spelling}");
            }
        }
        for unknown in ["git", "Profile", "wit", "feature"] {
            let found = rows(&engineer.call("OPTIONS", &format!("_apis/{unknown}")).send().await.ok());
            assert!(found.is_empty(), "{unknown}: {found:?}");
        }
        server.nobody().call("OPTIONS", "_apis").send().await.refused(401);
    }

    async fn no_preflight_swallows_an_options_below_apis(server) {
        let engineer = server.release_engineer().await;
        for path in ["_apis", "_apis/distributedtask"] {
            let asked = engineer.call("OPTIONS", path).header("Origin", "https://elsewhere.example");
            let answer = asked.header("Access-Control-Request-Method", "PATCH").send().await;
            assert_eq!(answer.status, 200, "{path}");
            assert!(!rows(&answer).is_empty());
            assert!(answer.header("access-control-allow-origin").is_empty(), "no other site is let in");
        }
        engineer.call("OPTIONS", &engineer.files_path("")).send().await.refused(405);
    }

    async fn there_are_no_resource_areas(server) {
        let engineer = server.release_engineer().await;
        let areas = engineer.get("_apis/ResourceAreas").await.ok();
        assert_eq!(areas.json(), json!({"count": 0, "value": []}));
        engineer.get("_apis/resourceareas/79134c72-4a58-4b42-976c-04e7115f32bf").await.refused(404);
    }

    async fn connection_data_is_what_each_client_asks_for(server) {
        let engineer = server.release_engineer().await;
        let path = "_apis/connectionData";
        let plain = engineer.get(path).await.ok().json();
        assert_eq!(plain["deploymentType"], "onPremises");
        assert_eq!(plain["authenticatedUser"]["id"], plain["authorizedUser"]["id"]);
        let location = &plain["locationServiceData"];
        assert_eq!(location["serviceOwner"], "00000000-0000-0000-0000-000000000000");
        assert_eq!(location["clientCacheFresh"], false);
        assert!(location.get("accessMappings").is_none(), "only who asks gets them");
        for query in ["?api-version=5.0-preview", "?api-version=7.1-preview.1", "?api-version=1.0"] {
            assert_eq!(engineer.get(&format!("{path}{query}")).await.ok().json()["instanceId"], plain["instanceId"]);
        }
        // As .NET asks it first, and again with what it has.
        let first = engineer.get(&format!("{path}?connectOptions=1&lastChangeId=-1&lastChangeId64=-1")).await.ok().json();
        let location = &first["locationServiceData"];
        let mapping = &location["accessMappings"][0];
        assert_eq!(mapping["moniker"], location["defaultAccessMappingMoniker"]);
        assert!(server.url().starts_with(mapping["accessPoint"].as_str().unwrap().trim_end_matches('/')), "{mapping}");
        assert_eq!(mapping["virtualDirectory"], "DefaultCollection");
        assert_eq!(location["serviceDefinitions"], json!([]));
        let last = &location["lastChangeId64"];
        let query = format!("?connectOptions=IncludeServices&lastChangeId={last}&lastChangeId64={last}");
        let again = engineer.get(&format!("{path}{query}")).await.ok().json();
        assert_eq!(again["locationServiceData"]["clientCacheFresh"], true);
        assert!(again["locationServiceData"].get("accessMappings").is_none(), "it has them");
        engineer.get(&format!("{path}?connectOptions=everything")).await.refused(400);
        // The agent looks whether anybody is there.
        let head = engineer.call("HEAD", path).send().await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(server.nobody().call("HEAD", path).send().await.status, 401);
    }

    async fn people_are_shown_long_where_the_original_shows_them_long(server) {
        let cast = crate::Cast::permitted(&server).await;
        let (engineer, id) = (&cast.engineer, &cast.file.id);
        let me = engineer.client.coffer().connection_data().await.unwrap().authenticated_user;
        let slim = engineer.get(&engineer.file_path(id, "")).await.ok().json()["createdBy"].clone();
        assert_eq!(slim, json!({"displayName": me.provider_display_name, "id": me.id, "uniqueName": slim["uniqueName"]}));
        let permissions = format!("Pay%20Desk/_apis/pipelines/pipelinepermissions/securefile/{id}");
        let run = cast.developer.run(&cast.pipeline).await;
        let build = format!("Pay%20Desk/_apis/build/builds/{}", run.id);
        let permitted = engineer.get(&permissions).await.ok().json()["pipelines"][0]["authorizedBy"].clone();
        let queued = cast.developer.get(&build).await.ok().json()["requestedFor"].clone();
        assert_eq!((&permitted["descriptor"], &permitted["id"]), (&json!(me.subject_descriptor), &json!(me.id)));
        for shown in [permitted, queued] {
            // Links lead to what is there. There are no pictures, and so no links to pictures.
            assert_eq!(shown.as_object().unwrap().len(), 5, "{shown}");
            let url = shown["url"].as_str().unwrap();
            let path = url.split_once("/DefaultCollection/").unwrap().1;
            let found = engineer.get(path).await.ok().json();
            assert_eq!((&found["id"], &found["subjectDescriptor"]), (&shown["id"], &shown["descriptor"]));
        }
    }
}
