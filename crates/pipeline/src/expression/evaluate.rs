//! Trees to values: the one evaluator of all expressions. What need not be evaluated is not. It must not know where
//! values come from: they are asked of a [`Scope`].

use super::budget::{Budget, Fault};
use super::calls;
use super::check::{check, too_deep};
use super::scope::{Scope, Time};
use super::trace::Seen;
use super::value::Parts;
use super::{EvaluationError, Expression, Function, Kind, MAX_DEPTH, Value};

/// What one member of a list costs.
pub(super) const MEMBER: usize = 32;

/// Checks an expression for the scope's time and evaluates it.
///
/// # Errors
///
/// [`EvaluationError`] with the place: for names and functions that do not exist there, for what cannot be evaluated,
/// and when the budget is used up.
pub fn evaluate(
    expression: &Expression,
    scope: &dyn Scope,
    budget: &mut Budget,
) -> Result<Value, EvaluationError> {
    check(expression, scope.time(), &scope.locals())?;
    evaluate_checked(expression, scope, budget, None)
}

/// As [`evaluate`], of what was checked before; `seen` keeps what names and functions of the context stood for.
pub(crate) fn evaluate_checked(
    expression: &Expression,
    scope: &dyn Scope,
    budget: &mut Budget,
    seen: Option<&mut Seen>,
) -> Result<Value, EvaluationError> {
    Evaluator {
        scope,
        budget,
        seen,
    }
    .value(expression, 0)
}

struct Evaluator<'a> {
    scope: &'a dyn Scope,
    budget: &'a mut Budget,
    seen: Option<&'a mut Seen>,
}

/// A value, and whether an index looks into its members instead of it: it came from a `*`.
struct Found {
    value: Value,
    filtered: bool,
}

