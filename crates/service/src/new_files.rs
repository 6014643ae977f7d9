//! What a page asks before files are uploaded: whether their names will do. It promises nothing: the upload is asked
//! everything again.

use crate::error::{Error, FILE, Result};
use crate::files::{Files, few};
use coffer_model::act::CreateFile;
use coffer_model::name::{self, FileName};
use coffer_model::{Caller, FileId, ProjectId};
use coffer_store::Refusal;
use uuid::Uuid;

/// A name for a new file, looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckedName {
    /// What names are compared by: two names with one key are the same.
    pub key: String,
    /// Why no file can have it.
    pub problem: Option<String>,
}

impl Files<'_> {
    /// Looks at names for new files: the rules of names, and whether they are taken. Only for who may create files: to
    /// others it would tell of files that they may not see.
    pub async fn check_names(
        &self,
        caller: &Caller,
        project: ProjectId,
        names: &[&str],
    ) -> Result<Vec<CheckedName>> {
        few(names.len(), "names")?;
        let file = FileId(Uuid::nil());
        let mut read = self.0.store().read().await?;
        read.look(caller, CreateFile { project, file })
            .await
            .map_err(|stop| Error::from(stop).about(&FILE))?;
        let parsed: Vec<_> = names.iter().map(|name| FileName::parse(name)).collect();
        let good: Vec<FileName> = parsed.iter().flatten().cloned().collect();
        let taken = read.names_taken(project, &good).await?;
        let looked_at = names.iter().zip(parsed).map(|(name, parsed)| {
            let key = name::key(name);
            let problem = match parsed {
                Err(problem) => Some(problem.to_string()),
                Ok(_) if taken.contains(&key) => {
                    Some(Error::from(Refusal::NameTaken).about(&FILE).message)
                }
                Ok(_) => None,
            };
            CheckedName { key, problem }
        });
        Ok(looked_at.collect())
    }
}
