//! How pixels are stored (PS3.3, C.7.6.3), and frames of them.

use dicom_core::{Tag, value::PrimitiveValue};
use dicom_dictionary_std::{tags, uids};

use super::{
    attributes::Attributes,
    codec::{self, Compression, Samples},
    color,
    file::{Instance, named},
    fragments::Fragments,
};
use crate::io::{IoError, caught};

/// Decoded bytes that any file may come to, whatever its size.
const FLOOR: u64 = 64 << 20;
/// Decoded bytes that a byte of a file may come to: compressed frames of one grey value take a hundredth of a bit a pixel.
const MOST: u64 = 2000;

/// What the samples of a pixel are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Photometric {
    /// The smallest value is white.
    Monochrome1,
    /// The smallest value is black.
    Monochrome2,
    /// Numbers of a palette.
    Palette,
    /// Red, green, blue.
    Rgb,
    /// Luminance and two chrominances (PS3.3, C.7.6.3.1.2).
    Ybr,
    /// The same, a pair of chrominances for two pixels in a row.
    Ybr422,
    /// Red, green, blue that JPEG 2000 turns into others and back by itself.
    RgbWithin,
}

impl Photometric {
    fn of(attributes: &Attributes<'_>) -> Result<Self, IoError> {
        let tag = tags::PHOTOMETRIC_INTERPRETATION;
        let expected = "MONOCHROME1, MONOCHROME2, PALETTE COLOR, RGB, YBR_FULL, YBR_FULL_422, YBR_RCT or YBR_ICT";
        let text = attributes.text(tag).ok_or_else(|| attributes.missing(tag, expected))?;
        Ok(match text.as_str() {
            "MONOCHROME1" => Self::Monochrome1,
            "MONOCHROME2" => Self::Monochrome2,
            "PALETTE COLOR" => Self::Palette,
            "RGB" => Self::Rgb,
            "YBR_FULL" => Self::Ybr,
            "YBR_FULL_422" => Self::Ybr422,
            "YBR_RCT" | "YBR_ICT" => Self::RgbWithin,
            _ => return Err(attributes.wrong(tag, expected)),
        })
    }

    /// Samples of a pixel.
    fn samples(self) -> u32 {
        match self {
            Self::Monochrome1 | Self::Monochrome2 | Self::Palette => 1,
            Self::Rgb | Self::Ybr | Self::Ybr422 | Self::RgbWithin => 3,
        }
    }
}

/// Sizes and kinds of the pixels of an instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PixelFormat {
    pub frames: usize,
    pub rows: usize,
    pub columns: usize,
    pub photometric: Photometric,
    /// Bits that a sample takes: 1, 8, 16 or 32.
    pub allocated: u32,
    pub stored: u32,
    pub high_bit: u32,
    pub signed: bool,
    /// Whether all red samples come first, then all green ones.
    planar: bool,
}

impl PixelFormat {
    pub(super) fn of(instance: &Instance) -> Result<Self, IoError> {
        let attributes = Attributes { path: &instance.path, dataset: &instance.dataset };
        let length = |tag| match attributes.required_whole(tag)? {
            0 => Err(attributes.wrong(tag, "at least 1")),
            length => Ok(length as usize),
        };
        let (rows, columns) = (length(tags::ROWS)?, length(tags::COLUMNS)?);
        let frames = attributes.whole(tags::NUMBER_OF_FRAMES)?.unwrap_or(1).max(1) as usize;
        let photometric = Photometric::of(&attributes)?;
        if attributes.required_whole(tags::SAMPLES_PER_PIXEL)? != photometric.samples() {
            let expected = format!("{}, as PhotometricInterpretation says", photometric.samples());
            return Err(attributes.wrong(tags::SAMPLES_PER_PIXEL, &expected));
        }
        let allocated = attributes.required_whole(tags::BITS_ALLOCATED)?;
        if ![1, 8, 16, 32].contains(&allocated) {
            return Err(attributes.wrong(tags::BITS_ALLOCATED, "1, 8, 16 or 32"));
        }
        let stored = attributes.whole(tags::BITS_STORED)?.unwrap_or(allocated);
        if !(1..=allocated).contains(&stored) {
            return Err(attributes.wrong(tags::BITS_STORED, &format!("1 to {allocated} (BitsAllocated)")));
        }
        let high_bit = attributes.whole(tags::HIGH_BIT)?.unwrap_or(stored - 1);
        if high_bit >= allocated || high_bit + 1 < stored {
            return Err(attributes.wrong(tags::HIGH_BIT, &format!("{} (BitsStored - 1)", stored - 1)));
        }
        let signed = attributes.whole(tags::PIXEL_REPRESENTATION)?.unwrap_or(0) == 1;
        let planar = attributes.whole(tags::PLANAR_CONFIGURATION)?.unwrap_or(0) == 1;
        let format = Self { frames, rows, columns, photometric, allocated, stored, high_bit, signed, planar };
        format.check_size(&attributes, instance.size)?;
        Ok(format)
    }

