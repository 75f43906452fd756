//! Domain types, component traits and the adaptation loop of `rl4seg`.
//!
//! | module | what it holds | needs |
//! |---|---|---|
//! | [`domain`] | plain data: grids, images, label maps, findings, rollouts, seeds | nothing |
//! | [`component`] | the six traits that a plugin implements | nothing |
//! | [`measure`] | overlap, distances, connected components, morphology, calibration | nothing |
//! | [`preprocess`] | resampling, cropping, rescaling, CLAHE, each with its inverse for label maps | nothing |
//! | [`io`] | NIfTI | nothing |
//! | [`near_name`] | the name that was probably meant | nothing |
//! | [`builtin`] | the correctors and distortions that come with `rl4seg` | nothing |
//! | [`plugin`] | the boundary to plugins, and with `host` the catalog of what is loaded | nothing |
//! | [`config`], [`run_dir`], [`adapt`] | a run: its configuration, its files, its loop | feature `host` |
//! | [`nn`], [`rl`] | networks and PPO on burn | feature `engine` |
//!
//! Arrays are in C order with the axes `[channel, slow, y, x]`, where `slow` is depth or time
//! and has one entry for a 2-D image.

pub mod builtin;
pub mod component;
pub mod domain;
pub mod io;
pub mod measure;
pub mod near_name;
pub mod plugin;
pub mod preprocess;
pub mod random;

#[cfg(feature = "host")]
pub mod adapt;
#[cfg(feature = "host")]
pub mod config;
#[cfg(feature = "host")]
pub mod run_dir;

#[cfg(feature = "engine")]
pub mod nn;
#[cfg(feature = "engine")]
pub mod rl;
