//! The dialog that deletes a file: what would miss it, and its name typed by hand, because nothing brings it back.

use super::Subject;
use crate::error::Result;
use crate::pages::filters;
use crate::pages::frame::{Frame, PageKind, Section, Visit};
use crate::pages::guard::Form;
use crate::pages::html::{see_other, show};
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use coffer_model::{FileId, name};
use coffer_service::FileDependents;
use http::StatusCode;

/// The dialog.
#[derive(Template)]
#[template(path = "file/delete.html")]
pub(crate) struct Delete {
    pub(crate) frame: Frame,
    pub(crate) project: String,
    pub(crate) file: FileId,
    pub(crate) name: String,
    pub(crate) dependents: FileDependents,
    /// Whether the visitor may delete it.
    pub(crate) may: bool,
    pub(crate) typed: String,
    /// Why what was typed is not the name.
    pub(crate) problem: Option<&'static str>,
}

/// `GET {project}/_library/files/{secureFileId}/delete`.
pub(crate) async fn form(
    visit: Visit,
    Path((project, file)): Path<(String, String)>,
) -> Result<Response> {
    let (subject, id) = Subject::file(&visit, &project, &file).await?;
    let page = dialog(&visit, &subject, id, String::new(), None).await?;
    Ok(show(StatusCode::OK, &page.frame, &page))
}

/// `POST {project}/_library/files/{secureFileId}/delete`.
pub(crate) async fn delete(
    visit: Visit,
    Path((project, file)): Path<(String, String)>,
    form: Form,
) -> Result<Response> {
    let (subject, id) = Subject::file(&visit, &project, &file).await?;
    let typed = form.field("confirm");
    if let Some(problem) = differs(typed, subject.name.as_deref().unwrap_or_default()) {
        let page = dialog(&visit, &subject, id, typed.to_owned(), Some(problem)).await?;
        return Ok(show(StatusCode::BAD_REQUEST, &page.frame, &page));
    }
    let files = visit.app.service.files();
    files.delete(&visit.caller, subject.project.id, id).await?;
    let library = visit.place.library(&subject.project.name);
    Ok(see_other(&format!(
        "{library}?itemType=SecureFiles&done=deleted"
    )))
}

/// How what was typed differs from the name; none where it does not.
fn differs(typed: &str, name: &str) -> Option<&'static str> {
    if typed == name {
        None
    } else if typed.is_empty() {
        Some("Type the file's name. Nothing was deleted.")
    } else if typed.trim() == name {
        Some("There is a space before or after the name. Nothing was deleted.")
    } else if name::key(typed.trim()) == name::key(name) {
        Some(
            "Upper and lower case count here, and so does every letter as it is written. Nothing was deleted.",
        )
    } else {
        Some("This is not the file's name. Nothing was deleted.")
    }
}

async fn dialog(
    visit: &Visit,
    subject: &Subject,
    file: FileId,
    typed: String,
    problem: Option<&'static str>,
) -> Result<Delete> {
    let (service, project) = (&visit.app.service, subject.project.id);
    let name = subject.name.clone().unwrap_or_default();
    let may = service.may_file(&visit.caller, project, file).await?;
    let files = service.files();
    Ok(Delete {
        frame: visit
            .frame_of(&subject.project, Section::Library, format!("Delete {name}"))
            .dialog(),
        project: subject.project.name.clone(),
        file,
        name,
        dependents: files.pipelines_using(&visit.caller, project, file).await?,
        may: may.delete,
        typed,
        problem,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_name_deletes() {
        assert_eq!(differs("Ca Cert.pem", "Ca Cert.pem"), None);
        for (typed, hint) in [
            ("", "Type the file's name"),
            ("ca cert.pem", "Upper and lower case"),
            (" Ca Cert.pem", "a space"),
            ("Ca Cert.pem ", "a space"),
            ("Ca Cert.pe", "not the file's name"),
            ("Ca  Cert.pem", "not the file's name"),
        ] {
            let told = differs(typed, "Ca Cert.pem").unwrap();
            assert!(
                told.starts_with(hint) || told.contains(hint),
                "{typed}: {told}"
            );
            assert!(told.ends_with("Nothing was deleted."), "{told}");
        }
    }
}
