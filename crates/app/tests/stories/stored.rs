//! A folder with a pipeline and its templates, stored as people type it: what goes with it, what does not, what runs.

use crate::harness::{Done, Person, Site, coffer};
use std::path::{Path, PathBuf};

const ROOT: &str = "\
parameters:
- name: environment
  default: test
  values: [test, production]
steps:
- template: templates/build.yml
- ${{ if eq(parameters.environment, 'production') }}:
  - template: /templates/publish.yml
";
const BUILD: &str = "steps:\n- script: echo build\n- template: deep/end.yml\n";
const END: &str = "steps:\r\n- script: echo the end\r\n";

/// A working copy of a repository with these files.
fn copy(site: &Site, files: &[(&str, &[u8])]) -> PathBuf {
    let folder = site.folder("copy");
    std::fs::create_dir_all(folder.join(".git")).unwrap();
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

async fn here(person: &Person, folder: &Path, words: &[&str]) -> Done {
    let mut command = coffer(&person.home, words);
    command.current_dir(folder);
    Done::of(command).await
}

#[tokio::test]
async fn a_folder_is_stored_with_one_command_and_runs() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let folder = copy(
        &site,
        &[
            ("azure-pipelines.yml", ROOT.as_bytes()),
            ("templates/build.yml", BUILD.as_bytes()),
            ("templates/deep/end.yml", END.as_bytes()),
            ("templates/publish.yml", b"steps:\n- script: echo publish\n"),
            ("templates/unused.yml", b"steps: []\n"),
        ],
    );
    here(&ada, &folder, &["pipeline", "add", "azure-pipelines.yml"])
        .await
        .ends(0)
        .says("Stored with it: templates/build.yml, templates/deep/end.yml, templates/publish.yml.")
        .says("Run it: coffer run start azure-pipelines");
    let shown = ada.coffer(&["pipeline", "show", "azure-pipelines"]).await;
    shown
        .ends(0)
        .shows("templates/deep/end.yml")
        .shows("parameters:");
    let yaml = ada
        .coffer(&["pipeline", "show", "azure-pipelines", "--yaml"])
        .await
        .ends(0);
    assert_eq!(yaml.out, ROOT);
    for (path, text) in [
        ("templates/deep/end.yml", END),
        ("azure-pipelines.yml", ROOT),
    ] {
        let file = ada
            .coffer(&["pipeline", "show", "azure-pipelines", "--file", path])
            .await
            .ends(0);
        assert_eq!(file.out, text, "byte for byte");
    }
    ada.coffer(&[
        "pipeline",
        "show",
        "azure-pipelines",
        "--file",
        "templates/biuld.yml",
    ])
    .await
    .ends(3)
    .says("templates/build.yml");
    let json = ada
        .coffer(&["pipeline", "show", "azure-pipelines", "--output", "json"])
        .await
        .ends(0)
        .json();
    assert_eq!(
        json["configuration"]["files"][0]["path"],
        "templates/build.yml"
    );

    let mut agent = site.agent_command(&ada, "builder").await;
    agent.arg("--once");
    let production = [
        "run",
        "start",
        "azure-pipelines",
        "--parameter",
        "environment=production",
    ];
    ada.coffer(&production).await.ends(0);
    assert!(site.run(agent).end().await.success());
    let log = ada.coffer(&["run", "log", "1"]).await.ends(0);
    log.shows("echo build")
        .shows("echo the end")
        .shows("echo publish");

    // The next revision is whole: from another place of the same folder, without a file that went.
    std::fs::remove_file(folder.join("templates/publish.yml")).unwrap();
    let update = [
        "pipeline",
        "update",
        "azure-pipelines",
        "../azure-pipelines.yml",
    ];
    here(&ada, &folder.join("templates"), &update)
        .await
        .ends(0)
        .says("revision 2")
        .says("Stored with it: templates/build.yml, templates/deep/end.yml.")
        .says("Not stored: templates/publish.yml, named at azure-pipelines.yml:8:15: there is no such file");
    ada.coffer(&production)
        .await
        .ends(6)
        .says("azure-pipelines.yml:8:15: File templates/publish.yml not found")
        .says("coffer pipeline update 1 FILE");
}

