//! Elements that a program wrote as unknown (UN), because its dictionary did not have them (PS3.5, 6.2.2).

use std::borrow::Cow;

use dicom_core::{
    DataElement, PrimitiveValue, Tag, VR,
    dictionary::{DataDictionary, DataDictionaryEntry},
};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use dicom_encoding::TransferSyntaxIndex;
use dicom_object::{InMemDicomObject, mem::InMemElement};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use super::{
    file::{named, parsed},
    unbounded::SEQUENCE_END,
};

/// The sequences that are read here, or copied.
const READ: &[Tag] = &[
    tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE,
    tags::DERIVATION_IMAGE_SEQUENCE,
    tags::DIRECTORY_RECORD_SEQUENCE,
    tags::FRAME_CONTENT_SEQUENCE,
    tags::FRAME_VOILUT_SEQUENCE,
    tags::MODALITY_LUT_SEQUENCE,
    tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::PIXEL_MEASURES_SEQUENCE,
    tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
    tags::PLANE_ORIENTATION_SEQUENCE,
    tags::PLANE_POSITION_SEQUENCE,
    tags::PLANE_POSITION_VOLUME_SEQUENCE,
    tags::REFERENCED_INSTANCE_SEQUENCE,
    tags::REFERENCED_SERIES_SEQUENCE,
    tags::SEGMENT_IDENTIFICATION_SEQUENCE,
    tags::SEGMENT_SEQUENCE,
    tags::SEQUENCE_OF_ULTRASOUND_REGIONS,
    tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::SOURCE_IMAGE_SEQUENCE,
    tags::STUDIES_CONTAINING_OTHER_REFERENCED_INSTANCES_SEQUENCE,
    tags::VOILUT_SEQUENCE,
];

/// Gives them the representation that the dictionary has for them, within sequences too.
///
/// Refuses what should be a sequence that is read, and is none: what it says would go unread.
pub(super) fn name(dataset: &mut InMemDicomObject) -> Result<(), String> {
    let tags: Vec<(Tag, VR)> = dataset.iter().map(|element| (element.header().tag, element.vr())).collect();
    for (tag, vr) in tags {
        if vr == VR::UN
            && let Some(known) = dataset.get(tag).map(known).transpose()?.flatten()
        {
            dataset.put(known);
        }
        if dataset.get(tag).is_some_and(|element| element.items().is_some()) {
            let mut outcome = Ok(());
            dataset.update_value(tag, |value| {
                outcome = value.items_mut().into_iter().flatten().try_for_each(name);
            });
            outcome?;
        }
    }
    Ok(())
}

/// An unknown element as the dictionary knows it; `None` where it must stay as it is.
fn known(element: &InMemElement) -> Result<Option<InMemElement>, String> {
    let tag = element.header().tag;
    let Some(vr) = StandardDataDictionary.by_tag(tag).and_then(|entry| entry.vr().exact()) else { return Ok(None) };
    let Ok(bytes) = element.to_bytes().map(Cow::into_owned) else { return Ok(None) };
    if vr == VR::SQ {
        return match sequence(tag, &bytes) {
            Err(_) if !READ.contains(&tag) => Ok(None),
            found => found.map(Some),
        };
    }
    Ok(number_or_text(vr, &bytes).map(|value| DataElement::new(tag, vr, value)))
}

/// Always implicit VR, little-endian.
fn sequence(tag: Tag, bytes: &[u8]) -> Result<InMemElement, String> {
    let bytes = bytes.strip_suffix(&SEQUENCE_END).unwrap_or(bytes);
    let len = u32::try_from(bytes.len()).map_err(|_| format!("{} is too long", named(tag)))?;
    let [group, number] = [tag.group(), tag.element()].map(u16::to_le_bytes);
    let element = [group.as_slice(), &number, &len.to_le_bytes(), bytes].concat();
    let syntax = TransferSyntaxRegistry.get(uids::IMPLICIT_VR_LITTLE_ENDIAN).ok_or("no implicit VR")?;
    let found = parsed(&element, syntax).and_then(|mut dataset| dataset.take(tag).ok_or_else(|| "nothing".to_owned()));
    found.map_err(|error| {
        format!(
            "{} stands there as unknown (VR UN); expected a sequence in implicit VR, little-endian (PS3.5, 6.2.2), and there is: \
             {error}; export it again from where it comes from, with each element's own VR",
            named(tag)
        )
    })
}

fn number_or_text(vr: VR, bytes: &[u8]) -> Option<PrimitiveValue> {
    Some(match vr {
        VR::US => PrimitiveValue::U16(bytes.as_chunks().0.iter().map(|&two| u16::from_le_bytes(two)).collect()),
        VR::UL => PrimitiveValue::U32(bytes.as_chunks().0.iter().map(|&four| u32::from_le_bytes(four)).collect()),
        VR::FD => PrimitiveValue::F64(bytes.as_chunks().0.iter().map(|&eight| f64::from_le_bytes(eight)).collect()),
        VR::UN | VR::OB | VR::OW | VR::OD | VR::OF | VR::OL | VR::OV => return None,
        VR::SS | VR::SL | VR::FL | VR::AT | VR::SV | VR::UV => return None,
        _ => {
            let text = String::from_utf8_lossy(bytes);
            let parts: Vec<&str> = text.split('\\').map(|part| part.trim_matches(['\0', ' '])).collect();
            if parts == [""] {
                PrimitiveValue::Empty
            } else {
                PrimitiveValue::Strs(parts.into_iter().map(str::to_owned).collect())
            }
        }
    })
}
