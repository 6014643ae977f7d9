//! Roles of the Library, and access control lists.

use super::examples::{ANN, ANN_DESCRIPTOR, FILE_TOKEN, LIBRARY, ann};
use super::operation::{Content, Group, Parameter, delete, get, patch, post, put, wrapped};
use coffer_wire::List;
use coffer_wire::paths::{roles as at, security as list_at};
use coffer_wire::security::{
    AccessControlEntry, AccessControlList, EntriesRequest, EvaluationBatch, ListsRequest,
    RoleAssignment, RoleRequest, SecurityNamespace, SecurityRole,
};
use serde_json::{Value, json};

const PERSONS: &str = "Every person who belongs to the organization, and jobs.";
const READS: &str = "Whoever may see the resource.";
const CHANGES: &str = "Administrators of the resource, with a sign-in of the last 15 minutes or a token with the scope vso.security_manage. A job never.";

fn role() -> Value {
    json!({
        "displayName": "User",
        "name": "User",
        "allowPermissions": 17,
        "denyPermissions": 0,
        "identifier": "distributedtask.securefile.User",
        "description": "User can use, but cannot manage the secure files.",
        "scope": "distributedtask.securefile",
    })
}

fn assignment() -> Value {
    json!({ "identity": ann(), "role": role(), "access": "assigned", "accessDisplayName": "Assigned" })
}

pub(super) fn roles() -> Group {
    Group {
        name: "Roles",
        about: "Roles of the Library: Reader, User, Creator and Administrator at a project's library, and at a single file. \
                The scope `distributedtask.library` has resources `{projectId}$0`, the scope `distributedtask.securefile` has \
                `{projectId}${secureFileId}`. Roles are named patterns over the access control lists, and what is shown here is what is enforced.",
        operations: vec![
            get(at::DEFINITIONS, "listRoleDefinitions", "Lists the roles of a scope")
                .who(PERSONS)
                .gives_list::<SecurityRole>("The roles.", json!([role()])),
            get(at::ASSIGNMENTS, "listRoleAssignments", "Lists who has which role at a resource")
                .about("Inherited ones as well; `access` says which they are. Rights that are no role as a whole carry their real bits.")
                .who(READS)
                .gives_list::<RoleAssignment>("The assignments.", json!([assignment()]))
                .refuses(["project.not_found", "secure_file.not_found"]),
            put(at::ASSIGNMENTS, "setRoleAssignments", "Gives several people or groups a role")
                .about("All or none. Each element names somebody by `userId`, or by `uniqueName`: a sign-in name, or a group as `[Project]\\Name`.")
                .who(CHANGES)
                .takes::<Vec<RoleRequest>>(json!([{ "userId": ANN, "roleName": "User" }]))
                .gives_list::<RoleAssignment>("The assignments that were set.", json!([assignment()]))
                .refuses(["project.not_found", "secure_file.not_found", "identity.not_found", "role.unknown", "role.creator_fixed", "role.inherited", "role.owner_mark", "role.last_administrator"]),
            patch(at::ASSIGNMENTS, "removeRoleAssignments", "Takes roles away, or switches inheritance")
                .about("With `inheritPermissions`, switches whether the resource inherits, and the body is not looked at. Without it, the body lists ids of identities that lose their own roles.")
                .who(CHANGES)
                .query([Parameter {
                    schema: json!({ "type": "boolean" }),
                    ..Parameter::flag("inheritPermissions", "Whether the resource inherits the library's roles from now on.")
                }])
                .takes::<Vec<String>>(json!([ANN]))
                .or_nothing()
                .empty(204, "It is done.")
                .refuses(["project.not_found", "secure_file.not_found", "role.creator_fixed", "role.inherited", "role.owner_mark", "role.nothing_inherited", "role.last_administrator"]),
            put(at::ASSIGNMENT, "setRoleAssignment", "Gives somebody a role")
                .who(CHANGES)
                .takes::<RoleRequest>(json!({ "roleName": "User" }))
                .gives::<RoleAssignment>("The assignment.", assignment())
                .refuses(["project.not_found", "secure_file.not_found", "role.unknown", "role.creator_fixed", "role.inherited", "role.owner_mark", "role.last_administrator"]),
            delete(at::ASSIGNMENT, "removeRoleAssignment", "Takes somebody's role away")
                .about("Also when there was none: nothing of their own is there afterwards.")
                .who(CHANGES)
                .empty(204, "Nothing of their own is there any more.")
                .refuses(["project.not_found", "secure_file.not_found", "role.creator_fixed", "role.inherited", "role.owner_mark", "role.last_administrator"]),
        ],
    }
}

fn namespace() -> Value {
    json!({
        "namespaceId": LIBRARY,
        "name": "Library",
        "displayName": "Library",
        "separatorValue": "/",
        "elementLength": -1,
        "writePermission": 2,
        "readPermission": 1,
        "dataspaceCategory": "DistributedTask",
        "actions": [{ "bit": 1, "name": "View", "displayName": "View library item", "namespaceId": LIBRARY }],
        "structureValue": 1,
        "extensionType": null,
        "isRemotable": false,
        "useTokenTranslator": true,
        "systemBitMask": 0,
    })
}

fn entry() -> Value {
    json!({ "descriptor": ANN_DESCRIPTOR, "allow": 17, "deny": 0 })
}

fn list() -> Value {
    json!({
        "inheritPermissions": true,
        "token": FILE_TOKEN,
        "acesDictionary": { ANN_DESCRIPTOR: entry() },
        "includeExtendedInfo": false,
    })
}

fn token() -> Parameter {
    Parameter::text("token", "The security token: where the entries stand.")
        .required()
        .example(FILE_TOKEN)
}

