//! Errors that people understand: whoever sees a thing and is refused is told what is missing, where, and who can give it.
//!
//! Asked after a refusal. What it says it takes from `store`, which tells it nothing of what the caller cannot see.

use crate::Service;
use crate::error::{Error, Result};
use coffer_model::access::{Bits, Role, Scope, shown};
use coffer_model::policy::Denied;
use coffer_model::{Authentication, Caller, FileId, ProjectId};
use coffer_store::Guidance;

/// A refusal in words that fit the caller.
#[derive(Clone, Debug)]
pub struct Guided {
    /// What is missing, and who can give it.
    pub message: String,
    /// What they do to give it.
    pub hints: Vec<String>,
}

impl Service {
    /// What to say to a caller that lacks a right. None when there is no more to say than was said.
    pub async fn guide(&self, caller: &Caller, denied: Denied) -> Result<Option<Guided>> {
        let Denied::Lacks { scope, bit } = denied else {
            return Ok(None);
        };
        if caller.authentication.job().is_some() {
            // Roles are for people. What a pipeline runs is not told how to get more of them.
            return Ok(None);
        }
        let mut words = self.missing(caller, scope, bit).await?;
        words.message.insert_str(0, "You may not do this. ");
        Ok(Some(words))
    }

    /// What it takes to do something at a place, for a page that shows it to whoever lacks it, and who can give it.
    pub async fn missing(&self, caller: &Caller, scope: Scope, bit: i64) -> Result<Guided> {
        let mut read = self.store().read().await?;
        let guidance = read.guidance(caller, &scope).await?;
        Ok(lacking(caller, &scope, bit, guidance.as_ref()))
    }

    /// The refusal of a download, in words for the log of the job. Its plan names the file already.
    pub(crate) async fn guide_job(
        &self,
        caller: &Caller,
        project: ProjectId,
        file: FileId,
        mut error: Error,
    ) -> Error {
        let Authentication::Job { run, .. } = caller.authentication else {
            return error;
        };
        let what = match error.denied.as_deref() {
            Some(Denied::PipelineNotPermitted) => "is not permitted to use",
            Some(Denied::RefNotAllowed) => "is permitted, but not for the ref of this run, to use",
            _ => return error,
        };
        let Ok(mut read) = self.store().read().await else {
            return error;
        };
        if let Ok(Some((file, pipeline))) = read.run_and_file(run, project, file).await {
            error.message = format!(
                "The pipeline '{pipeline}' {what} the secure file '{file}'. Somebody with the role User on the file can permit it: \
                 coffer permission permit {} {}",
                quoted(&file),
                quoted(&pipeline)
            );
        }
        error
    }
}

fn lacking(caller: &Caller, scope: &Scope, bit: i64, told: Option<&Guidance>) -> Guided {
    let role = Role::at(scope).find(|role| {
        let bits = role.bits_at(scope);
        bits.is_some_and(|bits| bits & bit == bit)
    });
    let what = match role {
        Some(role) => format!("the role {}", role.name()),
        None => {
            let actions = scope.description().actions.iter();
            let names: Vec<String> = actions
                .filter(|action| bit & action.bit != 0)
                .map(|action| format!("'{}'", action.display_name))
                .collect();
            format!("the right {}", names.join(" and "))
        }
    };
    let mut message = format!("It takes {what} {}", place(scope, told));
    if let (Some(told), Some(_)) = (told, role) {
        let library = matches!(scope, Scope::Library(_));
        match shown(Bits::allowing(told.bits), library).role {
            Some(own) => message.push_str(&format!(", and yours is {}", own.name())),
            None => message.push_str(", and you have none"),
        }
    }
    message.push_str(". ");
    let who = told.map_or(&[][..], |told| &told.who);
    match who {
        [] if scope.project().is_some() => {
            message.push_str("Ask an administrator of the project.");
        }
        [] => message.push_str("Ask an administrator of the organization."),
        who => message.push_str(&format!("Who can give it to you: {}.", who.join(", "))),
    }
    let hints = match (role, scope, told) {
        (
            Some(role),
            Scope::File(..),
            Some(Guidance {
                name: Some(name), ..
            }),
        ) => vec![format!(
            "they type: coffer role assign {} {} --file {}",
            role.name(),
            quoted(&caller.name),
            quoted(name)
        )],
        (Some(role), Scope::Library(_), Some(_)) => vec![format!(
            "they type: coffer role assign {} {}",
            role.name(),
            quoted(&caller.name)
        )],
        _ => Vec::new(),
    };
    Guided { message, hints }
}

/// Where a right is missing.
fn place(scope: &Scope, told: Option<&Guidance>) -> String {
    let name = told.and_then(|told| told.name.as_deref());
    let project = told.and_then(|told| told.project.as_deref());
    let of_project = project.map_or_else(String::new, |name| format!(" of the project '{name}'"));
    match (scope, name, project) {
        (Scope::File(..), Some(name), _) => format!("on the secure file '{name}'"),
        (Scope::File(..), None, _) => "on the secure file".to_owned(),
        (Scope::Library(_), ..) => format!("on the library{of_project}"),
        (Scope::Pipeline(..), Some(name), _) => format!("on the pipeline '{name}'"),
        (Scope::Pipeline(..), None, _) => "on the pipeline".to_owned(),
        (Scope::Pipelines(_), ..) => format!("on the pipelines{of_project}"),
        (Scope::Project(_), _, Some(name)) => format!("on the project '{name}'"),
        (Scope::Project(_), _, None) => "on the project".to_owned(),
        (Scope::Organization(_), ..) => "on the organization".to_owned(),
        (Scope::AuditLog(_), ..) => "on the audit log".to_owned(),
        (Scope::AgentPools(_), ..) => "on the agent pools".to_owned(),
        (Scope::Officers(_), ..) => "on the organization's keys".to_owned(),
    }
}

/// A word of a command line, in quotes where a shell needs them.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
