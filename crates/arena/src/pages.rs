//! A chunk of pages from the system, and what is asked of the system for them.
//!
//! Must not know slots.

use std::ptr::NonNull;

/// Pages that are ours for ever.
pub(crate) struct Chunk {
    pub(crate) start: NonNull<u8>,
    /// Not to be written to swap.
    pub(crate) locked: bool,
    /// Left out of core dumps.
    pub(crate) undumped: bool,
}

/// Zeroed bytes between two pages that nobody may touch.
#[cfg(not(miri))]
pub(crate) fn map(length: usize) -> Chunk {
    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mlock, mmap_anonymous, mprotect};

    let page = rustix::param::page_size();
    let length = length.next_multiple_of(page);
    let fenced = length + 2 * page;
    // SAFETY: a new mapping at an address that the system chooses touches nothing that is there.
    let fence = unsafe {
        mmap_anonymous(
            std::ptr::null_mut(),
            fenced,
            ProtFlags::empty(),
            MapFlags::PRIVATE,
        )
    }
    .expect("the system gives no memory for keys");
    let start = fence.wrapping_byte_add(page);
    // SAFETY: these pages lie within the mapping just made, and nobody else has its address.
    unsafe { mprotect(start, length, MprotectFlags::READ | MprotectFlags::WRITE) }
        .expect("pages of our own can be made writable");
    // SAFETY: as above; the advice changes what dumps and forks get, not what is read here.
    let undumped = unsafe { left_out(start, length) };
    // SAFETY: as above.
    let locked = unsafe { mlock(start, length) }.is_ok();
    Chunk {
        start: NonNull::new(start.cast()).expect("a mapping is not at zero"),
        locked,
        undumped,
    }
}

/// Keeps pages out of core dumps and forks; whether the system keeps them out of dumps.
///
/// # Safety
///
/// The pages must be a private anonymous mapping of ours.
#[cfg(all(target_os = "linux", not(miri)))]
unsafe fn left_out(start: *mut std::ffi::c_void, length: usize) -> bool {
    use rustix::mm::{Advice, madvise};

    // A child has no use for keys. Where the system does not know this, the child shares no more than before.
    // SAFETY: the caller's promise.
    _ = unsafe { madvise(start, length, Advice::LinuxWipeOnFork) };
    // SAFETY: the caller's promise.
    unsafe { madvise(start, length, Advice::LinuxDontDump) }.is_ok()
}

#[cfg(all(not(target_os = "linux"), not(miri)))]
unsafe fn left_out(_start: *mut std::ffi::c_void, _length: usize) -> bool {
    false
}

/// Ordinary memory for the interpreter, which knows no pages.
#[cfg(miri)]
pub(crate) fn map(length: usize) -> Chunk {
    let bytes: &'static mut [u8] = Box::leak(vec![0; length].into_boxed_slice());
    Chunk {
        start: NonNull::from(bytes).cast(),
        locked: true,
        undumped: true,
    }
}
