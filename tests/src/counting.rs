//! An allocator that counts, for tests of how much memory something takes.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

/// The system's allocator, counted. A test makes it its `#[global_allocator]`, and has no other test beside it that is at work at the same time.
#[derive(Debug)]
pub struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST_SO_FAR: AtomicUsize = AtomicUsize::new(0);

/// What `work` gives, and the most bytes that were held during it beside those that were held before.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.load(Ordering::Relaxed);
    MOST_SO_FAR.store(before, Ordering::Relaxed);
    let result = work();
    (result, MOST_SO_FAR.load(Ordering::Relaxed).saturating_sub(before))
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
