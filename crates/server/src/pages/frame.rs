//! What surrounds every page: who looks, where they are, and the addresses of all pages. It must not know what a page is
//! about.

use super::assets::{self, Asset};
use super::guard::{FormToken, Session};
use crate::App;
use crate::error::{ApiError, Result};
use crate::params::Params;
use axum::extract::FromRequestParts;
use coffer_model::library::Project;
use coffer_model::{Caller, CredentialId, FileId, PipelineId, RecordId, RunId, Timestamp};
use coffer_service::Guided;
use coffer_wire::paths::{fill, pages as at};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Addresses of pages, as links have them: with the prefix and the organization.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    prefix: String,
    organization: String,
}

impl Place {
    pub(crate) fn new(app: &App) -> Self {
        Self {
            prefix: app.urls.prefix().to_owned(),
            organization: app.service.organization().name.clone(),
        }
    }

    #[cfg(test)]
    pub(crate) fn sample() -> Self {
        Self {
            prefix: "/coffer".to_owned(),
            organization: "DefaultCollection".to_owned(),
        }
    }

    /// A page that stands beside the organization.
    fn beside(&self, template: &str) -> String {
        format!("{}{template}", self.prefix)
    }

    /// A page of the organization, its placeholders filled in order.
    fn below(&self, template: &str, values: &[&str]) -> String {
        let organization = fill("{organization}", &[&self.organization]);
        format!("{}/{organization}/{}", self.prefix, fill(template, values))
    }

    pub(crate) fn projects(&self) -> String {
        self.beside(at::PROJECTS)
    }

    pub(crate) fn account(&self) -> String {
        self.beside(at::ACCOUNT)
    }

    /// The dialog for a new password.
    pub(crate) fn account_password(&self) -> String {
        self.beside(at::ACCOUNT_PASSWORD)
    }

    /// The dialog for a new token.
    pub(crate) fn account_tokens(&self) -> String {
        self.beside(at::ACCOUNT_TOKENS)
    }

    /// The dialog for revoking a token.
    pub(crate) fn account_revoke(&self, token: &CredentialId) -> String {
        format!("{}?id={token}", self.account_revoke_form())
    }

    pub(crate) fn account_revoke_form(&self) -> String {
        self.beside(at::ACCOUNT_TOKENS_REVOKE)
    }

    pub(crate) fn account_sessions(&self) -> String {
        self.beside(at::ACCOUNT_SESSIONS)
    }

    /// The dialog for the second factor.
    pub(crate) fn account_second_factor(&self) -> String {
        self.beside(at::ACCOUNT_SECOND_FACTOR)
    }

    /// Setting a password with a one-time code.
    pub(crate) fn set_password(&self) -> String {
        self.beside(at::PASSWORD)
    }

    pub(crate) fn sign_in(&self) -> String {
        self.beside(at::SIGN_IN)
    }

    /// Signing in at the organization's provider, and on to a path below the prefix; `again` for who is signed in already.
    pub(crate) fn provider(&self, back: &str, again: bool) -> String {
        let back = utf8_percent_encode(back, NON_ALPHANUMERIC);
        let again = if again { "&again=true" } else { "" };
        format!("{}?return={back}{again}", self.beside(at::PROVIDER))
    }

    /// Signing in, and back to one of these addresses.
    pub(crate) fn sign_in_again(&self, back: &str) -> String {
        let back = back.strip_prefix(&self.prefix).unwrap_or(back);
        let back = utf8_percent_encode(back, NON_ALPHANUMERIC);
        format!("{}?return={back}", self.sign_in())
    }

    pub(crate) fn sign_out(&self) -> String {
        self.beside(at::SIGN_OUT)
    }

    /// The Library of a project, its tab of secure files.
    pub(crate) fn library(&self, project: &str) -> String {
        self.below(at::LIBRARY, &[project])
    }

    /// The dialog for new files.
    pub(crate) fn upload(&self, project: &str) -> String {
        self.below(at::LIBRARY_UPLOAD, &[project])
    }

    /// Where names for new files are looked at.
    pub(crate) fn check_names(&self, project: &str) -> String {
        self.below(at::LIBRARY_CHECK, &[project])
    }

    /// Where new files are sent.
    pub(crate) fn files(&self, project: &str) -> String {
        self.below(at::FILES, &[project])
    }

