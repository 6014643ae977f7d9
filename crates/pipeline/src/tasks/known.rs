//! Tasks that YAML has words for and that no agent has by itself: enough of each to make a plan. They have no phases, so
//! nothing here can be run; one that is installed takes its place. Names, ids and inputs are those of the tasks of the same
//! name.

use std::sync::{Arc, LazyLock};

use uuid::{Uuid, uuid};

use super::{
    Input, TaskDefinition,
    builtin::{input, required, task},
};
use crate::{version::Version, words};

static ALL: LazyLock<Vec<Arc<TaskDefinition>>> = LazyLock::new(|| {
    WORDS
        .iter()
        .map(|word| Arc::new(word.definition()))
        .collect()
});

struct Word {
    id: Uuid,
    name: &'static str,
    major: u32,
    friendly: &'static str,
    /// The one it cannot do without.
    needed: &'static str,
    inputs: &'static [&'static str],
    /// Other names of inputs, as the public reference of the task has them: `(other, name)`.
    aliases: &'static [(&'static str, &'static str)],
}

const WORDS: &[Word] = &[
    Word {
        id: uuid!("e213ff0f-5d5c-4791-802d-52ea3e7be1f1"),
        name: "PowerShell",
        major: 2,
        friendly: "PowerShell Script",
        needed: "script",
        inputs: &[
            "targetType",
            "filePath",
            "arguments",
            "errorActionPreference",
            "warningPreference",
            "informationPreference",
            "verbosePreference",
            "debugPreference",
            "progressPreference",
            "failOnStderr",
            "ignoreLASTEXITCODE",
            "pwsh",
            "workingDirectory",
            "runScriptInSeparateScope",
            "showWarnings",
        ],
        aliases: &[],
    },
    Word {
        id: uuid!("61f2a582-95ae-4948-b34d-a1b3c4f6a737"),
        name: "DownloadPipelineArtifact",
        major: 2,
        friendly: "Download pipeline artifact",
        needed: "",
        inputs: &[
            "source",
            "artifact",
            "patterns",
            "path",
            "project",
            "pipeline",
            "preferTriggeringPipeline",
            "runVersion",
            "runBranch",
            "runId",
            "tags",
            "allowPartiallySucceededBuilds",
            "allowFailedBuilds",
        ],
        aliases: &[
            ("buildType", "source"),
            ("definition", "pipeline"),
            ("specificBuildWithTriggering", "preferTriggeringPipeline"),
            ("buildVersionToDownload", "runVersion"),
            ("branchName", "runBranch"),
            ("pipelineId", "runId"),
            ("buildId", "runId"),
            ("artifactName", "artifact"),
            ("itemPattern", "patterns"),
            ("targetPath", "path"),
            ("downloadPath", "path"),
        ],
    },
    Word {
        id: uuid!("a433f589-fce1-4460-9ee6-44a624aeb1fb"),
        name: "DownloadBuildArtifacts",
        major: 1,
        friendly: "Download build artifacts",
        needed: "",
        inputs: &[
            "source",
            "buildType",
            "project",
            "pipeline",
            "definition",
            "specificBuildWithTriggering",
            "buildVersionToDownload",
            "allowPartiallySucceededBuilds",
            "branchName",
            "buildId",
            "tags",
            "downloadType",
            "artifactName",
            "itemPattern",
            "downloadPath",
            "cleanDestinationFolder",
            "parallelizationLimit",
            "checkDownloadedFiles",
            "retryDownloadCount",
            "extractTars",
        ],
        aliases: &[],
    },
    Word {
        id: uuid!("8d6e8f7e-267d-442d-8c92-1f586864c62f"),
        name: "DownloadPackage",
        major: 1,
        friendly: "Download package",
        needed: "",
        inputs: &[
            "source",
            "packageType",
            "feed",
            "view",
            "definition",
            "version",
            "files",
            "extract",
            "downloadPath",
        ],
        aliases: &[],
    },
    Word {
        id: uuid!("ecdc45f6-832d-4ad9-b52b-ee49e94659be"),
        name: "PublishPipelineArtifact",
        major: 1,
        friendly: "Publish pipeline artifact",
        needed: "path",
        inputs: &[
            "artifactName",
            "artifactType",
            "fileSharePath",
            "parallel",
            "parallelCount",
            "properties",
        ],
        aliases: &[
            ("targetPath", "path"),
            ("artifact", "artifactName"),
            ("publishLocation", "artifactType"),
        ],
    },
    Word {
        id: uuid!("deeafed4-0b18-4f58-968d-86655b4d2ce9"),
        name: "ReviewApp",
        major: 0,
        friendly: "Review app",
        needed: "resourceName",
        inputs: &[],
        aliases: &[],
    },
];

impl Word {
    fn with_aliases(&self, mut input: Input) -> Input {
        let own = self.aliases.iter().filter(|(_, of)| *of == input.name);
        input
            .aliases
            .extend(own.map(|(other, _)| (*other).to_owned()));
        input
    }

    fn definition(&self) -> TaskDefinition {
        let needed = Some(self.needed).filter(|name| !name.is_empty());
        let needed = needed.map(|name| {
            // A file can stand for a script, so a form shows one of the two.
            let mut needed = required(input(name, "string", name, ""));
            if name == "script" {
                needed.visible_rule = "targetType = inline".to_owned();
            }
            needed
        });
        let inputs = self
            .inputs
            .iter()
            .map(|name| input(name, "string", name, ""));
        TaskDefinition {
            inputs: needed
                .into_iter()
                .chain(inputs)
                .map(|input| self.with_aliases(input))
                .collect(),
            ..task(
                self.id,
                self.name,
                Version::new(self.major, 0, 0),
                self.friendly,
                self.friendly,
                "",
            )
        }
    }
}

/// The task of that name (ignoring case) or GUID, in that major version.
pub(crate) fn stand_in(name_or_guid: &str, version: &str) -> Option<Arc<TaskDefinition>> {
    let id = Uuid::try_parse(name_or_guid).ok();
    ALL.iter()
        .find(|task| {
            (id == Some(task.id) || words::same(&task.name, name_or_guid))
                && task.version.major.to_string() == version
        })
        .cloned()
}
