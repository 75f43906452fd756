//! Where echocardiograms come from.

mod camus;
mod cases_csv;
mod files;

pub use camus::{Camus, CamusConfig, Instant, View};
pub use cases_csv::{CasesCsv, CasesCsvConfig};
