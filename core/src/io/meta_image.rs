//! MetaImage (`.mha`, or `.mhd` with its voxels in another file), as ITK reads and writes it.
//!
//! Positions are in the patient's coordinates to the left, back and top (LPS+), as ITK takes them. `TransformMatrix` lists the
//! direction of each axis, one after the other.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::bufread::ZlibDecoder;
use nifti::NiftiType;

use super::{
    IoError,
    nifti::{NiftiGeometry, ThirdAxis},
    placing::{self, Axes},
    voxels::{Volume, Voxels, bytes_of, read_voxels},
};

/// Bytes of a header at the most; those that are written have a thousand.
const LONGEST_HEADER: u64 = 1 << 20;

/// Whether a file that begins so is a MetaImage.
pub(super) fn is_meta_image(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    text.lines().next().is_some_and(|line| {
        let key = line.split('=').next().unwrap_or_default().trim();
        line.contains('=') && matches!(key, "ObjectType" | "NDims" | "Comment" | "ObjectSubType")
    })
}

/// The numbers of a file.
pub(super) fn read(path: &Path, third_axis: ThirdAxis) -> Result<Volume, IoError> {
    let file = File::open(path).map_err(|source| placing::read_error(path, source))?;
    let mut file = BufReader::new(file);
    let header = Header::read(path, &mut file)?;
    header.check_kind()?;
    let sizes = header.sizes()?;
    let data_type = header.data_type()?;
    let big_endian = header.is("BinaryDataByteOrderMSB")? || header.is("ElementByteOrderMSB")?;
    let geometry = header.geometry(&sizes, third_axis)?;
    let len =
        bytes_of(&sizes, data_type).ok_or_else(|| header.field("DimSize", "fewer voxels: no machine holds these"))?;
    let bytes = header.voxels(file, len)?;
    Ok(Volume { geometry, voxels: Voxels { bytes, data_type, big_endian, scaling: [1.0, 0.0] } })
}

/// Keys and values, up to `ElementDataFile`.
struct Header<'a> {
    path: &'a Path,
    fields: BTreeMap<String, String>,
}

impl<'a> Header<'a> {
    fn read(path: &'a Path, file: &mut impl BufRead) -> Result<Self, IoError> {
        let mut fields = BTreeMap::new();
        let mut lines = file.take(LONGEST_HEADER);
        while !fields.contains_key("ElementDataFile") {
            let mut line = Vec::new();
            lines.read_until(b'\n', &mut line).map_err(|source| placing::read_error(path, source))?;
            let line = String::from_utf8_lossy(&line);
            match line.split_once('=') {
                Some((key, value)) => fields.insert(key.trim().to_owned(), value.trim().to_owned()),
                None if line.trim().is_empty() && !line.is_empty() => continue,
                None => {
                    let detail = "the header ends before its last line, `ElementDataFile = ...`".to_owned();
                    return Err(IoError::Format { path: path.to_owned(), detail });
                }
            };
        }
        Ok(Self { path, fields })
    }

