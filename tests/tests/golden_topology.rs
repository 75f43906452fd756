//! The topological part of the validity metric of echo, written as rules: the same verdict on every recorded mask.

use std::collections::BTreeSet;

use anyhow::Result;
use rl4seg_core::{
    component::ValidityMetric,
    domain::{Finding, Grid, LabelMap, Verdict},
    plugin::Catalog,
};
use rl4seg_echo::anatomy::Anatomy;
use rl4seg_tests::fixtures::Set;

/// What [`RULES`] say, as findings of echo.
const TOPOLOGICAL: [&str; 6] = [
    "lv_absent",
    "holes_in_lv",
    "holes_in_epi",
    "disconnectivity_in_lv",
    "disconnectivity_in_myo",
    "holes_between_lv_and_myo",
];

/// `NOISE` is the size of the gaps that echo takes for noise, mm².
const RULES: &str = r#"
structures = { lv = 1, myo = 2, epi = [1, 2] }
rules = [
    { measure = "components", of = "lv", min = 1 },
    { measure = "holes", of = "lv", max = 0, connectivity = "full" },
    { measure = "holes", of = "epi", max = 0, connectivity = "full" },
    { measure = "outside-largest", of = "lv", max = 0 },
    { measure = "outside-largest", of = "myo", max = 0 },
    { measure = "gaps", of = ["lv", "myo"], max = 0, outside = "first-voxel", ignore_up_to = NOISE },
]
"#;

#[test]
fn rules_and_the_metric_of_echo_agree_on_topology() -> Result<()> {
    let set = Set::open("anatomy")?;
    let catalog = Catalog::builtin_only();
    let mut seen = BTreeSet::new();
    for size in set.variants("masks_", ".npy.gz")? {
        let masks = set.array::<u8>(&format!("masks_{size}.npy.gz"))?;
        let grid = Grid::plane([masks.shape[1], masks.shape[2]], [1.0, 1.0])?;
        let rules = RULES.replace("NOISE", &format!("{:?}", grid.len() as f64 / 16384.0));
        let rules: serde_json::Value = toml::from_str(&rules)?;
        let topology = catalog.validity_metric("topology", &rules.to_string())?;
        for (index, mask) in masks.items().enumerate() {
            let labels = LabelMap::new(grid, mask.to_vec())?;
            let findings = Anatomy::default().assess(&labels)?;
            let of_echo: Vec<&Finding> =
                findings.iter().filter(|finding| TOPOLOGICAL.contains(&finding.metric.as_str())).collect();
            assert_eq!(of_echo.len(), TOPOLOGICAL.len());
            let found = topology.assess(&labels)?;
            let verdict = Verdict::of(&found);
            assert_eq!(verdict, Verdict::of(of_echo.iter().copied()), "{size}, mask {index}: {found:?} {of_echo:?}");
            seen.insert(verdict == Verdict::Valid);
        }
    }
    assert_eq!(seen.len(), 2, "all verdicts are the same");
    Ok(())
}
