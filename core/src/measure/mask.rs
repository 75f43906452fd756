use std::iter;
use std::ops::{BitAnd, BitOr, Not, Range};

use crate::domain::{LabelMap, SlowAxis};

/// Which voxels belong to something, axes `[slow, y, x]`, one bit each.
///
/// A mask with one plane is 2-D: its slow axis has no neighbours and no border. A mask with several
/// planes is a volume. The frames of a sequence are masks of their own ([`Part::of`]).
///
/// Rows start at a word; the bits behind a row's last voxel are 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    shape: [usize; 3],
    row_words: usize,
    words: Vec<u64>,
}

impl Mask {
    /// A mask without voxels.
    #[must_use]
    pub fn empty(shape: [usize; 3]) -> Self {
        let row_words = shape[2].div_ceil(64);
        Self { shape, row_words, words: vec![0; shape[0] * shape[1] * row_words] }
    }

    /// The voxels of `labels` that carry `label`, over all planes.
    #[must_use]
    pub fn of_label(labels: &LabelMap, label: u8) -> Self {
        Self::equal_to(labels.labels(), labels.grid().shape(), label)
    }

    /// The voxels of `labels` that are not background, over all planes.
    #[must_use]
    pub fn of_structures(labels: &LabelMap) -> Self {
        !&Self::of_label(labels, 0)
    }

    /// The voxels of slice or frame `plane` that carry `label`, as a 2-D mask.
    ///
    /// # Panics
    /// If `plane` is not below `labels.grid().planes()`.
    #[must_use]
    pub fn of_plane(labels: &LabelMap, plane: usize, label: u8) -> Self {
        let [_, height, width] = labels.grid().shape();
        Self::equal_to(labels.plane(plane), [1, height, width], label)
    }

    /// The voxels of `part` that carry `label`.
    ///
    /// # Panics
    /// If `part` is of another grid.
    #[must_use]
    pub fn of_part(labels: &LabelMap, part: &Part, label: u8) -> Self {
        let [_, height, width] = labels.grid().shape();
        let voxels = part.planes.start * height * width..part.planes.end * height * width;
        Self::equal_to(&labels.labels()[voxels], [part.planes.len(), height, width], label)
    }

    fn equal_to(labels: &[u8], shape: [usize; 3], label: u8) -> Self {
        let mut mask = Self::empty(shape);
        for (row, labels) in mask.words.chunks_exact_mut(mask.row_words).zip(labels.chunks_exact(shape[2])) {
            for (word, labels) in row.iter_mut().zip(labels.chunks(64)) {
                let (eights, rest) = labels.as_chunks::<8>();
                for (at, &eight) in eights.iter().enumerate() {
                    *word |= bytes_equal_to(eight, label) << (8 * at);
                }
                for (at, &found) in rest.iter().enumerate() {
                    *word |= u64::from(found == label) << (8 * eights.len() + at);
                }
            }
        }
        mask
    }

    /// Number of voxels along `[slow, y, x]`.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Whether the voxel at `[slow, y, x]` belongs to the mask.
    ///
    /// # Panics
    /// If there is no such voxel.
    #[must_use]
    pub fn contains(&self, at: [usize; 3]) -> bool {
        self.row(at[0] * self.shape[1] + at[1])[at[2] / 64] >> (at[2] % 64) & 1 == 1
    }

    /// Number of voxels in the mask.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Number of voxels in each row, row by row and plane by plane.
    pub fn row_counts(&self) -> impl Iterator<Item = usize> {
        (0..self.rows()).map(|row| self.row(row).iter().map(|word| word.count_ones() as usize).sum())
    }

