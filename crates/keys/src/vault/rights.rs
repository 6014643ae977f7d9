//! What the credentials may do, as the vault itself says: `sys/capabilities-self`, which changes nothing.
//!
//! It tells what a policy allows at a path, not what the policy wants of the parameters. Must not use a key.

use std::collections::HashMap;

use coffer_seal::{CredentialRights, KeyError, KeyRight, KeyRights, KeyTrait, May};
use reqwest::Method;
use serde::Serialize;

use super::session::json;
use super::{Data, Identity, Key, VaultProvider};
use crate::names;

const UNASKED: &str =
    "it may not ask: give it the policy `default`, or `update` on sys/capabilities-self";

/// Names of keys to ask about. Nothing is done with them.
struct Probes {
    /// The newest key of the unit, or one that could be.
    known: String,
    /// One that is not there.
    new: String,
    /// One of another unit.
    other: String,
}

/// What shows that a right is there: all of these capabilities at their paths, or any.
struct Test {
    right: KeyRight,
    all: bool,
    at: Vec<(String, &'static str)>,
}

fn all(right: KeyRight, at: Vec<(String, &'static str)>) -> Test {
    let all = true;
    Test { right, all, at }
}

fn any(right: KeyRight, at: Vec<(String, &'static str)>) -> Test {
    let all = false;
    Test { right, all, at }
}

impl VaultProvider {
    /// What both credentials may do with the keys of a unit.
    pub(super) async fn all_rights(&self, scale_unit: &str) -> Result<KeyRights, KeyError> {
        let probes = self.probes(scale_unit).await?;
        let daily = self.tested(&self.daily, self.daily_tests(scale_unit, &probes));
        let daily = daily.await?;
        let lifecycle = match &self.lifecycle {
            Some(identity) => Some(self.tested(identity, self.lifecycle_tests(&probes)).await?),
            None => None,
        };
        let newest = self.look(&self.daily, &probes.known).await;
        Ok(KeyRights {
            daily,
            lifecycle,
            one_credential: None,
            traits: newest.ok().flatten().iter().map(trait_of).collect(),
        })
    }

    async fn probes(&self, scale_unit: &str) -> Result<Probes, KeyError> {
        let prefix = names::prefix(&self.prefix, scale_unit);
        let listed = match self.list(&self.daily).await {
            // That it may not list is one of the answers.
            Err(KeyError::Forbidden { right, .. }) if right != "sign in" => Vec::new(),
            other => other?,
        };
        let listed = || listed.iter().map(String::as_str);
        let new = names::next(listed(), &prefix, self.entropy.as_ref());
        let known = names::newest_first(listed(), &prefix).first().copied();
        let other = names::prefix(&self.prefix, &format!("{scale_unit}-other"));
        Ok(Probes {
            known: known.unwrap_or(&new).to_owned(),
            other: names::next([], &other, self.entropy.as_ref()),
            new,
        })
    }

    fn at(&self, part: &str, name: &str) -> String {
        format!("{}/{part}/{name}", self.mount)
    }

    fn config(&self, name: &str) -> String {
        self.at("keys", &format!("{name}/config"))
    }

    /// What is too wide for either, and what either needs.
    fn common_tests(&self, Probes { known, .. }: &Probes) -> Vec<Test> {
        let find = vec![
            (format!("{}/keys", self.mount), "list"),
            (self.at("keys", known), "read"),
        ];
        let export = vec![
            (self.at("export/encryption-key", known), "read"),
            (self.at("backup", known), "read"),
        ];
        let recover = ["update", "create"].map(|word| (self.at("restore", known), word));
        let grant = ["update", "create"].map(|word| ("sys/policies/acl/coffer".to_owned(), word));
        vec![
            all(KeyRight::Find, find),
            any(KeyRight::Export, export),
            any(KeyRight::Recover, recover.into()),
            any(KeyRight::Grant, grant.into()),
        ]
    }

    fn daily_tests(&self, scale_unit: &str, probes: &Probes) -> Vec<Test> {
        let Probes { known, new, other } = probes;
        let make = vec![
            (self.at("keys", new), "update"),
            (self.at("keys", new), "create"),
            (self.at("keys", &format!("{new}/import")), "update"),
            // Wrapping under a key that is not there makes it.
            (self.at("encrypt", new), "create"),
        ];
        let change = ["config", "rotate", "trim", "soft-delete"];
        let change = change.map(|act| (self.at("keys", &format!("{known}/{act}")), "update"));
        let mut tests = self.common_tests(probes);
        tests.extend([
            all(KeyRight::Wrap, vec![(self.at("encrypt", known), "update")]),
            all(
                KeyRight::Unwrap,
                vec![(self.at("decrypt", known), "update")],
            ),
            any(KeyRight::Make, make),
            any(KeyRight::Disable, change.into()),
            any(KeyRight::Destroy, vec![(self.at("keys", known), "delete")]),
            any(
                KeyRight::Others,
                vec![(self.at("decrypt", other), "update")],
            ),
        ]);
        if let Ok(path) = self.note_path(scale_unit) {
            let words = ["create", "update", "read"];
            let note = words.map(|word| (path.clone(), word));
            tests.push(all(KeyRight::Note, note.into()));
        }
        tests
    }

    fn lifecycle_tests(&self, probes: &Probes) -> Vec<Test> {
        let Probes { known, new, other } = probes;
        let disable = vec![
            (self.config(known), "update"),
            (self.at("keys", &format!("{known}/rotate")), "update"),
        ];
        let destroy = vec![
            (self.config(known), "update"),
            (self.at("keys", known), "delete"),
        ];
        let others = vec![
            (self.config(other), "update"),
            (self.at("keys", other), "delete"),
        ];
        let mut tests = self.common_tests(probes);
        tests.extend([
            all(KeyRight::Make, vec![(self.at("keys", new), "update")]),
            all(KeyRight::Disable, disable),
            all(KeyRight::Destroy, destroy),
            any(
                KeyRight::Unwrap,
                vec![(self.at("decrypt", known), "update")],
            ),
            any(KeyRight::Others, others),
        ]);
        tests
    }

    /// Asks once for all.
    async fn tested(
        &self,
        identity: &Identity,
        tests: Vec<Test>,
    ) -> Result<CredentialRights, KeyError> {
        #[derive(Serialize)]
        struct Question<'a> {
            paths: Vec<&'a str>,
        }
        let every = tests.iter().flat_map(|test| &test.at);
        let mut paths: Vec<&str> = every.map(|(path, _)| path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        let body = json(&Question { paths });
        let path = "sys/capabilities-self";
        let asked = identity.call("ask for its rights", Method::POST, path, Some(body));
        let allowed: HashMap<String, Vec<String>> = match asked.await {
            Ok(answer) => answer?.read::<Data<_>>()?.data,
            Err(KeyError::Forbidden { right, .. }) if right != "sign in" => {
                let unknown = tests.iter().map(|test| (test.right, May::Unknown(UNASKED)));
                return Ok(unknown.collect());
            }
            Err(error) => return Err(error),
        };
        let has = |(path, wanted): &(String, &'static str)| {
            let there = allowed.get(path).map(Vec::as_slice).unwrap_or_default();
            there.iter().any(|word| word == wanted || word == "root")
        };
        let judged = tests.iter().map(|test| {
            let may = match test.all {
                true => test.at.iter().all(has),
                false => test.at.iter().any(has),
            };
            (test.right, May::from(may))
        });
        Ok(judged.collect())
    }
}

/// Whether the newest key can leave, or end without having been disabled.
fn trait_of(key: &Key) -> KeyTrait {
    let said = match (key.unfit(), key.deletion_allowed) {
        (Some(why), _) => why.to_owned(),
        (None, true) => "may be deleted at once: take `deletion_allowed` off".into(),
        (None, false) => "cannot be exported, backed up in the clear, or deleted at once".into(),
    };
    KeyTrait {
        what: "newest root key",
        good: key.unfit().is_none() && !key.deletion_allowed,
        said,
    }
}
