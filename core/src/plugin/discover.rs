use std::{
    collections::BTreeSet,
    env, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    error::LoadError,
    inspect::inspect,
    load::{LoadedPlugin, load},
    probe::probe,
    trust::TrustList,
};

/// The environment variable with the folders that a user wants searched, separated as in `PATH`.
pub const PATH_VARIABLE: &str = "RL4SEG_PLUGIN_PATH";

/// The environment variable with the file that lists the libraries that may be loaded ([`TrustList`]).
pub const TRUST_VARIABLE: &str = "RL4SEG_TRUSTED_PLUGINS";

/// Where plugins are searched, and how carefully they are loaded.
///
/// Every folder is searched, in this order: `named`, `own`, `user`. If two files offer a plugin of
/// the same name, the first is loaded and the second is refused.
#[derive(Debug, Clone)]
pub struct DiscoverOptions {
    /// Folders, or single libraries, that the user named. A library there that is no plugin is reported as refused, and so
    /// is a folder that is not there.
    pub named: Vec<PathBuf>,
    /// The program's own folders. Libraries there that are no plugins are passed over, but for damaged ones that are called
    /// as a plugin of ours; and so is a file whose name was found in an earlier one of them: `cargo` leaves copies of what it built.
    pub own: Vec<PathBuf>,
    /// The user's plugin folder. As `named`, but need not be there.
    pub user: Option<PathBuf>,
    /// The program that offers [`PROBE_COMMAND`](super::PROBE_COMMAND) and loads every library on
    /// trial. `None` loads them at once: a library that crashes then takes this program with it.
    pub probe: Option<PathBuf>,
    /// How long a library may take to load on trial.
    pub time_limit: Duration,
    /// The only libraries that may be loaded; `None`: all.
    pub trusted: Option<TrustList>,
}

impl DiscoverOptions {
    /// No folder at all, no trial, 5 s.
    #[must_use]
    pub fn nowhere() -> Self {
        Self {
            named: Vec::new(),
            own: Vec::new(),
            user: None,
            probe: None,
            time_limit: Duration::from_secs(5),
            trusted: None,
        }
    }

    /// The folders of [`PATH_VARIABLE`]; the folder of this program, its `deps` and `plugins`; and
    /// `rl4seg/plugins` in the user's data folder (XDG base directory specification). No trial.
    #[must_use]
    pub fn standard() -> Self {
        let named = env::var_os(PATH_VARIABLE).unwrap_or_default();
        // An empty variable is one empty folder to `split_paths`.
        let named = env::split_paths(&named).filter(|folder| !folder.as_os_str().is_empty()).collect();
        Self { named, own: own_folders(), user: user_folder(), ..Self::nowhere() }
    }

    /// Tries every library in a child process of `program` first.
    #[must_use]
    pub fn probing_with(self, program: PathBuf) -> Self {
        Self { probe: Some(program), ..self }
    }

    /// Every plugin that can be loaded and is not one of those that `is_linked` knows by name.
    pub(super) fn search(&self, is_linked: &dyn Fn(&str) -> bool) -> Found {
        let mut found = Found::default();
        for folder in &self.named {
            self.search_folder(folder, Strictness::Named, is_linked, &mut found);
        }
        for folder in &self.own {
            self.search_folder(folder, Strictness::Own, is_linked, &mut found);
        }
        if let Some(folder) = self.user.as_ref().filter(|folder| folder.is_dir()) {
            self.search_folder(folder, Strictness::Named, is_linked, &mut found);
        }
        found
    }

