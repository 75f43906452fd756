//! Colours as red, green and blue, and as one grey value.

use super::codec::Samples;

/// Red, green and blue of pixels that are luminance and two chrominances, 8 bits each (PS3.3, C.7.6.3.1.2, which is
/// ITU-R BT.601 at full range). Other samples are passed on.
pub(super) fn to_rgb(samples: Samples, is_ybr: bool) -> Result<Samples, String> {
    if !is_ybr {
        return Ok(samples);
    }
    let Samples::Bytes(mut bytes) = samples else {
        return Err("luminance and chrominance of more than 8 bits; expected 8".to_owned());
    };
    for pixel in bytes.as_chunks_mut::<3>().0 {
        *pixel = rgb_of_ybr(*pixel);
    }
    Ok(Samples::Bytes(bytes))
}

fn rgb_of_ybr([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    let red = y + 1.402 * cr;
    let green = y - 0.344_136 * cb - 0.714_136 * cr;
    let blue = y + 1.772 * cb;
    // A conversion to `u8` ends at 0 and 255.
    [red, green, blue].map(|value| (value + 0.5) as u8)
}

/// Two luminances and a pair of chrominances become two pixels.
pub(super) fn spread_422(samples: &Samples) -> Result<Samples, String> {
    let Samples::Bytes(bytes) = samples else {
        return Err("YBR_FULL_422 of more than 8 bits; expected 8".to_owned());
    };
    let pairs = bytes.as_chunks::<4>().0.iter();
    Ok(Samples::Bytes(pairs.flat_map(|&[first, second, cb, cr]| [first, cb, cr, second, cb, cr]).collect()))
}
