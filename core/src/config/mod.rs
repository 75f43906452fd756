//! A run's configuration: one TOML file.
//!
//! [`RawConfig`] is the file as written, every default filled in; [`RawConfig::check`] looks at all
//! values together and collects every fault; what comes out is a [`Plan`], and only a plan reaches
//! the code that computes.

mod check;
mod error;
mod raw;
mod schedule;
mod text;

pub use check::{Expectation, Plan, expectations};
pub use error::{ConfigError, Fault};
pub use raw::{
    Baseline, Checkpoint, CollectSettings, ComponentTable, KnownReward, NetworkTable, PolicySettings, Precision,
    PretrainSettings, RawConfig, RewardKind, RewardSettings, ShrinkPerturb, SplitSettings, Trusted,
};
pub use schedule::{OverIterations, Schedule};
pub use text::{Override, PATH_KEYS, read};
