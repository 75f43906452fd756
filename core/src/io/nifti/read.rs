use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

use super::{
    NiftiGeometry, ThirdAxis,
    fields::Version,
    header::{Header, HeaderBytes},
    pair::Files,
    unpack,
};
use crate::{
    domain::LabelSet,
    io::{
        IoError, PlacedImage, PlacedLabels,
        voxels::{Volume, Voxels},
    },
};

/// The first two bytes of a gzip stream (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Whether a file that begins so is NIfTI, or packed with gzip, as no other format that is read here is.
pub(in crate::io) fn is_nifti(start: &[u8]) -> bool {
    start.starts_with(&GZIP_MAGIC) || start.first_chunk().is_some_and(|&start| Version::of(start).is_some())
}

/// Reads the intensities of a NIfTI file, in `[channel, slow, y, x]` with one channel.
///
/// # Errors
/// If the file is not there, is not NIfTI, is cut short or longer than its header says, has a
/// kind of voxel that is not one number, lacks a spacing, contradicts itself, or holds a NaN or an
/// infinity. Nothing is allocated on a header's word alone.
pub fn read_image(path: &Path, third_axis: ThirdAxis) -> Result<PlacedImage, IoError> {
    read(path, third_axis)?.image(path)
}

/// Reads the labels of a NIfTI file, in `[slow, y, x]`.
///
/// `mapping` holds pairs (value in the file, label) for files that number their structures
/// otherwise; a value that it does not name stands for itself.
///
/// # Errors
/// As [`read_image`], and if a voxel is not a whole number or neither in `mapping` nor in `labels`.
pub fn read_labels(
    path: &Path,
    third_axis: ThirdAxis,
    labels: &LabelSet,
    mapping: &[(u32, u8)],
) -> Result<PlacedLabels, IoError> {
    read(path, third_axis)?.labels(path, labels, mapping)
}

/// The numbers of a file.
pub(in crate::io) fn read(path: &Path, third_axis: ThirdAxis) -> Result<Volume, IoError> {
    let files = Files::of(path);
    let mut opened = open(&files.header)?;
    let bytes = opened.header_bytes()?;
    let header = Header::parse(&files.header, &bytes)?;
    files.check(header.apart)?;
    let (gap, len) = (header.gap()?, header.data_len()?);
    let (data_type, scaling, big_endian) = (header.data_type, header.scaling(), bytes.big_endian);
    let geometry = NiftiGeometry::of(&header, bytes, third_axis)?;
    let bytes = match &files.voxels {
        Some(voxels) => open(voxels)?.voxel_bytes(gap, len)?,
        None => opened.voxel_bytes(gap, len)?,
    };
    Ok(Volume { geometry, voxels: Voxels { bytes, data_type, big_endian, scaling } })
}

/// The header of a file or pair of files.
pub(super) fn read_header(path: &Path, third_axis: ThirdAxis) -> Result<NiftiGeometry, IoError> {
    let files = Files::of(path);
    let bytes = open(&files.header)?.header_bytes()?;
    let header = Header::parse(&files.header, &bytes)?;
    files.check(header.apart)?;
    NiftiGeometry::of(&header, bytes, third_axis)
}

/// Bytes that are read at a time: the unpacker is fast only as long as it need not ask for more.
const BUFFER: usize = 1 << 18;

/// A file, unpacked if it is a gzip stream, whatever its name says.
fn open(path: &Path) -> Result<Opened<'_>, IoError> {
    let file = File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => IoError::NotFound { path: path.to_owned() },
        _ => IoError::Read { path: path.to_owned(), source },
    })?;
    let mut file = BufReader::with_capacity(BUFFER, file);
    let start = file.fill_buf().map_err(|source| IoError::Read { path: path.to_owned(), source })?;
    let is_packed = start.starts_with(&GZIP_MAGIC);
    let bytes: Box<dyn Read> = if is_packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    Ok(Opened { path, is_packed, taken: 0, bytes })
}

