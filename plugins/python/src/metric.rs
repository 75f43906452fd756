//! The component.

use std::collections::BTreeMap;

use pyo3::Python;
use rl4seg_sdk::prelude::*;

use crate::{
    answer::Answer,
    config::{Measured, MetricConfig},
    function::Function,
    interpreter,
};

/// Asks a Python function about label maps. It may be called from any number of threads, which Python answers one by one.
pub struct PythonMetric {
    function: Function,
    slices: bool,
    measured: BTreeMap<String, Measured>,
}

impl Component for PythonMetric {
    const ID: &'static str = "metric";
    const DOC: &'static str = "Asks a Python function, `function = \"module:name\"`, about labels and spacing";
    type Config = MetricConfig;

    fn new(config: MetricConfig) -> Result<Self> {
        config.check()?;
        interpreter::start()?;
        let function = Python::attach(|py| Function::find(py, &config))?;
        Ok(Self { function, slices: config.slices, measured: config.measured })
    }
}

impl PythonMetric {
    fn ask(&self, voxels: &[u8], shape: &[usize], spacing_mm: &[Option<f64>]) -> Result<Answer> {
        Python::attach(|py| {
            let returned = self.function.call(py, voxels, shape, spacing_mm)?;
            Answer::read(&self.function.name, &returned)
        })
    }

    fn findings(&self, answer: Answer, plane: Option<usize>) -> Result<Vec<Finding>> {
        answer.findings(&self.function.name, &self.measured, plane)
    }
}

impl ValidityMetric for PythonMetric {
    fn assess(&self, labels: &LabelMap) -> Result<Vec<Finding>> {
        let grid = labels.grid();
        let in_plane_mm = grid.spacing_mm().map(Some);
        let slow_mm = match grid.slow() {
            SlowAxis::Single => {
                return self.findings(self.ask(labels.labels(), &grid.plane_shape(), &in_plane_mm)?, None);
            }
            SlowAxis::Depth { spacing_mm } => Some(spacing_mm),
            SlowAxis::Time { .. } => None,
        };
        if !self.slices {
            let [y_mm, x_mm] = in_plane_mm;
            return self.findings(self.ask(labels.labels(), &grid.shape(), &[slow_mm, y_mm, x_mm])?, None);
        }
        let mut findings = Vec::new();
        for plane in 0..grid.planes() {
            let answer = self.ask(labels.plane(plane), &grid.plane_shape(), &in_plane_mm)?;
            let within = |error: ComponentError| error.context(format!("plane {plane}"));
            findings.extend(self.findings(answer, Some(plane)).map_err(within)?);
        }
        Ok(findings)
    }
}
