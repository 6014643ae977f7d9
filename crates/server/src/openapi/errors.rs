//! What can go wrong: for each code its kind and what it means, and which codes a route has from its path and class.
//!
//! Status and `typeKey` come from the one mapping of [`crate::error`]; nothing is written twice.

use crate::auth::Auth;
use crate::error::type_of;
use coffer_service::Kind;
use coffer_wire::ErrorEnvelope;
use coffer_wire::envelope::CustomProperties;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

macro_rules! known {
    ($($kind:ident $code:literal $means:literal;)*) => {
        /// Codes that only some routes have, each with its kind and what it means.
        pub(super) const KNOWN: &[(&str, Kind, &str)] = &[$(($code, Kind::$kind, $means)),*];
    };
}

known! {
    Invalid "access.bits_unknown" "A bit that the namespace does not have, or one that is allowed and denied at once.";
    NotFound "access.namespace_unknown" "There is no such security namespace.";
    NotFound "access.token_unknown" "The security token names nothing here.";
    NotFound "agent.not_found" "There is no such agent.";
    Forbidden "agent.unknown" "The path names another agent than the one that signed.";
    Unavailable "anchor.behind" "The database is older than it was: the server uses no keys until an operator has started it again.";
    Conflict "audit.not_whole" "Some of the old events are missing or changed, so they are not removed.";
    Conflict "audit_stream.name_taken" "Another stream has that name.";
    NotFound "audit_stream.not_found" "There is no such stream.";
    Invalid "audit_stream.target" "A kind, URL, option or secret that no stream can have, or a target that may not be called.";
    Conflict "break_glass.changed" "The digest is not that of the request, or what is stored changed since it was agreed to.";
    NotFound "break_glass.not_found" "There is no such request, its file is gone, or the caller is no officer.";
    Forbidden "break_glass.officer" "The configuration does not name the caller, the caller administers the file or its project, asked for it \
        alone, or had no part in the request.";
    Conflict "break_glass.over" "It is not in the state that this needs: not approved, or exported, withdrawn, or too late.";
    Forbidden "content.for_jobs" "Content is for jobs: no person reads it back.";
    Conflict "freeze.exists" "It is frozen already.";
    NotFound "freeze.not_found" "It is not frozen itself.";
    Conflict "group.circle" "The group would be in itself, through others.";
    Conflict "group.default" "A default group keeps its name and cannot be deleted.";
    Conflict "group.fixed" "Members of this group follow from other groups.";
    Conflict "group.other_project" "A group or service of a project is for groups of that project only.";
    Conflict "identity.name_taken" "Somebody has that name. Names ignore case.";
    NotFound "identity.not_found" "There is no such person, group or service, or the caller may not see it.";
    NotFound "job.not_found" "There is no such job.";
    NotFound "keys.not_found" "There is no such rotation, or the caller may not see keys.";
    Internal "keys.provider_missing" "The key is kept by a key provider that the server does not have.";
    Internal "keys.refused" "A key cannot be used: the key provider refuses, or a stored key is damaged.";
    Conflict "keys.rotating" "Keys are being rotated already.";
    Unavailable "keys.throttled" "The key service takes no more calls for a while.";
    Unavailable "keys.unavailable" "The key provider does not answer, or the project's key is being rotated.";
    Conflict "lease.lost" "The agent does not hold the job any more.";
    NotFound "log.not_found" "That build has no such log.";
    Invalid "not_supported" "The original does it, Coffer does not yet.";
    NotFound "operation.not_found" "There is no such operation.";
    Conflict "organization.last_administrator" "Nobody who can sign in would administer the organization.";
    Conflict "organization.open_access_off" "The organization does not allow files to be open to all pipelines.";
    Forbidden "password.switched_off" "The organization does not want passwords.";
    Invalid "password.too_long" "A password has at most 1024 bytes.";
    Invalid "password.too_short" "A password has at least 12 characters.";
    Invalid "pipeline.cannot_run" "The YAML is a pipeline, and this server cannot run all of it yet: `ValidationResults` has each place. Nothing was started.";
    Invalid "pipeline.files" "A file beside the YAML is not fit: its path, its size, or how many there are. Nothing was stored.";
    Invalid "pipeline.invalid" "The YAML is not a pipeline: `ValidationResults` has each problem with its place.";
    Conflict "pipeline.name_taken" "Another pipeline of the folder has that name.";
    NotFound "pipeline.not_found" "There is no such pipeline, or the caller may not see it.";
    NotFound "process.not_found" "There is no such process. All projects have the process Basic.";
    Conflict "project.name_taken" "Another project has that name.";
    NotFound "project.not_found" "There is no such project, or the caller may not see it.";
    TooMany "rate.limited" "Too many attempts from this address.";
    NotFound "resource_area.not_found" "There are no resource areas.";
    Conflict "role.creator_fixed" "The role of a file's creator cannot be changed or removed.";
    Conflict "role.inherited" "While it inherits, an inherited role can be raised only.";
    Conflict "role.last_administrator" "Nobody would be left who can see and administer it.";
    Conflict "role.nothing_inherited" "There is nothing above to inherit from.";
    Conflict "role.owner_mark" "The bit Owner cannot be given, taken or denied.";
    NotFound "role.scope_unknown" "There are no roles of that scope.";
    Invalid "role.unknown" "There is no such role here.";
    NotFound "run.not_found" "There is no such run, or the caller may not see it.";
    Conflict "run.state" "Its state does not allow this any more.";
    Forbidden "secure_file.frozen" "The file, its project or everything is frozen.";
    Invalid "secure_file.name_invalid" "The message says which rule the name breaks.";
    Conflict "secure_file.name_taken" "Another secure file of the project has that name. Names ignore case.";
    NotFound "secure_file.not_found" "There is no such secure file, or the caller may not see it.";
    TooLarge "secure_file.too_large" "A secure file has at most 10,485,760 bytes.";
    Conflict "secure_file.upload_broken" "The upload took longer than its place is kept.";
    Unavailable "sign_in.busy" "Too many passwords are being compared. Try again in a moment.";
    Unauthenticated "sign_in.refused" "Name, password or code is wrong, or the name is locked for a while.";
    Forbidden "sign_in.not_fresh" "The call itself must hold the caller's password.";
    Forbidden "source.not_trusted" "A run of a fork, or of a ref of unknown origin, asked for content.";
    Invalid "ticket.invalid" "The ticket is not of this job and file, or the job is over.";
    NotFound "timeline.not_found" "That build has no such timeline.";
    NotFound "task.no_package" "The task is built into the agent: it has no package to download.";
    NotFound "task.not_found" "There is no such task, or no such version of it.";
    Unauthenticated "token.invalid" "The token or code is unknown, expired, revoked or mistyped.";
    NotFound "token.not_found" "There is no such token, or it is somebody else's.";
    Conflict "too_many" "There are as many of these as there may be.";
}