struct Opened<'a> {
    path: &'a Path,
    is_packed: bool,
    /// Bytes that were taken, packed or not.
    taken: u64,
    bytes: Box<dyn Read>,
}

impl Opened<'_> {
    fn header_bytes(&mut self) -> Result<HeaderBytes, IoError> {
        const WHAT: &str = "the header is";
        let shortest = Version::One.len() as u64;
        let mut bytes = self.take(4, shortest, WHAT)?;
        let cut_short = |found: usize, expected: u64| IoError::Truncated {
            path: self.path.to_owned(),
            what: WHAT,
            found: found as u64,
            expected,
        };
        let Ok(start) = <[u8; 4]>::try_from(bytes.as_slice()) else { return Err(cut_short(bytes.len(), shortest)) };
        let Some((version, big_endian)) = Version::of(start) else {
            let [first, second] = [Version::One, Version::Two].map(Version::len);
            let found = i32::from_le_bytes(start);
            let detail = format!("not a NIfTI file: header field sizeof_hdr is {found}; expected {first} or {second}");
            return Err(IoError::Format { path: self.path.to_owned(), detail });
        };
        let whole = version.len() as u64;
        bytes.extend(self.take(whole - 4, whole, WHAT)?);
        if bytes.len() < version.len() {
            return Err(cut_short(bytes.len(), whole));
        }
        Ok(HeaderBytes { version, big_endian, bytes })
    }

    /// The `len` bytes that lie `gap` bytes ahead, which must be the last.
    fn voxel_bytes(&mut self, gap: u64, len: usize) -> Result<Vec<u8>, IoError> {
        const WHAT: &str = "the voxels are";
        if let Some(bytes) = self.voxels_at_once(gap, len) {
            return Ok(bytes);
        }
        self.take_nowhere(gap, WHAT)?;
        // One more than is wanted shows whether the file ends there, and has gzip check its sum.
        let mut found = self.take(len as u64 + 1, len as u64, WHAT)?;
        if found.len() > len {
            let detail = format!("there are bytes after the {len} that dim and datatype say; mend the header");
            return Err(IoError::Format { path: self.path.to_owned(), detail });
        }
        if found.len() < len {
            let (found, expected) = (found.len() as u64, len as u64);
            return Err(IoError::Truncated { path: self.path.to_owned(), what: WHAT, found, expected });
        }
        found.shrink_to_fit();
        Ok(found)
    }

    /// As [`Opened::voxel_bytes`], of a gzip stream in which nothing is wrong.
    fn voxels_at_once(&self, gap: u64, len: usize) -> Option<Vec<u8>> {
        if !self.is_packed {
            return None;
        }
        let before = usize::try_from(self.taken.checked_add(gap)?).ok()?;
        let mut bytes = unpack::at_once(self.path, before.checked_add(len)?)?;
        bytes.drain(..before);
        Some(bytes)
    }

    /// Up to `limit` bytes. The buffer grows with what the file gives.
    fn take(&mut self, limit: u64, expected: u64, what: &'static str) -> Result<Vec<u8>, IoError> {
        let mut found = Vec::new();
        let outcome = self.bytes.by_ref().take(limit).read_to_end(&mut found);
        outcome.map_err(|source| self.read_error(source, what, found.len() as u64, expected))?;
        self.taken += found.len() as u64;
        Ok(found)
    }

    fn take_nowhere(&mut self, len: u64, what: &'static str) -> Result<(), IoError> {
        let outcome = io::copy(&mut self.bytes.by_ref().take(len), &mut io::sink());
        outcome.map_err(|source| self.read_error(source, what, 0, len)).map(drop)
    }

    fn read_error(&self, source: io::Error, what: &'static str, found: u64, expected: u64) -> IoError {
        let path = self.path.to_owned();
        match source.kind() {
            io::ErrorKind::UnexpectedEof => IoError::Truncated { path, what, found, expected },
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                IoError::Format { path, detail: format!("damaged gzip data ({source}); copy or download it again") }
            }
            _ => IoError::Read { path, source },
        }
    }
}
