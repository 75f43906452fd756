//! The lines of a scan (T.87, Annex A).

use std::ops::Range;

use super::{
    Image,
    bits::Bits,
    coder::Coder,
    parameters::Parameters,
    segment::{Interleave, ScanHeader},
};

/// A scan and what it is coded with.
pub(super) struct Scan {
    pub parameters: Parameters,
    pub header: ScanHeader,
    /// Lines between two restarts; 0 for none.
    pub restart: usize,
}

/// A line of pixels of N samples, for each component of a scan or for all of them, with a pixel before the first and one behind
/// the last.
type Lines<const N: usize> = Vec<Vec<[i32; N]>>;

impl Scan {
    /// Decodes the scan into its components of `image`, and gives what follows it.
    pub(super) fn decode<'a>(&self, bytes: &'a [u8], image: &mut Image) -> Result<&'a [u8], String> {
        match (self.header.interleave, self.header.components.len()) {
            (Interleave::Sample, 2) => self.intervals::<2>(bytes, image),
            (Interleave::Sample, 3) => self.intervals::<3>(bytes, image),
            (Interleave::Sample, 4) => self.intervals::<4>(bytes, image),
            _ => self.intervals::<1>(bytes, image),
        }
    }

    fn intervals<'a, const N: usize>(&self, bytes: &'a [u8], image: &mut Image) -> Result<&'a [u8], String> {
        let rows = image.frame.rows;
        let interval = if self.restart == 0 { rows } else { self.restart };
        let mut rest = bytes;
        for (index, first) in (0..rows).step_by(interval).enumerate() {
            if index > 0 {
                rest = self.restarted(rest, index - 1)?;
            }
            rest = self.interval::<N>(rest, first..rows.min(first.saturating_add(interval)), image)?;
        }
        Ok(rest)
    }

    /// What follows the restart marker of the given number, of which there are eight in turn (C.2.5).
    fn restarted<'a>(&self, bytes: &'a [u8], number: usize) -> Result<&'a [u8], String> {
        let expected = 0xd0 + (number % 8) as u8;
        match bytes {
            [0xff, found, rest @ ..] if *found == expected => Ok(rest),
            _ => Err(format!(
                "restart marker {number} of its JPEG-LS stream is missing; expected one every {} lines: it is damaged",
                self.restart
            )),
        }
    }

    /// Decodes rows that depend on no others.
    fn interval<'a, const N: usize>(
        &self,
        bytes: &'a [u8],
        rows: Range<usize>,
        image: &mut Image,
    ) -> Result<&'a [u8], String> {
        let (columns, count) = (image.frame.columns, self.header.components.len());
        let mut coder = Coder::new(&self.parameters, Bits::new(bytes), count);
        let blank = vec![vec![[0; N]; columns + 2]; count / N];
        let (mut above, mut lines): (Lines<N>, Lines<N>) = (blank.clone(), blank);
        let (last, samples) = (rows.end - 1, image.frame.components.len());
        for row in rows {
            for (index, (above, line)) in above.iter_mut().zip(&mut lines).enumerate() {
                // What lies beside an image (A.2.1).
                line[0] = above[1];
                above[columns + 1] = above[columns];
                coder.line(above, line, index).map_err(|damage| damage.at(row))?;
            }
            self.write(&lines, image.row(row), samples);
            std::mem::swap(&mut above, &mut lines);
        }
        coder.rest().map_err(|damage| damage.at(last))
    }

    /// Puts lines where their components belong in a row of the image.
    fn write<const N: usize>(&self, lines: &Lines<N>, row: &mut [u16], samples: usize) {
        for (index, &component) in self.header.components.iter().enumerate() {
            for (places, pixel) in row.chunks_exact_mut(samples).zip(&lines[index / N][1..]) {
                places[component] = pixel[index % N] as u16;
            }
        }
    }
}
