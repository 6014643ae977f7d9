//! The one mapping from what went wrong to a status and an envelope.
//!
//! Handlers return [`ApiError`]; [`crate::answer`] writes it out, because only it knows the request's activity id.
//! What the service says is safe to show, except for its internal errors: these are logged, and the client gets an id.

use axum::response::{IntoResponse, Response};
use coffer_model::policy::Denied;
use coffer_service::{Error as ServiceError, Guided, Kind, Problem};
use coffer_wire::ErrorEnvelope;
use coffer_wire::envelope::{CustomProperties, ValidationResult};
use http::StatusCode;
use std::error::Error as _;
use std::sync::Arc;

/// An error answer, not written yet.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    /// Namespace and type, as clients switch on.
    kind: (&'static str, &'static str),
    pub(crate) message: String,
    custom: Box<CustomProperties>,
    /// Why the gate said no, when it did.
    pub(crate) denied: Option<Box<Denied>>,
    /// What the log gets, and the client does not.
    pub(crate) cause: Option<Arc<str>>,
    /// After how many seconds it may be tried again.
    pub(crate) retry_after: Option<u32>,
}

pub(crate) type Result<T> = std::result::Result<T, ApiError>;

const TASKS: &str = "Microsoft.TeamFoundation.DistributedTask.WebApi";
const BUILD: &str = "Microsoft.TeamFoundation.Build.WebApi";
const CORE: &str = "Microsoft.TeamFoundation.Core.WebApi";
const FRAMEWORK: &str = "Microsoft.TeamFoundation.Framework.Server";
const PIPELINES: &str = "Microsoft.TeamFoundation.DistributedTask.Pipelines";
const IDENTITY: &str = "Microsoft.VisualStudio.Services.Identity";
const COMMON: &str = "Microsoft.VisualStudio.Services.Common";
const WEB_API: &str = "Microsoft.VisualStudio.Services.WebApi";
const OURS: &str = "Coffer";

