//! The conformance kit of the SDK, run on a library as it was built.

use std::time::Instant;

use anyhow::{Context, bail};
use rl4seg_core::{
    component::{ComponentError, ComponentKind},
    config::Override,
    domain::LabelMap,
    plugin::{Catalog, ComponentInfo, PluginInfo},
};
use rl4seg_sdk::conformance::{self, Coverage};
use serde::Serialize;
use serde_json::json;

use super::{made_up::MadeUp, show::with_plugin};
use crate::{
    args::GlobalArgs,
    output::{self, table},
};

/// What came of one component.
#[derive(Debug, Serialize)]
struct Outcome {
    component: String,
    kind: &'static str,
    /// Whether it was checked and no promise is broken.
    passed: bool,
    /// Why not, or what was seen.
    detail: String,
    /// Of one call, where a call means the same with every component of its kind.
    milliseconds: Option<f64>,
}

type Result<T> = std::result::Result<T, ComponentError>;

pub fn verify(wanted: &str, settings: &[Override], global: &GlobalArgs) -> anyhow::Result<()> {
    with_plugin(wanted, global, |catalog, plugin| {
        let settings = settings_of(plugin, settings)?;
        let labels: Vec<u8> =
            plugin.modality.iter().flat_map(|modality| modality.labels.iter()).map(|l| l.value).collect();
        let verifier = Verifier { catalog, labels: &labels };
        let made_up = MadeUp::of(plugin, catalog).context("making up images with the modality's phantom")?;
        let mut outcomes = Vec::new();
        for component in &plugin.components {
            let settings = match settings.get(name(component)) {
                Some(given) => serde_json::to_value(given).context("writing JSON")?,
                None => made_up.as_ref().and_then(|images| images.settings(&component.id)).unwrap_or_else(|| json!({})),
            };
            outcomes.push(verifier.outcome(component, &settings.to_string()));
        }
        output::result(global.json, &outcomes, || text(&outcomes))?;
        let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
        match failed {
            0 => Ok(()),
            _ => bail!("{failed} of {} components of `{}` did not pass", outcomes.len(), plugin.name),
        }
    })
}

/// The component's name within its plugin.
fn name(component: &ComponentInfo) -> &str {
    component.id.split_once('/').map_or(&component.id, |(_, name)| name)
}

/// The settings of each component, by its name.
fn settings_of(plugin: &PluginInfo, settings: &[Override]) -> anyhow::Result<toml::Table> {
    let mut all = toml::Table::new();
    for setting in settings {
        setting.apply(&mut all)?;
    }
    let names: Vec<&str> = plugin.components.iter().map(name).collect();
    match all.iter().find(|(key, value)| !names.contains(&key.as_str()) || !value.is_table()) {
        None => Ok(all),
        Some((key, _)) => bail!(
            "--set: `{key}` is no component of `{}`; expected COMPONENT.KEY=VALUE with one of {}",
            plugin.name,
            names.join(", ")
        ),
    }
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
        let seen = self.check(component, settings);
        let (passed, detail, milliseconds) = match seen {
            Ok(Seen { detail, milliseconds }) => (true, detail, milliseconds),
            Err(error) => (false, error.chain().collect::<Vec<_>>().join(": "), None),
        };
        Outcome { component: component.id.clone(), kind: component.kind.name(), passed, detail, milliseconds }
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

fn text(outcomes: &[Outcome]) -> String {
    let rows = outcomes.iter().map(|outcome| {
        vec![
            outcome.component.clone(),
            outcome.kind.to_owned(),
            if outcome.passed { "passed" } else { "FAILED" }.to_owned(),
            outcome.milliseconds.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.3} ms a call")),
            outcome.detail.clone(),
        ]
    });
    table(&["component", "kind", "", "time", "what was seen"], rows)
}
