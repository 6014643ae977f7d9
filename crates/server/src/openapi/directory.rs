//! Projects, people and groups as Azure DevOps serves them.

use super::examples::{
    ANN, ANN_DESCRIPTOR, ANN_SUBJECT, GROUP, GROUP_SUBJECT, ORGANIZATION, PROCESS, PROJECT,
    PROJECT_SCOPE, WHEN, url,
};
use super::operation::{Content, Group, Parameter, delete, get, patch, post, put, wrapped};
use coffer_wire::List;
use coffer_wire::graph::{
    GraphMembership, GraphMembershipState, GraphSubject, GraphValue, Identity, NewGraphGroup,
    NewGraphUser, OperationReference, PatchStep, Process, SubjectLookup, SubjectQuery,
    SubjectsFound, TeamProject, TeamProjectChange,
};
use coffer_wire::paths::{core as project_at, graph as at};
use serde_json::{Value, json};

const MEMBERS: &str =
    "Every person who belongs to the organization; groups of a project for those who may see it.";
const ANYBODY: &str = "Every person who belongs to the organization, and jobs.";
const ORGANIZATION_ADMINS: &str = "Project Collection Administrators.";
const GROUP_ADMINS: &str = "Project Administrators for groups of their project, Project Collection Administrators for all. A job never.";

fn project() -> Value {
    json!({
        "id": PROJECT,
        "name": "Pay Desk",
        "description": "What the shops pay with.",
        "url": url(&format!("_apis/projects/{PROJECT}")),
        "state": "wellFormed",
        "revision": 4,
        "visibility": "private",
        "lastUpdateTime": WHEN,
    })
}

fn whole_project() -> Value {
    let mut whole = project();
    let own = url(&format!("_apis/projects/{PROJECT}"));
    whole["defaultTeam"] =
        json!({ "id": GROUP, "name": "Contributors", "url": format!("{own}/teams/{GROUP}") });
    whole["_links"] = json!({ "self": { "href": own } });
    whole
}

fn operation() -> Value {
    json!({ "id": PROJECT, "status": "succeeded", "url": url(&format!("_apis/operations/{PROJECT}")) })
}

fn process() -> Value {
    json!({
        "id": PROCESS,
        "name": "Basic",
        "description": "Projects have secure files and pipelines. Work is not tracked here.",
        "isDefault": true,
        "type": "system",
        "url": url(&format!("_apis/process/processes/{PROCESS}")),
    })
}

fn paging() -> Parameter {
    Parameter::text(
        "continuationToken",
        "Where the next page begins: the header `X-MS-ContinuationToken` of the one before.",
    )
}

pub(super) fn projects() -> Group {
    Group {
        name: "Projects",
        about: "Projects as Azure DevOps serves them. Creating and changing is over when it is answered; the operation that the answer \
                names has the project's own id.",
        operations: vec![
            get(project_at::PROJECTS, "listProjects", "Lists the projects that the caller may see")
                .who("Everybody with a valid token; the list holds what they may see.")
                .query([
                    Parameter::word("stateFilter", "Which states; only `wellFormed` and `all` find any.", &["wellFormed", "all", "new", "deleting", "deleted", "createPending", "unchanged"]),
                    Parameter::number("$top", "At most this many, and at most 1000."),
                    Parameter::number("$skip", "Leave out this many."),
                    Parameter { schema: json!({ "type": "integer", "format": "int32", "minimum": 0 }), ..paging() },
                ])
                .gives_list::<TeamProject>("The projects.", json!([project()]))
                .with_header("ContinuationToken"),
            post(project_at::PROJECTS, "createProject", "Creates a project")
                .about("What else clients send, a process or version control, is not looked at.")
                .who("Project Collection Administrators; everybody of the organization, where it is set so. A job never.")
                .takes::<TeamProjectChange>(json!({ "name": "Pay Desk", "description": "What the shops pay with." }))
                .answers(202, "It is there.", Content::json::<OperationReference>(operation()))
                .refuses(["project.name_taken", "project.not_found", "not_supported"]),
            get(project_at::PROJECT, "getProject", "Reads a project")
                .about("`defaultTeam` is the group Contributors, which stands where the original has a team.")
                .who("Whoever may see the project.")
                .query([Parameter::flag("includeCapabilities", "Whether process and version control are told, for clients that want them.")])
                .gives::<TeamProject>("The project.", whole_project()),
            patch(project_at::PROJECT, "updateProject", "Changes a project's name and description")
                .who("Project Administrators.")
                .takes::<TeamProjectChange>(json!({ "description": "What the shops pay with." }))
                .answers(202, "It is done.", Content::json::<OperationReference>(operation()))
                .refuses(["project.name_taken", "not_supported"]),
            delete(project_at::PROJECT, "deleteProject", "Says that projects cannot be deleted yet")
                .about("Always refused for those who may see the project, and nothing is changed.")
                .who("Nobody yet.")
                .refuses(["not_supported"]),
            get(project_at::OPERATION, "getOperation", "Says what became of a creation or change")
                .who("Whoever may see the project.")
                .gives::<OperationReference>("The operation: it has succeeded.", operation())
                .refuses(["operation.not_found"]),
            get(project_at::PROCESSES, "listProcesses", "Lists the processes that projects have")
                .about("There is one, and all projects have it. Work is not tracked here: tools look the name up that a project's \
                        capabilities name by its id.")
                .who(ANYBODY)
                .gives_list::<Process>("The one process.", json!([process()])),
            get(project_at::PROCESS, "getProcess", "Reads a process")
                .who(ANYBODY)
                .gives::<Process>("The process.", process()),
        ],
    }
}

