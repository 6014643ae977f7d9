//! Projects: finding the one a path names, listing, creating.

use crate::Service;
use crate::error::{Error, Kind, PROJECT, Result};
use coffer_model::act::CreateProject;
use coffer_model::library::Project;
use coffer_model::policy::in_scope;
use coffer_model::{Authentication, Caller, ProjectId, TokenScopes, name};

/// Projects.
pub struct Projects<'a>(pub(crate) &'a Service);

impl Projects<'_> {
    /// The project that a path names, by name or id. Unknown and invisible get one answer.
    pub async fn find(&self, caller: &Caller, name_or_id: &str) -> Result<Project> {
        let key = name::key(name_or_id);
        let found = self
            .visible(caller)
            .await?
            .into_iter()
            .find(|project| name::key(&project.name) == key || project.id.to_string() == key);
        found.ok_or_else(|| {
            Error::new(
                Kind::NotFound,
                "project.not_found",
                "The project does not exist, or you may not see it.",
            )
        })
    }

    /// The projects that the caller may know of. A job knows its own.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Project>> {
        in_scope(caller, TokenScopes::PROJECT)?;
        self.visible(caller).await
    }

    /// The same, for finding the one that a path names: that much every scope needs.
    async fn visible(&self, caller: &Caller) -> Result<Vec<Project>> {
        let mut read = self.0.store().read().await?;
        let mut projects = read.projects_visible(caller).await?;
        if let Authentication::Job { project: own, .. } = &caller.authentication {
            projects.retain(|project| project.id == *own);
        }
        Ok(projects)
    }

    /// Creates a project with its default groups.
    pub async fn create(&self, caller: &Caller, name: &str) -> Result<Project> {
        let fits = name::is_fit(name) && !name.starts_with(['_', '.']) && !name.ends_with('.');
        if !fits
            || name.contains([
                ':', '*', '?', '"', '<', '>', '|', '#', '$', '}', '{', ',', '+', '=', '[', ']',
                ';', '&', '%',
            ])
        {
            return Err(Error::invalid(
                "A project's name is visible text of at most 255 bytes without characters that have a meaning in \
                 addresses, and begins with neither '_' nor '.'.",
            ));
        }
        let id = ProjectId::random(self.0.entropy());
        let (caller, organization) = (caller.clone(), self.0.organization().id);
        let wanted = name.to_owned();
        self.0
            .store()
            .write("project.create", move |tx| {
                let (caller, wanted) = (caller.clone(), wanted.clone());
                Box::pin(async move {
                    let act = CreateProject {
                        organization,
                        project: id,
                    };
                    let grant = tx
                        .authorize_with(&caller, act, &[("name", wanted.clone())])
                        .await?;
                    tx.project_insert(grant, &wanted).await
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&PROJECT))?;
        Ok(Project {
            id,
            name: name.to_owned(),
        })
    }
}
