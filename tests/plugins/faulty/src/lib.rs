//! A plugin that misbehaves as its configuration says, to test what stands between it and the program.
#![allow(clippy::panic, reason = "panics are what it is for")]

use std::{
    fs::File,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use rl4seg_sdk::{fixtures::label_map, prelude::*};

/// One component of every kind in one type.
struct Faulty {
    behaviour: Behaviour,
    hangs: Option<PathBuf>,
    calls: AtomicUsize,
}

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(crate = "rl4seg_sdk::schemars")]
enum Behaviour {
    /// What it should.
    Sound,
    /// It refuses to be made.
    ErrorWhenMade,
    /// It panics when it is made.
    PanicWhenMade,
    /// It panics when it is freed.
    PanicWhenFreed,
    /// It panics when it is asked for its label set.
    PanicOnLabels,
    /// It returns an error with a cause.
    Error,
    /// It panics.
    Panic,
    /// It measures NaN.
    Nan,
    /// It answers on another grid.
    OtherGrid,
    /// It asks for an altered image on another grid.
    OtherImage,
    /// It asks for an altered image with a channel more.
    OtherChannels,
    /// It gives a reference with a label that it does not have.
    OtherLabel,
    /// It answers otherwise with every call.
    Fickle,
    /// Its answer depends on what other calls are under way.
    Racy,
    /// Its finding has no unit.
    Nameless,
    /// Its finding has no value and does not say why.
    Silent,
    /// It panics where there is one voxel.
    PanicOnOneVoxel,
    /// It refuses everything.
    Refuse,
    /// It never answers.
    Hang,
    /// It takes memory until there is none; or 8 GiB, so that a test that does not stop it ends.
    Hoard,
    /// It asks for more memory at once than there can be.
    Greedy,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
struct Config {
    behaviour: Behaviour,
    /// The file that is made as soon as it hangs.
    #[serde(default)]
    hangs: Option<PathBuf>,
}

fn failure() -> ComponentError {
    ComponentError::new(ErrorKind::Unreadable, "the disk is gone").context("reading the atlas")
}

fn hoard() {
    const PIECE: usize = 4 << 20;
    let mut pieces = Vec::new();
    while pieces.len() * PIECE < 8 << 30 {
        // Zeros would take no memory before they are written.
        pieces.push(std::hint::black_box(vec![1_u8; PIECE]));
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Faulty {
    fn act(&self) -> Result<()> {
        match self.behaviour {
            Behaviour::Error => Err(failure()),
            Behaviour::Panic => panic!("index 7 is out of bounds"),
            Behaviour::Hang => {
                if let Some(path) = &self.hangs {
                    File::create(path)
                        .map_err(|error| ComponentError::new(ErrorKind::Unreadable, error.to_string()))?;
                }
                loop {
                    std::thread::park();
                }
            }
            Behaviour::Hoard => {
                hoard();
                Ok(())
            }
            Behaviour::Greedy => {
                std::hint::black_box(Vec::<u8>::with_capacity(1 << 60));
                Ok(())
            }
            Behaviour::Refuse => Err(ComponentError::new(ErrorKind::Unsupported, "not of my kind")),
            _ => Ok(()),
        }
    }

    /// Which call this is, as far as it makes a difference.
    fn turn(&self) -> usize {
        match self.behaviour {
            Behaviour::Fickle => self.calls.fetch_add(1, Ordering::SeqCst),
            _ => 0,
        }
    }

    /// How many other calls are under way, where that makes a difference.
    fn company(&self) -> usize {
        if self.behaviour != Behaviour::Racy {
            return 0;
        }
        let others = self.calls.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(5));
        self.calls.fetch_sub(1, Ordering::SeqCst);
        others
    }

    /// `labels`, or a map on another grid.
    fn answer(&self, labels: &LabelMap) -> LabelMap {
        if self.behaviour == Behaviour::OtherGrid { label_map(&["1"]) } else { labels.clone() }
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        assert_ne!(self.behaviour, Behaviour::PanicWhenFreed, "freed twice");
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
            behaviour => Ok(Self { behaviour, hangs: config.hangs, calls: AtomicUsize::new(0) }),
        }
    }
}

impl ValidityMetric for Faulty {
    fn assess(&self, labels: &LabelMap) -> Result<Vec<Finding>> {
        self.act()?;
        if self.behaviour == Behaviour::PanicOnOneVoxel && labels.grid().len() == 1 {
            panic!("index 7 is out of bounds");
        }
        let inside = labels.labels().iter().filter(|&&label| label != 0).count();
        let voxels = inside + self.turn() + self.company();
        // 0.1 has no finite binary form, so it shows whether numbers arrive as they were.
        let value = if self.behaviour == Behaviour::Nan { f64::NAN } else { voxels as f64 * 0.1 };
        Ok(vec![Finding {
            metric: "voxels".to_owned(),
            value: (self.behaviour != Behaviour::Silent).then_some(value),
            unit: if self.behaviour == Behaviour::Nameless { "" } else { "1" }.to_owned(),
            accepted: AcceptedRange { min: Some(0.1), max: None },
            plane: None,
            note: None,
        }])
    }
}

impl DistortionGenerator for Faulty {
    fn requests(&self, image: &Image, accepted: &LabelMap, seed: Seed) -> Result<Vec<DistortionRequest>> {
        self.act()?;
        let altered = match self.behaviour {
            Behaviour::OtherImage => Some(Image::new(Grid::plane([1, 1], [1.0, 1.0])?, 1, vec![0.0])?),
            Behaviour::OtherChannels => Some(Image::new(*image.grid(), 2, [image.values(), image.values()].concat())?),
            _ => None,
        };
        if let Some(altered) = altered {
            return Ok(vec![DistortionRequest {
                name: "altered".to_owned(),
                wrong_map: WrongMap::OfAlteredImage(altered),
            }]);
        }
        Ok(vec![
            DistortionRequest { name: "given".to_owned(), wrong_map: WrongMap::Given(self.answer(accepted)) },
            DistortionRequest {
                name: "noise".to_owned(),
                wrong_map: WrongMap::OfNoisyPolicy { std: 0.1 + self.turn() as f64, seed },
            },
        ])
    }
}

impl Corrector for Faulty {
    fn fit(&mut self, _references: &[LabelMap]) -> Result<()> {
        self.act()
    }

