//! The `morphology` corrector against the recorded answers of the published cleaning.

use anyhow::{Result, ensure};
use rl4seg_core::builtin::correctors::Morphology;
use rl4seg_core::component::Corrector;
use rl4seg_core::domain::{Grid, LabelMap};
use rl4seg_tests::fixtures::Set;

#[test]
fn the_corrector_is_the_whole_published_cleaning() -> Result<()> {
    let set = Set::open("morphology")?;
    for size in set.variants("pipeline_", ".npy.gz")? {
        let read = |name: &str| set.array::<u8>(&format!("{name}_{size}.npy.gz"));
        let (inputs, components, answers) = (read("input")?, read("big_blob")?, read("pipeline")?);
        ensure!(inputs.shape == answers.shape && inputs.shape == components.shape, "shapes of size {size}");
        let grid = Grid::plane([inputs.shape[1], inputs.shape[2]], [1.0, 1.0])?;
        let mut compared = 0;
        for (index, ((input, components), answer)) in
            inputs.items().zip(components.items()).zip(answers.items()).enumerate()
        {
            if paints_over_a_structure(components, answer) {
                continue;
            }
            let labels = LabelMap::new(grid, input.to_vec())?;
            let candidates = Morphology.candidates(&labels)?;
            let expected = if labels.is_background() { vec![] } else { vec![LabelMap::new(grid, answer.to_vec())?] };
            ensure!(candidates == expected, "label map {index} of size {size} is cleaned otherwise");
            compared += 1;
        }
        ensure!(compared > 0, "no label map of size {size} could be compared");
    }
    Ok(())
}

/// Where a structure lies within a hole of another, the published cleaning loses it and the
/// corrector does not, on purpose.
fn paints_over_a_structure(components: &[u8], answer: &[u8]) -> bool {
    components.iter().zip(answer).any(|(&before, &after)| before != 0 && after != before)
}
