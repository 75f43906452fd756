use super::{Coverage, inputs::label_maps, require, steady};
use crate::{
    component::{Result, ValidityMetric},
    domain::{Finding, LabelMap},
    findings::require_finite,
};

/// A metric judges each of `examples`, which are of its kind, and keeps the promises of [`question_validity_metric`] with
/// them, the same grids without a structure, and label maps of every other kind.
///
/// # Errors
/// The first broken promise.
pub fn check_validity_metric(metric: &(impl ValidityMetric + ?Sized), examples: &[LabelMap]) -> Result<()> {
    for (index, example) in examples.iter().enumerate() {
        let what = format!("example {index}");
        check(metric, example, &what)?;
        metric.assess(example).map_err(|error| error.context(what.clone()))?;
        check(metric, &LabelMap::background(*example.grid()), &format!("{what}, emptied"))?;
    }
    let values: Vec<u8> = examples.iter().flat_map(LabelMap::labels).copied().collect();
    question_validity_metric(metric, &values).map(|_| ())
}

/// Label maps of every kind ([`label_maps`]) with these labels a metric judges the same each time, by any number of
/// threads, without NaN, and says why where there is no value. What is not of its kind it may refuse.
///
/// # Errors
/// The first broken promise.
pub fn question_validity_metric(metric: &(impl ValidityMetric + ?Sized), values: &[u8]) -> Result<Coverage> {
    let mut coverage = Coverage::default();
    for (what, labels) in label_maps(values)? {
        coverage.add(check(metric, &labels, &what)?);
    }
    Ok(coverage)
}

/// Whether the label map was judged.
fn check(metric: &(impl ValidityMetric + ?Sized), labels: &LabelMap, what: &str) -> Result<bool> {
    let findings = steady(|| {
        let findings = metric.assess(labels)?;
        findings.iter().try_for_each(require_finite)?;
        Ok(findings)
    });
    let findings = findings.and_then(|findings| {
        findings.iter().flatten().try_for_each(|finding| check_finding(finding, labels)).map(|()| findings)
    });
    findings.map(|findings| findings.is_some()).map_err(|error| error.context(what))
}

fn check_finding(finding: &Finding, labels: &LabelMap) -> Result<()> {
    let name = &finding.metric;
    require(!name.is_empty() && !finding.unit.is_empty(), || format!("the finding `{name}` lacks a name or a unit"))?;
    require(finding.value.is_some() || finding.note.is_some(), || {
        format!("the finding `{name}` has no value and does not say why")
    })?;
    require(finding.plane.is_none_or(|plane| plane < labels.grid().planes()), || {
        format!("the finding `{name}` is of plane {:?} of {}", finding.plane, labels.grid().planes())
    })
}
