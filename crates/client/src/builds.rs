//! Builds: runs with their timelines and logs.

use crate::ClientError;
use crate::transport::{ACCEPT_TEXT, Transport};
use coffer_wire::List;
use coffer_wire::builds::{Build, LogReference, Timeline};
use coffer_wire::paths::{builds as paths, fill};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use serde_json::json;

/// The builds of one project. A build's id is its run's id.
pub struct Builds<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) project: &'a str,
}

impl Builds<'_> {
    /// The newest builds, of one pipeline or of all.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn list(&self, pipeline: Option<i64>, top: u32) -> Result<Vec<Build>, ClientError> {
        let pipeline = pipeline.map(|id| id.to_string());
        let top = top.to_string();
        let query = [
            ("definitions", pipeline.as_deref()),
            ("queryOrder", Some("queueTimeDescending")),
            ("$top", Some(top.as_str())),
        ];
        let list: List<Build> = self
            .transport
            .get(&fill(paths::COLLECTION, &[self.project]), &query)
            .await?;
        Ok(list.value)
    }

    /// One build.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn get(&self, id: i64) -> Result<Build, ClientError> {
        self.transport.get(&self.path(paths::ITEM, id), &[]).await
    }

    /// What happened so far.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn timeline(&self, id: i64) -> Result<Timeline, ClientError> {
        self.transport
            .get(&self.path(paths::TIMELINE, id), &[])
            .await
    }

    /// The logs and how many lines each has so far.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn logs(&self, id: i64) -> Result<Vec<LogReference>, ClientError> {
        let list: List<LogReference> = self.transport.get(&self.path(paths::LOGS, id), &[]).await?;
        Ok(list.value)
    }

    /// The lines of a log from `start_line` on, counted from 1.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn log(
        &self,
        id: i64,
        log: i64,
        start_line: i64,
    ) -> Result<Vec<String>, ClientError> {
        let path = fill(
            paths::LOG,
            &[self.project, &id.to_string(), &log.to_string()],
        );
        let start = start_line.max(1).to_string();
        let query = [("startLine", Some(start.as_str()))];
        let response = self
            .transport
            .send_again(|| {
                let mut headers = http::HeaderMap::new();
                headers.insert(ACCEPT, HeaderValue::from_static(ACCEPT_TEXT));
                self.transport
                    .request(Method::GET, &path, &query)
                    .headers(headers)
            })
            .await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Vec::new());
        }
        let wrapped = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        if wrapped {
            let list: List<String> = self.transport.json(response).await?;
            return Ok(list.value);
        }
        let bytes = self.transport.bytes(response).await?;
        Ok(String::from_utf8_lossy(&bytes)
            .split_terminator('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned())
            .collect())
    }

    /// Asks for the run to be cancelled.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn cancel(&self, id: i64) -> Result<Build, ClientError> {
        self.transport
            .call(
                Method::PATCH,
                &self.path(paths::ITEM, id),
                &[],
                &json!({"status": "cancelling"}),
            )
            .await
    }

    fn path(&self, template: &str, id: i64) -> String {
        fill(template, &[self.project, &id.to_string()])
    }
}
