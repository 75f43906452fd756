//! Where planes lie in the patient, and in which order they make a volume.

use dicom_dictionary_std::tags;

use super::{attributes::Attributes, dose, intensity::group};
use crate::io::IoError;

/// How far a plane may lie from where it would lie if all were equally far apart, as a share of their distance.
pub(super) const GAP_TOLERANCE: f64 = 0.05;
/// How far a number may be from a whole one, as a share of it.
const WHOLE_TOLERANCE: f64 = 0.01;
/// From here on every number is that close to a whole one.
const WHOLE_END: f64 = 50.0;
/// Largest difference between the directions of planes that are parallel.
const TURN_TOLERANCE: f64 = 1e-3;

/// Where a plane lies: position of its first voxel, mm, and the directions of its rows and columns, in the patient's
/// coordinates (LPS+; PS3.3, C.7.6.2.1.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placement {
    pub position: [f64; 3],
    pub orientation: [f64; 6],
}

impl Placement {
    /// Those of all frames of a file; `None` for one of which it does not tell.
    pub(super) fn of_all(root: &Attributes<'_>, frames: usize) -> Result<Vec<Option<Self>>, IoError> {
        match dose::placements(root, frames)? {
            Some(placements) => Ok(placements.into_iter().map(Some).collect()),
            None => (0..frames).map(|frame| Self::of(root, frame)).collect(),
        }
    }

    /// That of a frame, counted from 0; `None` where the file does not tell.
    pub(super) fn of(root: &Attributes<'_>, frame: usize) -> Result<Option<Self>, IoError> {
        let within = |tag| group(root, frame, tag).unwrap_or(*root);
        Self::within(&within(tags::PLANE_POSITION_SEQUENCE), &within(tags::PLANE_ORIENTATION_SEQUENCE))
    }

    /// That of which `at` holds the position and `turned` the directions; `None` where one is missing.
    pub(super) fn within(at: &Attributes<'_>, turned: &Attributes<'_>) -> Result<Option<Self>, IoError> {
        let position = at.array::<3>(tags::IMAGE_POSITION_PATIENT)?;
        let Some((position, orientation)) = position.zip(turned.array::<6>(tags::IMAGE_ORIENTATION_PATIENT)?) else {
            return Ok(None);
        };
        let placement = Self { position, orientation };
        let [row, column] = [placement.row(), placement.column()];
        if (norm(row) - 1.0).abs() > TURN_TOLERANCE
            || (norm(column) - 1.0).abs() > TURN_TOLERANCE
            || dot(row, column).abs() > TURN_TOLERANCE
        {
            return Err(turned.wrong(tags::IMAGE_ORIENTATION_PATIENT, "two directions of length 1 at a right angle"));
        }
        Ok(Some(placement))
    }

    /// The direction in which columns follow each other.
    fn row(&self) -> [f64; 3] {
        let [x, y, z, ..] = self.orientation;
        [x, y, z]
    }

    /// The direction in which rows follow each other.
    fn column(&self) -> [f64; 3] {
        let [.., x, y, z] = self.orientation;
        [x, y, z]
    }

    pub(super) fn normal(&self) -> [f64; 3] {
        let ([a, b, c], [d, e, f]) = (self.row(), self.column());
        [b * f - c * e, c * d - a * f, a * e - b * d]
    }

    pub(super) fn is_parallel(&self, other: &Self) -> bool {
        self.orientation.iter().zip(other.orientation).all(|(a, b)| (a - b).abs() <= TURN_TOLERANCE)
    }

    /// Along the normal, mm.
    pub(super) fn height(&self, normal: [f64; 3]) -> f64 {
        dot(self.position, normal)
    }

    /// From voxel index (x, y, z) to position in NIfTI's coordinates (RAS+), where planes follow each other by `step`.
    pub(super) fn affine(&self, spacing_mm: [f64; 2], step: [f64; 3]) -> [[f64; 4]; 3] {
        let [y, x] = spacing_mm;
        let (row, column) = (self.row(), self.column());
        // x and y of LPS run the other way.
        let sign = [-1.0, -1.0, 1.0];
        [0, 1, 2].map(|axis| {
            [row[axis] * x, column[axis] * y, step[axis], self.position[axis]].map(|value| sign[axis] * value + 0.0)
        })
    }
}

/// Two planes, by their numbers, that keep all from making a volume.
#[derive(Debug)]
pub(super) struct Misplaced {
    pub planes: [usize; 2],
    pub reason: String,
    /// Whether both lie in one place.
    pub together: bool,
}

/// Planes in order, one step apart.
#[derive(Debug, PartialEq)]
pub(super) struct Stack {
    /// Indices of the planes from the lowest to the highest along the normal of the first.
    pub order: Vec<usize>,
    /// From one to the next, mm.
    pub step: [f64; 3],
}

impl Misplaced {
    pub(super) fn together(planes: [usize; 2], position: [f64; 3]) -> Self {
        Self { planes, reason: format!("both lie at ImagePositionPatient {position:?}"), together: true }
    }
}

