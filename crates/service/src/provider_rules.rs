//! Who may come from a provider, and as whom: rules over verified claims. Pure; it must not know the store.

use coffer_model::name;
use coffer_oidc::{Settings, SettingsError, Verified};
use std::fmt;
use std::time::Duration;

/// Who is let in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Admit {
    /// People that are known here.
    Known,
    /// Known people, and whoever has a verified e-mail address of one of these domains.
    Domains(Vec<String>),
    /// Members of one of these groups of the provider, and nobody else, known or not.
    Groups(Vec<String>),
}

/// A group of the provider that stands for one here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupRule {
    /// The provider's name for it.
    pub claim: String,
    /// The project of the group here; none for one of the organization.
    pub project: Option<String>,
    /// The group's name here.
    pub group: String,
}

/// The provider and the rules for who comes from it.
#[derive(Clone)]
pub struct ProviderOptions {
    /// The issuer, and how it is trusted.
    pub settings: Settings,
    /// What the page calls it.
    pub label: String,
    /// Who is let in.
    pub admit: Admit,
    /// Whether a person who is known here is bound to the subject with the verified e-mail address that is the
    /// person's name here.
    pub bind_known: bool,
    /// Groups that follow the provider's.
    pub groups: Vec<GroupRule>,
    /// The longest the provider may take for one answer.
    pub patience: Duration,
}

impl fmt::Debug for ProviderOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProviderOptions")
            .field(&self.settings)
            .finish()
    }
}

impl ProviderOptions {
    /// Whether the options hold.
    ///
    /// # Errors
    /// The first thing that is wrong with the settings.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.settings.check()
    }
}

/// The rules, read for one person.
pub(crate) struct Reader<'a> {
    rules: &'a ProviderOptions,
    verified: &'a Verified,
}

impl<'a> Reader<'a> {
    pub(crate) fn of(rules: &'a ProviderOptions, verified: &'a Verified) -> Self {
        Self { rules, verified }
    }

    fn says(&self, group: &str) -> bool {
        let groups = self.verified.groups.as_deref().unwrap_or_default();
        groups.iter().any(|said| said == group)
    }

    /// Where a group lets people in, it must still do so, for whomever.
    pub(crate) fn still_admitted(&self) -> bool {
        match &self.rules.admit {
            Admit::Known | Admit::Domains(_) => true,
            Admit::Groups(groups) => groups.iter().any(|group| self.says(group)),
        }
    }

