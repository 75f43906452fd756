//! PNG, JPEG and TIFF: one plane of grey values, which do not tell how large a pixel is.
//!
//! Resolutions that a file may hold are not taken: most are those of a screen or a printer.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Cursor, Seek},
    path::Path,
};

use nifti::NiftiType;
use png::{BitDepth, ColorType};
use tiff::decoder::DecodingResult;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::{
    IoError, caught,
    formats::{JPEG, PNG},
    luminance,
    nifti::NiftiGeometry,
    placing,
    voxels::{Purpose, Volume, Voxels},
};
use crate::domain::Grid;

/// Decoded bytes that any file may come to, whatever its size.
const FLOOR: u64 = 64 << 20;
/// Decoded bytes that a byte of a file may come to.
const MOST: u64 = 2000;

const NO_SIZE: &str = "cannot be read as JPEG: it has no size";

/// Samples as stored, all of a pixel before those of the next.
enum Samples {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
    Floats(Vec<f32>),
}

impl Samples {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(samples) => samples.len(),
            Self::Words(samples) => samples.len(),
            Self::Floats(samples) => samples.len(),
        }
    }
}

struct Picture {
    /// Rows and columns.
    shape: [usize; 2],
    /// Samples of a pixel: 1, or 3 for red, green and blue, and one more for alpha until it is taken away.
    channels: usize,
    samples: Samples,
}

/// The numbers of a picture.
pub(super) fn read(path: &Path, spacing_mm: Option<[f64; 2]>, purpose: Purpose) -> Result<Volume, IoError> {
    let bytes = fs::read(path).map_err(|source| placing::read_error(path, source))?;
    let format = |detail| IoError::Format { path: path.to_owned(), detail };
    let picture = caught(|| {
        if bytes.starts_with(PNG) {
            png(&bytes, purpose)
        } else if bytes.starts_with(JPEG) {
            jpeg(&bytes, purpose)
        } else {
            tiff(&bytes, purpose)
        }
    });
    let picture = picture.and_then(Picture::without_alpha).map_err(format)?;
    let geometry = geometry(path, picture.shape, spacing_mm)?;
    let voxels = picture.voxels(purpose).map_err(format)?;
    Ok(Volume { geometry, voxels })
}

/// Where the pixels of a picture lie; they are not decoded.
pub(super) fn read_geometry(path: &Path, spacing_mm: Option<[f64; 2]>) -> Result<NiftiGeometry, IoError> {
    let read_error = |source| placing::read_error(path, source);
    let start = placing::first_bytes(path, PNG.len())?;
    let file = File::open(path).map_err(read_error)?;
    let size = file.metadata().map_err(read_error)?.len();
    let shape = caught(|| {
        let [rows, columns] = shape(&start, BufReader::new(file))?;
        // A pixel takes a bit at the least.
        check_size(rows.checked_mul(columns).map(|pixels| pixels / 8), size as usize)?;
        Ok([rows, columns])
    });
    let shape = shape.map_err(|detail| IoError::Format { path: path.to_owned(), detail })?;
    geometry(path, shape, spacing_mm)
}

/// Rows and columns of a picture that begins so.
fn shape(start: &[u8], file: impl BufRead + Seek) -> Result<[usize; 2], String> {
    if start.starts_with(PNG) {
        let mut decoder = png::Decoder::new(file);
        let info = decoder.read_header_info().map_err(not_png)?;
        return Ok([info.height as usize, info.width as usize]);
    }
    if start.starts_with(JPEG) {
        let mut decoder = JpegDecoder::new(file);
        decoder.decode_headers().map_err(not_jpeg)?;
        let (width, height) = decoder.dimensions().ok_or(NO_SIZE)?;
        return Ok([height, width]);
    }
    let mut decoder = tiff::decoder::Decoder::new(file).map_err(not_tiff)?;
    let (width, height) = decoder.dimensions().map_err(not_tiff)?;
    Ok([height as usize, width as usize])
}

fn geometry(path: &Path, shape: [usize; 2], spacing_mm: Option<[f64; 2]>) -> Result<NiftiGeometry, IoError> {
    let spacing_mm = spacing_mm.ok_or_else(|| IoError::Field {
        path: path.to_owned(),
        field: "spacing".to_owned(),
        found: "not told by a picture".to_owned(),
        expected: "the size of a pixel in mm: give it with --spacing Y X, or spacing_mm = [y, x] in the configuration"
            .to_owned(),
    })?;
    let grid = Grid::plane(shape, spacing_mm).map_err(|source| IoError::Domain { path: path.to_owned(), source })?;
    Ok(NiftiGeometry::for_grid(&grid))
}

