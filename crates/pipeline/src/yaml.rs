//! YAML text to a tree of spanned nodes, within limits. It builds the tree from parser events with a stack of its own, so
//! depth is checked before anything nests, and refuses what Azure Pipelines does not know: anchors, aliases, tags, complex
//! keys, several documents. Knows nothing of pipelines but that `${{ }}` may stand as a key more than once.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span as EventSpan};

use crate::diagnostic::{Code, Frame, Place, Report, is_bidirectional_control, quotable};
use crate::lines::{Lines, number};
use crate::mistakes;

/// Largest text, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting of mappings and lists.
pub(crate) const MAX_DEPTH: usize = 64;
/// Most scalars, mappings and lists.
pub(crate) const MAX_NODES: usize = 100_000;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) place: Place,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// `exact` = the characters stand in the text one by one, from the place on (after the quote, if `quoted`).
    Scalar {
        text: String,
        plain: bool,
        quoted: bool,
        exact: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
    /// Something that was already reported. Readers pass over it in silence.
    Refused,
}

impl Node {
    /// One that something is wrong with, which was said.
    pub(crate) fn refused(place: Place) -> Self {
        Self {
            kind: Kind::Refused,
            place,
        }
    }

    /// A scalar that does not stand in the text so. Only a plain one can be null.
    pub(crate) fn made(text: &str, plain: bool, place: Place) -> Self {
        let kind = Kind::Scalar {
            text: text.to_owned(),
            plain,
            quoted: false,
            exact: false,
        };
        Self { kind, place }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            Kind::Sequence(_) | Kind::Mapping(_) | Kind::Refused => None,
        }
    }

    /// How many values there are, how many bytes of text in them, and how deep they are nested.
    pub(crate) fn size(&self) -> (usize, usize, usize) {
        let sum = |nodes: &mut dyn Iterator<Item = &Self>| {
            nodes.fold((1, 0, 0), |(count, bytes, height), node| {
                let (inner_count, inner_bytes, inner_height) = node.size();
                (
                    count + inner_count,
                    bytes + inner_bytes,
                    height.max(inner_height + 1),
                )
            })
        };
        match &self.kind {
            Kind::Scalar { text, .. } => (1, text.len(), 0),
            Kind::Refused => (1, 0, 0),
            Kind::Sequence(items) => sum(&mut items.iter()),
            Kind::Mapping(pairs) => sum(&mut pairs.iter().flat_map(|(key, value)| [key, value])),
        }
    }

    /// The same, reached by another way.
    pub(crate) fn in_frame(&self, frame: Frame) -> Self {
        let kind = match &self.kind {
            Kind::Sequence(items) => {
                Kind::Sequence(items.iter().map(|item| item.in_frame(frame)).collect())
            }
            Kind::Mapping(pairs) => Kind::Mapping(
                pairs
                    .iter()
                    .map(|(key, value)| (key.in_frame(frame), value.in_frame(frame)))
                    .collect(),
            ),
            other => other.clone(),
        };
        let place = Place {
            frame,
            ..self.place
        };
        Self { kind, place }
    }

    /// An empty value, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true, .. }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The place of a byte of a scalar, if it can be told; else that of the scalar.
    pub(crate) fn place_of(&self, byte: usize) -> Place {
        match &self.kind {
            Kind::Scalar {
                text,
                quoted,
                exact: true,
                ..
            } => {
                let before = text.get(..byte).unwrap_or_default();
                let lines = before.matches('\n').count();
                let column = before
                    .rsplit('\n')
                    .next()
                    .unwrap_or_default()
                    .chars()
                    .count();
                Place {
                    line: self.place.line + number(lines),
                    column: self.place.column + u32::from(*quoted) + number(column),
                    ..self.place
                }
            }
            _ => self.place,
        }
    }
}

