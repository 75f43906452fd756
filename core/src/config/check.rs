use super::{Baseline, ComponentTable, ConfigError, Fault, RawConfig, RewardKind, Schedule, ShrinkPerturb, Trusted};
use crate::{domain::Seed, preprocess::SettingRange};

/// At 1024 a network has 8 thousand million weights.
const MOST_WIDTH: usize = 1024;
const MOST_ITERATIONS: usize = 1000;

/// A configuration whose values were checked. Only this reaches the code that computes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan(RawConfig);

impl Plan {
    /// The seed from which every other is derived.
    #[must_use]
    pub fn seed(&self) -> Seed {
        Seed(self.0.seed)
    }
}

impl std::ops::Deref for Plan {
    type Target = RawConfig;

    fn deref(&self) -> &RawConfig {
        &self.0
    }
}

impl RawConfig {
    /// Looks at all values and collects every fault.
    ///
    /// # Errors
    /// [`ConfigError::Faults`] with one entry for each value that cannot be used.
    pub fn check(self) -> Result<Plan, ConfigError> {
        let mut faults = Faults::default();
        self.look_at(&mut faults);
        if faults.found.is_empty() { Ok(Plan(self)) } else { Err(ConfigError::Faults(faults.found)) }
    }

    fn look_at(&self, faults: &mut Faults) {
        self.check_loop(faults);
        self.check_reward(faults);
        self.check_policy(faults);
    }

    fn check_loop(&self, faults: &mut Faults) {
        let is_adapted = self.iterations > 0 && self.reward.model == RewardKind::Network;
        if self.source == self.target && is_adapted {
            let message = "is the same data set as source: there would be nothing to adapt to. Name another folder; where it is meant, \
                           as in supervised reinforcement learning, set reward.model to \"dice\" or iterations to 0";
            faults.add("target", message.to_owned());
        }
        faults.at_least_one("validity", self.validity.len(), "add a [[validity]] table");
        faults.share("splits.validation", self.splits.validation);
        faults.share("splits.test", self.splits.test);
        if self.splits.validation + self.splits.test >= 1.0 {
            faults.add("splits", "validation and test together leave no case for training; lower one".to_owned());
        }
        if let Err(error) = self.preprocess.check() {
            faults.add("preprocess", error.to_string());
        }
        let width = self.network.width;
        let fits = (2..=MOST_WIDTH).contains(&width) && width.is_multiple_of(2);
        faults.expect("network.width", fits, width, format!("an even number from 2 to {MOST_WIDTH}"));
        if self.network.component.is_none() && !self.network.settings.is_empty() {
            let message =
                "is of a plugin's network, but network.component names none; set it, or leave the settings out";
            faults.add("network.settings", message.to_owned());
        }
        let count = self.iterations;
        faults.expect("iterations", count <= MOST_ITERATIONS, count, format!("at most {MOST_ITERATIONS}"));
        if self.pretrain.epochs == 0 && self.pretrain.checkpoint.is_none() {
            faults.add("pretrain.epochs", "is 0 and pretrain.checkpoint is not set; set one of the two".to_owned());
        }
        for SettingRange { key, found, most, expected } in self.pretrain.augment.ranges() {
            let fits = (0.0..=most).contains(&found);
            faults.expect(&format!("pretrain.augment.{key}"), fits, found, expected.to_owned());
        }
        if self.pretrain.checkpoint_prefix.is_some() && self.pretrain.checkpoint.is_none() {
            faults.add("pretrain.checkpoint_prefix", "is set, but pretrain.checkpoint is not".to_owned());
        }
        faults.at_least_one("pretrain.batch", self.pretrain.batch, "a step needs an image");
        faults.positive("pretrain.learning_rate", self.pretrain.learning_rate);
        faults.within("pretrain.label_smoothing", self.pretrain.label_smoothing, 0.0, 0.99);
        faults.at_least_one("collect.cases", self.collect.cases, "there would be nothing to learn from");
        faults.at_least_one("collect.batch", self.collect.batch, "a step needs an image");
        faults.at_least_one("collect.max_samples", self.collect.max_samples, "there would be nothing to learn from");
        faults.within("collect.agreement", self.collect.agreement, 0.0, 1.0);
        faults.within("collect.correction_agreement", self.collect.correction_agreement, 0.0, 1.0);
    }

    fn check_reward(&self, faults: &mut Faults) {
        let reward = &self.reward;
        let distorts = reward.model == RewardKind::Network && self.collect.distort != Trusted::None;
        if self.distortion.is_empty() && distorts {
            let message = "is empty, and collect.distort says that label maps are distorted: add a [[distortion]] table, as \
                           component = \"contrast\", or set collect.distort to \"none\" to do without";
            faults.add("distortion", message.to_owned());
        }
        faults.at_least_one("reward.epochs", reward.epochs, "the reward network would stay random");
        faults.at_least_one("reward.batch", reward.batch, "a step needs a sample");
        faults.positive("reward.learning_rate", reward.learning_rate);
        faults.within("reward.plateau_factor", reward.plateau_factor, 0.0, 1.0);
        faults.share("reward.test", reward.test);
        faults.share("reward.validation", reward.validation);
    }

