//! Recorded answers of a correct implementation, and how the golden tests read them.
//!
//! The fixtures are a folder with an `index.json` and one folder a set. The repository has one in
//! `tests/fixtures`; the environment variable `RL4SEG_FIXTURES` names another of the same form.
//! A set's `present` list says which of its files there are, so tests enumerate it
//! ([`Set::variants`]) and never name a size themselves.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// The folder of fixtures: `RL4SEG_FIXTURES` if it is set, the repository's own otherwise.
#[must_use]
pub fn folder() -> PathBuf {
    env::var_os("RL4SEG_FIXTURES").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"), PathBuf::from)
}

/// The part of `index.json` that is for machines; the rest explains the files to people.
#[derive(Deserialize)]
struct Index {
    sets: BTreeMap<String, SetEntry>,
}

#[derive(Deserialize)]
struct SetEntry {
    present: Vec<String>,
}

/// One set of fixtures, as `anatomy`.
#[derive(Debug, Clone)]
pub struct Set {
    folder: PathBuf,
    present: Vec<String>,
}

impl Set {
    /// Opens the set `name` of [`folder`].
    ///
    /// # Errors
    /// If `index.json` cannot be read or lists no file of the set: a test that compares nothing
    /// must not pass.
    pub fn open(name: &str) -> Result<Self> {
        let root = folder();
        let index: Index = read_json(&root.join("index.json"))?;
        let Some(entry) = index.sets.into_iter().find_map(|(set, entry)| (set == name).then_some(entry)) else {
            bail!("{}: index.json has no set `{name}`", root.display());
        };
        ensure!(!entry.present.is_empty(), "{}: index.json lists no file of the set `{name}`", root.display());
        Ok(Self { folder: root.join(name), present: entry.present })
    }

    /// Whether the set has `file`.
    #[must_use]
    pub fn has(&self, file: &str) -> bool {
        self.present.iter().any(|present| present == file)
    }

    /// The path of `file`, for readers of other formats.
    #[must_use]
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// What stands between `prefix` and `suffix` in the names of the files, as `128` for
    /// `input_128.npy.gz`.
    ///
    /// # Errors
    /// If no file has such a name.
    pub fn variants(&self, prefix: &str, suffix: &str) -> Result<Vec<&str>> {
        let found: Vec<&str> =
            self.present.iter().filter_map(|file| file.strip_prefix(prefix)?.strip_suffix(suffix)).collect();
        ensure!(!found.is_empty(), "{}: no file {prefix}*{suffix}", self.folder.display());
        Ok(found)
    }

    /// The array in `file`, a gzip-compressed `.npy`.
    ///
    /// # Errors
    /// If it cannot be read, or holds another element type.
    pub fn array<T: Element>(&self, file: &str) -> Result<Array<T>> {
        let path = self.path(file);
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| GzDecoder::new(file).read_to_end(&mut bytes))
            .with_context(|| path.display().to_string())?;
        parse_npy(&bytes).with_context(|| path.display().to_string())
    }

    /// The value in `file`, a JSON document.
    ///
    /// # Errors
    /// If it cannot be read, or does not have the form of `T`.
    pub fn json<T: DeserializeOwned>(&self, file: &str) -> Result<T> {
        read_json(&self.path(file))
    }
}

/// Reads a number that the fixtures write as `null` where it is NaN; for
/// `#[serde(deserialize_with = "null_is_nan")]`.
///
/// # Errors
/// If it is neither a number nor `null`.
pub fn null_is_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// An array in C order.
#[derive(Debug, Clone, PartialEq)]
pub struct Array<T> {
    /// Its length along each axis.
    pub shape: Vec<usize>,
    /// Its values, last axis fastest.
    pub values: Vec<T>,
}

impl<T> Array<T> {
    /// The entries along the first axis, each a slice of the other axes in C order.
    pub fn items(&self) -> impl ExactSizeIterator<Item = &[T]> {
        self.values.chunks_exact(self.shape[1..].iter().product::<usize>().max(1))
    }
}

/// An element type of `.npy` files.
pub trait Element: Sized {
    /// Its name in the header, as `<f4`.
    const DESCR: &'static str;

    /// Values from their little-endian bytes.
    fn read(bytes: &[u8]) -> Vec<Self>;
}

macro_rules! element {
    ($($type:ty = $descr:literal),+) => {$(
        impl Element for $type {
            const DESCR: &'static str = $descr;

            fn read(bytes: &[u8]) -> Vec<Self> {
                let (values, _) = bytes.as_chunks();
                values.iter().map(|&value| Self::from_le_bytes(value)).collect()
            }
        }
    )+};
}

element!(u8 = "|u1", i64 = "<i8", f32 = "<f4", f64 = "<f8");

/// Parses the NumPy format, versions 1 to 3 (NEP 1): magic, version, header length, header (a
/// Python dictionary), data.
fn parse_npy<T: Element>(bytes: &[u8]) -> Result<Array<T>> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").context("not a .npy file")?;
    let (start, len) = match rest {
        [1, _, a, b, ..] => (4, usize::from(u16::from_le_bytes([*a, *b]))),
        [2 | 3, _, a, b, c, d, ..] => (6, usize::try_from(u32::from_le_bytes([*a, *b, *c, *d]))?),
        _ => bail!("a .npy version that is not known"),
    };
    let header = str::from_utf8(rest.get(start..start + len).context("the header is cut short")?)?;
    let descr = entry(header, "'descr': '", "'")?;
    ensure!(descr == T::DESCR, "element type {descr}; expected {}", T::DESCR);
    ensure!(entry(header, "'fortran_order': ", ",")? == "False", "Fortran order; expected C order");
    let shape = entry(header, "'shape': (", ")")?
        .split(',')
        .map(str::trim)
        .filter(|length| !length.is_empty())
        .map(str::parse)
        .collect::<Result<Vec<usize>, _>>()?;
    let data = &rest[start + len..];
    let expected = shape.iter().product::<usize>() * size_of::<T>();
    ensure!(data.len() == expected, "{} bytes of data; shape {shape:?} takes {expected}", data.len());
    Ok(Array { shape, values: T::read(data) })
}

fn entry<'a>(header: &'a str, start: &str, end: &str) -> Result<&'a str> {
    let (_, rest) = header.split_once(start).with_context(|| format!("no {start} in the header {header}"))?;
    Ok(rest.split_once(end).with_context(|| format!("no {end} in the header {header}"))?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn an_array_is_read_in_c_order() {
        let bytes = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }\n", &[1, 2, 3, 4, 5, 6]);
        let array = parse_npy::<u8>(&bytes).unwrap();
        assert_eq!(array.shape, [2, 3]);
        assert_eq!(array.items().collect::<Vec<_>>(), [[1, 2, 3], [4, 5, 6]]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n";
        assert_eq!(parse_npy::<f32>(&npy(header, &1.5_f32.to_le_bytes())).unwrap().values, [1.5]);
        assert!(parse_npy::<f64>(&npy(header, &1.5_f32.to_le_bytes())).is_err());
        assert!(parse_npy::<f32>(&npy(header, &[0; 3])).is_err());
        assert!(parse_npy::<f32>(&npy(&header.replace("False", "True"), &[0; 4])).is_err());
    }
}
