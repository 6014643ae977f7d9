//! People to act as, made by the ways that an administrator takes.

use super::{PROJECT, TestServer};
use crate::user::{User, group};
use coffer_client::ClientError;
use coffer_wire::coffer::{GroupReference, TokenRequest, User as NewUser};

impl TestServer {
    /// A new person in groups of the first project, and the organization's where a name says so ([`group`]).
    pub async fn person(&self, name: &str, groups: &[&str]) -> User {
        let administrator = self.administrator().client.coffer();
        let groups = groups.iter().map(|name| GroupReference {
            project: (!group::OF_THE_ORGANIZATION.contains(name)).then(|| PROJECT.to_owned()),
            name: (*name).to_owned(),
        });
        administrator
            .add_user(&NewUser {
                id: None,
                unique_name: name.into(),
                display_name: None,
                disabled: false,
                groups: groups.collect(),
            })
            .await
            .unwrap();
        let token = administrator
            .create_token(&TokenRequest {
                label: "test".into(),
                days: 30,
                user: Some(name.into()),
                kind: None,
                scope: None,
            })
            .await
            .unwrap()
            .token;
        self.user(name, Some(token.into()))
    }

    /// A new token of somebody, made by the administrator.
    pub async fn person_token(&self, name: &str) -> Result<String, ClientError> {
        let request = TokenRequest {
            label: "test".into(),
            days: 30,
            user: Some(name.into()),
            kind: None,
            scope: None,
        };
        let coffer = self.administrator().client.coffer();
        Ok(coffer.create_token(&request).await?.token)
    }

    /// Writes pipelines and runs them; may create files, and permit nothing.
    pub async fn developer(&self) -> User {
        self.person("dev", &[group::CONTRIBUTORS]).await
    }

    /// Administers the library; writes no pipelines.
    pub async fn release_engineer(&self) -> User {
        self.person("rel", &[group::RELEASE_ADMINISTRATORS]).await
    }

    /// A person who signs in by this password, made by the way that people take.
    pub async fn person_with_password(&self, name: &str, groups: &[&str], password: &str) -> User {
        let person = self.person(name, groups).await;
        self.set_password(name, password).await;
        person
    }

    /// Gives somebody who is there a password, by the way that people take.
    pub async fn set_password(&self, name: &str, password: &str) {
        let code = self.invitation(name).await;
        let set = self
            .nobody()
            .call("POST", coffer_wire::paths::coffer::NEW_PASSWORD)
            .json(&serde_json::json!({"code": code, "password": password}));
        set.send().await.ok();
    }

    /// A one-time code for setting a password.
    pub async fn invitation(&self, name: &str) -> String {
        let made = self
            .administrator()
            .call("POST", coffer_wire::paths::coffer::INVITATIONS)
            .json(&serde_json::json!({"user": name}));
        made.send().await.ok().json()["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}
