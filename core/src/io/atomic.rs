use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use super::IoError;

/// Writes a file that is either there complete or not there, whatever happens to the program or the machine: the bytes go to a
/// hidden file beside it, are waited for until they are on the disk, and then take the file's name. A file of this name is replaced.
///
/// # Errors
/// If the folder is not there or cannot be written to.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), IoError> {
    write_durably(path, bytes).map_err(|source| IoError::Write { path: path.to_owned(), source })
}

/// What the name of a hidden file ends with.
const HIDDEN: &str = ".part";

/// Removes what a process that was killed has left hidden in a folder, if there is such a folder. Nobody else may be writing to it.
#[cfg(feature = "host")]
pub(crate) fn remove_hidden(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(HIDDEN) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// As [`write_atomically`], with the system's error.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}{HIDDEN}", std::process::id()));
    let part = path.with_file_name(hidden);
    let written = write_whole(&part, bytes).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // The first failure is the one to tell; a leftover that cannot be removed is hidden anyway.
        let _ = fs::remove_file(&part);
    }
    written.and_then(|()| sync_folder_of(path))
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A name is on the disk only when the folder that holds it is.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let Some(parent) = path.parent().filter(|_| cfg!(unix)) else { return Ok(()) };
    let here = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    File::open(here)?.sync_all()
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
    #[cfg(feature = "host")]
    fn what_was_left_hidden_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".a.txt.7.part", ".lock", "a.part", "a.txt"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        remove_hidden(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
        assert!(!folder.path().join(".a.txt.7.part").exists());
        remove_hidden(&folder.path().join("none")).unwrap();
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = write_atomically(Path::new("no/such/folder/a.txt"), b"").unwrap_err();
        assert!(error.to_string().contains("no/such/folder/a.txt"), "{error}");
    }
}
