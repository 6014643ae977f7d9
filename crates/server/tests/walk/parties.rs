//! Everybody who asks.

use super::world::{Tenant, person};
use coffer_testkit::{Answer, PROJECT, TestAgent, TestServer, User};
use serde_json::json;

/// How a party shows who it is.
enum Shown {
    Token(User),
    Signature(TestAgent),
}

/// Somebody who asks.
pub(super) struct Party {
    /// The heading of its column.
    pub(super) name: &'static str,
    shown: Shown,
}

impl Party {
    pub(super) fn person(name: &'static str, user: User) -> Self {
        Self {
            name,
            shown: Shown::Token(user),
        }
    }

    /// Sends a request the way this party does.
    pub(super) async fn send(&self, method: &str, path: &str, kind: &str, body: &str) -> Answer {
        self.send_bytes(method, path, kind, body.into()).await
    }

    /// The same, with any bytes.
    pub(super) async fn send_bytes(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> Answer {
        match &self.shown {
            Shown::Token(user) => {
                let call = user.call(method, path);
                let call = if body.is_empty() {
                    call
                } else {
                    call.body(kind, body)
                };
                call.send().await
            }
            Shown::Signature(agent) => {
                let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
                let headers = agent.sign(method, path, &body, i64::try_from(now).unwrap());
                agent.signed(method, path, &body, &headers).send().await
            }
        }
    }
}

/// The parties, and the project that they ask about.
pub(super) struct Stage {
    pub(super) own: Tenant,
    pub(super) parties: Vec<Party>,
}

impl Stage {
    /// The person or job of that name.
    pub(super) fn holder(&self, name: &str) -> &User {
        let found = self.parties.iter().find(|party| party.name == name);
        match &found.unwrap().shown {
            Shown::Token(user) => user,
            Shown::Signature(_) => panic!("{name} has no token"),
        }
    }

    pub(super) async fn set(server: &TestServer) -> Self {
        let agent = server.agent("walker").await;
        let own = Tenant::of(server, PROJECT, &agent).await;
        let foreign = Tenant::of(server, "Elsewhere", &agent).await;
        let (_, job) = own.job(server, &agent).await;
        let job = job.user(server);
        let in_project = async |name, groups| person(server, name, PROJECT, groups).await;
        let user = in_project("usher", &["Readers"][..]).await;
        grant_user(server, &user).await;
        let parties = vec![
            Party::person("anonymous", server.nobody()),
            Party::person("stranger", in_project("stranger", &[]).await),
            Party::person("reader", in_project("reader", &["Readers"]).await),
            Party::person("user", user),
            Party::person("creator", in_project("creator", &["Contributors"]).await),
            Party::person(
                "library",
                in_project("librarian", &["Release Administrators"]).await,
            ),
            Party::person(
                "project",
                in_project("manager", &["Project Administrators"]).await,
            ),
            Party::person(
                "organization",
                server.holder(server.administrator().token()),
            ),
            Party::person("foreign", foreign.keeper),
            Party::person("job", job),
            Party::person("registration", server.holder(&server.agent_token().await)),
            Party {
                name: "agent",
                shown: Shown::Signature(agent),
            },
        ];
        Self { own, parties }
    }
}

/// The role User in the library of the first project.
async fn grant_user(server: &TestServer, user: &User) {
    let administrator = server.administrator();
    let projects = administrator.client.coffer().projects().await.unwrap();
    let project = projects.iter().find(|project| project.name == PROJECT);
    let library = format!("{}$0", project.unwrap().id.unwrap());
    let me = user.client.coffer().connection_data().await.unwrap();
    let body = json!([{ "userId": me.authenticated_user.id, "roleName": "User" }]);
    let path = format!(
        "_apis/securityroles/scopes/distributedtask.library/roleassignments/resources/{library}"
    );
    administrator
        .call("PUT", &path)
        .json(&body)
        .send()
        .await
        .ok();
}
