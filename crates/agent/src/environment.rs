//! The environment a step's process gets: exactly the names that tasks of Azure Pipelines expect.
//!
//! [`Environment::of_task`] is the whole contract; [`Environment::of_script`] is what is left of it for a user's own
//! process: no inputs, no secrets, no tickets, no token. It reads no environment of its own.

use crate::job_variables::JobVariables;
use coffer_pipeline::macros::environment_name;
use coffer_wire::agent::{Endpoint, JobSecureFile};
use std::collections::BTreeMap;
use std::path::Path;
use zeroize::Zeroizing;

use crate::commands::TaskVariables;

/// Taken out before a user's process starts, as the original's task library does.
const HIDDEN_PREFIXES: [&str; 5] = [
    "INPUT_",
    "ENDPOINT_AUTH",
    "SECUREFILE_TICKET_",
    "SECRET_",
    "VSTS_TASKVARIABLE_",
];
const HIDDEN: [&str; 3] = [
    "VSTS_PUBLIC_VARIABLES",
    "VSTS_SECRET_VARIABLES",
    "COMMAND_CORRELATION_ID",
];

/// An environment. No `Debug`: it may hold secrets.
pub(crate) struct Environment {
    entries: BTreeMap<String, Zeroizing<String>>,
}

/// Where the values come from.
pub(crate) struct Sources<'a> {
    pub(crate) variables: &'a JobVariables,
    /// The step's `env:`, in order, macros not yet expanded.
    pub(crate) step: &'a [(String, String)],
    /// The step's inputs, expanded.
    pub(crate) inputs: &'a BTreeMap<String, Zeroizing<String>>,
    pub(crate) endpoints: &'a [Endpoint],
    /// The secure files that this step's inputs name.
    pub(crate) secure_files: &'a [&'a JobSecureFile],
    pub(crate) task_variables: &'a TaskVariables,
    pub(crate) base: &'a Base,
}

/// What a process has before anything of the job comes in.
pub(crate) struct Base {
    pub(crate) path: String,
    pub(crate) home: String,
    /// Marks all processes of the job.
    pub(crate) mark: String,
    /// More certificate authorities, for Node programs, which know no trust store of the machine.
    pub(crate) ca_file: Option<String>,
}

impl Environment {
    /// Everything a task gets. Weakest first: base, `env:`, variables, inputs, endpoints, secure files, task variables, PATH.
    pub(crate) fn of_task(sources: &Sources<'_>) -> Self {
        let mut this = Self {
            entries: BTreeMap::new(),
        };
        this.set("PATH", &sources.base.path);
        this.set("HOME", &sources.base.home);
        this.set("LANG", "C.UTF-8");
        if let Some(ca_file) = &sources.base.ca_file {
            this.set("NODE_EXTRA_CA_CERTS", ca_file);
        }
        for (name, value) in sources.step {
            let value = sources.variables.expand(value);
            this.set(name, &value);
        }
        let step_path = this.entries.get("PATH").cloned();
        this.variables(sources.variables);
        for (name, value) in sources.inputs {
            this.set(&format!("INPUT_{}", environment_name(name)), value);
        }
        for endpoint in sources.endpoints {
            this.endpoint(endpoint);
        }
        for file in sources.secure_files {
            let id = file.id.hyphenated().to_string();
            this.set(&format!("SECUREFILE_NAME_{id}"), &file.name);
            this.set(&format!("SECUREFILE_TICKET_{id}"), &file.ticket);
        }
        for (name, (value, _)) in sources.task_variables {
            this.set(
                &format!("VSTS_TASKVARIABLE_{}", environment_name(name)),
                value,
            );
        }
        this.set("TF_BUILD", "True");
        this.set("VSTS_PROCESS_LOOKUP_ID", &sources.base.mark);
        this.path(sources.variables, step_path);
        this
    }

    /// What a user's own process gets: the same without anything secret.
    pub(crate) fn of_script(sources: &Sources<'_>) -> Self {
        let mut this = Self::of_task(sources);
        this.entries.retain(|name, _| {
            !HIDDEN.contains(&name.as_str())
                && !HIDDEN_PREFIXES
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
        });
        this
    }