    fn search_folder(
        &self,
        folder: &Path,
        strictness: Strictness,
        is_linked: &dyn Fn(&str) -> bool,
        found: &mut Found,
    ) {
        let files = match libraries(folder) {
            Ok(files) => files,
            Err(error) => {
                if strictness == Strictness::Named {
                    found.refused.push((folder.to_path_buf(), LoadError::Folder(error)));
                }
                return;
            }
        };
        for path in files {
            let name = path.file_name().unwrap_or_default().to_owned();
            let seen = strictness == Strictness::Own && found.own_names.contains(&name);
            let Some(canonical) =
                fs::canonicalize(&path).ok().filter(|canonical| !seen && found.files.insert(canonical.clone()))
            else {
                continue;
            };
            match self.open(&canonical, strictness, is_linked) {
                Ok(None) => {}
                Ok(Some(plugin)) => {
                    if strictness == Strictness::Own {
                        found.own_names.insert(name);
                    }
                    found.plugins.push(plugin);
                }
                Err(error) => found.refused.push((path, error)),
            }
        }
    }

    fn open(
        &self,
        path: &Path,
        strictness: Strictness,
        is_linked: &dyn Fn(&str) -> bool,
    ) -> Result<Option<LoadedPlugin>, LoadError> {
        let entry = match inspect(path) {
            Err(LoadError::NoEntry) if strictness == Strictness::Own => return Ok(None),
            Err(LoadError::NotALibrary(_)) if strictness == Strictness::Own && !is_called_as_ours(path) => {
                return Ok(None);
            }
            entry => entry?,
        };
        // The entry bears the name of the crate, so a plugin that is linked need not be opened again.
        if entry.split_once("__").is_some_and(|(_, krate)| is_linked(&plugin_name(krate))) {
            return Ok(None);
        }
        if let Some(trusted) = &self.trusted {
            trusted.require(path)?;
        }
        if let Some(program) = &self.probe {
            probe(program, path, self.time_limit)?;
        }
        load(path, &entry).map(Some)
    }
}

/// How a folder's other files are treated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    /// All libraries there should be plugins.
    Named,
    /// Other libraries lie there as well.
    Own,
}

/// What a search came to.
#[derive(Default)]
pub(super) struct Found {
    pub plugins: Vec<LoadedPlugin>,
    pub refused: Vec<(PathBuf, LoadError)>,
    files: BTreeSet<PathBuf>,
    own_names: BTreeSet<std::ffi::OsString>,
}

/// The name of a plugin from that of its crate.
fn plugin_name(krate: &str) -> String {
    krate.strip_prefix("rl4seg_").unwrap_or(krate).replace('_', "-")
}

/// Whether a file has the name that a plugin of this project is given.
fn is_called_as_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(&format!("{}rl4seg_", env::consts::DLL_PREFIX))
}

/// The shared libraries of a folder, by name; a file stands for itself.
fn libraries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if folder.is_file() {
        return Ok(vec![folder.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == env::consts::DLL_EXTENSION) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn own_folders() -> Vec<PathBuf> {
    let program = env::current_exe().and_then(fs::canonicalize).ok();
    let Some(folder) = program.as_deref().and_then(Path::parent) else { return Vec::new() };
    // Tests and examples lie one folder below the programs and libraries they were built with.
    let below = folder.file_name().is_some_and(|name| name == "deps" || name == "examples");
    let home = if below { folder.parent().unwrap_or(folder) } else { folder };
    // What cargo built last lies in `deps`; a copy one folder up may be older.
    [home.join("deps"), home.to_path_buf(), home.join("plugins")].into_iter().filter(|folder| folder.is_dir()).collect()
}

fn user_folder() -> Option<PathBuf> {
    let absolute = |variable: &str| env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(data.join("rl4seg").join("plugins"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_plugin_beside_the_program_is_told_of_and_other_libraries_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let library = |name: &str| {
            let path = folder.path().join(format!("{}{name}{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX));
            fs::write(&path, "cut short").unwrap();
            path
        };
        library("z");
        let ours = library("rl4seg_echo");
        let options = DiscoverOptions { own: vec![folder.path().to_owned()], ..DiscoverOptions::nowhere() };
        let refused = options.search(&|_| false).refused;
        assert!(matches!(&refused[..], [(path, LoadError::NotALibrary(_))] if *path == ours), "{refused:?}");
    }
}
