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
    voxels::{Volume, Voxels, bytes_of, read_voxels},
};

const MAGIC: &[u8] = b"NRRD000";
/// Bytes of a header at the most; those of segmentations have a few thousand.
const LONGEST_HEADER: u64 = 1 << 20;

/// Whether a file that begins so is NRRD.
pub(super) fn is_nrrd(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// The numbers of a file.
pub(super) fn read(path: &Path, third_axis: ThirdAxis) -> Result<Volume, IoError> {
    let file = File::open(path).map_err(|source| placing::read_error(path, source))?;
    let mut file = BufReader::new(file);
    let header = Header::read(path, &mut file)?;
    let data_type = header.data_type()?;
    let axes = header.axes()?;
    let sizes: Vec<usize> = axes.iter().map(|axis| axis.size).collect();
    let geometry = header.geometry(&axes, third_axis)?;
    let big_endian = match header.text(&["endian"]) {
        Some("big") => true,
        Some("little") => false,
        None if data_type.size_of() == 1 => false,
        _ => return Err(header.field("endian", "little or big")),
    };
    let len =
        bytes_of(&sizes, data_type).ok_or_else(|| header.field("sizes", "fewer voxels: no machine holds these"))?;
    let bytes = header.voxels(file, len)?;
    Ok(Volume { geometry, voxels: Voxels { bytes, data_type, big_endian, scaling: [1.0, 0.0] } })
}

struct Header<'a> {
    path: &'a Path,
    fields: BTreeMap<String, String>,
}

/// One axis, the fastest first.
#[derive(Debug, Clone, PartialEq)]
struct Axis {
    size: usize,
    kind: Option<String>,
    /// The way from one voxel to the next; `None` where the axis lies in no space.
    direction: Option<[f64; 3]>,
    spacing: Option<f64>,
}

impl Axis {
    /// Whether it is one of numbers, colours or segments, which lie in no space.
    fn is_list(&self) -> bool {
        let kinds =
            ["list", "vector", "point", "scalar", "complex", "RGB-color", "HSV-color", "XYZ-color", "RGBA-color"];
        self.kind.as_deref().is_some_and(|kind| {
            kinds.iter().any(|known| kind.eq_ignore_ascii_case(known))
                || kind.contains("-vector")
                || kind.contains("-matrix")
        })
    }

    fn is_time(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("time"))
    }
}

impl<'a> Header<'a> {
    /// Lines up to an empty one: `field: value`, `key:=value` (which is passed over), or a comment.
    fn read(path: &'a Path, file: &mut impl BufRead) -> Result<Self, IoError> {
        let mut fields = BTreeMap::new();
        let mut lines = file.take(LONGEST_HEADER);
        let mut is_first = true;
        loop {
            let mut line = Vec::new();
            lines.read_until(b'\n', &mut line).map_err(|source| placing::read_error(path, source))?;
            // A detached header may end without an empty line.
            if line.is_empty() || line.trim_ascii().is_empty() && !is_first {
                return Ok(Self { path, fields });
            }
            let line = String::from_utf8_lossy(&line);
            let is_comment = is_first || line.starts_with('#') || line.contains(":=");
            is_first = false;
            if is_comment {
                continue;
            }
            let Some((field, value)) = line.split_once(':') else {
                let detail = format!("`{}` is no line of an NRRD header; expected `field: value`", line.trim());
                return Err(IoError::Format { path: path.to_owned(), detail });
            };
            fields.insert(field.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
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
        let words = |field: &str| {
            self.text(&[field]).map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        };
        let sizes = words("sizes").unwrap_or_default();
        let sizes: Option<Vec<usize>> = sizes.iter().map(|size| size.parse().ok().filter(|&size| size > 0)).collect();
        let sizes = sizes
            .filter(|sizes| sizes.len() == count)
            .ok_or_else(|| self.field("sizes", &format!("{count} sizes of at least 1")))?;
        let kinds = words("kinds").filter(|kinds| kinds.len() == count);
        let spacings = words("spacings").filter(|spacings| spacings.len() == count);
        let directions = self.directions(count)?;
        let axis = |(index, size): (usize, usize)| Axis {
            size,
            kind: kinds.as_ref().map(|kinds| kinds[index].clone()),
            direction: directions.get(index).copied().flatten(),
            spacing: spacings.as_ref().and_then(|spacings| spacings[index].parse().ok()),
        };
        Ok(sizes.into_iter().enumerate().map(axis).collect())
    }

    /// `space directions`: a vector or `none` for each axis; nothing where the field is missing.
    fn directions(&self, count: usize) -> Result<Vec<Option<[f64; 3]>>, IoError> {
        const FIELD: &str = "space directions";
        let Some(text) = self.text(&[FIELD]) else { return Ok(Vec::new()) };
        let expected = format!("{count} vectors of finite numbers, as (0.5,0,0), or `none`");
        let mut rest = text.trim();
        let mut found = Vec::new();
        while !rest.is_empty() {
            let (vector, after) = if let Some(after) = rest.strip_prefix("none") {
                (None, after)
            } else {
                let end = rest.find(')').ok_or_else(|| self.field(FIELD, &expected))?;
                let vector = vector(&rest[..=end]).ok_or_else(|| self.field(FIELD, &expected))?;
                (Some(vector), &rest[end + 1..])
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
        for axis in axes {
            if axis.is_list() && axis.size > 1 {
                return Err(self.field(
                    "kinds",
                    "axes in space or time alone: write each channel, colour or segment to its own file",
                ));
            }
            if axis.is_time() {
                frames *= axis.size;
            } else if !axis.is_list() {
                spatial.push(axis);
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
        vector(text.trim()).ok_or_else(|| self.field("space origin", "a vector of finite numbers, as (0,0,0)"))
    }

    fn voxels(&self, mut file: BufReader<File>, len: usize) -> Result<Vec<u8>, IoError> {
        let Some(name) = self.text(&["data file", "datafile"]) else { return self.unpacked(self.path, &mut file, len) };
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
        let number = |fields: &[&str]| {
            self.text(fields)
                .map_or(Ok(0), |text| text.parse::<i64>().map_err(|_| self.field(fields[0], "a whole number")))
        };
        let (lines, bytes) = (number(&["line skip", "lineskip"])?, number(&["byte skip", "byteskip"])?);
        let limited = |from: &mut dyn BufRead| from.take(LONGEST_HEADER).skip_until(b'\n').map(drop);
        for _ in 0..lines.clamp(0, 10_000) {
            limited(from).map_err(|source| placing::read_error(path, source))?;
        }
        match self.text(&["encoding"]) {
            Some("raw") if bytes == -1 => {
                let all = std::fs::metadata(path).map_err(|source| placing::read_error(path, source))?.len();
                let file = File::open(path).map_err(|source| placing::read_error(path, source))?;
                let mut file = BufReader::new(file);
                placing::skip(path, &mut file, all.saturating_sub(len as u64))?;
                read_voxels(path, file, len)
            }
            Some("raw") => {
                placing::skip(path, from, bytes.max(0).unsigned_abs())?;
                read_voxels(path, from, len)
            }
            Some("gzip" | "gz") => {
                let mut unpacked = MultiGzDecoder::new(from);
                placing::skip(path, &mut unpacked, bytes.max(0).unsigned_abs())?;
                read_voxels(path, unpacked, len)
            }
            _ => Err(self.field("encoding", "raw or gzip: write the image anew so")),
        }
    }
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