    /// The dialog for the roles of the whole Library.
    pub(crate) fn library_security(&self, project: &str) -> String {
        self.below(at::LIBRARY_SECURITY, &[project])
    }

    /// The page of a secure file.
    pub(crate) fn file(&self, project: &str, file: &FileId) -> String {
        self.below(at::FILE, &[project, &file.to_string()])
    }

    /// The dialog that deletes a file.
    pub(crate) fn file_delete(&self, project: &str, file: &FileId) -> String {
        self.below(at::FILE_DELETE, &[project, &file.to_string()])
    }

    /// The dialog for the pipelines that may use a file.
    pub(crate) fn file_permissions(&self, project: &str, file: &FileId) -> String {
        self.below(at::FILE_PERMISSIONS, &[project, &file.to_string()])
    }

    /// Where a pipeline is chosen.
    pub(crate) fn file_permissions_add(&self, project: &str, file: &FileId) -> String {
        self.below(at::FILE_PERMISSIONS_ADD, &[project, &file.to_string()])
    }

    /// Where opening a file to every pipeline is confirmed.
    pub(crate) fn file_permissions_open(&self, project: &str, file: &FileId) -> String {
        self.below(at::FILE_PERMISSIONS_OPEN, &[project, &file.to_string()])
    }

    /// The dialog for the roles at a file.
    pub(crate) fn file_security(&self, project: &str, file: &FileId) -> String {
        self.below(at::FILE_SECURITY, &[project, &file.to_string()])
    }

    /// The pipelines of a project.
    pub(crate) fn pipelines(&self, project: &str) -> String {
        self.below(at::PIPELINES, &[project])
    }

    /// Some of the pipelines of a project: whose names hold a text, after so many.
    pub(crate) fn pipelines_from(&self, project: &str, search: &str, skip: u64) -> String {
        let search = utf8_percent_encode(search, NON_ALPHANUMERIC);
        format!("{}?search={search}&skip={skip}", self.pipelines(project))
    }

    /// A pipeline with its newest runs.
    pub(crate) fn pipeline(&self, project: &str, pipeline: PipelineId) -> String {
        format!("{}?definitionId={pipeline}", self.pipelines(project))
    }

    /// A pipeline with runs before one.
    pub(crate) fn pipeline_before(
        &self,
        project: &str,
        pipeline: PipelineId,
        run: RunId,
    ) -> String {
        format!("{}&before={run}", self.pipeline(project, pipeline))
    }

    /// Where runs are started.
    pub(crate) fn run_start(&self, project: &str) -> String {
        self.below(at::RUN_START, &[project])
    }

    /// Lines of the log of a step, for a script.
    pub(crate) fn run_log(&self, project: &str, run: RunId, step: RecordId) -> String {
        format!(
            "{}?buildId={run}&t={step}",
            self.below(at::RUN_LOG, &[project])
        )
    }

    /// Where forms of [`Self::run_review`] and [`Self::run_cancel`] are sent.
    pub(crate) fn run_review_form(&self, project: &str) -> String {
        self.below(at::RUN_REVIEW, &[project])
    }

    /// The dialog with what a run waits for.
    pub(crate) fn run_review(&self, project: &str, run: RunId) -> String {
        format!("{}?buildId={run}", self.run_review_form(project))
    }

    /// The question before a file is permitted that a run waits for.
    pub(crate) fn run_permit(&self, project: &str, run: RunId, file: &FileId) -> String {
        format!("{}&permit={file}", self.run_review(project, run))
    }

    pub(crate) fn run_cancel_form(&self, project: &str) -> String {
        self.below(at::RUN_CANCEL, &[project])
    }

    /// The question before a run is canceled.
    pub(crate) fn run_cancel(&self, project: &str, run: RunId) -> String {
        format!("{}?buildId={run}", self.run_cancel_form(project))
    }

    /// A run.
    pub(crate) fn run(&self, project: &str, run: RunId) -> String {
        format!("{}?buildId={run}", self.below(at::RUN, &[project]))
    }
}

/// Which part of a project a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Elsewhere,
    Library,
    Pipelines,
    Account,
}

/// What kind of page an answer is: the header `coffer-page`, by which the script knows what to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageKind {
    /// A page of its own.
    Page,
    /// A page that is shown as a dialog where there is a script.
    Dialog,
    /// Something went wrong.
    Problem,
    /// The form for signing in.
    SignIn,
}

