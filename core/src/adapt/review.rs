//! What a run can do now, case by case, for people who look at it. Nothing is written.

use std::path::Path;

use super::{
    AdaptError, CaseResult, Components, Observer,
    evaluate::{Scored, evaluate_target},
    frozen,
    state::{fitted_reward, latest_policy, latest_reward},
};
use crate::{
    component::ComponentError,
    config::Plan,
    domain::{CaseId, Finding, LabelMap},
};

/// A segmented test case with its uncertainty.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewedCase {
    /// Verdict and comparison with the reference.
    pub result: CaseResult,
    /// Of each voxel where result or reference is not background: the calibrated probability that its label is
    /// right, and whether it is. Empty without a reference.
    pub foreground: Vec<(f32, bool)>,
    /// Σ (1 − probability) over all voxels.
    pub uncertainty: f64,
    /// Voxels of the image; 0 where no reward network tells how certain they are.
    pub voxels: usize,
    /// Voxels of the result that are not background.
    pub segmented: usize,
}

/// A segmented test case, voxel by voxel, on the grid of its image.
#[derive(Debug)]
pub struct CaseMaps<'a> {
    /// Which case.
    pub case: &'a CaseId,
    /// The most likely label of each voxel.
    pub labels: &'a LabelMap,
    /// The calibrated probability that each voxel's label is right; nothing where the networks did not look. Absent
    /// where no reward network was fitted yet.
    pub right: Option<&'a [Option<f32>]>,
    /// All that was measured of its validity.
    pub findings: &'a [Finding],
    /// The expert's label map, where there is one.
    pub reference: Option<&'a LabelMap>,
}

/// Sees the maps of every case, of several at a time and in no order.
pub type See<'a> = &'a (dyn Fn(&CaseMaps<'_>) -> Result<(), ComponentError> + Sync);

/// The target's test cases, segmented by a run's latest policy and judged by its latest reward network: what
/// can be told of its uncertainty.
///
/// # Errors
/// If the run has no reward network yet, or a case cannot be read or segmented, or is not what it was.
pub fn review(
    root: &Path,
    components: &mut Components,
    plan: &Plan,
    observer: &mut dyn Observer,
) -> Result<Vec<ReviewedCase>, AdaptError> {
    latest_reward(root)?;
    review_maps(root, components, plan, observer, &|_| Ok(()))
}

/// As [`review`], also of a run without a reward network, and shows the maps of each case to `see`.
///
/// # Errors
/// If the run has no policy yet, a case cannot be read or segmented or is not what it was, or `see` fails.
pub fn review_maps(
    root: &Path,
    components: &mut Components,
    plan: &Plan,
    observer: &mut dyn Observer,
    see: See<'_>,
) -> Result<Vec<ReviewedCase>, AdaptError> {
    let (_, policy) = latest_policy(root)?;
    frozen::check(root, components)?;
    components.policy.restore(&policy)?;
    let fitted = fitted_reward(root)?;
    if let Some((reward, _)) = &fitted {
        components.reward.restore(reward)?;
    }
    let calibration = fitted.as_ref().map(|(_, calibration)| calibration);
    let mut reviewed = Vec::new();
    let mut take = |scored: Scored| {
        let Scored { result, confidence, uncertainty, voxels, segmented } = scored;
        reviewed.push(ReviewedCase { result, foreground: confidence, uncertainty, voxels, segmented });
        Ok(())
    };
    evaluate_target((plan, observer), components, calibration, (see, &mut take))?;
    Ok(reviewed)
}
