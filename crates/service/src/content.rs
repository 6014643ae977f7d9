//! Content being opened, piece by verified piece. Whoever has it was let through by the gate.

use crate::Service;
use crate::error::{Error, Kind, Result};
use coffer_model::{FileId, ProjectId};
use coffer_seal::{Contents, OpenError, Opener};
use coffer_store::{BlobReader, SealedBody};
use zeroize::Zeroizing;

/// A file's content.
pub(crate) struct Content {
    /// What its wrapped key says of it.
    pub(crate) contents: Contents,
    opener: Option<Opener>,
    source: Source,
    /// The first piece, opened before anything is answered: what was changed at its beginning is an error, and not an
    /// answer that breaks off.
    ahead: Option<Zeroizing<Vec<u8>>>,
    service: Service,
    project: ProjectId,
    file: FileId,
}

enum Source {
    Row(Option<Vec<u8>>),
    Blob(BlobReader),
}

impl Content {
    /// Unwraps the key of a body that the gate gave out.
    pub(crate) async fn open(
        service: &Service,
        project: ProjectId,
        file: FileId,
        body: SealedBody,
    ) -> Result<Self> {
        let context = service.keys().context(project, file.0);
        let (key, contents) = service
            .keys()
            .open_file_key(&body.key, &body.preamble, context)
            .await?;
        let source = match (body.sealed, body.blob) {
            (Some(sealed), _) => Source::Row(Some(sealed)),
            (None, Some(blob)) => Source::Blob(service.store().blob_open(blob).await?),
            (None, None) => {
                return Err(Error::new(
                    Kind::Internal,
                    "internal",
                    "The stored file has no content.",
                ));
            }
        };
        let mut content = Self {
            contents,
            opener: Some(Opener::new(&key, context)),
            source,
            ahead: None,
            service: service.clone(),
            project,
            file,
        };
        content.ahead = content.next().await?;
        Ok(content)
    }

    /// The next piece of verified content; none at the end.
    ///
    /// # Errors
    /// The sealed bytes were changed. What came before was genuine, but the file is not whole.
    pub(crate) async fn next(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        let mut plain = Zeroizing::new(Vec::new());
        while let Some(mut opener) = self.opener.take() {
            let sealed = match &mut self.source {
                Source::Row(sealed) => sealed.take(),
                Source::Blob(reader) => reader.next().await?,
            };
            match sealed {
                Some(sealed) => {
                    if let Err(error) = opener.push(&sealed, &mut plain) {
                        return Err(self.changed(error).await);
                    }
                    self.opener = Some(opener);
                    if !plain.is_empty() {
                        return Ok(Some(plain));
                    }
                }
                None => {
                    if let Err(error) = opener.finish(&mut plain, &self.contents) {
                        return Err(self.changed(error).await);
                    }
                }
            }
        }
        Ok((!plain.is_empty()).then_some(plain))
    }

    async fn changed(&self, error: OpenError) -> Error {
        let keys = self.service.keys();
        keys.does_not_open(
            "sealed content of a file",
            Some(self.project),
            self.file,
            error,
        )
        .await
    }
}
