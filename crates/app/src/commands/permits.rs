//! Which pipelines may use which files, as commands talk about it, and finding both by what a person typed.

use super::not_found;
use crate::error::{CommandError, Result};
use clap::Args;
use coffer_client::{Client, ErrorKind, Filter};
use coffer_wire::permissions::ResourcePipelinePermissions;
use coffer_wire::pipelines::Pipeline;
use coffer_wire::secure_files::SecureFile;

/// The type of secure files as protected resources.
pub(super) const SECURE_FILE: &str = "securefile";

/// A secure file by name or id.
pub(super) async fn file(client: &Client, project: &str, text: &str) -> Result<SecureFile> {
    let files = client.secure_files(project);
    // The name first: a file may be called like an id.
    if let Some(found) = files.find(text).await? {
        return Ok(found);
    }
    if uuid::Uuid::parse_str(text).is_ok() {
        return Ok(files.get(text).await?);
    }
    let known = files.list(&Filter::default()).await?;
    Err(not_found(
        "secure file",
        text,
        known.into_iter().map(|file| file.name),
    ))
}

/// A pipeline by name or id.
pub(super) async fn pipeline(client: &Client, project: &str, text: &str) -> Result<Pipeline> {
    let pipelines = client.pipelines(project);
    let wanted = text.to_lowercase();
    let known = pipelines.list().await?;
    let id = text.parse::<i64>().ok();
    let by_name = known.iter().find(|p| p.name.to_lowercase() == wanted);
    match by_name.or_else(|| known.iter().find(|p| Some(p.id) == id)) {
        Some(pipeline) => Ok(pipeline.clone()),
        None => Err(not_found(
            "pipeline",
            text,
            known.into_iter().map(|p| p.name),
        )),
    }
}

/// Permits a pipeline a resource: for the refs that were asked for, else for the pipeline's default branch, else for all.
/// Answers the new state, and the refs.
pub(super) async fn permit(
    client: &Client,
    project: &str,
    (kind, id): (&str, &str),
    pipeline: &Pipeline,
    refs: &RefArgs,
) -> Result<(ResourcePipelinePermissions, Option<Vec<String>>)> {
    let wanted = match (refs.all_refs, refs.refs.is_empty()) {
        (true, _) => None,
        (false, false) => Some(refs.refs.clone()),
        (false, true) => pipeline.default_branch.clone().map(|branch| vec![branch]),
    };
    let permissions = client.permissions(project);
    let state = if refs.by_variable {
        permissions
            .permit_by_variable(kind, id, pipeline.id, wanted.clone())
            .await?
    } else {
        permissions
            .permit(kind, id, pipeline.id, wanted.clone())
            .await?
    };
    Ok((state, wanted))
}

/// The terms of a permit.
#[derive(Args, Clone, Default)]
pub(crate) struct RefArgs {
    /// Only for runs of these refs, in full; `*` stands for any run of characters [default: the pipeline's default branch,
    /// and all for a pipeline whose text is stored with it]
    #[arg(
        long,
        value_name = "REF",
        value_delimiter = ',',
        conflicts_with = "all_refs"
    )]
    refs: Vec<String>,
    /// For runs of every ref
    #[arg(long)]
    all_refs: bool,
    /// The pipeline may also name the file by a variable that is known only when a job is handed out
    #[arg(long)]
    by_variable: bool,
}

impl RefArgs {
    /// Whether refs were named.
    pub(super) fn named(&self) -> bool {
        !self.refs.is_empty()
    }
}

/// "for refs/heads/main", or nothing.
pub(super) fn for_refs(refs: Option<&[String]>) -> String {
    refs.map_or_else(String::new, |refs| format!(" for {}", refs.join(", ")))
}

/// The pipeline permissions of a file; `None` where the caller may not see them.
pub(super) async fn permissions(
    client: &Client,
    project: &str,
    file: &str,
) -> Result<Option<ResourcePipelinePermissions>> {
    match client.permissions(project).get(SECURE_FILE, file).await {
        Ok(permissions) => Ok(Some(permissions)),
        Err(error) if matches!(error.kind(), ErrorKind::Denied | ErrorKind::NotFound) => Ok(None),
        Err(error) => Err(CommandError::from(error)),
    }
}
