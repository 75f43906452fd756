use std::{fs, path::Path};

use rayon::prelude::*;

use super::{
    IoError,
    nifti::{NiftiGeometry, write_image, write_labels},
    write_atomically,
};
use crate::{
    component::{ComponentError, DataSource, ErrorKind, Result},
    domain::{CaseEntry, Split},
};

/// Cases between two reports of progress.
const CASES_AT_ONCE: usize = 16;

/// Writes all cases of `source` to the folder `root`: `cases.csv` with the columns id, group,
/// split, images to `img/<id>.nii.gz`, label maps to `gt/<id>.nii.gz`.
///
/// Cases are written in parallel; the bytes do not depend on it. `on_case` hears how many of how
/// many are done. `cases.csv` comes last, so a folder that has one is complete.
///
/// # Errors
/// If `root` exists and is not an empty folder, a case's name cannot be a file name, the source
/// fails, or a file cannot be written.
pub fn write_cases(source: &dyn DataSource, root: &Path, on_case: &mut dyn FnMut(usize, usize)) -> Result<()> {
    let cases = source.cases()?;
    let table = table(&cases)?;
    make_folder(root, &["img", "gt"])?;
    for (index, some) in cases.chunks(CASES_AT_ONCE).enumerate() {
        let written: Vec<Result<()>> = some.par_iter().map(|case| write_case(source, case, root)).collect();
        written.into_iter().collect::<Result<()>>()?;
        on_case(index * CASES_AT_ONCE + some.len(), cases.len());
    }
    Ok(write_atomically(&root.join("cases.csv"), table.as_bytes())?)
}

fn write_case(source: &dyn DataSource, case: &CaseEntry, root: &Path) -> Result<()> {
    let file = format!("{}.nii.gz", case.id);
    let (image, facts) = source.image_and_facts(&case.id)?;
    let geometry = NiftiGeometry::of_facts(image.grid(), &facts);
    write_image(&root.join("img").join(&file), &image, &geometry)?;
    if let Some(labels) = source.reference(&case.id)? {
        write_labels(&root.join("gt").join(&file), &labels, &geometry)?;
    }
    Ok(())
}

/// Makes a folder for a data set, with these folders in it.
///
/// # Errors
/// If it exists and is not an empty folder, or cannot be made.
pub fn make_folder(root: &Path, folders: &[&str]) -> Result<()> {
    let failed = |source| IoError::Write { path: root.to_owned(), source };
    fs::create_dir_all(root).map_err(failed)?;
    if fs::read_dir(root).map_err(failed)?.next().is_some() {
        let message = format!("{}: the folder is not empty; give a new or an empty one", root.display());
        return Err(ComponentError::new(ErrorKind::Configuration, message));
    }
    for folder in folders {
        fs::create_dir(root.join(folder)).map_err(failed)?;
    }
    Ok(())
}

fn table(cases: &[CaseEntry]) -> Result<String> {
    let mut table = String::from("id,group,split\n");
    for case in cases {
        check_cell("id", case.id.as_str())?;
        check_cell("group", &case.group)?;
        let split = case.split.map_or("", |split| match split {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        });
        table.push_str(&format!("{},{},{split}\n", case.id, case.group));
    }
    Ok(table)
}

/// Refuses what would need quotes in a CSV file or leave the folder as a file name.
fn check_cell(column: &str, text: &str) -> Result<()> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    if !text.is_empty() && !text.starts_with('.') && text.chars().all(plain) {
        return Ok(());
    }
    let message = format!("{column} `{text}` cannot name a file; expected letters, digits, `-`, `_`, `.` and spaces");
    Err(ComponentError::new(ErrorKind::Inconsistent, message))
}