const UNKNOWN: [&str; 5] = [
    "access.namespace_unknown",
    "access.token_unknown",
    "project.not_found",
    "secure_file.not_found",
    "pipeline.not_found",
];
const KEPT: [&str; 4] = [
    "access.bits_unknown",
    "role.creator_fixed",
    "role.owner_mark",
    "role.last_administrator",
];

pub(super) fn lists() -> Group {
    Group {
        name: "Access control lists",
        about: "The one store of rights, bit by bit. An entry allows and denies bits to one identity at a token of a namespace: \
                `Library/{projectId}` and `Library/{projectId}/SecureFile/{secureFileId}` in the namespace of the Library. A deny wins.",
        operations: vec![
            get(list_at::NAMESPACES, "listSecurityNamespaces", "Lists the security namespaces")
                .who(PERSONS)
                .gives_list::<SecurityNamespace>("The namespaces with their rights.", json!([namespace()])),
            get(list_at::NAMESPACE, "getSecurityNamespace", "Reads a security namespace")
                .about("A list of one.")
                .who(PERSONS)
                .gives_list::<SecurityNamespace>("The namespace.", json!([namespace()])),
            get(list_at::LISTS, "listAccessControlLists", "Lists who has what at a token")
                .about("Exactly one list for a token that there is. Without `token`, all lists that the caller may see.")
                .who("Whoever has the namespace's read bit at the token.")
                .query([
                    Parameter::text("token", "The security token.").example(FILE_TOKEN),
                    Parameter::text("descriptors", "Only entries of these identity descriptors, with commas."),
                    Parameter::flag("includeExtendedInfo", "Whether entries say what they amount to; then inherited ones are there as well."),
                    Parameter::flag("recurse", "Whether the lists below the token come as well."),
                ])
                .gives_list::<AccessControlList>("The lists.", json!([list()]))
                .refuses(UNKNOWN),
            post(list_at::LISTS, "setAccessControlLists", "Replaces whole lists")
                .about("All or nothing: each list becomes what the body says.")
                .who(CHANGES)
                .takes::<ListsRequest>(json!({ "value": [list()] }))
                .empty(204, "The lists are as the body says.")
                .refuses(UNKNOWN)
                .refuses(KEPT)
                .refuses(["identity.not_found"]),
            delete(list_at::LISTS, "removeAccessControlLists", "Empties lists")
                .about("They have no entries of their own any more, but the creator's.")
                .who(CHANGES)
                .query([
                    Parameter::text("tokens", "Which lists, with commas.").required().example(FILE_TOKEN),
                    Parameter::flag("recurse", "Not supported: name each token."),
                ])
                .gives::<bool>("`true`.", json!(true))
                .refuses(UNKNOWN)
                .refuses(KEPT)
                .refuses(["not_supported"]),
            post(list_at::ENTRIES, "setAccessControlEntries", "Sets entries at a token")
                .about("With `merge` the bits are added to what is there, and the newer wins a bit. An entry that allows and denies nothing is none.")
                .who(CHANGES)
                .takes::<EntriesRequest>(json!({ "token": FILE_TOKEN, "merge": true, "accessControlEntries": [entry()] }))
                .gives_list::<AccessControlEntry>("The entries as they are now, in the order of the request.", json!([entry()]))
                .refuses(UNKNOWN)
                .refuses(KEPT)
                .refuses(["identity.not_found"]),
            delete(list_at::ENTRIES, "removeAccessControlEntries", "Removes entries at a token")
                .who(CHANGES)
                .query([
                    token(),
                    Parameter::text("descriptors", "Whose, with commas.").required().example(ANN_DESCRIPTOR),
                ])
                .gives::<bool>("`true`.", json!(true))
                .refuses(UNKNOWN)
                .refuses(KEPT),
            get(list_at::PERMISSIONS, "hasPermissions", "Says whether the caller has rights at tokens")
                .about("All of the bits in the path, for each token. What there is not is `false`.")
                .who(PERSONS)
                .query([
                    Parameter::text("tokens", "The tokens, separated by `delimiter`. `token` is read as well.").required().example(FILE_TOKEN),
                    Parameter::text("delimiter", "What separates them; a comma when absent."),
                ])
                .answers(200, "An answer for each token, in their order.", Content::json::<List<bool>>(wrapped(json!([true]))))
                .refuses(["access.namespace_unknown"]),
            delete(list_at::PERMISSIONS, "removePermission", "Takes bits of somebody away at a token")
                .about("They are neither allowed nor denied there any more.")
                .who(CHANGES)
                .query([
                    token(),
                    Parameter::text("descriptor", "Whose.").required().example(ANN_DESCRIPTOR),
                ])
                .gives::<AccessControlEntry>("What is left of the entry.", json!({ "descriptor": ANN_DESCRIPTOR, "allow": 1, "deny": 0 }))
                .refuses(UNKNOWN)
                .refuses(KEPT),
            post(list_at::EVALUATE, "evaluatePermissions", "Answers several questions about the caller's rights")
                .about("At most 200. The answers stand in `value` of each question; an unknown token is `false`.")
                .who(PERSONS)
                .takes::<EvaluationBatch>(json!({ "evaluations": [{ "securityNamespaceId": LIBRARY, "token": FILE_TOKEN, "permissions": 16 }] }))
                .gives::<EvaluationBatch>("The questions with their answers.", json!({
                    "alwaysAllowAdministrators": false,
                    "evaluations": [{ "securityNamespaceId": LIBRARY, "token": FILE_TOKEN, "permissions": 16, "value": true }],
                }))
                .refuses(["access.namespace_unknown"]),
        ],
    }
}
