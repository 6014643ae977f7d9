//! Every enum of the list goes out as its word, and comes in however clients write it. And none is missing from the list.

use super::{ENUMS, EXPECTED, Everything};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn every_value_goes_out_as_its_word() {
    let written = serde_json::to_value(Everything).unwrap_or_default();
    for known in ENUMS {
        let words: Vec<_> = known.words.iter().map(|(word, _)| *word).collect();
        assert_eq!(written[known.name], json!(words), "{}", known.name);
        let different: BTreeSet<_> = words.iter().map(|word| word.to_lowercase()).collect();
        assert_eq!(different.len(), words.len(), "{}", known.name);
        assert!(
            words
                .iter()
                .all(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
        );
    }
}

#[test]
fn every_value_is_read_in_any_case_and_by_its_number_where_it_has_one() {
    for known in ENUMS {
        for (word, number) in known.words {
            for spelling in [(*word).to_owned(), word.to_uppercase(), format!(" {word} ")] {
                assert_eq!((known.read)(Value::String(spelling)), Ok(*word));
            }
            // Two words may share a number; the first is meant.
            let first = known.words.iter().find(|(_, other)| other == number);
            let first = first.map(|(word, _)| *word).ok_or(());
            for spelling in [json!(number), json!(number.to_string())] {
                let read = (known.read)(spelling).map_err(drop);
                if known.source.is_empty() {
                    assert_eq!(read, Err(()), "{}: ours has no numbers", known.name);
                } else {
                    assert_eq!(read, first, "{} {number}", known.name);
                }
            }
        }
    }
}

#[test]
fn what_is_no_word_is_answered_with_the_words_and_without_itself() {
    for known in ENUMS {
        for bad in [
            json!("hunter2"),
            json!(""),
            json!("12345"),
            json!(12345),
            json!("1.0"),
        ] {
            let Err(text) = (known.read)(bad.clone()) else {
                panic!("{} took {bad}", known.name)
            };
            assert!(text.starts_with(EXPECTED), "{text}");
            assert!(text.contains(known.words[0].0) && !text.contains("hunter2"));
        }
        for bad in [json!(null), json!(true), json!([]), json!({}), json!(1.5)] {
            assert!(
                (known.read)(bad.clone()).is_err(),
                "{} took {bad}",
                known.name
            );
        }
    }
}

#[test]
fn flags_are_read_as_lists_and_as_sums() {
    use super::{SecureFileActionFilter as Filter, WireEnum as _};
    for (text, bits) in [
        ("", 0),
        ("None", 0),
        ("use", 16),
        ("16", 16),
        ("Manage, Use", 18),
        ("18", 18),
        ("2,USE", 18),
    ] {
        assert_eq!(Filter::read_flags(text).ok(), Some(bits), "{text}");
    }
    for bad in ["view", "1", "-2", "use;manage", "use,view", "99999999999"] {
        assert!(Filter::read_flags(bad).is_err(), "{bad}");
    }
}

/// Members that are texts in the original too, or ours, although their names are those of enums elsewhere.
const TEXTS: &[&str] = &[
    // Types of resources, of timeline records, of logs, of audited things: texts there as well.
    "permissions.rs kind",
    "builds.rs kind",
    "tasks.rs kind",
    // The agent's own protocol; the server reads them with the enums of the timeline.
    "agent.rs state",
    "agent.rs result",
    // Ours.
    "access.rs reason",
    "audit.rs kind",
    "break_glass.rs reason",
    "break_glass.rs state",
    "coffer.rs kind",
    "coffer.rs outcome",
    "envelope.rs result",
    "keys.rs reason",
    "keys.rs state",
    "streams.rs kind",
];

/// An enum that is not in the list would go out as a text whatever a client asks for. So a member with the name of one
/// is an enum, or stands above with its reason.
#[test]
fn no_member_with_the_name_of_an_enum_is_a_text() {
    let names = [
        "state",
        "status",
        "result",
        "reason",
        "priority",
        "visibility",
        "access",
        "kind",
        "outcome",
        "direction",
        "query_order",
        "deployment_type",
    ];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let mut found = BTreeSet::new();
    for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file.path()).unwrap_or_default();
        for line in text.lines() {
            let Some((member, kind)) = line.trim().trim_start_matches("pub ").split_once(": ")
            else {
                continue;
            };
            if names.contains(&member) && ["String,", "Option<String>,"].contains(&kind) {
                found.insert(format!("{name} {member}"));
            }
        }
    }
    let known: BTreeSet<_> = TEXTS.iter().map(|text| (*text).to_owned()).collect();
    let unknown: Vec<_> = found.difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "make these enums of `enums.rs`: {unknown:?}"
    );
    let stale: Vec<_> = known.difference(&found).collect();
    assert!(stale.is_empty(), "no such texts any more: {stale:?}");
}
