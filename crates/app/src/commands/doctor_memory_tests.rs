//! What is told of memory, from what a system says of itself in a folder.

use super::*;
use std::fs::File;

const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units
Max core file size        CORE                 0                    bytes
Max locked memory         LOCK                 LOCK                 bytes
";
const SWAPS: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

struct Machine {
    folder: tempfile::TempDir,
    system: System,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let system = System(folder.path().to_owned());
        let machine = Self { folder, system };
        machine.put("proc/swaps", SWAPS);
        machine
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A server of process 77, of this user or of another, with these limits.
    fn serves(&self, locked: u64, lock: &str, core: &str, user: u32) -> PathBuf {
        let database = self.folder.path().join("coffer.db");
        let lock_file = self.folder.path().join("coffer.db.lock");
        let about = File::create(lock_file).unwrap().metadata().unwrap();
        let (major, minor) = (
            rustix::fs::major(about.dev()),
            rustix::fs::minor(about.dev()),
        );
        let inode = about.ino();
        self.put(
            "proc/locks",
            &format!(
                "1: POSIX  ADVISORY  WRITE 5 {major:02x}:{minor:02x}:{inode} 0 EOF\n\
                 2: FLOCK  ADVISORY  READ  6 {major:02x}:{minor:02x}:{} 0 EOF\n\
                 3: FLOCK  ADVISORY  READ  77 {major:02x}:{minor:02x}:{inode} 0 EOF\n",
                inode + 1
            ),
        );
        self.put(
            "proc/77/limits",
            &LIMITS.replace("CORE", core).replace("LOCK", lock),
        );
        let status =
            format!("Name:\tcoffer\nUid:\t{user}\t{user}\nVmLck:\t {locked} kB\nVmSwap:\t 12 kB\n");
        self.put("proc/77/status", &status);
        database
    }

    fn look(&self, database: Option<&Path>) -> Vec<Finding> {
        look(&self.system, database, Some(65_536), true)
    }
}

fn says(found: &[Finding], health: Health, text: &str) {
    let there = found
        .iter()
        .any(|one| one.health == health && one.what.contains(text));
    assert!(there, "no {health:?} with {text:?} in {found:#?}");
}

#[test]
fn a_server_that_keeps_its_keys_well_is_told_from_one_that_does_not() {
    let machine = Machine::new();
    let this_user = machine.folder.path().metadata().unwrap().uid();
    let other = this_user + 1;
    let database = machine.serves(64, "8388608", "0", other);
    let well = machine.look(Some(&database));
    says(
        &well,
        Health::Well,
        "process 77) has 64 KiB for keys locked; it may lock 8388608 bytes",
    );
    says(&well, Health::Well, "writes no cores");
    says(&well, Health::Well, "closed to other processes");
    says(&well, Health::Note, "12 KiB of the server");
    says(&well, Health::Well, "this machine has none");
    assert!(
        well.iter().all(|one| one.health <= Health::Note),
        "{well:#?}"
    );

    let database = machine.serves(64, "65536", "0", other);
    let found = machine.look(Some(&database));
    says(&found, Health::Note, "it may lock 65536 bytes");
    assert!(found[0].next.contains("LimitMEMLOCK"), "{found:?}");

    let database = machine.serves(0, "65536", "unlimited", this_user);
    let badly = machine.look(Some(&database));
    says(&badly, Health::Warning, "has nothing locked");
    says(
        &badly,
        Health::Warning,
        "may write cores of unlimited bytes",
    );
    let dumpable = match this_user {
        0 => (Health::Note, "as it runs as root"),
        _ => (Health::Warning, "is dumpable"),
    };
    says(&badly, dumpable.0, dumpable.1);
}

#[test]
fn without_a_server_it_is_told_what_one_would_get() {
    let machine = Machine::new();
    let found = machine.look(None);
    says(
        &found,
        Health::Warning,
        "one started like this command could not lock its keys: a limit of 65536",
    );
    let found = look(&machine.system, None, None, false);
    says(&found, Health::Well, "can lock its keys, with no limit");
    // Another's lock is no server of ours.
    let database = machine.serves(64, "8388608", "0", 1);
    machine.put("proc/locks", "1: FLOCK  ADVISORY  READ  77 00:00:1 0 EOF\n");
    says(
        &machine.look(Some(&database)),
        Health::Warning,
        "no server was found",
    );
}

#[test]
fn swap_is_well_when_it_is_encrypted_or_out_of_the_server_s_reach() {
    let machine = Machine::new();
    let with = |device: &str| {
        machine.put(
            "proc/swaps",
            &format!("{SWAPS}{device}  partition 1 0 -2\n"),
        );
        machine.look(None)
    };
    says(
        &with("/dev/sda2"),
        Health::Warning,
        "/dev/sda2 is not known to be encrypted",
    );
    says(
        &with("/swapfile"),
        Health::Warning,
        "/swapfile is not known",
    );
    says(
        &with("/dev/zram0"),
        Health::Warning,
        "/dev/zram0 is not known",
    );
    machine.put("sys/block/zram0/backing_dev", "none\n");
    says(&with("/dev/zram0"), Health::Well, "on no disk");
    machine.put("sys/block/dm-1/dm/uuid", "CRYPT-LUKS2-0123-swap\n");
    says(&with("/dev/dm-1"), Health::Well, "/dev/dm-1 is encrypted");
    // A logical volume on an encrypted disk, and one on a disk beside it.
    machine.put("sys/block/dm-2/dm/uuid", "LVM-abc\n");
    fs::create_dir_all(machine.folder.path().join("sys/block/dm-2/slaves/dm-1")).unwrap();
    says(&with("/dev/dm-2"), Health::Well, "/dev/dm-2 is encrypted");
    fs::create_dir_all(machine.folder.path().join("sys/block/dm-2/slaves/sdb1")).unwrap();
    says(
        &with("/dev/dm-2"),
        Health::Warning,
        "/dev/dm-2 is not known",
    );

    let database = machine.serves(64, "8388608", "0", 1);
    machine.put("proc/77/cgroup", "0::/system.slice/coffer.service\n");
    machine.put(
        "sys/fs/cgroup/system.slice/coffer.service/memory.swap.max",
        "max\n",
    );
    says(&machine.look(Some(&database)), Health::Warning, "not known");
    // A group above binds as well.
    machine.put("sys/fs/cgroup/system.slice/memory.swap.max", "0\n");
    says(
        &machine.look(Some(&database)),
        Health::Well,
        "keeps it out of swap",
    );
}
