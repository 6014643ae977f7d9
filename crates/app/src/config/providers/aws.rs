//! AWS KMS: what is configured of it.

use crate::config::Problem;
use crate::config::build::problem;
use crate::config::layers::Settings;
use coffer_keys::aws::{self, Credential};
use std::path::PathBuf;
use std::time::Duration;

/// What the configuration says of it.
pub(super) fn settings(settings: &Settings, problems: &mut Vec<Problem>) -> Option<aws::Settings> {
    let given = |name: &str| {
        let setting = settings.get(name);
        Some(setting.text.to_string()).filter(|text| !text.is_empty())
    };
    let role = given("keys.aws.lifecycle.role");
    let profile = given("keys.aws.lifecycle.profile");
    if role.is_some() && profile.is_some() {
        problems.push(problem(
            settings.get("keys.aws.lifecycle.role"),
            "`keys.aws.lifecycle.role` and `keys.aws.lifecycle.profile` are both set",
            "set one of them; a profile may itself name a role",
        ));
        return None;
    }
    let seconds: u64 = settings
        .get("keys.aws.patience_seconds")
        .text
        .parse()
        .ok()?;
    Some(aws::Settings {
        region: given("keys.aws.region"),
        endpoint: given("keys.aws.endpoint"),
        daily: given("keys.aws.profile").map_or(Credential::Chain, Credential::Profile),
        lifecycle: role
            .map(Credential::Role)
            .or(profile.map(Credential::Profile)),
        credentials_file: given("keys.aws.credentials_file").map(PathBuf::from),
        patience: Duration::from_secs(seconds),
    })
}
