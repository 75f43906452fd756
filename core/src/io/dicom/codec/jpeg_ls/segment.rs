//! Marker segments (T.87, Annex C, and T.81, Annex B).

use super::parameters::Preset;

/// The most components that are read; DICOM has up to four.
const MOST_COMPONENTS: usize = 4;

/// A marker and what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment<'a> {
    /// SOF55.
    Frame(&'a [u8]),
    /// LSE.
    Preset(&'a [u8]),
    /// DRI.
    Restart(&'a [u8]),
    /// SOS; its data follow.
    Scan(&'a [u8]),
    /// Comments, and what applications add.
    Other,
}

impl<'a> Segment<'a> {
    /// The next segment, and what follows it.
    pub(super) fn next(mut bytes: &'a [u8]) -> Result<(Self, &'a [u8]), String> {
        // Any number of 0xff may come before a marker.
        while bytes.starts_with(&[0xff, 0xff]) {
            bytes = &bytes[1..];
        }
        let marker = match bytes {
            [0xff, 0xd9, ..] => return Err("its JPEG-LS stream ends (EOI) before its last scan".to_owned()),
            [0xff, marker, ..] => *marker,
            [] | [0xff] => return Err("its JPEG-LS stream is cut short between two segments".to_owned()),
            [found, ..] => {
                return Err(format!(
                    "a byte {found:#04x} in its JPEG-LS stream where a marker is expected: it is damaged"
                ));
            }
        };
        let cut_short = || format!("segment {marker:#04x} of its JPEG-LS stream is cut short");
        let (&len, rest) = bytes.get(2..).and_then(|rest| rest.split_first_chunk()).ok_or_else(cut_short)?;
        let len = usize::from(u16::from_be_bytes(len)).checked_sub(2).ok_or_else(cut_short)?;
        let (segment, rest) = rest.split_at_checked(len).ok_or_else(cut_short)?;
        Ok((Self::of(marker, segment)?, rest))
    }

    fn of(marker: u8, segment: &'a [u8]) -> Result<Self, String> {
        match marker {
            0xf7 => Ok(Self::Frame(segment)),
            0xf8 => Ok(Self::Preset(segment)),
            0xdd => Ok(Self::Restart(segment)),
            0xda => Ok(Self::Scan(segment)),
            0xe8 if segment.starts_with(b"mrfx") && segment.get(4) != Some(&0) => {
                Err("its JPEG-LS stream has HP's colour transform (APP8 mrfx); expected colours as they are".to_owned())
            }
            0xe0..=0xef | 0xfe => Ok(Self::Other),
            0xc0..=0xcf => Err(format!("a JPEG stream (marker {marker:#04x}) where JPEG-LS is expected")),
            _ => Err(format!("marker {marker:#04x} in its JPEG-LS stream where none such can be: it is damaged")),
        }
    }
}

/// The frame header (C.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub bits: u8,
    pub rows: usize,
    pub columns: usize,
    /// The identifier of each component.
    pub components: Vec<u8>,
}

impl Frame {
    pub(super) fn parse(segment: &[u8]) -> Result<Self, String> {
        let Some((&[bits, y, y_low, x, x_low, count], table)) = segment.split_first_chunk() else {
            return Err("its JPEG-LS frame header is cut short".to_owned());
        };
        let rows = usize::from(u16::from_be_bytes([y, y_low]));
        let columns = usize::from(u16::from_be_bytes([x, x_low]));
        let count = usize::from(count);
        if !(2..=16).contains(&bits) || !(1..=MOST_COMPONENTS).contains(&count) {
            return Err(format!(
                "its JPEG-LS frame header says {count} components of {bits} bits; expected 1 to {MOST_COMPONENTS} of 2 to 16"
            ));
        }
        if rows == 0 || columns == 0 {
            return Err(format!(
                "its JPEG-LS frame header says {rows} rows and {columns} columns; expected 1 to 65535 of each, said there"
            ));
        }
        let (table, _) = table.as_chunks::<3>();
        if table.len() != count {
            return Err(format!("its JPEG-LS frame header describes {} components; expected {count}", table.len()));
        }
        if table.iter().any(|&[_, sampling, _]| sampling != 0x11) {
            return Err(
                "its JPEG-LS stream has components of different size; expected a sample of each for every pixel"
                    .to_owned(),
            );
        }
        let components: Vec<u8> = table.iter().map(|&[id, ..]| id).collect();
        if (1..count).any(|index| components[..index].contains(&components[index])) {
            return Err(format!("its JPEG-LS frame header names components {components:?}; expected a name for each"));
        }
        Ok(Self { bits, rows, columns, components })
    }
}

/// How the components of a scan follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interleave {
    /// Lines of one component, or a line of each in turn.
    Line,
    /// A sample of each in turn.
    Sample,
}

/// The scan header (C.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScanHeader {
    /// Which components of the frame, counted from 0.
    pub components: Vec<usize>,
    pub near: u8,
    pub interleave: Interleave,
}

