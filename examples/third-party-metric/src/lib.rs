//! A validity metric by someone who knows nothing of `rl4seg` but its SDK.
//!
//! ```text
//! cargo build --release
//! rl4seg plugins inspect target/release/libthird_party_metric.so
//! ```
//!
//! In a run's configuration:
//!
//! ```toml
//! [[validity]]
//! component = "third-party-metric/area"
//! label = 1
//! accepted_mm2 = [500.0, 4000.0]
//! ```

use rl4seg_sdk::prelude::*;

/// The area of one structure, in every slice or frame.
struct Area {
    label: u8,
    accepted: AcceptedRange,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
struct AreaConfig {
    /// The label of the structure.
    label: u8,
    /// Smallest and largest accepted area, mm2.
    accepted_mm2: [f64; 2],
}

impl Component for Area {
    const ID: &'static str = "area";
    const DOC: &'static str = "Area of one structure in every slice or frame, in mm2";
    type Config = AreaConfig;

    fn new(config: AreaConfig) -> Result<Self> {
        let AreaConfig { label, accepted_mm2: [min, max] } = config;
        if min > max {
            let message = format!("accepted_mm2 is [{min}, {max}]; expected the smaller area first");
            return Err(ComponentError::new(ErrorKind::Configuration, message));
        }
        Ok(Self { label, accepted: AcceptedRange { min: Some(min), max: Some(max) } })
    }
}

impl ValidityMetric for Area {
    fn assess(&self, labels: &LabelMap) -> Result<Vec<Finding>> {
        let [y_mm, x_mm] = labels.grid().spacing_mm();
        let findings = (0..labels.grid().planes()).map(|plane| {
            let voxels = labels.plane(plane).iter().filter(|&&label| label == self.label).count();
            let present = voxels > 0;
            Finding {
                metric: format!("area_of_{}", self.label),
                value: present.then_some(voxels as f64 * y_mm * x_mm),
                unit: "mm2".to_owned(),
                accepted: self.accepted,
                plane: Some(plane),
                note: (!present).then(|| format!("label {} is not there", self.label)),
            }
        });
        Ok(findings.collect())
    }
}

export_plugin! {
    validity_metrics: [Area];
}

#[cfg(test)]
mod tests {
    use rl4seg_sdk::{conformance, fixtures::label_map};

    use super::*;

    #[test]
    fn an_area_is_physical() {
        let metric = Area::new(AreaConfig { label: 2, accepted_mm2: [1.0, 2.0] }).unwrap();
        let findings = metric.assess(&label_map(&["..22", ".122"])).unwrap();
        assert_eq!(findings[0].value, Some(4.0));
        assert_eq!(Verdict::of(&findings), Verdict::Invalid);
        assert_eq!(Verdict::of(&metric.assess(&label_map(&["11"])).unwrap()), Verdict::Unmeasurable);
    }

    #[test]
    fn it_keeps_the_contract() {
        let config = r#"{"label": 1, "accepted_mm2": [1.0, 20.0]}"#;
        conformance::check_configuration::<Area>(config).unwrap();
        let metric = Area::new(AreaConfig { label: 1, accepted_mm2: [1.0, 20.0] }).unwrap();
        conformance::check_validity_metric(&metric, &[label_map(&["..11", ".122"])]).unwrap();
    }
}
