//! Small files that come to half a gigabyte: refused before they are unpacked.
//!
//! One test, in a program of its own: whatever runs beside it would be counted too.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;

use flate2::{Compression, Crc, write::DeflateEncoder};
use rl4seg_hostile::{Counting, Kind, Trial};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MIB: usize = 1 << 20;
/// Mebibytes of zeros in a bomb: more than 272, and 250 for each that it takes packed.
const ZEROS: usize = 512;
/// What stands before the meta information of a DICOM file.
const PREAMBLE: [u8; 128] = [0; 128];
/// Deflated Explicit VR Little Endian, as the meta information of a file says it (PS3.10, 7.1).
const DEFLATED_DATA_SET: &[u8] = b"DICM\x02\0\x10\0UI\x16\x001.2.840.10008.1.2.1.99";

/// Deflated bytes that more may follow: they end with a whole byte, and are not the last.
fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::best());
    deflate.write_all(bytes).unwrap();
    deflate.flush().unwrap();
    deflate.get_ref().clone()
}

/// These bytes and the zeros, deflated. An empty block is the last.
fn bomb(first: &[u8]) -> Vec<u8> {
    [deflated(first), deflated(&vec![0; MIB]).repeat(ZEROS), vec![3, 0]].concat()
}

/// What the packed voxels of a file lie behind.
fn header(kind: Kind, name: &str, end: &[u8]) -> Vec<u8> {
    let whole = kind.whole_files().into_iter().find(|file| file.name == name).unwrap().bytes;
    let len = whole.windows(end.len()).position(|window| window == end).unwrap() + end.len();
    whole[..len].to_vec()
}

/// Deflated bytes in gzip. Nobody comes to the sum and the length, which are wrong.
fn gzip(deflated: &[u8]) -> Vec<u8> {
    [[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff].as_slice(), deflated, &[0; 8]].concat()
}

/// Deflated bytes in zlib, in the same way.
fn zlib(deflated: &[u8]) -> Vec<u8> {
    [[0x78, 0xda].as_slice(), deflated, &[0; 4]].concat()
}

/// An archive with one file, which is said to come to `len` bytes with this sum.
fn zip(deflated: &[u8], len: usize, sum: u32) -> Vec<u8> {
    // Version, flags, deflate, time, date, sum, sizes, and lengths of the name and of what is added to it.
    let entry = |version: &[u16]| {
        let numbers = version.iter().chain(&[20, 0, 8, 0, 0x21]).flat_map(|number| number.to_le_bytes());
        let sizes = [sum, deflated.len() as u32, len as u32].into_iter().flat_map(u32::to_le_bytes);
        numbers.chain(sizes).chain([1, 0, 0, 0]).collect::<Vec<u8>>()
    };
    let local = [b"PK\x03\x04".as_slice(), &entry(&[]), b"a", deflated].concat();
    // Comment, disk, attributes, and where the file begins.
    let listed = [b"PK\x01\x02".as_slice(), &entry(&[20]), &[0; 14], b"a"].concat();
    let [size, at] = [listed.len(), local.len()].map(|number| (number as u32).to_le_bytes());
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(), &size, &at, &[0; 2]].concat();
    [local, listed, end].concat()
}

#[test]
fn a_bomb_is_refused_and_takes_no_memory() {
    let nifti = Kind::Nifti.whole_files().into_iter().find(|file| file.name == "a.nii").unwrap().bytes;
    let dicom = [PREAMBLE.as_slice(), DEFLATED_DATA_SET].concat();
    let zipped = bomb(&dicom);
    let len = dicom.len() + ZEROS * MIB;
    let data_set = [dicom, bomb(&[])].concat();
    let mut sum = Crc::new();
    sum.update(&data_set);
    let bombs = [
        ("NIfTI", Kind::Nifti, gzip(&bomb(&nifti)), "there are bytes after the"),
        (
            "NRRD",
            Kind::Nrrd,
            [header(Kind::Nrrd, "packed.nrrd", b"\n\n"), gzip(&bomb(&[]))].concat(),
            "there are bytes after the 216",
        ),
        (
            "MetaImage",
            Kind::MetaImage,
            [header(Kind::MetaImage, "packed.mha", b"LOCAL\n"), zlib(&bomb(&[]))].concat(),
            "there are bytes after the 216",
        ),
        ("deflated DICOM", Kind::Dicom, data_set.clone(), "its deflated data set comes to more than"),
        ("zip", Kind::Dicom, zip(&zipped, len, 0), "unpack the archive and give the folder"),
        ("zip that lies", Kind::Dicom, zip(&zipped, 1000, 0), "a damaged zip archive"),
        (
            "deflated DICOM in a zip",
            Kind::Dicom,
            zip(&[deflated(&data_set), vec![3, 0]].concat(), data_set.len(), sum.sum()),
            "its deflated data set comes to more than",
        ),
    ];
    for (name, kind, bytes, refusal) in bombs {
        assert!(bytes.len() < MIB, "{name} has {} bytes", bytes.len());
        let tried = Trial::new(kind).open(&bytes);
        let told = tried.outcome.unwrap_err();
        assert!(told.contains(refusal), "{name}: {told}");
        assert!(tried.memory < 4 * MIB, "{name}: {} bytes for one of {}", tried.memory, bytes.len());
    }
}
