//! How much memory a piece of work takes.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

/// Memory in bytes that any file may take: the TIFF decoder sets aside up to 256 MiB for a table that a file promises, others 64.
pub const FLOOR: usize = 288 << 20;

/// Memory in bytes that a byte of a file may take: packed data come to a thousand times their size, in four bytes a voxel, and in a copy.
pub const MOST: usize = 12_000;

/// The system's allocator, which counts. A program that measures memory makes it the global one.
pub struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST_SO_FAR: AtomicUsize = AtomicUsize::new(0);

/// What `work` comes to, and the most memory that it had at one time, in bytes; 0 where [`Counting`] is not the global allocator.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.load(Ordering::Relaxed);
    MOST_SO_FAR.store(before, Ordering::Relaxed);
    let outcome = work();
    (outcome, MOST_SO_FAR.load(Ordering::Relaxed).saturating_sub(before))
}

/// The bytes that are held now.
#[must_use]
pub fn held() -> usize {
    NOW.load(Ordering::Relaxed)
}

fn grown(size: usize) {
    let now = NOW.fetch_add(size, Ordering::Relaxed) + size;
    MOST_SO_FAR.fetch_max(now, Ordering::Relaxed);
}

#[allow(unsafe_code, reason = "an allocator that counts is unsafe by its signature")]
// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promise is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promise is the system's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        grown(size);
        // SAFETY: the caller's promise is the system's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
