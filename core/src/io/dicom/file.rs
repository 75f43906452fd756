//! One DICOM file: its meta information, its transfer syntax, its data set (PS3.10, section 7).

use std::{
    borrow::Cow,
    fs,
    io::{self, Cursor, Read},
    path::{Path, PathBuf},
};

use dicom_core::{
    Tag, VR,
    dictionary::{DataDictionary, DataDictionaryEntry},
};
use dicom_dictionary_std::{StandardDataDictionary, uids};
use dicom_encoding::{Endianness, TransferSyntax, TransferSyntaxIndex};
use dicom_object::InMemDicomObject;
use dicom_parser::{
    StatefulDecode,
    dataset::{LazyDataToken, lazy_read::LazyDataSetReader},
};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use flate2::bufread::DeflateDecoder;

use super::{codec::Compression, unbounded, unknown};
use crate::io::{IoError, caught, placing::read_error};

/// What follows the preamble.
const MAGIC: &[u8] = b"DICM";
/// Bytes of the preamble.
const PREAMBLE: usize = 128;
/// Sequences within sequences. Enhanced objects have five or six; the rest guards the stack.
const DEEPEST: usize = 64;
/// Deflated Explicit VR Little Endian (PS3.5, A.5).
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
/// Deflate packs at most 1032 bytes into one.
const DEFLATE_MOST: u64 = 1032;
/// From so many unpacked bytes on, no more than these come from each packed one: images come to 20, most label maps to 200.
const LARGE: u64 = 256 << 20;
const LARGE_MOST: u64 = 250;
/// Unpacked bytes that are no matter: a deflated data set that is packed once more in an archive is tighter than deflate packs.
const FLOOR: u64 = 16 << 20;

/// A file that was read.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub path: PathBuf,
    pub dataset: InMemDicomObject,
    pub compression: Compression,
    /// Whether numbers of the data set have their largest byte first.
    pub big_endian: bool,
    /// Bytes that the file takes, in an archive those that are packed there.
    pub size: usize,
}

/// Whether a file that begins so is DICOM.
pub(in crate::io) fn is_dicom(start: &[u8]) -> bool {
    start.get(PREAMBLE..PREAMBLE + MAGIC.len()) == Some(MAGIC)
}

impl Instance {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, IoError> {
        let bytes = fs::read(path).map_err(|source| read_error(path, source))?;
        Self::parse(path, &bytes, bytes.len())
    }

    /// The instance that `bytes` hold; `path` is what errors name, and `size` the bytes that the file takes.
    pub(super) fn parse(path: &Path, bytes: &[u8], size: usize) -> Result<Self, IoError> {
        let format = |detail| IoError::Format { path: path.to_owned(), detail };
        if !is_dicom(bytes) {
            let detail = "not a DICOM file: `DICM` does not stand at byte 128; a data set without the header of PS3.10 does \
                          not say how it is encoded: convert it, as with `dcmconv --read-dataset`";
            return Err(format(detail.to_owned()));
        }
        let (uid, rest) = meta(&bytes[PREAMBLE + MAGIC.len()..]).map_err(format)?;
        let known = |uid: &str| TransferSyntaxRegistry.get(uid);
        let syntax = known(&uid).ok_or_else(|| IoError::Unsupported {
            path: path.to_owned(),
            detail: format!("transfer syntax {uid} (0002,0010) is not known"),
        })?;
        let (inflated, plain);
        let (rest, syntax) = if uid == DEFLATED {
            inflated = inflate(path, rest, size)?;
            plain = known("1.2.840.10008.1.2.1").ok_or_else(|| format("no explicit VR".to_owned()))?;
            (inflated.as_slice(), plain)
        } else {
            (rest, syntax)
        };
        let mut dataset = parsed(rest, syntax).map_err(format)?;
        unknown::name(&mut dataset).map_err(format)?;
        let big_endian = syntax.endianness() == Endianness::Big;
        let compression = Compression::of(&uid, syntax.name())
            .map_err(|detail| IoError::Unsupported { path: path.to_owned(), detail })?;
        Ok(Self { path: path.to_owned(), dataset, compression, big_endian, size })
    }
}

/// The transfer syntax that the file's meta information names, and what follows it.
fn meta(bytes: &[u8]) -> Result<(String, &[u8]), String> {
    let mut rest = bytes;
    let mut syntax = None;
    // Always explicit VR, little-endian (PS3.10, 7.1).
    while let Some(&[0x02, 0x00, element, high, a, b, c, d]) = rest.first_chunk::<8>() {
        let long = matches!(&[a, b], b"OB" | b"OW" | b"UN" | b"UT" | b"SQ" | b"OF" | b"OD" | b"OL" | b"UC" | b"UR");
        let (header, len) = match rest.get(8..12) {
            Some(&[e, f, g, h]) if long => (12, u32::from_le_bytes([e, f, g, h]) as usize),
            _ => (8, usize::from(u16::from_le_bytes([c, d]))),
        };
        let value = rest.get(header..).and_then(|value| value.get(..len)).ok_or_else(|| {
            format!("the file's meta information is cut short in (0002,{high:02X}{element:02X}): copy or download the file again")
        })?;
        if (element, high) == (0x10, 0x00) {
            syntax = Some(String::from_utf8_lossy(value).trim_end_matches(['\0', ' ']).to_owned());
        }
        rest = &rest[header + len..];
    }
    let missing = "TransferSyntaxUID (0002,0010) is missing: nothing says how the data set is encoded";
    Ok((syntax.filter(|uid| !uid.is_empty()).ok_or(missing)?, rest))
}

