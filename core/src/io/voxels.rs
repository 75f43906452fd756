//! What files of every format come to: numbers, one a voxel, and where they lie.

use std::{
    cmp::Ordering,
    io::{self, Read},
    path::Path,
    sync::{PoisonError, RwLock},
};

use nifti::NiftiType;
use rayon::prelude::*;

use super::{IoError, PlacedImage, PlacedLabels, nifti::NiftiGeometry};
use crate::domain::{Grid, Image, LabelMap, LabelSet};

/// What a slope and an intercept can do to a whole number.
const ROUNDING: f64 = 1e-4;

/// Voxels that a thread converts at a time.
const PART: usize = 1 << 16;

/// What the numbers of a file are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Colours become their luminance.
    Image,
    /// Numbers of a palette stand for themselves, and what was packed with losses is refused.
    Labels,
}

/// What a header tells of the voxels behind it, which are stored as they are.
pub(super) struct Described {
    pub geometry: NiftiGeometry,
    pub data_type: NiftiType,
    pub big_endian: bool,
    /// Bytes of all voxels.
    pub len: usize,
}

impl Described {
    /// These voxels with their bytes.
    pub(super) fn with(self, bytes: Vec<u8>) -> Volume {
        let Self { geometry, data_type, big_endian, .. } = self;
        Volume { geometry, voxels: Voxels { bytes, data_type, big_endian, scaling: [1.0, 0.0] } }
    }
}

/// The numbers of a file, and where they lie.
pub(super) struct Volume {
    pub geometry: NiftiGeometry,
    pub voxels: Voxels,
}

/// The voxels of a file as they are stored.
pub(super) struct Voxels {
    pub bytes: Vec<u8>,
    pub data_type: NiftiType,
    pub big_endian: bool,
    /// Slope and intercept.
    pub scaling: [f64; 2],
}

/// The most values that a file of labels is told to have, one by one.
const MOST_VALUES: usize = 20;

impl Volume {
    /// Of voxels that are whole numbers, the lower byte first.
    #[cfg(feature = "dicom")]
    pub(super) fn of_words(geometry: NiftiGeometry, words: Vec<[u8; 2]>) -> Self {
        let bytes = words.into_flattened();
        let voxels = Voxels { bytes, data_type: NiftiType::Uint16, big_endian: false, scaling: [1.0, 0.0] };
        Self { geometry, voxels }
    }

    /// Intensities of one channel.
    pub(super) fn image(self, path: &Path) -> Result<PlacedImage, IoError> {
        let Self { geometry, voxels } = self;
        let grid = *geometry.grid();
        let values: Vec<f32> = voxels.convert(|_, value| Ok(value as f32))?;
        require_finite(path, &values, &grid)?;
        let image = Image::new(grid, 1, values).map_err(|source| IoError::Domain { path: path.to_owned(), source })?;
        Ok(PlacedImage { image, geometry })
    }

    /// Labels; `mapping` holds pairs (value in the file, label), and a value that it does not name stands for itself.
    pub(super) fn labels(self, path: &Path, set: &LabelSet, mapping: &[(u32, u8)]) -> Result<PlacedLabels, IoError> {
        let Self { geometry, voxels } = self;
        let grid = *geometry.grid();
        let label_of = |index: usize, found: f64| {
            let value = if (found - found.round()).abs() <= ROUNDING { found.round() } else { found };
            let mapped = mapping.iter().find(|(in_file, _)| f64::from(*in_file) == value).map(|&(_, label)| label);
            let itself = || set.iter().map(|label| label.value).find(|&label| f64::from(label) == value);
            mapped.or_else(itself).ok_or_else(|| IoError::Label {
                path: path.to_owned(),
                found,
                at: grid.position(index),
                values: String::new(),
                expected: expected_values(set, mapping),
            })
        };
        let labels = voxels.convert(label_of).map_err(|mut error| {
            if let IoError::Label { values, .. } = &mut error {
                *values = voxels.values();
            }
            error
        })?;
        let labels = LabelMap::new(grid, labels).map_err(|source| IoError::Domain { path: path.to_owned(), source })?;
        Ok(PlacedLabels { labels, geometry })
    }
}

/// Refuses values of which any is NaN or infinite.
pub(super) fn require_finite(path: &Path, values: &[f32], grid: &Grid) -> Result<(), IoError> {
    let mut unusable = values.iter().enumerate().filter(|(_, value)| !value.is_finite());
    let Some((first, _)) = unusable.next() else { return Ok(()) };
    let (count, total, at) = (1 + unusable.count(), values.len(), grid.position(first));
    Err(IoError::NotFinite { path: path.to_owned(), count, total, at })
}

fn expected_values(labels: &LabelSet, mapping: &[(u32, u8)]) -> String {
    mapping.iter().fold(labels.to_string(), |text, (value, label)| format!("{text}, {value} (read as {label})"))
}