impl ScanHeader {
    pub(super) fn parse(segment: &[u8], frame: &Frame) -> Result<Self, String> {
        let cut_short = || "its JPEG-LS scan header is cut short".to_owned();
        let (&count, rest) = segment.split_first().ok_or_else(cut_short)?;
        let (table, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or_else(cut_short)?;
        let &[near, mode, transform] = rest.first_chunk().ok_or_else(cut_short)?;
        let (table, _) = table.as_chunks::<2>();
        let mut components = Vec::with_capacity(MOST_COMPONENTS);
        for &[id, mapping] in table {
            let place =
                frame.components.iter().position(|&known| known == id).filter(|place| !components.contains(place));
            components.push(place.ok_or_else(|| {
                format!("a JPEG-LS scan of component {id}; expected each of {:?} once", frame.components)
            })?);
            if mapping != 0 {
                return Err(format!(
                    "its JPEG-LS stream has mapping table {mapping}; expected samples that stand for themselves"
                ));
            }
        }
        if transform != 0 {
            return Err(format!("its JPEG-LS stream has point transform {transform:#04x}; expected none"));
        }
        let interleave = match (mode, count) {
            (0, 1) | (1, 1..) => Interleave::Line,
            (2, 1..) => Interleave::Sample,
            _ => {
                return Err(format!(
                    "a JPEG-LS scan of {count} components in interleave mode {mode}; expected 0 with one, or 1 or 2"
                ));
            }
        };
        Ok(Self { components, near, interleave })
    }
}

/// Preset coding parameters (C.2.4).
pub(super) fn preset(segment: &[u8]) -> Result<Preset, String> {
    match segment {
        [1, numbers @ ..] => {
            let (numbers, rest) = numbers.as_chunks::<2>();
            let (&[max, t1, t2, t3, reset], []) = (numbers, rest) else {
                return Err(format!("its JPEG-LS coding parameters take {} bytes; expected 11", segment.len()));
            };
            let [max, t1, t2, t3, reset] = [max, t1, t2, t3, reset].map(u16::from_be_bytes);
            Ok(Preset { max, thresholds: [t1, t2, t3], reset })
        }
        [2 | 3, ..] => {
            Err("its JPEG-LS stream has mapping tables (LSE 2 or 3); expected samples that stand for themselves"
                .to_owned())
        }
        [4, ..] => {
            Err("its JPEG-LS stream is of an image of more than 65535 rows or columns (LSE 4); expected fewer"
                .to_owned())
        }
        [kind, ..] => Err(format!("its JPEG-LS stream has parameters of kind {kind} (LSE); expected 1")),
        [] => Err("its JPEG-LS coding parameters are cut short".to_owned()),
    }
}

/// Lines between two restarts, 0 for none: a number of two to four bytes (C.2.5).
pub(super) fn restart(segment: &[u8]) -> Result<usize, String> {
    if !(2..=4).contains(&segment.len()) {
        return Err(format!("its JPEG-LS restart interval takes {} bytes; expected 2 to 4", segment.len()));
    }
    Ok(segment.iter().fold(0, |lines, &byte| lines << 8 | usize::from(byte)))
}
