//! The frozen C boundary between `rl4seg` and its plugins.
//!
//! Plugin authors who write Rust never see this crate: `rl4seg-sdk` wraps it. It is the contract
//! for everything else; `include/rl4seg_plugin.h`, which a test writes from this file, says the same in C.
//!
//! # What is frozen
//! Only `#[repr(C)]` structs of integers, floats, pointers and `extern "C"` functions cross.
//! Within ABI major 1:
//! - [`Descriptor`], [`Host`] and the tables of functions start with their size and grow at the
//!   end only. Each side reads the part it knows; a function beyond the other side's size is absent.
//! - every other struct never changes. [`FINGERPRINT`] sums up all sizes and offsets, and with the
//!   feature `abi_stable` the signatures of the callbacks are compared as well ([`layout`]).
//! - numbers (kinds, flags, statuses) are only ever added.
//!
//! # Rules of every call
//! - Whoever allocates frees. What goes in is borrowed for the call; what comes out is handed to a
//!   sink, which copies it before it returns.
//! - No panic and no exception crosses: a function ends with a [`Status`] and, if that is not
//!   [`STATUS_OK`], one text for each level of the error, outermost first, in the [`ErrorSink`].
//! - All randomness comes from the seed of the call, all parallel work stays within
//!   [`Host::threads`]. The same arguments give the same bytes.
//! - A component may be called from any thread; several at once only with [`FLAG_THREAD_SAFE`].
//! - Texts are UTF-8. Structured values are JSON, as the types of `rl4seg_core::domain` serialise.
#![no_std]

use core::{
    ffi::c_void,
    mem::{offset_of, size_of},
};

#[cfg(feature = "abi_stable")]
pub mod layout;

/// The first eight bytes of every descriptor: `RL4SEGPL` in ASCII, little endian.
pub const MAGIC: u64 = u64::from_le_bytes(*b"RL4SEGPL");
/// Changes only when old plugins can no longer be loaded. It is part of the entry's symbol.
pub const ABI_MAJOR: u32 = 1;
/// Grows with every function or number that is added.
pub const ABI_MINOR: u32 = 2;

/// The entry's symbol without its major version.
pub const ENTRY_STEM: &str = "rl4seg_plugin_v";
/// The symbol of the [`Entry`]: this alone, or followed by `__` and the name of the crate, so that
/// several plugins can be linked into one program.
pub const ENTRY: &str = "rl4seg_plugin_v1";
/// What stands instead of [`ENTRY`] in the symbol of the `abi_stable` header of a Rust plugin.
pub const LAYOUT_ENTRY: &str = "rl4seg_layout_v1";

/// What a call came to: [`STATUS_OK`] or what kind of failure it was.
pub type Status = i32;
/// Done.
pub const STATUS_OK: Status = 0;
/// A file, a case or a component that is not there.
pub const STATUS_NOT_FOUND: Status = 1;
/// It is there but cannot be read.
pub const STATUS_UNREADABLE: Status = 2;
/// It was read and contradicts itself or what belongs to it.
pub const STATUS_INCONSISTENT: Status = 3;
/// A setting that is missing, unknown or out of range.
pub const STATUS_CONFIGURATION: Status = 4;
/// The component does not do what was asked.
pub const STATUS_UNSUPPORTED: Status = 5;
/// The component panicked.
pub const STATUS_PANICKED: Status = 6;
/// A computation gave NaN or infinity.
pub const STATUS_NOT_FINITE: Status = 7;
/// Any other failure; a number that the host does not know reads as this one.
pub const STATUS_OTHER: Status = 8;

/// A [`DataSourceTable`].
pub const KIND_DATA_SOURCE: u32 = 1;
/// A [`ValidityMetricTable`].
pub const KIND_VALIDITY_METRIC: u32 = 2;
/// A [`DistortionGeneratorTable`].
pub const KIND_DISTORTION_GENERATOR: u32 = 3;
/// A [`CorrectorTable`].
pub const KIND_CORRECTOR: u32 = 4;
/// A [`NetworkArchitectureTable`]. Since 1.1.
pub const KIND_NETWORK_ARCHITECTURE: u32 = 5;
/// A [`DifferentiableNetworkTable`]. Since 1.1.
pub const KIND_DIFFERENTIABLE_NETWORK: u32 = 6;

/// Normalisation layers use what they have seen.
pub const STATISTICS_RUNNING: u32 = 0;
/// Normalisation layers use mean and variance of the images, and tell them.
pub const STATISTICS_BATCH: u32 = 1;

