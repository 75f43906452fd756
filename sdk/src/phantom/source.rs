//! The data source `phantom`.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Phantom, Shot};
use crate::{
    component::{ComponentError, DataSource, ErrorKind, Result},
    domain::{CaseEntry, CaseId, Image, LabelMap, LabelSet, Seed, Split},
};

/// Sizes that anatomy and texture are meant for, pixels.
const SIZES: std::ops::RangeInclusive<usize> = 32..=1024;
/// Largest distance from the source domain that still gives anatomies.
const MAX_SEVERITY: f32 = 1.5;

/// Which of the two domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Domain {
    /// The one with labels.
    Source,
    /// Another scanner, other patients.
    Target,
}

/// The configuration of the data source `phantom`.
///
/// Patients have all of [`Phantom::IMAGES`] and are never torn apart by a split; the last patient of a split
/// may have fewer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
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
    /// target's. Only for the target; 1 if left out.
    #[serde(default)]
    pub severity: Option<f32>,
}

fn default_size() -> usize {
    128
}

/// Made-up images of one domain; each is made when it is asked for. It is the component `phantom` of every plugin
/// that exports it.
#[derive(Debug)]
pub struct PhantomSource<P> {
    phantom: P,
    labels: LabelSet,
    cases: Vec<CaseEntry>,
    shots: HashMap<CaseId, Shot>,
}

impl<P: Phantom> PhantomSource<P> {
    /// The cases that `config` describes.
    ///
    /// # Errors
    /// If a setting is out of range.
    pub fn new(config: &PhantomConfig) -> Result<Self> {
        const { assert!(!P::IMAGES.is_empty(), "a patient has at least one image") };
        config.check()?;
        let (cases, shots) = table_of_contents(config, P::IMAGES)
            .into_iter()
            .map(|(case, shot)| (case.clone(), (case.id, shot)))
            .unzip();
        let seed = Seed(config.seed).named("phantom").named(config.domain.prefix());
        Ok(Self { phantom: P::new(config.distance(), seed, config.size), labels: P::labels()?, cases, shots })
    }

    fn shot(&self, id: &CaseId) -> Result<Shot> {
        self.shots.get(id).copied().ok_or_else(|| {
            let known = format!("{} to {}", self.cases[0].id, self.cases[self.cases.len() - 1].id);
            let message = format!("the phantom has no case `{id}`; it has {} cases, {known}", self.cases.len());
            ComponentError::new(ErrorKind::NotFound, message)
        })
    }
}

impl<P: Phantom> crate::Component for PhantomSource<P> {
    const ID: &'static str = "phantom";
    const DOC: &'static str = P::DOC;
    type Config = PhantomConfig;

    fn new(config: PhantomConfig) -> Result<Self> {
        Self::new(&config)
    }
}

impl<P: Phantom> DataSource for PhantomSource<P> {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn cases(&self) -> Result<Vec<CaseEntry>> {
        Ok(self.cases.clone())
    }

    fn image(&self, id: &CaseId) -> Result<Image> {
        self.phantom.image(self.shot(id)?)
    }

    fn reference(&self, id: &CaseId) -> Result<Option<LabelMap>> {
        self.phantom.label_map(self.shot(id)?).map(Some)
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

    /// From the source domain.
    fn distance(&self) -> f32 {
        match self.domain {
            Domain::Source => 0.0,
            Domain::Target => self.severity.unwrap_or(1.0),
        }
    }
}

/// Training patients first, then validation, then test.
fn table_of_contents(config: &PhantomConfig, names: &[&str]) -> Vec<(CaseEntry, Shot)> {
    let splits = [(Split::Train, config.train), (Split::Validation, config.validation), (Split::Test, config.test)];
    let mut cases = Vec::new();
    let mut first_patient = 0;
    for (split, images) in splits {
        for index in 0..images {
            let shot = Shot { patient: first_patient + index / names.len(), image: index % names.len() };
            let group = format!("{}{:04}", config.domain.prefix(), shot.patient);
            let id = CaseId(format!("{group}_{}", names[shot.image]));
            cases.push((CaseEntry { id, group, split: Some(split), has_reference: true }, shot));
        }
        first_patient += images.div_ceil(names.len());
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Grid, Label};

    /// Noise in [0, 1) around a rectangle.
    #[derive(Debug)]
    struct Noise {
        severity: f32,
        seed: Seed,
        grid: Grid,
    }

    impl Phantom for Noise {
        const DOC: &'static str = "Noise";
        const IMAGES: &'static [&'static str] = &["4CH_ED", "4CH_ES"];

        fn labels() -> Result<LabelSet> {
            let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
            Ok(LabelSet::new(vec![label(0, "background"), label(1, "rectangle")])?)
        }

        fn new(severity: f32, seed: Seed, size: usize) -> Self {
            Self { severity, seed, grid: Grid::plane([size; 2], [1.0; 2]).unwrap() }
        }

        fn image(&self, shot: Shot) -> Result<Image> {
            let seed = self.seed.indexed(shot.patient).indexed(shot.image);
            let value = |index| (seed.indexed(index).0 % 1000) as f32 / 1000.0 + self.severity;
            Ok(Image::new(self.grid, 1, (0..self.grid.len()).map(value).collect())?)
        }

        fn label_map(&self, _: Shot) -> Result<LabelMap> {
            let labels = (0..self.grid.len()).map(|index| u8::from(index < self.grid.len() / 2));
            Ok(LabelMap::new(self.grid, labels.collect())?)
        }
    }

    type PhantomSource = super::PhantomSource<Noise>;

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
    fn the_source_keeps_what_data_sources_promise() {
        crate::conformance::check_data_source(&PhantomSource::new(&config(Domain::Target)).unwrap()).unwrap();
    }

    #[test]
    fn severity_is_that_of_the_target_and_1_unless_said() {
        let severity = |domain, severity| {
            PhantomSource::new(&PhantomConfig { severity, ..config(domain) }).unwrap().phantom.severity
        };
        assert_eq!([severity(Domain::Source, None), severity(Domain::Target, None)], [0.0, 1.0]);
        assert_eq!(severity(Domain::Target, Some(0.5)), 0.5);
    }

    #[test]
    fn what_never_fits_is_given_up() {
        let mut attempts = 0;
        let never = super::super::draw_until_fit::<()>("heart", |attempt| {
            attempts = attempt + 1;
            Ok(None)
        });
        assert!(never.unwrap_err().to_string().contains("no heart in 64 draws"));
        assert_eq!(attempts, 64);
        let third = super::super::draw_until_fit("heart", |attempt| Ok((attempt == 2).then_some(attempt)));
        assert_eq!(third.unwrap(), 2);
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
