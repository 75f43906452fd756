//! Stored values become intensities: sign, palette, rescaling, window, and which end is bright.

use dicom_dictionary_std::tags;

use super::{
    attributes::Attributes,
    codec::Samples,
    lut::Lut,
    pixels::{PER_FRAME, Photometric, PixelFormat},
};
use crate::io::{Intensity, IoError, luminance};

/// How stored values become intensities.
pub(super) struct Scale {
    rescaling: Rescaling,
    window: Option<Window>,
    palette: Option<[Lut; 3]>,
    /// What the luminance of colours is divided by.
    brightest: f32,
}

enum Rescaling {
    Line { slope: f64, intercept: f64 },
    Table(Lut),
}

enum Window {
    Table(Lut),
    Function {
        kind: Function,
        center: f64,
        width: f64,
    },
    /// All values that can be stored: of an image that asks for no window.
    Whole {
        lowest: f64,
        highest: f64,
    },
}

/// PS3.3, C.11.2.1.2 and C.11.2.1.3.
enum Function {
    Linear,
    LinearExact,
    Sigmoid,
}

impl Scale {
    /// That of a frame, counted from 0.
    pub(super) fn of(
        root: &Attributes<'_>,
        frame: usize,
        format: &PixelFormat,
        intensity: Intensity,
    ) -> Result<Self, IoError> {
        let transformation = group(root, frame, tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE);
        let rescaling = Rescaling::of(&transformation.unwrap_or(*root), root, format)?;
        let window = match intensity {
            Intensity::Rescaled => None,
            Intensity::Shown => {
                let [lowest, highest] = rescaling.ends(format);
                let holder = group(root, frame, tags::FRAME_VOILUT_SEQUENCE).unwrap_or(*root);
                Some(Window::of(&holder, lowest < 0.0)?.unwrap_or(Window::Whole { lowest, highest }))
            }
        };
        let palette = (format.photometric == Photometric::Palette).then(|| palette(root)).transpose()?;
        let brightest = match (&palette, intensity) {
            (_, Intensity::Rescaled) => 1.0,
            (Some([red, ..]), Intensity::Shown) => red.brightest() as f32,
            (None, Intensity::Shown) => ends(format)[1] as f32,
        };
        Ok(Self { rescaling, window, palette, brightest })
    }

    /// Intensities `[y, x]` of a frame's samples.
    pub(super) fn apply(&self, samples: &Samples, format: &PixelFormat) -> Vec<f32> {
        if let Some(palette) = &self.palette {
            let rgb = |value: f64| luminance([0, 1, 2].map(|channel| f32::from(palette[channel].look_up(value))));
            return stored(samples, format).map(|value| rgb(value) / self.brightest).collect();
        }
        if format.samples() > format.pixels() {
            let values: Vec<f32> = stored(samples, format).map(|value| value as f32).collect();
            return values.as_chunks::<3>().0.iter().map(|&pixel| luminance(pixel) / self.brightest).collect();
        }
        let ends = ends(format).map(|end| self.rescaling.apply(end));
        let inverted = format.photometric == Photometric::Monochrome1;
        let intensity = |value: f64| {
            let value = self.rescaling.apply(value);
            match &self.window {
                Some(window) if inverted => 1.0 - window.apply(value),
                Some(window) => window.apply(value),
                None if inverted => ends[0] + ends[1] - value,
                None => value,
            }
        };
        stored(samples, format).map(|value| intensity(value) as f32).collect()
    }
}

/// The values that samples stand for: the stored bits alone, with their sign.
pub(super) fn stored<'a>(samples: &'a Samples, format: &PixelFormat) -> Box<dyn Iterator<Item = f64> + 'a> {
    let shift = format.high_bit + 1 - format.stored;
    let (stored, signed) = (format.stored, format.signed);
    let value = move |raw: u32| {
        let bits = u64::from(raw >> shift) & ((1_u64 << stored) - 1);
        if signed && bits >> (stored - 1) == 1 { bits as f64 - (1_u64 << stored) as f64 } else { bits as f64 }
    };
    match samples {
        Samples::Bytes(samples) => Box::new(samples.iter().map(move |&sample| value(sample.into()))),
        Samples::Words(samples) => Box::new(samples.iter().map(move |&sample| value(sample.into()))),
        Samples::Longs(samples) => Box::new(samples.iter().map(move |&sample| value(sample))),
    }
}

/// The smallest and the largest value that can be stored.
fn ends(format: &PixelFormat) -> [f64; 2] {
    let values = (1_u64 << format.stored) as f64;
    if format.signed { [-values / 2.0, values / 2.0 - 1.0] } else { [0.0, values - 1.0] }
}