impl PageKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Dialog => "dialog",
            Self::Problem => "problem",
            Self::SignIn => "signin",
        }
    }
}

/// Who looks at a page.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) name: String,
    /// The token of the session's forms.
    pub(crate) token: String,
}

/// An asset, as templates write it.
pub(crate) struct Linked {
    pub(crate) url: String,
    pub(crate) integrity: &'static str,
}

/// What surrounds a page. Every template has one as `frame`.
#[derive(Clone)]
pub(crate) struct Frame {
    /// Title and heading.
    pub(crate) title: String,
    pub(crate) place: Place,
    pub(crate) visitor: Option<Visitor>,
    /// The project's name, where the page belongs to one.
    pub(crate) project: Option<String>,
    pub(crate) section: Section,
    pub(crate) kind: PageKind,
    /// What was just done, as one sentence.
    pub(crate) done: Option<&'static str>,
}

impl Frame {
    /// A frame for somebody who is not signed in.
    pub(crate) fn bare(app: &App, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            place: Place::new(app),
            visitor: None,
            project: None,
            section: Section::Elsewhere,
            kind: PageKind::Page,
            done: None,
        }
    }

    /// As a page that is shown as a dialog.
    pub(crate) fn dialog(mut self) -> Self {
        self.kind = PageKind::Dialog;
        self
    }

    /// With the sentence for what was just done, if there is one.
    pub(crate) fn done(mut self, sentence: Option<&'static str>) -> Self {
        self.done = sentence;
        self
    }

    pub(crate) fn asset(&self, name: &str) -> Linked {
        let asset: &'static Asset = assets::asset(name);
        Linked {
            url: self.place.beside(&format!("/assets/{}", asset.file)),
            integrity: &asset.integrity,
        }
    }

    /// The token of the session's forms; empty for nobody.
    pub(crate) fn token(&self) -> &str {
        self.visitor
            .as_ref()
            .map_or("", |visitor| visitor.token.as_str())
    }
}

/// Somebody signed in who looks at a page. An extractor for pages with a session.
pub(crate) struct Visit {
    pub(crate) app: App,
    pub(crate) caller: Caller,
    pub(crate) place: Place,
    pub(crate) params: Params,
    /// Whether the visitor signed in so short ago that grave acts need no new sign-in.
    pub(crate) fresh: bool,
    /// The database's clock.
    pub(crate) now: Timestamp,
    visitor: Visitor,
}

impl FromRequestParts<App> for Visit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut http::request::Parts, app: &App) -> Result<Self> {
        let FormToken(token) = FormToken::from_request_parts(parts, app).await?;
        let Session(session) =
            <Session as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        let Ok(params) = Params::from_request_parts(parts, app).await;
        Ok(Self {
            app: app.clone(),
            place: Place::new(app),
            params,
            visitor: Visitor {
                name: session.caller.name.clone(),
                token,
            },
            fresh: session.fresh,
            now: session.now,
            caller: session.caller,
        })
    }
}

impl Visit {
    /// The project that the path names, as far as the visitor may see it.
    pub(crate) async fn project(&self, name: &str) -> Result<Project> {
        let found = self.app.service.projects().find(&self.caller, name).await;
        found.map_err(|error| {
            let mut error = ApiError::from(error);
            if error.code() == "project.not_found" {
                error.guided(Guided {
                    message: format!("There is no project '{name}' here, or you may not see it."),
                    hints: vec![
                        "Look at the spelling. If the project should be there, ask one of its administrators, or one of the \
                         organization, to add you to a group of it."
                            .to_owned(),
                    ],
                });
            }
            error
        })
    }

    /// Where to sign in again and come back from, for what needs a fresh sign-in, if this one is not.
    pub(crate) fn again(&self, back: &str) -> Option<String> {
        (!self.fresh).then(|| self.place.sign_in_again(back))
    }

    /// A frame for a page outside of projects.
    pub(crate) fn frame(&self, section: Section, title: impl Into<String>) -> Frame {
        Frame {
            visitor: Some(self.visitor.clone()),
            section,
            ..Frame::bare(&self.app, title)
        }
    }

    /// A frame for a page of a project.
    pub(crate) fn frame_of(
        &self,
        project: &Project,
        section: Section,
        title: impl Into<String>,
    ) -> Frame {
        Frame {
            project: Some(project.name.clone()),
            ..self.frame(section, title)
        }
    }
}
