//! Expressions with a known answer, and conditions around what is to stay. They must not know what they stand around.

use super::{Choices, tree::Tree};

/// A text in quotes, as expressions write it.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub(super) fn expression(text: &str) -> String {
    format!("${{{{ {text} }}}}")
}

/// An expression that is true, or false.
pub(super) fn truth(
    wanted: bool,
    variables: &[(String, String)],
    choices: &mut Choices<'_>,
) -> String {
    let known = match choices.pick(6) {
        0 => return wanted.to_string(),
        1 => "eq('a', 'A')".to_owned(),
        2 => "in('b', 'a', 'B')".to_owned(),
        3 => "and(true, ne(1, 2))".to_owned(),
        4 => "contains('abc', 'B')".to_owned(),
        _ => match variables.iter().find(|(_, value)| !value.contains('\n')) {
            Some((name, value)) => format!("eq(variables['{name}'], {})", quoted(value)),
            None => "eq(variables.nothing, '')".to_owned(),
        },
    };
    if wanted {
        known
    } else {
        format!("not({known})")
    }
}

/// Conditions that leave `kept`, and leave out what is given as `junk`.
pub(super) fn branches(
    kept: Tree,
    junk: &Tree,
    variables: &[(String, String)],
    choices: &mut Choices<'_>,
) -> Vec<(String, Tree)> {
    let form = choices.pick(5);
    let mut when = |word: &str, wanted| {
        let condition = truth(wanted, variables, choices);
        expression(&format!("{word} {condition}"))
    };
    let otherwise = || expression("else");
    match form {
        0 => vec![(when("if", true), kept)],
        1 => vec![(when("if", true), kept), (otherwise(), junk.clone())],
        2 => vec![(when("if", false), junk.clone()), (otherwise(), kept)],
        3 => vec![
            (when("if", false), junk.clone()),
            (when("elseif", true), kept),
            (otherwise(), junk.clone()),
        ],
        _ => vec![
            (when("if", true), kept),
            (when("elseif", true), junk.clone()),
            (otherwise(), junk.clone()),
        ],
    }
}
