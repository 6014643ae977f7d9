//! `docs/compatibility.md`: what the stories saw clients do, as one page.
//!
//! The stories write a row after each assertion that held; [`page`] puts the rows of a whole run into the text of
//! `docs/compatibility.in.md`. Nothing of it depends on the order in which stories run. What a client should do is not
//! known here.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::options::Options;

/// The test that write rows have this in their names; chosen by it, they are all there are.
const STORIES: &str = "clients::";
/// The package of these stories.
const PACKAGE: &str = "coffer-app";
/// Where the tables go.
const PLACE: &str = "<!-- tables -->\n";
const PAGE: &str = "docs/compatibility.md";
const TEXT: &str = "docs/compatibility.in.md";

/// Whether a run with these options plays every story that writes rows.
pub(super) fn complete(options: &Options) -> bool {
    let package = options.packages.is_empty() || options.packages.iter().any(|p| p == PACKAGE);
    let filter = options.filters.is_empty() || options.filters == [STORIES];
    package && filter
}

/// Whether this test, named in the file of the skips, writes rows.
pub(super) fn is_story(name: &str) -> bool {
    name.starts_with(STORIES)
}

/// Compares the page with the rows of this run, or writes it when `update` says so. False when it differs.
///
/// # Errors
/// When rows contradict each other, or a file cannot be read or written.
pub(super) fn check(root: &Path, rows: &Path, update: bool) -> anyhow::Result<bool> {
    let text =
        std::fs::read_to_string(root.join(TEXT)).with_context(|| format!("reading {TEXT}"))?;
    let wanted = page(&text, &read(rows)?)?;
    let found = std::fs::read_to_string(root.join(PAGE)).unwrap_or_default();
    if found == wanted {
        return Ok(true);
    }
    if update {
        std::fs::write(root.join(PAGE), wanted)?;
        println!("{PAGE} is written; read what changed");
        return Ok(true);
    }
    println!("{PAGE} is not what the clients did in this run:");
    for line in difference(&found, &wanted) {
        println!("  {line}");
    }
    println!("If that is right: `COFFER_UPDATE=1 cargo xtask test -p {PACKAGE} -- {STORIES}`");
    Ok(false)
}

/// What one story saw one client do.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    client: String,
    version: String,
    call: String,
    result: String,
}

/// All rows: files by their names, and each in the order in which its story wrote it.
fn read(folder: &Path) -> anyhow::Result<Vec<Row>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut files = entries.collect::<anyhow::Result<Vec<PathBuf>>>()?;
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        for line in std::fs::read_to_string(&file)?.lines() {
            let value: Value = serde_json::from_str(line)
                .with_context(|| format!("a row of {} is cut", file.display()))?;
            let member = |name: &str| {
                let text = value[name].as_str().map(str::to_owned);
                text.with_context(|| format!("{} has a row without {name}", file.display()))
            };
            rows.push(Row {
                client: member("client")?,
                version: member("version")?,
                call: member("call")?,
                result: member("result")?,
            });
        }
    }
    Ok(rows)
}

/// The whole page: one table for each client, one column for each version.
fn page(text: &str, rows: &[Row]) -> anyhow::Result<String> {
    let Some((before, after)) = text.split_once(PLACE) else {
        bail!("{TEXT} has no line `{}`", PLACE.trim());
    };
    ensure!(!rows.is_empty(), "no story wrote a row");
    let mut clients: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        clients.entry(&row.client).or_default().push(row);
    }
    let mut page = before.to_owned();
    for (client, rows) in clients {
        page.push_str(&table(client, &rows)?);
    }
    page.push_str(after);
    Ok(page)
}

fn table(client: &str, rows: &[&Row]) -> anyhow::Result<String> {
    let mut versions: Vec<&str> = rows.iter().map(|row| row.version.as_str()).collect();
    versions.sort_by(|one, other| by_number(one, other));
    versions.dedup();
    let mut calls: Vec<&str> = Vec::new();
    let mut results: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for row in rows {
        if !calls.contains(&row.call.as_str()) {
            calls.push(&row.call);
        }
        let earlier = results.insert((&row.call, &row.version), &row.result);
        if let Some(earlier) = earlier.filter(|earlier| *earlier != row.result) {
            let Row { call, result, .. } = row;
            bail!("two stories disagree on {call} of {client}: `{earlier}` and `{result}`");
        }
    }
    let mut table = format!("### {client}\n\n| call | {} |\n", versions.join(" | "));
    _ = writeln!(table, "| --- |{}", " --- |".repeat(versions.len()));
    for call in calls {
        _ = write!(table, "| {} |", cell(call));
        for version in &versions {
            let result = results.get(&(call, version)).copied().unwrap_or("not run");
            _ = write!(table, " {} |", cell(result));
        }
        table.push('\n');
    }
    table.push('\n');
    Ok(table)
}

