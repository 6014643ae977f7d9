//! Template expansion: the tree of a file and of the templates it uses to one tree without `${{ }}`. Whatever is inserted
//! keeps the place where it was written. It must not know what a stage, job or step may hold (that is for `read`), only
//! where lists of them are, because templates may be used there.
//!
//! The limits of the original hold: 100 files, 20 levels of templates. Beyond them every value that is made and every
//! condition that is looked at counts, so that a small text cannot ask for endless work.

mod directive;
mod evaluate;
mod extends;
mod include;
mod mapping;
mod named;
mod parameters;
mod scope;
mod sequence;
mod settle;
mod types;
mod value;
mod variables;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use crate::{
    Need, PlanInputs, Resolver, Source,
    diagnostic::{Code, Frame, Place, Report},
    expression::Budget,
    resolver::{FileReference, Repository},
    words,
    yaml::{Kind, Node},
};
use scope::{File, Scope};

pub use named::{NamedTemplate, TemplateFile, templates_named};

/// Most template files of one pipeline.
pub const MAX_FILES: usize = 100;
/// Most levels of templates.
const MAX_LEVELS: usize = 20;
/// Deepest nesting of the expanded tree.
const MAX_DEPTH: usize = 128;
/// Most values of the expanded tree and conditions on the way, together. Whatever else takes time counts as so many values as
/// take as long: to read an expression, to look for a name among many, to copy what a file declares.
const MAX_WORK: usize = 500_000;
/// Most bytes of text in the expanded tree.
const MAX_BYTES: usize = 10 << 20;
/// Most bytes of the expanded tree when it is written out, which indents each line.
const MAX_WRITTEN: usize = 2 * MAX_BYTES;

/// A pipeline without templates.
#[derive(Debug)]
pub(crate) struct Expansion {
    /// The one tree.
    pub(crate) tree: Node,
    /// Parameters of the pipeline with their values, in the order they are declared.
    pub(crate) parameters: Vec<(String, serde_json::Value)>,
    /// Commits of the repositories that templates came from, by alias; `self` is the pipeline's own.
    pub(crate) commits: BTreeMap<String, String>,
}

/// Expands a pipeline. What could not be expanded is in the report, or in `needs`.
pub(crate) fn expand(
    tree: &Node,
    source: &Source,
    inputs: &PlanInputs,
    resolver: &dyn Resolver,
    needs: &mut BTreeSet<Need>,
    report: &mut Report,
) -> Expansion {
    let mut expander = Expander {
        resolver,
        report,
        needs,
        repositories: Vec::new(),
        references: BTreeMap::new(),
        loaded: HashMap::new(),
        commits: BTreeMap::new(),
        files: 0,
        budget: Budget::default(),
        work: 0,
        bytes: 0,
        stopped: false,
    };
    let own = FileReference {
        repository: None,
        path: from_root(&source.path),
    };
    let Kind::Mapping(pairs) = &tree.kind else {
        return expander.finish(tree.clone(), Vec::new());
    };
    expander.repositories = include::repositories(pairs);
    let declared = expander.declared(pairs, Frame::ROOT);
    let given = parameters::given(inputs);
    expander.references.insert(Frame::ROOT, own);
    let known: Vec<_> = inputs
        .system
        .iter()
        .chain(&inputs.variables)
        .cloned()
        .collect();
    let file = |parameters| {
        Rc::new(File {
            frame: Frame::ROOT,
            parameters,
            open: false,
            depth: 0,
        })
    };
    let scope = Scope::root(file(Vec::new()), known.clone());
    let bound = expander.bind(declared, false, given, Place::START, Frame::ROOT, &scope);
    let values = bound
        .iter()
        .map(|(name, bound)| (name.clone(), value::to_json(&bound.get())))
        .collect();
    let scope = Scope::root(file(bound), known);
    let expanded = expander.root(tree, pairs, &scope);
    if written(&expanded, 0) > MAX_WRITTEN {
        let message = format!(
            "a pipeline may have {} MiB with its templates put in, indentation counted",
            MAX_WRITTEN >> 20
        );
        expander.stop(tree.place, message);
    }
    // Half a pipeline would be wrong in ways that nobody wrote.
    let expanded = if expander.stopped {
        Node::refused(tree.place)
    } else {
        expanded
    };
    expander.finish(expanded, values)
}

/// About so many bytes does a tree take when it is written out.
fn written(node: &Node, depth: usize) -> usize {
    let inner: usize = match &node.kind {
        Kind::Scalar { text, .. } => text.len(),
        Kind::Refused => 0,
        Kind::Sequence(items) => items.iter().map(|item| written(item, depth + 1)).sum(),
        Kind::Mapping(pairs) => pairs
            .iter()
            .map(|(key, value)| key.text().map_or(0, str::len) + written(value, depth + 1))
            .sum(),
    };
    inner + 2 * depth
}

/// The path of a pipeline's own file from the root, however it is written.
#[must_use]
pub fn from_root(path: &str) -> String {
    let path = path.replace('\\', "/");
    path.trim_start_matches("./")
        .trim_start_matches('/')
        .to_owned()
}

/// What a value is for, as far as templates care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::template) enum Slot {
    Root,
    Stages,
    Stage,
    Jobs,
    /// Jobs by their old name.
    Phases,
    Job,
    Steps,
    Step,
    Variables,
    /// `strategy:` of a deployment job and its hooks.
    Strategy,
    Resources,
    /// Where `${{ }}` may not stand.
    Literal,
    /// `parameters:` of a file, which are read apart.
    Declared,
    Plain,
}

