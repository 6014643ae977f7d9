//! What an organization can decide for all its projects. It must not know where the settings are kept.

use std::fmt;

/// The longest life of a token that an organization can allow, days.
pub const MOST_TOKEN_DAYS: u32 = 365;

/// Who may create projects.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ProjectCreators {
    /// Those who administer the organization.
    #[default]
    Administrators,
    /// Every person of the organization.
    Everybody,
}

impl ProjectCreators {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Administrators => "administrators",
            Self::Everybody => "everybody",
        }
    }

    /// From the word, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Administrators, Self::Everybody]
            .into_iter()
            .find(|known| known.word().eq_ignore_ascii_case(word))
    }
}

/// The organization's switches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrganizationSettings {
    /// Whether a secure file may be open to all pipelines of its project.
    pub open_access_allowed: bool,
    /// Whether people may sign in with a password of ours.
    pub password_sign_in_allowed: bool,
    /// Who may create projects.
    pub project_creators: ProjectCreators,
    /// The longest life of a new token, days.
    pub max_token_days: u32,
}

impl Default for OrganizationSettings {
    fn default() -> Self {
        Self {
            open_access_allowed: true,
            password_sign_in_allowed: true,
            project_creators: ProjectCreators::default(),
            max_token_days: MOST_TOKEN_DAYS,
        }
    }
}

/// What to change of the switches; what is `None` stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SettingsChange {
    /// See [`OrganizationSettings`].
    pub open_access_allowed: Option<bool>,
    /// See [`OrganizationSettings`].
    pub password_sign_in_allowed: Option<bool>,
    /// See [`OrganizationSettings`].
    pub project_creators: Option<ProjectCreators>,
    /// See [`OrganizationSettings`].
    pub max_token_days: Option<u32>,
}

/// A change that makes no sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SettingsProblem {
    /// It changes nothing.
    Nothing,
    /// The life of tokens is out of range.
    TokenDays,
}

impl fmt::Display for SettingsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("The change names no setting. Give at least one."),
            Self::TokenDays => write!(
                f,
                "The longest life of a token is 1 to {MOST_TOKEN_DAYS} days."
            ),
        }
    }
}

impl SettingsChange {
    /// The settings that are stored as rows, as name and value, in the words of the audit log. Who creates projects is
    /// not among them: that is a right, and lies with the rights.
    pub fn stored(&self) -> Vec<(&'static str, String)> {
        [
            (
                "open_access_allowed",
                self.open_access_allowed.map(|on| on.to_string()),
            ),
            (
                "password_sign_in_allowed",
                self.password_sign_in_allowed.map(|on| on.to_string()),
            ),
            (
                "max_token_days",
                self.max_token_days.map(|days| days.to_string()),
            ),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }

    /// Whether it can be done.
    ///
    /// # Errors
    /// [`SettingsProblem`], with a text for whoever asked.
    pub fn check(&self) -> Result<(), SettingsProblem> {
        match self.max_token_days {
            Some(days) if days == 0 || days > MOST_TOKEN_DAYS => Err(SettingsProblem::TokenDays),
            _ if *self == Self::default() => Err(SettingsProblem::Nothing),
            _ => Ok(()),
        }
    }
}

impl OrganizationSettings {
    /// Takes a stored value in. False when name or value is not known.
    pub fn take(&mut self, name: &str, value: &str) -> bool {
        match name {
            "open_access_allowed" => value
                .parse()
                .map(|on| self.open_access_allowed = on)
                .is_ok(),
            "password_sign_in_allowed" => value
                .parse()
                .map(|on| self.password_sign_in_allowed = on)
                .is_ok(),
            "max_token_days" => value.parse().map(|days| self.max_token_days = days).is_ok(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let change = SettingsChange {
            open_access_allowed: Some(false),
            password_sign_in_allowed: Some(false),
            project_creators: None,
            max_token_days: Some(30),
        };
        assert_eq!(change.check(), Ok(()));
        let mut settings = OrganizationSettings::default();
        for (name, value) in change.stored() {
            assert!(settings.take(name, &value), "{name}");
        }
        assert_eq!(
            settings,
            OrganizationSettings {
                open_access_allowed: false,
                password_sign_in_allowed: false,
                max_token_days: 30,
                ..OrganizationSettings::default()
            }
        );
        assert!(!settings.take("open_access_allowed", "perhaps"));
        assert!(!settings.take("unheard_of", "true"));
    }

    #[test]
    fn a_change_of_nothing_and_tokens_without_end_are_refused() {
        assert_eq!(
            SettingsChange::default().check(),
            Err(SettingsProblem::Nothing)
        );
        for days in [0, MOST_TOKEN_DAYS + 1] {
            let change = SettingsChange {
                max_token_days: Some(days),
                ..SettingsChange::default()
            };
            assert_eq!(change.check(), Err(SettingsProblem::TokenDays));
        }
    }
}
