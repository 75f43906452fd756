use std::{fs, io::Write, path::Path};

use super::{
    super::{find, read_image},
    written::{holding, placed},
    *,
};
use crate::{
    domain::SlowAxis,
    io::{Input, dicom::DicomFile},
};

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
    assert!(double.contains("no time or number tells them apart"), "{double}");
    let mut other = at(2, "1");
    other.text(tags::PIXEL_SPACING, VR::DS, "0.5\\0.3");
    let refused = refusal(&[at(1, "0"), other]);
    assert!(refused.contains("one volume has one grid"), "{refused}");
    let turned = refusal(&[at(1, "0"), slice(2, "0\\0\\1", "0\\1\\0\\1\\0\\0")]);
    assert!(turned.contains("one volume has one orientation"), "{turned}");
}

#[test]
fn a_series_without_every_second_slice_is_refused_where_its_files_tell() {
    let outcome = |told: &str| {
        let folder = tempfile::tempdir().unwrap();
        let slices = [1, 2, 3].map(|number| {
            let mut made = slice(number, &format!("0\\0\\{}", 5 * number), "1\\0\\0\\0\\1\\0");
            made.text(tags::SPACING_BETWEEN_SLICES, VR::DS, told);
            made
        });
        series(folder.path(), &slices).map(|found| found.placed.image.grid().slow())
    };
    for told in ["2.5", "-2.5"] {
        let refusal = outcome(told).unwrap_err().to_string();
        let fault = format!("SpacingBetweenSlices (0018,0088) is {told} mm; expected 5.000 mm");
        assert!(refusal.contains(&fault) && refusal.contains("only one of every 2 slices is there"), "{refusal}");
    }
    // Equal, 1.3 times as much, the other way round, and what is no number.
    for told in ["5", "3.846", "10", "0", "thin"] {
        assert_eq!(outcome(told).unwrap(), SlowAxis::Depth { spacing_mm: 5.0 }, "{told}");
    }
}

#[test]
fn what_tells_planes_in_one_place_apart_is_named() {
    let refusal = |slices: &[Made]| {
        let folder = tempfile::tempdir().unwrap();
        series(folder.path(), slices).unwrap_err().to_string()
    };
    let at = |number: u32, z: &str, time: &str| {
        let mut made = slice(number, &format!("0\\0\\{z}"), "1\\0\\0\\0\\1\\0");
        made.text(tags::TRIGGER_TIME, VR::DS, time);
        made
    };
    let phases = refusal(&[at(1, "0", "0"), at(2, "0", "40"), at(3, "0", "80")]);
    assert!(phases.contains("both lie at") && phases.contains("IM0") && phases.contains("IM1"), "{phases}");
    assert!(phases.contains("TriggerTime (0018,1060), `0` and `40`, as times of one slice do"), "{phases}");
    let grid = refusal(&[at(1, "0", "0"), at(2, "0", "40"), at(3, "8", "0"), at(4, "8", "40")]);
    assert!(grid.contains("TriggerTime (0018,1060), `0` and `40`"), "{grid}");
    let mut echoes = [at(1, "0", "0"), at(2, "0", "0"), at(3, "8", "0")];
    for (index, made) in echoes.iter_mut().enumerate() {
        made.text(tags::ECHO_TIME, VR::DS, &index.to_string());
    }
    let echoes = refusal(&echoes);
    assert!(echoes.contains("EchoTime (0018,0081), `0` and `1`: put the files of each value"), "{echoes}");
    let copied = refusal(&[at(1, "0", "0"), at(1, "0", "0"), at(2, "8", "0")]);
    assert!(copied.contains("the same instance twice (SOPInstanceUID (0008,0018) 1.2.3.1)"), "{copied}");
    let mut cine = Made::plain();
    cine.text(tags::NUMBER_OF_FRAMES, VR::IS, "2");
    cine.text(tags::FRAME_TIME, VR::DS, "20");
    cine.bytes(&[1; 12]);
    let copied = refusal(&[cine.clone(), cine]);
    assert!(copied.contains("the same instance twice") && copied.contains("IM1"), "{copied}");
}

#[test]
fn times_of_one_file_are_not_told_to_go_into_folders() {
    let mut made = placed([3.0, 7.0]);
    let places = made.0.element(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).unwrap().items().unwrap().to_vec();
    let at = |place: usize, time: u32| {
        let content = item(vec![(tags::TEMPORAL_POSITION_INDEX, VR::UL, PrimitiveValue::from(time))]);
        let mut frame = places[place].clone();
        frame.put(holding(tags::FRAME_CONTENT_SEQUENCE, content).take(tags::FRAME_CONTENT_SEQUENCE).unwrap());
        frame
    };
    made.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, vec![at(0, 1), at(0, 2), at(1, 1), at(1, 2)]);
    made.text(tags::NUMBER_OF_FRAMES, VR::IS, "4");
    made.bytes(&[1; 24]);
    let refusal = made.refusal();
    assert!(refusal.contains("TemporalPositionIndex (0020,9128), `1` and `2`, as times of one slice do"), "{refusal}");
    assert!(refusal.contains("split it into files of one frame"), "{refusal}");
}

