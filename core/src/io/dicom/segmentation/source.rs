//! Which instances a segmentation says that it was made from.

use std::collections::BTreeSet;

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use crate::io::{
    IoError,
    dicom::{attributes::Attributes, file::named, pixels::PER_FRAME},
};

/// Refuses a segmentation that names what it was made from, and none of that is the image, whose SOPInstanceUIDs these are. Nothing is
/// known of an image without any.
pub(super) fn require(root: &Attributes<'_>, image: &[String]) -> Result<(), IoError> {
    let named_here = named_in(root);
    let (Some(found), Some(expected)) = (named_here.first(), image.first()) else { return Ok(()) };
    if image.iter().any(|uid| named_here.contains(uid)) {
        return Ok(());
    }
    let among = |count: usize| if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
    Err(IoError::Field {
        path: root.path.to_owned(),
        field: named(tags::REFERENCED_SOP_INSTANCE_UID),
        found: format!("{found}{}", among(named_here.len())),
        expected: format!(
            "{expected}{} ({}), the image that it lies with: it is the segmentation of another image; give it that one",
            among(image.len()),
            named(tags::SOP_INSTANCE_UID)
        ),
    })
}

/// The instances that it names, for each frame (PS3.3, C.7.6.16.2.6), for all (C.12.4), and as those of all its series (C.12.2).
fn named_in(root: &Attributes<'_>) -> BTreeSet<String> {
    let shared = root.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    let groups = root.items(PER_FRAME).into_iter().chain(shared);
    let of_frames =
        groups.flat_map(|group| within(&group, &[tags::DERIVATION_IMAGE_SEQUENCE, tags::SOURCE_IMAGE_SEQUENCE]));
    let series = [tags::REFERENCED_SERIES_SEQUENCE, tags::REFERENCED_INSTANCE_SEQUENCE];
    let of_other_studies = [&[tags::STUDIES_CONTAINING_OTHER_REFERENCED_INSTANCES_SEQUENCE][..], &series].concat();
    of_frames
        .chain(within(root, &[tags::SOURCE_IMAGE_SEQUENCE]))
        .chain(within(root, &series))
        .chain(within(root, &of_other_studies))
        .filter_map(|item| item.text(tags::REFERENCED_SOP_INSTANCE_UID))
        .collect()
}

/// The items of the last of these sequences, each within the one before.
fn within<'a>(root: &Attributes<'a>, path: &[Tag]) -> Vec<Attributes<'a>> {
    path.iter().fold(vec![*root], |items, &tag| items.iter().flat_map(|item| item.items(tag)).collect())
}
