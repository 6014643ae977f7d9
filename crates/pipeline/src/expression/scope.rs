//! Where and when an expression is evaluated: which names and functions exist there, and what they stand for. It must not
//! know where the values come from.

use super::budget::Fault;
use super::functions::{Home, Signature};
use super::{Function, Value};
use crate::diagnostic::quotable;
use crate::words;

/// When an expression is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Time {
    /// When the plan is made: `${{ }}`.
    Template,
    /// When a stage or job starts: `$[ ]` as the value of a variable.
    Runtime,
    /// When a job starts: `$[ ]` elsewhere, which says what there will be of the job.
    Start,
    /// When it is decided whether a stage runs.
    Stage,
    /// When it is decided whether a job runs.
    Job,
    /// When it is decided whether a step runs; that is done by the agent.
    Step,
    /// When a secure file is looked at in a query.
    Query,
}

const TIMES: [Time; 5] = [
    Time::Template,
    Time::Runtime,
    Time::Stage,
    Time::Job,
    Time::Step,
];

impl Time {
    /// The named contexts that exist then.
    #[must_use]
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::Template => &["parameters", "variables"],
            Self::Runtime | Self::Start => &[
                "variables",
                "dependencies",
                "stageDependencies",
                "pipeline",
                "resources",
            ],
            Self::Stage | Self::Job => {
                &["variables", "dependencies", "stageDependencies", "pipeline"]
            }
            Self::Step => &["variables"],
            Self::Query => &[],
        }
    }

    /// Where that is, in words.
    fn place(self) -> &'static str {
        match self {
            Self::Template => "`${{ }}`",
            Self::Runtime => "`$[ ]`",
            Self::Start => "`$[ ]` outside of variables",
            Self::Stage => "the condition of a stage",
            Self::Job => "the condition of a job",
            Self::Step => "the condition of a step",
            Self::Query => "a query",
        }
    }

    /// Whether a function exists then.
    pub(super) fn offers(self, signature: &Signature) -> bool {
        match signature.home {
            Home::Everywhere => true,
            Home::Pipelines => self != Self::Query,
            Home::Conditions => matches!(self, Self::Stage | Self::Job | Self::Step),
            Home::Variables => self == Self::Runtime,
            Home::Queries => self == Self::Query,
        }
    }

    /// Least and most arguments of a function then.
    pub(super) fn counts(self, signature: &Signature) -> (usize, Option<usize>) {
        match (self, signature.function) {
            // Clients send them with one argument too.
            (Self::Query, Function::And | Function::Or) => (1, None),
            // A step has no dependencies to name.
            (Self::Step, function) if function.is_status() => (0, Some(0)),
            _ => (signature.least, signature.most),
        }
    }

    /// A name that stands for nothing here.
    pub(super) fn unknown_name(self, name: &str, locals: &[&str]) -> Fault {
        let shown = quotable(name);
        if self == Self::Query {
            return Fault::new(format!(
                "`{shown}` is no value here: text stands in single quotes, and only property('name') reads something"
            ));
        }
        let fault = Fault::new(format!("there is no value `{shown}` in {}", self.place()));
        let elsewhere: Vec<&str> = TIMES
            .into_iter()
            .filter(|time| {
                let mut names = time.names().iter();
                names.any(|known| known.eq_ignore_ascii_case(name))
            })
            .map(Self::place)
            .collect();
        if !elsewhere.is_empty() {
            return fault.hint(format!("`{shown}` exists only in {}", elsewhere.join(", ")));
        }
        if let Some(function) = Function::named(name) {
            return fault.hint(format!(
                "to call the function write `{}(…)`",
                function.name()
            ));
        }
        let mut known: Vec<&str> = self.names().to_vec();
        for local in locals {
            if !known.iter().any(|known| words::same(known, local)) {
                known.push(local);
            }
        }
        match words::nearest(name, known.iter().copied()) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint(format!(
                "known here: {}; text stands in single quotes",
                known.join(", ")
            )),
        }
    }

    /// A function that does not exist, or not here.
    pub(super) fn unknown_function(self, name: &str) -> Fault {
        use super::functions::FUNCTIONS;
        let shown = quotable(name);
        let known = Function::named(name).map(Function::signature);
        match known {
            Some(known) if self == Self::Query && known.home != Home::Queries => Fault::new(
                format!("the function `{shown}` of pipelines means nothing here"),
            ),
            Some(known) if known.home != Home::Queries => {
                let fault = Fault::new(format!(
                    "the function `{shown}` does not exist in {}",
                    self.place()
                ));
                fault.hint(match known.home {
                    Home::Variables => {
                        format!(
                            "`{}` exists only where a variable is defined, in `$[ ]`",
                            known.name
                        )
                    }
                    _ => format!(
                        "`{}` exists only in conditions of stages, jobs and steps{}",
                        known.name,
                        match self {
                            Self::Template => ", which are no `${{ }}`",
                            Self::Runtime => ", which are no `$[ ]`",
                            _ => "",
                        }
                    ),
                })
            }
            _ => {
                let names: Vec<&str> = FUNCTIONS
                    .iter()
                    .filter(|known| self.offers(known))
                    .map(|known| known.name)
                    .collect();
                let fault = Fault::new(format!("there is no function `{shown}`"));
                match self {
                    Self::Query => Fault {
                        hint: words::nearest(name, names)
                            .map(|near| format!("did you mean `{near}`?")),
                        ..fault
                    },
                    _ => fault.hint(match elsewhere(name) {
                        Some(ours) => format!("did you mean `{ours}`?"),
                        None => words::suggestion(name, &names),
                    }),
                }
            }
        }
    }
}

