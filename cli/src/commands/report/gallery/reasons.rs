//! Why a result is not valid, as words and as places in the label map.

use rl4seg_core::{
    config::Plan,
    domain::{Finding, LabelMap, LabelSet},
    measure::{Components, Connectivity, Mask, Part, morphology},
};
use serde::Serialize;

use crate::commands::check;

/// A finding that is not valid, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// What was found, and what is accepted.
    pub text: String,
    /// The structures that it is about, as far as its name tells.
    pub labels: Vec<u8>,
}

/// A pixel of a separate piece of a structure.
const PIECE: u8 = 1;
/// A pixel of a hole in structures.
const HOLE: u8 = 2;
/// The shortest part of a word that stands for it, as `myo` for myocardium.
const SHORTEST: usize = 3;

/// What findings call the structures of a run.
pub struct Names(Vec<(Vec<String>, Vec<u8>)>);

impl Names {
    /// The labels' names, and those that the configuration's rules give to one label or several.
    pub fn of(labels: &LabelSet, plan: &Plan) -> Self {
        let own = labels.structures().map(|label| (words(&label.name), vec![label.value]));
        let tables = plan.validity.iter().filter_map(|table| table.settings.get("structures")?.as_table());
        let given = tables.flatten().map(|(name, value)| (words(name), values(value)));
        Self(own.chain(given).filter(|(words, values)| !words.is_empty() && !values.is_empty()).collect())
    }

    /// The structures that a metric's name speaks of, each as the labels that it is made of.
    ///
    /// A structure is spoken of by all words of its name, by their initials (`lv`), or by the beginning of one that
    /// no other structure has a claim to (`myo`).
    fn spoken_of(&self, metric: &str) -> Vec<&[u8]> {
        let said = words(metric);
        let initials = |name: &[String]| name.iter().filter_map(|word| word.chars().next()).collect::<String>();
        let whole = |name: &Vec<String>| {
            name.iter().all(|word| said.contains(word)) || (name.len() > 1 && said.contains(&initials(name)))
        };
        let claimed: Vec<&String> = self.0.iter().filter(|(name, _)| whole(name)).flat_map(|(name, _)| name).collect();
        let begun = |name: &Vec<String>| {
            let free = said.iter().filter(|word| word.len() >= SHORTEST && !claimed.contains(word));
            free.into_iter().any(|word| name.iter().any(|whole| whole.starts_with(word.as_str())))
        };
        let mut found: Vec<&[u8]> = Vec::new();
        for (name, labels) in &self.0 {
            if (whole(name) || begun(name)) && !found.contains(&labels.as_slice()) {
                found.push(labels);
            }
        }
        found
    }

    /// The reasons behind a verdict.
    pub fn reasons(&self, findings: &[Finding]) -> Vec<Reason> {
        let reason = |finding: &Finding| {
            let mut labels = self.spoken_of(&finding.metric).concat();
            labels.sort_unstable();
            labels.dedup();
            Reason { text: check::fault(finding), labels }
        };
        findings.iter().map(reason).collect()
    }

    /// Where the faults are that findings tell of: separate pieces and holes, a byte for each voxel. Findings have no
    /// places; those whose name says that they count pieces or holes have them found again. Nothing where there are none.
    pub fn places(&self, findings: &[Finding], labels: &LabelMap) -> Option<Vec<u8>> {
        let all: Vec<&[u8]> = self.0.iter().map(|(_, labels)| labels.as_slice()).collect();
        let mut places = vec![0; labels.labels().len()];
        for finding in findings {
            let Some(kind) = Kind::of(&finding.metric) else { continue };
            let named = self.spoken_of(&finding.metric);
            let structures = if named.is_empty() { &all } else { &named };
            for part in Part::of(labels) {
                let of_other_plane = finding.plane.is_some_and(|plane| !part.planes.contains(&plane));
                if !of_other_plane {
                    kind.mark(structures, labels, &part, &mut places);
                }
            }
        }
        places.iter().any(|&place| place > 0).then_some(places)
    }
}

/// Faults that have a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pieces,
    Holes,
}

