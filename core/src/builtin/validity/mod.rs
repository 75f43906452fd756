//! Validity metrics for any label set.

pub mod topology;
