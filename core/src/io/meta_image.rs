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
    voxels::{Described, Volume, bytes_of, read_voxels},
};

/// Bytes of a header at the most; those that are written have a thousand.
const LONGEST_HEADER: u64 = 1 << 20;

/// How far the length of a direction may be from 1: programs round what they write.
const LENGTH_TOLERANCE: f64 = 1e-3;

const ORIGIN: [&str; 3] = ["Offset", "Position", "Origin"];
const DIRECTIONS: [&str; 3] = ["TransformMatrix", "Rotation", "Orientation"];

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
    let (header, file) = Header::open(path)?;
    let described = header.described(third_axis)?;
    let bytes = header.voxels(file, described.len)?;
    Ok(described.with(bytes))
}

/// Where the voxels of a file lie; they are not read.
pub(super) fn read_geometry(path: &Path, third_axis: ThirdAxis) -> Result<NiftiGeometry, IoError> {
    let (header, _) = Header::open(path)?;
    Ok(header.described(third_axis)?.geometry)
}

/// Keys and values, up to `ElementDataFile`.
struct Header<'a> {
    path: &'a Path,
    fields: BTreeMap<String, String>,
}

impl<'a> Header<'a> {
    /// The header of a file, and what follows it.
    fn open(path: &'a Path) -> Result<(Self, BufReader<File>), IoError> {
        let file = File::open(path).map_err(|source| placing::read_error(path, source))?;
        let mut file = BufReader::new(file);
        Ok((Self::read(path, &mut file)?, file))
    }

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

    fn described(&self, third_axis: ThirdAxis) -> Result<Described, IoError> {
        self.check_kind()?;
        let sizes = self.sizes()?;
        let data_type = self.data_type()?;
        let big_endian = self.is("BinaryDataByteOrderMSB")? || self.is("ElementByteOrderMSB")?;
        let geometry = self.geometry(&sizes, third_axis)?;
        let len =
            bytes_of(&sizes, data_type).ok_or_else(|| self.field("DimSize", "fewer voxels: no machine holds these"))?;
        Ok(Described { geometry, data_type, big_endian, len })
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
        // ITK passes over both fields below; what other programs make of them is another image.
        if self.text(&["DistanceUnits"]).is_some_and(|unit| !matches!(unit, "mm" | "?" | "")) {
            return Err(self.field("DistanceUnits", "mm: write spacing and position in it"));
        }
        for (key, identity) in [("ElementToIntensityFunctionSlope", 1.0), ("ElementToIntensityFunctionOffset", 0.0)] {
            if self.numbers(&[key], 1)?.is_some_and(|value| value != [identity]) {
                return Err(self.field(key, &format!("{identity}: apply it to the voxels, and write the image anew")));
            }
        }
        Ok(())
    }

    /// Voxels along x, y, z and t, as many as there are axes.
    fn sizes(&self) -> Result<Vec<usize>, IoError> {
        let axes = match self.text(&["NDims"]) {
            Some("2") => 2,
            Some("3") => 3,
            Some("4") => 4,
            _ => return Err(self.field("NDims", "2 to 4: a file holds one image of x, y, and depth or time")),
        };
        let sizes: Option<Vec<usize>> = self
            .text(&["DimSize"])
            .and_then(|text| text.split_whitespace().map(|size| size.parse().ok().filter(|&size| size > 0)).collect());
        let sizes = sizes.filter(|sizes| sizes.len() == axes);
        let sizes = sizes.ok_or_else(|| self.field("DimSize", &format!("{axes} sizes of at least 1")))?;
        if matches!(sizes[..], [_, _, depth, times] if depth > 1 && times > 1) {
            return Err(self.field("DimSize", "depth or time, not both: write one volume for each time"));
        }
        Ok(sizes)
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
        let origin = self.numbers(&ORIGIN, axes)?.unwrap_or_else(|| vec![0.0; axes]);
        let directions = self.directions(axes)?;
        let mut placed = Axes { origin: [0.0; 3], steps: [[0.0; 3], [0.0; 3], [0.0, 0.0, 1.0]] };
        for (row, origin) in placed.origin.iter_mut().zip(origin) {
            *row = origin;
        }
        for ((step, direction), spacing) in placed.steps.iter_mut().zip(directions).zip(spacing) {
            *step = direction.map(|part| part * spacing);
        }
        let [depth, times] = [2, 3].map(|axis| sizes.get(axis).copied().unwrap_or(1));
        let third_axis = if times > 1 { ThirdAxis::Time } else { third_axis };
        placed.signed([-1.0, -1.0, 1.0]).geometry(self.path, [depth * times, sizes[1], sizes[0]], third_axis)
    }

    /// The direction of each axis in space.
    fn directions(&self, axes: usize) -> Result<Vec<[f64; 3]>, IoError> {
        let rows = axes.min(3);
        let Some(numbers) = self.numbers(&DIRECTIONS, axes * axes)? else {
            return Ok([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].into_iter().take(rows).collect());
        };
        let mut directions = vec![[0.0; 3]; rows];
        for (direction, numbers) in directions.iter_mut().zip(numbers.chunks(axes)) {
            for (part, number) in direction.iter_mut().zip(numbers) {
                *part = *number;
            }
        }
        let length = |direction: &[f64; 3]| direction.iter().map(|part| part * part).sum::<f64>().sqrt();
        if directions.iter().all(|direction| (length(direction) - 1.0).abs() <= LENGTH_TOLERANCE) {
            return Ok(directions);
        }
        let key = DIRECTIONS.into_iter().find(|&key| self.fields.contains_key(key)).unwrap_or_default();
        Err(self.field(key, "a direction of length 1 for each axis: what is longer belongs into ElementSpacing"))
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
        let bytes = match self.text(&["HeaderSize"]).unwrap_or("0") {
            // The voxels are the last bytes of the file.
            "-1" if !self.is("CompressedData")? => {
                let all = std::fs::metadata(&path).map_err(|source| placing::read_error(&path, source))?.len();
                all.saturating_sub(len as u64)
            }
            text => {
                let expected = "a number of bytes, or -1 for voxels that are not packed and stand last";
                text.parse().map_err(|_| self.field("HeaderSize", expected))?
            }
        };
        placing::skip(&path, &mut opened, bytes)?;
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

#[cfg(test)]
mod tests;
