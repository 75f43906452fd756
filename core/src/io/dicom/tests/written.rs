//! What is written, read back with dicom-object.

use std::path::Path;

use dicom_object::{DefaultDicomObject, open_file};

use super::{
    super::{DicomSource, write_parametric_map, write_segmentation},
    *,
};
use crate::{
    domain::{Label, LabelMap, LabelSet, VoxelMap},
    io::nifti::ThirdAxis,
};

/// Two planes of two rows and three columns: a structure in the first, another in both.
const LABELS: [u8; 12] = [1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 2];

pub(super) fn set(names: [&str; 2]) -> LabelSet {
    let label = |value, name: &str| Label { value, name: name.to_owned(), color: [200, 100, value] };
    LabelSet::new(vec![label(0, "background"), label(1, names[0]), label(2, names[1])]).unwrap()
}

pub(super) fn heart() -> LabelSet {
    set(["left ventricle", "clot"])
}

/// An image of two frames, 40 ms apart.
pub(super) fn cine() -> Made {
    let mut made = Made::plain();
    made.text(tags::STUDY_INSTANCE_UID, VR::UI, "1.1");
    made.text(tags::NUMBER_OF_FRAMES, VR::IS, "2");
    made.text(tags::FRAME_TIME, VR::DS, "40");
    made.bytes(&[10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]);
    made
}

pub(super) fn holding(tag: Tag, item: InMemDicomObject) -> InMemDicomObject {
    InMemDicomObject::from_element_iter([DataElement::new(tag, VR::SQ, DataSetSequence::from(vec![item]))])
}

/// The cine, with planes 8 mm thick at these heights.
pub(super) fn placed(heights: [f64; 2]) -> Made {
    let mut made = cine();
    made.text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0");
    let frame = |height: f64| {
        let position = PrimitiveValue::Strs(["1", "2", &height.to_string()].map(str::to_owned).into_iter().collect());
        holding(tags::PLANE_POSITION_SEQUENCE, item(vec![(tags::IMAGE_POSITION_PATIENT, VR::DS, position)]))
    };
    made.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, heights.map(frame).to_vec());
    let texts = |texts: &[&str]| PrimitiveValue::Strs(texts.iter().map(|&text| text.to_owned()).collect());
    let measures = item(vec![
        (tags::PIXEL_SPACING, VR::DS, texts(&["0.5", "0.25"])),
        (tags::SLICE_THICKNESS, VR::DS, texts(&["8"])),
    ]);
    made.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![holding(tags::PIXEL_MEASURES_SEQUENCE, measures)]);
    made
}

pub(super) fn read(made: &Made) -> DicomImage {
    let axis = Reading { third_axis: Some(ThirdAxis::Time), ..Reading::default() };
    made.read_with(&Reading::default()).or_else(|_| made.read_with(&axis)).unwrap()
}

fn written(image: &DicomImage, write: impl FnOnce(&Path, &DicomSource) -> Result<(), IoError>) -> DefaultDicomObject {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.dcm");
    write(&path, &image.source).unwrap();
    open_file(&path).unwrap()
}

fn segmentation(made: &Made, set: &LabelSet) -> DefaultDicomObject {
    let image = read(made);
    let labels = LabelMap::new(*image.placed.image.grid(), LABELS.to_vec()).unwrap();
    written(&image, |path, source| write_segmentation(path, &labels, set, source))
}

fn parametric_map(made: &Made) -> DefaultDicomObject {
    let image = read(made);
    let map = VoxelMap::new(*image.placed.image.grid(), LABELS.map(|label| f32::from(label) / 3.0).to_vec()).unwrap();
    written(&image, |path, source| write_parametric_map(path, &map, source))
}

fn text(dataset: &InMemDicomObject, tag: Tag) -> String {
    dataset.get(tag).map(|element| element.to_str().unwrap().trim_end_matches('\0').to_owned()).unwrap_or_default()
}

fn items(dataset: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    dataset.get(tag).and_then(|element| element.items()).unwrap_or_default()
}

/// The first item of each of these sequences, one within the other.
fn within<'a>(dataset: &'a InMemDicomObject, path: &[Tag]) -> &'a InMemDicomObject {
    path.iter().fold(dataset, |dataset, &tag| &items(dataset, tag)[0])
}

