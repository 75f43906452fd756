//! Weight files of others: safetensors, and what `torch.save` writes.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::Path,
};

use burn::{
    store::pytorch_reader::{self, PytorchReader},
    tensor::DType,
};

use super::{COUNTER, Weights};
use crate::component::{ComponentError, ErrorKind, Result};

/// Where a Lightning checkpoint keeps the weights; the rest of it is optimiser and loop state.
const LIGHTNING: &str = "state_dict.";

/// Bytes that tell the formats apart: a length of 8 bytes and `{` starts safetensors.
const HEAD: usize = 9;

pub(super) fn read(path: &Path) -> Result<Weights> {
    let source = path.display().to_string();
    let head = head(path).map_err(|cause| io_error(&source, &cause))?;
    match head.as_slice() {
        [b'P', b'K', 3, 4, ..] | [0x80, _, ..] => read_torch(path, source),
        [.., b'{'] if head.len() == HEAD => {
            let bytes = std::fs::read(path).map_err(|cause| io_error(&source, &cause))?;
            Weights::from_safetensors(&bytes, &source)
        }
        _ => {
            let message =
                format!("{source} is neither safetensors nor a file of torch.save; it starts with {head:02x?}");
            Err(ComponentError::new(ErrorKind::Unreadable, message))
        }
    }
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    File::open(path)?.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn read_torch(path: &Path, source: String) -> Result<Weights> {
    let unreadable = |cause: &dyn std::fmt::Display| {
        let message = format!("{source} is not a whole torch checkpoint: {cause}; write or copy it again");
        ComponentError::new(ErrorKind::Unreadable, message)
    };
    let reader = PytorchReader::new(path).map_err(|cause| unreadable(&cause))?;
    let tensors: BTreeMap<_, _> = reader.into_tensors().into_iter().collect();
    let is_lightning = tensors.keys().any(|name| name.starts_with(LIGHTNING));
    let mut weights = Weights { source: source.clone(), tensors: BTreeMap::new() };
    for (name, tensor) in &tensors {
        let name = if is_lightning { name.strip_prefix(LIGHTNING) } else { Some(name.as_str()) };
        let Some(name) = name.filter(|name| !name.ends_with(COUNTER)) else { continue };
        let dtype = match tensor.dtype() {
            pytorch_reader::DType::F32 => DType::F32,
            pytorch_reader::DType::F64 => DType::F64,
            pytorch_reader::DType::F16 => DType::F16,
            pytorch_reader::DType::BF16 => DType::BF16,
            other => return Err(unreadable(&format!("`{name}` holds {other:?}, expected floating-point numbers"))),
        };
        let bytes = tensor.read().map_err(|cause| unreadable(&cause))?;
        weights.insert(name.to_owned(), tensor.shape(), bytes, dtype)?;
    }
    Ok(weights)
}

fn io_error(source: &str, cause: &io::Error) -> ComponentError {
    let kind = if cause.kind() == io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Unreadable };
    ComponentError::new(kind, format!("{source}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, bytes: &[u8]) -> ComponentError {
        let path = std::env::temp_dir().join(format!("rl4seg-weights-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let error = read(&path).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        error
    }

    #[test]
    fn garbage_is_told_from_what_was_cut_short() {
        assert_eq!(read(Path::new("/nowhere.ckpt")).unwrap_err().kind(), ErrorKind::NotFound);
        for (name, bytes, expected) in [
            ("empty", &b""[..], "neither"),
            ("text", b"not a checkpoint", "neither"),
            ("zip", b"PK\x03\x04 and no more", "torch checkpoint"),
            ("pickle", b"\x80\x02}q", "torch checkpoint"),
            ("safetensors", b"\xff\0\0\0\0\0\0\0{\"a\":", "safetensors file"),
        ] {
            let error = refused(name, bytes);
            assert_eq!(error.kind(), ErrorKind::Unreadable, "{name}");
            assert!(error.to_string().contains(expected), "{name}: {error}");
        }
    }
}
