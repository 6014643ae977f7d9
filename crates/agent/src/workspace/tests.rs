//! The work folder keeps what is in it in, and loses it at the end.

use super::*;
use proptest::prelude::*;
use std::os::unix::fs::{PermissionsExt as _, symlink};

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o777
}

fn begin(workspace: &Workspace) -> JobFolders {
    workspace
        .begin("4b9b9b6a-6f0d-4f43-8f7a-0d1a6ad0a1f4", ".home-x")
        .unwrap()
}

#[test]
fn folders_and_files_are_private() {
    let work = tempfile::tempdir().unwrap();
    let workspace = Workspace::open(work.path()).unwrap();
    let job = begin(&workspace);
    for folder in [
        &job.temp,
        &job.tools,
        &job.build,
        &job.home,
        &job.build.join("s"),
    ] {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    job.create("secret.p12").unwrap();
    assert_eq!(mode(&job.temp.join("secret.p12")), 0o600);
    assert_eq!(
        job.create("secret.p12").unwrap_err().kind(),
        io::ErrorKind::AlreadyExists
    );
}

#[test]
fn a_second_agent_cannot_use_the_folder() {
    let work = tempfile::tempdir().unwrap();
    let first = Workspace::open(work.path()).unwrap();
    assert!(matches!(
        Workspace::open(work.path()),
        Err(WorkspaceError::InUse(_))
    ));
    drop(first);
    Workspace::open(work.path()).unwrap();
}

#[test]
fn the_mark_of_a_killed_job_is_found_until_the_wipe() {
    let work = tempfile::tempdir().unwrap();
    let workspace = Workspace::open(work.path()).unwrap();
    begin(&workspace);
    assert_eq!(
        workspace.left_mark().as_deref(),
        Some("4b9b9b6a-6f0d-4f43-8f7a-0d1a6ad0a1f4")
    );
    workspace.wipe().unwrap();
    assert_eq!(workspace.left_mark(), None);
}

#[test]
fn links_that_a_job_planted_lead_nowhere() {
    let outside = tempfile::tempdir().unwrap();
    let precious = outside.path().join("precious");
    std::fs::write(&precious, "keep me").unwrap();
    let work = tempfile::tempdir().unwrap();
    let workspace = Workspace::open(work.path()).unwrap();
    let job = begin(&workspace);

    symlink(&precious, job.temp.join("to-file")).unwrap();
    symlink(outside.path(), job.temp.join("to-folder")).unwrap();
    // Writing: the link is in the way, and is replaced by a rename, never followed.
    assert!(job.create("to-file").is_err());
    job.create("part").unwrap();
    job.rename("part", "to-file").unwrap();
    assert!(
        !job.temp
            .join("to-file")
            .symlink_metadata()
            .unwrap()
            .is_symlink()
    );

    // The folders themselves: the job removes them and plants links instead.
    std::fs::remove_dir_all(&job.temp).unwrap();
    symlink(outside.path(), &job.temp).unwrap();
    std::fs::remove_dir_all(&job.build).unwrap();
    std::fs::write(&job.build, "a file").unwrap();
    std::fs::remove_file(work.path().join(".job")).unwrap();
    symlink(&precious, work.path().join(".job")).unwrap();
    assert_eq!(workspace.left_mark(), None);
    workspace.wipe().unwrap();
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "keep me");

    let job = begin(&workspace);
    assert!(job.temp.symlink_metadata().unwrap().is_dir());
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "keep me");
}

#[test]
fn a_deep_and_locked_tree_is_removed() {
    let work = tempfile::tempdir().unwrap();
    let workspace = Workspace::open(work.path()).unwrap();
    let job = begin(&workspace);
    // Deeper than any path can name, and than one round goes.
    let long = "d".repeat(100);
    let mut at = wipe::open_folder(rustix::fs::CWD, &job.temp).unwrap();
    for _ in 0..150 {
        rustix::fs::mkdirat(&at, &long, Mode::RWXU).unwrap();
        at = wipe::open_folder(&at, &long).unwrap();
    }
    drop(at);
    let locked = job.temp.join("locked");
    std::fs::create_dir_all(locked.join("inner/most")).unwrap();
    std::fs::write(locked.join("inner/file"), "x").unwrap();
    std::fs::create_dir(job.temp.join(".removing-1")).unwrap();
    std::fs::write(job.temp.join(".removing-1/x"), "x").unwrap();
    std::fs::set_permissions(locked.join("inner"), std::fs::Permissions::from_mode(0o000)).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o500)).unwrap();
    workspace.wipe().unwrap();
    assert!(!job.temp.exists());
}

#[test]
fn names_that_are_more_than_a_name_are_refused() {
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "/etc/passwd",
        "..\\x",
        "a\0b",
        "a\nb",
        "\u{7f}",
        "\u{85}",
    ] {
        assert!(!is_plain_name(name), "{name:?}");
    }
    for name in ["ca.pem", "...", "a b", "ä", ".env", "-rf"] {
        assert!(is_plain_name(name), "{name:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_name_leaves_the_temporary_folder(name in r"([./\\]|\.\.|[\x00-\x1f~ %]|[a-z]|\PC){0,12}") {
        if is_plain_name(&name) {
            let path = Path::new("/folder/_temp").join(&name);
            prop_assert_eq!(path.parent(), Some(Path::new("/folder/_temp")));
            prop_assert_eq!(path.file_name(), Some(std::ffi::OsStr::new(&name)));
            prop_assert_eq!(path.components().count(), 4);
        }
    }
}

#[test]
fn ten_thousand_names_write_inside_or_not_at_all() {
    use proptest::strategy::ValueTree as _;
    let work = tempfile::tempdir().unwrap();
    let workspace = Workspace::open(&work.path().join("w")).unwrap();
    let job = begin(&workspace);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = r"([./\\]|\.\.|[\x00-\x1f]|[a-z]){1,8}";
    let mut written = 0;
    for _ in 0..10_000 {
        let name = strategy.new_tree(&mut runner).unwrap().current();
        if job.create(&name).is_ok() {
            written += 1;
            assert!(std::fs::read_dir(&job.temp).unwrap().count() >= 1);
            job.remove(&name);
        }
    }
    assert!(written > 100, "the names are not all refused");
    let outside: Vec<_> = std::fs::read_dir(work.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(outside, ["w"]);
    let left: Vec<_> = std::fs::read_dir(&job.temp)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, [".home-x"]);
}
