//! The files that a user names on the command line, one by one or as a folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use rl4seg_core::{
    domain::LabelSet,
    io::{Input, file_stem, formats},
    run_dir::layout,
};

/// What `predict` adds to the name of a label map.
pub const LABELS: &str = "_labels";
/// What `predict` adds to the name of an uncertainty map.
pub const UNCERTAINTY: &str = "_uncertainty";
/// What the CAMUS data set adds to the name of an expert's label map.
const CAMUS_REFERENCE: &str = "_gt";

/// Endings of label maps that lie beside their image.
const OF_LABELS: [&str; 2] = [LABELS, CAMUS_REFERENCE];

/// The label maps that `path` names: itself, or what lies in it and its folders, in the order of
/// names. Left out are uncertainty maps that `predict` wrote beside them, and images whose label map lies beside them.
pub fn label_maps(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    ensure!(
        !path.join(layout::MANIFEST).is_file(),
        "{}: is a run directory, which holds no label maps; `rl4seg predict` writes them",
        path.display()
    );
    let mut files = Input::find_labels(path)?;
    if path.is_dir() {
        let stems: BTreeSet<PathBuf> = files.iter().filter_map(|file| beside(&file.path(), "")).collect();
        let has_labels = |file: &Input| {
            OF_LABELS.iter().any(|ending| beside(&file.path(), ending).is_some_and(|name| stems.contains(&name)))
        };
        files.retain(|file| !file.name.ends_with(UNCERTAINTY) && !has_labels(file));
    }
    ensure!(!files.is_empty(), "{}: holds no label map; expected files of {}", path.display(), formats::NAMES);
    Ok(files.iter().map(Input::path).collect())
}

/// The images that `path` names: itself, or what lies in it and its folders, but for label maps and
/// uncertainty maps that lie beside them.
pub fn images_in(path: &Path) -> anyhow::Result<Vec<Input>> {
    let mut images = Input::find(path)?;
    if path.is_dir() {
        images.retain(|image| !OF_LABELS.iter().chain([&UNCERTAINTY]).any(|ending| image.name.ends_with(ending)));
    }
    ensure!(!images.is_empty(), "{}: holds no image; expected files of {}", path.display(), formats::NAMES);
    Ok(images)
}

/// The path without the ending of its format, and with `more`.
fn beside(file: &Path, more: &str) -> Option<PathBuf> {
    Some(file.with_file_name(format!("{}{more}", file_stem(file)?)))
}

/// What the values of a file mean, where it numbers its structures otherwise.
#[derive(Debug, Clone, clap::Args)]
pub struct ValuesArg {
    /// Read a value of the files as another label, as `3=0` for the left atrium of CAMUS; may be given
    /// several times
    #[arg(long = "read-as", value_name = "VALUE=LABEL", value_parser = value_and_label)]
    read_as: Vec<(u32, u8)>,
}

impl ValuesArg {
    /// Pairs of a value in a file and the label that it stands for.
    ///
    /// Refuses labels outside the set.
    pub fn mapping(&self, set: &LabelSet) -> anyhow::Result<&[(u32, u8)]> {
        for (value, label) in &self.read_as {
            ensure!(
                set.iter().any(|known| known.value == *label),
                "--read-as {value}={label}: {label} is no label; expected one of {set}"
            );
        }
        Ok(&self.read_as)
    }
}

fn value_and_label(text: &str) -> anyhow::Result<(u32, u8)> {
    let (value, label) = text.split_once('=').context("expected VALUE=LABEL, as 3=0")?;
    Ok((value.trim().parse().context("the value")?, label.trim().parse().context("the label")?))
}

/// Files that an error lists.
const MOST_LISTED: usize = 5;

