//! The NIfTI files that a user names on the command line, one by one or as a folder.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use rl4seg_core::{
    domain::SlowAxis,
    io::nifti::{NiftiGeometry, ThirdAxis},
};

/// What `predict` adds to the name of a label map.
pub const LABELS: &str = "_labels";
/// What `predict` adds to the name of an uncertainty map.
pub const UNCERTAINTY: &str = "_uncertainty";
/// What the CAMUS data set adds to the name of an expert's label map.
const CAMUS_REFERENCE: &str = "_gt";

/// The flag that says what the header of a file cannot.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct ThirdAxisArg {
    /// What the third axis of three-dimensional files is; needed only for those
    #[arg(long, value_name = "AXIS")]
    third_axis: Option<ThirdAxisName>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ThirdAxisName {
    /// Slices of a volume
    Depth,
    /// Frames of a sequence
    Time,
}

impl ThirdAxisArg {
    /// What the third axis of `path` is.
    ///
    /// Refuses to guess where it matters.
    pub fn of(self, path: &Path) -> anyhow::Result<ThirdAxis> {
        match self.third_axis {
            Some(ThirdAxisName::Depth) => Ok(ThirdAxis::Depth),
            Some(ThirdAxisName::Time) => Ok(ThirdAxis::Time),
            None => {
                let as_depth = NiftiGeometry::read(path, ThirdAxis::Depth)?;
                let grid = as_depth.grid();
                ensure!(
                    grid.planes() == 1 || !matches!(grid.slow(), SlowAxis::Depth { .. }),
                    "{}: has {} planes along its third axis; say with --third-axis whether they are depth or time",
                    path.display(),
                    grid.planes()
                );
                Ok(ThirdAxis::Depth)
            }
        }
    }
}

/// The label maps that `path` names: itself, or what lies in it, in the order of names. Uncertainty
/// maps that `predict` wrote beside them are left out.
pub fn label_maps(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        ensure!(path.exists(), "{}: there is no such file or folder", path.display());
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.with_context(|| format!("{}: cannot be read", path.display()))?.path();
        if stem(&file).is_some_and(|stem| !stem.ends_with(UNCERTAINTY)) {
            files.push(file);
        }
    }
    ensure!(!files.is_empty(), "{}: holds no .nii or .nii.gz file", path.display());
    files.sort();
    Ok(files)
}

/// The name of a NIfTI file without its ending; `None` for any other file and for hidden ones.
pub fn stem(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let stem = name.strip_suffix(".nii.gz").or_else(|| name.strip_suffix(".nii"))?;
    (!stem.starts_with('.')).then_some(stem)
}

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
        let list: String = alone.iter().map(|file| format!("\n  {}", file.display())).collect();
        bail!("{} of the label maps have no partner of the same name:{list}", alone.len());
    }
    Ok(pairs)
}

fn by_name(path: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut named: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in label_maps(path)? {
        let whole = stem(&file).with_context(|| format!("{}: expected a .nii or .nii.gz file", file.display()))?;
        let name = [LABELS, CAMUS_REFERENCE].iter().find_map(|ending| whole.strip_suffix(ending)).unwrap_or(whole);
        if let Some(other) = named.insert(name.to_owned(), file.clone()) {
            bail!("{} and {} stand for the same case; remove one", other.display(), file.display());
        }
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            fs::write(folder.path().join(file), "").unwrap();
        }
        folder
    }

    #[test]
    fn what_predict_wrote_meets_its_reference() {
        let results = folder(&["a_labels.nii.gz", "a_uncertainty.nii.gz", "b.nii", "scores.csv", ".c.nii"]);
        let references = folder(&["b.nii.gz", "a_gt.nii.gz"]);
        let pairs = pairs(results.path(), references.path()).unwrap();
        let names: Vec<_> = pairs.iter().map(|(l, r)| (stem(l).unwrap(), stem(r).unwrap())).collect();
        assert_eq!(names, [("a_labels", "a_gt"), ("b", "b")]);
    }

    #[test]
    fn a_label_map_without_a_partner_is_named() {
        let (results, references) = (folder(&["a.nii", "b.nii"]), folder(&["a.nii", "c.nii"]));
        let error = pairs(results.path(), references.path()).unwrap_err().to_string();
        assert!(error.contains("b.nii") && error.contains("c.nii") && !error.contains("a.nii"), "{error}");
        assert!(pairs(&results.path().join("a.nii"), references.path()).is_ok());
    }

    #[test]
    fn two_files_of_one_case_are_refused() {
        let results = folder(&["a.nii", "a_labels.nii.gz"]);
        assert!(pairs(results.path(), results.path()).unwrap_err().to_string().contains("same case"));
    }
}
