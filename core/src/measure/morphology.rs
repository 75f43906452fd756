//! Erosion, dilation and hole filling of masks (Serra 1982), with the smallest structuring
//! elements: a voxel and its neighbours.

use super::{Components, Connectivity, Mask};

/// What lies outside the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    /// Background: an erosion eats into a mask from the border of the image, too.
    Background,
    /// Foreground: an erosion leaves a mask alone where the image ends.
    Foreground,
}

/// An axis of a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// From plane to plane. A mask with one plane does not have it.
    Slow,
    /// From row to row.
    Y,
    /// Along the rows.
    X,
}

/// The voxels all of whose neighbours are in the mask: with [`Connectivity::Full`] an erosion with
/// a 3 × 3 square (in a volume, a cube), with [`Connectivity::Faces`] with a cross.
#[must_use]
pub fn erode(mask: &Mask, connectivity: Connectivity, border: Border) -> Mask {
    let rest = if mask.shape()[0] > 1 { &[Axis::Y, Axis::Slow][..] } else { &[Axis::Y][..] };
    let first = erode_along(mask, Axis::X, border);
    match connectivity {
        Connectivity::Faces => rest.iter().fold(first, |eroded, &axis| &eroded & &erode_along(mask, axis, border)),
        Connectivity::Full => rest.iter().fold(first, |eroded, &axis| erode_along(&eroded, axis, border)),
    }
}

/// The voxels of the mask both of whose neighbours along `axis` are in it, too.
#[must_use]
pub fn erode_along(mask: &Mask, axis: Axis, border: Border) -> Mask {
    let [planes, height, _] = mask.shape();
    match axis {
        Axis::X => erode_within_rows(mask, border),
        Axis::Y => erode_across_rows(mask, 1, height, border),
        Axis::Slow if planes == 1 => mask.clone(),
        Axis::Slow => erode_across_rows(mask, height, planes, border),
    }
}

/// The voxels that are in the mask or have a neighbour there. Nothing outside the image is.
#[must_use]
pub fn dilate(mask: &Mask, connectivity: Connectivity) -> Mask {
    !&erode(&!mask, connectivity, Border::Foreground)
}

/// The voxels outside the mask from which no path leads to the border of the image; steps between
/// voxels that share a face.
#[must_use]
pub fn holes(mask: &Mask) -> Mask {
    let outside = Components::of(&!mask, Connectivity::Faces);
    let on_border = outside.on_border();
    outside.select(|component| !on_border[component])
}

/// The mask and its [`holes`].
#[must_use]
pub fn fill_holes(mask: &Mask) -> Mask {
    mask | &holes(mask)
}

fn erode_within_rows(mask: &Mask, border: Border) -> Mask {
    let outside = u64::from(border == Border::Foreground);
    let last_bit = (mask.shape()[2] - 1) % 64;
    let mut eroded = mask.clone();
    for row in 0..mask.rows() {
        let words = mask.row(row);
        let mut before = outside;
        for (at, target) in eroded.row_mut(row).iter_mut().enumerate() {
            let word = words[at];
            let after = match words.get(at + 1) {
                Some(next) => word >> 1 | next << 63,
                None => word >> 1 | outside << last_bit,
            };
            *target = word & (word << 1 | before) & after;
            before = word >> 63;
        }
    }
    eroded
}

/// Along an axis on which neighbours are `step` rows apart and which has `len` entries.
fn erode_across_rows(mask: &Mask, step: usize, len: usize, border: Border) -> Mask {
    let mut eroded = mask.clone();
    for row in 0..mask.rows() {
        let position = row / step % len;
        let target = eroded.row_mut(row);
        if border == Border::Background && (position == 0 || position == len - 1) {
            target.fill(0);
            continue;
        }
        let before = if position > 0 { row - step } else { row };
        let after = if position < len - 1 { row + step } else { row };
        for ((word, before), after) in target.iter_mut().zip(mask.row(before)).zip(mask.row(after)) {
            *word &= before & after;
        }
    }
    eroded
}

#[cfg(test)]
mod tests {
    use super::super::ascii::mask;
    use super::*;

    #[test]
    fn the_border_decides_what_an_erosion_leaves_there() {
        let corner = mask(&["###.", "###.", "###.", "...."]);
        assert_eq!(erode(&corner, Connectivity::Full, Border::Foreground), mask(&["##..", "##..", "....", "...."]));
        assert_eq!(erode(&corner, Connectivity::Full, Border::Background), mask(&["....", ".#..", "....", "...."]));
    }

    #[test]
    fn a_cross_leaves_what_a_square_takes() {
        let plus = mask(&[".....", "..#..", ".###.", "..#..", "....."]);
        assert_eq!(
            erode(&plus, Connectivity::Faces, Border::Background),
            mask(&[".....", ".....", "..#..", ".....", "....."])
        );
        assert!(erode(&plus, Connectivity::Full, Border::Background).is_empty());
    }

    #[test]
    fn dilation_crosses_words_and_stops_at_the_border() {
        let mut row = ".".repeat(63) + "#" + &".".repeat(6);
        let grown = ".".repeat(62) + "###" + &".".repeat(5);
        assert_eq!(dilate(&mask(&[&row]), Connectivity::Full), mask(&[&grown]));
        row = "#".to_owned() + &".".repeat(68) + "#";
        let grown = "##".to_owned() + &".".repeat(66) + "##";
        assert_eq!(dilate(&mask(&[&row]), Connectivity::Faces), mask(&[&grown]));
    }

    #[test]
    fn a_hole_is_closed_by_diagonal_steps() {
        let ring = mask(&[".#.", "#.#", ".#."]);
        assert_eq!(holes(&ring), mask(&["...", ".#.", "..."]));
        assert_eq!(fill_holes(&ring), mask(&[".#.", "###", ".#."]));
        assert!(holes(&mask(&["##.", "#.#", "###"])).count() == 1);
        assert!(holes(&mask(&["#.#", "#.#", "###"])).is_empty());
    }

    #[test]
    fn a_volume_is_eroded_along_all_axes() {
        let full = !&Mask::empty([3, 3, 3]);
        let core = erode(&full, Connectivity::Full, Border::Background);
        assert_eq!(core.indices().collect::<Vec<_>>(), [13]);
        assert_eq!(erode(&full, Connectivity::Faces, Border::Background), core);
        assert_eq!(dilate(&core, Connectivity::Full), full);
        assert_eq!(dilate(&core, Connectivity::Faces).count(), 7);
    }
}
