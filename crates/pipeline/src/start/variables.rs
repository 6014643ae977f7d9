//! The variables that a stage or job starts with: texts as they are, `$[ ]` evaluated, from the outermost place inwards. It
//! must not know who sets the predefined ones, nor where counters are kept.
//!
//! An expression sees the variables of the places outside of its own, the texts of its own place wherever they stand, and
//! those expressions of its own place that stand before it. Itself and later ones are what they are further outside, or
//! nothing: so nothing can refer to itself in a circle.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{CounterNeed, Counters, StartError, describe};
use crate::diagnostic::quotable;
use crate::expression::{
    self, Budget, Contexts, Function, MAX_BYTES, Object, Scope, Seen, Time, Value, evaluate_checked,
};
use crate::{Location, Runtime, Variable, VariableValue, macros, words};

/// Bytes of variables that replacing `$(x)` may read and write within one start.
const MAX_EXPANSION: usize = 20 << 20;
/// The same for one value.
const MAX_EXPANDED: usize = 1 << 20;
/// Longest value of an expression: Linux takes no longer one into an environment.
const MAX_VALUE: usize = 128 << 10;
/// Longest name of a counter, in bytes.
const MAX_PREFIX: usize = 400;
/// Most counters of one run.
const MAX_COUNTERS: usize = 50;

/// A variable of a job that starts. No `Debug` of its value: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Started {
    /// As written where it is set last.
    pub name: String,
    /// Its value; `$(x)` in it is replaced by the agent.
    pub value: String,
    /// It came from an expression.
    pub evaluated: bool,
    /// A secret went into it.
    pub secret: bool,
    /// A step may not set it anew.
    pub read_only: bool,
}

impl std::fmt::Debug for Started {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = if self.secret { "***" } else { &self.value };
        write!(f, "{}={value}", self.name)
    }
}

/// Variables so far.
pub(super) struct Known<'a> {
    /// Set by the server, and by nobody else.
    system: BTreeMap<String, (&'a str, &'a str)>,
    /// By folded name.
    own: BTreeMap<String, Entry>,
    /// Bytes that replacing may still take.
    expansion: Cell<usize>,
}

struct Entry {
    variable: Started,
    /// Its counter has no number yet: the value means nothing.
    pending: bool,
}

/// What a text is once `$(x)` in it is replaced.
struct Expanded {
    text: String,
    secret: bool,
    pending: bool,
}

/// What evaluating variables takes besides them.
pub(super) struct Evaluation<'a> {
    pub(super) contexts: Contexts,
    pub(super) secrets: &'a BTreeSet<Arc<str>>,
    pub(super) counters: &'a Counters,
    pub(super) needs: Vec<CounterNeed>,
}

impl<'a> Known<'a> {
    pub(super) fn new(system: &'a [(String, String)]) -> Self {
        let system = system.iter();
        Self {
            system: system
                .map(|(name, value)| (words::fold(name), (&**name, &**value)))
                .collect(),
            own: BTreeMap::new(),
            expansion: Cell::new(MAX_EXPANSION),
        }
    }

    /// Adds what one place sets; its texts first. `more` are texts that win in this place: those of a leg.
    pub(super) fn add(
        &mut self,
        place: &str,
        variables: &[Variable],
        more: &[Variable],
        evaluation: &mut Evaluation<'_>,
        budget: &mut Budget,
    ) -> Result<(), StartError> {
        for variable in variables.iter().chain(more) {
            if let VariableValue::Text(text) = &variable.value {
                self.put(variable, text.clone(), false, false, false);
            }
        }
        for variable in variables {
            let VariableValue::Expression(expression) = &variable.value else {
                continue;
            };
            if more
                .iter()
                .any(|leg| words::same(&leg.name, &variable.name))
            {
                continue;
            }
            let what = format!("the variable {} of {place}", quotable(&variable.name));
            match evaluation.value(self, &what, expression, budget)? {
                Some((value, secret)) => self.put(variable, value, true, secret, false),
                None => self.put(variable, String::new(), true, false, true),
            }
        }
        Ok(())
    }

    fn put(
        &mut self,
        variable: &Variable,
        value: String,
        evaluated: bool,
        secret: bool,
        pending: bool,
    ) {
        let folded = words::fold(&variable.name);
        let variable = Started {
            name: variable.name.clone(),
            value,
            evaluated,
            secret,
            read_only: variable.read_only,
        };
        self.own.insert(folded, Entry { variable, pending });
    }

    fn raw(&self, folded: &str) -> Option<(&str, bool, bool)> {
        if let Some((_, value)) = self.system.get(folded) {
            return Some((value, false, false));
        }
        let entry = self.own.get(folded)?;
        Some((&entry.variable.value, entry.variable.secret, entry.pending))
    }

