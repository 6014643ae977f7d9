//! Secure files that a variable names: looked up when a job is handed out, among those that its plan lists and that the
//! pipeline may still name so, and nowhere else. It must not know where variables come from.

use crate::Service;
use crate::error::Result;
use crate::lease::JobVariable;
use coffer_model::run::Outcome;
use coffer_model::{FileId, RecordId, Timestamp, name};
use coffer_pipeline::{Job, SecureFileReference, macros};
use coffer_store::{JobRow, Lease, RecordWrite, Stop, Tx};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// An input that a variable names files in.
#[derive(Clone, Debug)]
struct Wanted {
    /// Reference name of the step.
    step: String,
    /// Canonical name of the input.
    input: String,
    /// Its value with the job's variables.
    value: String,
    /// Files that the plan itself names in it.
    known: Vec<Uuid>,
    /// Files that a variable may name.
    listed: Vec<Uuid>,
}

/// What the inputs of a job turn out to name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named {
    /// The values, by step and input: ids with commas between.
    pub(crate) values: BTreeMap<(String, String), String>,
    /// The files that a variable named, with the steps that they are for.
    pub(crate) files: BTreeMap<Uuid, BTreeSet<String>>,
}

/// A job, and what its variables name, before it is looked at whether they may.
#[derive(Clone)]
pub(crate) struct Later {
    planned: Job,
    wanted: Vec<Wanted>,
    /// Names of the files that the plan lists.
    before: Vec<(FileId, String)>,
}

impl Later {
    pub(crate) async fn of(
        service: &Service,
        row: &JobRow,
        job: &Job,
        variables: &BTreeMap<String, JobVariable>,
    ) -> Result<Self> {
        let wanted = wanted(job, variables);
        let mut before = Vec::new();
        if !wanted.is_empty() {
            let mut read = service.store().read().await?;
            for file in job.files_by_variable() {
                before.extend(read.file_reference_by_id(row.project, FileId(file)).await?);
            }
        }
        Ok(Self {
            planned: job.clone(),
            wanted,
            before,
        })
    }

    /// The steps that each file is for, by their reference names, for the record.
    pub(crate) fn steps_by_file(&self, named: &Named) -> BTreeMap<Uuid, String> {
        let mut steps: BTreeMap<Uuid, BTreeSet<String>> = named.files.clone();
        for step in &self.planned.steps {
            for file in step
                .secure_file_inputs
                .iter()
                .flat_map(|input| &input.files)
            {
                let names = steps.entry(*file).or_default();
                names.insert(step.reference_name.clone());
            }
        }
        steps
            .into_iter()
            .map(|(file, names)| (file, names.into_iter().collect::<Vec<_>>().join(", ")))
            .collect()
    }

    /// Looks at the list as it is in this unit of work, and gives the job what its variables name. None when they name
    /// what they may not: the job has failed then, and says why.
    pub(crate) async fn settle(
        &self,
        tx: &mut Tx,
        lease: Lease,
        row: &JobRow,
        failed: RecordId,
    ) -> std::result::Result<Option<(Lease, Named)>, Stop> {
        if self.wanted.is_empty() || !row.source.trusted() {
            return Ok(Some((lease, Named::default())));
        }
        let now = tx.files_by_variable(row.project, row.pipeline).await?;
        match resolve(&row.name, &self.wanted, &now, &self.before) {
            Ok(named) => {
                for file in named.files.keys() {
                    tx.job_file_named(&lease, FileId(*file)).await?;
                }
                Ok(Some((lease, named)))
            }
            Err(why) => {
                let record = failed_record(failed, tx.now(), &why);
                tx.step_record_put(&lease, &record).await?;
                tx.job_finish(lease, Outcome::Failed, &[]).await?;
                Ok(None)
            }
        }
    }
}

/// The inputs of a job that are not settled by its plan, with its variables. Secrets name nothing: a file's name is no
/// secret, and would be told.
fn wanted(job: &Job, variables: &BTreeMap<String, JobVariable>) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for step in &job.steps {
        for input in &step.secure_file_inputs {
            if input.by_variable.is_empty() {
                continue;
            }
            let value = step.inputs.get(&input.input).unwrap_or_default();
            let value = macros::expand_nested(value, |name| {
                let (_, found) = variables
                    .iter()
                    .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
                (!found.secret).then(|| found.value.to_string())
            });
            wanted.push(Wanted {
                step: step.reference_name.clone(),
                input: input.input.clone(),
                value: value.text,
                known: input.files.clone(),
                listed: input.by_variable.clone(),
            });
        }
    }
    wanted
}

/// What they name. `now` are the files that the pipeline may name by a variable at this moment, `before` the names of those
/// that the plan lists.
///
/// # Errors
/// What is wrong and what to do, for the people of the run.
fn resolve(
    job: &str,
    wanted: &[Wanted],
    now: &[(FileId, String)],
    before: &[(FileId, String)],
) -> std::result::Result<Named, String> {
    let mut named = Named::default();
    for input in wanted {
        let mut ids: Vec<Uuid> = Vec::new();
        let parts = input.value.split(',').map(str::trim);
        for part in parts.filter(|part| !part.is_empty()) {
            let id = one(input, part, now, before).map_err(|why| {
                format!(
                    "Job {job}: Step {} input {} names the secure file {}, {why}",
                    input.step,
                    input.input,
                    shown(part)
                )
            })?;
            if ids.contains(&id) {
                continue;
            }
            ids.push(id);
            if !input.known.contains(&id) {
                let steps = named.files.entry(id).or_default();
                steps.insert(input.step.clone());
            }
        }
        if ids.is_empty() {
            return Err(format!(
                "Job {job}: Step {} input {} names no secure file: its variable is empty when the job is handed out. Give it \
                 a value, and start the run again.",
                input.step, input.input
            ));
        }
        let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let key = (input.step.clone(), input.input.clone());
        named.values.insert(key, texts.join(","));
    }
    Ok(named)
}

