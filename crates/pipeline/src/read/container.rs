//! Containers of jobs and steps: an alias, an image, a definition, or an expression. It must not know how one is run.

use serde_json::Map;

use super::{
    Reader,
    fields::{Fields, fields},
    resources::{CONTAINER_KEYS, check_container},
    values::{filled, json, runtime},
};
use crate::{
    Container, Service,
    diagnostic::{Code, quotable},
    expression::Time,
    yaml::{Kind, Node},
};

/// `container:` of a job.
pub(super) fn read(node: Option<&Node>, reader: &mut Reader<'_>) -> Option<Container> {
    let node = node?;
    let container = container(node, reader)?;
    reader.report.refuse(
        node.place,
        "this server does not run jobs in containers (`container`)",
        "remove `container`, or let the steps call the container engine of the agent",
    );
    Some(container)
}

/// `services:` of a job.
pub(super) fn services(node: Option<&Node>, reader: &mut Reader<'_>) -> Vec<Service> {
    let Some(node) = node else { return Vec::new() };
    let listed = fields(node, "services", reader.report);
    let mut services = Vec::new();
    for (name, _, value) in listed.iter().flat_map(Fields::iter) {
        if let Some(container) = container(value, reader) {
            services.push(Service {
                name: name.to_owned(),
                container,
            });
        }
    }
    if !services.is_empty() {
        reader.report.refuse(
            node.place,
            "this server does not run containers beside jobs (`services`)",
            "remove `services`, or let the steps call the container engine of the agent",
        );
    }
    services
}

fn container(node: &Node, reader: &mut Reader<'_>) -> Option<Container> {
    if let Kind::Scalar { .. } = &node.kind {
        let text = filled(node, "container", reader.report)?;
        if let Some(expression) = runtime(node, &text, Time::Start, reader.report) {
            return expression.map(Container::Expression);
        }
        return Some(named(&reader.known.expand(&text), reader));
    }
    let written = fields(node, "a container", reader.report)?;
    let known = [&["alias"], CONTAINER_KEYS].concat();
    written.check("a container", &known, reader.report);
    check_container(&written, reader.report);
    if let Some(alias) = written.get("alias") {
        let alias_text = filled(alias, "alias", reader.report)?;
        if !reader
            .aliases
            .containers
            .contains_key(&crate::words::fold(&alias_text))
        {
            let message = format!("there is no container `{}`", quotable(&alias_text));
            reader.report.error(
                Code::InvalidValue,
                alias.place,
                message,
                "declare it below `resources:` and `containers:`",
            );
            return None;
        }
        return Some(named(&alias_text, reader));
    }
    let Some(image) = written.get("image") else {
        let hint = "write `image: name:tag`";
        let message = "this container has no `image`";
        reader
            .report
            .error(Code::Missing, node.place, message, hint);
        return None;
    };
    let image = filled(image, "image", reader.report)?;
    let options = written
        .iter()
        .filter(|(key, ..)| *key != "image")
        .map(|(key, _, value)| (key.to_owned(), json(value)));
    Some(Container::Image {
        image,
        options: options.collect(),
    })
}

/// What a name stands for: a declared container, or else an image.
fn named(name: &str, reader: &Reader<'_>) -> Container {
    let declared = reader.aliases.containers.get(&crate::words::fold(name));
    declared.cloned().unwrap_or_else(|| Container::Image {
        image: name.to_owned(),
        options: Map::new(),
    })
}
