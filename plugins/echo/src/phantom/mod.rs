//! Made-up echocardiograms: a left ventricle in a four-chamber view, seen by a phased-array scanner.
//!
//! Anatomy and acquisition are drawn in millimetres, so the number of pixels changes nothing but
//! the sampling. The heart ([`Instant`], ventricle and wall, open to the atrium) gives the label
//! map; right ventricle, atrium, papillary muscles and mitral valve are only seen. Levels in dB on
//! a polar grid become Rayleigh speckle, get the artefacts of a scanner, and are scan-converted to
//! 8 bit. [`Parameters`] holds the two domains side by side.

mod acquisition;
mod echogenicity;
mod heart;
mod parameters;
mod scan;
mod sector;
mod surroundings;

pub use heart::Instant;
pub use parameters::Parameters;
pub use scan::{EchoPhantom, View};

/// Made-up echocardiograms of one domain.
pub type PhantomSource = rl4seg_sdk::phantom::PhantomSource<EchoPhantom>;
