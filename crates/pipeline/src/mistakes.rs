//! What was probably meant where a text is no YAML: the usual slips, told by the lines around the place. It must not change
//! what is accepted; a wrong guess costs a hint.

use crate::{
    diagnostic::quotable,
    lines::{Lines, number},
};

/// Where to look, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Guess {
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) hint: String,
}

/// Most lines that are looked at upwards, past blank ones and comments.
const ABOVE: u32 = 50;

/// A guess for an error of the scanner at a line and column.
pub(crate) fn guess(lines: &Lines<'_>, line: u32, column: u32, said: &str) -> Guess {
    let here = |hint: &str| Guess {
        line,
        column,
        hint: hint.to_owned(),
    };
    if let Some((line, column)) = tab(lines, line, said) {
        return Guess {
            line,
            column,
            hint: "YAML is indented with spaces; replace the tab at the beginning of the line"
                .to_owned(),
        };
    }
    if said.contains("quoted scalar") && said.contains("end of stream") {
        return here("the quote that opens here is not closed");
    }
    let colon = said.contains("mapping values") || said.contains("expect ':'");
    if colon && let Some(guess) = colons(lines, line, column) {
        return guess;
    }
    here("check indentation, quotes and brackets at and above this line")
}

fn tab(lines: &Lines<'_>, line: u32, said: &str) -> Option<(u32, u32)> {
    // The scanner may stand at the text before.
    let last = if said.contains("tab") { line + 1 } else { line };
    (line..=last)
        .find(|line| lines.has_tab_indentation(*line))
        .map(|line| {
            let before = lines.line(line).chars().take_while(|c| *c != '\t').count();
            (line, number(before) + 1)
        })
}

/// A `:` that is missing, or one too many.
fn colons(lines: &Lines<'_>, line: u32, column: u32) -> Option<Guess> {
    let at = above(lines, line);
    let text = at.map_or("", |at| lines.line(at).trim_end());
    let content = content(text);
    let end = |hint: String| {
        Some(Guess {
            line: at?,
            column: number(text.chars().count()) + 1,
            hint,
        })
    };
    if content.starts_with("${{") && content.ends_with("}}") {
        return end("write a `:` after `}}`: what is below belongs to it".to_owned());
    }
    if block(lines, at) {
        return Some(Guess {
            line: at?,
            column: number(indent(text)) + 1,
            hint: "the text below `|` or `>` is indented further than its key".to_owned(),
        });
    }
    if let Some(guess) = word(lines, line) {
        return Some(guess);
    }
    let this = lines.line(line);
    if indent(this) > text.len() - content.len() && content.contains(": ") {
        return Some(Guess {
            line,
            column: number(indent(this)) + 1,
            hint: "this line is indented further than the one above, which has a value already: begin both in the same column".to_owned(),
        });
    }
    let before: String = this
        .chars()
        .take(usize::try_from(column).unwrap_or(usize::MAX))
        .collect();
    before.contains(": ").then(|| Guess {
        line,
        column,
        hint: "a text with `: ` in it stands in quotes".to_owned(),
    })
}

/// A word alone, above the items that should belong to it.
fn word(lines: &Lines<'_>, line: u32) -> Option<Guess> {
    let mut at = above(lines, line)?;
    while lines.line(at).trim_start().starts_with("- ") {
        at = above(lines, at)?;
    }
    let text = lines.line(at).trim_end();
    let word = text.trim_start();
    let fits = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    fits.then(|| Guess {
        line: at,
        column: number(text.chars().count()) + 1,
        hint: format!("is a `:` missing after `{}`?", quotable(word)),
    })
}

/// The line above that says something.
fn above(lines: &Lines<'_>, line: u32) -> Option<u32> {
    (line.saturating_sub(ABOVE).max(1)..line)
        .rev()
        .find(|line| {
            let text = lines.line(*line).trim();
            !text.is_empty() && !text.starts_with('#')
        })
}

/// Whether a line stands below a `|` or `>` that it should belong to.
fn block(lines: &Lines<'_>, at: Option<u32>) -> bool {
    let Some((at, opens)) = at.and_then(|at| Some((at, above(lines, at)?))) else {
        return false;
    };
    let text = lines.line(opens).trim_end();
    let opening = [": |", ": >", ": |-", ": >-", ": |+", ": >+"];
    opening.iter().any(|end| text.ends_with(end))
        && indent(lines.line(at)) <= text.len() - content(text).len()
}

fn indent(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}

/// Without indentation and dashes.
fn content(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some(inner) = rest.strip_prefix("- ") {
        rest = inner.trim_start();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_slips_are_told_by_their_lines() {
        let colon = "mapping values are not allowed in this context";
        let key = "simple key expect ':'";
        for (text, line, column, said, wanted) in [
            (
                "a:\n- b: c\n   d: e",
                3,
                5,
                colon,
                (3, 4, "this line is indented further"),
            ),
            (
                "a:\n- ${{ if x }}\n  # c\n\n  - b: c",
                5,
                6,
                colon,
                (2, 14, "write a `:` after `}}`"),
            ),
            (
                "trigger\n- main\nsteps:",
                3,
                6,
                colon,
                (1, 8, "is a `:` missing after `trigger`?"),
            ),
            (
                "trigger\nsteps:",
                2,
                6,
                colon,
                (1, 8, "is a `:` missing after `trigger`?"),
            ),
            (
                "- script: |\n  npm ci\n- b: c",
                3,
                1,
                key,
                (2, 3, "the text below `|`"),
            ),
            (
                "steps:\n- displayName: a: b",
                2,
                17,
                colon,
                (2, 17, "a text with `: `"),
            ),
            (
                "a: b\n\tc: d",
                1,
                4,
                "found a tab",
                (2, 1, "YAML is indented"),
            ),
            (
                "a: 'b",
                1,
                4,
                "while scanning a quoted scalar, found unexpected end of stream",
                (1, 4, "the quote that opens here"),
            ),
            (
                "a: ]",
                1,
                4,
                "misplaced bracket",
                (1, 4, "check indentation"),
            ),
        ] {
            let found = guess(&Lines::new(text), line, column, said);
            assert_eq!((found.line, found.column), (wanted.0, wanted.1), "{text}");
            assert!(found.hint.starts_with(wanted.2), "{text}: {}", found.hint);
        }
    }
}