    fn expand(&self, text: &str) -> Expanded {
        let (secret, pending) = (Cell::new(false), Cell::new(false));
        let within = self.expansion.get().min(MAX_EXPANDED);
        let read = Cell::new(text.len() + 1);
        let expanded = macros::expand_nested_within(text, within, |name| {
            let (value, is_secret, is_pending) = self.raw(&words::fold(name))?;
            read.set(read.get() + value.len() + 1);
            secret.set(secret.get() | is_secret);
            pending.set(pending.get() | is_pending);
            Some(value.to_owned())
        });
        let left = self.expansion.get();
        self.expansion.set(left.saturating_sub(read.get()));
        Expanded {
            text: expanded.text,
            secret: secret.get(),
            pending: pending.get(),
        }
    }

    fn get(&self, name: &str) -> Option<Expanded> {
        let (value, secret, pending) = self.raw(&words::fold(name))?;
        let mut expanded = self.expand(value);
        expanded.secret |= secret;
        expanded.pending |= pending;
        Some(expanded)
    }

    /// Whether replacing took more than it may.
    fn exhausted(&self) -> bool {
        self.expansion.get() == 0
    }

    fn all(&self) -> Vec<(&str, Expanded)> {
        let own = self.own.values().map(|entry| &*entry.variable.name);
        let system = self.system.values().map(|(name, _)| *name);
        let names = own.chain(system);
        names
            .filter_map(|name| Some((name, self.get(name)?)))
            .collect()
    }

    /// `variables`, as conditions see them, and the secret ones of their values.
    pub(super) fn context(&self, what: &str) -> Result<(Object, BTreeSet<Arc<str>>), StartError> {
        let mut secrets = BTreeSet::new();
        let mut object = Object::default();
        for (name, expanded) in self.all() {
            let text: Arc<str> = expanded.text.into();
            if expanded.secret && !text.is_empty() {
                secrets.insert(text.clone());
            }
            object.insert(name, Value::Text(text));
        }
        if self.exhausted() {
            return Err(too_large(what, None));
        }
        Ok((object, secrets))
    }

    /// Those that are not predefined, by name.
    pub(super) fn into_started(self) -> Vec<Started> {
        self.own.into_values().map(|entry| entry.variable).collect()
    }
}

impl Evaluation<'_> {
    /// The value of an expression as a text, and whether a secret went into it. None when a counter is needed first.
    fn value(
        &mut self,
        known: &Known<'_>,
        what: &str,
        expression: &Runtime,
        budget: &mut Budget,
    ) -> Result<Option<(String, bool)>, StartError> {
        let wrong = |message: String, hint: &str| StartError {
            place: expression.place().cloned(),
            message: format!("{what} {message}"),
            hint: hint.to_owned(),
        };
        let Some((value, secret)) =
            self.evaluate(known, what, Time::Runtime, expression, budget)?
        else {
            return Ok(None);
        };
        let Some(text) = value.to_text() else {
            return Err(wrong(
                format!("is no text, but of the kind {}", value.kind()),
                "pick a value from it (`.name`, `[0]`), or make text of it with join() or convertToJson()",
            ));
        };
        if text.len() > MAX_VALUE {
            return Err(wrong(
                format!("is longer than {MAX_VALUE} bytes"),
                "no process takes a longer one into its environment: pick a part, or hand it on in a file",
            ));
        }
        if text.contains('\0') {
            return Err(wrong(
                "holds a null character".to_owned(),
                "no process takes one into its environment: take it out where the value is made",
            ));
        }
        Ok(Some((text.into_owned(), secret)))
    }

    /// The value of an expression, and whether a secret went into it. None when a counter is needed first.
    pub(super) fn evaluate(
        &mut self,
        known: &Known<'_>,
        what: &str,
        time: Time,
        expression: &Runtime,
        budget: &mut Budget,
    ) -> Result<Option<(Value, bool)>, StartError> {
        let text = expression.as_str();
        let place = expression.place().cloned();
        let tree = expression::parse(text).map_err(|wrong| StartError {
            place: place.clone(),
            message: format!("{what} is no expression: {wrong}"),
            hint: "plan the pipeline anew".to_owned(),
        })?;
        let scene = Scene {
            time,
            known,
            contexts: &self.contexts,
            counters: self.counters,
            needed: RefCell::new(&mut self.needs),
            blocked: Cell::new(false),
            secret: Cell::new(false),
            counted: Cell::new(false),
        };
        let mut seen = Seen::default();
        let value = expression::check(&tree, time, &[])
            .and_then(|()| evaluate_checked(&tree, &scene, budget, Some(&mut seen)));
        let (blocked, counted) = (scene.blocked.get(), scene.counted.get());
        let mut left = MAX_BYTES;
        let secret = scene.secret.get()
            || (!self.secrets.is_empty()
                && seen
                    .values()
                    .any(|value| holds(value, self.secrets, &mut left)));
        if secret && counted {
            return Err(StartError {
                place,
                message: format!("{what} names a counter, and a secret beside it"),
                hint: "names of counters are kept in the open: name it by something else"
                    .to_owned(),
            });
        }
        if blocked {
            // Whatever came of it came of what is not known yet.
            return Ok(None);
        }
        if known.exhausted() {
            return Err(too_large(what, place));
        }
        let value = value.map_err(|wrong| describe(what, place.clone(), &wrong))?;
        Ok(Some((value, secret)))
    }
}

