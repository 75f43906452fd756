//! A whole gzip stream at once, which takes half as long as piece by piece.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use libdeflater::Decompressor;

/// Bytes that a byte of a stream can come to at most (RFC 1951: 258 of two bits).
const MOST: usize = 1032;

/// The `len` bytes that the stream in a file comes to; nothing where it is not one stream of that length and sum, and whoever unpacks it
/// piece by piece will tell why. Nothing is allocated that the file is too small for.
pub(super) fn at_once(path: &Path, len: usize) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    // The length, modulo 2^32, stands at the end (RFC 1952): of a file of several streams, only that of the last.
    let mut told = [0; 4];
    file.seek(SeekFrom::End(-4)).ok()?;
    file.read_exact(&mut told).ok()?;
    file.rewind().ok()?;
    if len as u64 % (1 << 32) != u64::from(u32::from_le_bytes(told))
        || (len / MOST) as u64 > file.metadata().ok()?.len()
    {
        return None;
    }
    let mut packed = Vec::new();
    file.read_to_end(&mut packed).ok()?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).ok()?;
    bytes.resize(len, 0);
    let found = Decompressor::new().gzip_decompress(&packed, &mut bytes).ok()?;
    (found == len).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn what_is_not_one_stream_of_this_length_and_sum_is_left_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gz");
        let bytes: Vec<u8> = (0..100_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 9) as u8).collect();
        let of = |file: &[u8], len: usize| {
            std::fs::write(&path, file).unwrap();
            at_once(&path, len)
        };
        let whole = packed(&bytes);
        assert!(of(&whole, bytes.len()).as_ref() == Some(&bytes));
        assert_eq!(of(&whole, bytes.len() - 1), None);
        assert_eq!(of(&whole[..whole.len() - 9], bytes.len()), None);
        assert_eq!(of(&[packed(&bytes[..50_000]), packed(&bytes[50_000..])].concat(), bytes.len()), None);
        let sum = whole.len() - 8;
        let other_sum = [&whole[..sum], &[whole[sum] ^ 1], &whole[sum + 1..]].concat();
        assert_eq!(of(&other_sum, bytes.len()), None);
        let large: Vec<u8> = [&whole[..whole.len() - 4], &u32::MAX.to_le_bytes()].concat();
        assert_eq!(of(&large, u32::MAX as usize), None);
    }
}