fn one(
    input: &Wanted,
    part: &str,
    now: &[(FileId, String)],
    before: &[(FileId, String)],
) -> std::result::Result<Uuid, &'static str> {
    let find = |files: &[(FileId, String)]| match SecureFileReference::parse(part) {
        SecureFileReference::Id(id) => files
            .iter()
            .map(|(file, _)| file.0)
            .find(|file| *file == id),
        SecureFileReference::Name(text) => {
            let key = name::key(&text);
            let mut same = files.iter().filter(|(_, known)| name::key(known) == key);
            same.next().map(|(file, _)| file.0)
        }
    };
    if let SecureFileReference::Id(id) = SecureFileReference::parse(part)
        && input.known.contains(&id)
    {
        return Ok(id);
    }
    match find(now) {
        Some(id) if input.listed.contains(&id) => return Ok(id),
        Some(_) => {
            return Err(
                "which variables of this pipeline may name only since after the run was started. Start the run again.",
            );
        }
        None => {}
    }
    if find(before).is_some_and(|id| input.listed.contains(&id)) {
        return Err(
            "which variables of this pipeline might name when the run was started, and may not any more. Ask for it to be \
             permitted again, and start the run again.",
        );
    }
    if part.contains("$(") {
        return Err(
            "and that variable has no value when the job is handed out: outputs of its own steps come too late, and \
             secrets name no file. Give it a value, and start the run again.",
        );
    }
    Err(
        "which variables of this pipeline may not name. Who may permit the file can allow it: `coffer permission permit FILE \
         PIPELINE --by-variable`; then start the run again.",
    )
}

/// A value fit for one line.
fn shown(text: &str) -> String {
    let visible = text.chars().filter(|c| !c.is_control());
    visible.take(120).collect()
}

/// The record of a job that ends before it began.
fn failed_record(id: RecordId, at: Timestamp, why: &str) -> RecordWrite {
    let issue = crate::jobs::IssueView {
        kind: "error".into(),
        category: "General".into(),
        message: why.to_owned(),
    };
    RecordWrite {
        id,
        parent: None,
        kind: "Task",
        name: "Secure files".into(),
        ref_name: None,
        ordinal: 1,
        state: "completed".into(),
        result: Some(Outcome::Failed),
        started_at: Some(at),
        finished_at: Some(at),
        errors: 1,
        warnings: 0,
        issues: serde_json::to_string(&[issue]).unwrap_or_else(|_| "[]".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::uuid;

    const A: Uuid = uuid!("11111111-2222-4333-8444-abcdefabcdef");
    const B: Uuid = uuid!("22222222-2222-4333-8444-abcdefabcdef");
    const C: Uuid = uuid!("33333333-2222-4333-8444-abcdefabcdef");

    fn files(list: &[(Uuid, &str)]) -> Vec<(FileId, String)> {
        list.iter()
            .map(|(id, name)| (FileId(*id), (*name).to_owned()))
            .collect()
    }

    /// C is known by the plan itself, A and B are listed.
    fn outcome(value: &str, now: &[(Uuid, &str)]) -> std::result::Result<Vec<Uuid>, String> {
        let wanted = Wanted {
            step: "s".into(),
            input: "secureFile".into(),
            value: value.into(),
            known: vec![C],
            listed: vec![A, B],
        };
        let before = files(&[(A, "a.pem"), (B, "b.pem")]);
        let named = resolve("J", &[wanted], &files(now), &before)?;
        let value = &named.values[&("s".to_owned(), "secureFile".to_owned())];
        let ids: Vec<Uuid> = value
            .split(',')
            .map(|id| id.parse().expect("an id"))
            .collect();
        let given: Vec<Uuid> = ids.iter().copied().filter(|id| *id != C).collect();
        assert_eq!(
            named.files.keys().copied().collect::<BTreeSet<_>>(),
            given.into_iter().collect(),
            "what is given is what is named, and what the plan knows is given anyway"
        );
        Ok(ids)
    }

    #[test]
    fn a_value_is_looked_up_among_the_listed_files_alone() {
        let both = [(A, "a.pem"), (B, "b.pem")];
        assert_eq!(outcome("a.pem", &both), Ok(vec![A]));
        assert_eq!(outcome(" A.PEM , b.pem,,a.pem", &both), Ok(vec![A, B]));
        assert_eq!(outcome(&B.to_string(), &both), Ok(vec![B]));
        assert_eq!(outcome(&format!("{C},a.pem"), &both), Ok(vec![C, A]));
        for (value, now, why) in [
            ("c.pem", both.as_slice(), "may not name"),
            ("$(x)", &both, "has no value when the job is handed out"),
            ("b.pem", &[(A, "a.pem")], "may not any more"),
            (&B.to_string(), &[(A, "a.pem")], "may not any more"),
            (
                "late.pem",
                &[(A, "a.pem"), (C, "late.pem")],
                "only since after the run was started",
            ),
            ("", &both, "names no secure file"),
            (" , ", &both, "names no secure file"),
            ("a.pem,c.pem", &both, "may not name"),
        ] {
            let told = outcome(value, now).expect_err(value);
            assert!(told.contains(why), "{value}: {told}");
        }
    }

    #[test]
    fn what_is_told_is_one_line() {
        let told = outcome("a\nb\u{1b}[2J", &[]).expect_err("nothing is listed");
        assert!(told.contains("the secure file ab[2J,"), "{told}");
    }
}
