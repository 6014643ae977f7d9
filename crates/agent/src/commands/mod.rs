//! Logging commands: how a step's output changes the step and the job.
//!
//! `parse` recognises them, this file does what they say, within the restrictions of the task. It knows no process.

pub(crate) mod parse;
mod restrictions;

use crate::job_variables::{JobVariables, Refused, Setting};
use crate::log::{Kind, StepLog};
use crate::masker::Masker;
use crate::outcome::Outcome;
use coffer_pipeline::tasks::TaskDefinition;
use parse::{Command, Line};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Values that belong to one step, through its phases.
pub(crate) type TaskVariables = BTreeMap<String, (Zeroizing<String>, bool)>;

/// What a step's output may touch.
pub(crate) struct Scope<'a> {
    pub(crate) task: &'a TaskDefinition,
    /// The step's reference name: outputs are `name.variable`.
    pub(crate) step_name: &'a str,
    pub(crate) variables: &'a mut JobVariables,
    pub(crate) task_variables: &'a mut TaskVariables,
    pub(crate) masker: &'a Masker,
    pub(crate) log: &'a mut StepLog,
    /// What `task.complete` and failed commands made of the step.
    pub(crate) result: Option<Outcome>,
    /// `task.complete` said that nothing more will come.
    pub(crate) done: bool,
}

