//! The memory of a process that holds secrets: closed to others, left out of core dumps, zeroed when freed.
//!
//! Must not know what the secrets are.

use zeroizing_alloc::ZeroAlloc;

/// Bytes to lock that are enough for 80,000 keys of projects and files at once; the usual limit.
const WISH: u64 = 8 << 20;

/// Zeroes whatever is freed: buffers of requests and answers have many owners, and one place sees them all.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

/// Switches core dumps off and closes this process's memory to others of its user. For processes that stay.
///
/// Answers with what could not be done: the process is as useful, and whoever runs it must be told what it lacks.
#[must_use]
pub(crate) fn close() -> Vec<String> {
    let mut lacks = Vec::new();
    let none = rustix::process::Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Core, none) {
        lacks.push(format!("core dumps could not be switched off: {error}"));
    }
    // The limit does not bind a kernel that pipes cores to a program; this does.
    #[cfg(target_os = "linux")]
    if let Err(error) =
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        lacks.push(format!(
            "this process's memory could not be closed to other processes of its user: {error}"
        ));
    }
    lacks
}

/// The same, and makes the place of the keys. For a server. What is lacking later, when more keys need more room, is
/// logged.
#[must_use]
pub(crate) fn close_with_keys() -> Vec<String> {
    let mut lacks = close();
    coffer_arena::watch(|state| {
        for lack in of_keys(&state, coffer_arena::may_lock()) {
            tracing::warn!("{lack}");
        }
    });
    lacks.extend(of_keys(&coffer_arena::state(), coffer_arena::may_lock()));
    lacks
}

/// What the system did not do for the keys' pages.
fn of_keys(state: &coffer_arena::State, limit: Option<u64>) -> Vec<String> {
    let mut lacks = Vec::new();
    if state.unlocked > 0 {
        let limit = limit.map_or_else(
            || "is not what forbids it".to_owned(),
            |limit| format!("is {limit} bytes"),
        );
        lacks.push(format!(
            "keys may be written to swap: {} bytes must be locked into memory, and the limit for it (RLIMIT_MEMLOCK) {limit}. \
             Raise it to at least {WISH} bytes (systemd: LimitMEMLOCK={WISH}), or run without swap",
            state.bytes(),
        ));
    }
    if state.dumped > 0 {
        lacks.push(
            "this system does not leave keys out of core dumps; keep core dumps off".to_owned(),
        );
    }
    lacks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_process_leaves_no_core() {
        assert_eq!(close(), [""; 0]);
        let limit = rustix::process::getrlimit(rustix::process::Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        #[cfg(target_os = "linux")]
        assert_eq!(
            rustix::process::dumpable_behavior().unwrap(),
            rustix::process::DumpableBehavior::NotDumpable
        );
    }

    #[test]
    fn what_is_not_locked_is_said_with_both_numbers() {
        let good = coffer_arena::State {
            chunks: 2,
            unlocked: 0,
            dumped: 0,
            used: 7,
        };
        assert_eq!(of_keys(&good, Some(0)), [""; 0]);
        let unlocked = coffer_arena::State {
            unlocked: 1,
            ..good
        };
        let said = of_keys(&unlocked, Some(65_536)).concat();
        for part in ["131072 bytes", "65536 bytes", "LimitMEMLOCK=8388608"] {
            assert!(said.contains(part), "{said}");
        }
        let dumped = coffer_arena::State { dumped: 1, ..good };
        assert!(of_keys(&dumped, None).concat().contains("core dumps"));
    }
}
