use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::{LoadError, load::sha256};

/// The libraries that may be loaded, by the SHA-256 of their files.
///
/// A file of one library a line, as `sha256sum` writes it: 64 hexadecimal digits, then anything. Empty lines and those
/// that begin with `#` say nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustList {
    path: PathBuf,
    hashes: BTreeSet<String>,
}

impl TrustList {
    /// Reads the list at `path`.
    ///
    /// # Errors
    /// If it cannot be read, or a line does not begin with a SHA-256; names file and line.
    pub fn read(path: &Path) -> io::Result<Self> {
        let about = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let text = fs::read_to_string(path).map_err(about)?;
        let mut hashes = BTreeSet::new();
        for (index, line) in text.lines().enumerate() {
            let Some(hash) = line.split_whitespace().next().filter(|hash| !hash.starts_with('#')) else { continue };
            if hash.len() != 64 || !hash.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                let message = format!(
                    "line {}: `{hash}`; expected a SHA-256, 64 hexadecimal digits, as `sha256sum` writes it",
                    index + 1
                );
                return Err(about(io::Error::new(io::ErrorKind::InvalidData, message)));
            }
            hashes.insert(hash.to_ascii_lowercase());
        }
        Ok(Self { path: path.to_owned(), hashes })
    }

    /// Refuses a library that is not in the list.
    pub(super) fn require(&self, library: &Path) -> Result<(), LoadError> {
        let sha256 = sha256(library)?;
        if self.hashes.contains(&sha256) {
            return Ok(());
        }
        Err(LoadError::NotTrusted { sha256, list: self.path.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_what_sha256sum_writes() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("liba.so");
        fs::write(&library, "abc").unwrap();
        let list = folder.path().join("trusted");
        let hash = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        fs::write(&list, format!("# ours\n\n{hash}  liba.so\n")).unwrap();
        let trusted = TrustList::read(&list).unwrap();
        trusted.require(&library).unwrap();
        fs::write(&library, "abd").unwrap();
        let error = trusted.require(&library).unwrap_err().to_string();
        assert!(error.contains("a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"), "{error}");
        assert!(error.contains("trusted"), "{error}");
        fs::write(&list, "liba.so\n").unwrap();
        let error = TrustList::read(&list).unwrap_err().to_string();
        assert!(error.contains("trusted: line 1: `liba.so`"), "{error}");
        assert!(TrustList::read(&folder.path().join("none")).unwrap_err().to_string().contains("none"));
    }
}
