//! What the document says of itself: it is whole, it is the one that is checked in, and its examples are what its
//! schemas allow.

use super::errors::KNOWN;
use super::*;
use crate::route_list;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

fn operations() -> Vec<(String, &'static Value)> {
    let paths = document()["paths"].as_object().unwrap();
    let mut all = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            if method != "parameters" {
                let route = format!("{} {}", method.to_uppercase(), &path[1..]);
                all.push((route, operation));
            }
        }
    }
    all
}

/// Where the document is, to its own schemas.
const HERE: &str = "https://document.invalid/";

/// The whole document, for references into it.
fn registry() -> jsonschema::Registry<'static> {
    let registry = jsonschema::Registry::new().add(HERE, document());
    registry.unwrap().prepare().unwrap()
}

fn validator(registry: &jsonschema::Registry<'_>, schema: &Value) -> jsonschema::Validator {
    let whole = schema.to_string().replace("\"#/", &format!("\"{HERE}#/"));
    let options = jsonschema::options().should_validate_formats(true);
    let options = options.with_registry(registry);
    options
        .build(&serde_json::from_str(&whole).unwrap())
        .unwrap()
}

#[test]
fn every_route_is_described_and_nothing_that_there_is_not() {
    let described: Vec<_> = groups()
        .iter()
        .flat_map(|group| &group.operations)
        .map(|one| format!("{} {}", one.method, one.template))
        .collect();
    let there: BTreeSet<_> = route_list()
        .iter()
        .filter(|route| !route.is_page())
        .map(|route| format!("{} {}", route.method, route.template))
        .collect();
    let known: BTreeSet<_> = described.iter().cloned().collect();
    assert_eq!(known.len(), described.len(), "a route is described twice");
    assert_eq!(
        (
            there.difference(&known).collect::<Vec<_>>(),
            known.difference(&there).collect::<Vec<_>>()
        ),
        (vec![], vec![]),
        "crates/server/src/openapi must describe each route, and none that is not there"
    );
    let in_document: BTreeSet<_> = operations().into_iter().map(|(route, _)| route).collect();
    assert_eq!(in_document, known);
}

#[test]
fn each_operation_says_what_a_reader_needs() {
    let mut ids = BTreeSet::new();
    for group in groups() {
        assert!(group.about.ends_with('.'), "{}", group.name);
        for operation in &group.operations {
            let id = operation.id;
            assert!(ids.insert(id), "{id} is there twice");
            assert!(
                id.chars().all(|letter| letter.is_ascii_alphanumeric()),
                "{id}"
            );
            assert!(
                !operation.summary.is_empty() && !operation.summary.ends_with('.'),
                "{id}"
            );
            assert!(operation.who.ends_with('.'), "{id} does not say who may");
            for about in operation
                .about
                .split("\n\n")
                .filter(|text| !text.is_empty())
            {
                assert!(about.ends_with('.'), "{id}: {about}");
            }
            for parameter in &operation.query {
                assert!(parameter.means.ends_with('.'), "{id}: {}", parameter.name);
                let shown = parameter.example.is_some();
                assert!(
                    shown || !parameter.required,
                    "{id}: {} has no example",
                    parameter.name
                );
            }
            for content in operation
                .body
                .iter()
                .chain(operation.answers.iter().flat_map(|answer| &answer.contents))
            {
                let bytes = content.kind == "application/octet-stream";
                assert_eq!(content.example.is_null(), bytes, "{id} lacks an example");
            }
        }
    }
}

#[test]
fn every_example_is_what_its_schema_allows() {
    let registry = registry();
    let (mut checked, mut built) = (0, BTreeMap::new());
    let mut wrong = Vec::new();
    let mut check = |place: String, schema: &Value, example: &Value| {
        checked += 1;
        let validator = built
            .entry(schema.to_string())
            .or_insert_with(|| validator(&registry, schema));
        let found: Vec<_> = validator
            .iter_errors(example)
            .map(|error| format!("{place}: {} at {}", error, error.instance_path()))
            .collect();
        wrong.extend(found);
    };
    let mut media = Vec::new();
    for (route, operation) in operations() {
        let mut contents = vec![("body".to_owned(), &operation["requestBody"]["content"])];
        for (status, answer) in operation["responses"].as_object().unwrap() {
            contents.push((status.clone(), &answer["content"]));
        }
        for (what, content) in contents {
            for (kind, one) in content.as_object().into_iter().flatten() {
                media.push((format!("{route} {what} {kind}"), one.clone()));
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if let Some(example) = parameter.get("example") {
                check(
                    format!("{route} {}", parameter["name"]),
                    &parameter["schema"],
                    example,
                );
            }
        }
    }
    let components = &document()["components"];
    for (name, parameter) in components["parameters"].as_object().unwrap() {
        check(name.clone(), &parameter["schema"], &parameter["example"]);
    }
    for (name, answer) in components["responses"].as_object().unwrap() {
        media.push((name.clone(), answer["content"]["application/json"].clone()));
    }
    for (place, one) in &media {
        let examples = one["examples"].as_object().into_iter().flatten();
        let examples = examples.map(|(_, example)| &example["value"]);
        for example in examples.chain(one.get("example")) {
            check(place.clone(), &one["schema"], example);
        }
        if let (Some(lines), Some(text)) = (one.get("x-lines"), one["example"].as_str()) {
            for line in text.lines() {
                check(
                    format!("{place}, a line"),
                    lines,
                    &serde_json::from_str(line).unwrap(),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 200, "only {checked} examples");
}

#[test]
fn the_codes_are_those_of_the_page_of_errors() {
    let page = include_str!("../../../../docs/errors.md");
    let mut statuses = BTreeMap::new();
    for (code, kind, means) in KNOWN {
        assert!(
            page.contains(&format!("`{code}`")),
            "docs/errors.md lacks {code}"
        );
        assert!(means.ends_with('.'), "{code}");
        assert!(
            statuses.insert(code, kind).is_none(),
            "{code} is there twice"
        );
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the test says whether the document is to be written"
)]
fn the_document_is_the_one_that_is_checked_in() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let now = serde_json::to_string_pretty(document()).unwrap() + "\n";
    if std::env::var_os("COFFER_UPDATE").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let changed: Vec<_> = now
        .lines()
        .filter(|line| !written.contains(line))
        .take(20)
        .collect();
    assert!(
        written == now,
        "docs/openapi.json is stale: run `COFFER_UPDATE=1 cargo test -p coffer-server openapi`, and read the difference. \
         New lines: {changed:#?}"
    );
}

#[test]
fn nothing_in_the_document_is_of_this_machine_or_looks_like_a_secret() {
    let text = document().to_string();
    for token in text.match_indices("cof_").map(|(at, _)| &text[at..]) {
        let word: String = token
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        assert!(word.contains("EXAMPLE") || word.len() < 12, "{word}");
    }
}
