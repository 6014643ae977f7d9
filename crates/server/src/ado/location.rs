//! What a client asks before its first call: resource locations, resource areas, connection data.

use crate::App;
use crate::auth::Who;
use crate::error::{ApiError, Result};
use crate::params::Params;
use crate::routes;
use crate::urls::Links;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use coffer_model::descriptor;
use coffer_wire::enums::{ConnectOptions, DeploymentFlags, WireEnum as _};
use coffer_wire::locations::{
    AccessMapping, ConnectedUser, ConnectionData, LocationServiceData, ResourceLocation,
};
use serde_json::json;
use uuid::Uuid;

/// A resource location of the original: ids, templates and versions are its own, since clients have them built in.
#[derive(Debug)]
pub(crate) struct Location {
    pub(crate) id: &'static str,
    pub(crate) area: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) template: &'static str,
    version: i32,
    pub(crate) min: &'static str,
    pub(crate) released: &'static str,
}

impl Location {
    /// The oldest and the newest API version, and the newest that is no preview (`0.0` for none).
    pub(crate) fn versions(&self) -> (&'static str, &'static str, &'static str) {
        (self.min, MAX, self.released)
    }
}

/// How locations were last changed: they never are.
const LAST_CHANGE: i32 = 1;
/// The one way to reach the server.
const MAPPING: &str = "PublicAccessMapping";
/// Newest API version that every row serves.
const MAX: &str = "7.2";

macro_rules! locations {
    ($($name:ident = $id:literal $area:literal $resource:literal $template:literal $version:literal $min:literal $released:literal;)*) => {$(
        pub(crate) static $name: Location = Location {
            id: $id, area: $area, resource: $resource, template: $template,
            version: $version, min: $min, released: $released,
        };
    )*};
}

