//! Labels of a data set, matched by name with those of a modality.

use std::{collections::BTreeMap, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::files::CaseFiles;
use crate::{
    component::{ComponentError, ErrorKind, Result},
    domain::{Label, LabelMap, LabelSet},
    io::Reading,
};

/// The word for what is no structure, in any modality.
const BACKGROUND: &str = "background";

/// What labels of a data set become, by their names: `{ "LV cavity" = "left ventricle", "left atrium" = "background" }`. Names
/// that are the same but for case, blanks, `_` and `-` need no entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct LabelNames(pub BTreeMap<String, Option<String>>);

/// How the numbers in a data set's label maps become labels of a modality.
#[derive(Debug)]
pub struct Labelling {
    /// The labels as the files number them.
    of_files: LabelSet,
    /// The label of the modality for each value of a voxel.
    becomes: [u8; 256],
}

impl Labelling {
    /// Matches the labels that `origin` lists, with their values, to those of `modality`.
    ///
    /// A structure of the modality that is no label here must stand in `unlabelled`: its voxels are background in every label map,
    /// which a network would learn.
    ///
    /// # Errors
    /// If values are not 0, 1, 2, ..., a name matches none or two of them match one, 0 does not become background, an entry of `names`
    /// or `unlabelled` names nothing, or a structure is missing.
    pub fn new(
        origin: &Path,
        mut found: Vec<(u8, String)>,
        modality: &LabelSet,
        names: &LabelNames,
        unlabelled: &[String],
    ) -> Result<Self> {
        found.sort();
        let labels = found.into_iter().map(|(value, name)| Label { value, name, color: [0; 3] }).collect();
        let of_files = LabelSet::new(labels).map_err(|error| inconsistent(origin, &format!("labels: {error}")))?;
        let matching = Matching { origin, of_files: &of_files, modality, names };
        matching.check_names()?;
        let becomes = matching.all()?;
        matching.check_structures(&becomes, unlabelled)?;
        let mut table = [0; 256];
        for (label, value) in of_files.iter().zip(becomes) {
            table[usize::from(label.value)] = value;
        }
        Ok(Self { of_files, becomes: table })
    }

    /// The expert's label map of a case, if there is one, in labels of the modality.
    ///
    /// # Errors
    /// As [`CaseFiles::reference_by`]; a value that the data set does not list is none of its labels.
    pub fn reference(&self, case: &CaseFiles, reading: &Reading) -> Result<Option<LabelMap>> {
        let Some(mut map) = case.reference_by(reading, &self.of_files, &[])? else { return Ok(None) };
        for label in map.labels_mut() {
            *label = self.becomes[usize::from(*label)];
        }
        Ok(Some(map))
    }
}

struct Matching<'a> {
    origin: &'a Path,
    of_files: &'a LabelSet,
    modality: &'a LabelSet,
    names: &'a LabelNames,
}

impl Matching<'_> {
    /// The label of the modality for each of the files' labels, in order.
    fn all(&self) -> Result<Vec<u8>> {
        let mut becomes = Vec::with_capacity(self.of_files.len());
        let (mut unmatched, mut by_own_name) = (Vec::new(), BTreeMap::new());
        for label in self.of_files.iter() {
            let given = self.given(&label.name);
            let Some(value) = self.value_of(given.unwrap_or(&label.name)) else {
                unmatched.push(format!("`{}`", label.name));
                continue;
            };
            let earlier = given.is_none().then(|| by_own_name.insert(value, &label.name)).flatten();
            if let Some(earlier) = earlier {
                return Err(self.refuse(&format!("`{earlier}` and `{}` have one name", label.name)));
            }
            becomes.push(value);
        }
        if !unmatched.is_empty() {
            return Err(self.refuse(&format!("no label is called {}", unmatched.join(", "))));
        }
        match becomes.first() {
            Some(0) => Ok(becomes),
            _ => Err(self.refuse("0 is not background")),
        }
    }

    /// What an entry of `names` says that a label becomes; nothing is background.
    fn given(&self, name: &str) -> Option<&str> {
        let entry = self.names.0.iter().find(|(of_files, _)| plain(of_files) == plain(name));
        entry.map(|(_, becomes)| becomes.as_deref().filter(|name| !name.is_empty()).unwrap_or(BACKGROUND))
    }

    fn value_of(&self, name: &str) -> Option<u8> {
        if plain(name) == BACKGROUND {
            return Some(0);
        }
        self.modality.iter().find(|label| plain(&label.name) == plain(name)).map(|label| label.value)
    }

    /// Refuses entries of `names` that change nothing: each is a slip of the pen.
    fn check_names(&self) -> Result<()> {
        for (of_files, becomes) in &self.names.0 {
            if !self.of_files.iter().any(|label| plain(&label.name) == plain(of_files)) {
                return Err(self.refuse(&format!("`labels` names `{of_files}`, which the data set has not")));
            }
            let becomes = becomes.as_deref().unwrap_or_default();
            if !becomes.is_empty() && self.value_of(becomes).is_none() {
                return Err(self.refuse(&format!("`labels` says `{becomes}`, which the modality has not")));
            }
        }
        Ok(())
    }

    /// Sees that exactly the structures of `unlabelled` are missing.
    fn check_structures(&self, becomes: &[u8], unlabelled: &[String]) -> Result<()> {
        let is_named = |label: &Label| unlabelled.iter().any(|name| plain(name) == plain(&label.name));
        for name in unlabelled {
            let value = self.modality.structures().find(|label| plain(&label.name) == plain(name));
            if value.is_none_or(|label| becomes.contains(&label.value)) {
                return Err(self.refuse(&format!("`unlabelled` names `{name}`, which is labelled, or no structure")));
            }
        }
        match self.modality.structures().find(|label| !becomes.contains(&label.value) && !is_named(label)) {
            None => Ok(()),
            Some(label) => Err(self.refuse(&format!(
                "no label becomes `{0}`: its voxels would be background in every label map, and a network would learn that; if nobody \
                 drew it, say unlabelled = [\"{0}\"]",
                label.name
            ))),
        }
    }

    fn refuse(&self, what: &str) -> ComponentError {
        let detail = format!(
            "{what}; the data set has {}; the modality has {}; say what differs, as labels = {{ \"LV cavity\" = \"left ventricle\", \
             \"left atrium\" = \"background\" }}",
            self.of_files, self.modality
        );
        inconsistent(self.origin, &detail)
    }
}

