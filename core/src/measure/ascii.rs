//! Masks drawn as text, for tests: `#` belongs to the mask.

use super::Mask;

pub(super) fn mask(rows: &[&str]) -> Mask {
    let mut mask = Mask::empty([1, rows.len(), rows[0].len()]);
    for (y, row) in rows.iter().enumerate() {
        assert_eq!(row.len(), rows[0].len(), "row {y}");
        row.bytes().enumerate().filter(|&(_, found)| found == b'#').for_each(|(x, _)| mask.insert_run(y, x..x + 1));
    }
    mask
}
