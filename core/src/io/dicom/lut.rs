//! Tables that turn stored values into others (PS3.3, C.11.1, C.11.2 and C.7.6.3.1.5).

use dicom_core::{Tag, value::PrimitiveValue};

use super::{attributes::Attributes, file::named};
use crate::io::IoError;

/// A table: the first entry is for `first` and everything below it, the last for everything above.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lut {
    first: i64,
    entries: Vec<u16>,
    /// Bits of an entry.
    pub bits: u32,
}

impl Lut {
    /// The table that these two elements hold. `signed`: whether what is looked up may be below 0.
    pub(super) fn read(attributes: &Attributes<'_>, descriptor: Tag, data: Tag, signed: bool) -> Result<Self, IoError> {
        let expected = "three numbers: entries, first value, bits an entry";
        let numbers = attributes.array::<3>(descriptor)?.ok_or_else(|| attributes.missing(descriptor, expected))?;
        // The sign of the first two depends on the value representation, which writers get wrong.
        let [count, first, bits] = numbers.map(|number| number as i64);
        let count = match count & 0xffff {
            0 => 1 << 16,
            count => count as usize,
        };
        let first = if signed { i64::from(first as u16 as i16) } else { first & 0xffff };
        let bits = u32::try_from(bits)
            .ok()
            .filter(|bits| (8..=16).contains(bits))
            .ok_or_else(|| attributes.wrong(descriptor, "8 to 16 bits an entry"))?;
        let value = attributes.dataset.get(data).and_then(|element| element.value().primitive());
        let words = words(value.ok_or_else(|| attributes.missing(data, "the table's entries"))?);
        let entries: Vec<u16> = if bits == 8 && words.len() < count {
            words.iter().flat_map(|word| word.to_le_bytes()).map(u16::from).take(count).collect()
        } else {
            words.into_iter().take(count).collect()
        };
        if entries.len() < count {
            return Err(IoError::Field {
                path: attributes.path.to_owned(),
                field: named(data),
                found: format!("{} entries", entries.len()),
                expected: format!("{count}, as {} says", named(descriptor)),
            });
        }
        Ok(Self { first, entries, bits })
    }

    /// The largest number that an entry can have.
    pub(super) fn brightest(&self) -> f64 {
        f64::from((1_u32 << self.bits) - 1)
    }

    pub(super) fn look_up(&self, value: f64) -> u16 {
        let last = self.entries.len() - 1;
        let index = (value as i64 - self.first).clamp(0, last as i64);
        self.entries[index as usize]
    }
}

fn words(value: &PrimitiveValue) -> Vec<u16> {
    match value {
        PrimitiveValue::U16(words) => words.to_vec(),
        PrimitiveValue::I16(words) => words.iter().map(|&word| word as u16).collect(),
        other => other.to_bytes().as_chunks().0.iter().map(|&two| u16::from_le_bytes(two)).collect(),
    }
}
