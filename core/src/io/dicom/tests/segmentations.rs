//! Segmentations, as written here and changed in one way, read as label maps.

use dicom_object::open_file;

use super::{
    super::{find, pixels::PER_FRAME, read_image, segmentation, write_segmentation},
    written::{cine, heart, holding, placed, read, set},
    *,
};
use crate::{
    domain::{LabelMap, LabelSet},
    io::{FoundImage, ImagePlace, PlacedLabels, formats, nifti::NiftiGeometry},
};

/// Two planes of two rows and three columns, both with structures.
const BOTH: [u8; 12] = [1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 2];

/// What an image's labels are when they are written, changed and read.
struct Written {
    folder: tempfile::TempDir,
    image: DicomImage,
    labels: LabelMap,
}

impl Written {
    fn of(image: DicomImage, labels: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let labels = LabelMap::new(*image.placed.image.grid(), labels.to_vec()).unwrap();
        write_segmentation(&folder.path().join("a.dcm"), &labels, &heart(), &image.source).unwrap();
        Self { folder, image, labels }
    }

    fn changed(self, change: impl FnOnce(&mut Made)) -> Self {
        let path = self.folder.path().join("a.dcm");
        let mut made = Made((*open_file(&path).unwrap()).clone(), uids::EXPLICIT_VR_LITTLE_ENDIAN);
        change(&mut made);
        made.write(&path);
        self
    }

    fn read_with(&self, reading: &Reading, set: &LabelSet, mapping: &[(u32, u8)]) -> Result<PlacedLabels, IoError> {
        formats::read_labels(&self.folder.path().join("a.dcm"), reading, set, mapping)
    }

    fn read(&self) -> PlacedLabels {
        self.read_with(&by_hand(), &heart(), &[]).unwrap()
    }

    fn refusal(&self) -> String {
        self.read_with(&by_hand(), &heart(), &[]).unwrap_err().to_string()
    }

    fn on(&self, image: &NiftiGeometry) -> Result<PlacedLabels, IoError> {
        formats::read_labels_on(
            &self.folder.path().join("a.dcm"),
            &Reading::default(),
            &heart(),
            &[],
            &image.clone().into(),
        )
    }

    /// Sees that labels and places are those of the image, by the file alone and on the image.
    fn check(&self) {
        let alone = self.read();
        assert_eq!(alone.labels.labels(), self.labels.labels());
        assert_eq!(alone.geometry.difference(&self.image.placed.geometry), None);
        assert_eq!(alone.geometry.affine(), self.image.placed.geometry.affine());
        let on = self.on(&self.image.placed.geometry).unwrap();
        assert_eq!((&on.labels, &on.geometry), (&self.labels, &self.image.placed.geometry));
    }
}

/// The spacing of all images here, which segmentations without places do not tell.
fn by_hand() -> Reading {
    Reading { spacing_mm: Some([0.5, 0.25]), ..Reading::default() }
}

/// Oblique slices at these steps along their normal, one file each.
fn series(steps: &[f64]) -> DicomImage {
    let folder = tempfile::tempdir().unwrap();
    let ([row, column], normal) = ([[0.8, 0.6, 0.0], [0.0, 0.0, -1.0]], [-0.6, 0.8, 0.0]);
    for (index, step) in steps.iter().enumerate() {
        let mut made = Made::plain();
        made.text(tags::STUDY_INSTANCE_UID, VR::UI, "1.1");
        made.text(tags::SOP_INSTANCE_UID, VR::UI, &format!("1.2.3.{index}"));
        made.text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, &texts([row, column].concat()));
        let place = [10.3, -20.7, 1.0 / 3.0];
        let place =
            [0, 1, 2].map(|axis| place[axis] + normal[axis] * 1.7 * step).map(|part| (part * 1e9).round() / 1e9);
        made.text(tags::IMAGE_POSITION_PATIENT, VR::DS, &texts(place.to_vec()));
        made.write(&folder.path().join(format!("{index}.dcm")));
    }
    read_image(&find(folder.path()).unwrap()[0], &Reading::default()).unwrap()
}

