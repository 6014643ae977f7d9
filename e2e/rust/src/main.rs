//! Drives `azure_devops_rust_api` for a story: a call as a line of JSON in, its result as a line of JSON out.
//!
//! It says first which version it is built with. A call names the crate's module, the client in it, the method, and the arguments as the crate calls them:
//! `{"client": "pipelines.runs", "method": "list", "arguments": {"project": "Main", "pipeline_id": 1}}`.
//! It asserts nothing and knows no route: that is what stories and clients are for.

use azure_core::http::{RetryOptions, Url};
use azure_devops_rust_api::{
    Credential, approvals_and_checks, build, core, graph, pipelines, security, security_roles,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io::{BufRead as _, Write as _};

const CRATE: &str = "azure_devops_rust_api";

type Failure = Box<dyn std::error::Error>;

/// Where the server is, and which organization: the crate wants them apart.
struct Site {
    endpoint: Url,
    organization: String,
    token: String,
}

/// A client of one of the crate's modules.
macro_rules! client {
    ($site:ident, $module:ident, $client:ident) => {
        $module::ClientBuilder::new(Credential::from_pat(&$site.token))
            .endpoint($site.endpoint.clone())
            .retry(RetryOptions::none())
            .build()
            .$client()
    };
}

struct Arguments(Value);

impl Arguments {
    fn text(&self, name: &str) -> String {
        self.0[name].as_str().unwrap_or_default().to_owned()
    }

    fn number(&self, name: &str) -> i32 {
        self.0[name]
            .as_i64()
            .and_then(|number| i32::try_from(number).ok())
            .unwrap_or_default()
    }

    fn flag(&self, name: &str) -> bool {
        self.0[name] == true
    }

    fn given(&self, name: &str) -> bool {
        !self.0[name].is_null()
    }

    fn body<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        Ok(serde_json::from_value(self.0["body"].clone())?)
    }
}

/// What the client made of the answer.
fn shown(value: impl serde::Serialize) -> Result<Value, Failure> {
    Ok(serde_json::to_value(value)?)
}

/// A method that this program does not know: a mistake of the story, not of the crate.
fn unknown(client: &str, method: &str) -> ! {
    panic!("{client}.{method} is not driven");
}

async fn call(site: &Site, client: &str, method: &str, a: &Arguments) -> Result<Value, Failure> {
    match client.split_once('.').unwrap_or_default() {
        ("approvals_and_checks", rest) => checks(site, rest, method, a).await,
        ("security_roles", rest) => roles(site, rest, method, a).await,
        ("security", rest) => lists(site, rest, method, a).await,
        ("pipelines", rest) => runs(site, rest, method, a).await,
        ("build", rest) => builds(site, rest, method, a).await,
        ("core", "projects") => {
            let projects = client!(site, core, projects_client);
            let organization = site.organization.as_str();
            match method {
                "list" => shown(projects.list(organization).await?),
                "get" => {
                    let asked = projects.get(organization, a.text("project_id"));
                    shown(asked.include_capabilities(true).await?)
                }
                _ => unknown(client, method),
            }
        }
        ("graph", rest) => people(site, rest, method, a).await,
        _ => unknown(client, method),
    }
}

async fn checks(site: &Site, client: &str, method: &str, a: &Arguments) -> Result<Value, Failure> {
    let organization = site.organization.as_str();
    let (project, kind, id) = (
        a.text("project"),
        a.text("resource_type"),
        a.text("resource_id"),
    );
    if client == "check_configurations" && method == "list" {
        let configurations = client!(site, approvals_and_checks, check_configurations_client);
        let asked = configurations.list(organization, project);
        return shown(asked.resource_type(kind).resource_id(id).await?);
    }
    let permissions = client!(site, approvals_and_checks, pipeline_permissions_client);
    match (client, method) {
        ("pipeline_permissions", "get") => {
            shown(permissions.get(organization, project, kind, id).await?)
        }
        ("pipeline_permissions", "update_pipeline_permisions_for_resource") => {
            let body: approvals_and_checks::models::ResourcePipelinePermissions = a.body()?;
            let changed = permissions.update_pipeline_permisions_for_resource(
                organization,
                body,
                project,
                kind,
                id,
            );
            shown(changed.await?)
        }
        ("pipeline_permissions", "update_pipeline_permisions_for_resources") => {
            let changed = permissions.update_pipeline_permisions_for_resources(
                organization,
                a.body()?,
                project,
            );
            shown(changed.await?)
        }
        _ => unknown(client, method),
    }
}

