//! Whatever a client does to a path that means nothing, the route stays the one it meant.

use super::*;
use coffer_wire::paths::{access, builds, graph, location, pipelines, roles, secure_files};
use proptest::prelude::*;

const TEMPLATES: &[&str] = &[
    secure_files::COLLECTION,
    secure_files::ITEM,
    pipelines::RUN,
    builds::LOG,
    roles::ASSIGNMENT,
    graph::MEMBERSHIP,
    location::CONNECTION_DATA,
    access::FILE_FREEZE,
];

/// How each character of a segment is written: as it is, in another case, escaped.
fn spelled(text: &str, literal: bool, choices: &[u8]) -> String {
    let mut out = String::new();
    for (place, letter) in text.chars().enumerate() {
        let choice = choices[place % choices.len()];
        let letter = match choice % 3 {
            0 if literal => letter.to_ascii_uppercase(),
            1 if literal => letter.to_ascii_lowercase(),
            _ => letter,
        };
        let plain = letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '~');
        if plain && choice < 200 {
            out.push(letter);
            continue;
        }
        let mut bytes = [0; 4];
        for byte in letter.encode_utf8(&mut bytes).bytes() {
            let escape = match choice % 2 {
                0 => format!("%{byte:02X}"),
                _ => format!("%{byte:02x}"),
            };
            out.push_str(&escape);
        }
    }
    out
}

/// What the table is to be asked, made without the normalizer: the template with its values, escaped one way.
fn meant(template: &str, values: &[String]) -> String {
    let mut values = values.iter();
    let mut path = String::new();
    for part in template.split('/') {
        path.push('/');
        if !part.starts_with('{') {
            path.push_str(part);
            continue;
        }
        for byte in values.next().map_or("", String::as_str).bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                    path.push(char::from(byte));
                }
                _ => path.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    path
}

proptest! {
    #[test]
    fn every_spelling_of_a_path_means_the_same(
        template in proptest::sample::select(TEMPLATES),
        values in proptest::collection::vec("[^\\p{Cc}/\\\\.]{1,12}", 6),
        choices in proptest::collection::vec(any::<u8>(), 1..40),
        slashes in proptest::collection::vec(1..4_usize, 1..12),
        prefixed in any::<bool>(),
        trailing in 0..3_usize,
    ) {
        let normalizer = Normalizer::new("DefaultCollection", "/tfs", TEMPLATES.iter().copied());
        let mut values_left = values.iter();
        let mut segments = Vec::new();
        if prefixed {
            segments.push(spelled("tfs", true, &choices));
        }
        segments.push(spelled("DefaultCollection", true, &choices));
        for part in template.split('/') {
            segments.push(match part.starts_with('{') {
                true => spelled(values_left.next().unwrap(), false, &choices),
                false => spelled(part, true, &choices),
            });
        }
        let mut raw = String::new();
        for (place, segment) in segments.iter().enumerate() {
            raw.push_str(&"/".repeat(slashes[place % slashes.len()]));
            raw.push_str(segment);
        }
        raw.push_str(&"/".repeat(trailing));
        let found = normalizer.canonical(&raw).map(|canonical| canonical.path);
        prop_assert_eq!(found.ok(), Some(meant(template, &values)), "{}", raw);
    }

    #[test]
    fn no_bytes_make_it_fall_over(raw in "\\PC{0,60}", escaped in proptest::collection::vec(any::<u8>(), 0..20)) {
        let normalizer = Normalizer::new("DefaultCollection", "/tfs", TEMPLATES.iter().copied());
        let escaped: String = escaped.iter().map(|byte| format!("%{byte:02x}")).collect();
        for path in [raw.clone(), format!("/DefaultCollection/{escaped}/_apis/connectionData"), format!("/{raw}/{escaped}")] {
            if let Ok(canonical) = normalizer.canonical(&path) {
                prop_assert!(canonical.path.starts_with('/'));
                prop_assert!(!canonical.path.contains("//"), "{}", canonical.path);
            }
        }
    }
}
