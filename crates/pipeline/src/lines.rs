//! The text by lines, to find places inside scalars. Line ends are those of YAML: LF, CR LF and CR.

use crate::diagnostic::Place;

/// The text by lines, to find places inside scalars.
pub(crate) struct Lines<'a>(Vec<&'a str>);

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let mut lines = Vec::new();
        let mut rest = text;
        while let Some(end) = rest.find(['\n', '\r']) {
            lines.push(&rest[..end]);
            let skip = if rest[end..].starts_with("\r\n") {
                2
            } else {
                1
            };
            rest = &rest[end + skip..];
        }
        lines.push(rest);
        Self(lines)
    }

    /// One line; the first is 1.
    pub(crate) fn line(&self, line: u32) -> &'a str {
        let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
        self.0.get(index).copied().unwrap_or_default()
    }

    /// The rest of a line from a column on.
    pub(crate) fn from(&self, place: Place) -> &'a str {
        let line = self.line(place.line);
        let skip = usize::try_from(place.column - 1).unwrap_or(usize::MAX);
        line.char_indices()
            .nth(skip)
            .map_or("", |(at, _)| &line[at..])
    }

    pub(crate) fn stands_at(&self, text: &str, place: Place, skip: u32) -> bool {
        // Long scalars are never looked into, and walking to them again and again would cost too much.
        text.len() <= 2048
            && place.column < 512
            && self
                .from(Place {
                    column: place.column + skip,
                    ..place
                })
                .starts_with(text)
    }

    pub(crate) fn has_tab_indentation(&self, line: u32) -> bool {
        let text = self.line(line);
        text[..text.len() - text.trim_start().len()].contains('\t')
    }
}

/// A count as places have it.
pub(crate) fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
