//! Elements of a data set that is put together.

use dicom_core::{
    DataElement, PrimitiveValue, Tag, VR,
    dictionary::{DataDictionary, DataDictionaryEntry},
    value::DataSetSequence,
};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;

/// Characters of a decimal string at the most (PS3.5, 6.2).
const DECIMAL_STRING: usize = 16;

/// A data set in the making.
pub(super) struct Elements(InMemDicomObject);

impl Elements {
    pub(super) fn new() -> Self {
        Self(InMemDicomObject::new_empty())
    }

    /// Puts a value under a tag whose representation the dictionary names.
    pub(super) fn put(mut self, tag: Tag, value: impl Into<PrimitiveValue>) -> Self {
        let vr = StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| entry.vr().relaxed());
        self.0.put(DataElement::new(tag, vr, value.into()));
        self
    }

    /// Puts texts, separated as in `"A\\B"`.
    pub(super) fn text(self, tag: Tag, text: &str) -> Self {
        if text.is_empty() {
            return self.put(tag, PrimitiveValue::Empty);
        }
        self.put(tag, PrimitiveValue::Strs(text.split('\\').map(str::to_owned).collect()))
    }

    /// Puts numbers as decimal strings.
    pub(super) fn decimals(self, tag: Tag, numbers: &[f64]) -> Self {
        self.put(tag, PrimitiveValue::Strs(numbers.iter().map(|&number| decimal(number)).collect()))
    }

    pub(super) fn items(mut self, tag: Tag, items: Vec<InMemDicomObject>) -> Self {
        self.0.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
        self
    }

    pub(super) fn item(self, tag: Tag, item: Self) -> Self {
        self.items(tag, vec![item.0])
    }

    /// Copies an element as it is, if there is one.
    pub(super) fn copy(mut self, from: &InMemDicomObject, tag: Tag) -> Self {
        if let Some(element) = from.get(tag) {
            self.0.put(element.clone());
        }
        self
    }

    /// Puts bytes or words as they are.
    pub(super) fn raw(mut self, tag: Tag, vr: VR, value: PrimitiveValue) -> Self {
        self.0.put(DataElement::new(tag, vr, value));
        self
    }

    pub(super) fn when(self, condition: bool, change: impl FnOnce(Self) -> Self) -> Self {
        if condition { change(self) } else { self }
    }

    pub(super) fn done(self) -> InMemDicomObject {
        self.0
    }
}

/// A code and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    pub value: &'static str,
    pub scheme: &'static str,
    pub meaning: &'static str,
}

impl Code {
    pub(super) fn elements(self) -> Elements {
        Elements::new()
            .text(tags::CODE_VALUE, self.value)
            .text(tags::CODING_SCHEME_DESIGNATOR, self.scheme)
            .text(tags::CODE_MEANING, self.meaning)
    }
}

/// The number with as many digits as a decimal string holds.
fn decimal(number: f64) -> String {
    let exact = format!("{number}");
    if exact.len() <= DECIMAL_STRING {
        return exact;
    }
    let fixed = (0..DECIMAL_STRING).rev().map(|digits| format!("{number:.digits$}"));
    let small = (0..DECIMAL_STRING).rev().map(|digits| format!("{number:.digits$e}"));
    let mut fitting = fixed.chain(small).filter(|text| text.len() <= DECIMAL_STRING);
    let is_closest =
        |text: &String| text.parse::<f64>().is_ok_and(|parsed| (parsed - number).abs() <= 1e-6 * number.abs());
    fitting.find(is_closest).unwrap_or_else(|| format!("{number:.8e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_digits_that_fit() {
        assert_eq!(decimal(0.3), "0.3");
        assert_eq!(decimal(-1.0 / 3.0), "-0.3333333333333");
        assert_eq!(decimal(-123_456.789_012_345_67), "-123456.78901235");
        assert_eq!(decimal(1e-20), "1.0000000000e-20");
        for number in [1.0 / 3.0, -0.999_999_999_999_999, 1e-12 / 3.0, 2.0e9 / 3.0] {
            assert!(decimal(number).len() <= DECIMAL_STRING, "{}", decimal(number));
        }
    }
}
