//! Damage at random, the same for the same seed.

/// Numbers from a seed.
pub struct Draw(pub u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

/// A file with a few bytes changed, cut out, doubled, or made as large as they go.
#[must_use]
pub fn damaged(whole: &[u8], draw: &mut Draw) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=draw.below(4) {
        let at = draw.below(bytes.len());
        match draw.below(6) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes[at] = 0xff,
            2 => bytes[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
            3 => bytes[at..].iter_mut().take(2).for_each(|byte| *byte = 0x7f),
            4 => {
                let part = bytes[at..].iter().take(16).copied().collect::<Vec<u8>>();
                bytes.splice(at..at, part);
            }
            _ => bytes[at] ^= 1 << draw.below(8),
        }
    }
    bytes
}
