//! One PostgreSQL cluster for one run: made in a temporary folder, reachable by a socket in that
//! folder only, gone when we are gone.
//!
//! PostgreSQL refuses to run as root, so root lends it the user `nobody`. A small shell holds
//! the server: it waits for the end of a pipe whose other end only we hold. However we end
//! (well, by Ctrl-C, killed), the pipe closes, and the shell stops the server and removes the
//! folder.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::process::quietly;

/// Safe for tests only: what a crash of the machine would lose, nobody wants back.
const SETTINGS: &str = "
listen_addresses = ''
max_connections = 200
shared_buffers = 64MB
fsync = off
synchronous_commit = off
full_page_writes = off
max_wal_size = 2GB
log_min_messages = warning
";

/// `$1`: the folder of the programs, `$2`: ours. We may be gone before it says `ready`: it must
/// not die of that.
const GUARD: &str = r#"
if ! "$1/pg_ctl" -D "$2/data" -l "$2/log" -w -t 60 start >"$2/start" 2>&1 </dev/null; then
  cat "$2/start" "$2/log" | tail -n 5 | tr '\n' ' '
  echo
  rm -rf "$2"
  exit 1
fi
trap '' PIPE
echo ready
read -r end
"$1/pg_ctl" -D "$2/data" -m immediate -w stop >"$2/start" 2>&1 </dev/null
cd /
rm -rf "$2"
"#;

/// A running cluster. Dropping it stops it.
pub(super) struct Postgres {
    folder: PathBuf,
    guard: Child,
}

impl Postgres {
    /// Makes a cluster and starts it.
    ///
    /// # Errors
    /// When no server is installed, or it does not start; the message says what it said.
    pub(super) fn start() -> anyhow::Result<Self> {
        let programs = programs().context("no PostgreSQL server is installed")?;
        let owner = if is_root()? {
            Some(unprivileged()?)
        } else {
            None
        };
        let folder = folder()?;
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("{} could not be made", folder.display()))?;
        if let Some((user, group)) = owner {
            std::os::unix::fs::chown(&folder, Some(user), Some(group))?;
        }
        let guard = launch(&programs, &folder, owner).inspect_err(|_| {
            // Nothing runs in it yet. A leftover would only take space.
            std::fs::remove_dir_all(&folder).unwrap_or_default();
        })?;
        Ok(Self { folder, guard })
    }

    /// The superuser's connection, for `COFFER_TEST_POSTGRES`.
    pub(super) fn url(&self) -> String {
        format!(
            "postgres://postgres@localhost/postgres?host={}",
            self.folder.display()
        )
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        if let Err(error) = self.guard.wait() {
            println!(
                "xtask: PostgreSQL in {} may still run: {error}",
                self.folder.display()
            );
        }
    }
}

/// Where `initdb` and `pg_ctl` are: on PATH, else the newest that Debian installed beside it.
pub(super) fn programs() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let from_path = std::env::split_paths(&on_path)
        .filter_map(|folder| folder.join("initdb").canonicalize().ok())
        .filter_map(|initdb| initdb.parent().map(Path::to_path_buf));
    let mut debian: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    debian.sort();
    let debian = debian.into_iter().rev().map(|(_, folder)| folder);
    from_path.chain(debian).find(|folder| {
        ["initdb", "pg_ctl", "postgres"]
            .iter()
            .all(|program| folder.join(program).is_file())
    })
}

/// Whether we are root: our own process's folder tells whose it is.
pub(super) fn is_root() -> anyhow::Result<bool> {
    Ok(std::fs::metadata("/proc/self")
        .or_else(|_| std::fs::metadata("."))?
        .uid()
        == 0)
}

fn launch(programs: &Path, folder: &Path, owner: Option<(u32, u32)>) -> anyhow::Result<Child> {
    let command = |program: &Path| {
        let mut command = Command::new(program);
        command.current_dir(folder);
        if let Some((user, group)) = owner {
            command.gid(group).uid(user);
        }
        command
    };
    quietly(
        command(&programs.join("initdb"))
            .arg("-D")
            .arg(folder.join("data"))
            .args(["--username=postgres", "--auth=trust", "--no-sync"])
            .args(["--encoding=UTF8", "--locale=C"]),
    )?;
    let settings = folder.join("data/postgresql.conf");
    let mut text = std::fs::read_to_string(&settings)?;
    text.push_str(SETTINGS);
    text.push_str(&format!(
        "unix_socket_directories = '{}'\n",
        folder.display()
    ));
    std::fs::write(&settings, text)?;

    let mut guard = command(Path::new("/bin/sh"))
        .args(["-c", GUARD, "coffer-test-postgres"])
        .arg(programs)
        .arg(folder)
        .process_group(0) // Ctrl-C is for us; the guard hears of it by the pipe
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    let stdout = guard.stdout.take().context("the guard has no output")?;
    BufReader::new(stdout).read_line(&mut said)?;
    if said.trim() != "ready" {
        guard.wait()?;
        bail!("PostgreSQL did not start: {}", said.trim());
    }
    Ok(guard)
}

/// A fresh folder whose name is short enough for a socket in it (about 100 bytes).
fn folder() -> anyhow::Result<PathBuf> {
    let mut parent = std::env::temp_dir();
    if parent.as_os_str().len() > 50 {
        parent = PathBuf::from("/tmp");
    }
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
    let name = parent.to_string_lossy();
    ensure!(
        name.as_bytes().iter().all(plain),
        "{name} does not fit into a connection address; set TMPDIR to a plain name"
    );
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(parent.join(format!(
        "coffer-pg-{}-{:x}",
        std::process::id(),
        since.subsec_nanos()
    )))
}

/// The user and group of `nobody`.
fn unprivileged() -> anyhow::Result<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd")?;
    let nobody = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&"nobody") && fields.len() > 3)
        .context("PostgreSQL does not run as root, and there is no user `nobody` to lend it")?;
    Ok((nobody[2].parse()?, nobody[3].parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks the running cluster one thing.
    fn ask(postgres: &Postgres, question: &str) -> anyhow::Result<String> {
        quietly(
            Command::new(programs().context("gone")?.join("psql"))
                .args(["-XAtc", question])
                .arg(postgres.url()),
        )
    }

    #[test]
    fn a_cluster_starts_answers_and_leaves_nothing() {
        if programs().is_none_or(|folder| !folder.join("psql").is_file()) {
            crate::suite::skipped("a_cluster_starts", "no PostgreSQL server is installed");
            return;
        }
        let postgres = Postgres::start().unwrap();
        let folder = postgres.folder.clone();
        assert_eq!(ask(&postgres, "select 40 + 2").unwrap().trim(), "42");
        assert_eq!(ask(&postgres, "show listen_addresses").unwrap().trim(), "");
        drop(postgres);
        assert!(!folder.exists());
    }
}
