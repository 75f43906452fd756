use super::{super::file::named, *};
use crate::{domain::SlowAxis, io::nifti::ThirdAxis};

/// A dose of three frames with these offsets; nothing but 1, 2 and 3 stands in them.
fn dose(offsets: &str) -> Made {
    let mut made = Made::plain();
    for (tag, vr, text) in [
        (tags::SOP_CLASS_UID, VR::UI, uids::RT_DOSE_STORAGE),
        (tags::MODALITY, VR::CS, "RTDOSE"),
        (tags::NUMBER_OF_FRAMES, VR::IS, "3"),
        (tags::IMAGE_POSITION_PATIENT, VR::DS, "1\\2\\-7"),
        (tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0"),
        (tags::GRID_FRAME_OFFSET_VECTOR, VR::DS, offsets),
        (tags::DOSE_GRID_SCALING, VR::DS, "0.001"),
    ] {
        made.text(tag, vr, text);
    }
    made.bytes(&[[1; 6], [2; 6], [3; 6]].concat());
    made
}

/// The origin's z, and the first value of each plane.
fn order(made: &Made) -> (f64, Vec<f32>) {
    let placed = made.read().placed;
    (placed.geometry.affine()[2][3], placed.image.values().iter().step_by(6).copied().collect())
}

#[test]
fn a_dose_is_a_volume_whatever_its_third_axis_is_said_to_be() {
    for third_axis in [None, Some(ThirdAxis::Depth), Some(ThirdAxis::Time)] {
        let found = dose("0\\5\\10").read_with(&Reading { third_axis, ..Reading::default() }).unwrap();
        let grid = found.placed.image.grid();
        assert_eq!((grid.shape(), grid.slow()), ([3, 2, 3], SlowAxis::Depth { spacing_mm: 5.0 }), "{third_axis:?}");
        let affine = [[-0.25, 0.0, 0.0, -1.0], [0.0, -0.5, 0.0, -2.0], [0.0, 0.0, 5.0, -7.0]];
        assert_eq!(found.placed.geometry.affine(), affine);
        assert!(found.notes[0].contains("0.001 (DoseGridScaling (3004,000E)) times"), "{:?}", found.notes);
    }
}

#[test]
fn offsets_count_from_the_first_plane_or_are_heights() {
    assert_eq!(order(&dose("0\\5\\10")), (-7.0, vec![1.0, 2.0, 3.0]));
    assert_eq!(order(&dose("-7\\-2\\3")), (-7.0, vec![1.0, 2.0, 3.0]));
    assert_eq!(order(&dose("0\\-5\\-10")), (-17.0, vec![3.0, 2.0, 1.0]));
    let mut coronal = dose("0\\5\\10");
    coronal.text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\0\\-1");
    let positions: Vec<_> = coronal.read().source.planes.iter().map(|plane| plane.position.unwrap()).collect();
    assert_eq!(positions, [[1.0, 2.0, -7.0], [1.0, 7.0, -7.0], [1.0, 12.0, -7.0]]);
}

#[test]
fn offsets_that_make_no_volume_are_refused_by_name() {
    for (offsets, fault) in [
        ("0\\5\\11", "is 5 to 6 mm from one frame to the next; expected equal steps"),
        ("0\\0\\0", "is 0 to 0 mm from one frame to the next; expected equal steps"),
        ("0\\5", "is 2 offsets; expected 3 offsets"),
        ("3\\8\\13", "is 3 first; expected 0, where they count from the first plane, or -7, the z of"),
    ] {
        let refusal = dose(offsets).refusal();
        assert!(refusal.contains(&format!("GridFrameOffsetVector (3004,000C) {fault}")), "{refusal}");
    }
    for tag in [tags::GRID_FRAME_OFFSET_VECTOR, tags::IMAGE_POSITION_PATIENT, tags::IMAGE_ORIENTATION_PATIENT] {
        let mut made = dose("0\\5\\10");
        made.remove(tag);
        let refusal = made.refusal();
        assert!(refusal.contains(&format!("{} is missing", named(tag))), "{refusal}");
    }
}

#[test]
fn a_frame_cut_out_of_a_dose_is_a_plane() {
    let mut made = dose("0\\5\\10");
    made.remove(tags::NUMBER_OF_FRAMES);
    assert_eq!(made.read().placed.image.grid().slow(), SlowAxis::Single);
}
