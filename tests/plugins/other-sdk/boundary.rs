//! Writes the boundary as another SDK has it: `sdk/abi` with one thing changed.
#![allow(clippy::print_stdout, reason = "how a build script speaks to cargo")]

use std::{env, error::Error, fs, path::Path};

/// What is changed, by the name of the package.
const CHANGES: [(&str, &str, &str); 2] = [
    ("rl4seg-changed", "fn(context: *mut c_void, message: Str)", "fn(context: *mut c_void, message: f32)"),
    ("rl4seg-newer", "ABI_MINOR: u32 = 2", "ABI_MINOR: u32 = 3"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let package = env::var("CARGO_PKG_NAME")?;
    let change = CHANGES.iter().find(|(of, ..)| *of == package);
    let (_, from, to) = change.ok_or_else(|| format!("no change is known for {package}"))?;
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../../../sdk/abi/src");
    let [boundary, layout] = ["lib.rs", "layout.rs"].map(|file| folder.join(file));
    for file in [&boundary, &layout] {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    let (boundary, layout) = (body(&boundary)?, body(&layout)?.replace("crate::", "super::"));
    if !boundary.contains(from) {
        return Err(format!("sdk/abi/src/lib.rs no longer says `{from}`; change boundary.rs accordingly").into());
    }
    let text = boundary.replace(from, to).replace("pub mod layout;", &format!("pub mod layout {{\n{layout}\n}}"));
    fs::write(Path::new(&env::var("OUT_DIR")?).join("boundary.rs"), text)?;
    // `abi_stable` compares structs of one package.
    println!("cargo::rustc-env=CARGO_PKG_NAME=rl4seg-abi");
    Ok(())
}

/// A file without what may stand at the head of a crate alone.
fn body(file: &Path) -> Result<String, Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    let inner =
        |line: &&str| !line.starts_with("//!") && !line.starts_with("#![") && !line.starts_with("#[cfg(feature");
    let lines: Vec<&str> = text.lines().filter(inner).collect();
    Ok(lines.join("\n").replace(
        "#[cfg_attr(feature = \"abi_stable\", derive(abi_stable::StableAbi))]",
        "#[derive(abi_stable::StableAbi)]",
    ))
}
