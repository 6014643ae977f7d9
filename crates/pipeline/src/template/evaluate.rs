//! One `${{ }}`: what it stands for. A bare path (`parameters.steps`, `item.name`) is followed through the nodes, so that what
//! it finds keeps its places; anything else is evaluated.

use super::{
    Expander, Slot,
    scope::{Bound, Scope},
    value,
};
use crate::{
    diagnostic::{Code, Place, quotable},
    expression::{self, Expression, Kind as Part, Segment, Time, Value, has_expression, segments},
    words,
    yaml::{Kind, Node},
};

/// What an expression stands for.
pub(super) enum Answer {
    /// Something that was written, here or in another file.
    Written(Bound),
    /// Something computed.
    Computed(Value),
}

impl Answer {
    pub(super) fn get(&self) -> Value {
        match self {
            Self::Written(bound) => bound.get(),
            Self::Computed(value) => value.clone(),
        }
    }
}

/// Names of this time, for the evaluator.
struct Compile<'a>(&'a Scope);

impl expression::Scope for Compile<'_> {
    fn time(&self) -> Time {
        Time::Template
    }

    fn value(&self, name: &str) -> Option<Value> {
        if let Some(item) = self.0.counted(name) {
            return Some(item.get());
        }
        match name.to_ascii_lowercase().as_str() {
            "parameters" => Some(self.0.parameters()),
            "variables" => Some(self.0.variables()),
            _ => None,
        }
    }

    fn member(&self, name: &str, key: &str) -> Option<Value> {
        if self.0.counted(name).is_none() {
            if words::same(name, "parameters") {
                return Some(self.0.parameter(key).map_or(Value::Null, Bound::get));
            }
            if words::same(name, "variables") {
                return Some(self.0.variable(key).map_or(Value::Null, value::text));
            }
        }
        self.value(name).map(|value| value.member(&key.into()))
    }

    fn locals(&self) -> Vec<&str> {
        self.0.counters().collect()
    }
}