impl Picture {
    /// The same without an alpha channel, which must let nothing through.
    fn without_alpha(self) -> Result<Self, String> {
        let channels = match self.channels {
            2 => 1,
            4 => 3,
            _ => return Ok(self),
        };
        let samples = match &self.samples {
            Samples::Bytes(samples) => opaque(samples, self.channels, u8::MAX).map(Samples::Bytes),
            Samples::Words(samples) => opaque(samples, self.channels, u16::MAX).map(Samples::Words),
            Samples::Floats(_) => None,
        };
        let samples = samples.ok_or("has an alpha channel that lets the background through; remove it")?;
        Ok(Self { channels, samples, ..self })
    }

    fn voxels(self, purpose: Purpose) -> Result<Voxels, String> {
        let samples = match (self.channels, purpose) {
            (3, Purpose::Image) => Samples::Floats(luminances(&self.samples)),
            (3, Purpose::Labels) => gray(&self.samples)
                .ok_or("has colours; expected one number a pixel: a grey picture, or one with a palette")?,
            _ => self.samples,
        };
        let (bytes, data_type) = match samples {
            Samples::Bytes(bytes) => (bytes, NiftiType::Uint8),
            Samples::Words(words) => (words.into_iter().flat_map(u16::to_le_bytes).collect(), NiftiType::Uint16),
            Samples::Floats(floats) => (floats.into_iter().flat_map(f32::to_le_bytes).collect(), NiftiType::Float32),
        };
        Ok(Voxels { bytes, data_type, big_endian: false, scaling: [1.0, 0.0] })
    }
}

fn luminances(samples: &Samples) -> Vec<f32> {
    fn of<T: Copy + Into<f32>>(samples: &[T]) -> Vec<f32> {
        samples.as_chunks::<3>().0.iter().map(|pixel| luminance(pixel.map(Into::into))).collect()
    }
    match samples {
        Samples::Bytes(samples) => of(samples),
        Samples::Words(samples) => of(samples),
        Samples::Floats(samples) => of(samples),
    }
}

/// One sample a pixel, where red, green and blue are the same everywhere.
fn gray(samples: &Samples) -> Option<Samples> {
    fn of<T: Copy + PartialEq>(samples: &[T]) -> Option<Vec<T>> {
        let (pixels, _) = samples.as_chunks::<3>();
        let is_gray = pixels.iter().all(|[red, green, blue]| red == green && green == blue);
        is_gray.then(|| pixels.iter().map(|&[red, ..]| red).collect())
    }
    match samples {
        Samples::Bytes(samples) => of(samples).map(Samples::Bytes),
        Samples::Words(samples) => of(samples).map(Samples::Words),
        Samples::Floats(samples) => of(samples).map(Samples::Floats),
    }
}

/// All but the last sample of each pixel, where that is full everywhere.
fn opaque<T: Copy + PartialEq>(samples: &[T], channels: usize, full: T) -> Option<Vec<T>> {
    let pixels = || samples.chunks_exact(channels).filter_map(<[T]>::split_last);
    let is_opaque = pixels().all(|(&alpha, _)| alpha == full);
    is_opaque.then(|| pixels().flat_map(|(_, colors)| colors).copied().collect())
}

/// Decoded bytes that a file of this size may come to.
fn most(file: usize) -> u64 {
    FLOOR.saturating_add(MOST * file as u64)
}

/// Refuses what no file of this size can hold.
fn check_size(decoded: Option<usize>, file: usize) -> Result<usize, String> {
    decoded
        .filter(|&decoded| decoded as u64 <= most(file))
        .ok_or_else(|| format!("claims a size that a file of {file} bytes cannot hold"))
}

fn not_png(error: png::DecodingError) -> String {
    format!("cannot be read as PNG: {error}")
}

fn not_jpeg(error: zune_jpeg::errors::DecodeErrors) -> String {
    format!("cannot be read as JPEG: {error}")
}

fn not_tiff(error: tiff::TiffError) -> String {
    format!("cannot be read as TIFF: {error}")
}

fn png(bytes: &[u8], purpose: Purpose) -> Result<Picture, String> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    let info = decoder.read_header_info().map_err(not_png)?;
    let is_palette = info.color_type == ColorType::Indexed;
    // Numbers of a palette become colours, and those of a few bits become bytes of full range, only where an image is wanted.
    if purpose == Purpose::Image && is_palette {
        decoder.set_transformations(png::Transformations::EXPAND);
    }
    let mut reader = decoder.read_info().map_err(not_png)?;
    if !is_palette && reader.info().trns.is_some() {
        return Err("marks a value as transparent (chunk tRNS); save it without transparency".to_owned());
    }
    let size = check_size(reader.output_buffer_size(), bytes.len())?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(not_png)?;
    let shape = [frame.height as usize, frame.width as usize];
    let channels = frame.color_type.samples();
    let samples = match frame.bit_depth {
        BitDepth::Sixteen => Samples::Words(pixels.as_chunks().0.iter().map(|&two| u16::from_be_bytes(two)).collect()),
        BitDepth::Eight => Samples::Bytes(pixels),
        few => Samples::Bytes(spread(&pixels, shape, few as usize)),
    };
    Ok(Picture { shape, channels, samples })
}

