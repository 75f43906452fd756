use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use crate::run_dir::{RunError, Step, StepKind, layout, read_json, read_json_lines};

/// A line of a run's `metrics.jsonl`: what an epoch of a step came to or, without an epoch, what the step did. The numbers
/// are those of the step's own files, by name; `docs/metrics.md` tells what each means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricsLine {
    /// The iteration; 0 is before the adaptation.
    pub iteration: usize,
    /// The step.
    pub step: StepKind,
    /// The epoch, from 1 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<usize>,
    /// The numbers. What could not be measured is not there.
    #[serde(flatten)]
    pub values: BTreeMap<String, Number>,
}

impl MetricsLine {
    /// The step.
    pub(super) fn step(&self) -> Step {
        Step::new(self.iteration, self.step)
    }

    /// Of an epoch that has just been completed; `epoch` is what the step's `metrics.jsonl` will get.
    pub(super) fn of_epoch(step: Step, epoch: &impl Serialize) -> Result<Self, RunError> {
        let value = serde_json::to_value(epoch).map_err(|error| RunError::Encode(error.to_string()))?;
        Ok(Self::new(step, value))
    }

    /// Of a finished step in its folder: its epochs, then what it came to.
    pub(super) fn of_finished(step: Step, folder: &Path) -> Result<Vec<Self>, RunError> {
        let read = |name: &str| -> Result<Vec<Value>, RunError> {
            let path = folder.join(name);
            if path.is_file() { read_json_lines(&path) } else { Ok(Vec::new()) }
        };
        let mut lines: Vec<Self> = read(layout::METRICS)?.into_iter().map(|epoch| Self::new(step, epoch)).collect();
        let mut of_step = Self::new(step, read_json(&folder.join(layout::STEP))?);
        for origin in read(layout::ORIGINS)? {
            flatten(&format!("origins.{}.", origin_name(&origin["origin"])), &origin, &mut of_step.values);
        }
        lines.push(of_step);
        Ok(lines)
    }

    fn new(step: Step, value: Value) -> Self {
        let mut values = BTreeMap::new();
        flatten("", &value, &mut values);
        let epoch =
            values.remove("epoch").and_then(|epoch| epoch.as_u64()).and_then(|epoch| usize::try_from(epoch).ok());
        Self { iteration: step.iteration, step: step.kind, epoch, values }
    }
}

/// Numbers by their dotted names. What stands in a list goes by its own name in place of the list's.
fn flatten(prefix: &str, value: &Value, into: &mut BTreeMap<String, Number>) {
    let Value::Object(fields) = value else { return };
    for (key, value) in fields {
        match value {
            Value::Number(number) => {
                into.insert(format!("{prefix}{key}"), number.clone());
            }
            Value::Object(_) => flatten(&format!("{prefix}{key}."), value, into),
            Value::Array(items) => {
                for (name, item) in items.iter().filter_map(named) {
                    flatten(&format!("{prefix}{name}."), item, into);
                }
            }
            _ => {}
        }
    }
}

fn named(item: &Value) -> Option<(&str, &Value)> {
    Some((item.get("name")?.as_str()?, item))
}

/// As `distorted-swap`; a point, which separates the parts of a metric's name, becomes `_`.
fn origin_name(origin: &Value) -> String {
    let none = Map::new();
    let fields = origin.as_object().unwrap_or(&none);
    let words = ["kind", "name"].into_iter().filter_map(|key| fields.get(key)?.as_str());
    words.collect::<Vec<_>>().join("-").replace('.', "_")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_epoch_is_told_alike_while_it_is_new_and_when_its_step_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let step = Step::new(2, StepKind::ImprovePolicy);
        let epoch = json!({ "epoch": 1, "entropy": 0.1, "validation": { "valid": 1.0, "reward": null } });
        std::fs::write(folder.path().join(layout::METRICS), format!("{epoch}\n")).unwrap();
        std::fs::write(folder.path().join(layout::STEP), r#"{ "chosen_epoch": 1 }"#).unwrap();
        let lines = MetricsLine::of_finished(step, folder.path()).unwrap();
        assert_eq!(lines[0], MetricsLine::of_epoch(step, &epoch).unwrap());
        let text: Vec<String> = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
        let first = r#"{"iteration":2,"step":"improve-policy","epoch":1,"entropy":0.1,"validation.valid":1.0}"#;
        assert_eq!(text, [first, r#"{"iteration":2,"step":"improve-policy","chosen_epoch":1}"#]);
        assert_eq!(serde_json::from_str::<MetricsLine>(first).unwrap(), lines[0]);
    }

    #[test]
    fn structures_and_origins_go_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let summary =
            json!({ "target": { "valid": 0.5, "structures": [{ "name": "lungs", "dice": 0.9, "assd_mm": null }] } });
        std::fs::write(folder.path().join(layout::STEP), summary.to_string()).unwrap();
        let origin = json!({ "origin": { "kind": "distorted", "name": "contrast-0.7" }, "ece": 0.1 });
        std::fs::write(folder.path().join(layout::ORIGINS), format!("{origin}\n")).unwrap();
        let lines = MetricsLine::of_finished(Step::new(1, StepKind::Evaluate), folder.path()).unwrap();
        let names: Vec<&String> = lines[0].values.keys().collect();
        assert_eq!(names, ["origins.distorted-contrast-0_7.ece", "target.lungs.dice", "target.valid"]);
    }
}
