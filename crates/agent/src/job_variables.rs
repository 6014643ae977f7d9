//! The variables of a job while it runs: who may set them, which are secret, and what `$(name)` stands for.
//!
//! Every secret value that enters is registered with the masker first. It knows no environment and no wire record.

use crate::masker::Masker;
use coffer_pipeline::macros;
use coffer_wire::agent::Variable;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Texts that strangers can write: a logging command in them is made harmless before the job starts.
const FOREIGN: [&str; 15] = [
    "build.sourceversionmessage",
    "build.sourceversionauthor",
    "build.definitionname",
    "system.sourceversionmessage",
    "system.definitionname",
    "system.jobdisplayname",
    "system.phasedisplayname",
    "system.stagedisplayname",
    "release.definitionname",
    "release.environmentname",
    "agent.name",
    "agent.machinename",
    // Not in the original's list, and as foreign as the rest.
    "build.sourcebranch",
    "build.sourcebranchname",
    "system.pullrequest.sourcebranch",
];
/// Names below these belong to the agent, whether they exist or not.
const OWNED: [&str; 2] = ["agent.", "system."];
/// Names below these belong to the agent where it set them.
const OWNED_IF_SET: [&str; 4] = [
    "build.",
    "common.",
    "pipeline.workspace",
    "task.displayname",
];
/// Beginnings of environment names that are the agent's own.
const RESERVED: [&str; 5] = ["ENDPOINT_", "INPUT_", "SECRET_", "SECUREFILE_", "VSTS_"];

/// A job's variables. No `Debug`: it holds secrets.
pub(crate) struct JobVariables {
    /// By folded name.
    map: BTreeMap<String, Entry>,
    /// Folded names of outputs, as `step.name`.
    outputs: Vec<String>,
    /// Last prepended first.
    path: Vec<String>,
    masker: Arc<Masker>,
}

struct Entry {
    name: String,
    value: Zeroizing<String>,
    secret: bool,
    read_only: bool,
    preserve_case: bool,
}

/// How a variable is set.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Setting<'a> {
    /// It is an output of the step of this name.
    pub(crate) output_of: Option<&'a str>,
    pub(crate) secret: bool,
    pub(crate) read_only: bool,
    pub(crate) preserve_case: bool,
}

/// Why a variable was not set.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    ReadOnly {
        /// The job wants an error, and not a warning only.
        enforced: bool,
    },
    Reserved,
}

/// A variable with everything in it expanded.
pub(crate) struct Resolved {
    pub(crate) name: String,
    pub(crate) value: Zeroizing<String>,
    pub(crate) secret: bool,
    pub(crate) preserve_case: bool,
}

impl JobVariables {
    /// The variables of a job message.
    pub(crate) fn new(given: &BTreeMap<String, Variable>, masker: Arc<Masker>) -> Self {
        let mut variables = Self {
            map: BTreeMap::new(),
            outputs: Vec::new(),
            path: Vec::new(),
            masker,
        };
        for (name, variable) in given {
            let folded = name.to_lowercase();
            if variable.is_secret {
                variables.masker.add(&variable.value);
            }
            let value = if FOREIGN.contains(&folded.as_str()) {
                deactivate(&variable.value)
            } else {
                variable.value.clone()
            };
            let owned = OWNED
                .iter()
                .chain(&OWNED_IF_SET)
                .any(|prefix| folded.starts_with(prefix));
            variables.map.insert(
                folded,
                Entry {
                    name: name.clone(),
                    value: Zeroizing::new(value),
                    secret: variable.is_secret,
                    read_only: variable.is_read_only || owned,
                    preserve_case: false,
                },
            );
        }
        variables
    }

    /// A variable of the agent itself: read-only for everybody else.
    pub(crate) fn set_own(&mut self, name: &str, value: &str) {
        let folded = name.to_lowercase();
        let value = if FOREIGN.contains(&folded.as_str()) {
            deactivate(value)
        } else {
            value.to_owned()
        };
        self.map.insert(
            folded,
            Entry {
                name: name.to_owned(),
                value: Zeroizing::new(value),
                secret: false,
                read_only: true,
                preserve_case: false,
            },
        );
    }

