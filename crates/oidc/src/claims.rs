//! Claims by name, out of what has been verified. It must not decide whether they hold.

use crate::settings::Settings;
use serde_json::{Map, Value};

/// The most groups that are looked at.
const MOST_GROUPS: usize = 1000;
/// The longest text that is taken as a name, bytes.
const LONGEST: usize = 255;

/// Whom an ID token shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// The issuer.
    pub issuer: String,
    /// Its own unchanging name for the person.
    pub subject: String,
    /// The configured claim with the sign-in name.
    pub name: Option<String>,
    /// The name people see.
    pub display_name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the issuer says that it has verified the address.
    pub email_verified: bool,
    /// The groups that the issuer names; none said is none.
    pub groups: Option<Vec<String>>,
    /// When the person showed who they are, seconds since 1970.
    pub auth_time: Option<i64>,
}

impl Verified {
    pub(crate) fn new(
        issuer: &str,
        subject: &str,
        claims: &Map<String, Value>,
        s: &Settings,
    ) -> Self {
        let mut verified = Self {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            name: None,
            display_name: None,
            email: None,
            email_verified: false,
            groups: None,
            auth_time: claims.get("auth_time").and_then(seconds),
        };
        verified.complete(s, claims);
        verified
    }

    pub(crate) fn has_all(&self, settings: &Settings) -> bool {
        self.name.is_some()
            && self.email.is_some()
            && (self.groups.is_some() || !settings.wants_groups)
    }

    /// Takes what is missing from more claims about the same subject.
    pub(crate) fn complete(&mut self, settings: &Settings, claims: &Map<String, Value>) {
        if self.email.is_none() {
            self.email = text(claims, "email");
            // The two go together: an address is never verified by another place than it came from.
            self.email_verified =
                self.email.is_some() && claims.get("email_verified") == Some(&Value::Bool(true));
        }
        self.name = self
            .name
            .take()
            .or_else(|| text(claims, &settings.name_claim));
        self.display_name = self.display_name.take().or_else(|| text(claims, "name"));
        self.groups = self
            .groups
            .take()
            .or_else(|| find(claims, &settings.groups_claim).map(list));
    }
}

/// A claim by its name; where there is none, by a path of names with dots between.
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| {
        let mut parts = name.split('.');
        let first = claims.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    })
}

fn text(claims: &Map<String, Value>, name: &str) -> Option<String> {
    let text = find(claims, name)?.as_str()?.trim();
    (!text.is_empty() && text.len() <= LONGEST).then(|| text.to_owned())
}

fn list(value: &Value) -> Vec<String> {
    let all = match value {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    all.iter()
        .filter_map(Value::as_str)
        .filter(|group| group.len() <= LONGEST)
        .take(MOST_GROUPS)
        .map(str::to_owned)
        .collect()
}

/// A moment in seconds; fractions are cut off.
pub(crate) fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let fraction = value.as_f64()?;
        // Within these bounds the cut is exact; a moment beyond them is none.
        (fraction.abs() < 1e15).then_some(fraction as i64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_claim_is_found_by_name_first_and_by_path_then() {
        let all = claims(json!({
            "https://x.example/groups": ["a"], "realm_access": {"roles": ["b", 7, null]}, "one": "c"
        }));
        let found = |name| find(&all, name).map(list);
        assert_eq!(found("https://x.example/groups"), Some(vec!["a".into()]));
        assert_eq!(found("realm_access.roles"), Some(vec!["b".into()]));
        assert_eq!(found("one"), Some(vec!["c".into()]));
        assert_eq!(found("realm_access.none"), None);
        assert_eq!(found("none"), None);
    }

    #[test]
    fn moments_are_numbers() {
        assert_eq!(seconds(&json!(7)), Some(7));
        assert_eq!(seconds(&json!(7.9)), Some(7));
        assert_eq!(seconds(&json!("7")), None);
        assert_eq!(seconds(&json!(1e300)), None);
    }
}
