//! The document, made of the table of routes and of what is written about each of them.

use super::errors::{self, Class};
use super::groups;
use super::operation::{Answer, Content, Operation, Parameter};
use super::places::{Place, names};
use super::schemas::{Schemas, Way};
use crate::auth::Auth;
use crate::routes::{Route, table};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

const ABOUT: &str = "\
Secure files for pipelines: the REST API of Coffer. It speaks the Azure DevOps REST API where that has a route, so that clients \
and tasks written for Azure Pipelines work unchanged, and has routes of its own below `_apis/coffer`.

**Paths** are relative to `{server}/{organization}`. Organization and fixed segments match in any case, repeated and trailing \
slashes do not count, and nothing is ever redirected. Every `GET` answers `HEAD` as well, except with a download ticket.

Outside of it: `GET /healthz` says whether the process answers, `GET /readyz` whether its database does; neither needs a token.

**Signing in.** Send a token as the password of Basic authentication, with any user name, or as Bearer; exactly one \
`Authorization` header. Cookies are ignored, and a write that a browser sends for another site is refused. Bad or missing credentials \
are always 401, never a redirect or a page.

**Versions.** `api-version` is read from the query, from each media type of `Accept` (`application/json;api-version=7.1`), then from \
`Content-Type`. None is fine, and previews need no flag. `x-azure-devops` of an operation says since which version the \
original has it, and whether it calls it a preview (`releasedVersion` is `0.0`).

**Lists** are wrapped: `{\"count\":1,\"value\":[…]}`. With the parameter `noArrayWrap=true` in a media type of `Accept`, they are bare arrays.

**Enums and dates.** Enums are written as words in camelCase and read in any case, as word or number. `enumsAsNumbers=true` in a media type of \
`Accept` writes those of the original as numbers, `msDateFormat=true` writes dates as `/Date(milliseconds)/`.

**Errors** are one shape, the `ErrorEnvelope`. Programs switch on `typeKey`, as for the original, or on `customProperties.code`, which is \
finer and never changes. The header `ActivityId` finds the request in the server's log.

**New members** may appear in answers at any time; what a client does not know it is to ignore.";

const BASIC: &str = "A token as the password, with any user name: `curl -u :$COFFER_TOKEN`.";
const BEARER: &str = "A token: `Authorization: Bearer cof_pat_…`.";
const AGENT: &str = "A registered agent's Ed25519 signature over method, path and the body's digest, as HTTP Message Signatures (RFC 9421) in one fixed profile: \
the headers `Content-Digest`, `Signature-Input` and `Signature`, label `coffer`.";

/// The document, with an address to fill in.
pub(crate) fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(make);
    &DOCUMENT
}

fn make() -> Value {
    let mut schemas = Schemas::new();
    // Errors refer to it by name.
    schemas.of(
        &super::operation::Shape::of::<coffer_wire::ErrorEnvelope>(),
        Way::Answer,
    );
    let (mut paths, mut tags, mut parameters) = (Map::new(), Vec::new(), shared_parameters());
    let routes = table();
    for group in groups() {
        tags.push(json!({ "name": group.name, "description": group.about }));
        for operation in &group.operations {
            let route = routes.iter().find(|route| {
                let info = route.info();
                (info.method, info.template) == (operation.method, operation.template)
            });
            let Some(route) = route else { continue };
            let item = paths
                .entry(format!("/{}", operation.template))
                .or_insert_with(|| path_item(operation.template, &mut parameters));
            item[operation.method.to_lowercase()] =
                describe(group.name, operation, route, &mut schemas);
        }
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Coffer",
            "summary": "Secure files for pipelines.",
            "description": ABOUT,
            "version": "7.1",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{
            "url": "{server}/{organization}",
            "description": "Where your server is, and its organization.",
            "variables": {
                "server": { "default": "http://127.0.0.1:8080", "description": "Scheme, host, port and a prefix, if there is one." },
                "organization": { "default": "DefaultCollection" },
            },
        }],
        "security": [{ "basic": [] }, { "bearer": [] }],
        "tags": tags,
        "paths": paths,
    });
    let schemas = schemas.finish(&mut document);
    document["components"] = json!({
        "schemas": schemas,
        "responses": errors::shared(),
        "parameters": parameters,
        "headers": headers(),
        "securitySchemes": {
            "basic": { "type": "http", "scheme": "basic", "description": BASIC },
            "bearer": { "type": "http", "scheme": "bearer", "description": BEARER },
            "agentSignature": { "type": "apiKey", "in": "header", "name": "Signature", "description": AGENT },
        },
    });
    document
}

fn shared_parameters() -> Map<String, Value> {
    let version = json!({
        "name": "api-version",
        "in": "query",
        "description": "The version of the API, such as `7.1` or `7.2-preview.1`. `7.1` when absent; at most `7.2`.",
        "schema": { "type": "string", "pattern": "^[0-9]{1,4}\\.[0-9]{1,4}(-[Pp]review(\\.[0-9]{1,4})?)?$" },
        "example": "7.1",
    });
    Map::from_iter([("apiVersion".to_owned(), version)])
}

