//! What segmentations and parametric maps have in common: whose image it was, and which plane each frame was made from.

use std::path::Path;

use dicom_core::{PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::FileMetaTableBuilder;
use sha2::{Digest, Sha256};

use super::{
    copied::{self, text},
    elements::{Code, Elements},
};
use crate::{
    domain::{Grid, SlowAxis},
    io::{
        IoError,
        dicom::{
            DicomSource, SourcePlane,
            file::{chain, named},
        },
        write_atomically,
    },
};

const PURPOSE: Code = Code { value: "121322", scheme: "DCM", meaning: "Source image for image processing operation" };

/// Bytes of a value at the most: its length has 32 bits, all of which set mean another thing (PS3.5, 7.1).
const LONGEST_VALUE: usize = u32::MAX as usize - 1;

/// An object that is made from an image.
pub(super) struct Derived<'a> {
    pub path: &'a Path,
    pub source: &'a DicomSource,
    pub grid: &'a Grid,
    /// Its SOP class.
    pub class: &'static str,
    /// What it is, as part of its identifiers.
    pub kind: &'static str,
    /// SpecificCharacterSet.
    character_set: String,
    /// SHA-256 of what it holds.
    digest: [u8; 32],
}

impl<'a> Derived<'a> {
    /// Refuses what does not lie on the image. `names` are texts that do not come from the image; `content` is all else that it holds.
    pub(super) fn new(
        path: &'a Path,
        source: &'a DicomSource,
        grid: &'a Grid,
        (class, kind): (&'static str, &'static str),
        names: &str,
        content: &[&[u8]],
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
                    named(tag)
                )));
            }
        }
        if source.planes.iter().any(|plane| plane.sop_instance_uid.is_empty() || plane.sop_class_uid.is_empty()) {
            return Err(unsupported(
                "the image has no SOPInstanceUID, which DICOM output must refer to: write NIfTI".to_owned(),
            ));
        }
        let character_set = copied::character_set(path, &source.dataset, names)?;
        let digest = digest(source, names, content);
        Ok(Self { path, source, grid, class, kind, character_set, digest })
    }

    /// Whether its planes have places.
    pub(super) fn has_places(&self) -> bool {
        self.source.orientation.is_some() && self.source.planes.iter().all(|plane| plane.position.is_some())
    }

    /// Whether frames are told apart by the places of their planes; else by time, as those of a cine, which may be in one place.
    fn is_stack(&self) -> bool {
        self.has_places() && !matches!(self.grid.slow(), SlowAxis::Time { .. })
    }

    /// That of the planes' places; none where they have none (PS3.3, A.51.5.1). Where the image does not name the one that it has places
    /// in, it is named here, alike in all that is made from the image's series.
    fn frame_of_reference(&self) -> Option<String> {
        let source = &self.source.dataset;
        let named = Some(text(source, tags::FRAME_OF_REFERENCE_UID)).filter(|uid| !uid.is_empty());
        let own = || uid(&[b"frame of reference", text(source, tags::SERIES_INSTANCE_UID).as_bytes()]);
        self.has_places().then(|| named.unwrap_or_else(own))
    }

    /// Of a plane, mm, where it is known: slices that do not say how thick they are reach to the next.
    pub(super) fn thickness(&self) -> Option<f64> {
        self.source.thickness_mm().or(match self.grid.slow() {
            SlowAxis::Depth { spacing_mm } => Some(spacing_mm),
            SlowAxis::Single | SlowAxis::Time { .. } => None,
        })
    }

    /// A UID made of what the object holds.
    pub(super) fn uid(&self, part: &str) -> String {
        uid(&[self.kind.as_bytes(), part.as_bytes(), &self.digest])
    }

    /// Patient, study, series, equipment, frame of reference, references, and what every multi-frame object has.
    pub(super) fn elements(&self, modality: &str, description: &str, frames: usize) -> Elements {
        let source = &self.source.dataset;
        let [date, time] = copied::moment(source);
        let elements = copied::patient_and_study(source)
            .when(!self.character_set.is_empty(), |elements| {
                elements.text(tags::SPECIFIC_CHARACTER_SET, &self.character_set)
            })
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
            .text(tags::CONTENT_DATE, &date)
            .text(tags::CONTENT_TIME, &time)
            .text(tags::IMAGE_TYPE, "DERIVED\\PRIMARY")
            .when(!self.has_places(), |elements| {
                elements.text(tags::PATIENT_ORIENTATION, &text(source, tags::PATIENT_ORIENTATION))
            })
            .put(tags::ROWS, self.grid.shape()[1] as u16)
            .put(tags::COLUMNS, self.grid.shape()[2] as u16)
            .put(tags::SAMPLES_PER_PIXEL, 1_u16)
            .text(tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2")
            .text(tags::NUMBER_OF_FRAMES, &frames.to_string())
            .item(tags::REFERENCED_SERIES_SEQUENCE, self.referenced_series());
        match self.frame_of_reference() {
            Some(uid) => elements
                .text(tags::FRAME_OF_REFERENCE_UID, &uid)
                .text(tags::POSITION_REFERENCE_INDICATOR, &text(source, tags::POSITION_REFERENCE_INDICATOR)),
            None => elements,
        }
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
            content.when(!self.is_stack(), |content| content.put(tags::TEMPORAL_POSITION_INDEX, plane as u32 + 1));
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
        let last = if self.is_stack() {
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

    /// Puts the voxels.
    pub(super) fn with_voxels(
        &self,
        elements: Elements,
        tag: Tag,
        vr: VR,
        voxels: PrimitiveValue,
    ) -> Result<Elements, IoError> {
        check_length(self.path, voxels.calculate_byte_len())?;
        Ok(elements.raw(tag, vr, voxels))
    }

    /// Writes the file.
    pub(super) fn write(&self, elements: Elements) -> Result<(), IoError> {
        let failed =
            |error: String| IoError::Write { path: self.path.to_owned(), source: std::io::Error::other(error) };
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
            .media_storage_sop_class_uid(self.class)
            .media_storage_sop_instance_uid(self.uid("instance"));
        let object = elements.done().with_meta(meta).map_err(|error| failed(chain(error)))?;
        let mut bytes = Vec::new();
        object.write_all(&mut bytes).map_err(|error| failed(chain(error)))?;
        write_atomically(self.path, &bytes)
    }
}

/// Of all that the object holds: the same where, and only where, every byte of it is.
fn digest(source: &DicomSource, names: &str, content: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    // Lengths keep the end of one part from passing for the beginning of the next.
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    for text in copied::texts(&source.dataset) {
        add(text.as_bytes());
    }
    for plane in &source.planes {
        add(plane.sop_instance_uid.as_bytes());
        add(&plane.frame.unwrap_or(0).to_le_bytes());
    }
    add(names.as_bytes());
    for part in content {
        add(part);
    }
    hash.finalize().into()
}

/// A UID of the form 2.25.N (PS3.5, B.2).
fn uid(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let bytes: [u8; 32] = hash.finalize().into();
    let (first, _) = bytes.as_chunks::<16>();
    format!("2.25.{}", u128::from_be_bytes(first[0]))
}

fn check_length(path: &Path, bytes: usize) -> Result<(), IoError> {
    if bytes <= LONGEST_VALUE {
        return Ok(());
    }
    let detail = format!("{bytes} bytes of voxels; DICOM holds at most {LONGEST_VALUE} uncompressed: write NIfTI");
    Err(IoError::Unsupported { path: path.to_owned(), detail })
}

fn reference(plane: &SourcePlane) -> Elements {
    Elements::new()
        .text(tags::REFERENCED_SOP_CLASS_UID, &plane.sop_class_uid)
        .text(tags::REFERENCED_SOP_INSTANCE_UID, &plane.sop_instance_uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_at_most_64_characters_and_their_parts_do_not_run_together() {
        let uids = [uid(&[b"a", b"bc"]), uid(&[b"ab", b"c"]), uid(&[b"abc"])];
        for (index, found) in uids.iter().enumerate() {
            assert!(found.len() <= 64 && found.starts_with("2.25.") && !found.starts_with("2.25.0"), "{found}");
            assert!(!uids[..index].contains(found), "{found}");
        }
    }

    #[test]
    fn more_voxels_than_a_length_can_tell_are_refused() {
        let path = Path::new("a.dcm");
        assert!(check_length(path, LONGEST_VALUE).is_ok());
        let refusal = check_length(path, 4 << 30).unwrap_err().to_string();
        assert!(refusal.contains("4294967296 bytes"), "{refusal}");
    }
}
