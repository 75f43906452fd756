//! The work that is measured: the modality's preset on its own phantom.

use anyhow::Context;
use rl4seg_core::{
    adapt::{self, Components, PreparedCase},
    component::ImitationStep,
    config::{Plan, RawConfig},
    domain::{ImageBatch, LabelBatch, LabelMap, Seed, Split},
    plugin::Catalog,
};
use serde::Serialize;
use serde_json::json;

use super::Args;
use crate::{
    catalog,
    commands::phantom::{Amount, Domain, Phantom},
    networks::{DeviceArg, Networks},
};

/// A kind of work that can be timed.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timed {
    Infer,
    Step,
    Ppo,
    Collect,
}

/// Images and networks, ready to work.
pub struct Bench {
    plan: Plan,
    pub components: Components,
    cases: Vec<PreparedCase>,
    pub references: Vec<LabelMap>,
}

impl Bench {
    pub fn prepare(args: &Args, device: &DeviceArg, catalog: &Catalog) -> anyhow::Result<Self> {
        let plan = plan(args, catalog)?;
        let labels = &catalog::modality(catalog, &args.modality)?.labels;
        let networks = Networks::new(&plan, catalog, 1, labels.len(), device)?;
        let mut components = Components::load(&plan, catalog, Box::new(networks.policy), Box::new(networks.reward))?;
        let mut cases = Vec::new();
        let mut references = Vec::new();
        for entry in components.source.cases(Split::Train) {
            let image = components.source.image(&entry.id)?;
            cases.push(adapt::prepare_image(&entry.id, &image, &plan.preprocess)?);
            references.push(plan.preprocess.apply_labels(&components.source.reference(&entry.id)?)?);
        }
        components.judges.corrector.fit(&references)?;
        components.policy.freeze_reference()?;
        cases.truncate(args.batch);
        references.truncate(args.batch);
        Ok(Self { plan, components, cases, references })
    }

    pub fn round(&mut self, work: Timed, round: u32) -> anyhow::Result<()> {
        let seed = Seed(u64::from(round));
        match work {
            Timed::Infer => {
                self.components.policy.segment(&self.images()?)?;
            }
            Timed::Step => {
                self.imitate()?;
            }
            Timed::Ppo => {
                let update = adapt::update_settings(&self.plan, 1);
                adapt::improve_portion(&mut self.components, &self.cases, &update, seed)?;
            }
            Timed::Collect => {
                adapt::collect_portion(&self.components, &self.plan, &self.cases, seed)?;
            }
        }
        Ok(())
    }

    /// One supervised step towards the references.
    pub fn imitate(&mut self) -> anyhow::Result<()> {
        let (images, labels) = (self.images()?, LabelBatch::stack(&self.references)?);
        let step = ImitationStep { learning_rate: 1e-3, label_smoothing: 0.0 };
        self.components.policy.imitate(&images, &labels, &step)?;
        Ok(())
    }

    pub fn images(&self) -> anyhow::Result<ImageBatch> {
        Ok(ImageBatch::stack(self.cases.iter().map(|case| &case.image))?)
    }
}

/// Fewest source images that a corrector can learn from.
const REFERENCES: usize = 24;

/// The modality's preset on its own phantom.
fn plan(args: &Args, catalog: &Catalog) -> anyhow::Result<Plan> {
    let modality = catalog::modality(catalog, &args.modality)?;
    let component =
        modality.phantom.as_ref().with_context(|| format!("the modality `{}` offers no phantom", modality.id))?;
    let domain = |domain| {
        let amount = Amount { size: args.size, train: args.batch.max(REFERENCES), validation: 1, test: 1 };
        let mut table = json!(Phantom { domain, seed: 0, amount });
        table["component"] = json!(component);
        table
    };
    let mut config: serde_json::Value = toml::from_str(&modality.preset)?;
    config["modality"] = json!(args.modality);
    config["output"] = json!("unused");
    config["source"] = domain(Domain::Source);
    config["target"] = domain(Domain::Target);
    config["network"] = json!({ "width": args.width, "precision": args.precision.0 });
    config["preprocess"] = json!({});
    let config: RawConfig = serde_json::from_value(config).context("the modality's preset")?;
    Ok(config.check()?)
}
