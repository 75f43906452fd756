//! Label maps without stray pieces: a corrector.

use rl4seg_sdk::{measure::cleaning, prelude::*};

/// Keeps the largest piece of each of some structures.
struct LargestPiece {
    structures: Vec<u8>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
struct LargestPieceConfig {
    /// The labels of the structures.
    structures: Vec<u8>,
}

impl Component for LargestPiece {
    const ID: &'static str = "largest-piece";
    const DOC: &'static str = "Keeps the largest piece of each structure in `structures`";
    type Config = LargestPieceConfig;

    fn new(LargestPieceConfig { structures }: LargestPieceConfig) -> Result<Self> {
        Ok(Self { structures })
    }
}

impl Corrector for LargestPiece {
    fn candidates(&self, labels: &LabelMap) -> Result<Vec<LabelMap>> {
        if labels.is_background() {
            return Ok(Vec::new());
        }
        let mut corrected = labels.clone();
        self.structures.iter().for_each(|&structure| cleaning::keep_largest(&mut corrected, structure));
        Ok(vec![corrected])
    }
}

export_plugin! {
    correctors: [LargestPiece];
}

#[cfg(test)]
mod tests {
    use rl4seg_sdk::{conformance, fixtures::label_map};

    use super::*;

    #[test]
    fn stray_pieces_go() {
        let corrector = LargestPiece::new(LargestPieceConfig { structures: vec![1] }).unwrap();
        let candidates = corrector.candidates(&label_map(&["11..1", "11.2.", "....2"])).unwrap();
        assert_eq!(candidates, [label_map(&["11...", "11.2.", "....2"])]);
    }

    #[test]
    fn it_keeps_what_correctors_promise() {
        conformance::check_configuration::<LargestPiece>(r#"{"structures": [1]}"#).unwrap();
        let corrector = LargestPiece::new(LargestPieceConfig { structures: vec![1, 2] }).unwrap();
        conformance::check_corrector(&corrector, &[label_map(&["..11", ".122"])]).unwrap();
    }
}
