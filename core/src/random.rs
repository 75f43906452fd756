//! The one place where random numbers come from.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::domain::Seed;

/// The generator of a seed's stream: ChaCha with 8 rounds, whose output is the same on every
/// platform and in every release (the promise of `rand_chacha`).
#[must_use]
pub fn generator(seed: Seed) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed.0)
}
