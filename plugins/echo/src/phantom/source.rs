//! The data source `phantom`.

use std::collections::HashMap;

use rl4seg_sdk::{
    component::{ComponentError, DataSource, ErrorKind, Result},
    domain::{CaseEntry, CaseId, Image, LabelMap, LabelSet, Seed, Split},
    preprocess::{Clahe, Preprocess},
};
use serde::Deserialize;

use super::{
    heart::Instant,
    parameters::Parameters,
    scan::{Phantom, Shot},
};
use crate::labels::labels;

/// Sizes that anatomy and speckle are meant for, pixels.
const SIZES: std::ops::RangeInclusive<usize> = 32..=1024;
/// Largest distance from the source domain that still gives hearts.
const MAX_SEVERITY: f32 = 1.5;

/// Which of the two domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Domain {
    /// A good scanner, standard views.
    Source,
    /// Other views and patients, a noisier scanner, more artefacts.
    Target,
}

/// The configuration of the data source `phantom`.
///
/// Patients have an image at end-diastole and one at end-systole, and are never torn apart by a
/// split; with an odd number of images, the last patient of that split has the first one only.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhantomConfig {
    /// `"source"` or `"target"`.
    pub domain: Domain,
    /// Everything is drawn from this number; the same number gives the same images.
    pub seed: u64,
    /// Width and height of the images, 32 to 1024 pixels.
    #[serde(default = "default_size")]
    pub size: usize,
    /// Number of images to train on.
    pub train: usize,
    /// Number of images to choose checkpoints on.
    pub validation: usize,
    /// Number of images to report results on.
    pub test: usize,
    /// How far the target lies from the source, 0 to 1.5: 0 has the source's distributions, 1 the
    /// target's of the published benchmark. Only for the target; 1 if left out.
    #[serde(default)]
    pub severity: Option<f32>,
}

fn default_size() -> usize {
    128
}

/// Made-up images of one domain; each is made when it is asked for.
#[derive(Debug)]
pub struct PhantomSource {
    phantom: Phantom,
    labels: LabelSet,
    cases: Vec<CaseEntry>,
    shots: HashMap<CaseId, Shot>,
}

impl PhantomSource {
    /// The cases that `config` describes.
    ///
    /// # Errors
    /// If a setting is out of range.
    pub fn new(config: &PhantomConfig) -> Result<Self> {
        config.check()?;
        let (cases, shots) =
            table_of_contents(config).into_iter().map(|(case, shot)| (case.clone(), (case.id, shot))).unzip();
        let seed = Seed(config.seed).named("phantom").named(config.domain.prefix());
        Ok(Self { phantom: Phantom::new(config.parameters(), seed, config.size), labels: labels()?, cases, shots })
    }

    fn shot(&self, id: &CaseId) -> Result<Shot> {
        self.shots.get(id).copied().ok_or_else(|| {
            let known = format!("{} to {}", self.cases[0].id, self.cases[self.cases.len() - 1].id);
            let message = format!("the phantom has no case `{id}`; it has {} cases, {known}", self.cases.len());
            ComponentError::new(ErrorKind::NotFound, message)
        })
    }
}

impl DataSource for PhantomSource {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn cases(&self) -> Result<Vec<CaseEntry>> {
        Ok(self.cases.clone())
    }

    fn image(&self, id: &CaseId) -> Result<Image> {
        let equalise = Preprocess { clahe: Some(Clahe::default()), ..Preprocess::default() };
        Ok(equalise.apply(&self.phantom.image(self.shot(id)?)?)?.image)
    }

    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
        self.phantom.labels(self.shot(id)?).map(Some)
    }
}

impl Domain {
    /// What its case ids begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Source => "sou",
            Self::Target => "tar",
        }
    }
}

impl PhantomConfig {
    fn check(&self) -> Result<()> {
        let refuse = |message: String| Err(ComponentError::new(ErrorKind::Configuration, message));
        if !SIZES.contains(&self.size) {
            return refuse(format!("`size` is {}; expected {} to {} pixels", self.size, SIZES.start(), SIZES.end()));
        }
        if self.train + self.validation + self.test == 0 {
            return refuse("`train`, `validation` and `test` are all 0; expected at least one image".to_owned());
        }
        match (self.domain, self.severity) {
            (Domain::Source, Some(severity)) => refuse(format!(
                "`severity` is {severity} for the source domain, which it does not change; give it for the target only"
            )),
            (Domain::Target, Some(severity)) if !(0.0..=MAX_SEVERITY).contains(&severity) => {
                refuse(format!("`severity` is {severity}; expected 0 (the source's distributions) to {MAX_SEVERITY}"))
            }
            _ => Ok(()),
        }
    }

