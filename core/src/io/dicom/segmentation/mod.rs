//! Segmentations (DICOM-SEG; PS3.3, A.51) become label maps.

mod frames;
mod names;
mod planes;
mod source;

use std::path::Path;

use dicom_dictionary_std::tags;

use self::frames::SegmentFrame;
use super::{
    attributes::Attributes,
    codec::Samples,
    file::{Instance, named},
    image::attributes,
    intensity::stored,
    pixels::{self, Frames, PixelFormat, kind_of, most_of},
};
use crate::{
    domain::{Grid, LabelSet},
    io::{ImagePlace, IoError, PlacedLabels, Reading, voxels::Volume},
};

/// What the pixels of a segmentation are (PS3.3, C.8.20.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// 1 where the frame's segment is.
    Binary,
    /// How much of a pixel, or how probably, belongs to the frame's segment.
    Fractional { whole: u32 },
    /// Numbers of segments.
    LabelMap,
}

/// Whether a file of DICOM is a segmentation.
pub(in crate::io) fn is_segmentation(path: &Path) -> Result<bool, IoError> {
    Ok(pixels::is_segmentation(&attributes(&Instance::read(path)?)))
}

/// Reads the labels of a segmentation. `image` is the one that it belongs to, where that is known; else its frames must tell where they
/// lie.
///
/// Refuses a segmentation of another image, frames that do not lie on the image or on a regular grid, what leaves planes out where there
/// is no image, two structures in a voxel, names that are those of other labels, and fractions.
pub(in crate::io) fn read(
    path: &Path,
    reading: &Reading,
    set: &LabelSet,
    mapping: &[(u32, u8)],
    image: Option<&ImagePlace>,
) -> Result<PlacedLabels, IoError> {
    let instance = Instance::read(path)?;
    let root = attributes(&instance);
    require_segmentation(&root)?;
    names::check(&root, set, mapping)?;
    let pixels = Frames::of_any(&instance)?;
    let kind = Kind::of(&root, &pixels.format)?;
    let frames = SegmentFrame::all(&root, pixels.format.frames, kind != Kind::LabelMap)?;
    let size = [pixels.format.rows, pixels.format.columns];
    let placed = match image {
        Some(image) => {
            source::require(&root, &image.instances)?;
            planes::on(&root, &frames, size, &image.geometry)?
        }
        None => planes::alone(&root, &frames, size, reading)?,
    };
    let grid = placed.geometry.grid();
    if image.is_none() {
        require_explained(&root, instance.size, grid)?;
    }
    let mut painting = Painting { root, mapping, grid, words: vec![[0; 2]; grid.len()] };
    for (number, (frame, &plane)) in frames.iter().zip(&placed.of_frames).enumerate() {
        let segments = kind.segments(&root, (&pixels.decode_labels(number)?, &pixels.format), frame.segment, number)?;
        painting.add(plane, &segments)?;
    }
    let words = painting.words;
    Volume::of_words(placed.geometry, words).labels(path, set, mapping)
}

fn require_segmentation(root: &Attributes<'_>) -> Result<(), IoError> {
    let unsupported = |detail: String| Err(IoError::Unsupported { path: root.path.to_owned(), detail });
    if !pixels::is_segmentation(root) {
        let uid = root.text(tags::SOP_CLASS_UID);
        return unsupported(format!(
            "it is a {}, and no label map; expected a segmentation (DICOM-SEG), or a label map of another format, as NIfTI",
            uid.map_or_else(|| "data set without SOPClassUID".to_owned(), |uid| kind_of(&uid))
        ));
    }
    if root.dataset.get(tags::TOTAL_PIXEL_MATRIX_ROWS).is_some() {
        return unsupported("its frames are tiles of a slide; expected one frame for each plane".to_owned());
    }
    if root.dataset.get(tags::PIXEL_DATA).is_none() {
        return Err(root.missing(tags::PIXEL_DATA, "the segmentation's pixels"));
    }
    Ok(())
}

