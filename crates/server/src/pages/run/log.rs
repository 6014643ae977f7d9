//! The log of one step: as much of it as a page holds, and `{project}/_build/results/log`, which has the lines that follow.
//! Lines are masked at the agent, and hostile all the same. It must not know how logs are kept.

use super::{chosen, find};
use crate::error::{ApiError, Result};
use crate::pages::filters;
use crate::pages::frame::{Place, Visit};
use crate::pages::html::{part, part_unchanged};
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use coffer_model::library::Project;
use coffer_model::{RecordId, RunId};
use coffer_service::{RecordView, RunPage};
use coffer_wire::log_line::{LogLine, Mark, without_colours};

/// Lines that are shown at once.
const LINES: i64 = 1000;
/// Of a log that is longer, the lines at its beginning; the rest is its end.
const FIRST: i64 = 200;
/// Characters of lines that are shown at once.
const MOST_TEXT: usize = 512 * 1024;
/// Characters of one line that are shown.
const LONGEST: usize = 4000;

/// The log of a step.
pub(crate) struct Log {
    /// The step.
    pub(crate) step: RecordId,
    pub(crate) name: String,
    /// Whether lines may still come.
    pub(crate) grows: bool,
    pub(crate) lines: Lines,
    /// Where the lines that follow are.
    pub(crate) more: String,
}

/// Lines of a log, and those between that are left out.
#[derive(Template)]
#[template(path = "run/_lines.html")]
pub(crate) struct Lines {
    pub(crate) pieces: Vec<Piece>,
}

/// A part of what is shown.
pub(crate) enum Piece {
    Line(Line),
    Gap(Gap),
}

/// A line.
pub(crate) struct Line {
    pub(crate) number: i64,
    /// What it is, said before its text.
    pub(crate) word: &'static str,
    pub(crate) class: &'static str,
    pub(crate) text: String,
    /// Characters that are left out.
    pub(crate) cut: usize,
}

/// Lines that are left out.
pub(crate) struct Gap {
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// The page that shows them.
    pub(crate) page: String,
    /// They themselves.
    pub(crate) part: String,
}

impl Line {
    fn read(number: i64, line: &str) -> Self {
        let read = LogLine::read(line);
        let plain = without_colours(read.text);
        let length = plain.chars().count();
        let (word, class) = match read.mark {
            None => ("", ""),
            Some(Mark::Error) => ("Error: ", "error"),
            Some(Mark::Warning) => ("Warning: ", "warning"),
            Some(Mark::Section) => ("", "section"),
            Some(Mark::Command) => ("$ ", "command"),
            Some(Mark::Debug) => ("Debug: ", "debug"),
            Some(Mark::Group) => ("", "group"),
            Some(Mark::EndGroup) => ("", "endgroup"),
        };
        Self {
            number,
            word,
            class,
            text: match length > LONGEST {
                true => plain.chars().take(LONGEST).collect(),
                false => plain,
            },
            cut: length.saturating_sub(LONGEST),
        }
    }
}

/// Where the log of a step is.
struct Source<'a> {
    place: &'a Place,
    project: &'a str,
    run: RunId,
    step: RecordId,
}

impl Source<'_> {
    fn gap(&self, from: i64, to: i64) -> Gap {
        let page = self.place.run(self.project, self.run);
        Gap {
            from,
            to,
            page: format!("{page}&view=logs&t={}&from={from}", self.step),
            part: format!("{}&from={from}&to={to}", self.more()),
        }
    }

    fn more(&self) -> String {
        self.place.run_log(self.project, self.run, self.step)
    }
}

/// Lines from one number to another, both inclusive; what is too much is left out at the end.
async fn read(
    visit: &Visit,
    project: &Project,
    source: &Source<'_>,
    log: i64,
    from: i64,
    to: i64,
) -> Result<Vec<Piece>> {
    let last = to.min(from.saturating_add(LINES - 1));
    let runs = visit.app.service.runs();
    let read = runs.log(&visit.caller, project.id, source.run, log, from, Some(last));
    let (mut pieces, mut text, mut next) = (Vec::new(), 0, from);
    for line in read.await?.lines {
        if text > MOST_TEXT {
            break;
        }
        let line = Line::read(next, &line);
        text += line.text.len();
        pieces.push(Piece::Line(line));
        next += 1;
    }
    if next <= to && next > from && to != i64::MAX {
        pieces.push(Piece::Gap(source.gap(next, to)));
    }
    Ok(pieces)
}

