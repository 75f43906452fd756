use rl4seg_abi::{DataSourceTable, Str};

use super::{Foreign, Origin, broken, in_component};
use crate::{
    component::{DataSource, Result},
    domain::{CaseEntry, CaseId, Image, ImageFacts, LabelMap, LabelSet},
    plugin::wire::{from_json, read_image, read_label_map},
};

/// Makes the data source of a plugin.
pub(in crate::plugin) fn data_source(origin: &Origin, config: &str) -> Result<Box<dyn DataSource>> {
    let foreign = Foreign::<DataSourceTable>::new(origin, config)?;
    let labels = foreign.required(foreign.table.labels, "labels")?;
    let labels = foreign.one_item(
        // SAFETY: called as the ABI says.
        |object, items, errors| unsafe { labels(object, items, errors) },
        |json, _| from_json("the label set", json),
    )?;
    Ok(Box::new(ForeignDataSource { foreign, labels }))
}

struct ForeignDataSource {
    foreign: Foreign<DataSourceTable>,
    /// Asked for once, since the trait lends it.
    labels: LabelSet,
}

impl DataSource for ForeignDataSource {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn cases(&self) -> Result<Vec<CaseEntry>> {
        let cases = self.foreign.required(self.foreign.table.cases, "cases")?;
        self.foreign.one_item(
            // SAFETY: called as the ABI says.
            |object, items, errors| unsafe { cases(object, items, errors) },
            |json, _| from_json("the table of contents", json),
        )
    }

    fn image(&self, id: &CaseId) -> Result<Image> {
        self.image_and_facts(id).map(|(image, _)| image)
    }

    fn image_and_facts(&self, id: &CaseId) -> Result<(Image, ImageFacts)> {
        let image = self.foreign.required(self.foreign.table.image, "image")?;
        self.foreign.one_item(
            // SAFETY: called as the ABI says.
            |object, items, errors| unsafe { image(object, Str::new(id.as_str()), items, errors) },
            |json, voxels| {
                // SAFETY: the plugin vouches for what it puts.
                let image = unsafe { read_image(voxels) };
                // Plugins before 1.2 tell nothing here.
                let facts = if json.is_empty() { Ok(ImageFacts::default()) } else { from_json("its facts", json) };
                image
                    .and_then(|image| Ok((image, facts?)))
                    .map_err(|error| error.context(format!("image of case `{id}`")))
            },
        )
    }

    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
        let reference = self.foreign.required(self.foreign.table.reference, "reference")?;
        let found = self.foreign.item(
            // SAFETY: called as the ABI says.
            |object, items, errors| unsafe { reference(object, Str::new(id.as_str()), items, errors) },
            // SAFETY: the plugin vouches for what it puts.
            |_, voxels| unsafe { read_label_map(voxels) },
        );
        let checked = found.and_then(|found| {
            if let Some(labels) = &found {
                let checked = labels.require_labels(&self.labels);
                checked.map_err(|error| in_component(&self.foreign.id, broken(error.into())))?;
            }
            Ok(found)
        });
        checked.map_err(|error| error.context(format!("reference of case `{id}`")))
    }
}
