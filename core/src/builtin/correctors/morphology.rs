use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    builtin::{PLUGIN, configuration},
    component::{Corrector, Factory, Registration, Result, settings_schema},
    domain::LabelMap,
    measure::{Components, Connectivity, Mask, Part, cleaning, morphology},
};

const ID: &str = "morphology";

inventory::submit! {
    Registration {
        plugin: PLUGIN,
        id: ID,
        doc: "Keeps the largest component of each structure and fills holes.",
        settings: Some(settings_schema::<MorphologyConfig>),
        factory: Factory::Corrector(|json| {
            let MorphologyConfig {} = configuration(ID, json)?;
            Ok(Box::new(Morphology))
        }),
    }
}

/// The configuration of [`Morphology`], which has no keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MorphologyConfig {}

/// Repairs what is wrong with any anatomy: scattered components and holes. Gives one candidate
/// ([`clean`]), or none for a map that is all background.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Morphology;

impl Corrector for Morphology {
    fn candidates(&self, labels: &LabelMap) -> Result<Vec<LabelMap>> {
        if labels.is_background() {
            return Ok(Vec::new());
        }
        let mut cleaned = labels.clone();
        clean(&mut cleaned);
        Ok(vec![cleaned])
    }
}

/// Keeps the largest component of each structure, then fills every hole (background without a path
/// to the border of the image) with the last of the labels around it. Volumes are taken as a whole,
/// sequences frame by frame.
///
/// With the labels of echocardiography this is what the published corrector does before its
/// autoencoder, but for one thing: only background is a hole. The published code would paint over
/// a ventricle that lies within a closed ring of myocardium.
pub fn clean(labels: &mut LabelMap) {
    let last = labels.labels().iter().copied().max().unwrap_or(0);
    (1..=last).for_each(|label| cleaning::keep_largest(labels, label));
    Part::of(labels).iter().for_each(|part| fill_holes(labels, part, last));
}

fn fill_holes(labels: &mut LabelMap, part: &Part, last: u8) {
    let structures = !&Mask::of_part(labels, part, 0);
    let holes = Components::of(&morphology::holes(&structures), Connectivity::Faces);
    let mut filled = vec![false; holes.len()];
    for label in (1..=last).rev() {
        let reached = morphology::dilate(&Mask::of_part(labels, part, label), Connectivity::Faces);
        let touched = holes.meeting(&reached);
        let first = part.planes.start * labels.grid().plane_len();
        for index in holes.select(|hole| touched[hole] && !filled[hole]).indices() {
            labels.labels_mut()[first + index] = label;
        }
        filled.iter_mut().zip(touched).for_each(|(filled, touched)| *filled |= touched);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Grid;

    fn label_map(rows: &[&str]) -> LabelMap {
        let labels = rows.iter().flat_map(|row| row.bytes().map(|byte| if byte == b'.' { 0 } else { byte - b'0' }));
        let grid = Grid::plane([rows.len(), rows[0].len()], [1.0, 1.0]).unwrap();
        LabelMap::new(grid, labels.collect()).unwrap()
    }

    fn cleaned(rows: &[&str]) -> LabelMap {
        Morphology.candidates(&label_map(rows)).unwrap().swap_remove(0)
    }

    #[test]
    fn scattered_parts_go_and_holes_are_filled() {
        let broken = [
            "2........", //
            ".2222222.",
            ".2111112.",
            ".2121.12.",
            ".2.11122.",
            ".222222..",
            "........1",
        ];
        let expected = [
            ".........", //
            ".2222222.",
            ".2111112.",
            ".2111112.",
            ".2211122.",
            ".222222..",
            ".........",
        ];
        assert_eq!(cleaned(&broken), label_map(&expected));
    }

    #[test]
    fn a_structure_within_another_is_no_hole() {
        let ring = [
            "22222", //
            "2...2", "2.1.2", "2...2", "22222",
        ];
        let expected = [
            "22222", //
            "22222", "22122", "22222", "22222",
        ];
        assert_eq!(cleaned(&ring), label_map(&expected));
    }

    #[test]
    fn four_structures_fill_with_the_last_around() {
        let ring = [
            "33344", //
            "3...4", "11144",
        ];
        let expected = [
            "33344", //
            "34444", "11144",
        ];
        assert_eq!(cleaned(&ring), label_map(&expected));
    }

    #[test]
    fn nothing_is_left_alone() {
        assert_eq!(Morphology.candidates(&label_map(&["...", "..."])).unwrap(), []);
    }
}