/// What is shown of a log of so many lines: its beginning and its end, or what follows a number.
async fn window(
    visit: &Visit,
    project: &Project,
    source: &Source<'_>,
    record: &RecordView,
) -> Result<Vec<Piece>> {
    let Some(log) = record.log else {
        return Ok(Vec::new());
    };
    let lines = record.log_lines;
    let from: Option<i64> = visit.params.number("from")?;
    match from {
        Some(from) if (1..=lines).contains(&from) => {
            let mut pieces = Vec::new();
            if from > 1 {
                let before = (from - LINES).max(1);
                pieces.push(Piece::Gap(source.gap(before, from - 1)));
            }
            pieces.extend(read(visit, project, source, log, from, lines).await?);
            Ok(pieces)
        }
        _ if lines <= LINES => read(visit, project, source, log, 1, lines).await,
        _ => {
            let tail = lines - (LINES - FIRST) + 1;
            let mut pieces = read(visit, project, source, log, 1, FIRST).await?;
            if !matches!(pieces.last(), Some(Piece::Gap(_))) {
                pieces.push(Piece::Gap(source.gap(FIRST + 1, tail - 1)));
            }
            pieces.extend(read(visit, project, source, log, tail, lines).await?);
            Ok(pieces)
        }
    }
}

fn step(found: &RunPage, chosen: RecordId) -> Option<&RecordView> {
    let mut records = found.timeline.records.iter();
    records.find(|record| record.id == chosen && record.kind == "Task")
}

/// The log of the chosen step; none when the run has no such step.
pub(super) async fn of(
    visit: &Visit,
    project: &Project,
    found: &RunPage,
    chosen: Option<RecordId>,
) -> Result<Option<Log>> {
    let Some(record) = chosen.and_then(|chosen| step(found, chosen)) else {
        return Ok(None);
    };
    let source = Source {
        place: &visit.place,
        project: &project.name,
        run: found.run.id,
        step: record.id,
    };
    let pieces = window(visit, project, &source, record).await?;
    Ok(Some(Log {
        step: record.id,
        name: record.name.clone(),
        grows: record.state != "completed",
        more: source.more(),
        lines: Lines { pieces },
    }))
}

/// `GET {project}/_build/results/log?buildId=&t=&from=`: the lines from there on, at most to `to`. Empty when there are none.
pub(crate) async fn get(visit: Visit, Path(name): Path<String>) -> Result<Response> {
    let project = visit.project(&name).await?;
    let found = find(&visit, &project).await?;
    let record = chosen(&visit).and_then(|chosen| step(&found, chosen));
    let record =
        record.ok_or_else(|| ApiError::no_such("log.not_found", "That run has no such step."))?;
    let from: i64 = visit.params.number("from")?.unwrap_or(1).max(1);
    let to: Option<i64> = visit.params.number("to")?;
    let Some(log) = record.log.filter(|_| from <= record.log_lines) else {
        return Ok(part_unchanged());
    };
    let source = Source {
        place: &visit.place,
        project: &project.name,
        run: found.run.id,
        step: record.id,
    };
    let to = to.unwrap_or(record.log_lines);
    let pieces = read(&visit, &project, &source, log, from, to).await?;
    if pieces.is_empty() {
        return Ok(part_unchanged());
    }
    Ok(part(&Lines { pieces }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::samples::HOSTILE;

    fn shown(lines: &[&str]) -> String {
        let pieces = (1..)
            .zip(lines)
            .map(|(number, line)| Piece::Line(Line::read(number, line)));
        let mut pieces: Vec<_> = pieces.collect();
        pieces.push(Piece::Gap(Gap {
            from: 3,
            to: 4,
            page: HOSTILE.to_owned(),
            part: HOSTILE.to_owned(),
        }));
        Lines { pieces }.render().unwrap()
    }

    #[test]
    fn a_line_is_text_whatever_it_holds() {
        let text = shown(&[
            HOSTILE,
            "##[error]\u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{7}\u{202e}x\ty",
        ]);
        for raw in [
            "<script>",
            "<img",
            "onerror='",
            "\u{1b}",
            "\u{7}",
            "\u{202e}",
        ] {
            assert!(!text.contains(raw), "{raw:?} in {text}");
        }
        assert!(text.contains("Error: red"), "{text}");
        assert!(text.contains("x\ty"), "a tab stays: {text}");
    }

    #[test]
    fn a_mark_becomes_a_word_or_a_look() {
        for (line, word, class) in [
            ("##[section]Starting: x", "", "section"),
            ("##[warning]x", "Warning: ", "warning"),
            ("2025-01-10T12:24:46Z ##[command]ls", "$ ", "command"),
            ("plain", "", ""),
        ] {
            let read = Line::read(1, line);
            assert_eq!((read.word, read.class), (word, class), "{line}");
            assert!(!read.text.contains("##["));
        }
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let line = Line::read(1, &"ä".repeat(LONGEST + 3));
        assert_eq!((line.text.chars().count(), line.cut), (LONGEST, 3));
    }
}
