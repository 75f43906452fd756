//! NRRD (<https://teem.sourceforge.net/nrrd/format.html>), attached or with its voxels in another file.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;
use nifti::NiftiType;

use super::{
    IoError,
    nifti::{NiftiGeometry, ThirdAxis},
    placing::{self, Axes},
    voxels::{Described, Volume, bytes_of, read_voxels},
};

const MAGIC: &[u8] = b"NRRD000";
const LAST_VERSION: u8 = b'5';
const BYTE_SKIP: [&str; 2] = ["byte skip", "byteskip"];
const UNITS: &str = "mm, um, cm or m for each axis in space: write lengths in mm";
/// Bytes of a header at the most; those of segmentations have a few thousand.
const LONGEST_HEADER: u64 = 1 << 20;

/// Whether a file that begins so is NRRD.
pub(super) fn is_nrrd(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
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

struct Header<'a> {
    path: &'a Path,
    fields: BTreeMap<String, String>,
}

/// One axis, the fastest first.
#[derive(Debug, Clone, PartialEq)]
struct Axis {
    size: usize,
    kind: Kind,
    /// The way from one voxel to the next, mm, where `space directions` has it.
    direction: Option<[f64; 3]>,
    /// Of `spacings`, mm.
    spacing: Option<f64>,
}

/// What an axis counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Space,
    Time,
    /// Numbers, colours or segments.
    List,
}

impl Kind {
    /// `in_space` is false for an axis whose direction is `none`.
    fn of(kind: &str, in_space: bool) -> Self {
        match kind.to_ascii_lowercase().as_str() {
            "time" => Self::Time,
            "domain" | "space" => Self::Space,
            "" | "???" | "none" if in_space => Self::Space,
            _ => Self::List,
        }
    }
}

impl<'a> Header<'a> {
    /// The header of a file, and what follows it.
    fn open(path: &'a Path) -> Result<(Self, BufReader<File>), IoError> {
        let file = File::open(path).map_err(|source| placing::read_error(path, source))?;
        let mut file = BufReader::new(file);
        Ok((Self::read(path, &mut file)?, file))
    }