locations! {
    RESOURCE_AREAS = "e81700f7-3be2-46de-8624-2eb35882fcaa" "Location" "ResourceAreas" "_apis/{resource}/{areaId}" 1 "3.2" "0.0";
    CONNECTION_DATA = "00d9565f-ed9c-4a06-9a50-00e7896ccab4" "Location" "ConnectionData" "_apis/{resource}" 1 "1.0" "0.0";
    SECURE_FILES = "adcfd8bc-b184-43ba-bd84-7c8c6a2ff421" "distributedtask" "securefiles" "{project}/_apis/{area}/{resource}/{secureFileId}" 1 "3.2" "0.0";
    TASKS = "60aac929-f0cd-4bc8-9ce4-6b30e8f1b1bd" "distributedtask" "tasks" "_apis/{area}/{resource}/{taskId}/{versionString}" 1 "1.0" "7.1";
    PERMISSIONS = "b5b9a4a4-e6cd-4096-853c-ab7d8b0c4eb2" "pipelinePermissions" "pipelinePermissions" "{project}/_apis/pipelines/{resource}/{resourceType}/{resourceId}" 1 "5.1" "0.0";
    AUTHORIZED_RESOURCES = "398c85bc-81aa-4822-947c-a194a05f0fef" "build" "authorizedresources" "{project}/_apis/{area}/{resource}" 1 "5.0" "0.0";
    DEFINITION_RESOURCES = "ea623316-1967-45eb-89ab-e9e6110cf2d6" "build" "resources" "{project}/_apis/{area}/definitions/{definitionId}/{resource}" 1 "5.0" "0.0";
    PROJECTS = "603fe2ac-9723-48b9-88ad-09305aa6c6e1" "core" "projects" "_apis/{resource}/{*projectId}" 4 "1.0" "7.1";
    PROCESSES = "93878975-88c5-4e6a-8abb-7ddd77a8a7d8" "core" "processes" "_apis/process/{resource}/{*processId}" 1 "1.0" "7.1";
    OPERATIONS = "9a1b74b4-2ca8-4a9f-8470-c2f2e6fdc949" "operations" "operations" "_apis/{resource}/{operationId}" 1 "2.0" "7.1";
    IDENTITIES = "28010c54-d0c0-4c89-a5b0-1c9e188b9fb7" "IMS" "Identities" "_apis/{resource}/{identityId}" 1 "1.0" "7.1";
    GRAPH_GROUPS = "ebbe6af8-0b91-4c13-8cf1-777c14858188" "Graph" "Groups" "_apis/{area}/{resource}/{groupDescriptor}" 1 "1.0" "0.0";
    GRAPH_USERS = "005e26ec-6b77-4e4f-a986-b3827bf241f5" "Graph" "Users" "_apis/{area}/{resource}/{userDescriptor}" 1 "1.0" "0.0";
    GRAPH_DESCRIPTORS = "048aee0a-7072-4cde-ab73-7af77b1e0b4e" "Graph" "Descriptors" "_apis/{area}/{resource}/{storageKey}" 1 "1.0" "0.0";
    GRAPH_STORAGE_KEYS = "eb85f8cc-f0f6-4264-a5b1-ffe2e4d4801f" "Graph" "StorageKeys" "_apis/{area}/{resource}/{subjectDescriptor}" 1 "1.0" "0.0";
    GRAPH_MEMBERSHIP = "3fd2e6ca-fb30-443a-b579-95b19ed0934c" "Graph" "Memberships" "_apis/{area}/{resource}/{subjectDescriptor}/{containerDescriptor}" 1 "1.0" "0.0";
    GRAPH_MEMBERSHIPS = "e34b6394-6b30-4435-94a9-409a5eef3e31" "Graph" "MembershipsBatch" "_apis/{area}/Memberships/{subjectDescriptor}" 1 "1.0" "0.0";
    GRAPH_STATES = "1ffe5c94-1144-4191-907b-d0211cad36a8" "Graph" "MembershipStates" "_apis/{area}/{resource}/{subjectDescriptor}" 1 "1.0" "0.0";
    GRAPH_LOOKUP = "4dd4d168-11f2-48c4-83e8-756fa0de027c" "Graph" "SubjectLookup" "_apis/{area}/{resource}" 1 "1.0" "0.0";
    GRAPH_QUERY = "05942c89-006a-48ce-bb79-baeb8abf99c6" "Graph" "SubjectQuery" "_apis/{area}/{resource}" 1 "1.0" "0.0";
    BUILDS = "0cd358e1-9217-4d94-8269-1c1ee6f93dcf" "Build" "Builds" "{project}/_apis/build/{resource}/{buildId}" 7 "1.0" "7.1";
    TIMELINE = "8baac422-4c6e-4de5-8532-db96d92acffa" "build" "Timeline" "{project}/_apis/{area}/builds/{buildId}/{resource}/{timelineId}" 3 "2.0" "7.1";
    LOGS = "35a80daf-7f30-45fc-86e8-6b813d9c90df" "build" "logs" "{project}/_apis/{area}/builds/{buildId}/{resource}/{logId}" 2 "2.0" "7.1";
    PIPELINES = "28e1305e-2afe-47bf-abaf-cbb0e6a91988" "Pipelines" "pipelines" "{project}/_apis/{area}/{pipelineId}" 1 "5.1" "7.1";
    RUNS = "7859261e-d2e9-4a68-b820-a5d84cc5bb3d" "Pipelines" "runs" "{project}/_apis/{area}/{pipelineId}/{resource}/{runId}" 2 "5.1" "7.1";
    ROLE_ASSIGNMENTS = "9461c234-c84c-4ed2-b918-2f0f92ad0a35" "securityroles" "roleassignments" "_apis/{area}/scopes/{scopeId}/{resource}/resources/{resourceId}/{identityId}" 1 "2.2" "0.0";
    ROLE_DEFINITIONS = "f4cc9a86-453c-48d2-b44d-d3bd5c105f4f" "securityroles" "roledefinitions" "_apis/{area}/scopes/{scopeId}/{resource}" 1 "2.2" "0.0";
    ACCESS_ENTRIES = "ac08c8ff-4323-4b08-af90-bcd018d380ce" "Security" "AccessControlEntries" "_apis/{resource}/{securityNamespaceId}" 1 "1.0" "7.1";
    ACCESS_LISTS = "18a2ad18-7571-46ae-bec7-0c7da1495885" "Security" "AccessControlLists" "_apis/{resource}/{securityNamespaceId}" 1 "1.0" "7.1";
    OWN_PERMISSIONS = "dd3b8bd6-c7fc-4cbd-929a-933d9c011c9d" "Security" "Permissions" "_apis/{resource}/{securityNamespaceId}/{permissions}" 2 "1.0" "7.1";
    EVALUATION_BATCH = "cf1faa59-1b63-4448-bf04-13d981a46f5d" "Security" "PermissionEvaluationBatch" "_apis/{area}/{resource}" 1 "3.0" "7.1";
    NAMESPACES = "ce7b9f95-fde9-4be8-a86d-83b366f0b87a" "Security" "SecurityNamespaces" "_apis/{resource}/{securityNamespaceId}" 1 "1.0" "7.1";
    PREVIEW = "53df2d18-29ea-46a9-bee0-933540f80abf" "pipelines" "preview" "{project}/_apis/{area}/{pipelineId}/{resource}" 2 "5.1" "7.1";
}

/// `OPTIONS _apis`.
pub(crate) async fn all(_: Who, asked: Asked) -> Response {
    asked.list(rows(None))
}

