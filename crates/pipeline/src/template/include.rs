//! `- template: path@alias` with its `parameters`: finds the file, reads it, binds the parameters and expands what it holds.
//! Also the repositories that aliases stand for.

use std::{
    collections::{BTreeSet, hash_map::Entry},
    rc::Rc,
    sync::Arc,
};

use super::{
    Expander, MAX_FILES, MAX_LEVELS, Slot, parameters,
    scope::{File, Scope},
};
use crate::{
    Lookup, Need, RepositoryUse,
    diagnostic::{Code, Frame, Place, quotable},
    read,
    resolver::{FileReference, Repository},
    words,
    yaml::{self, Kind, Node},
};

/// A file that was read.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) text: Arc<str>,
    pub(super) tree: Node,
}

impl Loaded {
    /// What stands at the root; nothing if that is no mapping.
    pub(super) fn pairs(&self) -> &[(Node, Node)] {
        match &self.tree.kind {
            Kind::Mapping(pairs) => pairs,
            _ => &[],
        }
    }
}

/// A use of a template: what it names and what it gives.
pub(super) struct Use {
    pub(super) reference: FileReference,
    pub(super) parameters: Vec<(Node, Node)>,
    pub(super) place: Place,
    /// Where the path stands.
    at: Place,
}

impl Expander<'_> {
    /// Appends what a template of a list holds.
    pub(super) fn include(
        &mut self,
        item: &Node,
        pairs: &[(Node, Node)],
        scope: &Scope,
        slot: Slot,
        depth: usize,
        out: &mut Vec<Node>,
    ) {
        let place = scope.place(item.place);
        let used = self.used(pairs, place, scope, depth);
        self.put_in(used, place, scope, slot, depth, out);
    }

    /// Appends what a template holds, or one item that was refused.
    pub(super) fn put_in(
        &mut self,
        used: Option<Use>,
        place: Place,
        scope: &Scope,
        slot: Slot,
        depth: usize,
        out: &mut Vec<Node>,
    ) {
        let done = used.and_then(|used| self.included(used, scope, slot, depth, out));
        if done.is_none() {
            // One thing that was refused: readers then do not say that the list is empty.
            out.push(Node::refused(place));
        }
    }

    fn included(
        &mut self,
        used: Use,
        scope: &Scope,
        slot: Slot,
        depth: usize,
        out: &mut Vec<Node>,
    ) -> Option<()> {
        let list = slot.list()?;
        let (loaded, scope) = self.enter(used, scope)?;
        let content = self.mapping(loaded.pairs(), &scope, Slot::Root, depth + 1);
        let mut found = None;
        let mut other = false;
        for (key, value) in content {
            match key.text().unwrap_or_default() {
                name if name == list => found = Some(value),
                "parameters" => {}
                name => {
                    other |= of_other_list(&key, list);
                    self.stray(&key, name, list);
                }
            }
        }
        let Some(value) = found else {
            if !other && !self.stopped {
                let hint = format!("add `{list}:` to the template, and a list below it");
                self.report.error(
                    Code::Missing,
                    scope.file().frame.start(),
                    format!("a template that is used among `{list}` must hold `{list}`"),
                    hint,
                );
            }
            return None;
        };
        match value.kind {
            Kind::Sequence(items) => out.extend(items),
            Kind::Mapping(pairs) if slot == Slot::Variables => {
                out.extend(pairs.into_iter().map(|(name, value)| entry(name, value)));
            }
            Kind::Refused => return None,
            _ if value.is_null() => {}
            _ => {
                self.report.error(
                    Code::WrongType,
                    value.place,
                    format!("{list} must be a list (`- item`)"),
                    "check the indentation; docs/yaml.md shows the form",
                );
                return None;
            }
        }
        Some(())
    }

    fn stray(&mut self, key: &Node, name: &str, list: &str) {
        let hint = if of_other_list(key, list) {
            format!("use this template where `{name}` are listed, or make it hold `{list}`")
        } else {
            words::suggestion(name, &["parameters", list])
        };
        self.report.error(
            Code::UnknownKey,
            key.place,
            format!(
                "Unexpected value '{}': a template that is used among `{list}` holds `{list}` and `parameters`",
                quotable(name)
            ),
            hint,
        );
    }

    /// Reads `template:` and `parameters:`.
    pub(super) fn used(
        &mut self,
        pairs: &[(Node, Node)],
        place: Place,
        scope: &Scope,
        depth: usize,
    ) -> Option<Use> {
        let pairs = self.mapping(pairs, scope, Slot::Plain, depth + 1);
        self.written_use(pairs, place)
    }

    /// The same of pairs that are expanded.
    pub(super) fn written_use(&mut self, pairs: Vec<(Node, Node)>, place: Place) -> Option<Use> {
        let (mut path, mut parameters, mut well) = (None, Vec::new(), true);
        for (key, value) in pairs {
            match (key.text().unwrap_or_default(), value.kind) {
                (_, Kind::Refused) => well = false,
                ("template", Kind::Scalar { text, .. }) => path = Some((text, value.place)),
                ("parameters", Kind::Mapping(given)) => parameters = given,
                ("parameters", Kind::Scalar { text, .. }) if text.is_empty() => {}
                (name @ ("template" | "parameters"), _) => {
                    let wanted = if name == "template" {
                        "the path of a file"
                    } else {
                        "a mapping (`name: value`)"
                    };
                    let message = format!("{name} must be {wanted}");
                    let hint = "write `- template: path.yml`, and `parameters:` with `name: value` below it";
                    self.report
                        .error(Code::WrongType, value.place, message, hint);
                    well = false;
                }
                (name, _) => {
                    let message = format!(
                        "Unexpected value '{}': beside `template` only `parameters` may stand",
                        quotable(name)
                    );
                    let hint = words::suggestion(name, &["template", "parameters"]);
                    self.report
                        .error(Code::UnknownKey, key.place, message, hint);
                    well = false;
                }
            }
        }
        let (path, at) = path?;
        let reference = self.reference(&path, at, place.frame)?;
        well.then_some(Use {
            reference,
            parameters,
            place,
            at,
        })
    }

    /// `path`, `/path`, each with `@alias` or without, written in the file of a frame.
    fn reference(&mut self, written: &str, at: Place, frame: Frame) -> Option<FileReference> {
        let wrong = |expander: &mut Self, message: String, hint: String| {
            expander.report.error(Code::FileNotFound, at, message, hint);
        };
        // A value given at the start stands in no file, and speaks for the pipeline's own.
        let own = self
            .references
            .get(&frame)
            .or_else(|| self.references.get(&Frame::ROOT))?
            .clone();
        let (path, alias) = match written.trim().rsplit_once('@') {
            Some((path, alias)) => (path, Some(alias.trim())),
            None => (written.trim(), None),
        };
        let repository = match alias {
            None => own.repository.clone(),
            Some(alias) if words::same(alias, "self") => None,
            Some(alias) => {
                let found = self
                    .repositories
                    .iter()
                    .find(|known| words::same(&known.alias, alias));
                let Some(found) = found else {
                    let known: Vec<&str> = self
                        .repositories
                        .iter()
                        .map(|known| known.alias.as_str())
                        .chain(["self"])
                        .collect();
                    let hint = words::suggestion(alias, &known);
                    let message = format!(
                        "No repository found by name {}: `resources.repositories` has none",
                        quotable(alias)
                    );
                    wrong(self, message, hint);
                    return None;
                };
                Some(found.clone())
            }
        };
        // A path of another repository begins at its root.
        let base = match own.path.rsplit_once('/') {
            Some((folder, _)) if repository == own.repository => folder,
            _ => "",
        };
        match joined(base, path) {
            Some(path) => Some(FileReference { repository, path }),
            None => {
                let message = match path.trim() {
                    "" => "`template` names no file".to_owned(),
                    _ => format!("The file path {} is invalid", quotable(written)),
                };
                let hint = "paths lead from this file, or with `/` from the root of the repository, and never out of it";
                wrong(self, message, hint.to_owned());
                None
            }
        }
    }

    /// A template, and the scope in which it is expanded. Its root is a mapping.
    pub(super) fn enter(&mut self, used: Use, scope: &Scope) -> Option<(Rc<Loaded>, Scope)> {
        let depth = scope.file().depth + 1;
        if depth > MAX_LEVELS {
            let message = format!("templates may use each other {MAX_LEVELS} levels deep");
            let hint = "does a template use itself? `used at` below shows the way";
            self.report.error(Code::Limit, used.place, message, hint);
            return None;
        }
        self.files += 1;
        if self.files > MAX_FILES {
            let message = format!("a pipeline may use {MAX_FILES} template files");
            self.stop(used.place, message);
            return None;
        }
        let (loaded, frame) = self.load(&used)?;
        self.references.insert(frame, used.reference.clone());
        if !matches!(loaded.tree.kind, Kind::Mapping(_)) {
            self.report.error(
                Code::WrongType,
                frame.start(),
                "a template is a mapping",
                "begin with `parameters:`, `steps:`, `jobs:`, `stages:` or `variables:`",
            );
            return None;
        }
        let declared = self.declared(loaded.pairs(), frame);
        if self.stopped {
            return None;
        }
        let open = parameters::open(loaded.pairs());
        let parameters = self.bind(declared, open, used.parameters, used.place, frame, scope);
        let file = Rc::new(File {
            frame,
            parameters,
            open,
            depth,
        });
        Some((loaded, scope.enter(file)))
    }

    /// Repositories that a file brings in; those that are known stay what they are.
    fn adopt(&mut self, loaded: &Loaded, place: Place) {
        let more = repositories(loaded.pairs());
        if more.is_empty() || !self.count(self.repositories.len() + more.len(), place) {
            return;
        }
        let known = self.repositories.iter();
        let mut aliases: BTreeSet<String> = known.map(|known| words::fold(&known.alias)).collect();
        for repository in more {
            if aliases.insert(words::fold(&repository.alias)) {
                self.repositories.push(repository);
            }
        }
    }

    /// The tree of a file, and the frame of this use of it.
    fn load(&mut self, used: &Use) -> Option<(Rc<Loaded>, Frame)> {
        let shown = used.reference.to_string();
        let entry = match self.loaded.entry(used.reference.clone()) {
            Entry::Occupied(known) => {
                let known = known.get().clone()?;
                let text = Arc::clone(&known.text);
                return Some((known, self.report.enter(&shown, text, used.place)));
            }
            Entry::Vacant(entry) => entry,
        };
        match self.resolver.file(&used.reference) {
            Lookup::Found(found) => {
                let frame = self
                    .report
                    .enter(&shown, Arc::clone(&found.text), used.place);
                if let Some(commit) = found.commit {
                    let alias = match &used.reference.repository {
                        Some(repository) => words::fold(&repository.alias),
                        None => "self".to_owned(),
                    };
                    self.commits.insert(alias, commit);
                }
                let tree = yaml::parse(&found.text, frame, self.report);
                let loaded = tree.map(|tree| {
                    Rc::new(Loaded {
                        text: found.text,
                        tree,
                    })
                });
                let loaded = entry.insert(loaded).clone()?;
                // Before what is handed over: it may name them.
                self.adopt(&loaded, frame.start());
                return Some((loaded, frame));
            }
            Lookup::Unknown => {
                self.needs.insert(Need::File(used.reference.clone()));
            }
            Lookup::Missing | Lookup::Ambiguous | Lookup::Unchecked => {
                let hint = self.resolver.advice(&used.reference).unwrap_or_else(|| {
                    "paths lead from the file that names them, or with `/` from the root of the repository; case counts"
                        .to_owned()
                });
                let message = format!("File {} not found", quotable(&shown));
                self.report
                    .error(Code::FileNotFound, used.at, message, hint);
            }
        }
        entry.insert(None);
        None
    }
}

