//! The variables that the agent itself adds to a job.

use crate::executor::Context;
use crate::job_variables::JobVariables;
use std::path::Path;

/// Sets the variables that the agent knows and no message brings: folders, names, versions.
pub(super) fn set(context: &Context, variables: &mut JobVariables) {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let folders = &context.folders;
    let (work, build) = (text(&folders.work), text(&folders.build));
    let below = |name: &str| text(&folders.build.join(name));
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "X64",
        "aarch64" => "ARM64",
        "arm" => "ARM",
        "x86" => "X86",
        other => other,
    };
    let os = if cfg!(target_os = "macos") {
        "Darwin"
    } else {
        "Linux"
    };
    for (name, value) in [
        ("Agent.TempDirectory", text(&folders.temp)),
        ("Agent.ToolsDirectory", text(&folders.tools)),
        ("Agent.WorkFolder", work.clone()),
        ("Agent.HomeDirectory", work.clone()),
        ("Agent.RootDirectory", work.clone()),
        ("Agent.BuildDirectory", build.clone()),
        ("Pipeline.Workspace", build),
        ("System.WorkFolder", work),
        ("Build.SourcesDirectory", below("s")),
        ("System.DefaultWorkingDirectory", below("s")),
        ("Build.Repository.LocalPath", below("s")),
        ("Build.ArtifactStagingDirectory", below("a")),
        ("Build.StagingDirectory", below("a")),
        ("System.ArtifactsDirectory", below("a")),
        ("Build.BinariesDirectory", below("b")),
        ("Common.TestResultsDirectory", below("TestResults")),
        ("Agent.Version", crate::COMPATIBILITY_VERSION.to_owned()),
        ("Agent.Id", context.agent.id.to_string()),
        ("Agent.Name", context.agent.name.clone()),
        ("Agent.MachineName", context.agent.machine.clone()),
        ("Agent.JobName", context.job.job_display_name.clone()),
        ("Agent.JobStatus", "Succeeded".to_owned()),
        ("Agent.OS", os.to_owned()),
        ("Agent.OSArchitecture", architecture.to_owned()),
        ("Agent.IsSelfHosted", "1".to_owned()),
        ("Agent.CloudId", String::new()),
        ("System.Culture", "en-US".to_owned()),
    ] {
        variables.set_own(name, &value);
    }
    if let Some(ca) = &context.agent.ca_file {
        variables.set_own("Agent.CAInfo", &text(ca));
    }
}
