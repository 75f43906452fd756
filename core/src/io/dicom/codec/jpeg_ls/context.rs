//! Coding parameters, and what is learnt of each context (Annexes A and C).

/// Contexts of gradients; two more follow for interrupted runs.
const REGULAR: usize = 365;

/// What a scan is coded with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Preset {
    pub near: i32,
    pub max: i32,
    thresholds: [i32; 3],
    reset: i32,
    /// RANGE.
    pub range: i32,
    /// Bits of a mapped error.
    pub bits: u32,
    /// LIMIT.
    pub limit: u32,
}

impl Preset {
    /// From MAXVAL, T1, T2, T3, RESET, where 0 stands for the default (C.2.4.1.1).
    pub(super) fn new(bits: u8, near: i32, [max, t1, t2, t3, reset]: [u16; 5]) -> Result<Self, String> {
        let largest = (1_i32 << bits) - 1;
        let max = if max == 0 { largest } else { i32::from(max) };
        if max > largest || near > max.min(510) / 2 {
            return Err(format!(
                "MAXVAL {max} and NEAR {near} with {bits} bits; expected at most {largest} and half of MAXVAL"
            ));
        }
        let or = |given: u16, default: i32| if given == 0 { default } else { i32::from(given) };
        let [d1, d2, d3] = default_thresholds(max, near);
        let thresholds = [or(t1, d1), or(t2, d2), or(t3, d3)];
        if !(near < thresholds[0] && thresholds.is_sorted() && thresholds[2] <= max.max(near + 1)) {
            return Err(format!(
                "thresholds {thresholds:?}; expected them in order, above NEAR {near} and up to MAXVAL {max}"
            ));
        }
        let reset = or(reset, 64);
        if reset < 3 {
            return Err(format!("RESET {reset}; expected at least 3"));
        }
        let range = (max + 2 * near) / (2 * near + 1) + 1;
        let width = |values: i32| 32 - (values - 1).leading_zeros();
        let depth = width(max + 1).max(2);
        Ok(Self { near, max, thresholds, reset, range, bits: width(range), limit: 2 * (depth + depth.max(8)) })
    }

    /// A gradient as one of nine (A.3.3).
    pub(super) fn quantize(&self, gradient: i32) -> i32 {
        let [t1, t2, t3] = self.thresholds;
        let size = gradient.abs();
        let level = if size <= self.near {
            0
        } else if size < t1 {
            1
        } else if size < t2 {
            2
        } else if size < t3 {
            3
        } else {
            4
        };
        level * gradient.signum()
    }

    /// The sample at `expected` plus a coded error, within the range (A.4.5, A.7.2.2).
    pub(super) fn reconstruct(&self, expected: i32, error: i32) -> i32 {
        let step = 2 * self.near + 1;
        let mut value = expected + error * step;
        if value < -self.near {
            value += self.range * step;
        } else if value > self.max + self.near {
            value -= self.range * step;
        }
        value.clamp(0, self.max)
    }
}

fn default_thresholds(max: i32, near: i32) -> [i32; 3] {
    let clamp = |value: i32, least: i32| if value > max || value < least { least } else { value };
    let [a, b, c] = if max >= 128 {
        let factor = (max.min(4095) + 128) / 256;
        [factor + 2 + 3 * near, 4 * factor + 3 + 5 * near, 17 * factor + 4 + 7 * near]
    } else {
        let factor = 256 / (max + 1);
        [2.max(3 / factor + 3 * near), 3.max(7 / factor + 5 * near), 4.max(21 / factor + 7 * near)]
    };
    let first = clamp(a, near + 1);
    let second = clamp(b, first);
    [first, second, clamp(c, second)]
}

/// What is learnt of one context.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    a: i32,
    b: i32,
    pub c: i32,
    n: i32,
}

impl Context {
    /// The Golomb parameter (A.5.1).
    pub(super) fn parameter(&self) -> u32 {
        parameter(self.a, self.n)
    }

    /// The error that a mapped one stands for (A.5.2).
    pub(super) fn unmapped(&self, mapped: i32, k: u32, near: i32) -> i32 {
        let error = if mapped & 1 == 0 { mapped >> 1 } else { -((mapped + 1) >> 1) };
        if near == 0 && k == 0 && 2 * self.b <= -self.n { -error - 1 } else { error }
    }

    /// A.6.
    pub(super) fn update(&mut self, error: i32, preset: &Preset) {
        self.b += error * (2 * preset.near + 1);
        self.a += error.abs();
        if self.n == preset.reset {
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

fn parameter(a: i32, n: i32) -> u32 {
    let mut k = 0;
    while n << k < a && k < 24 {
        k += 1;
    }
    k
}

/// What is learnt of interrupted runs, of one kind (A.7.2).
#[derive(Debug, Clone, Copy)]
pub(super) struct RunContext {
    /// Whether the samples to the left and above are alike.
    alike: i32,
    a: i32,
    n: i32,
    negative: i32,
}

impl RunContext {
    pub(super) fn parameter(&self) -> u32 {
        parameter(self.a + if self.alike == 1 { self.n >> 1 } else { 0 }, self.n)
    }

    /// The error that a mapped one stands for, which is learnt from too.
    pub(super) fn error(&mut self, mapped: i32, k: u32, preset: &Preset) -> i32 {
        let value = mapped + self.alike;
        let odd = value & 1;
        let size = (value + odd) >> 1;
        let is_negative = (k != 0 || 2 * self.negative >= self.n) == (odd == 1);
        let error = if is_negative { -size } else { size };
        self.negative += i32::from(error < 0);
        self.a += (mapped + 1 - self.alike) >> 1;
        if self.n == preset.reset {
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
    pub regular: Vec<Context>,
    pub runs: [RunContext; 2],
}

impl Contexts {
    pub(super) fn new(preset: &Preset) -> Self {
        let a = ((preset.range + 32) >> 6).max(2);
        Self {
            regular: vec![Context { a, b: 0, c: 0, n: 1 }; REGULAR],
            runs: [0, 1].map(|alike| RunContext { alike, a, n: 1, negative: 0 }),
        }
    }
}
