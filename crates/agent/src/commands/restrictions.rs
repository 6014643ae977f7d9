//! What a restricted task may say. Pure.

use super::parse::Command;
use coffer_pipeline::tasks::{CommandMode, Restrictions};

/// The commands that cannot reach beyond the step, other than through variables.
const RESTRICTED: [&str; 9] = [
    "task.logdetail",
    "task.logissue",
    "task.issue",
    "task.complete",
    "task.setprogress",
    "task.setsecret",
    "task.setvariable",
    "task.debug",
    "task.settaskvariable",
];

/// Whether the restrictions allow a command; if not, what to tell.
pub(super) fn allows(restrictions: &Restrictions, command: &Command) -> Result<(), String> {
    let name = command.name();
    let path = name == "task.prependpath";
    if restrictions.command_mode == CommandMode::Restricted
        && !path
        && !RESTRICTED.contains(&name.as_str())
    {
        return Err(format!(
            "The command '{name}' is not allowed for this task and is ignored."
        ));
    }
    let variable = match name.as_str() {
        "task.setvariable" => command.property("variable").trim(),
        "task.prependpath" => "PATH",
        _ => return Ok(()),
    };
    match &restrictions.settable_variables {
        Some(allowed) if !allowed.iter().any(|pattern| glob(pattern, variable)) => Err(format!(
            "This task may not set the variable '{variable}'; the command is ignored."
        )),
        _ => Ok(()),
    }
}

/// Matches `*` and `?`, ignoring case, in time proportional to both lengths.
fn glob(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    retry = Some((after, from + 1));
                    p = after;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_ignore_case() {
        for (pattern, text, fits) in [
            ("secureFilePath", "SECUREFILEPATH", true),
            ("ok*", "OKAY", true),
            ("*_end", "a_b_end", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("", "x", false),
            ("x", "xy", false),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }
}
