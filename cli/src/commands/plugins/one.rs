//! One component's check: in a process of its own, so that one that ends it, never answers or takes all memory is
//! reported as any other broken promise, and the others are checked.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use anyhow::Context;
use rl4seg_core::{
    component::{ComponentError, ComponentKind},
    domain::LabelMap,
    plugin::{Catalog, ComponentInfo},
};
use rl4seg_sdk::conformance::{self, Coverage};
use serde::{Deserialize, Serialize};

use super::show::with_plugin;
use crate::{
    args::GlobalArgs,
    output::{self, note},
    watchdog,
};

/// The hidden command that checks one component: `rl4seg plugins __verify PLUGIN INDEX SETTINGS`.
pub const COMMAND: &str = "__verify";

/// What came of one component.
#[derive(Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub component: String,
    pub kind: String,
    /// Whether it was checked and no promise is broken.
    pub passed: bool,
    /// Why not, or what was seen.
    pub detail: String,
    /// Of one call, where a call means the same with every component of its kind.
    pub milliseconds: Option<f64>,
}

impl Outcome {
    /// Of a component that did not pass.
    fn of(component: &ComponentInfo, detail: String) -> Self {
        let kind = component.kind.name().to_owned();
        Self { component: component.id.clone(), kind, passed: false, detail, milliseconds: None }
    }
}

type Result<T> = std::result::Result<T, ComponentError>;

/// Checks the component of this index in the plugin's list in a process of its own.
pub fn apart(
    plugin: &str,
    index: usize,
    component: &ComponentInfo,
    settings: &str,
    global: &GlobalArgs,
) -> anyhow::Result<Outcome> {
    let mut command = Command::new(std::env::current_exe().context("cannot find out where this program lies")?);
    command.args(["plugins", COMMAND, plugin, &index.to_string(), settings, "--json"]);
    for folder in &global.plugin_path {
        command.arg("--plugin-path").arg(folder);
    }
    if let Some(threads) = global.threads {
        command.args(["--threads", &threads.to_string()]);
    }
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let complaint = child.stderr.take().map(|pipe| thread::spawn(|| listen(pipe)));
    let output = child.wait_with_output()?;
    let said = complaint.and_then(|thread| thread.join().ok()).unwrap_or_default();
    // A plugin may print too; the outcome comes last.
    let answer = output.stdout.split(|&byte| byte == b'\n').rfind(|line| !line.is_empty());
    let outcome = answer.filter(|_| output.status.success()).and_then(|line| serde_json::from_slice(line).ok());
    Ok(outcome.unwrap_or_else(|| {
        let detail = match said {
            Last::Error(text) => text,
            Last::Line(text) => format!("checking it ended the process ({}): {text}", output.status),
        };
        Outcome::of(component, detail)
    }))
}

/// The last that a process said on its standard error.
enum Last {
    /// An error of this program's.
    Error(String),
    /// Anything, or nothing.
    Line(String),
}

impl Default for Last {
    fn default() -> Self {
        Self::Line("without a word".to_owned())
    }
}

/// Passes on what a process says but for its error, which becomes its outcome.
fn listen(pipe: impl Read) -> Last {
    let mut last = Last::default();
    for line in BufReader::new(pipe).split(b'\n').map_while(std::result::Result::ok) {
        let line = String::from_utf8_lossy(&line);
        if let Some(error) = line.strip_prefix("error: ") {
            last = Last::Error(error.to_owned());
            continue;
        }
        note(&line);
        // A backtrace says where, not what.
        let says_what = !line.is_empty() && !["note: ", "stack backtrace:", " "].iter().any(|no| line.starts_with(no));
        if says_what {
            last = Last::Line(line.into_owned());
        }
    }
    last
}

/// Checks the component of this index in the plugin's list in this process, and writes its outcome as one line.
pub fn verify(wanted: &str, index: usize, settings: &str, global: &GlobalArgs) -> anyhow::Result<()> {
    with_plugin(wanted, global, |catalog, plugin| {
        let labels: Vec<u8> =
            plugin.modality.iter().flat_map(|modality| modality.labels.iter()).map(|l| l.value).collect();
        let component = plugin.components.get(index).with_context(|| format!("`{wanted}` has no component {index}"))?;
        watchdog::checks(&component.id);
        let outcome = Verifier { catalog, labels: &labels }.outcome(component, settings);
        let line = serde_json::to_string(&outcome).context("writing JSON")?;
        output::result(false, &outcome, || format!("\n{line}"))
    })
}

struct Verifier<'a> {
    catalog: &'a Catalog,
    /// The labels that components are asked about; empty where the plugin has no modality.
    labels: &'a [u8],
}

/// What was seen of a component that keeps its promises.
struct Seen {
    detail: String,
    milliseconds: Option<f64>,
}

