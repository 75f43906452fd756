//! Videos in AVI files (Microsoft's AVI RIFF File Reference; the segments that OpenDML 1.02 adds are walked too).

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use rl4seg_sdk::io::IoError;

/// A code of four characters.
type FourCc = [u8; 4];

/// Bytes of a BITMAPINFOHEADER.
const BITMAP_HEADER: usize = 40;

/// The frames of the first video in a file, as they are stored.
#[derive(Debug)]
pub(super) struct Video {
    path: PathBuf,
    bytes: Vec<u8>,
    format: FrameFormat,
    /// Where each frame lies in `bytes`; nothing where the one before it is shown again.
    frames: Vec<Range<usize>>,
}

/// How the frames are stored: a BITMAPINFOHEADER and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FrameFormat {
    /// Rows and columns.
    pub shape: [usize; 2],
    /// Whether the first row that is stored is the uppermost.
    pub is_top_down: bool,
    pub bits: u16,
    pub compression: FourCc,
    /// Blue, green, red and nothing.
    pub palette: Vec<[u8; 4]>,
}

#[derive(Debug)]
struct Chunk {
    id: FourCc,
    data: Range<usize>,
}

impl Video {
    /// Reads a file and finds its frames.
    ///
    /// # Errors
    /// If it is not there, is no AVI file, is cut short, or has no video.
    pub(super) fn read(path: &Path) -> Result<Self, IoError> {
        let bytes = fs::read(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => IoError::NotFound { path: path.to_owned() },
            _ => IoError::Read { path: path.to_owned(), source },
        })?;
        Self::of(path, bytes)
    }

    /// Finds the frames in the bytes of the file `path`.
    ///
    /// # Errors
    /// As [`Video::read`].
    pub(super) fn of(path: &Path, bytes: Vec<u8>) -> Result<Self, IoError> {
        let (format, frames) = Reader { path, bytes: &bytes }.video()?;
        Ok(Self { path: path.to_owned(), bytes, format, frames })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn format(&self) -> &FrameFormat {
        &self.format
    }

    /// The bytes of a frame, counted from 0.
    ///
    /// # Errors
    /// If there is no such frame, or nothing in it and in those before.
    pub(super) fn frame(&self, index: usize) -> Result<&[u8], IoError> {
        let until = self.frames.get(..=index).ok_or_else(|| IoError::Format {
            path: self.path.clone(),
            detail: format!("there is no frame {index}; the video has {}, counted from 0", self.frames.len()),
        })?;
        let stored = until.iter().rev().find(|frame| !frame.is_empty()).and_then(|frame| self.bytes.get(frame.clone()));
        stored.ok_or_else(|| IoError::Format {
            path: self.path.clone(),
            detail: format!("frame {index} and those before it are empty"),
        })
    }
}

