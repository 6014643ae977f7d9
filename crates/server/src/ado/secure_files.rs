//! Secure files: `{project}/_apis/distributedtask/securefiles`.

use crate::App;
use crate::ado::{convert, project};
use crate::auth::Who;
use crate::body::{JsonBody, Pieces, declared_length, media_type, parse, read_all};
use crate::disposition;
use crate::error::{ApiError, Result};
use crate::params::{Params, file_id};
use crate::version::Asked;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use coffer_model::{Caller, FileId, ProjectId};
use coffer_service::{Download, FileChange, FileFilter, FileView};
use coffer_wire::enums::SecureFileActionFilter;
use coffer_wire::secure_files::SecureFileUpdate;
use futures_util::stream;
use http::header::{
    ALLOW, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
};
use http::{HeaderValue, Method, StatusCode};
use uuid::Uuid;

/// Largest body of a query: more than the longest condition, however a client escapes it.
const QUERY_LIMIT: usize = 64 * 1024;

/// `GET`: all files that the caller may see, or those of `secureFileNames`, `secureFileIds` or `namePattern`; the first
/// of these that is given counts.
pub(crate) async fn list(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    params: Params,
    asked: Asked,
) -> Result<Response> {
    let filter = FileFilter {
        names: params.filled("secureFileNames").map(str::to_owned),
        ids: params
            .parts("secureFileIds")
            .map(|ids| ids.into_iter().map(listed_id).collect::<Result<_>>())
            .transpose()?,
        pattern: params.filled("namePattern").map(str::to_owned),
        condition: None,
        action: params
            .flags::<SecureFileActionFilter>("actionFilter")?
            .into(),
        tickets: params.flag("includeDownloadTickets")?,
    };
    let project = project(&app, &caller, &name).await?.id;
    let found = app.service.files().list(&caller, project, filter).await?;
    Ok(asked.list(found.into_iter().map(convert::secure_file).collect()))
}

/// `GET /{id}`: with a ticket the content, without one the metadata, whatever `Accept` says.
pub(crate) async fn get(
    State(app): State<App>,
    Who(caller): Who,
    method: Method,
    Path((name, file)): Path<(String, String)>,
    params: Params,
    asked: Asked,
) -> Result<Response> {
    let file = file_id(&file)?;
    let project = project(&app, &caller, &name).await.map(|found| found.id);
    if let Some(ticket) = params.text("ticket") {
        if method == Method::HEAD {
            // The content is not to be had without its bytes: each look at it is audited as a use.
            let refusal = ApiError::method_not_allowed();
            return Ok(([(ALLOW, "GET")], refusal).into_response());
        }
        let attachment = params.flag("download")?;
        let files = app.service.files();
        // Whoever shows a ticket is on record, also who sees no such project: for them there is no such file in any.
        let place = project.as_ref().map_or(ProjectId(Uuid::nil()), |id| *id);
        let download = files.open(&caller, place, file, ticket).await;
        project?;
        return Ok(content(download?, attachment));
    }
    let project = project?;
    let ticket = params.flag("includeDownloadTicket")? || params.flag("includeDownloadTickets")?;
    let action = params
        .flags::<SecureFileActionFilter>("actionFilter")?
        .into();
    let files = app.service.files();
    let view = files.get(&caller, project, file, action, ticket).await?;
    Ok(asked.json(&convert::secure_file(view)))
}

/// `POST`: an upload or a query, told apart by `Content-Type`.
pub(crate) async fn post(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    params: Params,
    asked: Asked,
    request: Request,
) -> Result<Response> {
    if media_type(request.headers()) == "application/json" {
        return query(&app, &caller, &name, &params, &asked, request).await;
    }
    let view = receive(&app, &caller, &name, &params, request).await?;
    Ok(asked.json(&convert::secure_file(view)))
}

/// An upload, by whichever door it comes: the body is the content, `name` and `authorizePipelines` stand in the query.
///
/// The service looks at the caller's rights and at the name before a byte of the body is read.
pub(crate) async fn receive(
    app: &App,
    caller: &Caller,
    name: &str,
    params: &Params,
    request: Request,
) -> Result<FileView> {
    let kind = media_type(request.headers());
    if kind != "application/octet-stream" {
        return Err(ApiError::media_type(not_an_upload(&kind)));
    }
    let file_name = params.filled("name").ok_or_else(|| {
        ApiError::argument("The query parameter 'name' is missing: it is the new file's name.")
    })?;
    let authorize = params.flag("authorizePipelines")?;
    let project = project(app, caller, name).await?.id;
    let length = declared_length(request.headers());
    let files = app.service.files();
    let mut upload = files
        .upload(caller, project, file_name, authorize, length)
        .await?;
    let limits = &app.limits;
    let mut pieces = Pieces::new(request.into_body(), limits.body_idle, limits.upload_total);
    while let Some(piece) = pieces.next().await? {
        upload.write(&piece).await?;
    }
    Ok(upload.finish().await?)
}