impl Verifier<'_> {
    fn outcome(&self, component: &ComponentInfo, settings: &str) -> Outcome {
        match self.check(component, settings) {
            Ok(Seen { detail, milliseconds }) => {
                Outcome { passed: true, milliseconds, ..Outcome::of(component, detail) }
            }
            Err(error) => Outcome::of(component, error.chain().collect::<Vec<_>>().join(": ")),
        }
    }

    fn check(&self, component: &ComponentInfo, settings: &str) -> Result<Seen> {
        let id = component.id.as_str();
        self.refuses_unknown_keys(component, settings)?;
        match component.kind {
            ComponentKind::DataSource => {
                let source = self.catalog.data_source(id, settings).map_err(needs_settings)?;
                conformance::check_data_source(source.as_ref())?;
                Ok(Seen { detail: format!("{} cases", source.cases()?.len()), milliseconds: None })
            }
            ComponentKind::ValidityMetric => {
                let metric = self.catalog.validity_metric(id, settings).map_err(needs_settings)?;
                let coverage = conformance::question_validity_metric(metric.as_ref(), self.labels)?;
                let milliseconds = self.time(|labels| metric.assess(labels).is_ok())?;
                answered(coverage, milliseconds)
            }
            ComponentKind::DistortionGenerator => {
                let generator = self.catalog.distortion_generator(id, settings).map_err(needs_settings)?;
                answered(conformance::question_distortion_generator(generator.as_ref(), self.labels)?, None)
            }
            ComponentKind::Corrector => {
                let mut corrector = self.catalog.corrector(id, settings).map_err(needs_settings)?;
                corrector.fit(&self.examples()?)?;
                let coverage = conformance::question_corrector(corrector.as_ref(), self.labels)?;
                let milliseconds = self.time(|labels| corrector.candidates(labels).is_ok())?;
                answered(coverage, milliseconds)
            }
            ComponentKind::NetworkArchitecture => {
                let architecture = self.catalog.network_architecture(id, settings).map_err(needs_settings)?;
                answered(conformance::check_network_architecture(architecture.as_ref())?, None)
            }
            ComponentKind::DifferentiableNetwork => {
                let network = self.catalog.differentiable_network(id, settings).map_err(needs_settings)?;
                answered(conformance::check_differentiable_network(network.as_ref())?, None)
            }
        }
    }

    fn refuses_unknown_keys(&self, component: &ComponentInfo, settings: &str) -> Result<()> {
        let inside = settings.trim_end_matches('}');
        let comma = if inside.ends_with('{') { "" } else { "," };
        let unknown = format!("{inside}{comma}\"no_such_key\":0}}");
        let id = component.id.as_str();
        let made = |settings: &str| match component.kind {
            ComponentKind::DataSource => self.catalog.data_source(id, settings).map(drop),
            ComponentKind::ValidityMetric => self.catalog.validity_metric(id, settings).map(drop),
            ComponentKind::DistortionGenerator => self.catalog.distortion_generator(id, settings).map(drop),
            ComponentKind::Corrector => self.catalog.corrector(id, settings).map(drop),
            ComponentKind::NetworkArchitecture => self.catalog.network_architecture(id, settings).map(drop),
            ComponentKind::DifferentiableNetwork => self.catalog.differentiable_network(id, settings).map(drop),
        };
        made(settings).map_err(needs_settings)?;
        match made(&unknown) {
            Err(_) => Ok(()),
            Ok(()) => Err(broken(
                "it accepts a setting that it does not know; derive its configuration with `deny_unknown_fields`",
            )),
        }
    }

    /// Label maps of one grid with nested structures.
    fn examples(&self) -> Result<Vec<LabelMap>> {
        let maps = conformance::label_maps(self.labels)?;
        Ok(maps.into_iter().filter(|(what, _)| what == "an image of nested structures").map(|(_, map)| map).collect())
    }

    /// Milliseconds a call with an example, where there is an answer.
    fn time(&self, call: impl Fn(&LabelMap) -> bool) -> Result<Option<f64>> {
        const CALLS: u32 = 20;
        let examples = self.examples()?;
        let Some(example) = examples.first() else { return Ok(None) };
        if !call(example) {
            return Ok(None);
        }
        let started = Instant::now();
        for _ in 0..CALLS {
            call(example);
        }
        Ok(Some(started.elapsed().as_secs_f64() * 1000.0 / f64::from(CALLS)))
    }
}

/// What refuses everything was not checked.
fn answered(coverage: Coverage, milliseconds: Option<f64>) -> Result<Seen> {
    let Coverage { asked, answered } = coverage;
    if answered == 0 {
        return Err(broken(format!("it refuses all of {asked} questions, so nothing is known of its answers")));
    }
    Ok(Seen { detail: format!("answered {answered} of {asked} questions, refused the others"), milliseconds })
}

fn needs_settings(error: ComponentError) -> ComponentError {
    error.context("it could not be made; give the settings it needs with --set COMPONENT.KEY=VALUE")
}

fn broken(what: impl Into<String>) -> ComponentError {
    ComponentError::new(rl4seg_core::component::ErrorKind::Inconsistent, what)
}
