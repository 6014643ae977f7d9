//! The file provider: the common suite, and what is particular to a file.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test; it starts itself again to have several processes"
)]

mod conformance;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use coffer_keys::FileProvider;
use coffer_keys::file::{Created, KeyFileError, State};
use coffer_seal::{
    Entropy, GenerationId, KeyError, KeyLifecycle as _, KeyProvider as _, ProjectKeyContext,
    ProjectKeySecret, os_entropy,
};
use tempfile::TempDir;

fn entropy() -> Arc<Entropy> {
    Arc::new(os_entropy)
}

fn open(path: &Path) -> FileProvider {
    FileProvider::open_or_create(path, entropy()).unwrap().0
}

fn fresh() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root-keys");
    (folder, path)
}

fn refusal(path: &Path) -> KeyFileError {
    FileProvider::open_or_create(path, entropy())
        .err()
        .expect("it was accepted")
}

fn context() -> ProjectKeyContext {
    conformance::context(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let (_folder, path) = fresh();
    conformance::suite(Arc::new(open(&path))).await;
}

#[tokio::test]
async fn the_first_start_creates_a_private_file_and_the_next_one_finds_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config/coffer/root-keys");
    let (provider, created) = FileProvider::open_or_create(&path, entropy()).unwrap();
    assert_eq!(created, Created::New);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(
        fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777,
        0o700
    );

    let id = provider.new_generation("unit-1").await.unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().mode() & 0o777,
        0o600,
        "replacing keeps the mode"
    );
    let secret = ProjectKeySecret::generate(&os_entropy);
    let wrapped = provider.wrap(&id, &secret, &context()).await.unwrap();

    let (again, created) = FileProvider::open_or_create(&path, entropy()).unwrap();
    assert_eq!(created, Created::Existing);
    let opened = again.unwrap(&id, &wrapped, &context()).await.ok().unwrap();
    assert!(opened.as_bytes() == secret.as_bytes());
    let listed = again.generations().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (
            listed[0].id.as_str(),
            listed[0].scale_unit.as_str(),
            listed[0].state
        ),
        (&*id.0, "unit-1", State::Active)
    );
    assert!(
        listed[0].created > 1_700_000_000,
        "the file system told the time"
    );
}

#[test]
fn a_file_that_others_may_use_is_refused() {
    for mode in [0o640, 0o604, 0o620, 0o601] {
        let (_folder, path) = fresh();
        open(&path);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = refusal(&path);
        assert!(
            matches!(error, KeyFileError::TooOpen { mode: told, .. } if told == mode),
            "{error:?}"
        );
        assert!(
            error.to_string().contains("600"),
            "it says what to do: {error}"
        );
    }
}

#[test]
fn links_and_other_things_are_refused() {
    let (folder, path) = fresh();
    open(&path);
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(matches!(refusal(&link), KeyFileError::NotRegular { .. }));

    let dangling = folder.path().join("dangling");
    symlink(folder.path().join("elsewhere"), &dangling).unwrap();
    assert!(matches!(
        refusal(&dangling),
        KeyFileError::NotRegular { .. }
    ));
    assert!(
        !folder.path().join("elsewhere").exists(),
        "nothing was created through the link"
    );

    let pipe = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .args(["-m", "600"])
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    assert!(
        matches!(refusal(&pipe), KeyFileError::NotRegular { .. }),
        "and it did not wait for a writer"
    );
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() {
    let (folder, path) = fresh();
    open(&path);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(refusal(&path), KeyFileError::OpenFolder { .. }));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    open(&path);
}

#[tokio::test]
async fn a_damaged_file_is_never_repaired() {
    let (_folder, path) = fresh();
    let provider = open(&path);
    let id = provider.new_generation("unit-1").await.unwrap();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(refusal(&path), KeyFileError::Damaged { .. }));
    fs::write(&path, "").unwrap();
    assert!(matches!(refusal(&path), KeyFileError::Unknown { .. }));
    assert!(matches!(
        provider.new_generation("unit-1").await,
        Err(KeyError::Unavailable { .. })
    ));
    assert_eq!(fs::read(&path).unwrap(), b"", "nothing was written over it");
    fs::write(&path, &whole).unwrap();
    provider.disable(&id).await.unwrap();
}

#[tokio::test]
async fn what_another_process_disables_is_refused_at_once_and_can_be_enabled_again() {
    let (_folder, path) = fresh();
    let (server, operator) = (open(&path), open(&path));
    let id = server.new_generation("unit-1").await.unwrap();
    let secret = ProjectKeySecret::generate(&os_entropy);
    let wrapped = server.wrap(&id, &secret, &context()).await.unwrap();

    operator.disable(&id).await.unwrap();
    assert!(matches!(
        server.unwrap(&id, &wrapped, &context()).await,
        Err(KeyError::Disabled { .. })
    ));
    operator.enable(&id).await.unwrap();
    assert!(server.unwrap(&id, &wrapped, &context()).await.is_ok());
}

#[tokio::test]
async fn a_destroyed_key_is_nowhere_in_the_folder() {
    let (folder, path) = fresh();
    let provider = open(&path);
    let id = provider.new_generation("unit-1").await.unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let key = text
        .split("key=")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    provider.disable(&id).await.unwrap();
    fs::write(folder.path().join("root-keys.new"), &text).unwrap(); // as a crash would leave it
    provider.destroy(&id).await.unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let content = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!content.contains(key) && !content.contains(&id.0));
    }
}

#[test]
fn a_leftover_of_a_crash_is_removed_at_the_next_start() {
    let (folder, path) = fresh();
    open(&path);
    let leftover = folder.path().join("root-keys.new");
    fs::copy(&path, &leftover).unwrap();
    open(&path);
    assert!(!leftover.exists());
}

#[tokio::test]
async fn an_unsuitable_scale_unit_is_told_apart_from_an_outage() {
    let (_folder, path) = fresh();
    let provider = open(&path);
    assert!(matches!(
        provider.new_generation("two words").await,
        Err(KeyError::Refused { .. })
    ));
    fs::remove_file(&path).unwrap();
    assert!(matches!(
        provider.new_generation("unit-1").await,
        Err(KeyError::Unavailable { .. })
    ));
    let unknown = GenerationId("f".into());
    assert!(matches!(
        provider.disable(&unknown).await,
        Err(KeyError::Unavailable { .. })
    ));
    assert!(
        !path.exists(),
        "a lost root key file is not silently made anew"
    );
}

/// Several processes add generations at the same time: none is lost, and only one creates the file.
#[test]
fn processes_take_turns() {
    const CHILD: &str = "COFFER_TEST_KEY_FILE";
    const EACH: usize = 8;
    if let Some(path) = std::env::var_os(CHILD) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let provider = open(Path::new(&path));
        for _ in 0..EACH {
            runtime.block_on(provider.new_generation("unit-1")).unwrap();
        }
        return;
    }
    let (_folder, path) = fresh();
    let children: Vec<_> = (0..4)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "processes_take_turns"])
                .env(CHILD, &path)
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let ids: std::collections::BTreeSet<_> = open(&path)
        .generations()
        .unwrap()
        .into_iter()
        .map(|generation| generation.id)
        .collect();
    assert_eq!(ids.len(), 4 * EACH);
}
