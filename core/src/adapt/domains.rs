use std::collections::{BTreeMap, BTreeSet};

use super::digest::{self, Content};
use crate::{
    component::{ComponentError, DataSource, ErrorKind, Result},
    config::SplitSettings,
    domain::{CaseEntry, CaseId, Image, LabelMap, LabelSet, Seed, Split},
};

/// The cases of one domain, each with what it is used for.
struct Cases {
    source: Box<dyn DataSource>,
    by_split: BTreeMap<Split, Vec<CaseEntry>>,
    /// What the cases held when the run was begun; empty before that.
    expected: BTreeMap<CaseId, Content>,
}

/// The domain whose images have experts' label maps.
pub struct SourceDomain(Cases);

/// The domain without labels. Of its references only those of test cases can be read, and only
/// the step `evaluate` asks for them: no code path leads from a training or validation
/// case to a label.
pub struct TargetDomain(Cases);

impl SourceDomain {
    /// Lists the cases and splits them, patient by patient, where the data set does not.
    ///
    /// # Errors
    /// If the source cannot be listed, its labels are not `labels`, or a split is empty.
    pub fn open(source: Box<dyn DataSource>, labels: &LabelSet, splits: SplitSettings, seed: Seed) -> Result<Self> {
        let cases = Cases::open(source, labels, splits, seed, |entry| entry.has_reference)
            .map_err(|error| error.context("source domain"))?;
        Ok(Self(cases))
    }

    /// The cases of a split that have a reference, in the data set's order.
    #[must_use]
    pub fn cases(&self, split: Split) -> &[CaseEntry] {
        self.0.of(split)
    }

    /// The image of a case.
    ///
    /// # Errors
    /// As [`DataSource::image`].
    pub fn image(&self, id: &CaseId) -> Result<Image> {
        self.0.image(id).map_err(|error| error.context(format!("source case {id}")))
    }

    /// The expert's label map of a case.
    ///
    /// # Errors
    /// If there is none, or as [`DataSource::reference`].
    pub fn reference(&self, id: &CaseId) -> Result<LabelMap> {
        let reference = self.0.reference(id).map_err(|error| error.context(format!("source case {id}")))?;
        reference.ok_or_else(|| ComponentError::new(ErrorKind::NotFound, format!("source case {id} has no reference")))
    }

    /// From now on refuses a case that does not hold what it did when the run was begun.
    pub(super) fn expect(&mut self, expected: BTreeMap<CaseId, Content>) {
        self.0.expected = expected;
    }
}

impl TargetDomain {
    /// As [`SourceDomain::open`]; cases need no reference.
    ///
    /// # Errors
    /// As [`SourceDomain::open`].
    pub fn open(source: Box<dyn DataSource>, labels: &LabelSet, splits: SplitSettings, seed: Seed) -> Result<Self> {
        let cases =
            Cases::open(source, labels, splits, seed, |_| true).map_err(|error| error.context("target domain"))?;
        Ok(Self(cases))
    }

    /// The cases of a split, in the data set's order.
    #[must_use]
    pub fn cases(&self, split: Split) -> &[CaseEntry] {
        self.0.of(split)
    }

    /// The image of a case.
    ///
    /// # Errors
    /// As [`DataSource::image`].
    pub fn image(&self, id: &CaseId) -> Result<Image> {
        self.0.image(id).map_err(|error| error.context(format!("target case {id}")))
    }

    /// The expert's label map of a test case, if it has one.
    ///
    /// # Errors
    /// If the case is not one of the test split, or as [`DataSource::reference`].
    pub fn test_reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
        if !self.cases(Split::Test).iter().any(|entry| entry.id == *id) {
            let message = format!("the reference of target case {id} was asked for, which is not a test case");
            return Err(ComponentError::new(ErrorKind::Unsupported, message));
        }
        self.0.reference(id).map_err(|error| error.context(format!("target case {id}")))
    }

    /// As [`SourceDomain::expect`].
    pub(super) fn expect(&mut self, expected: BTreeMap<CaseId, Content>) {
        self.0.expected = expected;
    }
}

