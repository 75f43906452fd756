//! JPEG-LS (ISO/IEC 14495-1, the same text as ITU-T T.87): lossless and near-lossless. It is here because no kept crate decodes it
//! without a C++ compiler and CMake.

mod bits;
mod context;
mod scan;

use context::Preset;
use scan::{Interleave, Scan};

/// A decoded image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decoded {
    pub columns: usize,
    pub rows: usize,
    pub components: usize,
    /// `[y, x, component]`.
    pub samples: Vec<u16>,
}

/// The frame header (C.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Frame {
    bits: u8,
    rows: usize,
    columns: usize,
    components: Vec<u8>,
}

/// Decodes an image of `samples` samples; one that claims another number is refused before anything is allocated.
pub(super) fn decode(bytes: &[u8], samples: usize) -> Result<Decoded, String> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8]).ok_or("its stream does not begin with the JPEG-LS marker SOI")?;
    let mut frame: Option<Frame> = None;
    let mut coding = Coding::default();
    let mut found = Vec::new();
    let mut decoded = 0;
    loop {
        while let [0xff, 0xff, ..] = rest {
            rest = &rest[1..];
        }
        let Some(&[0xff, marker, high, low]) = rest.first_chunk::<4>() else {
            return Err("its JPEG-LS stream is cut short, or damaged, between two segments".to_owned());
        };
        let len = usize::from(u16::from_be_bytes([high, low]));
        let segment = rest.get(4..2 + len).ok_or("a JPEG-LS segment is cut short")?;
        rest = &rest[2 + len..];
        match marker {
            0xf7 => {
                let header = Frame::parse(segment)?;
                if header.rows * header.columns * header.components.len() != samples {
                    return Err(format!(
                        "its stream holds {} x {} samples of {} components; expected {samples} in all",
                        header.rows,
                        header.columns,
                        header.components.len()
                    ));
                }
                found = vec![0; samples];
                frame = Some(header);
            }
            0xf8 => coding.set(segment)?,
            0xdd => coding.restart = lines_of(segment),
            0xe8 if segment.starts_with(b"mrfx") && segment.get(4) != Some(&0) => {
                return Err("a colour transform of its own (mrfx); expected plain JPEG-LS".to_owned());
            }
            0xda => {
                let frame = frame.as_ref().ok_or("a scan without a JPEG-LS frame header")?;
                let (scan, count) = scan_of(segment, frame, &coding, decoded)?;
                rest = scan.decode(rest, &mut found)?;
                decoded += count;
                if decoded == frame.components.len() {
                    let (columns, rows) = (frame.columns, frame.rows);
                    return Ok(Decoded { columns, rows, components: decoded, samples: found });
                }
            }
            0xc0..=0xcf => return Err("a JPEG stream where JPEG-LS is expected".to_owned()),
            _ => {}
        }
    }
}

/// What segments before a scan set.
#[derive(Debug, Default)]
struct Coding {
    /// MAXVAL, T1, T2, T3 and RESET; 0 stands for the default.
    preset: [u16; 5],
    /// Lines between two restarts; 0 for none.
    restart: usize,
}

impl Coding {
    /// A segment LSE (C.2.4).
    fn set(&mut self, segment: &[u8]) -> Result<(), String> {
        match segment.split_first() {
            Some((1, numbers)) => {
                let (numbers, _) = numbers.as_chunks::<2>();
                let numbers: Vec<u16> = numbers.iter().map(|&two| u16::from_be_bytes(two)).collect();
                self.preset =
                    numbers.try_into().map_err(|_| "preset coding parameters that are not five numbers".to_owned())?;
                Ok(())
            }
            Some((2 | 3, _)) => Err("mapping tables; expected samples that stand for themselves".to_owned()),
            _ => Err("an image of more than 65535 rows or columns".to_owned()),
        }
    }
}

/// A number of two to four bytes.
fn lines_of(segment: &[u8]) -> usize {
    segment.iter().take(4).fold(0, |lines, &byte| lines << 8 | usize::from(byte))
}

impl Frame {
    fn parse(segment: &[u8]) -> Result<Self, String> {
        let Some((&[bits, y, y_low, x, x_low, count], components)) = segment.split_first_chunk::<6>() else {
            return Err("the JPEG-LS frame header is cut short".to_owned());
        };
        let components: Vec<u8> = components.chunks_exact(3).take(count.into()).map(|component| component[0]).collect();
        let rows = usize::from(u16::from_be_bytes([y, y_low]));
        let columns = usize::from(u16::from_be_bytes([x, x_low]));
        if !(2..=16).contains(&bits)
            || rows == 0
            || columns == 0
            || components.len() != usize::from(count)
            || components.is_empty()
        {
            return Err(format!(
                "{rows} x {columns} samples of {bits} bits in {count} components; expected 1 or more, of 2 to 16 bits"
            ));
        }
        Ok(Self { bits, rows, columns, components })
    }
}

/// The scan that a header (C.2.3) announces, and how many components it holds.
fn scan_of(segment: &[u8], frame: &Frame, coding: &Coding, decoded: usize) -> Result<(Scan, usize), String> {
    let cut_short = || "the JPEG-LS scan header is cut short".to_owned();
    let count = usize::from(*segment.first().ok_or_else(cut_short)?);
    let tables = segment.get(1..1 + 2 * count).ok_or_else(cut_short)?;
    let Some(&[near, interleave, transform]) = segment.get(1 + 2 * count..).and_then(|rest| rest.first_chunk()) else {
        return Err(cut_short());
    };
    if count == 0
        || decoded + count > frame.components.len()
        || tables.chunks_exact(2).any(|pair| pair[1] != 0)
        || transform != 0
    {
        return Err(
            "a scan of components that are not there, with a mapping table, or with a point transform".to_owned()
        );
    }
    let interleave = match (interleave, count) {
        (0, 1) => Interleave::None,
        (1, _) => Interleave::Line,
        (2, _) => Interleave::Sample,
        (mode, count) => {
            return Err(format!("interleave mode {mode} with {count} components; expected 0 with one, 1 or 2"));
        }
    };
    let preset = Preset::new(frame.bits, near.into(), coding.preset)?;
    let place = scan::Place {
        rows: frame.rows,
        columns: frame.columns,
        first: decoded,
        count,
        components: frame.components.len(),
    };
    Ok((Scan { preset, interleave, restart: coding.restart, place }, count))
}

#[cfg(test)]
mod tests;
