use super::Mask;

/// What is added to and taken from a row's ends before they are rounded to voxels.
const ROUNDING: f64 = 1e-9;

/// The voxels whose centre lies in the convex hull of the mask's centres, plane by plane.
#[must_use]
pub fn convex_hull(mask: &Mask) -> Mask {
    let [planes, height, width] = mask.shape();
    let mut hull = Mask::empty([planes, height, width]);
    for plane in 0..planes {
        let ends: Vec<Ends> = (0..height).filter_map(|y| ends(mask, plane * height + y, y)).collect();
        let left = chain(ends.iter().map(|ends| (ends.y, ends.first)), |turn| turn >= 0.0);
        let right = chain(ends.iter().map(|ends| (ends.y, ends.last)), |turn| turn <= 0.0);
        for y in ends.first().map_or(0, |top| top.y)..ends.last().map_or(0, |bottom| bottom.y + 1) {
            let first = (at(&left, y) - ROUNDING).ceil() as usize;
            let last = (at(&right, y) + ROUNDING).floor() as usize;
            hull.insert_run(plane * height + y, first..last + 1);
        }
    }
    hull
}

/// The first and the last voxel of a row.
#[derive(Clone, Copy)]
struct Ends {
    y: usize,
    first: usize,
    last: usize,
}

fn ends(mask: &Mask, row: usize, y: usize) -> Option<Ends> {
    let first = mask.columns(row).next()?;
    Some(Ends { y, first, last: mask.columns(row).last()? })
}

/// The points of a side of the hull from top to bottom (Andrew 1979); `is_inwards` judges the turn at a point, which
/// is left out where it is.
fn chain(points: impl Iterator<Item = (usize, usize)>, is_inwards: impl Fn(f64) -> bool) -> Vec<(f64, f64)> {
    let mut chain: Vec<(f64, f64)> = Vec::new();
    for (y, x) in points {
        let next = (y as f64, x as f64);
        while let [.., (y0, x0), (y1, x1)] = chain[..] {
            let turn = (x1 - x0) * (next.0 - y0) - (next.1 - x0) * (y1 - y0);
            if !is_inwards(turn) {
                break;
            }
            chain.pop();
        }
        chain.push(next);
    }
    chain
}

/// Where a side crosses row `y`.
fn at(chain: &[(f64, f64)], y: usize) -> f64 {
    let y = y as f64;
    let above = chain.partition_point(|point| point.0 <= y).saturating_sub(1);
    match chain[above..] {
        [(y0, x0), (y1, x1), ..] => x0 + (x1 - x0) * (y - y0) / (y1 - y0),
        [(_, x), ..] => x,
        [] => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::measure::ascii::mask;

    #[test]
    fn a_notch_is_filled_and_a_disc_stays() {
        let notched = mask(&["#####", "##...", "##...", "#####"]);
        assert_eq!(convex_hull(&notched), mask(&["#####", "#####", "#####", "#####"]));
        let disc = mask(&["..#..", ".###.", "#####", ".###.", "..#.."]);
        assert_eq!(convex_hull(&disc), disc);
        let empty = mask(&["...", "..."]);
        assert!(convex_hull(&empty).is_empty());
    }

    #[test]
    fn what_lies_apart_is_joined_across_empty_rows() {
        let apart = mask(&["#....", ".....", "....#"]);
        assert_eq!(convex_hull(&apart), mask(&["#....", "..#..", "....#"]));
    }

    proptest! {
        #[test]
        fn the_hull_holds_the_mask_and_the_middle_of_any_two_of_its_voxels(
            inside in proptest::collection::vec(any::<bool>(), 9 * 7)
        ) {
            let rows: Vec<String> =
                inside.chunks(9).map(|row| row.iter().map(|&in_mask| if in_mask { '#' } else { '.' }).collect()).collect();
            let mask = mask(&rows.iter().map(String::as_str).collect::<Vec<_>>());
            let hull = convex_hull(&mask);
            prop_assert!(mask.without(&hull).is_empty());
            let voxels: Vec<usize> = mask.indices().collect();
            for &a in &voxels {
                for &b in &voxels {
                    let (y, x) = (a / 9 + b / 9, a % 9 + b % 9);
                    if y % 2 == 0 && x % 2 == 0 {
                        prop_assert!(hull.contains([0, y / 2, x / 2]));
                    }
                }
            }
            prop_assert_eq!(&convex_hull(&hull), &hull);
        }
    }
}