impl Cases {
    fn open(
        source: Box<dyn DataSource>,
        labels: &LabelSet,
        splits: SplitSettings,
        seed: Seed,
        usable: fn(&CaseEntry) -> bool,
    ) -> Result<Self> {
        if source.labels() != labels {
            return Err(ComponentError::new(
                ErrorKind::Inconsistent,
                format!(
                    "the data source has the labels {}, the modality {labels}; take a data source of this modality, or change \
                     `modality` in the configuration",
                    source.labels()
                ),
            ));
        }
        let entries = source.cases()?;
        let (drawn, listed) = (draw_splits(&entries, splits, seed), entries.len());
        let mut by_split: BTreeMap<Split, Vec<CaseEntry>> = BTreeMap::new();
        let mut of_groups: BTreeMap<String, (Split, CaseId)> = BTreeMap::new();
        for entry in entries.into_iter().filter(usable) {
            let split = entry.split.unwrap_or_else(|| drawn.get(&entry.group).copied().unwrap_or(Split::Train));
            let (of_group, first) = of_groups.entry(entry.group.clone()).or_insert((split, entry.id.clone()));
            if *of_group != split {
                let message = format!(
                    "the patient or group `{}` is in two splits: {first} in {of_group:?}, {} in {split:?}; give all of \
                     its cases one split, or none: results on test cases would be of patients that were trained on",
                    entry.group, entry.id
                );
                return Err(ComponentError::new(ErrorKind::Inconsistent, message));
            }
            by_split.entry(split).or_default().push(entry);
        }
        for split in [Split::Train, Split::Validation, Split::Test] {
            if !by_split.contains_key(&split) {
                return Err(ComponentError::new(
                    ErrorKind::NotFound,
                    none_left(split, listed, &by_split, of_groups.len()),
                ));
            }
        }
        Ok(Self { source, by_split, expected: BTreeMap::new() })
    }

    fn image(&self, id: &CaseId) -> Result<Image> {
        let image = self.source.image(id)?;
        let expected = self.expected.get(id).and_then(|content| content.image.as_ref());
        digest::require(expected, || digest::of_image(&image), "image")?;
        Ok(image)
    }

    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
        let reference = self.source.reference(id)?;
        let expected = self.expected.get(id).and_then(|content| content.reference.as_ref());
        let digest = || reference.as_ref().map_or_else(|| "of none".to_owned(), digest::of_labels);
        digest::require(expected, digest, "reference")?;
        Ok(reference)
    }

    fn of(&self, split: Split) -> &[CaseEntry] {
        self.by_split.get(&split).map_or(&[], Vec::as_slice)
    }
}

/// Why a split of a data set that lists so many cases has none.
fn none_left(split: Split, listed: usize, by_split: &BTreeMap<Split, Vec<CaseEntry>>, groups: usize) -> String {
    let usable: usize = by_split.values().map(Vec::len).sum();
    if usable == 0 && listed > 0 {
        return format!(
            "none of its {listed} cases has an expert's label map, and it is what the network learns from: name a folder with \
             label maps; were source and target swapped?"
        );
    }
    let split = format!("{split:?}").to_lowercase();
    format!(
        "no case is left for {split}: it has {usable} cases of {groups} patients, and a patient is in one split alone. Training, \
         validation and test need a patient each: add patients, or change the splits of the data set or [splits]"
    )
}

