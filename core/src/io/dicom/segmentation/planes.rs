//! Which plane of the image each frame of a segmentation belongs to.

use std::collections::BTreeSet;

use dicom_dictionary_std::tags;

use super::frames::{Measures, SegmentFrame};
use crate::{
    domain::{Grid, SlowAxis},
    io::{
        IoError, Reading,
        angles::require_right_angles,
        dicom::{
            attributes::Attributes,
            file::named,
            placement::{GAP_TOLERANCE, Placement, norm},
            spacing::close,
        },
        nifti::{NiftiGeometry, ThirdAxis},
        reading::other_spacing,
    },
};

/// Planes that are closer than this, mm, are one: a decimal string of 16 characters tells no less apart.
const SAME_PLACE: f64 = 1e-5;

/// Where the planes of a label map lie, and which of them each frame belongs to.
#[derive(Debug)]
pub(super) struct Planes {
    pub geometry: NiftiGeometry,
    pub of_frames: Vec<usize>,
}

/// Planes one step apart.
struct Line {
    lowest: Placement,
    step: [f64; 3],
    planes: usize,
    of_frames: Vec<usize>,
}

/// On the grid that the frames tell of. Refuses frames that leave planes of the image out, as far as they show it.
pub(super) fn alone(
    root: &Attributes<'_>,
    frames: &[SegmentFrame],
    [rows, columns]: [usize; 2],
    reading: &Reading,
) -> Result<Planes, IoError> {
    let measures = SegmentFrame::shared_measures(root, frames)?;
    let spacing_mm = spacing(root, &measures, reading)?;
    let grid = |planes: usize, slow: SlowAxis| {
        Grid::new([planes, rows, columns], spacing_mm, slow)
            .map_err(|source| IoError::Domain { path: root.path.to_owned(), source })
    };
    let placements: Vec<Placement> = frames.iter().filter_map(|frame| frame.placement).collect();
    let is_stack = placements.len() == frames.len()
        && placements.iter().any(|placement| placement.position != placements[0].position);
    if is_stack {
        let line = Line::of(root, &placements, measures.apart_mm)?;
        require_whole(root, frames, line.planes)?;
        let grid = grid(line.planes, SlowAxis::Depth { spacing_mm: norm(line.step) })?;
        let affine = line.lowest.affine(spacing_mm, line.step);
        require_right_angles(root.path, &affine, &grid)?;
        return Ok(Planes { geometry: NiftiGeometry::placed(&grid, affine), of_frames: line.of_frames });
    }
    let of_frames = by_number(root, frames)?;
    let planes = of_frames.iter().max().map_or(1, |last| last + 1);
    require_whole(root, frames, planes)?;
    let slow = if planes == 1 { SlowAxis::Single } else { in_time(root, frames, reading)? };
    let grid = grid(planes, slow)?;
    let thickness = measures.thickness_mm.unwrap_or(1.0);
    let geometry = match frames[0].placement {
        Some(placement) => {
            let step = placement.normal().map(|axis| axis * thickness);
            NiftiGeometry::placed(&grid, placement.affine(spacing_mm, step))
        }
        None => NiftiGeometry::for_grid(&grid),
    };
    Ok(Planes { geometry, of_frames })
}

/// On the image that the segmentation is of. Refuses frames that do not lie on it.
pub(super) fn on(
    root: &Attributes<'_>,
    frames: &[SegmentFrame],
    [rows, columns]: [usize; 2],
    image: &NiftiGeometry,
) -> Result<Planes, IoError> {
    let refuse = |frame: usize, detail: String| IoError::Unsupported {
        path: root.path.to_owned(),
        detail: format!("frame {} does not lie on the image: {detail}", frame + 1),
    };
    let (shape, slow) = (image.grid().shape(), image.grid().slow());
    let measures = SegmentFrame::shared_measures(root, frames)?;
    let spacing_mm = measures.spacing_mm.unwrap_or_else(|| image.grid().spacing_mm());
    let grid = Grid::new([shape[0], rows, columns], spacing_mm, slow)
        .map_err(|source| IoError::Domain { path: root.path.to_owned(), source })?;
    let by_place = matches!(slow, SlowAxis::Depth { .. });
    let of_frames = if by_place { by_place_on(root, frames, image)? } else { by_number(root, frames)? };
    for (number, (frame, &plane)) in frames.iter().zip(&of_frames).enumerate() {
        if plane >= shape[0] {
            return Err(refuse(number, format!("it is of plane {}, and the image has {}", plane + 1, shape[0])));
        }
        let affine = match frame.placement {
            // Planes of a cine are all in one place.
            Some(placement) => first_plane(&placement, spacing_mm, if by_place { plane } else { 0 }, image),
            None => image.affine(),
        };
        if let Some(difference) = image.difference(&NiftiGeometry::placed(&grid, affine)) {
            return Err(refuse(number, format!("{difference} (image against segmentation)")));
        }
    }
    Ok(Planes { geometry: image.clone(), of_frames })
}