async fn roles(site: &Site, client: &str, method: &str, a: &Arguments) -> Result<Value, Failure> {
    let organization = site.organization.as_str();
    let (scope, id, identity) = (
        a.text("scope_id"),
        a.text("resource_id"),
        a.text("identity_id"),
    );
    if client == "roledefinitions" && method == "list" {
        let definitions = client!(site, security_roles, roledefinitions_client);
        return shown(definitions.list(scope, organization).await?);
    }
    let assignments = client!(site, security_roles, roleassignments_client);
    match (client, method) {
        ("roleassignments", "list") => shown(assignments.list(scope, id, organization).await?),
        ("roleassignments", "set_role_assignments") => shown(
            assignments
                .set_role_assignments(a.body()?, scope, id, organization)
                .await?,
        ),
        ("roleassignments", "set_role_assignment") => {
            let body: security_roles::models::UserRoleAssignmentRef = a.body()?;
            let set = assignments.set_role_assignment(body, scope, id, identity, organization);
            shown(set.await?)
        }
        ("roleassignments", "remove_role_assignment") => shown(
            assignments
                .remove_role_assignment(scope, id, identity, organization)
                .await?,
        ),
        ("roleassignments", "remove_role_assignments") => shown(
            assignments
                .remove_role_assignments(a.body()?, scope, id, organization)
                .await?,
        ),
        ("roleassignments", "change_inheritance") => {
            let inherit = a.flag("inherit_permissions");
            shown(
                assignments
                    .change_inheritance(scope, id, inherit, organization)
                    .await?,
            )
        }
        _ => unknown(client, method),
    }
}

async fn lists(site: &Site, client: &str, method: &str, a: &Arguments) -> Result<Value, Failure> {
    let organization = site.organization.as_str();
    let (namespace, token) = (a.text("security_namespace_id"), a.text("token"));
    match (client, method) {
        ("access_control_lists", "query") => {
            let asked = client!(site, security, access_control_lists_client)
                .query(namespace, organization)
                .token(token);
            shown(asked.include_extended_info(true).await?)
        }
        ("access_control_entries", "set_access_control_entries") => {
            let entries = client!(site, security, access_control_entries_client);
            let body = a.0["body"].clone();
            shown(
                entries
                    .set_access_control_entries(body, namespace, organization)
                    .await?,
            )
        }
        ("access_control_entries", "remove_access_control_entries") => {
            let removed = client!(site, security, access_control_entries_client)
                .remove_access_control_entries(namespace, organization)
                .token(token)
                .descriptors(a.text("descriptors"));
            shown(removed.await?)
        }
        ("permissions", "has_permissions") => {
            let asked = client!(site, security, permissions_client)
                .has_permissions(namespace, organization, a.number("permissions"))
                .tokens(a.text("tokens"));
            shown(asked.await?)
        }
        ("permissions", "has_permissions_batch") => {
            let body: security::models::PermissionEvaluationBatch = a.body()?;
            let permissions = client!(site, security, permissions_client);
            shown(
                permissions
                    .has_permissions_batch(body, organization)
                    .await?,
            )
        }
        ("security_namespaces", "query") => {
            let namespaces = client!(site, security, security_namespaces_client);
            shown(namespaces.query(organization, namespace).await?)
        }
        _ => unknown(client, method),
    }
}

async fn runs(site: &Site, client: &str, method: &str, a: &Arguments) -> Result<Value, Failure> {
    let organization = site.organization.as_str();
    let (project, pipeline, run) = (
        a.text("project"),
        a.number("pipeline_id"),
        a.number("run_id"),
    );
    match (client, method) {
        ("pipelines", "list") => {
            let pipelines = client!(site, pipelines, pipelines_client);
            shown(pipelines.list(organization, project).await?)
        }
        ("pipelines", "get") => {
            let pipelines = client!(site, pipelines, pipelines_client);
            shown(pipelines.get(organization, project, pipeline).await?)
        }
        ("preview", "preview") => {
            let body: pipelines::models::RunPipelineParameters = a.body()?;
            let preview = client!(site, pipelines, preview_client);
            shown(
                preview
                    .preview(organization, body, project, pipeline)
                    .await?,
            )
        }
        ("runs", "run_pipeline") => {
            let body: pipelines::models::RunPipelineParameters = a.body()?;
            let runs = client!(site, pipelines, runs_client);
            shown(
                runs.run_pipeline(organization, body, project, pipeline)
                    .await?,
            )
        }
        ("runs", "list") => {
            let runs = client!(site, pipelines, runs_client);
            shown(runs.list(organization, project, pipeline).await?)
        }
        ("runs", "get") => {
            let runs = client!(site, pipelines, runs_client);
            shown(runs.get(organization, project, pipeline, run).await?)
        }
        ("logs", "list") => {
            let logs = client!(site, pipelines, logs_client);
            shown(logs.list(organization, project, pipeline, run).await?)
        }
        _ => unknown(client, method),
    }
}

