use std::mem::size_of;

use rl4seg_core::plugin::wire::{put, put_numbers, read_network_call, read_numbers, to_json};

use super::{
    abi::{
        self, DLTensor, DifferentiableNetworkTable, ErrorSink, ItemSink, NetworkArchitectureTable, NetworkCall, Object,
        Status,
    },
    guard,
    tables::describe,
};
use crate::{
    Component,
    component::{Channels, DifferentiableNetwork, NetworkArchitecture},
};

/// The description of a network architecture.
#[must_use]
pub const fn network_architecture<T: Component + NetworkArchitecture>() -> abi::Component {
    describe::<T>(
        abi::KIND_NETWORK_ARCHITECTURE,
        (&raw const *const { &Architectures::<T>::NETWORK_ARCHITECTURE }).cast(),
    )
}

/// The description of a differentiable network.
#[must_use]
pub const fn differentiable_network<T: Component + DifferentiableNetwork>() -> abi::Component {
    describe::<T>(
        abi::KIND_DIFFERENTIABLE_NETWORK,
        (&raw const *const { &Functions::<T>::DIFFERENTIABLE_NETWORK }).cast(),
    )
}

struct Architectures<T>(std::marker::PhantomData<T>);

impl<T: NetworkArchitecture> Architectures<T> {
    const NETWORK_ARCHITECTURE: NetworkArchitectureTable =
        NetworkArchitectureTable { size: size_of::<NetworkArchitectureTable>(), architecture: Some(architecture::<T>) };
}

struct Functions<T>(std::marker::PhantomData<T>);

impl<T: DifferentiableNetwork> Functions<T> {
    const DIFFERENTIABLE_NETWORK: DifferentiableNetworkTable = DifferentiableNetworkTable {
        size: size_of::<DifferentiableNetworkTable>(),
        describe: Some(parameters::<T>),
        forward: Some(forward::<T>),
        backward: Some(backward::<T>),
    };
}

fn channels(input: u32, output: u32) -> Channels {
    Channels { input: input as usize, output: output as usize }
}

unsafe extern "C" fn architecture<T: NetworkArchitecture>(
    object: Object,
    input: u32,
    output: u32,
    items: *const ItemSink,
    errors: *const ErrorSink,
) -> Status {
    // SAFETY: called as the ABI says, with an object of `create::<T>`.
    unsafe {
        guard(errors, || {
            let architecture = (*object.cast::<T>()).architecture(channels(input, output))?;
            put(items, &to_json(&architecture)?, std::ptr::null())
        })
    }
}

unsafe extern "C" fn parameters<T: DifferentiableNetwork>(
    object: Object,
    input: u32,
    output: u32,
    items: *const ItemSink,
    errors: *const ErrorSink,
) -> Status {
    // SAFETY: called as the ABI says, with an object of `create::<T>`.
    unsafe {
        guard(errors, || {
            let description = (*object.cast::<T>()).describe(channels(input, output))?;
            put(items, &to_json(&description)?, std::ptr::null())
        })
    }
}

unsafe extern "C" fn forward<T: DifferentiableNetwork>(
    object: Object,
    call: *const NetworkCall,
    items: *const ItemSink,
    errors: *const ErrorSink,
) -> Status {
    // SAFETY: called as the ABI says, with an object of `create::<T>`.
    unsafe {
        guard(errors, || {
            let output = read_network_call(call, |input| (*object.cast::<T>()).forward(input))?;
            put_numbers(items, &output.logits)?;
            output.seen.iter().try_for_each(|seen| put_numbers(items, seen))
        })
    }
}

unsafe extern "C" fn backward<T: DifferentiableNetwork>(
    object: Object,
    call: *const NetworkCall,
    slope: *const DLTensor,
    items: *const ItemSink,
    errors: *const ErrorSink,
) -> Status {
    // SAFETY: called as the ABI says, with an object of `create::<T>`.
    unsafe {
        guard(errors, || {
            let slope = read_numbers(slope, "the slope")?;
            let gradients = read_network_call(call, |input| (*object.cast::<T>()).backward(input, slope))?;
            gradients.iter().try_for_each(|gradient| put_numbers(items, gradient))
        })
    }
}
