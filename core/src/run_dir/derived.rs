use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::Path,
};

use super::RunError;
use crate::io::write_durably;

/// Gives a file that follows from others the content that it should have. What it lacks at its end is added, so that those who
/// read it while it grows go on; otherwise it is replaced as a whole. Nothing is touched where all is as it should be.
///
/// # Errors
/// If the file cannot be read or written.
pub(crate) fn bring_to(path: &Path, content: &[u8]) -> Result<(), RunError> {
    let there = match fs::read(path) {
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(RunError::Read { path: path.to_owned(), source }),
    };
    let failed = |error| RunError::write(path, error);
    match content.strip_prefix(&there[..]) {
        Some([]) => Ok(()),
        Some(rest) if !there.is_empty() => {
            File::options().append(true).open(path).and_then(|mut file| file.write_all(rest)).map_err(failed)
        }
        _ => {
            fs::create_dir_all(path.parent().unwrap_or(path)).map_err(failed)?;
            write_durably(path, content).map_err(failed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_grows_is_added_to_and_another_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made").join("lines");
        bring_to(&path, b"").unwrap();
        assert!(!path.exists());
        bring_to(&path, b"one\n").unwrap();
        let mut reader = File::open(&path).unwrap();
        // The second line was torn when the program was killed.
        for content in ["one\ntw", "one\ntwo\n", "one\ntwo\n"] {
            bring_to(&path, content.as_bytes()).unwrap();
        }
        let mut seen = String::new();
        std::io::Read::read_to_string(&mut reader, &mut seen).unwrap();
        assert_eq!(seen, "one\ntwo\n", "it is still the file that was opened");
        bring_to(&path, b"other\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"other\n");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
