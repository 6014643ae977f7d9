//! The tasks that every agent has. Ids, inputs, phases and restrictions are those of the tasks of the same name, so that a
//! pipeline cannot tell the difference.

use std::sync::{Arc, LazyLock};

use uuid::{Uuid, uuid};

use super::{CommandMode, Handler, Input, InputKind, Restrictions, Stages, TaskDefinition};
use crate::{version::Version, words};

/// `DownloadSecureFile@1`.
pub const DOWNLOAD_SECURE_FILE: Uuid = uuid!("2a6ca863-f2ce-4f4d-8bcb-15e64608ec4b");
/// `CmdLine@2`, what a `script:` step is.
pub const CMD_LINE: Uuid = uuid!("d9bafed4-0b18-4f58-968d-86655b4d2ce9");
/// `Bash@3`, what a `bash:` step is.
pub const BASH: Uuid = uuid!("6c731c3c-3c68-459a-a5c9-bde6e6595b5b");
/// What a `checkout:` step is.
pub const CHECKOUT: Uuid = uuid!("6d15af64-176c-496d-b583-fd2ae21d4df4");

static ALL: LazyLock<Vec<Arc<TaskDefinition>>> = LazyLock::new(|| {
    vec![
        Arc::new(download_secure_file()),
        Arc::new(cmd_line()),
        Arc::new(bash()),
        Arc::new(checkout()),
    ]
});

/// All built-in tasks.
#[must_use]
pub fn all() -> &'static [Arc<TaskDefinition>] {
    &ALL
}

/// The built-in task of a name (ignoring case) or GUID, if it has that version: `1` or `1.2.3`.
#[must_use]
pub fn builtin(name_or_guid: &str, version: &str) -> Option<Arc<TaskDefinition>> {
    let id = Uuid::try_parse(name_or_guid).ok();
    all()
        .iter()
        .find(|task| {
            (id == Some(task.id) || words::same(&task.name, name_or_guid))
                && task.version.answers(version)
        })
        .cloned()
}

fn download_secure_file() -> TaskDefinition {
    TaskDefinition {
        minimum_agent_version: Some(Version::new(2, 182, 1)),
        inputs: vec![
            required(input("secureFile", "secureFile", "Secure file", "")),
            input("retryCount", "string", "Retry count", "8"),
            input("socketTimeout", "string", "Socket timeout", ""),
        ],
        output_variables: vec!["secureFilePath".to_owned()],
        restrictions: Restrictions {
            command_mode: CommandMode::Restricted,
            settable_variables: Some(vec!["secureFilePath".to_owned()]),
        },
        stages: Stages {
            pre: native(),
            ..Stages::default()
        },
        ..task(
            DOWNLOAD_SECURE_FILE,
            "DownloadSecureFile",
            Version::new(1, 274, 0),
            "Download secure file",
            "Download secure file",
            "Puts a secure file into the temporary folder of the job, which is removed at its end.",
        )
    }
}

fn cmd_line() -> TaskDefinition {
    TaskDefinition {
        inputs: vec![
            required(input("script", "multiLine", "Script", "")),
            input("workingDirectory", "filePath", "Working directory", ""),
            input("failOnStderr", "boolean", "Fail on standard error", "false"),
        ],
        stages: Stages {
            main: native(),
            ..Stages::default()
        },
        ..task(
            CMD_LINE,
            "CmdLine",
            Version::new(2, 250, 1),
            "Command line",
            "Command Line Script",
            "Runs a script with the shell of the machine.",
        )
    }
}

