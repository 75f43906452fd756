//! What a run takes of memory, told before anything is trained.

use serde::Serialize;

use super::{AdaptError, Components, digest::Content, frozen::Seen};
use crate::{
    component::{ComponentError, InferenceMemory, TrainingMemory},
    config::Plan,
    domain::{CaseEntry, CaseId, Image, Seed, Split},
    run_dir::StepKind,
};

/// Bytes of the program itself: code, plugins, threads' stacks, and what the allocator holds back. `predict` was seen to hold up to 95
/// MiB beside what images and networks take.
pub const PROGRAM: u64 = 128 << 20;
/// Bytes of a number.
const NUMBER: u64 = size_of::<f32>() as u64;
/// Batches that are held beside the one that is learnt from: one that is made ahead, as images and as what they are stacked from.
const AHEAD: u64 = 3;
/// Bytes of a voxel of a reward sample: both label maps, and once as they are unpacked from their file.
const SAMPLE_VOXEL: u64 = 3;
/// Bytes of a voxel of a sample that the reward network is validated or calibrated on: its logit and whether it is right, sorted.
const JUDGED_VOXEL: u64 = 24;
/// Bytes of a voxel of a test case that is compared in its own geometry: result and reference, the reward map and where it is known,
/// both together, what counts for the calibration, and the distances to a surface.
const COMPARED_VOXEL: u64 = 40;

/// The most memory that each kind of step takes, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryEstimate {
    /// In the order of the loop.
    pub steps: Vec<(StepKind, u64)>,
}

impl MemoryEstimate {
    /// The step that takes most, and its bytes.
    #[must_use]
    pub fn peak(&self) -> (StepKind, u64) {
        self.steps.iter().copied().max_by_key(|&(_, bytes)| bytes).unwrap_or((StepKind::Evaluate, 0))
    }

    /// Refuses a run that takes more than `limit` bytes.
    pub(super) fn require(&self, limit: u64) -> Result<(), AdaptError> {
        let (step, bytes) = self.peak();
        if bytes <= limit {
            return Ok(());
        }
        let setting = match step {
            StepKind::Pretrain => "pretrain.batch",
            StepKind::Collect => "collect.batch or collect.cases",
            StepKind::Evaluate => "collect.batch",
            StepKind::FitReward => "reward.batch or collect.max_samples",
            StepKind::ImprovePolicy => "policy.batch",
        };
        Err(AdaptError::Data(format!(
            "the run takes about {} MiB of memory in {}; expected at most the limit of {} MiB. Lower {setting} or network.width, or \
             raise the limit. Batches are not taken apart: the networks normalise by the statistics of a whole batch, so that parts of \
             one would be another run",
            bytes.div_ceil(1 << 20),
            step.name(),
            limit >> 20
        )))
    }
}

/// What is known of a run before it begins.
struct Sizes<'a> {
    plan: &'a Plan,
    components: &'a Components,
    seen: &'a Seen,
}

/// The estimate of a run of cases that hold what was `seen` of them; nothing where the networks' share is not known, as on a GPU and for
/// networks that a plugin computes.
pub(super) fn estimate(
    plan: &Plan,
    components: &Components,
    seen: &Seen,
) -> Result<Option<MemoryEstimate>, ComponentError> {
    let sizes = Sizes { plan, components, seen };
    let samples_of_a_case = sizes.samples_of_a_case()?;
    let test_cases = sizes.test_cases()?;
    let steps = || {
        let pretrain = (StepKind::Pretrain, PROGRAM + sizes.pretrain()?);
        let evaluate = (StepKind::Evaluate, PROGRAM + sizes.evaluate(&test_cases)?);
        if plan.iterations == 0 {
            return Some(vec![pretrain, evaluate]);
        }
        Some(vec![
            pretrain,
            (StepKind::Collect, PROGRAM + sizes.collect(samples_of_a_case)?),
            (StepKind::FitReward, PROGRAM + sizes.fit_reward(samples_of_a_case)?),
            (StepKind::ImprovePolicy, PROGRAM + sizes.improve_policy()?),
            evaluate,
        ])
    };
    Ok(steps().map(|steps| MemoryEstimate { steps }))
}

