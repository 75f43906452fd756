//! What rules measure.

use crate::measure::{Components, Connectivity, Mask, Part, morphology};

/// The size of voxels.
pub(super) struct Scale {
    /// `[slow, y, x]`, mm; the first is 1 where there is one plane.
    spacing_mm: [f64; 3],
}

impl Scale {
    pub fn of(part: &Part) -> Self {
        let [slow, y, x] = part.spacing_mm;
        Self { spacing_mm: [if part.planes.len() > 1 { slow } else { 1.0 }, y, x] }
    }

    /// mm² in a plane, mm³ in a volume.
    pub fn size(&self, voxels: usize) -> f64 {
        voxels as f64 * self.spacing_mm.iter().product::<f64>()
    }

    /// Share of the faces of `of` behind which `with` lies, by their length or area. The faces on the border of the
    /// image count, and nothing lies behind them.
    pub fn contact(&self, of: &Mask, with: &Mask) -> Option<f64> {
        let shape = of.shape();
        let [height, width] = [shape[1], shape[2]];
        let volume: f64 = self.spacing_mm.iter().product();
        let (mut all, mut touching) = (0.0, 0.0);
        for index in of.indices() {
            let at = [index / (height * width), index / width % height, index % width];
            for axis in usize::from(shape[0] == 1)..3 {
                let face = volume / self.spacing_mm[axis];
                for step in [-1, 1] {
                    let neighbour = neighbour(at, axis, step, shape);
                    if neighbour.is_some_and(|neighbour| of.contains(neighbour)) {
                        continue;
                    }
                    all += face;
                    if neighbour.is_some_and(|neighbour| with.contains(neighbour)) {
                        touching += face;
                    }
                }
            }
        }
        (all > 0.0).then(|| touching / all)
    }
}

fn neighbour(mut at: [usize; 3], axis: usize, step: isize, shape: [usize; 3]) -> Option<[usize; 3]> {
    at[axis] = at[axis].checked_add_signed(step).filter(|&there| there < shape[axis])?;
    Some(at)
}

pub(super) fn components(mask: &Mask, connectivity: Connectivity) -> usize {
    Components::of(mask, connectivity).len()
}

/// Voxels outside the largest piece.
pub(super) fn outside_largest(mask: &Mask, connectivity: Connectivity) -> usize {
    let components = Components::of(mask, connectivity);
    components.sizes().iter().sum::<usize>() - components.sizes().iter().max().unwrap_or(&0)
}

/// What is around a structure and no hole in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outside {
    /// What reaches the border of the image.
    Border,
    /// What is connected to the image's first voxel; nothing, where a structure covers that.
    FirstVoxel,
}

/// How holes are told from the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Enclosure {
    /// What joins two voxels around a structure.
    pub connectivity: Connectivity,
    pub outside: Outside,
}

pub(super) fn holes(mask: &Mask, enclosure: Enclosure) -> Mask {
    let background = !mask;
    let around = Components::of(&background, enclosure.connectivity);
    match enclosure.outside {
        Outside::Border => {
            let on_border = around.on_border();
            around.select(|component| !on_border[component])
        }
        Outside::FirstVoxel => {
            let outside = background.contains([0, 0, 0]).then_some(0);
            around.select(|component| Some(component) != outside)
        }
    }
}

/// The holes of all structures together, when each one's holes in which no other lies are filled.
pub(super) fn gaps(structures: &[Mask], enclosure: Enclosure) -> Mask {
    let filled = |(number, structure): (usize, &Mask)| {
        let holes = Components::of(&holes(structure, enclosure), enclosure.connectivity);
        let others = structures.iter().enumerate().filter(|(other, _)| *other != number);
        let occupied = others.map(|(_, other)| holes.meeting(other)).reduce(either).unwrap_or_default();
        structure | &holes.select(|hole| !occupied.get(hole).copied().unwrap_or(false))
    };
    let together = structures.iter().enumerate().map(filled).reduce(|all, one| &all | &one);
    together.map_or_else(|| Mask::empty([1, 1, 1]), |together| holes(&together, enclosure))
}

fn either(one: Vec<bool>, other: Vec<bool>) -> Vec<bool> {
    one.into_iter().zip(other).map(|(one, other)| one || other).collect()
}

/// Voxels of `of` in `with` or its holes.
pub(super) fn inside(of: &Mask, with: &Mask) -> usize {
    (of & &morphology::fill_holes(with)).count()
}
