use rl4seg_sdk::prelude::*;

/// No settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub(crate) struct Nothing {}

/// Looks at nothing: what a call costs by itself.
pub(crate) struct Constant;

/// As `Constant`, with ten findings: what a finding costs.
pub(crate) struct Ten;

/// Looks at every voxel once, so fast that a call still shows beside it.
pub(crate) struct Area;

impl Component for Constant {
    const ID: &'static str = "constant";
    const DOC: &'static str = "Always the same finding";
    type Config = Nothing;

    fn new(Nothing {}: Nothing) -> Result<Self> {
        Ok(Self)
    }
}

impl ValidityMetric for Constant {
    fn assess(&self, _: &LabelMap) -> Result<Vec<Finding>> {
        Ok(vec![finding("constant", 0.1)])
    }
}

impl Component for Ten {
    const ID: &'static str = "ten";
    const DOC: &'static str = "Always the same ten findings";
    type Config = Nothing;

    fn new(Nothing {}: Nothing) -> Result<Self> {
        Ok(Self)
    }
}

impl ValidityMetric for Ten {
    fn assess(&self, _: &LabelMap) -> Result<Vec<Finding>> {
        Ok((0..10).map(|number| finding("ten", f64::from(number) / 10.0)).collect())
    }
}

impl Component for Area {
    const ID: &'static str = "area";
    const DOC: &'static str = "Area that is not background, in mm2";
    type Config = Nothing;

    fn new(Nothing {}: Nothing) -> Result<Self> {
        Ok(Self)
    }
}

impl ValidityMetric for Area {
    fn assess(&self, labels: &LabelMap) -> Result<Vec<Finding>> {
        let [y_mm, x_mm] = labels.grid().spacing_mm();
        // Of 255 voxels there are no more than a byte counts, and bytes are added 16 or more at a time.
        let voxels_of = |part: &[u8]| usize::from(part.iter().map(|&label| u8::from(label != 0)).sum::<u8>());
        let voxels: usize = labels.labels().chunks(usize::from(u8::MAX)).map(voxels_of).sum();
        Ok(vec![finding("area", voxels as f64 * y_mm * x_mm)])
    }
}

fn finding(metric: &str, value: f64) -> Finding {
    Finding {
        metric: metric.to_owned(),
        value: Some(value),
        unit: "mm2".to_owned(),
        accepted: AcceptedRange { min: Some(0.0), max: None },
        plane: None,
        note: None,
    }
}