    fn check_policy(&self, faults: &mut Faults) {
        let policy = &self.policy;
        faults.at_least_one("policy.epochs", policy.epochs, "the policy would not change");
        faults.at_least_one("policy.update_epochs", policy.update_epochs, "the policy would not change");
        faults.at_least("policy.batch", policy.batch, 1.0);
        faults.at_least("policy.entropy_coef", policy.entropy_coef, 0.0);
        faults.at_least("policy.divergence_coef", policy.divergence_coef, 0.0);
        faults.positive("policy.clip_range", policy.clip_range);
        faults.positive("policy.actor_learning_rate", policy.actor_learning_rate);
        faults.positive("policy.critic_learning_rate", policy.critic_learning_rate);
        faults.positive("policy.max_grad_norm", policy.max_grad_norm);
        if policy.rehearse_target != Trusted::None && policy.rehearsal_steps == 0 {
            faults.add("policy.rehearse_target", "is set, but policy.rehearsal_steps is 0: set that too".to_owned());
        }
        if policy.augment && self.pretrain.augment.is_none() {
            faults.add("policy.augment", "is set, but [pretrain.augment] has no change: set one there".to_owned());
        }
        if policy.baseline == Some(Baseline::MeanTeacher) && !policy.augment {
            let why = "is \"mean-teacher\", but policy.augment is not set: the student would see what the teacher sees";
            faults.add("policy.baseline", why.to_owned());
        }
        if policy.baseline == Some(Baseline::SelfTraining) && policy.pseudo_references == Trusted::None {
            let why = "is \"self-training\", but policy.pseudo_references is \"none\": there is nothing to train on";
            faults.add("policy.baseline", why.to_owned());
        }
        if policy.augment && self.reward.model != RewardKind::Network {
            let why = "is set, but reward.model is not \"network\": the references of changed images are not known";
            faults.add("policy.augment", why.to_owned());
        } else if policy.augment && self.collect.source_cases == 0 {
            let why = "is set, but collect.source_cases is 0: the reward network would be asked about changed images and \
                       have seen none";
            faults.add("policy.augment", why.to_owned());
        }
        faults.within("policy.pseudo_share", policy.pseudo_share, 0.0, 1.0);
        if let Some(shrink_perturb) = &policy.shrink_perturb {
            faults.within("policy.shrink_perturb.shrink", shrink_perturb.shrink, 0.0, 1.0);
            faults.within("policy.shrink_perturb.std", shrink_perturb.std, 0.0, 1.0);
        }
    }
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The key, as `policy.clip_range`.
    pub key: String,
    /// In words, as `a number above 0`.
    pub expected: String,
}

/// What [`RawConfig::check`] demands of single values, in the order in which it looks at them.
#[must_use]
pub fn expectations() -> Vec<Expectation> {
    let component = || ComponentTable { component: String::new(), settings: toml::Table::new() };
    let mut faults = Faults::default();
    let mut config = RawConfig {
        modality: String::new(),
        output: std::path::PathBuf::new(),
        seed: 0,
        iterations: 0,
        source: component(),
        target: component(),
        splits: Default::default(),
        preprocess: Default::default(),
        network: Default::default(),
        pretrain: Default::default(),
        collect: Default::default(),
        validity: Vec::new(),
        distortion: Vec::new(),
        corrector: component(),
        reward: Default::default(),
        policy: Default::default(),
    };
    config.policy.shrink_perturb = Some(ShrinkPerturb { shrink: 1.0, std: 0.0 });
    config.look_at(&mut faults);
    faults.expectations
}

/// What was found, and what was looked for.
#[derive(Default)]
struct Faults {
    found: Vec<Fault>,
    expectations: Vec<Expectation>,
}

impl Faults {
    fn add(&mut self, key: &str, message: String) {
        self.found.push(Fault { key: key.to_owned(), message });
    }

    fn expect(&mut self, key: &str, is_so: bool, found: impl std::fmt::Display, expected: String) {
        if !is_so {
            self.add(key, format!("is {found}; expected {expected}"));
        }
        self.expectations.push(Expectation { key: key.to_owned(), expected });
    }

    fn at_least_one(&mut self, key: &str, found: usize, why: &str) {
        self.expect(key, found > 0, format!("0: {why}"), "1 or more".to_owned());
    }

    fn at_least(&mut self, key: &str, found: Schedule, min: f64) {
        let initial = found.initial();
        self.expect(key, initial.is_finite() && initial >= min, initial, format!("{min} or more"));
    }

    fn positive(&mut self, key: &str, found: f64) {
        self.expect(key, found.is_finite() && found > 0.0, found, "a number above 0".to_owned());
    }

