//! What `rl4seg` has to know about echocardiography to start from one word.

use rl4seg_sdk::{
    METHOD_PRESET,
    component::{Modality, Result},
};

use crate::labels::labels;

const SHAPE_DISTORTIONS: &str = r#"
# Published: those above alone. Small pieces, holes and leaks are what is left when all else is right.
[[distortion]]
component = "echo/shape"
strength_mm = [1.5, 6.0]
"#;

/// Two- and four-chamber views of the left ventricle and its wall.
///
/// # Errors
/// If its labels do not make a set.
pub fn modality() -> Result<Modality> {
    Ok(Modality {
        id: "echo".to_owned(),
        doc: "Echocardiography: left ventricle and myocardium in apical views".to_owned(),
        labels: labels()?,
        preset: [include_str!("../preset.toml"), METHOD_PRESET, SHAPE_DISTORTIONS].concat(),
        folder_sources: ["camus", "cases-csv", "nnunet", "msd", "table", "images"]
            .map(|name| format!("echo/{name}"))
            .to_vec(),
        phantom: Some("echo/phantom".to_owned()),
    })
}
