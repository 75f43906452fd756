//! What is copied from the image: whose it is, when it was taken, and in which characters that is written.

use std::path::Path;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_encoding::text::SpecificCharacterSet;
use dicom_object::InMemDicomObject;

use super::elements::Elements;
use crate::io::{IoError, dicom::file::named};

const UTF_8: &str = "ISO_IR 192";

/// Empty where the image lacks it (type 2).
const ALWAYS: [Tag; 9] = [
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::STUDY_ID,
    tags::ACCESSION_NUMBER,
];

/// Left out where the image lacks it (type 3): what dates and the patient's identifier mean without it, or with it, differs.
const WHERE_PRESENT: [Tag; 6] = [
    tags::TIMEZONE_OFFSET_FROM_UTC,
    tags::ISSUER_OF_PATIENT_ID,
    tags::PATIENT_IDENTITY_REMOVED,
    tags::DEIDENTIFICATION_METHOD,
    tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED,
    tags::STUDY_DESCRIPTION,
];

/// When an image was taken, the closest to the moment first.
const MOMENTS: [[Tag; 2]; 4] = [
    [tags::CONTENT_DATE, tags::CONTENT_TIME],
    [tags::ACQUISITION_DATE, tags::ACQUISITION_TIME],
    [tags::SERIES_DATE, tags::SERIES_TIME],
    [tags::STUDY_DATE, tags::STUDY_TIME],
];

/// Patient and study of an image.
pub(super) fn patient_and_study(source: &InMemDicomObject) -> Elements {
    let elements = ALWAYS.iter().fold(Elements::new(), |elements, &tag| elements.text(tag, &text(source, tag)));
    let elements = WHERE_PRESENT.iter().fold(elements, |elements, &tag| {
        let text = text(source, tag);
        elements.when(!text.is_empty(), |elements| elements.text(tag, &text))
    });
    let is_untold = text(source, tags::PATIENT_IDENTITY_REMOVED) == "YES"
        && text(source, tags::DEIDENTIFICATION_METHOD).is_empty()
        && source.get(tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE).is_none();
    elements
        .copy(source, tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE)
        // One of both must tell how the patient's identity was removed, where it was.
        .when(is_untold, |elements| elements.text(tags::DEIDENTIFICATION_METHOD, "not told by the image"))
}

/// All texts that are copied, for what is made of them to tell two images apart.
pub(super) fn texts(source: &InMemDicomObject) -> impl Iterator<Item = String> {
    ALWAYS.iter().chain(&WHERE_PRESENT).chain(MOMENTS.iter().flatten()).map(|&tag| text(source, tag))
}

/// Date and time of an image, as ContentDate and ContentTime. Both are type 1: where no date is told, they are the first that DICOM
/// knows, and where a date has no time, its first moment.
pub(super) fn moment(source: &InMemDicomObject) -> [String; 2] {
    let told = MOMENTS.iter().map(|moment| moment.map(|tag| text(source, tag))).find(|[date, _]| !date.is_empty());
    let [date, time] = told.unwrap_or_else(|| ["19000101".to_owned(), String::new()]);
    [date, if time.is_empty() { "000000".to_owned() } else { time }]
}

/// SpecificCharacterSet of what is written: the image's, or UTF-8 where `names` have other letters than A to Z.
///
/// Refuses such names beside text that is not known well enough to be written in UTF-8: of several sets, or of none that is told.
pub(super) fn character_set(path: &Path, source: &InMemDicomObject, names: &str) -> Result<String, IoError> {
    let found = text(source, tags::SPECIFIC_CHARACTER_SET);
    if names.is_ascii() {
        return Ok(found);
    }
    // An escape begins text of a second set.
    let is_plain = |text: String| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if SpecificCharacterSet::from_code(&found).is_some() || texts(source).all(is_plain) {
        return Ok(UTF_8.to_owned());
    }
    let detail = format!(
        "the structures `{names}` have letters that cannot be written beside the image's text, whose {} is `{found}`: name them in \
         letters from A to Z, or write NIfTI",
        named(tags::SPECIFIC_CHARACTER_SET)
    );
    Err(IoError::Unsupported { path: path.to_owned(), detail })
}

/// Empty where there is none.
pub(super) fn text(dataset: &InMemDicomObject, tag: Tag) -> String {
    let text = dataset.get(tag).and_then(|element| element.to_raw_str().ok());
    text.map(|text| text.trim_matches(['\0', ' ']).to_owned()).unwrap_or_default()
}

/// Whether the image was packed with losses; then so is what was made from it.
pub(super) fn is_lossy(source: &InMemDicomObject) -> bool {
    text(source, tags::LOSSY_IMAGE_COMPRESSION) == "01"
}

#[cfg(test)]
mod tests {
    use dicom_core::{DataElement, PrimitiveValue, VR};

    use super::*;

    fn image(texts: &[(Tag, VR, &str)]) -> InMemDicomObject {
        let element = |&(tag, vr, text): &(Tag, VR, &str)| {
            DataElement::new(tag, vr, PrimitiveValue::Strs(text.split('\\').map(str::to_owned).collect()))
        };
        InMemDicomObject::from_element_iter(texts.iter().map(element))
    }

    #[test]
    fn a_time_is_never_put_beside_the_date_of_another_moment() {
        let both = image(&[
            (tags::CONTENT_TIME, VR::TM, "235959"),
            (tags::ACQUISITION_DATE, VR::DA, "20200102"),
            (tags::STUDY_DATE, VR::DA, "20200101"),
            (tags::STUDY_TIME, VR::TM, "101112"),
        ]);
        assert_eq!(moment(&both), ["20200102", "000000"]);
        assert_eq!(moment(&image(&[])), ["19000101", "000000"]);
    }

    #[test]
    fn that_the_patient_cannot_be_known_is_kept_though_the_image_does_not_tell_how() {
        let method = |texts: &[_]| text(&patient_and_study(&image(texts)).done(), tags::DEIDENTIFICATION_METHOD);
        let removed = (tags::PATIENT_IDENTITY_REMOVED, VR::CS, "YES");
        assert_eq!(method(&[removed]), "not told by the image");
        assert_eq!(method(&[removed, (tags::DEIDENTIFICATION_METHOD, VR::LO, "by hand")]), "by hand");
        assert_eq!(method(&[]), "");
    }

    #[test]
    fn names_with_other_letters_are_written_in_utf_8_where_the_image_allows_it() {
        let of = |set, name, names| {
            let image = image(&[(tags::SPECIFIC_CHARACTER_SET, VR::CS, set), (tags::PATIENT_NAME, VR::PN, name)]);
            character_set(Path::new("a.dcm"), &image, names).map_err(|error| error.to_string())
        };
        assert_eq!(of("ISO_IR 100", "Müller", "1 heart").unwrap(), "ISO_IR 100");
        assert_eq!(of("ISO_IR 100", "Müller", "1 心臓").unwrap(), UTF_8);
        assert_eq!(of("", "Miller", "1 größer").unwrap(), UTF_8);
        assert_eq!(of("\\ISO 2022 IR 87", "Yamada", "1 心臓").unwrap(), UTF_8);
        for (set, name) in [("", "Müller"), ("\\ISO 2022 IR 87", "\u{1b}$B;3ED\u{1b}(B")] {
            assert_eq!(of(set, name, "1 heart").unwrap(), set);
            let refusal = of(set, name, "1 心臓").unwrap_err();
            assert!(refusal.contains("SpecificCharacterSet (0008,0005)"), "{refusal}");
        }
    }
}
