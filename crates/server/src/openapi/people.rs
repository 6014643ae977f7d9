//! Signing in, people, tokens, the organization: our own routes.

use super::examples::{ANN, LATER, ORGANIZATION, PROJECT, TOKEN, WHEN, ann};
use super::operation::{Group, Parameter, delete, get, patch, post};
use coffer_wire::coffer::{
    CreatedToken, FirstSignIn, Invitation, NewPassword, Organization, OrganizationChange,
    PasswordCode, PasswordSignIn, Project, TokenRecord, TokenRequest, User, UserChange,
};
use coffer_wire::paths::coffer as at;
use serde_json::{Value, json};

const ADMINS: &str = "Project Collection Administrators.";
const PERSONS: &str = "Every person who belongs to the organization.";
const NO_TOKEN: &str = "Everybody: no token is needed.";
const FRESH: &str = "Project Collection Administrators, with a sign-in of the last 15 minutes or a token whose scopes include it.";
/// What has the shape of a token and is none.
const VALUE: &str = "cof_pat_EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE";

fn created() -> Value {
    json!({ "id": TOKEN, "token": VALUE, "expiresOn": LATER, "scope": "vso.securefiles_read", "identity": ann() })
}

fn record() -> Value {
    json!({
        "id": TOKEN,
        "kind": "pat",
        "label": "nightly upload",
        "createdOn": WHEN,
        "expiresOn": LATER,
        "scope": "vso.securefiles_read",
        "owner": ann(),
        "lastUsedOn": WHEN,
        "lastUsedFrom": "192.0.2.7",
    })
}

fn user() -> Value {
    json!({
        "id": ANN,
        "uniqueName": "ann@example.com",
        "displayName": "Ann Example",
        "groups": [{ "project": "Pay Desk", "name": "Contributors" }],
    })
}

fn organization() -> Value {
    json!({
        "id": ORGANIZATION,
        "name": "DefaultCollection",
        "openAccessAllowed": true,
        "passwordSignInAllowed": true,
        "projectCreators": "administrators",
        "maxTokenDays": 365,
    })
}

fn somebody() -> Value {
    json!({ "user": "ann@example.com" })
}

pub(super) fn sign_in() -> Group {
    Group {
        name: "Signing in",
        about: "Coffer's own: how a program or a command line gets its first token. Browsers have pages for it.",
        operations: vec![
            post(at::SIGN_IN, "signInFirst", "Trades the one-time code of the first start for a token")
                .about("The code is the one that the first start printed to a terminal or a file. It makes the first administrator, and works once.")
                .who(NO_TOKEN)
                .takes::<FirstSignIn>(json!({ "code": "the code of the first start", "uniqueName": "ann@example.com", "label": "first sign-in" }))
                .gives::<CreatedToken>("The token. It is shown this once.", created())
                .refuses(["token.invalid"]),
            post(at::SIGN_IN_PASSWORD, "signInByPassword", "Trades name and password for a token")
                .about("One answer for whatever is wrong: name, password, second factor, a locked name.")
                .who(NO_TOKEN)
                .takes::<PasswordSignIn>(json!({ "user": "ann@example.com", "password": "a long enough password", "label": "laptop", "days": 30 }))
                .gives::<CreatedToken>("The token. It is shown this once.", created())
                .refuses(["sign_in.refused", "rate.limited", "sign_in.busy", "password.switched_off"]),
            post(at::NEW_PASSWORD, "setNewPassword", "Sets a password with a one-time code")
                .who("Everybody who has a code that an administrator made for them.")
                .takes::<NewPassword>(json!({ "code": "the code of the invitation", "password": "a long enough password" }))
                .empty(204, "The password is set, and the code is spent.")
                .refuses(["sign_in.refused", "token.invalid", "password.too_short", "password.too_long", "rate.limited", "sign_in.busy"]),
        ],
    }
}

