//! Cleaning of label maps against the recorded answers of the published post-processing.
//! Labels: 1 left ventricle, 2 myocardium.

use anyhow::Result;
use rl4seg_core::domain::{Grid, LabelMap};
use rl4seg_core::measure::cleaning::{fill_between, fill_within, keep_largest, keep_largest_structure};
use rl4seg_tests::fixtures::Set;

fn keep_largest_of_each(labels: &mut LabelMap) {
    [2, 1].into_iter().for_each(|label| keep_largest(labels, label));
}

fn fill_within_each(labels: &mut LabelMap) {
    fill_within(labels, &[2, 1]);
}

fn fill_between_both(labels: &mut LabelMap) {
    fill_between(labels, [1, 2], 2);
}

fn whole_pipeline(labels: &mut LabelMap) {
    keep_largest_of_each(labels);
    fill_within_each(labels);
    fill_between_both(labels);
}

/// Cleans every input of the set and compares it, voxel by voxel, with the recorded `answer`.
fn check(answer: &str, clean: fn(&mut LabelMap)) -> Result<()> {
    let set = Set::open("morphology")?;
    for size in set.variants(&format!("{answer}_"), ".npy.gz")? {
        let inputs = set.array::<u8>(&format!("input_{size}.npy.gz"))?;
        let answers = set.array::<u8>(&format!("{answer}_{size}.npy.gz"))?;
        assert_eq!(inputs.shape, answers.shape, "{answer} {size}");
        let grid = Grid::plane([inputs.shape[1], inputs.shape[2]], [1.0, 1.0])?;
        for (index, (input, cleaned)) in inputs.items().zip(answers.items()).enumerate() {
            let mut labels = LabelMap::new(grid, input.to_vec())?;
            clean(&mut labels);
            let differing = labels.labels().iter().zip(cleaned).filter(|(ours, recorded)| ours != recorded).count();
            assert_eq!(differing, 0, "{answer} {size}, map {index}: voxels that differ");
        }
    }
    Ok(())
}

#[test]
fn the_largest_component_of_each_label_stays() -> Result<()> {
    check("big_blob", keep_largest_of_each)
}

#[test]
fn holes_within_a_label_are_filled() -> Result<()> {
    check("fill_intra", fill_within_each)
}

#[test]
fn holes_between_labels_are_filled() -> Result<()> {
    check("fill_inter", fill_between_both)
}

#[test]
fn the_three_steps_follow_each_other() -> Result<()> {
    check("pipeline", whole_pipeline)
}

#[test]
fn the_largest_component_of_all_structures_stays() -> Result<()> {
    check("test_step_union_blob", keep_largest_structure)
}