    fn within(&mut self, key: &str, found: f64, min: f64, max: f64) {
        self.expect(key, (min..=max).contains(&found), found, format!("a number from {min} to {max}"));
    }

    fn share(&mut self, key: &str, found: f64) {
        self.expect(key, found > 0.0 && found < 1.0, found, "a share between 0 and 1, as 0.1".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(extra: &str) -> RawConfig {
        toml::from_str(&format!(
            r#"
modality = "echo"
output = "run"
distortion = [{{ component = "contrast" }}]
validity = [{{ component = "echo/anatomy" }}]
corrector = {{ component = "morphology" }}
source = {{ component = "echo/camus" }}
target = {{ component = "echo/camus", root = "ours" }}
{extra}"#
        ))
        .unwrap()
    }

    #[test]
    fn the_published_defaults_are_sound() {
        assert!(config("").check().is_ok());
    }

    #[test]
    fn a_switch_without_what_it_switches_is_told() {
        let ConfigError::Faults(faults) =
            config("[policy]\nrehearse_target = \"accepted\"\naugment = true\n").check().unwrap_err()
        else {
            panic!("expected faults")
        };
        let keys: Vec<&str> = faults.iter().map(|fault| fault.key.as_str()).collect();
        assert_eq!(keys, ["policy.rehearse_target", "policy.augment", "policy.augment"]);
        let text = "[policy]\nrehearse_target = \"accepted\"\nrehearsal_steps = 1\naugment = true\n[pretrain.augment]\nnoise = 0.1\n[collect]\nsource_cases = 1\n";
        assert!(config(text).check().is_ok());
    }

    #[test]
    fn the_last_iteration_may_trust_more() {
        let policy = |text: &str| config(text).check().unwrap().policy;
        let text = "[policy]\npseudo_references = \"accepted\"\nlast_iteration_trusts = \"corrected\"\n";
        assert_eq!(policy(text).trusted(false), [Trusted::Accepted, Trusted::None]);
        assert_eq!(policy(text).trusted(true), [Trusted::Corrected, Trusted::None]);
        assert_eq!(policy("").trusted(true), [Trusted::Accepted, Trusted::None]);
    }

    #[test]
    fn a_baseline_without_what_it_learns_from_is_told() {
        for (text, key) in [
            ("[policy]\nbaseline = \"mean-teacher\"\n", "policy.baseline"),
            ("[policy]\nbaseline = \"self-training\"\npseudo_references = \"none\"\n", "policy.baseline"),
        ] {
            let ConfigError::Faults(faults) = config(text).check().unwrap_err() else { panic!("expected faults") };
            assert_eq!(faults.iter().map(|fault| fault.key.as_str()).collect::<Vec<_>>(), [key]);
        }
        assert!(config("[policy]\nbaseline = \"tent\"\n").check().is_ok());
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let text = "[policy]\nclip_range = -1.0\nbatch = 0.0\n[reward]\ntest = 1.5\n[network]\nwidth = 7\n";
        let ConfigError::Faults(faults) = config(text).check().unwrap_err() else { panic!("expected faults") };
        let keys: Vec<&str> = faults.iter().map(|fault| fault.key.as_str()).collect();
        assert_eq!(keys, ["network.width", "reward.test", "policy.batch", "policy.clip_range"]);
    }

    #[test]
    fn nothing_to_distort_with_is_told_before_the_run() {
        let empty = |more: &str| {
            let text = toml::to_string(&config(more)).unwrap();
            let mut config: RawConfig = toml::from_str(&text).unwrap();
            config.distortion.clear();
            config.check()
        };
        let error = empty("").unwrap_err().to_string();
        assert!(error.contains("[[distortion]]") && error.contains("collect.distort"), "{error}");
        assert!(empty("[collect]\ndistort = \"none\"\n").is_ok());
        assert!(empty("[reward]\nmodel = \"dice\"\n").is_ok());
    }

    #[test]
    fn what_is_expected_is_told_without_a_configuration() {
        let of = |key: &str| expectations().into_iter().find(|expectation| expectation.key == key).unwrap().expected;
        assert_eq!(of("policy.pseudo_share"), "a number from 0 to 1");
        assert_eq!(of("pretrain.augment.rotation_deg"), "degrees from 0 to 180");
        assert_eq!(of("policy.shrink_perturb.std"), "a number from 0 to 1");
    }

    #[test]
    fn one_data_set_is_both_domains_only_where_that_makes_sense() {
        let same = |more: &str| {
            let mut config = config(more);
            config.target = config.source.clone();
            config
        };
        assert!(same("").check().unwrap_err().to_string().contains("nothing to adapt to"));
        assert!(same("[reward]\nmodel = \"dice\"\n").check().is_ok());
        let mut pretrained = same("");
        pretrained.iterations = 0;
        assert!(pretrained.check().is_ok());
    }
}