fn bash() -> TaskDefinition {
    let shown = |of: &str, input| Input {
        visible_rule: format!("targetType = {of}"),
        ..input
    };
    let path = required(input("filePath", "filePath", "Script path", ""));
    let script = required(input("script", "multiLine", "Script", ""));
    TaskDefinition {
        inputs: vec![
            input("targetType", "radio", "Type", "filePath"),
            shown("filePath", path),
            shown("filePath", input("arguments", "string", "Arguments", "")),
            shown("inline", script),
            input("workingDirectory", "filePath", "Working directory", ""),
            input("failOnStderr", "boolean", "Fail on standard error", "false"),
            input("bashEnvValue", "string", "Value of BASH_ENV", ""),
        ],
        stages: Stages {
            main: native(),
            ..Stages::default()
        },
        ..task(
            BASH,
            "Bash",
            Version::new(3, 259, 1),
            "Bash",
            "Bash",
            "Runs a Bash script.",
        )
    }
}

fn checkout() -> TaskDefinition {
    let names = [
        "repository",
        "clean",
        "fetchDepth",
        "fetchFilter",
        "fetchTags",
        "lfs",
        "submodules",
        "path",
    ];
    let more = [
        "persistCredentials",
        "sparseCheckoutDirectories",
        "sparseCheckoutPatterns",
        "workspaceRepo",
    ];
    TaskDefinition {
        // It is written as a step of its own.
        visibility: Vec::new(),
        inputs: names
            .into_iter()
            .chain(more)
            .map(|name| input(name, "string", name, ""))
            .collect(),
        stages: Stages {
            main: native(),
            ..Stages::default()
        },
        ..task(
            CHECKOUT,
            "Checkout",
            Version::new(1, 0, 0),
            "Checkout",
            "Checkout $(repository)",
            "Gets the sources of a repository.",
        )
    }
}

pub(super) fn task(
    id: Uuid,
    name: &str,
    version: Version,
    friendly: &str,
    format: &str,
    description: &str,
) -> TaskDefinition {
    TaskDefinition {
        id,
        name: name.to_owned(),
        friendly_name: friendly.to_owned(),
        description: description.to_owned(),
        version,
        visibility: vec!["Build".to_owned()],
        minimum_agent_version: None,
        demands: Vec::new(),
        instance_name_format: format.to_owned(),
        inputs: Vec::new(),
        output_variables: Vec::new(),
        restrictions: Restrictions::default(),
        stages: Stages::default(),
        runs_on_agent: true,
        package: None,
    }
}

pub(super) fn input(name: &str, declared: &str, label: &str, default: &str) -> Input {
    Input {
        name: name.to_owned(),
        aliases: Vec::new(),
        label: label.to_owned(),
        kind: InputKind::parse(declared),
        declared: declared.to_owned(),
        required: false,
        visible_rule: String::new(),
        default: default.to_owned(),
    }
}

pub(super) fn required(input: Input) -> Input {
    Input {
        required: true,
        ..input
    }
}

fn native() -> Vec<Handler> {
    vec![Handler {
        runtime: "Native".to_owned(),
        target: String::new(),
    }]
}

#[cfg(test)]
mod tests {
    use super::super::Phase;
    use super::*;

    #[test]
    fn a_task_is_found_by_name_by_guid_and_by_version() {
        let by_name = builtin("downloadsecurefile", "1").expect("by name");
        let by_guid = builtin("2A6CA863-F2CE-4F4D-8BCB-15E64608EC4B", "1").expect("by guid");
        assert_eq!(by_name, by_guid);
        assert!(builtin("DownloadSecureFile", &by_name.version.to_string()).is_some());
        assert!(builtin("DownloadSecureFile", "2").is_none());
        assert!(builtin("DownloadSecureFile", "1.0.0").is_none());
        assert!(builtin("DownloadSecureFiles", "1").is_none());
    }

    #[test]
    fn download_secure_file_works_before_the_job_and_may_set_its_output_only() {
        let task = builtin("DownloadSecureFile", "1").expect("built in");
        assert!(
            task.stages.has(Phase::Pre)
                && !task.stages.has(Phase::Main)
                && !task.stages.has(Phase::Post)
        );
        assert!(task.declares_output("SECUREFILEPATH"));
        assert_eq!(task.restrictions.command_mode, CommandMode::Restricted);
        assert_eq!(
            task.input("SecureFile").map(|input| &input.kind),
            Some(&InputKind::SecureFile)
        );
    }
}