    /// Sets one more.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        // What no process can be given is left out, instead of failing every step.
        let possible = !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
        if possible {
            self.entries
                .insert(name.to_owned(), Zeroizing::new(value.to_owned()));
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.entries.get(name).map(|value| value.as_str())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn variables(&mut self, variables: &JobVariables) {
        let (mut public, mut secret) = (Vec::new(), Vec::new());
        for variable in variables.resolved() {
            let name = if variable.preserve_case {
                variable.name.replace(['.', ' '], "_")
            } else {
                environment_name(&variable.name)
            };
            if variable.secret {
                self.set(&format!("SECRET_{name}"), &variable.value);
                secret.push(variable.name);
            } else {
                self.set(&name, &variable.value);
                if variable.name.eq_ignore_ascii_case("agent.jobstatus") {
                    self.set("agent.jobstatus", &variable.value);
                }
                public.push(variable.name);
            }
        }
        let json = |names: &[String]| serde_json::to_string(names).unwrap_or_else(|_| "[]".into());
        self.set("VSTS_PUBLIC_VARIABLES", &json(&public));
        self.set("VSTS_SECRET_VARIABLES", &json(&secret));
    }

    fn endpoint(&mut self, endpoint: &Endpoint) {
        let system = endpoint.name.eq_ignore_ascii_case("SystemVssConnection");
        let id = if system {
            "SYSTEMVSSCONNECTION".to_owned()
        } else {
            endpoint.name.clone()
        };
        self.set(&format!("ENDPOINT_URL_{id}"), &endpoint.url);
        self.set(&format!("ENDPOINT_AUTH_SCHEME_{id}"), &endpoint.scheme);
        let all =
            serde_json::json!({ "parameters": endpoint.parameters, "scheme": endpoint.scheme });
        self.set(
            &format!("ENDPOINT_AUTH_{id}"),
            &Zeroizing::new(all.to_string()),
        );
        for (key, value) in &endpoint.parameters {
            self.set(
                &format!("ENDPOINT_AUTH_PARAMETER_{id}_{}", environment_name(key)),
                value,
            );
        }
    }

    /// Prepended folders, then the job variable PATH, else the step's, else the inherited one.
    fn path(&mut self, variables: &JobVariables, step: Option<Zeroizing<String>>) {
        let rest = match (variables.get("PATH"), step) {
            (Some(_), _) => variables.expand("$(PATH)"),
            (None, Some(step)) => step,
            (None, None) => Zeroizing::new(String::new()),
        };
        let mut all: Vec<&str> = variables.prepended().iter().map(String::as_str).collect();
        if !rest.is_empty() {
            all.push(&rest);
        }
        let joined = all.join(":");
        self.set("PATH", &joined);
    }
}

/// The system's `PATH` where nobody configured one.
pub(crate) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The first file of a name on a `PATH`; relative folders on it do not count.
pub(crate) fn find_program(path: &str, name: &str) -> Option<std::path::PathBuf> {
    path.split(':')
        .map(Path::new)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job_variables::Setting;
    use crate::masker::Masker;
    use coffer_wire::agent::Variable;
    use std::sync::Arc;
    use uuid::Uuid;

    struct Sample {
        variables: JobVariables,
        inputs: BTreeMap<String, Zeroizing<String>>,
        endpoints: Vec<Endpoint>,
        file: JobSecureFile,
        task_variables: TaskVariables,
        base: Base,
        step: Vec<(String, String)>,
    }

    fn sample() -> Sample {
        let variable = |value: &str, is_secret| Variable {
            value: value.into(),
            is_secret,
            is_read_only: false,
        };
        let given = BTreeMap::from([
            ("Build.BuildId".to_owned(), variable("7", false)),
            ("my pass.word".to_owned(), variable("hunter2-hunter2", true)),
            ("derived".to_owned(), variable("x$(my pass.word)", false)),
            ("agent.jobstatus".to_owned(), variable("Succeeded", false)),
            ("both".to_owned(), variable("of the variable", false)),
        ]);
        let mut variables = JobVariables::new(&given, Arc::new(Masker::default()));
        let mixed = Setting {
            preserve_case: true,
            ..Setting::default()
        };
        variables.set("Mixed.Case", "m", mixed).unwrap();
        variables.prepend_path("/tools");
        Sample {
            variables,
            inputs: BTreeMap::from([("secureFile".to_owned(), Zeroizing::new("id".to_owned()))]),
            endpoints: vec![Endpoint {
                name: "SystemVssConnection".into(),
                url: "http://h/Acme/".into(),
                scheme: "OAuth".into(),
                parameters: BTreeMap::from([(
                    "AccessToken".to_owned(),
                    "token-of-the-job".to_owned(),
                )]),
            }],
            file: JobSecureFile {
                id: Uuid::from_u128(0xABCD),
                name: "ca.pem".into(),
                ticket: "ticket-of-the-file".into(),
                sha256: String::new(),
                length: 0,
            },
            task_variables: BTreeMap::from([(
                "t.v".to_owned(),
                (Zeroizing::new("task-value".to_owned()), true),
            )]),
            base: Base {
                path: "/usr/bin".into(),
                home: "/w/home".into(),
                mark: "mark".into(),
                ca_file: Some("/ca.pem".into()),
            },
            step: vec![
                ("BOTH".into(), "of env".into()),
                ("TOKEN".into(), "$(my pass.word)".into()),
                ("INPUT_SNEAKED".into(), "x".into()),
            ],
        }
    }

    fn with<T>(sample: &Sample, build: impl Fn(&Sources<'_>) -> T) -> T {
        build(&Sources {
            variables: &sample.variables,
            step: &sample.step,
            inputs: &sample.inputs,
            endpoints: &sample.endpoints,
            secure_files: &[&sample.file],
            task_variables: &sample.task_variables,
            base: &sample.base,
        })
    }

    #[test]
    fn a_task_gets_the_whole_contract() {
        let environment = with(&sample(), Environment::of_task);
        for (name, value) in [
            ("BUILD_BUILDID", "7"),
            ("SECRET_MY_PASS_WORD", "hunter2-hunter2"),
            ("SECRET_DERIVED", "xhunter2-hunter2"),
            ("VSTS_SECRET_VARIABLES", "[\"derived\",\"my pass.word\"]"),
            (
                "VSTS_PUBLIC_VARIABLES",
                "[\"agent.jobstatus\",\"both\",\"Build.BuildId\",\"Mixed.Case\"]",
            ),
            ("agent.jobstatus", "Succeeded"),
            ("AGENT_JOBSTATUS", "Succeeded"),
            ("Mixed_Case", "m"),
            ("BOTH", "of the variable"),
            ("INPUT_SECUREFILE", "id"),
            ("ENDPOINT_URL_SYSTEMVSSCONNECTION", "http://h/Acme/"),
            ("ENDPOINT_AUTH_SCHEME_SYSTEMVSSCONNECTION", "OAuth"),
            (
                "ENDPOINT_AUTH_PARAMETER_SYSTEMVSSCONNECTION_ACCESSTOKEN",
                "token-of-the-job",
            ),
            (
                "ENDPOINT_AUTH_SYSTEMVSSCONNECTION",
                "{\"parameters\":{\"AccessToken\":\"token-of-the-job\"},\"scheme\":\"OAuth\"}",
            ),
            (
                "SECUREFILE_NAME_00000000-0000-0000-0000-00000000abcd",
                "ca.pem",
            ),
            (
                "SECUREFILE_TICKET_00000000-0000-0000-0000-00000000abcd",
                "ticket-of-the-file",
            ),
            ("VSTS_TASKVARIABLE_T_V", "task-value"),
            ("TF_BUILD", "True"),
            ("VSTS_PROCESS_LOOKUP_ID", "mark"),
            ("PATH", "/tools:/usr/bin"),
            ("HOME", "/w/home"),
            ("NODE_EXTRA_CA_CERTS", "/ca.pem"),
        ] {
            assert_eq!(environment.get(name), Some(value), "{name}");
        }
        for absent in ["MY_PASS_WORD", "DERIVED", "MIXED_CASE", "TERM", "USER"] {
            assert_eq!(environment.get(absent), None, "{absent}");
        }
    }

    #[test]
    fn a_script_gets_no_input_no_ticket_no_token_and_only_the_secrets_it_is_given() {
        let environment = with(&sample(), Environment::of_script);
        let visible: Vec<(String, String)> = environment
            .iter()
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect();
        for (name, value) in &visible {
            for secret in ["token-of-the-job", "ticket-of-the-file", "task-value"] {
                assert!(!value.contains(secret), "{name}");
            }
            assert!(name == "TOKEN" || !value.contains("hunter2"), "{name}");
            assert!(
                !name.starts_with("INPUT_") && !name.starts_with("SECRET_"),
                "{name}"
            );
        }
        assert_eq!(
            environment.get("TOKEN"),
            Some("hunter2-hunter2"),
            "the step asked for it by name"
        );
        assert_eq!(environment.get("BUILD_BUILDID"), Some("7"));
        assert_eq!(
            environment.get("SECUREFILE_NAME_00000000-0000-0000-0000-00000000abcd"),
            Some("ca.pem")
        );
    }

    #[test]
    fn what_no_process_can_be_given_is_left_out() {
        let mut environment = with(&sample(), Environment::of_script);
        environment.set("A=B", "x");
        environment.set("", "x");
        environment.set("NUL", "a\0b");
        assert!(
            environment.iter().all(|(name, value)| !name.is_empty()
                && !name.contains('=')
                && !value.contains('\0'))
        );
    }
}