fn dimension(dataset: &InMemDicomObject, index: usize) -> Tag {
    let pointer = items(dataset, tags::DIMENSION_INDEX_SEQUENCE)[index].element(tags::DIMENSION_INDEX_POINTER).unwrap();
    pointer.value().to_tag().unwrap()
}

#[test]
fn a_cine_without_places_is_referred_to_frame_by_frame() {
    let mut made = cine();
    // Places in it cannot be told, so it is not named.
    made.text(tags::FRAME_OF_REFERENCE_UID, VR::UI, "1.9");
    let found = segmentation(&made, &heart());
    assert_eq!(text(&found, tags::NUMBER_OF_FRAMES), "3");
    // Six bits a frame, the first voxel in the lowest: 110000, 000010, 000001.
    assert_eq!(found.element(tags::PIXEL_DATA).unwrap().to_bytes().unwrap()[..], [0b0000_0011, 0b0000_0100, 0b10, 0]);
    assert!(found.get(tags::FRAME_OF_REFERENCE_UID).is_none());
    assert_eq!(dimension(&found, 1), tags::TEMPORAL_POSITION_INDEX);
    let frames = items(&found, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).iter().map(|frame| {
        let source = within(frame, &[tags::DERIVATION_IMAGE_SEQUENCE, tags::SOURCE_IMAGE_SEQUENCE]);
        let segment = within(frame, &[tags::SEGMENT_IDENTIFICATION_SEQUENCE]);
        assert_eq!(text(source, tags::REFERENCED_SOP_INSTANCE_UID), "1.2.3");
        (text(segment, tags::REFERENCED_SEGMENT_NUMBER), text(source, tags::REFERENCED_FRAME_NUMBER))
    });
    assert_eq!(
        frames.collect::<Vec<_>>(),
        [("1", "1"), ("2", "1"), ("2", "2")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
}

#[test]
fn frames_in_one_place_are_told_apart_by_time_and_others_by_place() {
    let found = segmentation(&placed([3.0, 3.0]), &heart());
    assert_eq!(dimension(&found, 1), tags::TEMPORAL_POSITION_INDEX);
    let frame = &items(&found, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)[2];
    assert_eq!(text(within(frame, &[tags::FRAME_CONTENT_SEQUENCE]), tags::TEMPORAL_POSITION_INDEX), "2");
    let position = text(within(frame, &[tags::PLANE_POSITION_SEQUENCE]), tags::IMAGE_POSITION_PATIENT);
    assert_eq!(position, "1\\2\\3");
    let measures = within(&found, &[tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, tags::PIXEL_MEASURES_SEQUENCE]);
    assert_eq!(text(measures, tags::PIXEL_SPACING), "0.5\\0.25");
    assert_eq!(text(measures, tags::SLICE_THICKNESS), "8");
    let stack = segmentation(&placed([3.0, 7.0]), &heart());
    assert_eq!(dimension(&stack, 1), tags::IMAGE_POSITION_PATIENT);
    let measures = within(&stack, &[tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, tags::PIXEL_MEASURES_SEQUENCE]);
    let told = [tags::SLICE_THICKNESS, tags::SPACING_BETWEEN_SLICES].map(|tag| text(measures, tag));
    assert_eq!(told, ["8", "4"], "the slices overlap");
}

#[test]
fn places_without_a_frame_of_reference_get_one_that_all_results_share() {
    let mut made = placed([3.0, 7.0]);
    let [labels, map] = [segmentation(&made, &heart()), parametric_map(&made)];
    let own = text(&labels, tags::FRAME_OF_REFERENCE_UID);
    assert!(own.starts_with("2.25."), "{own}");
    assert_eq!(text(&map, tags::FRAME_OF_REFERENCE_UID), own);
    made.text(tags::FRAME_OF_REFERENCE_UID, VR::UI, "1.9");
    assert_eq!(text(&segmentation(&made, &heart()), tags::FRAME_OF_REFERENCE_UID), "1.9");
}

#[test]
fn the_same_input_has_the_same_identifiers_and_any_other_has_others() {
    let made = cine();
    let of = |made: &Made, set: &LabelSet| {
        let found = segmentation(made, set);
        [tags::SOP_INSTANCE_UID, tags::SERIES_INSTANCE_UID].map(|tag| text(&found, tag))
    };
    let first = of(&made, &heart());
    assert_eq!(of(&made, &heart()), first);
    assert!(first.iter().all(|uid| uid.len() <= 64) && first[0] != first[1], "{first:?}");
    assert_ne!(of(&made, &set(["left ventricle", "thrombus"]))[0], first[0]);
    let mut other = made.clone();
    other.text(tags::PATIENT_NAME, VR::PN, "Miller^A");
    assert_ne!(of(&other, &heart())[0], first[0]);
}

#[test]
fn what_dates_and_the_patient_mean_is_copied_and_what_is_missing_is_empty() {
    let mut made = cine();
    for (tag, vr, value) in [
        (tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, "+0200"),
        (tags::ISSUER_OF_PATIENT_ID, VR::LO, "Ward 3"),
        (tags::PATIENT_IDENTITY_REMOVED, VR::CS, "YES"),
        (tags::STUDY_DATE, VR::DA, "20200101"),
    ] {
        made.text(tag, vr, value);
    }
    made.items(
        tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE,
        vec![item(vec![(tags::CODE_VALUE, VR::SH, PrimitiveValue::from("113100"))])],
    );
    let found = segmentation(&made, &heart());
    assert_eq!(text(&found, tags::TIMEZONE_OFFSET_FROM_UTC), "+0200");
    assert_eq!(text(&found, tags::ISSUER_OF_PATIENT_ID), "Ward 3");
    assert_eq!(text(&found, tags::CONTENT_DATE), "20200101");
    let method = within(&found, &[tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE]);
    assert_eq!(text(method, tags::CODE_VALUE), "113100");
    assert!(found.get(tags::PATIENT_BIRTH_DATE).is_some_and(|element| element.to_str().unwrap().is_empty()));
    assert!(found.get(tags::STUDY_DESCRIPTION).is_none());
}

#[test]
fn names_of_other_letters_and_the_patients_name_are_both_read_back() {
    let mut made = cine();
    made.text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 100");
    made.text(tags::PATIENT_NAME, VR::PN, "Müller^Jörg");
    let found = segmentation(&made, &set(["心室", "größer"]));
    assert_eq!(text(&found, tags::SPECIFIC_CHARACTER_SET), "ISO_IR 192");
    assert_eq!(text(&found, tags::PATIENT_NAME), "Müller^Jörg");
    let names = items(&found, tags::SEGMENT_SEQUENCE).iter().map(|segment| text(segment, tags::SEGMENT_LABEL));
    assert_eq!(names.collect::<Vec<_>>(), ["心室", "größer"]);
    assert_eq!(text(&segmentation(&made, &heart()), tags::SPECIFIC_CHARACTER_SET), "ISO_IR 100");
}

#[test]
fn a_parametric_map_holds_the_values_and_a_cine_has_none() {
    let found = parametric_map(&placed([3.0, 7.0]));
    let values = found.element(tags::FLOAT_PIXEL_DATA).unwrap().to_multi_float32().unwrap();
    assert_eq!(values, LABELS.map(|label| f32::from(label) / 3.0));
    let image = read(&cine());
    let map = VoxelMap::new(*image.placed.image.grid(), vec![0.5; 12]).unwrap();
    let refusal = write_parametric_map(Path::new("a.dcm"), &map, &image.source).unwrap_err().to_string();
    assert!(refusal.contains("write NIfTI"), "{refusal}");
}

#[test]
fn labels_of_another_image_and_labels_without_a_structure_are_refused() {
    let image = read(&cine());
    let refusal = |labels: &LabelMap, set: &LabelSet| {
        write_segmentation(Path::new("a.dcm"), labels, set, &image.source).unwrap_err().to_string()
    };
    let grid = image.placed.image.grid();
    let one = refusal(&LabelMap::background(grid.one_plane()), &heart());
    assert!(one.contains("[1, 2, 3] voxels [slow, y, x], but the image has [2, 2, 3]"), "{one}");
    let unknown = refusal(&LabelMap::new(*grid, vec![3; 12]).unwrap(), &heart());
    assert!(unknown.contains("2 clot"), "{unknown}");
}