async fn builds(site: &Site, client: &str, method: &str, a: &Arguments) -> Result<Value, Failure> {
    let organization = site.organization.as_str();
    let (project, id) = (a.text("project"), a.number("build_id"));
    let definition = a.number("definition_id");
    match (client, method) {
        ("builds", "list") => {
            let asked = client!(site, build, builds_client).list(organization, project);
            let asked = match a.given("definitions") {
                true => asked.definitions(a.text("definitions")),
                false => asked,
            };
            shown(asked.await?)
        }
        ("builds", "get") => {
            let builds = client!(site, build, builds_client);
            shown(builds.get(organization, project, id).await?)
        }
        ("builds", "update_build") => {
            let body: build::models::Build = a.body()?;
            let builds = client!(site, build, builds_client);
            shown(builds.update_build(organization, body, project, id).await?)
        }
        ("builds", "get_build_logs") => {
            let builds = client!(site, build, builds_client);
            shown(builds.get_build_logs(organization, project, id).await?)
        }
        ("builds", "get_build_log") => {
            let builds = client!(site, build, builds_client);
            shown(
                builds
                    .get_build_log(organization, project, id, a.number("log_id"))
                    .await?,
            )
        }
        ("timeline", "get") => {
            let timeline = client!(site, build, timeline_client);
            shown(
                timeline
                    .get(organization, project, id, a.text("timeline_id"))
                    .await?,
            )
        }
        ("authorizedresources", "list") => {
            let resources = client!(site, build, authorizedresources_client);
            shown(
                resources
                    .list(organization, project)
                    .type_("securefile")
                    .await?,
            )
        }
        ("authorizedresources", "authorize_project_resources") => {
            let resources = client!(site, build, authorizedresources_client);
            shown(
                resources
                    .authorize_project_resources(organization, a.body()?, project)
                    .await?,
            )
        }
        ("resources", "list") => {
            let resources = client!(site, build, resources_client);
            shown(resources.list(organization, project, definition).await?)
        }
        ("resources", "authorize_definition_resources") => {
            let body = a.body()?;
            let resources = client!(site, build, resources_client);
            shown(
                resources
                    .authorize_definition_resources(organization, body, project, definition)
                    .await?,
            )
        }
        ("definitions", "list") => {
            let definitions = client!(site, build, definitions_client);
            shown(definitions.list(organization, project).await?)
        }
        _ => unknown(client, method),
    }
}

async fn people(site: &Site, client: &str, method: &str, a: &Arguments) -> Result<Value, Failure> {
    let organization = site.organization.as_str();
    let (subject, container) = (a.text("subject_descriptor"), a.text("container_descriptor"));
    match (client, method) {
        ("groups", "list") => {
            let asked = client!(site, graph, groups_client).list(organization);
            shown(asked.scope_descriptor(a.text("scope_descriptor")).await?)
        }
        ("users", "list") => shown(
            client!(site, graph, users_client)
                .list(organization)
                .await?,
        ),
        ("users", "get") => {
            let users = client!(site, graph, users_client);
            shown(users.get(organization, subject).await?)
        }
        ("memberships", "add") => {
            let memberships = client!(site, graph, memberships_client);
            shown(memberships.add(organization, subject, container).await?)
        }
        ("memberships", "list") => {
            let asked = client!(site, graph, memberships_client).list(organization, subject);
            shown(asked.await?)
        }
        ("descriptors", "get") => {
            let descriptors = client!(site, graph, descriptors_client);
            shown(descriptors.get(a.text("storage_key"), organization).await?)
        }
        ("storage_keys", "get") => {
            let keys = client!(site, graph, storage_keys_client);
            shown(keys.get(subject, organization).await?)
        }
        ("subject_query", "query") => {
            let body: graph::models::GraphSubjectQuery = a.body()?;
            let query = client!(site, graph, subject_query_client);
            shown(query.query(organization, body).await?)
        }
        _ => unknown(client, method),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let (url, token) = (std::env::var("COFFER_URL")?, std::env::var("COFFER_TOKEN")?);
    let (endpoint, organization) = url
        .rsplit_once('/')
        .ok_or("no organization in COFFER_URL")?;
    let site = Site {
        endpoint: Url::parse(endpoint)?,
        organization: organization.into(),
        token,
    };
    say(&json!({"package": CRATE, "version": version().ok_or("no version in Cargo.lock")?}))?;
    for line in std::io::stdin().lock().lines() {
        let mut asked: Value = serde_json::from_str(&line?)?;
        let arguments = Arguments(asked["arguments"].take());
        let words = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
        let answer = match call(&site, &words("client"), &words("method"), &arguments).await {
            Ok(result) => json!({"ok": true, "result": result}),
            Err(error) => json!({"ok": false, "message": said(&*error)}),
        };
        say(&answer)?;
    }
    Ok(())
}

fn say(line: &Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// The version of the crate, as the lock file has it.
fn version() -> Option<&'static str> {
    let lock = include_str!("../Cargo.lock");
    let (_, rest) = lock.split_once(&format!("name = \"{CRATE}\"\nversion = \""))?;
    rest.split('"').next()
}

/// An error with everything behind it.
fn said(error: &dyn std::error::Error) -> String {
    let behind = std::iter::successors(error.source(), |error| error.source());
    behind.fold(error.to_string(), |all, error| format!("{all}: {error}"))
}
