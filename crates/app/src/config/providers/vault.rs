//! Vault and OpenBao: what the configuration says of them.

use crate::config::Problem;
use crate::config::build::problem;
use crate::config::layers::Settings;
use coffer_keys::vault::{self, SignIn};
use std::path::PathBuf;
use std::time::Duration;

/// What every pod has.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// What the configuration says of it.
pub(super) fn settings(
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Option<vault::Settings> {
    let text = |name: &str| settings.get(name).text.as_str().trim().to_owned();
    let given = |name: &str| Some(text(name)).filter(|text| !text.is_empty());
    let address = given("keys.vault.address");
    if address.is_none() {
        problems.push(problem(
            settings.get("keys.vault.address"),
            "`keys.vault.address` is empty",
            "set it to the vault's address, such as https://vault.example:8200",
        ));
    }
    let daily = sign_in("keys.vault", settings, problems);
    let lifecycle = match given("keys.vault.lifecycle.auth") {
        None => None,
        Some(_) => Some(sign_in("keys.vault.lifecycle", settings, problems)?),
    };
    Some(vault::Settings {
        address: address?,
        namespace: given("keys.vault.namespace"),
        ca_file: given("keys.vault.ca_file").map(PathBuf::from),
        mount: text("keys.vault.mount"),
        prefix: text("keys.vault.prefix"),
        notes_mount: given("keys.vault.notes_mount"),
        deadline: Duration::from_secs(text("keys.vault.deadline_seconds").parse().ok()?),
        daily: daily?,
        lifecycle,
    })
}

/// One of the two credentials.
fn sign_in(section: &str, settings: &Settings, problems: &mut Vec<Problem>) -> Option<SignIn> {
    let setting = |key: &str| settings.get(&format!("{section}.{key}"));
    let text = |key: &str| setting(key).text.as_str().trim().to_owned();
    let (auth, role, file) = (text("auth"), text("role"), text("secret_file"));
    let mut needed = |key: &str, what: &str| {
        problems.push(problem(
            setting(key),
            format!("`{section}.{key}` is empty"),
            &format!("{what}; `{section}.auth` is `{auth}`"),
        ));
    };
    if file.is_empty() && auth != "kubernetes" {
        needed("secret_file", "name the file with the token or secret id");
        return None;
    }
    if role.is_empty() && auth != "token" {
        needed("role", "name the role");
        return None;
    }
    let file = match file.is_empty() {
        true => PathBuf::from(SERVICE_ACCOUNT),
        false => PathBuf::from(file),
    };
    let mount = Some(text("auth_mount")).filter(|mount| !mount.is_empty());
    let mount = mount.unwrap_or_else(|| auth.clone());
    Some(match auth.as_str() {
        "approle" => SignIn::AppRole {
            mount,
            role_id: role,
            secret_id_file: file,
        },
        "kubernetes" => SignIn::Kubernetes {
            mount,
            role,
            token_file: file,
        },
        "jwt" => SignIn::Jwt {
            mount,
            role,
            token_file: file,
        },
        _ => SignIn::Token { file },
    })
}

#[cfg(test)]
mod tests {
    use crate::config::{Inputs, ProviderSettings, load};
    use coffer_keys::vault::{Settings, SignIn};

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        let mut environment = vec![("HOME", "/home/ada"), ("COFFER_KEYS__PROVIDER", "vault")];
        environment.extend(pairs);
        let inputs = Inputs {
            environment: environment
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            build: "1".into(),
            ..Inputs::default()
        };
        match load(&inputs) {
            Ok(loaded) => match loaded.config.keys.provider {
                ProviderSettings::Vault(settings) => Ok(*settings),
                other => panic!("{other:?}"),
            },
            Err(broken) => {
                let all: Vec<_> = broken.problems.iter().map(ToString::to_string).collect();
                Err(all.join("\n"))
            }
        }
    }

    #[test]
    fn both_credentials_and_everything_else_are_read() {
        let read = read(&[
            ("COFFER_KEYS__VAULT__ADDRESS", "https://vault.example"),
            ("COFFER_KEYS__VAULT__NOTES_MOUNT", "notes"),
            ("COFFER_KEYS__VAULT__DEADLINE_SECONDS", "7"),
            ("COFFER_KEYS__VAULT__AUTH", "kubernetes"),
            ("COFFER_KEYS__VAULT__ROLE", "daily"),
            ("COFFER_KEYS__VAULT__LIFECYCLE__AUTH", "approle"),
            ("COFFER_KEYS__VAULT__LIFECYCLE__AUTH_MOUNT", "teams/approle"),
            ("COFFER_KEYS__VAULT__LIFECYCLE__ROLE", "id"),
            ("COFFER_KEYS__VAULT__LIFECYCLE__SECRET_FILE", "/run/secret"),
        ])
        .unwrap();
        let daily = SignIn::Kubernetes {
            mount: "kubernetes".into(),
            role: "daily".into(),
            token_file: super::SERVICE_ACCOUNT.into(),
        };
        let expected = Settings {
            notes_mount: Some("notes".into()),
            deadline: std::time::Duration::from_secs(7),
            lifecycle: Some(SignIn::AppRole {
                mount: "teams/approle".into(),
                role_id: "id".into(),
                secret_id_file: "/run/secret".into(),
            }),
            ..Settings::new("https://vault.example", daily)
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_missing_is_named() {
        let address = ("COFFER_KEYS__VAULT__ADDRESS", "https://vault.example");
        let secret = ("COFFER_KEYS__VAULT__SECRET_FILE", "/run/token");
        for (given, missing) in [
            (vec![secret], "`keys.vault.address` is empty"),
            (vec![address], "`keys.vault.secret_file` is empty"),
            (
                vec![address, secret, ("COFFER_KEYS__VAULT__AUTH", "jwt")],
                "`keys.vault.role` is empty",
            ),
            (
                vec![
                    address,
                    secret,
                    ("COFFER_KEYS__VAULT__LIFECYCLE__AUTH", "token"),
                ],
                "`keys.vault.lifecycle.secret_file` is empty",
            ),
        ] {
            let told = read(&given).unwrap_err();
            assert!(told.contains(missing), "{missing}: {told}");
        }
        let least = read(&[address, secret]).unwrap();
        let token = SignIn::Token {
            file: "/run/token".into(),
        };
        assert_eq!(least, Settings::new("https://vault.example", token));
    }
}
