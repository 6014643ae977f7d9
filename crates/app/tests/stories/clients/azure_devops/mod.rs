//! `azure-devops` for Python: permissions, access control, people, projects, pipelines and builds. It has no method
//! for secure files.

mod directory;
mod permissions;
mod rights;
mod runs;

use super::text;
use serde_json::Value;

const VARIABLE: &str = "COFFER_TEST_PYTHON_AZURE_DEVOPS";

/// The one entry of a list for which this member is this.
#[track_caller]
fn one<'a>(list: &'a Value, member: &str, value: &str) -> &'a Value {
    let mut found = list.as_array().unwrap().iter();
    let found = found.find(|entry| entry[member] == value);
    found.unwrap_or_else(|| panic!("no {member} {value:?} in {list}"))
}
