//! The SHA-256 of every file of a finished step, as `sha256sum --check` reads them.

use std::{collections::BTreeMap, fs, path::Path};

use super::{RunError, layout, manifest::sha256};

/// Names and sums.
pub(super) type Sums = BTreeMap<String, String>;

/// Of all files in a folder but the list of sums itself.
pub(super) fn of_files(folder: &Path) -> Result<Sums, RunError> {
    let failed = |source| RunError::Read { path: folder.to_owned(), source };
    let mut sums = Sums::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != layout::SUMS {
            let path = entry.path();
            let bytes = fs::read(&path).map_err(|source| RunError::Read { path, source })?;
            sums.insert(name, sha256(&bytes));
        }
    }
    Ok(sums)
}

/// One line a file.
pub(super) fn to_text(sums: &Sums) -> String {
    sums.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect()
}

/// A file of the finished step in `folder`, as it was written. A step of an earlier version has no sums, and is believed.
///
/// # Errors
/// If it cannot be read, or its SHA-256 is another than when it was written.
pub(crate) fn read_as_written(folder: &Path, name: &str) -> Result<Vec<u8>, RunError> {
    let path = folder.join(name);
    let bytes = super::read(&path)?;
    if folder.join(layout::SUMS).is_file() && read(folder)?.get(name) != Some(&sha256(&bytes)) {
        let message = format!(
            "was changed since it was written: its SHA-256 is not that of {}. Put it back; or remove the folder of its step and of all \
             later ones, and `rl4seg adapt` makes them anew",
            layout::SUMS
        );
        return Err(RunError::Content { path, message });
    }
    Ok(bytes)
}

/// What [`to_text`] gave.
pub(super) fn read(folder: &Path) -> Result<Sums, RunError> {
    let path = folder.join(layout::SUMS);
    let text = fs::read_to_string(&path).map_err(|source| RunError::Read { path: path.clone(), source })?;
    let of_line = |(index, line): (usize, &str)| {
        let sum = line.split_once("  ").filter(|(sum, _)| sum.len() == 64);
        sum.map(|(sum, name)| (name.to_owned(), sum.to_owned())).ok_or_else(|| RunError::Content {
            path: path.clone(),
            message: format!("line {}: found `{line}`; expected a SHA-256, two spaces and a file's name", index + 1),
        })
    };
    text.lines().enumerate().map(of_line).collect()
}
