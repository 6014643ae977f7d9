//! New files: the dialog, the look at their names before anything is sent, and the upload itself, which is that of the API
//! ([`crate::ado::secure_files::receive`]). It must not know what a file has to be: the service says that.

use crate::ado::secure_files::receive;
use crate::error::Result;
use crate::pages::filters;
use crate::pages::frame::{Frame, PageKind, Section, Visit};
use crate::pages::html::{marked, show};
use askama::Template;
use axum::Json;
use axum::extract::{Path, Request};
use axum::response::{IntoResponse as _, Response};
use coffer_model::access::{Scope, library as bit};
use coffer_model::library::MAX_FILE_BYTES;
use coffer_service::Guided;
use http::StatusCode;
use serde::Serialize;

/// The dialog.
#[derive(Template)]
#[template(path = "library/upload.html")]
pub(crate) struct Upload {
    pub(crate) frame: Frame,
    pub(crate) project: String,
    /// Most bytes of a file.
    pub(crate) limit: u64,
    /// Whether new files may be opened to all pipelines.
    pub(crate) may_open: bool,
    /// Where to sign in again before that, when this sign-in is not fresh any more.
    pub(crate) again: Option<String>,
    /// What it takes, for who may not upload.
    pub(crate) no_upload: Option<Guided>,
}

/// What the script is told of names.
#[derive(Serialize)]
struct Names {
    names: Vec<Name>,
}

#[derive(Serialize)]
struct Name {
    /// Two names with one key are the same.
    key: String,
    /// Why no file can have it.
    problem: Option<String>,
}

/// What the script is told of a file that arrived.
#[derive(Serialize)]
struct Arrived {
    name: String,
    size: u64,
    /// Of what arrived, hex: for the comparison with what was chosen. Whoever creates a file may see it.
    sha256: Option<String>,
    /// The address of its page.
    page: String,
}

/// `GET {project}/_library/upload`.
pub(crate) async fn dialog(visit: Visit, Path(name): Path<String>) -> Result<Response> {
    let project = visit.project(&name).await?;
    let service = &visit.app.service;
    let may = service.may_library(&visit.caller, project.id).await?;
    let mut no_upload = None;
    if !may.create {
        let scope = Scope::Library(project.id);
        no_upload = Some(service.missing(&visit.caller, scope, bit::CREATE).await?);
    }
    let frame = visit.frame_of(&project, Section::Library, "Upload secure files");
    let again = visit.again(&visit.place.library(&project.name));
    let page = Upload {
        frame: frame.dialog(),
        project: project.name,
        limit: MAX_FILE_BYTES,
        may_open: may.create_open,
        again,
        no_upload,
    };
    Ok(show(StatusCode::OK, &page.frame, &page))
}

/// `GET {project}/_library/check?name=…&name=…`: an answer for each, in order.
pub(crate) async fn check(visit: Visit, Path(name): Path<String>) -> Result<Response> {
    let project = visit.project(&name).await?;
    let names = visit.params.all("name");
    let files = visit.app.service.files();
    let checked = files.check_names(&visit.caller, project.id, &names).await?;
    let names = checked.into_iter().map(|checked| Name {
        key: checked.key,
        problem: checked.problem,
    });
    let names = names.collect();
    Ok(marked(Json(Names { names }).into_response()))
}

/// `POST {project}/_library/files?name=…&authorizePipelines=`: the body is the content.
pub(crate) async fn upload(
    visit: Visit,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response> {
    let (app, caller) = (&visit.app, &visit.caller);
    let view = receive(app, caller, &name, &visit.params, request).await?;
    let arrived = Arrived {
        page: visit.place.file(&name, &view.file.id),
        name: view.file.name,
        size: view.file.size,
        sha256: view.sha256,
    };
    Ok(marked((StatusCode::CREATED, Json(arrived)).into_response()))
}
