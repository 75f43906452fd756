//! How large a pixel is: PixelSpacing, ImagerPixelSpacing, or the regions of an ultrasound image.

use dicom_dictionary_std::tags;

use super::{attributes::Attributes, file::named};
use crate::io::IoError;

/// Largest relative difference between two spacings that should be one.
const TOLERANCE: f64 = 1e-3;
const MM_PER_CM: f64 = 10.0;

/// A spacing and what must be said of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spacing {
    /// `[y, x]`.
    pub mm: [f64; 2],
    pub note: Option<String>,
}

/// A rectangle of an ultrasound image (PS3.3, C.8.5.5), in pixels; both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub kind: RegionKind,
    pub y: [usize; 2],
    pub x: [usize; 2],
}

/// What a region shows, by RegionSpatialFormat and RegionDataType (PS3.3, C.8.5.5.1.1 and C.8.5.5.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RegionKind {
    /// Tissue in two dimensions.
    Tissue,
    /// Blood flow in colour, in two dimensions.
    ColorFlow,
    /// A spectrum, a curve, an M-mode, or anything else that is no image of tissue.
    Other,
}

/// Spacing of the image that `attributes` describe.
pub(super) fn of(attributes: &Attributes<'_>) -> Result<Spacing, IoError> {
    let from_regions = of_regions(attributes)?;
    let from_pixels = pair(attributes, tags::PIXEL_SPACING)?;
    match (from_regions, from_pixels) {
        (Some(regions), Some(pixels)) if !close(regions, pixels) => Err(IoError::Field {
            path: attributes.path.to_owned(),
            field: named(tags::PIXEL_SPACING),
            found: format!("{pixels:?} mm"),
            expected: format!(
                "{regions:?} mm [y, x], as {} says: mend whichever is wrong",
                named(tags::SEQUENCE_OF_ULTRASOUND_REGIONS)
            ),
        }),
        (Some(mm), _) | (None, Some(mm)) => Ok(Spacing { mm, note: calibration(attributes) }),
        (None, None) => {
            if let Some(mm) = pair(attributes, tags::IMAGER_PIXEL_SPACING)? {
                let note = "its spacing is that at the detector (ImagerPixelSpacing): the body is smaller by the magnification";
                return Ok(Spacing { mm, note: Some(note.to_owned()) });
            }
            if let Some(mm) = pair(attributes, tags::NOMINAL_SCANNED_PIXEL_SPACING)? {
                let note = "its spacing is that on the scanned film (NominalScannedPixelSpacing)";
                return Ok(Spacing { mm, note: Some(note.to_owned()) });
            }
            let expected = format!(
                "it, {}, or {} with a calibrated region of tissue: write the true one, or give it in the configuration (spacing_mm)",
                named(tags::IMAGER_PIXEL_SPACING),
                named(tags::SEQUENCE_OF_ULTRASOUND_REGIONS)
            );
            Err(attributes.missing(tags::PIXEL_SPACING, &expected))
        }
    }
}

/// What PixelSpacing of a projection was calibrated by.
fn calibration(attributes: &Attributes<'_>) -> Option<String> {
    let kind = attributes.text(tags::PIXEL_SPACING_CALIBRATION_TYPE)?;
    Some(format!("its spacing is calibrated by {kind} (PixelSpacingCalibrationType)"))
}

/// Two lengths above 0: between rows, and between columns.
pub(super) fn pair(attributes: &Attributes<'_>, tag: dicom_core::Tag) -> Result<Option<[f64; 2]>, IoError> {
    let found = attributes.array::<2>(tag)?;
    match found {
        Some(pair) if pair.iter().any(|&length| length <= 0.0) => {
            Err(attributes.wrong(tag, "two lengths above 0, in mm"))
        }
        found => Ok(found),
    }
}

pub(super) fn close(a: [f64; 2], b: [f64; 2]) -> bool {
    a.iter().zip(b).all(|(&a, b)| (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()))
}

/// The regions of an ultrasound image; none where it names none.
pub(super) fn regions(attributes: &Attributes<'_>) -> Result<Vec<Region>, IoError> {
    let items = attributes.items(tags::SEQUENCE_OF_ULTRASOUND_REGIONS);
    items.iter().map(region).collect()
}

fn region(item: &Attributes<'_>) -> Result<Region, IoError> {
    let kind = match (item.whole(tags::REGION_SPATIAL_FORMAT)?, item.whole(tags::REGION_DATA_TYPE)?) {
        (Some(1), Some(1)) => RegionKind::Tissue,
        (Some(1), Some(2)) => RegionKind::ColorFlow,
        _ => RegionKind::Other,
    };
    let place = |tag| Ok::<_, IoError>(item.required_whole(tag)? as usize);
    let [x_first, y_first] = [place(tags::REGION_LOCATION_MIN_X0)?, place(tags::REGION_LOCATION_MIN_Y0)?];
    let [x_last, y_last] = [place(tags::REGION_LOCATION_MAX_X1)?, place(tags::REGION_LOCATION_MAX_Y1)?];
    Ok(Region { kind, y: [y_first, y_last], x: [x_first, x_last] })
}

/// The spacing that all regions of tissue share, and `None` where there are no regions at all.
fn of_regions(attributes: &Attributes<'_>) -> Result<Option<[f64; 2]>, IoError> {
    let tag = tags::SEQUENCE_OF_ULTRASOUND_REGIONS;
    let items = attributes.items(tag);
    if items.is_empty() {
        return Ok(None);
    }
    let mut shared: Option<[f64; 2]> = None;
    for (index, item) in items.iter().enumerate() {
        if region(item)?.kind == RegionKind::Other {
            continue;
        }
        let found = of_region(item)?;
        match shared {
            Some(shared) if !close(shared, found) => {
                return Err(IoError::Field {
                    path: attributes.path.to_owned(),
                    field: format!("{}, region {}", named(tag), index + 1),
                    found: format!("{found:?} mm [y, x] a pixel (PhysicalDeltaY, PhysicalDeltaX)"),
                    expected: format!(
                        "{shared:?} mm, as in the regions before it: cut the image into one for each region"
                    ),
                });
            }
            _ => shared = Some(found),
        }
    }
    shared.map(Some).ok_or_else(|| IoError::Unsupported {
        path: attributes.path.to_owned(),
        detail: format!(
            "{} has no region with a two-dimensional image of tissue (RegionSpatialFormat 1, RegionDataType 1): a Doppler \
             spectrum, an M-mode or a curve cannot be segmented",
            named(tag)
        ),
    })
}

fn of_region(item: &Attributes<'_>) -> Result<[f64; 2], IoError> {
    let mm = |unit, delta| {
        if item.required_whole(unit)? != 3 {
            return Err(item.wrong(unit, "3 (centimetres): an image that is not calibrated has no lengths"));
        }
        let centimetres = item.number(delta)?.ok_or_else(|| item.missing(delta, "centimetres a pixel"))?;
        // The sign says which way the axis runs.
        let mm = centimetres.abs() * MM_PER_CM;
        if mm > 0.0 { Ok(mm) } else { Err(item.wrong(delta, "centimetres a pixel, other than 0")) }
    };
    let y = mm(tags::PHYSICAL_UNITS_Y_DIRECTION, tags::PHYSICAL_DELTA_Y)?;
    let x = mm(tags::PHYSICAL_UNITS_X_DIRECTION, tags::PHYSICAL_DELTA_X)?;
    Ok([y, x])
}