#[test]
fn a_stack_that_is_sheared_is_refused_with_its_angle() {
    let folder = tempfile::tempdir().unwrap();
    let tilted = |number: u32| {
        let z = 5.0 * f64::from(number);
        slice(number, &format!("0\\{:.4}\\{z}", z * 25_f64.to_radians().tan()), "1\\0\\0\\0\\1\\0")
    };
    let refusal = series(folder.path(), &[1, 2, 3, 4].map(tilted)).unwrap_err().to_string();
    assert!(refusal.contains("axes y and z are at 65.0 degrees; expected a right angle"), "{refusal}");
}

#[test]
fn all_frames_and_files_have_one_spacing() {
    let mut made = placed([3.0, 7.0]);
    let mut frames = made.0.element(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).unwrap().items().unwrap().to_vec();
    for (frame, spacing) in frames.iter_mut().zip(["0.5", "1"]) {
        let spacing = PrimitiveValue::Strs([spacing, spacing].map(str::to_owned).into_iter().collect());
        let measures = holding(tags::PIXEL_MEASURES_SEQUENCE, item(vec![(tags::PIXEL_SPACING, VR::DS, spacing)]));
        frame.put(measures.element(tags::PIXEL_MEASURES_SEQUENCE).unwrap().clone());
    }
    made.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frames);
    let refusal = made.refusal();
    assert!(refusal.contains("is [0.5, 0.5] mm in frame 1 and [1.0, 1.0] mm in frame 2"), "{refusal}");
    let folder = tempfile::tempdir().unwrap();
    let spaced = |number: u32, spacing: &str| {
        let mut made = slice(number, &format!("0\\0\\{number}"), OBLIQUE);
        made.text(tags::PIXEL_SPACING, VR::DS, &format!("{spacing}\\{spacing}"));
        made
    };
    let found = series(folder.path(), &[spaced(1, "0.4882813"), spaced(2, "0.48828125")]).unwrap();
    assert_eq!(found.placed.image.grid().spacing_mm(), [0.488_281_3; 2]);
}

#[test]
fn what_cannot_be_read_is_an_image_of_its_own_that_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for number in 1..=3 {
        slice(number, &format!("0\\0\\{number}"), OBLIQUE).write(&folder.path().join(number.to_string()));
    }
    let bytes = fs::read(folder.path().join("3")).unwrap();
    // After the preamble, `DICM`, and the meta information, whose length stands at byte 140.
    let meta = 144 + u32::from_le_bytes(bytes[140..144].try_into().unwrap()) as usize;
    fs::write(folder.path().join("3"), &bytes[meta..]).unwrap();
    fs::write(folder.path().join("4"), &bytes[..bytes.len() - 4]).unwrap();
    fs::create_dir(folder.path().join("b.1")).unwrap();
    fs::copy(folder.path().join("4"), folder.path().join("b.1/4")).unwrap();
    let images = Input::find(folder.path()).unwrap();
    assert_eq!(images.iter().map(|image| image.name.as_str()).collect::<Vec<_>>(), ["P1_MR_12", "3", "4", "b-1_4"]);
    assert_eq!(images[0].grid(&Reading::default()).unwrap().shape(), [2, 2, 3]);
    let refusal = |image: &Input| image.read(&Reading::default()).unwrap_err().to_string();
    assert!(refusal(&images[1]).contains("dcmconv --read-dataset"), "{}", refusal(&images[1]));
    assert!(refusal(&images[2]).contains("cut short or damaged"), "{}", refusal(&images[2]));
    let alone = Input::find(&folder.path().join("3")).unwrap_err().to_string();
    assert!(alone.contains("dcmconv --read-dataset"), "{alone}");
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
    made.text(tags::PIXEL_SPACING, VR::DS, "0.1\\0.2");
    assert!(made.read().notes[0].contains("at the detector"), "{:?}", made.read().notes);
    made.text(tags::PIXEL_SPACING_CALIBRATION_TYPE, VR::CS, "GEOMETRY");
    assert!(made.read().notes[0].contains("calibrated by GEOMETRY"), "{:?}", made.read().notes);
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
fn an_archive_whose_files_share_their_bytes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&archive).unwrap());
    zip.start_file("A0", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(b"bytes of both").unwrap();
    zip.shallow_copy_file("A0", "A1").unwrap();
    zip.finish().unwrap();
    let refusal = find(&archive).unwrap_err().to_string();
    assert!(refusal.contains("a.zip") && refusal.contains("share their bytes"), "{refusal}");
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
