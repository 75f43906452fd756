//! What tells two planes in one place apart.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::{
    attributes::Attributes,
    file::{Instance, named},
    image::{Plane, attributes},
    intensity::group,
};

/// Times of a slice, by which planes in one place may differ, the most telling first.
const TIMES: [Tag; 4] =
    [tags::TEMPORAL_POSITION_INDEX, tags::TEMPORAL_POSITION_IDENTIFIER, tags::TRIGGER_TIME, tags::FRAME_REFERENCE_TIME];

/// Other ways to take a slice again.
const AGAIN: [Tag; 8] = [
    tags::ECHO_TIME,
    tags::INVERSION_TIME,
    tags::DIFFUSION_B_VALUE,
    tags::IMAGE_TYPE,
    tags::ACQUISITION_NUMBER,
    tags::FRAME_ACQUISITION_NUMBER,
    tags::ACQUISITION_TIME,
    tags::CONTENT_TIME,
];

/// What two planes in one place differ in, and what to do with them.
pub(super) fn told_apart(instances: &[Instance], planes: [&Plane; 2]) -> String {
    let roots = planes.map(|plane| attributes(&instances[plane.instance]));
    let is_one_file = planes[0].instance == planes[1].instance;
    if !is_one_file && let Some(same) = same_instance([&roots[0], &roots[1]]) {
        return same;
    }
    let holders = [0, 1]
        .map(|index| group(&roots[index], planes[index].frame, tags::FRAME_CONTENT_SEQUENCE).unwrap_or(roots[index]));
    let differing = TIMES.iter().chain(&AGAIN).find_map(|&tag| {
        let [a, b] = holders.map(|holder| holder.text(tag));
        a.zip(b).filter(|(a, b)| a != b).map(|(a, b)| (tag, a, b))
    });
    let Some((tag, a, b)) = differing else { return "no time or number tells them apart: leave one out".to_owned() };
    let kind = if TIMES.contains(&tag) { ", as times of one slice do" } else { "" };
    let advice = if is_one_file {
        "split it into files of one frame, with a folder for each value, or into a NIfTI file for each value"
    } else {
        "put the files of each value into a folder of their own, and give one folder at a time"
    };
    format!("they differ in {}, `{a}` and `{b}`{kind}: {advice}", named(tag))
}

/// Whether two files hold the same instance, in words.
pub(super) fn same_instance([a, b]: [&Attributes<'_>; 2]) -> Option<String> {
    let uid = a.text(tags::SOP_INSTANCE_UID).filter(|uid| Some(uid) == b.text(tags::SOP_INSTANCE_UID).as_ref())?;
    Some(format!("they are the same instance twice ({} {uid}): remove one of them", named(tags::SOP_INSTANCE_UID)))
}