    /// The value of the first of these keys that is there.
    fn text(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|&key| self.fields.get(key)).map(String::as_str)
    }

    fn is(&self, key: &str) -> Result<bool, IoError> {
        match self.text(&[key]).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(self.field(key, "True or False")),
        }
    }

    /// Finite numbers, as many as wanted.
    fn numbers(&self, keys: &[&str], count: usize) -> Result<Option<Vec<f64>>, IoError> {
        let Some(key) = keys.iter().find(|&&key| self.fields.contains_key(key)) else { return Ok(None) };
        let text = self.text(keys).unwrap_or_default();
        let numbers: Option<Vec<f64>> = text.split_whitespace().map(|number| number.parse().ok()).collect();
        let numbers =
            numbers.filter(|numbers| numbers.len() == count && numbers.iter().all(|number| number.is_finite()));
        numbers.map(Some).ok_or_else(|| self.field(key, &format!("{count} finite numbers")))
    }

    fn field(&self, key: &str, expected: &str) -> IoError {
        let found = self.text(&[key]).map_or_else(|| "missing".to_owned(), |text| format!("`{text}`"));
        IoError::Field { path: self.path.to_owned(), field: key.to_owned(), found, expected: expected.to_owned() }
    }

    fn check_kind(&self) -> Result<(), IoError> {
        if self.text(&["ObjectType"]).is_some_and(|kind| kind != "Image") {
            return Err(self.field("ObjectType", "Image"));
        }
        if self.text(&["BinaryData"]).is_some() && !self.is("BinaryData")? {
            return Err(self.field("BinaryData", "True: write the image anew, with voxels in binary form"));
        }
        if self.text(&["ElementNumberOfChannels"]).is_some_and(|channels| channels != "1") {
            return Err(self.field("ElementNumberOfChannels", "1: write each channel to its own file"));
        }
        Ok(())
    }

    /// Voxels along x, y and, where there are three axes, z.
    fn sizes(&self) -> Result<Vec<usize>, IoError> {
        let axes = match self.text(&["NDims"]) {
            Some("2") => 2,
            Some("3") => 3,
            _ => return Err(self.field("NDims", "2 or 3: a file holds one image")),
        };
        let sizes: Option<Vec<usize>> = self
            .text(&["DimSize"])
            .and_then(|text| text.split_whitespace().map(|size| size.parse().ok().filter(|&size| size > 0)).collect());
        sizes
            .filter(|sizes| sizes.len() == axes)
            .ok_or_else(|| self.field("DimSize", &format!("{axes} sizes of at least 1")))
    }

    fn data_type(&self) -> Result<NiftiType, IoError> {
        Ok(match self.text(&["ElementType"]) {
            Some("MET_CHAR") => NiftiType::Int8,
            Some("MET_UCHAR") => NiftiType::Uint8,
            Some("MET_SHORT") => NiftiType::Int16,
            Some("MET_USHORT") => NiftiType::Uint16,
            Some("MET_INT" | "MET_LONG") => NiftiType::Int32,
            Some("MET_UINT" | "MET_ULONG") => NiftiType::Uint32,
            Some("MET_LONG_LONG") => NiftiType::Int64,
            Some("MET_ULONG_LONG") => NiftiType::Uint64,
            Some("MET_FLOAT") => NiftiType::Float32,
            Some("MET_DOUBLE") => NiftiType::Float64,
            _ => return Err(self.field("ElementType", "MET_CHAR to MET_DOUBLE, one number a voxel")),
        })
    }

    fn geometry(&self, sizes: &[usize], third_axis: ThirdAxis) -> Result<NiftiGeometry, IoError> {
        let axes = sizes.len();
        let spacing = self.numbers(&["ElementSpacing"], axes)?;
        let spacing = spacing.filter(|spacing| spacing.iter().all(|&spacing| spacing > 0.0));
        let expected = format!("{axes} spacings above 0, in mm: write the true ones");
        let spacing = spacing.ok_or_else(|| self.field("ElementSpacing", &expected))?;
        let origin = self.numbers(&["Offset", "Position", "Origin"], axes)?.unwrap_or_else(|| vec![0.0; axes]);
        let turn = self.numbers(&["TransformMatrix", "Rotation", "Orientation"], axes * axes)?;
        let along = |axis: usize, row: usize| match &turn {
            Some(turn) => turn[axis * axes + row],
            None => f64::from(u8::from(axis == row)),
        };
        let mut placed = Axes { origin: [0.0; 3], steps: [[0.0; 3]; 3] };
        placed.origin[..axes].copy_from_slice(&origin);
        for (axis, (step, length)) in placed.steps.iter_mut().zip(&spacing).enumerate() {
            for (row, part) in step.iter_mut().enumerate().take(axes) {
                *part = along(axis, row) * length;
            }
        }
        if axes == 2 {
            placed.steps[2][2] = 1.0;
        }
        let planes = sizes.get(2).copied().unwrap_or(1);
        placed.signed([-1.0, -1.0, 1.0]).geometry(self.path, [planes, sizes[1], sizes[0]], third_axis)
    }

    /// The voxels, behind the header or in the file that it names.
    fn voxels(&self, file: BufReader<File>, len: usize) -> Result<Vec<u8>, IoError> {
        let name = self.text(&["ElementDataFile"]).unwrap_or_default();
        if name.eq_ignore_ascii_case("LOCAL") {
            return self.unpacked(self.path, file, len);
        }
        let path = self.beside(name)?;
        let opened = File::open(&path).map_err(|source| placing::read_error(&path, source))?;
        let mut opened = BufReader::new(opened);
        let skip = self.numbers(&["HeaderSize"], 1)?.map_or(0.0, |numbers| numbers[0]);
        if skip < 0.0 {
            // The voxels are the last bytes of the file.
            let all = std::fs::metadata(&path).map_err(|source| placing::read_error(&path, source))?.len();
            placing::skip(&path, &mut opened, all.saturating_sub(len as u64))?;
        } else {
            placing::skip(&path, &mut opened, skip as u64)?;
        }
        self.unpacked(&path, opened, len)
    }

    fn unpacked(&self, path: &Path, from: impl BufRead, len: usize) -> Result<Vec<u8>, IoError> {
        if self.is("CompressedData")? {
            read_voxels(path, ZlibDecoder::new(from), len)
        } else {
            read_voxels(path, from, len)
        }
    }

    /// A file in the header's folder.
    fn beside(&self, name: &str) -> Result<PathBuf, IoError> {
        let is_pattern = name.contains('%') || name.starts_with("LIST");
        if is_pattern || !placing::stays_in_folder(name) {
            let expected = "LOCAL, or the name of one file in the same folder: write the image anew as one file";
            return Err(self.field("ElementDataFile", expected));
        }
        Ok(self.path.with_file_name(name))
    }
}
