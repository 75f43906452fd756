//! A validity metric for `rl4seg` that asks a Python function.
//!
//! ```toml
//! [[validity]]
//! component = "python/metric"
//! function = "coverage:assess"    # module:function
//! path = "/home/me/metrics"       # a folder for sys.path, if the module is not installed
//! ```
//!
//! What the function is given and what it may return is in the README beside this crate.

use rl4seg_sdk::export_plugin;

mod answer;
mod config;
mod function;
mod interpreter;
mod metric;
mod raised;

pub use config::{Measured, MetricConfig};
pub use metric::PythonMetric;

export_plugin! {
    validity_metrics: [PythonMetric];
}
