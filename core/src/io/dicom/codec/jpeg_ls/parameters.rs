//! What a scan is coded with (T.87, Annexes A and C).

/// MAXVAL, T1, T2, T3 and RESET as a segment LSE gives them; 0 stands for the default (C.2.4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Preset {
    pub max: u16,
    pub thresholds: [u16; 3],
    pub reset: u16,
}

/// The numbers of Annex A, which do not change within a scan.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameters {
    /// NEAR.
    pub near: i32,
    /// MAXVAL.
    pub max: i32,
    /// T1, T2, T3.
    thresholds: [i32; 3],
    /// RESET.
    pub reset: i32,
    /// RANGE.
    pub range: i32,
    /// qbpp, the bits of an error that is written out.
    pub width: u32,
    /// LIMIT.
    pub limit: u32,
}

impl Parameters {
    /// Of samples of `bits` bits, 2 to 16 (A.2.1).
    pub(super) fn new(bits: u8, near: u8, preset: Preset) -> Result<Self, String> {
        let (largest, near) = ((1_i32 << bits) - 1, i32::from(near));
        let max = or(preset.max, largest);
        if max > largest {
            return Err(format!(
                "its JPEG-LS MAXVAL is {max}; expected at most {largest}, as samples have {bits} bits"
            ));
        }
        if near > max / 2 {
            return Err(format!("its JPEG-LS NEAR is {near}; expected at most {}, half of MAXVAL {max}", max / 2));
        }
        let reset = or(preset.reset, 64);
        if !(3..=max.max(255)).contains(&reset) {
            return Err(format!("its JPEG-LS RESET is {reset}; expected 3 to {}", max.max(255)));
        }
        let thresholds = thresholds(preset.thresholds, max, near)?;
        let range = (max + 2 * near) / (2 * near + 1) + 1;
        let depth = bits_of(max + 1).max(2);
        Ok(Self { near, max, thresholds, reset, range, width: bits_of(range), limit: 2 * (depth + depth.max(8)) })
    }

    /// The level of a gradient, -4 to 4 (A.3.3). A sum of comparisons: branches would make decoding a quarter slower.
    pub(super) fn level(&self, gradient: i32) -> i32 {
        let size = gradient.abs();
        let [t1, t2, t3] = self.thresholds;
        let level = i32::from(size > self.near) + i32::from(size >= t1) + i32::from(size >= t2) + i32::from(size >= t3);
        if gradient < 0 { -level } else { level }
    }

    /// The sample at `expected` plus a coded error, back within the range of samples (A.4.5).
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

fn or(given: u16, default: i32) -> i32 {
    if given == 0 { default } else { given.into() }
}

/// Bits that so many values take.
fn bits_of(values: i32) -> u32 {
    32 - (values - 1).leading_zeros()
}

fn thresholds(given: [u16; 3], max: i32, near: i32) -> Result<[i32; 3], String> {
    let [d1, d2, d3] = default_thresholds(max, near);
    let [t1, t2, t3] = given;
    let thresholds = [or(t1, d1), or(t2, d2), or(t3, d3)];
    if near < thresholds[0] && thresholds.is_sorted() && thresholds[2] <= max {
        return Ok(thresholds);
    }
    Err(format!(
        "its JPEG-LS thresholds T1, T2 and T3 are {thresholds:?}; expected them in order, from {} (NEAR + 1) to {max} (MAXVAL)",
        near + 1
    ))
}

/// C.2.4.1.1.1.
fn default_thresholds(max: i32, near: i32) -> [i32; 3] {
    let within = |value: i32, least: i32| if value > max || value < least { least } else { value };
    let [t1, t2, t3] = if max >= 128 {
        let factor = (max.min(4095) + 128) / 256;
        [factor + 2 + 3 * near, 4 * factor + 3 + 5 * near, 17 * factor + 4 + 7 * near]
    } else {
        let factor = 256 / (max + 1);
        [2.max(3 / factor + 3 * near), 3.max(7 / factor + 5 * near), 4.max(21 / factor + 7 * near)]
    };
    let t1 = within(t1, near + 1);
    let t2 = within(t2, t1);
    [t1, t2, within(t3, t2)]
}
