//! The interpreter of this process, started once and never ended.

use std::sync::OnceLock;

use pyo3::prelude::*;
use rl4seg_sdk::component::{ComponentError, ErrorKind, Result};

/// Starts Python unless it runs. Callers attach to it for as long as they need it; between calls no thread holds it.
///
/// # Errors
/// If the symbols of libpython cannot be made visible to compiled modules.
pub(crate) fn start() -> Result<()> {
    static STARTED: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    let started = STARTED.get_or_init(|| {
        make_symbols_visible()?;
        let is_ours = Python::try_attach(|_| ()).is_none();
        Python::initialize();
        if is_ours { Python::attach(print_to_stderr).map_err(|error| error.to_string()) } else { Ok(()) }
    });
    started.clone().map_err(|message| ComponentError::new(ErrorKind::Unsupported, message))
}

/// Standard output belongs to the answers of the program; what a metric prints must not stand among them.
fn print_to_stderr(py: Python<'_>) -> PyResult<()> {
    let sys = py.import("sys")?;
    sys.setattr("stdout", sys.getattr("stderr")?)
}

/// Opens libpython again for all. A plugin is opened RTLD_LOCAL, and what it needs with it; a compiled Python module
/// expects the symbols of libpython in the process, and fails with `undefined symbol: PyFloat_Type`.
#[cfg(unix)]
#[allow(unsafe_code, reason = "asks the dynamic linker")]
fn make_symbols_visible() -> std::result::Result<(), String> {
    use std::ffi::{CStr, c_void};

    let within = pyo3::ffi::Py_IsInitialized as *const c_void;
    let mut place = libc::Dl_info {
        dli_fname: std::ptr::null(),
        dli_fbase: std::ptr::null_mut(),
        dli_sname: std::ptr::null(),
        dli_saddr: std::ptr::null_mut(),
    };
    // SAFETY: `dladdr` takes any address and writes to the struct, which outlives the call.
    let is_found = unsafe { libc::dladdr(within, &raw mut place) } != 0;
    if !is_found || place.dli_fname.is_null() {
        return Err("the library of Python that this process has loaded cannot be found; build the plugin against a \
                    Python with a shared library"
            .to_owned());
    }
    // SAFETY: the name is that of a loaded library, which ends in 0 and lives as long as the library, and RTLD_NOLOAD runs
    // no code of it. The handle is never closed.
    let handle = unsafe { libc::dlopen(place.dli_fname, libc::RTLD_NOW | libc::RTLD_GLOBAL | libc::RTLD_NOLOAD) };
    if !handle.is_null() {
        return Ok(());
    }
    // SAFETY: as above.
    let file = unsafe { CStr::from_ptr(place.dli_fname) }.to_string_lossy();
    Err(format!(
        "{file}, the library of Python, cannot be opened again for compiled modules as NumPy; build the plugin against a \
         Python with a shared library"
    ))
}

/// Other systems look symbols up by library.
#[cfg(not(unix))]
fn make_symbols_visible() -> std::result::Result<(), String> {
    Ok(())
}
