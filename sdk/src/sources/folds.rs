//! Folds of a cross-validation, as nnU-Net writes them.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use super::files::{CaseFiles, read_json};
use crate::{
    component::{ComponentError, ErrorKind, Result},
    domain::Split,
};

#[derive(Debug, Deserialize)]
struct Names {
    train: Vec<String>,
    val: Vec<String>,
}

/// What one fold says of each case.
#[derive(Debug)]
pub(super) struct Fold {
    /// The file and the number, for messages.
    place: String,
    splits: BTreeMap<String, Split>,
}

impl Fold {
    /// Reads a fold of `splits_final.json`, a list of `{"train": [CASE, ...], "val": [CASE, ...]}`.
    ///
    /// # Errors
    /// If the file is not there, is of another form, has no such fold, or names a case twice.
    pub(super) fn read(path: &Path, fold: usize) -> Result<Self> {
        let mut folds: Vec<Names> = read_json(path)?;
        if fold >= folds.len() {
            let message = format!("{}: fold is {fold}; expected one of {} folds", path.display(), folds.len());
            return Err(ComponentError::new(ErrorKind::Configuration, message));
        }
        let Names { train, val } = folds.swap_remove(fold);
        let mut read = Self { place: format!("{}, fold {fold}", path.display()), splits: BTreeMap::new() };
        let train = train.into_iter().map(|name| (name, Split::Train));
        for (name, split) in train.chain(val.into_iter().map(|name| (name, Split::Validation))) {
            if read.splits.insert(name.clone(), split).is_some() {
                return Err(read.refuse(&format!("case `{name}` stands there twice")));
            }
        }
        Ok(read)
    }

    /// Tells each of the cases what it is for.
    ///
    /// # Errors
    /// If the fold lacks one of them, or names one that is not there.
    pub(super) fn assign(mut self, cases: &mut [CaseFiles]) -> Result<()> {
        for case in cases {
            let name = case.entry.id.as_str();
            case.entry.split = match self.splits.remove(name) {
                Some(split) => Some(split),
                None => return Err(self.refuse(&format!("case `{name}` is for neither training nor validation"))),
            };
        }
        match self.splits.keys().next() {
            None => Ok(()),
            Some(name) => Err(self.refuse(&format!("there is no case `{name}`"))),
        }
    }

    fn refuse(&self, detail: &str) -> ComponentError {
        let message = format!("{}: {detail}; expected every training case once", self.place);
        ComponentError::new(ErrorKind::Inconsistent, message)
    }
}
