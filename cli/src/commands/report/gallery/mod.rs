//! Cases to look through, the worst first: a report and `predict` show them in the same way.

mod markup;
mod picture;
mod reasons;

pub use markup::{gallery, scripts};
pub use picture::{Picture, Shown, from_map, from_right, longest_side};
pub use reasons::{Names, Reason};

use rl4seg_core::domain::{Label, LabelSet, Verdict};

/// Cases, the worst first.
pub struct Gallery {
    /// The structures with their colours.
    pub labels: Vec<Label>,
    pub entries: Vec<Entry>,
    /// How many cases there are, of which these are the worst.
    pub total: usize,
}

/// A case.
#[derive(Debug, Clone)]
pub struct Entry {
    pub name: String,
    pub verdict: Verdict,
    /// Mean over the structures.
    pub dice: Option<f64>,
    /// The same before the adaptation.
    pub dice_before: Option<f64>,
    /// Of each segmented voxel; infinite where nothing is segmented.
    pub uncertainty: Option<f64>,
    pub reasons: Vec<Reason>,
    /// Numbers that belong to it, with their names.
    pub numbers: Vec<(String, String)>,
    pub picture: Option<Picture>,
}

impl Gallery {
    /// The worst `most` of these cases: those that are not valid, then the least certain, then those with the least Dice.
    pub fn new(labels: &LabelSet, mut entries: Vec<Entry>, most: usize) -> Self {
        let total = entries.len();
        entries.sort_by(|a, b| {
            let rank = |entry: &Entry| match entry.verdict {
                Verdict::Invalid => 0,
                Verdict::Unmeasurable => 1,
                Verdict::Valid => 2,
            };
            let doubt = |entry: &Entry| entry.uncertainty.unwrap_or(0.0);
            let dice = |entry: &Entry| entry.dice.unwrap_or(0.0);
            let by_doubt = || doubt(b).total_cmp(&doubt(a));
            let by_dice = || dice(a).total_cmp(&dice(b));
            rank(a).cmp(&rank(b)).then_with(by_doubt).then_with(by_dice).then_with(|| a.name.cmp(&b.name))
        });
        entries.truncate(most);
        Self { labels: labels.structures().cloned().collect(), entries, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_invalid_comes_first_then_what_is_uncertain() {
        let entry = |name: &str, verdict, uncertainty, dice| Entry {
            name: name.to_owned(),
            verdict,
            dice,
            dice_before: None,
            uncertainty,
            reasons: Vec::new(),
            numbers: Vec::new(),
            picture: None,
        };
        let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
        let labels = LabelSet::new(vec![label(0, "background"), label(1, "heart")]).unwrap();
        let entries = vec![
            entry("sure", Verdict::Valid, Some(0.1), None),
            entry("better", Verdict::Valid, Some(0.3), Some(0.9)),
            entry("worse", Verdict::Valid, Some(0.3), Some(0.2)),
            entry("broken", Verdict::Invalid, Some(0.0), None),
            entry("unclear", Verdict::Unmeasurable, None, None),
        ];
        let gallery = Gallery::new(&labels, entries, 4);
        let order: Vec<&str> = gallery.entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(order, ["broken", "unclear", "worse", "better"]);
        assert_eq!(gallery.total, 5);
    }
}
