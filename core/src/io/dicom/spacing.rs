//! How large a pixel is: PixelSpacing, ImagerPixelSpacing, or the regions of an ultrasound image.

use dicom_dictionary_std::tags;

use super::{attributes::Attributes, file::named};
use crate::io::{IoError, reading::other_spacing};

/// Largest relative difference between two spacings that should be one.
const TOLERANCE: f64 = 1e-3;
const MM_PER_CM: f64 = 10.0;
const LENGTHS: &str = "two lengths above 0, in mm";
const CENTIMETRES: &str = "3 (centimetres)";
const BY_HAND: &str = "give the size of a pixel, where you know it (--spacing Y X, `spacing_mm`)";
/// What is said of a projection that was not calibrated.
const AT_DETECTOR: &str =
    "its spacing is that at the detector (ImagerPixelSpacing): the body is smaller by the magnification";

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

/// What an image's own data set says of its spacing.
struct Told {
    /// `[y, x]`, where it says it.
    mm: Option<[f64; 2]>,
    /// Why that is not all, or nothing: a part is not calibrated, or all of it.
    open: Option<IoError>,
}

/// Spacing of the image that `attributes` describe; one that was `given` by hand stands in for what is not calibrated.
///
/// Refuses, whatever was given, a data set that contradicts itself or the one given.
pub(super) fn of(attributes: &Attributes<'_>, given: Option<[f64; 2]>) -> Result<Spacing, IoError> {
    let told = of_pixels_and_regions(attributes)?;
    let (mm, note) = match (told.mm, &told.open) {
        (None, None) => of_detector_or_film(attributes)?.unzip(),
        (mm, _) => (mm, calibration(attributes)?),
    };
    match (mm, told.open, given) {
        (Some(mm), _, Some(given)) if !close(mm, given) => Err(other_spacing(attributes.path, mm, given)),
        (Some(mm), None, _) | (Some(mm), Some(_), Some(_)) => Ok(Spacing { mm, note }),
        (None, _, Some(mm)) => Ok(Spacing { mm, note: Some("its spacing was given by hand".to_owned()) }),
        (_, Some(open), None) => Err(open),
        (None, None, None) => Err(missing(attributes)),
    }
}

fn of_pixels_and_regions(attributes: &Attributes<'_>) -> Result<Told, IoError> {
    let regions = of_regions(attributes)?;
    let tag = tags::PIXEL_SPACING;
    match (regions.mm, known_pair(attributes, tag)?) {
        (Some(regions), Some(pixels)) if !close(regions, pixels) => Err(IoError::Field {
            path: attributes.path.to_owned(),
            field: named(tag),
            found: format!("{pixels:?} mm"),
            expected: format!(
                "{regions:?} mm [y, x], as {} says: mend whichever is wrong",
                named(tags::SEQUENCE_OF_ULTRASOUND_REGIONS)
            ),
        }),
        (of_regions, of_pixels) => Ok(Told { mm: of_regions.or(of_pixels), open: regions.open }),
    }
}

/// Of a projection that was not calibrated.
fn of_detector_or_film(attributes: &Attributes<'_>) -> Result<Option<([f64; 2], String)>, IoError> {
    if let Some(mm) = known_pair(attributes, tags::IMAGER_PIXEL_SPACING)? {
        return Ok(Some((mm, AT_DETECTOR.to_owned())));
    }
    let note = "its spacing is that on the scanned film (NominalScannedPixelSpacing)";
    Ok(known_pair(attributes, tags::NOMINAL_SCANNED_PIXEL_SPACING)?.map(|mm| (mm, note.to_owned())))
}

fn missing(attributes: &Attributes<'_>) -> IoError {
    let expected = format!(
        "{LENGTHS}, or {}, or {} with a calibrated region of tissue: write the true ones, or {BY_HAND}",
        named(tags::IMAGER_PIXEL_SPACING),
        named(tags::SEQUENCE_OF_ULTRASOUND_REGIONS)
    );
    let is_there = attributes.text(tags::PIXEL_SPACING).is_some();
    let refuse = if is_there { Attributes::wrong } else { Attributes::missing };
    refuse(attributes, tags::PIXEL_SPACING, &expected)
}

/// What can be done where regions are not calibrated.
fn by_hand(attributes: &Attributes<'_>) -> String {
    match known_pair(attributes, tags::PIXEL_SPACING) {
        Ok(Some(mm)) => format!("{BY_HAND}; {} of the file is {mm:?} mm", named(tags::PIXEL_SPACING)),
        _ => BY_HAND.to_owned(),
    }
}