/// Label maps and the references of the same name. `_labels`, which `predict` adds, and `_gt`,
/// which CAMUS adds, do not count. Two single files belong together whatever their names.
pub fn pairs(labels: &Path, references: &Path) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    if !labels.is_dir() && !references.is_dir() {
        let single = |path| Ok::<_, anyhow::Error>(label_maps(path)?.remove(0));
        return Ok(vec![(single(labels)?, single(references)?)]);
    }
    let mut references_by_name = by_name(references)?;
    let mut pairs = Vec::new();
    let mut alone = Vec::new();
    for (name, file) in by_name(labels)? {
        match references_by_name.remove(&name) {
            Some(reference) => pairs.push((file, reference)),
            None => alone.push(file),
        }
    }
    // One file against a folder asks about that file alone.
    if labels.is_dir() {
        alone.extend(references_by_name.into_values());
    }
    if !alone.is_empty() {
        let list: String = alone.iter().take(MOST_LISTED).map(|file| format!("\n  {}", file.display())).collect();
        let more = if alone.len() > MOST_LISTED { "\n  ..." } else { "" };
        bail!("{} label maps without a partner of the same name:{list}{more}", alone.len());
    }
    Ok(pairs)
}

fn by_name(path: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut named: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in label_maps(path)? {
        let whole = file_stem(&file).with_context(|| format!("{}: has no name", file.display()))?;
        let name = OF_LABELS.iter().find_map(|ending| whole.strip_suffix(ending)).unwrap_or(&whole);
        if let Some(other) = named.insert(name.to_owned(), file.clone()) {
            bail!("{} and {} stand for the same case; remove one", other.display(), file.display());
        }
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What a NIfTI-1 header begins with.
    const NIFTI: [u8; 4] = 348_i32.to_le_bytes();

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            fs::write(folder.path().join(file), if file.contains(".csv") { *b"imag" } else { NIFTI }).unwrap();
        }
        folder
    }

    #[test]
    fn what_predict_wrote_meets_its_reference() {
        let results = folder(&["a_labels.nii.gz", "a_uncertainty.nii.gz", "b.hdr", "b.img", "scores.csv", ".c.nii"]);
        let references = folder(&["b.nii.gz", "a_gt.nii.gz"]);
        let pairs = pairs(results.path(), references.path()).unwrap();
        let names: Vec<_> = pairs.iter().map(|(l, r)| (file_stem(l).unwrap(), file_stem(r).unwrap())).collect();
        let expected = [("a_labels", "a_gt"), ("b", "b")].map(|(l, r)| (l.to_owned(), r.to_owned()));
        assert_eq!(names, expected);
    }

    #[test]
    fn a_label_map_without_a_partner_is_named() {
        let (results, references) = (folder(&["a.nii", "b.nii"]), folder(&["a.nii", "c.nii"]));
        let error = pairs(results.path(), references.path()).unwrap_err().to_string();
        assert!(error.contains("b.nii") && error.contains("c.nii") && !error.contains("a.nii"), "{error}");
        assert!(pairs(&results.path().join("a.nii"), references.path()).is_ok());
    }

    #[test]
    fn images_and_label_maps_of_one_folder_are_told_apart() {
        let camus = folder(&[]);
        let patient = camus.path().join("patient0001");
        fs::create_dir(&patient).unwrap();
        for file in ["a_2CH_ED.nii.gz", "a_2CH_ED_gt.nii.gz", "a_2CH_ES.nii.gz", "Info_2CH.cfg"] {
            fs::write(patient.join(file), if file.contains(".cfg") { *b"ED: " } else { NIFTI }).unwrap();
        }
        let label_maps = label_maps(camus.path()).unwrap();
        let names: Vec<_> = label_maps.iter().map(|file| file_stem(file).unwrap()).collect();
        assert_eq!(names, ["a_2CH_ED_gt", "a_2CH_ES"]);
        let images = images_in(camus.path()).unwrap();
        assert_eq!(images.iter().map(|image| image.name.as_str()).collect::<Vec<_>>(), ["a_2CH_ED", "a_2CH_ES"]);
    }

    #[test]
    fn values_are_mapped_to_labels() {
        assert_eq!(value_and_label("3=0").unwrap(), (3, 0));
        for wrong in ["3", "x=0", "3=x", "-1=0"] {
            assert!(value_and_label(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn two_files_of_one_case_are_refused() {
        let results = folder(&["a_gt.nii", "a_labels.nii.gz"]);
        assert!(pairs(results.path(), results.path()).unwrap_err().to_string().contains("same case"));
    }
}
