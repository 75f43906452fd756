//! One compressed frame becomes samples.

mod jpeg;
mod jpeg2000;
mod jpeg_ls;
mod rle;

use super::pixels::{Photometric, PixelFormat};

/// How frames are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::io::dicom) enum Compression {
    /// Not at all, or the data set as a whole.
    None,
    Rle,
    /// Baseline, extended with 8 bits, lossless.
    Jpeg,
    JpegLs,
    /// And High-Throughput JPEG 2000. Where the transfer syntax allows losses, nothing in a stream tells for sure that it has none.
    Jpeg2000 {
        allows_loss: bool,
    },
    /// Each frame deflated.
    Deflated,
}

impl Compression {
    /// That of a transfer syntax (PS3.6, table A-1).
    pub(in crate::io::dicom) fn of(uid: &str, name: &str) -> Result<Self, String> {
        match uid.strip_prefix("1.2.840.10008.1.2").unwrap_or("other") {
            "" | ".1" | ".1.99" | ".2" => Ok(Self::None),
            ".5" => Ok(Self::Rle),
            ".4.50" | ".4.51" | ".4.57" | ".4.70" => Ok(Self::Jpeg),
            ".4.80" | ".4.81" => Ok(Self::JpegLs),
            ".4.90" | ".4.201" | ".4.202" => Ok(Self::Jpeg2000 { allows_loss: false }),
            ".4.91" | ".4.203" => Ok(Self::Jpeg2000 { allows_loss: true }),
            ".8.1" => Ok(Self::Deflated),
            _ => Err(format!(
                "its transfer syntax (0002,0010) is {name} ({uid}), which is not read; expected uncompressed or deflated data, RLE, \
                 JPEG baseline or lossless, JPEG-LS, JPEG 2000 or HTJ2K: convert it, as with `gdcmconv --raw`"
            )),
        }
    }
}

/// Samples, in the machine's byte order.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::io::dicom) enum Samples {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
    Longs(Vec<u32>),
}

impl Samples {
    pub(in crate::io::dicom) fn len(&self) -> usize {
        match self {
            Self::Bytes(samples) => samples.len(),
            Self::Words(samples) => samples.len(),
            Self::Longs(samples) => samples.len(),
        }
    }

    /// The `len` samples from `first` on.
    pub(in crate::io::dicom) fn part(&self, first: usize, len: usize) -> Result<Self, String> {
        fn cut<T: Clone>(samples: &[T], first: usize, len: usize) -> Result<Vec<T>, String> {
            let part = samples.get(first..).and_then(|rest| rest.get(..len));
            part.map(<[T]>::to_vec).ok_or_else(|| "its samples are cut short".to_owned())
        }
        match self {
            Self::Bytes(samples) => cut(samples, first, len).map(Self::Bytes),
            Self::Words(samples) => cut(samples, first, len).map(Self::Words),
            Self::Longs(samples) => cut(samples, first, len).map(Self::Longs),
        }
    }

    /// Plane after plane becomes pixel after pixel.
    pub(in crate::io::dicom) fn interleaved(&self, planes: usize) -> Self {
        fn turned<T: Copy>(samples: &[T], planes: usize) -> Vec<T> {
            let len = samples.len() / planes;
            (0..len).flat_map(|pixel| (0..planes).map(move |plane| samples[plane * len + pixel])).collect()
        }
        match self {
            Self::Bytes(samples) => Self::Bytes(turned(samples, planes)),
            Self::Words(samples) => Self::Words(turned(samples, planes)),
            Self::Longs(samples) => Self::Longs(turned(samples, planes)),
        }
    }
}

/// A decoded frame, `[y, x, sample]`.
pub(in crate::io::dicom) struct Decoded {
    pub samples: Samples,
    /// Whether the samples are luminance and chrominances, where the stream says so itself.
    pub is_ybr: Option<bool>,
    /// What it is packed as, where that does not give back what went in, or need not.
    pub lossy: Option<&'static str>,
}

