use std::{fs, io::Write, path::Path};

use super::{
    super::{find, read_image},
    *,
};
use crate::{domain::SlowAxis, io::dicom::DicomFile};

const OBLIQUE: &str = "0.8\\0.6\\0\\-0.6\\0.8\\0";

/// A slice of a series, at `z` mm along its normal.
fn slice(number: u32, position: &str, orientation: &str) -> Made {
    let mut made = Made::plain();
    made.text(tags::SOP_INSTANCE_UID, VR::UI, &format!("1.2.3.{number}"));
    made.text(tags::IMAGE_POSITION_PATIENT, VR::DS, position);
    made.text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, orientation);
    made.bytes(&[number as u8; 6]);
    made
}

fn series(folder: &Path, slices: &[Made]) -> Result<DicomImage, IoError> {
    for (index, slice) in slices.iter().enumerate() {
        slice.write(&folder.join(format!("IM{index}")));
    }
    let images = find(folder).unwrap();
    assert_eq!(images.len(), 1);
    read_image(&images[0], &Reading::default())
}

#[test]
fn slices_are_sorted_by_where_they_lie_and_keep_their_affine() {
    let folder = tempfile::tempdir().unwrap();
    let slices = [slice(3, "1\\2\\7", OBLIQUE), slice(1, "1\\2\\3", OBLIQUE), slice(2, "1\\2\\5", OBLIQUE)];
    let found = series(folder.path(), &slices).unwrap();
    let grid = found.placed.image.grid();
    assert_eq!(
        (grid.shape(), grid.spacing_mm(), grid.slow()),
        ([3, 2, 3], [0.5, 0.25], SlowAxis::Depth { spacing_mm: 2.0 })
    );
    assert_eq!(found.placed.image.values()[..7], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]);
    // Columns 0.25 mm apart along (0.8, 0.6, 0), rows 0.5 mm apart along (-0.6, 0.8, 0); x and y turned round.
    let affine = found.placed.geometry.affine();
    let expected = [[-0.2, 0.3, 0.0, -1.0], [-0.15, -0.4, 0.0, -2.0], [0.0, 0.0, 2.0, 3.0]];
    let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
    assert!(affine.as_flattened().iter().zip(expected.as_flattened()).all(close), "{affine:?}");
    assert_eq!(found.source.planes[2].sop_instance_uid, "1.2.3.3");
}

#[test]
fn gaps_doubles_and_other_grids_are_refused_with_both_names() {
    let refusal = |slices: &[Made]| {
        let folder = tempfile::tempdir().unwrap();
        series(folder.path(), slices).unwrap_err().to_string()
    };
    let at = |number: u32, z: &str| slice(number, &format!("0\\0\\{z}"), "1\\0\\0\\0\\1\\0");
    let gap = refusal(&[at(1, "0"), at(2, "1"), at(3, "3")]);
    assert!(gap.contains("a plane is missing") && gap.contains("IM1") && gap.contains("IM2"), "{gap}");
    let double = refusal(&[at(1, "0"), at(2, "1"), at(3, "1")]);
    assert!(double.contains("both lie at ImagePositionPatient [0.0, 0.0, 1.0]"), "{double}");
    let mut other = at(2, "1");
    other.text(tags::PIXEL_SPACING, VR::DS, "0.5\\0.3");
    let refused = refusal(&[at(1, "0"), other]);
    assert!(refused.contains("one volume has one grid"), "{refused}");
    let turned = refusal(&[at(1, "0"), slice(2, "0\\0\\1", "0\\1\\0\\1\\0\\0")]);
    assert!(turned.contains("one volume has one orientation"), "{turned}");
}

#[test]
fn spacing_is_never_guessed() {
    let mut made = Made::plain();
    made.remove(tags::PIXEL_SPACING);
    assert!(made.refusal().contains("PixelSpacing (0028,0030) is missing"), "{}", made.refusal());
    let by_hand = Reading { spacing_mm: Some([2.0, 3.0]), ..Reading::default() };
    assert_eq!(made.read_with(&by_hand).unwrap().placed.image.grid().spacing_mm(), [2.0, 3.0]);
    made.text(tags::IMAGER_PIXEL_SPACING, VR::DS, "0.1\\0.2");
    let found = made.read();
    assert_eq!(found.placed.image.grid().spacing_mm(), [0.1, 0.2]);
    assert!(found.notes[0].contains("at the detector"));
    made.text(tags::PIXEL_SPACING, VR::DS, "0\\0.2");
    assert!(made.refusal().contains("two lengths above 0"));
    made.text(tags::PIXEL_SPACING, VR::DS, "0.2");
    assert!(made.refusal().contains("2 finite numbers"));
}

#[test]
fn names_of_files_mean_nothing_and_other_files_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let within = folder.path().join("DICOM");
    fs::create_dir(&within).unwrap();
    slice(1, "0\\0\\0", OBLIQUE).write(&within.join("A0"));
    slice(2, "0\\0\\1", OBLIQUE).write(&within.join("A1.txt"));
    let mut single = Made::plain();
    single.text(tags::SOP_INSTANCE_UID, VR::UI, "1.2.9");
    single.text(tags::INSTANCE_NUMBER, VR::IS, "7");
    single.write(&folder.path().join("README"));
    fs::write(folder.path().join("notes.dcm"), "nothing of the kind").unwrap();
    let images = find(folder.path()).unwrap();
    assert_eq!(
        images.iter().map(|image| (image.files.len(), image.instance_number)).collect::<Vec<_>>(),
        [(2, None), (1, Some(7))]
    );
    assert_eq!(images[0].patient, "P1");
    assert!(find(&folder.path().join("nowhere")).is_err());
}

#[test]
fn archives_and_directories_of_media_are_read() {
    let folder = tempfile::tempdir().unwrap();
    slice(1, "0\\0\\0", OBLIQUE).write(&folder.path().join("A0"));
    let archive = folder.path().join("a.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&archive).unwrap());
    zip.start_file("x/A0", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(&fs::read(folder.path().join("A0")).unwrap()).unwrap();
    zip.finish().unwrap();
    let images = find(&archive).unwrap();
    assert!(matches!(&images[0].files[..], [DicomFile::Zipped { name, .. }] if name == "x/A0"));
    assert_eq!(read_image(&images[0], &Reading::default()).unwrap().placed.image.values(), [1.0; 6]);

    let record = |file: &str| item(vec![(tags::REFERENCED_FILE_ID, VR::CS, PrimitiveValue::from(file))]);
    let directory = |file: &str| {
        let mut made = Made::plain();
        made.remove(tags::PIXEL_DATA);
        made.items(tags::DIRECTORY_RECORD_SEQUENCE, vec![record(file)]);
        made.write(&folder.path().join("DICOMDIR"));
        find(&folder.path().join("DICOMDIR"))
    };
    assert_eq!(directory("A0").unwrap().len(), 1);
    assert!(directory("A9").unwrap_err().to_string().contains("is not there"));
    assert!(directory("../A0").unwrap_err().to_string().contains("letters, digits and underscores"));
}