impl Sizes<'_> {
    fn of_source(&self, split: Split) -> Vec<&Content> {
        contents(self.components.source.cases(split), |id| self.seen.source.get(id))
    }

    fn of_target(&self, split: Split) -> Vec<&Content> {
        contents(self.components.target.cases(split), |id| self.seen.target.get(id))
    }

    /// Weights of actor, critic, reference policy and reward network, and what the policy's optimisers hold.
    fn networks(&self) -> Option<u64> {
        let policy = self.components.policy.training_memory(1, LEAST)?.held;
        Some(policy + self.components.reward.inference_memory(1, LEAST)?.weights)
    }

    /// Training the policy on batches of these cases, with the batches that are made ahead.
    fn training(&self, cases: &[&Content], batch: usize) -> Option<u64> {
        let policy = |planes, shape| self.components.policy.training_memory(planes, shape);
        most(cases, batch, |planes, shape| policy(planes, shape).map(|TrainingMemory { step, .. }| step))
    }

    fn segmenting(&self, cases: &[&Content]) -> Option<u64> {
        let pass = |planes, shape| {
            let [policy, reward]: [InferenceMemory; 2] = [
                self.components.policy.inference_memory(planes, shape)?,
                self.components.reward.inference_memory(planes, shape)?,
            ];
            Some(policy.pass.max(reward.pass) + policy.unshared.min(reward.unshared))
        };
        most(cases, self.plan.collect.batch, pass)
    }

    /// While an epoch is kept, the training state is there three times: as it is, in parts, and as one file.
    fn keeping(&self, networks: u64) -> u64 {
        3 * networks
    }

    fn pretrain(&self) -> Option<u64> {
        let (train, validation) = (self.of_source(Split::Train), self.of_source(Split::Validation));
        let networks = self.networks()?;
        let learning = self.training(&train, self.plan.pretrain.batch)?.max(self.segmenting(&validation)?);
        Some(networks + labelled(&train) + labelled(&validation) + learning.max(self.keeping(networks)))
    }

    /// Reward samples that a case gives, as the distortions ask for them of a source case.
    fn samples_of_a_case(&self) -> Result<u64, ComponentError> {
        /// The segmentation itself, one that is drawn, and the map that is held to be right.
        const OWN: usize = 3;
        let source = &self.components.source;
        let Some(first) = source.cases(Split::Train).first() else { return Ok(OWN as u64) };
        let image = super::prepare_image(&first.id, &source.image(&first.id)?, &self.plan.preprocess)?.image;
        let reference = self.plan.preprocess.apply_labels(&source.reference(&first.id)?)?;
        let mut count = OWN;
        for generator in &self.components.distortions {
            count += generator.requests(&image, &reference, Seed(0))?.len();
        }
        Ok(count as u64)
    }

    /// The target's cases that are collected by the last iteration, and the source's with them.
    fn collected(&self, iterations: usize) -> [Vec<&Content>; 2] {
        let collect = &self.plan.collect;
        [
            largest(self.of_target(Split::Train), collect.cases * iterations),
            largest(self.of_source(Split::Train), collect.source_cases),
        ]
    }

    fn collect(&self, samples: u64) -> Option<u64> {
        let [target, source] = self.collected(1);
        let maps = samples * (voxels(&target) + voxels(&source));
        // The corrector learns from all references; source images are there with what they are chosen from.
        let train = self.of_source(Split::Train);
        let references = if source.is_empty() { voxels(&train) } else { labelled(&train) };
        let both: Vec<&Content> = target.iter().chain(&train).copied().collect();
        Some(self.networks()? + labelled(&target) + references + maps + self.segmenting(&both)?)
    }

    fn fit_reward(&self, samples: u64) -> Option<u64> {
        let [target, source] = self.collected(self.plan.iterations);
        let iterations = self.plan.iterations as u64;
        let all: Vec<&Content> = target.iter().chain(&source).copied().collect();
        let mean = voxels(&all) / (all.len() as u64).max(1);
        let of_iteration = samples * (self.plan.collect.cases.min(target.len()) + source.len()) as u64;
        let kept = (iterations * of_iteration).min(self.plan.collect.max_samples as u64);
        let reward = &self.plan.reward;
        let judged = (kept as f64 * (reward.test + reward.validation).min(1.0)) as u64;
        let held = self.components.reward.training_memory(1, LEAST)?.held;
        let step = |planes, shape| Some(self.components.reward.training_memory(planes, shape)?.step);
        let data = images(&target) + iterations * images(&source) + labelled(&self.of_source(Split::Train));
        let learning = most(&all, reward.batch, step)?.max(self.keeping(held)).max(judged * mean * JUDGED_VOXEL);
        Some(self.networks()? + held + data + kept * mean * SAMPLE_VOXEL + learning)
    }

    fn improve_policy(&self) -> Option<u64> {
        let [target, _] = self.collected(self.plan.iterations);
        let (train, held_out) = (self.of_source(Split::Train), self.of_target(Split::Validation));
        let batch = (1..=self.plan.iterations).map(|iteration| self.plan.policy.batch.at(iteration).round() as usize);
        let networks = self.networks()?;
        let rehearsed = if self.plan.policy.rehearsal_steps > 0 { labelled(&train) + labelled(&target) } else { 0 };
        let learning = self
            .training(&target, batch.max().unwrap_or(1))?
            .max(self.training(&train, self.plan.pretrain.batch)?)
            .max(self.segmenting(&held_out)?);
        Some(networks + labelled(&target) + images(&held_out) + rehearsed + learning.max(self.keeping(networks)))
    }

    /// The test cases of both domains.
    fn test_cases(&self) -> Result<[TestCases<'_>; 2], ComponentError> {
        let (source, target) = (&self.components.source, &self.components.target);
        let first = |cases: &[CaseEntry]| cases.first().map(|entry| entry.id.clone());
        let of_source = first(source.cases(Split::Test)).map(|id| source.image(&id)).transpose()?;
        let of_target = first(target.cases(Split::Test)).map(|id| target.image(&id)).transpose()?;
        Ok([
            TestCases::new(self.of_source(Split::Test), of_source.as_ref()),
            TestCases::new(self.of_target(Split::Test), of_target.as_ref()),
        ])
    }

    /// One domain after the other.
    fn evaluate(&self, domains: &[TestCases<'_>]) -> Option<u64> {
        let of_domain = |cases: &TestCases<'_>| {
            let batch = self.segmenting(&cases.contents)? + cases.compared(self.plan.collect.batch);
            Some(images(&cases.contents) + batch)
        };
        let most = domains.iter().map(of_domain).try_fold(0, |most, bytes| Some(bytes?.max(most)))?;
        Some(self.networks()? + most)
    }
}

