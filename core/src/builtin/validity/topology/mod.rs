//! Rules about the shape and place of structures, written in the configuration: a new organ needs no code.
//!
//! ```toml
//! [[validity]]
//! component = "topology"
//! structures = { lv = 1, myo = 2 }    # names for labels, or for several: heart = [1, 2]
//!
//! [[validity.rules]]
//! measure = "components"              # the left ventricle is there, in one piece
//! of = "lv"
//! min = 1
//! max = 1
//!
//! [[validity.rules]]
//! name = "myocardium around the ventricle"
//! measure = "contact"
//! of = "lv"
//! with = "myo"
//! min = 0.6                           # of the ventricle's border
//! ```
//!
//! | `measure` | value | unit |
//! |---|---|---|
//! | `components` | number of pieces of `of` | 1 |
//! | `outside-largest` | size of all pieces but the largest | mm², mm³ |
//! | `holes` | size of what `of` encloses | mm², mm³ |
//! | `gaps` | size of what the structures of `of` enclose together, when each one's own holes are filled | mm², mm³ |
//! | `size` | area of `of`, in a volume its volume | mm², mm³ |
//! | `ratio` | size of `of` over that of `with` | 1 |
//! | `inside` | share of `of` that lies in `with` or its holes | 1 |
//! | `contact` | share of the border of `of`, measured in mm or mm², that is a border with `with`, too | 1 |
//!
//! `of` and `with` name a structure, or several that are taken as one. A rule accepts values from `min` to `max`; one of
//! the two may be left out. Images and the frames of a sequence are measured one by one, a volume as a whole, or
//! slice by slice with `slices = true`. `connectivity` is what joins two voxels of a piece: `full` (touching corners are
//! enough) or `faces`. Pieces and the outside of holes go by `full` and `faces`, the usual pair of opposites (Rosenfeld
//! 1970), where it is left out. Outside of holes and gaps is what reaches the border of the image, or with
//! `outside = "first-voxel"` what is connected to its first voxel. `ignore_up_to` takes a size up to it, in mm² or mm³, as nothing.
//!
//! Where a structure is absent, sizes and numbers are 0, and what is a share of it cannot be measured: add a rule
//! about its `components` or `size` that asks for it.

mod measures;
mod rule;

use schemars::JsonSchema;
use serde::Deserialize;

use self::rule::{Rule, Structures};
use crate::{
    builtin::{PLUGIN, configuration},
    component::{Factory, Registration, Result, ValidityMetric, settings_schema},
    domain::{Finding, LabelMap, SlowAxis},
    measure::{Mask, Part},
};

const ID: &str = "topology";

inventory::submit! {
    Registration {
        plugin: PLUGIN,
        id: ID,
        doc: "Rules about components, holes, contact, sizes and ratios of structures, written in the configuration.",
        settings: Some(settings_schema::<TopologyConfig>),
        factory: Factory::ValidityMetric(|json| Ok(Box::new(Topology::new(&configuration(ID, json)?)?))),
    }
}

/// The configuration of [`Topology`].
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TopologyConfig {
    /// Names for labels, or for several labels together.
    structures: Structures,
    /// At least one rule. They are read one by one, so that an error can say in which it is.
    #[schemars(with = "Vec<rule::Written>")]
    rules: Vec<serde_json::Value>,
}

/// Judges a label map by rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Topology {
    rules: Vec<Rule>,
}

impl Topology {
    /// Reads the rules.
    ///
    /// # Errors
    /// If there is none, or one cannot be followed; says which.
    pub fn new(config: &TopologyConfig) -> Result<Self> {
        Ok(Self { rules: rule::read(config)? })
    }
}

impl ValidityMetric for Topology {
    fn assess(&self, labels: &LabelMap) -> Result<Vec<Finding>> {
        let whole = Part::of(labels);
        let slices = slices(labels);
        let is_single = labels.grid().slow() == SlowAxis::Single;
        let mut findings = Vec::new();
        for rule in &self.rules {
            for part in if rule.slices { &slices } else { &whole } {
                let plane = (part.planes.len() == 1 && !is_single).then_some(part.planes.start);
                findings.push(Finding { plane, ..rule.assess(labels, part) });
            }
        }
        Ok(findings)
    }
}

/// The planes of a label map, one by one.
fn slices(labels: &LabelMap) -> Vec<Part> {
    let [y, x] = labels.grid().spacing_mm();
    (0..labels.grid().planes()).map(|plane| Part { planes: plane..plane + 1, spacing_mm: [0.0, y, x] }).collect()
}

/// The voxels of a part that carry one of the labels.
fn mask(labels: &LabelMap, part: &Part, values: &[u8]) -> Mask {
    let mut masks = values.iter().map(|&value| Mask::of_part(labels, part, value));
    let Some(first) = masks.next() else {
        let [_, height, width] = labels.grid().shape();
        return Mask::empty([part.planes.len(), height, width]);
    };
    masks.fold(first, |all, one| &all | &one)
}

#[cfg(test)]
mod tests;