fn inconsistent(origin: &Path, detail: &str) -> ComponentError {
    ComponentError::new(ErrorKind::Inconsistent, format!("{}: {detail}", origin.display()))
}

/// A name as it is compared.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> LabelSet {
        let label = |(value, name): (u8, &&str)| Label { value, name: (*name).to_owned(), color: [0; 3] };
        LabelSet::new((0..).zip(names).map(label).collect()).unwrap()
    }

    /// Matches labels 0, 1, 2, ... of a data set to background, left ventricle, myocardium.
    fn matched(found: &[&str], names: &str, unlabelled: &[&str]) -> std::result::Result<Vec<u8>, String> {
        let found: Vec<(u8, String)> = (0..).zip(found.iter().map(|&name| name.to_owned())).collect();
        let count = found.len();
        let names: LabelNames = serde_json::from_str(names).unwrap();
        let unlabelled: Vec<String> = unlabelled.iter().map(|&name| name.to_owned()).collect();
        let modality = set(&["background", "left ventricle", "myocardium"]);
        Labelling::new(Path::new("dataset.json"), found, &modality, &names, &unlabelled)
            .map(|labelling| labelling.becomes[..count].to_vec())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn names_match_but_for_case_blanks_and_dashes() {
        assert_eq!(matched(&["Background", "MYOCARDIUM", "left_Ventricle"], "{}", &[]).unwrap(), [0, 2, 1]);
        let names = r#"{ "lv-cavity": "Left Ventricle", "LA": null, "noise": "" }"#;
        let found = ["background", "LV cavity", "myocardium", "la", "noise"];
        assert_eq!(matched(&found, names, &[]).unwrap(), [0, 1, 2, 0, 0]);
    }

    #[test]
    fn two_labels_may_become_one_where_it_is_said() {
        let names = r#"{ "papillary muscle": "myocardium" }"#;
        let found = ["background", "left ventricle", "papillary muscle", "myocardium"];
        assert_eq!(matched(&found, names, &[]).unwrap(), [0, 1, 2, 2]);
        let error = matched(&["background", "left ventricle", "left-ventricle"], "{}", &[]).unwrap_err();
        assert!(error.contains("have one name"), "{error}");
    }

    #[test]
    fn what_does_not_match_is_refused_with_both_sets_and_the_setting() {
        let error = matched(&["background", "LV cavity", "myocardium"], "{}", &[]).unwrap_err();
        for part in ["dataset.json", "`LV cavity`", "1 LV cavity", "1 left ventricle", "labels = {"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        let found = ["background", "left ventricle", "myocardium"];
        assert!(
            matched(&found, r#"{ "atrium": "" }"#, &[]).unwrap_err().contains("`atrium`, which the data set has not")
        );
        assert!(
            matched(&found, r#"{ "myocardium": "wall" }"#, &[]).unwrap_err().contains("`wall`, which the modality")
        );
        assert!(matched(&["left ventricle", "myocardium"], "{}", &[]).unwrap_err().contains("0 is not background"));
    }

    #[test]
    fn a_structure_that_nobody_drew_must_be_named() {
        let found = ["background", "left ventricle"];
        let error = matched(&found, "{}", &[]).unwrap_err();
        assert!(error.contains("unlabelled = [\"myocardium\"]"), "{error}");
        assert_eq!(matched(&found, "{}", &["Myocardium"]).unwrap(), [0, 1]);
        for wrong in [&["left ventricle", "myocardium"][..], &["myocardium", "heart"], &["background", "myocardium"]] {
            assert!(matched(&found, "{}", wrong).unwrap_err().contains("`unlabelled` names"), "{wrong:?}");
        }
    }

    #[test]
    fn values_that_leave_a_gap_are_refused() {
        let found = vec![(0, "background".to_owned()), (2, "left ventricle".to_owned())];
        let modality = set(&["background", "left ventricle"]);
        let error = Labelling::new(Path::new("d.json"), found, &modality, &LabelNames::default(), &[]).unwrap_err();
        assert!(error.to_string().contains("d.json") && error.to_string().contains("expected 1"), "{error}");
    }
}
