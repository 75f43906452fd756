use std::fmt;

use serde::{Deserialize, Serialize};

use super::DomainError;

/// One class of a [`LabelSet`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The value of its voxels in a label map.
    pub value: u8,
    /// Its name, for people.
    pub name: String,
    /// Red, green, blue.
    pub color: [u8; 3],
}

/// The classes of a label map, numbered 0, 1, 2, ...; 0 is background.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Label>", into = "Vec<Label>")]
pub struct LabelSet(Vec<Label>);

impl LabelSet {
    /// A set of at least two labels.
    ///
    /// # Errors
    /// [`DomainError::LabelSet`] if values are not 0, 1, 2, ... in this order, or a name is empty
    /// or stands twice.
    pub fn new(labels: Vec<Label>) -> Result<Self, DomainError> {
        if labels.len() < 2 {
            return Err(DomainError::LabelSet("needs background and at least one structure".to_owned()));
        }
        for (index, label) in labels.iter().enumerate() {
            if usize::from(label.value) != index {
                return Err(DomainError::LabelSet(format!(
                    "`{}` has value {}; expected {index}: values are numbered 0, 1, 2, ...",
                    label.name, label.value
                )));
            }
            if label.name.is_empty() || labels[..index].iter().any(|earlier| earlier.name == label.name) {
                return Err(DomainError::LabelSet(format!(
                    "label {index} is named `{}`; every label needs a name of its own",
                    label.name
                )));
            }
        }
        Ok(Self(labels))
    }

    /// Number of labels, background included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Always false: a set has at least two labels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// All labels, background first.
    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }

    /// All labels but background.
    pub fn structures(&self) -> impl Iterator<Item = &Label> {
        self.0.iter().skip(1)
    }
}

impl fmt::Display for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, label) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{} {}", label.value, label.name)?;
        }
        Ok(())
    }
}

impl TryFrom<Vec<Label>> for LabelSet {
    type Error = DomainError;

    fn try_from(labels: Vec<Label>) -> Result<Self, DomainError> {
        Self::new(labels)
    }
}

impl From<LabelSet> for Vec<Label> {
    fn from(set: LabelSet) -> Self {
        set.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(value: u8, name: &str) -> Label {
        Label { value, name: name.to_owned(), color: [0; 3] }
    }

    #[test]
    fn values_are_contiguous_and_names_differ() {
        assert!(LabelSet::new(vec![label(0, "background"), label(1, "heart")]).is_ok());
        assert!(LabelSet::new(vec![label(0, "background"), label(2, "heart")]).is_err());
        assert!(LabelSet::new(vec![label(0, "heart"), label(1, "heart")]).is_err());
        assert!(LabelSet::new(vec![label(0, "background")]).is_err());
    }
}
