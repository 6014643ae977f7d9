//! The draft to a plan: tasks are pinned, inputs get their canonical names, steps their reference names, and secure
//! files their ids. It must not know YAML.

mod names;
mod secure_files;

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    Job, Lookup, Need, Plan, Resolver, SecureFileInput, Source, Stage, Step, TaskReference,
    demands::{Demand, Test},
    diagnostic::{Code, Report, quotable},
    macros,
    plan::unique,
    read::{Draft, DraftHook, DraftInput, DraftJob, DraftStage, DraftStep, TaskUse},
    tasks::{self, InputKind, TaskDefinition},
    words,
};

/// What resolving needs and gathers.
pub(crate) struct Context<'a> {
    resolver: &'a dyn Resolver,
    files: secure_files::Files,
    needs: BTreeSet<Need>,
    report: &'a mut Report,
}

/// The plan, as far as it can be made, and the facts that are not loaded. The report says whether the plan is good.
pub(crate) fn plan(
    draft: Draft,
    source: &Source,
    resolver: &dyn Resolver,
    report: &mut Report,
) -> (Plan, Vec<Need>) {
    let mut context = Context {
        resolver,
        files: secure_files::Files::new(draft.known),
        needs: BTreeSet::new(),
        report,
    };
    let mut plan = draft.plan;
    plan.source.clone_from(&source.path);
    plan.stages = draft
        .stages
        .into_iter()
        .map(|stage| context.stage(stage))
        .collect();
    (plan, context.needs.into_iter().collect())
}

