//! The lines of a scan (Annex A).

use super::{
    bits::Bits,
    context::{Contexts, Preset},
};

/// Bits of a run's length, by how well runs went so far (A.2.1).
const RUN_BITS: [u32; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// How components follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interleave {
    None,
    Line,
    Sample,
}

/// Which samples of the image a scan holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub rows: usize,
    pub columns: usize,
    /// The first component, and how many.
    pub first: usize,
    pub count: usize,
    /// Components of the image.
    pub components: usize,
}

/// A scan and what it is coded with.
pub(super) struct Scan {
    pub preset: Preset,
    pub interleave: Interleave,
    /// Lines between two restarts; 0 for none.
    pub restart: usize,
    pub place: Place,
}

/// A line of each component of a scan, `[component][x]`, with a sample before the first and one behind the last.
type Lines = Vec<Vec<i32>>;

impl Scan {
    /// Decodes the scan into `samples` `[y, x, component]`, and gives what follows it.
    pub(super) fn decode<'a>(&self, bytes: &'a [u8], samples: &mut [u16]) -> Result<&'a [u8], String> {
        let Place { rows, columns, first, count, components } = self.place;
        let mut state = State::new(self, bytes);
        let blank = || vec![vec![0; columns + 2]; count];
        let (mut above, mut line): (Lines, Lines) = (blank(), blank());
        for row in 0..rows {
            if self.restart > 0 && row > 0 && row % self.restart == 0 {
                let Some((&[0xff, 0xd0..=0xd7], rest)) = state.bits.rest().split_first_chunk::<2>() else {
                    return Err("a restart marker of the JPEG-LS stream is missing".to_owned());
                };
                state = State::new(self, rest);
                above = blank();
                line = blank();
            }
            for (line, above) in line.iter_mut().zip(&mut above) {
                line[0] = above[1];
                above[columns + 1] = above[columns];
            }
            match self.interleave {
                Interleave::None | Interleave::Line => {
                    for component in 0..count {
                        state.line(&above[component], &mut line[component], component)?;
                    }
                }
                Interleave::Sample => state.pixels(&above, &mut line)?,
            }
            let out = &mut samples[row * columns * components..][..columns * components];
            for (x, pixel) in out.chunks_exact_mut(components).enumerate() {
                for component in 0..count {
                    pixel[first + component] = line[component][x + 1] as u16;
                }
            }
            std::mem::swap(&mut above, &mut line);
        }
        Ok(state.bits.rest())
    }
}

/// What changes from sample to sample.
struct State<'a, 'b> {
    preset: &'a Preset,
    bits: Bits<'b>,
    contexts: Contexts,
    /// How well runs went so far, for each component.
    run_index: Vec<usize>,
}

/// The neighbours of a sample: left, above, above left, above right.
#[derive(Clone, Copy)]
struct Neighbors {
    a: i32,
    b: i32,
    c: i32,
    d: i32,
}

impl Neighbors {
    fn of(above: &[i32], line: &[i32], x: usize) -> Self {
        Self { a: line[x - 1], b: above[x], c: above[x - 1], d: above[x + 1] }
    }

    fn gradients(&self) -> [i32; 3] {
        [self.d - self.b, self.b - self.c, self.c - self.a]
    }

    fn is_flat(&self, near: i32) -> bool {
        self.gradients().iter().all(|gradient| gradient.abs() <= near)
    }
}

impl<'a, 'b> State<'a, 'b> {
    fn new(scan: &'a Scan, bytes: &'b [u8]) -> Self {
        let contexts = Contexts::new(&scan.preset);
        Self { preset: &scan.preset, bits: Bits::new(bytes), contexts, run_index: vec![0; scan.place.count] }
    }

    /// A line of one component.
    fn line(&mut self, above: &[i32], line: &mut [i32], component: usize) -> Result<(), String> {
        let columns = line.len() - 2;
        let mut x = 1;
        while x <= columns {
            let near = Neighbors::of(above, line, x);
            if !near.is_flat(self.preset.near) {
                line[x] = self.regular(near)?;
                x += 1;
                continue;
            }
            let run = self.run(columns + 1 - x, component)?;
            line[x..x + run].fill(near.a);
            x += run;
            if x <= columns {
                let (left, up) = (line[x - 1], above[x]);
                let alike = (left - up).abs() <= self.preset.near;
                line[x] = self.interruption(left, up, alike, component)?;
                self.run_index[component] = self.run_index[component].saturating_sub(1);
                x += 1;
            }
        }
        Ok(())
    }

