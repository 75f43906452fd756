//! Metrics that do next to nothing, to time a call into a plugin.

mod metrics;

use metrics::{Area, Constant, Ten};

rl4seg_sdk::export_plugin! {
    validity_metrics: [Constant, Area, Ten];
}
