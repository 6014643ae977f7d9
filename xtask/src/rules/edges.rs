//! Which crate of ours may depend on which. `docs/architecture.md` explains; this table is law.

use anyhow::Context as _;
use serde_json::Value;

use super::Breach;

/// Package names carry this, folders do not.
const PREFIX: &str = "coffer-";

/// The crate that every other may use in its tests.
const TESTKIT: &str = "testkit";

/// Who may use whom in normal and build dependencies, by folder name. `"*"`: all but `app`.
const ALLOWED: &[(&str, &[&str])] = &[
    (
        "app",
        &[
            "server", "service", "store", "keys", "agent", "client", "wire", "model", "pipeline",
            "sources", "outgoing", "arena",
        ],
    ),
    (TESTKIT, &["*"]),
    ("server", &["service", "wire", "model"]),
    (
        "service",
        &[
            "store", "seal", "inspect", "pipeline", "outgoing", "model", "oidc",
        ],
    ),
    ("store", &["model"]),
    ("keys", &["seal"]),
    ("agent", &["client", "pipeline", "wire"]),
    ("client", &["wire"]),
    ("sources", &["pipeline"]),
    ("model", &[]),
    ("wire", &[]),
    ("seal", &["arena"]),
    ("arena", &[]),
    ("inspect", &[]),
    ("oidc", &[]),
    ("pipeline", &[]),
    ("outgoing", &[]),
];

/// A package of the workspace and those of ours that it uses.
pub(super) struct Package {
    name: String,
    /// The folder below the root, such as `crates/store`.
    folder: String,
    uses: Vec<Use>,
}

/// One dependency on a package of ours.
struct Use {
    name: String,
    in_tests_only: bool,
}

/// Reads the packages out of `cargo metadata --no-deps`.
pub(super) fn packages(metadata: &Value) -> anyhow::Result<Vec<Package>> {
    let text = |value: &Value, key: &str| {
        value[key]
            .as_str()
            .map(str::to_owned)
            .with_context(|| format!("`cargo metadata`: {key} is missing"))
    };
    let root = text(metadata, "workspace_root")?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            let manifest = text(package, "manifest_path")?;
            let folder = manifest
                .trim_start_matches(&root)
                .trim_end_matches("Cargo.toml")
                .trim_matches('/');
            let uses = list(&package["dependencies"])
                .iter()
                .filter(|dependency| dependency["path"].is_string())
                .map(|dependency| {
                    Ok(Use {
                        name: text(dependency, "name")?,
                        in_tests_only: dependency["kind"] == "dev",
                    })
                })
                .collect::<anyhow::Result<_>>()?;
            Ok(Package {
                name: text(package, "name")?,
                folder: folder.to_owned(),
                uses,
            })
        })
        .collect()
}

/// Every edge that the table does not allow.
pub(super) fn check(packages: &[Package]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for package in packages {
        let mut say = |message: String| breaches.push(Breach::new(&package.name, message));
        if package.folder == "xtask" {
            for used in &package.uses {
                say(format!(
                    "uses {}; xtask must work when no crate of ours compiles: take this dependency out",
                    used.name
                ));
            }
            continue;
        }
        let short = package.name.strip_prefix(PREFIX).unwrap_or_default();
        if package.folder != format!("crates/{short}") {
            say(format!(
                "lies in {}; a package of ours is named {PREFIX}NAME and lies in crates/NAME",
                package.folder
            ));
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == short) else {
            say("is in no row of the edge table; a new crate needs a reason in docs/architecture.md \
                 and a row in xtask/src/rules/edges.rs"
                .to_owned());
            continue;
        };
        for used in &package.uses {
            let target = used.name.strip_prefix(PREFIX).unwrap_or(&used.name);
            let fits = allowed.contains(&target)
                || (allowed.contains(&"*") && target != "app" && target != short)
                || (used.in_tests_only && target == TESTKIT);
            if fits {
                continue;
            }
            let may = match allowed {
                [] => "nothing of ours".to_owned(),
                ["*"] => "all but app".to_owned(),
                list => list.join(", "),
            };
            say(format!(
                "may not use {}; {short} may use {may}. Move the code to a crate that may, or hand \
                 it what it needs as an argument",
                used.name
            ));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A made-up workspace: (name, folder, normal uses, uses in tests).
    fn breaches(list: &[(&str, &str, &[&str], &[&str])]) -> Vec<String> {
        let dependency = |name: &&str, kind: Value| serde_json::json!({"name": name, "kind": kind, "path": "/checkout/somewhere"});
        let packages: Vec<Value> = list
            .iter()
            .map(|(name, folder, normal, tests)| {
                let normal = normal.iter().map(|name| dependency(name, Value::Null));
                let tests = tests.iter().map(|name| dependency(name, "dev".into()));
                let foreign = serde_json::json!({"name": "serde", "kind": null});
                serde_json::json!({
                    "name": name,
                    "manifest_path": format!("/checkout/{folder}/Cargo.toml"),
                    "dependencies":
                        normal.chain(tests).chain([foreign]).collect::<Vec<_>>(),
                })
            })
            .collect();
        let metadata = serde_json::json!({"workspace_root": "/checkout", "packages": packages});
        check(&super::packages(&metadata).unwrap())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn what_the_table_allows_passes() {
        let found = breaches(&[
            (
                "coffer-app",
                "crates/app",
                &["coffer-server", "coffer-sources"],
                &["coffer-testkit"],
            ),
            (
                "coffer-store",
                "crates/store",
                &["coffer-model"],
                &["coffer-testkit"],
            ),
            (
                "coffer-testkit",
                "crates/testkit",
                &["coffer-store", "coffer-agent"],
                &[],
            ),
            ("coffer-model", "crates/model", &[], &[]),
            ("xtask", "xtask", &[], &[]),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn an_edge_outside_the_table_is_found() {
        let found = breaches(&[("coffer-server", "crates/server", &["coffer-store"], &[])]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains("server may use service, wire, model"),
            "{found:?}"
        );
    }

    #[test]
    fn the_kit_of_the_tests_is_for_tests() {
        let found = breaches(&[("coffer-store", "crates/store", &["coffer-testkit"], &[])]);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn tests_follow_the_table_but_for_the_kit() {
        let found = breaches(&[("coffer-wire", "crates/wire", &[], &["coffer-model"])]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("nothing of ours"), "{found:?}");
    }

    #[test]
    fn the_kit_knows_all_but_the_binary() {
        let found = breaches(&[("coffer-testkit", "crates/testkit", &["coffer-app"], &[])]);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        let found = breaches(&[("coffer-misc", "crates/misc", &[], &[])]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("edge table"), "{found:?}");
    }

    #[test]
    fn name_and_folder_go_together() {
        let found = breaches(&[
            ("coffer-seal", "crates/crypto", &[], &[]),
            ("seal", "crates/seal", &[], &[]),
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn the_task_runner_uses_nothing_of_ours() {
        let found = breaches(&[("xtask", "xtask", &[], &["coffer-wire"])]);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn every_row_names_crates_that_have_a_row() {
        let known = |name: &&str| *name == "*" || ALLOWED.iter().any(|(row, _)| row == name);
        for (row, allowed) in ALLOWED {
            assert!(allowed.iter().all(known), "{row}: {allowed:?}");
        }
    }
}
