//! A header and its voxels in two files, `.hdr` and `.img`.

use std::path::{Path, PathBuf};

use crate::io::IoError;

const GZIP: &str = ".gz";

/// Where header and voxels lie.
pub(super) struct Files {
    pub header: PathBuf,
    /// A file of their own, for a pair.
    pub voxels: Option<PathBuf>,
}

impl Files {
    /// Those of an image; of a pair either file names it.
    pub(super) fn of(path: &Path) -> Self {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (bare, packed) = name.strip_suffix(GZIP).map_or((name.as_str(), false), |bare| (bare, true));
        if let Some(stem) = bare.strip_suffix(".hdr") {
            return Self { header: path.to_owned(), voxels: Some(beside(path, &format!("{stem}.img"), packed)) };
        }
        if let Some(stem) = bare.strip_suffix(".img") {
            return Self { header: beside(path, &format!("{stem}.hdr"), packed), voxels: Some(path.to_owned()) };
        }
        Self { header: path.to_owned(), voxels: None }
    }

    /// # Errors
    /// If the header says that voxels lie elsewhere than where they are looked for.
    pub(super) fn check(&self, apart: bool) -> Result<(), IoError> {
        let detail = match (apart, &self.voxels) {
            (true, Some(_)) | (false, None) => return Ok(()),
            (true, None) => {
                "the header of a pair, whose voxels lie in a file of their own; expected one that is called .hdr, with .img \
                 beside it"
            }
            (false, Some(_)) => {
                "a header that its voxels follow, in the same file; expected one of a pair: call the file .nii"
            }
        };
        Err(IoError::Unsupported { path: self.header.clone(), detail: detail.to_owned() })
    }
}

/// The file that tells what an image is: of a pair the header, whichever of the two is named.
pub(in crate::io) fn header_file(path: &Path) -> PathBuf {
    let header = Files::of(path).header;
    if header.exists() { header } else { path.to_owned() }
}

/// The file of this name beside `path`, packed as that is if there is one.
fn beside(path: &Path, name: &str, packed: bool) -> PathBuf {
    let [plain, gzip] = [name.to_owned(), format!("{name}{GZIP}")].map(|name| path.with_file_name(name));
    let (first, second) = if packed { (gzip, plain) } else { (plain, gzip) };
    if !first.exists() && second.exists() { second } else { first }
}
