//! The client against a tiny server of the test's own making: what goes out, and what comes back as which error.

use crate::{AuditQuery, Body, Client, ClientError, ClientOptions, ErrorKind, Filter, Upload};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use bytes::Bytes;
use coffer_wire::envelope::{CustomProperties, ErrorEnvelope, ValidationResult};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

const TOKEN: &str = "cof_pat_not_a_real_one";

/// A request as it arrived.
#[derive(Debug)]
struct Seen {
    method: String,
    target: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Response>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

async fn answer(State(script): State<Script>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut bytes = Vec::new();
    let mut pieces = body.into_data_stream();
    while let Some(Ok(piece)) = pieces.next().await {
        bytes.extend_from_slice(&piece);
    }
    script.seen.lock().unwrap().push(Seen {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        headers: parts.headers,
        body: bytes,
    });
    let next = script.answers.lock().unwrap().pop_front();
    next.unwrap_or_else(|| StatusCode::IM_A_TEAPOT.into_response())
}

/// A server that gives `answers` in order, and the record of what it was asked.
async fn server(answers: impl IntoIterator<Item = Response>) -> (Client, Script) {
    let script = Script::default();
    script.answers.lock().unwrap().extend(answers);
    let app = Router::new().fallback(answer).with_state(script.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (client(&format!("http://{address}")), script)
}

fn client(url: &str) -> Client {
    Client::new(ClientOptions {
        organization_url: url.to_owned(),
        token: Some(Zeroizing::new(TOKEN.to_owned())),
        ..ClientOptions::default()
    })
    .unwrap()
}

fn file() -> Value {
    json!({
        "id": "1ea53828-0000-4000-8000-000000000001", "name": "a.p12", "properties": {},
        "createdBy": {"id": "x"}, "createdOn": "2025-01-10T12:24:46Z",
        "modifiedBy": {"id": "x"}, "modifiedOn": "2025-01-10T12:24:46Z",
    })
}

fn ok(value: Value) -> Response {
    Json(value).into_response()
}

fn refusal(status: StatusCode, type_key: &str) -> Response {
    let mut envelope = ErrorEnvelope::new("Example", type_key, "It cannot be.");
    envelope.custom_properties = Some(CustomProperties {
        code: "example.cannot".into(),
        hints: vec!["Do it otherwise.".into()],
        validation_results: vec![ValidationResult {
            result: "error".into(),
            message: "a.yml:2:3: no such file".into(),
            code: None,
            subject: None,
        }],
    });
    (status, Json(envelope)).into_response()
}

#[tokio::test]
async fn a_reader_is_uploaded_in_pieces_and_progress_ends_at_the_size() {
    let (client, script) = server([ok(file())]).await;
    let content: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    let progress = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&progress);
    let upload = Upload {
        authorize_pipelines: true,
        progress: Some(Box::new(move |sent| noted.lock().unwrap().push(sent))),
        ..Upload::named("my cert & co.p12")
    };
    let body = Body::from_reader(io::Cursor::new(content.clone()));
    let stored = client
        .secure_files("My Project")
        .upload(upload, body)
        .await
        .unwrap();
    assert_eq!(stored.name, "a.p12");

    let seen = script.seen.lock().unwrap();
    assert_eq!(seen[0].method, "POST");
    assert_eq!(
        seen[0].target,
        "/DefaultCollection/My%20Project/_apis/distributedtask/securefiles\
         ?name=my%20cert%20%26%20co.p12&authorizePipelines=true"
    );
    assert_eq!(seen[0].body, content);
    assert_eq!(seen[0].headers[header::TRANSFER_ENCODING], "chunked");
    assert_eq!(
        seen[0].headers[header::CONTENT_TYPE],
        "application/octet-stream"
    );
    let progress = progress.lock().unwrap();
    assert!(progress.len() > 1, "one piece only");
    assert!(progress.is_sorted());
    assert_eq!(progress.last(), Some(&200_000));
}

#[tokio::test]
async fn a_known_size_is_told_first() {
    let (client, script) = server([ok(file())]).await;
    let upload = Upload {
        size: Some(3),
        ..Upload::named("a")
    };
    let files = client.secure_files("P");
    files.upload(upload, Body::from_bytes("abc")).await.unwrap();
    let seen = script.seen.lock().unwrap();
    assert_eq!(seen[0].headers[header::CONTENT_LENGTH], "3");
    assert_eq!(seen[0].body, b"abc");
}

#[tokio::test]
async fn content_that_cannot_be_read_is_not_blamed_on_the_server() {
    let (client, _script) = server([ok(file())]).await;
    let pieces = stream::iter([
        Ok(Bytes::from_static(b"abc")),
        Err(io::Error::other("the disk is on fire")),
    ]);
    let error = client
        .secure_files("P")
        .upload(Upload::named("a"), Body::from_stream(pieces))
        .await
        .unwrap_err();
    let ClientError::Content { source } = error else {
        panic!("{error:?}");
    };
    assert_eq!(source.to_string(), "the disk is on fire");
}

#[tokio::test]
async fn the_token_goes_out_by_basic_and_is_in_no_debug_text() {
    let (client, script) = server([ok(json!({"count": 0, "value": []}))]).await;
    client
        .secure_files("P")
        .list(&Filter::default())
        .await
        .unwrap();
    let seen = script.seen.lock().unwrap();
    // PAT:cof_pat_not_a_real_one
    let basic = "UEFUOmNvZl9wYXRfbm90X2FfcmVhbF9vbmU=";
    assert_eq!(
        seen[0].headers[header::AUTHORIZATION],
        format!("Basic {basic}")
    );

    let options = ClientOptions {
        token: Some(Zeroizing::new(TOKEN.to_owned())),
        ..ClientOptions::default()
    };
    let request = client.transport.request(http::Method::GET, "x", &[]);
    for text in [
        format!("{client:?}"),
        format!("{options:?}"),
        format!("{request:?}"),
    ] {
        assert!(!text.contains(TOKEN), "{text}");
        assert!(!text.contains(basic), "{text}");
    }
}

#[tokio::test]
async fn the_first_sign_in_sends_no_token() {
    let (client, script) = server([refusal(StatusCode::FORBIDDEN, "X")]).await;
    let body = coffer_wire::coffer::FirstSignIn {
        code: "1".into(),
        unique_name: "me".into(),
        label: "l".into(),
    };
    client
        .coffer()
        .sign_in(&body)
        .await
        .map(|_| ())
        .unwrap_err();
    let seen = script.seen.lock().unwrap();
    assert!(!seen[0].headers.contains_key(header::AUTHORIZATION));
}

#[tokio::test]
async fn an_envelope_becomes_a_refusal_with_everything_it_says() {
    for (status, kind) in [
        (StatusCode::UNAUTHORIZED, ErrorKind::NotSignedIn),
        (StatusCode::FORBIDDEN, ErrorKind::Denied),
        (StatusCode::NOT_FOUND, ErrorKind::NotFound),
        (StatusCode::CONFLICT, ErrorKind::Conflict),
        (StatusCode::BAD_REQUEST, ErrorKind::Invalid),
        (StatusCode::PAYLOAD_TOO_LARGE, ErrorKind::Invalid),
        (StatusCode::TOO_MANY_REQUESTS, ErrorKind::Unavailable),
        (StatusCode::INTERNAL_SERVER_ERROR, ErrorKind::Internal),
    ] {
        let (client, _script) = server([refusal(status, "ExampleException")]).await;
        let error = client.secure_files("P").get("1").await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(error.status(), Some(status.as_u16()));
        assert_eq!(error.to_string(), "It cannot be.");
        assert_eq!(error.type_key(), Some("ExampleException"));
        assert_eq!(error.code(), Some("example.cannot"));
        assert_eq!(error.hints(), ["Do it otherwise."]);
        assert_eq!(
            error.validation_results()[0].message,
            "a.yml:2:3: no such file"
        );
    }
}

#[tokio::test]
async fn a_strange_answer_is_an_error_that_does_not_repeat_it() {
    let page = (StatusCode::FORBIDDEN, "<html>sesame</html>").into_response();
    let elsewhere = (
        StatusCode::FOUND,
        [(header::LOCATION, "http://127.0.0.1:9/")],
    );
    let odd_json = ok(json!({"name": "sesame", "id": 7}));
    for answer in [page, elsewhere.into_response(), odd_json] {
        let (client, script) = server([answer]).await;
        let error = client.secure_files("P").get("1").await.unwrap_err();
        assert!(matches!(error, ClientError::Unexpected { .. }), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("sesame"));
        assert_eq!(
            script.seen.lock().unwrap().len(),
            1,
            "no redirect is followed"
        );
    }
}

#[tokio::test]
async fn reading_is_tried_again_and_writing_is_not() {
    let busy = || StatusCode::SERVICE_UNAVAILABLE.into_response();
    let (client, script) = server([busy(), busy(), ok(file())]).await;
    client.secure_files("P").get("1").await.unwrap();
    assert_eq!(script.seen.lock().unwrap().len(), 3);

    let (client, script) = server([busy(), ok(file())]).await;
    let upload = client
        .secure_files("P")
        .upload(Upload::named("a"), Body::from_bytes("a"))
        .await;
    assert_eq!(upload.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(script.seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn tries_end_and_the_last_answer_counts() {
    let busy = || refusal(StatusCode::BAD_GATEWAY, "Busy");
    let (client, script) = server([busy(), busy(), busy(), busy(), ok(file())]).await;
    let error = client.secure_files("P").get("1").await.unwrap_err();
    assert_eq!(error.type_key(), Some("Busy"));
    assert_eq!(script.seen.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_names_the_server_only() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = client(&format!("http://{address}/Acme"));
    let error = client
        .pipelines("P")
        .run(1, &Default::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(
        error.to_string(),
        format!("cannot reach the server at http://{address}")
    );
}

#[tokio::test]
async fn a_name_with_commas_is_found_and_others_are_not_taken_for_it() {
    let mut other = file();
    other["name"] = json!("b");
    let mut wanted = file();
    wanted["name"] = json!("A,b");
    let (client, script) = server([ok(json!({"count": 2, "value": [other, wanted]}))]).await;
    let found = client.secure_files("P").find("a,B").await.unwrap().unwrap();
    assert_eq!(found.name, "A,b");
    let target = script.seen.lock().unwrap()[0].target.clone();
    assert!(target.ends_with("?secureFileNames=a%2CB"), "{target}");
}

#[tokio::test]
async fn log_lines_are_read_as_text_and_as_json() {
    let text = ([(header::CONTENT_TYPE, "text/plain")], "one\r\n\ntwo\n").into_response();
    let wrapped = ok(json!({"count": 2, "value": ["one", "two"]}));
    let (client, script) = server([text, wrapped]).await;
    let builds = client.builds("P");
    assert_eq!(builds.log(7, 2, 5).await.unwrap(), ["one", "", "two"]);
    assert_eq!(builds.log(7, 2, 0).await.unwrap(), ["one", "two"]);
    let seen = script.seen.lock().unwrap();
    assert!(seen[0].target.ends_with("/builds/7/logs/2?startLine=5"));
    assert!(seen[1].target.ends_with("?startLine=1"));
    assert_eq!(seen[0].headers.get_all(header::ACCEPT).iter().count(), 1);
}

#[tokio::test]
async fn audit_lines_come_whole_however_they_are_cut() {
    let pieces = stream::iter([
        "{\"digest\":\"aa\"}\n\n{\"dig",
        "est\":\"bb\"}\r",
        "\n{\"digest\":\"cc\"}",
    ])
    .map(|piece| Ok::<_, io::Error>(Bytes::from(piece)));
    let (client, script) = server([axum::body::Body::from_stream(pieces).into_response()]).await;
    let query = AuditQuery {
        after: Some(3),
        ..AuditQuery::default()
    };
    let mut lines = client.coffer().audit(&query).await.unwrap();
    let mut digests = Vec::new();
    while let Some(entry) = lines
        .next::<coffer_wire::coffer::AuditEntry>()
        .await
        .unwrap()
    {
        digests.push(entry.digest);
    }
    assert_eq!(digests, ["aa", "bb", "cc"]);
    assert!(
        script.seen.lock().unwrap()[0]
            .target
            .ends_with("/audit?after=3")
    );
}

#[test]
fn a_ca_file_that_holds_no_certificate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(
        &path,
        "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let other = folder.path().join("other.pem");
    std::fs::write(&other, "hello").unwrap();
    for path in [path, other, folder.path().join("absent.pem")] {
        let error = Client::new(ClientOptions {
            organization_url: "https://c.example".into(),
            ca_file: Some(path),
            ..ClientOptions::default()
        })
        .unwrap_err();
        assert!(error.to_string().contains(".pem"), "{error}");
    }
}
