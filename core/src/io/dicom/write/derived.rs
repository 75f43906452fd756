//! What segmentations and parametric maps have in common: whose image it was, and which plane each frame was made from.

use std::path::Path;

use dicom_core::{PrimitiveValue, Tag};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use sha2::{Digest, Sha256};

use super::elements::{Code, Elements};
use crate::{
    domain::{Grid, SlowAxis},
    io::{
        IoError,
        dicom::{DicomSource, SourcePlane},
        write_atomically,
    },
};

const PURPOSE: Code = Code { value: "121322", scheme: "DCM", meaning: "Source image for image processing operation" };

/// What is copied from the image, and what is empty where the image lacks it (type 2).
const COPIED: [Tag; 9] = [
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

/// An object that is made from an image.
pub(super) struct Derived<'a> {
    pub path: &'a Path,
    pub source: &'a DicomSource,
    pub grid: &'a Grid,
    /// Its SOP class.
    pub class: &'static str,
    /// What it is, as part of its identifiers.
    pub kind: &'static str,
    /// SHA-256 of what it holds.
    pub digest: [u8; 32],
}

impl<'a> Derived<'a> {
    /// Refuses what does not lie on the image.
    pub(super) fn new(
        path: &'a Path,
        source: &'a DicomSource,
        grid: &'a Grid,
        (class, kind): (&'static str, &'static str),
        content: impl AsRef<[u8]>,
    ) -> Result<Self, IoError> {
        let unsupported = |detail: String| IoError::Unsupported { path: path.to_owned(), detail };
        let number = |tag| source.dataset.get(tag).and_then(|element| element.to_int::<usize>().ok()).unwrap_or(0);
        let image = [source.planes.len(), number(tags::ROWS), number(tags::COLUMNS)];
        if grid.shape() != image {
            return Err(unsupported(format!("{:?} voxels [slow, y, x], but the image has {image:?}", grid.shape())));
        }
        for tag in [tags::STUDY_INSTANCE_UID, tags::SERIES_INSTANCE_UID] {
            if text(&source.dataset, tag).is_empty() {
                return Err(unsupported(format!(
                    "the image has no {}, which DICOM output must repeat: write NIfTI",
                    crate::io::dicom::file::named(tag)
                )));
            }
        }
        if source.planes.iter().any(|plane| plane.sop_instance_uid.is_empty() || plane.sop_class_uid.is_empty()) {
            return Err(unsupported(
                "the image has no SOPInstanceUID, which DICOM output must refer to: write NIfTI".to_owned(),
            ));
        }
        let mut hash = Sha256::new();
        for plane in &source.planes {
            hash.update(plane.sop_instance_uid.as_bytes());
            hash.update(plane.frame.unwrap_or(0).to_le_bytes());
        }
        hash.update(content.as_ref());
        Ok(Self { path, source, grid, class, kind, digest: hash.finalize().into() })
    }

    /// Whether its planes have places, so that frames are told apart by them; else by time.
    pub(super) fn has_places(&self) -> bool {
        self.source.orientation.is_some() && self.source.planes.iter().all(|plane| plane.position.is_some())
    }

    /// Of a plane, mm, where it is known.
    pub(super) fn thickness(&self) -> Option<f64> {
        match self.grid.slow() {
            SlowAxis::Depth { spacing_mm } => Some(spacing_mm),
            SlowAxis::Single | SlowAxis::Time { .. } => self.source.thickness_mm(),
        }
    }

    /// A UID of the form 2.25.N (PS3.5, B.2), made of what the object holds.
    pub(super) fn uid(&self, part: &str) -> String {
        let mut hash = Sha256::new();
        hash.update([self.kind, "\0", part, "\0"].concat().as_bytes());
        hash.update(self.digest);
        let bytes: [u8; 32] = hash.finalize().into();
        let (first, _) = bytes.as_chunks::<16>();
        format!("2.25.{}", u128::from_be_bytes(first[0]))
    }

