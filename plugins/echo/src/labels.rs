//! The structures that are segmented in an image of the heart.

use rl4seg_sdk::domain::{DomainError, Label, LabelSet};

/// The cavity of the left ventricle.
pub const LEFT_VENTRICLE: u8 = 1;
/// The muscle around it.
pub const MYOCARDIUM: u8 = 2;

/// Background, left ventricle, myocardium: the labels of CAMUS without the left atrium.
///
/// # Errors
/// None, as long as they are numbered 0, 1, 2 and have different names.
pub fn labels() -> Result<LabelSet, DomainError> {
    let label = |value, name: &str, color| Label { value, name: name.to_owned(), color };
    LabelSet::new(vec![
        label(0, "background", [0, 0, 0]),
        label(LEFT_VENTRICLE, "left ventricle", [214, 69, 65]),
        label(MYOCARDIUM, "myocardium", [65, 145, 214]),
    ])
}

#[cfg(test)]
mod tests {
    #[test]
    fn there_are_two_structures() {
        assert_eq!(super::labels().unwrap().structures().count(), 2);
    }
}