/// What a status means whichever the route, and the types of the errors that every route can answer with it.
struct Status {
    code: u16,
    /// Name in `components/responses`.
    name: &'static str,
    means: &'static str,
    types: &'static [&'static str],
    /// A code that means it, and what the server says with it.
    example: (&'static str, &'static str),
    /// A header that it carries, and its component.
    header: Option<(&'static str, &'static str)>,
}

const STATUSES: &[Status] = &[
    Status {
        code: 400,
        name: "BadRequest",
        means: "The request makes no sense as it is: a parameter, the body, the `api-version`, or two credentials at once. The message says what.",
        types: &[
            "VssPropertyValidationException",
            "VssInvalidApiResourceVersionException",
            "VssVersionOutOfRangeException",
            "VssVersionNotSpecifiedException",
            "VssInvalidPreviewVersionException",
            "VssServiceException",
        ],
        example: (
            "argument.invalid",
            "The query parameter '$top' must be a whole number in range.",
        ),
        header: None,
    },
    Status {
        code: 401,
        name: "Unauthorized",
        means: "Nobody is signed in, or the credentials are not good. Never a redirect, never a page.",
        types: &["UnauthorizedRequestException"],
        example: (
            "token.missing",
            "TF400813: This route needs a token: send it as the password of Basic authentication, or as Bearer.",
        ),
        header: Some(("WWW-Authenticate", "WwwAuthenticate")),
    },
    Status {
        code: 403,
        name: "Forbidden",
        means: "The caller may see it, but not do this: a role is missing (`access.denied`), the token's scopes leave it out (`token.scope`), \
                another kind of token is needed, or a browser sent a write for another site (`cross_site`).",
        types: &["AccessDeniedException"],
        example: (
            "access.denied",
            "You may see this, but not change it. Ask an administrator of the file for a role that may.",
        ),
        header: None,
    },
    Status {
        code: 404,
        name: "NotFound",
        means: "It does not exist, or the caller may not know that it does: one answer for both.",
        types: &["VssResourceNotFoundException"],
        example: ("not_found", "It was not found, or you may not see it."),
        header: None,
    },
    Status {
        code: 408,
        name: "RequestTimeout",
        means: "The body stood still for 30 seconds, or took too long in all.",
        types: &["VssServiceException"],
        example: (
            "body.timeout",
            "The request's body did not arrive in time. Send it again over a steadier connection.",
        ),
        header: None,
    },
    Status {
        code: 409,
        name: "Conflict",
        means: "It does not fit what is there.",
        types: &[],
        example: ("", ""),
        header: None,
    },
    Status {
        code: 413,
        name: "ContentTooLarge",
        means: "The body is larger than the route takes: 1 MiB of JSON, unless its description says otherwise.",
        types: &["VssServiceException"],
        example: (
            "body.too_large",
            "The request's body is larger than this route takes (1048576 bytes).",
        ),
        header: None,
    },
    Status {
        code: 415,
        name: "UnsupportedMediaType",
        means: "The route does not read a body of that type.",
        types: &["VssServiceException"],
        example: (
            "content_type.unsupported",
            "This route reads JSON. Send the header 'Content-Type: application/json'.",
        ),
        header: None,
    },
    Status {
        code: 429,
        name: "TooManyRequests",
        means: "Too many attempts with wrong credentials from this address.",
        types: &["TooManyAttemptsException"],
        example: (
            "rate.limited",
            "Too many attempts from this address. Try again in a moment.",
        ),
        header: Some(("Retry-After", "RetryAfter")),
    },
    Status {
        code: 500,
        name: "InternalError",
        means: "A mistake of ours, or of the machine. The message names an activity id, which the server's log has too, and nothing else.",
        types: &["VssServiceException"],
        example: (
            "internal",
            "Something went wrong inside the server. Tell its administrator the activity id 5a8e2f6c-90ab-4cde-9f01-23456789abcd: the server's log has the details.",
        ),
        header: None,
    },
    Status {
        code: 503,
        name: "Unavailable",
        means: "The server cannot do this now. Try again later.",
        types: &["VssServiceException"],
        example: (
            "unavailable",
            "The server cannot do this now. Try again in a few seconds.",
        ),
        header: Some(("Retry-After", "RetryAfter")),
    },
];

