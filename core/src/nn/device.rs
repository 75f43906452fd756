//! Where networks are computed.

use burn::tensor::Device;

use crate::component::{ComponentError, ErrorKind, Result};

/// The device called `cpu`, `cuda` (the first GPU) or `cuda:1` (the second).
///
/// # Errors
/// If there is no such name, or this build cannot use it.
pub fn device(name: &str) -> Result<Device> {
    if name == "cpu" {
        return Ok(Device::flex());
    }
    let index = match name.strip_prefix("cuda") {
        Some("") => Some(0),
        Some(rest) => rest.strip_prefix(':').and_then(|index| index.parse().ok()),
        None => None,
    };
    match index {
        Some(index) => cuda(index),
        None => {
            let message = format!("device `{name}` is not known; expected `cpu`, `cuda` or `cuda:N`");
            Err(ComponentError::new(ErrorKind::Configuration, message))
        }
    }
}

#[cfg(feature = "cuda")]
fn cuda(index: usize) -> Result<Device> {
    Ok(Device::cuda(index))
}

#[cfg(not(feature = "cuda"))]
fn cuda(index: usize) -> Result<Device> {
    let message = format!(
        "device `cuda:{index}` needs a build with the cargo feature `cuda` (cargo install rl4seg --features cuda); \
         this one has `cpu` only"
    );
    Err(ComponentError::new(ErrorKind::Unsupported, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert!(device("cpu").is_ok());
        for name in ["gpu", "cuda:", "cuda:x", "cudax", ""] {
            assert_eq!(device(name).unwrap_err().kind(), ErrorKind::Configuration, "{name}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_missing_feature_is_named() {
        assert!(device("cuda:1").unwrap_err().to_string().contains("feature `cuda`"));
    }
}
