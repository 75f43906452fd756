use rand::seq::SliceRandom;

use crate::{
    domain::{CaseId, Seed},
    random,
};

/// The numbers 0, 1, ... of `shapes` in a drawn order, cut into batches in which all shapes are
/// equal, since a network takes images of one shape at a time.
pub(super) fn shuffled(shapes: &[[usize; 3]], batch: usize, seed: Seed) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..shapes.len()).collect();
    order.shuffle(&mut random::generator(seed));
    cut(&order, shapes, batch)
}

/// As [`shuffled`], in the given order.
pub(super) fn in_order(shapes: &[[usize; 3]], batch: usize) -> Vec<Vec<usize>> {
    let order: Vec<usize> = (0..shapes.len()).collect();
    cut(&order, shapes, batch)
}

/// Names a batch, for an error that happened in it.
pub(super) fn name<'a>(epoch: usize, batch: usize, cases: impl Iterator<Item = &'a CaseId>) -> String {
    let cases: Vec<&str> = cases.map(CaseId::as_str).collect();
    format!("epoch {epoch}, batch {} of it (cases {})", batch + 1, cases.join(", "))
}

fn cut(order: &[usize], shapes: &[[usize; 3]], batch: usize) -> Vec<Vec<usize>> {
    let mut open: Vec<Vec<usize>> = Vec::new();
    let mut full = Vec::new();
    for &index in order {
        let same = open.iter().position(|started| shapes[started[0]] == shapes[index]);
        let place = same.unwrap_or_else(|| {
            open.push(Vec::with_capacity(batch));
            open.len() - 1
        });
        open[place].push(index);
        if open[place].len() == batch {
            full.push(open.swap_remove(place));
        }
    }
    full.extend(open);
    full
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_stands_in_one_batch_of_its_shape() {
        let shapes: Vec<[usize; 3]> = (0..23).map(|index| [1, 32 + index % 3, 32]).collect();
        let batches = shuffled(&shapes, 4, Seed(1));
        let mut seen: Vec<usize> = batches.concat();
        seen.sort_unstable();
        assert_eq!(seen, (0..23).collect::<Vec<_>>());
        for batch in &batches {
            assert!(batch.len() <= 4 && batch.iter().all(|&index| shapes[index] == shapes[batch[0]]));
        }
    }

    #[test]
    fn the_order_follows_from_the_seed() {
        let shapes = vec![[1, 8, 8]; 50];
        assert_eq!(shuffled(&shapes, 8, Seed(1)), shuffled(&shapes, 8, Seed(1)));
        assert_ne!(shuffled(&shapes, 8, Seed(1)), shuffled(&shapes, 8, Seed(2)));
        assert_eq!(in_order(&shapes, 8)[0], (0..8).collect::<Vec<_>>());
    }
}