/// The files whose properties a condition is true of: the body is a JSON string, or `null` for no condition.
async fn query(
    app: &App,
    caller: &Caller,
    name: &str,
    params: &Params,
    asked: &Asked,
    request: Request,
) -> Result<Response> {
    let limits = &app.limits;
    let body = request.into_body();
    let bytes = read_all(body, QUERY_LIMIT, limits.body_idle, limits.body_total).await?;
    let text: Option<String> = if bytes.iter().all(u8::is_ascii_whitespace) {
        None
    } else {
        parse(&bytes).map_err(|_| {
            ApiError::argument(
                "The body is not a JSON string. A query is a condition as one JSON string, quotes around it: \
                 \"eq(property('team'), 'mobile')\"; or null. To upload a file, send its bytes with the header \
                 'Content-Type: application/octet-stream'.",
            )
        })?
    };
    let filter = FileFilter {
        pattern: params.filled("namePattern").map(str::to_owned),
        condition: text.filter(|text| !text.trim().is_empty()),
        ..FileFilter::default()
    };
    let project = project(app, caller, name).await?.id;
    let found = app.service.files().list(caller, project, filter).await?;
    Ok(asked.list(found.into_iter().map(convert::secure_file).collect()))
}

/// What to say of a body that is neither bytes nor a query: which mistake it is, and what to do instead.
fn not_an_upload(kind: &str) -> String {
    const RIGHT: &str = "An upload is the file's bytes themselves, with the header 'Content-Type: application/octet-stream'";
    match kind {
        "" => format!("The request has no Content-Type. {RIGHT}."),
        "application/x-www-form-urlencoded" => format!(
            "The body is declared as a form, which is what curl does by itself. {RIGHT}: \
             curl -H 'Content-Type: application/octet-stream' --data-binary @FILE. (-d alone would drop line ends.)"
        ),
        kind if kind.starts_with("multipart/") => format!(
            "The body is a multipart form (-F in curl), which is not read. {RIGHT}: \
             curl -H 'Content-Type: application/octet-stream' --data-binary @FILE."
        ),
        _ => format!(
            "{RIGHT}. A query by properties is 'application/json'. Nothing else is read here."
        ),
    }
}

/// `PATCH /{id}`: name and properties.
pub(crate) async fn update(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, file)): Path<(String, String)>,
    asked: Asked,
    JsonBody(body): JsonBody<SecureFileUpdate>,
) -> Result<Response> {
    let file = file_id(&file)?;
    if let Some(id) = &body.id
        && Uuid::parse_str(id) != Ok(file.0)
    {
        return Err(ApiError::argument(
            "The body's 'id' is not the id in the path. Leave it out, or send the same.",
        ));
    }
    let project = project(&app, &caller, &name).await?.id;
    let files = app.service.files();
    let changes = vec![change(file, body)];
    let changed = files.update(&caller, project, changes).await?;
    match changed.into_iter().next() {
        Some(view) => Ok(asked.json(&convert::secure_file(view))),
        None => Err(ApiError::internal("an update answered no file")),
    }
}

/// `PATCH` on the collection: several files, all or none.
pub(crate) async fn update_many(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    asked: Asked,
    JsonBody(body): JsonBody<Vec<SecureFileUpdate>>,
) -> Result<Response> {
    let changes = body
        .into_iter()
        .map(|update| {
            let id = update.id.as_deref().ok_or_else(|| {
                ApiError::argument("Each element of the body needs the 'id' of its file.")
            })?;
            Ok(change(listed_id(id)?, update))
        })
        .collect::<Result<Vec<_>>>()?;
    let project = project(&app, &caller, &name).await?.id;
    let files = app.service.files();
    let changed = files.update(&caller, project, changes).await?;
    Ok(asked.list(changed.into_iter().map(convert::secure_file).collect()))
}

/// `DELETE /{id}`.
pub(crate) async fn delete(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, file)): Path<(String, String)>,
) -> Result<StatusCode> {
    let file = file_id(&file)?;
    let project = project(&app, &caller, &name).await?.id;
    app.service.files().delete(&caller, project, file).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn change(file: FileId, update: SecureFileUpdate) -> FileChange {
    FileChange {
        file,
        name: update.name,
        properties: update.properties,
        unchanged_since: None,
    }
}

fn listed_id(text: &str) -> Result<FileId> {
    Uuid::parse_str(text)
        .map(FileId)
        .map_err(|_| ApiError::argument("The ids of secure files are GUIDs."))
}

/// The content as a stream of verified pieces. When a piece fails, the connection breaks: half a file must not look
/// like a whole one, and the status is long gone.
fn content(download: Download, attachment: bool) -> Response {
    let length = HeaderValue::from(download.length());
    let disposition = attachment.then(|| disposition::attachment(download.name()));
    let pieces = stream::try_unfold(download, |mut download| async move {
        match download.next().await {
            Ok(Some(piece)) => Ok(Some((bytes::Bytes::from_owner(piece), download))),
            Ok(None) => Ok(None),
            Err(error) => {
                let cause = ApiError::from(error).cause;
                tracing::error!(cause = cause.as_deref(), "a download broke off");
                Err(std::io::Error::other("the content could not be opened"))
            }
        }
    });
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    if let Some(disposition) = disposition {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    response
}
