//! Where the frames of a radiotherapy dose lie (PS3.3, C.8.8.3.2).

use dicom_dictionary_std::{tags, uids};

use super::{
    attributes::Attributes,
    file::named,
    placement::{GAP_TOLERANCE, Placement},
};
use crate::io::IoError;

/// How far a height that stands twice in a file may differ, mm: programs round what they write.
const SAME_HEIGHT: f64 = 1e-3;

/// The places of all frames, in the order of the file; `None` for what is no dose of several frames.
///
/// Refuses a dose that does not tell how far its frames lie apart, and one whose frames are not equally far apart.
pub(super) fn placements(root: &Attributes<'_>, frames: usize) -> Result<Option<Vec<Placement>>, IoError> {
    // A single frame that was cut out of a dose keeps the offsets of all.
    if frames < 2 || !is_dose(root) {
        return Ok(None);
    }
    let Some(first) = Placement::of(root, 0)? else {
        let tag = [tags::IMAGE_POSITION_PATIENT, tags::IMAGE_ORIENTATION_PATIENT]
            .into_iter()
            .find(|&tag| root.dataset.get(tag).is_none())
            .unwrap_or(tags::IMAGE_POSITION_PATIENT);
        return Err(root.missing(tag, "the place of the first plane of the dose: export the dose anew"));
    };
    let offsets = offsets(root, frames)?;
    // A first offset of 0 says that they count from the first plane, another that they are heights in the patient.
    let way = if offsets[0] == 0.0 { first.normal() } else { [0.0, 0.0, 1.0] };
    let at = |offset: &f64| {
        let position = [0, 1, 2].map(|axis| first.position[axis] + way[axis] * (offset - offsets[0]));
        Placement { position, ..first }
    };
    if offsets[0] != 0.0 && (offsets[0] - first.position[2]).abs() > SAME_HEIGHT {
        let expected = format!(
            "0, where they count from the first plane, or {}, the z of {}: export the dose anew",
            first.position[2],
            named(tags::IMAGE_POSITION_PATIENT)
        );
        return Err(refused(root, format!("{} first", offsets[0]), expected));
    }
    Ok(Some(offsets.iter().map(at).collect()))
}

/// What must be said of the values of a dose.
pub(super) fn note(root: &Attributes<'_>) -> Option<String> {
    let scaling = root.text(tags::DOSE_GRID_SCALING).filter(|_| is_dose(root))?;
    Some(format!(
        "its values are those that are stored: a dose is {scaling} ({}) times as much",
        named(tags::DOSE_GRID_SCALING)
    ))
}

fn is_dose(root: &Attributes<'_>) -> bool {
    root.dataset.get(tags::GRID_FRAME_OFFSET_VECTOR).is_some()
        || root.text(tags::SOP_CLASS_UID).is_some_and(|uid| uid == uids::RT_DOSE_STORAGE)
}

/// One for each frame, all equally far apart.
fn offsets(root: &Attributes<'_>, frames: usize) -> Result<Vec<f64>, IoError> {
    let expected =
        format!("{frames} offsets, mm, one for each frame: nothing else says where they lie; export the dose anew");
    let found = root.numbers(tags::GRID_FRAME_OFFSET_VECTOR)?;
    let offsets = found.ok_or_else(|| root.missing(tags::GRID_FRAME_OFFSET_VECTOR, &expected))?;
    if offsets.len() != frames {
        return Err(refused(root, format!("{} offsets", offsets.len()), expected));
    }
    let (first, last) = (offsets[0], offsets[frames - 1]);
    let step = (last - first) / (frames - 1) as f64;
    let off = |(index, offset): (usize, &f64)| (offset - first - step * index as f64).abs();
    if step != 0.0 && offsets.iter().enumerate().all(|frame| off(frame) <= GAP_TOLERANCE * step.abs()) {
        return Ok(offsets);
    }
    let steps = || offsets.windows(2).map(|two| two[1] - two[0]);
    let (least, most) = (steps().fold(f64::INFINITY, f64::min), steps().fold(f64::NEG_INFINITY, f64::max));
    let expected =
        "equal steps, since a volume has one slice distance: resample the dose to slices that are equally far apart";
    Err(refused(root, format!("{least} to {most} mm from one frame to the next"), expected.to_owned()))
}

fn refused(root: &Attributes<'_>, found: String, expected: String) -> IoError {
    IoError::Field { path: root.path.to_owned(), field: named(tags::GRID_FRAME_OFFSET_VECTOR), found, expected }
}
