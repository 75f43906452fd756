use std::{ffi::OsString, fs, path::Path};

use super::IoError;

/// Writes a file that is either there complete or not there: the bytes go to a hidden file beside
/// it, which then takes its name. A file of this name is replaced.
///
/// # Errors
/// If the folder is not there or cannot be written to.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), IoError> {
    let failed = |source| IoError::Write { path: path.to_owned(), source };
    let name = path.file_name().ok_or_else(|| failed(std::io::ErrorKind::InvalidFilename.into()))?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(hidden);
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // The first failure is the one to tell; a leftover that cannot be removed is hidden anyway.
        let _ = fs::remove_file(&part);
    }
    written.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = write_atomically(Path::new("no/such/folder/a.txt"), b"").unwrap_err();
        assert!(error.to_string().contains("no/such/folder/a.txt"), "{error}");
    }
}
