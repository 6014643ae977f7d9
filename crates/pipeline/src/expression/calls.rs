//! The functions that need all their arguments. Each says what it will make before it makes it. It must not know where
//! an expression stands.

use super::budget::{Budget, Fault};
use super::compare::{lower, upper};
use super::evaluate::MEMBER;
use super::{Function, Value, json, text};
use std::borrow::Cow;
use std::cmp::Ordering;

/// Calls a function with as many arguments as it takes. `lenient`: what has no order is not ordered, instead of an error.
pub(super) fn call(
    function: Function,
    arguments: &[Value],
    lenient: bool,
    budget: &mut Budget,
) -> Result<Value, Fault> {
    use Function as F;
    let null = Value::Null;
    let [first, second, third] = [0, 1, 2].map(|at| arguments.get(at).unwrap_or(&null));
    let look = first.size() + second.size();
    Ok(match function {
        F::Not => (!first.truthy()).into(),
        F::Xor => (first.truthy() != second.truthy()).into(),
        F::Eq | F::Ne => {
            budget.look(look)?;
            (first.equals(second) == (function == F::Eq)).into()
        }
        F::Lt | F::Le | F::Gt | F::Ge => {
            budget.look(look)?;
            ordered(function, first, second, lenient)?.into()
        }
        F::Contains | F::StartsWith | F::EndsWith => {
            budget.look(look)?;
            let folded = |value: &Value| Ok::<String, Fault>(upper(&as_text(value)?).collect());
            let (whole, part) = (folded(first)?, folded(second)?);
            match function {
                F::Contains => whole.contains(&part),
                F::StartsWith => whole.starts_with(&part),
                _ => whole.ends_with(&part),
            }
            .into()
        }
        F::ContainsValue => contains_value(first, second, budget)?.into(),
        F::Lower | F::Upper | F::Trim => {
            let text = as_text(first)?;
            // A letter may take more bytes in its other case, but never more than three times as many.
            budget.make(text.len())?;
            match function {
                F::Lower => lower(&text).collect::<String>(),
                F::Upper => upper(&text).collect(),
                _ => text.trim().to_owned(),
            }
            .into()
        }
        F::Length => length(first, budget)?,
        F::Join => join(first, second, budget)?,
        F::Split => split(first, second, budget)?,
        F::Replace => replace(first, second, third, budget)?,
        F::Format => text::format(first, arguments.get(1..).unwrap_or_default(), budget)?,
        F::ConvertToJson => json::convert(first, budget)?,
        // The others are evaluated where their arguments are, or by the context.
        _ => Value::Null,
    })
}

/// The value as text; what is none is an error.
pub(super) fn as_text(value: &Value) -> Result<Cow<'_, str>, Fault> {
    value.to_text().ok_or_else(|| {
        // The words that Azure Pipelines has for it.
        Fault::new(format!("unable to convert from {} to String", value.kind())).hint(
            "pick a value from it (`.name`, `[0]`), or make text of it with join() or convertToJson()",
        )
    })
}

fn ordered(function: Function, left: &Value, right: &Value, lenient: bool) -> Result<bool, Fault> {
    match left.order(right) {
        Some(order) => Ok(match function {
            Function::Lt => order == Ordering::Less,
            Function::Le => order != Ordering::Greater,
            Function::Gt => order == Ordering::Greater,
            _ => order != Ordering::Less,
        }),
        None if lenient => Ok(false),
        None => {
            let name = function.name();
            Err(match left {
                Value::Null | Value::Array(_) | Value::Object(_) => Fault::new(format!(
                    "`{name}` cannot compare: its left side is {}, which has no order",
                    left.kind()
                ))
                .hint("is the name on the left side right? What does not exist is Null"),
                _ => Fault::new(format!(
                    "`{name}` is unable to convert its right side from {} to {}, which its left side is",
                    right.kind(),
                    left.kind()
                ))
                .hint("the right side becomes what the left side is: change the sides, or test with eq() first"),
            })
        }
    }
}

fn contains_value(of: &Value, wanted: &Value, budget: &mut Budget) -> Result<bool, Fault> {
    let mut is = |item: &Value| {
        budget.look(wanted.size() + item.size())?;
        // Here the item becomes what is looked for.
        Ok::<bool, Fault>(wanted.equals(item))
    };
    match of {
        Value::Array(items) => {
            for item in items.iter() {
                if is(item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Object(object) => {
            for (_, item) in object.iter() {
                if is(item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}

fn length(of: &Value, budget: &mut Budget) -> Result<Value, Fault> {
    let count = match of {
        Value::Array(items) => items.len(),
        Value::Object(object) => object.len(),
        _ => {
            let text = as_text(of)?;
            budget.look(text.len())?;
            // As Azure Pipelines counts: a character outside the basic plane is two.
            text.encode_utf16().count()
        }
    };
    Ok((count as f64).into())
}

/// Arrays and objects in the array are empty text.
fn join(separator: &Value, of: &Value, budget: &mut Budget) -> Result<Value, Fault> {
    let Value::Array(items) = of else {
        return Ok(match of {
            Value::Text(_) => of.clone(),
            _ => as_text(of)?.into_owned().into(),
        });
    };
    let separator = as_text(separator)?;
    budget.make(
        separator
            .len()
            .saturating_mul(items.len().saturating_sub(1)),
    )?;
    let mut texts = Vec::new();
    for item in items.iter() {
        let text = item.to_text().unwrap_or_default();
        budget.make(text.len())?;
        budget.look(1)?;
        texts.push(text);
    }
    Ok(texts.join(&*separator).into())
}

/// The second text, as a whole, divides; an empty one does not.
fn split(of: &Value, at: &Value, budget: &mut Budget) -> Result<Value, Fault> {
    let (text, at) = (as_text(of)?, as_text(at)?);
    budget.look(text.len() + at.len())?;
    if at.is_empty() {
        return Ok([&*text].into_iter().collect());
    }
    let count = text.matches(&*at).count() + 1;
    budget.make(text.len().saturating_add(count.saturating_mul(MEMBER)))?;
    Ok(text.split(&*at).collect())
}

/// The empty text is nowhere.
fn replace(of: &Value, what: &Value, with: &Value, budget: &mut Budget) -> Result<Value, Fault> {
    let (text, what, with) = (as_text(of)?, as_text(what)?, as_text(with)?);
    if what.is_empty() {
        budget.make(text.len())?;
        return Ok((*text).into());
    }
    budget.look(text.len() + what.len())?;
    let count = text.matches(&*what).count();
    let made = (text.len() - count * what.len()).saturating_add(count.saturating_mul(with.len()));
    budget.make(made)?;
    Ok(text.replace(&*what, &with).into())
}
