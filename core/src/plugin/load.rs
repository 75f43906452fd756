#![allow(unsafe_code, reason = "opens a library and reads its description")]

use std::{
    error::Error as _,
    fs, io,
    mem::{ManuallyDrop, size_of},
    path::{Path, PathBuf},
};

use abi_stable::library::AbiHeaderRef;
use libloading::Library;
use rl4seg_abi as abi;
use rl4seg_abi::layout::FrozenRef;
use sha2::{Digest, Sha256};

use super::{
    catalog::{ComponentInfo, PluginInfo},
    error::LoadError,
    foreign::{self, Origin},
    told::{modality, settings},
    wire::{collect_error, text},
};
use crate::component::ComponentKind;

/// A plugin whose library was opened for good.
pub struct LoadedPlugin {
    pub(super) info: PluginInfo,
    pub(super) origins: Vec<Origin>,
}

/// Opens the library at `path` and reads the description behind its `entry`. Never closes it.
///
/// # Errors
/// If the system does not open it, its layouts are others, or its description makes no sense.
pub fn load(path: &Path, entry: &str) -> Result<LoadedPlugin, LoadError> {
    // A bare file name would be looked up in the system's folders.
    let path = fs::canonicalize(path)?;
    let library = open(&path)?;
    check_layout(&library, entry)?;
    let descriptor = describe(&library, entry)?;
    check_version(&descriptor)?;
    read(&descriptor, path)
}

fn open(path: &Path) -> Result<ManuallyDrop<Library>, LoadError> {
    let refused = |error: libloading::Error| {
        LoadError::Open(error.source().map_or_else(|| error.to_string(), ToString::to_string))
    };
    #[cfg(unix)]
    let library = {
        use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
        // RTLD_NOW: a symbol that is missing refuses the library, and does not end the process later.
        // SAFETY: the initialisers of a plugin are trusted as the plugin is.
        unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map(libloading::Library::from)
    };
    #[cfg(not(unix))]
    // SAFETY: the initialisers of a plugin are trusted as the plugin is.
    let library = unsafe { Library::new(path) };
    // Its initialisers have run, so it stays open even if it is refused below.
    library.map(ManuallyDrop::new).map_err(refused)
}

/// Compares the frozen structs of a Rust plugin with ours. Other plugins have no such header.
fn check_layout(library: &Library, entry: &str) -> Result<(), LoadError> {
    let symbol = entry.replacen(abi::ENTRY, abi::LAYOUT_ENTRY, 1);
    // SAFETY: a symbol of this name is a header of `abi_stable`, whose first bytes say its version.
    let Ok(header) = (unsafe { library.get::<AbiHeaderRef>(symbol.as_bytes()) }) else { return Ok(()) };
    let checked = (*header).upgrade().and_then(|header| header.init_root_module::<FrozenRef>());
    checked.map(|_| ()).map_err(|error| LoadError::OtherLayout(gist(&error.to_string())))
}

/// What differs and where, from a report of `abi_stable` that holds the whole layout: `ErrorSink.push param_1:
/// mismatched type Expected: Str Found: f32`.
fn gist(report: &str) -> String {
    // Errors stand innermost last, each after the fields that lead to it.
    let last = report.rsplit("error(s)").next().unwrap_or(report);
    let (path, what) = last.split_once("Error:").unwrap_or(("", last));
    let path = path.split("Layout of expected type:").next().unwrap_or_default();
    let (mut place, mut owner) = (String::new(), "");
    for line in path.lines().map(str::trim) {
        if let Some(of) = line.strip_prefix("type:") {
            owner = of.trim();
        } else if let Some(name) = line.strip_prefix("field_name:") {
            // What leads to the struct is ours: the one function of the root module and its parameters.
            let ours = name == "structs" || name.bytes().all(|byte| byte.is_ascii_digit());
            match name.starts_with("param_") {
                true if place.is_empty() => {}
                true => place.push_str(&format!(" {name}")),
                false if ours => {}
                false => place = format!("{owner}.{name}"),
            }
        }
    }
    let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
    if place.is_empty() { what } else { format!("{place}: {what}") }
}