impl Stack {
    /// Puts planes in order.
    ///
    /// Refuses planes that are turned against each other, two at one place, and gaps.
    pub(super) fn of(planes: &[Placement]) -> Result<Self, Misplaced> {
        let refuse = |a, b, reason| Err(Misplaced { planes: [a, b], reason, together: false });
        let first = planes[0];
        if let Some(turned) = planes.iter().position(|plane| !plane.is_parallel(&first)) {
            let reason = format!(
                "ImageOrientationPatient {:?} and {:?}: one volume has one orientation",
                first.orientation, planes[turned].orientation
            );
            return refuse(0, turned, reason);
        }
        let normal = first.normal();
        let mut order: Vec<usize> = (0..planes.len()).collect();
        order.sort_by(|&a, &b| planes[a].height(normal).total_cmp(&planes[b].height(normal)));
        let [lowest, highest] = [order[0], order[order.len() - 1]].map(|plane| planes[plane].position);
        let count = (planes.len() - 1) as f64;
        let step = [0, 1, 2].map(|axis| (highest[axis] - lowest[axis]) / count);
        let heights: Vec<f64> = order.iter().map(|&plane| planes[plane].height(normal)).collect();
        let apart: Vec<f64> = heights.windows(2).map(|two| two[1] - two[0]).collect();
        // A hundredth of a micron is less than a decimal string of 16 characters tells apart.
        if let Some(low) = apart.iter().position(|&apart| apart < 1e-5) {
            return Err(Misplaced::together([order[low], order[low + 1]], planes[order[low]].position));
        }
        let off = |index: usize| {
            let expected = [0, 1, 2].map(|axis| lowest[axis] + step[axis] * index as f64);
            norm([0, 1, 2].map(|axis| planes[order[index]].position[axis] - expected[axis]))
        };
        if (0..order.len()).any(|index| off(index) > GAP_TOLERANCE * norm(step)) {
            let widest = (0..apart.len()).max_by(|&a, &b| apart[a].total_cmp(&apart[b])).unwrap_or(0);
            let mut sorted = apart.clone();
            sorted.sort_by(f64::total_cmp);
            let reason = format!(
                "they are {:.3} mm apart, and planes {:.3} mm as a rule: a plane is missing, or belongs to another volume",
                apart[widest],
                sorted[sorted.len() / 2]
            );
            return refuse(order[widest], order[widest + 1], reason);
        }
        Ok(Self { order, step })
    }

    /// How many times as far apart as `told_mm` planes are, where that is a whole number of at least 2: some are missing between every
    /// two. `None` for any other disagreement, since many scanners tell the thickness of a slice in place of the distance.
    pub(super) fn multiple_of(&self, told_mm: f64) -> Option<f64> {
        let ratio = norm(self.step) / told_mm.abs();
        let whole = ratio.round();
        let is_whole = (2.0..WHOLE_END).contains(&whole) && (ratio - whole).abs() <= WHOLE_TOLERANCE * whole;
        is_whole.then_some(whole)
    }
}

pub(super) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(super) fn norm(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXIAL: [f64; 6] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];

    fn at(z: f64) -> Placement {
        Placement { position: [-10.0, 20.0, z], orientation: AXIAL }
    }

    #[test]
    fn planes_are_put_in_order_along_their_normal() {
        let stack = Stack::of(&[at(5.0), at(1.0), at(3.0)]).unwrap();
        assert_eq!(stack, Stack { order: vec![1, 2, 0], step: [0.0, 0.0, 2.0] });
        let affine = at(1.0).affine([0.5, 0.25], stack.step);
        assert_eq!(affine, [[-0.25, 0.0, 0.0, 10.0], [0.0, -0.5, 0.0, -20.0], [0.0, 0.0, 2.0, 1.0]]);
    }

    #[test]
    fn planes_are_missing_where_they_lie_a_whole_multiple_of_what_is_told_apart() {
        let stack = Stack::of(&[at(0.0), at(5.0), at(10.0)]).unwrap();
        for (told_mm, multiple) in [
            (2.5, Some(2.0)),
            (-2.5, Some(2.0)),
            (2.52, Some(2.0)),
            (1.666_667, Some(3.0)),
            (5.0, None),
            (5.0 / 1.3, None),
            (2.4, None),
            (10.0, None),
            (0.01, None),
            (0.0, None),
        ] {
            assert_eq!(stack.multiple_of(told_mm), multiple, "{told_mm}");
        }
    }

    #[test]
    fn gaps_doubles_and_turns_are_refused() {
        let refused = Stack::of(&[at(1.0), at(2.0), at(4.0)]).unwrap_err();
        assert!(refused.reason.contains("is missing") && !refused.together, "{refused:?}");
        let refused = Stack::of(&[at(1.0), at(2.0), at(2.0)]).unwrap_err();
        assert!(refused.reason.contains("both lie at") && refused.together, "{refused:?}");
        let turned = Placement { orientation: [0.0, 1.0, 0.0, 0.0, 0.0, -1.0], ..at(2.0) };
        assert_eq!(Stack::of(&[at(1.0), turned]).unwrap_err().planes, [0, 1]);
    }
}