/// The component may be called by several threads at once.
pub const FLAG_THREAD_SAFE: u32 = 1;

/// A 2-D image: one entry along the slow axis.
pub const SLOW_SINGLE: u32 = 0;
/// The slow axis is depth; its spacing is in mm.
pub const SLOW_DEPTH: u32 = 1;
/// The slow axis is time; its spacing is in ms, 0 where it is not known.
pub const SLOW_TIME: u32 = 2;

/// The device type of host memory in DLPack.
pub const DL_CPU: i32 = 1;
/// The type of label maps: unsigned, 8 bits.
pub const DL_U8: DLDataType = DLDataType { code: 1, bits: 8, lanes: 1 };
/// The type of images: float, 32 bits.
pub const DL_F32: DLDataType = DLDataType { code: 2, bits: 32, lanes: 1 };

/// Where an array lies (DLPack 1).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "abi_stable", derive(abi_stable::StableAbi))]
pub struct DLDevice {
    /// [`DL_CPU`]; version 1 of the boundary knows no other.
    pub device_type: i32,
    /// 0.
    pub device_id: i32,
}

/// The type of an array's elements (DLPack 1).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "abi_stable", derive(abi_stable::StableAbi))]
pub struct DLDataType {
    /// 0 signed, 1 unsigned, 2 float.
    pub code: u8,
    /// Bits of one element.
    pub bits: u8,
    /// 1.
    pub lanes: u16,
}

/// A borrowed array in C order (DLPack 1).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "abi_stable", derive(abi_stable::StableAbi))]
pub struct DLTensor {
    /// The elements.
    pub data: *mut c_void,
    /// Where they lie.
    pub device: DLDevice,
    /// Number of axes.
    pub ndim: i32,
    /// What they are.
    pub dtype: DLDataType,
    /// Number of entries along each axis, slowest first.
    pub shape: *const i64,
    /// Null, or what C order gives.
    pub strides: *const i64,
    /// Where the first element lies, in bytes from `data`.
    pub byte_offset: u64,
}

/// The physical size of a voxel. There is no default: a plugin that does not know it reports an error.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "abi_stable", derive(abi_stable::StableAbi))]
pub struct Spacing {
    /// Along y, mm, above 0.
    pub y_mm: f64,
    /// Along x, mm, above 0.
    pub x_mm: f64,
    /// Along the slow axis, in the unit that `slow_kind` says; 0 with [`SLOW_SINGLE`].
    pub slow: f64,
    /// [`SLOW_SINGLE`], [`SLOW_DEPTH`] or [`SLOW_TIME`].
    pub slow_kind: u32,
    /// 0.
    pub reserved: u32,
}

/// A label map (`u8`, `[slow, y, x]`) or an image (`f32`, `[channel, slow, y, x]`) on its grid.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "abi_stable", derive(abi_stable::StableAbi))]
pub struct Voxels {
    /// The values.
    pub array: DLTensor,
    /// The size of a voxel.
    pub spacing: Spacing,
}

/// Borrowed UTF-8, without a zero at its end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "abi_stable", derive(abi_stable::StableAbi))]
pub struct Str {
    /// The first byte; may be null if `len` is 0.
    pub ptr: *const u8,
    /// Number of bytes.
    pub len: usize,
}

impl Str {
    /// The bytes of `text`, for as long as it lives.
    #[must_use]
    pub const fn new(text: &str) -> Self {
        Self { ptr: text.as_ptr(), len: text.len() }
    }
}

/// Takes an error, one text for each level, outermost first.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "abi_stable", derive(abi_stable::StableAbi))]
pub struct ErrorSink {
    /// For the receiver alone.
    pub context: *mut c_void,
    /// Takes one level.
    pub push: unsafe extern "C" fn(context: *mut c_void, message: Str),
}

/// Takes what a component gives: JSON, voxels, or both, as the function says.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "abi_stable", derive(abi_stable::StableAbi))]
pub struct ItemSink {
    /// For the receiver alone.
    pub context: *mut c_void,
    /// Takes one item; `json` may be empty, `voxels` null.
    pub put: unsafe extern "C" fn(context: *mut c_void, json: Str, voxels: *const Voxels),
}

/// A component's own data, known to its plugin alone.
pub type Object = *mut c_void;

/// What the host tells a component when it makes it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// `sizeof(Host)` of the host.
    pub size: usize,
    /// [`ABI_MINOR`] of the host.
    pub abi_minor: u32,
    /// How many threads this plugin may keep busy.
    pub threads: u32,
}

