//! A download: the audit row first, then the key, then the content, piece by verified piece.

use crate::content::Content;
use crate::error::{Error, FILE, Result};
use crate::{Service, tokens};
use coffer_model::act::ReadContents;
use coffer_model::policy::Denied;
use coffer_model::{Caller, FileId, ProjectId};
use coffer_store::SealedBody;
use zeroize::Zeroizing;

/// Tickets longer than this are not ours.
const MAX_TICKET: usize = 256;

/// A file being read by a job.
pub struct Download {
    name: String,
    content: Content,
    service: Service,
    project: ProjectId,
    file: FileId,
}

impl Download {
    pub(crate) async fn open(
        service: &Service,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
        ticket: &str,
    ) -> Result<Self> {
        // A ticket that cannot be ours still goes through the gate, so that the attempt is on record.
        let ticket = tokens::hash(ticket.get(..MAX_TICKET).unwrap_or(ticket));
        let asked = caller.clone();
        let opened = service
            .store()
            .write("secure_file.read", move |tx| {
                let caller = asked.clone();
                Box::pin(async move {
                    let grant = tx
                        .authorize(
                            &caller,
                            ReadContents {
                                project,
                                file,
                                ticket,
                            },
                        )
                        .await?;
                    tx.sealed_body(grant).await
                })
            })
            .await;
        let body = match opened {
            Ok(body) => body,
            Err(stop) => {
                let error = Error::from(stop).about(&FILE);
                return Err(service.guide_job(caller, project, file, error).await);
            }
        };
        // Committed: from here on the use is on record.
        Self::of(service, body, project, file).await
    }

    /// The content of a body that the gate gave out.
    pub(crate) async fn of(
        service: &Service,
        body: SealedBody,
        project: ProjectId,
        file: FileId,
    ) -> Result<Self> {
        let name = body.name.clone();
        Ok(Self {
            name,
            content: Content::open(service, project, file, body).await?,
            service: service.clone(),
            project,
            file,
        })
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of content.
    pub fn length(&self) -> u64 {
        self.content.contents.length
    }

    /// The next piece of verified content; none at the end.
    ///
    /// # Errors
    /// The file was frozen meanwhile, or the sealed bytes were changed. What came before was genuine, but the file is not whole: end the answer so that
    /// the reader sees that.
    pub async fn next(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>> {
        if self.service.frozen().holds(self.project, self.file) {
            return Err(Denied::Frozen.into());
        }
        self.content.next().await
    }
}