/// Text that does not end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// `2.9` before `2.10`, and words by their letters.
fn by_number(one: &str, other: &str) -> Ordering {
    let parts = |version: &str| -> Vec<(Option<u64>, String)> {
        let parts = version.split(|c: char| !c.is_ascii_alphanumeric());
        parts
            .map(|part| (part.parse().ok(), part.to_owned()))
            .collect()
    };
    parts(one).cmp(&parts(other))
}

/// The lines that only one of the two has.
fn difference(found: &str, wanted: &str) -> Vec<String> {
    let only = |sign: char, these: &str, those: &str| {
        let those: Vec<&str> = those.lines().collect();
        let mine = these.lines().filter(|line| !those.contains(line));
        mine.map(|line| format!("{sign} {line}"))
            .collect::<Vec<_>>()
    };
    [only('-', found, wanted), only('+', wanted, found)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = "# Page\n\n<!-- tables -->\nThe end.\n";

    fn row(client: &str, version: &str, call: &str, result: &str) -> Row {
        let [client, version, call, result] = [client, version, call, result].map(str::to_owned);
        Row {
            client,
            version,
            call,
            result,
        }
    }

    #[test]
    fn versions_are_columns_and_what_was_not_run_says_so() {
        let rows = [
            row("b", "1", "get", "works"),
            row("a", "15.10.0", "list", "works"),
            row("a", "15.9.0", "list", "works"),
            row("a", "15.10.0", "x|y", "not yet: later"),
        ];
        let wanted = "# Page\n\n### a\n\n| call | 15.9.0 | 15.10.0 |\n| --- | --- | --- |\n\
                      | list | works | works |\n| x\\|y | not run | not yet: later |\n\n\
                      ### b\n\n| call | 1 |\n| --- | --- |\n| get | works |\n\nThe end.\n";
        assert_eq!(page(WORDS, &rows).unwrap(), wanted);
    }

    #[test]
    fn stories_may_agree_but_not_contradict() {
        let mut rows = vec![row("a", "1", "get", "works"), row("a", "1", "get", "works")];
        assert!(page(WORDS, &rows).is_ok());
        rows[1].result = "refused".to_owned();
        let error = page(WORDS, &rows).unwrap_err().to_string();
        assert!(error.contains("`works` and `refused`"), "{error}");
    }

    #[test]
    fn a_page_without_rows_or_place_is_an_error() {
        assert!(page(WORDS, &[]).is_err());
        assert!(page("# Page\n", &[row("a", "1", "get", "works")]).is_err());
    }

    #[test]
    fn only_a_run_of_all_stories_says_what_the_page_is() {
        let options = |packages: &[&str], filters: &[&str]| Options {
            packages: packages.iter().map(|text| (*text).to_owned()).collect(),
            filters: filters.iter().map(|text| (*text).to_owned()).collect(),
            ..Options::default()
        };
        assert!(complete(&options(&[], &[])));
        assert!(complete(&options(&["coffer-app"], &[])));
        assert!(complete(&options(&["coffer-app"], &["clients::"])));
        assert!(!complete(&options(&["coffer-store"], &[])));
        assert!(!complete(&options(&[], &["clients::node"])));
    }

    #[test]
    fn a_page_that_differs_fails_and_is_written_when_asked() {
        let root = std::env::temp_dir().join(format!("coffer-compat-{}", std::process::id()));
        let rows = root.join("rows");
        std::fs::create_dir_all(root.join("docs")).unwrap();
        std::fs::create_dir_all(&rows).unwrap();
        std::fs::write(root.join(TEXT), WORDS).unwrap();
        let line = r#"{"client":"a","version":"1","call":"get","result":"works"}"#;
        std::fs::write(rows.join("story.jsonl"), format!("{line}\n")).unwrap();
        assert!(!check(&root, &rows, false).unwrap());
        assert!(check(&root, &rows, true).unwrap());
        assert!(check(&root, &rows, false).unwrap());
        std::fs::write(rows.join("other.jsonl"), "{\"client\"").unwrap();
        assert!(check(&root, &rows, false).is_err());
        std::fs::remove_dir_all(root).unwrap();
    }
}
