//! The tasks that pipelines can use. They are the same for everybody and hold no secrets, so that who can do anything at
//! all may read them. How a task is run is the agent's business.

use crate::{Error, Kind, Result, Service};
use coffer_model::Caller;
use coffer_pipeline::tasks::{TaskDefinition, builtins};
use std::sync::Arc;
use uuid::Uuid;

/// What is known of tasks.
pub struct Tasks<'a>(pub(crate) &'a Service);

impl Tasks<'_> {
    /// All of them, in all versions.
    pub async fn all(&self, caller: &Caller) -> Result<&'static [Arc<TaskDefinition>]> {
        self.0.access().describe(caller).await?;
        Ok(builtins())
    }

    /// The versions of one task.
    pub async fn of(&self, caller: &Caller, id: &str) -> Result<Vec<&'static TaskDefinition>> {
        let all = self.all(caller).await?;
        of(all, id)
    }

    /// One version of one task: `1.2.3`, or `1` for the newest of that major.
    pub async fn version(
        &self,
        caller: &Caller,
        id: &str,
        version: &str,
    ) -> Result<&'static TaskDefinition> {
        let all = self.all(caller).await?;
        newest(all, id, version)
    }
}

fn of<'a>(all: &'a [Arc<TaskDefinition>], id: &str) -> Result<Vec<&'a TaskDefinition>> {
    let id = Uuid::try_parse(id).map_err(|_| not_found())?;
    let all = all.iter().map(Arc::as_ref);
    let found: Vec<_> = all.filter(|task| task.id == id).collect();
    if found.is_empty() {
        return Err(not_found());
    }
    Ok(found)
}

fn newest<'a>(
    all: &'a [Arc<TaskDefinition>],
    id: &str,
    version: &str,
) -> Result<&'a TaskDefinition> {
    let found = of(all, id)?.into_iter();
    let found = found.filter(|task| task.version.answers(version));
    found.max_by_key(|task| task.version).ok_or_else(not_found)
}

fn not_found() -> Error {
    let text = "There is no such task here, or not in this version.";
    Error::new(Kind::NotFound, "task.not_found", text).hint(
        "GET _apis/distributedtask/tasks lists the tasks there are, each with its id and version.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_found_by_id_and_version_and_nothing_else_is() {
        let mut older = (*builtins()[0]).clone();
        older.version.minor = 0;
        let all = [Arc::new(older), builtins()[0].clone()];
        let (id, version) = (all[1].id.to_string(), all[1].version);
        assert_eq!(of(&all, &id.to_uppercase()).unwrap().len(), 2);
        for asked in [version.to_string(), version.major.to_string()] {
            assert_eq!(newest(&all, &id, &asked).unwrap().version, version);
        }
        let other = Uuid::nil().to_string();
        for (id, version) in [
            (&*id, "99"),
            (&*id, "x"),
            (&*id, ""),
            (&*other, "1"),
            ("x", "1"),
        ] {
            let error = newest(&all, id, version).unwrap_err();
            assert_eq!((error.kind, error.code), (Kind::NotFound, "task.not_found"));
        }
    }
}
