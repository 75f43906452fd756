//! Refuses a Python that cannot be embedded, and writes where its library lies into ours.
#![allow(clippy::print_stdout, reason = "this is how a build script answers cargo")]

fn main() {
    let python = pyo3_build_config::get();
    println!("cargo::rustc-env=RL4SEG_PYTHON_VERSION={}", python.version());
    if !python.shared() {
        println!(
            "cargo::error=Python {} at {} has no shared library (`--enable-shared`); compiled modules as NumPy would miss \
             its symbols. Name one that has with PYO3_PYTHON=/path/to/python3",
            python.version(),
            python.executable().unwrap_or("an unknown place"),
        );
        return;
    }
    pyo3_build_config::add_libpython_rpath_link_args();
}
