//! A plugin that misbehaves as its configuration says, to test what stands between it and the program.
#![allow(clippy::panic, reason = "panics are what it is for")]

use rl4seg_sdk::{fixtures::label_map, prelude::*};

/// One component of every kind in one type.
struct Faulty(Behaviour);

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Behaviour {
    /// What it should.
    Sound,
    /// It refuses to be made.
    ErrorWhenMade,
    /// It panics when it is made.
    PanicWhenMade,
    /// It returns an error with a cause.
    Error,
    /// It panics.
    Panic,
    /// It measures NaN.
    Nan,
    /// It answers on another grid.
    OtherGrid,
    /// It gives a reference with a label that it does not have.
    OtherLabel,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    behaviour: Behaviour,
}

fn failure() -> ComponentError {
    ComponentError::new(ErrorKind::Unreadable, "the disk is gone").context("reading the atlas")
}

impl Faulty {
    fn act(&self) -> Result<()> {
        match self.0 {
            Behaviour::Error => Err(failure()),
            Behaviour::Panic => panic!("index 7 is out of bounds"),
            _ => Ok(()),
        }
    }

    /// `labels`, or a map on another grid.
    fn answer(&self, labels: &LabelMap) -> LabelMap {
        if self.0 == Behaviour::OtherGrid { label_map(&["1"]) } else { labels.clone() }
    }
}

impl Component for Faulty {
    const ID: &'static str = "component";
    const DOC: &'static str = "Misbehaves as its configuration says";
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        match config.behaviour {
            Behaviour::ErrorWhenMade => Err(failure()),
            Behaviour::PanicWhenMade => panic!("no memory for the atlas"),
            behaviour => Ok(Self(behaviour)),
        }
    }
}

impl ValidityMetric for Faulty {
    fn assess(&self, labels: &LabelMap) -> Result<Vec<Finding>> {
        self.act()?;
        let voxels = labels.labels().iter().filter(|&&label| label != 0).count();
        // 0.1 has no finite binary form, so it shows whether numbers arrive as they were.
        let value = if self.0 == Behaviour::Nan { f64::NAN } else { voxels as f64 * 0.1 };
        Ok(vec![Finding {
            metric: "voxels".to_owned(),
            value: Some(value),
            unit: "1".to_owned(),
            accepted: AcceptedRange { min: Some(0.1), max: None },
            plane: None,
            note: None,
        }])
    }
}

impl DistortionGenerator for Faulty {
    fn requests(&self, _image: &Image, accepted: &LabelMap, seed: Seed) -> Result<Vec<DistortionRequest>> {
        self.act()?;
        Ok(vec![
            DistortionRequest { name: "given".to_owned(), wrong_map: WrongMap::Given(self.answer(accepted)) },
            DistortionRequest { name: "noise".to_owned(), wrong_map: WrongMap::OfNoisyPolicy { std: 0.1, seed } },
        ])
    }
}

impl Corrector for Faulty {
    fn fit(&mut self, _references: &[LabelMap]) -> Result<()> {
        self.act()
    }

    fn candidates(&self, labels: &LabelMap) -> Result<Vec<LabelMap>> {
        self.act()?;
        Ok(vec![self.answer(labels)])
    }
}

/// A data source of one case.
struct OneCase {
    labels: LabelSet,
    faulty: Faulty,
}

impl Component for OneCase {
    const ID: &'static str = "source";
    const DOC: &'static str = "One case";
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        let label = |value, name: &str| Label { value, name: name.to_owned(), color: [value; 3] };
        let labels = LabelSet::new(vec![label(0, "background"), label(1, "heart")])?;
        Ok(Self { labels, faulty: Faulty::new(config)? })
    }
}

impl DataSource for OneCase {
    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn cases(&self) -> Result<Vec<CaseEntry>> {
        self.faulty.act()?;
        let id = CaseId("only".to_owned());
        Ok(vec![CaseEntry { id, group: "only".to_owned(), split: Some(Split::Train), has_reference: true }])
    }

    fn image(&self, id: &CaseId) -> Result<Image> {
        self.faulty.act()?;
        if id.as_str() != "only" {
            return Err(ComponentError::new(ErrorKind::NotFound, format!("there is no case `{id}`")));
        }
        let last = if self.faulty.0 == Behaviour::Nan { f32::NAN } else { 3.0 };
        Ok(Image::new(Grid::plane([2, 2], [1.0, 1.0])?, 1, vec![0.0, 1.0, 2.0, last])?)
    }

    fn reference(&self, _id: &CaseId) -> Result<Option<LabelMap>> {
        self.faulty.act()?;
        let wrong = self.faulty.0 == Behaviour::OtherLabel;
        Ok(Some(label_map(if wrong { &[".1", "19"] } else { &[".1", "11"] })))
    }
}

export_plugin! {
    data_sources: [OneCase];
    validity_metrics: [Faulty];
    distortion_generators: [Faulty];
    correctors: [Faulty];
}
