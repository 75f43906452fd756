use rl4seg_abi::ValidityMetricTable;

use super::{Foreign, Origin};
use crate::{
    component::{Result, ValidityMetric},
    domain::{Finding, LabelMap},
    plugin::wire::{from_json, with_label_map},
};

/// Makes the validity metric of a plugin.
pub(in crate::plugin) fn validity_metric(origin: &Origin, config: &str) -> Result<Box<dyn ValidityMetric>> {
    Ok(Box::new(Foreign::<ValidityMetricTable>::new(origin, config)?))
}

impl ValidityMetric for Foreign<ValidityMetricTable> {
    fn assess(&self, labels: &LabelMap) -> Result<Vec<Finding>> {
        let assess = self.required(self.table.assess, "assess")?;
        with_label_map(labels, |voxels| {
            self.one_item(
                // SAFETY: called as the ABI says.
                |object, items, errors| unsafe { assess(object, voxels, items, errors) },
                |json, _| from_json("the list of findings", json),
            )
        })
    }
}