struct Reader<'a> {
    path: &'a Path,
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn video(&self) -> Result<(FrameFormat, Vec<Range<usize>>), IoError> {
        let (mut format, mut frames) = (None, Vec::new());
        for riff in self.segments()? {
            for list in self.chunks(riff)? {
                match self.list(&list) {
                    Some((b"hdrl", inside)) => format = self.stream(inside)?,
                    Some((b"movi", inside)) => {
                        let (number, _) = format.as_ref().ok_or_else(|| self.refuse("has no video"))?;
                        self.frames(inside, *number, &mut frames)?;
                    }
                    _ => {}
                }
            }
        }
        match format {
            Some((_, format)) if !frames.is_empty() => Ok((format, frames)),
            _ => Err(self.refuse("has no video, or none with a frame")),
        }
    }

    /// What lies in each of the file's RIFF segments. What follows the last is no part of the video.
    fn segments(&self) -> Result<Vec<Range<usize>>, IoError> {
        let (mut segments, mut at) = (Vec::new(), 0_usize);
        while self.bytes.get(at..at.saturating_add(4)) == Some(b"RIFF") {
            let segment = self.chunk(at, self.bytes.len())?;
            at = end_of(&segment.data);
            match self.inside(&segment) {
                Some((b"AVI " | b"AVIX", inside)) => segments.push(inside),
                _ => return Err(self.refuse("is a RIFF file of another kind; expected AVI")),
            }
        }
        if segments.is_empty() { Err(self.refuse("is no AVI file: it does not begin with RIFF")) } else { Ok(segments) }
    }

    /// Number and format of the first stream of a header that is a video.
    fn stream(&self, header: Range<usize>) -> Result<Option<(usize, FrameFormat)>, IoError> {
        let mut number = 0;
        for list in self.chunks(header)? {
            let Some((b"strl", inside)) = self.list(&list) else { continue };
            let chunks = self.chunks(inside)?;
            let of = |id: &FourCc| {
                let chunk = chunks.iter().find(|chunk| chunk.id == *id);
                chunk.and_then(|chunk| self.bytes.get(chunk.data.clone())).unwrap_or_default()
            };
            if of(b"strh").starts_with(b"vids") {
                return Ok(Some((number, self.format(of(b"strf"))?)));
            }
            number += 1;
        }
        Ok(None)
    }

    fn format(&self, strf: &[u8]) -> Result<FrameFormat, IoError> {
        let field = |at: usize| strf.get(at..at + 4).and_then(|bytes| FourCc::try_from(bytes).ok());
        let header = (field(0), field(4), field(8), field(12), field(16), field(32));
        let (Some(size), Some(width), Some(height), Some([_, _, low, high]), Some(compression), Some(colors)) = header
        else {
            let (found, expected) = (strf.len() as u64, BITMAP_HEADER as u64);
            return Err(IoError::Truncated { path: self.path.to_owned(), what: "the format is", found, expected });
        };
        let (width, height) = (i32::from_le_bytes(width), i32::from_le_bytes(height));
        if width <= 0 || height == 0 {
            return Err(IoError::Field {
                path: self.path.to_owned(),
                field: "strf (width, height)".to_owned(),
                found: format!("{width}, {height}"),
                expected: "pixels".to_owned(),
            });
        }
        let bits = u16::from_le_bytes([low, high]);
        let colors = match u32::from_le_bytes(colors) {
            0 if bits == 8 => 256,
            colors => colors as usize,
        };
        let palette = strf.get(u32::from_le_bytes(size) as usize..).unwrap_or_default();
        Ok(FrameFormat {
            shape: [height.unsigned_abs() as usize, width.unsigned_abs() as usize],
            is_top_down: height < 0,
            bits,
            compression,
            palette: palette.chunks_exact(4).take(colors).filter_map(|color| FourCc::try_from(color).ok()).collect(),
        })
    }

    /// Adds the frames of stream `number` in a `movi` list, where they may lie in lists of their own.
    fn frames(&self, movi: Range<usize>, number: usize, frames: &mut Vec<Range<usize>>) -> Result<(), IoError> {
        for chunk in self.chunks(movi)? {
            match self.list(&chunk) {
                Some((b"rec ", inside)) => {
                    frames.extend(
                        self.chunks(inside)?.into_iter().filter(|chunk| is_frame(chunk, number)).map(|c| c.data),
                    );
                }
                _ if is_frame(&chunk, number) => frames.push(chunk.data),
                _ => {}
            }
        }
        Ok(())
    }

    /// The kind of a list and where its chunks lie, if it is one.
    fn list(&self, chunk: &Chunk) -> Option<(&FourCc, Range<usize>)> {
        if chunk.id == *b"LIST" { self.inside(chunk) } else { None }
    }

    fn inside(&self, chunk: &Chunk) -> Option<(&FourCc, Range<usize>)> {
        let (kind, _) = self.bytes.get(chunk.data.clone())?.split_first_chunk()?;
        Some((kind, chunk.data.start + 4..chunk.data.end))
    }

    fn chunks(&self, within: Range<usize>) -> Result<Vec<Chunk>, IoError> {
        let (mut chunks, mut at) = (Vec::new(), within.start);
        while at < within.end {
            let chunk = self.chunk(at, within.end)?;
            at = end_of(&chunk.data);
            chunks.push(chunk);
        }
        Ok(chunks)
    }

    /// The chunk at `at`, which must end before `end`.
    fn chunk(&self, at: usize, end: usize) -> Result<Chunk, IoError> {
        let cut_short = |expected: u64| IoError::Truncated {
            path: self.path.to_owned(),
            what: "the video is",
            found: end as u64,
            expected,
        };
        let start = at.checked_add(8).filter(|&start| start <= end);
        let header =
            start.and_then(|start| self.bytes.get(at..start)).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
        let (Some(start), Some([a, b, c, d, length @ ..])) = (start, header) else {
            return Err(cut_short(at as u64 + 8));
        };
        let length = u32::from_le_bytes(length) as usize;
        match start.checked_add(length) {
            Some(last) if last <= end => Ok(Chunk { id: [a, b, c, d], data: start..last }),
            _ => Err(cut_short(start as u64 + length as u64)),
        }
    }

    fn refuse(&self, detail: &str) -> IoError {
        IoError::Format { path: self.path.to_owned(), detail: detail.to_owned() }
    }
}

/// Where the chunk after one with this data begins: at an even place.
fn end_of(data: &Range<usize>) -> usize {
    data.end.saturating_add(data.len() % 2)
}

/// Whether a chunk is a frame of stream `number`: `00dc`, or `00db` where it is not compressed.
fn is_frame(chunk: &Chunk, number: usize) -> bool {
    let [tens, ones, kind @ ..] = chunk.id;
    let digit = |c: u8| char::from(c).to_digit(10).map(|digit| digit as usize);
    matches!(&kind, b"dc" | b"db")
        && digit(tens).zip(digit(ones)).is_some_and(|(tens, ones)| 10 * tens + ones == number)
}
