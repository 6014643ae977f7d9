//! `coffer pipeline validate`: no server, no sign-in, templates from folders, and every mistake with its place.

use crate::harness::{Done, coffer};
use std::path::Path;
use tempfile::TempDir;

const MAIN: &str = "\
parameters:
- name: environment
  values: [test, production]
steps:
- template: ci/sign.yml
  parameters:
    keystore: release.jks
- ${{ if eq(parameters.environment, 'production') }}:
  - script: ./publish.sh
- task: SomebodysTask@3
  inputs: {any: thing}
";
const SIGN: &str = "\
parameters:
- name: keystore
steps:
- task: DownloadSecureFile@1
  inputs:
    secureFile: ${{ parameters.keystore }}
";

/// A working copy of a repository with these files.
fn repository(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

async fn validate(folder: &Path, arguments: &[&str]) -> Done {
    let arguments = [&["pipeline", "validate"], arguments].concat();
    Done::of(coffer(folder, &arguments)).await
}

#[tokio::test]
async fn a_valid_pipeline_says_what_it_uses_and_what_it_becomes() {
    let folder = repository(&[("azure-pipelines.yml", MAIN), ("ci/sign.yml", SIGN)]);
    let given = [
        "azure-pipelines.yml",
        "--parameter",
        "environment=production",
    ];
    validate(folder.path(), &given)
        .await
        .ends(0)
        .shows("ci/sign.yml")
        .shows("release.jks");
    let text = validate(folder.path(), &[&given[..], &["--final-yaml"]].concat())
        .await
        .ends(0);
    assert_eq!(
        text.out,
        "steps:\n- task: DownloadSecureFile@1\n  inputs:\n    secureFile: release.jks\n- script: ./publish.sh\n- task: SomebodysTask@3\n  inputs:\n    any: thing\n"
    );
    let told = validate(folder.path(), &[&given[..], &["--output", "json"]].concat())
        .await
        .ends(0)
        .json();
    assert_eq!(told["valid"], true);
    assert_eq!(told["secureFiles"][0], "release.jks");
    assert_eq!(told["runnable"], true);
}

#[tokio::test]
async fn what_a_server_cannot_run_yet_is_told_and_no_mistake() {
    let stages = "stages:\n- stage: A\n  jobs:\n  - job: J\n    steps:\n    - script: a\n- stage: B\n  jobs:\n  - job: J\n    steps:\n    - script: b\n";
    let folder = repository(&[("azure-pipelines.yml", stages)]);
    validate(folder.path(), &["azure-pipelines.yml"])
        .await
        .ends(0)
        .shows("azure-pipelines.yml:7:3: warning: this server runs pipelines with one stage");
    let told = validate(folder.path(), &["azure-pipelines.yml", "--output", "json"])
        .await
        .ends(0)
        .json();
    assert_eq!(
        (&told["valid"], &told["runnable"]),
        (&true.into(), &false.into())
    );
}

#[tokio::test]
async fn mistakes_are_told_to_people_editors_and_code_scanning() {
    let wrong = SIGN.replace("parameters.keystore", "parameters.keystroe");
    let folder = repository(&[("azure-pipelines.yml", MAIN), ("ci/sign.yml", &wrong)]);
    let given = ["azure-pipelines.yml", "--parameter", "environment=staging"];
    let done = validate(folder.path(), &given).await.ends(6);
    done.shows("azure-pipelines.yml:2:9: error: The 'environment' parameter value 'staging' is not a valid value")
        .shows("ci/sign.yml:6:32: error: Key not found 'keystroe'")
        .shows("  6 |     secureFile: ${{ parameters.keystroe }}\n    |                                ^")
        .shows("hint: did you mean `keystore`?")
        .shows("used at azure-pipelines.yml:5:3")
        .says("The pipeline is not valid: 2 errors.");

    let sarif = validate(folder.path(), &[&given[..], &["--sarif"]].concat())
        .await
        .ends(6)
        .json();
    assert_eq!(sarif["version"], "2.1.0");
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let inside = &results[1];
    assert_eq!(inside["ruleId"], "parameter");
    let place = &inside["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "ci/sign.yml");
    assert_eq!(place["region"]["startLine"], 6);
    let used = &inside["relatedLocations"][0]["physicalLocation"];
    assert_eq!(used["artifactLocation"]["uri"], "azure-pipelines.yml");

    let told = validate(folder.path(), &[&given[..], &["--output", "json"]].concat())
        .await
        .ends(6)
        .json();
    assert_eq!(told["errors"][1]["usedAt"][0]["line"], 5);
}

#[tokio::test]
async fn other_repositories_are_folders_and_nothing_is_read_outside_of_them() {
    let main = "\
resources:
  repositories:
  - repository: shared
    type: git
    name: Fabrikam/Shared
steps:
- template: steps.yml@shared
- template: link.yml
";
    let folder = repository(&[("azure-pipelines.yml", main)]);
    let shared = repository(&[("steps.yml", "steps:\n- script: shared\n")]);
    let outside = folder.path().with_extension("outside.yml");
    std::fs::write(&outside, "steps:\n- script: secret\n").unwrap();
    std::os::unix::fs::symlink(&outside, folder.path().join("link.yml")).unwrap();

    validate(folder.path(), &["azure-pipelines.yml"])
        .await
        .ends(6)
        .shows("File steps.yml@shared not found")
        .says("--repository shared=FOLDER");
    let given = format!("shared={}", shared.path().display());
    let done = validate(
        folder.path(),
        &["azure-pipelines.yml", "--repository", &given],
    )
    .await
    .ends(6)
    .shows("File link.yml not found");
    assert!(
        !done.out.contains("steps.yml@shared") && !done.out.contains("secret"),
        "{}",
        done.out
    );
    std::fs::remove_file(outside).unwrap();
}

#[tokio::test]
async fn standard_input_is_a_pipeline_too() {
    let folder = repository(&[("ci/sign.yml", SIGN)]);
    let text = MAIN.replace("  values: [test, production]\n", "  default: test\n");
    let command = coffer(
        folder.path(),
        &["pipeline", "validate", "-", "--final-yaml"],
    );
    let done = Done::with_input(command, text.as_bytes()).await.ends(0);
    assert!(
        done.out
            .starts_with("steps:\n- task: DownloadSecureFile@1\n"),
        "{}",
        done.out
    );
    let nothing = validate(folder.path(), &["missing.yml"]).await;
    nothing.ends(3).says("missing.yml");
}
