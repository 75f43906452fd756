//! Data sets made here, each wrong or right in one way.

mod damage;
mod dose;
mod geometry;
mod pixels;
mod segmentations;
mod ultrasound;
mod written;

use std::path::PathBuf;

use dicom_core::{DataElement, PrimitiveValue, Tag, VR, value::DataSetSequence};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

use super::{DicomImage, read_file};
use crate::io::{IoError, Reading};

/// A data set to be written, and what is to be changed in it.
#[derive(Clone)]
pub(super) struct Made(pub InMemDicomObject, pub &'static str);

impl Made {
    /// An image of 2 rows and 3 columns with one byte a pixel: 10, 20, 30, 40, 50, 60.
    pub(super) fn plain() -> Self {
        let mut made = Self(InMemDicomObject::new_empty(), uids::EXPLICIT_VR_LITTLE_ENDIAN);
        for (tag, vr, text) in [
            (tags::SOP_CLASS_UID, VR::UI, uids::MR_IMAGE_STORAGE),
            (tags::SOP_INSTANCE_UID, VR::UI, "1.2.3"),
            (tags::SERIES_INSTANCE_UID, VR::UI, "1.2"),
            (tags::PATIENT_ID, VR::LO, "P1"),
            (tags::MODALITY, VR::CS, "MR"),
            (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
            (tags::PIXEL_SPACING, VR::DS, "0.5\\0.25"),
        ] {
            made.text(tag, vr, text);
        }
        for (tag, number) in [
            (tags::ROWS, 2),
            (tags::COLUMNS, 3),
            (tags::SAMPLES_PER_PIXEL, 1),
            (tags::BITS_ALLOCATED, 8),
            (tags::BITS_STORED, 8),
            (tags::HIGH_BIT, 7),
            (tags::PIXEL_REPRESENTATION, 0),
        ] {
            made.whole(tag, number);
        }
        made.bytes(&[10, 20, 30, 40, 50, 60]);
        made
    }

    pub(super) fn text(&mut self, tag: Tag, vr: VR, text: &str) {
        let parts = text.split('\\').map(str::to_owned).collect();
        self.0.put(DataElement::new(tag, vr, PrimitiveValue::Strs(parts)));
    }

    pub(super) fn whole(&mut self, tag: Tag, number: u16) {
        self.0.put(DataElement::new(tag, VR::US, PrimitiveValue::from(number)));
    }

    pub(super) fn words(&mut self, tag: Tag, words: &[u16]) {
        self.0.put(DataElement::new(tag, VR::OW, PrimitiveValue::U16(words.iter().copied().collect())));
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(bytes.iter().copied().collect())));
    }

    pub(super) fn items(&mut self, tag: Tag, items: Vec<InMemDicomObject>) {
        self.0.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
    }

    pub(super) fn remove(&mut self, tag: Tag) {
        self.0.remove_element(tag);
    }

    /// Three samples a pixel.
    pub(super) fn colored(photometric: &str, bytes: &[u8]) -> Self {
        let mut made = Self::plain();
        made.text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, photometric);
        made.whole(tags::SAMPLES_PER_PIXEL, 3);
        made.whole(tags::PLANAR_CONFIGURATION, 0);
        made.bytes(bytes);
        made
    }

    pub(super) fn write(&self, path: &std::path::Path) {
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(self.1)
            .media_storage_sop_class_uid(uids::MR_IMAGE_STORAGE)
            .media_storage_sop_instance_uid("1.2.3");
        self.0.clone().with_meta(meta).unwrap().write_to_file(path).unwrap();
    }

    pub(super) fn read_with(&self, reading: &Reading) -> Result<DicomImage, IoError> {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("a.dcm");
        self.write(&path);
        read_file(&path, reading)
    }

    pub(super) fn read(&self) -> DicomImage {
        self.read_with(&Reading::default()).unwrap()
    }

    pub(super) fn refusal(&self) -> String {
        self.read_with(&Reading::default()).unwrap_err().to_string()
    }

    pub(super) fn values(&self) -> Vec<f32> {
        self.read().placed.image.into_values()
    }
}

/// An item of a sequence.
pub(super) fn item(elements: Vec<(Tag, VR, PrimitiveValue)>) -> InMemDicomObject {
    InMemDicomObject::from_element_iter(elements.into_iter().map(|(tag, vr, value)| DataElement::new(tag, vr, value)))
}
