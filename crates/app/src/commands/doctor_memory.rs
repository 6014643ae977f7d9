//! What `coffer doctor` tells of memory: whether the keys of the server that runs are locked, whether it leaves cores, and
//! where its pages go when memory is short. From what the system tells everybody; nothing of the server is read.
//!
//! Without a running server it tells what one that is started in the same way would get. Must not know keys.

use coffer_service::{Finding, Health};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

const CHECK: &str = "memory";
/// Bytes to lock that are enough for 80,000 keys at once.
const WISH: u64 = 8 << 20;
const LOCKING: &str = "systemd: LimitMEMLOCK=8M; containers: --ulimit memlock=8388608:8388608";
const SWAPPING: &str = "keep the service out of swap: systemd: MemorySwapMax=0; containers: --memory-swap equal to \
                        --memory; or encrypt the swap, or do without";

/// The root of `/proc` and `/sys`.
pub(super) struct System(pub(super) PathBuf);

impl System {
    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.0.join(path)).ok()
    }

    /// The process that holds the lock of a database file, which a server does as long as it runs.
    pub(super) fn server(&self, database: &Path) -> Option<u32> {
        let mut name = database.file_name()?.to_owned();
        name.push(".lock");
        let lock = database.with_file_name(name).metadata().ok()?;
        // major:minor:inode, the first two hexadecimal.
        let (major, minor) = (rustix::fs::major(lock.dev()), rustix::fs::minor(lock.dev()));
        let wanted = format!("{major:02x}:{minor:02x}:{}", lock.ino());
        let locks = self.read("proc/locks")?;
        locks.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            let held = words.any(|word| word == "FLOCK");
            let pid = words.nth(2)?;
            (held && words.next()? == wanted).then(|| pid.parse().ok())?
        })
    }
}

/// The findings. `may_lock` and `unlocked` are this process's own: the limit, and whether its pages for keys were refused.
pub(super) fn look(
    system: &System,
    database: Option<&Path>,
    may_lock: Option<u64>,
    unlocked: bool,
) -> Vec<Finding> {
    let server = database.and_then(|database| system.server(database));
    let mut found = match server {
        Some(pid) => of_server(system, pid),
        None => vec![of_this_command(may_lock, unlocked)],
    };
    let process = server.map_or("self".to_owned(), |pid| pid.to_string());
    found.extend(swap(system, &process, server.is_some()));
    found
}

fn of_this_command(limit: Option<u64>, unlocked: bool) -> Finding {
    let limit = limit.map_or("no limit".to_owned(), |limit| {
        format!("a limit of {limit} bytes")
    });
    if unlocked {
        return Finding::new(
            CHECK,
            Health::Warning,
            format!("no server was found to run here; one started like this command could not lock its keys: {limit}"),
        )
        .next(LOCKING);
    }
    Finding::new(
        CHECK,
        Health::Well,
        format!(
            "no server was found to run here; one started like this command can lock its keys, with {limit}. A service has its own"
        ),
    )
}

/// What the system tells of the server's process.
fn of_server(system: &System, pid: u32) -> Vec<Finding> {
    let status = system
        .read(&format!("proc/{pid}/status"))
        .unwrap_or_default();
    let limits = system
        .read(&format!("proc/{pid}/limits"))
        .unwrap_or_default();
    let kilobytes = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let limit = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next().map(str::to_owned)
    };
    let server = format!("the server that runs (process {pid})");
    let untold = |what: &str| {
        let text = format!("{server}: the system does not tell {what}");
        Finding::new(CHECK, Health::Note, text)
    };
    let mut found = Vec::new();
    found.push(match (kilobytes("VmLck:"), limit("Max locked memory")) {
        (Some(0), limit) => Finding::new(
            CHECK,
            Health::Warning,
            format!(
                "{server} has nothing locked: its keys may be written to swap. It may lock {} bytes",
                limit.unwrap_or_else(|| "an unknown number of".into())
            ),
        )
        .next(LOCKING),
        (Some(locked), Some(limit)) => {
            let text = format!("{server} has {locked} KiB for keys locked; it may lock {limit} bytes");
            match limit.parse::<u64>().is_ok_and(|limit| limit < WISH) {
                true => Finding::new(CHECK, Health::Note, text)
                    .next(format!("more keys at once need more: {LOCKING}")),
                false => Finding::new(CHECK, Health::Well, text),
            }
        }
        _ => untold("what it has locked"),
    });
    found.push(match limit("Max core file size").as_deref() {
        Some("0") => Finding::new(CHECK, Health::Well, format!("{server} writes no cores")),
        Some(size) => Finding::new(
            CHECK,
            Health::Warning,
            format!("{server} may write cores of {size} bytes: they hold keys"),
        )
        .next("systemd: LimitCORE=0; containers: --ulimit core=0; Coffer's own log says why it could not"),
        None => untold("whether it writes cores"),
    });
    let user = kilobytes("Uid:");
    let owner = fs::metadata(system.0.join(format!("proc/{pid}"))).map(|folder| folder.uid());
    found.push(match (user, owner) {
        // What is not dumpable belongs to root.
        (Some(0), _) => {
            untold("whether it is closed to others, as it runs as root; root reads everything")
        }
        (Some(user), Ok(owner)) if user != u64::from(owner) => Finding::new(
            CHECK,
            Health::Well,
            format!("{server} is closed to other processes of its user"),
        ),
        (Some(_), Ok(_)) => Finding::new(
            CHECK,
            Health::Warning,
            format!("{server} is dumpable: other processes of its user can read its keys"),
        )
        .next("Coffer's own log says why it could not close itself; give it a user of its own"),
        _ => untold("whether it is closed to others"),
    });
    if let Some(swapped @ 1..) = kilobytes("VmSwap:") {
        let text = format!("{swapped} KiB of {server} are in swap");
        found.push(Finding::new(CHECK, Health::Note, text));
    }
    found
}

