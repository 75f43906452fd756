//! Elements of a data set as numbers and text, with errors that name them.

use std::path::Path;

use dicom_core::Tag;
use dicom_object::{InMemDicomObject, mem::InMemElement};

use super::file::named;
use crate::io::IoError;

/// A data set, or an item of one, and the file that errors name.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a> {
    pub path: &'a Path,
    pub dataset: &'a InMemDicomObject,
}

impl<'a> Attributes<'a> {
    /// Text without padding; `None` where the element is missing or empty.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        let text = self.dataset.get(tag)?.to_str().ok()?;
        let text = text.trim_matches(['\0', ' ']);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A whole number; `None` where the element is missing or empty.
    pub(super) fn whole(&self, tag: Tag) -> Result<Option<u32>, IoError> {
        let Some(element) = self.dataset.get(tag).filter(|element| !is_empty(element)) else { return Ok(None) };
        element.to_int::<u32>().map(Some).map_err(|_| self.wrong(tag, "a whole number"))
    }

    /// A whole number that must be there.
    pub(super) fn required_whole(&self, tag: Tag) -> Result<u32, IoError> {
        self.whole(tag)?.ok_or_else(|| self.missing(tag, "a whole number"))
    }

    /// Numbers, all finite; `None` where the element is missing or empty.
    pub(super) fn numbers(&self, tag: Tag) -> Result<Option<Vec<f64>>, IoError> {
        let Some(element) = self.dataset.get(tag).filter(|element| !is_empty(element)) else { return Ok(None) };
        let numbers = element.to_multi_float64().ok().filter(|numbers| numbers.iter().all(|number| number.is_finite()));
        numbers.map(Some).ok_or_else(|| self.wrong(tag, "finite numbers"))
    }

    /// As many finite numbers as wanted; `None` where the element is missing or empty.
    pub(super) fn array<const N: usize>(&self, tag: Tag) -> Result<Option<[f64; N]>, IoError> {
        let Some(numbers) = self.numbers(tag)? else { return Ok(None) };
        <[f64; N]>::try_from(numbers).map(Some).map_err(|_| self.wrong(tag, &format!("{N} finite numbers")))
    }

    /// One finite number; `None` where the element is missing or empty.
    pub(super) fn number(&self, tag: Tag) -> Result<Option<f64>, IoError> {
        Ok(self.array::<1>(tag)?.map(|[number]| number))
    }

    /// The items of a sequence; none where it is missing.
    pub(super) fn items(&self, tag: Tag) -> Vec<Self> {
        let items = self.dataset.get(tag).and_then(|element| element.items()).unwrap_or_default();
        items.iter().map(|dataset| Self { path: self.path, dataset }).collect()
    }

    /// The first item of a sequence.
    pub(super) fn item(&self, tag: Tag) -> Option<Self> {
        self.nth(tag, 0)
    }

    /// An item of a sequence, counted from 0.
    pub(super) fn nth(&self, tag: Tag, index: usize) -> Option<Self> {
        let dataset = self.dataset.get(tag)?.items()?.get(index)?;
        Some(Self { path: self.path, dataset })
    }

    /// Refuses what stands in an element.
    pub(super) fn wrong(&self, tag: Tag, expected: &str) -> IoError {
        let found = self.dataset.get(tag).and_then(|element| element.to_str().ok());
        let found = found.map_or_else(|| "not readable".to_owned(), |text| format!("`{text}`"));
        IoError::Field { path: self.path.to_owned(), field: named(tag), found, expected: expected.to_owned() }
    }

    /// Refuses that an element is missing.
    pub(super) fn missing(&self, tag: Tag, expected: &str) -> IoError {
        let (field, expected) = (named(tag), expected.to_owned());
        IoError::Field { path: self.path.to_owned(), field, found: "missing".to_owned(), expected }
    }
}

/// Without a value, or with one of blanks alone.
fn is_empty(element: &InMemElement) -> bool {
    element
        .value()
        .primitive()
        .is_some_and(|value| value.multiplicity() == 0 || value.to_str().trim_matches(['\0', ' ']).is_empty())
}
