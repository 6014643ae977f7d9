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
    if said.contains("unknown escape character") {
        return here(
            "between double quotes `\\` begins an escape: write `\\\\`, or use single quotes",
        );
    }
    let character = said.contains("unexpected character") || said.contains("anchor or alias");
    if character && let Some(first) = lines.line(line).chars().nth(before(column)) {
        return here(&format!(
            "a text that begins with `{first}` stands in quotes, or below `|`"
        ));
    }
    let misplaced = said.contains("expected key") || said.contains("expected '-'");
    if misplaced && let Some(hint) = columns(lines, line) {
        return here(&hint);
    }
    let inside = said.contains("placement of ':'") || said.contains("expected ','");
    if inside && let Some((line, column)) = open(lines, line, column) {
        return Guess {
            line,
            column,
            hint: "this bracket is not closed".to_owned(),
        };
    }
    here("check indentation, quotes and brackets at and above this line")
}

/// How many characters are before a column.
fn before(column: u32) -> usize {
    usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX)
}

/// What is wrong with the column in which a line begins.
fn columns(lines: &Lines<'_>, line: u32) -> Option<String> {
    let own = indent(lines.line(line));
    let entry = |line: u32| lines.line(line).trim_start().starts_with("- ");
    let mut at = above(lines, line)?;
    if !entry(line) {
        return Some(
            "this line begins in a column of its own: put it under the first letter of what it belongs to".to_owned(),
        );
    }
    if indent(lines.line(at)) == own && !entry(at) {
        return Some(
            "this entry of a list stands among lines of `key: value`: write all of them as entries, or none".to_owned(),
        );
    }
    while !entry(at) {
        at = above(lines, at)?;
    }
    let other = indent(lines.line(at));
    (other != own).then(|| {
        format!(
            "this `-` stands in column {}, and the one in line {at} in column {}: entries of a list begin in one column",
            own + 1,
            other + 1
        )
    })
}

/// The last bracket before a place that is not closed. Quotes are not looked at.
fn open(lines: &Lines<'_>, line: u32, column: u32) -> Option<(u32, u32)> {
    let mut closed = 0_usize;
    for at in (line.saturating_sub(ABOVE).max(1)..=line).rev() {
        let text: Vec<char> = lines.line(at).chars().collect();
        let end = if at == line {
            before(column).min(text.len())
        } else {
            text.len()
        };
        for (index, c) in text.iter().enumerate().take(end).rev() {
            match c {
                ']' | '}' => closed += 1,
                '[' | '{' if closed == 0 => return Some((at, number(index) + 1)),
                '[' | '{' => closed -= 1,
                _ => {}
            }
        }
    }
    None
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
        hint: "a text with `: ` in it stands in quotes, or below `|`".to_owned(),
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
                "a: \"b\\c\"",
                1,
                4,
                "found unknown escape character",
                (
                    1,
                    4,
                    "between double quotes `\\` begins an escape: write `\\\\`",
                ),
            ),
            (
                "a: %b%",
                1,
                4,
                "unexpected character: `%'",
                (1, 4, "a text that begins with `%`"),
            ),
            (
                "- *",
                1,
                3,
                "while scanning an anchor or alias, did not find",
                (1, 3, "a text that begins with `*`"),
            ),
            (
                "a:\n  - b: c\n    d: e\n - b: f",
                4,
                2,
                "did not find expected key",
                (
                    4,
                    2,
                    "this `-` stands in column 2, and the one in line 2 in column 3",
                ),
            ),
            (
                "a:\n  - b: c\n   - b: f",
                3,
                4,
                "did not find expected '-' indicator",
                (
                    3,
                    4,
                    "this `-` stands in column 4, and the one in line 2 in column 3",
                ),
            ),
            (
                "- b: c\nv:\n  a: 1\n  - b: 2",
                4,
                3,
                "did not find expected key",
                (4, 3, "this entry of a list stands among lines"),
            ),
            (
                "- b: c\n d: e",
                2,
                2,
                "did not find expected key",
                (2, 2, "this line begins in a column of its own"),
            ),
            (
                "a:\n  x: [[a], b\n  y: c",
                3,
                4,
                "illegal placement of ':' indicator",
                (2, 6, "this bracket is not closed"),
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
