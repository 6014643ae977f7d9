//! Content being opened, piece by verified piece. Whoever has it was let through by the gate.

use crate::Service;
use crate::error::{Error, Kind, Result};
use coffer_model::{FileId, ProjectId};
use coffer_seal::{Contents, Opener};
use coffer_store::{BlobReader, SealedBody};
use zeroize::Zeroizing;

/// A file's content.
pub(crate) struct Content {
    /// What its wrapped key says of it.
    pub(crate) contents: Contents,
    opener: Option<Opener>,
    source: Source,
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
        Ok(Self {
            contents,
            opener: Some(Opener::new(&key, context)),
            source,
        })
    }

    /// The next piece of verified content; none at the end.
    ///
    /// # Errors
    /// The sealed bytes were changed. What came before was genuine, but the file is not whole.
    pub(crate) async fn next(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let mut plain = Zeroizing::new(Vec::new());
        while let Some(mut opener) = self.opener.take() {
            let sealed = match &mut self.source {
                Source::Row(sealed) => sealed.take(),
                Source::Blob(reader) => reader.next().await?,
            };
            match sealed {
                Some(sealed) => {
                    opener.push(&sealed, &mut plain)?;
                    self.opener = Some(opener);
                    if !plain.is_empty() {
                        return Ok(Some(plain));
                    }
                }
                None => opener.finish(&mut plain, &self.contents)?,
            }
        }
        Ok((!plain.is_empty()).then_some(plain))
    }
}
