//! The arithmetic of the [`Unet`](super::Unet) on the CPU.
//!
//! burn's CPU backend needs several times as long for the gradient of a convolution as it has to
//! (ARCHITECTURE.md has the figures). Here the whole network is one operation with its own
//! gradient: [`network`] says what is computed, [`operation`] enters it into burn. Everything else
//! serves the one product of matrices that all convolutions come to:
//!
//! | module | what it knows |
//! |---|---|
//! | [`lanes`] | vectors of AVX-512, AVX2 and of any processor, chosen at run time |
//! | [`buffers`], [`planes`] | memory and its layout, `[batch, y, x, channel]` |
//! | [`multiply`] | products of blocked matrices |
//! | [`winograd`], [`direct`] | how pixels become rows of a product, and its result pixels |
//! | [`filter`], [`winograd_weights`] | how weights become the right-hand side, and sums gradients of weights |
//! | [`convolution`] | rows in portions that fit the cache, over all threads |
//! | [`normalization`], [`pooling`] | batch statistics with ReLU, and halving, as planes are read |
//!
//! Work is divided by the shapes alone and sums run in a fixed order, so that any number of threads
//! gives the same bytes. `unsafe` stays in this folder: vectors, and memory of which each thread
//! writes its own part.

#![allow(clippy::needless_range_loop, reason = "transforms index several arrays by the same row and column")]
#![allow(unsafe_code, reason = "vector instructions, and disjoint writes of several threads to one buffer")]

mod buffers;
mod convolution;
mod direct;
mod filter;
mod lanes;
mod layers;
mod multiply;
mod network;
mod normalization;
mod operation;
mod planes;
mod pooling;
#[cfg(test)]
mod tests;
mod winograd;
mod winograd_weights;

pub use buffers::release as release_memory;
pub use lanes::Isa;
pub use layers::{LayerTime, layer_times, peak_flop_per_second};
pub(super) use network::Architecture;
pub(super) use operation::{Parameter, run_frozen, run_tracked};
