//! Roles, lists and namespaces, from the product's own types to the shapes on the wire.

use super::identity;
use crate::ado::roles::{LIBRARY, SECURE_FILE};
use coffer_model::IdentityId;
use coffer_model::access::{Bits, Description, Role};
use coffer_model::descriptor;
use coffer_service::{AccessList, AccessRow, Assignment};
use coffer_wire::enums::RoleAccess;
use coffer_wire::security::{
    AccessControlEntry, AccessControlList, ExtendedInfo, RoleAssignment, SecurityAction,
    SecurityNamespace, SecurityRole,
};

/// A role as it can be chosen.
pub(crate) fn role(role: Role, library: bool) -> SecurityRole {
    let scope = if library { LIBRARY } else { SECURE_FILE };
    SecurityRole {
        display_name: role.name().into(),
        name: role.name().into(),
        allow_permissions: if library {
            role.library_bits()
        } else {
            role.item_bits()
        },
        deny_permissions: 0,
        identifier: format!("{scope}.{}", role.name()),
        description: role.description().into(),
        scope: scope.into(),
    }
}

/// A role that somebody has. What is no role as a whole is named after the strongest role in it, and says so: its bits
/// are those that are stored, and its display name is not the role's.
pub(crate) fn assignment(row: &Assignment) -> RoleAssignment {
    let library = row.of_library;
    let allow = row.bits.allow & !coffer_model::access::library::OWNER;
    let mut shown = match row.role.role {
        Some(found) => role(found, library),
        None => SecurityRole {
            display_name: "No role".into(),
            name: "Custom".into(),
            identifier: format!("{}.Custom", if library { LIBRARY } else { SECURE_FILE }),
            scope: if library { LIBRARY } else { SECURE_FILE }.into(),
            ..SecurityRole::default()
        },
    };
    if !row.role.exact {
        shown.display_name.push_str(" (custom rights)");
        shown.description = "Rights that were set bit by bit and are no role as a whole.".into();
        shown.allow_permissions = allow;
        shown.deny_permissions = row.bits.deny;
    }
    let (access, access_display_name) = if row.inherited {
        (RoleAccess::Inherited, "Inherited")
    } else {
        (RoleAccess::Assigned, "Assigned")
    };
    RoleAssignment {
        identity: identity(&row.identity),
        role: shown,
        access,
        access_display_name: access_display_name.into(),
    }
}

/// A namespace.
pub(crate) fn namespace(known: &Description) -> SecurityNamespace {
    let id = known.namespace.0.to_string();
    SecurityNamespace {
        name: known.name.into(),
        display_name: known.name.into(),
        separator_value: known.separator.unwrap_or('\0').into(),
        element_length: -1,
        write_permission: known.write,
        read_permission: known.read,
        dataspace_category: match known.name {
            "Library" | "DistributedTask" => "DistributedTask",
            "Build" => "Build",
            _ => "Default",
        }
        .into(),
        actions: known
            .actions
            .iter()
            .map(|action| SecurityAction {
                bit: action.bit,
                name: action.name.into(),
                display_name: action.display_name.into(),
                namespace_id: id.clone(),
            })
            .collect(),
        structure_value: i32::from(known.separator.is_some()),
        extension_type: None,
        is_remotable: false,
        use_token_translator: known.name == "Library",
        system_bit_mask: 0,
        namespace_id: id,
    }
}

fn named(row: &AccessRow) -> String {
    descriptor::identity(row.kind, row.identity.id, &row.identity.unique_name)
}

/// What stands at the token itself for one identity.
pub(crate) fn access_entry(row: &AccessRow) -> AccessControlEntry {
    let own = row.own.unwrap_or_default();
    AccessControlEntry {
        descriptor: named(row),
        allow: own.allow,
        deny: own.deny,
        extended_info: None,
    }
}

/// A list. With `extended`, entries say what they amount to, and those that are only inherited are there too.
pub(crate) fn access_list(
    list: &AccessList,
    only: Option<&[IdentityId]>,
    extended: bool,
) -> AccessControlList {
    let place = list.scope.place();
    let entries = list
        .rows
        .iter()
        .filter(|row| only.is_none_or(|only| only.contains(&row.identity.id)))
        .filter(|row| row.own.is_some() || (extended && list.inherits))
        .map(|row| {
            let mut entry = access_entry(row);
            if extended {
                let above = row.inherited.filter(|_| list.inherits).unwrap_or_default();
                // An entry at the place replaces the same identity's inherited one.
                let counts: Bits = row.own.unwrap_or(above);
                entry.extended_info = Some(ExtendedInfo {
                    effective_allow: counts.effective(),
                    effective_deny: counts.deny,
                    inherited_allow: above.allow,
                    inherited_deny: above.deny,
                });
            }
            (entry.descriptor.clone(), entry)
        })
        .collect();
    AccessControlList {
        inherit_permissions: Some(place.parent.is_none() || list.inherits),
        token: place.token,
        aces_dictionary: entries,
        include_extended_info: extended,
    }
}