impl Slot {
    /// What the value of a key is for.
    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Root, "stages") => Self::Stages,
            (Self::Root | Self::Stage, "jobs") => Self::Jobs,
            (Self::Root, "phases") => Self::Phases,
            (Self::Root | Self::Job | Self::Strategy, "steps") => Self::Steps,
            (Self::Root | Self::Stage | Self::Job, "variables") => Self::Variables,
            (Self::Root, "resources") => Self::Resources,
            (Self::Root, "parameters") => Self::Declared,
            (Self::Root, "trigger" | "pr" | "schedules")
            | (Self::Resources, "repositories")
            | (Self::Literal, _) => Self::Literal,
            (Self::Job | Self::Root, "strategy") => Self::Strategy,
            (Self::Strategy, "matrix") => Self::Plain,
            (Self::Strategy, _) => Self::Strategy,
            _ => Self::Plain,
        }
    }

    /// What an item of the list is for.
    fn item(self) -> Self {
        match self {
            Self::Stages => Self::Stage,
            Self::Jobs | Self::Phases => Self::Job,
            Self::Steps => Self::Step,
            Self::Literal => Self::Literal,
            _ => Self::Plain,
        }
    }

    /// Whether there may be lists below that take templates.
    fn has_lists(self) -> bool {
        self.list().is_some()
            || matches!(self, Self::Root | Self::Stage | Self::Job | Self::Strategy)
    }

    /// The key under which a template holds such a list.
    fn list(self) -> Option<&'static str> {
        match self {
            Self::Stages => Some("stages"),
            Self::Jobs => Some("jobs"),
            Self::Phases => Some("phases"),
            Self::Steps => Some("steps"),
            Self::Variables => Some("variables"),
            _ => None,
        }
    }
}

struct Expander<'a> {
    resolver: &'a dyn Resolver,
    report: &'a mut Report,
    needs: &'a mut BTreeSet<Need>,
    repositories: Vec<Repository>,
    /// Which file each frame is of: paths in it lead from its folder.
    references: BTreeMap<Frame, FileReference>,
    /// Trees of the files read so far; none for one that cannot be read.
    loaded: HashMap<FileReference, Option<Rc<include::Loaded>>>,
    commits: BTreeMap<String, String>,
    files: usize,
    /// What all expressions together may take.
    budget: Budget,
    work: usize,
    bytes: usize,
    stopped: bool,
}

impl Expander<'_> {
    fn finish(self, tree: Node, parameters: Vec<(String, serde_json::Value)>) -> Expansion {
        Expansion {
            tree,
            parameters,
            commits: self.commits,
        }
    }

    /// Any value.
    fn node(&mut self, node: &Node, scope: &Scope, slot: Slot, depth: usize) -> Node {
        let place = scope.place(node.place);
        if !self.count(1, place) || !self.deep(depth, place) {
            return Node::refused(place);
        }
        let kind = match &node.kind {
            _ if slot == Slot::Declared => Kind::Refused,
            Kind::Refused => Kind::Refused,
            Kind::Scalar { .. } => {
                let made = self.scalar(node, scope, slot, depth);
                return self.settled(made, scope, slot, depth);
            }
            Kind::Sequence(items) => {
                let mut out = Vec::new();
                self.sequence(items, scope, slot, depth + 1, &mut out);
                Kind::Sequence(out)
            }
            Kind::Mapping(pairs) => Kind::Mapping(self.mapping(pairs, scope, slot, depth + 1)),
        };
        Node { kind, place }
    }

    /// Counts values and conditions; false when there were too many, which is said once.
    fn count(&mut self, work: usize, place: Place) -> bool {
        self.count_at(work, || place)
    }

    /// The same, where it takes something to say the place.
    fn count_at(&mut self, work: usize, place: impl FnOnce() -> Place) -> bool {
        self.work = self.work.saturating_add(work);
        if self.work > MAX_WORK && !self.stopped {
            self.stop(
                place(),
                format!("templates may make {MAX_WORK} values, conditions counted"),
            );
        }
        !self.stopped
    }

    /// Counts text that is made.
    fn grow(&mut self, bytes: usize, place: Place) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > MAX_BYTES {
            self.stop(
                place,
                format!("templates may make {} MiB of text", MAX_BYTES >> 20),
            );
        }
        !self.stopped
    }

    /// What was perhaps meant. An error that is not kept any more needs no hint, and there may be many of them.
    fn near(&self, word: &str, known: &[&str]) -> String {
        if self.report.is_full() {
            return String::new();
        }
        words::suggestion(word, known)
    }

    fn stop(&mut self, place: Place, message: String) {
        if !self.stopped {
            self.stopped = true;
            self.report.error(
                Code::Limit,
                place,
                message,
                "look for loops within loops, and for lists that are handed on and on",
            );
        }
    }

    fn deep(&mut self, depth: usize, place: Place) -> bool {
        let fits = depth <= MAX_DEPTH;
        if !fits {
            self.report.error(
                Code::Limit,
                place,
                format!("expanded mappings and lists may be {MAX_DEPTH} levels deep"),
                "check what the templates put into each other",
            );
        }
        fits
    }

    /// A finished value comes in again: it is copied, so it counts again.
    fn insert(&mut self, node: &Node, depth: usize, place: Place) -> Node {
        let (count, bytes, height) = node.size();
        if !self.count(count, place)
            || !self.grow(bytes, place)
            || !self.deep(depth + height, place)
        {
            return Node::refused(place);
        }
        node.clone()
    }
}
