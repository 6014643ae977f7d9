//! `parameters:`: what a file declares, what it is given, and whether the two fit. Types, defaults and allowed values.

use super::{
    Expander, Slot,
    scope::{Bound, Scope},
    settle::complete,
    types::{self, Type},
};
use crate::{
    PlanInputs,
    diagnostic::{Code, Frame, Place, quotable},
    words,
    yaml::{self, Kind, Node},
};

/// Most parameters of one file.
const MAX_PARAMETERS: usize = 1000;
const KEYS: &[&str] = &["name", "displayName", "type", "default", "values"];

/// A declared parameter.
#[derive(Debug)]
pub(super) struct Declared {
    name: String,
    place: Place,
    shape: Type,
    slot: Slot,
    default: Option<Node>,
    values: Vec<String>,
}

/// What was given when the run starts. It has no place in the text.
pub(super) fn given(inputs: &PlanInputs) -> Vec<(Node, Node)> {
    inputs
        .parameters
        .iter()
        .map(|(name, value)| (Node::made(name, false, Place::START), of_json(value)))
        .collect()
}

fn of_json(value: &serde_json::Value) -> Node {
    let place = Place::START;
    let kind = match value {
        serde_json::Value::Null => return Node::made("", true, place),
        serde_json::Value::String(text) => return Node::made(text, false, place),
        serde_json::Value::Array(items) => Kind::Sequence(items.iter().map(of_json).collect()),
        serde_json::Value::Object(members) => Kind::Mapping(
            members
                .iter()
                .map(|(name, value)| (Node::made(name, false, place), of_json(value)))
                .collect(),
        ),
        other => return Node::made(&other.to_string(), true, place),
    };
    Node { kind, place }
}

/// Whether a template takes parameters that it does not declare: those without `parameters:` and those of the old form do.
pub(super) fn open(root: &[(Node, Node)]) -> bool {
    let declared = root
        .iter()
        .find(|(key, _)| key.text() == Some("parameters"));
    declared.is_none_or(|(_, node)| matches!(node.kind, Kind::Mapping(_)))
}