/// What of a route decides which errors every such route has.
pub(super) struct Class {
    pub(super) auth: Auth,
    /// Whether its path has places for ids.
    pub(super) places: bool,
    pub(super) body: bool,
}

impl Class {
    fn has(&self, status: u16) -> bool {
        match status {
            401 => self.auth != Auth::Anonymous,
            404 => self.places || self.auth == Auth::Token,
            408 | 413 | 415 => self.body,
            409 => false,
            _ => true,
        }
    }
}

fn known(code: &str) -> Option<(Kind, &'static str)> {
    let row = KNOWN.iter().find(|(known, ..)| *known == code)?;
    Some((row.1, row.2))
}

/// The error answers of a route of this class with these codes of its own: by status, a reference to the shared answer
/// where nothing is its own.
///
/// # Panics
/// When a code is none that is known: a test builds the document.
pub(super) fn answers(class: &Class, codes: &BTreeSet<&'static str>) -> Map<String, Value> {
    let mut own: BTreeMap<u16, Vec<(&str, &str, &str)>> = BTreeMap::new();
    for code in codes {
        let found = known(code);
        debug_assert!(found.is_some(), "openapi/errors.rs does not know {code}");
        let Some((kind, means)) = found else { continue };
        let (status, (_, type_key)) = type_of(kind, code);
        own.entry(status.as_u16())
            .or_default()
            .push((code, type_key, means));
    }
    let mut answers = Map::new();
    for status in STATUSES {
        let own = own.remove(&status.code).unwrap_or_default();
        if own.is_empty() {
            if class.has(status.code) {
                let shared = format!("#/components/responses/{}", status.name);
                answers.insert(status.code.to_string(), json!({ "$ref": shared }));
            }
            continue;
        }
        let common = class.has(status.code);
        answers.insert(status.code.to_string(), particular(status, common, &own));
    }
    answers
}