fn texts(numbers: Vec<f64>) -> String {
    numbers.iter().map(f64::to_string).collect::<Vec<_>>().join("\\")
}

/// Leaves out the frames whose numbers, from 0, are not in `kept`.
fn keep_frames(made: &mut Made, kept: &[usize]) {
    let frames: Vec<InMemDicomObject> =
        made.0.element(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).unwrap().items().unwrap().to_vec();
    let bytes = made.0.element(tags::PIXEL_DATA).unwrap().to_bytes().unwrap().into_owned();
    // Six bits a frame.
    let bit = |index: usize| bytes[index / 8] >> (index % 8) & 1;
    let mut packed = vec![0; (kept.len() * 6).div_ceil(16) * 2];
    for (index, from) in kept.iter().flat_map(|frame| frame * 6..frame * 6 + 6).enumerate() {
        packed[index / 8] |= bit(from) << (index % 8);
    }
    made.bytes(&packed);
    made.text(tags::NUMBER_OF_FRAMES, VR::IS, &kept.len().to_string());
    made.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, kept.iter().map(|&frame| frames[frame].clone()).collect());
}

/// One byte a pixel, with the segment of each frame or none.
fn bytes(made: &mut Made, kind: &str, bytes: &[u8]) {
    made.text(tags::SEGMENTATION_TYPE, VR::CS, kind);
    for (tag, number) in [(tags::BITS_ALLOCATED, 8), (tags::BITS_STORED, 8), (tags::HIGH_BIT, 7)] {
        made.whole(tag, number);
    }
    made.bytes(bytes);
}

#[test]
fn what_is_written_is_read_back() {
    let mut single = Made::plain();
    single.text(tags::STUDY_INSTANCE_UID, VR::UI, "1.1");
    for labels in [BOTH, [0; 12], [0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]] {
        Written::of(read(&cine()), &labels).check();
        Written::of(read(&placed([3.0, 7.0])), &labels).check();
        Written::of(read(&placed([3.0, 3.0])), &labels).check();
        Written::of(read(&single), &labels[6..]).check();
    }
    let mut labels = [0; 30];
    Written::of(series(&[2.0, 0.0, 1.0, 3.0, 4.0]), &labels).check();
    labels[13..15].copy_from_slice(&[2, 1]);
    Written::of(series(&[2.0, 0.0, 1.0, 3.0, 4.0]), &labels).check();
}

#[test]
fn planes_that_are_left_out_are_found_on_the_image_or_between_others() {
    let mut labels = [0; 30];
    (labels[0], labels[13], labels[29]) = (1, 2, 1);
    // Frames: the first structure in planes 0, 1 (empty), 3 (empty) and 4, the second in 2.
    let written = || Written::of(series(&[0.0, 1.0, 2.0, 3.0, 4.0]), &labels);
    // SpacingBetweenSlices tells the step.
    written().changed(|made| keep_frames(made, &[0, 3, 4])).check();
    let inner = written().changed(|made| keep_frames(made, &[0, 4]));
    let refusal = inner.refusal();
    assert!(
        refusal.contains("was made from 5 images, and its frames reach over 3 planes: it leaves planes out"),
        "{refusal}"
    );
    let found = inner.on(&inner.image.placed.geometry).unwrap();
    assert_eq!(found.labels.labels()[..14], labels[..14]);
    let elsewhere = inner.on(&series(&[1.0, 2.0, 3.0]).placed.geometry).unwrap_err().to_string();
    assert!(elsewhere.contains("frame 1 does not lie on the image"), "{elsewhere}");
    let one = written().changed(|made| keep_frames(made, &[4])).refusal();
    assert!(one.contains("reach over 1 planes"), "{one}");
    let last = Written::of(read(&cine()), &BOTH).changed(|made| keep_frames(made, &[2]));
    assert!(last.refusal().contains("has frames of 1 of the planes 1 to 2"), "{}", last.refusal());
    assert_eq!(last.on(&last.image.placed.geometry).unwrap().labels.labels()[6..], BOTH[6..]);
}

