//! The root key file sealed with a passphrase: the common suite, and what is particular to a passphrase.

#![expect(clippy::unwrap_used, reason = "a test")]

mod conformance;

use coffer_keys::FileProvider;
use coffer_keys::file::{KeyFileError, Passphrase, Settings, change_passphrase, connect};
use coffer_seal::{
    Entropy, GenerationId, KeyError, KeyLifecycle as _, KeyNotes as _, KeyProvider as _,
    ProjectKeyContext, ProjectKeySecret, os_entropy,
};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

const RIGHT: &str = "correct horse battery";
const OTHER: &str = "another staple entirely";

fn entropy() -> Arc<Entropy> {
    Arc::new(os_entropy)
}

fn typed(text: &str) -> Option<Passphrase> {
    Some(Passphrase::Typed(text.to_owned().into()))
}

fn settings(path: &Path, passphrase: Option<Passphrase>) -> Settings {
    Settings {
        path: path.to_owned(),
        passphrase,
    }
}

fn open(path: &Path, passphrase: Option<Passphrase>) -> Result<FileProvider, KeyFileError> {
    connect(&settings(path, passphrase), entropy()).map(|(provider, _)| provider)
}

fn fresh() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    (folder, path)
}

fn context() -> ProjectKeyContext {
    conformance::context(1)
}

async fn wrapped(provider: &FileProvider) -> (GenerationId, ProjectKeySecret, Vec<u8>) {
    let generation = provider.new_generation("unit-1").await.unwrap();
    let secret = ProjectKeySecret::generate(&os_entropy);
    let wrap = provider
        .wrap(&generation, &secret, &context())
        .await
        .unwrap();
    (generation, secret, wrap)
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let (_folder, path) = fresh();
    conformance::suite(Arc::new(open(&path, typed(RIGHT)).unwrap())).await;
}

#[tokio::test]
async fn the_file_alone_tells_nothing_and_opens_with_its_passphrase_only() {
    let (_folder, path) = fresh();
    let provider = open(&path, typed(RIGHT)).unwrap();
    let (generation, secret, wrap) = wrapped(&provider).await;
    provider.put_note("unit-1", "seventeen").await.unwrap();
    let text = fs::read_to_string(&path).unwrap();
    for shown in [generation.0.as_str(), "unit-1", "generation ", "seventeen"] {
        assert!(!text.contains(shown), "{shown} shows in the sealed file");
    }

    let again = open(&path, typed(RIGHT)).unwrap();
    let opened = again.unwrap(&generation, &wrap, &context()).await.unwrap();
    assert!(opened.as_bytes() == secret.as_bytes());
    assert_eq!(
        again.note("unit-1").await.unwrap().as_deref(),
        Some("seventeen")
    );
    assert!(matches!(
        open(&path, typed(OTHER)).err().unwrap(),
        KeyFileError::WrongPassphrase { .. }
    ));
    assert!(matches!(
        open(&path, None).err().unwrap(),
        KeyFileError::NoPassphrase { .. }
    ));
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        text,
        "nobody changed the file"
    );
}

#[tokio::test]
async fn damage_is_told_from_a_wrong_passphrase() {
    let (_folder, path) = fresh();
    wrapped(&open(&path, typed(RIGHT)).unwrap()).await;
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut damaged: Vec<String> = (0..text.len())
        .step_by(97)
        .filter(|end| text.is_char_boundary(*end))
        .map(|end| text[..end].to_owned())
        .collect();
    for at in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(at);
        damaged.push(without.join("\n") + "\n");
    }
    damaged.push(text.replacen("passes=3", "passes=2", 1));
    damaged.push(text.replacen("memory=65536", "memory=4294967295", 1));
    for changed in damaged {
        fs::write(&path, &changed).unwrap();
        let refused = open(&path, typed(RIGHT)).err().unwrap();
        assert!(
            matches!(
                refused,
                KeyFileError::Damaged { .. } | KeyFileError::Unknown { .. }
            ),
            "{refused}\n{changed}"
        );
    }
    fs::write(&path, &text).unwrap();
    open(&path, typed(RIGHT)).unwrap();
}

#[tokio::test]
async fn a_file_that_is_not_sealed_is_not_taken_for_one_that_is() {
    let (_folder, path) = fresh();
    open(&path, None).unwrap();
    assert!(matches!(
        open(&path, typed(RIGHT)).err().unwrap(),
        KeyFileError::NotSealed { .. }
    ));
}

#[tokio::test]
async fn the_passphrase_is_changed_under_a_provider_that_goes_on() {
    let (folder, path) = fresh();
    let words = folder.path().join("words");
    fs::write(&words, format!("{RIGHT}\n")).unwrap();
    fs::set_permissions(&words, fs::Permissions::from_mode(0o600)).unwrap();
    let from_file = || Some(Passphrase::File(words.clone()));
    open(&path, None).unwrap();
    let (generation, secret, wrap) = wrapped(&open(&path, None).unwrap()).await;

    change_passphrase(&settings(&path, None), from_file(), &entropy()).unwrap();
    let running = open(&path, from_file()).unwrap();
    fs::write(&words, format!("{OTHER}\n")).unwrap();
    change_passphrase(&settings(&path, typed(RIGHT)), from_file(), &entropy()).unwrap();
    let opened = running
        .unwrap(&generation, &wrap, &context())
        .await
        .unwrap();
    assert!(opened.as_bytes() == secret.as_bytes());
    running.put_note("unit-1", "after").await.unwrap();

    // What could not be opened is not changed.
    let wrong = change_passphrase(&settings(&path, typed(RIGHT)), None, &entropy());
    assert!(matches!(wrong, Err(KeyError::Unavailable { .. })));
    change_passphrase(&settings(&path, typed(OTHER)), None, &entropy()).unwrap();
    let plain = open(&path, None).unwrap();
    assert_eq!(
        plain.note("unit-1").await.unwrap().as_deref(),
        Some("after")
    );
}

#[tokio::test]
async fn a_weak_passphrase_or_one_that_others_can_read_seals_nothing() {
    let (folder, path) = fresh();
    let words = folder.path().join("words");
    fs::write(&words, RIGHT).unwrap();
    for (mode, good) in [(0o644, false), (0o660, false), (0o640, true)] {
        fs::set_permissions(&words, fs::Permissions::from_mode(mode)).unwrap();
        let opened = open(&path, Some(Passphrase::File(words.clone())));
        assert_eq!(opened.is_ok(), good, "{mode:o}");
    }
    let (_folder, path) = fresh();
    for weak in ["", "eleven char"] {
        assert!(matches!(
            open(&path, typed(weak)).err().unwrap(),
            KeyFileError::Passphrase { .. }
        ));
        assert!(!path.exists());
    }
    let shown = format!("{:?}", settings(&path, typed(RIGHT)));
    assert!(!shown.contains("horse"), "{shown}");
}
