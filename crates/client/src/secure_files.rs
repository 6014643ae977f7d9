//! Secure files: metadata and uploads. Content never comes back this way.

use crate::transport::Transport;
use crate::{Body, ClientError};
use coffer_wire::List;
use coffer_wire::paths::{fill, secure_files as paths};
use coffer_wire::secure_files::{SecureFile, SecureFileUpdate};
use futures_util::StreamExt as _;
use http::Method;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use std::io;
use std::sync::{Arc, Mutex};

/// The secure files of one project.
pub struct SecureFiles<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) project: &'a str,
}

/// Which files to list. The default is all that the caller may see.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `*` stands for any run of characters.
    pub name_pattern: Option<String>,
    /// These names only, joined by commas on the wire.
    pub names: Vec<String>,
    /// Only files the caller may `use`, or `manage`.
    pub action: Option<String>,
}

/// What to upload, beside the content.
pub struct Upload {
    /// Name in the library.
    pub name: String,
    /// Bytes, when known: the server can then refuse early. Without it the body goes chunked.
    pub size: Option<u64>,
    /// Whether every pipeline of the project may use the file at once.
    pub authorize_pipelines: bool,
    /// Called with the bytes handed to the connection so far.
    pub progress: Option<Box<dyn Fn(u64) + Send + Sync>>,
}

impl Upload {
    /// An upload that no pipeline may use yet, of unknown size.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            size: None,
            authorize_pipelines: false,
            progress: None,
        }
    }
}

impl SecureFiles<'_> {
    /// The files that match, in the server's order.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<SecureFile>, ClientError> {
        let names = (!filter.names.is_empty()).then(|| filter.names.join(","));
        let query = [
            ("namePattern", filter.name_pattern.as_deref()),
            ("secureFileNames", names.as_deref()),
            ("actionFilter", filter.action.as_deref()),
        ];
        let list: List<SecureFile> = self
            .transport
            .get(&fill(paths::COLLECTION, &[self.project]), &query)
            .await?;
        Ok(list.value)
    }

    /// The files whose properties a condition is true of: `eq(property('team'), 'mobile')`. They are those that
    /// [`Self::list`] would show, with names that match the pattern if there is one.
    ///
    /// # Errors
    /// As the server refuses: what is no condition is invalid, and the message says where.
    pub async fn query(
        &self,
        condition: &str,
        name_pattern: Option<&str>,
    ) -> Result<Vec<SecureFile>, ClientError> {
        let path = fill(paths::COLLECTION, &[self.project]);
        let query = [("namePattern", name_pattern)];
        let list: List<SecureFile> = self
            .transport
            .call(Method::POST, &path, &query, &condition)
            .await?;
        Ok(list.value)
    }

    /// One file's metadata.
    ///
    /// # Errors
    /// Not found also where the caller may not know that it exists.
    pub async fn get(&self, id: &str) -> Result<SecureFile, ClientError> {
        self.transport
            .get(&fill(paths::ITEM, &[self.project, id]), &[])
            .await
    }

    /// The file of a name, ignoring case; `None` when there is none that the caller may see.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn find(&self, name: &str) -> Result<Option<SecureFile>, ClientError> {
        // A name may hold commas, which separate names on the wire: what comes back is compared again.
        let filter = Filter {
            names: vec![name.to_owned()],
            ..Filter::default()
        };
        let wanted = name.to_lowercase();
        Ok(self
            .list(&filter)
            .await?
            .into_iter()
            .find(|file| file.name.to_lowercase() == wanted))
    }

    /// Uploads a new file. Not tried again when the connection breaks: list by name to see whether it arrived.
    ///
    /// # Errors
    /// [`ClientError::Content`] when the content cannot be read; else as the server refuses.
    pub async fn upload(&self, upload: Upload, body: Body) -> Result<SecureFile, ClientError> {
        let query = [
            ("name", Some(upload.name.as_str())),
            (
                "authorizePipelines",
                upload.authorize_pipelines.then_some("true"),
            ),
        ];
        let path = fill(paths::COLLECTION, &[self.project]);
        let mut request = self
            .transport
            .request(Method::POST, &path, &query)
            .header(CONTENT_TYPE, "application/octet-stream");
        if let Some(size) = upload.size {
            request = request.header(CONTENT_LENGTH, size);
        }
        let progress = upload.progress;
        let unreadable: Arc<Mutex<Option<io::Error>>> = Arc::default();
        let noted = Arc::clone(&unreadable);
        let mut sent = 0;
        let pieces = body.stream.map(move |piece| match piece {
            Ok(piece) => {
                sent += piece.len() as u64;
                if let Some(progress) = &progress {
                    progress(sent);
                }
                Ok(piece)
            }
            Err(error) => {
                let kind = error.kind();
                if let Ok(mut slot) = noted.lock() {
                    *slot = Some(error);
                }
                Err(io::Error::from(kind))
            }
        });
        let request = request.body(reqwest::Body::wrap_stream(pieces));
        let answer = self.transport.send(request).await;
        let source = unreadable.lock().ok().and_then(|mut slot| slot.take());
        match (answer, source) {
            (Err(_), Some(source)) => Err(ClientError::Content { source }),
            (answer, _) => self.transport.json(answer?).await,
        }
    }

    /// Changes name or properties. Content never changes.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn update(
        &self,
        id: &str,
        change: &SecureFileUpdate,
    ) -> Result<SecureFile, ClientError> {
        let path = fill(paths::ITEM, &[self.project, id]);
        self.transport.call(Method::PATCH, &path, &[], change).await
    }

    /// Deletes a file for good.
    ///
    /// # Errors
    /// As the server refuses.
    pub async fn delete(&self, id: &str) -> Result<(), ClientError> {
        self.transport
            .delete(&fill(paths::ITEM, &[self.project, id]))
            .await
    }
}
