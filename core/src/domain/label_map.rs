use std::borrow::Cow;

use super::{DomainError, Grid, LabelSet, image::check_len};

/// One label for each voxel, `[slow, y, x]` in C order. 0 is background.
#[derive(Debug, PartialEq, Eq)]
pub struct LabelMap {
    grid: GridEq,
    labels: Cow<'static, [u8]>,
}

/// A clone has labels of its own, even of a map that borrows them.
// `plugin::wire` relies on it: what a plugin sees is borrowed for a call only, and a clone may be kept.
impl Clone for LabelMap {
    fn clone(&self) -> Self {
        Self { grid: self.grid, labels: Cow::Owned(self.labels.to_vec()) }
    }
}

/// A [`Grid`] holds no NaN, so its equality is total.
#[derive(Debug, Clone, Copy, PartialEq)]
struct GridEq(Grid);

impl Eq for GridEq {}

impl LabelMap {
    /// A label map on `grid`.
    ///
    /// # Errors
    /// [`DomainError::Length`] if `labels` do not fill the shape.
    pub fn new(grid: Grid, labels: Vec<u8>) -> Result<Self, DomainError> {
        Self::filling(grid, Cow::Owned(labels))
    }

    /// A label map on `grid` that borrows its labels; the first change copies them.
    pub(crate) fn borrowed(grid: Grid, labels: &'static [u8]) -> Result<Self, DomainError> {
        Self::filling(grid, Cow::Borrowed(labels))
    }

    fn filling(grid: Grid, labels: Cow<'static, [u8]>) -> Result<Self, DomainError> {
        check_len("a label map [slow, y, x]", labels.len(), grid.len())?;
        Ok(Self { grid: GridEq(grid), labels })
    }

    /// A label map that is background everywhere.
    #[must_use]
    pub fn background(grid: Grid) -> Self {
        Self { grid: GridEq(grid), labels: vec![0; grid.len()].into() }
    }

    /// Shape and spacing.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid.0
    }

    /// All labels, `[slow, y, x]`.
    #[must_use]
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// All labels, to be written.
    pub fn labels_mut(&mut self) -> &mut [u8] {
        self.labels.to_mut()
    }

    /// The labels of one slice or frame, `[y, x]`.
    ///
    /// # Panics
    /// If `plane` is not below `grid().planes()`.
    #[must_use]
    pub fn plane(&self, plane: usize) -> &[u8] {
        let len = self.grid().plane_len();
        &self.labels[plane * len..(plane + 1) * len]
    }

    /// One slice or frame as a 2-D label map.
    ///
    /// # Panics
    /// If `plane` is not below `grid().planes()`.
    #[must_use]
    pub fn one_plane(&self, plane: usize) -> Self {
        Self { grid: GridEq(self.grid().one_plane()), labels: self.plane(plane).to_vec().into() }
    }

    /// The voxels that carry `label`.
    #[must_use]
    pub fn mask(&self, label: u8) -> Vec<bool> {
        self.labels.iter().map(|&found| found == label).collect()
    }

    /// Whether every voxel is background.
    #[must_use]
    pub fn is_background(&self) -> bool {
        self.labels.iter().all(|&label| label == 0)
    }

    /// Refuses a label that `set` does not have.
    ///
    /// # Errors
    /// [`DomainError::UnknownLabel`] with the first such voxel.
    pub fn require_labels(&self, set: &LabelSet) -> Result<(), DomainError> {
        let unknown = |label: u8| usize::from(label) >= set.len();
        // A search that may stop early is slow, and is only needed to say where.
        let largest = self.labels.iter().copied().fold(0, u8::max);
        let first = unknown(largest).then(|| self.labels.iter().position(|&label| unknown(label)));
        match first.flatten() {
            None => Ok(()),
            Some(index) => Err(DomainError::UnknownLabel {
                found: i64::from(self.labels[index]),
                at: self.grid().position(index),
                expected: set.to_string(),
            }),
        }
    }
}

/// The most likely label of each voxel of one image, from `[class, voxel]` probabilities or
/// logits; of equal ones the lowest label.
#[must_use]
pub fn most_likely(scores: &[f32], classes: usize) -> Vec<u8> {
    let voxels = scores.len() / classes;
    let best = |voxel: usize| {
        let better = |best: usize, class: usize| {
            if scores[class * voxels + voxel] > scores[best * voxels + voxel] { class } else { best }
        };
        (1..classes).fold(0, better) as u8
    };
    (0..voxels).map(best).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_and_a_change_leave_borrowed_labels_alone() {
        static LABELS: [u8; 2] = [1, 2];
        let grid = Grid::plane([1, 2], [1.0, 1.0]).unwrap();
        let borrowed = LabelMap::borrowed(grid, &LABELS).unwrap();
        assert_eq!(borrowed.labels().as_ptr(), LABELS.as_ptr());
        let clone = borrowed.clone();
        assert_eq!(clone, borrowed);
        assert_ne!(clone.labels().as_ptr(), LABELS.as_ptr());
        let mut changed = borrowed;
        changed.labels_mut()[0] = 3;
        assert_eq!((changed.labels(), LABELS), (&[3, 2][..], [1, 2]));
        assert!(LabelMap::borrowed(grid, &LABELS[..1]).is_err());
    }

    #[test]
    fn ties_go_to_the_lowest_label() {
        assert_eq!(most_likely(&[1.0, 0.0, 1.0, 2.0, 1.0, 2.0], 3), [0, 1]);
    }
}
