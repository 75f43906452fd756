//! Whether a structure is in one piece: a validity metric.

use rl4seg_sdk::{
    measure::{Components, Connectivity, Mask, Part},
    prelude::*,
};

/// The number of pieces of one structure, in an image, each frame of a sequence, or a volume.
struct Pieces {
    label: u8,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
struct PiecesConfig {
    /// The label of the structure.
    label: u8,
}

impl Component for Pieces {
    const ID: &'static str = "pieces";
    const DOC: &'static str = "Number of pieces of a structure, of which a valid one has one";
    type Config = PiecesConfig;

    fn new(PiecesConfig { label }: PiecesConfig) -> Result<Self> {
        Ok(Self { label })
    }
}

impl ValidityMetric for Pieces {
    fn assess(&self, labels: &LabelMap) -> Result<Vec<Finding>> {
        let parts = Part::of(labels);
        let finding = |part: &Part| Finding {
            metric: format!("pieces_of_{}", self.label),
            value: Some(Components::of(&Mask::of_part(labels, part, self.label), Connectivity::Full).len() as f64),
            unit: "1".to_owned(),
            accepted: AcceptedRange::exactly(1.0),
            plane: (parts.len() > 1).then_some(part.planes.start),
            note: None,
        };
        Ok(parts.iter().map(finding).collect())
    }
}

export_plugin! {
    validity_metrics: [Pieces];
}

#[cfg(test)]
mod tests {
    use rl4seg_sdk::{conformance, fixtures::label_map};

    use super::*;

    #[test]
    fn two_pieces_are_not_valid() {
        let metric = Pieces::new(PiecesConfig { label: 1 }).unwrap();
        let verdict = |rows: &[&str]| Verdict::of(&metric.assess(&label_map(rows)).unwrap());
        assert_eq!(verdict(&[".11.", ".11."]), Verdict::Valid);
        assert_eq!(verdict(&["1..1", "...1"]), Verdict::Invalid);
    }

    #[test]
    fn it_keeps_what_metrics_promise() {
        conformance::check_configuration::<Pieces>(r#"{"label": 1}"#).unwrap();
        let metric = Pieces::new(PiecesConfig { label: 1 }).unwrap();
        conformance::check_validity_metric(&metric, &[label_map(&["..11", ".122"])]).unwrap();
    }
}