fn headers() -> Value {
    let text = |means: &str| json!({ "description": means, "schema": { "type": "string" } });
    json!({
        "ActivityId": {
            "description": "The request's id: the server's log and its audit events have it too.",
            "schema": { "type": "string", "format": "uuid" },
        },
        "ContentDisposition": text("With `download=true`: an attachment with the file's name."),
        "ContinuationToken": text("Where the next page begins. Absent on the last one."),
        "RetryAfter": {
            "description": "After how many seconds it may be tried again.",
            "schema": { "type": "integer", "minimum": 0 },
        },
        "WwwAuthenticate": text("How to show who one is: `Basic` and `Bearer`, one header each."),
    })
}

/// A path, with what all its operations have in common.
fn path_item(template: &str, parameters: &mut Map<String, Value>) -> Value {
    let mut list = Vec::new();
    for name in names(template) {
        let place = Place::of(template, name);
        debug_assert!(
            place.is_some(),
            "openapi/places.rs does not know {{{name}}}"
        );
        let Some(place) = place else { continue };
        parameters
            .entry(place.component)
            .or_insert_with(|| place.parameter(name));
        list.push(json!({ "$ref": format!("#/components/parameters/{}", place.component) }));
    }
    list.push(json!({ "$ref": "#/components/parameters/apiVersion" }));
    json!({ "parameters": list })
}

fn describe(tag: &str, operation: &Operation, route: &Route, schemas: &mut Schemas) -> Value {
    let auth = route.auth();
    let mut text = operation.about.to_owned();
    if !operation.who.is_empty() {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str("**Who may:** ");
        text.push_str(operation.who);
    }
    let mut out = json!({
        "operationId": operation.id,
        "tags": [tag],
        "summary": operation.summary,
        "description": text,
    });
    if let Some(location) = route.location() {
        let (min, max, released) = location.versions();
        out["x-azure-devops"] = json!({
            "locationId": location.id,
            "area": location.area,
            "resource": location.resource,
            "minVersion": min,
            "maxVersion": max,
            "releasedVersion": released,
        });
    }
    match auth {
        Auth::Token => {}
        Auth::Agent => out["security"] = json!([{ "agentSignature": [] }]),
        _ => out["security"] = json!([]),
    }
    if !operation.query.is_empty() {
        out["parameters"] = operation.query.iter().map(query).collect();
    }
    if !operation.body.is_empty() {
        out["requestBody"] = json!({
            "required": operation.body_required,
            "content": contents(&operation.body, Way::Request, schemas),
        });
    }
    out["responses"] = answers(operation, auth, schemas);
    out
}

fn query(parameter: &Parameter) -> Value {
    let mut out = json!({ "name": parameter.name, "in": "query", "description": parameter.means });
    if parameter.required {
        out["required"] = json!(true);
    }
    out["schema"] = parameter.schema.clone();
    if let Some(example) = &parameter.example {
        out["example"] = example.clone();
    }
    out
}

/// By media type. Several of one type are alternatives.
fn contents(contents: &[Content], way: Way, schemas: &mut Schemas) -> Value {
    let mut out = Map::new();
    for kind in contents.iter().map(|content| content.kind) {
        if out.contains_key(kind) {
            continue;
        }
        let same: Vec<_> = contents
            .iter()
            .filter(|content| content.kind == kind)
            .collect();
        let mut media = Map::new();
        if let [only] = same.as_slice() {
            media.insert("schema".into(), schemas.of(&only.shape, way));
            if !only.example.is_null() {
                media.insert("example".into(), only.example.clone());
            }
            let lines: Vec<Value> = only
                .lines
                .iter()
                .map(|shape| schemas.of(shape, way))
                .collect();
            if !lines.is_empty() {
                media.insert("x-lines".into(), json!({ "anyOf": lines }));
            }
        } else {
            let shapes: Vec<Value> = same.iter().map(|one| schemas.of(&one.shape, way)).collect();
            media.insert("schema".into(), json!({ "anyOf": shapes }));
            let examples = (1..)
                .zip(&same)
                .map(|(n, one)| (n.to_string(), json!({ "value": one.example })));
            media.insert("examples".into(), Value::Object(examples.collect()));
        }
        out.insert(kind.to_owned(), Value::Object(media));
    }
    Value::Object(out)
}

fn answers(operation: &Operation, auth: Auth, schemas: &mut Schemas) -> Value {
    let mut out = Map::new();
    for answer in &operation.answers {
        out.insert(answer.status.to_string(), good(answer, schemas));
    }
    let mut codes: BTreeSet<_> = operation.codes.iter().copied().collect();
    codes.extend(
        names(operation.template).filter_map(|name| Place::of(operation.template, name)?.code),
    );
    let class = Class {
        auth,
        places: operation.template.contains('{'),
        body: !operation.body.is_empty(),
    };
    out.extend(errors::answers(&class, &codes));
    Value::Object(out)
}

fn good(answer: &Answer, schemas: &mut Schemas) -> Value {
    let mut headers = json!({ "ActivityId": { "$ref": "#/components/headers/ActivityId" } });
    for component in &answer.headers {
        let name = match *component {
            "ContentDisposition" => "Content-Disposition",
            "ContinuationToken" => "X-MS-ContinuationToken",
            other => other,
        };
        headers[name] = json!({ "$ref": format!("#/components/headers/{component}") });
    }
    let mut out = json!({ "description": answer.means, "headers": headers });
    if !answer.contents.is_empty() {
        out["content"] = contents(&answer.contents, Way::Answer, schemas);
    }
    out
}