impl Expander<'_> {
    /// The parameters that a file declares, in the list form or the old one.
    pub(super) fn declared(&mut self, root: &[(Node, Node)], frame: Frame) -> Vec<Declared> {
        let Some((_, node)) = root
            .iter()
            .find(|(key, _)| key.text() == Some("parameters"))
        else {
            return Vec::new();
        };
        // Each use of a file has its own.
        if !self.count(node.size().0, frame.start()) {
            return Vec::new();
        }
        let node = node.in_frame(frame);
        let declared = match &node.kind {
            Kind::Refused => Vec::new(),
            Kind::Sequence(entries) => entries
                .iter()
                .filter_map(|entry| self.declaration(entry))
                .collect(),
            Kind::Mapping(pairs) => pairs
                .iter()
                .filter_map(|(key, value)| self.old(key, value))
                .collect(),
            Kind::Scalar { .. } if node.is_null() => Vec::new(),
            Kind::Scalar { .. } => {
                self.report.error(
                    Code::WrongType,
                    node.place,
                    "parameters must be a list (`- name: …`) or a mapping (`name: default`), not a text",
                    "write `- name: …`, and `type:` and `default:` below the name",
                );
                Vec::new()
            }
        };
        if declared.len() > MAX_PARAMETERS {
            let message = format!("a file may declare {MAX_PARAMETERS} parameters");
            let hint = "put values that belong together into one parameter of the type `object`";
            self.report.error(Code::Limit, node.place, message, hint);
            return Vec::new();
        }
        let mut known: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
        for parameter in &declared {
            if !known.insert(words::fold(&parameter.name)) {
                let message = format!(
                    "the parameter '{}' is declared twice; names ignore case",
                    quotable(&parameter.name)
                );
                self.report.error(
                    Code::DuplicateName,
                    parameter.place,
                    message,
                    "remove one of the two",
                );
            }
        }
        declared
    }

    fn declaration(&mut self, entry: &Node) -> Option<Declared> {
        let Kind::Mapping(pairs) = &entry.kind else {
            if !matches!(entry.kind, Kind::Refused) {
                self.report.error(
                    Code::WrongType,
                    entry.place,
                    "a parameter is declared by a mapping",
                    "write `- name: …`, and `type:` and `default:` below the name",
                );
            }
            return None;
        };
        for (key, _) in pairs {
            let name = key.text().unwrap_or_default();
            if !KEYS.contains(&name) && !matches!(key.kind, Kind::Refused) {
                let message = format!(
                    "Unexpected value '{}': a parameter has no such key",
                    quotable(name)
                );
                self.report.error(
                    Code::UnknownKey,
                    key.place,
                    message,
                    words::suggestion(name, KEYS),
                );
            }
        }
        let member = |wanted: &str| {
            pairs
                .iter()
                .find(|(key, _)| key.text() == Some(wanted))
                .map(|(_, value)| value)
        };
        let Some(name) = member("name").filter(|name| !name.is_null()) else {
            // A key that nothing knows was told; it is probably the name.
            if pairs
                .iter()
                .all(|(key, _)| key.text().is_none_or(|name| KEYS.contains(&name)))
            {
                self.report.error(
                    Code::Missing,
                    entry.place,
                    "this parameter has no name",
                    "add `name:`",
                );
            }
            return None;
        };
        let place = name.place;
        let name = self.named(name)?;
        let mut unknown = false;
        let (shape, slot) = match member("type").filter(|node| !node.is_null()) {
            None => (Type::Text, Slot::Plain),
            // One that is wrong is declared all the same, so that its uses are not reported as well.
            Some(node) => self.shape(node).unwrap_or_else(|| {
                unknown = true;
                (Type::Any, Slot::Plain)
            }),
        };
        if let Some(display) = member("displayName") {
            self.literal(display);
        }
        let default = member("default").map(|default| {
            if self.literal(default) {
                default.clone()
            } else {
                Node::refused(default.place)
            }
        });
        // Nor is asked for what has no type.
        let default = default.or_else(|| unknown.then(|| Node::refused(place)));
        let values = match member("values").map(|node| (&node.kind, node)) {
            None => Vec::new(),
            Some((Kind::Sequence(items), _)) => items
                .iter()
                .filter_map(|item| item.text().map(str::to_owned))
                .collect(),
            Some((Kind::Refused, _)) => Vec::new(),
            Some((_, node)) if node.is_null() => Vec::new(),
            Some((_, node)) => {
                self.report.error(
                    Code::WrongType,
                    node.place,
                    "values must be a list (`- item`)",
                    "write each allowed value on a line of its own, beginning with `- `",
                );
                Vec::new()
            }
        };
        Some(Declared {
            name,
            place,
            shape,
            slot,
            default,
            values,
        })
    }

    /// `name: default`.
    fn old(&mut self, key: &Node, value: &Node) -> Option<Declared> {
        let name = self.named(key)?;
        self.literal(value).then(|| Declared {
            name,
            place: key.place,
            shape: Type::Any,
            slot: Slot::Plain,
            default: Some(value.clone()),
            values: Vec::new(),
        })
    }

    fn named(&mut self, node: &Node) -> Option<String> {
        let name = node.text()?;
        let mut characters = name.chars();
        let fits = characters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
            && name.len() <= words::MAX_NAME;
        if !fits {
            let message = format!("a parameter may not be called '{}'", quotable(name));
            let hint = "use letters, digits, `_` and `-`, not beginning with a digit";
            self.report
                .error(Code::InvalidName, node.place, message, hint);
        }
        fits.then(|| name.to_owned())
    }

    fn shape(&mut self, node: &Node) -> Option<(Type, Slot)> {
        let name = node.text().unwrap_or_default();
        let found = types::named(name);
        if found.is_none() {
            let known: Vec<&str> = types::NAMES.iter().map(|(name, ..)| *name).collect();
            let message = format!("there is no type '{}'", quotable(name));
            let hint = words::suggestion(name, &known);
            self.report
                .error(Code::InvalidValue, node.place, message, hint);
        }
        found
    }

    /// Whether nothing below a node is an expression.
    fn literal(&mut self, node: &Node) -> bool {
        match &node.kind {
            Kind::Refused => false,
            Kind::Scalar { text, .. } => {
                let expression = text.find("${{");
                if let Some(at) = expression {
                    let hint = "a default is written out: other parameters and variables are not known yet";
                    self.report.error(
                        Code::Expression,
                        node.place_of(at),
                        "A template expression is not allowed in this context",
                        hint,
                    );
                }
                expression.is_none()
            }
            Kind::Sequence(items) => items.iter().all(|item| self.literal(item)),
            Kind::Mapping(pairs) => pairs
                .iter()
                .all(|(key, value)| self.literal(key) && self.literal(value)),
        }
    }

    /// Puts together what is declared and what is given. A parameter that is wrong is there all the same, empty, so that its
    /// uses are not reported as well.
    pub(super) fn bind(
        &mut self,
        declared: Vec<Declared>,
        open: bool,
        given: Vec<(Node, Node)>,
        used: Place,
        frame: Frame,
        scope: &Scope,
    ) -> Vec<(String, Bound)> {
        if given.len() > MAX_PARAMETERS {
            let message = format!("a template may be given {MAX_PARAMETERS} parameters");
            let hint = "put values that belong together into one parameter of the type `object`";
            self.report.error(Code::Limit, used, message, hint);
            return Vec::new();
        }
        let names: Vec<&str> = declared.iter().map(|known| known.name.as_str()).collect();
        let mut values: Vec<Option<Node>> = vec![None; declared.len()];
        let mut others: Vec<(String, Bound)> = Vec::new();
        for (key, value) in given {
            let name = key.text().unwrap_or_default();
            let again = others.iter().any(|(known, _)| words::same(known, name));
            match names.iter().position(|known| words::same(known, name)) {
                Some(at) if values[at].is_none() => values[at] = Some(value),
                None if open && !again => others.push((name.to_owned(), Bound::node(value))),
                found if found.is_some() || again => {
                    let message = format!(
                        "the parameter '{}' is given twice; names ignore case",
                        quotable(name)
                    );
                    self.report.error(
                        Code::DuplicateKey,
                        key.place,
                        message,
                        "remove one of the two",
                    );
                }
                _ => {
                    let hint = if names.is_empty() {
                        "it declares no parameters: add `parameters:` at its top".to_owned()
                    } else {
                        self.near(name, &names)
                    };
                    let message = format!("Unexpected parameter '{}'", quotable(name));
                    self.report.error(Code::Parameter, key.place, message, hint);
                }
            }
        }
        declared
            .into_iter()
            .zip(values)
            .map(|(parameter, given)| {
                let bound = self.bound(&parameter, given, used, frame, scope);
                (parameter.name, bound)
            })
            .chain(others)
            .collect()
    }

    fn bound(
        &mut self,
        parameter: &Declared,
        given: Option<Node>,
        used: Place,
        frame: Frame,
        scope: &Scope,
    ) -> Bound {
        let node = match given {
            // It has no place of its own: a mistake is shown where the parameter is declared.
            Some(given) if frame == Frame::ROOT => {
                let place = parameter.place;
                self.at_start(parameter, Node { place, ..given })
            }
            Some(given) => Some(given),
            None if parameter.default.is_none() && frame == Frame::ROOT => {
                let mut hint =
                    "give it when the run is started, or declare a `default:`".to_owned();
                if !parameter.values.is_empty() {
                    let allowed = quotable(&parameter.values.join(", "));
                    hint.push_str(&format!(". It takes one of: {allowed}"));
                }
                let place = parameter.place;
                self.report.parameter_required(&parameter.name, place, hint);
                None
            }
            None if parameter.default.is_none() => {
                let message = format!(
                    "A value for the '{}' parameter must be provided.",
                    quotable(&parameter.name)
                );
                let hint = "add it below `parameters:`, or declare a `default:` in the template";
                self.report.error(Code::Parameter, used, message, hint);
                None
            }
            None => parameter.default.clone(),
        };
        let Some(node) = node.filter(|node| !matches!(node.kind, Kind::Refused)) else {
            return Bound::node(Node::refused(used));
        };
        match parameter.shape.take(&node) {
            // Steps, jobs and stages are complete when a template looks at them.
            Ok(_) if parameter.slot != Slot::Plain && !node.is_null() => {
                let settled = self.settled(node, scope, parameter.slot, 1);
                Bound::node(complete(settled, parameter.slot))
            }
            Ok(bound) => {
                self.allowed(parameter, &node);
                bound
            }
            Err(wanted) => {
                let found = match &node.kind {
                    Kind::Sequence(_) => "is a list and".to_owned(),
                    Kind::Mapping(_) => "is a mapping and".to_owned(),
                    _ => format!("'{}' is", quotable(node.text().unwrap_or_default())),
                };
                let message = format!(
                    "The '{}' parameter value {found} not a valid {}",
                    quotable(&parameter.name),
                    parameter.shape.name()
                );
                let hint = format!(
                    "it must be {wanted}; the type stands in `parameters:` of the file that declares it"
                );
                self.report
                    .error(Code::Parameter, node.place, message, hint);
                Bound::node(Node::refused(used))
            }
        }
    }

    /// A list or mapping comes as text when a run is started: it is YAML.
    fn at_start(&mut self, parameter: &Declared, given: Node) -> Option<Node> {
        let structured = matches!(parameter.shape, Type::List | Type::Mapping | Type::Any);
        match &given.kind {
            Kind::Scalar { text, .. } if structured && !text.trim().is_empty() => {
                let text = text.clone();
                let name = format!("parameter {}", parameter.name);
                let frame = self.report.enter(&name, text.as_str().into(), Place::START);
                yaml::parse(&text, frame, self.report)
            }
            _ => Some(given),
        }
    }

    fn allowed(&mut self, parameter: &Declared, node: &Node) {
        let Some(text) = node.text() else { return };
        let fits = parameter.values.is_empty()
            || parameter
                .values
                .iter()
                .any(|allowed| words::same(allowed, text));
        if !fits {
            let known: Vec<&str> = parameter.values.iter().map(String::as_str).collect();
            let message = format!(
                "The '{}' parameter value '{}' is not a valid value",
                quotable(&parameter.name),
                quotable(text)
            );
            let hint = quotable(&self.near(text, &known));
            self.report
                .error(Code::Parameter, node.place, message, hint);
        }
    }
}
