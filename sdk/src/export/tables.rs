use std::{ffi::c_void, mem::size_of, sync::Once};

use rl4seg_core::plugin::wire::{
    put, read_image, read_label_map, text, to_json, view_label_map, with_image, with_label_map, with_request,
};

use super::{
    abi::{
        self, CorrectorTable, DataSourceTable, DistortionGeneratorTable, ErrorSink, ItemSink, Object, Status, Str,
        ValidityMetricTable, Voxels,
    },
    guard,
};
use crate::{
    Component,
    component::{Corrector, DataSource, DistortionGenerator, Result, ValidityMetric},
    definition::make,
    domain::{CaseId, Seed},
    findings::require_finite,
};

/// The description of a data source.
#[must_use]
pub const fn data_source<T: Component + DataSource>() -> abi::Component {
    describe::<T>(abi::KIND_DATA_SOURCE, (&raw const *const { &Tables::<T>::DATA_SOURCE }).cast())
}

/// The description of a validity metric.
#[must_use]
pub const fn validity_metric<T: Component + ValidityMetric>() -> abi::Component {
    describe::<T>(abi::KIND_VALIDITY_METRIC, (&raw const *const { &Tables::<T>::VALIDITY_METRIC }).cast())
}

/// The description of a distortion generator.
#[must_use]
pub const fn distortion_generator<T: Component + DistortionGenerator>() -> abi::Component {
    describe::<T>(abi::KIND_DISTORTION_GENERATOR, (&raw const *const { &Tables::<T>::DISTORTION_GENERATOR }).cast())
}

/// The description of a corrector.
#[must_use]
pub const fn corrector<T: Component + Corrector>() -> abi::Component {
    describe::<T>(abi::KIND_CORRECTOR, (&raw const *const { &Tables::<T>::CORRECTOR }).cast())
}

pub(super) const fn describe<T: Component>(kind: u32, table: *const c_void) -> abi::Component {
    abi::Component {
        kind,
        // The component traits ask for `Send` and `Sync`.
        flags: abi::FLAG_THREAD_SAFE,
        id: Str::new(T::ID),
        doc: Str::new(T::DOC),
        create: create::<T>,
        destroy: destroy::<T>,
        table,
    }
}

struct Tables<T>(std::marker::PhantomData<T>);

impl<T: DataSource> Tables<T> {
    const DATA_SOURCE: DataSourceTable = DataSourceTable {
        size: size_of::<DataSourceTable>(),
        labels: Some(labels::<T>),
        cases: Some(cases::<T>),
        image: Some(image::<T>),
        reference: Some(reference::<T>),
    };
}

impl<T: ValidityMetric> Tables<T> {
    const VALIDITY_METRIC: ValidityMetricTable =
        ValidityMetricTable { size: size_of::<ValidityMetricTable>(), assess: Some(assess::<T>) };
}

impl<T: DistortionGenerator> Tables<T> {
    const DISTORTION_GENERATOR: DistortionGeneratorTable =
        DistortionGeneratorTable { size: size_of::<DistortionGeneratorTable>(), requests: Some(requests::<T>) };
}

impl<T: Corrector> Tables<T> {
    const CORRECTOR: CorrectorTable =
        CorrectorTable { size: size_of::<CorrectorTable>(), fit: Some(fit::<T>), candidates: Some(candidates::<T>) };
}

