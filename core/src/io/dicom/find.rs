//! Which files of a folder, a DICOMDIR or a zip archive make which image.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use rayon::prelude::*;

use super::{
    attributes::Attributes,
    file::{Instance, is_dicom, most_unpacked},
    pixels::is_segmentation,
    placement::Placement,
};
use crate::io::{
    IoError,
    bare_dicom::is_data_set,
    formats::START,
    input::is_archive,
    placing::{files_in, first_bytes},
};

/// A file that holds a DICOM instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DicomFile {
    /// A file of its own.
    Plain(PathBuf),
    /// A file in a zip archive.
    Zipped {
        /// The archive.
        archive: PathBuf,
        /// The name in it.
        name: String,
    },
}

/// The files of one image, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFiles {
    /// PatientID; empty where the files have none.
    pub patient: String,
    /// Modality, as `US`.
    pub modality: String,
    /// SeriesDescription; empty where the files have none.
    pub description: String,
    /// SeriesNumber, where there is one.
    pub series_number: Option<u32>,
    /// InstanceNumber, where the image is one instance and has one.
    pub instance_number: Option<u32>,
    /// SeriesInstanceUID, or SOPInstanceUID where the image is one instance; the path of a file that has none, or cannot be read.
    pub uid: String,
    /// Its files, in the order of their names.
    pub files: Vec<DicomFile>,
}

impl DicomFile {
    /// Where it lies, for messages.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match self {
            Self::Plain(path) => path.clone(),
            Self::Zipped { archive, name } => archive.join(name),
        }
    }

    pub(super) fn read(&self) -> Result<Instance, IoError> {
        match self {
            Self::Plain(path) => Instance::read(path),
            Self::Zipped { archive, name } => {
                let (bytes, packed) = unzipped(archive, name)?;
                Instance::parse(&self.path(), &bytes, packed)
            }
        }
    }

    fn is_dicom(&self) -> Result<bool, IoError> {
        let start = match self {
            Self::Plain(path) => first_bytes(path, START)?,
            Self::Zipped { archive, name } => first_unzipped(archive, name, START as u64)?,
        };
        Ok(is_dicom(&start) || is_data_set(&start))
    }
}

/// The images of a file, a folder and all folders in it, a DICOMDIR, or a zip archive, in the order of their files. Names of files
/// mean nothing; what is not DICOM, or holds no pixels, is left out. A damaged file is an image that cannot be read.
///
/// # Errors
/// If the operating system does not give a file's bytes, a DICOMDIR names a file that is not there, or there is no image.
pub fn find(path: &Path) -> Result<Vec<ImageFiles>, IoError> {
    let files = candidates(path)?;
    if let [file @ DicomFile::Plain(only)] = files.as_slice()
        && only == path
    {
        // Reading it will tell what is wrong if it is no image.
        return Ok(vec![image_of(file.clone(), &file.read()?)]);
    }
    let entries = files.into_par_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let mut images: BTreeMap<String, ImageFiles> = BTreeMap::new();
    let mut order = Vec::new();
    for image in entries.into_iter().flatten() {
        match images.get_mut(&image.uid) {
            Some(known) => known.files.extend(image.files),
            None => {
                order.push(image.uid.clone());
                images.insert(image.uid.clone(), image);
            }
        }
    }
    if order.is_empty() {
        let detail = "holds no DICOM image".to_owned();
        return Err(IoError::Format { path: path.to_owned(), detail });
    }
    Ok(order.iter().filter_map(|uid| images.remove(uid)).collect())
}

fn candidates(path: &Path) -> Result<Vec<DicomFile>, IoError> {
    if !path.exists() {
        return Err(IoError::NotFound { path: path.to_owned() });
    }
    if path.is_dir() {
        let files = files_in(path, |entry| entry.file_type().is_ok_and(|kind| kind.is_file()))?;
        return Ok(files.into_iter().map(DicomFile::Plain).collect());
    }
    if is_archive(path)? {
        return zipped(path);
    }
    let instance = Instance::read(path)?;
    let root = Attributes { path, dataset: &instance.dataset };
    if root.dataset.get(tags::DIRECTORY_RECORD_SEQUENCE).is_some() {
        listed(&root)
    } else {
        Ok(vec![DicomFile::Plain(path.to_owned())])
    }
}

/// The files that a DICOMDIR lists (PS3.3, F.3.2.2); names of folders and files are components of one element.
fn listed(root: &Attributes<'_>) -> Result<Vec<DicomFile>, IoError> {
    let folder = root.path.parent().unwrap_or(Path::new("."));
    let mut files = Vec::new();
    for record in root.items(tags::DIRECTORY_RECORD_SEQUENCE) {
        let Some(element) = record.dataset.get(tags::REFERENCED_FILE_ID) else { continue };
        let names = element
            .to_multi_str()
            .map_err(|_| record.wrong(tags::REFERENCED_FILE_ID, "names of folders and a file"))?;
        let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let names: Vec<&str> = names.iter().map(|name| name.trim()).collect();
        if names.is_empty() || !names.iter().all(|name| is_name(name)) {
            return Err(
                record.wrong(tags::REFERENCED_FILE_ID, "names of letters, digits and underscores (PS3.10, 8.5)")
            );
        }
        let file = names.iter().fold(folder.to_owned(), |path, name| path.join(name));
        if !file.is_file() {
            let detail = format!("lists {}, which is not there: copy the whole medium", file.display());
            return Err(IoError::Format { path: root.path.to_owned(), detail });
        }
        files.push(DicomFile::Plain(file));
    }
    files.sort();
    Ok(files)
}

