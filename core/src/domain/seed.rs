use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The start of a stream of random numbers.
///
/// Seeds are derived from one another by name, never drawn: the seed of a draw follows from the
/// run's seed and from what the draw is for, whatever ran before it and on however many threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed for a named use, as `collect` or a case's id.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        let hash = name.bytes().fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
        Self(mix(mix(self.0).wrapping_add(hash)))
    }

    /// The seed for the `index`-th of several uses.
    #[must_use]
    pub fn indexed(self, index: usize) -> Self {
        Self(mix(mix(self.0 ^ INDEX_SALT).wrapping_add(index as u64)))
    }
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo).
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
/// Keeps `indexed(n)` apart from `named(..)`.
const INDEX_SALT: u64 = 0x5851_f42d_4c95_7f2d;

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_of_different_uses_differ_and_never_change() {
        let run = Seed(7);
        assert_ne!(run.named("collect"), run.named("fit-reward"));
        assert_ne!(run.indexed(0), run.indexed(1));
        assert_ne!(run.named("a").named("b"), run.named("b").named("a"));
        assert_eq!(run.named("collect"), Seed(7).named("collect"));
    }
}