    /// Pixels of a frame.
    pub(super) fn pixels(&self) -> usize {
        self.rows * self.columns
    }

    /// Samples of a frame.
    pub(super) fn samples(&self) -> usize {
        self.pixels() * self.photometric.samples() as usize
    }

    /// Refuses what no file of this size can hold, so that nothing is allocated for it.
    fn check_size(&self, attributes: &Attributes<'_>, size: usize) -> Result<(), IoError> {
        let bytes_a_sample = u64::from(self.allocated.div_ceil(8));
        let all = [self.frames as u64, self.rows as u64, self.columns as u64, self.photometric.samples().into()]
            .into_iter()
            .try_fold(bytes_a_sample, u64::checked_mul);
        if all.is_some_and(|all| all <= most_of(size)) {
            return Ok(());
        }
        Err(IoError::Format {
            path: attributes.path.to_owned(),
            detail: format!(
                "NumberOfFrames, Rows and Columns say {} x {} x {}, which a file of {size} bytes cannot hold",
                self.frames, self.rows, self.columns
            ),
        })
    }
}

/// Decoded bytes that a file of this size may come to.
pub(super) fn most_of(size: usize) -> u64 {
    FLOOR.saturating_add(MOST * size as u64)
}

/// Whether a data set is a segmentation in pixels.
pub(super) fn is_segmentation(attributes: &Attributes<'_>) -> bool {
    let kinds = [uids::SEGMENTATION_STORAGE, uids::LABEL_MAP_SEGMENTATION_STORAGE];
    attributes.text(tags::SOP_CLASS_UID).is_some_and(|uid| kinds.contains(&uid.as_str()))
}

/// The PixelData element is the one that is read here, and holds an image.
fn require_image(attributes: &Attributes<'_>) -> Result<(), IoError> {
    let is_segmentation = is_segmentation(attributes);
    if attributes.dataset.get(tags::PIXEL_DATA).is_some() && !is_segmentation {
        return Ok(());
    }
    let other = [tags::FLOAT_PIXEL_DATA, tags::DOUBLE_FLOAT_PIXEL_DATA];
    let detail = match other.into_iter().find(|&tag| attributes.dataset.get(tag).is_some()) {
        Some(tag) => format!(
            "its voxels stand in {}, as those of parametric maps; expected an image with {}",
            named(tag),
            named(tags::PIXEL_DATA)
        ),
        None if is_segmentation => "it is a segmentation (DICOM-SEG), a label map; expected an image".to_owned(),
        None => format!(
            "holds no image: there is no {}; it is a {}",
            named(tags::PIXEL_DATA),
            attributes
                .text(tags::SOP_CLASS_UID)
                .map_or_else(|| "data set without SOPClassUID".to_owned(), |uid| kind_of(&uid))
        ),
    };
    Err(IoError::Unsupported { path: attributes.path.to_owned(), detail })
}

/// What a SOP class is called.
pub(super) fn kind_of(uid: &str) -> String {
    use dicom_core::dictionary::UidDictionary;
    let entry = dicom_dictionary_std::StandardSopClassDictionary.by_uid(uid);
    entry.map_or_else(|| format!("SOP class {uid}"), |entry| entry.name.to_owned())
}

/// The frames of an instance, still as they lie in the file.
pub(super) struct Frames<'a> {
    instance: &'a Instance,
    pub format: PixelFormat,
    pixels: Pixels<'a>,
}

enum Pixels<'a> {
    /// Frame after frame.
    Native(Samples),
    Encapsulated(Fragments<'a>),
}

impl<'a> Frames<'a> {
    /// Those of an image.
    pub(super) fn of(instance: &'a Instance) -> Result<Self, IoError> {
        require_image(&Attributes { path: &instance.path, dataset: &instance.dataset })?;
        Self::of_any(instance)
    }

    /// Those of an image, or of a segmentation.
    pub(super) fn of_any(instance: &'a Instance) -> Result<Self, IoError> {
        let format = PixelFormat::of(instance)?;
        let element = instance.dataset.get(tags::PIXEL_DATA);
        let refuse = |detail: String| IoError::Format { path: instance.path.clone(), detail };
        let encapsulated = element.and_then(|element| Some((element.fragments()?, element.offset_table()?)));
        let pixels = match (encapsulated, element.and_then(|element| element.value().primitive())) {
            (Some((fragments, offsets)), _) if instance.compression != Compression::None => Pixels::Encapsulated(
                Fragments::of(&instance.dataset, fragments, offsets, format.frames).map_err(refuse)?,
            ),
            (None, Some(value)) if instance.compression == Compression::None => {
                Pixels::Native(native(value, &format, instance.big_endian).map_err(refuse)?)
            }
            _ => {
                return Err(refuse(format!(
                    "{} is {}, which the transfer syntax contradicts",
                    named(tags::PIXEL_DATA),
                    if encapsulated.is_some() { "in fragments, as compressed frames are" } else { "not in fragments" }
                )));
            }
        };
        Ok(Self { instance, format, pixels })
    }