impl Scope<'_> {
    /// Takes one line of output: obeys it, or prints it.
    pub(crate) fn line(&mut self, text: &str) {
        let percents = self
            .variables
            .get("DECODE_PERCENTS")
            .is_none_or(|value| !value.eq_ignore_ascii_case("false"));
        match parse::parse(text, percents) {
            Line::Text => self.log.line(text),
            Line::Malformed => {
                self.log.line(text);
                self.log.warning(
                    "The line above holds '##vso' and is not a logging command. Write '##vso[area.event name=value;]data', and escape ']' as %5D and ';' as %3B.",
                );
            }
            Line::Command(command) => self.command(&command),
        }
    }

    /// Takes the beginning of a line that was too long.
    pub(crate) fn cut_line(&mut self, beginning: &str) {
        if beginning.contains("##vso[") {
            // Its value may be a secret that is now only half known: nothing of it is shown.
            self.failed("A logging command was too long and is ignored. Write the value into a file and pass its path.");
        } else {
            self.log.cut_line(beginning);
        }
    }

    /// Does what a command says.
    pub(crate) fn command(&mut self, command: &Command) {
        if let Err(reason) = restrictions::allows(&self.task.restrictions, command) {
            self.log.warning(&reason);
            return;
        }
        let done = match command.area.as_str() {
            "task" => self.task_command(command),
            "telemetry" => Ok(()),
            "build" | "artifact" | "results" | "codecoverage" => {
                Err(format!("This agent cannot do '{}' yet.", command.name()))
            }
            "release" => Err(format!(
                "'{}' is for releases, and this is a build.",
                command.name()
            )),
            _ => {
                self.log.warning(&format!(
                    "There is no logging command area '{}'; the line is ignored.",
                    command.area
                ));
                return;
            }
        };
        match done {
            Ok(()) if command.event == "debug" => {}
            Ok(()) => self.log.debug(&format!(
                "Processed: ##vso[{} …]{}",
                command.name(),
                command.data
            )),
            Err(reason) => self.failed(&format!(
                "The command '##vso[{} …]' could not be processed. {reason}",
                command.name()
            )),
        }
    }

    fn task_command(&mut self, command: &Command) -> Result<(), String> {
        match command.event.as_str() {
            "setvariable" => self.set_variable(command),
            "settaskvariable" => self.set_task_variable(command),
            "setsecret" => {
                self.masker.add(&command.data);
                Ok(())
            }
            "complete" => self.complete(command),
            "logissue" | "issue" => self.log_issue(command),
            "debug" => {
                self.log.debug(&command.data);
                Ok(())
            }
            "prependpath" => {
                let folder = command.data.trim();
                if folder.is_empty() {
                    return Err("It names no folder.".into());
                }
                self.variables.prepend_path(folder);
                Ok(())
            }
            // Progress and sub-records are for a live view that Coffer does not draw.
            "setprogress" | "logdetail" => Ok(()),
            "uploadfile" | "uploadsummary" | "addattachment" | "setendpoint" => {
                Err(format!("This agent cannot do '{}' yet.", command.name()))
            }
            _ => Err(format!(
                "There is no command '{}' in the area 'task'.",
                command.event
            )),
        }
    }

    fn set_variable(&mut self, command: &Command) -> Result<(), String> {
        let name = command.property("variable").trim();
        if name.is_empty() {
            return Err("The property 'variable' is missing.".into());
        }
        let secret = command.flag("issecret");
        let multi_line = self
            .variables
            .get("SYSTEM_UNSAFEALLOWMULTILINESECRET")
            .is_some_and(|v| v.eq_ignore_ascii_case("true"));
        if secret {
            // Masked before anything is refused: the value has been printed, it is a secret all the same.
            self.masker.add(&command.data);
            if command
                .data
                .trim_end_matches(['\r', '\n'])
                .contains(['\r', '\n'])
                && !multi_line
            {
                return Err(
                    "A secret variable cannot hold line breaks. Encode the value, or pass a file."
                        .into(),
                );
            }
        }
        let output = command.flag("isoutput") || self.task.declares_output(name);
        let setting = Setting {
            output_of: output.then_some(self.step_name),
            secret,
            read_only: command.flag("isreadonly") || command.flag("isoutput"),
            preserve_case: command.flag("preservecase"),
        };
        match self.variables.set(name, &command.data, setting) {
            Ok(now_secret) => {
                if now_secret {
                    self.masker.add(&command.data);
                }
                Ok(())
            }
            Err(Refused::ReadOnly { enforced: true }) => {
                Err(format!("The variable '{name}' is read-only."))
            }
            Err(Refused::ReadOnly { enforced: false }) => {
                self.log.warning(&format!(
                    "The variable '{name}' is read-only and keeps its value."
                ));
                Ok(())
            }
            Err(Refused::Reserved) => Err(format!(
                "The variable name '{name}' is reserved. Names may not begin with endpoint, input, secret or securefile."
            )),
        }
    }

    fn set_task_variable(&mut self, command: &Command) -> Result<(), String> {
        let name = command.property("variable").trim();
        if name.is_empty() {
            return Err("The property 'variable' is missing.".into());
        }
        let known_secret = self
            .task_variables
            .get(&name.to_lowercase())
            .is_some_and(|(_, secret)| *secret);
        let secret = command.flag("issecret") || known_secret;
        if secret {
            self.masker.add(&command.data);
        }
        self.task_variables.insert(
            name.to_lowercase(),
            (Zeroizing::new(command.data.clone()), secret),
        );
        Ok(())
    }

    fn complete(&mut self, command: &Command) -> Result<(), String> {
        let text = command.property("result").trim();
        let outcome = if text.is_empty() {
            Outcome::Succeeded
        } else {
            Outcome::parse(text).ok_or_else(|| {
                format!("'{text}' is no result. Use Succeeded, SucceededWithIssues, Failed, Canceled or Skipped.")
            })?
        };
        self.worsen(outcome);
        if !command.data.trim().is_empty() {
            self.log.debug(&format!("Completed: {}", command.data));
        }
        self.done |= command.flag("done");
        Ok(())
    }

    fn log_issue(&mut self, command: &Command) -> Result<(), String> {
        let kind = match command
            .property("type")
            .trim()
            .to_ascii_lowercase()
            .as_str()
        {
            "error" => Kind::Error,
            "warning" => Kind::Warning,
            _ => return Err("The property 'type' must be error or warning.".into()),
        };
        let path = command.property("sourcepath");
        if path.is_empty() {
            self.log.issue(kind, "General", &command.data);
            return Ok(());
        }
        let number = |name: &str| command.property(name).trim().parse::<u32>().unwrap_or(0);
        let message = format!(
            "{path}({},{}): {} {}: {}",
            number("linenumber"),
            number("columnnumber"),
            kind.as_str(),
            command.property("code"),
            command.data
        );
        self.log.issue(kind, "Code", &message);
        Ok(())
    }

    /// A command that cannot be obeyed fails the step; its process runs on.
    fn failed(&mut self, message: &str) {
        self.log.error(message);
        self.worsen(Outcome::Failed);
    }

    fn worsen(&mut self, outcome: Outcome) {
        self.result = Some(self.result.map_or(outcome, |known| known.max(outcome)));
    }
}

#[cfg(test)]
mod tests;