/// Reads one document. `None`: the text cannot be used at all, and the report says why.
pub(crate) fn parse(text: &str, frame: Frame, report: &mut Report) -> Option<Node> {
    if text.len() > MAX_BYTES {
        report.error(
            Code::Limit,
            frame.start(),
            format!(
                "a file may have {MAX_BYTES} bytes and this one has {}",
                text.len()
            ),
            "move long scripts into files of the repository",
        );
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    check_characters(text, frame, report)?;
    Builder {
        frame,
        lines: Lines::new(text),
        report,
        stack: Vec::new(),
        root: None,
        nodes: 0,
    }
    .build(text)
}

/// Characters that would make a person and a parser read different things.
fn check_characters(text: &str, frame: Frame, report: &mut Report) -> Option<()> {
    let (mut place, mut after_return, mut warned) = (frame.start(), false, false);
    for c in text.chars() {
        if c == '\n' && after_return {
            after_return = false;
            continue;
        }
        after_return = c == '\r';
        if matches!(c, '\n' | '\r') {
            place = Place {
                line: place.line + 1,
                ..frame.start()
            };
            continue;
        }
        if c.is_control() && !matches!(c, '\t' | '\u{85}') {
            report.error(
                Code::Syntax,
                place,
                format!(
                    "the character `{}` may not stand in YAML",
                    quotable(&c.to_string())
                ),
                "remove it; is this a text file in UTF-8?",
            );
            return None;
        }
        if is_bidirectional_control(c) && !warned {
            warned = true;
            report.warn(
                Code::Suspicious,
                place,
                format!(
                    "the invisible character `{}` changes the order in which text is shown",
                    quotable(&c.to_string())
                ),
                "remove it, or check that the file does what it seems to do",
            );
        }
        place.column += 1;
    }
    Some(())
}

/// A mapping or list that is not closed yet.
struct Opened {
    place: Place,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping {
        pairs: Vec<(Node, Node)>,
        key: Option<Node>,
        seen: BTreeMap<String, Place>,
    },
}

struct Builder<'a> {
    frame: Frame,
    lines: Lines<'a>,
    report: &'a mut Report,
    stack: Vec<Opened>,
    root: Option<Node>,
    nodes: usize,
}

