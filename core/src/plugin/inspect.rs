use std::{fs::File, path::Path};

use object::{Object, ObjectKind, ObjectSegment, read::NameOrOrdinal, read::ReadCache};
use rl4seg_abi as abi;

use super::error::LoadError;

/// The symbol of the entry of the library at `path`, found without running any of its code.
pub(super) fn inspect(path: &Path) -> Result<String, LoadError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let cache = ReadCache::new(file);
    let library = object::File::parse(&cache).map_err(not_a_library)?;
    if library.kind() != ObjectKind::Dynamic {
        return Err(LoadError::NotALibrary(format!("its kind is {:?}", library.kind())));
    }
    let machine = format!("{:?}", library.architecture()).to_lowercase();
    if machine != std::env::consts::ARCH {
        return Err(LoadError::OtherMachine { found: machine, expected: std::env::consts::ARCH });
    }
    let ends = library.segments().map(|segment| segment.file_range()).map(|(start, size)| start.saturating_add(size));
    let expected = ends.max().unwrap_or(0);
    if expected > length {
        return Err(LoadError::Truncated { expected, found: length });
    }
    choose(entries(&library)?, path)
}

/// Every exported symbol that begins as an entry does, whatever its version.
fn entries<'data>(library: &impl Object<'data>) -> Result<Vec<String>, LoadError> {
    let mut found = Vec::new();
    for export in library.exports().map_err(not_a_library)? {
        let NameOrOrdinal::Name(name) = export.map_err(not_a_library)?.into_name() else { continue };
        let name = String::from_utf8_lossy(&name).into_owned();
        // Apple's linker puts an underscore in front of every C symbol.
        let name = if cfg!(target_vendor = "apple") { name.trim_start_matches('_').to_owned() } else { name };
        if name.starts_with(abi::ENTRY_STEM) {
            found.push(name);
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn choose(found: Vec<String>, path: &Path) -> Result<String, LoadError> {
    let first = found.first().ok_or(LoadError::NoEntry)?;
    let version = first[abi::ENTRY_STEM.len()..].split("__").next().unwrap_or_default().to_owned();
    let speaks =
        |name: &String| name.strip_prefix(abi::ENTRY).is_some_and(|rest| rest.is_empty() || rest.starts_with("__"));
    let mut ours: Vec<String> = found.into_iter().filter(speaks).collect();
    // A library that links another plugin crate exports that one's entry as well.
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name = stem.strip_prefix(std::env::consts::DLL_PREFIX).unwrap_or(stem).replace('-', "_");
    let own = format!("{}__{name}", abi::ENTRY);
    match ours.len() {
        0 => Err(LoadError::OtherAbi { found: version }),
        1 => Ok(ours.remove(0)),
        _ if ours.contains(&own) => Ok(own),
        _ => Err(LoadError::SeveralEntries(ours)),
    }
}

fn not_a_library(error: object::Error) -> LoadError {
    LoadError::NotALibrary(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &[&str]) -> Result<String, LoadError> {
        choose(names.iter().map(|&name| name.to_owned()).collect(), Path::new("/plugins/librl4seg_echo.so"))
    }

    #[test]
    fn the_entry_named_after_the_file_is_taken() {
        assert_eq!(chosen(&["rl4seg_plugin_v1"]).unwrap(), "rl4seg_plugin_v1");
        assert_eq!(chosen(&["rl4seg_plugin_v1__other"]).unwrap(), "rl4seg_plugin_v1__other");
        let two = ["rl4seg_plugin_v1__other", "rl4seg_plugin_v1__rl4seg_echo"];
        assert_eq!(chosen(&two).unwrap(), "rl4seg_plugin_v1__rl4seg_echo");
        assert!(matches!(chosen(&["rl4seg_plugin_v1__a", "rl4seg_plugin_v1__b"]), Err(LoadError::SeveralEntries(_))));
    }

    #[test]
    fn another_version_is_told_apart_from_no_plugin() {
        assert!(matches!(chosen(&[]), Err(LoadError::NoEntry)));
        for other in ["rl4seg_plugin_v2__rl4seg_echo", "rl4seg_plugin_v12"] {
            let error = chosen(&[other]).unwrap_err();
            assert!(matches!(error, LoadError::OtherAbi { .. }), "{error}");
        }
        assert!(chosen(&["rl4seg_plugin_v1__a", "rl4seg_plugin_v2__a"]).is_ok());
    }
}
