//! One frame of a video as grey values.

use rl4seg_sdk::io::IoError;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::avi::{FrameFormat, Video};

/// Most pixels that a byte of JPEG can hold: an 8 x 8 block takes two codes, each of a bit at least.
const PIXELS_PER_BYTE: usize = 256;

/// Grey values `[y, x]` of a frame, 0 to 255, counted from 0. Of colours it is the luma (ITU-R BT.601), as JPEG stores it.
///
/// # Errors
/// If there is no such frame, it is damaged, or it is packed otherwise than as JPEG or not at all.
pub(super) fn grey(video: &Video, index: usize) -> Result<Vec<u8>, IoError> {
    let format = video.format();
    let bytes = video.frame(index)?;
    let frame = Frame { video, format, bytes, index };
    match (&format.compression, format.bits) {
        (b"MJPG" | b"mjpg", _) => frame.jpeg(),
        ([0, 0, 0, 0] | b"DIB ", 8 | 24) => frame.bitmap(),
        (code, bits) => Err(IoError::Unsupported {
            path: video.path().to_owned(),
            detail: format!(
                "its frames are packed as `{}` with {bits} bits a pixel; expected MJPG, or bitmaps of 8 or 24 bits: convert it, as with \
                 ffmpeg -i IN.avi -c:v mjpeg -q:v 1 OUT.avi",
                code.escape_ascii()
            ),
        }),
    }
}

struct Frame<'a> {
    video: &'a Video,
    format: &'a FrameFormat,
    bytes: &'a [u8],
    index: usize,
}

impl Frame<'_> {
    fn jpeg(&self) -> Result<Vec<u8>, IoError> {
        let [y, x] = self.format.shape;
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(x)
            .set_max_height(y)
            .jpeg_set_out_colorspace(ColorSpace::Luma);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(self.bytes), options);
        decoder.decode_headers().map_err(|error| self.refuse(&error.to_string()))?;
        let found = decoder.info().map(|info| [usize::from(info.height), usize::from(info.width)]);
        if found != Some([y, x]) {
            return Err(self.refuse(&format!("{found:?} rows and columns; expected {:?} as in strf", [y, x])));
        }
        if self.pixels().is_none_or(|pixels| pixels / PIXELS_PER_BYTE > self.bytes.len()) {
            return Err(self.refuse(&format!("{} bytes cannot hold {y} x {x} pixels", self.bytes.len())));
        }
        let grey = decoder.decode().map_err(|error| self.refuse(&error.to_string()))?;
        if Some(grey.len()) == self.pixels() { Ok(grey) } else { Err(self.refuse("its pixels are not all there")) }
    }

    /// A bitmap: rows that begin at multiples of four bytes, the lowest first unless it says otherwise.
    fn bitmap(&self) -> Result<Vec<u8>, IoError> {
        let [y, x] = self.format.shape;
        let pixel = usize::from(self.format.bits) / 8;
        let row = x.checked_mul(pixel).and_then(|row| row.checked_next_multiple_of(4));
        let Some(row) = row.filter(|row| row.checked_mul(y) == Some(self.bytes.len())) else {
            let found = self.bytes.len();
            return Err(self.refuse(&format!("{found} bytes; expected {y} rows of {x} pixels of {pixel} bytes")));
        };
        let rows = self.bytes.chunks_exact(row).map(|row| row.get(..x * pixel).unwrap_or_default());
        let rows: Vec<&[u8]> = if self.format.is_top_down { rows.collect() } else { rows.rev().collect() };
        let mut grey = Vec::with_capacity(x * y);
        for row in rows {
            for pixel in row.chunks_exact(pixel) {
                grey.push(self.luma(pixel).ok_or_else(|| self.refuse("a pixel has a colour that the palette lacks"))?);
            }
        }
        Ok(grey)
    }

    /// Of a pixel in blue, green and red, or of its colour in the palette.
    fn luma(&self, pixel: &[u8]) -> Option<u8> {
        let [blue, green, red] = match *pixel {
            [color] => self.format.palette.get(usize::from(color)).map(|&[blue, green, red, _]| [blue, green, red])?,
            [blue, green, red] => [blue, green, red],
            _ => return None,
        };
        let luma = 0.299 * f32::from(red) + 0.587 * f32::from(green) + 0.114 * f32::from(blue);
        Some(luma.round() as u8)
    }

    fn pixels(&self) -> Option<usize> {
        let [y, x] = self.format.shape;
        y.checked_mul(x)
    }

    fn refuse(&self, detail: &str) -> IoError {
        let detail = format!("frame {}: {detail}; copy or download the file again", self.index);
        IoError::Format { path: self.video.path().to_owned(), detail }
    }
}