/// Who a file's image is of; `None` for files that are not DICOM images. A file that cannot be read is an image of its own.
fn entry(file: DicomFile) -> Result<Option<ImageFiles>, IoError> {
    if !file.is_dicom()? {
        return Ok(None);
    }
    // One damaged file is no reason to read none of the others: what is wrong with it is told when it is read.
    let Ok(instance) = file.read() else { return Ok(Some(unreadable(file))) };
    let root = Attributes { path: &instance.path, dataset: &instance.dataset };
    let is_image = [tags::PIXEL_DATA, tags::FLOAT_PIXEL_DATA].iter().any(|&tag| root.dataset.get(tag).is_some());
    let is_map = root.text(tags::SOP_CLASS_UID).is_some_and(|uid| uid == uids::PARAMETRIC_MAP_STORAGE);
    if !is_image || is_map || is_segmentation(&root) {
        return Ok(None);
    }
    Ok(Some(image_of(file, &instance)))
}

fn unreadable(file: DicomFile) -> ImageFiles {
    ImageFiles {
        patient: String::new(),
        modality: String::new(),
        description: String::new(),
        series_number: None,
        instance_number: None,
        uid: file.path().display().to_string(),
        files: vec![file],
    }
}

/// The image that a file belongs to: that of its series where it is a plane that tells where it lies.
fn image_of(file: DicomFile, instance: &Instance) -> ImageFiles {
    let root = Attributes { path: &instance.path, dataset: &instance.dataset };
    let whole = |tag: Tag| root.whole(tag).ok().flatten();
    let is_placed = Placement::of(&root, 0).ok().flatten().is_some();
    let is_plane = whole(tags::NUMBER_OF_FRAMES).unwrap_or(1) <= 1 && is_placed;
    let text = |tag| root.text(tag).unwrap_or_default();
    let uid = [tags::SERIES_INSTANCE_UID, tags::SOP_INSTANCE_UID]
        .into_iter()
        .skip(usize::from(!is_plane))
        .find_map(|tag| root.text(tag));
    ImageFiles {
        patient: text(tags::PATIENT_ID),
        modality: text(tags::MODALITY),
        description: text(tags::SERIES_DESCRIPTION),
        series_number: whole(tags::SERIES_NUMBER),
        instance_number: if is_plane { None } else { whole(tags::INSTANCE_NUMBER) },
        // A file without identifiers is an image of its own.
        uid: uid.unwrap_or_else(|| instance.path.display().to_string()),
        files: vec![file],
    }
}

fn opened(archive: &Path) -> Result<zip::ZipArchive<io::BufReader<File>>, IoError> {
    let file = File::open(archive).map_err(|source| IoError::Read { path: archive.to_owned(), source })?;
    zip::ZipArchive::new(io::BufReader::new(file)).map_err(|error| damaged(archive, &error))
}

fn damaged(archive: &Path, error: &dyn std::error::Error) -> IoError {
    IoError::Format {
        path: archive.to_owned(),
        detail: format!("a damaged zip archive ({error}); copy or download it again"),
    }
}

fn zipped(archive: &Path) -> Result<Vec<DicomFile>, IoError> {
    let mut opened = opened(archive)?;
    if opened.has_overlapping_files().map_err(|error| damaged(archive, &error))? {
        let detail = "several files of the archive share their bytes, as those of a bomb do; expected bytes of its own for each: pack \
                      it anew, or unpack it and give the folder";
        return Err(IoError::Format { path: archive.to_owned(), detail: detail.to_owned() });
    }
    let names = opened.file_names().map(|name| name.map(String::from)).collect::<Result<Vec<_>, _>>();
    let mut names = names.map_err(|error| damaged(archive, &error))?;
    names.retain(|name| !name.ends_with('/'));
    names.sort();
    Ok(names.into_iter().map(|name| DicomFile::Zipped { archive: archive.to_owned(), name }).collect())
}

/// The bytes of a file in an archive, and how many they are packed.
fn unzipped(archive: &Path, name: &str) -> Result<(Vec<u8>, usize), IoError> {
    let mut opened = opened(archive)?;
    let file = opened.by_name(name).map_err(|error| damaged(archive, &error))?;
    let (packed, len) = (file.compressed_size(), file.size());
    let most = most_unpacked(packed);
    if len > most {
        let detail = format!(
            "comes to {len} bytes; expected at most {most}, since it is packed in {packed}: no image is packed so; where you trust it, \
             unpack the archive and give the folder"
        );
        return Err(IoError::Format { path: archive.join(name), detail });
    }
    // Asking for one more has the end be found, and with it the sum be checked.
    Ok((first_of(archive, file, len.saturating_add(1))?, usize::try_from(packed).unwrap_or(usize::MAX)))
}

/// The first bytes of a file in an archive.
fn first_unzipped(archive: &Path, name: &str, len: u64) -> Result<Vec<u8>, IoError> {
    let mut opened = opened(archive)?;
    let file = opened.by_name(name).map_err(|error| damaged(archive, &error))?;
    first_of(archive, file, len)
}

/// The first bytes that a file in an archive gives. The buffer grows with them.
fn first_of(archive: &Path, file: impl Read, len: u64) -> Result<Vec<u8>, IoError> {
    let mut bytes = Vec::new();
    file.take(len).read_to_end(&mut bytes).map_err(|error| damaged(archive, &error))?;
    Ok(bytes)
}