/// A split for every group that has a case without one. The groups are put in an order that
/// follows from the seed and their names alone, then cut.
fn draw_splits(entries: &[CaseEntry], splits: SplitSettings, seed: Seed) -> BTreeMap<String, Split> {
    let groups: BTreeSet<&str> =
        entries.iter().filter(|entry| entry.split.is_none()).map(|entry| entry.group.as_str()).collect();
    let mut groups: Vec<&str> = groups.into_iter().collect();
    groups.sort_by_key(|group| seed.named(group).0);
    let count = |share: f64| (share * groups.len() as f64).round().max(1.0) as usize;
    let (test, validation) = (count(splits.test), count(splits.validation));
    let split_of = |index: usize| match index {
        _ if index < test => Split::Test,
        _ if index < test + validation => Split::Validation,
        _ => Split::Train,
    };
    groups.iter().enumerate().map(|(index, group)| ((*group).to_owned(), split_of(index))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Grid, Label};

    fn entry(id: usize, group: usize) -> CaseEntry {
        CaseEntry { id: CaseId(format!("c{id}")), group: format!("p{group}"), split: None, has_reference: true }
    }

    fn labels() -> LabelSet {
        let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
        LabelSet::new(vec![label(0, "background"), label(1, "heart")]).unwrap()
    }

    /// Ten cases, all with a reference.
    struct Ten(LabelSet);

    impl DataSource for Ten {
        fn labels(&self) -> &LabelSet {
            &self.0
        }

        fn cases(&self) -> Result<Vec<CaseEntry>> {
            Ok((0..10).map(|index| entry(index, index)).collect())
        }

        fn image(&self, _: &CaseId) -> Result<Image> {
            Ok(Image::new(Grid::plane([1, 1], [1.0, 1.0])?, 1, vec![0.0])?)
        }

        fn reference(&self, _: &CaseId) -> Result<Option<LabelMap>> {
            Ok(Some(LabelMap::background(Grid::plane([1, 1], [1.0, 1.0])?)))
        }
    }

    #[test]
    fn a_patient_is_never_torn_apart_and_the_split_does_not_depend_on_order() {
        let entries: Vec<CaseEntry> = (0..40).map(|index| entry(index, index / 2)).collect();
        let splits = draw_splits(&entries, SplitSettings::default(), Seed(3));
        let count = |wanted| splits.values().filter(|&&split| split == wanted).count();
        assert_eq!((count(Split::Train), count(Split::Validation), count(Split::Test)), (14, 2, 4));
        let reversed: Vec<CaseEntry> = entries.into_iter().rev().collect();
        assert_eq!(draw_splits(&reversed, SplitSettings::default(), Seed(3)), splits);
    }

    #[test]
    fn only_test_cases_of_the_target_give_a_label() {
        let target = TargetDomain::open(Box::new(Ten(labels())), &labels(), SplitSettings::default(), Seed(1)).unwrap();
        for split in [Split::Train, Split::Validation] {
            for entry in target.cases(split) {
                assert!(target.test_reference(&entry.id).is_err(), "{split:?} {}", entry.id);
            }
        }
        for entry in target.cases(Split::Test) {
            assert!(target.test_reference(&entry.id).unwrap().is_some());
        }
    }

    /// Ten cases of five patients; the first case is for testing, whatever its patient's other case is for.
    struct Torn(Ten);

    impl DataSource for Torn {
        fn labels(&self) -> &LabelSet {
            &self.0.0
        }

        fn cases(&self) -> Result<Vec<CaseEntry>> {
            let split = |index| if index == 0 { Split::Test } else { Split::Train };
            Ok((0..10).map(|index| CaseEntry { split: Some(split(index)), ..entry(index, index / 2) }).collect())
        }

        fn image(&self, id: &CaseId) -> Result<Image> {
            self.0.image(id)
        }

        fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
            self.0.reference(id)
        }
    }

    #[test]
    fn a_patient_that_the_data_set_tears_apart_is_refused() {
        let torn = Box::new(Torn(Ten(labels())));
        let opened = SourceDomain::open(torn, &labels(), SplitSettings::default(), Seed(1));
        let message = opened.err().unwrap().chain().collect::<Vec<_>>().join(": ");
        assert!(message.contains("`p0`") && message.contains("c0") && message.contains("c1"), "{message}");
    }

    #[test]
    fn another_label_set_is_refused() {
        let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
        let other = LabelSet::new(vec![label(0, "background"), label(1, "lung")]).unwrap();
        let opened = SourceDomain::open(Box::new(Ten(labels())), &other, SplitSettings::default(), Seed(1));
        let message = opened.err().unwrap().chain().collect::<Vec<_>>().join(": ");
        assert!(message.contains("heart") && message.contains("lung"), "{message}");
    }
}
