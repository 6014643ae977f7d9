//! Job messages as a server makes them.

use aws_lc_rs::digest;
use coffer_pipeline::tasks;
use coffer_wire::agent::{Endpoint, Job, JobSecureFile, Resources, Step, TaskReference, Variable};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The file of all stories.
pub(crate) const FILE: Uuid = Uuid::from_u128(0xF11E);
pub(crate) const CONTENT: &[u8] =
    b"-----BEGIN CERTIFICATE-----\nsample certificate of a test\n-----END CERTIFICATE-----\n";

/// A step that runs a script.
pub(crate) fn script(text: &str) -> Step {
    step(tasks::CMD_LINE, "CmdLine", "2.250.1", &[("script", text)])
}

/// A `bash:` step.
pub(crate) fn bash(text: &str) -> Step {
    step(
        tasks::BASH,
        "Bash",
        "3.259.1",
        &[("targetType", "inline"), ("script", text)],
    )
}

/// The step that downloads the file, named `caCertificate`.
pub(crate) fn download() -> Step {
    let mut step = step(
        tasks::DOWNLOAD_SECURE_FILE,
        "DownloadSecureFile",
        "1.274.0",
        &[("secureFile", &FILE.to_string())],
    );
    step.name = "caCertificate".into();
    step.display_name = "Download CA certificate".into();
    step
}

pub(crate) fn step(id: Uuid, name: &str, version: &str, inputs: &[(&str, &str)]) -> Step {
    Step {
        id: unique(),
        name: name.into(),
        display_name: name.into(),
        condition: "succeeded()".into(),
        continue_on_error: false,
        timeout_in_minutes: 0,
        retry_count_on_task_failure: 0,
        reference: TaskReference {
            id,
            name: name.into(),
            version: version.into(),
        },
        environment: Vec::new(),
        inputs: inputs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect(),
    }
}

pub(crate) trait StepExt {
    fn named(self, name: &str) -> Self;
    fn when(self, condition: &str) -> Self;
    fn env(self, name: &str, value: &str) -> Self;
}

impl StepExt for Step {
    fn named(mut self, name: &str) -> Self {
        self.display_name = name.into();
        self
    }

    fn when(mut self, condition: &str) -> Self {
        self.condition = condition.into();
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }
}

/// A job with these steps, the file, and a secret variable `password`.
pub(crate) fn job(steps: Vec<Step>) -> Job {
    let variable = |value: &str, is_secret| Variable {
        value: value.into(),
        is_secret,
        is_read_only: false,
    };
    Job {
        job_id: unique(),
        job_name: "__default".into(),
        job_display_name: "Job".into(),
        run_id: 7,
        plan_id: unique(),
        timeline_id: unique(),
        lease_token: "lease-token-of-the-job".into(),
        lease_seconds: 30,
        renew_seconds: 1,
        timeout_in_minutes: 0,
        cancel_timeout_in_minutes: 5,
        demands: Vec::new(),
        resources: Resources {
            endpoints: vec![Endpoint {
                name: "SystemVssConnection".into(),
                url: "http://unused/Acme/".into(),
                scheme: "OAuth".into(),
                parameters: BTreeMap::from([(
                    "AccessToken".to_owned(),
                    "token-of-the-job".to_owned(),
                )]),
            }],
            secure_files: vec![JobSecureFile {
                id: FILE,
                name: "ca.pem".into(),
                ticket: "ticket&of/the=file".into(),
                sha256: digest::digest(&digest::SHA256, CONTENT)
                    .as_ref()
                    .iter()
                    .map(|b| format!("{b:02x}"))
                    .collect(),
                length: CONTENT.len() as u64,
            }],
        },
        variables: BTreeMap::from([
            (
                "System.TeamProject".to_owned(),
                variable("My Project", false),
            ),
            (
                "System.AccessToken".to_owned(),
                variable("token-of-the-job", true),
            ),
            ("password".to_owned(), variable("correct horse", true)),
        ]),
        mask: vec!["masked-by-the-server".into()],
        steps,
    }
}

#[expect(clippy::disallowed_methods, reason = "ids of a test's own jobs")]
fn unique() -> Uuid {
    Uuid::new_v4()
}
