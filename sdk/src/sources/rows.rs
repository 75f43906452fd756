//! Tables with a case, or whatever, in each row.

use std::path::{Component, Path, PathBuf};

use super::files::read_text;
use crate::{
    component::{ComponentError, ErrorKind, Result},
    domain::Split,
};

/// A CSV file whose first line names its columns.
#[derive(Debug)]
pub struct Rows {
    path: PathBuf,
    columns: Vec<String>,
    records: Vec<csv::StringRecord>,
}

impl Rows {
    /// Reads a table; blanks around cells do not count.
    ///
    /// # Errors
    /// If the file is not there, or a row has more or fewer cells than the first.
    pub fn read(path: &Path) -> Result<Self> {
        let malformed =
            |error| ComponentError::new(ErrorKind::Unreadable, format!("{}: not a table: {error}", path.display()));
        let text = read_text(path)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let columns: Vec<String> = reader.headers().map_err(malformed)?.iter().map(str::to_owned).collect();
        let records = reader.into_records().collect::<std::result::Result<_, _>>().map_err(malformed)?;
        Ok(Self { path: path.to_owned(), columns, records })
    }

    /// The names of its columns, in order.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Refuses a table that has none of the columns `names`.
    ///
    /// # Errors
    /// With the columns that there are.
    pub fn require_column(&self, names: &[&str]) -> Result<()> {
        if names.iter().any(|name| self.columns.iter().any(|column| column == name)) {
            return Ok(());
        }
        let message = format!(
            "{}: expected a column {}; found {}",
            self.path.display(),
            names.join(" or "),
            self.columns.join(", ")
        );
        Err(ComponentError::new(ErrorKind::Inconsistent, message))
    }

    /// Its rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.records.iter().enumerate().map(|(index, record)| Row { rows: self, record, line: index + 2 })
    }
}

/// A row of [`Rows`].
#[derive(Debug)]
pub struct Row<'a> {
    rows: &'a Rows,
    record: &'a csv::StringRecord,
    /// Line in the file, as an editor counts; the header is line 1.
    line: usize,
}

impl<'a> Row<'a> {
    /// What stands under `column`; `None` where the table has no such column.
    #[must_use]
    pub fn cell(&self, column: &str) -> Option<&'a str> {
        let index = self.rows.columns.iter().position(|name| name == column)?;
        self.record.get(index)
    }

    /// What stands under `column`, which must be something.
    ///
    /// # Errors
    /// If there is no such column, or nothing in it.
    pub fn required(&self, column: &str) -> Result<&'a str> {
        match self.cell(column) {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(self.refuse(column, "", "a name")),
        }
    }

    /// The patient: what stands under the first of `columns` that is there.
    ///
    /// # Errors
    /// If nothing stands there.
    pub fn group(&self, columns: &[&str]) -> Result<&'a str> {
        match columns.iter().find_map(|column| self.cell(column)) {
            Some(group) if !group.is_empty() => Ok(group),
            _ => Err(self.refuse(&columns.join(" or "), "", "the patient")),
        }
    }

    /// What the case is for, under the first of `columns` that is there: `train` (or `pred`), `validation` (or `val`), `test`;
    /// empty leaves it open.
    ///
    /// # Errors
    /// If it is another word.
    pub fn split(&self, columns: &[&str]) -> Result<Option<Split>> {
        let Some((column, text)) = columns.iter().find_map(|column| Some((column, self.cell(column)?))) else {
            return Ok(None);
        };
        match text {
            "" => Ok(None),
            "train" | "pred" => Ok(Some(Split::Train)),
            "validation" | "val" => Ok(Some(Split::Validation)),
            "test" => Ok(Some(Split::Test)),
            _ => Err(self.refuse(column, text, "train, validation or test")),
        }
    }

    /// The number under `column`.
    ///
    /// # Errors
    /// If it is missing, none, NaN or infinite.
    pub fn number(&self, column: &str) -> Result<f64> {
        let text = self.cell(column).unwrap_or_default();
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| self.refuse(column, text, "a number"))
    }

    /// The length under `column`, above 0; `None` where nothing stands there.
    ///
    /// # Errors
    /// If it is no such number; `expected` says what it should be.
    pub fn length(&self, column: &str, expected: &str) -> Result<Option<f64>> {
        match self.cell(column) {
            None | Some("") => Ok(None),
            Some(text) => match text.parse::<f64>() {
                Ok(length) if length.is_finite() && length > 0.0 => Ok(Some(length)),
                _ => Err(self.refuse(column, text, expected)),
            },
        }
    }

    /// Refuses what would lead out of the folder.
    ///
    /// # Errors
    /// If what stands under `column` is not a name, or names of folders and one of a file.
    pub fn require_inside(&self, column: &str) -> Result<()> {
        let Some(text) = self.cell(column) else { return Ok(()) };
        let inside = Path::new(text).components().all(|part| matches!(part, Component::Normal(_)));
        if inside { Ok(()) } else { Err(self.refuse(column, text, "a name within the folder")) }
    }

    /// The error that names this row, one of its columns, what stands there and what should.
    #[must_use]
    pub fn refuse(&self, column: &str, found: &str, expected: &str) -> ComponentError {
        let message = format!(
            "{}: line {}, column {column}: `{found}`; expected {expected}",
            self.rows.path.display(),
            self.line
        );
        ComponentError::new(ErrorKind::Inconsistent, message)
    }
}
