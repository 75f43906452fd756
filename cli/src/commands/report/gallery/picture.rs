//! One plane of a case in few bytes, for a page that paints it when it comes into view.

use std::io::Write;

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::ZlibEncoder};
use rl4seg_core::domain::{Image, LabelMap, VoxelMap};
use serde::Serialize;

use crate::commands::data::window;

/// Pixels along the longer side of a picture at most.
const LONGEST: f64 = 256.0;
/// Pixels of all pictures of a page: with more a browser takes seconds until it comes up.
const OF_A_PAGE: f64 = 16e6;
/// Where the networks did not look.
const NOT_LOOKED_AT: u8 = 255;
/// What stands for an uncertainty of 1.
const CERTAINLY_WRONG: f32 = 254.0;

/// How long the longer sides of pictures may be on a page of so many.
pub fn longest_side(pictures: usize) -> usize {
    (OF_A_PAGE / pictures.max(1) as f64).sqrt().min(LONGEST) as usize
}

/// All that is shown of a case, on the grid of its image.
pub struct Shown<'a> {
    pub image: &'a Image,
    pub labels: &'a LabelMap,
    pub reference: Option<&'a LabelMap>,
    /// Of each voxel.
    pub uncertainty: Option<Vec<u8>>,
    /// Where faults are ([`super::Names::places`]).
    pub faults: Option<Vec<u8>>,
    /// The plane that a finding names.
    pub plane: Option<usize>,
    /// Pixels along the longer side of the picture at most.
    pub longest: usize,
}

/// A plane of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Picture {
    /// Rows and columns.
    pub size: [usize; 2],
    /// Width over height, as lengths.
    pub ratio: f64,
    /// Which plane of how many, from 1 on.
    pub plane: [usize; 2],
    /// What its bytes hold behind image and labels, plane after plane of one byte a pixel.
    pub uncertainty: bool,
    pub truth: bool,
    pub faults: bool,
    /// zlib, Base64.
    #[serde(skip)]
    pub bytes: String,
}

/// Uncertainties as bytes, from the probability that a label is right; nothing where the networks did not look.
pub fn from_right(right: &[Option<f32>]) -> Vec<u8> {
    right.iter().map(|right| right.map_or(NOT_LOOKED_AT, |right| byte(1.0 - right))).collect()
}

/// Uncertainties as bytes; 1 is where the networks did not look.
pub fn from_map(map: &VoxelMap) -> Vec<u8> {
    map.values().iter().map(|&value| if value >= 1.0 { NOT_LOOKED_AT } else { byte(value) }).collect()
}

fn byte(uncertainty: f32) -> u8 {
    (uncertainty.clamp(0.0, 1.0) * CERTAINLY_WRONG).round() as u8
}

impl Picture {
    /// The plane that tells most: the one that a finding names, else the one with most faults, else the one with most
    /// voxels of structures.
    ///
    /// # Errors
    /// If the bytes cannot be packed.
    pub fn of(shown: &Shown<'_>) -> anyhow::Result<Self> {
        let grid = shown.image.grid();
        let length = grid.plane_len();
        let plane = shown.chosen_plane();
        let one = |all: &[u8]| all[plane * length..][..length].to_vec();
        let shrink = Shrink::of(grid.plane_shape(), shown.longest);
        let image = &shown.image.values()[plane * length..][..length];
        let mut bytes = shrink.gray(image);
        bytes.extend(shrink.middle(shown.labels.plane(plane)));
        bytes.extend(shown.uncertainty.iter().flat_map(|all| shrink.largest(&one(all))));
        bytes.extend(shown.reference.iter().flat_map(|truth| shrink.middle(truth.plane(plane))));
        bytes.extend(shown.faults.iter().flat_map(|all| shrink.largest(&one(all))));
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&bytes).context("packing a picture")?;
        let [y, x] = grid.spacing_mm();
        let [rows, columns] = grid.plane_shape();
        Ok(Self {
            size: shrink.to,
            ratio: columns as f64 * x / (rows as f64 * y),
            plane: [plane + 1, grid.planes()],
            uncertainty: shown.uncertainty.is_some(),
            truth: shown.reference.is_some(),
            faults: shown.faults.is_some(),
            bytes: STANDARD.encode(packed.finish().context("packing a picture")?),
        })
    }
}

