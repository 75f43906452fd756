//! The NIfTI files that a user names on the command line, one by one or as a folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use rl4seg_core::{
    domain::{LabelSet, SlowAxis},
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

/// Endings of label maps that lie beside their image.
const OF_LABELS: [&str; 2] = [LABELS, CAMUS_REFERENCE];

/// The label maps that `path` names: itself, or what lies in it and its folders, in the order of
/// names. Left out are uncertainty maps that `predict` wrote beside them, and images whose label map lies beside them.
pub fn label_maps(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = nifti_files(path)?;
    if path.is_dir() {
        let stems: BTreeSet<PathBuf> = files.iter().filter_map(|file| without_ending(file, "")).collect();
        let has_labels = |file: &Path| {
            OF_LABELS.iter().any(|ending| without_ending(file, ending).is_some_and(|name| stems.contains(&name)))
        };
        files.retain(|file| !has_ending(file, UNCERTAINTY) && !has_labels(file));
    }
    ensure!(!files.is_empty(), "{}: holds no NIfTI file (.nii, .nii.gz, .hdr)", path.display());
    Ok(files)
}

/// The images that `path` names: itself, or what lies in it and its folders, but for label maps and
/// uncertainty maps that lie beside them.
pub fn images_in(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = nifti_files(path)?;
    if path.is_dir() {
        files.retain(|file| !OF_LABELS.iter().chain([&UNCERTAINTY]).any(|ending| has_ending(file, ending)));
    }
    ensure!(!files.is_empty(), "{}: holds no NIfTI file (.nii, .nii.gz, .hdr)", path.display());
    Ok(files)
}

/// `path` itself, or the NIfTI files in it and its folders, in the order of names.
fn nifti_files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        ensure!(path.exists(), "{}: there is no such file or folder", path.display());
        return Ok(vec![path.to_owned()]);
    }
    let (mut files, mut folders) = (Vec::new(), vec![path.to_owned()]);
    while let Some(folder) = folders.pop() {
        let unreadable = || format!("{}: cannot be read", folder.display());
        for entry in fs::read_dir(&folder).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            // A link could lead back to where it lies.
            if entry.file_type().with_context(unreadable)?.is_dir() {
                folders.push(entry.path());
            } else if stem(&entry.path()).is_some() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn has_ending(file: &Path, ending: &str) -> bool {
    stem(file).is_some_and(|stem| stem.ends_with(ending))
}

/// The path without the ending of a NIfTI file, and with `more`.
fn without_ending(file: &Path, more: &str) -> Option<PathBuf> {
    Some(file.with_file_name(format!("{}{more}", stem(file)?)))
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

/// The name of a NIfTI file without its ending; `None` for any other file and for hidden ones. Of a pair of files it is that of
/// the header, which stands for both.
pub fn stem(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let stem = [".nii.gz", ".nii", ".hdr.gz", ".hdr"].into_iter().find_map(|ending| name.strip_suffix(ending))?;
    (!stem.starts_with('.')).then_some(stem)
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
        let whole = stem(&file).with_context(|| {
            format!("{}: expected a NIfTI file (.nii, .nii.gz, or the .hdr of a pair)", file.display())
        })?;
        let name = OF_LABELS.iter().find_map(|ending| whole.strip_suffix(ending)).unwrap_or(whole);
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
        let results = folder(&["a_labels.nii.gz", "a_uncertainty.nii.gz", "b.hdr", "b.img", "scores.csv", ".c.nii"]);
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
    fn images_and_label_maps_of_one_folder_are_told_apart() {
        let camus = folder(&[]);
        let patient = camus.path().join("patient0001");
        fs::create_dir(&patient).unwrap();
        for file in ["a_2CH_ED.nii.gz", "a_2CH_ED_gt.nii.gz", "a_2CH_ES.nii.gz", "Info_2CH.cfg"] {
            fs::write(patient.join(file), "").unwrap();
        }
        let names = |files: Vec<PathBuf>| files.iter().map(|file| stem(file).unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(label_maps(camus.path()).unwrap()), ["a_2CH_ED_gt", "a_2CH_ES"]);
        assert_eq!(names(images_in(camus.path()).unwrap()), ["a_2CH_ED", "a_2CH_ES"]);
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