/// Keeps this library's own thread pool within what the host allows. Every library has its own copy
/// of rayon.
unsafe fn limit_threads(host: *const c_void) {
    static ONCE: Once = Once::new();
    // SAFETY: null, or a host's description, by the ABI.
    let Some(host) = (unsafe { host.cast::<abi::Host>().as_ref() }) else { return };
    let threads = host.threads.max(1) as usize;
    ONCE.call_once(|| {
        // In a program that links the plugin there is a pool already, and it is the host's.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    });
}

unsafe extern "C" fn create<T: Component>(
    config: Str,
    host: *const c_void,
    out: *mut *mut c_void,
    errors: *const ErrorSink,
) -> Status {
    let call = || {
        // SAFETY: called as the ABI says.
        let config = unsafe {
            limit_threads(host);
            text(config)
        };
        let made = Box::new(make::<T>(&config)?);
        // SAFETY: `out` may be written to.
        unsafe { out.write(Box::into_raw(made).cast()) };
        Ok(())
    };
    // SAFETY: called as the ABI says.
    unsafe { guard(errors, call) }
}

unsafe extern "C" fn destroy<T>(object: *mut c_void) {
    if object.is_null() {
        return;
    }
    let call = || {
        // SAFETY: made by `create::<T>`, and destroyed once.
        drop(unsafe { Box::from_raw(object.cast::<T>()) });
        Ok(())
    };
    // SAFETY: no sink.
    let _ = unsafe { guard(std::ptr::null(), call) };
}

unsafe extern "C" fn labels<T: DataSource>(object: Object, items: *const ItemSink, errors: *const ErrorSink) -> Status {
    // SAFETY: called as the ABI says, with an object of `create::<T>`.
    unsafe { guard(errors, || put(items, &to_json((*object.cast::<T>()).labels())?, std::ptr::null())) }
}

unsafe extern "C" fn cases<T: DataSource>(object: Object, items: *const ItemSink, errors: *const ErrorSink) -> Status {
    // SAFETY: called as the ABI says, with an object of `create::<T>`.
    unsafe { guard(errors, || put(items, &to_json(&(*object.cast::<T>()).cases()?)?, std::ptr::null())) }
}

unsafe extern "C" fn image<T: DataSource>(
    object: Object,
    case: Str,
    items: *const ItemSink,
    errors: *const ErrorSink,
) -> Status {
    // SAFETY: called as the ABI says, with an object of `create::<T>`.
    unsafe {
        guard(errors, || {
            let (image, facts) = (*object.cast::<T>()).image_and_facts(&CaseId(text(case).into_owned()))?;
            let facts = to_json(&facts)?;
            with_image(&image, |voxels| put(items, &facts, voxels))
        })
    }
}

unsafe extern "C" fn reference<T: DataSource>(
    object: Object,
    case: Str,
    items: *const ItemSink,
    errors: *const ErrorSink,
) -> Status {
    // SAFETY: called as the ABI says, with an object of `create::<T>`.
    unsafe {
        guard(errors, || match (*object.cast::<T>()).reference(&CaseId(text(case).into_owned()))? {
            Some(labels) => with_label_map(&labels, |voxels| put(items, "", voxels)),
            None => Ok(()),
        })
    }
}

unsafe extern "C" fn assess<T: ValidityMetric>(
    object: Object,
    labels: *const Voxels,
    items: *const ItemSink,
    errors: *const ErrorSink,
) -> Status {
    // SAFETY: called as the ABI says, with an object of `create::<T>`.
    unsafe {
        guard(errors, || {
            let findings = view_label_map(labels, |labels| (*object.cast::<T>()).assess(labels))?;
            findings.iter().try_for_each(require_finite)?;
            put(items, &to_json(&findings)?, std::ptr::null())
        })
    }
}

unsafe extern "C" fn requests<T: DistortionGenerator>(
    object: Object,
    image: *const Voxels,
    accepted: *const Voxels,
    seed: u64,
    items: *const ItemSink,
    errors: *const ErrorSink,
) -> Status {
    // SAFETY: called as the ABI says, with an object of `create::<T>`.
    unsafe {
        guard(errors, || {
            let (image, accepted) = (read_image(image)?, read_label_map(accepted)?);
            for request in (*object.cast::<T>()).requests(&image, &accepted, Seed(seed))? {
                with_request(&request, |json, voxels| put(items, json, voxels))?;
            }
            Ok(())
        })
    }
}

unsafe extern "C" fn fit<T: Corrector>(
    object: Object,
    references: *const Voxels,
    count: usize,
    errors: *const ErrorSink,
) -> Status {
    // SAFETY: called as the ABI says, with an object of `create::<T>` that no other call uses.
    unsafe {
        guard(errors, || {
            let references: Vec<_> =
                (0..count).map(|index| read_label_map(references.add(index))).collect::<Result<_>>()?;
            (*object.cast::<T>()).fit(&references)
        })
    }
}

unsafe extern "C" fn candidates<T: Corrector>(
    object: Object,
    labels: *const Voxels,
    items: *const ItemSink,
    errors: *const ErrorSink,
) -> Status {
    // SAFETY: called as the ABI says, with an object of `create::<T>`.
    unsafe {
        guard(errors, || {
            for candidate in (*object.cast::<T>()).candidates(&read_label_map(labels)?)? {
                with_label_map(&candidate, |voxels| put(items, "", voxels))?;
            }
            Ok(())
        })
    }
}
