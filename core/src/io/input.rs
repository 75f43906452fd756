//! The images that a user names: files, or folders of them.

use std::{
    fs::DirEntry,
    path::{Path, PathBuf},
};

#[cfg(feature = "dicom")]
use super::dicom::is_segmentation;
use super::{
    FoundImage, IoError, Reading,
    formats::{self, Format},
    placing,
};
use crate::domain::Grid;

/// What a zip archive begins with.
const ZIP: &[u8] = b"PK\x03\x04";

/// An image to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What it is called: its file's name without the ending, or patient, series and number of a DICOM image.
    pub name: String,
    files: Files,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Files {
    One(PathBuf),
    #[cfg(feature = "dicom")]
    Dicom(super::dicom::ImageFiles),
}

impl Input {
    /// The images of a file, of a folder and all folders in it, of a zip archive with DICOM files, or of a DICOMDIR, in the order of
    /// their files' names. Files of DICOM are put together to images; files that are no images are left out, hidden ones too. A file in a
    /// folder that is called as an image counts as one: what is wrong with it is told when it is read.
    ///
    /// # Errors
    /// If something is not there or cannot be read.
    pub fn find(path: &Path) -> Result<Vec<Self>, IoError> {
        let files =
            if path.is_dir() { placing::files_in(path, is_shown)? } else { vec![super::nifti::header_file(path)] };
        let mut inputs = Vec::new();
        let mut has_dicom = false;
        for file in files {
            let one = || name(&file).map(|name| Self { name, files: Files::One(file.clone()) });
            match Format::of(&file) {
                Ok(Some(Format::Dicom)) => has_dicom = true,
                Ok(Some(_)) => inputs.extend(one()),
                // What is wrong with it is told when it is read.
                Ok(None) | Err(_) if path.is_dir() && formats::is_named_so(&file) => inputs.extend(one()),
                Err(error) => return Err(error),
                Ok(None) if path.is_dir() => {}
                Ok(None) if is_archive(&file)? => has_dicom = true,
                Ok(None) => return Err(formats::unknown(&file)),
            }
        }
        if has_dicom {
            inputs.extend(dicom(path)?);
        }
        Ok(inputs)
    }

    /// The label maps of a file, or of a folder and all folders in it, in the order of their names. Each is a file of its own; files of
    /// DICOM that are no segmentations are left out of a folder, and so are files that are of no format, and hidden ones.
    ///
    /// # Errors
    /// As [`Input::find`].
    pub fn find_labels(path: &Path) -> Result<Vec<Self>, IoError> {
        if !path.is_dir() {
            let file = super::nifti::header_file(path);
            Format::of(&file)?.ok_or_else(|| formats::unknown(&file))?;
            return Ok(name(&file).map(|name| Self { name, files: Files::One(file) }).into_iter().collect());
        }
        let mut inputs = Vec::new();
        for file in placing::files_in(path, is_shown)? {
            // What is wrong with a damaged file is told when it is read.
            let is_map = match Format::of(&file) {
                Ok(Some(Format::Dicom)) => is_segmentation(&file).unwrap_or(true),
                Ok(Some(_)) => true,
                Ok(None) => formats::is_named_so(&file),
                Err(_) if formats::is_named_so(&file) => true,
                Err(error) => return Err(error),
            };
            inputs.extend(name(&file).filter(|_| is_map).map(|name| Self { name, files: Files::One(file.clone()) }));
        }
        Ok(inputs)
    }

