//! What a person gets to read for each text: `check(yaml, expected)`, and what a plan holds for good ones.

mod by_variable;
mod cannot_run;
mod declared;
mod documentation;
mod documentation_resources;
mod edges;
mod errors_tasks;
mod errors_text;
mod errors_values;
mod good;
mod hostile;
mod outline;
mod structure;
mod templates;
mod whole_plan;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use uuid::{Uuid, uuid};

use crate::{
    Lookup, Need, Plan, PlanInputs, Refusal, ResolvedFile, Resolver, SecureFileReference, Source,
    plan, tasks::TaskDefinition, words,
};

pub(crate) const CERTIFICATE: Uuid = uuid!("11111111-2222-4333-8444-abcdefabcdef");
pub(crate) const PROFILE: Uuid = uuid!("22222222-2222-4333-8444-abcdefabcdef");

/// A task as an administrator may install it: two secure files, an alias, a service connection.
pub(crate) const SIGN: &str = r#"{
    "id": "33333333-2222-4333-8444-abcdefabcdef", "name": "SignThings", "instanceNameFormat": "Sign $(what)",
    "version": {"Major": 4, "Minor": 1, "Patch": 7}, "minimumAgentVersion": "3.220.0", "demands": ["JDK"],
    "inputs": [
        {"name": "what", "type": "filePath", "required": true},
        {"name": "keystore", "type": "SecureFile", "aliases": ["keystoreFile"]},
        {"name": "service", "type": "connectedService:Generic"}
    ],
    "execution": {"Node20_1": {"target": "main.js"}}
}"#;

/// A library and a task store that know everything at once.
pub(crate) struct Loaded {
    pub(crate) files: Vec<(Uuid, &'static str)>,
    pub(crate) tasks: Vec<Arc<TaskDefinition>>,
    pub(crate) by_variable: Vec<ResolvedFile>,
}

impl Default for Loaded {
    fn default() -> Self {
        let twins = [
            uuid!("44444444-2222-4333-8444-abcdefabcdef"),
            uuid!("55555555-2222-4333-8444-abcdefabcdef"),
        ];
        Self {
            files: vec![
                (CERTIFICATE, "myCACertificate.pem"),
                (PROFILE, "Профиль.mobileprovision"),
                (twins[0], "twin"),
                (twins[1], "twin"),
            ],
            tasks: vec![Arc::new(TaskDefinition::from_json(SIGN).expect("a task"))],
            by_variable: Vec::new(),
        }
    }
}

impl Resolver for Loaded {
    fn files_by_variable(&self) -> &[ResolvedFile] {
        &self.by_variable
    }

    fn secure_file(&self, reference: &SecureFileReference) -> Lookup<ResolvedFile> {
        let fits = |(id, name): &&(Uuid, &str)| match reference {
            SecureFileReference::Id(wanted) => id == wanted,
            SecureFileReference::Name(wanted) => words::same(name, wanted),
        };
        let found: Vec<_> = self.files.iter().filter(fits).collect();
        match found.as_slice() {
            [] => Lookup::Missing,
            [(id, name)] => Lookup::Found(ResolvedFile {
                id: *id,
                name: (*name).to_owned(),
            }),
            _ => Lookup::Ambiguous,
        }
    }

    fn task(&self, name: &str, version: &str) -> Lookup<Arc<TaskDefinition>> {
        let id = Uuid::try_parse(name).ok();
        let fits =
            |task: &&Arc<TaskDefinition>| id == Some(task.id) || words::same(&task.name, name);
        match self
            .tasks
            .iter()
            .find(fits)
            .filter(|task| task.version.answers(version))
        {
            Some(task) => Lookup::Found(Arc::clone(task)),
            None => Lookup::Missing,
        }
    }
}

/// A resolver that begins with nothing and loads what is asked for.
#[derive(Default)]
pub(crate) struct Lazy {
    loaded: BTreeSet<Need>,
    all: Loaded,
}

impl Resolver for Lazy {
    fn secure_file(&self, reference: &SecureFileReference) -> Lookup<ResolvedFile> {
        if self.loaded.contains(&Need::SecureFile(reference.clone())) {
            self.all.secure_file(reference)
        } else {
            Lookup::Unknown
        }
    }

    fn task(&self, name: &str, version: &str) -> Lookup<Arc<TaskDefinition>> {
        let need = Need::Task {
            name: name.to_owned(),
            version: version.to_owned(),
        };
        if self.loaded.contains(&need) {
            self.all.task(name, version)
        } else {
            Lookup::Unknown
        }
    }
}

impl Lazy {
    pub(crate) fn load(&mut self, needs: Vec<Need>) {
        self.loaded.extend(needs);
    }
}

pub(crate) fn inputs() -> PlanInputs {
    let system = BTreeMap::from([
        ("Build.SourceBranchName", "main"),
        ("System.TeamProject", "Fabrikam"),
    ]);
    PlanInputs {
        parameters: Vec::new(),
        variables: vec![("queued".to_owned(), "at start".to_owned())],
        system: system
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}

pub(crate) fn source(text: &str) -> Source {
    Source {
        path: "azure-pipelines.yml".to_owned(),
        text: text.to_owned(),
    }
}

pub(crate) fn run(text: &str) -> Result<Plan, Refusal> {
    plan(&source(text), &inputs(), &Loaded::default())
}

pub(crate) fn good(text: &str) -> Plan {
    run(text).unwrap_or_else(|refusal| panic!("{}", shown(&Err(refusal))))
}

/// What a person reads: errors, or warnings of a good plan and what of it cannot be run.
pub(crate) fn shown(outcome: &Result<Plan, Refusal>) -> String {
    let list: Vec<String> = match outcome {
        Ok(plan) => {
            let refused = |refusal| format!("refused: {refusal}");
            let warnings = plan.warnings.iter().map(ToString::to_string);
            warnings.chain(plan.refusals.iter().map(refused)).collect()
        }
        Err(Refusal::Invalid(errors)) => errors.iter().map(ToString::to_string).collect(),
        Err(Refusal::Needs(needs)) => vec![format!("needs {needs:?}")],
    };
    if list.is_empty() {
        return "fine".to_owned();
    }
    list.join("\n").replace("azure-pipelines.yml", "a.yml")
}

/// Both texts may be indented as the test is.
#[track_caller]
pub(crate) fn check(yaml: &str, expected: &str) {
    compare(yaml, expected, |yaml| shown(&run(yaml)));
}

/// The same, with what is planned instead of what is told.
#[track_caller]
pub(crate) fn check_plan(yaml: &str, expected: &str) {
    compare(yaml, expected, |yaml| outline::outline(&good(yaml)));
}

#[track_caller]
fn compare(yaml: &str, expected: &str, actual: impl Fn(&str) -> String) {
    let (yaml, expected) = (unindent(yaml), unindent(expected));
    let actual = actual(&yaml);
    assert!(
        actual.trim() == expected.trim(),
        "for\n{yaml}\nexpected\n{expected}\nand got\n{actual}\n"
    );
}

pub(crate) fn unindent(text: &str) -> String {
    let text = text.strip_prefix('\n').unwrap_or(text);
    let blank = |line: &&str| line.trim().is_empty();
    let depth = text
        .lines()
        .filter(|line| !blank(line))
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .min();
    text.lines()
        .map(|line| line.get(depth.unwrap_or(0)..).unwrap_or(""))
        .collect::<Vec<_>>()
        .join("\n")
}