    /// Whether no voxel belongs to the mask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Whether every voxel belongs to the mask.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.count() == self.shape.iter().product::<usize>()
    }

    /// The voxels that are not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a & !b)
    }

    /// The voxels' indices in C order.
    pub fn indices(&self) -> impl Iterator<Item = usize> {
        (0..self.rows()).flat_map(move |row| self.columns(row).map(move |x| row * self.shape[2] + x))
    }

    /// The x of the voxels in row `slow · height + y`, from left to right.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn columns(&self, row: usize) -> impl Iterator<Item = usize> {
        self.row(row).iter().enumerate().flat_map(|(at, &word)| set_bits(word).map(move |bit| at * 64 + bit))
    }

    /// The smallest box `[slow, y, x]` that holds the mask; `None` if the mask is empty.
    #[must_use]
    pub fn bounds(&self) -> Option<[Range<usize>; 3]> {
        let mut rows = (0..self.rows()).filter(|&row| self.row(row).iter().any(|&word| word != 0)).peekable();
        let first = *rows.peek()?;
        let height = self.shape[1];
        let (mut planes, mut ys) = (first / height..first / height + 1, first % height..first % height + 1);
        let mut columns = vec![0_u64; self.row_words];
        for row in rows {
            planes.end = row / height + 1;
            ys = ys.start.min(row % height)..ys.end.max(row % height + 1);
            columns.iter_mut().zip(self.row(row)).for_each(|(column, word)| *column |= word);
        }
        let first_word = columns.iter().position(|&word| word != 0)?;
        let last_word = columns.iter().rposition(|&word| word != 0)?;
        let start = first_word * 64 + columns[first_word].trailing_zeros() as usize;
        let end = last_word * 64 + 64 - columns[last_word].leading_zeros() as usize;
        Some([planes, ys, start..end])
    }

    /// The part of the mask within `bounds` `[slow, y, x]`, with that shape.
    ///
    /// # Panics
    /// If `bounds` reaches outside the mask.
    #[must_use]
    pub fn crop(&self, bounds: &[Range<usize>; 3]) -> Self {
        let [planes, ys, xs] = bounds;
        let mut cropped = Self::empty([planes.len(), ys.len(), xs.len()]);
        let (skip, shift) = (xs.start / 64, xs.start % 64);
        let sources = planes.clone().flat_map(|plane| ys.clone().map(move |y| plane * self.shape[1] + y));
        let last = last_word(xs.len());
        for (target, source) in cropped.words.chunks_exact_mut(cropped.row_words).zip(sources) {
            let source = &self.row(source)[skip..];
            for (at, word) in target.iter_mut().enumerate() {
                let next = source.get(at + 1).copied().unwrap_or(0);
                *word = source[at] >> shift | next.checked_shl(64 - shift as u32).unwrap_or(0);
            }
            if let Some(word) = target.last_mut() {
                *word &= last;
            }
        }
        cropped
    }

    /// Number of rows: planes times height.
    pub(super) fn rows(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// Row `slow · height + y`, voxel 0 in the lowest bit of the first word.
    pub(super) fn row(&self, row: usize) -> &[u64] {
        &self.words[row * self.row_words..(row + 1) * self.row_words]
    }

    pub(super) fn row_mut(&mut self, row: usize) -> &mut [u64] {
        &mut self.words[row * self.row_words..(row + 1) * self.row_words]
    }

    /// The bits of a row's last word that are voxels.
    pub(super) fn last_word(&self) -> u64 {
        last_word(self.shape[2])
    }

    /// Adds the voxels `xs` of row `row`.
    pub(super) fn insert_run(&mut self, row: usize, xs: Range<usize>) {
        let words = self.row_mut(row);
        words_of_run(xs).for_each(|(at, bits)| words[at] |= bits);
    }

    /// Whether one of the voxels `xs` of row `row` belongs to the mask.
    pub(super) fn meets_run(&self, row: usize, xs: Range<usize>) -> bool {
        let words = self.row(row);
        words_of_run(xs).any(|(at, bits)| words[at] & bits != 0)
    }

    fn combine(&self, other: &Self, operation: impl Fn(u64, u64) -> u64) -> Self {
        assert_eq!(self.shape, other.shape, "masks of different shapes [slow, y, x] cannot be combined");
        let words = self.words.iter().zip(&other.words).map(|(&a, &b)| operation(a, b)).collect();
        Self { shape: self.shape, row_words: self.row_words, words }
    }
}

/// The voxels in both masks, which must have one shape.
impl BitAnd for &Mask {
    type Output = Mask;

    fn bitand(self, other: Self) -> Mask {
        self.combine(other, |a, b| a & b)
    }
}

/// The voxels in either mask; both must have one shape.
impl BitOr for &Mask {
    type Output = Mask;

    fn bitor(self, other: Self) -> Mask {
        self.combine(other, |a, b| a | b)
    }
}

/// The voxels that are not in the mask.
impl Not for &Mask {
    type Output = Mask;

    fn not(self) -> Mask {
        let last = self.last_word();
        let mut inverse = self.clone();
        for row in inverse.words.chunks_exact_mut(self.row_words) {
            row.iter_mut().for_each(|word| *word = !*word);
            if let Some(word) = row.last_mut() {
                *word &= last;
            }
        }
        inverse
    }
}

/// What is measured in one piece: a whole volume, or one frame of a sequence, because neighbouring
/// frames are not neighbours in space.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The slices or frames.
    pub planes: Range<usize>,
    /// Voxel spacing `[slow, y, x]`, mm. A part of one plane has no lengths along the slow axis.
    pub spacing_mm: [f64; 3],
}

impl Part {
    /// The parts of a label map, in order.
    #[must_use]
    pub fn of(labels: &LabelMap) -> Vec<Self> {
        let grid = labels.grid();
        let [y, x] = grid.spacing_mm();
        match grid.slow() {
            SlowAxis::Depth { spacing_mm } => {
                vec![Self { planes: 0..grid.planes(), spacing_mm: [spacing_mm, y, x] }]
            }
            SlowAxis::Single | SlowAxis::Time { .. } => {
                (0..grid.planes()).map(|plane| Self { planes: plane..plane + 1, spacing_mm: [0.0, y, x] }).collect()
            }
        }
    }
}

/// The words of a row that hold the voxels `xs`, with the bits that they have there.
fn words_of_run(xs: Range<usize>) -> impl Iterator<Item = (usize, u64)> {
    let last = xs.end - 1;
    (xs.start / 64..=last / 64).map(move |at| {
        let from = if at == xs.start / 64 { u64::MAX << (xs.start % 64) } else { u64::MAX };
        let to = if at == last / 64 { u64::MAX >> (63 - last % 64) } else { u64::MAX };
        (at, from & to)
    })
}

/// The positions of a word's set bits, lowest first.
fn set_bits(word: u64) -> impl Iterator<Item = usize> {
    let mut rest = word;
    iter::from_fn(move || {
        let lowest = (rest != 0).then(|| rest.trailing_zeros() as usize);
        rest &= rest.wrapping_sub(1);
        lowest
    })
}

fn last_word(width: usize) -> u64 {
    u64::MAX >> (width.div_ceil(64) * 64 - width)
}

/// Bit i of the answer: whether byte i equals `label`. Finds zero bytes without carries between
/// them (Warren, Hacker's Delight, 6-1), then gathers their top bits by one multiplication.
fn bytes_equal_to(bytes: [u8; 8], label: u8) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let differing = u64::from_le_bytes(bytes) ^ (ONES * u64::from(label));
    let zero = !(((differing & LOW) + LOW) | differing | LOW);
    (zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}
