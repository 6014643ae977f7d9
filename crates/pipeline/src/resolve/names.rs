//! Reference names: the given one, else the task's name, with a number when several steps would share it.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    diagnostic::{Code, Place, Report, quotable},
    read::DraftStep,
    tasks::TaskDefinition,
    words,
};

/// One name for each step, unique ignoring case.
pub(super) fn reference_names(
    steps: &[(DraftStep, Arc<TaskDefinition>)],
    job: &str,
    report: &mut Report,
) -> Vec<String> {
    let mut taken: BTreeMap<String, Place> = BTreeMap::new();
    for (step, _) in steps {
        let Some((name, place)) = &step.name else {
            continue;
        };
        if let Some(first) = taken.get(&words::fold(name)) {
            let message = format!(
                "Job {}: The step name {name} appears more than once. Step names must be unique within a job. The first \
                 is at {}:{}",
                quotable(job),
                first.line,
                first.column
            );
            report.error(
                Code::DuplicateName,
                *place,
                message,
                "give this one another name; names ignore case",
            );
        } else {
            taken.insert(words::fold(name), *place);
        }
    }
    let mut unnamed: BTreeMap<String, usize> = BTreeMap::new();
    for (_, task) in steps.iter().filter(|(step, _)| step.name.is_none()) {
        *unnamed
            .entry(words::fold(&words::reduced(&task.name)))
            .or_default() += 1;
    }
    let mut counters: BTreeMap<String, usize> = BTreeMap::new();
    let mut names = Vec::with_capacity(steps.len());
    for (step, task) in steps {
        if let Some((name, _)) = &step.name {
            names.push(name.clone());
            continue;
        }
        let base = words::reduced(&task.name);
        let folded = words::fold(&base);
        let mut name = base.clone();
        let alone = unnamed.get(&folded) == Some(&1);
        if !alone || taken.contains_key(&folded) {
            let counter = counters.entry(folded).or_default();
            loop {
                *counter += 1;
                name = format!("{base}{counter}");
                if !taken.contains_key(&words::fold(&name)) {
                    break;
                }
            }
        }
        taken.insert(words::fold(&name), step.place);
        names.push(name);
    }
    names
}