    /// The sign-in name that the provider gives.
    pub(crate) fn name(&self) -> Option<&'a str> {
        self.verified
            .name
            .as_deref()
            .filter(|name| name::is_fit(name))
    }

    /// The name that people see.
    pub(crate) fn display_name(&self, unique_name: &str) -> String {
        let shown = self.verified.display_name.as_deref();
        shown
            .filter(|name| name::is_fit(name))
            .unwrap_or(unique_name)
            .to_owned()
    }

    pub(crate) fn binds_known(&self) -> bool {
        self.rules.bind_known
    }

    /// Whether a name is the e-mail address that the provider has verified.
    pub(crate) fn is_verified_address(&self, unique_name: &str) -> bool {
        self.verified.email_verified
            && unique_name.contains('@')
            && self
                .verified
                .email
                .as_deref()
                .is_some_and(|email| name::key(email) == name::key(unique_name))
    }

    /// Whether somebody who is not known here may come in under this name.
    pub(crate) fn admits_new(&self, unique_name: &str) -> Result<(), &'static str> {
        match &self.rules.admit {
            Admit::Known => return Err("unknown_person"),
            Admit::Domains(domains) => {
                if !self.verified.email_verified {
                    return Err("email_not_verified");
                }
                let email = self.verified.email.as_deref().unwrap_or_default();
                let domain = email.rsplit_once('@').map(|(_, domain)| domain);
                let listed = domain.is_some_and(|domain| {
                    domains
                        .iter()
                        .any(|known| known.eq_ignore_ascii_case(domain))
                });
                if !listed {
                    return Err("not_admitted");
                }
            }
            Admit::Groups(_) => {}
        }
        // Nobody is given the address of somebody else as a name.
        if unique_name.contains('@') && !self.is_verified_address(unique_name) {
            return Err("email_not_verified");
        }
        Ok(())
    }

    /// The rules of the groups that the provider names.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &'a GroupRule> {
        let Self { rules, verified } = *self;
        let said = verified.groups.as_deref().unwrap_or_default();
        rules
            .groups
            .iter()
            .filter(move |rule| said.contains(&rule.claim))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(admit: Admit) -> ProviderOptions {
        ProviderOptions {
            settings: Settings {
                issuer: "https://id.example".into(),
                client_id: "coffer".into(),
                client_secret: Some("hush".to_owned().into()),
                scopes: Vec::new(),
                name_claim: "email".into(),
                groups_claim: "groups".into(),
                wants_groups: true,
                algorithms: vec!["RS256".into()],
                skew_seconds: 60,
            },
            label: "Example".into(),
            admit,
            bind_known: true,
            groups: vec![GroupRule {
                claim: "devs".into(),
                project: Some("Pay Desk".into()),
                group: "Contributors".into(),
            }],
            patience: Duration::from_secs(1),
        }
    }

    fn verified(email: &str, email_verified: bool, groups: &[&str]) -> Verified {
        Verified {
            issuer: "https://id.example".into(),
            subject: "1".into(),
            name: Some(email.into()),
            display_name: None,
            email: Some(email.into()),
            email_verified,
            groups: Some(groups.iter().map(|group| (*group).to_owned()).collect()),
            auth_time: None,
        }
    }

    #[test]
    fn a_domain_lets_in_verified_addresses_of_exactly_that_domain() {
        let rules = options(Admit::Domains(vec!["example.com".into()]));
        let asked = |email: &str, good| {
            let verified = verified(email, good, &[]);
            Reader::of(&rules, &verified).admits_new(email)
        };
        assert_eq!(asked("ann@example.com", true), Ok(()));
        assert_eq!(asked("ann@EXAMPLE.com", true), Ok(()));
        assert_eq!(asked("ann@example.com", false), Err("email_not_verified"));
        // Also under a name that is no address.
        let unverified = verified("ann@example.com", false, &[]);
        let reader = Reader::of(&rules, &unverified);
        assert_eq!(reader.admits_new("ann"), Err("email_not_verified"));
        for other in [
            "ann@evil-example.com",
            "ann@example.com.evil",
            "ann@example.com@evil",
            "ann",
        ] {
            assert_eq!(asked(other, true), Err("not_admitted"), "{other}");
        }
    }

    #[test]
    fn a_group_lets_in_its_members_and_takes_the_names_of_others_from_nobody() {
        let rules = options(Admit::Groups(vec!["staff".into()]));
        let in_group = verified("ann@example.com", true, &["staff"]);
        assert!(Reader::of(&rules, &in_group).still_admitted());
        let outside = verified("ann@example.com", true, &["Staff", "guests"]);
        assert!(!Reader::of(&rules, &outside).still_admitted());
        let unverified = verified("ann@example.com", false, &["staff"]);
        let reader = Reader::of(&rules, &unverified);
        assert_eq!(
            reader.admits_new("ann@example.com"),
            Err("email_not_verified")
        );
        assert_eq!(reader.admits_new("ann"), Ok(()));
    }

    #[test]
    fn only_the_verified_address_is_a_known_persons() {
        let rules = options(Admit::Known);
        let good = verified("Ann@Example.com", true, &["devs", "other"]);
        let reader = Reader::of(&rules, &good);
        assert!(reader.is_verified_address("ann@example.com"));
        assert!(!reader.is_verified_address("bob@example.com"));
        assert_eq!(reader.groups().count(), 1);
        assert_eq!(reader.admits_new("ann@example.com"), Err("unknown_person"));
        let bad = verified("ann@example.com", false, &[]);
        assert!(!Reader::of(&rules, &bad).is_verified_address("ann@example.com"));
    }

    #[test]
    fn nothing_shows_the_secret() {
        assert!(!format!("{:?}", options(Admit::Known)).contains("hush"));
    }
}
