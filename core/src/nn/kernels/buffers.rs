//! Memory that is used again: fresh pages cost more than what is computed on them.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
};

/// Bytes of free buffers that are kept; more are given back to the system.
const KEPT_BYTES: usize = 1 << 30;

static FREE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Numbers whose memory comes from and goes back to a common store.
#[derive(Debug)]
pub(super) struct Buffer(Vec<f32>);

impl Buffer {
    /// `len` numbers of any value.
    pub fn any(len: usize) -> Self {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |buffer: &Vec<f32>| (len..=len.saturating_mul(2)).contains(&buffer.capacity());
        let best =
            free.iter().enumerate().filter(|(_, buffer)| fits(buffer)).min_by_key(|(_, buffer)| buffer.capacity());
        let found = best.map(|(at, _)| at).map(|at| free.swap_remove(at));
        drop(free);
        let mut values = found.unwrap_or_else(|| Vec::with_capacity(len));
        values.resize(len, 0.0);
        Self(values)
    }

    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let mut buffer = Self::any(len);
        buffer.fill(0.0);
        buffer
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(std::mem::take(&mut self.0));
        let mut bytes: usize = free.iter().map(|buffer| buffer.capacity() * size_of::<f32>()).sum();
        while bytes > KEPT_BYTES {
            bytes -= free.remove(0).capacity() * size_of::<f32>();
        }
    }
}
