//! The fields of a header, of either version of the standard.

use std::path::Path;

use nifti::{Endianness, NiftiHeader};

use crate::io::IoError;

/// A version of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// NIfTI-1.1 (`nifti1.h`, 2004).
    One,
    /// NIfTI-2 (`nifti2.h`, 2011): the same fields, wider.
    Two,
}

/// Where the fields lie that are written for what a file holds, in bytes from the header's beginning.
pub(super) struct Offsets {
    pub datatype: usize,
    pub bitpix: usize,
    pub vox_offset: usize,
    pub scl_slope: usize,
    pub scl_inter: usize,
    pub cal_max: usize,
    pub cal_min: usize,
    /// Three, one after the other.
    pub intent_p: usize,
    pub intent_code: usize,
    /// 16 bytes.
    pub intent_name: usize,
    pub magic: usize,
}

impl Version {
    /// The version of a header that begins so, and whether the largest byte of its numbers comes first.
    pub(super) fn of(start: [u8; 4]) -> Option<(Self, bool)> {
        let versions = [Self::One, Self::Two].into_iter();
        let is = |size: u32, version: &Self| size as usize == version.len();
        let little = versions.clone().find(|version| is(u32::from_le_bytes(start), version));
        let big = versions.clone().find(|version| is(u32::from_be_bytes(start), version));
        little.map(|version| (version, false)).or(big.map(|version| (version, true)))
    }

    /// Bytes of a header, without the four that say whether extensions follow.
    pub(super) const fn len(self) -> usize {
        match self {
            Self::One => 348,
            Self::Two => 540,
        }
    }

    /// Where the voxels of a single file begin at the earliest.
    pub(super) const fn first_voxel(self) -> u16 {
        self.len() as u16 + 4
    }

    /// The most voxels along an axis: `dim` is a signed number of 16 bits, or of 64.
    pub(super) const fn longest_axis(self) -> usize {
        match self {
            Self::One => i16::MAX as usize,
            Self::Two => isize::MAX as usize,
        }
    }

    /// What stands in `magic` of a file with its voxels behind the header, and of one with voxels in a file of their own.
    pub(super) const fn magic(self) -> [&'static [u8]; 2] {
        match self {
            Self::One => [b"n+1\0", b"ni1\0"],
            Self::Two => [b"n+2\0\r\n\x1a\n", b"ni2\0\r\n\x1a\n"],
        }
    }

    pub(super) const fn offsets(self) -> Offsets {
        match self {
            Self::One => Offsets {
                datatype: 70,
                bitpix: 72,
                vox_offset: 108,
                scl_slope: 112,
                scl_inter: 116,
                cal_max: 124,
                cal_min: 128,
                intent_p: 56,
                intent_code: 68,
                intent_name: 328,
                magic: 344,
            },
            Self::Two => Offsets {
                datatype: 12,
                bitpix: 14,
                vox_offset: 168,
                scl_slope: 176,
                scl_inter: 184,
                cal_max: 192,
                cal_min: 200,
                intent_p: 80,
                intent_code: 504,
                intent_name: 508,
                magic: 4,
            },
        }
    }
}

/// What is read of a header, named as in the standard.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fields {
    pub dim: [i64; 8],
    pub datatype: i16,
    pub pixdim: [f64; 8],
    pub vox_offset: f64,
    pub scl_slope: f64,
    pub scl_inter: f64,
    pub xyzt_units: i32,
    pub qform_code: i32,
    pub sform_code: i32,
    /// `quatern_b`, `quatern_c`, `quatern_d`.
    pub quatern: [f64; 3],
    /// `qoffset_x`, `qoffset_y`, `qoffset_z`.
    pub qoffset: [f64; 3],
    /// `srow_x`, `srow_y`, `srow_z`.
    pub srow: [[f64; 4]; 3],
}

impl Fields {
    /// The fields of a whole header of `version`.
    pub(super) fn parse(path: &Path, bytes: &[u8], version: Version, big_endian: bool) -> Result<Self, IoError> {
        let numbers = Numbers { bytes, big_endian };
        match version {
            Version::One => {
                let format = |detail| IoError::Format { path: path.to_owned(), detail };
                let header = NiftiHeader::from_reader(bytes)
                    .map_err(|error| format(format!("the header cannot be read: {error}")))?;
                // The crate goes by dim[0], which is 1 to 7 in one of the two orders.
                if (header.endianness == Endianness::Big) != big_endian {
                    let axes = numbers.i16(40);
                    return Err(format(format!("header field dim[0] is {axes}; expected 2, 3 or 4 axes")));
                }
                Ok(Self::first(header))
            }
            Version::Two => Ok(Self::second(&numbers)),
        }
    }

    fn first(header: NiftiHeader) -> Self {
        let NiftiHeader {
            dim,
            datatype,
            pixdim,
            vox_offset,
            scl_slope,
            scl_inter,
            xyzt_units,
            qform_code,
            sform_code,
            quatern_b,
            quatern_c,
            quatern_d,
            quatern_x,
            quatern_y,
            quatern_z,
            srow_x,
            srow_y,
            srow_z,
            ..
        } = header;
        Self {
            // The crate reads them as unsigned.
            dim: dim.map(|length| i64::from(length as i16)),
            datatype,
            pixdim: pixdim.map(f64::from),
            vox_offset: vox_offset.into(),
            scl_slope: scl_slope.into(),
            scl_inter: scl_inter.into(),
            xyzt_units: xyzt_units.into(),
            qform_code: qform_code.into(),
            sform_code: sform_code.into(),
            quatern: [quatern_b, quatern_c, quatern_d].map(f64::from),
            qoffset: [quatern_x, quatern_y, quatern_z].map(f64::from),
            srow: [srow_x, srow_y, srow_z].map(|row| row.map(f64::from)),
        }
    }

    fn second(numbers: &Numbers<'_>) -> Self {
        let doubles = |at: usize| move |index: usize| numbers.f64(at + 8 * index);
        Self {
            dim: std::array::from_fn(|axis| numbers.i64(16 + 8 * axis)),
            datatype: numbers.i16(12),
            pixdim: std::array::from_fn(doubles(104)),
            vox_offset: numbers.i64(168) as f64,
            scl_slope: numbers.f64(176),
            scl_inter: numbers.f64(184),
            xyzt_units: numbers.i32(500),
            qform_code: numbers.i32(344),
            sform_code: numbers.i32(348),
            quatern: std::array::from_fn(doubles(352)),
            qoffset: std::array::from_fn(doubles(376)),
            srow: [400, 432, 464].map(|row| std::array::from_fn(doubles(row))),
        }
    }
}

/// A header's numbers by where they lie.
struct Numbers<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Numbers<'_> {
    /// The bytes of a number, the smallest first; zeros behind the header's end.
    fn little_endian<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut found = [0; N];
        for (byte, stored) in found.iter_mut().zip(self.bytes.iter().skip(at)) {
            *byte = *stored;
        }
        if self.big_endian {
            found.reverse();
        }
        found
    }

    fn i16(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.little_endian(at))
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.little_endian(at))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.little_endian(at))
    }

    fn f64(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.little_endian(at))
    }
}
