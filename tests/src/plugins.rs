//! Libraries to load: those that cargo built for these tests, and C sources.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

/// The library that cargo built of the plugin crate `name`, a dependency of this package: beside this
/// program.
///
/// # Errors
/// If it is not there.
pub fn built(name: &str) -> anyhow::Result<PathBuf> {
    let program = env::current_exe()?;
    let file = format!("{}{}{}", env::consts::DLL_PREFIX, name.replace('-', "_"), env::consts::DLL_SUFFIX);
    let path = program.parent().context("this program lies nowhere")?.join(file);
    ensure!(path.is_file(), "{} is not there: is the crate `{name}` a dependency of these tests?", path.display());
    Ok(path)
}

/// The library that cargo built as the example `name` of a package of the workspace.
///
/// # Errors
/// If it is not there.
pub fn built_example(name: &str) -> anyhow::Result<PathBuf> {
    let program = env::current_exe()?;
    let file = format!("{}{}{}", env::consts::DLL_PREFIX, name.replace('-', "_"), env::consts::DLL_SUFFIX);
    let folder = program.ancestors().nth(2).context("this program lies nowhere")?.join("examples");
    let path = folder.join(file);
    ensure!(path.is_file(), "{} is not there: run `cargo test --workspace`", path.display());
    Ok(path)
}

/// Compiles a C source of the repository to a library `file` with the macros `defines`, as `HANG`.
///
/// # Errors
/// If there is no C compiler, or it refuses the source.
pub fn compiled(source: &str, file: &Path, defines: &[&str]) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the package lies nowhere")?;
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-std=c11", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror"])
        .arg("-I")
        .arg(root.join("sdk/abi/include"))
        .args(defines.iter().map(|define| format!("-D{define}")))
        .arg("-o")
        .arg(file)
        .arg(root.join(source))
        .output()
        .context("`cc`, which cargo links with, cannot be run")?;
    ensure!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
