use super::{Baseline, ConfigError, Fault, RawConfig, RewardKind, Schedule, Trusted};
use crate::domain::Seed;

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
        self.check_loop(&mut faults);
        self.check_reward(&mut faults);
        self.check_policy(&mut faults);
        if faults.0.is_empty() { Ok(Plan(self)) } else { Err(ConfigError::Faults(faults.0)) }
    }

    fn check_loop(&self, faults: &mut Faults) {
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
        if !(2..=MOST_WIDTH).contains(&width) || !width.is_multiple_of(2) {
            faults.add("network.width", format!("is {width}; expected an even number from 2 to {MOST_WIDTH}"));
        }
        if self.network.component.is_none() && !self.network.settings.is_empty() {
            let message =
                "is of a plugin's network, but network.component names none; set it, or leave the settings out";
            faults.add("network.settings", message.to_owned());
        }
        if self.iterations > MOST_ITERATIONS {
            faults.add("iterations", format!("is {}; expected at most {MOST_ITERATIONS}", self.iterations));
        }
        if self.pretrain.epochs == 0 && self.pretrain.checkpoint.is_none() {
            faults.add("pretrain.epochs", "is 0 and pretrain.checkpoint is not set; set one of the two".to_owned());
        }
        if let Err(error) = self.pretrain.augment.check() {
            faults.add("pretrain.augment", error.to_string());
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

#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, key: &str, message: String) {
        self.0.push(Fault { key: key.to_owned(), message });
    }

    fn at_least_one(&mut self, key: &str, found: usize, why: &str) {
        if found == 0 {
            self.add(key, format!("is 0; expected 1 or more: {why}"));
        }
    }

    fn at_least(&mut self, key: &str, found: Schedule, min: f64) {
        if !(found.initial().is_finite() && found.initial() >= min) {
            self.add(key, format!("starts at {}; expected {min} or more", found.initial()));
        }
    }

    fn positive(&mut self, key: &str, found: f64) {
        if !(found.is_finite() && found > 0.0) {
            self.add(key, format!("is {found}; expected a number above 0"));
        }
    }

    fn within(&mut self, key: &str, found: f64, min: f64, max: f64) {
        if !(min..=max).contains(&found) {
            self.add(key, format!("is {found}; expected a number from {min} to {max}"));
        }
    }

    fn share(&mut self, key: &str, found: f64) {
        if !(found > 0.0 && found < 1.0) {
            self.add(key, format!("is {found}; expected a share between 0 and 1, as 0.1"));
        }
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
distortion = []
validity = [{{ component = "echo/anatomy" }}]
corrector = {{ component = "morphology" }}
source = {{ component = "echo/camus" }}
target = {{ component = "echo/camus" }}
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
}
