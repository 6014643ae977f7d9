//! Projects to walk through, and the people, jobs and agents who try. Nothing here says who may do what.

use coffer_model::library::IdentityKind;
use coffer_model::{IdentityId, descriptor};
use coffer_testkit::{LeasedJob, TestAgent, TestServer, User, random_guid};
use coffer_wire::coffer::{GroupReference, TokenRequest, User as NewUser};
use coffer_wire::graph::NewGraphGroup;
use coffer_wire::paths::fill;
use serde_json::{Value, json};

/// A project with something of everything in it.
pub(super) struct Tenant {
    /// Its name.
    pub(super) project: String,
    /// Its id.
    id: String,
    /// One of its administrators.
    pub(super) keeper: User,
    /// Things that nobody changes, for looking at.
    shared: Things,
}

/// One of each thing.
#[derive(Clone, Default)]
struct Things {
    file: String,
    pipeline: String,
    run: String,
    timeline: String,
    log: String,
    agent: String,
    job: String,
    token: String,
}

const YAML: &str = "steps:\n- script: echo\n";

/// Somebody new in groups of a project.
pub(super) async fn person(
    server: &TestServer,
    name: &str,
    project: &str,
    groups: &[&str],
) -> User {
    let administrator = server.administrator().client.coffer();
    let groups = groups.iter().map(|name| GroupReference {
        project: Some(project.to_owned()),
        name: (*name).to_owned(),
    });
    let user = NewUser {
        id: None,
        unique_name: name.into(),
        display_name: None,
        disabled: false,
        groups: groups.collect(),
    };
    administrator.add_user(&user).await.unwrap();
    let request = TokenRequest {
        label: "walk".into(),
        days: 30,
        user: Some(name.into()),
        kind: None,
        scope: None,
    };
    let token = administrator.create_token(&request).await.unwrap().token;
    server.holder(&token)
}