#[test]
fn planes_that_make_no_grid_are_refused() {
    let with_spacing = |between: &str| {
        let written = Written::of(series(&[0.0, 1.0, 2.0, 3.0, 4.0]), &[1; 30]);
        let measures = item(vec![
            (
                tags::PIXEL_SPACING,
                VR::DS,
                PrimitiveValue::Strs(["0.5", "0.25"].map(str::to_owned).into_iter().collect()),
            ),
            (tags::SPACING_BETWEEN_SLICES, VR::DS, PrimitiveValue::from(between)),
        ]);
        written.changed(|made| {
            let shared = made.0.element(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).unwrap().items().unwrap()[0].clone();
            let mut shared = shared;
            shared.put(DataElement::new(tags::PIXEL_MEASURES_SEQUENCE, VR::SQ, DataSetSequence::from(vec![measures])));
            made.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared]);
        })
    };
    // What no plane fits is not their distance.
    with_spacing("1.3").check();
    let refusal = |between: &str| with_spacing(between).refusal();
    assert!(refusal("0.85").contains("reach over 9 planes"), "{}", refusal("0.85"));
    assert!(refusal("0.0000001").contains("planes"), "{}", refusal("0.0000001"));
    let moved = Written::of(series(&[0.0, 1.0, 2.0, 3.0, 4.0]), &[1; 30]).changed(|made| {
        let mut frames = made.0.element(PER_FRAME).unwrap().items().unwrap().to_vec();
        let position = frames[2].element(tags::PLANE_POSITION_SEQUENCE).unwrap().items().unwrap()[0].clone();
        let mut at = position.element(tags::IMAGE_POSITION_PATIENT).unwrap().to_multi_float64().unwrap();
        at[0] += 0.5;
        let at = PrimitiveValue::Strs(at.iter().map(f64::to_string).collect());
        let position = item(vec![(tags::IMAGE_POSITION_PATIENT, VR::DS, at)]);
        frames[2].put(DataElement::new(tags::PLANE_POSITION_SEQUENCE, VR::SQ, DataSetSequence::from(vec![position])));
        made.items(PER_FRAME, frames);
    });
    assert!(moved.refusal().contains("not on a regular grid"), "{}", moved.refusal());
}

#[test]
fn numbers_of_segments_are_labels_unless_names_or_the_user_say_otherwise() {
    let written = Written::of(read(&cine()), &BOTH);
    let turned = set(["Clot", "LEFT_ventricle"]);
    let refusal = written.read_with(&by_hand(), &turned, &[]).unwrap_err().to_string();
    assert!(refusal.contains("SegmentLabel (0062,0005) of segment 1 is `left ventricle`"), "{refusal}");
    assert!(refusal.contains("label 2 `LEFT_ventricle`, and there is label 1 `Clot`"), "{refusal}");
    let mapped = written.read_with(&by_hand(), &turned, &[(1, 2), (2, 1)]).unwrap();
    assert_eq!(mapped.labels.labels(), BOTH.map(|label| [0, 2, 1][usize::from(label)]));
    let other = written.read_with(&by_hand(), &set(["liver", "spleen"]), &[(2, 0)]).unwrap();
    assert_eq!(other.labels.labels(), BOTH.map(|label| label % 2));
    let label = |value, name: &str| crate::domain::Label { value, name: name.to_owned(), color: [0; 3] };
    let small = LabelSet::new(vec![label(0, "background"), label(1, "left ventricle")]).unwrap();
    let refusal = written.read_with(&by_hand(), &small, &[]).unwrap_err().to_string();
    assert!(
        refusal.contains(
            "label 2 at [slow, y, x] = [0, 1, 1], the file has the values 0, 1, 2; expected one of 0 background"
        ),
        "{refusal}"
    );
}

#[test]
fn two_segments_in_one_voxel_are_refused_by_voxel_and_names() {
    let overlapping = Written::of(read(&cine()), &BOTH).changed(|made| made.bytes(&[0xff, 0xff, 0xff, 0]));
    let refusal = overlapping.refusal();
    let expected = "segment 1 `left ventricle` and segment 2 `clot` both hold the voxel [slow, y, x] = [0, 0, 0]";
    assert!(refusal.contains(expected), "{refusal}");
    let union = overlapping.read_with(&by_hand(), &heart(), &[(2, 1)]).unwrap();
    assert_eq!(union.labels.labels(), [1; 12]);
    let first = overlapping.read_with(&by_hand(), &heart(), &[(2, 0)]).unwrap();
    assert_eq!(first.labels.labels()[..6], [1; 6]);
}

