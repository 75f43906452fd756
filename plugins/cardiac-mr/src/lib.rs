//! Short-axis cine MR for `rl4seg`: both ventricles and the myocardium between and around them.

use rl4seg_sdk::{
    METHOD_PRESET,
    component::Modality,
    domain::LabelSet,
    export_plugin,
    io::nifti::ThirdAxis,
    phantom::PhantomSource,
    prelude::*,
    sources::{CasesCsv, ImageKind, Images, Msd, Nnunet, Table},
};

pub mod acdc;
pub mod phantom;
pub mod shape;

use acdc::Acdc;
use phantom::ShortAxis;
use shape::Shape;

/// The cavity of the right ventricle. Labels are numbered as in ACDC.
pub const RIGHT_VENTRICLE: u8 = 1;
/// The muscle around the left ventricle.
pub const MYOCARDIUM: u8 = 2;
/// The cavity of the left ventricle.
pub const LEFT_VENTRICLE: u8 = 3;

/// Short-axis slices.
#[derive(Debug)]
pub struct CardiacMr;

impl ImageKind for CardiacMr {
    /// Cine MR is a stack of slices; sequences are stored one frame a file.
    const THIRD_AXIS: ThirdAxis = ThirdAxis::Depth;

    fn labels() -> Result<LabelSet> {
        let label = |value, name: &str, color| Label { value, name: name.to_owned(), color };
        Ok(LabelSet::new(vec![
            label(0, "background", [0, 0, 0]),
            label(RIGHT_VENTRICLE, "right ventricle", [65, 145, 214]),
            label(MYOCARDIUM, "myocardium", [88, 176, 110]),
            label(LEFT_VENTRICLE, "left ventricle", [214, 69, 65]),
        ])?)
    }
}

/// What `rl4seg` has to know about short-axis slices to start from one word.
///
/// # Errors
/// If its labels do not make a set.
pub fn modality() -> Result<Modality> {
    Ok(Modality {
        id: "cardiac-mr".to_owned(),
        doc: "Cardiac MR: ventricles and myocardium in short-axis slices".to_owned(),
        labels: CardiacMr::labels()?,
        preset: [include_str!("../preset.toml"), METHOD_PRESET].concat(),
        folder_sources: ["acdc", "cases-csv", "nnunet", "msd", "table", "images"]
            .map(|name| format!("cardiac-mr/{name}"))
            .to_vec(),
        phantom: Some("cardiac-mr/phantom".to_owned()),
    })
}

export_plugin! {
    modality: modality;
    data_sources: [Acdc, CasesCsv<CardiacMr>, Nnunet<CardiacMr>, Msd<CardiacMr>, Table<CardiacMr>, Images<CardiacMr>, PhantomSource<ShortAxis>];
    validity_metrics: [Shape];
}
