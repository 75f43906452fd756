use std::{fmt::Display, path::Path};

use nifti::{NiftiType, Unit};

use super::{
    ThirdAxis,
    fields::{Fields, Version},
    geometry::SCANNER,
};
use crate::{
    domain::{Grid, SlowAxis},
    io::IoError,
};

/// Largest relative difference of `pixdim` from the length of the `sform` column that goes with
/// it. Both are float32 in NIfTI-1; the rest is room for programs that round what they write.
const SFORM_TOLERANCE: f64 = 1e-3;

/// A header as it lies in a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HeaderBytes {
    pub version: Version,
    pub big_endian: bool,
    /// As many as the version has.
    pub bytes: Vec<u8>,
}

/// A header whose fields have been checked as far as reading voxels needs it.
pub(super) struct Header<'a> {
    pub(super) path: &'a Path,
    version: Version,
    fields: Fields,
    /// Whether the voxels lie in a file of their own.
    pub(super) apart: bool,
    /// Voxels along x, y, z, t.
    pub(super) extent: [usize; 4],
    pub(super) data_type: NiftiType,
}

impl<'a> Header<'a> {
    pub(super) fn parse(path: &'a Path, header: &HeaderBytes) -> Result<Self, IoError> {
        let HeaderBytes { version, big_endian, ref bytes } = *header;
        let apart = voxels_are_apart(path, header)?;
        let fields = Fields::parse(path, bytes, version, big_endian)?;
        let extent = extent(path, &fields.dim, version)?;
        let data_type = data_type(path, fields.datatype)?;
        let header = Self { path, version, fields, apart, extent, data_type };
        header.check_scaling()?;
        Ok(header)
    }

    /// Bytes between the header, or the beginning of the voxels' own file, and the first voxel.
    pub(super) fn gap(&self) -> Result<u64, IoError> {
        let offset = self.fields.vox_offset;
        let least = if self.apart { 0 } else { self.version.first_voxel() };
        if !(offset.is_finite() && offset >= f64::from(least) && offset.fract() == 0.0) {
            return Err(self.field("vox_offset", offset, format!("a whole number of at least {least}")));
        }
        Ok(offset as u64 - if self.apart { 0 } else { self.version.len() as u64 })
    }

    /// Bytes of all voxels.
    pub(super) fn data_len(&self) -> Result<usize, IoError> {
        let mut sizes = self.extent.into_iter().chain([self.data_type.size_of()]);
        let bytes = sizes.try_fold(1_usize, usize::checked_mul);
        bytes.filter(|&bytes| isize::try_from(bytes).is_ok()).ok_or_else(|| IoError::Unsupported {
            path: self.path.to_owned(),
            detail: format!("{:?} voxels are more than this machine can address", self.extent),
        })
    }

    /// `scl_slope` and `scl_inter`; a slope of 0 means that values are stored as they are.
    pub(super) fn scaling(&self) -> [f64; 2] {
        let (slope, inter) = (self.fields.scl_slope, self.fields.scl_inter);
        if slope == 0.0 { [1.0, 0.0] } else { [slope, inter] }
    }

    pub(super) fn grid(&self, third_axis: ThirdAxis) -> Result<Grid, IoError> {
        let [x, y, z, t] = self.extent;
        let spacing_mm = [self.length_mm(2)?, self.length_mm(1)?];
        let (planes, slow) = match (z, t) {
            (1, 1) => (1, SlowAxis::Single),
            (1, _) => (t, SlowAxis::Time { interval_ms: self.interval_ms()? }),
            (_, 1) if third_axis == ThirdAxis::Time => (z, SlowAxis::Time { interval_ms: None }),
            (_, 1) => (z, SlowAxis::Depth { spacing_mm: self.length_mm(3)? }),
            _ => {
                return Err(IoError::Unsupported {
                    path: self.path.to_owned(),
                    detail: format!(
                        "{z} slices at {t} times; expected depth or time, not both: split the file into one volume \
                         for each time"
                    ),
                });
            }
        };
        self.check_sform()?;
        Grid::new([planes, y, x], spacing_mm, slow)
            .map_err(|source| IoError::Domain { path: self.path.to_owned(), source })
    }

