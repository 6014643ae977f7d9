//! `format('{0} of {1:yyyy}', …)`. It must not know where its arguments come from.

use super::Value;
use super::budget::{Budget, Fault};
use super::calls::as_text;

/// Puts arguments into a text.
pub(super) fn format(
    pattern: &Value,
    arguments: &[Value],
    budget: &mut Budget,
) -> Result<Value, Fault> {
    let pattern = as_text(pattern)?;
    budget.look(pattern.len())?;
    let mut out = String::new();
    let mut rest = &*pattern;
    while let Some(at) = rest.find(['{', '}']) {
        put(&mut out, &rest[..at], budget)?;
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if rest.starts_with(brace) {
            put(&mut out, brace, budget)?;
            rest = &rest[1..];
            continue;
        }
        let end = match rest.find('}') {
            Some(end) if brace == "{" => end,
            _ => {
                return Err(Fault::new(format!(
                    "the text of `format` has a `{brace}` without its partner"
                ))
                .hint("a brace that should stay is written twice: `{{` or `}}`"));
            }
        };
        put(&mut out, &argument(&rest[..end], arguments)?, budget)?;
        rest = &rest[end + 1..];
    }
    put(&mut out, rest, budget)?;
    Ok(out.into())
}

fn put(out: &mut String, text: &str, budget: &mut Budget) -> Result<(), Fault> {
    budget.make(text.len())?;
    out.push_str(text);
    Ok(())
}

/// What `0` or `0:yyyy` stands for.
fn argument<'a>(inside: &str, arguments: &'a [Value]) -> Result<std::borrow::Cow<'a, str>, Fault> {
    let (number, pattern) = match inside.split_once(':') {
        Some((number, pattern)) => (number, Some(pattern)),
        None => (inside, None),
    };
    let shown = crate::diagnostic::quotable(number);
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let Some(place) = number.parse::<usize>().ok().filter(|_| digits) else {
        return Err(Fault::new(format!(
            "`{{{shown}}}` in the text of `format` is no number of an argument"
        ))
        .hint("write {0}, {1} …; a brace that should stay is written twice: `{{` or `}}`"));
    };
    let Some(value) = arguments.get(place) else {
        return Err(Fault::new(format!(
            "`format` has {} argument(s) beside its text, and the text asks for `{{{shown}}}`",
            arguments.len()
        ))
        .hint("the first argument is `{0}`"));
    };
    match (value, pattern) {
        (_, None) => as_text(value),
        (Value::Time(time), Some(pattern)) => {
            time.format(pattern).map(Into::into).map_err(Fault::new)
        }
        (_, Some(_)) => Err(Fault::new(format!(
            "`{{{shown}:…}}` in the text of `format` formats dates, and this argument is {}",
            value.kind()
        ))
        .hint("dates are values such as pipeline.startTime; write the number alone for the rest")),
    }
}
