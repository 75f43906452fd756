//! Samples from bits (T.87, Annex A).

use super::{bits::Bits, context::Contexts, damage::Damage, parameters::Parameters};

/// Bits of a run's length, by how well runs went so far (A.2.1).
const RUN_BITS: [u32; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// What changes from sample to sample.
pub(super) struct Coder<'a, 'b> {
    parameters: &'a Parameters,
    bits: Bits<'b>,
    contexts: Contexts,
    /// How well runs went so far, for each component: below the length of [`RUN_BITS`].
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
    fn of<const N: usize>(above: &[[i32; N]], line: &[[i32; N]], x: usize, sample: usize) -> Self {
        Self { a: line[x - 1][sample], b: above[x][sample], c: above[x - 1][sample], d: above[x + 1][sample] }
    }

    /// The number of the context, -364 to 364; 0 if there are no gradients larger than NEAR (A.3.4).
    fn context(self, parameters: &Parameters) -> i32 {
        let [first, second, third] = [self.d - self.b, self.b - self.c, self.c - self.a];
        81 * parameters.level(first) + 9 * parameters.level(second) + parameters.level(third)
    }

    /// What is expected between them: the median of a, b and a + b - c (A.4.1).
    fn median(self) -> i32 {
        let Self { a, b, c, .. } = self;
        (a + b - c).clamp(a.min(b), a.max(b))
    }
}

impl<'a, 'b> Coder<'a, 'b> {
    pub(super) fn new(parameters: &'a Parameters, bits: Bits<'b>, components: usize) -> Self {
        Self { parameters, bits, contexts: Contexts::new(parameters), run_index: vec![0; components] }
    }

    /// What follows the samples.
    pub(super) fn rest(self) -> Result<&'b [u8], Damage> {
        self.bits.rest()
    }

    /// A line of pixels, with one before the first and one behind the last. A run of pixels of several samples is one of all of
    /// them. How well runs went is kept for each `component`.
    pub(super) fn line<const N: usize>(
        &mut self,
        above: &[[i32; N]],
        line: &mut [[i32; N]],
        component: usize,
    ) -> Result<(), Damage> {
        let columns = line.len() - 2;
        let mut x = 1;
        while x <= columns {
            let near: [Neighbors; N] = std::array::from_fn(|sample| Neighbors::of(above, line, x, sample));
            let contexts = near.map(|near| near.context(self.parameters));
            if contexts != [0; N] {
                for ((place, near), context) in line[x].iter_mut().zip(near).zip(contexts) {
                    *place = self.regular(near, context)?;
                }
                x += 1;
                continue;
            }
            let left = line[x - 1];
            let run = self.run(columns + 1 - x, component)?;
            line[x..x + run].fill(left);
            x += run;
            if x <= columns {
                line[x] = self.interruption(left, above[x], component)?;
                self.run_index[component] = self.run_index[component].saturating_sub(1);
                x += 1;
            }
        }
        Ok(())
    }

    /// A sample whose surroundings are not flat (A.4 to A.6).
    fn regular(&mut self, near: Neighbors, number: i32) -> Result<i32, Damage> {
        let parameters = self.parameters;
        let sign = if number < 0 { -1 } else { 1 };
        let context = &mut self.contexts.regular[number.unsigned_abs() as usize];
        let expected = (near.median() + sign * context.c).clamp(0, parameters.max);
        let k = context.parameter();
        let mapped = self.bits.golomb(k, parameters.limit, parameters.width)?;
        if mapped >= 2 * parameters.range {
            return Err(Damage::LargeError);
        }
        let error = context.unmapped(mapped, k, parameters.near);
        context.update(error, parameters);
        Ok(parameters.reconstruct(expected, sign * error))
    }

    /// The length of a run, at most `room` (A.7.1).
    fn run(&mut self, room: usize, component: usize) -> Result<usize, Damage> {
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
        // The pixel that ends a run is one of its line too.
        if run >= room { Err(Damage::LongRun) } else { Ok(run) }
    }

    /// The pixel that ends a run (A.7.2).
    fn interruption<const N: usize>(
        &mut self,
        left: [i32; N],
        up: [i32; N],
        component: usize,
    ) -> Result<[i32; N], Damage> {
        let mut pixel = left;
        for (place, up) in pixel.iter_mut().zip(up) {
            let alike = N == 1 && (*place - up).abs() <= self.parameters.near;
            *place = self.interrupting(*place, up, alike, component)?;
        }
        Ok(pixel)
    }

    fn interrupting(&mut self, left: i32, up: i32, alike: bool, component: usize) -> Result<i32, Damage> {
        let context = &mut self.contexts.runs[usize::from(alike)];
        let k = context.parameter();
        let limit = self.parameters.limit - RUN_BITS[self.run_index[component]] - 1;
        let mapped = self.bits.golomb(k, limit, self.parameters.width)?;
        if mapped >= 2 * self.parameters.range {
            return Err(Damage::LargeError);
        }
        let error = context.error(mapped, k, self.parameters.reset);
        let (expected, sign) = if alike { (left, 1) } else { (up, if left > up { -1 } else { 1 }) };
        Ok(self.parameters.reconstruct(expected, sign * error))
    }
}