/// An answer with codes of its own: each with what it means.
fn particular(status: &Status, common: bool, own: &[(&str, &str, &str)]) -> Value {
    let mut text = String::new();
    for (code, _, means) in own {
        text.push_str(&format!("`{code}`: {means}\n\n"));
    }
    if common && !matches!(status.code, 404 | 413) {
        text.push_str(status.means);
    }
    let mut types: Vec<&str> = if common {
        status.types.to_vec()
    } else {
        Vec::new()
    };
    for (_, type_key, _) in own {
        if !types.contains(type_key) {
            types.push(type_key);
        }
    }
    let mut answer = answer(status, text.trim_end(), &types);
    let codes: Vec<_> = own.iter().map(|(code, ..)| *code).collect();
    answer["x-codes"] = json!(codes);
    answer
}

/// The answers that routes share.
pub(super) fn shared() -> Map<String, Value> {
    STATUSES
        .iter()
        .filter(|status| !status.types.is_empty())
        .map(|status| {
            let mut answer = answer(status, status.means, status.types);
            answer["content"]["application/json"]["example"] = example(status);
            (status.name.to_owned(), answer)
        })
        .collect()
}

fn answer(status: &Status, means: &str, types: &[&str]) -> Value {
    let mut headers = json!({ "ActivityId": { "$ref": "#/components/headers/ActivityId" } });
    if let Some((header, component)) = status.header {
        headers[header] = json!({ "$ref": format!("#/components/headers/{component}") });
    }
    json!({
        "description": means,
        "headers": headers,
        "content": {
            "application/json": {
                "schema": {
                    "$ref": "#/components/schemas/ErrorEnvelope",
                    "properties": { "typeKey": { "enum": types } },
                },
            },
        },
    })
}

/// An envelope as the server would write it.
fn example(status: &Status) -> Value {
    let (code, message) = status.example;
    let (_, (namespace, type_key)) = type_of(kind_of(status.code), code);
    let mut envelope = ErrorEnvelope::new(namespace, type_key, message);
    envelope.custom_properties = Some(CustomProperties {
        code: code.to_owned(),
        ..CustomProperties::default()
    });
    serde_json::to_value(envelope).unwrap_or_default()
}

/// The kind whose type errors of a status have.
fn kind_of(status: u16) -> Kind {
    match status {
        400 => Kind::Invalid,
        401 => Kind::Unauthenticated,
        403 => Kind::Forbidden,
        404 => Kind::NotFound,
        429 => Kind::TooMany,
        503 => Kind::Unavailable,
        // What HTTP itself refuses has the type of mistakes.
        _ => Kind::Internal,
    }
}
