//! Resource locations, resource areas and connection data: what a client asks before its first call.

use crate::enums::DeploymentFlags;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A row of the answer to `OPTIONS _apis[/{area}]`.
///
/// Ids are lower case (Python compares them so) and the three versions are text (Go parses text).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceLocation {
    /// The location's GUID.
    pub id: String,
    /// The area, as the original spells it.
    pub area: String,
    /// The resource's name.
    pub resource_name: String,
    /// Route with placeholders, relative to the organization's URL.
    pub route_template: String,
    /// Version of the resource within the API version.
    pub resource_version: i32,
    /// Oldest API version.
    pub min_version: String,
    /// Newest API version.
    pub max_version: String,
    /// Newest released API version; `0.0` when it is a preview only.
    pub released_version: String,
}

/// Answer of `GET _apis/connectionData`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionData {
    /// Who the caller proved to be.
    pub authenticated_user: ConnectedUser,
    /// Who the caller acts as; the same.
    pub authorized_user: ConnectedUser,
    /// The organization's GUID.
    pub instance_id: String,
    /// The deployment's GUID.
    pub deployment_id: String,
    /// `onPremises`.
    pub deployment_type: DeploymentFlags,
    /// Where services are.
    pub location_service_data: LocationServiceData,
}

/// A caller as connection data shows it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectedUser {
    /// GUID.
    pub id: String,
    /// `Type;Identifier`.
    pub descriptor: String,
    /// Graph descriptor.
    pub subject_descriptor: String,
    /// The name people see.
    pub provider_display_name: String,
    /// Always true: a disabled identity does not get here.
    pub is_active: bool,
    /// `Account`.
    pub properties: serde_json::Value,
    /// 2.
    pub resource_version: i32,
    /// 0.
    pub meta_type_id: i32,
}

/// The part of connection data that .NET reads.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocationServiceData {
    /// All zero: a .NET client then never goes looking for other hosts.
    pub service_owner: String,
    /// `PublicAccessMapping`.
    pub default_access_mapping_moniker: String,
    /// Change counter.
    pub last_change_id: i32,
    /// Change counter.
    pub last_change_id64: i64,
    /// Whether the client has this already: it said the change counter.
    pub client_cache_fresh: bool,
    /// Seconds.
    pub client_cache_time_to_live: i32,
    /// How the server is reached; only for who asks with `connectOptions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_mappings: Option<Vec<AccessMapping>>,
    /// None: clients find everything by `OPTIONS _apis`. Only for who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_definitions: Option<Vec<serde_json::Value>>,
}

/// How the server is reached.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessMapping {
    /// The name people see.
    pub display_name: String,
    /// `PublicAccessMapping`.
    pub moniker: String,
    /// The server's URL, without the organization, with a slash at the end.
    pub access_point: String,
    /// All zero, as above.
    pub service_owner: String,
    /// The organization.
    pub virtual_directory: String,
}