/// The affine of the image if `placement` were its plane with the number `plane`.
fn first_plane(placement: &Placement, spacing_mm: [f64; 2], plane: usize, image: &NiftiGeometry) -> [[f64; 4]; 3] {
    let (own, image) = (placement.affine(spacing_mm, [0.0; 3]), image.affine());
    [0, 1, 2].map(|axis| {
        let ([x, y, _, origin], step) = (own[axis], image[axis][2]);
        [x, y, step, origin - plane as f64 * step]
    })
}

/// The plane of the image that is closest to each frame.
fn by_place_on(root: &Attributes<'_>, frames: &[SegmentFrame], image: &NiftiGeometry) -> Result<Vec<usize>, IoError> {
    let affine = image.affine();
    let square: f64 = affine.iter().map(|row| row[2] * row[2]).sum();
    let plane_of = |(number, frame): (usize, &SegmentFrame)| {
        let placement = frame.placement.ok_or_else(|| IoError::Unsupported {
            path: root.path.to_owned(),
            detail: format!(
                "nothing says where frame {} lies ({}), and its image is a volume",
                number + 1,
                named(tags::IMAGE_POSITION_PATIENT)
            ),
        })?;
        let own = placement.affine([1.0; 2], [0.0; 3]);
        let along: f64 = own.iter().zip(affine).map(|(own, image)| (own[3] - image[3]) * image[2]).sum();
        // What lies before the first plane is refused with its distance from it.
        Ok((along / square).round().max(0.0) as usize)
    };
    frames.iter().enumerate().map(plane_of).collect()
}

/// The plane of each frame, by the frame of the image that it was made from, or its place in time.
fn by_number(root: &Attributes<'_>, frames: &[SegmentFrame]) -> Result<Vec<usize>, IoError> {
    let unsupported = |detail: String| IoError::Unsupported { path: root.path.to_owned(), detail };
    let uids: BTreeSet<&str> = frames.iter().filter_map(|frame| Some(frame.source.as_ref()?.uid.as_str())).collect();
    if uids.len() > 1 {
        return Err(unsupported(format!(
            "its frames were made from {} images, and nothing says where each lies ({})",
            uids.len(),
            named(tags::IMAGE_POSITION_PATIENT)
        )));
    }
    let number = |frame: &SegmentFrame| frame.source.as_ref().and_then(|source| source.frame).or(frame.time);
    let segments: BTreeSet<u16> = frames.iter().map(|frame| frame.segment).collect();
    // An image of one frame: each of its segments has one.
    if frames.iter().all(|frame| number(frame).is_none()) && segments.len() == frames.len() {
        return Ok(vec![0; frames.len()]);
    }
    let plane_of = |(index, frame): (usize, &SegmentFrame)| {
        number(frame).and_then(|number| number.checked_sub(1)).map(|plane| plane as usize).ok_or_else(|| {
            unsupported(format!(
                "nothing says which plane frame {} is of: expected {}, {} or {}, counted from 1",
                index + 1,
                named(tags::IMAGE_POSITION_PATIENT),
                named(tags::REFERENCED_FRAME_NUMBER),
                named(tags::TEMPORAL_POSITION_INDEX)
            ))
        })
    };
    frames.iter().enumerate().map(plane_of).collect()
}

/// Size of a pixel, told by the file or by hand.
fn spacing(root: &Attributes<'_>, measures: &Measures, reading: &Reading) -> Result<[f64; 2], IoError> {
    match (measures.spacing_mm, reading.spacing_mm) {
        (Some(found), Some(given)) if !close(found, given) => Err(other_spacing(root.path, found, given)),
        (Some(found), _) => Ok(found),
        (None, Some(given)) => Ok(given),
        (None, None) => Err(root.missing(
            tags::PIXEL_SPACING,
            "two lengths, in mm; a segmentation of an image without places need not tell them: give them (--spacing, `spacing_mm`), or \
             read it with its image",
        )),
    }
}

/// The slow axis of frames that have no places of their own.
fn in_time(root: &Attributes<'_>, frames: &[SegmentFrame], reading: &Reading) -> Result<SlowAxis, IoError> {
    if frames.iter().all(|frame| frame.time.is_some()) || reading.third_axis == Some(ThirdAxis::Time) {
        return Ok(SlowAxis::Time { interval_ms: None });
    }
    Err(IoError::Unsupported {
        path: root.path.to_owned(),
        detail: format!(
            "has several planes, but neither places ({}) nor times ({}) of them: say that the third axis is time, if it is",
            named(tags::IMAGE_POSITION_PATIENT),
            named(tags::TEMPORAL_POSITION_INDEX)
        ),
    })
}

