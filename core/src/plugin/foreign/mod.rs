//! Components of a loaded plugin as native ones.
#![allow(unsafe_code, reason = "calls the functions of a plugin")]

mod corrector;
mod data_source;
mod distortion_generator;
mod network;
mod validity_metric;

use std::{
    ffi::c_void,
    mem::{MaybeUninit, size_of},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rl4seg_abi as abi;

use super::{
    watch::UnderWay,
    wire::{collect_error, collect_items},
};
use crate::component::{ComponentError, ComponentKind, ErrorKind, Result};

pub(super) use self::{
    corrector::corrector,
    data_source::data_source,
    distortion_generator::distortion_generator,
    network::{differentiable_network, network_architecture},
    validity_metric::validity_metric,
};

/// Where a foreign component comes from.
#[derive(Clone)]
pub(super) struct Origin {
    pub kind: ComponentKind,
    /// `plugin/component`.
    pub id: String,
    pub component: abi::Component,
}

// SAFETY: a component's description is constant, and lives as long as its library, which is never
// closed.
unsafe impl Send for Origin {}
// SAFETY: as above.
unsafe impl Sync for Origin {}

/// What plugins are told about this program. Their threads are as many as this program's own pool
/// has where the component is made.
pub(super) fn host() -> abi::Host {
    let threads = u32::try_from(rayon::current_num_threads()).unwrap_or(1);
    abi::Host { size: size_of::<abi::Host>(), abi_minor: abi::ABI_MINOR, threads }
}

/// A component of a plugin, with the functions of its kind.
struct Foreign<T> {
    id: Arc<str>,
    object: abi::Object,
    destroy: unsafe extern "C" fn(abi::Object),
    table: T,
    /// Present where only one thread may call at a time.
    turn: Option<Mutex<()>>,
}

// SAFETY: a component may be called from any thread; `turn` keeps calls apart where it must.
unsafe impl<T> Send for Foreign<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Foreign<T> {}

impl<T: Copy> Foreign<T> {
    /// Makes the component from its configuration, a JSON object.
    fn new(origin: &Origin, config: &str) -> Result<Self> {
        let Origin { id, component, .. } = origin;
        let id: Arc<str> = id.as_str().into();
        let _under_way = UnderWay::begin(&id);
        let host = host();
        let mut object = std::ptr::null_mut();
        collect_error(|errors| {
            // SAFETY: called as the ABI says, with pointers that outlive the call.
            unsafe { (component.create)(abi::Str::new(config), (&raw const host).cast(), &raw mut object, errors) }
        })
        .map_err(|error| in_component(&id, error))?;
        Ok(Self {
            id: Arc::clone(&id),
            object,
            destroy: component.destroy,
            // SAFETY: `T` is the table of the component's kind.
            table: unsafe { table(component.table) },
            turn: (component.flags & abi::FLAG_THREAD_SAFE == 0).then(Mutex::default),
        })
    }

    /// Calls a function that gives nothing but a status.
    fn call(&self, call: impl FnOnce(abi::Object, *const abi::ErrorSink) -> abi::Status) -> Result<()> {
        let _turn = self.turn();
        let _under_way = UnderWay::begin(&self.id);
        collect_error(|errors| call(self.object, errors)).map_err(|error| in_component(&self.id, error))
    }

    /// Calls a function that puts items; `take` sees each.
    fn items(
        &self,
        call: impl FnOnce(abi::Object, *const abi::ItemSink, *const abi::ErrorSink) -> abi::Status,
        mut take: impl FnMut(&str, *const abi::Voxels) -> Result<()>,
    ) -> Result<()> {
        let _turn = self.turn();
        let _under_way = UnderWay::begin(&self.id);
        let take = |json: &str, voxels| take(json, voxels).map_err(broken);
        collect_items(|items, errors| call(self.object, items, errors), take)
            .map_err(|error| in_component(&self.id, error))
    }

    /// Calls a function that puts at most one item.
    fn item<R>(
        &self,
        call: impl FnOnce(abi::Object, *const abi::ItemSink, *const abi::ErrorSink) -> abi::Status,
        mut read: impl FnMut(&str, *const abi::Voxels) -> Result<R>,
    ) -> Result<Option<R>> {
        let mut item = None;
        self.items(call, |json, voxels| match item {
            None => {
                item = Some(read(json, voxels)?);
                Ok(())
            }
            Some(_) => Err(ComponentError::new(ErrorKind::Inconsistent, "it gave several results instead of one")),
        })?;
        Ok(item)
    }

    /// Calls a function that puts one item.
    fn one_item<R>(
        &self,
        call: impl FnOnce(abi::Object, *const abi::ItemSink, *const abi::ErrorSink) -> abi::Status,
        read: impl FnMut(&str, *const abi::Voxels) -> Result<R>,
    ) -> Result<R> {
        let nothing = || ComponentError::new(ErrorKind::BrokenPromise, "it gave no result");
        self.item(call, read)?.ok_or_else(|| in_component(&self.id, nothing()))
    }

    fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        // A panic of another thread cannot have come from the plugin: it would be an error here.
        self.turn.as_ref().map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Checks one of the table's required functions.
    fn required<F>(&self, function: Option<F>, name: &str) -> Result<F> {
        function.ok_or_else(|| {
            let missing = ComponentError::new(ErrorKind::Unsupported, format!("it lacks the function `{name}`"));
            in_component(&self.id, missing)
        })
    }
}

impl<T> Drop for Foreign<T> {
    fn drop(&mut self) {
        // SAFETY: made by the same component, and dropped once.
        unsafe { (self.destroy)(self.object) }
    }
}

/// An error in what a component gave, which is not the component's own word.
fn broken(error: ComponentError) -> ComponentError {
    if error.kind() == ErrorKind::Inconsistent { error.of_kind(ErrorKind::BrokenPromise) } else { error }
}

/// Says where an error comes from.
fn in_component(id: &str, error: ComponentError) -> ComponentError {
    let what = if error.kind() == ErrorKind::Panicked { "panicked" } else { "failed" };
    error.context(format!("the plugin component `{id}` {what}"))
}

/// Reads as much of a table as both sides know: a function that an older plugin does not have is
/// absent, one that only a newer plugin has is left out.
///
/// # Safety
/// `table` points at the plugin's version of `T`, a `repr(C)` struct of its size and of functions
/// that may be absent.
unsafe fn table<T: Copy>(table: *const c_void) -> T {
    // SAFETY: the first field is the size of the plugin's table.
    unsafe { known_part(table, table.cast::<usize>().read()) }
}

/// The first `size` bytes of a struct, of which this program knows `T` and the plugin perhaps more or less.
///
/// # Safety
/// `theirs` points at `size` bytes of a `repr(C)` struct that begins as `T` does; all zeros are a value of each field of
/// `T` that may be missing.
pub(super) unsafe fn known_part<T: Copy>(theirs: *const c_void, size: usize) -> T {
    let mut known = MaybeUninit::<T>::zeroed();
    // SAFETY: no more than `size` is read, and no more than our size is written.
    unsafe {
        std::ptr::copy_nonoverlapping(theirs.cast::<u8>(), known.as_mut_ptr().cast(), size.min(size_of::<T>()));
        known.assume_init()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    #[repr(C)]
    struct Old {
        size: usize,
        first: Option<extern "C" fn() -> i32>,
    }
    #[derive(Clone, Copy)]
    #[repr(C)]
    struct New {
        size: usize,
        first: Option<extern "C" fn() -> i32>,
        second: Option<extern "C" fn() -> i32>,
    }

    extern "C" fn one() -> i32 {
        1
    }

    #[test]
    fn an_old_table_lacks_what_was_added_and_a_new_one_keeps_what_was_there() {
        let old = Old { size: size_of::<Old>(), first: Some(one) };
        // SAFETY: both are tables of functions.
        let read = unsafe { table::<New>((&raw const old).cast()) };
        assert_eq!(read.first.unwrap()(), 1);
        assert!(read.second.is_none());
        let new = New { size: size_of::<New>(), first: Some(one), second: Some(one) };
        // SAFETY: as above.
        let read = unsafe { table::<Old>((&raw const new).cast()) };
        assert_eq!(read.first.unwrap()(), 1);
    }
}