async fn asked(user: &User, method: &str, path: &str, body: Value) -> Value {
    user.call(method, path).json(&body).send().await.ok().json()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Tenant {
    /// A project of this name, made if it is not there, with a run that has ended.
    pub(super) async fn of(server: &TestServer, project: &str, agent: &TestAgent) -> Self {
        let administrator = server.administrator();
        let made = administrator.call("POST", "_apis/coffer/projects");
        made.json(&json!({ "name": project })).send().await;
        let name = server.unique("keeper");
        let keeper = person(server, &name, project, &["Project Administrators"]).await;
        let projects = keeper.client.coffer().projects().await.unwrap();
        let id = projects[0].id.unwrap().to_string();
        let mut tenant = Self {
            project: project.to_owned(),
            id,
            keeper,
            shared: Things::default(),
        };
        tenant.shared = Things {
            file: tenant.file(server).await,
            pipeline: tenant.pipeline(server).await,
            ..Things::default()
        };
        let (run, job) = tenant.job(server, agent).await;
        let logs = tenant.path("{project}/_apis/build/builds/{b}/logs", &[&run]);
        agent.feed(&job, lines(&job)).await.unwrap();
        agent.finish(&job, "succeeded").await.unwrap();
        let logs = tenant.keeper.get(&logs).await.ok().json();
        tenant.shared.log = text(&logs["value"][0]["id"]);
        tenant.shared.timeline = job.job.timeline_id.to_string();
        tenant.shared.job = job.job.job_id.to_string();
        tenant.shared.agent = agent.client.agent_id().to_string();
        tenant.shared.run = run;
        let tokens = tenant.keeper.client.coffer().tokens().await.unwrap();
        tenant.shared.token = tokens[0].id.to_string();
        tenant
    }

    fn path(&self, template: &str, rest: &[&str]) -> String {
        let mut values = vec![self.project.as_str()];
        values.extend(rest);
        fill(template, &values)
    }

    async fn file(&self, server: &TestServer) -> String {
        let path = self.path("{project}/_apis/distributedtask/securefiles", &[]);
        let path = format!("{path}?name={}", server.unique("file"));
        let call = self.keeper.call("POST", &path);
        let call = call.body("application/octet-stream", "some content");
        text(&call.send().await.ok().json()["id"])
    }

    /// A file that nobody but its owner sees, whatever their role in the library.
    pub(super) async fn hidden(&self, server: &TestServer) -> String {
        let name = server.unique("hider");
        let owner = person(server, &name, &self.project, &["Contributors"]).await;
        let path = self.path("{project}/_apis/distributedtask/securefiles", &[]);
        let path = format!("{path}?name={name}.pem");
        let call = owner.call("POST", &path);
        let call = call.body("application/octet-stream", "some content");
        let file = text(&call.send().await.ok().json()["id"]);
        let path = format!(
            "_apis/securityroles/scopes/distributedtask.securefile/roleassignments/resources/{}${file}?inheritPermissions=false",
            self.id
        );
        owner.call("PATCH", &path).send().await.ok();
        file
    }

    /// The descriptor of a group of the project.
    async fn group(&self, server: &TestServer, fresh: bool) -> String {
        let graph = self.keeper.client.graph();
        let scope = graph.descriptor(&self.id).await.unwrap();
        if fresh {
            let new = NewGraphGroup {
                display_name: Some(server.unique("group")),
                ..NewGraphGroup::default()
            };
            let made = graph.create_group(Some(&scope), &new).await.unwrap();
            return made.descriptor;
        }
        let groups = graph.groups(Some(&scope)).await.unwrap();
        groups[0].descriptor.clone()
    }

    /// Id and descriptor of a person.
    async fn somebody(&self, server: &TestServer, fresh: bool) -> (String, String) {
        let name = "ada.admin".to_owned();
        let name = if fresh { server.unique("person") } else { name };
        if fresh {
            person(server, &name, &self.project, &[]).await;
        }
        let users = server.administrator().client.graph().users().await.unwrap();
        let found = users.into_iter().find(|user| user.principal_name == name);
        let found = found.unwrap();
        (found.origin_id, found.descriptor)
    }

    async fn pipeline(&self, server: &TestServer) -> String {
        let configuration = json!({ "type": "yaml", "path": "a.yml", "yaml": YAML });
        let body = json!({ "name": server.unique("pipeline"), "configuration": configuration });
        let path = self.path("{project}/_apis/pipelines", &[]);
        text(&asked(&self.keeper, "POST", &path, body).await["id"])
    }

    async fn run(&self, server: &TestServer) -> String {
        let pipeline = self.pipeline(server).await;
        let path = self.path("{project}/_apis/pipelines/{p}/runs", &[&pipeline]);
        text(&asked(&self.keeper, "POST", &path, json!({})).await["id"])
    }

    /// A run, and its job in the agent's hands. Jobs of other runs that were ready before are ended.
    pub(super) async fn job(&self, server: &TestServer, agent: &TestAgent) -> (String, LeasedJob) {
        let run = self.run(server).await;
        loop {
            let job = agent.job().await;
            if job.job.run_id.to_string() == run {
                return (run, job);
            }
            agent.finish(&job, "succeeded").await.unwrap();
        }
    }

    /// What goes into a place of a path, query or body. With `fresh`, a thing of its own, which may be destroyed.
    pub(super) async fn value(&self, server: &TestServer, place: &str, fresh: bool) -> String {
        match place {
            "project" => self.project.clone(),
            "projectId" => self.id.clone(),
            "secureFileId" | "resourceId" if fresh => self.file(server).await,
            "secureFileId" | "resourceId" => self.shared.file.clone(),
            "pipelineId" | "definitionId" if fresh => self.pipeline(server).await,
            "pipelineId" | "definitionId" => self.shared.pipeline.clone(),
            "runId" | "buildId" if fresh => self.run(server).await,
            "runId" | "buildId" => self.shared.run.clone(),
            "timelineId" => self.shared.timeline.clone(),
            "logId" => self.shared.log.clone(),
            "agentId" => self.shared.agent.clone(),
            "poolAgentId" => {
                let agent = server.agent(&server.unique("spare")).await;
                agent.client.agent_id().to_string()
            }
            "keeperId" => id_of(&self.keeper).await,
            "identityId" => id_of(server.administrator()).await,
            "jobId" => self.shared.job.clone(),
            "operationId" | "storageKey" => self.id.clone(),
            "groupDescriptor" | "containerDescriptor" => self.group(server, fresh).await,
            "subjectDescriptor" | "userDescriptor" => self.somebody(server, fresh).await.1,
            "userId" => self.somebody(server, fresh).await.0,
            "tokenId" if fresh => {
                let request = TokenRequest {
                    label: "walk".into(),
                    days: 1,
                    user: None,
                    kind: None,
                    scope: None,
                };
                let coffer = self.keeper.client.coffer();
                coffer.create_token(&request).await.unwrap().id.to_string()
            }
            "tokenId" => self.shared.token.clone(),
            other => constant(server, other),
        }
    }
}

async fn id_of(user: &User) -> String {
    let data = user.client.coffer().connection_data().await.unwrap();
    data.authenticated_user.id
}

/// What is the same for every project.
fn constant(server: &TestServer, place: &str) -> String {
    match place {
        "fresh" => server.unique("walk"),
        "unknown" => random_guid().to_string(),
        "area" => "distributedtask".into(),
        // Streams are few: those that would be made for each who asks are too many.
        "areaId" | "streamId" | "requestId" => random_guid().to_string(),
        // The walk's own first rotation, or none yet: those who may not look are told the same of both.
        "rotationNumber" => "1".into(),
        "processId" => "b8a3a935-7e91-48b8-a94c-606d37c3e9f2".into(),
        "scopeId" => "distributedtask.securefile".into(),
        "securityNamespaceId" => "b7e84409-6553-448a-bbb2-af228e07cbeb".into(),
        "permissions" => "1".into(),
        "resourceType" => "securefile".into(),
        "taskId" => "2a6ca863-f2ce-4f4d-8bcb-15e64608ec4b".into(),
        "versionString" => "1".into(),
        "agentKey" => "A".repeat(43),
        "digest" => "0".repeat(64),
        // Of an identity that nobody has.
        "recipient" => "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".into(),
        other => panic!("walk/world.rs does not say what goes into {{{other}}}"),
    }
}

/// A value of the same kind that names nothing. None where a place holds no id, or one that counts within its run.
pub(super) fn nothing(place: &str) -> Option<String> {
    match place {
        "project" => Some(format!("project-{}", random_guid())),
        "pipelineId" | "definitionId" | "runId" | "buildId" => Some("987654321".into()),
        "secureFileId" | "resourceId" | "timelineId" | "agentId" | "jobId" | "tokenId"
        | "projectId" | "storageKey" => Some(random_guid().to_string()),
        "groupDescriptor" | "containerDescriptor" => Some(descriptor::subject(
            IdentityKind::Group,
            IdentityId(random_guid()),
        )),
        _ => None,
    }
}

/// A line of log for the first step, so that there is a log.
fn lines(job: &LeasedJob) -> coffer_wire::agent::Feed {
    let step = &job.job.steps[0];
    let body = json!({
        "leaseToken": "",
        "records": [{ "id": step.id, "name": step.display_name, "order": 1, "state": "inProgress" }],
        "lines": [{ "recordId": step.id, "firstLine": 1, "lines": ["a line"] }],
    });
    serde_json::from_value(body).unwrap()
}

/// The places in a text: words in braces.
pub(super) fn places(text: &str) -> Vec<String> {
    let mut places = Vec::new();
    for piece in text.split('{').skip(1) {
        if let Some((word, _)) = piece.split_once('}')
            && !word.is_empty()
            && word.chars().all(|letter| letter.is_ascii_alphabetic())
        {
            places.push(word.to_owned());
        }
    }
    places
}
