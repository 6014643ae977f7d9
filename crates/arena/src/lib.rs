//! Memory for secrets: locked against swapping, left out of core dumps, wiped in forks, fenced by pages that nobody
//! may touch, and zeroed when it is given back.
//!
//! Secrets lie in slots of equal size in a few chunks of pages. A page or more for each secret, as the known crates
//! do it, would use up what a process may lock (often 8 MiB, sometimes 64 KiB) with a few hundred keys. When all slots
//! are taken another chunk is mapped. A chunk that cannot be locked is used all the same, is still left out of dumps,
//! and is reported: see [`watch`]. Chunks are kept until the process ends.
//!
//! Must not know what the secrets are keys of. The only crate with `unsafe` code.

#![expect(
    unsafe_code,
    reason = "pages are mapped and handed out by address; everything that needs it is in this crate"
)]

mod pages;

use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use zeroize::Zeroize as _;

/// Bytes of a slot: three keys of 32 bytes, which is what a project key derives at once.
pub const SLOT: usize = 96;

/// Bytes of a chunk: what the smallest usual limit lets a process lock.
pub const CHUNK: usize = 64 << 10;

const SLOTS: usize = CHUNK / SLOT;

/// Where the secrets of this process lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Chunks mapped so far, of [`CHUNK`] bytes each.
    pub chunks: usize,
    /// Those of them that could not be locked: the system may write them to swap.
    pub unlocked: usize,
    /// Those of them that the system does not leave out of core dumps.
    pub dumped: usize,
    /// Slots in use.
    pub used: usize,
}

impl State {
    /// Bytes mapped for secrets.
    pub fn bytes(&self) -> usize {
        self.chunks * CHUNK
    }
}

struct Arena {
    free: Vec<Cell>,
    state: State,
    /// What the watcher is still to be told.
    trouble: Option<State>,
}

/// The address of a free slot.
struct Cell(NonNull<[u8; SLOT]>);

// SAFETY: a cell is the only pointer to its bytes, which belong to no thread.
unsafe impl Send for Cell {}

static ARENA: Mutex<Arena> = Mutex::new(Arena::EMPTY);

impl Arena {
    const EMPTY: Self = Self {
        free: Vec::new(),
        state: State {
            chunks: 0,
            unlocked: 0,
            dumped: 0,
            used: 0,
        },
        trouble: None,
    };
}

static WATCHER: OnceLock<fn(State)> = OnceLock::new();

/// Calls `watcher` whenever a chunk is mapped from now on that is not locked, or not left out of dumps. The first
/// watcher stays.
pub fn watch(watcher: fn(State)) {
    // A second one is a mistake of the caller that costs nothing.
    _ = WATCHER.set(watcher);
}

/// Maps the first chunk if there is none, and says how things are.
///
/// # Panics
///
/// When the system gives no memory.
pub fn state() -> State {
    let mut arena = lock();
    if arena.state.chunks == 0 {
        arena.grow();
        arena.trouble = None; // who asks is told
    }
    arena.state
}

/// How many bytes this process may lock; none for any number.
pub fn may_lock() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Memlock).current
}

/// `N` bytes for a secret, at most [`SLOT`]. Zeroed at first, and again when dropped.
///
/// Deliberately without `Debug`, `Clone` and `PartialEq`.
pub struct Secret<const N: usize>(Cell);

// SAFETY: the bytes are reached through `&self` and `&mut self` only, like those of a `Box`.
unsafe impl<const N: usize> Sync for Secret<N> {}

impl<const N: usize> Secret<N> {
    /// Zeros, to be filled in place.
    ///
    /// # Panics
    ///
    /// When the system gives no memory.
    pub fn zeroed() -> Self {
        const { assert!(N <= SLOT, "a secret is no longer than a slot") };
        let mut arena = lock();
        if arena.free.is_empty() {
            arena.grow();
        }
        let cell = arena.free.pop().expect("a chunk has slots");
        arena.state.used += 1;
        let trouble = arena.trouble.take();
        drop(arena);
        if let (Some(state), Some(watcher)) = (trouble, WATCHER.get()) {
            watcher(state);
        }
        Self(cell)
    }

    /// A copy of these bytes.
    pub fn from_bytes(bytes: &[u8; N]) -> Self {
        let mut secret = Self::zeroed();
        secret.as_mut_bytes().copy_from_slice(bytes);
        secret
    }

    /// The bytes. Copy them nowhere but into another secret.
    pub fn as_bytes(&self) -> &[u8; N] {
        // SAFETY: the slot is `SLOT` >= `N` bytes, initialised, and this secret's alone until it is dropped.
        unsafe { self.0.0.cast::<[u8; N]>().as_ref() }
    }