/// Whether a secret is a value, or in it. What is too large to look through counts as if it were.
fn holds(value: &Value, secrets: &BTreeSet<Arc<str>>, left: &mut usize) -> bool {
    let Some(rest) = left.checked_sub(1) else {
        return true;
    };
    *left = rest;
    match value {
        Value::Text(text) => secrets.contains(text),
        Value::Array(items) => items.iter().any(|item| holds(item, secrets, left)),
        Value::Object(object) => object.iter().any(|(_, item)| holds(item, secrets, left)),
        _ => false,
    }
}

fn too_large(what: &str, place: Option<Location>) -> StartError {
    StartError {
        place,
        message: format!(
            "{what} cannot be evaluated: the variables that it names take more than {MAX_EXPANSION} bytes once `$(x)` in \
             them is replaced"
        ),
        hint: "make them smaller, or name fewer".to_owned(),
    }
}

/// What an expression sees.
struct Scene<'a, 'k, 'n> {
    time: Time,
    known: &'a Known<'k>,
    contexts: &'a Contexts,
    counters: &'a Counters,
    needed: RefCell<&'n mut Vec<CounterNeed>>,
    /// Something that is needed first was read.
    blocked: Cell<bool>,
    secret: Cell<bool>,
    counted: Cell<bool>,
}

impl Scene<'_, '_, '_> {
    fn touch(&self, expanded: Expanded) -> Value {
        self.blocked.set(self.blocked.get() | expanded.pending);
        self.secret.set(self.secret.get() | expanded.secret);
        expanded.text.into()
    }

    fn counter(&self, arguments: &[Value]) -> Result<Value, String> {
        self.counted.set(true);
        if self.blocked.get() {
            return Ok(Value::Null);
        }
        let null = Value::Null;
        let [prefix, seed] = [0, 1].map(|at| arguments.get(at).unwrap_or(&null));
        let Some(prefix) = prefix.to_text() else {
            return Err(format!(
                "the prefix of `counter` is a text, and not of the kind {}",
                prefix.kind()
            ));
        };
        if prefix.len() > MAX_PREFIX || prefix.chars().any(char::is_control) {
            return Err(format!(
                "the prefix of `counter` is one line of at most {MAX_PREFIX} bytes"
            ));
        }
        let whole = |number: &f64| {
            number.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(number)
        };
        let Some(seed) = seed.to_number().filter(whole) else {
            return Err(format!(
                "the seed of `counter` is a whole number of up to {}",
                i32::MAX
            ));
        };
        if let Some(number) = self.counters.get(&prefix) {
            // Far below 2^53: a seed is small, and each run adds one.
            return Ok((number as f64).into());
        }
        let mut needed = self.needed.borrow_mut();
        if !needed.iter().any(|need| need.prefix == *prefix) {
            if needed.len() + self.counters.len() >= MAX_COUNTERS {
                return Err(format!("a run may have {MAX_COUNTERS} counters"));
            }
            needed.push(CounterNeed {
                prefix: prefix.into_owned(),
                seed: seed as i64,
            });
        }
        self.blocked.set(true);
        Ok(Value::Null)
    }
}

impl Scope for Scene<'_, '_, '_> {
    fn time(&self) -> Time {
        self.time
    }

    fn value(&self, name: &str) -> Option<Value> {
        if !words::same(name, "variables") {
            return self.contexts.value(name);
        }
        let all = self.known.all().into_iter();
        let object: Object = all
            .map(|(name, expanded)| (name, self.touch(expanded)))
            .collect();
        Some(object.into())
    }

    fn member(&self, name: &str, key: &str) -> Option<Value> {
        if !words::same(name, "variables") {
            return self.contexts.value(name).map(|of| of.member(&key.into()));
        }
        Some(self.known.get(key).map(|value| self.touch(value)).into())
    }

    fn call(&self, function: Function, arguments: &[Value]) -> Result<Value, String> {
        match function {
            Function::Counter => self.counter(arguments),
            _ => Err(format!(
                "the function `{}` is not available here",
                function.name()
            )),
        }
    }
}