    /// The file, or the first of its files.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match &self.files {
            Files::One(path) => path.clone(),
            #[cfg(feature = "dicom")]
            Files::Dicom(files) => files.files.first().map(super::dicom::DicomFile::path).unwrap_or_default(),
        }
    }

    /// Whether its files are DICOM.
    #[must_use]
    pub fn is_dicom(&self) -> bool {
        !matches!(self.files, Files::One(_))
    }

    /// Whose image it is, where its files tell.
    #[must_use]
    pub fn patient(&self) -> Option<&str> {
        match &self.files {
            Files::One(_) => None,
            #[cfg(feature = "dicom")]
            Files::Dicom(files) => Some(files.patient.as_str()).filter(|patient| !patient.is_empty()),
        }
    }

    /// Its grid, from the header of its file, or of all its files of DICOM; no voxel is decoded.
    ///
    /// # Errors
    /// As [`Input::read`].
    pub fn grid(&self, reading: &Reading) -> Result<Grid, IoError> {
        match &self.files {
            Files::One(path) => Ok(*formats::read_geometry(path, reading)?.grid()),
            #[cfg(feature = "dicom")]
            Files::Dicom(files) => super::dicom::read_grid(files, reading),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// As [`formats::read_image`].
    pub fn read(&self, reading: &Reading) -> Result<FoundImage, IoError> {
        match &self.files {
            Files::One(path) => formats::read_image(path, reading),
            #[cfg(feature = "dicom")]
            Files::Dicom(files) => Ok(super::dicom::read_image(files, reading)?.into()),
        }
    }
}

/// A file's name without the ending of its format; `None` for hidden files and the voxels of a pair. What of it is not UTF-8 is
/// replaced.
pub fn name(path: &Path) -> Option<String> {
    let name = &*path.file_name()?.to_string_lossy();
    let lower = name.to_ascii_lowercase();
    if name.starts_with('.') || lower.ends_with(".img") || lower.ends_with(".img.gz") {
        return None;
    }
    let known = [".nii.gz", ".hdr.gz"].into_iter().find(|ending| lower.ends_with(ending));
    let ending = || Path::new(name).extension().map(|ending| ending.len() + 1);
    let len = known.map(str::len).or_else(ending).unwrap_or(0);
    name.get(..name.len() - len).filter(|stem| !stem.is_empty()).map(str::to_owned)
}

/// Whether a file is a zip archive.
pub(super) fn is_archive(path: &Path) -> Result<bool, IoError> {
    Ok(placing::first_bytes(path, ZIP.len())? == ZIP)
}

fn is_shown(entry: &DirEntry) -> bool {
    let path = entry.path();
    // A link to an image that is elsewhere now is an image that is missed.
    let is_file = path.is_file() || (!path.is_dir() && formats::is_named_so(&path));
    is_file && !entry.file_name().to_string_lossy().starts_with('.')
}

#[cfg(feature = "dicom")]
fn dicom(path: &Path) -> Result<Vec<Input>, IoError> {
    let images = super::dicom::find(path)?;
    Ok(images.into_iter().map(|files| Input { name: dicom_name(path, &files), files: Files::Dicom(files) }).collect())
}

/// Patient, modality, series and instance, as far as they are known, and the end of the UID, which no two images share; of a file
/// without one its path below `root`.
#[cfg(feature = "dicom")]
fn dicom_name(root: &Path, files: &super::dicom::ImageFiles) -> String {
    let number = |number: Option<u32>, what: &str| number.map(|number| format!("{what}{number}"));
    let is_uid = files.uid.chars().all(|c| c.is_ascii_digit() || c == '.');
    let last = if is_uid {
        let digits: Vec<char> = files.uid.chars().filter(char::is_ascii_digit).collect();
        vec![digits[digits.len().saturating_sub(8)..].iter().collect()]
    } else {
        parts_below(root, Path::new(&files.uid))
    };
    let parts = [
        Some(files.patient.clone()),
        Some(files.modality.clone()),
        number(files.series_number, "series"),
        number(files.instance_number, "image"),
    ];
    let plain = |text: String| text.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect::<String>();
    let parts = parts.into_iter().flatten().chain(last).map(plain);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}

/// The folders and the name of a file below a folder, an archive, or the folder of a DICOMDIR.
#[cfg(feature = "dicom")]
fn parts_below(root: &Path, path: &Path) -> Vec<String> {
    let below = path.strip_prefix(root).or_else(|_| path.strip_prefix(root.parent().unwrap_or(root)));
    let below = below.ok().filter(|below| below.file_name().is_some());
    let below = below.or_else(|| path.file_name().map(Path::new)).unwrap_or(path);
    below.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
}

/// Without DICOM none can be read, which reading tells.
#[cfg(not(feature = "dicom"))]
fn is_segmentation(_: &Path) -> Result<bool, IoError> {
    Ok(true)
}

#[cfg(not(feature = "dicom"))]
fn dicom(path: &Path) -> Result<Vec<Input>, IoError> {
    let detail = "holds DICOM, which this program was built without (feature `dicom`)".to_owned();
    Err(IoError::Unsupported { path: path.to_owned(), detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the images in a folder, and what reading each comes to.
    fn found(inputs: Vec<Input>) -> Vec<(String, String)> {
        let refusal = |input: &Input| input.read(&Reading::default()).map(drop).unwrap_err().to_string();
        inputs.iter().map(|input| (input.name.clone(), refusal(input))).collect()
    }

    #[test]
    fn a_damaged_file_that_is_called_as_an_image_is_not_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in [("empty.nii.gz", &b""[..]), ("noise.PNG", b"noise"), ("notes.txt", b"x"), (".a.nii", b"")]
        {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        for inputs in [Input::find(folder.path()).unwrap(), Input::find_labels(folder.path()).unwrap()] {
            let [(empty, is_empty), (noise, is_noise)] = &found(inputs)[..] else { panic!("two are found") };
            assert_eq!([empty.as_str(), noise], ["empty", "noise"]);
            assert!(is_empty.contains("empty.nii.gz") && is_empty.contains("is empty"), "{is_empty}");
            assert!(is_noise.contains("is of no format that is read here"), "{is_noise}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_link_to_nothing_and_a_name_that_is_no_text_are_not_left_out() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("gone.nii")).unwrap();
        std::fs::write(folder.path().join(OsStr::from_bytes(b"\xff.nii")), b"").unwrap();
        let found = found(Input::find(folder.path()).unwrap());
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["gone", "\u{fffd}"]);
        assert!(found[0].1.contains("gone.nii"), "{}", found[0].1);
    }

    #[test]
    fn names_lose_the_ending_of_their_format_alone() {
        let named = |file: &str| name(Path::new(file));
        assert_eq!(named("x/a.b.nii.gz").unwrap(), "a.b");
        assert_eq!(named("a.HDR.GZ").unwrap(), "a");
        assert_eq!(named("IM0001").unwrap(), "IM0001");
        assert_eq!(named("a.img"), None);
        assert_eq!(named(".a.nii"), None);
    }
}
