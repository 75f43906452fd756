//! What the policy can do: the arg-max labels of every test case of both domains, compared in the
//! image's own geometry. The only step that sees a label of the target domain.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    AdaptError, Calibration, Components, Observer, PreparedCase, Progress, StepContext, batches,
    calibrate::ECE_BINS,
    components::Judges,
    observer::report,
    prepared::{prepare, shapes, stack},
    review::{CaseMaps, See},
    rollout::rewards,
    state::{latest_policy, latest_reward},
};
use crate::{
    component::ComponentError,
    config::Plan,
    domain::{CaseId, Finding, Label, LabelMap, LabelSet, Split, Verdict, VoxelMap},
    measure::{self, StructureScore, calibration::EqualWidth, mean},
    run_dir::layout,
};

/// One segmented test case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    /// `source` or `target`.
    pub domain: String,
    /// Which case.
    pub case: CaseId,
    /// Whether the result is anatomically possible.
    pub verdict: Verdict,
    /// The measurements behind the verdict that are not valid.
    pub findings: Vec<Finding>,
    /// Comparison with the reference, structure by structure; absent where there is none.
    pub structures: Option<Vec<StructureScore>>,
    /// Mean calibrated probability of being right, where a reward network was fitted.
    pub mean_reward: Option<f64>,
}

impl CaseResult {
    /// Mean Dice over the structures.
    #[must_use]
    pub fn dice(&self) -> Option<f64> {
        mean(self.structures.iter().flatten().filter_map(|score| score.dice))
    }

    /// Mean Hausdorff distance over the structures, mm.
    #[must_use]
    pub fn hausdorff_mm(&self) -> Option<f64> {
        mean(self.structures.iter().flatten().filter_map(|score| score.hausdorff_mm))
    }
}

/// What the results of a domain come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainSummary {
    /// Number of test cases.
    pub cases: usize,
    /// Share of results that are anatomically valid.
    pub valid: f64,
    /// Mean of the structures' mean Dice; absent without references.
    pub dice: Option<f64>,
    /// Mean of the structures' mean Hausdorff distance, mm.
    pub hausdorff_mm: Option<f64>,
    /// Each structure.
    pub structures: Vec<StructureSummary>,
    /// Expected calibration error of the reward map (20 bins, voxels where result or reference is
    /// not background), where there are references and a reward network.
    pub ece: Option<f64>,
}

/// Means over the cases of a domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StructureSummary {
    /// The structure's name.
    pub name: String,
    /// Mean Dice.
    pub dice: Option<f64>,
    /// Mean Hausdorff distance over the cases where it can be measured, mm.
    pub hausdorff_mm: Option<f64>,
    /// Mean 95th percentile of the surface distances, mm.
    pub hd95_mm: Option<f64>,
    /// Mean average symmetric surface distance, mm.
    pub assd_mm: Option<f64>,
    /// Cases where result or reference lacks the structure, so that no distance can be measured.
    pub missing: usize,
}

/// What `evaluate` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluateSummary {
    /// The test cases of the source domain.
    pub source: DomainSummary,
    /// The test cases of the target domain.
    pub target: DomainSummary,
}

/// A result with what the summary needs beyond it.
pub(super) struct Scored {
    pub(super) result: CaseResult,
    /// Calibrated probability and correctness of the voxels that count for the ECE.
    pub(super) confidence: Vec<(f32, bool)>,
    pub(super) uncertainty: f64,
    pub(super) voxels: usize,
    pub(super) segmented: usize,
}

type Reference<'a> = &'a (dyn Fn(&CaseId) -> Result<Option<LabelMap>, ComponentError> + Sync);

/// The test cases of a domain.
struct TestCases<'a> {
    domain: &'a str,
    cases: &'a [PreparedCase],
    reference: Reference<'a>,
    /// Sees the maps of each.
    look: See<'a>,
}

