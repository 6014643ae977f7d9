//! Who can use a file, and why.

use crate::App;
use crate::ado::convert::{freeze, granted, identity, refs};
use crate::ado::project;
use crate::auth::Who;
use crate::error::Result;
use crate::params::file_id;
use crate::urls::Links;
use crate::version::Asked;
use axum::extract::{Path, State};
use axum::response::Response;
use coffer_service::AccessView;
use coffer_wire::access::{FileAccess, PersonAccess, PipelineAccess, Reach};

/// `GET …/securefiles/{id}/access`.
pub(crate) async fn get(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, file)): Path<(String, String)>,
    asked: Asked,
    links: Links,
) -> Result<Response> {
    let file = file_id(&file)?;
    let project = project(&app, &caller, &name).await?.id;
    let permissions = app.service.permissions();
    let view = permissions.access(&caller, project, file).await?;
    Ok(asked.json(&wire(&links, view)))
}

fn wire(links: &Links, view: AccessView) -> FileAccess {
    FileAccess {
        id: view.file.to_string(),
        name: view.name,
        everybody: view.everybody,
        people: view
            .people
            .into_iter()
            .map(|person| PersonAccess {
                person: identity(&person.person),
                role: person.role.into(),
                through: person
                    .through
                    .into_iter()
                    .map(|reach| Reach {
                        groups: reach.groups,
                        at: if reach.own { "file" } else { "library" }.into(),
                        role: reach.allows.into(),
                        denies: reach.denies.into_iter().map(Into::into).collect(),
                        counts: reach.counts,
                    })
                    .collect(),
            })
            .collect(),
        all_pipelines: view.open.as_ref().map(|(by, on)| granted(links, by, *on)),
        all_pipelines_suspended: view
            .open_suspended
            .as_ref()
            .map(|(by, on)| granted(links, by, *on)),
        pipelines: view
            .pipelines
            .into_iter()
            .map(|pipeline| PipelineAccess {
                id: pipeline.permit.pipeline.0,
                name: pipeline.name,
                refs: refs(pipeline.permit.terms.refs.as_ref()),
                permission: granted(links, &pipeline.permit.by, pipeline.permit.at),
            })
            .collect(),
        freezes: view.freezes.iter().map(freeze).collect(),
    }
}