fn of_other_list(key: &Node, list: &str) -> bool {
    key.text().is_some_and(|name| {
        name != list && ["stages", "jobs", "phases", "steps", "variables"].contains(&name)
    })
}

/// An entry of a list of variables.
pub(super) fn entry(name: Node, value: Node) -> Node {
    let place = name.place;
    Node {
        kind: Kind::Mapping(vec![
            (Node::made("name", true, place), name),
            (Node::made("value", true, place), value),
        ]),
        place,
    }
}

/// A path from the root of the repository. None: it leads out of it, or names no file.
pub(super) fn joined(base: &str, path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    let from = if path.starts_with('/') { "" } else { base };
    let mut parts: Vec<&str> = Vec::new();
    for part in from.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    let fits = !parts.is_empty()
        && !path.trim().is_empty()
        && !path.ends_with('/')
        && path.len() <= 1000
        && !path.chars().any(char::is_control);
    fits.then(|| parts.join("/"))
}

/// What aliases of a file stand for.
pub(super) fn repositories(root: &[(Node, Node)]) -> Vec<Repository> {
    let resources = root
        .iter()
        .find(|(key, _)| key.text() == Some("resources"))
        .map(|(_, resources)| read::repositories(resources));
    let known = |used: RepositoryUse| Repository {
        alias: used.alias,
        kind: used.kind,
        name: used.name,
        reference: used.reference,
        endpoint: used.endpoint,
    };
    resources
        .unwrap_or_default()
        .into_iter()
        .map(known)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn paths_stay_inside_the_repository() {
        for (base, path, wanted) in [
            ("", "a.yml", Some("a.yml")),
            ("ci", "a.yml", Some("ci/a.yml")),
            ("ci/x", "../a.yml", Some("ci/a.yml")),
            ("ci", "/a.yml", Some("a.yml")),
            ("ci", "./b//a.yml", Some("ci/b/a.yml")),
            ("ci", "b\\a.yml", Some("ci/b/a.yml")),
            ("ci", "../../a.yml", None),
            ("", "/../a.yml", None),
            ("ci", "", None),
            ("", "", None),
            ("", "folder/", None),
            ("", "a\u{7}.yml", None),
        ] {
            assert_eq!(joined(base, path).as_deref(), wanted, "{base} {path}");
        }
    }
}
