//! What is learnt of each context (T.87, Annex A).

use super::parameters::Parameters;

/// Contexts of gradients (A.3.4).
const REGULAR: usize = 365;

/// What is learnt of samples between the same gradients.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    /// The sum of the sizes of errors. 65535 errors, the largest RESET, of at most 65536 fit.
    a: u32,
    /// The sum of errors, less what went into `c`.
    b: i32,
    /// What predictions are corrected by.
    pub c: i32,
    n: i32,
}

impl Context {
    /// The Golomb parameter (A.5.1).
    pub(super) fn parameter(&self) -> u32 {
        parameter(self.a, self.n.unsigned_abs())
    }

    /// The error that a mapped one stands for (A.5.2).
    pub(super) fn unmapped(&self, mapped: i32, k: u32, near: i32) -> i32 {
        let error = if mapped & 1 == 0 { mapped >> 1 } else { -((mapped + 1) >> 1) };
        if near == 0 && k == 0 && 2 * self.b <= -self.n { -error - 1 } else { error }
    }

    /// A.6.
    pub(super) fn update(&mut self, error: i32, parameters: &Parameters) {
        self.b += error * (2 * parameters.near + 1);
        self.a += error.unsigned_abs();
        if self.n == parameters.reset {
            self.a >>= 1;
            self.b >>= 1;
            self.n >>= 1;
        }
        self.n += 1;
        if self.b <= -self.n {
            self.b = (self.b + self.n).max(1 - self.n);
            self.c = (self.c - 1).max(-128);
        } else if self.b > 0 {
            self.b = (self.b - self.n).min(0);
            self.c = (self.c + 1).min(127);
        }
    }
}

/// The least k of `n << k >= a`, at most 16: more than that no code of 64 bits has room for. Found by lengths in bits, which makes
/// decoding a quarter faster than trying one k after the other.
fn parameter(a: u32, n: u32) -> u32 {
    let k = n.leading_zeros().saturating_sub(a.leading_zeros());
    let k = k + u32::from(u64::from(n) << k < u64::from(a));
    k.min(16)
}

/// What is learnt of samples that end runs (A.7.2).
#[derive(Debug, Clone, Copy)]
pub(super) struct RunContext {
    /// `RItype`: 1 if the samples before and above are alike.
    alike: i32,
    a: u32,
    n: i32,
    /// Errors below 0.
    negative: i32,
}

impl RunContext {
    /// The Golomb parameter (A.7.2.1).
    pub(super) fn parameter(&self) -> u32 {
        parameter(self.a + (self.alike * (self.n >> 1)).unsigned_abs(), self.n.unsigned_abs())
    }

    /// The error that a mapped one stands for, which is learnt from too (A.7.2.2).
    pub(super) fn error(&mut self, mapped: i32, k: u32, reset: i32) -> i32 {
        let value = mapped + self.alike;
        let odd = value & 1;
        let size = (value + odd) >> 1;
        let is_negative = (k != 0 || 2 * self.negative >= self.n) == (odd == 1);
        let error = if is_negative { -size } else { size };
        self.negative += i32::from(error < 0);
        self.a += ((mapped + 1 - self.alike) >> 1).unsigned_abs();
        if self.n == reset {
            self.a >>= 1;
            self.n >>= 1;
            self.negative >>= 1;
        }
        self.n += 1;
        error
    }
}

/// All contexts of a scan.
pub(super) struct Contexts {
    pub regular: [Context; REGULAR],
    /// By `RItype`.
    pub runs: [RunContext; 2],
}

impl Contexts {
    /// A.2.1.
    pub(super) fn new(parameters: &Parameters) -> Self {
        let a = ((parameters.range.unsigned_abs() + 32) >> 6).max(2);
        Self {
            regular: [Context { a, b: 0, c: 0, n: 1 }; REGULAR],
            runs: [0, 1].map(|alike| RunContext { alike, a, n: 1, negative: 0 }),
        }
    }
}
