//! Plain data: what the loop, the networks and the plugins hand to each other.
//!
//! Nothing here reads a file, knows a network or a plugin, looks at the clock or draws a random
//! number.

mod case;
mod error;
mod finding;
mod grid;
mod image;
mod image_facts;
mod label_map;
mod label_set;
mod reward_sample;
mod rollout;
mod seed;

pub use case::{CaseEntry, CaseId, Split};
pub use error::DomainError;
pub use finding::{AcceptedRange, Finding, Verdict};
pub use grid::{Grid, SlowAxis};
pub use image::{Image, VoxelMap};
pub use image_facts::ImageFacts;
pub use label_map::{LabelMap, most_likely};
pub use label_set::{Label, LabelSet};
pub use reward_sample::{RewardSample, SampleImage, SampleOrigin};
pub use rollout::{Actions, ImageBatch, LabelBatch, Rollout};
pub use seed::Seed;