/// Refuses a segmentation that shows that its image has other planes than `planes`, which it leaves out.
fn require_whole(root: &Attributes<'_>, frames: &[SegmentFrame], planes: usize) -> Result<(), IoError> {
    let numbers: Option<BTreeSet<u32>> =
        frames.iter().map(|frame| frame.source.as_ref().and_then(|source| source.frame).or(frame.time)).collect();
    let has_sources = frames.iter().all(|frame| frame.source.is_some());
    let told = match numbers {
        Some(numbers) => {
            let (count, last) = (numbers.len(), numbers.last().map_or(0, |&last| last as usize));
            if count == planes && last == planes {
                return Ok(());
            }
            format!("has frames of {count} of the planes 1 to {last} of its image")
        }
        None if !has_sources => return Ok(()),
        None => {
            let series = root.items(tags::REFERENCED_SERIES_SEQUENCE);
            let images: usize =
                series.iter().map(|series| series.items(tags::REFERENCED_INSTANCE_SEQUENCE).len()).sum();
            if images == 0 || images == planes {
                return Ok(());
            }
            format!("was made from {images} images, and its frames reach over {planes} planes")
        }
    };
    Err(IoError::Unsupported {
        path: root.path.to_owned(),
        detail: format!(
            "{told}: it leaves planes out, and does not tell where they lie. Compare it with a label map that has all of them, use it in a \
             data source beside its image, or write it with empty frames too (highdicom: omit_empty_frames=False)"
        ),
    })
}

impl Line {
    fn of(root: &Attributes<'_>, placements: &[Placement], apart_mm: Option<f64>) -> Result<Self, IoError> {
        let refuse = |frame: usize, reason: String| IoError::Unsupported {
            path: root.path.to_owned(),
            detail: format!("frame {}: {reason}", frame + 1),
        };
        let first = placements[0];
        if let Some(turned) = placements.iter().position(|placement| !placement.is_parallel(&first)) {
            let reason = "its ImageOrientationPatient is not that of frame 1: one volume has one orientation";
            return Err(refuse(turned, reason.to_owned()));
        }
        let normal = first.normal();
        let heights: Vec<f64> = placements.iter().map(|placement| placement.height(normal)).collect();
        let mut order: Vec<usize> = (0..heights.len()).collect();
        order.sort_by(|&a, &b| heights[a].total_cmp(&heights[b]));
        let apart = order.windows(2).map(|two| heights[two[1]] - heights[two[0]]).filter(|&apart| apart > SAME_PLACE);
        let smallest = apart.fold(f64::INFINITY, f64::min);
        let ends = [order[0], order[order.len() - 1]];
        let line = |apart: f64| Self::with_step(placements, &heights, ends, apart);
        // Some writers copy a SpacingBetweenSlices that is not the distance of their planes.
        let found = apart_mm.map(line).and_then(Result::ok).map_or_else(|| line(smallest), Ok);
        found.map_err(|(frame, reason)| refuse(frame, reason))
    }

    /// Planes `apart` mm apart from the lowest to the highest of `ends`; or a frame that lies between them, and how.
    fn with_step(
        placements: &[Placement],
        heights: &[f64],
        [low, high]: [usize; 2],
        apart: f64,
    ) -> Result<Self, (usize, String)> {
        let extent = heights[high] - heights[low];
        let count = (extent / apart).round();
        if !(1.0..f64::from(u32::MAX)).contains(&count) {
            return Err((high, format!("it and others lie {extent} mm apart, which makes no planes one step apart")));
        }
        let (lowest, highest) = (placements[low], placements[high].position);
        let step = [0, 1, 2].map(|axis| (highest[axis] - lowest.position[axis]) / count);
        let of_frames: Vec<usize> =
            heights.iter().map(|height| ((height - heights[low]) / extent * count).round() as usize).collect();
        let off = |frame: usize| {
            let expected = [0, 1, 2].map(|axis| lowest.position[axis] + step[axis] * of_frames[frame] as f64);
            norm([0, 1, 2].map(|axis| placements[frame].position[axis] - expected[axis]))
        };
        if let Some(frame) = (0..of_frames.len()).find(|&frame| off(frame) > GAP_TOLERANCE * norm(step)) {
            let reason = format!(
                "it lies {:.3} mm from where it would lie if planes were {:.3} mm apart, as the closest two are: they are not on a \
                 regular grid",
                off(frame),
                norm(step)
            );
            return Err((frame, reason));
        }
        Ok(Self { lowest, step, planes: count as usize + 1, of_frames })
    }
}