    /// The value as it was set, macros not expanded.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.map
            .get(&name.to_lowercase())
            .map(|entry| entry.value.as_str())
    }

    /// Whether a variable is `true`, in any case.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    }

    /// Sets a variable as a step asks. Answers whether it is secret now: once secret, always secret.
    pub(crate) fn set(
        &mut self,
        name: &str,
        value: &str,
        setting: Setting<'_>,
    ) -> Result<bool, Refused> {
        let name = match setting.output_of {
            Some(step) => format!("{step}.{name}"),
            None => name.to_owned(),
        };
        let folded = name.to_lowercase();
        let environment_name = macros::environment_name(&folded);
        if RESERVED
            .iter()
            .any(|prefix| environment_name.starts_with(prefix))
        {
            return Err(Refused::Reserved);
        }
        let known = self.map.get(&folded);
        let owned =
            setting.output_of.is_none() && OWNED.iter().any(|prefix| folded.starts_with(prefix));
        if owned || known.is_some_and(|entry| entry.read_only) {
            return Err(Refused::ReadOnly {
                enforced: self.is_true("agent.readOnlyVariables"),
            });
        }
        let secret = setting.secret || known.is_some_and(|entry| entry.secret);
        if secret {
            self.masker.add(value);
        }
        let entry = Entry {
            name,
            value: Zeroizing::new(value.to_owned()),
            secret,
            read_only: setting.read_only,
            preserve_case: setting.preserve_case,
        };
        if setting.output_of.is_some() && !self.outputs.contains(&folded) {
            self.outputs.push(folded.clone());
        }
        self.map.insert(folded, entry);
        Ok(secret)
    }

    /// Puts a folder before the `PATH` of later steps.
    pub(crate) fn prepend_path(&mut self, folder: &str) {
        self.path.retain(|known| known != folder);
        self.path.insert(0, folder.to_owned());
    }

    /// Folders before `PATH`, last prepended first.
    pub(crate) fn prepended(&self) -> &[String] {
        &self.path
    }

    /// Replaces `$(name)` in a text, values expanded too.
    pub(crate) fn expand(&self, text: &str) -> Zeroizing<String> {
        self.expand_and_tell(text).0
    }

    /// As [`Self::expand`], and whether a secret came in.
    fn expand_and_tell(&self, text: &str) -> (Zeroizing<String>, bool) {
        let secret = Cell::new(false);
        let expanded = macros::expand_nested(text, |name| {
            let entry = self.map.get(&name.to_lowercase())?;
            secret.set(secret.get() || entry.secret);
            Some(entry.value.to_string())
        });
        (Zeroizing::new(expanded.text), secret.get())
    }

    /// All variables with everything in them expanded. A value that a secret came into is a secret.
    pub(crate) fn resolved(&self) -> Vec<Resolved> {
        self.map
            .values()
            .map(|entry| {
                let (value, touched) = self.expand_and_tell(&entry.value);
                let secret = entry.secret || touched;
                if secret {
                    self.masker.add(&value);
                }
                Resolved {
                    name: entry.name.clone(),
                    value,
                    secret,
                    preserve_case: entry.preserve_case,
                }
            })
            .collect()
    }

    /// The outputs that may leave the job: the secret ones stay.
    pub(crate) fn outputs(&self) -> BTreeMap<String, String> {
        self.outputs
            .iter()
            .filter_map(|folded| self.map.get(folded))
            .filter(|entry| !entry.secret)
            .map(|entry| (entry.name.clone(), self.masker.mask(&entry.value)))
            .collect()
    }
}

