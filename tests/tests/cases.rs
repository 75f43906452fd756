//! Folders of cases: what one source gives is written, and read again by another.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use rl4seg_core::component::{ComponentError, DataSource};
use rl4seg_core::domain::{CaseEntry, CaseId, Grid, Image, LabelMap, LabelSet, Split};
use rl4seg_core::io::write_cases;
use rl4seg_echo::labels::labels;
use rl4seg_echo::sources::{CasesCsv, CasesCsvConfig};

/// Twenty made-up cases, every third without a reference.
struct Made {
    labels: LabelSet,
}

impl Made {
    fn grid() -> Grid {
        Grid::plane([8, 6], [0.4, 0.3]).unwrap()
    }
}

impl DataSource for Made {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn cases(&self) -> Result<Vec<CaseEntry>, ComponentError> {
        let split = |index| [Some(Split::Train), Some(Split::Validation), Some(Split::Test), None][index % 4];
        let case = |index: usize| CaseEntry {
            id: CaseId(format!("case{index:02}")),
            group: format!("patient{}", index / 2),
            split: split(index),
            has_reference: !index.is_multiple_of(3),
        };
        Ok((0..20).map(case).collect())
    }

    fn image(&self, id: &CaseId) -> Result<Image, ComponentError> {
        let value = f32::from(id.as_str().as_bytes()[5]) / 256.0;
        Ok(Image::new(Self::grid(), 1, vec![value; Self::grid().len()])?)
    }

    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>, ComponentError> {
        let entry = self.cases()?.into_iter().find(|entry| entry.id == *id);
        Ok(entry.filter(|entry| entry.has_reference).map(|_| LabelMap::background(Self::grid())))
    }
}

#[test]
fn written_cases_are_read_again_by_the_echo_plugin() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("cases");
    let made = Made { labels: labels().unwrap() };
    let mut heard = Vec::new();
    write_cases(&made, &root, &mut |done, total| heard.push((done, total))).unwrap();
    assert_eq!(heard.last(), Some(&(20, 20)));
    let source = CasesCsv::new(&CasesCsvConfig { root: root.clone() }).unwrap();
    assert_eq!(source.cases().unwrap(), made.cases().unwrap());
    for case in made.cases().unwrap() {
        assert_eq!(source.image(&case.id).unwrap().values(), made.image(&case.id).unwrap().values());
        assert_eq!(source.reference(&case.id).unwrap().is_some(), case.has_reference);
    }
    let error = write_cases(&made, &root, &mut |_, _| ()).unwrap_err();
    assert!(error.to_string().contains("not empty"), "{error}");
}
