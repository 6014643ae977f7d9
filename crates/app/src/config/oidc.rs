//! What `[oidc]` means: the provider of sign-in, and the rules for who comes from it. It must not ask the provider.

use super::Problem;
use super::build::problem;
use super::layers::{Setting, Settings};
use coffer_service::{Admit, GroupRule, ProviderOptions, ProviderSettings};
use std::time::Duration;

/// The longest the provider may take for one answer: a person waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The provider; none where none is configured.
pub(super) fn provider(
    settings: &Settings,
    public_url: Option<&str>,
    problems: &mut Vec<Problem>,
) -> Option<ProviderOptions> {
    let get = |name: &str| settings.get(name);
    let text = |name: &str| settings.get(name).text.as_str().trim().to_owned();
    let issuer = get("oidc.issuer");
    if text("oidc.issuer").is_empty() {
        return None;
    }
    if public_url.is_none() {
        problems.push(problem(
            issuer,
            "`oidc.issuer` is set, but not the address that the provider sends people back to",
            "set `server.public_url`",
        ));
    }
    let words = |name: &str| -> Vec<String> {
        text(name)
            .split([' ', ','])
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let secret = &get("oidc.client_secret").text;
    let groups = groups(get("oidc.groups"), problems);
    let admit = match text("oidc.admit").as_str() {
        "domains" => Admit::Domains(words("oidc.domains")),
        "groups" => Admit::Groups(parts(&text("oidc.admit_groups"))),
        _ => Admit::Known,
    };
    let empty = match &admit {
        Admit::Known => None,
        Admit::Domains(domains) => domains.is_empty().then_some("oidc.domains"),
        Admit::Groups(groups) => groups.is_empty().then_some("oidc.admit_groups"),
    };
    if let Some(name) = empty {
        problems.push(problem(
            get("oidc.admit"),
            format!("`{name}` is empty, so nobody would be let in"),
            "list somebody, or set `oidc.admit` to `known`",
        ));
    }
    let options = ProviderOptions {
        settings: ProviderSettings {
            issuer: text("oidc.issuer"),
            client_id: text("oidc.client_id"),
            client_secret: (!secret.is_empty()).then(|| secret.clone()),
            scopes: words("oidc.scopes"),
            name_claim: text("oidc.name_claim"),
            groups_claim: text("oidc.groups_claim"),
            wants_groups: !groups.is_empty() || matches!(admit, Admit::Groups(_)),
            algorithms: words("oidc.algorithms"),
            skew_seconds: text("oidc.skew_seconds").parse().ok()?,
        },
        label: text("oidc.label"),
        admit,
        bind_known: text("oidc.bind_known") == "verified_email",
        groups,
        patience: PATIENCE,
    };
    if let Err(error) = options.check() {
        problems.push(problem(
            issuer,
            format!("the provider of `[oidc]` cannot be used: {error}"),
            "docs/openid-connect.md says what each value is",
        ));
    }
    Some(options)
}

fn parts(text: &str) -> Vec<String> {
    text.split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// `claim = [Project]\\Group; claim = Group`.
fn groups(setting: &Setting, problems: &mut Vec<Problem>) -> Vec<GroupRule> {
    let mut rules = Vec::new();
    for part in parts(&setting.text) {
        let rule = part.rsplit_once('=').and_then(|(claim, target)| {
            let (claim, target) = (claim.trim(), target.trim());
            let (project, group) = match target.strip_prefix('[') {
                Some(rest) => {
                    let (project, group) = rest.split_once("]\\")?;
                    (Some(project.to_owned()), group)
                }
                None => (None, target),
            };
            let good = !claim.is_empty()
                && !group.is_empty()
                && project.as_deref().is_none_or(|project| !project.is_empty());
            good.then(|| GroupRule {
                claim: claim.to_owned(),
                project,
                group: group.to_owned(),
            })
        });
        match rule {
            Some(rule) => rules.push(rule),
            None => problems.push(problem(
                setting,
                "a part of `oidc.groups` cannot be read",
                r"write it like `devs = [Main]\Contributors; ops = Project Collection Administrators`",
            )),
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use crate::config::{Inputs, load};
    use coffer_service::{Admit, ProviderOptions};
    use std::collections::BTreeMap;

    fn read(pairs: &[(&str, &str)]) -> Result<Option<ProviderOptions>, String> {
        let mut environment = BTreeMap::from([("HOME".to_owned(), "/home/x".to_owned())]);
        for (name, value) in pairs {
            environment.insert((*name).to_owned(), (*value).to_owned());
        }
        let inputs = Inputs {
            environment,
            build: "1".into(),
            ..Inputs::default()
        };
        match load(&inputs) {
            Ok(loaded) => {
                let shown = format!("{:?}{:?}", loaded.entries, loaded.config);
                assert!(!shown.contains("hush"), "a secret is shown: {shown}");
                Ok(loaded.config.provider)
            }
            Err(broken) => {
                let all: Vec<_> = broken.problems.iter().map(ToString::to_string).collect();
                Err(all.join("\n"))
            }
        }
    }

    const GOOD: &[(&str, &str)] = &[
        ("COFFER_SERVER__PUBLIC_URL", "https://coffer.example"),
        ("COFFER_OIDC__ISSUER", "https://id.example/realm"),
        ("COFFER_OIDC__CLIENT_ID", "coffer"),
        ("COFFER_OIDC__CLIENT_SECRET", "hush"),
    ];

    fn with(more: &[(&str, &str)]) -> Result<Option<ProviderOptions>, String> {
        read(&[GOOD, more].concat())
    }

    #[test]
    fn without_an_issuer_there_is_no_provider() {
        assert!(read(&[]).unwrap().is_none());
    }

    #[test]
    fn a_provider_is_read_whole_and_its_secret_is_not_shown() {
        let found = with(&[
            (
                "COFFER_OIDC__GROUPS",
                r"a b = [Pay Desk]\Contributors; ops=Project Collection Administrators;",
            ),
            ("COFFER_OIDC__ADMIT", "domains"),
            ("COFFER_OIDC__DOMAINS", "example.com, example.org"),
        ]);
        let found = found.unwrap().unwrap();
        assert_eq!(found.groups.len(), 2);
        assert_eq!(found.groups[0].claim, "a b");
        assert_eq!(found.groups[0].project.as_deref(), Some("Pay Desk"));
        assert_eq!(found.groups[0].group, "Contributors");
        assert_eq!(found.groups[1].project, None);
        assert_eq!(
            found.admit,
            Admit::Domains(vec!["example.com".into(), "example.org".into()])
        );
        assert!(found.settings.wants_groups && found.bind_known);
        assert_eq!(found.settings.client_secret.unwrap().as_str(), "hush");
    }

    #[test]
    fn what_cannot_be_trusted_is_refused_at_the_start() {
        for (name, value, said) in [
            ("COFFER_OIDC__ISSUER", "http://id.example", "https"),
            ("COFFER_OIDC__ALGORITHMS", "RS256 HS256", "HS256"),
            ("COFFER_OIDC__ALGORITHMS", "none", "none"),
            ("COFFER_OIDC__SKEW_SECONDS", "61", "60"),
            ("COFFER_OIDC__CLIENT_ID", "", "client id"),
            ("COFFER_OIDC__ADMIT", "domains", "nobody"),
            ("COFFER_OIDC__GROUPS", "devs", "oidc.groups"),
            ("COFFER_SERVER__PUBLIC_URL", "", "public_url"),
        ] {
            let refused = with(&[(name, value)]).unwrap_err();
            assert!(refused.contains(said), "{name}={value}: {refused}");
        }
    }
}