/// Makes logging commands in a foreign text harmless: `##vso` in any case becomes `**vso`.
fn deactivate(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(at) = lower[from..].find("##vso") {
        out.push_str(&text[from..from + at]);
        out.push_str("**");
        out.push_str(&text[from + at + 2..from + at + 5]);
        from += at + 5;
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(value: &str, is_secret: bool) -> Variable {
        Variable {
            value: value.into(),
            is_secret,
            is_read_only: false,
        }
    }

    fn job(given: &[(&str, &str, bool)]) -> (JobVariables, Arc<Masker>) {
        let masker = Arc::new(Masker::default());
        let map = given
            .iter()
            .map(|(n, v, s)| ((*n).to_owned(), variable(v, *s)))
            .collect();
        (JobVariables::new(&map, Arc::clone(&masker)), masker)
    }

    #[test]
    fn names_ignore_case_and_expansion_goes_deep() {
        let (mut job, _) = job(&[
            ("Greeting", "hello $(who)", false),
            ("who", "$(NAME)", false),
            ("loop", "$(loop)", false),
        ]);
        job.set("name", "world", Setting::default()).unwrap();
        assert_eq!(
            &**job.expand("$(GREETING)! $(unknown) $(loop)"),
            "hello world! $(unknown) $(loop)"
        );
    }

    #[test]
    fn once_secret_always_secret() {
        let (mut job, masker) = job(&[("token", "first-value", true)]);
        assert!(
            job.set("TOKEN", "second-value", Setting::default())
                .unwrap()
        );
        assert_eq!(masker.mask("first-value second-value"), "*** ***");
        assert!(job.resolved()[0].secret);
    }

    #[test]
    fn a_value_that_a_secret_came_into_is_a_secret() {
        let (job, masker) = job(&[
            ("pass", "sesame", true),
            ("url", "db://$(pass)@h", false),
            ("plain", "x", false),
        ]);
        let secret: Vec<_> = job
            .resolved()
            .into_iter()
            .map(|r| (r.name, r.secret))
            .collect();
        assert_eq!(
            secret,
            [
                ("pass".to_owned(), true),
                ("plain".into(), false),
                ("url".into(), true)
            ]
        );
        assert_eq!(masker.mask("<db://sesame@h>"), "<***>");
    }

    #[test]
    fn outputs_have_the_steps_name_and_are_fixed() {
        let (mut job, _) = job(&[]);
        let out = Setting {
            output_of: Some("s"),
            read_only: true,
            ..Setting::default()
        };
        job.set("x", "1", out).unwrap();
        assert_eq!(job.get("s.x"), Some("1"));
        assert_eq!(job.get("x"), None);
        assert_eq!(
            job.set("x", "2", out),
            Err(Refused::ReadOnly { enforced: false })
        );
        assert_eq!(
            job.set("s.x", "2", Setting::default()),
            Err(Refused::ReadOnly { enforced: false })
        );
        job.set(
            "hidden",
            "value-h",
            Setting {
                secret: true,
                ..out
            },
        )
        .unwrap();
        assert_eq!(
            job.outputs(),
            BTreeMap::from([("s.x".to_owned(), "1".to_owned())])
        );
    }

    #[test]
    fn names_of_the_agent_cannot_be_taken() {
        let (mut job, _) = job(&[
            ("Build.BuildId", "7", false),
            ("agent.readOnlyVariables", "true", false),
        ]);
        job.set_own("Agent.TempDirectory", "/t");
        for name in [
            "build.buildid",
            "Agent.TempDirectory",
            "agent.proxyurl",
            "System.AccessToken",
        ] {
            assert_eq!(
                job.set(name, "x", Setting::default()),
                Err(Refused::ReadOnly { enforced: true }),
                "{name}"
            );
        }
        for name in [
            "SECUREFILE_TICKET_x",
            "secret.x",
            "Endpoint.Auth",
            "input_x",
        ] {
            assert_eq!(
                job.set(name, "x", Setting::default()),
                Err(Refused::Reserved),
                "{name}"
            );
        }
        for name in ["build.mine", "secretary", "inputs", "secureFilePath"] {
            assert!(job.set(name, "x", Setting::default()).is_ok(), "{name}");
        }
    }

    #[test]
    fn commands_in_foreign_texts_are_harmless() {
        let evil = "fix ##VSO[task.setvariable variable=a]b ##vso ä";
        let (job, _) = job(&[
            ("Build.SourceVersionMessage", evil, false),
            ("mine", evil, false),
        ]);
        assert_eq!(
            job.get("build.sourceVersionMessage"),
            Some("fix **VSO[task.setvariable variable=a]b **vso ä")
        );
        assert_eq!(job.get("mine"), Some(evil));
    }

    #[test]
    fn the_last_prepended_folder_comes_first() {
        let (mut job, _) = job(&[]);
        for folder in ["/a", "/b", "/a"] {
            job.prepend_path(folder);
        }
        assert_eq!(job.prepended(), ["/a", "/b"]);
    }
}
