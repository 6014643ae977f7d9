//! An upload: bytes come in, are sealed as they come, and become a file in one commit, or nothing.

use crate::Service;
use crate::error::{Error, FILE, Kind, Result};
use crate::files::{FileView, parse_name};
use crate::keys::TRIES;
use crate::sealing::Sealing;
use coffer_model::act::{CreateFile, OpenAccess, ViewFile};
use coffer_model::library::MAX_FILE_BYTES;
use coffer_model::name::FileName;
use coffer_model::{Caller, FileId, ProjectId};
use coffer_seal::FileKey;
use coffer_store::{NewFile, Refusal, Stop};

/// An upload in progress. Dropping it abandons it: nothing is stored.
pub struct Upload {
    service: Service,
    caller: Caller,
    project: ProjectId,
    file: FileId,
    name: FileName,
    authorize_pipelines: bool,
    key: FileKey,
    sealing: Sealing,
    received: u64,
}

fn too_large() -> Error {
    Error::new(
        Kind::TooLarge,
        "secure_file.too_large",
        format!("A secure file is at most {MAX_FILE_BYTES} bytes (10 MB). Nothing was stored."),
    )
}

impl Upload {
    pub(crate) async fn begin(
        service: &Service,
        caller: &Caller,
        project: ProjectId,
        name: &str,
        authorize_pipelines: bool,
        declared_length: Option<u64>,
    ) -> Result<Self> {
        let name = parse_name(name)?;
        let file = FileId::random(service.entropy());
        let act = CreateFile { project, file };
        let mut read = service.store().read().await?;
        let allowed = read.may(caller, &act).await?;
        let taken = allowed
            && read
                .file_reference_by_name(project, name.as_str())
                .await?
                .is_some();
        let organization = service.organization().id;
        let open_allowed = read
            .organization_settings(organization)
            .await?
            .open_access_allowed;
        drop(read);
        if !allowed {
            // A stranger cannot make us read 10 MB; the refusal is on record all the same.
            return Err(deny(service, caller, act).await);
        }
        if authorize_pipelines {
            may_open(service, caller, project, file).await?;
        }
        if taken {
            return Err(Error::from(Refusal::NameTaken).about(&FILE));
        }
        if authorize_pipelines && !open_allowed {
            return Err(Refusal::OpenAccessOff.into());
        }
        if declared_length.is_some_and(|length| length > MAX_FILE_BYTES) {
            return Err(too_large());
        }
        // Found out before the body: an upload that could not be sealed in the end is refused at once.
        service.keys().active(project).await?;
        let key = FileKey::generate(service.entropy());
        let context = service.keys().context(project, file.0);
        let sealing = Sealing::new(service, &key, context);
        Ok(Self {
            service: service.clone(),
            caller: caller.clone(),
            project,
            file,
            name,
            authorize_pipelines,
            key,
            sealing,
            received: 0,
        })
    }

    /// Takes bytes of the content.
    ///
    /// # Errors
    /// [`Kind::TooLarge`] as soon as there are more than [`MAX_FILE_BYTES`]; the upload is then of no use any more.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.received += bytes.len() as u64;
        if self.received > MAX_FILE_BYTES {
            self.sealing.abandon().await;
            return Err(too_large());
        }
        self.sealing.push(bytes).await
    }

    /// Seals the end, wraps the key, and commits file, key, rights and audit row together.
    pub async fn finish(mut self) -> Result<FileView> {
        let (summary, placement) = self.sealing.finish().await?;
        for _ in 0..TRIES {
            let (key_id, project_key) = self.service.keys().active(self.project).await?;
            let new = NewFile {
                name: self.name.clone(),
                size: summary.length,
                preamble: summary.preamble.to_vec(),
                placement: placement.clone(),
                sealed_length: summary.sealed_length,
                sealed_sha256: summary.sealed_sha256,
                project_key: key_id,
                wrapped: project_key.wrap_file_key(&self.key, &summary, self.service.entropy()),
            };
            match self.commit(new).await {
                Err(Stop::Refused(Refusal::KeyNotActive)) => {}
                Err(stop) => {
                    self.service.give_up(&placement).await;
                    return Err(Error::from(stop).about(&FILE));
                }
                Ok(()) => return self.view(&summary.sha256).await,
            }
        }
        self.service.give_up(&placement).await;
        Err(Refusal::KeyNotActive.into())
    }

    async fn commit(&self, new: NewFile) -> std::result::Result<(), Stop> {
        let (caller, project, file) = (self.caller.clone(), self.project, self.file);
        let open = self.authorize_pipelines;
        self.service
            .store()
            .write("secure_file.upload", move |tx| {
                let (caller, new) = (caller.clone(), new.clone());
                Box::pin(async move {
                    let details = [
                        ("name", new.name.as_str().to_owned()),
                        ("size", new.size.to_string()),
                        ("sealedSha256", hex::encode(new.sealed_sha256)),
                    ];
                    let grant = tx
                        .authorize_with(&caller, CreateFile { project, file }, &details)
                        .await?;
                    tx.file_insert(grant, new).await?;
                    if open {
                        let grant = tx.authorize(&caller, OpenAccess { project, file }).await?;
                        tx.permission_open(grant).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    async fn view(&self, sha256: &coffer_seal::Digest) -> Result<FileView> {
        let mut read = self.service.store().read().await?;
        let seen = read
            .look(
                &self.caller,
                ViewFile {
                    project: self.project,
                    file: self.file,
                },
            )
            .await?;
        let mut view = FileView::from(read.file(&self.caller, &seen).await?);
        view.sha256 = Some(sha256.to_hex());
        Ok(view)
    }
}

/// Who could not open the file by hand, whatever its rights, does not with an upload either, and hears so before a byte is
/// read. Its creator will administer it: that right need not be looked at.
async fn may_open(
    service: &Service,
    caller: &Caller,
    project: ProjectId,
    file: FileId,
) -> Result<()> {
    let caller = caller.clone();
    service
        .store()
        .write("secure_file.upload", move |tx| {
            let caller = caller.clone();
            Box::pin(async move {
                tx.refuse_ahead(&caller, &OpenAccess { project, file })
                    .await
            })
        })
        .await?;
    Ok(())
}

/// Puts a refusal on record, and says it.
async fn deny(service: &Service, caller: &Caller, act: CreateFile) -> Error {
    let caller = caller.clone();
    let refused = service
        .store()
        .write("secure_file.upload", move |tx| {
            let (caller, act) = (caller.clone(), act.clone());
            Box::pin(async move { tx.authorize(&caller, act).await.map(drop) })
        })
        .await;
    match refused {
        Err(stop) => Error::from(stop).about(&FILE),
        // The right was given in between: ask again.
        Ok(()) => Error::new(
            Kind::Unavailable,
            "store.unavailable",
            "Your rights just changed. Try again.",
        ),
    }
}
