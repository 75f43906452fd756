//! Run lengths (PS3.5, Annex G): a segment of packed bits for each byte of each sample, the most significant first.

use super::{Decoded, PixelFormat, Samples};

/// Bytes of the header: the number of segments, and where fifteen of them begin.
const HEADER: usize = 64;

pub(super) fn decode(bytes: &[u8], format: &PixelFormat) -> Result<Decoded, String> {
    let depth = (format.allocated / 8) as usize;
    let components = format.samples() / format.pixels();
    let (numbers, _) = bytes.get(..HEADER).ok_or("its RLE header is cut short")?.as_chunks::<4>();
    let numbers: Vec<usize> = numbers.iter().map(|&number| u32::from_le_bytes(number) as usize).collect();
    if depth == 0 || numbers[0] != depth * components || numbers[0] >= numbers.len() {
        return Err(format!(
            "{} RLE segments; expected {}: one for each byte of a pixel",
            numbers[0],
            depth * components
        ));
    }
    let starts = &numbers[1..=numbers[0]];
    let mut longs = vec![0_u32; format.samples()];
    for (segment, &start) in starts.iter().enumerate() {
        let end = starts.get(segment + 1).copied().unwrap_or(bytes.len());
        let packed =
            bytes.get(start..end).ok_or_else(|| format!("RLE segment {} lies outside the frame", segment + 1))?;
        let plane = unpack(packed, format.pixels()).map_err(|error| format!("RLE segment {}: {error}", segment + 1))?;
        let (component, byte) = (segment / depth, depth - 1 - segment % depth);
        for (pixel, value) in plane.into_iter().enumerate() {
            longs[pixel * components + component] |= u32::from(value) << (8 * byte);
        }
    }
    let samples = match depth {
        1 => Samples::Bytes(longs.into_iter().map(|long| long as u8).collect()),
        2 => Samples::Words(longs.into_iter().map(|long| long as u16).collect()),
        _ => Samples::Longs(longs),
    };
    Ok(Decoded { samples, is_ybr: None, lossy: None })
}

/// PackBits; a run that goes beyond `len` is cut, since some writers pad there.
fn unpack(mut packed: &[u8], len: usize) -> Result<Vec<u8>, String> {
    let mut plane = Vec::with_capacity(len);
    while plane.len() < len {
        let Some((&control, rest)) = packed.split_first() else {
            return Err(format!("{} of {len} bytes; the frame is cut short", plane.len()));
        };
        packed = rest;
        let room = len - plane.len();
        match control as i8 {
            -128 => {}
            literal @ 0.. => {
                let count = literal as usize + 1;
                let literal = packed.get(..count).ok_or("a literal run is cut short")?;
                plane.extend_from_slice(&literal[..count.min(room)]);
                packed = &packed[count..];
            }
            run => {
                let (&value, rest) = packed.split_first().ok_or("a run is cut short")?;
                plane.extend(std::iter::repeat_n(value, (1 - isize::from(run)).unsigned_abs().min(room)));
                packed = rest;
            }
        }
    }
    Ok(plane)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_runs_and_padding_are_told_apart() {
        assert_eq!(unpack(&[2, 7, 8, 9, 0xfe, 5, 0x80], 6).unwrap(), [7, 8, 9, 5, 5, 5]);
        assert!(unpack(&[2, 7, 8], 3).is_err());
        assert!(unpack(&[0xfe], 3).is_err());
        assert!(unpack(&[], 1).is_err());
    }
}
