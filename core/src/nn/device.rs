//! Where networks are computed.

use burn::tensor::{Device, FloatDType};
use serde::Serialize;

use crate::{
    component::{ComponentError, ErrorKind, Result},
    config::Precision,
};

/// A kind of device, and what of it this program can use on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceKind {
    /// The name for `--device`; the second of a kind is `NAME:1`.
    pub name: &'static str,
    /// What it is.
    pub what: &'static str,
    /// Whether this program was built with it. `cpu` always is; the others are cargo features.
    pub compiled_in: bool,
    /// How many there are here; 0 where it is not compiled in.
    pub present: usize,
    /// Whether networks can compute in bfloat16 on the first of them.
    pub bfloat16: bool,
}

const CUDA: &str = "cuda";
const WGPU: &str = "wgpu";

/// Every kind of device that there is a name for.
#[must_use]
pub fn device_kinds() -> Vec<DeviceKind> {
    let gpu = |name, what| {
        let devices = gpus(name);
        DeviceKind {
            name,
            what,
            compiled_in: devices.is_some(),
            present: devices.as_ref().map_or(0, Vec::len),
            bfloat16: devices.iter().flatten().next().is_some_and(has_bfloat16),
        }
    };
    vec![
        DeviceKind {
            name: "cpu",
            what: "this processor, with kernels of our own",
            compiled_in: true,
            present: 1,
            bfloat16: false,
        },
        gpu(CUDA, "NVIDIA GPUs"),
        gpu(WGPU, "GPUs through Vulkan, Metal or DirectX"),
    ]
}

/// The device called `cpu`, `cuda` or `wgpu` (the first GPU), `cuda:1` or `wgpu:1` (the second).
///
/// # Errors
/// If there is no such name, this build cannot use it, or the machine does not have it.
pub fn device(name: &str) -> Result<Device> {
    let Some((kind, index)) = gpu(name)? else { return Ok(Device::flex()) };
    let Some(devices) = gpus(kind) else {
        let message = format!(
            "device `{name}` needs a build with the cargo feature `{kind}` (cargo build --release --features {kind}); \
             `rl4seg doctor` tells what this one has"
        );
        return Err(ComponentError::new(ErrorKind::Unsupported, message));
    };
    let present = devices.len();
    devices.into_iter().nth(index).ok_or_else(|| {
        let message = format!(
            "device `{name}` is not there: this machine has {present} of the kind `{kind}`, counted from 0; is its driver \
             installed? `rl4seg doctor` tells what can be used"
        );
        ComponentError::new(ErrorKind::Unsupported, message)
    })
}

/// Whether a device may be called so, whether or not it is there.
///
/// # Errors
/// If it may not; tells the names that there are.
pub fn check_device_name(name: &str) -> Result<()> {
    gpu(name).map(drop)
}

/// Kind and number of a GPU; nothing for the CPU.
fn gpu(name: &str) -> Result<Option<(&'static str, usize)>> {
    if name == "cpu" {
        return Ok(None);
    }
    let (kind, index) = name.split_once(':').unwrap_or((name, "0"));
    let kind = [CUDA, WGPU].into_iter().find(|known| *known == kind);
    let (Some(kind), Ok(index)) = (kind, index.parse::<usize>()) else {
        let message = format!(
            "device `{name}` is not known; expected `cpu`, `cuda`, `cuda:N`, `wgpu` or `wgpu:N` with a number N"
        );
        return Err(ComponentError::new(ErrorKind::Configuration, message));
    };
    Ok(Some((kind, index)))
}

/// Memory of a device that this process has taken, in bytes; nothing where it does not tell, as the CPU.
///
/// # Errors
/// As [`device`].
pub fn device_memory_bytes(name: &str) -> Result<Option<u64>> {
    Ok(device(name)?.memory_pool_usage().map(|usage| usage.bytes_reserved))
}

/// Nothing where the kind is not compiled in.
fn gpus(kind: &str) -> Option<Vec<Device>> {
    match kind {
        #[cfg(feature = "cuda")]
        CUDA => Some(Device::enumerate(burn::tensor::DeviceType::Cuda).into_vec()),
        #[cfg(feature = "wgpu")]
        WGPU => Some(Device::enumerate(burn::tensor::DeviceType::Wgpu).into_vec()),
        _ => None,
    }
}

fn has_bfloat16(device: &Device) -> bool {
    device.supports_dtype(FloatDType::BF16)
}

/// # Errors
/// If networks cannot compute in `precision` on `device`.
pub(super) fn require_precision(precision: Precision, device: &Device) -> Result<()> {
    let message = match precision {
        Precision::Float32 => return Ok(()),
        Precision::Bfloat16 if *device == Device::flex() => {
            "network.precision is `bfloat16`, which is for GPUs: the CPU's kernels compute in float32; choose another \
             --device or `float32`"
        }
        Precision::Bfloat16 if !has_bfloat16(device) => {
            "network.precision is `bfloat16`, which this GPU cannot compute in; choose `float32`"
        }
        Precision::Bfloat16 => return Ok(()),
    };
    Err(ComponentError::new(ErrorKind::Unsupported, message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert!(device("cpu").is_ok());
        for name in ["gpu", "cuda:", "cuda:x", "cudax", "cpu:0", "wgpu:-1", ""] {
            assert_eq!(device(name).unwrap_err().kind(), ErrorKind::Configuration, "{name}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for kind in device_kinds().into_iter().filter(|kind| kind.present == 0) {
            let error = device(&format!("{}:1", kind.name)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            let expected = if kind.compiled_in { "is not there" } else { "cargo feature" };
            assert!(error.to_string().contains(expected) && error.to_string().contains(kind.name), "{error}");
        }
    }

    #[test]
    fn the_cpu_computes_in_float32_alone() {
        let cpu = Device::flex();
        assert!(require_precision(Precision::Float32, &cpu).is_ok());
        let error = require_precision(Precision::Bfloat16, &cpu).unwrap_err();
        assert!(error.to_string().contains("network.precision"), "{error}");
    }
}