impl Context<'_> {
    fn stage(&mut self, draft: DraftStage) -> Stage {
        let mut stage = draft.stage;
        stage.jobs = draft.jobs.into_iter().map(|job| self.job(job)).collect();
        stage.secure_files = unique(stage.jobs.iter().flat_map(|job| &job.secure_files));
        stage
    }

    fn job(&mut self, draft: DraftJob) -> Job {
        let mut job = draft.job;
        let label = if job.name == "__default" {
            job.display_name.clone()
        } else {
            job.name.clone()
        };
        job.steps = self.steps(draft.steps, &label, &mut job.demands);
        if let Some(deployment) = &mut job.deployment {
            for DraftHook { mut hook, steps } in draft.hooks {
                hook.steps = self.steps(steps, &label, &mut hook.demands);
                hook.secure_files = unique(hook.steps.iter().flat_map(|step| &step.secure_files));
                deployment.hooks.push(hook);
            }
        }
        job.collect_secure_files();
        job
    }

    /// Steps of one job or hook; what their tasks demand joins what is demanded already.
    fn steps(
        &mut self,
        drafts: Vec<DraftStep>,
        label: &str,
        demands: &mut Vec<Demand>,
    ) -> Vec<Step> {
        let resolved: Vec<(DraftStep, Arc<TaskDefinition>)> = drafts
            .into_iter()
            .filter_map(|step| {
                let task = self.task(&step.task)?;
                Some((step, task))
            })
            .collect();
        for (_, task) in &resolved {
            let version = task.minimum_agent_version.map(Demand::agent_version);
            for demand in task.demands.iter().cloned().chain(version) {
                add_demand(demands, demand);
            }
        }
        let names = names::reference_names(&resolved, label, self.report);
        resolved
            .into_iter()
            .zip(names)
            .map(|((step, task), name)| self.step(step, &task, name, label))
            .collect()
    }

    fn task(&mut self, task: &TaskUse) -> Option<Arc<TaskDefinition>> {
        if let Some(found) = tasks::builtin(&task.name, &task.version) {
            return Some(found);
        }
        let shown = format!("{}@{}", quotable(&task.name), task.version);
        match self.resolver.task(&task.name, &task.version) {
            Lookup::Found(found) => {
                if !found.runs_on_agent {
                    let message =
                        format!("the task `{shown}` runs on a server, and this one runs no tasks");
                    let hint = "use a task that runs on an agent";
                    self.report.refuse(task.place, message, hint);
                }
                return Some(found);
            }
            Lookup::Unknown => {
                self.needs.insert(Need::Task {
                    name: task.name.clone(),
                    version: task.version.clone(),
                });
            }
            Lookup::Missing => {
                if let Some(known) = tasks::stand_in(&task.name, &task.version) {
                    self.report.refuse(
                        task.place,
                        format!(
                            "the task `{}@{}` is not installed here",
                            known.name, task.version
                        ),
                        "have an administrator install the task, or use `script` or `bash`",
                    );
                    return Some(known);
                }
                self.missing_task(task, &shown);
            }
            Lookup::Unchecked => {
                return Some(
                    tasks::stand_in(&task.name, &task.version).unwrap_or_else(|| {
                        Arc::new(TaskDefinition::unchecked(&task.name, &task.version))
                    }),
                );
            }
            Lookup::Ambiguous => self.report.error(
                Code::UnknownTask,
                task.place,
                format!("several tasks are called `{}`", quotable(&task.name)),
                "name the task by its GUID: `<guid>@1`",
            ),
        }
        None
    }

    fn missing_task(&mut self, task: &TaskUse, shown: &str) {
        let named = tasks::builtins()
            .iter()
            .find(|known| words::same(&known.name, &task.name));
        let hint = match named {
            Some(known) => format!(
                "the version here is `{}@{}` ({})",
                known.name, known.version.major, known.version
            ),
            None => {
                let names: Vec<&str> = tasks::builtins()
                    .iter()
                    .map(|known| known.name.as_str())
                    .collect();
                match words::nearest(&task.name, names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        "check the spelling, or have an administrator install the task".to_owned()
                    }
                }
            }
        };
        self.report.error(
            Code::UnknownTask,
            task.place,
            format!("A task is missing: there is no task `{shown}`."),
            hint,
        );
    }

    fn step(
        &mut self,
        draft: DraftStep,
        task: &TaskDefinition,
        reference_name: String,
        job: &str,
    ) -> Step {
        let mut inputs: Vec<(String, String)> = Vec::new();
        let mut secure_file_inputs = Vec::new();
        for input in &draft.inputs {
            let declared = task.input(&input.name);
            let name = declared.map_or(&input.name, |declared| &declared.name);
            if inputs.iter().any(|(known, _)| words::same(known, name)) {
                let message = format!(
                    "the input `{}` is given twice; names ignore case, and an alias is the same input",
                    quotable(name)
                );
                self.report.error(
                    Code::DuplicateKey,
                    input.place,
                    message,
                    "remove one of the two",
                );
                continue;
            }
            let Some(value) = &input.value else { continue };
            let mut value = value.clone();
            match declared.map(|declared| &declared.kind) {
                None => self.unknown_input(input, task),
                Some(InputKind::SecureFile) if !value.trim().is_empty() => {
                    let user = secure_files::User {
                        job,
                        step: &reference_name,
                        input: name,
                        place: input.value_place,
                    };
                    if let Some((text, files)) = self.secure_files(&user, &value) {
                        value = text;
                        secure_file_inputs.push(files);
                    }
                }
                Some(InputKind::ConnectedService(_)) if !value.trim().is_empty() => {
                    let message = format!(
                        "this server has no service connections (input `{}`)",
                        quotable(name)
                    );
                    let hint = "remove the input, or use a task without it";
                    self.report.refuse(input.value_place, message, hint);
                }
                Some(_) => {}
            }
            inputs.push((name.clone(), value));
        }
        self.required_inputs(&draft, task, &inputs);
        let secure_files = unique(secure_file_inputs.iter().flat_map(SecureFileInput::all));
        Step {
            display_name: draft
                .display_name
                .unwrap_or_else(|| default_display_name(task, &inputs)),
            reference_name,
            task: TaskReference {
                id: task.id,
                name: task.name.clone(),
                version: task.version,
                package: task.package.clone(),
            },
            inputs: inputs.into_iter().collect(),
            env: draft.env,
            condition: draft.condition,
            continue_on_error: draft.continue_on_error,
            timeout_in_minutes: draft.timeout_in_minutes,
            retry_count: draft.retry_count,
            target: draft.target,
            secure_files,
            secure_file_inputs,
        }
    }

    fn unknown_input(&mut self, input: &DraftInput, task: &TaskDefinition) {
        if self.report.is_full_of_warnings() || !task.is_checked() {
            return;
        }
        let names: Vec<&str> = task
            .inputs
            .iter()
            .map(|input| input.name.as_str())
            .collect();
        let message = format!(
            "the task `{}` has no input `{}`; it is passed on",
            task.name,
            quotable(&input.name)
        );
        self.report.warn(
            Code::Suspicious,
            input.place,
            message,
            words::suggestion(&input.name, &names),
        );
    }

    /// Built-in tasks are known to fail without them; for others only the task itself can tell.
    fn required_inputs(
        &mut self,
        draft: &DraftStep,
        task: &TaskDefinition,
        inputs: &[(String, String)],
    ) {
        if draft.task.told {
            return;
        }
        let given = |name: &str| {
            inputs
                .iter()
                .any(|(known, value)| words::same(known, name) && !value.trim().is_empty())
                || draft
                    .inputs
                    .iter()
                    .any(|input| words::same(&input.name, name) && input.value.is_none())
        };
        let needed = task.inputs.iter().filter(|input| {
            input.required && input.visible_rule.is_empty() && input.default.is_empty()
        });
        for input in needed.filter(|input| !given(&input.name)) {
            let message = format!("the task `{}` needs the input `{}`", task.name, input.name);
            let hint = format!("add `{}: …` below `inputs:`", input.name);
            if tasks::builtins().iter().any(|known| known.id == task.id) {
                self.report
                    .error(Code::Missing, draft.task.place, message, hint);
            } else {
                self.report
                    .warn(Code::Suspicious, draft.task.place, message, hint);
            }
        }
    }
}

/// Adds a demand unless it is there; of two versions asked for, the newer one stays.
fn add_demand(demands: &mut Vec<Demand>, new: Demand) {
    for known in demands
        .iter_mut()
        .filter(|known| words::same(&known.name, &new.name))
    {
        match (&mut known.test, &new.test) {
            (Test::AtLeast(known), Test::AtLeast(new)) => {
                *known = (*known).max(*new);
                return;
            }
            (known, new) if *known == *new => return,
            _ => {}
        }
    }
    demands.push(new);
}

fn default_display_name(task: &TaskDefinition, inputs: &[(String, String)]) -> String {
    let default = |name: &str| task.input(name).map(|input| input.default.clone());
    let name = macros::expand(&task.instance_name_format, |name| {
        inputs
            .iter()
            .find(|(known, _)| words::same(known, name))
            .map(|(_, value)| value.clone())
            .or_else(|| default(name))
    });
    if name.trim().is_empty() {
        task.friendly_name.clone()
    } else {
        name
    }
}
