//! JPEG (ISO/IEC 10918-1): baseline and extended with 8 bits, and lossless with up to 16.

use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::{Claim, Decoded, Photometric, PixelFormat, Samples};

/// What the markers before the first scan say.
#[derive(Debug, Default)]
struct Header {
    /// The second byte of the frame's marker, `SOF0` to `SOF15`.
    process: u8,
    precision: u8,
    rows: usize,
    columns: usize,
    /// The identifiers of the components.
    components: Vec<u8>,
    /// The transform that an Adobe marker names.
    adobe: Option<u8>,
    has_jfif: bool,
}

pub(super) fn decode(bytes: &[u8], format: &PixelFormat) -> Result<Decoded, String> {
    let header = Header::parse(bytes)?;
    Claim { rows: header.rows, columns: header.columns, components: header.components.len() }.check(format)?;
    let (samples, lossy) = match (header.process, header.precision) {
        (0xc0..=0xc2, 8) => (lossy(bytes, header.components.len())?, Some("JPEG that is not lossless")),
        (0xc3, 2..=16) => (lossless(bytes, header.precision, format)?, None),
        (0xc0..=0xc2, bits) => {
            return Err(format!(
                "JPEG with {bits} bits a sample that is not lossless; expected 8: convert it, as with `gdcmconv --raw`"
            ));
        }
        (process, _) => return Err(format!("JPEG process SOF{}, which is not read", process - 0xc0)),
    };
    Ok(Decoded { samples, is_ybr: header.is_ybr(format.photometric), lossy })
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut header = Self::default();
        let mut rest = bytes.strip_prefix(&[0xff, 0xd8]).ok_or("its stream does not begin with the JPEG marker SOI")?;
        loop {
            // Any number of 0xff may stand before a marker.
            while let [0xff, 0xff, ..] = rest {
                rest = &rest[1..];
            }
            let Some(&[0xff, marker, high, low]) = rest.first_chunk::<4>() else {
                return Err("its JPEG stream is cut short, or damaged, before the first scan".to_owned());
            };
            let len = usize::from(u16::from_be_bytes([high, low]));
            let segment = rest.get(4..2 + len).ok_or("a JPEG segment is cut short")?;
            match marker {
                0xda if header.process == 0 => return Err("a scan without a JPEG frame header".to_owned()),
                0xda => return Ok(header),
                0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&marker) => header.frame(marker, segment)?,
                0xe0 => header.has_jfif |= segment.starts_with(b"JFIF\0"),
                0xee if segment.starts_with(b"Adobe") => header.adobe = segment.get(11).copied(),
                _ => {}
            }
            rest = &rest[2 + len..];
        }
    }

    fn frame(&mut self, marker: u8, segment: &[u8]) -> Result<(), String> {
        let Some((&[precision, y, y_low, x, x_low, count], components)) = segment.split_first_chunk::<6>() else {
            return Err("the JPEG frame header is cut short".to_owned());
        };
        self.process = marker;
        self.precision = precision;
        self.rows = usize::from(u16::from_be_bytes([y, y_low]));
        self.columns = usize::from(u16::from_be_bytes([x, x_low]));
        self.components = components.chunks_exact(3).take(count.into()).map(|component| component[0]).collect();
        Ok(())
    }

    /// Whether three components are luminance and chrominances. What the stream says counts before what the data set says, which
    /// many writers get wrong.
    fn is_ybr(&self, photometric: Photometric) -> Option<bool> {
        if self.components.len() != 3 {
            return Some(false);
        }
        match self.adobe {
            Some(transform) => Some(transform != 0),
            None if self.has_jfif => Some(true),
            None if self.components == *b"RGB" => Some(false),
            None => Some(photometric != Photometric::Rgb),
        }
    }
}

fn lossy(bytes: &[u8], components: usize) -> Result<Samples, String> {
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), DecoderOptions::default());
    decoder.decode_headers().map_err(|error| format!("damaged JPEG data: {error}"))?;
    // The components as they are: what they mean is not the decoder's to say.
    let found = decoder.input_colorspace().ok_or("no components")?;
    let as_stored = match (components, found) {
        (1, _) => ColorSpace::Luma,
        (_, ColorSpace::YCbCr) => ColorSpace::YCbCr,
        _ => ColorSpace::RGB,
    };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(as_stored));
    decoder.decode().map(Samples::Bytes).map_err(|error| format!("damaged JPEG data: {error}"))
}

fn lossless(bytes: &[u8], precision: u8, format: &PixelFormat) -> Result<Samples, String> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.set_color_transform(jpeg_decoder::ColorTransform::None);
    decoder.set_max_decoding_buffer_size(8 * format.samples());
    let decoded = decoder.decode().map_err(|error| format!("damaged JPEG data: {error}"))?;
    // The decoder gives samples of 8 bits as bytes, and those of all other depths as words, in the machine's order.
    let words = || decoded.as_chunks().0.iter().map(|&two| u16::from_ne_bytes(two));
    Ok(match (precision, format.allocated) {
        (8, 8) => Samples::Bytes(decoded),
        (8, _) => Samples::Words(decoded.into_iter().map(u16::from).collect()),
        (..8, 8) => {
            let narrow = words().map(u8::try_from).collect::<Result<_, _>>();
            Samples::Bytes(narrow.map_err(|_| format!("damaged JPEG data: a sample has more than {precision} bits"))?)
        }
        _ => Samples::Words(words().collect()),
    })
}