    fn parameters(&self) -> Parameters {
        match self.domain {
            Domain::Source => Parameters::SOURCE,
            Domain::Target => Parameters::at_severity(self.severity.unwrap_or(1.0)),
        }
    }
}

/// Training patients first, then validation, then test.
fn table_of_contents(config: &PhantomConfig) -> Vec<(CaseEntry, Shot)> {
    let splits = [(Split::Train, config.train), (Split::Validation, config.validation), (Split::Test, config.test)];
    let mut cases = Vec::new();
    let mut first_patient = 0;
    for (split, images) in splits {
        for index in 0..images {
            let instant = if index % 2 == 0 { Instant::EndDiastole } else { Instant::EndSystole };
            let shot = Shot { patient: first_patient + index / 2, instant };
            let group = format!("{}{:04}", config.domain.prefix(), shot.patient);
            let id = CaseId(format!("{group}_4CH_{}", instant.code()));
            cases.push((CaseEntry { id, group, split: Some(split), has_reference: true }, shot));
        }
        first_patient += images.div_ceil(2);
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(domain: Domain) -> PhantomConfig {
        PhantomConfig { domain, seed: 1, size: 64, train: 4, validation: 1, test: 2, severity: None }
    }

    #[test]
    fn patients_are_not_torn_apart() {
        let cases = PhantomSource::new(&config(Domain::Target)).unwrap().cases().unwrap();
        let found: Vec<_> = cases.iter().map(|case| (case.id.as_str(), case.group.as_str(), case.split)).collect();
        assert_eq!(
            found,
            [
                ("tar0000_4CH_ED", "tar0000", Some(Split::Train)),
                ("tar0000_4CH_ES", "tar0000", Some(Split::Train)),
                ("tar0001_4CH_ED", "tar0001", Some(Split::Train)),
                ("tar0001_4CH_ES", "tar0001", Some(Split::Train)),
                ("tar0002_4CH_ED", "tar0002", Some(Split::Validation)),
                ("tar0003_4CH_ED", "tar0003", Some(Split::Test)),
                ("tar0003_4CH_ES", "tar0003", Some(Split::Test)),
            ]
        );
    }

    #[test]
    fn a_seed_gives_the_same_image_and_another_seed_another() {
        let image = |seed| {
            let source = PhantomSource::new(&PhantomConfig { seed, ..config(Domain::Source) }).unwrap();
            source.image(&CaseId("sou0001_4CH_ES".to_owned())).unwrap()
        };
        assert_eq!(image(1), image(1));
        assert_ne!(image(1), image(2));
    }

    #[test]
    fn images_do_not_depend_on_how_many_are_asked_for() {
        let image = |train| {
            let source = PhantomSource::new(&PhantomConfig { train, ..config(Domain::Target) }).unwrap();
            source.image(&CaseId("tar0001_4CH_ED".to_owned())).unwrap()
        };
        assert_eq!(image(4), image(100));
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let source = config(Domain::Source);
        let target = config(Domain::Target);
        for bad in [
            PhantomConfig { size: 8, ..source.clone() },
            PhantomConfig { train: 0, validation: 0, test: 0, ..source.clone() },
            PhantomConfig { severity: Some(0.5), ..source },
            PhantomConfig { severity: Some(f32::NAN), ..target.clone() },
            PhantomConfig { severity: Some(1.6), ..target },
        ] {
            let error = PhantomSource::new(&bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{bad:?}: {error}");
        }
    }

    #[test]
    fn a_case_of_the_other_domain_is_not_found() {
        let source = PhantomSource::new(&config(Domain::Source)).unwrap();
        let error = source.image(&CaseId("tar0000_4CH_ED".to_owned())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("sou0000_4CH_ED to sou0003_4CH_ES"), "{error}");
    }
}
