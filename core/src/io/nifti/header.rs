use std::{fmt::Display, path::Path};

use nifti::{NiftiHeader, NiftiType, Unit};

use super::ThirdAxis;
use crate::{
    domain::{Grid, SlowAxis},
    io::IoError,
};

/// Bytes of a NIfTI-1 header, without the four that say whether extensions follow.
pub(super) const HEADER_LEN: usize = 348;
/// Where the voxels of a single file begin at the earliest (NIfTI-1 standard, `vox_offset`).
pub(super) const FIRST_VOXEL: u16 = 352;
/// `dim` is a signed 16-bit number.
pub(super) const LONGEST_AXIS: usize = i16::MAX as usize;
/// Largest relative difference of `pixdim` from the length of the `sform` column that goes with
/// it. Both are float32; the rest is room for programs that round what they write.
const SFORM_TOLERANCE: f64 = 1e-3;

/// A header whose fields have been checked as far as reading voxels needs it.
pub(super) struct Header<'a> {
    path: &'a Path,
    pub(super) fields: NiftiHeader,
    /// Voxels along x, y, z, t.
    pub(super) extent: [usize; 4],
    pub(super) data_type: NiftiType,
}

impl<'a> Header<'a> {
    pub(super) fn parse(path: &'a Path, bytes: &[u8; HEADER_LEN]) -> Result<Self, IoError> {
        check_magic(path, bytes)?;
        let format = |detail: String| IoError::Format { path: path.to_owned(), detail };
        let fields = NiftiHeader::from_reader(bytes.as_slice())
            .map_err(|error| format(format!("the header cannot be read: {error}")))?;
        if fields.sizeof_hdr != HEADER_LEN as i32 {
            let found = fields.sizeof_hdr;
            return Err(format(format!("header field sizeof_hdr is {found}; expected {HEADER_LEN}: not a NIfTI file")));
        }
        let extent = extent(path, &fields.dim)?;
        let data_type = data_type(path, &fields)?;
        let header = Self { path, fields, extent, data_type };
        header.check_scaling()?;
        Ok(header)
    }

    /// Bytes between the header and the first voxel.
    pub(super) fn gap(&self) -> Result<u64, IoError> {
        let offset = self.fields.vox_offset;
        if !(offset.is_finite() && offset >= f32::from(FIRST_VOXEL) && offset.fract() == 0.0) {
            return Err(self.field("vox_offset", offset, format!("a whole number of at least {FIRST_VOXEL}")));
        }
        Ok(offset as u64 - HEADER_LEN as u64)
    }

    /// Bytes of all voxels.
    pub(super) fn data_len(&self) -> Result<usize, IoError> {
        let sizes = self.extent.into_iter().chain([self.data_type.size_of()]);
        sizes.into_iter().try_fold(1_usize, usize::checked_mul).ok_or_else(|| IoError::Unsupported {
            path: self.path.to_owned(),
            detail: format!("{:?} voxels are more than this machine can address", self.extent),
        })
    }

