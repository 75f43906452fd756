//! What every modality promises: a phantom that its own preset judges valid, in two domains that differ.

use anyhow::{Context, Result};
use rl4seg_cardiac_mr as _;
use rl4seg_chest_xray as _;
use rl4seg_core::{
    component::{DataSource, Modality, ValidityMetric},
    config::ComponentTable,
    domain::{Finding, Verdict},
    plugin::Catalog,
};
use rl4seg_echo as _;
use rl4seg_sdk::conformance;
use serde::Deserialize;
use serde_json::json;

const MODALITIES: [&str; 3] = ["cardiac-mr", "chest-xray", "echo"];

#[derive(Deserialize)]
struct Preset {
    validity: Vec<ComponentTable>,
    distortion: Vec<ComponentTable>,
    corrector: ComponentTable,
}

fn modality<'a>(catalog: &'a Catalog, id: &str) -> Result<(&'a Modality, Preset)> {
    let modality = catalog.modality(id).with_context(|| format!("no modality {id}"))?;
    Ok((modality, toml::from_str(&modality.preset)?))
}

fn phantom(catalog: &Catalog, modality: &Modality, domain: &str) -> Result<Box<dyn DataSource>> {
    let config = json!({ "domain": domain, "seed": 4, "size": 128, "train": 40, "validation": 0, "test": 0 });
    Ok(catalog.data_source(modality.phantom.as_ref().context("no phantom")?, &config.to_string())?)
}

fn metrics(catalog: &Catalog, preset: &Preset) -> Result<Vec<Box<dyn ValidityMetric>>> {
    let make = |table: &ComponentTable| Ok(catalog.validity_metric(&table.component, &table.settings_json())?);
    preset.validity.iter().map(make).collect()
}

#[test]
fn every_label_map_of_a_phantom_is_valid_by_the_preset() -> Result<()> {
    let catalog = Catalog::builtin_only();
    for id in MODALITIES {
        let (modality, preset) = modality(&catalog, id)?;
        let metrics = metrics(&catalog, &preset)?;
        for domain in ["source", "target"] {
            let source = phantom(&catalog, modality, domain)?;
            for case in source.cases()? {
                let labels = source.reference(&case.id)?.context("a phantom has label maps")?;
                let findings: Result<Vec<Vec<Finding>>, _> =
                    metrics.iter().map(|metric| metric.assess(&labels)).collect();
                let findings = findings?.concat();
                assert_eq!(Verdict::of(&findings), Verdict::Valid, "{id}, {}: {findings:?}", case.id);
                for structure in modality.labels.structures() {
                    assert!(labels.labels().contains(&structure.value), "{id}, {}: no {}", case.id, structure.name);
                }
            }
        }
    }
    Ok(())
}

#[test]
fn an_empty_label_map_is_valid_in_no_modality() -> Result<()> {
    let catalog = Catalog::builtin_only();
    for id in MODALITIES {
        let (modality, preset) = modality(&catalog, id)?;
        let source = phantom(&catalog, modality, "source")?;
        let case = source.cases()?.remove(0);
        let mut labels = source.reference(&case.id)?.context("a phantom has label maps")?;
        labels.labels_mut().fill(0);
        let mut findings = Vec::new();
        for metric in metrics(&catalog, &preset)? {
            findings.extend(metric.assess(&labels)?);
        }
        assert_ne!(Verdict::of(&findings), Verdict::Valid, "{id}");
    }
    Ok(())
}

#[test]
fn every_component_of_a_preset_is_there_and_the_phantom_keeps_what_data_sources_promise() -> Result<()> {
    let catalog = Catalog::builtin_only();
    for id in MODALITIES {
        let (modality, preset) = modality(&catalog, id)?;
        for table in &preset.distortion {
            catalog.distortion_generator(&table.component, &table.settings_json())?;
        }
        catalog.corrector(&preset.corrector.component, &preset.corrector.settings_json())?;
        for source in &modality.folder_sources {
            let error = catalog.data_source(source, r#"{ "root": "nowhere" }"#).err().context("a folder nowhere")?;
            let error = format!("{:#}", anyhow::Error::from(error));
            assert!(error.contains("nowhere"), "{error}");
        }
        let source = phantom(&catalog, modality, "target")?;
        conformance::check_data_source(source.as_ref())?;
    }
    Ok(())
}