/// `OPTIONS _apis/{area}`. An area that is not served is an empty list: clients ask for areas they never use.
pub(crate) async fn area(_: Who, asked: Asked, Path(area): Path<String>) -> Response {
    asked.list(rows(Some(&area)))
}

/// `GET _apis/ResourceAreas`: empty, so that every client keeps to the URL it was given. A list that lacked one area
/// would send some clients, with the token, to the original's public service.
pub(crate) async fn resource_areas(_: Who, asked: Asked) -> Response {
    asked.list(Vec::<serde_json::Value>::new())
}

/// `GET _apis/ResourceAreas/{areaId}`.
pub(crate) async fn resource_area(_: Who) -> ApiError {
    ApiError::no_such(
        "resource_area.not_found",
        "There are no resource areas: everything is at the organization's own URL.",
    )
}

/// `GET` and `HEAD _apis/connectionData`, with any api-version or none.
pub(crate) async fn connection_data(
    State(app): State<App>,
    Who(caller): Who,
    asked: Asked,
    params: Params,
    links: Links,
) -> Result<Response> {
    let services = params.flags::<ConnectOptions>("connectOptions")?
        & ConnectOptions::IncludeServices.number()
        != 0;
    // Wider than any counter, since clients say -1 for none.
    let fresh = ["lastChangeId", "lastChangeId64"]
        .iter()
        .any(|name| params.text(name) == Some(LAST_CHANGE.to_string().as_str()));
    let me = app.service.people().me(&caller).await?;
    let user = ConnectedUser {
        id: me.id.to_string(),
        descriptor: descriptor::identity(me.kind, me.id, &me.unique_name),
        subject_descriptor: descriptor::subject(me.kind, me.id),
        provider_display_name: me.display_name,
        is_active: true,
        properties: json!({"Account": {"$type": "System.String", "$value": me.unique_name}}),
        resource_version: 2,
        meta_type_id: 0,
    };
    Ok(asked.json(&ConnectionData {
        authenticated_user: user.clone(),
        authorized_user: user,
        instance_id: app.service.organization().id.to_string(),
        deployment_id: app.service.deployment().id.to_string(),
        deployment_type: DeploymentFlags::OnPremises,
        location_service_data: LocationServiceData {
            service_owner: Uuid::nil().to_string(),
            default_access_mapping_moniker: MAPPING.into(),
            last_change_id: LAST_CHANGE,
            last_change_id64: LAST_CHANGE.into(),
            client_cache_fresh: fresh,
            client_cache_time_to_live: 3600,
            access_mappings: (services && !fresh).then(|| vec![access_mapping(&links)]),
            service_definitions: (services && !fresh).then(Vec::new),
        },
    }))
}

/// The server as the caller reaches it.
fn access_mapping(links: &Links) -> AccessMapping {
    let url = links.to("", &[]);
    let (server, organization) = url
        .trim_end_matches('/')
        .rsplit_once('/')
        .unwrap_or_default();
    AccessMapping {
        display_name: "Public Access Mapping".into(),
        moniker: MAPPING.into(),
        access_point: format!("{server}/"),
        service_owner: Uuid::nil().to_string(),
        virtual_directory: organization.into(),
    }
}

fn rows(area: Option<&str>) -> Vec<ResourceLocation> {
    let mut rows: Vec<ResourceLocation> = Vec::new();
    let served = routes::table();
    for location in served.iter().filter_map(routes::Route::location) {
        let wanted = area.is_none_or(|area| area.eq_ignore_ascii_case(location.area));
        if wanted && !rows.iter().any(|row| row.id == location.id) {
            rows.push(ResourceLocation {
                id: location.id.into(),
                area: location.area.into(),
                resource_name: location.resource.into(),
                route_template: location.template.into(),
                resource_version: location.version,
                min_version: location.min.into(),
                max_version: MAX.into(),
                released_version: location.released.into(),
            });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_is_found_in_any_case_and_an_unknown_one_is_empty() {
        let names = |area| -> Vec<_> {
            let rows = rows(Some(area)).into_iter();
            rows.map(|row| row.resource_name).collect()
        };
        assert_eq!(names("DistributedTask"), ["securefiles", "tasks"]);
        assert_eq!(names("location"), ["ResourceAreas", "ConnectionData"]);
        assert_eq!(
            names("BUILD"),
            [
                "authorizedresources",
                "resources",
                "Builds",
                "Timeline",
                "logs"
            ]
        );
        assert_eq!(names("git"), Vec::<String>::new());
    }

    #[test]
    fn rows_are_as_clients_compare_them() {
        for row in rows(None) {
            assert_eq!(row.id, Uuid::parse_str(&row.id).unwrap().to_string());
            for version in [&row.min_version, &row.max_version, &row.released_version] {
                assert!(version.split_once('.').is_some(), "{version}");
            }
        }
    }
}
