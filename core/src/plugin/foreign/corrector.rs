use rl4seg_abi::CorrectorTable;

use super::{Foreign, Origin};
use crate::{
    component::{Corrector, Result},
    domain::LabelMap,
    plugin::wire::{read_label_map, with_label_map, with_label_maps},
};

/// Makes the corrector of a plugin.
pub(in crate::plugin) fn corrector(origin: &Origin, config: &str) -> Result<Box<dyn Corrector>> {
    Ok(Box::new(Foreign::<CorrectorTable>::new(origin, config)?))
}

impl Corrector for Foreign<CorrectorTable> {
    fn fit(&mut self, references: &[LabelMap]) -> Result<()> {
        let Some(fit) = self.table.fit else { return Ok(()) };
        with_label_maps(references, |voxels, count| {
            // SAFETY: called as the ABI says; `&mut self` keeps every other call away.
            self.call(|object, errors| unsafe { fit(object, voxels, count, errors) })
        })
    }

    fn candidates(&self, labels: &LabelMap) -> Result<Vec<LabelMap>> {
        let candidates = self.required(self.table.candidates, "candidates")?;
        let mut given = Vec::new();
        with_label_map(labels, |voxels| {
            self.items(
                // SAFETY: called as the ABI says.
                |object, items, errors| unsafe { candidates(object, voxels, items, errors) },
                |_, voxels| {
                    // SAFETY: the plugin vouches for what it puts.
                    let candidate = unsafe { read_label_map(voxels) }?;
                    candidate.grid().require_same(labels.grid(), ["the correction", "the label map to correct"])?;
                    given.push(candidate);
                    Ok(())
                },
            )
        })?;
        Ok(given)
    }
}