impl Expander<'_> {
    /// A scalar with its expressions replaced.
    pub(super) fn scalar(&mut self, node: &Node, scope: &Scope, slot: Slot, depth: usize) -> Node {
        let place = scope.place(node.place);
        let Kind::Scalar { text, .. } = &node.kind else {
            return Node::refused(place);
        };
        if !has_expression(text) {
            if !self.grow(text.len(), place) {
                return Node::refused(place);
            }
            return Node {
                kind: node.kind.clone(),
                place,
            };
        }
        if slot == Slot::Literal {
            let at = scope.place(node.place_of(text.find("${{").unwrap_or(0)));
            self.report.error(
                Code::Expression,
                at,
                "A template expression is not allowed in this context: it is read before templates are",
                "write the value out",
            );
            return Node::refused(place);
        }
        self.replaced(node, text, scope, depth)
            .unwrap_or_else(|| Node::refused(place))
    }

    fn replaced(&mut self, node: &Node, text: &str, scope: &Scope, depth: usize) -> Option<Node> {
        let place = scope.place(node.place);
        let segments = match segments(text) {
            Ok(segments) => segments,
            Err(wrong) => {
                let at = scope.place(node.place_of(wrong.offset));
                let hint = "an expression stands between `${{` and `}}`; a literal `${{` is written `${{ '${{' }}`";
                self.report.error(Code::Syntax, at, wrong.message, hint);
                return None;
            }
        };
        if let [Segment::Expression { text, inner, .. }] = segments.as_slice() {
            let at = node.place_of(inner.start);
            return match self.answer(text, node, inner.start, scope)? {
                Answer::Written(bound) => match bound.as_node() {
                    Some(written) => Some(self.insert(written, depth, scope.place(at))),
                    None => Some(self.made(&bound.get(), depth, place)),
                },
                Answer::Computed(value) => Some(self.made(&value, depth, place)),
            };
        }
        let mut whole = String::new();
        for segment in segments {
            match segment {
                Segment::Literal(text) => whole.push_str(text),
                Segment::Expression { text, inner, .. } => {
                    let value = self.answer(text, node, inner.start, scope)?.get();
                    if matches!(value, Value::Array(_) | Value::Object(_)) {
                        let at = scope.place(node.place_of(inner.start));
                        self.report.error(
                            Code::Expression,
                            at,
                            "a list or a mapping cannot stand inside a text",
                            "use join(', ', …) or convertToJson(…), or let the expression be the whole value",
                        );
                        return None;
                    }
                    whole.push_str(&value::shown(&value));
                }
            }
            if self.bytes.saturating_add(whole.len()) > super::MAX_BYTES {
                break;
            }
        }
        self.grow(whole.len(), place)
            .then(|| Node::made(&whole, false, place))
    }

    fn made(&mut self, value: &Value, depth: usize, place: Place) -> Node {
        let node = value::to_node(value, place);
        let (count, bytes, height) = node.size();
        if self.count(count, place) && self.grow(bytes, place) && self.deep(depth + height, place) {
            node
        } else {
            Node::refused(place)
        }
    }

    /// Whether a condition holds. None: it cannot be told, and the report says why.
    pub(super) fn truth(
        &mut self,
        text: &str,
        key: &Node,
        offset: usize,
        scope: &Scope,
    ) -> Option<bool> {
        if let Ok(tree) = expression::parse(text)
            && let Some((message, start)) = known_later(&tree, scope)
        {
            let place = scope.place(key.place_of(offset + start));
            let hint = "let the job or step have a `condition:` instead";
            self.report.warn(Code::Suspicious, place, message, hint);
        }
        Some(self.answer(text, key, offset, scope)?.get().truthy())
    }

    /// What an expression stands for. `offset` is where its text begins in the scalar.
    pub(super) fn answer(
        &mut self,
        text: &str,
        node: &Node,
        offset: usize,
        scope: &Scope,
    ) -> Option<Answer> {
        // Only what is wrong is looked for in the text: a long one may hold many expressions.
        let at = |byte: usize| scope.place(node.place_of(offset + byte));
        if !self.count_at(1 + text.len() / 16, || at(0)) {
            return None;
        }
        let tree = match expression::parse(text) {
            Ok(tree) => tree,
            Err(wrong) => {
                let hint = "an expression is a value, a path such as parameters.name, or a function such as eq(a, b)";
                self.report
                    .error(Code::Syntax, at(wrong.offset), wrong.message, hint);
                return None;
            }
        };
        if !self.count_at(looking(&tree, scope), || at(0)) {
            return None;
        }
        if let Some((name, start)) = unknown_parameter(&tree, scope) {
            self.unknown_parameter(&name, at(start), scope);
            return None;
        }
        if depends_on_refused(&tree, scope) {
            // Whatever came out would be made of a value that is not there.
            return None;
        }
        if let Some((found, work)) = written(&tree, scope) {
            return self
                .count_at(work, || at(0))
                .then_some(Answer::Written(found));
        }
        match expression::evaluate(&tree, &Compile(scope), &mut self.budget) {
            Ok(value) => Some(Answer::Computed(value)),
            Err(wrong) => {
                self.report.error(
                    Code::Expression,
                    at(wrong.span.start),
                    wrong.message,
                    wrong.hint.unwrap_or_default(),
                );
                self.stopped |= wrong.exhausted;
                None
            }
        }
    }

    fn unknown_parameter(&mut self, name: &str, at: Place, scope: &Scope) {
        let known: Vec<&str> = scope
            .file()
            .parameters
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let hint = if known.is_empty() {
            "this file declares no parameters: add `parameters:` at its top".to_owned()
        } else {
            self.near(name, &known)
        };
        self.report.error(
            Code::Parameter,
            at,
            format!(
                "Key not found '{}': this file has no such parameter",
                quotable(name)
            ),
            hint,
        );
    }
}

/// What it takes to look up the names of an expression, in units of values that are made.
fn looking(tree: &Expression, scope: &Scope) -> usize {
    let one = (scope.size() + scope.file().parameters.len()) / 64;
    match &tree.kind {
        // All of them are put together.
        Part::Name(name) if words::same(name, "variables") => scope.size(),
        Part::Name(name) if words::same(name, "parameters") => scope.file().parameters.len(),
        Part::Name(_) => one,
        Part::Index { of, key } if matches!(of.kind, Part::Name(_)) => one + looking(key, scope),
        Part::Index { of, key } => looking(of, scope) + looking(key, scope),
        Part::All { of } => looking(of, scope),
        Part::Call { arguments, .. } => arguments.iter().map(|part| looking(part, scope)).sum(),
        Part::Null | Part::Boolean(_) | Part::Number(_) | Part::Version(_) | Part::Text(_) => 0,
    }
}

