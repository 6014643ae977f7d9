//! What each command does. One file for each noun; arguments beside the code that reads them.

mod access;
pub(crate) mod agent;
pub(crate) mod anchor;
pub(crate) mod audit;
mod audit_stream;
mod audit_verify;
pub(crate) mod backup;
mod break_glass;
mod bundle;
pub(crate) mod completion;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
mod doctor_memory;
pub(crate) mod file;
mod file_update;
pub(crate) mod freeze;
pub(crate) mod group;
pub(crate) mod key;
mod key_enable;
mod key_move;
mod key_rotate;
mod key_test;
pub(crate) mod login;
mod on_host;
pub(crate) mod organization;
pub(crate) mod permission;
mod permits;
pub(crate) mod pipeline;
pub(crate) mod project;
pub(crate) mod purge_report;
pub(crate) mod recover;
pub(crate) mod role;
pub(crate) mod run;
mod secret_input;
pub(crate) mod serve;
mod shell;
mod start_values;
pub(crate) mod token;
pub(crate) mod user;
mod validate;
mod watch;

use crate::error::{CommandError, Exit};

/// "There is no such thing", with the names that come nearest.
fn not_found(what: &str, name: &str, known: impl IntoIterator<Item = String>) -> CommandError {
    let wanted = name.to_lowercase();
    let mut near: Vec<(usize, String)> = known
        .into_iter()
        .map(|known| {
            let distance = strsim::damerau_levenshtein(&wanted, &known.to_lowercase());
            (distance, known)
        })
        .filter(|(distance, _)| *distance <= (wanted.len() / 3).max(2))
        .collect();
    near.sort();
    let error = CommandError::new(
        Exit::NotFound,
        format!("there is no {what} '{name}' that you may see"),
    );
    match near.first() {
        Some((_, near)) => error.hint(format!("did you mean '{near}'?")),
        None => error.hint(format!("`coffer {} list` shows what there is", noun(what))),
    }
}

fn noun(what: &str) -> &str {
    what.rsplit(' ').next().unwrap_or(what)
}

/// A date of the wire, for people: `2025-01-10 12:24:46Z`.
fn short_date(date: &str) -> String {
    match (date.get(..10), date.get(10..11), date.get(11..19)) {
        (Some(day), Some("T"), Some(time)) if date.ends_with('Z') => format!("{day} {time}Z"),
        _ => date.to_owned(),
    }
}

/// A number of bytes, for people.
fn short_size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_dates_and_sizes() {
        assert_eq!(
            short_date("2025-01-10T12:24:46.1066667Z"),
            "2025-01-10 12:24:46Z"
        );
        assert_eq!(
            short_date("yesterday, at ten in the morning"),
            "yesterday, at ten in the morning"
        );
        assert_eq!(short_date("é"), "é");
        assert_eq!(short_size(1023), "1023 B");
        assert_eq!(short_size(1536), "1.5 KiB");
        assert_eq!(short_size(10 << 20), "10.0 MiB");
    }

    #[test]
    fn a_near_name_is_offered_and_a_far_one_is_not() {
        let known = || ["signing.p12".to_owned(), "other".to_owned()];
        let near = not_found("secure file", "Signing.p21", known());
        assert_eq!(near.hints, ["did you mean 'signing.p12'?"]);
        let far = not_found("secure file", "zzzz", known());
        assert_eq!(far.hints, ["`coffer file list` shows what there is"]);
        assert_eq!(far.exit, Exit::NotFound);
    }
}