impl Builder<'_> {
    fn build(mut self, text: &str) -> Option<Node> {
        let mut parser = Parser::new_from_str(text);
        let mut documents = 0_u32;
        while let Some(next) = parser.next_event() {
            let (event, span) = match next {
                Ok(next) => next,
                Err(wrong) => {
                    self.syntax_error(&wrong);
                    return None;
                }
            };
            let place = self.place(span);
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        self.refuse(
                            place,
                            "several YAML documents in one file are not supported",
                            "remove the `---` line",
                        );
                        return None;
                    }
                }
                Event::Scalar(value, style, anchor, tag) => {
                    self.count(place)?;
                    let refused = self.refuse_decoration(place, anchor, tag.is_some());
                    let node = if refused {
                        Node::refused(place)
                    } else {
                        self.scalar(value.into_owned(), style, span)
                    };
                    self.add(node);
                }
                Event::SequenceStart(anchor, tag) => {
                    self.refuse_decoration(place, anchor, tag.is_some());
                    self.open(place, Content::Sequence(Vec::new()))?;
                }
                Event::MappingStart(anchor, tag) => {
                    self.refuse_decoration(place, anchor, tag.is_some());
                    let content = Content::Mapping {
                        pairs: Vec::new(),
                        key: None,
                        seen: BTreeMap::new(),
                    };
                    self.open(place, content)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(),
                Event::Alias(_) => {
                    self.count(place)?;
                    self.refuse(
                        place,
                        "YAML aliases (`*name`) are not supported",
                        "write the value out",
                    );
                    self.add(Node::refused(place));
                }
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
        }
        if self.root.as_ref().is_none_or(Node::is_null) {
            self.report.error(
                Code::Missing,
                self.frame.start(),
                "the file is empty",
                "begin with `steps:` and a list of steps below it",
            );
            return None;
        }
        self.root
    }

    fn place(&self, span: EventSpan) -> Place {
        Place {
            frame: self.frame,
            line: number(span.start.line()),
            column: number(span.start.col()) + 1,
        }
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, span: EventSpan) -> Node {
        let place = self.place(span);
        let plain = style == ScalarStyle::Plain;
        let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
        let first = text.split('\n').next().unwrap_or_default();
        let one_line = style == ScalarStyle::Literal || first.len() == text.len();
        let exact = one_line && self.lines.stands_at(first, place, u32::from(quoted));
        Node {
            kind: Kind::Scalar {
                text,
                plain,
                quoted,
                exact,
            },
            place,
        }
    }

    fn open(&mut self, place: Place, content: Content) -> Option<()> {
        self.count(place)?;
        if self.stack.len() >= MAX_DEPTH {
            self.too_deep(place);
            return None;
        }
        self.stack.push(Opened { place, content });
        Some(())
    }

    fn close(&mut self) {
        let Some(Opened { place, content }) = self.stack.pop() else {
            return;
        };
        let kind = match content {
            Content::Sequence(items) => Kind::Sequence(items),
            Content::Mapping { pairs, .. } => Kind::Mapping(pairs),
        };
        self.add(Node { kind, place });
    }

    fn add(&mut self, node: Node) {
        let Some(frame) = self.stack.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        match &mut frame.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping {
                pairs,
                key: slot @ Some(_),
                ..
            } => pairs.extend(slot.take().map(|key| (key, node))),
            Content::Mapping {
                key: slot @ None,
                seen,
                ..
            } => *slot = Some(checked_key(node, seen, self.report)),
        }
    }

    fn count(&mut self, place: Place) -> Option<()> {
        self.nodes += 1;
        if self.nodes <= MAX_NODES {
            return Some(());
        }
        self.report.error(
            Code::Limit,
            place,
            format!("a file may have {MAX_NODES} values"),
            "split it into templates",
        );
        None
    }

    fn refuse_decoration(&mut self, place: Place, anchor: usize, tag: bool) -> bool {
        if anchor > 0 {
            self.refuse(
                place,
                "Anchors are not currently supported: `&name` gives a value a name",
                "remove the anchor and write the value out where it is needed",
            );
        }
        if tag {
            self.refuse(
                place,
                "YAML tags (`!name`) are not supported",
                "remove the tag; quote the value if it begins with `!`",
            );
        }
        anchor > 0 || tag
    }

    fn refuse(&mut self, place: Place, message: &str, hint: &str) {
        self.report.error(Code::NotSupported, place, message, hint);
    }

    fn too_deep(&mut self, place: Place) {
        self.report.error(
            Code::Limit,
            place,
            format!("mappings and lists may be {MAX_DEPTH} levels deep"),
            "check the indentation and the brackets",
        );
    }

    fn syntax_error(&mut self, wrong: &ScanError) {
        let at = Place {
            frame: self.frame,
            line: number(wrong.marker().line()),
            column: number(wrong.marker().col()) + 1,
        };
        // The scanner has a limit of its own for brackets, which it meets while it looks ahead for a `:`.
        if wrong.info().contains("recursion limit") {
            self.too_deep(at);
            return;
        }
        let guess = mistakes::guess(&self.lines, at.line, at.column, wrong.info());
        let at = Place {
            line: guess.line,
            column: guess.column,
            ..at
        };
        self.report.error(
            Code::Syntax,
            at,
            format!("this is not valid YAML: {}", quotable(wrong.info())),
            guess.hint,
        );
    }
}

fn checked_key(key: Node, seen: &mut BTreeMap<String, Place>, report: &mut Report) -> Node {
    match &key.kind {
        Kind::Scalar { text, .. } => {
            if let Some(first) = seen.get(text) {
                report.error(
                    Code::DuplicateKey,
                    key.place,
                    format!(
                        "'{}' is already defined, at {}:{}",
                        quotable(text),
                        first.line,
                        first.column
                    ),
                    "remove one of the two",
                );
                return Node::refused(key.place);
            }
            // Two conditions may read the same; what they bring in is compared once they are evaluated.
            if !text.starts_with("${{") {
                seen.insert(text.clone(), key.place);
            }
            key
        }
        Kind::Refused => key,
        Kind::Sequence(_) | Kind::Mapping(_) => {
            report.error(
                Code::NotSupported,
                key.place,
                "keys that are lists or mappings are not supported",
                "quote the key if it begins with a bracket",
            );
            Node::refused(key.place)
        }
    }
}
