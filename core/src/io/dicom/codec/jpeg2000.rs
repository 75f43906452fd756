//! JPEG 2000 (ISO/IEC 15444-1) and High-Throughput JPEG 2000 (ISO/IEC 15444-15).

use jpeg2k::{DecodeParameters, Image};

use super::{Claim, Decoded, PixelFormat, Samples};

/// What a codestream begins with: the markers SOC and SIZ.
const CODESTREAM: [u8; 4] = [0xff, 0x4f, 0xff, 0x51];
/// More tiles than any scanner writes: each costs the decoder memory, whatever it holds.
const MOST_TILES: u64 = 4096;
/// What the decoder was seen to read without a change; of 25 bits on it gives other values.
const MOST_BITS: u8 = 24;

pub(super) fn decode(bytes: &[u8], format: &PixelFormat, allows_loss: bool) -> Result<Decoded, String> {
    // Some writers put the boxes of a .jp2 file around the codestream, which DICOM does not allow (PS3.5, A.4.4).
    let start = bytes.windows(CODESTREAM.len()).position(|four| four == CODESTREAM);
    let stream = bytes.get(start.ok_or("its stream holds no JPEG 2000 codestream")?..).unwrap_or_default();
    claim(stream)?.check(format)?;
    let image = Image::from_bytes_with(stream, DecodeParameters::new())
        .map_err(|error| format!("damaged JPEG 2000 data: {error}"))?;
    let components = image.components();
    for component in components {
        if (component.height() as usize, component.width() as usize) != (format.rows, format.columns) {
            return Err("its JPEG 2000 components differ in size; expected chrominance at full resolution".to_owned());
        }
    }
    if components.len() * format.pixels() != format.samples() {
        return Err(format!("{} JPEG 2000 components decoded", components.len()));
    }
    let values = (0..format.pixels()).flat_map(|pixel| components.iter().map(move |component| component.data()[pixel]));
    let samples = match format.allocated {
        1 | 8 => Samples::Bytes(values.map(|value| value as u8).collect()),
        16 => Samples::Words(values.map(|value| value as u16).collect()),
        _ => Samples::Longs(values.map(|value| value as u32).collect()),
    };
    // The decoder has undone the codestream's own colour transform.
    let lossy = (allows_loss || is_irreversible(stream)).then_some("JPEG 2000 that need not be lossless");
    Ok(Decoded { samples, is_ybr: None, lossy })
}

/// The marker segment SIZ (ISO/IEC 15444-1, A.5.1).
fn claim(stream: &[u8]) -> Result<Claim, String> {
    let long = |at: usize| stream.get(at..at + 4).and_then(|four| Some(u32::from_be_bytes(four.try_into().ok()?)));
    let number = |at| long(at).map(u64::from).ok_or("its JPEG 2000 header is cut short");
    let [x, y, x_offset, y_offset] = [number(8)?, number(12)?, number(16)?, number(20)?];
    let [tile_x, tile_y] = [number(24)?.max(1), number(28)?.max(1)];
    let components = stream.get(40..42).and_then(|two| Some(u16::from_be_bytes(two.try_into().ok()?)));
    let components = usize::from(components.ok_or("its JPEG 2000 header is cut short")?);
    let of_components = stream.get(42..42 + 3 * components).ok_or("its JPEG 2000 header is cut short")?;
    // The uppermost bit of each depth tells whether there are signs.
    let bits = of_components.as_chunks::<3>().0.iter().map(|[depth, ..]| (depth & 0x7f) + 1).max().unwrap_or(0);
    if bits > MOST_BITS {
        return Err(format!(
            "{bits} bits a sample in JPEG 2000; at most {MOST_BITS} are read: convert it, as with `gdcmconv --raw`"
        ));
    }
    let tiles = x.div_ceil(tile_x).saturating_mul(y.div_ceil(tile_y));
    if tiles > MOST_TILES {
        return Err(format!("{tiles} JPEG 2000 tiles; at most {MOST_TILES} are read"));
    }
    let (rows, columns) = (y.saturating_sub(y_offset) as usize, x.saturating_sub(x_offset) as usize);
    Ok(Claim { rows, columns, components })
}

/// Whether the main header names the wavelet that is not undone exactly (marker segment COD; ISO/IEC 15444-1, A.6.1).
fn is_irreversible(stream: &[u8]) -> bool {
    const COD: u8 = 0x52;
    /// Bytes from the marker to the transformation: 0 is the 9-7 irreversible one.
    const TRANSFORMATION: usize = 13;
    let mut rest = stream.get(2..).unwrap_or_default();
    while let Some(&[0xff, marker, high, low]) = rest.first_chunk::<4>() {
        if marker == COD {
            return rest.get(TRANSFORMATION) == Some(&0);
        }
        rest = rest.get(2 + usize::from(u16::from_be_bytes([high, low]))..).unwrap_or_default();
    }
    false
}