pub(super) fn run(context: &mut StepContext<'_>, components: &mut Components) -> Result<Value, AdaptError> {
    let (_, policy) = latest_policy(context.run.root())?;
    components.policy.restore(&policy)?;
    let calibration = if context.step.iteration == 0 {
        None
    } else {
        let (reward, calibration) = latest_reward(context.run.root())?;
        components.reward.restore(&reward)?;
        Some(calibration)
    };
    let (components, calibration) = (&*components, calibration.as_ref());
    let (mut of_source, mut of_target) = (Results::new()?, Results::new()?);
    let plan = context.plan;
    evaluate_source((plan, context.observer), components, calibration, &mut |scored| of_source.add(scored))?;
    let take: Take<'_> = &mut |scored| of_target.add(scored);
    evaluate_target((plan, context.observer), components, calibration, (&|_| Ok(()), take))?;
    let labels = &components.judges.labels;
    let summary = EvaluateSummary { source: of_source.summary(labels), target: of_target.summary(labels) };
    let results: Vec<&CaseResult> = of_source.cases.iter().chain(&of_target.cases).collect();
    context.work.write_json_lines(layout::CASES, &results)?;
    context.work.write_json(layout::SUMMARY, &summary)?;
    serde_json::to_value(&summary).map_err(|error| AdaptError::Data(error.to_string()))
}

/// Takes the scored cases of a domain in their order.
pub(super) type Take<'a> = &'a mut dyn FnMut(Scored) -> Result<(), AdaptError>;

/// A function of its own, so that the domain's images are gone when the other's come.
fn evaluate_source(
    (plan, observer): (&Plan, &mut dyn Observer),
    components: &Components,
    calibration: Option<&Calibration>,
    take: Take<'_>,
) -> Result<(), AdaptError> {
    let source = &components.source;
    let cases = prepare(source.cases(Split::Test), |id| source.image(id), &plan.preprocess, observer)?;
    let reference = |id: &CaseId| source.reference(id).map(Some);
    let cases = TestCases { domain: "source", cases: &cases, reference: &reference, look: &|_| Ok(()) };
    evaluate((plan, observer), components, calibration, cases, take)
}

pub(super) fn evaluate_target(
    (plan, observer): (&Plan, &mut dyn Observer),
    components: &Components,
    calibration: Option<&Calibration>,
    (look, take): (See<'_>, Take<'_>),
) -> Result<(), AdaptError> {
    let target = &components.target;
    let cases = prepare(target.cases(Split::Test), |id| target.image(id), &plan.preprocess, observer)?;
    let reference = |id: &CaseId| target.test_reference(id);
    let cases = TestCases { domain: "target", cases: &cases, reference: &reference, look };
    evaluate((plan, observer), components, calibration, cases, take)
}

fn evaluate(
    (plan, observer): (&Plan, &mut dyn Observer),
    components: &Components,
    calibration: Option<&Calibration>,
    test: TestCases<'_>,
    take: Take<'_>,
) -> Result<(), AdaptError> {
    let TestCases { domain, cases, .. } = test;
    let mut done = 0;
    let what = format!("segmenting {domain} test cases");
    for batch in batches::in_order(&shapes(cases), plan.collect.batch) {
        report(observer, Progress::images(&what, done, cases.len()))?;
        let images = stack(cases, &batch)?;
        let labels = components.policy.segment(&images)?;
        let reward = calibration.map(|fitted| rewards(components, fitted, &images, &labels)).transpose()?;
        let grids: Vec<_> = batch.iter().map(|&case| *cases[case].image.grid()).collect();
        let judges = &components.judges;
        let work: Vec<_> = labels.unstack(&grids)?.into_iter().enumerate().collect();
        let of_batch: Vec<Result<Scored, ComponentError>> = work
            .into_par_iter()
            .map(|(place, labels)| {
                let case = &cases[batch[place]];
                let voxels = images.voxels();
                let reward = reward
                    .as_ref()
                    .map(|values| VoxelMap::new(grids[place], values[place * voxels..][..voxels].to_vec()))
                    .transpose()?;
                score_case(judges, &test, case, (&labels, reward.as_ref()))
            })
            .collect();
        for case in of_batch {
            take(case?)?;
        }
        done += batch.len();
    }
    Ok(())
}

