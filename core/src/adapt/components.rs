use super::{AdaptError, SourceDomain, TargetDomain, reference_reward::ReferenceReward};
use crate::{
    component::{
        ComponentError, Corrector, DistortionGenerator, ErrorKind, Policy, PolicyState, RewardModel, ValidityMetric,
    },
    config::{Plan, RewardKind},
    domain::{Finding, LabelMap, LabelSet, Verdict},
    plugin::Catalog,
};

/// Everything that a run is made of, resolved once, before anything is computed.
pub struct Components {
    /// The labelled domain.
    pub source: SourceDomain,
    /// The domain without labels.
    pub target: TargetDomain,
    /// What tells right label maps from wrong ones.
    pub judges: Judges,
    /// The generators of wrong label maps.
    pub distortions: Vec<Box<dyn DistortionGenerator>>,
    /// Actor, critic and reference policy.
    pub policy: Box<dyn Policy>,
    /// The reward network.
    pub reward: Box<dyn RewardModel>,
    /// Weights that the policy starts from, where the plan names a checkpoint.
    pub start: Option<PolicyState>,
    /// Bytes of memory that the run may take at its peak, where there is a limit.
    pub memory_limit: Option<u64>,
}

impl Components {
    /// Makes every component that `plan` names; the networks come from the caller; `reward` is used
    /// where the plan asks for a network.
    ///
    /// # Errors
    /// If a component is not there, refuses its settings, or a domain has no cases.
    pub fn load(
        plan: &Plan,
        catalog: &Catalog,
        policy: Box<dyn Policy>,
        reward: Box<dyn RewardModel>,
    ) -> Result<Self, AdaptError> {
        let labels = modality_labels(plan, catalog)?;
        let seed = plan.seed().named("splits");
        let source = catalog.data_source(&plan.source.component, &plan.source.settings_json())?;
        let target = catalog.data_source(&plan.target.component, &plan.target.settings_json())?;
        let distortions = plan
            .distortion
            .iter()
            .map(|table| catalog.distortion_generator(&table.component, &table.settings_json()))
            .collect::<Result<_, ComponentError>>()?;
        // One data set as both domains is split once: what is trained on must not be tested on.
        let of_source = if plan.source == plan.target { "target" } else { "source" };
        let source = SourceDomain::open(source, &labels, plan.splits, seed.named(of_source))?;
        let target = TargetDomain::open(target, &labels, plan.splits, seed.named("target"))?;
        let reward = match plan.reward.model {
            RewardKind::Network => reward,
            RewardKind::Known(measure) => Box::new(ReferenceReward::load(measure, (&source, &target), &labels, plan)?),
        };
        Ok(Self {
            source,
            target,
            judges: Judges {
                validity: Validity::load(plan, catalog)?,
                corrector: catalog.corrector(&plan.corrector.component, &plan.corrector.settings_json())?,
                labels,
            },
            distortions,
            policy,
            reward,
            start: None,
            memory_limit: None,
        })
    }
}

fn modality_labels(plan: &Plan, catalog: &Catalog) -> Result<LabelSet, ComponentError> {
    let modality = catalog.modality(&plan.modality).ok_or_else(|| {
        let message =
            format!("no plugin offers the modality `{}`; `rl4seg plugins list` shows what is loaded", plan.modality);
        ComponentError::new(ErrorKind::NotFound, message)
    })?;
    Ok(modality.labels.clone())
}

/// What tells right label maps from wrong ones. Unlike the networks, it can be asked by several
/// threads at a time.
pub struct Judges {
    /// The structures.
    pub labels: LabelSet,
    /// The metrics; all must hold.
    pub validity: Validity,
    /// The maker of right label maps.
    pub corrector: Box<dyn Corrector>,
}

/// The metrics of a run, asked as one.
#[derive(Default)]
pub struct Validity(Vec<Box<dyn ValidityMetric>>);

impl Validity {
    /// The metrics that `plan` names.
    ///
    /// # Errors
    /// If one is not there or refuses its settings.
    pub fn load(plan: &Plan, catalog: &Catalog) -> Result<Self, ComponentError> {
        let tables = plan.validity.iter();
        let metrics = tables.map(|table| catalog.validity_metric(&table.component, &table.settings_json()));
        Ok(Self(metrics.collect::<Result<_, _>>()?))
    }

    /// All findings of all metrics.
    ///
    /// # Errors
    /// If a metric fails.
    pub fn assess(&self, labels: &LabelMap) -> Result<Vec<Finding>, ComponentError> {
        let mut findings = Vec::new();
        for metric in &self.0 {
            findings.extend(metric.assess(labels)?);
        }
        Ok(findings)
    }

    /// Whether every metric accepts `labels`. What cannot be measured is not accepted.
    ///
    /// # Errors
    /// As [`Validity::assess`].
    pub fn accepts(&self, labels: &LabelMap) -> Result<bool, ComponentError> {
        Ok(Verdict::of(&self.assess(labels)?) == Verdict::Valid)
    }
}
