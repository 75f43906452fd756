//! What each component of this plugin is called, and what it is made from.

use rl4seg_sdk::{Component, component::Result};

use crate::{
    anatomy::Anatomy,
    distortions::{ShapeConfig, ShapeDistortions},
    phantom::{PhantomConfig, PhantomSource},
    sources::{Camus, CamusConfig, CasesCsv, CasesCsvConfig},
};

impl Component for Camus {
    const ID: &'static str = "camus";
    const DOC: &'static str = "CAMUS as published: patient0001/patient0001_4CH_ED.nii.gz, ..._gt.nii.gz";
    type Config = CamusConfig;

    fn new(config: CamusConfig) -> Result<Self> {
        Self::new(config)
    }
}

impl Component for CasesCsv {
    const ID: &'static str = "cases-csv";
    const DOC: &'static str = "A table of cases (cases.csv) with the folders img/ and gt/";
    type Config = CasesCsvConfig;

    fn new(config: CasesCsvConfig) -> Result<Self> {
        Self::new(config)
    }
}

impl Component for PhantomSource {
    const ID: &'static str = "phantom";
    const DOC: &'static str = "Made-up echocardiograms of a source and a shifted target domain, with label maps";
    type Config = PhantomConfig;

    fn new(config: PhantomConfig) -> Result<Self> {
        Self::new(&config)
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