    /// The bytes, to be filled in place.
    pub fn as_mut_bytes(&mut self) -> &mut [u8; N] {
        // SAFETY: as above, and `&mut self` is the only way to it.
        unsafe { self.0.0.cast::<[u8; N]>().as_mut() }
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.as_mut_bytes().zeroize();
        let mut arena = lock();
        arena.state.used -= 1;
        let cell = Cell(self.0.0);
        arena.free.push(cell);
    }
}

impl Arena {
    fn grow(&mut self) {
        self.add(&pages::map(CHUNK));
    }

    fn add(&mut self, chunk: &pages::Chunk) {
        self.free.reserve(SLOTS);
        for slot in (0..SLOTS).rev() {
            // SAFETY: `slot` lies within the chunk's `SLOTS * SLOT` bytes.
            let cell = unsafe { chunk.start.byte_add(slot * SLOT) };
            self.free.push(Cell(cell.cast()));
        }
        self.state.chunks += 1;
        self.state.unlocked += usize::from(!chunk.locked);
        self.state.dumped += usize::from(!chunk.undumped);
        if !(chunk.locked && chunk.undumped) {
            self.trouble = Some(self.state);
        }
    }
}

fn lock() -> MutexGuard<'static, Arena> {
    ARENA.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address, to compare with.
    fn place<const N: usize>(secret: &Secret<N>) -> usize {
        std::ptr::from_ref(secret.as_bytes()).addr()
    }

    #[test]
    fn a_secret_is_zeroed_when_it_is_given_back() {
        let secret = Secret::from_bytes(&[7; 32]);
        assert_eq!(secret.as_bytes(), &[7; 32]);
        let place_of = place(&secret);
        drop(secret);
        // Others may take slots meanwhile: what is looked at is the slot itself.
        let mut kept = Vec::new();
        loop {
            let next = Secret::<SLOT>::zeroed();
            assert_eq!(next.as_bytes(), &[0; SLOT]);
            if place(&next) == place_of {
                break;
            }
            kept.push(next);
        }
    }

    #[test]
    fn secrets_do_not_overlap_and_more_than_a_chunk_fit() {
        let mut all: Vec<Secret<SLOT>> = (0..2 * SLOTS + 1)
            .map(|number| {
                let mut secret = Secret::zeroed();
                secret.as_mut_bytes().fill(number as u8);
                secret
            })
            .collect();
        for (number, secret) in all.iter().enumerate() {
            assert_eq!(secret.as_bytes(), &[number as u8; SLOT]);
        }
        let state = state();
        assert!(state.chunks >= 3, "{state:?}");
        assert!(state.used >= all.len(), "{state:?}");
        all.clear();
    }

    #[test]
    fn what_the_system_does_not_do_is_counted_and_told() {
        let mut arena = Arena::EMPTY;
        for (locked, undumped, counts) in [
            (true, true, (1, 0, 0)),
            (false, true, (2, 1, 0)),
            (true, false, (3, 1, 1)),
        ] {
            arena.trouble = None;
            let chunk = pages::map(CHUNK);
            arena.add(&pages::Chunk {
                locked,
                undumped,
                ..chunk
            });
            let State {
                chunks,
                unlocked,
                dumped,
                ..
            } = arena.state;
            assert_eq!((chunks, unlocked, dumped), counts);
            let told = (!(locked && undumped)).then_some(arena.state);
            assert_eq!(arena.trouble, told);
        }
    }

    /// What the system says about the pages of a secret.
    #[cfg(all(target_os = "linux", not(miri)))]
    #[test]
    fn the_system_leaves_the_pages_out_of_dumps_and_fences_them() {
        let secret = Secret::<32>::zeroed();
        let place = place(&secret);
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut flags = "";
        let mut bounds = (0, 0);
        let mut before = ("", 0);
        let mut after = "";
        for line in maps.lines() {
            let range = line.split(' ').next().unwrap_or_default().split_once('-');
            let range = range.and_then(|(from, to)| {
                let hex = |text| usize::from_str_radix(text, 16).ok();
                Some((hex(from)?, hex(to)?))
            });
            let rights = line.split(' ').nth(1).unwrap_or_default();
            match range {
                Some((from, to)) if (from..to).contains(&place) => bounds = (from, to),
                Some((_, to)) if bounds.1 == 0 => before = (rights, to),
                Some((from, _)) if from == bounds.1 => after = rights,
                _ => {}
            }
            if let Some(of_pages) = line.strip_prefix("VmFlags:")
                && bounds.1 != 0
                && flags.is_empty()
            {
                flags = of_pages;
            }
        }
        let has = |flag| flags.split(' ').any(|word| word == flag);
        assert!(has("dd") && has("wf"), "flags:{flags}");
        assert_eq!(before, ("---p", bounds.0), "the page before");
        assert_eq!(after, "---p", "the page after");
        let state = state();
        assert_eq!(has("lo"), state.unlocked == 0, "flags:{flags} {state:?}");
    }
}
