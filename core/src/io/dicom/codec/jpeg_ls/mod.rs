//! JPEG-LS (ISO/IEC 14495-1, the same text as ITU-T T.87): lossless and near-lossless. It is here because no kept crate decodes it
//! without a C++ compiler and CMake.

mod bits;
mod coder;
mod context;
mod damage;
mod parameters;
mod scan;
mod segment;

use parameters::{Parameters, Preset};
use scan::Scan;
use segment::{Frame, ScanHeader, Segment};

/// Samples that room is made for, for each byte of the stream, before any is decoded: images of something take fewer.
const EXPECTED: usize = 32;

/// A decoded image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decoded {
    pub columns: usize,
    pub rows: usize,
    pub components: usize,
    /// Bits that a sample can take, 2 to 16.
    pub bits: u8,
    /// How far a sample may be from what went in.
    pub near: u8,
    /// `[y, x, component]`, the components in the order of the frame header.
    pub samples: Vec<u16>,
}

/// Decodes an image of `samples` samples; one that claims another number is refused before anything is allocated.
///
/// Room is made for 32 samples for each byte and for two lines; beyond that memory grows with the rows that are really there.
pub(super) fn decode(bytes: &[u8], samples: usize) -> Result<Decoded, String> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8]).ok_or("its stream does not begin with the JPEG-LS marker SOI")?;
    let mut image: Option<Image> = None;
    let mut preset = Preset::default();
    let mut restart = 0;
    loop {
        let segment;
        (segment, rest) = Segment::next(rest)?;
        match segment {
            Segment::Frame(_) if image.is_some() => {
                return Err("its JPEG-LS stream has two frame headers; expected one: it is damaged".to_owned());
            }
            Segment::Frame(segment) => image = Some(Image::new(Frame::parse(segment)?, bytes.len(), samples)?),
            Segment::Preset(segment) => preset = segment::preset(segment)?,
            Segment::Restart(segment) => restart = segment::restart(segment)?,
            Segment::Scan(segment) => {
                let image = image.as_mut().ok_or("a scan without a JPEG-LS frame header")?;
                let header = ScanHeader::parse(segment, &image.frame)?;
                image.claim(&header.components)?;
                image.near = image.near.max(header.near);
                let parameters = Parameters::new(image.frame.bits, header.near, preset)?;
                rest = Scan { parameters, header, restart }.decode(rest, image)?;
            }
            Segment::Other => {}
        }
        if let Some(image) = image.take_if(|image| image.is_whole()) {
            return Ok(image.decoded());
        }
    }
}

/// An image of which some components are decoded.
struct Image {
    frame: Frame,
    /// Which components are decoded, or about to be.
    claimed: Vec<usize>,
    /// The largest of its scans.
    near: u8,
    /// `[y, x, component]`; the first scan adds row after row.
    samples: Vec<u16>,
}

impl Image {
    /// For a stream of `len` bytes; refuses another number of samples than `expected`.
    fn new(frame: Frame, len: usize, expected: usize) -> Result<Self, String> {
        let Frame { rows, columns, ref components, .. } = frame;
        if rows as u64 * columns as u64 * components.len() as u64 != expected as u64 {
            return Err(format!(
                "its stream holds {rows} x {columns} samples of {} components; expected {expected} in all",
                components.len()
            ));
        }
        let room = expected.min(len.saturating_mul(EXPECTED));
        Ok(Self { frame, claimed: Vec::new(), near: 0, samples: Vec::with_capacity(room) })
    }

    fn claim(&mut self, components: &[usize]) -> Result<(), String> {
        if let Some(&twice) = components.iter().find(|component| self.claimed.contains(component)) {
            let id = self.frame.components[twice];
            return Err(format!("component {id} is in two JPEG-LS scans; expected one: the stream is damaged"));
        }
        self.claimed.extend(components);
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.claimed.len() == self.frame.components.len()
    }

    /// The samples of a row, `[x, component]`.
    fn row(&mut self, row: usize) -> &mut [u16] {
        let width = self.frame.columns * self.frame.components.len();
        let end = (row + 1) * width;
        if self.samples.len() < end {
            self.samples.resize(end, 0);
        }
        &mut self.samples[end - width..end]
    }

    fn decoded(self) -> Decoded {
        let Self { frame: Frame { bits, rows, columns, components }, near, samples, .. } = self;
        Decoded { columns, rows, components: components.len(), bits, near, samples }
    }
}

#[cfg(test)]
mod tests;