/// How other languages for pipelines call what we have.
fn elsewhere(name: &str) -> Option<&'static str> {
    const WORDS: &[(&str, &str)] = &[
        ("equals", "eq"),
        ("equal", "eq"),
        ("success", "succeeded"),
        ("failure", "failed"),
        ("cancelled", "canceled"),
        ("toJson", "convertToJson"),
        ("toLower", "lower"),
        ("toUpper", "upper"),
        ("len", "length"),
        ("concat", "format"),
        ("if", "iif"),
    ];
    let found = WORDS
        .iter()
        .find(|(theirs, _)| theirs.eq_ignore_ascii_case(name));
    found.map(|(_, ours)| *ours)
}

/// What an expression sees: values by name, and the functions that depend on where it is evaluated.
pub trait Scope {
    /// When that is.
    fn time(&self) -> Time;

    /// The value of a name, ignoring case. A name of [`Time::names`] that is not answered is null.
    fn value(&self, name: &str) -> Option<Value>;

    /// What stands under a key of a name, for contexts that are not made before they are asked; null when nothing does.
    fn member(&self, name: &str, key: &str) -> Option<Value> {
        self.value(name).map(|value| value.member(&key.into()))
    }

    /// Names beside those of [`Time::names`]: variables of loops.
    fn locals(&self) -> Vec<&str> {
        Vec::new()
    }

    /// A function of the context: of the status, [`Function::Counter`], [`Function::Property`]. Others never get here.
    ///
    /// # Errors
    ///
    /// What is wrong, in words.
    fn call(&self, function: Function, arguments: &[Value]) -> Result<Value, String> {
        let _ = arguments;
        Err(format!(
            "the function `{}` is not available here",
            function.name()
        ))
    }
}

/// Contexts by name, made before.
#[derive(Clone, Debug)]
pub struct Contexts {
    time: Time,
    values: Vec<(std::sync::Arc<str>, Value)>,
}

impl Contexts {
    /// None yet.
    #[must_use]
    pub fn new(time: Time) -> Self {
        Self {
            time,
            values: Vec::new(),
        }
    }

    /// With one more, which hides an earlier one of this name: a context, or a variable of a loop.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.values.push((name.into(), value.into()));
        self
    }
}

impl Scope for Contexts {
    fn time(&self) -> Time {
        self.time
    }

    fn value(&self, name: &str) -> Option<Value> {
        let mut values = self.values.iter().rev();
        values
            .find(|(known, _)| words::same(known, name))
            .map(|(_, value)| value.clone())
    }

    fn locals(&self) -> Vec<&str> {
        self.values.iter().map(|(name, _)| &**name).collect()
    }
}