fn subject(own: &str, user: bool) -> Value {
    let kind = if user { "users" } else { "groups" };
    let link = |what: &str| json!({ "href": url(&format!("_apis/graph/{what}/{own}")) });
    json!({
        "self": link(kind),
        "memberships": link("memberships"),
        "membershipState": link("membershipstates"),
        "storageKey": link("storagekeys"),
    })
}

fn user() -> Value {
    json!({
        "subjectKind": "user",
        "domain": ORGANIZATION,
        "principalName": "ann@example.com",
        "mailAddress": "ann@example.com",
        "origin": "vsts",
        "originId": ANN,
        "displayName": "Ann Example",
        "descriptor": ANN_SUBJECT,
        "url": url(&format!("_apis/graph/users/{ANN_SUBJECT}")),
        "_links": subject(ANN_SUBJECT, true),
    })
}

fn group_subject() -> Value {
    json!({
        "subjectKind": "group",
        "description": "Those who sign releases.",
        "domain": format!("vstfs:///Classification/TeamProject/{PROJECT}"),
        "principalName": "[Pay Desk]\\Signers",
        "origin": "vsts",
        "originId": GROUP,
        "displayName": "Signers",
        "descriptor": GROUP_SUBJECT,
        "url": url(&format!("_apis/graph/groups/{GROUP_SUBJECT}")),
        "_links": subject(GROUP_SUBJECT, false),
    })
}

fn membership() -> Value {
    json!({ "containerDescriptor": GROUP_SUBJECT, "memberDescriptor": ANN_SUBJECT })
}

fn identity() -> Value {
    let text = |value: &str| json!({ "$type": "System.String", "$value": value });
    json!({
        "id": ANN,
        "descriptor": format!("{ANN_DESCRIPTOR}\\ann@example.com"),
        "subjectDescriptor": ANN_SUBJECT,
        "providerDisplayName": "Ann Example",
        "isActive": true,
        "isContainer": false,
        "members": [],
        "memberOf": [],
        "memberIds": [],
        "masterId": "00000000-0000-0000-0000-000000000000",
        "properties": { "SchemaClassName": text("User"), "Account": text("ann@example.com") },
        "resourceVersion": 2,
        "metaTypeId": 0,
    })
}

fn memberships_asked() -> Parameter {
    Parameter::text(
        "queryMembership",
        "Anything but `None` gives direct memberships as well.",
    )
}