/// As many bytes as voxels of these sizes take, `None` where no machine holds them.
pub(super) fn bytes_of(sizes: &[usize], data_type: NiftiType) -> Option<usize> {
    let bytes = sizes.iter().try_fold(data_type.size_of(), |bytes, &size| bytes.checked_mul(size))?;
    isize::try_from(bytes).is_ok().then_some(bytes)
}

/// Reads exactly `len` bytes of voxels, which must be the last. The buffer grows with what there is.
pub(super) fn read_voxels(path: &Path, from: impl Read, len: usize) -> Result<Vec<u8>, IoError> {
    let mut found = Vec::new();
    // One more than is wanted shows whether the voxels end there, and has what is packed check its sum.
    from.take(len as u64 + 1).read_to_end(&mut found).map_err(|source| match source.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => IoError::Format {
            path: path.to_owned(),
            detail: format!("damaged packed data ({source}); copy or download it again"),
        },
        _ => IoError::Read { path: path.to_owned(), source },
    })?;
    if found.len() > len {
        let detail = format!("there are bytes after the {len} that sizes and type of the header say; mend the header");
        return Err(IoError::Format { path: path.to_owned(), detail });
    }
    if found.len() < len {
        let (found, expected) = (found.len() as u64, len as u64);
        return Err(IoError::Truncated { path: path.to_owned(), what: "the voxels are", found, expected });
    }
    found.shrink_to_fit();
    Ok(found)
}

impl Voxels {
    /// The values that there are, in order, as text.
    fn values(&self) -> String {
        let seen = RwLock::new(Vec::new());
        // What was read once is converted again; nothing is refused.
        let _ = self.convert(|_, value| {
            let is_new = |seen: &Vec<f64>| {
                seen.len() <= MOST_VALUES && !seen.iter().any(|other| other.total_cmp(&value) == Ordering::Equal)
            };
            if is_new(&seen.read().unwrap_or_else(PoisonError::into_inner)) {
                let mut seen = seen.write().unwrap_or_else(PoisonError::into_inner);
                if is_new(&seen) {
                    seen.push(value);
                }
            }
            Ok(0_u8)
        });
        let mut seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        if seen.len() > MOST_VALUES {
            return format!("more than {MOST_VALUES} values, as an image has");
        }
        seen.sort_by(f64::total_cmp);
        format!("the values {}", seen.iter().map(f64::to_string).collect::<Vec<_>>().join(", "))
    }

    /// What `convert` makes of each voxel's index and value (slope · stored + intercept), or its
    /// first refusal.
    fn convert<T: Copy + Default + Send>(
        &self,
        convert: impl Fn(usize, f64) -> Result<T, IoError> + Sync,
    ) -> Result<Vec<T>, IoError> {
        match self.data_type {
            NiftiType::Uint8 => self.each(u8::from_le_bytes, f64::from, convert),
            NiftiType::Int8 => self.each(i8::from_le_bytes, f64::from, convert),
            NiftiType::Uint16 => self.each(u16::from_le_bytes, f64::from, convert),
            NiftiType::Int16 => self.each(i16::from_le_bytes, f64::from, convert),
            NiftiType::Uint32 => self.each(u32::from_le_bytes, f64::from, convert),
            NiftiType::Int32 => self.each(i32::from_le_bytes, f64::from, convert),
            NiftiType::Uint64 => self.each(u64::from_le_bytes, |value| value as f64, convert),
            NiftiType::Int64 => self.each(i64::from_le_bytes, |value| value as f64, convert),
            NiftiType::Float64 => self.each(f64::from_le_bytes, |value| value, convert),
            // `Header::parse` lets no other type through.
            _ => self.each(f32::from_le_bytes, f64::from, convert),
        }
    }

    fn each<const N: usize, S, T: Copy + Default + Send>(
        &self,
        stored: impl Fn([u8; N]) -> S + Sync,
        number: impl Fn(S) -> f64 + Sync,
        convert: impl Fn(usize, f64) -> Result<T, IoError> + Sync,
    ) -> Result<Vec<T>, IoError> {
        let [slope, intercept] = self.scaling;
        let (voxels, _) = self.bytes.as_chunks::<N>();
        let value = |(index, bytes): (usize, &[u8; N])| {
            let mut bytes = *bytes;
            if self.big_endian {
                bytes.reverse();
            }
            convert(index, slope * number(stored(bytes)) + intercept)
        };
        let mut all = vec![T::default(); voxels.len()];
        let parts = all.par_chunks_mut(PART).zip(voxels.par_chunks(PART)).enumerate().map(|(part, (all, voxels))| {
            all.iter_mut().zip(voxels).enumerate().try_for_each(|(index, (to, bytes))| {
                *to = value((part * PART + index, bytes))?;
                Ok(())
            })
        });
        // Each part tells of its own first refusal, and the first of those is the one.
        parts.collect::<Vec<Result<(), IoError>>>().into_iter().collect::<Result<(), _>>()?;
        Ok(all)
    }
}
