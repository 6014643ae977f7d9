//! Projects: finding the one a path names, listing, creating, renaming.

use crate::Service;
use crate::error::{Error, Kind, PROJECT, Result};
use crate::file_pages::{MAX_PAGE, searched};
use crate::groups::check_description;
use coffer_model::act::{CreateProject, DescribeProject, RenameProject};
use coffer_model::library::Project;
use coffer_model::policy::in_scope;
use coffer_model::{Authentication, Caller, ProjectId, TokenScopes, name};
use coffer_store::{Page, ProjectRow};

/// Projects.
pub struct Projects<'a>(pub(crate) &'a Service);

fn absent() -> Error {
    Error::new(
        Kind::NotFound,
        "project.not_found",
        "The project does not exist, or you may not see it.",
    )
}

/// The only project that a job knows: its own.
fn own(caller: &Caller) -> Option<ProjectId> {
    match &caller.authentication {
        Authentication::Job { project, .. } => Some(*project),
        _ => None,
    }
}

/// What groups of the organization are called after, where those of a project have its name.
const RESERVED: &str = "organization";

fn check_name(text: &str) -> Result<()> {
    let fits = name::is_fit(text) && !text.starts_with(['_', '.']) && !text.ends_with('.');
    let special = [
        ':', '*', '?', '"', '<', '>', '|', '#', '$', '}', '{', ',', '+', '=', '[', ']', ';', '&',
        '%',
    ];
    if !fits || text.contains(special) {
        return Err(Error::invalid(
            "A project's name is visible text of at most 255 bytes without characters that have a meaning in \
             addresses, and begins with neither '_' nor '.'.",
        ));
    }
    if name::key(text) == RESERVED || uuid::Uuid::parse_str(text).is_ok() {
        return Err(Error::invalid(
            "A project can be called neither 'Organization' nor like an id. Choose another name.",
        ));
    }
    Ok(())
}

impl Projects<'_> {
    /// The project that a path names, by name or id. Unknown and invisible get one answer.
    pub async fn find(&self, caller: &Caller, name_or_id: &str) -> Result<Project> {
        Ok(self.named(caller, name_or_id).await?.project)
    }

    /// The same for finding the one that a path names: that much every scope needs.
    async fn named(&self, caller: &Caller, name_or_id: &str) -> Result<ProjectRow> {
        let mut read = self.0.store().read().await?;
        let found = read.project_named(caller, name_or_id).await?;
        found
            .filter(|row| own(caller).is_none_or(|own| own == row.project.id))
            .ok_or_else(absent)
    }

    /// The projects that the caller may know of. A job knows its own.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Project>> {
        let rows = self.rows(caller).await?;
        Ok(rows.into_iter().map(|row| row.project).collect())
    }

    /// The same with their descriptions.
    pub async fn rows(&self, caller: &Caller) -> Result<Vec<ProjectRow>> {
        in_scope(caller, TokenScopes::PROJECT)?;
        let mut read = self.0.store().read().await?;
        let mut rows = read.projects_visible(caller).await?;
        rows.retain(|row| own(caller).is_none_or(|own| own == row.project.id));
        Ok(rows)
    }

    /// A page of them by name: those whose names hold a text, ignoring case. `total` counts to 10,000.
    pub async fn page(
        &self,
        caller: &Caller,
        search: &str,
        skip: u64,
        top: u32,
    ) -> Result<Page<ProjectRow>> {
        in_scope(caller, TokenScopes::PROJECT)?;
        let (search, top) = (searched(search), top.clamp(1, MAX_PAGE));
        let mut read = self.0.store().read().await?;
        let page = read.projects_page(caller, search, own(caller), skip, top);
        Ok(page.await?)
    }

    /// One of them, by name or id.
    pub async fn row(&self, caller: &Caller, name_or_id: &str) -> Result<ProjectRow> {
        in_scope(caller, TokenScopes::PROJECT)?;
        self.named(caller, name_or_id).await
    }

    /// Renames a project, or describes it anew.
    pub async fn change(
        &self,
        caller: &Caller,
        project: ProjectId,
        new_name: Option<String>,
        description: Option<String>,
    ) -> Result<ProjectRow> {
        new_name.as_deref().map(check_name).transpose()?;
        description.as_deref().map(check_description).transpose()?;
        let asked = caller.clone();
        self.0
            .store()
            .write("project.change", move |tx| {
                let caller = asked.clone();
                let (new_name, description) = (new_name.clone(), description.clone());
                Box::pin(async move {
                    if let Some(new_name) = new_name {
                        let details = [("name", new_name.clone())];
                        let act = RenameProject { project };
                        let grant = tx.authorize_with(&caller, act, &details).await?;
                        tx.project_rename(grant, &new_name).await?;
                    }
                    if let Some(description) = description {
                        let details = [("description", description.clone())];
                        let act = DescribeProject { project };
                        let grant = tx.authorize_with(&caller, act, &details).await?;
                        tx.project_describe(grant, &description).await?;
                    }
                    Ok(())
                })
            })
            .await
            .map_err(|stop| Error::from(stop).about(&PROJECT))?;
        self.row(caller, &project.to_string()).await
    }

    /// Creates a project with its default groups.
    pub async fn create(&self, caller: &Caller, name: &str) -> Result<Project> {
        check_name(name)?;
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
                    tx.project_insert(grant, &caller, &wanted).await
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
