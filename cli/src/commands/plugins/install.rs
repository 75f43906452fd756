//! The user's plugin folder: what is put there and taken away.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use rl4seg_core::{
    io::write_atomically,
    plugin::{Catalog, PluginInfo},
};
use serde::Serialize;

use super::show::{only, why_not};
use crate::{args::GlobalArgs, catalog, output};

/// What was done to the plugin folder.
#[derive(Debug, Serialize)]
struct Change<'a> {
    plugin: &'a str,
    version: Option<&'a str>,
    path: &'a Path,
    sha256: Option<&'a str>,
}

pub fn install(library: &Path, replace: bool, global: &GlobalArgs) -> anyhow::Result<()> {
    let path = fs::canonicalize(library).with_context(|| format!("{}: cannot be opened", library.display()))?;
    ensure!(path.is_file(), "{}: is a folder; expected a library", library.display());
    let catalog = Catalog::discover(&only(&path, catalog::search(global)?));
    let found = catalog.plugins().iter().find(|plugin| plugin.path.as_ref() == Some(&path));
    let plugin = found.with_context(|| why_not(&catalog, &library.display().to_string()))?;
    let file = path.file_name().context("the library has no file name")?;
    let target = folder(global)?.join(file);
    let earlier = earlier(plugin, &target, replace, global)?;
    let bytes = fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).with_context(|| format!("{}: cannot be made", parent.display()))?;
    }
    write_atomically(&target, &bytes)?;
    if let Some(earlier) = earlier.filter(|earlier| *earlier != target) {
        fs::remove_file(&earlier).with_context(|| format!("{}: cannot be removed", earlier.display()))?;
    }
    let sha256 = plugin.sha256()?;
    let PluginInfo { name, version, .. } = plugin;
    let change = Change { plugin: name, version: Some(version), path: &target, sha256: sha256.as_deref() };
    output::result(global.json, &change, || {
        let sha256 = sha256.as_deref().unwrap_or_default();
        format!("installed {name} {version} as {}\nSHA-256 {sha256}\n", target.display())
    })
}

/// The library that the new one takes the place of.
///
/// # Errors
/// If there is one and it may not be replaced.
fn earlier(plugin: &PluginInfo, target: &Path, replace: bool, global: &GlobalArgs) -> anyhow::Result<Option<PathBuf>> {
    let folder = folder(global)?;
    let catalog = Catalog::discover(&catalog::search(global)?);
    let known = catalog.plugins().iter().find(|known| known.name == plugin.name);
    let known = known.map(|known| (known.path.as_deref(), known.version.as_str()));
    match known {
        Some((Some(path), version)) if is_in(path, &folder) => {
            let same = fs::canonicalize(target).is_ok_and(|target| target == path);
            ensure!(
                replace,
                "the plugin `{}` {version} is installed already; give --replace to put {} in its place",
                plugin.name,
                plugin.version
            );
            Ok((!same).then(|| path.to_owned()))
        }
        Some((path, version)) => bail!(
            "the plugin `{}` {version} comes from {} and hides one of the same name in the plugin folder; rename the crate",
            plugin.name,
            path.map_or_else(|| "this program".to_owned(), |path| path.display().to_string())
        ),
        None => {
            ensure!(
                replace || !target.exists(),
                "{} is there already and is another plugin's; give --replace to overwrite it, or rename the library",
                target.display()
            );
            Ok(None)
        }
    }
}

pub fn remove(wanted: &str, global: &GlobalArgs) -> anyhow::Result<()> {
    let folder = folder(global)?;
    let catalog = Catalog::discover(&catalog::search(global)?);
    let by_name = catalog.plugins().iter().find(|plugin| plugin.name == wanted).map(|plugin| plugin.path.clone());
    let path = match by_name {
        Some(Some(path)) if is_in(&path, &folder) => path,
        Some(path) => bail!(
            "the plugin `{wanted}` comes from {}, not from the plugin folder {}: it cannot be removed from there",
            path.map_or_else(|| "this program".to_owned(), |path| path.display().to_string()),
            folder.display()
        ),
        None => refused_file(wanted, &folder)?,
    };
    fs::remove_file(&path).with_context(|| format!("{}: cannot be removed", path.display()))?;
    let change = Change { plugin: wanted, version: None, path: &path, sha256: None };
    output::result(global.json, &change, || format!("removed {}\n", path.display()))
}

/// A file of the plugin folder by its name: one that is refused has no other.
fn refused_file(wanted: &str, folder: &Path) -> anyhow::Result<PathBuf> {
    let is_a_name = Path::new(wanted).file_name().is_some_and(|name| name == wanted);
    let path = folder.join(wanted);
    ensure!(
        is_a_name && path.is_file(),
        "no plugin is called `{wanted}`, and there is no such file in {}; `rl4seg plugins list` shows all",
        folder.display()
    );
    Ok(path)
}

fn folder(global: &GlobalArgs) -> anyhow::Result<PathBuf> {
    catalog::search(global)?.user.context(
        "there is no plugin folder: neither XDG_DATA_HOME nor HOME is set; set one, or name the library's folder with \
         --plugin-path",
    )
}

fn is_in(path: &Path, folder: &Path) -> bool {
    fs::canonicalize(folder).is_ok_and(|folder| path.parent() == Some(&folder))
}
