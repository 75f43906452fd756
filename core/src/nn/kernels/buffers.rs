//! Memory that is used again: fresh pages cost more than what is computed on them.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
};

/// Bytes of free buffers that are kept; more are given back to the system.
const KEPT_BYTES: usize = if cfg!(sanitized) { 0 } else { 1 << 30 };

/// What fresh memory holds. No result may depend on it.
const FRESH: f32 = if cfg!(sanitized) { f32::NAN } else { 0.0 };

/// Numbers of a line of the cache.
const LINE: usize = 16;

/// Vectors that lie across two lines take twice as long to read.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code, reason = "read as plain numbers")] [f32; LINE]);

static FREE: Mutex<Vec<Vec<Line>>> = Mutex::new(Vec::new());

/// Gives the memory of all free buffers back to the system.
pub fn release() {
    FREE.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Numbers whose memory comes from and goes back to a common store; the first begins a line of the cache.
#[derive(Debug)]
pub(super) struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    /// No numbers, and no memory.
    pub fn none() -> Self {
        Self { lines: Vec::new(), len: 0 }
    }

    /// `len` numbers of any value.
    pub fn any(len: usize) -> Self {
        let needed = len.div_ceil(LINE);
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        // A buffer keeps its length: to cut it and let it grow again would fill it anew each time.
        let fits = |buffer: &Vec<Line>| (needed..=needed.saturating_mul(2)).contains(&buffer.len());
        let best = free.iter().enumerate().filter(|(_, buffer)| fits(buffer)).min_by_key(|(_, buffer)| buffer.len());
        let found = best.map(|(at, _)| at).map(|at| free.swap_remove(at));
        drop(free);
        let lines = found.unwrap_or_else(|| vec![Line([FRESH; LINE]); needed]);
        Self { lines, len }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: the lines are numbers one after the other, at least `len`.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(std::mem::take(&mut self.lines));
        let mut bytes: usize = free.iter().map(|buffer| buffer.len() * size_of::<Line>()).sum();
        while bytes > KEPT_BYTES {
            bytes -= free.remove(0).len() * size_of::<Line>();
        }
    }
}
