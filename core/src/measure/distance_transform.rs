use super::Mask;

/// The distance of every voxel's centre to the nearest voxel of the mask, mm, in C order; 0 within
/// the mask. `None` if the mask is empty.
///
/// `spacing_mm` is `[slow, y, x]`; the first plays no part where the mask has one plane.
///
/// Exact, in time linear in the number of voxels: along each axis, the lower envelope of one
/// parabola a voxel (Felzenszwalb and Huttenlocher 2012).
#[must_use]
pub fn distance_transform(mask: &Mask, spacing_mm: [f64; 3]) -> Option<Vec<f64>> {
    if mask.is_empty() {
        return None;
    }
    let [planes, height, width] = mask.shape();
    let mut squares = vec![f64::INFINITY; planes * height * width];
    mask.indices().for_each(|index| squares[index] = 0.0);
    let mut envelope = Envelope::default();
    // Axes as (entries, voxels from one entry to the next, spacing).
    let axes = [(width, 1, spacing_mm[2]), (height, width, spacing_mm[1]), (planes, height * width, spacing_mm[0])];
    for (len, stride, spacing) in axes.into_iter().filter(|&(len, ..)| len > 1) {
        for block in squares.chunks_exact_mut(len * stride) {
            for first in 0..stride {
                envelope.replace_line(&mut block[first..], stride, spacing);
            }
        }
    }
    squares.iter_mut().for_each(|square| *square = square.sqrt());
    Some(squares)
}

/// The lower envelope of the parabolas f(q) + s² (x − q)² over the positions q of a line.
#[derive(Default)]
struct Envelope {
    /// The parabolas that are lowest somewhere, left to right.
    parabolas: Vec<Parabola>,
}

#[derive(Clone, Copy)]
struct Parabola {
    /// q.
    vertex: f64,
    /// f(q).
    height: f64,
    /// Where it starts to be the lowest.
    from: f64,
}

impl Envelope {
    /// Replaces f, every `stride`-th of `values`, by its envelope.
    fn replace_line(&mut self, values: &mut [f64], stride: usize, spacing: f64) {
        let square = spacing * spacing;
        self.parabolas.clear();
        for (position, &height) in values.iter().step_by(stride).enumerate() {
            if height.is_finite() {
                self.insert(position as f64, height, square);
            }
        }
        let mut parabolas = self.parabolas.iter().peekable();
        let Some(mut lowest) = parabolas.next() else { return };
        for (position, value) in values.iter_mut().step_by(stride).enumerate() {
            let position = position as f64;
            while let Some(next) = parabolas.next_if(|next| next.from <= position) {
                lowest = next;
            }
            *value = lowest.height + square * (position - lowest.vertex) * (position - lowest.vertex);
        }
    }

    /// Adds a parabola to the right of all others and drops those that it hides.
    fn insert(&mut self, vertex: f64, height: f64, square: f64) {
        while let Some(last) = self.parabolas.last() {
            let middle = (vertex + last.vertex) / 2.0;
            let from = middle + (height - last.height) / (2.0 * square * (vertex - last.vertex));
            if from > last.from {
                self.parabolas.push(Parabola { vertex, height, from });
                return;
            }
            self.parabolas.pop();
        }
        self.parabolas.push(Parabola { vertex, height, from: f64::NEG_INFINITY });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ascii::mask;
    use super::*;

    #[test]
    fn distances_are_in_mm() {
        let corner = mask(&["#...", "....", "...."]);
        let distances = distance_transform(&corner, [0.0, 2.0, 0.5]).unwrap();
        assert_eq!(distances[..4], [0.0, 0.5, 1.0, 1.5]);
        assert_eq!(distances[8], 4.0);
        assert_eq!(distances[11], (16.0_f64 + 2.25).sqrt());
        assert_eq!(distance_transform(&mask(&["..."]), [1.0; 3]), None);
    }

    proptest! {
        #[test]
        fn agrees_with_the_nearest_of_all_voxels(
            shape in [1_usize..4, 1_usize..9, 1_usize..9],
            spacing in [0.2_f64..3.0, 0.2_f64..3.0, 0.2_f64..3.0],
            bits in prop::collection::vec(prop::bool::weighted(0.2), 3 * 8 * 8),
        ) {
            let mut mask = Mask::empty(shape);
            let [_, height, width] = shape;
            let position = |index: usize| [index / (height * width), index / width % height, index % width];
            let len = shape.iter().product::<usize>();
            for index in (0..len).filter(|&index| bits[index]) {
                mask.insert_run(index / width, index % width..index % width + 1);
            }
            let nearest = |from: usize| {
                mask.indices()
                    .map(|to| {
                        let (a, b) = (position(from), position(to));
                        (0..3).map(|axis| ((a[axis] as f64 - b[axis] as f64) * spacing[axis]).powi(2)).sum::<f64>()
                    })
                    .fold(f64::INFINITY, f64::min)
                    .sqrt()
            };
            match distance_transform(&mask, spacing) {
                None => prop_assert!(mask.is_empty()),
                Some(found) => {
                    for (index, distance) in found.into_iter().enumerate() {
                        prop_assert!((distance - nearest(index)).abs() < 1e-9);
                    }
                }
            }
        }
    }
}
