use std::ops::Range;

use super::Mask;

/// Which voxels are neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connectivity {
    /// Voxels that share a face: 4 neighbours in a plane, 6 in a volume.
    Faces,
    /// Voxels that touch at all: 8 neighbours in a plane, 26 in a volume.
    Full,
}

/// The connected components of a mask, numbered 0, 1, 2, ... by their first voxel in C order.
#[derive(Debug, Clone)]
pub struct Components {
    shape: [usize; 3],
    runs: Vec<Run>,
    /// The component of each run.
    numbers: Vec<u32>,
    /// The voxels of each component.
    sizes: Vec<usize>,
}

/// Neighbouring voxels of one row.
#[derive(Debug, Clone, Copy)]
struct Run {
    row: u32,
    start: u32,
    end: u32,
}

impl Components {
    /// Finds the components of `mask`. Runs of voxels are joined row by row with a union-find
    /// structure (He, Chao and Suzuki 2008).
    #[must_use]
    pub fn of(mask: &Mask, connectivity: Connectivity) -> Self {
        let (runs, rows) = find_runs(mask);
        let reach = u32::from(connectivity == Connectivity::Full);
        let mut forest = Forest::of_singles(runs.len());
        for row in 0..mask.rows() {
            for earlier in earlier_neighbours(mask.shape(), row, connectivity) {
                join(&mut forest, &runs, [rows[row].clone(), rows[earlier].clone()], reach);
            }
        }
        let (numbers, components) = forest.number();
        let mut sizes = vec![0; components];
        for (run, &number) in runs.iter().zip(&numbers) {
            sizes[number as usize] += (run.end - run.start) as usize;
        }
        Self { shape: mask.shape(), runs, numbers, sizes }
    }

    /// Number of components.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// Number of voxels of each component.
    #[must_use]
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// The component with the most voxels; of several, the one whose first voxel comes first.
    #[must_use]
    pub fn largest(&self) -> Option<usize> {
        (0..self.len()).reduce(|best, next| if self.sizes[next] > self.sizes[best] { next } else { best })
    }

    /// The voxels of one component.
    #[must_use]
    pub fn mask(&self, component: usize) -> Mask {
        self.select(|number| number == component)
    }

    /// The voxels of the components that `wanted` names by number.
    #[must_use]
    pub fn select(&self, wanted: impl Fn(usize) -> bool) -> Mask {
        let mut mask = Mask::empty(self.shape);
        for (run, &number) in self.runs.iter().zip(&self.numbers) {
            if wanted(number as usize) {
                mask.insert_run(run.row as usize, run.start as usize..run.end as usize);
            }
        }
        mask
    }

    /// For each component, whether it holds a voxel of `other`.
    ///
    /// # Panics
    /// If `other` has fewer rows, or narrower ones, than the mask that the components are of.
    #[must_use]
    pub fn meeting(&self, other: &Mask) -> Vec<bool> {
        let mut meets = vec![false; self.len()];
        for (run, &number) in self.runs.iter().zip(&self.numbers) {
            let meets = &mut meets[number as usize];
            *meets = *meets || other.meets_run(run.row as usize, run.start as usize..run.end as usize);
        }
        meets
    }

    /// For each component, whether it touches the border of the image (in a volume: one of its six
    /// sides).
    #[must_use]
    pub fn on_border(&self) -> Vec<bool> {
        let [planes, height, width] = self.shape;
        let outermost = |run: &Run| {
            let (plane, y) = (run.row as usize / height, run.row as usize % height);
            let on_side = planes > 1 && (plane == 0 || plane == planes - 1);
            on_side || y == 0 || y == height - 1 || run.start == 0 || run.end as usize == width
        };
        let mut touches = vec![false; self.len()];
        for (run, &number) in self.runs.iter().zip(&self.numbers) {
            touches[number as usize] |= outermost(run);
        }
        touches
    }
}

/// The runs of each row, and which runs each row has.
fn find_runs(mask: &Mask) -> (Vec<Run>, Vec<Range<usize>>) {
    let mut runs = Vec::new();
    let rows = (0..mask.rows()).map(|row| {
        let first = runs.len();
        let mut start = None;
        let mut before = 0;
        for (at, &word) in mask.row(row).iter().enumerate() {
            let mut changes = word ^ (word << 1 | before);
            before = word >> 63;
            while changes != 0 {
                let x = at as u32 * 64 + changes.trailing_zeros();
                changes &= changes - 1;
                match start.take() {
                    None => start = Some(x),
                    Some(start) => runs.push(Run { row: row as u32, start, end: x }),
                }
            }
        }
        if let Some(start) = start {
            runs.push(Run { row: row as u32, start, end: mask.shape()[2] as u32 });
        }
        first..runs.len()
    });
    let rows = rows.collect();
    (runs, rows)
}