/// The functions of a data source. All are required.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DataSourceTable {
    /// `sizeof(DataSourceTable)` of the plugin.
    pub size: usize,
    /// Puts one item: its label set as JSON.
    pub labels: Option<unsafe extern "C" fn(Object, *const ItemSink, *const ErrorSink) -> Status>,
    /// Puts one item: its table of contents, a JSON array.
    pub cases: Option<unsafe extern "C" fn(Object, *const ItemSink, *const ErrorSink) -> Status>,
    /// Puts one item: the image of the case, and what else its file tells as a JSON object, or no JSON: `affine`, three rows from voxel
    /// index (x, y, z) to position in mm (RAS+), or null; `notes`, an array of sentences. JSON since 1.2.
    pub image: Option<unsafe extern "C" fn(Object, id: Str, *const ItemSink, *const ErrorSink) -> Status>,
    /// Puts one item, the expert's label map of the case, or none where there is none.
    pub reference: Option<unsafe extern "C" fn(Object, id: Str, *const ItemSink, *const ErrorSink) -> Status>,
}

/// The functions of a validity metric. All are required.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ValidityMetricTable {
    /// `sizeof(ValidityMetricTable)` of the plugin.
    pub size: usize,
    /// Puts one item: its findings, a JSON array.
    pub assess:
        Option<unsafe extern "C" fn(Object, labels: *const Voxels, *const ItemSink, *const ErrorSink) -> Status>,
}

/// The functions of a distortion generator. All are required.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DistortionGeneratorTable {
    /// `sizeof(DistortionGeneratorTable)` of the plugin.
    pub size: usize,
    /// Puts one item for each request: JSON with `name` and `kind`, which says what else there is:
    /// - `given`: the wrong label map as voxels;
    /// - `of_altered_image`: the altered image as voxels;
    /// - `of_noisy_policy`: `std` and `seed`;
    /// - `of_another_case`: `seed`.
    pub requests: Option<
        unsafe extern "C" fn(
            Object,
            image: *const Voxels,
            accepted: *const Voxels,
            seed: u64,
            *const ItemSink,
            *const ErrorSink,
        ) -> Status,
    >,
}

/// The functions of a corrector.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct CorrectorTable {
    /// `sizeof(CorrectorTable)` of the plugin.
    pub size: usize,
    /// Learns from `count` label maps. Absent from a corrector that learns nothing.
    pub fit: Option<unsafe extern "C" fn(Object, references: *const Voxels, count: usize, *const ErrorSink) -> Status>,
    /// Puts one item for each candidate: a label map, the most faithful first. Required.
    pub candidates:
        Option<unsafe extern "C" fn(Object, labels: *const Voxels, *const ItemSink, *const ErrorSink) -> Status>,
}

/// The functions of a network as data. All are required. Since 1.1.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NetworkArchitectureTable {
    /// `sizeof(NetworkArchitectureTable)` of the plugin.
    pub size: usize,
    /// Puts one item: the layers of a network with these channels, as JSON.
    pub architecture:
        Option<unsafe extern "C" fn(Object, input: u32, output: u32, *const ItemSink, *const ErrorSink) -> Status>,
}

/// What a network that its plugin computes is asked. All arrays are `f32`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NetworkCall {
    /// `sizeof(NetworkCall)` of the host.
    pub size: usize,
    /// `[plane, channel, y, x]`
    pub images: DLTensor,
    /// The parameters, as `describe` lists them.
    pub parameters: *const DLTensor,
    /// How many they are.
    pub parameter_count: usize,
    /// Channels of the logits.
    pub output: u32,
    /// [`STATISTICS_RUNNING`] or [`STATISTICS_BATCH`].
    pub statistics: u32,
}

/// The functions of a network that its plugin computes. All are required. Since 1.1.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DifferentiableNetworkTable {
    /// `sizeof(DifferentiableNetworkTable)` of the plugin.
    pub size: usize,
    /// Puts one item: the parameters of a network with these channels, as JSON.
    pub describe:
        Option<unsafe extern "C" fn(Object, input: u32, output: u32, *const ItemSink, *const ErrorSink) -> Status>,
    /// Puts one item, the logits `[plane, channel, y, x]`; with [`STATISTICS_BATCH`] then one for each running parameter:
    /// the mean or unbiased variance that was seen. Of the items' spacing nothing is read.
    pub forward:
        Option<unsafe extern "C" fn(Object, call: *const NetworkCall, *const ItemSink, *const ErrorSink) -> Status>,
    /// Puts one item for each parameter that learns: the gradient of the sum of `slope` times the logits.
    pub backward: Option<
        unsafe extern "C" fn(
            Object,
            call: *const NetworkCall,
            slope: *const DLTensor,
            *const ItemSink,
            *const ErrorSink,
        ) -> Status,
    >,
}

