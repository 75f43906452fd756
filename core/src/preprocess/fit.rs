/// Cuts a plane `[y, x]` of shape `from` to shape `to`. Pixel 0 of the new plane is pixel `start`
/// of the old one; what the old one does not have becomes `outside`.
pub(super) fn cut<T: Copy>(plane: &[T], from: [usize; 2], to: [usize; 2], start: [isize; 2], outside: T) -> Vec<T> {
    let source = |position: usize, axis: usize| {
        position.checked_add_signed(start[axis]).filter(|&position| position < from[axis])
    };
    let mut cut = vec![outside; to[0] * to[1]];
    for (y, row) in cut.chunks_exact_mut(to[1]).enumerate() {
        let Some(source_y) = source(y, 0) else { continue };
        for (x, value) in row.iter_mut().enumerate() {
            if let Some(source_x) = source(x, 1) {
                *value = plane[source_y * from[1] + source_x];
            }
        }
    }
    cut
}

/// Where a centred window of `to` pixels begins on an axis of `from` pixels; negative if it is the
/// longer one. An odd pixel is cut off at the far end and added at the near end, so that padding
/// undoes cropping.
pub(super) fn centred(from: usize, to: usize) -> isize {
    (from as isize - to as isize).div_euclid(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_and_a_pad_undo_each_other() {
        for (small, large) in [(2, 5), (3, 5), (4, 4), (1, 6)] {
            let plane: Vec<u8> = (1..=(small * small) as u8).collect();
            let start = centred(small, large);
            let padded = cut(&plane, [small; 2], [large; 2], [start; 2], 0);
            assert_eq!(padded.iter().filter(|&&value| value != 0).count(), plane.len());
            assert_eq!(cut(&padded, [large; 2], [small; 2], [-start; 2], 0), plane);
        }
    }

    #[test]
    fn windows_are_centred() {
        assert_eq!(cut(&[1, 2, 3, 4, 5], [1, 5], [1, 3], [0, centred(5, 3)], 0), [2, 3, 4]);
        assert_eq!(cut(&[1, 2], [1, 2], [1, 4], [0, centred(2, 4)], 0), [0, 1, 2, 0]);
    }
}