/// What PixelSpacing of a projection was calibrated by, or that it was not: then it is ImagerPixelSpacing (PS3.3, 10.7.1.3).
fn calibration(attributes: &Attributes<'_>) -> Result<Option<String>, IoError> {
    if let Some(kind) = attributes.text(tags::PIXEL_SPACING_CALIBRATION_TYPE) {
        return Ok(Some(format!("its spacing is calibrated by {kind} (PixelSpacingCalibrationType)")));
    }
    let [pixel, imager] = [tags::PIXEL_SPACING, tags::IMAGER_PIXEL_SPACING].map(|tag| attributes.array::<2>(tag));
    let (pixel, imager) = (pixel?, imager?);
    Ok((pixel.is_some() && pixel == imager).then(|| AT_DETECTOR.to_owned()))
}

/// A pair of lengths; some writers put 0 where they do not know them.
fn known_pair(attributes: &Attributes<'_>, tag: dicom_core::Tag) -> Result<Option<[f64; 2]>, IoError> {
    let is_known = attributes.array(tag)? != Some([0.0, 0.0]);
    if is_known { pair(attributes, tag) } else { Ok(None) }
}

/// Two lengths above 0: between rows, and between columns.
pub(super) fn pair(attributes: &Attributes<'_>, tag: dicom_core::Tag) -> Result<Option<[f64; 2]>, IoError> {
    let found = attributes.array::<2>(tag)?;
    match found {
        Some(pair) if pair.iter().any(|&length| length <= 0.0) => {
            Err(attributes.wrong(tag, &format!("{LENGTHS}: write the true ones, or remove it and {BY_HAND}")))
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

/// The spacing that all calibrated regions of tissue share; nothing where there are no regions at all.
fn of_regions(attributes: &Attributes<'_>) -> Result<Told, IoError> {
    let tag = tags::SEQUENCE_OF_ULTRASOUND_REGIONS;
    let items = attributes.items(tag);
    let by_hand = by_hand(attributes);
    let mut told = Told { mm: None, open: None };
    for (index, item) in items.iter().enumerate() {
        if region(item)?.kind == RegionKind::Other {
            continue;
        }
        let found = of_region(item, &by_hand)?;
        match (told.mm, found.mm) {
            (Some(before), Some(mm)) if !close(before, mm) => {
                return Err(IoError::Field {
                    path: attributes.path.to_owned(),
                    field: format!("{}, region {}", named(tag), index + 1),
                    found: format!("{mm:?} mm [y, x] a pixel (PhysicalDeltaY, PhysicalDeltaX)"),
                    expected: format!(
                        "{before:?} mm, as in the regions before it: cut the image into one for each region"
                    ),
                });
            }
            (before, mm) => told.mm = mm.or(before),
        }
        told.open = told.open.or(found.open);
    }
    if items.is_empty() || told.mm.is_some() || told.open.is_some() {
        return Ok(told);
    }
    Err(IoError::Unsupported {
        path: attributes.path.to_owned(),
        detail: format!(
            "{} has no region with a two-dimensional image of tissue (RegionSpatialFormat 1, RegionDataType 1): a Doppler \
             spectrum, an M-mode or a curve cannot be segmented",
            named(tag)
        ),
    })
}

/// That of one region. One without units (0) or lengths is not calibrated; `by_hand` says what can be done then.
fn of_region(item: &Attributes<'_>, by_hand: &str) -> Result<Told, IoError> {
    let expected = |what: &str| format!("{what}: an image that is not calibrated has no lengths; {by_hand}");
    let mut lengths = [None; 2];
    let mut open = None;
    for (length, [unit, delta]) in lengths.iter_mut().zip([
        [tags::PHYSICAL_UNITS_Y_DIRECTION, tags::PHYSICAL_DELTA_Y],
        [tags::PHYSICAL_UNITS_X_DIRECTION, tags::PHYSICAL_DELTA_X],
    ]) {
        let not_calibrated = match (item.whole(unit)?, item.number(delta)?) {
            (None, _) => item.missing(unit, &expected(CENTIMETRES)),
            (Some(0), _) => item.wrong(unit, &expected(CENTIMETRES)),
            (Some(1 | 2 | 4..), _) => {
                let advice = format!("{CENTIMETRES}, as both axes of an image of tissue have: mend whichever is wrong");
                return Err(item.wrong(unit, &advice));
            }
            (Some(3), None) => item.missing(delta, &expected("centimetres a pixel")),
            (Some(3), Some(0.0)) => item.wrong(delta, &expected("centimetres a pixel, other than 0")),
            (Some(3), Some(centimetres)) => {
                // The sign says which way the axis runs.
                *length = Some(centimetres.abs() * MM_PER_CM);
                continue;
            }
        };
        open.get_or_insert(not_calibrated);
    }
    let mm = if let [Some(y), Some(x)] = lengths { Some([y, x]) } else { None };
    Ok(Told { mm, open })
}
