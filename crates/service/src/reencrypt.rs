//! Re-encryption: a file's content is sealed again with a new file key, for when the old one may be known.
//!
//! Rotation only wraps the same file key anew; this makes another one. The content stays the same, and so do its digest,
//! its name and who may use it. Row, key and audit row change in one commit; the old sealed bytes go to the trash.

use crate::again::Again;
use crate::content::Content;
use crate::error::{Error, FILE, Kind, Result};
use crate::files::Files;
use crate::keys::TRIES;
use crate::sealing::Sealing;
use coffer_model::act::ReencryptFile;
use coffer_model::{Caller, FileId, ProjectId};
use coffer_seal::FileKey;
use coffer_store::{Refusal, Resealed, Stop};

impl Files<'_> {
    /// Seals a file's content again with a new file key. Downloads that began before go on to their end. The caller shows
    /// in the call itself who it is: with a token alone nobody makes the server open a file.
    ///
    /// # Errors
    /// [`Kind::Conflict`] when somebody else did the same meanwhile: the key is new then as well.
    pub async fn re_encrypt(
        &self,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
        again: Again,
    ) -> Result<()> {
        let service = self.0;
        let act = ReencryptFile { project, file };
        let proven = again.of(service, caller).await?;
        let caller = &proven.caller;
        let (asked, wanted) = (proven.clone(), act.clone());
        let stored = service
            .store()
            .write("secure_file.reencrypt_read", move |tx| {
                let (proven, act) = (asked.clone(), wanted.clone());
                Box::pin(async move {
                    let details = [("step", "begun".to_owned())];
                    let grant = tx.authorize_with(&proven.caller, act, &details).await?;
                    proven.spend(tx).await?;
                    tx.sealed_body_to_reseal(grant).await
                })
            })
            .await;
        let body = proven
            .unless_replayed(service, stored)
            .await?
            .map_err(|stop| Error::from(stop).about(&FILE))?;
        let was = body.preamble.clone();
        let mut content = Content::open(service, project, file, body).await?;
        let key = FileKey::generate(service.entropy());
        let context = service.keys().context(project, file.0);
        let mut sealing = Sealing::new(service, &key, context);
        while let Some(plain) = content.next().await? {
            sealing.push(&plain).await?;
        }
        let (summary, placement) = sealing.finish().await?;
        let contents = &content.contents;
        if summary.length != contents.length || !summary.sha256.ct_eq(&contents.sha256) {
            service.give_up(&placement).await;
            return Err(Error::new(
                Kind::Internal,
                "internal",
                "The file sealed again is not the file that was read. Nothing was changed.",
            ));
        }
        for _ in 0..TRIES {
            let (project_key, wrapping) = service.keys().active(project).await?;
            let new = Resealed {
                was: was.clone(),
                preamble: summary.preamble.to_vec(),
                placement: placement.clone(),
                sealed_length: summary.sealed_length,
                sealed_sha256: summary.sealed_sha256,
                project_key,
                wrapped: wrapping.wrap_file_key(&key, &summary, service.entropy()),
            };
            match self.reseal(caller, &act, new).await {
                Ok(()) => return Ok(()),
                // A rotation came between.
                Err(Stop::Refused(Refusal::KeyNotActive)) => {}
                Err(stop) => {
                    service.give_up(&placement).await;
                    return Err(Error::from(stop).about(&FILE));
                }
            }
        }
        service.give_up(&placement).await;
        Err(Refusal::KeyNotActive.into())
    }

    async fn reseal(
        &self,
        caller: &Caller,
        act: &ReencryptFile,
        new: Resealed,
    ) -> std::result::Result<(), Stop> {
        let (caller, act) = (caller.clone(), act.clone());
        self.0
            .store()
            .write("secure_file.reencrypt", move |tx| {
                let (caller, act, new) = (caller.clone(), act.clone(), new.clone());
                Box::pin(async move {
                    let details = [
                        ("step", "done".to_owned()),
                        ("sealedSha256", hex::encode(new.sealed_sha256)),
                    ];
                    let grant = tx.authorize_with(&caller, act, &details).await?;
                    tx.file_reseal(grant, new).await
                })
            })
            .await
    }
}