/// The descriptor that the library's entry hands over, with what its version does not have empty.
fn describe(library: &Library, entry: &str) -> Result<abi::Descriptor, LoadError> {
    // SAFETY: a symbol of this name is an entry, by its version.
    let enter = *unsafe { library.get::<abi::Entry>(entry.as_bytes()) }.map_err(|_| LoadError::NoEntry)?;
    let host = foreign::host();
    let mut descriptor = std::ptr::null();
    collect_error(|errors| {
        // SAFETY: called as the ABI says, with pointers that outlive the call.
        unsafe { enter(&raw const host, &raw mut descriptor, errors) }
    })
    .map_err(LoadError::Entry)?;
    if descriptor.is_null() || !descriptor.is_aligned() {
        return Err(LoadError::Broken(format!("it lies at {descriptor:?}")));
    }
    // SAFETY: magic, version and size are the first bytes of every version's descriptor.
    let (magic, major, minor, size) =
        unsafe { ((*descriptor).magic, (*descriptor).abi_major, (*descriptor).abi_minor, (*descriptor).size) };
    if magic != abi::MAGIC {
        return Err(LoadError::Broken(format!("it begins with {magic:#x}; expected {:#x}", abi::MAGIC)));
    }
    if major != abi::ABI_MAJOR {
        return Err(LoadError::OtherAbi { found: format!("{major}.{minor}") });
    }
    if size < abi::Descriptor::LEAST_SIZE {
        return Err(LoadError::Broken(format!("it has {size} bytes; expected {}", size_of::<abi::Descriptor>())));
    }
    // SAFETY: not null, aligned, of our version and as long as any of it; it lives as long as the library.
    Ok(unsafe { foreign::known_part(descriptor.cast(), size) })
}

fn check_version(descriptor: &abi::Descriptor) -> Result<(), LoadError> {
    if descriptor.fingerprint != abi::FINGERPRINT {
        let detail = format!("fingerprint {:#x}; expected {:#x}", descriptor.fingerprint, abi::FINGERPRINT);
        return Err(LoadError::OtherLayout(detail));
    }
    const MOST_COMPONENTS: usize = 4096;
    let count = descriptor.component_count;
    if count > MOST_COMPONENTS || (count > 0 && descriptor.components.is_null()) {
        return Err(LoadError::Broken(format!("{count} components at {:?}", descriptor.components)));
    }
    Ok(())
}

fn read(descriptor: &abi::Descriptor, path: PathBuf) -> Result<LoadedPlugin, LoadError> {
    // SAFETY: the texts of a descriptor live as long as the library.
    let [name, version, sdk] =
        [descriptor.name, descriptor.version, descriptor.sdk].map(|field| unsafe { text(field) }.into_owned());
    check_name("the plugin", &name)?;
    let mut origins = Vec::new();
    let mut components = Vec::new();
    for index in 0..descriptor.component_count {
        // SAFETY: the table holds this many components and lives as long as the library.
        let component = unsafe { *descriptor.components.add(index) };
        // A kind that only a later version knows is no reason to refuse the others.
        let Some(kind) = kind(component.kind) else { continue };
        // SAFETY: as for the descriptor's texts.
        let (id, doc) = unsafe { (text(component.id), text(component.doc).into_owned()) };
        check_name("a component", &id)?;
        if component.table.is_null() {
            return Err(LoadError::Broken(format!("component `{id}` has no functions")));
        }
        let id = format!("{name}/{id}");
        if components.iter().any(|known: &ComponentInfo| known.kind == kind && known.id == id) {
            return Err(LoadError::Broken(format!("it has two components `{id}`")));
        }
        origins.push(Origin { kind, id: id.clone(), component });
        let settings =
            settings(descriptor, index).map_err(|error| LoadError::Settings { component: id.clone(), error })?;
        components.push(ComponentInfo { kind, id, doc, settings });
    }
    components.sort_by(ComponentInfo::in_order);
    let info = PluginInfo {
        modality: modality(descriptor).map_err(LoadError::Modality)?,
        abi: format!("{}.{}", descriptor.abi_major, descriptor.abi_minor),
        path: Some(path),
        name,
        version,
        sdk,
        components,
    };
    Ok(LoadedPlugin { info, origins })
}

/// Names become halves of ids in configuration files.
fn check_name(what: &str, name: &str) -> Result<(), LoadError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.is_empty() && name.bytes().all(fits) {
        return Ok(());
    }
    Err(LoadError::Broken(format!("{what} is named {name:?}; expected letters, digits, `-` and `_`")))
}

fn kind(number: u32) -> Option<ComponentKind> {
    match number {
        abi::KIND_DATA_SOURCE => Some(ComponentKind::DataSource),
        abi::KIND_VALIDITY_METRIC => Some(ComponentKind::ValidityMetric),
        abi::KIND_DISTORTION_GENERATOR => Some(ComponentKind::DistortionGenerator),
        abi::KIND_CORRECTOR => Some(ComponentKind::Corrector),
        abi::KIND_NETWORK_ARCHITECTURE => Some(ComponentKind::NetworkArchitecture),
        abi::KIND_DIFFERENTIABLE_NETWORK => Some(ComponentKind::DifferentiableNetwork),
        _ => None,
    }
}

/// In hexadecimal. It takes longer than loading a library does, so it is asked for only where it is needed.
pub(super) fn sha256(path: &Path) -> io::Result<String> {
    let hash = Sha256::digest(fs::read(path)?);
    Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}