pub(super) fn group() -> Group {
    let scope = || {
        Parameter::text(
            "scopeDescriptor",
            "A project, by its descriptor as a scope.",
        )
    };
    Group {
        name: "Graph and identities",
        about: "People, groups and services. Descriptors are computed from ids and never change; nobody is ever forgotten, because history names them.",
        operations: vec![
            get(at::IDENTITIES, "listIdentities", "Looks identities up by id, descriptor or exact name")
                .about("By `identityIds`, `subjectDescriptors` or `descriptors`, the answer has the order that was asked, with null for what is not there; at most 500. \
                        Otherwise `searchFilter` with `filterValue` finds exact names.")
                .who(MEMBERS)
                .query([
                    Parameter::text("identityIds", "GUIDs, with commas.").example(ANN),
                    Parameter::text("subjectDescriptors", "Subject descriptors, with commas."),
                    Parameter::text("descriptors", "Identity descriptors, with commas."),
                    Parameter::text("searchFilter", "`General`, `AccountName`, `DisplayName`, `MailAddress`, `LocalGroupName` or `Identifier`."),
                    Parameter::text("filterValue", "The name to look for."),
                    memberships_asked(),
                ])
                .answers(200, "The identities.", Content::json::<List<Option<Identity>>>(wrapped(json!([identity()])))),
            get(at::IDENTITY, "getIdentity", "Reads an identity")
                .who(MEMBERS)
                .query([memberships_asked()])
                .gives::<Identity>("The identity.", identity()),
            get(at::DESCRIPTOR, "getDescriptor", "Says the descriptor behind an id")
                .about("Of a person, group, service or project.")
                .who(MEMBERS)
                .gives::<GraphValue>("The descriptor.", json!({ "_links": { "self": { "href": url(&format!("_apis/graph/descriptors/{ANN}")) } }, "value": ANN_SUBJECT })),
            get(at::STORAGE_KEY, "getStorageKey", "Says the id behind a descriptor")
                .who(MEMBERS)
                .gives::<GraphValue>("The GUID.", json!({ "_links": { "self": { "href": url(&format!("_apis/graph/storagekeys/{ANN_SUBJECT}")) } }, "value": ANN }))
                .refuses(["project.not_found"]),
            get(at::GROUPS, "listGroups", "Lists groups")
                .who(MEMBERS)
                .query([scope().example(PROJECT_SCOPE), Parameter::number("$top", "At most this many on a page."), paging()])
                .gives_list::<GraphSubject>("A page of groups.", json!([group_subject()]))
                .with_header("ContinuationToken")
                .refuses(["project.not_found"]),
            post(at::GROUPS, "createGroup", "Creates a group")
                .about("Of the project that `scopeDescriptor` names, else of the organization. Groups of another directory cannot be added.")
                .who(GROUP_ADMINS)
                .query([scope().example(PROJECT_SCOPE)])
                .takes::<NewGraphGroup>(json!({ "displayName": "Signers", "description": "Those who sign releases." }))
                .answers(201, "The new group.", Content::json::<GraphSubject>(group_subject()))
                .refuses(["project.not_found", "identity.not_found", "identity.name_taken", "not_supported"]),
            get(at::GROUP, "getGroup", "Reads a group")
                .who(MEMBERS)
                .gives::<GraphSubject>("The group.", group_subject()),
            patch(at::GROUP, "updateGroup", "Changes a group's name and description")
                .about("A JSON Patch of `/displayName` and `/description`.")
                .who(GROUP_ADMINS)
                .takes::<Vec<PatchStep>>(json!([{ "op": "replace", "path": "/description", "value": "Those who sign releases." }]))
                .gives::<GraphSubject>("The group as it is now.", group_subject())
                .refuses(["identity.name_taken", "group.default"]),
            delete(at::GROUP, "deleteGroup", "Deletes a group")
                .who(GROUP_ADMINS)
                .empty(204, "It is deleted.")
                .refuses(["group.default", "organization.last_administrator"]),
            get(at::USERS, "listGraphUsers", "Lists people, or services")
                .who(MEMBERS)
                .query([
                    Parameter::text("subjectTypes", "`svc` alone lists services; everything else lists people."),
                    Parameter::number("$top", "At most this many on a page."),
                    paging(),
                ])
                .gives_list::<GraphSubject>("A page of people.", json!([user()]))
                .with_header("ContinuationToken"),
            post(at::USERS, "createGraphUser", "Adds a person")
                .about("They sign in with a one-time code: see `invite`.")
                .who(ORGANIZATION_ADMINS)
                .takes::<NewGraphUser>(json!({ "principalName": "ann@example.com", "displayName": "Ann Example" }))
                .answers(201, "The new person.", Content::json::<GraphSubject>(user()))
                .refuses(["identity.name_taken", "identity.not_found"]),
            get(at::USER, "getGraphUser", "Reads a person or service")
                .who(MEMBERS)
                .gives::<GraphSubject>("The person.", user()),
            delete(at::USER, "deleteGraphUser", "Shuts a person out")
                .about("Tokens and sessions end at once. The person stays, disabled, because history names them.")
                .who(ORGANIZATION_ADMINS)
                .empty(204, "The person is shut out.")
                .refuses(["organization.last_administrator"]),
            get(at::MEMBERSHIPS, "listMemberships", "Lists what somebody is in, or who is in it")
                .who(MEMBERS)
                .query([Parameter::word("direction", "`up` for groups that it is in, `down` for who is in it.", &["up", "down"])])
                .gives_list::<GraphMembership>("Direct memberships.", json!([membership()])),
            get(at::MEMBERSHIP, "getMembership", "Says whether somebody is in a group")
                .about("404 for who is not. `HEAD` is served as well.")
                .who(MEMBERS)
                .gives::<GraphMembership>("They are.", membership()),
            put(at::MEMBERSHIP, "addMembership", "Puts somebody into a group")
                .who(GROUP_ADMINS)
                .answers(201, "They are in it now.", Content::json::<GraphMembership>(membership()))
                .refuses(["group.circle", "group.fixed", "group.other_project"]),
            delete(at::MEMBERSHIP, "removeMembership", "Takes somebody out of a group")
                .who(GROUP_ADMINS)
                .empty(200, "They are in it no longer.")
                .refuses(["group.fixed", "organization.last_administrator"]),
            get(at::MEMBERSHIP_STATE, "getMembershipState", "Says whether somebody can sign in")
                .who(MEMBERS)
                .gives::<GraphMembershipState>("Whether they can.", json!({ "active": true })),
            post(at::LOOKUP, "lookupSubjects", "Looks up subjects by their descriptors")
                .about("At most 500. What is not there is left out.")
                .who(MEMBERS)
                .takes::<SubjectLookup>(json!({ "lookupKeys": [{ "descriptor": ANN_SUBJECT }] }))
                .gives::<SubjectsFound>("The subjects by descriptor.", json!({ "count": 1, "value": { ANN_SUBJECT: user() } })),
            post(at::QUERY, "querySubjects", "Finds subjects by part of a name")
                .who(MEMBERS)
                .takes::<SubjectQuery>(json!({ "query": "ann", "subjectKind": ["User"] }))
                .gives_list::<GraphSubject>("The subjects.", json!([user()]))
                .refuses(["project.not_found"]),
        ],
    }
}