    /// What kind of place it tells, as `sform_code`; `None` where it tells the spacing alone.
    pub(super) fn place_code(&self) -> Option<i16> {
        let code = [self.fields.sform_code, self.fields.qform_code].into_iter().find(|&code| code > 0)?;
        Some(i16::try_from(code).unwrap_or(SCANNER))
    }

    /// Voxel index (x, y, z) to position, mm: rows x, y, z; the last column is the origin. `sform`
    /// where there is one, else `qform`, else the spacing alone (NIfTI-1 standard, methods 3, 2, 1).
    pub(super) fn affine(&self) -> Result<[[f64; 4]; 3], IoError> {
        let fields = &self.fields;
        let rows = if fields.sform_code > 0 {
            fields.srow
        } else if fields.qform_code > 0 {
            self.qform()
        } else {
            let [x, y, z] = [1, 2, 3].map(|axis| fields.pixdim[axis]);
            [[x, 0.0, 0.0, 0.0], [0.0, y, 0.0, 0.0], [0.0, 0.0, z, 0.0]]
        };
        let unit = self.mm_per_unit()?;
        let rows = rows.map(|row| row.map(|value| value * unit));
        if rows.iter().flatten().all(|value| value.is_finite()) {
            Ok(rows)
        } else {
            Err(self.field("srow_x, srow_y, srow_z or quatern_b to quatern_z", "NaN or infinite", "finite numbers"))
        }
    }

    /// The rotation of a unit quaternion, scaled by `pixdim` (NIfTI-1 standard, method 2).
    fn qform(&self) -> [[f64; 4]; 3] {
        let fields = &self.fields;
        let [b, c, d] = fields.quatern;
        let a = (1.0 - b * b - c * c - d * d).max(0.0).sqrt();
        let handedness = if fields.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
        let [x, y, z] = [1, 2, 3].map(|axis| fields.pixdim[axis]);
        let z = z * handedness;
        let [origin_x, origin_y, origin_z] = fields.qoffset;
        [
            [(a * a + b * b - c * c - d * d) * x, 2.0 * (b * c - a * d) * y, 2.0 * (b * d + a * c) * z, origin_x],
            [2.0 * (b * c + a * d) * x, (a * a + c * c - b * b - d * d) * y, 2.0 * (c * d - a * b) * z, origin_y],
            [2.0 * (b * d - a * c) * x, 2.0 * (c * d + a * b) * y, (a * a + d * d - b * b - c * c) * z, origin_z],
        ]
    }

    fn check_scaling(&self) -> Result<(), IoError> {
        for (name, value) in [("scl_slope", self.fields.scl_slope), ("scl_inter", self.fields.scl_inter)] {
            if !value.is_finite() {
                return Err(self.field(name, value, "a finite number (scl_slope 0 means: not scaled)"));
            }
        }
        Ok(())
    }

    fn check_sform(&self) -> Result<(), IoError> {
        if self.fields.sform_code <= 0 {
            return Ok(());
        }
        let rows = self.fields.srow;
        for (column, name) in ["x", "y", "z"].into_iter().enumerate() {
            // The extent of a single slice is nobody's concern, and often left at 0.
            if column == 2 && self.extent[2] == 1 {
                continue;
            }
            let along = rows.iter().map(|row| row[column].powi(2)).sum::<f64>().sqrt();
            let pixdim = self.fields.pixdim[column + 1];
            let agree = (along - pixdim).abs() <= SFORM_TOLERANCE * pixdim;
            if !agree {
                return Err(self.field(
                    &format!("pixdim[{}]", column + 1),
                    pixdim,
                    format!("{along}, the length of the {name} column of sform: mend whichever is wrong"),
                ));
            }
        }
        Ok(())
    }

    fn length_mm(&self, axis: usize) -> Result<f64, IoError> {
        let pixdim = self.fields.pixdim[axis];
        if pixdim.is_finite() && pixdim > 0.0 {
            Ok(pixdim * self.mm_per_unit()?)
        } else {
            Err(self.field(&format!("pixdim[{axis}]"), pixdim, "a finite spacing above 0: set it to the true one"))
        }
    }

    fn mm_per_unit(&self) -> Result<f64, IoError> {
        match self.unit(0o7) {
            Some(Unit::Mm | Unit::Unknown) => Ok(1.0),
            Some(Unit::Meter) => Ok(1e3),
            Some(Unit::Micron) => Ok(1e-3),
            _ => Err(self.field("xyzt_units", self.fields.xyzt_units, "metres, millimetres or microns in bits 0 to 2")),
        }
    }

