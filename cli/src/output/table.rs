use comfy_table::{CellAlignment, Table, presets};

/// What stands for a number that there is not.
const ABSENT: &str = "-";

/// A table of text for people: words to the left, columns of numbers to the right.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if rows.iter().filter_map(|row| row.get(index)).all(|cell| is_number(cell)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(rows);
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn is_number(cell: &str) -> bool {
    let digits = cell.strip_suffix(" %").unwrap_or(cell);
    digits == ABSENT || digits.parse::<f64>().is_ok()
}

/// A number with `digits` after the point; a dash where there is none.
pub fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| ABSENT.to_owned(), |value| format!("{value:.digits$}"))
}

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let found = table(
            &["file", "Dice"],
            [vec!["a.nii.gz".to_owned(), number(Some(0.98765), 3)], vec!["b".to_owned(), number(None, 3)]],
        );
        assert_eq!(found, "file       Dice\na.nii.gz  0.988\nb             -\n");
    }
}
