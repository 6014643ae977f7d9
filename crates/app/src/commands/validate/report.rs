//! What was found in a pipeline, for terminals, editors and code scanning.

use super::folder::Folder;
use coffer_pipeline::{Diagnostic, Location};
use serde_json::{Value, json};
use std::path::Path;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Error,
    Warning,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// `file:line:column: error: what`, the line with a mark below it, and what to do. Editors find the place by the first line.
pub(super) fn text(level: Level, found: &Diagnostic, folder: &Folder, here: &Path) -> Vec<String> {
    let mut lines = vec![format!(
        "{}:{}:{}: {}: {}",
        folder.shown(&found.file, here),
        found.line,
        found.column,
        level.word(),
        found.message
    )];
    if let Some(excerpt) = &found.excerpt {
        let number = found.line.to_string();
        let margin = " ".repeat(number.len());
        let before = " ".repeat(usize::try_from(excerpt.caret).unwrap_or_default());
        lines.push(format!("  {number} | {}", excerpt.text));
        lines.push(format!("  {margin} | {before}^"));
    }
    lines.extend(found.hint.iter().map(|hint| format!("  hint: {hint}")));
    lines.extend(found.used_at.iter().map(|place| {
        let file = folder.shown(&place.file, here);
        format!("  used at {file}:{}:{}", place.line, place.column)
    }));
    lines
}

/// The same for programs, with files as they are on this machine.
pub(super) fn value(found: &Diagnostic, folder: &Folder, here: &Path) -> Value {
    let mut found = found.clone();
    found.file = folder.shown(&found.file, here);
    for place in &mut found.used_at {
        place.file = folder.shown(&place.file, here);
    }
    serde_json::to_value(found).unwrap_or_default()
}

/// SARIF 2.1.0.
pub(super) fn sarif(
    found: &[(Level, &Diagnostic)],
    folder: &Folder,
    here: &Path,
    version: &str,
) -> Value {
    let mut rules: Vec<String> = found.iter().map(|(_, found)| code(found)).collect();
    rules.sort();
    rules.dedup();
    let results: Vec<Value> = found
        .iter()
        .map(|(level, found)| result(*level, found, folder, here))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "coffer",
                "version": version,
                "rules": rules.iter().map(|id| json!({"id": id})).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn code(found: &Diagnostic) -> String {
    let code = serde_json::to_value(found.code).unwrap_or_default();
    code.as_str().unwrap_or("pipeline").to_owned()
}

fn result(level: Level, found: &Diagnostic, folder: &Folder, here: &Path) -> Value {
    let text = match &found.hint {
        Some(hint) => format!("{} ({hint})", found.message),
        None => found.message.clone(),
    };
    let place = Location {
        file: found.file.clone(),
        line: found.line,
        column: found.column,
    };
    let related: Vec<Value> = found
        .used_at
        .iter()
        .map(|place| {
            let mut location = location(place, folder, here);
            location["message"] = json!({"text": "used here"});
            location
        })
        .collect();
    let mut result = json!({
        "ruleId": code(found),
        "level": level.word(),
        "message": {"text": text},
        "locations": [location(&place, folder, here)],
    });
    if !related.is_empty() {
        result["relatedLocations"] = related.into();
    }
    result
}

fn location(place: &Location, folder: &Folder, here: &Path) -> Value {
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&folder.shown(&place.file, here))},
        "region": {"startLine": place.line, "startColumn": place.column},
    }})
}

/// A path as a relative reference.
fn uri(path: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
