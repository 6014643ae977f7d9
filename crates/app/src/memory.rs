//! The memory of a process that holds secrets: closed to others, left out of core dumps, zeroed when freed.
//!
//! Must not know what the secrets are.

use zeroizing_alloc::ZeroAlloc;

/// Zeroes whatever is freed: buffers of requests and answers have many owners, and one place sees them all.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

/// Switches core dumps off and closes this process's memory to others of its user. For processes that stay.
///
/// What cannot be done is a warning: the process is as useful, and whoever runs it is told what it lacks.
pub(crate) fn close() {
    let none = rustix::process::Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Core, none) {
        tracing::warn!(error = %error, "core dumps could not be switched off");
    }
    // The limit does not bind a kernel that pipes cores to a program; this does.
    #[cfg(target_os = "linux")]
    if let Err(error) =
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::warn!(error = %error, "this process's memory could not be closed to other processes of its user");
    }
}

/// Closes this process and makes the place of its keys. For a server.
pub(crate) fn close_with_keys() {
    close();
    coffer_arena::watch(|state| tell(&state));
    let state = coffer_arena::state();
    if state.unlocked + state.dumped > 0 {
        tell(&state);
    }
}

/// Says what the system did not do for the keys' pages.
fn tell(state: &coffer_arena::State) {
    if state.unlocked > 0 {
        let limit = coffer_arena::may_lock().map_or_else(
            || "unlimited".to_owned(),
            |limit| format!("{limit} bytes"),
        );
        tracing::warn!(
            "keys may be written to swap: {} bytes must be locked into memory, and the limit for it (RLIMIT_MEMLOCK) is {limit}. \
             Raise it (systemd: LimitMEMLOCK={}; shell: ulimit -l), or run without swap",
            state.bytes(),
            state.bytes().next_multiple_of(1 << 20),
        );
    }
    if state.dumped > 0 {
        tracing::warn!("this system does not leave keys out of core dumps; keep core dumps off");
    }
}
