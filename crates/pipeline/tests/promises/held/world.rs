//! The server that a pipeline is planned for: some files, one secure file, one task, and what every answer about a pipeline
//! has to hold, whatever its text. It must not know how texts come about.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use coffer_pipeline::{
    Code, Diagnostic, FileReference, Lookup, Need, Plan, PlanInputs, Planned, Refusal,
    ResolvedFile, Resolver, SecureFileReference, Source, SourceText, planned,
    tasks::TaskDefinition,
};
use uuid::Uuid;

pub(crate) const ROOT: &str = "azure-pipelines.yml";
/// Most bytes that the final text of a pipeline may have: text, line ends and indentation.
const FINAL: usize = 32 << 20;
/// Most bytes that one error may take, with its hint, its line and the way to it.
const ERROR: usize = 16 << 10;
const KNOWN: Uuid = Uuid::from_u128(0x1111_1111_2222_4333_8444_abcd_efab_cdef);
const TASK: &str = r#"{
    "id": "33333333-2222-4333-8444-abcdefabcdef", "name": "SignThings", "instanceNameFormat": "Sign $(what)",
    "version": {"Major": 4, "Minor": 1, "Patch": 7}, "inputs": [
        {"name": "what", "type": "filePath", "required": true},
        {"name": "keystore", "type": "SecureFile", "aliases": ["keystoreFile"]}
    ], "execution": {"Node20_1": {"target": "main.js"}}
}"#;

/// A pipeline, the files beside it and what is given at its start.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) root: String,
    /// By `path` or `path@alias`.
    pub(crate) files: BTreeMap<String, Arc<str>>,
    pub(crate) inputs: PlanInputs,
    /// A path that no file has leads to one all the same, so that a changed path is not the end.
    pub(crate) any_path: bool,
}

impl World {
    pub(crate) fn of(root: &str) -> Self {
        let text = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            root: root.to_owned(),
            inputs: PlanInputs {
                variables: vec![text(("queued", "at start"))],
                system: vec![text(("Build.SourceBranchName", "main"))],
                ..PlanInputs::default()
            },
            ..Self::default()
        }
    }

    pub(crate) fn planned(&self) -> Result<Planned, Refusal> {
        self.planned_with(self)
    }

    fn planned_with(&self, resolver: &dyn Resolver) -> Result<Planned, Refusal> {
        let source = Source {
            path: ROOT.to_owned(),
            text: self.root.clone(),
        };
        planned(&source, &self.inputs, resolver)
    }

    /// What has to hold, whatever the texts are.
    pub(crate) fn holds(&self) {
        let first = self.planned();
        let again = self.planned();
        assert_eq!(
            parts(&first),
            parts(&again),
            "the same texts, another answer"
        );
        match &first {
            Ok(planned) => self.is_sound(planned),
            Err(Refusal::Invalid(errors)) => {
                assert!((1..=101).contains(&errors.len()), "{} errors", errors.len());
                errors.iter().for_each(is_told);
            }
            Err(Refusal::Needs(needs)) => panic!("all is loaded, and {needs:?} are wanted"),
        }
        self.loads_what_is_asked_for(&first);
    }

    fn is_sound(&self, planned: &Planned) {
        let plan = &planned.plan;
        assert!(plan.secure_files().iter().all(|id| *id == KNOWN));
        plan.warnings.iter().chain(&plan.refusals).for_each(is_told);
        let json = plan.canonical_json();
        let read: Plan = serde_json::from_str(&json).expect("a plan can be read again");
        assert_eq!(read.canonical_json(), json);
        let text = planned.final_yaml();
        assert!(text.len() <= FINAL, "{} bytes of text", text.len());
        // Brackets that are meant as text would be taken for an expression.
        if text.contains("${{") {
            return;
        }
        let world = Self {
            root: text.clone(),
            files: BTreeMap::new(),
            inputs: PlanInputs {
                parameters: Vec::new(),
                ..self.inputs.clone()
            },
            any_path: false,
        };
        match world.planned() {
            Ok(second) => {
                assert_eq!(second.final_yaml(), text, "twice is not once");
                assert_eq!(stripped(&second.plan), stripped(plan), "for\n{text}");
            }
            // A file has narrower limits than what templates make.
            Err(Refusal::Invalid(errors))
                if errors.iter().any(|error| error.code == Code::Limit) => {}
            Err(refusal) => panic!("the final text is none: {refusal:?}\n{text}"),
        }
    }

    /// With nothing loaded, each round asks for something new, and the last one answers as if all had been there.
    fn loads_what_is_asked_for(&self, eager: &Result<Planned, Refusal>) {
        let lazy = Lazy {
            world: self,
            loaded: RefCell::default(),
        };
        loop {
            let outcome = self.planned_with(&lazy);
            let Err(Refusal::Needs(needs)) = &outcome else {
                assert_eq!(
                    parts(&outcome),
                    parts(eager),
                    "it matters when files are loaded"
                );
                return;
            };
            assert!(!needs.is_empty());
            let mut loaded = lazy.loaded.borrow_mut();
            assert!(
                needs.iter().all(|need| !loaded.contains(need)),
                "asked again for {needs:?}"
            );
            loaded.extend(needs.iter().cloned());
        }
    }
}