/// Numbers of a few bits, packed row by row, the first in the highest bits.
fn spread(packed: &[u8], [rows, columns]: [usize; 2], bits: usize) -> Vec<u8> {
    let row_len = (columns * bits).div_ceil(8);
    let mask = (1_u16 << bits) as u8 - 1;
    let number = |row: usize, column: usize| {
        let bit = column * bits;
        packed.get(row * row_len + bit / 8).map_or(0, |byte| byte >> (8 - bits - bit % 8) & mask)
    };
    (0..rows).flat_map(|row| (0..columns).map(move |column| number(row, column))).collect()
}

fn jpeg(bytes: &[u8], purpose: Purpose) -> Result<Picture, String> {
    if purpose == Purpose::Labels {
        return Err(
            "is a JPEG, which changes values: labels that were saved so are spoilt; save them as PNG".to_owned()
        );
    }
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), DecoderOptions::default());
    decoder.decode_headers().map_err(not_jpeg)?;
    let (color, channels) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorSpace::Luma, 1),
        Some(ColorSpace::YCbCr | ColorSpace::RGB) => (ColorSpace::RGB, 3),
        _ => {
            return Err(
                "its colours are CMYK or of no known kind; expected grey values, or red, green and blue".to_owned()
            );
        }
    };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(color));
    check_size(decoder.output_buffer_size(), bytes.len())?;
    let (width, height) = decoder.dimensions().ok_or(NO_SIZE)?;
    let samples = Samples::Bytes(decoder.decode().map_err(not_jpeg)?);
    Ok(Picture { shape: [height, width], channels, samples })
}

fn tiff(bytes: &[u8], purpose: Purpose) -> Result<Picture, String> {
    let mut limits = tiff::decoder::Limits::default();
    limits.decoding_buffer_size = usize::try_from(most(bytes.len())).unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = limits.decoding_buffer_size;
    let mut decoder = tiff::decoder::Decoder::new(Cursor::new(bytes)).map_err(not_tiff)?.with_limits(limits);
    let (width, height) = decoder.dimensions().map_err(not_tiff)?;
    let shape = [height as usize, width as usize];
    // The decoder gives what is shown, which is not what is stored where 0 is white.
    let meaning = decoder.find_tag(tiff::tags::Tag::PhotometricInterpretation).map_err(not_tiff)?;
    let is_white_zero = meaning.and_then(|meaning| meaning.into_u16().ok()) == Some(0);
    if purpose == Purpose::Labels && is_white_zero {
        return Err("shows 0 as white, so that it is open which label a pixel has; save it with 0 as black".to_owned());
    }
    let color = decoder.colortype().map_err(not_tiff)?;
    let channels = match color {
        tiff::ColorType::Gray(1 | 2 | 4 | 8 | 16 | 32) => 1,
        tiff::ColorType::GrayA(8 | 16) => 2,
        tiff::ColorType::RGB(8 | 16) => 3,
        tiff::ColorType::RGBA(8 | 16) => 4,
        other => {
            return Err(format!(
                "its pixels are {other:?}; expected grey values, or red, green and blue of 8 or 16 bits"
            ));
        }
    };
    let sample = usize::from(color.bit_depth()).div_ceil(8);
    let claimed = [shape[0], shape[1], channels].iter().try_fold(sample, |size, &length| size.checked_mul(length));
    check_size(claimed, bytes.len())?;
    let decoded = decoder.read_image().map_err(not_tiff)?;
    if decoder.more_images() {
        return Err("has several pages; expected one: save each to its own file".to_owned());
    }
    let samples = match decoded {
        DecodingResult::U8(samples) if color.bit_depth() < 8 => {
            Samples::Bytes(spread(&samples, shape, color.bit_depth().into()))
        }
        DecodingResult::U8(samples) => Samples::Bytes(samples),
        DecodingResult::U16(samples) => Samples::Words(samples),
        DecodingResult::F32(samples) => Samples::Floats(samples),
        _ => {
            return Err(format!(
                "its pixels are {color:?}; expected whole numbers of at most 16 bits, not negative, or floats of 32"
            ));
        }
    };
    // Of colours in planes of their own the decoder gives the first plane.
    if samples.len() != shape[0] * shape[1] * channels {
        return Err("its colours lie in planes of their own; save it with the colours of a pixel together".to_owned());
    }
    Ok(Picture { shape, channels, samples })
}

#[cfg(test)]
mod tests;
