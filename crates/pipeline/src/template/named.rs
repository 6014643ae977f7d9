//! The templates that one text names, whatever its conditions and parameters say: what has to be kept with a pipeline so
//! that each of its runs finds its files. It reads no other file, and judges nothing.

use super::{directive::directive, from_root, include::joined};
use crate::{
    Source,
    diagnostic::{Frame, Location, Place, Report},
    expression::has_expression,
    words,
    yaml::{self, Kind, Node},
};

/// A template that a text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedTemplate {
    /// Where.
    pub at: Location,
    /// What.
    pub file: TemplateFile,
}

/// What stands behind `template:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateFile {
    /// A path from the root of the same repository.
    Own(String),
    /// A file of another repository, as written.
    Elsewhere(String),
    /// `${{ }}` in it, as written: which file it is depends on the run.
    Computed(String),
}

/// The templates that a text names, in the order of the text. One that leads out of the repository is none of them, and a
/// text that is no YAML names none: planning says so.
#[must_use]
pub fn templates_named(source: &Source) -> Vec<NamedTemplate> {
    let mut report = Report::new(&source.path, &source.text);
    let Some(tree) = yaml::parse(&source.text, Frame::ROOT, &mut report) else {
        return Vec::new();
    };
    let path = from_root(&source.path);
    let mut found = Found {
        folder: path.rsplit_once('/').map_or("", |(folder, _)| folder),
        report: &report,
        named: Vec::new(),
    };
    found.node(&tree);
    found.named
}

struct Found<'a> {
    folder: &'a str,
    report: &'a Report,
    named: Vec<NamedTemplate>,
}

impl Found<'_> {
    /// The depth of a tree is limited where it is read.
    fn node(&mut self, node: &Node) {
        match &node.kind {
            Kind::Sequence(items) => {
                for item in items {
                    self.template(item);
                    self.node(item);
                }
            }
            Kind::Mapping(pairs) => {
                for (key, value) in pairs {
                    if key.text() == Some("extends") {
                        self.extends(value);
                    }
                    self.node(value);
                }
            }
            Kind::Scalar { .. } | Kind::Refused => {}
        }
    }

    /// The template of a whole pipeline may stand below conditions.
    fn extends(&mut self, node: &Node) {
        self.template(node);
        let Kind::Mapping(pairs) = &node.kind else {
            return;
        };
        for (key, value) in pairs {
            if key.text().and_then(directive).is_some() {
                self.extends(value);
            }
        }
    }

    fn template(&mut self, node: &Node) {
        let Kind::Mapping(pairs) = &node.kind else {
            return;
        };
        let value = pairs
            .iter()
            .find(|(key, _)| key.text() == Some("template"))
            .map(|(_, value)| value);
        if let Some((value, written)) = value.and_then(|value| Some((value, value.text()?.trim())))
            && let Some(file) = self.file(written)
        {
            self.named.push(NamedTemplate {
                at: self.at(value.place),
                file,
            });
        }
    }

    fn file(&self, written: &str) -> Option<TemplateFile> {
        if has_expression(written) {
            return Some(TemplateFile::Computed(written.to_owned()));
        }
        let path = match written.rsplit_once('@') {
            None => written,
            Some((path, alias)) if words::same(alias.trim(), "self") => path,
            Some(_) => return Some(TemplateFile::Elsewhere(written.to_owned())),
        };
        joined(self.folder, path).map(TemplateFile::Own)
    }

    fn at(&self, place: Place) -> Location {
        self.report.location(place)
    }
}
