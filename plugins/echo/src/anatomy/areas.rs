use rl4seg_sdk::measure::{Components, Connectivity, Mask};

use super::Frame;

/// Pixels of the holes in a structure: regions around it, connected by their corners, too, that do
/// not reach the border of the image.
pub(super) fn holes_in(structure: &Mask) -> usize {
    let around = Components::of(&!structure, Connectivity::Full);
    let on_border = around.on_border();
    around.sizes().iter().zip(on_border).filter(|(_, on_border)| !on_border).map(|(size, _)| size).sum()
}

/// Pixels outside the largest component.
pub(super) fn outside_largest(structure: &Mask) -> usize {
    let components = Components::of(structure, Connectivity::Full);
    components.sizes().iter().sum::<usize>() - components.sizes().iter().max().unwrap_or(&0)
}

/// Pixels of the gaps between the structures, after each structure's own holes have been filled;
/// 0 if they are few enough to be noise.
pub(super) fn holes_between(frame: &Frame, noise_share: f64) -> usize {
    let structures = &filled_around(&frame.lv, &frame.myo) | &filled_around(&frame.myo, &frame.lv);
    let background = !&structures;
    let around = Components::of(&background, Connectivity::Faces);
    let outside = first_pixel(&background).map_or(0, |outside| around.sizes()[outside]);
    let enclosed = background.count() - outside;
    if enclosed as f64 <= noise_share * frame.pixels() as f64 { 0 } else { enclosed }
}

/// The structure with its holes filled, but for those that the other structure lies in.
fn filled_around(structure: &Mask, other: &Mask) -> Mask {
    let background = !structure;
    let around = Components::of(&background, Connectivity::Faces);
    let outside = first_pixel(&background);
    let occupied = around.meeting(other);
    structure | &around.select(|component| Some(component) != outside && !occupied[component])
}

/// The component of the image's first pixel, which stands for all that is outside. Where a structure
/// covers that pixel there is no outside, as in the published metric.
fn first_pixel(background: &Mask) -> Option<usize> {
    background.contains([0, 0, 0]).then_some(0)
}