impl Evaluator<'_> {
    fn value(&mut self, tree: &Expression, depth: usize) -> Result<Value, EvaluationError> {
        let at = |fault| EvaluationError::at(fault, tree.span);
        self.budget.look(1).map_err(at)?;
        if depth >= MAX_DEPTH {
            return Err(at(too_deep()));
        }
        let value = match &tree.kind {
            Kind::Null => return Ok(Value::Null),
            Kind::Boolean(value) => return Ok(Value::Boolean(*value)),
            Kind::Number(value) => return Ok((*value).into()),
            Kind::Version(text) => {
                return Ok(Parts::parse(text).map_or(Value::Null, Value::Version));
            }
            Kind::Text(text) => return Ok(Value::Text(text.clone())),
            Kind::Name(_) | Kind::Index { .. } | Kind::All { .. } => {
                self.look_up(tree, depth)?.value
            }
            Kind::Call { name, arguments } => {
                let Some(function) = Function::named(name) else {
                    return Err(at(self.scope.time().unknown_function(name)));
                };
                let value = self.call(tree, function, arguments, depth)?;
                if !is_of_context(function) {
                    return Ok(value);
                }
                value
            }
        };
        if let Some(seen) = &mut self.seen {
            seen.keep(tree.span, &value);
        }
        Ok(value)
    }

    /// Names, members and filters.
    fn look_up(&mut self, tree: &Expression, depth: usize) -> Result<Found, EvaluationError> {
        let at = |fault| EvaluationError::at(fault, tree.span);
        self.budget.look(1).map_err(at)?;
        if depth >= MAX_DEPTH {
            return Err(at(too_deep()));
        }
        let plain = |value| Found {
            value,
            filtered: false,
        };
        match &tree.kind {
            Kind::Name(name) => self
                .named(name, self.scope.value(name))
                .map(plain)
                .map_err(at),
            Kind::Index { of, key } => {
                let key = self.value(key, depth + 1)?;
                if let (Kind::Name(name), Some(text)) = (&of.kind, key.to_text()) {
                    let member = self.scope.member(name, &text);
                    return self.named(name, member).map(plain).map_err(at);
                }
                let of = self.look_up(of, depth + 1)?;
                if !of.filtered {
                    return Ok(plain(of.value.member(&key)));
                }
                let member = |item: &Value| {
                    let found = match item {
                        // A name picks from objects, a place from arrays; what has none is left out.
                        Value::Object(object) => {
                            key.to_text().and_then(|key| object.get(&key)).cloned()
                        }
                        Value::Array(_) => Some(item.member(&key)).filter(|v| *v != Value::Null),
                        _ => None,
                    };
                    found.into_iter().collect()
                };
                self.filter(&of.value, |_| 1, member).map_err(at)
            }
            Kind::All { of } => {
                let of = self.look_up(of, depth + 1)?;
                if of.filtered {
                    self.filter(&of.value, width, members).map_err(at)
                } else {
                    let value: Value = vec![of.value].into();
                    self.filter(&value, width, members).map_err(at)
                }
            }
            _ => self.value(tree, depth).map(plain),
        }
    }

    /// The value of a name: null when it exists without one, an error when it does not exist.
    fn named(&self, name: &str, value: Option<Value>) -> Result<Value, Fault> {
        let time = self.scope.time();
        match value {
            Some(value) => Ok(value),
            None if time.names().iter().any(|n| n.eq_ignore_ascii_case(name)) => Ok(Value::Null),
            None => Err(time.unknown_name(name, &self.scope.locals())),
        }
    }

    /// A list of what `pick` finds in each item.
    fn filter(
        &mut self,
        of: &Value,
        count: impl Fn(&Value) -> usize,
        pick: impl Fn(&Value) -> Vec<Value>,
    ) -> Result<Found, Fault> {
        let mut picked = Vec::new();
        if let Value::Array(items) = of {
            for item in items.iter() {
                // Before they are copied.
                self.budget.make(MEMBER.saturating_mul(count(item)))?;
                picked.extend(pick(item));
            }
        }
        Ok(Found {
            value: picked.into(),
            filtered: true,
        })
    }

    fn call(
        &mut self,
        tree: &Expression,
        function: Function,
        arguments: &[Expression],
        depth: usize,
    ) -> Result<Value, EvaluationError> {
        use Function as F;
        let at = |fault| EvaluationError::at(fault, tree.span);
        match function {
            F::And | F::Or => {
                let ends = function == F::Or;
                for argument in arguments {
                    if self.value(argument, depth + 1)?.truthy() == ends {
                        return Ok(ends.into());
                    }
                }
                Ok((!ends).into())
            }
            F::Coalesce => {
                for argument in arguments {
                    let value = self.value(argument, depth + 1)?;
                    if !value.is_nothing() {
                        return Ok(value);
                    }
                }
                Ok(Value::Null)
            }
            F::Iif => {
                let [condition, then, otherwise] = arguments else {
                    return Ok(Value::Null);
                };
                let truth = self.value(condition, depth + 1)?.truthy();
                self.value(if truth { then } else { otherwise }, depth + 1)
            }
            F::In | F::NotIn => {
                let Some((left, rest)) = arguments.split_first() else {
                    return Ok((function == F::NotIn).into());
                };
                let left = self.value(left, depth + 1)?;
                let mut found = false;
                for argument in rest {
                    let right = self.value(argument, depth + 1)?;
                    self.budget.look(left.size() + right.size()).map_err(at)?;
                    found = left.equals(&right);
                    if found {
                        break;
                    }
                }
                Ok((found == (function == F::In)).into())
            }
            _ => {
                let arguments = arguments
                    .iter()
                    .map(|argument| self.value(argument, depth + 1))
                    .collect::<Result<Vec<Value>, _>>()?;
                if is_of_context(function) {
                    return self
                        .scope
                        .call(function, &arguments)
                        .map_err(|message| at(Fault::new(message)));
                }
                // One odd value does not keep a query from finding the other files.
                let lenient = self.scope.time() == Time::Query;
                calls::call(function, &arguments, lenient, self.budget).map_err(at)
            }
        }
    }
}

/// Whether the context answers it.
fn is_of_context(function: Function) -> bool {
    function.is_status() || matches!(function, Function::Counter | Function::Property)
}

/// How many members a value has, at least one.
fn width(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len().max(1),
        Value::Object(object) => object.len().max(1),
        _ => 1,
    }
}

/// All members of a value.
fn members(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.to_vec(),
        Value::Object(object) => object.iter().map(|(_, value)| value.clone()).collect(),
        _ => Vec::new(),
    }
}
