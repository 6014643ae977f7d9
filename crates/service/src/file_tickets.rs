//! Tickets that a live job asks for itself. For everybody else there is none, without a word.

use crate::error::{Result, unless_denied};
use crate::files::{FileView, Files};
use crate::tokens;
use coffer_model::act::IssueTicket;
use coffer_model::{Authentication, Caller, FileId, ProjectId};
use zeroize::Zeroizing;

impl Files<'_> {
    /// A ticket for a live job that asks for one of its own files.
    pub(crate) async fn ticket(
        &self,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
    ) -> Result<Option<Zeroizing<String>>> {
        let Authentication::Job { job, run, .. } = caller.authentication else {
            return Ok(None);
        };
        let ticket = tokens::secret(self.0.entropy());
        let (hash, caller) = (tokens::hash(&ticket), caller.clone());
        let issued = self
            .0
            .store()
            .write("ticket.issue", move |tx| {
                let caller = caller.clone();
                let act = IssueTicket {
                    project,
                    file,
                    run,
                    job,
                };
                Box::pin(async move {
                    let grant = tx.authorize(&caller, act).await?;
                    tx.ticket_insert(grant, &hash).await.map(drop)
                })
            })
            .await;
        Ok(unless_denied(issued)?.map(|()| ticket))
    }

    /// Tickets for those of the files that the job's plan holds, in one unit. Of what the plan does not hold nothing is
    /// asked; what it holds and the job may not have now is asked for by itself, so that the denial is on record.
    pub(crate) async fn add_tickets(
        &self,
        caller: &Caller,
        project: ProjectId,
        views: &mut [FileView],
    ) -> Result<()> {
        let Authentication::Job { job, run, .. } = caller.authentication else {
            return Ok(());
        };
        let wanted: Vec<(FileId, Zeroizing<String>)> = views
            .iter()
            .map(|view| (view.file.id, tokens::secret(self.0.entropy())))
            .collect();
        let hashes: Vec<(FileId, [u8; 32])> = wanted
            .iter()
            .map(|(file, ticket)| (*file, tokens::hash(ticket)))
            .collect();
        let asked = caller.clone();
        let (issued, refused) = self
            .0
            .store()
            .write("ticket.issue", move |tx| {
                let (caller, hashes) = (asked.clone(), hashes.clone());
                Box::pin(async move {
                    let planned = tx.job_files(job).await?;
                    let (mut issued, mut refused) = (Vec::new(), Vec::new());
                    for (file, hash) in hashes {
                        if !planned.contains(&file) {
                            continue;
                        }
                        let act = IssueTicket {
                            project,
                            file,
                            run,
                            job,
                        };
                        if tx.may(&caller, &act).await? {
                            let grant = tx.authorize(&caller, act).await?;
                            tx.ticket_insert(grant, &hash).await?;
                            issued.push(file);
                        } else {
                            refused.push(file);
                        }
                    }
                    Ok((issued, refused))
                })
            })
            .await?;
        for (view, (file, ticket)) in views.iter_mut().zip(wanted) {
            if issued.contains(&file) {
                view.ticket = Some(ticket);
            } else if refused.contains(&file) {
                view.ticket = self.ticket(caller, project, file).await?;
            }
        }
        Ok(())
    }
}