/// A plan with what differs when the same is said in other places: lines, what was expanded, and the notes, which have places.
pub(crate) fn stripped(plan: &Plan) -> serde_json::Value {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(members) => {
                for name in ["line", "commit"] {
                    members.remove(name);
                }
                members.values_mut().for_each(strip);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(plan).expect("a plan is data");
    if let Some(members) = value.as_object_mut() {
        for name in ["warnings", "refusals", "parameters"] {
            members.remove(name);
        }
    }
    strip(&mut value);
    value
}

fn parts(outcome: &Result<Planned, Refusal>) -> Result<(&Plan, String), &Refusal> {
    outcome
        .as_ref()
        .map(|planned| (&planned.plan, planned.final_yaml()))
}

/// A place, something to read and something to do, of a bounded size and fit for a terminal.
fn is_told(said: &Diagnostic) {
    assert!(
        said.line > 0 && said.column > 0 && !said.file.is_empty(),
        "{said:?}"
    );
    assert!(!said.message.is_empty(), "{said:?}");
    assert!(
        said.hint.as_ref().is_some_and(|hint| !hint.is_empty()),
        "no hint: {said:?}"
    );
    assert!(said.used_at.len() <= 21, "{said:?}");
    if let Some(excerpt) = &said.excerpt {
        let characters = excerpt.text.chars().count();
        assert!(
            usize::try_from(excerpt.caret).is_ok_and(|caret| caret <= characters),
            "{said:?}"
        );
    }
    let shown = said.to_string();
    assert!(shown.len() <= ERROR, "{} bytes: {said:?}", shown.len());
    assert!(
        !shown.chars().any(|c| c.is_control() && c != '\n'),
        "{shown:?}"
    );
}

impl Resolver for World {
    fn secure_file(&self, reference: &SecureFileReference) -> Lookup<ResolvedFile> {
        match reference {
            SecureFileReference::Name(name) if name != "a" => Lookup::Missing,
            SecureFileReference::Id(id) if *id != KNOWN => Lookup::Missing,
            _ => Lookup::Found(ResolvedFile {
                id: KNOWN,
                name: "a".to_owned(),
            }),
        }
    }

    fn task(&self, name: &str, version: &str) -> Lookup<Arc<TaskDefinition>> {
        static SIGN: LazyLock<Arc<TaskDefinition>> =
            LazyLock::new(|| Arc::new(TaskDefinition::from_json(TASK).expect("a task")));
        if name.eq_ignore_ascii_case(&SIGN.name) && SIGN.version.answers(version) {
            return Lookup::Found(Arc::clone(&SIGN));
        }
        Lookup::Missing
    }

    fn file(&self, file: &FileReference) -> Lookup<SourceText> {
        let named = self.files.get(&file.to_string());
        let other = || {
            let turn = file
                .path
                .bytes()
                .map(usize::from)
                .sum::<usize>()
                .checked_rem(self.files.len());
            let any = self.any_path && !file.path.contains('?');
            turn.filter(|_| any)
                .and_then(|turn| self.files.values().nth(turn))
        };
        match named.or_else(other) {
            Some(text) => Lookup::Found(SourceText {
                text: Arc::clone(text),
                commit: file.repository.as_ref().map(|_| "c0ffee".to_owned()),
            }),
            None => Lookup::Missing,
        }
    }
}

/// Knows only what it was told to load.
struct Lazy<'a> {
    world: &'a World,
    loaded: RefCell<BTreeSet<Need>>,
}

impl Lazy<'_> {
    fn when<T>(&self, need: &Need, answer: Lookup<T>) -> Lookup<T> {
        if self.loaded.borrow().contains(need) {
            answer
        } else {
            Lookup::Unknown
        }
    }
}

impl Resolver for Lazy<'_> {
    fn secure_file(&self, reference: &SecureFileReference) -> Lookup<ResolvedFile> {
        let need = Need::SecureFile(reference.clone());
        self.when(&need, self.world.secure_file(reference))
    }

    fn task(&self, name: &str, version: &str) -> Lookup<Arc<TaskDefinition>> {
        let need = Need::Task {
            name: name.to_owned(),
            version: version.to_owned(),
        };
        self.when(&need, self.world.task(name, version))
    }

    fn file(&self, file: &FileReference) -> Lookup<SourceText> {
        self.when(&Need::File(file.clone()), self.world.file(file))
    }
}