/// Unpacked bytes that so many packed ones may come to.
pub(super) fn most_unpacked(packed: u64) -> u64 {
    let large = LARGE.saturating_add(LARGE_MOST.saturating_mul(packed));
    FLOOR.saturating_add(DEFLATE_MOST.saturating_mul(packed).min(large))
}

/// The deflated data set of a file that takes `size` bytes. Its length is counted first, so that a bomb takes no memory.
fn inflate(path: &Path, packed: &[u8], size: usize) -> Result<Vec<u8>, IoError> {
    let format = |detail| IoError::Format { path: path.to_owned(), detail };
    let damaged = |error| format(format!("damaged deflated data ({error}); copy or download the file again"));
    let most = most_unpacked(size as u64);
    let mut counted = DeflateDecoder::new(packed).take(most.saturating_add(1));
    let len = io::copy(&mut counted, &mut io::sink()).map_err(damaged)?;
    if len > most {
        return Err(format(format!(
            "its deflated data set comes to more than {most} bytes, the most that is taken from a file of {size}: no image is packed so; \
             where you trust it, write it uncompressed, as with `dcmconv +te`"
        )));
    }
    let mut bytes = Vec::with_capacity(len as usize);
    DeflateDecoder::new(packed).read_to_end(&mut bytes).map_err(damaged)?;
    Ok(bytes)
}

/// A data set whose elements are all there.
pub(super) fn parsed(bytes: &[u8], syntax: &TransferSyntax) -> Result<InMemDicomObject, String> {
    let bytes = if syntax.uid() == uids::IMPLICIT_VR_LITTLE_ENDIAN {
        Cow::Borrowed(bytes)
    } else {
        unbounded::closed(bytes, syntax.endianness() == Endianness::Big)
    };
    check_lengths(&bytes, syntax)?;
    caught(|| InMemDicomObject::read_dataset_with_ts(bytes.as_ref(), syntax).map_err(chain))
}

/// Sees that no element is longer than what is there, before anything is allocated for it.
fn check_lengths(bytes: &[u8], syntax: &TransferSyntax) -> Result<(), String> {
    let mut reader = LazyDataSetReader::new_with_ts(Cursor::new(bytes), syntax).map_err(chain)?;
    let mut depth = 0_usize;
    let within = |at: u64, len: u32, what: &dyn std::fmt::Display| {
        let left = (bytes.len() as u64).saturating_sub(at);
        if u64::from(len) <= left {
            return Ok(());
        }
        Err(format!(
            "{what} is {len} bytes long, and {left} are left: the file is cut short or damaged; copy or download it again"
        ))
    };
    loop {
        let Some(token) = caught(|| reader.advance().transpose().map_err(chain))? else { return Ok(()) };
        match &token {
            LazyDataToken::LazyValue { header, decoder } => {
                let len = header.len.get().ok_or_else(|| format!("{} has no length", named(header.tag)))?;
                within(decoder.position(), len, &named(header.tag))?;
                let size = bytes_of_number(header.vr);
                let is_last = decoder.position() + u64::from(len) == bytes.len() as u64;
                if !len.is_multiple_of(size) && !is_last {
                    return Err(format!(
                        "{} is {len} bytes long; expected a multiple of {size}, which one number of its kind ({}) takes: the file is \
                         damaged; copy or download it again",
                        named(header.tag),
                        header.vr
                    ));
                }
            }
            LazyDataToken::LazyItemValue { len, decoder } => {
                within(decoder.position(), *len, &"a fragment of the pixel data")?
            }
            LazyDataToken::SequenceStart { .. } => depth += 1,
            LazyDataToken::SequenceEnd => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(format!("sequences are nested more than {DEEPEST} deep"));
        }
        caught(|| token.skip().map_err(chain))?;
    }
}

/// Bytes of one number (PS3.5, 6.2); 1 for what is no number. The parser reads whole numbers alone: of a value with a rest, that would
/// be taken for the next element.
fn bytes_of_number(vr: VR) -> u32 {
    match vr {
        VR::US | VR::SS | VR::OW => 2,
        VR::AT | VR::UL | VR::SL | VR::FL | VR::OF | VR::OL => 4,
        VR::FD | VR::OD | VR::UV | VR::SV | VR::OV => 8,
        _ => 1,
    }
}

/// An error with its causes, in one line.
pub(super) fn chain(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// An element by its keyword and tag, as `Rows (0028,0010)`.
pub(super) fn named(tag: Tag) -> String {
    let name = StandardDataDictionary.by_tag(tag).map(|entry| entry.alias().to_owned());
    name.map_or_else(|| tag.to_string(), |name| format!("{name} {tag}"))
}