/// One component of a plugin.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "abi_stable", derive(abi_stable::StableAbi))]
pub struct Component {
    /// What it is, as [`KIND_DATA_SOURCE`]. A host skips what it does not know.
    pub kind: u32,
    /// [`FLAG_THREAD_SAFE`], or 0.
    pub flags: u32,
    /// Its name within the plugin.
    pub id: Str,
    /// One sentence for people.
    pub doc: Str,
    /// Makes one from `config`, a JSON object; `host` points at a [`Host`].
    pub create: unsafe extern "C" fn(
        config: Str,
        host: *const c_void,
        out: *mut *mut c_void,
        errors: *const ErrorSink,
    ) -> Status,
    /// Frees one.
    pub destroy: unsafe extern "C" fn(*mut c_void),
    /// The table of functions that `kind` says; its first field is its size.
    pub table: *const c_void,
}

/// What a plugin tells about itself. It lives as long as the library.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// [`MAGIC`].
    pub magic: u64,
    /// [`ABI_MAJOR`] of the plugin.
    pub abi_major: u32,
    /// [`ABI_MINOR`] of the plugin.
    pub abi_minor: u32,
    /// `sizeof(Descriptor)` of the plugin.
    pub size: usize,
    /// [`FINGERPRINT`] of the plugin.
    pub fingerprint: u64,
    /// The plugin's name, the first half of its components' ids.
    pub name: Str,
    /// The plugin's version.
    pub version: Str,
    /// What it was made with, as `rl4seg-sdk 0.1.0` or `C`.
    pub sdk: Str,
    /// Its components.
    pub components: *const Component,
    /// How many they are.
    pub component_count: usize,
    /// Puts one item, the modality as JSON. May be absent.
    pub modality: Option<unsafe extern "C" fn(*const ItemSink, *const ErrorSink) -> Status>,
    /// Puts one item, what may stand in the configuration of the component at this index of `components`, as a JSON
    /// Schema (2020-12) of an object; or none, where nothing is known of it. May be absent. Since 1.2.
    pub settings: Option<unsafe extern "C" fn(index: usize, *const ItemSink, *const ErrorSink) -> Status>,
}

impl Descriptor {
    /// The size of the oldest version's.
    pub const LEAST_SIZE: usize = offset_of!(Self, settings);
}

/// The one function that a plugin exports: hands over its descriptor. `host` points at a [`Host`].
pub type Entry =
    unsafe extern "C" fn(host: *const Host, out: *mut *const Descriptor, errors: *const ErrorSink) -> Status;

// SAFETY: a component's description is never written to after it was made, and its functions may be
// called from any thread by the rules above.
#[allow(unsafe_code, reason = "a description holds pointers to constants")]
unsafe impl Sync for Component {}

// SAFETY: as for `Component`.
#[allow(unsafe_code, reason = "a description holds pointers to constants")]
unsafe impl Sync for Descriptor {}

/// A sum (FNV-1a over words) of the sizes and offsets of the frozen structs: differs where a
/// compiler or a header lays them out differently.
pub const FINGERPRINT: u64 = {
    let layout = [
        size_of::<usize>(),
        size_of::<DLTensor>(),
        offset_of!(DLTensor, ndim),
        offset_of!(DLTensor, shape),
        offset_of!(DLTensor, byte_offset),
        size_of::<Spacing>(),
        offset_of!(Spacing, slow_kind),
        size_of::<Voxels>(),
        offset_of!(Voxels, spacing),
        size_of::<Str>(),
        size_of::<ErrorSink>(),
        size_of::<ItemSink>(),
        size_of::<Component>(),
        offset_of!(Component, id),
        offset_of!(Component, create),
        offset_of!(Component, table),
        offset_of!(Descriptor, fingerprint),
        offset_of!(Descriptor, components),
        offset_of!(Descriptor, modality),
    ];
    let mut sum: u64 = 0xcbf2_9ce4_8422_2325;
    let mut index = 0;
    while index < layout.len() {
        sum = (sum ^ layout[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        index += 1;
    }
    sum
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_bears_the_version_of_the_boundary() {
        assert_eq!(env!("CARGO_PKG_VERSION_MAJOR").parse(), Ok(ABI_MAJOR));
        assert_eq!(env!("CARGO_PKG_VERSION_MINOR").parse(), Ok(ABI_MINOR));
    }
}