/// Refuses planes that so small a file cannot tell of, before memory is set aside for them.
fn require_explained(root: &Attributes<'_>, size: usize, grid: &Grid) -> Result<(), IoError> {
    let bytes = grid.shape().into_iter().try_fold(1_u64, |product, length| product.checked_mul(length as u64));
    if bytes.is_some_and(|bytes| bytes <= most_of(size)) {
        return Ok(());
    }
    let detail = format!(
        "its frames are so far apart that {:?} voxels [slow, y, x] were to be filled, which a file of {size} bytes does not explain",
        grid.shape()
    );
    Err(IoError::Format { path: root.path.to_owned(), detail })
}

impl Kind {
    fn of(root: &Attributes<'_>, format: &PixelFormat) -> Result<Self, IoError> {
        let tag = tags::SEGMENTATION_TYPE;
        let expected = "BINARY, LABELMAP, or FRACTIONAL with all or nothing in each pixel";
        let kind = match root.text(tag).as_deref() {
            Some("BINARY") => Self::Binary,
            Some("FRACTIONAL") => Self::Fractional { whole: root.required_whole(tags::MAXIMUM_FRACTIONAL_VALUE)? },
            Some("LABELMAP") => Self::LabelMap,
            Some(_) => return Err(root.wrong(tag, expected)),
            None => return Err(root.missing(tag, expected)),
        };
        if format.allocated > 16 || format.samples() != format.pixels() {
            return Err(root.wrong(tags::BITS_ALLOCATED, "1, 8 or 16, and one sample a pixel"));
        }
        Ok(kind)
    }

    /// The number of each pixel's segment, 0 where there is none. `number`: of the frame, counted from 0.
    fn segments(
        self,
        root: &Attributes<'_>,
        (samples, format): (&Samples, &PixelFormat),
        segment: u16,
        number: usize,
    ) -> Result<Vec<u16>, IoError> {
        let values = stored(samples, format).map(|value| value as u32);
        match self {
            Self::Binary => Ok(values.map(|value| if value == 0 { 0 } else { segment }).collect()),
            Self::LabelMap => Ok(values.map(|value| value as u16).collect()),
            Self::Fractional { whole } => {
                let values: Vec<u32> = values.collect();
                match values.iter().find(|&&value| value != 0 && value != whole) {
                    None => Ok(values.iter().map(|&value| if value == 0 { 0 } else { segment }).collect()),
                    Some(part) => Err(IoError::Unsupported {
                        path: root.path.to_owned(),
                        detail: format!(
                            "frame {} holds {part} of {whole} ({}): probabilities and shares of a voxel are no labels; decide from which \
                             value on a voxel belongs to the structure, and write BINARY",
                            number + 1,
                            named(tags::MAXIMUM_FRACTIONAL_VALUE)
                        ),
                    }),
                }
            }
        }
    }
}

/// A map of segments in the making.
struct Painting<'a> {
    root: Attributes<'a>,
    mapping: &'a [(u32, u8)],
    grid: &'a Grid,
    /// Numbers of segments, the lower byte first.
    words: Vec<[u8; 2]>,
}

impl Painting<'_> {
    /// Puts the segments of a frame on a plane. One that is read as background is left out.
    fn add(&mut self, plane: usize, segments: &[u16]) -> Result<(), IoError> {
        let first = plane * self.grid.plane_len();
        for (index, &segment) in segments.iter().enumerate().filter(|&(_, &segment)| segment != 0) {
            let there = u16::from_le_bytes(self.words[first + index]);
            let label = self.label_of(segment);
            if label == 0 {
                continue;
            }
            if there != 0 && there != segment && self.label_of(there) != label {
                return Err(self.overlap([there, segment], first + index));
            }
            self.words[first + index] = segment.to_le_bytes();
        }
        Ok(())
    }

    fn label_of(&self, segment: u16) -> u32 {
        let named = self.mapping.iter().find(|&&(number, _)| number == u32::from(segment));
        named.map_or(u32::from(segment), |&(_, label)| u32::from(label))
    }

    fn overlap(&self, segments: [u16; 2], index: usize) -> IoError {
        let [a, b] = segments.map(|segment| names::of(&self.root, segment));
        let at = self.grid.position(index);
        let detail = format!(
            "{a} and {b} both hold the voxel [slow, y, x] = {at:?}; a voxel has one label: write them to two files, or leave one out \
             by reading it as 0 (`--read-as {}=0`)",
            segments[1]
        );
        IoError::Unsupported { path: self.root.path.to_owned(), detail }
    }
}