impl ApiError {
    fn new(
        status: StatusCode,
        kind: (&'static str, &'static str),
        code: &str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
            custom: Box::new(CustomProperties {
                code: code.to_owned(),
                ..CustomProperties::default()
            }),
            denied: None,
            cause: None,
            retry_after: None,
        }
    }

    /// A wrong argument: 400.
    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            (COMMON, "VssPropertyValidationException"),
            "argument.invalid",
            message,
        )
    }

    /// Something the original does and we do not do yet: 400.
    pub(crate) fn not_supported(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            (COMMON, "VssServiceException"),
            "not_supported",
            message,
        )
    }

    /// A version that is no version: 400.
    pub(crate) fn version(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            (WEB_API, "VssInvalidApiResourceVersionException"),
            "version.invalid",
            message,
        )
    }

    /// A version newer than the server: 400.
    pub(crate) fn version_out_of_range(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            (WEB_API, "VssVersionOutOfRangeException"),
            "version.out_of_range",
            message,
        )
    }

    /// A write without a version, on a strict server: 400.
    pub(crate) fn version_missing(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            (WEB_API, "VssVersionNotSpecifiedException"),
            "version.missing",
            message,
        )
    }

    /// A preview that was not asked for as one, on a strict server: 400.
    pub(crate) fn version_preview(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            (WEB_API, "VssInvalidPreviewVersionException"),
            "version.preview",
            message,
        )
    }

    /// Nobody is signed in: 401, with the challenges that [`crate::answer`] adds.
    pub(crate) fn unauthenticated(code: &str, message: &str) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            (COMMON, "UnauthorizedRequestException"),
            code,
            prefixed("TF400813:", message),
        )
    }

    /// Signed in, and not allowed: 403.
    pub(crate) fn forbidden(code: &str, message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            (TASKS, "AccessDeniedException"),
            code,
            message,
        )
    }

    /// The request came the wrong way, or lost something on it: 400. See [`crate::mistakes`].
    pub(crate) fn mistake(code: &str, message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            (COMMON, "VssServiceException"),
            code,
            message,
        )
    }

    /// No such route: 404.
    pub(crate) fn no_route() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            (COMMON, "VssResourceNotFoundException"),
            "route.not_found",
            "There is no such API route. URLs have the form \
             {server}/{organization}/{project}/_apis/{area}/{resource}; OPTIONS {server}/{organization}/_apis lists what is served.",
        )
    }

    /// The route exists, for other methods: 405.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            (COMMON, "VssServiceException"),
            "method.not_allowed",
            "This route does not serve that method. The Allow header names the ones it serves.",
        )
    }

    /// An id in a path that is no id of the resource: 404, as the route would not have matched.
    pub(crate) fn no_such(code: &'static str, message: impl Into<String>) -> Self {
        let kind = by_code(code).map_or((COMMON, "VssResourceNotFoundException"), |known| known.1);
        Self::new(StatusCode::NOT_FOUND, kind, code, message)
    }

    /// The body took too long: 408.
    pub(crate) fn body_timeout() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            (COMMON, "VssServiceException"),
            "body.timeout",
            "The request's body did not arrive in time. Send it again over a steadier connection.",
        )
    }

    /// The body broke off: 400. Mostly nobody reads this.
    pub(crate) fn body_broken() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            (COMMON, "VssServiceException"),
            "body.broken",
            "The request's body broke off or is not valid HTTP. Send it again.",
        )
    }

    /// The body is larger than the route takes: 413.
    pub(crate) fn body_too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            (COMMON, "VssServiceException"),
            "body.too_large",
            format!("The request's body is larger than this route takes ({limit} bytes)."),
        )
    }

    /// The body's type is none the route reads: 415.
    pub(crate) fn media_type(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            (COMMON, "VssServiceException"),
            "content_type.unsupported",
            message,
        )
    }

    /// Our own fault: 500. `cause` goes to the log.
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        let mut error = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            (COMMON, "VssServiceException"),
            "internal",
            String::new(),
        );
        error.cause = Some(cause.into().into());
        error
    }

    /// The server cannot do this now, or as it is configured: 503.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            (COMMON, "VssServiceException"),
            "unavailable",
            message,
        )
    }

    /// A status that a library chose.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::no_route(),
            StatusCode::METHOD_NOT_ALLOWED => Self::method_not_allowed(),
            status if status.is_client_error() => Self::new(
                status,
                (COMMON, "VssServiceException"),
                "request.invalid",
                match status {
                    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
                        "The request's head is too large: it may take 64 KiB in all, and hold 100 headers."
                    }
                    StatusCode::URI_TOO_LONG => {
                        "The request's URL is too long. Ask for less at a time."
                    }
                    _ => {
                        "The request cannot be read. Check its first line, headers, path, query and body."
                    }
                },
            ),
            status => Self {
                status,
                ..Self::internal("a library answered with an error status")
            },
        }
    }

    /// Says which project is missing, in the words clients look for. The name is the request's own.
    pub(crate) fn naming_project(mut self, name: &str) -> Self {
        if self.custom.code == "project.not_found" {
            self.message = format!(
                "TF200016: The following project does not exist: {name}. Verify that the name of the project is correct and that the project exists on this server."
            );
        }
        self
    }

    /// The same refusal in words that fit the caller.
    pub(crate) fn guided(&mut self, words: Guided) {
        self.message = words.message;
        self.custom.hints.extend(words.hints);
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &str {
        &self.custom.code
    }

    /// What to do next.
    pub(crate) fn hints(&self) -> &[String] {
        &self.custom.hints
    }

    /// The body. `activity` is what the client can tell an administrator.
    pub(crate) fn envelope(&self, activity: &str) -> ErrorEnvelope {
        let message = if self.status == StatusCode::INTERNAL_SERVER_ERROR {
            format!(
                "Something went wrong inside the server. Tell its administrator the activity id {activity}: the server's log has the details."
            )
        } else {
            self.message.clone()
        };
        let (namespace, type_key) = self.kind;
        let mut envelope = ErrorEnvelope::new(namespace, type_key, message);
        envelope.custom_properties = Some(CustomProperties::clone(&self.custom));
        envelope
    }
}