#[test]
fn fractions_are_labels_only_where_they_are_whole() {
    let fractional = |voxel: u8| {
        Written::of(read(&cine()), &BOTH).changed(|made| {
            made.whole(tags::MAXIMUM_FRACTIONAL_VALUE, 200);
            let frames = [[200, voxel, 0, 0, 0, 0], [0, 0, 0, 0, 200, 0], [0, 0, 0, 0, 0, 200]];
            bytes(made, "FRACTIONAL", &frames.concat());
        })
    };
    assert_eq!(fractional(200).read().labels.labels(), BOTH);
    let refusal = fractional(100).refusal();
    assert!(refusal.contains("frame 1 holds 100 of 200 (MaximumFractionalValue (0062,000E))"), "{refusal}");
}

#[test]
fn a_label_map_holds_the_numbers_of_segments() {
    let written = Written::of(read(&placed([3.0, 7.0])), &BOTH).changed(|made| {
        keep_frames(made, &[0, 2]);
        made.text(tags::SOP_CLASS_UID, VR::UI, uids::LABEL_MAP_SEGMENTATION_STORAGE);
        bytes(made, "LABELMAP", &BOTH);
    });
    written.check();
    let refusal = read_file(&written.folder.path().join("a.dcm"), &Reading::default()).unwrap_err().to_string();
    assert!(refusal.contains("it is a segmentation (DICOM-SEG), a label map; expected an image"), "{refusal}");
}