/// The size that a stream claims.
struct Claim {
    rows: usize,
    columns: usize,
    components: usize,
}

impl Claim {
    /// Refuses a stream of another size than the data set's.
    fn check(&self, format: &PixelFormat) -> Result<(), String> {
        let components = format.samples() / format.pixels();
        if (self.rows, self.columns, self.components) == (format.rows, format.columns, components) {
            return Ok(());
        }
        Err(format!(
            "its stream holds {} rows, {} columns and {} samples a pixel; Rows, Columns and SamplesPerPixel say {}, {} and {components}",
            self.rows, self.columns, self.components, format.rows, format.columns
        ))
    }
}

/// Decodes a frame.
///
/// Nothing larger than `format` is allocated, whatever the stream says of itself.
pub(in crate::io::dicom) fn decode(
    compression: Compression,
    bytes: &[u8],
    format: &PixelFormat,
) -> Result<Decoded, String> {
    let decoded = match compression {
        Compression::None => return Err("is not compressed".to_owned()),
        Compression::Rle => rle::decode(bytes, format)?,
        Compression::Jpeg => jpeg::decode(bytes, format)?,
        Compression::JpegLs => jpeg_ls_frame(bytes, format)?,
        Compression::Jpeg2000 { allows_loss } => jpeg2000::decode(bytes, format, allows_loss)?,
        Compression::Deflated => deflated(bytes, format)?,
    };
    if decoded.samples.len() == format.samples() {
        return Ok(decoded);
    }
    Err(format!("{} samples; expected {}", decoded.samples.len(), format.samples()))
}

fn jpeg_ls_frame(bytes: &[u8], format: &PixelFormat) -> Result<Decoded, String> {
    let decoded = jpeg_ls::decode(bytes, format.samples())?;
    Claim { rows: decoded.rows, columns: decoded.columns, components: decoded.components }.check(format)?;
    if u32::from(decoded.bits) > format.allocated {
        return Err(format!(
            "its stream holds samples of {} bits; BitsAllocated says {}",
            decoded.bits, format.allocated
        ));
    }
    let samples = if format.allocated == 8 {
        Samples::Bytes(decoded.samples.iter().map(|&sample| sample as u8).collect())
    } else {
        Samples::Words(decoded.samples)
    };
    let lossy = (decoded.near > 0).then_some("near-lossless JPEG-LS");
    Ok(Decoded { samples, is_ybr: None, lossy })
}

/// A frame that is deflated by itself (PS3.5, A.4.13).
fn deflated(bytes: &[u8], format: &PixelFormat) -> Result<Decoded, String> {
    use std::io::Read;
    if ![8, 16, 32].contains(&format.allocated) {
        return Err(format!("deflated samples of {} bits; expected 8, 16 or 32", format.allocated));
    }
    let mut found = Vec::new();
    let len = format.samples() * (format.allocated / 8) as usize;
    // Some writers make the length even before they pack it.
    let most = len + len % 2;
    let outcome = flate2::bufread::DeflateDecoder::new(bytes).take(most as u64 + 1).read_to_end(&mut found);
    outcome.map_err(|error| format!("damaged deflated data: {error}"))?;
    if found.len() > most {
        return Err(format!(
            "its deflated samples come to more than the {len} bytes that Rows, Columns, SamplesPerPixel and BitsAllocated say; copy or \
             download the file again, or mend whichever is wrong"
        ));
    }
    found.truncate(len);
    let samples = match format.allocated {
        8 => Samples::Bytes(found),
        16 => Samples::Words(found.as_chunks().0.iter().map(|&two| u16::from_le_bytes(two)).collect()),
        _ => Samples::Longs(found.as_chunks().0.iter().map(|&four| u32::from_le_bytes(four)).collect()),
    };
    Ok(Decoded { samples, is_ybr: (format.photometric == Photometric::Rgb).then_some(false), lossy: None })
}
