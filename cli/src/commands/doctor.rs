use std::{env, fmt, path::Path};

use rl4seg_core::{
    nn::{self, DeviceKind, Isa},
    plugin::{Catalog, PluginInfo},
};
use serde::Serialize;

use crate::{
    args::GlobalArgs,
    catalog,
    measure::MachineMemory,
    output::{self, table},
};

/// Tell what this build and this machine can do: devices, processor, memory, plugins, folders
///
/// One line for each thing that was looked at. Exits with 1 if one is a problem.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rl4seg doctor\n  rl4seg doctor --json")]
pub struct Args {}

/// A policy update of 4 images of 256 x 256 by the preset's networks takes 863 MiB (docs/performance.md).
const LEAST_MEMORY: u64 = 1 << 30;

#[derive(Debug, Serialize)]
struct Findings {
    version: &'static str,
    /// The version of the boundary that plugins are built against.
    plugin_abi: String,
    system: String,
    /// Threads that work is divided among.
    threads: usize,
    /// The vectors that the CPU's kernels use.
    vectors: String,
    /// Absent where the system does not tell.
    memory: Option<MachineMemory>,
    devices: Vec<DeviceKind>,
    plugins: Vec<String>,
    refused: Vec<Refused>,
    checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
struct Refused {
    path: std::path::PathBuf,
    reason: String,
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Serialize)]
struct Check {
    state: State,
    /// What was found, and how to mend it.
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Ok,
    /// Not there, and not needed.
    Absent,
    Problem,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Absent => "absent",
            Self::Problem => "problem",
        })
    }
}

impl Check {
    fn of(is_well: bool, well: String, problem: impl FnOnce() -> String) -> Self {
        if is_well { Self { state: State::Ok, text: well } } else { Self { state: State::Problem, text: problem() } }
    }
}

pub fn run(_: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let findings = Findings::look(&Catalog::discover(&catalog::search(global)?));
    output::result(global.json, &findings, || findings.text())?;
    let count = findings.checks.iter().filter(|check| check.state == State::Problem).count();
    anyhow::ensure!(count == 0, "{count} of {} things looked at need mending, as told above", findings.checks.len());
    Ok(())
}

impl Findings {
    fn look(catalog: &Catalog) -> Self {
        let refused = catalog.refused().iter();
        let mut findings = Self {
            version: env!("CARGO_PKG_VERSION"),
            plugin_abi: catalog.plugins().first().map(|own| own.abi.clone()).unwrap_or_default(),
            system: format!("{} {}", env::consts::OS, env::consts::ARCH),
            threads: rayon::current_num_threads(),
            vectors: format!("{:?}", Isa::detect()).to_lowercase(),
            memory: MachineMemory::now(),
            devices: nn::device_kinds(),
            plugins: catalog.plugins().iter().map(|plugin| format!("{} {}", plugin.name, plugin.version)).collect(),
            refused: refused.map(|(path, error)| Refused { path: path.clone(), reason: error.to_string() }).collect(),
            checks: Vec::new(),
        };
        findings.checks = findings.check(catalog);
        findings
    }

    fn check(&self, catalog: &Catalog) -> Vec<Check> {
        let ok = |text: String| Check { state: State::Ok, text };
        let mut checks = vec![
            ok(format!("rl4seg {}, plugin boundary {}, on {}", self.version, self.plugin_abi, self.system)),
            ok(format!("processor: {} threads, {} vectors", self.threads, self.vectors)),
        ];
        checks.extend(self.memory.map(memory));
        checks.extend(self.devices.iter().map(device));
        checks.extend(catalog.plugins().iter().map(|plugin| ok(of_plugin(plugin))));
        checks.extend(self.refused.iter().map(|Refused { path, reason }| Check {
            state: State::Problem,
            text: format!("{} is not loaded: {reason}; mend that, or remove the file", path.display()),
        }));
        let has_modality = catalog.plugins().iter().any(|plugin| plugin.modality.is_some());
        checks.extend((!has_modality).then(|| Check { state: State::Problem, text: catalog::NO_MODALITY.to_owned() }));
        checks.push(folder("the current folder", Path::new(".")));
        checks.push(folder("the folder for temporary files", &env::temp_dir()));
        checks
    }

    fn text(&self) -> String {
        let rows = self.checks.iter().map(|Check { state, text }| vec![state.to_string(), text.clone()]);
        table(&["", ""], rows).trim_start().to_owned()
    }
}

fn memory(memory: MachineMemory) -> Check {
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    let MachineMemory { available_bytes, total_bytes } = memory;
    let text = format!("memory: {:.1} GiB to be had of {:.1} GiB", gib(available_bytes), gib(total_bytes));
    Check::of(available_bytes >= LEAST_MEMORY, text.clone(), || {
        format!(
            "{text}; a run of images of 256 x 256 takes about {:.0} GiB: end other programs, or choose a smaller \
             policy.batch and network.width",
            gib(LEAST_MEMORY)
        )
    })
}

fn device(kind: &DeviceKind) -> Check {
    let DeviceKind { name, what, compiled_in, present, bfloat16 } = kind;
    if !compiled_in {
        let text = format!("--device {name}: {what}; not in this build: cargo build --release --features {name}");
        return Check { state: State::Absent, text };
    }
    let count = if *present == 1 { String::new() } else { format!("{present} of ") };
    let precision = if *bfloat16 { ", with bfloat16" } else { "" };
    Check::of(*present > 0, format!("--device {name}: {count}{what}{precision}"), || {
        format!("--device {name}: this build has it, but none was found; is the driver of the GPU installed?")
    })
}

fn of_plugin(plugin: &PluginInfo) -> String {
    let modality = plugin.modality.as_ref().map_or(String::new(), |modality| format!(" for {}", modality.id));
    let from = plugin.path.as_ref().map_or("this program".to_owned(), |path| path.display().to_string());
    let components = plugin.components.len();
    format!("plugin {} {}{modality}: {components} components, from {from}", plugin.name, plugin.version)
}

/// Tries to write a file.
fn folder(what: &str, folder: &Path) -> Check {
    let told = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let told = format!("{what}, {}", told.display());
    match tempfile::NamedTempFile::new_in(folder) {
        Ok(_) => Check { state: State::Ok, text: format!("{told}, can be written to") },
        Err(error) => {
            let text = format!("{told}, cannot be written to: {error}; work in another, or change who may write there");
            Check { state: State::Problem, text }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_built_for_and_not_there_is_a_problem() {
        let kind =
            |compiled_in, present| DeviceKind { name: "cuda", what: "GPUs", compiled_in, present, bfloat16: true };
        assert_eq!(device(&kind(false, 0)).state, State::Absent);
        assert_eq!(device(&kind(true, 0)).state, State::Problem);
        assert_eq!(device(&kind(true, 2)).text, "--device cuda: 2 of GPUs, with bfloat16");
    }

    #[test]
    fn little_memory_is_a_problem() {
        let of = |available_bytes| memory(MachineMemory { available_bytes, total_bytes: 8 << 30 });
        assert_eq!(of(2 << 30), Check { state: State::Ok, text: "memory: 2.0 GiB to be had of 8.0 GiB".to_owned() });
        assert!(of(1 << 29).text.contains("policy.batch"));
    }

    #[test]
    fn a_folder_that_is_a_file_cannot_be_written_to() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(folder("it", file.path()).state, State::Problem);
        assert_eq!(folder("it", &env::temp_dir()).state, State::Ok);
    }
}