    /// The samples of a frame as stored, colours as red, green and blue: `[y, x, sample]`. Counted from 0.
    pub(super) fn decode(&self, frame: usize) -> Result<Samples, IoError> {
        self.unpacked(frame).map(|(samples, _)| samples)
    }

    /// The same of a frame that holds numbers of structures: refuses one that was packed with losses.
    pub(super) fn decode_labels(&self, frame: usize) -> Result<Samples, IoError> {
        let (samples, lossy) = self.unpacked(frame)?;
        let Some(packing) = lossy else { return Ok(samples) };
        Err(IoError::Unsupported {
            path: self.instance.path.clone(),
            detail: format!(
                "frame {} of {} is packed as {packing}, which changes values, and so labels; expected a {} without losses: write \
                 the label map again from what it was made of, uncompressed or as RLE, JPEG-LS or JPEG 2000 without losses",
                frame + 1,
                self.format.frames,
                named(tags::TRANSFER_SYNTAX_UID)
            ),
        })
    }

    /// The samples of a frame, and what it is packed as where that has losses.
    fn unpacked(&self, frame: usize) -> Result<(Samples, Option<&'static str>), IoError> {
        let Self { instance, format, pixels } = self;
        let refuse = |detail: String| IoError::Format {
            path: instance.path.clone(),
            detail: format!("frame {} of {}: {detail}", frame + 1, format.frames),
        };
        let (samples, coded, lossy) = match pixels {
            Pixels::Native(all) => (native_frame(all, format, frame).map_err(refuse)?, None, None),
            Pixels::Encapsulated(fragments) => {
                let bytes = fragments.frame(frame).map_err(refuse)?;
                let decoded = caught(|| codec::decode(instance.compression, &bytes, format)).map_err(refuse)?;
                (decoded.samples, decoded.is_ybr, decoded.lossy)
            }
        };
        let is_ybr = coded.unwrap_or(matches!(format.photometric, Photometric::Ybr | Photometric::Ybr422));
        Ok((color::to_rgb(samples, is_ybr).map_err(refuse)?, lossy))
    }
}

/// All samples of a data set that is not compressed, in the machine's byte order.
fn native(value: &PrimitiveValue, format: &PixelFormat, big_endian: bool) -> Result<Samples, String> {
    let halved = format.photometric == Photometric::Ybr422;
    let a_frame = if halved { format.pixels() * 2 } else { format.samples() };
    let bits = format.frames as u64 * a_frame as u64 * u64::from(format.allocated);
    let expected = bits.div_ceil(8);
    let found = (value.calculate_byte_len() as u64, value);
    // An odd number of bytes is padded by one; more than that is somebody's mistake, but harmless.
    if found.0 < expected {
        return Err(format!(
            "{} is cut short: {} of {expected} bytes; copy or download the file again",
            named(tags::PIXEL_DATA),
            found.0
        ));
    }
    let words = matches!(value, PrimitiveValue::U16(_));
    Ok(match (format.allocated, value) {
        (16, PrimitiveValue::U16(words)) => Samples::Words(words.to_vec()),
        (1 | 8, _) => Samples::Bytes(value.to_bytes().into_owned()),
        (16, _) => Samples::Words(whole_numbers(&value.to_bytes(), big_endian, u16::from_be_bytes, u16::from_le_bytes)),
        _ => {
            let bytes = value.to_bytes();
            // Words are in this machine's order already, pairs of them are not.
            let longs = whole_numbers(&bytes, big_endian && !words, u32::from_be_bytes, u32::from_le_bytes);
            Samples::Longs(if words && big_endian {
                longs.into_iter().map(|long| long.rotate_left(16)).collect()
            } else {
                longs
            })
        }
    })
}

fn whole_numbers<T, const N: usize>(
    bytes: &[u8],
    big_endian: bool,
    big: fn([u8; N]) -> T,
    little: fn([u8; N]) -> T,
) -> Vec<T> {
    let of = if big_endian { big } else { little };
    bytes.as_chunks::<N>().0.iter().map(|&chunk| of(chunk)).collect()
}

fn native_frame(all: &Samples, format: &PixelFormat, frame: usize) -> Result<Samples, String> {
    if format.allocated == 1 {
        let Samples::Bytes(bytes) = all else { return Err("bits that are not bytes".to_owned()) };
        let bit = |index: usize| bytes.get(index / 8).map_or(0, |byte| byte >> (index % 8) & 1);
        let first = frame * format.samples();
        return Ok(Samples::Bytes((first..first + format.samples()).map(bit).collect()));
    }
    if format.photometric == Photometric::Ybr422 {
        let len = format.pixels() * 2;
        return color::spread_422(&all.part(frame * len, len)?);
    }
    let samples = all.part(frame * format.samples(), format.samples())?;
    Ok(if format.planar { samples.interleaved(format.photometric.samples() as usize) } else { samples })
}

/// Where a tag with per-frame values is looked for.
pub(super) const PER_FRAME: Tag = tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE;