    /// Lines up to an empty one: `field: value`, `key:=value` (which is passed over), or a comment.
    fn read(path: &'a Path, file: &mut impl BufRead) -> Result<Self, IoError> {
        let mut fields = BTreeMap::new();
        let mut lines = file.take(LONGEST_HEADER);
        let mut next = || {
            let mut line = Vec::new();
            let outcome = lines.read_until(b'\n', &mut line);
            outcome.map(|_| line).map_err(|source| placing::read_error(path, source))
        };
        check_version(path, &next()?)?;
        loop {
            let line = next()?;
            if line.trim_ascii().is_empty() {
                let header = Self { path, fields };
                // Only a detached header may end without an empty line.
                return if line.is_empty() { header.detached() } else { Ok(header) };
            }
            let line = String::from_utf8_lossy(&line);
            if line.starts_with('#') || line.contains(":=") {
                continue;
            }
            let Some((field, value)) = line.split_once(':') else {
                let detail = format!("`{}` is no line of an NRRD header; expected `field: value`", line.trim());
                return Err(IoError::Format { path: path.to_owned(), detail });
            };
            fields.insert(field.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }

    fn detached(self) -> Result<Self, IoError> {
        if self.data_file().is_some() {
            return Ok(self);
        }
        let detail = "the header has no end: expected an empty line before the voxels, or a field `data file`";
        Err(IoError::Format { path: self.path.to_owned(), detail: detail.to_owned() })
    }

    fn described(&self, third_axis: ThirdAxis) -> Result<Described, IoError> {
        let data_type = self.data_type()?;
        let axes = self.axes()?;
        let sizes: Vec<usize> = axes.iter().map(|axis| axis.size).collect();
        let geometry = self.geometry(&axes, third_axis)?;
        let big_endian = match self.text(&["endian"]) {
            Some("big") => true,
            Some("little") => false,
            None if data_type.size_of() == 1 => false,
            _ => return Err(self.field("endian", "little or big")),
        };
        let len =
            bytes_of(&sizes, data_type).ok_or_else(|| self.field("sizes", "fewer voxels: no machine holds these"))?;
        Ok(Described { geometry, data_type, big_endian, len })
    }

    fn data_file(&self) -> Option<&str> {
        self.text(&["data file", "datafile"])
    }

    fn text(&self, fields: &[&str]) -> Option<&str> {
        fields.iter().find_map(|&field| self.fields.get(field)).map(String::as_str)
    }

    fn field(&self, field: &str, expected: &str) -> IoError {
        let found = self.text(&[field]).map_or_else(|| "missing".to_owned(), |text| format!("`{text}`"));
        IoError::Field { path: self.path.to_owned(), field: field.to_owned(), found, expected: expected.to_owned() }
    }

    fn data_type(&self) -> Result<NiftiType, IoError> {
        Ok(match self.text(&["type"]) {
            Some("signed char" | "int8" | "int8_t") => NiftiType::Int8,
            Some("uchar" | "unsigned char" | "uint8" | "uint8_t") => NiftiType::Uint8,
            Some("short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t") => NiftiType::Int16,
            Some("ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t") => NiftiType::Uint16,
            Some("int" | "signed int" | "int32" | "int32_t") => NiftiType::Int32,
            Some("uint" | "unsigned int" | "uint32" | "uint32_t") => NiftiType::Uint32,
            Some(
                "longlong"
                | "long long"
                | "long long int"
                | "signed long long"
                | "signed long long int"
                | "int64"
                | "int64_t",
            ) => NiftiType::Int64,
            Some("ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t") => {
                NiftiType::Uint64
            }
            Some("float") => NiftiType::Float32,
            Some("double") => NiftiType::Float64,
            _ => return Err(self.field("type", "an integer of 8 to 64 bits, float or double")),
        })
    }

    fn axes(&self) -> Result<Vec<Axis>, IoError> {
        let count = self
            .text(&["dimension"])
            .and_then(|text| text.parse::<usize>().ok())
            .filter(|count| (2..=4).contains(count));
        let count = count.ok_or_else(|| self.field("dimension", "2 to 4"))?;
        let sizes = self.text(&["sizes"]).unwrap_or_default().split_whitespace();
        let sizes: Option<Vec<usize>> = sizes.map(|size| size.parse().ok().filter(|&size| size > 0)).collect();
        let sizes = sizes
            .filter(|sizes| sizes.len() == count)
            .ok_or_else(|| self.field("sizes", &format!("{count} sizes of at least 1")))?;
        let kinds = self.words("kinds", count)?.unwrap_or_default();
        let spacings = self.words("spacings", count)?.unwrap_or_default();
        let directions = self.directions(count)?;
        let axis = |(index, size): (usize, usize)| {
            let direction = directions.get(index).copied().flatten();
            let kind = kinds.get(index).copied().unwrap_or_default();
            Axis {
                size,
                kind: Kind::of(kind, directions.is_empty() || direction.is_some()),
                direction,
                spacing: spacings.get(index).and_then(|spacing| spacing.parse().ok()),
            }
        };
        let mut axes: Vec<Axis> = sizes.into_iter().enumerate().map(axis).collect();
        self.take_units(&mut axes)?;
        Ok(axes)
    }

    /// As many words as there are axes, where the field is there.
    fn words(&self, field: &str, count: usize) -> Result<Option<Vec<&str>>, IoError> {
        let Some(text) = self.text(&[field]) else { return Ok(None) };
        let words: Vec<&str> = text.split_whitespace().collect();
        let is_complete = words.len() == count;
        is_complete.then_some(Some(words)).ok_or_else(|| self.field(field, &format!("{count} words, one an axis")))
    }

    /// Makes millimetres of what `units` says of the axes' spacings.
    fn take_units(&self, axes: &mut [Axis]) -> Result<(), IoError> {
        let Some(text) = self.text(&["units"]) else { return Ok(()) };
        for (axis, unit) in axes.iter_mut().zip(quoted(text)) {
            if let (Kind::Space, Some(spacing)) = (axis.kind, &mut axis.spacing) {
                *spacing *= mm_of(unit).ok_or_else(|| self.field("units", UNITS))?;
            }
        }
        Ok(())
    }

    /// Millimetres of each unit of the file's space.
    fn mm_per_unit(&self) -> Result<[f64; 3], IoError> {
        const FIELD: &str = "space units";
        let mut factors = [1.0; 3];
        for (factor, unit) in factors.iter_mut().zip(self.text(&[FIELD]).map(quoted).unwrap_or_default()) {
            *factor = mm_of(unit).ok_or_else(|| self.field(FIELD, UNITS))?;
        }
        Ok(factors)
    }

    /// `space directions`: a vector, mm, or `none` for each axis; nothing where the field is missing.
    fn directions(&self, count: usize) -> Result<Vec<Option<[f64; 3]>>, IoError> {
        const FIELD: &str = "space directions";
        let Some(text) = self.text(&[FIELD]) else { return Ok(Vec::new()) };
        let mm = self.mm_per_unit()?;
        let expected = format!("{count} vectors of finite numbers, as (0.5,0,0), or `none`");
        let mut rest = text.trim();
        let mut found = Vec::new();
        while !rest.is_empty() {
            let (vector, after) = if let Some(after) = rest.strip_prefix("none") {
                (None, after)
            } else {
                let end = rest.find(')').ok_or_else(|| self.field(FIELD, &expected))?;
                let vector = vector(&rest[..=end]).ok_or_else(|| self.field(FIELD, &expected))?;
                (Some(product(vector, mm)), &rest[end + 1..])
            };
            found.push(vector);
            rest = after.trim_start();
        }
        if found.len() == count { Ok(found) } else { Err(self.field(FIELD, &expected)) }
    }

    /// What each coordinate of the file's space is multiplied by to be RAS+.
    fn signs(&self) -> Result<[f64; 3], IoError> {
        match self.text(&["space"]).map(str::to_ascii_lowercase).as_deref() {
            // Without a space nothing says which side is left; positions are taken as they are.
            None | Some("right-anterior-superior" | "ras") => Ok([1.0; 3]),
            Some("left-anterior-superior" | "las") => Ok([-1.0, 1.0, 1.0]),
            Some("left-posterior-superior" | "lps") => Ok([-1.0, -1.0, 1.0]),
            Some(_) => {
                Err(self.field("space", "right-anterior-superior, left-anterior-superior or left-posterior-superior"))
            }
        }
    }

    fn geometry(&self, axes: &[Axis], third_axis: ThirdAxis) -> Result<NiftiGeometry, IoError> {
        let mut spatial = Vec::new();
        let mut frames = 1;
        for (index, axis) in axes.iter().enumerate() {
            match axis.kind {
                Kind::Space => spatial.push(axis),
                Kind::Time if axes.iter().skip(index + 1).any(|slower| axis.size > 1 && slower.size > 1) => {
                    return Err(self.field("kinds", "time as the last axis: write the image anew, x and y first"));
                }
                Kind::Time => frames *= axis.size,
                Kind::List if axis.size > 1 => {
                    let expected = "axes in space or time alone: write each channel, colour or segment to its own file";
                    return Err(self.field("kinds", expected));
                }
                Kind::List => {}
            }
        }
        let planes = spatial.get(2).map_or(1, |axis| axis.size);
        if !(2..=3).contains(&spatial.len()) || planes > 1 && frames > 1 {
            return Err(self.field("sizes", "x and y, and one of depth or time: write one volume for each time"));
        }
        let mut placed = Axes { origin: self.origin()?, steps: [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]] };
        for (index, axis) in spatial.iter().enumerate() {
            placed.steps[index] = self.step(index, axis)?;
        }
        if let (2, Some(normal)) = (spatial.len(), normal(placed.steps)) {
            placed.steps[2] = normal;
        }
        let third_axis = if frames > 1 { ThirdAxis::Time } else { third_axis };
        let shape = [planes * frames, spatial[1].size, spatial[0].size];
        placed.signed(self.signs()?).geometry(self.path, shape, third_axis)
    }

    /// From one voxel to the next along an axis, mm.
    fn step(&self, index: usize, axis: &Axis) -> Result<[f64; 3], IoError> {
        let mut step = [0.0; 3];
        match (axis.direction, axis.spacing) {
            (Some(direction), _) => step = direction,
            (None, Some(spacing)) if spacing.is_finite() && spacing > 0.0 => step[index] = spacing,
            _ => {
                let field = if self.fields.contains_key("space directions") { "space directions" } else { "spacings" };
                return Err(
                    self.field(field, "a direction or a spacing above 0 for each axis, in mm: write the true ones")
                );
            }
        }
        Ok(step)
    }

    fn origin(&self) -> Result<[f64; 3], IoError> {
        let Some(text) = self.text(&["space origin"]) else { return Ok([0.0; 3]) };
        let origin = vector(text.trim());
        let origin = origin.ok_or_else(|| self.field("space origin", "a vector of finite numbers, as (0,0,0)"))?;
        Ok(product(origin, self.mm_per_unit()?))
    }

    fn voxels(&self, mut file: BufReader<File>, len: usize) -> Result<Vec<u8>, IoError> {
        let Some(name) = self.data_file() else { return self.unpacked(self.path, &mut file, len) };
        if name.starts_with("LIST") || name.contains('%') || !placing::stays_in_folder(name) {
            return Err(
                self.field("data file", "the name of one file in the same folder: write the image anew as one file")
            );
        }
        let path = self.path.with_file_name(name);
        let opened = File::open(&path).map_err(|source| placing::read_error(&path, source))?;
        self.unpacked(&path, &mut BufReader::new(opened), len)
    }

    fn unpacked(&self, path: &Path, from: &mut impl BufRead, len: usize) -> Result<Vec<u8>, IoError> {
        let number = |names: [&str; 2], expected: &str| match self.text(&names).unwrap_or("0").parse::<u64>() {
            Ok(number) => Ok(number),
            Err(_) => Err(self.field(names[usize::from(!self.fields.contains_key(names[0]))], expected)),
        };
        let packing = self.text(&["encoding"]);
        let stands_last = packing == Some("raw") && self.text(&BYTE_SKIP) == Some("-1");
        let expected = "a number of bytes, or -1 for raw voxels that stand last";
        let bytes = if stands_last { 0 } else { number(BYTE_SKIP, expected)? };
        for _ in 0..number(["line skip", "lineskip"], "a number of lines")? {
            if from.skip_until(b'\n').map_err(|source| placing::read_error(path, source))? == 0 {
                break;
            }
        }
        match packing {
            Some("raw") if stands_last => {
                let all = std::fs::metadata(path).map_err(|source| placing::read_error(path, source))?.len();
                let file = File::open(path).map_err(|source| placing::read_error(path, source))?;
                let mut file = BufReader::new(file);
                placing::skip(path, &mut file, all.saturating_sub(len as u64))?;
                read_voxels(path, file, len)
            }
            Some("raw") => {
                placing::skip(path, from, bytes)?;
                read_voxels(path, from, len)
            }
            Some("gzip" | "gz") => {
                let mut unpacked = MultiGzDecoder::new(from);
                placing::skip(path, &mut unpacked, bytes)?;
                read_voxels(path, unpacked, len)
            }
            _ => Err(self.field("encoding", "raw or gzip: write the image anew so")),
        }
    }
}

/// # Errors
/// If the first line names a version that nothing is known of.
fn check_version(path: &Path, line: &[u8]) -> Result<(), IoError> {
    match line.trim_ascii().strip_prefix(MAGIC) {
        Some([b'1'..=LAST_VERSION]) => Ok(()),
        _ => {
            let found = line.trim_ascii().chunks(16).next().unwrap_or_default().escape_ascii();
            let detail = format!("the first line is `{found}`; expected NRRD0001 to NRRD0005: write the image anew");
            Err(IoError::Unsupported { path: path.to_owned(), detail })
        }
    }
}

/// Units, each in quotation marks where there are any.
fn quoted(text: &str) -> Vec<&str> {
    if text.contains('"') { text.split('"').skip(1).step_by(2).collect() } else { text.split_whitespace().collect() }
}

/// Millimetres of a unit. What is left open counts as mm, as in NIfTI.
fn mm_of(unit: &str) -> Option<f64> {
    match unit.trim() {
        "" | "???" | "mm" | "millimeter" | "millimeters" => Some(1.0),
        "um" | "\u{b5}m" | "\u{3bc}m" | "micron" | "microns" => Some(1e-3),
        "cm" => Some(10.0),
        "m" | "meter" | "meters" => Some(1e3),
        _ => None,
    }
}

fn product(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] * b[0], a[1] * b[1], a[2] * b[2]]
}

/// What stands upright on x and y, 1 mm long; `None` where they span no plane.
fn normal([x, y, _]: [[f64; 3]; 3]) -> Option<[f64; 3]> {
    let cross = [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]];
    let length = cross.iter().map(|part| part * part).sum::<f64>().sqrt();
    (length > 0.0).then(|| cross.map(|part| part / length))
}

/// `(1,2,3)`, or two numbers for images in a plane.
fn vector(text: &str) -> Option<[f64; 3]> {
    let within = text.strip_prefix('(')?.strip_suffix(')')?;
    let parts: Vec<f64> = within.split(',').map(|number| number.trim().parse().ok()).collect::<Option<_>>()?;
    if !parts.iter().all(|part| part.is_finite()) {
        return None;
    }
    let mut vector = [0.0; 3];
    vector.get_mut(..parts.len())?.copy_from_slice(&parts);
    (parts.len() >= 2).then_some(vector)
}

#[cfg(test)]
mod tests;