impl Rescaling {
    fn of(attributes: &Attributes<'_>, root: &Attributes<'_>, format: &PixelFormat) -> Result<Self, IoError> {
        if let Some(item) = root.item(tags::MODALITY_LUT_SEQUENCE) {
            return Lut::read(&item, tags::LUT_DESCRIPTOR, tags::LUT_DATA, format.signed).map(Self::Table);
        }
        let slope = attributes.number(tags::RESCALE_SLOPE)?.unwrap_or(1.0);
        if slope == 0.0 {
            return Err(attributes.wrong(tags::RESCALE_SLOPE, "a number other than 0"));
        }
        Ok(Self::Line { slope, intercept: attributes.number(tags::RESCALE_INTERCEPT)?.unwrap_or(0.0) })
    }

    fn apply(&self, value: f64) -> f64 {
        match self {
            Self::Line { slope, intercept } => value * slope + intercept,
            Self::Table(table) => table.look_up(value).into(),
        }
    }

    /// The smallest and the largest value that it can give.
    fn ends(&self, format: &PixelFormat) -> [f64; 2] {
        let [a, b] = match self {
            Self::Line { .. } => ends(format).map(|end| self.apply(end)),
            Self::Table(table) => [0.0, table.brightest()],
        };
        [a.min(b), a.max(b)]
    }
}

impl Window {
    /// The first of a frame. `signed`: whether what it is for, the rescaled values, may be below 0.
    fn of(attributes: &Attributes<'_>, signed: bool) -> Result<Option<Self>, IoError> {
        if let Some(item) = attributes.item(tags::VOILUT_SEQUENCE) {
            return Lut::read(&item, tags::LUT_DESCRIPTOR, tags::LUT_DATA, signed)
                .map(|table| Some(Self::Table(table)));
        }
        let first = |tag| Ok::<_, IoError>(attributes.numbers(tag)?.and_then(|numbers| numbers.first().copied()));
        let (Some(center), Some(width)) = (first(tags::WINDOW_CENTER)?, first(tags::WINDOW_WIDTH)?) else {
            return Ok(None);
        };
        let kind = match attributes.text(tags::VOILUT_FUNCTION).as_deref() {
            None | Some("LINEAR") => Function::Linear,
            Some("LINEAR_EXACT") => Function::LinearExact,
            Some("SIGMOID") => Function::Sigmoid,
            Some(_) => return Err(attributes.wrong(tags::VOILUT_FUNCTION, "LINEAR, LINEAR_EXACT or SIGMOID")),
        };
        if width < 1.0 && matches!(kind, Function::Linear) || width <= 0.0 {
            return Err(
                attributes.wrong(tags::WINDOW_WIDTH, "at least 1, or above 0 where VOILUTFunction is not LINEAR")
            );
        }
        Ok(Some(Self::Function { kind, center, width }))
    }

    /// 0 to 1.
    fn apply(&self, value: f64) -> f64 {
        match self {
            Self::Table(table) => f64::from(table.look_up(value)) / table.brightest(),
            Self::Whole { lowest, highest } => (value - lowest) / (highest - lowest),
            Self::Function { kind: Function::Sigmoid, center, width } => {
                1.0 / (1.0 + (-4.0 * (value - center) / width).exp())
            }
            Self::Function { kind: Function::LinearExact, center, width } => {
                ((value - center) / width + 0.5).clamp(0.0, 1.0)
            }
            Self::Function { kind: Function::Linear, center, width } if *width == 1.0 => {
                f64::from(u8::from(value > center - 0.5))
            }
            Self::Function { kind: Function::Linear, center, width } => {
                ((value - (center - 0.5)) / (width - 1.0) + 0.5).clamp(0.0, 1.0)
            }
        }
    }
}

fn palette(root: &Attributes<'_>) -> Result<[Lut; 3], IoError> {
    if let Some(tag) =
        [tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA].into_iter().find(|&tag| root.dataset.get(tag).is_some())
    {
        return Err(root.wrong(tag, "a palette that is not segmented: convert the image to RGB"));
    }
    // Numbers of a palette have no sign.
    let table = |descriptor, data| Lut::read(root, descriptor, data, false);
    Ok([
        table(tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA)?,
        table(tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA)?,
        table(tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA)?,
    ])
}

/// A functional group of a frame, its own or the one that all share (PS3.3, C.7.6.16).
pub(super) fn group<'a>(root: &Attributes<'a>, frame: usize, tag: dicom_core::Tag) -> Option<Attributes<'a>> {
    root.nth(PER_FRAME, frame)
        .and_then(|own| own.item(tag))
        .or_else(|| root.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)?.item(tag))
}
