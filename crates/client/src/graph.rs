//! People, groups and services, and projects as the original's clients see them.

use crate::ClientError;
use crate::transport::Transport;
use coffer_wire::List;
use coffer_wire::graph::{
    GraphMembership, GraphSubject, GraphValue, NewGraphGroup, OperationReference, PatchStep,
    SubjectKey, SubjectLookup, SubjectsFound, TeamProject, TeamProjectChange,
};
use coffer_wire::paths::{core, fill, graph as paths};
use http::Method;

/// The graph of an organization.
pub struct Graph<'a> {
    pub(crate) transport: &'a Transport,
}

impl Graph<'_> {
    /// All pages of a list.
    async fn all(&self, path: &str, scope: Option<&str>) -> Result<Vec<GraphSubject>, ClientError> {
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let pairs = [
                ("scopeDescriptor", scope),
                ("continuationToken", token.as_deref()),
            ];
            let request = || self.transport.request(Method::GET, path, &pairs);
            let response = self.transport.send_again(request).await?;
            let next = response.headers().get("x-ms-continuationtoken");
            let next = next.and_then(|next| next.to_str().ok()).map(str::to_owned);
            let list: List<GraphSubject> = self.transport.json(response).await?;
            found.extend(list.value);
            match next {
                Some(next) if token.as_ref() != Some(&next) => token = Some(next),
                _ => return Ok(found),
            }
        }
    }

    /// The groups the caller may see; with a scope, those of a project.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn groups(&self, scope: Option<&str>) -> Result<Vec<GraphSubject>, ClientError> {
        self.all(paths::GROUPS, scope).await
    }

    /// The people the caller may see.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn users(&self) -> Result<Vec<GraphSubject>, ClientError> {
        self.all(paths::USERS, None).await
    }

    /// The descriptor of an identity or a project.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn descriptor(&self, id: &str) -> Result<String, ClientError> {
        let path = fill(paths::DESCRIPTOR, &[id]);
        let found: GraphValue = self.transport.get(&path, &[]).await?;
        Ok(found.value)
    }

    /// Creates a group, in a project's scope or in the organization.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn create_group(
        &self,
        scope: Option<&str>,
        group: &NewGraphGroup,
    ) -> Result<GraphSubject, ClientError> {
        let pairs = [("scopeDescriptor", scope)];
        self.transport
            .call(Method::POST, paths::GROUPS, &pairs, group)
            .await
    }

    /// Changes members of a group, such as `/displayName`.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn change_group(
        &self,
        group: &str,
        steps: &[PatchStep],
    ) -> Result<GraphSubject, ClientError> {
        let path = fill(paths::GROUP, &[group]);
        self.transport.call(Method::PATCH, &path, &[], &steps).await
    }

    /// Deletes a group.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn delete_group(&self, group: &str) -> Result<(), ClientError> {
        self.transport.delete(&fill(paths::GROUP, &[group])).await
    }

    /// Puts somebody into a group.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn join(&self, member: &str, group: &str) -> Result<GraphMembership, ClientError> {
        let path = fill(paths::MEMBERSHIP, &[member, group]);
        self.transport.call(Method::PUT, &path, &[], &()).await
    }

    /// Takes somebody out of a group.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn leave(&self, member: &str, group: &str) -> Result<(), ClientError> {
        let path = fill(paths::MEMBERSHIP, &[member, group]);
        self.transport.delete(&path).await
    }

    /// Who is directly in a group, or with `up` which groups somebody is in.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn memberships(
        &self,
        subject: &str,
        up: bool,
    ) -> Result<Vec<GraphSubject>, ClientError> {
        let path = fill(paths::MEMBERSHIPS, &[subject]);
        let pairs = [("direction", Some(if up { "up" } else { "down" }))];
        let list: List<GraphMembership> = self.transport.get(&path, &pairs).await?;
        let lookup_keys = list
            .value
            .into_iter()
            .map(|pair| SubjectKey {
                descriptor: if up {
                    pair.container_descriptor
                } else {
                    pair.member_descriptor
                },
            })
            .collect::<Vec<_>>();
        let mut found = Vec::new();
        for keys in lookup_keys.chunks(500) {
            let lookup = SubjectLookup {
                lookup_keys: keys.to_vec(),
            };
            let some: SubjectsFound = self
                .transport
                .call(Method::POST, paths::LOOKUP, &[], &lookup)
                .await?;
            found.extend(some.value.into_values());
        }
        found.sort_by(|a, b| a.principal_name.cmp(&b.principal_name));
        Ok(found)
    }

    /// A project by name or id.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn project(&self, name: &str) -> Result<TeamProject, ClientError> {
        self.transport.get(&fill(core::PROJECT, &[name]), &[]).await
    }

    /// Changes name or description of a project.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn change_project(
        &self,
        name: &str,
        change: &TeamProjectChange,
    ) -> Result<OperationReference, ClientError> {
        let path = fill(core::PROJECT, &[name]);
        self.transport.call(Method::PATCH, &path, &[], change).await
    }
}
