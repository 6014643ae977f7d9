//! Azure Key Vault: what is configured of it.

use crate::config::Problem;
use crate::config::build::problem;
use crate::config::layers::Settings;
use coffer_keys::azure::{self, Credential};
use std::path::PathBuf;
use std::time::Duration;

/// What the configuration says of it.
pub(super) fn settings(
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Option<azure::Settings> {
    let before = problems.len();
    let text = |name: &str| settings.get(name).text.to_string();
    let given = |name: &str| Some(text(name)).filter(|text| !text.is_empty());
    let number = |name: &str| text(name).parse::<u32>().ok();
    if !text("keys.azure.vault").starts_with("https://") {
        problems.push(problem(
            settings.get("keys.azure.vault"),
            "`keys.azure.vault` is not an address that begins with https://",
            "write the vault's address, such as https://NAME.vault.azure.net",
        ));
    }
    if !matches!(number("keys.azure.key_size"), Some(2048 | 3072 | 4096)) {
        problems.push(problem(
            settings.get("keys.azure.key_size"),
            "`keys.azure.key_size` is not a size that the vault makes",
            "write 2048, 3072 or 4096",
        ));
    }
    let daily = credential("keys.azure", settings, problems);
    let lifecycle = match text("keys.azure.lifecycle.credential").as_str() {
        "none" => None,
        _ => credential("keys.azure.lifecycle", settings, problems),
    };
    if problems.len() > before {
        return None;
    }
    Some(azure::Settings {
        vault: text("keys.azure.vault"),
        daily: daily?,
        lifecycle,
        authority: given("keys.azure.authority"),
        ca_file: given("keys.azure.ca_file").map(PathBuf::from),
        key_size: number("keys.azure.key_size")?,
        hardware: text("keys.azure.hardware") == "true",
        patience: Duration::from_secs(number("keys.azure.patience_seconds")?.into()),
    })
}

fn credential(
    section: &str,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Option<Credential> {
    let given = |name: &str| {
        let setting = settings.get(&format!("{section}.{name}"));
        Some(setting.text.to_string()).filter(|text| !text.is_empty())
    };
    let path = |name: &str| given(name).map(PathBuf::from);
    let kind = settings.get(&format!("{section}.credential"));
    match kind.text.as_str() {
        "managed-identity" => Some(Credential::ManagedIdentity {
            client_id: given("client_id"),
        }),
        "workload-identity" => Some(Credential::WorkloadIdentity {
            tenant: given("tenant"),
            client_id: given("client_id"),
            token_file: path("token_file"),
        }),
        _ => {
            let all = (given("tenant"), given("client_id"), path("secret_file"));
            let (Some(tenant), Some(client_id), Some(secret_file)) = all else {
                problems.push(problem(
                    kind,
                    format!(
                        "`{section}.credential` is a client secret, and not all of it is there"
                    ),
                    &format!(
                        "set `{section}.tenant`, `{section}.client_id` and `{section}.secret_file`"
                    ),
                ));
                return None;
            };
            Some(Credential::ClientSecret {
                tenant,
                client_id,
                secret_file,
            })
        }
    }
}
