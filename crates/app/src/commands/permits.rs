//! Which pipelines may use which files, as commands talk about it, and finding both by what a person typed.

use super::not_found;
use crate::error::{CommandError, Result};
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
