use rl4seg_core::{
    nn::{self, DeviceKind, Isa},
    plugin::Catalog,
};
use serde::Serialize;

use crate::{
    args::GlobalArgs,
    catalog,
    output::{self, table},
};

/// Tell what this build and this machine can do: devices, processor, plugins
///
/// Exits with 1 if a plugin that was found cannot be used.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rl4seg doctor\n  rl4seg doctor --json")]
pub struct Args {}

#[derive(Debug, Serialize)]
struct Findings {
    version: &'static str,
    system: String,
    /// Threads that work is divided among.
    threads: usize,
    /// The vectors that the CPU's kernels use.
    vectors: String,
    devices: Vec<DeviceKind>,
    plugins: Vec<String>,
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize)]
struct Refused {
    path: std::path::PathBuf,
    reason: String,
}

pub fn run(_: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let findings = Findings::look(&Catalog::discover(&catalog::search(global)?));
    output::result(global.json, &findings, || findings.text())?;
    let count = findings.refused.len();
    anyhow::ensure!(count == 0, "{count} plugin files cannot be used; remove them or mend what is said of each");
    Ok(())
}

impl Findings {
    fn look(catalog: &Catalog) -> Self {
        let refused = catalog.refused().iter();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            threads: rayon::current_num_threads(),
            vectors: format!("{:?}", Isa::detect()).to_lowercase(),
            devices: nn::device_kinds(),
            plugins: catalog.plugins().iter().map(|plugin| format!("{} {}", plugin.name, plugin.version)).collect(),
            refused: refused.map(|(path, error)| Refused { path: path.clone(), reason: error.to_string() }).collect(),
        }
    }

    fn text(&self) -> String {
        let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
        let rows = self.devices.iter().map(|kind| {
            let DeviceKind { name, what, compiled_in, present, bfloat16 } = kind;
            vec![(*name).to_owned(), yes(*compiled_in), present.to_string(), yes(*bfloat16), (*what).to_owned()]
        });
        let devices = table(&["--device", "compiled in", "present", "bfloat16", "what it is"], rows);
        let mut text = format!(
            "rl4seg {} on {}: {} threads, {} vectors\n\n{devices}\nplugins: {}\n",
            self.version,
            self.system,
            self.threads,
            self.vectors,
            self.plugins.join(", ")
        );
        for Refused { path, reason } in &self.refused {
            text.push_str(&format!("refused: {}: {reason}\n", path.display()));
        }
        if let Some(kind) = self.devices.iter().find(|kind| !kind.compiled_in) {
            text.push_str(&format!("\nto use a GPU: cargo build --release --features {}\n", kind.name));
        }
        text
    }
}