fn score_case(
    judges: &Judges,
    test: &TestCases<'_>,
    case: &PreparedCase,
    (labels, reward): (&LabelMap, Option<&VoxelMap>),
) -> Result<Scored, ComponentError> {
    let result = case.geometry.restore_labels(labels)?;
    let findings = judges.validity.assess(&result)?;
    let verdict = Verdict::of(&findings);
    let reference = (test.reference)(&case.id)?;
    let structures =
        reference.as_ref().map(|reference| measure::compare(&result, reference, &judges.labels)).transpose()?;
    let restored = reward.map(|reward| restored(case, reward)).transpose()?;
    (test.look)(&CaseMaps {
        case: &case.id,
        labels: &result,
        right: restored.as_deref(),
        findings: &findings,
        reference: reference.as_ref(),
    })?;
    let confidence = match (&restored, &reference) {
        (Some(reward), Some(reference)) => foreground_confidence(reward, &result, reference),
        _ => Vec::new(),
    };
    let segmented = result.labels().iter().filter(|&&label| label != 0).count();
    let looked_at = || restored.iter().flatten().flatten();
    let mean_reward =
        reward.map(|map| map.values().iter().map(|&p| f64::from(p)).sum::<f64>() / map.values().len() as f64);
    Ok(Scored {
        result: CaseResult {
            domain: test.domain.to_owned(),
            case: case.id.clone(),
            verdict,
            findings: findings.into_iter().filter(|finding| finding.verdict() != Verdict::Valid).collect(),
            structures,
            mean_reward,
        },
        confidence,
        uncertainty: looked_at().map(|&p| f64::from(1.0 - p)).sum(),
        voxels: looked_at().count(),
        segmented,
    })
}

/// The probability of each voxel of the original image; none where it was cropped off, and nothing was looked at.
fn restored(case: &PreparedCase, reward: &VoxelMap) -> Result<Vec<Option<f32>>, ComponentError> {
    let inside = VoxelMap::new(*reward.grid(), vec![1.0; reward.values().len()])?;
    let inside = case.geometry.restore_map(&inside, 0.0)?;
    let restored = case.geometry.restore_map(reward, 0.0)?;
    let voxels = restored.values().iter().zip(inside.values());
    // At the border of a crop a voxel is partly of either side.
    Ok(voxels.map(|(&p, &inside)| (inside > 0.999).then_some(p)).collect())
}

/// Probability and correctness of the voxels where result or reference is not background: the
/// easy background would hide a badly calibrated map.
fn foreground_confidence(reward: &[Option<f32>], result: &LabelMap, reference: &LabelMap) -> Vec<(f32, bool)> {
    let voxels = reward.iter().zip(result.labels().iter().zip(reference.labels()));
    voxels
        .filter(|(_, (found, right))| **found != 0 || **right != 0)
        .filter_map(|(&p, (found, right))| Some((p?, found == right)))
        .collect()
}

/// What the cases of a domain come to, added up case by case: the voxels of all of them can be too many to keep.
struct Results {
    cases: Vec<CaseResult>,
    reliability: EqualWidth,
}

impl Results {
    fn new() -> Result<Self, AdaptError> {
        Ok(Self { cases: Vec::new(), reliability: EqualWidth::new(ECE_BINS)? })
    }

    fn add(&mut self, scored: Scored) -> Result<(), AdaptError> {
        let (confidence, correct): (Vec<f32>, Vec<bool>) = scored.confidence.into_iter().unzip();
        if !confidence.is_empty() {
            self.reliability.add(&confidence, &correct)?;
        }
        self.cases.push(scored.result);
        Ok(())
    }

    fn summary(&self, labels: &LabelSet) -> DomainSummary {
        let valid = self.cases.iter().filter(|case| case.verdict == Verdict::Valid).count();
        let structures: Vec<StructureSummary> = labels.structures().map(|label| self.of_structure(label)).collect();
        let reliability = self.reliability.reliability();
        DomainSummary {
            cases: self.cases.len(),
            valid: valid as f64 / self.cases.len() as f64,
            dice: mean(structures.iter().filter_map(|structure| structure.dice)),
            hausdorff_mm: mean(structures.iter().filter_map(|structure| structure.hausdorff_mm)),
            structures,
            ece: (!reliability.bins.is_empty()).then(|| reliability.expected_error()),
        }
    }

    fn of_structure(&self, label: &Label) -> StructureSummary {
        let of_cases = self.cases.iter().flat_map(|case| case.structures.iter().flatten());
        let scores: Vec<&StructureScore> = of_cases.filter(|score| score.label == label.value).collect();
        StructureSummary {
            name: label.name.clone(),
            dice: mean(scores.iter().filter_map(|score| score.dice)),
            hausdorff_mm: mean(scores.iter().filter_map(|score| score.hausdorff_mm)),
            hd95_mm: mean(scores.iter().filter_map(|score| score.hd95_mm)),
            assd_mm: mean(scores.iter().filter_map(|score| score.assd_mm)),
            missing: scores.iter().filter(|score| score.hausdorff_mm.is_none()).count(),
        }
    }
}