/// The rows before `row` that hold neighbours of its voxels.
fn earlier_neighbours(shape: [usize; 3], row: usize, connectivity: Connectivity) -> impl Iterator<Item = usize> {
    let [_, height, _] = shape;
    let (plane, y) = (row / height, row % height);
    let above = (y > 0).then(|| row - 1);
    let reach = usize::from(connectivity == Connectivity::Full);
    let ys = if plane > 0 { y.saturating_sub(reach)..(y + reach + 1).min(height) } else { 0..0 };
    above.into_iter().chain(ys.map(move |y| (plane.wrapping_sub(1)) * height + y))
}

/// Joins the runs of two rows that overlap, or are at most `reach` voxels apart diagonally.
fn join(forest: &mut Forest, runs: &[Run], rows: [Range<usize>; 2], reach: u32) {
    let [mut here, mut there] = rows;
    while !here.is_empty() && !there.is_empty() {
        let (a, b) = (runs[here.start], runs[there.start]);
        if a.start < b.end + reach && b.start < a.end + reach {
            forest.join(here.start, there.start);
        }
        if a.end < b.end {
            here.start += 1;
        } else {
            there.start += 1;
        }
    }
}

/// Disjoint sets. A set's root is its first member.
struct Forest {
    parents: Vec<u32>,
}

impl Forest {
    fn of_singles(len: usize) -> Self {
        Self { parents: (0..len as u32).collect() }
    }

    fn root(&mut self, member: usize) -> u32 {
        let mut member = member as u32;
        while self.parents[member as usize] != member {
            let grandparent = self.parents[self.parents[member as usize] as usize];
            self.parents[member as usize] = grandparent;
            member = grandparent;
        }
        member
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b) as usize] = a.min(b);
    }

    /// A number for each member's set, in order of first members; and how many sets there are.
    fn number(mut self) -> (Vec<u32>, usize) {
        let mut sets = 0;
        for member in 0..self.parents.len() {
            let parent = self.parents[member] as usize;
            self.parents[member] = if parent == member {
                sets += 1;
                sets - 1
            } else {
                // A parent comes before its child, so it already holds its set's number.
                self.parents[parent]
            };
        }
        (self.parents, sets as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ascii::mask;
    use super::*;

    #[test]
    fn diagonal_neighbours_count_only_in_full_connectivity() {
        let steps = mask(&["#..", ".#.", "..#"]);
        assert_eq!(Components::of(&steps, Connectivity::Faces).len(), 3);
        assert_eq!(Components::of(&steps, Connectivity::Full).len(), 1);
    }

    #[test]
    fn arms_that_meet_late_are_one_component() {
        let spiral = mask(&["#.#.#", "#.#.#", "#.###", "#...#", "#####"]);
        let components = Components::of(&spiral, Connectivity::Faces);
        assert_eq!(components.sizes(), [spiral.count()]);
        assert_eq!(components.mask(0), spiral);
    }

    #[test]
    fn the_first_of_equally_large_components_is_the_largest() {
        let components = Components::of(&mask(&["#..##", ".....", "##..."]), Connectivity::Full);
        assert_eq!(components.sizes(), [1, 2, 2]);
        assert_eq!(components.largest(), Some(1));
        assert_eq!(components.mask(1), mask(&["...##", ".....", "....."]));
        assert_eq!(Components::of(&mask(&["..."]), Connectivity::Full).largest(), None);
    }

    #[test]
    fn runs_cross_words() {
        let row = "#".repeat(63) + "." + &"#".repeat(64) + "." + &"#".repeat(71);
        let components = Components::of(&mask(&[&row]), Connectivity::Faces);
        assert_eq!(components.sizes(), [63, 64, 71]);
        assert_eq!(&components.mask(0) | &(&components.mask(1) | &components.mask(2)), mask(&[&row]));
        let full = "#".repeat(128);
        assert_eq!(Components::of(&mask(&[&full]), Connectivity::Faces).sizes(), [128]);
    }

    #[test]
    fn planes_of_a_volume_are_neighbours() {
        let mut volume = Mask::empty([2, 3, 3]);
        volume.insert_run(0, 0..1);
        volume.insert_run(4, 1..2);
        assert_eq!(Components::of(&volume, Connectivity::Faces).len(), 2);
        assert_eq!(Components::of(&volume, Connectivity::Full).len(), 1);
        volume.insert_run(3, 0..2);
        assert_eq!(Components::of(&volume, Connectivity::Faces).sizes(), [4]);
    }
}