impl Kind {
    fn of(metric: &str) -> Option<Self> {
        let says = |parts: &[&str]| parts.iter().any(|part| metric.to_lowercase().contains(part));
        if says(&["hole", "gap"]) {
            Some(Self::Holes)
        } else if says(&["disconnect", "component", "outside_largest", "piece", "fragment"]) {
            Some(Self::Pieces)
        } else {
            None
        }
    }

    fn mark(self, structures: &[&[u8]], labels: &LabelMap, part: &Part, places: &mut [u8]) {
        let start = part.planes.start * labels.grid().plane_len();
        let mask = |values: &[u8]| {
            let of_label = |&value: &u8| Mask::of_part(labels, part, value);
            values.iter().map(of_label).reduce(|all, one| &all | &one)
        };
        match self {
            Self::Holes => {
                let holes = mask(&structures.concat()).map(|structure| morphology::holes(&structure));
                holes.iter().flat_map(Mask::indices).for_each(|index| places[start + index] = HOLE);
            }
            Self::Pieces => {
                for structure in structures.iter().filter_map(|values| mask(values)) {
                    let pieces = Components::of(&structure, Connectivity::Full);
                    let separate = pieces.select(|piece| Some(piece) != pieces.largest());
                    separate.indices().for_each(|index| places[start + index] = PIECE);
                }
            }
        }
    }
}

fn words(name: &str) -> Vec<String> {
    name.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// The labels of an entry of a `structures` table: one or a list.
fn values(value: &toml::Value) -> Vec<u8> {
    let one = |value: &toml::Value| u8::try_from(value.as_integer()?).ok();
    value.as_array().map_or_else(|| one(value).into_iter().collect(), |list| list.iter().filter_map(one).collect())
}

#[cfg(test)]
mod tests {
    use rl4seg_core::domain::{AcceptedRange, Grid};

    use super::*;

    fn names(structures: &[(&str, &[u8])]) -> Names {
        Names(structures.iter().map(|(name, values)| (words(name), values.to_vec())).collect())
    }

    fn finding(metric: &str) -> Finding {
        Finding {
            metric: metric.to_owned(),
            value: Some(1.0),
            unit: "mm2".to_owned(),
            accepted: AcceptedRange::exactly(0.0),
            plane: None,
            note: None,
        }
    }

    #[test]
    fn a_metric_speaks_of_structures_by_name_initials_or_beginning() {
        let heart = names(&[("left ventricle", &[1]), ("myocardium", &[2])]);
        let labels = |metric: &str| heart.reasons(&[finding(metric)]).remove(0).labels;
        assert_eq!(labels("holes_in_lv"), [1]);
        assert_eq!(labels("width_ratio_between_lv_and_myo"), [1, 2]);
        assert_eq!(labels("left_ventricle_area"), [1]);
        assert!(labels("holes_in_epi").is_empty());
        let chest = names(&[("left lung", &[1]), ("right lung", &[2]), ("lungs", &[1, 2])]);
        assert_eq!(chest.reasons(&[finding("left_lung_area")])[0].labels, [1]);
        assert_eq!(chest.reasons(&[finding("pieces_of_lungs")])[0].labels, [1, 2]);
    }

    #[test]
    fn pieces_and_holes_are_found_again_where_a_finding_tells_of_them() {
        let grid = Grid::plane([4, 6], [1.0, 1.0]).unwrap();
        let rows = [[1, 1, 1, 0, 0, 1], [1, 0, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 2]];
        let map = LabelMap::new(grid, rows.concat()).unwrap();
        let heart = names(&[("left ventricle", &[1]), ("myocardium", &[2])]);
        let at = |metric: &str| {
            let places = heart.places(&[finding(metric)], &map).unwrap_or_default();
            places
                .iter()
                .enumerate()
                .filter(|(_, place)| **place > 0)
                .map(|(at, place)| (at, *place))
                .collect::<Vec<_>>()
        };
        assert_eq!(at("holes_in_epi"), [(7, HOLE)]);
        assert_eq!(at("disconnectivity_in_lv"), [(5, PIECE)]);
        assert_eq!(at("disconnectivity_in_myo"), []);
        assert_eq!(at("width_ratio_between_lv_and_myo"), []);
    }
}
