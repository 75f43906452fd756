//! What each component of this plugin is called, and what it is made from.

use rl4seg_sdk::{Component, component::Result};

use crate::{
    anatomy::Anatomy,
    distortions::{ShapeConfig, ShapeDistortions},
    sources::{Camus, CamusConfig, EchonetDynamic, EchonetDynamicConfig},
};

impl Component for Camus {
    const ID: &'static str = "camus";
    const DOC: &'static str = "CAMUS as published: patient0001/patient0001_4CH_ED.nii.gz, ..._gt.nii.gz";
    type Config = CamusConfig;

    fn new(config: CamusConfig) -> Result<Self> {
        Self::new(config)
    }
}

impl Component for EchonetDynamic {
    const ID: &'static str = "echonet-dynamic";
    const DOC: &'static str = "Traced frames of EchoNet-Dynamic: FileList.csv, VolumeTracings.csv, Videos/*.avi";
    type Config = EchonetDynamicConfig;

    fn new(config: EchonetDynamicConfig) -> Result<Self> {
        Self::new(config)
    }
}

impl Component for Anatomy {
    const ID: &'static str = "anatomy";
    const DOC: &'static str = "Holes, fragments, openings and proportions of left ventricle and myocardium";
    type Config = Self;

    fn new(config: Self) -> Result<Self> {
        Ok(config)
    }
}

impl Component for ShapeDistortions {
    const ID: &'static str = "shape";
    const DOC: &'static str = "Leaks, shifted and thinned walls, missing bases, fragments and holes";
    type Config = ShapeConfig;

    fn new(config: ShapeConfig) -> Result<Self> {
        Self::new(&config)
    }
}