#[tokio::test]
async fn nothing_outside_of_the_folder_is_stored_and_what_is_left_is_told() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let secret = site.file("secret.yml", "steps: [] # the secret\n");
    let folder = copy(
        &site,
        &[
            (
                "ci/main.yml",
                b"resources: {repositories: [{repository: tools, type: git, name: t}]}
parameters: [{name: kind, default: one}]
steps:
- template: ../link.yml
- template: ../../secret.yml
- template: ../.env
- template: bytes.yml
- template: shared.yml@tools
- template: kinds/${{ parameters.kind }}.yml
- template: kinds/${{ parameters.kind }}.txt
",
            ),
            (".env", b"TOKEN=the secret\n"),
            ("ci/bytes.yml", b"steps: [] # \xff the secret\n"),
            ("ci/kinds/one.yml", b"steps: []\n"),
            ("ci/kinds/one.txt", b"steps: []\n"),
            ("ci/kinds/two.yml", b"steps: []\n"),
            ("ci/kinds/.three.yml", b"steps: []\n"),
        ],
    );
    std::os::unix::fs::symlink(&secret, folder.join("link.yml")).unwrap();
    std::os::unix::fs::symlink(&secret, folder.join("ci/kinds/link.yml")).unwrap();
    let added = here(&ada, &folder, &["pipeline", "add", "ci/main.yml"])
        .await
        .ends(0);
    added
        .says("Stored with it: ci/kinds/one.yml.")
        .says("Not stored: link.yml, named at ci/main.yml:4:13: it leads out of the folder.")
        .says("Not stored: .env, named at ci/main.yml:6:13, is not called .yml or .yaml")
        .says("Not stored: ci/bytes.yml, named at ci/main.yml:7:13: it is not UTF-8 text.")
        .says("Not stored: shared.yml@tools, named at ci/main.yml:8:13: files of other repositories cannot be stored yet.")
        .says("Not stored: kinds/${{ parameters.kind }}.yml, named at ci/main.yml:9:13, depends on the run")
        .says("Not stored: ci/kinds/one.txt, is not called .yml")
        .says("It cannot run yet:");
    let stored = async || {
        let shown = ada
            .coffer(&["pipeline", "show", "main", "-o", "json"])
            .await
            .ends(0);
        assert!(!shown.out.contains("the secret"), "{}", shown.out);
        let json = shown.json();
        assert_eq!(json["configuration"]["path"], "ci/main.yml");
        let files = json["configuration"]["files"].as_array().unwrap().clone();
        files
            .iter()
            .map(|file| file["path"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(stored().await, ["ci/kinds/one.yml"]);

    let include = [
        "pipeline",
        "update",
        "main",
        "ci/main.yml",
        "--include",
        "ci/kinds",
        "--include",
        "ci/kinds/one.txt",
    ];
    let updated = here(&ada, &folder, &include).await.ends(0);
    assert!(
        !updated.err.contains("depends on the run"),
        "{}",
        updated.err
    );
    assert_eq!(
        stored().await,
        ["ci/kinds/one.txt", "ci/kinds/one.yml", "ci/kinds/two.yml"]
    );

    let outside = [
        "pipeline",
        "update",
        "main",
        "ci/main.yml",
        "--include",
        &secret,
    ];
    here(&ada, &folder, &outside)
        .await
        .ends(2)
        .says("is not below");
    let inside = [
        "pipeline",
        "update",
        "main",
        "ci/main.yml",
        "--root",
        "ci/kinds",
    ];
    here(&ada, &folder, &inside).await.ends(2).says("--root");
    std::fs::write(folder.join("ci/bytes.yml"), "#".repeat((1 << 20) + 1)).unwrap();
    here(
        &ada,
        &folder,
        &["pipeline", "update", "main", "ci/main.yml"],
    )
    .await
    .ends(6)
    .says("ci/bytes.yml is too large");
    let many: String = (0..101)
        .map(|n| format!("- template: t/{n}.yml\n"))
        .collect();
    std::fs::create_dir(folder.join("t")).unwrap();
    for n in 0..101 {
        std::fs::write(folder.join(format!("t/{n}.yml")), "steps: []\n").unwrap();
    }
    std::fs::write(folder.join("many.yml"), format!("steps:\n{many}")).unwrap();
    here(&ada, &folder, &["pipeline", "add", "many.yml"])
        .await
        .ends(6)
        .says("at most 100 files");
    // Standard input is alone.
    let input = coffer(&ada.home, &["pipeline", "add", "-", "--name", "piped"]);
    let piped = Done::with_input(input, b"steps:\n- template: templates/a.yml\n").await;
    piped
        .ends(0)
        .says("File templates/a.yml not found")
        .says("coffer pipeline update");
    let input = coffer(
        &ada.home,
        &["pipeline", "update", "piped", "-", "--include", "x"],
    );
    Done::with_input(input, b"steps: []\n")
        .await
        .ends(2)
        .says("no files beside it");
}

#[tokio::test]
async fn a_pipeline_that_takes_values_is_not_called_broken() {
    let site = Site::new();
    let server = site.serve().await;
    let ada = site.administrator(&server).await;
    let takes = "parameters:\n- name: environment\n- name: level\n  type: number\nsteps:\n- script: echo ${{ parameters.environment }}\n";
    let file = site.file("takes.yml", takes);
    let command =
        "Run it: coffer run start 'to take' --parameter environment=… --parameter level=…";
    let added = ada
        .coffer(&["pipeline", "add", &file, "--name", "to take"])
        .await
        .ends(0);
    let added = added
        .says("A run must be given what has no default: environment, level.")
        .says(command);
    assert!(!added.err.contains("cannot run"), "{}", added.err);
    let updated = ada
        .coffer(&["pipeline", "update", "to take", &file])
        .await
        .ends(0);
    let updated = updated.says(command);
    assert!(!updated.err.contains("Mend it"), "{}", updated.err);
    // With a mistake beside it, the mistake is what counts.
    let wrong = site.file("wrong.yml", format!("{takes}- scrip: x\n"));
    let updated = ada
        .coffer(&["pipeline", "update", "to take", &wrong])
        .await
        .ends(0);
    updated.says("It cannot run yet:").says("wrong.yml:7:3");
}
