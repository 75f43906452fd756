use std::path::Path;

use dicom_core::{PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};

use super::{
    copied::{is_lossy, text},
    derived::Derived,
    elements::{Code, Elements},
    segmentation::lossy_elements,
};
use crate::{
    domain::VoxelMap,
    io::{IoError, dicom::DicomSource, voxels::require_finite},
};

/// No scheme that DICOM names has a code for it; those that begin with 99 are for each maker's own.
const UNCERTAINTY: Code =
    Code { value: "uncertainty", scheme: "99RL4SEG", meaning: "Probability that a label is wrong" };
const QUANTITY: Code = Code { value: "246205007", scheme: "SCT", meaning: "Quantity" };
const NO_UNIT: Code = Code { value: "1", scheme: "UCUM", meaning: "no units" };
/// Kind of image: of a volume, not of quantities that DICOM names.
const KIND: &str = "DERIVED\\PRIMARY\\VOLUME\\NONE";

/// Writes uncertainty, 0 to 1 for each voxel, as a parametric map of 32-bit floats.
///
/// # Errors
/// If the map does not lie on the image or holds a NaN, the image does not tell where its planes lie (as a cine of ultrasound does
/// not) or lacks the identifiers to refer to it by, or the file cannot be written.
pub fn write_parametric_map(path: &Path, map: &VoxelMap, source: &DicomSource) -> Result<(), IoError> {
    require_finite(path, map.values(), map.grid())?;
    let bytes: Vec<u8> = map.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    let kind = (uids::PARAMETRIC_MAP_STORAGE, "parametric map");
    let derived = Derived::new(path, source, map.grid(), kind, "", &[&bytes])?;
    if !source.has_places() {
        return Err(IoError::Unsupported {
            path: path.to_owned(),
            detail: "a parametric map must say where each plane lies and how thick it is, which the image does not tell (a cine, \
                     or a projection): write NIfTI"
                .to_owned(),
        });
    }
    let planes = map.grid().planes();
    let groups =
        (0..planes).map(|plane| derived.frame_groups(plane, &[plane as u32 + 1], UNCERTAINTY).done()).collect();
    let lossy = is_lossy(&source.dataset);
    let elements = derived
        .elements("OT", "Uncertainty by rl4seg", planes)
        .text(tags::IMAGE_TYPE, KIND)
        .text(tags::LATERALITY, &text(&source.dataset, tags::LATERALITY))
        .items(tags::ACQUISITION_CONTEXT_SEQUENCE, Vec::new())
        .put(tags::BITS_ALLOCATED, 32_u16)
        .text(tags::PRESENTATION_LUT_SHAPE, "IDENTITY")
        .text(tags::LOSSY_IMAGE_COMPRESSION, if lossy { "01" } else { "00" })
        .when(lossy, |elements| lossy_elements(elements, source))
        .text(tags::BURNED_IN_ANNOTATION, "NO")
        .text(tags::RECOGNIZABLE_VISUAL_FEATURES, "NO")
        .text(tags::CONTENT_QUALIFICATION, "RESEARCH")
        .text(tags::CONTENT_LABEL, "UNCERTAINTY")
        .text(tags::CONTENT_DESCRIPTION, "1 - the probability that a voxel's label is right")
        .text(tags::CONTENT_CREATOR_NAME, "")
        .item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, with_meaning(derived.shared_groups()))
        .items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, groups);
    let values = PrimitiveValue::F32(map.values().iter().copied().collect());
    let elements = derived.with_voxels(elements, tags::FLOAT_PIXEL_DATA, VR::OF, values)?;
    derived.write(derived.dimensions(elements, None))
}

/// What values mean, and how they are shown.
fn with_meaning(groups: Elements) -> Elements {
    let frame_type = Elements::new().text(tags::FRAME_TYPE, KIND);
    let window = Elements::new()
        .decimals(tags::WINDOW_CENTER, &[0.5])
        .decimals(tags::WINDOW_WIDTH, &[1.0])
        .text(tags::VOILUT_FUNCTION, "LINEAR_EXACT");
    let identity = Elements::new()
        .decimals(tags::RESCALE_INTERCEPT, &[0.0])
        .decimals(tags::RESCALE_SLOPE, &[1.0])
        .text(tags::RESCALE_TYPE, "US");
    let quantity = Elements::new()
        .text(tags::VALUE_TYPE, "CODE")
        .item(tags::CONCEPT_NAME_CODE_SEQUENCE, QUANTITY.elements())
        .item(tags::CONCEPT_CODE_SEQUENCE, UNCERTAINTY.elements());
    let meaning = Elements::new()
        .text(tags::LUT_EXPLANATION, "1 - the probability that a voxel's label is right")
        .text(tags::LUT_LABEL, "UNCERTAINTY")
        .item(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, NO_UNIT.elements())
        .put(tags::DOUBLE_FLOAT_REAL_WORLD_VALUE_FIRST_VALUE_MAPPED, 0.0)
        .put(tags::DOUBLE_FLOAT_REAL_WORLD_VALUE_LAST_VALUE_MAPPED, 1.0)
        .put(tags::REAL_WORLD_VALUE_INTERCEPT, 0.0)
        .put(tags::REAL_WORLD_VALUE_SLOPE, 1.0)
        .item(tags::QUANTITY_DEFINITION_SEQUENCE, quantity);
    groups
        .item(tags::PARAMETRIC_MAP_FRAME_TYPE_SEQUENCE, frame_type)
        .item(tags::FRAME_VOILUT_SEQUENCE, window)
        .item(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, identity)
        .item(tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE, meaning)
}
