//! Where a step under way stands, so that no more than one epoch is lost.
//!
//! One file of bytes by name, in the safetensors format, that takes the place of the one before by rename: there is always one whole
//! checkpoint, or none yet.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{RunError, manifest::hexadecimal, read};

/// The version of the file's form.
const FORM: &str = "1";
/// Where the header of the file holds [`Known`]: in one place, since the order of several is left to chance.
const KNOWN: &str = "checkpoint";

/// What a file says of itself.
#[derive(Serialize, Deserialize)]
struct Known {
    form: String,
    sha256: String,
    progress: String,
}

/// What a step needs to go on where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// As JSON: epochs done, and what was decided on the way.
    progress: String,
    /// Bytes by name: networks, and what their optimisers have accumulated.
    pub parts: BTreeMap<String, Vec<u8>>,
}

impl Checkpoint {
    /// Of a value that JSON can hold whole: numbers must be finite.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn new<P: Serialize>(progress: &P, parts: BTreeMap<String, Vec<u8>>) -> Result<Self, RunError> {
        let progress = serde_json::to_string(progress).map_err(|error| RunError::Encode(error.to_string()))?;
        Ok(Self { progress, parts })
    }

    /// The value that the checkpoint was made of; messages call it `path`.
    ///
    /// # Errors
    /// If it is another step's.
    pub fn progress<P: DeserializeOwned>(&self, path: &Path) -> Result<P, RunError> {
        serde_json::from_str(&self.progress).map_err(|error| unusable(path, &format!("its progress: {error}")))
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, RunError> {
        let failed = |error: safetensors::SafeTensorError| RunError::Encode(format!("a checkpoint: {error}"));
        let views = self.parts.iter().map(|(name, bytes)| {
            TensorView::new(Dtype::U8, vec![bytes.len()], bytes).map(|view| (name, view)).map_err(failed)
        });
        let views: Vec<_> = views.collect::<Result<_, _>>()?;
        let known = Known { form: FORM.to_owned(), sha256: self.digest(), progress: self.progress.clone() };
        let known = serde_json::to_string(&known).map_err(|error| RunError::Encode(error.to_string()))?;
        safetensors::serialize(views, Some(HashMap::from([(KNOWN.to_owned(), known)]))).map_err(failed)
    }

    pub(super) fn read(path: &Path) -> Result<Self, RunError> {
        let bytes = read(path)?;
        let unreadable = |error: safetensors::SafeTensorError| unusable(path, &error.to_string());
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(unreadable)?;
        let known = header.metadata().as_ref().and_then(|known| serde_json::from_str::<Known>(known.get(KNOWN)?).ok());
        let known = known.ok_or_else(|| unusable(path, "it does not tell what it holds"))?;
        if known.form != FORM {
            let found =
                format!("another version of rl4seg wrote it, in the form {}; this one has the form {FORM}", known.form);
            return Err(unusable(path, &found));
        }
        let tensors = SafeTensors::deserialize(&bytes).map_err(unreadable)?;
        let parts = tensors.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect();
        let found = Self { progress: known.progress, parts };
        if known.sha256 != found.digest() {
            return Err(unusable(path, "its content does not have the SHA-256 that it tells of"));
        }
        Ok(found)
    }

    /// SHA-256 of everything that it holds.
    fn digest(&self) -> String {
        let mut sum = Sha256::new();
        for (name, bytes) in [("progress", self.progress.as_bytes())]
            .into_iter()
            .chain(self.parts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))
        {
            sum.update((name.len() as u64).to_le_bytes());
            sum.update(name);
            sum.update((bytes.len() as u64).to_le_bytes());
            sum.update(bytes);
        }
        hexadecimal(&sum.finalize())
    }
}

/// What to do about a checkpoint that is not as it was written.
fn unusable(path: &Path, why: &str) -> RunError {
    let message = format!("this checkpoint cannot be gone on from: {why}; remove the file, and its step begins anew");
    RunError::Content { path: path.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn checkpoint() -> Checkpoint {
        let parts = [("actor".to_owned(), vec![1, 2, 3]), ("empty".to_owned(), Vec::new())];
        Checkpoint::new(&(3_usize, 0.1_f64 + 0.2, None::<f64>), parts.into()).unwrap()
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, checkpoint().to_bytes().unwrap()).unwrap();
        let read = Checkpoint::read(&path).unwrap();
        assert_eq!(read, checkpoint());
        assert_eq!(read.progress::<(usize, f64, Option<f64>)>(&path).unwrap(), (3, 0.1 + 0.2, None));
        assert!(read.progress::<String>(&path).unwrap_err().to_string().contains("remove the file"));
        assert_eq!(checkpoint().to_bytes().unwrap(), checkpoint().to_bytes().unwrap());
    }

    #[test]
    fn one_of_another_version_is_told_by_its_form() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let bytes = checkpoint().to_bytes().unwrap();
        let (now, then) = (r#"\"form\":\"1\""#, r#"\"form\":\"9\""#);
        let at = bytes.windows(now.len()).position(|window| window == now.as_bytes()).unwrap();
        let other = [&bytes[..at], then.as_bytes(), &bytes[at + now.len()..]].concat();
        fs::write(&path, other).unwrap();
        let told = Checkpoint::read(&path).unwrap_err().to_string();
        assert!(told.contains("in the form 9; this one has the form 1; remove the file"), "{told}");
    }

    #[test]
    fn damage_is_found_wherever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let whole = checkpoint().to_bytes().unwrap();
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert!(!Checkpoint::read(&path).is_ok_and(|read| read != checkpoint()), "byte {place}");
        }
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(Checkpoint::read(&path).unwrap_err().to_string().contains("remove the file"));
    }
}