    /// A line whose components alternate; a run is one of all of them.
    fn pixels(&mut self, above: &Lines, line: &mut Lines) -> Result<(), String> {
        let columns = line[0].len() - 2;
        let mut x = 1;
        while x <= columns {
            let is_flat = above
                .iter()
                .zip(line.iter())
                .all(|(above, line)| Neighbors::of(above, line, x).is_flat(self.preset.near));
            if !is_flat {
                for (above, line) in above.iter().zip(line.iter_mut()) {
                    line[x] = self.regular(Neighbors::of(above, line, x))?;
                }
                x += 1;
                continue;
            }
            let run = self.run(columns + 1 - x, 0)?;
            for line in line.iter_mut() {
                let value = line[x - 1];
                line[x..x + run].fill(value);
            }
            x += run;
            if x <= columns {
                for (above, line) in above.iter().zip(line.iter_mut()) {
                    line[x] = self.interruption(line[x - 1], above[x], false, 0)?;
                }
                self.run_index[0] = self.run_index[0].saturating_sub(1);
                x += 1;
            }
        }
        Ok(())
    }

    /// A sample whose surroundings are not flat (A.4 to A.6).
    fn regular(&mut self, near: Neighbors) -> Result<i32, String> {
        let [first, second, third] = near.gradients().map(|gradient| self.preset.quantize(gradient));
        let number = 81 * first + 9 * second + third;
        let sign = if number < 0 { -1 } else { 1 };
        // A context of flat surroundings is only met where components alternate.
        let context = &mut self.contexts.regular[number.unsigned_abs() as usize];
        let Neighbors { a, b, c, .. } = near;
        let median = if c >= a.max(b) {
            a.min(b)
        } else if c <= a.min(b) {
            a.max(b)
        } else {
            a + b - c
        };
        let expected = (median + sign * context.c).clamp(0, self.preset.max);
        let k = context.parameter();
        let mapped = self.bits.golomb(k, self.preset.limit, self.preset.bits)?;
        let error = context.unmapped(mapped, k, self.preset.near);
        if error.abs() > self.preset.range {
            return Err("a JPEG-LS error is larger than any can be: the data are damaged".to_owned());
        }
        context.update(error, self.preset);
        Ok(self.preset.reconstruct(expected, sign * error))
    }

    /// The length of a run, at most `room` (A.7.1).
    fn run(&mut self, room: usize, component: usize) -> Result<usize, String> {
        let index = &mut self.run_index[component];
        let mut run = 0;
        while self.bits.read(1)? == 1 {
            let whole = 1_usize << RUN_BITS[*index];
            let part = whole.min(room - run);
            run += part;
            if part == whole {
                *index = (*index + 1).min(RUN_BITS.len() - 1);
            }
            if run == room {
                return Ok(run);
            }
        }
        run += self.bits.read(RUN_BITS[*index])? as usize;
        if run > room {
            return Err("a JPEG-LS run goes beyond its line: the data are damaged".to_owned());
        }
        Ok(run)
    }

    /// The sample that ends a run (A.7.2).
    fn interruption(&mut self, left: i32, up: i32, alike: bool, component: usize) -> Result<i32, String> {
        let context = &mut self.contexts.runs[usize::from(alike)];
        let k = context.parameter();
        let limit = self.preset.limit - RUN_BITS[self.run_index[component]] - 1;
        let mapped = self.bits.golomb(k, limit, self.preset.bits)?;
        if mapped > 2 * self.preset.range + 1 {
            return Err("a JPEG-LS error is larger than any can be: the data are damaged".to_owned());
        }
        let error = context.error(mapped, k, self.preset);
        let (expected, sign) = if alike { (left, 1) } else { (up, if left > up { -1 } else { 1 }) };
        Ok(self.preset.reconstruct(expected, sign * error))
    }
}