    /// `scl_slope` and `scl_inter`; a slope of 0 means that values are stored as they are.
    pub(super) fn scaling(&self) -> [f64; 2] {
        let [slope, inter] = [self.fields.scl_slope, self.fields.scl_inter].map(f64::from);
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

    /// Voxel index (x, y, z) to position, mm: rows x, y, z; the last column is the origin. `sform`
    /// where there is one, else `qform`, else the spacing alone (NIfTI-1 standard, methods 3, 2, 1).
    pub(super) fn affine(&self) -> Result<[[f64; 4]; 3], IoError> {
        let fields = &self.fields;
        let rows = if fields.sform_code > 0 {
            [fields.srow_x, fields.srow_y, fields.srow_z].map(|row| row.map(f64::from))
        } else if fields.qform_code > 0 {
            self.qform()
        } else {
            let [x, y, z] = [1, 2, 3].map(|axis| f64::from(fields.pixdim[axis]));
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
        let [b, c, d] = [fields.quatern_b, fields.quatern_c, fields.quatern_d].map(f64::from);
        let a = (1.0 - b * b - c * c - d * d).max(0.0).sqrt();
        let handedness = if fields.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
        let [x, y, z] = [1, 2, 3].map(|axis| f64::from(fields.pixdim[axis]));
        let z = z * handedness;
        let [origin_x, origin_y, origin_z] = [fields.quatern_x, fields.quatern_y, fields.quatern_z].map(f64::from);
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
        let rows = [self.fields.srow_x, self.fields.srow_y, self.fields.srow_z];
        for (column, name) in ["x", "y", "z"].into_iter().enumerate() {
            // The extent of a single slice is nobody's concern, and often left at 0.
            if column == 2 && self.extent[2] == 1 {
                continue;
            }
            let along = rows.iter().map(|row| f64::from(row[column]).powi(2)).sum::<f64>().sqrt();
            let pixdim = f64::from(self.fields.pixdim[column + 1]);
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
        let pixdim = f64::from(self.fields.pixdim[axis]);
        if pixdim.is_finite() && pixdim > 0.0 {
            Ok(pixdim * self.mm_per_unit()?)
        } else {
            Err(self.field(&format!("pixdim[{axis}]"), pixdim, "a finite spacing above 0: set it to the true one"))
        }
    }

    fn mm_per_unit(&self) -> Result<f64, IoError> {
        match self.fields.xyzt_to_space() {
            Ok(Unit::Mm | Unit::Unknown) => Ok(1.0),
            Ok(Unit::Meter) => Ok(1e3),
            Ok(Unit::Micron) => Ok(1e-3),
            _ => Err(self.field("xyzt_units", self.fields.xyzt_units, "metres, millimetres or microns in bits 0 to 2")),
        }
    }

    /// `None` where the header leaves the interval or its unit open.
    fn interval_ms(&self) -> Result<Option<f64>, IoError> {
        let ms_per_unit = match self.fields.xyzt_to_time() {
            Ok(Unit::Unknown) => return Ok(None),
            Ok(Unit::Sec) => 1e3,
            Ok(Unit::Msec) => 1.0,
            Ok(Unit::Usec) => 1e-3,
            _ => {
                let expected = "seconds, milliseconds or microseconds in bits 3 to 5";
                return Err(self.field("xyzt_units", self.fields.xyzt_units, expected));
            }
        };
        match f64::from(self.fields.pixdim[4]) {
            0.0 => Ok(None),
            interval if interval.is_finite() && interval > 0.0 => Ok(Some(interval * ms_per_unit)),
            interval => Err(self.field("pixdim[4]", interval, "a finite interval above 0, or 0 if it is not known")),
        }
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

fn check_magic(path: &Path, bytes: &[u8; HEADER_LEN]) -> Result<(), IoError> {
    const NIFTI_2_LEN: u32 = 540;
    let size = [bytes[0], bytes[1], bytes[2], bytes[3]];
    if [u32::from_le_bytes(size), u32::from_be_bytes(size)].contains(&NIFTI_2_LEN) {
        let detail = "a NIfTI-2 file; expected NIfTI-1: convert it, for example with `nibabel`".to_owned();
        return Err(IoError::Unsupported { path: path.to_owned(), detail });
    }
    match &bytes[344..] {
        b"n+1\0" => Ok(()),
        b"ni1\0" => {
            let detail =
                "the header of a .hdr/.img pair; expected a single .nii or .nii.gz file: convert it".to_owned();
            Err(IoError::Unsupported { path: path.to_owned(), detail })
        }
        magic => {
            let detail = format!("not a NIfTI file: header field magic is {magic:?}; expected \"n+1\"");
            Err(IoError::Format { path: path.to_owned(), detail })
        }
    }
}

/// Voxels along x, y, z, t.
fn extent(path: &Path, dim: &[u16; 8]) -> Result<[usize; 4], IoError> {
    let axes = usize::from(dim[0]);
    if !(2..=7).contains(&axes) {
        return Err(field(path, "dim[0]", axes, "2, 3 or 4 axes"));
    }
    let mut extent = [1; 4];
    for (axis, &found) in dim.iter().enumerate().take(axes + 1).skip(1) {
        let length = usize::from(found);
        if !(1..=LONGEST_AXIS).contains(&length) {
            return Err(field(path, &format!("dim[{axis}]"), found as i16, "at least 1"));
        }
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

fn data_type(path: &Path, fields: &NiftiHeader) -> Result<NiftiType, IoError> {
    use NiftiType::{Float32, Float64, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64};
    let found = fields.data_type().ok();
    match found {
        Some(kind @ (Uint8 | Int8 | Uint16 | Int16 | Uint32 | Int32 | Uint64 | Int64 | Float32 | Float64)) => Ok(kind),
        _ => Err(IoError::Unsupported {
            path: path.to_owned(),
            detail: format!(
                "header field datatype is {}{}; expected an integer of 8 to 64 bits, float32 or float64: convert it \
                 to one grey value a voxel",
                fields.datatype,
                found.map_or_else(String::new, |kind| format!(" ({kind:?})"))
            ),
        }),
    }
}