#[test]
fn what_a_segmentation_leaves_open_must_be_said() {
    let written = Written::of(read(&cine()), &BOTH);
    let open = Reading::default();
    let refusal = written.read_with(&open, &heart(), &[]).unwrap_err().to_string();
    assert!(refusal.contains("PixelSpacing (0028,0030) is missing") && refusal.contains("--spacing"), "{refusal}");
    let other = Written::of(read(&placed([3.0, 7.0])), &BOTH);
    let reading = Reading { spacing_mm: Some([1.0, 1.0]), ..open };
    assert!(other.read_with(&reading, &heart(), &[]).unwrap_err().to_string().contains("given by hand"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dcm");
    Made::plain().write(&path);
    let refusal = formats::read_labels(&path, &open, &heart(), &[]).unwrap_err().to_string();
    assert!(refusal.contains("it is a MR Image Storage, and no label map"), "{refusal}");
    assert!(!segmentation::is_segmentation(&path).unwrap());
}

#[test]
fn damage_is_refused() {
    let of = |change: fn(&mut Made)| Written::of(read(&placed([3.0, 7.0])), &BOTH).changed(change).refusal();
    let unlike = of(|made| made.text(tags::NUMBER_OF_FRAMES, VR::IS, "2"));
    assert!(unlike.contains("has 3 items for 2 frames"), "{unlike}");
    let far = of(|made| {
        let mut frames: Vec<InMemDicomObject> =
            made.0.element(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).unwrap().items().unwrap().to_vec();
        let position = PrimitiveValue::Strs(["1", "2", "800000000"].map(str::to_owned).into_iter().collect());
        let place = item(vec![(tags::IMAGE_POSITION_PATIENT, VR::DS, position)]);
        let sequence = holding(tags::PLANE_POSITION_SEQUENCE, place);
        frames[2].put(sequence.element(tags::PLANE_POSITION_SEQUENCE).unwrap().clone());
        // Without them nothing tells how many planes there should be.
        for frame in &mut frames {
            frame.remove_element(tags::DERIVATION_IMAGE_SEQUENCE);
        }
        made.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frames);
    });
    assert!(far.contains("which a file of") && far.contains("does not explain"), "{far}");
    assert!(of(|made| made.remove(tags::SEGMENTATION_TYPE)).contains("SegmentationType (0062,0001) is missing"));
    assert!(of(|made| made.remove(tags::PIXEL_DATA)).contains("PixelData (7FE0,0010) is missing"));
}

/// The image of a codec, with its pixels as those of a label map.
fn packed_labels(codec: &str, syntax: Option<&'static str>) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/hostile");
    let file = open_file(folder.join(format!("{codec}.dcm"))).unwrap();
    let known = [
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.5",
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.4.70",
        "1.2.840.10008.1.2.4.80",
        "1.2.840.10008.1.2.4.90",
    ];
    let own = known.into_iter().find(|&uid| uid == file.meta().transfer_syntax());
    let mut made = Made((*file).clone(), syntax.or(own).unwrap());
    made.text(tags::SOP_CLASS_UID, VR::UI, uids::LABEL_MAP_SEGMENTATION_STORAGE);
    made.text(tags::SEGMENTATION_TYPE, VR::CS, "LABELMAP");
    let frame = |time: u32| {
        let index = item(vec![(tags::TEMPORAL_POSITION_INDEX, VR::UL, PrimitiveValue::from(time))]);
        holding(tags::FRAME_CONTENT_SEQUENCE, index)
    };
    made.items(PER_FRAME, vec![frame(1), frame(2)]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dcm");
    made.write(&path);
    formats::read_labels(&path, &by_hand(), &heart(), &[]).unwrap_err().to_string()
}

#[test]
fn labels_that_were_packed_with_losses_are_refused() {
    for codec in ["plain", "rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000"] {
        // The pixels are those of an image: what keeps them from being labels is their values.
        assert!(packed_labels(codec, None).contains("expected one of 0 background"), "{}", packed_labels(codec, None));
    }
    let lossy = packed_labels("jpeg", None);
    assert!(lossy.contains("frame 1 of 2 is packed as JPEG that is not lossless, which changes values"), "{lossy}");
    assert!(lossy.contains("TransferSyntaxUID (0002,0010)") && lossy.contains("JPEG-LS"), "{lossy}");
    let lossy = packed_labels("jpeg-2000", Some("1.2.840.10008.1.2.4.91"));
    assert!(lossy.contains("JPEG 2000 that need not be lossless"), "{lossy}");
}

#[test]
fn a_segmentation_of_another_image_is_refused_by_both_uids() {
    let cine_of = |uid: &str| {
        let mut made = cine();
        made.text(tags::SOP_INSTANCE_UID, VR::UI, uid);
        read(&made)
    };
    let written = Written::of(cine_of("1.2.3.1"), &BOTH);
    let path = written.folder.path().join("a.dcm");
    let on = |uid: &str| {
        let image = ImagePlace::from(FoundImage::from(cine_of(uid)));
        formats::read_labels_on(&path, &Reading::default(), &heart(), &[], &image)
    };
    assert_eq!(on("1.2.3.1").unwrap().labels.labels(), BOTH);
    let refusal = on("1.2.3.2").unwrap_err().to_string();
    assert!(refusal.contains("ReferencedSOPInstanceUID (0008,1155) is 1.2.3.1; expected 1.2.3.2"), "{refusal}");
    // What names no image may be of any.
    let nameless = written.changed(|made| {
        made.remove(tags::REFERENCED_SERIES_SEQUENCE);
        let mut frames = made.0.element(PER_FRAME).unwrap().items().unwrap().to_vec();
        for (time, frame) in [1_u32, 2, 2].into_iter().zip(&mut frames) {
            frame.remove_element(tags::DERIVATION_IMAGE_SEQUENCE);
            let index = item(vec![(tags::TEMPORAL_POSITION_INDEX, VR::UL, PrimitiveValue::from(time))]);
            frame.put(DataElement::new(tags::FRAME_CONTENT_SEQUENCE, VR::SQ, DataSetSequence::from(vec![index])));
        }
        made.items(PER_FRAME, frames);
    });
    let image = ImagePlace::from(FoundImage::from(cine_of("1.2.3.2")));
    let path = nameless.folder.path().join("a.dcm");
    assert!(formats::read_labels_on(&path, &Reading::default(), &heart(), &[], &image).is_ok());
}
