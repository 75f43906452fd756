//! Echocardiography for `rl4seg`: left ventricle and myocardium in apical views.

use rl4seg_sdk::export_plugin;

pub mod anatomy;
pub mod distortions;
pub mod labels;
pub mod modality;
pub mod phantom;
pub mod sources;

mod components;

use anatomy::Anatomy;
use distortions::ShapeDistortions;
use modality::modality;
use phantom::PhantomSource;
use sources::{Camus, CasesCsv, EchonetDynamic, Images, Msd, Nnunet, Table};

export_plugin! {
    modality: modality;
    data_sources: [Camus, EchonetDynamic, CasesCsv, Nnunet, Msd, Table, Images, PhantomSource];
    validity_metrics: [Anatomy];
    distortion_generators: [ShapeDistortions];
}
