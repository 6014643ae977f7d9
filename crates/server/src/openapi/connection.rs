//! What a client asks before its first call.

use super::examples::{ANN, ANN_SUBJECT, ORGANIZATION, PROJECT};
use super::operation::{Content, Group, Parameter, get, options};
use coffer_wire::locations::{ConnectionData, ResourceLocation};
use coffer_wire::paths::location as at;
use serde_json::{Value, json};

fn row() -> Value {
    json!({
        "id": "adcfd8bc-b184-43ba-bd84-7c8c6a2ff421",
        "area": "distributedtask",
        "resourceName": "securefiles",
        "routeTemplate": "{project}/_apis/{area}/{resource}/{secureFileId}",
        "resourceVersion": 1,
        "minVersion": "3.2",
        "maxVersion": "7.2",
        "releasedVersion": "0.0",
    })
}

fn me() -> Value {
    json!({
        "id": ANN,
        "descriptor": format!("Microsoft.IdentityModel.Claims.ClaimsIdentity;{ANN}\\ann@example.com"),
        "subjectDescriptor": ANN_SUBJECT,
        "providerDisplayName": "Ann Example",
        "isActive": true,
        "properties": { "Account": { "$type": "System.String", "$value": "ann@example.com" } },
        "resourceVersion": 2,
        "metaTypeId": 0,
    })
}

const ANYBODY: &str = "Everybody with a valid token of any kind.";

pub(super) fn group() -> Group {
    Group {
        name: "Connection",
        about: "What clients ask before their first call: where resources are, and who they are. People who write their \
                own calls need `getConnectionData` at most, to see whose token they hold.",
        operations: vec![
            options(at::ROOT, "listResourceLocations", "Lists where every resource is")
                .about("Azure DevOps clients ask this to build their URLs, and some keep the answer for 12 hours.")
                .who(ANYBODY)
                .gives_list::<ResourceLocation>("The resource locations.", json!([row()])),
            options(at::AREA, "listResourceLocationsOfArea", "Lists where the resources of an area are")
                .about("The area is read in any case. One that is not served is an empty list, because clients ask for areas they never use.")
                .who(ANYBODY)
                .gives_list::<ResourceLocation>("The resource locations of the area.", json!([row()])),
            get(at::RESOURCE_AREAS, "listResourceAreas", "Lists resource areas: there are none")
                .about("Always empty, so that every client keeps to the URL that it was given.")
                .who(ANYBODY)
                .answers(200, "An empty list.", Content::said(
                    json!({
                        "type": "object",
                        "properties": { "count": { "const": 0 }, "value": { "type": "array", "maxItems": 0 } },
                        "required": ["count", "value"],
                    }),
                    json!({ "count": 0, "value": [] }),
                )),
            get(at::RESOURCE_AREA, "getResourceArea", "Says that there is no such resource area")
                .about("Always 404: everything is at the organization's own URL.")
                .who("Nobody gets one.")
                .refuses(["resource_area.not_found"]),
            get(at::CONNECTION_DATA, "getConnectionData", "Says who the caller is")
                .about("Takes every `api-version`, and none. `HEAD` is served as well; agents use it to see whether a token is good.")
                .who(ANYBODY)
                .query([
                    Parameter::text("connectOptions", "`includeServices`, or 1, adds how the server is reached."),
                    Parameter::text("lastChangeId64", "The counter that the caller has; with the newest one, nothing is added."),
                ])
                .gives::<ConnectionData>("The caller, and the ids of organization and deployment.", json!({
                    "authenticatedUser": me(),
                    "authorizedUser": me(),
                    "instanceId": ORGANIZATION,
                    "deploymentId": PROJECT,
                    "deploymentType": "onPremises",
                    "locationServiceData": {
                        "serviceOwner": "00000000-0000-0000-0000-000000000000",
                        "defaultAccessMappingMoniker": "PublicAccessMapping",
                        "lastChangeId": 1,
                        "lastChangeId64": 1,
                        "clientCacheFresh": false,
                        "clientCacheTimeToLive": 3600,
                    },
                })),
        ],
    }
}
