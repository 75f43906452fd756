use std::mem::size_of;

use rl4seg_abi as abi;

use super::{inconsistent, put, voxels};
use crate::component::{Channels, NetworkInput, Result, Statistics};

/// Lends what a network is asked, for the time of `call`.
pub fn with_network_call<R>(input: &NetworkInput<'_>, call: impl FnOnce(*const abi::NetworkCall) -> R) -> R {
    let [planes, height, width] = input.shape;
    let shape = [planes, input.channels.input, height, width].map(voxels::axis);
    let lengths: Vec<[i64; 1]> = input.parameters.iter().map(|values| [voxels::axis(values.len())]).collect();
    let parameters: Vec<abi::DLTensor> = input
        .parameters
        .iter()
        .zip(&lengths)
        .map(|(values, length)| voxels::array(values, abi::DL_F32, length))
        .collect();
    let lent = abi::NetworkCall {
        size: size_of::<abi::NetworkCall>(),
        images: voxels::array(input.images, abi::DL_F32, &shape),
        parameters: parameters.as_ptr(),
        parameter_count: parameters.len(),
        output: u32::try_from(input.channels.output).unwrap_or(u32::MAX),
        statistics: match input.statistics {
            Statistics::Running => abi::STATISTICS_RUNNING,
            Statistics::Batch => abi::STATISTICS_BATCH,
        },
    };
    call(&raw const lent)
}

/// Lends numbers for the time of `call`.
pub fn with_numbers<R>(values: &[f32], call: impl FnOnce(*const abi::DLTensor) -> R) -> R {
    let length = [voxels::axis(values.len())];
    let lent = voxels::array(values, abi::DL_F32, &length);
    call(&raw const lent)
}

/// What `call` asks, lent to `answer`.
///
/// # Errors
/// If an array is not of its form, or as `answer`.
///
/// # Safety
/// `call` is null or describes memory that may be read and does not change until this returns.
pub unsafe fn read_network_call<R>(
    call: *const abi::NetworkCall,
    answer: impl FnOnce(&NetworkInput<'_>) -> Result<R>,
) -> Result<R> {
    // SAFETY: the caller's word.
    let call = unsafe { call.as_ref() }.ok_or_else(|| inconsistent("a network is asked nothing"))?;
    if call.size < size_of::<abi::NetworkCall>() || (call.parameters.is_null() && call.parameter_count > 0) {
        return Err(inconsistent(format!(
            "a network call of {} bytes, parameters at {:?}",
            call.size, call.parameters
        )));
    }
    // SAFETY: the caller's word.
    let (images, shape) = unsafe { voxels::borrow::<f32>(&raw const call.images, abi::DL_F32, "the images") }?;
    let [planes, channels, height, width] = shape[..] else {
        return Err(inconsistent(format!("images have the axes [plane, channel, y, x]; found the shape {shape:?}")));
    };
    let parameters: Vec<&[f32]> = (0..call.parameter_count)
        // SAFETY: there are as many parameters as the call says.
        .map(|index| unsafe { read_numbers(call.parameters.add(index), "a parameter") })
        .collect::<Result<_>>()?;
    answer(&NetworkInput {
        channels: Channels { input: channels, output: call.output as usize },
        parameters: &parameters,
        images,
        shape: [planes, height, width],
        statistics: match call.statistics {
            abi::STATISTICS_RUNNING => Statistics::Running,
            abi::STATISTICS_BATCH => Statistics::Batch,
            other => return Err(inconsistent(format!("statistics {other}; there are 0 and 1"))),
        },
    })
}

/// The numbers behind `array`, of any shape, called `what` in errors.
///
/// # Errors
/// If they are no `f32` in C order in host memory.
///
/// # Safety
/// `array` is null or describes memory that may be read and does not change for `'a`.
pub unsafe fn read_numbers<'a>(array: *const abi::DLTensor, what: &str) -> Result<&'a [f32]> {
    // SAFETY: the caller's word.
    unsafe { voxels::borrow::<f32>(array, abi::DL_F32, what) }.map(|(values, _)| values)
}

/// A copy of the numbers that a plugin put.
///
/// # Errors
/// As [`read_numbers`].
///
/// # Safety
/// `voxels` is null or describes memory that may be read.
pub unsafe fn read_put_numbers(voxels: *const abi::Voxels) -> Result<Vec<f32>> {
    // SAFETY: the caller's word.
    let array = unsafe { voxels.as_ref() }.map_or(std::ptr::null(), |voxels| &raw const voxels.array);
    // SAFETY: the caller's word.
    unsafe { read_numbers(array, "what a network gives") }.map(<[f32]>::to_vec)
}

/// Puts numbers as one item.
///
/// # Errors
/// As [`put`].
///
/// # Safety
/// As [`put`].
pub unsafe fn put_numbers(items: *const abi::ItemSink, values: &[f32]) -> Result<()> {
    let length = [voxels::axis(values.len())];
    let spacing = abi::Spacing { y_mm: 0.0, x_mm: 0.0, slow: 0.0, slow_kind: abi::SLOW_SINGLE, reserved: 0 };
    let lent = abi::Voxels { array: voxels::array(values, abi::DL_F32, &length), spacing };
    // SAFETY: the caller's word; the numbers outlive the call.
    unsafe { put(items, "", &raw const lent) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_arrives_as_it_was() {
        let images: Vec<f32> = (0..12_u8).map(f32::from).collect();
        let input = NetworkInput {
            channels: Channels { input: 2, output: 3 },
            parameters: &[&[1.0, 2.0], &[3.0]],
            images: &images,
            shape: [1, 2, 3],
            statistics: Statistics::Batch,
        };
        let seen = |arrived: &NetworkInput<'_>| {
            assert_eq!((arrived.channels, arrived.shape), (input.channels, input.shape));
            assert_eq!((arrived.parameters, arrived.images), (input.parameters, input.images));
            Ok(arrived.statistics)
        };
        // SAFETY: lent for this call.
        let statistics = with_network_call(&input, |call| unsafe { read_network_call(call, seen) });
        assert_eq!(statistics.unwrap(), Statistics::Batch);
    }

    #[test]
    fn a_call_that_cannot_be_is_refused() {
        let input = NetworkInput {
            channels: Channels { input: 1, output: 1 },
            parameters: &[&[1.0]],
            images: &[0.0; 4],
            shape: [1, 2, 2],
            statistics: Statistics::Running,
        };
        let broken: [fn(&mut abi::NetworkCall); 4] = [
            |call| call.statistics = 7,
            |call| call.parameters = std::ptr::null(),
            |call| call.images.ndim = 3,
            |call| call.size = 8,
        ];
        for change in broken {
            let refused = with_network_call(&input, |call| {
                // SAFETY: lent for this call.
                let mut call = unsafe { *call };
                change(&mut call);
                // SAFETY: what the changes point at is checked before it is read.
                unsafe { read_network_call(&raw const call, |_| Ok(())) }
            });
            assert!(refused.is_err());
        }
    }
}