/// A path that begins with `parameters.` or with what a loop counts with, followed through what was written; and what that
/// took, in units of values that are made.
fn written(tree: &Expression, scope: &Scope) -> Option<(Bound, usize)> {
    let mut keys = Vec::new();
    let mut part = tree;
    let name = loop {
        match &part.kind {
            Part::Index { of, key } => {
                keys.push(&key.kind);
                part = of;
            }
            Part::Name(name) => break name,
            _ => return None,
        }
    };
    let mut keys = keys.into_iter().rev();
    let bound = match scope.counted(name) {
        Some(item) => item,
        None if words::same(name, "parameters") => match keys.next()? {
            Part::Text(name) => scope.parameter(name)?,
            _ => return None,
        },
        None => return None,
    };
    let mut node = bound.as_node()?;
    let (mut deeper, mut work) = (false, 0);
    for key in keys {
        deeper = true;
        if let Kind::Mapping(pairs) = &node.kind {
            work += pairs.len() / 64;
        }
        node = match (&node.kind, key) {
            (Kind::Mapping(pairs), Part::Text(wanted)) => {
                let (_, value) = pairs
                    .iter()
                    .find(|(key, _)| key.text().is_some_and(|key| words::same(key, wanted)))?;
                value
            }
            (Kind::Sequence(items), Part::Number(at)) => items.get(index(*at)?)?,
            _ => return None,
        };
    }
    Some(if deeper {
        let (count, bytes, _) = node.size();
        (Bound::node(node.clone()), work + count + bytes / 1024)
    } else {
        (bound.clone(), work)
    })
}

fn index(number: f64) -> Option<usize> {
    let whole = number.trunc();
    let fits = whole == number && (0.0..1e9).contains(&number);
    fits.then(|| format!("{whole:.0}").parse().ok()).flatten()
}

/// What stands below a context by its name, `parameters.name`, and where the name stands. Variables of loops hide contexts.
fn named<'a>(part: &'a Expression, context: &str, scope: &Scope) -> Option<(&'a str, usize)> {
    let Part::Index { of, key } = &part.kind else {
        return None;
    };
    match (&of.kind, &key.kind) {
        (Part::Name(of), Part::Text(name))
            if words::same(of, context) && scope.counted(of).is_none() =>
        {
            Some((name, key.span.start))
        }
        _ => None,
    }
}

/// The first variable that has no value yet, or one that is made when a job runs, and where it stands.
fn known_later(tree: &Expression, scope: &Scope) -> Option<(String, usize)> {
    tree.parts().find_map(|part| {
        let (name, at) = named(part, "variables", scope)?;
        let shown = quotable(name);
        let message = match scope.variable(name) {
            Some(text) if expression::in_brackets(text).is_some() || text.contains("$(") => {
                format!(
                    "the variable `{shown}` gets its value when the job runs: here it is the text `{}`",
                    quotable(text)
                )
            }
            None if words::fold(name).starts_with("agent.") => {
                format!("the variable `{shown}` is known when the job runs: here it is empty")
            }
            _ => return None,
        };
        Some((message, at))
    })
}

/// Whether some `parameters.name` in it has a value that was refused, or was not given.
fn depends_on_refused(tree: &Expression, scope: &Scope) -> bool {
    tree.parts()
        .filter_map(|part| named(part, "parameters", scope))
        .filter_map(|(name, _)| scope.parameter(name)?.as_node())
        .any(|node| matches!(node.kind, Kind::Refused))
}

/// The first `parameters.name` whose name is not declared, and where it stands.
fn unknown_parameter(tree: &Expression, scope: &Scope) -> Option<(String, usize)> {
    if scope.file().open {
        return None;
    }
    tree.parts()
        .filter_map(|part| named(part, "parameters", scope))
        .find(|(name, _)| scope.parameter(name).is_none())
        .map(|(name, at)| (name.to_owned(), at))
}