/// The test cases of a domain.
struct TestCases<'a> {
    contents: Vec<&'a Content>,
    /// How many voxels an image has as it is for one that the networks see, as the first one says.
    enlargement: f64,
}

impl<'a> TestCases<'a> {
    fn new(contents: Vec<&'a Content>, first: Option<&Image>) -> Self {
        let seen = contents.first().map(|first| first.voxels());
        let enlargement = seen.zip(first).map_or(1.0, |(seen, image)| image.grid().len() as f64 / seen.max(1) as f64);
        Self { contents, enlargement }
    }

    /// What the cases of a batch take that are compared in their own geometry.
    fn compared(&self, batch: usize) -> u64 {
        let largest = self.contents.iter().map(|case| case.voxels()).max().unwrap_or_default();
        let voxels = largest * batch.min(self.contents.len()) as u64;
        (voxels as f64 * self.enlargement) as u64 * COMPARED_VOXEL
    }
}

/// A plane that every network of ours takes, to ask for what does not depend on it.
const LEAST: [usize; 2] = [32, 32];

fn contents<'a>(entries: &[CaseEntry], find: impl Fn(&CaseId) -> Option<&'a Content>) -> Vec<&'a Content> {
    entries.iter().filter_map(|entry| find(&entry.id)).collect()
}

fn largest(mut cases: Vec<&Content>, count: usize) -> Vec<&Content> {
    cases.sort_by_key(|case| std::cmp::Reverse(case.voxels()));
    cases.truncate(count);
    cases
}

fn voxels(cases: &[&Content]) -> u64 {
    cases.iter().map(|case| case.voxels()).sum()
}

fn images(cases: &[&Content]) -> u64 {
    cases.iter().map(|case| case.voxels() * case.channels as u64 * NUMBER).sum()
}

/// Images with a label map each.
fn labelled(cases: &[&Content]) -> u64 {
    images(cases) + voxels(cases)
}

/// The most that `work` on a batch of these cases takes, with the batches that are held beside it.
fn most(cases: &[&Content], batch: usize, work: impl Fn(usize, [usize; 2]) -> Option<u64>) -> Option<u64> {
    let of_case = |case: &&Content| {
        let [slow, y, x] = case.shape;
        let batches = AHEAD * batch as u64 * (images(&[case]) + case.voxels());
        Some(work(batch * slow, [y, x])? + batches)
    };
    cases.iter().map(of_case).try_fold(0, |most, bytes| Some(bytes?.max(most)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Grid;

    #[test]
    fn what_is_compared_counts_in_the_images_own_geometry() {
        let content = |side| Content { shape: [1, side, side], channels: 1, ..Content::default() };
        let (small, large) = (content(16), content(32));
        let grid = Grid::plane([64, 64], [1.0, 1.0]).unwrap();
        let image = Image::new(grid, 1, vec![0.0; grid.len()]).unwrap();
        let cases = TestCases::new(vec![&small, &large], Some(&image));
        // The first has 16 times as many voxels as the networks see, and so the larger one is taken to have; there are two.
        assert_eq!(cases.compared(8), 2 * 16 * 32 * 32 * COMPARED_VOXEL);
        assert_eq!(cases.compared(1), 16 * 32 * 32 * COMPARED_VOXEL);
        assert_eq!(TestCases::new(Vec::new(), None).compared(8), 0);
    }
}
