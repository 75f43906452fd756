//! Frontal chest radiographs for `rl4seg`: both lungs and the heart.

use rl4seg_sdk::{
    component::Modality,
    domain::LabelSet,
    export_plugin,
    io::nifti::ThirdAxis,
    method_preset_with,
    phantom::PhantomSource,
    prelude::*,
    sources::{CasesCsv, ImageKind, Images, Msd, Nnunet, Table},
};

pub mod masks;
pub mod phantom;
pub mod proportions;

mod gray_png;

use masks::PngMasks;
use phantom::Radiograph;
use proportions::Proportions;

/// The patient's right lung, which a frontal image shows on the left.
pub const RIGHT_LUNG: u8 = 1;
/// The patient's left lung.
pub const LEFT_LUNG: u8 = 2;
/// The heart.
pub const HEART: u8 = 3;

/// Chest radiographs.
#[derive(Debug)]
pub struct ChestXray;

impl ImageKind for ChestXray {
    /// A radiograph has none; a file with one is a sequence.
    const THIRD_AXIS: ThirdAxis = ThirdAxis::Time;

    fn labels() -> Result<LabelSet> {
        let label = |value, name: &str, color| Label { value, name: name.to_owned(), color };
        Ok(LabelSet::new(vec![
            label(0, "background", [0, 0, 0]),
            label(RIGHT_LUNG, "right lung", [65, 145, 214]),
            label(LEFT_LUNG, "left lung", [88, 176, 110]),
            label(HEART, "heart", [214, 69, 65]),
        ])?)
    }
}

/// What `rl4seg` has to know about chest radiographs to start from one word.
///
/// # Errors
/// If its labels do not make a set.
pub fn modality() -> Result<Modality> {
    Ok(Modality {
        id: "chest-xray".to_owned(),
        doc: "Chest radiographs: lungs and heart in frontal images".to_owned(),
        labels: ChestXray::labels()?,
        preset: [include_str!("../preset.toml"), &method()?].concat(),
        folder_sources: ["cases-csv", "nnunet", "msd", "table", "images"]
            .map(|name| format!("chest-xray/{name}"))
            .to_vec(),
        phantom: Some("chest-xray/phantom".to_owned()),
    })
}

/// The method, but for corrections: of lungs that the shape prior draws, it made a network worse (docs/adaptation.md).
fn method() -> Result<String> {
    let why = "Not even that one here: a lung that the corrector draws is too far from the true one.";
    method_preset_with("last_iteration_trusts", "\"accepted\"", why)
}

export_plugin! {
    modality: modality;
    data_sources: [PngMasks, CasesCsv<ChestXray>, Nnunet<ChestXray>, Msd<ChestXray>, Table<ChestXray>, Images<ChestXray>, PhantomSource<Radiograph>];
    validity_metrics: [Proportions];
}
