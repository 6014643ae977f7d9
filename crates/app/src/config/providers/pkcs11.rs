//! Tokens by PKCS#11: what the configuration says of them.

use crate::config::Problem;
use crate::config::build::problem;
use crate::config::layers::Settings;
use coffer_keys::pkcs11;
use std::time::Duration;

/// What the configuration says of it.
pub(super) fn settings(
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Option<pkcs11::Settings> {
    let text = |name: &str| settings.get(name).text.as_str().to_owned();
    let before = problems.len();
    for (name, what) in [
        ("keys.pkcs11.module", "name the module by its whole path"),
        ("keys.pkcs11.token", "set it to the token's label"),
        ("keys.pkcs11.pin_file", "name the file with the user's PIN"),
    ] {
        let setting = settings.get(name);
        if setting.text.is_empty() {
            problems.push(problem(setting, format!("`{name}` is empty"), what));
        }
    }
    if problems.len() > before {
        return None;
    }
    Some(pkcs11::Settings {
        prefix: text("keys.pkcs11.prefix"),
        lifecycle: text("keys.pkcs11.lifecycle") == "true",
        deadline: Duration::from_secs(text("keys.pkcs11.deadline_seconds").parse().ok()?),
        ..pkcs11::Settings::new(
            text("keys.pkcs11.module"),
            text("keys.pkcs11.token"),
            text("keys.pkcs11.pin_file"),
        )
    })
}
