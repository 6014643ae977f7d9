//! Whether the names and functions of an expression exist at a time, before anything is evaluated: a mistake is one also
//! where evaluation would not get to.

use super::budget::Fault;
use super::scope::Time;
use super::value::Parts;
use super::{EvaluationError, Expression, Function, Kind, MAX_DEPTH};

/// Checks names, functions and counts of arguments. `locals` are names beside those of the time: variables of loops.
///
/// # Errors
///
/// The first mistake, with its place.
pub fn check(expression: &Expression, time: Time, locals: &[&str]) -> Result<(), EvaluationError> {
    Check { time, locals }.part(expression, 0)
}

struct Check<'a> {
    time: Time,
    locals: &'a [&'a str],
}

impl Check<'_> {
    fn part(&self, tree: &Expression, depth: usize) -> Result<(), EvaluationError> {
        let fault = |fault: Fault| Err(EvaluationError::at(fault, tree.span));
        if depth >= MAX_DEPTH {
            return fault(too_deep());
        }
        match &tree.kind {
            Kind::Null | Kind::Boolean(_) | Kind::Number(_) | Kind::Text(_) => Ok(()),
            Kind::Version(text) => match Parts::parse(text) {
                Some(_) => Ok(()),
                None => fault(Fault::new("this version has a number that is too large")),
            },
            Kind::Name(name) => {
                let mut known = self.time.names().iter().chain(self.locals);
                if known.any(|known| crate::words::same(known, name)) {
                    return Ok(());
                }
                fault(self.time.unknown_name(name, self.locals))
            }
            Kind::Index { .. } | Kind::All { .. } if self.time == Time::Query => fault(Fault::new(
                "there is nothing to look into here: only property('name') reads something",
            )),
            Kind::Index { of, key } => {
                self.part(of, depth + 1)?;
                self.part(key, depth + 1)
            }
            Kind::All { of } => self.part(of, depth + 1),
            Kind::Call { name, arguments } => {
                let signature = Function::named(name)
                    .map(Function::signature)
                    .filter(|known| self.time.offers(known));
                let Some(signature) = signature else {
                    return fault(self.time.unknown_function(name));
                };
                let (least, most) = self.time.counts(signature);
                if arguments.len() < least || most.is_some_and(|most| arguments.len() > most) {
                    return fault(wrong_count(signature.name, least, most, arguments.len()));
                }
                arguments
                    .iter()
                    .try_for_each(|argument| self.part(argument, depth + 1))
            }
        }
    }
}

pub(super) fn too_deep() -> Fault {
    Fault::new(format!("expressions may be {MAX_DEPTH} levels deep"))
}

fn wrong_count(name: &str, least: usize, most: Option<usize>, count: usize) -> Fault {
    let wanted = match most {
        Some(most) if most == least => least.to_string(),
        Some(most) => format!("{least} to {most}"),
        None => format!("at least {least}"),
    };
    Fault::new(format!(
        "`{name}` takes {wanted} argument(s) and has {count}"
    ))
    .hint("look at the commas and brackets")
}
