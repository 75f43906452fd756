//! A left ventricle as an expert traced it: its long axis, and chords across it.

use std::f64::consts::PI;

use crate::labels::LEFT_VENTRICLE;

/// A point `[y, x]` in pixels; a pixel's centre is at whole numbers.
pub(super) type Point = [f64; 2];

/// A line from one point to another.
pub(super) type Line = [Point; 2];

/// Fewest chords that make an outline.
pub(super) const LEAST_CHORDS: usize = 3;

/// A long axis and chords across it, in order from one end to the other. All begin on one side of the axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tracing {
    pub long_axis: Line,
    pub chords: Vec<Line>,
}

impl Tracing {
    /// Volume in pixels³ by the method of discs in one plane (Lang et al. 2015, J Am Soc Echocardiogr 28): each chord is the
    /// diameter of a disc, and all discs together are as high as the long axis. EchoNet-Dynamic has 20. `aspect` is the height of a
    /// pixel over its width, and lengths are in widths.
    pub(super) fn volume(&self, aspect: f64) -> f64 {
        let length = |[from, to]: &Line| (aspect * (to[0] - from[0])).hypot(to[1] - from[1]);
        let squares: f64 = self.chords.iter().map(|chord| length(chord).powi(2)).sum();
        PI / 4.0 * squares * length(&self.long_axis) / self.chords.len() as f64
    }

    /// The label map `[y, x]` of the outline that the chords' ends make: a pixel is inside if its centre is (even-odd rule).
    pub(super) fn fill(&self, shape: [usize; 2]) -> Vec<u8> {
        let [height, width] = shape;
        let there = self.chords.iter().map(|chord| chord[0]);
        let outline: Vec<Point> = there.chain(self.chords.iter().rev().map(|chord| chord[1])).collect();
        let mut labels = vec![0; height * width];
        for (y, row) in labels.chunks_exact_mut(width).enumerate() {
            for ends in crossings(&outline, y as f64).chunks_exact(2) {
                let [from, to] =
                    [0, 1].map(|end| ends.get(end).map_or(0, |&x: &f64| x.ceil().clamp(0.0, width as f64) as usize));
                row.get_mut(from..to).unwrap_or_default().fill(LEFT_VENTRICLE);
            }
        }
        labels
    }
}

/// Where a closed outline crosses the line at `y`, from left to right.
fn crossings(outline: &[Point], y: f64) -> Vec<f64> {
    let next = outline.iter().cycle().skip(1);
    let edges = outline.iter().zip(next).filter(|(a, b)| (a[0] <= y) != (b[0] <= y));
    let mut found: Vec<f64> = edges.map(|(a, b)| a[1] + (y - a[0]) / (b[0] - a[0]) * (b[1] - a[1])).collect();
    found.sort_by(f64::total_cmp);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shape `length` high whose half width at a share of that is `radius`, cut into 20.
    fn traced(length: f64, radius: impl Fn(f64) -> f64) -> Tracing {
        let chords = (0..20).map(|disc| {
            let share = (f64::from(disc) + 0.5) / 20.0;
            let [y, half] = [5.0 + share * length, radius(share)];
            [[y, 50.0 - half], [y, 50.0 + half]]
        });
        Tracing { long_axis: [[5.0, 50.0], [5.0 + length, 50.0]], chords: chords.collect() }
    }

    #[test]
    fn the_volume_of_half_an_ellipsoid_is_two_thirds_of_the_cylinder() {
        let tracing = traced(80.0, |share| 20.0 * (1.0 - share * share).sqrt());
        let expected = 2.0 / 3.0 * PI * 20.0_f64.powi(2) * 80.0;
        assert!((tracing.volume(1.0) / expected - 1.0).abs() < 1e-3, "{} {expected}", tracing.volume(1.0));
        assert!((tracing.volume(2.0) / expected - 2.0).abs() < 2e-3);
    }

    #[test]
    fn the_outline_is_filled_and_cut_at_the_border() {
        let tracing = traced(80.0, |_| 20.0);
        let area = |shape| tracing.fill(shape).iter().filter(|&&label| label == LEFT_VENTRICLE).count();
        // Rows 7 to 82, columns 30 to 69.
        assert_eq!(area([112, 112]), 76 * 40);
        assert_eq!(area([50, 50]), 43 * 20);
        assert_eq!(area([5, 112]), 0);
    }

    #[test]
    fn a_slanted_outline_covers_its_area() {
        let tilt = |[y, x]: Point| [0.8 * y - 0.6 * x + 60.0, 0.6 * y + 0.8 * x];
        let mut tracing = traced(80.0, |share| 20.0 * (1.0 - share * share).sqrt());
        let upright = tracing.volume(1.0);
        tracing.long_axis = tracing.long_axis.map(tilt);
        tracing.chords.iter_mut().for_each(|chord| *chord = chord.map(tilt));
        assert!((tracing.volume(1.0) / upright - 1.0).abs() < 1e-12);
        let area = tracing.fill([200, 200]).iter().filter(|&&label| label == LEFT_VENTRICLE).count();
        // The trapezoids between the chords.
        let trapezoids: f64 = tracing
            .chords
            .windows(2)
            .map(|two| {
                let width = |[from, to]: Line| (to[0] - from[0]).hypot(to[1] - from[1]);
                4.0 * (width(two[0]) + width(two[1])) / 2.0
            })
            .sum();
        assert!((area as f64 / trapezoids - 1.0).abs() < 0.01, "{area} {trapezoids}");
    }
}