/// Status and type of the codes that have their own; the others go by their kind.
fn by_code(code: &str) -> Option<(StatusCode, (&'static str, &'static str))> {
    Some(match code {
        "project.not_found" => (
            StatusCode::NOT_FOUND,
            (CORE, "ProjectDoesNotExistWithNameException"),
        ),
        "secure_file.not_found" => (
            StatusCode::NOT_FOUND,
            (TASKS, "SecureFileNotFoundException"),
        ),
        "secure_file.name_taken" => (StatusCode::CONFLICT, (TASKS, "SecureFileExistsException")),
        "task.not_found" | "task.no_package" => (
            StatusCode::NOT_FOUND,
            (TASKS, "TaskDefinitionNotFoundException"),
        ),
        "ticket.invalid" => (
            StatusCode::BAD_REQUEST,
            (FRAMEWORK, "DownloadTicketValidationException"),
        ),
        "pipeline.not_found" => (
            StatusCode::NOT_FOUND,
            (BUILD, "DefinitionNotFoundException"),
        ),
        "pipeline.name_taken" => (StatusCode::CONFLICT, (BUILD, "DefinitionExistsException")),
        "pipeline.invalid" | "pipeline.cannot_run" => (
            StatusCode::BAD_REQUEST,
            (PIPELINES, "PipelineValidationException"),
        ),
        "run.not_found" => (StatusCode::NOT_FOUND, (BUILD, "BuildNotFoundException")),
        "run.state" => (
            StatusCode::CONFLICT,
            (BUILD, "BuildStatusInvalidChangeException"),
        ),
        "identity.not_found" => (
            StatusCode::NOT_FOUND,
            (IDENTITY, "IdentityNotFoundException"),
        ),
        "identity.name_taken" => (
            StatusCode::CONFLICT,
            (IDENTITY, "IdentityAlreadyExistsException"),
        ),
        "not_supported" => (StatusCode::BAD_REQUEST, (COMMON, "VssServiceException")),
        "lease.lost" => (StatusCode::CONFLICT, (OURS, "LeaseLostException")),
        _ => return None,
    })
}

/// Status, namespace and type of an error of the service.
pub(crate) fn type_of(kind: Kind, code: &str) -> (StatusCode, (&'static str, &'static str)) {
    by_code(code).unwrap_or_else(|| by_kind(kind))
}

fn by_kind(kind: Kind) -> (StatusCode, (&'static str, &'static str)) {
    match kind {
        Kind::NotFound => (
            StatusCode::NOT_FOUND,
            (COMMON, "VssResourceNotFoundException"),
        ),
        Kind::Forbidden => (StatusCode::FORBIDDEN, (TASKS, "AccessDeniedException")),
        Kind::Unauthenticated => (
            StatusCode::UNAUTHORIZED,
            (COMMON, "UnauthorizedRequestException"),
        ),
        Kind::Conflict => (StatusCode::CONFLICT, (OURS, "ConflictException")),
        Kind::Invalid => (
            StatusCode::BAD_REQUEST,
            (COMMON, "VssPropertyValidationException"),
        ),
        Kind::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            (OURS, "ContentTooLargeException"),
        ),
        Kind::TooMany => (
            StatusCode::TOO_MANY_REQUESTS,
            (OURS, "TooManyAttemptsException"),
        ),
        Kind::Unavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            (COMMON, "VssServiceException"),
        ),
        Kind::Internal => (
            StatusCode::INTERNAL_SERVER_ERROR,
            (COMMON, "VssServiceException"),
        ),
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let cause = matches!(error.kind, Kind::Internal | Kind::Unavailable).then(|| chain(&error));
        let mut mapped = mapped(error.kind, error.code, &error.message);
        mapped.cause = cause.map(Into::into);
        mapped.retry_after = error.retry_after.map(u32::from);
        mapped.denied = error.denied;
        mapped.custom.hints = error.hints;
        mapped.custom.validation_results =
            error.problems.into_iter().map(validation_result).collect();
        mapped
    }
}

/// A problem of a pipeline, as clients read it.
pub(crate) fn validation_result(problem: Problem) -> ValidationResult {
    ValidationResult {
        result: if problem.warning { "warning" } else { "error" }.to_owned(),
        message: match problem.hint {
            Some(hint) => format!("{} ({hint})", problem.text),
            None => problem.text,
        },
        code: Some(problem.code),
        subject: problem.subject,
    }
}

/// Status, type and text of a refusal by the service.
fn mapped(kind: Kind, code: &str, message: &str) -> ApiError {
    let (status, type_key) = type_of(kind, code);
    let message = match (code, status) {
        ("ticket.invalid", _) => prefixed("TF15004:", message),
        ("project.not_found", _) => prefixed("TF200016:", message),
        (_, StatusCode::UNAUTHORIZED) => prefixed("TF400813:", message),
        (_, StatusCode::INTERNAL_SERVER_ERROR) => String::new(),
        _ => message.to_owned(),
    };
    ApiError::new(status, type_key, code, message)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Clients look for these numbers at the start of a text.
fn prefixed(number: &str, message: &str) -> String {
    if message.starts_with(number) {
        message.to_owned()
    } else {
        format!("{number} {message}")
    }
}

/// An error and everything below it, for the log.
fn chain(error: &ServiceError) -> String {
    let mut text = format!("{}: {}", error.code, error.message);
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
