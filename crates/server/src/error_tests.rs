//! Every refusal of the service becomes the status and the envelope that clients know.

use super::*;
use std::collections::BTreeSet;

fn seen(kind: Kind, code: &str, message: &str) -> (u16, String, String) {
    let error = mapped(kind, code, message);
    let envelope = error.envelope("an-id");
    assert_eq!(envelope.custom_properties.unwrap().code, code);
    let (name, assembly) = envelope.type_name.split_once(", ").unwrap();
    assert_eq!(name, format!("{assembly}.{}", envelope.type_key));
    (error.status.as_u16(), envelope.type_key, envelope.message)
}

#[test]
fn clients_find_the_types_and_numbers_they_look_for() {
    for (kind, code, status, type_key, start) in [
        (
            Kind::NotFound,
            "secure_file.not_found",
            404,
            "SecureFileNotFoundException",
            "Text",
        ),
        (
            Kind::Conflict,
            "secure_file.name_taken",
            409,
            "SecureFileExistsException",
            "Text",
        ),
        (
            Kind::NotFound,
            "project.not_found",
            404,
            "ProjectDoesNotExistWithNameException",
            "TF200016: Text",
        ),
        (
            Kind::Forbidden,
            "access.denied",
            403,
            "AccessDeniedException",
            "Text",
        ),
        (
            Kind::Forbidden,
            "content.for_jobs",
            403,
            "AccessDeniedException",
            "Text",
        ),
        (
            Kind::Unauthenticated,
            "token.invalid",
            401,
            "UnauthorizedRequestException",
            "TF400813: Text",
        ),
        (
            Kind::Forbidden,
            "ticket.invalid",
            400,
            "DownloadTicketValidationException",
            "TF15004: Text",
        ),
        (
            Kind::Invalid,
            "pipeline.cannot_run",
            400,
            "PipelineValidationException",
            "Text",
        ),
        (
            Kind::Invalid,
            "pipeline.invalid",
            400,
            "PipelineValidationException",
            "Text",
        ),
        (
            Kind::NotFound,
            "run.not_found",
            404,
            "BuildNotFoundException",
            "Text",
        ),
    ] {
        let (found, key, message) = seen(kind, code, "Text");
        assert_eq!((found, key.as_str()), (status, type_key), "{code}");
        assert!(message.starts_with(start), "{message}");
    }
}

#[test]
fn a_code_that_is_not_listed_goes_by_its_kind() {
    for (kind, status) in [
        (Kind::NotFound, 404),
        (Kind::Forbidden, 403),
        (Kind::Unauthenticated, 401),
        (Kind::Conflict, 409),
        (Kind::Invalid, 400),
        (Kind::TooLarge, 413),
        (Kind::Unavailable, 503),
        (Kind::Internal, 500),
    ] {
        assert_eq!(seen(kind, "some.new_code", "Text").0, status);
    }
}

#[test]
fn numbers_are_not_written_twice() {
    let (_, _, message) = seen(Kind::Unauthenticated, "token.invalid", "TF400813: Once.");
    assert_eq!(message, "TF400813: Once.");
}

#[test]
fn the_project_is_named_as_the_request_named_it() {
    let error = mapped(Kind::NotFound, "project.not_found", "There is none.");
    let text = error.naming_project("My Project").message;
    assert!(text.starts_with("TF200016: The following project does not exist: My Project."));
    let other = mapped(Kind::Forbidden, "access.denied", "No.");
    assert_eq!(other.naming_project("My Project").message, "No.");
}

#[test]
fn what_happens_inside_stays_inside() {
    let (_, _, message) = seen(Kind::Internal, "internal", "the disk is full");
    assert!(message.contains("an-id") && !message.contains("disk"));
}

/// Literals that stand after a text, up to the closing quotation mark, across line ends.
fn after<'a>(source: &'a str, start: &str) -> Vec<&'a str> {
    let pieces = source.split(start).skip(1);
    pieces
        .filter_map(|piece| piece.trim_start().strip_prefix('"')?.split('"').next())
        .collect()
}

/// Cells of the first columns of all tables in a page.
fn cells(page: &str, column: usize) -> BTreeSet<&str> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.filter_map(|row| row.split('|').nth(column + 1))
        .flat_map(|cell| cell.split(',').map(|word| word.trim().trim_matches('`')))
        .collect()
}

const PAGE: &str = include_str!("../../../docs/errors.md");

#[test]
fn the_page_lists_every_type_with_its_namespace_and_none_that_is_not_there() {
    let source = include_str!("error.rs");
    let named: Vec<(&str, &str)> = [
        ("TASKS", TASKS),
        ("BUILD", BUILD),
        ("CORE", CORE),
        ("FRAMEWORK", FRAMEWORK),
        ("PIPELINES", PIPELINES),
        ("IDENTITY", IDENTITY),
        ("COMMON", COMMON),
        ("WEB_API", WEB_API),
        ("OURS", OURS),
    ]
    .to_vec();
    let mut there = BTreeSet::new();
    for (constant, namespace) in named {
        for key in after(source, &format!("({constant},")) {
            there.insert(format!("| `{key}` | `{namespace}` |"));
        }
    }
    assert!(there.len() > 20, "{there:?}");
    let (_, types) = PAGE.split_once("## Types").unwrap();
    let (types, _) = types.split_once("\n## ").unwrap();
    let listed: BTreeSet<_> = types
        .lines()
        .filter(|line| line.starts_with("| `") && !line.contains("`typeKey`"))
        .map(str::to_owned)
        .collect();
    assert_eq!(there, listed, "docs/errors.md, Types");
}

/// Codes of the service stand after their kind, those of the server in the functions of `error.rs` or after a call of them.
#[test]
fn the_page_lists_every_code() {
    let mut sources = Vec::new();
    let mut folders = vec![
        concat!(env!("CARGO_MANIFEST_DIR"), "/src").to_owned(),
        concat!(env!("CARGO_MANIFEST_DIR"), "/../service/src").to_owned(),
    ];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path().to_string_lossy().into_owned();
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.ends_with(".rs") && !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(path).unwrap();
                sources.push(
                    text.split("#[cfg(test)]")
                        .next()
                        .unwrap_or_default()
                        .to_owned(),
                );
            }
        }
    }
    let mut codes = BTreeSet::new();
    for source in &sources {
        for kind in [
            "NotFound",
            "Forbidden",
            "Unauthenticated",
            "Conflict",
            "Invalid",
            "TooLarge",
            "TooMany",
            "Unavailable",
            "Internal",
        ] {
            codes.extend(after(source, &format!("Kind::{kind},")));
        }
        for call in ["no_such(", "unauthenticated(", "forbidden(", "mistake("] {
            codes.extend(after(source, call));
        }
        for key in source.split("Exception\"),").skip(1) {
            codes.extend(
                key.trim_start()
                    .strip_prefix('"')
                    .and_then(|rest| rest.split('"').next()),
            );
        }
    }
    codes.retain(|code| {
        code.bytes()
            .all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'.')
    });
    assert!(codes.len() > 60, "{}: {codes:?}", codes.len());
    let listed = cells(PAGE, 0);
    let missing: Vec<_> = codes.difference(&listed).collect();
    assert!(
        missing.is_empty(),
        "docs/errors.md does not list {missing:?}"
    );
}