    /// `None` where the header leaves the interval or its unit open.
    fn interval_ms(&self) -> Result<Option<f64>, IoError> {
        let ms_per_unit = match self.unit(0o70) {
            Some(Unit::Unknown) => return Ok(None),
            Some(Unit::Sec) => 1e3,
            Some(Unit::Msec) => 1.0,
            Some(Unit::Usec) => 1e-3,
            _ => {
                let expected = "seconds, milliseconds or microseconds in bits 3 to 5";
                return Err(self.field("xyzt_units", self.fields.xyzt_units, expected));
            }
        };
        match self.fields.pixdim[4] {
            0.0 => Ok(None),
            interval if interval.is_finite() && interval > 0.0 => Ok(Some(interval * ms_per_unit)),
            interval => Err(self.field("pixdim[4]", interval, "a finite interval above 0, or 0 if it is not known")),
        }
    }

    /// The unit that these bits of `xyzt_units` name.
    fn unit(&self, bits: i32) -> Option<Unit> {
        let code = self.fields.xyzt_units & bits;
        let known = [Unit::Unknown, Unit::Meter, Unit::Mm, Unit::Micron, Unit::Sec, Unit::Msec, Unit::Usec];
        known.into_iter().find(|unit| *unit as i32 == code)
    }

    fn field(&self, name: &str, found: impl Display, expected: impl Into<String>) -> IoError {
        field(self.path, name, found, expected)
    }
}

fn field(path: &Path, name: &str, found: impl Display, expected: impl Into<String>) -> IoError {
    IoError::Field {
        path: path.to_owned(),
        field: name.to_owned(),
        found: found.to_string(),
        expected: expected.into(),
    }
}

/// Whether the voxels lie in a file of their own.
fn voxels_are_apart(path: &Path, header: &HeaderBytes) -> Result<bool, IoError> {
    let [together, apart] = header.version.magic();
    let at = header.version.offsets().magic;
    match &header.bytes[at..at + together.len()] {
        magic if magic == together => Ok(false),
        magic if magic == apart => Ok(true),
        magic => {
            let [magic, expected] = [magic, together].map(|magic| magic.escape_ascii().to_string());
            let detail = format!("not a NIfTI file: header field magic is \"{magic}\"; expected \"{expected}\"");
            Err(IoError::Format { path: path.to_owned(), detail })
        }
    }
}

/// Voxels along x, y, z, t.
fn extent(path: &Path, dim: &[i64; 8], version: Version) -> Result<[usize; 4], IoError> {
    let axes = match dim[0] {
        axes @ 2..=7 => axes as usize,
        axes => return Err(field(path, "dim[0]", axes, "2, 3 or 4 axes")),
    };
    let mut extent = [1; 4];
    for (axis, &found) in dim.iter().enumerate().take(axes + 1).skip(1) {
        let length = usize::try_from(found).ok().filter(|length| (1..=version.longest_axis()).contains(length));
        let length = length.ok_or_else(|| field(path, &format!("dim[{axis}]"), found, "at least 1"))?;
        if axis > 4 && length > 1 {
            let expected = "1: a file holds one image or label map of at most x, y, z, t";
            return Err(field(path, &format!("dim[{axis}]"), length, expected));
        }
        if axis <= 4 {
            extent[axis - 1] = length;
        }
    }
    Ok(extent)
}

fn data_type(path: &Path, number: i16) -> Result<NiftiType, IoError> {
    use NiftiType::{Float32, Float64, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64};
    let known = [Uint8, Int8, Uint16, Int16, Uint32, Int32, Uint64, Int64, Float32, Float64];
    known.into_iter().find(|kind| *kind as i16 == number).ok_or_else(|| IoError::Unsupported {
        path: path.to_owned(),
        detail: format!(
            "header field datatype is {number}{}; expected an integer of 8 to 64 bits, float32 or float64: convert it \
             to one grey value a voxel",
            other_type(number)
        ),
    })
}

/// What cannot be taken, by name.
fn other_type(number: i16) -> &'static str {
    match number {
        1 => " (one bit a voxel)",
        32 | 1792 | 2048 => " (complex numbers)",
        128 | 2304 => " (colours)",
        1536 => " (float128)",
        _ => "",
    }
}