impl Shown<'_> {
    fn chosen_plane(&self) -> usize {
        let planes = self.image.grid().planes();
        let length = self.image.grid().plane_len();
        let most = |all: &[u8]| {
            let count = |plane: usize| all[plane * length..][..length].iter().filter(|&&value| value > 0).count();
            // Of equal ones the middle one.
            (0..planes).max_by_key(|&plane| (count(plane), usize::MAX - plane.abs_diff(planes / 2)))
        };
        let named = self.plane.filter(|&plane| plane < planes);
        let faulty = || self.faults.as_deref().and_then(most);
        named.or_else(faulty).or_else(|| most(self.labels.labels())).unwrap_or(0)
    }
}

/// Makes planes smaller where they are too large: a pixel stands for a box of them.
struct Shrink {
    from: [usize; 2],
    to: [usize; 2],
}

impl Shrink {
    fn of(from: [usize; 2], longest: usize) -> Self {
        let longer = from[0].max(from[1]);
        let side = |length: usize| if longer > longest { (length * longest / longer).max(1) } else { length };
        Self { from, to: from.map(side) }
    }

    /// The indices of the pixels that each smaller one stands for.
    fn boxes(&self) -> impl Iterator<Item = Vec<usize>> {
        let Self { from, to } = *self;
        let range = move |at: usize, axis: usize| {
            let start = at * from[axis] / to[axis];
            start..((at + 1) * from[axis] / to[axis]).max(start + 1)
        };
        (0..to[0]).flat_map(move |row| {
            (0..to[1])
                .map(move |column| range(row, 0).flat_map(|y| range(column, 1).map(move |x| y * from[1] + x)).collect())
        })
    }

    /// The window of a contact sheet, 0 to 255.
    fn gray(&self, plane: &[f32]) -> Vec<u8> {
        let [dark, bright] = window(plane);
        let mean = |pixels: Vec<usize>| pixels.iter().map(|&at| plane[at]).sum::<f32>() / pixels.len() as f32;
        self.boxes().map(|pixels| ((mean(pixels) - dark) / (bright - dark) * 255.0).clamp(0.0, 255.0) as u8).collect()
    }

    fn middle(&self, plane: &[u8]) -> Vec<u8> {
        self.boxes().map(|pixels| plane[pixels[pixels.len() / 2]]).collect()
    }

    /// A single pixel that stands out is not lost.
    fn largest(&self, plane: &[u8]) -> Vec<u8> {
        self.boxes().map(|pixels| pixels.into_iter().map(|at| plane[at]).max().unwrap_or(0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::ZlibDecoder;
    use rl4seg_core::domain::{Grid, SlowAxis};

    use super::*;

    #[test]
    fn a_picture_holds_its_layers_behind_each_other() {
        let grid = Grid::new([2, 1, 2], [2.0, 1.0], SlowAxis::Time { interval_ms: None }).unwrap();
        let image = Image::new(grid, 1, vec![0.0, 0.0, 0.0, 1.0]).unwrap();
        let labels = LabelMap::new(grid, vec![0, 0, 0, 2]).unwrap();
        let reference = LabelMap::new(grid, vec![1, 1, 1, 0]).unwrap();
        let right = [Some(1.0), Some(1.0), None, Some(0.5)];
        let shown = Shown {
            image: &image,
            labels: &labels,
            reference: Some(&reference),
            uncertainty: Some(from_right(&right)),
            faults: Some(vec![0, 0, 0, 1]),
            plane: None,
            longest: 256,
        };
        let picture = Picture::of(&shown).unwrap();
        assert_eq!((picture.size, picture.ratio, picture.plane), ([1, 2], 1.0, [2, 2]));
        let mut bytes = Vec::new();
        let packed = STANDARD.decode(&picture.bytes).unwrap();
        ZlibDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [0, 255, 0, 2, 255, 127, 1, 0, 0, 1]);
        assert_eq!(Picture::of(&Shown { plane: Some(0), ..shown }).unwrap().plane, [1, 2]);
    }

    #[test]
    fn a_large_plane_shrinks_and_keeps_what_stands_out() {
        let shrink = Shrink::of([512, 1024], 256);
        assert_eq!(shrink.to, [128, 256]);
        let mut plane = vec![0; 512 * 1024];
        plane[5 * 1024 + 9] = 200;
        let small = shrink.largest(&plane);
        assert_eq!((longest_side(200), longest_side(1000)), (256, 126));
        assert_eq!(small.iter().position(|&value| value == 200), Some(256 + 2));
        assert_eq!(Shrink::of([100, 90], 256).to, [100, 90]);
    }
}