/// Where pages go when memory is short.
fn swap(system: &System, process: &str, served: bool) -> Vec<Finding> {
    let Some(swaps) = system.read("proc/swaps") else {
        let text = "whether there is swap is not told by this system";
        return vec![Finding::new("swap", Health::Note, text)];
    };
    let devices: Vec<&str> = swaps
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    if devices.is_empty() {
        return vec![Finding::new("swap", Health::Well, "this machine has none")];
    }
    if served && kept_out(system, process) {
        let text = "the server's control group keeps it out of swap";
        return vec![Finding::new("swap", Health::Well, text)];
    }
    devices
        .into_iter()
        .map(|device| match covered(system, device) {
            Some(how) => Finding::new("swap", Health::Well, format!("{device} {how}")),
            None => Finding::new(
                "swap",
                Health::Warning,
                format!(
                    "{device} is not known to be encrypted: the content of requests may be written there in the clear. A disk that \
                     encrypts by itself, or one below a file, does not tell"
                ),
            )
            .next(SWAPPING),
        })
        .collect()
}

/// Whether `memory.swap.max` of a process's control group (version 2), or of one above it, is 0.
fn kept_out(system: &System, process: &str) -> bool {
    let groups = system.read(&format!("proc/{process}/cgroup"));
    let group = groups
        .as_deref()
        .and_then(|groups| groups.lines().find_map(|line| line.strip_prefix("0::/")));
    let mut group = group.map(Path::new);
    while let Some(here) = group {
        let file = Path::new("sys/fs/cgroup")
            .join(here)
            .join("memory.swap.max");
        let most = fs::read_to_string(system.0.join(file));
        if most.is_ok_and(|most| most.trim() == "0") {
            return true;
        }
        group = here.parent();
    }
    false
}

/// Why what is written to a device cannot be read from a disk, as far as the system tells.
fn covered(system: &System, device: &str) -> Option<&'static str> {
    let real = fs::canonicalize(system.0.join(device.trim_start_matches('/')));
    let name = match &real {
        Ok(real) => real.file_name()?.to_str()?.to_owned(),
        Err(_) => Path::new(device).file_name()?.to_str()?.to_owned(),
    };
    if !device.starts_with("/dev/") {
        return None; // a file
    }
    if name.starts_with("zram") {
        let backing = system.read(&format!("sys/block/{name}/backing_dev"));
        return (backing?.trim() == "none").then_some("is compressed memory, and on no disk");
    }
    encrypted(system, &name, 0).then_some("is encrypted")
}

/// Whether a device, or each that it lies on, is one of dm-crypt.
fn encrypted(system: &System, name: &str, depth: u8) -> bool {
    let uuid = system.read(&format!("sys/block/{name}/dm/uuid"));
    if uuid.is_some_and(|uuid| uuid.starts_with("CRYPT-")) {
        return true;
    }
    let below = fs::read_dir(system.0.join(format!("sys/block/{name}/slaves")));
    let names: Vec<String> = below
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    depth < 8 && !names.is_empty() && names.iter().all(|name| encrypted(system, name, depth + 1))
}

#[cfg(test)]
#[path = "doctor_memory_tests.rs"]
mod tests;