    fn candidates(&self, labels: &LabelMap) -> Result<Vec<LabelMap>> {
        self.act()?;
        Ok(vec![self.answer(labels); 1 + self.turn()])
    }
}

/// Takes any setting.
struct Lenient;

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rl4seg_sdk::schemars")]
struct AnyConfig {}

impl Component for Lenient {
    const ID: &'static str = "lenient";
    const DOC: &'static str = "Takes any setting";
    type Config = AnyConfig;

    fn new(AnyConfig {}: AnyConfig) -> Result<Self> {
        Ok(Self)
    }
}

impl ValidityMetric for Lenient {
    fn assess(&self, _labels: &LabelMap) -> Result<Vec<Finding>> {
        Ok(Vec::new())
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
        if self.faulty.behaviour == Behaviour::PanicOnLabels {
            panic!("index 7 is out of bounds");
        }
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
        let last = if self.faulty.behaviour == Behaviour::Nan { f32::NAN } else { 3.0 };
        Ok(Image::new(Grid::plane([2, 2], [1.0, 1.0])?, 1, vec![0.0, 1.0, 2.0, last])?)
    }

    fn reference(&self, _id: &CaseId) -> Result<Option<LabelMap>> {
        self.faulty.act()?;
        Ok(Some(match self.faulty.behaviour {
            Behaviour::OtherLabel => label_map(&[".1", "19"]),
            Behaviour::OtherGrid => label_map(&["1"]),
            _ => label_map(&[".1", "11"]),
        }))
    }
}

export_plugin! {
    data_sources: [OneCase];
    validity_metrics: [Faulty, Lenient];
    distortion_generators: [Faulty];
    correctors: [Faulty];
}
