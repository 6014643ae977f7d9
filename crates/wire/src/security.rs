//! Roles and access control lists: `_apis/securityroles`, `_apis/securitynamespaces`, `_apis/accesscontrollists`,
//! `_apis/accesscontrolentries`, `_apis/permissions`, `_apis/security/permissionevaluationbatch`.

use crate::IdentityRef;
use crate::enums::RoleAccess;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A role of a scope.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityRole {
    /// The name people see.
    pub display_name: String,
    /// The name that requests use.
    pub name: String,
    /// Bits allowed.
    pub allow_permissions: i64,
    /// Bits denied.
    pub deny_permissions: i64,
    /// Scope and name.
    pub identifier: String,
    /// What it is good for.
    pub description: String,
    /// `distributedtask.library` or `distributedtask.securefile`.
    pub scope: String,
}

/// Somebody's role at a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RoleAssignment {
    /// Whose.
    pub identity: IdentityRef,
    /// Which.
    pub role: SecurityRole,
    /// `assigned` or `inherited`.
    pub access: RoleAccess,
    /// The same for people.
    pub access_display_name: String,
}

/// A role to assign.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RoleRequest {
    /// The identity's GUID. May be left out where the path or `uniqueName` says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The role's name, in any case.
    pub role_name: String,
    /// The sign-in name, or a group's `[Project]\Name`; used when there is no id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique_name: Option<String>,
}

/// A security namespace.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityNamespace {
    /// GUID.
    pub namespace_id: String,
    /// Its name.
    pub name: String,
    /// The name people see.
    pub display_name: String,
    /// What separates the parts of a token; NUL in a flat namespace.
    pub separator_value: String,
    /// -1: parts are separated, not counted.
    pub element_length: i32,
    /// The bit that changes a list.
    pub write_permission: i64,
    /// The bit that reads a list.
    pub read_permission: i64,
    /// Where the original keeps it.
    pub dataspace_category: String,
    /// The rights.
    pub actions: Vec<SecurityAction>,
    /// 0 flat, 1 a hierarchy.
    pub structure_value: i32,
    /// Null, sent as such.
    pub extension_type: Option<String>,
    /// False.
    pub is_remotable: bool,
    /// Whether tokens are translated; as the original says for the Library.
    pub use_token_translator: bool,
    /// 0.
    pub system_bit_mask: i64,
}

/// A right of a namespace.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityAction {
    /// Its bit.
    pub bit: i64,
    /// Its name.
    pub name: String,
    /// The name people see.
    pub display_name: String,
    /// Its namespace.
    pub namespace_id: String,
}

/// Who has what at a token.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessControlList {
    /// Whether the token inherits. Absent in a request: it does.
    pub inherit_permissions: Option<bool>,
    /// The token.
    pub token: String,
    /// By descriptor.
    pub aces_dictionary: BTreeMap<String, AccessControlEntry>,
    /// Whether entries say what they amount to.
    pub include_extended_info: bool,
}

/// What one identity is allowed and denied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessControlEntry {
    /// Whose: an identity descriptor.
    pub descriptor: String,
    /// Bits allowed.
    pub allow: i64,
    /// Bits denied.
    pub deny: i64,
    /// What it amounts to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extended_info: Option<ExtendedInfo>,
}

/// What an entry amounts to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExtendedInfo {
    /// Allowed, with what is inherited.
    pub effective_allow: i64,
    /// Denied, with what is inherited.
    pub effective_deny: i64,
    /// Allowed above.
    pub inherited_allow: i64,
    /// Denied above.
    pub inherited_deny: i64,
}

/// Entries to set at a token.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EntriesRequest {
    /// The token.
    pub token: String,
    /// Whether to add to what is there.
    pub merge: bool,
    /// The entries.
    pub access_control_entries: Vec<AccessControlEntry>,
}

/// Lists to set.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ListsRequest {
    /// The lists.
    pub value: Vec<AccessControlList>,
}

/// Questions about the caller's own rights, and the answers.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EvaluationBatch {
    /// Said back. Administrators have no rights but those that the lists give them.
    pub always_allow_administrators: bool,
    /// The questions.
    pub evaluations: Vec<Evaluation>,
}

/// One question.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Evaluation {
    /// The namespace.
    pub security_namespace_id: String,
    /// The token.
    pub token: String,
    /// The rights.
    pub permissions: i64,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_request_names_somebody_one_way_or_the_other() {
        let by_id: RoleRequest =
            serde_json::from_str(r#"{"userId":"a","roleName":"User"}"#).unwrap_or_default();
        assert_eq!(by_id.user_id.as_deref(), Some("a"));
        let by_name: RoleRequest =
            serde_json::from_str(r#"{"uniqueName":"ann","roleName":"user"}"#).unwrap_or_default();
        assert_eq!(
            (by_name.user_id, by_name.unique_name.as_deref()),
            (None, Some("ann"))
        );
    }

    #[test]
    fn a_list_is_read_as_clients_send_it() {
        let text = r#"{"count":1,"value":[{"inheritPermissions":true,"token":"t","acesDictionary":
            {"d":{"descriptor":"d","allow":1,"deny":0,"extendedInfo":{}}},"includeExtendedInfo":false}]}"#;
        let lists: ListsRequest = serde_json::from_str(text).unwrap_or_default();
        assert_eq!(lists.value.len(), 1);
        assert_eq!(lists.value[0].inherit_permissions, Some(true));
        assert_eq!(lists.value[0].aces_dictionary["d"].allow, 1);
        let namespace = serde_json::to_value(SecurityNamespace::default()).unwrap_or_default();
        assert!(
            namespace
                .get("extensionType")
                .is_some_and(serde_json::Value::is_null)
        );
    }
}
