//! A way to adapt, as a file says it: what differs from the modality's preset.

use std::{fs, path::Path};

use anyhow::Context;
use rl4seg_core::component::Modality;
use serde::Deserialize;

use crate::{appearance, commands::init::Found, configuration::Configuration};

/// What is compared. Its name is that of its file.
#[derive(Debug)]
pub struct Experiment {
    pub name: String,
    pub file: ExperimentFile,
}

/// The file as written. Unknown keys are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentFile {
    /// What it is, in a line.
    pub description: String,
    /// What it starts from.
    #[serde(default)]
    start: Start,
    /// Whose labels are learnt from.
    #[serde(default)]
    labels: Labels,
    /// What differs from the start: tables and keys of a run's configuration.
    #[serde(default)]
    set: toml::Table,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Start {
    /// The modality's preset.
    #[default]
    Preset,
    /// The method's numbers as they were published.
    Published,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Labels {
    /// The source's.
    #[default]
    Source,
    /// The target's own: what could be reached at best.
    Target,
}

impl Experiment {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let file = toml::from_str(&text).with_context(|| format!("{}: not an experiment", path.display()))?;
        let name = path.file_stem().context("an experiment needs a file name")?.to_string_lossy().into_owned();
        Ok(Self { name, file })
    }

    /// Whether it learns from the target's own labels.
    pub fn is_upper_bound(&self) -> bool {
        self.file.labels == Labels::Target
    }

    /// The configuration of its run with `seed`.
    pub fn configuration(
        &self,
        modality: &Modality,
        [source, target]: [&Found; 2],
        seed: u64,
    ) -> anyhow::Result<Configuration> {
        let mut configuration = Configuration::of_preset(modality)?;
        if self.file.start == Start::Published {
            configuration.take_published_method();
        }
        let labelled = if self.is_upper_bound() { target } else { source };
        configuration.set_domain("source", &labelled.component, &labelled.root);
        configuration.set_domain("target", &target.component, &target.root);
        appearance::fit(&mut configuration, &labelled.appearance, &target.appearance)?;
        let set = toml::to_string(&self.file.set).context("[set]")?;
        configuration.overlay(&set).with_context(|| format!("{}: [set]", self.name))?;
        configuration.set("seed", i64::try_from(seed).context("the seed is too large for a TOML file")?);
        Ok(configuration)
    }
}
