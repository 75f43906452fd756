use std::path::Path;

use dicom_core::{PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};

use super::{
    codes, color,
    copied::{is_lossy, text},
    derived::Derived,
    elements::{Code, Elements},
};
use crate::{
    domain::{Label, LabelMap, LabelSet},
    io::{IoError, dicom::DicomSource},
};

const SEGMENTATION: Code = Code { value: "113076", scheme: "DCM", meaning: "Segmentation" };
/// Characters of a name at the most (VR LO).
const LONGEST_NAME: usize = 64;

/// Writes labels as DICOM-SEG, one segment for each structure of `set`, one bit a voxel.
///
/// A frame is written for each plane that holds a structure; a plane without any has an empty one, so that the file tells of all planes
/// of its image. Structures are coded in SNOMED CT by their names, or
/// as tissue where the name is not known; the name is SegmentLabel in any case. What is copied from the image is written in its
/// characters, or in UTF-8 where the names have other letters than A to Z.
///
/// # Errors
/// If the labels do not lie on the image or are not in `set`, the image lacks the identifiers to refer to it by, the names have
/// letters that cannot stand beside the image's text, or the file cannot be written.
pub fn write_segmentation(path: &Path, labels: &LabelMap, set: &LabelSet, source: &DicomSource) -> Result<(), IoError> {
    labels.require_labels(set).map_err(|source| IoError::Domain { path: path.to_owned(), source })?;
    let kind = (uids::SEGMENTATION_STORAGE, "segmentation");
    let colors: Vec<u8> = set.iter().flat_map(|label| label.color).collect();
    let derived =
        Derived::new(path, source, labels.grid(), kind, &set.to_string(), &[labels.labels(), colors.as_slice()])?;
    let frames = frames(labels, set);
    let groups = frames.iter().map(|&(label, plane)| {
        let index = [u32::from(label), plane as u32 + 1];
        let segment = Elements::new().put(tags::REFERENCED_SEGMENT_NUMBER, u16::from(label));
        derived.frame_groups(plane, &index, SEGMENTATION).item(tags::SEGMENT_IDENTIFICATION_SEQUENCE, segment).done()
    });
    let groups = groups.collect();
    let lossy = is_lossy(&source.dataset);
    let elements = derived
        .elements("SEG", "Segmentation by rl4seg", frames.len())
        .put(tags::BITS_ALLOCATED, 1_u16)
        .put(tags::BITS_STORED, 1_u16)
        .put(tags::HIGH_BIT, 0_u16)
        .put(tags::PIXEL_REPRESENTATION, 0_u16)
        .text(tags::LOSSY_IMAGE_COMPRESSION, if lossy { "01" } else { "00" })
        .when(lossy, |elements| lossy_elements(elements, source))
        .text(tags::SEGMENTATION_TYPE, "BINARY")
        .text(tags::SEGMENTS_OVERLAP, "NO")
        .text(tags::CONTENT_LABEL, "SEGMENTATION")
        .text(tags::CONTENT_DESCRIPTION, "Anatomical structures")
        .text(tags::CONTENT_CREATOR_NAME, "")
        .items(tags::SEGMENT_SEQUENCE, segments(set))
        .item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, derived.shared_groups())
        .items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, groups);
    let bits = PrimitiveValue::U8(packed(labels, &frames).into());
    let elements = derived.with_voxels(elements, tags::PIXEL_DATA, VR::OB, bits)?;
    let segment = (tags::REFERENCED_SEGMENT_NUMBER, tags::SEGMENT_IDENTIFICATION_SEQUENCE);
    derived.write(derived.dimensions(elements, Some(segment)))
}

/// What an image says of its losses.
pub(super) fn lossy_elements(elements: Elements, source: &DicomSource) -> Elements {
    [tags::LOSSY_IMAGE_COMPRESSION_RATIO, tags::LOSSY_IMAGE_COMPRESSION_METHOD].into_iter().fold(
        elements,
        |elements, tag| {
            let text = text(&source.dataset, tag);
            elements.when(!text.is_empty(), |elements| elements.text(tag, &text))
        },
    )
}

/// Label and plane of each frame: planes where the structure is, and for the first structure those where none is.
fn frames(labels: &LabelMap, set: &LabelSet) -> Vec<(u8, usize)> {
    let mut frames = Vec::new();
    let is_empty = |plane: usize| labels.plane(plane).iter().all(|&label| label == 0);
    for (index, label) in set.structures().enumerate() {
        let holds = |&plane: &usize| labels.plane(plane).contains(&label.value) || index == 0 && is_empty(plane);
        frames.extend((0..labels.grid().planes()).filter(holds).map(|plane| (label.value, plane)));
    }
    frames
}

fn segments(set: &LabelSet) -> Vec<dicom_object::InMemDicomObject> {
    let segment = |label: &Label| {
        Elements::new()
            .put(tags::SEGMENT_NUMBER, u16::from(label.value))
            .text(tags::SEGMENT_LABEL, &segment_label(label))
            .text(tags::SEGMENT_ALGORITHM_TYPE, "AUTOMATIC")
            .text(tags::SEGMENT_ALGORITHM_NAME, "rl4seg")
            .put(
                tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE,
                PrimitiveValue::U16(color::cielab(label.color).into_iter().collect()),
            )
            .item(tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, codes::ANATOMY.elements())
            .item(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, codes::of(&label.name).elements())
            .done()
    };
    set.structures().map(segment).collect()
}

/// The name without what a text of DICOM cannot hold: control characters, and what separates values.
fn segment_label(label: &Label) -> String {
    let name: String = label.name.chars().filter(|&c| c != '\\' && !c.is_control()).take(LONGEST_NAME).collect();
    let name = name.trim();
    if name.is_empty() { format!("label {}", label.value) } else { name.to_owned() }
}

/// One bit a voxel, frame after frame without a gap, the first in the lowest bit (PS3.5, 8.1.1 and 8.2).
fn packed(labels: &LabelMap, frames: &[(u8, usize)]) -> Vec<u8> {
    let len = labels.grid().plane_len();
    let mut bytes = vec![0_u8; (frames.len() * len).div_ceil(8)];
    for (frame, &(label, plane)) in frames.iter().enumerate() {
        for (index, _) in labels.plane(plane).iter().enumerate().filter(|&(_, &found)| found == label) {
            let bit = frame * len + index;
            bytes[bit / 8] |= 1 << (bit % 8);
        }
    }
    // Values have an even number of bytes.
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Grid, SlowAxis};

    #[test]
    fn frames_follow_each_other_without_a_gap() {
        let grid = Grid::new([2, 1, 3], [1.0, 1.0], SlowAxis::Time { interval_ms: None }).unwrap();
        let labels = LabelMap::new(grid, vec![1, 0, 1, 0, 1, 1]).unwrap();
        assert_eq!(packed(&labels, &[(1, 0), (1, 1)]), [0b11_0101, 0]);
        let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
        let set = LabelSet::new(vec![label(0, "background"), label(1, "a"), label(2, "b")]).unwrap();
        assert_eq!(frames(&labels, &set), [(1, 0), (1, 1)]);
        assert_eq!(frames(&LabelMap::background(grid), &set), [(1, 0), (1, 1)]);
    }
    #[test]
    fn a_segment_has_a_name_that_dicom_can_hold() {
        let of = |name: &str| segment_label(&Label { value: 3, name: name.to_owned(), color: [0; 3] });
        assert_eq!(of(" left\tven\\tricle\n"), "leftventricle");
        assert_eq!(of("\\ "), "label 3");
        assert_eq!(of(&"ä".repeat(70)), "ä".repeat(64));
    }
}