    /// Patient, study, series, equipment, frame of reference, references, and what every multi-frame object has.
    pub(super) fn elements(&self, modality: &str, description: &str, frames: usize) -> Elements {
        let source = &self.source.dataset;
        let charset = text(source, tags::SPECIFIC_CHARACTER_SET);
        let date =
            first_text(source, [tags::CONTENT_DATE, tags::ACQUISITION_DATE, tags::SERIES_DATE, tags::STUDY_DATE]);
        let time =
            first_text(source, [tags::CONTENT_TIME, tags::ACQUISITION_TIME, tags::SERIES_TIME, tags::STUDY_TIME]);
        let frame_of_reference = text(source, tags::FRAME_OF_REFERENCE_UID);
        let copied = COPIED.iter().fold(Elements::new(), |elements, &tag| elements.text(tag, &text(source, tag)));
        copied
            .when(!charset.is_empty(), |elements| elements.text(tags::SPECIFIC_CHARACTER_SET, &charset))
            .text(tags::SOP_CLASS_UID, self.class)
            .text(tags::SOP_INSTANCE_UID, &self.uid("instance"))
            .text(tags::STUDY_INSTANCE_UID, &text(source, tags::STUDY_INSTANCE_UID))
            .text(tags::SERIES_INSTANCE_UID, &self.uid("series"))
            .text(tags::SERIES_DESCRIPTION, description)
            .text(tags::SERIES_NUMBER, "1000")
            .text(tags::INSTANCE_NUMBER, "1")
            .text(tags::MODALITY, modality)
            .text(tags::MANUFACTURER, "rl4seg")
            .text(tags::MANUFACTURER_MODEL_NAME, "rl4seg")
            .text(tags::DEVICE_SERIAL_NUMBER, "none")
            .text(tags::SOFTWARE_VERSIONS, env!("CARGO_PKG_VERSION"))
            // Type 1: where the image has no date at all, the first that DICOM knows stands there.
            .text(tags::CONTENT_DATE, if date.is_empty() { "19000101" } else { &date })
            .text(tags::CONTENT_TIME, if time.is_empty() { "000000" } else { &time })
            .text(tags::IMAGE_TYPE, "DERIVED\\PRIMARY")
            .when(!frame_of_reference.is_empty(), |elements| {
                elements
                    .text(tags::FRAME_OF_REFERENCE_UID, &frame_of_reference)
                    .text(tags::POSITION_REFERENCE_INDICATOR, "")
            })
            .when(!self.has_places(), |elements| {
                elements.text(tags::PATIENT_ORIENTATION, &text(source, tags::PATIENT_ORIENTATION))
            })
            .put(tags::ROWS, self.grid.shape()[1] as u16)
            .put(tags::COLUMNS, self.grid.shape()[2] as u16)
            .put(tags::SAMPLES_PER_PIXEL, 1_u16)
            .text(tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2")
            .text(tags::NUMBER_OF_FRAMES, &frames.to_string())
            .item(tags::REFERENCED_SERIES_SEQUENCE, self.referenced_series())
    }

    fn referenced_series(&self) -> Elements {
        let mut instances: Vec<&SourcePlane> = Vec::new();
        for plane in &self.source.planes {
            if instances.iter().all(|known| known.sop_instance_uid != plane.sop_instance_uid) {
                instances.push(plane);
            }
        }
        let items = instances.into_iter().map(|plane| reference(plane).done()).collect();
        Elements::new()
            .text(tags::SERIES_INSTANCE_UID, &text(&self.source.dataset, tags::SERIES_INSTANCE_UID))
            .items(tags::REFERENCED_INSTANCE_SEQUENCE, items)
    }

    /// Functional groups of all frames.
    pub(super) fn shared_groups(&self) -> Elements {
        let measures = self.thickness().map(|thickness| {
            Elements::new()
                .decimals(tags::PIXEL_SPACING, &self.source.spacing_mm)
                .decimals(tags::SLICE_THICKNESS, &[thickness])
        });
        let measures = match self.grid.slow() {
            SlowAxis::Depth { spacing_mm } => {
                measures.map(|measures| measures.decimals(tags::SPACING_BETWEEN_SLICES, &[spacing_mm]))
            }
            SlowAxis::Single | SlowAxis::Time { .. } => measures,
        };
        // Readers want either both spacing and thickness or none of them; the planes referred to have their spacing in any case.
        let groups = match measures {
            Some(measures) => Elements::new().item(tags::PIXEL_MEASURES_SEQUENCE, measures),
            None => Elements::new(),
        };
        match self.source.orientation.filter(|_| self.has_places()) {
            Some(orientation) => {
                let turned = Elements::new().decimals(tags::IMAGE_ORIENTATION_PATIENT, &orientation);
                groups.item(tags::PLANE_ORIENTATION_SEQUENCE, turned)
            }
            None => groups,
        }
    }

    /// Functional groups of a frame that was made from `plane`. `index`: its values along the dimensions.
    pub(super) fn frame_groups(&self, plane: usize, index: &[u32], derivation: Code) -> Elements {
        let source = &self.source.planes[plane];
        let image = reference(source)
            .item(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, PURPOSE.elements())
            .text(tags::SPATIAL_LOCATIONS_PRESERVED, "YES");
        let image = match source.frame {
            Some(frame) => image.text(tags::REFERENCED_FRAME_NUMBER, &frame.to_string()),
            None => image,
        };
        let derived = Elements::new()
            .item(tags::DERIVATION_CODE_SEQUENCE, derivation.elements())
            .item(tags::SOURCE_IMAGE_SEQUENCE, image);
        let content =
            Elements::new().put(tags::DIMENSION_INDEX_VALUES, PrimitiveValue::U32(index.iter().copied().collect()));
        let content =
            content.when(!self.has_places(), |content| content.put(tags::TEMPORAL_POSITION_INDEX, plane as u32 + 1));
        let groups =
            Elements::new().item(tags::FRAME_CONTENT_SEQUENCE, content).item(tags::DERIVATION_IMAGE_SEQUENCE, derived);
        match source.position.filter(|_| self.has_places()) {
            Some(position) => groups
                .item(tags::PLANE_POSITION_SEQUENCE, Elements::new().decimals(tags::IMAGE_POSITION_PATIENT, &position)),
            None => groups,
        }
    }

    /// Dimensions: those of `first`, and the place or time of a frame.
    pub(super) fn dimensions(&self, elements: Elements, first: Option<(Tag, Tag)>) -> Elements {
        let uid = self.uid("dimensions");
        let last = if self.has_places() {
            (tags::IMAGE_POSITION_PATIENT, tags::PLANE_POSITION_SEQUENCE)
        } else {
            (tags::TEMPORAL_POSITION_INDEX, tags::FRAME_CONTENT_SEQUENCE)
        };
        let pointers = first.into_iter().chain([last]).map(|(pointer, group)| {
            Elements::new()
                .put(tags::DIMENSION_INDEX_POINTER, PrimitiveValue::from(pointer))
                .put(tags::FUNCTIONAL_GROUP_POINTER, PrimitiveValue::from(group))
                .text(tags::DIMENSION_ORGANIZATION_UID, &uid)
                .done()
        });
        let pointers = pointers.collect();
        elements
            .item(tags::DIMENSION_ORGANIZATION_SEQUENCE, Elements::new().text(tags::DIMENSION_ORGANIZATION_UID, &uid))
            .items(tags::DIMENSION_INDEX_SEQUENCE, pointers)
    }

    /// Writes the file.
    pub(super) fn write(&self, elements: Elements) -> Result<(), IoError> {
        let failed = |error: &dyn std::fmt::Display| IoError::Write {
            path: self.path.to_owned(),
            source: std::io::Error::other(error.to_string()),
        };
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
            .media_storage_sop_class_uid(self.class)
            .media_storage_sop_instance_uid(self.uid("instance"));
        let object = elements.done().with_meta(meta).map_err(|error| failed(&error))?;
        let mut bytes = Vec::new();
        object.write_all(&mut bytes).map_err(|error| failed(&error))?;
        write_atomically(self.path, &bytes)
    }
}

fn reference(plane: &SourcePlane) -> Elements {
    Elements::new()
        .text(tags::REFERENCED_SOP_CLASS_UID, &plane.sop_class_uid)
        .text(tags::REFERENCED_SOP_INSTANCE_UID, &plane.sop_instance_uid)
}

pub(super) fn text(dataset: &InMemDicomObject, tag: Tag) -> String {
    let text = dataset.get(tag).and_then(|element| element.to_raw_str().ok());
    text.map(|text| text.trim_matches(['\0', ' ']).to_owned()).unwrap_or_default()
}

fn first_text<const N: usize>(dataset: &InMemDicomObject, tags: [Tag; N]) -> String {
    tags.into_iter().map(|tag| text(dataset, tag)).find(|text| !text.is_empty()).unwrap_or_default()
}

/// Whether the image was packed with losses; then so is what was made from it.
pub(super) fn is_lossy(source: &DicomSource) -> bool {
    text(&source.dataset, tags::LOSSY_IMAGE_COMPRESSION) == "01"
}