pub(super) fn group() -> Group {
    Group {
        name: "Organization, people, tokens",
        about: "Coffer's own: the organization's switches, who belongs to it, and tokens.",
        operations: vec![
            get(at::ORGANIZATION, "getOrganization", "Reads the organization and its switches")
                .who(PERSONS)
                .gives::<Organization>("The organization.", organization()),
            patch(at::ORGANIZATION, "updateOrganization", "Changes the organization's switches")
                .about("What is absent stays. A member that there is not is refused.")
                .who(ADMINS)
                .takes::<OrganizationChange>(json!({ "maxTokenDays": 365 }))
                .gives::<Organization>("The organization as it is now.", organization()),
            post(at::INVITATIONS, "invite", "Makes a one-time code with which somebody sets a password")
                .who(FRESH)
                .takes::<Invitation>(somebody())
                .gives::<PasswordCode>("The code. It is shown this once.", json!({ "code": "a code of some length", "expiresOn": LATER, "identity": ann() }))
                .refuses(["identity.not_found", "password.switched_off"]),
            post(at::SECOND_FACTOR_RESETS, "resetSecondFactor", "Takes somebody's second factor away")
                .about("For who lost it. They begin a new one on their account page.")
                .who(FRESH)
                .takes::<Invitation>(somebody())
                .empty(204, "There is none any more.")
                .refuses(["identity.not_found"]),
            post(at::SIGN_OUTS, "signOutSomebody", "Ends all of somebody's browser sessions")
                .about("Their tokens go on; `deleteToken` ends those.")
                .who(ADMINS)
                .takes::<Invitation>(somebody())
                .empty(204, "There are none any more.")
                .refuses(["identity.not_found"]),
            get(at::USERS, "listUsers", "Lists people and their groups")
                .who(PERSONS)
                .gives_list::<User>("The people.", json!([user()])),
            post(at::USERS, "createUser", "Adds a person, with groups")
                .who(ADMINS)
                .takes::<User>(json!({ "uniqueName": "ann@example.com", "displayName": "Ann Example", "groups": [{ "project": "Pay Desk", "name": "Contributors" }] }))
                .gives::<User>("The new person.", user())
                .refuses(["identity.name_taken", "identity.not_found", "project.not_found"]),
            patch(at::USER, "updateUser", "Renames a person, shuts them out, or lets them in again")
                .about("Shut out, tokens and sessions end at once and for good. The body names at least one member.")
                .who(ADMINS)
                .takes::<UserChange>(json!({ "displayName": "Ann Example" }))
                .gives::<User>("The person as they are now.", user())
                .refuses(["organization.last_administrator"]),
            get(at::TOKENS, "listTokens", "Lists tokens, without their values")
                .who("Everybody their own; with `all`, Project Collection Administrators. A job never.")
                .query([Parameter::flag("all", "Whether everybody's are listed.")])
                .gives_list::<TokenRecord>("The tokens.", json!([record()])),
            post(at::TOKENS, "createToken", "Makes a token")
                .about("It ends after `days`, at most what the organization allows, and is good for no more than the token that makes it. \
                        Scopes have the names of Azure DevOps, such as `vso.securefiles_read`; they narrow what the owner may do, and never give.")
                .who("Everybody for themselves; for others, and of the kind `agent`, Project Collection Administrators. A job never.")
                .takes::<TokenRequest>(json!({ "label": "nightly upload", "days": 30, "scope": "vso.securefiles_read" }))
                .gives::<CreatedToken>("The token. It is shown this once.", created())
                .refuses(["identity.not_found"]),
            delete(at::TOKEN, "deleteToken", "Revokes a token")
                .who("Everybody their own; those of others, Project Collection Administrators.")
                .empty(204, "It is revoked."),
            get(at::PROJECTS, "listOwnProjects", "Lists the projects that the caller may see, briefly")
                .who("Everybody with a valid token; the list holds what they may see.")
                .gives_list::<Project>("The projects.", json!([{ "id": PROJECT, "name": "Pay Desk" }])),
            post(at::PROJECTS, "createOwnProject", "Creates a project")
                .about("As `createProject`, answered with the project.")
                .who("Project Collection Administrators; everybody of the organization, where it is set so. A job never.")
                .takes::<Project>(json!({ "name": "Pay Desk" }))
                .gives::<Project>("The new project.", json!({ "id": PROJECT, "name": "Pay Desk" }))
                .refuses(["project.name_taken", "project.not_found"]),
        ],
    }
}
